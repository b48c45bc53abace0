"""How much room the data folder's disk has, and a file that keeps some of it for what must go on when it is full.

The file takes up `bytes_held` while all is well. Where somebody finds no room it is given up: from then on alerts,
readings and sign-off go on in its room, and ordinary commands and devices wait. It is taken back once there is room.
Who is told, and which commands are ordinary, is decided elsewhere. Any thread may call; calls take milliseconds.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

Room = Literal["ok", "low", "full"]
"""`low`: ordinary work goes on, somebody should make room. `full`: only what the reserve is for goes on."""

RESERVE_BYTES: Final = 32 * 2**20
"""About 300 signed reports with their paper form. Less than a segment of the journal, which so cannot take it."""
MARGIN_BYTES: Final = 16 * 2**20
"""Free besides the reserve before it is taken back, so that a disk on the edge does not go to and fro."""


class Reserve:
    """One file of `bytes_held` in `folder`. `free` tells the bytes that the disk has left; a test may have its own."""

    def __init__(
        self,
        folder: Path,
        low_bytes: int,
        bytes_held: int = RESERVE_BYTES,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._path, self._low_bytes, self._bytes, self._free = folder / "reserve", low_bytes, bytes_held, free
        self._lock = threading.Lock()
        self._held = False
        self.free_bytes = 0

    @property
    def spent(self) -> bool:
        """It was given up: ordinary work waits."""
        return not self._held

    def spend(self) -> bool:
        """Give it up. False: it was given up before, so there is nothing more to be had."""
        with self._lock:
            if not self._held:
                return False
            self._held = False
            try:
                with self._path.open("r+b") as file:
                    file.truncate(0)
                    os.fsync(file.fileno())  # ext4 hands freed blocks out again only after this
            except OSError:  # gone, or the disk fails: whoever asked finds out by himself
                return False
            return True

    def release(self) -> None:
        """The hub stops."""
        with self._lock:
            self._held = False
            with contextlib.suppress(OSError):  # on a disk that fails it stays
                self._path.unlink(missing_ok=True)

    def look(self, *, may_take: bool = True) -> Room:
        """How the disk stands now; takes the reserve back where there is room for it again, and nobody waits for it."""
        with self._lock:
            self.free_bytes = self._free(self._path.parent)
            if may_take and not self._held and self.free_bytes >= self._missing() + MARGIN_BYTES:
                self._held = self._take()
            if not self._held:
                return "full"
            return "low" if self.free_bytes < self._low_bytes else "ok"

    def _missing(self) -> int:
        """A hub that was killed has left it as it was: then nothing more is needed."""
        return 0 if self._path.exists() and self._path.stat().st_size >= self._bytes else self._bytes

    def _take(self) -> bool:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._bytes)
            os.fsync(fd)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            os.ftruncate(fd, 0)
            return False
        finally:
            os.close(fd)
        return True
