"""Watching a folder: which files in it are complete, and what is to be sent of them.

A file is complete when neither size nor time has changed for `settle_s`, nobody holds it open for writing (Windows
says so) and its name is not one of a copy under way. What cannot be taken at all (too large, not readable) is told, and
keeps nothing else from being taken. Looking is by polling, which also works on network shares. A WFDB
record is several files: it is taken as one zip once its header and all signal files are complete. Nothing here writes
to the folder.
"""

from __future__ import annotations

import contextlib
import fnmatch
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from device.agent.settings import MIB, Folder
from device.errors import FileLeft, FolderUnreadable
from device.frames import FILE_BYTES_MAX

UNDER_WAY: Final = re.compile(
    r"(^[.~])|(\.(tmp|temp|part|partial|crdownload|filepart|lock|swp|bak)$)|(^thumbs\.db$)", re.I
)
SIGNAL_LINE: Final = re.compile(r"^(\S+)\s+\d+")
SHARED: Final = (32, 33)
"""Windows: another program has the file, or a part of it, to itself."""
PACKING: Final = 4096
"""More than a zip without compression adds for each file in it."""
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
    left: FileLeft | None = None
    """One that stays where it is, as of the last look."""
    _still: dict[Path, tuple[int, int, float]] = field(default_factory=dict)

    def look(self) -> list[Found]:
        """What has become complete and was not taken before. Raises FolderUnreadable."""
        now = self.clock_s()
        self.left = None
        there: dict[Path, tuple[int, int]] = {}
        for path in self._files():
            with contextlib.suppress(OSError):  # it went away while we looked
                status = path.stat()
                there[path] = (status.st_size, status.st_mtime_ns)
        self._still = {
            path: (size, time_ns, since)
            for path, (size, time_ns) in there.items()
            for since in (self._since(path, size, time_ns, now),)
        }
        settled = {path for path, (_, _, since) in self._still.items() if now - since >= self.folder.settle_s}
        return [found for found in self._complete(there, settled) if not self._was_taken(found)]

    def leave(self, name: str, reason: str) -> None:
        """This one cannot be taken; the first of them is shown."""
        self.left = self.left or FileLeft(name=name, reason=reason)

    def _files(self) -> Iterator[Path]:
        """Every file to look at. A folder below that cannot be read is left out, and told."""
        folders, count = [(Path(self.folder.path), 0)], 0
        while folders:
            folder, depth = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    found = [entry for entry in entries if not UNDER_WAY.search(entry.name)]
            except OSError as error:
                if depth == 0:
                    reason = "it is not there" if isinstance(error, FileNotFoundError) else why(error)
                    raise FolderUnreadable(path=self.folder.path, reason=reason) from None
                self.leave(folder.name, why(error))
                continue
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    if depth < DEPTH_MAX:
                        folders.append((Path(entry.path), depth + 1))
                elif entry.is_file(follow_symlinks=False) and (count := count + 1) <= FILES_MAX:
                    yield Path(entry.path)
        if count > FILES_MAX:
            self.leave(self.folder.path, f"it holds more than {FILES_MAX} files")

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
                    if self._fits(path.stem, size + PACKING * len(parts)):
                        yield Found(path.with_suffix(".zip").name, parts, size, max(there[part][1] for part in parts))
            elif path in settled and path not in signals and path.with_suffix("") not in stems and self._wanted(path):
                size, time_ns = there[path]
                if size and self._fits(path.name, size) and not _held(path):
                    yield Found(path.name, (path,), size, time_ns)

    def _fits(self, name: str, size: int) -> bool:
        if size > FILE_BYTES_MAX:
            self.leave(name, f"{size // MIB} MiB; at most {FILE_BYTES_MAX // MIB} MiB are sent")
        return size <= FILE_BYTES_MAX

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


def why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _held(path: Path) -> bool:
    """Whether another program still writes to it: Windows refuses to open such a file for writing.

    Not where it refuses for want of the right to write: a file that may only be read is complete too.
    """
    if os.name != "nt":
        return False
    try:
        with path.open("r+b"):
            return False
    except OSError as error:
        return getattr(error, "winerror", None) in SHARED
