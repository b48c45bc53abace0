"""Eyes on the same trace: who leads the view, what is drawn together, what stands on the stage, whose hand is up."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from device.frames import Patient, Request
from server.consult import store
from tests.journey.conftest import PHONE, People, Person, queued, real
from tests.journey.test_consult import enter
from tests.journey.test_pages import AXE, too_wide, violations
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

KNOWN = Request(patient=Patient(name="马德福", sex="M", age=58, id_no="632122196801012345"), symptoms=("palpitation",))


async def consultation(hub: Hub, recording: str) -> str:
    """Asked by the clinic and accepted by the specialist on call, who so is its host."""
    asked = {
        "recording": recording, "invitee_org": "org_city", "purpose": "是否需要上转", "summary": "反复心悸三天",
        "priority": "routine", "consent": "written", "alert": None,
        "consent_paper": {"kind": "written", "by": "马德福", "relation": "self"},
    }  # fmt: skip
    async with await hub.sign_in("clinic") as clinic, await hub.sign_in("oncall") as oncall:
        consult = str((await clinic.post("/api/consults", asked))["id"])
        await oncall.post(f"/api/consults/{consult}/accept", {})
    return consult


async def drag(person: Person, over: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place to another, in parts of the element's size."""
    box = await over.bounding_box()
    assert box is not None
    (x0, y0), (x1, y1) = ((box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end))
    await person.page.mouse.move(x0, y0)
    await person.page.mouse.down()
    await person.page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=3)
    await person.page.mouse.move(x1, y1, steps=3)
    await person.page.mouse.up()


async def shows(person: Person, **data: str) -> None:
    for name, value in data.items():
        await expect(person.see("paper")).to_have_attribute(f"data-{name}", re.compile(value))


async def test_one_leads_the_view_control_is_asked_for_and_given_and_marks_stay_on_their_beat(
    hub: Hub, people: People
) -> None:
    earlier = (await hub.send("org_hewan", real("62"), KNOWN)).recording
    recording = (await hub.send("org_hewan", real("101"), KNOWN)).recording
    await queued(hub, recording)
    consult = await consultation(hub, recording)
    clinic = await people.open("clinic", f"/room/{consult}")
    specialist = await people.open("oncall", f"/room/{consult}", theme="dark")
    await expect(clinic.see("net-check")).to_contain_text("ms")
    for person in (clinic, specialist):
        await enter(person)
    control = specialist.see("control")
    await expect(control).to_contain_text("你在主讲")
    await expect(clinic.see("control")).to_contain_text("在主讲")

    # Who leads moves both; who does not looks for himself from his first move on, until he follows again.
    await specialist.keys("Alt+2")
    for person in (clinic, specialist):
        await shows(person, layout="^6x2$")
    await clinic.keys("Alt+3")
    await shows(clinic, layout="^12x1$")
    await expect(clinic.page.get_by_role("radio", name="自己看")).to_be_checked()
    await shows(specialist, layout="^6x2$")
    await clinic.page.get_by_role("radio", name="跟随").click()
    await shows(clinic, layout="^6x2$")

    # Asked for and given; the host takes it back.
    await clinic.page.get_by_role("button", name="申请主讲").click()
    await expect(control).to_contain_text("申请主讲")
    await control.get_by_role("button", name="同意").click()
    await expect(clinic.see("control")).to_contain_text("你在主讲")
    await clinic.keys("Alt+1")
    await shows(specialist, layout=r"^3x4\+1$")
    await control.get_by_role("button", name="收回主讲").click()
    await expect(clinic.see("control").get_by_role("button", name="申请主讲")).to_be_visible()

    # A box with words and a caliper, each with its author, seen by the other and by one who comes back.
    await specialist.keys("d")
    await specialist.page.get_by_role("radio", name="方框").click()
    await drag(specialist, specialist.see("draw-layer"), (0.30, 0.20), (0.45, 0.32))
    await shows(clinic, marks="^box$")
    await specialist.page.get_by_label("给方框写几个字").fill("看 P 波")
    await specialist.keys("Enter", "d")
    await clinic.keys("Alt+m")
    await shows(specialist, marks="time")
    await clinic.keys("Escape")
    await shows(specialist, marks="^box$")
    await clinic.page.reload()
    await expect(clinic.see("room")).to_have_attribute("data-place", "in")
    await shows(clinic, marks="^box$", layout=r"^3x4\+1$")

    # The record on the stage: an earlier ECG of the patient before both, its marks its own; and the whiteboard.
    await specialist.keys("3")
    await expect(clinic.see("earlier").get_by_role("button")).to_have_count(2)
    await specialist.see("earlier").get_by_role("button").last.click()
    for person in (clinic, specialist):
        await shows(person, recording=f"^{earlier}$", marks="^$")
    await specialist.keys("5")
    await expect(specialist.see("board")).to_be_visible()  # what stands on the stage is the hub's word
    await specialist.keys("d")
    await drag(specialist, specialist.see("draw-layer"), (0.40, 0.40), (0.60, 0.60))
    await expect(clinic.see("board")).to_have_attribute("data-marks", "1")
    await specialist.page.get_by_role("button", name="撤销").click()
    await expect(clinic.see("board")).to_have_attribute("data-marks", "0")
    people.no_faults()


async def test_hands_stand_in_a_queue_and_the_host_calls_mutes_and_lets_lead(hub: Hub, people: People) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    clinic = await people.open("clinic", f"/room/{consult}", size=PHONE)
    specialist = await people.open("oncall", f"/room/{consult}")
    for person in (clinic, specialist):
        await enter(person)
    await clinic.page.get_by_role("button", name="举手").click()
    await specialist.keys("p")
    row = specialist.see("people").locator("[data-hand='1']")
    await expect(row).to_contain_text("申请方")
    await row.get_by_role("button", name="请发言").click()
    row = specialist.see("people").locator("li", has_text="正在发言")
    await expect(row).to_have_attribute("data-hand", "0")
    await row.get_by_role("button", name="请静音").click()
    await expect(clinic.see("hushed")).to_be_visible()
    await expect(row.get_by_role("button", name="请静音")).to_have_count(0)
    await row.get_by_role("button", name="请主讲").click()
    await expect(clinic.see("control")).to_contain_text("你在主讲")

    # He goes: the host has the view again, and the list says so.
    await clinic.see("leave").get_by_role("button").click()
    await expect(specialist.see("control")).to_contain_text("你在主讲")
    await expect(specialist.see("people").locator("[data-here=false]")).to_have_count(1)

    axe = AXE.read_text(encoding="utf-8")
    assert await violations(specialist, axe) == []
    await clinic.go(f"/room/{consult}")
    await enter(clinic)
    await clinic.page.get_by_role("button", name="成员").click()
    await expect(clinic.see("people")).to_be_visible()
    assert await too_wide(clinic) + await violations(clinic, axe) == []
    people.no_faults()


async def test_an_observer_listens_until_the_host_gives_him_the_word(hub: Hub, people: People) -> None:
    consult = await consultation(hub, (await hub.send("org_hewan", real("101"), REQUEST)).recording)
    async with await hub.sign_in("second") as looker:
        account = (await looker.get("/api/me"))["id"]
    await hub.app.db.write(lambda tx: store.add_member(tx.conn, consult, account, "org_county", "observer"))
    specialist = await people.open("oncall", f"/room/{consult}")
    observer = await people.open("second", f"/room/{consult}")
    for person in (specialist, observer):
        await enter(person)
    mic = observer.page.locator(".room-control").first
    await expect(mic).to_be_disabled()
    await expect(mic).to_have_attribute("title", re.compile("旁听只听不发言"))
    await observer.keys("m")
    await expect(mic).to_have_attribute("aria-pressed", "false")

    await observer.page.get_by_role("button", name="举手").click()
    await specialist.keys("p")
    await specialist.see("people").locator("[data-hand='1']").get_by_role("button", name="请发言").click()
    await expect(mic).to_be_enabled()
    await observer.keys("m")
    await expect(mic).to_have_attribute("aria-pressed", "true")

    await specialist.see("people").locator("li", has_text="正在发言").get_by_role("button", name="结束发言").click()
    await expect(mic).to_be_disabled()
    await expect(mic).to_have_attribute("aria-pressed", "false")
    people.no_faults()
