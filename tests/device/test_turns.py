"""Those that greet at once take turns: a bounded number at a time, in order; who says nothing keeps nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from server.intake import turns
from server.intake.turns import PLACES, Turns
from tests.device.rig import raw_device, running
from tests.waiting import until


async def test_the_first_come_are_the_first_served_and_a_place_is_given_back_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 3600)
    queue, served = Turns(2), list[int]()

    async def come(number: int) -> None:
        leave = await queue.take()
        served.append(number)
        await goes[number].wait()
        leave()
        leave()

    goes = [asyncio.Event() for _ in range(5)]
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(come(number))
        await until(lambda: served == [0, 1])
        goes[1].set()
        await until(lambda: served == [0, 1, 2])
        goes[0].set()
        goes[2].set()
        await until(lambda: served == [0, 1, 2, 3, 4])
        goes[3].set()
        goes[4].set()


async def test_a_device_is_served_behind_a_crowd_that_says_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, contextlib.AsyncExitStack() as crowd:
        hub.hub.add("cart-1")
        for _ in range(PLACES + 10):
            _, writer = await asyncio.open_connection("127.0.0.1", hub.gateway.port)
            crowd.callback(writer.transport.abort)
        async with raw_device(hub.url) as device:
            await device.prove()
