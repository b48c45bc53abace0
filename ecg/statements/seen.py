"""What a statement may look at, and how it is put into words. No criterion stands here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ecg import codes
from ecg.codes import Urgency
from ecg.record import F32, Meta
from ecg.results import Beat, Episode, Finding, LeadWaves, Measurements, Median, Quality
from ecg.rules.prior import Prior
from ecg.signal.quality import VOTE_MIN
from ecg.waves.median import Marks

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
# Beats that do not come down the normal way: the shape of their QRS, ST and T says nothing of the muscle.
NO_SHAPE = frozenset({"vt", "vf", "vfl", "tdp", "ivr", "paced", "asystole", "undetermined", "avb3"})
QRS_WIDE_MS = 120


@dataclass(frozen=True)
class Seen:
    """All a statement may look at.

    waves      the leads that may vote (quality at least VOTE_MIN) and were measured, by name.
    reversals  statements on exchanged electrodes, with their probability.
    """

    samples: int
    fs: float
    meta: Meta
    quality: Quality
    beats: tuple[Beat, ...]
    episodes: tuple[Episode, ...]
    rhythm: str
    measured: Measurements
    median: Median | None
    marks: Marks | None
    waves: Mapping[str, LeadWaves] = field(default_factory=dict)
    reversals: tuple[Finding, ...] = ()
    prior: Prior | None = None

    def lead(self, name: str) -> LeadWaves | None:
        """A lead's waves; None where it is missing, bad or unmeasured."""
        return self.waves.get(name)

    def leads(self, names: tuple[str, ...]) -> tuple[LeadWaves, ...] | None:
        """All of these leads, or None where one of them cannot be had."""
        rows = tuple(self.waves[name] for name in names if name in self.waves)
        return rows if len(rows) == len(names) else None

    def qrs(self, lead: str) -> F32 | None:
        """The QRS of a lead in the median beat against its onset; None where the lead is missing, bad or unmeasured."""
        return self.cut(lead, 0.0, 0.0)

    def cut(self, lead: str, before_s: float, after_s: float) -> F32 | None:
        """A lead of the median beat against its QRS onset, from before the onset to after J; None as for `lead`."""
        if self.median is None or self.marks is None or lead not in self.waves:
            return None
        column = self.median.wave_uv[:, self.median.leads.index(lead)]
        first = max(0, self.marks.qrs_on - round(before_s * self.fs))
        wave = column[first : self.marks.qrs_off + 1 + round(after_s * self.fs)] - column[self.marks.qrs_on]
        return wave if np.isfinite(wave).all() and len(wave) > 2 else None

    @property
    def shaped(self) -> bool:
        """The QRS was measured and came down the normal way."""
        return self.marks is not None and self.measured.qrs_ms is not None and self.rhythm not in NO_SHAPE

    @property
    def wide(self) -> bool:
        return self.measured.qrs_ms is not None and self.measured.qrs_ms >= QRS_WIDE_MS

    @property
    def reversed(self) -> float:
        """The highest probability that electrodes were exchanged."""
        return max((finding.probability or 0.0 for finding in self.reversals), default=0.0)


def votes(quality: Quality) -> frozenset[str]:
    """The leads good enough to be asked (critical-values 2)."""
    return frozenset(lead for lead, value in quality.leads.items() if value >= VOTE_MIN)


def beyond(value: float, limit: float, unit: float) -> float:
    """How sure a number passes its limit, 0 to 1: 0.5 at the limit, 0.73 one `unit` beyond it.

    unit  what the measurement may be off by between two readings of one ECG, in the number's own unit; negative where
          smaller is worse.
    """
    return round(1.0 / (1.0 + math.exp(max(-30.0, min(30.0, -(value - limit) / unit)))), 3)


def number(
    seen: Seen,
    code: str,
    value: float,
    limit: float,
    zh: str,
    en: str,
    *,
    unit: float,
    leads: tuple[str, ...] = (),
    urgency: Urgency | None = None,
) -> Finding:
    """A statement that rests on one number; its probability follows from the distance to the limit."""
    sure = beyond(value, limit, unit)
    return say(
        seen,
        code,
        leads=leads,
        value=float(value),
        limit=float(limit),
        zh=zh,
        en=en,
        probability=sure,
        urgency=urgency,
    )


def say(
    seen: Seen,
    code: str,
    *,
    first: int = 0,
    end: int | None = None,
    leads: tuple[str, ...] = (),
    value: float | None = None,
    limit: float | None = None,
    zh: str = "",
    en: str = "",
    probability: float | None = None,
    urgency: Urgency | None = None,
) -> Finding:
    """A statement: the code's name, then what there is to add."""
    name = codes.findings()[code]
    text = {
        "zh": f"{name.name_zh}：{zh}" if zh else name.name_zh,
        "en": f"{name.name_en}: {en}" if en else name.name_en,
    }
    last = seen.samples if end is None else end
    return Finding(code, urgency or name.urgency, first, last, leads, value, limit, say=text, probability=probability)
