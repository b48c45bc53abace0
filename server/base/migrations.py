"""Brings the database of an earlier commit up to the tables of this one, at the start and in one transaction.

Two ways, both forward only. What the tables merely gained (a table, a column that may be empty or has a default, an
index) is found by comparison and added by itself. Anything else is a step of `STEPS`; the database itself says how many
of them it has behind it. A new database is made as the tables are now and has all of them behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import structlog
from sqlalchemy import Column, Connection, MetaData, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateColumn

from server.base.errors import AppError

log = structlog.get_logger()

Step = Callable[[Connection], None]
STEPS_BEHIND: Final = "xinlian steps "  # PostgreSQL keeps the number as the comment of its schema

STEPS: Final[tuple[Step, ...]] = ()
"""In the order they were written, never changed and never taken out: what cannot be found by comparison (a column
that got another name or meaning, rows to be rewritten). A step sees the tables as they were when it was written."""


@dataclass(eq=False)
class SchemaNewer(AppError):
    code: ClassVar[str] = "start.schema_newer"
    what: ClassVar[str] = "The hub did not start: a newer XinLian wrote its database (step {has}, {known} are known)."
    mend: ClassVar[str] = "Start that version, or restore the backup of before the update: there is no way back."
    has: int
    known: int


@dataclass(eq=False)
class SchemaUnusable(AppError):
    code: ClassVar[str] = "start.schema"
    what: ClassVar[str] = "The hub did not start: its database cannot be brought up to date at {place} ({reason})."
    mend: ClassVar[str] = (
        "Nothing was changed: start the version that wrote it. Keep the folder and tell those who maintain XinLian."
    )
    place: str
    reason: str


def bring_up_to_date(conn: Connection, metadata: MetaData, steps: Sequence[Step] = STEPS) -> None:
    """To be called in a transaction. Raises SchemaNewer, SchemaUnusable; nothing is changed then."""
    is_new = not inspect(conn).get_table_names()
    has = _steps_behind(conn)
    if has > len(steps):
        raise SchemaNewer(has=has, known=len(steps))
    place = ""
    try:
        if not is_new:
            for number, step in enumerate(steps[has:], has + 1):
                place = f"step {number}"
                step(conn)
        place = "the missing tables"
        metadata.create_all(conn)
        added = [] if is_new else _add_missing(conn, metadata)
        _set_steps_behind(conn, len(steps))
    except DBAPIError as error:
        raise SchemaUnusable(place=place, reason=str(error.orig)) from None
    if added or (has < len(steps) and not is_new):
        log.info("database.migrated", steps=len(steps) - has, added=added)


def _steps_behind(conn: Connection) -> int:
    if conn.dialect.name == "sqlite":
        return int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())
    said = conn.exec_driver_sql("SELECT obj_description(current_schema()::regnamespace, 'pg_namespace')").scalar()
    return int(said.removeprefix(STEPS_BEHIND)) if said is not None and said.startswith(STEPS_BEHIND) else 0


def _set_steps_behind(conn: Connection, steps: int) -> None:
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(f"PRAGMA user_version = {steps}")
        return
    schema = conn.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    conn.exec_driver_sql(f"COMMENT ON SCHEMA {schema} IS '{STEPS_BEHIND}{steps}'")


def _add_missing(conn: Connection, metadata: MetaData) -> list[str]:
    """Columns and indexes that a table of an earlier commit has not. Raises SchemaUnusable."""
    added = []
    seen = inspect(conn)
    for table in metadata.sorted_tables:
        columns = seen.get_columns(table.name)
        for old in columns:
            # Nobody fills it any more, so no row could be added.
            if old["name"] not in table.columns and not old["nullable"] and old["default"] is None:
                raise SchemaUnusable(place=f"{table.name}.{old['name']}", reason="this version does not know it")
        has = {column["name"] for column in columns}
        for column in table.columns:
            if column.name not in has:
                conn.exec_driver_sql(f'ALTER TABLE "{table.name}" ADD COLUMN {_as_added(conn, column)}')
                added.append(f"{table.name}.{column.name}")
        indexes = {index["name"] for index in seen.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexes:
                index.create(conn)
                added.append(str(index.name))
    return added


def _as_added(conn: Connection, column: Column[object]) -> str:
    """A column's definition with a default for the rows that are there. Raises SchemaUnusable: it has none."""
    place = f"{column.table.name}.{column.name}"
    if column.primary_key or column.unique:
        raise SchemaUnusable(place=place, reason="a key cannot be added by comparison, only by a step")
    text = str(CreateColumn(column).compile(dialect=conn.dialect))
    if column.nullable or column.server_default is not None:
        return text
    default = getattr(column.default, "arg", None)
    if isinstance(default, str):
        return f"{text} DEFAULT '{default.replace(chr(39), 2 * chr(39))}'"
    if isinstance(default, bool | int | float):
        return f"{text} DEFAULT {default:d}" if isinstance(default, bool | int) else f"{text} DEFAULT {default!r}"
    raise SchemaUnusable(place=place, reason="it must not be empty and has no default")
