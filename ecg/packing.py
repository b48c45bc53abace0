"""A stretch of trace made small for the state of a monitor: an ECG moves little from row to row.

Only the bytes; what is kept and for how long is the keeper's business.
"""

from __future__ import annotations

import zlib

import numpy as np

from ecg.trace import I16


def pack(rows: I16) -> tuple[tuple[int, int], bytes]:
    """Shape and bytes of (n, leads) int16: differences along time, low and high bytes apart, deflated."""
    steps = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), dtype=np.int16)).astype("<i2")
    planes = np.ascontiguousarray(steps.T).view(np.uint8).reshape(-1, 2).T
    return (rows.shape[0], rows.shape[1]), zlib.compress(np.ascontiguousarray(planes).tobytes(), 1)


def unpack(packed: tuple[tuple[int, int], bytes]) -> I16:
    """What `pack` was given."""
    (count, leads), data = packed
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(2, -1)
    steps = np.ascontiguousarray(planes.T).view("<i2").reshape(leads, count).T
    return np.cumsum(steps, axis=0, dtype=np.int16)  # int16 wraps both ways alike
