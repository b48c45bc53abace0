"""From a folder in the clinic to the hub, whatever happens to the line, the power and the files."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from device.agent.app import Agent
from device.agent.folder import FolderWatch
from device.agent.settings import Folder, Settings, Socket, checked, read_settings
from device.agent.status import StatusPage, status_of
from device.agent.store import Queue
from device.client import key_file_text
from device.errors import FolderUnreadable, QueueFull, SettingsRefused
from device.frames import FILE_BYTES_MAX
from tests.device.fake_hub import FakeHub
from tests.device.rig import Line, running
from tests.waiting import until

CSV = b"# fs=500\n# unit=uV\nI,II\n" + b"".join(b"%d,%d\n" % (n % 90, n % 70) for n in range(6000))


def csv_file(beat: int = 0) -> bytes:
    """A small file of its own for each number."""
    return CSV + b"%d,%d\n" % (beat, beat)


@contextlib.asynccontextmanager
async def agent_at(clinic: Path, hub: FakeHub, url: str, **changes: object) -> AsyncIterator[tuple[Agent, StatusPage]]:
    """An agent that watches `clinic/ecg` and keeps its queue in `clinic/data`."""
    (clinic / "ecg").mkdir(parents=True, exist_ok=True)
    (clinic / "key.json").write_text(key_file_text(hub.add("cart-1")))
    folder = Folder(path="ecg", settle_s=0.2)
    said = {"hub": url, "key_file": "key.json", "data": "data", "folders": (folder,), "page_port": 0, **changes}
    async with Agent(checked(Settings(**said), clinic)) as agent:  # type: ignore[arg-type]  # any of its settings
        page = StatusPage(agent)
        tasks = [asyncio.create_task(agent.run()), asyncio.create_task(page.run())]
        try:
            yield agent, page
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    try:
        return await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return None


async def until_received(agent: Agent, count: int, wait_s: float = 30) -> None:
    await until(lambda: agent.queue.totals().received >= count, wait_s)


async def test_a_file_in_the_folder_arrives_once_bit_for_bit_and_is_left_where_it_is(tmp_path: Path) -> None:
    hub = FakeHub()
    async with running(tmp_path / "hub", hub) as gateway, agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
        file = tmp_path / "clinic" / "ecg" / "a.csv"
        file.write_bytes(csv_file())
        (file.parent / "again.csv").write_bytes(csv_file())
        await until_received(agent, 1)
        (file.parent / "b.csv").write_bytes(csv_file(1))
        await until_received(agent, 2)
        assert sorted(hub.files.values()) == sorted([csv_file(), csv_file(1)])
        assert file.read_bytes() == csv_file()
        assert [item.state for item in agent.queue.latest(9)] == ["received", "received"]
        assert list((tmp_path / "clinic" / "data" / "files").iterdir()) == []


async def test_the_plug_is_pulled_again_and_again_and_everything_arrives(tmp_path: Path) -> None:
    hub = FakeHub()
    noise = np.random.default_rng(5).integers(0, 255, 120_000).astype(np.uint8).tobytes()  # does not shrink
    async with (
        running(tmp_path / "hub", hub) as gateway,
        Line(gateway.gateway.port, [900, 20_000, 50_000]) as line,
        agent_at(tmp_path / "clinic", hub, line.url) as (agent, _),
    ):
        (tmp_path / "clinic" / "ecg" / "a.bin").write_bytes(noise)
        await until_received(agent, 1)
        assert list(hub.files.values()) == [noise]
        assert line.connections == 4


async def test_what_was_taken_before_the_power_went_is_sent_at_the_next_start(tmp_path: Path) -> None:
    hub = FakeHub()
    async with agent_at(tmp_path / "clinic", hub, "ws://127.0.0.1:9") as (agent, _):
        (tmp_path / "clinic" / "ecg" / "a.csv").write_bytes(csv_file())
        await until(lambda: agent.queue.totals().waiting, 30)
        assert not agent.line.state.connected
    (tmp_path / "clinic" / "ecg" / "a.csv").unlink()
    (tmp_path / "clinic" / "data" / "files" / "half.part").write_bytes(b"the power went while this was written")
    async with running(tmp_path / "hub", hub) as gateway, agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
        await until_received(agent, 1)
        assert list(hub.files.values()) == [csv_file()]
        assert list((tmp_path / "clinic" / "data" / "files").iterdir()) == []


async def test_a_file_that_grows_is_not_taken_and_half_a_record_neither(tmp_path: Path) -> None:
    now = [0.0]
    (tmp_path / "r.hea").write_text("r 1 250 4\nr.dat 16 200/mV 16 0 0 0 0 II\n")
    (tmp_path / "growing.csv").write_bytes(b"1")
    (tmp_path / "copy.xml.part").write_bytes(b"under way")
    watch = FolderWatch(Folder(path=str(tmp_path), settle_s=2), lambda *_: False, lambda: now[0])
    assert watch.look() == []
    (tmp_path / "growing.csv").write_bytes(b"12")
    now[0] = 3.0
    assert watch.look() == [], "the signal file is missing, the other has just grown"
    (tmp_path / "r.dat").write_bytes(bytes(8))
    now[0] = 4.0
    watch.look()
    now[0] = 7.0
    found = {one.name: one for one in watch.look()}
    assert sorted(found) == ["growing.csv", "r.zip"]
    assert found["r.zip"].read() == found["r.zip"].read()
    (tmp_path / "r.zip").write_bytes(found["r.zip"].read())
    assert zipfile.ZipFile(tmp_path / "r.zip").namelist() == ["r.hea", "r.dat"]


def test_a_record_that_names_files_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "r.hea").write_text("r 1 250 4\n../../etc/passwd 16 200/mV 16 0 0 0 0 II\n")
    watch = FolderWatch(Folder(path=str(tmp_path), settle_s=0), lambda *_: False, lambda: 0.0)
    assert watch.look() == []
    with pytest.raises(FolderUnreadable):
        FolderWatch(Folder(path=str(tmp_path / "gone")), lambda *_: False, lambda: 0.0).look()


def test_the_queue_is_bounded_and_sends_urgent_files_first(tmp_path: Path) -> None:
    queue = Queue(tmp_path, "cart-1", files_max=3, bytes_max=10_000)
    for number, urgent in enumerate((False, False, True)):
        queue.take(f"{number}.csv", b"%d" % number, made_ms=0, now_ms=number, urgent=urgent)
    assert [item.name for item in queue.next(9)] == ["2.csv", "0.csv", "1.csv"]
    assert [item.name for item in queue.next(9, older_than_ms=1)] == ["2.csv", "1.csv"]
    with pytest.raises(QueueFull):
        queue.take("3.csv", b"3", made_ms=0, now_ms=3)
    assert queue.take("again.csv", b"1", made_ms=0, now_ms=4)[1] is False
    uid = queue.next(1)[0].uid
    queue.received(uid, "rec", 5)
    queue.close()
    again = Queue(tmp_path, "cart-1", files_max=3, bytes_max=10_000)
    assert (again.totals().waiting, again.totals().received, again.totals().oldest_ms) == (2, 1, 0)
    assert [path.name for path in (tmp_path / "files").iterdir() if path.name == uid] == []
    again.close()


async def test_a_file_the_hub_will_not_have_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    hub = FakeHub()
    async with running(tmp_path / "hub", hub) as gateway, agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
        bad, _ = await agent.take("bad.csv", csv_file())
        body = tmp_path / "clinic" / "data" / "files" / bad.uid
        body.write_bytes(b"x" + body.read_bytes()[1:])  # a disk that rots under the queue
        await agent.take("good.csv", csv_file(1))
        await until_received(agent, 1)
        await until(lambda: agent.queue.totals().refused, 30)
        assert list(hub.files.values()) == [csv_file(1)]
        assert {item.name: item.code for item in agent.queue.latest(9)} == {"bad.csv": "wire.file", "good.csv": None}


async def test_the_page_and_the_local_post_are_for_this_machine_alone(tmp_path: Path) -> None:
    hub = FakeHub()
    async with (
        running(tmp_path / "hub", hub) as gateway,
        agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, page),
        aiohttp.ClientSession() as http,
    ):
        await until(lambda: page.port)
        url = f"http://127.0.0.1:{page.port}"
        async with http.post(f"{url}/ecg?name=..%2F..%2Fa.csv&urgent=1", data=csv_file()) as answer:
            assert answer.status == 202
            taken = await answer.json()
        assert taken["new"] is True
        assert taken["verdict"]["level"] in ("good", "mend", "urgent", "unreadable")
        await until_received(agent, 1)
        async with http.get(f"{url}/api/status") as answer:
            status = await answer.json()
        assert (status["line"]["connected"], status["received"], status["waiting"]) == (True, 1, 0)
        assert abs(status["line"]["clock_offset_ms"]) <= 2 + status["line"]["clock_uncertainty_ms"]
        assert [(item["name"], item["urgent"]) for item in status["items"]] == [("a.csv", True)]
        for name in ("/", "/page.js", "/page.css"):
            async with http.get(url + name) as answer:
                assert answer.status == 200
        for headers in ({"Origin": "http://elsewhere.example"}, {"Host": "agent.example"}):
            async with http.post(f"{url}/ecg?name=b.csv", data=csv_file(2), headers=headers) as answer:
                assert (answer.status, (await answer.json())["code"]) == (403, "access.forbidden")
        async with http.post(f"{url}/ecg?name=b.csv", data=b"") as answer:
            assert answer.status == 400
        async with http.post(f"{url}/ecg?name=b.csv", data=bytes(FILE_BYTES_MAX + 1)) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, "wire.too_long")


async def test_a_machine_on_the_network_sends_one_file_a_connection(tmp_path: Path) -> None:
    hub, port = FakeHub(), free_port()
    async with (
        running(tmp_path / "hub", hub) as gateway,
        agent_at(tmp_path / "clinic", hub, gateway.url, sockets=(Socket(port=port),)) as (agent, _),
    ):
        reader, writer = await until(lambda: connected(port))
        writer.write(csv_file())
        writer.write_eof()
        assert await reader.read() == b"OK\n"
        writer.close()
        await until_received(agent, 1)
        assert list(hub.files.values()) == [csv_file()]


async def test_a_revoked_agent_says_so_and_keeps_its_files(tmp_path: Path) -> None:
    hub = FakeHub()
    async with running(tmp_path / "hub", hub) as gateway, agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
        await until(lambda: agent.line.state.connected)
        hub.add("cart-1", active=False)
        await gateway.gateway.drop_device("cart-1")
        await until(lambda: agent.line.state.refused)
        await agent.take("a.csv", csv_file())
        status = status_of(agent)
        assert status["waiting"] == 1
        assert status["line"]["refused"]["code"] == "wire.device_revoked"  # type: ignore[index]


async def test_what_is_over_is_moved_away_where_the_clinic_wants_it(tmp_path: Path) -> None:
    hub = FakeHub()
    folder = Folder(path="ecg", settle_s=0.2, move_to="sent")
    async with running(tmp_path / "hub", hub) as gateway:
        async with agent_at(tmp_path / "clinic", hub, gateway.url, folders=(folder,)) as (agent, _):
            (tmp_path / "clinic" / "ecg" / "a.csv").write_bytes(csv_file())
            await until_received(agent, 1)

            def moved() -> bool:
                agent._tidy()
                return (tmp_path / "clinic" / "sent" / "a.csv").exists()

            await until(moved)
        assert not (tmp_path / "clinic" / "ecg" / "a.csv").exists()


def test_settings_that_cannot_work_are_refused_with_the_field(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    for text, word in (
        ("hub: http://x\nkey_file: k\n", "ws://"),
        ("hub: ws://x\nkey_file: k\nfolder: []\n", "folder"),
        ("hub: ws://x\nkey_file: k\npage_port: 0\n", "nothing is watched"),
        ("hub: [", "agent.yaml"),
    ):
        path.write_text(text)
        with pytest.raises(SettingsRefused, match=word):
            read_settings(path)
    path.write_text("hub: ws://x\nkey_file: k.json\nfolders: [{path: ecg}]\n")
    assert read_settings(path).folders[0].path == str(tmp_path / "ecg")
