"""Part D6 of the targets: a member's line is cut for 3, 8 and 20 s, and how soon the pictures are back.

Two members go browser to browser, three over each engine; the clinic's line has 20 ms each way and is cut
both ways, its WebSocket too. Timed from the line's return to the first new frame on the slower of the pages. Both
sides write while it is cut: each message must stand once, in one order. Needs root, /dev/net/tun and Chromium.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from tests.bench.media_pages import FAR as CITY
from tests.bench.media_pages import NEAR as CLINIC
from tests.bench.media_pages import place
from tests.bench.sheet import Must, Sheet, Spread
from tests.journey.conftest import Person
from tests.line.meeting import FAR, broken, cut, meet, said, say
from tests.line.room import Rig

CUTS_S: Final = (3.0, 8.0, 20.0)
SEATS: Final = {
    "p2p": (("clinic", CLINIC), ("oncall", CITY)),
    "embedded": (("clinic", CLINIC), ("oncall", CITY), ("reader", CITY)),
    "janus": (("clinic", CLINIC), ("oncall", CITY), ("reader", CITY)),
}
MUSTS: Final = {
    **{f"D6.{engine}_{seconds:.0f}s_p95_ms": Must("<=", 2500) for engine in SEATS for seconds in CUTS_S},
    **{f"D6.{engine}_{what}": Must("<=", 0) for engine in SEATS for what in ("chat_dup", "chat_lost", "seen_leaving")},
}


async def _talk(people: list[Person], words: list[str]) -> None:
    for person, line in zip((*people[:1] * 2, *people[1:2] * 2), words, strict=True):
        await say(person, line)


async def reconnect(sheet: Sheet, rounds: int, _seconds: float) -> None:
    """`rounds` cuts of each length, in turns, for each engine."""
    for engine, seats in SEATS.items():
        async with place(engine) as rig:
            rig.line(CLINIC).both(FAR)
            _, people = await meet(rig, *seats)
            await _cuts(sheet, engine, rig, people, rounds)


async def _cuts(sheet: Sheet, engine: str, rig: Rig, people: list[Person], rounds: int) -> None:
    after: dict[float, list[float]] = {seconds: [] for seconds in CUTS_S}
    sent: list[str] = []
    leaving = 0
    for turn in range(rounds):
        for seconds in CUTS_S:
            words = [f"{who} {turn} {seconds:.0f} {n}" for who in ("clinic", "city") for n in (1, 2)]

            done = await broken(people, partial(cut, rig.line(CLINIC), seconds, partial(_talk, people, words)))
            after[seconds].append(done.after_ms)
            leaving += sum("left" in state for states in done.states for state in states)
            sent += words
            await said(people, set(words))
    shown = await said(people, set(sent))
    twice, lost = len(shown) - len(set(shown)), len(set(sent) - set(shown))
    for seconds, values in after.items():
        spread = Spread.of("ms", values)
        sheet.put(f"D6.{engine}_{seconds:.0f}s_p95_ms", "ms", [spread.p95], spread=spread)
        sheet.heads.append(
            f"D6 cut={seconds:.0f} engine={engine} n={spread.n} video_p50={spread.p50:.0f} video_p95={spread.p95:.0f} "
            f"chat_dup={twice} chat_lost={lost}"
        )
    for what, count in (("chat_dup", twice), ("chat_lost", lost), ("seen_leaving", leaving)):
        sheet.put(f"D6.{engine}_{what}", "messages" if what != "seen_leaving" else "tiles", [count])
