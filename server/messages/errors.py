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


@dataclass(eq=False)
class NotTheAuthor(MessageError):
    code: ClassVar[str] = "message.author"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "Only who wrote a message may change or withdraw it."
    mend: ClassVar[str] = "Answer it with a message of your own."


@dataclass(eq=False)
class EditTooLate(MessageError):
    code: ClassVar[str] = "message.edit_late"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "A message can be changed for {minutes} minutes; this one is older."
    mend: ClassVar[str] = "Withdraw it with a reason, or write a new one."
    minutes: int


@dataclass(eq=False)
class MessageChanged(MessageError):
    code: ClassVar[str] = "message.changed"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The message was changed or withdrawn meanwhile."
    mend: ClassVar[str] = "Look at its present text and decide again."


@dataclass(eq=False)
class WithdrawReason(MessageError):
    code: ClassVar[str] = "message.reason"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "A message is withdrawn with a reason of 1 to {limit} characters."
    mend: ClassVar[str] = "Say why; everybody of the thread will see the reason."
    limit: int


@dataclass(eq=False)
class MentionWrong(MessageError):
    code: ClassVar[str] = "message.mention"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "Nobody of that name or role may see this thread, or too many were named."
    mend: ClassVar[str] = "Choose from the people offered behind @."


@dataclass(eq=False)
class SearchTooShort(MessageError):
    code: ClassVar[str] = "message.search"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "A search has 1 to {limit} characters."
    mend: ClassVar[str] = "Type a word of the message."
    limit: int


@dataclass(eq=False)
class FileRefused(MessageError):
    code: ClassVar[str] = "message.file"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "This file cannot be attached: {reason}."
    mend: ClassVar[str] = "Attach a JPEG or PNG picture, or a PDF document, of at most {limit_mb} MB."
    reason: str
    limit_mb: int


@dataclass(eq=False)
class FileNotYours(MessageError):
    code: ClassVar[str] = "message.file_gone"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "An attached file is not of this thread, not yours, or already in another message."
    mend: ClassVar[str] = "Attach the file again."
