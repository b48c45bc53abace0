"""From the clinic's device to the signed report in the clinic: nobody reloads a page on the way."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path

import pypdf
import pytest
from playwright.async_api import expect

from device.client import key_file_text
from server import demo
from tests.journey.conftest import ROOT, Language, People, Person, queued, real
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

SIGN_IN = {"zh": "登录", "en": "Sign in"}
TYPED = {"zh": "zc", "en": "normal"}  # what the reader types to find the statement
SAID = {"zh": "正常心电图", "en": "Normal ECG"}
REPORT = {"zh": "看报告", "en": "Report"}
REPORTED = {"zh": "已报告 1", "en": "Reported 1"}


async def sign_in(person: Person) -> None:
    """By keyboard, as a doctor does: the account field has the focus."""
    await person.go("/login")
    await expect(person.page.locator("input[name=username]")).to_be_focused()
    await person.page.keyboard.type(person.login)
    await person.keys("Tab")
    await person.page.keyboard.type(demo.PASSWORD)
    await person.keys("Enter")
    await person.page.wait_for_url(lambda url: not url.endswith("/login"))


async def conclude(reader: Person) -> None:
    """The open ECG by keyboard alone: find the statement, sign."""
    await expect(reader.page.get_by_role("combobox")).to_be_visible()
    await expect(reader.page.locator(".ecg canvas").first).to_be_visible()
    await reader.keys("/")
    await reader.page.keyboard.type(TYPED[reader.lang])
    await expect(reader.page.get_by_role("option").first).to_contain_text(SAID[reader.lang])
    await reader.keys("Enter")
    await expect(reader.page.locator("ol .rd-statement")).to_contain_text(SAID[reader.lang])
    sign = reader.page.locator(".rd-acts .btn-primary")
    await expect(sign).not_to_have_attribute("aria-disabled", "true")  # an ECG is read once it is analysed
    await reader.keys("Control+Enter")


@pytest.mark.parametrize(("lang", "then"), [("zh", "goes on reading"), ("en", "closes the page")])
async def test_an_ecg_from_the_clinic_comes_back_as_a_signed_report_without_a_reload(
    lang: Language, then: str, hub: Hub, people: People
) -> None:
    clinic = await people.open("clinic", lang=lang, signed_in=False)
    await sign_in(clinic)
    await expect(clinic.see("patients")).to_be_visible()
    await clinic.stays()
    reader = await people.open("reader", lang=lang, signed_in=False)
    await sign_in(reader)
    await expect(reader.page.locator(".wl-list")).to_be_visible()
    await reader.stays()

    await hub.send("org_hewan", real("62"), REQUEST)

    await expect(clinic.see("patients").get_by_role("row", name="马德福")).to_be_visible()
    await expect(reader.page.get_by_role("row", name="马德福")).to_be_visible()
    await reader.keys("j", "Enter")
    await reader.page.wait_for_url("**/read/*")
    await conclude(reader)
    await reader.page.wait_for_url("**/worklist")
    assert await reader.stayed()

    # Held for ten seconds in which it can be taken back, then signed; at once when the page is closed.
    row = clinic.see("patients").get_by_role("row", name="马德福")
    await expect(row).not_to_contain_text(SAID[lang])
    if then == "closes the page":
        await reader.page.close(run_before_unload=True)
    await expect(row).to_contain_text(SAID[lang], timeout=30_000)
    await expect(clinic.page.get_by_role("radio", name=REPORTED[lang])).to_be_visible()
    await row.get_by_role("button", name=REPORT[lang]).click()
    link = clinic.see("report-pdf").get_by_role("link")
    await expect(link).to_be_visible()
    address = await link.get_attribute("href")
    assert address is not None
    pdf = await clinic.context.request.get(hub.url + address)
    content = await pdf.body()
    assert content.startswith(b"%PDF")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    assert "马德福" in text
    assert SAID[lang] in text
    assert await clinic.stayed()
    people.no_faults()


async def test_the_command_line_sends_a_record_that_appears_on_the_open_worklist(
    hub: Hub, people: People, tmp_path: Path
) -> None:
    reader = await people.open("reader", "/worklist")
    await expect(reader.page.locator(".wl-list")).to_be_visible()
    await reader.stays()
    key = tmp_path / "device.key"
    key.write_text(key_file_text(hub.keys["org_hewan"]), encoding="utf-8")
    key.chmod(0o600)
    command = ("-c", "from server.cli import main; main()", "device", "replay", str(ROOT / "demo/recordings/52"))
    options = ("--hub", f"ws://127.0.0.1:{hub.app.device_port}", "--key", str(key), "--json")
    patient = ("--name", "祁成林", "--sex", "M", "--age", "44", "--symptom", "palpitation")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, *options, *patient, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(said)["recording"]
    await expect(reader.page.get_by_role("row", name="祁成林")).to_contain_text("心房扑动")
    assert await reader.stayed()
    people.no_faults()


async def test_a_signature_can_be_taken_back_for_ten_seconds_from_any_screen(hub: Hub, people: People) -> None:
    first = (await hub.send("org_hewan", real("62"), REQUEST)).recording
    await queued(hub, first)
    reader = await people.open("reader", f"/read/{first}")
    await conclude(reader)
    await reader.page.wait_for_url("**/worklist")
    await expect(reader.page.get_by_role("button", name="撤回")).to_be_visible()
    await reader.keys("Control+z")
    await reader.page.wait_for_url(f"**/read/{first}")
    await expect(reader.page.locator("ol .rd-statement")).to_contain_text(SAID["zh"])
    async with await hub.sign_in("reader") as told:
        reports = await told.get(f"/api/recordings/{first}/reports")
        assert [report["state"] for report in reports if report["state"] != "draft"] == []
    people.no_faults()


async def test_a_critical_report_is_signed_at_once_and_a_lower_grade_needs_its_reason(hub: Hub, people: People) -> None:
    critical = (await hub.send("org_hewan", real("JS45542"), REQUEST)).recording
    await queued(hub, critical)
    reader = await people.open("reader", f"/read/{critical}")
    await conclude(reader)
    reason = reader.page.get_by_role("dialog").locator("textarea")
    await expect(reason).to_be_focused()
    await reader.keys("Escape")
    await expect(reason).to_be_hidden()
    await reader.page.get_by_role("radio", name="危急").click()
    await reader.keys("Control+Enter")
    await reader.page.wait_for_url("**/alert/*")
    people.no_faults()
