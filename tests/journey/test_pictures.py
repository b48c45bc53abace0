"""The pictures of the tutorial, taken from the running product: `XINLIAN_SHOTS=1 ./run test tests/journey`.

Collected only when asked for (`conftest.py`), so that an ordinary run leaves the tree as it was. The room's picture is
taken where the room is (`test_consult.py`).
"""

from __future__ import annotations

import random

import pytest
from playwright.async_api import expect

from device.frames import Patient, Request
from server import demo
from tests.journey.conftest import PHONE, ROOT, Language, People, shot
from tests.server.conftest import Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

FAINTED = Request(patient=Patient(name="马德福", sex="M", age=43), symptoms=("syncope",))
SHOWN = {"zh": "韩守田", "en": "周桂兰"}  # one each: the draft of the one picture must not stand in the other
PALPITATION = Request(patient=Patient(name=SHOWN["zh"], sex="M", age=44), symptoms=("palpitation", "dyspnoea"))
FLUTTER = Request(patient=Patient(name=SHOWN["en"], sex="F", age=69), symptoms=("palpitation",))


async def a_morning(hub: Hub) -> dict[str, str]:
    """Every real recording of the demonstration, and some traffic; one is signed. Recording ids by record."""
    rng = random.Random(demo.SEED)
    places, sent = list(hub.keys), {}
    for number, (record, recording) in enumerate(demo.load(ROOT / "demo/recordings")):
        name = rng.choice(demo.FAMILY) + rng.choice(demo.GIVEN)
        known = record.sex in ("M", "F")
        patient = Patient(name=name, sex=record.sex, age=record.age) if known else None  # type: ignore[arg-type]
        request = Request(patient=patient, symptoms=rng.choice(demo.COMPLAINTS))
        request = {"JS45542": FAINTED, "101": PALPITATION, "52": FLUTTER}.get(record.record, request)
        place = "org_hewan" if record.record in ("JS45542", "101", "62") else places[number % len(places)]
        sent[record.record] = (await hub.send(place, recording, request)).recording
    for _ in range(10):
        patient = Patient(name=rng.choice(demo.FAMILY) + rng.choice(demo.GIVEN), sex="F", age=rng.randint(30, 85))
        request = Request(patient=patient, symptoms=rng.choice(demo.COMPLAINTS))
        await hub.send(rng.choice(places), demo.synthetic(rng), request)
    async with await hub.sign_in("reader") as reader:

        async def all_queued() -> bool:
            return len((await reader.get("/api/worklist"))["rows"]) >= len(sent) + 10

        await until(all_queued, 60)
        report = {"statements": [{"code": "NORMAL_ECG", "text": "正常心电图"}], "grade": "normal"}
        await reader.post(f"/api/recordings/{sent['62']}/sign", report)
    return sent


async def test_the_pictures_of_the_tutorial(hub: Hub, people: People) -> None:
    sent = await a_morning(hub)
    stranger = await people.open("", "/login", signed_in=False)
    await expect(stranger.page.locator(".login-one").first).to_be_visible()
    await shot(stranger.page, "login")
    languages: tuple[tuple[Language, str], ...] = (("zh", ""), ("en", "-en"))
    for lang, suffix in languages:
        reader = await people.open("reader", "/worklist", lang=lang)
        await reader.page.get_by_role("row", name=SHOWN[lang]).click()
        await expect(reader.page.locator(".wl-preview canvas").first).to_be_visible()
        await shot(reader.page, f"worklist{suffix}")
        await reader.keys("Enter")
        await expect(reader.page.locator(".rd-finding").first).to_be_visible()
        await reader.keys("a")
        await expect(reader.page.locator("ol .rd-statement").first).to_be_visible()
        await shot(reader.page, f"reader{suffix}")
        await reader.context.close()
    clinic = await people.open("clinic", "/clinic")
    await expect(clinic.see("patients").get_by_role("row", name="马德福")).to_be_visible()
    await shot(clinic.page, "clinic")
    oncall = await people.open("oncall", "/alerts", size=PHONE, theme="dark")
    await oncall.page.get_by_text("马德福").last.click()
    await expect(oncall.see("alert-traces").locator("canvas").first).to_be_visible()
    await shot(oncall.page, "alert")
    assert sent
