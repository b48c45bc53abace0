"""DICOM data elements (PS3.5): the bytes of a file as nested data sets, by tag.

A walk over lengths and nothing more; each is checked against the file, depth and number are bounded, values are views
and not copies. What the elements of a waveform mean is `dicom.py`'s business.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Final, Literal

from ecg.errors import FieldWrong, FileTooLarge, FileTruncated, FormatRefused
from ecg.formats.document import THE_FILE

PREAMBLE = 128
DEPTH_MAX = 16
ELEMENTS_MAX = 200_000
INFLATED_MAX = 32 * 1024 * 1024
UNDEFINED = 0xFFFFFFFF
BEGIN_BYTES_MAX = 256  # of the first element: a length of the group, a character set, an image type
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_SEQUENCES: Final = frozenset(
    (0x54000100, 0x003A0200, 0x003A0208, 0x003A0211)
)  # of a waveform; an implicit file does not say which elements are sequences
_IMPLICIT, _BIG, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_READ = (_IMPLICIT, "1.2.840.10008.1.2.1", _BIG, _DEFLATED)


@dataclass
class DataSet:
    """Elements of one data set; the first of each tag counts. `order` is "<" or ">", as struct and numpy have it."""

    order: Literal["<", ">"]
    values: dict[int, memoryview] = field(default_factory=dict)
    sequences: dict[int, list[DataSet]] = field(default_factory=dict)

    def words(self, tag: int) -> str:
        """A value as text, for codes and numbers: ASCII, without padding. Empty when it is not there."""
        return bytes(self.values.get(tag, b"")).decode("latin-1").strip(" \0")

    def number(self, tag: int, name: str) -> int | None:
        """The first value of a US or UL element, whichever its length says."""
        value = self.values.get(tag)
        if value is None or len(value) == 0:
            return None
        if len(value) not in (2, 4):
            raise FieldWrong(path=THE_FILE, field=name, got=f"{len(value)} bytes", why="it should be a number")
        return int(struct.unpack(self.order + ("H" if len(value) == 2 else "I"), value)[0])

    def decimal(self, tag: int, name: str) -> float | None:
        """The first value of a DS element. Raises FieldWrong: it is no number."""
        stated = self.words(tag).split("\\")[0].strip()
        if not stated:
            return None
        try:
            return float(stated)
        except ValueError:
            raise FieldWrong(path=THE_FILE, field=name, got=stated[:40], why="it is no number") from None

    def first(self, tag: int) -> DataSet:
        """The first item of a sequence, or an empty one."""
        items = self.sequences.get(tag)
        return items[0] if items else DataSet(self.order)


def is_dicom(raw: bytes) -> bool:
    """By the mark behind the preamble, or by a first element of group 2 or 8 with a value representation."""
    if raw[PREAMBLE : PREAMBLE + 4] == b"DICM":
        return True
    if raw[1:2] != b"\0" or raw[0:1] not in (b"\x02", b"\x08") or raw[3:4] != b"\0":
        return False
    return raw[4:6] in (b"UL", b"OB", b"UI", b"CS") or _is_implicit(raw)


def _is_implicit(raw: bytes) -> bool:
    """Whether a file without preamble begins with two elements of group 8 without representations."""
    length = int.from_bytes(raw[4:8], "little")
    following = raw[8 + length : 12 + length]
    return raw[:1] == b"\x08" and length <= BEGIN_BYTES_MAX and following[:2] == b"\x08\0" and following > raw[:4]


def read(raw: bytes) -> DataSet:
    """The data set of a file. Raises FileTruncated, FieldWrong, FormatRefused, FileTooLarge."""
    start = PREAMBLE + 4 if raw[PREAMBLE : PREAMBLE + 4] == b"DICM" else 0
    meta_walk = _Walk(memoryview(raw), "<", True)
    meta, at = meta_walk.data_set(start, len(raw), group=2)
    syntax = meta.words(0x00020010) or _guessed(raw, at)
    if syntax not in _READ:
        raise FormatRefused(
            path=THE_FILE, format=f"DICOM in transfer syntax {syntax[:64]}", reason="it holds no waveform"
        )
    body, at = (_inflated(raw[at:]), 0) if syntax == _DEFLATED else (raw, at)
    # Writers that state one and mean the other are met; the first element's representation tells.
    explicit = body[at + 4 : at + 6].isalpha() and body[at + 4 : at + 6].isupper()
    return _Walk(memoryview(body), ">" if syntax == _BIG else "<", explicit).data_set(at, len(body))[0]


def _guessed(raw: bytes, at: int) -> str:
    return _READ[1] if raw[at + 4 : at + 6].isalpha() else _IMPLICIT


def _inflated(raw: bytes) -> bytes:
    try:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        body = engine.decompress(raw, INFLATED_MAX)
    except zlib.error:
        raise FileTruncated(path=THE_FILE, where="its deflated part cannot be inflated") from None
    if engine.unconsumed_tail:
        raise FileTooLarge(path=THE_FILE, got=INFLATED_MAX + 1, unit="bytes when inflated", most=INFLATED_MAX)
    return body


class _Walk:
    """One pass over the elements of a file; counts them, so that no file keeps it busy for long."""

    def __init__(self, raw: memoryview, order: Literal["<", ">"], explicit: bool) -> None:
        self.raw, self.order, self.explicit, self.seen = raw, order, explicit, 0

    def data_set(self, at: int, end: int, *, depth: int = 0, group: int | None = None) -> tuple[DataSet, int]:
        """Elements from `at` to `end`, to an item's delimiter, or to the last of `group`; and the byte behind."""
        found = DataSet(self.order)
        while end - at >= 8:
            tag = self._tag(at)
            if tag == _ITEM_END:
                return found, at + 8
            if tag == 0 or (group is not None and tag >> 16 != group):
                break  # zeros behind the last element, or the next group
            at = self._element(found, tag, at, end, depth)
        return found, at

    def _element(self, found: DataSet, tag: int, at: int, end: int, depth: int) -> int:
        self.seen += 1
        if self.seen > ELEMENTS_MAX or depth > DEPTH_MAX:
            raise FieldWrong(path=THE_FILE, field="data elements", got=f"{self.seen}, {depth} deep", why="too many")
        kind, length, at = self._head(at)
        is_sequence = kind == b"SQ" or length == UNDEFINED or (kind in (b"", b"UN") and tag in _SEQUENCES)
        if length != UNDEFINED and at + length > end:
            where = f"element {tag >> 16:04X},{tag & 0xFFFF:04X} ends at byte {at + length} of {end}"
            raise FileTruncated(path=THE_FILE, where=where)
        if not is_sequence:
            found.values.setdefault(tag, self.raw[at : at + length])
            return at + length
        explicit = self.explicit
        self.explicit = explicit and kind != b"UN"  # an unknown sequence is written implicitly (PS3.5, 6.2.2)
        items, at = self._items(at, end if length == UNDEFINED else at + length, length == UNDEFINED, depth)
        self.explicit = explicit
        found.sequences.setdefault(tag, items)
        return at

    def _items(self, at: int, end: int, delimited: bool, depth: int) -> tuple[list[DataSet], int]:
        items: list[DataSet] = []
        while end - at >= 8:
            tag, length = self._tag(at), self._u32(at + 4)
            at += 8
            if tag == _SEQUENCE_END:
                return items, at
            if tag != _ITEM or (length != UNDEFINED and at + length > end):
                raise FileTruncated(path=THE_FILE, where="an item of a sequence does not end inside it")
            self.seen += 1
            item, behind = self.data_set(at, end if length == UNDEFINED else at + length, depth=depth + 1)
            at = behind if length == UNDEFINED else at + length
            items.append(item)
        if delimited:
            raise FileTruncated(path=THE_FILE, where="a sequence has no end")
        return items, end

    def _head(self, at: int) -> tuple[bytes, int, int]:
        """Value representation (empty when implicit), length, and where the value begins."""
        if not self.explicit:
            return b"", self._u32(at + 4), at + 8
        kind = bytes(self.raw[at + 4 : at + 6])
        if kind in _LONG:
            return kind, self._u32(at + 8), at + 12
        return kind, int(struct.unpack_from(self.order + "H", self.raw, at + 6)[0]), at + 8

    def _tag(self, at: int) -> int:
        group, element = struct.unpack_from(self.order + "HH", self.raw, at)
        return int(group) << 16 | int(element)

    def _u32(self, at: int) -> int:
        if at + 4 > len(self.raw):
            raise FileTruncated(path=THE_FILE, where="an element's length is cut off")
        return int(struct.unpack_from(self.order + "I", self.raw, at)[0])
