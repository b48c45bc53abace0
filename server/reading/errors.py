"""What readers and those who fetch reports may meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class ClaimedByOther(AppError):
    code: ClassVar[str] = "reading.claimed_by_other"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} holds this recording until {until_at}."
    mend: ClassVar[str] = "Take the next one, or ask {name} to give it back."
    name: str
    until_at: str


@dataclass(eq=False)
class NotClaimed(AppError):
    code: ClassVar[str] = "reading.not_claimed"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "You do not hold this recording, or your claim has ended."
    mend: ClassVar[str] = "Claim it again; what you wrote is kept on this page."


@dataclass(eq=False)
class UnknownLead(AppError):
    code: ClassVar[str] = "reading.unknown_lead"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "There is no lead {lead}."
    mend: ClassVar[str] = "Name leads as on the recording (I, aVR, V3)."
    lead: str


@dataclass(eq=False)
class NoStatement(AppError):
    code: ClassVar[str] = "report.no_statement"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The report has no conclusion, or an empty line in it."
    mend: ClassVar[str] = "Write at least one statement and remove empty lines."


@dataclass(eq=False)
class UnknownStatement(AppError):
    code: ClassVar[str] = "report.unknown_statement"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "There is no statement with the code {statement}."
    mend: ClassVar[str] = "Pick one of the catalogue, or write it as free text without a code."
    statement: str


@dataclass(eq=False)
class BadMeasurement(AppError):
    code: ClassVar[str] = "report.bad_measurement"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "{name} = {value} is no possible value, or stands twice."
    mend: ClassVar[str] = "Measure again, or remove the value; the machine's stays beside it."
    name: str
    value: float


@dataclass(eq=False)
class NoGrade(AppError):
    code: ClassVar[str] = "report.no_grade"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The report has no grade."
    mend: ClassVar[str] = "Choose critical, warning or normal."


@dataclass(eq=False)
class LoweredReasonMissing(AppError):
    code: ClassVar[str] = "report.lowered_reason"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The automatic grade is critical and yours is lower."
    mend: ClassVar[str] = "Write why in one sentence, or grade it critical."


@dataclass(eq=False)
class NoAmendReason(AppError):
    code: ClassVar[str] = "report.no_reason"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "A correction needs its reason."
    mend: ClassVar[str] = "Write in one sentence what was wrong; it is printed on the new version."


@dataclass(eq=False)
class FontsMissing(AppError):
    code: ClassVar[str] = "report.fonts_missing"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "The font {missing} for printed reports is not on this machine."
    mend: ClassVar[str] = "Install it (Debian: apt-get install fonts-noto-cjk) and start again."
    missing: str
