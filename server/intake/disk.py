"""The calls the journal makes to the disk, in one place so that a test can put a disk there that refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path


class Disk:
    """The calls the journal makes; a test puts one in their place that fails."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, parts: Sequence[bytes]) -> None:
        for first in range(0, len(parts), 1024):
            some = parts[first : first + 1024]
            rest = b""
            written = os.writev(fd, some)
            if written != sum(map(len, some)):
                rest = b"".join(some)[written:]
            while rest:
                rest = rest[os.write(fd, rest) :]

    def reserve(self, fd: int, size: int) -> None:
        """Raises ENOSPC where `size` bytes have no room; without taking what there is for a moment from others."""
        disk = os.fstatvfs(fd)
        if disk.f_bavail * disk.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.posix_fallocate(fd, 0, size)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)

    def sync_data(self, fd: int) -> None:
        os.fdatasync(fd)

    def sync(self, fd: int) -> None:
        os.fsync(fd)

    def sync_folder(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
