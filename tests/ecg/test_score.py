"""The scorer's rules on examples whose counts were worked out by hand; each example says how."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg import score
from ecg.errors import LabelUnknown
from ecg.score import beats, delineation, episodes, runs, strips
from ecg.score.rates import Detection


def marked(
    classes: str, *at_s: float, vf: tuple[beats.Span, ...] = (), lost: tuple[beats.Span, ...] = ()
) -> beats.BeatMarks:
    return beats.BeatMarks(np.array(at_s), classes, vf, lost)


def said(counts: beats.BeatCounts) -> dict[str, int]:
    """Counts by bxb's pairs of letters: reference, then test in lower case."""
    got = counts.to_json()["counts"]
    assert isinstance(got, dict)
    return got


def test_each_rule_of_beat_comparison_on_one_small_record() -> None:
    # 301 N found at +100 ms. 302 V found at +20 ms, called N. 303 S: nothing near, missed. 304 N called V.
    # 306 N found at +150 ms exactly, called S. 302.6 pairs with nothing: false V. 305 lies in VF: not counted.
    # 250 lies in the first five minutes: not counted.
    reference = marked("NVSNN", 301.0, 302.0, 303.0, 304.0, 306.0, vf=((304.5, 305.5),))
    test = marked("NNNVVVS", 250.0, 301.1, 302.02, 302.6, 304.0, 305.0, 306.15)
    counts = beats.compare_beats(reference, test)
    assert said(counts) == {"Nn": 1, "Nv": 1, "Ns": 1, "Vn": 1, "So": 1, "Ov": 1}
    assert counts.qrs == Detection(tp=4, fn=1, fp=1)
    assert (counts.qrs.se, counts.qrs.ppv, counts.qrs.f1) == (80.0, 80.0, 80.0)
    assert counts.veb == Detection(tp=0, fn=1, fp=2, tn=2)  # rightly not called V: Nn, Ns
    assert counts.sveb == Detection(tp=0, fn=1, fp=1, tn=4)  # rightly not called S: Nn, Nv, Vn, Ov
    assert np.allclose(counts.errors_s, [0.1, 0.02, 0.0, 0.15])
    assert counts.normal_called_ectopic == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("reference", "test", "pairs", "missed", "extra"),
    [
        ([1.0], [0.90, 1.02], ((0, 1),), (), (0,)),  # a doubled detection: the nearer pairs, the other is false
        ([1.0], [1.02, 1.10], ((0, 0),), (), (1,)),
        ([1.0, 1.25], [1.125], ((1, 0),), (0,), ()),  # equally near to both: the later one has it
        ([1.0], [1.15], ((0, 0),), (), ()),  # exactly 150 ms
        ([1.0], [1.151], (), (0,), (0,)),
        ([1.0], [0.85], ((0, 0),), (), ()),
        ([1.0], [0.849], (), (0,), (0,)),
        ([], [1.0], (), (), (0,)),
        ([1.0], [], (), (0,), ()),
        # 1.14 is nearer to 1.25, which has a nearer partner in 1.30: in order, rather than one lost on each side.
        ([1.0, 1.25], [1.14, 1.30], ((0, 0), (1, 1)), (), ()),
        ([1.0, 1.25], [1.14, 1.39], ((1, 0),), (0,), (1,)),  # ... and here it has not
    ],
)
def test_two_marks_pair_within_150_ms_unless_there_is_a_nearer_one(
    reference: list[float],
    test: list[float],
    pairs: tuple[tuple[int, int], ...],
    missed: tuple[int, ...],
    extra: tuple[int, ...],
) -> None:
    got = beats.pair(np.array(reference), np.array(test))
    assert (got.pairs, got.missed, got.extra) == (pairs, missed, extra)


@given(
    st.lists(st.integers(0, 4000), max_size=40, unique=True),
    st.lists(st.integers(0, 4000), max_size=40, unique=True),
)
def test_every_mark_is_in_exactly_one_pair_or_alone(reference: list[int], test: list[int]) -> None:
    a, b = np.sort(np.array(reference, float)) / 250, np.sort(np.array(test, float)) / 250
    got = beats.pair(a, b)
    assert sorted([i for i, _ in got.pairs] + list(got.missed)) == list(range(len(a)))
    assert sorted([j for _, j in got.pairs] + list(got.extra)) == list(range(len(b)))
    assert all(abs(a[i] - b[j]) <= 0.15 + 1e-9 for i, j in got.pairs)


def test_150_ms_is_inside_at_every_rate_and_place() -> None:
    for fs, samples in ((360, 54), (250, 37.5), (200, 30), (500, 75), (1000, 150)):
        at = np.arange(1, 2000) * 3.0 * fs
        got = beats.pair(at / fs, (at + samples) / fs)
        assert len(got.pairs) == len(at)


def test_the_first_five_minutes_are_not_scored_and_the_boundary_is() -> None:
    both = marked("NN", 299.999, 300.0)
    assert said(beats.compare_beats(both, both)) == {"Nn": 1}
    assert said(beats.compare_beats(both, both, start_s=0.0)) == {"Nn": 2}
    # A pair belongs to the time of its reference beat: this one is scored though the test put it into the fifth minute.
    assert said(beats.compare_beats(marked("N", 300.0), marked("N", 299.9))) == {"Nn": 1}
    assert said(beats.compare_beats(marked("N", 299.9), marked("N", 300.0))) == {}


def test_a_lost_signal_is_told_apart_and_still_counts() -> None:
    silent = marked("", lost=((399.0, 401.0),))
    counts = beats.compare_beats(marked("N", 400.0), silent)
    assert said(counts) == {"Nx": 1}
    assert counts.qrs.fn == 1
    counts = beats.compare_beats(silent, marked("V", 400.0))
    assert said(counts) == {"Xv": 1}
    assert (counts.qrs.fp, counts.veb.fp) == (1, 1)


def test_fusion_and_unclassified_beats_are_no_false_positives() -> None:
    times = [301.0 + at for at in range(11)]
    reference, test = marked("QQQQQFFFFVS", *times), marked("SSSVVVVVVVS", *times)
    counts = beats.compare_beats(reference, test)
    assert (counts.veb.ppv, counts.sveb.ppv) == (100.0, 100.0)
    # ... but an S among V and a V among S are.
    counts = beats.compare_beats(marked("VS", 301, 302), marked("SV", 301, 302))
    assert (counts.veb.fp, counts.sveb.fp) == (1, 1)
    # F called S is a false positive, S called F a miss.
    counts = beats.compare_beats(marked("FS", 301, 302), marked("SF", 301, 302))
    assert (counts.sveb.fp, counts.sveb.fn) == (1, 1)


def test_marks_are_sorted_into_beats_vf_and_lost_signal() -> None:
    symbols = ["N", "+", "~", "V", "~", "[", "!", "V", "]", "e", "j", "/", "|", "~", "A"]
    subtypes = np.array([0, 0, 0x30, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0x33, 0])  # -1 has all bits and says nothing of two
    at = np.arange(len(symbols), dtype=float)
    got = beats.beat_marks(at, symbols, subtypes, length_s=20.0)
    assert (got.at_s.tolist(), got.classes) == ([0, 3, 9, 10, 11, 14], "NVNNQS")  # the V inside [ ] is no beat
    assert (got.vf, got.lost) == (((5.0, 8.0),), ((2.0, 4.0), (13.0, 20.0)))
    assert beats.beat_marks(at, symbols, subtypes, length_s=20.0, letters=beats.BXB).classes == "NVSSQS"


def test_gross_pools_counts_and_average_is_over_records_that_have_the_beats() -> None:
    one = beats.compare_beats(marked("NV", 301, 302), marked("NV", 301, 302))
    two = beats.compare_beats(marked("NNN", 301, 302, 303), marked("N", 301))
    gross = beats.pooled([one, two])
    assert gross.qrs == Detection(tp=3, fn=2, fp=0)
    report = score.BeatReport({"1": one, "2": two}, ())
    assert report.average()["qrs"]["se"] == pytest.approx((100 + 100 / 3) / 2)
    assert report.average()["veb"]["se"] == 100.0  # the second record has no V: it does not count as 0


def events(letters: str, *, start: float = 301.0, step: float = 0.5, end_s: float = 600.0) -> runs.Events:
    return runs.Events(np.array([start + step * at for at in range(len(letters))]), letters, end_s)


def test_a_run_broken_by_one_missed_beat_is_shorter() -> None:
    # Reference: a couplet, a run of four, a run of seven. Test: the couplet whole; the third of the four called N
    # (left: a couplet); the seven with its sixth beat called N (left: a run of five and a single beat).
    reference = events("NVVNVVVVNVVVVVVVN")
    test = events("NVVNVVNVNVVVVVNVN")
    counts = runs.compare_runs(reference, test, "veb")
    assert counts.couplets == runs.RunRate(met=1, there=1, right=2, called=2)  # the couplet in the four is true
    assert counts.short_runs == runs.RunRate(met=0, there=1, right=1, called=1)  # the five in the seven is true
    assert counts.long_runs == runs.RunRate(met=0, there=1, right=0, called=0)
    assert counts.tachycardia == runs.RunRate(met=1, there=2, right=1, called=1)
    assert counts.by_reference[4, 2] == counts.by_reference[6, 5] == counts.by_reference[2, 2] == 1
    assert counts.by_reference.sum() == 3
    # Only what lies within the run's own place is compared: the couplet that is left of the four is a couplet there.
    assert (counts.by_test[2, 2], counts.by_test[1, 1], counts.by_test[5, 5], counts.by_test.sum()) == (2, 2, 1, 5)


def test_a_beat_that_was_not_found_at_all_does_not_break_a_run() -> None:
    reference = events("NVVVVVVN")
    kept = [0, 1, 2, 4, 5, 6, 7]  # the third V has no mark: five in a row remain
    test = runs.Events(reference.at_s[kept], "NVVVVVN", 600.0)
    assert runs.compare_runs(reference, test, "veb").by_reference[6, 5] == 1


def test_a_run_is_looked_for_150_ms_before_and_after_and_no_further() -> None:
    reference = events("NVVVN")
    for first in range(301 * 360, 302 * 360):  # in doubles 54 samples are now a little more than 150 ms, now less
        samples = np.array([first + 180 * at for at in range(5)])
        on_time, late = (runs.Events((samples + shift) / 360, "NVVVN", 600.0) for shift in (0, 54))
        counts = runs.compare_runs(on_time, late, "veb")
        assert (counts.short_runs.met, counts.short_runs.right) == (1, 1)
    shifted = runs.compare_runs(reference, events("NVVVN", start=301.16), "veb")
    assert shifted.by_reference[3, 2] == 1  # the last beat is outside: two remain


def test_supraventricular_and_ventricular_runs_break_each_other_and_fusion_prolongs() -> None:
    both = events("NVFVSSSVN")
    assert [run.beats for run in runs.runs_of(both, "veb")] == [3, 1]
    assert [run.beats for run in runs.runs_of(both, "sveb")] == [3]


def test_vf_is_a_longest_run_however_it_is_closed() -> None:
    for letters in ("N[]N", "N[", "N[UN", "NVV[]VN"):
        (run,) = runs.runs_of(events(letters), "veb")
        assert run.beats == runs.LONGEST
    assert runs.runs_of(events("N["), "veb")[0].last_s == 600.0  # to the end of the record
    # VF from 303 to 305 s, four V from 302.5 to 304 s: three of them lie where VF is; where the four are, VF is.
    counts = runs.compare_runs(events("N[]N", step=2.0), events("NVVVVN", start=302.0), "veb")
    assert (counts.by_reference[6, 3], counts.by_test[6, 4]) == (1, 1)
    # Begun in the first five minutes, it is scored from there on.
    early = runs.Events(np.array([100.0, 400.0]), "[]", 600.0)
    assert runs.runs_of(early, "veb") == (runs.Run(300.0, 400.0, 6),)


def test_in_af_normal_beats_are_a_supraventricular_run() -> None:
    symbols, aux = ["N", "+", "N", "N", "V", "+", "N"], ["", "(AFIB", "", "", "", "(N", ""]
    got = runs.run_events(np.arange(301.0, 308), symbols, np.zeros(7, np.int64), aux, length_s=600.0)
    assert got.letters == "N{SSV}N"
    assert [run.beats for run in runs.runs_of(got, "sveb")] == [6]


def test_time_and_episodes_of_a_rhythm_are_scored_apart() -> None:
    # True 100-300. Called 120-310 and 350-390: 180 of 200 true seconds, 180 of 230 called ones; of 200 seconds without
    # AF 50 were called. The one true episode is met; one of two called ones is right. It begins 20 s, ends 10 s late.
    reference = episodes.rhythm_spans(
        np.array([0.0, 100.0, 300.0]), ["+", "+", "+"], ["(N", "(AFIB", "(N"], length_s=400.0
    )
    assert reference == ((100.0, 300.0),)
    counts = episodes.compare_episodes(reference, [(120.0, 310.0), (350.0, 390.0)], length_s=400.0)
    assert (counts.true_s, counts.called_s, counts.both_s) == (200.0, 230.0, 180.0)
    assert (counts.duration_se, counts.duration_sp) == (90.0, 75.0)
    assert counts.duration_ppv == pytest.approx(100 * 180 / 230)
    assert (counts.there, counts.met, counts.called, counts.right) == (1, 1, 2, 1)
    assert (counts.onset_error_s, counts.offset_error_s) == (20.0, 10.0)


def test_an_episode_of_29_s_counts_in_time_and_not_in_number() -> None:
    counts = episodes.compare_episodes([(10.0, 39.0)], [(10.0, 40.0)], length_s=100.0)
    assert (counts.there, counts.called, counts.right) == (0, 1, 1)
    assert counts.duration_se == 100.0
    assert episodes.compare_episodes([(10.0, 40.0)], [], length_s=100.0).there == 1  # 30 s exactly


def test_af_and_flutter_that_follow_each_other_are_one_episode_and_vf_stands_in_brackets() -> None:
    at, symbols = np.array([0.0, 20.0, 40.0, 60.0, 70.0]), ["+", "+", "+", "[", "]"]
    aux = ["(AFIB", "(AFL", "(N", "", ""]
    assert episodes.rhythm_spans(at, symbols, aux, length_s=90.0) == ((0.0, 40.0),)
    assert episodes.rhythm_spans(at, symbols, aux, length_s=90.0, rhythms={"VF"}) == ((60.0, 70.0),)
    assert episodes.rhythm_spans(at[:4], symbols[:4], aux[:4], length_s=90.0, rhythms={"VF"}) == ((60.0, 90.0),)


def test_wave_marks_pair_by_kind_and_the_unmarked_ends_of_a_strip_are_spared() -> None:
    reference = delineation.marks_of(
        np.array([100, 110, 120, 150, 160, 170, 300, 320, 340, 600, 610, 620]) / 500, list("(p)(N)(t)(N)")
    )
    assert np.allclose(reference["r"], [0.32, 1.22])
    test = delineation.marks_of(
        np.array([105, 112, 121, 150, 160, 171, 420, 430, 440, 600, 610, 620, 900, 905, 910]) / 500,
        list("(p)(N)(t)(N)(t)"),
    )
    counts = delineation.compare_marks(reference, test)
    assert counts["p_on"].found == Detection(tp=1)
    assert counts["p_on"].mean_ms == pytest.approx(10.0)
    assert counts["t"].found == Detection(tp=0, fn=1, fp=1)  # 220 ms off; the T at 1.81 s is behind the last mark
    assert counts["r"].found == Detection(tp=2)
    intervals = delineation.global_intervals_ms({"i": reference, "ii": reference, "v1": reference})
    assert intervals["qrs"] == pytest.approx(40.0)
    assert intervals["pr"] == pytest.approx(100.0)
    assert intervals["qt"] == pytest.approx(380.0)


def test_one_stray_lead_does_not_rule_the_global_interval() -> None:
    def lead(onset: float, offset: float) -> delineation.Marks:
        return delineation.marks_of(np.array([onset, 1.0, offset]), list("(N)"))

    # Onsets 0.90 (stray) 0.95 0.96 0.97, offsets 1.05 1.06 1.07 1.15 (stray): from 0.95 to 1.07.
    leads = {"i": lead(0.90, 1.05), "ii": lead(0.95, 1.06), "v1": lead(0.96, 1.07), "v2": lead(0.97, 1.15)}
    assert delineation.global_intervals_ms(leads)["qrs"] == pytest.approx(120.0)
    assert delineation.global_intervals_ms(leads)["qt"] is None


def test_a_wave_without_a_bracket_has_no_edge_there() -> None:
    marks = delineation.marks_of(np.array([1.0, 1.1, 2.0, 2.1]), list("(NN)"))
    assert {kind: times.tolist() for kind, times in marks.items() if len(times)} == {
        "qrs_on": [1.0],
        "r": [1.1, 2.0],
        "qrs_off": [2.1],
    }


def test_the_strip_measure_is_the_mean_f1_of_three_classes() -> None:
    # N: 2 true, 1 called, 1 right -> 2/3; A: 2 true, 1 called, 1 right -> 2/3; O: 1 true, 2 called, 1 right -> 2/3.
    reference = {"1": "N", "2": "N", "3": "A", "4": "O", "5": "~", "6": "A"}
    counts = strips.compare_strips(reference, {"1": "N", "2": "O", "3": "A", "4": "O", "5": "~", "9": "A"})
    assert counts.f1 == pytest.approx(2 / 3)
    assert counts.missing == 1
    assert counts.table.tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]


def test_a_silenced_true_alarm_costs_five() -> None:
    counts = strips.compare_alarms(
        {"a": "1", "b": "0", "c": "true"}, {"a": "1", "b": "0", "c": "0"}, dict.fromkeys("abc", "VT")
    )
    assert counts["all"].score == pytest.approx(100 * 2 / 7)  # (1 + 1) / (1 + 1 + 0 + 5)
    assert strips.compare_alarms({"a": "1"}, {}, {"a": "VT"})["VT"].score == 100.0  # no answer: kept


def test_findings_are_counted_code_by_code_with_exact_limits() -> None:
    counts = strips.compare_findings(
        {"1": {"AF", "RBBB"}, "2": {"AF"}, "3": set()}, {"1": {"AF"}, "2": {"RBBB", "LVH"}}
    )
    assert counts.codes["AF"] == Detection(tp=1, fn=1, fp=0, tn=1)
    assert counts.codes["RBBB"] == Detection(tp=0, fn=1, fp=1, tn=1)
    assert counts.unasked == ("LVH",)
    assert strips.limits(counts.codes["AF"])["se"] == pytest.approx((1.2579, 98.7421), abs=1e-3)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Two of these have a closed form: 0 of n ends at 1 - 0.025 ** (1 / n); 5 of 10 is the textbook's 18.71 to 81.29.
    [
        (0, 10, 0.0, 100 * (1 - 0.025**0.1)),
        (10, 10, 100 * 0.025**0.1, 100.0),
        (5, 10, 18.7086, 81.2914),
        (0, 0, 0.0, 100.0),
    ],
)
def test_exact_limits_agree_with_closed_forms(hits: int, of: int, low: float, high: float) -> None:
    assert score.exact_limits(hits, of) == pytest.approx((low, high), abs=1e-3)


def test_an_unknown_label_is_refused_and_not_counted_as_wrong() -> None:
    with pytest.raises(LabelUnknown) as caught:
        strips.compare_strips({"1": "N"}, {"1": "normal"})
    assert caught.value.record == "1"
    with pytest.raises(LabelUnknown):
        strips.compare_strips({"1": ""}, {})
    with pytest.raises(LabelUnknown):
        strips.compare_alarms({"1": "yes"}, {}, {"1": "VT"})
    with pytest.raises(LabelUnknown):
        strips.compare_quality({"1": "good", "2": "bad"}, {"1": "bda"}, positive="bad")
    with pytest.raises(LabelUnknown):
        strips.compare_quality({"1": "good", "2": "bad"}, {"1": "bad"}, positive="worse")


def test_what_cannot_be_divided_is_none_and_not_zero() -> None:
    nothing = beats.compare_beats(marked(""), marked(""))
    assert (nothing.qrs.se, nothing.qrs.ppv, nothing.veb.f1, nothing.jitter_ms()) == (None, None, None, None)
    assert episodes.compare_episodes([], [], length_s=10.0).duration_se is None


def test_a_table_is_aligned_by_its_widest_cells() -> None:
    assert score.aligned(["record", "Se", "n"], [["100", 99.5, 12], ["gross", None]]) == (
        "record     Se   n\n100     99.50  12\ngross       -"
    )
