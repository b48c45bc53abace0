"""The intake journal: what a device sent stands here, on the disk, before anything is acknowledged.

Append-only segment files, one writer thread, one fdatasync a group. What a start finds is `recovery.py`; how a record
stands in bytes and what the records of a stream add up to is `segment.py`, without I/O; what they mean is the gateway's
business: here a stream is 16 bytes, a sequence number and bodies.

A record points back at the record before it of the same stream. So a stream is read back from its last record alone,
without an index in memory that grows with every frame, and a record behind a damaged one is known not to belong.

The calls to the disk are `disk.py`'s.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from server.base.errors import AppError
from server.intake.disk import Disk
from server.intake.recovery import Findings, drop_free_segments, recover
from server.intake.segment import (
    BODY_BYTES_MAX,
    NOWHERE,
    RECORD,
    RECORD_MAGIC,
    TRAILER,
    Damage,
    Kind,
    Place,
    Record,
    Segment,
    StreamState,
    after,
    crc32c,
    footer,
    footer_at,
    parse,
    plain,
    record_header,
    run_from,
    sample_bytes,
    scan,
    segment_header,
    segment_path,
)

SEGMENT_BYTES: Final = 64 * 1024 * 1024  # a start scans one of them: below 0.1 s
GROUP_BYTES_MAX: Final = 1024 * 1024  # one sync stays below 10 ms
GROUP_RECORDS_MAX: Final = 512  # header and body each: the 1024 parts of one writev
GATHER_RECORDS: Final = 8
"""Under load the writer rests for GATHER_S after a group of so many: larger groups cost fewer syncs and turns of the
interpreter, and the 99th percentile falls (measured; durability.md 2.1). Idle, no record waits."""
GATHER_S: Final = 0.001
FULL_RETRY_S: Final = 5.0


@dataclass(eq=False)
class JournalFailed(AppError):
    code: ClassVar[str] = "intake.journal_failed"
    status: ClassVar[int] = 503
    what: ClassVar[str] = "The journal's disk refused a write or a sync ({reason}); the hub stops taking samples."
    mend: ClassVar[str] = "Look at the disk, then let the hub start again: it recovers what was acknowledged."
    reason: str


@dataclass(eq=False)
class JournalDamaged(AppError):
    code: ClassVar[str] = "intake.journal_damaged"
    what: ClassVar[str] = "Journal segment {segment} is damaged from byte {start} to {end}."
    mend: ClassVar[str] = "Keep the file, check the disk; the recordings concerned cannot be completed from it."
    segment: int
    start: int
    end: int


@dataclass(eq=False)
class JournalInUse(AppError):
    code: ClassVar[str] = "intake.journal_in_use"
    what: ClassVar[str] = "Another process writes this journal."
    mend: ClassVar[str] = "Stop the other hub, or give this one its own folder."


@dataclass(frozen=True)
class Recovered:
    """An unsealed stream found at the start: its open body and how far it goes."""

    uid: bytes
    state: StreamState
    open_body: bytes


@dataclass(frozen=True)
class Recovery:
    """What a start found. `damaged` and `stranded` go to the operator, `torn` to the log."""

    streams: tuple[Recovered, ...]
    torn: tuple[Damage, ...]
    damaged: tuple[Damage, ...]
    stranded: int  # sound records that stand behind a damaged one of their stream
    scanned_bytes: int
    took_ms: float


class _Item(NamedTuple):
    stream: bytes
    seq: int
    kind: int
    body: bytes
    device_ms: int
    on_durable: Callable[[int], None] | None


class Journal:
    """One folder of segments, one writer thread. Everything but `read` is called from the event loop's thread."""

    def __init__(self, folder: Path, found: Findings, disk: Disk, clock_ms: Callable[[], int], lock_fd: int) -> None:
        self.folder, self._disk, self._clock_ms, self._lock_fd = folder, disk, clock_ms, lock_fd
        self._states = found.states  # the writer's: includes what is about to be synced, never less
        self._segments = found.segments
        self._current: Segment | None = None
        self._fd, self._end = -1, 0
        self._next_number = max(found.segments, default=0) + 1
        self._queue: deque[_Item] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.streams: dict[bytes, StreamState] = dict(found.states)  # the loop's: what stands on the disk
        self.pending_bytes = 0  # accepted, not yet on the disk
        self.failed: JournalFailed | None = None
        self.full = False
        self.groups = 0
        self.segment_bytes = SEGMENT_BYTES

    @classmethod
    def open(cls, folder: Path, clock_ms: Callable[[], int], disk: Disk | None = None) -> tuple[Journal, Recovery]:
        """Recover what stands in `folder`. Blocking: call it in a thread. Raises JournalInUse."""
        disk = disk or Disk()
        began = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_fd = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock_fd)
            raise JournalInUse from None
        found = recover(folder, disk)
        journal = cls(folder, found, disk, clock_ms, lock_fd)
        streams = []
        for uid, state in list(found.states.items()):
            if state.sealed:
                continue
            try:
                streams.append(Recovered(uid, state, journal._record_at(state.opened).body))
                journal._record_at(state.last)
            except (JournalDamaged, OSError, KeyError) as error:  # the latter: a footer that leads nowhere
                # A closed segment has rotted where this stream begins or ends. One bit must not keep the hub from
                # starting: it is named, the file is kept, and the device may send the recording anew.
                number, first, last = state.opened.segment, state.opened.offset, state.opened.offset
                if isinstance(error, JournalDamaged):
                    number, first, last = error.segment, error.start, error.end
                found.damaged.append(Damage(number, first, last, torn=False))
                if number in found.segments:
                    found.segments[number].damaged.append((first, last))
                del found.states[uid], journal.streams[uid]
                streams = [stream for stream in streams if stream.uid != uid]
        recovery = Recovery(
            streams=tuple(streams),
            torn=tuple(found.torn),
            damaged=tuple(found.damaged),
            stranded=found.stranded,
            scanned_bytes=found.scanned_bytes,
            took_ms=(time.perf_counter() - began) * 1000,
        )
        return journal, recovery

    def start(
        self,
        call_soon: Callable[..., object],
        on_failed: Callable[[JournalFailed], None],
        on_full: Callable[[bool], None] = lambda full: None,
    ) -> None:
        """Begin writing. `call_soon` is the loop's `call_soon_threadsafe`; both callbacks run in the loop."""
        self._call_soon, self._on_failed, self._on_full = call_soon, on_failed, on_full
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(
        self,
        stream: bytes,
        seq: int,
        kind: Kind,
        body: bytes,
        on_durable: Callable[[int], None] | None = None,
        device_ms: int = 0,
    ) -> None:
        """Queue a record. `on_durable(seq)` is called once a group with the highest seq: all up to it is on the disk.

        A seq at or below the stream's last is not written again, but called back; nor are the frames of a run that are.
        Raises JournalFailed.
        """
        if self.failed is not None:
            raise self.failed
        assert len(stream) == 16
        assert len(body) <= BODY_BYTES_MAX
        self.pending_bytes += len(body)
        self._queue.append(_Item(stream, seq, kind, body, device_ms, on_durable))
        if not self._wake.is_set():  # it clears before it looks, so what is set already will see this record
            self._wake.set()

    def seal(self, stream: bytes, on_durable: Callable[[int], None] | None = None) -> None:
        """The stream stands in its archive file: its segments may be deleted once all their streams do."""
        self.append(stream, 0, Kind.SEALED, b"", on_durable)

    def read(self, state: StreamState) -> list[Record]:
        """Every record of a stream in order, checked, a run as its frames. For a thread of its own.

        Raises JournalDamaged.
        """
        places: list[Place] = []
        fds: dict[int, int] = {}
        try:
            at = state.last
            while at != NOWHERE:
                places.append(at)
                at = self._previous_of(at, fds)
            return [record for place in reversed(places) for record in plain(self._record_at(place, fds))]
        finally:
            for fd in fds.values():
                os.close(fd)

    def read_last(self, state: StreamState) -> Record:
        """The last record of a stream. Blocking. Raises JournalDamaged."""
        return self._record_at(state.last)

    def scrub(self) -> list[Damage]:
        """Read every closed segment again and name what is damaged. Blocking: for a thread, at a quiet hour."""
        damaged: list[Damage] = []
        for segment in list(self._segments.values()):
            if segment is not self._current:
                data = segment.path.read_bytes()
                end = footer_at(data[-TRAILER.size :], segment.seed)
                sound = data if end is None else data[: len(data) - TRAILER.size]
                damaged += [d for d in scan(sound, segment.number, segment.seed) if isinstance(d, Damage)]
        return damaged

    def close(self) -> None:
        """Write what is queued, then stop. Blocking."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    # ---- reading ----

    def _open_for_reading(self, number: int, fds: dict[int, int]) -> int:
        if number not in fds:
            fds[number] = os.open(segment_path(self.folder, number), os.O_RDONLY | os.O_CLOEXEC)
        return fds[number]

    def _previous_of(self, place: Place, fds: dict[int, int]) -> Place:
        head = os.pread(self._open_for_reading(place.segment, fds), RECORD.size, place.offset)
        if len(head) < RECORD.size or head[:4] != RECORD_MAGIC:
            raise JournalDamaged(segment=place.segment, start=place.offset, end=place.offset + RECORD.size)
        fields = RECORD.unpack(head)
        previous = Place(fields[6], fields[7])
        # A chain only ever leads back, to a segment that is there: a flipped bit must not make it a circle or a riddle.
        if previous >= place or (previous != NOWHERE and previous.segment not in self._segments):
            raise JournalDamaged(segment=place.segment, start=place.offset, end=place.offset + RECORD.size)
        return previous

    def _record_at(self, place: Place, fds: dict[int, int] | None = None) -> Record:
        own: dict[int, int] = {} if fds is None else fds
        try:
            fd = self._open_for_reading(place.segment, own)
            length = int.from_bytes(os.pread(fd, 4, place.offset + 4), "little")
            raw = os.pread(fd, RECORD.size + min(length, BODY_BYTES_MAX), place.offset)
            record = parse(raw, 0, self._segments[place.segment].seed)
        finally:
            if fds is None:
                for fd in own.values():
                    os.close(fd)
        if record is None:
            raise JournalDamaged(segment=place.segment, start=place.offset, end=place.offset + len(raw))
        return record

    # ---- the writer thread ----

    def _run(self) -> None:
        try:
            while True:
                self._wake.wait()
                self._wake.clear()
                while group := self._take_group():
                    self._write_group(group)
                    if len(group) >= GATHER_RECORDS and not self._queue and not self._closing.is_set():
                        time.sleep(GATHER_S)
                if self._closing.is_set() and not self._queue:
                    return
        except OSError as error:
            # fsyncgate: after a failed write or sync the page cache cannot be trusted. No retry, no ack, no close:
            # the descriptor stays open until the process ends and the next start recovers from what is on the disk.
            self._fail(os.strerror(error.errno or 0))
        except Exception as error:  # the edge of the thread: whatever it was, nothing after it may be acknowledged
            self._fail(type(error).__name__)

    def _fail(self, reason: str) -> None:
        self.failed = JournalFailed(reason=reason)
        self._call_soon(self._on_failed, self.failed)

    def _take_group(self) -> list[_Item]:
        group: list[_Item] = []
        size = 0
        while self._queue and len(group) < GROUP_RECORDS_MAX and size < GROUP_BYTES_MAX:
            item = self._queue.popleft()
            group.append(item)
            size += len(item.body) + RECORD.size
        return group

    def _write_group(self, group: list[_Item]) -> None:
        while True:
            try:
                if self._current is None or self._end >= self.segment_bytes:
                    self._begin_segment(reserve=0)
                changed = self._write_once(group)
                break
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                if not self._wait_for_room():
                    return  # closing on a full disk: what is queued was never acknowledged
        self.groups += 1
        self._call_soon(self._landed, group, changed)

    def _write_once(self, group: list[_Item]) -> dict[bytes, StreamState]:
        """Encode, write, sync one group; only then do its records count."""
        segment = self._current
        assert segment is not None
        parts: list[bytes] = []
        changed: dict[bytes, StreamState] = {}
        at, written = self._end, 0
        for item in group:
            before = changed.get(item.stream) or self._states.get(item.stream)
            body = item.body
            if item.kind == Kind.RUN and before is not None:
                body = run_from(body, item.seq, before.next_seq)
            state = after(before, item.kind, item.seq, sample_bytes(item.kind, body), Place(segment.number, at))
            if state is None:
                continue
            previous = before.last if before and item.kind != Kind.OPEN else NOWHERE
            head = record_header(segment.seed, item.kind, item.stream, item.seq, item.device_ms, previous, body)
            parts += (head, body) if body else (head,)
            at += len(head) + len(body)
            written += 1
            changed[item.stream] = state
        if parts:
            self._disk.write(self._fd, parts)
            try:
                self._disk.sync_data(self._fd)
            except OSError as error:
                # Even "no space" from a sync means lost pages (delayed allocation): this is no full disk.
                raise OSError(errno.EIO, f"fdatasync: {error.strerror}") from error
        self._end = at
        segment.records += written
        self._states.update(changed)
        for uid, state in changed.items():
            segment.streams.add(uid)
            (segment.unsealed.discard if state.sealed else segment.unsealed.add)(uid)
        return changed

    def _landed(self, group: list[_Item], changed: dict[bytes, StreamState]) -> None:
        """In the loop: the group is on the disk. One call a listener, with the highest seq."""
        self.streams.update(changed)
        highest: dict[Callable[[int], None], int] = {}
        for stream, seq, _, body, _, on_durable in group:
            self.pending_bytes -= len(body)
            if on_durable is not None and seq >= highest.get(on_durable, seq) and stream in self.streams:
                highest[on_durable] = seq
        for on_durable, seq in highest.items():
            on_durable(seq)

    def _begin_segment(self, reserve: int) -> None:
        """Close the current segment and begin the next. Nothing in it is acknowledged before its name is durable."""
        if self._current is not None:
            self._disk.write(self._fd, [footer(self._current, self._end, self._states)])
            self._disk.sync(self._fd)
            os.close(self._fd)
            self._current, self._fd = None, -1
            self._retire()
        number = self._next_number
        path = segment_path(self.folder, number)
        random_id = os.urandom(16)
        header = segment_header(number, random_id, self._clock_ms())
        fd = self._disk.create(path)
        self._next_number += 1
        try:
            if reserve:
                self._disk.reserve(fd, reserve)
                self._disk.sync(fd)
                self._disk.truncate(fd, 0)
            self._disk.write(fd, [header])
            self._disk.sync(fd)
            self._disk.sync_folder(self.folder)
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        self._fd, self._end = fd, len(header)
        self._current = self._segments[number] = Segment(number, path, crc32c(0, random_id))

    def _wait_for_room(self) -> bool:
        """The disk is full: cut the half-written group off, then wait until a whole new segment has room."""
        self._call_soon(self._tell_full, True)
        if self._current is not None:
            self._disk.truncate(self._fd, self._end)
            self._disk.sync(self._fd)
            # Left without a footer, which would need room: the next start scans it.
            os.close(self._fd)
            self._current, self._fd = None, -1
        while not self._closing.wait(FULL_RETRY_S if self.full else 0.05):
            try:
                self._begin_segment(reserve=self.segment_bytes)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                continue
            self._call_soon(self._tell_full, False)
            return True
        return False

    def _tell_full(self, full: bool) -> None:
        if full != self.full:
            self.full = full
            self._on_full(full)

    def _retire(self) -> None:
        """After a segment was closed, and with it the list of what is sealed: what nobody needs any more goes."""
        before = set(self._states)
        sealed = {uid for uid, state in self._states.items() if state.sealed}
        for segment in self._segments.values():
            segment.unsealed -= sealed
        drop_free_segments(self._segments, self._states, self.folder, self._disk)
        if gone := before - set(self._states):
            self._call_soon(self._forget, gone)

    def _forget(self, gone: set[bytes]) -> None:
        for uid in gone:
            self.streams.pop(uid, None)
