"""The readers of the event log: reactions with durable cursors, durable timers, and those who wait for news.

At least once: a reaction's cursor moves after it has run, so reactions are idempotent. One that keeps failing is set
aside as a dead letter after RETRY_MAX tries, counted and told, and the log goes on. On a full disk all of it waits.
What the events mean is the rooms'.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Connection, select

from server.base import eventlog, timers
from server.base.clock import Clock, iso, seconds_between
from server.base.database import Database, Tx
from server.base.errors import StorageFull
from server.base.eventlog import Event
from server.base.schema import cursor, dead_letter
from server.base.tail import Tail
from server.base.upsert import upsert

log = structlog.get_logger()

RETRY_MAX = 5
RETRY_WAIT_S = (0.05, 0.2, 1.0, 5.0)
FULL_WAIT_S = 1.0
BATCH = 200
TIMER_WAIT_S_MAX = 1.0
ELSEWHERE_S = 0.3
"""How soon the log is heard of that another process wrote: `xinlian device revoke` beside a running hub."""


@dataclass(frozen=True)
class Reaction:
    """`handle` runs once at least for every event whose kind is in `kinds`. The name stays: the cursor hangs on it."""

    name: str
    kinds: frozenset[str]
    handle: Callable[[Event], Awaitable[None]]


class Spine:
    """Runs the reactions and timers of one hub. `start` resumes where the cursors stand; `stop` lets each finish."""

    def __init__(self, db: Database, clock: Clock, reactions: tuple[Reaction, ...]) -> None:
        names = [r.name for r in reactions]
        assert len(set(names)) == len(names), "two reactions with one name would share a cursor"
        self._db, self._clock, self._reactions = db, clock, reactions
        self._news = [asyncio.Event() for _ in reactions]
        self._timer_news = asyncio.Event()
        self._watchers: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.tail = Tail(db)
        self.dead_letters = 0
        self.failed: Callable[[BaseException], None] = lambda _error: None
        """Told when a reader of the log has ended; the process has to end too and be started anew."""
        db.on_commit(self._committed)

    def watch(self) -> asyncio.Event:
        """An asyncio event that is set whenever the log has grown; for the live pages."""
        news = asyncio.Event()
        self._watchers.append(news)
        return news

    async def start(self) -> None:
        for reaction, news in zip(self._reactions, self._news, strict=True):
            self._own(self._follow(reaction, news), f"reaction {reaction.name}")
        self._own(self._ring(), "timers")
        self._own(self._listen(), "other processes")

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _own(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            # The log itself could not be read or a cursor not be written: alerts would stand still in silence.
            log.error("spine.failed", task=task.get_name(), error=repr(error))
            self.failed(error)

    def poke_timers(self) -> None:
        """Tests move their clock and then call this: the timers look again at once."""
        self._timer_news.set()

    def _committed(self, events: bool, timed: bool) -> None:
        if events:
            self.tail.grown()
            for news in (*self._news, *self._watchers):
                news.set()
        if timed:
            self._timer_news.set()

    async def _follow(self, reaction: Reaction, news: asyncio.Event) -> None:
        at = saved = await self._db.read(lambda conn: _cursor(conn, reaction.name))
        while True:
            news.clear()
            batch = await self.tail.after(at)
            for event in batch:
                if event.kind in reaction.kinds:
                    await self._react(reaction, event)
                    await self._write(lambda tx, e=event: _advance(tx, reaction.name, e.id))  # type: ignore[misc]
                    saved = event.id
                at = event.id
            if at - saved >= BATCH:  # nothing was its own for long: the next start need not read all that again
                await self._write(lambda tx, at=at: _advance(tx, reaction.name, at))  # type: ignore[misc]
                saved = at
            if not batch:
                await news.wait()

    async def _react(self, reaction: Reaction, event: Event) -> None:
        for attempt in range(RETRY_MAX):
            try:
                await self._handle(reaction, event)
                return
            except Exception as error:
                log.warning(
                    "reaction.failed", reaction=reaction.name, event_id=event.id, error=repr(error), attempt=attempt
                )
                if attempt + 1 < RETRY_MAX:
                    await asyncio.sleep(RETRY_WAIT_S[attempt])
                failure = type(error).__name__
        self.dead_letters += 1
        log.error("reaction.dead_letter", reaction=reaction.name, event_id=event.id, error=failure)
        await self._write(lambda tx: _set_aside(tx, reaction.name, event, failure))

    async def _listen(self) -> None:
        """News of this process come by `on_commit`; the command line writes beside it and cannot call."""
        known = -1  # what was written while the readers began has woken nobody
        while True:
            await asyncio.sleep(ELSEWHERE_S)
            last = await self._db.read(eventlog.last_id)
            if last != known:
                known = last
                self._committed(events=True, timed=True)

    async def _handle(self, reaction: Reaction, event: Event) -> None:
        """A full disk is no fault of the event's: it waits for room, however long."""
        while True:
            try:
                return await reaction.handle(event)
            except StorageFull:
                await asyncio.sleep(FULL_WAIT_S)

    async def _write(self, work: Callable[[Tx], None]) -> None:
        while True:
            try:
                return await self._db.write(work)
            except StorageFull:
                await asyncio.sleep(FULL_WAIT_S)

    async def _ring(self) -> None:
        while True:
            self._timer_news.clear()
            now = iso(self._clock.now())
            due_at = await self._db.read(timers.next_due)
            if due_at is not None and due_at <= now:
                await self._write(_fire)
                continue
            wait = TIMER_WAIT_S_MAX if due_at is None else min(TIMER_WAIT_S_MAX, seconds_between(now, due_at))
            # Not wait_for: on Python 3.11 it may swallow the cancellation of `stop` when the news comes at that moment.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.005)):
                    await self._timer_news.wait()


def _fire(tx: Tx) -> None:
    for due in timers.take_due(tx.conn, tx.now, BATCH):
        tx.append(f"timer.{due.kind}", due.subject, due.org, msgspec.json.decode(due.body))


def _cursor(conn: Connection, reader: str) -> int:
    return conn.execute(select(cursor.c.event_id).where(cursor.c.reader == reader)).scalar() or 0


def _advance(tx: Tx, reader: str, event_id: int) -> None:
    row = upsert(cursor).values(reader=reader, event_id=event_id)
    tx.conn.execute(row.on_conflict_do_update(index_elements=["reader"], set_={"event_id": event_id}))


def _set_aside(tx: Tx, reader: str, event: Event, failure: str) -> None:
    row = upsert(dead_letter).values(event_id=event.id, reader=reader, at=tx.now, error=failure)
    tx.conn.execute(row.on_conflict_do_nothing())
    tx.append("reaction.dead_letter", str(event.id), event.org, {"reaction": reader, "error": failure}, topic="system")
