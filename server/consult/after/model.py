"""What is stored and sent of the time after a conclusion."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Day = Literal[7, 30]
Outcome = Literal["recovered", "improved", "unchanged", "worse", "died", "lost"]
Who = Literal["patient", "requester", "expert"]
Score = Annotated[int, Meta(ge=1, le=5)]


class Task(msgspec.Struct, frozen=True):
    """One item of the conclusion's advice, and what the treating doctor did with it. done None: not said yet."""

    number: int
    text: str
    done: bool | None
    note: str
    by_name: str
    at: str | None


class OutcomeDue(msgspec.Struct, frozen=True):
    """How the patient was `day` days after the conclusion: told to the expert, or still owed."""

    day: Day
    due_at: str
    overdue: bool
    outcome: Outcome | None
    note: str
    by_name: str
    reported_at: str | None


class After(msgspec.Struct, frozen=True):
    """Of one concluded consultation. `may_report`, `may_answer`: what this viewer may do now."""

    consult: str
    version: int
    tasks: list[Task]
    outcomes: list[OutcomeDue]
    answered: list[Who]
    may_report: bool
    may_answer: list[Who]


class TickTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`version`: of the conclusion on the screen. `note`: what was done, or why not; the latter is needed."""

    version: int
    number: int
    done: bool
    note: str = ""


class ReportOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    day: Day
    outcome: Outcome
    note: str = ""


class GiveFeedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Three answers from 1 to 5. The patient's are written down by the side that asked."""

    who: Who
    answers: tuple[Score, Score, Score]
    remark: str = ""


class FollowUp(msgspec.Struct, frozen=True):
    """One outcome of the lists: owed by this person's side, or told to it."""

    consult: str
    patient_name: str
    purpose: str
    day: Day
    due_at: str
    overdue: bool
    mine: bool
    """Of the side that owes it."""
    outcome: Outcome | None
    reported_at: str | None


class FollowUps(msgspec.Struct, frozen=True):
    """The owed ones first, the longest due before the others; then what was told in the last days."""

    rows: list[FollowUp]


class SatisfactionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: Annotated[int, Meta(ge=1, le=3660)] = 365


class Share(msgspec.Struct, frozen=True):
    """`count` of `of`, with Wilson's interval at 95 %; the three are None where there is nothing to divide by."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


class SatisfactionOf(msgspec.Struct, frozen=True):
    """One kind of people: how many answered of those who could, how many of them were satisfied (4 or more on average),
    and the mean of each question."""

    who: Who
    answered: Share
    satisfied: Share
    means: list[float | None]


class Satisfaction(msgspec.Struct, frozen=True):
    since: str
    of: list[SatisfactionOf]
