"""Reading files: what a header must say before its voltages are believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg.errors import (
    FileBroken,
    FileMissing,
    FormatUnknown,
    GainMissing,
    LeadTwice,
    LeadUnknown,
    UnitUnknown,
    WrongRate,
)


def written(folder: Path, *lines: str, fs: str = "250", samples: int = 4) -> Path:
    """A WFDB record of format 16 whose signal lines are given, with samples 0, 100, 200 ... in every lead."""
    table = np.repeat(np.arange(samples, dtype="<i2")[:, None] * 100, len(lines), axis=1)
    (folder / "r.dat").write_bytes(table.tobytes())
    (folder / "r.hea").write_text(f"r {len(lines)} {fs} {samples}\n" + "".join(f"{line}\n" for line in lines))
    return folder / "r"


def test_a_record_is_read_in_microvolts_under_the_names_of_the_table(tmp_path: Path) -> None:
    record = written(tmp_path, "r.dat 16 200(0)/mV 16 0 0 0 0 MLII", "r.dat 16 1(0)/uV 16 0 0 0 0 avr")
    for path in (record, record.with_suffix(".hea"), str(record)):
        got = ecg.read(path)
        assert got.leads == ("ML", "aVR")
        assert got.signal_uv.dtype == np.float32
        assert got.signal_uv.tolist() == [[0, 0], [500, 100], [1000, 200], [1500, 300]]


def test_a_sample_marked_invalid_is_nan_and_not_a_voltage(tmp_path: Path) -> None:
    record = written(tmp_path, "r.dat 16 200(0)/mV 16 0 0 0 0 II")
    (tmp_path / "r.dat").write_bytes(np.array([0, -32768, 200, 300], dtype="<i2").tobytes())
    assert np.isnan(ecg.read(record).signal_uv[:, 0]).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("r.dat 16", GainMissing),
        ("r.dat 16 0/mV 16 0 0 0 0 II", GainMissing),
        ("r.dat 16 200(0)/mmHg 16 0 0 0 0 II", UnitUnknown),
        ("r.dat 16 200(0)/mV 16 0 0 0 0 PLETH", LeadUnknown),
        ("r.dat 16 200(0)/mV 16 0 0 0 0", LeadUnknown),
        ("gone.dat 16 200(0)/mV 16 0 0 0 0 II", FileMissing),
        ("r.dat 999 200(0)/mV 16 0 0 0 0 II", FileBroken),
    ],
)
def test_a_header_that_cannot_be_believed_is_refused(tmp_path: Path, line: str, refusal: type[ecg.EcgError]) -> None:
    with pytest.raises(refusal):
        ecg.read(written(tmp_path, line))


def test_a_lead_may_stand_in_a_record_only_once(tmp_path: Path) -> None:
    with pytest.raises(LeadTwice) as caught:
        ecg.read(written(tmp_path, "r.dat 16 200/mV 16 0 0 0 0 V1", "r.dat 16 200/mV 16 0 0 0 0 C1"))
    assert caught.value.lead == "V1"


def test_a_rate_that_cannot_be_analysed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongRate):
        ecg.read(written(tmp_path, "r.dat 16 200/mV 16 0 0 0 0 II", fs="50"))


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff" * 40, b"r\n", b"r 2 250 4\nr.dat 16 200 16 0 0 0 0 II\n", b"r x y\n"]
)
def test_a_damaged_header_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.dat").write_bytes(b"\0" * 8)
    (tmp_path / "r.hea").write_bytes(content)
    with pytest.raises(ecg.EcgError):
        ecg.read(tmp_path / "r")


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").write_bytes(b"%PDF")
    with pytest.raises(FormatUnknown):
        ecg.read(tmp_path / "letter.pdf")
    with pytest.raises(FormatUnknown):
        ecg.read(b"\0\0")
    with pytest.raises(FileMissing):
        ecg.read(tmp_path / "nothing")


def test_age_and_sex_come_from_the_comments(data: Path) -> None:
    assert (ecg.read(data / "ludb/62").meta.sex, ecg.read(data / "ludb/62").meta.age_years) == ("M", 38)
    assert (ecg.read(data / "cinc2021/E06320").meta.sex, ecg.read(data / "cinc2021/E06320").meta.age_years) == ("F", 44)
