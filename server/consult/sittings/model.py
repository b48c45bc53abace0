"""Sittings: what is stored and sent, and their states."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable

SittingRole = Literal["chair", "presenter", "expert", "scribe", "observer"]

SITTING = StateTable(
    name="sitting",
    start="planned",
    rows=(
        Row("planned", "plan", "planned", by="chair"),
        Row("planned", "open", "open", by="chair"),
        Row("planned", "cancel", "cancelled", by="chair"),
        Row("open", "seat", "open", by="chair"),
        Row("open", "close", "closed", by="chair"),
        Row("open", "minute", "open", by="chair, scribe"),
        Row("closed", "minute", "closed", by="chair, scribe"),
    ),
)


class Seat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    role: SittingRole


class PlanSitting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is not of the case yet joins it with his seat. Empty seats: everybody of the case, the requester presents.

    The chair of the case is the chair of each sitting, named or not. minutes: how long it takes.
    """

    agenda: str
    at: str | None = None
    minutes: int = 60
    seats: list[Seat] = []


class NewMinutes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class CloseSitting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """interim: what the case may go by until its conclusion; empty: nothing yet."""

    interim: str = ""


class SeatView(msgspec.Struct, frozen=True):
    """came_at: when he first entered while the sitting was open."""

    account: str
    name: str
    org_name: str
    role: SittingRole
    came_at: str | None
    busy: bool
    """Something else takes his time then."""


class Minutes(msgspec.Struct, frozen=True):
    """The last version of what was written down (会议记录)."""

    text: str
    version: int
    by_name: str
    at: str


class Sitting(msgspec.Struct, frozen=True):
    number: int
    state: str
    agenda: str
    at: str | None
    minutes: int
    opened_at: str | None
    closed_at: str | None
    interim: str
    seats: list[SeatView]
    record: Minutes | None
    opinions: list[str]
    """Names of those who signed an opinion in it; what they wrote stands with the case."""
    events: list[str]


class Sittings(msgspec.Struct, frozen=True):
    """may_plan: this viewer is the chair, and the case goes on."""

    sittings: list[Sitting]
    may_plan: bool
