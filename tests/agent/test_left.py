"""What a clinic's machine does wrong costs only what it concerns: files, disks, lines, the agent's own end."""

from __future__ import annotations

import asyncio
import errno
import os
import pty
import sys
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from device.agent import folder, inlets
from device.agent.folder import Found
from device.agent.settings import Folder, Serial, Socket, read_settings
from device.agent.store import Queue
from device.client import key_file_text, read_key_file
from device.frames import FILE_BYTES_MAX
from tests.agent.test_agent import agent_at, connected, csv_file, free_port, until_received
from tests.device.fake_hub import FakeHub
from tests.device.rig import running
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


async def test_what_cannot_be_taken_is_told_and_keeps_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, ecgs = FakeHub(), tmp_path / "clinic" / "ecg"
    (ecgs / "closed").mkdir(parents=True)
    with (ecgs / "a-junk.bin").open("wb") as junk:
        junk.truncate(2 * 1024**3)
    with (ecgs / "b-half.dat").open("wb") as half:
        half.truncate(FILE_BYTES_MAX)
    (ecgs / "b-half.hea").write_text("b-half 1 500 10\nb-half.dat 16 200\n")
    (ecgs / "locked.csv").write_bytes(csv_file(1))
    (ecgs / "z.csv").write_bytes(csv_file(2))
    look, read = os.scandir, Found.read

    def scandir(path: Path) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path)

    def read_file(found: Found) -> bytes:
        if found.name == "locked.csv":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(found)

    monkeypatch.setattr("device.agent.folder.os.scandir", scandir)
    monkeypatch.setattr(Found, "read", read_file)
    async with running(tmp_path / "hub", hub) as gateway, agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
        await until_received(agent, 1)
        assert list(hub.files.values()) == [csv_file(2)]
        await until(lambda: agent.sources[0].error)
        error = agent.sources[0].error
        assert error is not None
        assert (error.code, "closed" in str(error)) == ("agent.file_left", True)
        (ecgs / "closed").rmdir()
        await until(lambda: "2048 MiB" in str(agent.sources[0].error))
        (ecgs / "a-junk.bin").unlink()
        await until(lambda: "b-half" in str(agent.sources[0].error))
        (ecgs / "b-half.hea").unlink()
        await until(lambda: "locked.csv" in str(agent.sources[0].error))


async def test_a_full_disk_of_the_clinics_machine_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, full, port, write = FakeHub(), True, free_port(), Queue._write_body

    def write_body(queue: Queue, uid: str, body: bytes) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(queue, uid, body)

    monkeypatch.setattr(Queue, "_write_body", write_body)
    monkeypatch.setattr("device.agent.app.FULL_S", 0.1)
    async with (
        running(tmp_path / "hub", hub) as gateway,
        agent_at(tmp_path / "clinic", hub, gateway.url, sockets=(Socket(port=port),)) as (agent, page),
        aiohttp.ClientSession() as http,
    ):
        (tmp_path / "clinic" / "ecg" / "a.csv").write_bytes(csv_file(1))
        await until(lambda: agent.full)
        reader, writer = await until(lambda: connected(port))
        writer.write(csv_file(2))
        writer.write_eof()
        assert await reader.read() == b"agent.queue_full\n"
        writer.close()
        await until(lambda: page.port)
        async with http.post(f"http://127.0.0.1:{page.port}/ecg?name=b.csv", data=csv_file(3)) as answer:
            assert (answer.status, (await answer.json())["code"]) == (507, "agent.queue_full")
        full = False
        await until_received(agent, 1)
        await until(lambda: agent.full is None)


async def test_a_receipt_that_could_not_be_written_down_is_said_again(tmp_path: Path) -> None:
    """The power went between its bytes and its row: the hub knows the file by its uid."""
    hub = FakeHub()
    async with running(tmp_path / "hub", hub) as gateway:
        async with agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
            item, _new = await agent.take("a.csv", csv_file())
            await until_received(agent, 1)
            agent.queue._db.execute("UPDATE item SET state = 'waiting', recording = NULL")
            assert not (tmp_path / "clinic" / "data" / "files" / item.uid).exists()
        async with agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
            await until_received(agent, 1)
            assert agent.queue.latest(1)[0].recording


async def test_a_file_whose_bytes_rotted_here_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, upload = FakeHub(), Queue.upload

    def read(queue: Queue, item: Any) -> Any:
        if item.name == "rotten.csv":
            raise OSError(errno.EIO, "Input/output error")
        return upload(queue, item)

    monkeypatch.setattr(Queue, "upload", read)
    async with running(tmp_path / "hub", hub) as gateway, agent_at(tmp_path / "clinic", hub, gateway.url) as (agent, _):
        await agent.take("rotten.csv", csv_file(1))
        await agent.take("good.csv", csv_file(2))
        await until_received(agent, 1)
        assert {item.name: item.code for item in agent.queue.latest(2)} == {
            "rotten.csv": "agent.file_left",
            "good.csv": None,
        }


async def test_a_record_of_several_files_is_moved_away_whole(tmp_path: Path) -> None:
    hub, clinic = FakeHub(), tmp_path / "clinic"
    (clinic / "ecg").mkdir(parents=True)
    (clinic / "ecg" / "7.dat").write_bytes(bytes(4000))
    (clinic / "ecg" / "7.hea").write_text("7 2 500 1000\n7.dat 16 200 16 0 0 0 0 I\n7.dat 16 200 16 0 0 0 0 II\n")
    moving = Folder(path="ecg", settle_s=0.2, move_to="sent")
    async with (
        running(tmp_path / "hub", hub) as gateway,
        agent_at(clinic, hub, gateway.url, folders=(moving,)) as (agent, _),
    ):
        await until_received(agent, 1)

        def moved() -> bool:
            agent._tidy()
            return {path.name for path in (clinic / "sent").glob("*")} == {"7.dat", "7.hea"}

        await until(moved)
        assert [item.name for item in agent.queue.latest(9)] == ["7.zip"]
        assert not list((clinic / "ecg").iterdir())


def failing_once(write: Callable[[Queue, str, bytes], None]) -> Callable[[Queue, str, bytes], None]:
    """A disk that is full the first time."""
    turns = iter([True])

    def write_body(queue: Queue, uid: str, body: bytes) -> None:
        if next(turns, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(queue, uid, body)

    return write_body


def serial_file(number: int) -> bytes:
    """What a pseudo-terminal takes at once: no pause of this machine's can cut it in two."""
    return b"%d," % number * 1000


async def test_a_serial_line_brings_files_and_may_be_pulled_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pair of pseudo-terminals in the place of the cable; pyserial as on a real port."""
    monkeypatch.setattr("device.agent.app.FULL_S", 0.1)
    monkeypatch.setattr(inlets, "FULL_S", 0.1)
    monkeypatch.setattr(Queue, "_write_body", failing_once(Queue._write_body))
    hub, plug = FakeHub(), tmp_path / "ttyUSB0"
    serial = Serial(port=str(plug), quiet_s=0.5, suffix=".csv")
    async with (
        running(tmp_path / "hub", hub) as gateway,
        agent_at(tmp_path / "clinic", hub, gateway.url, serials=(serial,)) as (agent, _),
    ):
        source = await until(lambda: next((each for each in agent.sources if each.kind == "serial"), None))
        for turn in (1, 2):  # pulled out after each
            await until(lambda: source.error)
            cart, port = pty.openpty()
            tty.setraw(port)
            plug.symlink_to(os.ttyname(port))
            await until(lambda: source.error is None)
            for file in (turn, turn + 10):
                taken = source.taken
                os.write(cart, serial_file(file))
                await until(lambda taken=taken: source.taken > taken, 30)  # type: ignore[misc]
            plug.unlink()
            os.close(cart)
            os.close(port)
        await until_received(agent, 4)
        assert set(hub.files.values()) == {serial_file(each) for each in (1, 11, 2, 12)}


async def test_a_killed_agent_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(key_file_text(FakeHub().add("cart-1")))
    command = [sys.executable, "-c", "from device.cli import main; main()", "agent", "--hub", "ws://127.0.0.1:9"]
    said = [*command, "--key-file", "key.json", "--data", "data", "--port", str(free_port())]
    agent = await asyncio.create_subprocess_exec(*said, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    children = Path(f"/proc/{agent.pid}/task/{agent.pid}/children")
    started = await until(lambda: children.read_text().split(), 30)
    agent.kill()
    await agent.wait()
    await until(lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in started), 30)


async def test_what_is_urgent_does_not_wait_for_the_lines_limit(tmp_path: Path) -> None:
    """At 1 kbit/s the first pieces of the other file take two minutes."""
    hub, random = FakeHub(), bytes(np.random.default_rng(1).integers(0, 256, 100_000, np.uint8))
    async with (
        running(tmp_path / "hub", hub) as gateway,
        agent_at(tmp_path / "clinic", hub, gateway.url, limit_kbit_s=1.0) as (agent, _),
    ):
        await agent.take("calm.bin", random)
        await until(lambda: agent.line.state.sending)
        await agent.take("urgent.csv", csv_file(), urgent=True)
        await until_received(agent, 1)
        assert {each.name: each.state for each in agent.queue.latest(2)} == {
            "urgent.csv": "received",
            "calm.bin": "waiting",
        }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_settings_are_read_as_any_editor_of_windows_writes_them(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "agent.yaml").write_bytes(
        "hub: wss://x\r\nkey_file: k.json\r\nfolders:\r\n  - path: 心电\r\n".encode(encoding)
    )
    assert read_settings(tmp_path / "agent.yaml").folders[0].path == str(tmp_path / "心电")
    (tmp_path / "k.json").write_text('{"device": "d", "key": "QUJDREVGR0hJSktMTU5PUA=="}', encoding="utf-8-sig")
    assert read_key_file(tmp_path / "k.json").device == "d"


@pytest.mark.parametrize(("winerror", "held"), [(32, True), (33, True), (5, False)])
def test_on_windows_a_file_is_held_by_a_writer_not_by_a_want_of_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winerror: int, held: bool
) -> None:
    error = PermissionError(errno.EACCES, "refused")
    error.winerror = winerror  # type: ignore[attr-defined, unused-ignore]  # as Windows sets it

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        windows.setattr(Path, "open", refuse)
        found = folder._held(tmp_path)
    assert found is held
