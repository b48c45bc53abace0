"""A running gateway with a real journal and real sockets, a line that can be cut, a device that does as told."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from device import coding
from device.client import Retry, clock_ms
from device.frames import (
    Challenge,
    Data,
    Deposit,
    Error,
    Frame,
    Hello,
    Open,
    Opened,
    Opening,
    Proof,
    Welcome,
    decode,
    deposit_uid,
    encode,
    proof_of,
)
from ecg.record import STANDARD_LEADS, Recording
from server.intake.gateway import Gateway, GatewaySettings
from server.intake.journal import JournalFailed
from tests.device.fake_hub import KEY, FakeHub

QUICK = Retry(wait_s_least=0.01, wait_s_most=0.05)


def recording(seconds: float = 10, seed: int = 1, fs: int = 500) -> Recording:
    rng = np.random.default_rng(seed)
    n = round(seconds * fs)
    signal = np.cumsum(rng.normal(0, 5, (n, 12)), axis=0).astype(np.float32)
    signal[n // 2 : n // 2 + 20, 3] = np.nan
    return Recording(fs=float(fs), leads=STANDARD_LEADS, signal_uv=signal)


class Running:
    """A gateway that runs, its hub, and where to find it."""

    def __init__(self, gateway: Gateway, hub: FakeHub) -> None:
        self.gateway, self.hub = gateway, hub

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.gateway.port}"

    @property
    def records_stored(self) -> int:
        return sum(state.frames for state in self.gateway.journal.streams.values())


@contextlib.asynccontextmanager
async def running(folder: Path, hub: FakeHub | None = None, **settings: object) -> AsyncIterator[Running]:
    hub = hub or FakeHub()
    failures: list[JournalFailed] = []
    made = GatewaySettings(**settings)  # type: ignore[arg-type]
    gateway = Gateway(hub, folder / "journal", made, clock_ms, failures.append)
    await gateway.start()
    try:
        yield Running(gateway, hub)
    finally:
        await gateway.stop()
    assert not failures


class Line:
    """A TCP line between device and hub that can be cut after so many bytes from the device."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self.hub_port, self.cuts = port, cuts
        self.connections = 0

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget = self.cuts[self.connections] if self.connections < len(self.cuts) else 1 << 60
        self.connections += 1
        hub_reader, hub_writer = await asyncio.open_connection("127.0.0.1", self.hub_port)
        up = asyncio.create_task(self._pipe(reader, hub_writer, budget))
        down = asyncio.create_task(self._pipe(hub_reader, writer, 1 << 60))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
        for end in (writer, hub_writer):
            end.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int) -> None:
        while budget > 0 and (piece := await reader.read(min(4096, budget))):
            budget -= len(piece)
            writer.write(piece)


class RawDevice:
    """A device that does exactly what a test says, right or wrong."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, frame: Frame) -> None:
        await self.socket.send(encode(frame))

    async def hear(self) -> Frame:
        async with asyncio.timeout(5):
            raw = await self.socket.recv()
        assert isinstance(raw, bytes)
        return decode(raw)

    async def until(self, kind: type[Frame]) -> Frame:
        while not isinstance(frame := await self.hear(), kind):
            assert not isinstance(frame, Error), frame
        return frame

    async def prove(self, device_id: str = "cart-1", key: bytes = KEY, version: int = 1) -> None:
        hello = Hello(device=device_id, version=version)
        await self.say(hello)
        challenge = await self.hear()
        if isinstance(challenge, Challenge):
            now = clock_ms()
            await self.say(Proof(mac=proof_of(key, challenge.nonce, encode(hello), now), device_ms=now))
        else:
            assert isinstance(challenge, Error)
            raise_again(challenge)
        welcome = await self.hear()
        if isinstance(welcome, Error):
            raise_again(welcome)
        assert isinstance(welcome, Welcome)

    async def open(self, opening: Opening) -> Opened:
        await self.say(opening)
        frame = await self.hear()
        if isinstance(frame, Error):
            raise_again(frame)
        assert isinstance(frame, Opened)
        return frame

    async def refusal(self) -> str:
        while not isinstance(frame := await self.hear(), Error):
            pass
        return frame.code


class Refused(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


def raise_again(frame: Error) -> None:
    raise Refused(frame.code)


@contextlib.asynccontextmanager
async def raw_device(url: str) -> AsyncIterator[RawDevice]:
    async with connect(url, compression=None, max_size=None, proxy=None) as socket:
        yield RawDevice(socket)


def an_opening(**changes: object) -> Open:
    now = clock_ms()
    opening = Open(0, os.urandom(16), 500, STANDARD_LEADS, 1.0, now, now, "resting", "live")
    return Open(**{**{name: getattr(opening, name) for name in opening.__struct_fields__}, **changes})


def a_frame(seq: int, leads: int = 12, value: int = 7, n: int = 50) -> Data:
    return Data(0, seq, seq * n, clock_ms(), leads, n, np.full((n, leads), value, "<i2").tobytes())


def a_deposit(file: bytes, device: str = "cart-1", name: str = "ecg.xml") -> Deposit:
    sha256, now = hashlib.sha256(file).digest(), clock_ms()
    return Deposit(0, deposit_uid(device, sha256), name, len(file), sha256, now, now)


def samples_of_archive(hub: FakeHub, uid: bytes) -> np.ndarray:
    return coding.decode(hub.archives[uid])[1]


async def eventually(true: Callable[[], bool], told: asyncio.Event, wait_s: float = 5) -> None:
    """Wait until it is true; `told` is set whenever it may have become so."""
    async with asyncio.timeout(wait_s):
        while not true():
            told.clear()
            await told.wait()
