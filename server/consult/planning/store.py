"""Tables and queries of hours, bookings, the waiting list, visiting clinics and the waiting room's tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from server.base.errors import NotFound
from server.base.schema import metadata
from server.consult.planning.hours import Span

calendar = Table(
    "expert_calendar",
    metadata,
    Column("account", Text, primary_key=True),
    Column("slot_min", Integer, nullable=False),
    Column("notice_min", Integer, nullable=False),
    Column("kept_by", Text, nullable=False),
    Column("kept_at", Text, nullable=False),
)

weekly = Table(
    "expert_hours",
    metadata,
    Column("account", Text, primary_key=True),
    Column("weekday", Integer, primary_key=True),
    Column("from_min", Integer, primary_key=True),
    Column("to_min", Integer, nullable=False),
)

change = Table(
    "expert_day_change",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("from_min", Integer, nullable=False),
    Column("to_min", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Index("expert_day_change_day", "account", "day"),
)

holiday = Table(
    "org_holiday",
    metadata,
    Column("org", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

booking = Table(
    # The time of an expert that a consultation holds. A row that is freed is deleted: the event log has its history.
    "consult_booking",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consult", Text, nullable=False),
    Column("expert", Text, nullable=False),
    Column("from_at", Text, nullable=False),
    Column("to_at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("until", Text),
    Column("clinic", Text),
    Column("made_at", Text, nullable=False),
    Column("late_min", Integer, nullable=False, default=0),
    Index("consult_booking_expert", "expert", "from_at"),
    Index("consult_booking_consult", "consult"),
    Index("consult_booking_clinic", "clinic"),
)

waiting = Table(
    "consult_waiting",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("expert", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("from_day", Text, nullable=False),
    Column("to_day", Text, nullable=False),
    Index("consult_waiting_expert", "expert", "since"),
)

passed = Table(
    # Slots that were offered to one who waits and that he let pass: not offered to him again.
    "consult_offer_passed",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("expert", Text, primary_key=True),
    Column("from_at", Text, primary_key=True),
)

clinic = Table(
    "consult_clinic",
    metadata,
    Column("id", Text, primary_key=True),
    Column("expert", Text, nullable=False),
    Column("org", Text, nullable=False),
    Column("host_org", Text),
    Column("from_at", Text, nullable=False),
    Column("to_at", Text, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("late_min", Integer, nullable=False, default=0),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Index("consult_clinic_expert", "expert", "from_at"),
)

tested = Table(
    "consult_tested",
    metadata,
    Column("consult", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("camera", Boolean, nullable=False),
    Column("microphone", Boolean, nullable=False),
    Column("rtt_ms", Integer),
    Column("way", Text),
)


def calendar_row(conn: Connection, account: str) -> RowMapping | None:
    return conn.execute(select(calendar).where(calendar.c.account == account)).mappings().first()


def with_hours(conn: Connection) -> list[str]:
    """Accounts that have weekly hours or hours on some day."""
    weekly_ones = conn.execute(select(weekly.c.account).distinct()).scalars()
    extra_ones = conn.execute(select(change.c.account).where(change.c.kind == "extra").distinct()).scalars()
    return list(dict.fromkeys([*weekly_ones, *extra_ones]))


def weekly_of(conn: Connection, account: str) -> list[RowMapping]:
    query = select(weekly).where(weekly.c.account == account).order_by(weekly.c.weekday, weekly.c.from_min)
    return list(conn.execute(query).mappings())


def set_calendar(conn: Connection, account: str, rows: Iterable[tuple[int, int, int]], **values: Any) -> None:
    """`rows`: weekday, from_min, to_min; they take the place of all earlier ones."""
    row = upsert(calendar).values(account=account, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["account"], set_=values))
    conn.execute(delete(weekly).where(weekly.c.account == account))
    for day, from_min, to_min in rows:
        conn.execute(insert(weekly).values(account=account, weekday=day, from_min=from_min, to_min=to_min))


def changes(conn: Connection, account: str, from_day: str) -> list[RowMapping]:
    query = select(change).where(change.c.account == account, change.c.day >= from_day)
    return list(conn.execute(query.order_by(change.c.day, change.c.from_min)).mappings())


def add_change(conn: Connection, **values: Any) -> None:
    conn.execute(insert(change).values(**values))


def drop_change(conn: Connection, account: str, change_id: str) -> bool:
    gone = conn.execute(delete(change).where(change.c.id == change_id, change.c.account == account))
    return gone.rowcount > 0


def holidays(conn: Connection, org: str) -> dict[str, str]:
    rows = conn.execute(select(holiday).where(holiday.c.org == org).order_by(holiday.c.day))
    return {row.day: row.name for row in rows}


def set_holidays(conn: Connection, org: str, named: dict[str, str]) -> None:
    conn.execute(delete(holiday).where(holiday.c.org == org))
    for day, name in named.items():
        conn.execute(insert(holiday).values(org=org, day=day, name=name))


def add_booking(conn: Connection, **values: Any) -> None:
    conn.execute(insert(booking).values(**values))


def update_booking(conn: Connection, booking_id: str, **values: Any) -> None:
    conn.execute(update(booking).where(booking.c.id == booking_id).values(**values))


def drop_booking(conn: Connection, booking_id: str) -> None:
    conn.execute(delete(booking).where(booking.c.id == booking_id))


def bookings_of(conn: Connection, consult: str) -> list[RowMapping]:
    """At most one that is held or booked, and one that is offered."""
    query = select(booking).where(booking.c.consult == consult).order_by(booking.c.kind, booking.c.from_at)
    return list(conn.execute(query).mappings())


def bookings_between(conn: Connection, expert: str, span: Span) -> list[RowMapping]:
    query = select(booking).where(
        booking.c.expert == expert, booking.c.from_at < span.to_at, booking.c.to_at > span.from_at
    )
    return list(conn.execute(query.order_by(booking.c.from_at)).mappings())


def in_clinic(conn: Connection, clinic_id: str) -> list[RowMapping]:
    query = select(booking).where(booking.c.clinic == clinic_id).order_by(booking.c.from_at)
    return list(conn.execute(query).mappings())


def join_waiting(conn: Connection, consult: str, **values: Any) -> None:
    """Who waits already keeps his place; only the days may be others."""
    days = {key: values[key] for key in ("from_day", "to_day")}
    row = upsert(waiting).values(consult=consult, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["consult"], set_=days))


def leave_waiting(conn: Connection, consult: str) -> bool:
    conn.execute(delete(passed).where(passed.c.consult == consult))
    return conn.execute(delete(waiting).where(waiting.c.consult == consult)).rowcount > 0


def waiting_for(conn: Connection, expert: str) -> list[RowMapping]:
    """In the order in which they joined."""
    query = select(waiting).where(waiting.c.expert == expert).order_by(waiting.c.since, waiting.c.consult)
    return list(conn.execute(query).mappings())


def waiting_row(conn: Connection, consult: str) -> RowMapping | None:
    return conn.execute(select(waiting).where(waiting.c.consult == consult)).mappings().first()


def waiting_count(conn: Connection, expert: str) -> int:
    return conn.execute(select(func.count()).select_from(waiting).where(waiting.c.expert == expert)).scalar_one()


def let_pass(conn: Connection, consult: str, expert: str, from_at: str) -> None:
    row = upsert(passed).values(consult=consult, expert=expert, from_at=from_at)
    conn.execute(row.on_conflict_do_nothing())


def passed_by(conn: Connection, consult: str, expert: str) -> set[str]:
    query = select(passed.c.from_at).where(passed.c.consult == consult, passed.c.expert == expert)
    return set(conn.execute(query).scalars())


def add_clinic(conn: Connection, **values: Any) -> None:
    conn.execute(insert(clinic).values(**values))


def update_clinic(conn: Connection, clinic_id: str, **values: Any) -> None:
    conn.execute(update(clinic).where(clinic.c.id == clinic_id).values(**values))


def clinic_row(conn: Connection, clinic_id: str) -> RowMapping:
    """Raises NotFound."""
    row = conn.execute(select(clinic).where(clinic.c.id == clinic_id)).mappings().first()
    if row is None:
        raise NotFound(kind="clinic")
    return row


def clinics_between(conn: Connection, span: Span, expert: str | None = None) -> list[RowMapping]:
    query = select(clinic).where(clinic.c.from_at < span.to_at, clinic.c.to_at > span.from_at)
    if expert is not None:
        query = query.where(clinic.c.expert == expert)
    return list(conn.execute(query.order_by(clinic.c.from_at, clinic.c.id)).mappings())


def set_tested(conn: Connection, consult: str, account: str, **values: Any) -> None:
    row = upsert(tested).values(consult=consult, account=account, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["consult", "account"], set_=values))


def tested_in(conn: Connection, consult: str) -> list[RowMapping]:
    query = select(tested).where(tested.c.consult == consult).order_by(tested.c.at, tested.c.account)
    return list(conn.execute(query).mappings())
