"""What a start finds in the intake journal's folder: torn tails cut off, damage named, streams added up.

Closed segments are trusted by their footer, the others scanned and closed. Also which segments nobody needs any more;
the writer asks that too, each time it has closed one. What a record says is `segment.py`'s, the writer is `journal.py`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from server.intake.disk import Disk
from server.intake.segment import (
    NOWHERE,
    SEGMENT_HEADER,
    TRAILER,
    Damage,
    Kind,
    Place,
    Segment,
    StreamState,
    after,
    footer,
    footer_at,
    footer_in,
    parse,
    sample_bytes,
    scan,
    seed_of,
    segment_number,
)


@dataclass
class Findings:
    states: dict[bytes, StreamState] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    torn: list[Damage] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    stranded: int = 0
    retired: set[bytes] = field(default_factory=set)  # streams of which retention has deleted a part: they were sealed
    scanned_bytes: int = 0


def recover(folder: Path, disk: Disk) -> Findings:
    found = Findings()
    paths = sorted(folder.glob("segment-*.journal"))
    for path in paths:
        number = segment_number(path)
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _recover_segment(found, fd, path, number, is_last=path == paths[-1], disk=disk)
        finally:
            os.close(fd)
    for segment in found.segments.values():
        segment.unsealed = {uid for uid in segment.streams if not found.states[uid].sealed}
    drop_free_segments(found.segments, found.states, folder, disk)
    return found


def _recover_segment(found: Findings, fd: int, path: Path, number: int, *, is_last: bool, disk: Disk) -> None:
    size = os.fstat(fd).st_size
    seed = seed_of(os.pread(fd, SEGMENT_HEADER.size, 0), number)
    if seed is None:
        _without_header(found, path, number, size, is_last=is_last, disk=disk)
        return
    segment = found.segments[number] = Segment(number, path, seed)
    if _take_footer(found, segment, fd, size):
        return
    data = os.pread(fd, size, 0)
    while len(data) < size:
        data += os.pread(fd, size - len(data), len(data))
    found.scanned_bytes += size
    end = _take_records(found, segment, data, is_last=is_last)
    if end < size:
        disk.truncate(fd, end)
        disk.sync(fd)
    # Closed now, so that the next start need not scan it and the writer always begins a segment of its own.
    os.lseek(fd, end, os.SEEK_SET)
    disk.write(fd, [footer(segment, end, found.states)])
    disk.sync(fd)


def _without_header(found: Findings, path: Path, number: int, size: int, *, is_last: bool, disk: Disk) -> None:
    """The header is synced before anything in a segment is acknowledged: an unfinished last one holds nothing."""
    if is_last and size <= SEGMENT_HEADER.size:
        path.unlink()
        disk.sync_folder(path.parent)
        found.torn.append(Damage(number, 0, size, torn=True))
    else:
        path.rename(path.with_suffix(".damaged"))
        disk.sync_folder(path.parent)
        found.damaged.append(Damage(number, 0, size, torn=False))


def _take_footer(found: Findings, segment: Segment, fd: int, size: int) -> bool:
    offset = footer_at(os.pread(fd, TRAILER.size, max(0, size - TRAILER.size)), segment.seed)
    if offset is None or offset >= size:
        return False
    record = parse(os.pread(fd, size - offset, offset), 0, segment.seed)
    content = None if record is None or record.kind != Kind.FOOTER else footer_in(record.body)
    if content is None:
        found.damaged.append(Damage(segment.number, offset, size, torn=False))
        segment.damaged.append((offset, size))
        return False
    segment.records, segment.damaged = content.records, content.damaged
    found.damaged += [Damage(segment.number, start, end, torn=False) for start, end in content.damaged]
    for entry in content.streams:
        opened, last = Place(*entry.opened), Place(*entry.last)
        state = StreamState(opened, last, entry.next_seq, entry.data_bytes, entry.ended, entry.sealed)
        found.states[entry.uid] = state
        segment.streams.add(entry.uid)
    for uid in content.sealed_elsewhere:
        if uid in found.states:
            found.states[uid] = found.states[uid]._replace(sealed=True)
    return True


def _take_records(found: Findings, segment: Segment, data: bytes, *, is_last: bool) -> int:
    """Add up the records of an unclosed segment. Returns where its sound part ends."""
    end = SEGMENT_HEADER.size
    for item in scan(data, segment.number, segment.seed):
        if isinstance(item, Damage):
            if item.torn and is_last:
                found.torn.append(item)
                return item.start
            found.damaged.append(item._replace(torn=False))
            segment.damaged.append((item.start, item.end))
            end = item.end
            continue
        end = item.end
        if item.kind == Kind.FOOTER:
            continue  # a footer whose trailer was torn away
        # An open that follows on nothing begins its stream anew: what stood before was damaged and given up (`open`).
        begins = item.kind == Kind.OPEN and item.previous == NOWHERE
        before = None if begins else found.states.get(item.stream)
        belongs = item.previous == (before.last if before else NOWHERE)
        place = Place(segment.number, item.start)
        state = after(before, item.kind, item.seq, sample_bytes(item.kind, item.body), place) if belongs else None
        if state is None:
            # Sound, but behind damage; or behind a segment that retention deleted: then the whole stream was sealed.
            if item.previous != NOWHERE and item.previous.segment not in found.segments:
                found.retired.add(item.stream)
            found.stranded += item.stream not in found.retired
            continue
        segment.records += 1
        found.states[item.stream] = state
        segment.streams.add(item.stream)
    return end


def drop_free_segments(
    segments: dict[int, Segment], states: dict[bytes, StreamState], folder: Path, disk: Disk
) -> None:
    """Delete closed segments all of whose streams are sealed, and forget streams that stand nowhere any more.

    While anything stays, the newest closed segment does too: that a stream which also stands in an older segment is
    sealed is said in the footer of the newest alone, once the segment with its mark has gone.
    """
    free = [s for s in segments.values() if not s.unsealed and not s.damaged]
    if len(free) < len(segments):
        free = [s for s in free if s.number != max(segments)]
    for segment in free:
        segment.path.unlink()
        del segments[segment.number]
    if free:
        disk.sync_folder(folder)
    for uid in set().union(*(s.streams for s in free)):
        if not any(uid in s.streams for s in segments.values()):
            states.pop(uid, None)
