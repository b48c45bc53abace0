"""A file on its way to the hub: its `deposit`, packed once, cut into chunks.

An `Upload` over bytes, as `simulate.SampledUpload` is one over samples. No disk: the agent's queue keeps the bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from device import coding
from device.frames import CHUNK_BYTES_MAX, NAME_MAX, Chunk, Deposit, End, Request, deposit_uid


@dataclass(frozen=True)
class FileUpload:
    """`body` is what is sent: the file, or its zstd frame. Small chunks let what is urgent pass between them."""

    opening: Deposit
    body: bytes
    chunk_bytes: int
    kept_from: int = 0

    @property
    def frames(self) -> int:
        return -(-len(self.body) // self.chunk_bytes)

    def frame(self, stream: int, seq: int) -> Chunk:
        first = seq * self.chunk_bytes
        return Chunk(stream, seq, first, self.body[first : first + self.chunk_bytes])

    def end(self, stream: int) -> End:
        return End(stream, self.frames, len(self.body), hashlib.sha256(self.body).digest())


def packed_file(file: bytes) -> tuple[bytes, bool]:
    """What to send of a file, and whether it is packed: only where that saves something."""
    packed = coding.pack_file(file)
    return (packed, True) if len(packed) < len(file) else (file, False)


def deposit_of(
    device: str,
    name: str,
    sha256: bytes,
    size: int,
    *,
    packed: bool,
    made_ms: int,
    request: Request | None = None,
    glance: bytes = b"",
) -> Deposit:
    """The opening of a file; `stream` and `device_ms` are set when it is offered."""
    return Deposit(
        stream=0,
        uid=deposit_uid(device, sha256),
        name=name[-NAME_MAX:] or "?",
        size=size,
        sha256=sha256,
        made_ms=made_ms,
        device_ms=0,
        packing="zstd" if packed else "",
        request=request,
        glance=glance,
    )


def file_upload(opening: Deposit, body: bytes, chunk_bytes: int = 8 * 1024) -> FileUpload:
    return FileUpload(opening, body, min(chunk_bytes, CHUNK_BYTES_MAX))
