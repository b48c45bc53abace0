"""What every part does to samples before it measures: gaps held at the last value, moving means.

numpy only (importing scipy.signal costs a second). A gap is held so that nothing spreads NaN, and the mask of what is
real travels beside it. What the stream filters stands in `trace`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecg.record import F32

Mask = npt.NDArray[np.bool_]


def hold(block: F32, last: F32) -> tuple[F32, Mask]:
    """Fill NaN with the last value seen in the lead (`last`, (leads,)); the mask is True where a sample is real."""
    real = np.isfinite(block)
    if real.all():
        return block, real
    joined = np.concatenate([last[None, :], block])
    known = np.concatenate([np.ones((1, block.shape[1]), dtype=bool), real])
    rows = np.where(known, np.arange(len(joined))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    return joined[rows, np.arange(block.shape[1])][1:], real


def moving_mean(values: F32, width: int) -> F32:
    """Centred mean over `width` (odd) samples along axis 0; the ends are means of what is there."""
    half = width // 2
    sums = np.cumsum(np.concatenate([np.zeros((1, *values.shape[1:])), values]), axis=0, dtype=np.float64)
    n = np.arange(len(values))
    low, high = np.maximum(n - half, 0), np.minimum(n + half + 1, len(values))
    counts = (high - low).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray((sums[high] - sums[low]) / counts, dtype=np.float32)
