"""Profiles of critical values as data: their form, their reading and stacking, and the changes for one patient.

A profile is a YAML file of rules (`profiles/`), stacked on others; no figure stands in this module. Judging by them is
`critical`'s business.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal, TypeVar

import msgspec
import yaml

from ecg import codes
from ecg.errors import ProfileUnknown, ProfileWrong
from ecg.record import Meta
from ecg.results import Grade
from ecg.rules.evidence import Kind

DEFAULT_PROFILE = "xinlian-safe"
Op = Literal[">=", ">", "<=", "<"]
Setting = Literal["resting", "ambulatory"]
COMPARE: Mapping[Op, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
UPWARDS: tuple[Op, ...] = (">=", ">")
TERRITORY = "territory"  # instead of a code: the code follows from the leads


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comparison of one fact with a whole number."""

    op: Op
    value: int

    def met_by(self, number: int) -> bool:
        return COMPARE[self.op](number, self.value)

    def catches_all_of(self, other: Limit) -> bool:
        """Every number that meets `other` meets this one too."""
        if (self.op in UPWARDS) != (other.op in UPWARDS):
            return False
        return self._edge() <= other._edge() if self.op in UPWARDS else self._edge() >= other._edge()

    def _edge(self) -> int:
        """The outermost whole number that still meets it."""
        return self.value + {">": 1, "<": -1}.get(self.op, 0)


class LeadLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The level from which some leads count, for some people."""

    leads: tuple[str, ...]
    uv: int
    op: Op = ">="
    sex: Literal["M", "F", ""] = ""
    age_from: int = 0
    age_below: int = 1000

    def may_apply(self, lead: str, meta: Meta) -> bool:
        """For this lead and person, or possibly for this person where sex or age is not known."""
        if lead not in self.leads or (self.sex and meta.sex and self.sex != meta.sex):
            return False
        return meta.age_years is None or self.age_from <= meta.age_years < self.age_below


class Levels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As many neighbouring leads beyond their limits."""

    contiguous: int
    limits_uv: tuple[LeadLimit, ...]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is stated must hold.

    unless       numbers of which none may hold; one that was not measured does not hold.
    symptoms     one of these, or not known; no_symptoms: stated, and none of these.
    first_found  none of these codes in the earlier ECG, or no earlier ECG; known: one of these in it.
    note         added to the sentence where this condition was the one that was met.
    """

    when: dict[str, Limit] = {}
    unless: dict[str, Limit] = {}
    flags: tuple[str, ...] = ()
    no_flags: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    no_symptoms: tuple[str, ...] = ()
    first_found: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    note: dict[str, str] = {}


class Rule(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row.

    mark        how well its figure is verified: S source read, P in part, C corroborated, K not verified.
    of          the kind of evidence it judges; code: what it says, or `territory`.
    any_of      one of these must hold too.
    levels      neighbouring leads beyond their limits.
    yields_to   silent where one of these fires on the same evidence.
    applies     the kinds of recording it is for; where the kind is not known it runs.
    children    runs below the age from which the others do.
    loosenable  a patient's overlay may loosen it.
    """

    id: str
    of: Kind
    code: str
    grade: Grade
    mark: Literal["S", "P", "C", "K"]
    say: dict[str, str]
    show: str = ""
    any_of: tuple[Condition, ...] = ()
    levels: Levels | None = None
    yields_to: tuple[str, ...] = ()
    applies: tuple[Setting, ...] = ("resting", "ambulatory")
    children: bool = False
    loosenable: bool = False
    page_before_read: bool = False


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules with a name and a version. `provisional`: no clinician has confirmed all rows; the product must show it.

    source            the key of its source in the page of critical values.
    stack             the profiles whose rules it takes over; without: ids of theirs that it leaves out.
    page_before_read  patterns of ids; critical rules among them page before a person has read.
    adult_from_years  below this age only rules for children run; None: as the profiles it stands on.
    changed           what an overlay of one patient changed.
    """

    profile: str
    version: int
    provisional: bool
    rules: tuple[Rule, ...]
    source: str = ""
    stack: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    page_before_read: tuple[str, ...] = ()
    adult_from_years: int | None = None
    stands_on: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.profile}@{self.version}" + ("+patient" if self.changed else "")

    def is_child(self, meta: Meta) -> bool:
        """Only the rules for children run. An unknown age is an adult's: more rules run."""
        return meta.age_years is not None and meta.age_years < (self.adult_from_years or 0)


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of a patient's overlay: the limit of one fact of one rule, by whom, why and until when.

    fact  a fact of the rule, or `level_uv` for the limits of its leads.
    """

    rule: str
    fact: str
    op: Op
    value: int
    author: str
    reason: str
    until: date


def names() -> tuple[str, ...]:
    """Every profile of this package."""
    folder = resources.files("ecg").joinpath("profiles")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def load(name: str) -> Profile:
    """A profile of this package with the rules of those it stands upon. Raises ProfileUnknown, ProfileWrong.

    One without any rule is refused: watched by nothing, a patient would look safe.
    """
    profile = peek(name)
    if not profile.rules:
        raise ProfileWrong(name=name, rule="all", reason="no rule of it has been read yet: stack it on another")
    return profile


@cache
def peek(name: str) -> Profile:
    """As `load`, an empty profile too. Raises ProfileUnknown, ProfileWrong."""
    if name not in names():
        raise ProfileUnknown(name=name, known=", ".join(names()))
    file = resources.files("ecg").joinpath("profiles").joinpath(f"{name}.yaml")
    return parse(name, file.read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Profile:
    """A profile from its YAML; one wrong row refuses the whole."""
    try:
        own = msgspec.convert(yaml.safe_load(text), Profile)
    except (msgspec.ValidationError, yaml.YAMLError) as reason:
        raise ProfileWrong(name=name, rule="a row", reason=str(reason)) from reason
    bases = [peek(base) for base in own.stack]
    below = [rule for base in bases for rule in base.rules]
    for left_out in own.without:
        if left_out not in {rule.id for rule in below}:
            raise ProfileWrong(name=name, rule=left_out, reason="it is left out of a stack that does not hold it")
    kept = [rule for rule in below if rule.id not in own.without]
    rules = tuple(_paging(rule, own.page_before_read) for rule in (*kept, *own.rules))
    ids = [rule.id for rule in rules]
    for rule in rules:
        if ids.count(rule.id) > 1:
            raise ProfileWrong(name=name, rule=rule.id, reason="the id stands twice")
        if rule.code != TERRITORY and rule.code not in codes.findings():
            raise ProfileWrong(name=name, rule=rule.id, reason=f"{rule.code} is no finding code")
        if not {"zh", "en"} <= set(rule.say):
            raise ProfileWrong(name=name, rule=rule.id, reason="it must speak zh and en")
    ages = [base.adult_from_years for base in bases if base.adult_from_years is not None]
    adult = own.adult_from_years if own.adult_from_years is not None else max(ages, default=None)
    stands_on = tuple(dict.fromkeys(label for base in bases for label in (*base.stands_on, base.label)))
    return msgspec.structs.replace(own, rules=rules, adult_from_years=adult, stands_on=stands_on)


def _paging(rule: Rule, patterns: tuple[str, ...]) -> Rule:
    """Critical rules that a profile names page before a person has read."""
    pages = rule.grade == "critical" and any(fnmatchcase(rule.id, pattern) for pattern in patterns)
    return msgspec.structs.replace(rule, page_before_read=True) if pages else rule


def overlaid(profile: Profile, changes: Sequence[Change], *, today: date) -> Profile:
    """The profile as it holds for one patient (critical-values 4.3). Changes that have run out are left out.

    A change may tighten any rule; loosen only one marked `loosenable`. Raises ProfileWrong where a change has no author
    or reason, names no rule or fact, turns a comparison round, or loosens what may not be loosened.
    """
    valid = tuple(change for change in changes if change.until >= today)
    rules = {rule.id: rule for rule in profile.rules}
    for change in valid:
        if not change.author.strip() or not change.reason.strip():
            raise ProfileWrong(name=profile.label, rule=change.rule, reason="a change needs an author and a reason")
        if change.rule not in rules:
            raise ProfileWrong(name=profile.label, rule=change.rule, reason="there is no such rule to change")
        rules[change.rule] = _changed(profile, rules[change.rule], change)
    return msgspec.structs.replace(profile, rules=tuple(rules.values()), changed=(*profile.changed, *valid))


def _changed(profile: Profile, rule: Rule, change: Change) -> Rule:
    new = Limit(change.op, change.value)
    old: list[Limit] = []

    def moved(condition: ConditionT) -> ConditionT:
        if change.fact not in condition.when:
            return condition
        old.append(condition.when[change.fact])
        return msgspec.structs.replace(condition, when=condition.when | {change.fact: new})

    rule = msgspec.structs.replace(moved(rule), any_of=tuple(moved(option) for option in rule.any_of))
    if change.fact == "level_uv" and rule.levels is not None:
        old += [Limit(limit.op, limit.uv) for limit in rule.levels.limits_uv]
        limits = tuple(msgspec.structs.replace(one, uv=new.value, op=new.op) for one in rule.levels.limits_uv)
        rule = msgspec.structs.replace(rule, levels=Levels(rule.levels.contiguous, limits))
    if not old:
        raise ProfileWrong(name=profile.label, rule=rule.id, reason=f"it has no limit of {change.fact}")
    if any((limit.op in UPWARDS) != (new.op in UPWARDS) for limit in old):
        raise ProfileWrong(name=profile.label, rule=rule.id, reason="the comparison may not be turned round")
    if not rule.loosenable and not all(new.catches_all_of(limit) for limit in old):
        raise ProfileWrong(name=profile.label, rule=rule.id, reason="it is looser, and the rule may only be tightened")
    return rule


ConditionT = TypeVar("ConditionT", bound=Condition)
