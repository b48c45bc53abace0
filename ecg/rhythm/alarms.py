"""The five arrhythmia alarms of the PhysioNet/CinC Challenge 2015, as ranges of a recording.

A pure function of what the analysis found: beats, episodes, unreadable stretches. These are the definitions of bedside
monitors, for scoring and for comparing with one; what pages a doctor stands in the profiles (`critical`). Suppressing a
true alarm costs five times as much as keeping a false one: limits lean towards keeping where a single missed or
surplus beat would decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ecg.record import I64
from ecg.results import Beat, Episode, Span
from ecg.signal.filters import Mask

ALARMS = ("asystole", "bradycardia", "tachycardia", "vt", "vf")

# Clifford et al., Computing in Cardiology 2015 (K): no QRS for 4 s; below 40/min over 5 beats; above 140/min over
# 17 beats; 5 or more ventricular beats above 100/min; flutter or fibrillation for 4 s. Here limits have a twentieth to
# spare, and count as many beats as one missed or surplus beat, or an onset just before the alarm, leaves of them.
ASYSTOLE_S = 3.8
SLOW_BPM, SLOW_BEATS = 42.0, 4
FAST_BPM, FAST_BEATS = 133.0, 12
RUN_BPM, RUN_BEATS = 100.0, 4
FIBRILLATION = ("vf", "vfl")
RUNS = ("vt", "tdp", *FIBRILLATION)  # a sine-like tachycardia has no beats one by one
VENTRICULAR = "VF"  # of a run; its first beat is often a fusion


def alarms(
    samples: int, fs: float, beats: Sequence[Beat], episodes: Sequence[Episode], unreadable: Sequence[Span]
) -> Mapping[str, tuple[Span, ...]]:
    """Each of ALARMS to its ranges, ascending and apart from one another."""
    at = np.array([beat.sample for beat in beats], dtype=np.int64)
    ventricular = np.array([beat.symbol in VENTRICULAR for beat in beats], dtype=bool)
    fibrillation = [Span(e.first, e.end) for e in episodes if e.rhythm in FIBRILLATION]
    quiet = [Span(e.first, e.end) for e in episodes if e.rhythm == "asystole"]
    runs = [
        Span(e.first, e.end) for e in episodes if e.rhythm in RUNS and e.end - e.first >= (RUN_BEATS - 1) * 0.3 * fs
    ]
    found: dict[str, Iterable[Span]] = {
        "asystole": [*quiet, *_gaps(samples, fs, at, [*unreadable, *fibrillation])],
        "bradycardia": _rates(at, SLOW_BEATS, 60.0 * fs / SLOW_BPM, slow=True),
        "tachycardia": _rates(at, FAST_BEATS, 60.0 * fs / FAST_BPM, slow=False),
        "vt": [*runs, *_runs(fs, at, ventricular)],
        "vf": fibrillation,
    }
    return {name: _joined(spans) for name, spans in found.items()}


def _gaps(samples: int, fs: float, at: I64, nothing_known: Sequence[Span]) -> Iterator[Span]:
    """Times without a beat, the ends of the recording too; none in which the signal was lost."""
    edges = np.concatenate([[0], at, [samples]])
    for index in np.flatnonzero(np.diff(edges) >= ASYSTOLE_S * fs).tolist():
        gap = Span(int(edges[index]), int(edges[index + 1]))
        if not any(gap.meets(span) for span in nothing_known):
            yield gap


def _rates(at: I64, beats: int, rr: float, *, slow: bool) -> Iterator[Span]:
    """Every stretch of so many beats whose mean interval is longer (slow) or shorter than `rr` samples."""
    if len(at) < beats:
        return
    lasts = at[beats - 1 :] - at[: len(at) - beats + 1]
    mean = lasts / (beats - 1)
    for index in np.flatnonzero(mean > rr if slow else mean < rr).tolist():
        yield Span(int(at[index]), int(at[index + beats - 1]) + 1)


def _runs(fs: float, at: I64, ventricular: Mask) -> Iterator[Span]:
    """Every stretch of RUN_BEATS ventricular beats that is fast enough."""
    if len(at) < RUN_BEATS:
        return
    sure = np.concatenate([[0], np.cumsum(ventricular)])
    whole = sure[RUN_BEATS:] - sure[:-RUN_BEATS] == RUN_BEATS
    lasts = at[RUN_BEATS - 1 :] - at[: len(at) - RUN_BEATS + 1]
    for index in np.flatnonzero(whole & (lasts * RUN_BPM < (RUN_BEATS - 1) * 60.0 * fs)).tolist():
        yield Span(int(at[index]), int(at[index + RUN_BEATS - 1]) + 1)


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Ascending; what overlaps or touches as one."""
    out: list[Span] = []
    for span in sorted(spans, key=lambda span: span.first):
        if out and span.first <= out[-1].end:
            out[-1] = Span(out[-1].first, max(out[-1].end, span.end))
        else:
            out.append(span)
    return tuple(out)
