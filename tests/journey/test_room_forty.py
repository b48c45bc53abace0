"""Forty in one room: two before real browsers, thirty-eight without. Everybody is there, seen, heard and read."""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.async_api import expect

from tests.forty import Crowd, invite
from tests.journey.conftest import People
from tests.journey.test_consult import enter, plays
from tests.journey.test_room_media import accepted, hears
from tests.server.conftest import Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

WITHOUT_BROWSER = 38
MESSAGES = 3


async def test_forty_are_in_one_room_and_two_of_them_sit_before_browsers(hub: Hub, people: People) -> None:
    consult, (clinic, specialist) = await accepted(hub, people)
    crowd = Crowd(hub.url, consult, await invite(hub, consult, WITHOUT_BROWSER))
    try:
        await crowd.enter(within_s=2)
        for person in (clinic, specialist):
            person.refusal(409, r"/media/watch$")  # a wish may cross with the end of the seat it is for
            await person.go(f"/room/{consult}")
            await enter(person)
        await until(lambda: hub.app.seats.open_seats >= WITHOUT_BROWSER + 2, 30)
        accounts = {}
        for login in ("clinic", "oncall"):
            async with await hub.sign_in(login) as browser:
                accounts[login] = (await browser.get("/api/me"))["id"]
        await crowd.watch(accounts["clinic"], accounts["oncall"])
        crowd.talk()

        # Who raises his hand stands first in the strip of everybody: so the host sees him among thirty-nine.
        await clinic.page.get_by_role("button", name="举手").click()
        for person, other in ((clinic, accounts["oncall"]), (specialist, accounts["clinic"])):
            await expect(person.page.locator("[data-testid=strip-more], .strip-more")).to_be_visible()
            tile = person.page.locator(f"[data-testid=peer-tile][data-account={other}][data-state=connected]").first
            await plays(tile.locator("video"))
            await hears(person, 3)

        # Everybody else is sent the large picture of a browser, and all voices that count.
        counts = [member.media.receiving.received for member in crowd.members]

        def all_receive() -> bool:
            return all(m.media.receiving.received > n + 50 for m, n in zip(crowd.members, counts, strict=True))

        await until(all_receive, 30)

        # What one writes stands once before the other, and comes once to each of the forty.
        for number in range(MESSAGES):
            await clinic.see("chat").get_by_role("textbox").fill(f"第 {number} 句")
            await clinic.see("chat").get_by_role("textbox").press("Enter")
            await expect(specialist.see("chat").get_by_text(f"第 {number} 句")).to_have_count(1)
        await until(lambda: all(len(member.heard) >= MESSAGES for member in crowd.members), 30)
        assert {tuple(sorted(Counter(member.heard).values())) for member in crowd.members} == {(1,) * MESSAGES}
        people.no_faults()
    finally:
        await crowd.close()
