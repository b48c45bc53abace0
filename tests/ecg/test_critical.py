"""The rules of critical values: each threshold just below, at and just above, unknowns, wrong profiles."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from ecg import critical
from ecg.critical import Condition, Limit, Rule
from ecg.errors import ProfileWrong
from ecg.evidence import Evidence, dbpm
from ecg.record import Meta

SAFE = critical.load("xinlian-safe")
HURTS = Meta(sex="M", age_years=50, symptoms=("chest_pain", "syncope"))
FINE = Meta(sex="M", age_years=50, symptoms=("none",))
UNKNOWN = Meta()


def rules_of(evidence: Evidence, meta: Meta = UNKNOWN, profile: critical.Profile = SAFE) -> set[str]:
    return {finding.rule or "" for finding in critical.judge(profile, evidence, meta)}


def met(condition: Condition) -> dict[str, int]:
    """Facts that satisfy every number of a condition, exactly at it or one step inside."""
    step = {">=": 0, "<=": 0, ">": 1, "<": -1}
    return {name: limit.value + step[limit.op] for name, limit in condition.when.items()}


def thresholds() -> Iterator[tuple[Rule, Condition, str, Limit]]:
    for rule in SAFE.rules:
        for option in rule.any_of or (Condition(),):
            for condition in (rule, option):
                for name, limit in condition.when.items():
                    yield rule, option, name, limit


CASES = list(thresholds())


@pytest.mark.parametrize(
    ("rule", "option", "name", "limit"), CASES, ids=[f"{r.id}-{n}-{x.value}" for r, _, n, x in CASES]
)
def test_a_rule_fires_at_its_threshold_and_on_one_side_of_it(
    rule: Rule, option: Condition, name: str, limit: Limit
) -> None:
    alone = critical.parse("one", "{profile: one, version: 1, provisional: true, rules: []}")
    only = msgspec.structs.replace(alone, rules=(msgspec.structs.replace(rule, any_of=(option,)),))
    facts = {"lasts_ms": 0, "beats": 0, "rate_dbpm": 0, "gap_ms": 0, "qtc_ms": 0} | met(rule) | met(option)
    flags = frozenset(rule.flags + option.flags)
    outcome = {
        moved: bool(rules_of(Evidence(rule.of, 0, 10, facts | {name: limit.value + moved}, flags=flags), HURTS, only))
        for moved in (-1, 0, 1)
    }
    expected = {
        ">=": (False, True, True),
        ">": (False, False, True),
        "<=": (True, True, False),
        "<": (True, False, False),
    }
    assert tuple(outcome.values()) == expected[limit.op]


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


@pytest.mark.parametrize("flag", ["lbbb", "lvh", "paced", "wide"])
def test_no_stemi_is_called_in_bundle_branch_block_hypertrophy_or_pacing(flag: str) -> None:
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
    assert (finding.value, finding.limit, finding.profile) == (34.9, 35.0, "xinlian-safe@1")


def test_every_profile_is_provisional_and_every_row_carries_its_mark() -> None:
    for name in ("xinlian-safe", "cn-2017", "stemi-udmi4"):
        profile = critical.load(name)
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
