"""What samples say of each other, in exact steps with exact ways back: what is left over is small.

All in 16-bit wrapping arithmetic on rows of one lead each, so that no value (not even "no signal") needs a case of its
own. Which step is taken for which lead is chosen in `compact.py`; how what is left becomes bytes stands in `blocks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

I16 = npt.NDArray[np.int16]
U16 = npt.NDArray[np.uint16]
I8 = npt.NDArray[np.int8]
F64 = npt.NDArray[np.float64]

WEIGHT: Final = 32  # a lead's weight for another is told in 32nds
_WEIGHT_MAX: Final = 127
_STEADY: Final = 1e-6  # of the mean power, added to the diagonal: leads that are copies of each other leave it singular
_RECURSION: Final = 12
_RARE: Final = 3  # times the mean
_WORTH: Final = 0.98  # of what was left before; a lead that others hardly tell of is left alone
_SAMPLES_A_VALUE: Final = 4  # at least, or the table costs more than it saves


class Table(NamedTuple):
    """The values that occur in a lead, ascending."""

    lowest: int
    gaps: npt.NDArray[np.int64]  # from each value to the next, 1 or more

    @property
    def values(self) -> U16:
        return (self.lowest + np.concatenate([[0], np.cumsum(self.gaps)])).astype(np.uint16)


def formulas(rows: U16, leads: Sequence[str]) -> dict[int, U16]:
    """What Einthoven and Goldberger give for III, aVR, aVL, aVF from I and II, by row."""
    if "I" not in leads or "II" not in leads:
        return {}
    one, two = (rows[leads.index(name)].view(np.int16).astype(np.int32) for name in ("I", "II"))
    given = {
        "III": two - one,
        "aVR": -((one + two) >> 1),
        "aVL": (2 * one - two) >> 1,
        "aVF": (2 * two - one) >> 1,
    }
    return {leads.index(name): value.astype(np.uint16) for name, value in given.items() if name in leads}


def differences(rows: U16) -> U16:
    """From each number to the next, of the first 0. The way back is a running sum, plus the first number."""
    left = np.zeros_like(rows)
    np.subtract(rows[:, 1:], rows[:, :-1], out=left[:, 1:])
    return left


def zigzag(rows: U16) -> U16:
    """0, -1, 1, -2, ... as 0, 1, 2, 3, ...: small of either sign becomes small."""
    signed = rows.view(np.int16)
    return ((signed << 1) ^ (signed >> 15)).view(np.uint16)


def unzigzag(rows: U16) -> U16:
    return (rows >> np.uint16(1)) ^ (np.uint16(0) - (rows & np.uint16(1)))


def magnitudes(some: U16, *, times: int) -> npt.NDArray[np.int64]:
    """The sum of absolute values of each row of (rows, pieces, size), after so many differences."""
    left = some
    for _ in range(times):
        left = left[..., 1:] - left[..., :-1]
    sums: npt.NDArray[np.int64] = np.abs(left.view(np.int16)).view(np.uint16).sum(axis=(1, 2), dtype=np.int64)
    return sums


def unseen(some: U16) -> npt.NDArray[np.float64]:
    """For rows of (rows, pieces, size): which part of the gaps between usual values is longer than the unit.

    Of the values of the middle half, where all that can occur does: near 0, or near 1 where the steps of the
    measurement were coarser than its unit.
    """
    ascending = np.sort(some.reshape(len(some), -1).view(np.int16), axis=1)
    quarter = ascending.shape[1] // 4
    gaps = np.diff(ascending[:, quarter : ascending.shape[1] - quarter].astype(np.int32), axis=1)
    part: npt.NDArray[np.float64] = (gaps > 1).sum(axis=1) / np.maximum((gaps > 0).sum(axis=1), 1)
    return part


def in_places(row: U16) -> tuple[Table, U16] | None:
    """The values of a lead, and each sample as its place among them; None where that would cost more than it saves.

    The way back is `table.values[place]`.
    """
    lowest = int(row.view(np.int16).min())
    above = row - np.uint16(lowest & 0xFFFF)
    seen = np.bincount(above) > 0
    present = np.flatnonzero(seen)
    if len(present) * _SAMPLES_A_VALUE > len(row):
        return None
    place = np.cumsum(seen, dtype=np.uint16) - np.uint16(1)
    return Table(lowest, np.diff(present)), place[above]


def signed(row: U16) -> F64:
    """As numbers that `told` can weigh. Whole numbers below 2^53: exact, in whatever order they are added."""
    return row.view(np.int16).astype(np.float64)


def told(weights: I8, before: F64) -> U16:
    """What the leads `before` (count, n) tell of the next one."""
    sums: F64 = weights.astype(np.float64) @ before
    return np.floor(sums / WEIGHT + 0.5).astype(np.int64).astype(np.uint16)


def saved_by_recursion(left: U16) -> float:
    """Bits a sample, as if all were Gaussian, that a recursion of twelve would take from a row as FLAC's does.

    Rare large ones are cut down: they would hide what there is between them.
    """
    row = signed(left)
    most = _RARE * float(np.abs(row).mean())
    np.clip(row, -most, most, out=row)
    lags = np.array([row[: len(row) - lag] @ row[lag:] for lag in range(min(_RECURSION + 1, len(row)))])
    if lags[0] == 0:
        return 0.0
    between = np.arange(len(lags) - 1)
    power = _steadied(lags[np.abs(np.subtract.outer(between, between))])
    rest = float(lags[0] - lags[1:] @ np.linalg.solve(power, lags[1:]))
    return float(np.log2(lags[0] / max(rest, _STEADY * lags[0])) / 2)


def saved_by_mixing(some: U16) -> float:
    """Bits a sample, as if all were Gaussian, of (rows, pieces, size)."""
    rows = np.stack([signed(row) for row in some.reshape(len(some), -1)])
    power = _steadied(rows @ rows.T)
    left = np.diag(np.linalg.cholesky(power)) ** 2  # of each row after those before it
    return float(np.mean(np.log2(np.diag(power) / left)) / 2)


def mix(rows: U16) -> tuple[U16, list[I8 | None]]:
    """What is left of each row after what the rows before it tell of it, and by which weights; None: left alone."""
    before = np.stack([signed(row) for row in rows])
    power = _steadied(before @ before.T)
    left, weights = rows.copy(), list[I8 | None]([None])
    for number in range(1, len(rows)):
        fit = np.linalg.solve(power[:number, :number], power[:number, number]) * WEIGHT
        own = np.clip(np.rint(fit), -_WEIGHT_MAX, _WEIGHT_MAX).astype(np.int8)
        rest = rows[number] - told(own, before[:number])
        worth = _magnitude(rest) < _WORTH * _magnitude(rows[number])
        weights.append(own if worth else None)
        if worth:
            left[number] = rest
    return left, weights


def _steadied(power: F64) -> F64:
    steadied: F64 = power + np.eye(len(power)) * (_STEADY * np.trace(power) / len(power) + 1)
    return steadied


def _magnitude(row: U16) -> int:
    return int(np.abs(row.view(np.int16)).view(np.uint16).sum(dtype=np.int64))
