"""One device's connection: reads its frames, lets the session decide, carries the effects out.

What all connections share (the journal, the streams, the hub) is the gateway's (`gateway.py`); how bytes become
messages is `socket.py`'s.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final

import structlog
from websockets.exceptions import ConnectionClosed

from device.errors import (
    BadChecksum,
    BadFrame,
    CertificateDiffers,
    FrameTooLarge,
    HubFault,
    HubStopping,
    TimedOut,
    WireError,
)
from device.frames import (
    Frame,
    decode,
    encode,
    error_frame,
    run_of,
)
from device.session import (
    Append,
    ClockKnown,
    FindDevice,
    HubEffect,
    HubSession,
    Online,
    Publish,
    Register,
    Seal,
    Send,
)
from server.base.page import unsent_bytes
from server.intake.journal import JournalFailed
from server.intake.socket import BUFFER_BYTES_MAX, DeviceSocket

if TYPE_CHECKING:
    from server.intake.gateway import Gateway

log = structlog.get_logger()

CLOSED_FOR_A_REASON: Final = 4000  # the WebSocket close code after an `error` frame
TOO_BIG: Final = 1009  # the library's own answer to a message beyond max_size
QUEUE_MAX: Final = 16  # frames of one device that wait while the hub is asked something


class Connection:
    """One device's socket: reads frames, lets the session decide, carries the effects out.

    A frame is dealt with at once, in the call that received it; only what has to ask the hub (who the device is, which
    id a recording gets) goes on in a task, and frames that come meanwhile wait in `_queue`.
    """

    def __init__(self, gateway: Gateway, socket: DeviceSocket) -> None:
        self._gateway, self._socket = gateway, socket
        self.born = next(gateway.births)  # which of two connections is the newer one
        self.session = HubSession(secrets.token_hex(8), secrets.token_bytes(32), gateway.settings.rules, gateway.kept)
        self.device_id: str | None = None  # once proven
        self.clock = ClockKnown(0, 0)  # measured anew with every proof
        self._listeners: dict[bytes, Callable[[int], None]] = {}
        self._over = False  # an error was sent: nothing after it counts
        self._asking: asyncio.Task[None] | None = None
        self._queue: list[bytes] = []
        self._greeted: Callable[[], None] = lambda: None  # gives its place among those that greet to the next
        self._paused = False  # `_queue` is full: nothing is read from the socket
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the socket closes or somebody broke a rule. Every end is counted under its code."""
        try:
            self._gateway.check_room()
            async with asyncio.timeout(self._gateway.settings.handshake_s) as self._deadline:
                self._socket.sink = self._receive
                async for raw in self._socket:  # what came another way than in whole binary frames
                    if isinstance(raw, str):
                        raise BadFrame(reason="it is text; frames are binary messages")
                    self._receive([raw])
        except WireError as error:
            self.end(error)
        except TimeoutError:
            self.end(TimedOut(wait_s=round(self._gateway.settings.handshake_s)))
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == TOO_BIG:
                await self._count(FrameTooLarge.code)
        finally:
            self._socket.sink = None
            self._queue.clear()
            while self._tasks:  # `seen` may still be on its way to `set_online`
                await asyncio.wait(self._tasks)
            self._greeted()
            if self.device_id is not None:
                self._gateway.set_online(self.device_id, online=False)

    def _receive(self, raws: list[bytes]) -> None:
        """Messages that came together, in order. The first error, and the first question to the hub, end it."""
        at, looks_for_runs = 0, len(raws) > 1
        while at < len(raws) and not self._over:
            if self._asking is not None:
                self._queue.extend(raws[at:])
                if len(self._queue) >= QUEUE_MAX and not self._paused:
                    self._paused = True
                    self._socket.transport.pause_reading()
                return
            try:
                run = run_of(raws, at) if looks_for_runs else None
                if run is None:
                    self._take(raws[at])
                    at += 1
                elif append := self.session.receive_run(run):
                    self._gateway.append(self, append)
                    at += run.frames
                else:
                    looks_for_runs = False  # one of them has to be looked at by itself
            except Exception as error:
                self._broke(error)

    def _take(self, raw: bytes) -> None:
        try:
            frame = decode(raw)
        except BadChecksum as error:
            self._gateway.damaged_frames += 1
            self.do_now(self.session.damaged(error))
            return
        effects = self.session.receive(frame, self._gateway.clock_ms(), raw)
        if effects and isinstance(effects[0], FindDevice | Online | Register):
            self._asking = self._begin(self._ask(effects))
        else:
            self.do_now(effects)

    async def _ask(self, effects: list[HubEffect]) -> None:
        """Carry out effects that wait for the hub's answer, then the frames that came meanwhile."""
        try:
            for effect in effects:
                match effect:
                    case FindDevice():
                        await self._wait_for_turn(effect.device_id)
                        found = await self._gateway.hub.device(effect.device_id)
                        self.do_now(self.session.device_found(found, self._gateway.clock_ms()))
                    case Online():
                        device = self.session.device
                        assert device is not None
                        self._check_certificate(device.id)
                        await self._gateway.hub.seen(device.id, self.session.software, self.session.proved_by)
                        self.do_now([effect])
                    case Register():
                        assert self.session.device is not None
                        self.do_now(await self._gateway.register(self, self.session.device, effect.opening))
                    case _:
                        self.do_now([effect])
        except Exception as error:
            self._broke(error)
        self._asking = None
        waiting, self._queue = self._queue, []
        self._receive(waiting)
        if self._paused and len(self._queue) < QUEUE_MAX and not self._socket.transport.is_closing():
            self._paused = False
            self._socket.transport.resume_reading()

    async def _wait_for_turn(self, name: str) -> None:
        """Until those who came before have proven themselves. Its own time to do so begins then."""
        self._deadline.reschedule(None)
        self._greeted = await self._gateway.turns.take(name)
        if not self._socket.transport.is_closing():  # it may have gone while it waited
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._gateway.settings.handshake_s)

    def _check_certificate(self, device_id: str) -> None:
        """Where devices show certificates, whose it is has to be who proved himself. Raises CertificateDiffers."""
        tls = self._gateway.settings.tls
        if tls is None or tls.verify_mode is ssl.CERT_NONE:
            return
        shown = self._socket.transport.get_extra_info("peercert") or {}
        names = [value for part in shown.get("subject", ()) for name, value in part if name == "commonName"]
        if names != [device_id]:
            raise CertificateDiffers

    def do_now(self, effects: list[HubEffect]) -> None:
        """Carry out effects that wait for nothing."""
        gateway = self._gateway
        for effect in effects:
            match effect:
                case Append():
                    gateway.append(self, effect)
                case Publish():
                    gateway.publish(effect)
                case Send():
                    self._send(effect.frame)
                case Seal():
                    gateway.begin_seal(effect.uid)
                case Online():
                    assert self.session.device is not None
                    self._deadline.reschedule(None)
                    self._greeted()
                    self.device_id = self.session.device.id
                    gateway.set_online(self.device_id, online=True)
                case ClockKnown():
                    assert self.device_id is not None
                    self.clock = effect
                    gateway.hub.device_clock(self.device_id, effect)
                case _:
                    raise AssertionError(effect)

    def listener(self, uid: bytes) -> Callable[[int], None]:
        """What the journal calls when records of `uid` are on the disk: one object a stream, so one ack a group."""
        if uid not in self._listeners:
            self._listeners[uid] = lambda seq: self._stored(uid, seq)
        return self._listeners[uid]

    def _stored(self, uid: bytes, seq: int) -> None:
        """Also after the socket has gone: what is on the disk is published, and an ended stream is sealed."""
        self.session.window_frames = self._gateway.window_frames()
        try:
            self.do_now(self.session.stored(uid, seq))
        except Exception as error:  # the other connections of this group must still hear of it
            self._broke(error)

    def _send(self, frame: Frame) -> None:
        """Without waiting: answers are small, and who does not read them is cut off."""
        if self._over:
            return
        self._socket.put(encode(frame))
        if unsent_bytes(self._socket.transport) > BUFFER_BYTES_MAX:
            self._over = True
            self._socket.transport.abort()

    def _broke(self, error: Exception) -> None:
        """A rule was broken, or something here: told, counted, logged; the device keeps its recording."""
        if isinstance(error, WireError):
            self.end(error)
        elif isinstance(error, JournalFailed):
            self.end(HubStopping(reason="journal"))
        else:
            ref = secrets.token_hex(4)
            log.error("gateway.fault", ref=ref, device=self.device_id, exc_info=error)
            self.end(HubFault(ref=ref))

    def end(self, error: WireError) -> None:
        """Say why, count it, close. The first reason stands."""
        if self._over:
            return
        self._send(error_frame(error))
        self._over = True
        log.info("device.refused", device=self.device_id, code=error.code)
        # Closing waits for the peer, who may be long gone: nobody else has to.
        self._begin(self._socket.close(CLOSED_FOR_A_REASON, error.code))
        self._begin(self._count(error.code))

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _count(self, code: str) -> None:
        self._gateway.refused[code] += 1
        try:
            await self._gateway.hub.device_refused(self.device_id, code)
        except Exception:  # the count above stands; the refusal itself must not fail
            log.exception("gateway.refusal_not_told", code=code)
