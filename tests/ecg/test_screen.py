"""The class of a short strip: drawn rhythms, noise, lengths, and real strips."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg import synth_blocks
from ecg.record import Recording
from ecg.results import Screen
from ecg.rhythm.screen import CLASSES, screen
from ecg.rhythm.screen_features import SCREEN_NAMES, strip_row
from ecg.signal.trace import row_of, trace_of
from ecg.synth import Segment, Synthetic, twelve_lead

STRIPS_OF_A_CLASS = 12


def screened(drawn: Synthetic) -> Screen | None:
    recording = drawn.recording
    rows = row_of(np.array([beat.sample for beat in drawn.beats], dtype=np.int64), recording.fs)
    trace = trace_of(recording.signal_uv, recording.fs)
    return screen(trace, rows, "".join(beat.symbol for beat in drawn.beats), recording.leads)


@pytest.mark.parametrize(
    ("segment", "class_"),
    [
        (Segment("sinus", 30.0, 72), "N"),
        (Segment("af", 30.0, 95), "A"),
        (Segment("sinus", 30.0, 72, pvc_at=(4, 9, 16, 22, 28)), "O"),
        (Segment("svt", 30.0, 180), "O"),
    ],
)
def test_drawn_strips_get_their_class(segment: Segment, class_: str, rng: np.random.Generator) -> None:
    found = screened(twelve_lead(rng, [segment], leads=("I",), noise_uv=20.0))
    assert found is not None
    assert found.class_ == class_
    assert found.class_ == max(found.scores, key=lambda name: found.scores[name])


def test_sinus_arrhythmia_with_clear_p_waves_is_not_fibrillation(rng: np.random.Generator) -> None:
    found = screened(synth_blocks.EXAMPLES["sinus_arrhythmia"](rng))
    assert found is not None
    assert found.class_ in ("N", "O")


def test_noise_is_noise(rng: np.random.Generator) -> None:
    wander = np.cumsum(rng.normal(0, 90, 3000))
    wander = wander - np.convolve(wander, np.ones(101) / 101, mode="same")
    noise = (wander + rng.normal(0, 120, 3000)).astype(np.int16)[:, None]
    rows = np.sort(rng.choice(np.arange(50, 2950), 45, replace=False)).astype(np.int64)
    found = screen(noise, rows, "N" * len(rows), ("I",))
    assert found is not None
    assert found.class_ == "~"


def test_the_scores_add_up_and_become_json(rng: np.random.Generator) -> None:
    found = screened(twelve_lead(rng, [Segment("sinus", 20.0, 80)]))
    assert found is not None
    assert set(found.scores) == set(CLASSES)
    assert sum(found.scores.values()) == pytest.approx(1.0, abs=0.003)
    assert json.loads(json.dumps(found.to_json())) == {"class": found.class_, "scores": dict(found.scores)}


@pytest.mark.parametrize(("seconds", "given"), [(7.9, False), (8.0, True), (70.0, True), (70.1, False)])
def test_only_strips_of_8_to_70_s_are_screened(seconds: float, given: bool, rng: np.random.Generator) -> None:
    found = screened(twelve_lead(rng, [Segment("sinus", seconds, 70)], leads=("II",), fs=200.0))
    assert (found is not None) is given


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_strips_with_hardly_a_beat_are_survived(count: int, rng: np.random.Generator) -> None:
    trace = rng.normal(0, 20, (1000, 1)).astype(np.int16)
    rows = np.arange(100, 1000, 300)[:count]
    assert strip_row(trace, rows, "N" * count).shape == (len(SCREEN_NAMES),)
    assert screen(trace, rows, "N" * count, ("I",)) is not None


def test_lead_one_decides_where_there_is_one(rng: np.random.Generator) -> None:
    drawn = twelve_lead(rng, [Segment("sinus", 12.0, 70)])
    alone = Recording(fs=drawn.recording.fs, leads=("I",), signal_uv=drawn.recording.signal_uv[:, :1])
    assert screened(drawn) == screened(Synthetic(alone, drawn.beats, drawn.episodes))


def test_real_strips_are_mostly_right(data: Path) -> None:
    """A floor, on strips that the model has seen: that features, beats and weights still belong together."""
    import wfdb

    folder = data / "cinc2017"
    right = dict.fromkeys("NAO~", 0)
    blocks: dict[str, np.ndarray] = {}
    seen = dict.fromkeys("NAO~", 0)
    for row in csv.DictReader((folder / "index.csv").open(encoding="utf-8")):
        label = row["label"]
        if row["block"] != "b05" or seen[label] >= STRIPS_OF_A_CLASS:
            continue
        seen[label] += 1
        if not blocks:
            blocks["b05"] = wfdb.rdrecord(str(folder / "b05")).p_signal
        first = int(row["start"])
        signal = (blocks["b05"][first : first + int(row["length"]), :1] * 1000).astype(np.float32)
        recording = Recording(fs=300.0, leads=("I",), signal_uv=signal)
        beats = ecg.analyze(recording).beats
        rows = row_of(np.array([beat.sample for beat in beats], dtype=np.int64), 300.0)
        found = screen(trace_of(signal, 300.0), rows, "".join(beat.symbol for beat in beats), ("I",))
        right[label] += found is not None and found.class_ == label
    assert sum(right.values()) >= 0.8 * sum(seen.values())
    assert right["A"] >= 0.75 * seen["A"]
