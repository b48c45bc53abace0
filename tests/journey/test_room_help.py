"""Help called for out of the room rings on another person's page, and one click brings him in."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journey.conftest import PHONE, People, real
from tests.journey.test_consult import enter
from tests.journey.test_pages import AXE, too_wide, violations
from tests.journey.test_room_view import consultation
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def test_an_expert_is_rung_wherever_he_is_and_enters_with_one_click(hub: Hub, people: People) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    specialist = await people.open("oncall", f"/room/{consult}", theme="dark")
    other = await people.open("second", "/consults", size=PHONE)
    other.refusal(409, r"/media/watch$")
    await expect(other.see("consults")).to_be_visible()
    async with await hub.sign_in("second") as browser:
        name = (await browser.get("/api/me"))["name"]
    await enter(specialist)
    await specialist.keys("p")
    await specialist.page.get_by_role("button", name="呼叫支援").click()
    option = specialist.see("help").locator("option", has_text=name)
    value = await option.get_attribute("value")
    await specialist.see("help").get_by_label("呼叫谁").select_option(value)
    await specialist.see("help").get_by_label("什么事").fill("血压掉了 <script>alert(1)</script>")
    axe = AXE.read_text(encoding="utf-8")
    assert await violations(specialist, axe) == []
    await specialist.see("help").get_by_role("button", name="呼叫", exact=True).click()
    await expect(specialist.see("help")).to_contain_text("正在呼叫")

    call = other.see("help-call")
    await expect(call).to_contain_text("血压掉了 <script>")
    assert await violations(other, axe) + await too_wide(other) == []
    await call.get_by_role("button", name="进入会诊室").click()
    await expect(other.see("room")).to_have_attribute("data-place", "in")
    await expect(call).to_have_count(0)
    await expect(specialist.see("help")).to_contain_text("已进入")
    await expect(specialist.see("people").locator("[data-here=true]")).to_have_count(2)
    people.no_faults()
