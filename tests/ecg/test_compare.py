"""Serial comparison: what came, went and stayed, what is beyond noise, and whose electrodes were exchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecg
from ecg import codes, synth
from ecg.compare import FAMILIES, LIMITS, RESTS_ON, CodeChange, Comparison, compare, compare_json
from ecg.record import F32
from ecg.results import Episode, Finding, Measurements, Quality
from ecg.swap import LEADS, LIMB_EXCHANGES, apply, chest_exchanges
from tests.bench.swap import analysed, halves, records


def analysis(kind: synth.Kind = "sinus", seconds: float = 10.0, rate_bpm: float = 70.0, seed: int = 1) -> ecg.Analysis:
    rng = np.random.default_rng(seed)
    return ecg.analyze(synth.twelve_lead(rng, [synth.Segment(kind, seconds, rate_bpm=rate_bpm)]).recording)


BASE = analysis()


def said(*found: str, leads: tuple[str, ...] = (), rhythm: str = "sinus", **measured: object) -> ecg.Analysis:
    """An analysis that says these codes and nothing else."""
    numbers = {"vent_rate_bpm": 70.0, "pr_ms": 160, "qrs_ms": 90, "qt_ms": 400, **measured}
    return replace(
        BASE,
        episodes=(Episode(rhythm, 0, BASE.samples),),
        findings=tuple(Finding(code, "routine", 0, BASE.samples, leads) for code in found),
        measurements=Measurements(**numbers),  # type: ignore[arg-type]  # the tests' own numbers
    )


def kinds(found: Comparison) -> dict[str, str]:
    return {change.code: change.kind for change in found.findings}


def unread(of: ecg.Analysis, *leads: str) -> ecg.Analysis:
    quality = Quality(len(leads) < 6, {lead: 0.1 if lead in leads else 1.0 for lead in of.leads})
    return replace(of, quality=quality)


def test_an_ecg_against_itself_has_not_changed() -> None:
    found = compare(BASE, BASE)
    assert found.unchanged
    assert found.swap_suspected is None
    assert {change.kind for change in found.findings} == {"unchanged"}
    assert found.say[0].zh == "与既往心电图相比无明显变化"


def test_findings_come_go_and_stay() -> None:
    found = compare(said("SINUS_RHYTHM", "RBBB_INCOMPLETE"), said("SINUS_RHYTHM", "PVC"))
    assert kinds(found) == {"SINUS_RHYTHM": "unchanged", "PVC": "appeared", "RBBB_INCOMPLETE": "gone"}
    assert not found.unchanged


@pytest.mark.parametrize(
    ("then", "now", "kind"),
    [
        ("PVC", "PVC_COUPLET", "graver"),
        ("AVB_I", "AVB_II", "graver"),
        ("AVB_III", "AVB_I", "milder"),
        ("ST_ELEVATION", "STEMI_INFERIOR", "graver"),
        ("LVH", "LVH_VOLTAGE", "milder"),
    ],
)
def test_a_step_within_a_family_is_one_change(then: str, now: str, kind: str) -> None:
    assert compare(said(then), said(now)).findings == (CodeChange(kind, now, then, ()),)  # type: ignore[arg-type]


def test_a_sinus_rhythm_that_became_slow_is_changed_and_not_graver() -> None:
    found = compare(said("SINUS_RHYTHM"), said("SINUS_BRADYCARDIA", rhythm="sinus_brady", vent_rate_bpm=44.0))
    assert kinds(found) == {"SINUS_BRADYCARDIA": "changed"}
    assert found.say[0].zh == "变化：窦性心律 → 窦性心动过缓"


def test_what_still_stands_beside_a_graver_one_is_unchanged() -> None:
    found = compare(said("PVC"), said("PVC", "PVC_COUPLET"))
    assert kinds(found) == {"PVC_COUPLET": "graver", "PVC": "unchanged"}


def test_another_territory_is_new_and_no_step() -> None:
    found = compare(said("STEMI_INFERIOR"), said("STEMI_ANTERIOR"))
    assert kinds(found) == {"STEMI_ANTERIOR": "appeared", "STEMI_INFERIOR": "gone"}


def test_every_code_of_the_tables_is_one_of_the_catalogue() -> None:
    named = {code for family in FAMILIES for rank in family for code in rank} | set(RESTS_ON)
    assert named <= set(codes.findings())
    assert sum(len(rank) for family in FAMILIES for rank in family) == len(
        {code for family in FAMILIES for rank in family for code in rank}
    )
    assert set(RESTS_ON.values()) <= set(LIMITS)


@pytest.mark.parametrize(("now", "kind", "beyond"), [(205, "borderline", False), (221, "appeared", True)])
def test_a_number_that_passes_its_limit_by_less_than_noise_is_no_news(now: int, kind: str, beyond: bool) -> None:
    found = compare(said(pr_ms=198), said("AVB_I", pr_ms=now))
    assert kinds(found) == {"AVB_I": kind}
    assert {n.name: n.beyond_noise for n in found.numbers}["pr_ms"] is beyond
    assert found.unchanged is not beyond


@pytest.mark.parametrize(("then", "now", "change"), [(170, -170, 20), (-170, 170, -20), (0, 90, 90), (-30, 10, 40)])
def test_an_axis_turns_the_shorter_way_round(then: int, now: int, change: int) -> None:
    axes = ({"p": None, "qrs": axis, "t": None} for axis in (then, now))
    found = compare(*(said(axis_deg=axis) for axis in axes))
    (axis,) = [number for number in found.numbers if number.unit == "deg"]
    assert axis.change == change
    assert axis.beyond_noise is (abs(change) > 30)


def test_st_at_j_alone_is_the_end_of_a_qrs_and_not_a_change() -> None:
    then = said(st_j_mv={"V5": 0.0}, st_j60_mv={"V5": 0.0})
    at_j = compare(then, said(st_j_mv={"V5": 0.2}, st_j60_mv={"V5": 0.0}))
    both = compare(then, said(st_j_mv={"V5": 0.2}, st_j60_mv={"V5": 0.2}))
    assert [number.beyond_noise for number in at_j.numbers if number.unit == "mV"] == [False]
    assert [number.beyond_noise for number in both.numbers if number.unit == "mV"] == [True]
    assert any("V5 +0.2" in words.zh for words in both.say)


def test_a_lead_that_was_not_read_is_not_compared() -> None:
    then, now = said(st_j_mv={"V2": 0.0, "V5": 0.0}), said(st_j_mv={"V2": 0.4, "V5": 0.0})
    found = compare(then, unread(now, "V2"))
    assert found.not_compared == ("V2",)
    assert [number.name for number in found.numbers if number.unit == "mV"] == ["st_j_mv.V5"]
    assert not found.unchanged


def test_what_an_unread_lead_could_not_show_is_neither_new_nor_gone() -> None:
    then, now = said("ST_ELEVATION", leads=("V2", "V3")), said()
    assert kinds(compare(then, unread(now, "V2", "V3"))) == {"ST_ELEVATION": "unsure"}
    assert kinds(compare(unread(now, "V2", "V3"), then)) == {"ST_ELEVATION": "unsure"}
    assert kinds(compare(then, unread(now, "V1"))) == {"ST_ELEVATION": "gone"}


def test_of_a_poor_signal_only_the_rhythm_is_compared() -> None:
    found = compare(said("AFIB", "LBBB", rhythm="af"), said("POOR_QUALITY", qrs_ms=180))
    assert kinds(found) == {"AFIB": "gone", "LBBB": "unsure"}
    assert [number.name for number in found.numbers] == ["vent_rate_bpm"]
    assert found.swap is None
    assert "later_poor" in found.caveats


def test_of_what_cannot_be_read_nothing_is_said() -> None:
    found = compare(BASE, said("UNREADABLE"))
    assert [words.zh for words in found.say] == ["本次图形无法判读，不能与既往比较"]
    assert not found.unchanged
    assert set(kinds(found).values()) == {"unsure"}
    assert found.numbers == ()


def test_a_change_of_rhythm_is_named_once() -> None:
    found = compare(said("SINUS_RHYTHM"), said("AFIB", rhythm="af"))
    assert found.rhythm == ("sinus", "af")
    assert [words.zh for words in found.say] == ["心律：窦性心律 → 心房颤动"]


def test_a_turned_t_wave_is_seen_on_real_beats() -> None:
    assert BASE.median is not None
    v5 = BASE.median.leads.index("V5")
    wave = BASE.median.wave_uv.copy()
    wave[BASE.median.r_at + 60 :, v5] *= -1
    found = compare(BASE, replace(BASE, median=replace(BASE.median, wave_uv=wave)))
    assert found.t_flipped == ("V5",)


def test_codes_and_rhythms_of_a_later_version_are_named_as_they_are() -> None:
    found = compare(said("SOMETHING_NEW"), said("ANOTHER", rhythm="hyper"))
    assert kinds(found) == {"SOMETHING_NEW": "gone", "ANOTHER": "appeared"}
    assert found.say[0].en == "Rhythm: Sinus rhythm → hyper"


def test_another_version_of_the_software_is_told() -> None:
    found = compare(replace(BASE, versions={"algorithm": "0.0.1"}), BASE)
    assert found.caveats == ("versions",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(BASE.to_json())), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(BASE.to_json())), JSON)
def test_a_stored_result_that_lacks_or_bends_a_part_is_still_compared(part: str, told: object) -> None:
    bent = {**BASE.to_json(), part: told}
    for found in (compare_json(bent, BASE.to_json()), compare_json(BASE.to_json(), bent)):
        json.dumps(found.to_json(), allow_nan=False)


def test_a_comparison_is_plain_json() -> None:
    told = json.loads(json.dumps(compare(BASE, analysis("af")).to_json()))
    assert told["rhythm"] == ["sinus", "af"]
    assert {"findings", "numbers", "swap_suspected", "say", "unchanged"} <= set(told)


def twelve(rows: F32) -> Mapping[str, F32]:
    return dict(zip(LEADS, rows.T, strict=True))


def test_exchanged_arms_turn_lead_i_over_and_leave_the_chest_alone() -> None:
    rows = np.random.default_rng(3).normal(0, 100, (50, 8)).astype(np.float32)
    seen, true = twelve(apply({"LA": "RA", "RA": "LA"}, rows)), twelve(rows)
    assert np.allclose(seen["I"], -true["I"], atol=1e-3)
    assert np.allclose(seen["II"], true["II"] - true["I"], atol=1e-3)
    assert all(np.allclose(seen[lead], true[lead], atol=1e-3) for lead in LEADS[2:])


def test_a_right_arm_electrode_on_the_leg_leaves_lead_ii_flat() -> None:
    rows = np.random.default_rng(3).normal(0, 100, (50, 8)).astype(np.float32)
    assert np.abs(twelve(apply({"RA": "RL", "RL": "RA"}, rows))["II"]).max() < 1e-3


EXCHANGES = {**LIMB_EXCHANGES, **{k: v for k, v in chest_exchanges().items() if k in ("V1 V2", "V2 V3", "V4 V6")}}


def test_exchanged_electrodes_are_named_against_the_earlier_ecg_of_real_people(data: Path) -> None:
    # A floor on a part of the records; the table of ACQ-15 (95 % of 2,300 found) is printed by `./run bench swap`.
    found, asked = 0, 0
    for name in records(data)[::20]:
        fs, first, second = halves(name, data)
        earlier = analysed(fs, first)
        assert compare(earlier, analysed(fs, second)).swap is None, name
        for electrodes, moved in EXCHANGES.items():
            swap = compare(earlier, analysed(fs, second, moved)).swap
            asked += 1
            found += swap is not None and " ".join(swap.electrodes) == electrodes
    assert found / asked >= 0.9
