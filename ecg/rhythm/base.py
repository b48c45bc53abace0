"""What the base rhythm is: a verdict every five seconds, from the beats and the trace about it.

`RhythmJudge` is what the stream and the file both ask; it names the rhythm under runs and pauses. Fibrillation of the
atria is decided by boosted trees (`trained/rhythm.md`), the rest by rules in rates, shares and rows. What is urgent
(ventricular fibrillation, runs, pauses, extreme rates) is found elsewhere and sooner. Measuring stands in
`blocks` and `atrial_features`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.rhythm import conduction, flutter
from ecg.rhythm.atria import BLOCK, is_ectopic
from ecg.rhythm.atrial_features import NAMES, features
from ecg.rhythm.blocks import REACH, Blocks
from ecg.signal.trace import I16, RATE
from ecg.trained.trees import Trees

Features = Mapping[str, float]  # by NAMES; NaN where a number does not exist, and then no comparison holds
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SMOOTH = (1, 2, 1)  # weights of the blocks before, at and after

# The columns of a feature row that the trees see. Left out: what tells how ectopic, how many or how large. Ectopic
# beats do not speak against fibrillation (MIT-BIH 203), and sizes are the amplifier's.
AF_NAMES = tuple(
    name
    for name in NAMES
    if name
    not in (
        *(
            "beats",
            "intervals",
            "rr",
            "ectopic",
            "ectopic_runs",
            "premature",
            "paced",
            "cv_of_all",
            "wide",
            "size_uv",
            "low_uv",
        ),
        *("p_at", "p_noise", "band_uv", "p_peak_uv", "p_uv", "high_share", "rr_min", "rr_max"),
    )
)
AF_COLUMNS = np.array([NAMES.index(name) for name in AF_NAMES])
AF_LOGIT, AF_LOGIT_STAYS = 0.8, 0.0  # of the smoothed logits: to begin, and to go on
AF_LOGIT_SHORT = 0.4  # to begin in a window shorter than 25 s, which holds less to be sure by
# Nearly all intervals of one of two lengths: what blocks and bigeminy do. Fibrillation must then be the clearer.
TWO_LENGTHS, INTERVALS_MANY, TWO_LENGTHS_LOGIT = 0.75, 12, 2.0
P_REPEATS, P_SHARE = 0.8, 0.55  # the P window of all beats is the same: whatever the R-R do, no fibrillation

BEATS_MIN = 3
PACED_MIN, ECTOPIC_MIN = 0.4, 0.5  # share of the beats that are paced; of the intervals between two ectopic beats
VT_DBPM = 1000
RUNS_COUNT = 0.1  # share of the intervals of runs above which the rate of a sinus rhythm is that of the others
SLOW_DBPM, FAST_DBPM, STAYS_DBPM = 600, 1000, 20  # a sinus rhythm keeps its name this far past a limit
SVT_DBPM = 1600  # regular and narrow: at such rates P stands on T, and nobody can tell
JUNCTIONAL_DBPM = (350, 1300)
REGULAR_CV = 0.08
NO_P_SHARE, NO_P_AGREE, QUIET = 0.12, 0.25, 0.05  # no P wave: nothing repeats, and noise would not have hidden it
NARROW_ROWS = 10.5
ARRHYTHMIA_SPREAD = 0.20  # (longest - shortest tenth) of R-R in parts of the median, breath by breath
GRADUAL, P_CLEAR = 0.45, 0.7  # from beat to beat at most so much of the spread; the P wave repeats
NOISE_MAX = 0.22  # noise before the QRS in parts of the QRS
SIZE_UV_MIN = 80.0
FLUTTER_LINE, FLUTTER_BAND, P_IN_FLUTTER = 0.50, 0.62, 0.3
FLUTTER_HZ_MAX, FLUTTER_DBPM_MAX = 5.75, 1800
CONDUCTED = ("sinus", "sinus_brady", "sinus_tachy", "sinus_arrhythmia", "junctional", "undetermined")
SINUS = ("sinus", "sinus_brady", "sinus_tachy", "sinus_arrhythmia")


@dataclass(frozen=True)
class Verdict:
    """The base rhythm of rows [first, end) of the trace; the next verdict begins where this one ends.

    rate_dbpm    mean ventricular rate of the 25 s about it, tenths a minute; 0 when there are too few beats.
    probability  of atrial fibrillation or flutter, 0 to 1.
    rr_min_ms    shortest R-R of fibrillation that a pathway beside the AV node conducts; 0 where it is no such one.
    """

    rhythm: str
    first: int
    end: int
    rate_dbpm: int
    probability: float
    rr_min_ms: int = 0


@cache
def _trees() -> Trees:
    return Trees.of("rhythm")


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
        self._rows: F32 = np.zeros((0, len(NAMES)), dtype=np.float32)  # features of blocks not yet judged, from _begin
        self._logit: F64 = np.zeros(0)
        self._begin = 0
        self._judged = 0
        self._edge = 0  # where the next verdict begins
        self._was, self._fixed = "", False
        self._block: str | None = None
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
            self._logit = np.concatenate([self._logit, _trees().logits(fresh[:, AF_COLUMNS])[:, 0]])
        until = seen if final else max(0, seen - 1)
        found = tuple(self._judge(block, certain if final else None) for block in range(self._judged, until))
        self._judged = max(self._judged, until)
        self._forget()
        return found

    def _judge(self, block: int, rows_in_all: int | None) -> Verdict:
        at = block - self._begin
        f, smooth = dict(zip(NAMES, self._rows[at].tolist(), strict=True)), self._smooth(at)
        f["sinus_bpm"] = 60.0 * RATE / f["rr"] if f["ectopic_runs"] > RUNS_COUNT else f["rate_bpm"]
        f |= self._own_runs(block)  # not of the 25 s about it
        first = self._edge
        end = self._snapped((block + 1) * BLOCK, rows_in_all)
        name = self._name(f, smooth, block)
        self._was, self._edge = name, end
        rate = f["rate_bpm"]
        probability = 1.0 / (1.0 + math.exp(-smooth))
        dbpm = round(10 * rate) if math.isfinite(rate) else 0
        return Verdict(name, first, end, dbpm, round(probability, 3), self._bypass_ms(name, block, rate))

    def _own_runs(self, block: int) -> Mapping[str, float]:
        """Of the intervals that touch the block itself, how many lie between ectopic beats, and their rate: a run is
        not the rhythm of the 25 s about it.
        """
        beats = self._blocks.beats
        low, high = np.searchsorted(beats.row, (block * BLOCK, (block + 1) * BLOCK))
        near = beats.part(max(int(low) - 1, 0), int(high) + 1)
        odd = is_ectopic(near.kind)
        both = odd[1:] & odd[:-1]
        if not both.any():
            return {"ectopic_runs": 0.0, "run_bpm": math.nan}
        return {"ectopic_runs": float(both.mean()), "run_bpm": 60.0 * RATE / float(np.diff(near.row)[both].mean())}

    def _bypass_ms(self, name: str, block: int, rate_bpm: float) -> int:
        if name != "af" or rate_bpm < conduction.BYPASS_BPM:
            return 0
        trace, first, beats = self._blocks.raw_about(block)
        return conduction.bypass_rr(trace, beats - first, rate_bpm) * 1000 // RATE

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

    def _name(self, f: Features, logit: float, block: int) -> str:
        dark = sum(max(0, min(end, (block + 1) * BLOCK) - max(first, block * BLOCK)) for first, end in self._unreadable)
        if 2 * dark > BLOCK:
            return "undetermined"
        short = block < REACH or block + REACH >= self._blocks.count  # as it will be at the end, too
        begins = AF_LOGIT_SHORT if short else AF_LOGIT
        limit = AF_LOGIT_STAYS if self._was in ("af", "afl") else begins
        if f["two_modes"] >= TWO_LENGTHS and f["intervals"] >= INTERVALS_MANY:
            limit += TWO_LENGTHS_LOGIT
        repeats = f["p_correlation_max"] >= P_REPEATS and f["share_max"] >= P_SHARE
        name = named(f, atrial=logit > limit and not repeats, was=self._was)
        if name not in CONDUCTED:
            return name
        return self._fluttering(f, block) or self._blocked(f, block) or name

    def _fluttering(self, f: Features, block: int) -> str | None:
        """Flutter conducted in a fixed ratio, where there is a reason to look for it."""
        if block % (2 * REACH) == 0:  # windows of 2 REACH + 1 blocks: none is left out
            self._fixed = flutter.looks_fixed(f["rate_bpm"], f["rr_cv"], f["p_at"], f["p_uv"], f["band_max"])
            if self._fixed:
                trace, first, beats = self._blocks.raw_about(block)
                self._fixed = flutter.is_fixed(trace, beats - first)
        return "afl" if self._fixed else None

    def _blocked(self, f: Features, block: int) -> str | None:
        """The AV block of the window, where it is worth looking for one."""
        if block % REACH == 0:  # windows overlap by more than that
            self._block = None
            if conduction.looks_blocked(f["rate_bpm"], f["rr_max"], f["ectopic"], f["premature"]):
                rest, first, beats = self._blocks.about(block)
                self._block = conduction.av_block(conduction.pulses(rest, first), beats)
        return self._block

    def _forget(self) -> None:
        self._blocks.forget()
        drop = self._judged - 1 - self._begin
        if drop > 0:
            self._rows, self._logit = self._rows[drop:].copy(), self._logit[drop:].copy()
            self._begin += drop
        self._unreadable = [span for span in self._unreadable if span[1] > self._judged * BLOCK]


def named(f: Features, *, atrial: bool, was: str = "") -> str:
    """The name of one window from its features; `atrial`: the trees say fibrillation; `was`: the block before's."""
    dbpm = 10 * f["rate_bpm"]
    if f["beats"] < BEATS_MIN or not math.isfinite(dbpm):
        return "undetermined"
    # A pacemaker that drives the ventricles makes them regular; elsewhere "spikes" may be the waves of fibrillation.
    if f["paced"] >= PACED_MIN and not (atrial and f["rr_cv"] >= REGULAR_CV):
        return "paced"
    if f["ectopic_runs"] > ECTOPIC_MIN:
        return "vt" if 10 * f["run_bpm"] >= VT_DBPM else "ivr"
    if not f["size_uv"] >= SIZE_UV_MIN or f["p_noise_to_qrs"] > NOISE_MAX:
        return "undetermined"
    saw = (
        f["line_max"] >= FLUTTER_LINE
        and f["line_hz"] <= FLUTTER_HZ_MAX
        and f["band_max"] >= FLUTTER_BAND
        and dbpm <= FLUTTER_DBPM_MAX
    )
    fast_and_regular = f["rr_cv"] < REGULAR_CV and dbpm >= SVT_DBPM
    if atrial and not fast_and_regular:
        return "afl" if saw else "af"
    if saw and f["share_max"] < P_IN_FLUTTER:
        return "afl"
    if fast_and_regular:
        return "svt"
    if f["rr_cv"] < REGULAR_CV:
        no_p = f["share_max"] < NO_P_SHARE and f["p_other"] < NO_P_AGREE and f["p_noise_to_qrs"] < QUIET
        if no_p and f["wide"] <= NARROW_ROWS and JUNCTIONAL_DBPM[0] <= dbpm <= JUNCTIONAL_DBPM[1]:
            return "junctional"
    return _sinus(f, 10 * f["sinus_bpm"] if math.isfinite(f["sinus_bpm"]) else dbpm, was)


def _sinus(f: Features, dbpm: float, was: str) -> str:
    slow = SLOW_DBPM + (STAYS_DBPM if was == "sinus_brady" else -STAYS_DBPM if was in SINUS else 0)
    fast = FAST_DBPM + (-STAYS_DBPM if was == "sinus_tachy" else STAYS_DBPM if was in SINUS else 0)
    if dbpm < slow:
        return "sinus_brady"
    if dbpm > fast:
        return "sinus_tachy"
    spread = f["rr_p90"] - f["rr_p10"]
    gradual = f["step_median"] <= GRADUAL * spread
    early = f["premature"] > 0 or f["ectopic"] > 0
    if spread >= ARRHYTHMIA_SPREAD and gradual and not early and f["p_correlation_max"] >= P_CLEAR:
        return "sinus_arrhythmia"
    return "sinus"
