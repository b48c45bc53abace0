"""SCP-ECG beyond the sample files: own Huffman tables, differences, reference beats, bimodal compression, checksums."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg import formats
from ecg.errors import (
    ChannelLeftOut,
    ChecksumIgnored,
    FieldWrong,
    FileBroken,
    FileChecksum,
    FileTruncated,
    FormatRefused,
    GainMissing,
    LeadTwice,
    LeadUnknown,
    NoWaveform,
    SamplesFewer,
)
from ecg.formats.document import NO_SIGNAL
from tests.ecg.encoders import (
    DEFAULT_CODES,
    HuffmanCode,
    Samples,
    scp,
    scp_beats,
    scp_leads,
    scp_renewed,
    scp_samples,
    scp_tables,
    scp_tags,
)

LEADS = ("I", "II", "V1")
DEFAULT = struct.pack("<H", 19999)
OWN: tuple[HuffmanCode, ...] = (
    (1, 1, 1, 0, 0b0),  # 0
    (2, 6, 1, 0, 0b01),  # 10 and 4 bits around 0
    (3, 8, 1, 20, 0b011),  # 110 and 5 bits around 20
    (3, 19, 1, 0, 0b111),  # 111 and 16 bits
)
FIRST_OF_TWO: tuple[HuffmanCode, ...] = ((1, 17, 1, 0, 0b0), (1, 1, 0, 2, 0b1))
SECOND_OF_TWO: tuple[HuffmanCode, ...] = ((2, 18, 1, 0, 0b01), (1, 1, 1, 0, 0b0), (2, 2, 0, 1, 0b11))

TO_SEVENTH: HuffmanCode = (1, 1, 0, 7, 0)
OVERLAPPING: tuple[HuffmanCode, ...] = ((1, 1, 1, 0, 0b0), (2, 2, 1, 1, 0b00))


def wave(samples: int = 700, seed: int = 7) -> Samples:
    """Three leads of slow waves and noise, whole numbers."""
    rng = np.random.default_rng(seed)
    slow = 300 * np.sin(np.arange(samples)[:, None] / np.array([40, 55, 70]))
    rounded: Samples = np.rint(slow + rng.normal(0, 3, (samples, 3))).astype(np.int64)
    return rounded


def record(samples: Samples, *, tables: bytes | None = None, **coding: object) -> bytes:
    sections = {3: scp_leads(LEADS, len(samples)), 6: scp_samples(list(samples.T), **coding)}  # type: ignore[arg-type]  # as its keywords
    return scp({**sections, **({2: tables} if tables is not None else {})})


@pytest.mark.parametrize("differences", [0, 1, 2])
@pytest.mark.parametrize(
    ("tables", "codes"),
    [
        (None, None),
        (DEFAULT, [DEFAULT_CODES]),
        (scp_tables([DEFAULT_CODES]), [DEFAULT_CODES]),
        (scp_tables([OWN]), [OWN]),
        (scp_tables([FIRST_OF_TWO, SECOND_OF_TWO]), [FIRST_OF_TWO, SECOND_OF_TWO]),
    ],
    ids=["plain", "default", "default written out", "own", "two with switches"],
)
def test_every_coding_gives_the_samples_back(
    tables: bytes | None, codes: list[tuple[HuffmanCode, ...]] | None, differences: int
) -> None:
    samples = wave()
    got = formats.document(record(samples, tables=tables, codes=codes, differences=differences))
    assert got.steps.tolist() == samples.tolist()
    assert (got.leads, got.fs, got.uv_per_step, got.warnings) == (LEADS, 500.0, (2.5,) * 3, ())


@settings(max_examples=30, deadline=None)
@given(
    numbers=st.lists(st.integers(-32768, 32767), min_size=1, max_size=300),
    differences=st.integers(0, 2),
    own=st.booleans(),
)
def test_whatever_the_numbers_they_come_back_even_where_differences_wrap(
    numbers: list[int], differences: int, own: bool
) -> None:
    lead = np.array(numbers, dtype=np.int64)
    codes = OWN if own else DEFAULT_CODES
    sections = {
        2: scp_tables([codes]),
        3: scp_leads(("II",), len(lead)),
        6: scp_samples([lead], differences=differences, codes=[codes]),
    }
    assert formats.document(scp(sections)).steps[:, 0].tolist() == numbers


def with_beats(
    *, codes: list[tuple[HuffmanCode, ...]] | None, ratio: int, reference_nv: int = 2500
) -> tuple[bytes, Samples]:
    """A record of beats of one shape on a flat line, subtracted; decimated between the QRS zones when `ratio` > 1."""
    length, fiducial, samples = 100, 40, 1200
    shape = np.rint(400 * np.exp(-(((np.arange(length) - 39) / 6.0) ** 2))).astype(np.int64)
    beat = np.stack([shape, -shape, shape // 2]) * (2500 // reference_nv)
    zones, kept = [], []
    whole = np.full((samples, 3), 8, dtype=np.int64)
    residue = whole.copy()
    for at in (200, 500, 800, 1100):  # of the fiducial point, from 1
        first, last = at - fiducial + 1, at - fiducial + length
        zones.append((0, first, at, last))
        kept.append((at - 19, at + 20))
        noise = np.random.default_rng(at).integers(-5, 6, (40, 3))
        residue[at - 20 : at + 20] += noise
        whole[at - 20 : at + 20] += noise
        whole[first - 1 : last] += beat.T * reference_nv // 2500
    zones.append((1, 300, 320, 350))  # another kind of beat: nothing is subtracted
    kept.append((0, 0))
    stored = residue
    if ratio > 1:
        inside = np.zeros(samples, dtype=bool)
        for first, last in kept[:-1]:
            inside[first - 1 : last] = True
        parts, at = [], 0
        while at < samples:
            if inside[at]:
                parts.append(residue[at])
                at += 1
            else:
                end = at
                while end < min(at + ratio, samples) and not inside[end]:
                    end += 1
                parts.append(np.rint(residue[at:end].mean(axis=0)).astype(np.int64))
                at = end
        stored = np.array(parts)
    sections = {
        3: scp_leads(LEADS, samples, subtracted=True),
        4: scp_beats(length * 2, fiducial, zones, kept if ratio > 1 else ()),
        5: scp_samples(list(beat), codes=codes, nv=reference_nv),
        6: scp_samples(list(stored.T), codes=codes, us=2000 * ratio, bimodal=ratio > 1),
    }
    return scp({**sections, **({2: DEFAULT} if codes else {})}), whole


@pytest.mark.parametrize("ratio", [1, 2, 4])
@pytest.mark.parametrize("codes", [None, [DEFAULT_CODES]], ids=["plain", "Huffman"])
def test_subtracted_beats_are_added_and_decimated_stretches_drawn_back(
    ratio: int, codes: list[tuple[HuffmanCode, ...]] | None
) -> None:
    raw, whole = with_beats(codes=codes, ratio=ratio)
    got = formats.document(raw)
    assert got.fs == 500.0
    assert got.steps.tolist() == whole.tolist()


def test_beats_and_rhythm_of_different_scale_meet_in_their_common_step() -> None:
    raw, whole = with_beats(codes=None, ratio=1, reference_nv=1250)
    got = formats.document(raw)
    assert got.uv_per_step[0] == 1.25
    assert (got.steps * 1.25).tolist() == (whole * 2.5).tolist()


def test_a_slow_wave_survives_bimodal_compression_within_little() -> None:
    samples, ratio = 1000, 4
    slow = np.rint(200 * np.sin(np.arange(samples) / 60)).astype(np.int64)
    groups = slow.reshape(-1, ratio).mean(axis=1)
    kept = (401, 440)
    stored = np.concatenate([groups[:100], slow[400:440], groups[110:]])
    sections = {
        3: scp_leads(("II",), samples, subtracted=False),
        4: scp_beats(200, 40, [(0, 361, 420, 460)], [kept]),
        5: scp_samples([np.zeros(100, dtype=np.int64)]),
        6: scp_samples([np.rint(stored).astype(np.int64)], us=8000, bimodal=True),
    }
    got = formats.document(scp(sections)).steps[:, 0]
    assert got[400:440].tolist() == slow[400:440].tolist()
    assert np.abs(got - slow).max() <= 5


def test_a_straight_slope_between_qrs_complexes_comes_back_exactly() -> None:
    slope, ratio = 8 * np.arange(200), 4
    sections = {
        3: scp_leads(("II",), 200),
        4: scp_beats(200, 40, [(1, 0, 0, 0)]),
        5: scp_samples([slope[:0]]),
        6: scp_samples([slope.reshape(-1, ratio).mean(axis=1).astype(np.int64)], us=8000, bimodal=True),
    }
    got = formats.document(scp(sections)).steps[:, 0]
    assert got[2:-2].tolist() == slope[2:-2].tolist()


def test_leads_that_begin_at_different_times_keep_them() -> None:
    samples = wave(100)
    sections = {3: scp_leads(LEADS, 100, firsts=(1, 101, 201)), 6: scp_samples(list(samples.T))}
    got = formats.document(scp(sections)).steps
    assert got.shape == (300, 3)
    assert got[100:200, 1].tolist() == samples[:, 1].tolist()
    assert (got[:100, 1] == NO_SIGNAL).all()


def test_leads_too_far_apart_for_one_recording_are_refused_before_they_are_laid_out() -> None:
    sections = {3: scp_leads(LEADS, 100, firsts=(1, 101, 4_000_000_000)), 6: scp_samples(list(wave(100).T))}
    with pytest.raises(FieldWrong):
        formats.document(scp(sections))


def test_person_machine_and_zone_are_read_from_section_1() -> None:
    machine = bytes(8) + b"CART7\0" + bytes([13, 0xD0, 0x27]) + bytes(19) + b"Prog\0S123\0V2\0impl\0Edan\0"
    tags = {
        0: "张".encode("gb18030") + b"\0",
        1: "三".encode("gb18030") + b"\0",
        2: b"ID 9\0",
        4: struct.pack("<HB", 18, 2),
        5: struct.pack("<HBB", 1960, 2, 29),
        8: b"\2",
        14: machine,
        25: struct.pack("<HBB", 2024, 5, 6),
        26: bytes([7, 8, 9]),
        34: struct.pack("<hH", 480, 0),
    }
    samples = wave(50)
    sections = {1: scp_tags(tags), 3: scp_leads(LEADS, 50), 6: scp_samples(list(samples.T))}
    got = formats.document(scp(sections, version=13, mark=bytes(6)))
    assert (got.person.name, got.person.id_no, got.person.sex) == ("三 张", "ID 9", "F")
    assert (got.person.age_years, got.person.birth_date) == (1, "1960-02-29")
    assert (got.maker.name, got.maker.model, got.maker.serial, got.maker.software) == ("Edan", "CART7", "S123", "V2")
    assert str(got.start) == "2024-05-06 07:08:09+08:00"
    assert got.format == "SCP-ECG 1.3"


CHINESE, LATIN = ("欧阳娜娜", "朱镕基", "王"), ("Müller", "Nuñez Peña")


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        *((name, "utf-8") for name in (*CHINESE, *LATIN, "Zhang San")),
        *((name, "gb18030") for name in (*CHINESE, "Zhang San")),
        *((name, "latin-1") for name in LATIN),
    ],
)
def test_names_are_readable_in_whatever_charset_a_cart_writes(name: str, charset: str) -> None:
    sections = {1: scp_tags({0: name.encode(charset) + b"\0"}), 3: scp_leads(LEADS, 50), 6: scp_samples([*wave(50).T])}
    assert formats.document(scp(sections)).person.name == name


def test_a_damaged_section_1_costs_the_name_and_not_the_ecg() -> None:
    sections = {1: scp_tags({0: b"Wang\0"}), 3: scp_leads(LEADS, 50), 6: scp_samples(list(wave(50).T))}
    raw = bytearray(scp(sections))
    raw[raw.index(b"Wang")] ^= 1
    got = formats.document(bytes(raw))
    assert got.person.name == ""
    assert len(got.steps) == 50
    assert any("section 1" in str(warning) for warning in got.warnings)


def test_a_device_that_computes_no_checksums_is_read_with_a_warning() -> None:
    raw = bytearray(record(wave(50)))
    raw[:2] = bytes(2)
    for at in range(22, 22 + 120, 10):
        _, length, index = struct.unpack_from("<HII", raw, at)
        if length:
            raw[index - 1 : index + 1] = bytes(2)
    got = formats.document(bytes(raw))
    assert [type(warning) for warning in got.warnings] == [ChecksumIgnored]
    assert got.steps.tolist() == wave(50).tolist()


def test_fewer_plain_samples_than_promised_are_read_and_fewer_coded_ones_refused() -> None:
    samples = wave(60)
    short = {3: scp_leads(LEADS, 100), 6: scp_samples(list(samples.T))}
    got = formats.document(scp(short))
    assert len(got.steps) == 60
    assert [(type(warning), warning.facts()) for warning in got.warnings] == [
        (SamplesFewer, {"promised": 100, "got": 60})
    ]
    coded = {2: DEFAULT, 3: scp_leads(LEADS, 500), 6: scp_samples(list(samples.T), codes=[DEFAULT_CODES])}
    with pytest.raises(FileTruncated):
        formats.document(scp(coded))


@pytest.mark.parametrize(
    ("sections", "refusal"),
    [
        ({3: scp_leads(LEADS, 50)}, NoWaveform),
        ({6: scp_samples(list(wave(50).T))}, FileTruncated),
        ({3: scp_leads(LEADS, 50), 6: scp_samples(list(wave(50).T), nv=0)}, GainMissing),
        ({3: scp_leads(LEADS, 50), 6: scp_samples(list(wave(50).T), us=0)}, FieldWrong),
        ({3: scp_leads(LEADS, 50), 6: scp_samples(list(wave(50).T), differences=0)[:40]}, FileTruncated),
        ({3: scp_leads(("I", "II", "I"), 50), 6: scp_samples(list(wave(50).T))}, LeadTwice),
        ({3: b"\1\4" + struct.pack("<IIB", 1, 50, 200), 6: scp_samples([wave(50)[:, 0]])}, LeadUnknown),
        ({3: scp_leads(LEADS, 50, subtracted=True), 6: scp_samples(list(wave(50).T))}, FileTruncated),
        ({2: scp_tables([OVERLAPPING]), 3: scp_leads(LEADS, 9), 6: scp_samples([*wave(9).T])}, FieldWrong),
        ({2: scp_tables([((3, 3, 1, 0, 0),)]), 3: scp_leads(("I",), 9), 6: scp_samples([wave(9)[:, 0]])}, FileBroken),
        ({2: scp_tables([(TO_SEVENTH,)]), 3: scp_leads(("I",), 9), 6: scp_samples([0 * wave(9)[:, 0]])}, FieldWrong),
        ({2: struct.pack("<H", 0), 3: scp_leads(LEADS, 9), 6: scp_samples([*wave(9).T])}, FieldWrong),
        ({12: bytes(40)}, FormatRefused),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(sections: dict[int, bytes], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        formats.document(scp(sections))


def test_beats_at_another_rate_than_the_rhythm_are_refused_by_name() -> None:
    raw, _ = with_beats(codes=None, ratio=1)
    at = raw.index(struct.pack("<HHBB", 2500, 2000, 0, 0))  # of section 5, which comes first
    hostile = scp_renewed(raw[:at] + struct.pack("<HH", 2500, 3000) + raw[at + 4 :])
    with pytest.raises(FormatRefused):
        formats.document(hostile)


def test_one_changed_byte_of_the_samples_is_never_silent() -> None:
    raw = record(wave(100))
    for at in range(len(raw) - 200, len(raw), 7):
        hostile = raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]
        with pytest.raises(FileChecksum):
            formats.document(hostile)


def test_a_lead_without_a_name_is_left_out_with_its_samples_and_its_beat() -> None:
    raw, whole = with_beats(codes=[DEFAULT_CODES], ratio=4)
    row = raw.index(struct.pack("<IIB", 1, 1200, 2))  # lead II becomes number 200
    hostile = scp_renewed(raw[: row + 8] + bytes([200]) + raw[row + 9 :])
    got = formats.document(hostile)
    assert got.leads == ("I", "V1")
    assert got.steps.tolist() == whole[:, [0, 2]].tolist()
    assert [type(warning) for warning in got.warnings] == [ChannelLeftOut]


def test_a_size_that_promises_more_is_a_warning_as_long_as_every_section_is_whole() -> None:
    raw = bytearray(record(wave(50)))
    struct.pack_into("<I", raw, 2, len(raw) + 100)
    got = formats.document(bytes(raw))
    assert got.steps.tolist() == wave(50).tolist()
    assert [type(warning) for warning in got.warnings] == [ChecksumIgnored]
    with pytest.raises(FileTruncated):
        formats.document(bytes(raw[:-30]))


def test_samples_counted_from_0_and_a_subtraction_of_no_beat_are_understood() -> None:
    samples = wave(50)
    sections = {
        3: scp_leads(LEADS, 50, subtracted=True, firsts=(0, 0, 0)),
        4: scp_beats(0, 0, []),
        6: scp_samples([*samples.T]),
    }
    assert formats.document(scp(sections)).steps.tolist() == samples.tolist()


def test_version_3_has_no_bimodal_flag() -> None:
    sections = {3: scp_leads(LEADS, 50), 6: scp_samples([*wave(50).T], bimodal=True)}
    got = formats.document(scp(sections, version=30))
    assert (got.format, got.steps.tolist()) == ("SCP-ECG 3.0", wave(50).tolist())
    with pytest.raises(FileTruncated):
        formats.document(scp(sections))


@pytest.mark.parametrize(
    ("us", "fs"), [(2000, 500), (1953, 512), (2778, 360), (3333, 300), (1000, 1000), (65000, 1e6 / 65000)]
)
def test_the_rate_is_the_one_that_was_meant(us: int, fs: float) -> None:
    assert formats.document(record(wave(50), us=us)).fs == fs


def test_bytes_behind_the_record_are_passed_over() -> None:
    got = formats.document(record(wave(50)) + bytes(100))
    assert got.steps.tolist() == wave(50).tolist()
    assert got.warnings == ()
