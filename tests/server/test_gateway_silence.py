"""Recordings that their devices never end: bounded in number, ended by the hub, and whole once the device is back."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from device import coding
from device.client import send
from device.deposit import deposit_of, file_upload
from device.frames import Ack, End, Error, Receipt
from device.simulate import run_device, upload_of
from server.intake.silence import Silence
from tests.device.fake_hub import FakeHub
from tests.device.rig import (
    RawDevice,
    Running,
    a_deposit,
    a_frame,
    an_opening,
    eventually,
    raw_device,
    recording,
    running,
    samples_of_archive,
)
from tests.server.conftest import REQUEST, Hub, normal
from tests.server.test_gateway import Killable
from tests.waiting import until

LONG_S = 7 * 3600.0


def hours_later(hub: Running) -> None:
    """The hub looks twice, seven hours apart: what has not moved in between was silent."""
    hub.gateway.end_silent(1000.0)
    hub.gateway.end_silent(1000.0 + LONG_S)


async def acked(device: RawDevice, count: int) -> None:
    while (await device.until(Ack)).next_seq < count:  # type: ignore[union-attr]  # `until` returns what it was asked for
        pass


async def five_frames(hub: Running, opening: Any) -> None:
    """A device that sends five frames and is gone."""
    async with raw_device(hub.url) as device:
        await device.prove()
        await device.open(opening)
        for seq in range(5):
            await device.say(a_frame(seq))
        await acked(device, 5)


# ---- how many ----


async def test_a_device_that_ends_nothing_is_refused_with_a_time_and_may_end_what_it_began(tmp_path: Path) -> None:
    async with running(tmp_path, unfinished_max=2) as hub:
        hub.hub.add("cart-1")
        hub.hub.add("cart-2")
        first = an_opening()
        for opening in (first, an_opening()):
            await five_frames(hub, opening)
        async with raw_device(hub.url) as device:
            await device.prove()
            await device.say(an_opening())
            refused = await device.hear()
            assert isinstance(refused, Error)
            assert (refused.code, refused.facts) == (
                "wire.unfinished", {"retry_after_s": 60, "unfinished": 2, "most": 2}
            )  # fmt: skip
        await until(lambda: hub.gateway.refused["wire.unfinished"] == 1)
        async with raw_device(hub.url) as other:  # nobody else is concerned
            await other.prove("cart-2")
            await other.open(an_opening())
        async with raw_device(hub.url) as device:
            await device.prove()
            assert (await device.open(first)).next_seq == 5
            sha256 = hashlib.sha256(b"".join(a_frame(seq).body for seq in range(5))).digest()
            await device.say(End(0, 5, 250, sha256))
            await device.until(Receipt)
            await device.open(an_opening(stream=1))


# ---- ended by the hub ----


async def test_a_silent_recording_is_sealed_as_far_as_it_came_and_the_whole_one_takes_its_place(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        key = hub.hub.add("cart-1")
        upload = upload_of(recording(2), mode="batch")
        async with raw_device(hub.url) as device:
            await device.prove()
            await device.open(upload.opening)
            for seq in range(3):
                await device.say(upload.frame(0, seq))
            await acked(device, 3)
        hours_later(hub)
        await eventually(lambda: bool(hub.hub.interruptions), hub.hub.told)
        ((archive, _),) = hub.hub.interruptions.values()
        assert archive is not None
        assert (coding.decode(archive)[1] == upload.samples[: 3 * upload.per_frame]).all()
        await until(lambda: hub.gateway.journal.streams[upload.opening.uid].sealed)
        assert hub.gateway.unfinished == 0
        # The device knows nothing of it: it opens the recording again and is asked for all of it.
        receipt = await run_device(upload, hub.url, key)
        assert receipt.sha256 == upload.sha256
        assert (samples_of_archive(hub.hub, upload.opening.uid) == upload.samples).all()


async def test_a_recording_that_goes_on_is_not_silent_however_long_it_lasts(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opening = an_opening()
        await device.open(opening)
        for seq in range(4):
            await device.say(a_frame(seq))
            await acked(device, seq + 1)
            hub.gateway.end_silent(seq * LONG_S)
        assert not hub.gateway.journal.streams[opening.uid].ended
        assert hub.gateway.refused["wire.silent"] == 0


async def test_a_device_that_is_connected_and_silent_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        await device.open(an_opening())
        await device.say(a_frame(0))
        await acked(device, 1)
        hours_later(hub)
        assert await device.refusal() == "wire.silent"
        await eventually(lambda: bool(hub.hub.interruptions), hub.hub.told)


async def test_a_part_of_a_file_is_set_aside_and_the_whole_file_arrives_later(tmp_path: Path) -> None:
    file = os.urandom(100_000)
    async with running(tmp_path) as hub:
        key = hub.hub.add("cart-1")
        opening = a_deposit(file)
        upload = file_upload(opening, file)
        async with raw_device(hub.url) as device:
            await device.prove()
            await device.open(opening)
            await device.say(upload.frame(0, 0))
            await acked(device, 1)
        hours_later(hub)
        await eventually(lambda: bool(hub.hub.interruptions), hub.hub.told)
        assert list(hub.hub.interruptions.values()) == [(None, file[:8192])]
        await until(lambda: hub.gateway.unfinished == 0)
        again = deposit_of("cart-1", "ecg.xml", opening.sha256, len(file), packed=False, made_ms=1)
        await send(file_upload(again, file), hub.url, key, grown=ready())
        assert hub.hub.files[opening.uid] == file


def ready() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


async def test_refused_samples_do_not_pin_the_journal_for_ever(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        opening = an_opening()
        await device.open(opening)
        await device.say(a_frame(0))
        await device.say(End(0, 1, 50, bytes(32)))
        assert await device.refusal() == "wire.checksum"
        hours_later(hub)
        await eventually(lambda: bool(hub.hub.interruptions), hub.hub.told)
        assert list(hub.hub.interruptions.values()) == [(None, a_frame(0).body)]
        await until(lambda: hub.gateway.journal.streams[opening.uid].sealed)


async def test_on_a_full_disk_nobody_is_silent(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        hub.hub.add("cart-1")
        opening = an_opening()
        await five_frames(hub, opening)
        hub.gateway.end_silent(0.0)
        hub.gateway.journal.full = True
        hub.gateway.end_silent(LONG_S)
        hub.gateway.journal.full = False
        hub.gateway.end_silent(LONG_S + 60)
        assert not hub.gateway.journal.streams[opening.uid].ended
        hub.gateway.end_silent(2 * LONG_S + 60)
        await eventually(lambda: bool(hub.hub.interruptions), hub.hub.told)


# ---- after a kill ----


async def test_a_recording_the_hub_was_ending_when_it_died_is_sealed_at_the_next_start(tmp_path: Path) -> None:
    hub = FakeHub()
    hub.add("cart-1")
    opening = an_opening()

    async def away(*_: object, **__: object) -> None:
        hub.told.set()
        raise OSError("the database is away")

    sealing, hub.interrupted = hub.interrupted, away  # type: ignore[method-assign]  # it dies before the row is there
    async with running(tmp_path, hub) as first:
        await five_frames(first, opening)
        hours_later(first)
        await until(lambda: first.gateway.journal.streams[opening.uid].ended)
    hub.interrupted = sealing  # type: ignore[method-assign]  # and is sound again
    async with running(tmp_path, hub) as second:
        await eventually(lambda: bool(hub.interruptions), hub.told)
        await until(lambda: second.gateway.journal.streams[opening.uid].sealed)
        async with raw_device(second.url) as device:
            await device.prove()
            assert (await device.open(opening)).next_seq == 0
            for seq in range(3):
                await device.say(a_frame(seq))
            await acked(device, 3)
    async with running(tmp_path, hub) as third, raw_device(third.url) as device:
        await device.prove()
        assert (await device.open(opening)).next_seq == 3, "what began anew is found anew"


async def test_what_was_left_open_by_a_killed_hub_is_silent_since_it_was_written(tmp_path: Path) -> None:
    opening = an_opening()
    killed = Killable(tmp_path)
    killed.start()
    async with raw_device(f"ws://127.0.0.1:{killed.port}") as device:
        await device.prove()
        await device.open(opening)
        await device.say(a_frame(0))
        await acked(device, 1)
        killed.kill()
    hub = FakeHub()
    async with running(tmp_path, hub):
        pass  # closes the open segment: its time is that of this start
    for segment in (tmp_path / "journal").glob("segment-*.journal"):
        os.utime(segment, (0, segment.stat().st_mtime - LONG_S))
    async with running(tmp_path, hub) as later:
        later.gateway.end_silent(asyncio.get_running_loop().time())
        await eventually(lambda: bool(hub.interruptions), hub.told)
    ((archive, _),) = hub.interruptions.values()
    assert archive is not None
    assert (coding.decode(archive)[1] == np.full((50, 12), 7)).all()


def test_silence_is_measured_from_the_last_look_that_found_something_new() -> None:
    silence = Silence()
    silence.begin(b"old", 3, now_s=100.0, silent_s=50.0)
    assert silence.look({b"old": 3, b"new": 0}, 100.0) == {b"old": 50.0, b"new": 0.0}
    assert silence.look({b"old": 4, b"new": 0}, 160.0) == {b"old": 0.0, b"new": 60.0}
    assert silence.look({b"new": 0}, 170.0) == {b"new": 70.0}
    assert silence.look({b"old": 4}, 180.0) == {b"old": 0.0}, "forgotten while it was not there"
    silence.begin(b"ahead", 0, now_s=10.0, silent_s=-5.0)
    assert silence.look({b"ahead": 0}, 10.0) == {b"ahead": 0.0}, "a clock that was set back"


# ---- what people see ----


async def test_an_interrupted_recording_is_read_as_incomplete_until_the_whole_one_is_there(hub: Hub) -> None:
    upload = upload_of(normal(), mode="batch", request=REQUEST)
    upload.frames = 12  # of 20: six of ten seconds
    sending = asyncio.create_task(
        run_device(upload, f"ws://127.0.0.1:{hub.app.device_port}", hub.keys["org_liugou"], speed=0.001)
    )
    async with await hub.sign_in("oncall") as reader:
        uid = upload.opening.uid
        gateway = hub.app.gateway
        await until(lambda: uid in gateway.journal.streams and gateway.journal.streams[uid].frames == 12)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        gateway.end_silent(0.0)
        gateway.end_silent(LONG_S)

        async def waiting() -> list[Any]:
            page = await reader.get("/api/orgs/org_liugou/recordings")
            return [row for row in page if row["state"] == "waiting"]

        (part,) = await until(waiting, 30)
        assert (part["interrupted"], part["samples"]) == (True, 3000)
        assert part["notes"] == [{"code": "recording.interrupted", "facts": {"came_s": 6.0}}]
        assert part["machine"] is not None
        assert await reader.get(f"/api/recordings/{part['id']}/signal")

        # The device is back: the whole recording arrives as one of its own, of the same patient.
        upload.frames = upload.total
        await run_device(upload, f"ws://127.0.0.1:{hub.app.device_port}", hub.keys["org_liugou"])

        async def whole() -> list[Any]:
            return [row for row in await waiting() if not row["interrupted"]]

        (complete,) = await until(whole, 30)
        assert (complete["samples"], complete["patient"]["id"]) == (5000, part["patient"]["id"])
        before = await reader.get(f"/api/recordings/{part['id']}")
        assert (before["state"], before["replaced_by"], before["return_reason"]) == (
            "rejected", complete["id"], "recording.replaced"
        )  # fmt: skip
        assert await reader.get(f"/api/recordings/{part['id']}/signal"), "what came first is still there"
        kinds = [line["kind"] for line in await reader.get(f"/api/recordings/{part['id']}/history")]
        assert {"recording.interrupted", "recording.replaced"} <= set(kinds)


async def test_a_recording_without_a_sample_is_given_up_by_name(hub: Hub) -> None:
    async with raw_device(f"ws://127.0.0.1:{hub.app.device_port}") as device, await hub.sign_in("oncall") as reader:
        key = hub.keys["org_liugou"]
        await device.prove(key.device, key.key)
        opened = await device.open(an_opening())
        gateway = hub.app.gateway
        gateway.end_silent(0.0)
        gateway.end_silent(LONG_S)
        assert await device.refusal() == "wire.silent"

        async def given_up() -> Any:
            row = await reader.get(f"/api/recordings/{opened.recording}")
            return row if row["state"] == "rejected" else None

        row = await until(given_up, 30)
        assert (row["return_reason"], row["interrupted"]) == ("recording.silent", True)
