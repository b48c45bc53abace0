"""What is put under a hub's process to make it die, lie or be refused at one chosen point. Only tests import this.

Three kinds: failpoints kill the process at the n-th call; controls break one promise, so that a rig which does not
notice is caught; refusals answer as a failing disk does. Each is a line of `SHIMS`, put in place before the hub starts.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy import event as sa_event

from server.base import database, eventlog, spine
from server.base.blobs import FileBlobs
from server.base.engines import Sqlite
from server.intake import journal
from server.intake.disk import Disk

SEGMENT_BYTES: Final = 192 * 1024  # segments turn over every second or so instead of once an hour
LATE_S: Final = 120.0  # as some brokers do by default; longer than a control runs

Put = Callable[[int, str], None]


def put(name: str, nth: int, note: str) -> None:
    """Put a shim under this process. The journal's segments are small under any of them."""
    SHIMS[name](nth, note)


def small_segments(_nth: int = 0, _note: str = "") -> None:
    journal.SEGMENT_BYTES = SEGMENT_BYTES  # type: ignore[misc]  # final for the product


# ---- failpoints ----


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_before(owner: object, name: str) -> Put:
    return lambda nth, _note: _wrap(owner, name, nth, before=True)


def _kill_after(owner: object, name: str) -> Put:
    return lambda nth, _note: _wrap(owner, name, nth, before=False)


def _wrap(owner: object, name: str, nth: int, *, before: bool) -> None:
    real, calls = getattr(owner, name), itertools.count(1)

    def counted(*args: Any, **named: Any) -> Any:
        now = next(calls) == nth
        if now and before:
            _die()
        result = real(*args, **named)
        if now:
            _die()
        return result

    small_segments()
    setattr(owner, name, counted)


def _half_a_write(nth: int, _note: str) -> None:
    real, calls = Disk.write, itertools.count(1)

    def torn(self: Disk, fd: int, parts: Sequence[bytes]) -> None:
        if next(calls) == nth:
            whole = b"".join(parts)
            os.write(fd, whole[: len(whole) // 2 + 1])
            _die()
        real(self, fd, parts)

    small_segments()
    Disk.write = torn  # type: ignore[method-assign]


# ---- controls: each breaks one promise, and the rig has to see it ----


def _no_sync(_nth: int, _note: str) -> None:
    """Control A: nothing of ours is ever flushed (SQLite, which is C, still flushes its own)."""
    small_segments()
    os.fsync = os.fdatasync = lambda fd: None


def _late_sync(_nth: int, _note: str) -> None:
    """Control B: acknowledged before the sync, which then happens. Segments stay large: closing one syncs it whole."""

    def sync_later(self: Disk, fd: int) -> None:
        late = threading.Timer(LATE_S, sync_now, (os.dup(fd),))
        late.daemon = True
        late.start()

    def sync_now(own: int) -> None:
        os.fdatasync(own)
        os.close(own)

    Disk.sync_data = sync_later  # type: ignore[method-assign]


def _sqlite_normal(_nth: int, _note: str) -> None:
    """Control C: SQLite flushes its log at checkpoints only, and none happens to fall just before the cut."""
    real = Sqlite._engine

    def relaxed(path: Path, *, read_only: bool) -> Engine:
        engine = real(path, read_only=read_only)

        @sa_event.listens_for(engine, "connect")
        def relax(raw: sqlite3.Connection, _record: object) -> None:
            if not read_only:
                raw.execute("PRAGMA synchronous=NORMAL")
                raw.execute("PRAGMA wal_autocheckpoint=0")

        return engine

    small_segments()
    Sqlite._engine = staticmethod(relaxed)  # type: ignore[method-assign]


# ---- refusals ----


def _refuse_sync(number: int) -> Put:
    """The n-th fdatasync fails and the pages it should have written are gone; every later one says all is well.

    So do ext4, XFS and Btrfs (Rebello, ATC 2020). Each call from then on is noted: one that follows on the same
    descriptor is what must not happen.
    """

    def refusing(nth: int, note: str) -> None:
        calls, failed = itertools.count(1), set[int]()
        begin, data_sync, whole_sync = Disk.write, os.fdatasync, os.fsync
        ends: dict[int, int] = {}

        def write(self: Disk, fd: int, parts: Sequence[bytes]) -> None:
            if fd in failed:
                _note(note, f"write {fd}")
            ends[fd] = os.lseek(fd, 0, os.SEEK_CUR)
            begin(self, fd, parts)

        def fdatasync(fd: int) -> None:
            if fd in failed:
                _note(note, f"fdatasync {fd}")
                return
            if next(calls) == nth:
                failed.add(fd)
                os.ftruncate(fd, ends[fd])
                _note(note, "refused")
                raise OSError(number, os.strerror(number))
            data_sync(fd)

        def fsync(fd: int) -> None:
            if fd in failed:
                _note(note, f"fsync {fd}")
                return
            whole_sync(fd)

        small_segments()
        Disk.write = write  # type: ignore[method-assign]
        os.fdatasync, os.fsync = fdatasync, fsync  # type: ignore[assignment]  # ours are file descriptors only

    return refusing


def _refuse_write(nth: int, note: str) -> None:
    """The n-th write of the journal fails half done."""
    real, calls = Disk.write, itertools.count(1)
    failed = set[int]()

    def write(self: Disk, fd: int, parts: Sequence[bytes]) -> None:
        if fd in failed:
            _note(note, f"write {fd}")
        if next(calls) == nth:
            failed.add(fd)
            os.write(fd, b"".join(parts)[:-1])
            _note(note, "refused")
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(self, fd, parts)

    small_segments()
    Disk.write = write  # type: ignore[method-assign]


def _note(path: str, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


FAILPOINTS: Final[dict[str, tuple[Put, int]]] = {
    # name: the shim, and the highest n that a second of the load surely reaches
    "before a write": (_kill_before(Disk, "write"), 30),
    "in a write": (_half_a_write, 30),
    "after a write": (_kill_after(Disk, "write"), 30),
    "after fdatasync": (_kill_after(Disk, "sync_data"), 25),
    "in turning a segment over": (_kill_before(Disk, "sync_folder"), 2),
    "between file and row": (_kill_after(FileBlobs, "_put"), 2),
    "between row and event": (_kill_before(eventlog, "append"), 12),
    "between commit and answer": (_kill_before(database.Database, "_resolve"), 40),
    "between reaction and cursor": (_kill_before(spine, "_advance"), 6),
}
CONTROLS: Final[dict[str, Put]] = {
    "no sync": _no_sync,
    "acknowledged before the sync": _late_sync,
    "SQLite synchronous=NORMAL": _sqlite_normal,
}
REFUSALS: Final[dict[str, Put]] = {
    "fdatasync refused (EIO)": _refuse_sync(errno.EIO),
    "fdatasync refused (ENOSPC)": _refuse_sync(errno.ENOSPC),
    "write refused (EIO)": _refuse_write,
}
SHIMS: Final[dict[str, Put]] = {
    "small segments": small_segments,
    **{name: shim for name, (shim, _) in FAILPOINTS.items()},
    **CONTROLS,
    **REFUSALS,
}
