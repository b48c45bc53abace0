"""Part D of the targets, what needs no browser: the embedded forwarder under synthetic members.

    ./run bench media [--only D3,D4] [--rounds 3] [--quick] [--json]

D3   processor time a forwarded packet: one member sends 130 packets of 1150 bytes and 50 of sound a second, 20 receive.
D4   a room of 40: one large picture (700 kbit/s), three small ones (100 kbit/s), 40 microphones of which the three
     loudest are forwarded. Share of a core, losses, how long the 40th waits to be in, and 40 who come within 5 s.

The forwarder runs in its own process as in the product, over real sockets; this process sends, and counts what comes
without opening it. Janus, the peer, is not measured here; picture gaps and chat in such a room need browsers.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server.consult.media.embedded import Embedded
from server.consult.media.model import Layer, Wish
from server.consult.media.process import Listen
from tests.bench.figure import Words, WrongWordsError
from tests.bench.sheet import Must, Sheet, Spread
from tests.server.media_member import INTER_FRAME, KEY_FRAME, SyntheticMember, answered

PARTS: Final = ("D3", "D4")
STEP_S: Final = 0.005
ROOM: Final = "con_bench"
SOUND_HZ: Final = 50
STAMP: Final = struct.Struct("<d")
MUSTS: Final = {
    "D3.us_per_packet": Must("<=", 20),
    "D3.lost": Must("<=", 0),
    "D3.delay_p95_ms": Must("<=", 5),
    "D4.core_pct": Must("<=", 35),
    "D4.lost": Must("<=", 0),
    "D4.join40_ms": Must("<=", 1500),
    "D4.storm_p95_ms": Must("<=", 1500),
}


@dataclass
class Stream:
    """What one member sends: `say` once for each due packet."""

    say: Callable[[], None]
    hz: float
    sent: int = 0


class Crowd:
    """Members of one room at the forwarder."""

    def __init__(self, engine: Embedded) -> None:
        self.engine = engine
        self.members: dict[str, SyntheticMember] = {}
        self.delays_ms: list[float] = []

    async def join(self, account: str, *, opens: bool = False) -> float:
        """Returns how long it took until both connections stood, in seconds."""
        member = SyntheticMember(opens=opens)
        began = time.perf_counter()
        offer = await self.engine.join(ROOM, account, account)
        member.receiving.connect(offer)
        answer, _ = await asyncio.gather(
            self.engine.publish(account, member.offer), self.engine.answer(account, answered(offer))
        )
        member.sending.connect(answer)
        async with asyncio.timeout(30):
            await member.connected()
        self.members[account] = member
        return time.perf_counter() - began

    def voice(self, account: str, level_dbov: int, payload_bytes: int = 80) -> Stream:
        voice, payload = self.members[account].voice, secrets.token_bytes(payload_bytes)
        return Stream(lambda: voice.say(payload, level_dbov), SOUND_HZ)

    def picture(self, account: str, layer: Layer, payload_bytes: int, hz: float) -> Stream:
        """Every packet begins with the time, behind what VP8 begins with; each second a key frame."""
        member = self.members[account]
        line = member.large if layer == "large" else member.small
        padding = secrets.token_bytes(payload_bytes - len(KEY_FRAME) - STAMP.size)
        stream = Stream(lambda: None, hz)

        def say() -> None:
            begin = KEY_FRAME if stream.sent % round(hz) == 0 else INTER_FRAME
            line.say(begin + STAMP.pack(time.perf_counter()) + padding)

        stream.say = say
        return stream

    async def send(self, streams: Sequence[Stream], seconds: float) -> int:
        """At an even pace. Returns how many packets."""
        began, before = time.perf_counter(), [stream.sent for stream in streams]
        while (elapsed := time.perf_counter() - began) < seconds:
            for stream, start in zip(streams, before, strict=True):
                while stream.sent - start < elapsed * stream.hz:
                    stream.say()
                    stream.sent += 1
            await asyncio.sleep(STEP_S)
        return sum(stream.sent - start for stream, start in zip(streams, before, strict=True))

    async def measured(self, streams: Sequence[Stream], seconds: float) -> dict[str, float]:
        """One turn, after a second in which the slots find their members."""
        await self.send(streams, 1.5)
        first = await self._settled()
        self.delays_ms.clear()
        came, began = self._received(), time.perf_counter()
        sent = await self.send(streams, seconds)
        took = time.perf_counter() - began
        last = await self._settled()
        forwarded, used = last["forwarded"] - first["forwarded"], last["cpu_s"] - first["cpu_s"]
        return {
            "us_per_packet": used / forwarded * 1e6,
            "core_pct": used / took * 100,
            "lost": sent - (last["received"] - first["received"]) + forwarded - (self._received() - came),
            "per_s": forwarded / took,
            "rss_mb": last["rss_mb"],
        }

    async def _settled(self) -> dict[str, float]:
        """Until nothing comes any more: what is on its way on a busy machine is not lost."""
        while True:
            before = self._received()
            await asyncio.sleep(0.5)
            stats = await self.engine.stats()
            if self._received() == before:
                return stats

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


def run(words: Sequence[str] = ()) -> Sheet:
    parser = Words(prog="./run bench media", add_help=False)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(list(words))
    only = given.only.upper().split(",")
    if unknown := sorted(set(only) - set(PARTS)):
        raise WrongWordsError(f"there is no part {' '.join(unknown)}; the parts are {' '.join(PARTS)}")
    rounds, seconds = (1, 3.0) if given.quick else (given.rounds, 10.0)
    sheet = Sheet(MUSTS)
    sheet.heads.append(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for part, work in (("D3", _forwarding), ("D4", _forty)):
        if part in only:
            sheet.measure(part, lambda work=work: asyncio.run(_with_engine(sheet, work, rounds, seconds)))  # type: ignore[misc]  # bound now
    return sheet


Part = Callable[[Sheet, Crowd, int, float], Awaitable[None]]


async def _with_engine(sheet: Sheet, work: Part, rounds: int, seconds: float) -> None:
    engine = Embedded(Listen(("127.0.0.1",), 0, ()), lambda _: None, time.monotonic)
    crowd = Crowd(engine)
    try:
        await engine.stats()  # it is there
        await work(sheet, crowd, rounds, seconds)
    finally:
        crowd.close()
        await engine.close()


async def _forwarding(sheet: Sheet, crowd: Crowd, rounds: int, seconds: float) -> None:
    receivers = [f"usr_{i}" for i in range(20)]
    await crowd.join("usr_sender")
    for account in receivers:
        await crowd.join(account, opens=account == receivers[0])
        await crowd.engine.watch(account, [Wish("usr_sender", "large")])
    crowd.watch_delay(receivers[0])
    streams = [crowd.voice("usr_sender", 20), crowd.picture("usr_sender", "large", 1138, 130)]
    turns, delays = [], []
    for _ in range(rounds):
        turns.append(await crowd.measured(streams, seconds))
        delays += crowd.delays_ms
    _put(sheet, "D3", turns, {"us_per_packet": "us", "lost": "packets", "per_s": "packets/s"})
    spread = Spread.of("ms", delays)
    sheet.put("D3.delay_p95_ms", "ms", [spread.p95], spread=spread)
    sheet.heads.append(
        f"D3 forward engine=embedded N=20 us_per_packet={sheet['D3.us_per_packet']['value']:.1f} "
        f"lost={sheet['D3.lost']['value']:.0f} lat_p95={spread.p95:.2f} ratio_to_janus=-"
    )


async def _forty(sheet: Sheet, crowd: Crowd, rounds: int, seconds: float) -> None:
    accounts = [f"usr_{i}" for i in range(40)]
    joined = await asyncio.gather(*(_arrive(crowd, account, i * 5 / 40) for i, account in enumerate(accounts)))
    wishes = [Wish("usr_0", "large"), *(Wish(f"usr_{i}", "small") for i in (1, 2, 3))]
    for account in accounts:
        await crowd.engine.watch(account, wishes)
    streams = [crowd.voice(account, 20 + 10 * min(i, 9)) for i, account in enumerate(accounts)]
    streams.append(crowd.picture("usr_0", "large", 1138, 78))
    streams += [crowd.picture(f"usr_{i}", "small", 1000, 12.5) for i in (1, 2, 3)]
    turns = [await crowd.measured(streams, seconds) for _ in range(rounds)]
    crowd.members.pop("usr_39").close()
    await crowd.engine.leave("usr_39")
    last: list[float] = []
    for i in range(rounds):
        sending = asyncio.create_task(crowd.send(streams[:39], 2))
        last.append(await crowd.join(f"usr_last_{i}") * 1e3)
        await sending
    _put(sheet, "D4", turns, {"core_pct": "%", "us_per_packet": "us", "lost": "packets", "rss_mb": "MB"})
    sheet.put("D4.join40_ms", "ms", last)
    spread = Spread.of("ms", [took * 1e3 for took in joined])
    sheet.put("D4.storm_p95_ms", "ms", [spread.p95], spread=spread)
    sheet.heads.append(
        f"D4 room members=40 engine=embedded core_pct={sheet['D4.core_pct']['value']:.1f} "
        f"lost={sheet['D4.lost']['value']:.0f} join40_ms={sheet['D4.join40_ms']['value']:.0f} gaps=- "
        f"rss_mb={sheet['D4.rss_mb']['value']:.0f} chat_p99=-"
    )


async def _arrive(crowd: Crowd, account: str, after_s: float) -> float:
    await asyncio.sleep(after_s)
    return await crowd.join(account)


def _put(sheet: Sheet, part: str, turns: list[dict[str, float]], units: dict[str, str]) -> None:
    for name, unit in units.items():
        sheet.put(f"{part}.{name}", unit, [turn[name] for turn in turns])
