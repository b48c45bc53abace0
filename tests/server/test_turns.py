"""Whose turn it is to prove himself: places are bounded, in order, and nobody holds two by one name."""

from __future__ import annotations

import asyncio

from server.intake.turns import Turns


async def _settled(*waiting: asyncio.Task[object]) -> list[bool]:
    """Which of them have their place, once everything that can go on has gone on."""
    for _ in range(200):
        await asyncio.sleep(0)
    return [task.done() for task in waiting]


async def test_who_comes_when_all_places_are_taken_waits_for_the_first_that_is_given_back() -> None:
    turns = Turns(places=2)
    leave_first = await turns.take("a")
    await turns.take("b")
    waiting = [asyncio.ensure_future(turns.take(name)) for name in ("c", "d")]
    assert await _settled(*waiting) == [False, False]
    leave_first()
    leave_first()  # a second time gives nothing back
    assert await _settled(*waiting) == [True, False]
    (await waiting[0])()
    assert await _settled(*waiting) == [True, True]


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
