"""The QRS net: levelled rows of all leads in, for each 40 ms the certainty that a QRS stands there.

A small convolutional net in whole numbers: weights and activations fit a byte, sums stay far below 2^24 where float32
is exact, so the answer does not depend on the size of the pieces, the order of a sum or the machine. Each lead is
looked at alone first, then all together by their mean and their largest. The net looks twice, at two grids of cells
half a cell apart: where in its cell a QRS stands must not matter. Trained by `training/qrs.py`; what becomes of the
certainties is `picker`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.signal.filters import Mask
from ecg.trained import Weights, load

I8 = npt.NDArray[np.int8]

CELL = 4  # rows of the trace: 40 ms
GRIDS = 2  # so many grids of cells, each later by CELL / GRIDS rows
BEFORE, AFTER = 32, 16  # cells of context that one cell needs, on either grid
NEVER = -20.0  # the logit where nothing can be
ACTIVE, TOP = 16.0, 127.0
PIECE = 1024  # cells at once: what fits the cache


@dataclass(frozen=True)
class _Layer:
    """weight (width * inside, outside), bias and scale (outside,), all float32; taps `spread` apart, the first at
    -`before`.
    """

    weight: F32
    bias: F32
    scale: F32
    width: int
    before: int
    spread: int = 1
    step: int = 1

    @classmethod
    def of(cls, weights: Weights, name: str, width: int, before: int, *, spread: int = 1, step: int = 1) -> _Layer:
        weight, bias, scale = (weights[f"{name}.{key}"].astype(np.float32) for key in ("weight", "bias", "scale"))
        return cls(weight, bias, scale, width, before, spread, step)

    def __call__(self, x: F32) -> F32:
        """x (batch, n, inside) -> (batch, n / step, outside), zeros beyond both ends, in parts of the scale:
        unrounded.
        """
        batch, n, inside = x.shape
        after = (self.width - 1) * self.spread - self.before
        padded = np.zeros((batch, n + self.before + after, inside), dtype=np.float32)
        padded[:, self.before : self.before + n] = x
        out = n // self.step
        each, row, item = padded.strides
        taps = np.ndarray(
            (batch, out, self.width, inside),
            padded.dtype,
            padded,
            strides=(each, self.step * row, self.spread * row, item),
        )
        flat = taps.reshape(batch * out, self.width * inside) @ self.weight
        flat += self.bias
        flat *= self.scale
        return flat.reshape(batch, out, -1)


class Net:
    """The net with its weights; has no state."""

    def __init__(self, weights: Weights | None = None) -> None:
        w = load("qrs") if weights is None else weights
        self.stem1 = _Layer.of(w, "stem1", 8, 3, step=2)
        self.stem2 = _Layer.of(w, "stem2", 4, 1, step=2)
        self.lead = [_Layer.of(w, f"lead{i}", 3, d, spread=d) for i, d in enumerate((1, 2, 4))]
        self.fuse = _Layer.of(w, "fuse", 3, 1)
        self.all = [_Layer.of(w, f"all{i}", 3, d, spread=d) for i, d in enumerate((2, 4))]
        self.past = _Layer.of(w, "past", 3, 16, spread=8)
        self.head = _Layer.of(w, "head", 1, 0)

    def logits(self, levelled: I8, there: Mask, first: int, end: int) -> F32:
        """The logit of a QRS in each cell, of the grid that begins with the first row and of the ones that begin later.

        levelled    (cells * CELL, leads) int8, rows of the trace; there (leads,) bool: the lead counts.
        first, end  the cells that exist, as indices of those given: what lies outside is before the recording's start
                    or after its end and stays empty in every layer.
        Returns     (GRIDS, cells) float32; certain for those with BEFORE cells before and AFTER behind, or the end
                    itself.
        """
        leads = np.flatnonzero(there)
        cells = len(levelled) // CELL
        if not len(leads):
            return np.full((GRIDS, cells), NEVER, dtype=np.float32)
        each, rows = len(leads), cells * CELL
        x = np.zeros((GRIDS, each, rows, 1), dtype=np.float32)
        for grid in range(GRIDS):
            later = grid * CELL // GRIDS
            x[grid, :, : rows - later, 0] = levelled[later:rows, leads].T
        y = _outside(_active(self.stem1(x.reshape(GRIDS * each, rows, 1))), 2 * first, 2 * end)
        y = _outside(_active(self.stem2(y)), first, end)
        for layer in self.lead:
            y = _outside(_joined(layer(y), y), first, end)
        alone = y.reshape(GRIDS, each, cells, -1)
        both = np.concatenate([np.rint(alone.sum(axis=1) / np.float32(each)), alone.max(axis=1)], axis=2)
        z = _outside(_active(self.fuse(both)), first, end)
        for layer in (*self.all, self.past):
            z = _outside(_joined(layer(z), z), first, end)
        return self.head(z)[:, :, 0] / np.float32(ACTIVE)


def _active(x: F32) -> F32:
    np.rint(x, out=x)
    np.maximum(x, 0, out=x)
    return np.minimum(x, TOP, out=x)


def _joined(x: F32, before: F32) -> F32:
    np.rint(x, out=x)
    np.maximum(x, 0, out=x)
    np.minimum(x, TOP, out=x)
    x += before
    return np.minimum(x, TOP, out=x)


def _outside(x: F32, first: int, end: int) -> F32:
    if first:
        x[:, :first] = 0
    if end < x.shape[1]:
        x[:, end:] = 0
    return x


@cache
def _trained() -> Net:
    return Net()


class Detector:
    """Runs the net along a stream: levelled rows in, logits of the cells that are certain out."""

    def __init__(self, leads: int, net: Net | None = None) -> None:
        self.net = net  # the trained one unless another is handed in
        self._rows: I8 = np.zeros((BEFORE * CELL, leads), dtype=np.int8)  # from BEFORE cells before `done`
        self._there: Mask = np.zeros((0, leads), dtype=bool)  # a row for each row of `_rows` not yet judged
        self.done = 0  # cells judged
        self._half = NEVER  # the later grid's newest logit

    def push(self, rows: I8, there: Mask, *, final: bool = False) -> F32:
        """rows (n, leads) levelled, there (n, leads): the lead counts at that row -> (cells,) logits."""
        self._rows = np.concatenate([self._rows, rows])
        self._there = np.concatenate([self._there, there])
        have = (len(self._rows) - BEFORE * CELL) // CELL
        ready = have if final else have - AFTER
        made = []
        while ready > 0:
            made.append(self._piece(min(ready, PIECE), have))
            ready, have = ready - len(made[-1]), have - len(made[-1])
        return np.concatenate(made) if made else np.zeros(0, dtype=np.float32)

    def _piece(self, count: int, have: int) -> F32:
        """The next `count` cells or fewer: as long as the same leads count."""
        counted = self._there[: count * CELL : CELL]
        change = (counted != counted[0]).any(axis=1).nonzero()[0]
        count = int(change[0]) if len(change) else count
        size = BEFORE + min(have, count + AFTER)
        first = max(0, BEFORE - self.done)
        net = self.net if self.net is not None else _trained()
        now, half = net.logits(self._rows[: size * CELL], counted[0], first, size)[:, BEFORE : BEFORE + count]
        known = np.concatenate([np.full(1, self._half, dtype=np.float32), half])
        beside = np.maximum(known[:-1], known[1:])  # what a cell of the later grid holds may lie in either of two
        self._half = float(half[-1])
        self._rows, self._there = self._rows[count * CELL :].copy(), self._there[count * CELL :]
        self.done += count
        return np.asarray((now + beside) / np.float32(GRIDS), dtype=np.float32)
