"""Wave marks: known by construction on synthetic ECGs, sane on real ones, honest where the signal is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg.record import STANDARD_LEADS, Recording
from ecg.results import Beat, LeadMarks, WaveKind, WaveMark
from ecg.synth import EXAMPLES, Segment, Synthetic, twelve_lead
from ecg.trained.conv import conv1d
from ecg.waves import median as waves
from ecg.waves.delineation import delineate
from ecg.waves.net import RATE, resampled

# IEC 60601-2-25 (YY 9706.225), analytic ECGs: permitted mean and sd of the error, ms (K).
PERMITTED_MS = {"p": (10.0, 8.0), "pr": (10.0, 8.0), "qrs": (6.0, 5.0), "qt": (12.0, 10.0)}
ANALYTIC = [  # rate, PR, QRS, QT
    (60.0, 160.0, 90.0, 400.0),
    (60.0, 200.0, 100.0, 420.0),
    (70.0, 140.0, 84.0, 380.0),
    (80.0, 180.0, 110.0, 370.0),
    (50.0, 220.0, 90.0, 440.0),
    (90.0, 150.0, 100.0, 350.0),
]


def marked(recording: Recording) -> tuple[LeadMarks, ...]:
    return delineate(recording, ecg.analyze(recording).beats)


def count(marks: LeadMarks, kind: WaveKind) -> int:
    return sum(wave.kind == kind for wave in marks.waves)


def test_a_convolution_is_numpys_own_correlation(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 2, 41)).astype(np.float32)
    weight = rng.normal(size=(4, 3, 5)).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    for stride, dilation in ((1, 1), (2, 1), (1, 3)):
        spread = np.zeros((4, 3, 4 * dilation + 1))
        spread[:, :, ::dilation] = weight
        want = [
            [bias[o] + sum(np.correlate(np.pad(x[c, b], 2 * dilation), spread[o, c], "valid") for c in range(3))]
            for b in range(2)
            for o in range(4)
        ]
        got = conv1d(x, weight, bias, stride=stride, dilation=dilation)
        expected = np.array(want).reshape(2, 4, 41).transpose(1, 0, 2)[:, :, ::stride]
        assert got == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("fs", [100.0, 250.0, 257.0, 360.0, 1000.0, 2000.0])
def test_resampling_moves_nothing_in_time_and_keeps_size(fs: float) -> None:
    n = np.arange(int(3 * fs))
    slow = np.sin(2 * np.pi * 5 * n / fs).astype(np.float32)[:, None]
    got = resampled(slow, fs)[20:-20, 0]
    want = np.sin(2 * np.pi * 5 * np.arange(20, 20 + len(got)) / RATE)
    assert np.abs(got - want).max() < 0.02


def global_marks(made: Synthetic) -> waves.Marks:
    fs, leads = made.recording.fs, made.recording.leads
    r = np.array([beat.sample for beat in made.beats])
    median = waves.median_beat(made.recording.signal_uv, r, fs, leads)
    assert median is not None
    marks = waves.delineate(median, leads, rr_ms=1000.0 * float(np.median(np.diff(r))) / fs, p_waves=True)
    assert marks is not None
    return marks


@pytest.mark.parametrize("fs", [250.0, 500.0, 1000.0])
def test_global_marks_of_known_ecgs_are_within_the_analytic_tolerances(fs: float, rng: np.random.Generator) -> None:
    errors: dict[str, list[float]] = {name: [] for name in PERMITTED_MS}
    for rate, pr, qrs, qt in ANALYTIC:
        segment = Segment("sinus", 10.0, rate, pr_ms=pr, qrs_ms=qrs, qt_ms=qt)
        marks = global_marks(twelve_lead(rng, [segment], fs=fs, noise_uv=3.0))
        assert marks.p_on is not None
        assert marks.p_off is not None
        assert marks.t_off is not None
        for name, rows, true in (
            ("p", marks.p_off - marks.p_on, 100.0),
            ("pr", marks.qrs_on - marks.p_on, pr),
            ("qrs", marks.qrs_off - marks.qrs_on, qrs),
            ("qt", marks.t_off - marks.qrs_on, qt),
        ):
            errors[name].append(1000.0 * rows / fs - true)
    for name, (mean, sd) in PERMITTED_MS.items():
        assert abs(np.mean(errors[name])) <= mean, (name, errors[name])
        assert np.std(errors[name]) <= sd, (name, errors[name])


def test_every_beat_has_its_three_waves_in_every_lead_in_order(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 65)])
    for lead in marked(made.recording):
        kinds = "".join(wave.kind for wave in lead.waves)
        assert "pNtpNtpNtpNt" in kinds
        edges = [edge for wave in lead.waves for edge in (wave.first, wave.peak, wave.end) if edge is not None]
        assert edges == sorted(edges)


@pytest.mark.parametrize("name", ["af", "afl"])
def test_no_p_is_marked_in_fibrillation_and_flutter(name: str, rng: np.random.Generator) -> None:
    made = EXAMPLES[name](rng)
    for lead in delineate(made.recording, made.beats, made.episodes):
        assert count(lead, "p") == 0


def test_fibrillation_is_mostly_seen_without_being_told(rng: np.random.Generator) -> None:
    made = EXAMPLES["af"](rng)
    for lead in delineate(made.recording, made.beats):
        assert count(lead, "p") <= 0.1 * count(lead, "N")


def test_a_pacing_spike_is_no_part_of_the_qrs(rng: np.random.Generator) -> None:
    made = EXAMPLES["paced"](rng)
    for lead in delineate(made.recording, made.beats):
        starts = {wave.first - beat.sample for wave, beat in zip(_qrs(lead), made.beats, strict=True) if wave.first}
        assert min(starts) * 2 > -100  # ms; the drawn QRS begins 75 ms before its peak, the spike 12 ms earlier


def _qrs(marks: LeadMarks) -> list[WaveMark]:
    return [wave for wave in marks.waves if wave.kind == "N"]


def test_the_same_recording_gives_the_same_marks_and_is_not_written_to(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 70, pvc_at=(4,))])
    before = made.recording.signal_uv.copy()
    assert marked(made.recording) == marked(made.recording)
    assert np.array_equal(before, made.recording.signal_uv)


def test_the_order_and_the_names_of_the_leads_do_not_matter(rng: np.random.Generator) -> None:
    whole = twelve_lead(rng, [Segment("sinus", 10.0, 70)])
    beats = ecg.analyze(whole.recording).beats
    turned = Recording(500.0, tuple(f"X{k}" for k in range(12)), whole.recording.signal_uv[:, ::-1].copy())
    one, other = delineate(whole.recording, beats), delineate(turned, beats)
    for lead, mirror in zip(one, reversed(other), strict=True):
        assert len(lead.waves) == len(mirror.waves)
        for a, b in zip(lead.waves, mirror.waves, strict=True):
            assert abs(a.peak - b.peak) <= 1


def test_one_lead_is_enough(rng: np.random.Generator) -> None:
    whole = twelve_lead(rng, [Segment("sinus", 10.0, 70)])
    alone = Recording(500.0, ("II",), whole.recording.signal_uv[:, 1:2].copy())
    (marks,) = delineate(alone, ecg.analyze(whole.recording).beats)
    assert count(marks, "N") == len(whole.beats)
    assert count(marks, "p") >= len(whole.beats) - 1
    assert count(marks, "t") >= len(whole.beats) - 1


def test_a_lead_that_is_off_or_missing_has_no_marks_there(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 70)], off={"V1": (0, 10)})
    signal = made.recording.signal_uv.copy()
    signal[1000:3000, 1] = np.nan  # II, from 2 to 6 s
    signal[:, 9] = np.nan
    by_lead = {lead.lead: lead for lead in marked(Recording(500.0, STANDARD_LEADS, signal))}
    assert not by_lead["V1"].waves
    assert not by_lead["V4"].waves
    places = [place for wave in by_lead["II"].waves for place in (wave.first, wave.peak, wave.end) if place is not None]
    assert places
    assert not any(1000 <= place < 3000 for place in places)
    assert count(by_lead["V2"], "N") == len(made.beats)


@pytest.mark.parametrize("fs", [100.0, 128.0, 333.0, 2000.0])
@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_short_recordings_at_any_rate_are_marked_as_far_as_they_go(
    fs: float, seconds: float, rng: np.random.Generator
) -> None:
    made = twelve_lead(rng, [Segment("sinus", seconds, 75)], fs=fs)
    beats = tuple(Beat(beat.sample, "N") for beat in made.beats)
    for lead in delineate(made.recording, beats):
        assert count(lead, "N") == len(beats)
        for wave in lead.waves:
            assert all(0 <= place < len(made.recording.signal_uv) for place in (wave.first or 0, wave.peak))


def test_without_beats_there_are_no_marks_and_beats_at_the_very_ends_do_no_harm(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 5.0, 70)])
    assert all(not lead.waves for lead in delineate(made.recording, ()))
    last = len(made.recording.signal_uv) - 1
    for lead in delineate(made.recording, (Beat(0, "N"), Beat(last, "N"))):
        assert count(lead, "N") <= 2
        assert all(0 <= wave.peak <= last for wave in lead.waves)


def test_a_long_recording_is_marked_as_its_parts_are(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 65.0, 70)], leads=("I", "II"))
    (first, second) = delineate(made.recording, made.beats)
    for lead in (first, second):
        assert count(lead, "N") == len(made.beats)
        assert abs(count(lead, "p") - len(made.beats)) <= 1
        starts = [wave.first for wave in lead.waves if wave.kind == "N" and wave.first is not None]
        assert np.std(np.diff(starts)) < 5  # samples: no step where one block follows the next


def test_a_blocked_p_wave_is_marked_too(rng: np.random.Generator) -> None:
    """Two P waves a beat: the slow rhythm's own, and one half way between its beats."""
    slow = twelve_lead(rng, [Segment("sinus", 12.0, 40, qt_ms=400.0)])
    shifted = slow.recording.signal_uv.copy()
    p_rows = np.arange(-100, -45)
    for beat in slow.beats:
        at, to = beat.sample + p_rows, beat.sample + p_rows - 375
        if to[0] >= 0:
            shifted[to] += slow.recording.signal_uv[at]
    for lead in delineate(Recording(500.0, STANDARD_LEADS, shifted), slow.beats)[:2]:
        assert count(lead, "p") >= 1.5 * len(slow.beats)


def test_real_records_are_marked_close_to_the_annotators(data: Path, real: Callable[[str], ecg.Recording]) -> None:
    """A sanity check on records the shipped weights have seen; the honest figures stand in the model card."""
    wfdb = pytest.importorskip("wfdb")
    errors: dict[tuple[str, str], list[int]] = {}
    for name in ("12", "37"):
        recording = real(f"ludb/{name}")
        by_lead = {lead.lead.lower(): lead for lead in marked(recording)}
        for lead in ("ii", "v1", "v5"):
            note = wfdb.rdann(str(data / "ludb" / name), lead)
            for k, (kind, peak) in enumerate(zip(note.symbol, note.sample, strict=True)):
                if kind not in "pNt" or note.symbol[k - 1] != "(" or note.symbol[(k + 1) % len(note.symbol)] != ")":
                    continue
                near = [wave for wave in by_lead[lead].waves if wave.kind == kind and abs(wave.peak - peak) <= 75]
                assert near, (name, lead, kind, peak)
                for edge, mine, theirs in (
                    ("first", near[0].first, note.sample[k - 1]),
                    ("end", near[0].end, note.sample[k + 1]),
                ):
                    if mine is not None:
                        errors.setdefault((kind, edge), []).append(mine - int(theirs))
    for place, values in errors.items():
        assert np.median(np.abs(values)) <= 10, (place, np.median(values))  # samples of 2 ms


def test_the_median_beat_reaches_back_to_a_late_conducted_p(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 60, pr_ms=320)])
    analysis = ecg.analyze(made.recording)
    assert analysis.measurements.pr_ms == pytest.approx(320, abs=20)
    assert analysis.median is not None
    assert analysis.median.r_at == round(waves.BEFORE_S * 500)
