"""The signal as detection, beat classes and rhythm see it: 100 samples a second, whole microvolts, no baseline.

Everything here is integer arithmetic in float64, where it is exact: the trace does not depend on how the samples were
cut, nor on the machine. That is what makes a stream and a file give the same beats, bit for bit. Waves are measured on
the recording's own samples (`waves`), never on the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.signal.filters import hold

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

RATE = 100  # samples a second of the trace
LOWPASS_HZ, HALF_S = (
    38.0,
    0.08,
)  # low-pass: middle of its slope, half its length. Mains is gone, QRS is not
UNIT = 4096.0  # the filter's taps are whole parts of this
BASE = 101  # samples: the baseline is a moving mean of this width, twice
BASE_LAG = BASE - 1
CLIP_UV = 32_000  # of the trace
RAW_UV = 1e6  # more than a volt is no ECG and must not overflow
FRAME = 48  # input samples a frame, about; see Resampler
AT_ONCE = 1 << 17  # numbers in one product


@dataclass(frozen=True)
class _Bank:
    """One rate's low-pass: a frame of `step` inputs gives `out` outputs by the rows of `taps` (out, width)."""

    step: int
    out: int
    before: int  # inputs before the frame that its window begins with
    taps: F64


@cache
def _bank(fs: float) -> _Bank:
    ratio = Fraction(fs).limit_denominator(1000) / RATE
    group = max(1, round(FRAME / ratio.numerator))
    step, out = group * ratio.numerator, group * ratio.denominator
    half = HALF_S * fs
    before = int(np.ceil(half))
    width = before + step + before + 1
    taps = np.zeros((out, width))
    for row in range(out):
        away = (np.arange(width) - before - float(row * ratio)) / fs  # seconds from the output's instant
        inside = np.abs(away) < HALF_S
        shape = np.sinc(2 * LOWPASS_HZ * away[inside]) * np.cos(np.pi * away[inside] / (2 * HALF_S)) ** 2
        whole = np.round(shape / shape.sum() * UNIT)
        whole[np.argmax(whole)] += UNIT - whole.sum()  # gain at 0 Hz exactly 1 in every row: no ripple from a level
        taps[row, inside] = whole
    return _Bank(step, out, before, taps)


class Resampler:
    """Raw samples to 100 a second through a linear-phase low-pass; output m is the signal at m / 100 s."""

    def __init__(self, fs: float, leads: int) -> None:
        self.fs, self._leads = fs, leads
        bank = _bank(fs)
        self._tail = np.zeros((bank.before, leads))  # of the first frame: the level before the start
        self._fresh = True
        self.fed = 0

    def push(self, whole_uv: F64) -> I32:
        """(n, leads) whole microvolts, no NaN -> (m, leads). The first sample stood for ever before."""
        if not len(whole_uv):
            return np.zeros((0, self._leads), dtype=np.int32)
        if self._fresh:
            self._tail[:] = whole_uv[0]
            self._fresh = False
        self.fed += len(whole_uv)
        return self._frames(np.concatenate([self._tail, whole_uv]))

    def flush(self) -> I32:
        """The rest: the last sample is taken to stand for ever."""
        bank = _bank(self.fs)
        if self._fresh:
            return np.zeros((0, self._leads), dtype=np.int32)
        pad = np.repeat(self._tail[-1:], bank.step + bank.taps.shape[1], axis=0)
        return self._frames(np.concatenate([self._tail, pad]))

    def _frames(self, joined: F64) -> I32:
        bank = _bank(self.fs)
        width = bank.taps.shape[1]
        count = (len(joined) - width) // bank.step + 1
        if count <= 0:
            self._tail = joined
            return np.zeros((0, self._leads), dtype=np.int32)
        self._tail = joined[count * bank.step :].copy()
        columns = np.ascontiguousarray(joined.T)
        made = np.empty((count * bank.out, self._leads), dtype=np.int32)
        together = max(1, AT_ONCE // (count * width))  # a chunk of a stream in one product
        for lead in range(0, self._leads, together):
            few = columns[lead : lead + together]
            # sliding_window_view costs more than all the rest in a chunk of a stream
            strides = (few.strides[0], bank.step * few.itemsize, few.itemsize)
            windows = np.ndarray((len(few), count, width), few.dtype, few, strides=strides)
            product = windows.reshape(-1, width) @ bank.taps.T
            product /= UNIT
            made[:, lead : lead + together] = np.rint(product, out=product).reshape(len(few), -1).T
        return made


class Trace:
    """Chunks of a recording to its trace; the outputs lag, and are certain once given.

    One row of the trace is 1/100 s, row 0 the first sample. Gaps are held at the last value (`hold`).
    """

    def __init__(self, fs: float, leads: int) -> None:
        self._resampler = Resampler(fs, leads)
        self._last = np.zeros(leads, dtype=np.float32)
        self._started = np.zeros(leads, dtype=bool)
        self._level = np.zeros((0, leads), dtype=np.int32)  # rows whose baseline is not known yet, and what it needs
        self._fresh = True

    def push(self, raw_uv: F32) -> I16:
        """(n, leads) float32 microvolts with NaN in gaps -> the rows (m, leads) int16 that are certain now."""
        self._start(raw_uv)
        filled, _ = hold(raw_uv, self._last)
        if len(filled):
            self._last = filled[-1].copy()
        return self._without_baseline(
            self._resampler.push(np.rint(np.clip(filled, -RAW_UV, RAW_UV)).astype(np.float64))
        )

    def flush(self, rows_in_all: int, given: int) -> I16:
        """The rest of the rows, up to `rows_in_all`."""
        if self._fresh and not len(self._level):
            tail = self._resampler.flush()
            if not len(tail):
                return np.zeros((0, len(self._last)), dtype=np.int16)
            self._level, self._fresh = np.repeat(tail[:1], BASE_LAG, axis=0), False
        else:
            tail = self._resampler.flush()
        rest = self._without_baseline(np.concatenate([tail, np.repeat(self._end(tail), 2 * BASE, axis=0)]))
        return rest[: max(0, rows_in_all - given)]

    def _end(self, tail: I32) -> I32:
        return tail[-1:] if len(tail) else self._level[-1:]

    def _start(self, raw_uv: F32) -> None:
        """A lead begins at its first real sample: it stands at that level before, with no step from zero."""
        if self._started.all():
            return
        for lead in np.flatnonzero(~self._started):
            real = np.flatnonzero(np.isfinite(raw_uv[:, lead]))
            if len(real):
                self._last[lead] = raw_uv[real[0], lead]
                self._started[lead] = True

    def _without_baseline(self, level: I32) -> I16:
        if not len(level):
            return np.zeros((0, level.shape[1]), dtype=np.int16)
        if self._fresh:
            self._level, self._fresh = np.repeat(level[:1], BASE_LAG, axis=0), False
        joined = np.concatenate([self._level, level])
        count = len(joined) - 2 * BASE_LAG
        if count <= 0:
            self._level = joined
            return np.zeros((0, level.shape[1]), dtype=np.int16)
        self._level = joined[count:].copy()
        base = _sums(_sums(joined.astype(np.int64))) / float(BASE * BASE)
        trace = joined[BASE_LAG : BASE_LAG + count] - np.rint(base, out=base)
        return np.asarray(np.minimum(np.maximum(trace, -CLIP_UV), CLIP_UV), dtype=np.int16)


def _sums(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums over BASE rows, shorter by BASE_LAG rows."""
    total = np.zeros((len(values) + 1, values.shape[1]), dtype=np.int64)
    values.cumsum(axis=0, out=total[1:])
    return np.asarray(total[BASE:] - total[:-BASE])


def trace_of(signal_uv: F32, fs: float) -> I16:
    """The whole trace of a recording, (ceil(n * 100 / fs), leads)."""
    trace = Trace(fs, signal_uv.shape[1])
    rows = rows_of(len(signal_uv), fs)
    first = trace.push(signal_uv)
    return np.concatenate([first, trace.flush(rows, len(first))])[:rows]


def rows_of(samples: int, fs: float) -> int:
    """How many rows of the trace a recording of so many samples has."""
    return int(np.ceil(samples * RATE / fs))


def row_of(sample: npt.NDArray[np.int64], fs: float) -> npt.NDArray[np.int64]:
    """The row nearest to a sample."""
    return np.asarray(np.rint(sample * (RATE / fs)), dtype=np.int64)
