"""Watching live recordings while they arrive: which of them, and what becomes of what their monitors find.

What a rule finds in a stream is told at once, before the recording has ended; the batch analysis at its end says it
again, and the alerts room knows that it is the same. Watched are at most so many as the setting allows, fewer while
the process of the monitors cannot keep up, emergencies first; who is not watched is said and counted, and has his turn
when there is room. A gap in the stream (a cut line, a stretch thrown away, a process begun anew) starts the monitor's
memory anew. What is found is handed on; what it means is not decided here. The process is begun and spoken to by
`line`, what waits for it stands in `backlog`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from server.analysis.backlog import Backlog
from server.analysis.line import Batch, Begin, MonitorLine, Said
from server.analysis.work import Facts
from server.base.bus import LocalBus
from server.base.live import Samples, StreamHead

log = structlog.get_logger()

EARLY_MAX: Final = 64
"""Packets kept of a recording while we ask who it is."""
LOOK_S: Final = 1.0
BEHIND_S, SHED_S, SHED_PART = 1.0, 5.0, 4
"""The process is behind when a packet has waited for so long; has it been so for SHED_S, one in SHED_PART is let go."""
GROW_S, GROW_PART = 15.0, 16
"""Has it kept up for so long, one more for each GROW_PART is watched again."""
IDLE_S: Final = 120.0
"""A recording from which nothing came for so long gives its place to others, until its next packet."""
DEATHS_MAX: Final = 3
"""Of processes that had this recording in hand: then it is not watched any more, whether or not it was its fault."""

Found = Callable[[str, bytes], Awaitable[None]]
"""Takes the recording's id and its critical findings as a JSON list."""


@dataclass(frozen=True)
class Case:
    """What is known of a recording that arrives: for the rules, and for who is watched first."""

    facts: Facts
    urgent: bool


@dataclass(eq=False)
class _Stream:
    """A live recording. `key` stands for its monitor; another one each time that it is watched again."""

    watch: LiveWatch
    recording: str
    head: StreamHead
    key: int
    heard: float
    case: Case | None = None  # None: not asked yet
    given_up: bool = False
    deaths: int = 0
    early: deque[Samples] = field(default_factory=lambda: deque(maxlen=EARLY_MAX))
    asking: asyncio.Task[None] | None = None
    findings: deque[bytes] = field(default_factory=deque)

    @property
    def urgent(self) -> bool:
        return self.case is not None and self.case.urgent

    def put(self, packet: Samples | None) -> None:
        """As a sink of the bus."""
        if packet is None:
            self.watch.over(self)
        else:
            self.watch.take(self, packet)


class LiveWatch:
    """The monitors of this hub.

    profile      the rules; watched_max: of recordings at once.
    monotonic    seconds that only grow.
    case, found  what is asked of a recording that begins, and told of one in which something was found.
    """

    def __init__(
        self,
        bus: LocalBus[Samples],
        profile: str,
        watched_max: int,
        monotonic: Callable[[], float],
        case: Callable[[str], Awaitable[Case]],
        found: Found,
    ) -> None:
        self._bus, self._monotonic, self._case, self._found = bus, monotonic, case, found
        self._watched_max = self._room = watched_max
        self.line = MonitorLine(profile, monotonic, self._said, self._lost)
        self._backlog = Backlog()
        self._streams: dict[str, _Stream] = {}
        self._watched: dict[int, _Stream] = {}  # by key; who began last stands last
        self._by_key: dict[int, _Stream] = {}  # of all monitors of whom something may still be heard
        self._begun: set[int] = set()  # keys that the process of now knows
        self._ends: list[int] = []  # keys that it may forget
        self._over: set[int] = set()  # keys whose stream has ended while packets waited
        self._keys = 0
        self._flushing = False
        self._behind_since: float | None = None
        self._steady_since = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def watched(self) -> int:
        return len(self._watched)

    @property
    def unwatched(self) -> int:
        """Live recordings from which something comes and that nobody watches now."""
        return sum(s.key not in self._watched and s.case is not None and self._alive(s) for s in self._streams.values())

    @property
    def dropped(self) -> int:
        """Stretches that were thrown away since the start."""
        return self._backlog.dropped

    def begin(self, recording_id: str, head: StreamHead) -> None:
        """Follow this recording until its stream ends. Beginning twice is beginning once."""
        if recording_id in self._streams:
            return
        stream = _Stream(self, recording_id, head, self._new_key(), self._monotonic())
        self._streams[recording_id] = stream
        # Listening first: the packets of the time that the question takes would be missing at the beginning.
        self._bus.attach(_topic(recording_id), stream)
        stream.asking = asyncio.create_task(self._ask(stream), name=f"live {recording_id}")
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="live")

    async def stop(self) -> None:
        """What has been found is still told."""
        tasks = [s.asking for s in self._streams.values() if s.asking is not None]
        tasks += [] if self._looking is None else [self._looking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.line.close()
        for stream in list(self._streams.values()):
            self._bus.detach(_topic(stream.recording), stream)
        await asyncio.gather(*self._telling)

    # ---- the bus ----

    def take(self, stream: _Stream, packet: Samples) -> None:
        """One packet, as it came."""
        stream.heard = self._monotonic()
        if stream.key in self._watched:
            self._backlog.put(stream.key, packet, stream.heard, urgent=stream.urgent)
            self._flush_soon()
        elif stream.case is None:
            stream.early.append(packet)

    def over(self, stream: _Stream) -> None:
        """Its stream has ended; what waits of it is still looked at."""
        self._leave(stream)
        if stream.key in self._backlog:
            self._over.add(stream.key)
        elif stream.key in self._watched:
            self._unwatch(stream)

    def _leave(self, stream: _Stream) -> None:
        self._bus.detach(_topic(stream.recording), stream)
        self._streams.pop(stream.recording, None)
        if stream.asking is not None:
            stream.asking.cancel()

    # ---- who is watched ----

    async def _ask(self, stream: _Stream) -> None:
        try:
            stream.case = await self._case(stream.recording)
        except Exception as error:
            # The batch analysis at the end of the recording still speaks.
            log.error("live.failed", recording=stream.recording, error=repr(error))
            self._leave(stream)
            return
        if self._make_room(stream):
            self._watch(stream)
            for packet in stream.early:
                self._backlog.put(stream.key, packet, self._monotonic(), urgent=stream.urgent)
            self._flush_soon()
        else:
            log.warning("live.unwatched", recording=stream.recording, watched=self.watched)
        stream.early.clear()

    def _make_room(self, stream: _Stream) -> bool:
        """Whether one more can be watched: where somebody is urgent, another who is not has to go."""
        if self.watched >= self._room and stream.urgent:
            milder = next((s for s in reversed(self._watched.values()) if not s.urgent), None)
            if milder is not None:
                log.warning("live.unwatched", recording=milder.recording, watched=self.watched)
                self._unwatch(milder)
        return self.watched < self._room

    def _watch(self, stream: _Stream) -> None:
        self._watched[stream.key] = self._by_key[stream.key] = stream
        self.line.open()

    def _unwatch(self, stream: _Stream) -> None:
        del self._watched[stream.key]
        self._over.discard(stream.key)
        self._backlog.drop(stream.key)
        self._ends.append(stream.key)
        stream.key = self._new_key()
        self._flush_soon()

    def _give_up(self, stream: _Stream, error: str) -> None:
        log.error("live.failed", recording=stream.recording, error=error)
        stream.given_up = True
        if stream.key in self._watched:
            self._unwatch(stream)

    def _new_key(self) -> int:
        self._keys += 1
        return self._keys

    def _alive(self, stream: _Stream) -> bool:
        return stream.heard > self._monotonic() - IDLE_S

    # ---- from time to time ----

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.line.look()
            self._keep_pace()
            for stream in [s for s in self._watched.values() if not self._alive(s)]:
                self._unwatch(stream)
            self._fill()

    def _keep_pace(self) -> None:
        """Watch fewer while the process cannot keep up, more again when it does."""
        now, oldest = self._monotonic(), self._backlog.oldest
        if not self.line.ready or oldest is None or now - oldest < BEHIND_S:
            self._behind_since = None
            if self._room < self._watched_max and now - self._steady_since > GROW_S:
                self._room = min(self._watched_max, self._room + max(1, self._room // GROW_PART))
                self._steady_since = now
            return
        self._steady_since = now
        if self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since > SHED_S:
            self._behind_since = now
            go = max(1, self.watched // SHED_PART)
            self._room = max(1, self.watched - go)
            youngest_first = list(self._watched.values())[::-1]
            log.warning("live.behind", watched=self.watched, let_go=go, waited_s=round(now - oldest, 1))
            for stream in sorted(youngest_first, key=lambda s: s.urgent)[:go]:
                self._unwatch(stream)

    def _fill(self) -> None:
        """Watch who has been waiting, where there is room."""
        if self.watched >= self._room:
            return
        recent = self._monotonic() - 2 * LOOK_S
        waiting = [
            s for s in self._streams.values()
            if s.case is not None and not s.given_up and s.key not in self._watched and s.heard > recent
        ]  # fmt: skip
        for stream in sorted(waiting, key=lambda s: not s.urgent)[: self._room - self.watched]:
            self._watch(stream)

    # ---- the line ----

    def _flush_soon(self) -> None:
        """Once for all that comes in this turn of the loop."""
        if not self._flushing and self.line.free:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        while self.line.free and (self._backlog or self._ends):
            packets = self._backlog.take()
            for key in [key for key in self._over if key not in self._backlog]:
                self._unwatch(self._watched[key])
            fresh = {packet.key for packet in packets} - self._begun
            begin = [_begin(key, self._by_key[key]) for key in fresh]
            ends, self._ends = self._ends, []
            self._begun = (self._begun | fresh).difference(ends)
            self.line.send(Batch(begin, packets, ends))

    def _said(self, said: Said, worked_off: Batch | None) -> None:
        for found in said.told:
            stream = self._by_key[found.key]
            stream.findings.append(found.findings)
            if len(stream.findings) == 1:
                task = asyncio.create_task(self._tell(stream), name=f"found {stream.recording}")
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
        for failed in said.failed:
            self._give_up(self._by_key[failed.key], failed.error)
        if worked_off is not None:
            for key in worked_off.end:
                self._by_key.pop(key, None)
        self._flush_soon()

    async def _tell(self, stream: _Stream) -> None:
        """Of one recording one after the other, of several together."""
        while stream.findings:
            try:
                await self._found(stream.recording, stream.findings[0])
            except Exception as error:
                log.error("live.failed", recording=stream.recording, error=repr(error))
            stream.findings.popleft()

    def _lost(self, in_flight: list[Batch]) -> None:
        """The process has gone: all monitors begin anew in the next one."""
        self._begun.clear()
        self._ends.clear()
        self._by_key = dict(self._watched)
        for key in {packet.key for batch in in_flight for packet in batch.packets}:
            stream = self._watched.get(key)
            if stream is not None:
                stream.deaths += 1
                if stream.deaths >= DEATHS_MAX:
                    self._give_up(stream, "its monitor's process died")


def _topic(recording_id: str) -> str:
    return f"stream:{recording_id}"


def _begin(key: int, stream: _Stream) -> Begin:
    """`key`: the one its packets carry; an ended stream has another by now."""
    assert stream.case is not None
    return Begin(key, stream.head.fs, stream.head.leads, stream.case.facts)
