"""The shapes of a recording's beats: the families it has shown so far, and how one beat compares with them.

Works on the trace (`trace`, 100 rows a second). Nothing is decided here: `beats` judges the numbers. All sums are of
whole numbers in float64, where they are exact, and the families change only when a stretch of fixed length is complete;
so no number depends on how many beats came at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ecg.record import I64
from ecg.signal.trace import I16

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BEFORE, AFTER, SLACK = 32, 46, 3  # rows about R that are looked at, and how far a beat is shifted to fit
SPAN = BEFORE + AFTER + 1
WIDE = SPAN + 2 * SLACK
SHIFTS = 2 * SLACK + 1
P_PART = slice(0, 24)  # -320 to -90 ms of R
QRS_PART = slice(22, 47)  # -100 to +140 ms
ST_PART = slice(48, SPAN)  # +160 ms to +460 ms
QRS_ROWS = 25
SIZE = 1000.0  # a lead's QRS in the whole numbers that are compared
CLIP = 6000.0
LEADS_MAX = 4  # leads whose shapes are compared; more add cost, not knowledge
FAMILIES = 5
SAME = 0.90  # correlation from which a beat belongs to a family
MERGE = 0.96  # correlation from which two families are one
MEMORY = 24.0  # beats a family's shape is the mean of
FADE = 0.96  # of a family's count, an update
FLAT_UV = 100.0  # a lead whose QRS is smaller is not blown up to the size of the others
NOISE_FADE = 0.8
SLOPE_PART = 0.2  # the QRS lasts while the summed slope is above this part of its largest
ROWS_OF_CELL = 500  # the families change every so many rows
WIDER = 2.5  # rows by which one family is clearly wider than another
FAST = 60.0  # rows: the slowest ventricular tachycardia, 100 a minute
SUDDEN = 0.9  # of the dominant family's interval: sinus rhythm that blocks a branch as it quickens does not leap
PACED_FAMILY = 0.3  # spikes are small and often lost


class Rows(Protocol):
    """A trace of which a stretch is held, addressed by row since the start."""

    @property
    def first(self) -> int: ...
    @property
    def rows(self) -> I16: ...


def around(trace: Rows, at: I64) -> F64:
    """(beats, leads, WIDE) microvolts about each row, as whole numbers; an edge of what is held is drawn out."""
    held = trace.rows
    place = at[:, None] + np.arange(-BEFORE - SLACK, AFTER + SLACK + 1) - trace.first
    return _lifted(held, place)


def qrs_at(trace: Rows, at: I64) -> F64:
    """(beats, leads, QRS_ROWS) microvolts about each row: the middle of `around` only."""
    held = trace.rows
    place = at[:, None] + np.arange(QRS_PART.start - BEFORE, QRS_PART.stop - BEFORE) - trace.first
    return _lifted(held, place)


def _lifted(held: I16, place: I64) -> F64:
    place = np.minimum(np.maximum(place, 0), len(held) - 1)
    return np.ascontiguousarray(held[place].transpose(0, 2, 1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Known:
    """What was known of the shapes while one stretch was judged. Families that are none have count 0.

    shape   (FAMILIES, leads, SPAN) int16 microvolts; count, width (rows), early (mean R-R before, in parts of the
            usual), paced (share with a spike), all (FAMILIES,) float64; name (FAMILIES,) int64, never used twice.
    gain    (leads,) what a lead is multiplied by for comparison; chosen (<= LEADS_MAX,) the leads compared.
    main    index of the dominant family.
    """

    shape: I16
    count: F64
    width: F64
    early: F64
    paced: F64
    name: I64
    gain: F64
    chosen: I64
    main: int

    @property
    def share(self) -> F64:
        """(FAMILIES,) of all beats that have a family."""
        return ratio(self.count, np.full(FAMILIES, self.count.sum()))

    def scaled(self) -> F64:
        """(FAMILIES, chosen, SPAN) whole numbers as they are compared."""
        return scale(self.shape[:, self.chosen].astype(np.float64), self.gain[self.chosen])


def scale(wave_uv: F64, gain: F64) -> F64:
    """(..., leads, rows) by lead, to whole numbers."""
    return np.asarray(np.minimum(np.maximum(np.rint(wave_uv * gain[..., :, None]), -CLIP), CLIP))


def centred(wave: F64) -> F64:
    """Each row of the last axis without its mean, times its length: whole numbers stay whole."""
    return np.asarray(wave * float(wave.shape[-1]) - wave.sum(axis=-1, keepdims=True))


def windows(wide: F64) -> F64:
    """(beats, leads, WIDE) -> (beats, SHIFTS, leads * QRS_ROWS): the centred QRS at every shift."""
    wide = np.ascontiguousarray(wide)
    beat, lead, row = wide.strides
    shape = (len(wide), SHIFTS, wide.shape[1], QRS_ROWS)
    # A view by hand: sliding_window_view takes longer than the sums that follow.
    view = np.ndarray(shape, wide.dtype, wide, QRS_PART.start * row, (beat, row, lead, row)) if len(wide) else wide
    return centred(view).reshape(shape[0], SHIFTS, shape[2] * QRS_ROWS)


def ratio(above: F64, below: F64) -> F64:
    """Elementwise, 0 where there is nothing to divide by."""
    return np.asarray(above / np.where(below > 0, below, np.inf))


def width_of(wave: F64) -> F64:
    """(n, leads, SPAN) scaled -> rows for which the summed slope of the QRS stays up, (n,)."""
    qrs = wave[:, :, QRS_PART.start - 3 : QRS_PART.stop + 3]
    slope = np.abs(qrs[:, :, 1:] - qrs[:, :, :-1]).sum(axis=1)
    most = slope.max(axis=1)
    edge = SLOPE_PART * most
    over = slope > edge[:, None]
    last, every = slope.shape[1] - 1, np.arange(len(slope))
    rise, fall = over.argmax(axis=1), last - over[:, ::-1].argmax(axis=1)
    # Between rows, where the slope crosses the limit; at the window's ends there is no row to look at.
    first, final = slope[every, rise], slope[every, fall]
    into = ratio(edge - slope[every, rise - 1], first - slope[every, rise - 1]) * (rise > 0)
    out = ratio(final - edge, final - slope[every, np.minimum(fall + 1, last)]) * (fall < last)
    return np.asarray(np.where(most > 0, fall - rise + 1 - into + out, 0.0))


@dataclass(eq=False)
class Families:
    """The shapes seen so far. `learn` is called once for every complete stretch, in order, with its beats."""

    leads: int
    shape: I16 = field(init=False)
    count: F64 = field(default_factory=lambda: np.zeros(FAMILIES))
    width: F64 = field(default_factory=lambda: np.zeros(FAMILIES))
    early: F64 = field(default_factory=lambda: np.ones(FAMILIES))
    paced: F64 = field(default_factory=lambda: np.zeros(FAMILIES))
    pace: F64 = field(default_factory=lambda: np.zeros(FAMILIES))  # mean R-R before, rows; 0 unknown
    name: I64 = field(default_factory=lambda: np.full(FAMILIES, -1))
    main: int = 0
    learned: int = 0  # stretches that had beats
    named: int = 0
    gain: F64 = field(init=False)
    noise: F64 = field(init=False)  # (leads,) power of what does not repeat from beat to beat
    chosen: I64 = field(init=False)

    def __post_init__(self) -> None:
        self.shape = np.zeros((FAMILIES, self.leads, SPAN), dtype=np.int16)
        self.gain, self.noise = np.zeros(self.leads), np.zeros(self.leads)
        self.chosen = np.arange(min(self.leads, LEADS_MAX))

    def known(self) -> Known:
        """As it is now: `learn` changes no array that was handed out."""
        return Known(
            self.shape,
            self.count,
            self.width,
            self.early,
            self.paced,
            self.name,
            self.gain,
            self.chosen,
            self.main,
        )

    def learn(self, wide_uv: F64, early: F64, before: F64, paced: Mask) -> None:
        """Take in the beats of one stretch: (beats, leads, WIDE) from `around`; early as in `Known`, R-R before each in
        rows, NaN unknown.
        """
        if not len(wide_uv):
            return
        self.shape, self.count, self.early = self.shape.copy(), self.count.copy(), self.early.copy()
        self.paced, self.pace, self.name = self.paced.copy(), self.pace.copy(), self.name.copy()
        if not self.learned:
            self._begin(wide_uv)
        wide = scale(wide_uv[:, self.chosen], self.gain[self.chosen])
        member, shift = self._sort(windows(wide))
        rows = shift[:, None] + np.arange(SPAN)
        aligned = np.take_along_axis(wide_uv, rows[:, None, :], axis=2)
        belongs = (member == np.arange(FAMILIES)[:, None]).astype(np.float64)
        many = belongs.sum(axis=1)
        weight = np.minimum(self.count, MEMORY)
        total = (belongs @ aligned.reshape(len(aligned), -1)).reshape(self.shape.shape)
        mean = ratio(self.shape * weight[:, None, None] + total, (weight + many)[:, None, None])
        self.shape = np.where(many[:, None, None] > 0, np.rint(mean), self.shape).astype(np.int16)
        self.early = _mix(self.early, belongs, early, weight)
        self.paced = _mix(self.paced, belongs, paced.astype(np.float64), weight)
        self.pace = _mix(self.pace, belongs, before, np.where(self.pace > 0, weight, 0.0))
        self.count = self.count * FADE + many
        self.learned += 1
        self._merge()
        self._weigh(aligned, np.where(self.count[member] > 0, member, -1))
        self.width = width_of(scale(self.shape[:, self.chosen].astype(np.float64), self.gain[self.chosen]))
        self.main = self._dominant()

    def _begin(self, wide_uv: F64) -> None:
        """Before any shape is known: every lead counts alike, the largest are compared."""
        size = np.median(_size(wide_uv[:, :, SLACK : SLACK + SPAN]), axis=0)
        self._choose(size, np.ones(self.leads))

    def _choose(self, size: F64, worth: F64) -> None:
        self.gain = np.asarray(worth * SIZE / np.maximum(size, FLAT_UV))
        best = np.argsort(-worth * np.minimum(size, 1500.0), kind="stable")[:LEADS_MAX]
        self.chosen = np.sort(best)

    def _sort(self, beats: F64) -> tuple[I64, I64]:
        """The family and shift of each beat, -1 for none; beats like no family found new ones."""
        like = self._likeness(beats)
        best = like.max(axis=1)  # over shifts
        member = best.argmax(axis=1)
        member[best[np.arange(len(best)), member] < SAME] = -1
        for _ in range(3):
            (left,) = np.nonzero(member < 0)
            if not len(left):
                break
            slot = self._slot()
            seed = beats[left[0], SLACK]
            near = left[_correlation(beats[left], seed[:, None]).max(axis=(1, 2)) >= SAME]
            if slot < 0 or (len(near) < 2 and self.count[slot] > 0):
                break
            self._found(slot)
            member[near] = slot
            self.shape[slot] = 0
            # Its shape until the mean is taken: the seed's own, for the shifts of its members.
            like = np.concatenate([like, _correlation(beats, seed[:, None])], axis=2)
            like[:, :, slot] = like[:, :, -1]
            like = like[:, :, :FAMILIES]
        shift = np.take_along_axis(like.argmax(axis=1), np.maximum(member, 0)[:, None], axis=1)[:, 0]
        return member, shift

    def _likeness(self, beats: F64) -> F64:
        known = scale(self.shape[:, self.chosen].astype(np.float64), self.gain[self.chosen])
        qrs = centred(known[:, :, QRS_PART]).reshape(FAMILIES, -1)
        return _correlation(beats, qrs.T) * (self.count > 0)

    def _slot(self) -> int:
        """Where a new family may stand: an empty place, or the rarest family when it has all but faded."""
        free = self.count.copy()
        free[self.main] += 1e9 if self.learned else 0.0
        slot = int(free.argmin())
        return slot if free[slot] < 2.0 else -1

    def _found(self, slot: int) -> None:
        self.count[slot], self.early[slot], self.paced[slot], self.pace[slot] = 1e-9, 1.0, 0.0, 0.0
        self.name[slot] = self.named
        self.named += 1

    def _merge(self) -> None:
        """Two families that have grown alike become one: the rarer joins the other."""
        known = scale(self.shape[:, self.chosen].astype(np.float64), self.gain[self.chosen])
        qrs = centred(known[:, :, QRS_PART]).reshape(FAMILIES, -1)
        size = np.sqrt((qrs * qrs).sum(axis=1))
        like = np.triu(ratio(qrs @ qrs.T, size[:, None] * size), 1) * ((self.count > 0) & (self.count > 0)[:, None])
        if like.max() < MERGE:
            return
        a, b = divmod(int(like.argmax()), FAMILIES)
        keep, gone = (a, b) if self.count[a] >= self.count[b] else (b, a)
        weight = np.minimum(self.count[[keep, gone]], MEMORY)
        both = weight[0] * self.shape[keep] + weight[1] * self.shape[gone]
        self.shape[keep] = np.rint(both / weight.sum()).astype(np.int16)
        for values in (self.early, self.paced, self.pace):
            values[keep] = (weight * values[[keep, gone]]).sum() / weight.sum()
        self.count[keep] += self.count[gone]
        self.count[gone] = 0.0
        self.name[gone] = -1

    def _weigh(self, aligned: F64, member: I64) -> None:
        """How far each lead repeats: the power of beats less their family's shape."""
        own = member >= 0
        if own.any():
            rest = aligned[own] - self.shape[member[own]]
            power = (rest * rest).sum(axis=(0, 2)) / float(own.sum() * SPAN)
            part = NOISE_FADE if self.learned > 1 else 0.0
            self.noise = part * self.noise + (1 - part) * power
        largest = self.shape[int(self.count.argmax())].astype(np.float64)
        size = _size(largest)
        worth = np.clip((ratio(size, np.sqrt(self.noise + 100.0)) - 3.0) / 12.0, 0.05, 1.0)
        self._choose(size, worth)

    def _dominant(self) -> int:
        """The largest family that is not early and no tachycardia; a clearly narrower one of a fifth its size goes
        first.
        """
        merit = self.count * np.where(self.early < 0.85, 0.4, 1.0)
        merit = np.where(self._sprang(), 0.0, merit)
        largest = int(merit.argmax())
        near = (
            (self.count >= 0.2 * self.count[largest]) & (self.width < self.width[largest] - WIDER) & (self.early > 0.8)
        )
        return int(np.where(near, merit, -1.0).argmax()) if near.any() else largest

    def _sprang(self) -> Mask:
        """(FAMILIES,) which sprang up fast and wide beside the dominant one.

        Such a family is a ventricular tachycardia until a person says otherwise, however long it lasts: were it
        dominant, its beats would be the normal ones that others are compared with.
        """
        wide = self.width > self.width[self.main] + WIDER
        fast = (self.pace > 0) & (self.pace < min(FAST, SUDDEN * self.pace[self.main]))
        return np.asarray(wide & fast & (self.paced < PACED_FAMILY) & (self.count[self.main] > 0))


def _size(wave: F64) -> F64:
    """Peak to peak of the QRS, over the last axis."""
    qrs = wave[..., QRS_PART]
    return np.asarray(qrs.max(axis=-1) - qrs.min(axis=-1))


def _correlation(beats: F64, qrs: F64) -> F64:
    """(beats, SHIFTS, leads * QRS_ROWS) centred against (leads * QRS_ROWS, m) centred -> (beats, SHIFTS, m)."""
    power = np.sqrt((beats * beats).sum(axis=-1))[:, :, None] * np.sqrt((qrs * qrs).sum(axis=-2, keepdims=True))
    return ratio(beats @ qrs, power)


def _mix(old: F64, belongs: F64, values: F64, weight: F64) -> F64:
    """The mean of each family with new members' values (NaN: unknown) taken in."""
    real = np.isfinite(values)
    many = belongs[:, real].sum(axis=1)
    mean = ratio(old * weight + belongs[:, real] @ values[real], weight + many)
    return np.where(weight + many > 0, mean, old)
