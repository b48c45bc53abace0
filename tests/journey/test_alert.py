"""A critical ECG reaches a person who answers for it, and the clinic sees that he does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from device.frames import Patient, Request
from ecg import codes
from server.base.clock import SystemClock
from tests.journey.conftest import People, Person, page_hub, real
from tests.server.conftest import Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

FAINTED = Request(patient=Patient(name="马德福", sex="M", age=43), symptoms=("syncope",))
FINDING = codes.findings()["VT"].name_zh


@dataclass
class AheadClock(SystemClock):
    """The real clock, and some seconds more whenever a test moves it: nobody waits two minutes for the second line."""

    ahead_s: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest_asyncio.fixture(loop_scope="session")
async def hub(tmp_path: Path, clock: AheadClock) -> AsyncIterator[Hub]:
    hub = page_hub(tmp_path)
    hub.clock = clock
    async with hub:
        yield hub


async def pass_time(hub: Hub, clock: AheadClock, seconds: float) -> None:
    clock.ahead_s += seconds
    hub.app.spine.poke_timers()


async def pick(person: Person, question: str, *, right: str, wrong: bool = False) -> None:
    """One of three by its digit, as printed on it."""
    choices = person.see(f"read-back-{question}").get_by_role("button")
    await expect(choices).to_have_count(3)
    said = await choices.all_inner_texts()
    at = next(i for i, text in enumerate(said) if (right in text) != wrong)
    await person.keys(f"Digit{at + 1}")


async def test_a_critical_value_climbs_until_one_person_reads_it_back_and_closes_it(
    hub: Hub, people: People, clock: AheadClock
) -> None:
    clinic = await people.open("clinic", "/clinic")
    first = await people.open("oncall", "/worklist")
    second = await people.open("second", "/worklist", theme="dark")
    await expect(clinic.see("patients")).to_be_visible()
    for specialist in (first, second):
        await expect(specialist.page.locator(".wl-list")).to_be_visible()

    await hub.send("org_hewan", real("JS45542"), FAINTED)

    # The first line's page rings: banner above everything, and the title for who looks elsewhere.
    banner = first.see("alarm-banner")
    await expect(banner).to_contain_text("马德福")
    await expect(banner).to_contain_text(FINDING)
    await expect(first.page).to_have_title("▲ 危急 马德福")
    await expect(clinic.see("patients").get_by_role("row", name="马德福")).to_contain_text("危急")

    # A tap alone is "seen": the ladder goes on to the second line.
    await banner.get_by_role("link").first.click()
    await expect(first.see("alert-page")).to_have_attribute("data-state", "seen")
    await pass_time(hub, clock, 121)
    await expect(first.page.locator(".alert-pages")).to_contain_text("白若川")
    await expect(first.see("alert-page")).to_have_attribute("data-state", "seen")

    # The second line answers; a wrong read-back is refused and stops nothing.
    second.refusal(409, r"/read-back$")
    second.refusal(422, r"/read-back$")
    await second.keys("F2")
    await pick(second, "finding", right=FINDING)
    await pick(second, "patient", right="马德福", wrong=True)
    await expect(second.see("read-back-wrong")).to_be_visible()
    await expect(first.see("alert-page")).to_have_attribute("data-state", "seen")
    await pick(second, "finding", right=FINDING)
    await pick(second, "patient", right="马德福")
    await expect(second.see("alert-page")).to_have_attribute("data-state", "acknowledged")
    await expect(first.see("alert-page")).to_have_attribute("data-state", "acknowledged")
    await expect(first.page).not_to_have_title("▲ 危急 马德福")
    await clinic.see("alarm-chips").get_by_role("link", name="白若川").click()
    await expect(clinic.see("alert-page")).to_contain_text("白若川")

    # The clinic is told and repeats it; then what was done and where the patient went.
    callback = second.see("callback-form")
    await callback.locator("[name=told]").fill("马春兰")
    await callback.locator("[name=read_back]").fill("马德福，室速，立即转院")
    await callback.get_by_role("button", name="记录回报").click()
    await expect(second.see("alert-page")).to_have_attribute("data-state", "acting")
    close = second.see("close-form")
    await close.locator("[name=action]").fill("胺碘酮静推")
    await close.locator("[name=outcome]").fill("救护车转安川县人民医院")
    await close.get_by_role("button", name="闭环").click()
    await expect(second.see("alert-page")).to_have_attribute("data-state", "closed")

    await expect(clinic.see("alert-page")).to_have_attribute("data-state", "closed")
    await expect(clinic.see("alert-page")).to_contain_text("救护车转安川县人民医院")
    await clinic.keys("Escape")
    row = clinic.see("patients").get_by_role("row", name="马德福")
    await expect(row).not_to_contain_text("危急")
    await row.dblclick()
    await expect(clinic.see("recording-page")).to_contain_text("白若川")  # in what happened to this ECG
    people.no_faults()


async def test_when_nobody_answers_the_next_person_is_paged_until_everybody_was(
    hub: Hub, people: People, clock: AheadClock
) -> None:
    head = await people.open("head", "/alerts")
    await hub.send("org_hewan", real("JS45542"), FAINTED)
    await head.page.get_by_role("row", name="马德福").click()
    await head.keys("Enter")
    pages = head.page.locator(".alert-pages li")
    await expect(head.see("alert-page")).to_be_visible()
    await expect(pages).to_have_count(1)
    for passed_s, count, paged in ((61, 2, "陆闻笙"), (60, 3, "白若川"), (180, 5, "罗世杰")):
        await pass_time(hub, clock, passed_s)
        await expect(pages).to_have_count(count)
        await expect(pages.filter(has_text=paged)).not_to_have_count(0)
    await pass_time(hub, clock, 300)
    await expect(head.see("alert-page")).to_have_attribute("data-state", "expired")
    await expect(head.see("ladder")).to_contain_text("名单已走完")
    await expect(head.see("take")).to_be_visible()  # late is better than never
    people.no_faults()
