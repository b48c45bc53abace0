"""Several experts in one case: who is invited, what each of them thinks, and when the others may read it.

An expert's first opinion is written before he sees the others' (CONS-24): until all have signed theirs, or the chair
opens them, each reads only his own. Afterwards everybody in the case reads all versions, and a dissent stays.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.consult import papers, store
from server.consult.access import check_room, for_chair, name_of, tell, visible
from server.consult.errors import AlreadyInvited, NotTheExpert, OpinionOwed
from server.consult.model import CONSULT, Consult, Expert, Experts, Invite, NewOpinion
from server.consult.routing import ANSWERERS
from server.consult.service import Consultations
from server.consult.sittings import seating
from server.consult.views import again, chosen_specialties, owing
from server.people import store as people
from server.records import store as records


async def experts(room: Consultations) -> Experts:
    """Everybody who could be invited to a case, of any institution."""

    def look(conn: Connection) -> Experts:
        found: dict[str, Expert] = {}
        for org in people.orgs(conn):
            for account in dict.fromkeys(a for role in ANSWERERS for a in people.holders(conn, role, [org.id])):
                person = people.account_row(conn, account)
                if person is not None and account not in found:
                    named = chosen_specialties(conn, account)
                    found[account] = Expert(account, person.name, person.title, org.id, org.name, named)
        return Experts(list(found.values()))

    return await room.db.read(look)


async def invite(room: Consultations, ctx: Ctx, consult_id: str, new: Invite) -> Consult:
    """The chair asks one more expert in: from then on it is an MDT."""

    def work(tx: Tx) -> Consult:
        row = for_chair(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "invite")
        person = people.account_row(tx.conn, new.account)
        orgs = [g.org for g in people.grants(tx.conn, new.account) if g.role in ANSWERERS]
        if person is None or not person.active or not orgs:
            raise NotFound(kind="expert")
        if store.is_member(tx.conn, consult_id, new.account):
            raise AlreadyInvited(name=person.name)
        check_room(tx.conn, consult_id, new.account)
        store.add_member(tx.conn, consult_id, new.account, orgs[0], "expert")
        records.admit(tx.conn, row["recording"], new.account, tx.now)
        tell(tx, row, "consult.invited", {"state": target, "account": new.account})
        body = {"recording": row["recording"], "priority": row["priority"]}
        tx.append("consult.asked", consult_id, orgs[0], body, topic=f"user:{new.account}")
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def opine(room: Consultations, ctx: Ctx, consult_id: str, said: NewOpinion) -> Consult:
    """An expert of the case signs what he thinks. Signing again writes a new version; the first one stays."""
    papers.need("text", said.text, papers.LONG_MAX)

    def work(tx: Tx) -> Consult:
        row = visible(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "opine")
        inside = store.members(tx.conn, [consult_id])[consult_id]
        if ctx.actor not in {m["account"] for m in inside if m["part"] == "expert"}:
            raise NotTheExpert(name=name_of(tx.conn, row["expert"]))
        sitting = seating.need_voice(tx.conn, consult_id, ctx.actor)
        room.may_sign(tx.conn, ctx)
        before = store.opinions(tx.conn, [consult_id]).get(consult_id, [])
        version = 1 + sum(o["account"] == ctx.actor for o in before)
        opened = row["opinions_opened_at"] is not None
        text = said.text.strip()
        digest = _digest(consult_id, ctx.actor, version, text, said, tx.now)
        signature = hmac.new(room.secret, f"opinion\n{ctx.actor}\n{digest}".encode(), sha256).hexdigest()
        store.add_opinion(
            tx.conn, consult=consult_id, account=ctx.actor, version=version, text=text, dissents=said.dissents,
            opened_before=opened, signed_at=tx.now, digest=digest, signature=signature, sitting=sitting,
        )  # fmt: skip
        tell(tx, row, "consult.opinion_signed", {"state": target, "digest": digest, "version": version})
        if not opened and not owing(inside, store.opinions(tx.conn, [consult_id])[consult_id]):
            _open(tx, row, target)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def open_all(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """The chair opens the opinions without those who have not written: his own must be there. Raises OpinionOwed."""

    def work(tx: Tx) -> Consult:
        row = for_chair(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "open")
        signed = store.opinions(tx.conn, [consult_id]).get(consult_id, [])
        if ctx.actor not in {o["account"] for o in signed}:
            raise OpinionOwed
        if row["opinions_opened_at"] is None:
            _open(tx, row, target)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


def _open(tx: Tx, row: RowMapping, state: str) -> None:
    store.update_consult(tx.conn, row["id"], opinions_opened_at=tx.now)
    tell(tx, row, "consult.opinions_opened", {"state": state})


def _digest(consult: str, account: str, version: int, text: str, said: NewOpinion, now: str) -> str:
    """SHA-256 of what is signed, as canonical JSON."""
    signed = {
        "consult": consult, "account": account, "version": version, "text": text, "dissents": said.dissents,
        "signed_at": now,
    }  # fmt: skip
    return sha256(msgspec.json.encode(signed, order="deterministic")).hexdigest()
