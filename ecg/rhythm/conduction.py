"""Whether every P wave is followed by a beat: AV block of the second degree, two to one, high grade, complete; and
whether fibrillation reaches the ventricles beside the AV node.

Looks for P waves in the signal without QRS and T of one window (`blocks`), then asks a few questions of the two
lists. There are hardly any labelled recordings of these rhythms, so the rules are strict: regular P waves of one shape,
on time also where no beat follows. Made for specificity; a block that is missed here keeps its sinus or escape name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.signal.trace import I16

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BOX = 7  # rows: a P wave is about so wide at half its height
APART = 14  # rows about a pulse in which no other counts
SIZE_MIN = 2 * BOX * 20  # a pulse of 20 uV over its neighbourhood
PR_MIN, PR_MAX = 8, 46  # rows from the P peak to R of a conducted beat
AFTER_R = 34  # rows after R from which a P wave can be told from what T leaves
ALIKE, HALF, DOUBLE = 0.75, 0.45, 2.2  # cosine over the leads, and size, against the usual P wave
STEADY = 2.0  # rows: median deviation of a PR that is the same
GROWS = 4  # rows by which PR is longer before a dropped beat than after it (Mobitz I), 40 ms
ON_TIME = 0.15  # parts of P-P
REGULAR = 0.10
BEATS_MIN = 4
SLOW_RR = 78  # rows: complete block and two to one are looked for below about 77 a minute
MOST = 0.75
BYPASS_BPM, BYPASS_RR = 150.0, 30  # fibrillation so fast, with an R-R of so few rows: no AV node conducts like that
PATH_FROM, PATH_TO, PATH_EDGE = 14, 10, 0.03  # rows about R; share of the way up and down that lies outside the QRS
BYPASS_ROWS = 10  # between those: 0.12 s and more, as the steps of the trace tell it
SLOW_BPM, LONG = 60.0, 1.3  # worth looking: mean rate; longest R-R in parts of the median


@dataclass(frozen=True)
class Pulses:
    """P-like pulses: row of the peak, size (sum over leads), shape (n, leads) signed."""

    row: I64
    size: I64
    shape: F64


def pulses(rest: npt.NDArray[np.int16], first: int) -> Pulses:
    """Bumps as wide as a P wave in (rows, leads) of the signal without beats, whose row 0 is `first`."""
    total = np.concatenate([np.zeros((1, rest.shape[1]), dtype=np.int64), np.cumsum(rest, axis=0, dtype=np.int64)])
    box = total[BOX:] - total[:-BOX]
    bump = 2 * box[BOX:-BOX] - box[: -2 * BOX] - box[2 * BOX :]
    size = np.abs(bump).sum(axis=1)
    if len(size) <= 2 * APART:
        return Pulses(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, rest.shape[1])))
    at = 1 + np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:]) & (size[1:-1] >= SIZE_MIN))
    about = np.pad(size, APART)[at[:, None] + np.arange(2 * APART + 1)]
    at = at[size[at] == about.max(axis=1)]
    at = at[np.diff(at, prepend=-APART) >= APART]
    return Pulses(at + first + BOX + BOX // 2, size[at], bump[at].astype(np.float64))


def av_block(found: Pulses, beats: I64) -> str | None:
    """avb2_1, avb2_2, avb_2to1, avb_hg or avb3 of a window's pulses and beats (rows, none of them early); else None."""
    if len(beats) < BEATS_MIN or len(found.row) < BEATS_MIN:
        return None
    following = np.searchsorted(beats, found.row)
    before = np.where(following < len(beats), beats[np.minimum(following, len(beats) - 1)] - found.row, 1000)
    after = np.where(following > 0, found.row - beats[np.maximum(following - 1, 0)], 1000)
    near = (before >= PR_MIN) & (before <= PR_MAX) & (after >= AFTER_R - 10)
    free = (before > PR_MAX) & (after >= AFTER_R) & (following > 0) & (following < len(beats))
    pr = np.full(len(beats), np.nan)
    for k in np.flatnonzero(near):  # the last one before a beat is the one that may be conducted
        pr[following[k]] = before[k]
    has = np.isfinite(pr)
    if has.mean() >= MOST:
        usual = near & _alike(found, near)
        second = _second_degree(found.row[free & _alike(found, usual)], beats, pr)
        if second is not None:
            return second
    return "avb3" if _dissociated(found, near | free, beats) else None


def _alike(found: Pulses, group: Mask) -> Mask:
    """Which pulses look like the usual one of the group."""
    if not group.any():
        return np.zeros(len(found.row), dtype=bool)
    usual = np.median(found.shape[group], axis=0)
    size = float(np.median(found.size[group]))
    norm = np.sqrt((found.shape**2).sum(axis=1) * float((usual**2).sum()))
    cosine = (found.shape * usual).sum(axis=1) / np.maximum(norm, 1e-9)
    return np.asarray((cosine >= ALIKE) & (found.size >= HALF * size) & (found.size <= DOUBLE * size))


def _second_degree(free: I64, beats: I64, pr: F64) -> str | None:
    """Blocks in which conducted beats have their P wave: what happens in the intervals that hold a free one."""
    if not len(free):
        return None
    rr = np.diff(beats)
    blocked = np.bincount(np.searchsorted(beats, free) - 1, minlength=len(rr))[: len(rr)]
    middle = float(np.nanmedian(pr))
    steady = float(np.nanmedian(np.abs(pr - middle))) <= STEADY
    wave = beats - pr
    even = [i for i in np.flatnonzero(blocked) if _even(free, wave, int(i), int(blocked[i]))]
    if steady and len(even) >= MOST * len(rr) and float(np.median(rr)) >= SLOW_RR:
        return "avb_hg" if np.sum(blocked[even] >= 2) > 0.3 * len(even) else "avb_2to1"
    if steady and any(blocked[i] >= 2 for i in even):
        return "avb_hg"
    drops = [i for i in even if blocked[i] == 1 and 0 < i < len(rr) and blocked[i - 1] == 0]
    drops = [i for i in drops if _on_time(wave, int(i))]
    if not drops or len(even) < MOST * np.count_nonzero(blocked):
        return None
    growth = np.array([pr[i] - pr[i + 1] for i in drops])
    if np.all(growth >= GROWS):
        return "avb2_1"
    return "avb2_2" if np.all(np.abs(growth) <= STEADY) and steady else None


def _even(free: I64, wave: F64, i: int, count: int) -> bool:
    """The free P waves between beats i and i + 1 divide the way between the two conducted ones evenly."""
    if not (np.isfinite(wave[i]) and np.isfinite(wave[i + 1])):
        return False
    inside = free[(free > wave[i]) & (free < wave[i + 1])]
    if len(inside) != count:
        return False
    steps = np.diff(np.concatenate([[wave[i]], inside, [wave[i + 1]]]))
    return bool(np.ptp(steps) <= 2 * ON_TIME * steps.mean())


def _on_time(wave: F64, i: int) -> bool:
    """The dropped beat's P-P is that of the beats before: the P wave was not early (a blocked PAC is)."""
    usual = wave[i] - wave[i - 1]
    half = (wave[i + 1] - wave[i]) / 2
    return bool(np.isfinite(usual) and abs(half - usual) <= ON_TIME * usual)


def _dissociated(found: Pulses, seen: Mask, beats: I64) -> bool:
    """Slow regular beats, faster regular P waves of one shape, and no fixed distance between them."""
    rr = np.diff(beats)
    usual = float(np.median(rr))
    if usual < SLOW_RR or np.any(np.abs(rr - usual) > REGULAR * usual):
        return False
    row = found.row[seen & _alike(found, seen)]
    if len(row) < max(6, len(beats)):
        return False
    steps = np.diff(row).astype(np.float64)
    short = steps[steps >= 30]
    if not len(short):
        return False
    pp = float(np.median(short[short <= 1.3 * np.quantile(short, 0.25)]))
    times = np.rint(steps / pp)
    fits = np.abs(steps - times * pp) <= 0.12 * pp
    if pp > 0.87 * usual or np.mean(fits & (times >= 1)) < MOST or np.mean(times[fits] == 1) < 0.4:
        return False
    last = np.searchsorted(row, beats) - 1
    phase = (beats[last >= 0] - row[last[last >= 0]]) / pp
    turn = np.exp(2j * np.pi * phase)
    return bool(abs(turn.mean()) < 0.6)


def looks_blocked(rate_bpm: float, rr_max: float, ectopic: float, premature: float) -> bool:
    """Whether a window is worth looking at: slow, or with a pause that no early beat made."""
    return ectopic < 0.05 and premature < 0.05 and (rate_bpm < SLOW_BPM or rr_max > LONG)


def bypass_rr(trace: I16, rows: I64, rate_bpm: float) -> int:
    """The shortest R-R, rows, of fibrillation that an accessory pathway conducts: fast, with broad beats; 0: none.

    trace (m, leads) of the window, rows the beats in it. AHA/ACC/HRS 2014: an R-R of 250 ms or less is dangerous (K).
    """
    inside = rows[(rows >= PATH_FROM) & (rows + PATH_TO < len(trace))]
    if rate_bpm < BYPASS_BPM or len(inside) < BEATS_MIN:
        return 0
    shortest = int(np.diff(rows).min())
    mean = np.rint(np.median(trace[inside[:, None] + np.arange(-PATH_FROM, PATH_TO)], axis=0))
    way = np.cumsum(np.abs(np.diff(mean, axis=0)).sum(axis=1))
    first, last = np.searchsorted(way, way[-1] * np.array([PATH_EDGE, 1 - PATH_EDGE]))
    return shortest if shortest <= BYPASS_RR and last - first >= BYPASS_ROWS else 0
