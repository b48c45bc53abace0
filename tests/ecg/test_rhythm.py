"""The base rhythm: known by construction, the same however it is cut, and what the trees must never say."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg import synth, synth_blocks
from ecg.record import STANDARD_LEADS
from ecg.rhythm.base import RhythmJudge, Verdict
from ecg.signal.trace import row_of, trace_of
from ecg.synth import Segment, Synthetic, twelve_lead

SLOW: tuple[tuple[synth.Kind, float], ...] = (
    *(("avb2_1", 60.0), ("avb2_2", 60.0), ("avb_2to1", 40.0), ("avb_hg", 30.0), ("avb3", 38.0)),
    *(("junctional", 50.0), ("ivr", 40.0)),
)
Table = tuple[np.ndarray, str, np.ndarray]


def table(drawn: Synthetic) -> Table:
    """Rows, symbols and trace of a synthetic recording with its true beats."""
    recording = drawn.recording
    rows = row_of(np.array([beat.sample for beat in drawn.beats], dtype=np.int64), recording.fs)
    return rows, "".join(beat.symbol for beat in drawn.beats), trace_of(recording.signal_uv, recording.fs)


def judged(drawn: Synthetic) -> tuple[Verdict, ...]:
    rows, symbols, trace = table(drawn)
    return RhythmJudge(drawn.recording.leads).push(rows, symbols, trace, 0, len(trace), final=True)


def main(verdicts: tuple[Verdict, ...]) -> str:
    return Counter(verdict.rhythm for verdict in verdicts).most_common(1)[0][0]


def cut_up(one: Table, leads: tuple[str, ...], rng: np.random.Generator, most: int) -> list[Verdict]:
    """The same recording in pieces of 1 to `most` rows, with no more trace held than was asked for."""
    rows, symbols, trace = one
    found: list[Verdict] = []
    judge, certain, given = RhythmJudge(leads), 0, 0
    while certain < len(trace):
        certain = min(len(trace), certain + int(rng.integers(1, most)))
        until = int(np.searchsorted(rows, certain))
        first = judge.needs_from
        found += judge.push(
            rows[given:until],
            symbols[given:until],
            trace[first:certain],
            first,
            certain,
            final=certain == len(trace),
        )
        given = until
        if rng.random() < 0.05:
            judge = pickle.loads(pickle.dumps(judge))
    return found


@pytest.mark.parametrize("name", [name for name in synth_blocks.EXAMPLES if name != "bigeminy"])
def test_the_rhythm_that_was_drawn_is_named(name: str, rng: np.random.Generator) -> None:
    assert main(judged(synth_blocks.EXAMPLES[name](rng))) == name


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        (Segment("sinus", 30.0, 70), "sinus"),
        (Segment("sinus", 30.0, 45), "sinus_brady"),
        (Segment("sinus", 30.0, 125), "sinus_tachy"),
        (Segment("af", 30.0, 90), "af"),
        (Segment("af", 30.0, 130), "af"),
        (Segment("afl", 30.0, 75), "afl"),
        (Segment("svt", 30.0, 190), "svt"),
        (Segment("vt", 30.0, 170), "vt"),
        (Segment("paced", 30.0, 60), "paced"),
        *((Segment(kind, 30.0, rate), kind) for kind, rate in SLOW),
        (Segment("sinus", 30.0, 72, pvc_at=(3, 8, 9, 14, 20)), "sinus"),
        (Segment("sinus", 30.0, 66, pac_at=(3, 7, 12, 19)), "sinus"),
    ],
)
def test_the_rhythms_of_a_segment_are_named(segment: Segment, name: str, rng: np.random.Generator) -> None:
    assert main(judged(twelve_lead(rng, [segment]))) == name


def test_ten_seconds_are_enough_for_a_name(rng: np.random.Generator) -> None:
    named = {name: main(judged(synth.EXAMPLES[name](rng))) for name in ("sinus", "af", "paced", "sinus_brady")}
    assert named == {name: name for name in named}


@pytest.mark.parametrize("name", ["sinus_arrhythmia", "bigeminy", "avb2_1", "avb2_2"])
def test_what_is_irregular_with_clear_p_waves_is_never_fibrillation(name: str) -> None:
    for seed in range(6):
        said = {verdict.rhythm for verdict in judged(synth_blocks.EXAMPLES[name](np.random.default_rng(seed)))}
        assert not said & {"af", "afl"}


def test_frequent_ectopy_is_not_fibrillation_and_fibrillation_with_ectopy_is(rng: np.random.Generator) -> None:
    often = tuple(int(beat) for beat in np.flatnonzero(rng.random(60) < 0.25))
    ectopic = judged(twelve_lead(rng, [Segment("sinus", 40.0, 80, pvc_at=often)]))
    both = judged(twelve_lead(rng, [Segment("af", 40.0, 90, pvc_at=often)]))
    assert not {verdict.rhythm for verdict in ectopic} & {"af", "afl"}
    assert main(both) == "af"


@pytest.mark.parametrize("leads", [("I",), ("II", "V1"), STANDARD_LEADS])
def test_the_verdicts_are_the_same_however_the_recording_is_cut(leads: tuple[str, ...]) -> None:
    rng = np.random.default_rng(7)
    script = [
        Segment("sinus", 31.3, 72, pvc_at=(5, 6)),
        Segment("af", 42.0, 100),
        Segment("sinus", 27.7, 50),
        Segment("afl", 20.0, 75),
    ]
    one = table(twelve_lead(rng, script, leads=leads))
    whole = RhythmJudge(leads).push(*one, 0, len(one[2]), final=True)
    for most in (60, 700, 3000):
        assert tuple(cut_up(one, leads, rng, most)) == whole
    assert {"sinus", "af", "sinus_brady"} <= {verdict.rhythm for verdict in whole}


def test_verdicts_follow_one_another_without_a_gap_and_end_with_the_recording(rng: np.random.Generator) -> None:
    drawn = twelve_lead(rng, [Segment("sinus", 33.0, 80), Segment("af", 40.0, 110)])
    verdicts = judged(drawn)
    assert verdicts[0].first == 0
    assert verdicts[-1].end == len(table(drawn)[2])
    assert all(a.end == b.first for a, b in pairwise(verdicts))


def test_fibrillation_begins_within_ten_seconds_of_where_it_was_drawn(rng: np.random.Generator) -> None:
    verdicts = judged(
        twelve_lead(rng, [Segment("sinus", 60.0, 75), Segment("af", 60.0, 105), Segment("sinus", 60.0, 75)])
    )
    fibrillating = [verdict for verdict in verdicts if verdict.rhythm == "af"]
    assert abs(fibrillating[0].first - 6000) <= 1000
    assert abs(fibrillating[-1].end - 12000) <= 1000


def test_a_verdict_is_given_within_22_seconds(rng: np.random.Generator) -> None:
    rows, symbols, trace = table(twelve_lead(rng, [Segment("sinus", 60.0, 70)]))
    judge = RhythmJudge(STANDARD_LEADS)
    until = int(np.searchsorted(rows, 2201))
    assert judge.push(rows[:until], symbols[:until], trace[:2201], 0, 2201)


def test_what_is_held_does_not_grow(rng: np.random.Generator) -> None:
    rows, symbols, trace = table(twelve_lead(rng, [Segment("sinus", 240.0, 70)], leads=("I", "II")))
    judge, sizes = RhythmJudge(("I", "II")), []
    for certain in range(500, len(trace), 500):
        low, high = np.searchsorted(rows, (certain - 500, certain))
        judge.push(rows[low:high], symbols[low:high], trace[:certain], 0, certain)
        sizes.append(len(pickle.dumps(judge)))
        assert certain - judge.needs_from <= 1000
    assert max(sizes[20:]) < 1.2 * max(sizes[10:20])


def test_where_nothing_can_be_read_nothing_is_said(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 300, (3000, 1)).astype(np.int16)
    rows = np.sort(rng.choice(3000, 40, replace=False)).astype(np.int64)
    said = RhythmJudge(("I",)).push(rows, "N" * 40, noise, 0, 3000, final=True)
    assert {verdict.rhythm for verdict in said} == {"undetermined"}
    empty = RhythmJudge(("I",)).push(rows[:0], "", np.zeros((3000, 1), dtype=np.int16), 0, 3000, final=True)
    assert {verdict.rhythm for verdict in empty} == {"undetermined"}


def test_an_unreadable_stretch_has_no_rhythm(rng: np.random.Generator) -> None:
    rows, symbols, trace = table(twelve_lead(rng, [Segment("sinus", 60.0, 70)]))
    judge = RhythmJudge(STANDARD_LEADS)
    said = judge.push(rows, symbols, trace, 0, len(trace), final=True, unreadable=[(2000, 3000)])
    assert [verdict.rhythm for verdict in said[4:6]] == ["undetermined"] * 2
    assert said[2].rhythm == "sinus"


@pytest.mark.parametrize("seconds", [0, 0.3, 2, 7.5])
def test_short_recordings_are_survived(seconds: float, rng: np.random.Generator) -> None:
    trace = rng.normal(0, 50, (round(100 * seconds), 2)).astype(np.int16)
    rows = np.arange(40, len(trace), 80)
    said = RhythmJudge(("I", "II")).push(rows, "N" * len(rows), trace, 0, len(trace), final=True)
    assert sum(verdict.end - verdict.first for verdict in said) == len(trace)


@pytest.mark.parametrize(
    ("name", "rhythms"),
    [
        ("mitdb/101", {"sinus", "sinus_arrhythmia"}),
        ("mitdb/119", {"sinus", "sinus_arrhythmia", "sinus_brady"}),
        ("mitdb/203", {"af", "afl"}),
        ("cpsc2021/data_8_3", {"af"}),
    ],
)
def test_real_rhythms_are_named(data: Path, name: str, rhythms: set[str]) -> None:
    recording = ecg.read(data / name, end=90 * (360 if "mitdb" in name else 200))
    beats = ecg.analyze(recording).beats
    rows = row_of(np.array([beat.sample for beat in beats], dtype=np.int64), recording.fs)
    trace = trace_of(recording.signal_uv, recording.fs)
    symbols = "".join(beat.symbol for beat in beats)
    said = RhythmJudge(recording.leads).push(rows, symbols, trace, 0, len(trace), final=True)
    assert {verdict.rhythm for verdict in said} <= rhythms


def test_atrial_fibrillation_and_flutter_on_twelve_leads(data: Path) -> None:
    said = {}
    for name in ("44", "38", "52", "15", "4"):
        recording = ecg.read(data / "ludb" / name)
        beats = ecg.analyze(recording).beats
        rows = row_of(np.array([beat.sample for beat in beats], dtype=np.int64), recording.fs)
        trace = trace_of(recording.signal_uv, recording.fs)
        symbols = "".join(beat.symbol for beat in beats)
        said[name] = main(RhythmJudge(recording.leads).push(rows, symbols, trace, 0, len(trace), final=True))
    assert said == {"44": "af", "38": "af", "52": "afl", "15": "sinus", "4": "sinus"}
