"""A consultation from the request to the countersigned conclusion: each step one use case.

Two sides act: the requester's (he, or a colleague of his institution) and the invited one (whoever may answer there).
The room itself (shared view, pointers) is `room.py`; its chat is the messages room's thread of the same id.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, RowMapping

from server.base import eventlog
from server.base.clock import Clock
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound
from server.base.eventlog import Body
from server.base.ids import new_id
from server.base.live import Heard, TopicKind
from server.consult import store
from server.consult.errors import (
    ConclusionChanged,
    ConsentMissing,
    ConsultTaken,
    ConsultTextMissing,
    InviteeUnable,
    NotAMember,
    NotTheExpert,
    NotTheRequester,
)
from server.consult.media.seats import Seats
from server.consult.model import (
    CONSULT,
    Conclude,
    Conclusion,
    Consult,
    Consults,
    Enter,
    IceServer,
    Member,
    Reason,
    RequestConsult,
    Resubmit,
)
from server.consult.room import Rooms
from server.people import store as people
from server.people.model import Org
from server.records import store as records
from server.records.model import Recording

LIST_MAX = 200
SHORT_MAX = 1000
TURN_S = 12 * 3600
"""How long a password for the TURN server is good: a new connection in the same stay must still find its way."""
LONG_MAX = 8000
ANSWERERS = ("on_call", "expert", "reviewer")
"""Roles that are told of a request when the rota of the invited side names nobody."""


class ConsultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """ice_servers: STUN and TURN servers given to the browsers of a room; none are needed within one network.

    turn_secret: shared with the TURN server: who enters gets a password of his own; "": as `ice_servers` say.
    """

    ice_servers: tuple[IceServer, ...] = ()
    turn_secret: str = ""


@dataclass(frozen=True)
class Consultations:
    """The room. `secret` makes the signatures; `may_sign` raises when this person's session is not unlocked for it."""

    db: Database
    clock: Clock
    settings: ConsultSettings
    secret: bytes
    may_sign: Callable[[Connection, Ctx], None]
    rooms: Rooms
    seats: Seats | None = None
    """Sound and picture of three and more; None: browser to browser only."""

    def forget(self, consult_id: str) -> None:
        """The room has ended."""
        self.rooms.forget(consult_id)
        if self.seats is not None:
            self.seats.forget(consult_id)


async def consults(room: Consultations, ctx: Ctx, *, only_open: bool, recording: str | None) -> Consults:
    """Those of the institutions this person sees, and those he is in. Of one recording: its ended ones too."""

    def look(conn: Connection) -> Consults:
        cursor = eventlog.last_id(conn)
        orgs = people.orgs(conn)
        visible = [o.id for o in orgs if ctx.may("consult.read", o.id)]
        rows = store.consults_for(
            conn, visible, ctx.actor, recording=recording, only_open=only_open and recording is None, limit=LIST_MAX
        )
        return Consults(_views(conn, ctx, rows, orgs), cursor)

    return await room.db.read(look)


async def one(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    return await room.db.read(lambda conn: _view(conn, ctx, _visible(conn, ctx, consult_id)))


async def request(room: Consultations, ctx: Ctx, new: RequestConsult) -> Consult:
    """Ask for a consultation about a recording. An emergency rings the invited side's people on duty at once."""
    _check_papers(new.purpose, new.summary, new.consent, new.priority)

    def work(tx: Tx) -> Consult:
        recording = records.recording_row(tx.conn, new.recording)
        ctx.see("recording", "recording.read", recording["org"])
        home = _home(ctx, recording["org"])
        orgs = {o.id: o for o in people.orgs(tx.conn)}
        if new.invitee_org not in orgs:
            raise NotFound(kind="institution")
        asked = _asked(tx, new.invitee_org)
        if not set(asked) - {ctx.actor}:
            raise InviteeUnable(org=orgs[new.invitee_org].name)
        consult_id = new_id("con")
        store.add_consult(
            tx.conn,
            id=consult_id,
            recording=new.recording,
            alert=new.alert,
            requester=ctx.actor,
            requester_org=home,
            invitee_org=new.invitee_org,
            purpose=new.purpose.strip(),
            summary=new.summary.strip(),
            priority=new.priority,
            consent=new.consent,
            state=CONSULT.move(CONSULT.start, "submit"),
            requested_at=tx.now,
        )
        store.add_member(tx.conn, consult_id, ctx.actor, home, "requester")
        row = store.consult_row(tx.conn, consult_id)
        _tell(tx, row, "consult.submitted", {"priority": new.priority})
        _ask(tx, row, asked)
        return _view(tx.conn, ctx, row)

    return await room.db.write(work, actor=ctx.actor)


async def accept(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """A specialist of the invited side takes it: he and the requester are its members."""

    def work(tx: Tx) -> Consult:
        row = _for_invited(tx.conn, ctx, consult_id)
        if row["expert"] is not None:
            raise ConsultTaken(name=_name(tx.conn, row["expert"]))
        target = CONSULT.move(row["state"], "accept")
        store.update_consult(tx.conn, consult_id, state=target, expert=ctx.actor, answered_at=tx.now)
        store.add_member(tx.conn, consult_id, ctx.actor, row["invitee_org"], "expert")
        _tell(tx, row, "consult.accepted", {"state": target})
        return _again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def decline(room: Consultations, ctx: Ctx, consult_id: str, why: Reason) -> Consult:
    return await _refuse(room, ctx, consult_id, why, "decline", "consult.declined")


async def send_back(room: Consultations, ctx: Ctx, consult_id: str, why: Reason) -> Consult:
    """退回补充: to the requester, for what is missing."""
    return await _refuse(room, ctx, consult_id, why, "return", "consult.returned")


async def mend(room: Consultations, ctx: Ctx, consult_id: str, papers: Resubmit) -> Consult:
    """Complete the papers while the request is back; nothing is sent yet."""

    def work(tx: Tx) -> Consult:
        row = _for_requester(tx.conn, ctx, consult_id)
        _check_papers(papers.purpose, papers.summary, papers.consent, row["priority"])
        CONSULT.move(row["state"], "submit")
        store.update_consult(
            tx.conn, consult_id, purpose=papers.purpose.strip(), summary=papers.summary.strip(), consent=papers.consent
        )
        _tell(tx, row, "consult.mended", {"state": row["state"]})
        return _again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def submit(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """Send a returned request again."""

    def work(tx: Tx) -> Consult:
        row = _for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "submit")
        store.update_consult(tx.conn, consult_id, state=target, answered_at=None, reason="")
        _tell(tx, row, "consult.submitted", {"state": target, "priority": row["priority"]})
        _ask(tx, row, _asked(tx, row["invitee_org"]))
        return _again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def cancel(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    def work(tx: Tx) -> Consult:
        row = _for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "cancel")
        store.update_consult(tx.conn, consult_id, state=target)
        _tell(tx, row, "consult.cancelled", {"state": target})
        return _again(tx, ctx, consult_id)

    result = await room.db.write(work, actor=ctx.actor)
    room.forget(consult_id)
    return result


async def enter(room: Consultations, ctx: Ctx, consult_id: str) -> Enter:
    """Open the room, or come back to it: what the browser needs to join."""

    def work(tx: Tx) -> Consult:
        row = _inside(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "enter")
        store.update_consult(tx.conn, consult_id, state=target)
        _tell(tx, row, "consult.entered", {"state": target, "account": ctx.actor})
        return _again(tx, ctx, consult_id)

    consult = await room.db.write(work, actor=ctx.actor)
    enter = Enter(consult, _ice_servers(room, ctx.actor), room.rooms.view(consult_id))
    if room.seats is None:
        return enter
    media = await room.seats.enter(consult_id, ctx.actor)
    return msgspec.structs.replace(enter, media=media, forwarded=room.seats.is_forwarded(consult_id))


def _ice_servers(room: Consultations, account: str) -> list[IceServer]:
    """With coturn's own kind of password (`use-auth-secret`): it knows of no account, and forgets it by the clock."""
    secret = room.settings.turn_secret
    if not secret:
        return list(room.settings.ice_servers)
    username = f"{int(room.clock.now().timestamp()) + TURN_S}:{account}"
    password = b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()
    return [IceServer(server.urls, username, password) for server in room.settings.ice_servers]


async def check_inside(room: Consultations, ctx: Ctx, consult_id: str) -> None:
    """Raises unless this person is a member and the room is open (it may be entered now)."""

    def look(conn: Connection) -> None:
        CONSULT.move(_inside(conn, ctx, consult_id)["state"], "enter")

    await room.db.read(look)


async def conclude(room: Consultations, ctx: Ctx, consult_id: str, said: Conclude) -> Consult:
    """The expert signs the conclusion. Signing again before the countersignature writes a new version beside it."""
    _need("text", said.text, LONG_MAX)

    def work(tx: Tx) -> Consult:
        row = _visible(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "conclude")
        if row["expert"] != ctx.actor:
            raise NotTheExpert(name=_name(tx.conn, row["expert"]))
        ctx.require("consult.answer")
        room.may_sign(tx.conn, ctx)
        before = store.conclusions(tx.conn, [consult_id]).get(consult_id)
        version = 1 if before is None else before["version"] + 1
        digest = _digest(
            consult=consult_id, recording=row["recording"], version=version, text=said.text.strip(),
            signed_by=ctx.actor, signed_at=tx.now,
        )  # fmt: skip
        store.add_conclusion(
            tx.conn, consult=consult_id, version=version, text=said.text.strip(), signed_by=ctx.actor,
            signed_at=tx.now, digest=digest, signature=_signature(room, ctx.actor, digest),
        )  # fmt: skip
        store.update_consult(tx.conn, consult_id, state=target)
        _tell(tx, row, "consult.concluding", {"state": target, "digest": digest, "version": version})
        return _again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def countersign(room: Consultations, ctx: Ctx, consult_id: str, digest: str = "") -> Consult:
    """The side that asked takes the conclusion into the record. `digest`: the text that was on the screen."""

    def work(tx: Tx) -> Consult:
        row = _visible(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "countersign")
        _for_requester(tx.conn, ctx, consult_id)
        signed = store.conclusions(tx.conn, [consult_id])[consult_id]
        if digest and digest != signed["digest"]:
            raise ConclusionChanged
        room.may_sign(tx.conn, ctx)
        store.update_consult(
            tx.conn, consult_id, state=target, countersigned_by=ctx.actor, countersigned_at=tx.now,
            countersignature=_signature(room, ctx.actor, signed["digest"]),
        )  # fmt: skip
        _tell(tx, row, "consult.concluded", {"state": target, "digest": signed["digest"]})
        return _again(tx, ctx, consult_id)

    result = await room.db.write(work, actor=ctx.actor)
    room.forget(consult_id)
    return result


def topic_kind(room: Consultations) -> TopicKind:
    """How `consult:<id>` is followed (members only) and spoken in (`room.py`'s filter).

    Following it is also where the room learns as what its members sit there: after a restart of the hub nobody enters
    anew, the pages only follow again.
    """

    async def may(ctx: Ctx, topic: str) -> bool:
        consult_id = topic.partition(":")[2]
        roles = await room.db.read(lambda conn: store.roles(conn, consult_id))
        if ctx.actor not in roles:
            return False
        for account, role in roles.items():
            room.rooms.admit(consult_id, account, role)
        return True

    def whisper(ctx: Ctx, topic: str, raw: bytes) -> Heard:
        return room.rooms.hear(topic.partition(":")[2], ctx.actor, raw)

    def first(topic: str) -> list[bytes]:
        consult_id = topic.partition(":")[2]
        media = None if room.seats is None else room.seats.first_whisper(consult_id)
        return [*room.rooms.first_whispers(consult_id), *([] if media is None else [media])]

    def left(topic: str, account: str) -> Heard:
        return room.rooms.gone(topic.partition(":")[2], account)

    return TopicKind(may, whisper, first, left)


def thread_org(conn: Connection, ctx: Ctx, consult_id: str) -> str:
    """For the messages room: the institution of a consultation's thread. Raises NotFound when it is not this person's.

    The chat of a room is its members' until it is concluded; then it is part of the case, for all who may see that.
    """
    row = _visible(conn, ctx, consult_id)
    ended = row["state"] in ("concluded", "followed_up")
    if not ended and not store.is_member(conn, consult_id, ctx.actor):
        raise NotFound(kind="consult")
    org: str = row["requester_org"]
    return org


async def _refuse(
    room: Consultations, ctx: Ctx, consult_id: str, why: Reason, event: str, kind: str
) -> Consult:  # fmt: skip
    _need("reason", why.reason, SHORT_MAX)

    def work(tx: Tx) -> Consult:
        row = _for_invited(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], event)
        store.update_consult(tx.conn, consult_id, state=target, reason=why.reason.strip(), answered_at=tx.now)
        _tell(tx, row, kind, {"state": target})
        return _again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


def _visible(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    row = store.consult_row(conn, consult_id)
    sides = (row["requester_org"], row["invitee_org"])
    if not any(ctx.may("consult.read", org) for org in sides) and not store.is_member(conn, consult_id, ctx.actor):
        raise NotFound(kind="consult")
    return row


def _inside(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for a member of the room."""
    row = _visible(conn, ctx, consult_id)
    if not store.is_member(conn, consult_id, ctx.actor):
        inside = store.members(conn, [consult_id])[consult_id]
        names = people.names(conn, (m["account"] for m in inside))
        raise NotAMember(names="、".join(names.values()))
    return row


def _for_invited(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for one who may answer on the invited side and did not ask himself."""
    row = _visible(conn, ctx, consult_id)
    ctx.require("consult.answer", row["invitee_org"])
    if ctx.actor == row["requester"]:
        raise NotTheExpert(name=_invitee_name(conn, row))
    return row


def _for_requester(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The row, for the requester or a colleague of the very institution that asked (not one above it)."""
    row = _visible(conn, ctx, consult_id)
    if not _asks(ctx, row):
        raise _not_the_requester(conn, row)
    return row


def _asks(ctx: Ctx, row: RowMapping) -> bool:
    """Of the side that asked. Never the expert himself, even as a colleague there: nobody signs for both sides."""
    colleague = row["requester_org"] in ctx.orgs() and ctx.may("consult.request", row["requester_org"])
    return ctx.actor == row["requester"] or (colleague and ctx.actor != row["expert"])


def _answers(ctx: Ctx, row: RowMapping) -> bool:
    return ctx.actor != row["requester"] and ctx.may("consult.answer", row["invitee_org"])


def _not_the_requester(conn: Connection, row: RowMapping) -> NotTheRequester:
    orgs = {o.id: o.name for o in people.orgs(conn)}
    return NotTheRequester(name=_name(conn, row["requester"]), org=orgs.get(row["requester_org"], ""))


def _home(ctx: Ctx, recording_org: str) -> str:
    """The institution this person asks for: the patient's where he is of it, else his own first that may ask."""
    own = [org for org in ctx.orgs() if ctx.may("consult.request", org)]
    if not own:
        ctx.require("consult.request", recording_org)
    return recording_org if recording_org in own or not own else own[0]


def _asked(tx: Tx, invitee_org: str) -> list[str]:
    """Whom a request reaches: who is on duty there, else everybody who could answer."""
    on_duty = [shift.account for shift in people.on_duty(tx.conn, invitee_org, tx.now)]
    holders = [account for role in ANSWERERS for account in people.holders(tx.conn, role, [invitee_org])]
    return list(dict.fromkeys(on_duty or holders))


def _ask(tx: Tx, row: RowMapping, accounts: Iterable[str]) -> None:
    for account in accounts:
        if account != row["requester"]:
            body = {"recording": row["recording"], "priority": row["priority"]}
            tx.append("consult.asked", row["id"], row["invitee_org"], body, topic=f"user:{account}")


def _tell(tx: Tx, row: RowMapping, kind: str, body: Body) -> None:
    """Both sides hear it: the institution that asked, and the invited one where it does not stand above it anyway."""
    paths = {o.id: o.path for o in people.orgs(tx.conn)}
    whole = {"state": row["state"], "recording": row["recording"], **body}
    tx.append(kind, row["id"], row["requester_org"], whole)
    if row["invitee_org"] not in paths.get(row["requester_org"], ()):
        tx.append(kind, row["id"], row["invitee_org"], whole)


def _check_papers(purpose: str, summary: str, consent: str, priority: str) -> None:
    _need("purpose", purpose, SHORT_MAX)
    _need("summary", summary, LONG_MAX)
    if consent == "emergency" and priority != "emergency":
        raise ConsentMissing


def _need(text_of: str, text: str, limit: int) -> None:
    if not 0 < len(text.strip()) <= limit:
        raise ConsultTextMissing(text_of=text_of, limit=limit)


def _digest(**signed: str | int) -> str:
    """SHA-256 of what is signed, as canonical JSON."""
    return sha256(msgspec.json.encode(signed, order="deterministic")).hexdigest()


def _signature(room: Consultations, account: str, digest: str) -> str:
    return hmac.new(room.secret, f"consult\n{account}\n{digest}".encode(), sha256).hexdigest()


def _name(conn: Connection, account: str | None) -> str:
    return "" if account is None else people.names(conn, [account]).get(account, account)


def _invitee_name(conn: Connection, row: RowMapping) -> str:
    return next((o.name for o in people.orgs(conn) if o.id == row["invitee_org"]), "")


def _again(tx: Tx, ctx: Ctx, consult_id: str) -> Consult:
    return _view(tx.conn, ctx, store.consult_row(tx.conn, consult_id))


def _view(conn: Connection, ctx: Ctx, row: RowMapping) -> Consult:
    return _views(conn, ctx, [row], people.orgs(conn))[0]


def _views(conn: Connection, ctx: Ctx, rows: list[RowMapping], orgs: list[Org]) -> list[Consult]:
    ids = [row["id"] for row in rows]
    shown = records.views(conn, {row["recording"] for row in rows})
    members, signed = store.members(conn, ids), store.conclusions(conn, ids)
    columns = ("requester", "expert", "countersigned_by")
    accounts = {row[c] for row in rows for c in columns if row[c]} | {c["signed_by"] for c in signed.values()}
    accounts |= {m["account"] for of_one in members.values() for m in of_one}
    names, org_names = people.names(conn, accounts), {o.id: o.name for o in orgs}
    return [
        _consult(ctx, row, shown[row["recording"]], members[row["id"]], signed.get(row["id"]), names, org_names)
        for row in rows
    ]


def _consult(
    ctx: Ctx,
    row: RowMapping,
    recording: Recording,
    members: list[RowMapping],
    signed: RowMapping | None,
    names: dict[str, str],
    org_names: dict[str, str],
) -> Consult:
    return Consult(
        id=row["id"],
        recording=row["recording"],
        alert=row["alert"],
        requester=row["requester"],
        requester_org=row["requester_org"],
        invitee_org=row["invitee_org"],
        expert=row["expert"],
        purpose=row["purpose"],
        summary=row["summary"],
        priority=row["priority"],
        consent=row["consent"],
        state=row["state"],
        requested_at=row["requested_at"],
        answered_at=row["answered_at"],
        reason=row["reason"],
        requester_name=names.get(row["requester"], ""),
        requester_org_name=org_names.get(row["requester_org"], ""),
        invitee_org_name=org_names.get(row["invitee_org"], ""),
        expert_name=names.get(row["expert"]),
        patient=recording.patient,
        members=[
            Member(m["account"], names.get(m["account"], ""), org_names.get(m["org"], ""), m["part"]) for m in members
        ],
        conclusion=None if signed is None else _conclusion(row, signed, names),
        events=_events(ctx, row, {m["account"] for m in members}),
    )


def _conclusion(row: RowMapping, signed: RowMapping, names: dict[str, str]) -> Conclusion:
    return Conclusion(
        signed["text"],
        signed["signed_by"],
        names.get(signed["signed_by"], ""),
        signed["signed_at"],
        signed["digest"],
        names.get(row["countersigned_by"]),
        row["countersigned_at"],
    )


def _events(ctx: Ctx, row: RowMapping, members: set[str]) -> list[str]:
    answers, asks = _answers(ctx, row), _asks(ctx, row)
    may = {
        "accept": answers,
        "decline": answers,
        "return": answers,
        "submit": asks,
        "cancel": asks,
        "enter": ctx.actor in members,
        "conclude": ctx.actor == row["expert"],
        "countersign": asks,
    }
    return [event for event in CONSULT.allowed(row["state"]) if may.get(event, False)]
