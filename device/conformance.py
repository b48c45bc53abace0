"""The conformance kit: what a check is, how one is run, and a device that does exactly as told, right or wrong.

`conformance_hub.py`, `conformance_files.py` and `conformance_refusals.py` hold the checks of a hub (the kit plays
device), `conformance_device.py` those of a device (the kit plays hub). A check is a name, the requirement it stands for
with its section of docs/reference/protocol.md, and a function that raises `Failed` with what it saw. `xinlian device
conformance` prints the report.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from device.client import DeviceKey, clock_ms
from device.errors import CertificateRefused, RefusedByHub, Unreachable, WireError
from device.frames import (
    VERSION,
    Ack,
    Challenge,
    Error,
    Frame,
    Hello,
    Opened,
    Proof,
    Receipt,
    Request,
    Welcome,
    decode,
    encode,
    error_of,
    proof_of,
)
from device.simulate import SampledUpload, upload_of
from ecg.record import STANDARD_LEADS, Recording

CLOSED_FOR_A_REASON: Final = 4000
SOFTWARE: Final = "xinlian-conformance/1"
FS: Final = 500

F = TypeVar("F", bound=Frame)
Act = Callable[["Bench"], Awaitable[None]]


class Failed(Exception):
    """A requirement is not kept; says what was seen."""


@dataclass(frozen=True)
class Check:
    """One requirement that can be seen from outside."""

    name: str
    requirement: str
    section: str  # the heading of docs/reference/protocol.md it stands under
    run: Act
    codes: tuple[str, ...] = ()  # the refusals it brings about


class Verdict(msgspec.Struct, frozen=True):
    """What became of one check. `saw` is empty where it passed."""

    check: str
    requirement: str
    section: str
    passed: bool
    saw: str = ""


@dataclass
class Bench:
    """What checks of a hub have at hand: where the hub is, a key it knows, patience."""

    url: str
    key: DeviceKey
    wait_s: float = 10.0
    trust: ssl.SSLContext | None = None
    handshake_s: float = 10.0  # what a hub grants from the connection to the proof
    begun: dict[bytes, SampledUpload] = field(default_factory=dict)  # opened, and not yet ended

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Peer]:
        try:
            async with connect(
                self.url, compression=None, max_size=None, proxy=None, ssl=self.trust, open_timeout=self.wait_s
            ) as socket:
                yield Peer(self, socket)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise Failed(f"no connection: {type(error).__name__}") from None

    @contextlib.asynccontextmanager
    async def proven(self) -> AsyncIterator[Peer]:
        async with self.connected() as peer:
            await peer.prove()
            yield peer

    async def check_reachable(self) -> None:
        """One connection, so that a wrong address is one sentence. Raises Unreachable, CertificateRefused."""
        try:
            async with connect(
                self.url, compression=None, proxy=None, ssl=self.trust, open_timeout=self.wait_s, close_timeout=1
            ):
                pass
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(reason=error.verify_message) from None
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            raise Unreachable(tries=1, last=type(error).__name__) from None

    def upload(self, seconds: float = 2.0, **changes: object) -> SampledUpload:
        """A recording of its own: 12 leads, 500 Hz, half a second a frame; `changes` are fields of its `open`."""
        beat = np.exp(-(((np.arange(round(seconds * FS)) % 400 - 200) / 12.0) ** 2)) * 900.0
        noise = np.frombuffer(os.urandom(len(beat)), np.int8)  # so that no two recordings have one checksum
        signal = np.stack([(beat + noise) * (0.3 + 0.1 * lead) for lead in range(12)], axis=1).astype(np.float32)
        upload = upload_of(
            Recording(fs=float(FS), leads=STANDARD_LEADS, signal_uv=signal),
            mode="batch",
            request=Request(note="conformance"),
        )
        upload.opening = msgspec.structs.replace(upload.opening, **changes)
        return upload


class Peer:
    """One connection to the hub under test. Every wait ends, with what was missed."""

    def __init__(self, bench: Bench, socket: ClientConnection) -> None:
        self.bench, self.socket = bench, socket
        self.welcome: Welcome | None = None

    async def say(self, frame: Frame) -> None:
        await self.say_raw(encode(frame))

    async def say_raw(self, raw: bytes | str) -> None:
        with contextlib.suppress(ConnectionClosed):  # what it closed for is found by whoever listens next
            await self.socket.send(raw)

    async def hear(self, expecting: str = "a frame") -> Frame:
        try:
            async with asyncio.timeout(self.bench.wait_s):
                raw = await self.socket.recv()
        except TimeoutError:
            raise Failed(f"{expecting} did not come within {self.bench.wait_s:g} s") from None
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else "none"
            raise Failed(f"closed with {code} instead of {expecting}") from None
        if isinstance(raw, str):
            raise Failed(f"a text message instead of {expecting}")
        try:
            return decode(raw)
        except WireError as error:
            raise Failed(f"a frame that cannot be read: {error.code}") from None

    async def expect(self, kind: type[F]) -> F:
        """The next frame, which has to be of this kind."""
        frame = await self.hear(f"`{kind.NAME}`")
        if not isinstance(frame, kind):
            raise Failed(f"{_named(frame)} instead of `{kind.NAME}`")
        return frame

    async def until(self, kind: type[F], true: Callable[[F], bool] = lambda frame: True) -> F:
        """The first frame of this kind for which it is true; others are passed over, refusals are not."""
        while True:
            frame = await self.hear(f"`{kind.NAME}`")
            if isinstance(frame, Error):
                raise Failed(f"{_named(frame)} instead of `{kind.NAME}`")
            if isinstance(frame, kind) and true(frame):
                return frame

    async def challenged(self, hello: bytes) -> Challenge:
        await self.say_raw(hello)
        challenge = await self.expect(Challenge)
        if len(challenge.nonce) != 32:
            raise Failed(f"a nonce of {len(challenge.nonce)} bytes")
        return challenge

    async def prove(self, hello: bytes | None = None) -> Welcome:
        hello = hello or encode(Hello(device=self.bench.key.device, version=VERSION, software=SOFTWARE))
        challenge = await self.challenged(hello)
        now = clock_ms()
        await self.say(Proof(mac=proof_of(self.bench.key.key, challenge.nonce, hello, now), device_ms=now))
        self.welcome = await self.expect(Welcome)
        return self.welcome

    async def begin(self, upload: SampledUpload, stream: int = 0) -> Opened:
        """Open (or resume) a recording; the kit remembers it, to end it when all checks are done."""
        self.bench.begun[upload.opening.uid] = upload
        await self.say(msgspec.structs.replace(upload.opening, stream=stream, device_ms=clock_ms()))
        return await self.until(Opened, lambda opened: opened.stream == stream)

    async def send(self, upload: SampledUpload, opened: Opened, end: int | None = None) -> int:
        """Send the frames from `next_seq` to `end` within the credit; returns the last limit heard."""
        limit = opened.limit
        for seq in range(opened.next_seq, upload.total if end is None else end):
            while seq >= limit:
                limit = (await self.acknowledged(opened.stream, limit - 1)).limit
            await self.say(upload.frame(opened.stream, seq))
        return limit

    async def acknowledged(self, stream: int, next_seq: int) -> Ack:
        """The first ack of this stream that reaches so far."""
        return await self.until(Ack, lambda ack: ack.stream == stream and ack.next_seq >= next_seq)

    async def finish(self, upload: SampledUpload, opened: Opened) -> Receipt:
        """Send the rest and its end, and check the receipt."""
        await self.send(upload, opened)
        end = upload.end(opened.stream)
        assert end is not None
        await self.say(end)
        return await self.receipt_of(upload)

    async def receipt_of(self, upload: SampledUpload) -> Receipt:
        return self.checked(await self.until(Receipt, lambda said: said.uid == upload.opening.uid), upload)

    def checked(self, receipt: Receipt, upload: SampledUpload) -> Receipt:
        """The receipt, which has to be that of this recording; with it the recording is over."""
        if receipt.sha256 != upload.sha256:
            raise Failed("a receipt with another SHA-256 than the samples sent")
        self.bench.begun.pop(upload.opening.uid, None)
        return receipt

    async def refused(self, code: str) -> None:
        """An `error` with this code and the facts it has, then closing with 4000."""
        while not isinstance(frame := await self.hear(f"`error` {code}"), Error):
            if isinstance(frame, Receipt):
                raise Failed(f"a receipt instead of `error` {code}")
        if frame.code != code:
            raise Failed(f"`error` {frame.code} instead of {code}")
        if isinstance(error_of(frame), RefusedByHub):
            raise Failed(f"`error` {code} with the facts {sorted(frame.facts)}")
        try:
            async with asyncio.timeout(self.bench.wait_s):
                await self.socket.wait_closed()
        except TimeoutError:
            raise Failed(f"the socket stayed open after `error` {code}") from None
        if self.socket.close_code != CLOSED_FOR_A_REASON:
            raise Failed(f"closed with {self.socket.close_code} after `error` {code}")


def _named(frame: Frame) -> str:
    return f"`error` {frame.code}" if isinstance(frame, Error) else f"`{frame.NAME}`"


async def run_checks(
    checks: Sequence[Check], bench: Bench, *, at_once: int = 4, told: Callable[[Verdict], None] = lambda verdict: None
) -> list[Verdict]:
    """All checks, a few at a time; `told` hears each verdict in the order of the checks."""
    slots = asyncio.Semaphore(at_once)

    async def one(check: Check) -> Verdict:
        saw = ""
        async with slots:
            try:
                await check.run(bench)
            except Failed as failed:
                saw = str(failed)
            except ConnectionClosed as closed:
                saw = f"the connection closed: {closed}"
        return Verdict(check.name, check.requirement, check.section, not saw, saw)

    running = [asyncio.create_task(one(check)) for check in checks]
    verdicts = []
    for task in running:
        verdicts.append(await task)
        told(verdicts[-1])
    await _end_what_was_begun(bench)
    return verdicts


async def _end_what_was_begun(bench: Bench) -> None:
    """Leave no recording half open in the hub: send each to its end. A hub that will not take one keeps the rest."""
    with contextlib.suppress(Failed, ConnectionClosed):
        for upload in list(bench.begun.values()):
            async with bench.proven() as peer:
                await peer.finish(upload, await peer.begin(upload))
