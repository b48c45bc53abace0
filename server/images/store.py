"""The table of images and its queries. The bytes lie in the blobs under the image's id."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, RowMapping, Table, Text, insert, select

from server.base.errors import NotFound
from server.base.schema import metadata

image = Table(
    "image",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("patient", Text, nullable=False),
    Column("org", Text, nullable=False),
    Column("case", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("study", Text, nullable=False),
    Column("series", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("ends", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", Text, nullable=False),
    Index("image_patient", "patient", "sha256", unique=True),
    Index("image_instance", "org", "instance"),
    sqlite_autoincrement=True,
)


def add_image(conn: Connection, **values: Any) -> None:
    conn.execute(insert(image).values(**values))


def image_row(conn: Connection, image_id: str) -> RowMapping:
    """The bare row. Raises NotFound."""
    row = conn.execute(select(image).where(image.c.id == image_id)).mappings().first()
    if row is None:
        raise NotFound(kind="image")
    return row


def same_file(conn: Connection, patient: str, sha256: str) -> RowMapping | None:
    query = select(image).where(image.c.patient == patient, image.c.sha256 == sha256)
    return conn.execute(query).mappings().first()


def other_content(conn: Connection, org: str, instance: str, sha256: str) -> bool:
    """Whether this instance number stands at the institution with other bytes."""
    query = select(image.c.id).where(image.c.org == org, image.c.instance == instance, image.c.sha256 != sha256)
    return conn.execute(query.limit(1)).first() is not None


def of_patient(conn: Connection, patient: str, limit: int) -> list[RowMapping]:
    """Newest first."""
    query = select(image).where(image.c.patient == patient).order_by(image.c.seq.desc()).limit(limit)
    return list(conn.execute(query).mappings())
