"""Whom a request reaches, in what order and why; and who is next when somebody declines or lets his time pass.

A routine request goes to one expert after the other. An emergency rings everybody on duty at once, then everybody else.
When nobody is left the coordinator of the invited side hears of it: by telephone he finds somebody, and whoever may
answer there can still accept. All of it runs in the transaction of a use case or a reaction.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping

from server.base.clock import later
from server.base.database import Tx
from server.consult import store
from server.consult.access import tell
from server.consult.model import CONSULT, Why
from server.people import store as people

ANSWER_TIMER = "consult.answer_due"
ANSWERERS = ("on_call", "expert", "reviewer")
TITLE_RANK = {"住院医师": 1, "主治医师": 2, "副主任医师": 3, "主任医师": 4}
WANTED_RANK = {"any": 0, "attending": 2, "associate_chief": 3, "chief": 4}
OFF_DUTY = 99
"""Behind every line of the rota."""


@dataclass(frozen=True)
class Candidate:
    """rank: lower is asked earlier. line: of the rota now, OFF_DUTY when he is on none."""

    account: str
    rank: tuple[int, int, int, int, str]
    line: int
    why: tuple[Why, ...]


def candidates(conn: Connection, row: RowMapping, now: str) -> list[Candidate]:
    """Everybody on the invited side who could answer, best first: by specialty, title, rota, then by load."""
    org = row["invitee_org"]
    lines: dict[str, int] = {}
    for shift in people.on_duty(conn, org, now):
        lines.setdefault(shift.account, shift.line)
    holders = [account for role in ANSWERERS for account in people.holders(conn, role, [org])]
    found = [_judged(conn, row, a, lines.get(a, OFF_DUTY)) for a in dict.fromkeys((*lines, *holders))]
    found = [one for one in found if one.account != row["requester"]]
    return sorted(found, key=lambda one: one.rank)


def _judged(conn: Connection, row: RowMapping, account: str, line: int) -> Candidate:
    named = store.specialties(conn, account)
    fits = 0 if row["specialty"] in named else 1 if not named else 2
    person = people.account_row(conn, account)
    wanted = WANTED_RANK[row["expert_title"]]
    senior = TITLE_RANK.get(person.title if person is not None else "", 0) >= wanted
    load = store.load_of(conn, account)
    why: list[Why] = []
    if fits == 0:
        why.append("specialty")
    if wanted and senior:
        why.append("title")
    if line != OFF_DUTY:
        why.append("duty")
    if not load:
        why.append("load")
    return Candidate(account, (fits, int(not senior), line, load, account), line, tuple(why))


def begin(tx: Tx, row: RowMapping, answer_s: int) -> bool:
    """A new round, for a request or one sent again. False: nobody there could answer, and nothing was written."""
    before = store.turns(tx.conn, [row["id"]]).get(row["id"], [])
    turn_round = 1 + max((t["round"] for t in before), default=0)
    found = _knows_it_first(candidates(tx.conn, row, tx.now), row["returned_by"])
    first = _next(row, found, new_round=True)
    for one in first:
        _ask(tx, row, one, turn_round, answer_s)
    return bool(first)


def prefer(tx: Tx, row: RowMapping, account: str, answer_s: int) -> bool:
    """The requester has chosen this expert with one of his times: he is asked, and nobody else until he has answered.

    False: he does not answer for the invited side.
    """
    before = store.turns(tx.conn, [row["id"]]).get(row["id"], [])
    chosen = next((one for one in candidates(tx.conn, row, tx.now) if one.account == account), None)
    if chosen is None:
        return False
    if [t["account"] for t in before if t["outcome"] == "waiting"] != [account]:
        withdraw(tx, row)
        turn_round = max((t["round"] for t in before), default=1)
        _ask(tx, row, Candidate(account, chosen.rank, chosen.line, ("slot", *chosen.why)), turn_round, answer_s)
    return True


def decline(tx: Tx, row: RowMapping, account: str, reason: str, answer_s: int) -> str:
    """His turn is over; the next is asked. Returns the state: declined when nobody is left."""
    turns = store.turns(tx.conn, [row["id"]]).get(row["id"], [])
    mine = [t["number"] for t in turns if t["account"] == account and t["outcome"] == "waiting"]
    for number in mine:
        store.end_turn(tx.conn, row["id"], number, "declined", tx.now, reason)
    if not mine:
        # Nobody asked him, or his time had passed: his no is kept, so that he is not asked in this round.
        now_round = max((t["round"] for t in turns), default=1)
        _write(tx, row, account, (), now_round, tx.now, "declined", reason)
    if _advance(tx, row, answer_s):
        target = CONSULT.move(row["state"], "pass_on")
        tell(tx, row, "consult.passed_on", {"state": target, "outcome": "declined"})
        return target
    return CONSULT.move(row["state"], "decline")


def time_out(tx: Tx, row: RowMapping, number: int, answer_s: int) -> None:
    """The time of one turn has passed. Does nothing when he has answered, or when this ran before."""
    turns = store.turns(tx.conn, [row["id"]]).get(row["id"], [])
    waits = any(t["number"] == number and t["outcome"] == "waiting" for t in turns)
    if row["state"] != "submitted" or not waits:
        return
    store.end_turn(tx.conn, row["id"], number, "timed_out", tx.now)
    goes_on = _advance(tx, row, answer_s)
    tell(tx, row, "consult.passed_on", {"state": CONSULT.move(row["state"], "pass_on"), "outcome": "timed_out"})
    if not goes_on:
        call_coordinator(tx, row)


def accepted(tx: Tx, row: RowMapping, account: str) -> None:
    for one in store.turns(tx.conn, [row["id"]]).get(row["id"], []):
        if one["account"] == account and one["outcome"] == "waiting":
            store.end_turn(tx.conn, row["id"], one["number"], "accepted", tx.now)
    withdraw(tx, row)


def withdraw(tx: Tx, row: RowMapping) -> None:
    """Nobody is waited for any more: it is accepted, sent back, declined or cancelled."""
    store.withdraw_turns(tx.conn, row["id"], tx.now)
    tx.cancel_timers(row["id"], ANSWER_TIMER)


def call_coordinator(tx: Tx, row: RowMapping) -> None:
    """Once a coordinator of the invited side, else its general duty."""
    org = row["invitee_org"]
    told = people.holders(tx.conn, "coordinator", [org]) or people.holders(tx.conn, "general_duty", [org])
    for account in told:
        body = {"recording": row["recording"], "priority": row["priority"]}
        tx.append("consult.unanswered", row["id"], org, body, topic=f"user:{account}")


def _advance(tx: Tx, row: RowMapping, answer_s: int) -> bool:
    """Ask who is next, unless somebody is waited for still. False: nobody is left in this round."""
    turns = store.turns(tx.conn, [row["id"]]).get(row["id"], [])
    if any(t["outcome"] == "waiting" for t in turns):
        return True
    now_round = max((t["round"] for t in turns), default=1)
    asked = {t["account"] for t in turns if t["round"] == now_round}
    left = [one for one in candidates(tx.conn, row, tx.now) if one.account not in asked]
    for one in _next(row, left, new_round=False):
        _ask(tx, row, one, now_round, answer_s)
    return bool(left)


def _next(row: RowMapping, found: list[Candidate], *, new_round: bool) -> list[Candidate]:
    if row["priority"] != "emergency":
        return found[:1]
    on_duty = sorted((one for one in found if one.line != OFF_DUTY), key=lambda one: one.line)
    return on_duty if new_round and on_duty else found


def _knows_it_first(found: list[Candidate], returned_by: str | None) -> list[Candidate]:
    """Who sent it back for more sees it first when it comes again."""
    return [
        Candidate(one.account, one.rank, one.line, ("returned_it", *one.why)) if one.account == returned_by else one
        for one in sorted(found, key=lambda one: (one.account != returned_by, one.rank))
    ]


def _ask(tx: Tx, row: RowMapping, one: Candidate, turn_round: int, answer_s: int) -> None:
    due_at = later(tx.now, answer_s)
    number = _write(tx, row, one.account, one.why, turn_round, due_at, "waiting", "")
    tx.set_timer(due_at, ANSWER_TIMER, row["id"], row["invitee_org"], {"turn": number})
    body = {"recording": row["recording"], "priority": row["priority"]}
    tx.append("consult.asked", row["id"], row["invitee_org"], body, topic=f"user:{one.account}")


def _write(
    tx: Tx, row: RowMapping, account: str, why: tuple[Why, ...], turn_round: int, due_at: str, outcome: str, reason: str
) -> int:  # fmt: skip
    number = 1 + len(store.turns(tx.conn, [row["id"]]).get(row["id"], []))
    store.add_turn(
        tx.conn, consult=row["id"], number=number, round=turn_round, account=account,
        why=msgspec.json.encode(why).decode(), asked_at=tx.now, due_at=due_at, outcome=outcome,
        outcome_at=None if outcome == "waiting" else tx.now, reason=reason,
    )  # fmt: skip
    return number
