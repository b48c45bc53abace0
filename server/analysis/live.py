"""Watching live recordings while they arrive: the streaming monitor, in the pool of processes.

What a rule finds in a stream is told at once, before the recording has ended; the batch analysis at its end says it
again, and the alerts room knows that it is the same. A gap in the stream (a slow pool, a cut line) starts the monitor's
memory anew. What is found is handed on; what it means is not decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import structlog

from server.analysis.work import Facts, Stretch, watch
from server.base.bus import LocalBus
from server.base.live import Samples, StreamHead
from server.base.pool import Pool

log = structlog.get_logger()

STRETCH_S = 2.0
STRETCH_S_FEW, FEW = 0.5, 6
"""While few recordings are watched each is looked at more often, so that a page sounds within half a second."""
WATCHED_MAX = 32
"""A call costs about 30 ms of a worker, most of it to carry the state: beyond this, alerts wait for the end."""

Found = Callable[[str, bytes], Awaitable[None]]
"""Takes the recording's id and its critical findings as a JSON list."""


@dataclass
class LiveWatch:
    """The monitors of this hub. `unwatched` counts live recordings beyond WATCHED_MAX."""

    bus: LocalBus[Samples]
    pool: Pool
    profile: str
    facts: Callable[[str], Awaitable[Facts]]
    found: Found
    unwatched: int = 0
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def begin(self, recording_id: str, head: StreamHead) -> None:
        """Follow this recording until its stream ends. Beginning twice is beginning once."""
        if recording_id in self._tasks:
            return
        if len(self._tasks) >= WATCHED_MAX:
            self.unwatched += 1
            log.warning("live.unwatched", recording=recording_id, watched=len(self._tasks))
            return
        task = asyncio.create_task(self._follow(recording_id, head), name=f"live {recording_id}")
        self._tasks[recording_id] = task
        task.add_done_callback(lambda done: self._ended(recording_id, done))

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _ended(self, recording_id: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop(recording_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The batch analysis at the end of the recording still speaks.
            log.error("live.failed", recording=recording_id, error=repr(error))

    async def _follow(self, recording_id: str, head: StreamHead) -> None:
        # Listening first: the packets of the time that the question takes would be missing at the beginning.
        with self.bus.listening(f"stream:{recording_id}") as packets:
            facts = await self.facts(recording_id)
            stretch = Stretch(head.fs, head.leads, self.profile, facts)
            waiting: list[Samples] = []
            expected = None
            async for packet in packets:
                if packet.first != expected:
                    stretch, waiting = Stretch(head.fs, head.leads, self.profile, facts), []
                waiting.append(packet)
                expected = packet.first + packet.count
                if sum(p.count for p in waiting) >= self._stretch_s() * head.fs:
                    stretch = await self._step(recording_id, stretch, waiting)
                    waiting = []

    def _stretch_s(self) -> float:
        return STRETCH_S_FEW if len(self._tasks) <= FEW else STRETCH_S

    async def _step(self, recording_id: str, stretch: Stretch, packets: list[Samples]) -> Stretch:
        raw = b"".join(p.raw for p in packets)
        try:
            after = await self.pool.run(watch, stretch, packets[0].first, packets[0].gain_uv_per_lsb, raw)
        except (BrokenProcessPool, TimeoutError):
            return Stretch(stretch.fs, stretch.leads, stretch.profile, stretch.facts)
        if after.findings:
            await self.found(recording_id, after.findings)
        return after
