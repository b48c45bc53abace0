"""A stretch of signal made small for the state of a monitor: an ECG moves little from row to row.

Only the bytes; what is kept and for how long is the keeper's business.
"""

from __future__ import annotations

import zlib

import numpy as np

from ecg.record import F32
from ecg.trace import I16

Packed = tuple[tuple[int, int], bytes]
NOTHING = -(2**31)  # stands for NaN


def pack(rows: I16) -> Packed:
    """Shape and bytes of (n, leads) int16: differences along time, low and high bytes apart, deflated."""
    steps = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), dtype=np.int16)).astype("<i2")
    planes = np.ascontiguousarray(steps.T).view(np.uint8).reshape(-1, 2).T
    return (rows.shape[0], rows.shape[1]), zlib.compress(np.ascontiguousarray(planes).tobytes(), 1)


def unpack(packed: Packed) -> I16:
    """What `pack` was given."""
    (count, leads), data = packed
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(2, -1)
    steps = np.ascontiguousarray(planes.T).view("<i2").reshape(leads, count).T
    return np.cumsum(steps, axis=0, dtype=np.int16)  # int16 wraps both ways alike


def pack_samples(samples: F32) -> Packed:
    """Shape and bytes of (n, leads) float32 that hold whole microvolts below 2^24, or NaN."""
    whole = np.where(np.isnan(samples), np.float64(NOTHING), samples).astype(np.int32)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, whole.shape[1]), dtype=np.int32)).astype("<i4")
    planes = np.ascontiguousarray(steps.T).view(np.uint8).reshape(-1, 4).T
    return (samples.shape[0], samples.shape[1]), zlib.compress(np.ascontiguousarray(planes).tobytes(), 1)


def unpack_samples(packed: Packed) -> F32:
    """What `pack_samples` was given."""
    (count, leads), data = packed
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(4, -1)
    steps = np.ascontiguousarray(planes.T).view("<i4").reshape(leads, count).T
    whole = np.cumsum(steps, axis=0, dtype=np.int32)
    return np.where(whole == NOTHING, np.float32(np.nan), whole.astype(np.float32)).astype(np.float32)
