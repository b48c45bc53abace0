"""Use cases of the report: draft, sign, correct, read, print.

What is signed never changes: a correction is a new version that names the old one. The digest covers the canonical text
of `content.Signed`, which is stored as it was signed. How a report looks on paper is `paper.py`'s business.
"""

from __future__ import annotations

import math

import msgspec
from sqlalchemy import Connection, RowMapping

from ecg import codes
from server.base import eventlog
from server.base.clock import seconds_between
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.ids import new_id
from server.base.pdf import draw_pages
from server.people import store as people
from server.people.service import require_unlocked
from server.reading import paper, store
from server.reading.content import (
    Content,
    Measured,
    Signed,
    content_bytes,
    content_of,
    digest_of,
    measured_of_summary,
    signature_of,
)
from server.reading.errors import (
    BadMeasurement,
    LoweredReasonMissing,
    NoAmendReason,
    NoGrade,
    NoStatement,
    UnknownStatement,
)
from server.reading.model import REPORT, AmendReport, DraftReport, EditedMeasurement, Report, SignReport
from server.reading.paper import Lang
from server.reading.service import Reading, centre_of, close_row, for_reader, must_hold, not_held_by_another
from server.records import store as records

MEASUREMENT_MAX = 2000.0
"""No interval of a resting ECG in ms and no rate a minute is above this."""
AXIS_MAX_DEG = 180.0


async def reports(room: Reading, ctx: Ctx, recording_id: str) -> list[Report]:
    """Every version, the newest first; above them the asker's own draft, if he has one."""

    def look(conn: Connection) -> list[Report]:
        _to_read(conn, ctx, recording_id)
        rows = store.reports_of(conn, recording_id)
        drafts = [r for r in rows if r["state"] == "draft" and r["author"] == ctx.actor]
        return [_view(r) for r in (*drafts, *(r for r in rows if r["state"] != "draft"))]

    return await room.db.read(look)


async def save_draft(room: Reading, ctx: Ctx, recording_id: str, draft: DraftReport) -> Report:
    """Keep what is written so far; only by who holds the recording. An event tells that it began, not each save."""
    content = Content(statements=draft.statements, grade=draft.grade, measurements=draft.measurements, note=draft.note)
    _check_words(content)

    def work(tx: Tx) -> Report:
        row = for_reader(tx.conn, ctx, recording_id, "report.write")
        must_hold(tx, ctx, recording_id)
        known = store.draft_of(tx.conn, recording_id, ctx.actor)
        values = {"author_name": ctx.name, "saved_at": tx.now, "content": content_bytes(content)}
        if known is None:
            report_id = new_id("rep")
            store.add_report(
                tx.conn, id=report_id, recording=recording_id, version=0, state=REPORT.start, author=ctx.actor, **values
            )
            body: eventlog.Body = {"state": REPORT.start, "report": report_id, "version": 0}
            tx.append("report.drafted", recording_id, row["org"], body)
        else:
            report_id = known["id"]
            store.update_report(tx.conn, report_id, state=REPORT.move(known["state"], "save"), **values)
        return _view_of(tx.conn, report_id)

    return await room.db.write(work, actor=ctx.actor)


async def sign(room: Reading, ctx: Ctx, recording_id: str, body: SignReport) -> Report:
    """Sign what stood on the screen. Raises SignLocked, NoStatement, NoGrade, LoweredReasonMissing, ClaimedByOther,
    WrongState when it is reported already (correct it then)."""
    content = Content(statements=body.statements, grade=body.grade, measurements=body.measurements, note=body.note)
    _check_whole(content)
    measured = await room.measured(recording_id)

    def work(tx: Tx) -> Report:
        row = for_reader(tx.conn, ctx, recording_id, "report.sign")
        require_unlocked(tx.conn, ctx, tx.now)
        not_held_by_another(tx, ctx, recording_id)
        lowered = row["machine_grade"] == "critical" and body.grade != "critical"
        if lowered and not body.lowered_reason.strip():
            raise LoweredReasonMissing
        signed = _signed(tx, ctx, row, content, measured, report_id=_draft_id(tx, ctx, recording_id))
        signed = msgspec.structs.replace(signed, lowered_reason=body.lowered_reason if lowered else "")
        digest = _seal(room, tx, signed)
        _report_recording(tx, ctx, signed, "report")
        arrived = row["received_at"]
        close_row(tx, recording_id, "signed", tat_s=seconds_between(arrived, tx.now) if arrived else None)
        tx.append("report.signed", recording_id, row["org"], _body(signed, digest))
        return _view_of(tx.conn, signed.report)

    return await room.db.write(work, actor=ctx.actor)


async def amend(room: Reading, ctx: Ctx, report_id: str, body: AmendReport) -> Report:
    """Correct a signed report: a new signed version with its reason; the old one stays, marked as amended."""
    content = Content(statements=body.statements, grade=body.grade, measurements=body.measurements, note=body.note)
    _check_whole(content)
    if not body.reason.strip():
        raise NoAmendReason
    recording_id = (await room.db.read(lambda conn: _report_row(conn, report_id)))["recording"]
    measured = await room.measured(recording_id)

    def work(tx: Tx) -> Report:
        old = _report_row(tx.conn, report_id)
        row = for_reader(tx.conn, ctx, old["recording"], "report.sign")
        require_unlocked(tx.conn, ctx, tx.now)
        old_state = REPORT.move(old["state"], "amend")
        signed = _signed(tx, ctx, row, content, measured, report_id=None)
        signed = msgspec.structs.replace(signed, replaces=report_id, reason=body.reason)
        store.update_report(tx.conn, report_id, state=old_state, replaced_by=signed.report, pdf_at=None)
        digest = _seal(room, tx, signed)
        _report_recording(tx, ctx, signed, "amend")
        tx.append("report.amended", row["id"], row["org"], {**_body(signed, digest), "replaces": report_id})
        return _view_of(tx.conn, signed.report)

    return await room.db.write(work, actor=ctx.actor)


async def pdf(room: Reading, ctx: Ctx, report_id: str, lang: Lang) -> tuple[bytes, str]:
    """The printed report and its file name, made now if it was not yet; every fetch is noted in the audit trail."""

    def look(conn: Connection) -> tuple[RowMapping, RowMapping]:
        report = _report_row(conn, report_id)
        recording = _to_read(conn, ctx, report["recording"])
        if report["state"] == "draft" and report["author"] != ctx.actor:
            raise NotFound(kind="report")
        return report, recording

    report, recording = await room.db.read(look)
    raw = await printed(room, report, lang)
    body = {"report": report_id, "version": report["version"], "lang": lang}
    # For the audit trail, not for the pages of the institution: nobody's list changes by it.
    await room.db.write(
        lambda tx: tx.append("report.printed", report["recording"], recording["org"], body, topic="audit"),
        actor=ctx.actor,
    )
    return raw, f"{report_id}-v{report['version']}.pdf"


async def pages(room: Reading, ctx: Ctx, report_id: str, lang: Lang) -> list[bytes]:
    """The printed report as pictures (PNG), for where it is looked at together."""
    raw, _ = await pdf(room, ctx, report_id, lang)
    return await room.run_heavy(draw_pages, raw)


async def print_signed(room: Reading, report_id: str) -> None:
    """Make the Chinese PDF of a signed report ahead of the first who asks for it. Twice is once."""
    report = await room.db.read(lambda conn: store.report_row(conn, report_id))
    if report is None or report["pdf_at"] is not None or report["state"] == "draft":
        return
    await printed(room, report, "zh")

    def work(tx: Tx) -> None:
        row = store.report_row(tx.conn, report_id)
        if row is None or row["pdf_at"] is not None or row["state"] != report["state"]:
            return
        store.update_report(tx.conn, report_id, pdf_at=tx.now)
        org = records.recording_row(tx.conn, row["recording"])["org"]
        body = {"state": row["state"], "report": report_id, "version": row["version"], "digest": row["digest"]}
        tx.append("report.pdf_ready", row["recording"], org, body)

    await room.db.write(work)


async def printed(room: Reading, report: RowMapping, lang: Lang) -> bytes:
    """The PDF as it was kept, or rendered now; a draft's is never kept. The name holds a fingerprint of all that is
    printed: when a patient is named later, or a newer version replaces this one, it is printed anew."""
    sheet = await room.db.read(lambda conn: _sheet(room, conn, report))
    name = f"{report['id']}.{paper.fingerprint(sheet)}.{lang}.pdf"
    kept = report["state"] != "draft"
    if kept and (known := await room.prints.get(name)) is not None:
        return known
    raw = await room.run_heavy(paper.render, sheet, await room.load(report["recording"]), lang)
    if kept:
        await room.prints.keep(name, raw)
    return raw


def signed_codes(conn: Connection, report_id: str) -> set[str]:
    """The codes of a signed report; free text has none."""
    return {s.code for s in content_of(_report_row(conn, report_id)["content"]).statements if s.code is not None}


# Checks.


def _to_read(conn: Connection, ctx: Ctx, recording_id: str) -> RowMapping:
    """The recording, for the clinic that took it, the centre that reads it and who was asked about it. Raises
    NotFound."""
    row = records.recording_row(conn, recording_id)
    if not ctx.may("recording.read", row["org"]) and not records.is_guest(conn, recording_id, ctx.actor):
        ctx.see("recording", "recording.read", centre_of(row))
    return row


def _report_row(conn: Connection, report_id: str) -> RowMapping:
    row = store.report_row(conn, report_id)
    if row is None:
        raise NotFound(kind="report")
    return row


def _check_words(content: Content) -> None:
    """What even a draft must be: known codes, possible numbers."""
    for statement in content.statements:
        if statement.code is not None and statement.code not in codes.findings():
            raise UnknownStatement(statement=statement.code[:40])
    names: set[str] = set()
    for edited in content.measurements:
        if edited.name in names or not _is_possible(edited):
            raise BadMeasurement(name=edited.name, value=edited.value)
        names.add(edited.name)


def _is_possible(edited: EditedMeasurement) -> bool:
    if edited.name == "qrs_axis_deg":
        return abs(edited.value) <= AXIS_MAX_DEG
    return math.isfinite(edited.value) and 0 < edited.value <= MEASUREMENT_MAX


def _check_whole(content: Content) -> None:
    """What a signed report must be besides: a conclusion and a grade."""
    _check_words(content)
    if not content.statements or any(not statement.text.strip() for statement in content.statements):
        raise NoStatement
    if content.grade == "unassessed":
        raise NoGrade


# Writing.


def _draft_id(tx: Tx, ctx: Ctx, recording_id: str) -> str | None:
    draft = store.draft_of(tx.conn, recording_id, ctx.actor)
    return None if draft is None else draft["id"]


def _signed(
    tx: Tx, ctx: Ctx, row: RowMapping, content: Content, measured: Measured | None, *, report_id: str | None
) -> Signed:
    """All that the signature will cover. `report_id`: the draft that becomes the report, if there was one."""
    machine = records.view(tx.conn, row["id"]).machine
    return Signed(
        statements=content.statements,
        grade=content.grade,
        measurements=content.measurements,
        note=content.note,
        report=report_id or new_id("rep"),
        version=store.last_version(tx.conn, row["id"]) + 1,
        recording=row["id"],
        recording_sha256=row["sha256"],
        patient=row["patient"],
        machine_grade=row["machine_grade"],
        lowered_reason="",
        measured=measured or measured_of_summary(machine),
        author=ctx.actor,
        author_name=ctx.name,
        signed_at=tx.now,
        replaces=None,
        reason="",
    )


def _seal(room: Reading, tx: Tx, signed: Signed) -> str:
    """Write the immutable version; the draft it grew from becomes it. Returns the digest."""
    raw = content_bytes(signed)
    digest = digest_of(raw)
    state = REPORT.move(REPORT.start, "sign")
    values = {
        "version": signed.version, "state": state, "author_name": signed.author_name, "saved_at": tx.now,
        "signed_at": tx.now, "content": raw, "digest": digest,
        "signature": signature_of(room.secret, digest, signed.author), "replaces": signed.replaces,
        "reason": signed.reason,
    }  # fmt: skip
    if store.report_row(tx.conn, signed.report) is None:
        store.add_report(tx.conn, id=signed.report, recording=signed.recording, author=signed.author, **values)
    else:
        store.update_report(tx.conn, signed.report, **values)
    return digest


def _report_recording(tx: Tx, ctx: Ctx, signed: Signed, event: str) -> None:
    records.move(
        tx, signed.recording, event, "recording.reported",
        {"grade": signed.grade, "report": signed.report, "version": signed.version}, actor=ctx.actor,
        grade=signed.grade, report=signed.report, reader=ctx.actor, reader_name=ctx.name,
        impression=msgspec.json.encode([statement.text for statement in signed.statements]).decode(),
    )  # fmt: skip


def _body(signed: Signed, digest: str) -> eventlog.Body:
    return {
        "state": "final", "report": signed.report, "version": signed.version, "digest": digest, "grade": signed.grade,
        "corrected": [edited.name for edited in signed.measurements],
    }  # fmt: skip


# Showing.


def _view_of(conn: Connection, report_id: str) -> Report:
    return _view(_report_row(conn, report_id))


def _view(row: RowMapping) -> Report:
    content = content_of(row["content"])
    return Report(
        id=row["id"],
        recording=row["recording"],
        version=row["version"],
        state=row["state"],
        statements=content.statements,
        grade=content.grade,
        measurements=content.measurements,
        note=content.note,
        author=row["author"],
        author_name=row["author_name"],
        saved_at=row["saved_at"],
        signed_at=row["signed_at"],
        digest=row["digest"],
        replaces=row["replaces"],
        replaced_by=row["replaced_by"],
        reason=row["reason"],
        pdf_ready=row["pdf_at"] is not None,
    )


def _sheet(room: Reading, conn: Connection, report: RowMapping) -> paper.Sheet:
    recording = records.view(conn, report["recording"])
    orgs = {org.id: org for org in people.orgs(conn)}
    replaced = store.report_row(conn, report["replaced_by"]) if report["replaced_by"] else None
    centre, clinic = orgs.get(recording.centre), orgs.get(recording.org)
    return paper.sheet(
        recording=recording,
        report=_view(report),
        raw=report["content"],
        replaced_by_version=replaced["version"] if replaced else None,
        hub=room.hub_name,
        centre=(centre.name, centre.name_en) if centre else None,
        clinic=(recording.org_name, clinic.name_en if clinic else recording.org_name),
        local=room.settings.local,
    )
