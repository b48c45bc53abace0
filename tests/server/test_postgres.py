"""The hub on a real PostgreSQL: what it refuses to stand on, that it is alone there, that a lost connection heals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from server.base import eventlog
from server.base.clock import SystemClock
from server.base.database import Database, Tx
from server.base.engines import DatabaseUnusable
from server.config import Config
from tests.postgres import Cluster
from tests.server.conftest import REQUEST, Hub, normal
from tests.waiting import until


def appended(number: int) -> Callable[[Tx], int]:
    def work(tx: Tx) -> int:
        return tx.append("recording.received", f"rec_{number}", "org_hewan", {})

    return work


@pytest.fixture
def url(postgres: Cluster) -> str:
    return postgres.create()


async def test_a_hub_takes_an_ecg_and_a_message_and_starts_again_on_what_stands_there(url: str, tmp_path: Path) -> None:
    config = Config(hub=msgspec.structs.replace(Config().hub, database=url))
    async with Hub(tmp_path, config=config) as hub, await hub.sign_in("clinic") as clinic:
        receipt = await hub.send("org_hewan", normal(), REQUEST)

        async def analysed() -> bool:
            rows = await clinic.get("/api/orgs/org_hewan/recordings")
            return [row["state"] for row in rows] == ["waiting"]

        await until(analysed, 30)
        rows = await clinic.get("/api/orgs/org_hewan/recordings")
        path = f"/api/threads/{rows[0]['id']}/messages"
        await clinic.post(path, {"client_id": "client-0001", "text": "请看一下胸痛"})
    assert receipt is not None
    assert not (tmp_path / "hub.sqlite").exists()
    async with Hub(tmp_path, config=config) as hub, await hub.sign_in("clinic") as clinic:
        assert [row["state"] for row in await clinic.get("/api/orgs/org_hewan/recordings")] == ["waiting"]
        found = await clinic.get("/api/messages?q=胸痛")
        assert "请看一下胸痛" in str(found)


async def test_a_second_hub_is_refused(url: str) -> None:
    first = Database(url, SystemClock())
    with pytest.raises(DatabaseUnusable, match="another hub"):
        Database(url, SystemClock())
    await first.close()
    await Database(url, SystemClock()).close()


async def test_the_command_line_writes_beside_a_running_hub_in_turn_with_it(url: str) -> None:
    hub, beside = Database(url, SystemClock()), Database(url, SystemClock(), beside=True)
    await asyncio.gather(*(db.write(appended(number)) for number in range(40) for db in (hub, beside)))
    assert await hub.read(eventlog.verify_chain) == eventlog.ChainCheck(80, None)
    await beside.close()
    await hub.close()


async def test_a_character_that_postgresql_does_not_keep_costs_no_recording(url: str) -> None:
    db = Database(url, SystemClock())
    both = [{"name": "马\0德福"}, {"name": "马德福"}]

    def write(tx: Tx) -> None:
        tx.conn.execute(text("CREATE TABLE told (name TEXT)"))
        tx.conn.execute(text("INSERT INTO told VALUES (:name)"), both)
        tx.conn.execute(text("INSERT INTO told VALUES (:name)"), both[0])

    await db.write(write)
    names = await db.read(lambda conn: conn.execute(text("SELECT name FROM told")).scalars().all())
    assert names == ["马\ufffd德福", "马德福", "马\ufffd德福"]
    await db.close()


def test_a_database_with_another_order_of_texts_is_refused(postgres: Cluster) -> None:
    url = postgres.create(order="LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'")
    with pytest.raises(DatabaseUnusable, match="locale"):
        Database(url, SystemClock())


def test_who_acknowledges_before_the_disk_has_it_is_refused(postgres: Cluster, url: str) -> None:
    name = url.rpartition("/")[2]
    postgres.ask(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(DatabaseUnusable, match="synchronous_commit"):
        Database(url, SystemClock())


@pytest.mark.parametrize("bad", ["postgresql://postgres@127.0.0.1:1/hub", "not a url", "mysql://x"])
def test_what_is_not_there_is_named(bad: str) -> None:
    with pytest.raises(DatabaseUnusable):
        Database(bad, SystemClock())


async def test_a_lost_connection_fails_the_write_and_the_next_one_finds_it_again(postgres: Cluster, url: str) -> None:
    db = Database(url, SystemClock())
    assert await db.write(appended(1)) == 1
    name = url.rpartition("/")[2]
    postgres.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        await db.write(appended(2))
    await db.write(appended(3))
    log = await db.read(lambda conn: eventlog.after(conn, 0, 10))
    assert [one.subject for one in log] == ["rec_1", "rec_3"]
    await db.close()
