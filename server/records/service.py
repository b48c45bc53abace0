"""Use cases of records: look at a recording, its samples, analysis and history; request forms; name later.

How a recording comes in is `intake`'s business, what is made of it `reading`'s. Other rooms reach a recording through
`access_recording`, so that what is not yours is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping

from ecg.compare import compare_json
from server.base import eventlog
from server.base.blobs import Blobs
from server.base.clock import Clock
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound
from server.base.eventlog import Event
from server.base.ids import new_id
from server.base.spine import Reaction
from server.devices.store import device_row
from server.records import store
from server.records.errors import AlreadyNamed, NotYetThere, UnknownDeviceId, WrongRequest
from server.records.model import (
    SYMPTOMS,
    Compared,
    HistoryLine,
    MachineSummary,
    NewOrder,
    Order,
    PatientFacts,
    Recording,
)
from server.records.signal import StoredSignal, xlr1

LIST_MAX = 500
Stored = dict[str, object]
"""An analysis object as it was stored, whatever the version that wrote it."""
TOLD = ("recording", "report", "alert", "consult")
"""Topics of the log that make up a recording's visible history; who looked at it is the auditor's to see."""


@dataclass(frozen=True)
class MachineResult:
    """What the analysis room found, as records keep it: the lists' summary, the proposed grade, the codes."""

    summary: MachineSummary
    grade: str | None


@dataclass(frozen=True)
class Records:
    """The room. The functions are handed in by `main.py`: samples of an archive, results and names of other rooms."""

    db: Database
    clock: Clock
    blobs: Blobs
    decode: Callable[[bytes], StoredSignal]
    analysis_json: Callable[[Connection, str], bytes | None]
    machine_result: Callable[[Connection, str], MachineResult | None]
    names: Callable[[Connection, set[str]], dict[str, str]]
    below: Callable[[str], list[str]]
    cases: Callable[[Connection, str], list[str]]
    """Alerts and consultations that grew out of a recording: their steps belong to its history."""


def access_recording(conn: Connection, ctx: Ctx, recording_id: str, rule: str = "recording.read") -> RowMapping:
    """The row, when `rule` lets this person have it, or when he is its guest and reads. Raises NotFound otherwise, as
    if it were not there."""
    row = store.recording_row(conn, recording_id)
    if rule != "recording.read" or not store.is_guest(conn, recording_id, ctx.actor):
        ctx.see("recording", rule, row["org"])
    return row


async def recording(room: Records, ctx: Ctx, recording_id: str) -> Recording:
    def look(conn: Connection) -> Recording:
        access_recording(conn, ctx, recording_id)
        return store.view(conn, recording_id)

    return await room.db.read(look)


async def recordings(room: Records, ctx: Ctx, org: str, since: str, limit: int, state: str = "") -> list[Recording]:
    """Newest first, of the institution and those below it; oldest first where only one state is asked for."""
    ctx.see("institution", "recording.read", org)
    orgs = room.below(org)
    return await room.db.read(lambda conn: store.recordings_of_orgs(conn, orgs, since, min(limit, LIST_MAX), state))


async def of_patient(room: Records, ctx: Ctx, patient_id: str) -> list[Recording]:
    """All recordings of one person that this viewer may see, newest first."""
    found = await room.db.read(lambda conn: store.recordings_of_patient(conn, patient_id, LIST_MAX))
    mine = [r for r in found if ctx.may("recording.read", r.org)]
    if not mine:
        raise NotFound(kind="patient")
    return mine


async def signal(room: Records, ctx: Ctx, recording_id: str) -> bytes:
    """The samples for a page. Raises NotYetThere while the recording is still arriving."""
    row = await room.db.read(lambda conn: access_recording(conn, ctx, recording_id))
    if row["blob"] is None:
        raise NotYetThere(state=row["state"])
    archive = await room.blobs.get(row["blob"])
    # Who was given the samples stands in the audit trail before they leave; nobody else hears of it.
    await room.db.write(
        lambda tx: tx.append("recording.viewed", recording_id, row["org"], {}, topic="audit"), actor=ctx.actor
    )
    # Unpacking 12 leads of 10 s takes about 5 ms; longer recordings more: never on the loop.
    return await asyncio.to_thread(lambda: xlr1(room.decode(archive)))


async def original(room: Records, ctx: Ctx, recording_id: str) -> tuple[bytes, str]:
    """The file as it was handed over, and its name. Raises NotFound: it came as samples, or is not his to see."""
    row = await room.db.read(lambda conn: access_recording(conn, ctx, recording_id))
    if row["original"] is None:
        raise NotFound(kind="file")
    file = await room.blobs.get(row["original"])
    await room.db.write(
        lambda tx: tx.append("recording.downloaded", recording_id, row["org"], {}, topic="audit"), actor=ctx.actor
    )
    return file, row["original_name"] or recording_id


async def analysis(room: Records, ctx: Ctx, recording_id: str) -> bytes:
    def look(conn: Connection) -> bytes | None:
        access_recording(conn, ctx, recording_id)
        return room.analysis_json(conn, recording_id)

    found = await room.db.read(look)
    if found is None:
        raise NotFound(kind="analysis")
    return found


async def comparison(room: Records, ctx: Ctx, recording_id: str, against: str) -> Compared:
    """What the recording's analysis says against an earlier one of the same patient: `against`, or else the newest that
    the analysis could read. Raises NotFound where one of the two is not this person's to see or not this patient's."""

    def look(conn: Connection) -> tuple[str, bytes, bytes] | None:
        row = access_recording(conn, ctx, recording_id)
        later = room.analysis_json(conn, recording_id)
        if later is None:
            return None
        for prior in earlier(conn, row):
            if against not in ("", prior.id) or not ctx.may("recording.read", prior.org):
                continue
            if (stored := room.analysis_json(conn, prior.id)) is not None:
                return prior.id, stored, later
        if against:
            raise NotFound(kind="recording")
        return None

    found = await room.db.read(look)
    if found is None:
        return Compared(None, False, None)
    prior_id, before, after = found
    # Two stored results and some thirty exchanges of electrodes: about 5 ms, never on the loop.
    changes = await asyncio.to_thread(
        lambda: compare_json(msgspec.json.decode(before, type=Stored), msgspec.json.decode(after, type=Stored))
    )
    return Compared(prior_id, changes.unchanged, changes)


def earlier(conn: Connection, row: RowMapping) -> list[Recording]:
    """Earlier recordings of the same patient: those that could be read first, then the newest. Asks for no right."""
    taken_at = row["started_at"] or row["opened_at"]
    found = [
        r
        for r in store.recordings_of_patient(conn, row["patient"], LIST_MAX)
        if r.id != row["id"] and r.state not in ("receiving", "rejected")
    ]
    before = [r for r in found if (r.started_at or r.opened_at) < taken_at]
    before.sort(key=lambda r: (r.machine is not None and r.machine.acceptable, r.started_at or r.opened_at))
    return before[::-1]


async def history(room: Records, ctx: Ctx, recording_id: str) -> list[HistoryLine]:
    """What happened to it, oldest first, with names: the parcel view."""

    def look(conn: Connection) -> list[HistoryLine]:
        access_recording(conn, ctx, recording_id)
        events = eventlog.of_subjects(conn, [recording_id, *room.cases(conn, recording_id)])
        names = room.names(conn, {e.actor for e in events})
        return [HistoryLine(e.at, e.kind, names.get(e.actor, ""), e.body) for e in events if e.topic in TOLD]

    return await room.db.read(look)


async def place_order(room: Records, ctx: Ctx, new: NewOrder) -> Order:
    """The request form. Raises WrongRequest, UnknownDeviceId, Forbidden."""
    ctx.require("recording.order", new.org)
    named = bool(new.patient.name.strip())
    if unknown := sorted(set(new.symptoms) - set(SYMPTOMS)):
        raise WrongRequest(reason=f"unknown symptom {unknown[0]}")
    if not named and new.urgency != "emergency":
        raise WrongRequest(reason="the patient has no name")
    if named and (not new.patient.sex or (new.patient.age_years is None and new.patient.birth_date is None)):
        raise WrongRequest(reason="sex or age is missing")

    def add(tx: Tx) -> Order:
        if new.device is not None:
            row = device_row(tx.conn, new.device)
            if row is None or row["org"] != new.org:
                raise UnknownDeviceId(device=new.device)
        order_id = new_id("ord")
        patient_id = put_patient(tx, new.org, new.patient if named else None)
        symptoms = list(new.symptoms) or ["unknown"]
        store.add_order(
            tx.conn,
            id=order_id,
            org=new.org,
            patient=patient_id,
            symptoms=msgspec.json.encode(symptoms).decode(),
            urgency=new.urgency,
            device=new.device,
            note=new.note[:500],
            ordered_by=ctx.actor,
            ordered_at=tx.now,
        )
        tx.append("order.placed", order_id, new.org, {"urgency": new.urgency, "device": new.device})
        return Order(
            order_id, new.org, store.patient_view(tx.conn, patient_id), symptoms, new.urgency, new.device,
            new.note[:500], tx.now, None,
        )  # fmt: skip

    return await room.db.write(add, actor=ctx.actor)


def put_patient(tx: Tx, org: str, facts: PatientFacts | None) -> str:
    """The id of this person at `org`: the known one with the same number, else a new row; pending without facts."""
    if facts is not None and facts.id_no and (known := store.patient_by_id_no(tx.conn, org, facts.id_no)):
        return known
    patient_id = new_id("pat")
    given = facts or PatientFacts()
    store.add_patient(
        tx.conn,
        id=patient_id,
        org=org,
        name=given.name.strip()[:64],
        sex=given.sex,
        age_years=given.age_years,
        birth_date=given.birth_date,
        id_no=given.id_no.strip()[:64],
        identity="known" if given.name.strip() else "pending",
    )
    return patient_id


async def orders(room: Records, ctx: Ctx, org: str, since: str) -> list[Order]:
    ctx.see("institution", "recording.read", org)
    return await room.db.read(lambda conn: store.orders(conn, org, since))


async def identify(room: Records, ctx: Ctx, recording_id: str, facts: PatientFacts) -> Recording:
    """Name an unidentified patient. Raises AlreadyNamed, WrongRequest."""
    if not facts.name.strip() or not facts.sex:
        raise WrongRequest(reason="name or sex is missing")

    def name(tx: Tx) -> Recording:
        row = access_recording(tx.conn, ctx, recording_id, "recording.identify")
        if store.patient_view(tx.conn, row["patient"]).identity == "known":
            raise AlreadyNamed
        store.update_patient(
            tx.conn, row["patient"], name=facts.name.strip()[:64], sex=facts.sex, age_years=facts.age_years,
            birth_date=facts.birth_date, id_no=facts.id_no.strip()[:64], identity="known",
        )  # fmt: skip
        tx.append("recording.identified", recording_id, row["org"], {"state": row["state"]})
        return store.view(tx.conn, recording_id)

    return await room.db.write(name, actor=ctx.actor)


def reactions(room: Records) -> tuple[Reaction, ...]:
    async def analysed(event: Event) -> None:
        def keep(tx: Tx) -> None:
            row = store.recording_row(tx.conn, event.subject)
            result = room.machine_result(tx.conn, event.subject)
            if row["state"] != "received" or result is None:
                return  # told before
            body: dict[str, str | bool | list[str] | None] = {
                "machine_grade": result.grade,
                "findings": result.summary.findings,
                "acceptable": result.summary.acceptable,
                "error": result.summary.error,
            }
            store.move(
                tx, event.subject, "analyse", "recording.analysed", body, machine_grade=result.grade,
                machine=msgspec.json.encode(result.summary),
            )  # fmt: skip

        await room.db.write(keep)

    return (Reaction("records.analysed", frozenset({"analysis.finished"}), analysed),)
