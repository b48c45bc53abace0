"""The device's end of the wire over a real socket: connect, prove, send within the credit, come back after any cut.

`DeviceSession` decides, `send` moves bytes. A recording is kept by its `Upload` until the receipt, so that a cut at any
moment costs a reconnect and no sample. Used by the simulator and the tests; a maker of devices may start from here.
"""

from __future__ import annotations

import asyncio
import base64
import random
import ssl
import time
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from device.errors import BadFrame, Busy, CertificateRefused, KeyFileRefused, Unreachable, WireError
from device.frames import FRAME_BYTES_MAX, Receipt, decode, encode
from device.session import Send
from device.upload import DeviceEffect, DeviceSession, Done, Hold, Upload
from ecg.expected import NOT_AS_EXPECTED

SOFTWARE: Final = "xinlian-device/1"
KEY_BYTES_MIN: Final = 16


@dataclass(frozen=True)
class DeviceKey:
    """A device's name and secret."""

    device: str
    key: bytes = field(repr=False)


class _KeyFile(msgspec.Struct):
    device: str
    key: bytes  # base64


def trust_of(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext | None:
    """Whom to believe behind `wss://` and what to show of ourselves; None: the machine's authorities, nothing shown.

    ca           the authority's file of a private CA; None: the machine's.
    certificate  of this device, where the hub asks for one, and its key where that is a file of its own.
    Raises       CertificateRefused where a file cannot be read.
    """
    if ca is None and certificate is None:
        return None
    try:
        trust = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            trust.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        names = ", ".join(path.name for path in (ca, certificate, key) if path is not None)
        raise CertificateRefused(reason=f"{names}: {error.strerror or type(error).__name__}") from None
    return trust


def read_key_file(path: Path) -> DeviceKey:
    """Raises KeyFileRefused."""
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(BOM_UTF8), type=_KeyFile)  # as Notepad writes it
    except OSError as error:
        raise KeyFileRefused(reason=f"it cannot be read: {error.strerror}") from None
    except NOT_AS_EXPECTED as error:
        raise KeyFileRefused(reason=str(error)) from None
    if len(content.key) < KEY_BYTES_MIN:
        raise KeyFileRefused(reason=f"the key has fewer than {KEY_BYTES_MIN} bytes")
    return DeviceKey(content.device, content.key)


def key_file_text(key: DeviceKey) -> str:
    """What `read_key_file` reads."""
    encoded = base64.b64encode(key.key).decode()
    return f'{{"device": "{key.device}", "key": "{encoded}"}}\n'


@dataclass(frozen=True)
class Retry:
    """How patiently a device comes back: waits grow from least to most, each drawn between half and all of it."""

    tries_max: int = 400
    wait_s_least: float = 0.2
    wait_s_most: float = 2.0  # a line that is back is used within two seconds; a hub with too many says `wire.busy`
    receipt_s_max: float = 120.0  # without a word from the hub: reconnect

    def wait_s(self, failures: int, rng: random.Random) -> float:
        whole = min(self.wait_s_most, self.wait_s_least * 2.0 ** min(failures, 16))
        return whole * (0.5 + 0.5 * rng.random())


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


async def send(
    upload: Upload,
    hub_url: str,
    key: DeviceKey,
    *,
    grown: asyncio.Event | None = None,
    retry: Retry | None = None,
    rng: random.Random | None = None,
    now_ms: Callable[[], int] = clock_ms,
    proxy: str | None = None,
    trust: ssl.SSLContext | None = None,
) -> Receipt:
    """Send one recording and return its receipt, over as many connections as it takes.

    grown   set by whoever makes the samples each time `upload` has more frames or its end (a live stream).
    trust   for `wss://`: which authorities are trusted; None: the machine's.
    Raises  the hub's refusal where coming back cannot help (`WireError.again` is False); CertificateRefused;
            Unreachable after tries_max connections that brought nothing forward.
    """
    retry, rng, grown = retry or Retry(), rng or random.Random(), grown or asyncio.Event()  # noqa: S311 - a wait
    failures, safe_frames, last = 0, 0, "nothing"
    while failures < retry.tries_max:
        attempt = _Attempt(upload, key, grown, retry, now_ms)
        wait_s = 0.0
        try:
            async with connect(
                hub_url,
                compression=None,
                max_size=FRAME_BYTES_MAX,
                max_queue=64,
                open_timeout=10,
                proxy=proxy,
                ssl=trust,
            ) as socket:
                return await attempt.run(socket)
        except WireError as error:
            if not error.again:
                raise
            last, wait_s = error.code, float(error.retry_after_s if isinstance(error, Busy) else 0)
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(reason=error.verify_message) from None
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
            last = type(error).__name__
        failures = 1 if attempt.safe_frames > safe_frames else failures + 1
        safe_frames = max(safe_frames, attempt.safe_frames)
        await asyncio.sleep(wait_s + retry.wait_s(failures, rng))
    raise Unreachable(tries=retry.tries_max, last=last)


async def stay(
    hub_url: str, key: DeviceKey, *, rng: random.Random | None = None, trust: ssl.SSLContext | None = None
) -> None:
    """Be connected without sending, so that the hub knows the device is there and looks at its clock. Until cancelled.

    Raises the hub's refusal where coming back cannot help.
    """
    retry, rng, failures = Retry(wait_s_most=15.0), rng or random.Random(), 0  # noqa: S311 - a wait
    while True:
        session = DeviceSession(key.device, key.key, SOFTWARE)
        try:
            async with connect(hub_url, compression=None, max_size=FRAME_BYTES_MAX, ssl=trust) as socket:
                effects = session.start()
                while True:
                    for effect in effects:
                        if isinstance(effect, Send):
                            await socket.send(encode(effect.frame))
                    failures = 0 if session.welcome is not None else failures
                    raw = await socket.recv()
                    effects = session.receive(decode(raw if isinstance(raw, bytes) else raw.encode()), clock_ms())
        except WireError as error:
            if not error.again:
                raise
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException):
            pass
        failures += 1
        await asyncio.sleep(retry.wait_s(failures, rng))


class _Attempt:
    """One connection."""

    def __init__(
        self, upload: Upload, key: DeviceKey, grown: asyncio.Event, retry: Retry, now_ms: Callable[[], int]
    ) -> None:
        self.safe_frames = 0  # how far the hub has the recording on its disk
        self._session = DeviceSession(key.device, key.key, SOFTWARE)
        self._upload, self._grown, self._retry, self._now_ms = upload, grown, retry, now_ms

    async def run(self, socket: ClientConnection) -> Receipt:
        await self._do(socket, self._session.start())
        await self._do(socket, self._session.offer(self._upload, self._now_ms()))
        feeding = asyncio.create_task(self._feed(socket))
        try:
            return await self._listen(socket)
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})  # not `await feeding`: who cancels us meanwhile would be taken for ourselves
            if not feeding.cancelled() and not isinstance(feeding.exception(), WebSocketException):
                feeding.result()

    async def _listen(self, socket: ClientConnection) -> Receipt:
        while True:
            async with asyncio.timeout(self._retry.receipt_s_max if self._complete() else None):
                raw = await socket.recv()
            if isinstance(raw, str):
                raise BadFrame(reason="it is text; frames are binary messages")
            effects = self._session.receive(decode(raw), self._now_ms())
            self.safe_frames = max(self.safe_frames, self._session.safe_frames)
            for effect in effects:
                if isinstance(effect, Done):
                    return effect.receipt
            await self._do(socket, effects)
            self._grown.set()

    async def _feed(self, socket: ClientConnection) -> None:
        """Send what the credit lets out, each time there is more of either."""
        while True:
            await self._grown.wait()
            self._grown.clear()
            await self._do(socket, self._session.pump(self._now_ms()))

    async def _do(self, socket: ClientConnection, effects: list[DeviceEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                await socket.send(encode(effect.frame))
            elif isinstance(effect, Hold):
                asyncio.get_running_loop().call_later(effect.ms / 1000, self._grown.set)

    def _complete(self) -> bool:
        return self._upload.end(0) is not None
