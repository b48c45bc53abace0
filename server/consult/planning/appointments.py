"""The time of one consultation as its requester finds it: what is free, a slot booked or moved, the waiting list, and
the devices that are tested before it begins. One function a use case."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.clock import iso, later
from server.base.context import Ctx
from server.base.database import Tx
from server.base.eventlog import Body
from server.consult import store
from server.consult.access import for_requester, meets, name_of, tell, visible
from server.consult.errors import NotAMember
from server.consult.model import CONSULT, ChosenSlot, Consult
from server.consult.planning import bookings, choice, times
from server.consult.planning import store as planning
from server.consult.planning.errors import HoursUnsound, NoOffer, SlotOfAnother
from server.consult.planning.hours import local_day
from server.consult.planning.model import Booking, DeviceCheck, Plan, Seen, Slots, SlotsQuery, Wait, Waiting
from server.consult.service import Consultations
from server.consult.views import again
from server.people import store as people

SLOTS_MAX = 300
TELL_AGAIN_S = 600
"""Who tests his devices again is news again after this."""


async def slots(room: Consultations, asked: SlotsQuery) -> Slots:
    """Raises HoursUnsound."""
    if asked.from_day:
        check_days(asked.from_day)

    def look(conn: Connection) -> Slots:
        found = choice.offered(conn, asked, iso(room.clock.now()), room.settings.utc_offset_min)
        return Slots(found[:SLOTS_MAX], len(found) > SLOTS_MAX)

    return await room.db.read(look)


async def plan(room: Consultations, ctx: Ctx, consult_id: str) -> Plan:
    return await room.db.read(lambda conn: _plan(conn, visible(conn, ctx, consult_id)))


async def book(room: Consultations, ctx: Ctx, consult_id: str, said: ChosenSlot) -> Consult:
    """The requester takes a free slot, or another one, or the one that is offered. While nobody has accepted, it is
    held and its expert is asked. Raises SlotTaken, SlotOfAnother, ClinicFull."""

    offset_min = room.settings.utc_offset_min

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "book")
        meets(row)
        if row["state"] == "submitted":
            choice.hold(tx, row, said, room.answer_s(row["priority"]), offset_min)
        else:
            if said.expert != row["expert"]:
                raise SlotOfAnother(name=name_of(tx.conn, row["expert"]))
            span = choice.span(tx, row, said, offset_min)
            times.fix(tx, row, span.from_at, "book")
            bookings.put(tx, consult_id, said.expert, span, "booked", offset_min, clinic=said.clinic)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def wait(room: Consultations, ctx: Ctx, consult_id: str, said: Wait) -> Consult:
    """For an earlier time, or any at all. Who waits already only changes his days."""
    for day in (said.from_day, said.to_day):
        if day:
            check_days(day)

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "wait")
        meets(row)
        bookings.wait(tx, row, tx.now, said.from_day, said.to_day)
        bookings.serve(tx, row["expert"], room.settings.utc_offset_min)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def leave(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """He waits no more; what is offered to him goes to the next."""

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        if planning.leave_waiting(tx.conn, consult_id):
            tell(tx, row, "consult.waiting_left", {})
        bookings.let_pass(tx, row, "left", room.settings.utc_offset_min)
        planning.leave_waiting(tx.conn, consult_id)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def pass_offer(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """Not this one: the next who waits is asked. Raises NoOffer."""

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        if bookings.own(tx.conn, consult_id)[1] is None:
            raise NoOffer
        bookings.let_pass(tx, row, "passed", room.settings.utc_offset_min)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def tested(room: Consultations, ctx: Ctx, consult_id: str, found: DeviceCheck) -> Plan:
    """A member stands in the waiting room and has tested his devices: the others hear that he waits."""

    def work(tx: Tx) -> Plan:
        row = visible(tx.conn, ctx, consult_id)
        if not store.is_member(tx.conn, consult_id, ctx.actor):
            raise NotAMember(names=name_of(tx.conn, row["requester"]))
        before = next((t for t in planning.tested_in(tx.conn, consult_id) if t["account"] == ctx.actor), None)
        rtt_ms = None if found.rtt_ms is None else max(0, min(found.rtt_ms, 60_000))
        planning.set_tested(
            tx.conn, consult_id, ctx.actor, at=tx.now, camera=found.camera, microphone=found.microphone,
            rtt_ms=rtt_ms, way=found.way,
        )  # fmt: skip
        if before is None or before["way"] != found.way or later(before["at"], TELL_AGAIN_S) <= tx.now:
            body: Body = {"camera": found.camera, "microphone": found.microphone, "account": ctx.actor}
            tell(tx, row, "consult.tested", body)
            times.tell_members(tx, row, "consult.tested", body)
        return _plan(tx.conn, row)

    return await room.db.write(work, actor=ctx.actor)


def check_days(*days: str) -> None:
    """Raises HoursUnsound: not a day as the hub writes it."""
    for day in days:
        try:
            sound = local_day(f"{day}T00:00:00.000Z", 0) == day
        except ValueError:
            sound = False
        if not sound:
            raise HoursUnsound(reason=f"no such day: {day[:20]}")


def _plan(conn: Connection, row: RowMapping) -> Plan:
    at_hand, offer = bookings.own(conn, row["id"])
    entry = planning.waiting_row(conn, row["id"])
    waiting = None
    if entry is not None:
        line = [w["consult"] for w in planning.waiting_for(conn, entry["expert"])]
        waiting = Waiting(
            1 + line.index(row["id"]), len(line), entry["since"], entry["from_day"], entry["to_day"]
        )  # fmt: skip
    booked = None if at_hand is None else _booking(conn, at_hand)
    starts_at = row["scheduled_at"]
    if booked is not None and booked.kind == "booked" and starts_at is not None:
        starts_at = later(starts_at, 60 * booked.late_min)
    tests = planning.tested_in(conn, row["id"])
    names = people.names(conn, (t["account"] for t in tests))
    seen = [
        Seen(t["account"], names.get(t["account"], ""), t["at"], t["camera"], t["microphone"], t["rtt_ms"], t["way"])
        for t in tests
    ]
    return Plan(booked, None if offer is None else _booking(conn, offer), waiting, starts_at, seen)


def _booking(conn: Connection, row: RowMapping) -> Booking:
    clinic = None if row["clinic"] is None else planning.clinic_row(conn, row["clinic"])
    late_min = row["late_min"] if clinic is None else clinic["late_min"]
    place = None if clinic is None else choice.number(clinic, row["from_at"])
    return Booking(
        row["kind"], row["expert"], name_of(conn, row["expert"]), row["from_at"], row["to_at"], row["until"],
        row["clinic"], place, late_min,
    )  # fmt: skip
