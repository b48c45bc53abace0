"""The thread that seals and writes a film's parts: the forwarder never waits for a disk.

What it cannot write it tells once, and takes nothing more.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from server.consult.media.part import SUFFIX
from server.consult.media.sealed import SealedWriter

WAITING_BYTES_MAX: Final = 64 << 20
"""Not yet written: the disk stands still."""


class Writer:
    """One film. failed: told from the thread, once, in a word for the log."""

    def __init__(self, folder: Path, key: bytes, failed: Callable[[str], None]) -> None:
        self._folder, self._key, self._failed = folder, key, failed
        self._files: dict[str, SealedWriter] = {}
        self._queue: queue.SimpleQueue[tuple[str, str, bytes, int] | None] = queue.SimpleQueue()
        self._given = self._written = 0  # bytes; each counted by one thread alone
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    def begin(self, part: str) -> None:
        self._put(("begin", part, b"", 0))

    def append(self, part: str, piece: bytes, note: int) -> None:
        self._given += len(piece)
        if self._given - self._written > WAITING_BYTES_MAX:
            self._fail("the disk does not keep up")
        self._put(("append", part, piece, note))

    def close_part(self, part: str) -> None:
        self._put(("close", part, b"", 0))

    def close(self) -> None:
        """What was given is still written; returns at once."""
        self._queue.put(None)

    def wait(self, seconds: float | None = None) -> None:
        """Blocking, until all is written, or so long. After `close`."""
        self._thread.join(seconds)

    def _put(self, work: tuple[str, str, bytes, int]) -> None:
        if not self._broken:
            self._queue.put(work)

    def _fail(self, why: str) -> None:
        if not self._broken:
            self._broken = True
            self._failed(why)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            if self._broken:
                continue
            what, part, piece, note = work
            try:
                if what == "begin":
                    self._files[part] = SealedWriter(self._folder / f"{part}{SUFFIX}", self._key)
                elif what == "append":
                    self._files[part].append(piece, note)
                    self._written += len(piece)
                else:
                    self._files.pop(part).close()
            except OSError as error:
                self._fail(f"{error.strerror}")
        for file in self._files.values():
            file.close()
