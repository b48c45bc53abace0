"""The table of calls for help out of an open room, and its queries."""

from __future__ import annotations

from sqlalchemy import Column, Connection, RowMapping, Table, Text, select, update

from server.base.schema import metadata
from server.base.upsert import upsert

help_call = Table(
    # The last call to each person: a new one takes the old one's place, the events keep them all.
    "consult_help",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("account", Text, primary_key=True, index=True),
    Column("by", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("answer", Text, nullable=False),
)


def ring(conn: Connection, *, consult: str, account: str, by: str, words: str, at: str) -> None:
    now = {"by": by, "words": words, "at": at, "answer": "ringing"}
    row = upsert(help_call).values(consult=consult, account=account, **now)
    conn.execute(row.on_conflict_do_update(index_elements=["consult", "account"], set_=now))


def answer(conn: Connection, consult: str, account: str, what: str) -> bool:
    """Whether he was being called."""
    of = (help_call.c.consult == consult, help_call.c.account == account, help_call.c.answer == "ringing")
    return conn.execute(update(help_call).where(*of).values(answer=what)).rowcount > 0


def calls_to(conn: Connection, account: str, since: str) -> list[RowMapping]:
    """Those still ringing for him, the newest first."""
    of = (help_call.c.account == account, help_call.c.answer == "ringing", help_call.c.at > since)
    return list(conn.execute(select(help_call).where(*of).order_by(help_call.c.at.desc())).mappings())


def calls_of(conn: Connection, consult: str) -> list[RowMapping]:
    query = select(help_call).where(help_call.c.consult == consult).order_by(help_call.c.at)
    return list(conn.execute(query).mappings())
