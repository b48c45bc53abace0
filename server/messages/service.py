"""Writing in the thread of a case, changing, withdrawing and reading.

A thread is named by the id of its recording, alert, consultation, patient or institution; whether it is this person's
is asked of the functions handed in (`cases.py`). A message is stored once however often it is sent. It is a clinical
record: an edit keeps the text before it, a withdrawn message keeps its own. The inbox is `inbox.py`, files `files.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping

from ecg import codes
from server.base import eventlog
from server.base.blobs import Blobs
from server.base.clock import later
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound
from server.base.ids import new_id
from server.messages import cases, grams, pictures, store, views
from server.messages.cases import Cases
from server.messages.errors import (
    ClientIdUnusable,
    EditTooLate,
    FileNotYours,
    MentionWrong,
    MessageChanged,
    MessageLength,
    NotTheAuthor,
    QuoteWrong,
    WithdrawReason,
)
from server.messages.model import (
    EditMessage,
    Message,
    MessageReader,
    MessageVersion,
    NewMessage,
    Quote,
    ReadUpTo,
    ThreadPerson,
    WithdrawMessage,
)
from server.messages.model import Messages as MessageList
from server.people import store as people
from server.records import store as records

TEXT_MAX = 4000
REASON_MAX = 200
CLIENT_ID_LENGTH = range(8, 65)
LIST_MAX = 500
EDIT_S = 15 * 60
"""How long a message may be changed; later it can only be withdrawn, with a reason."""
NAMED_MAX = 20
"""People and roles a message names; a role may stand for many people."""
FILES_MAX = 6

Clean = Callable[[bytes], Awaitable[pictures.Clean]]


@dataclass(frozen=True)
class Messages:
    """The room. `clean` is `pictures.clean`, carried out in a worker whose time and memory are bounded."""

    db: Database
    cases: Cases
    blobs: Blobs
    clean: Clean


async def post(room: Messages, ctx: Ctx, thread: str, new: NewMessage) -> Message:
    """Store a message once by (author, client_id) and tell those who follow the case. A repeat gets the stored one."""
    _check_text(new.text, empty_is_fine=bool(new.files))
    if len(new.client_id) not in CLIENT_ID_LENGTH:
        raise ClientIdUnusable
    if len(new.mentions) + len(new.roles) > NAMED_MAX:
        raise MentionWrong
    if len(set(new.files)) != len(new.files) or len(new.files) > FILES_MAX:
        raise FileNotYours

    def work(tx: Tx) -> Message:
        org = room.cases.org(tx.conn, ctx, thread)
        ctx.require("message.write")
        known = store.sent_before(tx.conn, ctx.actor, new.client_id)
        if known is not None:
            if (known["thread"], _first_text(tx.conn, known)) != (thread, new.text):
                raise ClientIdUnusable
            return _view(tx.conn, known)
        if new.quote is not None:
            _check_quote(room, tx.conn, ctx, new.quote)
        named = _named(room, tx.conn, ctx, thread, org, new)
        message_id = new_id("msg")
        seq = store.add_message(
            tx.conn,
            id=message_id,
            thread=thread,
            client_id=new.client_id,
            author=ctx.actor,
            at=tx.now,
            text=new.text,
            quote=None if new.quote is None else msgspec.json.encode(new.quote).decode(),
        )
        if new.files and not store.attach(tx.conn, message_id, thread, ctx.actor, new.files):
            raise FileNotYours
        store.add_mentions(tx.conn, message_id, named)
        store.set_grams(tx.conn, seq, grams.grams(new.text))
        store.head(tx.conn, thread, org, seq)
        tx.append("message.sent", thread, org, {"message": message_id}, topic=cases.topic(thread))
        if to := sorted({*named, *room.cases.members(tx.conn, thread)} - {ctx.actor}):
            tx.append("message.told", thread, org, {"message": message_id, "to": to}, topic=eventlog.PERSONS)
        return _view(tx.conn, store.message_row(tx.conn, message_id))

    return await room.db.write(work, actor=ctx.actor)


async def edit(room: Messages, ctx: Ctx, message_id: str, new: EditMessage) -> Message:
    """Another text within EDIT_S of sending; the one before stays, and everybody of the thread can read it.

    Raises NotFound, NotTheAuthor, EditTooLate, MessageChanged, MessageLength.
    """

    def work(tx: Tx) -> Message:
        row, org = _own(room, tx.conn, ctx, message_id)
        _check_text(new.text, empty_is_fine=bool(store.files(tx.conn, [message_id])))
        if row["withdrawn_at"] is not None or (row["version"] != new.version and row["text"] != new.text):
            raise MessageChanged
        if row["text"] == new.text:
            return _view(tx.conn, row)  # a repeat, or nothing to change
        if tx.now > later(row["at"], EDIT_S):
            raise EditTooLate(minutes=EDIT_S // 60)
        written = row["edited_at"] or row["at"]
        store.add_version(tx.conn, message=message_id, version=row["version"], at=written, text=row["text"])
        store.update_message(tx.conn, message_id, text=new.text, version=row["version"] + 1, edited_at=tx.now)
        store.set_grams(tx.conn, row["seq"], grams.grams(new.text), grams.grams(row["text"]))
        body: eventlog.Body = {"message": message_id, "version": row["version"] + 1}
        tx.append("message.edited", row["thread"], org, body, topic=cases.topic(row["thread"]))
        return _view(tx.conn, store.message_row(tx.conn, message_id))

    return await room.db.write(work, actor=ctx.actor)


async def withdraw(room: Messages, ctx: Ctx, message_id: str, why: WithdrawMessage) -> Message:
    """The words are no longer shown, only that and why they were withdrawn. They stay in the database.

    Raises NotFound, NotTheAuthor, MessageChanged, WithdrawReason.
    """
    reason = why.reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise WithdrawReason(limit=REASON_MAX)

    def work(tx: Tx) -> Message:
        row, org = _own(room, tx.conn, ctx, message_id)
        if row["withdrawn_at"] is not None:
            raise MessageChanged
        store.update_message(tx.conn, message_id, withdrawn_at=tx.now, withdraw_reason=reason)
        tx.append("message.withdrawn", row["thread"], org, {"message": message_id}, topic=cases.topic(row["thread"]))
        return _view(tx.conn, store.message_row(tx.conn, message_id))

    return await room.db.write(work, actor=ctx.actor)


async def versions(room: Messages, ctx: Ctx, message_id: str) -> list[MessageVersion]:
    """Every text it had, oldest first. Of a withdrawn message only for who reads the audit trail."""

    def look(conn: Connection) -> list[MessageVersion]:
        row = store.message_row(conn, message_id)
        head = store.thread_head(conn, row["thread"])
        if head is None or not ctx.may("audit.read", head["org"]):
            room.cases.org(conn, ctx, row["thread"])
            if row["withdrawn_at"] is not None:
                ctx.require("audit.read", "" if head is None else head["org"])
        earlier = [MessageVersion(v["version"], v["at"], v["text"]) for v in store.versions(conn, message_id)]
        return [*earlier, MessageVersion(row["version"], row["edited_at"] or row["at"], row["text"])]

    return await room.db.read(look)


async def thread(
    room: Messages,
    ctx: Ctx,
    thread_id: str,
    *,
    after: str = "",
    before: str = "",
    newest: bool = False,
    limit: int,
) -> MessageList:
    """Messages of a thread, oldest first, and the event log's position this answer reflects."""

    def look(conn: Connection) -> MessageList:
        cursor = eventlog.last_id(conn)
        room.cases.org(conn, ctx, thread_id)
        count = max(1, min(limit, LIST_MAX))
        if before or newest:
            edge = _place(conn, thread_id, before) if before else None
            rows = store.thread_before(conn, thread_id, edge, count + 1)
            more, rows = len(rows) > count, rows[-count:]
        else:
            rows = store.thread_after(conn, thread_id, _place(conn, thread_id, after) if after else 0, count)
            more = bool(after)
        return MessageList(views.messages(conn, rows), _readers(room, conn, thread_id, rows), cursor, more)

    return await room.db.read(look)


async def read_up_to(room: Messages, ctx: Ctx, thread_id: str, mark: ReadUpTo) -> None:
    """This person has had the thread on his screen up to that message. It never goes back."""

    def work(tx: Tx) -> None:
        org = room.cases.org(tx.conn, ctx, thread_id)
        seq = _place(tx.conn, thread_id, mark.message)
        if store.mark_read(tx.conn, thread_id, ctx.actor, seq, tx.now):
            tx.append("message.read", thread_id, org, {"message": mark.message}, topic=cases.topic(thread_id))

    await room.db.write(work, actor=ctx.actor)


async def people_of(room: Messages, ctx: Ctx, thread_id: str) -> list[ThreadPerson]:
    """Who may see the thread, without the one who asks."""

    def look(conn: Connection) -> list[ThreadPerson]:
        org = room.cases.org(conn, ctx, thread_id)
        found = cases.audience(room.cases, conn, thread_id, org)
        return [ThreadPerson(account, *said) for account, said in found.items() if account != ctx.actor]

    return await room.db.read(look)


async def index_missing(room: Messages, group: int = 200) -> int:
    """Bring the messages of an earlier commit's database into the search and the inbox. Returns how many."""

    def work(tx: Tx) -> int:
        rows = store.unindexed(tx.conn, group)
        for row in rows:
            store.set_grams(tx.conn, row["seq"], grams.grams(row["text"]))
            head = store.thread_head(tx.conn, row["thread"])
            org = store.org_told(tx.conn, row["thread"]) if head is None else head["org"]
            if org is not None and (head is None or head["last_seq"] < row["seq"]):
                store.head(tx.conn, row["thread"], org, row["seq"])
        return len(rows)

    done = 0
    while count := await room.db.write(work):
        done += count
    return done


def _check_text(said: str, *, empty_is_fine: bool) -> None:
    if (not said.strip() and not empty_is_fine) or len(said) > TEXT_MAX:
        raise MessageLength(limit=TEXT_MAX, got=len(said.strip()))


def _first_text(conn: Connection, row: RowMapping) -> str:
    """As it was sent: a late repeat of a message that was changed since is still the same message."""
    earlier = store.versions(conn, row["id"]) if row["version"] > 1 else []
    return str(earlier[0]["text"] if earlier else row["text"])


def _own(room: Messages, conn: Connection, ctx: Ctx, message_id: str) -> tuple[RowMapping, str]:
    """His own message, and the institution of its thread."""
    row = store.message_row(conn, message_id)
    org = room.cases.org(conn, ctx, row["thread"])
    if row["author"] != ctx.actor:
        raise NotTheAuthor
    return row, org


def _place(conn: Connection, thread_id: str, message_id: str) -> int:
    """Where in the thread a message stands. Somebody else's is no way in."""
    row = store.message_row(conn, message_id)
    if row["thread"] != thread_id:
        raise NotFound(kind="message")
    return int(row["seq"])


def _named(
    room: Messages, conn: Connection, ctx: Ctx, thread_id: str, org: str, new: NewMessage
) -> dict[str, str]:  # fmt: skip
    """Account to role, of everybody whom the message names. Raises MentionWrong: one of them may not see the thread."""
    if not new.mentions and not new.roles:
        return {}
    found = cases.audience(room.cases, conn, thread_id, org)
    named: dict[str, str] = {}
    for role in new.roles:
        meant = [account for account, (_, roles) in found.items() if role in roles and account != ctx.actor]
        if not meant:
            raise MentionWrong
        named |= dict.fromkeys(meant, role)
    for account in new.mentions:
        if account not in found:
            raise MentionWrong
        named[account] = ""
    return named


def _check_quote(room: Messages, conn: Connection, ctx: Ctx, quote: Quote) -> None:
    """The quoted place stands in a recording that the author may see. A recording's id is a thread's name too."""
    room.cases.org(conn, ctx, quote.recording)
    row = records.recording_row(conn, quote.recording)
    # Any lead of the catalogue: pages also draw leads that are computed from the recorded ones.
    if quote.lead not in codes.leads():
        raise QuoteWrong(reason=f"lead {quote.lead[:20]}")
    # A recording that still comes in has no length yet; then only the order of the two ends can be checked.
    within = quote.end <= row["samples"] or row["received_at"] is None
    if not (0 <= quote.first < quote.end and within):
        raise QuoteWrong(reason=f"samples {quote.first} to {quote.end}")


def _readers(room: Messages, conn: Connection, thread_id: str, rows: list[RowMapping]) -> list[MessageReader]:
    """How far everybody is who has read here, who wrote what is shown or belongs to the thread."""
    known = {row["author"] for row in rows} | set(room.cases.members(conn, thread_id))
    found = store.marks(conn, thread_id, known)
    names = people.names(conn, found)
    return [MessageReader(account, names.get(account, ""), *far) for account, far in sorted(found.items())]


def _view(conn: Connection, row: RowMapping) -> Message:
    return views.messages(conn, [row])[0]
