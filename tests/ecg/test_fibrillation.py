"""Fibrillation and flutter: what is called so, what is not, and since when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg.results import Episode
from ecg.rhythm import fibrillation
from ecg.rhythm.fibrillation import CELLS, LAGS, STEP, WINDOW, FibrillationWatch, Window, judge, repetition, together
from ecg.rhythm.watch import Found
from ecg.stream import Core
from ecg.synth import Segment, twelve_lead

SURE = fibrillation.SURELY


def episodes(recording: ecg.Recording) -> list[Episode]:
    core = Core(recording.fs, recording.leads)
    items = (*core.feed(recording.signal_uv), *core.finish())
    return [item for item in items if isinstance(item, Episode)]


def storms(recording: ecg.Recording) -> list[Episode]:
    return [episode for episode in episodes(recording) if episode.rhythm in ("vf", "vfl")]


def told(windows: list[Window]) -> list[Found]:
    watch = FibrillationWatch(100.0)
    found = [item for number, one in enumerate(windows) for item in watch.window(number * STEP, one)]
    return [*found, *watch.finish()]


def seen(looks: int, bpm: int = 0, repeats: int = 0) -> Window:
    return Window(looks, bpm, repeats, 0, WINDOW)


BEATS, NOT_READ = seen(-8000), seen(fibrillation.NOTHING)


def test_one_sure_window_is_told_and_an_unsure_one_waits_for_a_second() -> None:
    assert [e.rhythm for e in told([BEATS, seen(SURE), *[BEATS] * 4]) if isinstance(e, Episode)] == ["vf"]
    assert told([BEATS, seen(1600), *[BEATS] * 4]) == []
    assert told([BEATS, seen(100), seen(100), *[BEATS] * 4]) == []
    assert [e for e in told([seen(1600), BEATS, seen(1600), *[BEATS] * 4]) if isinstance(e, Episode)] == [
        Episode("vf", 0, 2 * STEP + WINDOW)
    ]


def test_a_shock_does_not_end_it_and_beats_do() -> None:
    lasts = [seen(SURE), *[NOT_READ] * 4, seen(SURE), *[BEATS] * 3]
    assert [e for e in told(lasts) if isinstance(e, Episode)] == [Episode("vf", 0, 5 * STEP + WINDOW)]
    ends = [seen(SURE), *[BEATS] * 3, seen(SURE)]
    assert len([e for e in told(ends) if isinstance(e, Episode)]) == 2


def test_what_keeps_time_is_flutter_and_slower_tachycardia() -> None:
    names = [[e.rhythm for e in told([seen(SURE, bpm, 900)] * 5) if isinstance(e, Episode)] for bpm in (150, 220, 300)]
    assert names == [["vt"], ["vfl"], ["vf"]]


def test_tachycardia_that_loses_its_time_becomes_fibrillation() -> None:
    windows = [*[seen(SURE, 160, 900)] * 4, *[seen(SURE)] * 4]
    assert [e.rhythm for e in told(windows) if isinstance(e, Episode)] == ["vt", "vf"]


def test_two_leads_must_look_like_it_and_a_lone_one_more_so() -> None:
    found = fibrillation.Verdicts(
        np.array([[SURE, -SURE], [SURE, SURE], [500, 500]], dtype=np.int32), *np.zeros((3, 3, 2), dtype=np.int32)
    )
    milli = np.full(CELLS + 2 * STEP // 4, -4000, dtype=np.int32)
    both = np.ones((3, 2), dtype=bool)
    assert [one.sine for one in together(found, both, milli)] == [False, True, True]
    alone = both & np.array([True, False])
    assert [one.looks for one in together(found, alone, milli)] == [SURE - 1000, SURE - 1000, -500]
    assert not any(one.readable for one in together(found, ~both, milli))


def test_it_begins_after_the_last_beat_before_it() -> None:
    found = fibrillation.Verdicts(np.full((1, 1), SURE, dtype=np.int32), *np.zeros((3, 1, 1), dtype=np.int32))
    milli = np.full(CELLS, -3000, dtype=np.int32)
    milli[[5, 25]] = 4000
    [one] = together(found, np.ones((1, 1), dtype=bool), milli)
    assert (one.since, one.until) == (25 * 4 + fibrillation.AFTER_BEAT, WINDOW)


def test_the_period_of_a_sine() -> None:
    rows = np.arange(WINDOW)
    for lag in LAGS[2:-2:4].tolist():
        sine = np.rint(800 * np.sin(2 * np.pi * rows / lag)).astype(np.int32)
        repeats, found = repetition(sine[None])
        assert repeats[0] > 950
        assert abs(int(found[0]) - lag) <= 2


def test_windows_are_judged_the_same_one_by_one(real: Callable[[str], ecg.Recording], data: Path) -> None:
    rng = np.random.default_rng(4)
    trace = np.rint(600 * np.sin(np.arange(3000) / 3.1)[:, None] + 90 * rng.standard_normal((3000, 2))).astype(np.int16)
    milli = rng.integers(-4500, -2500, 750).astype(np.int32)
    whole = judge(trace, milli)
    assert (whole.looks > 0).any()
    for number in range(len(whole.looks)):
        one = judge(trace[number * STEP :][:WINDOW], milli[number * STEP // 4 :][:CELLS])
        assert (one.looks[0] == whole.looks[number]).all()
        assert (one.lag[0] == whole.lag[number]).all()


def test_the_fibrillation_of_cu01_is_found_from_its_onset_to_the_end(data: Path) -> None:
    fs = 250.0
    recording = ecg.read(data / "cudb" / "cu01", first=round(180 * fs), end=round(330 * fs))
    [storm] = storms(recording)
    assert storm.rhythm == "vf"
    assert abs(storm.first / fs + 180 - 214.2) < 1.5
    assert storm.end >= len(recording.signal_uv) - 2 * fs


def test_the_flutter_of_207_is_found_and_its_ectopy_is_not(data: Path) -> None:
    fs = 360.0
    recording = ecg.read(data / "mitdb" / "207", first=round(225 * fs), end=round(330 * fs))
    found = [(storm.first / fs + 225, storm.end / fs + 225) for storm in storms(recording)]
    for first, end in ((242.1, 246.4), (247.9, 261.5), (269.5, 280.9)):
        assert any(a < end and b > first for a, b in found)
    assert all(a > 241 and b < 284 for a, b in found)


@pytest.mark.parametrize("noise", ["em", "ma"])
def test_noise_alone_and_on_beats_is_none(noise: str, data: Path) -> None:
    extra = ecg.formats.read_channels(data / "nstdb" / noise)
    count = round(60 * extra.fs)
    part = extra.signal_uv[2 * count : 3 * count] - extra.signal_uv[2 * count : 3 * count].mean(axis=0)
    drawn = twelve_lead(np.random.default_rng(2), [Segment("sinus", 60.0, 75)], fs=extra.fs, leads=("II", "V5"))
    for signal in (part, drawn.recording.signal_uv + part):
        assert storms(ecg.Recording(extra.fs, ("II", "V5"), signal.astype(np.float32))) == []


@pytest.mark.parametrize(("kind", "rate"), [("svt", 200), ("af", 150), ("paced", 90), ("afl", 75)])
def test_other_rhythms_are_none(kind: str, rate: float) -> None:
    segment = Segment(kind, 20.0, rate)  # type: ignore[arg-type]  # the four are kinds
    assert storms(twelve_lead(np.random.default_rng(6), [segment], fs=250.0, leads=("II", "V1")).recording) == []
