"""A disk of one file that can lose its power: ext4 on a loop device, cut by FS_IOC_SHUTDOWN, then mounted anew.

Needs root and loop devices. What it shows: whatever the hub had not flushed is gone, and every write and sync after the
cut fails. What it cannot show: a drive that reports a flush it has not done; the loop device's own cache survives.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.waiting import until

SHARED_MEMORY: Final = Path("/dev/shm")
_SHUTDOWN: Final = 0x8004587D  # FS_IOC_SHUTDOWN of linux/fs.h
NOTHING_FLUSHED: Final = 2
LOG_FLUSHED: Final = 1  # the file system's own journal, but no data


@dataclass
class LoopDisk:
    """One image and where it is mounted."""

    image: Path
    at: Path
    size_mb: int

    async def make(self) -> None:
        """A new file system on it, mounted."""
        await self.unmount()
        with self.image.open("wb") as file:
            file.truncate(self.size_mb * 2**20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self.image))
        self.at.mkdir(exist_ok=True)
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-o", "loop", str(self.image), str(self.at))

    async def unmount(self) -> None:
        """Waits for the last file to be closed by a process that is just ending."""
        if self.at.is_mount():
            await until(
                lambda: subprocess.run(["umount", self.at], capture_output=True, check=False).returncode == 0, 60
            )

    def settle(self) -> None:
        """Everything written so far is on it."""
        _run("sync", "-f", str(self.at))

    def cut(self, flag: int = NOTHING_FLUSHED) -> None:
        """From here on every write and sync on it fails, and what was not flushed will not be there."""
        fd = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", flag))
        finally:
            os.close(fd)

    async def power_on(self) -> None:
        """Mount it anew: the file system replays its journal."""
        await self.unmount()
        self._mount()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def _why_not() -> str | None:
    """Why no loop disk can be had here."""
    if os.geteuid() != 0:
        return "a loop disk needs root"
    if not Path("/dev/loop-control").exists():
        return "this machine has no loop devices"
    return None


@asynccontextmanager
async def loop_disk(folder: Path, size_mb: int) -> AsyncIterator[LoopDisk]:
    """A mounted disk, gone afterwards. Skips the test where none can be had, and fails it on CI: there it must run.

    The image lies in memory where there is room: other programs' disk traffic then does not slow the suite, and the cut
    takes the same from it, which is what the mounted file system had not written to it.
    """
    in_memory = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > size_mb * 2**20
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if in_memory else folder) as name:
        disk = LoopDisk(Path(name) / "disk.img", folder / "disk", size_mb)
        why_not = _why_not()
        if why_not is None:
            try:
                await disk.make()
            except OSError as error:
                why_not = str(error)
        if why_not is not None:
            if os.environ.get("CI"):
                pytest.fail(f"CI must cut the power, and cannot: {why_not}")
            pytest.skip(why_not)
        try:
            yield disk
        finally:
            await disk.unmount()
