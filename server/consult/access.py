"""Who may see a consultation and act in it, and who is told of its steps. Changes nothing itself."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.eventlog import Body
from server.consult import store
from server.consult.errors import NotAMember, NotTheExpert, NotTheRequester, RoomFull
from server.people import store as people

MEMBERS_MAX = 40
"""Of one room, as the forwarder is proven for."""


def visible(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    row = store.consult_row(conn, consult_id)
    if not sees(conn, ctx, row):
        raise NotFound(kind="consult")
    return row


def sees(conn: Connection, ctx: Ctx, row: RowMapping) -> bool:
    sides = (row["requester_org"], row["invitee_org"])
    return any(ctx.may("consult.read", org) for org in sides) or store.is_member(conn, row["id"], ctx.actor)


def for_invited(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for one who may answer on the invited side and did not ask himself."""
    row = visible(conn, ctx, consult_id)
    ctx.require("consult.answer", row["invitee_org"])
    if ctx.actor == row["requester"]:
        raise NotTheExpert(name=invitee_name(conn, row))
    return row


def for_requester(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for the requester or a colleague of the very institution that asked (not one above it)."""
    row = visible(conn, ctx, consult_id)
    if not asks(ctx, row):
        raise not_the_requester(conn, row)
    return row


def for_chair(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for the expert who accepted: he leads the case. Raises NotTheExpert."""
    row = visible(conn, ctx, consult_id)
    if row["expert"] != ctx.actor:
        raise NotTheExpert(name=name_of(conn, row["expert"]))
    return row


def inside(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for a member of the room. Raises NotAMember."""
    row = visible(conn, ctx, consult_id)
    if not store.is_member(conn, consult_id, ctx.actor):
        members = store.members(conn, [consult_id])[consult_id]
        names = people.names(conn, (m["account"] for m in members))
        raise NotAMember(names="、".join(names.values()))
    return row


def check_room(conn: Connection, consult_id: str, account: str) -> None:
    """Raises RoomFull where he would be one member too many."""
    known = {m["account"] for m in store.members(conn, [consult_id])[consult_id]}
    if account not in known and len(known) >= MEMBERS_MAX:
        raise RoomFull(limit=MEMBERS_MAX)


def asks(ctx: Ctx, row: RowMapping) -> bool:
    """Of the side that asked. Never the expert himself, even as a colleague there: nobody signs for both sides."""
    colleague = row["requester_org"] in ctx.orgs() and ctx.may("consult.request", row["requester_org"])
    return ctx.actor == row["requester"] or (colleague and ctx.actor != row["expert"])


def answers(ctx: Ctx, row: RowMapping) -> bool:
    return ctx.actor != row["requester"] and ctx.may("consult.answer", row["invitee_org"])


def not_the_requester(conn: Connection, row: RowMapping) -> NotTheRequester:
    orgs = {o.id: o.name for o in people.orgs(conn)}
    return NotTheRequester(name=name_of(conn, row["requester"]), org=orgs.get(row["requester_org"], ""))


def tell(tx: Tx, row: RowMapping, kind: str, body: Body) -> None:
    """Both sides hear it: the institution that asked, and the invited one where it does not stand above it anyway."""
    paths = {o.id: o.path for o in people.orgs(tx.conn)}
    whole = {"state": row["state"], "recording": row["recording"], **body}
    tx.append(kind, row["id"], row["requester_org"], whole)
    if row["invitee_org"] not in paths.get(row["requester_org"], ()):
        tx.append(kind, row["id"], row["invitee_org"], whole)


def name_of(conn: Connection, account: str | None) -> str:
    return "" if account is None else people.names(conn, [account]).get(account, account)


def invitee_name(conn: Connection, row: RowMapping) -> str:
    return next((o.name for o in people.orgs(conn) if o.id == row["invitee_org"]), "")
