"""How an analysis object is stored: a quarter of its JSON, and the same JSON again when somebody asks.

Most of it is curves, the median beat of each lead: lists of whole numbers that go on much as they went before. They are
taken out and stored as second differences in planes of bytes, as samples are; then one zstd frame holds all.

    packed     zstd( u32 length of the head, little-endian | head | planes )
    head       the JSON with {"#": n} in place of each list of n whole numbers
    planes     the second differences of all those lists one after the other, zigzag (small numbers of either sign
               become small), the lowest bytes of all first

It knows nothing of what the object means. Empty stays empty.
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

import msgspec
import numpy as np
import zstandard

_INTS_MIN: Final = 16
"""Shorter lists gain nothing."""
_INT_MAX: Final = 1 << 28  # so that a second difference fits 32 bits
_LEVEL: Final = 12
"""About 3 ms for one object; levels above bring less than a twentieth more."""
_BYTES_MAX: Final = 256 << 20
_LENGTH: Final = struct.Struct("<I")
_PLACE: Final = "#"

_Json: TypeAlias = dict[str, "_Json"] | list["_Json"] | str | int | float | bool | None


def pack(raw: bytes) -> bytes:
    """`raw`: JSON as msgspec writes it, below 256 MiB; or empty. Raises ValueError when a member is called "#"."""
    if not raw:
        return b""
    lists: list[list[int]] = []
    head = msgspec.json.encode(_without(msgspec.json.decode(raw), lists))
    bends = [np.diff(np.array(numbers, dtype=np.int64), 2, prepend=(0, 0)) for numbers in lists]
    bend = np.concatenate(bends) if bends else np.zeros(0, dtype=np.int64)
    zigzag = np.where(bend < 0, -2 * bend - 1, 2 * bend).astype("<u4")
    planes = zigzag.view(np.uint8).reshape(-1, 4).T.tobytes()
    return zstandard.ZstdCompressor(level=_LEVEL).compress(_LENGTH.pack(len(head)) + head + planes)


def unpack(packed: bytes) -> bytes:
    """The JSON that was packed, byte for byte. What an earlier commit stored as JSON is given as it stands."""
    if packed[:1] in (b"", b"{"):
        return packed
    whole = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_BYTES_MAX)
    (size,) = _LENGTH.unpack_from(whole)
    end = _LENGTH.size + size
    planes = np.frombuffer(whole, dtype=np.uint8, offset=end).reshape(4, -1)
    zigzag = np.ascontiguousarray(planes.T).view("<u4").ravel().astype(np.int64)
    bend = np.where(zigzag & 1, -(zigzag + 1) // 2, zigzag // 2)
    tree, _ = _with(msgspec.json.decode(whole[_LENGTH.size : end]), bend, 0)
    return msgspec.json.encode(tree)


def _without(tree: _Json, lists: list[list[int]]) -> _Json:
    """The tree with places for its lists of whole numbers, which are added to `lists` in order."""
    if isinstance(tree, dict):
        if _PLACE in tree:
            raise ValueError(f"an object with a member {_PLACE!r} cannot be packed")
        return {key: _without(value, lists) for key, value in tree.items()}
    if not isinstance(tree, list):
        return tree
    if len(tree) >= _INTS_MIN and all(type(value) is int and abs(value) < _INT_MAX for value in tree):
        lists.append([value for value in tree if isinstance(value, int)])
        return {_PLACE: len(tree)}
    return [_without(value, lists) for value in tree]


def _with(tree: _Json, bend: np.ndarray[tuple[int], np.dtype[np.int64]], used: int) -> tuple[_Json, int]:
    """The tree with its lists back in their places, and how many of the numbers are used up."""
    if isinstance(tree, dict):
        if isinstance(count := tree.get(_PLACE), int):
            return [int(value) for value in np.cumsum(np.cumsum(bend[used : used + count]))], used + count
        whole: dict[str, _Json] = {}
        for key, value in tree.items():
            whole[key], used = _with(value, bend, used)
        return whole, used
    if isinstance(tree, list):
        values: list[_Json] = []
        for value in tree:
            one, used = _with(value, bend, used)
            values.append(one)
        return values, used
    return tree, used
