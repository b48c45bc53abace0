"""A firewall drops UDP and there is no TURN server: voices go over the web connection, and pictures once it opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.journey.conftest import Person
from tests.journey.test_consult import enter
from tests.journey.test_room_media import sees_all
from tests.line.hosts import UDP, Shape
from tests.line.meeting import FAR, gathered
from tests.line.room import town
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

NO_UDP = Shape(delay_s=0.02, blocked=frozenset({UDP}))


async def hears_more(person: Person) -> None:
    """Voices that were said from now on."""

    async def heard() -> int:
        return int(await person.see("sound-only").get_attribute("data-heard") or 0)

    before = await heard()

    async def more() -> bool:
        return await heard() > before + 10

    await until(more, 30)


async def test_without_udp_and_turn_voices_go_over_the_web_connection_until_pictures_can(tmp_path: Path) -> None:
    async with town(tmp_path, "clinic", "city") as rig:
        rig.line("clinic").both(NO_UDP)
        _, (clinic, city, third) = await gathered(rig, ("clinic", "clinic"), ("oncall", "city"), ("reader", "city"))
        # Already before the door: what will be missing, and what to ask of whom.
        for person, way in ((clinic, "sound"), (city, "direct")):
            await expect(person.see("way-check")).to_have_attribute("data-way", way, timeout=30_000)
        await expect(clinic.see("way-check")).to_contain_text(rig.hub.address)
        await expect(city.see("waiting-room")).to_contain_text("网络只通语音")  # the other's
        for person in (clinic, city):
            await enter(person)
        await expect(clinic.see("sound-only")).to_have_attribute("data-without", "true", timeout=30_000)
        for person in (clinic, city):
            # In the city the hub's own media may have come by now: then it is only the other who is without.
            await expect(person.see("sound-only")).to_be_visible(timeout=30_000)
            await expect(person.see("peer-tile")).to_have_attribute("data-state", "connected")
            await hears_more(person)

        # Those whom media reach have them among themselves, and the one without hears and is heard by both.
        await enter(third)
        await expect(city.see("sound-only")).to_have_attribute("data-without", "false", timeout=30_000)
        await expect(third.see("sound-only")).to_have_attribute("data-without", "false", timeout=30_000)
        for person in (clinic, city, third):
            await expect(person.page.locator("[data-testid=peer-tile][data-state=connected]")).to_have_count(2)
            await hears_more(person)

        rig.line("clinic").both(FAR)
        for person in (clinic, city, third):
            await sees_all(person, 2)
            await expect(person.see("sound-only")).to_have_count(0, timeout=30_000)
        rig.no_faults()
