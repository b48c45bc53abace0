"""The parts of a film as they lie sealed in a folder: which there are, and any bytes of each as a seekable WebM.

Reads what `media.reel` wrote, also while it is still being written and after a crash. Blocking: call in a thread.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from server.consult.media import webm
from server.consult.media.part import CLUSTER_MS, END, SUFFIX, PartEnd, PartHead, read_note
from server.consult.media.sealed import SealBroken, SealedFile


@dataclass(frozen=True)
class Part:
    """One file: `head` first, then its clusters, as they were when it was opened. closed: its end was written."""

    name: str
    said: PartHead
    last_ms: int
    closed: bool
    dropped: int
    head: bytes
    starts: tuple[int, ...]
    """Where each cluster begins in the whole, and at last where the whole ends."""
    file: SealedFile

    @property
    def size(self) -> int:
        return self.starts[-1]

    def bytes(self, first: int, count: int) -> bytes:
        """So many from there, fewer at the end. Raises SealBroken, FileNotFoundError."""
        end = min(first + count, self.size)
        found = [self.head[first:end]] if first < len(self.head) else []
        number = max(0, bisect_right(self.starts, first) - 1)
        while number + 1 < len(self.starts) and self.starts[number] < end:
            cluster, at = self.file.read(number + 1), self.starts[number]
            found.append(cluster[max(0, first - at) : end - at])
            number += 1
        return b"".join(found)


def parts(folder: Path, key: bytes) -> list[Part]:
    """In the order in which they begin. What is not whole enough to be shown is left out."""
    found = [part for path in folder.glob(f"*{SUFFIX}") for part in _part(path, key)]
    return sorted(found, key=lambda part: (part.said.first_ms, part.name))


def _part(path: Path, key: bytes) -> Iterator[Part]:
    try:
        file = SealedFile(path, key)
        closed = len(file) > 1 and file.notes[-1] == END
        clusters = range(1, len(file) - closed)
        if not clusters:
            return
        said = msgspec.json.decode(file.read(0), type=PartHead)
        end = msgspec.json.decode(file.read(len(file) - 1), type=PartEnd) if closed else None
    except (SealBroken, FileNotFoundError, msgspec.DecodeError):
        return
    cues = []
    for i in clusters:
        ms, begins = read_note(file.notes[i])
        cues.append(webm.Cue(ms, file.size(i), begins))
    last_ms = cues[-1].ms + CLUSTER_MS if end is None else end.last_ms
    head = webm.head(cues, last_ms, said.picture)
    starts = [len(head)]
    for cue in cues:
        starts.append(starts[-1] + cue.size)
    dropped = 0 if end is None else end.dropped
    yield Part(path.name.removesuffix(SUFFIX), said, last_ms, end is not None, dropped, head, tuple(starts), file)
