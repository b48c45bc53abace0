"""Tables and queries of the time after a conclusion: advice ticked off, outcomes owed and told, answers given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Integer, RowMapping, Table, Text, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from server.base.schema import metadata
from server.consult.store import conclusion, consult, member

task = Table(
    "consult_task",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("done", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
)

outcome = Table(
    # Written empty when both sides have signed; what was told once stays.
    "consult_outcome",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("due_at", Text, nullable=False),
    Column("outcome", Text),
    Column("note", Text, nullable=False, default=""),
    Column("by", Text),
    Column("reported_at", Text),
    Index("consult_outcome_due", "reported_at", "due_at"),
)

feedback = Table(
    # Once each, never changed.
    "consult_feedback",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("who", Text, primary_key=True),
    Column("first", Integer, nullable=False),
    Column("second", Integer, nullable=False),
    Column("third", Integer, nullable=False),
    Column("remark", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
)


def put_task(conn: Connection, consult_id: str, version: int, number: int, **values: Any) -> None:
    row = upsert(task).values(consult=consult_id, version=version, number=number, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["consult", "version", "number"], set_=values))


def tasks(conn: Connection, consult_id: str, version: int) -> dict[int, RowMapping]:
    query = select(task).where(task.c.consult == consult_id, task.c.version == version)
    return {row["number"]: row for row in conn.execute(query).mappings()}


def add_outcome(conn: Connection, consult_id: str, day: int, due_at: str) -> bool:
    """False: it was owed before."""
    row = upsert(outcome).values(consult=consult_id, day=day, due_at=due_at, note="")
    return conn.execute(row.on_conflict_do_nothing()).rowcount == 1


def outcomes(conn: Connection, consult_id: str) -> list[RowMapping]:
    query = select(outcome).where(outcome.c.consult == consult_id).order_by(outcome.c.day)
    return list(conn.execute(query).mappings())


def report_outcome(conn: Connection, consult_id: str, day: int, **values: Any) -> None:
    conn.execute(update(outcome).where(outcome.c.consult == consult_id, outcome.c.day == day).values(**values))


def follow_ups(
    conn: Connection, orgs: Iterable[str], account: str, *, due_before: str, told_since: str, limit: int
) -> list[RowMapping]:
    """Owed until `due_before` or told since `told_since`: of what `orgs` asked for or `account` was in."""
    own = select(member.c.consult).where(member.c.account == account)
    query = (
        select(
            outcome,
            consult.c.recording,
            consult.c.purpose,
            consult.c.requester,
            consult.c.requester_org,
            consult.c.expert,
        )
        .join(consult, consult.c.id == outcome.c.consult)
        .where(or_(consult.c.requester_org.in_(list(orgs)), consult.c.id.in_(own)))
        .where(
            or_(outcome.c.reported_at.is_(None) & (outcome.c.due_at <= due_before), outcome.c.reported_at >= told_since)
        )
        .order_by(outcome.c.reported_at.is_not(None), outcome.c.due_at, outcome.c.consult)
        .limit(limit)
    )
    return list(conn.execute(query).mappings())


def add_feedback(conn: Connection, **values: Any) -> bool:
    """False: it was given before."""
    return conn.execute(upsert(feedback).values(**values).on_conflict_do_nothing()).rowcount == 1


def feedback_of(conn: Connection, consult_id: str) -> list[RowMapping]:
    return list(conn.execute(select(feedback).where(feedback.c.consult == consult_id)).mappings())


def concluded_since(conn: Connection, orgs: Iterable[str], since: str) -> int:
    """Consultations of these institutions of which a version was countersigned since `since`."""
    ids = _concluded(orgs, since)
    return len(conn.execute(ids).all())


def answers_since(conn: Connection, orgs: Iterable[str], since: str) -> list[RowMapping]:
    query = select(feedback).where(feedback.c.consult.in_(_concluded(orgs, since)))
    return list(conn.execute(query).mappings())


def _concluded(orgs: Iterable[str], since: str) -> Any:
    places = list(orgs)
    return (
        select(consult.c.id)
        .where(or_(consult.c.requester_org.in_(places), consult.c.invitee_org.in_(places)))
        .where(consult.c.id.in_(select(conclusion.c.consult).where(conclusion.c.countersigned_at >= since)))
    )
