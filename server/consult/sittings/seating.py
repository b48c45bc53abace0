"""Who sits as what in the sitting that is open, and what that lets him do. Inside the transaction of others.

Without an open sitting everybody is what he is in the case.
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.clock import later
from server.base.database import Tx
from server.consult import store as consults
from server.consult.floor import Role
from server.consult.planning import times
from server.consult.sittings import store
from server.consult.sittings.errors import NoVoice

REMINDER_TIMER = "consult.sitting_due"
REMIND_S = (86_400, 600)
VOICES = ("chair", "expert")
"""Whose view of the case is an opinion."""


def roles(conn: Connection, consult_id: str) -> dict[str, Role]:
    """What each member is in the room now. Empty: there is no such consultation."""
    base = consults.roles(conn, consult_id)
    now = store.open_one(conn, consult_id)
    if now is None:
        return base
    seated: dict[str, str] = {s["account"]: s["role"] for s in store.seats(conn, consult_id, now["number"])}
    return {account: _as(role, seated.get(account)) for account, role in base.items()}


def enter(tx: Tx, row: RowMapping, account: str) -> None:
    """He has come to the sitting that is open; there may be none."""
    now = store.open_one(tx.conn, row["id"])
    if now is None:
        return
    part = consults.roles(tx.conn, row["id"]).get(account)
    role = "chair" if part == "host" else "expert" if part == "expert" else "observer"
    store.come(tx.conn, row["id"], now["number"], account, role, tx.now)


def need_voice(conn: Connection, consult_id: str, account: str) -> int | None:
    """The number of the open sitting in which this person gives an opinion; None: none is open. Raises NoVoice."""
    now = store.open_one(conn, consult_id)
    if now is None:
        return None
    mine = next((s["role"] for s in store.seats(conn, consult_id, now["number"]) if s["account"] == account), "expert")
    if mine not in VOICES:
        raise NoVoice(role=mine)
    number: int = now["number"]
    return number


def expect(tx: Tx, row: RowMapping, number: int, at: str | None) -> None:
    """Remind everybody with a seat of this time, and of no other any more."""
    subject = f"{row['id']}/{number}"
    tx.cancel_timers(subject, REMINDER_TIMER)
    for before_s in REMIND_S if at is not None else ():
        due = later(at or "", -before_s)
        if due > tx.now:
            body = {"at": at, "before_s": before_s}
            tx.set_timer(due, REMINDER_TIMER, subject, row["requester_org"], body)


def remind(tx: Tx, consult_id: str, number: int, at: str, before_s: int) -> None:
    """Each seat once for each step, while it is planned for that time."""
    row, one = consults.consult_row(tx.conn, consult_id), store.sitting_row(tx.conn, consult_id, number)
    told = f"{at} {before_s}"
    if one["state"] != "planned" or one["at"] != at or one["reminded_of"] == told:
        return
    store.update_sitting(tx.conn, consult_id, number, reminded_of=told)
    seated = {s["account"] for s in store.seats(tx.conn, consult_id, number)}
    times.tell_members(tx, row, "sitting.reminded", {"number": number, "at": at, "before_s": before_s}, only=seated)


def _as(base: Role, seated: str | None) -> Role:
    if base == "host":
        return "host"
    match seated:
        case "presenter":
            return "presenter"
        case "scribe":
            return "scribe"
        case "expert":
            return "expert"
        case "observer":
            return "observer"
        case _:
            return base
