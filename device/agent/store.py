"""The agent's queue on the disk: every file taken is here before anybody is told so, and stays until its receipt.

A row in SQLite (WAL, synchronous FULL) and the bytes to send in a file beside it; first the bytes and their folder are
synced, then the row is written. With the receipt the bytes go first: a waiting row without bytes only lacks its
receipt, which the hub says again. Bytes without a row are swept away at the start. No socket, no ECG; which file comes
first is decided here, how fast it goes is `line`'s.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from device.deposit import FileUpload, deposit_of, file_upload, packed_file
from device.errors import QueueFull
from device.frames import FILE_BYTES_MAX, Request, deposit_uid

State = Literal["waiting", "received", "refused"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS item (
  uid TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, packed INTEGER NOT NULL,
  body_bytes INTEGER NOT NULL, made_ms INTEGER NOT NULL, taken_ms INTEGER NOT NULL, urgent INTEGER NOT NULL,
  request BLOB NOT NULL, glance BLOB NOT NULL, verdict BLOB NOT NULL, state TEXT NOT NULL, done_ms INTEGER,
  recording TEXT, code TEXT
);
CREATE INDEX IF NOT EXISTS item_state ON item (state, urgent DESC, taken_ms);
CREATE TABLE IF NOT EXISTS seen (
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, time_ns INTEGER NOT NULL, uid TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Item:
    """One file of the queue."""

    uid: str  # hex
    name: str
    size: int
    sha256: str
    packed: bool
    body_bytes: int
    made_ms: int
    taken_ms: int
    urgent: bool
    request: bytes
    glance: bytes
    verdict: bytes  # what `check` said, as JSON
    state: State
    done_ms: int | None
    recording: str | None
    code: str | None


@dataclass(frozen=True)
class Totals:
    """How many files and bytes wait, how many were received or refused since the queue was made, the oldest waiting."""

    waiting: int
    waiting_bytes: int
    received: int
    refused: int
    oldest_ms: int | None


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    """What this machine's own disk refuses (it is full, or broken) is told as a queue that takes no more."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise QueueFull(reason=f"this machine's disk says: {reason}") from None


class Queue:
    """The queue of one agent. Every call is safe from any thread; those that write return when it is on the disk."""

    def __init__(self, folder: Path, device: str, *, files_max: int, bytes_max: int) -> None:
        self._bodies = folder / "files"
        self._bodies.mkdir(parents=True, exist_ok=True)
        self._device, self._files_max, self._bytes_max = device, files_max, bytes_max
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "queue.sqlite", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        self._sweep()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def take(
        self,
        name: str,
        file: bytes,
        *,
        made_ms: int,
        now_ms: int,
        urgent: bool = False,
        request: Request | None = None,
        glance: bytes = b"",
        verdict: bytes = b"{}",
    ) -> tuple[Item, bool]:
        """Take a file; True when it is new. The same bytes a second time change nothing. Raises QueueFull."""
        sha256 = hashlib.sha256(file).digest()
        uid = deposit_uid(self._device, sha256).hex()
        with self._lock, _on_disk():
            known = self._find(uid)
            if known is not None:
                return known, False
            if len(file) > FILE_BYTES_MAX:
                raise QueueFull(reason=f"{name} has more than {FILE_BYTES_MAX // 2**20} MiB")
            totals = self._totals()
            body, packed = packed_file(file)
            if totals.waiting >= self._files_max or totals.waiting_bytes + len(body) > self._bytes_max:
                raise QueueFull(reason=f"{totals.waiting} files wait, {totals.waiting_bytes // 2**20} MiB")
            self._write_body(uid, body)
            row = (
                uid, name, len(file), sha256.hex(), packed, len(body), made_ms, now_ms, urgent,
                msgspec.json.encode(request), glance, verdict, "waiting", None, None, None,
            )  # fmt: skip
            self._db.execute(f"INSERT INTO item VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 - our own marks
            taken = self._find(uid)
            assert taken is not None
            return taken, True

    def known(self, file: bytes) -> Item | None:
        """The item of these bytes, if they were taken before."""
        with self._lock:
            return self._find(deposit_uid(self._device, hashlib.sha256(file).digest()).hex())

    def upload(self, item: Item) -> FileUpload:
        """What goes over the wire. Raises OSError where its bytes cannot be read."""
        opening = deposit_of(
            self._device,
            item.name,
            bytes.fromhex(item.sha256),
            item.size,
            packed=item.packed,
            made_ms=item.made_ms,
            request=msgspec.json.decode(item.request, type=Request | None),
            glance=item.glance,
        )
        body = self._bodies / item.uid
        return file_upload(opening, body.read_bytes() if body.exists() else b"")

    def next(self, limit: int, without: frozenset[str] = frozenset(), older_than_ms: int | None = None) -> list[Item]:
        """The files to send next: urgent ones first, then in the order they came.

        older_than_ms  leave those out that were taken before it (old bulk waits for its hours); urgent ones never.
        """
        query = (
            "SELECT * FROM item WHERE state = 'waiting' AND (urgent OR taken_ms >= ?) ORDER BY urgent DESC, taken_ms"
        )
        with self._lock:
            rows = self._db.execute(f"{query} LIMIT ?", (older_than_ms or 0, limit + len(without))).fetchall()
        return [item for item in map(_item, rows) if item.uid not in without][:limit]

    def received(self, uid: str, recording: str, now_ms: int) -> None:
        """The hub has it for good: its bytes go, the row stays as the receipt."""
        self._done(uid, "received", now_ms, recording=recording)

    def refused(self, uid: str, code: str, now_ms: int) -> None:
        """The hub will never take it as it is: kept with its bytes for a person to look at."""
        self._done(uid, "refused", now_ms, code=code)

    def again(self, uid: str) -> None:
        """Send a refused file once more."""
        with self._lock, _on_disk():
            self._db.execute(
                "UPDATE item SET state = 'waiting', code = NULL WHERE uid = ? AND state = 'refused'", (uid,)
            )

    def totals(self) -> Totals:
        with self._lock:
            return self._totals()

    def latest(self, limit: int) -> list[Item]:
        """Newest first, for the page."""
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM item ORDER BY taken_ms DESC, rowid DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_item(row) for row in rows]

    def forget_before(self, done_ms: int) -> None:
        """Let receipts go that are older than this; the files they are of would be taken as known no more."""
        with self._lock, _on_disk():
            self._db.execute("DELETE FROM item WHERE state = 'received' AND done_ms < ?", (done_ms,))

    def seen(self, path: str, size: int, time_ns: int) -> bool:
        """Whether this file, as it stands there now, was taken before: it need not be read again."""
        with self._lock:
            row = self._db.execute("SELECT size, time_ns FROM seen WHERE path = ?", (path,)).fetchone()
        return row is not None and (row["size"], row["time_ns"]) == (size, time_ns)

    def mark_seen(self, path: str, size: int, time_ns: int, uid: str) -> None:
        with self._lock, _on_disk():
            self._db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", (path, size, time_ns, uid))

    def received_paths(self) -> list[Path]:
        """Where the files stand that the hub has and that were found in a folder."""
        with self._lock:
            rows = self._db.execute(
                "SELECT path FROM seen JOIN item ON item.uid = seen.uid WHERE state = 'received'"
            ).fetchall()
        return [Path(row["path"]) for row in rows]

    def forget_path(self, path: Path) -> None:
        with self._lock, _on_disk():
            self._db.execute("DELETE FROM seen WHERE path = ?", (str(path),))

    def _find(self, uid: str) -> Item | None:
        row = self._db.execute("SELECT * FROM item WHERE uid = ?", (uid,)).fetchone()
        return None if row is None else _item(row)

    def _totals(self) -> Totals:
        row = self._db.execute(
            "SELECT COALESCE(SUM(state='waiting'), 0) AS waiting,"
            " COALESCE(SUM(CASE WHEN state='waiting' THEN body_bytes END), 0) AS waiting_bytes,"
            " COALESCE(SUM(state='received'), 0) AS received, COALESCE(SUM(state='refused'), 0) AS refused,"
            " MIN(CASE WHEN state='waiting' THEN taken_ms END) AS oldest_ms FROM item"
        ).fetchone()
        return Totals(**dict(row))

    def _done(
        self, uid: str, state: State, now_ms: int, *, recording: str | None = None, code: str | None = None
    ) -> None:
        # The hub has it for good: on a disk that is full its bytes have to go first, to make room for the receipt.
        with self._lock, _on_disk():
            if state == "received":
                (self._bodies / uid).unlink(missing_ok=True)
            self._db.execute(
                "UPDATE item SET state = ?, done_ms = ?, recording = ?, code = ? WHERE uid = ?",
                (state, now_ms, recording, code, uid),
            )

    def _write_body(self, uid: str, body: bytes) -> None:
        path, part = self._bodies / uid, self._bodies / f"{uid}.part"
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(self._bodies)

    def _sweep(self) -> None:
        """Bytes without a waiting row: the power went between the two writes, or after the receipt."""
        rows = self._db.execute("SELECT uid FROM item WHERE state != 'received'").fetchall()
        wanted = {row["uid"] for row in rows}
        for path in self._bodies.iterdir():
            if path.name not in wanted:
                path.unlink()


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable. Windows has no such call; NTFS keeps its names in a journal of its own."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _item(row: sqlite3.Row) -> Item:
    values = dict(row)
    values["packed"], values["urgent"] = bool(values["packed"]), bool(values["urgent"])
    return Item(**values)
