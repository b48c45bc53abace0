"""The trace of each lead brought to one size, as the QRS net wants it: whole numbers from -127 to 127.

A lead's size is how steep its QRS are, over the last eight seconds and the next one. It never falls far below the last
minute's, so that the noise of an asystole does not grow into beats. Whole numbers throughout (see `trace`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecg.signal.filters import Mask
from ecg.signal.trace import I16

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]

HOP = 50  # rows: half a second; the size of a lead is constant within one
REACH = 2  # rows to either side: a slope is taken over 40 ms
JOIN = 3  # the largest slope of three hops (1.5 s) holds a beat above 40 a minute
PAST, FUTURE, FIRST = 16, 0, 10  # hops whose median is the size; the first hops wait for FIRST of them
FLOOR_PARTS, FLOOR_OF = 3, 10  # a size stays above 3/10 of its own past
FADE_PARTS, FADE_OF = 1016, 1024  # which fades by this with each hop: to a third in a minute
SMALL_UV = 60  # a slope below this is no QRS: the size is at least this
GAIN = 40  # what a QRS as steep as usual becomes
FULL = 127


class Leveler:
    """Rows of the trace in, the same rows levelled out, later by up to two seconds; `finish` gives the rest."""

    def __init__(self, leads: int) -> None:
        self._rows: I16 = np.zeros((0, leads), dtype=np.int16)  # not yet levelled, from `REACH` before the next hop
        self._fresh = True
        self._steep: I32 = np.zeros(
            (0, leads), dtype=np.int32
        )  # the largest slope of each hop; 0 where it is not usable
        self._known = 0  # hops whose slope is known
        self._done = 0  # hops levelled
        self._past: I32 = np.zeros((0, leads), dtype=np.int32)  # joined slopes of the hops from `_past_first` on
        self._past_first = 0
        self._reference: I32 = np.zeros(leads, dtype=np.int32)
        self._usable: Mask = np.zeros((0, leads), dtype=bool)

    def push(self, rows: I16, usable: Mask, *, final: bool = False) -> tuple[I8, Mask]:
        """Whole hops of the trace (k * HOP, leads) with (k, leads) usable -> levelled rows and the usable of their
        hops.

        final: nothing follows; the last hop may be shorter.
        """
        if self._fresh and len(rows):
            self._rows = np.repeat(rows[:1], REACH, axis=0)
            self._fresh = False
        self._rows = np.concatenate([self._rows, rows])
        self._usable = np.concatenate([self._usable, usable])
        if final and len(self._rows):
            self._rows = np.concatenate([self._rows, np.repeat(self._rows[-1:], REACH, axis=0)])
        self._measure(final=final)
        return self._level(final=final)

    def _measure(self, *, final: bool) -> None:
        """The slopes of the hops that are complete (with `REACH` rows after them)."""
        waiting = self._known - self._done
        have = len(self._rows) - 2 * REACH - waiting * HOP
        count = -(-have // HOP) if final else have // HOP
        if count <= 0:
            return
        begin = waiting * HOP
        stretch = self._rows[begin : begin + count * HOP + 2 * REACH].astype(np.int32)
        slope = np.abs(stretch[2 * REACH :] - stretch[: -2 * REACH])
        short = count * HOP - len(slope)
        if short:
            slope = np.concatenate([slope, np.zeros((short, slope.shape[1]), dtype=np.int32)])
        steep = slope.reshape(count, HOP, -1).max(axis=1)
        steep[~self._usable[waiting : waiting + count]] = 0
        joined = np.concatenate([self._steep, steep])
        self._known += count
        wide = joined.copy()
        for back in range(1, JOIN):
            wide[back:] = np.maximum(wide[back:], joined[:-back])
        self._past = np.concatenate([self._past, wide[len(self._steep) :]])
        self._steep = joined[-(JOIN - 1) :].copy()

    def _level(self, *, final: bool) -> tuple[I8, Mask]:
        ready = self._known if final else self._known - FUTURE if self._known >= FIRST else 0
        count = ready - self._done
        leads = self._past.shape[1]
        if count <= 0:
            return np.zeros((0, leads), dtype=np.int8), np.zeros((0, leads), dtype=bool)
        sizes = self._floored(self._medians(ready))
        rows = self._rows[REACH : REACH + count * HOP]
        if final:
            rows = self._rows[REACH : len(self._rows) - REACH][: count * HOP]
        size = np.repeat(sizes, HOP, axis=0)[: len(rows)]
        levelled = np.clip(np.rint(rows.astype(np.float64) * GAIN / size), -FULL, FULL).astype(np.int8)
        usable, self._usable = self._usable[:count], self._usable[count:]
        levelled[~np.repeat(usable, HOP, axis=0)[: len(rows)]] = 0
        self._rows = self._rows[count * HOP :].copy()
        self._done = ready
        drop = max(0, self._done - PAST - self._past_first)
        self._past, self._past_first = self._past[drop:].copy(), self._past_first + drop
        return levelled, usable

    def _medians(self, ready: int) -> I32:
        """The sizes of the hops from `_done` to `ready`, (hops, leads): medians of what is usable in their
        neighbourhood.
        """
        hops = np.arange(self._done, ready)
        low = np.maximum(hops - PAST, 0) - self._past_first
        high = np.minimum(np.maximum(hops + FUTURE + 1, FIRST), self._known) - self._past_first
        rows = low[:, None] + np.arange(max(PAST + FUTURE + 1, FIRST))
        inside = rows < high[:, None]
        near = np.where(inside[:, :, None], self._past[np.minimum(rows, len(self._past) - 1)], 0)
        near.sort(axis=1)  # what is not usable, or not there, is 0 and comes first
        zeros = np.sum(near == 0, axis=1)
        middle = np.minimum((zeros + near.shape[1]) // 2, near.shape[1] - 1)
        return np.take_along_axis(near, middle[:, None, :], axis=1)[:, 0].astype(np.int32)

    def _floored(self, sizes: I32) -> I32:
        """No size far below the lead's own past, which fades."""
        references = np.empty_like(sizes)
        for lead, (old, column) in enumerate(zip(self._reference.tolist(), sizes.T.tolist(), strict=True)):
            held = []
            for new in column:
                faded = old * FADE_PARTS // FADE_OF
                old = faded if faded > new else new  # a running maximum; max() costs three times this
                held.append(old)
            references[:, lead] = held
        self._reference = references[-1].copy()
        floor = references * FLOOR_PARTS // FLOOR_OF
        return np.maximum(np.maximum(sizes, floor), SMALL_UV).astype(np.int32)


def level(trace: I16, usable: Mask | None = None) -> tuple[I8, Mask]:
    """A whole trace levelled, and the usable of its hops."""
    hops = -(-len(trace) // HOP)
    mask = np.ones((hops, trace.shape[1]), dtype=bool) if usable is None else usable
    return Leveler(trace.shape[1]).push(trace, mask, final=True)
