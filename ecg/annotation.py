"""What an analysis says, as marks of a WFDB annotation file: beats, rhythm changes, fibrillation, unreadable stretches.

Arithmetic on results only; `formats/annotate.py` puts the marks into bytes. Symbols and notes are those of the MIT-BIH
and CU databases (PhysioBank annotation codes), so that the tools of the field read our files as they read theirs. An
annotation file holds one rhythm at a time where `Analysis.episodes` may lay several upon one another: `RHYTHM_NOTES`
says which of them is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ecg.results import Beat, Episode, LeadMarks, Span

FIBRILLATION = ("vf", "vfl")
BEATS = {"N": "N", "S": "A", "A": "A", "V": "V", "F": "F", "Q": "Q", "/": "/"}
UNREADABLE = 0x33  # subtype of `~`: signals 0 and 1 noisy (0x03) and unreadable (0x30), EC57's "shutdown"
READABLE = 0

# Rhythm: note, and its rank where several hold at once; the lowest number is written, among equals the one that began
# last. Fibrillation and ventricular runs go before all, then AF, which a bigeminy upon it must not hide; anything
# outranks `(N`. What has no row (pause, asystole, undetermined) leaves the rhythm around it standing.
# Notes: MIT-BIH Arrhythmia Database directory; `(VF`: CU database, which has a note where MIT-BIH has only `[`.
RHYTHM_NOTES: dict[str, tuple[str, int]] = {
    "vf": ("(VF", 0),
    "vfl": ("(VFL", 0),
    "vt": ("(VT", 1),
    "tdp": ("(VT", 1),
    "ivr": ("(IVR", 1),
    "idioventricular": ("(IVR", 1),
    "af": ("(AFIB", 2),
    "afl": ("(AFL", 2),
    "svt": ("(SVTA", 3),
    "bigeminy": ("(B", 3),
    "trigeminy": ("(T", 3),
    "paced": ("(P", 3),
    "preexc": ("(PREX", 3),
    "junctional": ("(NOD", 3),
    "sinus_brady": ("(SBR", 3),
    "avb2_1": ("(BII", 3),
    "avb2_2": ("(BII", 3),
    "avb_2to1": ("(BII", 3),
    "sinus": ("(N", 4),
    "sinus_tachy": ("(N", 4),
    "sinus_arrhythmia": ("(N", 4),
    "avb1": ("(N", 4),
    "avb_hg": ("(N", 4),
    "avb3": ("(N", 4),
}
NORMAL = "(N"
RUNS = ("(VF", "(VFL", "(VT", "(IVR", "(SVTA")  # these end where they end: what cannot be told prolongs none


@dataclass(frozen=True)
class Mark:
    """One row of an annotation file: a WFDB symbol at a sample, a text, a subtype (of `~`)."""

    sample: int
    symbol: str
    aux: str = ""
    subtype: int = 0


def rhythm_marks(
    beats: Iterable[Beat], episodes: Sequence[Episode], unreadable: Iterable[Span], samples: int
) -> tuple[Mark, ...]:
    """The marks of a `.xl` file, ascending; what lies outside [0, samples) is left out.

    Beats inside fibrillation are left out: there are none. `]` stands on the last sample of the fibrillation, the note
    of the rhythm after it on the next.
    """
    storms = _joined(Span(max(0, e.first), min(e.end, samples)) for e in episodes if e.rhythm in FIBRILLATION)
    marks = [Mark(at, "+", aux=note) for at, note in _notes(episodes, samples)]
    for storm in storms:
        marks += [Mark(storm.first, "["), Mark(storm.end - 1, "]")]
    for span in unreadable:
        marks.append(Mark(max(0, span.first), "~", subtype=UNREADABLE))
        marks.append(Mark(span.end, "~", subtype=READABLE))
    marks += [Mark(beat.sample, BEATS.get(beat.symbol, "Q")) for beat in _outside(beats, storms)]
    order = {"]": 0, "~": 1, "+": 2, "[": 3}
    kept = (mark for mark in marks if 0 <= mark.sample < samples)
    return tuple(sorted(kept, key=lambda mark: (mark.sample, order.get(mark.symbol, 4))))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that overlap or touch as one, ascending; the empty left out."""
    out: list[Span] = []
    for span in sorted((s for s in spans if s.first < s.end), key=lambda s: s.first):
        if out and span.first <= out[-1].end:
            out[-1] = Span(out[-1].first, max(out[-1].end, span.end))
        else:
            out.append(span)
    return out


def _outside(beats: Iterable[Beat], spans: Sequence[Span]) -> Iterator[Beat]:
    """The beats in none of the spans; both ascending."""
    at = 0
    for beat in beats:
        while at < len(spans) and spans[at].end <= beat.sample:
            at += 1
        if at == len(spans) or beat.sample < spans[at].first:
            yield beat


def _notes(episodes: Sequence[Episode], samples: int) -> list[tuple[int, str]]:
    """Where the note changes, and to what."""
    stretches = _stretches(episodes, samples)
    notes: list[tuple[int, str]] = []
    for index, (first, note) in enumerate(stretches):
        if note is None:
            before = stretches[index - 1][1] if index else None
            after = stretches[index + 1][1] if index + 1 < len(stretches) else None
            note = _between(before, after)
        if note is not None and (not notes or notes[-1][1] != note):
            notes.append((first, note))
    return notes


def _between(before: str | None, after: str | None) -> str | None:
    """The note of a stretch that has none: that of the rhythm around it. None when nothing is known at all."""
    if before is None and after is None:
        return None
    known = {note for note in (before, after) if note is not None}
    return known.pop() if len(known) == 1 and not known & set(RUNS) else NORMAL


def _stretches(episodes: Sequence[Episode], samples: int) -> list[tuple[int, str | None]]:
    """[0, samples) cut wherever the winning note changes: first sample and note; None where no row holds."""
    rows = [
        (max(0, e.first), min(e.end, samples), *RHYTHM_NOTES[e.rhythm]) for e in episodes if e.rhythm in RHYTHM_NOTES
    ]
    waiting = sorted((row for row in rows if row[0] < row[1]), reverse=True)
    holding: list[tuple[int, int, int, str]] = []  # heap: rank, minus first, end, note
    out: list[tuple[int, str | None]] = []
    at = 0
    while at < samples:
        while waiting and waiting[-1][0] <= at:
            first, end, note, rank = waiting.pop()
            heapq.heappush(holding, (rank, -first, end, note))
        while holding and holding[0][2] <= at:
            heapq.heappop(holding)
        note_now = holding[0][3] if holding else None
        if not out or out[-1][1] != note_now:
            out.append((at, note_now))
        changes = [samples, *(row[2] for row in holding[:1]), *(row[0] for row in waiting[-1:])]
        at = min(changes)
    return out


def wave_marks(lead: LeadMarks, samples: int) -> tuple[Mark, ...]:
    """The marks of one lead's file, in LUDB's way: `(` peak `)` for each wave.

    Readers of such files pair a peak with the bracket next to it. Where two waves touch or cross, the edges are moved
    so that brackets never interleave: an end gives way to the onset of the next wave, and an onset that lies before
    the last peak is left out.
    """
    waves = sorted((w for w in lead.waves if 0 <= w.peak < samples), key=lambda w: w.peak)
    marks: list[Mark] = []
    for index, wave in enumerate(waves):
        floor = marks[-1].sample if marks else 0
        following = waves[index + 1] if index + 1 < len(waves) else None
        ceiling = samples - 1 if following is None else following.peak
        if following is not None and following.first is not None and wave.peak <= following.first <= following.peak:
            ceiling = following.first
        if wave.first is not None and floor <= wave.first <= wave.peak:
            marks.append(Mark(wave.first, "("))
        marks.append(Mark(wave.peak, wave.kind))
        if wave.end is not None and wave.end >= wave.peak:
            marks.append(Mark(min(wave.end, ceiling), ")"))
    return tuple(marks)
