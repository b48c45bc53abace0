"""The one table catalogue, and the tables that belong to no room: events, cursors, timers, dead letters, keys, answers.

A room's tables stand in its `store.py` and register themselves in the same `metadata`.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("org", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("event_topic", "topic", "id"),
    Index("event_subject", "subject", "id"),
    sqlite_autoincrement=True,
)

cursor = Table(
    "cursor",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("event_id", Integer, nullable=False),
)

timer = Table(
    "timer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("due_at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("org", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("timer_due", "due_at"),
    Index("timer_subject", "subject", "kind"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("event_id", Integer, primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("error", Text, nullable=False),
)

command = Table(
    "command",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("status", Integer, nullable=True),
    Column("answer", LargeBinary, nullable=True),
)
