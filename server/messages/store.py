"""The table of messages and its queries. `seq` is the order of storing; ids of one millisecond have none."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, RowMapping, Table, Text, insert, select

from server.base.errors import NotFound
from server.base.schema import metadata

message = Table(
    "message",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("thread", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("quote", Text),
    Index("message_thread", "thread", "seq"),
    # Exactly once: the author's own id of a message is stored once.
    Index("message_client", "author", "client_id", unique=True),
    sqlite_autoincrement=True,
)


def add_message(conn: Connection, **values: Any) -> None:
    conn.execute(insert(message).values(**values))


def message_row(conn: Connection, message_id: str) -> RowMapping:
    """The bare row. Raises NotFound."""
    row = conn.execute(select(message).where(message.c.id == message_id)).mappings().first()
    if row is None:
        raise NotFound(kind="message")
    return row


def sent_before(conn: Connection, author: str, client_id: str) -> RowMapping | None:
    query = select(message).where(message.c.author == author, message.c.client_id == client_id)
    return conn.execute(query).mappings().first()


def thread_after(conn: Connection, thread: str, seq: int, limit: int) -> list[RowMapping]:
    """The messages of a thread behind `seq`, in the order they were stored."""
    query = select(message).where(message.c.thread == thread, message.c.seq > seq).order_by(message.c.seq).limit(limit)
    return list(conn.execute(query).mappings())
