"""Where the tables live: SQLite in a file, or PostgreSQL behind a URL. All that differs between the two stands here.

Both serve one hub with one writer. The order of texts is by code point on both, and whole numbers have 64 bits on
both, so the same queries give the same answers. What a transaction means to callers is decided in `database.py`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from sqlalchemy import BigInteger, Connection, Engine, Integer, MetaData, create_engine, make_url
from sqlalchemy import event as sa_event
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from server.base.errors import AppError

READERS: Final = 4
CONNECT_S: Final = 5
HUB_LOCK: Final = 0x58494E4C49414E  # "XINLIAN": the advisory lock of the one hub
TURN_LOCK: Final = HUB_LOCK + 1  # of whose turn it is to write: a hub, or the command line beside it
DISK_FULL: Final = "53100"  # SQLSTATE
IO_ERROR: Final = "58030"


@dataclass(eq=False)
class DatabaseUnusable(AppError):
    code: ClassVar[str] = "start.database"
    what: ClassVar[str] = "The hub did not start: the database at {place} cannot be used ({reason})."
    mend: ClassVar[str] = (
        "See that PostgreSQL runs and that hub.database and its password are right. The database must be made with "
        "ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0, and only one hub may use it."
    )
    place: str
    reason: str


class Engines(Protocol):
    """Connections for the one writer and for readers, and what their errors mean."""

    writer: Engine
    readers: Engine

    def is_full(self, error: BaseException | None) -> bool:
        """Whether there was no room for a write."""

    def is_failing(self, error: BaseException | None) -> bool:
        """Whether the disk refused a write or a sync, so that nobody knows what stands on it."""

    def in_transaction(self, conn: Connection) -> bool:
        """Whether the transaction still stands after one caller's part failed."""


def engines(where: Path | str, *, beside: bool = False) -> Engines:
    """A file of SQLite, or the URL of a PostgreSQL. Raises DatabaseUnusable.

    beside  a hub may run on it at the same time, as it may beside the command line.
    """
    return Sqlite(where) if isinstance(where, Path) else Postgres(where, beside=beside)


def widen(metadata: MetaData) -> None:
    """SQLite's INTEGER has 64 bits, which PostgreSQL calls BIGINT."""
    for table in metadata.tables.values():
        for column in table.columns:
            if type(column.type) is Integer:
                column.type = Integer().with_variant(BigInteger(), "postgresql")


class Sqlite:
    """One file beside the journal: the default."""

    def __init__(self, path: Path) -> None:
        self.writer = self._engine(path, read_only=False)
        self.readers = self._engine(path, read_only=True)

    def is_full(self, error: BaseException | None) -> bool:
        return self._code(error) == sqlite3.SQLITE_FULL

    def is_failing(self, error: BaseException | None) -> bool:
        return self._code(error) == sqlite3.SQLITE_IOERR

    def in_transaction(self, conn: Connection) -> bool:
        """SQLite takes everybody's part back when it finds no room."""
        raw = conn.connection.dbapi_connection
        return not isinstance(raw, sqlite3.Connection) or raw.in_transaction

    @staticmethod
    def _code(error: BaseException | None) -> int | None:
        """The primary result code of what began this: a failed rollback hides the failure that asked for it."""
        code = None
        while error is not None:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, sqlite3.Error):
                code = getattr(cause, "sqlite_errorcode", 0) & 0xFF or code
            error = error.__context__
        return code

    @staticmethod
    def _engine(path: Path, *, read_only: bool) -> Engine:
        mode = "ro" if read_only else "rwc"
        engine = create_engine(
            f"sqlite+pysqlite:///file:{path}?mode={mode}&uri=true",
            connect_args={"check_same_thread": False, "timeout": 5},
            pool_size=READERS,
        )

        @sa_event.listens_for(engine, "connect")
        def configure(raw: sqlite3.Connection, _record: object) -> None:
            # SQLAlchemy sends our own BEGIN (below); the driver must not open transactions behind it.
            raw.isolation_level = None
            for pragma in (
                "foreign_keys=ON",
                "trusted_schema=OFF",
                "busy_timeout=5000",
                *(("query_only=ON",) if read_only else ("page_size=4096", "journal_mode=WAL", "synchronous=FULL")),
            ):
                raw.execute(f"PRAGMA {pragma}")

        @sa_event.listens_for(engine, "begin")
        def begin(conn: Connection) -> None:
            conn.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

        return engine


class Postgres:
    """A server of its own, with a standby and backups of its own. The password may stand in the URL or in ~/.pgpass."""

    def __init__(self, url: str, *, beside: bool = False) -> None:
        try:
            parts = make_url(url).set(drivername="postgresql+psycopg")
        except ArgumentError as error:
            raise DatabaseUnusable(place="hub.database", reason=str(error)) from None
        place = f"{parts.host or 'localhost'}:{parts.port or 5432}/{parts.database or ''}"
        connect = {"connect_timeout": CONNECT_S, "application_name": "xinlian"}
        self.writer = create_engine(
            parts,
            connect_args=connect,
            pool_size=1,
            max_overflow=0,
            # How many rows an INSERT met is asked for; with RETURNING, which this dialect adds, it would be forgotten.
            execution_options={"preserve_rowcount": True},
        )
        self.readers = create_engine(
            parts,
            connect_args=connect,
            pool_size=READERS,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",  # one snapshot for a whole read, as SQLite's readers have
            execution_options={"postgresql_readonly": True},
        )
        sa_event.listens_for(self.writer, "first_connect")(_durable)
        sa_event.listens_for(self.writer, "begin")(_in_turn)
        for engine in (self.writer, self.readers):
            sa_event.listens_for(engine, "before_cursor_execute", retval=True)(_storable)
        if not beside:
            sa_event.listens_for(self.writer, "connect")(_alone)
        try:
            with self.writer.connect():
                pass
        except (OperationalError, _Refused) as error:
            reason = str(error.orig if isinstance(error, OperationalError) else error).strip()
            raise DatabaseUnusable(place=place, reason=reason) from None

    def is_full(self, error: BaseException | None) -> bool:
        return self._state(error) == DISK_FULL

    def is_failing(self, error: BaseException | None) -> bool:
        return self._state(error) == IO_ERROR

    def in_transaction(self, conn: Connection) -> bool:
        """A lost connection has taken everybody's part with it; any other failure leaves a savepoint to go back to."""
        return not conn.invalidated

    @staticmethod
    def _state(error: BaseException | None) -> str | None:
        while error is not None:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(state := getattr(cause, "sqlstate", None), str):
                return state
            error = error.__context__
        return None


class _Refused(Exception):
    """The database is there, but not as the hub needs it."""


def _storable(
    _conn: Connection, _cursor: object, statement: str, given: object, _context: object, _many: bool
) -> tuple[str, object]:
    """PostgreSQL keeps no U+0000 in a text, where SQLite does. No page sends one (`http`); in a name out of a device or
    a DICOM file it becomes the sign for what cannot be shown, rather than the loss of the whole recording.
    """
    if isinstance(given, dict):
        return statement, _shown(given)
    return statement, [_shown(row) for row in given] if isinstance(given, list) else given


def _shown(row: dict[str, object]) -> dict[str, object]:
    return {name: v.replace("\0", "\ufffd") if isinstance(v, str) and "\0" in v else v for name, v in row.items()}


def _durable(raw: _Raw, _record: object) -> None:
    """What is told as stored stands on the disk, and texts are in the order of their code points."""
    if _said(raw, "SHOW synchronous_commit") == "off":
        raise _Refused("synchronous_commit is off: what is acknowledged could be lost")
    if _said(raw, "SHOW server_encoding") != "UTF8":
        raise _Refused("its encoding is not UTF8")
    if _said(raw, "SELECT 'a' < 'B' OR 'é' < 'z'") != "False":
        raise _Refused("its locale is not C: it would put texts in another order")


def _alone(raw: _Raw, _record: object) -> None:
    if _said(raw, f"SELECT pg_try_advisory_lock({HUB_LOCK})") != "True":
        raise _Refused("another hub uses it")
    raw.commit()  # the lock is the session's, not the transaction's


def _in_turn(conn: Connection) -> None:
    """One transaction after the other, whoever writes: the log of events is a chain."""
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN_LOCK})")


class _Raw(Protocol):
    """The driver's own connection, as far as it is used here."""

    def execute(self, query: str) -> _Cursor: ...
    def commit(self) -> None: ...


class _Cursor(Protocol):
    def fetchone(self) -> tuple[object, ...] | None: ...


def _said(raw: _Raw, query: str) -> str:
    row = raw.execute(query).fetchone()
    return "" if row is None else str(row[0])
