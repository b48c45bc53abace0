"""How one frame travels to the page: XLF1, samples as they are stored, without loss.

A header of 12 bytes, then zlib: columns u16, rows u16, channels u8 (1 grey, 3 colour), bytes of a sample u8, signed u8,
one byte unused; little endian. Inside, one plane a channel; in each the difference of a sample to the one on its left
(the first of a row as it is), low bytes of the plane before its high bytes. PNG of 16 bits would need a decoder of its
own in the page too (browsers cut it to 8) and knows no signed values. `web/src/images/frames.ts` reads it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

MAGIC: Final = b"XLF1"
_HEAD: Final = struct.Struct("<4sHHBBBx")
LEVEL: Final = 6
Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.int8] | npt.NDArray[np.uint16] | npt.NDArray[np.int16]


def pack(pixels: Pixels) -> bytes:
    """(rows, columns) grey or (rows, columns, 3) colour, of 8 or 16 bits."""
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    rows, columns, channels = planes.shape
    size = pixels.dtype.itemsize
    head = _HEAD.pack(MAGIC, columns, rows, channels, size, int(pixels.dtype.kind == "i"))
    body = bytearray()
    for channel in range(channels):
        plane = np.ascontiguousarray(planes[:, :, channel])
        body += _steps8(plane.view(np.uint8)) if size == 1 else _steps16(plane.view(np.uint16))
    return head + zlib.compress(body, LEVEL)


# Differences are modulo 2^bits: the page adds them up again so.


def _steps8(plane: npt.NDArray[np.uint8]) -> bytes:
    steps = plane.copy()
    steps[:, 1:] -= plane[:, :-1]
    return steps.tobytes()


def _steps16(plane: npt.NDArray[np.uint16]) -> bytes:
    steps = plane.copy()
    steps[:, 1:] -= plane[:, :-1]
    return (steps & 0xFF).astype(np.uint8).tobytes() + (steps >> 8).astype(np.uint8).tobytes()
