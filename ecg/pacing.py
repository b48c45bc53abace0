"""Pacing spikes: found on the recording's own samples and taken out before anything is filtered.

A spike is gone within 4 ms to either side and stands far above all else about it; a QRS is as tall but not as narrow.
What the spikes mean (which beat is paced, whether it captured) does not stand here.
"""

from __future__ import annotations

import numpy as np

from ecg.record import F32

SPIKE_UV = 300.0
SPIKE_S = 0.004  # a spike is gone this soon after its peak
ALONE, PART = 6.0, 0.6  # times the usual step about it; part of what is lost in twice the time
ABOUT_S = 0.06  # what is about it
RATE_MIN = 250.0  # below it a spike is there one sample or none
LEADS_MIN = 2  # a spike is seen in two leads where there are three


class SpikeFilter:
    """Chunks in, the same samples without their spikes out, `delay` samples later."""

    def __init__(self, fs: float, leads: int) -> None:
        self.fs = fs
        self._near, self._far = max(1, round(SPIKE_S * fs)), max(2, round(2 * SPIKE_S * fs))
        self.delay = 0 if fs < RATE_MIN else round(ABOUT_S * fs) + 2 * self._far
        self._held: F32 = np.zeros(
            (0, leads), dtype=np.float32
        )  # `delay` samples given before, then those not given yet
        self._first = 0  # the sample of `_held[0]`
        self._given = 0

    def push(self, raw_uv: F32, *, final: bool = False) -> tuple[F32, list[int]]:
        """(n, leads) float32 uV, NaN in gaps -> samples that are certain now, and where spikes peak among them."""
        if not self.delay:
            self._given += len(raw_uv)
            return raw_uv, []
        held = np.concatenate([self._held, raw_uv]) if len(self._held) else raw_uv
        stop = len(held) if final else max(self._given - self._first, len(held) - self.delay)
        begin = self._given - self._first
        if stop <= begin:
            self._held = held
            return held[:0], []
        rows = self._spikes(held, max(0, begin - self._far), min(len(held), stop + self._far))
        out = _without(held, rows, self._far)[begin:stop] if rows else held[begin:stop]
        found = [self._first + row for row in rows if begin <= row < stop]
        keep = max(0, stop - self.delay)
        self._given += stop - begin
        self._held, self._first = held[keep:].copy(), self._first + keep
        return out, found

    def _spikes(self, held: F32, begin: int, end: int) -> list[int]:
        """Rows in [begin, end) at which a spike peaks."""
        near = self._near
        low, high = max(near, begin), min(len(held) - near, end)
        if high <= low:
            return []
        middle = held[low:high]
        left, right = middle - held[low - near : high - near], middle - held[low + near : high + near]
        with np.errstate(invalid="ignore"):
            tall = (np.minimum(np.abs(left), np.abs(right)) >= SPIKE_UV) & (left * right > 0)
        need = LEADS_MIN if held.shape[1] > 2 else 1
        rows = np.flatnonzero(np.count_nonzero(tall, axis=1) >= need) + low
        sure = [(int(row), height) for row in rows if (height := self._height(held, int(row), need)) > 0]
        keep: list[tuple[int, float]] = []
        for row, height in sure:
            if keep and row - keep[-1][0] <= 2 * near:
                keep[-1] = (row, height) if height > keep[-1][1] else keep[-1]
            else:
                keep.append((row, height))
        return [row for row, _ in keep]

    def _height(self, held: F32, row: int, need: int) -> float:
        """How tall the spike at a row is in the `need`-th best lead; 0 where it is none."""
        near, far, about = self._near, self._far, round(ABOUT_S * self.fs)
        if row - far < 0 or row + far >= len(held):
            return 0.0
        stretch = np.nan_to_num(held[max(0, row - about) : row + about + 1])
        usual = np.median(np.abs(stretch[near:] - stretch[:-near]), axis=0)
        sharp, broad = _alone(held, row, near), _alone(held, row, far)
        good = (sharp >= SPIKE_UV) & (sharp >= PART * broad) & (sharp >= ALONE * usual)
        return float(np.sort(np.where(good, sharp, 0.0))[-need])


def _alone(held: F32, row: int, reach: int) -> F32:
    """How far a sample stands out against both its neighbours `reach` away, (leads,); 0 where it lies between them."""
    left, right = held[row] - held[row - reach], held[row] - held[row + reach]
    return np.nan_to_num(np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), np.float32(0)))


def _without(held: F32, rows: list[int], reach: int) -> F32:
    """A copy with a straight line of 8 ms to either side of each spike."""
    clean = held.copy()
    for row in rows:
        low, high = max(0, row - reach), min(len(clean) - 1, row + reach)
        clean[low : high + 1] = np.linspace(clean[low], clean[high], high - low + 1, dtype=np.float32)
    return clean
