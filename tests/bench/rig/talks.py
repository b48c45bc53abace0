"""How each measured system is spoken to: the greeting of a connection, a packet's frame, what counts as its ack.

No socket and no clock (`load.py`), no process (`subject.py`, `peers.py`). A greeting is a generator: it yields what to
send and is sent what came. All systems are given the same packets, and each its own pipelined protocol.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final, Protocol

import msgspec
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # its own choice between C and Python

from device.client import clock_ms
from device.errors import WireError
from device.frames import Ack, Error, Opened, Welcome, decode, encode
from device.session import Send
from device.simulate import SampledUpload
from device.upload import DeviceSession
from tests.bench.rig.packets import Size, Tape, bodies, upload

RING: Final = 64  # packets of a tape that cycles; more than any window
Greeting = Generator[bytes, bytes, None]


class Refused(Exception):
    """The measured system said no. `again`: a device would come back."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(slots=True)
class State:
    """What a talk remembers of one connection."""

    number: int
    carry: bytes = b""  # came, and is not a whole answer yet
    acked: int = 0  # packets that are acknowledged
    limit: int = 1 << 60  # packets below this may be sent
    recording: str = ""  # the id the hub gave the recording of this connection
    answer: bytes = b""  # to be sent back at once: the pong to a ping


class Talk(Protocol):
    """One system's protocol. `hear` brings `State.acked` and `State.limit` up to date."""

    def greet(self, state: State) -> Greeting: ...

    def tape(self, number: int) -> Tape: ...

    def hear(self, state: State, came: bytes) -> None: ...


# ---- the product ----

UPGRADE: Final = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
BINARY, CLOSE, PING, PONG = 0x82, 0x88, 0x89, 0x8A
MASK: Final = bytes.fromhex("12345678")


def device_name(number: int) -> str:
    return f"dev_bench_{number:05d}"


def device_key(number: int) -> bytes:
    return hashlib.sha256(device_name(number).encode()).digest()


def message(body: bytes, kind: int = BINARY) -> bytes:
    """One WebSocket message as a client frames it, masked once for all runs: a mask of zeros would spare the hub the
    unmasking, and no real device sends one."""
    size = len(body)
    head = struct.pack(">BB", kind, 0x80 | size) if size < 126 else struct.pack(">BBH", kind, 0x80 | 126, size)
    return head + MASK + bytes(apply_mask(body, MASK))


def take_message(came: bytes, at: int) -> tuple[int, bytes, int] | None:
    """The server's message at `at`: its first byte, its body, where the next begins. None: not whole yet."""
    if len(came) < at + 2:
        return None
    size, head = came[at + 1], 2
    if size == 126:
        if len(came) < at + 4:
            return None
        size, head = int.from_bytes(came[at + 2 : at + 4], "big"), 4
    end = at + head + size
    return None if len(came) < end else (came[at], came[at + head : end], end)


@cache
def _frames(size: Size, count: int) -> Tape:
    return Tape.of([message(body) for body in bodies(size, count)], cycles=False)


def _one_message(state: State, out: bytes) -> Generator[bytes, bytes, bytes]:
    """Send, and wait for the body of the next message. Heartbeats are answered: who greets may have to wait."""
    while True:
        while (taken := take_message(state.carry, 0)) is None:
            state.carry += yield out
            out = b""
        kind, body, end = taken
        state.carry = state.carry[end:]
        if kind != PING:
            return body
        out += message(body, PONG)


@dataclass(frozen=True)
class Devices:
    """The product's own wire: proof by HMAC, `open` with an identity of its own, cumulative acks, credit.

    `count` packets a connection; all connections send the very same frames, as each is stream 0 of its own.
    `run` makes the identities of one run differ from those of another on the same hub.
    """

    size: Size
    count: int
    run: int = 0
    idle: bool = False  # prove and stay, open nothing

    def greet(self, state: State) -> Greeting:
        state.carry += yield UPGRADE
        while b"\r\n\r\n" not in state.carry:
            state.carry += yield b""
        head, _, state.carry = state.carry.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise Refused(head[:100].decode("latin-1"), again=head.startswith(b"HTTP/1.1 503"))
        # The product's own device decides what is said; from `opened` on only its prepared frames are sent.
        session = DeviceSession(device_name(state.number), device_key(state.number), "bench")
        effects = session.start()
        if not self.idle:
            effects += session.offer(self._upload(state.number), clock_ms())
        while True:
            out = b"".join(message(encode(effect.frame)) for effect in effects if isinstance(effect, Send))
            frame = decode((yield from _one_message(state, out)))
            if isinstance(frame, Opened):
                state.limit, state.recording = frame.limit, frame.recording
            try:
                effects = session.receive(frame, clock_ms())
            except WireError as error:
                raise Refused(error.code, again=error.again) from None
            if isinstance(frame, Welcome if self.idle else Opened):
                return

    def _upload(self, number: int) -> SampledUpload:
        made = upload(self.size, 1)
        uid = hashlib.md5(f"{self.run} {number}".encode(), usedforsecurity=False).digest()
        now = clock_ms()
        return replace(made, opening=msgspec.structs.replace(made.opening, uid=uid, start_ms=now, device_ms=now))

    def tape(self, number: int) -> Tape:
        return _frames(self.size, self.count)

    def hear(self, state: State, came: bytes) -> None:
        if state.carry:
            came = state.carry + came
        at = 0
        while (taken := take_message(came, at)) is not None:
            kind, body, at = taken
            if kind == BINARY:
                frame = decode(body)
                if isinstance(frame, Ack):
                    state.acked, state.limit = frame.next_seq, frame.limit
                elif isinstance(frame, Error):
                    raise Refused(frame.code)
            elif kind == PING:
                state.answer += message(body, PONG)
            elif kind == CLOSE:
                raise Refused(f"closed: {body[2:].decode('utf-8', 'replace')}", again=True)
        state.carry = came[at:]


# ---- the peers ----


@dataclass(frozen=True)
class Counted:
    """A protocol that answers each packet in order: how often `mark` comes, `marks` times an ack, is how many."""

    greeting: Callable[[State], Greeting]
    framed: Callable[[int, bytes], bytes]  # of a connection's number and a packet
    size: Size
    mark: bytes
    marks: int
    refusal: bytes
    seen: dict[int, int] = field(default_factory=dict)

    def greet(self, state: State) -> Greeting:
        yield from self.greeting(state)
        state.carry = b""
        self.seen[state.number] = 0

    def tape(self, number: int) -> Tape:
        return Tape.of([self.framed(number, body) for body in _ring(self.size)], cycles=True)

    def hear(self, state: State, came: bytes) -> None:
        if self.refusal in came:
            raise Refused(came[came.index(self.refusal) :][:200].decode("latin-1"))
        came = state.carry + came
        self.seen[state.number] += came.count(self.mark)
        state.acked = self.seen[state.number] // self.marks
        # One byte less than the mark: a mark cut in two is found whole, a whole one is never counted twice.
        state.carry = came[len(came) - len(self.mark) + 1 :] if len(self.mark) > 1 else b""


@cache
def _ring(size: Size) -> list[bytes]:
    return bodies(size, RING)


def _until(state: State, mark: bytes, out: bytes) -> Greeting:
    while mark not in state.carry:
        state.carry += yield out
        out = b""


def redis(size: Size) -> Counted:
    """XADD to a stream a device; the id of the entry comes back once the append-only file is as safe as it is set."""

    def framed(number: int, body: bytes) -> bytes:
        key = b"ecg%05d" % number
        head = b"*5\r\n$4\r\nXADD\r\n$%d\r\n%s\r\n$1\r\n*\r\n$1\r\nd\r\n$%d\r\n" % (len(key), key, len(body))
        return head + body + b"\r\n"

    return Counted(lambda state: _until(state, b"+PONG\r\n", b"PING\r\n"), framed, size, b"\r\n", 2, b"-ERR")


def nats(size: Size) -> Counted:
    """JetStream publishes with a reply subject; the PubAck comes there."""

    def greeting(state: State) -> Greeting:
        inbox = b"SUB _INBOX.%d 1\r\n" % state.number
        yield from _until(state, b"PONG\r\n", b'CONNECT {"verbose":false,"pedantic":false}\r\n' + inbox + b"PING\r\n")

    def framed(number: int, body: bytes) -> bytes:
        return b"PUB ecg.%d _INBOX.%d %d\r\n%s\r\n" % (number, number, len(body), body)

    return Counted(greeting, framed, size, b'"seq":', 1, b'"error"')


def mqtt(size: Size) -> Counted:
    """QoS 1 publishes; the packet identifiers go round within the tape."""

    def greeting(state: State) -> Greeting:
        yield from _until(state, b"\x20\x02\0\0", mqtt_connect(b"bench%d" % state.number, clean=True))

    def framed(number: int, body: bytes) -> bytes:
        # The identifier comes from the packet's own number, so that no two of a window share one.
        topic = b"ecg/%d" % number
        identifier = 1 + _ring(size).index(body)
        rest = struct.pack(">H", len(topic)) + topic + struct.pack(">H", identifier) + body
        return b"\x32" + _mqtt_length(len(rest)) + rest

    # A PUBACK is 40 02 and the identifier, which stays below 256: no other place of it reads 40 02 00.
    return Counted(greeting, framed, size, b"\x40\x02\0", 1, b"\xff\xff\xff")


def mqtt_connect(client: bytes, *, clean: bool) -> bytes:
    rest = b"\0\4MQTT\4" + (b"\2" if clean else b"\0") + b"\0\0" + struct.pack(">H", len(client)) + client
    return b"\x10" + _mqtt_length(len(rest)) + rest


def mqtt_subscribe(topic: bytes) -> bytes:
    rest = b"\0\1" + struct.pack(">H", len(topic)) + topic + b"\1"
    return b"\x82" + _mqtt_length(len(rest)) + rest


def _mqtt_length(size: int) -> bytes:
    out = b""
    while True:
        size, low = size >> 7, size & 127
        out += bytes([low | 0x80 if size else low])
        if not size:
            return out


POSTGRES_READY: Final = b"Z\0\0\0\5I"


def postgres_login(state: State, user: str) -> Greeting:
    words = b"user\0%s\0database\0postgres\0\0" % user.encode()
    yield from _until(state, POSTGRES_READY, struct.pack(">II", 8 + len(words), 196608) + words)


def postgres(size: Size, user: str) -> Counted:
    """One prepared insert a packet, each its own transaction, pipelined; ReadyForQuery comes after its commit."""

    def greeting(state: State) -> Greeting:
        yield from postgres_login(state, user)
        state.carry = b""
        query = b"s\0insert into packet (device, body) values ($1, $2)\0" + struct.pack(">HII", 2, 23, 17)
        yield from _until(state, POSTGRES_READY, _postgres(b"P", query) + _postgres(b"S", b""))

    def framed(number: int, body: bytes) -> bytes:
        # Portal, statement; both parameters binary: a 4-byte number and the packet.
        values = struct.pack(">HHHHIiI", 2, 1, 1, 2, 4, number, len(body)) + body
        bind = _postgres(b"B", b"\0s\0" + values + b"\0\0")
        return bind + _postgres(b"E", b"\0\0\0\0\0") + _postgres(b"S", b"")

    return Counted(greeting, framed, size, POSTGRES_READY, 1, b"SERROR")


def _postgres(kind: bytes, rest: bytes) -> bytes:
    return kind + struct.pack(">I", 4 + len(rest)) + rest


def raw_journal(size: Size) -> Counted:
    """Length and packet; one byte a stored packet comes back (`raw_journal.c`)."""

    def greeting(state: State) -> Greeting:
        return
        yield b""

    return Counted(greeting, lambda _number, body: struct.pack("<I", len(body)) + body, size, b"+", 1, b"-")
