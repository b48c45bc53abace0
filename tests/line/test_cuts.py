"""A line is cut, a socket dies, an address changes: the member is back without a click, and nobody saw him leave."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.journey.conftest import Person
from tests.journey.test_room_media import sees_all
from tests.line.hosts import TCP, Shape
from tests.line.meeting import FAR, WATCH, Break, broken, cut, meet, said, say
from tests.line.room import Rig, town, town_with
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

DIRECT = (("clinic", "clinic"), ("oncall", "city"))
FORWARDED = (*DIRECT, ("reader", "city"))


def nobody_left(done: Break) -> None:
    assert not any("left" in state or state == "" for states in done.states for state in states), done


async def cut_and_back(rig: Rig, people: list[Person], seconds: float) -> None:
    """The clinic's line, while both sides write."""
    clinic, city = people[:2]
    words = [f"{who}，断线 {seconds:.0f} 秒，第 {n} 句" for who in ("村里", "市里") for n in (1, 2)]

    async def talk() -> None:
        for person, line in zip((clinic, clinic, city, city), words, strict=True):
            await say(person, line)

    done = await broken(people, lambda: cut(rig.line("clinic"), seconds, talk))
    shown = [line for line in await said(people, set(words)) if line in words]
    assert sorted(shown) == sorted(words)  # each once
    for own in (words[:2], words[2:]):
        assert [line for line in shown if line in own] == own
    nobody_left(done)
    for person in people:
        assert await person.stayed()


@pytest.mark.long
@pytest.mark.parametrize(("engine", "seats"), [("p2p", DIRECT), ("embedded", FORWARDED), ("janus", FORWARDED)])
async def test_a_cut_line_heals_by_itself_and_what_was_said_meanwhile_stands_once_in_one_order(
    tmp_path: Path, engine: str, seats: tuple[tuple[str, str], ...]
) -> None:
    async with town_with(engine, tmp_path, "clinic", "city") as rig:
        rig.line("clinic").both(FAR)
        _, people = await meet(rig, *seats)
        for seconds in (3.0, 8.0, 20.0):
            await cut_and_back(rig, people, seconds)
        rig.no_faults()


async def test_direct_media_outlive_a_dead_socket_a_cut_a_new_address_and_a_reload(tmp_path: Path) -> None:
    async with town(tmp_path, "clinic", "city") as rig:
        rig.line("clinic").both(FAR)
        _, people = await meet(rig, *DIRECT)
        clinic = people[0]

        async def killed() -> float:
            """Nothing of TCP passes until the page has noticed; the picture does not stop for it."""
            rig.line("clinic").both(Shape(blocked=frozenset({TCP})))
            await until(lambda: clinic.page.evaluate("document.querySelector('.room-net .dot-off') !== null"), 30)
            rig.line("clinic").both(FAR)
            return time.time() * 1000

        connections = await clinic.page.evaluate("window.connections.length")
        done = await broken(people, killed)
        assert {state for states in done.states for state in states} == {"connected"}
        await cut_and_back(rig, people, 4.0)
        assert await clinic.page.evaluate("window.connections.length") == connections

        async def moved() -> float:
            rig.hosts.move("clinic")
            return time.time() * 1000 + 3000  # what was on its way at that moment has long been shown

        nobody_left(await broken(people, moved))
        for person in people:
            await sees_all(person, 1)

        async def reloaded() -> float:
            await clinic.page.reload()
            await expect(clinic.see("room")).to_have_attribute("data-place", "in")
            await clinic.page.evaluate(WATCH)
            return time.time() * 1000

        # He finds his seat again without a word; the other page sees him on his way, not gone.
        seen = (await broken(people, reloaded)).states[1]
        assert set(seen) == {"connected", "reconnecting"}, seen
        rig.no_faults()
