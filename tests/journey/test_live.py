"""The live page: who is being recorded now, side by side, for everybody who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import numpy as np
import pytest
from playwright.async_api import expect

from device.client import send
from device.frames import Patient, Request
from device.simulate import run_device, upload_of
from ecg import synth
from ecg.record import Recording
from tests.journey.conftest import PHONE, WAIT_MS, People, expect_ink
from tests.journey.test_pages import AXE, too_wide, violations
from tests.server.conftest import Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


def long(seconds: float) -> Recording:
    return synth.twelve_lead(np.random.default_rng(5), [synth.Segment("sinus", seconds, rate_bpm=70)]).recording


@asynccontextmanager
async def arriving(hub: Hub, patients: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
    """Live recordings of (institution, name), in this order, at real time while the block runs."""
    async with AsyncExitStack() as stack:
        for org, name in patients:
            upload = upload_of(long(120), mode="live", request=of(name))
            gateway = f"ws://127.0.0.1:{hub.app.device_port}"
            task = asyncio.create_task(run_device(upload, gateway, hub.keys[org], speed=1))
            stack.push_async_callback(ended, task)
            await listed(hub, name)
        yield


def of(name: str) -> Request:
    return Request(patient=Patient(name=name, sex="F", age=61), symptoms=("palpitation",))


async def ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def listed(hub: Hub, name: str) -> None:
    async with await hub.sign_in("reader") as reader:

        async def stands() -> bool:
            rows = await reader.get("/api/orgs/org_city/recordings?state=receiving")
            return any(row["patient"]["name"] == name for row in rows)

        await until(stands, WAIT_MS / 1000)


async def test_recordings_that_arrive_stand_side_by_side_and_each_opens_its_page(hub: Hub, people: People) -> None:
    reader = await people.open("reader", "/live")
    wall = reader.see("live-page")
    await expect(wall.locator(".empty")).to_be_visible()
    reader.refusal(404, r"/analysis$")  # the page of one that arrives asks for what is not there yet
    reader.refusal(409, r"/signal$")
    async with arriving(hub, [("org_hewan", "祁秀英"), ("org_shimen", "马德福"), ("org_shanghe", "韩海燕")]):
        tiles = wall.locator("li")
        await expect(tiles).to_have_count(3)
        assert [await tiles.nth(n).locator(".name").inner_text() for n in range(3)] == ["祁秀英", "马德福", "韩海燕"]
        for n in range(3):
            await expect_ink(tiles.nth(n).locator("canvas"), 2000)
        assert await violations(reader, AXE.read_text("utf-8")) == []

        await reader.keys("KeyL")
        await expect(wall.get_by_role("radio", name="节律")).to_be_checked()
        await expect_ink(tiles.first.locator("canvas"), 500)
        await reader.keys("KeyJ", "KeyJ", "KeyJ", "KeyK")
        await expect(tiles.nth(1).locator("a")).to_be_focused()
        await reader.keys("Enter")
        await expect(reader.page.locator(".rd-live-sweep canvas")).to_be_visible()
        await expect(reader.page.locator(".rd-name")).to_contain_text("马德福")

        # Each sees what arrives at his own institution and below it.
        phone = await people.open("clinic", "/live", lang="en", size=PHONE)
        theirs = phone.see("live-page").locator("li")
        await expect(theirs).to_have_count(2)
        await expect_ink(theirs.first.locator("canvas"), 500)
        assert await too_wide(phone) + await violations(phone, AXE.read_text("utf-8")) == []
        boxes = [await theirs.nth(n).bounding_box() for n in range(2)]
        assert all(box is not None and box["x"] == boxes[0]["x"] for box in boxes if boxes[0] is not None)
        stranger = await people.open("liugou", "/live")
        await expect(stranger.see("live-page").locator(".empty")).to_be_visible()
    people.no_faults()


async def test_one_that_ended_keeps_its_place_until_the_next_takes_it(hub: Hub, people: People) -> None:
    reader = await people.open("reader", "/live")
    tiles = reader.see("live-page").locator("li")
    upload, grown = upload_of(long(10), mode="live", request=of("短短")), asyncio.Event()
    upload.frames = upload.total // 2
    gateway = f"ws://127.0.0.1:{hub.app.device_port}"
    sending = asyncio.create_task(send(upload, gateway, hub.keys["org_hewan"], grown=grown))
    await listed(hub, "短短")
    async with arriving(hub, [("org_shimen", "长长")]):
        await expect(tiles).to_have_count(2)
        upload.frames = upload.total  # its end
        grown.set()
        await sending
        await expect(tiles.first).to_contain_text("已传完")
        await expect(tiles.nth(1)).to_contain_text("长长")
        async with arriving(hub, [("org_liugou", "新来")]):
            await expect(tiles.first).to_contain_text("新来")
            await expect(tiles).to_have_count(2)
    people.no_faults()


async def test_a_tile_off_the_screen_hears_and_draws_nothing(hub: Hub, people: People) -> None:
    places = ["org_county", "org_hewan", "org_shimen", "org_liugou", "org_shanghe", "org_xiahe"]
    phone = await people.open("reader", "/live", size=PHONE)
    async with arriving(hub, [(org, f"患者{n}") for n, org in enumerate(places)]):
        tiles = phone.see("live-page").locator("li")
        await expect(tiles).to_have_count(6)
        await expect_ink(tiles.first.locator("canvas"), 500)
        await expect(tiles.last.locator("canvas")).to_have_count(0)
        await tiles.last.scroll_into_view_if_needed()
        await expect_ink(tiles.last.locator("canvas"), 500)
        await expect(tiles.first.locator("canvas")).to_have_count(0)
    people.no_faults()
