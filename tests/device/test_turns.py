"""Those that greet at once take turns: a bounded number at a time, in order; who says nothing keeps nobody waiting,
and nobody holds two places by one name."""

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
        leave = await queue.take(f"cart-{number}")
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
        for number in range(2, 7):
            hub.hub.add(f"cart-{number}")
            silent = await crowd.enter_async_context(raw_device(hub.url))
            await silent.say(Hello(device=f"cart-{number}"))
        async with raw_device(hub.url) as device:
            await device.prove()


async def test_who_waits_for_his_turn_is_not_too_late(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_s=1.0) as hub, raw_device(hub.url) as device:
        hub.hub.add("cart-1")
        hub.gateway.turns = queue = Turns(1)
        leave = await queue.take("another")
        proving = asyncio.create_task(device.prove())
        done, _ = await asyncio.wait({proving}, timeout=1.5)
        assert not done
        leave()
        await proving


async def test_a_device_that_left_while_it_waited_costs_nobody_a_place(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        hub.hub.add("cart-1")
        hub.gateway.turns = queue = Turns(1)
        leave = await queue.take("another")
        async with raw_device(hub.url) as gone:
            await gone.say(Hello(device="cart-1"))
        leave()
        async with raw_device(hub.url) as device:
            await device.prove()
        await until(lambda: not hub.gateway.connections)
        assert not hub.gateway.refused


async def test_who_says_hello_in_the_name_of_one_device_again_and_again_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with running(tmp_path) as hub, contextlib.AsyncExitStack() as crowd:
        hub.hub.add("known")
        hub.hub.add("cart-1")
        hub.gateway.turns = Turns(2)
        for _ in range(20):
            liar = await crowd.enter_async_context(raw_device(hub.url))
            await liar.say(Hello(device="known"))
        async with raw_device(hub.url) as device:  # at once: no place had to be taken from anybody by its time
            await device.prove()


async def _settled(*waiting: asyncio.Task[object]) -> list[bool]:
    """Which of them have their place, once everything that can go on has gone on."""
    for _ in range(200):
        await asyncio.sleep(0)
    return [task.done() for task in waiting]


async def test_a_name_said_a_thousand_times_holds_one_place_and_the_others_pass() -> None:
    turns = Turns(places=2)
    leaves = [await turns.take("known") for _ in range(1000)]
    leave = await asyncio.wait_for(turns.take("another"), 1)
    last = asyncio.ensure_future(turns.take("third"))
    for older in leaves[:-1]:
        older()  # was taken over: gives back nothing
    assert await _settled(last) == [False]
    leaves[-1]()
    assert await _settled(last) == [True]
    leave()


async def test_of_one_name_many_may_wait_and_still_take_one_place() -> None:
    turns = Turns(places=1)
    leave = await turns.take("first")
    known = [asyncio.ensure_future(turns.take("known")) for _ in range(50)]
    other = asyncio.ensure_future(turns.take("other"))
    assert not any(await _settled(*known, other))
    leave()
    assert await _settled(*known, other) == [True] * 50 + [False]
    (await known[-1])()
    assert await _settled(other) == [True]
