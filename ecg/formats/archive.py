"""ZIP files: what they hold, bounded before anything is inflated.

Only bytes by name; whether they are a WFDB record or one file of another format is for others to say.
"""

from __future__ import annotations

import io
import itertools
import lzma
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Final

from ecg.errors import FieldWrong, FileBroken, FileTooLarge
from ecg.formats.document import FILE_BYTES_MAX, THE_FILE

MEMBERS_MAX = 64
RATIO_MAX = 200  # samples of an ECG shrink by less than 20; only what is made to burst by more
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, IndexError, KeyError, NotImplementedError, RuntimeError),
)  # the ways in which the library says that an archive is none
_JUNK: Final = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


def is_zip(raw: bytes) -> bool:
    """By the mark of its first member."""
    return raw[:4] == b"PK\x03\x04"


def sole(raw: bytes) -> bytes:
    """The one file that an archive holds; or the bytes as they are, when they are no archive or one of several files.

    One archive deep. Raises as `members`.
    """
    if not is_zip(raw):
        return raw
    files = list(members(raw).values())
    return files[0] if len(files) == 1 and not is_zip(files[0]) else raw


def members(raw: bytes) -> dict[str, bytes]:
    """The files of an archive by their bare names; folders and what file managers leave are passed over.

    Raises FileBroken (no archive, encrypted, an unknown method), FileTooLarge, FieldWrong (a name that leads out of its
    folder or stands twice, too many files, members that share bytes).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            wanted = _checked(archive.infolist(), len(raw))
            return {name: _inflated(archive, info) for name, info in wanted.items()}
    except _DAMAGE as reason:
        raise FileBroken(path=THE_FILE, reason=f"its ZIP archive is damaged ({type(reason).__name__})") from reason


def _checked(listed: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    if len(listed) > MEMBERS_MAX:
        raise FieldWrong(
            path=THE_FILE, field="files in the archive", got=str(len(listed)), why=f"{MEMBERS_MAX} are read"
        )
    wanted: dict[str, zipfile.ZipInfo] = {}
    for info in listed:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in info.filename or "\0" in info.filename:
            raise _named(info, "it leads out of the archive")
        if path.name in ("", "."):
            raise _named(info, "it is no name")
        if info.filename.endswith(("/", "\\")) or any(part in _JUNK or part.startswith("._") for part in path.parts):
            continue
        if path.name in wanted:
            raise _named(info, "a file of this name stands in the archive twice")
        if info.flag_bits & 1:
            raise FileBroken(path=THE_FILE, reason="its ZIP archive is encrypted")
        wanted[path.name] = info
    inflated = sum(info.file_size for info in listed)
    if inflated > FILE_BYTES_MAX:
        raise FileTooLarge(path=THE_FILE, got=inflated, unit="bytes when unpacked", most=FILE_BYTES_MAX)
    if inflated > max(RATIO_MAX * size, 4096):
        raise FieldWrong(path=THE_FILE, field="size unpacked", got=f"{inflated} bytes", why="no ECG shrinks by so much")
    ordered = sorted(listed, key=lambda info: info.header_offset)
    for info, after in itertools.pairwise(ordered):
        if info.header_offset + info.compress_size > after.header_offset:
            raise _named(after, "its bytes are another file's too")
    return wanted


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as member:
        content = member.read(info.file_size + 1)
    if len(content) > info.file_size:
        raise _named(info, "it is longer than the archive says")
    return content


def _named(info: zipfile.ZipInfo, why: str) -> FieldWrong:
    return FieldWrong(path=THE_FILE, field="name in the archive", got=info.filename[:80], why=why)
