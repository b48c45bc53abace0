"""The figures of targets.md part C with what they were asked to be: a line each with spread, peer and verdict.

A `Sheet` is the figures every benchmark returns, and what only part C's lines say besides: how many single values
stand behind a figure, their percentiles, the must. It measures nothing.
"""

from __future__ import annotations

import statistics
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.bench.figure import Figure


@dataclass(frozen=True)
class Spread:
    """How single values lie: packets' latencies, frames' delays, in `unit`."""

    unit: str
    n: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, unit: str, values: Sequence[float]) -> Spread:
        ordered = sorted(values)
        return cls(unit, len(ordered), *(percentile(ordered, share) for share in (0.50, 0.95, 0.99)))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ascending values below or at which this share of them lies."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


@dataclass(frozen=True)
class Must:
    """What a figure has to reach: at most or at least so much, of its value or of its ratio to the peer."""

    sign: Literal["<=", ">="]
    limit: float
    of: Literal["value", "ratio"] = "value"

    def verdict(self, figure: Figure) -> str:
        got = figure["value"] if self.of == "value" else figure["ratio"]
        if got is None:
            return f"not measured ({self})"
        reached = got <= self.limit if self.sign == "<=" else got >= self.limit
        return f"{'reached' if reached else 'MISSED'} ({self})"

    def __str__(self) -> str:
        return f"{'ratio ' if self.of == 'ratio' else ''}{self.sign} {self.limit:g}"


class Sheet(dict[str, Figure]):
    """Figures by id, and their lines: `id value unit n p50 p95 p99 ratio peer verdict`."""

    def __init__(self, musts: Mapping[str, Must]) -> None:
        super().__init__()
        self.heads: list[str] = []  # what stands above the figures: the machine, its disk
        self.failed: list[str] = []  # parts that ended with an error
        self._musts = musts
        self._spreads: dict[str, Spread] = {}

    def put(
        self, key: str, unit: str, runs: Sequence[float], *, spread: Spread | None = None,
        peer: str | None = None, peer_runs: Sequence[float] = (),
    ) -> None:  # fmt: skip
        """`peer_runs`: the peer's value in each round, beside ours; the ratio is the median of the rounds' ratios."""
        ratios = [ours / theirs for ours, theirs in zip(runs, peer_runs, strict=False) if theirs]
        self[key] = Figure(
            value=statistics.median(runs),
            unit=unit,
            peer=peer,
            ratio=statistics.median(ratios) if ratios else None,
            runs=list(runs),
        )
        if spread is not None:
            self._spreads[key] = spread

    def measure(self, part: str, work: Callable[[], None]) -> None:
        """One part of a long run: what goes wrong in it is told, and the other parts keep their figures."""
        try:
            work()
        except Exception:  # the edge of a part
            traceback.print_exc()
            print(f"{part} ended with an error", file=sys.stderr)
            self.failed.append(part)

    def verdict(self, key: str) -> str:
        must = self._musts.get(key)
        return must.verdict(self[key]) if must is not None else "no target"

    def lines(self) -> list[str]:
        return [self._line(key) for key in self]

    def _line(self, key: str) -> str:
        figure, spread = self[key], self._spreads.get(key)
        words = [f"{key:26} {figure['value']:.4g} {figure['unit']}"]
        if spread is None:
            words.append(f"n {len(figure['runs'])}")
        else:
            words.append(f"n {spread.n} p50 {spread.p50:.3g} p95 {spread.p95:.3g} p99 {spread.p99:.3g} {spread.unit}")
        ratio = "-" if figure["ratio"] is None else f"{figure['ratio']:.3g}"
        words.append(f"ratio {ratio} peer {figure['peer'] or '-'}")
        words.append(self.verdict(key))
        return "  ".join(words)
