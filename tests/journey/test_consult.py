"""Clinic and specialist meet: two browsers with cameras, one ECG before both, an opinion that both have signed."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.journey.conftest import People, Person, expect_ink, ink, real, shot
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

PURPOSE = "是否需要上转"
OPINION = "心房颤动，控制心室率，一周后复诊。"


async def request(clinic: Person, recording: str) -> str:
    """From the recording, by keyboard where there is a key. Returns the consultation's id."""
    await clinic.go(f"/recording/{recording}")
    await expect(clinic.see("recording-page")).to_be_visible()
    await expect(clinic.page.locator(".ecg canvas").first).to_be_visible()
    await clinic.keys("c")
    form = clinic.see("consult-form")
    await form.locator("[name=purpose]").fill(PURPOSE)
    await form.locator("[name=summary]").fill("反复心悸三天，血压 130/80。")
    await form.locator("[name=consent][value=written]").check()
    await clinic.keys("Control+Enter")
    await clinic.page.wait_for_url("**/consult/*")
    await expect(clinic.see("consult-page")).to_have_attribute("data-state", "submitted")
    return clinic.page.url.rsplit("/", 1)[1]


async def enter(person: Person) -> None:
    await expect(person.see("self-tile")).to_have_attribute("data-state", "on")
    await person.see("lobby").get_by_role("button", name="进入").click()
    await expect(person.see("room")).to_have_attribute("data-place", "in")


NEW_FRAMES = """video => new Promise(done => {
  const begun = video.currentTime
  const look = () => video.videoWidth > 0 && video.currentTime > begun ? done() : requestAnimationFrame(look)
  look()
})"""


async def plays(video: Locator) -> None:
    """Pictures really arrive: the other's fake camera draws new frames."""
    await expect(video).to_be_visible()
    await video.evaluate(NEW_FRAMES)


async def test_two_people_hold_a_consultation_before_the_same_ecg_and_both_sign_its_opinion(
    hub: Hub, people: People
) -> None:
    receipt = await hub.send("org_hewan", real("101"), REQUEST)
    clinic = await people.open("clinic")
    specialist = await people.open("oncall", "/consults", theme="dark")
    await expect(specialist.see("consults")).to_be_visible()

    # Asked by the clinic, on the specialist's open page without a reload, accepted.
    consult = await request(clinic, receipt.recording)
    await specialist.page.get_by_role("link", name="马德福").click()
    await specialist.page.get_by_role("button", name="接受").click()
    await expect(specialist.see("consult-page")).to_have_attribute("data-state", "accepted")
    await expect(clinic.see("consult-page")).to_have_attribute("data-state", "accepted")

    # Both go in and see and hear each other.
    for person in (clinic, specialist):
        await person.go(f"/room/{consult}")
        await enter(person)
    for person in (clinic, specialist):
        tile = person.see("peer-tile")
        await expect(tile).to_have_attribute("data-state", "connected")
        await plays(tile.locator("video"))
    await shot(specialist.page, "room")

    # One points, the other sees where; the host moves the paper, the other's follows.
    theirs = specialist.page.locator(".stage-paper canvas.ecg-over")
    empty = await ink(theirs)
    box = await clinic.page.locator(".stage-paper canvas").first.bounding_box()
    assert box is not None
    await clinic.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3, steps=4)
    await expect_ink(theirs, empty)
    paper = ".stage-paper"
    await specialist.keys("Alt+2")
    for person in (clinic, specialist):
        await expect(person.page.locator(paper)).to_have_attribute("data-layout", "6x2")

    # What was said stays after a reload, and so does the seat.
    chat = clinic.see("thread-input")
    await chat.fill("患者现在血压 125/75")
    await chat.press("Enter")
    await expect(specialist.see("thread")).to_contain_text("患者现在血压 125/75")
    await specialist.page.reload()
    await expect(specialist.see("thread")).to_contain_text("患者现在血压 125/75")
    await expect(specialist.see("room")).to_have_attribute("data-place", "in")
    await expect(specialist.page.locator(paper)).to_have_attribute("data-layout", "6x2")
    for person in (clinic, specialist):
        await expect(person.see("peer-tile")).to_have_attribute("data-state", "connected")

    # The specialist writes and signs; the clinic countersigns; it stands in the clinic's record.
    await specialist.see("opinion-open").get_by_role("button").click()
    await specialist.see("opinion-form").locator("[name=opinion]").fill(OPINION)
    await specialist.keys("Control+Enter")
    await expect(specialist.see("opinion")).to_contain_text(OPINION)
    await clinic.see("opinion-open").get_by_role("button").click()
    await expect(clinic.see("opinion")).to_contain_text(OPINION)
    await clinic.see("opinion").get_by_role("button", name="会签").click()
    for person in (clinic, specialist):
        await expect(person.see("opinion")).to_have_attribute("data-countersigned", "true")
    await clinic.see("leave").get_by_role("button").click()
    await clinic.go(f"/recording/{receipt.recording}")
    await expect(clinic.see("recording-page")).to_contain_text(OPINION)
    await expect(clinic.see("recording-page")).to_contain_text("陆闻笙")
    people.no_faults()
