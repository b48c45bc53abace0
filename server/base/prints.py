"""Printed papers that are kept so that the next who asks need not wait: a cache with a bound, not an archive.

What was signed stands in its row for ever (reports, conclusions); its print is a pure function of it and can be made
again (the rooms' `paper.py`). The oldest in use give way when the bound is met, so prints take the same room after a
million ECGs as after a thousand. Losing the folder loses nothing, so a backup leaves it out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.pdf")
_KEPT_WHEN_FULL: Final = 0.75
"""To this share of the bound it shrinks, so that not every further print reads the folder."""


class Prints:
    """Files below one folder of their own; at most about `bytes_max` bytes of them."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._bytes: int | None = None  # not weighed yet
        self._lock = asyncio.Lock()

    async def get(self, name: str) -> bytes | None:
        """The kept print, which thereby counts as just used; None: print it."""
        return await asyncio.to_thread(self._get, self._path(name))

    async def keep(self, name: str, content: bytes) -> None:
        """Keep it, whole or not at all. A disk that has no room for it is no error: it is printed again then."""
        async with self._lock:  # one thread at a time counts and clears
            await asyncio.to_thread(self._keep, self._path(name), content)

    # ---- blocking, in a thread ----

    def _get(self, path: Path) -> bytes | None:
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def _keep(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # else a power cut could leave the name with half of the pages
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            return
        self._bytes = self._weigh() if self._bytes is None else self._bytes + len(content)
        if self._bytes > self._bytes_max:
            self._bytes = self._shrink()

    def _weigh(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _shrink(self) -> int:
        """Drop what was used longest ago. Returns the bytes that are left."""
        files = sorted(self._files())
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._bytes_max * _KEPT_WHEN_FULL:
                break
            path.unlink(missing_ok=True)
            left -= size
        return left

    def _files(self) -> list[tuple[int, int, Path]]:
        """(last use in ns, bytes, path) of each, those a crash left half written too."""
        found = [(path.stat(), path) for path in self._folder.iterdir() if path.is_file()]
        return [(stat.st_mtime_ns, stat.st_size, path) for stat, path in found]

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not the name of a print: {name!r}")
        return self._folder / name
