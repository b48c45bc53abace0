"""Clinic and specialist in a room of two, over a line of the clinic's: from the lobby to a measured window.

    clinic, city = await lobby(rig, engine="p2p")       # quick line
    rig.line("clinic").both(narrow(150))
    await connect(clinic, city)
    told = await listen(monitor, (clinic, city), seconds=12)

What must come of it stands in test_narrow.py and tests/bench/media_line.py.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from playwright.async_api import expect

from tests.journey.conftest import Person, real
from tests.journey.test_consult import enter
from tests.line.hosts import Shape
from tests.line.room import Counted, Ear, Monitor, Rig
from tests.server.conftest import REQUEST
from tests.server.test_media_http import opened
from tests.waiting import until

Engine = Literal["p2p", "embedded", "janus"]
# The longest time between two frames that the page shows of the other, from now on.
GAPS = """() => {
  const begun = window.gap !== undefined
  window.gap = { longest: 0, last: performance.now() }
  if (begun) return
  const video = document.querySelector('[data-testid=peer-tile] video')
  const frame = now => {
    window.gap.longest = Math.max(window.gap.longest, now - window.gap.last)
    window.gap.last = now
    video.requestVideoFrameCallback(frame)
  }
  video.requestVideoFrameCallback(frame)
}"""
LONGEST = "Math.max(window.gap.longest, performance.now() - window.gap.last)"


def narrow(kbit_s: float, loss: float = 0.0) -> Shape:
    """As the targets have it: 30 ms one way, at most 0.6 s of packets wait."""
    return Shape(rate_bit_s=1000 * kbit_s, loss=loss, delay_s=0.03, queue_s=0.6)


@dataclass(frozen=True)
class Told:
    """One window of a call: age of the ECG at the hub (ms), what flowed to the clinic and to the specialist."""

    ecg_ms: list[float]
    clinic: Counted
    city: Counted
    gap_ms: float  # of the specialist's picture of the clinic


async def lobby(rig: Rig, engine: Engine, then: Shape | None = None) -> tuple[Person, Person]:
    """Both before the door of a room of two; over an engine, which is the hub's `config`, it goes there at once.

    then: as the clinic's line is once its browser has the product's files, as who uses it daily has; the clinic stands
    in the lobby again, where the page measures its line.
    """
    recording = (await rig.hub.send("org_hewan", real("101"), REQUEST)).recording
    async with await rig.hub.sign_in("clinic") as asks, await rig.hub.sign_in("oncall") as answers:
        consult = await opened(recording, asks, answers)
    if engine != "p2p":
        for guest in ("usr_gone_1", "usr_gone_2"):  # they looked in: with the next there were three
            await rig.hub.app.seats.enter(consult, guest)
    people = await rig.person("clinic", "clinic"), await rig.person("oncall", "city")
    for person in people:
        person.refusal(409, r"/media/watch$")  # a wish may cross with the end of the seat it is for
        await person.go(f"/room/{consult}")
        await expect(person.see("self-tile")).to_have_attribute("data-state", "on")
    if then is not None:
        rig.line("clinic").both(then)
        await people[0].page.reload()
        await expect(people[0].see("self-tile")).to_have_attribute("data-state", "on")
        await expect(people[0].see("net-check")).not_to_have_attribute("data-rtt", "asking")
    return people


async def connect(clinic: Person, city: Person) -> None:
    await asyncio.gather(enter(clinic), enter(city))
    for person in (clinic, city):
        await expect(person.see("peer-tile")).to_have_attribute("data-state", "connected")


async def listen(monitor: Monitor | None, people: tuple[Person, Person], seconds: float) -> Told:
    """A window of this length."""
    ears = [Ear(person) for person in people]
    for ear in ears:
        await ear.look()
    await people[1].page.evaluate(GAPS)
    began = time.monotonic()
    await until(lambda: time.monotonic() - began >= seconds, seconds + 30)
    clinic, city = [await ear.look() for ear in ears]
    gap_ms = float(await people[1].page.evaluate(LONGEST))
    return Told([] if monitor is None else monitor.ages_since(began), clinic, city, gap_ms)


async def hang_up(*people: Person) -> None:
    for person in people:
        await person.context.close()
