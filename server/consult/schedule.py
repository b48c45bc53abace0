"""The time of a consultation: set and moved by the chair, both sides reminded of it, nobody came.

Times that an expert offers, visiting-expert clinics and a waiting list are not here yet.
"""

from __future__ import annotations

from sqlalchemy import RowMapping

from server.base.clock import later
from server.base.context import Ctx
from server.base.database import Tx
from server.consult import papers, store
from server.consult.access import for_chair, tell
from server.consult.errors import TimePast
from server.consult.model import CONSULT, Consult, Schedule
from server.consult.service import Consultations
from server.consult.views import again

REMINDER_TIMER = "consult.reminder_due"
MISSED_TIMER = "consult.start_missed"
REMIND_S = 900
MISSED_S = 1800
"""After the time that was set: whoever is only late has come by then."""


async def schedule(room: Consultations, ctx: Ctx, consult_id: str, said: Schedule) -> Consult:
    """Set the time, move it, or set a new one after nobody came. Raises TimePast, WantedTimeUnreadable."""
    papers.check_wanted(said.at)

    def work(tx: Tx) -> Consult:
        row = for_chair(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "schedule")
        if said.at <= tx.now:
            raise TimePast
        for timer in (REMINDER_TIMER, MISSED_TIMER):
            tx.cancel_timers(consult_id, timer)
        org = row["requester_org"]
        tx.set_timer(max(tx.now, later(said.at, -REMIND_S)), REMINDER_TIMER, consult_id, org, {"at": said.at})
        tx.set_timer(later(said.at, MISSED_S), MISSED_TIMER, consult_id, org, {"at": said.at})
        store.update_consult(tx.conn, consult_id, state=target, scheduled_at=said.at)
        tell(tx, row, "consult.scheduled", {"state": target, "at": said.at})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


def remind(tx: Tx, row: RowMapping, at: str) -> None:
    """Each member once for each time that was set."""
    if row["state"] != "scheduled" or row["scheduled_at"] != at or row["reminded_of"] == at:
        return
    store.update_consult(tx.conn, row["id"], reminded_of=at)
    for member in store.members(tx.conn, [row["id"]])[row["id"]]:
        body = {"recording": row["recording"], "at": at}
        tx.append("consult.reminded", row["id"], member["org"], body, topic=f"user:{member['account']}")


def miss(tx: Tx, row: RowMapping, at: str) -> None:
    """Nobody has entered the room since: it did not take place. Does nothing when it was moved meanwhile."""
    if row["state"] != "scheduled" or row["scheduled_at"] != at:
        return
    target = CONSULT.move(row["state"], "miss")
    store.update_consult(tx.conn, row["id"], state=target)
    tell(tx, row, "consult.missed", {"state": target, "at": at})
