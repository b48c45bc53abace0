"""Sealed files: pieces appended one by one, each encrypted, and durable once `append` has returned.

A cut at any instant leaves every piece before it readable; the torn one at the end is left out. A piece has a note in
the clear (a number), so that a reader finds its way without opening all. What the pieces are is not known here.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC: Final = b"XLSEAL1\n"
HEAD: Final = struct.Struct("<II")
"""Bytes of the sealed piece, note."""
TAG_BYTES: Final = 16
PIECE_BYTES_MAX: Final = 64 << 20


class SealBroken(Exception):
    """A piece is not what was written, or the key is another one."""


class SealedWriter:
    """A new file. key: 32 bytes, shared by files of different names. Raises OSError (also FileExistsError)."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._seal = _cipher(key, path.name)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._number = 0
        os.write(self._fd, MAGIC)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, piece: bytes, note: int = 0) -> None:
        sealed = self._seal.encrypt(_nonce(self._number), piece, HEAD.pack(self._number, note))
        whole = memoryview(HEAD.pack(len(sealed), note) + sealed)
        while whole:
            whole = whole[os.write(self._fd, whole) :]
        os.fdatasync(self._fd)
        self._number += 1

    def close(self) -> None:
        os.close(self._fd)


class SealedFile:
    """The pieces that were whole when it was opened. Raises FileNotFoundError, SealBroken (no such file at all)."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._seal = path, _cipher(key, path.name)
        self._pieces: list[tuple[int, int]] = []
        self.notes: list[int] = []
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise SealBroken(path.name)
            end = os.fstat(file.fileno()).st_size
            at = len(MAGIC)
            while len(head := file.read(HEAD.size)) == HEAD.size:
                size, note = HEAD.unpack(head)
                at += HEAD.size
                if not TAG_BYTES <= size <= PIECE_BYTES_MAX or at + size > end:
                    break
                self._pieces.append((at, size))
                self.notes.append(note)
                at = file.seek(at + size)

    def __len__(self) -> int:
        return len(self._pieces)

    def size(self, number: int) -> int:
        """Bytes of a piece as it was given."""
        return self._pieces[number][1] - TAG_BYTES

    def read(self, number: int) -> bytes:
        """Raises SealBroken, FileNotFoundError."""
        at, size = self._pieces[number]
        with self._path.open("rb") as file:
            file.seek(at)
            sealed = file.read(size)
        try:
            return self._seal.decrypt(_nonce(number), sealed, HEAD.pack(number, self.notes[number]))
        except InvalidTag:
            raise SealBroken(self._path.name) from None


def _cipher(key: bytes, name: str) -> AESGCM:
    """Of one file: with a key of its own the number of a piece serves as its nonce and never comes twice."""
    return AESGCM(HKDF(SHA256(), 32, None, b"xinlian sealed file\n" + name.encode()).derive(key))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
