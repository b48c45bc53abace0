"""What each beat is: normal, early from above, ventricular, fusion or paced.

`Classifier` is fed beats as they are detected, by a stream one or two at a time and by a file all at once, and gives
the same answers to the last bit. It decides and keeps the accounts; the shapes of a recording stand in `shapes`, what
is measured of a beat in `features`, what was learned in `trained/beats.npz`. Rhythm is not decided here, and no beat is
ever moved or dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ecg.beats.features import (
    EARLINESS,
    LONG_PAST,
    LONG_STEP,
    NEXT_MAX,
    PAST,
    S_AHEAD,
    S_WAIT,
    SHAPE,
    TIME,
    V_AHEAD,
    V_WAIT,
    Judged,
    Tempo,
    clean_of,
    intervals,
    references,
    shape_features,
    sinus_of,
    tempo_of,
    time_features,
)
from ecg.beats.shapes import BEFORE, F64, QRS_PART, ROWS_OF_CELL, SAME, Families, Known, Mask, Rows, around, qrs_at
from ecg.record import F32, I64
from ecg.trained.trees import Trees

U8 = npt.NDArray[np.uint8]
I32 = npt.NDArray[np.int32]

SYMBOLS = "NAVFQ/"  # a code is an index into this
NORMAL, EARLY, VENTRICULAR, FUSION, UNKNOWN, PACED = range(6)
BLOCK = 512  # beats looked at together: memory stays flat over a long recording
KEPT = PAST + 4  # judged beats that stay held before the first that is still needed
WIDE_ROWS = 13.0  # a QRS of the trace that is wide beyond doubt; the low-pass adds about 2 rows
WIDE_USUAL = 50.0  # rows: a wide regular rhythm faster than 120 a minute is ventricular until a person says otherwise
REGULAR = 0.06
IN_TIME, IN_TIME_ROWS = 0.93, 3.5  # an interval is early below this part of a usual one, and by so many rows
WIDTH = SHAPE.index("width")
BULK, BROAD_ROWS = SHAPE.index("bulk"), 7.0  # area over height of such a QRS, rows; narrow ones have 4 to 6
BESIDE = tuple(SHAPE.index(name) for name in ("like_previous", "like_next", "like_two_back"))
BEFORE_RR = TIME.index("before")
QRS_FROM, QRS_TO = QRS_PART.start - BEFORE, QRS_PART.stop - BEFORE  # rows about R
IN_STEP = 0.15
SURE = 2.0  # the logit a rule gives
# An ectopic focus repeats itself: a QRS like no other must be this sure, or follow one that is.
ALONE_SURE, LED_SURE, DOUBT = 1.25, 1.5, 0.1
PACED_SHARE = 0.18  # spikes are small and often lost: a wide family with some is paced throughout
NARROW_PACED_SHARE = 0.7  # a narrow QRS is taken for a spike now and then


class Judge(Protocol):
    """What was learned: features (n, m) to a logit (n, 1)."""

    def logits(self, rows: F32) -> F64: ...


@dataclass(frozen=True, eq=False)
class Ventricular:
    """The first answer about some beats, final: (n,) each, in order of time.

    row          of the trace. probability: of ventricular origin, thousandths are whole.
    family       number of the family of shapes a beat belongs to, -1 for none; never used twice in a recording.
    """

    row: I64
    probability: F64
    family: I64


@dataclass(frozen=True, eq=False)
class Classified:
    """The last answer about some beats: (n,) each. `symbol` are codes, indices into SYMBOLS."""

    row: I64
    symbol: U8
    v_probability: F64
    s_probability: F64
    family: I64


@dataclass(frozen=True, eq=False)
class Answer:
    """What a push made final. `ventricular` runs ahead of `classified`."""

    ventricular: Ventricular
    classified: Classified


@dataclass(eq=False)
class _History:
    """Beats in order, those that wait and some that are done with: parallel arrays, all of one length."""

    row: I64
    broken: Mask
    paced: Mask  # a spike at the beat
    usable: Mask  # (n, leads)
    # Known once a beat has been judged by its shape:
    early: F64  # R-R before, in parts of the usual one
    logit: F64  # ventricular
    family: I64
    spiked: Mask  # of a paced family
    fused: Mask
    doubtful: Mask  # like no other beat, and not surely ventricular
    facts: F32  # (n, 5) of `Shaped`: like_main, size, width_more, p_like, p_part

    @classmethod
    def fresh(cls, row: I64, broken: Mask, paced: Mask, usable: Mask) -> _History:
        n = len(row)
        facts = np.zeros((n, 5), dtype=np.float32)
        no = np.zeros(n, dtype=bool)
        return cls(row, broken, paced, usable, np.ones(n), np.zeros(n), np.full(n, -1), no, no.copy(), no.copy(), facts)

    def then(self, more: _History) -> _History:
        return _History(*(np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self)))

    def since(self, first: int) -> _History:
        return _History(*(getattr(self, f.name)[first:].copy() for f in fields(self)))


class Classifier:
    """Beats in as they are detected, their classes out.

    State is bounded: the shapes of `FAMILIES` families and the beats of the last ten seconds or so. Picklable.
    """

    def __init__(self, leads: int, ventricular: Judge | None = None, early: Judge | None = None) -> None:
        """The judges are the trained trees unless others are handed in, as training does."""
        self.leads = leads
        self._ventricular, self._early = ventricular, early
        self._families = Families(leads)
        self._known = self._families.known()
        self._stretch = 0  # first row of the open one: the shapes change when it is complete
        none = np.zeros(0, dtype=np.int64)
        no = np.zeros(0, dtype=bool)
        self._beats = _History.fresh(none, no, no, np.zeros((0, leads), dtype=bool))
        self._number = 0  # of the first beat held, since the start
        self._shaped = self._timed = 0  # judged by shape; given their class: indices into the beats held
        self._long = np.zeros(0, dtype=np.int16)  # the newest sinus-like intervals before judged beats, -1 for none
        self._sinus: tuple[int, float, float] = (-1, float("nan"), 0.0)

    def push(
        self,
        rows: I64,
        paced: Mask,
        broken: Mask,
        usable: Mask,
        trace: Rows,
        certain: int,
        *,
        final: bool = False,
    ) -> Answer:
        """Take newly detected beats and say what is final now.

        rows      (n,) int64, rows of the trace, ascending and after all pushed before.
        paced     (n,) a pacing spike was found at the beat. broken (n,): the signal was lost since the beat before.
        usable    (n, leads) the lead carried an ECG at the beat.
        trace     holds the rows from 14 s before the last push's `certain` on. certain: trace and beats are complete
                  up to this row.
        final     nothing follows: everything that waits is answered.
        Returns   beats by shape V_WAIT rows (2.5 s) after they came or with the fourth after them, by class S_WAIT
                  rows (7.9 s) after; in the first five seconds that have beats, when these are over.
        """
        broken = broken.copy()
        if not len(self._beats.row) and len(broken):
            broken[0] = True  # nothing before the first
        if len(rows):
            self._beats = self._beats.then(_History.fresh(rows.astype(np.int64), broken, paced, usable))
        shaped: list[Ventricular] = []
        classed: list[Classified] = []
        more = True
        while more:  # block by block: a long recording takes no more memory than a short one
            more = self._judge(trace, certain, final, shaped)
            while self._classify(certain, final, classed):
                pass
            self._forget()
        return Answer(_joined_v(shaped), _joined(classed))

    # -- by shape

    def _judge(self, trace: Rows, certain: int, final: bool, out: list[Ventricular]) -> bool:
        """Judge up to BLOCK beats and learn from every stretch that is complete; True: there may be more."""
        beats, first = self._beats, self._shaped
        if final and first == len(beats.row):
            return False
        ready = len(beats.row) if final else int(np.searchsorted(beats.row, certain - V_WAIT, side="right"))
        # Once the neighbours that its features look at are there, a beat need not wait: a fast run is told sooner.
        ready = min(max(ready, len(beats.row) - V_AHEAD), first + BLOCK)
        if ready == first and (final or certain < self._stretch_end() + V_WAIT):
            return False
        tempo = tempo_of(beats.row, intervals(beats.row, beats.broken), np.arange(first, ready), certain)
        beats.early[first:ready] = tempo.before / tempo.usual
        stretches: list[Known] = []
        counts: list[int] = []
        at = first
        while True:
            end = self._stretch_end()
            upto = int(np.searchsorted(beats.row, end))
            complete = upto <= ready and (final or certain >= end + V_WAIT or upto < ready)
            opening = not self._families.learned
            if opening and not complete:
                break  # the first beats are judged by what the first seconds teach
            if opening:
                self._learn(trace, end)
            stretches.append(self._known)
            counts.append(min(upto, ready) - at)
            at = min(upto, ready)
            if not complete:
                break
            if not opening:
                self._learn(trace, end)
            self._stretch = end
            if final and upto == len(beats.row):
                break
        if at > first:
            of = np.repeat(np.arange(len(counts)), counts)
            out.append(self._shape(trace, slice(first, at), tempo.cut(at - first), stretches, of, certain))
            self._shaped = at
        return ready == first + BLOCK and at > first

    def _stretch_end(self) -> int:
        return (self._stretch // ROWS_OF_CELL + 1) * ROWS_OF_CELL

    def _learn(self, trace: Rows, end: int) -> None:
        """The open stretch is complete: its beats change what is known."""
        beats = self._beats
        first, last = np.searchsorted(beats.row, [self._stretch, end])
        if last > first:
            part = slice(int(first), int(last))
            before = intervals(beats.row, beats.broken)[part]
            self._families.learn(around(trace, beats.row[part]), beats.early[part], before, beats.paced[part])
            self._known = self._families.known()

    def _shape(
        self, trace: Rows, part: slice, tempo: Tempo, stretches: list[Known], of: I64, certain: int
    ) -> Ventricular:
        """Judge the beats of `part`, of stretch number `of` each, by their shape."""
        beats = self._beats
        row = beats.row[part]
        refer = references(stretches, of, beats.usable[part])
        index = np.arange(part.start, part.stop)
        neighbours = [self._neighbour(trace, index, step) for step in (-1, 1, -2)]
        shaped = shape_features(around(trace, row), neighbours, refer, tempo)
        model = self._ventricular if self._ventricular is not None else _trained("v_")
        logit = model.logits(shaped.features)[:, 0]
        main_width = np.array([known.width[known.main] for known in stretches])[of]
        narrow = np.array([_has_narrow(known) for known in stretches])[of]
        wide_rhythm = (main_width >= WIDE_ROWS) & ~narrow & (tempo.usual < WIDE_USUAL) & (tempo.unsteady < REGULAR)
        # At such rates the next wave may stand in the window: what fills it must be one broad deflection.
        broad = (shaped.features[:, BULK] >= BROAD_ROWS) & (shaped.width_more > -2.0)
        logit = np.where(wide_rhythm & broad, np.maximum(logit, SURE), logit)
        logit = self._doubted(logit, part, certain)
        unlike = (shaped.family < 0) & (shaped.features[:, BESIDE].max(axis=1) < SAME)
        beats.doubtful[part] = self._doubtful(logit, part, unlike)
        logit = np.where(beats.doubtful[part], -DOUBT, logit)
        # A beat of no family goes with the dominant one.
        own = np.where(shaped.family >= 0, shaped.family, np.array([known.main for known in stretches])[of])
        share = np.stack([known.paced for known in stretches])[of, own]
        enough = np.stack([known.width >= WIDE_ROWS for known in stretches])[of, own]
        is_paced = share > np.where(enough, PACED_SHARE, NARROW_PACED_SHARE)
        # Pacing that sets in: wide beats with a spike each, of a family that is not known yet.
        is_paced |= self._spikes_beside(index) & beats.paced[part] & (shaped.features[:, WIDTH] >= WIDE_ROWS)
        beats.spiked[part] = is_paced & ((shaped.family >= 0) | beats.paced[part])
        beats.fused[part] = shaped.fused
        beats.logit[part] = logit
        name = np.stack([known.name for known in stretches])[of, np.maximum(shaped.family, 0)]
        beats.family[part] = np.where(shaped.family >= 0, name, -1)
        beats.facts[part] = np.stack(
            [shaped.like_main, shaped.size, shaped.width_more, shaped.p_like, shaped.p_part], axis=1
        )
        self._remember(part)
        return Ventricular(row.copy(), _probability(logit), beats.family[part].copy())

    def _doubted(self, logit: F64, part: slice, certain: int) -> F64:
        """A QRS that an end of the recording cuts is no surer than the beat beside it; in step with it, it is alike."""
        row = self._beats.row
        beside = np.full(len(logit) + 2, -SURE)
        beside[1:-1] = logit
        if part.start:
            beside[0] = self._beats.logit[part.start - 1]
        near = np.diff(row[part]) <= NEXT_MAX
        after = np.where(np.concatenate([near, [False]]), beside[2:], -SURE)
        logit = np.where(row[part] < -QRS_FROM, np.minimum(logit, after), logit)
        in_step = np.abs(self._beats.early[part] - 1.0) < IN_STEP
        last = np.where(in_step, beside[:-2], np.minimum(logit, beside[:-2]))
        return np.where(row[part] + QRS_TO > certain, last, logit)

    def _doubtful(self, logit: F64, part: slice, unlike: Mask) -> Mask:
        """Beats like no other are ventricular only when that is beyond doubt, or when the beat before is so; which are
        neither.
        """
        before = np.concatenate([self._beats.logit[part.start - 1 : part.start] if part.start else [-SURE], logit[:-1]])
        led = (before >= LED_SURE) & ~self._beats.broken[part]
        return np.asarray(unlike & ~led & (logit >= 0) & (logit < ALONE_SURE))

    def _spikes_beside(self, index: I64) -> Mask:
        """Which have a neighbour with a pacing spike."""
        row, paced = self._beats.row, self._beats.paced
        after = np.minimum(index + 1, len(row) - 1)
        near = (after > index) & (row[after] - row[index] <= NEXT_MAX)
        return np.asarray((paced[index - 1] & (index > 0)) | (paced[after] & near))

    def _neighbour(self, trace: Rows, index: I64, step: int) -> F64:
        """(n, leads, QRS_ROWS) of the beat `step` away, zeros where there is none or it is not certain yet."""
        row = self._beats.row
        place = index + step
        there = (place >= 0) & (place < len(row))
        place = np.clip(place, 0, len(row) - 1)
        there &= (row[place] - row[index] <= NEXT_MAX) & (row[index] - row[place] <= 2 * NEXT_MAX)
        return qrs_at(trace, row[place]) * there[:, None, None]

    def _remember(self, part: slice) -> None:
        """Add the intervals between conducted beats of `part` to those that make the sinus interval."""
        beats = self._beats
        first = max(0, part.start - 1)
        other = (beats.logit[first : part.stop] >= 0) | beats.spiked[first : part.stop]
        before = intervals(beats.row, beats.broken)[part]
        clean = clean_of(other)[part.start - first :] & np.isfinite(before)
        self._long = np.concatenate([self._long, np.where(clean, before, -1).astype(np.int16)])

    # -- by time

    def _classify(self, certain: int, final: bool, out: list[Classified]) -> bool:
        """Give their class to up to BLOCK beats whose company has been judged by shape; False: there are none."""
        beats, first = self._beats, self._timed
        if final:
            last = self._shaped if self._shaped == len(beats.row) else first
        else:
            last = int(np.searchsorted(beats.row[: self._shaped], certain - S_WAIT, side="right"))
        if self._shaped < len(beats.row):
            last = min(last, int(np.searchsorted(beats.row, beats.row[self._shaped] - S_AHEAD)))
        last = min(last, first + BLOCK)
        if last <= first:
            return False
        part, index = slice(first, last), np.arange(first, last)
        known = slice(0, self._shaped)
        facts = beats.facts[known].astype(np.float64).T
        judged = Judged(
            beats.row[known],
            intervals(beats.row[known], beats.broken[known]),
            beats.logit[known],
            (beats.logit[known] >= 0) | beats.spiked[known],
            *facts,
        )
        sinus = np.array([self._sinus_at((self._number + int(i)) // LONG_STEP) for i in index])
        model = self._early if self._early is not None else _trained("s_")
        times = time_features(judged, index, sinus[:, 0], sinus[:, 1])
        logit = model.logits(times)[:, 0]
        # Whatever the trees say: what is early by no measure is not early, as in a fast sinus rhythm throughout; nor is
        # what may be an artefact.
        part_of_usual = times[:, EARLINESS].min(axis=1).astype(np.float64)
        earlier = times[:, BEFORE_RR] * (1.0 / np.maximum(part_of_usual, 0.01) - 1.0)
        early = (part_of_usual < IN_TIME) & (earlier > IN_TIME_ROWS) & ~beats.doubtful[part]
        logit = np.where(early, logit, np.minimum(logit, -SURE))
        symbol = np.full(last - first, NORMAL, dtype=np.uint8)
        symbol[logit >= 0] = EARLY
        symbol[beats.logit[part] >= 0] = VENTRICULAR
        symbol[beats.fused[part]] = FUSION
        symbol[beats.spiked[part]] = PACED
        symbol[~beats.usable[part].any(axis=1)] = UNKNOWN
        out.append(
            Classified(
                beats.row[part].copy(),
                symbol,
                _probability(beats.logit[part]),
                _probability(logit),
                beats.family[part].copy(),
            )
        )
        self._timed = last
        return True

    def _sinus_at(self, step: int) -> tuple[float, float]:
        if self._sinus[0] != step:
            # `_long` ends with the newest judged beat.
            end = step * LONG_STEP - (self._number + self._shaped - len(self._long))
            self._sinus = (step, *sinus_of(self._long[max(0, end - LONG_PAST) : max(0, end)]))
        return self._sinus[1:]

    def _forget(self) -> None:
        """Drop what no answer needs any more."""
        open_from = int(np.searchsorted(self._beats.row, self._stretch))
        surplus = min(self._timed, open_from, self._shaped) - KEPT
        if surplus > KEPT // 2:
            self._beats = self._beats.since(surplus)
            self._number += surplus
            self._shaped -= surplus
            self._timed -= surplus
        self._long = self._long[-(LONG_PAST + 2 * LONG_STEP + self._shaped - self._timed) :]


def _has_narrow(known: Known) -> bool:
    """A family of some size that is clearly narrower than the dominant one, or narrow itself."""
    return bool(np.any((known.share >= 0.1) & (known.width < WIDE_ROWS - 2.0)))


@cache
def _trained(prefix: str) -> Trees:
    return Trees.of("beats", prefix)


def _probability(logit: F64) -> F64:
    return np.asarray(np.rint(1000.0 / (1.0 + np.exp(-logit))) / 1000.0)


def _joined_v(parts: list[Ventricular]) -> Ventricular:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Ventricular(none, np.zeros(0), none)
    return Ventricular(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Ventricular)))


def _joined(parts: list[Classified]) -> Classified:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Classified(none, np.zeros(0, dtype=np.uint8), np.zeros(0), np.zeros(0), none)
    return Classified(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Classified)))
