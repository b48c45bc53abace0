"""What sittings refuse. Chinese sentences: `zh-CN.yaml` beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.consult.errors import ConsultError


@dataclass(eq=False)
class SittingUnsound(ConsultError):
    code: ClassVar[str] = "consult.sitting"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "This sitting cannot be: {reason}."
    mend: ClassVar[str] = "It needs an agenda, a time that is to come, one chair, and at most one presenter and scribe."
    reason: str


@dataclass(eq=False)
class SittingOpen(ConsultError):
    code: ClassVar[str] = "consult.sitting_open"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "Sitting {number} of this case is still open."
    mend: ClassVar[str] = "Close it first; its minutes can still be written afterwards."
    number: int


@dataclass(eq=False)
class NoVoice(ConsultError):
    code: ClassVar[str] = "consult.no_voice"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "In this sitting you have the seat of a {role}, who does not do this."
    mend: ClassVar[str] = "Ask the chair for another seat."
    role: str
