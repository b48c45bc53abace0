"""One entry to the whole analysis: a recording in, an `Analysis` out.

Only composes: each step stands in a module of its own and is tested there. Beats, rhythms and rhythm rules come from
the same causal core that serves the live monitor; waves and what rests on them are measured here on the median beat. No
file, no clock, no randomness.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ecg.monitor import Judge
from ecg.record import F32, I64, Recording
from ecg.results import (
    Analysis,
    Beat,
    Episode,
    Finding,
    Grade,
    LeadWaves,
    Measurements,
    Median,
    Quality,
    Screen,
    Span,
    finding_json,
)
from ecg.rhythm.alarms import alarms
from ecg.rhythm.base_watch import ATRIAL
from ecg.rhythm.screen import SECONDS_MAX, SECONDS_MIN, screen
from ecg.rhythm.strip_atria import LEADS_MIN as STRIP_LEADS_MIN
from ecg.rhythm.strip_atria import strip_rhythms
from ecg.rules import critical
from ecg.rules.evidence import Evidence, dbpm
from ecg.rules.prior import Prior
from ecg.rules.wave_evidence import wave_evidence
from ecg.signal.pacing import blanked
from ecg.signal.quality import VOTE_MIN, misscaled
from ecg.signal.trace import row_of, trace_of
from ecg.statements import Seen, statements, votes
from ecg.stream import SPIKE_AFTER_S, SPIKE_BEFORE_S, Core
from ecg.waves import median as waves
from ecg.waves.measure import lead_waves, qrs_ms, qt_ms
from ecg.waves.median import Marks
from ecg.waves.reversal import reversal

__all__ = [
    "ALGORITHM",
    "Analysis",
    "Annotated",
    "Beat",
    "Episode",
    "Finding",
    "Grade",
    "LeadWaves",
    "Measurements",
    "Median",
    "Quality",
    "Span",
    "analyze",
    "annotate",
    "finding_json",
    "input_sha256",
]

ALGORITHM = "0.1.0"  # changes with every change of what `analyze` may answer
BASE_FIRST = ("vf", "vt", "paced", "af", "afl", "svt")  # of equally long base rhythms the one that matters more
OVERLAYS = ("pause", "asystole")
RUNS = ("vt", "tdp")  # found in beats and in waves
PIECE_S = 600.0
HASHED_ROWS = 1 << 16
SCREEN_LEADS = 2


@dataclass(frozen=True)
class Annotated:
    """What the stream's own stages say of a recording: all of an `Analysis` that does not rest on waves."""

    beats: tuple[Beat, ...]
    episodes: tuple[Episode, ...]
    quality: Quality
    findings: tuple[Finding, ...]


def annotate(recording: Recording, *, profile: str = critical.DEFAULT_PROFILE, prior: Prior | None = None) -> Annotated:
    """Beats, rhythms, quality and the rhythm rules that fired, without measuring a wave: what a `Monitor` would say.

    Raises ProfileUnknown, ProfileWrong.
    """
    core = Core(recording.fs, recording.leads)
    judge = Judge(critical.load(profile), recording.meta, prior)
    piece = max(1, round(PIECE_S * recording.fs))  # keeps the memory of a long recording flat
    items = [
        item
        for at in range(0, len(recording.signal_uv), piece)
        for item in core.feed(recording.signal_uv[at : at + piece])
    ]
    events = judge.events((*items, *core.finish()))
    return Annotated(
        beats=tuple(event.beat for event in events if event.beat is not None),
        episodes=_ordered(joined(e.episode for e in events if e.kind == "episode" and e.episode is not None)),
        quality=misscaled(recording) or core.tally.judge(recording.leads),
        findings=once(e.finding for e in events if e.kind == "settled" and e.finding is not None),
    )


def analyze(recording: Recording, *, profile: str = critical.DEFAULT_PROFILE, prior: Prior | None = None) -> Analysis:
    """Everything the library says of one recording under one rule profile. Raises ProfileUnknown, ProfileWrong.

    prior  an earlier ECG of the same person; without one everything counts as first found.
    """
    rules = critical.load(profile)
    heard = annotate(recording, profile=profile, prior=prior)
    beats, episodes, quality = heard.beats, heard.episodes, heard.quality
    told = _in_all_leads(recording, beats, episodes)
    fired = [*heard.findings]
    if told is not None:
        if not any(episode.rhythm in ATRIAL for episode in episodes):
            fired += critical.judge(rules, _atrial_evidence(told, beats, recording), recording.meta, prior)
        episodes = told
    rhythm = main_rhythm(episodes)
    measured, median, marks = measure(recording, beats, quality, rhythm)
    samples = len(recording.signal_uv)
    rows = {} if median is None or marks is None else lead_waves(median, marks)
    seen = Seen(
        samples=samples,
        fs=recording.fs,
        meta=recording.meta,
        quality=quality,
        beats=beats,
        episodes=episodes,
        rhythm=rhythm,
        measured=measured,
        median=median,
        marks=marks,
        waves={lead: row for lead, row in rows.items() if lead in votes(quality)},
        reversals=reversal(median, quality, samples=samples),
        prior=prior,
    )
    for evidence in wave_evidence(seen, recording.signal_uv):
        fired += critical.judge(rules, evidence, recording.meta, prior)
    said = {finding.code for finding in fired}
    stated = (*statements(seen, fired), *seen.reversals)
    return Analysis(
        fs=recording.fs,
        leads=recording.leads,
        samples=samples,
        quality=quality,
        beats=beats,
        episodes=episodes,
        measurements=measured,
        findings=(*fired, *(finding for finding in stated if finding.code not in said)),
        median=None if median is None else _shown(median),
        screen=_screened(recording, beats),
        versions={"algorithm": ALGORITHM, "profile": rules.label},
        input_sha256=input_sha256(recording),
        lead_waves=seen.waves,
        alarms=alarms(samples, recording.fs, beats, episodes, quality.unreadable),
    )


def _in_all_leads(
    recording: Recording, beats: tuple[Beat, ...], episodes: tuple[Episode, ...]
) -> tuple[Episode, ...] | None:
    """The episodes of a strip with what only all its leads tell of the atria; None where that is nothing new."""
    if len(recording.leads) < STRIP_LEADS_MIN or not episodes or recording.seconds > SECONDS_MAX:
        return None
    rows = row_of(np.array([beat.sample for beat in beats], dtype=np.int64), recording.fs)
    symbols = "".join(beat.symbol for beat in beats)
    told = strip_rhythms(trace_of(recording.signal_uv, recording.fs), recording.leads, rows, symbols, episodes)
    return None if told is None else _ordered(told)


def _atrial_evidence(episodes: tuple[Episode, ...], beats: tuple[Beat, ...], recording: Recording) -> Evidence:
    """Of fibrillation or flutter that the causal core did not name: as it would have made it."""
    name = "afl" if any(episode.rhythm == "afl" for episode in episodes) else "af"
    ms = round(1000.0 * recording.seconds)
    rr_ms = (beats[-1].sample - beats[0].sample) * 1000.0 / recording.fs / max(1, len(beats) - 1)
    facts = {"rate_dbpm": dbpm(max(rr_ms, 1.0)), "lasts_ms": ms}
    return Evidence("af", 0, len(recording.signal_uv), facts, flags=frozenset({name, "fills"}))


def _screened(recording: Recording, beats: tuple[Beat, ...]) -> Screen | None:
    """The strip class of a short recording of one or two leads, as people take them by hand."""
    if len(recording.leads) > SCREEN_LEADS or not SECONDS_MIN <= recording.seconds <= SECONDS_MAX:
        return None
    lead = "I" if "I" in recording.leads else recording.leads[0]
    column = recording.leads.index(lead)
    trace = trace_of(recording.signal_uv[:, column : column + 1], recording.fs)
    rows = row_of(np.array([beat.sample for beat in beats], dtype=np.int64), recording.fs)
    return screen(trace, rows, "".join(beat.symbol for beat in beats), (lead,))


def main_rhythm(episodes: tuple[Episode, ...]) -> str:
    """The rhythm that fills most of the recording; `undetermined` when there is none."""
    lengths: Counter[str] = Counter()
    for episode in episodes:
        if episode.rhythm not in (*OVERLAYS, "undetermined"):
            lengths[episode.rhythm] += episode.end - episode.first
    rank = {name: len(BASE_FIRST) - index for index, name in enumerate(BASE_FIRST)}
    return max(lengths, key=lambda name: (lengths[name], rank.get(name, 0), name), default="undetermined")


def measure(
    recording: Recording, beats: tuple[Beat, ...], quality: Quality, rhythm: str
) -> tuple[Measurements, Median | None, Marks | None]:
    """Rates from all beats, waves from the median of the dominant ones."""
    fs = recording.fs
    rr_ms = np.diff([beat.sample for beat in beats]) * 1000.0 / fs
    heard = np.array([not _lost(a, b, quality) for a, b in pairwise(beats)], dtype=bool)
    rr_ms = rr_ms[heard] if len(rr_ms) else rr_ms
    if not len(rr_ms) or rhythm == "vf":
        return Measurements(), None, None
    mean_ms = float(rr_ms.mean())
    rates = Measurements(
        vent_rate_bpm=round(600_000 / mean_ms) / 10,
        rr_max_ms=round(float(rr_ms.max())),
        rr_min_ms=round(float(rr_ms.min())),
    )
    symbol, dominant = waves.dominant_beats(beats)
    signal, dominant = _paced(recording, dominant) if symbol == "/" else (recording.signal_uv, dominant)
    median = waves.median_beat(signal, dominant, fs, recording.leads)
    votes = [lead for lead in recording.leads if quality.leads[lead] >= VOTE_MIN]
    if median is None or not votes or rhythm == "vt":
        return rates, median, None
    typical_ms = float(np.median(rr_ms))
    marks = waves.delineate(median, votes, rr_ms=typical_ms, p_waves=rhythm.startswith("sinus"))
    if marks is None:
        return rates, median, None
    return _with_waves(rates, median, marks, votes, mean_ms), median, marks


def _paced(recording: Recording, at: I64) -> tuple[F32, I64]:
    """The samples without pacing spikes, whose tails would be taken for the level before the QRS; and where the paced
    beats stand by their spikes, for R is found on a spike now and then. Beats without a spike stay where they are."""
    fs = recording.fs
    clean, spikes = blanked(recording.signal_uv, fs)
    own = np.searchsorted(spikes, at + round(SPIKE_AFTER_S * fs), side="right") - 1
    lag = at - spikes[np.maximum(own, 0)] if len(spikes) else np.full(len(at), len(clean))
    has = (own >= 0) & (lag <= SPIKE_BEFORE_S * fs)
    if has.any():
        at = np.where(has, at - lag + round(float(np.median(lag[has]))), at)
    return clean, at


def _with_waves(rates: Measurements, median: Median, marks: Marks, votes: list[str], rr_ms: float) -> Measurements:
    def ms(first: int | None, end: int | None) -> int | None:
        return None if first is None or end is None else round((end - first) * 1000.0 / median.fs)

    qt = qt_ms(median, marks)
    st_j = {lead: _mv(median, lead, marks, 0.0) if lead in votes else None for lead in median.leads}
    st_j60 = {lead: _mv(median, lead, marks, waves.J60_S) if lead in votes else None for lead in median.leads}
    return replace(
        rates,
        p_ms=ms(marks.p_on, marks.p_off),
        pr_ms=ms(marks.p_on, marks.qrs_on),
        qrs_ms=qrs_ms(median, marks, votes),
        qt_ms=qt,
        qtc_ms=rates.qtc_ms if qt is None else waves.qtc_ms(qt, rr_ms),
        axis_deg={
            "p": waves.axis_deg(median, marks.p_on, marks.p_off),
            "qrs": waves.axis_deg(median, marks.qrs_on, marks.qrs_off),
            "t": waves.axis_deg(median, marks.qrs_off, marks.t_off),
        },
        st_j_mv=st_j,
        st_j60_mv=st_j60,
    )


def _mv(median: Median, lead: str, marks: Marks, after_j_s: float) -> float | None:
    level = waves.level_uv(median, lead, marks, after_j_s)
    return None if level is None else level / 1000


def _lost(a: Beat, b: Beat, quality: Quality) -> bool:
    """The signal was lost between two beats: their interval means nothing."""
    return any(Span(a.sample, b.sample).meets(span) for span in quality.unreadable)


def _shown(median: Median) -> Median:
    """The part of the median beat a viewer shows: -300 to +500 ms."""
    before, after = round(waves.BEFORE_S * median.fs), round(waves.AFTER_S * median.fs)
    return replace(median, r_at=before, wave_uv=median.wave_uv[median.r_at - before : median.r_at + after])


def joined(episodes: Iterable[Episode]) -> list[Episode]:
    """Runs that were seen twice, in their beats and in their waves, as one."""
    out: list[Episode] = []
    for episode in sorted(episodes, key=lambda e: (e.rhythm, e.first)):
        last = out[-1] if out else None
        if (
            last is not None
            and episode.rhythm in RUNS
            and (last.rhythm, episode.first < last.end) == (episode.rhythm, True)
        ):
            out[-1] = replace(last, end=max(last.end, episode.end))
        else:
            out.append(episode)
    return out


def once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Of findings of one rule that meet, the longest over the range of all: one run, in its beats and in its waves."""
    out: list[Finding] = []
    for finding in findings:
        span = Span(finding.first, finding.end)
        same = next((i for i, f in enumerate(out) if f.rule == finding.rule and span.meets(Span(f.first, f.end))), None)
        if same is None:
            out.append(finding)
            continue
        longer = max(out[same], finding, key=lambda f: (f.end - f.first, -f.first))
        out[same] = replace(longer, first=min(out[same].first, span.first), end=max(out[same].end, span.end))
    return tuple(out)


def _ordered(episodes: Iterable[Episode]) -> tuple[Episode, ...]:
    return tuple(sorted(episodes, key=lambda e: (e.first, -e.end, e.rhythm)))


def input_sha256(recording: Recording) -> str:
    """Names what was analysed: rate, leads and samples (little-endian float32, NaN in one form)."""
    digest = hashlib.sha256(f"{recording.fs!r}|{','.join(recording.leads)}|".encode())
    for first in range(0, len(recording.signal_uv), HASHED_ROWS):  # a copy of a long recording would double its memory
        rows = recording.signal_uv[first : first + HASHED_ROWS]
        digest.update(np.ascontiguousarray(np.where(np.isnan(rows), np.float32(np.nan), rows), dtype="<f4").data)
    return digest.hexdigest()
