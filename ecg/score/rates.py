"""From counts to rates: sensitivity and its kin, their exact limits, and the table that shows them.

What is counted, and when two marks mean the same thing, stands in `beats`, `runs`, `episodes`, `delineation` and
`strips`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

Cell = str | int | float | None


def percent(part: float, whole: float) -> float | None:
    """100 * part / whole, or None where there is nothing to divide by: a rate over nothing is not 0."""
    return float(100.0 * part / whole) if whole else None


@dataclass(frozen=True)
class Detection:
    """How often something was found, missed and invented. Rates are in percent, None where they have no meaning.

    tn  None where the absence of the thing cannot be counted (between two beats there is no number of non-beats).
    """

    tp: int = 0
    fn: int = 0
    fp: int = 0
    tn: int | None = None

    def __add__(self, other: Detection) -> Detection:
        tn = None if self.tn is None or other.tn is None else self.tn + other.tn
        return Detection(self.tp + other.tp, self.fn + other.fn, self.fp + other.fp, tn)

    @property
    def n(self) -> int:
        """How many there are in the reference."""
        return self.tp + self.fn

    @property
    def se(self) -> float | None:
        """Sensitivity."""
        return percent(self.tp, self.tp + self.fn)

    @property
    def ppv(self) -> float | None:
        """Positive predictivity, +P in the standards."""
        return percent(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        return percent(2 * self.tp, 2 * self.tp + self.fn + self.fp)

    @property
    def sp(self) -> float | None:
        """Specificity."""
        return None if self.tn is None else percent(self.tn, self.tn + self.fp)

    @property
    def fpr(self) -> float | None:
        """False positive rate."""
        return None if self.tn is None else percent(self.fp, self.tn + self.fp)

    @property
    def accuracy(self) -> float | None:
        return None if self.tn is None else percent(self.tp + self.tn, self.tp + self.fn + self.fp + self.tn)

    def to_json(self) -> dict[str, object]:
        counts: dict[str, object] = {"n": self.n, "tp": self.tp, "fn": self.fn, "fp": self.fp}
        rates: dict[str, object] = {"se": self.se, "ppv": self.ppv, "f1": self.f1}
        if self.tn is not None:
            counts["tn"] = self.tn
            rates |= {"sp": self.sp, "fpr": self.fpr, "accuracy": self.accuracy}
        return counts | rates


def mean_known(values: Iterable[float | None]) -> float | None:
    """The mean of the rates that have a meaning: the `average` line of EC57. None where none has."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def exact_limits(hits: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Exact limits, in percent, of a share of which `hits` of `of` were seen.

    Source  Clopper & Pearson, Biometrika 1934;26:404-413 (K): the shares at which seeing so many, or so few, has a
            probability of (1 - level) / 2. Found by halving on the binomial sum, so that nothing but arithmetic is
            needed.
    """
    if of == 0:
        return 0.0, 100.0
    tail = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else _share_where(lambda share: 1.0 - _at_most(hits - 1, of, share) >= tail)
    high = 100.0 if hits == of else _share_where(lambda share: _at_most(hits, of, share) <= tail)
    return low, high


def _share_where(reached: Callable[[float], bool]) -> float:
    """The smallest share, in percent, from which `reached` holds; it must hold from some share on."""
    low, high = 0.0, 1.0
    for _ in range(50):  # 2 ** -50: as near as a double comes
        middle = (low + high) / 2.0
        low, high = (low, middle) if reached(middle) else (middle, high)
    return 100.0 * high


def _at_most(hits: int, of: int, share: float) -> float:
    """P(X <= hits) of a binomial variable; 0 < share < 1."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, of + 1)))])
    k = np.arange(hits + 1)
    log_ways = log_factorial[of] - log_factorial[k] - log_factorial[of - k]
    return min(1.0, float(np.exp(log_ways + k * log(share) + (of - k) * log(1.0 - share)).sum()))


def aligned(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table for the terminal: the first column to the left, the others to the right, fractions to two places.

    A cell that is None prints as `-`. Rows may be shorter than the head.
    """
    shown = [list(head), *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in shown if at < len(row)) for at in range(len(head))]
    lines = ("  ".join(_placed(cell, at, widths[at]) for at, cell in enumerate(row)).rstrip() for row in shown)
    return "\n".join(lines)


def _placed(cell: str, column: int, width: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
