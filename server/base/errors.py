"""The hub's errors: one base, codes that stay for ever, HTTP statuses.

What a single room refuses stands in that room's `errors.py`; here is only what every room may meet. The Chinese
sentences stand under the same codes in the `zh-CN.yaml` beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecg.errors import CodedError


@dataclass(eq=False)
class AppError(CodedError):
    """Base of what the hub refuses."""

    status: ClassVar[int] = 400


@dataclass(eq=False)
class BadInput(AppError):
    code: ClassVar[str] = "http.input"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The request does not fit: {reason}."
    mend: ClassVar[str] = "Correct the named field and send it again."
    reason: str


@dataclass(eq=False)
class TooLarge(AppError):
    code: ClassVar[str] = "http.too_large"
    status: ClassVar[int] = 413
    what: ClassVar[str] = "The request is larger than {limit_bytes} bytes."
    mend: ClassVar[str] = "Send less at once."
    limit_bytes: int


@dataclass(eq=False)
class FilesBusy(AppError):
    """Each file that is on its way in stands in the hub's memory; there is room for so many."""

    code: ClassVar[str] = "http.files_busy"
    status: ClassVar[int] = 503
    what: ClassVar[str] = "Too many large files are being handed over at the moment."
    mend: ClassVar[str] = "Send it again in a minute; nothing was stored."


@dataclass(eq=False)
class CutOff(AppError):
    """Nobody reads this answer: it is for the count."""

    code: ClassVar[str] = "http.cut_off"
    status: ClassVar[int] = 400
    what: ClassVar[str] = "The line broke before the whole request had come."
    mend: ClassVar[str] = "Send it again; nothing was done."


@dataclass(eq=False)
class NotFound(AppError):
    """Also the answer for what exists but is not yours: its existence is not told."""

    code: ClassVar[str] = "http.not_found"
    status: ClassVar[int] = 404
    what: ClassVar[str] = "There is nothing here that you may see."
    mend: ClassVar[str] = "Check the address, or ask the administrator for access."
    kind: str


@dataclass(eq=False)
class NotSignedIn(AppError):
    code: ClassVar[str] = "access.signed_out"
    status: ClassVar[int] = 401
    what: ClassVar[str] = "You are not signed in, or your session has ended."
    mend: ClassVar[str] = "Sign in again; what you wrote is kept on this page."


@dataclass(eq=False)
class Forbidden(AppError):
    code: ClassVar[str] = "access.forbidden"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "Your role does not allow this ({rule})."
    mend: ClassVar[str] = "Ask a colleague with the role, or the administrator."
    rule: str


@dataclass(eq=False)
class ForeignOrigin(AppError):
    code: ClassVar[str] = "access.origin"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "The request came from another web site."
    mend: ClassVar[str] = "Open the product at its own address."


@dataclass(eq=False)
class BadTicket(AppError):
    code: ClassVar[str] = "access.ticket"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "The ticket for the live connection is used up or too old."
    mend: ClassVar[str] = "The page fetches a new one by itself; reload if it does not."


@dataclass(eq=False)
class WrongState(AppError):
    code: ClassVar[str] = "state.refused"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{event} is not possible: it is {state} now."
    mend: ClassVar[str] = "Look at the present state and decide again."
    event: str
    state: str


@dataclass(eq=False)
class KeyMissing(AppError):
    code: ClassVar[str] = "http.idempotency_key"
    what: ClassVar[str] = "A command needs an Idempotency-Key of 8 to 64 characters."
    mend: ClassVar[str] = "Send a fresh random key with each new command, the same key with a repeat."


@dataclass(eq=False)
class AlreadyDone(AppError):
    code: ClassVar[str] = "http.already_done"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This command was already carried out."
    mend: ClassVar[str] = "Reload the page to see its result."


@dataclass(eq=False)
class StorageFull(AppError):
    """Nothing was changed, and the same can be asked again once there is room: reading goes on meanwhile."""

    code: ClassVar[str] = "storage.full"
    status: ClassVar[int] = 507
    what: ClassVar[str] = "The hub's disk is full: nothing can be saved now. What was saved before can be read."
    mend: ClassVar[str] = "Keep this page open and tell the administrator to make room; then save again."


@dataclass(eq=False)
class Internal(AppError):
    code: ClassVar[str] = "http.internal"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "The hub could not do this; nothing was changed."
    mend: ClassVar[str] = "Try once more; if it stays so, tell the administrator the number {number}."
    number: str
