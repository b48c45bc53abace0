"""Filters that a stream and a file share: linear-phase FIR with a known delay, decimation, and the filling of gaps.

numpy only (importing scipy.signal costs a second). Every function works on (samples, leads) float32 and is causal:
state in, state out. Gaps are held at the last value so that no filter spreads NaN, and the mask of what is real travels
beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.record import F32

Mask = npt.NDArray[np.bool_]

DETECTION_HZ = 200.0  # detection runs at the lowest integer part of fs that is not below this, or at fs itself


def decimation(fs: float) -> int:
    """How many samples become one for detection."""
    return max(1, int(fs / DETECTION_HZ))


def band_pass(fs: float, low_hz: float, high_hz: float, seconds: float) -> F32:
    """A windowed-sinc band-pass of odd length (taps,); its delay is (taps - 1) / 2 samples, its gain in the band 1."""
    half = round(seconds * fs / 2)
    n = np.arange(-half, half + 1)
    ideal = 2 * high_hz / fs * np.sinc(2 * high_hz / fs * n) - 2 * low_hz / fs * np.sinc(2 * low_hz / fs * n)
    taps = ideal * np.hamming(len(n))
    taps -= taps.mean()  # exactly no gain at 0 Hz: baseline must not leak
    middle = (low_hz * high_hz) ** 0.5
    gain = abs(np.sum(taps * np.exp(-2j * np.pi * middle / fs * n)))
    return np.asarray(taps / gain, dtype=np.float32)


@dataclass
class Fir:
    """A running FIR filter over (samples, leads): blocks in, blocks of the same length out, `delay` samples late."""

    taps: F32
    tail: F32

    @classmethod
    def of(cls, taps: F32, leads: int) -> Fir:
        return cls(taps, np.zeros((len(taps) - 1, leads), dtype=np.float32))

    @property
    def delay(self) -> int:
        return (len(self.taps) - 1) // 2

    def push(self, block: F32) -> F32:
        joined = np.concatenate([self.tail, block])
        self.tail = joined[len(joined) - len(self.tail) :].copy()
        windows = np.lib.stride_tricks.sliding_window_view(joined, len(self.taps), axis=0)
        return np.asarray(windows @ self.taps[::-1], dtype=np.float32)


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
