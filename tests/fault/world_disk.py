"""The clock and the disk of `world.py`: events in order; journal records, of which a crash keeps what was synced."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Final

from server.intake.segment import NOWHERE, SEGMENT_HEADER, Damage, Place, StreamState, after, crc32c, scan

WORLD_MS_MAX: Final = 3 * 3600 * 1000  # a scenario that is not done by then never will be


class Broken(AssertionError):
    """A promise of the wire was not kept."""


class Disk:
    """One journal segment: what is synced stays, of the rest a crash keeps any beginning."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.seed = rng, crc32c(0, b"world")
        self.synced = bytearray(SEGMENT_HEADER.size)
        self.unsynced: list[bytes] = []

    def write(self, record: bytes) -> int:
        """Returns where it stands."""
        at = len(self.synced) + sum(map(len, self.unsynced))
        self.unsynced.append(record)
        return at

    def sync(self) -> None:
        self.synced += b"".join(self.unsynced)
        self.unsynced.clear()

    def crash(self, *, forget: int = 0) -> None:
        """The process or the power is gone: of what was not synced some bytes may stand there, torn anywhere."""
        tail = b"".join(self.unsynced)
        self.unsynced.clear()
        self.synced += tail[: self.rng.randint(0, len(tail))]
        if forget:
            del self.synced[max(SEGMENT_HEADER.size, len(self.synced) - forget) :]

    def recover(self) -> tuple[dict[bytes, StreamState], dict[bytes, list[tuple[int, bytes]]]]:
        """The states and bodies (kind, body) of each stream; what is torn at the end is cut off."""
        states: dict[bytes, StreamState] = {}
        bodies: dict[bytes, list[tuple[int, bytes]]] = {}
        for item in scan(bytes(self.synced), 1, self.seed):
            if isinstance(item, Damage):
                if not item.torn:
                    raise Broken("damage in the middle of the journal")
                del self.synced[item.start :]
                break
            before = states.get(item.stream)
            if item.previous != (before.last if before else NOWHERE):
                raise Broken("a record of the journal does not belong")
            state = after(before, item.kind, item.seq, len(item.body), Place(1, item.start))
            if state is None:
                raise Broken("a record stands twice in the journal")
            states[item.stream] = state
            bodies.setdefault(item.stream, []).append((item.kind, item.body))
        return states, bodies


class Time:
    """A heap of what happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, wait_ms: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self.now + wait_ms, self._count, what))

    def run(self, done: Callable[[], bool]) -> None:
        while self._heap and not done():
            self.now, _, what = heapq.heappop(self._heap)
            if self.now > WORLD_MS_MAX:
                raise Broken("not done after three hours of the world's time")
            what()
