"""Whether a lead can be read in a second of trace: noise that looks like beats, told from beats.

Counts on the trace of 100 samples a second (`trace`), seen in a window of the last eight seconds, judged by small trees
(`trained/quality.npz`). What is wrong with the raw samples (flat, saturated, torn) does not stand here (`hops`), nor
does what follows from a verdict.

All sums are of whole numbers, so that a stream and a file get the same verdict bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.signal.filters import Mask
from ecg.signal.trace import I16, RATE
from ecg.trained import load
from ecg.trained.trees import Trees

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

HOP_ROWS = RATE // 2
STEP = 2  # hops a verdict: one second
BIN = 5  # rows: 50 ms
LAG = 4  # rows: the slope over 40 ms stands out in a QRS
LONG, SHORT = 16, 6  # hops of the windows, all in the past: 8 s and 3 s
COUNTS = ("range", "low", "high", "top", "upper", "middle", "floor", "path", "turns", "raw", "shift")
PARTS = ("own", "short_max", "short_min", "short", "long_max", "long_min", "long")
RATIOS = ("short_contrast", "long_contrast", "depth", "band", "long_band", "evenness", "roundness", "swing")
FEATURES = (*(f"{part}_{count}" for part in PARTS for count in COUNTS), *RATIOS)
LOGIT_MAX, LOGIT_MIN = 1000, -2000  # thousandths: a lead that is all noise must not outvote a good one
QUIET_UV = 120.0  # a lead that moves less for three seconds is no noise: it is an arrest, or off
MEMORY = 3  # seconds whose mean decides
LEADS_MIN = 2  # the best leads whose mean decides


def counts_of(trace: I16, before: I16, raw_range_uv: F32, level_uv: F32, level_before_uv: F32) -> I32:
    """What is counted in each hop, (hops, leads, len(COUNTS)).

    trace    (hops * HOP_ROWS, leads); before (LAG, leads): the rows that stand before it.
    raw_range_uv, level_uv   (hops, leads): peak to peak and mean of the raw hop; level_before_uv (leads,).
    Counts   range: peak to peak. low, high: size of 50 ms means and of what is left of the signal without them. top to
             floor: the sorted slopes of the ten bins of 50 ms. path, turns: sums of absolute first and second
             differences. raw: peak to peak of the raw samples. shift: of their level since the hop before.
    """
    rows = np.concatenate([before, trace]).T.astype(np.int32, order="C")  # (leads, rows): long inner loops
    leads, hops = len(rows), len(trace) // HOP_ROWS
    x = rows[:, LAG:]
    bins = _sums(np.abs(x - rows[:, :-LAG]), BIN).reshape(leads, hops, -1)
    bins.sort(axis=2)
    step = x - rows[:, LAG - 1 : -1]
    turn = np.empty_like(step)
    turn[:, 1:] = step[:, 1:] - step[:, :-1]
    turn[:, 0] = step[:, 0] - (rows[:, LAG - 1] - rows[:, LAG - 2])
    means = _sums(x, BIN)
    low = _sums(means * means, HOP_ROWS // BIN)
    high = BIN * _sums(x.astype(np.int64) ** 2, HOP_ROWS) - low
    shape = x.reshape(leads, hops, HOP_ROWS)
    counted = np.empty((leads, hops, len(COUNTS)), dtype=np.int32)
    counted[..., 0] = shape.max(axis=2) - shape.min(axis=2)
    counted[..., 1], counted[..., 2] = np.rint(np.sqrt(low)), np.rint(np.sqrt(high))
    counted[..., 3], counted[..., 4] = bins[..., -1], bins[..., -3]
    counted[..., 5], counted[..., 6] = bins[..., bins.shape[2] // 2], bins[..., 1]
    counted[..., 7] = _sums(np.abs(step), HOP_ROWS)
    counted[..., 8] = _sums(np.abs(turn), HOP_ROWS)
    counted[..., 9] = np.rint(raw_range_uv).T
    counted[..., 10] = np.rint(np.abs(np.diff(np.concatenate([level_before_uv[None], level_uv]), axis=0))).T
    return np.ascontiguousarray(counted.transpose(1, 0, 2))


def _sums(values: npt.NDArray[np.integer], width: int) -> I64:
    """Sums of each `width` along the last axis."""
    parts = values.reshape(len(values), -1, width)
    if width > BIN:
        return np.asarray(parts.sum(axis=2), dtype=np.int64)
    total = parts[:, :, 0].astype(np.int64)
    for place in range(1, width):
        total += parts[:, :, place]
    return total


def features_of(counts: I32, past: int) -> F32:
    """The rows for the trees, one a second and lead: (seconds * leads, len(FEATURES)).

    counts  (past + seconds * STEP, leads, COUNTS); the first `past` hops only serve as the past of the others, and
            where fewer than LONG are there the window is shorter.
    """
    ends = np.arange(past + STEP, len(counts) + 1, STEP)
    zero = np.zeros((1, *counts.shape[1:]), dtype=np.int64)
    total = np.concatenate([zero, np.cumsum(counts, axis=0, dtype=np.int64)])
    parts: list[F64] = []
    for hops in (STEP, SHORT, LONG):
        first = np.maximum(ends - hops, 0)
        if hops > STEP:
            window = counts[np.maximum(ends[:, None] - np.arange(1, hops + 1), first[:, None])]
            parts += [window.max(axis=1).astype(np.float64), window.min(axis=1).astype(np.float64)]
        parts.append((total[ends] - total[first]) / (ends - first)[:, None, None])
    at = {name: place for place, name in enumerate(COUNTS)}
    _, short_max, short_min, short, long_max, long_min, long = parts

    def over(a: F64, i: str, b: F64, j: str) -> F64:
        return np.asarray(a[..., at[i]] / (b[..., at[j]] + 5.0))

    ratios = (
        over(short_max, "top", short, "middle"),
        over(long_max, "top", long, "middle"),
        over(short_max, "top", short_min, "floor"),
        over(short, "low", short, "high"),
        over(long, "low", long, "high"),
        over(long_max, "top", long, "top"),
        over(short, "turns", short, "path"),
        over(long_max, "raw", long_min, "raw"),
    )
    table = np.concatenate([*parts, np.stack(ratios, axis=-1)], axis=-1)
    return table.reshape(-1, len(FEATURES)).astype(np.float32)


@dataclass(frozen=True)
class Verdict:
    """What is certain now, of hops [first, first + len(dark)).

    noise  (hops, leads) thousandths of a logit: how far the lead is noise; above `limit()` it cannot be read.
    dark   (hops,) no statement may rest on this hop: no lead carries a signal, or the best ones are noise.
    counts (hops, leads, COUNTS) what was counted in them.
    """

    first: int
    noise: I32
    dark: Mask
    counts: I32


class Reader:
    """Trace and raw hops as they come to verdicts; a verdict is certain when its second of trace is there."""

    def __init__(self, leads: int) -> None:
        self.leads = leads
        self._rows = np.zeros((0, leads), dtype=np.int16)  # of hops not counted yet, with LAG rows before them
        self._raw: list[tuple[F32, F32, Mask]] = []  # range, level, usable of hops not counted yet
        self._level = np.zeros(leads, dtype=np.float32)
        self._counts = np.zeros((0, leads, len(COUNTS)), dtype=np.int32)  # the past, then hops without a verdict
        self._past = 0
        self._usable = np.zeros((0, leads), dtype=bool)  # of the hops without a verdict
        self._memory = np.zeros((0, leads), dtype=np.int32)  # the newest seconds
        self._first = 0
        self._hops = 0  # raw hops in all

    def push(self, trace: I16, range_uv: F32, level_uv: F32, usable: Mask) -> Verdict:
        """Any number of new rows of the trace, (n, leads), and of raw hops, (hops, leads) each (`hops`)."""
        if len(trace) and not len(self._rows):
            self._rows = np.repeat(trace[:1], LAG, axis=0)
        if len(range_uv):
            if not self._hops:
                self._level = level_uv[0]
            self._hops += len(range_uv)
            self._raw.append((range_uv, level_uv, usable))
        self._rows = np.concatenate([self._rows, trace])
        self._count()
        return self._judge((len(self._counts) - self._past) // STEP * STEP)

    def flush(self) -> Verdict:
        """Nothing follows. A hop without its whole trace is judged like the one before it."""
        missing = self._hops - self._first
        open_ = len(self._counts) - self._past
        usable = np.concatenate([self._usable, *(raw[2] for raw in self._raw)])
        last = self._counts[-1:]
        if missing == 0 or not len(last):
            nothing = np.zeros((missing, self.leads), dtype=np.int32)
            empty = np.zeros((missing, self.leads, len(COUNTS)), dtype=np.int32)
            return Verdict(self._first, nothing, is_dark(nothing, usable[:missing]), empty)
        self._counts = np.concatenate([self._counts, np.repeat(last, missing + missing % STEP - open_, axis=0)])
        self._usable = np.concatenate([usable, np.repeat(usable[-1:], missing % STEP, axis=0)])
        verdict = self._judge(missing + missing % STEP)
        return Verdict(verdict.first, verdict.noise[:missing], verdict.dark[:missing], verdict.counts[:missing])

    def _count(self) -> None:
        """Count the hops whose trace and raw samples are both there."""
        waiting = sum(len(raw[0]) for raw in self._raw)
        hops = min(max(0, len(self._rows) - LAG) // HOP_ROWS, waiting)
        if not hops:
            return
        range_uv, level_uv, usable = (np.concatenate(column) for column in zip(*self._raw, strict=True))
        rows = self._rows[: LAG + hops * HOP_ROWS]
        counted = counts_of(rows[LAG:], rows[:LAG], range_uv[:hops], level_uv[:hops], self._level)
        self._rows, self._level = self._rows[hops * HOP_ROWS :].copy(), level_uv[hops - 1]
        self._raw = [(range_uv[hops:], level_uv[hops:], usable[hops:])] if hops < waiting else []
        self._counts = np.concatenate([self._counts, counted])
        self._usable = np.concatenate([self._usable, usable[:hops]])

    def _judge(self, hops: int) -> Verdict:
        """The verdict of the next `hops` counted hops, whole seconds."""
        if not hops:
            nothing = np.zeros((0, self.leads), dtype=np.int32)
            empty = np.zeros((0, self.leads, len(COUNTS)), dtype=np.int32)
            return Verdict(self._first, nothing, np.zeros(0, dtype=bool), empty)
        rows = features_of(self._counts[: self._past + hops], self._past)
        quiet = rows[:, FEATURES.index("short_max_raw")].reshape(-1, self.leads) < QUIET_UV
        logits = np.rint(_trees().logits(rows)[:, 0] * 1000.0).astype(np.int32).reshape(-1, self.leads)
        logits = np.where(quiet, LOGIT_MIN, np.clip(logits, LOGIT_MIN, LOGIT_MAX)).astype(np.int32)
        clipped = np.concatenate([self._memory, logits])
        have = len(self._memory)
        total = np.concatenate([np.zeros((1, self.leads), dtype=np.int64), np.cumsum(clipped, axis=0, dtype=np.int64)])
        ends = np.arange(have + 1, len(clipped) + 1)
        first = np.maximum(ends - MEMORY, 0)
        smooth = (total[ends] - total[first]) // (ends - first)[:, None]
        noise = np.repeat(smooth.astype(np.int32), STEP, axis=0)
        usable = self._usable[:hops]
        counts = self._counts[self._past : self._past + hops]
        verdict = Verdict(self._first, noise, is_dark(noise, usable), counts)
        self._memory = clipped[-(MEMORY - 1) :].copy()
        keep = max(0, self._past + hops - LONG)
        self._past, self._counts = self._past + hops - keep, self._counts[keep:].copy()
        self._usable, self._first = self._usable[hops:], self._first + hops
        return verdict


def is_dark(noise: I32, usable: Mask) -> Mask:
    """(hops,): no usable lead, or the mean of the LEADS_MIN best usable ones is noise."""
    ranked = np.sort(np.where(usable, noise, 10 * LOGIT_MAX), axis=1)[:, :LEADS_MIN].astype(np.int64)
    count = np.minimum(usable.sum(axis=1), ranked.shape[1])
    sums = np.where(np.arange(ranked.shape[1]) < count[:, None], ranked, 0).sum(axis=1)
    return np.asarray((count == 0) | (sums > limit() * count))


@cache
def limit() -> int:
    """Thousandths of a logit above which a lead is noise; set at 0.7 % of clean hops in cross-validation."""
    return int(load("quality")["hop_limit"][0])


@cache
def _trees() -> Trees:
    return Trees.of("quality", "hop_")
