"""Alerts of critical findings: what is stored and sent, and their states."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable
from server.records.model import Patient

ALERT = StateTable(
    name="alert",
    start="raised",
    rows=(
        Row("raised", "page", "notified", by="system"),
        Row("notified", "page", "notified", by="timer"),
        Row("seen", "page", "seen", by="timer"),
        Row("raised", "see", "seen", by="on_call"),
        Row("notified", "see", "seen", by="on_call"),
        Row("seen", "see", "seen", by="on_call"),
        Row("raised", "pass_on", "notified", by="on_call"),
        Row("notified", "pass_on", "notified", by="on_call"),
        Row("seen", "pass_on", "seen", by="on_call"),
        Row("raised", "read_back", "acknowledged", by="on_call"),
        Row("notified", "read_back", "acknowledged", by="on_call"),
        Row("seen", "read_back", "acknowledged", by="on_call"),
        Row("expired", "read_back", "acknowledged", by="on_call"),
        Row("raised", "expire", "expired", by="timer"),
        Row("notified", "expire", "expired", by="timer"),
        Row("seen", "expire", "expired", by="timer"),
        Row("acknowledged", "callback", "acting", by="on_call"),
        Row("acting", "callback", "acting", by="on_call"),
        Row("acting", "close", "closed", by="on_call"),
        Row("raised", "refute", "refuted", by="reader"),
        Row("notified", "refute", "refuted", by="reader"),
        Row("seen", "refute", "refuted", by="reader"),
        Row("acknowledged", "refute", "refuted", by="reader"),
        Row("expired", "refute", "refuted", by="reader"),
        Row("raised", "supersede", "superseded", by="system"),
        Row("notified", "supersede", "superseded", by="system"),
        Row("seen", "supersede", "superseded", by="system"),
    ),
)
OPEN_STATES = ("raised", "notified", "seen", "acknowledged", "acting", "expired")
RINGING_STATES = ("raised", "notified", "seen", "expired")


class CriticalFinding(msgspec.Struct, frozen=True):
    """A critical rule that fired in a recording: what raises an alert. Places are samples, the range half-open.

    value, limit      the measured number at firing and the limit it passed, in the unit the text names.
    profile           name and version of the rule profile, as they were when it fired.
    page_before_read  the ladder starts before a person has read the ECG.
    """

    code: str
    rule: str
    profile: str
    say_zh: str
    say_en: str
    first: int
    end: int
    leads: list[str] = []
    value: float | None = None
    limit: float | None = None
    page_before_read: bool = True


class Page(msgspec.Struct, frozen=True):
    """One message to one person: which step of the ladder, when sent, when it reached a page, when it was opened."""

    account: str
    name: str
    step: int
    channel: str
    sent_at: str
    delivered_at: str | None
    seen_at: str | None
    withdrawn_at: str | None = None
    """When the call was taken back: refuted, or a graver alert took its place."""


class Callback(msgspec.Struct, frozen=True):
    """The patient's place was told: whom, how, and what he repeated."""

    by_name: str
    told: str
    how: str
    read_back: str
    at: str


class Alert(msgspec.Struct, frozen=True):
    id: str
    recording: str
    org: str
    org_name: str
    org_phone: str
    patient: Patient
    symptoms: list[str]
    state: str
    rule: str
    profile: str
    code: str
    """The finding's code."""
    say_zh: str
    say_en: str
    leads: list[str]
    first: int
    end: int
    raised_at: str
    confirmed_by_name: str | None
    """The reader who confirmed it; None: an unconfirmed machine finding."""
    confirmed_at: str | None
    step: int
    next_at: str | None
    """When the ladder goes on; None once somebody took it or the ladder has ended."""
    next_name: str | None
    pages: list[Page]
    acknowledged_by: str | None
    acknowledged_name: str | None
    acknowledged_at: str | None
    callback: Callback | None
    action: str
    outcome: str
    closed_by_name: str | None
    closed_at: str | None
    refuted_reason: str
    events: list[str]
    """What this viewer may do now: names of the state table's events."""
    others: list[CriticalFinding] = []
    """Further critical findings of the same incident, as they came."""
    recordings: list[str] = []
    """Every recording of the incident; `recording` is the one that raised it."""
    superseded_by: str | None = None


class ReadBackChoice(msgspec.Struct, frozen=True):
    """One of three answers. `key` goes back to the hub; texts are shown."""

    key: str
    zh: str
    en: str


class Challenge(msgspec.Struct, frozen=True):
    """The read-back: which finding, which patient, each one of three."""

    alert: str
    findings: list[ReadBackChoice]
    patients: list[ReadBackChoice]


class ReadBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    finding: str
    patient: str


class NewCallback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    told: str
    how: str
    read_back: str


class Close(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    outcome: str


class Refute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class Alerts(msgspec.Struct, frozen=True):
    """Open alerts this person must know of, the oldest unanswered first; `cursor` as in the worklist."""

    alerts: list[Alert]
    cursor: int
    on_duty: bool
    """Whether the rota names this person now."""


class AlertsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open: bool = True
    limit: int = 100


class OnDuty(msgspec.Struct, frozen=True):
    """The answer to 开始值班: whether the rota names this person now."""

    account: str
    at: str
    on_duty: bool


class RegisterQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Alerts raised from `from_at` (inclusive) to `to_at` (exclusive); `lang` chooses the headings."""

    from_at: str = ""
    to_at: str = ""
    lang: Literal["zh", "en"] = "zh"
