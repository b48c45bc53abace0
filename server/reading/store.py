"""Tables and queries of the worklist, its leases and alerts, and of reports.

A worklist row stays for good and moves between three places: open, returned, signed. Every list is read along an index
that has its order (`tests/server/test_reading_worklist.py` asks SQLite for the plan); rank is a number so that the
index can sort it. A signed report's content is guarded by triggers beside the services' own care.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import (
    DDL,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    Table,
    Text,
    delete,
    event,
    func,
    insert,
    select,
    update,
)

from server.base.schema import metadata
from server.base.upsert import upsert

Place = Literal["open", "returned", "signed"]

worklist = Table(
    "worklist",
    metadata,
    Column("recording", Text, primary_key=True),
    Column("org", Text, nullable=False),
    Column("centre", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("waiting_at", Text, nullable=False),
    Column("due_at", Text, nullable=False),
    Column("moved_at", Text, nullable=False),
    Column("tat_s", Float),
    Column("returned_leads", Text, nullable=False, default="[]"),
    Index("worklist_open", "centre", "place", "rank", "waiting_at", "recording"),
)
Index(
    "worklist_moved", worklist.c.centre, worklist.c.place, worklist.c.moved_at.desc(), worklist.c.recording,
    worklist.c.tat_s,
)  # fmt: skip

lease = Table(
    "lease",
    metadata,
    Column("recording", Text, primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # 0 the holder, 1 who reads a critical recording beside him.
    Column("beside", Integer, nullable=False),
    Column("until_at", Text, nullable=False),
    Index("lease_reader", "reader", "until_at"),
)

row_alert = Table(
    "row_alert",
    metadata,
    # One alert may hold several recordings: a patient's further ECGs join his open incident.
    Column("alert", Text, primary_key=True),
    Column("recording", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("event_id", Integer, nullable=False),
    Index("row_alert_recording", "recording"),
)

report = Table(
    "report",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recording", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("saved_at", Text, nullable=False),
    Column("signed_at", Text),
    Column("content", LargeBinary, nullable=False),
    Column("digest", Text),
    Column("signature", Text),
    Column("replaces", Text),
    Column("replaced_by", Text),
    Column("reason", Text, nullable=False, default=""),
    Column("pdf_at", Text),
)
Index("report_recording", report.c.recording, report.c.version.desc())
Index(
    "report_version", report.c.recording, report.c.version, unique=True, sqlite_where=report.c.version > 0,
    postgresql_where=report.c.version > 0,
)  # fmt: skip
Index("report_draft", report.c.recording, report.c.author, unique=True, sqlite_where=report.c.state == "draft",
      postgresql_where=report.c.state == "draft")  # fmt: skip

SIGNED_COLUMNS = ("id", "recording", "version", "author", "author_name", "signed_at", "content", "digest", "signature",
                  "replaces", "reason")  # fmt: skip
_STAYS = "a signed report does not change"
for _name, _when in (
    ("UPDATE", " OR ".join(f"NEW.{c} IS DISTINCT FROM OLD.{c}" for c in SIGNED_COLUMNS) + " OR NEW.state = 'draft'"),
    ("DELETE", "1 = 1"),
):
    _begin = f"CREATE TRIGGER report_stays_{_name.lower()} BEFORE {_name} ON report"
    _guarded = f"WHEN (OLD.state <> 'draft' AND ({_when}))"
    for _dialect, _words in (
        ("sqlite", (f"{_begin} {_guarded} BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END",)),
        ("postgresql", (
            "CREATE OR REPLACE FUNCTION report_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"{_begin} FOR EACH ROW {_guarded} EXECUTE FUNCTION report_stays()",
        )),
    ):  # fmt: skip
        for _word in _words:
            event.listen(
                report,
                "after_create",
                DDL(_word).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
            )


# The worklist.


def add_row(conn: Connection, **values: str | int) -> None:
    conn.execute(insert(worklist).values(place="open", **values))


def row(conn: Connection, recording: str) -> RowMapping | None:
    return conn.execute(select(worklist).where(worklist.c.recording == recording)).mappings().first()


def move_row(conn: Connection, recording: str, place: Place, **values: Any) -> None:
    conn.execute(update(worklist).where(worklist.c.recording == recording).values(place=place, **values))


def centres(conn: Connection) -> list[str]:
    """Every reading centre that ever had work: one step along the index each, not a scan of the table."""
    found: list[str] = []
    last: str | None = conn.execute(select(func.min(worklist.c.centre))).scalar()
    while last is not None:
        found.append(last)
        last = conn.execute(select(func.min(worklist.c.centre)).where(worklist.c.centre > last)).scalar()
    return found


def open_keys(centre: str, rank_max: int, limit: int) -> Select[int, str, str]:
    """The order of the open list of one centre: rank, then the longest wait."""
    return (
        select(worklist.c.rank, worklist.c.waiting_at, worklist.c.recording)
        .where(worklist.c.centre == centre, worklist.c.place == "open", worklist.c.rank <= rank_max)
        .order_by(worklist.c.rank, worklist.c.waiting_at, worklist.c.recording)
        .limit(limit)
    )


def moved_keys(centre: str, place: Place, since: str, limit: int) -> Select[str, str]:
    """What came to `place` since `since`, newest first."""
    return (
        select(worklist.c.moved_at, worklist.c.recording)
        .where(worklist.c.centre == centre, worklist.c.place == place, worklist.c.moved_at >= since)
        .order_by(worklist.c.moved_at.desc(), worklist.c.recording)
        .limit(limit)
    )


def open_page(conn: Connection, of: Sequence[str], rank_max: int, offset: int, limit: int) -> list[str]:
    """Recordings of the open lists of several centres, merged in order: one walk along the index a centre."""
    walks = [conn.execute(open_keys(centre, rank_max, offset + limit)).tuples().all() for centre in of]
    return [key[2] for key in list(heapq.merge(*walks))[offset : offset + limit]]


def moved_page(conn: Connection, of: Sequence[str], place: Place, since: str, offset: int, limit: int) -> list[str]:
    walks = [conn.execute(moved_keys(centre, place, since, offset + limit)).tuples().all() for centre in of]
    merged = heapq.merge(*walks, key=lambda key: key[0], reverse=True)
    return [key[1] for key in list(merged)[offset : offset + limit]]


def held_by(conn: Connection, reader: str, now: str) -> list[str]:
    """What this reader holds at the moment, in worklist order. Bounded by how much one person can claim in a lease."""
    rows = conn.execute(
        select(worklist.c.rank, worklist.c.waiting_at, worklist.c.recording)
        .join(lease, lease.c.recording == worklist.c.recording)
        .where(lease.c.reader == reader, lease.c.until_at > now, worklist.c.place == "open")
    )
    return [r.recording for r in sorted(rows)]


def count_open(conn: Connection, of: Iterable[str], rank_max: int) -> int:
    return sum(
        conn.execute(
            select(func.count()).where(
                worklist.c.centre == centre, worklist.c.place == "open", worklist.c.rank <= rank_max
            )
        ).scalar_one()
        for centre in of
    )


def tats(conn: Connection, of: Iterable[str], place: Place, since: str) -> list[float | None]:
    """Turnaround times of what came to `place` since `since`; one entry a recording."""
    return [
        tat
        for centre in of
        for tat in conn.execute(
            select(worklist.c.tat_s).where(
                worklist.c.centre == centre, worklist.c.place == place, worklist.c.moved_at >= since
            )
        ).scalars()
    ]


def rows(conn: Connection, recordings: Sequence[str]) -> dict[str, RowMapping]:
    found = conn.execute(select(worklist).where(worklist.c.recording.in_(recordings))).mappings()
    return {r["recording"]: r for r in found}


# Leases.


def put_lease(conn: Connection, recording: str, reader: str, name: str, until_at: str, beside: int) -> None:
    row = upsert(lease).values(recording=recording, reader=reader, name=name, until_at=until_at, beside=beside)
    change = {"until_at": until_at, "beside": beside}
    conn.execute(row.on_conflict_do_update(index_elements=["recording", "reader"], set_=change))


def leases(conn: Connection, recordings: Sequence[str], now: str) -> dict[str, list[RowMapping]]:
    """The leases that still run, the holder's first."""
    found: dict[str, list[RowMapping]] = {}
    query = select(lease).where(lease.c.recording.in_(recordings), lease.c.until_at > now)
    for r in conn.execute(query.order_by(lease.c.beside, lease.c.reader)).mappings():
        found.setdefault(r["recording"], []).append(r)
    return found


def drop_lease(conn: Connection, recording: str, reader: str) -> None:
    conn.execute(delete(lease).where(lease.c.recording == recording, lease.c.reader == reader))


def drop_ended(conn: Connection, recording: str, now: str) -> None:
    conn.execute(delete(lease).where(lease.c.recording == recording, lease.c.until_at <= now))


def drop_leases(conn: Connection, recording: str) -> None:
    conn.execute(delete(lease).where(lease.c.recording == recording))


# Alerts, as the rows show them.


def put_alert(conn: Connection, alert: str, recordings: Sequence[str], state: str, event_id: int) -> None:
    """The alert stands at `state` now, for every recording it holds, these among them."""
    for recording in recordings:
        row = upsert(row_alert).values(alert=alert, recording=recording, state=state, event_id=event_id)
        conn.execute(row.on_conflict_do_nothing())
    # A repeated event must not take the state back.
    behind = (row_alert.c.alert == alert) & (row_alert.c.event_id < event_id)
    conn.execute(update(row_alert).where(behind).values(state=state, event_id=event_id))


def open_alerts(conn: Connection, recordings: Sequence[str], ended: Sequence[str]) -> dict[str, RowMapping]:
    """The newest alert of each recording that is not in one of the `ended` states."""
    query = select(row_alert).where(row_alert.c.recording.in_(recordings), row_alert.c.state.not_in(ended))
    return {r["recording"]: r for r in conn.execute(query.order_by(row_alert.c.alert)).mappings()}


# Reports.


def add_report(conn: Connection, **values: Any) -> None:
    conn.execute(insert(report).values(**values))


def update_report(conn: Connection, report_id: str, **values: Any) -> None:
    conn.execute(update(report).where(report.c.id == report_id).values(**values))


def report_row(conn: Connection, report_id: str) -> RowMapping | None:
    return conn.execute(select(report).where(report.c.id == report_id)).mappings().first()


def draft_of(conn: Connection, recording: str, author: str) -> RowMapping | None:
    query = select(report).where(report.c.recording == recording, report.c.author == author, report.c.state == "draft")
    return conn.execute(query).mappings().first()


def reports_of(conn: Connection, recording: str) -> list[RowMapping]:
    """Every version of one recording, newest first; drafts at the end."""
    query = select(report).where(report.c.recording == recording).order_by(report.c.version.desc(), report.c.id)
    return list(conn.execute(query).mappings())


def last_version(conn: Connection, recording: str) -> int:
    return conn.execute(select(func.max(report.c.version)).where(report.c.recording == recording)).scalar() or 0
