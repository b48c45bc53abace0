"""What the messages room refuses. Chinese sentences: `zh-CN.yaml` beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class MessageError(AppError):
    """Base of what the messages room refuses."""


@dataclass(eq=False)
class MessageLength(MessageError):
    code: ClassVar[str] = "message.length"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "A message has 1 to {limit} characters; this one has {got}."
    mend: ClassVar[str] = "Shorten it, or send it in parts."
    limit: int
    got: int


@dataclass(eq=False)
class ClientIdUnusable(MessageError):
    code: ClassVar[str] = "message.client_id"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The message's own id is not of 8 to 64 characters, or you used it for another message."
    mend: ClassVar[str] = "Make a fresh random id for each new message, and repeat one only with the same text."


@dataclass(eq=False)
class QuoteWrong(MessageError):
    code: ClassVar[str] = "message.quote"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The quoted place does not exist: {reason}."
    mend: ClassVar[str] = "Mark the place in the ECG again."
    reason: str
