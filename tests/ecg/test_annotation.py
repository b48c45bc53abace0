"""Annotation files: what the tools of the field read back is what the analysis said, in their symbols and notes."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
import wfdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg.annotation import RHYTHM_NOTES, Mark, rhythm_marks, wave_marks
from ecg.formats.annotate import write_annotation
from ecg.paper.words import RHYTHMS
from ecg.results import Beat, Episode, LeadMarks, Span, WaveMark

SCORERS = Path(__file__).resolve().parents[3] / "shared" / "scorers"
END = 10_000
Scorer = Callable[[str], Callable[..., object]]


def notes(*episodes: Episode) -> list[tuple[int, str]]:
    return [(mark.sample, mark.aux) for mark in rhythm_marks((), episodes, (), END) if mark.symbol == "+"]


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Scorer:
    """One function of the judge's scorers, `module.function`. Without them a test is skipped; CI must have them."""
    if not SCORERS.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must read with the scorers, and there are none at {SCORERS}")
        pytest.skip(f"the scorers are not at {SCORERS}")
    monkeypatch.syspath_prepend(str(SCORERS))

    def find(name: str) -> Callable[..., object]:
        module, function = name.split(".")
        found: Callable[..., object] = getattr(importlib.import_module(module), function)
        return found

    return find


marks_of_any_file = st.lists(
    st.builds(
        Mark,
        sample=st.integers(0, 3_000_000),
        symbol=st.sampled_from("NAVFQ/~+[]()pt"),
        aux=st.sampled_from(["", "(N", "(AFIB", "(VFL"]),
        subtype=st.sampled_from([0, 51, 1]),
    ),
    min_size=1,
    max_size=20,
).map(lambda marks: sorted(marks, key=lambda mark: mark.sample))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(marks=marks_of_any_file, fs=st.sampled_from([100.0, 257.5, 360.0, 500.0]))
def test_what_is_written_is_what_wfdb_reads(
    tmp_path_factory: pytest.TempPathFactory, marks: list[Mark], fs: float
) -> None:
    record = tmp_path_factory.mktemp("written") / "r"
    write_annotation(record.with_name("r.xl"), marks, fs)
    got = wfdb.rdann(str(record), "xl")
    rows = zip(got.sample.tolist(), got.symbol, got.aux_note, got.subtype, strict=True)
    assert [Mark(at, symbol, aux, int(sub)) for at, symbol, aux, sub in rows] == marks
    assert got.fs == fs


def test_our_bytes_are_those_of_wfdb_s_own_writer(tmp_path: Path) -> None:
    marks = [Mark(5, "+", "(N"), Mark(100, "N"), Mark(2000, "V"), Mark(2400, "~", subtype=51), Mark(90_000, "N")]
    write_annotation(tmp_path / "ours.xl", marks, 360.0)
    columns = {"symbol": [m.symbol for m in marks], "aux_note": [m.aux for m in marks]}
    import numpy as np

    samples, subtypes = np.array([m.sample for m in marks]), np.array([m.subtype for m in marks])
    wfdb.wrann("theirs", "xl", samples, subtype=subtypes, fs=360, write_dir=str(tmp_path), **columns)
    assert (tmp_path / "ours.xl").read_bytes() == (tmp_path / "theirs.xl").read_bytes()


def test_a_run_that_ends_returns_to_the_rhythm_below_it() -> None:
    af, run = Episode("af", 0, END), Episode("vt", 4000, 4600)
    assert notes(af, run) == [(0, "(AFIB"), (4000, "(VT"), (4600, "(AFIB")]
    sinus, pairs = Episode("sinus", 0, END), Episode("bigeminy", 2000, END)
    assert notes(sinus, pairs) == [(0, "(N"), (2000, "(B")]


def test_a_bigeminy_upon_af_does_not_hide_it() -> None:
    assert notes(Episode("af", 0, END), Episode("bigeminy", 2000, 5000)) == [(0, "(AFIB")]


def test_of_several_runs_at_once_the_graver_is_written_and_the_other_again_after_it() -> None:
    slow, fast = Episode("svt", 1000, 6000), Episode("vt", 2000, 3000)
    assert notes(Episode("sinus", 0, END), slow, fast) == [
        (0, "(N"),
        (1000, "(SVTA"),
        (2000, "(VT"),
        (3000, "(SVTA"),
        (6000, "(N"),
    ]


@pytest.mark.parametrize("rhythm", ["pause", "asystole", "undetermined"])
def test_what_has_no_note_leaves_the_rhythm_around_it(rhythm: str) -> None:
    parts = (Episode("af", 0, 3000), Episode(rhythm, 3000, 5000), Episode("af", 5000, END))
    assert notes(*parts) == [(0, "(AFIB")]
    assert notes(Episode(rhythm, 0, 3000), Episode("afl", 3000, END)) == [(0, "(AFL")]
    assert notes(Episode("af", 0, 3000), Episode(rhythm, 3000, 5000), Episode("paced", 5000, END)) == [
        (0, "(AFIB"),
        (3000, "(N"),
        (5000, "(P"),
    ]
    assert notes(Episode(rhythm, 0, END)) == []


def test_a_run_is_not_prolonged_by_what_cannot_be_told() -> None:
    around = (Episode("vt", 0, 3000), Episode("undetermined", 3000, 5000), Episode("vt", 5000, END))
    assert notes(*around) == [(0, "(VT"), (3000, "(N"), (5000, "(VT")]


def test_fibrillation_stands_between_brackets_without_beats_and_the_note_after_it_is_the_next_sample() -> None:
    beats = [Beat(at, "V") for at in (1000, 3000, 3500, 4999, 5000, 7000)]
    episodes = (Episode("sinus", 0, 3000), Episode("vf", 3000, 4500), Episode("vf", 4000, 5000))
    marks = rhythm_marks(beats, (*episodes, Episode("sinus", 5000, END)), (), END)
    assert [(m.sample, m.symbol, m.aux) for m in marks] == [
        (0, "+", "(N"),
        (1000, "V", ""),
        (3000, "+", "(VF"),
        (3000, "[", ""),
        (4999, "]", ""),
        (5000, "+", "(N"),
        (5000, "V", ""),
        (7000, "V", ""),
    ]


def test_the_beat_scorer_sees_our_beats_fibrillation_and_unreadable_stretches(tmp_path: Path, scorer: Scorer) -> None:
    beats = [Beat(at, symbol) for at, symbol in ((100, "N"), (700, "A"), (1500, "V"), (2300, "/"), (9000, "Q"))]
    dark = (Span(2500, 3500), Span(9500, END))
    marks = rhythm_marks(beats, (Episode("sinus", 0, 4000), Episode("vfl", 4000, 6000)), dark, END)
    write_annotation(tmp_path / "r.xl", marks, 100.0)
    got = wfdb.rdann(str(tmp_path / "r"), "xl")
    seen = scorer("ec57.beats_of")(got.sample, got.symbol, got.subtype, 100.0, length=100.0)
    assert vars(seen)["t"].tolist() == [1.0, 7.0, 15.0, 23.0, 90.0]
    assert vars(seen)["cls"] == ["N", "S", "V", "Q", "Q"]
    assert vars(seen)["vf"] == [(40.0, 59.99)]
    assert vars(seen)["lost"] == [(25.0, 35.0), (95.0, 100.0)]


def test_the_episode_scorer_sees_the_stretches_of_af(tmp_path: Path, scorer: Scorer) -> None:
    episodes = (Episode("sinus", 0, 2000), Episode("af", 2000, 6000), Episode("sinus_tachy", 6000, END))
    write_annotation(tmp_path / "r.xl", rhythm_marks((), episodes, (), END), 100.0)
    got = wfdb.rdann(str(tmp_path / "r"), "xl")
    spans = scorer("episodes.spans_of")(got.sample, got.symbol, got.aux_note, 100.0, 100.0, {"AFIB", "AFL"})
    assert spans == [(20.0, 60.0)]


def test_notes_and_names_are_there_for_the_same_rhythms() -> None:
    assert set(RHYTHM_NOTES) | {"pause", "asystole", "undetermined"} == set(RHYTHMS)


def wave(kind: Literal["p", "N", "t"], first: int | None, peak: int, end: int | None) -> WaveMark:
    return WaveMark(kind, first, peak, end)


def shown(waves: Sequence[WaveMark]) -> list[tuple[int, str]]:
    return [(m.sample, m.symbol) for m in wave_marks(LeadMarks("V1", tuple(waves)), END)]


def test_waves_stand_as_in_ludb_and_the_scorer_reads_them(tmp_path: Path, scorer: Scorer) -> None:
    waves = (wave("p", 100, 120, 140), wave("N", 150, 165, None), wave("t", None, 320, 380), wave("N", 900, 910, 930))
    write_annotation(tmp_path / "r.v1", wave_marks(LeadMarks("V1", waves), END), 500.0)
    got = wfdb.rdann(str(tmp_path / "r"), "v1")
    assert "".join(got.symbol) == "(p)(Nt)(N)"
    fiducials = scorer("delineation.marks_of")(got.sample, got.symbol, 1.0)
    assert isinstance(fiducials, dict)
    assert {kind: at.tolist() for kind, at in fiducials.items()} == {
        "p_on": [100],
        "p": [120],
        "p_off": [140],
        "qrs_on": [150, 900],
        "r": [165, 910],
        "qrs_off": [930],
        "t_on": [],
        "t": [320],
        "t_off": [380],
    }


def test_brackets_never_interleave_where_waves_touch_or_cross() -> None:
    assert shown([wave("p", 100, 120, 155), wave("N", 150, 165, 190)]) == [
        (100, "("),
        (120, "p"),
        (150, ")"),
        (150, "("),
        (165, "N"),
        (190, ")"),
    ]
    assert shown([wave("t", 300, 350, 410), wave("p", 340, 400, 420)]) == [
        (300, "("),
        (350, "t"),
        (400, ")"),
        (400, "p"),
        (420, ")"),
    ]


places = st.one_of(st.none(), st.integers(-50, END + 50))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.builds(wave, st.sampled_from(["p", "N", "t"]), places, st.integers(-50, END + 50), places), max_size=30)
)
def test_whatever_the_waves_the_marks_ascend_inside_the_record_and_every_peak_is_there(waves: list[WaveMark]) -> None:
    marks = shown(waves)
    samples = [at for at, _ in marks]
    assert samples == sorted(samples)
    assert all(0 <= at < END for at in samples)
    assert sum(symbol in "pNt" for _, symbol in marks) == sum(0 <= w.peak < END for w in waves)
