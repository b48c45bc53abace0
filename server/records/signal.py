"""A stored recording's samples on their way to a page: the `XLR1` form.

    'XLR1', u32 length of the header, JSON header {fs, leads, n, gain_uv_per_lsb}, zeros to a multiple of 4,
    then int16 little-endian, lead after lead; -32768 where there was no signal.

Lead after lead, because a page draws leads; the archive's own coding is `device/coding.py`'s business.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class StoredSignal:
    """samples (n, leads) int16, one row a sample at fs Hz; -32768 where there was no signal."""

    fs: float
    leads: tuple[str, ...]
    gain_uv_per_lsb: float
    samples: npt.NDArray[np.int16]


def xlr1(signal: StoredSignal) -> bytes:
    header = msgspec.json.encode(
        {
            "fs": signal.fs,
            "leads": signal.leads,
            "n": len(signal.samples),
            "gain_uv_per_lsb": signal.gain_uv_per_lsb,
        }
    )
    head = b"XLR1" + struct.pack("<I", len(header)) + header
    padding = b"\0" * (-len(head) % 4)
    return head + padding + np.ascontiguousarray(signal.samples.T, dtype="<i2").tobytes()
