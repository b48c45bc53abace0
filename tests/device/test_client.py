"""The device's end over real sockets: key files, patience, many devices in one process, a replay of a file."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from websockets.asyncio.server import ServerConnection, serve

from device import coding, errors
from device.client import DeviceKey, Retry, _Attempt, clock_ms, key_file_text, read_key_file, send, stay
from device.errors import Busy, KeyFileRefused, Unreachable, VersionRefused, WireError
from device.frames import NO_SIGNAL, Frame, Patient, Receipt, Request, encode, error_frame
from device.simulate import replay, resampled, run_device, upload_of
from ecg.errors import all_errors
from ecg.record import STANDARD_LEADS, Recording
from server.intake.gateway import Gateway, GatewaySettings
from tests.device.fake_hub import KEY, FakeHub
from tests.device.rig import running
from tests.waiting import until

QUICK = Retry(tries_max=4, wait_s_least=0.001, wait_s_most=0.002)


def recording(seconds: float, seed: int = 0) -> Recording:
    rng = np.random.default_rng(seed)
    signal = np.cumsum(rng.normal(0, 5, (round(seconds * 500), 12)), axis=0).astype(np.float32)
    return Recording(fs=500.0, leads=STANDARD_LEADS, signal_uv=signal)


@contextlib.asynccontextmanager
async def hub_of(folder: Path) -> AsyncIterator[tuple[FakeHub, str]]:
    hub = FakeHub()
    gateway = Gateway(hub, folder / "journal", GatewaySettings(), clock_ms, lambda error: None)
    await gateway.start()
    try:
        yield hub, f"ws://127.0.0.1:{gateway.port}"
    finally:
        await gateway.stop()


async def test_many_devices_in_one_process_each_get_their_own_receipt(tmp_path: Path) -> None:
    async with hub_of(tmp_path) as (hub, url):
        uploads = [upload_of(recording(2, seed), mode="live", frame_ms=100) for seed in range(30)]
        keys = [hub.add(f"monitor-{number}") for number in range(30)]
        receipts = await asyncio.gather(
            *(run_device(upload, url, key, speed=4) for upload, key in zip(uploads, keys, strict=True))
        )
        for upload, receipt in zip(uploads, receipts, strict=True):
            assert receipt.sha256 == upload.sha256
            assert (coding.decode(hub.archives[upload.opening.uid])[1] == upload.samples).all()


async def test_a_file_is_replayed_with_its_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecg.formats.read", lambda path: recording(1))
    opened = []
    async with hub_of(tmp_path) as (hub, url):
        key_file = tmp_path / "cart.key"
        key_file.write_text(key_file_text(hub.add("cart-1")))
        hub_opened = hub.opened

        async def watched(device: object, opening: object, clock: object) -> str:
            opened.append(opening)
            return await hub_opened(device, opening, clock)  # type: ignore[arg-type]

        monkeypatch.setattr(hub, "opened", watched)
        request = Request(patient=Patient(name="x", sex="F"), symptoms=("chest_pain",))
        receipt = await replay(tmp_path / "100.hea", url, key_file, request=request)
        assert receipt.recording.startswith("rec-")
        assert opened[0].request == request  # type: ignore[attr-defined]
        assert opened[0].kind == "resting"  # type: ignore[attr-defined]


async def test_a_device_that_stays_is_there_again_after_its_line_was_cut(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        hub = gateway.hub
        staying = asyncio.create_task(stay(gateway.url, hub.add("cart-1")))
        await until(lambda: hub.online == [("cart-1", True)])
        for connection in list(gateway.gateway.connections):
            connection._socket.transport.abort()
        await until(lambda: hub.online == [("cart-1", True), ("cart-1", False), ("cart-1", True)])
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)


async def test_a_hub_that_is_away_is_tried_with_patience_then_named() -> None:
    upload = upload_of(recording(1), mode="batch")
    with pytest.raises(Unreachable) as away:
        await send(upload, "ws://127.0.0.1:9", DeviceKey("cart-1", KEY), retry=QUICK, rng=random.Random(1))
    assert away.value.tries == 4


@pytest.mark.parametrize(
    ("error", "tries"), [(Busy(retry_after_s=0), 4), (VersionRefused(got=1, accepted=2), 1)], ids=["busy", "version"]
)
async def test_a_device_comes_back_only_where_that_can_help(error: WireError, tries: int) -> None:
    connections = 0

    async def refuse(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.send(encode(error_frame(error)))
        await socket.wait_closed()

    async with serve(refuse, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        with pytest.raises(WireError) as refused:
            await send(upload_of(recording(1), mode="batch"), url, DeviceKey("cart-1", KEY), retry=QUICK)
    assert connections == tries
    assert type(refused.value) in (type(error), Unreachable)


def test_waits_grow_and_are_bounded() -> None:
    rng, retry = random.Random(1), Retry(wait_s_least=1, wait_s_most=8)
    waits = [retry.wait_s(failures, rng) for failures in range(20)]
    assert all(0.5 <= wait <= 8 for wait in waits)
    assert min(waits[4:]) >= 4


@pytest.mark.parametrize(
    "text", ["", "{}", '{"device": "x"}', '{"device": "x", "key": "AAAA"}', '{"device": "x", "key": "!"}']
)
def test_a_key_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(KeyFileRefused):
        read_key_file(path)
    with pytest.raises(KeyFileRefused):
        read_key_file(tmp_path / "none")


def test_a_key_never_shows_in_a_printed_value() -> None:
    assert repr(KEY) not in repr(DeviceKey("cart-1", KEY))


def test_an_upload_says_no_signal_where_the_recording_has_none() -> None:
    signal = np.full((10, 1), 100, np.float32)
    signal[3, 0], signal[4, 0] = np.nan, 90_000
    upload = upload_of(Recording(fs=500.0, leads=("II",), signal_uv=signal), mode="batch", gain_uv_per_lsb=2.5)
    assert upload.samples[:6, 0].tolist() == [40, 40, 40, NO_SIGNAL, NO_SIGNAL, 40]


def test_a_broken_rate_is_made_whole() -> None:
    at = np.arange(2574, dtype=np.float32)[:, None]
    whole = resampled(Recording(fs=257.4, leads=("II",), signal_uv=at), 257)
    assert whole.fs == 257
    assert np.allclose(whole.signal_uv[:, 0] / 257.4, np.arange(len(whole.signal_uv)) / 257, atol=1e-3)


def test_every_error_stands_in_chinese_with_the_same_fields() -> None:
    catalogue = yaml.safe_load((Path(errors.__file__).parent / "zh-CN.yaml").read_text("utf-8"))["errors"]
    codes = {cls.code: cls for cls in all_errors(WireError)}
    assert set(catalogue) == set(codes)
    for code, cls in codes.items():
        facts = {field.name: f"<{field.name}>" for field in fields(cls)}
        english, chinese = (cls.what + cls.mend).format(**facts), catalogue[code].format(**facts)
        assert {f for f in facts.values() if f in english} == {f for f in facts.values() if f in chinese}, code


def test_the_protocol_page_names_every_code_and_every_frame() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/protocol.md").read_text("utf-8")
    for cls in all_errors(WireError):
        assert f"`{cls.code}`" in page, cls.code
    frames = get_args(Frame)
    assert len(frames) == 17
    for frame in frames:
        assert f"| 0x{frame.KIND:02x} | `{frame.NAME}` |" in page, frame.NAME


async def test_who_cancels_a_device_that_is_letting_go_of_its_line_is_heard() -> None:
    letting_go = asyncio.Event()

    class Slow(_Attempt):
        """Has its receipt, and what feeds the line takes its time to end."""

        async def _do(self, socket: object, effects: object) -> None:
            return

        async def _listen(self, socket: object) -> Receipt:
            await asyncio.sleep(0)  # the feeding has begun
            return Receipt(bytes(16), "rec", bytes(32))

        async def _feed(self, socket: object) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                letting_go.set()
                await asyncio.Event().wait()

    upload = upload_of(recording(1), mode="batch")
    key = DeviceKey("cart-1", bytes(32))
    attempt = Slow(upload, key, asyncio.Event(), Retry(), lambda: upload.opening.start_ms)
    running = asyncio.create_task(attempt.run(None))  # type: ignore[arg-type]  # no byte is sent
    await letting_go.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
