"""The agent's connection to the hub: kept while the agent runs, built anew after any cut, urgent files first.

`DeviceSession` decides what may be sent; this decides how much at once and how fast. No more is under way than the line
carries in `AHEAD_S`, so that an urgent file never waits behind a queue of pieces in the buffers of a slow line.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from device.agent.settings import Settings
from device.agent.store import Item, Queue
from device.client import SOFTWARE, DeviceKey, Retry, clock_ms
from device.errors import (
    BadFrame,
    BadProof,
    Busy,
    CertificateRefused,
    DeviceRevoked,
    FileLeft,
    QueueFull,
    Superseded,
    UnknownDevice,
    VersionRefused,
    WireError,
)
from device.frames import FRAME_BYTES_MAX, Chunk, decode, encode
from device.session import Send
from device.upload import DeviceEffect, DeviceSession, Done, Hold

AT_ONCE: Final = 2  # files under way besides an urgent one
STREAMS: Final = 3  # fewer than a hub grants on one connection
AHEAD_S: Final = 2.0
FLYING_LEAST: Final = 16 * 1024
FLYING_MOST: Final = 256 * 1024
DISK_S: Final = 5.0  # this machine's disk is full
PERSON_S: Final = 300.0  # what a person has to mend is tried again so often
CLOCK_S: Final = 600.0
DAY_MS: Final = 86_400_000
RECEIPT_S: Final = 120.0
WAITING: Final = Retry(wait_s_least=0.2, wait_s_most=2.0)  # something waits: the line is used as soon as it is back
IDLE: Final = Retry(wait_s_least=0.5, wait_s_most=15.0)
FOR_A_PERSON: Final = (BadProof, CertificateRefused, DeviceRevoked, Superseded, UnknownDevice, VersionRefused)
"""Refusals that concern the device itself, not one of its files."""


@dataclass
class LineState:
    """What the status page shows of the connection."""

    connected: bool = False
    since_ms: int = 0
    refused: WireError | None = None  # why the hub, or this machine, does not let us in
    next_try_ms: int = 0
    sending: dict[str, float] = field(default_factory=dict)  # uid in hex -> 0 to 1
    clinic: str = ""  # whose agent this is, as the hub calls the place
    clock_offset_ms: int | None = None
    clock_uncertainty_ms: int | None = None
    bytes_s: float = 0.0


class HubLine:
    """One agent's way to its hub. `news` is to be set whenever the queue has got a file."""

    def __init__(
        self,
        settings: Settings,
        key: DeviceKey,
        queue: Queue,
        *,
        trust: ssl.SSLContext | None = None,
        now_ms: Callable[[], int] = clock_ms,
        rng: random.Random | None = None,
    ) -> None:
        self.state = LineState()
        self.news = asyncio.Event()
        self._settings, self._key, self._queue, self._trust, self._now_ms = settings, key, queue, trust, now_ms
        self._rng = rng or random.Random()  # noqa: S311 - the length of a wait
        self._alone = False  # a file was refused and nobody knows which: one at a time until that is clear

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            talk = _Conversation(
                self._settings, self._key, self._queue, self.state, self.news, self._now_ms, self._alone
            )
            wait_s = 0.0
            try:
                await talk.hold(self._settings.hub, self._trust)
            except FOR_A_PERSON as error:
                self.state.refused, wait_s = error, PERSON_S
            except QueueFull as error:
                self.state.refused, wait_s = error, DISK_S
            except WireError as error:
                self.state.refused = None if error.again else error
                wait_s = float(error.retry_after_s) if isinstance(error, Busy) else 0.0
                if not error.again:
                    self._blame(talk, error)
            except ssl.SSLCertVerificationError as error:
                self.state.refused, wait_s = CertificateRefused(reason=error.verify_message), PERSON_S
            except (OSError, TimeoutError, InvalidHandshake, WebSocketException):
                self.state.refused = None  # the line is away: that it is shows without a reason
            failures = 1 if talk.welcomed else failures + 1
            await self._rest(wait_s, failures)

    def _blame(self, talk: _Conversation, error: WireError) -> None:
        """A file the hub will not have: set it aside once it is plain which one it was."""
        if len(talk.offered) == 1:
            with contextlib.suppress(QueueFull):  # it is refused again when there is room to write that down
                self._queue.refused(next(iter(talk.offered)), error.code, self._now_ms())
            self._alone = False
        else:
            self._alone = True

    async def _rest(self, wait_s: float, failures: int) -> None:
        """Wait before the next try; a new file ends the wait, unless a person has to act first."""
        waiting = self._queue.totals().waiting > 0
        pause_s = wait_s + (WAITING if waiting else IDLE).wait_s(failures, self._rng)
        self.state.connected, self.state.sending = False, {}
        self.state.next_try_ms = self._now_ms() + round(pause_s * 1000)
        if wait_s or waiting:
            await asyncio.sleep(pause_s)
            return
        self.news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self.news.wait()


class _Conversation:
    """One connection."""

    def __init__(
        self,
        settings: Settings,
        key: DeviceKey,
        queue: Queue,
        state: LineState,
        news: asyncio.Event,
        now_ms: Callable[[], int],
        alone: bool,
    ) -> None:
        self.offered: dict[str, Item] = {}
        self.welcomed = False
        self._settings, self._queue, self._state, self._news, self._now_ms = settings, queue, state, news, now_ms
        self._alone = alone
        self._session = DeviceSession(key.device, key.key, SOFTWARE)
        self._session.flying_max = FLYING_LEAST
        self._sent: deque[tuple[float, int]] = deque()  # when, how much: of acknowledged bytes
        self._safe_bytes = 0
        self._allowance = _Allowance(settings.limit_kbit_s * 125)
        self._heard = time.monotonic()

    async def hold(self, url: str, trust: ssl.SSLContext | None) -> None:
        """Connect and stay until the line breaks. Raises WireError, OSError, TimeoutError, WebSocketException."""
        async with connect(
            url,
            compression=None,
            max_size=FRAME_BYTES_MAX,
            max_queue=64,
            open_timeout=15,
            close_timeout=2,
            write_limit=FLYING_LEAST,
            ping_interval=20,
            ping_timeout=30,
            ssl=trust,
        ) as socket:
            await self._do(socket, self._session.start())
            tasks = [asyncio.create_task(work(socket)) for work in (self._listen, self._feed, self._look_at_clock)]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                # What the hub said last tells more than that nothing can be sent any more.
                if not tasks[0].done():
                    await asyncio.wait(tasks[:1], timeout=1.0)
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(RECEIPT_S if self.offered else None):
                raw = await socket.recv()
            if isinstance(raw, str):
                raise BadFrame(reason="it is text; frames are binary messages")
            effects = self._session.receive(decode(raw), self._now_ms())
            if self._session.welcome is not None and not self.welcomed:
                self._begin()
            self._measure()
            for effect in effects:
                if isinstance(effect, Done):
                    uid = effect.receipt.uid.hex()
                    self._queue.received(uid, effect.receipt.recording, self._now_ms())
                    self.offered.pop(uid, None)
            await self._do(socket, effects)
            self._news.set()

    def _begin(self) -> None:
        welcome = self._session.welcome
        assert welcome is not None
        self.welcomed = True
        state = self._state
        state.connected, state.since_ms, state.refused = True, self._now_ms(), None
        state.clinic = welcome.clinic or state.clinic
        state.clock_offset_ms, state.clock_uncertainty_ms = welcome.clock_offset_ms, welcome.clock_uncertainty_ms

    async def _feed(self, socket: ClientConnection) -> None:
        """Offer files and send what the credit lets out, each time there is more of either."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            if not self.welcomed:
                continue
            await self._offer(socket)
            owed_s = self._allowance.owed_s()
            effects = self._session.pump(self._now_ms(), urgent_only=owed_s > 0, pieces_max=self._allowance.pieces_max)
            await self._do(socket, effects)
            if effects and self._allowance.pieces_max:
                self._news.set()
            elif owed_s:
                asyncio.get_running_loop().call_later(owed_s, self._news.set)

    async def _offer(self, socket: ClientConnection) -> None:
        for item in self._more():
            try:
                upload = await asyncio.to_thread(self._queue.upload, item)
            except OSError:  # its bytes have rotted on this machine's disk: the others go on
                self._queue.refused(item.uid, FileLeft.code, self._now_ms())
                continue
            self.offered[item.uid] = item
            await self._do(socket, self._session.offer(upload, self._now_ms(), urgent=item.urgent))

    def _more(self) -> list[Item]:
        """The files to begin with now: two at a time, and a third when it is urgent."""
        room = (1 if self._alone else STREAMS) - len(self.offered)
        if room <= 0:
            return []
        fresh_ms = None if self._bulk_now() else self._now_ms() - DAY_MS
        items = self._queue.next(room, frozenset(self.offered), fresh_ms)
        calm = sum(not item.urgent for item in self.offered.values())
        chosen = []
        for item in items:
            if item.urgent or calm < AT_ONCE:
                chosen.append(item)
                calm += not item.urgent
        return chosen

    def _bulk_now(self) -> bool:
        if not self._settings.bulk_hours:
            return True
        first, end = self._settings.bulk_hours.split("-")
        now = f"{datetime.fromtimestamp(self._now_ms() / 1000).astimezone():%H:%M}"
        return first <= now < end if first <= end else now >= first or now < end

    async def _look_at_clock(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(CLOCK_S)
            await self._do(socket, self._session.look_at_clock(self._now_ms()))

    def _measure(self) -> None:
        """How fast the line takes what we send, from what was acknowledged in the last seconds."""
        now = time.monotonic()
        safe = self._session.landed_bytes
        if safe > self._safe_bytes:
            self._sent.append((now, safe - self._safe_bytes))
            self._safe_bytes = safe
        while self._sent and now - self._sent[0][0] > 2 * AHEAD_S:
            self._sent.popleft()
        if self._sent:
            took_s = max(0.05, now - self._sent[0][0])
            self._state.bytes_s = sum(size for _, size in self._sent) / took_s
            wise = round(self._state.bytes_s * AHEAD_S)
            self._session.flying_max = min(FLYING_MOST, max(FLYING_LEAST, wise))
        self._state.sending = {uid.hex(): share for uid, share in self._session.progress().items()}

    async def _do(self, socket: ClientConnection, effects: list[DeviceEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                raw = encode(effect.frame)
                if isinstance(effect.frame, Chunk):
                    self._allowance.spend(len(raw))
                await socket.send(raw)
            elif isinstance(effect, Hold):
                asyncio.get_running_loop().call_later(effect.ms / 1000, self._news.set)


class _Allowance:
    """A bucket of bytes that fills at a rate; rate 0 knows no limit. What is urgent goes on credit."""

    def __init__(self, bytes_s: float) -> None:
        self._bytes_s, self._at, self._left = bytes_s, time.monotonic(), bytes_s
        self.pieces_max = 1 if bytes_s else None  # at a time: what is urgent passes between two

    def owed_s(self) -> float:
        """How long what is not urgent has to wait."""
        if not self._bytes_s:
            return 0.0
        now = time.monotonic()
        self._left = min(self._bytes_s, self._left + (now - self._at) * self._bytes_s)
        self._at = now
        return max(0.0, -self._left / self._bytes_s)

    def spend(self, size: int) -> None:
        if self._bytes_s:
            self._left -= size
