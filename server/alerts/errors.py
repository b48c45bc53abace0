"""What the alerts room refuses. Chinese sentences: `zh-CN.yaml` beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class AlertError(AppError):
    """Base of what the alerts room refuses."""


@dataclass(eq=False)
class ReadBackWrong(AlertError):
    code: ClassVar[str] = "alert.read_back_wrong"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "That is not the finding and patient of this alert (wrong {wrong_answers} times by you)."
    mend: ClassVar[str] = "Look at the ECG and the name again; the calls go on until the right read-back."
    wrong_answers: int


@dataclass(eq=False)
class AlertTaken(AlertError):
    code: ClassVar[str] = "alert.taken"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} has already taken this alert."
    mend: ClassVar[str] = "Nothing to do for you; write to {name} in the thread if you know more."
    name: str


@dataclass(eq=False)
class AlertNotYours(AlertError):
    code: ClassVar[str] = "alert.not_yours"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "{name} took this alert; the callback and the closing are his, or the centre's on-call's."
    mend: ClassVar[str] = "Speak with {name}, or ask the on-call of the reading centre."
    name: str


@dataclass(eq=False)
class AlertTextMissing(AlertError):
    code: ClassVar[str] = "alert.text_missing"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "{text_of} is empty or longer than {limit} characters."
    mend: ClassVar[str] = "Write it out: the register of critical values keeps it."
    text_of: str
    limit: int
