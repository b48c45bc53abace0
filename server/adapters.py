"""How rooms of one floor see one another without importing each other: small functions that `main.py` hands in.

Each reads what one room keeps and gives it in another room's form. No rule, no state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from sqlalchemy import Connection

from ecg.rules.prior import Prior
from server.alerts import service as alerts
from server.alerts import store as alert_store
from server.alerts.model import CriticalFinding
from server.analysis import service as analysis
from server.analysis import store as analysis_store
from server.analysis.live import Case
from server.analysis.work import Facts
from server.base.clock import Clock, iso
from server.base.context import Ctx
from server.base.errors import NotFound
from server.consult import service as consult
from server.consult import store as consult_store
from server.people.service import People, require_unlocked
from server.reading import Measured, measured_of_analysis, signed_codes
from server.records import service as records
from server.records import store as records_store
from server.records.model import MachineSummary


class _Finding(msgspec.Struct, frozen=True):
    """A finding of the analysis object, as far as an alert needs it."""

    code: str
    first: int
    end: int
    leads: list[str]
    grade: Literal["critical", "warning"] | None
    rule: str | None
    profile: str | None
    say: dict[str, str]
    page_before_read: bool
    value: float | None = None
    limit: float | None = None


class _Analysis(msgspec.Struct, frozen=True):
    findings: list[_Finding]


class _Levels(msgspec.Struct, frozen=True):
    st_j_mv: dict[str, float | None] = {}


class _Earlier(msgspec.Struct, frozen=True):
    """An earlier analysis object, as far as a rule asks of it."""

    findings: list[_Finding]
    measurements: _Levels


class Places:
    """Institutions as intake needs them."""

    def __init__(self, people: People) -> None:
        self._people = people

    def name(self, org: str) -> str:
        return self._people.tree[org].name

    def centre(self, org: str) -> str:
        place = self._people.tree[org]
        return place.reading_centre or place.path[0]


def critical_findings(conn: Connection, recording_id: str) -> list[CriticalFinding]:
    """The findings of the newest analysis for which a critical rule fired."""
    raw = analysis.result_json(conn, recording_id)
    return [] if raw is None else _critical(msgspec.json.decode(raw, type=_Analysis).findings)


def live_findings(raw: bytes) -> list[CriticalFinding]:
    """What a live monitor has just found."""
    return _critical(msgspec.json.decode(raw, type=list[_Finding]))


def live_case(conn: Connection, recording_id: str) -> Case:
    """What the rules may know of the person while the recording is still arriving, and whether it is an emergency."""
    row = records_store.recording_row(conn, recording_id)
    patient = records_store.patient_view(conn, row["patient"])
    symptoms = tuple(msgspec.json.decode(row["symptoms"], type=list[str]))
    facts = Facts(patient.sex, patient.age_years, symptoms, prior(conn, recording_id))
    return Case(facts, urgent=row["urgency"] != "routine")


def _critical(found: list[_Finding]) -> list[CriticalFinding]:
    return [
        CriticalFinding(
            code=f.code,
            rule=f.rule,
            profile=f.profile or "",
            say_zh=f.say.get("zh", f.code),
            say_en=f.say.get("en", f.code),
            first=f.first,
            end=f.end,
            leads=f.leads,
            value=f.value,
            limit=f.limit,
            page_before_read=f.page_before_read,
        )
        for f in found
        if f.grade == "critical" and f.rule is not None
    ]


def machine_result(conn: Connection, recording_id: str) -> records.MachineResult | None:
    """The newest analysis as the records room keeps it: the lists' summary and the proposed grade."""
    row = analysis_store.latest(conn, recording_id)
    if row is None:
        return None
    return records.MachineResult(msgspec.json.decode(analysis_store.summary_of(row), type=MachineSummary), row["grade"])


def prior(conn: Connection, recording_id: str) -> Prior | None:
    """What the patient's last readable ECG said: its signed statements, or the machine's findings where nobody signed.
    A person's word goes before: what a reader did not confirm is not known of the patient."""
    for earlier in records.earlier(conn, records_store.recording_row(conn, recording_id)):
        raw = analysis.result_json(conn, earlier.id)
        if raw is None:
            continue
        told = msgspec.json.decode(raw, type=_Earlier)
        signed = signed_codes(conn, earlier.report) if earlier.report is not None else None
        codes = {f.code for f in told.findings} if signed is None else signed
        st_uv = {lead: round(1000 * mv) for lead, mv in told.measurements.st_j_mv.items() if mv is not None}
        return Prior(frozenset(codes), st_uv)
    return None


def measured(conn: Connection, recording_id: str) -> Measured | None:
    """The machine's numbers as the report prints them."""
    raw = analysis.result_json(conn, recording_id)
    return None if raw is None else measured_of_analysis(msgspec.json.decode(raw))


def cases(conn: Connection, recording_id: str) -> list[str]:
    """Ids of the alerts and consultations of a recording."""
    rows = (*alert_store.of_recording(conn, recording_id), *consult_store.of_recording(conn, recording_id))
    return [row["id"] for row in rows]


def may_sign(clock: Clock) -> Callable[[Connection, Ctx], None]:
    """The check of a signature: the session was unlocked with the password not long ago. Raises SignLocked."""

    def check(conn: Connection, ctx: Ctx) -> None:
        require_unlocked(conn, ctx, iso(clock.now()))

    return check


def case_patient(conn: Connection, case: str) -> str:
    """The patient of a recording or consultation; asks for no right. Raises NotFound."""
    if case.startswith("con_"):
        case = consult_store.consult_row(conn, case)["recording"]
    return str(records_store.recording_row(conn, case)["patient"])


def invited(conn: Connection, patient: str, account: str) -> bool:
    """Whether the account is in a consultation about one of the patient's recordings."""
    recordings = records_store.recordings_of_patient(conn, patient, records.LIST_MAX)
    return any(consult_store.invited_to(conn, r.id, account) for r in recordings)


def thread_org(conn: Connection, ctx: Ctx, thread: str) -> str:
    """The institution of the case a thread belongs to. Raises NotFound when it is not this person's."""
    match thread.partition("_")[0]:
        case "rec":
            return str(records.access_recording(conn, ctx, thread)["org"])
        case "alr":
            return alerts.thread_org(conn, ctx, thread)
        case "con":
            return consult.thread_org(conn, ctx, thread)
        case _:
            raise NotFound(kind="thread")
