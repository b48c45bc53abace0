"""Wave marks against wave marks, lead by lead, after the LUDB protocol: found, invented, and how far off in
milliseconds.

Also the four global intervals as they follow from the marks of all leads. Marks come as times (seconds) by kind; the
files they stand in are `folders.py`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecg.score.beats import F64, WINDOW_S, pair
from ecg.score.rates import Detection

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")  # as LUDB's file extensions
KINDS = ("p_on", "p", "p_off", "qrs_on", "r", "qrs_off", "t_on", "t", "t_off")
INTERVALS = ("p", "pr", "qrs", "qt")
_WAVES = {"p": ("p_on", "p", "p_off"), "N": ("qrs_on", "r", "qrs_off"), "t": ("t_on", "t", "t_off")}

# Two standard deviations, ms, of what annotators differ among themselves: CSE Working Party, Eur Heart J 1985;6:815-825
# (K).
CSE_TOLERANCE_MS = {"p_on": 10.2, "p_off": 12.7, "qrs_on": 6.5, "qrs_off": 11.6, "t_off": 30.6}

Marks = Mapping[str, F64]  # kind to times in seconds, ascending
NO_MARKS: Marks = {kind: np.empty(0) for kind in KINDS}


def marks_of(at_s: F64, symbols: Sequence[str]) -> Marks:
    """Marks by kind, from a sequence `( p ) ( N ) ( t )`; where a bracket is missing, that edge is missing too.

    at_s, symbols  (k,) the annotations of one lead, ascending in time.
    """
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    times = at_s.tolist()
    for at, symbol in enumerate(symbols):
        if symbol in _WAVES:
            onset, peak, offset = _WAVES[symbol]
            found[peak].append(times[at])
            if at > 0 and symbols[at - 1] == "(":
                found[onset].append(times[at - 1])
            if at + 1 < len(symbols) and symbols[at + 1] == ")":
                found[offset].append(times[at + 1])
    return {kind: np.array(sorted(values)) for kind, values in found.items()}


@dataclass(frozen=True)
class Errors:
    """Test minus reference, `errors_ms` (n,) float64; each figure None where there is no pair."""

    errors_ms: F64

    @property
    def mean_ms(self) -> float | None:
        return float(self.errors_ms.mean()) if len(self.errors_ms) else None

    @property
    def sd_ms(self) -> float | None:
        return float(self.errors_ms.std()) if len(self.errors_ms) else None

    @property
    def abs_mean_ms(self) -> float | None:
        return float(np.abs(self.errors_ms).mean()) if len(self.errors_ms) else None

    @property
    def abs_p95_ms(self) -> float | None:
        return float(np.percentile(np.abs(self.errors_ms), 95)) if len(self.errors_ms) else None

    def to_json(self) -> dict[str, object]:
        errors = {"mean_ms": self.mean_ms, "sd_ms": self.sd_ms, "abs_mean_ms": self.abs_mean_ms}
        return {**errors, "abs_p95_ms": self.abs_p95_ms}


@dataclass(frozen=True)
class MarkCounts(Errors):
    """One kind of mark: how many were found, and the errors of those."""

    found: Detection

    def to_json(self) -> dict[str, object]:
        return self.found.to_json() | super().to_json()


def compare_marks(reference: Marks, test: Marks, *, window_s: float = WINDOW_S) -> Mapping[str, MarkCounts]:
    """The marks of one lead, by kind.

    A test mark before the first or after the last reference mark of the lead counts only when it pairs: the beats at
    the ends of LUDB's strips carry no marks.
    Source  Kalyakulina et al., IEEE Access 2020;8:186181-186190 (K); 150 ms as in Martinez et al., IEEE Trans Biomed
            Eng 2004;51:570-581 (K).
    """
    every = np.concatenate([reference[kind] for kind in KINDS])
    if not len(every):
        return {kind: MarkCounts(np.empty(0), Detection()) for kind in KINDS}
    first, last = every.min(), every.max()
    counts: dict[str, MarkCounts] = {}
    for kind in KINDS:
        matched = pair(reference[kind], test[kind], window_s)
        extra = test[kind][list(matched.extra)]
        invented = int(((extra >= first) & (extra <= last)).sum())
        errors = [1000.0 * float(test[kind][j] - reference[kind][i]) for i, j in matched.pairs]
        counts[kind] = MarkCounts(np.array(errors), Detection(len(matched.pairs), len(matched.missed), invented))
    return counts


def pooled(parts: Iterable[Mapping[str, MarkCounts]]) -> Mapping[str, MarkCounts]:
    """Leads, or records, together."""
    each = list(parts)
    return {
        kind: MarkCounts(
            np.concatenate([np.empty(0), *(part[kind].errors_ms for part in each)]),
            sum((part[kind].found for part in each), start=Detection()),
        )
        for kind in KINDS
    }


def global_intervals_ms(leads: Mapping[str, Marks]) -> Mapping[str, float | None]:
    """Global P, PR, QRS and QT of a record: median over its beats, ms; None where no beat has both ends.

    A beat is what at least half the leads mark as QRS within 100 ms of each other. Its onset is the second earliest
    mark of all leads, its offset the second latest, so that one stray lead does not rule; both need three leads, or
    all.
    Source  IEC 60601-2-25 takes the earliest onset and the latest offset over all leads (K); the second ones are ours.
    """
    centres = _beat_centres(leads)
    spans: dict[str, list[float]] = {name: [] for name in INTERVALS}
    for at, r in enumerate(centres):
        before = centres[at - 1] if at else r - 1.0
        after = centres[at + 1] if at + 1 < len(centres) else r + 1.0
        half_way = (before + r) / 2 - 0.1  # a P wave belongs to the beat that follows it
        p_on = _global_edge(leads, "p_on", max(r - 0.45, half_way), r)
        p_off = _global_edge(leads, "p_off", max(r - 0.40, half_way), r)
        qrs_on = _global_edge(leads, "qrs_on", r - 0.15, r + 0.02)
        qrs_off = _global_edge(leads, "qrs_off", r, r + 0.2)
        t_off = _global_edge(leads, "t_off", r + 0.1, min(r + 0.75, after))
        for name, first, end in (
            ("p", p_on, p_off),
            ("pr", p_on, qrs_on),
            ("qrs", qrs_on, qrs_off),
            ("qt", qrs_on, t_off),
        ):
            if first is not None and end is not None:
                spans[name].append(end - first)
    return {name: 1000.0 * float(np.median(values)) if values else None for name, values in spans.items()}


def _beat_centres(leads: Mapping[str, Marks]) -> list[float]:
    groups: list[list[float]] = []
    for at in sorted(at for marks in leads.values() for at in marks["r"].tolist()):
        if groups and at - groups[-1][-1] <= 0.10:
            groups[-1].append(at)
        else:
            groups.append([at])
    needed = max(1, (len(leads) + 1) // 2)
    return [float(np.median(group)) for group in groups if len(group) >= needed]


def _global_edge(leads: Mapping[str, Marks], kind: str, first_s: float, last_s: float) -> float | None:
    """The second earliest onset, or second latest offset, of all leads in the window."""
    found: list[float] = sorted(
        at for marks in leads.values() for at in marks[kind].tolist() if first_s <= at <= last_s
    )
    if not found or len(found) < min(3, len(leads)):
        return None
    second = min(1, len(found) - 1)
    return found[second] if kind.endswith("_on") else found[-1 - second]


@dataclass(frozen=True)
class IntervalErrors(Errors):
    """One interval over many records: how many the reference has, and the errors where the test has it too."""

    there: int

    def to_json(self) -> dict[str, object]:
        return {"n": self.there, "measured": len(self.errors_ms)} | super().to_json()


def interval_errors(
    records: Iterable[tuple[Mapping[str, float | None], Mapping[str, float | None]]],
) -> Mapping[str, IntervalErrors]:
    """Test minus reference of each interval, over pairs (reference, test) of `global_intervals_ms`."""
    there = dict.fromkeys(INTERVALS, 0)
    errors: dict[str, list[float]] = {name: [] for name in INTERVALS}
    for reference, test in records:
        for name in INTERVALS:
            true, said = reference[name], test[name]
            if true is not None:
                there[name] += 1
                if said is not None:
                    errors[name].append(said - true)
    return {name: IntervalErrors(np.array(errors[name]), there[name]) for name in INTERVALS}
