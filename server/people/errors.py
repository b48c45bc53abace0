"""What people may meet when they sign in or manage accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class WrongLogin(AppError):
    """One answer for an unknown account and a wrong password: who has an account is nobody's business."""

    code: ClassVar[str] = "sign_in.wrong"
    status: ClassVar[int] = 401
    what: ClassVar[str] = "Account or password is wrong."
    mend: ClassVar[str] = "Try again; after {tries} wrong tries the account rests for {rest_min} minutes."
    tries: int
    rest_min: int


@dataclass(eq=False)
class AccountRests(AppError):
    code: ClassVar[str] = "sign_in.rests"
    status: ClassVar[int] = 429
    what: ClassVar[str] = "Too many wrong passwords: the account rests until {until_at}."
    mend: ClassVar[str] = "Wait, or ask the administrator."
    until_at: str


@dataclass(eq=False)
class WeakPassword(AppError):
    code: ClassVar[str] = "account.weak_password"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The password is too short or too common."
    mend: ClassVar[str] = "Use at least {length_min} characters that nobody would guess."
    length_min: int


@dataclass(eq=False)
class LoginTaken(AppError):
    code: ClassVar[str] = "account.login_taken"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "There is already an account {login}."
    mend: ClassVar[str] = "Choose another login."
    login: str


@dataclass(eq=False)
class UnknownOrg(AppError):
    code: ClassVar[str] = "org.unknown"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "There is no institution {org}."
    mend: ClassVar[str] = "Take one of the list of institutions."
    org: str


@dataclass(eq=False)
class SignLocked(AppError):
    code: ClassVar[str] = "sign.locked"
    status: ClassVar[int] = 403
    what: ClassVar[str] = "Signing is locked: you have not proved who you are within the last 30 minutes."
    mend: ClassVar[str] = "Enter your password and sign again; the report is kept as you wrote it."
