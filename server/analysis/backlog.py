"""Packets of live recordings that have come and were not sent to the monitors yet: bounded, urgent ones first.

Beyond its bound the oldest whole stretch of the least urgent goes: a monitor begins anew after any gap, so one great
gap is better than many small ones. Pure; knows no process and no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from server.analysis.line import Packet
from server.base.live import Samples

BYTES_MAX: Final = 16 * 1024 * 1024
"""Of all recordings together: seven seconds of 200 recordings."""
PACKET_BYTES: Final = 200
"""What a packet takes besides its samples."""
BATCH_PACKETS, BATCH_BYTES = 32, 256 * 1024
"""Of one message, about: work of a few milliseconds up to a tenth of a second."""


@dataclass
class _Stretch:
    """What waits of one recording; `since`: when the first of it came."""

    since: float
    packets: deque[Samples] = field(default_factory=deque)


class Backlog:
    """By the key of the recording's monitor. `dropped` counts the stretches that found no place."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._routine: dict[int, _Stretch] = {}  # who waits longest stands first
        self._urgent: dict[int, _Stretch] = {}
        self.bytes = 0
        self.dropped = 0

    def __contains__(self, key: int) -> bool:
        return key in self._routine or key in self._urgent

    def __bool__(self) -> bool:
        return bool(self._routine or self._urgent)

    @property
    def oldest(self) -> float | None:
        """Since when something has been waiting."""
        firsts = [next(iter(queue.values())).since for queue in (self._routine, self._urgent) if queue]
        return min(firsts, default=None)

    def put(self, key: int, packet: Samples, now: float, *, urgent: bool) -> None:
        queue = self._urgent if urgent else self._routine
        stretch = queue.get(key)
        if stretch is None:
            stretch = queue[key] = _Stretch(now)
        stretch.packets.append(packet)
        self.bytes += _size(packet)
        while self.bytes > self._bytes_max:
            self.drop(next(iter(self._routine or self._urgent)))

    def drop(self, key: int) -> None:
        """Throw away what waits of this recording."""
        stretch = self._routine.pop(key, None) or self._urgent.pop(key, None)
        if stretch is not None:
            self.bytes -= sum(map(_size, stretch.packets))
            self.dropped += 1

    def take(self) -> list[Packet]:
        """The next batch; empty: nothing waits."""
        batch: list[Packet] = []
        size = 0
        for queue in (self._urgent, self._routine):
            for key, stretch in list(queue.items()):
                while stretch.packets:
                    if len(batch) >= BATCH_PACKETS or size >= BATCH_BYTES:
                        return batch
                    samples = stretch.packets.popleft()
                    batch.append(Packet(key, samples.first, samples.gain_uv_per_lsb, samples.raw))
                    size += len(samples.raw)
                    self.bytes -= _size(samples)
                del queue[key]
        return batch


def _size(packet: Samples) -> int:
    return len(packet.raw) + PACKET_BYTES
