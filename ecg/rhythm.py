"""What the rhythm of a stretch is: from the beats of a block of ten seconds, its P waves, its flutter or fibrillation.

Pure functions of arrays; `stream` decides when a block is complete and asks. Runs of ventricular beats and pauses are
found there as they come; here stands what needs a stretch to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecg.filters import moving_mean
from ecg.record import F32

BLOCK_S = 10.0
P_FROM_S, P_TO_S = 0.28, 0.07  # where a P wave stands before R
AF_STEP_PART = 0.06  # median beat-to-beat change of R-R, in parts of the mean
AF_RMSSD_PART = 0.10
P_PRESENT = 0.35  # share of the energy before the QRS that repeats from beat to beat
SVT_BPM = 150.0
FLUTTER_LEADS = ("II", "III", "aVF", "V1")
FLUTTER_HZ, FLUTTER_SHARE = (3.6, 6.5), 0.62
VF_WINDOW_S, VF_STEP_S = 4.0, 1.0
VF_LEAK, VF_AWAY, VF_HZ, VF_UV = 0.58, 0.42, (2.5, 9.5), 150.0
VFL_BPM = 220.0  # slower and regular, a sine-like rhythm is ventricular tachycardia


@dataclass(frozen=True)
class Block:
    """What is known of one block when it is judged."""

    symbols: str
    rr_ms: tuple[float, ...]  # between conducted beats that follow one another
    rate_bpm: float | None
    p_share: float | None
    flutter: bool
    fibrillating: float  # share of the block
    usable: float


def base_rhythm(block: Block) -> str:
    """The rhythm code (glossary 8) under the runs and pauses of a block."""
    beats = len(block.symbols)
    if block.usable < 0.5:
        return "undetermined"
    if block.fibrillating > 0.5:
        return "vf"
    if beats < 3 or block.rate_bpm is None:
        return "undetermined"
    if block.symbols.count("/") >= max(3, 0.4 * beats):
        return "paced"
    if 2 * block.symbols.count("V") > beats and block.rate_bpm >= 100:
        return "vt"
    p_waves = block.p_share is not None and block.p_share >= P_PRESENT
    if block.flutter and not p_waves:
        return "afl"
    if is_irregular(block.rr_ms) and not p_waves:
        return "af"
    if block.rate_bpm >= SVT_BPM:
        return "svt"
    if block.p_share is not None and block.p_share < 0.15:
        return "undetermined"
    return "sinus_brady" if block.rate_bpm < 60 else "sinus_tachy" if block.rate_bpm > 100 else "sinus"


def is_irregular(rr_ms: Sequence[float]) -> bool:
    """R-R change from beat to beat all the time, not once or twice."""
    if len(rr_ms) < 4:
        return False
    rr = np.asarray(rr_ms)
    steps = np.abs(np.diff(rr))
    mean = float(rr.mean())
    return bool(np.median(steps) > AF_STEP_PART * mean and np.sqrt(np.mean(steps**2)) > AF_RMSSD_PART * mean)


def p_share(trace_uv: F32, r_at: Sequence[int], rate: float) -> float | None:
    """How much of what stands before the QRS repeats from beat to beat: 1 all of it, 0 none (unbiased); None below 4
    beats.

    trace_uv (samples, leads); r_at rows of it. In fibrillation the waves before each beat are others.
    """
    first, last = round(P_FROM_S * rate), round(P_TO_S * rate)
    windows = [trace_uv[r - first : r - last] for r in r_at if r - first >= 0 and r - last <= len(trace_uv)]
    if len(windows) < 4:
        return None
    table = np.stack(windows)  # (beats, samples, leads)
    line = np.linspace(0.0, 1.0, table.shape[1], dtype=np.float32)[None, :, None]
    ends = max(1, round(0.01 * rate))
    start, stop = table[:, :ends].mean(axis=1, keepdims=True), table[:, -ends:].mean(axis=1, keepdims=True)
    table = table - start - (stop - start) * line
    n = len(table)
    alone = float(np.mean(np.sum(table**2, axis=(1, 2))))
    together = float(np.sum(table.mean(axis=0) ** 2))
    return (n * together - alone) / ((n - 1) * alone) if alone > 0 else None


def has_flutter(trace_uv: F32, r_at: Sequence[int], rate: float) -> bool:
    """One line of 3.6-6.5 Hz and its double hold most of what is left in two leads when the median beat is taken away.

    trace_uv  (samples, leads) of the leads that show flutter (FLUTTER_LEADS); r_at rows of it. A ratio so fixed that it
              repeats with the beat is taken away with the beat and not seen.
    Source    ours; the share was 0.74-0.79 in LUDB 52 and at most 0.51 in the fibrillations of the development records.
    """
    before, after = round(0.12 * rate), round(0.36 * rate)
    rows = [r for r in r_at if r - before >= 0 and r + after <= len(trace_uv)]
    if len(rows) < 4 or rows[-1] - rows[0] < 4 * rate:
        return False
    beat = np.median([trace_uv[r - before : r + after] for r in rows], axis=0)
    rest = trace_uv[rows[0] - before : rows[-1] + after].copy()
    for row in rows:
        rest[row - rows[0] : row - rows[0] + before + after] -= beat
    rest = (rest - rest.mean(axis=0)) * np.hanning(len(rest))[:, None]
    hz = np.fft.rfftfreq(8192, 1 / rate)
    power = np.abs(np.fft.rfft(rest, 8192, axis=0)) ** 2
    whole = power[(hz >= 2) & (hz <= 15)].sum(axis=0)
    inside = np.flatnonzero((hz >= FLUTTER_HZ[0]) & (hz <= FLUTTER_HZ[1]))
    lines = hz[inside[np.argmax(power[inside], axis=0)]]
    near = (np.abs(hz[:, None] - lines) < 0.35) | (np.abs(hz[:, None] - 2 * lines) < 0.5)
    share = np.where(near, power, 0.0).sum(axis=0) / np.maximum(whole, 1e-9)
    clear = lines[share >= FLUTTER_SHARE]
    return len(clear) >= min(2, trace_uv.shape[1]) and float(np.ptp(clear)) < 0.3


def fibrillates(window_uv: F32, rate: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which leads of a 4 s window look like a wandering sine with no rest between: (leads,) bool.

    Leakage of the VF filter (Kuo & Dillmann 1978, after Amann et al., BioMed Eng OnLine 2005;4:60) and the share of
    samples
    away from the baseline (after Arafat's threshold crossing sample count, 2011). Limits set on cu01, MIT-BIH 207 and
    the
    false calls on the development records.
    """
    edge = round(0.2 * rate)
    x = (window_uv - moving_mean(window_uv, int(rate) | 1))[edge:-edge]
    away_uv, steps = np.abs(x), np.abs(np.diff(x, axis=0)).sum(axis=0)
    half = np.clip(np.round(np.pi * away_uv.sum(axis=0) / np.maximum(steps, 1e-6)), 2, len(x) // 4).astype(np.int64)
    found = np.zeros(x.shape[1], dtype=bool)
    size = np.quantile(away_uv, 0.98, axis=0)
    share = np.mean(away_uv > 0.25 * size, axis=0)
    hz = rate / (2.0 * half)
    for lead in np.flatnonzero((share > VF_AWAY) & (2 * size >= VF_UV) & (hz >= VF_HZ[0]) & (hz <= VF_HZ[1])):
        now, then = x[half[lead] :, lead], x[: -half[lead], lead]
        whole = float(np.sum(np.abs(now)) + np.sum(np.abs(then)))
        found[lead] = whole > 0 and float(np.sum(np.abs(now + then))) / whole < VF_LEAK
    return found
