"""Institutions, accounts, roles, the rota: what is stored and sent. Rules of access stand in `access.py`."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["city", "county", "township", "community", "village"]
Role = Literal[
    "village_doctor", "operator", "requesting_doctor", "reader", "reviewer", "on_call", "general_duty", "expert",
    "coordinator", "quality_officer", "admin", "auditor",
]  # fmt: skip


class Org(msgspec.Struct, frozen=True):
    """One institution of the tree. `path` is the chain of ids from the root, ending with its own."""

    id: str
    parent: str | None
    level: Level
    name: str
    name_en: str
    phone: str
    path: tuple[str, ...]
    reading_centre: str | None
    """The institution that reads this one's ECGs: its own or the nearest ancestor's setting."""


class GrantView(msgspec.Struct, frozen=True):
    role: Role
    org: str


class Me(msgspec.Struct, frozen=True):
    """The signed-in person, what he may do (`rules`, names of the access table) and the institutions he can see."""

    id: str
    login: str
    name: str
    title: str
    grants: list[GrantView]
    rules: list[str]
    orgs: list[Org]
    home: Literal["clinic", "worklist", "on_call", "admin"]
    unlocked_until: str | None
    hub_name: str
    demo: bool


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    login: str
    password: str


class Unlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof of the person before signing: the account's password again (a PIN or UKey later)."""

    password: str


class ChangePassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old: str
    new: str


class Ticket(msgspec.Struct, frozen=True):
    """A single-use pass for the live connection, good for 30 s."""

    ticket: str


class AccountView(msgspec.Struct, frozen=True):
    id: str
    login: str
    name: str
    title: str
    active: bool
    grants: list[GrantView]
    last_sign_in_at: str | None


class CreateAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    login: str
    name: str
    title: str
    password: str
    grants: list[GrantView]


class Shift(msgspec.Struct, frozen=True):
    """Who is on call for a reading centre, on which line (1 first, 2 second, 3 head of shift), from when to when."""

    id: str
    centre: str
    line: int
    account: str
    name: str
    from_at: str
    to_at: str


class NewShift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    centre: str
    line: int
    account: str
    from_at: str
    to_at: str


class AuditLine(msgspec.Struct, frozen=True):
    id: int
    at: str
    kind: str
    subject: str
    org: str
    actor: str
    actor_name: str


class AuditPage(msgspec.Struct, frozen=True):
    lines: list[AuditLine]
    chain_whole: bool
