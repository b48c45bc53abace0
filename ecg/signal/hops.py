"""What is wrong with the raw samples of a lead, half second by half second: flat, saturated, torn, rough, hum.

Whether what is left is a heart or noise is judged on the trace (`readable`); what the hops of a recording add up to,
and whether it should be taken again, stands in `quality`.

All sums are of whole numbers, so that a stream and a file count the same, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.signal.filters import Mask

F64 = npt.NDArray[np.float64]

HOP_S = 0.5
LIMIT_UV = 1e6  # more than a volt is no ECG; keeps all sums whole in float64
FLAT_UV = 4.0  # a connected electrode is never this still for half a second
STUCK_SHARE = 0.9  # share of samples equal to their neighbour: the input is saturated or the wire is off
TORN_UV = 20_000.0  # more than this within half a second is a jump, not a heart (QRS of 17 mV are real)
RAIL_UV = 5_000.0  # a still input this far from zero is saturated, not open
CLIP_UV, CLIP_SHARE = 1_000.0, 0.08  # this much of a hop of this range at one and the same extreme: cut off
ROUGH_S = 0.004
ROUGH_UV = 60.0  # white noise of this size begins to cost, of twice this size nothing can be read
LARGE_UV = 5_000.0  # few hearts are this large: mostly motion
SPREAD = 0.25  # root mean square as part of the range: of a step 0.5, of a QRS less, of a pacing spike next to nothing
BEND_UV, BEND_PART = 600.0, 0.15  # no more than this, or this part of the range, counts of a bend: spikes again
ROUGH_PART = 0.05  # a tall QRS bends, too: up to this part of its range; white noise bends more than three times that
HUM_UV = 200.0  # amplitude of mains that begins to cost
AERIAL_UV, AERIAL_PART = 50.0, 2.5  # mains of this size and hardly anything else: an open wire, no resting heart
BLOCK = 128  # hops at a time: what fits the cache
TAP_UNIT = 1024.0
MAINS_HZ = (50.0, 60.0)


MASKS = ("usable", "flat", "saturated", "torn", "large")
SIZES = ("range", "level", "jump", "rough", "mains", "still", "missing")


@dataclass(frozen=True)
class HopQuality:
    """Raw hops as two tables: `masks` (..., MASKS) and `sizes` (..., SIZES), by lead, or by hop and lead.

    usable     carries a signal that may be an ECG.
    flat       nothing, or a value that does not move; saturated: flat and far from zero, or cut off at an extreme.
    torn       jumps as no heart does; large: larger than nearly all hearts.
    range_uv   peak to peak; level_uv mean; jump: largest step from sample to sample.
    rough      size of white noise that would bend as much over 4 ms, mains aside; mains: amplitude of 50 or 60 Hz, the
               larger. All in microvolts.
    still      share of samples equal to the one before; missing: share that was NaN or infinite.
    """

    masks: Mask
    sizes: F32

    @property
    def usable(self) -> Mask:
        return self.masks[..., 0]

    @property
    def flat(self) -> Mask:
        return self.masks[..., 1]

    @property
    def range_uv(self) -> F32:
        return self.sizes[..., 0]

    @property
    def level_uv(self) -> F32:
        return self.sizes[..., 1]


def hop_quality(raw_uv: F32, fs: float | None = None) -> HopQuality:
    """Judge one hop, (samples, leads) raw microvolts, NaN where there was no signal; fs None: it is half a second."""
    found = _block(raw_uv[None], 2.0 * max(len(raw_uv), 50) if fs is None else fs)
    return HopQuality(found.masks[0], found.sizes[0])


def hops_quality(signal_uv: F32, fs: float) -> HopQuality:
    """All hops of a recording, (samples, leads); a rest shorter than a quarter of a hop is left out."""
    hop = round(HOP_S * fs)
    whole, leads = len(signal_uv) // hop, signal_uv.shape[1]
    if len(signal_uv) == hop:  # as a stream has them
        return _block(signal_uv[None], fs)
    parts = [
        _block(signal_uv[first * hop : min(first + BLOCK, whole) * hop].reshape(-1, hop, leads), fs)
        for first in range(0, whole, BLOCK)
    ]
    if len(signal_uv) - whole * hop >= max(1, hop // 4):
        parts.append(_block(signal_uv[None, whole * hop :], fs))
    if not parts:
        parts.append(_block(np.zeros((0, hop, leads), dtype=np.float32), fs))
    return HopQuality(np.concatenate([part.masks for part in parts]), np.concatenate([part.sizes for part in parts]))


def _block(raw_uv: F32, fs: float) -> HopQuality:
    """(hops, samples, leads) at once."""
    hops, samples, leads = raw_uv.shape
    x = np.array(raw_uv.transpose(0, 2, 1), dtype=np.float32, order="C").reshape(-1, samples)
    missing = _fill(x)
    np.minimum(np.maximum(x, -LIMIT_UV, out=x), LIMIT_UV, out=x)
    np.rint(x, out=x)
    low, high = x.min(axis=1), x.max(axis=1)
    range_uv = high - low
    wide = x.astype(np.float64)
    level = wide.sum(axis=1) / samples
    spread = np.einsum("ij,ij->i", wide, wide) / samples - level * level
    step = x[:, 1:] - x[:, :-1]
    still = (step == 0).sum(axis=1) / max(1, samples - 1) if samples > 1 else np.ones(len(x))
    np.abs(step, out=step)
    mains = _mains(wide, fs)
    near = max(1, round(ROUGH_S * fs))
    bend = _bend(x, near, range_uv) - (mains * _mains_gain(near, fs)) ** 2
    empty = missing > 0.5
    sizes = np.empty((len(x), len(SIZES)), dtype=np.float32)
    sizes[:, 0] = np.where(empty, np.float32(0), range_uv)
    sizes[:, 1], sizes[:, 2] = level, step.max(axis=1, initial=0)
    sizes[:, 3], sizes[:, 4] = np.sqrt(np.maximum(bend, 0.0)), mains
    sizes[:, 5], sizes[:, 6] = still, missing
    flat = empty | (range_uv < FLAT_UV) | (still > STUCK_SHARE)
    large = ~flat & (spread >= (SPREAD * range_uv.astype(np.float64)) ** 2) & (range_uv >= LARGE_UV)
    masks = np.empty((len(x), len(MASKS)), dtype=bool)
    masks[:, 1], masks[:, 4] = flat, large
    masks[:, 2] = flat & ~empty & (np.abs(level) > RAIL_UV)
    for row in ((range_uv > CLIP_UV) & (still > CLIP_SHARE)).nonzero()[0].tolist():
        masks[row, 2] |= np.count_nonzero((x[row] == high[row]) | (x[row] == low[row])) / samples > CLIP_SHARE
    masks[:, 3] = large & (range_uv >= TORN_UV)
    aerial = (mains >= AERIAL_UV) & (range_uv <= AERIAL_PART * mains)
    masks[:, 0] = ~flat & ~masks[:, 3] & ~aerial & (sizes[:, 3] < np.maximum(2.5 * ROUGH_UV, ROUGH_PART * range_uv))
    return HopQuality(masks.reshape(hops, leads, len(MASKS)), sizes.reshape(hops, leads, len(SIZES)))


def _fill(x: F32) -> F64:
    """Hold the last real sample over what is missing, in place; the share that was missing, a row."""
    real = np.isfinite(x)
    if real.all():
        return np.zeros(len(x))
    for row in np.flatnonzero(~real.all(axis=1)):
        known = np.flatnonzero(real[row])
        if len(known):
            x[row] = x[row, known[np.maximum(np.searchsorted(known, np.arange(x.shape[1]), side="right") - 1, 0)]]
        else:
            x[row] = 0.0
    return np.asarray(1.0 - real.mean(axis=1))


def _bend(x: F32, near: int, range_uv: F32) -> F64:
    """Mean square of the bend over 2 * near samples, as the power of white noise; spikes count for little."""
    inner = x.shape[1] - 2 * near
    if inner < 1:
        return np.zeros(len(x))
    bend = x[:, near:-near] * 2
    bend -= x[:, 2 * near :]
    bend -= x[:, : -2 * near]
    most = np.maximum(np.float32(BEND_UV), np.float32(BEND_PART) * range_uv)[:, None]
    np.minimum(np.maximum(bend, -most, out=bend), most, out=bend)
    wide = bend.astype(np.float64)
    return np.asarray(np.einsum("ij,ij->i", wide, wide) / (6.0 * inner))


def _mains(wide: F64, fs: float) -> F64:
    """Amplitude of the larger of the two mains frequencies through a Hann window."""
    taps, gain = _mains_taps(wide.shape[1], fs)
    if gain == 0.0:
        return np.zeros(len(wide))
    power = wide @ taps
    power *= power
    return np.asarray(np.sqrt(np.maximum(power[:, 0] + power[:, 1], power[:, 2] + power[:, 3])) / gain)


@cache
def _mains_gain(near: int, fs: float) -> float:
    """What mains of amplitude 1 adds to the square root of `_bend`; of the smaller of the two frequencies."""
    return float((2.0 - 2.0 * np.cos(2 * np.pi * MAINS_HZ[0] * near / fs)) / np.sqrt(12.0))


@cache
def _mains_taps(samples: int, fs: float) -> tuple[F64, float]:
    """(samples, 4) cosine and sine of 50 and 60 Hz in whole parts of TAP_UNIT, and what an amplitude of 1 gives."""
    if samples < 0.2 * fs or fs <= 2 * max(MAINS_HZ):
        return np.zeros((samples, 4)), 0.0  # too short to tell them apart, or above what the rate can carry
    hann = np.hanning(samples + 2)[1:-1]
    angle = 2 * np.pi * np.arange(samples) / fs
    waves = [hann * wave(hz * angle) for hz in MAINS_HZ for wave in (np.cos, np.sin)]
    return np.rint(TAP_UNIT * np.stack(waves, axis=1)), float(TAP_UNIT * hann.sum() / 2)
