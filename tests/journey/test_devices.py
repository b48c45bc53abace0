"""A device joins: an administrator reads a code out, the clinic types the command, and the device is in the list."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from device.client import read_key_file
from device.enrol import enrol
from device.simulate import run_device, upload_of
from tests.journey.conftest import PHONE, People
from tests.journey.test_pages import AXE, violations
from tests.server.conftest import Hub, normal

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


async def test_a_device_joins_by_the_code_on_the_screen_and_is_replaced_and_revoked_there(
    people: People, hub: Hub, tmp_path: Path
) -> None:
    admin = await people.open("admin", "/admin?show=devices")
    page = admin.page
    await expect(admin.see("devices-admin").locator("tbody")).to_contain_text("SIM12-1006")
    await page.locator("[name=filter-org]").select_option("org_xiahe")
    await admin.stays()

    await admin.keys("KeyN")
    await expect(page.locator("[name=org]")).to_have_value("org_xiahe")  # where the list is, the device goes
    await page.locator(".dialog-acts .btn-primary").click()
    code = str(await admin.see("join-code").text_content()).strip()
    await expect(page.get_by_role("timer")).to_contain_text("只能用一次")
    command = f"xinlian device enrol --hub {hub.url} --code {code} --key-file device.json"
    assert await admin.see("join-command").text_content() == command
    assert await violations(admin, AXE.read_text("utf-8")) == []

    file = tmp_path / "device.json"
    joined = await enrol(hub.url, code, "ECG-1200", "SN-9", file)
    await expect(admin.see("device-joined")).to_contain_text("下河村卫生室")  # by itself: nobody reloads
    await run_device(upload_of(normal(2), mode="batch"), joined.gateway, read_key_file(file))
    await admin.keys("Escape")
    await expect(page.get_by_role("link", name="ECG-1200 SN-9")).to_be_visible()

    await page.get_by_role("link", name="ECG-1200 SN-9").click()
    await expect(admin.see("device-page").locator("h1")).to_have_text("ECG-1200 SN-9")
    await expect(admin.see("device-page")).to_contain_text("12 导联，500 Hz")
    await page.get_by_role("button", name="换密钥").click()
    await page.locator("[name=label]").fill("换机")
    await admin.keys("Enter")
    secret = str(await admin.see("join-command").text_content())
    assert joined.key.device in secret
    await page.get_by_role("button", name="已记下").click()
    await expect(admin.see("device-page")).to_contain_text("换机")
    assert secret not in await page.content()

    await page.locator(".dev-head").get_by_role("button", name="吊销").click()
    await page.get_by_role("dialog").get_by_role("button", name="吊销").click()
    await expect(page.locator(".dev-head")).to_contain_text("已吊销")
    await expect(page.locator(".dev-lines li").first).to_contain_text("吊销设备")
    assert await admin.stayed()
    people.no_faults()


async def test_the_head_of_a_village_clinic_adds_a_device_of_his_own(people: People, hub: Hub, tmp_path: Path) -> None:
    village = await people.open("village", "/clinic", size=PHONE)
    await village.page.get_by_role("button", name="添加设备").click()
    await expect(village.page.locator("[name=org]")).to_have_value("org_shanghe")  # there is no other
    await expect(village.page.get_by_role("button", name="改用密钥")).to_have_count(0)
    await village.page.locator(".dialog-acts .btn-primary").click()
    code = str(await village.see("join-code").text_content()).strip()
    await enrol(hub.url, code, "ECG-100", "", tmp_path / "device.json")
    await expect(village.see("device-joined")).to_contain_text("上河村卫生室")
    await village.keys("Escape")
    await expect(village.see("devices")).to_contain_text("ECG-100")
    people.no_faults()


async def test_on_a_phone_nothing_of_the_register_is_cut_off(people: People) -> None:
    admin = await people.open("admin", "/admin?show=devices&device=dev_hewan", lang="en", size=PHONE)
    await expect(admin.see("device-page")).to_be_visible()
    await admin.page.get_by_role("button", name="Edit the entry").click()
    await admin.page.locator("[name=maker]").fill("Somebody")
    await admin.keys("Enter")
    await expect(admin.see("device-page")).to_contain_text("Somebody")
    assert await admin.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    people.no_faults()


async def test_a_hub_without_devices_says_what_to_do(people: People, hub: Hub) -> None:
    await hub.app.db.write(lambda tx: tx.conn.exec_driver_sql("DELETE FROM device").close())
    admin = await people.open("admin", "/admin?show=devices")
    await expect(admin.page.locator(".empty")).to_contain_text("添加第一台设备")
    await admin.keys("KeyN")
    await admin.page.locator(".dialog-acts .btn-primary").click()
    await expect(admin.page.locator(".dialog .field-bad")).to_contain_text("不能空着")  # no place is guessed
    people.no_faults()
