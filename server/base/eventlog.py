"""The event log: what happened, in commit order, sealed by a hash chain.

Rooms append through `Tx.append`; reactions, browsers and the audit trail read by id. The writer's transaction gives the
order, so an id that a reader has seen is never followed by a smaller one. Bodies carry ids and codes, never a person's
name, number or free text: the log is kept for years and read by many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import Connection, RowMapping, func, insert, select

from server.base.kinds import KINDS, TIMERS
from server.base.schema import event

Body: TypeAlias = Mapping[str, "str | int | float | bool | list[str] | None"]

_encode = msgspec.json.Encoder(order="deterministic").encode
PERSONS: Final = "persons"
"""The topic of what several persons hear, each for himself: who they are stands in the body, as `to`."""
GENESIS = hashlib.sha256(b"xinlian event log 1").digest()


class Event(msgspec.Struct, frozen=True):
    """One line of the log, as reactions and browsers get it."""

    id: int
    at: str
    topic: str
    kind: str
    subject: str
    org: str
    actor: str
    body: dict[str, str | int | float | bool | list[str] | None]

    @property
    def to(self) -> list[str]:
        """The accounts that hear it, of an event of PERSONS."""
        named = self.body.get("to")
        return named if isinstance(named, list) else []


def append(conn: Connection, *, at: str, topic: str, kind: str, subject: str, org: str, actor: str, body: Body) -> int:
    assert kind in KINDS or kind in TIMERS, f"the event kind {kind} is not described in kinds.py"
    raw = _encode(dict(body))
    previous = conn.execute(select(event.c.hash).order_by(event.c.id.desc()).limit(1)).scalar() or GENESIS
    seal = _seal(previous, at, topic, kind, subject, org, actor, raw)
    row = insert(event).values(
        at=at, topic=topic, kind=kind, subject=subject, org=org, actor=actor, body=raw, hash=seal
    )
    key = conn.execute(row).inserted_primary_key
    assert key is not None
    return int(key[0])


def after(conn: Connection, cursor: int, limit: int) -> list[Event]:
    """The next events behind `cursor`, ascending."""
    query = select(event).where(event.c.id > cursor).order_by(event.c.id).limit(limit)
    return [_event(row) for row in conn.execute(query).mappings()]


def of_subjects(conn: Connection, subjects: Iterable[str]) -> list[Event]:
    """Everything that was ever said of these things, oldest first: their history."""
    query = select(event).where(event.c.subject.in_(list(subjects))).order_by(event.c.id)
    return [_event(row) for row in conn.execute(query).mappings()]


def last_of(conn: Connection, subjects: Iterable[str], kinds: Iterable[str], limit: int) -> list[Event]:
    """The last events of these kinds about these things, newest first."""
    query = select(event).where(event.c.subject.in_(list(subjects)), event.c.kind.in_(list(kinds)))
    return [_event(row) for row in conn.execute(query.order_by(event.c.id.desc()).limit(limit)).mappings()]


def newest(conn: Connection, before: int | None, limit: int) -> list[Event]:
    """The last events before `before` (or at all), newest first."""
    query = select(event).order_by(event.c.id.desc()).limit(limit)
    rows = conn.execute(query if before is None else query.where(event.c.id < before)).mappings()
    return [_event(row) for row in rows]


def last_id(conn: Connection) -> int:
    return conn.execute(select(func.max(event.c.id))).scalar() or 0


@dataclass(frozen=True)
class ChainCheck:
    """How far the log is whole: `broken_at` is the id of the first line that does not fit, or None."""

    lines: int
    broken_at: int | None


def verify_chain(conn: Connection, since: int = 0) -> ChainCheck:
    """Recompute every seal behind `since`. A changed, removed or inserted line breaks it at itself or its successor."""
    lines = 0
    previous = conn.execute(select(event.c.hash).where(event.c.id == since)).scalar() or GENESIS
    for row in conn.execute(select(event).where(event.c.id > since).order_by(event.c.id)).mappings():
        seal = _seal(
            previous, row["at"], row["topic"], row["kind"], row["subject"], row["org"], row["actor"], row["body"]
        )
        if seal != row["hash"]:
            return ChainCheck(lines, row["id"])
        previous, lines = seal, lines + 1
    return ChainCheck(lines, None)


def _seal(previous: bytes, *parts: str | bytes) -> bytes:
    digest = hashlib.sha256(previous)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        # The length before each part: "ab"+"c" must not seal like "a"+"bc".
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.digest()


def _event(row: RowMapping) -> Event:
    return Event(
        id=row["id"],
        at=row["at"],
        topic=row["topic"],
        kind=row["kind"],
        subject=row["subject"],
        org=row["org"],
        actor=row["actor"],
        body=msgspec.json.decode(row["body"]),
    )
