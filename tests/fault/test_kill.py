"""The hub dies by SIGKILL while devices stream, a report is signed and an alert climbs: nothing acknowledged is lost.

The hub runs in a process of its own; the oracle is this process: what devices were acknowledged, what HTTP answered.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from device import coding
from device.client import DeviceKey
from device.frames import Frame, Patient, Receipt, Request
from device.simulate import SampledUpload, run_device, upload_of
from device.upload import DeviceSession
from ecg import synth
from ecg.record import Meta, Recording
from server import demo
from tests.server.conftest import Browser
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
CYCLES = 3
SEED = 20261122


def free_port() -> int:
    """A port whose successor is free too: pages and devices."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@dataclass
class Process:
    """The demonstration's hub without its devices, as a process that can be killed."""

    data: Path
    port: int

    async def start(self) -> None:
        command = "from server.cli import main; main()"
        options = ("demo", "--port", str(self.port), "--data", str(self.data), "--quiet-devices")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", command, *options, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        # The demonstration's people are there a moment after the hub itself: ready is who lets them in.
        await until(self._lets_in, 30)

    async def _lets_in(self) -> bool:
        login = {"login": "admin", "password": demo.PASSWORD}
        async with aiohttp.ClientSession() as http:
            try:
                async with http.post(f"http://127.0.0.1:{self.port}/api/session", json=login) as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    @property
    def device_url(self) -> str:
        return f"ws://127.0.0.1:{self.port + 1}"

    async def sign_in(self, login: str) -> Browser:
        browser = Browser(f"http://127.0.0.1:{self.port}")
        browser.me = await browser.post("/api/session", {"login": login, "password": demo.PASSWORD})
        return browser


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[Process]:
    hub = Process(data, free_port())
    await hub.start()
    try:
        yield hub
    finally:
        if hub.process.returncode is None:
            hub.process.terminate()
            await hub.process.wait()


def keys(data: Path) -> dict[str, DeviceKey]:
    import sqlite3

    with sqlite3.connect(data / "hub.sqlite") as conn:
        rows = conn.execute("SELECT device, org, key FROM device_key JOIN device ON device.id = device_key.device")
        return {org: DeviceKey(row, key) for row, org, key in rows}


def stream(seed: int, seconds: float, kind: str = "sinus") -> Recording:
    rate = 200.0 if kind == "vt" else 72.0
    segment = synth.Segment(kind, seconds, rate_bpm=rate)  # type: ignore[arg-type]  # one of its kinds
    return synth.twelve_lead(np.random.default_rng(seed), [segment], meta=Meta()).recording


def acknowledged(uploads: dict[str, SampledUpload], frames: int) -> bool:
    """Whether the devices together have been acknowledged so many frames."""
    return sum(upload.kept_from for upload in uploads.values()) >= frames


@pytest.fixture
def devices_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices that drop a frame once it is acknowledged: what the hub then loses is gone, and the wire says so."""
    offer, receive = DeviceSession.offer, DeviceSession.receive

    def offering(self: Any, upload: Any, now_ms: int) -> Any:
        self.offered = upload
        return offer(self, upload, now_ms)

    def receiving(self: Any, frame: Frame, now_ms: int) -> Any:
        effects = receive(self, frame, now_ms)
        self.offered.kept_from = max(self.offered.kept_from, self.safe_frames)
        return effects

    monkeypatch.setattr(DeviceSession, "offer", offering)
    monkeypatch.setattr(DeviceSession, "receive", receiving)


@pytest.mark.usefixtures("devices_forget")
async def test_kill_nine_loses_no_acknowledged_sample_no_signed_report_and_no_alert(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    async with running(tmp_path) as hub:
        key_of = keys(tmp_path)
        request = Request(patient=Patient(name="马德福", sex="M", age=58), symptoms=("syncope",))

        # A signed report and a ringing alert, both told to somebody before the first kill.
        quiet = upload_of(stream(1, 10.0), mode="batch", request=request)
        quiet_receipt = await run_device(quiet, hub.device_url, key_of["org_hewan"])
        async with await hub.sign_in("reader") as reader:
            recording = quiet_receipt.recording

            async def waiting() -> object:
                row = await reader.get(f"/api/recordings/{recording}")
                return row if row["state"] == "waiting" else None

            await until(waiting)
            report = {"statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}], "grade": "normal"}
            signed = await reader.post(f"/api/recordings/{recording}/sign", report)
        grave = upload_of(stream(2, 10.0, "vt"), mode="batch", request=request)
        grave_receipt = await run_device(grave, hub.device_url, key_of["org_shimen"])
        async with await hub.sign_in("oncall") as oncall:

            async def rings() -> Any:
                found = (await oncall.get("/api/alerts"))["alerts"]
                return found[0] if found else None

            alert = await until(rings)
            assert alert["recording"] == grave_receipt.recording

        # Devices stream while the hub is killed again and again, at moments drawn by chance.
        uploads = {
            org: upload_of(stream(seed, 12.0), mode="live", request=request)
            for seed, org in enumerate(("org_liugou", "org_nanpo", "org_songlin"), start=10)
        }
        sending = {
            org: asyncio.create_task(run_device(upload, hub.device_url, key_of[org], rng=rng))
            for org, upload in uploads.items()
        }
        for _ in range(CYCLES):
            # The moment is drawn by chance: once one of the devices has been acknowledged so many more frames.
            enough = sum(upload.kept_from for upload in uploads.values()) + rng.randint(5, 25)
            await until(partial(acknowledged, uploads, enough), 30)
            await hub.kill()
            await hub.start()
        receipts: dict[str, Receipt] = dict(zip(sending, await asyncio.gather(*sending.values()), strict=True))

        # Every sample of every recording, exactly once and in order.
        for org, upload in uploads.items():
            stored = (tmp_path / "blobs" / "recordings" / f"{receipts[org].recording}.xlecg").read_bytes()
            _, samples = coding.decode(stored)
            assert np.array_equal(samples, upload.samples), f"seed {SEED}: {org} differs"

        # The report word for word, the alert still ringing with its ladder going on, the log whole.
        async with await hub.sign_in("reader") as reader:
            kept = (await reader.get(f"/api/recordings/{recording}/reports"))[0]
            assert (kept["id"], kept["digest"], kept["state"]) == (signed["id"], signed["digest"], "final")
            pages = [row["id"] for row in await reader.get("/api/orgs/org_city/recordings")]
            assert len(pages) == len(set(pages)) == 5, "no recording lost, none doubled"
        async with await hub.sign_in("oncall") as oncall:
            still = await oncall.get(f"/api/alerts/{alert['id']}")
            assert still["state"] in ("notified", "seen")
            assert still["next_at"] is not None
        async with await hub.sign_in("admin") as admin:
            assert (await admin.get("/api/admin/audit"))["chain_whole"]
