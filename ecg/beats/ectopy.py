"""Patterns that ectopic beats make: couplets, runs, bigeminy, trigeminy, and how many beats are ectopic.

Pure functions of the beats' symbols and places; what a pattern is called in a report, and how grave it is, does not
stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecg.record import I64
from ecg.signal.filters import Mask

Kind = Literal["couplet", "run", "bigeminy", "trigeminy"]
RUN_BEATS = 3  # from three in a row it is a run
CYCLES = 3  # a pattern must come so often in a row, as in the rhythm notes of MIT-BIH (K)


@dataclass(frozen=True)
class Pattern:
    """One stretch of a pattern.

    symbol       V ventricular, A from above. first, end: half-open range of beats, from the first beat of the first
                 cycle to the last ectopic one.
    ectopic      how many ectopic beats it has. span: from the first to the last beat, in the unit of `places`.
    """

    kind: Kind
    symbol: str
    first: int
    end: int
    ectopic: int
    span: int


def patterns(symbols: Sequence[str], places: I64, broken: Mask | None = None) -> tuple[Pattern, ...]:
    """All patterns of V and of A, in order of their first beat.

    symbols  one a beat (`results.Beat`). places (n,) ascending: samples or rows.
    broken   (n,) the signal was lost since the beat before: no pattern crosses it.
    """
    table = np.array(list(symbols), dtype="<U1")
    lost = np.zeros(len(table), dtype=bool) if broken is None else broken
    found: list[Pattern] = []
    for symbol in "VA":
        first, length = _groups(table == symbol, lost)
        for kind, begin, end, ectopic in [*_in_a_row(first, length), *_alternating(first, length, lost)]:
            found.append(Pattern(kind, symbol, begin, end, ectopic, int(places[end - 1] - places[begin])))
    return tuple(sorted(found, key=lambda pattern: (pattern.first, pattern.end)))


def burden(symbols: Sequence[str], symbol: str = "V") -> float:
    """The share of all beats that has this symbol, 0 to 1; 0 without beats."""
    return sum(one == symbol for one in symbols) / len(symbols) if len(symbols) else 0.0


def _groups(ectopic: Mask, lost: Mask) -> tuple[I64, I64]:
    """First beat and length of each stretch of ectopic beats in a row."""
    starts = ectopic & (lost | ~np.concatenate([[False], ectopic[:-1]]))
    (first,) = np.nonzero(starts)
    number = np.cumsum(starts) - 1
    length = np.bincount(number[ectopic], minlength=len(first)) if len(first) else np.zeros(0, dtype=np.int64)
    return first.astype(np.int64), length.astype(np.int64)


def _in_a_row(first: I64, length: I64) -> list[tuple[Kind, int, int, int]]:
    return [
        ("run" if many >= RUN_BEATS else "couplet", int(begin), int(begin + many), int(many))
        for begin, many in zip(first, length, strict=True)
        if many > 1
    ]


def _alternating(first: I64, length: I64, lost: Mask) -> list[tuple[Kind, int, int, int]]:
    """Single ectopic beats with always as many others between."""
    found: list[tuple[Kind, int, int, int]] = []
    losses = np.cumsum(lost)
    single = length == 1
    kinds: tuple[tuple[Kind, int], ...] = (("bigeminy", 1), ("trigeminy", 2))
    for kind, between in kinds:
        follows = np.zeros(len(first), dtype=bool)
        follows[1:] = (np.diff(first) == between + 1) & single[1:] & single[:-1]
        follows[1:] &= losses[first[1:]] == losses[first[:-1]]
        number = np.cumsum(~follows)
        for chain in np.unique(number[follows]):
            (members,) = np.nonzero(number == chain)
            if len(members) >= CYCLES:
                begin = max(0, int(first[members[0]]) - between)
                found.append((kind, begin, int(first[members[-1]]) + 1, len(members)))
    return found
