"""离线会诊: asked without an appointment, answered by text and a drawing on the ECG, signed by both sides."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journey.conftest import People, real
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def test_a_question_is_answered_in_writing_and_by_drawing_on_the_ecg(hub: Hub, people: People) -> None:
    receipt = await hub.send("org_hewan", real("62"), REQUEST)
    clinic = await people.open("clinic")
    specialist = await people.open("oncall", "/consults")
    await clinic.go(f"/consult/new?recording={receipt.recording}")
    form = clinic.see("consult-form")
    await form.locator("[name=purpose]").fill("是否调整用药")
    await form.locator("[name=summary]").fill("心悸三天")
    await form.locator("[name=consent][value=written]").check()
    await clinic.see("mode").get_by_role("radio", name="离线会诊").click()
    await clinic.keys("Control+Enter")
    await clinic.page.wait_for_url("**/consult/con_*")
    await expect(clinic.see("answer-by")).to_contain_text("前书面答复")

    # Accepted; there is no way into a room, but the ECG can be drawn on.
    await specialist.go("/consult/" + clinic.page.url.partition("/consult/")[2])
    await specialist.page.get_by_role("button", name="接受").click()
    await expect(specialist.see("consult-page")).to_have_attribute("data-state", "accepted")
    await expect(specialist.page.get_by_role("button", name="进入会诊室")).to_have_count(0)
    await specialist.page.get_by_role("button", name="在心电图上标注").click()
    layer = specialist.see("draw-layer")
    await layer.scroll_into_view_if_needed()
    box = await layer.bounding_box()
    assert box is not None
    mouse = specialist.page.mouse
    await mouse.move(box["x"] + 0.30 * box["width"], box["y"] + 0.15 * box["height"])
    await mouse.down()
    await mouse.move(box["x"] + 0.36 * box["width"], box["y"] + 0.28 * box["height"], steps=4)
    await mouse.up()
    await expect(specialist.see("marked")).to_have_attribute("data-marks", "1")
    await specialist.see("marked").locator("[name=mark-words]").fill("此处早搏")
    await specialist.see("marked").locator("[name=mark-words]").press("Enter")
    await specialist.page.get_by_role("button", name="写会诊意见").click()
    written = specialist.see("opinion-form")
    await written.locator("[name=opinion]").fill("室性早搏，暂不调药")
    await written.get_by_role("button", name="签署").click()

    # The clinic sees the answer with the drawing and takes it into the record.
    await expect(clinic.see("opinion")).to_contain_text("暂不调药")
    await expect(clinic.see("marked")).to_have_attribute("data-marks", "1")
    await clinic.see("opinion").get_by_role("button", name="会签").click()
    await expect(clinic.see("opinion")).to_have_attribute("data-countersigned", "true")
    await expect(clinic.see("conclusion-filed")).to_be_visible()
    people.no_faults()
