"""Pictures on the stage: images, PDFs and reports looked at together; and what the page says when it cannot."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.journey.conftest import PHONE, People, Person, queued, real
from tests.journey.test_consult import enter
from tests.journey.test_images import ct, hand_over
from tests.journey.test_pages import AXE, too_wide, violations
from tests.journey.test_room_view import KNOWN, consultation
from tests.server.conftest import Hub
from tests.server.test_images_files import made, paper

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def looks(person: Person, **data: str) -> None:
    for name, value in data.items():
        await expect(person.see("image-stage")).to_have_attribute(f"data-{name}", value)


async def test_an_image_a_paper_and_a_report_stand_before_all_as_who_leads_moves_them(hub: Hub, people: People) -> None:
    recording = (await hub.send("org_hewan", real("101"), KNOWN)).recording
    await queued(hub, recording)
    consult = await consultation(hub, recording)
    clinic = await people.open("clinic", f"/room/{consult}", size=PHONE)
    specialist = await people.open("oncall", f"/room/{consult}", theme="dark")
    for person in (clinic, specialist):
        await enter(person)

    # The clinic hands over an image and a paper without leaving the room.
    await clinic.page.get_by_role("radio", name="影像").click()
    await expect(clinic.see("picture-list")).to_contain_text("还没有")
    await hand_over(clinic, "CT.dcm", made(ct))
    await expect(clinic.see("picture-list").get_by_role("button", name="CT.dcm")).to_be_visible()
    await hand_over(clinic, "化验单.pdf", paper("Troponin 0.8", "Echo"))
    await expect(clinic.see("picture-list").get_by_role("button", name="化验单")).to_contain_text("2 页")
    await clinic.page.get_by_role("radio", name="跟随").click()

    # Who leads puts it on every stage, in his greys and at his frame.
    await specialist.keys("4")
    await specialist.see("picture-list").get_by_role("button", name="CT.dcm").click()
    for person in (clinic, specialist):
        await looks(person, frame="0")
    await specialist.page.get_by_role("button", name="肺").click()
    await expect(clinic.see("image-legend")).to_contain_text("窗位 -600")
    await specialist.keys("ArrowRight")
    await looks(clinic, frame="1")
    await specialist.keys("Alt+l")
    box = await specialist.see("image-stage").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await specialist.page.mouse.move(middle[0] - 60, middle[1])
    await specialist.page.mouse.down()
    await specialist.page.mouse.move(middle[0] + 60, middle[1], steps=4)
    await specialist.page.mouse.up()
    await expect(clinic.see("image-legend")).to_contain_text("长度")
    await looks(clinic, pointers="1")

    # Who comes later finds it as it stands; who moves it without leading looks for himself until he follows again.
    await clinic.page.reload()
    await expect(clinic.see("room")).to_have_attribute("data-place", "in")
    await looks(clinic, frame="1")
    await expect(clinic.see("image-legend")).to_contain_text("窗位 -600")
    await clinic.keys("ArrowRight")
    await looks(clinic, frame="2")
    await looks(specialist, frame="1")
    await expect(clinic.page.get_by_role("radio", name="自己看")).to_be_checked()
    await clinic.page.get_by_role("radio", name="跟随").click()
    await looks(clinic, frame="1")
    assert await too_wide(clinic) == []

    # The paper, page by page.
    await specialist.page.get_by_role("button", name="换一份").click()
    await specialist.see("picture-list").get_by_role("button", name="化验单").click()
    await specialist.page.get_by_role("button", name="下一页").click()
    await expect(clinic.see("image-legend")).to_contain_text("第 2/2 页")
    await looks(clinic, frame="1")

    axe = AXE.read_text(encoding="utf-8")
    assert await violations(specialist, axe) + await violations(clinic, axe) == []
    people.no_faults()


async def test_a_signed_report_is_looked_at_together(hub: Hub, people: People) -> None:
    recording = (await hub.send("org_hewan", real("101"), KNOWN)).recording
    await queued(hub, recording)
    async with await hub.sign_in("reader") as reader:
        report = {"statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}], "grade": "normal"}
        await reader.post(f"/api/recordings/{recording}/sign", report)
    consult = await consultation(hub, recording)
    clinic = await people.open("clinic", f"/room/{consult}")
    specialist = await people.open("oncall", f"/room/{consult}")
    for person in (clinic, specialist):
        await enter(person)
    await specialist.keys("4")
    await specialist.see("picture-list").get_by_role("button", name=re.compile("心电图报告")).click()
    for person in (clinic, specialist):
        await looks(person, frame="0", state="here")
    # Another one in its place: an image, then the report again.
    await hand_over_in_room(specialist)
    await looks(clinic, frame="0", state="here")
    await expect(clinic.see("image-legend")).to_contain_text("HU")
    await specialist.page.get_by_role("button", name="换一份").click()
    await specialist.see("picture-list").get_by_role("button", name=re.compile("心电图报告")).click()
    for person in (clinic, specialist):
        await expect(person.see("image-legend")).not_to_contain_text("HU")
        await looks(person, frame="0", state="here")
    people.no_faults()


async def hand_over_in_room(person: Person) -> None:
    await person.page.get_by_role("button", name="换一份").click()
    await hand_over(person, "CT.dcm", made(ct))
    await person.see("picture-list").get_by_role("button", name="CT.dcm").click()
