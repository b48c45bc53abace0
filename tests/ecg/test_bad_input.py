"""Whatever comes in: a typed refusal or an honest abstention, never a crash and never a page for nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecg
from ecg import codes
from ecg.synth import Segment, twelve_lead

KINDS = ("clean", "nan", "gaps", "flat", "saturated", "noise", "huge", "zero_lead", "steps")


def damaged(kind: str, fs: float, seconds: float, leads: int, seed: int) -> ecg.Recording:
    rng = np.random.default_rng(seed)
    names = ecg.STANDARD_LEADS[:leads]
    signal = twelve_lead(rng, [Segment("sinus", seconds, 75)], fs=fs, leads=names).recording.signal_uv.copy()
    at = rng.integers(0, max(1, len(signal)))
    match kind:
        case "nan":
            signal[:] = np.nan
        case "gaps":
            signal[at : at + round(fs)] = np.nan
            signal[:, 0] = np.nan
        case "flat":
            signal[:] = rng.integers(-1000, 1000)
        case "saturated":
            signal[at:] = -80_000.0
        case "noise":
            signal += 3000 * rng.standard_normal(signal.shape).astype(np.float32)
        case "huge":
            signal *= 1e4
        case "zero_lead":
            signal[:, rng.integers(0, leads)] = 0
        case "steps":
            signal[at:] += 50_000
        case _:
            pass
    return ecg.Recording(fs, names, signal)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    fs=st.sampled_from([100.0, 125.0, 173.3, 250.0, 360.0, 500.0, 1000.0, 2000.0]),
    seconds=st.sampled_from([0.0, 0.1, 0.4, 1.0, 3.0, 7.3]),
    leads=st.sampled_from([1, 2, 3, 12]),
    seed=st.integers(0, 1000),
)
def test_anything_is_answered(kind: str, fs: float, seconds: float, leads: int, seed: int) -> None:
    analysis = ecg.analyze(damaged(kind, fs, seconds, leads, seed))
    text = json.dumps(analysis.to_json(), allow_nan=False)
    assert json.loads(text)["leads"] == list(analysis.leads)
    for finding in analysis.findings:
        assert finding.code in codes.findings()
        assert 0 <= finding.first <= finding.end <= analysis.samples
    assert list(analysis.beats) == sorted(analysis.beats, key=lambda beat: beat.sample)
    assert all(0 <= beat.sample < analysis.samples for beat in analysis.beats)


@pytest.mark.parametrize("kind", ["nan", "flat", "saturated"])
def test_without_a_signal_nothing_is_said_of_the_heart(kind: str) -> None:
    recording = damaged(kind, 500.0, 10.0, 12, 1)
    if kind == "saturated":
        recording = ecg.Recording(500.0, recording.leads, np.full_like(recording.signal_uv, -80_000))
    analysis = ecg.analyze(recording)
    assert {finding.code for finding in analysis.findings} == {"NO_SIGNAL"}
    assert analysis.machine_grade is None
    assert analysis.beats == ()
    assert analysis.measurements.vent_rate_bpm is None


def test_noise_alone_pages_nobody() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        signal = (300 * rng.standard_normal((5000, 12))).astype(np.float32)
        analysis = ecg.analyze(ecg.Recording(500.0, ecg.STANDARD_LEADS, signal))
        assert analysis.machine_grade is None
        assert not analysis.quality.acceptable


def test_a_gap_in_the_signal_is_no_asystole_and_no_pause() -> None:
    rng = np.random.default_rng(2)
    signal = twelve_lead(rng, [Segment("sinus", 20.0, 70)]).recording.signal_uv.copy()
    signal[4000:7000] = np.nan
    analysis = ecg.analyze(ecg.Recording(500.0, ecg.STANDARD_LEADS, signal))
    assert analysis.machine_grade is None
    assert analysis.measurements.vent_rate_bpm == pytest.approx(70, abs=1.5)
    assert not {"pause", "asystole"} & {episode.rhythm for episode in analysis.episodes}


def test_one_lead_still_gives_beats_and_rhythm_but_no_st_rule() -> None:
    rng = np.random.default_rng(3)
    script = [Segment("sinus", 10.0, 70, st_uv={"V2": 500.0})]
    analysis = ecg.analyze(twelve_lead(rng, script, leads=("V2",)).recording)
    assert len(analysis.beats) == 12
    assert analysis.machine_grade is None


@pytest.mark.parametrize(
    ("fs", "leads", "signal"),
    [
        (50.0, ("I",), np.zeros((10, 1), dtype=np.float32)),
        (500.0, ("I", "II"), np.zeros((10, 1), dtype=np.float32)),
        (500.0, ("I", "I"), np.zeros((10, 2), dtype=np.float32)),
        (500.0, ("I",), np.zeros(10, dtype=np.float32)),
    ],
)
def test_what_is_no_recording_is_refused(fs: float, leads: tuple[str, ...], signal: np.ndarray) -> None:
    with pytest.raises(ecg.EcgError):
        ecg.Recording(fs, leads, signal)
