"""The median beat and what is measured on it: P, QRS, T, intervals, axes, the ST segment.

For stored recordings only; the stream never waits for it. All leads are measured together on one set of global marks
(Kligfield et al., Circulation 2007;115:1306-1324). Per-lead and per-beat marks come with the clinical-grade release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecg.filters import moving_mean
from ecg.record import F32, I64
from ecg.results import QTC_FORMULAS, Beat, Median

BEFORE_S, AFTER_S = 0.3, 0.5  # of the median beat as it is shown
LONG_AFTER_S = 0.75  # and as it is measured: the T of a long QT ends late
BEATS_MIN, BEATS_MAX = 3, 240
LEVEL_FROM_S, LEVEL_TO_S = 0.10, 0.07  # the PR segment before R, whose level is each beat's own zero
SLOPE_S = 0.012
QRS_PART, QRS_QUIET_S = 0.06, 0.02  # the QRS ends where the slope stays below this part of its largest for this long
QRS_REACH_S = 0.14
T_FROM_S = 0.06  # after the QRS
P_FROM_S, P_TO_S, P_UV, P_PART = 0.30, 0.05, 18.0, 0.15  # before the QRS; smallest size of all leads together
J60_S = 0.06


@dataclass(frozen=True)
class Marks:
    """Rows of the median beat; None where the wave was not found."""

    p_on: int | None
    p_off: int | None
    qrs_on: int
    qrs_off: int
    t_peak: int | None
    t_off: int | None


def dominant_beats(beats: Sequence[Beat]) -> tuple[str, I64]:
    """The symbol that most beats carry (conducted ones before others) and where they are."""
    counts = Counter(beat.symbol for beat in beats)
    if not counts:
        return "", np.zeros(0, dtype=np.int64)
    symbol = max(counts, key=lambda s: (counts[s], s in "N/", s))
    if counts["N"] > 0 and 2 * counts["N"] >= counts[symbol]:
        symbol = "N"
    return symbol, np.array([beat.sample for beat in beats if beat.symbol == symbol], dtype=np.int64)


def median_beat(signal_uv: F32, r_peaks: I64, fs: float, leads: tuple[str, ...]) -> Median | None:
    """The sample-wise median of the given beats, aligned at R, each lead's PR segment at zero.

    signal_uv  (n, leads) float32 uV. r_peaks (k,) ascending; at most BEATS_MAX of them, evenly taken, go in.
    Returns    rows from -BEFORE_S to +LONG_AFTER_S; None below 3 beats. A lead that is NaN in a beat is NaN there; the
               median is of the beats in which it is not.
    Source     Kligfield 2007. Median, not mean: one artefact in ten beats must not bend the ST segment. The baseline is
               a
               line from PR segment to PR segment (Meyer & Keiser 1977 use a cubic spline).
    """
    before, after = round(BEFORE_S * fs), round(LONG_AFTER_S * fs)
    whole = r_peaks[(r_peaks >= before) & (r_peaks + round(AFTER_S * fs) <= len(signal_uv))]
    if len(whole) < BEATS_MIN:
        return None
    if len(whole) > BEATS_MAX:
        whole = whole[np.linspace(0, len(whole) - 1, BEATS_MAX).astype(np.int64)]
    offsets = np.arange(-before, after)
    rows = whole[:, None] + offsets
    table = signal_uv[np.minimum(rows, len(signal_uv) - 1)].astype(np.float32)  # (k, m, leads)
    table[rows >= len(signal_uv)] = np.nan
    low, high = before - round(LEVEL_FROM_S * fs), before - round(LEVEL_TO_S * fs)
    levels = table[:, low:high].mean(axis=1)  # (k, leads)
    for lead in range(table.shape[2]):
        known = np.isfinite(levels[:, lead])
        if known.any():
            table[:, :, lead] -= np.interp(rows, whole[known] - (before - low), levels[known, lead])
    with np.errstate(invalid="ignore"):
        wave = _nanmedian(table)
    return Median(fs, before, leads, wave, len(whole))


def _nanmedian(table: F32) -> F32:
    if np.isfinite(table).all():
        return np.median(table, axis=0).astype(np.float32)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a lead that is NaN throughout stays NaN: that is the answer
        return np.nanmedian(table, axis=0).astype(np.float32)


def delineate(median: Median, votes: Sequence[str], *, rr_ms: float, p_waves: bool) -> Marks | None:
    """Global marks on the median beat, from the leads in `votes`; None when none of them can be read.

    p_waves  look for P at all: not in fibrillation or paced rhythm, where every bump would be taken for one.
    """
    columns = [
        median.leads.index(lead) for lead in votes if np.isfinite(median.wave_uv[:, median.leads.index(lead)]).all()
    ]
    if not columns:
        return None
    wave, fs = median.wave_uv[:, columns], median.fs
    smooth = moving_mean(wave, round(SLOPE_S * fs) | 1)
    slope = np.zeros(len(wave), dtype=np.float32)
    slope[1:-1] = np.sqrt(np.sum((smooth[2:] - smooth[:-2]) ** 2, axis=1))
    qrs_on, qrs_off = _qrs(slope, median.r_at, fs)
    zero = wave[max(0, qrs_on - round(0.012 * fs)) : qrs_on + 1].mean(axis=0)
    t_peak, t_off = _t_wave(wave - zero, qrs_off, median.r_at, fs, rr_ms)
    p_on, p_off = _p_wave(wave, qrs_on, fs) if p_waves else (None, None)
    return Marks(p_on, p_off, qrs_on, qrs_off, t_peak, t_off)


def _qrs(slope: F32, r_at: int, fs: float) -> tuple[int, int]:
    reach, quiet = round(QRS_REACH_S * fs), max(2, round(QRS_QUIET_S * fs))
    near = slope[max(0, r_at - reach) : r_at + reach]
    limit = max(QRS_PART * float(near.max()), 1.5 * float(np.median(slope)))
    low = slope < limit
    right = _first_quiet(low[r_at : r_at + 2 * reach], quiet)
    left = _first_quiet(low[max(0, r_at - reach) : r_at][::-1], quiet)
    return max(1, r_at - left), min(len(slope) - 2, r_at + right)


def _first_quiet(low: np.ndarray[tuple[int], np.dtype[np.bool_]], quiet: int) -> int:
    if len(low) < quiet:
        return len(low)
    hits = np.flatnonzero(np.convolve(low, np.ones(quiet, dtype=np.int64), mode="valid") == quiet)
    return int(hits[0]) if len(hits) else len(low)


def _t_wave(wave: F32, qrs_off: int, r_at: int, fs: float, rr_ms: float) -> tuple[int | None, int | None]:
    """Peak of all leads together, and its end by the tangent at the steepest descent (Lepeschkin & Surawicz 1952)."""
    first = qrs_off + round(T_FROM_S * fs)
    last = min(len(wave) - 2, r_at + round(min(0.75 * rr_ms, rr_ms - 180.0) * fs / 1000.0))
    if last - first < 0.08 * fs:
        return None, None
    size = moving_mean(np.sqrt(np.mean(wave**2, axis=1)).astype(np.float32), round(0.03 * fs) | 1)
    tops = _tops(size[first:last], fs)
    if not tops:
        return None, None
    # The earliest of the tall ones: at slow rates and short PR the next P may be as tall as T.
    peak = first + next(top for top in tops if size[first + top] >= 0.6 * max(size[first + t] for t in tops))
    falling = size[peak : min(len(size), peak + round(0.2 * fs))]
    if len(falling) < 0.04 * fs or peak >= last - 1:
        return None, None
    trough = peak + int(np.argmin(falling))
    floor = float(size[trough])
    if size[peak] - floor < P_UV:
        return None, None
    step = max(1, round(0.008 * fs))
    drop = size[peak : trough - step + 1] - size[peak + step : trough + 1]
    if len(drop) < 2:
        return peak, None
    steepest = int(np.argmax(drop))
    at = peak + steepest + step / 2
    end = at + (float(size[round(at)]) - floor) / max(float(drop[steepest]) / step, 1e-6)
    return peak, min(round(end), len(wave) - 1)


def _p_wave(wave: F32, qrs_on: int, fs: float) -> tuple[int | None, int | None]:
    first, last = max(0, qrs_on - round(P_FROM_S * fs)), qrs_on - round(0.01 * fs)
    if last - first < 0.12 * fs:
        return None, None
    stretch = wave[first:last]
    rest = stretch[-max(2, round(0.012 * fs)) :].mean(axis=0)
    size = moving_mean(np.sqrt(np.mean((stretch - rest) ** 2, axis=1)).astype(np.float32), round(0.016 * fs) | 1)
    inner = size[: len(size) - round((P_TO_S - 0.01) * fs)]
    peak = _last_peak(inner, fs)
    if peak is None or size[peak] < P_UV:
        return None, None
    low_before = float(size[max(0, peak - round(0.11 * fs)) : peak + 1].min())
    low_after = float(size[peak:].min())
    if size[peak] - max(low_before, low_after) < 0.4 * float(size[peak]) and size[peak] - low_before < P_UV:
        return None, None
    on_limit = low_before + P_PART * (float(size[peak]) - low_before)
    off_limit = low_after + P_PART * (float(size[peak]) - low_after)
    before = np.flatnonzero(size[: peak + 1] < on_limit)
    after = np.flatnonzero(size[peak:] < off_limit)
    p_on = int(before[-1]) if len(before) else None
    p_off = peak + int(after[0]) if len(after) else None
    return (None if p_on is None else first + p_on), (None if p_off is None else first + p_off)


def _last_peak(size: F32, fs: float) -> int | None:
    """The bump nearest the QRS that is at least 0.6 of the largest: the T of the beat before may be taller than P."""
    tops = _tops(size, fs)
    high = [top for top in tops if size[top] >= 0.6 * max(size[t] for t in tops)]
    return high[-1] if high else None


def _tops(size: F32, fs: float) -> list[int]:
    """Rows that are the largest within 30 ms to either side."""
    reach = round(0.03 * fs)
    rows = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:])) + 1
    inside = [int(i) for i in rows if reach <= i < len(size) - reach]
    return [i for i in inside if size[i] >= size[i - reach : i + reach + 1].max()]


def qtc_ms(qt_ms: float, rr_ms: float) -> Mapping[str, int]:
    """QT for rate, by four formulas, whole milliseconds."""
    rr_s = rr_ms / 1000.0
    values = (
        qt_ms / rr_s**0.5,
        qt_ms / rr_s ** (1.0 / 3.0),
        qt_ms + 154.0 * (1.0 - rr_s),
        qt_ms + 1.75 * (60.0 / rr_s - 60.0),
    )
    return {name: round(value) for name, value in zip(QTC_FORMULAS, values, strict=True)}


def level_uv(median: Median, lead: str, marks: Marks, after_j_s: float) -> int | None:
    """The ST level of a lead against its QRS onset, whole microvolts: mean of 8 ms at J or later."""
    column = median.wave_uv[:, median.leads.index(lead)]
    half = max(1, round(0.004 * median.fs))
    zero = column[max(0, marks.qrs_on - 3 * half) : marks.qrs_on + 1].mean()
    at = marks.qrs_off + round(after_j_s * median.fs)
    value = float(column[at : at + 2 * half].mean() - zero)
    return None if not np.isfinite(value) else round(value)


def axis_deg(median: Median, first: int | None, end: int | None) -> int | None:
    """Frontal axis of the wave in rows [first, end): from its net area in I and aVF; None without them or too small."""
    if first is None or end is None or not {"I", "aVF"} <= set(median.leads) or end - first < 2:
        return None
    areas = []
    for lead in ("I", "aVF"):
        column = median.wave_uv[first:end, median.leads.index(lead)]
        line = np.linspace(float(column[0]), float(column[-1]), len(column))
        areas.append(float(np.sum(column - line)) * 1000.0 / median.fs)
    x, y = areas[0], areas[1] * 2.0 / 3.0**0.5
    if not np.isfinite(x + y) or np.hypot(x, y) < 300.0:  # uV ms: noise of 10 uV over a P wave of 100 ms makes less
        return None
    return round(float(np.degrees(np.arctan2(y, x))))
