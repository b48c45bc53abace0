"""The kit that plays hub: our own client passes, each faulty device is named by the requirement it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from device.client import DeviceKey, Retry, send
from device.conformance import Verdict
from device.conformance_device import DEVICE_CHECKS, play_hub
from device.simulate import upload_of
from tests.device.fake_hub import KEY
from tests.device.faulty_devices import ALL, FaultyDevice, send_as
from tests.device.rig import recording

ROOT = Path(__file__).parents[2]
A_KEY = DeviceKey("cart-1", KEY)


async def verdicts_on(device: Callable[[str], Awaitable[object]], wait_s: float) -> dict[str, Verdict]:
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    listening = asyncio.create_task(play_hub(A_KEY, "127.0.0.1", 0, wait_s, ready))
    sending = asyncio.ensure_future(device(f"ws://127.0.0.1:{await ready}"))
    verdicts = await listening
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await sending
    return {verdict.check: verdict for verdict in verdicts}


def as_one(faulty: type[FaultyDevice]) -> Callable[[str], Awaitable[object]]:
    return lambda url: send_as(faulty(), upload_of(recording(5), mode="batch"), url, A_KEY)


async def test_our_own_client_passes() -> None:
    retry, ready = Retry(wait_s_least=0.01, wait_s_most=0.05), asyncio.Event()
    ready.set()
    found = await verdicts_on(
        lambda url: send(upload_of(recording(5), mode="batch"), url, A_KEY, retry=retry, grown=ready), 30
    )
    assert {name: verdict.saw for name, verdict in found.items() if not verdict.passed} == {}


async def test_the_device_that_the_faulty_ones_are_made_of_passes() -> None:
    found = await verdicts_on(
        lambda url: send_as(FaultyDevice(), upload_of(recording(5), mode="batch"), url, A_KEY), 30
    )
    assert {name: verdict.saw for name, verdict in found.items() if not verdict.passed} == {}


@pytest.mark.parametrize("faulty", ALL, ids=lambda faulty: faulty.__name__)
async def test_a_faulty_device_is_caught_by_the_check_that_names_it(faulty: type[FaultyDevice]) -> None:
    found = await verdicts_on(as_one(faulty), 30)
    broken = found[faulty.caught_by]
    assert not broken.passed
    assert broken.saw != "the device did not come to it", "it is named for what it did, not for what it missed"


def test_every_check_stands_under_a_heading_of_the_protocol() -> None:
    page = (ROOT / "docs/reference/protocol.md").read_text("utf-8")
    headings = {match.strip() for match in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert {check.section for check in DEVICE_CHECKS} - headings == set()
