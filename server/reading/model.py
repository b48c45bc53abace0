"""The worklist and the report: what is stored and sent, and the states of a report."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from server.base.states import Row, StateTable
from server.records.model import Grade, MachineSummary, Patient, Urgency

Priority = Literal["critical", "urgent", "soon", "routine"]
View = Literal["all", "urgent", "mine", "returned", "signed_today"]
Line = Annotated[str, msgspec.Meta(max_length=500)]
Note = Annotated[str, msgspec.Meta(max_length=2000)]
STATEMENTS_MAX = 40

REPORT = StateTable(
    name="report",
    start="draft",
    rows=(
        Row("draft", "save", "draft", by="reader"),
        Row("draft", "sign", "final", by="reader"),
        Row("final", "amend", "amended", by="reader"),
        Row("final", "revoke", "revoked", by="reader"),
    ),
)

RETURN_REASONS = ("electrode_off", "artefact", "lead_swap", "too_short", "wrong_patient", "other")


class Claim(msgspec.Struct, frozen=True):
    """A lease on one recording: until `until_at` it is this reader's, then anybody may take it."""

    by: str
    name: str
    until_at: str


class WorklistRow(msgspec.Struct, frozen=True):
    recording: str
    state: str
    priority: Priority
    waiting_at: str
    """Since when it waits."""
    due_at: str
    """Until when the promise of its class asks for a report."""
    org: str
    org_name: str
    patient: Patient
    symptoms: list[str]
    urgency: Urgency
    grade: Grade
    machine_grade: str | None
    machine: MachineSummary | None
    claim: Claim | None
    alert: str | None
    """Id of its open alert."""
    alert_state: str | None
    second: Claim | None = None
    """A critical recording may be read by two: who came after the first."""


class Worklist(msgspec.Struct, frozen=True):
    """One page of rows in order: critical, urgent, soon, routine, then the longest wait. `cursor`: the event log's
    position this page reflects; subscribe to `org:<centre>` from here."""

    rows: list[WorklistRow]
    counts: dict[str, int]
    total: int
    cursor: int
    median_tat_s: float | None


class WorklistQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    view: View = "all"
    offset: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 200


class PdfQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lang: Literal["zh", "en"] = "zh"


class Statement(msgspec.Struct, frozen=True):
    """A line of the conclusion: a code of the catalogue, or free text (code null), with the reader's words."""

    code: str | None
    text: Line


class EditedMeasurement(msgspec.Struct, frozen=True):
    """A reader's value beside the machine's, which stays. QTc is by Bazett, as on the report."""

    name: Literal["vent_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_ms", "qrs_axis_deg"]
    value: float


class DraftReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    statements: Annotated[list[Statement], msgspec.Meta(max_length=STATEMENTS_MAX)]
    grade: Grade
    measurements: list[EditedMeasurement] = []
    note: Note = ""


class SignReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed is what was on the screen: the whole text comes with the command. `lowered_reason` is asked when
    a machine-critical ECG is graded lower."""

    statements: Annotated[list[Statement], msgspec.Meta(max_length=STATEMENTS_MAX)]
    grade: Grade
    measurements: list[EditedMeasurement] = []
    note: Note = ""
    lowered_reason: Line = ""


class AmendReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Line
    statements: Annotated[list[Statement], msgspec.Meta(max_length=STATEMENTS_MAX)]
    grade: Grade
    measurements: list[EditedMeasurement] = []
    note: Note = ""


class Report(msgspec.Struct, frozen=True):
    """One version. A draft has version 0 until it is signed."""

    id: str
    recording: str
    version: int
    state: str
    statements: list[Statement]
    grade: Grade
    measurements: list[EditedMeasurement]
    note: str
    author: str
    author_name: str
    saved_at: str
    signed_at: str | None
    digest: str | None
    """SHA-256 of what was signed, as printed on the report."""
    replaces: str | None
    replaced_by: str | None
    reason: str
    pdf_ready: bool


class ReportPages(msgspec.Struct, frozen=True):
    """The printed report as pictures: each page a PNG, in base64."""

    pages: list[str]


class ReturnRecording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Literal["electrode_off", "artefact", "lead_swap", "too_short", "wrong_patient", "other"]
    leads: Annotated[list[str], msgspec.Meta(max_length=20)] = []
    note: Note = ""


class CatalogueEntry(msgspec.Struct, frozen=True):
    """A statement that can be picked. `initials`: pinyin initials of the Chinese name and of its usual short forms,
    with blanks between (`xfcd fc` for 心房颤动, 房颤)."""

    code: str
    zh: str
    en: str
    initials: str
    group: str
    urgency: str


class Catalogue(msgspec.Struct, frozen=True):
    entries: list[CatalogueEntry]
