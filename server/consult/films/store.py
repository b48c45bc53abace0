"""Tables and queries of films of a room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, Index, LargeBinary, RowMapping, Table, Text, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from server.base.errors import NotFound
from server.base.schema import metadata

film = Table(
    "consult_film",
    metadata,
    Column("id", Text, primary_key=True),
    Column("consult", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("keep", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("began_at", Text),
    Column("ended_at", Text),
    Column("why_ended", Text, nullable=False, default=""),
    Column("expires_at", Text),
    Column("sealed_key", LargeBinary),
    # Its own key, sealed by the hub's; forgotten when it is deleted, so that a copy of its files cannot be read either.
    Index("consult_film_consult", "consult"),
    Index("consult_film_state", "state"),
)

answer = Table(
    # The last word of each on one film; all of them stand in the event log.
    "consult_film_answer",
    metadata,
    Column("film", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("says", Text, nullable=False),
    Column("at", Text, nullable=False),
)

OPEN = ("asked", "filming")


def add_film(conn: Connection, **values: Any) -> None:
    conn.execute(insert(film).values(**values))


def film_row(conn: Connection, film_id: str) -> RowMapping:
    row = conn.execute(select(film).where(film.c.id == film_id)).mappings().first()
    if row is None:
        raise NotFound(kind="film")
    return row


def update_film(conn: Connection, film_id: str, **values: Any) -> None:
    conn.execute(update(film).where(film.c.id == film_id).values(**values))


def of_consult(conn: Connection, consult_id: str) -> list[RowMapping]:
    """Every film of a room, the newest first."""
    query = select(film).where(film.c.consult == consult_id).order_by(film.c.asked_at.desc(), film.c.id)
    return list(conn.execute(query).mappings())


def open_films(conn: Connection, consult_id: str | None = None) -> list[RowMapping]:
    """Asked for or under way: of one room, or of all."""
    query = select(film).where(film.c.state.in_(OPEN))
    if consult_id is not None:
        query = query.where(film.c.consult == consult_id)
    return list(conn.execute(query).mappings())


def set_answer(conn: Connection, film_id: str, account: str, says: str, at: str) -> None:
    row = upsert(answer).values(film=film_id, account=account, says=says, at=at)
    same = {"says": row.excluded.says, "at": row.excluded.at}
    conn.execute(row.on_conflict_do_update(index_elements=["film", "account"], set_=same))


def answers(conn: Connection, films: Iterable[str]) -> dict[str, list[RowMapping]]:
    """In the order in which they were given."""
    query = select(answer).where(answer.c.film.in_(list(films))).order_by(answer.c.at, answer.c.account)
    found: dict[str, list[RowMapping]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault(row["film"], []).append(row)
    return found
