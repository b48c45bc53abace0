"""Rhythm and ectopy in words: from the episodes and the beats that the causal core named. Nothing is measured here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import groupby, pairwise

from ecg.codes import Urgency
from ecg.results import Beat, Episode, Finding
from ecg.statements.seen import Seen, say

RHYTHM_CODES = {
    "sinus": "SINUS_RHYTHM",
    "sinus_brady": "SINUS_BRADYCARDIA",
    "sinus_tachy": "SINUS_TACHYCARDIA",
    "sinus_arrhythmia": "SINUS_ARRHYTHMIA",
    "ectopic_atrial": "ECTOPIC_ATRIAL_RHYTHM",
    "af": "AFIB",
    "afl": "AFLUTTER",
    "svt": "SVT",
    "vt": "VT",
    "tdp": "TORSADES",
    "vt_poly": "VT_POLYMORPHIC",
    "vf": "VF",
    "vfl": "VENTRICULAR_FLUTTER",
    "paced": "PACED_RHYTHM",
    "junctional": "JUNCTIONAL_RHYTHM",
    "ivr": "VENTRICULAR_ESCAPE_RHYTHM",
    "avb2_1": "AVB_II_MOBITZ1",
    "avb2_2": "AVB_II_MOBITZ2",
    "avb_2to1": "AVB_2_TO_1",
    "avb_hg": "AVB_HIGH_GRADE",
    "avb3": "AVB_III",
    "bigeminy": "PVC_BIGEMINY",
    "trigeminy": "PVC_TRIGEMINY",
    "pause": "PAUSE",
    "asystole": "ASYSTOLE",
}
OTHER_CODES = (
    *("VT_NONSUSTAINED", "AIVR", "ACCELERATED_JUNCTIONAL_RHYTHM", "JUNCTIONAL_TACHYCARDIA"),
    *("PVC", "PVC_COUPLET", "PVC_FREQUENT", "PAC", "PAC_COUPLET", "PAC_BIGEMINY", "FUSION_BEAT", "JUNCTIONAL_ESCAPE"),
    "VENTRICULAR_ESCAPE",
)
CODES = (*RHYTHM_CODES.values(), *OTHER_CODES)
VT_SUSTAINED_S = 30.0  # ACC/AHA/HRS 2017: sustained from 30 s on
AIVR_BPM = 50.0  # faster than an escape, slower than tachycardia (AHA/ACC/HRS 2007 list, K)
JUNCTIONAL_FAST_BPM, JUNCTIONAL_TACHY_BPM = 60.0, 100.0
PVC_FREQUENT_PER_MIN = 6.0  # more than 5 a minute in a resting ECG (Chinese reporting habit, K)
BEAT_CODES = {"V": "PVC", "A": "PAC", "F": "FUSION_BEAT", "j": "JUNCTIONAL_ESCAPE", "e": "VENTRICULAR_ESCAPE"}
ECTOPY_HIDDEN = ("vt", "tdp", "vf", "vfl", "svt", "ivr")
NONE_EARLY = ("af", "afl", "paced")  # every beat of fibrillation comes at its own time, and a pacemaker waits for none
BIGEMINY_MIN = 3  # pairs in a row


def rhythm(seen: Seen) -> Iterator[Finding]:
    """A statement a rhythm, at its first episode. The ventricular rate stands at the rhythm that fills the
    recording."""
    rate = seen.measured.vent_rate_bpm
    number = "" if rate is None else f"{rate:.0f}"
    told: set[str] = set()
    for episode in seen.episodes:
        code, urgency = _code(seen, episode)
        if code is None or code in told:
            continue
        told.add(code)
        whole = episode.rhythm == seen.rhythm
        yield say(
            seen,
            code,
            first=episode.first,
            end=episode.end,
            value=rate if whole else None,
            zh=f"心室率 {number} 次/分" if whole and number else "",
            en=f"ventricular rate {number}/min" if whole and number else "",
            urgency=urgency,
        )


def _code(seen: Seen, episode: Episode) -> tuple[str | None, Urgency | None]:
    """The code of an episode; length and rate part what has two names."""
    seconds = (episode.end - episode.first) / seen.fs
    fills = episode.end - episode.first >= 0.9 * seen.samples
    speed = _speed(seen, episode)
    if episode.rhythm == "vt" and seconds < VT_SUSTAINED_S and not fills:
        return "VT_NONSUSTAINED", None
    if episode.rhythm == "ivr" and speed is not None and speed > AIVR_BPM:
        return "AIVR", None
    if episode.rhythm == "junctional" and speed is not None and speed >= JUNCTIONAL_FAST_BPM:
        fast = speed > JUNCTIONAL_TACHY_BPM
        return ("JUNCTIONAL_TACHYCARDIA" if fast else "ACCELERATED_JUNCTIONAL_RHYTHM"), None
    return RHYTHM_CODES.get(episode.rhythm), None


def _speed(seen: Seen, episode: Episode) -> float | None:
    """Beats a minute within an episode."""
    first, end = (bisect_left(seen.beats, edge, key=_sample) for edge in (episode.first, episode.end))
    if end - first < 2:
        return None
    return 60.0 * seen.fs * (end - first - 1) / (seen.beats[end - 1].sample - seen.beats[first].sample)


def _sample(beat: Beat) -> int:
    return beat.sample


def ectopy(seen: Seen) -> Iterator[Finding]:
    """Single beats out of line, couplets, bigeminy, how frequent; not within a rhythm made of such beats."""
    if seen.rhythm in ECTOPY_HIDDEN:
        return
    run = _in_runs(seen)
    for symbol, code in BEAT_CODES.items():
        if code == "PAC" and seen.rhythm in NONE_EARLY:
            continue
        places = [beat.sample for beat in seen.beats if beat.symbol == symbol and beat.sample not in run]
        if places:
            count = len(places)
            yield say(
                seen,
                code,
                first=places[0],
                end=places[-1] + 1,
                value=float(count),
                zh=f"{count} 个",
                en=f"{count} in all",
            )
    yield from _patterns(seen)


def _patterns(seen: Seen) -> Iterator[Finding]:
    told = {episode.rhythm for episode in seen.episodes}
    runs = [list(group) for _, group in groupby(seen.beats, key=lambda beat: beat.symbol)]
    for symbol, code in (("V", "PVC_COUPLET"), ("A", "PAC_COUPLET")):
        pair = next((run for run in runs if run[0].symbol == symbol and len(run) == 2), None)
        if pair is not None and not (symbol == "A" and seen.rhythm in NONE_EARLY):
            yield say(seen, code, first=pair[0].sample, end=pair[1].sample + 1)
    for symbol, code, name in (("V", "PVC_BIGEMINY", "bigeminy"), ("A", "PAC_BIGEMINY", "")):
        stretch = _alternating(seen.beats, symbol)
        if stretch is not None and name not in told and not (symbol == "A" and seen.rhythm in NONE_EARLY):
            yield say(seen, code, first=stretch[0].sample, end=stretch[1].sample + 1)
    single = [beat for beat in seen.beats if beat.symbol == "V"]
    minutes = seen.samples / seen.fs / 60.0
    if len(single) >= 2 and len(single) / minutes >= PVC_FREQUENT_PER_MIN:
        rate = len(single) / minutes
        yield say(
            seen,
            "PVC_FREQUENT",
            first=single[0].sample,
            end=single[-1].sample + 1,
            value=round(rate, 1),
            limit=PVC_FREQUENT_PER_MIN,
            zh=f"约 {rate:.0f} 个/分",
            en=f"about {rate:.0f} a minute",
        )


def _alternating(beats: tuple[Beat, ...], symbol: str) -> tuple[Beat, Beat] | None:
    """First and last beat of BIGEMINY_MIN or more premature beats with one conducted beat between each."""
    best: tuple[Beat, Beat] | None = None
    start, count = 0, 0
    for index, (a, b) in enumerate(pairwise(beats)):
        turns = (a.symbol == symbol) != (b.symbol == symbol) and {a.symbol, b.symbol} <= {symbol, "N"}
        if not turns:
            start, count = index + 1, 0
            continue
        count += b.symbol == symbol
        if count >= BIGEMINY_MIN and best is None:
            best = (beats[start], b)
        elif best is not None and best[0] is beats[start]:
            best = (best[0], b)
    return best


def _in_runs(seen: Seen) -> set[int]:
    """Places of beats inside a run that has a name of its own."""
    spans = [(e.first, e.end) for e in seen.episodes if e.rhythm in ("vt", "tdp", "vt_poly", "ivr", "svt", "vf", "vfl")]
    return {beat.sample for beat in seen.beats if any(first <= beat.sample < end for first, end in spans)}
