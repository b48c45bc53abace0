"""The numbers a rhythm is judged by: one row of features for each window of beats. No threshold stands here.

R-R statistics without ectopic beats (after Sarkar et al. 2008, Dash et al. 2009, Lake & Moorman 2011: K), the
repeatability of the P window, the spectrum between beats (`atria`). Sums are of whole numbers, the rest is elementwise:
a window gives the same row whichever windows stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.rhythm.atria import HZ, P_ENDS, P_FROM, Beats, is_ectopic

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NAMES = (
    *("beats", "intervals", "rate_bpm", "rr", "rr_cv", "rmssd", "step_median", "steps_50ms", "steps_tenth"),
    *(
        "turning",
        "pairs_30ms",
        "pairs_5pc",
        "two_modes",
        "sampen",
        "step_1",
        "step_2",
        "step_3",
        "near_median",
        "rr_p10",
        "rr_p90",
    ),
    *("rr_min", "rr_max", "lorenz_origin", "lorenz_cells", "step_correlation", "ectopic", "premature", "paced"),
    *("cv_of_all", "share_max", "share_mean", "p_uv", "p_to_qrs", "p_noise", "p_noise_to_qrs", "p_correlation_max"),
    *(
        "p_correlation_mean",
        "p_upper_1",
        "p_upper_2",
        "p_other",
        "p_at",
        "p_peak_uv",
        "band_max",
        "band_mean",
        "line_max",
        "line_hz",
        "band_uv",
        "band_to_qrs",
    ),
    *("low_uv", "high_share", "wide", "size_uv"),
    "ectopic_runs",
    "rr_hole",
)
TOL_ROWS, STEP_ROWS = 3, 5  # 30 and 50 ms
HOLE_SIDE, HOLE_INTERVALS = 20, 6  # per cent of the intervals, and two at least; so many are asked
RR_ROWS_MAX = 400  # longer than 4 s: an asystole or a lost signal, no interval
CELL_ROWS = 8  # a cell of the Lorenz plot, 80 ms
_BAND = (HZ >= 4.0) & (HZ <= 9.0)
_WHOLE = HZ >= 2.5
_LINE = (HZ >= 3.5) & (HZ <= 7.0)
_LOW = HZ < 4.0
_HIGH = HZ > 9.0


@dataclass(frozen=True)
class Windows:
    """What each of w windows holds.

    low, high  (w,) the beats low[i] to high[i] - 1 of `beats`.
    power      (w, leads, len(HZ)) and weight (w,): sums over the window's blocks; weight counts whole blocks.
    """

    beats: Beats
    low: I64
    high: I64
    power: F64
    weight: F64


def features(windows: Windows) -> F32:
    """(w, len(NAMES)) float32; NaN where a number does not exist."""
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [*_intervals(windows), *_p_waves(windows), *_spectrum(windows), *_sizes(windows), _runs(windows)]
        columns.append(_hole(windows))
    return np.stack(columns, axis=1).astype(np.float32)


def gather(low: I64, high: I64) -> tuple[I64, Mask]:
    """Indices (w, most) of each window's beats, and which of them exist."""
    most = max(int((high - low).max(initial=0)), 6)
    index = low[:, None] + np.arange(most)
    return index, index < high[:, None]


def _intervals(windows: Windows) -> list[F64]:
    beats = windows.beats
    index, real = gather(windows.low, windows.high)
    index = np.minimum(index, max(len(beats.row) - 1, 0))
    row = beats.row[index] if len(beats.row) else np.zeros(index.shape, dtype=np.int64)
    kind = beats.kind[index] if len(beats.row) else np.zeros(index.shape, dtype=np.uint8)
    odd = is_ectopic(kind)
    rr = np.diff(row, axis=1)
    both = real[:, 1:] & real[:, :-1] & (rr <= RR_ROWS_MAX)
    ok = both & ~odd[:, 1:] & ~odd[:, :-1]
    n = ok.sum(axis=1).astype(np.float64)
    some = np.where(n > 0, n, np.nan)
    mean = np.where(ok, rr, 0).sum(axis=1) / some
    spread = np.sqrt(np.maximum((np.where(ok, rr * rr, 0)).sum(axis=1) / some - mean**2, 0.0))
    step, steps_ok = np.diff(rr, axis=1), ok[:, 1:] & ok[:, :-1]
    m = steps_ok.sum(axis=1).astype(np.float64)
    m = np.where(m > 0, m, np.nan)
    size = np.abs(step)
    rmssd = np.sqrt(np.where(steps_ok, step * step, 0).sum(axis=1) / m)
    whole = both.sum(axis=1).astype(np.float64)
    whole = np.where(whole > 0, whole, np.nan)
    all_mean = np.where(both, rr, 0).sum(axis=1) / whole
    all_spread = np.sqrt(np.maximum(np.where(both, rr * rr, 0).sum(axis=1) / whole - all_mean**2, 0.0))
    median = _ranked(rr, ok, 0.5)
    turn = (np.sign(step[:, 1:]) * np.sign(step[:, :-1]) < 0) & steps_ok[:, 1:] & steps_ok[:, :-1]
    turns = (steps_ok[:, 1:] & steps_ok[:, :-1]).sum(axis=1).astype(np.float64)
    product = np.where(steps_ok[:, 1:] & steps_ok[:, :-1], step[:, 1:] * step[:, :-1], 0).sum(axis=1)
    near = np.abs(rr - median[:, None]) <= 0.08 * median[:, None]
    count = real.sum(axis=1).astype(np.float64)
    share = np.where(count > 0, count, np.nan)
    origin, cells = _lorenz(step, steps_ok)
    return [
        count,
        n,
        6000.0 / all_mean,
        mean,
        spread / mean,
        rmssd / mean,
        _ranked(size, steps_ok, 0.5) / mean,
        (steps_ok & (size > STEP_ROWS)).sum(axis=1) / m,
        (steps_ok & (size > 0.12 * mean[:, None])).sum(axis=1) / m,
        turn.sum(axis=1) / np.where(turns > 0, turns, np.nan),
        *_pairs(rr, ok, median),
        *(_ranked(np.abs(rr[:, k:] - rr[:, :-k]), both[:, k:] & both[:, :-k], 0.5) / all_mean for k in (1, 2, 3)),
        (ok & near).sum(axis=1) / some,
        _ranked(rr, ok, 0.1) / median,
        _ranked(rr, ok, 0.9) / median,
        _ranked(rr, ok, 0.0) / median,
        _ranked(rr, ok, 1.0) / median,
        origin / m,
        cells / m,
        product / (rmssd**2 * np.where(turns > 0, turns, np.nan)),
        (real & odd).sum(axis=1) / share,
        (real & (kind == 1)).sum(axis=1) / share,
        (real & (kind == 5)).sum(axis=1) / share,
        all_spread / all_mean,
    ]


def _hole(windows: Windows) -> F64:
    """The widest stretch of lengths that no interval has, between HOLE_SIDE of the intervals on either side of it, in
    parts of the median. Exit and AV blocks and bigeminy leave one; fibrillation takes all lengths between its extremes.
    """
    beats = windows.beats
    index, real = gather(windows.low, windows.high)
    if not len(beats.row):
        return np.full(len(index), np.nan)
    index = np.minimum(index, len(beats.row) - 1)
    odd = is_ectopic(beats.kind[index])
    rr = np.diff(beats.row[index], axis=1)
    ok = real[:, 1:] & real[:, :-1] & ~odd[:, 1:] & ~odd[:, :-1] & (rr <= RR_ROWS_MAX)
    n = ok.sum(axis=1)[:, None]
    ordered = np.sort(np.where(ok, rr, RR_ROWS_MAX), axis=1)
    below = np.arange(1, rr.shape[1])
    inner = 100 * np.minimum(below, n - below) >= np.maximum(HOLE_SIDE * n, 200)
    widest = np.where(inner, np.diff(ordered, axis=1), 0).max(axis=1)
    return np.where(n[:, 0] >= HOLE_INTERVALS, widest / _ranked(rr, ok, 0.5), np.nan)


def _ranked(values: I64, ok: Mask, part: float) -> F64:
    """The value at `part` of each row's sorted valid ones (the lower neighbour); NaN in an empty row."""
    n = ok.sum(axis=1)
    ordered = np.sort(np.where(ok, values, np.iinfo(np.int64).max), axis=1)
    at = np.clip(np.floor(part * (n - 1)).astype(np.int64), 0, max(values.shape[1] - 1, 0))
    picked = ordered[np.arange(len(values)), at].astype(np.float64)
    return np.where(n > 0, picked, np.nan)


def _pairs(rr: I64, ok: Mask, median: F64) -> list[F64]:
    """Pairs of intervals that agree to 30 ms and to 5 %, intervals near one of two lengths (all shares), and the sample
    entropy of length 1 to 30 ms. Two lengths are what blocks and bigeminy give and fibrillation does not."""
    small = np.where(ok, rr, -10_000).astype(np.int32)
    apart = np.abs(small[:, :, None] - small[:, None, :])
    valid = ok[:, :, None] & ok[:, None, :]
    valid &= ~np.eye(rr.shape[1], dtype=bool)
    close = valid & (apart <= TOL_ROWS)
    tolerance = np.where(np.isfinite(median), 0.05 * median, 0.0)
    near = valid & (apart <= tolerance[:, None, None])
    both = valid[:, 1:, 1:] & valid[:, :-1, :-1]
    row, members = np.arange(len(rr)), near | (np.eye(rr.shape[1], dtype=bool) & ok[:, None, :])
    mode = np.argmax(members.sum(axis=2), axis=1)
    in_first = members[row, mode]
    in_second = (members & ~in_first[:, None, :]).sum(axis=2).max(axis=1)
    modes = (in_first.sum(axis=1) + in_second).astype(np.float64)
    count = ok.sum(axis=1).astype(np.float64)
    first = (close[:, :-1, :-1] & both).sum(axis=(1, 2)).astype(np.float64)
    again = (close[:, :-1, :-1] & close[:, 1:, 1:]).sum(axis=(1, 2)).astype(np.float64)
    n = valid.sum(axis=(1, 2)).astype(np.float64)
    n = np.where(n > 0, n, np.nan)
    return [
        close.sum(axis=(1, 2)) / n,
        near.sum(axis=(1, 2)) / n,
        modes / np.where(count > 0, count, np.nan),
        -np.log((again + 1) / (first + 2)),
    ]


def _lorenz(step: I64, ok: Mask) -> tuple[F64, F64]:
    """Points of the plot of one step against the next: how many lie at the origin, how many cells they fill."""
    pair = ok[:, 1:] & ok[:, :-1]
    x, y = step[:, :-1], step[:, 1:]
    origin = pair & (np.abs(x) <= 4) & (np.abs(y) <= 4)
    cell = np.clip((x + 100) // CELL_ROWS, 0, 31) * 32 + np.clip((y + 100) // CELL_ROWS, 0, 31)
    ordered = np.sort(np.where(pair & ~origin, cell, -1), axis=1)
    fresh = np.diff(ordered, axis=1, prepend=-1) != 0
    return origin.sum(axis=1).astype(np.float64), (fresh & (ordered >= 0)).sum(axis=1).astype(np.float64)


def _p_waves(windows: Windows) -> list[F64]:
    beats = windows.beats
    leads = beats.p_uv.shape[2]
    good = beats.p_valid & ~is_ectopic(beats.kind)
    wave = np.where(good[:, None, None], beats.p_uv, 0).astype(np.int64)
    total = np.concatenate([np.zeros((1, *wave.shape[1:]), dtype=np.int64), np.cumsum(wave, axis=0)])
    energy = (wave * wave).sum(axis=1)
    energies = np.concatenate([np.zeros((1, leads), dtype=np.int64), np.cumsum(energy, axis=0)])
    counts = np.concatenate([[0], np.cumsum(good)])
    n = (counts[windows.high] - counts[windows.low]).astype(np.float64)[:, None]
    n = np.where(n >= 3, n, np.nan)
    mean = (total[windows.high] - total[windows.low]) / n[:, :, None]
    together = _exact(mean**2)
    alone = (energies[windows.high] - energies[windows.low]) / n
    share = (n * together - alone) / ((n - 1) * np.where(alone > 0, alone, np.nan))
    scale = float(P_ENDS) * np.sqrt(mean.shape[1])
    level, noise = np.sqrt(together) / scale, np.sqrt(np.maximum(alone - together, 0.0)) / scale
    qrs = np.maximum(_mean_of(beats.size_uv, ~is_ectopic(beats.kind), windows), 1.0)
    agree, upper = _agreement(wave, energy, good, windows, 1)
    other, upper_2 = _agreement(wave, energy, good, windows, 2)
    best = np.argmax(np.where(np.isfinite(share), share, -9.0), axis=1)
    row = np.arange(len(best))
    shape = mean[row, :, best]
    peak = np.argmax(np.abs(np.where(np.isfinite(shape), shape, 0.0)), axis=1)
    return [
        share[row, best],
        share.mean(axis=1),
        level[row, best],
        level[row, best] / qrs[row, best],
        noise.min(axis=1),
        (noise / qrs).min(axis=1),
        agree.max(axis=1),
        agree.mean(axis=1),
        upper.max(axis=1),
        upper_2.max(axis=1),
        np.maximum(agree, other).max(axis=1),
        np.where(np.isfinite(share[row, best]), P_FROM - peak, np.nan).astype(np.float64),
        shape[row, peak] / P_ENDS,
    ]


def _exact(squares: F64) -> F64:
    """Sum over the rows of a P window, one after the other: the order never changes."""
    total = np.zeros((squares.shape[0], squares.shape[2]))
    for place in range(squares.shape[1]):
        total += squares[:, place]
    return total


def _agreement(wave: I64, energy: I64, good: Mask, windows: Windows, lag: int) -> tuple[F64, F64]:
    """(w, leads) twice: median and upper quartile of the correlation of a beat's P window with that `lag` beats ago."""
    leads = wave.shape[2]
    index, real = gather(windows.low, windows.high)
    if len(wave) <= lag:
        nothing = np.full((len(index), leads), np.nan)
        return nothing, nothing
    dot = (wave[lag:] * wave[:-lag]).sum(axis=1)
    norm = np.sqrt(energy[lag:].astype(np.float64)) * np.sqrt(energy[:-lag].astype(np.float64))
    both = good[lag:] & good[:-lag]
    # In thousandths, so that they can be ranked as whole numbers.
    agree = np.rint(1000 * np.where(norm > 0, dot / np.where(norm > 0, norm, 1.0), 0.0)).astype(np.int64)
    inside = real[:, lag:] & real[:, :-lag]
    at = np.clip(index[:, lag:] - lag, 0, len(dot) - 1)
    valid, picked = inside & both[at], agree[at]
    median, upper = (
        np.stack([_ranked(picked[:, :, lead], valid, part) / 1000 for lead in range(leads)], axis=1)
        for part in (0.5, 0.75)
    )
    return median, upper


def _spectrum(windows: Windows) -> list[F64]:
    weight = np.where(windows.weight > 0, windows.weight, np.nan)[:, None]
    power = windows.power
    whole = _sum(power, _WHOLE)
    band, low, high = _sum(power, _BAND), _sum(power, _LOW), _sum(power, _HIGH)
    whole = np.where(whole > 0, whole, np.nan)
    three = power.copy()
    three[:, :, 1:] += power[:, :, :-1]
    three[:, :, :-1] += power[:, :, 1:]
    lines = np.where(_LINE, three, 0.0)
    at = np.argmax(lines, axis=2)
    line = lines.max(axis=2) / whole
    best = np.argmax(np.where(np.isfinite(line), line, -1.0), axis=1)
    row = np.arange(len(best))
    qrs = np.maximum(_mean_of(windows.beats.size_uv, ~is_ectopic(windows.beats.kind), windows), 1.0)
    level = np.sqrt(band / weight)
    return [
        (band / whole).max(axis=1),
        (band / whole).mean(axis=1),
        line[row, best],
        HZ[at[row, best]],
        level.max(axis=1),
        (level / qrs).max(axis=1),
        np.sqrt(low / weight).max(axis=1),
        (high / whole).min(axis=1),
    ]


def _sum(power: F64, of: Mask) -> F64:
    total = np.zeros(power.shape[:2])
    for place in np.flatnonzero(of):
        total += power[:, :, place]
    return total


def _mean_of(values: npt.NDArray[np.int32], ok: Mask, windows: Windows) -> F64:
    """Means (w, leads) of a whole number a beat and lead over the beats that count; NaN where none does."""
    held = np.where(ok[:, None], values, 0).astype(np.int64)
    total = np.concatenate([np.zeros((1, held.shape[1]), dtype=np.int64), np.cumsum(held, axis=0)])
    count = np.concatenate([[0], np.cumsum(ok)])
    n = (count[windows.high] - count[windows.low]).astype(np.float64)[:, None]
    return np.asarray((total[windows.high] - total[windows.low]) / np.where(n > 0, n, np.nan))


def _sizes(windows: Windows) -> list[F64]:
    beats = windows.beats
    usual = ~is_ectopic(beats.kind)
    wide = _mean_of(beats.wide[:, None].astype(np.int32), usual, windows)[:, 0]
    return [wide, _mean_of(beats.size_uv, usual, windows).max(axis=1)]


def _runs(windows: Windows) -> F64:
    """The share of intervals that lie between two ectopic beats: a run's, not bigeminy's."""
    index, real = gather(windows.low, windows.high)
    if not len(windows.beats.kind):
        return np.full(len(index), np.nan)
    odd = is_ectopic(windows.beats.kind[np.minimum(index, len(windows.beats.kind) - 1)]) & real
    n = (real.sum(axis=1) - 1).astype(np.float64)
    return np.asarray((odd[:, 1:] & odd[:, :-1]).sum(axis=1) / np.where(n > 0, n, np.nan))
