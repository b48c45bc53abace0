"""The time of a consultation as its chair handles it: set and moved, given back with a reason, begun late.

The slots that he offers, and who books them: `planning/`.
"""

from __future__ import annotations

from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.consult import papers, store
from server.consult.access import for_chair, tell
from server.consult.model import CONSULT, Consult, Reason, Schedule
from server.consult.planning import bookings, times
from server.consult.planning import store as planning
from server.consult.planning.errors import HoursUnsound
from server.consult.planning.hours import Span
from server.consult.planning.model import Late
from server.consult.service import Consultations
from server.consult.views import again

LATE_MAX_MIN = 240


async def schedule(room: Consultations, ctx: Ctx, consult_id: str, said: Schedule) -> Consult:
    """Set the time, move it, or set a new one after nobody came: any time at which the chair has nothing else, within
    his hours or not. Raises TimePast, WantedTimeUnreadable, SlotTaken."""
    papers.check_wanted(said.at)

    def work(tx: Tx) -> Consult:
        row = for_chair(tx.conn, ctx, consult_id)
        times.fix(tx, row, said.at, "schedule")
        span = bookings.booked_span(tx.conn, ctx.actor, said.at)
        bookings.put(tx, consult_id, ctx.actor, span, "booked", room.settings.utc_offset_min, clinic=None)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def give_back(room: Consultations, ctx: Ctx, consult_id: str, why: Reason) -> Consult:
    """The chair cannot at that time: it is offered to nobody, the requester waits for the next as of his booking."""
    papers.need("reason", why.reason, papers.SHORT_MAX)

    def work(tx: Tx) -> Consult:
        row = for_chair(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "give_back")
        store.update_consult(tx.conn, consult_id, reason=why.reason.strip())
        booked, _ = bookings.own(tx.conn, consult_id)
        bookings.give_back(tx, row)
        if booked is not None and booked["clinic"] is None:
            span = Span(booked["from_at"], booked["to_at"])
            bookings.close_time(tx, ctx.actor, span, room.settings.utc_offset_min)
        bookings.serve(tx, ctx.actor, room.settings.utc_offset_min)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def late(room: Consultations, ctx: Ctx, consult_id: str, said: Late) -> Consult:
    """The chair begins later: everybody of the case hears by how much. Raises HoursUnsound beyond LATE_MAX_MIN."""
    check_late(said)

    def work(tx: Tx) -> Consult:
        row = for_chair(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "late")
        booked, _ = bookings.own(tx.conn, consult_id)
        if booked is None:
            raise NotFound(kind="booking")
        planning.update_booking(tx.conn, booked["id"], late_min=said.minutes)
        times.expect_by(tx, row, row["scheduled_at"], said.minutes)
        tell(tx, row, "consult.late", {"minutes": said.minutes})
        times.tell_members(tx, row, "consult.late", {"minutes": said.minutes})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


def check_late(said: Late) -> None:
    if not 0 <= said.minutes <= LATE_MAX_MIN:
        raise HoursUnsound(reason=f"late by 0 to {LATE_MAX_MIN} minutes")
