"""What can go wrong when a device joins a hub by a code. It travels on no wire: the person who typed it reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecg.errors import CodedError


@dataclass(eq=False)
class EnrolmentRefused(CodedError):
    """The hub's own refusal: its code and its English sentence."""

    code: ClassVar[str] = "enrol.refused"
    what: ClassVar[str] = "{sentence}"
    mend: ClassVar[str] = "({hub_code})"
    hub_code: str
    sentence: str


@dataclass(eq=False)
class HubNotReached(CodedError):
    code: ClassVar[str] = "enrol.not_reached"
    what: ClassVar[str] = "The hub was not reached at {address}: {reason}."
    mend: ClassVar[str] = "Give the address of its pages, as in a browser; the code was not used unless the line broke."
    address: str
    reason: str
