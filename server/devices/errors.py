"""What the device register refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class CodeWrong(AppError):
    code: ClassVar[str] = "enrol.wrong_code"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "No device was added: this is no code of this hub."
    mend: ClassVar[str] = "Compare it letter by letter with the screen; after {tries} wrong tries this address rests."
    tries: int


@dataclass(eq=False)
class CodeUsed(AppError):
    code: ClassVar[str] = "enrol.used_code"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "No device was added: this code was used before; each is good for one device."
    mend: ClassVar[str] = "Ask for a new code. If it was not you who used it, have the new device revoked."


@dataclass(eq=False)
class CodeExpired(AppError):
    code: ClassVar[str] = "enrol.expired_code"
    status: ClassVar[int] = 410
    what: ClassVar[str] = "No device was added: this code was good for {minutes} minutes, which are over."
    mend: ClassVar[str] = "Ask for a new code and enter it at once."
    minutes: int


@dataclass(eq=False)
class EnrolmentRests(AppError):
    code: ClassVar[str] = "enrol.rests"
    status: ClassVar[int] = 429
    what: ClassVar[str] = "No device was added: there were too many wrong codes."
    mend: ClassVar[str] = "Wait {wait_s} seconds, then enter the code once more; a right one is not lost by this."
    wait_s: int


@dataclass(eq=False)
class TooManyCodes(AppError):
    code: ClassVar[str] = "enrol.too_many"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This institution has {open_max} codes that nobody has used yet."
    mend: ClassVar[str] = "Use one of them, or wait until they have run out."
    open_max: int


@dataclass(eq=False)
class TooManyKeys(AppError):
    code: ClassVar[str] = "device.too_many_keys"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The device has {keys_max} valid keys already."
    mend: ClassVar[str] = "Revoke the ones that are no longer used, then add the new one."
    keys_max: int


@dataclass(eq=False)
class BadCalibration(AppError):
    code: ClassVar[str] = "device.calibration"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "{given} is not a day on which the device can have been calibrated."
    mend: ClassVar[str] = "Give it as 2026-11-22, not later than today; empty where nobody knows."
    given: str
