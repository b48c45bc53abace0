"""Statements on drawn waves: one that has it, one that almost has it, one in which it cannot be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ecg.record import STANDARD_LEADS, Meta
from ecg.results import QTC_FORMULAS, Beat, Episode, Finding, LeadWaves, Measurements, Quality
from ecg.statements import CODES, Seen, statements
from ecg.statements.seen import beyond
from ecg.statements.voltage import left_voltages
from ecg.waves import left_ventricle
from ecg.waves.median import Marks

PLAIN = LeadWaves(
    q_uv=0,
    q_ms=0,
    r_uv=800,
    r_ms=50,
    s_uv=-200,
    s_ms=30,
    r2_uv=0,
    r2_ms=0,
    s2_uv=0,
    s2_ms=0,
    r_peak_ms=35,
    notches=0,
    area_uvms=20_000,
    late_area_uvms=-500,
    st_uv=(0, 10, 15, 25),
    p_pos_uv=90,
    p_neg_uv=0,
    p_terminal_uvms=0,
    t_pos_uv=250,
    t_neg_uv=0,
    t_pos_first=True,
    u_uv=5,
)
SEPTAL = replace(PLAIN, r_uv=200, s_uv=-900, area_uvms=-20_000)
NORMAL: Mapping[str, LeadWaves] = {
    **dict.fromkeys(STANDARD_LEADS, PLAIN),
    "aVR": replace(PLAIN, q_uv=-700, r_uv=0, s_uv=0, area_uvms=-18_000, t_pos_uv=0, t_neg_uv=-200),
    "aVL": replace(PLAIN, r_uv=300),
    "V1": SEPTAL,
    "V2": SEPTAL,
    "V3": replace(PLAIN, r_uv=500, s_uv=-700),
}
EDGES: dict[str, int | None] = dict.fromkeys(Marks.__dataclass_fields__)
MARKS = Marks(**EDGES | {"qrs_on": 150, "qrs_off": 195, "t_off": 350})  # type: ignore[arg-type]  # the two are set
MAN, WOMAN = Meta(sex="M", age_years=55), Meta(sex="F", age_years=55)


def measured(**more: object) -> Measurements:
    plain = Measurements(
        vent_rate_bpm=70.0,
        p_ms=100,
        pr_ms=160,
        qrs_ms=90,
        qt_ms=390,
        qtc_ms=dict.fromkeys(QTC_FORMULAS, 420),
        axis_deg={"p": 50, "qrs": 45, "t": 40},
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields of Measurements


def seen(
    waves: Mapping[str, Mapping[str, object]] | None = None,
    *,
    meta: Meta = MAN,
    rhythm: str = "sinus",
    symbols: str = "N" * 12,
    missing: tuple[str, ...] = (),
    reversals: tuple[Finding, ...] = (),
    **more: object,
) -> Seen:
    """A normal ECG but for the waves, numbers and leads given."""
    rows = {lead: replace(row, **(waves or {}).get(lead, {})) for lead, row in NORMAL.items()}  # type: ignore[arg-type]  # fields of LeadWaves
    return Seen(
        samples=5000,
        fs=500.0,
        meta=meta,
        quality=Quality(True, dict.fromkeys(STANDARD_LEADS, 1.0)),
        beats=tuple(Beat(200 + 400 * index, symbol) for index, symbol in enumerate(symbols)),
        episodes=(Episode(rhythm, 0, 5000),),
        rhythm=rhythm,
        measured=measured(**more),
        median=None,
        marks=MARKS,
        waves={lead: row for lead, row in rows.items() if lead not in missing},
        reversals=reversals,
    )


def codes(one: Seen) -> set[str]:
    return {finding.code for finding in statements(one)}


def every(leads: tuple[str, ...], **fields: object) -> dict[str, Mapping[str, object]]:
    return dict.fromkeys(leads, fields)


def axis(qrs: int) -> dict[str, int]:
    return {"p": 50, "qrs": qrs, "t": 40}


RS = {"q_uv": 0, "r_uv": 200, "s_uv": -700}
LBBB_WAVES: dict[str, Mapping[str, object]] = {
    **every(("V1", "V2"), r_uv=50, s_uv=-1500, area_uvms=-90_000, late_area_uvms=-60_000),
    **every(("I", "V5", "V6"), s_uv=0, area_uvms=70_000, late_area_uvms=40_000, r_peak_ms=80, notches=1),
}
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
QS = {"q_uv": -900, "q_ms": 80, "r_uv": 0, "s_uv": 0, "area_uvms": -30_000}
CASES: tuple[tuple[str, Seen, Seen], ...] = (
    ("AVB_I", seen(pr_ms=201), seen(pr_ms=200)),
    ("SHORT_PR", seen(pr_ms=119), seen(pr_ms=120)),
    ("AXIS_LEFT", seen(axis_deg=axis(-31)), seen(axis_deg=axis(-30))),
    ("AXIS_RIGHT", seen(axis_deg=axis(91)), seen(axis_deg=axis(90))),
    ("AXIS_NORTHWEST", seen(axis_deg=axis(-100)), seen(axis_deg=axis(-85))),
    ("LBBB", seen(LBBB_WAVES, qrs_ms=140), seen(LBBB_WAVES, qrs_ms=139)),
    ("LBBB_INCOMPLETE", seen(LBBB_WAVES, qrs_ms=114), seen(LBBB_WAVES, qrs_ms=105)),
    ("IVCD", seen(qrs_ms=125), seen(qrs_ms=115)),
    (
        "RBBB_INCOMPLETE",
        seen({"V1": {"r2_uv": 200, "r2_ms": 35}}, qrs_ms=105),
        seen({"V1": {"r2_uv": 20, "r2_ms": 10}}, qrs_ms=105),
    ),
    (
        "LAFB",
        seen({**every(("II", "III", "aVF"), **RS), "aVL": {"r_uv": 900}}, axis_deg=axis(-50)),
        seen({**every(("II", "III", "aVF"), **RS), "aVL": {"r_uv": 900}}, axis_deg=axis(-44)),
    ),
    (
        "LPFB",
        seen({**every(("I", "aVL"), **RS), **every(("III", "aVF"), q_uv=-80, r_uv=900)}, axis_deg=axis(110)),
        seen({**every(("I", "aVL"), **RS), **every(("III", "aVF"), q_uv=-80, r_uv=900)}, axis_deg=axis(80)),
    ),
    (
        "RVH",
        seen({"V1": {"r_uv": 900, "s_uv": -200}, "V6": {"s_uv": -600}}, axis_deg=axis(115)),
        seen({"V1": {"r_uv": 900, "s_uv": -200}, "V6": {"s_uv": -600}}, axis_deg=axis(85)),
    ),
    ("LAE", seen({"V1": {"p_terminal_uvms": -4000}}), seen({"V1": {"p_terminal_uvms": -3900}})),
    ("RAE", seen({"II": {"p_pos_uv": 251}}), seen({"II": {"p_pos_uv": 250}})),
    (
        "LOW_VOLTAGE",
        seen(every(LIMB, q_uv=0, r_uv=350, s_uv=-149)),
        seen(every(LIMB, q_uv=0, r_uv=350, s_uv=-150)),
    ),
    (
        "POOR_R_PROGRESSION",
        seen({"V3": {"r_uv": 200, "s_uv": -900}, "V4": {"r_uv": 400}}),
        seen({"V3": {"r_uv": 600, "s_uv": -900}, "V4": {"r_uv": 400}}),
    ),
    ("MI_INFERIOR", seen(every(("III", "aVF"), q_uv=-300, q_ms=40)), seen(every(("III", "aVF"), q_uv=-300, q_ms=20))),
    ("MI_ANTEROSEPTAL", seen(every(("V1", "V2", "V3"), **QS)), seen({"V1": QS})),
    ("ABNORMAL_Q", seen({"V6": {"q_uv": -300, "q_ms": 40}}), seen({"V6": {"q_uv": -90, "q_ms": 40}})),
    (
        "STEMI_INFERIOR",
        seen({**every(("II", "III", "aVF"), st_uv=(180, 180, 170, 160)), "aVL": {"st_uv": (-90, -90, -90, -90)}}),
        seen({**every(("II", "III", "aVF"), st_uv=(60, 60, 60, 60)), "aVL": {"st_uv": (-90, -90, -90, -90)}}),
    ),
    (
        "ST_ELEVATION",
        seen({**every(("II", "III", "aVF"), st_uv=(80, 80, 80, 80)), "aVL": {"st_uv": (-40, -40, -40, -40)}}),
        seen(every(("II", "III", "aVF"), st_uv=(80, 80, 80, 80))),
    ),
    (
        "STEMI_ANTERIOR",  # evolving: dead, still raised, T turning
        seen(every(("V1", "V2", "V3", "V4"), **QS, st_uv=(60, 70, 80, 80), t_neg_uv=-150, t_pos_uv=120)),
        seen(every(("V1", "V2", "V3", "V4"), **QS, st_uv=(10, 10, 10, 10), t_neg_uv=-150, t_pos_uv=120)),
    ),
    (
        "ST_DEPRESSION",
        seen(every(("V5", "V6"), st_uv=(-60, -60, -60, -60))),
        seen(every(("V5", "V6"), st_uv=(-60, -20, 20, 60))),
    ),
    (
        "T_INVERSION",
        seen(every(("V5", "V6"), t_neg_uv=-150, t_pos_uv=0)),
        seen(every(("V5", "V6"), t_neg_uv=-80, t_pos_uv=0)),
    ),
    (
        "STEMI_POSTERIOR",
        seen(every(("V1", "V2", "V3"), st_uv=(-80, -90, -90, -80), t_pos_uv=400)),
        seen(every(("V1", "V2", "V3"), st_uv=(-80, -90, -90, -80), t_pos_uv=20)),
    ),
    (
        "AVR_ST_ELEVATION",
        seen({**every(("I", "II", "V3", "V4", "V5", "V6"), st_uv=(-150,) * 4), "aVR": {"st_uv": (120,) * 4}}),
        seen({**every(("I", "II", "V3", "V4", "V5"), st_uv=(-150,) * 4), "aVR": {"st_uv": (120,) * 4}}),
    ),
    (
        "DE_WINTER",
        seen(every(("V2", "V3", "V4"), st_uv=(-150, -80, -30, 20), t_pos_uv=900)),
        seen(every(("V2", "V3", "V4"), st_uv=(-150, -150, -150, -150), t_pos_uv=900)),
    ),
    (
        "WELLENS",
        seen(every(("V2", "V3"), t_pos_uv=200, t_neg_uv=-250)),
        seen(every(("V2", "V3"), t_pos_uv=200, t_neg_uv=-250, r_uv=20, q_uv=-900, q_ms=70)),
    ),
    ("HYPERACUTE_T", seen(every(("V3", "V4"), t_pos_uv=1300)), seen(every(("V3", "V4"), t_pos_uv=600))),
    ("LONG_QT", seen(qtc_ms=dict.fromkeys(QTC_FORMULAS, 451)), seen(qtc_ms=dict.fromkeys(QTC_FORMULAS, 450))),
    (
        "LONG_QT",
        seen(meta=WOMAN, qtc_ms=dict.fromkeys(QTC_FORMULAS, 461)),
        seen(meta=WOMAN, qtc_ms=dict.fromkeys(QTC_FORMULAS, 460)),
    ),
    ("SHORT_QT", seen(qtc_ms=dict.fromkeys(QTC_FORMULAS, 340)), seen(qtc_ms=dict.fromkeys(QTC_FORMULAS, 341))),
    (
        "BRUGADA_1",
        seen({"V2": {"st_uv": (300, 250, 200, 150), "t_neg_uv": -200}}),
        seen({"V2": {"st_uv": (300, 320, 330, 340), "t_neg_uv": -200}}),
    ),
    (
        "PULMONARY_EMBOLISM",
        seen(every(("V1", "V2", "V3", "V4"), t_neg_uv=-250, t_pos_uv=0), vent_rate_bpm=110.0),
        seen(every(("V1", "V2"), t_neg_uv=-60, t_pos_uv=0), vent_rate_bpm=110.0),
    ),
    ("PVC_COUPLET", seen(symbols="NNNVVNNNNNNN"), seen(symbols="NNNVNVNNNNNN")),
    ("PVC_BIGEMINY", seen(symbols="NNVNVNVNVNNN"), seen(symbols="NNVNVNNNNVNN")),
    ("PAC", seen(symbols="NNANNNNNNNNN"), seen(symbols="NNANNNNNNNNN", rhythm="af")),
    ("ACCELERATED_JUNCTIONAL_RHYTHM", seen(rhythm="junctional"), seen()),
    ("AVB_III", seen(rhythm="avb3"), seen()),
    ("NORMAL_ECG", seen(), seen(pr_ms=210)),
)
IDS = [f"{code}-{index}" for index, (code, _, _) in enumerate(CASES)]


@pytest.mark.parametrize(("code", "has", "almost"), CASES, ids=IDS)
def test_a_statement_is_made_where_its_criteria_are_met_and_not_where_one_is_missed(
    code: str, has: Seen, almost: Seen
) -> None:
    (finding,) = [one for one in statements(has) if one.code == code]
    assert code not in codes(almost)
    assert code in CODES
    assert finding.grade is None
    assert 0 <= finding.first < finding.end <= has.samples
    assert finding.say["zh"]
    assert finding.say["en"]
    assert finding.probability is None or 0.0 <= finding.probability <= 1.0


def test_a_normal_ecg_says_its_rhythm_and_that_the_machine_found_nothing() -> None:
    assert codes(seen()) == {"SINUS_RHYTHM", "NORMAL_ECG"}


@pytest.mark.parametrize(
    "one",
    [
        seen(missing=("V6",)),
        seen(pr_ms=None),
        seen(qt_ms=None),
        seen(rhythm="sinus_brady"),
        seen(rhythm="undetermined"),
        replace(seen(), quality=Quality(False, dict.fromkeys(STANDARD_LEADS, 1.0))),
        seen({"V2": {"t_pos_uv": None, "t_neg_uv": None}}),
        seen(reversals=(Finding("LEAD_REVERSAL_OTHER", "routine", 0, 1, probability=0.2),)),
        replace(seen(), samples=3000),
        seen(meta=Meta(age_years=12)),
    ],
)
def test_normal_is_not_said_where_anything_that_would_deny_it_was_not_seen(one: Seen) -> None:
    assert "NORMAL_ECG" not in codes(one)


def test_normal_is_not_said_next_to_a_rule_that_fired() -> None:
    fired = Finding("LONG_QT", "critical", 0, 9, rule="other.qtc", grade="critical")
    assert "NORMAL_ECG" not in {finding.code for finding in statements(seen(), (fired,))}


@pytest.mark.parametrize("rhythm", ["vt", "vf", "paced", "ivr", "undetermined"])
def test_no_shape_is_read_from_beats_that_came_another_way(rhythm: str) -> None:
    waves = {**LBBB_WAVES, **every(("II", "III", "aVF"), **QS, st_uv=(200,) * 4)}
    shapes = codes(seen(waves, rhythm=rhythm, qrs_ms=150))
    assert not shapes & {"LBBB", "MI_INFERIOR", "STEMI_INFERIOR", "LVH", "AXIS_LEFT", "LOW_VOLTAGE"}


def test_leads_that_are_missing_silence_what_rests_on_them() -> None:
    assert not codes(seen(LBBB_WAVES, qrs_ms=150, missing=("V1",))) & {"LBBB", "RBBB"}
    assert "LOW_VOLTAGE" not in codes(seen(every(LIMB, q_uv=0, r_uv=300, s_uv=-50), missing=("aVL",)))


@pytest.mark.parametrize(("sure", "silent"), [(0.49, False), (0.5, True)])
def test_leads_of_exchanged_electrodes_are_not_read(sure: float, silent: bool) -> None:
    swapped = Finding("LEAD_REVERSAL_LA_RA", "routine", 0, 1, LIMB, probability=sure)
    waves = every(("III", "aVF"), q_uv=-300, q_ms=40) | every(("V5", "V6"), t_neg_uv=-150, t_pos_uv=0)
    found = codes(seen(waves, pr_ms=210, axis_deg=axis(120), reversals=(swapped,)))
    assert {"AVB_I", "T_INVERSION"} <= found
    assert bool(found & {"MI_INFERIOR", "AXIS_RIGHT"}) is not silent


def test_a_childs_reader_is_told_that_no_adult_limit_was_applied() -> None:
    young = codes(seen(every(("V5", "V6"), r_uv=4000), meta=Meta(age_years=9)))
    assert young == {"CHILD_LIMITS_UNKNOWN", "SINUS_RHYTHM"}


def test_a_probability_is_a_half_at_the_limit_and_grows_with_the_distance() -> None:
    assert beyond(200, 200, 8.0) == 0.5
    assert beyond(180, 200, 8.0) < 0.1
    assert beyond(-60, -30, -5.0) > 0.99
    (near,) = [finding for finding in statements(seen(pr_ms=202)) if finding.code == "AVB_I"]
    (far,) = [finding for finding in statements(seen(pr_ms=280)) if finding.code == "AVB_I"]
    assert near.probability is not None
    assert far.probability is not None
    assert 0.5 < near.probability < 0.6 < far.probability


def test_infarction_in_left_bundle_branch_block_needs_a_concordant_or_outsized_st() -> None:
    assert "MI_IN_LBBB" not in codes(seen(LBBB_WAVES, qrs_ms=150))
    up = {**LBBB_WAVES, "V6": {**LBBB_WAVES["V6"], "st_uv": (120, 120, 120, 120)}}
    assert "MI_IN_LBBB" in codes(seen(up, qrs_ms=150))
    outsized = {**LBBB_WAVES, "V2": {**LBBB_WAVES["V2"], "st_uv": (400, 400, 400, 400)}}
    assert "MI_IN_LBBB" in codes(seen(outsized, qrs_ms=150))


TALL = {"V1": {"s_uv": -1900}, "V5": {"r_uv": 1700}}
STRAINED = every(("V5", "V6"), r_uv=2600, st_uv=(-60, -80, -90, -90), t_neg_uv=-300, t_pos_uv=0)


@pytest.mark.parametrize(
    ("one", "sure", "code"),
    [
        (seen(TALL), 0.7, "LVH"),
        (seen(TALL), 0.3, "LVH_VOLTAGE"),
        (seen(), 0.3, ""),
        (seen(LBBB_WAVES | TALL, qrs_ms=150), 0.9, ""),
        (seen({**TALL, "I": {"t_pos_uv": None, "t_neg_uv": None}}), 0.9, "LVH_VOLTAGE"),
        (seen({**TALL, "aVL": {"r_uv": 1300}, "I": {"t_pos_uv": None, "t_neg_uv": None}}), 0.1, "LVH"),
    ],
)
def test_hypertrophy_is_the_models_word_and_voltage_the_criterias(
    one: Seen, sure: float, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_ventricle, "probability", lambda _: sure)
    assert codes(one) & {"LVH", "LVH_VOLTAGE"} == ({code} if code else set())


def test_the_model_finds_tall_strained_leads_more_likely_than_plain_ones() -> None:
    def sure(one: Seen) -> float:
        numbers = left_ventricle.features(one.waves, one.measured, left_voltages(one.waves, 90, "M"))
        assert numbers is not None
        assert numbers.shape == (len(left_ventricle.FEATURES),)
        return left_ventricle.probability(numbers)

    assert sure(seen(STRAINED | {"aVL": {"r_uv": 1400}})) > 0.5 > sure(seen())


def test_strain_takes_the_place_of_ischaemia_where_the_voltage_is_high(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_ventricle, "probability", lambda _: 0.9)
    found = statements(seen({**STRAINED, "V1": {"s_uv": -1900}}))
    assert {finding.code for finding in found} & {"LVH", "ST_DEPRESSION", "T_INVERSION"} == {"LVH"}
    assert "ST-T" in next(finding for finding in found if finding.code == "LVH").say["en"]
