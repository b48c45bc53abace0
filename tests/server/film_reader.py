"""What stands in a WebM, read back by its own rules and not by the code that wrote it. For tests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

SEGMENT, CLUSTER, TIME, BLOCK, INFO, DURATION = 0x18538067, 0x1F43B675, 0xE7, 0xA3, 0x1549A966, 0x4489
TRACKS, TRACK, CUES, CUE, CUE_TIME, CUE_PLACE, CUE_AT = 0x1654AE6B, 0xAE, 0x1C53BB6B, 0xBB, 0xB3, 0xB7, 0xF1


@dataclass(frozen=True)
class Kept:
    track: int
    ms: int
    key: bool
    data: bytes


@dataclass
class Film:
    blocks: list[Kept] = field(default_factory=list)
    duration_ms: float = 0
    tracks: int = 0
    cues: dict[int, int] = field(default_factory=dict)
    """Time -> time of the cluster that stands there."""

    def of(self, track: int) -> list[Kept]:
        return [block for block in self.blocks if block.track == track]


def elements(raw: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int]]:
    """(id, where its content begins, where it ends) of each element; what is not whole is an error."""
    at, end = begin, len(raw) if end is None else end
    while at < end:
        width = 9 - raw[at].bit_length()
        name = int.from_bytes(raw[at : at + width], "big")
        at += width
        width = 9 - raw[at].bit_length()
        size = int.from_bytes(raw[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        assert at + size <= end, "cut off"
        yield name, at, at + size
        at += size


def read(raw: bytes) -> Film:
    film = Film()
    segment = next((a, b) for name, a, b in elements(raw) if name == SEGMENT)
    clusters: dict[int, int] = {}
    cues: dict[int, int] = {}
    for name, a, b in elements(raw, *segment):
        if name == INFO:
            (film.duration_ms,) = (
                struct.unpack_from(">d", raw, x)[0] for n, x, _ in elements(raw, a, b) if n == DURATION
            )
        elif name == TRACKS:
            film.tracks = sum(n == TRACK for n, *_ in elements(raw, a, b))
        elif name == CUES:
            for _, x, y in elements(raw, a, b):
                inside = {n: (p, q) for n, p, q in elements(raw, x, y)}
                (place,) = ((p, q) for n, p, q in elements(raw, *inside[CUE_PLACE]) if n == CUE_AT)
                cues[_number(raw, *inside[CUE_TIME])] = _number(raw, *place)
        elif name == CLUSTER:
            time = next(_number(raw, x, y) for n, x, y in elements(raw, a, b) if n == TIME)
            clusters[raw.rindex(b"\x1f\x43\xb6\x75", 0, a) - segment[0]] = time
            film.blocks += [_block(raw[x:y], time) for n, x, y in elements(raw, a, b) if n == BLOCK]
    film.cues = {at: clusters[place] for at, place in cues.items()}
    return film


def _number(raw: bytes, a: int, b: int) -> int:
    return int.from_bytes(raw[a:b], "big")


def _block(raw: bytes, time: int) -> Kept:
    ms, flags = struct.unpack_from(">hB", raw, 1)
    return Kept(raw[0] & 0x7F, time + ms, bool(flags & 0x80), raw[4:])
