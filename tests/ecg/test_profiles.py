"""Every rule of every profile on each side of every threshold: as numbers, and against the page of critical values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import pytest

from ecg.record import Meta
from ecg.rules import critical
from ecg.rules.critical import Condition, LeadLimit, Levels, Limit, Profile, Rule
from ecg.rules.evidence import Evidence, Kind
from ecg.rules.prior import Prior

HURTS = Meta(sex="M", age_years=50, symptoms=("chest_pain", "syncope", "dyspnoea"))
FINE = Meta(sex="M", age_years=50, symptoms=("palpitation",))
PROFILES = [critical.peek(name) for name in critical.names()]
STEP = {">=": (0, -1), "<=": (0, 1), ">": (1, 0), "<": (-1, 0)}  # from the limit: just met, just not met
EXPECTED = {
    ">=": (False, True, True),
    ">": (False, False, True),
    "<=": (True, True, False),
    "<": (True, False, False),
}
# Every fact a sentence of any rule may name; a rule's own conditions overrule these.
PLAIN = {
    "lasts_ms": 5000,
    "beats": 9,
    "rate_dbpm": 700,
    "gap_ms": 0,
    "pauses": 0,
    "qtc_ms": 400,
    "rr_min_ms": 400,
    "block": 0,
    "probability_pct": 0,
    "avr_uv": 0,
    "leads": 0,
    "up": 0,
    "down": 0,
    "ratio": 0,
    "r_on_t": 0,
    "per_min_10": 0,
    "t_uv": 900,
    "qrs_ms": 90,
    "u_uv": 0,
    "qt_u_ms": 400,
    "score": 0,
    "twa_uv": 0,
    "lost": 0,
}


@dataclass(frozen=True)
class Situation:
    """One way for a rule to fire: the rule alone, one of its options, who and what came before."""

    profile: Profile
    rule: Rule
    option: Condition

    @property
    def name(self) -> str:
        return f"{self.profile.profile}-{self.rule.id}-{self.rule.any_of.index(self.option) if self.rule.any_of else 0}"

    def meta(self) -> Meta:
        return FINE if self.rule.no_symptoms or self.option.no_symptoms else HURTS

    def prior(self) -> Prior | None:
        known = self.rule.known or self.option.known
        return Prior(frozenset(known[:1])) if known else None

    def facts(self) -> dict[str, int]:
        met = {
            name: limit.value + STEP[limit.op][0]
            for condition in (self.rule, self.option)
            for name, limit in condition.when.items()
        }
        return PLAIN | met

    def by_lead(self) -> dict[str, int]:
        if self.rule.levels is None:
            return {}
        limits = [limit for limit in self.rule.levels.limits_uv if applies(limit, self.meta())]
        return {lead: one.uv + STEP[one.op][0] for one in limits for lead in one.leads}

    def fires(self, facts: dict[str, int], by_lead: dict[str, int] | None = None) -> bool:
        alone = msgspec.structs.replace(self.rule, any_of=(self.option,), yields_to=())
        profile = msgspec.structs.replace(self.profile, rules=(alone,))
        flags = frozenset(self.rule.flags + self.option.flags)
        levels = self.by_lead() if by_lead is None else by_lead
        evidence = Evidence(self.rule.of, 0, 10, facts, by_lead=levels, flags=flags)
        return bool(critical.judge(profile, evidence, self.meta(), self.prior()))


def applies(limit: LeadLimit, meta: Meta) -> bool:
    return any(limit.may_apply(lead, meta) for lead in limit.leads)


SITUATIONS = [
    Situation(profile, rule, option)
    for profile in PROFILES
    if profile.profile != "xinlian-safe"  # its own rules come below; those of its stack are tried where they stand
    for rule in profile.rules
    for option in rule.any_of or (Condition(),)
] + [
    Situation(profile, rule, option)
    for profile in PROFILES
    if profile.profile == "xinlian-safe"
    for rule in profile.rules
    if rule.id not in {other.id for base in profile.stack for other in critical.peek(base).rules}
    or rule.id in profile.without
    for option in rule.any_of or (Condition(),)
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.name)
def test_every_rule_fires_where_all_it_asks_is_just_met(situation: Situation) -> None:
    assert situation.fires(situation.facts())


def numbers() -> Iterator[tuple[Situation, str, Limit]]:
    for situation in SITUATIONS:
        for condition in (situation.rule, situation.option):
            for name, limit in condition.when.items():
                yield situation, name, limit


NUMBERS = list(numbers())


@pytest.mark.parametrize(
    ("situation", "name", "limit"), NUMBERS, ids=[f"{s.name}-{n}-{x.value}" for s, n, x in NUMBERS]
)
def test_a_number_counts_on_one_side_of_its_threshold(situation: Situation, name: str, limit: Limit) -> None:
    moved = [situation.facts() | {name: limit.value + step} for step in (-1, 0, 1)]
    assert tuple(situation.fires(facts) for facts in moved) == EXPECTED[limit.op]


LEVELS = [
    (situation, limit)
    for situation in SITUATIONS
    if situation.rule.levels is not None
    for limit in situation.rule.levels.limits_uv
]


@pytest.mark.parametrize(
    ("situation", "limit"), LEVELS, ids=[f"{s.name}-{x.leads[0]}{x.op}{x.uv}{x.sex}" for s, x in LEVELS]
)
def test_a_lead_counts_on_one_side_of_its_level(situation: Situation, limit: LeadLimit) -> None:
    sex = limit.sex or situation.meta().sex
    age = limit.age_from or (limit.age_below - 1 if limit.age_below < 1000 else 50)
    person = msgspec_meta(situation.meta(), sex, age)
    pair = neighbours(limit)
    outcome = []
    for step in (-1, 0, 1):
        alone = msgspec.structs.replace(situation.rule, yields_to=())
        profile = msgspec.structs.replace(situation.profile, rules=(alone,))
        flags = frozenset(situation.rule.flags)
        evidence = Evidence(situation.rule.of, 0, 10, by_lead=dict.fromkeys(pair, limit.uv + step), flags=flags)
        outcome.append(bool(critical.judge(profile, evidence, person, situation.prior())))
    assert tuple(outcome) == EXPECTED[limit.op]


def msgspec_meta(meta: Meta, sex: str, age: int) -> Meta:
    return Meta(sex="F" if sex == "F" else "M", age_years=age, symptoms=meta.symptoms)


def neighbours(limit: LeadLimit) -> tuple[str, ...]:
    """Two leads of a limit that lie next to one another."""
    for chain in critical.NEIGHBOURS:
        for a, b in pairwise(chain):
            if {a, b} <= set(limit.leads) and "-aVR" not in (a, b):
                return a, b
    return (limit.leads[0],)


@pytest.mark.parametrize("situation", [s for s in SITUATIONS if s.rule.unless or s.option.unless], ids=lambda s: s.name)
def test_exchanged_electrodes_silence_a_rule_about_shapes(situation: Situation) -> None:
    assert situation.fires(situation.facts() | {"lead_swap_pct": 49})
    assert not situation.fires(situation.facts() | {"lead_swap_pct": 50})


# The table of critical-values 1, by hand: what each list says of one and the same heart.
LISTS = {
    "C": "cn-2017",
    "Z": "zhejiang-trial",
    "P": "province-2",
    "S": "shanxi-2017",
    "H": "hospital-classic",
}
# Kind, facts, flag; the lists that fire, the lists that must not; the others have no such row or are asked elsewhere.
TABLE: tuple[tuple[Kind, dict[str, int], str, str, str], ...] = (
    ("rate", {"rate_dbpm": 349}, "", "CZPH", ""),
    ("rate", {"rate_dbpm": 350}, "", "CPH", "Z"),
    ("rate", {"rate_dbpm": 351}, "", "H", "CZP"),
    ("rate", {"rate_dbpm": 400}, "", "", "CH"),
    ("gap", {"gap_ms": 3000}, "", "CZP", "H"),
    ("gap", {"gap_ms": 3001}, "", "H", ""),
    ("svt", {"rate_dbpm": 1800}, "", "", "CZPH"),
    ("svt", {"rate_dbpm": 1801}, "", "H", "S"),
    ("svt", {"rate_dbpm": 1800}, "fills", "S", ""),
    ("svt", {"rate_dbpm": 2000}, "", "CP", "Z"),
    ("svt", {"rate_dbpm": 2300}, "", "Z", ""),
    ("af", {"rate_dbpm": 1800}, "af", "Z", "CPH"),
    ("af", {"rate_dbpm": 2000}, "af", "PH", ""),
    ("af_wpw", {"rr_min_ms": 249}, "", "CZPS", ""),
    ("af_wpw", {"rr_min_ms": 250}, "", "CPS", "Z"),
    ("af_wpw", {"rr_min_ms": 251}, "", "H", "CZP"),
    ("qt", {"qtc_ms": 550}, "", "C", "ZPS"),
    ("pvc", {"r_on_t": 1, "per_min_10": 60}, "", "CH", "ZP"),
    ("pvc", {"r_on_t": 1, "qtc_ms": 550, "per_min_10": 60}, "", "CZPS", ""),
    ("vt", {"rate_dbpm": 1490, "lasts_ms": 40000, "beats": 90}, "", "SH", "CZP"),
    ("vt", {"rate_dbpm": 1500, "lasts_ms": 30000, "beats": 75}, "", "CZP", ""),
    ("vt", {"rate_dbpm": 1500, "lasts_ms": 29999, "beats": 75}, "", "C", "ZPS"),
    ("tdp", {"beats": 3, "rate_dbpm": 2200}, "tdp", "CZPSH", ""),
    ("tdp", {"beats": 3, "rate_dbpm": 1600}, "bidirectional", "C", "ZP"),
    ("vf", {"lasts_ms": 3000}, "", "CZPSH", ""),
    ("avb", {"block": 30, "rate_dbpm": 450}, "", "ZPSH", "C"),
    ("avb", {"block": 25, "rate_dbpm": 350}, "", "CH", "ZP"),
    ("avb", {"block": 22, "rate_dbpm": 450}, "", "H", "C"),
    ("avb", {"block": 21, "rate_dbpm": 450}, "", "", "H"),
)
ROWS = [
    (kind, facts, flag, LISTS[letter], letter in fire)
    for kind, facts, flag, fire, silent in TABLE
    for letter in fire + silent
]


@pytest.mark.parametrize(
    ("kind", "facts", "flag", "name", "fires"), ROWS, ids=[f"{n}-{k}-{f}-{list(x.values())}" for k, x, f, n, _ in ROWS]
)
def test_each_list_says_what_its_print_says(
    kind: Kind, facts: dict[str, int], flag: str, name: str, fires: bool
) -> None:
    evidence = Evidence(kind, 0, 9, facts, flags=frozenset({flag} - {""}))
    assert bool(critical.judge(critical.load(name), evidence, HURTS)) is fires


@pytest.mark.parametrize(
    ("uv", "lists"),
    [
        (299, {"zhejiang-trial": False, "province-2": False, "shanxi-2017": False}),
        (300, {"zhejiang-trial": False, "province-2": False, "shanxi-2017": True}),
        (301, {"zhejiang-trial": True, "province-2": True, "shanxi-2017": True}),
    ],
)
def test_the_chest_voltage_of_each_list(uv: int, lists: dict[str, bool]) -> None:
    raised = Evidence("st", 0, 9, by_lead={"V1": uv, "V2": uv})
    for name, fires in lists.items():
        assert bool(critical.judge(critical.load(name), raised, HURTS)) is fires, name


@pytest.mark.parametrize(
    ("known", "rate", "fires"), [(False, 450, True), (True, 450, False), (True, 399, True), (True, 400, False)]
)
def test_zhejiang_pages_a_known_block_only_when_it_is_slow(known: bool, rate: int, fires: bool) -> None:
    prior = Prior(frozenset({"AVB_III"})) if known else None
    evidence = Evidence("avb", 0, 9, {"block": 30, "rate_dbpm": rate})
    assert bool(critical.judge(critical.load("zhejiang-trial"), evidence, HURTS, prior)) is fires


def test_lists_are_never_merged_and_every_rule_of_the_default_has_one_id() -> None:
    for profile in PROFILES:
        ids = [rule.id for rule in profile.rules]
        assert len(ids) == len(set(ids))
    assert isinstance(critical.load("xinlian-safe").rules[0].levels, Levels)
