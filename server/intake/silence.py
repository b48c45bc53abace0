"""Recordings whose device is silent for long: who has become so. A recording that never ends must not stay for ever.

Pure but for the file times it is told: how far each stream stood on the disk when it was last looked at, and when that
was. What becomes of a silent one is the gateway's business (`Gateway.end_silent`), so that the path of a frame carries
nothing of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

HUB_ENDED: Final = b"{"
"""The first byte of an end that the hub wrote itself: JSON, where a device's end begins with its kind."""


class HubEnd(msgspec.Struct, frozen=True):
    """The body of the journal record by which the hub ends a stream: from here on it takes nothing more of it."""

    silent_s: int


def hub_end(body: bytes) -> HubEnd | None:
    """None: it is a device's. Raises one of `NOT_AS_EXPECTED`."""
    return msgspec.json.decode(body, type=HubEnd) if body.startswith(HUB_ENDED) else None


@dataclass(frozen=True)
class _Seen:
    next_seq: int
    at_s: float


class Silence:
    """What stood on the disk of each unsealed stream, and since when. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._seen: dict[bytes, _Seen] = {}

    def begin(self, uid: bytes, next_seq: int, now_s: float, silent_s: float) -> None:
        """A stream found at the start, of which nothing came for `silent_s`."""
        self._seen[uid] = _Seen(next_seq, now_s - max(0.0, silent_s))

    def look(self, streams: Mapping[bytes, int], now_s: float) -> dict[bytes, float]:
        """How long each of `streams` (uid to the next record expected) has been silent, in seconds."""
        before, self._seen = self._seen, {}
        silent: dict[bytes, float] = {}
        for uid, next_seq in streams.items():
            seen = before.get(uid)
            if seen is None or seen.next_seq != next_seq:
                seen = _Seen(next_seq, now_s)
            self._seen[uid] = seen
            silent[uid] = now_s - seen.at_s
        return silent

    def wake(self, now_s: float) -> None:
        """Nobody could send: all begin to be silent anew."""
        self._seen = {uid: _Seen(seen.next_seq, now_s) for uid, seen in self._seen.items()}
