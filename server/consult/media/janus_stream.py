"""The port of the hub to which a Janus sends what is filmed: SRTP in, each line's packets to its reel out.

A packet is found by its SSRC, which is ours, and opened with its film's key. Who is sent here: `janus_film`.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from server.consult.media import rtp
from server.consult.media.filmed import ACTIVE_S, KEY_EVERY_S, SHARE_BYTES, Kind, Tap

log = structlog.get_logger()

BUFFER_BYTES: Final = 4 << 20
BATCH, REST = 64, 1000
"""Datagrams read before anybody else has a turn; at the end of a film, of what has come by then."""
DATAGRAM_BYTES_MAX: Final = 1350
"""What libsrtp's wrapper opens; no browser sends as much."""
KEY_BYTES: Final = 30
"""AES-128 and its salt (RFC 3711), as Janus takes them."""
WINDOW: Final = 1024
"""Packets of a stream that may come late: a lost one is asked for again, by Janus."""
REORDERED_MAX: Final = 512


class Seal:
    """One film's key. crypto: as Janus is told it."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(KEY_BYTES)
        self.crypto = base64.b64encode(self.key).decode()
        policy = Policy(key=self.key, ssrc_type=Policy.SSRC_ANY_INBOUND)
        policy.window_size = WINDOW
        self.open = Session(policy).unprotect


class Stream:
    """One line of a member as it comes from Janus: a `Filmed`. line: Janus's name of it; ask: for a key frame."""

    clock: rtp.SenderReport | None = None
    """Janus 1.1.2 sends no reports on."""

    def __init__(self, kind: Kind, line: str, seal: Seal, ask: Callable[[str], None]) -> None:
        self.kind, self.line, self._seal, self._ask = kind, line, seal, ask
        self._loop = asyncio.get_running_loop()
        self.ssrc = secrets.randbits(31) + 1
        self.tap: Tap | None = None
        self.active_at, self._key_asked_at = -ACTIVE_S, -KEY_EVERY_S
        self._high = -1
        self.in_second = 0
        """Bytes."""
        self.packets = 0

    def is_active(self, now: float) -> bool:
        return now - self.active_at < ACTIVE_S

    def ask_key_frame(self) -> None:
        """Nobody is asked later: whoever still waits for one asks with every packet."""
        now = self._loop.time()
        if self.kind != "sound" and now - self._key_asked_at >= KEY_EVERY_S:
            self._key_asked_at = now
            self._ask(self.line)

    def take(self, datagram: bytes) -> bool:
        """Returns whether it was one of this stream's packets."""
        self.in_second += len(datagram)
        if self.in_second > SHARE_BYTES[self.kind]:
            return False
        try:
            packet = self._seal.open(datagram)
        except SrtpError:
            return False  # of somebody who does not have the key, or come twice
        self.packets += 1
        first, second, sequence, time, _ = rtp.HEAD.unpack_from(packet)
        at = rtp.payload_offset(packet)
        padding = packet[-1] if first & 0x20 else 0
        if at == 0 or padding > len(packet) - at or (number := self._number(sequence)) is None:
            return False
        self.active_at = self._loop.time()
        if self.tap is not None:
            self.tap(self, number, second, time, packet[at : len(packet) - padding])
        return True

    def _number(self, sequence: int) -> int | None:
        """Extended; None: too old."""
        if self._high < 0:
            self._high = 0x10000 + sequence
            return self._high
        step = (sequence - self._high) & 0xFFFF
        if step < 0x8000:
            self._high += step
            return self._high
        late = 0x10000 - step
        return self._high - late if late < REORDERED_MAX else None


class FilmPort:
    """UDP, bound at once. Raises OSError: not to be had. `dropped` counts packets that were nobody's, or not whole."""

    def __init__(self, host: str, port: int) -> None:
        self.dropped = 0
        self._streams: dict[bytes, Stream] = {}
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read, BATCH)

    def add(self, streams: Iterable[Stream]) -> None:
        self._streams.update({rtp.U32.pack(stream.ssrc): stream for stream in streams})

    def remove(self, streams: Iterable[Stream]) -> None:
        for stream in streams:
            self._streams.pop(rtp.U32.pack(stream.ssrc), None)

    def drain(self) -> None:
        """What has come by now."""
        self._read(REST)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self, most: int) -> None:
        for _ in range(most):
            try:
                datagram = self._socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            # Where it came from says nothing: a Janus may have several addresses. The seal says that it is a member's.
            stream = self._streams.get(datagram[8:12]) if 12 < len(datagram) <= DATAGRAM_BYTES_MAX else None
            try:
                self.dropped += stream is None or not stream.take(datagram)
            except Exception as error:  # whatever a member sends costs nobody else's film anything
                log.error("film.fault", error=repr(error)[:200])
