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

KINDS = (
    "clean",
    "nan",
    "gaps",
    "flat",
    "saturated",
    "noise",
    "huge",
    "tiny",
    "zero_lead",
    "steps",
    "infinite",
    "clipped",
    "inverted",
    "hum",
    "offset",
    "copies",
    "few",
)
HEARTLESS = {"LEAD_OFF", "NO_SIGNAL", "UNREADABLE", "POOR_QUALITY", "ARTIFACT"}  # what may be said without a heart


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
        case "tiny":
            signal /= 1e3
        case "infinite":
            signal[at : at + round(0.1 * fs)] = rng.choice([np.inf, -np.inf])
        case "clipped":
            np.clip(signal, -200, 200, out=signal)
        case "inverted":
            signal *= -1
        case "hum":
            signal += hum(len(signal), fs, rng.uniform(100, 5000))
        case "offset":
            signal += 300_000
        case "copies":
            signal[:] = signal[:, :1]
        case "few":
            signal = signal[: rng.integers(0, 3)]
        case _:
            pass
    return ecg.Recording(fs, names, signal)


def hum(samples: int, fs: float, uv: float, hz: float = 50.0) -> np.ndarray:
    """Mains as a column, of this amplitude."""
    return np.asarray(uv * np.sin(2 * np.pi * hz * np.arange(samples) / fs), dtype=np.float32)[:, None]


def twelve(signal: np.ndarray) -> ecg.Analysis:
    return ecg.analyze(ecg.Recording(500.0, ecg.STANDARD_LEADS, signal.astype(np.float32)))


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    fs=st.sampled_from([100.0, 125.0, 173.3, 250.0, 257.0, 360.0, 500.0, 1000.0, 2000.0]),
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


@pytest.mark.parametrize("uv", [100.0, 1000.0, 5000.0])
@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_hum_alone_is_no_rhythm(uv: float, hz: float) -> None:
    rng = np.random.default_rng(6)
    found = twelve(hum(5000, 500.0, uv, hz) + 5 * rng.standard_normal((5000, 12)))
    assert found.machine_grade is None
    assert not found.quality.acceptable


def test_an_ecg_under_hum_keeps_its_beats_and_pages_nobody() -> None:
    whole = damaged("clean", 500.0, 10.0, 12, 5)
    for uv in (100.0, 500.0, 1000.0):
        found = twelve(whole.signal_uv + hum(5000, 500.0, uv))
        assert len(found.beats) == pytest.approx(12, abs=1)
        assert found.machine_grade is None
        assert set(found.quality.reasons.values()) == {"mains"}


def test_hum_and_loose_electrodes_are_no_arrest() -> None:
    rng = np.random.default_rng(7)
    signal = 3 * rng.standard_normal((5000, 12)) + hum(5000, 500.0, 300.0)
    signal[:, 3:] = 0
    found = twelve(signal)
    assert found.machine_grade is None
    assert {finding.code for finding in found.findings} <= HEARTLESS


@pytest.mark.parametrize(("factor", "name"), [(1e-3, "millivolts taken for microvolts"), (1e3, "a thousand times")])
def test_a_wrong_unit_is_no_heart(factor: float, name: str) -> None:
    found = twelve(damaged("clean", 500.0, 10.0, 12, 9).signal_uv * np.float32(factor))
    assert found.machine_grade is None, name
    assert {finding.code for finding in found.findings} <= HEARTLESS, name
    assert set(found.quality.reasons.values()) == {"scale"}


def test_an_offset_of_the_electrodes_changes_nothing() -> None:
    whole = damaged("clean", 500.0, 10.0, 12, 9)
    plain, lifted = twelve(whole.signal_uv), twelve(whole.signal_uv + 300_000)
    assert [beat.sample for beat in lifted.beats] == pytest.approx([beat.sample for beat in plain.beats], abs=2)
    assert lifted.machine_grade is None


def test_reversed_polarity_keeps_the_rhythm_and_pages_nobody() -> None:
    whole = damaged("clean", 500.0, 10.0, 12, 9)
    found = twelve(-whole.signal_uv)
    assert len(found.beats) == pytest.approx(12, abs=1)
    assert found.machine_grade is None


@pytest.mark.parametrize(
    "lead", [lead for lead in ecg.STANDARD_LEADS if lead != "aVL"]
)  # its QRS is too small to count
def test_any_lead_alone_gives_a_rate(lead: str) -> None:
    rng = np.random.default_rng(3)
    found = ecg.analyze(twelve_lead(rng, [Segment("sinus", 10.0, 70)], leads=(lead,)).recording)
    assert found.measurements.vent_rate_bpm == pytest.approx(70, abs=3)
    assert found.machine_grade is None


def test_three_seconds_are_enough_for_a_rate_and_too_short_to_page() -> None:
    rng = np.random.default_rng(3)
    found = ecg.analyze(twelve_lead(rng, [Segment("sinus", 3.0, 75)]).recording)
    assert found.machine_grade is None
    assert found.measurements.vent_rate_bpm in (None, pytest.approx(75, abs=5))


@settings(max_examples=15, deadline=None)
@given(
    leads=st.integers(1, 3),
    seconds=st.floats(0.01, 6.0),
    exponent=st.floats(1.5, 7),
    steps=st.lists(st.tuples(st.floats(0, 1), st.sampled_from([np.nan, np.inf, 0.0, 1e6, -1e6, 3e38])), max_size=5),
    seed=st.integers(0, 1000),
)
def test_no_noise_of_any_size_and_shape_is_critical(
    leads: int, seconds: float, exponent: float, steps: list[tuple[float, float]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    signal = (10**exponent * rng.standard_normal((round(seconds * 250), leads))).astype(np.float32)
    for part, value in steps:
        signal[int(part * len(signal)) :, rng.integers(leads)] = value
    found = ecg.analyze(ecg.Recording(250.0, ecg.STANDARD_LEADS[:leads], signal))
    json.dumps(found.to_json(), allow_nan=False)
    assert found.machine_grade != "critical"


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
