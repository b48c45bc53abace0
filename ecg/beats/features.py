"""What the classifiers of beats are told: numbers about each beat's shape (`shape_features`), time (`time_features`).

Each is a function of a few beats about the one it describes and of what was known of the shapes in its stretch; a row
does not depend on what other rows are computed with it. What the numbers mean is learned (`training.beats`); their
order is that of the name lists here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ecg.beats.shapes import (
    F64,
    FAMILIES,
    P_PART,
    QRS_PART,
    QRS_ROWS,
    SAME,
    SPAN,
    ST_PART,
    Known,
    Mask,
    centred,
    ratio,
    scale,
    width_of,
    windows,
)
from ecg.record import F32, I64

V_WAIT = 250  # rows after a beat that its shape features may use
V_AHEAD = 4  # beats after it that its shape features look at, within V_WAIT
NEXT_MAX = 230  # a next beat farther away counts as this far: its QRS must lie within V_WAIT
RR_MAX = 400.0  # rows; a longer interval says no more
S_AHEAD = 540  # rows after a beat whose beats its time features may use: they must have been judged by shape
S_WAIT = S_AHEAD + V_WAIT
PAST, AHEAD = 10, 10  # beats before and after that make the usual interval
LONG_PAST, LONG_STEP = 120, 8  # beats that make the sinus interval, taken anew every so many
STABLE = 0.07  # intervals within this part of one another are one cluster
OFTEN = 0.12  # share of the beats from which a cluster counts

# A fusion beat (`_fused`): round numbers, chosen on MIT-BIH 208, which has nine tenths of those in the records.
FUSED_LIKE = 0.93  # likeness from which a QRS is one or the other
FUSED_APART = 0.8  # likeness of the two from which nothing between them is told
FUSED_PART, FUSED_MOST = 0.25, 1.4  # the weight of each
FUSED_FIT, FUSED_GAIN = 0.8, 0.04  # share of the power that the sum explains; how much more than either alone
FUSED_FROM, FUSED_TO = 0.85, 1.12  # R-R before, in parts of the usual one
FUSED_EARLY, FUSED_SHARE, FUSED_WIDER = 0.93, 0.08, 2.5  # of the ventricular family

SHAPE = (
    "like_main",
    "like_main_best_lead",
    "like_main_worst_lead",
    "like_family",
    "family_share",
    "family_early",
    "family_width",
    "family_is_main",
    "size",
    "rest",
    "width",
    "width_more",
    "edge",
    "edge_more",
    "bulk",
    "bulk_more",
    "st_like",
    "st_size",
    "discord",
    "p_like",
    "p_part",
    "before",
    "after",
    "before_part",
    "after_part",
    "both_part",
    "previous_part",
    "like_previous",
    "like_next",
    "like_two_back",
    "usual",
    "unsteady",
    "main_width",
    "main_share",
    "noise",
)


TIME = (
    "before",
    "usual",
    "before_part",
    "after_part",
    "both_part",
    "previous_part",
    "two_back_part",
    "next_part",
    "before_long",
    "before_after",
    "longest_part",
    "unsteady",
    "jitter",
    "jumpy_share",
    "common",
    "before_sinus",
    "sinus_share",
    "ventricular",
    "ventricular_share",
    "previous_ventricular",
    "next_ventricular",
    "like_main",
    "size",
    "width_more",
    "p_like",
    "p_part",
    "p_around",
    "p_less",
)
EARLINESS = tuple(TIME.index(name) for name in ("before_part", "before_long", "before_sinus"))


def intervals(row: I64, broken: Mask) -> F64:
    """Rows since the beat before; NaN where it means nothing (`broken`; the first beat must be)."""
    before = np.diff(row, prepend=row[:1]).astype(np.float64)
    before[broken] = np.nan
    return np.minimum(before, RR_MAX)


def quantile(values: F64, part: float) -> F64:
    """Of each row's numbers, NaN left out, between neighbours by linear weight; NaN where there is none."""
    ordered = np.sort(values, axis=1)  # NaN last
    many = np.isfinite(values).sum(axis=1)
    place = part * np.maximum(many - 1, 0)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(many - 1, 0))
    every = np.arange(len(values))
    first = ordered[every, low]
    return np.asarray(first + (place - low) * (ordered[every, high] - first))


def otherwise(values: F64, other: F64) -> F64:
    """`other` where a value is NaN."""
    return np.where(np.isfinite(values), values, other)


@dataclass(frozen=True, eq=False)
class Tempo:
    """The intervals about some beats, all (n,) float64 rows and none NaN.

    before, after  to the neighbours, the usual one where there is none; usual: the median of those about.
    unsteady       median distance of the intervals from it, in parts.
    """

    before: F64
    after: F64
    previous: F64
    usual: F64
    unsteady: F64

    def cut(self, count: int) -> Tempo:
        """Of the first beats only."""
        return Tempo(*(getattr(self, f.name)[:count] for f in fields(self)))


def tempo_of(row: I64, before: F64, index: I64, end: int) -> Tempo:
    """Of the beats at `index` among all beats at `row`, looking NEXT_MAX rows ahead; nothing is known from `end` on."""
    step = np.concatenate([np.arange(-PAST, 0), np.arange(2, V_AHEAD + 1)])
    near = _taken(before, row, index, step, NEXT_MAX)
    usual = quantile(near, 0.5)
    unsteady = ratio(quantile(np.abs(near - usual[:, None]), 0.5), usual)
    after = _taken(before, row, index, np.array([1]), NEXT_MAX)[:, 0]
    own = before[index]
    usual = otherwise(otherwise(otherwise(usual, after), own), np.full(len(index), 80.0))
    has_next = (index + 1 < len(row)) & (row[np.minimum(index + 1, len(row) - 1)] - row[index] <= NEXT_MAX)
    # No beat within reach is a pause; a next beat after a loss of signal says nothing, nor does the recording's end.
    none = np.where(row[index] + NEXT_MAX < end, float(NEXT_MAX), usual)
    after = np.where(has_next, otherwise(after, usual), none)
    previous = otherwise(_taken(before, row, index, np.array([-1]), NEXT_MAX)[:, 0], usual)
    return Tempo(otherwise(own, usual), after, previous, usual, otherwise(unsteady, np.zeros(len(index))))


def _taken(values: F64, row: I64, index: I64, step: I64, ahead: int) -> F64:
    """values[index + step] (n, steps), NaN outside the beats and for beats more than `ahead` rows later."""
    place = index[:, None] + step
    inside = (place >= 0) & (place < len(row))
    place = np.minimum(np.maximum(place, 0), len(row) - 1)
    return np.where(inside & (row[place] - row[index][:, None] <= ahead), values[place], np.nan)


@dataclass(frozen=True, eq=False)
class Shaped:
    """What shape says of some beats, (n, ...): the rows for the classifier, and what later steps use."""

    features: F32
    family: I64  # index into what was known, -1 for none
    like_main: F64
    size: F64
    width_more: F64
    p_like: F64
    p_part: F64
    fused: Mask  # of both the dominant and a ventricular family


@dataclass(frozen=True, eq=False)
class References:
    """What each beat is compared with, by beat: (n, ...) of `Known`, in the chosen leads only."""

    chosen: I64  # (n, m)
    gain: F64  # (n, m), 0 for a lead without signal at the beat
    main: F64  # (n, m, SPAN)
    qrs: F64  # (n, FAMILIES, m * QRS_ROWS) centred
    real: Mask  # (n, FAMILIES)
    early: F64
    width: F64
    share: F64
    is_main: I64


def references(stretches: Sequence[Known], of: I64, usable: Mask) -> References:
    """stretches: what was known; of (n,): which of them is a beat's; usable (n, leads)."""
    chosen = np.stack([known.chosen for known in stretches])[of]
    gain = np.stack([known.gain for known in stretches])[of[:, None], chosen]
    gain = gain * usable[np.arange(len(of))[:, None], chosen]
    shapes = np.stack([known.scaled() for known in stretches])[of] * (gain > 0)[:, None, :, None]
    is_main = np.array([known.main for known in stretches])[of]
    return References(
        chosen,
        gain,
        shapes[np.arange(len(of)), is_main],
        centred(shapes[..., QRS_PART]).reshape(len(of), FAMILIES, -1),
        np.stack([known.count for known in stretches])[of] > 0,
        np.stack([known.early for known in stretches])[of],
        np.stack([known.width for known in stretches])[of],
        np.stack([known.share for known in stretches])[of],
        is_main,
    )


def shape_features(wide_uv: F64, neighbours_uv: Sequence[F64], refer: References, tempo: Tempo) -> Shaped:
    """Compare beats with what was known in their stretch.

    wide_uv        (n, leads, WIDE) from `around`. neighbours_uv: the QRS of the beat before, the next and the second
                   before, (n, leads, QRS_ROWS) each; all zero where there is none.
    """
    n = len(wide_uv)
    every = np.arange(n)
    wide = scale(wide_uv[every[:, None], refer.chosen], refer.gain)
    beats = windows(wide)  # (n, SHIFTS, m * QRS_ROWS)
    power = (beats * beats).sum(axis=-1)
    like = _likeness(beats, power, refer.qrs) * refer.real[:, None, :]
    best = like.max(axis=1)
    family = best.argmax(axis=1)
    like_family = best[every, family]
    shift = like[every, :, refer.is_main].argmax(axis=1)
    aligned = wide[every[:, None, None], np.arange(wide.shape[1])[:, None], (shift[:, None] + np.arange(SPAN))[:, None]]
    beat, own = beats[every, shift], power[every, shift]
    main = refer.qrs[every, refer.is_main]
    main_power = (main * main).sum(axis=-1)
    by_lead = (n, -1, QRS_ROWS)
    beat_leads, main_leads = beat.reshape(by_lead), main.reshape(by_lead)
    lead_like = ratio(
        (beat_leads * main_leads).sum(axis=-1),
        np.sqrt((beat_leads * beat_leads).sum(axis=-1)) * np.sqrt((main_leads * main_leads).sum(axis=-1)),
    )
    on = refer.gain > 0
    rest = beat - main
    around_like = []
    for neighbour in neighbours_uv:
        there = scale(neighbour[every[:, None], refer.chosen], refer.gain)
        flat = centred(there).reshape(n, 1, -1)
        around_like.append(_likeness(beats, power, flat).max(axis=(1, 2)))
    width, main_width = width_of(aligned), width_of(refer.main)
    edge, main_edge = _edge(aligned), _edge(refer.main)
    bulk, main_bulk = _bulk(beat_leads), _bulk(main_leads)
    st, main_st = aligned[..., ST_PART], refer.main[..., ST_PART]
    p, main_p = centred(aligned[..., P_PART]), centred(refer.main[..., P_PART])
    like_main = best[every, refer.is_main]
    size = np.sqrt(ratio(own, main_power))
    p_like = _alike(p, main_p)
    p_part = np.minimum(np.maximum(ratio((p * main_p).sum(axis=(1, 2)), (main_p * main_p).sum(axis=(1, 2))), -3.0), 3.0)
    usual = tempo.usual
    columns = {
        "like_main": like_main,
        "like_main_best_lead": np.where(on, lead_like, -1.0).max(axis=1),
        "like_main_worst_lead": np.where(on, lead_like, 1.0).min(axis=1),
        "like_family": like_family,
        "family_share": refer.share[every, family],
        "family_early": refer.early[every, family],
        "family_width": refer.width[every, family],
        "family_is_main": (family == refer.is_main).astype(np.float64),
        "size": size,
        "rest": ratio((rest * rest).sum(axis=-1), main_power),
        "width": width,
        "width_more": width - main_width,
        "edge": edge,
        "edge_more": ratio(edge, main_edge),
        "bulk": bulk,
        "bulk_more": ratio(bulk, main_bulk),
        "st_like": _alike(centred(st), centred(main_st)),
        "st_size": np.sqrt(ratio((st * st).sum(axis=(1, 2)), (main_st * main_st).sum(axis=(1, 2)) + 1.0)),
        "discord": _discord(aligned),
        "p_like": p_like,
        "p_part": p_part,
        "before": tempo.before,
        "after": tempo.after,
        "before_part": tempo.before / usual,
        "after_part": tempo.after / usual,
        "both_part": (tempo.before + tempo.after) / usual,
        "previous_part": tempo.previous / usual,
        "like_previous": around_like[0],
        "like_next": around_like[1],
        "like_two_back": around_like[2],
        "usual": usual,
        "unsteady": tempo.unsteady,
        "main_width": main_width,
        "main_share": refer.share[every, refer.is_main],
        "noise": _noise(aligned),
    }
    features = np.array([columns[name] for name in SHAPE], dtype=np.float32).T
    family = np.where(like_family >= SAME, family, -1)
    fused = _fused(beats, power, best, refer, tempo)
    return Shaped(features, family, like_main, size, width - main_width, p_like, p_part, fused)


def _fused(beats: F64, power: F64, best: F64, refer: References, tempo: Tempo) -> Mask:
    """Whose QRS, about on time, is neither the dominant one nor a frequent early wide one but a sum of both (n,).

    In a fusion beat two fronts, the conducted one and one from a ventricle, share the ventricles (glossary: F); so its
    shape is a weighted sum of what each makes alone. The weights are fitted by least squares, at the best shift.

    beats (n, SHIFTS, k), power (n, SHIFTS): of `windows`. best (n, FAMILIES): likeness to each family.
    """
    every = np.arange(len(beats))
    part = tempo.before / tempo.usual
    main_width = refer.width[every, refer.is_main]
    likely = refer.real & (refer.early < FUSED_EARLY) & (refer.share >= FUSED_SHARE) & (best < FUSED_LIKE)
    likely &= refer.width > main_width[:, None] + FUSED_WIDER
    likely &= ((best[every, refer.is_main] < FUSED_LIKE) & (part >= FUSED_FROM) & (part <= FUSED_TO))[:, None]
    fused = np.zeros(len(beats), dtype=bool)
    at, other = np.nonzero(likely)
    if not len(at):
        return fused
    main, below, beat = refer.qrs[at, refer.is_main[at]], refer.qrs[at, other], beats[at]
    mm, bb, mb = (main * main).sum(axis=1), (below * below).sum(axis=1), (main * below).sum(axis=1)
    to_main, to_below = (beat * main[:, None]).sum(axis=-1), (beat * below[:, None]).sum(axis=-1)
    apart = mm * bb - mb * mb
    apart, mm, bb, mb = apart[:, None], mm[:, None], bb[:, None], mb[:, None]
    a = np.maximum(ratio(to_main * bb - to_below * mb, apart), 0.0)
    b = np.maximum(ratio(to_below * mm - to_main * mb, apart), 0.0)
    fit = ratio(2 * (a * to_main + b * to_below) - (a * a * mm + 2 * a * b * mb + b * b * bb), power[at])
    row, shift = np.arange(len(at)), fit.argmax(axis=1)
    fit, a, b = fit[row, shift], a[row, shift], b[row, shift]
    alone = np.maximum(np.maximum(best[at, refer.is_main[at]], best[at, other]), 0.0)
    sum_of_both = (np.minimum(a, b) >= FUSED_PART) & (np.maximum(a, b) <= FUSED_MOST)
    sum_of_both &= (fit >= FUSED_FIT) & (fit >= alone * alone + FUSED_GAIN)
    fused[at[sum_of_both & (mb < FUSED_APART * np.sqrt(mm * bb))[:, 0]]] = True
    return fused


def _likeness(beats: F64, power: F64, qrs: F64) -> F64:
    """(n, SHIFTS, k) against (n, families, k), all centred -> correlation (n, SHIFTS, families)."""
    both = np.sqrt(power)[:, :, None] * np.sqrt((qrs * qrs).sum(axis=-1))[:, None, :]
    return ratio(beats @ qrs.transpose(0, 2, 1), both)


def _alike(a: F64, b: F64) -> F64:
    """Correlation of centred (n, leads, rows) over leads and rows together."""
    return ratio((a * b).sum(axis=(1, 2)), np.sqrt((a * a).sum(axis=(1, 2))) * np.sqrt((b * b).sum(axis=(1, 2))))


def _edge(aligned: F64) -> F64:
    """How sharp the QRS is: the share of its power that is in its slope."""
    qrs = aligned[..., QRS_PART]
    slope, level = qrs[..., 1:] - qrs[..., :-1], centred(qrs)
    return ratio((slope * slope).sum(axis=(1, 2)) * float(QRS_ROWS * QRS_ROWS), (level * level).sum(axis=(1, 2)))


def _bulk(beat: F64) -> F64:
    """How much of the QRS window is filled: area over height, rows; the mean of the leads by their height."""
    return ratio(np.abs(beat).sum(axis=(1, 2)), np.abs(beat).max(axis=-1).sum(axis=-1))


def _discord(aligned: F64) -> F64:
    """-1 to 1: how far the ST-T of the leads points against their QRS."""
    qrs, st = aligned[..., QRS_PART].sum(axis=-1), aligned[..., ST_PART].sum(axis=-1)
    return ratio(-(qrs * st).sum(axis=-1), np.sqrt((qrs * qrs).sum(axis=-1)) * np.sqrt((st * st).sum(axis=-1)))


def _noise(aligned: F64) -> F64:
    """Roughness of what lies before and after the QRS, where a heart's waves are smooth."""
    rough = aligned[..., 2:] - 2 * aligned[..., 1:-1] + aligned[..., :-2]
    quiet = np.concatenate([rough[..., : QRS_PART.start - 4], rough[..., QRS_PART.stop + 2 :]], axis=-1)
    return np.asarray(np.minimum(np.abs(quiet).sum(axis=(1, 2)) / float(quiet.shape[1] * quiet.shape[2]), 1000.0))


@dataclass(frozen=True, eq=False)
class Judged:
    """All beats at hand with what shape said of them, (k,) each: the context of `time_features`."""

    row: I64
    before: F64  # NaN: none
    ventricular: F64  # logit
    other: Mask  # ventricular or paced: its intervals are not the sinus node's
    like_main: F64
    size: F64
    width_more: F64
    p_like: F64
    p_part: F64


def time_features(beats: Judged, index: I64, sinus: F64, sinus_share: F64) -> F32:
    """(n, len(TIME)) of the beats at `index`; sinus (n,): the sinus interval known at each, NaN none (`sinus_of`)."""
    row, n = beats.row, len(index)
    step = np.concatenate([np.arange(-PAST, AHEAD + 1)])
    clean = np.where(clean_of(beats.other), beats.before, np.nan)
    near_all = _taken(beats.before, row, index, step, S_AHEAD)
    near = _taken(clean, row, index, step, S_AHEAD)
    about = near.copy()
    about[:, PAST : PAST + 2] = np.nan  # its own two intervals
    few = np.isfinite(about).sum(axis=1) < 3
    about[few] = near_all[few]
    usual = quantile(about, 0.5)
    own = _since_conducted(beats, index)
    usual = otherwise(otherwise(usual, own), np.full(n, 80.0))
    before = otherwise(own, usual)
    after = otherwise(near_all[:, PAST + 1], usual)
    change = np.abs(about[:, 1:] - about[:, :-1])
    jitter = otherwise(quantile(change, 0.5), np.zeros(n)) / usual
    many = np.maximum(np.isfinite(change).sum(axis=1), 1)
    ventricular = _taken(beats.other.astype(np.float64), row, index, step, S_AHEAD)
    p_near = _taken(np.where(beats.other, np.nan, beats.p_like), row, index, step, S_AHEAD)
    p_near[:, PAST] = np.nan
    p_like = beats.p_like[index]
    p_around = otherwise(quantile(p_near, 0.5), p_like)
    longest = otherwise(quantile(near_all[:, :PAST], 1.0), usual)
    columns = {
        "before": before,
        "usual": usual,
        "before_part": before / usual,
        "after_part": after / usual,
        "both_part": (before + after) / usual,
        "previous_part": otherwise(near_all[:, PAST - 1], usual) / usual,
        "two_back_part": otherwise(near_all[:, PAST - 2], usual) / usual,
        "next_part": otherwise(near_all[:, PAST + 2], usual) / usual,
        "before_long": before / otherwise(quantile(about, 0.85), usual),
        "before_after": before / after,
        "longest_part": longest / usual,
        "unsteady": otherwise(quantile(np.abs(about - usual[:, None]), 0.5), np.zeros(n)) / usual,
        "jitter": jitter,
        "jumpy_share": (change > 0.1 * usual[:, None]).sum(axis=1) / many,
        "common": (np.abs(about - before[:, None]) <= STABLE * before[:, None]).sum(axis=1)
        / np.maximum(np.isfinite(about).sum(axis=1), 1),
        "before_sinus": before / otherwise(sinus, usual),
        "sinus_share": sinus_share,
        "ventricular": beats.ventricular[index],
        "ventricular_share": (ventricular > 0).sum(axis=1) / np.isfinite(ventricular).sum(axis=1),
        "previous_ventricular": otherwise(ventricular[:, PAST - 1], np.zeros(n)),
        "next_ventricular": otherwise(ventricular[:, PAST + 1], np.zeros(n)),
        "like_main": beats.like_main[index],
        "size": beats.size[index],
        "width_more": beats.width_more[index],
        "p_like": p_like,
        "p_part": beats.p_part[index],
        "p_around": p_around,
        "p_less": p_like - p_around,
    }
    return np.array([columns[name] for name in TIME], dtype=np.float32).T


def _since_conducted(beats: Judged, index: I64) -> F64:
    """Rows since the last beat that was neither ventricular nor paced: a ventricular beat between makes none early."""
    back = np.arange(0, -PAST, -1)
    total = np.cumsum(_taken(beats.before, beats.row, index, back, S_AHEAD), axis=1)
    conducted = _taken((~beats.other).astype(np.float64), beats.row, index, back - 1, S_AHEAD) == 1.0
    since = np.minimum(total[np.arange(len(index)), conducted.argmax(axis=1)], RR_MAX)
    return np.where(conducted.any(axis=1), since, RR_MAX)  # a long run before it: nothing is early


def clean_of(other: Mask) -> Mask:
    """Whose interval before runs between two conducted beats."""
    return np.asarray(~other & ~np.concatenate([other[:1], other[:-1]]))


def sinus_of(intervals_before: npt.NDArray[np.int16]) -> tuple[float, float]:
    """The longest of some intervals (rows, -1 unknown) that comes often and steadily, and the share it has.

    The interval of the sinus node where early beats are the rule; NaN, 0 where too few are known.
    """
    known = np.sort(intervals_before[intervals_before > 0]).astype(np.float64)
    if len(known) < LONG_STEP:
        return float("nan"), 0.0
    low = np.searchsorted(known, known * (1 - STABLE), side="left")
    high = np.searchsorted(known, known * (1 + STABLE), side="right")
    members = high - low
    often = members >= max(4.0, OFTEN * len(known))
    if not often.any():
        return float(known[len(known) // 2]), 0.0
    # The fullest cluster among the longest ones.
    limit = known[np.flatnonzero(often)[-1]] * (1 - 2 * STABLE)
    at = int(np.where(often & (known >= limit), members, -1).argmax())
    return float(known[at]), float(members[at]) / len(known)
