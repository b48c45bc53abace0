"""A second ECG of one person: what changed stands beside it, a corrected number goes with the signature to paper."""

from __future__ import annotations

import io

import pypdf
import pytest
from playwright.async_api import expect

from device.frames import Patient, Request
from tests.journey.conftest import Language, People, queued, real
from tests.server.conftest import Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

SAME = Request(patient=Patient(name="马德福", sex="M", age=58, id_no="632122196801012345"), symptoms=("palpitation",))
BLOCK = {"zh": "完全性左束支传导阻滞", "en": "Left bundle branch block (complete)"}
NEW = {"zh": "新出现", "en": "New"}
CORRECT_QT = {"zh": "修正 QT ms", "en": "Correct QT ms"}
MARKED = {"zh": "人工修正", "en": "corrected"}
CITE = {"zh": "写入结论", "en": "Cite in the report"}
CITED = {"zh": "心电图比较，", "en": "Compared with"}
QT_MS = 444


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_a_reader_compares_corrects_the_qt_and_signs(lang: Language, hub: Hub, people: People) -> None:
    earlier = (await hub.send("org_hewan", real("62"), SAME)).recording
    await queued(hub, earlier)
    later = (await hub.send("org_hewan", real("24"), SAME)).recording
    await queued(hub, later)
    reader = await people.open("reader", f"/read/{later}", lang=lang)
    page = reader.page

    await expect(reader.see("changes").locator("li", has_text=NEW[lang])).to_contain_text(BLOCK[lang])
    finding = page.locator(".rd-finding", has_text=BLOCK[lang]).first
    await finding.get_by_role("button").click()
    await expect(finding.locator(".rd-finding-why")).to_be_visible()

    await page.get_by_role("button", name=CORRECT_QT[lang]).click()
    await expect(page.locator(".rd-measures input")).to_be_focused()
    await page.keyboard.type(str(QT_MS))
    await reader.keys("Enter")
    await expect(page.locator(".rd-measures tr", has_text="QT / QTc")).to_contain_text(str(QT_MS))
    await expect(page.locator(".rd-corrected")).to_contain_text(MARKED[lang])

    await reader.keys("a")
    await expect(page.locator("ol .rd-statement").first).to_be_visible()
    cite = reader.see("changes").get_by_role("button", name=CITE[lang])
    await cite.click()
    await cite.click()  # what is there is not written twice
    await expect(page.locator("ol .rd-statement", has_text=CITED[lang])).to_have_count(1)
    sign = page.locator(".rd-acts .btn-primary")
    await expect(sign).not_to_have_attribute("aria-disabled", "true")
    await reader.keys("Control+Enter")
    # held for ten seconds, in which it could be undone
    await page.wait_for_url(lambda url: f"/read/{later}" not in url)

    async with await hub.sign_in("reader") as told:

        async def final() -> list[dict[str, object]]:
            reports = await told.get(f"/api/recordings/{later}/reports")
            return [report for report in reports if report["state"] == "final"]

        (report,) = await until(final, 60)
        numbers = {m["name"]: m["value"] for m in report["measurements"]}
        assert numbers["qt_ms"] == QT_MS
        pdf = await told.get(f"/api/reports/{report['id']}/pdf?lang={lang}")
    text = "".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert f"{QT_MS} ms" in text
    assert MARKED[lang] in text
    assert CITED[lang].replace(" ", "") in text.replace(" ", "").replace("\n", "")
    people.no_faults()
