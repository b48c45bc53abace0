"""Signals whose answer is known by construction: beats, rhythms, intervals, ST, and which rules fire."""

from __future__ import annotations

import numpy as np
import pytest

import ecg
from ecg import synth
from ecg.signal.filters import hold
from ecg.synth import Segment, Synthetic, twelve_lead

# IEC 60601-2-25 (YY 9706.225): the mean error permitted for analytic ECGs, K
PR_MS, QRS_MS, QT_MS = 10.0, 6.0, 12.0


def matched(
    found: tuple[ecg.Beat, ...], truth: tuple[ecg.Beat, ...], fs: float, reach_ms: float = 60.0
) -> list[tuple[str, str]]:
    """Pairs of (true, found) symbols; a missing partner is an empty symbol."""
    pairs, free = [], list(found)
    for beat in truth:
        near = min(free, key=lambda b: abs(b.sample - beat.sample), default=None)
        if near is None or abs(near.sample - beat.sample) * 1000 / fs > reach_ms:
            pairs.append((beat.symbol, ""))
            continue
        free.remove(near)
        pairs.append((beat.symbol, near.symbol))
    return [*pairs, *(("", beat.symbol) for beat in free)]


def analysed(made: Synthetic) -> ecg.Analysis:
    return ecg.analyze(made.recording)


def rules(analysis: ecg.Analysis) -> set[str]:
    return {finding.rule for finding in analysis.findings if finding.rule}


def codes(analysis: ecg.Analysis) -> set[str]:
    return {finding.code for finding in analysis.findings}


@pytest.mark.parametrize("fs", [100.0, 128.0, 250.0, 360.0, 500.0, 1000.0, 2000.0])
@pytest.mark.parametrize("rate", [40.0, 70.0, 130.0])
def test_every_beat_is_found_once_at_every_rate(rng: np.random.Generator, fs: float, rate: float) -> None:
    made = twelve_lead(rng, [Segment("sinus", 12.0, rate)], fs=fs)
    analysis = analysed(made)
    assert set(matched(analysis.beats, made.beats, fs)) == {("N", "N")}
    assert analysis.measurements.vent_rate_bpm == pytest.approx(rate, abs=0.5)


def test_r_is_placed_on_the_peak(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 70)])
    errors = [abs(found.sample - true.sample) * 2 for found, true in zip(analysed(made).beats, made.beats, strict=True)]
    assert max(errors) <= 10


@pytest.mark.parametrize("name", ["sinus", "sinus_brady", "sinus_tachy", "af", "paced", "vt", "vf"])
def test_the_main_rhythm_is_named(name: str, rng: np.random.Generator) -> None:
    from ecg.analysis import main_rhythm

    assert main_rhythm(analysed(synth.EXAMPLES[name](rng)).episodes) == name


@pytest.mark.parametrize(("pr", "qrs", "qt"), [(160, 90, 400), (120, 80, 360), (200, 100, 440)])
def test_intervals_are_what_was_drawn(rng: np.random.Generator, pr: int, qrs: int, qt: int) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 60, pr_ms=pr, qrs_ms=qrs, qt_ms=qt)])
    m = analysed(made).measurements
    assert m.pr_ms is not None
    assert m.qrs_ms is not None
    assert m.qt_ms is not None
    assert abs(m.pr_ms - pr) <= PR_MS
    assert abs(m.qrs_ms - qrs) <= QRS_MS
    assert abs(m.qt_ms - qt) <= QT_MS
    assert m.qtc_ms["bazett"] == m.qtc_ms["hodges"] == m.qt_ms  # all formulas agree at 60 a minute


@pytest.mark.parametrize("level_uv", [150.0, 300.0])
def test_the_st_level_is_what_was_drawn(rng: np.random.Generator, level_uv: float) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 60, st_uv={"V2": level_uv, "V3": level_uv, "V5": -level_uv})])
    m = analysed(made).measurements
    for lead, level in (("V2", level_uv), ("V3", level_uv), ("V5", -level_uv), ("II", 0.0)):
        assert m.st_j_mv[lead] == pytest.approx(level / 1000, abs=0.04), lead


@pytest.mark.parametrize(("axis", "i_uv", "ii_uv"), [(0, 1000, 500), (60, 500, 1000), (90, 0, 866)])
def test_the_axis_is_what_was_drawn(
    rng: np.random.Generator, axis: int, i_uv: float, ii_uv: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synth, "R_UV", (i_uv, ii_uv, 150, 350, 700, 1300, 1300, 1000))
    monkeypatch.setattr(synth, "Q_UV", (0,) * 8)
    monkeypatch.setattr(synth, "S_UV", (0, 0, -700, -1100, -800, -400, -200, -80))
    measured = analysed(twelve_lead(rng, [Segment("sinus", 10.0, 60)])).measurements.axis_deg["qrs"]
    assert measured == pytest.approx(axis, abs=5)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("vf", "tachy.vf"),
        ("vt", "tachy.vt"),
        ("svt", "tachy.svt"),
        ("asystole", "brady.asystole"),
        ("pause", "brady.pause"),
        ("brady_extreme", "brady.rate"),
        ("stemi_anterior", "st.udmi4"),
        ("stemi_inferior", "st.udmi4"),
        ("long_qt", "other.qtc"),
    ],
)
def test_what_is_critical_is_called_critical_with_its_evidence(name: str, rule: str, rng: np.random.Generator) -> None:
    made = synth.EXAMPLES[name](rng)
    analysis = analysed(made)
    assert analysis.machine_grade == "critical"
    finding = next(f for f in analysis.findings if f.rule == rule)  # VT may be told twice: by its beats, by its waves
    assert 0 <= finding.first < finding.end <= len(made.recording.signal_uv)
    assert finding.value is not None
    assert finding.limit is not None
    assert finding.say["zh"]
    assert finding.say["en"]
    assert finding.urgency == "critical"


@pytest.mark.parametrize(
    "name", ["sinus", "sinus_brady", "sinus_tachy", "pvc", "pac", "lbbb", "rbbb", "avb1", "paced", "lead_off"]
)
def test_what_is_not_critical_pages_nobody(name: str, rng: np.random.Generator) -> None:
    assert analysed(synth.EXAMPLES[name](rng)).machine_grade is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("sinus", "SINUS_RHYTHM"),
        ("sinus_brady", "SINUS_BRADYCARDIA"),
        ("sinus_tachy", "SINUS_TACHYCARDIA"),
        ("af", "AFIB"),
        ("paced", "PACED_RHYTHM"),
        ("pvc", "PVC"),
        ("pac", "PAC"),
        ("lbbb", "LBBB"),
        ("rbbb", "RBBB"),
        ("avb1", "AVB_I"),
        ("long_qt", "LONG_QT"),
        ("lead_off", "LEAD_OFF"),
        ("stemi_inferior", "STEMI_INFERIOR"),
        ("stemi_anterior", "STEMI_ANTERIOR"),
    ],
)
def test_the_statement_is_made(name: str, code: str, rng: np.random.Generator) -> None:
    assert code in codes(analysed(synth.EXAMPLES[name](rng)))


def test_ectopic_beats_are_named_where_they_are(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 20.0, 72, pvc_at=(3, 9, 15), pac_at=(12, 18))])
    assert set(matched(analysed(made).beats, made.beats, 500.0, 90)) == {("N", "N"), ("V", "V"), ("A", "A")}


@pytest.mark.parametrize(("rate", "fires"), [(34.0, True), (36.5, False)])
def test_bradycardia_is_critical_below_its_limit_and_a_warning_above(
    rng: np.random.Generator, rate: float, fires: bool
) -> None:
    found = rules(analysed(twelve_lead(rng, [Segment("sinus", 20.0, rate)])))
    assert ("brady.rate" in found) is fires
    assert ("brady.rate_40" in found) is not fires


@pytest.mark.parametrize(("gap_s", "fires"), [(2.9, False), (3.1, True)])
def test_a_pause_is_critical_from_three_seconds(rng: np.random.Generator, gap_s: float, fires: bool) -> None:
    # The last QRS begins half an R-R before its segment ends, the next half an R-R after the pause: 1 s together.
    script = [Segment("sinus", 6.0, 60), Segment("asystole", gap_s - 1.0), Segment("sinus", 6.0, 60)]
    assert ("brady.pause" in rules(analysed(twelve_lead(rng, script)))) is fires


def test_all_leads_off_asks_for_a_new_recording_and_is_no_asystole(rng: np.random.Generator) -> None:
    off = dict.fromkeys(ecg.STANDARD_LEADS, (0.0, 10.0))
    analysis = analysed(twelve_lead(rng, [Segment("sinus", 10.0, 70)], off=off))
    assert codes(analysis) == {"NO_SIGNAL"}
    assert analysis.machine_grade is None
    assert not analysis.quality.acceptable
    late = dict.fromkeys(ecg.STANDARD_LEADS, (10.0, 20.0))
    assert not rules(analysed(twelve_lead(rng, [Segment("sinus", 20.0, 70)], off=late)))


def test_a_lead_that_is_off_has_no_voice_in_an_st_rule(rng: np.random.Generator) -> None:
    script = [Segment("sinus", 10.0, 75, st_uv={"V2": 400.0, "V3": 400.0})]
    assert "st.udmi4" in rules(analysed(twelve_lead(rng, script)))
    analysis = analysed(twelve_lead(rng, script, off={"V3": (0, 10)}))
    assert "st.udmi4" not in rules(analysis)
    assert analysis.quality.lead_off == ("V3",)
    assert analysis.measurements.st_j_mv["V3"] is None


def test_st_elevation_in_left_bundle_branch_block_is_no_stemi(rng: np.random.Generator) -> None:
    script = [Segment("sinus", 10.0, 75, shape="lbbb", qrs_ms=150, st_uv={"V1": 300.0, "V2": 300.0, "V3": 300.0})]
    assert "st.udmi4" not in rules(analysed(twelve_lead(rng, script)))


def test_wander_and_mains_change_neither_beats_nor_st(rng: np.random.Generator) -> None:
    made = twelve_lead(rng, [Segment("sinus", 10.0, 70)], wander_uv=400, mains_uv=60)
    analysis = analysed(made)
    assert set(matched(analysis.beats, made.beats, 500.0)) == {("N", "N")}
    assert analysis.machine_grade is None


def test_the_callers_samples_are_never_written_to(rng: np.random.Generator) -> None:
    made = synth.EXAMPLES["paced"](rng)
    before = made.recording.signal_uv.copy()
    analysed(made)
    assert np.array_equal(before, made.recording.signal_uv)


def test_the_same_recording_gives_the_same_answer_and_the_same_name(rng: np.random.Generator) -> None:
    made = synth.EXAMPLES["af"](rng)
    one, two = analysed(made), analysed(made)
    assert one.to_json() == two.to_json()
    assert len(one.input_sha256) == 64


def test_the_derived_leads_follow_einthoven_and_goldberger(rng: np.random.Generator) -> None:
    recording = synth.EXAMPLES["sinus"](rng).recording
    i, ii, iii = (recording.lead(name) for name in ("I", "II", "III"))
    assert np.allclose(i + iii, ii, atol=0.01)
    assert np.allclose(recording.lead("aVR"), -(i + ii) / 2, atol=0.01)


def test_a_gap_is_held_and_stays_marked() -> None:
    block = np.array([[1.0], [np.nan], [np.nan], [4.0]], dtype=np.float32)
    filled, real = hold(block, np.array([9.0], dtype=np.float32))
    assert filled[:, 0].tolist() == [1, 1, 1, 4]
    assert real[:, 0].tolist() == [True, False, False, True]
    opening, _ = hold(block[1:], np.array([9.0], dtype=np.float32))
    assert opening[:, 0].tolist() == [9, 9, 4]
