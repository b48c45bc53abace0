"""Watching a folder: which files in it are complete, and what is to be sent of them.

A file is complete when neither size nor time has changed for `settle_s`, nobody holds it open for writing (Windows
says so) and its name is not one of a copy under way. Looking is by polling, which also works on network shares. A WFDB
record is several files: it is taken as one zip once its header and all signal files are complete. Nothing here writes
to the folder.
"""

from __future__ import annotations

import fnmatch
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from device.agent.settings import Folder
from device.errors import FolderUnreadable
from device.frames import FILE_BYTES_MAX

UNDER_WAY: Final = re.compile(
    r"(^[.~])|(\.(tmp|temp|part|partial|crdownload|filepart|lock|swp|bak)$)|(^thumbs\.db$)", re.I
)
SIGNAL_LINE: Final = re.compile(r"^(\S+)\s+\d+")
DEPTH_MAX: Final = 4
FILES_MAX: Final = 100_000


@dataclass(frozen=True)
class Found:
    """A complete file (or record): what to call it, where it stands, how it looked when it was found complete."""

    name: str
    paths: tuple[Path, ...]
    size: int
    time_ns: int

    def read(self) -> bytes:
        """Its bytes; several files as one zip without compression. Raises OSError."""
        if len(self.paths) == 1:
            return self.paths[0].read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in self.paths:
                # A fixed date: the same record has to give the same bytes however often it is packed.
                archive.writestr(zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0)), path.read_bytes())
        return packed.getvalue()


@dataclass
class FolderWatch:
    """One watched folder. `look` is called again and again; it blocks on the disk, so it runs in a thread."""

    folder: Folder
    known: Callable[[str, int, int], bool]
    """Whether a path was taken already as it stands: path, size, time in ns."""
    clock_s: Callable[[], float]
    _still: dict[Path, tuple[int, int, float]] = field(default_factory=dict)

    def look(self) -> list[Found]:
        """What has become complete and was not taken before. Raises FolderUnreadable."""
        now = self.clock_s()
        there: dict[Path, tuple[int, int]] = {}
        try:
            for path in _files(Path(self.folder.path)):
                status = path.stat()
                there[path] = (status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            if not Path(self.folder.path).is_dir():
                raise FolderUnreadable(path=self.folder.path, reason="it is not there") from None
            return []  # a file went away while we looked: the next look is soon
        except OSError as error:
            raise FolderUnreadable(path=self.folder.path, reason=error.strerror or type(error).__name__) from None
        self._still = {
            path: (size, time_ns, since)
            for path, (size, time_ns) in there.items()
            for since in (self._since(path, size, time_ns, now),)
        }
        settled = {path for path, (_, _, since) in self._still.items() if now - since >= self.folder.settle_s}
        return [found for found in self._complete(there, settled) if not self._was_taken(found)]

    def _since(self, path: Path, size: int, time_ns: int, now: float) -> float:
        before = self._still.get(path)
        return before[2] if before is not None and before[:2] == (size, time_ns) else now

    def _complete(self, there: dict[Path, tuple[int, int]], settled: set[Path]) -> Iterator[Found]:
        headers = {path for path in there if path.suffix.lower() == ".hea"}
        signals = {signal for header in headers & settled for signal in signal_files(header)}
        stems = {header.with_suffix("") for header in headers}
        for path in sorted(there):
            if path in headers:
                parts = (path, *signal_files(path)) if path in settled else ()
                if parts and len(parts) > 1 and set(parts) <= settled and not any(map(_held, parts)):
                    size = sum(there[part][0] for part in parts)
                    yield Found(path.with_suffix(".zip").name, parts, size, max(there[part][1] for part in parts))
            elif path in settled and path not in signals and path.with_suffix("") not in stems and self._wanted(path):
                size, time_ns = there[path]
                if size and not _held(path):
                    yield Found(path.name, (path,), size, time_ns)

    def _wanted(self, path: Path) -> bool:
        return any(fnmatch.fnmatch(path.name.lower(), pattern.lower()) for pattern in self.folder.patterns)

    def _was_taken(self, found: Found) -> bool:
        return self.known(str(found.paths[0]), found.size, found.time_ns)


def signal_files(header: Path) -> tuple[Path, ...]:
    """The signal files a WFDB header names, beside it; empty when it is no such header or names a file elsewhere."""
    try:
        lines = header.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    content = [line for line in lines if line.strip() and not line.startswith("#")]
    names = dict.fromkeys(match[1] for line in content[1:] if (match := SIGNAL_LINE.match(line)))
    if not names or any(Path(name).name != name for name in names):
        return ()
    return tuple(header.parent / name for name in names)


def _files(folder: Path, depth: int = 0) -> Iterator[Path]:
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if UNDER_WAY.search(entry.name) or (count := count + 1) > FILES_MAX:
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < DEPTH_MAX:
                    yield from _files(Path(entry.path), depth + 1)
            elif entry.is_file(follow_symlinks=False) and entry.stat().st_size <= FILE_BYTES_MAX:
                yield Path(entry.path)


def _held(path: Path) -> bool:
    """Whether another program still writes to it: Windows refuses to open such a file for writing."""
    if os.name != "nt":
        return False
    try:
        with path.open("r+b"):
            return False
    except OSError:
        return True
