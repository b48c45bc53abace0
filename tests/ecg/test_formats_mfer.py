"""MFER, of which no sample file is at hand: files made here after ISO 22077-1, and an independent reader as judge."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from ecg import formats
from ecg.errors import (
    ChannelLeftOut,
    EcgError,
    FieldWrong,
    FileTruncated,
    FormatRefused,
    GainMissing,
    LeadTwice,
    LeadUnknown,
    NoWaveform,
    PartsLeftOut,
    SamplesFewer,
    UnitUnknown,
)
from ecg.formats.document import NO_SIGNAL
from tests.ecg.encoders import Samples, mfer, mfer_tag
from tests.ecg.test_formats_judges import agrees_with_ecgdatakit

CODES = (2, 3, 61)  # II, V1, III


def wave(samples: int = 60) -> Samples:
    numbers: Samples = np.random.default_rng(5).integers(-120, 120, (samples, 3))
    return numbers


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("block", [1, 20])
@pytest.mark.parametrize("kind", [0, 1, 2, 3, 5, 6])
def test_every_order_block_and_width_gives_the_samples_back(
    tmp_path: Path, order: Literal["big", "little"], block: int, kind: int
) -> None:
    samples = np.abs(wave()) if kind in (1, 3, 6) else wave()
    raw = mfer(samples, CODES, order=order, block=block, kind=kind)
    got = formats.document(raw)
    assert got.steps.tolist() == samples.tolist()
    assert (got.leads, got.fs, got.uv_per_step, got.warnings) == (("II", "V1", "III"), 500.0, (2.5,) * 3, ())


@pytest.mark.parametrize("order", ["big", "little"])
def test_an_independent_reader_sees_the_same(tmp_path: Path, order: Literal["big", "little"]) -> None:
    extra = mfer_tag(0x0D, struct.pack(">h" if order == "big" else "<h", 100), 1)
    raw = mfer(wave(), CODES, order=order, block=20, rate=(1, -3, 2), extra=extra)
    (tmp_path / "made.mwf").write_bytes(raw)
    agrees_with_ecgdatakit(tmp_path / "made.mwf")


def test_person_machine_and_time_are_read() -> None:
    extra = b"".join(
        (
            mfer_tag(0x03, b"UTF-8"),
            mfer_tag(0x81, "王^^芳".encode()),
            mfer_tag(0x82, b"P-7^x"),
            mfer_tag(0x83, struct.pack(">BHHBB", 61, 100, 1963, 2, 3)),
            mfer_tag(0x84, b"\2"),
            mfer_tag(0x85, struct.pack(">HBBBBB", 2024, 5, 6, 7, 8, 9)),
            mfer_tag(0x17, b"Fukuda^FX-8^V1^S9"),
        )
    )
    got = formats.document(mfer(wave(), CODES, extra=extra))
    assert (got.person.name, got.person.id_no, got.person.sex) == ("王 芳", "P-7", "F")
    assert (got.person.birth_date, got.person.age_years, str(got.start)) == ("1963-02-03", 61, "2024-05-06 07:08:09")
    assert (got.maker.name, got.maker.model, got.maker.serial, got.maker.software) == ("Fukuda", "FX-8", "S9", "V1")


def test_null_is_no_signal_the_dominant_beat_no_rhythm_and_frames_follow_each_other() -> None:
    null = mfer_tag(0x12, struct.pack(">h", -32768))
    samples = wave()
    samples[4, 2] = -32768
    raw = mfer(samples, CODES, extra=null)
    assert np.argwhere(formats.document(raw).steps == NO_SIGNAL).tolist() == [[4, 2]]
    frame = raw[raw.index(b"\x1e\x84") : -2]
    assert len(formats.document(raw[:-2] + frame).steps) == 120
    beat = mfer_tag(0x08, struct.pack(">H", 9)) + frame
    assert len(formats.document(raw[:-2] + beat).steps) == 60
    other = formats.document(raw[:-2] + mfer_tag(0x0C, struct.pack(">Bbi", 0, -9, 5000)) + frame)
    assert (len(other.steps), [type(warning) for warning in other.warnings]) == (60, [PartsLeftOut])
    with pytest.raises(NoWaveform):
        formats.document(mfer(wave(), CODES, extra=mfer_tag(0x08, struct.pack(">H", 9))))


def test_fewer_sequences_than_promised_and_channels_without_a_lead_are_named() -> None:
    percent = mfer_tag(0x0C, struct.pack(">Bbi", 7, 0, 1), 1)
    got = formats.document(mfer(wave(), (2, 175, 61), sequences=90, extra=percent))
    assert (got.leads, [type(warning) for warning in got.warnings]) == (("II", "III"), [SamplesFewer])
    got = formats.document(mfer(wave(), (2, 4166, 61)))
    assert (got.leads, [type(warning) for warning in got.warnings]) == (("II", "III"), [ChannelLeftOut])


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (mfer(wave(), CODES, scale=None), GainMissing),
        (mfer(wave(), CODES, scale=(0, -9, 0)), GainMissing),
        (mfer(wave(), CODES, scale=(1, 0, 1)), UnitUnknown),
        (mfer(wave(), CODES, rate=(0, 0, 0)), FieldWrong),
        (mfer(wave(), CODES, rate=(2, 0, 500)), FieldWrong),
        (mfer(wave(), CODES, extra=mfer_tag(0x0B)), FieldWrong),
        (mfer(wave(), (2, 2, 3)), LeadTwice),
        (mfer(wave(), (900, 901, 902)), LeadUnknown),
        (mfer(wave(), CODES, extra=mfer_tag(0x0E, b"\0\1")), FormatRefused),
        (mfer(wave(), CODES, extra=mfer_tag(0x0A, b"\7")), FormatRefused),
        (mfer(wave(), CODES, extra=mfer_tag(0x04, b"\2", 1)), FormatRefused),
        (mfer(wave(), CODES, extra=mfer_tag(0x04, b"\xff" * 4)), FileTruncated),
        (mfer(wave(), CODES, extra=mfer_tag(0x05, b"\xff" * 4)), FieldWrong),
        (mfer(wave(), CODES)[:-100], FileTruncated),
        (mfer(wave(), CODES)[:54], NoWaveform),
    ],
)
def test_what_mfer_cannot_be_read_is_refused_by_name(raw: bytes, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(raw)
