"""The time of one consultation inside a transaction: fixed, taken back, reminded of, begun late, missed.

Which times may be had is `bookings.py`'s; who may set them the use cases'.
"""

from __future__ import annotations

from sqlalchemy import RowMapping

from server.base.clock import later
from server.base.database import Tx
from server.base.eventlog import Body
from server.consult import store
from server.consult.access import tell
from server.consult.errors import TimePast
from server.consult.model import CONSULT

REMINDER_TIMER = "consult.reminder_due"
MISSED_TIMER = "consult.start_missed"
REMIND_S = (86_400, 3600, 1200, 600)
"""A day before, an hour, twenty minutes (both test their line then: CONS-07), ten minutes."""
MISSED_S = 1800
"""After the time that was set: whoever is only late has come by then."""


def fix(tx: Tx, row: RowMapping, at: str, event: str) -> None:
    """Set the time, or another one. Raises TimePast."""
    target = CONSULT.move(row["state"], event)
    if at <= tx.now:
        raise TimePast
    tx.cancel_timers(row["id"], REMINDER_TIMER)
    ahead = [s for s in REMIND_S if later(at, -s) > tx.now]
    for before_s in ahead or REMIND_S[-1:]:
        due = max(tx.now, later(at, -before_s))
        tx.set_timer(due, REMINDER_TIMER, row["id"], row["requester_org"], {"at": at, "before_s": before_s})
    expect_by(tx, row, at, 0)
    store.update_consult(tx.conn, row["id"], state=target, scheduled_at=at)
    tell(tx, row, "consult.scheduled", {"state": target, "at": at})


def take_back(tx: Tx, row: RowMapping) -> None:
    """There is no time any more; the expert keeps the case."""
    target = CONSULT.move(row["state"], "give_back")
    forget(tx, row)
    store.update_consult(tx.conn, row["id"], state=target, scheduled_at=None)
    tell(tx, row, "consult.given_back", {"state": target, "at": row["scheduled_at"]})
    tell_members(tx, row, "consult.given_back", {"at": row["scheduled_at"]})


def forget(tx: Tx, row: RowMapping) -> None:
    for timer in (REMINDER_TIMER, MISSED_TIMER):
        tx.cancel_timers(row["id"], timer)


def expect_by(tx: Tx, row: RowMapping, at: str, late_min: int) -> None:
    """From when on it counts as missed."""
    tx.cancel_timers(row["id"], MISSED_TIMER)
    due = max(tx.now, later(at, MISSED_S + 60 * late_min))
    tx.set_timer(due, MISSED_TIMER, row["id"], row["requester_org"], {"at": at})


def remind(tx: Tx, row: RowMapping, at: str, before_s: int) -> None:
    """Each member once for each step. A step that a later one has overtaken while the hub was down is left out."""
    told = f"{at} {before_s}"
    if row["state"] != "scheduled" or row["scheduled_at"] != at or row["reminded_of"] == told:
        return
    nearer = next((s for s in REMIND_S if s < before_s), None)
    if nearer is not None and tx.now >= later(at, -nearer):
        return
    store.update_consult(tx.conn, row["id"], reminded_of=told)
    tell_members(tx, row, "consult.reminded", {"at": at, "before_s": before_s})


def tell_members(tx: Tx, row: RowMapping, kind: str, body: Body, *, only: set[str] | None = None) -> None:
    """Each member's own page, wherever it stands."""
    for member in store.members(tx.conn, [row["id"]])[row["id"]]:
        if only is not None and member["account"] not in only:
            continue
        whole: Body = {"recording": row["recording"], **body}
        tx.append(kind, row["id"], member["org"], whole, topic=f"user:{member['account']}")


def miss(tx: Tx, row: RowMapping, at: str) -> None:
    """Nobody has entered the room since: it did not take place. Does nothing when it was moved meanwhile."""
    if row["state"] != "scheduled" or row["scheduled_at"] != at:
        return
    target = CONSULT.move(row["state"], "miss")
    store.update_consult(tx.conn, row["id"], state=target)
    tell(tx, row, "consult.missed", {"state": target, "at": at})
