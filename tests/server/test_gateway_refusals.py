"""What a device may not do: each gets its code, is counted, leaves no sample, and no mark on other devices."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import zstandard

from device.frames import (
    FRAME_BYTES_MAX,
    Chunk,
    End,
    encode,
)
from device.simulate import run_device, upload_of
from tests.device.rig import RawDevice, Refused, a_deposit, a_frame, an_opening, raw_device, recording, running

Wrong = Callable[[RawDevice], Awaitable[None]]


async def bad_hmac(device: RawDevice) -> None:
    await device.prove(key=bytes(32))


async def unknown_device(device: RawDevice) -> None:
    await device.prove("nobody")


async def revoked_device(device: RawDevice) -> None:
    await device.prove("blocked")


async def wrong_version(device: RawDevice) -> None:
    await device.prove(version=2)


async def open_before_proof(device: RawDevice) -> None:
    await device.say(an_opening())


async def not_a_frame(device: RawDevice) -> None:
    await device.socket.send(b"\xee\xee")


async def a_text(device: RawDevice) -> None:
    await device.socket.send("hello")


async def too_large(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    await device.socket.send(encode(a_frame(0)) + bytes(FRAME_BYTES_MAX))


async def wrong_leads_in_a_frame(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    await device.say(a_frame(0, leads=8))


async def a_lead_twice(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening(leads=("I", "II", "I")))


async def a_lead_nobody_knows(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening(leads=("I", "Q7")))


async def out_of_range(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    await device.say(a_frame(0, value=32_500))


async def out_of_range_below(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening(gain_uv_per_lsb=10.0))
    await device.say(a_frame(0, value=-4000))


async def a_sample_left_out(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    await device.say(msgspec.structs.replace(a_frame(0), first=1))


async def damage_that_stays(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    for _ in range(9):
        await device.socket.send(encode(a_frame(0))[:-1] + b"\xff")


async def a_packed_bomb(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    bomb = zstandard.ZstdCompressor().compress(bytes(64 * 1024 * 1024))
    await device.say(msgspec.structs.replace(a_frame(0), body=bomb, coding=1))


async def a_file_that_is_another(device: RawDevice) -> None:
    await device.prove()
    await device.open(a_deposit(b"what was announced"))
    await device.say(Chunk(0, 0, 0, b"what has been sent"))
    await device.say(End(0, 1, 18, hashlib.sha256(b"what has been sent").digest()))


async def a_file_that_is_a_bomb(device: RawDevice) -> None:
    await device.prove()
    bomb = zstandard.ZstdCompressor().compress(bytes(64 * 1024 * 1024))
    await device.open(msgspec.structs.replace(a_deposit(b"small"), packing="zstd"))
    await device.say(Chunk(0, 0, 0, bomb))
    await device.say(End(0, 1, len(bomb), hashlib.sha256(bomb).digest()))


async def a_file_under_a_wrong_uid(device: RawDevice) -> None:
    await device.prove()
    await device.open(msgspec.structs.replace(a_deposit(b"file"), uid=bytes(16)))


async def rate_nobody_has(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening(fs=333))


async def gain_upside_down(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening(gain_uv_per_lsb=1000.0))


async def over_credit(device: RawDevice) -> None:
    await device.prove()
    opened = await device.open(an_opening())
    await device.say(a_frame(opened.limit))


async def data_without_open(device: RawDevice) -> None:
    await device.prove()
    await device.say(a_frame(0))


async def an_end_that_counts_wrong(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    await device.say(End(0, 0, 0, bytes(32)))


async def a_gap_that_stays(device: RawDevice) -> None:
    await device.prove()
    await device.open(an_opening())
    for _ in range(9):
        await device.say(a_frame(2))


WRONG: dict[Wrong, str] = {
    bad_hmac: "wire.bad_hmac",
    unknown_device: "wire.unknown_device",
    revoked_device: "wire.device_revoked",
    wrong_version: "wire.version",
    open_before_proof: "wire.order",
    not_a_frame: "wire.frame",
    a_text: "wire.frame",
    too_large: "wire.frame_too_large",
    wrong_leads_in_a_frame: "wire.lead_map",
    a_lead_twice: "wire.lead_map",
    a_lead_nobody_knows: "wire.lead_map",
    out_of_range: "wire.sample_range",
    out_of_range_below: "wire.sample_range",
    a_sample_left_out: "wire.index",
    damage_that_stays: "wire.crc",
    a_packed_bomb: "wire.frame",
    a_file_that_is_another: "wire.file",
    a_file_that_is_a_bomb: "wire.file",
    a_file_under_a_wrong_uid: "wire.file",
    rate_nobody_has: "wire.sample_rate",
    gain_upside_down: "wire.gain",
    over_credit: "wire.credit",
    data_without_open: "wire.order",
    an_end_that_counts_wrong: "wire.end_differs",
    a_gap_that_stays: "wire.gap",
}


async def test_what_is_wrong_gets_a_code_is_counted_and_leaves_no_sample_and_no_mark_on_others(tmp_path: Path) -> None:
    """All of them in turn, while another device streams through the same gateway."""
    async with running(tmp_path) as hub:
        hub.hub.add("cart-1")
        hub.hub.add("blocked", active=False)
        good = upload_of(recording(20), mode="live")
        streaming = asyncio.create_task(run_device(good, hub.url, hub.hub.add("monitor-1"), speed=8))
        for wrong, code in WRONG.items():
            counted = hub.gateway.refused[code]
            async with raw_device(hub.url) as device:
                try:
                    await wrong(device)
                    got = await device.refusal()
                except Refused as refused:
                    got = refused.code
                assert got == code, wrong.__name__
                await device.socket.wait_closed()
            assert hub.gateway.refused[code] == counted + 1, wrong.__name__
            assert hub.hub.refusals[-1][1] == code
        kept = {good.opening.uid, *(bytes.fromhex(recording[4:]) for recording, _ in hub.hub.rejections)}
        others = [s for uid, s in hub.gateway.journal.streams.items() if uid not in kept]
        assert sum(state.frames for state in others) == 0
        assert (await streaming).sha256 == good.sha256
        assert list(hub.hub.archives) == [good.opening.uid]
