"""The judging of evidence by a profile of critical values.

`judge` takes one piece of `Evidence` and what is known of the person and gives the findings whose rules fire. No figure
stands here: rules are data (`profiles/`, read by `ruleset`). All comparisons are of whole numbers; an unknown symptom
counts as present, an unknown sex, age or kind of recording takes the stricter limit, and without an earlier ECG
everything is the first of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping

from ecg.codes import Urgency
from ecg.record import Meta
from ecg.results import Finding, Grade
from ecg.rules.evidence import Evidence
from ecg.rules.prior import Prior
from ecg.rules.ruleset import (
    DEFAULT_PROFILE,
    TERRITORY,
    Change,
    Condition,
    LeadLimit,
    Levels,
    Limit,
    Op,
    Profile,
    Rule,
    load,
    names,
    overlaid,
    parse,
    peek,
)

__all__ = [
    "DEFAULT_PROFILE",
    "Change",
    "Condition",
    "LeadLimit",
    "Levels",
    "Limit",
    "Op",
    "Profile",
    "Rule",
    "beyond_limits",
    "holds",
    "in_unit",
    "judge",
    "load",
    "names",
    "overlaid",
    "parse",
    "peek",
    "rule_codes",
    "territory",
]

# Anatomical neighbours (critical-values 3). -aVR is aVR with its sign turned.
NEIGHBOURS = (
    ("aVL", "I", "-aVR", "II", "aVF", "III"),
    ("V1", "V2", "V3", "V4", "V5", "V6"),
    ("V3R", "V4R"),
    ("V7", "V8", "V9"),
)
TERRITORIES: tuple[tuple[str, frozenset[str]], ...] = (
    ("STEMI_INFERIOR", frozenset({"II", "III", "aVF"})),
    ("STEMI_ANTERIOR", frozenset({"V1", "V2", "V3", "V4"})),
    ("STEMI_LATERAL", frozenset({"I", "aVL", "V5", "V6"})),
    ("STEMI_POSTERIOR", frozenset({"V7", "V8", "V9"})),
    ("STEMI_RIGHT_VENTRICULAR", frozenset({"V3R", "V4R"})),
)
TERRITORY_ELSE = "MI_ACUTE"
ANTEROSEPTAL, ANTEROSEPTAL_LEADS = "STEMI_ANTEROSEPTAL", frozenset({"V1", "V2", "V3"})
EXTENSIVE, EXTENSIVE_LEADS_MIN = "STEMI_EXTENSIVE_ANTERIOR", 5
TERRITORY_CODES = (*(code for code, _ in TERRITORIES), ANTEROSEPTAL, EXTENSIVE, TERRITORY_ELSE)


def rule_codes(profile: Profile) -> tuple[str, ...]:
    """Every finding code a profile's rules can give."""
    named = [TERRITORY_CODES if rule.code == TERRITORY else (rule.code,) for rule in profile.rules]
    return tuple(dict.fromkeys(code for group in named for code in group))


def judge(profile: Profile, evidence: Evidence, meta: Meta, prior: Prior | None = None) -> tuple[Finding, ...]:
    """The findings of one piece of evidence, in the profile's order."""
    fired = [
        (rule, finding)
        for rule in profile.rules
        if _runs(profile, rule, meta) and (finding := _apply(profile, rule, evidence, meta, prior)) is not None
    ]
    ids = {rule.id for rule, _ in fired}
    return tuple(finding for rule, finding in fired if not ids & set(rule.yields_to))


def _runs(profile: Profile, rule: Rule, meta: Meta) -> bool:
    """The rule is for people of this age and recordings of this kind."""
    if profile.is_child(meta) and not rule.children:
        return False
    return not meta.setting or meta.setting in rule.applies


def _apply(profile: Profile, rule: Rule, evidence: Evidence, meta: Meta, prior: Prior | None) -> Finding | None:
    if rule.of != evidence.kind or not holds(rule, evidence, meta, prior):
        return None
    met = next((option for option in rule.any_of if holds(option, evidence, meta, prior)), None)
    if rule.any_of and met is None:
        return None
    leads, facts, code = evidence.leads, dict(evidence.facts), rule.code
    limit = _limit_of(rule, met)
    if rule.levels is not None:
        raised = beyond_limits(rule.levels, evidence.by_lead, meta)
        if not raised:
            return None
        leads = tuple(raised)
        farthest = max(raised, key=lambda lead: abs(raised[lead]))
        facts["st_uv"], limit = raised[farthest], _limit_met(rule.levels, farthest, raised[farthest], meta)
        code = territory(leads) if rule.code == TERRITORY else code
    name = "st_uv" if rule.levels else rule.show
    words = _words(facts, leads, evidence.flags)
    notes = {} if met is None else met.note
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
        say={lang: (text + notes.get(lang, "")).format(**words) for lang, text in rule.say.items()},
        page_before_read=rule.page_before_read,
        probability=facts["probability_pct"] / 100 if "probability_pct" in facts else None,
    )


def holds(condition: Condition, evidence: Evidence, meta: Meta, prior: Prior | None = None) -> bool:
    """Whether every part of a condition is met. A fact that was not measured meets nothing."""
    facts = evidence.facts
    if not all(name in facts and limit.met_by(facts[name]) for name, limit in condition.when.items()):
        return False
    if any(name in facts and limit.met_by(facts[name]) for name, limit in condition.unless.items()):
        return False
    if not set(condition.flags) <= evidence.flags or evidence.flags & set(condition.no_flags):
        return False
    before = frozenset() if prior is None else prior.codes
    if before & set(condition.first_found) or (condition.known and not before & set(condition.known)):
        return False
    stated = set(meta.symptoms) or {"unknown"}
    if condition.symptoms and "unknown" not in stated and not stated & set(condition.symptoms):
        return False
    return not (condition.no_symptoms and ("unknown" in stated or stated & set(condition.no_symptoms)))


def beyond_limits(rule: Levels, by_lead: Mapping[str, int], meta: Meta) -> dict[str, int]:
    """The leads beyond their limit that have enough neighbours so, with their levels; empty when too few."""
    levels = dict(by_lead)
    if "aVR" in levels:
        levels["-aVR"] = -levels["aVR"]
    found: dict[str, int] = {}
    for chain in NEIGHBOURS:
        run: list[str] = []
        for lead in (*chain, ""):
            if lead in levels and _limit_met(rule, lead, levels[lead], meta) is not None:
                run.append(lead)
                continue
            if len(run) >= rule.contiguous:
                found |= {one: levels[one] for one in run}
            run = []
    return found


def _limit_met(rule: Levels, lead: str, level: int, meta: Meta) -> int | None:
    """The limit of a lead that its level passes, the nearest to zero of them: the strictest where the person is not
    known well enough. None where it passes none."""
    met = [one.uv for one in rule.limits_uv if one.may_apply(lead, meta) and Limit(one.op, one.uv).met_by(level)]
    return min(met, key=abs, default=None)


def territory(leads: tuple[str, ...]) -> str:
    """The code of the region with most of the leads."""
    chest = {lead for lead in leads if lead in NEIGHBOURS[1]}
    if len(chest) >= EXTENSIVE_LEADS_MIN:
        return EXTENSIVE
    counts = [(len(region & set(leads)), code) for code, region in TERRITORIES]
    best = max(count for count, _ in counts)
    code = next((code for count, code in counts if count == best and best >= 2), TERRITORY_ELSE)
    septal = code == "STEMI_ANTERIOR" and "V1" in chest and chest <= ANTEROSEPTAL_LEADS
    return ANTEROSEPTAL if septal else code


def _limit_of(rule: Rule, met: Condition | None) -> int | None:
    for condition in (met, rule):
        if condition is not None and rule.show in condition.when:
            return condition.when[rule.show].value
    return None


def in_unit(name: str, number: int) -> float:
    """A fact in the unit people read: rates a minute, millivolts; milliseconds stay."""
    if name.endswith(("_dbpm", "_10")):
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
