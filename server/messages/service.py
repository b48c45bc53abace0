"""Writing in the thread of a case, and reading it.

A thread is named by the id of its recording, alert or consultation; whether it is this person's is asked of the
function handed in (`thread_org`), because those rooms are not this one's to know. A message is stored once however
often it is sent. It is a clinical record: nothing here changes or removes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, RowMapping

from ecg import codes
from server.base import eventlog
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.errors import NotFound
from server.base.ids import new_id
from server.messages import store
from server.messages.errors import ClientIdUnusable, MessageLength, QuoteWrong
from server.messages.model import Message, NewMessage, Quote
from server.messages.model import Messages as MessageList
from server.people import store as people
from server.records import store as records

TEXT_MAX = 4000
CLIENT_ID_LENGTH = range(8, 65)
LIST_MAX = 500
CONSULT_PREFIX = "con_"

ThreadOrg = Callable[[Connection, Ctx, str], str]
"""The institution a thread belongs to. Raises NotFound when it does not exist or is not this person's."""


@dataclass(frozen=True)
class Messages:
    """The room."""

    db: Database
    thread_org: ThreadOrg


async def post(room: Messages, ctx: Ctx, thread: str, new: NewMessage) -> Message:
    """Store a message once by (author, client_id) and tell those who follow the case. A repeat gets the stored one."""
    if not new.text.strip() or len(new.text) > TEXT_MAX:
        raise MessageLength(limit=TEXT_MAX, got=len(new.text.strip()))
    if len(new.client_id) not in CLIENT_ID_LENGTH:
        raise ClientIdUnusable

    def work(tx: Tx) -> Message:
        org = room.thread_org(tx.conn, ctx, thread)
        ctx.require("message.write")
        known = store.sent_before(tx.conn, ctx.actor, new.client_id)
        if known is not None:
            if (known["thread"], known["text"]) != (thread, new.text):
                raise ClientIdUnusable
            return _views(tx.conn, [known])[0]
        if new.quote is not None:
            _check_quote(room, tx.conn, ctx, new.quote)
        message_id = new_id("msg")
        store.add_message(
            tx.conn,
            id=message_id,
            thread=thread,
            client_id=new.client_id,
            author=ctx.actor,
            at=tx.now,
            text=new.text,
            quote=None if new.quote is None else msgspec.json.encode(new.quote).decode(),
        )
        topic = f"consult:{thread}" if thread.startswith(CONSULT_PREFIX) else "message"
        tx.append("message.sent", thread, org, {"message": message_id}, topic=topic)
        return _views(tx.conn, [store.message_row(tx.conn, message_id)])[0]

    return await room.db.write(work, actor=ctx.actor)


async def thread(room: Messages, ctx: Ctx, thread_id: str, *, after: str, limit: int) -> MessageList:
    """The messages behind `after`, oldest first, and the event log's position this answer reflects."""

    def look(conn: Connection) -> MessageList:
        cursor = eventlog.last_id(conn)
        room.thread_org(conn, ctx, thread_id)
        seq = 0
        if after:
            last = store.message_row(conn, after)
            if last["thread"] != thread_id:
                raise NotFound(kind="message")
            seq = last["seq"]
        rows = store.thread_after(conn, thread_id, seq, max(1, min(limit, LIST_MAX)))
        return MessageList(_views(conn, rows), cursor)

    return await room.db.read(look)


def _check_quote(room: Messages, conn: Connection, ctx: Ctx, quote: Quote) -> None:
    """The quoted place stands in a recording that the author may see. A recording's id is a thread's name too."""
    room.thread_org(conn, ctx, quote.recording)
    row = records.recording_row(conn, quote.recording)
    # Any lead of the catalogue: pages also draw leads that are computed from the recorded ones.
    if quote.lead not in codes.leads():
        raise QuoteWrong(reason=f"lead {quote.lead[:20]}")
    # A recording that still comes in has no length yet; then only the order of the two ends can be checked.
    within = quote.end <= row["samples"] or row["received_at"] is None
    if not (0 <= quote.first < quote.end and within):
        raise QuoteWrong(reason=f"samples {quote.first} to {quote.end}")


def _views(conn: Connection, rows: Iterable[RowMapping]) -> list[Message]:
    rows = list(rows)
    names = people.names(conn, {row["author"] for row in rows})
    return [
        Message(
            row["id"],
            row["thread"],
            row["client_id"],
            row["author"],
            names.get(row["author"], ""),
            row["at"],
            row["text"],
            None if row["quote"] is None else msgspec.json.decode(row["quote"], type=Quote),
        )
        for row in rows
    ]
