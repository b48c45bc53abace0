"""Tables and queries of sittings, their seats and minutes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, RowMapping, Table, Text, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from server.base.errors import NotFound
from server.base.schema import metadata

sitting = Table(
    "consult_sitting",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("agenda", Text, nullable=False),
    Column("at", Text),
    Column("until", Text),
    Column("minutes", Integer, nullable=False),
    Column("opened_at", Text),
    Column("closed_at", Text),
    Column("interim", Text, nullable=False, default=""),
    Column("reminded_of", Text),
    Index("consult_sitting_at", "state", "at"),
)

seat = Table(
    "consult_seat",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("came_at", Text),
    Index("consult_seat_account", "account"),
)

record = Table(
    # 会议记录: never changed, a correction is a new version.
    "consult_minutes",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
)


def add_sitting(conn: Connection, consult: str, **values: Any) -> int:
    """Returns its number: the first of a case is 1."""
    last = conn.execute(select(func.max(sitting.c.number)).where(sitting.c.consult == consult)).scalar()
    number = 1 + (last or 0)
    conn.execute(insert(sitting).values(consult=consult, number=number, **values))
    return number


def update_sitting(conn: Connection, consult: str, number: int, **values: Any) -> None:
    here = (sitting.c.consult == consult, sitting.c.number == number)
    conn.execute(update(sitting).where(*here).values(**values))


def sitting_row(conn: Connection, consult: str, number: int) -> RowMapping:
    """Raises NotFound."""
    query = select(sitting).where(sitting.c.consult == consult, sitting.c.number == number)
    row = conn.execute(query).mappings().first()
    if row is None:
        raise NotFound(kind="sitting")
    return row


def sittings(conn: Connection, consult: str) -> list[RowMapping]:
    query = select(sitting).where(sitting.c.consult == consult).order_by(sitting.c.number)
    return list(conn.execute(query).mappings())


def open_one(conn: Connection, consult: str) -> RowMapping | None:
    query = select(sitting).where(sitting.c.consult == consult, sitting.c.state == "open")
    return conn.execute(query).mappings().first()


def set_seats(conn: Connection, consult: str, number: int, seats: Iterable[tuple[str, str]]) -> None:
    """All of them; who came stays known."""
    kept = dict(seats)
    here = (seat.c.consult == consult, seat.c.number == number)
    conn.execute(delete(seat).where(*here, seat.c.account.not_in(list(kept)), seat.c.came_at.is_(None)))
    for account, role in kept.items():
        row = upsert(seat).values(consult=consult, number=number, account=account, role=role)
        conn.execute(row.on_conflict_do_update(index_elements=["consult", "number", "account"], set_={"role": role}))


def come(conn: Connection, consult: str, number: int, account: str, role: str, at: str) -> bool:
    """He is here. False: he was before. Who has no seat gets one as `role`."""
    row = upsert(seat).values(consult=consult, number=number, account=account, role=role)
    conn.execute(row.on_conflict_do_nothing())
    here = (seat.c.consult == consult, seat.c.number == number, seat.c.account == account, seat.c.came_at.is_(None))
    return conn.execute(update(seat).where(*here).values(came_at=at)).rowcount > 0


def seats(conn: Connection, consult: str, number: int) -> list[RowMapping]:
    query = select(seat).where(seat.c.consult == consult, seat.c.number == number).order_by(seat.c.account)
    return list(conn.execute(query).mappings())


def add_record(conn: Connection, **values: Any) -> None:
    conn.execute(insert(record).values(**values))


def last_record(conn: Connection, consult: str, number: int) -> RowMapping | None:
    query = select(record).where(record.c.consult == consult, record.c.number == number)
    return conn.execute(query.order_by(record.c.version.desc()).limit(1)).mappings().first()


def planned_for(conn: Connection, account: str, from_at: str, to_at: str) -> list[RowMapping]:
    """Sittings with a time between these two in which this person has a seat that asks for his time."""
    query = (
        select(sitting)
        .join(seat, (seat.c.consult == sitting.c.consult) & (seat.c.number == sitting.c.number))
        .where(seat.c.account == account, seat.c.role != "observer", sitting.c.state.in_(("planned", "open")))
        .where(sitting.c.at < to_at, sitting.c.until > from_at)
    )
    return list(conn.execute(query).mappings())
