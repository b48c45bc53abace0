"""A call for help from within the room (CONS-11): who is called hears it ring wherever he is and enters with one click.

Any member may call: a named expert of any institution, or those on duty at the invited one. Who is called is a member
from then on, so that nobody waits for papers; entering answers the call, and it stops ringing by itself after RING_S.
"""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.clock import iso, later
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.consult import papers, routing, store
from server.consult.access import check_room, inside, tell
from server.consult.errors import HelpNobody
from server.consult.help import store as ring_store
from server.consult.help.model import CallForHelp, HelpCall, HelpCalls
from server.consult.model import CONSULT
from server.consult.service import Consultations
from server.people import store as people
from server.records import store as records

RING_S = 600


async def call(room: Consultations, ctx: Ctx, consult_id: str, said: CallForHelp) -> HelpCalls:
    """Ring for help. `said.account` empty: whoever is on duty first. Raises HelpNobody, RoomFull, NotFound."""
    words = said.words.strip()
    if words:
        papers.need("words", words, papers.SHORT_MAX)

    def work(tx: Tx) -> HelpCalls:
        row = inside(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "help")
        for account, org in _whom(tx, row, said.account, ctx.actor):
            check_room(tx.conn, consult_id, account)
            store.add_member(tx.conn, consult_id, account, org, "expert")
            records.admit(tx.conn, row["recording"], account, tx.now)
            ring_store.ring(tx.conn, consult=consult_id, account=account, by=ctx.actor, words=words, at=tx.now)
            tell(tx, row, "consult.help_called", {"state": target, "account": account})
            body = {"recording": row["recording"], "priority": row["priority"]}
            tx.append("consult.help_rings", consult_id, org, body, topic=f"user:{account}")
        return HelpCalls(_views(tx.conn, ring_store.calls_of(tx.conn, consult_id), tx.now))

    return await room.db.write(work, actor=ctx.actor)


async def of_consult(room: Consultations, ctx: Ctx, consult_id: str) -> HelpCalls:
    """Whom this room has called, for its members."""

    def look(conn: Connection) -> HelpCalls:
        inside(conn, ctx, consult_id)
        return HelpCalls(_views(conn, ring_store.calls_of(conn, consult_id), iso(room.clock.now())))

    return await room.db.read(look)


async def mine(room: Consultations, ctx: Ctx) -> HelpCalls:
    """What rings for this person now."""

    now = iso(room.clock.now())
    return await room.db.read(lambda conn: _ringing(conn, ctx, now))


async def decline(room: Consultations, ctx: Ctx, consult_id: str) -> HelpCalls:
    """He cannot come: the room hears it. Once more changes nothing."""

    def work(tx: Tx) -> HelpCalls:
        row = inside(tx.conn, ctx, consult_id)
        if ring_store.answer(tx.conn, consult_id, ctx.actor, "declined"):
            tell(tx, row, "consult.help_declined", {"state": row["state"], "account": ctx.actor})
        return _ringing(tx.conn, ctx, tx.now)

    return await room.db.write(work, actor=ctx.actor)


def _whom(tx: Tx, row: RowMapping, named: str, caller: str) -> list[tuple[str, str]]:
    """Accounts and the institutions they come from."""
    if named:
        person = people.account_row(tx.conn, named)
        orgs = [g.org for g in people.grants(tx.conn, named) if g.role in routing.ANSWERERS]
        if person is None or not person.active or not orgs or named == caller:
            raise NotFound(kind="expert")
        return [(named, orgs[0])]
    known = {m["account"] for m in store.members(tx.conn, [row["id"]])[row["id"]]}
    duty = [c for c in routing.candidates(tx.conn, row, tx.now) if c.line != routing.OFF_DUTY]
    free = [c for c in duty if c.account not in known and c.account != caller]
    first = min((c.line for c in free), default=None)
    if first is None:
        raise HelpNobody
    return [(c.account, row["invitee_org"]) for c in free if c.line == first]


def _ringing(conn: Connection, ctx: Ctx, now: str) -> HelpCalls:
    return HelpCalls(_views(conn, ring_store.calls_to(conn, ctx.actor, later(now, -RING_S)), now))


def _views(conn: Connection, calls: list[RowMapping], now: str) -> list[HelpCall]:
    names = people.names(conn, {a for c in calls for a in (c["account"], c["by"])})
    rows = {c["consult"]: store.consult_row(conn, c["consult"]) for c in calls}
    patients = {i: records.view(conn, row["recording"]).patient for i, row in rows.items()}
    orgs = {o.id: o.name for o in people.orgs(conn)}
    late = later(now, -RING_S)
    return [
        HelpCall(
            consult=c["consult"],
            account=c["account"],
            name=names.get(c["account"], ""),
            by_name=names.get(c["by"], ""),
            org_name=orgs.get(rows[c["consult"]]["requester_org"], ""),
            patient=patients[c["consult"]],
            purpose=rows[c["consult"]]["purpose"],
            words=c["words"],
            at=c["at"],
            answer="unheard" if c["answer"] == "ringing" and c["at"] <= late else c["answer"],
        )
        for c in calls
        if rows[c["consult"]]["state"] in ("in_progress", "concluding")
    ]
