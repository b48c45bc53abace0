"""From packets to frames without decoding: VP8 pictures put together in order, Opus out of RED. No socket, no file.

Sources: RFC 7741 (VP8 in RTP), RFC 2198 (RED). What is late is waited for, since the forwarder asks for it again; what
stays away costs its frame and all up to the next key frame, so that no film shows a picture that never was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from server.consult.media import rtp

WAIT_S: Final = 0.8
"""A missing packet is not waited for any longer: by then it was asked for ten times."""
HELD_MAX: Final = 400
FRAME_BYTES_MAX: Final = 1 << 20
OPUS, RED = 111, 63


class Frame(NamedTuple):
    """time: of the sender's clock; number: of its last packet."""

    time: int
    key: bool
    data: bytes
    number: int


class Pictures:
    """One VP8 stream. `lost` counts packets that never came, `dropped` whole frames left out for them."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[float, int, int, bytes]] = {}
        self._next = -1
        self._time = 0
        self._parts: list[bytes] | None = None
        self._key = False
        self.broken = True
        """Nothing can be shown before a key frame."""
        self.lost = self.dropped = 0

    def take(self, number: int, second: int, time: int, payload: bytes, now: float) -> Iterator[Frame]:
        """One packet. number: extended, of the stream; second: the second byte of its head (marker). Whole frames."""
        if self._next < 0:
            self._next = number
        if number < self._next:
            return
        self._held[number] = (now, second, time, payload)
        if number != self._next and (now - min(at for at, *_ in self._held.values()) > WAIT_S or self._is_full()):
            first = min(self._held)
            self.lost += first - self._next
            self._next = first
            self._break()
        while (packet := self._held.pop(self._next, None)) is not None:
            frame = self._add(self._next, *packet[1:])
            self._next += 1
            if frame is not None:
                yield frame

    def _is_full(self) -> bool:
        return len(self._held) > HELD_MAX

    def _break(self) -> None:
        self.broken = True
        if self._parts is not None:
            self._parts = None
            self.dropped += 1

    def _add(self, number: int, second: int, time: int, payload: bytes) -> Frame | None:
        if not payload:
            return None  # nothing but padding
        at = rtp.vp8_offset(payload)
        if at == 0:
            self._break()
            return None
        if payload[0] & 0x17 == 0x10:  # the first packet of partition 0: a frame begins
            if self._parts is not None:
                self._break()
            self._parts, self._time = [], time
            self._key = payload[at] & 1 == 0
        if self._parts is None or time != self._time or sum(map(len, self._parts)) > FRAME_BYTES_MAX:
            self._break()
            return None
        self._parts.append(payload[at:])
        if not second & 0x80:
            return None
        data, self._parts = b"".join(self._parts), None
        if self._key:
            self.broken = False
        if self.broken:
            self.dropped += 1
            return None
        return Frame(time, self._key, data, number)


def opus(second: int, time: int, payload: bytes) -> list[tuple[int, bytes]]:
    """The packets of Opus in one packet of sound, the oldest first, with their times. Our own payload numbers."""
    if second & 0x7F == OPUS:
        return [(time, payload)] if payload else []
    if second & 0x7F != RED:
        return []
    heads: list[tuple[int, int]] = []  # how much earlier, bytes
    at = 0
    while at < len(payload) and payload[at] & 0x80:
        if at + 4 > len(payload):
            return []
        said = int.from_bytes(payload[at + 1 : at + 4], "big")
        heads.append((said >> 10, said & 0x3FF))
        at += 4
    at += 1  # the head of the newest: its payload type alone
    found = []
    for earlier, size in heads:
        if at + size > len(payload):
            return []
        if size:
            found.append(((time - earlier) & 0xFFFFFFFF, payload[at : at + size]))
        at += size
    if at < len(payload):
        found.append((time, payload[at:]))
    return found


def after(time: int, since: int) -> int:
    """How much later `time` is than `since`, both of 32 bits: negative for earlier."""
    step = (time - since) & 0xFFFFFFFF
    return step - (1 << 32) if step & 0x80000000 else step
