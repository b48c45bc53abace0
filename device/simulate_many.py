"""Many simulated devices at one hub, with what goes wrong in the field: `xinlian device simulate`.

Each device keeps one connection over many recordings, comes back after cuts, and makes its faults by seed. What is
sound (sessions, credit, resuming) is the product's own `DeviceSession`; what is wrong happens between it and the
socket. One recording of one device: `simulate.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

import ecg.formats
from device.client import DeviceKey, Retry, clock_ms, read_key_file
from device.errors import Busy, KeyFileRefused, WireError
from device.frames import DATA_HEADER_BYTES, FRAME_BYTES_MAX, Data, Frame, Request, decode, encode
from device.line import VILLAGE, Line, Trouble, drawn
from device.simulate import Mode, SampledUpload, grow, resampled, upload_of
from device.upload import DeviceEffect, DeviceSession, Done, Hold
from ecg.record import Recording

SOFTWARE: Final = "xinlian-simulate/1"
MESSAGE_FAULTS: Final = ("drop", "repeat", "exchange", "damage", "tear")  # of data frames, made by the device
LINE_FAULTS: Final = ("cut", "slow")
FAULTS: Final = (*MESSAGE_FAULTS, "clock", *LINE_FAULTS)
MESSAGE_SHARE: Final = 0.03  # of the data frames of a device with message faults
CLOCK_SHARE: Final = 0.3  # of the recordings of a device whose clock jumps
TRIES_MAX: Final = 30  # connections without an acknowledged frame, or refusals of one recording, before it is given up
SILENCE_S: Final = 60.0
HOPELESS: Final = frozenset({"wire.unknown_device", "wire.bad_hmac", "wire.device_revoked", "wire.version"})


@dataclass(frozen=True)
class Plan:
    """What is simulated. Times in seconds; a recording is `length_s` of a record, from a place drawn by seed."""

    count: int = 10
    recordings: int = 1  # each device sends so many
    mode: Mode = "batch"
    speed: float = 1.0  # of a live recording, times real time
    length_s: float = 10.0
    pause_s: float = 0.0  # between the recordings of a device; drawn between none and twice of it
    faults: frozenset[str] = frozenset()
    seed: int = 1
    note: str = ""  # of the request form; the patient is nobody


@dataclass
class Summary:
    """What became of it. Every recording that was sent is received, or given up for the code that stands there."""

    sent: int = 0
    received: int = 0
    frames: int = 0  # data frames handed to a connection, repeats counted
    connections: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # `error` frames by code
    given_up: Counter[str] = field(default_factory=Counter)  # recordings by the last code
    faults: Counter[str] = field(default_factory=Counter)  # made, by name
    took_s: float = 0.0

    @property
    def complete(self) -> bool:
        return self.received == self.sent > 0

    def line(self) -> str:
        def listed(counts: Counter[str]) -> str:
            return " ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"

        return (
            f"sent {self.sent}, received {self.received}, given up: {listed(self.given_up)}, "
            f"refused: {listed(self.refused)}, faults made: {listed(self.faults)}, "
            f"{self.frames} frames over {self.connections} connections in {self.took_s:.1f} s"
        )


def read_keys(folder: Path) -> list[DeviceKey]:
    """The keys of a folder, one `*.json` a device, by name. Raises KeyFileRefused, also where there is none."""
    keys = [read_key_file(path) for path in sorted(folder.glob("*.json"))]
    if not keys:
        raise KeyFileRefused(reason=f"{folder} holds no *.json")
    return keys


def read_records(folder: Path) -> list[Recording]:
    """The WFDB records of a folder, by name, at whole sampling rates."""
    found = [ecg.formats.read(path.with_suffix("")) for path in sorted(folder.glob("*.hea"))]
    return [one if one.fs == round(one.fs) else resampled(one, round(one.fs)) for one in found]


async def simulate(
    hub_url: str,
    keys: Sequence[DeviceKey],
    records: Sequence[Recording],
    plan: Plan,
    *,
    retry: Retry | None = None,
    trust: ssl.SSLContext | None = None,
    told: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Run `plan.count` devices until each has sent its recordings. Devices beyond the keys share them in turn.

    told    hears the summary so far about once a second.
    """
    assert keys
    assert records
    summary, began = Summary(), time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        address = await _way_to(hub_url, plan, stack)
        devices = [
            _Device(number, keys[number % len(keys)], records, plan, summary, hub_url, address, retry or Retry(), trust)
            for number in range(plan.count)
        ]
        running = [asyncio.create_task(device.run(), name=f"device {device.number}") for device in devices]
        while True:
            _, waiting = await asyncio.wait(running, timeout=1.0, return_when=asyncio.ALL_COMPLETED)
            summary.took_s = time.monotonic() - began
            told(summary)
            if not waiting:
                break
        for task in running:
            task.result()
    return summary


async def _way_to(hub_url: str, plan: Plan, stack: contextlib.AsyncExitStack) -> tuple[str, int]:
    """Where the devices really connect to: the hub, or a bad line before it."""
    parts = urlsplit(hub_url)
    hub = (parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "wss" else 80))
    if not plan.faults.intersection(LINE_FAULTS):
        return hub
    rng = random.Random(f"line {plan.seed}")  # noqa: S311 - a seeded line

    def trouble(connection: int) -> Trouble:
        if "slow" in plan.faults and rng.random() < 0.3:
            return VILLAGE
        # Of the cut ones each device has about three.
        return drawn(rng, connection, bad_connections=3 * plan.count) if "cut" in plan.faults else Trouble()

    line = await stack.enter_async_context(Line(*hub, trouble, rng))
    return ("127.0.0.1", line.port)


class _Device:
    """One device: its recordings one after the other over a connection it keeps."""

    def __init__(
        self,
        number: int,
        key: DeviceKey,
        records: Sequence[Recording],
        plan: Plan,
        summary: Summary,
        hub_url: str,
        address: tuple[str, int],
        retry: Retry,
        trust: ssl.SSLContext | None,
    ) -> None:
        self.number, self.key, self.plan, self.summary = number, key, plan, summary
        self._records = records
        self._hub_url, self._address, self._retry, self._trust = hub_url, address, retry, trust
        self.rng = random.Random(f"{plan.seed} {number}")  # noqa: S311 - a seeded device
        self.upload: SampledUpload | None = None  # the recording on its way
        self.grown = asyncio.Event()
        self._left = plan.recordings
        self._growing: asyncio.Task[None] | None = None
        self._clock_off_ms = 0
        self._failures = 0
        self._refusals = 0
        self._safe = 0

    def clock_ms(self) -> int:
        return clock_ms() + self._clock_off_ms

    async def run(self) -> None:
        await asyncio.sleep(self.rng.random() * min(1.0, self.plan.count / 200))  # not all in one instant
        self._begin_next()
        while self.upload is not None:
            wait_s = await self._connect_once()
            if self.upload is not None and self._failures >= TRIES_MAX:
                self._give_up("wire.unreachable")
            if self.upload is not None:
                await asyncio.sleep(wait_s + self._retry.wait_s(self._failures, self.rng))

    async def _connect_once(self) -> float:
        """One connection, to its end. Returns how long the hub asked to wait."""
        self._failures += 1
        host, port = self._address
        try:
            async with connect(
                self._hub_url,
                host=host,
                port=port,
                compression=None,
                max_size=FRAME_BYTES_MAX,
                open_timeout=10,
                close_timeout=2,
                proxy=None,
                ssl=self._trust,
            ) as socket:
                self.summary.connections += 1
                await _Connection(self, socket).run()
        except WireError as error:
            return self._refused(error)
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException):
            pass  # the line: come back
        return 0.0

    def _refused(self, error: WireError) -> float:
        self.summary.refused[error.code] += 1
        self._refusals += not error.again
        if error.code in HOPELESS:
            self._left = 0
        if error.code in HOPELESS or self._refusals >= TRIES_MAX:
            self._give_up(error.code)
        return float(error.retry_after_s) if isinstance(error, Busy) else 0.0

    def received(self) -> None:
        self.summary.received += 1
        self._begin_next()

    def advanced(self, safe_frames: int) -> None:
        if safe_frames > self._safe:
            self._safe, self._failures, self._refusals = safe_frames, 0, 0

    def _give_up(self, code: str) -> None:
        self.summary.given_up[code] += 1
        self._begin_next()

    def _begin_next(self) -> None:
        if self._growing is not None:
            self._growing.cancel()
        self.upload, self._failures, self._refusals, self._safe = None, 0, 0, 0
        if self._left == 0:
            return
        self._left -= 1
        plan, rng = self.plan, self.rng
        if "clock" in plan.faults and rng.random() < CLOCK_SHARE:
            self._clock_off_ms += rng.choice((-3_600_000, 3_600_000, -700, 700))
            self.summary.faults["clock"] += 1
        upload = upload_of(
            _stretch(rng.choice(self._records), plan.length_s, rng),
            mode=plan.mode,
            request=Request(note=plan.note) if plan.note else None,
            start_ms=self.clock_ms() - (round(1000 * plan.length_s) if plan.mode == "batch" else 0),
            uid=rng.randbytes(8) + clock_ms().to_bytes(8, "big"),  # a seed that is run twice makes new recordings
        )
        self.summary.sent += 1
        self.upload = upload
        if plan.mode == "live":
            self._growing = asyncio.create_task(grow(upload, plan.speed, self.grown))


def _stretch(recording: Recording, length_s: float, rng: random.Random) -> Recording:
    n = min(len(recording.signal_uv), round(length_s * recording.fs))
    first = rng.randint(0, len(recording.signal_uv) - n)
    return replace(recording, signal_uv=recording.signal_uv[first : first + n])


class _Connection:
    """One connection of a device: it listens, and sends what the credit lets out, some of it wrongly."""

    def __init__(self, device: _Device, socket: ClientConnection) -> None:
        self._device, self._socket = device, socket
        self._session = DeviceSession(device.key.device, device.key.key, SOFTWARE)
        self._offered: SampledUpload | None = None
        self._held: Data | None = None  # a frame that lets the next one pass
        self._plan, self._rng, self._grown = device.plan, device.rng, device.grown

    async def run(self) -> None:
        """Until the device has nothing more to send, or raises why it ended."""
        await self._do(self._session.start())
        ends = [asyncio.create_task(self._listen()), asyncio.create_task(self._feed())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            outcomes = await asyncio.gather(*ends, return_exceptions=True)
        # What the hub said counts before what sending to its closed socket raised.
        raised = [found for found in outcomes if isinstance(found, Exception)]
        if raised:
            raise raised[0]

    async def _listen(self) -> None:
        while True:
            async with asyncio.timeout(SILENCE_S):
                raw = await self._socket.recv(decode=False)
            for effect in self._session.receive(decode(raw), self._device.clock_ms()):
                if isinstance(effect, Done):
                    self._device.received()
                elif isinstance(effect, Hold):
                    asyncio.get_running_loop().call_later(effect.ms / 1000, self._grown.set)
                else:
                    await self._say(effect.frame)
            self._device.advanced(self._session.safe_frames)
            self._grown.set()

    async def _feed(self) -> None:
        while self._device.upload is not None:
            upload = self._device.upload
            if self._offered is not upload:
                if self._offered is not None:
                    await asyncio.sleep(self._plan.pause_s * 2 * self._rng.random())
                self._offered = upload
                await self._do(self._session.offer(upload, self._device.clock_ms()))
            await self._do(self._session.pump(self._device.clock_ms()))
            await self._grown.wait()
            self._grown.clear()

    async def _do(self, effects: list[DeviceEffect]) -> None:
        for effect in effects:
            if not isinstance(effect, Done | Hold):
                await self._say(effect.frame)

    async def _say(self, frame: Frame) -> None:
        for raw in self._spoilt(frame):
            await self._socket.send(raw)

    def _spoilt(self, frame: Frame) -> list[bytes]:
        """What really goes out for a frame: mostly itself."""
        held, self._held = self._held, None
        if held is not None:
            return [encode(frame), encode(held)]
        raw = encode(frame)
        if not isinstance(frame, Data):
            return [raw]
        self._device.summary.frames += 1
        possible = [name for name in MESSAGE_FAULTS if name in self._plan.faults]
        if not possible or self._rng.random() > MESSAGE_SHARE:
            return [raw]
        fault = self._rng.choice(possible)
        self._device.summary.faults[fault] += 1
        match fault:
            case "drop":
                return []
            case "repeat":
                return [raw, raw]
            case "exchange":
                self._held = frame
                return []
            case "damage":
                at = self._rng.randrange(len(raw) // 2, len(raw))
                return [raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :]]
            case _:
                return [raw[: self._rng.randrange(1, self._rng.choice((DATA_HEADER_BYTES, len(raw))))]]
