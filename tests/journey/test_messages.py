"""Two people write to one another beside an ECG and in the inbox: named, read, changed, withdrawn, with a picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.journey.conftest import PHONE, People, Person, real
from tests.server.conftest import REQUEST, Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

SCRIPT = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


async def say(person: Person, words: str) -> None:
    await person.see("thread-input").fill(words)
    await person.see("thread-input").press("Enter")


async def open_thread(person: Person, recording: str) -> None:
    await person.go(f"/messages/{recording}")
    await expect(person.see("thread-input")).to_be_visible()


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40), (20, 120, 60)).save(out, "PNG")
    return out.getvalue()


async def test_a_named_reader_finds_it_answers_and_both_see_what_became_of_each_message(
    hub: Hub, people: People
) -> None:
    recording = (await hub.send("org_hewan", real("101"), REQUEST)).recording
    reader = await people.open("reader", "/messages")
    clinic = await people.open("clinic")
    await open_thread(clinic, recording)

    # The reader is chosen behind @ and hears it on his open page: on the tab and on the line.
    field = clinic.see("thread-input")
    await field.press_sequentially("请看 @初诊")
    await clinic.see("thread-names").get_by_role("button").first.click()
    await expect(field).to_have_value("请看 @初诊医师 ")
    await field.press("Enter")
    line = reader.page.locator(f"[data-thread={recording}]")
    await expect(line).to_contain_text("提到了我")
    await expect(reader.page.locator("nav.tabs .count").first).to_have_text("1")

    # Opened it is read: the number goes, and the writer sees by whom.
    await line.click()
    await expect(reader.see("thread")).to_contain_text("请看 @初诊医师")
    await expect(line.locator(".count")).to_have_count(0)
    await expect(clinic.page.locator(".bub-read summary")).to_have_text("1 人已读")

    # What looks like a script is words, on the line and in the thread.
    await say(reader, SCRIPT)
    await expect(clinic.see("thread")).to_contain_text(SCRIPT)
    await expect(clinic.page.locator(".bub img")).to_have_count(0)

    # Changed: everybody sees the new words and can see the old ones.
    mine = clinic.page.locator(".bub-me").first
    await mine.get_by_role("button", name="修改").click()
    await mine.get_by_role("textbox").fill("请尽快看 @初诊医师")
    await mine.get_by_role("textbox").press("Enter")
    await expect(reader.see("thread")).to_contain_text("请尽快看")
    await reader.see("thread").get_by_role("button", name="已修改").click()
    await expect(reader.page.get_by_role("dialog")).to_contain_text("请看 @初诊医师")
    await reader.keys("Escape")

    # A picture, shown to the other.
    await clinic.see("thread-file").set_input_files({"name": "伤口.png", "mimeType": "image/png", "buffer": picture()})
    await expect(clinic.page.get_by_role("button", name="去掉 伤口.png")).to_be_visible()
    await say(clinic, "附图")
    shown = reader.page.get_by_role("img", name="伤口.png")
    await expect(shown).to_be_visible()
    assert await shown.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 60

    # Withdrawn with a reason: the words go from both pages.
    await clinic.page.locator(".bub-me", has_text="附图").get_by_role("button", name="撤回").click()
    dialog = clinic.page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("发错病人")
    await dialog.get_by_role("textbox").press("Enter")
    for person in (clinic, reader):
        await expect(person.see("thread")).to_contain_text("已撤回：发错病人")
        await expect(person.page.get_by_role("img", name="伤口.png")).to_have_count(0)

    # Two characters are enough to find it.
    await reader.see("message-search").fill("尽快")
    await expect(reader.see("message-hits")).to_contain_text("请尽快看")
    assert await reader.page.title() != "taken"
    assert await clinic.page.title() != "taken"
    people.no_faults()


async def test_who_was_away_finds_it_on_his_return_also_on_a_phone_and_his_draft_stays_with_its_thread(
    hub: Hub, people: People
) -> None:
    recording = (await hub.send("org_hewan", real("101"), REQUEST)).recording
    reader = await people.open("reader")
    await open_thread(reader, recording)
    await say(reader, "请补做右胸导联")
    await expect(reader.see("thread")).to_contain_text("请补做右胸导联")
    clinic = await people.open("clinic", "/messages", size=PHONE)
    await expect(clinic.page.locator("nav.phonetabs .count")).to_have_text("1")
    await clinic.page.locator(f"[data-thread={recording}]").click()
    await expect(clinic.see("thread")).to_contain_text("请补做右胸导联")
    await expect(clinic.page.locator("nav.phonetabs .count")).to_have_count(0)
    await clinic.see("thread-input").fill("马上")
    await clinic.page.get_by_role("button", name="返回列表").click()
    await clinic.page.get_by_role("link", name="本机构交谈").click()
    await expect(clinic.see("thread-input")).to_have_value("")
    await clinic.page.get_by_role("button", name="返回列表").click()
    await clinic.page.locator(f"[data-thread={recording}]").click()
    await expect(clinic.see("thread-input")).to_have_value("马上")
    people.no_faults()


async def test_what_is_written_about_a_patient_begins_at_one_of_his_ecgs_and_the_reader_finds_it(
    hub: Hub, people: People
) -> None:
    recording = (await hub.send("org_hewan", real("101"), REQUEST)).recording
    clinic = await people.open("clinic", f"/recording/{recording}")
    reader = await people.open("reader", "/messages")
    await clinic.see("patient-thread").click()
    # Its name stands there before anything was written.
    await expect(clinic.see("inbox").get_by_role("heading", name="马德福")).to_be_visible()
    await say(clinic, "患者服用华法林，INR 2.4")
    line = reader.page.locator("[data-thread^=pat_]")
    await reader.page.get_by_role("radio", name="全部可见").click()
    await expect(line).to_contain_text("马德福")
    await line.click()
    await expect(reader.see("thread")).to_contain_text("INR 2.4")
    people.no_faults()
