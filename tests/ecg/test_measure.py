"""The wave table of a lead: drawn lobes come back with their size, sign and name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ecg.results import LeadWaves, Median
from ecg.waves.measure import lead_waves
from ecg.waves.median import Marks

FS = 500.0
ON, OFF = 150, 200  # QRS of 100 ms
Piece = tuple[int, int, float]  # first row, rows, size in uV


def lobes(*pieces: Piece) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    wave = np.zeros(525, dtype=np.float32)
    for first, rows, size in pieces:
        wave[first : first + rows] += size * np.sin(np.pi * np.arange(rows) / rows).astype(np.float32)
    return wave


def measured(*leads: Sequence[Piece], p: bool = True, t: bool = True) -> list[LeadWaves]:
    wave = np.stack([lobes(*pieces) for pieces in leads], axis=1)
    names = ("V1", "V2", "V3")[: len(leads)]
    marks = marked(p_on=70 if p else None, p_off=120 if p else None, t_off=350 if t else None)
    return list(lead_waves(Median(FS, 170, names, wave, 8), marks).values())


def marked(**edges: int | None) -> Marks:
    unseen: dict[str, int | None] = dict.fromkeys(Marks.__dataclass_fields__)
    return Marks(**unseen | {"qrs_on": ON, "qrs_off": OFF} | edges)  # type: ignore[arg-type]  # the QRS is set


def test_q_r_and_s_are_told_apart_by_their_order() -> None:
    (row,) = measured([(150, 10, -120.0), (160, 20, 900.0), (180, 20, -300.0)])
    assert (row.q_uv, row.r_uv, row.s_uv, row.r2_uv, row.s2_uv) == (-120, 900, -300, 0, 0)
    assert row.q_ms == pytest.approx(20, abs=4)
    assert row.r_ms == pytest.approx(40, abs=4)
    assert row.r_peak_ms == pytest.approx(40, abs=4)
    assert (row.high_uv, row.low_uv) == (900, -300)


def test_a_second_r_and_its_s_get_their_own_names() -> None:
    (row,) = measured([(150, 12, 200.0), (162, 14, -500.0), (176, 14, 400.0), (190, 10, -80.0)])
    assert (row.r_uv, row.s_uv, row.r2_uv, row.s2_uv) == pytest.approx((200, -500, 400, -80), abs=3)


def test_a_qrs_that_only_goes_down_is_one_q() -> None:
    (row,) = measured([(150, 50, -1100.0)])
    assert (row.q_uv, row.r_uv, row.r_peak_ms) == (-1100, 0, None)
    assert row.area_uvms < 0
    assert row.late_area_uvms < 0


def test_an_st_segment_is_no_second_r() -> None:
    (row,) = measured([(150, 20, 800.0), (170, 20, -300.0), (190, 320, 250.0)])
    assert row.r2_uv == 0
    assert row.st_uv[2] > 50


def test_small_deflections_are_no_waves_and_part_none() -> None:
    (row,) = measured([(150, 20, 800.0), (171, 4, -12.0), (175, 20, 300.0)])
    assert (row.r_uv, row.s_uv, row.r2_uv) == (800, 0, 0)


def test_a_notch_is_counted_where_the_sign_stays() -> None:
    (plain,) = measured([(150, 50, 1000.0)])
    (notched,) = measured([(150, 50, 1000.0), (172, 10, -400.0)])
    assert plain.notches == 0
    assert notched.notches >= 1


def test_the_last_part_of_p_is_its_area_below_the_line() -> None:
    both, upright = measured([(70, 25, 80.0), (95, 25, -100.0)], [(70, 50, 100.0)])
    assert both.p_pos_uv == pytest.approx(80, abs=3)
    assert both.p_neg_uv == pytest.approx(-100, abs=3)
    assert both.p_terminal_uvms == pytest.approx(-100 * 50 * 2 / np.pi, rel=0.1)
    assert upright.p_terminal_uvms == pytest.approx(0, abs=20)


def test_t_keeps_both_lobes_and_their_order() -> None:
    down_last, down_first = measured([(260, 40, 200.0), (300, 40, -300.0)], [(260, 40, -300.0), (300, 40, 200.0)])
    assert (down_last.t_pos_uv, down_last.t_neg_uv, down_last.t_pos_first) == pytest.approx((200, -300, True), abs=3)
    assert down_last.t_uv == pytest.approx(-300, abs=3)
    assert not down_first.t_pos_first


def test_what_was_not_marked_is_not_measured() -> None:
    (row,) = measured([(150, 50, 900.0)], p=False, t=False)
    assert (row.p_pos_uv, row.p_terminal_uvms, row.t_uv, row.u_uv) == (None, None, None, None)
    assert row.r_uv == 900


def test_a_lead_with_missing_samples_is_left_out() -> None:
    wave = np.stack([lobes((150, 50, 900.0)), lobes((150, 50, 900.0))], axis=1)
    wave[160, 1] = np.nan
    marks = marked(t_off=350)
    assert set(lead_waves(Median(FS, 170, ("I", "II"), wave, 8), marks)) == {"I"}
