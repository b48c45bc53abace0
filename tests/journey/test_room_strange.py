"""What nobody planned in a room: two pages of one person, a page asleep, a wrong clock, a stranger, no host."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journey.conftest import People, Person
from tests.journey.test_consult import enter, plays
from tests.journey.test_room_media import accepted, sees_all
from tests.server.conftest import Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

# A computer whose clock is three hours ahead.
AHEAD = """
const True = Date, ahead_ms = 3 * 3600_000
window.Date = class extends True {
  constructor(...given) { given.length ? super(...given) : super(True.now() + ahead_ms) }
  static now() { return True.now() + ahead_ms }
}
"""


async def write(person: Person, words: str) -> None:
    field = person.see("thread-input")
    await field.fill(words)
    await field.press("Enter")


async def reads(person: Person, *words: str) -> None:
    """These messages, in this order and no other."""
    await expect(person.see("thread").locator(".bub-words")).to_have_text(list(words))


async def test_a_second_page_takes_the_place_of_the_first_and_a_page_that_slept_finds_back(
    hub: Hub, people: People
) -> None:
    consult, (clinic, specialist) = await accepted(hub, people)
    for person in (clinic, specialist):
        await person.go(f"/room/{consult}")
        await enter(person)
    await sees_all(specialist, 1)

    # The first is told in words, keeps what he had before him, and may come back.
    first, second = clinic.page, await clinic.context.new_page()
    clinic.watch(second)
    for page, other in ((second, first), (first, second)):
        if page is second:
            await page.goto(f"{hub.url}/room/{consult}")
        await expect(page.get_by_test_id("self-tile")).to_have_attribute("data-state", "on")
        await page.get_by_test_id("lobby").get_by_role("button", name="进入").click()
        await expect(other.get_by_test_id("elsewhere")).to_be_visible()
        await expect(page.get_by_test_id("elsewhere")).to_have_count(0)
        await expect(page.get_by_test_id("peer-tile")).to_have_attribute("data-state", "connected")
        await expect(specialist.see("peer-tile")).to_have_count(1)
        await sees_all(specialist, 1)
        await plays(page.get_by_test_id("peer-tile").locator("video"))
    await second.close()

    # Asleep, and its socket gone meanwhile.
    await clinic.stays()
    sleep = await clinic.context.new_cdp_session(first)
    await sleep.send("Page.setWebLifecycleState", {"state": "frozen"})
    async with await hub.sign_in("clinic") as same:
        await hub.app.live.revoked((await same.get("/api/me"))["id"])
    await write(specialist, "睡着的时候")
    await reads(specialist, "睡着的时候")
    await sleep.send("Page.setWebLifecycleState", {"state": "active"})
    await reads(clinic, "睡着的时候")
    await write(clinic, "醒了")
    await reads(specialist, "睡着的时候", "醒了")
    await sees_all(specialist, 1)
    await sees_all(clinic, 1)
    assert await clinic.stayed()
    people.no_faults()


async def test_a_wrong_clock_a_stranger_and_a_host_who_leaves_stop_nobody(hub: Hub, people: People) -> None:
    consult, (clinic, specialist) = await accepted(hub, people)
    await clinic.context.add_init_script(AHEAD)
    for person in (clinic, specialist):
        await person.go(f"/room/{consult}")
        await enter(person)
    for person in (clinic, specialist):
        await sees_all(person, 1)
    for person, words in ((clinic, "一"), (specialist, "二"), (clinic, "三")):
        await write(person, words)
        for reader in (clinic, specialist):
            await expect(reader.see("thread").locator(".bub-words").last).to_have_text(words)
    await reads(clinic, "一", "二", "三")
    # Where the clock is wrong the shared view follows all the same.
    await specialist.keys("Alt+2")
    await expect(clinic.page.locator(".stage-paper")).to_have_attribute("data-layout", "6x2")

    # Who guesses the address of a room learns nothing from it, not even whether it is there.
    stranger = await people.open("village")
    stranger.refusal(404, r"/api/consults/")
    for room in (consult, "con_00000000000000000000000000"):
        await stranger.go(f"/room/{room}")
        await expect(stranger.page.locator(".errorline")).to_be_visible()
        await expect(stranger.see("room")).to_have_count(0)

    # The host goes: the room lives on, and whoever moves the paper is followed until he is back.
    await specialist.see("leave").get_by_role("button").click()
    await expect(clinic.see("room")).to_have_attribute("data-place", "in")
    await clinic.keys("Alt+1")
    await expect(clinic.page.locator(".stage-paper")).not_to_have_attribute("data-layout", "6x2")
    layout = await clinic.page.locator(".stage-paper").get_attribute("data-layout")
    await specialist.go(f"/room/{consult}")
    await enter(specialist)
    await expect(specialist.page.locator(".stage-paper")).to_have_attribute("data-layout", layout or "")
    await sees_all(clinic, 1)
    people.no_faults()
