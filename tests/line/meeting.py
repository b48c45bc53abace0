"""People in one room across lines, and what a break of a line did to them: pictures, tiles, chat.

    clinic, city = await meet(rig, ("clinic", "clinic"), ("oncall", "city"))
    break_ = await broken(rig.line("clinic"), 8.0, (clinic, city))

Here: entering without a click too many, the cut itself, and what each page showed from the cut on. What must come of
it stands in test_cuts.py and in tests/bench/media_cuts.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.journey.conftest import Person
from tests.journey.test_consult import enter
from tests.journey.test_room_media import invite, sees_all
from tests.line.hosts import Line, Shape
from tests.line.room import Rig
from tests.server.conftest import REQUEST, normal
from tests.server.test_media_http import opened
from tests.waiting import until

FAR = Shape(delay_s=0.02)
CUT = Shape(cut=True)
# When each frame of another member's picture was shown (epoch, ms), and what his tiles said in turn.
WATCH = """() => {
  window.shown = []
  window.states = []
  const look = () => {
    for (const video of document.querySelectorAll('[data-testid=peer-tile] video')) {
      if (video.watched) continue
      video.watched = true
      const frame = () => {
        window.shown.push(performance.timeOrigin + performance.now())
        video.requestVideoFrameCallback(frame)
      }
      video.requestVideoFrameCallback(frame)
    }
    const now = [...document.querySelectorAll('[data-testid=peer-tile]')].map(tile => tile.dataset.state).sort().join()
    if (now !== window.states.at(-1)) window.states.push(now)
  }
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true })
  look()
}"""
SAID = """() => [...document.querySelectorAll('[data-testid=thread] .bub-words')].map(words => words.textContent)"""


async def gathered(rig: Rig, *seats: tuple[str, str]) -> tuple[str, list[Person]]:
    """The consultation's id, and who sits as (login, host) before its room, not yet in it."""
    receipt = await rig.hub.send("org_hewan", normal(), REQUEST)
    async with await rig.hub.sign_in("clinic") as asks, await rig.hub.sign_in("oncall") as answers:
        consult = await opened(receipt.recording, asks, answers)
    for login, _ in seats[2:]:
        async with await rig.hub.sign_in(login) as more:
            await invite(rig.hub, consult, (await more.get("/api/me"))["id"])
    people = [await rig.person(login, host) for login, host in seats]
    for person in people:
        person.refusal(409, r"/media/watch$")  # a wish may cross with the end of the seat it is for
        await person.go(f"/room/{consult}")
    return consult, people


async def meet(rig: Rig, *seats: tuple[str, str]) -> tuple[str, list[Person]]:
    """The consultation's id, and who sits as (login, host) in its room; all see each other."""
    consult, people = await gathered(rig, *seats)
    for person in people:
        await enter(person)
    for person in people:
        await sees_all(person, len(people) - 1)
        await person.page.evaluate(WATCH)
        await person.stays()
    return consult, people


@dataclass(frozen=True)
class Break:
    """after_ms: until the worse of the pages showed a new frame of another, from the end of the break."""

    after_ms: float
    states: tuple[tuple[str, ...], ...]


async def broken(people: list[Person], act: Callable[[], Awaitable[float]]) -> Break:
    """`act` breaks something and returns when it was whole again (epoch, ms)."""
    for person in people:
        await person.page.evaluate("window.shown = []; window.states.splice(0, window.states.length - 1)")
    whole_ms = await act()

    async def seen() -> float | None:
        firsts = [
            await person.page.evaluate("since => window.shown.find(at => at > since) ?? null", whole_ms)
            for person in people
        ]
        return None if None in firsts else max(firsts) - whole_ms

    after_ms = float(await until(seen, 30))
    states = [tuple(await person.page.evaluate("window.states")) for person in people]
    return Break(after_ms, tuple(states))


async def cut(line: Line, seconds: float, meanwhile: Callable[[], Awaitable[None]] | None = None) -> float:
    """Both ways, and back. When it was back (epoch, ms)."""
    up, down = line.up, line.down
    line.both(CUT)
    began = time.monotonic()
    if meanwhile is not None:
        await meanwhile()
    await asyncio.sleep(began + seconds - time.monotonic())
    line.up, line.down = up, down
    return time.time() * 1000


async def say(person: Person, words: str) -> None:
    field = person.see("thread-input")
    await field.fill(words)
    await field.press("Enter")


async def said(people: list[Person], words: set[str]) -> list[str]:
    """What all threads show once it is all there, in one order for all."""

    async def same() -> list[str] | None:
        shown = [list(await person.page.evaluate(SAID)) for person in people]
        return shown[0] if all(one == shown[0] for one in shown) and words <= set(shown[0]) else None

    found: list[str] = await until(same, 30)
    return found
