"""Frames that come late are no fault of the device: repeats after the end, a second end, the open of a dying line.

Each was found by a seed of `tests/fault/world.py` before it was a test here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from device.frames import Ack, End, Nack, Opened, Ping, Pong, Receipt, Welcome, Why
from device.simulate import SampledUpload
from device.upload import DeviceSession
from tests.device.rig import a_frame, an_opening, raw_device, running


async def test_what_comes_again_after_the_end_and_after_the_receipt_costs_nobody_the_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        await device.prove()
        await device.open(an_opening())
        end = End(0, 1, 50, hashlib.sha256(a_frame(0).body).digest())
        for frame in (a_frame(0), end, a_frame(0), end):
            await device.say(frame)
        receipt = await device.until(Receipt)
        await device.say(a_frame(0))
        await device.say(end)
        assert await device.until(Receipt) == receipt, "the device has missed it"
        await device.say(Ping(1))
        await device.until(Pong)
        assert not hub.gateway.refused


async def test_an_open_that_lay_on_a_dying_line_does_not_take_the_recording_from_the_newer_connection(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as hub, raw_device(hub.url) as old, raw_device(hub.url) as new:
        hub.hub.add("cart-1")
        opening = an_opening()
        await old.prove()
        await new.prove()
        await new.open(opening)
        await old.say(opening)
        assert await old.refusal() == "wire.superseded"
        await new.say(a_frame(0))
        await new.until(Ack)


def test_a_clock_that_is_set_back_does_not_make_a_hold_of_seconds_one_of_hours() -> None:
    opening = an_opening(mode="batch")
    upload = SampledUpload(opening, np.zeros((100, 12), np.int16), per_frame=50, frames=2)
    session, noon = DeviceSession("cart-1", bytes(32), "x"), opening.start_ms
    session.offer(upload, noon)
    session.receive(Welcome("s", 16, 2**18, noon, 0, 0, (500,), 2**15), noon)
    session.receive(Opened(0, "rec", 0, 16), noon)
    session.receive(Nack(0, 0, Why.FULL, 5_000), noon)
    assert session.pump(noon + 4_999) == []
    assert session.pump(noon - 3_600_000) != []
