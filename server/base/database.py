"""The database: one writer thread that groups commits, read-only connections beside it.

A write is a plain function of a `Tx`: it reads, checks, writes and appends events, and all of it commits or none. What
several callers ask for at the same time shares one commit (one fsync); a savepoint keeps each caller's failure his own.
On a full disk writes are refused until there is room, and reads go on. A disk that fails ends the process: after a
failed sync nobody knows what stands on it. No table and no rule lives here. SQLite is the default; the same functions
run on PostgreSQL when it is outgrown (`engines.py` knows both).
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from server.base import eventlog, timers
from server.base.clock import Clock, iso
from server.base.engines import engines, widen
from server.base.errors import AlreadyDone, AppError, StorageFull
from server.base.migrations import bring_up_to_date
from server.base.schema import command, metadata

log = structlog.get_logger()
T = TypeVar("T")

GROUP_MAX = 100
QUEUE_MAX = 10_000


@dataclass
class CommandKey:
    """The Idempotency-Key of the command being carried out; claimed by the command's first write."""

    actor: str
    key: str
    claimed: bool = False


current_command: ContextVar[CommandKey | None] = ContextVar("current_command", default=None)


@dataclass
class Tx:
    """One caller's part of a transaction. `now` is the same for all that it writes."""

    conn: Connection
    now: str
    actor: str = "system"
    appended: int = 0
    timed: bool = False

    def append(
        self,
        kind: str,
        subject: str,
        org: str,
        body: eventlog.Body,
        *,
        topic: str | None = None,
        actor: str | None = None,
    ) -> int:
        """Write an event into the log beside the change it tells of. Topic is the kind's first word unless given."""
        self.appended += 1
        return eventlog.append(
            self.conn,
            at=self.now,
            topic=topic or kind.partition(".")[0],
            kind=kind,
            subject=subject,
            org=org,
            actor=actor or self.actor,
            body=body,
        )

    def set_timer(self, due_at: str, kind: str, subject: str, org: str, body: eventlog.Body) -> None:
        """A durable timer: when due, the event `timer.<kind>` appears in the log."""
        self.timed = True
        timers.put(self.conn, due_at=due_at, kind=kind, subject=subject, org=org, body=body)

    def cancel_timers(self, subject: str, kind: str | None = None) -> None:
        timers.cancel(self.conn, subject, kind)


@dataclass
class _Job(Generic[T]):
    work: Callable[[Tx], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]
    actor: str
    key: CommandKey | None
    result: T | None = None
    error: BaseException | None = None
    tx: Tx | None = field(default=None)


class Database:
    """`await write(fn)` and `await read(fn)`; `on_commit` callbacks learn of new events and timers."""

    def __init__(self, where: Path | str, clock: Clock, *, beside: bool = False) -> None:
        """`where`, `beside` as of `engines.engines`. Raises DatabaseUnusable, SchemaNewer, SchemaUnusable."""
        self._clock = clock
        widen(metadata)
        self._engines = engines(where, beside=beside)
        self._writer, self._readers = self._engines.writer, self._engines.readers
        self._jobs: queue.Queue[_Job[Any] | None] = queue.Queue(QUEUE_MAX)
        self._listeners: list[Callable[[bool, bool], None]] = []
        self.commits = 0
        self.full = False
        """The last write found no room."""
        self.relieve: Callable[[], bool] = lambda: False
        """Asked in the writer's thread when a write finds no room: True where it has made some, and that is new."""
        self.failed: Callable[[BaseException], None] = lambda _error: None
        """Told in the loop when the disk refused a write or a sync: the process has to end and be started anew."""
        with self._writer.begin() as conn:
            bring_up_to_date(conn, metadata)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="db-read")
        self._thread = threading.Thread(target=self._run, name="db-write", daemon=True)
        self._thread.start()

    def on_commit(self, listener: Callable[[bool, bool], None]) -> None:
        """`listener(events, timers)` runs in the loop that asked for the write, after each commit that had any."""
        self._listeners.append(listener)

    async def write(self, work: Callable[[Tx], T], *, actor: str = "system") -> T:
        """Run `work` in the writer's next transaction; return when it stands on the disk."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future(), actor, current_command.get())
        self._jobs.put_nowait(job)
        result: T = await job.future
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a read-only connection in a thread. Rows must be fetched inside `work`."""

        def run() -> T:
            with self._readers.connect() as conn:
                try:
                    return work(conn)
                except Exception:
                    # A half-read result lives on in the traceback and would pin this connection to its old snapshot.
                    conn.invalidate()
                    raise

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._pool.shutdown()
        self._readers.dispose()
        self._writer.dispose()

    def _run(self) -> None:
        with self._writer.connect() as conn:
            while (first := self._jobs.get()) is not None:
                group = [first]
                while len(group) < GROUP_MAX and not self._jobs.empty():
                    job = self._jobs.get()
                    if job is None:
                        self._jobs.put(None)
                        break
                    group.append(job)
                self._commit(conn, group)
                if self._found_no_room(group) and self.relieve():
                    for job in group:
                        job.error = job.tx = job.result = None
                    self._commit(conn, group)
                self._settle(group)

    def _commit(self, conn: Connection, group: list[_Job[Any]]) -> None:
        now = iso(self._clock.now())
        try:
            with conn.begin():
                for job in group:
                    job.tx = Tx(conn, now, job.actor)
                    try:
                        with conn.begin_nested():
                            if job.key is not None and not job.key.claimed:
                                _claim(conn, job.key, now)
                            job.result = job.work(job.tx)
                    except Exception as error:
                        if not self._engines.in_transaction(conn):
                            raise  # everybody's part is gone with his
                        job.error, job.tx = error, None
            self.commits += 1
        except Exception as error:
            log.error("database.commit_failed", error=type(error).__name__, reason=str(getattr(error, "orig", "")))
            for job in group:
                job.error, job.tx = job.error or error, None

    def _settle(self, group: list[_Job[Any]]) -> None:
        """Tell everybody of the group what became of it."""
        self._look_at_disk(group)
        for job in group:
            if job.key is not None and job.tx is not None:
                job.key.claimed = True
            job.loop.call_soon_threadsafe(self._resolve, job)

    def _found_no_room(self, group: list[_Job[Any]]) -> bool:
        return any(self._engines.is_full(job.error) for job in group)

    def _look_at_disk(self, group: list[_Job[Any]]) -> None:
        """Whether the disk is full or failing, from what this group met."""
        failing = next((job.error for job in group if self._engines.is_failing(job.error)), None)
        self.full = self._found_no_room(group)
        if self.full:
            for job in group:
                if job.error is not None and not isinstance(job.error, AppError):
                    job.error = StorageFull()  # also for who only shared the transaction that had to go back
        if failing is not None:
            group[0].loop.call_soon_threadsafe(self.failed, failing)

    def _resolve(self, job: _Job[Any]) -> None:
        if job.tx is not None and (job.tx.appended or job.tx.timed):
            for listener in self._listeners:
                listener(job.tx.appended > 0, job.tx.timed)
        if job.future.cancelled():
            return
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _claim(conn: Connection, key: CommandKey, now: str) -> None:
    try:
        conn.execute(insert(command).values(actor=key.actor, key=key.key, at=now))
    except IntegrityError:
        raise AlreadyDone from None
