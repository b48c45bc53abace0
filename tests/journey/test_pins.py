"""A question pinned on a beat: asked on the paper, answered in the same place by a colleague, kept with the report."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journey.conftest import People, queued, real
from tests.journey.test_pages import AXE, violations
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def test_a_question_stands_on_its_beat_and_is_answered_there(hub: Hub, people: People) -> None:
    recording = (await hub.send("org_hewan", real("101"), REQUEST)).recording
    await queued(hub, recording)
    reader = await people.open("reader", f"/read/{recording}")
    paper = reader.see("reader-paper")
    await expect(paper.locator(".ecg-box")).to_be_visible()
    await reader.keys("Shift+Y")
    box = await reader.see("pin-layer").bounding_box()
    assert box is not None
    await reader.page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    await expect(reader.see("asked-at")).to_contain_text("导联")
    await reader.see("thread-input").fill("这是 P 波吗 <b>x</b>")
    await reader.keys("Enter")
    await expect(paper).to_have_attribute("data-pins", "1")
    await expect(reader.see("asked-at")).to_have_count(0)

    # A colleague sees it on the same beat and answers there; the writer sees the answer without a reload.
    other = await people.open("head", f"/read/{recording}", theme="dark")
    await expect(other.see("reader-paper")).to_have_attribute("data-pins", "1")
    asked = other.page.locator(".bub", has_text="这是 P 波吗 <b>x</b>")
    await asked.get_by_role("button", name="在此回答").click()
    await expect(other.see("asked-at")).to_contain_text("导联")
    await other.page.keyboard.type("是，PR 延长")
    await other.keys("Enter")
    answer = reader.page.locator(".bub", has_text="是，PR 延长")
    await expect(answer.get_by_role("button", name="在此回答")).to_be_visible()
    await expect(paper).to_have_attribute("data-pins", "1")

    # Laid out anew, gone to, signed: it stands where it stood.
    await reader.page.locator("body").click(position={"x": 5, "y": 5})
    await reader.keys("2")
    await answer.get_by_role("button", name="导联").click()
    async with await hub.sign_in("reader") as signing:
        said = {"statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}], "grade": "normal"}
        await signing.post(f"/api/recordings/{recording}/sign", said)
    await reader.page.reload()
    await expect(reader.see("reader-paper")).to_have_attribute("data-pins", "1")
    await expect(reader.page.locator(".bub", has_text="是，PR 延长")).to_be_visible()
    assert await violations(reader, AXE.read_text(encoding="utf-8")) == []
    people.no_faults()
