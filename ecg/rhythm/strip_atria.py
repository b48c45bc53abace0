"""What the atria do in a stored strip of many leads: flutter, and fibrillation under a pacemaker.

The base rhythm (`rhythm`) looks at three leads and must answer in a stream. A stored strip can be asked in all its
leads at once, which is where flutter shows: waves that keep time and stand where neither P nor T would. Only what the
base rhythm cannot see is added or replaced here; no wave is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.record import F32
from ecg.results import Episode
from ecg.rhythm.atria import is_ectopic, kinds_of
from ecg.rhythm.atrial_features import NAMES, Windows, features
from ecg.rhythm.blocks import Blocks
from ecg.signal.trace import I16, RATE

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEADS_MIN, SECONDS = 8, (8.0, 70.0)  # strips that are asked
BEATS_MIN = 6
MAY_FLUTTER = ("sinus", "sinus_brady", "sinus_tachy", "sinus_arrhythmia", "junctional", "undetermined", "af")
PERIODS = np.arange(19, 31)  # rows: 200 to 316 waves a minute
QRS_BEFORE, QRS_AFTER = 7, 9  # rows about R in which no wave is looked for
T_TO, T_SHARE = 45, 0.6  # rows after R that the mean beat is taken away from, at most this part of the R-R
ECTOPIC_BEFORE, ECTOPIC_AFTER = 12, 50  # rows about an ectopic beat of which nothing is said
SWAY, CLIP_UV = 31, 300.0  # rows over which the line is taken away; what is larger is no wave
SLACK = ((1, 1), (2, 2), (3, 2))  # so many periods on, so many rows early or late
ON_TIME, ON_TIME_LEADS, OFTEN_LEADS = 0.5, 0.4, 3  # likeness one, two and three periods on: best lead; the third best
LOOSE, LOOSE_NEXT = 0.28, 0.5  # the same where the very next wave is as like in the best lead
STEADY, SAME_LENGTH = 0.06, 0.6  # R-R within this part of the median, so many of them: conduction in a fixed ratio
RATIOS = (3, 4, 5)
BOX = 6  # rows of the bump filter that takes T out of the mean cycle
CYCLE_LIKE, CYCLE_BALANCE, CYCLE_LEADS, LEAD_LIKE, CYCLE_ROWS = 0.6, 0.4, 4, 0.7, 20
HALF_LIKE, HALF_LEADS, HALF_BALANCE, HALF_ROWS, HALF_STEADY = 0.8, 5, 0.5, 10, 0.8
IRREGULAR = 0.07  # of R-R: with waves that keep time, flutter or coarse fibrillation, which nobody tells apart
NO_P_SHARE, NO_P_LIKE = 0.3, 0.6  # before paced beats


@dataclass(frozen=True)
class Strip:
    """A recording of many leads: trace (m, leads) float64 at RATE, its beats (b,) and which of them are ectopic."""

    trace: F64
    rows: I64
    ectopic: Mask

    @property
    def rr(self) -> I64:
        """(b - 1,) rows from beat to beat."""
        return np.diff(self.rows)


def strip_rhythms(
    trace: I16, leads: tuple[str, ...], rows: I64, symbols: str, episodes: Sequence[Episode]
) -> tuple[Episode, ...] | None:
    """The episodes of a strip with what all its leads say; None where they say nothing new.

    trace     (m, leads) int16, the whole recording; rows, symbols: its beats, rows of it, one of N A V F Q / each.
    episodes  as the core told them, over all of the recording.
    Source    flutter as waves of 240 to 340 a minute without a level line between them, AHA/ACCF/HRS 2009 (K).
    """
    inside = (rows >= 0) & (rows < len(trace))
    kept = "".join(symbol for symbol, real in zip(symbols, inside, strict=True) if real)
    fits = trace.shape[1] >= LEADS_MIN and SECONDS[0] * RATE <= len(trace) <= SECONDS[1] * RATE
    if not fits or np.count_nonzero(inside) < BEATS_MIN:
        return None
    base = {episode.rhythm for episode in episodes}
    end = max(episode.end for episode in episodes)
    strip = Strip(trace.astype(np.float64), rows[inside], is_ectopic(kinds_of(kept)))
    if "paced" in base and "af" not in base:
        return (*episodes, Episode("af", 0, end)) if _without_p(trace, leads, strip.rows, kept) else None
    if not base & {*MAY_FLUTTER, "afl"} or not ("afl" in base or has_flutter(strip)):
        return None
    plain = strip.rr[~strip.ectopic[1:] & ~strip.ectopic[:-1]]
    irregular = len(plain) > 1 and float(plain.std()) > IRREGULAR * float(plain.mean())
    if "afl" in base:
        return (*episodes, Episode("af", 0, end)) if irregular and "af" not in base else None
    others = tuple(episode for episode in episodes if episode.rhythm not in MAY_FLUTTER)
    names = ("af", "afl") if irregular or "af" in base else ("afl",)
    return (*others, *(Episode(name, 0, end) for name in names))


def has_flutter(strip: Strip) -> bool:
    """Waves that keep time between the beats; or that stand alike and evenly in the mean cycle of a fixed ratio."""
    return _keep_time(strip) or _is_fixed(strip)


def _keep_time(strip: Strip) -> bool:
    """What is left without QRS and T is like itself one, two and three periods on, in several leads."""
    left, quiet = _without_beats(strip)
    best_lead, third, following = (np.zeros(len(PERIODS)) for _ in range(3))
    like = _likeness(left, quiet, 3 * int(PERIODS[-1]) + 3)
    for place, period in enumerate(PERIODS.tolist()):
        steps = [like[times * period - slack : times * period + slack + 1].max(axis=0) for times, slack in SLACK]
        lasting = np.minimum.reduce(steps)
        ranked = np.sort(lasting)
        best_lead[place], third[place] = ranked[-1], ranked[-OFTEN_LEADS]
        following[place] = steps[0][int(lasting.argmax())]
    at = int(best_lead.argmax())
    sure = best_lead[at] >= ON_TIME and third[at] >= ON_TIME_LEADS
    return bool(sure or (third[at] >= LOOSE and following[at] >= LOOSE_NEXT))


def _without_beats(strip: Strip) -> tuple[F64, Mask]:
    """The trace without the mean QRS-T and without sway, zero where nothing is said; and where something is."""
    trace, rows = strip.trace, strip.rows
    reach = np.arange(-QRS_BEFORE - 1, T_TO)
    whole = (rows + reach[0] >= 0) & (rows + T_TO < len(trace)) & ~strip.ectopic
    left, quiet = trace.copy(), np.ones(len(trace), dtype=bool)
    beats = trace[rows[whole][:, None] + reach]
    mean = np.median(beats - np.median(beats, axis=1, keepdims=True), axis=0) if len(beats) >= 3 else None
    if mean is not None:
        mean = mean - mean[:1] - np.linspace(0.0, 1.0, len(reach))[:, None] * (mean[-1:] - mean[:1])
    for index, row in enumerate(rows.tolist()):
        gap = int(rows[index + 1]) - row if index + 1 < len(rows) else len(trace)
        first, last = max(0, row + int(reach[0])), min(len(trace), row + min(T_TO, int(T_SHARE * gap)))
        odd = bool(strip.ectopic[index])
        if mean is not None and not odd:
            left[first:last] -= mean[first - row - reach[0] : last - row - reach[0]]
        before, after = (ECTOPIC_BEFORE, ECTOPIC_AFTER) if odd else (QRS_BEFORE, QRS_AFTER)
        quiet[max(0, row - before) : row + after] = False
    weight = quiet[:, None]
    parts = np.append(left * weight, weight, axis=1)
    sums = np.cumsum(np.concatenate([np.zeros((SWAY, parts.shape[1])), parts]), axis=0)
    ends = np.minimum(np.arange(len(left)) + SWAY // 2 + 1, len(left)) + SWAY - 1
    about = sums[ends] - sums[ends - SWAY]
    sway = about[:, :-1] / np.maximum(about[:, -1:], 1.0)
    return np.rint(np.clip((left - sway) * weight, -CLIP_UV, CLIP_UV)), quiet


def _likeness(left: F64, quiet: Mask, lags: int) -> F64:
    """(lags, leads): correlation about zero of each lead with itself that much later, over the rows quiet in both.

    Sums of products of whole numbers, by Fourier transform and rounded: exact.
    """
    size = 1 << (len(left) + lags).bit_length()
    both = np.fft.rfft(left, size, axis=0)
    power = np.fft.rfft(left * left, size, axis=0)
    there = np.fft.rfft(quiet.astype(np.float64), size)[:, None]

    def at_lags(product: npt.NDArray[np.complex128]) -> F64:
        return np.asarray(np.rint(np.fft.irfft(product, size, axis=0)[:lags]))

    common = at_lags(both * both.conj())
    now, then = at_lags(power * there.conj()), at_lags(power.conj() * there)
    return common / np.sqrt(np.maximum(now * then, 1.0))


def _is_fixed(strip: Strip) -> bool:
    """The mean cycle of a fixed ratio holds the same wave two, three, four or five times."""
    length = int(np.median(strip.rr))
    same = np.abs(strip.rr - length) <= STEADY * length
    starts = strip.rows[:-1][same & (strip.rows[:-1] + length + QRS_BEFORE < len(strip.trace))]
    if same.mean() < SAME_LENGTH or len(starts) < BEATS_MIN - 2:
        return False
    smooth = _bumps(strip.trace)
    for ratio in RATIOS:
        period = length / ratio
        if PERIODS[0] - 1.5 <= period <= PERIODS[-1] + 1:
            found = _repeats(smooth, starts, length, period, QRS_AFTER + BOX, QRS_BEFORE + BOX)
            if found.rows >= CYCLE_ROWS and found.leads(LEAD_LIKE) >= CYCLE_LEADS:
                return found.like >= CYCLE_LIKE and found.balance >= CYCLE_BALANCE
    # Two to one: where the bump filter leaves nothing. T and P of a sinus rhythm differ in shape or in direction.
    if same.mean() < HALF_STEADY or not PERIODS[0] - 1 <= length / 2 <= PERIODS[-1] + 1:
        return False
    found = _repeats(strip.trace, starts, length, length / 2, QRS_AFTER, QRS_BEFORE)
    return found.rows >= HALF_ROWS and found.leads(HALF_LIKE) >= HALF_LEADS and found.balance >= HALF_BALANCE


@dataclass(frozen=True)
class _Repetition:
    """How like the mean cycle is to itself one period on: all leads together, by lead, in size; over so many rows."""

    like: float
    by_lead: F64
    balance: float
    rows: int

    def leads(self, least: float) -> int:
        return int(np.count_nonzero(self.by_lead > least))


def _repeats(trace: F64, starts: I64, length: int, period: float, after: int, before: int) -> _Repetition:
    cycle = np.median(trace[starts[:, None] + np.arange(length)], axis=0)
    at = np.arange(after, length - before - period)
    if len(at) < 2:
        return _Repetition(0.0, np.zeros(trace.shape[1]), 0.0, len(at))
    places = np.arange(length)
    a, b = (np.stack([np.interp(at + move, places, lead) for lead in cycle.T], axis=1) for move in (0.0, period))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    power_a, power_b, common = (a * a).sum(axis=0), (b * b).sum(axis=0), (a * b).sum(axis=0)
    whole_a, whole_b = float(power_a.sum()), float(power_b.sum())
    return _Repetition(
        float(common.sum()) / max((whole_a * whole_b) ** 0.5, 1e-9),
        np.asarray(common / np.sqrt(power_a * power_b + 1e-9)),
        min(whole_a, whole_b) / max(whole_a, whole_b, 1e-9),
        len(at),
    )


def _bumps(trace: F64) -> F64:
    """How far BOX rows stand above the BOX rows on either side: waves of atria pass, a T wave hardly."""
    total = np.concatenate([np.zeros((1, trace.shape[1])), np.cumsum(trace, axis=0)])
    box = (total[BOX:] - total[:-BOX]) / BOX
    bump = 2 * box[BOX:-BOX] - box[: -2 * BOX] - box[2 * BOX :]
    missing = len(trace) - len(bump)
    return np.pad(bump, ((missing // 2, missing - missing // 2), (0, 0)))


def _without_p(trace: I16, leads: tuple[str, ...], rows: I64, symbols: str) -> bool:
    """Paced beats before which no P wave repeats: the atria fibrillate, as far as can be seen from here."""
    row = _whole_row(trace, leads, rows, symbols)
    return bool(row[NAMES.index("share_max")] < NO_P_SHARE and row[NAMES.index("p_correlation_max")] < NO_P_LIKE)


def _whole_row(trace: I16, leads: tuple[str, ...], rows: I64, symbols: str) -> F32:
    """The features of the strip as one window."""
    blocks = Blocks(leads)
    blocks.push(rows, symbols, trace, 0, len(trace), final=True)
    span = np.array([0]), np.array([len(rows)])
    window = Windows(blocks.beats, *span, blocks.power.sum(axis=0)[None], blocks.weight.sum()[None])
    return np.asarray(features(window)[0], dtype=np.float32)
