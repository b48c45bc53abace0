"""What a benchmark reports, and how a ratio to a peer is taken: in turns, in the same run, medians of both.

Turns (A B A B) let the load of a shared machine hit both alike; that is why only ratios are compared with targets.
"""

import statistics
from collections.abc import Callable, Sequence
from typing import TypedDict


class Figure(TypedDict):
    """One line of a benchmark, keyed by the id of its target.

    peer   what we were measured against, or None
    ratio  our median to the peer's, or None
    runs   our value in each round, in order; `value` is their median
    """

    value: float
    unit: str
    peer: str | None
    ratio: float | None
    runs: list[float]


Figures = dict[str, Figure]


def in_turns(unit: str, ours: Callable[[], float], peer_name: str, peer: Callable[[], float], *, rounds: int) -> Figure:
    our_runs, peer_runs = [], []
    for _ in range(rounds):
        our_runs.append(ours())
        peer_runs.append(peer())
    value = statistics.median(our_runs)
    return Figure(value=value, unit=unit, peer=peer_name, ratio=value / statistics.median(peer_runs), runs=our_runs)


def refuse_words(words: Sequence[str]) -> None:
    """For a benchmark without options."""
    if words:
        raise ValueError(f"it takes no options, and was given {' '.join(words)}")


def alone(unit: str, runs: Sequence[float]) -> Figure:
    """A figure without a peer."""
    return Figure(value=statistics.median(runs), unit=unit, peer=None, ratio=None, runs=list(runs))
