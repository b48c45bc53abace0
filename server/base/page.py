"""What one open page is sent: straight onto its line while it takes that, else into a queue that is bounded.

A frame is built once, however many pages hear it, and goes to each by one call: no task wakes up for it. What only
counts while it is new (a pointer, the shared view) never waits behind itself: of each kind the last one is kept. On a
narrow line it goes ten times a second, because everything else there stands behind it. Who hears what: `live`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import Final

OUTBOX_MAX: Final = 1000
OUTBOX_BYTES_MAX: Final = 4 << 20
SAMPLES_BYTES_MAX: Final = 2 << 20
"""What a page may leave unread of live samples; beyond it they are skipped up to the newest packet."""
DIRECT_BYTES_MAX: Final = 16 << 10
"""Not yet taken by the kernel: beyond it a page gets no more until it has caught up."""
FLEETING_BYTES_MAX: Final = 1 << 10
"""The same for what only counts while it is new."""
NARROW_S: Final = 0.1
NARROW_BYTES: Final = 600
"""Of what is fleeting, each NARROW_S: the whole of it would be more than a line of 150 kbit/s has left."""
AGAIN_S: Final = 0.02
LOOK_S: Final = 0.25
QUEUED_US: Final = 100_000
"""So much longer than at its best takes an answer on a line in which something waits."""
HOLD_S, HOLD_S_MAX = 5.0, 60.0

_TEXT, _BINARY = 0x81, 0x82
_LONG, _LONGER = struct.Struct("!BBH"), struct.Struct("!BBQ")
_U32 = struct.Struct("=I")
_RTT_AT, _MIN_RTT_AT, _INFO_BYTES = 68, 148, 152  # of `struct tcp_info`, linux/tcp.h


def frame(payload: bytes, kind: int = _TEXT) -> bytes:
    """As RFC 6455 has it from a server: whole, not masked."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return _LONG.pack(kind, 126, size) + payload
    return _LONGER.pack(kind, 127, size) + payload


def samples_frame(payload: bytes) -> bytes:
    return frame(payload, _BINARY)


class Line:
    """Whether a page's line is narrow now, as the kernel's own measure of its round trips says (Linux; else never)."""

    def __init__(self, sock: socket.socket | None) -> None:
        self._sock = sock
        self._look_at = self._until = 0.0
        self._hold_s = HOLD_S

    def is_narrow(self, now: float) -> bool:
        if self._sock is not None and now >= self._look_at:
            self._look_at = now + LOOK_S
            self._judge(self._queued_us(self._sock), now)
        return now < self._until

    def _judge(self, queued_us: int, now: float) -> None:
        """A line that fills again as soon as it is trusted is trusted later each time."""
        if queued_us <= QUEUED_US:
            return
        if now >= self._until:
            again = self._until > 0 and now - self._until < self._hold_s
            self._hold_s = min(2 * self._hold_s, HOLD_S_MAX) if again else HOLD_S
        self._until = now + self._hold_s

    def _queued_us(self, sock: socket.socket) -> int:
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        except (OSError, AttributeError):  # no TCP, gone, or another system
            self._sock = None
            return 0
        if len(info) < _INFO_BYTES:
            self._sock = None
            return 0
        return int(_U32.unpack_from(info, _RTT_AT)[0]) - int(_U32.unpack_from(info, _MIN_RTT_AT)[0])


def unsent_bytes(wire: asyncio.WriteTransport) -> int:
    """What the other side has not taken yet; 0 once it closes: of TLS that was dropped, CPython 3.11 fails to say."""
    return 0 if wire.is_closing() else wire.get_write_buffer_size()


class Outbox:
    """What waits for one page. wire: its connection; None: everything waits (tests)."""

    def __init__(self, wire: asyncio.Transport | None) -> None:
        self._wire = wire
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self.sample_bytes = 0  # of them
        self._newest: dict[str, bytes] = {}
        self._newest_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.filled = asyncio.Event()
        self.lagging = False
        self.line = Line(None if wire is None else wire.get_extra_info("socket"))
        if wire is not None:
            wire.set_write_buffer_limits(high=DIRECT_BYTES_MAX, low=FLEETING_BYTES_MAX)

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, whole: bytes) -> None:
        """What a page must not miss. One that reads slower than the log grows is cut off and comes back (`lagging`)."""
        if self.lagging:
            return
        if not self._waiting and self._takes(DIRECT_BYTES_MAX):
            self._write(whole)
            return
        if len(self._waiting) >= OUTBOX_MAX or self._bytes > OUTBOX_BYTES_MAX:
            self.lagging = True
        else:
            self._keep(whole)
        self.filled.set()

    def show(self, packet: bytes) -> None:
        """Samples. A page that does not keep up misses some, and draws a gap by their numbers."""
        if self.lagging:
            return
        if not self._waiting and self._takes(DIRECT_BYTES_MAX):
            self._write(packet)
            return
        if self.sample_bytes > SAMPLES_BYTES_MAX or len(self._waiting) > OUTBOX_MAX // 2:
            self._waiting = deque(kept for kept in self._waiting if kept[0] != _BINARY)
            self._bytes -= self.sample_bytes
            self.sample_bytes = 0
        self.sample_bytes += len(packet)
        self._keep(packet)
        self.filled.set()

    def show_newest(self, key: str, whole: bytes) -> None:
        """Of the same key only the last counts: what it replaces is not sent if it has not been yet."""
        if self._timer is None and not self._waiting and self._takes(FLEETING_BYTES_MAX):
            now = asyncio.get_running_loop().time()
            narrow = self.line.is_narrow(now)
            if not narrow or now >= self._newest_at:
                self._newest_at = now + NARROW_S
                self._write(whole)
                return
        self._newest[key] = whole
        if self._timer is None:
            self._later(AGAIN_S)

    def take(self) -> bytes | None:
        """The next frames in one piece, as much as may be on the way at once; None: nothing waits."""
        if not self._waiting:
            return None
        taken: list[bytes] = []
        size = 0
        while self._waiting and size < DIRECT_BYTES_MAX:
            whole = self._waiting.popleft()
            size += len(whole)
            self.sample_bytes -= len(whole) if whole[0] == _BINARY else 0
            taken.append(whole)
        self._bytes -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def write_on(self) -> None:
        """The line takes something again."""
        taken = self.take()
        if taken is not None and self._wire is not None and not self._wire.is_closing():
            self._write(taken)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wire = None

    def _takes(self, most: int) -> bool:
        wire = self._wire
        return wire is not None and not wire.is_closing() and unsent_bytes(wire) < most

    def _write(self, whole: bytes) -> None:
        assert self._wire is not None
        self._wire.write(whole)

    def _keep(self, whole: bytes) -> None:
        self._bytes += len(whole)
        self._waiting.append(whole)

    def _later(self, after_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(after_s, self._newest_on)

    def _newest_on(self) -> None:
        """What waited as the newest of its kind goes, as far as the line takes it."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        narrow = self.line.is_narrow(now)
        if self.lagging or self._wire is None or self._wire.is_closing():
            self._newest.clear()
            return
        size = 0
        while (
            self._newest
            and not self._waiting
            and self._takes(FLEETING_BYTES_MAX)
            and (not narrow or size < NARROW_BYTES)
            and (not narrow or size > 0 or now >= self._newest_at)
        ):
            key = next(iter(self._newest))
            whole = self._newest.pop(key)
            size += len(whole)
            self._write(whole)
        if size:
            self._newest_at = now + NARROW_S
        if self._newest:
            self._later(NARROW_S if narrow else AGAIN_S)
