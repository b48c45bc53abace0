"""E2 without special hardware: one small journal, cut, torn and with every bit of it flipped in turn.

Two kinds of journal: one that was being written when the power failed (no footer), and one that was closed. In the
first, whatever is missing at the end was never acknowledged; anything else that does not fit is damage and must be
named. Never, whatever happens to the bytes, is a sample served that no device sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from server.intake.disk import Disk
from server.intake.journal import Journal, JournalDamaged, Recovery
from server.intake.segment import SEGMENT_HEADER, Kind, Record, scan, seed_of, segment_path
from tests.server.test_journal import A, B, bodies, reopened, running

SECTORS = (512, 4096)


class InMemory(Disk):
    """What is tried here thousands of times need not reach a disk."""

    def sync(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


@dataclass(frozen=True)
class Written:
    """A journal's one segment, and what stands in it: where each record ends, which body each frame has."""

    data: bytes
    ends: tuple[int, ...]
    frames: dict[tuple[bytes, int], bytes]


@dataclass(frozen=True)
class Found:
    """What a start on some bytes found, and every sample that could then be read."""

    recovery: Recovery
    frames: dict[tuple[bytes, int], bytes]
    refused: frozenset[bytes]  # streams whose reading raised JournalDamaged
    scrub: int

    @property
    def named(self) -> bool:
        return bool(self.recovery.damaged or self.refused or self.scrub)


def written(folder: Path, frames: int, size: int) -> Written:
    with running(folder) as watched:
        for uid in (A, B):
            watched.append(uid, -1, Kind.OPEN, b"open")
        for seq in range(frames):
            for uid in (A, B):
                watched.append(uid, seq, Kind.DATA, bytes([seq, uid[0]]) * (size // 2))
        watched.stored(B, frames - 1)
    data = segment_path(folder, 1).read_bytes()
    records = [item for item in scan(data, 1, seed_of(data, 1) or 0) if isinstance(item, Record)]
    bodies = {(record.stream, record.seq): record.body for record in records if record.kind == Kind.DATA}
    return Written(data, tuple(record.end for record in records), bodies)


def started_on(folder: Path, data: bytes) -> Found:
    """Start a journal on these bytes, read all it has, and start once more: the second start must say the same."""
    for path in folder.glob("segment-*"):
        path.unlink()
    segment_path(folder, 1).write_bytes(data)
    journal, recovery = Journal.open(folder, lambda: 0, InMemory())
    frames: dict[tuple[bytes, int], bytes] = {}
    refused = set[bytes]()
    for uid, state in journal.streams.items():
        try:
            frames |= {(uid, r.seq): r.body for r in journal.read(state) if r.kind == Kind.DATA}
        except JournalDamaged:
            refused.add(uid)
    scrub = len(journal.scrub())
    journal.close()
    journal, again = Journal.open(folder, lambda: 0, InMemory())
    journal.close()
    assert again.torn == (), "a torn tail is cut off once"
    assert {(s.uid, s.state) for s in again.streams} == {(s.uid, s.state) for s in recovery.streams}
    return Found(recovery, frames, frozenset(refused), scrub)


def cuts(whole: Written) -> Iterator[int]:
    """Every sector's boundary, and each record's end with the bytes beside it."""
    for sector in SECTORS:
        yield from range(0, len(whole.data), sector)
    for end in whole.ends:
        yield from (end - 1, end, end + 1)


def test_whatever_is_missing_at_the_end_costs_only_what_was_not_whole(tmp_path: Path) -> None:
    whole = written(tmp_path / "first", 20, 700)
    for cut in sorted(set(cuts(whole))):
        found = started_on(tmp_path / "first", whole.data[:cut])
        assert (found.recovery.damaged, found.recovery.stranded, found.refused) == ((), 0, frozenset()), cut
        whole_records = sum(end <= cut for end in whole.ends)
        assert len(found.frames) == max(0, whole_records - 2), cut
        assert found.frames.items() <= whole.frames.items(), cut


@pytest.mark.parametrize("sector", SECTORS)
def test_a_group_torn_in_the_middle_is_named_and_its_samples_are_never_served(tmp_path: Path, sector: int) -> None:
    """The last write's sectors reach a disk in any order: each of them missing, as zeros, with the later ones there.

    Its sync had not returned, so nothing of it was acknowledged. What stands behind the hole is not joined to what
    stands before it, and the range is named for an operator.
    """
    whole = written(tmp_path / "first", 20, 700)
    holes = [(first, min(first + sector, len(whole.data))) for first in range(sector, len(whole.data), sector)]
    for first, last in holes:
        torn = whole.data[:first] + bytes(last - first) + whole.data[last:]
        found = started_on(tmp_path / "first", torn)
        assert found.frames.items() <= whole.frames.items(), (first, last)
        before = sum(end <= first for end in whole.ends)
        assert len(found.frames) >= before - 2, (first, last)
        is_tail = last >= whole.ends[-2]
        assert bool(found.recovery.damaged) != is_tail, (first, last)


def test_every_bit_of_a_journal_may_flip_and_none_is_served(tmp_path: Path) -> None:
    whole = written(tmp_path / "first", 3, 12)
    for bit in range(8 * len(whole.data)):
        found = started_on(tmp_path / "first", flipped(whole.data, bit))
        assert found.frames.items() <= whole.frames.items(), bit
        hit = next((n for n, (a, b) in enumerate(edges(whole)) if a <= bit // 8 < b), None)
        if hit is None:  # the header: without it no record can be vouched for
            assert found.recovery.damaged, bit
            assert (tmp_path / "first" / "segment-0000000001.damaged").exists(), "kept for whoever looks into it"
        elif hit == len(whole.ends) - 1:
            assert found.recovery.torn, "the last record may as well be a torn tail: it is cut off and logged"
        else:
            start, end = edges(whole)[hit]
            assert [(d.start, d.end) for d in found.recovery.damaged] == [(start, end)], bit


def test_every_bit_of_a_closed_segment_may_flip_and_none_is_served(tmp_path: Path) -> None:
    """Closed segments are trusted by their footer at a start, and read over later: named by reading or by the scrub."""
    folder = tmp_path / "first"
    written(folder, 3, 12)
    reopened(folder)
    data = segment_path(folder, 1).read_bytes()
    records = [item for item in scan(data, 1, seed_of(data, 1) or 0) if isinstance(item, Record)]
    frames = {(record.stream, record.seq): record.body for record in records if record.kind == Kind.DATA}
    for bit in range(8 * len(data)):
        found = started_on(folder, flipped(data, bit))
        assert found.frames.items() <= frames.items(), bit
        footer = next(record for record in records if record.kind == Kind.FOOTER)
        if bit // 8 < footer.start:
            assert found.named, bit
        else:
            assert found.frames == frames, "a footer only saves reading: without it everything is found by a scan"


def test_a_recording_whose_beginning_has_rotted_may_be_sent_anew(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    written(folder, 3, 12)
    reopened(folder)
    path = segment_path(folder, 1)
    path.write_bytes(flipped(path.read_bytes(), 8 * (SEGMENT_HEADER.size + 5)))
    with running(folder) as watched:
        assert [stream.uid for stream in watched.recovery.streams] == [B]
        watched.write(A, [b"again 0", b"again 1"])
        assert bodies(watched.journal, A) == [b"again 0", b"again 1"]
    for _ in range(2):
        with running(folder) as watched:
            assert {stream.uid for stream in watched.recovery.streams} == {A, B}
            assert bodies(watched.journal, A) == [b"again 0", b"again 1"]
            assert watched.recovery.stranded == 0
    assert path.exists(), "kept for whoever looks into it"


def edges(whole: Written) -> list[tuple[int, int]]:
    return list(pairwise((SEGMENT_HEADER.size, *whole.ends)))


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
