"""The table of analysis results: one row a recording and algorithm run, the newest counts.

The analysis object and its summary stand packed (`packing.py`). Who asks gets them as they were.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, RowMapping, Table, Text, insert, select

from server.analysis.packing import pack, unpack
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
    Column("result", LargeBinary, nullable=False),  # packed
    Column("summary", LargeBinary, nullable=False),  # packed
    Column("error", Text),
    Index("analysis_result_recording", "recording", "id"),
)


def add(conn: Connection, *, result: bytes, summary: bytes, **values: str | int | None) -> int:
    """`result`: the analysis object as JSON, or empty; `summary`: what the lists show of it as JSON."""
    row = insert(analysis_result).values(result=pack(result), summary=pack(summary), **values)
    key = conn.execute(row).inserted_primary_key
    assert key is not None
    return int(key[0])


def result_of(row: RowMapping) -> bytes:
    """The analysis object of a row as JSON; empty when there is none."""
    return unpack(row["result"])


def summary_of(row: RowMapping) -> bytes:
    return unpack(row["summary"])


def latest(conn: Connection, recording_id: str) -> RowMapping | None:
    query = (
        select(analysis_result)
        .where(analysis_result.c.recording == recording_id)
        .order_by(analysis_result.c.id.desc())
        .limit(1)
    )
    return conn.execute(query).mappings().first()
