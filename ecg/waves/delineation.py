"""Where P, QRS and T begin, peak and end, in every lead of every beat.

The trained net (`net`) says how likely each wave is at each step; here its answer becomes marks as LUDB's
annotators make them. Whether a beat has a P or a T is decided once for all leads, because it is one event in one heart;
where it begins and ends in a lead is that lead's own. The end of T is where the annotators put it (back at the
baseline), not the tangent. Global intervals stand in `waves`; beats come from detection, none is added or dropped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ecg.record import F32, I64, Recording
from ecg.results import Beat, Episode, LeadMarks, WaveKind, WaveMark
from ecg.signal.filters import hold
from ecg.signal.pacing import SpikeFilter
from ecg.waves.net import RATE, Net, Seen, inputs, resampled, shipped

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BLOCK_S, MARGIN_S = 20.0, 3.0  # long recordings are read in blocks of beats with this much around them
P, QRS, T = 0, 1, 2
KINDS: tuple[WaveKind, ...] = ("p", "N", "t")
PRESENT = 0.5  # mean probability over the leads and the width below, from which a wave is there
ALIKE = 0.3  # how far this is moved for P by what the other beats have: most beats have a P, or none has
# A wave ends where its probability falls below this part of its largest. Set so that the mean errors of single leads
# and of global intervals (second earliest to second latest lead) are both near zero: at 0.5 the first are, but
# annotators scatter more than the net, and global intervals come out 12 ms short.
EDGE = (0.4, 0.4, 0.33)  # P, QRS, T
NO_P = ("af", "afl", "vt", "vf")  # rhythms in which a bump before the QRS is none
QRS_CORE, QRS_REACH = 8, 36  # steps about R: where the QRS's middle may be, and its edges
T_REACH, T_WIDTH, T_STRAY = 100, 9, 15  # steps after R; width of the mean; from the leads' common place
P_REACH, P_WIDTH, P_STRAY, P_APART, P_MAX = 250, 7, 10, 20, 3  # same; apart: of two P; most between two QRS
FLAT_UV = 5.0  # a lead whose QRS is not larger carries nothing


@dataclass(frozen=True)
class Waves:
    """Marks of one kind before they are given out: (beats, leads) in steps, NaN where the wave or its edge is not."""

    kind: int
    first: F64
    peak: F64
    end: F64


def delineate(
    recording: Recording, beats: Sequence[Beat], episodes: Sequence[Episode] = (), *, net: Net | None = None
) -> tuple[LeadMarks, ...]:
    """The waves of every beat in every lead, in time order.

    beats    as detected, ascending; each is given one QRS a lead, at most one T, and the P before it: one, several
             where they are not all conducted, or none.
    episodes the rhythms found: no P is marked before beats in fibrillation or flutter.
    net      other weights than the shipped ones: cross-validation.
    Returns  one LeadMarks a lead. An edge that lies outside the recording, or where there was no signal, is None; a
             lead has no marks in beats in which it is flat, off or missing.
    Source   trained/delineation.md. Marks follow LUDB (Kalyakulina et al., IEEE Access 2020;8:186181-186190).
    """
    signal, fs = recording.signal_uv, recording.fs
    samples = np.array([beat.sample for beat in beats], dtype=np.int64)
    without_p = np.zeros(len(samples), dtype=bool)
    for episode in episodes:
        if episode.rhythm in NO_P:
            without_p |= (samples >= episode.first) & (samples < episode.end)
    marks: list[list[WaveMark]] = [[] for _ in recording.leads]
    core, margin = round(BLOCK_S * fs), round(MARGIN_S * fs)
    for start in range(0, len(signal), core):
        inside = samples[(samples >= start) & (samples < start + core)]
        if not len(inside):
            continue
        first, end = max(0, start - margin), min(len(signal), start + core + margin)
        block = signal[first:end]
        near = (samples >= first) & (samples < end)
        known = samples[near]
        alive = np.flatnonzero(_alive(block))
        if not len(alive):
            continue
        mine = (known >= start) & (known < start + core)
        for waves in strip_waves(block[:, alive], fs, known - first, net or shipped()):
            wanted = mine & ~without_p[near] if waves.kind == P else mine
            _give_out(waves, wanted, alive, first, fs, signal, marks)
    return tuple(LeadMarks(lead, _apart(waves)) for lead, waves in zip(recording.leads, marks, strict=True))


def strip_waves(
    signal_uv: F32, fs: float, r_samples: I64, net: Net, edge: tuple[float, float, float] = EDGE
) -> list[Waves]:
    """QRS, T and P of one strip of a minute at most; steps count from its first sample.

    signal_uv (n, leads), no lead without any signal; r_samples (k,) ascending, at least one. Pacing spikes are taken
    out first: annotators put the QRS behind them.
    """
    filled, _ = hold(signal_uv, _first_known(signal_uv))
    filled, _, _ = SpikeFilter(fs, filled.shape[1]).push(filled, final=True)
    strip = resampled(filled, fs)
    r = np.clip(np.rint(r_samples * (RATE / fs)).astype(np.int64), 0, len(strip) - 1)
    found = _waves(net.look(inputs(strip, r)), r, edge)
    flat = _flat(strip, r)
    for waves in found:
        for marks in (waves.first, waves.peak, waves.end):
            marks[flat] = np.nan
    return found


def _alive(block: F32) -> Mask:
    """Leads that are known somewhere and do not stand still."""
    known = np.isfinite(block)
    low, high = np.where(known, block, np.inf).min(axis=0), np.where(known, block, -np.inf).max(axis=0)
    return np.asarray(high - low > FLAT_UV)


def _first_known(signal: F32) -> F32:
    rows = np.argmax(np.isfinite(signal), axis=0)
    return np.asarray(signal[rows, np.arange(signal.shape[1])])


def _flat(strip: F32, r: I64) -> Mask:
    """(beats, leads): nothing moves where the QRS should be."""
    rows = np.clip(r[:, None] + np.arange(-QRS_CORE, QRS_CORE + 1), 0, len(strip) - 1)
    near = strip[rows]
    return np.asarray(near.max(axis=1) - near.min(axis=1) <= FLAT_UV)


def _waves(seen: Seen, r: I64, edge: tuple[float, float, float]) -> list[Waves]:
    """Each beat's QRS, then its T up to the next QRS, then the P between them and the next beat."""
    steps = seen.waves.shape[2]
    mean = seen.waves.mean(axis=1, keepdims=True)
    halves = (r[:-1] + r[1:]) // 2
    first = np.maximum(r - QRS_REACH, np.concatenate([[0], halves]))
    end = np.minimum(r + QRS_REACH, np.concatenate([halves, [steps]]))
    qrs = _Windows.cut(seen.waves[QRS], seen.peaks[QRS], first, np.maximum(end, first + 1))
    waves = qrs.waves(QRS, qrs.core((r - first)[:, None], QRS_CORE, 1), edge[QRS])
    found = [waves]
    on, off = (_middle(edge, r) for edge in (waves.first, waves.end))
    first = np.minimum(off, steps - 1)
    end = np.maximum(np.minimum(np.concatenate([on[1:], [steps]]), r + T_REACH), first + 1)
    together = _Windows.cut(mean[T], mean[T], first, end).averaged(T_WIDTH)
    at = together.argmax(axis=2)
    there = np.take_along_axis(together, at[..., None], axis=2)[..., 0] > PRESENT
    window = _Windows.cut(seen.waves[T], seen.peaks[T], first, end)
    found.append(window.waves(T, window.core(at, T_STRAY, T_WIDTH), edge[T], there))
    return [*found, *_p_waves(seen, mean[P], r, on, off, edge[P])]


def _apart(waves: list[WaveMark]) -> tuple[WaveMark, ...]:
    """In time order; where one wave runs into the next they meet half way."""
    waves.sort(key=lambda wave: (wave.peak, wave.kind))
    for k in range(len(waves) - 1):
        this, following = waves[k], waves[k + 1]
        if this.end is not None and following.first is not None and this.end > following.first:
            meeting = min(max((this.end + following.first) // 2, this.peak), following.peak)
            waves[k], waves[k + 1] = replace(this, end=meeting), replace(following, first=meeting)
    return tuple(waves)


def _middle(edge: F64, r: I64) -> I64:
    """(beats,): the leads' median step; R where a lead's edge lies beyond the strip."""
    return np.asarray(np.rint(np.median(np.where(np.isnan(edge), r[:, None], edge), axis=1)), dtype=np.int64)


def _p_waves(seen: Seen, mean: F32, r: I64, on: I64, off: I64, edge: float) -> list[Waves]:
    """The likeliest P before each QRS, then what is left beside it: blocked and dissociated P waves."""
    first = np.maximum(np.maximum(np.concatenate([[0], off[:-1]]), r - P_REACH), 0)
    end = np.maximum(on + 2, first + 1)
    window = _Windows.cut(seen.waves[P], seen.peaks[P], first, end)
    together = _Windows.cut(mean, mean, first, end)
    found: list[Waves] = []
    for turn in range(P_MAX):
        average = together.averaged(P_WIDTH)
        at = average.argmax(axis=2)
        likely = np.take_along_axis(average, at[..., None], axis=2)[..., 0]
        there = likely > (PRESENT if turn else PRESENT + ALIKE * (0.5 - float(np.median(likely))))
        if not there.any():
            break
        found.append(window.waves(P, window.core(at, P_STRAY, P_WIDTH), edge, there))
        taken = np.abs(np.arange(window.values.shape[2]) - at[..., None]) <= P_APART
        window.values[np.broadcast_to(taken, window.values.shape)] = 0.0
        together.values[taken] = 0.0
    return found


@dataclass(frozen=True)
class _Windows:
    """A stretch of each beat: values, peaks (beats, leads, width), 0 behind a window's end; first (beats,) steps.

    length  steps of the strip: a wave that reaches either end of it has no edge there.
    """

    values: F32
    peaks: F32
    first: I64
    length: int

    @classmethod
    def cut(cls, values: F32, peaks: F32, first: I64, end: I64) -> _Windows:
        """values, peaks (leads, steps); windows [first, end) lie inside."""
        rows = first[:, None] + np.arange(int((end - first).max()))
        inside = rows < np.minimum(end, values.shape[1])[:, None]
        rows = np.minimum(rows, values.shape[1] - 1)
        cut = values[:, rows].transpose(1, 0, 2) * inside[:, None]
        return cls(cut, peaks[:, rows].transpose(1, 0, 2), first, values.shape[1])

    def averaged(self, width: int) -> F32:
        """Centred moving mean of the values, zeros beyond the ends."""
        half = width // 2
        sums = np.cumsum(np.pad(self.values, ((0, 0), (0, 0), (half + 1, half))), axis=2)
        return np.asarray((sums[:, :, width:] - sums[:, :, :-width]) / width, dtype=np.float32)

    def core(self, at: I64, stray: int, width: int) -> I64:
        """(beats, leads): the likeliest place of each lead, not further than `stray` from `at` (beats, 1)."""
        near = np.abs(np.arange(self.values.shape[2]) - at[..., None]) <= stray
        average = self.averaged(width) if width > 1 else self.values
        return np.asarray(np.where(near, average, -1.0).argmax(axis=2))

    def waves(self, kind: int, core: I64, edge: float, there: Mask | None = None) -> Waves:
        """Edges where the probability falls below `edge` times the core's, peaks where they look most so."""
        values, width = self.values, self.values.shape[2]
        steps = np.arange(width)
        top = self._pick(values, core)
        limit = np.float32(edge) * top
        low = values < limit[..., None]
        before = np.where(low & (steps < core[..., None]), steps, -1).max(axis=2)
        after = np.where(low & (steps > core[..., None]), steps, width).min(axis=2)
        first = np.maximum(before + _part(self._pick(values, before), self._pick(values, before + 1), limit), 0.0)
        end = after - _part(self._pick(values, after), self._pick(values, after - 1), limit)
        end = np.minimum(end, width - 1.0)
        inside = (steps >= first[..., None]) & (steps <= end[..., None])
        peak = np.where(inside, self.peaks, -np.inf).argmax(axis=2).astype(np.int64)
        peak = np.where(inside.any(axis=2), peak, core)
        offset = self.first[:, None].astype(np.float64)
        gone = np.isnan(top) if there is None else np.broadcast_to(~there, core.shape)
        marks = [offset + first, offset + peak + self._vertex(peak), offset + end]
        marks[0][marks[0] <= 0.0] = np.nan
        marks[2][marks[2] >= self.length - 1.0] = np.nan
        for mark in marks:
            mark[gone] = np.nan
        return Waves(kind, *marks)

    def _pick(self, values: F32, at: I64) -> F32:
        within = np.clip(at, 0, values.shape[2] - 1)
        return np.asarray(np.take_along_axis(values, within[..., None], axis=2)[..., 0])

    def _vertex(self, peak: I64) -> F64:
        """Part of a step from `peak` to the top of the parabola through it and its neighbours."""
        left, middle, right = (self._pick(self.peaks, peak + k).astype(np.float64) for k in (-1, 0, 1))
        bend = np.minimum(left - 2 * middle + right, -1e-3)
        return np.asarray(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))


def _part(low: F32, high: F32, limit: F32) -> F64:
    """How far between two neighbouring steps the limit is crossed."""
    return np.asarray(np.clip((limit - low) / np.maximum(high - low, 1e-6), 0.0, 1.0), dtype=np.float64)


def _give_out(
    waves: Waves, mine: Mask, alive: I64, offset: int, fs: float, signal: F32, marks: list[list[WaveMark]]
) -> None:
    """Append a kind's marks to their leads, in samples of the recording; none on samples that are not there."""
    keep = mine[:, None] & np.isfinite(waves.peak)
    rows, columns = np.nonzero(keep)
    leads = alive[columns]
    places = []
    for steps in (waves.first, waves.peak, waves.end):
        at = steps[rows, columns]
        known = np.isfinite(at)
        sample = offset + np.rint(np.where(known, at, 0.0) * (fs / RATE)).astype(np.int64)
        known &= (sample >= 0) & (sample < len(signal))
        sample = np.clip(sample, 0, len(signal) - 1)
        known &= np.isfinite(signal[sample, leads])
        places.append(np.where(known, sample, -1))
    kind = KINDS[waves.kind]
    for lead, first, peak, end in zip(leads.tolist(), *(place.tolist() for place in places), strict=True):
        if peak >= 0:
            edges = (None if first < 0 else min(first, peak), None if end < 0 else max(end, peak))
            marks[lead].append(WaveMark(kind, edges[0], peak, edges[1]))
