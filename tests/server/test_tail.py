"""Whoever follows the log hears every line once and in order, and all who follow share the reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from server.base import tail as tail_module
from server.base.clock import SystemClock
from server.base.database import Database, Tx
from server.base.tail import Tail

FOLLOWERS, LINES = 20, 300


def told(tx: Tx, subject: str) -> int:
    return tx.append("device.added", subject, "org_a", {})


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "hub.sqlite", SystemClock())
    yield made
    await made.close()


async def test_each_follower_hears_every_line_once_in_order_while_others_write(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "KEPT", 20)  # so that who is slow falls out of what is kept
    monkeypatch.setattr(tail_module, "BATCH", 7)
    tail = Tail(db)
    news = [asyncio.Event() for _ in range(FOLLOWERS)]

    def committed(_events: bool, _timed: bool) -> None:
        tail.grown()
        for one in news:
            one.set()

    db.on_commit(committed)
    earlier = [await db.write(partial(told, subject=f"early{n}")) for n in range(30)]
    heard: list[list[int]] = [[] for _ in news]

    async def follow(number: int) -> None:
        at = 0
        while len(heard[number]) < len(earlier) + LINES:
            news[number].clear()
            lines = await tail.after(at)
            for line in lines:
                heard[number].append(line.id)
                at = line.id
                if number % 5 == 0:
                    await asyncio.sleep(0)
            if not lines:
                await news[number].wait()

    async with asyncio.timeout(30):
        following = [asyncio.create_task(follow(n)) for n in range(FOLLOWERS)]
        ids = await asyncio.gather(*(db.write(partial(told, subject=f"s{n}")) for n in range(LINES)))
        await asyncio.gather(*following)
    assert all(lines == earlier + sorted(ids) for lines in heard)


async def test_they_share_the_reading(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = Tail(db)
    assert await tail.after(0) == []
    reads = 0
    plain = db.read

    async def counted(work: Callable[[Connection], Any]) -> Any:
        nonlocal reads
        reads += 1
        return await plain(work)

    monkeypatch.setattr(db, "read", counted)
    await db.write(partial(told, subject="one"))
    tail.grown()
    answers = await asyncio.gather(*(tail.after(0) for _ in range(FOLLOWERS)))
    assert [[line.subject for line in lines] for lines in answers] == [["one"]] * FOLLOWERS
    assert (await tail.after(answers[0][0].id), reads) == ([], 1)


async def test_a_reading_that_failed_is_begun_anew_and_not_taken_for_quiet(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = Tail(db)
    assert await tail.after(0) == []
    await db.write(partial(told, subject="one"))
    tail.grown()

    async def broken(_work: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(db, "read", broken)
        with pytest.raises(ConnectionError):
            await tail.after(0)
    assert [line.subject for line in await tail.after(0)] == ["one"]


async def test_what_is_committed_while_they_read_is_read_next(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = Tail(db)
    assert await tail.after(0) == []
    await db.write(partial(told, subject="one"))
    tail.grown()
    plain = db.read

    async def overtaken(work: Callable[[Connection], Any]) -> Any:
        monkeypatch.setattr(db, "read", plain)
        found = await plain(work)
        await db.write(partial(told, subject="two"))
        tail.grown()
        return found

    monkeypatch.setattr(db, "read", overtaken)
    assert [line.subject for line in await tail.after(0)] == ["one", "two"]
