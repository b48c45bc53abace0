"""What was seen and where, in integers: the bridge between measuring and judging.

The stream and the wave measurements make `Evidence`, the profiles judge it (`critical`). A fact is quantised here,
once, and compared as an integer ever after, so that the verdict is the same on every machine. While evidence is open
its facts only ever grow worse: a rule that fired stays fired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["rate", "gap", "vt", "vf", "svt", "af", "st", "qt"]


@dataclass(frozen=True)
class Evidence:
    """One observation over [first, end) samples.

    facts    numbers by name, whole: `_ms`, `_uv`, counts; rates as `_dbpm`, tenths of a beat a minute.
    leads    the leads it was seen in; empty where it is of all together.
    by_lead  a number a lead, for rules that ask for neighbouring leads (kind st: J-point level in uV).
    flags    what is true of it, for conditions that are no numbers ("af", "lbbb", "fills").
    closed   nothing will be added.
    """

    kind: Kind
    first: int
    end: int
    facts: Mapping[str, int] = field(default_factory=dict)
    leads: tuple[str, ...] = ()
    by_lead: Mapping[str, int] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    closed: bool = True


def dbpm(rr_ms: float) -> int:
    """A mean R-R interval as a rate in tenths of a beat a minute."""
    return round(600_000.0 / rr_ms)
