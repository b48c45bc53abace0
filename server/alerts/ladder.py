"""The ladder of an alert: who is called at which step, and when. Settings of the room stand here too.

Pure: the rota is handed in, the clock is text. What a step does to the alert (pages, state, next timer) is
`escalation.py`'s business. Source of the default: critical-values.md section 5 (0, 60, 120, 300, 600 s).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import msgspec

Who = Literal["first", "second", "head", "desk"]
LINE: Mapping[Who, int] = {"first": 1, "second": 2, "head": 3}


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rung. `after_s` counts from the start of the ladder; `expire` ends it: the desk must phone."""

    after_s: int
    who: Who
    channel: Literal["page", "second"] = "page"
    expire: bool = False


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How alerts are told. The rule's own `page_before_read` decides whether the ladder waits for a reader.

    steps               the rungs, ascending; the last one ends the ladder.
    unread_wait_s       how long a finding that a reader should see first waits for his word.
    incident_s          an ECG of the same patient and finding family within this time joins the open alert.
    incident_arrest_s   the same for cardiac arrest: a second arrest an hour later must ring again.
    warning_unread_s    a warning nobody claimed pages the first line after this.
    """

    steps: tuple[Step, ...] = (
        Step(0, "first"),
        Step(60, "first", channel="second"),
        Step(120, "second"),
        Step(300, "head"),
        Step(600, "desk", expire=True),
    )
    unread_wait_s: int = 120
    incident_s: int = 6 * 3600
    incident_arrest_s: int = 1800
    warning_unread_s: int = 600

    def __post_init__(self) -> None:
        if not self.steps or not self.steps[-1].expire or any(step.expire for step in self.steps[:-1]):
            raise ValueError("alerts.steps: the last step, and only it, carries `expire: true`")
        if self.steps[0].after_s < 0 or any(b.after_s < a.after_s for a, b in pairwise(self.steps)):
            raise ValueError("alerts.steps: `after_s` must not fall from one step to the next")


@dataclass(frozen=True)
class Roster:
    """Who can be called for one reading centre at one moment.

    lines         accounts on call, by line (1 first, 2 second, 3 head of shift).
    general_duty  holders of the hospital's general duty.
    reserve       everybody with the on-call role: the last resort where the rota has a hole.
    """

    lines: Mapping[int, tuple[str, ...]]
    general_duty: tuple[str, ...]
    reserve: tuple[str, ...]


def persons(who: Who, roster: Roster) -> tuple[str, ...]:
    """Whom a step calls. A hole in the rota never makes a step silent: the next line up takes it."""
    if who == "desk":
        return ()
    above = [roster.lines[line] for line in sorted(roster.lines) if line >= LINE[who] and roster.lines[line]]
    if who == "head":
        return _once((*(above[0] if above else ()), *roster.general_duty)) or roster.reserve
    return _once(above[0] if above else ()) or roster.general_duty or roster.reserve


def next_after(steps: tuple[Step, ...], at: int, roster: Roster, passer: str) -> int:
    """The step that 立即转下一位 jumps to: the next one that reaches somebody other than `passer`, or the last."""
    for index in range(at + 1, len(steps)):
        if steps[index].expire or set(persons(steps[index].who, roster)) - {passer}:
            return index
    return len(steps) - 1


def _once(accounts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(accounts))
