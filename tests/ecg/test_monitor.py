"""The live monitor says what the batch says, however the samples are cut, and says what is critical in time."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ecg
from ecg import synth
from ecg.analysis import joined, once
from ecg.monitor import Monitor, MonitorEvent
from ecg.packing import freeze, thaw
from ecg.rhythm.base_watch import ATRIAL
from ecg.stream import Core
from ecg.synth import Segment, twelve_lead


def mixed() -> ecg.Recording:
    """Everything in twenty-six seconds, on three leads at 250 Hz: sinus, ectopy, VT, a pause, a lost lead, NaN."""
    script = [
        Segment("sinus", 8.0, 72, pvc_at=(4,), pac_at=(7,)),
        Segment("vt", 4.0, 170),
        Segment("sinus", 4.0, 70),
        Segment("asystole", 4.5),
        Segment("af", 5.5, 110),
    ]
    rng = np.random.default_rng(5)
    made = twelve_lead(rng, script, fs=250.0, leads=("II", "V1", "V5"), off={"V1": (15.0, 17.0)})
    signal = made.recording.signal_uv.copy()
    signal[1000:1060, 0] = np.nan
    return ecg.Recording(250.0, made.recording.leads, signal)


MIXED = mixed()
WHOLE = ecg.analyze(MIXED)


def watched(recording: ecg.Recording, sizes: Sequence[int], rest: int = 125) -> tuple[MonitorEvent, ...]:
    """All events when the samples come in chunks of `sizes`, then of `rest`."""
    monitor, at = Monitor(recording.fs, recording.leads, meta=recording.meta), 0
    events: list[MonitorEvent] = []
    for size in sizes:
        events += monitor.feed(recording.signal_uv[at : at + size])
        at += size
    for start in range(at, len(recording.signal_uv), rest):
        events += monitor.feed(recording.signal_uv[start : start + rest])
    return (*events, *monitor.finish())


def by_subject(events: Sequence[MonitorEvent]) -> dict[str, list[MonitorEvent]]:
    """The events of each subject in the order in which they were told; between subjects there is no order."""
    told: dict[str, list[MonitorEvent]] = {}
    for event in events:
        subject: str = event.kind
        if event.finding is not None:
            subject = f"{event.finding.rule} at {event.finding.first}"
        elif event.episode is not None and event.kind == "episode":
            subject = event.episode.rhythm
        told.setdefault(subject, []).append(event)
    return told


ALL_AT_ONCE = watched(MIXED, (), rest=len(MIXED.signal_uv))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.one_of(st.integers(0, 3), st.integers(0, 700)), max_size=60),
    rest=st.sampled_from([1000, 125, 77]),
)
def test_the_monitor_says_the_same_however_the_samples_are_cut(sizes: list[int], rest: int) -> None:
    assert by_subject(watched(MIXED, sizes, rest)) == by_subject(ALL_AT_ONCE)


def test_sample_by_sample_is_the_same_too() -> None:
    short = ecg.Recording(MIXED.fs, MIXED.leads, MIXED.signal_uv[:2600])
    assert by_subject(watched(short, (), rest=1)) == by_subject(watched(short, (), rest=2600))


def test_beats_rhythms_and_critical_findings_are_those_of_the_batch() -> None:
    assert tuple(event.beat for event in ALL_AT_ONCE if event.beat) == WHOLE.beats
    episodes = [event.episode for event in ALL_AT_ONCE if event.kind == "episode" and event.episode]
    assert sorted(joined(episodes), key=repr) == sorted(WHOLE.episodes, key=repr)
    settled = once(event.finding for event in ALL_AT_ONCE if event.kind == "settled" and event.finding)
    assert list(settled) == [
        finding for finding in WHOLE.findings if finding.rule and not finding.rule.startswith(("st.", "other."))
    ]
    assert {"tachy.vt", "brady.pause", "brady.asystole"} <= {finding.rule for finding in settled if finding}


def test_whatever_settles_as_critical_was_raised_before() -> None:
    raised: set[tuple[str | None, int]] = set()
    for event in ALL_AT_ONCE:
        if event.finding is None:
            continue
        key = (event.finding.rule, event.finding.first)
        if event.kind == "finding":
            assert key not in raised
            raised.add(key)
        else:
            assert key in raised


@pytest.mark.parametrize("name", ["ludb/62", "ludb/101", "ludb/74", "ludb/125", "cinc2021/JS45542", "cinc2021/JS45543"])
def test_live_equals_batch_on_real_recordings(name: str, real: Callable[[str], ecg.Recording]) -> None:
    recording = real(name)
    analysis = ecg.analyze(recording)
    live = watched(recording, (), rest=round(0.3 * recording.fs))
    assert tuple(event.beat for event in live if event.beat) == analysis.beats
    settled = [event.finding for event in live if event.kind == "settled"]
    # What only all leads of a stored strip tell of the atria is the analysis' own.
    atrial = () if any(e.rhythm in ATRIAL for e in ecg.annotate(recording).episodes) else ("rhythm.af", "rhythm.afl")
    assert settled == [f for f in analysis.findings if f.rule and not f.rule.startswith(("st.", "other.", *atrial))]


def heard_after_s(script: list[Segment], onset_s: float, rule: str, fs: float = 500.0) -> float:
    """Seconds from the onset until the monitor, fed in tenths of a second, raises the rule."""
    recording = twelve_lead(np.random.default_rng(11), script, fs=fs).recording
    monitor, step = Monitor(fs, recording.leads), round(0.1 * fs)
    for start in range(0, len(recording.signal_uv), step):
        for event in monitor.feed(recording.signal_uv[start : start + step]):
            if event.kind == "finding" and event.finding is not None and event.finding.rule == rule:
                return (start + step) / fs - onset_s
    raise AssertionError(f"{rule} was never raised")


@pytest.mark.parametrize(
    ("kind", "rate", "rule"),
    [("vf", 300, "tachy.vf"), ("vt", 180, "tachy.vt"), ("asystole", 60, "brady.asystole"), ("svt", 210, "tachy.svt")],
)
def test_a_critical_rhythm_is_reported_within_ten_seconds_of_its_onset(
    kind: synth.Kind, rate: float, rule: str
) -> None:
    script = [Segment("sinus", 20.0, 70), Segment(kind, 15.0, rate)]
    assert heard_after_s(script, 20.0, rule) <= 10.0


@pytest.mark.parametrize("rate", [28.0, 30.0, 33.0])
def test_severe_bradycardia_is_reported_with_the_fourth_slow_beat(rate: float) -> None:
    script = [Segment("sinus", 20.0, 70), Segment("sinus", 20.0, rate)]
    assert heard_after_s(script, 20.0, "brady.rate") <= 10.0


def test_a_monitor_goes_on_from_its_state_as_if_nothing_had_happened() -> None:
    first, rest = MIXED.signal_uv[:3111], MIXED.signal_uv[3111:]
    monitor = Monitor(MIXED.fs, MIXED.leads)
    before = monitor.feed(first)
    state = pickle.loads(pickle.dumps(monitor.state))
    monitor.feed(rest)  # the state is a copy: this must not change it
    again = Monitor.resume(state)
    assert by_subject((*before, *again.feed(rest), *again.finish())) == by_subject(ALL_AT_ONCE)


# The largest found: muscle noise (E07508), a thousand samples a second (S0002), motion (1789020).
@pytest.mark.parametrize("name", ["ludb/101", "cinc2021/E07508", "cinc2021/S0002", "cinc2011/1789020"])
def test_the_state_stays_small(name: str, real: Callable[[str], ecg.Recording]) -> None:
    recording = real(name)
    # A little larger each time round, so that no stretch repeats and makes the state small.
    signal = np.concatenate([recording.signal_uv * np.float32(1.04**turn) for turn in range(6)])
    monitor, step = Monitor(recording.fs, recording.leads), round(0.7 * recording.fs)
    sizes = []
    for at, first in enumerate(range(0, len(signal), step)):
        monitor.feed(signal[first : first + step])
        if at % 5 == 4:
            sizes.append(len(pickle.dumps(monitor.state)))
    assert max(sizes) <= 65_536


@given(
    hnp.arrays(
        st.sampled_from(["<i1", "<u1", "<i2", "<i4", "<i8", "<f4", "<f8"]),
        st.tuples(st.integers(0, 40), st.integers(1, 3)),
    )
)
def test_packed_arrays_come_back_to_the_last_bit(values: npt.NDArray[np.number]) -> None:
    back = thaw(freeze({"it": values, "whole": np.rint(values)}))
    assert isinstance(back, dict)
    for given_, came in ((values, back["it"]), (np.rint(values), back["whole"])):
        assert came.dtype == given_.dtype
        assert came.shape == given_.shape
        np.testing.assert_array_equal(came, given_)
        np.testing.assert_array_equal(np.signbit(came[came == 0]), np.signbit(given_[given_ == 0]))


def test_after_its_end_a_monitor_takes_no_more() -> None:
    monitor = Monitor(500.0)
    monitor.finish()
    with pytest.raises(ecg.EcgError):
        monitor.feed(np.zeros((1, 12), dtype=np.float32))


def test_a_monitor_refuses_what_a_recording_would() -> None:
    with pytest.raises(ecg.EcgError):
        Monitor(50.0)
    with pytest.raises(ecg.EcgError):
        Monitor(500.0, ("I", "I"))
    with pytest.raises(ecg.EcgError):
        Monitor(500.0).feed(np.zeros((5, 3), dtype=np.float32))


@pytest.mark.parametrize("fs", [250.0, 257.0])
def test_unreadable_stretches_stand_where_they_are_however_the_samples_are_cut(fs: float) -> None:
    recording = twelve_lead(np.random.default_rng(5), [Segment("sinus", 20.0, 70)], fs=fs, leads=("II", "V1")).recording
    signal = recording.signal_uv.copy()
    signal[round(13 * fs) : round(17 * fs)] = 0.0
    told = []
    for step in (77, len(signal)):
        core = Core(fs, recording.leads)
        for first in range(0, len(signal), step):
            core.feed(signal[first : first + step])
        core.finish()
        told.append(core.tally.dark)
    assert told[0] == told[1]
    assert all(abs(span.first - 13 * fs) <= fs and abs(span.end - 17 * fs) <= 4 * fs for span in told[0])
    assert told[0]
