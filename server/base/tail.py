"""The newest lines of the event log, read once for all in this process who follow it.

Some twenty reactions and the open pages wait for each commit; without this each would read the same lines anew. What
lies further back is read by him who needs it. Who follows, and what he does with a line, is spine.py's and live.py's.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from functools import partial

from server.base import eventlog
from server.base.database import Database
from server.base.eventlog import Event

KEPT = 1000
"""So far behind the newest line a follower may be and still be served from memory."""
BATCH = 200


class Tail:
    """`grown` is called when the log may have grown, before those who wait for that are woken."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lines: list[Event] = []
        self._begin: int | None = None
        """Every line behind this id and up to the last read is in `_lines`."""
        self._grown, self._read = 1, 0
        self._reading = asyncio.Lock()

    def grown(self) -> None:
        self._grown += 1

    async def after(self, at: int) -> list[Event]:
        """The next lines behind `at`, ascending. Empty: there were none when `grown` was last called."""
        while self._read < self._grown:
            async with self._reading:
                if self._read < self._grown:
                    await self._read_on()
        if self._begin is None or at < self._begin:
            return await self._db.read(partial(eventlog.after, cursor=at, limit=BATCH))
        return self._lines[bisect_right(self._lines, at, key=lambda line: line.id) :]

    async def _read_on(self) -> None:
        until = self._grown  # what is committed while we read may be missed by it
        if self._begin is None:
            self._begin = await self._db.read(eventlog.last_id)
        while True:
            last = self._lines[-1].id if self._lines else self._begin
            lines = await self._db.read(partial(eventlog.after, cursor=last, limit=BATCH))
            self._lines += lines
            if len(lines) < BATCH:
                break
        self._read = until
        if len(self._lines) > 2 * KEPT:
            self._begin = self._lines[-KEPT - 1].id
            del self._lines[:-KEPT]
