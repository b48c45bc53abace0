"""How the intake journal stands in bytes: segment headers, records, footers, and what a stream's records add up to.

Bytes in, values out: no file is opened here (`journal.py` does), so that any damage can be tried in a test.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

import google_crc32c
import msgspec

from ecg.expected import NOT_AS_EXPECTED

BODY_BYTES_MAX: Final = 64 * 1024
FOOTER_BYTES_MAX: Final = 64 * 1024 * 1024

SEGMENT_HEADER = struct.Struct("<8sI16sqI")  # magic, number, random id, created_ms, crc32c of what stands before
_SEGMENT_MAGIC: Final = b"XLJSEG1\n"
RECORD = struct.Struct("<4sIBxxx16siqIII")  # magic, body bytes, kind, stream, seq, device_ms, previous: segment, offset
RECORD_MAGIC: Final = b"XLR1"
TRAILER = struct.Struct("<8sQI")  # magic, offset of the footer record, crc32c seeded by the segment
_TRAILER_MAGIC: Final = b"XLJEND1\n"
_RECORD_HEAD = struct.Struct("<4sIBxxx16siqII")  # RECORD without its checksum
_CRC = struct.Struct("<I")
_CRC_AT: Final = RECORD.size - 4

crc32c: Callable[[int, bytes], int] = google_crc32c.extend


# ---- records: bytes in, bytes out ----


class Kind(IntEnum):
    OPEN = 1
    DATA = 2
    END = 3
    SEALED = 4  # the stream stands in its archive file: its segments may go
    RUN = 5  # data frames that came together: `seq` is that of the last, the body is `run_body`'s
    FOOTER = 9


class Place(NamedTuple):
    """Where a record stands. Segments count from 1; (0, 0) is nowhere."""

    segment: int
    offset: int


NOWHERE: Final = Place(0, 0)


class Record(NamedTuple):
    kind: int
    stream: bytes
    seq: int
    device_ms: int
    previous: Place  # the record before it of the same stream
    body: bytes
    start: int
    end: int


class Damage(NamedTuple):
    """Bytes of a segment that are no record. `torn`: the unfinished tail of the last write, never acknowledged."""

    segment: int
    start: int
    end: int
    torn: bool


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"segment-{number:010d}.journal"


def segment_number(path: Path) -> int:
    """The number in a segment file's name; 0, which no segment has, for a stranger's file."""
    name = path.stem.removeprefix("segment-")
    return int(name) if name.isdecimal() else 0


def segment_header(number: int, random_id: bytes, created_ms: int) -> bytes:
    head = SEGMENT_HEADER.pack(_SEGMENT_MAGIC, number, random_id, created_ms, 0)[:-4]
    return head + struct.pack("<I", crc32c(0, head))


def seed_of(head: bytes, number: int) -> int | None:
    """The seed of a segment's checksums, from its header; None where the header is no header of this segment."""
    if len(head) < SEGMENT_HEADER.size:
        return None
    magic, got, random_id, _, crc = SEGMENT_HEADER.unpack_from(head)
    if magic != _SEGMENT_MAGIC or got != number or crc != crc32c(0, head[: SEGMENT_HEADER.size - 4]):
        return None
    return crc32c(0, random_id)


def record_header(seed: int, kind: int, stream: bytes, seq: int, device_ms: int, previous: Place, body: bytes) -> bytes:
    """The header before `body`. Its checksum covers length and stream, and holds in this segment only."""
    head = _RECORD_HEAD.pack(RECORD_MAGIC, len(body), kind, stream, seq, device_ms, *previous)
    return head + _CRC.pack(crc32c(crc32c(seed, head), body))


def parse(data: bytes, at: int, seed: int) -> Record | None:
    """The record at `at`, or None where there is none that its checksum vouches for."""
    if at + RECORD.size > len(data):
        return None
    magic, length, kind, stream, seq, device_ms, segment, offset, crc = RECORD.unpack_from(data, at)
    if magic != RECORD_MAGIC or length > (FOOTER_BYTES_MAX if kind == Kind.FOOTER else BODY_BYTES_MAX):
        return None
    body_at = at + RECORD.size
    end = body_at + length
    if end > len(data):
        return None
    body = data[body_at:end]
    if crc != crc32c(crc32c(seed, data[at : at + _CRC_AT]), body) or (kind == Kind.RUN and not _is_run(body)):
        return None
    return Record(kind, stream, seq, device_ms, Place(segment, offset), body, at, end)


def plain(record: Record) -> list[Record]:
    """A run as the records of its frames; any other record as it is."""
    if record.kind != Kind.RUN:
        return [record]
    frames = list(frames_of(record.body))
    first = record.seq - len(frames) + 1
    return [
        record._replace(kind=Kind.DATA, seq=first + number, device_ms=device_ms, body=body)
        for number, (device_ms, body) in enumerate(frames)
    ]


def scan(data: bytes, segment: int, seed: int) -> Iterator[Record | Damage]:
    """Every record of a segment, and between them, by name, every range that is none."""
    at = SEGMENT_HEADER.size
    while at < len(data):
        record = parse(data, at, seed)
        if record is not None:
            yield record
            at = record.end
            continue
        after = _next_record(data, at + 1, seed)
        if after is None:
            yield Damage(segment, at, len(data), torn=True)
            return
        yield Damage(segment, at, after, torn=False)
        at = after


def _next_record(data: bytes, at: int, seed: int) -> int | None:
    while (at := data.find(RECORD_MAGIC, at)) >= 0:
        if parse(data, at, seed) is not None:
            return at
        at += 1
    return None


# ---- runs: frames that came together, as one record ----

_NUMBER = struct.Struct("<q")


def run_body(stamps: Sequence[int], samples: bytes) -> bytes:
    """How many frames, the device's clock of each, then the samples of all, of each equally many."""
    return struct.pack(f"<{1 + len(stamps)}q", len(stamps), *stamps) + samples


def _is_run(body: bytes) -> bool:
    frames = _NUMBER.unpack_from(body)[0] if len(body) >= _NUMBER.size else 0
    samples = len(body) - _NUMBER.size * (1 + frames)
    return frames > 0 and samples > 0 and samples % frames == 0


def sample_bytes(kind: int, body: bytes) -> int:
    """Bytes of a record's samples: all of its body but a run's stamps."""
    return len(body) - _NUMBER.size * (1 + _NUMBER.unpack_from(body)[0]) if kind == Kind.RUN else len(body)


def frames_of(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of a run: the device's clock and the samples of each, in order."""
    frames = _NUMBER.unpack_from(body)[0]
    at = _NUMBER.size * (1 + frames)
    size = (len(body) - at) // frames
    for number in range(frames):
        yield _NUMBER.unpack_from(body, _NUMBER.size * (1 + number))[0], body[at + number * size :][:size]


def run_from(body: bytes, last: int, next_seq: int) -> bytes:
    """The run that ends with frame `last`, without its frames before `next_seq`, as far as any remain."""
    skip = next_seq - (last - _NUMBER.unpack_from(body)[0] + 1)
    rest = list(frames_of(body))[skip:] if skip > 0 else []
    return run_body([device_ms for device_ms, _ in rest], b"".join(part for _, part in rest)) if rest else body


# ---- what the records of a stream add up to ----


_SAMPLES: Final = (Kind.DATA, Kind.RUN)


class StreamState(NamedTuple):
    """A stream as far as it stands on the disk."""

    opened: Place
    last: Place
    next_seq: int = 0  # the next record expected: data frames from 0, `end` after the last
    data_bytes: int = 0
    ended: bool = False
    sealed: bool = False

    @property
    def frames(self) -> int:
        """Data frames on the disk."""
        return self.next_seq - 1 if self.ended else self.next_seq


def after(state: StreamState | None, kind: int, seq: int, body_bytes: int, place: Place) -> StreamState | None:
    """The state once this record is written; None when it is a repeat or belongs to no known stream.

    body_bytes  of data, those of its samples (`sample_bytes`).
    """
    if state is None or (kind == Kind.OPEN and state.sealed):
        # What is sealed stands elsewhere for good: its device may begin it anew, as a stream of its own.
        return StreamState(place, place) if kind == Kind.OPEN else None
    if kind in _SAMPLES:  # first, and without a copy by name: one for every packet
        opened, _, next_seq, data_bytes, ended, sealed = state
        if seq < next_seq or ended:
            return None
        return StreamState(opened, place, seq + 1, data_bytes + body_bytes, False, sealed)
    if kind == Kind.SEALED:
        return None if state.sealed else state._replace(last=place, sealed=True)
    if kind == Kind.OPEN or seq < state.next_seq or state.ended:
        return None
    return state._replace(last=place, next_seq=seq + 1, ended=True)


@dataclass
class Segment:
    """A segment file and which streams have records in it."""

    number: int
    path: Path
    seed: int
    streams: set[bytes] = field(default_factory=set)
    unsealed: set[bytes] = field(default_factory=set)
    records: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list)  # if any, the file is kept for whoever looks into it


class _FooterStream(msgspec.Struct, frozen=True, array_like=True):
    uid: bytes
    opened: tuple[int, int]
    last: tuple[int, int]
    next_seq: int
    data_bytes: int
    ended: bool
    sealed: bool


class Footer(msgspec.Struct, frozen=True):
    records: int
    streams: list[_FooterStream]
    damaged: list[tuple[int, int]]
    sealed_elsewhere: list[bytes] = []  # streams of older segments only, sealed by now


def footer(segment: Segment, at: int, states: Mapping[bytes, StreamState]) -> bytes:
    """What closes a segment at offset `at`: the state of each stream it holds, so that a start need not scan it."""
    streams = [_FooterStream(uid, *states[uid]) for uid in segment.streams]
    elsewhere = [uid for uid, state in states.items() if state.sealed and uid not in segment.streams]
    body = msgspec.msgpack.encode(Footer(segment.records, streams, segment.damaged, elsewhere))
    record = record_header(segment.seed, Kind.FOOTER, bytes(16), segment.number, 0, NOWHERE, body) + body
    trailer = TRAILER.pack(_TRAILER_MAGIC, at, 0)[:-4]
    return record + trailer + struct.pack("<I", crc32c(segment.seed, trailer))


def footer_at(tail: bytes, seed: int) -> int | None:
    """Where the footer record stands, from the last bytes of the file; None for a segment that was never closed."""
    if len(tail) < TRAILER.size:
        return None
    magic, offset, crc = TRAILER.unpack_from(tail, len(tail) - TRAILER.size)
    if magic != _TRAILER_MAGIC or crc != crc32c(seed, tail[-TRAILER.size : -4]):
        return None
    return int(offset)


def footer_in(body: bytes) -> Footer | None:
    """What a footer record says; None where its body is none, whatever its checksum says."""
    try:
        return msgspec.msgpack.decode(body, type=Footer)
    except NOT_AS_EXPECTED:
        return None
