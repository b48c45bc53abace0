"""Whatever the bytes, a reader ends in a document or in a coded error, with little memory.

Every sample file, and files made here so that codings without a sample are met too, cut, flipped, doubled and given
hostile numbers in their headers, with checksums renewed where a reader would stop at them.
"""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg import formats
from ecg.errors import EcgError
from ecg.formats.document import FILE_BYTES_MAX, SAMPLES_MAX
from tests.ecg.conftest import SAMPLES, given_folder
from tests.ecg.encoders import (
    DEFAULT_CODES,
    EdfSignal,
    dicom_ecg,
    dicom_group,
    edf,
    mfer,
    mfer_tag,
    onset,
    scp,
    scp_beats,
    scp_leads,
    scp_renewed,
    scp_samples,
    scp_tables,
)
from tests.ecg.test_formats_binary import READ
from tests.ecg.test_formats_text import packed, record

MEMORY_MAX = 64 * 1024 * 1024
HOSTILE = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 10**9)
HEADER_BYTES = 1400


def made() -> dict[str, bytes]:
    """Small files of each format, every coding among them."""
    rows = np.arange(200).reshape(4, 50) - 100
    beat, flat = np.arange(50) % 9, np.zeros(100, dtype=np.int64)
    scp_sections = {
        2: scp_tables([DEFAULT_CODES]),
        3: scp_leads(("I", "II"), 220, subtracted=True),
        4: scp_beats(100, 20, [(0, 81, 100, 130)], [(91, 110)]),
        5: scp_samples([beat, beat], codes=[DEFAULT_CODES]),
        6: scp_samples([flat[:70], flat[:70]], codes=[DEFAULT_CODES], us=8000, bimodal=True),
    }
    group = dicom_group(rows.T, ("I", "II", "V1", "V2"))
    signals = [EdfSignal("ECG II", rows), EdfSignal("EDF Annotations", [onset(at) for at in (0, 1, 4, 5)])]
    return {
        "scp": scp(scp_sections),
        "dicom": dicom_ecg([group]),
        "dicom implicit": dicom_ecg([group], "implicit delimited"),
        "edf": edf(signals, reserved="EDF+D"),
        "bdf": edf([EdfSignal("ECG II", rows)], bdf=True),
        "mfer": mfer(rows.T, (1, 2, 3, 4), block=10, extra=mfer_tag(0x12, b"\x80\0") + mfer_tag(0x81, b"Wang^^Fang")),
        "csv": b"# fs=500\n# unit=uV\nI,II\n" + b"1,-2\n3.5,\n" * 20,
        "zip": packed(record()),
    }


MADE = made()


def ends_well(raw: bytes) -> None:
    """Read within memory, into a document that keeps its promises, or refused with a code."""
    refusals: list[EcgError] = []
    try:
        got = formats.document(raw)
    except EcgError as error:
        refusals.append(error)
    if refusals:
        assert refusals[0].code.startswith("ecg.")
        assert str(refusals[0])
        return
    assert got.steps.dtype == np.int32
    assert got.steps.shape[1] == len(got.leads) == len(got.uv_per_step)
    assert got.steps.size <= SAMPLES_MAX
    assert all(0 < step < float("inf") for step in got.uv_per_step)
    assert got.fs > 0
    assert all(str(warning) for warning in got.warnings)


@st.composite
def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """The file with one to four faults, most of them in its header."""
    out = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(min(len(out), HEADER_BYTES) - 1, 0)) | st.integers(0, max(len(out) - 1, 0)))
        kind = draw(st.sampled_from(("flip", "number", "text", "cut", "out", "twice")))
        size = draw(st.integers(1, 40))
        if kind == "flip" and out:
            out[at] ^= draw(st.integers(1, 255))
        elif kind == "number":
            width = draw(st.sampled_from((1, 2, 4)))
            number = draw(st.sampled_from(HOSTILE)) & (1 << 8 * width) - 1
            out[at : at + width] = number.to_bytes(width, draw(st.sampled_from(("little", "big"))))
        elif kind == "text":
            word = draw(
                st.sampled_from((b"-1", b"99999999", b"nan", b"1e308", b"inf", b"0", b"-0.0", b"\xff\xfe", b"%s{path}"))
            )
            out[at : at + len(word)] = word
        elif kind == "cut":
            del out[at:]
        elif kind == "out":
            del out[at : at + size]
        else:
            out[at:at] = out[at : at + size]
    return bytes(out)


def renewed(raw: bytes) -> bytes:
    try:
        return scp_renewed(raw)
    except struct.error:  # a record too damaged to have checksums renewed is a good case as it is
        return raw


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_a_made_file_with_any_faults_ends_in_a_document_or_a_code(name: str, draw: st.DataObject) -> None:
    raw = draw.draw(damaged(MADE[name]))
    ends_well(renewed(raw) if name == "scp" else raw)


@pytest.mark.parametrize("name", READ)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_a_sample_file_with_any_faults_ends_in_a_document_or_a_code(name: str, draw: st.DataObject) -> None:
    whole = (given_folder(SAMPLES) / name).read_bytes()
    raw = draw.draw(damaged(whole[: 60_000 if not name.endswith(".scp") else None]))
    ends_well(renewed(raw) if name.endswith(".scp") else raw)


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("change", [lambda raw, at: raw[:at], lambda raw, at: raw[:at] + b"\xff" * 4 + raw[at + 4 :]])
def test_a_cut_or_an_absurd_number_at_every_place_is_met_within_memory(
    name: str, change: Callable[[bytes, int], bytes]
) -> None:
    raw = MADE[name]
    tracemalloc.start()
    try:
        for at in range(0, len(raw), max(len(raw) // 80, 1)):
            hostile = change(raw, at)
            ends_well(renewed(hostile) if name == "scp" else hostile)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX
    finally:
        tracemalloc.stop()


@settings(max_examples=100, deadline=None)
@given(
    raw=st.binary(max_size=600),
    front=st.sampled_from((b"", b"ISHNE1.0", b"0       ", b"\xffBIOSEMI", b"PK\3\4", b"#fs=1\n")),
)
def test_random_bytes_behind_any_mark_end_in_a_code(raw: bytes, front: bytes) -> None:
    ends_well(front + raw)


def test_a_file_longer_than_is_read_is_refused_unread() -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return FILE_BYTES_MAX + 1

    with pytest.raises(EcgError) as refused:
        formats.document(Long(b"ISHNE1.0"))
    assert type(refused.value).code == "ecg.file_too_large"
