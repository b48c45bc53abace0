"""A screen before everybody, and devices that go in the middle of the talk: said in words, and the room goes on."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.journey.conftest import PHONE, People, Person, real
from tests.journey.test_consult import enter, plays
from tests.journey.test_pages import AXE, too_wide, violations
from tests.journey.test_room_media import accepted
from tests.journey.test_room_view import consultation
from tests.server.conftest import REQUEST, Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

# A browser without a desktop has no screen to give: this page gives a canvas, or refuses, as the test says.
SCREEN = """
window.screenIs = 'here'
navigator.mediaDevices.getDisplayMedia = async () => {
  if (window.screenIs !== 'here') throw new DOMException('', window.screenIs)
  const canvas = Object.assign(document.createElement('canvas'), { width: 800, height: 600 })
  const pen = canvas.getContext('2d')
  let n = 0
  setInterval(() => {
    pen.fillStyle = n++ % 2 ? '#d00' : '#00d'
    pen.fillRect(0, 0, 800, 600)
  }, 100)
  return canvas.captureStream(10)
}
"""
# Of another shape than the camera's picture, whatever the line lets through of its size.
IS_SCREEN = "v => Math.abs(v.videoWidth / v.videoHeight - 4 / 3) < 0.02"
SENT = """() => document.querySelector('[data-testid=screen] video').srcObject.getTracks()[0].getSettings().deviceId"""
UNPLUGGED = """kind => {
  const [track] = document.querySelector('[data-testid=self-tile] video').srcObject.getTracks()
  track.stop()
  track.dispatchEvent(new Event('ended'))
}"""


TAKEN = """() => {
  window.real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotReadableError') }
}"""


async def sees_screen(person: Person) -> None:
    video = person.see("screen").locator("video")
    await plays(video)
    await until(lambda: video.evaluate(IS_SCREEN), 60)


async def test_who_leads_shares_his_screen_and_ends_it(hub: Hub, people: People) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    clinic = await people.open("clinic", size=PHONE)
    specialist = await people.open("oncall", theme="dark")
    for person in (clinic, specialist):
        await person.context.add_init_script(SCREEN)
        await person.go(f"/room/{consult}")
        await enter(person)
    await expect(clinic.see("control")).to_contain_text("在主讲")
    await expect(clinic.page.get_by_role("button", name="共享屏幕")).to_be_disabled()

    await specialist.page.evaluate("window.screenIs = 'NotAllowedError'")
    await specialist.keys("g")
    await expect(specialist.see("no-screen")).to_contain_text("没有共享")
    await specialist.page.evaluate("window.screenIs = 'here'")
    await specialist.keys("g")
    for person in (clinic, specialist):
        await expect(person.see("stage")).to_have_attribute("data-source", "screen")
    await sees_screen(clinic)
    await expect(clinic.see("screen")).to_contain_text("共享的画面")
    await expect(specialist.see("screen")).to_contain_text("大家正在看")
    axe = AXE.read_text(encoding="utf-8")
    assert await violations(specialist, axe) + await violations(clinic, axe) + await too_wide(clinic) == []
    await specialist.see("screen").get_by_role("button", name="停止共享").click()
    for person in (clinic, specialist):
        await expect(person.see("stage")).to_have_attribute("data-source", "ecg")
    people.no_faults()


async def test_a_second_camera_stands_before_all_while_its_owner_leads(hub: Hub, people: People) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    clinic = await people.open("clinic", f"/room/{consult}")
    specialist = await people.open("oncall", f"/room/{consult}", theme="dark")
    for person in (clinic, specialist):
        await enter(person)
    await clinic.keys("k")
    await expect(clinic.see("second-camera").get_by_role("button").first).to_be_disabled()
    await specialist.keys("k")
    second = specialist.see("second-camera")
    await second.get_by_role("button", name="放到大屏").last.click()
    await expect(clinic.see("stage")).to_have_attribute("data-source", "screen")
    await plays(clinic.see("screen").locator("video"))
    face = await specialist.see("devices").get_by_label("摄像头").first.input_value()
    assert await specialist.page.evaluate(SENT) not in ("", face), "the same camera twice"
    assert await violations(specialist, AXE.read_text(encoding="utf-8")) == []
    await second.get_by_role("button", name="停止共享").click()
    await expect(clinic.see("stage")).to_have_attribute("data-source", "ecg")
    await plays(clinic.see("peer-tile").locator("video"))
    people.no_faults()


async def test_three_see_the_screen_over_the_forwarder(hub: Hub, people: People) -> None:
    consult, everybody = await accepted(hub, people, "reader")
    clinic, specialist, third = everybody
    for person in everybody:
        person.refusal(409, r"/media/watch$")
        await person.context.add_init_script(SCREEN)
        await person.go(f"/room/{consult}")
        await enter(person)
    await specialist.keys("g")
    for person in (clinic, third):
        await sees_screen(person)
    await third.see("strip").get_by_role("button", name="放大").first.click()
    await expect(third.page.get_by_role("button", name="不再固定")).to_be_visible()
    await specialist.keys("g")
    for person in everybody:
        await expect(person.see("stage")).to_have_attribute("data-source", "ecg")
    people.no_faults()


async def test_a_camera_that_is_pulled_out_or_taken_is_said_and_comes_back(hub: Hub, people: People) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    clinic = await people.open("clinic", f"/room/{consult}")
    specialist = await people.open("oncall", f"/room/{consult}")
    for person in (clinic, specialist):
        await enter(person)
    await plays(specialist.see("peer-tile").locator("video"))
    await clinic.page.evaluate(UNPLUGGED)
    trouble = clinic.see("device-trouble")
    await expect(trouble).to_contain_text("摄像头断开")
    await expect(specialist.see("peer-tile")).to_contain_text("摄像头已关")

    # Another program has it now; then it is free again.
    await clinic.page.evaluate(TAKEN)
    await trouble.get_by_role("button").click()
    await expect(trouble).to_contain_text("占用")
    await clinic.page.evaluate("() => { navigator.mediaDevices.getUserMedia = window.real }")
    await trouble.get_by_role("button").click()
    await expect(trouble).to_have_count(0)
    await plays(specialist.see("peer-tile").locator("video"))

    # Which of them is used is chosen while talking.
    await clinic.keys("k")
    choices = clinic.see("devices").get_by_label("麦克风").locator("option")
    await expect(choices.nth(1)).to_be_attached()
    await clinic.see("devices").get_by_label("麦克风").select_option(index=1)
    await expect(clinic.see("self-tile")).to_have_attribute("data-state", "on")
    await plays(specialist.see("peer-tile").locator("video"))
    assert await violations(clinic, AXE.read_text(encoding="utf-8")) == []
    people.no_faults()
