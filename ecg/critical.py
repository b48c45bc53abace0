"""Profiles of critical values: what must wake somebody, as data, and the judging of evidence by it.

A profile is a YAML file of rules (`profiles/`), stacked on others; no figure stands in this module. `judge` takes one
piece of `Evidence` and what is known of the person and gives the findings whose rules fire. All comparisons are of
whole numbers; an unknown symptom counts as present, an unknown sex or age takes the stricter limit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal

import msgspec
import yaml

from ecg import codes
from ecg.codes import Urgency
from ecg.errors import ProfileUnknown, ProfileWrong
from ecg.evidence import Evidence, Kind
from ecg.record import Meta
from ecg.results import Finding, Grade

DEFAULT_PROFILE = "xinlian-safe"
Op = Literal[">=", ">", "<=", "<"]
COMPARE: Mapping[Op, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
# Anatomical neighbours (critical-values 3). -aVR is aVR with its sign turned.
NEIGHBOURS = (("aVL", "I", "-aVR", "II", "aVF", "III"), ("V1", "V2", "V3", "V4", "V5", "V6"), ("V7", "V8", "V9"))
TERRITORIES: tuple[tuple[str, frozenset[str]], ...] = (
    ("STEMI_INFERIOR", frozenset({"II", "III", "aVF"})),
    ("STEMI_ANTERIOR", frozenset({"V1", "V2", "V3", "V4"})),
    ("STEMI_LATERAL", frozenset({"I", "aVL", "V5", "V6"})),
)
TERRITORY_ELSE = "MI_ACUTE"


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comparison of one fact with a whole number."""

    op: Op
    value: int


class LeadLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The elevation from which some leads count, for some people."""

    leads: tuple[str, ...]
    uv: int
    sex: Literal["M", "F", ""] = ""
    age_from: int = 0
    age_below: int = 1000

    def may_apply(self, lead: str, meta: Meta) -> bool:
        """For this lead and person, or possibly for this person where sex or age is not known."""
        if lead not in self.leads or (self.sex and meta.sex and self.sex != meta.sex):
            return False
        return meta.age_years is None or self.age_from <= meta.age_years < self.age_below


class Elevation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Neighbouring leads at or above their limits."""

    contiguous: int
    limits_uv: tuple[LeadLimit, ...]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is stated must hold."""

    when: dict[str, Limit] = {}
    flags: tuple[str, ...] = ()
    no_flags: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()  # one of these, or not known
    no_symptoms: tuple[str, ...] = ()  # stated, and none of these


class Rule(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row. `mark`: how well its figure is verified (S source read, P in part, C corroborated, K not verified)."""

    id: str
    of: Kind
    code: str
    grade: Grade
    mark: Literal["S", "P", "C", "K"]
    say: dict[str, str]
    show: str = ""
    any_of: tuple[Condition, ...] = ()
    elevation: Elevation | None = None
    yields_to: tuple[str, ...] = ()
    page_before_read: bool = False


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules with a name and a version. `provisional`: no clinician has confirmed all rows; the product must show it."""

    profile: str
    version: int
    provisional: bool
    rules: tuple[Rule, ...]
    stack: tuple[str, ...] = ()
    page_before_read: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.profile}@{self.version}"


@cache
def load(name: str) -> Profile:
    """A profile of this package with the rules of those it stands upon. Raises ProfileUnknown, ProfileWrong."""
    folder = resources.files("ecg").joinpath("profiles")
    known = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    if name not in known:
        raise ProfileUnknown(name=name, known=", ".join(known))
    return parse(name, folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Profile:
    """A profile from its YAML; one wrong row refuses the whole."""
    try:
        own = msgspec.convert(yaml.safe_load(text), Profile)
    except (msgspec.ValidationError, yaml.YAMLError) as reason:
        raise ProfileWrong(name=name, rule="a row", reason=str(reason)) from reason
    below = [rule for base in own.stack for rule in load(base).rules]
    rules = tuple(_paging(rule, own.page_before_read) for rule in (*below, *own.rules))
    ids = [rule.id for rule in rules]
    for rule in rules:
        if ids.count(rule.id) > 1:
            raise ProfileWrong(name=name, rule=rule.id, reason="the id stands twice")
        if rule.code != "territory" and rule.code not in codes.findings():
            raise ProfileWrong(name=name, rule=rule.id, reason=f"{rule.code} is no finding code")
        if not {"zh", "en"} <= set(rule.say):
            raise ProfileWrong(name=name, rule=rule.id, reason="it must speak zh and en")
    return msgspec.structs.replace(own, rules=rules)


def _paging(rule: Rule, patterns: tuple[str, ...]) -> Rule:
    """Critical rules that a profile names page before a person has read."""
    pages = rule.grade == "critical" and any(fnmatchcase(rule.id, pattern) for pattern in patterns)
    return msgspec.structs.replace(rule, page_before_read=True) if pages else rule


def rule_codes(profile: Profile) -> tuple[str, ...]:
    """Every finding code a profile's rules can give."""
    territory = (*(code for code, _ in TERRITORIES), TERRITORY_ELSE)
    named = [territory if rule.code == "territory" else (rule.code,) for rule in profile.rules]
    return tuple(dict.fromkeys(code for group in named for code in group))


def judge(profile: Profile, evidence: Evidence, meta: Meta) -> tuple[Finding, ...]:
    """The findings of one piece of evidence, in the profile's order."""
    fired = [
        (rule, finding) for rule in profile.rules if (finding := _apply(profile, rule, evidence, meta)) is not None
    ]
    ids = {rule.id for rule, _ in fired}
    return tuple(finding for rule, finding in fired if not ids & set(rule.yields_to))


def _apply(profile: Profile, rule: Rule, evidence: Evidence, meta: Meta) -> Finding | None:
    if rule.of != evidence.kind or not holds(rule, evidence, meta):
        return None
    met = next((option for option in rule.any_of if holds(option, evidence, meta)), None)
    if rule.any_of and met is None:
        return None
    leads, facts, code = evidence.leads, dict(evidence.facts), rule.code
    limit = _limit_of(rule, met)
    if rule.elevation is not None:
        raised = elevated(rule.elevation, evidence.by_lead, meta)
        if not raised:
            return None
        leads = tuple(raised)
        highest = max(raised, key=lambda lead: raised[lead])
        facts["st_uv"], limit = raised[highest], _lowest(rule.elevation, highest, meta)
        code = territory(leads) if rule.code == "territory" else code
    name = "st_uv" if rule.elevation else rule.show
    return Finding(
        code=code,
        urgency=_urgency(rule.grade),
        first=evidence.first,
        end=evidence.end,
        leads=leads,
        value=None if name not in facts else in_unit(name, facts[name]),
        limit=None if limit is None else in_unit(name, limit),
        rule=rule.id,
        profile=profile.label,
        grade=rule.grade,
        say={lang: text.format(**_words(facts, leads, evidence.flags)) for lang, text in rule.say.items()},
        page_before_read=rule.page_before_read,
    )


def holds(condition: Condition, evidence: Evidence, meta: Meta) -> bool:
    """Whether every part of a condition is met. A fact that was not measured meets nothing."""
    for name, limit in condition.when.items():
        if name not in evidence.facts or not COMPARE[limit.op](evidence.facts[name], limit.value):
            return False
    if not set(condition.flags) <= evidence.flags or evidence.flags & set(condition.no_flags):
        return False
    stated = set(meta.symptoms) or {"unknown"}
    if condition.symptoms and "unknown" not in stated and not stated & set(condition.symptoms):
        return False
    return not (condition.no_symptoms and ("unknown" in stated or stated & set(condition.no_symptoms)))


def elevated(rule: Elevation, by_lead: Mapping[str, int], meta: Meta) -> dict[str, int]:
    """The leads at or above their limit that have enough neighbours so, with their levels; empty when too few."""
    levels = dict(by_lead)
    if "aVR" in levels:
        levels["-aVR"] = -levels["aVR"]
    found: dict[str, int] = {}
    for chain in NEIGHBOURS:
        run: list[str] = []
        for lead in (*chain, ""):
            limit = _lowest(rule, lead, meta)
            if lead in levels and limit is not None and levels[lead] >= limit:
                run.append(lead)
                continue
            if len(run) >= rule.contiguous:
                found |= {one: levels[one] for one in run}
            run = []
    return found


def _lowest(rule: Elevation, lead: str, meta: Meta) -> int | None:
    """The limit of a lead for this person; the lowest where the person is not known well enough."""
    return min((limit.uv for limit in rule.limits_uv if limit.may_apply(lead, meta)), default=None)


def territory(leads: tuple[str, ...]) -> str:
    """The code of the region with most of the leads."""
    counts = [(len(region & set(leads)), code) for code, region in TERRITORIES]
    best = max(count for count, _ in counts)
    return next((code for count, code in counts if count == best and best >= 2), TERRITORY_ELSE)


def _limit_of(rule: Rule, met: Condition | None) -> int | None:
    for condition in (met, rule):
        if condition is not None and rule.show in condition.when:
            return condition.when[rule.show].value
    return None


def in_unit(name: str, number: int) -> float:
    """A fact in the unit people read: rates a minute, millivolts; milliseconds stay."""
    if name.endswith("_dbpm"):
        return number / 10
    return number / 1000 if name.endswith("_uv") else float(number)


def _words(facts: Mapping[str, int], leads: tuple[str, ...], flags: frozenset[str]) -> dict[str, str]:
    """What a sentence may name: each fact in its units, the leads, the QTc formula."""
    words = {"leads": " ".join(leads), "formula": "Fridericia" if "fridericia" in flags else "Bazett"}
    for name, number in facts.items():
        words[name] = str(number)
        if name.endswith("_dbpm"):
            words[name.removesuffix("_dbpm") + "_bpm"] = f"{number / 10:.1f}"
        if name.endswith("_ms"):
            words[name.removesuffix("_ms") + "_s"] = f"{number / 1000:.2f}"
        if name.endswith("_uv"):
            words[name.removesuffix("_uv") + "_mv"] = f"{number / 1000:.3f}"
    return words


def _urgency(grade: Grade) -> Urgency:
    return "critical" if grade == "critical" else "urgent"
