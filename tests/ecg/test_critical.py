"""The rules of critical values: each threshold just below, at and just above, unknowns, wrong profiles."""

from __future__ import annotations

from datetime import date

import pytest

from ecg.errors import ProfileWrong
from ecg.record import Meta
from ecg.rules import critical
from ecg.rules.critical import Change
from ecg.rules.evidence import Evidence, Kind, dbpm
from ecg.rules.prior import Prior

SAFE = critical.load("xinlian-safe")
HURTS = Meta(sex="M", age_years=50, symptoms=("chest_pain", "syncope"))
FINE = Meta(sex="M", age_years=50, symptoms=("none",))
UNKNOWN = Meta()


def rules_of(evidence: Evidence, meta: Meta = UNKNOWN, profile: critical.Profile = SAFE) -> set[str]:
    return {finding.rule or "" for finding in critical.judge(profile, evidence, meta)}


def test_a_rate_is_quantised_once_to_a_tenth_of_a_beat() -> None:
    assert [dbpm(60_000 / rate) for rate in (34.94, 34.96, 35.0, 35.04, 35.06)] == [349, 350, 350, 350, 351]
    assert "brady.rate" in rules_of(Evidence("rate", 0, 9, {"rate_dbpm": dbpm(60_000 / 35.04)}))
    assert "brady.rate" not in rules_of(Evidence("rate", 0, 9, {"rate_dbpm": dbpm(60_000 / 35.06)}))


@pytest.mark.parametrize(
    ("sex", "age", "limit_uv"),
    [("M", 50, 200), ("M", 39, 250), ("M", 40, 200), ("F", 50, 150), ("F", 20, 150), ("", None, 150)],
)
def test_the_anterior_limit_follows_age_and_sex_and_takes_the_lower_where_they_are_unknown(
    sex: str, age: int | None, limit_uv: int
) -> None:
    meta = Meta(sex=sex, age_years=age)  # type: ignore[arg-type]  # the table above holds only M, F and nothing
    for level, fires in ((limit_uv - 1, False), (limit_uv, True), (limit_uv + 1, True)):
        assert ("st.udmi4" in rules_of(Evidence("st", 0, 9, by_lead={"V2": level, "V3": level}), meta)) is fires


@pytest.mark.parametrize(("level", "fires"), [(99, False), (100, True), (101, True)])
def test_elsewhere_the_limit_is_a_tenth_of_a_millivolt(level: int, fires: bool) -> None:
    assert ("st.udmi4" in rules_of(Evidence("st", 0, 9, by_lead={"II": level, "aVF": level}))) is fires


def test_one_lead_alone_or_two_that_are_no_neighbours_raise_nothing() -> None:
    assert not rules_of(Evidence("st", 0, 9, by_lead={"V2": 400}))
    assert not rules_of(Evidence("st", 0, 9, by_lead={"III": 300, "V6": 300}))


def test_a_missing_lead_between_two_raised_ones_is_no_bridge() -> None:
    assert not rules_of(Evidence("st", 0, 9, by_lead={"V1": 300, "V3": 300}))


def test_minus_avr_stands_between_i_and_ii() -> None:
    found = critical.judge(SAFE, Evidence("st", 0, 9, by_lead={"I": 120, "aVR": -130}), UNKNOWN)
    assert found[0].leads == ("I", "-aVR")


@pytest.mark.parametrize("flag", ["lbbb", "lvh", "paced", "wide", "preexcited", "early", "diffuse"])
def test_no_stemi_is_called_where_the_shape_is_another_things(flag: str) -> None:
    assert not rules_of(Evidence("st", 0, 9, by_lead={"V2": 400, "V3": 400}, flags=frozenset({flag})))


def test_stemi_is_critical_unless_symptoms_are_stated_and_none_of_them_fits() -> None:
    raised = Evidence("st", 0, 9, by_lead={"V2": 400, "V3": 400})
    assert rules_of(raised, UNKNOWN) == rules_of(raised, HURTS) == {"st.udmi4"}
    assert rules_of(raised, Meta(symptoms=("palpitation",))) == {"st.udmi4_other_symptoms"}
    (finding,) = critical.judge(SAFE, raised, UNKNOWN)
    assert (finding.code, finding.value, finding.limit) == ("STEMI_ANTERIOR", 0.4, 0.15)


def test_what_is_unknown_counts_as_present() -> None:
    pause = Evidence("gap", 0, 9, {"gap_ms": 3200})
    assert rules_of(pause, UNKNOWN) == {"brady.pause"}
    assert rules_of(pause, FINE) == set()


def test_a_run_that_fills_the_recording_meets_the_duration() -> None:
    short = {"rate_dbpm": 1600, "beats": 25, "lasts_ms": 9400}
    assert rules_of(Evidence("vt", 0, 9, short), FINE) == {"tachy.vt_short"}
    assert rules_of(Evidence("vt", 0, 9, short, flags=frozenset({"fills"})), FINE) == {"tachy.vt"}


def test_a_warning_gives_way_to_the_critical_rule_of_the_same_thing() -> None:
    assert rules_of(Evidence("svt", 0, 9, {"rate_dbpm": 2050, "beats": 9})) == {"tachy.svt"}
    assert rules_of(Evidence("rate", 0, 9, {"rate_dbpm": 340})) == {"brady.rate"}


def test_only_the_default_profile_pages_before_a_person_has_read() -> None:
    fibrillation = Evidence("vf", 0, 9, {"lasts_ms": 3500})
    assert critical.judge(SAFE, fibrillation, UNKNOWN)[0].page_before_read
    assert not critical.judge(critical.load("cn-2017"), fibrillation, UNKNOWN)[0].page_before_read
    long_qt = critical.judge(SAFE, Evidence("qt", 0, 9, {"qtc_ms": 560}), UNKNOWN)[0]
    assert not long_qt.page_before_read


def test_the_text_shows_the_number_that_was_compared() -> None:
    (finding,) = critical.judge(SAFE, Evidence("rate", 0, 9, {"rate_dbpm": 349}), UNKNOWN)
    assert "34.9" in finding.say["zh"]
    assert "34.9" in finding.say["en"]
    assert (finding.value, finding.limit, finding.profile) == (34.9, 35.0, "xinlian-safe@2")


def test_every_profile_is_provisional_and_every_row_carries_its_mark() -> None:
    for name in critical.names():
        profile = critical.peek(name)
        assert profile.provisional
        assert all(rule.mark in "SPCK" for rule in profile.rules)


ROW = "id: a, of: rate, code: {code}, grade: critical, mark: K, say: {say}"


@pytest.mark.parametrize(
    "rules",
    [
        "[{" + ROW.format(code="NO_SUCH_CODE", say="{zh: a, en: b}") + "}]",
        "[{" + ROW.format(code="VT", say="{en: b}") + "}]",
        "[{" + ROW.format(code="VT", say="{zh: a, en: b}") + ", whne: {}}]",
        "[{" + ROW.format(code="VT", say="{zh: a, en: b}") + ", when: {rate_dbpm: {op: '=>', value: 1}}}]",
        "[{"
        + ROW.format(code="VT", say="{zh: a, en: b}")
        + "}, {"
        + ROW.format(code="VF", say="{zh: a, en: b}")
        + "}]",
        "[{",
    ],
)
def test_one_wrong_row_refuses_the_whole_profile(rules: str) -> None:
    with pytest.raises(ProfileWrong):
        critical.parse("wrong", f"{{profile: wrong, version: 1, provisional: true, rules: {rules}}}")


def change(rule: str, fact: str, op: critical.Op, value: int, until: date = date(2027, 1, 1)) -> Change:
    return Change(rule, fact, op, value, author="Dr. Li", reason="amiodarone", until=until)


TODAY = date(2026, 12, 1)


def test_a_patients_overlay_tightens_any_rule_and_is_named_in_the_finding() -> None:
    own = critical.overlaid(SAFE, [change("other.qtc", "qtc_ms", ">", 500)], today=TODAY)
    (finding,) = critical.judge(own, Evidence("qt", 0, 9, {"qtc_ms": 501}), UNKNOWN)
    assert (finding.rule, finding.limit, finding.profile) == ("other.qtc", 500.0, "xinlian-safe@2+patient")
    assert not rules_of(Evidence("qt", 0, 9, {"qtc_ms": 501}))
    assert own.changed[0].author == "Dr. Li"


def test_an_overlay_loosens_only_what_may_be_loosened() -> None:
    slower = critical.overlaid(SAFE, [change("brady.rate", "rate_dbpm", "<", 300)], today=TODAY)
    assert not rules_of(Evidence("rate", 0, 9, {"rate_dbpm": 320}), FINE, slower)
    with pytest.raises(ProfileWrong, match="tightened"):
        critical.overlaid(SAFE, [change("brady.asystole", "gap_ms", ">=", 6000)], today=TODAY)
    with pytest.raises(ProfileWrong, match="tightened"):
        critical.overlaid(SAFE, [change("st.udmi4", "level_uv", ">=", 200)], today=TODAY)
    tighter = critical.overlaid(SAFE, [change("st.udmi4", "level_uv", ">=", 50)], today=TODAY)
    assert "st.udmi4" in rules_of(Evidence("st", 0, 9, by_lead={"V2": 60, "V3": 60}), UNKNOWN, tighter)


def test_an_overlay_that_has_run_out_changes_nothing() -> None:
    old = change("other.qtc", "qtc_ms", ">", 500, until=date(2026, 11, 30))
    assert critical.overlaid(SAFE, [old], today=TODAY).label == SAFE.label


@pytest.mark.parametrize(
    "wrong",
    [
        change("other.nothing", "qtc_ms", ">", 500),
        change("other.qtc", "gap_ms", ">", 500),
        change("other.qtc", "qtc_ms", "<", 500),
        Change("other.qtc", "qtc_ms", ">", 500, author=" ", reason="x", until=date(2027, 1, 1)),
        Change("other.qtc", "qtc_ms", ">", 500, author="x", reason="", until=date(2027, 1, 1)),
    ],
)
def test_an_overlay_without_sense_or_author_is_refused(wrong: Change) -> None:
    with pytest.raises(ProfileWrong):
        critical.overlaid(SAFE, [wrong], today=TODAY)


def test_a_profile_without_rules_is_refused_alone_and_may_be_stacked() -> None:
    with pytest.raises(ProfileWrong, match="stack"):
        critical.load("shandong-db37-4565")
    text = "{profile: x, version: 1, provisional: true, stack: [cn-2017, shandong-db37-4565], rules: []}"
    assert critical.parse("x", text).rules == critical.load("cn-2017").rules


def test_a_stack_leaves_out_only_what_it_holds() -> None:
    text = "{{profile: x, version: 1, provisional: true, stack: [cn-2017], without: [{out}], rules: []}}"
    ids = {rule.id for rule in critical.parse("x", text.format(out="other.pe")).rules}
    assert "other.pe" not in ids
    with pytest.raises(ProfileWrong, match="left out"):
        critical.parse("x", text.format(out="st.udmi4"))


def test_first_found_asks_the_earlier_ecg_and_without_one_everything_is_first() -> None:
    fibrillates = Evidence("af", 0, 9, {"rate_dbpm": 900}, flags=frozenset({"af"}))
    assert rules_of(fibrillates) == {"rhythm.af_new"}
    known = Prior(frozenset({"AFIB"}))
    assert not critical.judge(SAFE, fibrillates, UNKNOWN, known)
    assert critical.judge(SAFE, fibrillates, UNKNOWN, Prior(frozenset({"SINUS_RHYTHM"})))


def test_re_infarction_needs_an_earlier_one_and_a_change() -> None:
    rise = Evidence("st_change", 0, 9, by_lead={"V2": 100, "V3": 120})
    assert not critical.judge(SAFE, rise, UNKNOWN)
    (finding,) = critical.judge(SAFE, rise, UNKNOWN, Prior(frozenset({"MI_ANTERIOR"})))
    assert (finding.rule, finding.value, finding.limit) == ("acs.ami_again", 0.12, 0.1)
    small = Evidence("st_change", 0, 9, by_lead={"V2": 99, "V3": 120})
    assert not critical.judge(SAFE, small, UNKNOWN, Prior(frozenset({"MI_ANTERIOR"})))


@pytest.mark.parametrize(
    ("kind", "facts", "runs"),
    [
        ("vf", {"lasts_ms": 3500}, True),
        ("vt", {"rate_dbpm": 1800, "beats": 60, "lasts_ms": 31_000}, True),
        ("tdp", {"rate_dbpm": 2200, "beats": 12, "lasts_ms": 3000}, True),
        ("gap", {"gap_ms": 4200}, True),
        ("avb", {"block": 30, "rate_dbpm": 340}, True),
        ("af_wpw", {"rr_min_ms": 220, "rate_dbpm": 2000}, True),
        ("rate", {"rate_dbpm": 340}, False),
        ("svt", {"rate_dbpm": 2400, "beats": 40}, False),
        ("qt", {"qtc_ms": 600}, False),
    ],
)
def test_below_sixteen_only_the_rules_for_children_run(kind: Kind, facts: dict[str, int], runs: bool) -> None:
    evidence = Evidence(kind, 0, 9, facts, flags=frozenset({"tdp"}))
    assert bool(rules_of(evidence, Meta(age_years=15))) is runs
    assert rules_of(evidence, Meta(age_years=16))
    assert rules_of(evidence, Meta())


def test_a_rule_for_ambulatory_recordings_is_silent_in_a_resting_one() -> None:
    province = critical.load("province-2")
    pauses = Evidence("pauses", 0, 9, {"pauses": 3, "gap_ms": 3200})
    assert rules_of(pauses, Meta(setting="ambulatory"), province) == {"amb.pause"}
    assert rules_of(pauses, Meta(setting="resting"), province) == set()
    assert rules_of(pauses, Meta(), province) == {"amb.pause"}


def test_a_run_whose_end_is_not_seen_says_so() -> None:
    run = Evidence("vt", 0, 9, {"rate_dbpm": 1600, "beats": 25, "lasts_ms": 9400}, flags=frozenset({"fills"}))
    (finding,) = critical.judge(SAFE, run, FINE)
    assert "终点未见" in finding.say["zh"]
    assert "end not seen" in finding.say["en"]


@pytest.mark.parametrize(("percent", "fires"), [(49, True), (50, False), (51, False)])
def test_no_st_rule_fires_where_electrodes_seem_exchanged(percent: int, fires: bool) -> None:
    raised = Evidence("st", 0, 9, {"lead_swap_pct": percent}, by_lead={"II": 300, "aVF": 300})
    assert ("st.udmi4" in rules_of(raised)) is fires


@pytest.mark.parametrize(
    ("leads", "code"),
    [
        (("V1", "V2", "V3"), "STEMI_ANTEROSEPTAL"),
        (("V2", "V3", "V4"), "STEMI_ANTERIOR"),
        (("V2", "V3", "V4", "V5", "V6"), "STEMI_EXTENSIVE_ANTERIOR"),
        (("II", "III", "aVF"), "STEMI_INFERIOR"),
        (("I", "aVL"), "STEMI_LATERAL"),
        (("V7", "V8"), "STEMI_POSTERIOR"),
        (("V3R", "V4R"), "STEMI_RIGHT_VENTRICULAR"),
        (("I", "-aVR"), "MI_ACUTE"),
    ],
)
def test_the_region_follows_from_the_leads(leads: tuple[str, ...], code: str) -> None:
    assert critical.territory(leads) == code
