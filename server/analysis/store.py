"""The table of analysis results: one row a recording and algorithm run, the newest counts."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, RowMapping, Table, Text, insert, select

from server.base.schema import metadata

analysis_result = Table(
    "analysis_result",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("recording", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("profile", Text, nullable=False),
    Column("grade", Text),
    Column("result", LargeBinary, nullable=False),
    Column("summary", LargeBinary, nullable=False),
    Column("error", Text),
    Index("analysis_result_recording", "recording", "id"),
)


def add(conn: Connection, **values: str | int | bytes | None) -> int:
    key = conn.execute(insert(analysis_result).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def latest(conn: Connection, recording_id: str) -> RowMapping | None:
    query = (
        select(analysis_result)
        .where(analysis_result.c.recording == recording_id)
        .order_by(analysis_result.c.id.desc())
        .limit(1)
    )
    return conn.execute(query).mappings().first()
