"""The numbers by which a short strip is screened: rhythm, P waves, beat shapes and quality of one lead.

Builds on the windows of `blocks`; here stands what only a whole strip can tell. One row of float32, NaN where a
number does not exist. No threshold and no class (`screen`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.rhythm.atria import is_ectopic, kinds_of
from ecg.rhythm.atrial_features import NAMES, Windows, features
from ecg.rhythm.blocks import Blocks
from ecg.signal.trace import I16, RATE

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

FROM, TO = 35, 50  # rows about R of the mean beat
QRS = slice(FROM - 9, FROM + 11)
T = slice(FROM + 13, FROM + 45)
SPREAD_OF = (
    *("rate_bpm", "rmssd", "step_median", "pairs_5pc", "share_max", "p_correlation_max", "band_max", "p_noise_to_qrs"),
    *("near_median", "band_to_qrs"),
)
_SPREAD = [NAMES.index(name) for name in SPREAD_OF]
SHAPE_NAMES = (
    *(
        "qrs_alike",
        "qrs_alike_low",
        "qrs_unlike",
        "qrs_alien",
        "t_alike",
        "t_alike_low",
        "size_cv",
        "size_low",
        "size_high",
    ),
    *("width_median", "width_high", "early", "early_paused", "late", "long_rr", "early_alike", "first_unlike"),
)
QUALITY_NAMES = (
    *("range_low", "range_high", "range_to_qrs", "rest_to_qrs", "rough_to_qrs", "rough_worst", "crossings", "flat"),
    *("large", "seconds", "size", "rest_worst", "kurtosis"),
)
MEAN_NAMES = ("p_peak", "p_peak_at", "pr_level", "st_level", "r_to_s", "t_peak", "t_peak_at", "inverted")
ODD = 2  # so many of the earliest and of the least alike beats are described each
ODD_NAMES = (
    "third_earliest",
    *(
        f"{which}_{place}_{name}"
        for which in ("early", "alien")
        for place in range(ODD)
        for name in ("before", "after", "alike", "width", "size", "noise")
    ),
)
SCREEN_NAMES = (
    *NAMES,
    *(f"{name}_least" for name in SPREAD_OF),
    *(f"{name}_most" for name in SPREAD_OF),
    *SHAPE_NAMES,
    *QUALITY_NAMES,
    *MEAN_NAMES,
    *ODD_NAMES,
)


def strip_row(trace: I16, rows: I64, symbols: str) -> F32:
    """(len(SCREEN_NAMES),) of one lead's whole trace (m, 1) and its beats (rows of it, one symbol each)."""
    blocks = Blocks(("",))
    blocks.push(rows, symbols, trace, 0, len(trace), final=True)
    whole = Windows(
        blocks.beats,
        np.zeros(1, dtype=np.int64),
        np.array([len(rows)], dtype=np.int64),
        blocks.power.sum(axis=0)[None],
        blocks.weight.sum()[None],
    )
    parts = features(blocks.windows(0, blocks.count, reach=1))[:, _SPREAD]
    parts = parts[1:-1] if len(parts) > 3 else parts
    with np.errstate(divide="ignore", invalid="ignore"):
        lead = trace[:, 0].astype(np.float64)
        rest = blocks.rest(0, blocks.count)[:, 0].astype(np.float64)
        shape, mean, odd = _shapes(lead, rest, rows, kinds_of(symbols))
        columns = [features(whole)[0], _least(parts), -_least(-parts), shape, _quality(lead, rows, rest), mean, odd]
    return np.concatenate([np.asarray(column, dtype=np.float32) for column in columns])


def _least(table: F32) -> F32:
    filled = np.where(np.isfinite(table), table, np.inf).min(axis=0)
    return np.where(np.isfinite(filled), filled, np.nan)


def _shapes(x: F64, rest: F64, rows: I64, kind: npt.NDArray[np.uint8]) -> tuple[list[float], list[float], list[float]]:
    """How alike the beats are, how early and late they come; the mean beat in parts of its size; the oddest beats."""
    inside = (rows >= FROM) & (rows + TO <= len(x))
    at, usual = rows[inside], ~is_ectopic(kind[inside])
    if len(at) < 3 or usual.sum() < 2:
        return [np.nan] * len(SHAPE_NAMES), [np.nan] * len(MEAN_NAMES), [np.nan] * len(ODD_NAMES)
    beats = x[at[:, None] + np.arange(-FROM, TO)]
    beats = beats - np.median(beats, axis=1, keepdims=True)
    mean = np.median(beats[usual], axis=0)
    size = np.ptp(beats[:, QRS], axis=1)
    usual_size = max(float(np.median(size)), 1.0)
    qrs, t = _alike(beats[:, QRS], mean[QRS]), _alike(beats[:, T], mean[T])
    slope = np.abs(np.diff(beats[:, FROM - 16 : FROM + 19], axis=1))
    wide = (slope > 0.15 * slope.max(axis=1, keepdims=True)).sum(axis=1)
    rr = np.diff(rows).astype(np.float64)
    middle = float(np.median(rr)) if len(rr) else np.nan
    early = np.flatnonzero(rr[:-1] < 0.87 * middle) if len(rr) > 1 else np.zeros(0, dtype=np.int64)
    paused = rr[early + 1] > 1.05 * middle if len(early) else np.zeros(0, dtype=bool)
    alike_of = dict(zip(at.tolist(), qrs.tolist(), strict=True))
    early_alike = [alike_of[row] for row in rows[early + 1].tolist() if row in alike_of]
    n = max(len(rr), 1)
    shape = [
        float(np.median(qrs)),
        float(np.quantile(qrs, 0.1)),
        float(np.mean(qrs < 0.8)),
        float(np.mean(qrs < 0.5)),
        float(np.median(t)),
        float(np.quantile(t, 0.1)),
        float(size.std() / usual_size),
        float(np.quantile(size, 0.1) / usual_size),
        float(np.quantile(size, 0.9) / usual_size),
        float(np.median(wide)),
        float(np.quantile(wide, 0.9)),
        len(early) / n,
        float(paused.sum()) / n,
        float(np.mean(rr > 1.2 * middle)) if len(rr) else np.nan,
        float(rr.max() / RATE) if len(rr) else np.nan,
        float(np.median(early_alike)) if early_alike else np.nan,
        float(qrs[: max(1, len(qrs) // 4)].mean() - qrs.mean()),
    ]
    noise = np.array([float(rest[max(0, row - 60) : row + 60].std()) for row in at.tolist()]) / usual_size
    table = np.stack([*_ratios(rows, inside), qrs, wide.astype(np.float64), size / usual_size, noise], axis=1)
    return shape, _mean_beat(mean / usual_size), _odd(table)


def _mean_beat(mean: F64) -> list[float]:
    """P, PR, ST and T of the mean beat in parts of the QRS, turned so that the QRS is upright."""
    flip = -1.0 if mean[QRS].max() < -mean[QRS].min() else 1.0
    scaled = flip * mean
    p, t = scaled[FROM - 28 : FROM - 8], scaled[T]
    p = p - np.linspace(p[0], p[-1], len(p))
    p_at, t_at = int(np.argmax(np.abs(p))), int(np.argmax(np.abs(t)))
    return [
        float(p[p_at]),
        float(p_at),
        float(scaled[FROM - 8 : FROM - 5].mean()),
        float(scaled[FROM + 9 : FROM + 12].mean()),
        float(scaled[QRS].max() / max(-float(scaled[QRS].min()), 0.01)),
        float(t[t_at]),
        float(t_at),
        flip,
    ]


def _ratios(rows: I64, inside: npt.NDArray[np.bool_]) -> tuple[F64, F64]:
    """R-R before and after each beat inside, in parts of the median of the eight about it; 1 where there is none."""
    rr = np.diff(rows).astype(np.float64)
    padded = np.pad(rr, 4, mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 9), axis=1)
    ratio = rr / np.maximum(usual, 1.0)
    return np.concatenate([[1.0], ratio])[inside], np.concatenate([ratio, [1.0]])[inside]


def _odd(table: F64) -> list[float]:
    """The ODD earliest and the ODD least alike beats; `table` has before, after, alike, width, size, noise."""
    early, alien = np.argsort(table[:, 0], kind="stable"), np.argsort(table[:, 2], kind="stable")
    third = float(table[early[2], 0]) if len(early) > 2 else np.nan
    return [third, *table[early[:ODD]].ravel().tolist(), *table[alien[:ODD]].ravel().tolist()]


def _alike(table: F64, mean: F64) -> F64:
    """Correlation of each row with the mean beat."""
    a, b = table - table.mean(axis=1, keepdims=True), mean - mean.mean()
    return np.asarray((a @ b) / np.maximum(np.sqrt((a * a).sum(axis=1) * (b @ b)), 1e-9))


def _quality(x: F64, rows: I64, rest: F64) -> list[float]:
    """How much of the lead is not heart: ranges by the second, what is left without beats, roughness."""
    seconds = x[: len(x) // RATE * RATE].reshape(-1, RATE)
    ranges = np.ptp(seconds, axis=1)
    near = x[np.clip(rows[:, None] + np.arange(-9, 11), 0, len(x) - 1)] if len(rows) else np.zeros((1, 20))
    size = max(float(np.median(np.ptp(near, axis=1))), 1.0)
    rough = np.abs(np.diff(x, 2, prepend=[0.0, 0.0]))
    beat = np.zeros(len(x), dtype=bool)
    beat[np.clip((rows[:, None] + np.arange(-12, 15)).ravel(), 0, len(x) - 1)] = True
    quiet = rough[~beat] if (~beat).any() else rough
    left = rest[: len(x) // RATE * RATE].reshape(-1, RATE).std(axis=1)
    by_second = rough[: len(seconds) * RATE].reshape(-1, RATE).mean(axis=1)
    centred = x - x.mean()
    power = float(np.mean(centred**2))
    return [
        float(np.quantile(ranges, 0.1) / size),
        float(np.quantile(ranges, 0.9) / size),
        float(np.median(ranges) / size),
        float(np.median(left) / size),
        float(quiet.mean() / size),
        float(np.quantile(by_second, 0.9) / size),
        float(np.mean(np.signbit(x[1:]) != np.signbit(x[:-1]))),
        float(np.mean(ranges < 60.0)),
        float(np.mean(ranges > 2500.0)),
        len(x) / RATE,
        size,
        float(np.quantile(left, 0.9) / size),
        float(np.mean(centred**4) / max(power * power, 1e-9)),
    ]
