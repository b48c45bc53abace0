"""How rooms of one floor see one another without importing each other: small functions that `main.py` hands in.

Each reads what one room keeps and gives it in another room's form. No rule, no state.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import Connection

from server.alerts import service as alerts
from server.alerts.model import CriticalFinding
from server.analysis import service as analysis
from server.analysis import store as analysis_store
from server.base.context import Ctx
from server.base.errors import NotFound
from server.people.service import People
from server.reading.content import Measured
from server.records import service as records
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


class _Axes(msgspec.Struct, frozen=True):
    p: int | None
    qrs: int | None
    t: int | None


class _Measurements(msgspec.Struct, frozen=True):
    vent_rate_bpm: float | None
    p_ms: int | None
    pr_ms: int | None
    qrs_ms: int | None
    qt_ms: int | None
    qtc_ms: dict[str, int | None]
    axis_deg: _Axes


class _Analysis(msgspec.Struct, frozen=True):
    findings: list[_Finding]
    measurements: _Measurements


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
    found = _analysis(conn, recording_id)
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
        for f in (found.findings if found else ())
        if f.grade == "critical" and f.rule is not None
    ]


def machine_result(conn: Connection, recording_id: str) -> records.MachineResult | None:
    """The newest analysis as the records room keeps it: the lists' summary and the proposed grade."""
    row = analysis_store.latest(conn, recording_id)
    if row is None:
        return None
    return records.MachineResult(msgspec.json.decode(row["summary"], type=MachineSummary), row["grade"])


def measured(conn: Connection, recording_id: str) -> Measured | None:
    """The machine's numbers as the report prints them; QTc by Fridericia, as in the lists."""
    found = _analysis(conn, recording_id)
    if found is None:
        return None
    m = found.measurements
    return Measured(
        vent_rate_bpm=m.vent_rate_bpm,
        p_ms=m.p_ms,
        pr_ms=m.pr_ms,
        qrs_ms=m.qrs_ms,
        qt_ms=m.qt_ms,
        qtc_ms=m.qtc_ms.get("fridericia"),
        p_axis_deg=m.axis_deg.p,
        qrs_axis_deg=m.axis_deg.qrs,
        t_axis_deg=m.axis_deg.t,
    )


def thread_org(conn: Connection, ctx: Ctx, thread: str) -> str:
    """The institution of the case a thread belongs to. Raises NotFound when it is not this person's."""
    match thread.partition("_")[0]:
        case "rec":
            return str(records.access_recording(conn, ctx, thread)["org"])
        case "alr":
            return alerts.thread_org(conn, ctx, thread)
        case _:
            raise NotFound(kind="thread")


def _analysis(conn: Connection, recording_id: str) -> _Analysis | None:
    raw = analysis.result_json(conn, recording_id)
    return None if raw is None else msgspec.json.decode(raw, type=_Analysis)
