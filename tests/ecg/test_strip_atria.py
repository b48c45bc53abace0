"""Flutter and fibrillation that only all leads of a stored strip show; drawn ones, and real ones of the open sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg.results import Episode
from ecg.rhythm.atria import is_ectopic, kinds_of
from ecg.rhythm.fibrillation import WINDOW, twisting
from ecg.rhythm.strip_atria import LEADS_MIN, Strip, has_flutter, strip_rhythms
from ecg.signal.trace import RATE, row_of, trace_of
from ecg.synth import Segment, Synthetic, twelve_lead


def strip_of(drawn: Synthetic) -> Strip:
    rows = row_of(np.array([beat.sample for beat in drawn.beats], dtype=np.int64), drawn.recording.fs)
    symbols = "".join(beat.symbol for beat in drawn.beats)
    trace = trace_of(drawn.recording.signal_uv, drawn.recording.fs).astype(np.float64)
    return Strip(trace, rows, is_ectopic(kinds_of(symbols)))


@pytest.mark.parametrize(
    ("segment", "flutters"),
    [
        (Segment("afl", 10.0, 88), True),
        (Segment("afl", 10.0, 66), True),
        (Segment("sinus", 10.0, 75), False),
        (Segment("sinus", 10.0, 104), False),
        (Segment("sinus", 10.0, 130), False),
        (Segment("sinus", 10.0, 75, pvc_at=(3, 7)), False),
        (Segment("af", 10.0, 95), False),
        (Segment("junctional", 10.0, 60), False),
    ],
)
def test_waves_that_keep_time_are_flutter(segment: Segment, flutters: bool, rng: np.random.Generator) -> None:
    assert has_flutter(strip_of(twelve_lead(rng, [segment]))) is flutters


def test_only_strips_of_many_leads_are_asked(rng: np.random.Generator) -> None:
    drawn = twelve_lead(rng, [Segment("afl", 10.0, 88)])
    strip, recording = strip_of(drawn), drawn.recording
    trace = trace_of(recording.signal_uv, recording.fs)
    sinus = (Episode("sinus", 0, 5000),)
    symbols = "N" * len(strip.rows)
    told = strip_rhythms(trace, recording.leads, strip.rows, symbols, sinus)
    assert told == (Episode("afl", 0, 5000),)
    few = trace[:, : LEADS_MIN - 1], recording.leads[: LEADS_MIN - 1]
    assert strip_rhythms(*few, strip.rows, symbols, sinus) is None
    assert strip_rhythms(trace[: 5 * RATE], recording.leads, strip.rows, symbols, sinus) is None
    assert strip_rhythms(trace, recording.leads, strip.rows[:3], "NNN", sinus) is None
    assert strip_rhythms(trace, recording.leads, strip.rows, symbols, (Episode("vt", 0, 5000),)) is None


@pytest.mark.parametrize(
    ("name", "rhythms"),
    [
        ("ludb/52", {"afl"}),
        ("cinc2021/Q0096", {"afl"}),  # four to one
        ("cinc2021/JS09740", {"afl"}),  # two to one
        ("cinc2021/E00007", {"af", "afl"}),  # labelled both
        ("ludb/93", {"paced", "af"}),
        ("ludb/104", {"paced"}),  # P waves before the spikes
        ("cinc2021/E07517", {"sinus_tachy"}),
    ],
)
def test_real_strips(data: Path, name: str, rhythms: set[str]) -> None:
    assert {episode.rhythm for episode in ecg.analyze(ecg.read(data / name)).episodes} == rhythms


def test_what_only_the_strip_tells_is_judged_too(data: Path) -> None:
    found = ecg.analyze(ecg.read(data / "cinc2021/Q0096")).findings
    assert "AFLUTTER" in {finding.code for finding in found}
    assert any(finding.rule for finding in found if finding.code == "AFLUTTER")


@pytest.mark.parametrize(("kind", "turns"), [("tdp", True), ("vf", False), ("vfl", False), ("vt", False)])
def test_torsades_turn_about_the_baseline(kind: str, turns: bool, rng: np.random.Generator) -> None:
    drawn = twelve_lead(rng, [Segment(kind, 5.0, 230)], fs=250.0)  # type: ignore[arg-type]  # a kind by name
    trace = trace_of(drawn.recording.signal_uv, 250.0)[:WINDOW].T.astype(np.int32)
    level = np.rint(trace.mean(axis=1, keepdims=True)).astype(np.int32)
    assert bool(np.count_nonzero(twisting(trace - level)) >= 2) is turns
