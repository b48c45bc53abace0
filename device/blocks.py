"""Whole numbers, mostly small, as bytes: sorted by how large they are where they stand, then zstd.

What a number means is not known here: predictions stand in `prediction.py`, the file around it in `coding.py`. A row of
numbers is cut into blocks of sixteen. The class of a block says how many bits its sum has; the blocks of one class,
whatever row they are of, stand together and share a code of their own, which is what lets a QRS complex and the line
between two beats cost what each is worth. Layout, each part with its length before it (LEB128):

    the classes, one byte a block, row after row
    of each class 1 to 16 that occurs: its numbers; classes 1 and 2 with 2 bits each, 3 and 4 with 4, 5 to 8 with 8;
    above 8 their high bits as bytes, then their class - 8 low bits, bit by bit, the lowest first

The parts are zstd frames without magic number and checksum, but for the low bits, which nothing makes smaller. A block
may stand in a higher class than it needs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import zstandard

from device.errors import ArchiveDamaged

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]

BLOCK: Final = 16
CLASSES: Final = 17
_BYTES: Final = 8  # the highest class whose numbers fit a byte each: no class is needed to read them
_SUM: Final = np.ones(BLOCK, np.float32)

# Level 1: a higher one finds chance repetitions in noise, which cost more than they save.
_PACK: Final = zstandard.ZstdCompressionParameters.from_level(
    1, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=True, write_checksum=False
)


class _Kept(threading.local):
    """One of each a thread, as zstandard asks for; made anew for each part they would take most of the time."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(compression_params=_PACK)
        self.unpacker = zstandard.ZstdDecompressor(format=zstandard.FORMAT_ZSTD1_MAGICLESS)


_kept: Final = _Kept()
_TOO_LONG: Final = "one of its parts is longer than it may be"


def blocks_of(rows: U16) -> U16:
    """(rows, n) as (blocks, BLOCK), the last of a row filled up with zeros."""
    count, n = rows.shape
    if n % BLOCK == 0:
        return rows.reshape(-1, BLOCK)
    filled = np.zeros((count, blocks_in(n) * BLOCK), np.uint16)
    filled[:, :n] = rows
    return filled.reshape(-1, BLOCK)


def blocks_in(n: int) -> int:
    return -(-n // BLOCK)


def pack(blocks: U16, *, together: bool) -> bytes:
    """By classes, or with all that fits bytes together, where what repeats itself tells more than how large it is."""
    classes = _classes(blocks)
    if together:
        classes = np.maximum(classes, _BYTES)
    by_class = blocks.take(np.argsort(classes, kind="stable"), axis=0)
    ends = np.cumsum(np.bincount(classes, minlength=CLASSES)).tolist()
    written = [squeezed(classes.tobytes())]
    for number in range(1, CLASSES):
        if ends[number] > ends[number - 1]:
            written.extend(_written(number, by_class[ends[number - 1] : ends[number]]))
    return b"".join(written)


def unpack(parts: Parts, rows: int, n: int) -> U16:
    """(rows, n) numbers. Never unpacks more than that takes. Raises ArchiveDamaged."""
    count = rows * blocks_in(n)
    classes = parts.unpacked(count)
    if classes.size and int(classes.max()) >= CLASSES:
        raise ArchiveDamaged(reason="a block has a class there is not")
    place = np.argsort(classes, kind="stable")
    ends = np.cumsum(np.bincount(classes, minlength=CLASSES)).tolist()
    by_class = np.zeros((count, BLOCK), np.uint16)
    for number in range(1, CLASSES):
        if ends[number] > ends[number - 1]:
            _read(parts, number, by_class[ends[number - 1] : ends[number]])
    blocks = np.empty_like(by_class)
    blocks[place] = by_class
    return blocks.reshape(rows, -1)[:, :n]


class Parts:
    """What follows one after the other in a file, each with its length before it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = memoryview(raw)
        self._at = 0

    def take(self, size: int) -> memoryview:
        """So many bytes as they are. Raises ArchiveDamaged where there are fewer."""
        if size > len(self._raw) - self._at:
            raise ArchiveDamaged(reason="it is too short")
        self._at += size
        return self._raw[self._at - size : self._at]

    def part(self) -> memoryview:
        size = 0
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                return self.take(size)
        raise ArchiveDamaged(reason=_TOO_LONG)

    def unpacked(self, size: int | None = None, *, most: int = 0) -> U8:
        """The next part unpacked: `size` bytes, or at most so many. Raises ArchiveDamaged."""
        frame = self.part()
        try:
            # zstandard trusts the size a frame names, whatever max_output_size says: so that size is asked first.
            named = zstandard.get_frame_parameters(frame, format=zstandard.FORMAT_ZSTD1_MAGICLESS).content_size
            if named > most if size is None else named != size:
                raise ArchiveDamaged(reason=_TOO_LONG)
            whole = _kept.unpacker.decompress(frame, max_output_size=named) if named else b""
        except zstandard.ZstdError:
            raise ArchiveDamaged(reason="it cannot be unpacked") from None
        if len(whole) != named:
            raise ArchiveDamaged(reason="one of its parts is shorter than it says")
        return np.frombuffer(whole, np.uint8)

    def rest(self) -> memoryview:
        return self.take(len(self._raw) - self._at)

    def end(self) -> None:
        if self._at != len(self._raw):
            raise ArchiveDamaged(reason="something follows its end")


def part(raw: bytes) -> bytes:
    """With its length before it, as `Parts.part` reads it."""
    size, head = len(raw), bytearray()
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + raw


def squeezed(raw: bytes) -> bytes:
    """One zstd frame as `Parts.unpacked` reads it, with its length before it."""
    return part(_kept.packer.compress(raw))


def _classes(blocks: U16) -> U8:
    sums = blocks.astype(np.float32) @ _SUM  # below 2^24: exact, in whatever order
    classes: U8 = np.minimum(np.frexp(sums)[1], CLASSES - 1).astype(np.uint8)
    return classes


def _written(number: int, blocks: U16) -> Iterator[bytes]:
    """The parts of one class. Numbers of few bits share a byte, so that a code shorter than a bit is possible."""
    low = blocks.astype(np.uint8)
    if number <= 2:
        four = low[:, 0::4] | low[:, 1::4] << 2 | low[:, 2::4] << 4 | low[:, 3::4] << 6
        yield squeezed(four.tobytes())
    elif number <= 4:
        yield squeezed((low[:, 0::2] | low[:, 1::2] << 4).tobytes())
    elif number <= _BYTES:
        yield squeezed(low.tobytes())
    else:
        bits = number - _BYTES
        yield squeezed((blocks >> bits).astype(np.uint8).tobytes())
        for bit in range(bits):
            yield np.packbits(low >> bit & 1).tobytes()


def _read(parts: Parts, number: int, into: U16) -> None:
    count = len(into)
    if number <= 2:
        four = parts.unpacked(count * BLOCK // 4).reshape(count, -1)
        for place in range(4):
            into[:, place::4] = four >> (2 * place) & 3
    elif number <= 4:
        two = parts.unpacked(count * BLOCK // 2).reshape(count, -1)
        into[:, 0::2] = two & 15
        into[:, 1::2] = two >> 4
    else:
        into[:] = parts.unpacked(count * BLOCK).reshape(count, -1)
        bits = max(number - _BYTES, 0)
        into <<= np.uint16(bits)
        for bit in range(bits):
            plane = np.unpackbits(np.frombuffer(parts.take(count * BLOCK // 8), np.uint8))
            into |= plane.reshape(count, BLOCK).astype(np.uint16) << np.uint16(bit)
