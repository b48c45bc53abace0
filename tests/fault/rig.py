"""What the crash suites share: a hub that can be killed at any moment, its load, and the oracle outside of it.

The oracle is this process: it notes what devices were acknowledged and what HTTP answered, and `load.what_is_left`
looks for each of it in the data folder of the dead hub. Devices are the product's own client, but for one thing: they
forget a frame the moment it is acknowledged, so what the hub then loses is gone and cannot be sent again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from device.client import DeviceKey
from device.frames import Frame
from device.upload import DeviceSession
from server import demo
from server.base.clock import SystemClock
from server.base.database import Database
from server.people.service import People, hash_password
from tests.fault.hub_process import Order, Said
from tests.server.conftest import Browser

ROOT: Final = Path(__file__).resolve().parents[2]
SEED: Final = int(os.environ.get("XINLIAN_FAULT_SEED", "20261122"))
"""Every chance of these suites is drawn from it; a verdict names it."""
START_S: Final = 60.0
LADDER_S: Final = (1, 2, 3, 5)
"""An alert of this rig climbs in five seconds: it is under way whenever the hub dies."""

CONFIG: Final = """
hub: {{host: 127.0.0.1, port: {port}, data: {data}, web: {web}}}
analysis: {{workers: 1}}
alerts: {{second_channel_s: 1, second_line_s: 2, head_s: 3, expire_s: 5, reader_s: 2}}
log: {{level: error}}
"""


def free_port() -> int:
    """A port whose successor is free too: pages and devices. Below those that outgoing connections are given: a device
    that comes back while the hub is down must not take the hub's own."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000, 2)
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


async def seeded(data: Path) -> dict[str, DeviceKey]:
    """The demonstration's consortium in a new data folder; the keys of its devices by institution."""
    await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True)
    db = Database(data / "hub.sqlite", SystemClock())
    try:
        password = await hash_password(People(db, SystemClock(), "hub"), demo.PASSWORD)
        return await db.write(lambda tx: demo.seed(tx, password))
    finally:
        await db.close()


@dataclass
class HubProcess:
    """One hub over one data folder, started, killed and started again on the same ports."""

    data: Path
    scratch: Path  # for what is not the hub's: its configuration, an empty web app
    port: int = field(default_factory=free_port)
    pid: int = 0
    ended: asyncio.Task[int] | None = None  # the exit code, once there is one
    up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def device_url(self) -> str:
        return f"ws://127.0.0.1:{self.port + 1}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self.ended is not None and not self.ended.done()

    def prepare(self) -> None:
        web = self.scratch / "web"
        web.mkdir(parents=True, exist_ok=True)
        (web / "index.html").write_text("<!doctype html>", encoding="utf-8")
        text = CONFIG.format(port=self.port, data=self.data, web=web)
        (self.scratch / "config.yaml").write_text(text, encoding="utf-8")

    async def start(self, shim: str = "small segments", nth: int = 0) -> None:
        """Returns once devices can connect, or once it has ended: a failpoint may lie in the start itself."""
        assert not self.running
        order = Order(str(self.scratch / "config.yaml"), shim, nth, str(self.note))
        self.pid = (await asyncio.to_thread(_ask, order)).pid
        self.ended = asyncio.create_task(self._end())
        async with asyncio.timeout(START_S):
            while self.running and not await self._listens():
                await asyncio.wait([self.ended], timeout=0.02)
        if self.running:
            self.up.set()

    @property
    def note(self) -> Path:
        """Where a shim writes down what happened."""
        return self.scratch / "note"

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """The exit code; negative is the signal that ended it."""
        assert self.ended is not None
        if self.running:
            os.kill(self.pid, number)
        async with asyncio.timeout(START_S):
            return await self.ended

    def freeze(self) -> None:
        """From here on it says nothing to anybody and is never let go on: what it told, it told before."""
        os.kill(self.pid, signal.SIGSTOP)

    def kill_worker(self) -> None:
        """Kill the processes that analyse and that watch live recordings, those that are there now."""
        for server in _children(_hubs().pid):
            for worker in _children(server):
                os.kill(worker, signal.SIGKILL)

    async def sign_in(self, login: str) -> Browser:
        browser = Browser(self.url)
        browser.me = await browser.post("/api/session", {"login": login, "password": demo.PASSWORD})
        return browser

    async def _end(self) -> int:
        said = await asyncio.to_thread(_hear)
        self.up.clear()
        assert said.code is not None
        return said.code

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port + 1)
        except OSError:
            return False
        writer.close()
        return True


@cache
def _hubs() -> subprocess.Popen[bytes]:
    """Where hubs are forked, one at a time: one such process for all tests of this one, which it ends with."""
    command = (sys.executable, "-m", "tests.fault.hub_process")
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(order: Order) -> Said:
    """Blocking."""
    into = _hubs().stdin
    assert into is not None
    into.write(msgspec.json.encode(order) + b"\n")
    into.flush()
    return _hear()


def _hear() -> Said:
    """The next word of it. Blocking."""
    out = _hubs().stdout
    assert out is not None
    return msgspec.json.decode(out.readline(), type=Said)


def _children(pid: int) -> list[int]:
    """Processes whose parent is `pid`, but for the hub and what the hub's own library keeps beside it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        if parent == pid and b"forkserver" in command:
            found.append(int(stat.parent.name))
    return found


@asynccontextmanager
async def hub_over(data: Path, scratch: Path) -> AsyncIterator[HubProcess]:
    """A hub that is not yet started; whatever happens, nothing of it is left behind."""
    hub = HubProcess(data, scratch)
    await asyncio.to_thread(hub.prepare)
    try:
        yield hub
    finally:
        if hub.running:
            await hub.kill()


def devices_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices that drop a frame once it is acknowledged: `kept_from` of an upload is how far it was."""
    offer, receive = DeviceSession.offer, DeviceSession.receive

    def offering(self: Any, upload: Any, now_ms: int) -> Any:
        self.offered = upload
        return offer(self, upload, now_ms)

    def receiving(self: Any, frame: Frame, now_ms: int) -> Any:
        effects = receive(self, frame, now_ms)
        self.offered.kept_from = max(self.offered.kept_from, self.safe_frames)
        return effects

    monkeypatch.setattr(DeviceSession, "offer", offering)
    monkeypatch.setattr(DeviceSession, "receive", receiving)


async def for_a_while(tasks: list[asyncio.Task[None]], seconds: float, *also: asyncio.Task[Any]) -> None:
    """Let the load run until the moment drawn, until the hub has ended, or until a part of the load has failed."""
    await asyncio.wait({*tasks, *also}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()


def drawn(*parts: object) -> random.Random:
    """Chance of its own for one cycle of one suite: a failing cycle can be run alone."""
    return random.Random(":".join(map(str, (SEED, *parts))))
