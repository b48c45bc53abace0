"""Pacing spikes: found on the recording's own samples and taken out before anything is filtered.

A spike is gone within 4 ms to either side and stands far above all else about it; a QRS is as tall but not as narrow.
Recorders with an old, low filter spread it over 8 ms, where a very narrow QRS looks alike: such a one is given apart,
as doubtful, and stays in the signal. What the spikes mean (which beat is paced, whether it captured) does not stand
here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg.record import F32, I64

SPIKE_UV = 300.0
SPIKE_S, BROAD_S = 0.004, 0.0085  # a spike is gone this soon after its peak; a doubtful one
ALONE, PART = 6.0, 0.6  # times the usual step about it; part of what is lost in twice the time
BROAD_ALONE, BROAD_PART = 4.0, 0.8
BROAD_APART_S = 0.04
ABOUT_S = 0.06  # what is about it
RATE_MIN = 250.0  # below it a spike is there one sample or none
LEADS_MIN = 2  # a spike is seen in two leads where there are three


@dataclass(frozen=True)
class _Form:
    """What counts as a spike: reach in samples, and how far it must stand out."""

    near: int
    alone: float
    part: float
    apart: int


class SpikeFilter:
    """Chunks in, the same samples without their spikes out, `delay` samples later."""

    def __init__(self, fs: float, leads: int) -> None:
        self.fs = fs
        near, broad = max(1, round(SPIKE_S * fs)), max(2, round(BROAD_S * fs))
        self._sure = _Form(near, ALONE, PART, 2 * near)
        self._doubtful = _Form(broad, BROAD_ALONE, BROAD_PART, round(BROAD_APART_S * fs))
        self.reach = max(2, round(2 * SPIKE_S * fs))
        self.delay = 0 if fs < RATE_MIN else round(ABOUT_S * fs) + 4 * broad
        self._held: F32 = np.zeros(
            (0, leads), dtype=np.float32
        )  # `delay` samples given before, then those not given yet
        self._first = 0  # the sample of `_held[0]`
        self._given = 0

    def push(self, raw_uv: F32, *, final: bool = False) -> tuple[F32, list[int], list[int]]:
        """(n, leads) float32 whole uV, NaN in gaps -> samples that are certain now; where spikes peak among them, the
        sure and the doubtful ones.
        """
        if not self.delay:
            self._given += len(raw_uv)
            return raw_uv, [], []
        held = np.concatenate([self._held, raw_uv]) if len(self._held) else raw_uv
        stop = len(held) if final else max(self._given - self._first, len(held) - self.delay)
        begin = self._given - self._first
        if stop <= begin:
            self._held = held
            return held[:0], [], []
        near = (max(0, begin - self.reach), min(len(held), stop + self.reach))
        sure = self._spikes(held, *near, self._sure)
        doubtful = self._spikes(held, begin, stop, self._doubtful)
        out = _without(held, sure, self.reach)[begin:stop] if sure else held[begin:stop]
        keep = max(0, stop - self.delay)
        first = self._first
        self._given += stop - begin
        self._held, self._first = held[keep:].copy(), first + keep
        return out, [first + row for row in sure if begin <= row < stop], [first + row for row in doubtful]

    def _spikes(self, held: F32, begin: int, end: int, form: _Form) -> list[int]:
        """Rows in [begin, end) at which a spike peaks."""
        near = form.near
        low, high = max(near, begin), min(len(held) - near, end)
        if high <= low:
            return []
        middle = held[low:high]
        with np.errstate(invalid="ignore"):
            left, right = middle - held[low - near : high - near], middle - held[low + near : high + near]
            tall = ((left >= SPIKE_UV) & (right >= SPIKE_UV)) | ((left <= -SPIKE_UV) & (right <= -SPIKE_UV))
        need = LEADS_MIN if held.shape[1] > 2 else 1
        rows = np.flatnonzero(np.count_nonzero(tall, axis=1) >= need) + low
        rows = rows[(rows >= 2 * near) & (rows < len(held) - 2 * near)]
        if not len(rows):
            return []
        sharp, broad = _alone(held, rows, near), _alone(held, rows, 2 * near)
        good = (sharp >= SPIKE_UV) & (sharp >= form.part * broad)
        keep: list[tuple[int, float]] = []
        for index in np.flatnonzero(np.count_nonzero(good, axis=1) >= need).tolist():
            row = int(rows[index])
            about = self._usual(held, row, near)
            height = float(
                np.sort(np.where(good[index] & (sharp[index] >= form.alone * about), sharp[index], 0.0))[-need]
            )
            if height and keep and row - keep[-1][0] <= form.apart:
                keep[-1] = (row, height) if height > keep[-1][1] else keep[-1]
            elif height:
                keep.append((row, height))
        return [row for row, _ in keep]

    def _usual(self, held: F32, row: int, near: int) -> F32:
        """The usual step about a row, (leads,)."""
        reach = round(ABOUT_S * self.fs)
        stretch = np.nan_to_num(held[max(0, row - reach) : row + reach + 1])
        steps = np.abs(stretch[near:] - stretch[:-near])
        return np.asarray(np.sort(steps, axis=0)[len(steps) // 2])


def blanked(signal_uv: F32, fs: float) -> tuple[F32, I64]:
    """A whole recording (n, leads) without its spikes, and where they are: the sure ones, or the doubtful if none is.

    Spikes so near that their rests overlap (bipolar ones, atrium and ventricle) are taken out as one, which
    `SpikeFilter` does not: it would have to wait for the next.
    """
    spikes = SpikeFilter(fs, signal_uv.shape[1])
    _, sure, doubtful = spikes.push(signal_uv, final=True)
    at = np.array(sure or doubtful, dtype=np.int64)
    clean, reach = signal_uv.copy(), spikes.reach
    for together in np.split(at, np.flatnonzero(np.diff(at) > 2 * reach) + 1) if len(at) else ():
        _line(clean, int(together[0]) - reach, int(together[-1]) + reach)
    return clean, at


def _alone(held: F32, rows: I64, reach: int) -> F32:
    """How far samples stand out against both neighbours `reach` away, (n, leads); 0 where they lie between them."""
    left, right = held[rows] - held[rows - reach], held[rows] - held[rows + reach]
    alone = np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), np.float32(0))
    return np.asarray(np.nan_to_num(alone))


def _without(held: F32, rows: list[int], reach: int) -> F32:
    """A copy with a straight line of 8 ms to either side of each spike."""
    clean = held.copy()
    for row in rows:
        _line(clean, row - reach, row + reach)
    return clean


def _line(clean: F32, first: int, last: int) -> None:
    """Rows first to last as a straight line between them, in place."""
    low, high = max(0, first), min(len(clean) - 1, last)
    clean[low : high + 1] = np.linspace(clean[low], clean[high], high - low + 1, dtype=np.float32)
