"""What the hops of a recording add up to: a number from 0 to 1 a lead, what is wrong with it, whether to take it again.

Counts only, a few hundred numbers however long the recording is; hop by hop or all at once gives the same. What is
wrong with one hop is `hops`' and `readable`'s business, what is said to the clinic `electrodes`'. It does not decide
what may be said of an ECG: `critical` and `statements` ask for a lead's number and draw their line at `VOTE_MIN`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32, Recording
from ecg.results import Quality, Span
from ecg.signal import electrodes, readable
from ecg.signal.electrodes import Reason
from ecg.signal.filters import Mask
from ecg.signal.hops import HOP_S, HUM_UV, MASKS, ROUGH_PART, ROUGH_UV, HopQuality, hop_quality, hops_quality
from ecg.signal.hops import SIZES as HOP_SIZES
from ecg.signal.readable import Reader, Verdict
from ecg.signal.trace import I16, trace_of
from ecg.trained.trees import Trees

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

VOTE_MIN = 0.5  # critical-values 2: below this a lead may not vote
DARK_MAX = 1000  # unreadable stretches remembered
OCTAVE = 4  # steps an octave in which sizes are counted
COUNTED = ("usable", "flat", "saturated", "torn", "steep", "large", "noisy", "hum", "rough", "still", "top")
TRACED = ("top", "middle", "low", "high", "turns")
SIZES = ("range", "jump", "rough", "mains", "shift")
BIG_UV = (2500.0, 4000.0, 7000.0)
_BIG = np.array(BIG_UV, dtype=np.float32)
_SIZED = [HOP_SIZES.index(name) for name in ("range", "jump", "rough", "mains", "still")]  # the last is overwritten
STEEP_UV = 1000.0
SCALE_LARGE_UV = 200_000.0  # peak to peak; an open input of the phone recordings of CinC 2011 makes 160 mV
SCALE_SMALL_UV, PEAKED = 10.0, 16.0  # white noise reaches 11 times its median deviation in ten seconds, an ECG 20
SMALL_UV = 60.0  # a lead that never moves further in half a second shows no heart
MUSCLE_UV = 30.0  # geometric mean; a QRS in every other hop makes about 15
BASELINE_UV = 400.0  # the level moves this far every half second
MAINS_UV = 60.0

__all__ = [
    "VOTE_MIN",
    "HopQuality",
    "Tally",
    "acceptance_features",
    "hop_quality",
    "hops_quality",
    "quality_of",
    "tally_of",
]


@dataclass
class Tally:
    """Counts of the hops of a recording, an array of (leads,) each unless said otherwise.

    sizes, largest  (leads, SIZES) sum and largest of the sizes in steps of 1/OCTAVE octave; smallest of the range.
    big             (leads, BIG_UV) hops with a range above each.
    low, high       extremes of the hop levels, for the drift over the whole.
    heard, noisy    hops with a verdict of `readable`; of these noise.
    trace, top      (leads, TRACED) the same of what `readable` counted; the largest of its tops.
    dark            stretches in which no lead could be read.
    """

    leads: int
    hops: int = 0
    heard: int = 0
    dark: list[Span] = field(default_factory=list)
    counts: dict[str, I64] = field(default_factory=dict)
    last_level: F32 | None = None

    @classmethod
    def of(cls, leads: int) -> Tally:
        def zeros(*shape: int) -> I64:
            return np.zeros((leads, *shape), dtype=np.int64)

        zero = {name: zeros() for name in COUNTED}
        zero |= {"sizes": zeros(len(SIZES)), "largest": zeros(len(SIZES)), "big": zeros(len(BIG_UV))}
        zero |= {"trace": zeros(len(TRACED)), "smallest": zeros() + 1000}
        return cls(leads, counts=zero)

    def add(self, hops: HopQuality, starts: Sequence[int]) -> None:
        """Raw hops: hop i is of samples [starts[i], starts[i + 1])."""
        self._add(hops)
        self._darken(np.asarray(~hops.usable.any(axis=1), dtype=bool), starts)

    def hear(self, verdict: Verdict, starts: Sequence[int]) -> None:
        """What `readable` said of some hops, of samples [starts[i], starts[i + 1]) each."""
        if not len(verdict.dark):
            return
        self.heard += len(verdict.dark)
        self.counts["noisy"] += (verdict.noise > readable.limit()).sum(axis=0)
        self._darken(verdict.dark, starts)
        steps = steps_of(verdict.counts[..., [readable.COUNTS.index(name) for name in TRACED]].astype(np.float32))
        self.counts["trace"] += steps.sum(axis=0)
        self.counts["top"] = np.maximum(self.counts["top"], steps[..., TRACED.index("top")].max(axis=0))

    def _add(self, hops: HopQuality) -> None:
        counts, found = self.counts, hops.sizes
        if not len(found):
            return
        self.hops += len(found)
        for name, many in zip(MASKS, hops.masks.sum(axis=0).T, strict=True):
            counts[name] += many
        range_uv, level, jump, rough, mains, still, _ = found.transpose(2, 0, 1)
        shift = level.copy()
        shift[1:] -= level[:-1]
        shift[0] -= level[0] if self.last_level is None else self.last_level
        self.last_level = level[-1].copy()
        sized = found[..., _SIZED]  # range, jump, rough, mains, and the shift of the level last
        sized[..., -1] = np.abs(shift, out=shift)
        sizes = steps_of(sized)
        counts["sizes"] += sizes.sum(axis=0)
        counts["largest"] = np.maximum(counts["largest"], sizes.max(axis=0))
        counts["smallest"] = np.minimum(counts["smallest"], sizes[..., 0].min(axis=0))
        counts["steep"] += (jump > STEEP_UV).sum(axis=0)
        counts["big"] += (range_uv[..., None] > _BIG).sum(axis=0)
        most = np.where(rough > ROUGH_PART * range_uv, 1000.0, ROUGH_UV)
        for name, values in (("rough", np.minimum(rough, most)), ("hum", np.minimum(mains, 5000.0))):
            counts[name] += np.rint(values).sum(axis=0, dtype=np.float64).astype(np.int64)
        counts["still"] += np.rint(1000 * still).sum(axis=0, dtype=np.float64).astype(np.int64)

    def _darken(self, dark: Mask, starts: Sequence[int]) -> None:
        if not dark.any():
            return
        edges = np.flatnonzero(np.diff(np.concatenate([[False], dark, [False]]).astype(np.int8)))
        spans = [Span(starts[first], starts[end]) for first, end in edges.reshape(-1, 2).tolist()]
        self.dark = _joined([*self.dark, *(span for span in spans if span.end > span.first)])[-DARK_MAX:]

    def judge(self, leads: tuple[str, ...]) -> Quality:
        """The quality of what was added."""
        hops, counts = max(1, self.hops), self.counts
        rough = np.clip(1.0 - (counts["rough"] / hops - ROUGH_UV) / ROUGH_UV, 0.0, 1.0)
        hum = np.clip(1.0 - (counts["hum"] / hops - HUM_UV) / (2 * HUM_UV), 0.0, 1.0)
        score = counts["usable"] / hops * rough * hum * (1.0 - counts["large"] / hops)
        if self.heard:
            score = score * (1.0 - counts["noisy"] / self.heard)
        numbers = {lead: round(float(value), 3) for lead, value in zip(leads, score, strict=True)}
        off = tuple(lead for lead, flat in zip(leads, counts["flat"] / hops, strict=True) if flat > 0.5)
        reasons = {lead: reason for lead, reason in zip(leads, self._reasons(score), strict=True) if reason}
        bad = tuple(lead for lead in leads if lead in reasons and (numbers[lead] < VOTE_MIN or lead in off))
        good = self.hops > 0 and not is_unacceptable(acceptance_features(self))
        return Quality(good, numbers, tuple(self.dark), off, reasons, electrodes.to_mend(leads, bad))

    def _reasons(self, score: F64) -> list[Reason | None]:
        """The worst thing that is wrong with each lead, in the order in which it would be mended."""
        hops, counts = max(1, self.hops), self.counts
        size = 2.0 ** (counts["sizes"] / hops / OCTAVE)
        at = {name: place for place, name in enumerate(SIZES)}
        tests: tuple[tuple[Reason, Mask], ...] = (
            ("saturated", (counts["saturated"] / hops > 0.2)),
            ("off", counts["flat"] / hops > 0.2),
            ("motion", (counts["torn"] + counts["large"]) / hops > 0.1),
            ("mains", size[:, at["mains"]] > MAINS_UV),
            ("muscle", (size[:, at["rough"]] > np.maximum(MUSCLE_UV, ROUGH_PART * size[:, at["range"]]))),
            ("baseline", size[:, at["shift"]] > BASELINE_UV),
            ("motion", np.asarray(counts["noisy"] > 0.3 * max(1, self.heard)) & (self.heard > 0)),
            ("small", 2.0 ** (counts["largest"][:, at["range"]] / OCTAVE) < SMALL_UV),
        )
        if not self.hops:
            return [None] * self.leads
        return [next((reason for reason, holds in tests if holds[lead]), None) for lead in range(self.leads)]


def steps_of(sizes_uv: F32) -> I64:
    """Sizes in whole steps of 1/OCTAVE octave from 1 uV on: exact, unlike a logarithm."""
    return np.searchsorted(_edges(), sizes_uv, side="right")


@cache
def _edges() -> F32:
    return np.array(2.0 ** (np.arange(1, 18 * OCTAVE + 1) / OCTAVE), dtype=np.float32)


def acceptance_features(tally: Tally) -> F32:
    """What the acceptance of a recording rests on: each count of the worst leads, of the best ones, and of all."""
    hops, heard, counts = max(1, tally.hops), max(1, tally.heard), tally.counts
    shares = np.stack([counts[name] for name in ("flat", "saturated", "torn", "steep")], axis=1) / hops
    trace = counts["trace"] / heard
    at = {name: place for place, name in enumerate(TRACED)}
    stands_out = np.stack(
        [
            counts["top"] - trace[:, at["middle"]],
            trace[:, at["top"]] - trace[:, at["middle"]],
            trace[:, at["low"]] - trace[:, at["high"]],
        ],
        axis=1,
    )
    parts = (shares, counts["still"][:, None] / hops, counts["big"] / hops, counts["sizes"] / hops, counts["largest"])
    table = np.sort(np.concatenate([*parts, counts["smallest"][:, None], trace, stands_out], axis=1), axis=0)
    last = tally.leads - 1
    ranks = [last, max(last - 1, 0), max(last - 3, 0), 0, min(1, last)]
    return np.concatenate([table[ranks].ravel(), table.mean(axis=0)]).astype(np.float32)


def is_unacceptable(features: F32) -> bool:
    """Whether a person should be asked for the recording again: a small forest (CinC 2011)."""
    return bool(_forest().logits(features[None])[0, 0] > 0)


@cache
def _forest() -> Trees:
    return Trees.of("quality", "record_")


def quality_of(recording: Recording, trace: I16 | None = None) -> Quality:
    """The quality of a recording by itself; `trace` where it is at hand already (`trace.trace_of`). `analyze` takes it
    from the stream's own tally, which looks at the samples without their pacing spikes."""
    rows = trace_of(recording.signal_uv, recording.fs) if trace is None else trace
    return misscaled(recording) or tally_of(recording, rows).judge(recording.leads)


def misscaled(recording: Recording) -> Quality | None:
    """The quality of a recording in a wrong unit: nothing in it can be believed. None where the size is plausible."""
    if not is_misscaled(recording.signal_uv):
        return None
    leads, whole = recording.leads, (Span(0, len(recording.signal_uv)),)
    return Quality(False, dict.fromkeys(leads, 0.0), whole, (), dict.fromkeys(leads, "scale"))


def is_misscaled(signal_uv: F32) -> bool:
    """An ECG in the wrong unit: millivolts taken for microvolts, or a thousand times too much.

    Too small: no lead reaches SCALE_SMALL_UV, and most have peaks as an ECG has, not the even spread of an open input.
    Too large: half the leads or more swing further than any amplifier for an ECG.
    """
    finite = np.isfinite(signal_uv)
    real = signal_uv if finite.all() else signal_uv[finite.all(axis=1)]
    if len(real) < 2:
        return False
    columns = real.T  # a column at a time: along the first axis of a narrow table it takes many times as long
    size = np.array([float(column.max()) - float(column.min()) for column in columns])
    if float(np.median(size)) > SCALE_LARGE_UV:
        return True
    if not 0.0 < float(size.max()) < SCALE_SMALL_UV:
        return False
    middle = np.median(np.abs(real - np.median(real, axis=0)), axis=0)
    return bool(np.mean(size > PEAKED * middle) > 0.5 and float(np.median(middle)) > 0.0)


def tally_of(recording: Recording, trace: I16) -> Tally:
    """Every hop of a recording, raw and on the trace."""
    hops = hops_quality(recording.signal_uv, recording.fs)
    hop, samples = round(HOP_S * recording.fs), len(recording.signal_uv)
    reader, tally = Reader(len(recording.leads)), Tally.of(len(recording.leads))
    starts = [min(index * hop, samples) for index in range(len(hops.sizes) + 1)]
    starts[-1] = samples if len(hops.sizes) else 0
    tally.add(hops, starts)
    for verdict in (reader.push(trace, hops.range_uv, hops.level_uv, hops.usable), reader.flush()):
        tally.hear(verdict, starts[verdict.first :])
    return tally


def _joined(spans: list[Span]) -> list[Span]:
    """Overlapping and touching stretches as one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.first):
        if joined and span.first <= joined[-1].end:
            joined[-1] = Span(joined[-1].first, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined
