"""The classes of beats: the same however they come, right on signals known by construction, and on real ones."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg.beats.classes import SYMBOLS, Answer, Classifier
from ecg.beats.features import S_WAIT, V_WAIT
from ecg.record import I64, STANDARD_LEADS
from ecg.signal.trace import I16, RATE, row_of, trace_of
from ecg.synth import Segment, Synthetic, twelve_lead

RING = 1700  # rows: what `push` asks to be held


@dataclass
class Held:
    """A trace of which a stretch is held."""

    rows: I16
    first: int = 0


@dataclass(frozen=True)
class Feed:
    """What a detector gives for one recording."""

    trace: I16
    rows: I64
    paced: np.ndarray
    broken: np.ndarray
    usable: np.ndarray

    @classmethod
    def of(cls, made: Synthetic) -> Feed:
        recording = made.recording
        rows = row_of(np.array([beat.sample for beat in made.beats]), recording.fs)
        paced = np.array([beat.symbol == "/" for beat in made.beats])
        usable = np.ones((len(rows), len(recording.leads)), dtype=bool)
        return cls(trace_of(recording.signal_uv, recording.fs), rows, paced, np.zeros(len(rows), dtype=bool), usable)

    def push(self, classifier: Classifier, first: int, last: int, end: int, *, final: bool = False) -> Answer:
        """Beats first to last, with the trace known up to row `end`."""
        held = Held(self.trace[max(0, end - RING) : end], max(0, end - RING))
        part = slice(first, last)
        return classifier.push(
            self.rows[part], self.paced[part], self.broken[part], self.usable[part], held, end, final=final
        )

    def at_once(self) -> Answer:
        classifier = Classifier(self.trace.shape[1])
        return classifier.push(
            self.rows, self.paced, self.broken, self.usable, Held(self.trace), len(self.trace), final=True
        )

    def in_steps(self, ends: list[int]) -> list[tuple[int, Answer]]:
        """As a stream: known up to each row of `ends`, then to the end; each answer with the row it came at."""
        classifier, given, answers = Classifier(self.trace.shape[1]), 0, []
        for end in ends:
            upto = int(np.searchsorted(self.rows, end))
            answers.append((end, self.push(classifier, given, upto, end)))
            given = upto
        end = len(self.trace)
        answers.append((end, self.push(classifier, given, len(self.rows), end, final=True)))
        return answers


def symbols(answer: Answer) -> str:
    return "".join(SYMBOLS[code] for code in answer.classified.symbol)


def truth(made: Synthetic) -> str:
    return "".join(beat.symbol for beat in made.beats)


def columns(answers: list[Answer]) -> list[np.ndarray]:
    first = [("ventricular", name) for name in ("row", "probability", "family")]
    last = [("classified", name) for name in ("row", "symbol", "v_probability", "s_probability", "family")]
    return [np.concatenate([getattr(getattr(a, part), name) for a in answers]) for part, name in first + last]


MIXED = twelve_lead(
    np.random.default_rng(5),
    [
        Segment("sinus", 24.0, 75, pvc_at=(3, 9, 10, 18), pac_at=(14,)),
        Segment("vt", 5.0, 170),
        Segment("af", 14.0, 95),
        Segment("asystole", 4.0),
        Segment("sinus", 12.0, 60, shape="lbbb", qrs_ms=150),
    ],
    noise_uv=25.0,
    leads=("II", "V1", "V5", "I", "V2"),
)
MIXED_FEED = Feed.of(MIXED)
MIXED_AT_ONCE = MIXED_FEED.at_once()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_the_answer_does_not_depend_on_how_the_beats_came(steps: list[int]) -> None:
    # After the steps drawn, on to the end in the largest that the ring allows.
    ends = [int(end) for end in np.cumsum([*steps, *[400] * 20]) if end < len(MIXED_FEED.trace)]
    answers = [answer for _, answer in MIXED_FEED.in_steps(ends)]
    for whole, pieces in zip(columns([MIXED_AT_ONCE]), columns(answers), strict=True):
        np.testing.assert_array_equal(whole, pieces)


def test_answers_come_in_time_and_each_beat_once() -> None:
    given = MIXED_FEED.in_steps(list(range(10, len(MIXED_FEED.trace), 10)))
    shape = {int(row): end for end, answer in given for row in answer.ventricular.row}
    last = {int(row): end for end, answer in given for row in answer.classified.row}
    assert sorted(shape) == sorted(last) == MIXED_FEED.rows.tolist()
    opening = 5 * RATE
    for row in MIXED_FEED.rows.tolist():
        assert shape[row] <= max(row, opening) + V_WAIT + 10
        assert last[row] <= max(row, opening) + S_WAIT + 10
    assert V_WAIT <= 2.5 * RATE
    assert S_WAIT <= 8 * RATE


def test_a_classifier_in_the_middle_is_small_and_survives_pickling() -> None:
    made = twelve_lead(np.random.default_rng(1), [Segment("svt", 25.0, 190), Segment("af", 40.0, 130)])
    feed, largest = Feed.of(made), 0
    classifier, given, answers = Classifier(12), 0, []
    for end in range(50, len(feed.trace), 50):
        upto = int(np.searchsorted(feed.rows, end))
        answers.append(feed.push(classifier, given, upto, end))
        state = pickle.dumps(classifier)
        largest, classifier, given = max(largest, len(state)), pickle.loads(state), upto
    answers.append(feed.push(classifier, given, len(feed.rows), len(feed.trace), final=True))
    assert largest <= 18_000
    for whole, pieces in zip(columns([feed.at_once()]), columns(answers), strict=True):
        np.testing.assert_array_equal(whole, pieces)


LEADS = (STANDARD_LEADS, ("II",), ("II", "V1"))
SCRIPTS = {
    "sinus": [Segment("sinus", 20.0, 70)],
    "fast sinus": [Segment("sinus", 20.0, 125)],
    "ventricular": [Segment("sinus", 30.0, 72, pvc_at=(5, 9, 17, 25))],
    "bigeminy": [Segment("sinus", 30.0, 72, pvc_at=tuple(range(3, 36, 2)))],
    "early from above, late in the recording": [Segment("sinus", 60.0, 66, pac_at=(19, 27, 35, 48))],
    "run": [Segment("sinus", 20.0, 80), Segment("vt", 6.0, 170), Segment("sinus", 10.0, 80)],
    "wide throughout": [Segment("vt", 12.0, 180)],
    "fibrillation of the atria": [Segment("af", 60.0, 90)],
    "left bundle": [Segment("sinus", 20.0, 70, shape="lbbb", qrs_ms=150)],
    "right bundle": [Segment("sinus", 20.0, 70, shape="rbbb", qrs_ms=140)],
    "paced": [Segment("paced", 20.0, 60)],
}


@pytest.mark.parametrize("leads", LEADS, ids=("twelve leads", "one lead", "two leads"))
@pytest.mark.parametrize("name", SCRIPTS)
def test_known_beats_get_their_class(name: str, leads: tuple[str, ...]) -> None:
    made = twelve_lead(np.random.default_rng(1), SCRIPTS[name], leads=leads)
    assert symbols(Feed.of(made).at_once()) == truth(made)


LONG_RUNS = {
    "fast": [Segment("sinus", 6.0, 70), Segment("vt", 45.0, 160), Segment("sinus", 10.0, 70)],
    "slow": [Segment("sinus", 6.0, 70), Segment("vt", 60.0, 130), Segment("sinus", 10.0, 70)],
    "from the start, and again": [Segment("vt", 35.0, 160), Segment("sinus", 25.0, 70), Segment("vt", 35.0, 140)],
}
NOT_FROM_BELOW = {
    "left bundle at 110": [Segment("sinus", 40.0, 110, shape="lbbb", qrs_ms=150)],
    "right bundle at 110": [Segment("sinus", 40.0, 110, shape="rbbb", qrs_ms=150)],
    "left bundle that quickens": [
        Segment("sinus", 30.0, 85, shape="lbbb", qrs_ms=150),
        Segment("sinus", 30.0, 112, shape="lbbb", qrs_ms=150),
    ],
    "paced at 110": [Segment("paced", 40.0, 110)],
    "pacing that sets in": [Segment("sinus", 20.0, 70), Segment("paced", 30.0, 110)],
}


@pytest.mark.parametrize("leads", LEADS, ids=("twelve leads", "one lead", "two leads"))
@pytest.mark.parametrize("name", LONG_RUNS)
def test_a_tachycardia_is_ventricular_as_long_as_it_lasts(name: str, leads: tuple[str, ...]) -> None:
    made = twelve_lead(np.random.default_rng(8), LONG_RUNS[name], leads=leads)
    assert symbols(Feed.of(made).at_once()) == truth(made)


@pytest.mark.parametrize("leads", LEADS, ids=("twelve leads", "one lead", "two leads"))
@pytest.mark.parametrize("name", NOT_FROM_BELOW)
def test_conducted_and_paced_beats_are_wide_and_not_ventricular(name: str, leads: tuple[str, ...]) -> None:
    made = twelve_lead(np.random.default_rng(8), NOT_FROM_BELOW[name], leads=leads)
    # Where a rate leaps, the first beats may count as early ones.
    assert symbols(Feed.of(made).at_once()).replace("A", "N") == truth(made)


def test_a_beat_on_time_that_is_half_conducted_half_ventricular_is_a_fusion_beat() -> None:
    made = twelve_lead(np.random.default_rng(4), [Segment("sinus", 60.0, 72, pvc_at=tuple(range(5, 70, 6)))])
    feed, at, below = Feed.of(made), 45, 41
    assert made.beats[at].symbol == "N"
    assert made.beats[below].symbol == "V"
    here, there = (int(feed.rows[number]) for number in (at, below))
    about = np.arange(-12, 30)
    feed.trace[here + about] = (feed.trace[here + about].astype(np.int32) + feed.trace[there + about]) // 2
    expected = list(truth(made))
    expected[at] = "F"
    assert symbols(feed.at_once()) == "".join(expected)


def interpolated(leads: tuple[str, ...]) -> tuple[Feed, int]:
    """A sinus rhythm with one ventricular beat between two sinus beats and no pause; the feed, and its place."""
    made = twelve_lead(np.random.default_rng(2), [Segment("sinus", 30.0, 52)], leads=leads)
    donor = twelve_lead(np.random.default_rng(3), [Segment("sinus", 30.0, 52, pvc_at=(12,))], leads=leads)
    feed, other = Feed.of(made), Feed.of(donor)
    from_row = int(other.rows[12])
    at = int((feed.rows[14] + feed.rows[15]) // 2) + 4
    trace = feed.trace.copy()
    trace[at - 12 : at + 45] += other.trace[from_row - 12 : from_row + 45]
    rows = np.insert(feed.rows, 15, at)
    flags = np.zeros(len(rows), dtype=bool)
    usable = np.ones((len(rows), trace.shape[1]), dtype=bool)
    return Feed(trace, rows, flags, flags, usable), 15


@pytest.mark.parametrize("leads", LEADS, ids=("twelve leads", "one lead", "two leads"))
def test_an_interpolated_beat_is_ventricular_and_its_neighbours_are_not(leads: tuple[str, ...]) -> None:
    feed, place = interpolated(leads)
    expected = ["N"] * len(feed.rows)
    expected[place] = "V"
    assert symbols(feed.at_once()) == "".join(expected)


def test_a_beat_without_any_usable_lead_is_unclassed() -> None:
    made = twelve_lead(np.random.default_rng(1), SCRIPTS["sinus"], leads=("II", "V1"))
    feed = Feed.of(made)
    feed.usable[7] = False
    assert symbols(feed.at_once()) == "N" * 7 + "Q" + "N" * (len(feed.rows) - 8)


def test_a_lead_that_falls_off_makes_no_ventricular_beats() -> None:
    made = twelve_lead(np.random.default_rng(1), [Segment("sinus", 40.0, 70)], leads=("II", "V1"), off={"V1": (20, 40)})
    feed = Feed.of(made)
    feed.usable[feed.rows >= 20 * RATE, 1] = False
    assert symbols(feed.at_once()) == "N" * len(feed.rows)


def test_no_beats_give_no_answer() -> None:
    feed = Feed.of(twelve_lead(np.random.default_rng(1), [Segment("asystole", 10.0)], leads=("II",)))
    assert symbols(feed.at_once()) == ""


def test_a_pause_of_the_signal_is_no_early_beat() -> None:
    """The interval across a loss of signal means nothing, whatever its length."""
    made = twelve_lead(np.random.default_rng(1), [Segment("sinus", 40.0, 70)], leads=("II", "V1"))
    feed = Feed.of(made)
    keep = np.ones(len(feed.rows), dtype=bool)
    keep[20:24] = False
    broken = np.zeros(len(feed.rows), dtype=bool)
    broken[24] = True
    cut = Feed(feed.trace, feed.rows[keep], feed.paced[keep], broken[keep], feed.usable[keep])
    assert symbols(cut.at_once()) == "N" * int(keep.sum())


@pytest.mark.parametrize(("record", "missed_max", "false_max"), [("119", 2, 3), ("106", 6, 3), ("116", 2, 3)])
def test_ventricular_beats_of_real_records_stay_above_their_floor(
    data: Path, record: str, missed_max: int, false_max: int
) -> None:
    """Ten minutes at reference positions, of records trained on: this guards the code, not the model."""
    import wfdb

    path = str(data / "mitdb" / record)
    signal = wfdb.rdrecord(path, sampto=600 * 360)
    notes = wfdb.rdann(path, "atr", sampto=600 * 360)
    beat = np.isin(notes.symbol, list("NLRAaJSVFejE"))
    trace = trace_of((signal.p_signal * 1000).astype(np.float32), signal.fs)
    rows = row_of(notes.sample[beat], signal.fs)
    flags = np.zeros(len(rows), dtype=bool)
    feed = Feed(trace, rows, flags, flags, np.ones((len(rows), 2), dtype=bool))
    called = feed.at_once().classified.symbol == SYMBOLS.index("V")
    true = np.array(notes.symbol)[beat] == "V"
    assert int((true & ~called).sum()) <= missed_max
    assert int((~true & called).sum()) <= false_max
