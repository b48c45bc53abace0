"""Durable timers: rows, not tasks. An escalation survives a restart because it is a row.

When a timer is due, one transaction takes the row away and appends the event `timer.<kind>`; what then happens is a
reaction like any other. So a timer fires exactly once into the log, and its consequence at least once from there.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from server.base.eventlog import Body
from server.base.schema import timer


class Due(msgspec.Struct, frozen=True):
    id: int
    due_at: str
    kind: str
    subject: str
    org: str
    body: bytes


def put(conn: Connection, *, due_at: str, kind: str, subject: str, org: str, body: Body) -> None:
    conn.execute(
        insert(timer).values(due_at=due_at, kind=kind, subject=subject, org=org, body=msgspec.json.encode(dict(body)))
    )


def cancel(conn: Connection, subject: str, kind: str | None) -> None:
    query = delete(timer).where(timer.c.subject == subject)
    conn.execute(query if kind is None else query.where(timer.c.kind == kind))


def next_due(conn: Connection) -> str | None:
    return conn.execute(select(timer.c.due_at).order_by(timer.c.due_at).limit(1)).scalar()


def take_due(conn: Connection, now: str, limit: int) -> list[Due]:
    """Remove and return the timers that are due, earliest first."""
    rows = conn.execute(select(timer).where(timer.c.due_at <= now).order_by(timer.c.due_at).limit(limit)).mappings()
    due = [Due(row["id"], row["due_at"], row["kind"], row["subject"], row["org"], row["body"]) for row in rows]
    conn.execute(delete(timer).where(timer.c.id.in_([d.id for d in due])))
    return due
