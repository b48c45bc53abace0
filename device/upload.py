"""The device's side of the wire: what it answers to the hub, how it sends within its credit, where it goes on.

Rules only, as on the hub's side in `session.py`: no socket, clock or disk. `client.py` moves the bytes; where the
samples come from is the `Upload`'s business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from device.errors import HistoryGone, OutOfOrder
from device.frames import (
    VERSION,
    Ack,
    Challenge,
    Clock,
    End,
    Error,
    Frame,
    Hello,
    Nack,
    Opened,
    Opening,
    Piece,
    Ping,
    Pong,
    Proof,
    Receipt,
    Welcome,
    Why,
    encode,
    error_of,
    proof_of,
)
from device.session import Send


class Upload(Protocol):
    """A recording (or a file) on its way out, as the device keeps it until the receipt.

    `opening` names it; `frames` is how many pieces exist by now, `kept_from` the first the device still has;
    `frame()` cuts one; `end()` is None while more samples may come.
    """

    @property
    def opening(self) -> Opening: ...
    @property
    def frames(self) -> int: ...
    @property
    def kept_from(self) -> int: ...
    def frame(self, stream: int, seq: int) -> Piece: ...
    def end(self, stream: int) -> End | None: ...


@dataclass(frozen=True)
class Done:
    """The hub has the recording for good."""

    receipt: Receipt


@dataclass(frozen=True)
class Hold:
    """The hub cannot store anything now: send no pieces for so long."""

    ms: int


DeviceEffect = Send | Done | Hold

PINGS: Final = 4
"""Pings of one look at the clock: the quickest answer says the most."""


@dataclass
class _Outgoing:
    upload: Upload
    cursor: int = 0  # the frame to send next
    safe: int = 0  # frames below this are on the hub's disk
    limit: int = 0
    is_open: bool = False
    end_sent: bool = False
    urgent: bool = False


class DeviceSession:
    """The device's side of one connection. A new connection takes a new one; the uploads go on."""

    def __init__(self, device_id: str, key: bytes, software: str) -> None:
        self.flying_max: int | None = None  # bytes without an ack, where less than the hub's window is wise
        self._key = key
        self._hello = Hello(device=device_id, version=VERSION, software=software)
        self._welcome: Welcome | None = None
        self._streams: dict[int, _Outgoing] = {}
        self._numbers = 0
        self._flying: deque[tuple[int, int, int]] = deque()  # (stream, seq, bytes) sent, not acknowledged
        self._flying_bytes = self._landed_bytes = 0
        self._hold_until_ms = self._hold_ms = 0
        self._best: tuple[int, int] | None = None  # round trip and offset of the quickest pong of this look
        self._pings_left = 0

    @property
    def welcome(self) -> Welcome | None:
        return self._welcome

    @property
    def safe_frames(self) -> int:
        """Frames of all streams of this connection that the hub has on its disk."""
        return sum(out.safe for out in self._streams.values())

    @property
    def landed_bytes(self) -> int:
        """Bytes of pieces that were sent on this connection and acknowledged."""
        return self._landed_bytes

    def progress(self) -> dict[bytes, float]:
        """How much of each offered upload the hub has on its disk, 0 to 1, by uid."""
        return {out.upload.opening.uid: out.safe / max(1, out.upload.frames) for out in self._streams.values()}

    def start(self) -> list[DeviceEffect]:
        return [Send(self._hello)]

    def offer(self, upload: Upload, now_ms: int, *, urgent: bool = False) -> list[DeviceEffect]:
        """Begin or resume an upload on this connection, now or as soon as the hub has said welcome.

        urgent  its pieces go before those of all that are not.
        """
        number = self._numbers
        self._numbers += 1
        self._streams[number] = _Outgoing(upload, urgent=urgent)
        return [] if self._welcome is None else [self._open(number, now_ms)]

    def receive(self, frame: Frame, now_ms: int) -> list[DeviceEffect]:
        """Raises what the hub refused (as the same WireError), or OutOfOrder for a hub that breaks the rules."""
        match frame:
            case Challenge():
                mac = proof_of(self._key, frame.nonce, encode(self._hello), now_ms)
                return [Send(Proof(mac=mac, device_ms=now_ms))]
            case Welcome():
                self._welcome = frame
                return [self._open(number, now_ms) for number in self._streams]
            case Opened():
                return self._on_opened(frame)
            case Ack():
                return self._on_ack(frame)
            case Nack():
                return self._on_nack(frame, now_ms)
            case Receipt():
                return self._on_receipt(frame)
            case Pong():
                return self._on_pong(frame, now_ms)
            case Error():
                raise error_of(frame)
            case _:
                raise OutOfOrder(frame=frame.NAME, state="on the device's side")

    def look_at_clock(self, now_ms: int) -> list[DeviceEffect]:
        """Begin to measure how far the hub's clock is from ours; the result goes to the hub as `clock`."""
        self._best, self._pings_left = None, PINGS
        return [Send(Ping(now_ms))]

    def pump(self, now_ms: int, *, urgent_only: bool = False, pieces_max: int | None = None) -> list[DeviceEffect]:
        """Everything the credit lets out now: call it after `receive` and when an upload has grown.

        urgent_only  only what is urgent; pieces_max  so many pieces, then call it again: for a line with a limit.
        """
        # A clock that was set back must not make a hold of seconds one of hours.
        if self._welcome is None or 0 < self._hold_until_ms - now_ms <= self._hold_ms:
            return []
        effects: list[DeviceEffect] = []
        room = self._welcome.window_bytes
        if self.flying_max is not None:
            room = min(room, self.flying_max)
        for number, out in sorted(self._streams.items(), key=lambda stream: not stream[1].urgent):
            if urgent_only and not out.urgent:
                break
            while out.is_open and out.cursor < min(out.limit, out.upload.frames):
                if len(effects) == pieces_max:
                    return effects
                data = out.upload.frame(number, out.cursor)
                if self._flying and self._flying_bytes + data.size > room:
                    return effects
                effects.append(Send(data))
                self._flying.append((number, out.cursor, data.size))
                self._flying_bytes += data.size
                out.cursor += 1
            end = out.upload.end(number) if out.is_open and out.cursor == out.upload.frames else None
            if end is not None and not out.end_sent:
                out.end_sent = True
                effects.append(Send(end))
        return effects

    def _open(self, number: int, now_ms: int) -> Send:
        opening = self._streams[number].upload.opening
        return Send(msgspec.structs.replace(opening, stream=number, device_ms=now_ms))

    def _on_opened(self, frame: Opened) -> list[DeviceEffect]:
        out = self._stream(frame.stream, "opened")
        self._check_kept(out, frame.next_seq)
        out.cursor = out.safe = frame.next_seq
        out.limit, out.is_open = frame.limit, True
        return []

    def _on_ack(self, frame: Ack) -> list[DeviceEffect]:
        out = self._stream(frame.stream, "ack")
        out.safe, out.limit = max(out.safe, frame.next_seq), max(out.limit, frame.limit)
        out.cursor = max(out.cursor, out.safe)
        before = self._flying_bytes
        self._landed(lambda stream, seq: stream == frame.stream and seq < out.safe)
        self._landed_bytes += before - self._flying_bytes
        return []

    def _on_nack(self, frame: Nack, now_ms: int) -> list[DeviceEffect]:
        out = self._stream(frame.stream, "nack")
        if frame.why == Why.FULL:
            self._hold_ms, self._hold_until_ms = frame.retry_after_ms, now_ms + frame.retry_after_ms
            return [Hold(frame.retry_after_ms)]
        self._check_kept(out, frame.next_seq)
        out.cursor, out.end_sent = max(out.safe, frame.next_seq), False
        self._landed(lambda stream, seq: stream == frame.stream and seq >= frame.next_seq)
        return []

    def _on_pong(self, frame: Pong, now_ms: int) -> list[DeviceEffect]:
        """Cristian 1989: the hub's time lies in the middle of the way there and back, wrong by half of it at most."""
        if not self._pings_left:
            return []
        round_trip_ms = max(0, now_ms - frame.device_ms)
        found = (round_trip_ms, frame.hub_ms - (frame.device_ms + now_ms) // 2)
        self._best = found if self._best is None else min(self._best, found)
        self._pings_left -= 1
        if self._pings_left:
            return [Send(Ping(now_ms))]
        round_trip_ms, offset_ms = self._best
        return [Send(Clock(offset_ms, (round_trip_ms + 1) // 2))]

    def _on_receipt(self, frame: Receipt) -> list[DeviceEffect]:
        over = {number for number, out in self._streams.items() if out.upload.opening.uid == frame.uid}
        for number in over:
            del self._streams[number]
        self._landed(lambda stream, _: stream in over)
        return [Done(frame)]

    def _landed(self, gone: Callable[[int, int], bool]) -> None:
        """Take what is acknowledged, or will be sent again, off the count of flying bytes."""
        self._flying = deque(entry for entry in self._flying if not gone(entry[0], entry[1]))
        self._flying_bytes = sum(size for _, _, size in self._flying)

    def _stream(self, number: int, name: str) -> _Outgoing:
        out = self._streams.get(number)
        if out is None:
            raise OutOfOrder(frame=name, state=f"stream {number} is not open")
        return out

    def _check_kept(self, out: _Outgoing, wanted: int) -> None:
        if not out.upload.kept_from <= wanted <= out.upload.frames:
            raise HistoryGone(wanted=wanted, kept=out.upload.kept_from)
