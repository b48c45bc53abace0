"""Patients, orders, recordings: what is stored and sent, and the states of a recording."""

from __future__ import annotations

from typing import Literal

import msgspec

from ecg.compare import Comparison
from server.base.states import Row, StateTable

Sex = Literal["M", "F", ""]
Urgency = Literal["routine", "emergency"]
Grade = Literal["critical", "warning", "normal", "unassessed"]
MachineGrade = Literal["critical", "warning"]

SYMPTOMS = (
    "chest_pain", "syncope", "presyncope", "dyspnoea", "palpitation", "hypotension", "none", "unknown",
)  # fmt: skip

RECORDING = StateTable(
    name="recording",
    start="receiving",
    rows=(
        Row("receiving", "seal", "received", by="system"),
        Row("receiving", "refuse", "rejected", by="system"),  # its checksum is wrong: the clinic records again
        Row("receiving", "interrupt", "received", by="system"),  # silent for long: the hub ends it, incomplete
        Row("received", "analyse", "analysed", by="system"),
        Row("analysed", "queue", "waiting", by="system"),
        Row("waiting", "claim", "claimed", by="reader"),
        Row("waiting", "replace", "rejected", by="system"),  # it was incomplete, and the whole one has come
        Row("claimed", "claim", "claimed", by="reader"),  # renewing a lease, or taking over an ended one
        Row("claimed", "release", "waiting", by="reader"),
        Row("waiting", "return", "returned", by="reader"),
        Row("claimed", "return", "returned", by="reader"),
        Row("claimed", "report", "reported", by="reader"),
        Row("waiting", "report", "reported", by="reader"),
        Row("reported", "amend", "reported", by="reader"),
        Row("waiting", "reject", "rejected", by="reader"),
        Row("claimed", "reject", "rejected", by="reader"),
        Row("reported", "archive", "archived", by="system"),
        Row("returned", "archive", "archived", by="system"),
        Row("rejected", "archive", "archived", by="system"),
    ),
)


class Patient(msgspec.Struct, frozen=True):
    """A person examined, as far as this viewer may know. identity `pending`: an emergency whose name comes later."""

    id: str
    name: str
    sex: Sex
    age_years: int | None
    birth_date: str | None
    id_no_masked: str
    identity: Literal["known", "pending"]


class PatientFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request form or a device says of the person."""

    name: str = ""
    sex: Sex = ""
    age_years: int | None = None
    birth_date: str | None = None
    id_no: str = ""


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The 30-second request form: the next recording of `device` in `org` belongs to this person."""

    org: str
    patient: PatientFacts
    symptoms: list[str]
    urgency: Urgency = "routine"
    device: str | None = None
    note: str = ""


class Order(msgspec.Struct, frozen=True):
    id: str
    org: str
    patient: Patient
    symptoms: list[str]
    urgency: Urgency
    device: str | None
    note: str
    ordered_at: str
    recording: str | None


class FileNote(msgspec.Struct, frozen=True):
    """What was odd about a file, or why it cannot be read: a code of the errors' table with its facts."""

    code: str
    facts: dict[str, str | int | float]


class GlanceFinding(msgspec.Struct, frozen=True):
    """What the device's own analysis found; `said`: the sentence with its numbers, by language, or nothing."""

    code: str
    grade: str
    said: dict[str, str]


class GlanceView(msgspec.Struct, frozen=True):
    """What came ahead of a file (ACQ-16). It is the device's word; the file is analysed anew.

    rate_bpm   ventricular rate, or None.
    quality    0 to 100 by lead.
    strip      `strip_lead` for 10 s at 62.5 Hz, int8 of 20 uV, base64; empty where the packet had no room for it.
    """

    rate_bpm: float | None
    findings: list[GlanceFinding]
    quality: dict[str, int]
    strip_lead: str
    strip: str


class Recording(msgspec.Struct, frozen=True):
    """One recording as pages see it. `machine` is the short result of the analysis, `grade` a person's word."""

    id: str
    state: str
    org: str
    org_name: str
    centre: str
    patient: Patient
    symptoms: list[str]
    urgency: Urgency
    note: str
    device: str
    device_model: str
    kind: Literal["resting", "stream"]
    fs: float
    leads: list[str]
    samples: int
    started_at: str | None
    time_from: Literal["device", "file", ""]
    """Whose clock `started_at` is by: the sender's, compared with ours and corrected; that of the machine which wrote
    the file, which nobody compared; empty: not noted then."""
    clock_offset_ms: int | None
    """The hub's clock less the device's when it was sent; `started_at` is corrected by it."""
    clock_uncertainty_ms: int | None
    file: str
    """The name of the file it came in; empty when a device sent samples."""
    format: str
    notes: list[FileNote]
    derived: list[str]
    """Leads that were computed from I and II."""
    interrupted: bool
    """The hub ended it because its device was silent for long: what there is of it is not the whole."""
    replaced_by: str | None
    """Of an interrupted one: the recording in which its device sent the whole."""
    glance: GlanceView | None
    """Until its samples are here."""
    opened_at: str
    received_at: str | None
    grade: Grade
    machine_grade: MachineGrade | None
    machine: MachineSummary | None
    reader_name: str | None
    """Who holds it now or signed it last."""
    return_reason: str | None
    returned_note: str | None
    return_leads: list[str]
    """The leads a reader named when he sent it back."""
    report: str | None
    """Id of the valid signed report."""
    impression: list[str]
    """The signed statements' words, so that lists need not fetch the report."""


class HandedOver(msgspec.Struct, frozen=True):
    """The recording of a file. `known`: the hub has had a file with these bytes before, and this is its recording."""

    recording: Recording
    known: bool


class MachineSummary(msgspec.Struct, frozen=True):
    """What lists show of the analysis. `error`: why there is none (a code); then a person reads without it."""

    acceptable: bool
    findings: list[str]
    vent_rate_bpm: float | None
    pr_ms: int | None
    qrs_ms: int | None
    qt_ms: int | None
    qtc_ms: int | None
    bad_leads: list[str]
    strip: str
    """Lead II (or the best), 4 s at 125 Hz, int8 of 20 uV, base64: the list's miniature."""
    error: str | None = None
    said: dict[str, str] = {}
    """The sentence of the first finding with its numbers, by language."""
    mend: dict[str, str] = {}
    """Which electrodes the clinic should look after, by language; empty where none is to blame."""


class CompareQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`against`: an earlier recording of the same patient; empty: the last comparable one."""

    against: str = ""


class Compared(msgspec.Struct, frozen=True):
    """A recording against an earlier one of the same patient; `earlier` null where there is none that this viewer may
    see and the analysis could read. `unchanged`: both could be read and nothing differs beyond noise."""

    earlier: str | None
    unchanged: bool
    comparison: Comparison | None


class Identify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name later: who the unidentified person was."""

    patient: PatientFacts


class Reanalyse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: str


class HistoryLine(msgspec.Struct, frozen=True):
    """The parcel view: what happened to a recording, when, by whom."""

    at: str
    kind: str
    actor_name: str
    body: dict[str, str | int | float | bool | list[str] | None]
