"""Consultations: what is stored and sent, and their states."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable
from server.consult.media.model import MediaSeat
from server.records.model import Patient

CONSULT = StateTable(
    name="consult",
    start="draft",
    rows=(
        Row("draft", "submit", "submitted", by="requester"),
        Row("submitted", "accept", "accepted", by="expert"),
        Row("submitted", "decline", "declined", by="expert"),
        Row("submitted", "return", "returned", by="expert"),
        Row("returned", "submit", "submitted", by="requester"),
        Row("accepted", "schedule", "scheduled", by="expert"),
        Row("accepted", "enter", "in_progress", by="member"),
        Row("scheduled", "enter", "in_progress", by="member"),
        Row("in_progress", "enter", "in_progress", by="member"),
        Row("concluding", "enter", "concluding", by="member"),
        Row("in_progress", "conclude", "concluding", by="expert"),
        Row("accepted", "conclude", "concluding", by="expert"),
        Row("concluding", "conclude", "concluding", by="expert"),
        Row("concluding", "countersign", "concluded", by="requester"),
        Row("concluded", "follow_up", "followed_up", by="requester"),
        Row("submitted", "cancel", "cancelled", by="requester"),
        Row("returned", "cancel", "cancelled", by="requester"),
        Row("accepted", "cancel", "cancelled", by="requester"),
        Row("scheduled", "cancel", "cancelled", by="requester"),
        Row("scheduled", "miss", "no_show", by="timer"),
    ),
)
OPEN_STATES = ("submitted", "returned", "accepted", "scheduled", "in_progress", "concluding")


class Member(msgspec.Struct, frozen=True):
    account: str
    name: str
    org_name: str
    part: Literal["requester", "expert", "observer"]


class Conclusion(msgspec.Struct, frozen=True):
    text: str
    signed_by: str
    signed_name: str
    signed_at: str
    digest: str
    countersigned_name: str | None
    countersigned_at: str | None


class Consult(msgspec.Struct, frozen=True):
    id: str
    recording: str
    alert: str | None
    requester: str
    requester_name: str
    requester_org: str
    requester_org_name: str
    invitee_org: str
    invitee_org_name: str
    expert: str | None
    expert_name: str | None
    patient: Patient
    purpose: str
    summary: str
    priority: Literal["emergency", "routine"]
    consent: Literal["written", "emergency"]
    state: str
    requested_at: str
    answered_at: str | None
    reason: str
    members: list[Member]
    conclusion: Conclusion | None
    events: list[str]
    """What this viewer may do now: names of the state table's events."""


class Consults(msgspec.Struct, frozen=True):
    consults: list[Consult]
    cursor: int


class ConsultsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open: bool = True
    recording: str | None = None


class RequestConsult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the 2018 rules ask of a request: purpose, summary, who is asked; consent, or the emergency note."""

    recording: str
    invitee_org: str
    purpose: str
    summary: str
    priority: Literal["emergency", "routine"]
    consent: Literal["written", "emergency"]
    alert: str | None = None


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class Resubmit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the requester mends while the request is back with him; `/submit` then sends it again."""

    purpose: str
    summary: str
    consent: Literal["written", "emergency"]


class CountersignQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`digest` of the conclusion that was on the screen: when the text has changed since, nothing is signed."""

    digest: str = ""


class Conclude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class Enter(msgspec.Struct, frozen=True):
    """What a browser needs to join: its member list, the shared view so far, and ICE servers (may be empty).

    forwarded: sound and picture go over the hub's forwarder, by the seat `media` (null: it is to ask for one).
    """

    consult: Consult
    ice_servers: list[IceServer]
    view: SharedView | None
    forwarded: bool = False
    media: MediaSeat | None = None


class IceServer(msgspec.Struct, frozen=True):
    urls: list[str]
    username: str = ""
    credential: str = ""


class SharedView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which stretch of which recording everybody looks at, in sample-index coordinates. `rev` is the hub's: the higher
    one wins on every screen."""

    recording: str
    layout: str
    first: int
    end: int
    speed: float
    gain: float
    presenter: str
    rev: int = 0
