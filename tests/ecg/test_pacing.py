"""Pacing spikes: taken out of a whole recording, and what they make of the beats."""

from __future__ import annotations

import numpy as np
import pytest

import ecg
from ecg.signal.pacing import blanked
from ecg.synth import Segment, twelve_lead

FS = 500.0


def spiked(rows: list[int], size_uv: float = 2000.0) -> np.ndarray:
    slow = 200.0 * np.sin(2 * np.pi * np.arange(2000) / FS)
    signal = np.stack([slow, 0.5 * slow, -slow], axis=1).astype(np.float32)
    signal[rows] += size_uv
    return signal


@pytest.mark.parametrize("rows", [[600], [600, 606], [400, 1200]])
def test_spikes_are_taken_out_whole(rows: list[int]) -> None:
    clean, at = blanked(spiked(rows), FS)
    assert at.tolist() == rows
    assert float(np.abs(clean - spiked([])).max()) < 5.0


def test_nothing_is_taken_out_where_there_is_no_spike() -> None:
    clean, at = blanked(spiked([]), FS)
    assert not len(at)
    assert (clean == spiked([])).all()


def test_st_of_a_paced_beat_is_not_measured_against_the_spike(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("paced", 12.0, 60.0)], fs=FS).recording
    beats = [beat.sample for beat in ecg.analyze(made).beats]
    levels = ecg.analyze(made).measurements.st_j_mv
    signal = made.signal_uv.copy()
    for beat in beats:  # a decaying rest, as many recorders leave it
        start = max(0, beat - 60)
        signal[start : start + 4] += 1500.0 * np.exp(-np.arange(4) / 2.0)[: len(signal[start : start + 4]), None]
    analysis = ecg.analyze(ecg.Recording(FS, made.leads, signal, meta=made.meta))
    assert not {"MI_IN_LBBB"} & {finding.code for finding in analysis.findings}
    for lead, level in levels.items():
        assert analysis.measurements.st_j_mv[lead] == pytest.approx(level, abs=0.06), lead


@pytest.mark.parametrize(("gap_s", "fires"), [(1.5, False), (2.6, True)])
def test_a_spike_without_capture_in_a_pause(gap_s: float, fires: bool, rng: np.random.Generator) -> None:
    script = [Segment("paced", 10.0, 60.0), Segment("asystole", gap_s - 1.0), Segment("paced", 10.0, 60.0)]
    made = twelve_lead(rng, script, fs=FS).recording
    beats = [beat.sample for beat in ecg.analyze(made).beats]
    longest = int(np.argmax(np.diff(beats)))
    for spike in (False, True):
        signal = made.signal_uv.copy()
        signal[(beats[longest] + beats[longest + 1]) // 2] += 2000.0 if spike else 0.0
        fired = {f.rule for f in ecg.analyze(ecg.Recording(FS, made.leads, signal, meta=made.meta)).findings}
        assert ("tech.pacer_fail" in fired) == (fires and spike)
