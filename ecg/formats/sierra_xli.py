"""XLI, the compression inside Philips Sierra ECG XML: LZW of 10-bit codes over second differences of 16-bit samples.

After the description and readers of the project sierra-ecg-tools. A chunk is one lead: 4 bytes of length, 2 unknown, 2
of the first delta; then LZW. Unpacked, the high bytes of all words stand before the low ones. All sums wrap in 16 bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ecg.errors import FieldWrong, FileTruncated
from ecg.formats.document import THE_FILE

HEADER: Final = 8
BITS: Final = 10
LAST_CODE: Final = (1 << BITS) - 2
SLACK: Final = 4096  # bytes that a chunk may unpack to beyond the promised samples
DELTA_ZERO: Final = 64

I16 = npt.NDArray[np.int16]


def leads(raw: bytes, count: int, least: int, promised: int) -> list[I16]:
    """Up to `count` chunks, at least `least`, about `promised` samples each. Raises FileTruncated, FieldWrong."""
    found: list[I16] = []
    at = 0
    while len(found) < count and (at < len(raw) or len(found) < least):
        name = f"XLI chunk {len(found) + 1}"
        if at + HEADER > len(raw):
            raise FileTruncated(path=THE_FILE, where=f"{name} of {count} is missing")
        length = int.from_bytes(raw[at : at + 4], "little", signed=True)
        first = int.from_bytes(raw[at + 6 : at + 8], "little", signed=True)
        at += HEADER
        if not 0 < length <= len(raw) - at:
            raise FieldWrong(
                path=THE_FILE, field=name, got=f"{length} bytes", why=f"{len(raw) - at} bytes are left in the block"
            )
        found.append(_samples(_unpacked(raw[at : at + length], 2 * promised + SLACK, name), first, name))
        at += length
    return found


def _unpacked(chunk: bytes, most: int, name: str) -> bytes:
    """LZW undone. Raises FieldWrong: a code that stands for nothing yet, or more bytes than there can be."""
    bits = np.unpackbits(np.frombuffer(chunk[: most * BITS // 8 + 2], dtype=np.uint8))
    codes = bits[: len(bits) // BITS * BITS].reshape(-1, BITS) @ (1 << np.arange(BITS - 1, -1, -1))
    table = [bytes([at]) for at in range(256)]
    out = bytearray()
    previous = b""
    for code in codes.tolist():
        if code > LAST_CODE:
            break
        if code < len(table):
            word = table[code]
        elif code == len(table) and previous:
            word = previous + previous[:1]
        else:
            raise FieldWrong(path=THE_FILE, field=name, got=f"code {code}", why="it stands for nothing yet")
        if previous and len(table) <= LAST_CODE:
            table.append(previous + word[:1])
        previous = word
        out += word
        if len(out) > most:
            raise FieldWrong(path=THE_FILE, field=name, got=f"{len(out)} bytes", why="it unpacks to more than promised")
    return bytes(out)


def _samples(unpacked: bytes, first: int, name: str) -> I16:
    """Words put together again, and summed twice."""
    if len(unpacked) < 4:
        raise FieldWrong(path=THE_FILE, field=name, got=f"{len(unpacked)} bytes", why="it holds no two samples")
    plain = np.frombuffer(unpacked + b"\0" * (len(unpacked) % 2), dtype=np.uint8)
    half = len(plain) // 2
    words = (plain[:half].astype(np.uint16) << 8 | plain[half:]).view(np.int16).astype(np.int64)
    bends = np.concatenate(([first], words[2:-1] - DELTA_ZERO))[: half - 2]  # x[i] = 2 x[i-1] - x[i-2] - bend[i]
    slopes = words[1] - words[0] - np.cumsum(bends)
    return np.concatenate((words[:2], words[1] + np.cumsum(slopes))).astype(np.int16)
