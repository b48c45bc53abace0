"""A consultation from the request to the countersigned conclusion: each step one use case.

Two sides act: the requester's (he, or a colleague of his institution) and the invited one (whoever may answer there).
The room itself (shared view, pointers) is `room.py`; its chat is the messages room's thread of the same id.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec
from sqlalchemy import Connection

from server.base import eventlog
from server.base.clock import Clock, later
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound
from server.base.ids import new_id
from server.base.live import Heard, TopicKind
from server.consult import papers, routing, store, written
from server.consult.access import for_invited, for_requester, inside, name_of, tell, visible
from server.consult.errors import (
    AmendReasonMissing,
    ConclusionChanged,
    ConsultTaken,
    InviteeUnable,
    NotTheExpert,
    PapersOwed,
)
from server.consult.films.service import Films
from server.consult.help import store as rings
from server.consult.media.seats import Seats
from server.consult.model import (
    CONSULT,
    Conclude,
    Consult,
    Consults,
    Enter,
    IceServer,
    NewConsent,
    NewDocument,
    Reason,
    RequestConsult,
    Resubmit,
    Skills,
)
from server.consult.planning import bookings, choice
from server.consult.room import Rooms
from server.consult.signed import Signed, bytes_of, counter_of, digest_of, signature_of, tidied
from server.consult.sittings import seating
from server.consult.views import again, chosen_specialties, view, views
from server.people import store as people
from server.records import store as records

LIST_MAX = 200
TURN_S = 12 * 3600
"""How long a password for the TURN server is good: a new connection in the same stay must still find its way."""


class ConsultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """ice_servers: STUN and TURN servers given to the browsers of a room; none are needed within one network.
    answer_s, emergency_answer_s: how long an expert who is asked has to answer before the next one is.
    turn_secret: shared with the TURN server: who enters gets a password of his own; "": as `ice_servers` say.
    utc_offset_min: of the wall clock in which experts say their hours.
    """

    ice_servers: tuple[IceServer, ...] = ()
    answer_s: int = 1800
    emergency_answer_s: int = 120
    turn_secret: str = ""
    utc_offset_min: int = 480


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
    films: Films | None = None

    def forget(self, consult_id: str) -> None:
        """The room has ended."""
        self.rooms.forget(consult_id)
        if self.seats is not None:
            self.seats.forget(consult_id)
        if self.films is not None:
            self.films.forget(consult_id)

    def quiet(self, consult_id: str) -> None:
        """After the floor has changed: who only listens is not passed on."""
        if self.seats is not None:
            self.seats.quiet(consult_id, self.rooms.listeners(consult_id))

    def answer_s(self, priority: str) -> int:
        return self.settings.emergency_answer_s if priority == "emergency" else self.settings.answer_s


async def consults(room: Consultations, ctx: Ctx, *, only_open: bool, recording: str | None) -> Consults:
    """Those of the institutions this person sees, and those he is in. Of one recording: its ended ones too."""

    def look(conn: Connection) -> Consults:
        cursor = eventlog.last_id(conn)
        orgs = people.orgs(conn)
        seen = [o.id for o in orgs if ctx.may("consult.read", o.id)]
        rows = store.consults_for(
            conn, seen, ctx.actor, recording=recording, only_open=only_open and recording is None, limit=LIST_MAX
        )
        return Consults(views(conn, ctx, rows, orgs), cursor)

    return await room.db.read(look)


async def one(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    return await room.db.read(lambda conn: view(conn, ctx, visible(conn, ctx, consult_id)))


async def request(room: Consultations, ctx: Ctx, new: RequestConsult) -> Consult:
    """Ask for a consultation about a recording. An emergency rings the invited side's people on duty at once."""
    papers.check_request(new.purpose, new.summary, new.documents)
    papers.check_wanted(new.wanted_at)
    written.check(new)
    papers.check_consent(new.consent, new.priority, new.consent_paper)

    def work(tx: Tx) -> Consult:
        recording = records.recording_row(tx.conn, new.recording)
        ctx.see("recording", "recording.read", recording["org"])
        home = _home(ctx, recording["org"])
        orgs = {o.id: o for o in people.orgs(tx.conn)}
        if new.invitee_org not in orgs:
            raise NotFound(kind="institution")
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
            specialty=new.specialty,
            expert_title=new.expert_title,
            wanted_at=new.wanted_at,
            disease=new.disease,
            mode=new.mode,
            answer_by=later(tx.now, written.WRITTEN_S) if new.mode == "async" else None,
        )
        store.add_member(tx.conn, consult_id, ctx.actor, home, "requester")
        papers.file_documents(tx, ctx, consult_id, new.documents)
        if new.consent_paper is not None:
            papers.file_consent(tx, ctx, consult_id, new.consent_paper)
        row = store.consult_row(tx.conn, consult_id)
        tell(tx, row, "consult.submitted", {"priority": new.priority})
        written.begin(tx, row)
        if new.slot is not None:
            choice.hold(tx, row, new.slot, room.answer_s(new.priority), room.settings.utc_offset_min)
        elif not routing.begin(tx, row, room.answer_s(new.priority)):
            raise InviteeUnable(org=orgs[new.invitee_org].name)
        return view(tx.conn, ctx, row)

    return await room.db.write(work, actor=ctx.actor)


async def skills(room: Consultations, ctx: Ctx) -> Skills:
    return await room.db.read(lambda conn: Skills(chosen_specialties(conn, ctx.actor)))


async def set_skills(room: Consultations, ctx: Ctx, said: Skills) -> Skills:
    """In what somebody answers consultations: he says it himself."""

    def work(tx: Tx) -> Skills:
        store.set_specialties(tx.conn, ctx.actor, said.specialties)
        body = {"specialties": ",".join(sorted(set(said.specialties)))}
        tx.append("expert.skills_set", ctx.actor, ctx.orgs()[0], body)
        return Skills(chosen_specialties(tx.conn, ctx.actor))

    return await room.db.write(work, actor=ctx.actor)


async def accept(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """A specialist of the invited side takes it: he and the requester are its members."""

    def work(tx: Tx) -> Consult:
        row = for_invited(tx.conn, ctx, consult_id)
        if row["expert"] is not None:
            raise ConsultTaken(name=name_of(tx.conn, row["expert"]))
        target = CONSULT.move(row["state"], "accept")
        store.update_consult(tx.conn, consult_id, state=target, expert=ctx.actor, answered_at=tx.now)
        store.add_member(tx.conn, consult_id, ctx.actor, row["invitee_org"], "expert")
        records.admit(tx.conn, row["recording"], ctx.actor, tx.now)
        routing.accepted(tx, row, ctx.actor)
        tell(tx, row, "consult.accepted", {"state": target})
        bookings.accepted(tx, store.consult_row(tx.conn, consult_id), room.settings.utc_offset_min)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def decline(room: Consultations, ctx: Ctx, consult_id: str, why: Reason) -> Consult:
    """He cannot; the next expert is asked. The request is declined when nobody is left, and the coordinator hears."""
    papers.need("reason", why.reason, papers.SHORT_MAX)

    def work(tx: Tx) -> Consult:
        row = for_invited(tx.conn, ctx, consult_id)
        CONSULT.move(row["state"], "decline")
        reason = why.reason.strip()
        target = routing.decline(tx, row, ctx.actor, reason, room.answer_s(row["priority"]))
        if target != row["state"]:
            store.update_consult(tx.conn, consult_id, state=target, reason=reason, answered_at=tx.now)
            routing.withdraw(tx, row)
            tell(tx, row, "consult.declined", {"state": target})
            routing.call_coordinator(tx, row)
        bookings.settle_hold(tx, row, room.settings.utc_offset_min)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def send_back(room: Consultations, ctx: Ctx, consult_id: str, why: Reason) -> Consult:
    """退回补充: to the requester, for what is missing."""
    papers.need("reason", why.reason, papers.SHORT_MAX)

    def work(tx: Tx) -> Consult:
        row = for_invited(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "return")
        store.update_consult(
            tx.conn, consult_id, state=target, reason=why.reason.strip(), answered_at=tx.now, returned_by=ctx.actor
        )
        routing.withdraw(tx, row)
        tell(tx, row, "consult.returned", {"state": target})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def mend(room: Consultations, ctx: Ctx, consult_id: str, mended: Resubmit) -> Consult:
    """Complete the papers while the request is back; nothing is sent yet."""

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        papers.check_request(mended.purpose, mended.summary, mended.documents)
        filed = row["consent"] == "written" or consult_id in store.consents(tx.conn, [consult_id])
        papers.check_consent(mended.consent, row["priority"], mended.consent_paper, kept=filed)
        CONSULT.move(row["state"], "submit")
        store.update_consult(
            tx.conn, consult_id, purpose=mended.purpose.strip(), summary=mended.summary.strip(), consent=mended.consent
        )
        papers.file_documents(tx, ctx, consult_id, mended.documents)
        if mended.consent_paper is not None:
            papers.file_consent(tx, ctx, consult_id, mended.consent_paper)
        tell(tx, row, "consult.mended", {"state": row["state"]})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def add_document(room: Consultations, ctx: Ctx, consult_id: str, new: NewDocument) -> Consult:
    """A document that came later, or a better version of one: the experts hear of it."""
    papers.need(new.kind, new.text, papers.LONG_MAX)

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "file")
        if papers.file_documents(tx, ctx, consult_id, [new]):
            tell(tx, row, "consult.document_filed", {"state": target, "document": new.kind})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def add_consent(room: Consultations, ctx: Ctx, consult_id: str, paper: NewConsent) -> Consult:
    """The consent that an emergency went ahead of, or the patient's after the two doctors' note."""

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "file")
        papers.check_paper(paper, row["priority"])
        papers.file_consent(tx, ctx, consult_id, paper)
        if paper.kind == "written":
            store.update_consult(tx.conn, consult_id, consent="written")
        tell(tx, row, "consult.consent_filed", {"state": target, "consent": paper.kind})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def submit(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    """Send a returned request again."""

    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "submit")
        store.update_consult(tx.conn, consult_id, state=target, answered_at=None, reason="")
        tell(tx, row, "consult.submitted", {"state": target, "priority": row["priority"]})
        if not routing.begin(tx, row, room.answer_s(row["priority"])):
            routing.call_coordinator(tx, row)
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def cancel(room: Consultations, ctx: Ctx, consult_id: str) -> Consult:
    def work(tx: Tx) -> Consult:
        row = for_requester(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "cancel")
        store.update_consult(tx.conn, consult_id, state=target)
        routing.withdraw(tx, row)
        bookings.release(tx, row, room.settings.utc_offset_min)
        tell(tx, row, "consult.cancelled", {"state": target})
        return again(tx, ctx, consult_id)

    result = await room.db.write(work, actor=ctx.actor)
    room.forget(consult_id)
    return result


async def enter(room: Consultations, ctx: Ctx, consult_id: str, seat: str = "") -> Enter:
    """Open the room, or come back to it: what the browser needs to join. seat: the one held for it."""

    def work(tx: Tx) -> Consult:
        row = inside(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "enter")
        store.update_consult(tx.conn, consult_id, state=target, began_at=row["began_at"] or tx.now)
        rings.answer(tx.conn, consult_id, ctx.actor, "came")
        seating.enter(tx, row, ctx.actor)
        tell(tx, row, "consult.entered", {"state": target, "account": ctx.actor})
        return again(tx, ctx, consult_id)

    consult = await room.db.write(work, actor=ctx.actor)
    stay = new_id("stay")
    enter = Enter(consult, ice_servers(room, ctx.actor), room.rooms.view(consult_id), stay)
    told = room.rooms.enter(consult_id, ctx.actor, stay)
    if room.seats is None:
        return enter
    room.seats.whisper(f"consult:{consult_id}", told, ctx.actor)
    media = await room.seats.enter(consult_id, ctx.actor, seat)
    return msgspec.structs.replace(enter, media=media, forwarded=room.seats.is_forwarded(consult_id))


def ice_servers(room: Consultations, account: str) -> list[IceServer]:
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
        CONSULT.move(inside(conn, ctx, consult_id)["state"], "enter")

    await room.db.read(look)


async def conclude(room: Consultations, ctx: Ctx, consult_id: str, said: Conclude) -> Consult:
    """The expert signs the conclusion. Signing again before the countersignature writes a new version beside it."""
    return await _sign(room, ctx, consult_id, said, "conclude")


async def amend(room: Consultations, ctx: Ctx, consult_id: str, said: Conclude) -> Consult:
    """The expert corrects what both sides have signed: a new version, which waits for its own countersignature. The
    earlier one stays. Raises AmendReasonMissing."""
    return await _sign(room, ctx, consult_id, said, "amend")


async def _sign(
    room: Consultations, ctx: Ctx, consult_id: str, said: Conclude, event: Literal["conclude", "amend"]
) -> Consult:
    said = tidied(said)

    def work(tx: Tx) -> Consult:
        row = visible(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], event)
        if row["expert"] != ctx.actor:
            raise NotTheExpert(name=name_of(tx.conn, row["expert"]))
        ctx.require("consult.answer")
        room.may_sign(tx.conn, ctx)
        before = store.conclusions(tx.conn, [consult_id]).get(consult_id, [])
        corrects = any(counter_of(row, one, last=at == 0) is not None for at, one in enumerate(before))
        if corrects and not said.reason:
            raise AmendReasonMissing
        if event == "amend" and before[0]["countersigned_by"] is None:
            # A row of before: its countersignature moves to it.
            kept = counter_of(row, before[0], last=True)
            if kept is not None:
                store.update_conclusion(
                    tx.conn, consult_id, before[0]["version"], countersigned_by=kept.by, countersigned_at=kept.at,
                    countersignature=kept.signature,
                )  # fmt: skip
        version = 1 + len(before)
        opinions = store.opinions(tx.conn, [consult_id]).get(consult_id, [])
        recording = records.recording_row(tx.conn, row["recording"])
        signed = Signed(
            said.text, said.advice, said.follow_up, said.warning_signs, said.marks,
            said.reason if corrects else "",
            consult=consult_id, recording=row["recording"], recording_sha256=recording["sha256"],
            patient=recording["patient"], requester_org=row["requester_org"], invitee_org=row["invitee_org"],
            version=version, opinions=[o["digest"] for o in opinions], signed_by=ctx.actor, signed_name=ctx.name,
            signed_at=tx.now, replaces=before[0]["digest"] if before else None,
        )  # fmt: skip
        raw = bytes_of(signed)
        digest = digest_of(raw)
        store.add_conclusion(
            tx.conn, consult=consult_id, version=version, text=signed.text, signed_by=ctx.actor, signed_at=tx.now,
            digest=digest, signature=signature_of(room.secret, ctx.actor, digest), content=raw.decode(),
        )  # fmt: skip
        store.update_consult(tx.conn, consult_id, state=target)
        kind = "consult.amended" if event == "amend" else "consult.concluding"
        tell(tx, row, kind, {"state": target, "digest": digest, "version": version})
        return again(tx, ctx, consult_id)

    return await room.db.write(work, actor=ctx.actor)


async def countersign(room: Consultations, ctx: Ctx, consult_id: str, digest: str = "") -> Consult:
    """The side that asked takes the conclusion into the record. `digest`: the text that was on the screen."""

    def work(tx: Tx) -> Consult:
        row = visible(tx.conn, ctx, consult_id)
        target = CONSULT.move(row["state"], "countersign")
        for_requester(tx.conn, ctx, consult_id)
        signed = store.conclusions(tx.conn, [consult_id])[consult_id][0]
        if digest and digest != signed["digest"]:
            raise ConclusionChanged
        if row["consent"] == "emergency" and consult_id not in store.consents(tx.conn, [consult_id]):
            raise PapersOwed
        room.may_sign(tx.conn, ctx)
        signature = signature_of(room.secret, ctx.actor, signed["digest"])
        store.update_conclusion(
            tx.conn, consult_id, signed["version"], countersigned_by=ctx.actor, countersigned_at=tx.now,
            countersignature=signature,
        )  # fmt: skip
        store.update_consult(tx.conn, consult_id, state=target)
        store.drop_draft(tx.conn, consult_id)
        if row["opinions_opened_at"] is None and store.opinions(tx.conn, [consult_id]):
            # Nobody writes one any more, and a dissent belongs to the conclusion.
            store.update_consult(tx.conn, consult_id, opinions_opened_at=tx.now)
        bookings.release(tx, row, room.settings.utc_offset_min)
        body = {"state": target, "digest": signed["digest"], "version": signed["version"]}
        tell(tx, row, "consult.concluded", body)
        return again(tx, ctx, consult_id)

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
        roles = await room.db.read(lambda conn: seating.roles(conn, consult_id))
        if ctx.actor not in roles:
            return False
        for account, role in roles.items():
            room.rooms.admit(consult_id, account, role)
        room.quiet(consult_id)
        return True

    def whisper(ctx: Ctx, topic: str, raw: bytes) -> Heard:
        consult_id = topic.partition(":")[2]
        heard = room.rooms.hear(consult_id, ctx.actor, raw)
        if heard.told:
            room.quiet(consult_id)
        if room.films is not None:
            room.films.heard(consult_id, ctx.actor, heard)
        return heard

    def first(topic: str, account: str) -> list[bytes]:
        consult_id = topic.partition(":")[2]
        media = [] if room.seats is None else room.seats.first_whispers(consult_id, account)
        film = None if room.films is None else room.films.first_whisper(consult_id)
        return [*room.rooms.first_whispers(consult_id), *media, *([] if film is None else [film])]

    def left(topic: str, account: str) -> Heard:
        consult_id = topic.partition(":")[2]
        heard = room.rooms.gone(consult_id, account)
        room.quiet(consult_id)
        if room.films is not None:
            room.films.heard(consult_id, account, heard)
            room.films.left(consult_id)
        return heard

    return TopicKind(may, whisper, first, left)


def thread_org(conn: Connection, ctx: Ctx, consult_id: str) -> str:
    """For the messages room: the institution of a consultation's thread. Raises NotFound when it is not this person's.

    The chat of a room is its members' until it is concluded; then it is part of the case, for all who may see that.
    """
    row = visible(conn, ctx, consult_id)
    ended = row["state"] in ("concluded", "followed_up")
    if not ended and not store.is_member(conn, consult_id, ctx.actor):
        raise NotFound(kind="consult")
    org: str = row["requester_org"]
    return org


def _home(ctx: Ctx, recording_org: str) -> str:
    """The institution this person asks for: the patient's where he is of it, else his own first that may ask."""
    own = [org for org in ctx.orgs() if ctx.may("consult.request", org)]
    if not own:
        ctx.require("consult.request", recording_org)
    return recording_org if recording_org in own or not own else own[0]
