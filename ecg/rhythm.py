"""What the base rhythm is: a verdict every five seconds, from the beats and the trace about it.

`RhythmJudge` is what the stream and the file both ask; it names the rhythm under runs and pauses. Fibrillation of the
atria is decided by boosted trees (`trained/rhythm.md`), the rest by rules in rates, shares and rows. What is urgent
(ventricular fibrillation, runs, pauses, extreme rates) is found elsewhere and sooner. Measuring stands in
`rhythm_blocks` and `atrial_features`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.atria import BLOCK
from ecg.atrial_features import NAMES, features
from ecg.filters import moving_mean
from ecg.record import F32
from ecg.rhythm_blocks import REACH, Blocks
from ecg.trace import I16
from ecg.trained.trees import Trees

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SMOOTH = (1, 2, 1)  # weights of the blocks before, at and after

# The columns of a feature row that the trees see. Left out: what tells how ectopic, how many or how large. Ectopic beats
# do not speak against fibrillation (MIT-BIH 203), and sizes are the amplifier's.
AF_NAMES = tuple(
    name
    for name in NAMES
    if name
    not in (
        *("beats", "intervals", "rr", "ectopic", "premature", "paced", "cv_of_all", "wide", "size_uv", "low_uv"),
        *("p_at", "p_noise", "band_uv", "p_peak_uv", "p_uv", "high_share", "rr_min", "rr_max"),
    )
)
AF_COLUMNS = np.array([NAMES.index(name) for name in AF_NAMES])
AF_LOGIT, AF_LOGIT_STAYS = 0.8, 0.0  # of the smoothed logits: to begin, and to go on

BEATS_MIN = 3
PACED_MIN, ECTOPIC_MIN = 0.4, 0.5  # shares of the beats of a window
VT_DBPM, IVR_DBPM_MIN = 1000, 200
SLOW_DBPM, FAST_DBPM, STAYS_DBPM = 600, 1000, 20  # a sinus rhythm keeps its name this far past a limit
SVT_DBPM = 1400  # regular, narrow and without P
JUNCTIONAL_DBPM = (350, 1300)
REGULAR_CV = 0.08
NO_P_SHARE, NO_P_AGREE, QUIET = 0.12, 0.25, 0.05  # no P wave: nothing repeats, and noise would not have hidden it
NARROW_ROWS = 10.5
ARRHYTHMIA_SPREAD = 0.20  # (longest - shortest tenth) of R-R in parts of the median, breath by breath
NOISE_MAX = 0.30  # noise before the QRS in parts of the QRS
SIZE_UV_MIN = 80.0
FLUTTER_LINE, FLUTTER_BAND = 0.50, 0.62
SINUS = ("sinus", "sinus_brady", "sinus_tachy", "sinus_arrhythmia")


@dataclass(frozen=True)
class Verdict:
    """The base rhythm of rows [first, end) of the trace; the next verdict begins where this one ends.

    rate_dbpm    mean ventricular rate of the 25 s about it, tenths a minute; 0 when there are too few beats.
    probability  of atrial fibrillation or flutter, 0 to 1.
    """

    rhythm: str
    first: int
    end: int
    rate_dbpm: int
    probability: float


class RhythmJudge:
    """Beats and trace in, verdicts out, the same however they are cut; picklable, 25 s of memory.

    push(rows, symbols, trace, trace_first, certain, final=False) -> verdicts that are now certain, in order, without a
    gap from row 0 on. Call it as often as wanted, always with all beats since the last call:

    rows, symbols  int64 rows of the trace and one of N A V F Q / each: every beat before row `certain` not given yet.
    trace          int16 (m, leads), of which row 0 is row `trace_first` of the recording and the last is at least
                   `certain` - 1. Keep rows from `needs_from` on (at most 9 s and what has come since).
    certain        no beat before this row will be added or change; with final=True the recording's number of rows.
    unreadable     spans of rows, wholly in the past, in which nothing can be read; given once.

    A verdict on a block of five seconds comes when the beats up to 16 s after its end are certain.
    """

    def __init__(self, leads: tuple[str, ...]) -> None:
        self._blocks = Blocks(leads)
        self._trees = Trees.of("rhythm")
        self._rows: F32 = np.zeros((0, len(NAMES)), dtype=np.float32)  # features of blocks not yet judged, from _begin
        self._logit: F64 = np.zeros(0)
        self._begin = 0
        self._judged = 0
        self._edge = 0  # where the next verdict begins
        self._was = ""
        self._unreadable: list[tuple[int, int]] = []

    @property
    def needs_from(self) -> int:
        """The first row of trace that the next push must still hold."""
        return self._blocks.needs_from

    def push(
        self,
        rows: I64,
        symbols: str,
        trace: I16,
        trace_first: int,
        certain: int,
        *,
        final: bool = False,
        unreadable: Sequence[tuple[int, int]] = (),
    ) -> tuple[Verdict, ...]:
        self._unreadable = [*self._unreadable, *unreadable]
        blocks = self._blocks
        if not blocks.push(rows, symbols, trace, trace_first, certain, final=final) and not final:
            return ()
        seen = blocks.count if final else max(0, blocks.count - REACH)
        done = self._begin + len(self._rows)
        if seen > done:
            fresh = features(blocks.windows(done, seen))
            self._rows = np.concatenate([self._rows, fresh])
            self._logit = np.concatenate([self._logit, self._trees.logits(fresh[:, AF_COLUMNS])[:, 0]])
        until = seen if final else max(0, seen - 1)
        found = tuple(self._judge(block, certain if final else None) for block in range(self._judged, until))
        self._judged = max(self._judged, until)
        self._forget()
        return found

    def _judge(self, block: int, rows_in_all: int | None) -> Verdict:
        at = block - self._begin
        row, smooth = self._rows[at], self._smooth(at)
        first = self._edge
        end = self._snapped((block + 1) * BLOCK, rows_in_all)
        name = self._name(row, smooth, block)
        self._was, self._edge = name, end
        rate = float(row[_AT["rate_bpm"]])
        probability = 1.0 / (1.0 + math.exp(-smooth))
        return Verdict(name, first, end, round(10 * rate) if math.isfinite(rate) else 0, round(probability, 3))

    def _smooth(self, at: int) -> float:
        near = self._logit[max(0, at - 1) : at + 2]
        weights = SMOOTH[1 if at == 0 else 0 :][: len(near)]
        return sum(w * float(logit) for w, logit in zip(weights, near, strict=True)) / sum(weights)

    def _snapped(self, row: int, rows_in_all: int | None) -> int:
        """The beat nearest to a block's end: rhythms change at beats."""
        if rows_in_all is not None and row >= rows_in_all:
            return rows_in_all
        beats = self._blocks.beats.row
        near = beats[np.searchsorted(beats, row - BLOCK // 4) : np.searchsorted(beats, row + BLOCK // 4)]
        return int(near[np.argmin(np.abs(near - row))]) if len(near) else row

    def _name(self, row: F32, logit: float, block: int) -> str:
        dark = sum(max(0, min(end, (block + 1) * BLOCK) - max(first, block * BLOCK)) for first, end in self._unreadable)
        if 2 * dark > BLOCK:
            return "undetermined"
        limit = AF_LOGIT_STAYS if self._was in ("af", "afl") else AF_LOGIT
        return named(row, atrial=logit > limit, was=self._was)

    def _forget(self) -> None:
        self._blocks.forget()
        drop = self._judged - 1 - self._begin
        if drop > 0:
            self._rows, self._logit = self._rows[drop:].copy(), self._logit[drop:].copy()
            self._begin += drop
        self._unreadable = [span for span in self._unreadable if span[1] > self._judged * BLOCK]


_AT = {name: place for place, name in enumerate(NAMES)}


def named(row: F32, *, atrial: bool, was: str = "") -> str:
    """The name of one window from its features; `atrial`: the trees say fibrillation; `was`: the block before's."""
    f = {name: float(row[place]) for name, place in _AT.items()}
    rate = f["rate_bpm"]
    if f["beats"] < BEATS_MIN or not math.isfinite(rate) or not f["size_uv"] >= SIZE_UV_MIN:
        return "ivr" if f["beats"] >= BEATS_MIN and f["ectopic"] > ECTOPIC_MIN else "undetermined"
    dbpm = 10 * rate
    if f["paced"] >= PACED_MIN:
        return "paced"
    if f["ectopic"] > ECTOPIC_MIN:
        return "vt" if dbpm >= VT_DBPM else "ivr"
    if f["p_noise_to_qrs"] > NOISE_MAX:
        return "undetermined"
    flutter = f["line_max"] >= FLUTTER_LINE and f["band_max"] >= FLUTTER_BAND
    if atrial:
        return "afl" if flutter else "af"
    no_p = f["share_max"] < NO_P_SHARE and f["p_other"] < NO_P_AGREE
    if flutter and f["share_max"] < 0.3:
        return "afl"
    regular = f["rr_cv"] < REGULAR_CV
    if no_p and regular and f["wide"] <= NARROW_ROWS and f["p_noise_to_qrs"] < QUIET:
        if dbpm >= SVT_DBPM:
            return "svt"
        if JUNCTIONAL_DBPM[0] <= dbpm <= JUNCTIONAL_DBPM[1]:
            return "junctional"
    return _sinus(f, dbpm, was)


def _sinus(f: dict[str, float], dbpm: float, was: str) -> str:
    slow = SLOW_DBPM + (STAYS_DBPM if was == "sinus_brady" else -STAYS_DBPM if was in SINUS else 0)
    fast = FAST_DBPM + (-STAYS_DBPM if was == "sinus_tachy" else STAYS_DBPM if was in SINUS else 0)
    if dbpm < slow:
        return "sinus_brady"
    if dbpm > fast:
        return "sinus_tachy"
    spread = f["rr_p90"] - f["rr_p10"]
    if spread >= ARRHYTHMIA_SPREAD and f["premature"] == 0 and f["ectopic"] == 0 and f["p_correlation_max"] >= 0.7:
        return "sinus_arrhythmia"
    return "sinus"


# -- what `stream` still asks; it leaves with the next core

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
