"""How urgent a waiting recording is and until when a report is promised: the glossary's "three scales", one function.

Nothing here reads a table or a clock. A rule that fires outranks what a finding is by default; an emergency request
never waits behind routine work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from ecg import codes
from server.reading.model import Priority

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""In the order of the worklist; a row keeps the position in it as its rank."""
CRITICAL, URGENT, SOON, ROUTINE = range(len(PRIORITIES))


@dataclass(frozen=True)
class Promise:
    """Seconds from arrival to report, by class. `warning`: an urgent row for which a warning rule fired."""

    critical_s: int = 600
    warning_s: int = 600
    urgent_s: int = 900
    soon_s: int = 1800
    routine_s: int = 1800


@dataclass(frozen=True)
class Urgency:
    rank: int
    promise_s: int


def urgency_of(
    *, grade: str, machine_grade: str | None, emergency: bool, findings: Iterable[str], promise: Promise
) -> Urgency:
    """Where in the worklist a recording stands. `grade` is a person's, `findings` are codes of the analysis."""
    known = codes.findings()
    defaults = {known[code].urgency for code in findings if code in known}
    if "critical" in (grade, machine_grade):
        return Urgency(CRITICAL, promise.critical_s)
    if "warning" in (grade, machine_grade):
        return Urgency(URGENT, promise.warning_s)
    if emergency or "critical" in defaults:
        return Urgency(URGENT, promise.urgent_s)
    if "urgent" in defaults:
        return Urgency(SOON, promise.soon_s)
    return Urgency(ROUTINE, promise.routine_s)
