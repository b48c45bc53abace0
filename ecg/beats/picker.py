"""From certainties to beats: peaks of the net's logits, a second look where a beat is overdue, R placed on the trace.

Whole numbers decide (logits in thousandths), so that the beats are the same on every machine. What kind of beat it is
does not stand here (`beats`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ecg.beats.detector import CELL
from ecg.record import F32, I64

I32 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int8]

APART = 4  # cells on either side that a peak must top: two beats are never closer than 200 ms
SURE, MAYBE = -1200, -2500  # thousandths of a logit: a beat; a beat if one is overdue
OVERDUE_PART, EARLIEST_PART = 1.5, 0.6  # of the usual R-R: a beat is overdue; a doubtful one may be it
RR_KEPT, RR_MIN, RR_MAX = 8, 3, 75  # intervals that make the usual one; cells of the longest of them
NOTHING = -(10**6)
PLACE = 8  # rows to either side of the cell's middle in which R is looked for
FIRST_PARTS, FIRST_OF = (
    3,
    4,
)  # R is the first peak of at least this part of the largest: in rS and RSR' the marks stand so
LEADING = 3  # the first lead counts this often: where leads disagree R stands where it shows it, as readers mark it
TENTH = 10  # R is placed to tenths of a row


@dataclass(frozen=True)
class Pick:
    """A beat: its cell and the logit there, thousandths."""

    cell: int
    milli: int


@dataclass
class Picker:
    """Logits in, beats out in order; a beat is given when nothing that follows can change it.

    A doubtful peak becomes a beat when one is overdue: when no sure one came within OVERDUE_PART of the usual interval.
    That instant is a cell of the recording, not the end of a push, so the pieces do not matter.
    """

    first: int = 0  # the cell of `tail[0]`
    last: int = -(10**6)  # the newest beat
    rr: deque[int] = field(default_factory=lambda: deque(maxlen=RR_KEPT))
    maybe: list[Pick] = field(default_factory=list)  # since the newest beat
    tail: I32 = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    judged: int = 0  # cells before this one are judged

    def push(self, logits: F32, *, final: bool = False) -> list[Pick]:
        """(cells,) logits that follow the ones before."""
        values = np.concatenate([self.tail, np.rint(logits * np.float32(1000)).astype(np.int32)])
        end = len(values) if final else len(values) - APART
        begin = self.judged - self.first
        if end <= begin:
            self.tail = values
            return []
        nothing = np.full(APART, NOTHING, dtype=np.int32)
        padded = np.concatenate([nothing, values, nothing])
        item = padded.itemsize
        windows = np.ndarray((len(values), 2 * APART + 1), padded.dtype, padded, strides=(item, item))
        earlier, later = windows[begin:end, :APART].max(axis=1), windows[begin:end, APART + 1 :].max(axis=1)
        fresh = values[begin:end]
        found: list[Pick] = []
        for at in ((fresh > earlier) & (fresh >= later) & (fresh >= MAYBE)).nonzero()[0].tolist():
            pick = Pick(self.judged + at, int(fresh[at]))
            found += self._until(pick.cell)
            found += self._accept(pick) if pick.milli >= SURE or self._late(pick) else self._doubt(pick)
        self.judged = self.first + end
        found += self._until(self.judged)
        drop = max(0, end - APART)
        self.tail, self.first = values[drop:].copy(), self.first + drop
        return found

    @property
    def certain(self) -> int:
        """No beat will be added before this cell."""
        return min((p.cell for p in self.maybe), default=self.judged) if self._usual else self.judged

    @property
    def _usual(self) -> int:
        """The usual interval in cells; 0 while it is not known."""
        return sorted(self.rr)[len(self.rr) // 2] if len(self.rr) >= RR_MIN else 0

    def _due(self) -> int:
        return self.last + int(OVERDUE_PART * self._usual)

    def _late(self, pick: Pick) -> bool:
        """A beat was overdue before this doubtful one came."""
        return self._usual > 0 and pick.cell > self._due()

    def _doubt(self, pick: Pick) -> list[Pick]:
        if self._usual:
            self.maybe.append(pick)
        return []

    def _until(self, cell: int) -> list[Pick]:
        """What falls due before a cell: the surest of the doubtful ones."""
        found: list[Pick] = []
        while self.maybe and self._due() < cell:
            fit = [p for p in self.maybe if p.cell - self.last >= EARLIEST_PART * self._usual]
            if not fit:
                break
            best = max(fit, key=lambda p: p.milli)
            later = [p for p in self.maybe if p.cell > best.cell]
            found += self._accept(best)
            self.maybe = later
        return found

    def _accept(self, pick: Pick) -> list[Pick]:
        if self.last >= 0 and pick.cell - self.last < RR_MAX:
            self.rr.append(pick.cell - self.last)
        self.last, self.maybe = pick.cell, []
        return [pick]


def place(levelled: I8, cells: I64, offset: int) -> I64:
    """Where R is, in tenths of a row.

    levelled  (rows, leads) int8, rows from `offset` on; cells (k,) the beats' cells.
    Returns   (k,) int64: the first large distance of all leads together from the line through both ends of the stretch
              about the cell, refined by the parabola through its neighbours.
    """
    middle = cells * CELL + CELL // 2 - offset
    rows = np.clip(middle[:, None] + np.arange(-PLACE - 1, PLACE + 2), 0, len(levelled) - 1)
    near = levelled[rows].astype(np.int64)  # (k, 2 * PLACE + 3, leads)
    span = near.shape[1] - 1
    ramp = np.arange(span + 1)[None, :, None]
    away = np.abs(near * span - near[:, :1] * (span - ramp) - near[:, -1:] * ramp)
    away = away.sum(axis=2) + (LEADING - 1) * away[:, :, 0]
    smooth = away[:, :-2] + 2 * away[:, 1:-1] + away[:, 2:]
    large = FIRST_OF * smooth >= FIRST_PARTS * smooth.max(axis=1, keepdims=True)
    large[:, 1:-1] &= (smooth[:, 1:-1] >= smooth[:, :-2]) & (smooth[:, 1:-1] > smooth[:, 2:])
    large[:, [0, -1]] = False
    best = np.where(large.any(axis=1), np.argmax(large, axis=1), np.argmax(smooth, axis=1))
    inner = np.clip(best, 1, smooth.shape[1] - 2)
    every = np.arange(len(best))
    left, top, right = (smooth[every, inner + d].astype(np.float64) for d in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where((bend < 0) & (best == inner), (left - right) / np.where(bend < 0, 2 * bend, 1.0), 0.0)
    return np.asarray(TENTH * (middle + offset - PLACE + best) + np.rint(TENTH * shift).astype(np.int64))
