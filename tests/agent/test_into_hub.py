"""A file in the clinic's folder becomes a recording in the hub: read, analysed, on the worklist; or refused by name."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.agent.app import Agent
from device.agent.settings import Folder, Settings, checked
from device.agent.status import status_of
from device.client import key_file_text, send
from device.deposit import deposit_of, file_upload, packed_file
from device.frames import Patient, Request
from device.simulate import run_device, upload_of
from ecg import synth
from ecg.formats.export import write_wfdb
from server.intake.files import names_another
from tests.device.rig import Line
from tests.server.conftest import Browser, Hub
from tests.waiting import until

DEMO = Path(__file__).resolve().parents[2] / "demo" / "recordings"


@contextlib.asynccontextmanager
async def agent_of(hub: Hub, clinic: Path, org: str, url: str = "") -> AsyncIterator[Agent]:
    (clinic / "ecg").mkdir(parents=True)
    (clinic / "key.json").write_text(key_file_text(hub.keys[org]))
    settings = Settings(
        hub=url or f"ws://127.0.0.1:{hub.app.device_port}",
        key_file="key.json",
        data="data",
        folders=(Folder(path="ecg", settle_s=0.2),),
    )
    async with Agent(checked(settings, clinic)) as agent:
        running = asyncio.create_task(agent.run())
        try:
            yield agent
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def the_recording(browser: Browser, state: str, wait_s: float = 30) -> dict[str, Any]:
    async def in_that_state() -> dict[str, Any] | None:
        found = await browser.get("/api/orgs/org_hewan/recordings?since=2020-01-01T00:00:00.000Z")
        return next((recording for recording in found if recording["state"] == state), None)

    return dict(await until(in_that_state, wait_s))


def demo_record(name: str, folder: Path) -> None:
    for path in DEMO.glob(f"{name}*"):
        shutil.copy(path, folder)


async def test_a_carts_file_is_on_the_worklist_with_its_leads_as_it_was_found(hub: Hub, tmp_path: Path) -> None:
    async with await hub.sign_in("clinic") as browser, agent_of(hub, tmp_path / "clinic", "org_hewan") as agent:
        demo_record("62", tmp_path / "clinic" / "ecg")
        recording = await the_recording(browser, "waiting")
        assert recording["leads"] == ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
        assert (recording["fs"], recording["samples"], recording["file"]) == (500.0, 5000, "62.zip")
        assert recording["format"].startswith("WFDB")
        assert recording["machine"]["findings"]
        assert agent.queue.latest(1)[0].recording == recording["id"]
        assert status_of(agent)["clinic"] == recording["org_name"] != "", "whoever stands before it sees where it sends"
        row = await hub.app.db.read(
            lambda conn: conn.exec_driver_sql("SELECT original, original_sha256 FROM recording").one()
        )
        original = await hub.app.blobs.get(row[0])
        assert original.startswith(b"PK")
        assert row[1] == agent.queue.latest(1)[0].sha256


async def test_what_no_reader_knows_is_kept_and_refused_with_a_code_people_see(hub: Hub, tmp_path: Path) -> None:
    async with await hub.sign_in("clinic") as browser, agent_of(hub, tmp_path / "clinic", "org_hewan"):
        (tmp_path / "clinic" / "ecg" / "report.xml").write_bytes(b"%PDF-1.7 a report, not a recording")
        recording = await the_recording(browser, "rejected")
        assert (recording["return_reason"], recording["file"]) == ("ecg.format_refused", "report.xml")
        assert recording["notes"][0]["facts"]["format"]
        assert hub.app.intake.refusals["ecg.format_refused"] == 1
        assert await hub.app.blobs.get(f"originals/{recording['id']}") == b"%PDF-1.7 a report, not a recording"


async def test_the_same_file_under_other_names_is_one_recording_with_one_receipt(hub: Hub) -> None:
    file = b"# fs=500\n# unit=uV\nI,II\n" + b"10,20\n" * 5000
    body, packed = packed_file(file)
    key, sha256 = hub.keys["org_hewan"], hashlib.sha256(file).digest()
    request = Request(patient=Patient(name="马德福", sex="M", age=58))
    receipts = []
    for name in ("a.csv", "b.csv", "c.csv"):
        opening = deposit_of(key.device, name, sha256, len(file), packed=packed, made_ms=0, request=request)
        receipts.append(await send(file_upload(opening, body), f"ws://127.0.0.1:{hub.app.device_port}", key))
    assert {(receipt.recording, receipt.sha256) for receipt in receipts} == {(receipts[0].recording, sha256)}
    async with await hub.sign_in("clinic") as browser:
        (recording,) = await browser.get("/api/orgs/org_hewan/recordings?since=2020-01-01T00:00:00.000Z")
        assert recording["patient"]["name"] == "马德福"


async def test_a_file_handed_over_in_the_browser_is_the_same_recording_as_the_agents(hub: Hub, tmp_path: Path) -> None:
    file = b"# fs=500\n# unit=uV\nI,II\n" + b"10,20\n" * 5000
    async with await hub.sign_in("clinic") as browser, agent_of(hub, tmp_path / "clinic", "org_hewan") as agent:
        url, keyed = f"{hub.url}/api/orgs/org_hewan/files?name=a.csv", {"Idempotency-Key": "12345678"}
        async with browser.http.post(url, data=file, headers=keyed) as answer:
            assert answer.status == 200, await answer.text()
            handed = await answer.json()
        async with browser.http.post(url, data=file, headers={"Idempotency-Key": "87654321"}) as answer:
            again = await answer.json()
        assert (handed["known"], again["known"]) == (False, True)
        assert again["recording"]["id"] == handed["recording"]["id"]
        (tmp_path / "clinic" / "ecg" / "b.csv").write_bytes(file)
        await until(lambda: agent.queue.totals().received, 30)
        assert agent.queue.latest(1)[0].recording == handed["recording"]["id"]
        assert (await the_recording(browser, "waiting"))["derived"] == ["III", "aVR", "aVL", "aVF"]
        for path, size, code in (
            ("org_hewan/files?name=a.csv", 0, "ecg.file_empty"),
            ("org_hewan/files", 4, "http.input"),
            ("org_city/files?name=a.csv", 4, "http.not_found"),
        ):
            headers = {"Idempotency-Key": f"12345678-{code}"}
            async with browser.http.post(f"{hub.url}/api/orgs/{path}", data=bytes(size), headers=headers) as answer:
                assert (await answer.json())["code"] == code


async def test_a_file_answers_the_form_it_was_handed_over_for_and_no_other(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as browser:
        asked = {
            "org": "org_hewan",
            "patient": {"name": "马德福", "sex": "M", "age_years": 58},
            "symptoms": ["syncope"],
        }
        order = (await browser.post("/api/orders", asked))["id"]

        async def hand_over(sample: int, query: str) -> dict[str, Any]:
            file = b"# fs=500\n# unit=uV\n# name=\xe7\x8e\x8b\xe8\x8a\xb3\nI,II\n" + b"%d,20\n" % sample * 5000
            url = f"{hub.url}/api/orgs/org_hewan/files?name=a.csv{query}"
            async with browser.http.post(url, data=file, headers={"Idempotency-Key": f"1234567-{sample}"}) as answer:
                return dict(await answer.json())

        async def read(recording: str) -> dict[str, Any] | None:
            found = await browser.get(f"/api/recordings/{recording}")
            return found if found["received_at"] else None

        assert (await hand_over(1, ""))["recording"]["patient"]["identity"] == "pending"  # until it is read
        answer = await hand_over(2, f"&order={order}")
        assert (answer["recording"]["patient"]["name"], answer["recording"]["symptoms"]) == ("马德福", ["syncope"])
        taken = await until(lambda: read(answer["recording"]["id"]), 30)
        assert taken["notes"] == [{"code": "recording.file_person", "facts": {"in_file": "王芳", "in_form": "马德福"}}]
        assert (await hand_over(3, f"&order={order}"))["code"] == "http.not_found"


@pytest.mark.parametrize(
    ("in_file", "in_form", "another"),
    [
        ("王芳", "马德福", True),
        ("马 德福", "马德福", False),
        ("MA DEFU", "Ma Defu", False),
        ("MA DEFU", "马德福", False),  # a spelling says nothing of the characters
        ("Smith", "Ma Defu", True),
        ("", "马德福", False),
    ],
)
def test_two_names_are_told_apart_only_where_they_can_be(in_file: str, in_form: str, another: bool) -> None:
    assert names_another(in_file, in_form) is another


async def test_a_first_glance_nobody_can_read_does_not_cost_the_file(hub: Hub) -> None:
    file = b"# fs=500\n# unit=uV\nI,II\n" + b"10,20\n" * 5000
    key, sha256 = hub.keys["org_hewan"], hashlib.sha256(file).digest()
    opening = deposit_of(key.device, "a.csv", sha256, len(file), packed=False, made_ms=0, glance=b"of tomorrow")
    receipt = await send(file_upload(opening, file), f"ws://127.0.0.1:{hub.app.device_port}", key)
    assert receipt.sha256 == sha256
    assert hub.app.intake.refusals["wire.frame"] == 1


async def test_a_critical_first_glance_pages_before_the_file_has_come(hub: Hub, tmp_path: Path) -> None:
    """The line dies behind the first frames: the specialist is called all the same."""
    drawn = synth.twelve_lead(np.random.default_rng(1), [synth.Segment("sinus", 4.0), synth.Segment("vt", 8.0, 170)])
    async with (
        await hub.sign_in("oncall") as browser,
        Line(hub.app.device_port, [6000] + [0] * 1000) as line,
        agent_of(hub, tmp_path / "clinic", "org_hewan", line.url),
    ):
        write_wfdb(drawn.recording, tmp_path / "clinic" / "ecg" / "vt")

        async def alerts_raised() -> list[dict[str, Any]]:
            return list((await browser.get("/api/alerts"))["alerts"])

        alerts = await until(alerts_raised, 30)
        recording = await browser.get(f"/api/recordings/{alerts[0]['recording']}")
        assert (recording["state"], recording["samples"]) == ("receiving", 0)
        glance = recording["glance"]
        assert {"code", "grade", "said"} == set(glance["findings"][0])
        assert 100 < glance["rate_bpm"] < 190
        assert (glance["strip_lead"], len(base64.b64decode(glance["strip"]))) == ("II", 625)


@pytest.mark.parametrize("start_ms", [10**17, -(10**17)])
async def test_a_device_whose_clock_says_nonsense_is_read_and_analysed_all_the_same(hub: Hub, start_ms: int) -> None:
    async with await hub.sign_in("clinic") as browser:
        recording = synth.twelve_lead(np.random.default_rng(3), [synth.Segment("sinus", 10.0, rate_bpm=70)]).recording
        upload = upload_of(recording, mode="batch", start_ms=start_ms)
        receipt = await run_device(upload, f"ws://127.0.0.1:{hub.app.device_port}", hub.keys["org_hewan"])
        assert (await the_recording(browser, "waiting"))["id"] == receipt.recording
