"""The conformance kit for makers of devices: the kit plays hub for one recording, and not always a kind one.

It turns the device away once, cuts the line, grants little credit, asks for a frame again, and withholds the receipt
until the device comes back for it. What a device has to keep is in `DEVICE_CHECKS`; each check passes when the device
came to it and kept it. Nothing is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
from typing import Final, NamedTuple, TypeVar

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from device.client import DeviceKey, clock_ms
from device.conformance import CLOSED_FOR_A_REASON, Verdict
from device.errors import Busy, WireError
from device.frames import (
    FRAME_BYTES_MAX,
    VERSION,
    Ack,
    Challenge,
    Clock,
    Data,
    End,
    Frame,
    Hello,
    Nack,
    Open,
    Opened,
    Ping,
    Pong,
    Proof,
    Receipt,
    Welcome,
    Why,
    decode,
    encode,
    error_frame,
    proof_of,
)
from device.session import Rules

RETRY_AFTER_S: Final = 1
CREDIT: Final = 4  # frames beyond what is acknowledged
CUT_AFTER: Final = 2  # frames of the first connection that are acknowledged before the line is cut
ASKED_AGAIN: Final = 3  # this frame is asked for again
ANSWER_S: Final = 5.0  # so long a device may take to answer a nack or a ping
SETTLE_S: Final = 2.0  # so long the device has to keep quiet after its receipt
RECORDING: Final = "conformance"

F = TypeVar("F", bound=Frame)


class DeviceCheck(NamedTuple):
    """One requirement of docs/reference/protocol.md that a hub can see a device keep."""

    name: str
    requirement: str
    section: str


DEVICE_CHECKS: Final = (
    DeviceCheck("hello", "`hello` comes first, with the device's id and version 1.", "hello, challenge, proof"),
    DeviceCheck("retry-after", "After `wire.busy` the device waits at least retry_after_s.", "Coming back"),
    DeviceCheck("proof", "The proof is the HMAC over nonce, hello as sent and device_ms.", "hello, challenge, proof"),
    DeviceCheck("unknown-fields", "Unknown fields of `welcome` and `opened` are ignored.", "In one page"),
    DeviceCheck("frame", "Every frame can be read: layout, CRC32, JSON.", "Frames"),
    DeviceCheck("order", "No `data` before `opened`, no frame left out, leads as `open` named.", "data"),
    DeviceCheck("index", "A frame names the index of its first sample; every sample counts.", "data"),
    DeviceCheck("credit", "No frame at or beyond the limit.", "ack"),
    DeviceCheck("resume", "After a cut it opens the same uid and fields, and goes on at next_seq.", "Coming back"),
    DeviceCheck("nack", "After a nack the device sends again from the frame it names.", "nack"),
    DeviceCheck("websocket-ping", "WebSocket pings are answered.", "ping, pong, clock"),
    DeviceCheck("end", "`end` counts all frames and samples and carries their SHA-256.", "end, receipt"),
    DeviceCheck("comes-back", "Without its receipt it comes back and opens the recording again.", "end, receipt"),
    DeviceCheck("receipt", "After its receipt a recording is sent no more.", "end, receipt"),
)  # fmt: skip


class _Wrong(Exception):
    """The device broke a requirement: the check's name and what was seen."""

    def __init__(self, check: str, saw: str) -> None:
        self.check, self.saw = check, saw


class PlayedHub:
    """Plays hub for one recording of one device. `verdicts` once `finished` is set, or whoever waits has given up."""

    def __init__(self, key: DeviceKey) -> None:
        self.finished = asyncio.Event()
        self._key = key
        self._seen: set[str] = set()
        self._failed: dict[str, str] = {}
        self._connections = 0
        self._turned_away_at = 0.0
        self._opening: Open | None = None
        self._stored: list[Data] = []
        self._samples = 0
        self._was_cut = self._was_asked = self._was_ended = False

    @property
    def verdicts(self) -> list[Verdict]:
        found = []
        for check in DEVICE_CHECKS:
            saw = self._failed.get(check.name, "" if check.name in self._seen else "the device did not come to it")
            found.append(Verdict(check.name, check.requirement, check.section, not saw, saw))
        return found

    async def serve(self, socket: ServerConnection) -> None:
        """One connection of the device."""
        try:
            await self._converse(socket)
        except _Wrong as wrong:
            self._failed.setdefault(wrong.check, wrong.saw)
            self.finished.set()
        except WireError as error:
            self._failed.setdefault("frame", str(error))
            self.finished.set()
        except ConnectionClosed:
            pass  # the device may come and go

    async def _converse(self, socket: ServerConnection) -> None:
        self._connections += 1
        raw, hello = await self._hear(socket, Hello, "hello")
        if hello.device != self._key.device or hello.version != VERSION:
            raise _Wrong("hello", f"device {hello.device}, version {hello.version}")
        self._seen.add("hello")
        loop = asyncio.get_running_loop()
        if self._connections == 1:
            self._turned_away_at = loop.time()
            await socket.send(encode(error_frame(Busy(retry_after_s=RETRY_AFTER_S))))
            await socket.close(CLOSED_FOR_A_REASON, Busy.code)
            return
        if self._connections == 2:
            waited_s = loop.time() - self._turned_away_at
            if waited_s < RETRY_AFTER_S:
                raise _Wrong("retry-after", f"it came back after {waited_s:.1f} s of {RETRY_AFTER_S}")
            self._seen.add("retry-after")
        await self._prove(socket, raw)
        await self._take(socket)

    async def _prove(self, socket: ServerConnection, hello: bytes) -> None:
        nonce = os.urandom(32)
        await socket.send(encode(Challenge(nonce=nonce)))
        _, proof = await self._hear(socket, Proof, "order")
        if not hmac.compare_digest(proof.mac, proof_of(self._key.key, nonce, hello, proof.device_ms)):
            raise _Wrong("proof", "the proof does not fit the key")
        self._seen.add("proof")
        now = clock_ms()
        welcome = Welcome(
            session=RECORDING,
            window_frames=CREDIT,
            window_bytes=Rules().window_bytes,
            hub_ms=now,
            clock_offset_ms=now - proof.device_ms,
            clock_uncertainty_ms=1000,
            rates=Rules().rates,
            frame_bytes_max=FRAME_BYTES_MAX,
        )
        await socket.send(_with_an_unknown_field(welcome))

    async def _take(self, socket: ServerConnection) -> None:
        opening = await self._opened(socket)
        stream, limit, gap, farthest = opening.stream, len(self._stored) + CREDIT, False, -1
        pong: asyncio.Future[float] | None = None
        while True:
            try:
                async with asyncio.timeout(ANSWER_S if gap else None):
                    _, frame = await self._next(socket)
            except TimeoutError:
                raise _Wrong("nack", f"frame {len(self._stored)} did not come again within {ANSWER_S:g} s") from None
            if isinstance(frame, End):
                self._check_end(frame)
                if pong is not None:
                    await self._check_pong(pong)
                socket.transport.abort()  # the receipt is withheld: it has to come back for it
                return
            if not isinstance(frame, Data) or frame.stream != stream:
                raise _Wrong("order", f"`{frame.NAME}` among the data of a stream")
            if frame.seq >= limit:
                raise _Wrong("credit", f"frame {frame.seq}, the limit was {limit}")
            if gap and frame.seq != len(self._stored):
                if frame.seq <= farthest:
                    raise _Wrong("nack", f"it went back to frame {frame.seq}; {len(self._stored)} was asked for")
                farthest = frame.seq
                continue  # on its way before the nack came
            gap = self._store(frame, opening)
            if gap:
                await socket.send(encode(Nack(stream, len(self._stored), Why.GAP)))
                continue
            limit = len(self._stored) + CREDIT
            await socket.send(encode(Ack(stream, len(self._stored), limit)))
            if len(self._stored) == CUT_AFTER and not self._was_cut:
                self._was_cut = True
                await asyncio.sleep(0.1)  # the ack gets through
                socket.transport.abort()
                return
            pong = pong or asyncio.ensure_future(await socket.ping())

    async def _opened(self, socket: ServerConnection) -> Open:
        _, opening = await self._hear(socket, Open, "order")
        if self._opening is None:
            self._opening = opening
        same = msgspec.structs.replace(opening, stream=self._opening.stream, device_ms=self._opening.device_ms)
        if same != self._opening:
            raise _Wrong("resume", "another recording, or other fields, before the first one had its receipt")
        if self._was_ended:
            self._seen.add("comes-back")
            sha256 = hashlib.sha256(b"".join(frame.body for frame in self._stored)).digest()
            await socket.send(encode(Receipt(uid=opening.uid, recording=RECORDING, sha256=sha256)))
            await self._expect_silence(socket)
        safe = len(self._stored)
        await socket.send(_with_an_unknown_field(Opened(opening.stream, RECORDING, safe, safe + CREDIT)))
        return opening

    async def _expect_silence(self, socket: ServerConnection) -> None:
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    _, frame = await self._next(socket)
                    if isinstance(frame, Data | End) or (isinstance(frame, Open) and frame.uid == self._uid()):
                        raise _Wrong("receipt", f"`{frame.NAME}` after the receipt")
        except (TimeoutError, ConnectionClosed):
            self._seen.update(("receipt", "frame"))
            self.finished.set()
            raise ConnectionClosed(None, None) from None

    def _uid(self) -> bytes:
        assert self._opening is not None
        return self._opening.uid

    def _store(self, frame: Data, opening: Open) -> bool:
        """Take a frame. True: it is asked for again, as if it had been lost."""
        expected = len(self._stored)
        if self._was_cut and frame.seq < expected and not self._was_asked:
            raise _Wrong("resume", f"frame {frame.seq} after next_seq {expected}")
        if frame.seq != expected or frame.leads != len(opening.leads):
            raise _Wrong("nack" if self._was_asked else "order", f"frame {frame.seq} instead of {expected}")
        if frame.first != self._samples:
            raise _Wrong("index", f"frame {frame.seq} begins at sample {frame.first}, {self._samples} came before it")
        if expected == ASKED_AGAIN and not self._was_asked:
            self._was_asked = True
            return True
        self._seen.update(("order", "index", "credit", "unknown-fields"))
        if self._was_cut:
            self._seen.add("resume")
        if self._was_asked:
            self._seen.add("nack")
        self._stored.append(frame)
        self._samples += frame.count
        return False

    def _check_end(self, end: End) -> None:
        sha256 = hashlib.sha256(b"".join(frame.body for frame in self._stored)).digest()
        said, found = (end.frames, end.samples, end.sha256), (len(self._stored), self._samples, sha256)
        if said != found:
            raise _Wrong(
                "end", f"{said[0]} frames, {said[1]} samples; {found[0]} and {found[1]} came, or SHA-256 differs"
            )
        self._seen.add("end")
        self._was_ended = True

    async def _check_pong(self, pong: asyncio.Future[float]) -> None:
        try:
            await asyncio.wait_for(pong, ANSWER_S)
        except TimeoutError:
            raise _Wrong("websocket-ping", f"no answer within {ANSWER_S:g} s") from None
        self._seen.add("websocket-ping")

    async def _hear(self, socket: ServerConnection, kind: type[F], check: str) -> tuple[bytes, F]:
        raw, frame = await self._next(socket)
        if not isinstance(frame, kind):
            raise _Wrong(check, f"`{frame.NAME}` instead of `{kind.NAME}`")
        return raw, frame

    async def _next(self, socket: ServerConnection) -> tuple[bytes, Frame]:
        """The next frame; pings are answered and clocks taken on the way."""
        while True:
            raw = await socket.recv()
            if isinstance(raw, str):
                raise _Wrong("frame", "a text message")
            frame = decode(raw)
            if isinstance(frame, Ping):
                await socket.send(encode(Pong(frame.device_ms, clock_ms())))
            elif not isinstance(frame, Clock):
                return raw, frame


def _with_an_unknown_field(frame: Welcome | Opened) -> bytes:
    fields = msgspec.json.decode(encode(frame)[1:])
    return bytes([frame.KIND]) + msgspec.json.encode({**fields, "weather": ["fine", None]})


async def play_hub(key: DeviceKey, host: str, port: int, wait_s: float, ready: asyncio.Future[int]) -> list[Verdict]:
    """Play hub for one recording; `ready` is given the port. Ends with the verdicts after `wait_s` at the latest."""
    hub = PlayedHub(key)
    async with serve(hub.serve, host, port, compression=None, max_size=2 * FRAME_BYTES_MAX, close_timeout=1) as server:
        ready.set_result(int(next(iter(server.sockets)).getsockname()[1]))
        with contextlib.suppress(TimeoutError):  # what it did not come to, it did not pass
            await asyncio.wait_for(hub.finished.wait(), wait_s)
    return hub.verdicts
