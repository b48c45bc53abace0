"""What each beat is: normal, early from above, ventricular or paced, judged by shape, width and time against its
fellows.

Works on the detection-rate trace, one beat at a time, with the families of shapes seen so far. A beat is judged a
little after it came (`stream` waits), so that a recording that opens with an ectopic beat is not measured by it. Rhythm
is not decided here, and no beat is ever moved or dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ecg.filters import Mask, moving_mean
from ecg.record import F32

SHAPE_BEFORE_S, SHAPE_AFTER_S = 0.10, 0.14  # the stretch about R whose shape is compared
WIDTH_REACH_S = 0.16
SLOPE_PART = 0.15  # the QRS is where the summed slope passes this part of its largest
QUIET_S = 0.02  # and ends where it stays below for this long
SAME_SHAPE = 0.85  # correlation from which two beats are one family
OTHER_SHAPE = 0.75  # below this against the dominant family a beat may be ventricular
WIDE_MS = 125  # algorithms.md 5 has 120 for bundle branch blocks; the trace is smoothed by a sample or two
WIDER_MS = 20
EARLY_V, EARLY_S = 0.92, 0.82  # R-R before the beat in parts of the usual one
IRREGULAR_PART = 0.06
WIDE_TACHY_RR_MS = 500.0  # a wide regular rhythm faster than 120 a minute is ventricular until a person says otherwise
FAMILIES_MAX, MEMORY = 8, 0.98
PACED_SHARE = 0.15  # bipolar spikes are small and often lost: a wide family with some is paced throughout


@dataclass(frozen=True)
class Shape:
    """What one beat looks like: `wave_uv` (samples, leads) without its mean; `width_ms` of all leads together."""

    wave_uv: F32
    width_ms: float
    size_uv: float
    paced: bool


@dataclass(eq=False)
class Family:
    """Beats of one shape. `count` fades, so that an old family gives way."""

    wave_uv: F32
    width_ms: float
    count: float = 1.0
    paced: float = 0.0
    name: int = 0


NOBODY = Family(np.zeros((0, 0), dtype=np.float32), 0.0)


@dataclass
class Families:
    """The shapes seen so far; bounded, the rarest makes room."""

    members: list[Family] = field(default_factory=list)
    named: int = 0

    def join(self, shape: Shape) -> Family:
        """The family of a new beat, changed by it."""
        for family in self.members:
            family.count *= MEMORY
        fit = [(likeness(shape.wave_uv, family.wave_uv), family) for family in self.members]
        best, family = max(fit, key=lambda pair: pair[0], default=(0.0, NOBODY))
        if best < SAME_SHAPE:
            self.named += 1
            family = Family(shape.wave_uv, shape.width_ms, paced=float(shape.paced), name=self.named)
            self.members = [*sorted(self.members, key=lambda f: -f.count)[: FAMILIES_MAX - 1], family]
            return family
        part = max(0.1, 1.0 / (family.count + 1))
        family.wave_uv = (family.wave_uv + part * (shape.wave_uv - family.wave_uv)).astype(np.float32)
        family.width_ms += part * (shape.width_ms - family.width_ms)
        family.paced += part * (float(shape.paced) - family.paced)
        family.count += 1
        return family

    def dominant(self) -> Family | None:
        """The largest family; a narrower one of at least half its size goes before it (ectopics are no norm)."""
        if not self.members:
            return None
        largest = max(self.members, key=lambda f: f.count)
        near = [f for f in self.members if f.count >= 0.5 * largest.count and f.width_ms < largest.width_ms - WIDER_MS]
        return min(near, key=lambda f: f.width_ms, default=largest)


def likeness(a: F32, b: F32) -> float:
    """Correlation of two beats over all leads together, the best within 4 samples of shift (R is placed no better)."""
    power = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    if power <= 0:
        return 0.0
    best = float(np.sum(a * b))
    for lag in (1, 2, 3, 4):
        best = max(best, float(np.sum(a[lag:] * b[:-lag])), float(np.sum(a[:-lag] * b[lag:])))
    return best / power


def shape_of(trace_uv: F32, r_at: int, rate: float, weight: F32, paced: bool) -> Shape:
    """The shape of the beat at row r_at of a detection-rate trace (samples, leads); leads of no weight are left out."""
    before, after = round(SHAPE_BEFORE_S * rate), round(SHAPE_AFTER_S * rate)
    rows = np.clip(np.arange(r_at - before, r_at + after + 1), 0, len(trace_uv) - 1)
    wave = trace_uv[rows] * (weight > 0)
    wave = (wave - wave.mean(axis=0)).astype(np.float32)
    size = float(np.max(wave.max(axis=0) - wave.min(axis=0))) if wave.size else 0.0
    return Shape(wave, _width_ms(trace_uv, r_at, rate, weight), size, paced)


def _width_ms(trace_uv: F32, r_at: int, rate: float, weight: F32) -> float:
    """How long the summed slope of all leads stays up about R."""
    reach, quiet = round(WIDTH_REACH_S * rate), max(2, round(QUIET_S * rate))
    rows = np.clip(np.arange(r_at - reach, r_at + reach + 1), 0, len(trace_uv) - 1)
    slope = np.abs(np.diff(trace_uv[rows], axis=0)) @ (weight > 0).astype(np.float32)
    slope = moving_mean(slope, 3)
    middle = len(slope) // 2
    near = slope[max(0, middle - reach // 2) : middle + reach // 2]
    if not near.size or near.max() <= 0:
        return 0.0
    low = slope < SLOPE_PART * near.max()
    right = _first_quiet(low[middle:], quiet)
    left = _first_quiet(low[:middle][::-1], quiet)
    return (left + right) * 1000.0 / rate


def _first_quiet(low: Mask, quiet: int) -> int:
    runs = np.convolve(low, np.ones(quiet, dtype=np.int64), mode="valid") == quiet
    hits = np.flatnonzero(runs)
    return int(hits[0]) if len(hits) else len(low)


@dataclass(frozen=True)
class Company:
    """What a beat is judged against: intervals in ms (None: no beat there), and the usual one about it."""

    before_ms: float | None
    after_ms: float | None
    usual_ms: float
    irregular: bool


def classify(shape: Shape, family: Family, dominant: Family, company: Company) -> str:
    """N, A, V or /. Unsure is N: a false ventricular beat pages somebody, a missed one is still on the trace."""
    if shape.paced and (family.paced > 0.5 or shape.width_ms > WIDE_MS):
        return "/"
    if family.paced > PACED_SHARE and family.width_ms >= WIDE_MS:
        return "/"
    before = company.before_ms
    wide = shape.width_ms >= WIDE_MS
    like = likeness(shape.wave_uv, dominant.wave_uv)
    early = before is not None and before < EARLY_V * company.usual_ms
    if family.name == dominant.name or like >= SAME_SHAPE:
        if dominant.width_ms >= WIDE_MS and company.usual_ms < WIDE_TACHY_RR_MS and not company.irregular:
            return "V"
        if before is not None and before < EARLY_S * company.usual_ms and not company.irregular:
            return "A"
        return "N"
    if like < OTHER_SHAPE and (wide or shape.width_ms > dominant.width_ms + WIDER_MS) and (early or like < 0.4):
        return "V"
    if before is not None and before < EARLY_S * company.usual_ms and not company.irregular:
        return "A"
    return "N"


def company_of(samples: Sequence[int], index: int, fs: float, gaps: frozenset[int], odd: frozenset[int]) -> Company:
    """The intervals about beat `index`. gaps: beats whose interval before means nothing; odd: of another shape."""
    low, high = max(0, index - 8), min(len(samples), index + 9)
    rr = np.array([(samples[i] - samples[i - 1]) * 1000.0 / fs for i in range(low + 1, high) if i not in gaps])
    before = (samples[index] - samples[index - 1]) * 1000.0 / fs if index > 0 and index not in gaps else None
    has_after = index + 1 < len(samples) and index + 1 not in gaps
    after = (samples[index + 1] - samples[index]) * 1000.0 / fs if has_after else None
    usual = float(np.median(rr)) if len(rr) else 800.0
    own = [(samples[i] - samples[i - 1]) * 1000.0 / fs for i in range(low + 1, high) if not {i, i - 1} & (gaps | odd)]
    rr = np.array(own) if len(own) >= 5 else rr
    # Half of all intervals are off: fibrillation. One early beat and its pause leave the median of the distances alone.
    irregular = bool(len(rr) >= 5 and np.median(np.abs(rr - np.median(rr))) > IRREGULAR_PART * usual)
    return Company(before, after, usual, irregular)
