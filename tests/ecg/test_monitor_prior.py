"""A live recording's rules know the person's earlier ECG, as those of a stored one do."""

from __future__ import annotations

import numpy as np
import pytest

import ecg
from ecg import synth
from ecg.rules.prior import Prior

SCRIPT = [synth.Segment("avb3", 30.0, rate_bpm=48)]
KNOWN = Prior(frozenset({"AVB_III"}))


@pytest.mark.parametrize("prior", [None, KNOWN])
def test_a_known_block_is_judged_alike_live_and_stored_and_pages_only_when_it_is_new(prior: Prior | None) -> None:
    recording = synth.twelve_lead(np.random.default_rng(5), SCRIPT).recording
    monitor = ecg.Monitor(recording.fs, recording.leads, profile="zhejiang-trial", prior=prior)
    half = len(recording.signal_uv) // 2
    events = list(monitor.feed(recording.signal_uv[:half]))
    monitor = ecg.Monitor.resume(monitor.state)
    events += [*monitor.feed(recording.signal_uv[half:]), *monitor.finish()]
    live = {e.finding.rule for e in events if e.finding is not None and e.finding.code == "AVB_III"}
    stored = ecg.analyze(recording, profile="zhejiang-trial", prior=prior)
    assert live == {f.rule for f in stored.findings if f.code == "AVB_III" and f.rule is not None}
    assert bool(live) is (prior is None)
