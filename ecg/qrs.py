"""Where the QRS complexes are: energy of all leads, scaled and fused, peaks picked, R placed. Causal, in fixed hops.

The front end and the picker are the detector of both `analyze` and `Monitor`; nothing here depends on how the samples
were cut, because `stream.Core` always hands in whole hops. What a beat is (normal, ventricular) is `beats`' business,
what the rhythm is `rhythm`'s.

Method after Pan & Tompkins 1985 and Hamilton & Tompkins 1986, fused over leads by quality (algorithms.md 1).
Deviations: scales are medians over 9 s of past and 2 s of future, so that the detector lags by about 3 s instead of
seeing the whole file; a scale never falls below 0.3 of the last minute's, so that the noise of an asystole does not
become beats.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ecg.filters import Fir, Mask, band_pass, decimation, hold, moving_mean
from ecg.record import F32, I64

HOP_S = 0.5
PAST_HOPS, FUTURE_HOPS = 18, 4  # scale of a hop: median over this neighbourhood
FIRST_HOPS = 10  # the first hops wait for this many, so that a 10 s record does not open with a guessed scale
SCALE_FLOOR, SCALE_DECAY_S = 0.3, 60.0  # a scale stays above this part of its own past, which fades with this time
QRS_UV_MIN = 100.0  # no QRS is smaller, peak to peak in the band (algorithms.md 1: 0.1 mV)
APART_S = 0.18  # two beats are never closer: 333 a minute
T_WAVE_S, T_WAVE_PART = 0.36, 0.55  # a lower peak this soon after a beat is its T wave
LEVEL_MEMORY, THRESHOLD, SEARCH_BACK, CANDIDATE = 0.92, 0.5, 0.25, 0.1
SPIKE_UV, SPIKE_ALONE, SPIKE_PART = 300.0, 6.0, 0.6
SPIKE_S = 0.004  # a pacing spike is gone this soon after its peak
GAP_PART = 1.55  # search back when a gap is longer than this many mean R-R


@dataclass(frozen=True)
class Hop:
    """One hop as the front end gives it, at the detection rate: all arrays (samples, leads), aligned in time.

    trace_uv   the decimated signal, gaps held. band_uv: 5-20 Hz. energy_uv: its smoothed slope, in uV a sample.
    usable     (leads,) the lead carries a signal in this hop.
    """

    trace_uv: F32
    band_uv: F32
    energy_uv: F32
    usable: Mask


@dataclass(frozen=True)
class Fused:
    """A hop with its fused energy (samples,), and of each lead the weight and the contrast (leads,)."""

    hop: Hop
    energy: F32
    weight: F32
    contrast: F32


@dataclass(frozen=True)
class Peak:
    """A QRS at detection-rate index `at`, `height` of the fused energy (1 is usual), peak to peak in uV."""

    at: int
    height: float


class Front:
    """Raw hops to `Hop`s: fill gaps, decimate, band-pass, energy. The outputs lag by `delay` detection samples."""

    def __init__(self, fs: float, leads: int) -> None:
        self.every = decimation(fs)
        self.rate = fs / self.every
        self._last = np.zeros(leads, dtype=np.float32)
        self._started = np.zeros(leads, dtype=bool)
        self._band = Fir.of(band_pass(self.rate, 5.0, 20.0, 0.4), leads)
        width = max(3, round(0.09 * self.rate) | 1)
        self._mean = Fir.of(np.full(width, 1.0 / width, dtype=np.float32), leads)
        self._slope_tail = np.zeros((2, leads), dtype=np.float32)
        self.delay = self._band.delay + 1 + self._mean.delay
        # The trace and the band wait, so that all three tell of the same instant.
        self._trace_wait = np.zeros((self.delay, leads), dtype=np.float32)
        self._band_wait = np.zeros((1 + self._mean.delay, leads), dtype=np.float32)

    def push(self, raw_uv: F32, usable: Mask) -> Hop:
        """raw_uv (k * every, leads), NaN in gaps."""
        self._start(raw_uv)
        filled, _ = hold(raw_uv, self._last)
        self._last = filled[-1].copy()
        trace = filled.reshape(-1, self.every, filled.shape[1]).mean(axis=1, dtype=np.float32)
        band = self._band.push(trace)
        joined = np.concatenate([self._slope_tail, band])
        self._slope_tail = joined[-2:].copy()
        energy = np.sqrt(np.maximum(self._mean.push((joined[2:] - joined[:-2]) ** 2), 0.0))
        trace, self._trace_wait = _delayed(self._trace_wait, trace)
        band, self._band_wait = _delayed(self._band_wait, band)
        return Hop(trace, band, energy, usable)

    def _start(self, raw_uv: F32) -> None:
        """A lead begins at its first real sample: the filters open settled there, not with a step from zero."""
        if self._started.all():
            return
        for lead in np.flatnonzero(~self._started):
            real = np.flatnonzero(np.isfinite(raw_uv[:, lead]))
            if len(real):
                first = raw_uv[real[0], lead]
                self._last[lead] = first
                self._band.tail[:, lead] = first
                self._trace_wait[:, lead] = first
                self._started[lead] = True


def _delayed(wait: F32, block: F32) -> tuple[F32, F32]:
    joined = np.concatenate([wait, block])
    return joined[: len(block)], joined[len(block) :].copy()


@dataclass
class Fuser:
    """Hops to the fused energy: every lead by its own scale, weighted by its contrast. Lags by FUTURE_HOPS hops."""

    rate: float
    reference: F32 | None = None  # (leads,) the scale of the last minute
    done: int = 0  # hops fused
    seen: int = 0  # hops pushed
    peaks: deque[F32] = field(default_factory=lambda: deque(maxlen=PAST_HOPS + FUTURE_HOPS + 3))
    floors: deque[F32] = field(default_factory=lambda: deque(maxlen=PAST_HOPS + FUTURE_HOPS + 3))
    waiting: deque[Hop] = field(default_factory=deque)

    def push(self, hop: Hop) -> list[Fused]:
        """The hops that can be fused now."""
        self.peaks.append(np.where(hop.usable, hop.energy_uv.max(axis=0), np.nan).astype(np.float32))
        self.floors.append(np.where(hop.usable, np.median(hop.energy_uv, axis=0), np.nan).astype(np.float32))
        self.waiting.append(hop)
        self.seen += 1
        if self.seen < FIRST_HOPS:
            return []
        return [self._fuse() for _ in range(self.seen - FUTURE_HOPS - self.done)]

    def flush(self) -> list[Fused]:
        """What still waits, with the scales of what is known."""
        return [self._fuse() for _ in range(len(self.waiting))]

    def _fuse(self) -> Fused:
        hop = self.waiting.popleft()
        scale, floor = self._scales()
        self.done += 1
        known = np.isfinite(scale) & (scale > 0) & hop.usable
        contrast = np.where(known, scale / np.maximum(floor, 1e-3), 0.0).astype(np.float32)
        weight = np.where(known, np.clip((contrast - 2) / 8, 0.02, 1.0) ** 1.5, 0.0).astype(np.float32)
        if not weight.any():
            return Fused(hop, np.zeros(len(hop.energy_uv), dtype=np.float32), weight, contrast)
        relative = np.minimum(hop.energy_uv / np.where(known, scale, 1.0), 2.0)
        return Fused(hop, np.asarray(relative @ (weight / weight.sum()), dtype=np.float32), weight, contrast)

    def _scales(self) -> tuple[F32, F32]:
        """Scale and background of the hop `done`, (leads,); NaN where the neighbourhood has no usable hop."""
        offset = self.seen - len(self.peaks)  # the hop number of peaks[0]
        low = max(0, self.done - PAST_HOPS - offset)
        high = max(self.done + FUTURE_HOPS, FIRST_HOPS) - offset
        peaks = np.stack(list(self.peaks)[low : max(high, low + 1)])
        floors = np.stack(list(self.floors)[low : max(high, low + 1)])
        padded = np.concatenate([peaks[:1], peaks, peaks[-1:]])
        largest = np.fmax(np.fmax(padded[:-2], padded[1:-1]), padded[2:])  # of 1.5 s: it holds a beat above 40 a minute
        scale, floor = _nanmedian(largest), _nanmedian(floors)
        if self.reference is None:
            self.reference = np.nan_to_num(scale)
        fade = np.float32(np.exp(-HOP_S / SCALE_DECAY_S))
        self.reference = np.asarray(np.fmax(self.reference * fade, np.nan_to_num(scale)), dtype=np.float32)
        return np.asarray(np.fmax(scale, SCALE_FLOOR * self.reference), dtype=np.float32), floor


def _nanmedian(table: F32) -> F32:
    """Median down the columns without NaN; NaN where a column has nothing. (np.nanmedian warns and is slow.)"""
    ordered = np.sort(table, axis=0)  # NaN last
    count = np.sum(np.isfinite(table), axis=0)
    columns = np.arange(table.shape[1])
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    middle = (ordered[low, columns] + ordered[np.minimum(high, len(table) - 1), columns]) / 2
    return np.where(count > 0, middle, np.nan).astype(np.float32)


@dataclass
class Picker:
    """The fused energy to peaks: local maxima, a running level, the T-wave guard and the search back."""

    rate: float
    tail_at: int  # detection index of tail[0]; the first sample that will come
    level: float = 1.0
    last_at: int = -(10**9)
    last_height: float = 0.0
    rr: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    low: list[Peak] = field(default_factory=list)  # candidates since the last beat that were too small
    tail: F32 = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def push(self, fused: F32, height_uv: Callable[[int], float], *, final: bool = False) -> list[Peak]:
        """The peaks that are certain now, in order.

        fused      (samples,) the next stretch of the fused energy.
        height_uv  how high the signal is, peak to peak, about a detection index.
        final      nothing follows: judge to the very end.
        """
        apart = round(APART_S * self.rate)
        values = np.concatenate([self.tail, fused])
        start = min(len(self.tail), 2 * apart) - apart if len(self.tail) else 0
        end = len(values) if final else len(values) - apart
        found: list[Peak] = []
        padded = np.concatenate([[np.float32(0)], values, [np.float32(0)]])
        rising = (padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:]) & (values >= CANDIDATE)
        for i in np.flatnonzero(rising[start:end]) + start:
            if values[i] < values[max(0, i - apart) : i + apart + 1].max():
                continue
            if height_uv(self.tail_at + int(i)) >= QRS_UV_MIN:
                found += self._judge(Peak(self.tail_at + int(i), float(values[i])))
        found += self._search_back(self.tail_at + end)
        keep = max(0, end - apart)
        self.tail, self.tail_at = values[keep:].copy(), self.tail_at + keep
        return found

    def _judge(self, peak: Peak) -> list[Peak]:
        since = peak.at - self.last_at
        if since < APART_S * self.rate:
            return []
        if since < T_WAVE_S * self.rate and peak.height < T_WAVE_PART * self.last_height:
            return []
        if peak.height < THRESHOLD * self.level:
            self.low.append(peak)
            return []
        return [*self._search_back(peak.at), *self._accept(peak)]

    def _search_back(self, now: int) -> list[Peak]:
        """When a beat is overdue, the largest of the small peaks since the last one."""
        if len(self.rr) < 2 or not self.low or now - self.last_at <= GAP_PART * float(np.mean(self.rr)):
            return []
        guard = T_WAVE_S * self.rate
        fit = [p for p in self.low if p.height >= SEARCH_BACK * self.level and guard <= p.at - self.last_at]
        fit = [p for p in fit if now - p.at >= APART_S * self.rate]
        if not fit:
            return []
        best = max(fit, key=lambda p: p.height)
        later = [p for p in self.low if p.at > best.at]
        accepted = self._accept(best)
        self.low = later
        return accepted

    def _accept(self, peak: Peak) -> list[Peak]:
        if self.last_at > 0 and peak.at - self.last_at < 3 * self.rate:
            self.rr.append(peak.at - self.last_at)
        # The level learns slowly and never from a giant alone: min() keeps one artefact from hiding the next beats.
        self.level = LEVEL_MEMORY * self.level + (1 - LEVEL_MEMORY) * min(peak.height, 1.5)
        self.last_at, self.last_height, self.low = peak.at, peak.height, []
        return [peak]


def spikes(raw_uv: F32, fs: float) -> I64:
    """Rows of a stretch at which a pacemaker spike peaks: gone within 4 ms to either side, in two leads, above all else
    there.

    raw_uv (samples, leads), NaN for nothing. A QRS is as tall but not as narrow: what it loses in 8 ms is four times
    what it
    loses in 4. Nothing is found below 250 Hz: a spike is there one sample or none.
    """
    near, far = max(1, round(SPIKE_S * fs)), max(2, round(2 * SPIKE_S * fs))
    if fs < 250 or len(raw_uv) <= 4 * far:
        return np.zeros(0, dtype=np.int64)
    raw = np.nan_to_num(raw_uv)
    sharp = _alone(raw, near, far)
    if sharp.max() < SPIKE_UV:
        return np.zeros(0, dtype=np.int64)
    broad = _alone(raw, far, far)
    at = np.where(sharp >= SPIKE_PART * broad, sharp, 0.0)
    at = np.sort(at, axis=1)[:, -2] if at.shape[1] > 2 else at.max(axis=1)
    floor = float(np.quantile(np.sort(sharp, axis=1)[:, -1], 0.8))
    rows = np.flatnonzero(at >= max(SPIKE_UV, SPIKE_ALONE * floor))
    keep: list[int] = []
    for row in rows:
        if keep and row - keep[-1] <= 2 * near:
            keep[-1] = int(row) if at[row] > at[keep[-1]] else keep[-1]
        else:
            keep.append(int(row))
    return np.array(keep, dtype=np.int64) + far


def _alone(raw: F32, reach: int, margin: int) -> F32:
    """How far each sample stands out against both its neighbours `reach` away; 0 where it lies between them."""
    middle = raw[margin : len(raw) - margin]
    left = middle - raw[margin - reach : len(raw) - margin - reach]
    right = middle - raw[margin + reach : len(raw) - margin + reach]
    return np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), np.float32(0))


def without_spikes(raw_uv: F32, rows: I64, fs: float) -> F32:
    """A copy with a straight line of 8 ms to either side of each spike."""
    reach = max(2, round(2 * SPIKE_S * fs))
    clean = raw_uv.copy()
    for row in rows:
        low, high = max(0, int(row) - reach), min(len(clean) - 1, int(row) + reach)
        clean[low : high + 1] = np.linspace(clean[low], clean[high], high - low + 1, dtype=np.float32)
    return clean


def place_r(segment_uv: F32, weight: F32, fs: float) -> int:
    """The index of the main deflection in a stretch around one QRS.

    segment_uv  (samples, leads) raw samples of about +-90 ms; NaN counts for nothing.
    Returns     argmax over time of the summed absolute distance from the line through both ends, smoothed over 10 ms.
    """
    segment = np.nan_to_num(segment_uv)
    line = np.linspace(0.0, 1.0, len(segment), dtype=np.float32)[:, None]
    away = np.abs(segment - segment[:1] - (segment[-1:] - segment[:1]) * line)
    return int(np.argmax(moving_mean(np.asarray(away @ weight, dtype=np.float32), round(0.01 * fs) | 1)))
