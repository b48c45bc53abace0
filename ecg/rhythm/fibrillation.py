"""Ventricular fibrillation and flutter: windows of four seconds, one a second, on the trace.

Says of a window how much each lead looks like a wandering sine with no rest between in which the QRS net finds nothing
(`judge`), and whether it repeats itself like flutter. What is told of it, and since when, is decided by
`FibrillationWatch`, fed in order like the other watches. What was learned stands in `trained/fibrillation.npz`.

All sums are of whole numbers, so that a stream and a file get the same verdict bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.beats.detector import CELL
from ecg.record import F32
from ecg.rhythm.watch import Found, Open
from ecg.rules.evidence import Evidence
from ecg.signal.filters import Mask
from ecg.signal.trace import I16, RATE
from ecg.trained import load

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

WINDOW, STEP = 4 * RATE, RATE  # rows
CELLS = WINDOW // CELL
PIECE = 256  # windows at once: what fits the cache
PARTS = 8  # half seconds of a window
SIZE_AT = 5  # of their sorted extremes: a single spike does not count
SHARE_MIN, UV_MIN = 0.28, 75  # nothing below them is looked at: too often at rest; too small
HZ = np.arange(1.0, 16.01, 0.25)
LOW_HZ, HIGH_HZ = 2.0, 10.0
TAP_UNIT, POWER_UNIT = 1024.0, 2.0**20
LOGIT_MAX = 6000  # thousandths of the net's certainty, to either side
BEATING = 2.0  # certainty of this place above which there are beats, and nothing is looked at
LOUDEST = 4  # the net's certainty of this place tells beats from none
FEATURES = ("low", "high", "net_top", "net_mean", "net_spread")
LOOKS, SURELY = 0, 3500  # thousandths of a logit: looks like it; needs no second window
LIKELY = 3000  # what several windows come to that do so together
ALONE = 1000  # by which a lead that is alone must look more like it
NOTHING, BARELY = -(10**6), -(10**5)  # no lead can be read; none is worth a look
LEAVE = -3000  # below: no longer fibrillation, once it is
LEADS = 2  # as many leads must look like it, where there are as many
LAGS = np.arange(16, 67, 2)  # rows: 90 to 375 a minute
NEWEST = 250  # rows of a window that are asked whether they keep time: its first second may be another rhythm's
KEEPS, KEEPS_WELL = 600, 800  # thousandths of its power: like itself one period on
# A minute, keeping time: faster than FLUTTER_MAX it is fibrillation. What looks like waves is flutter above SLOW_MAX,
# what barely does (HARDLY) is tachycardia up to FAST_MAX: its QRS are broad, but they are there.
FLUTTER_MAX, FLUTTER_MIN, SLOW_MAX, FAST_MAX, HARDLY = 260, 190, 180, 220, 1500
LEAN, TURNS_MAX = 60, 3  # per cent of the larger side that the smaller one has at most; turns in a window
TWIST_BPM = (150, 400)  # crossings of the middle by two
TWIST_LEADS = 3  # that must turn, and half of all; with fewer it is fibrillation (207 turns for 5 s in both leads)
VERDICTS, NEEDED = 3, 2  # windows that decide together
BLIND = 8  # windows that may pass without a lead that can be read
HEARD, IN_TIME_MIN, IN_TIME = -1000, 4, 0.15  # thousandths of the certainty of a beat; so many, so even
BEAT = 1000  # thousandths of the net's certainty: a beat beyond doubt
BEFORE_BEAT, AFTER_BEAT = 10, 30  # rows about it that are its own


@dataclass(frozen=True, eq=False)
class Verdicts:
    """(windows, leads) each: `looks` in thousandths of a logit, far below 0 where nothing was looked at; `repeats` in
    thousandths and `lag` in rows, 0 where it does not look like it; `twists` waves a minute that turn about the
    baseline, 0 where they do not.
    """

    looks: I32
    repeats: I32
    lag: I32
    twists: I32


def judge(trace: I16, milli: I32) -> Verdicts:
    """How the leads of each window look.

    trace   (WINDOW + (windows - 1) * STEP, leads): a window every STEP rows.
    milli   the QRS net's certainty in thousandths, of the cells of the same rows.
    Source  the share of samples away from the baseline is after the threshold crossing sample count (Arafat 2011, K),
            the spectrum after Amann et al., BioMed Eng OnLine 2005;4:60; that the QRS net finds no beats says most.
    """
    count = max(0, (len(trace) - WINDOW) // STEP + 1)
    shape = (count, trace.shape[1])
    found = Verdicts(*(np.full(shape, fill, dtype=np.int32) for fill in (NOTHING, 0, 0, 0)))
    for at in range(0, count, PIECE):
        every = np.arange(at, min(count, at + PIECE))
        net = net_features(milli, every)
        few = every[net[:, 0] < BEATING]
        x, window, lead = candidates(trace, few)
        if not len(x):
            continue
        looks = _logits(features(x, net[window - at]))
        found.looks[window, lead] = looks
        hit = looks >= LOOKS
        if hit.any():
            found.repeats[window[hit], lead[hit]], found.lag[window[hit], lead[hit]] = repetition(x[hit])
            found.twists[window[hit], lead[hit]] = twisting(x[hit])
    return found


def candidates(trace: I16, windows: I64) -> tuple[I32, I64, I64]:
    """What of some windows is worth a look: (n, WINDOW) less their mean; window and lead of each."""
    if not len(windows):
        return np.zeros((0, WINDOW), dtype=np.int32), windows, windows
    rows = np.ascontiguousarray(trace)
    row, column = rows.strides
    shape = ((len(rows) - WINDOW) // STEP + 1, rows.shape[1], WINDOW)
    views = np.ndarray(shape, rows.dtype, rows, strides=(STEP * row, column, row))[windows]
    mean = np.rint(views.sum(axis=2, dtype=np.int64) / WINDOW).astype(np.int32)
    x = np.subtract(views, mean[:, :, None], dtype=np.int32)
    away = np.abs(x)
    size = np.sort(away.reshape(*mean.shape, PARTS, -1).max(axis=3), axis=2)[:, :, SIZE_AT]
    resting = np.count_nonzero(4 * away <= size[:, :, None], axis=2)
    index, lead = np.nonzero((resting <= (1 - SHARE_MIN) * WINDOW) & (size >= UV_MIN))
    return x[index, lead], windows[index], lead.astype(np.int64)


def net_features(milli: I32, window: I64) -> F64:
    """(n, 3): what the net says of the cells of each window: the LOUDEST certainty, mean and spread, logits."""
    cells = milli[window[:, None] * (STEP // CELL) + np.arange(CELLS)].astype(np.int64)
    cells = np.clip(cells, -LOGIT_MAX, LOGIT_MAX)
    top = np.sort(cells, axis=1)[:, -LOUDEST]
    total, squares = cells.sum(axis=1), (cells * cells).sum(axis=1)
    spread = np.sqrt((CELLS * squares - total * total).astype(np.float64)) / CELLS
    return np.stack([top, total / CELLS, spread], axis=1) / 1000.0


def features(x: I32, net: F64) -> F32:
    """(n, FEATURES) of windows (n, WINDOW) less their mean, whole uV; net: what `net_features` gave."""
    parts = x.astype(np.float64) @ _taps()  # of whole numbers: exact in any order
    power = parts[:, : len(HZ)] ** 2 + parts[:, len(HZ) :] ** 2
    units = np.rint(power / POWER_UNIT).astype(np.int64)
    whole = np.maximum(units.sum(axis=1), 1)
    low, high = units[:, HZ < LOW_HZ].sum(axis=1) / whole, units[:, HZ > HIGH_HZ].sum(axis=1) / whole
    return np.concatenate([np.stack([low, high], axis=1), net], axis=1).astype(np.float32)


@cache
def _taps() -> F64:
    time_s = np.arange(WINDOW) / RATE
    hann = np.hanning(WINDOW + 2)[1:-1, None]
    angle = 2 * np.pi * HZ * time_s[:, None]
    return np.rint(TAP_UNIT * np.concatenate([hann * np.cos(angle), hann * np.sin(angle)], axis=1))


def repetition(x: I32) -> tuple[I32, I32]:
    """How much of the end of a window repeats after one period, thousandths, and the period, rows: (n,) each."""
    wide = x[:, -NEWEST:].astype(np.int64)
    like = np.empty((len(x), len(LAGS)), dtype=np.int32)
    for column, lag in enumerate(LAGS.tolist()):
        now, then = wide[:, lag:], wide[:, :-lag]
        power = (now * now).sum(axis=1) + (then * then).sum(axis=1)
        like[:, column] = np.rint(2000.0 * (now * then).sum(axis=1) / np.maximum(power, 1))
    best = like.max(axis=1)
    inner = np.zeros_like(like, dtype=bool)  # the first peak that is nearly the best: not a multiple of the period
    inner[:, 1:-1] = (like[:, 1:-1] >= like[:, :-2]) & (like[:, 1:-1] >= like[:, 2:])
    first = (inner & (10 * like >= 9 * best[:, None])).argmax(axis=1)
    every = np.arange(len(x))
    peaks = inner[every, first]
    return np.where(peaks, like[every, first], 0).astype(np.int32), np.where(peaks, LAGS[first], 0).astype(np.int32)


def twisting(x: I32) -> I32:
    """(n,) waves a minute of windows whose complexes point one way for a second or more and then the other; else 0.

    The axis of torsades turns about the baseline every 5 to 20 beats (Dessertenne 1966, K). Fibrillation is as much
    above its mean as below in every second; a wandering baseline is taken away with it.
    """
    count = len(x) * PARTS
    parts = x.astype(np.int64).reshape(count, -1)
    level = np.sort(parts, axis=1)[:, parts.shape[1] // 2]
    top, bottom = parts.max(axis=1), parts.min(axis=1)
    above, below = top - level, level - bottom
    leans = np.where(LEAN * above > 100 * below, -1, 0) + np.where(LEAN * below > 100 * above, 1, 0)
    leans = leans.reshape(len(x), PARTS)
    pair = leans[:, 1:] + leans[:, :-1]
    turns = (pair == 2).any(axis=1) & (pair == -2).any(axis=1)
    changes = np.count_nonzero((leans[:, 1:] * leans[:, :-1]) < 0, axis=1)
    over = (2 * parts > (top + bottom)[:, None]).reshape(x.shape)
    crossings = np.count_nonzero(over[:, 1:] != over[:, :-1], axis=1)
    speed = crossings * 30 * RATE // WINDOW
    fits = turns & (changes <= TURNS_MAX) & (speed >= TWIST_BPM[0]) & (speed <= TWIST_BPM[1])
    return np.where(fits, speed, 0).astype(np.int32)


def _logits(rows: F32) -> I32:
    """Thousandths; a row does not depend on its neighbours: whole products of whole features."""
    model = load("fibrillation")
    middle, scale = (np.asarray(model[key], dtype=np.float32) for key in ("middle", "scale"))
    weight, start = (np.asarray(model[key], dtype=np.int64) for key in ("weight", "start"))
    scaled = np.clip(np.rint((rows - middle) * scale), -8000, 8000).astype(np.int64)
    sums = (scaled * weight).sum(axis=1)
    return np.asarray(np.rint(sums / 1000.0) + int(start[0]), dtype=np.int32)


@dataclass(frozen=True)
class Window:
    """One window of all leads together; rows within it.

    looks         thousandths of a logit, of the leads that look most like it.
    bpm, repeats  waves a minute, 0 where they do not repeat; thousandths of how much they do.
    since, until  what lies before and after is beats.
    twists        waves a minute of torsades, 0 where the complexes do not turn about the baseline.
    """

    looks: int
    bpm: int
    repeats: int
    since: int
    until: int
    twists: int = 0

    @property
    def sine(self) -> bool:
        return self.looks >= LOOKS

    @property
    def tachycardia(self) -> bool:
        slow = self.bpm < SLOW_MAX and self.repeats >= KEEPS_WELL
        barely = self.looks < HARDLY and self.bpm < FAST_MAX and self.repeats >= KEEPS
        return self.bpm > 0 and (slow or barely)

    @property
    def flutter(self) -> bool:
        return 0 < self.bpm <= FLUTTER_MAX and self.repeats >= KEEPS

    @property
    def readable(self) -> bool:
        return self.looks > NOTHING


def together(found: Verdicts, readable: Mask, milli: I32) -> list[Window]:
    """The leads of each window as one: as many as are asked look at least so.

    readable (windows, leads); milli: as for `judge`.
    """
    count = readable.sum(axis=1)
    ranked = -np.sort(-np.where(readable, found.looks, NOTHING), axis=1)
    asked = np.maximum(np.minimum(LEADS, count), count // 2)
    every = np.arange(len(asked))
    looks = np.maximum(ranked[every, np.maximum(asked - 1, 0)] - ALONE * (asked == 1), BARELY)
    looks = np.where(asked > 0, looks, NOTHING)
    best = np.where(readable, found.repeats, 0).argmax(axis=1)
    bpm = np.where(found.lag[every, best] > 0, 60 * RATE // np.maximum(found.lag[every, best], 1), 0)
    turning = np.where(readable, found.twists, 0)
    enough = (turning > 0).sum(axis=1) >= np.maximum(TWIST_LEADS, count // 2)
    twists = np.where(enough, turning.max(axis=1, initial=0), 0)
    columns = (looks.tolist(), bpm.tolist(), found.repeats[every, best].tolist(), twists.tolist())
    out = [Window(look, waves, like, 0, WINDOW, turn) for look, waves, like, turn in zip(*columns, strict=True)]
    for index in np.flatnonzero(looks >= LOOKS).tolist():
        cells = milli[index * (STEP // CELL) :][:CELLS]
        looked = BARELY if _beats_in_time(cells) else out[index].looks
        out[index] = replace(out[index], looks=looked, **_between_beats(cells))
    return out


def _beats_in_time(milli: I32) -> bool:
    """The net hears beats that keep time, slower than flutter: a lead in which QRS are low and broad, no
    fibrillation.
    """
    inner = milli[1:-1]
    at = np.flatnonzero((inner >= HEARD) & (inner > milli[:-2]) & (inner >= milli[2:]))
    if len(at) < IN_TIME_MIN:
        return False
    steps = np.diff(at)
    mean = float(steps.sum()) / len(steps)
    return bool(60 * RATE / (CELL * mean) < FLUTTER_MIN and np.abs(steps - mean).max() <= max(1.5, IN_TIME * mean))


def _between_beats(milli: I32) -> dict[str, int]:
    """Where fibrillation lies: after the last sure beat of the first half, before the first of the second."""
    sure = CELL * np.flatnonzero(milli >= BEAT)
    early, late = sure[sure < WINDOW // 2], sure[sure >= WINDOW // 2]
    since = int(early[-1]) + AFTER_BEAT if len(early) else 0
    return {"since": since, "until": int(late[0]) - BEFORE_BEAT if len(late) else WINDOW}


@dataclass
class FibrillationWatch:
    """Window after window: one that is sure, or two of three that look enough like it together. Places are samples.

    What keeps time and is slow makes evidence of ventricular tachycardia: its beats are too broad for the QRS net. What
    turns about the baseline in most windows is torsades until it does no longer.
    """

    fs: float
    open: Open = field(init=False)
    verdicts: list[bool] = field(default_factory=list)
    slow: list[bool] = field(default_factory=list)  # of the same windows: tachycardia
    begun: list[int] = field(default_factory=list)  # where it begins in them
    looked: list[int] = field(default_factory=list)  # how much they look like it
    blind: int = 0  # windows in a row in which no lead could be read
    waves: int = 0  # windows of the open one, how many of them are flutter, and how many turn
    steady: int = 0
    turning: int = 0

    def __post_init__(self) -> None:
        self.open = Open(1000.0 / self.fs)

    @property
    def on(self) -> bool:
        return bool(self.open.now)

    def window(self, first: int, seen: Window) -> Iterator[Found]:
        """The window that begins at sample `first`."""
        self.blind = 0 if seen.readable else self.blind + 1
        if self.on and 0 < self.blind <= BLIND:
            return  # a shock, or a hand on the electrodes: nothing speaks against it
        since, end = (max(0, first) + round(rows * self.fs / RATE) for rows in (seen.since, seen.until))
        storm = "vf" in self.open.now or "tdp" in self.open.now
        goes_on = seen.sine or (storm and seen.looks >= LEAVE and not seen.tachycardia)
        self.verdicts = [*self.verdicts, goes_on][-VERDICTS:]
        self.slow = [*self.slow, seen.sine and seen.tachycardia][-VERDICTS:]
        self.begun = [*self.begun, since][-VERDICTS:]
        self.looked = [*self.looked, seen.looks][-VERDICTS:]
        if goes_on and (self.on or seen.looks >= SURELY or sum(self.verdicts) >= NEEDED):
            yield from self._grow(end, seen)
        elif not any(self.verdicts):
            yield from self.finish()

    def _grow(self, end: int, seen: Window) -> Iterator[Found]:
        if "vt" in self.open.now and not any(self.slow[-NEEDED:]):
            yield from self.open.close("vt", "vt")  # it has lost its time: fibrillation now
        if not self.on:
            self.waves = self.steady = self.turning = 0
        self.waves, self.steady = self.waves + 1, self.steady + seen.flutter
        self.turning += seen.twists > 0
        first = self.begun[self.verdicts.index(True)]
        if "vt" in self.open.now or (not self.on and seen.tachycardia):
            yield self._tachycardia(first, end, seen)
            return
        if not self.on and sum(looks for looks in self.looked if looks >= LOOKS) < LIKELY:
            return  # broad beats that lose their time a little look like it for a second or two
        turned = self.open.now.get("tdp")
        if "vf" not in self.open.now and 2 * self.turning > self.waves:
            yield self._torsades(first if turned is None else turned.first, end, seen)
            return
        if turned is not None:
            first = max(first, turned.end)
            yield from self.open.close("tdp", "tdp")  # it turns no longer: fibrillation now
        elif self.on:
            first, end = self.open.now["vf"].first, max(end, self.open.now["vf"].end)
        flags = frozenset({"vfl"}) if 2 * self.steady > self.waves else frozenset()
        facts = {"lasts_ms": self.open.ms(end - first)}
        yield self.open.grow(Evidence("vf", first, end, facts, flags=flags, closed=False))

    def _torsades(self, first: int, end: int, seen: Window) -> Evidence:
        lasts = self.open.ms(end - first)
        speed = self.open.worst("tdp", "rate_dbpm", 10 * seen.twists)
        facts = {"rate_dbpm": speed, "beats": max(1, lasts * speed // 600_000), "lasts_ms": lasts}
        return self.open.grow(Evidence("tdp", first, end, facts, flags=frozenset({"tdp"}), closed=False))

    def _tachycardia(self, first: int, end: int, seen: Window) -> Evidence:
        if self.on:
            first, end = self.open.now["vt"].first, max(end, self.open.now["vt"].end)
        lasts = self.open.ms(end - first)
        speed = self.open.worst("vt", "rate_dbpm", 10 * seen.bpm)
        facts = {"rate_dbpm": speed, "beats": max(1, lasts * speed // 600_000), "lasts_ms": lasts}
        return self.open.grow(Evidence("vt", first, end, facts, closed=False))

    def finish(self) -> Iterator[Found]:
        yield from self.open.close("vt", "vt")
        yield from self.open.close("tdp", "tdp")
        flutter = self.on and "vfl" in self.open.now["vf"].flags
        yield from self.open.close("vf", "vfl" if flutter else "vf")
