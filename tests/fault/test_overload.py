"""E7: more than the hub can take. Refused with a code and a time, memory bounded, the devices inside untouched.

Ten times the devices, half-open handshakes by the thousand, a peer that never reads, credit that is used up, a disk
that does not keep up, two machines with one key, a recording that never ends. A full disk is another suite's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from device import coding
from device.client import Retry
from device.errors import Busy, WireError
from device.frames import STREAM_BYTES_MAX, Ack, Error, Receipt
from device.simulate import run_device, upload_of
from tests.device.rig import Running, a_frame, an_opening, raw_device, recording, running, samples_of_archive
from tests.fault.test_hostile_wire import UPGRADE, rss_bytes, ws
from tests.waiting import until

RSS_GROWTH_MAX = 64 * 1024 * 1024
HALF_OPEN = 1_000
HALF_OPEN_LONG = 10_000
ONCE = Retry(tries_max=1)


@contextlib.asynccontextmanager
async def burdened(folder: Path, **settings: object) -> AsyncIterator[Running]:
    """A gateway under a burden while a device streams through it, which has to end as if nothing had happened."""
    async with running(folder, None, **settings) as hub:
        hub.hub.add("cart-1")
        good = upload_of(recording(8), mode="live")
        streaming = asyncio.create_task(run_device(good, hub.url, hub.hub.add("monitor-1"), speed=4))
        await until(lambda: hub.hub.online)
        before = rss_bytes()
        yield hub
        assert rss_bytes() - before < RSS_GROWTH_MAX
        assert (await streaming).sha256 == good.sha256
        assert (samples_of_archive(hub.hub, good.opening.uid) == good.samples).all()
        assert hub.gateway.refused["wire.hub_fault"] == 0


async def test_of_ten_times_the_devices_those_inside_arrive_and_the_others_are_told_when_to_come_back(
    tmp_path: Path,
) -> None:
    async with burdened(tmp_path, connections_max=21) as hub:
        uploads = [upload_of(recording(2, seed), mode="live") for seed in range(200)]
        keys = [hub.hub.add(f"cart-{number}") for number in range(200)]
        came = await asyncio.gather(
            *(
                run_device(upload, hub.url, key, speed=1.5, retry=ONCE)
                for upload, key in zip(uploads, keys, strict=True)
            ),
            return_exceptions=True,
        )
        inside = [upload for upload, end in zip(uploads, came, strict=True) if isinstance(end, Receipt)]
        assert len(inside) >= 20
        for upload in inside:
            assert (samples_of_archive(hub.hub, upload.opening.uid) == upload.samples).all()
        assert {type(end).__name__ for end in came if not isinstance(end, Receipt)} <= {"Unreachable"}
        assert hub.gateway.refused[Busy.code] == len(came) - len(inside)
        assert len(hub.gateway.connections) <= 22


async def test_the_refusal_names_a_time(tmp_path: Path) -> None:
    async with running(tmp_path, connections_max=1) as hub, raw_device(hub.url), raw_device(hub.url) as late:
        frame = await late.hear()
        assert isinstance(frame, Error)
        assert (frame.code, int(frame.facts["retry_after_s"]) > 0) == (Busy.code, True)  # type: ignore[arg-type]


async def half_opened(hub: Running, count: int) -> None:
    """So many connections that begin a handshake in one way or another and never go on; all are ended by the hub."""
    ways = (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n")
    ends = []
    for number in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.gateway.port)
        writer.write(ways[number % len(ways)])
        ends.append((reader, writer))
    upload = upload_of(recording(1), mode="batch")
    receipt = await run_device(upload, hub.url, hub.hub.add("cart-2"))
    assert receipt.sha256 == upload.sha256, "among all of them a device comes through"
    async with asyncio.timeout(60):
        await asyncio.gather(*(_read_to_the_end(reader) for reader, _ in ends))
    for _, writer in ends:
        writer.transport.abort()


async def _read_to_the_end(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(4096):
            pass


async def test_a_thousand_half_open_handshakes_keep_nobody_out_and_are_ended(tmp_path: Path) -> None:
    async with burdened(tmp_path, handshake_s=3.0) as hub:
        await half_opened(hub, HALF_OPEN)


@pytest.mark.long
async def test_ten_thousand_half_open_handshakes_keep_nobody_out_and_are_ended(tmp_path: Path) -> None:
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    async with running(tmp_path, handshake_s=20.0) as hub:
        before = rss_bytes()
        count = min(HALF_OPEN_LONG, (descriptors - 500) // 2)  # both ends are in this process
        await half_opened(hub, count)
        assert rss_bytes() - before < count * 64 * 1024


async def test_who_never_reads_what_the_hub_answers_is_cut_off(tmp_path: Path) -> None:
    """WebSocket pings are answered before any proof: nobody may make the hub keep what it will not read."""
    async with burdened(tmp_path) as hub:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.gateway.port)
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport reads too
        pings = ws(9, b"x" * 125) * 1000
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(_say_for_ever(writer, pings), 60)
        writer.transport.abort()


async def _say_for_ever(writer: asyncio.StreamWriter, raw: bytes) -> None:
    while True:
        writer.write(raw)
        await writer.drain()


async def test_credit_that_is_used_up_is_refused_with_its_limit(tmp_path: Path) -> None:
    async with burdened(tmp_path) as hub, raw_device(hub.url) as device:
        await device.prove()
        opened = await device.open(an_opening())
        await device.say(a_frame(opened.limit))
        assert await device.refusal() == "wire.credit"


async def test_a_disk_that_does_not_keep_up_narrows_the_credit_and_turns_newcomers_away(tmp_path: Path) -> None:
    held, loop = asyncio.Event(), asyncio.get_running_loop()
    async with running(tmp_path, pool_bytes=100_000) as hub:
        hub.hub.add("cart-1")
        async with raw_device(hub.url) as device:
            await device.prove()
            await device.open(an_opening())
            disk = hub.gateway.journal._disk
            sync = disk.sync_data

            def slow_sync(fd: int) -> None:
                asyncio.run_coroutine_threadsafe(held.wait(), loop).result(30)
                sync(fd)

            disk.sync_data = slow_sync  # type: ignore[method-assign]  # this disk is slow on purpose
            for seq in range(10):
                await device.say(a_frame(seq, n=400))
            await until(lambda: hub.gateway.journal.pending_bytes > 0.9 * 100_000)
            assert hub.gateway.window_frames() == 4
            async with raw_device(hub.url) as newcomer:
                assert await newcomer.refusal() == Busy.code
            held.set()
            while (await device.until(Ack)).next_seq < 10:  # type: ignore[union-attr]
                pass
            async with raw_device(hub.url) as newcomer:
                await newcomer.prove()


async def test_two_machines_with_one_key_send_two_recordings_and_both_arrive(tmp_path: Path) -> None:
    async with burdened(tmp_path) as hub:
        key = hub.hub.add("cart-1")
        uploads = [upload_of(recording(3, seed), mode="live") for seed in range(2)]
        await asyncio.gather(*(run_device(upload, hub.url, key, speed=6) for upload in uploads))
        for upload in uploads:
            assert (samples_of_archive(hub.hub, upload.opening.uid) == upload.samples).all()


async def test_two_machines_with_one_key_and_one_recording_do_not_mix_their_samples(tmp_path: Path) -> None:
    """A copied disk: both go on with the same uid. What is stored, if anything, is the recording of one of them."""
    async with burdened(tmp_path) as hub:
        key, uid = hub.hub.add("cart-1"), os.urandom(16)
        uploads = [
            upload_of(recording(3, seed), mode="batch", uid=uid, start_ms=1_700_000_000_000) for seed in range(2)
        ]
        ends = await asyncio.gather(
            *(run_device(upload, hub.url, key, retry=ONCE) for upload in uploads), return_exceptions=True
        )
        assert all(isinstance(end, Receipt | WireError) for end in ends), ends
        if uid in hub.hub.archives:
            stored = coding.decode(hub.hub.archives[uid])[1]
            assert any((stored == upload.samples).all() for upload in uploads)


async def test_a_recording_that_never_ends_ends_at_its_limit(tmp_path: Path) -> None:
    rows = 1300  # 31 kB a frame; eight of them may be on their way
    async with burdened(tmp_path) as hub, raw_device(hub.url) as device:
        await device.prove()
        opening = an_opening()
        seq, limit = 0, min(8, (await device.open(opening)).limit)
        while True:
            while seq < limit:
                with contextlib.suppress(ConnectionClosed):  # why it was closed is heard next
                    await device.say(a_frame(seq, n=rows))
                seq += 1
            frame = await device.hear()
            if isinstance(frame, Error):
                break
            assert isinstance(frame, Ack)
            limit = min(frame.limit, frame.next_seq + 8)
        assert frame.code == "wire.too_long"
        kept = hub.gateway.journal.streams[opening.uid]
        assert STREAM_BYTES_MAX - 10 * 24 * rows < kept.data_bytes <= STREAM_BYTES_MAX, "what was acknowledged stays"
