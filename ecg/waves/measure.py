"""The waves of each lead on the median beat: Q, R, S, R', S', P, ST, T, U as whole numbers.

Measures between marks that others set (`waves.Marks`); what a number means is not said here (`statements`). Every level
is against the lead's own QRS onset, as the recommendations ask (Kligfield et al., Circulation 2007;115:1306-1324),
the P wave against the line between its ends. Names and signs stand at `results.LeadWaves`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

import numpy as np

from ecg.record import F32
from ecg.results import LeadWaves, Median
from ecg.signal.filters import moving_mean
from ecg.waves.median import Marks

ZERO_S = 0.012  # before QRS onset: its mean is the lead's zero
LEVEL_S = 0.008  # an ST level is a mean of this much
LOBE_UV, LOBE_MS = (
    30.0,
    6.0,
)  # smaller deflections are no wave (CSE Working Party, Eur Heart J 1985;6:815-825: 20 uV, 6 ms; K)
RETURN_UV = 50.0  # a last deflection that does not come back by this much before J is the ST segment
NOTCH_UV = 40.0
LATE_MS = 60.0  # algorithms: the side of a bundle branch block shows in the area after 60 ms
T_FROM_S = 0.08  # after J
T_LOBE_UV = 50.0  # a second lobe of T from this size on
U_FROM_S, U_TO_S = 0.03, 0.20  # after the end of T
QRS_PART, SLOPE_S = 0.04, 0.012
ST_POINTS_S = (0.0, 0.04, 0.06, 0.08)


def qrs_ms(median: Median, marks: Marks, votes: Collection[str]) -> int | None:
    """QRS duration as its limits were set: on all leads together, not by the outermost mark of any lead.

    From the first to the last row between its marks where the slope of all leads together is QRS_PART of its largest
    or more. The marks, which follow annotators' eyes in single leads, lie some 5 ms further out on either side.
    Returns None where it cannot be measured; votes: the leads that are asked.
    """
    columns = [median.leads.index(lead) for lead in median.leads if lead in votes]
    wave = median.wave_uv[:, columns]
    wave = wave[:, np.isfinite(wave[max(0, marks.qrs_on - 4) : marks.qrs_off + 1]).all(axis=0)]
    if not wave.shape[1] or marks.qrs_off - marks.qrs_on < 6:
        return None
    smooth = moving_mean(np.nan_to_num(wave), round(SLOPE_S * median.fs) | 1)
    rows = slice(max(1, marks.qrs_on), marks.qrs_off + 1)
    steps = smooth[rows.start + 1 : rows.stop + 1] - smooth[rows.start - 1 : rows.stop - 1]
    slope = np.sqrt(np.sum(steps**2, axis=1))
    fast = np.flatnonzero(slope >= QRS_PART * slope.max())
    return round((int(fast[-1]) - int(fast[0])) * 1000.0 / median.fs)


def qt_ms(median: Median, marks: Marks) -> int | None:
    """QT: from the global onset of QRS to the end of T, where T is back at the baseline, in the middle of the leads.

    Global onset as Kligfield 2007 and IEC 60601-2-25 have it. The latest end of any lead, which they name too, is that
    of the lead in which T is flattest: by it one adult in five would have a QTc over 460 ms and one in twenty over 500
    (LUDB and CinC 2021, sinus rhythm, narrow QRS; LUDB's own annotators likewise), by the middle of the leads, which is
    ours, one in eight and one in seventy (that QT differs between leads: Cowan et al., Am J Cardiol 1988;61:83-87, K).
    Of 23 young or healthy people of LUDB it makes a QTc (Bazett) of 397 ms, sd 19, as the limits take for granted.
    Of drawn ECGs it is 5 ms short (sd 4), against the latest but one of LUDB's annotated leads 16 ms (sd 15).
    None where T was not found.
    """
    return None if marks.t_end is None else round((marks.t_end - marks.qrs_on) * 1000.0 / median.fs)


def lead_waves(median: Median, marks: Marks) -> Mapping[str, LeadWaves]:
    """The waves of every lead that is whole between the marks; a lead with NaN there is left out.

    median  wave_uv (m, leads) float32 uV with R at r_at; marks: rows of it.
    Returns a row a lead, in the order of the leads.
    """
    fs, wave = median.fs, median.wave_uv
    first = 0 if marks.p_on is None else marks.p_on
    last = min(len(wave), max(marks.qrs_off + round(0.1 * fs), marks.t_off or 0) + 1)
    whole = np.flatnonzero(np.isfinite(wave[first:last]).all(axis=0))
    if not len(whole) or marks.qrs_off - marks.qrs_on < 3:
        return {}
    level = wave[:, whole] - wave[max(0, marks.qrs_on - round(ZERO_S * fs)) : marks.qrs_on + 1, whole].mean(axis=0)
    qrs = level[marks.qrs_on : marks.qrs_off + 1]
    ms = 1000.0 / fs
    area = np.rint(qrs.sum(axis=0) * ms).astype(int)
    late = np.rint(qrs[round(LATE_MS / ms) :].sum(axis=0) * ms).astype(int)
    st = _st_levels(level, marks, fs)
    p = _p_table(wave[:, whole], marks, ms)
    t = _t_table(level, marks, fs)
    u = _u_level(level, marks, fs)
    rows: dict[str, LeadWaves] = {}
    for column, index in enumerate(whole):
        q, r, s, r2, s2, peak_ms = _named(qrs[:, column], ms)
        rows[median.leads[index]] = LeadWaves(
            q_uv=q[0],
            q_ms=q[1],
            r_uv=r[0],
            r_ms=r[1],
            s_uv=s[0],
            s_ms=s[1],
            r2_uv=r2[0],
            r2_ms=r2[1],
            s2_uv=s2[0],
            s2_ms=s2[1],
            r_peak_ms=peak_ms,
            notches=_notches(qrs[:, column]),
            area_uvms=int(area[column]),
            late_area_uvms=int(late[column]),
            st_uv=(st[0][column], st[1][column], st[2][column], st[3][column]),
            p_pos_uv=None if p is None else p[0][column],
            p_neg_uv=None if p is None else p[1][column],
            p_terminal_uvms=None if p is None else p[2][column],
            t_pos_uv=None if t is None else t[0][column],
            t_neg_uv=None if t is None else t[1][column],
            t_pos_first=bool(t is not None and t[2][column]),
            u_uv=None if u is None else u[column],
        )
    return rows


def _st_levels(level: F32, marks: Marks, fs: float) -> list[list[int]]:
    width = max(1, round(LEVEL_S * fs))
    found = []
    for after_s in ST_POINTS_S:
        at = min(marks.qrs_off + round(after_s * fs), len(level) - width)
        found.append([round(float(value)) for value in level[at : at + width].mean(axis=0)])
    return found


def _p_table(wave: F32, marks: Marks, ms: float) -> tuple[list[int], list[int], list[int]] | None:
    """Highest and lowest of P against the line between its ends; area of a negative last part (uV ms, <= 0)."""
    if marks.p_on is None or marks.p_off is None or marks.p_off - marks.p_on < 4:
        return None
    stretch = wave[marks.p_on : marks.p_off + 1]
    line = np.linspace(0.0, 1.0, len(stretch), dtype=np.float32)[:, None]
    stretch = stretch - stretch[0] - (stretch[-1] - stretch[0]) * line
    positive = stretch > 0
    # From the last positive row on: the terminal part, all of P where nothing of it is positive.
    last = np.where(positive.any(axis=0), len(stretch) - np.argmax(positive[::-1], axis=0), 0)
    tail = np.where(np.arange(len(stretch))[:, None] >= last, stretch, 0.0).sum(axis=0) * ms
    return _whole(stretch.max(axis=0)), _whole(stretch.min(axis=0)), _whole(np.minimum(tail, 0.0))


def _t_table(level: F32, marks: Marks, fs: float) -> tuple[list[int], list[int], list[bool]] | None:
    """Highest (>= 0) and lowest (<= 0) of T, and whether the high comes first."""
    if marks.t_off is None:
        return None
    first, end = marks.qrs_off + round(T_FROM_S * fs), min(marks.t_off + 1, len(level))
    if end - first < 0.06 * fs:
        return None
    stretch = level[first:end]
    high, low = np.argmax(stretch, axis=0), np.argmin(stretch, axis=0)
    return (
        _whole(np.maximum(stretch.max(axis=0), 0.0)),
        _whole(np.minimum(stretch.min(axis=0), 0.0)),
        [bool(value) for value in high < low],
    )


def _u_level(level: F32, marks: Marks, fs: float) -> list[int] | None:
    """The highest after T, against the level at T's end; None where the median beat ends too early."""
    if marks.t_off is None:
        return None
    first, end = marks.t_off + round(U_FROM_S * fs), marks.t_off + round(U_TO_S * fs)
    if end > len(level):
        return None
    high = level[first:end].max(axis=0) - level[marks.t_off]
    return None if not np.isfinite(high).all() else _whole(high)


def _whole(values: F32) -> list[int]:
    return [round(float(value)) for value in values]


Lobe = tuple[int, int]  # amplitude in uV with its sign, width in ms
NO_LOBE: Lobe = (0, 0)


def _named(qrs: F32, ms: float) -> tuple[Lobe, Lobe, Lobe, Lobe, Lobe, int | None]:
    """Q, R, S, R', S' of one lead, and the time of the highest R or R' after QRS onset."""
    q, r, s, r2, s2 = NO_LOBE, NO_LOBE, NO_LOBE, NO_LOBE, NO_LOBE
    peak_ms: int | None = None
    lobes = _lobes(qrs, ms)
    for size, first, end, at in lobes:
        lobe = (round(size), round((end - first) * ms))
        if size > 0:
            if peak_ms is None or size > max(r[0], r2[0]):
                peak_ms = round(at * ms)
            if r == NO_LOBE:
                r = lobe
            elif lobe[0] > r2[0]:
                r2 = lobe
        elif r == NO_LOBE:
            q = lobe if lobe[0] < q[0] else q
        elif r2 == NO_LOBE:
            s = lobe if lobe[0] < s[0] else s
        else:
            s2 = lobe if lobe[0] < s2[0] else s2
    return q, r, s, r2, s2, peak_ms


def _lobes(qrs: F32, ms: float) -> list[tuple[float, int, int, int]]:
    """The deflections in order: size with sign, rows [first, end), row of the peak."""
    turns = [0, *(int(i) + 1 for i in np.flatnonzero(np.diff(np.signbit(qrs)))), len(qrs)]
    found: list[tuple[float, int, int, int]] = []
    for first, end in pairwise(turns):
        at = first + int(np.argmax(np.abs(qrs[first:end])))
        size = float(qrs[at])
        if abs(size) < LOBE_UV or (end - first) * ms < LOBE_MS:
            continue
        if end == len(qrs) and found and abs(size) - abs(float(qrs[-1])) < RETURN_UV:
            continue  # it stays where it went: the ST segment, not a wave
        if found and (found[-1][0] > 0) == (size > 0):  # what lay between was too small
            before = found.pop()
            found.append((size, before[1], end, at) if abs(size) > abs(before[0]) else (*before[:2], end, before[3]))
        else:
            found.append((size, first, end, at))
    return found


def _notches(qrs: F32) -> int:
    """Turns within the QRS that go back by NOTCH_UV or more without changing sign: notches of its limbs."""
    steps = np.diff(qrs)
    rows = np.flatnonzero(np.signbit(steps[1:]) != np.signbit(steps[:-1])) + 1
    turns = [float(qrs[0]), *(float(qrs[row]) for row in rows), float(qrs[-1])]
    kept = [turns[0]]
    for value in turns[1:]:
        if len(kept) >= 2 and (value - kept[-1]) * (kept[-1] - kept[-2]) > 0:
            kept[-1] = value
        elif abs(value - kept[-1]) >= NOTCH_UV:
            kept.append(value)
    return sum(a * b > 0 for a, b in pairwise(kept[1:-1]))
