"""How far each lead can be trusted, hop by hop and over a recording.

Says of a stretch whether it is flat, stuck or torn; says of a lead a number from 0 to 1. It does not decide what may be
said of an ECG: `critical` and `statements` ask for a lead's number and draw their line at `VOTE_MIN`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.filters import Mask
from ecg.record import F32
from ecg.results import Quality, Span

VOTE_MIN = 0.5  # critical-values 2: below this a lead may not vote
FLAT_UV = 4.0  # a connected electrode is never this still for half a second
STUCK_SHARE = 0.9  # share of samples equal to their neighbour: the input is saturated or the wire is off
TORN_UV = 10_000.0  # more than this within half a second is a jump, not a heart
LARGE_UV = 5_000.0  # few hearts are this large: mostly motion
ROUGH_UV = 60.0  # white noise of this size begins to cost, of twice this size nothing can be read
LEAD_MIN, MEAN_MIN = 0.4, 0.91  # of an acceptable recording; set on the development half of CinC 2011
CONTRAST = 6.0  # QRS this many times above the rest are all one can wish; half of it is too little to vote
DARK_MAX = 1000  # unreadable stretches remembered


@dataclass(frozen=True)
class HopQuality:
    """One hop, (leads,) each. usable: carries a signal; range_uv: peak to peak; rough_uv: rms of the fast part."""

    usable: Mask
    flat: Mask
    range_uv: F32
    rough_uv: F32


def hop_quality(raw_uv: F32) -> HopQuality:
    """Judge one hop, (samples, leads) raw microvolts; NaN where there was no signal."""
    real = np.isfinite(raw_uv)
    low = np.where(real, raw_uv, np.inf).min(axis=0)
    high = np.where(real, raw_uv, -np.inf).max(axis=0)
    some = real.sum(axis=0) >= max(2, len(raw_uv) // 2)
    range_uv = np.where(some, high - low, 0.0).astype(np.float32)
    steps = np.diff(np.where(real, raw_uv, 0.0), axis=0)
    stuck = np.mean(steps == 0, axis=0) > STUCK_SHARE if len(steps) else np.ones(raw_uv.shape[1], dtype=bool)
    flat = ~some | (range_uv < FLAT_UV) | stuck
    rough = np.diff(steps, axis=0)
    rough_uv = np.sqrt(np.mean(rough * rough, axis=0) / 6.0) if len(rough) else np.zeros(raw_uv.shape[1])
    usable = ~flat & (range_uv < TORN_UV) & (rough_uv < 2.5 * ROUGH_UV)
    return HopQuality(usable, flat, range_uv, rough_uv.astype(np.float32))


@dataclass
class Tally:
    """What the hops of a stream add up to; a few numbers a lead, however long it runs."""

    hops: int
    usable: npt.NDArray[np.int64]
    flat: npt.NDArray[np.int64]
    large: npt.NDArray[np.int64]
    rough: npt.NDArray[np.float64]
    contrast: npt.NDArray[np.float64]
    compared: int
    dark: list[Span]  # no lead could be read

    @classmethod
    def of(cls, leads: int) -> Tally:
        zero = np.zeros(leads, dtype=np.int64)
        return cls(0, zero.copy(), zero.copy(), zero.copy(), np.zeros(leads), np.zeros(leads), 0, [])

    def add(self, hop: HopQuality, first: int, end: int) -> None:
        self.hops += 1
        self.usable += hop.usable
        self.flat += hop.flat
        self.large += hop.range_uv > LARGE_UV
        self.rough += np.minimum(hop.rough_uv, 1000.0)
        if hop.usable.any():
            return
        if self.dark and self.dark[-1].end == first:
            first = self.dark.pop().first
        self.dark = [*self.dark, Span(first, end)][-DARK_MAX:]

    def compare(self, contrast: F32) -> None:
        """How far the QRS stand above the rest in each lead, of one hop (qrs.Fuser)."""
        self.compared += 1
        self.contrast += np.minimum(contrast, 4 * CONTRAST)

    def judge(self, leads: tuple[str, ...], *, beating: bool = True) -> Quality:
        """The quality of what was added. Where the heart did not beat throughout, no QRS can be asked to stand out."""
        hops = max(1, self.hops)
        rough = np.clip(1.0 - (self.rough / hops - ROUGH_UV) / ROUGH_UV, 0.0, 1.0)
        score = self.usable / hops * rough * (1.0 - self.large / hops)
        if beating:
            score = score * np.clip(self.contrast / max(1, self.compared) / CONTRAST, 0.0, 1.0)
        numbers = {lead: round(float(value), 3) for lead, value in zip(leads, score, strict=True)}
        off = tuple(lead for lead, flat in zip(leads, self.flat / hops, strict=True) if flat > 0.5)
        good = self.hops > 0 and min(numbers.values(), default=0.0) >= LEAD_MIN and float(score.mean()) >= MEAN_MIN
        return Quality(good, numbers, tuple(self.dark), off)
