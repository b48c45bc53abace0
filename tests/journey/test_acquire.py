"""The clinic records an ECG: the form, the leads as they come, and what the reader sends back."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from device.simulate import run_device, upload_of
from tests.journey.conftest import People, expect_ink, real
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def test_the_clinic_asks_for_an_ecg_sees_it_come_and_finds_it_in_the_queue(hub: Hub, people: People) -> None:
    clinic = await people.open("clinic", "/clinic")
    await expect(clinic.see("acquire")).to_be_visible()
    await clinic.keys("n")
    form = clinic.see("order-form")
    await form.locator("[name=patient-name]").fill("祁秀英")
    await form.get_by_role("radio", name="女").click()
    await form.locator("[name=patient-age]").fill("61")
    await form.get_by_role("button", name="心悸").click()
    await clinic.keys("Control+Enter")
    await clinic.page.wait_for_url("**/acquire?order=*")
    page = clinic.see("acquire-page")
    await expect(page).to_contain_text("祁秀英")

    # The device knows nothing of the form: what it sends next from this clinic belongs to it.
    gateway = f"ws://127.0.0.1:{hub.app.device_port}"
    upload = upload_of(real("62"), mode="live")
    sending = asyncio.create_task(run_device(upload, gateway, hub.keys["org_hewan"], speed=2.5))
    await expect(page).to_have_attribute("data-state", "receiving")
    sweep = clinic.page.locator(".acq-live canvas").last
    await expect(sweep).to_be_visible()
    await expect_ink(sweep, 2000)
    recording = (await sending).recording

    await expect(page).to_have_attribute("data-state", "waiting")
    await expect(page).to_contain_text("12 个导联良好")
    await clinic.keys("Enter")
    await clinic.page.wait_for_url(f"**/recording/{recording}")
    await expect(clinic.see("recording-page")).to_contain_text("祁秀英")
    await expect(clinic.see("recording-page")).to_contain_text("心悸")
    people.no_faults()


async def test_an_ecg_sent_back_stands_in_the_clinic_with_its_reason_and_is_recorded_again(
    hub: Hub, people: People
) -> None:
    clinic = await people.open("clinic", "/clinic")
    receipt = await hub.send("org_hewan", real("1169320"), REQUEST)
    row = clinic.see("patients").get_by_role("row", name="马德福")
    await expect(row).to_contain_text("信号质量差")
    reader = await people.open("reader", f"/read/{receipt.recording}")
    await expect(reader.page.locator(".ecg canvas").first).to_be_visible()
    await reader.keys("r")
    await expect(reader.page.get_by_role("dialog")).to_be_visible()
    await reader.keys("Digit1", "Enter")
    await expect(reader.page.get_by_role("dialog")).to_be_hidden()
    await expect(row).to_contain_text("电极脱落，请重采")
    await row.get_by_role("button", name="重新采集").click()
    await expect(clinic.see("order-form")).to_contain_text("电极脱落")
    await expect(clinic.see("order-form").locator("[name=patient-name]")).to_have_value("马德福")
    people.no_faults()
