"""WFDB as other writers make it: every signal format, several segments and rates, checksums, signals that are no leads.

The formats that the `wfdb` package writes are written by it; the others here, after WFDB signal(5).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb

import ecg
from ecg import formats
from ecg.errors import (
    ChannelLeftOut,
    ChecksumIgnored,
    EcgError,
    FieldWrong,
    FileMissing,
    FileTruncated,
    FormatRefused,
    PartsLeftOut,
)
from ecg.formats.document import NO_SIGNAL
from tests.ecg.test_formats_text import packed

I64 = npt.NDArray[np.int64]
LIMITS = {
    "8": 120, "16": 30_000, "24": 8_000_000, "32": 2_000_000_000, "61": 30_000, "80": 120, "160": 30_000, "212": 2000,
    "310": 500, "311": 500, "508": 120, "516": 30_000, "524": 8_000_000,
}  # fmt: skip
INVALID = {"8": None} | {form: -(2 ** (bits - 1)) for form, bits in {
    "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 10, "311": 10, "508": 8, "516": 16,
    "524": 24,
}.items()}  # fmt: skip


def by_threes(flat: I64, words: Callable[[I64, I64, I64], list[I64]], width: str) -> bytes:
    """Samples packed three at a time."""
    parts = [flat[at::3] & 0x3FF for at in range(3)]
    return np.column_stack(words(*parts)).astype(width).tobytes()


WRITERS: dict[str, Callable[[I64], bytes]] = {
    "8": lambda rows: np.diff(rows, axis=0, prepend=rows[:1]).astype("i1").tobytes(),
    "61": lambda rows: rows.astype(">i2").tobytes(),
    "160": lambda rows: (rows + 32768).astype("<u2").tobytes(),
    "310": lambda rows: by_threes(
        rows.ravel(), lambda a, b, c: [a << 1 | (c & 0x1F) << 11, b << 1 | (c >> 5) << 11], "<u2"
    ),
    "311": lambda rows: by_threes(rows.ravel(), lambda a, b, c: [a | b << 10 | c << 20], "<u4"),
}


def signal_line(form: str, gain: str, name: str, rows: I64 | None = None) -> str:
    first, total = ("0", "0") if rows is None else (str(rows[0]), str(np.int16(rows.sum() & 0xFFFF).item()))
    return f"r.dat {form} {gain} 0 0 {first} {total} 0 {name}\n"


@pytest.mark.parametrize("form", LIMITS)
def test_every_signal_format_gives_its_own_whole_numbers(form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    steps = np.clip(np.cumsum(rng.integers(-3, 4, (300, 2)), axis=0), -100, 100)
    stored = steps + np.array([3, -4])
    if form != "8":
        stored[5] = steps[5] = LIMITS[form]
        steps[5] -= np.array([3, -4])
    invalid = INVALID[form]
    if invalid is not None:
        stored[20:25, 1], steps[20:25, 1] = invalid, NO_SIGNAL
    if form in WRITERS:
        (tmp_path / "r.dat").write_bytes(WRITERS[form](stored))
        lines = signal_line(form, "200(3)/mV", "II", stored[:, 0]) + signal_line(form, "0.5(-4)/uV", "V1", stored[:, 1])
        (tmp_path / "r.hea").write_text(f"r 2 500 300\n{lines}")
    else:
        wfdb.wrsamp(
            "r", 500, ["mV", "uV"], ["II", "V1"], d_signal=stored, fmt=[form] * 2, adc_gain=[200, 0.5],
            baseline=[3, -4], write_dir=str(tmp_path),
        )  # fmt: skip
    got = formats.document(packed({file.name: file.read_bytes() for file in tmp_path.iterdir()}))
    assert got.leads == ("II", "V1")
    assert got.uv_per_step == (5.0, 2.0)
    assert np.array_equal(got.steps, steps)
    assert not got.warnings


def int16(*rows: tuple[int, ...]) -> bytes:
    return np.array(rows, dtype="<i2").tobytes()


def test_a_sum_that_does_not_fit_is_said_and_one_that_no_writer_computed_is_not() -> None:
    rows = int16((1, 2), (3, 4))
    head = "r 2 100 2\nr.dat 16 200/mV 16 0 1 {} 0 I\nr.dat 16 200/mV 16 0 2 {} 0 II\n"
    warned = formats.document(packed({"r.hea": head.format(4, 7).encode(), "r.dat": rows})).warnings
    assert [type(warning) for warning in warned] == [ChecksumIgnored]
    assert "II" in str(warned[0])
    for sums in ((4, 6), (0, 0), (4 - 65536, 6)):
        assert not formats.document(packed({"r.hea": head.format(*sums).encode(), "r.dat": rows})).warnings


def test_signals_of_two_rates_are_not_averaged_into_one(tmp_path: Path) -> None:
    head = (
        b"r 3 100 2\nr.dat 16x2 200/mV 16 0 0 0 0 I\nr.dat 16x2 200/mV 16 0 0 0 0 II\nr.dat 16 200/mV 16 0 0 0 0 V1\n"
    )
    got = formats.document(packed({"r.hea": head, "r.dat": int16((1, 9, -1, -9, 70), (2, 8, -2, -8, 71))}))
    assert (got.fs, got.leads) == (200.0, ("I", "II"))
    assert got.steps.tolist() == [[1, -1], [9, -9], [2, -2], [8, -8]]
    assert [type(warning) for warning in got.warnings] == [PartsLeftOut]
    (tmp_path / "r.hea").write_bytes(head)
    (tmp_path / "r.dat").write_bytes(int16((1, 9, -1, -9, 70), (2, 8, -2, -8, 71)))
    assert ecg.read(tmp_path / "r").signal_uv[:, 0].tolist() == [5.0, 45.0, 10.0, 40.0]


def test_pressure_and_breath_beside_leads_are_left_out_and_a_gain_below_0_turns_a_lead_over() -> None:
    head = (
        b"r 4 100 2\nr.dat 16 -200/mV 16 0 0 0 0 II\nr.dat 16 1/mmHg 16 0 0 0 0 ABP\nr.dat 16 0 16 0 0 0 0 RESP\n"
        b"r.dat 16 200/V 16 0 0 0 0 V\n# 69 M 1085 1629 x1\n"
    )
    got = formats.document(packed({"r.hea": head, "r.dat": int16((1, 2, 3, 4), (5, 6, 7, 8))}))
    assert got.leads == ("II", "V")
    assert got.steps.tolist() == [[-1, 4], [-5, 8]]
    assert got.uv_per_step == (5.0, 5000.0)
    assert [type(warning) for warning in got.warnings] == [ChannelLeftOut]
    assert (got.person.sex, got.person.age_years) == ("M", 69)


# ---- several segments ----

FIXED = {
    "m.hea": b"m/3 2 100 5 10:20:30 24/12/2023\ns1 2\n~ 2\ns2 1\n",
    "s1.hea": b"s1 2 100 2\ns1.dat 16 200/mV 16 0 0 0 0 I\ns1.dat 16 200/mV 16 0 0 0 0 II\n",
    "s1.dat": int16((1, 2), (3, 4)),
    "s2.hea": b"s2 2 100 1\ns2.dat 16 200/mV 16 0 0 0 0 I\ns2.dat 16 200/mV 16 0 0 0 0 II\n",
    "s2.dat": int16((5, 6)),
}
VARIABLE = {
    **FIXED,
    "m.hea": b"m/4 2 100 4\nlayout 0\ns1 2\ns2 1\nv 1\n",
    "layout.hea": b"layout 3 100 0\n~ 0 200/mV 16 0 0 0 0 I\n~ 0 200/mV 16 0 0 0 0 II\n~ 0 1/mmHg 16 0 0 0 0 ABP\n",
    "v.hea": b"v 2 100 1\nv.dat 16 400(10)/mV 16 0 0 0 0 II\nv.dat 16 1/mmHg 16 0 0 0 0 ABP\n",
    "v.dat": int16((17, 80)),
}
NONE = NO_SIGNAL


def test_segments_of_one_layout_lie_behind_each_other_with_the_gap_between_them() -> None:
    got = formats.document(packed(FIXED))
    assert got.steps.tolist() == [[1, 2], [3, 4], [NONE, NONE], [NONE, NONE], [5, 6]]
    assert str(got.start) == "2023-12-24 10:20:30"


def test_segments_with_leads_and_gains_of_their_own_share_the_finest_step() -> None:
    got = formats.document(packed(VARIABLE))
    assert got.leads == ("I", "II")
    assert got.uv_per_step == (5.0, 2.5)
    assert got.steps.tolist() == [[1, 4], [3, 8], [5, 12], [NONE, 7]]
    assert [type(warning) for warning in got.warnings] == [ChannelLeftOut]


def test_a_step_that_is_no_multiple_of_another_is_met_within_a_hundredth() -> None:
    files = {**VARIABLE, "v.hea": VARIABLE["v.hea"].replace(b"400(10)", b"300(10)")}
    got = formats.document(packed(files))
    uv = np.where(got.steps == NONE, np.nan, got.steps * got.uv_per_step)
    assert uv[:, 1] == pytest.approx([10, 20, 30, 7 / 0.3], abs=0.06)


def test_a_folder_with_segments_is_read_like_an_archive(tmp_path: Path) -> None:
    for name, content in VARIABLE.items():
        (tmp_path / name).write_bytes(content)
    whole = ecg.read(tmp_path / "m")
    assert whole.derived == ("III", "aVR", "aVL", "aVF")
    assert whole.signal_uv[:, 1].tolist() == [10.0, 20.0, 30.0, 17.5]
    assert ecg.read(tmp_path / "m.hea", first=1, end=3).signal_uv[:, 0].tolist() == [15.0, 25.0]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"m.hea": b"m/2 2 100 5\ns1 2\n~ 2\ns2 1\n"}, FieldWrong),
        ({"m.hea": b"m/0 2 100 5\n"}, (FieldWrong, FormatRefused)),
        ({"m.hea": b"m/x 2 100 5\ns1 2\ns2 1\n"}, FieldWrong),
        ({"m.hea": b"m/2 2 100 5\ns1\ns2 1\n"}, FieldWrong),
        ({"m.hea": b"m/2 2 100 5\ns1 3\ns2 1\n"}, FileTruncated),
        ({"m.hea": b"m/2 2 100 5\nm 2\ns1 2\ns2 1\n"}, FieldWrong),
        ({"m.hea": b"m/2 2 100 5\n../s1 2\ns2 1\n"}, (FieldWrong, FormatRefused)),
        ({"m.hea": b"m/2 2 100 5\ns1 2\nother 1\n"}, (FieldWrong, FormatRefused, FileMissing)),
        ({"s2.hea": b"s2 2 200 1\ns2.dat 16 200/mV 16 0 0 0 0 I\ns2.dat 16 200/mV 16 0 0 0 0 II\n"}, FieldWrong),
        ({"m.hea": b"m/3 2 100 9999999999\ns1 2\n~ 9999999990\ns2 1\n"}, EcgError),
    ],
)
def test_segments_that_do_not_fit_are_refused(
    changes: dict[str, bytes], refusal: type[EcgError] | tuple[type[EcgError], ...]
) -> None:
    with pytest.raises(refusal) as refused:
        formats.document(packed({**FIXED, **changes}), "export.zip")
    assert "xinlian-wfdb" not in str(refused.value)
