"""Members of one room without a browser, and the engines they meet at: for the parts of `bench media`.

An engine is measured from outside: its process's time and memory out of /proc, and the packets that came.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.consult.media.embedded import Embedded
from server.consult.media.engine import Event, MediaEngine, Slots
from server.consult.media.janus import Janus, JanusAt
from server.consult.media.model import Layer, Wish
from server.consult.media.process import Listen
from tests import janus
from tests.server.media_member import INTER_FRAME, KEY_FRAME, SyntheticMember, answered

STEP_S: Final = 0.005
ROOM: Final = "con_bench"
SOUND_HZ: Final = 50
STAMP: Final = struct.Struct("<d")
TICKS_S: Final = os.sysconf("SC_CLK_TCK")
PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
WAIT_S: Final = 30.0


@dataclass
class Stream:
    """What one member sends: `say` once for each due packet. readers: how many others it is forwarded to."""

    say: Callable[[], None]
    hz: float
    readers: int
    sent: int = 0


class Crowd:
    """Members of one room at an engine; `pid`: the engine's process."""

    def __init__(self, name: str, engine: MediaEngine, pid: Callable[[], int]) -> None:
        self.name, self.engine, self._pid = name, engine, pid
        self.members: dict[str, SyntheticMember] = {}
        self.news: list[Event] = []
        self.delays_ms: list[float] = []
        self.shown: list[str] = []
        """Whose pictures everybody wishes for."""

    async def wish(self, wishes: list[Wish]) -> None:
        """Everybody wishes for these."""
        self.shown = [wish.account for wish in wishes]
        await asyncio.gather(*(self.engine.watch(account, wishes) for account in self.members))

    async def join(self, account: str, *, opens: bool = False) -> float:
        """Returns how long it took until both connections stood, in seconds."""
        member = SyntheticMember(opens=opens)
        began = time.perf_counter()
        offer = await self.engine.join(ROOM, account, account)
        answer, _ = await asyncio.gather(
            self.engine.publish(account, member.offer), self.engine.answer(account, answered(offer))
        )
        member.receiving.connect(offer)
        member.sending.connect(answer)
        async with asyncio.timeout(WAIT_S):
            await member.connected()
        self.members[account] = member
        return time.perf_counter() - began

    def voice(self, account: str, level_dbov: int, readers: int, payload_bytes: int = 80) -> Stream:
        voice, payload = self.members[account].voice, secrets.token_bytes(payload_bytes)
        return Stream(lambda: voice.say(payload, level_dbov), SOUND_HZ, readers)

    def picture(self, account: str, layer: Layer, payload_bytes: int, hz: float, readers: int) -> Stream:
        """Every packet begins with the time, behind what VP8 begins with; each second a key frame."""
        member = self.members[account]
        line = member.large if layer == "large" else member.small
        padding = secrets.token_bytes(payload_bytes - len(KEY_FRAME) - STAMP.size)
        stream = Stream(lambda: None, hz, readers)

        def say() -> None:
            begin = KEY_FRAME if stream.sent % round(hz) == 0 else INTER_FRAME
            line.say(begin + STAMP.pack(time.perf_counter()) + padding)

        stream.say = say
        return stream

    async def send(self, streams: Sequence[Stream], seconds: float) -> int:
        """At an even pace, `seconds * hz` packets of each. Returns how many are to reach somebody."""
        began, before = time.perf_counter(), [stream.sent for stream in streams]
        elapsed = 0.0
        while elapsed < seconds:
            elapsed = min(seconds, time.perf_counter() - began)
            for stream, start in zip(streams, before, strict=True):
                while stream.sent - start < int(elapsed * stream.hz):
                    stream.say()
                    stream.sent += 1
            await asyncio.sleep(STEP_S)
        return sum(stream.readers * (stream.sent - start) for stream, start in zip(streams, before, strict=True))

    async def until_it_flows(self, streams: Sequence[Stream]) -> None:
        """Sends until every member is shown what he wished for, and three seconds more for the voices."""
        until = time.perf_counter() + WAIT_S
        while time.perf_counter() < until:
            await self.send(streams, 1.0)
            last = {event.seat: event for event in self.news if isinstance(event, Slots)}
            if all(self._is_shown(last.get(account), account) for account in self.members):
                await self.send(streams, 3.0)
                return
        raise TimeoutError(f"{self.name}: not everybody is shown what he wished for")

    def _is_shown(self, told: Slots | None, account: str) -> bool:
        """Nobody is shown himself, so a sender has one picture less."""
        count = 0 if told is None else sum(shown is not None for shown in told.picture)
        return count >= len(self.shown) - (account in self.shown)

    async def measured(self, streams: Sequence[Stream], seconds: float) -> dict[str, float]:
        """One turn; `streams` flow already (`until_it_flows`)."""
        await self._settled()
        self.delays_ms.clear()
        came, used, began = self._received(), self._cpu_s(), time.perf_counter()
        due = await self.send(streams, seconds)
        took = time.perf_counter() - began
        await self._settled()
        forwarded, used = self._received() - came, self._cpu_s() - used
        return {
            "us_per_packet": used / forwarded * 1e6,
            "core_pct": used / took * 100,
            "lost": due - forwarded,
            "per_s": forwarded / took,
            "rss_mb": self._rss_mb(),
        }

    async def _settled(self) -> None:
        """Until nothing comes any more: what is on its way on a busy machine is not lost."""
        while True:
            before = self._received()
            await asyncio.sleep(0.5)
            if self._received() == before:
                return

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._pid()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_S

    def _rss_mb(self) -> float:
        return int(Path(f"/proc/{self._pid()}/statm").read_text().split()[1]) * PAGE_MB

    def watch_delay(self, account: str) -> None:
        """This member opens what comes and reads the times in it."""
        member = self.members[account]
        take = member.receiving.heard

        def heard(packet: bytes) -> None:
            if packet[12:17] in (KEY_FRAME, INTER_FRAME):
                self.delays_ms.append((time.perf_counter() - STAMP.unpack_from(packet, 17)[0]) * 1e3)
            elif take is not None:
                take(packet)

        member.receiving.heard = heard

    def _received(self) -> int:
        return sum(member.receiving.received for member in self.members.values())

    def close(self) -> None:
        for member in self.members.values():
            member.close()


@asynccontextmanager
async def crowd(name: str) -> AsyncIterator[Crowd]:
    """At `embedded`, `janus` (with event_loops = 2) or `janus_default` (a thread a handle, as Debian delivers it)."""
    if name == "embedded":
        own = Embedded(Listen(("127.0.0.1",), 0, ()), lambda event: made.news.append(event), time.monotonic)
        made = Crowd(name, own, lambda: own.pid or 0)
        async with _closing(made):
            yield made
        return
    with janus.Janus(event_loops=2 if name == "janus" else 0) as server:
        at = JanusAt(server.url, janus.SECRET)
        made = Crowd(name, Janus(at, lambda event: made.news.append(event), time.monotonic), lambda: server.pid)
        async with _closing(made):
            yield made


@asynccontextmanager
async def _closing(made: Crowd) -> AsyncIterator[None]:
    try:
        await made.engine.stats()  # it is there
        yield
    finally:
        made.close()
        await made.engine.close()
