"""The gateway over real sockets with a real journal: cuts, repeats, refusals, a killed process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from device import coding
from device.client import DeviceKey, Retry, clock_ms, send
from device.errors import DeviceRevoked, WireError
from device.frames import (
    FRAME_BYTES_MAX,
    Ack,
    Challenge,
    End,
    Error,
    Frame,
    Opened,
    Opening,
    Ping,
    Pong,
    Proof,
    Receipt,
    Welcome,
    decode,
    proof_of,
)
from device.simulate import run_device, upload_of
from server.intake.gateway import Gateway, GatewaySettings
from server.intake.hub import ClockKnown, DeviceRecord
from server.intake.journal import JournalFailed
from tests.device.fake_hub import KEY, FakeHub
from tests.device.rig import (
    QUICK,
    Line,
    Refused,
    a_frame,
    an_opening,
    eventually,
    raw_device,
    recording,
    running,
    samples_of_archive,
)
from tests.waiting import until

ROOT = Path(__file__).parents[2]


# ---- what arrives ----


@pytest.mark.parametrize("mode", ["live", "batch"])
async def test_a_recording_arrives_as_it_was_measured(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path) as hub:
        upload = upload_of(recording(), mode=mode)  # type: ignore[arg-type]
        receipt = await run_device(upload, hub.url, hub.hub.add("cart-1"), speed=50)
        assert receipt.sha256 == upload.sha256
        assert (samples_of_archive(hub.hub, upload.opening.uid) == upload.samples).all()
        live = hub.hub.published.get(receipt.recording, [])
        if mode == "batch":
            assert live == []
        else:
            assert b"".join(samples for _, samples in live) == upload.samples.tobytes()
            row = 2 * upload.samples.shape[1]
            ends = [first + len(samples) // row for first, samples in live]
            assert [first for first, _ in live] == [0, *ends[:-1]]
        assert hub.hub.online[0] == ("cart-1", True)


async def test_sent_five_times_it_is_stored_once(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        upload = upload_of(recording(), mode="batch")
        key = hub.hub.add("cart-1")
        receipts = {await send(upload, hub.url, key, retry=QUICK, grown=ready()) for _ in range(5)}
        assert len(receipts) == 1
        assert hub.hub.seal_calls == {upload.opening.uid: 1}


def ready() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@pytest.mark.parametrize("seed", range(4))
async def test_a_line_that_is_cut_costs_no_sample_and_doubles_none(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    cuts = [rng.randrange(1_500, 16_000) for _ in range(6)]
    async with running(tmp_path) as hub, Line(hub.gateway.port, cuts) as line:
        upload = upload_of(recording(seed=seed), mode="live")
        receipt = await run_device(upload, line.url, hub.hub.add("cart-1"), speed=30, retry=QUICK, rng=rng)
        assert line.connections == len(cuts) + 1, cuts
        assert receipt.sha256 == upload.sha256, cuts
        assert (samples_of_archive(hub.hub, upload.opening.uid) == upload.samples).all()
        live = sorted(set(hub.hub.published[receipt.recording]))
        assert live == hub.hub.published[receipt.recording], "published once and in order"
        assert b"".join(samples for _, samples in live) == upload.samples.tobytes()


async def test_a_hub_that_starts_anew_goes_on_where_its_disk_ends(tmp_path: Path) -> None:
    opening = an_opening()
    hub = FakeHub()
    hub.add("cart-1")
    async with running(tmp_path, hub) as first, raw_device(first.url) as device:
        await device.prove()
        assert (await device.open(opening)).next_seq == 0
        for seq in range(5):
            await device.say(a_frame(seq))
        while (await device.until(Ack)).next_seq < 5:  # type: ignore[union-attr]
            pass
    async with running(tmp_path, hub) as second, raw_device(second.url) as device:
        await device.prove()
        assert (await device.open(opening)).next_seq == 5
        await device.say(a_frame(5))
        sha256 = hashlib.sha256(b"".join(a_frame(seq).body for seq in range(6))).digest()
        await device.say(End(0, 6, 300, sha256))
        receipt = await device.until(Receipt)
        assert receipt.sha256 == sha256  # type: ignore[union-attr]


async def test_a_recording_ended_before_a_crash_is_sealed_without_its_device(tmp_path: Path) -> None:
    opening = an_opening()
    hub = FakeHub(fail_seals=1000)
    hub.add("cart-1")
    sha256 = hashlib.sha256(a_frame(0).body).digest()
    async with running(tmp_path, hub) as first, raw_device(first.url) as device:
        await device.prove()
        await device.open(opening)
        await device.say(a_frame(0))
        await device.say(End(0, 1, 50, sha256))
        await eventually(lambda: hub.seal_calls[opening.uid] > 0, hub.told)
    hub.fail_seals = 0
    async with running(tmp_path, hub):
        await eventually(lambda: opening.uid in hub.receipts, hub.told)
    assert hub.receipts[opening.uid].sha256 == sha256


async def test_samples_that_differ_from_their_checksum_are_rejected_and_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opening = an_opening()
        await device.open(opening)
        await device.say(a_frame(0))
        await device.say(End(0, 1, 50, bytes(32)))
        assert await device.refusal() == "wire.checksum"
        assert hub.hub.rejections == [(f"rec-{opening.uid.hex()}", "wire.checksum")]
        assert hub.hub.archives == {}
        assert not hub.gateway.journal.streams[opening.uid].sealed


@pytest.mark.parametrize(("stated", "code"), [(500, None), (250, "wire.rate_differs")])
async def test_a_device_that_lies_about_its_rate_is_found_out_by_its_clock(
    tmp_path: Path, stated: int, code: str | None
) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opening = an_opening(fs=stated)
        await device.open(opening)
        frames = [
            msgspec.structs.replace(a_frame(n, n=500), device_ms=1000 * n + (n > 6) * 3_600_000) for n in range(12)
        ]
        for frame in frames:
            await device.say(frame)
        while (await device.until(Ack)).next_seq < 12:  # type: ignore[union-attr]
            pass
        await device.say(End(0, 12, 6000, hashlib.sha256(b"".join(frame.body for frame in frames)).digest()))
        if code is None:
            await device.until(Receipt)
        else:
            assert await device.refusal() == code
            assert hub.hub.rejections == [(f"rec-{opening.uid.hex()}", code)]


async def test_who_talks_on_while_the_hub_is_asked_is_not_read_until_it_has_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        (connection,) = hub.gateway.connections
        answered = asyncio.Event()
        opened = hub.hub.opened

        async def slow(device: DeviceRecord, opening: Opening, clock: ClockKnown) -> str:
            await answered.wait()
            return await opened(device, opening, clock)

        hub.hub.opened = slow  # type: ignore[method-assign]  # this hub is slow on purpose
        for stream in range(2):
            answered.clear()
            await device.say(an_opening(stream=stream))
            for number in range(100):
                await device.say(Ping(number))
            await until(lambda: connection._paused)
            answered.set()
            pongs = [await device.until(Pong) for _ in range(100)]
            assert [pong.device_ms for pong in pongs] == list(range(100))  # type: ignore[union-attr]
            assert not connection._paused


async def test_an_acknowledgement_waits_for_the_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opening = an_opening()
        await device.open(opening)
        held = asyncio.Event()
        disk = hub.gateway.journal._disk
        sync = disk.sync_data

        def slow_sync(fd: int) -> None:
            asyncio.run_coroutine_threadsafe(held.wait(), loop).result(5)
            sync(fd)

        loop = asyncio.get_running_loop()
        disk.sync_data = slow_sync  # type: ignore[method-assign]  # this disk is slow on purpose
        await device.say(a_frame(0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await device.socket.recv()
        assert hub.hub.published == {}
        held.set()
        assert (await device.until(Ack)).next_seq == 1  # type: ignore[union-attr]
        assert len(hub.hub.published) == 1


async def test_a_hello_is_signed_as_it_was_sent(tmp_path: Path) -> None:
    """A device need not write its JSON as we do."""
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        hello = b'\x01{ "version": 1,  "maker": "x", "device": "cart-1" }'
        await device.socket.send(hello)
        challenge = await device.until(Challenge)
        await device.say(Proof(mac=proof_of(KEY, challenge.nonce, hello, 5), device_ms=5))  # type: ignore[union-attr]
        await device.until(Welcome)


async def test_a_message_far_beyond_the_limit_is_cut_off_and_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        await device.socket.send(bytes(FRAME_BYTES_MAX * 3))
        await device.socket.wait_closed()
        await eventually(lambda: hub.gateway.refused["wire.frame_too_large"] == 1, hub.hub.told)


async def test_who_does_not_prove_himself_in_time_is_sent_away(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_s=0.2) as hub, raw_device(hub.url) as device:
        assert await device.refusal() == "wire.timeout"


async def test_a_crowd_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path, connections_max=1) as hub, raw_device(hub.url), raw_device(hub.url) as second:
        frame = await second.hear()
        assert isinstance(frame, Error)
        assert frame.code == "wire.busy"
        assert frame.facts["retry_after_s"] in range(5, 10)


async def test_a_newer_connection_takes_the_recording_over(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as old, raw_device(hub.url) as new:
        hub.hub.add("cart-1")
        opening = an_opening()
        await old.prove()
        await old.open(opening)
        await old.say(a_frame(0))
        await old.until(Ack)
        await new.prove()
        assert (await new.open(opening)).next_seq == 1
        assert await old.refusal() == "wire.superseded"


async def test_frames_on_their_way_to_the_disk_at_a_takeover_are_published_once(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as old, raw_device(hub.url) as new:
        hub.hub.add("cart-1")
        opening = an_opening()
        await old.prove()
        await old.open(opening)
        held, disk, loop = asyncio.Event(), hub.gateway.journal._disk, asyncio.get_running_loop()
        sync = disk.sync_data

        def slow_sync(fd: int) -> None:
            asyncio.run_coroutine_threadsafe(held.wait(), loop).result(5)
            sync(fd)

        disk.sync_data = slow_sync  # type: ignore[method-assign]  # this disk is slow on purpose
        for seq in range(3):
            await old.say(a_frame(seq))
        await new.prove()
        assert (await new.open(opening)).next_seq == 0
        held.set()
        for seq in range(4):
            await new.say(a_frame(seq))
        while (await new.until(Ack)).next_seq < 4:  # type: ignore[union-attr]
            pass
        published = hub.hub.published[f"rec-{opening.uid.hex()}"]
        ends = [first + len(samples) // 24 for first, samples in published]
        assert [*(first for first, _ in published), 200] == [0, *ends]


async def test_another_devices_recording_cannot_be_taken(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as one, raw_device(hub.url) as other:
        hub.hub.add("cart-1")
        hub.hub.add("cart-2")
        opening = an_opening()
        await one.prove()
        await one.open(opening)
        await other.prove("cart-2")
        with pytest.raises(Refused) as refused:
            await other.open(opening)
        assert refused.value.code == "wire.open_differs"
        await one.say(a_frame(0))
        await one.until(Ack)


async def test_a_revoked_device_is_dropped_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        await hub.gateway.drop_device("cart-1")
        assert await device.refusal() == DeviceRevoked.code
        await eventually(lambda: hub.hub.online == [("cart-1", True), ("cart-1", False)], hub.hub.told)


async def test_a_refusal_that_no_retry_can_mend_reaches_the_person(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        with pytest.raises(WireError) as refused:
            await run_device(upload_of(recording(1), mode="batch"), hub.url, DeviceKey("nobody", KEY), retry=QUICK)
        assert refused.value.code == "wire.unknown_device"


async def test_a_failed_sync_stops_the_acks_and_ends_the_process(tmp_path: Path) -> None:
    failed: asyncio.Future[JournalFailed] = asyncio.get_running_loop().create_future()
    hub = FakeHub()
    hub.add("cart-1")
    gateway = Gateway(hub, tmp_path / "journal", GatewaySettings(), clock_ms, failed.set_result)
    await gateway.start()
    async with raw_device(f"ws://127.0.0.1:{gateway.port}") as device:
        await device.prove()
        await device.open(an_opening())

        def broken(fd: int) -> None:
            raise OSError(5, "Input/output error")

        gateway.journal._disk.sync_data = broken  # type: ignore[method-assign]
        await device.say(a_frame(0))
        frame = await device.hear()
        assert isinstance(frame, Error), "no ack after a failed sync"
        assert frame.code == "wire.hub_stopping"
        assert (await asyncio.wait_for(failed, 5)).code == "intake.journal_failed"
    await gateway.stop()


# ---- kill -9 ----


class Killable:
    """The gateway in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/device/fake_hub.py"), str(self.folder), str(self.port)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:  # the log goes there too
            if line.startswith(b"port "):
                self.port = int(line.split()[1])
                return

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Eavesdropper:
    """Hears every ack and opened that reaches the device client: the record outside the killed process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.acked = 0
        self.resumed: list[int] = []
        self.heard = asyncio.Event()
        monkeypatch.setattr("device.client.decode", self._decode)

    def _decode(self, raw: bytes) -> Frame:
        frame = decode(raw)
        if isinstance(frame, Ack):
            self.acked = max(self.acked, frame.next_seq)
        if isinstance(frame, Opened):
            self.resumed.append(frame.next_seq)
        self.heard.set()
        return frame


async def test_a_killed_hub_has_every_sample_it_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, ear = Killable(tmp_path), Eavesdropper(monkeypatch)
    await asyncio.to_thread(hub.start)
    upload, grown = upload_of(recording(30), mode="live", frame_ms=100), asyncio.Event()
    url, key, rng = f"ws://127.0.0.1:{hub.port}", DeviceKey("cart-1", KEY), random.Random(7)
    patient = Retry(tries_max=10_000, wait_s_least=0.01, wait_s_most=0.05)  # a start takes seconds on a busy machine
    sending = asyncio.create_task(send(upload, url, key, grown=grown, retry=patient, rng=rng))
    try:
        for kill in range(1, 4):
            upload.frames = 80 * kill  # so much has been measured by now
            grown.set()
            await eventually(lambda least=80 * kill - 60: ear.acked >= least, ear.heard, 20)  # type: ignore[misc]
            hub.kill()
            acked = ear.acked
            await asyncio.to_thread(hub.start)
            await eventually(lambda times=kill: len(ear.resumed) > times, ear.heard, 20)  # type: ignore[misc]
            assert ear.resumed[kill] >= acked, "an acknowledged frame was lost"
        upload.frames = upload.total
        grown.set()
        receipt = await asyncio.wait_for(sending, 30)
    finally:
        sending.cancel()
        hub.kill()
    assert receipt.sha256 == upload.sha256
    archive = (tmp_path / f"{upload.opening.uid.hex()}.archive").read_bytes()
    assert (coding.decode(archive)[1] == upload.samples).all()
