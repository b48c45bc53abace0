"""Files by key: archive files, PDFs, attachments. Written whole or not at all, durable once `put` has returned.

A blob is never changed: a key is written once with one content (the same again is fine). What a blob means is its
room's business; that a key cannot lead out of the folder is checked here. The other store is S3's (design.md); both
pass `tests/server/test_blobs.py`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from server.base.errors import AppError, StorageFull

# Parts of small letters, digits, dot, dash and underscore, none starting with a dot: the same on every file system.
_KEY: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,99}(?:/[a-z0-9_-][a-z0-9._-]{0,99}){0,7}")


@dataclass(eq=False)
class BlobKeyRefused(AppError):
    code: ClassVar[str] = "blob.key"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "This is no key of a stored file."
    mend: ClassVar[str] = "Keys are lower-case names of letters, digits, dots and dashes, with slashes between."


@dataclass(eq=False)
class BlobMissing(AppError):
    code: ClassVar[str] = "blob.missing"
    status: ClassVar[int] = 404
    what: ClassVar[str] = "The stored file {key} is missing."
    mend: ClassVar[str] = "Restore it from the backup."
    key: str


@dataclass(eq=False)
class BlobDiffers(AppError):
    code: ClassVar[str] = "blob.differs"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "Under the key {key} another content is stored already."
    mend: ClassVar[str] = "A stored file is never changed: take a new key."
    key: str


class Blobs(Protocol):
    """Where the bytes lie. Every method may raise BlobKeyRefused."""

    async def put(self, key: str, content: bytes) -> None:
        """Durable when it returns. The same content again does nothing. Raises BlobDiffers, StorageFull."""
        ...

    async def get(self, key: str) -> bytes:
        """Raises BlobMissing."""
        ...

    async def part(self, key: str, first: int, size: int) -> bytes:
        """So many bytes from there, fewer where the file ends before. Raises BlobMissing."""
        ...

    async def exists(self, key: str) -> bool: ...

    async def size(self, key: str) -> int:
        """Bytes. Raises BlobMissing."""
        ...

    async def keys(self, prefix: str = "") -> list[str]:
        """All keys below a prefix (whole parts, "recordings/2026"), sorted; for backup and scrub, not for the wards."""
        ...

    async def delete(self, key: str) -> None:
        """For retention only. A key that is not there is no error."""
        ...


class FileBlobs:
    """Blobs as files below one folder: temporary name, write, fsync, link, fsync of each folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, content: bytes) -> None:
        await asyncio.to_thread(self._put, self._path(key), key, content)

    async def get(self, key: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobMissing(key=key) from None

    async def part(self, key: str, first: int, size: int) -> bytes:
        try:
            return await asyncio.to_thread(_part, self._path(key), first, size)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobMissing(key=key) from None

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    async def size(self, key: str) -> int:
        try:
            return (await asyncio.to_thread(self._path(key).stat)).st_size
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(key=key) from None

    async def keys(self, prefix: str = "") -> list[str]:
        return await asyncio.to_thread(self._keys, self._path(prefix) if prefix else self._folder)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, self._path(key))

    # ---- blocking, in a thread ----

    def _put(self, path: Path, key: str, content: bytes) -> None:
        self._make_folder(path.parent)
        temporary = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(temporary, path)  # unlike a rename it never takes another content's place
            except FileExistsError:
                if path.read_bytes() != content:
                    raise BlobDiffers(key=key) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from None
            raise
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)  # also for the same content again: the first writer may not have got this far

    def _make_folder(self, folder: Path) -> None:
        """Each new folder's name is made durable in the one above it."""
        missing = [folder]
        while not missing[-1].exists() and missing[-1] != self._folder.parent:
            missing.append(missing[-1].parent)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for made in missing[1:]:
            _sync_folder(made)

    def _keys(self, below: Path) -> list[str]:
        return sorted(
            path.relative_to(self._folder).as_posix()
            for path in below.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )

    def _delete(self, path: Path) -> None:
        if path.is_file():
            path.unlink()
            _sync_folder(path.parent)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise BlobKeyRefused
        return self._folder / key


def _part(path: Path, first: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(first)
        return file.read(size)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
