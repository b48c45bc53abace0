"""The promises of the event log, its readers, the timers and the audit chain."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from server.base import eventlog
from server.base import spine as spine_module
from server.base.clock import ManualClock, SystemClock, iso, later
from server.base.database import Database, Tx
from server.base.errors import StorageFull
from server.base.eventlog import Event
from server.base.spine import Reaction, Spine
from tests.waiting import until

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def told(tx: Tx, subject: str) -> int:
    return tx.append("device.added", subject, "org_a", {})


async def test_events_stand_in_commit_order_however_many_write_at_once(tmp_path: Path) -> None:
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    ids = await asyncio.gather(*(db.write(partial(told, subject=f"s{n}")) for n in range(200)))
    events = await db.read(lambda conn: eventlog.after(conn, 0, 1000))
    assert [e.id for e in events] == sorted(ids)
    assert len(events) == 200
    assert db.commits < 100, "writes that wait together share a commit"
    await db.close()


async def test_a_write_that_fails_leaves_neither_its_change_nor_its_event_and_harms_no_neighbour(
    tmp_path: Path,
) -> None:
    db = Database(tmp_path / "hub.sqlite", SystemClock())

    def breaks(tx: Tx) -> None:
        told(tx, "half")
        raise RuntimeError("in the middle")

    results = await asyncio.gather(
        db.write(lambda tx: told(tx, "before")),
        db.write(breaks),
        db.write(lambda tx: told(tx, "after")),
        return_exceptions=True,
    )
    assert isinstance(results[1], RuntimeError)
    events = await db.read(lambda conn: eventlog.after(conn, 0, 10))
    assert [e.subject for e in events] == ["before", "after"]
    assert (await db.read(eventlog.verify_chain)).broken_at is None
    await db.close()


def room(tx: Tx, pages: int) -> None:
    """SQLite's own limit stands for the end of the disk: the same error, from the same place."""
    tx.conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")


async def test_a_full_disk_refuses_writes_with_a_code_and_holds_reactions_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spine_module, "FULL_WAIT_S", 0.01)
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    tried, handled = 0, asyncio.Event()

    async def store(event: Event) -> None:
        nonlocal tried
        tried += 1
        await db.write(lambda tx: told(tx, "x" * 100_000))
        handled.set()

    spine = Spine(db, SystemClock(), (Reaction("test.full", frozenset({"device.key_added"}), store),))
    await db.write(lambda tx: room(tx, 1))
    with pytest.raises(StorageFull):
        await db.write(lambda tx: told(tx, "y" * 100_000))
    assert db.full
    assert await db.read(eventlog.last_id) == 0, "reading goes on, and nothing of the refused write stands"
    await db.write(lambda tx: room(tx, 1_000_000))
    await db.write(lambda tx: tx.append("device.key_added", "dev", "org_a", {}))
    await db.write(lambda tx: room(tx, 1))
    await spine.start()
    await until(lambda: tried > 8)
    assert (spine.dead_letters, handled.is_set()) == (0, False)

    async def made_room() -> bool:
        try:
            await db.write(lambda tx: room(tx, 1_000_000))
        except StorageFull:  # it shared a transaction with a reaction that found none
            return False
        return True

    await until(made_room)
    await until(handled.is_set)
    await spine.stop()
    assert not db.full
    await db.close()


async def test_who_shares_the_commit_of_one_that_finds_no_room_is_not_told_that_his_stands(tmp_path: Path) -> None:
    """SQLite takes the whole transaction back then, the neighbours' parts too: each of them has to hear of it."""
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    await db.write(lambda tx: room(tx, 1))
    results = await asyncio.gather(
        db.write(lambda tx: told(tx, "small")),
        db.write(lambda tx: told(tx, "y" * 100_000)),
        db.write(lambda tx: told(tx, "small too")),
        return_exceptions=True,
    )
    kept = {e.subject for e in await db.read(lambda conn: eventlog.after(conn, 0, 10))}
    said = {
        name for name, result in zip(("small", "big", "small too"), results, strict=True) if isinstance(result, int)
    }
    assert said <= kept
    assert isinstance(results[1], StorageFull)
    await db.close()


async def test_a_disk_that_fails_is_told_at_once(tmp_path: Path) -> None:
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    told_of: list[BaseException] = []
    db.failed = told_of.append

    def fails(tx: Tx) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(sqlite3.OperationalError):
        await db.write(fails)
    assert len(told_of) == 1
    await db.close()


async def test_a_reaction_that_crashed_runs_again_after_the_restart(tmp_path: Path) -> None:
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    seen: list[str] = []
    stuck = asyncio.Event()

    async def dies(event: Event) -> None:
        seen.append(f"first {event.subject}")
        stuck.set()
        await asyncio.Event().wait()  # the process ends while this runs

    first = Spine(db, SystemClock(), (Reaction("r", frozenset({"device.added"}), dies),))
    await first.start()
    await db.write(lambda tx: told(tx, "a"))
    await stuck.wait()
    await first.stop()
    await db.close()

    db = Database(tmp_path / "hub.sqlite", SystemClock())

    async def works(event: Event) -> None:
        seen.append(f"second {event.subject}")

    second = Spine(db, SystemClock(), (Reaction("r", frozenset({"device.added"}), works),))
    await second.start()
    await db.write(lambda tx: told(tx, "b"))
    await until(lambda: "second b" in seen)
    assert seen == ["first a", "second a", "second b"]
    await second.stop()
    await db.close()


async def test_a_reaction_that_is_seldom_meant_does_not_read_the_whole_log_again_at_each_start(tmp_path: Path) -> None:
    db = Database(tmp_path / "hub.sqlite", SystemClock())

    def many(tx: Tx) -> int:
        return [told(tx, f"s{n}") for n in range(1000)][-1]

    async def never(event: Event) -> None:
        raise AssertionError(event)

    last = await db.write(many)
    spine = Spine(db, SystemClock(), (Reaction("rare", frozenset({"device.revoked"}), never),))
    await spine.start()
    await until(lambda: db.read(lambda conn: spine_module._cursor(conn, "rare") > last - 200))
    await spine.stop()
    await db.close()


async def test_a_reaction_that_always_fails_is_set_aside_and_the_log_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.base.spine.RETRY_WAIT_S", (0.0,) * 5)
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    done: list[str] = []

    async def picky(event: Event) -> None:
        if event.subject == "bad":
            raise ValueError("always")
        done.append(event.subject)

    spine = Spine(db, SystemClock(), (Reaction("r", frozenset({"device.added"}), picky),))
    await spine.start()
    await db.write(lambda tx: told(tx, "bad"))
    await db.write(lambda tx: told(tx, "good"))
    await until(lambda: done == ["good"])
    events = await db.read(lambda conn: eventlog.after(conn, 0, 10))
    assert "reaction.dead_letter" in [e.kind for e in events]
    assert spine.dead_letters == 1
    await spine.stop()
    await db.close()


async def test_a_timer_is_a_row_it_survives_the_restart_and_rings_once(tmp_path: Path) -> None:
    clock = ManualClock(START)
    db = Database(tmp_path / "hub.sqlite", clock)
    due = later(iso(START), 60)
    await db.write(lambda tx: tx.set_timer(due, "reading.lease", "rec_1", "org_a", {"step": 2}))
    await db.write(lambda tx: tx.set_timer(due, "reading.lease", "rec_2", "org_a", {}))
    await db.write(lambda tx: tx.cancel_timers("rec_2"))
    await db.close()

    db = Database(tmp_path / "hub.sqlite", clock)
    rung: list[Event] = []

    async def ring(event: Event) -> None:
        rung.append(event)

    spine = Spine(db, clock, (Reaction("r", frozenset({"timer.reading.lease"}), ring),))
    await spine.start()
    clock.advance(59)
    spine.poke_timers()
    await db.write(lambda tx: told(tx, "later"))
    assert not rung
    clock.advance(2)
    spine.poke_timers()
    await until(lambda: rung)
    assert [(e.subject, e.body) for e in rung] == [("rec_1", {"step": 2})]
    await spine.stop()
    await db.close()


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE event SET actor = 'somebody else' WHERE id = 2",
        'UPDATE event SET body = \'{"state":"x"}\' WHERE id = 2',
        "DELETE FROM event WHERE id = 2",
        "UPDATE event SET at = '2020-01-01T00:00:00.000Z' WHERE id = 2",
    ],
)
async def test_a_line_of_the_log_that_was_touched_breaks_the_chain(tmp_path: Path, tamper: str) -> None:
    db = Database(tmp_path / "hub.sqlite", SystemClock())
    for subject in ("a", "b", "c"):
        await db.write(partial(told, subject=subject))
    assert (await db.read(eventlog.verify_chain)).broken_at is None
    await db.write(lambda tx: tx.conn.execute(text(tamper)).close())
    assert (await db.read(eventlog.verify_chain)).broken_at in (2, 3)
    await db.close()
