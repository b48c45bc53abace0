"""The journal: what was called durable is found again, whatever happens to the file behind it; damage is named."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.intake import journal as journal_module
from server.intake.disk import Disk
from server.intake.journal import Journal, JournalDamaged, JournalFailed, JournalInUse, Recovery
from server.intake.segment import (
    NOWHERE,
    Damage,
    Kind,
    Place,
    Record,
    after,
    record_header,
    run_body,
    scan,
    seed_of,
    segment_header,
    segment_path,
)

A, B = b"a" * 16, b"b" * 16
HEADER = segment_header(1, b"r" * 16, 0)
SEED = seed_of(HEADER, 1) or 0


class Watched:
    """A journal that runs in this test, every call back awaited."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.journal, self.recovery = Journal.open(folder, lambda: 0, disk)
        self.durable: dict[bytes, int] = {}
        self.calls: list[tuple[bytes, int]] = []
        self.failed = threading.Event()
        self.full: list[bool] = []
        self._told = threading.Condition()
        self._listeners: dict[bytes, Callable[[int], None]] = {}

    def start(self) -> Watched:
        self.journal.start(lambda call, *args: call(*args), lambda error: self.failed.set(), self._on_full)
        return self

    def _on_full(self, full: bool) -> None:
        with self._told:
            self.full.append(full)
            self._told.notify_all()

    def listener(self, stream: bytes) -> Callable[[int], None]:
        def stored(seq: int) -> None:
            with self._told:
                self.durable[stream] = max(seq, self.durable.get(stream, -2))
                self.calls.append((stream, seq))
                self._told.notify_all()

        return self._listeners.setdefault(stream, stored)

    def append(self, stream: bytes, seq: int, kind: Kind = Kind.DATA, body: bytes = b"") -> None:
        self.journal.append(stream, seq, kind, body, self.listener(stream))

    def wait(self, true: Callable[[], bool]) -> None:
        with self._told:
            assert self._told.wait_for(true, 5)

    def stored(self, stream: bytes, seq: int) -> None:
        self.wait(lambda: self.durable.get(stream, -2) >= seq)

    def write(self, stream: bytes, frames: Sequence[bytes], first: int = 0) -> None:
        if first == 0:
            self.append(stream, -1, Kind.OPEN, b"open")
        for seq, body in enumerate(frames, first):
            self.append(stream, seq, Kind.DATA, body)
        self.stored(stream, first + len(frames) - 1)


@contextmanager
def running(folder: Path, disk: Disk | None = None) -> Iterator[Watched]:
    watched = Watched(folder, disk).start()
    try:
        yield watched
    finally:
        watched.journal.close()


def reopened(folder: Path) -> Recovery:
    journal, recovery = Journal.open(folder, lambda: 0)
    journal.close()
    return recovery


def bodies(journal: Journal, stream: bytes) -> list[bytes]:
    records = journal.read(journal.streams[stream])
    return [record.body for record in records if record.kind == Kind.DATA]


# ---- what is durable is found again ----


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.write(A, [b"a0", b"a1", b"a2"])
        first.write(B, [b"b0"])
        first.write(A, [b"a3"], first=3)
        assert bodies(first.journal, A) == [b"a0", b"a1", b"a2", b"a3"]
    with running(tmp_path) as second:
        assert {r.uid: (r.open_body, r.state.frames) for r in second.recovery.streams} == {
            A: (b"open", 4),
            B: (b"open", 1),
        }
        second.write(A, [b"a4"], first=4)
        assert bodies(second.journal, A) == [b"a0", b"a1", b"a2", b"a3", b"a4"]
        assert second.journal.streams[A].data_bytes == 10


def test_a_repeat_is_not_written_again_but_called_back(tmp_path: Path) -> None:
    with running(tmp_path) as watched:
        watched.write(A, [b"a0", b"a1"])
        before = segment_path(tmp_path, 1).stat().st_size
        watched.calls.clear()
        watched.append(A, 1, Kind.DATA, b"again")
        watched.wait(lambda: (A, 1) in watched.calls)
        assert segment_path(tmp_path, 1).stat().st_size == before
        assert bodies(watched.journal, A) == [b"a0", b"a1"]


def test_a_run_is_one_record_and_read_back_as_its_frames(tmp_path: Path) -> None:
    with running(tmp_path) as watched:
        watched.write(A, [b"a0"])
        watched.append(A, 3, Kind.RUN, run_body([10, 20, 30], b"a1a2a3"))
        watched.stored(A, 3)
        watched.write(A, [b"a4"], first=4)
    with running(tmp_path) as again:
        state = again.journal.streams[A]
        assert (state.frames, state.data_bytes) == (5, 10)
        frames = [record for record in again.journal.read(state) if record.kind == Kind.DATA]
        assert [(r.seq, r.body) for r in frames] == [(n, f"a{n}".encode()) for n in range(5)]
        assert [r.device_ms for r in frames[1:4]] == [10, 20, 30]


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("frames", range(1, 5))
def test_of_a_run_only_what_is_not_written_yet_is(tmp_path: Path, first: int, frames: int) -> None:
    last = first + frames - 1
    with running(tmp_path) as watched:
        watched.write(A, [b"a0", b"a1", b"a2", b"a3"])
        body = "".join(f"A{seq}" for seq in range(first, last + 1)).encode()
        watched.append(A, last, Kind.RUN, run_body(range(frames), body))
        watched.wait(lambda: (A, last) in watched.calls)
    with running(tmp_path) as again:
        new = [f"A{seq}".encode() for seq in range(4, last + 1)]
        assert bodies(again.journal, A) == [b"a0", b"a1", b"a2", b"a3", *new]
        assert again.journal.streams[A].frames == max(4, last + 1)


def test_a_gap_is_stored_as_a_gap(tmp_path: Path) -> None:
    with running(tmp_path) as watched:
        watched.write(A, [b"a0"])
        watched.append(A, 5, Kind.DATA, b"a5")
        watched.stored(A, 5)
    with running(tmp_path) as again:
        records = again.journal.read(again.journal.streams[A])
        assert [(r.seq, r.body) for r in records] == [(-1, b"open"), (0, b"a0"), (5, b"a5")]


def test_streams_go_on_over_many_segments(tmp_path: Path) -> None:
    frames = [bytes([n]) * 100 for n in range(60)]
    with running(tmp_path) as watched:
        watched.journal.segment_bytes = 600
        for seq, body in enumerate(frames):
            watched.write(A, [body], first=seq)
        assert len(list(tmp_path.glob("*.journal"))) > 5
        assert bodies(watched.journal, A) == frames
    with running(tmp_path) as again:
        assert again.recovery.scanned_bytes < 1500, "closed segments are trusted by their footer"
        assert bodies(again.journal, A) == frames
        assert again.journal.scrub() == []


def test_a_segment_goes_only_when_all_its_streams_are_sealed(tmp_path: Path) -> None:
    with running(tmp_path) as watched:
        watched.journal.segment_bytes = 200
        watched.write(A, [b"x" * 100])
        watched.write(B, [b"y" * 100])
        watched.write(A, [b"x" * 300], first=1)
        watched.journal.seal(A, watched.listener(A))
        watched.stored(A, 0)
        watched.write(B, [b"y" * 300], first=1)
        assert bodies(watched.journal, B) == [b"y" * 100, b"y" * 300]
        watched.journal.seal(B)
        watched.write(b"c" * 16, [b"z" * 300])
        watched.write(b"c" * 16, [b"z"], first=1)
        watched.journal.seal(b"d" * 16)  # nobody knows it: nothing happens
        watched.journal.seal(b"c" * 16, watched.listener(b"c" * 16))
        watched.write(b"e" * 16, [b"e"])
        names = sorted(path.name for path in tmp_path.glob("*.journal"))
    recovery = reopened(tmp_path)
    assert [r.uid for r in recovery.streams] == [b"e" * 16]
    assert len(names) <= 2, names


def test_a_sealed_stream_stays_sealed_when_the_segment_with_its_mark_has_gone(tmp_path: Path) -> None:
    """Found by the kill suite: the mark stood in a segment that went, and the start took the rest for unfinished."""
    with running(tmp_path) as watched:
        watched.journal.segment_bytes = 200
        watched.append(A, -1, Kind.OPEN, b"open")
        watched.append(B, -1, Kind.OPEN, b"open")
        watched.append(B, 0, Kind.DATA, b"never ended" * 20)
        watched.stored(B, 0)
        watched.write(A, [b"x" * 200], first=1)
        watched.journal.seal(A)
        for name in (b"c" * 16, b"d" * 16, b"e" * 16):
            watched.write(name, [b"z" * 200])
            watched.journal.seal(name)
        watched.write(B, [b"more" * 50, b"more"], first=1)
        numbers = {int(path.stem[8:]) for path in tmp_path.glob("*.journal")}
        assert 1 in numbers
        assert 2 not in numbers, "the segment with the mark has not gone: this tests nothing"
    for _ in range(3):
        recovery = reopened(tmp_path)
        assert [(r.uid, r.state.frames) for r in recovery.streams] == [(B, 3)]
        assert (recovery.damaged, recovery.stranded) == ((), 0)


def test_what_follows_on_a_deleted_segment_is_not_called_stranded(tmp_path: Path) -> None:
    with running(tmp_path) as watched:
        watched.journal.segment_bytes = 200
        watched.write(A, [b"x" * 200])
        watched.write(A, [b"x"], first=1)
        watched.journal.segment_bytes = 2000
        watched.write(A, [b"x", b"x"], first=2)
        watched.journal.seal(A)
        watched.write(B, [b"y"])
    segment_path(tmp_path, 1).unlink()
    recovery = reopened(tmp_path)
    assert [r.uid for r in recovery.streams] == [B]
    assert recovery.stranded == 0


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(JournalInUse):
        Journal.open(tmp_path, lambda: 0)


# ---- damage: records alone ----


def segment_of(frames: list[tuple[bytes, bytes]]) -> tuple[bytes, list[int]]:
    """A segment with these (stream, body) records, and where each ends."""
    data, ends, last = HEADER, [], dict[bytes, Place]()
    counts: dict[bytes, int] = {}
    for stream, body in frames:
        kind = Kind.DATA if stream in last else Kind.OPEN
        seq = counts.get(stream, -1)
        place = Place(1, len(data))
        data += record_header(SEED, kind, stream, seq, 0, last.get(stream, NOWHERE), body) + body
        last[stream], counts[stream] = place, seq + 1
        ends.append(len(data))
    return data, ends


FRAMES = st.lists(st.tuples(st.sampled_from([A, B]), st.binary(max_size=40)), min_size=1, max_size=12)


@given(FRAMES, st.data())
def test_however_a_segment_is_cut_every_whole_record_is_found_and_the_tail_is_named(
    frames: list[tuple[bytes, bytes]], draw: st.DataObject
) -> None:
    data, ends = segment_of(frames)
    cut = draw.draw(st.integers(len(HEADER), len(data)))
    items = list(scan(data[:cut], 1, SEED))
    whole = [end for end in ends if end <= cut]
    assert [item.end for item in items if isinstance(item, Record)] == whole
    sound = max(whole, default=len(HEADER))
    assert [item for item in items if isinstance(item, Damage)] == (
        [Damage(1, sound, cut, torn=True)] if cut > sound else []
    )


@settings(deadline=None)  # a loaded machine is no fault of the journal's
@given(FRAMES, st.data())
def test_whatever_bit_flips_the_records_around_it_are_found_and_the_damage_is_named(
    frames: list[tuple[bytes, bytes]], draw: st.DataObject
) -> None:
    data, ends = segment_of(frames)
    bit = draw.draw(st.integers(8 * len(HEADER), 8 * len(data) - 1))
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    items = list(scan(bytes(flipped), 1, SEED))
    hit = next(n for n, end in enumerate(ends) if bit // 8 < end)
    start = ends[hit - 1] if hit else len(HEADER)
    is_last = hit == len(ends) - 1
    assert Damage(1, start, ends[hit], torn=is_last) in items
    assert [item.end for item in items if isinstance(item, Record)] == ends[:hit] + ends[hit + 1 :]


def test_bytes_of_another_segment_never_pass_for_a_record() -> None:
    """A file system may hand back old blocks: the checksum is seeded with the segment's own id."""
    data, _ = segment_of([(A, b"one"), (A, b"two")])
    other = seed_of(segment_header(1, b"s" * 16, 0), 1)
    assert other is not None
    assert [type(item) for item in scan(data, 1, other)] == [Damage]


def test_a_record_behind_a_damaged_one_of_its_stream_does_not_belong() -> None:
    first = after(None, Kind.OPEN, -1, 4, Place(1, 48))
    assert first is not None
    assert after(first, Kind.DATA, 0, 2, Place(1, 90)) is not None
    assert after(None, Kind.DATA, 0, 2, Place(1, 90)) is None


# ---- damage: files ----


def write_ten(folder: Path) -> Path:
    with running(folder) as watched:
        watched.write(A, [bytes([n]) * 20 for n in range(5)])
        watched.write(B, [bytes([n]) * 20 for n in range(5)])
    return segment_path(folder, 1)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1))
def test_a_torn_tail_costs_only_what_was_torn(at: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write_ten(folder)
        whole = path.read_bytes()
        cut = round(at * len(whole))
        path.write_bytes(whole[:cut])
        with running(folder) as watched:
            assert watched.recovery.damaged == ()
            have = {r.uid: bodies(watched.journal, r.uid) for r in watched.recovery.streams}
            records = [r for r in scan(whole[:cut], 1, seed_of(whole, 1) or 0) if isinstance(r, Record)]
            for uid in (A, B):
                data = [r.body for r in records if r.stream == uid and r.kind == Kind.DATA]
                assert have.get(uid, []) == data
        assert reopened(folder).torn == (), "a torn tail is cut off once"


def test_a_flipped_bit_in_the_middle_is_named_and_only_its_stream_stops_there(tmp_path: Path) -> None:
    path = write_ten(tmp_path)
    data = bytearray(path.read_bytes())
    records = [r for r in scan(bytes(data), 1, seed_of(bytes(data), 1) or 0) if isinstance(r, Record)]
    hit = next(r for r in records if r.stream == A and r.seq == 2)
    data[hit.start + 60] ^= 1
    path.write_bytes(data)
    with running(tmp_path) as watched:
        assert watched.recovery.damaged == (Damage(1, hit.start, hit.end, torn=False),)
        assert watched.recovery.stranded == 2
        assert watched.journal.streams[A].frames == 2
        assert watched.journal.streams[B].frames == 5
        # The device sends again from there; the sound copies behind the damage are not mixed in.
        watched.write(A, [b"new2", b"new3"], first=2)
        assert bodies(watched.journal, A) == [bytes([0]) * 20, bytes([1]) * 20, b"new2", b"new3"]
        for uid in (A, B):
            watched.journal.seal(uid, watched.listener(uid))
        watched.write(b"c" * 16, [b"c"])
    assert reopened(tmp_path).damaged == (Damage(1, hit.start, hit.end, torn=False),), "named until somebody has looked"
    assert path.exists(), "a damaged segment is kept for whoever looks into it"


def test_damage_in_a_closed_segment_is_found_by_reading_and_by_the_scrub(tmp_path: Path) -> None:
    path = write_ten(tmp_path)
    reopened(tmp_path)  # closes segment 1 with a footer
    data = bytearray(path.read_bytes())
    hit = next(r for r in scan(bytes(data), 1, seed_of(bytes(data), 1) or 0) if isinstance(r, Record) and r.seq == 3)
    data[hit.end - 1] ^= 128
    path.write_bytes(data)
    with running(tmp_path) as watched:
        with pytest.raises(JournalDamaged) as damaged:
            watched.journal.read(watched.journal.streams[A])
        assert (damaged.value.start, damaged.value.end) == (hit.start, hit.end)
        assert watched.journal.scrub() == [Damage(1, hit.start, hit.end, torn=False)]


def test_a_segment_without_a_header_is_dropped_when_it_is_the_unfinished_last(tmp_path: Path) -> None:
    write_ten(tmp_path)
    segment_path(tmp_path, 2).write_bytes(HEADER[:10])
    recovery = reopened(tmp_path)
    assert recovery.torn[-1] == Damage(2, 0, 10, torn=True)
    assert len(recovery.streams) == 2


def test_a_ruined_header_is_damage_and_the_file_is_kept(tmp_path: Path) -> None:
    path = write_ten(tmp_path)
    data = path.read_bytes()
    path.write_bytes(b"\0" * 8 + data[8:])
    recovery = reopened(tmp_path)
    assert recovery.damaged == (Damage(1, 0, len(data), torn=False),)
    assert path.with_suffix(".damaged").exists()


# ---- a disk that refuses ----


class BadDisk(Disk):
    """Fails when told to; notes what reached it."""

    def __init__(self) -> None:
        self.fail_write: int | None = None
        self.fail_sync: int | None = None
        self.no_room = False
        self.calls: list[str] = []

    def create(self, path: Path) -> int:
        self.calls.append("create")
        return super().create(path)

    def write(self, fd: int, parts: Sequence[bytes]) -> None:
        self.calls.append("write")
        if self.no_room and sum(map(len, parts)) > 200:
            os.write(fd, parts[0][:30])  # half a record gets through before the disk is full
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.fail_write:
            raise OSError(self.fail_write, "Input/output error")
        super().write(fd, parts)

    def reserve(self, fd: int, size: int) -> None:
        if self.no_room:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().reserve(fd, 4096)

    def sync_data(self, fd: int) -> None:
        self.calls.append("fdatasync")
        if self.fail_sync:
            raise OSError(self.fail_sync, "refused")
        super().sync_data(fd)

    def sync(self, fd: int) -> None:
        self.calls.append("fsync")
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self.calls.append("fsync folder")
        super().sync_folder(folder)


REFUSALS = [
    ("fail_write", errno.EIO),
    ("fail_write", errno.EBADF),
    ("fail_sync", errno.EIO),
    ("fail_sync", errno.ENOSPC),  # of a sync, it means lost pages; a full disk says so on the write: below
]


@pytest.mark.parametrize(("field", "number"), REFUSALS)
def test_after_a_failed_write_or_sync_nothing_is_called_durable_and_nothing_is_tried_again(
    tmp_path: Path, field: str, number: int
) -> None:
    disk = BadDisk()
    with running(tmp_path, disk) as watched:
        watched.write(A, [b"a0"])
        setattr(disk, field, number)
        disk.calls.clear()
        watched.append(A, 1, Kind.DATA, b"a1")
        assert watched.failed.wait(5)
        assert disk.calls == (["write"] if field == "fail_write" else ["write", "fdatasync"])
        assert watched.durable[A] == 0
        with pytest.raises(JournalFailed):
            watched.append(A, 2, Kind.DATA, b"a2")
    setattr(disk, field, None)
    assert reopened(tmp_path).streams[0].state.frames in (1, 2)


def test_a_full_disk_stops_the_acks_and_goes_on_in_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FULL_RETRY_S", 0.01)
    disk = BadDisk()
    with running(tmp_path, disk) as watched:
        watched.write(A, [b"a0"])
        disk.no_room = True
        watched.append(A, 1, Kind.DATA, b"a1" * 200)
        watched.append(A, 2, Kind.DATA, b"a2" * 200)
        watched.wait(lambda: watched.full == [True])
        assert watched.durable[A] == 0
        disk.no_room = False
        watched.stored(A, 2)
        watched.wait(lambda: watched.full == [True, False])
        assert bodies(watched.journal, A) == [b"a0", b"a1" * 200, b"a2" * 200]
    recovery = reopened(tmp_path)
    assert recovery.damaged == ()
    assert recovery.streams[0].state.frames == 3


def test_a_segment_is_durable_by_name_before_anything_in_it_is(tmp_path: Path) -> None:
    disk = BadDisk()
    with running(tmp_path, disk) as watched:
        watched.write(A, [])
        watched.append(A, 0, Kind.DATA, b"a0")
        watched.stored(A, 0)
    assert disk.calls[:6] == ["create", "write", "fsync", "fsync folder", "write", "fdatasync"]


def test_one_group_is_one_sync_and_one_call_a_stream(tmp_path: Path) -> None:
    disk = BadDisk()
    gate = threading.Event()
    sync = disk.sync_data

    def gated(fd: int) -> None:
        gate.wait(5)
        sync(fd)

    disk.sync_data = gated  # type: ignore[method-assign]
    with running(tmp_path, disk) as watched:
        watched.append(A, -1, Kind.OPEN, b"open")
        for seq in range(200):
            watched.append(A, seq, Kind.DATA, b"x" * 50)
        gate.set()
        watched.stored(A, 199)
        assert disk.calls.count("fdatasync") <= 3
        assert len(watched.calls) <= 3
        assert watched.journal.pending_bytes == 0
