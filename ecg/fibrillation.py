"""Ventricular fibrillation and flutter: windows of four seconds, one a second, on the trace.

Says of a window in which leads it looks like a wandering sine with no rest between. Whether the beats of the window
keep time, and what is told, is decided by `FibrillationWatch`, fed in order like the other watches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ecg.evidence import Evidence
from ecg.filters import Mask
from ecg.trace import I16, RATE
from ecg.watch import Found, Open

WINDOW, STEP = 4 * RATE, RATE  # rows
EDGE = 20
AWAY, LEAK, HZ, UV = 0.42, 0.58, (2.5, 9.5), 150.0
BEATS_MIN, KEEP_TIME, FLUTTER_BPM = 3, 0.12, 220.0  # slower and regular, a sine-like rhythm is ventricular tachycardia
VERDICTS, NEEDED = 3, 2  # windows that decide together
PIECE = 256


def fibrillates(trace: I16) -> Mask:
    """Which leads of which windows look like fibrillation: (windows, leads) bool.

    trace   (WINDOW + (windows - 1) * STEP, leads) int16: a window every STEP rows.
    Source  leakage of the VF filter (Kuo & Dillmann 1978) and the share of samples away from the baseline (after
            Arafat's threshold crossing sample count, 2011), both after Amann et al., BioMed Eng OnLine 2005;4:60.
            Limits set on cu01, MIT-BIH 207 and the false calls on the development records.
    """
    count = (len(trace) - WINDOW) // STEP + 1
    if count <= 0:
        return np.zeros((0, trace.shape[1]), dtype=bool)
    views = np.lib.stride_tricks.sliding_window_view(trace, WINDOW, axis=0)[::STEP][:count]  # (windows, leads, rows)
    return np.concatenate([_judge(views[at : at + PIECE]) for at in range(0, count, PIECE)])


def _judge(views: I16) -> Mask:
    x = views[:, :, EDGE:-EDGE].astype(np.int32)
    x = x - np.rint(x.sum(axis=2, keepdims=True) / x.shape[2]).astype(np.int32)
    away = np.abs(x)
    place = round(0.98 * x.shape[2])
    size = np.partition(away, place, axis=2)[:, :, place]
    share = np.count_nonzero(4 * away > size[:, :, None], axis=2) / x.shape[2]
    steps = np.abs(np.diff(x, axis=2)).sum(axis=2)
    half = np.clip(np.rint(np.pi * away.sum(axis=2) / np.maximum(steps, 1)), 2, x.shape[2] // 4).astype(np.int64)
    hz = RATE / (2.0 * half)
    found = np.zeros(share.shape, dtype=bool)
    for window, lead in zip(
        *np.nonzero((share > AWAY) & (2 * size >= UV) & (hz >= HZ[0]) & (hz <= HZ[1])), strict=True
    ):
        wave, lag = x[window, lead], int(half[window, lead])
        now, then = wave[lag:], wave[:-lag]
        whole = int(np.abs(now).sum() + np.abs(then).sum())
        found[window, lead] = whole > 0 and int(np.abs(now + then).sum()) < LEAK * whole
    return found


@dataclass
class FibrillationWatch:
    """Window after window, the verdict of two of three. Places are samples."""

    fs: float
    open: Open = field(init=False)
    verdicts: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open = Open(1000.0 / self.fs)

    @property
    def on(self) -> bool:
        return "vf" in self.open.now

    def window(self, first: int, end: int, votes: int, usable: int, beats: Sequence[int]) -> Iterator[Found]:
        """The window [first, end): leads that look like it, of those that can be read, and the beats heard inside."""
        sine = usable > 0 and votes >= min(2, usable)
        self.verdicts = [*self.verdicts, sine and not keeps_time(beats, self.fs)][-VERDICTS:]
        if sum(self.verdicts) >= NEEDED:
            begun = self.open.begun("vf", max(0, first))
            facts = {"lasts_ms": self.open.ms(end - begun)}
            yield self.open.grow(Evidence("vf", begun, end, facts, closed=False))
        elif not any(self.verdicts):
            yield from self.open.close("vf", "vf")

    def finish(self) -> Iterator[Found]:
        yield from self.open.close("vf", "vf")


def keeps_time(beats: Sequence[int], fs: float) -> bool:
    """The beats of a window come regularly, slower than flutter would."""
    if len(beats) < BEATS_MIN:
        return False
    steps = [b - a for a, b in pairwise(beats)]
    mean = sum(steps) / len(steps)
    spread = (sum((step - mean) ** 2 for step in steps) / len(steps)) ** 0.5
    return 60.0 * fs / mean < FLUTTER_BPM and spread < KEEP_TIME * mean
