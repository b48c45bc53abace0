"""Time between hospitals: hours kept, a slot chosen and held, moved, given back, offered anew; a visiting clinic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.journey.conftest import People, Person, real
from tests.journey.test_consult import enter
from tests.journey.test_room_view import consultation
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


def tomorrow() -> datetime:
    """On the wall clock of the pages."""
    return datetime.now(UTC) + timedelta(hours=8, days=1)


async def keep_hours(expert: Person) -> None:
    """Tomorrow's weekday, nine to eleven, half an hour each."""
    await expert.go("/consult/calendar")
    form = expert.see("hours-form")
    await form.get_by_role("button", name="加一段").click()
    await form.locator("[name=weekday]").select_option(str(tomorrow().weekday()))
    await form.get_by_role("button", name="保存出诊时间").click()
    await expect(form).not_to_have_attribute("data-kept", "")
    await expect(form).to_contain_text("陆闻笙")


async def ask_for_a_slot(clinic: Person, recording: str) -> str:
    await clinic.go(f"/consult/new?recording={recording}")
    form = clinic.see("consult-form")
    await form.locator("[name=purpose]").fill("是否需要上转")
    await form.locator("[name=summary]").fill("反复心悸三天，血压 130/80。")
    await form.locator("[name=consent][value=written]").check()
    await form.get_by_role("button", name="选时段").click()
    await form.get_by_test_id("slots").locator(".slot").first.click()
    await expect(form.get_by_test_id("slot-chosen")).to_contain_text("陆闻笙")
    await clinic.keys("Control+Enter")
    await clinic.page.wait_for_url("**/consult/con_*")
    return clinic.page.url.rsplit("/", 1)[1]


async def stands(person: Person, state: str, words: str) -> None:
    await expect(person.see("consult-page")).to_have_attribute("data-state", state)
    await expect(person.see("plan")).to_contain_text(words)


async def test_a_slot_is_chosen_held_booked_moved_given_back_and_offered_anew(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", real("101"), REQUEST)
    expert, clinic = await people.open("oncall"), await people.open("clinic")
    await keep_hours(expert)
    consult = await ask_for_a_slot(clinic, receipt.recording)
    await stands(clinic, "submitted", "已为本申请保留")
    await expert.go(f"/consult/{consult}")
    await expert.page.get_by_role("button", name="接受").click()
    for person in (expert, clinic):
        await stands(person, "scheduled", "09:00")

    # The requester moves it; the expert is late, then cannot at all; what he offers next is taken.
    plan = clinic.see("plan")
    await plan.get_by_role("button", name="改约").click()
    await plan.locator(".slot").filter(has_text="09:30").first.click()
    for person in (expert, clinic):
        await stands(person, "scheduled", "09:30")
    theirs = expert.see("plan")
    await theirs.get_by_role("button", name="晚到几分钟").click()
    await expert.see("late-form").get_by_role("button", name="告知对方").click()
    await expect(plan).to_contain_text("预计 09:45 开始")
    await theirs.get_by_role("button", name="这个时间我不行").click()
    await expert.see("back-form").locator("[name=why]").fill("急诊手术")
    await expert.see("back-form").get_by_role("button", name="退回时间").click()
    await stands(clinic, "accepted", "急诊手术")
    await clinic.see("offer").get_by_role("button", name="就这个时间").click()
    for person in (expert, clinic):
        await stands(person, "scheduled", "09:00")
    file = await clinic.page.request.get(f"{hub.url}/api/consult/calendar.ics")
    assert file.headers["content-type"].startswith("text/calendar")
    assert f"UID:{consult}@" in await file.text()
    people.no_faults()


async def test_a_visiting_clinic_is_opened_joined_and_cancelled(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", real("101"), REQUEST)
    expert = await people.open("oncall", "/consult/clinics")
    await expert.page.get_by_role("button", name="开设坐诊").click()
    form = expert.see("clinic-form")
    await form.locator("[name=from_at]").fill(f"{tomorrow():%Y-%m-%d}T14:00")
    await form.locator("[name=capacity]").fill("2")
    await form.locator("[name=host]").select_option(label="河湾镇卫生院")
    await form.get_by_role("button", name="开设", exact=True).click()
    await expect(expert.see("clinic")).to_contain_text("余 2 号 / 共 2 号")
    clinic = await people.open("clinic")
    consult = await ask_for_a_slot(clinic, receipt.recording)
    await stands(clinic, "submitted", "坐诊第 1 号")
    await expect(expert.see("clinic").locator("[data-place='1']")).to_contain_text("马德福")
    await expert.go(f"/consult/{consult}")
    await expert.page.get_by_role("button", name="接受").click()
    await stands(clinic, "scheduled", "14:00")
    await expert.go("/consult/clinics")
    await expert.see("clinic").get_by_role("button", name="取消坐诊").click()
    await expert.see("back-form").locator("[name=why]").fill("大雪封路")
    await expert.see("back-form").get_by_role("button", name="取消坐诊").click()
    await expect(expert.see("clinic")).to_have_attribute("data-state", "cancelled")
    await stands(clinic, "accepted", "大雪封路")
    await expect(clinic.see("waiting")).to_contain_text("候补第 1 位")
    people.no_faults()


async def test_who_waits_before_the_room_is_seen_there_and_from_inside_with_what_his_test_said(
    hub: Hub, people: People
) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    clinic = await people.open("clinic", f"/room/{consult}")
    expert = await people.open("oncall", f"/room/{consult}")
    for person, other in ((clinic, "陆闻笙"), (expert, "马春兰")):
        row = person.see("waiting-room").get_by_role("listitem").filter(has_text=other)
        await expect(row).to_have_attribute("data-waits", "true")
    await enter(expert)
    await expect(expert.see("waits")).to_contain_text("马春兰")
    await expect(clinic.see("waiting-room")).to_contain_text("已在会诊室")
    await clinic.page.close()
    await expect(expert.see("waits")).to_have_count(0)
    again = await people.open("clinic", f"/room/{consult}")
    await enter(again)
    await expect(again.see("peer-tile")).to_have_attribute("data-state", "connected")
    people.no_faults()


async def test_an_mdt_sits_with_its_seats_and_minutes_and_closes_with_an_interim_result(
    hub: Hub, people: People
) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    async with await hub.sign_in("oncall") as host:
        second = next(e for e in (await host.get("/api/consult/experts"))["experts"] if e["name"] == "白若川")
        await host.post(f"/api/consults/{consult}/experts", {"account": second["account"]})
    chair, scribe = (
        await people.open("oncall", f"/consult/{consult}"),
        await people.open("second", f"/consult/{consult}"),
    )
    await chair.see("sittings").get_by_role("button", name="安排会议").click()
    form = chair.see("sitting-form")
    await form.locator("[name=agenda]").fill("是否需要上转，何时")
    await form.get_by_label("白若川 的席位").select_option("scribe")
    await form.get_by_role("button", name="保存安排").click()
    for person in (chair, scribe):
        await expect(person.see("sittings")).to_contain_text("是否需要上转，何时")
    await chair.see("sittings").get_by_role("button", name="开始会议").click()
    await expect(chair.see("sittings").locator("[data-sitting]")).to_have_attribute("data-state", "open")
    await scribe.see("minutes-form").locator("[name=minutes]").fill("先抗凝，三天后复查心超。")
    await scribe.see("minutes-form").get_by_role("button", name="存入记录").click()
    await expect(chair.see("sittings")).to_contain_text("白若川")
    await expect(chair.see("sittings")).to_contain_text("第 1 版")

    # In the room the seat is what one is, and the hub holds to it.
    await scribe.go(f"/room/{consult}")
    await enter(scribe)
    await scribe.page.get_by_role("button", name="成员").first.click()
    await expect(scribe.see("people")).to_contain_text("记录人")
    await expect(chair.see("sittings").locator("[data-role=scribe]")).to_contain_text("到会")
    await chair.see("sittings").get_by_role("button", name="结束会议").click()
    await chair.see("close-form").locator("[name=interim]").fill("先抗凝")
    await chair.see("close-form").get_by_role("button", name="结束会议").click()
    await expect(chair.see("sittings")).to_contain_text("阶段性意见：先抗凝")
    people.no_faults()
