"""What stands in a part of a film: the words that its writer (`reel`) and its reader (`films.parts`) share.

A sealed file: a head, then clusters of WebM, at last its end. The note of a cluster says when it begins and whether a
picture may be begun there; what a crash cut off has no end.
"""

from __future__ import annotations

from typing import Final

import msgspec

SUFFIX: Final = ".part"
CLUSTER_MS: Final = 1500
"""Written and durable so often: with what is waited for, no more than two seconds are lost by a crash."""
END: Final = 0xFFFF_FFFF
"""The note of the end."""


class PartHead(msgspec.Struct, frozen=True):
    """The first piece of a part. first_ms: where it begins in the film; picture: width and height."""

    account: str
    seat: str
    first_ms: int
    picture: tuple[int, int] | None


class PartEnd(msgspec.Struct, frozen=True):
    """The last piece, of a part that was closed. last_ms: of the part; dropped: pictures left out for lost packets."""

    last_ms: int
    dropped: int


def note(ms: int, *, key: bool) -> int:
    return ms << 1 | key


def read_note(said: int) -> tuple[int, bool]:
    """ms, key."""
    return said >> 1, bool(said & 1)
