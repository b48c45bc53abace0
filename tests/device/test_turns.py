"""Those that greet at once take turns: a bounded number at a time, in order; who says nothing keeps nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from device.frames import Hello
from server.intake import turns
from server.intake.turns import Turns
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


async def test_a_device_is_served_behind_a_crowd_that_says_hello_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 0.1)
    async with running(tmp_path) as hub, contextlib.AsyncExitStack() as crowd:
        hub.hub.add("cart-1")
        hub.gateway.turns = Turns(2)
        for _ in range(5):
            silent = await crowd.enter_async_context(raw_device(hub.url))
            await silent.say(Hello(device="cart-1"))
        async with raw_device(hub.url) as device:
            await device.prove()


async def test_who_waits_for_his_turn_is_not_too_late(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_s=1.0) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        hub.gateway.turns = queue = Turns(1)
        leave = await queue.take()
        proving = asyncio.create_task(device.prove())
        done, _ = await asyncio.wait({proving}, timeout=1.5)
        assert not done
        leave()
        await proving


async def test_a_device_that_left_while_it_waited_costs_nobody_a_place(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        hub.hub.add("cart-1")
        hub.gateway.turns = queue = Turns(1)
        leave = await queue.take()
        async with raw_device(hub.url) as gone:
            await gone.say(Hello(device="cart-1"))
        leave()
        async with raw_device(hub.url) as device:
            await device.prove()
        await until(lambda: not hub.gateway.connections)
        assert not hub.gateway.refused
