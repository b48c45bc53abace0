"""A clinic hands files over in its browser: what becomes of each stands beside it, in both languages."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import FilePayload, expect

import ecg
from device.client import Retry, send
from device.deposit import deposit_of, file_upload, packed_file
from device.glance import glance_of
from ecg import synth
from ecg.formats.export import write_wfdb
from ecg.record import Recording
from tests.device.rig import Line
from tests.journey.conftest import PHONE, People, expect_ink
from tests.journey.test_pages import AXE, violations
from tests.server.conftest import Browser, Hub, normal
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


def csv_of(recording: Recording, leads: tuple[str, ...], person: str) -> bytes:
    columns = [np.rint(recording.lead(lead)).astype(int).tolist() for lead in leads]
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    head = [f"# fs={recording.fs:g}", "# unit=uV", f"# name={person}", ",".join(leads)]
    return "\n".join([*head, *rows]).encode()


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def wfdb_of(recording: Recording, record: Path) -> list[FilePayload]:
    write_wfdb(recording, record)
    return [payload(path.name, path.read_bytes()) for path in sorted(record.parent.glob(f"{record.name}.*"))]


PATIENT = Retry(tries_max=10_000, wait_s_least=0.05, wait_s_most=0.2)
CHEST = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


async def test_files_handed_over_are_read_or_refused_with_what_to_do(people: People, tmp_path: Path) -> None:
    clinic = await people.open("clinic", "/clinic")
    good = csv_of(normal(), CHEST, "祁秀英")
    parts = wfdb_of(normal(12), tmp_path / "100")
    files = [payload("village.csv", good), payload("report.pdf", b"%PDF-1.7 a report, not a recording"), *parts]
    choose = clinic.see("hand-over").locator("input[type=file]")
    await choose.set_input_files(files)

    lines = clinic.see("handed")
    await expect(lines).to_have_count(3)  # header and samples of one record go as one
    await expect(lines.filter(has_text="village.csv")).to_contain_text("已送阅图中心")
    await expect(lines.filter(has_text="100.zip")).to_contain_text("已送阅图中心")
    refused = lines.filter(has_text="report.pdf")
    await expect(refused).to_contain_text("此处不读取")
    await expect(refused).not_to_contain_text("{")
    rows = clinic.see("patients")
    await expect(rows.get_by_role("row", name="祁秀英")).to_contain_text("已排队")
    await expect(rows).to_contain_text("未读成")
    assert await violations(clinic, AXE.read_text("utf-8")) == []

    await choose.set_input_files([payload("again.csv", good)])
    await expect(lines.filter(has_text="again.csv")).to_contain_text("已有此文件")
    await refused.get_by_role("link").click()
    await expect(clinic.see("file-refused")).to_contain_text("report.pdf")

    english = await people.open("clinic", "/clinic", lang="en", size=PHONE)
    await expect(english.see("patients")).to_contain_text("which is not read here")
    assert await english.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    await english.page.get_by_role("button", name="祁秀英").click()
    await expect(english.see("recording-page")).to_contain_text("III aVR aVL aVF")
    await expect_ink(english.page.locator(".case-paper canvas").first, 1000)
    people.no_faults()


DROP = """text => {
  const dataTransfer = new DataTransfer()
  dataTransfer.items.add(new File([text], 'cart.csv'))
  for (const what of ['dragover', 'drop'])
    document.body.dispatchEvent(new DragEvent(what, { dataTransfer, bubbles: true, cancelable: true }))
}"""


async def test_a_file_dropped_where_a_form_waits_answers_it_and_another_name_is_told(people: People, hub: Hub) -> None:
    asked = {"org": "org_hewan", "patient": {"name": "马德福", "sex": "M", "age_years": 58}, "symptoms": ["syncope"]}
    async with await hub.sign_in("clinic") as session:
        order = (await session.post("/api/orders", asked))["id"]
    clinic = await people.open("clinic", f"/acquire?order={order}")
    await expect(clinic.see("hand-over")).to_be_visible()
    await clinic.page.evaluate(DROP, csv_of(normal(), CHEST, "王芳").decode())
    await expect(clinic.see("file-notes")).to_contain_text("文件中的姓名是王芳，申请单上是马德福")
    await expect(clinic.see("acquire-page")).to_contain_text("马德福")
    await expect(clinic.see("acquire-page")).to_contain_text("cart.csv")
    people.no_faults()


async def test_a_first_glance_is_seen_before_its_file_and_gives_way_to_it(people: People, hub: Hub) -> None:
    """The line dies behind the first frames and is mended when the doctor has looked."""
    drawn = synth.twelve_lead(np.random.default_rng(1), [synth.Segment("sinus", 4.0), synth.Segment("vt", 8.0, 170)])
    file = csv_of(drawn.recording, drawn.recording.leads, "马德福")
    body, packed = packed_file(file)
    key, sha256 = hub.keys["org_hewan"], hashlib.sha256(file).digest()
    glance = glance_of(drawn.recording, ecg.analyze(drawn.recording))
    made_ms = hub.clock.now_ms()
    opening = deposit_of(key.device, "vt.csv", sha256, len(file), packed=packed, made_ms=made_ms, glance=glance)
    reader = await people.open("oncall")
    for status, part in ((409, "signal"), (404, "analysis")):  # asked for before it is here
        reader.refusal(status, rf"/{part}$")
    async with await hub.sign_in("oncall") as session, Line(hub.app.device_port, [6000] + [0] * 100_000) as line:
        sending = asyncio.create_task(send(file_upload(opening, body), line.url, key, retry=PATIENT))
        alert = await the_alert(session)
        await reader.go(f"/read/{alert['recording']}")
        await expect(reader.see("glance").locator("canvas")).to_be_visible()
        await reader.go(f"/alert/{alert['id']}")
        await expect(reader.see("glance")).to_contain_text("首帧速览")
        await expect(reader.see("alert-traces").locator("canvas")).to_have_count(1)
        line.cuts.clear()
        await sending
        await expect(reader.see("glance")).to_have_count(0)
        await expect_ink(reader.see("alert-traces").locator("canvas").first, 1000)
    people.no_faults()


async def the_alert(session: Browser) -> dict[str, str]:
    async def first() -> dict[str, str] | None:
        return next(iter((await session.get("/api/alerts"))["alerts"]), None)

    return dict(await until(first, 30))
