"""Visiting-expert clinics (专家坐诊): a date, a number of places, the requests that join in order, moved or cancelled.

A place is a booking of its consultation (`bookings.py`, `choice.py`); the clinic takes the expert's time as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, RowMapping

from server.base.clock import iso, later, seconds_between
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.eventlog import Body
from server.base.ids import new_id
from server.consult import papers, schedule
from server.consult import store as consults
from server.consult.access import sees, tell
from server.consult.model import Reason
from server.consult.planning import bookings, store, times
from server.consult.planning.appointments import check_days
from server.consult.planning.calendars import CALENDAR_DAYS_MAX, keeps
from server.consult.planning.errors import ClinicUnsound
from server.consult.planning.hours import DAY_MIN, Span, local_day, moment, span_of
from server.consult.planning.model import (
    CLINIC,
    Clinic,
    ClinicPlace,
    Clinics,
    ClinicsQuery,
    Late,
    MoveClinic,
    NewClinic,
)
from server.consult.service import Consultations
from server.people import store as people
from server.records import store as records

PLACES_MAX = 100
MINUTES = (5, 240)
NOTE_MAX = 200


async def clinics(room: Consultations, ctx: Ctx, asked: ClinicsQuery) -> Clinics:
    """Everybody's, from a local day on. Raises HoursUnsound."""
    if asked.from_day:
        check_days(asked.from_day)
    offset_min = room.settings.utc_offset_min

    def look(conn: Connection) -> Clinics:
        first = asked.from_day or local_day(iso(room.clock.now()), offset_min)
        days = max(1, min(asked.days, CALENDAR_DAYS_MAX))
        span = Span(moment(first, 0, offset_min), moment(first, days * DAY_MIN, offset_min))
        orgs = {o.id: o.name for o in people.orgs(conn)}
        return Clinics([_view(conn, ctx, row, orgs) for row in store.clinics_between(conn, span)])

    return await room.db.read(look)


async def open_clinic(room: Consultations, ctx: Ctx, new: NewClinic) -> Clinic:
    """Raises ClinicUnsound; SlotTaken when the expert has something else then."""
    low, high = MINUTES
    if not 1 <= new.capacity <= PLACES_MAX or not low <= new.minutes <= high or len(new.note) > NOTE_MAX:
        raise ClinicUnsound(reason=f"1 to {PLACES_MAX} places of {low} to {high} minutes, a note of one line")
    papers.check_wanted(new.from_at)

    def work(tx: Tx) -> Clinic:
        org = keeps(tx.conn, ctx, new.expert)
        whole = span_of(new.from_at, new.minutes * new.capacity)
        _check_when(tx, whole, room.settings.utc_offset_min)
        _check_host(tx.conn, new.host_org)
        bookings.need_free(tx.conn, new.expert, whole)
        clinic_id = new_id("cln")
        store.add_clinic(
            tx.conn, id=clinic_id, expert=new.expert, org=org, host_org=new.host_org, from_at=whole.from_at,
            to_at=whole.to_at, minutes=new.minutes, capacity=new.capacity, note=new.note.strip(), state=CLINIC.start,
            made_by=ctx.actor,
        )  # fmt: skip
        row = store.clinic_row(tx.conn, clinic_id)
        _tell(tx, row, "clinic.opened", {"at": whole.from_at, "places": new.capacity})
        return _again(tx, ctx, clinic_id)

    return await room.db.write(work, actor=ctx.actor)


async def close(room: Consultations, ctx: Ctx, clinic_id: str) -> Clinic:
    """Takes nobody any more; who has a place keeps it."""
    return await _step(room, ctx, clinic_id, "close", lambda tx, row: _tell(tx, row, "clinic.closed", {}))


async def reopen(room: Consultations, ctx: Ctx, clinic_id: str) -> Clinic:
    return await _step(room, ctx, clinic_id, "reopen", lambda tx, row: _tell(tx, row, "clinic.reopened", {}))


async def move(room: Consultations, ctx: Ctx, clinic_id: str, said: MoveClinic) -> Clinic:
    """To another time or place: each consultation keeps its number and is told of its new time. Raises ClinicUnsound,
    SlotTaken."""
    papers.check_wanted(said.from_at)
    offset_min = room.settings.utc_offset_min

    def act(tx: Tx, row: RowMapping) -> None:
        by_s = seconds_between(row["from_at"], said.from_at)
        whole = Span(said.from_at, later(row["to_at"], by_s))
        _check_when(tx, whole, offset_min)
        _check_host(tx.conn, said.host_org)
        bookings.need_free(tx.conn, row["expert"], whole, but_clinic=clinic_id)
        store.update_clinic(
            tx.conn, clinic_id, from_at=whole.from_at, to_at=whole.to_at, host_org=said.host_org, late_min=0
        )
        for place in store.in_clinic(tx.conn, clinic_id):
            at = later(place["from_at"], by_s)
            store.update_booking(tx.conn, place["id"], from_at=at, to_at=later(place["to_at"], by_s))
            consult = consults.consult_row(tx.conn, place["consult"])
            if consult["state"] == "scheduled" and by_s:
                times.fix(tx, consult, at, "book")
        _tell(tx, row, "clinic.moved", {"at": whole.from_at})
        bookings.serve(tx, row["expert"], offset_min)

    return await _step(room, ctx, clinic_id, "move", act)


async def late(room: Consultations, ctx: Ctx, clinic_id: str, said: Late) -> Clinic:
    """The expert begins later, and so do all who have a place. Raises HoursUnsound."""
    schedule.check_late(said)

    def act(tx: Tx, row: RowMapping) -> None:
        store.update_clinic(tx.conn, clinic_id, late_min=said.minutes)
        _tell(tx, row, "clinic.late", {"minutes": said.minutes})
        for place in store.in_clinic(tx.conn, clinic_id):
            consult = consults.consult_row(tx.conn, place["consult"])
            if consult["state"] == "scheduled":
                store.update_booking(tx.conn, place["id"], late_min=said.minutes)
                times.expect_by(tx, consult, place["from_at"], said.minutes)
                tell(tx, consult, "consult.late", {"minutes": said.minutes})
                times.tell_members(tx, consult, "consult.late", {"minutes": said.minutes})

    return await _step(room, ctx, clinic_id, "late", act)


async def cancel(room: Consultations, ctx: Ctx, clinic_id: str, why: Reason) -> Clinic:
    """It does not take place: its consultations join their expert's waiting list as of when they took their place."""
    papers.need("reason", why.reason, papers.SHORT_MAX)
    offset_min = room.settings.utc_offset_min

    def act(tx: Tx, row: RowMapping) -> None:
        _tell(tx, row, "clinic.cancelled", {})
        store.update_clinic(tx.conn, clinic_id, state="cancelled", note=why.reason.strip())
        for place in store.in_clinic(tx.conn, clinic_id):
            consult = consults.consult_row(tx.conn, place["consult"])
            if place["kind"] == "held":
                bookings.free_hold(tx, consult, offset_min)
            elif consult["state"] == "scheduled":
                consults.update_consult(tx.conn, consult["id"], reason=why.reason.strip())
                bookings.give_back(tx, consult)
        bookings.close_time(tx, row["expert"], Span(row["from_at"], row["to_at"]), offset_min)
        bookings.serve(tx, row["expert"], offset_min)

    return await _step(room, ctx, clinic_id, "cancel", act)


async def _step(
    room: Consultations, ctx: Ctx, clinic_id: str, event: str, act: Callable[[Tx, RowMapping], None]
) -> Clinic:
    def work(tx: Tx) -> Clinic:
        row = store.clinic_row(tx.conn, clinic_id)
        keeps(tx.conn, ctx, row["expert"])
        target = CLINIC.move(row["state"], event)
        store.update_clinic(tx.conn, clinic_id, state=target)
        act(tx, row)
        return _again(tx, ctx, clinic_id)

    return await room.db.write(work, actor=ctx.actor)


def _check_when(tx: Tx, whole: Span, offset_min: int) -> None:
    if whole.from_at <= tx.now:
        raise ClinicUnsound(reason="it lies in the past")
    if local_day(whole.from_at, offset_min) != local_day(later(whole.to_at, -1), offset_min):
        raise ClinicUnsound(reason="it ends on another day")


def _check_host(conn: Connection, host_org: str | None) -> None:
    if host_org is not None and host_org not in {o.id for o in people.orgs(conn)}:
        raise NotFound(kind="institution")


def _tell(tx: Tx, row: RowMapping, kind: str, body: Body) -> None:
    """The expert's institution and the one where he sits."""
    whole: Body = {"expert": row["expert"], **body}
    for org in dict.fromkeys((row["org"], row["host_org"] or row["org"])):
        tx.append(kind, row["id"], org, whole)


def _again(tx: Tx, ctx: Ctx, clinic_id: str) -> Clinic:
    orgs = {o.id: o.name for o in people.orgs(tx.conn)}
    return _view(tx.conn, ctx, store.clinic_row(tx.conn, clinic_id), orgs)


def _view(conn: Connection, ctx: Ctx, row: RowMapping, orgs: dict[str, str]) -> Clinic:
    person = people.account_row(conn, row["expert"])
    taken = {b["from_at"]: b for b in store.in_clinic(conn, row["id"])}
    places = []
    for at in range(row["capacity"]):
        from_at = later(row["from_at"], 60 * at * row["minutes"])
        places.append(_place(conn, ctx, 1 + at, from_at, row["late_min"], taken.get(from_at)))
    own = ctx.actor == row["expert"] and ctx.may("consult.answer", row["org"])
    may = own or ctx.may("calendar.keep", row["org"])
    events = [event for event in CLINIC.allowed(row["state"]) if may and event != "join"]
    free = sum(p.kind is None for p in places) if row["state"] == "open" else 0
    return Clinic(
        row["id"], row["expert"], "" if person is None else person.name, "" if person is None else person.title,
        row["org"], orgs.get(row["org"], ""), row["host_org"], orgs.get(row["host_org"] or "", ""), row["from_at"],
        row["to_at"], row["minutes"], row["capacity"], free, row["late_min"], row["note"], row["state"], places, events,
    )  # fmt: skip


def _place(
    conn: Connection, ctx: Ctx, number: int, from_at: str, late_min: int, taken: RowMapping | None
) -> ClinicPlace:
    starts_at = later(from_at, 60 * late_min)
    if taken is None:
        return ClinicPlace(number, from_at, starts_at, None, None, "")
    row = consults.consult_row(conn, taken["consult"])
    if not sees(conn, ctx, row):
        return ClinicPlace(number, from_at, starts_at, taken["kind"], None, "")
    name = records.views(conn, {row["recording"]})[row["recording"]].patient.name
    return ClinicPlace(number, from_at, starts_at, taken["kind"], row["id"], name)
