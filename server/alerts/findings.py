"""Which critical finding is graver, and which are one trouble: the order and the families of the rules.

Used to choose the alert of a recording, to tell "the same again" from "it got worse", and to keep the wrong choices of
a read-back clear of the right one. The order is ours: what kills in minutes stands above what kills in hours.
"""

from __future__ import annotations

from collections.abc import Iterable

from ecg import codes
from server.alerts.model import CriticalFinding

ARREST = "arrest"
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (ARREST, ("tachy.vf", "brady.asystole")),
    ("ventricular", ("tachy.tdp", "tachy.vt", "amb.qtc_vt")),
    ("preexcited_af", ("tachy.af_wpw",)),
    ("infarction", ("acs.ami", "st.")),
    ("slow", ("brady.", "amb.pause", "tech.pacer_fail")),
    ("fast", ("tachy.",)),
)
"""Family and the rule ids (or their beginnings) in it, gravest first; the first row that fits counts."""


def family(rule: str) -> str:
    """The family of a rule; one that stands in no row is a family of its own."""
    return next((name for name, rules in FAMILIES if rule.startswith(rules)), rule)


def gravity(rule: str) -> int:
    """0 is the gravest."""
    return next((i for i, (_, rules) in enumerate(FAMILIES) if rule.startswith(rules)), len(FAMILIES))


def gravest_first(findings: Iterable[CriticalFinding]) -> list[CriticalFinding]:
    return sorted(findings, key=lambda f: (gravity(f.rule), f.first, f.rule))


def decoy_codes(code: str, also: Iterable[str]) -> list[str]:
    """Codes that may stand beside `code` in a read-back: grave, of another group, not said of this recording."""
    names = codes.findings()
    own = {names[c].group for c in (code, *also) if c in names}
    return [n.code for n in names.values() if n.urgency == "critical" and n.group not in own]


def code_in_words(words: Iterable[str]) -> str:
    """The critical code whose name a reader's conclusion carries, the longest name first; "" when none does."""
    text = " ".join(words)
    grave = sorted((n for n in codes.findings().values() if n.urgency == "critical"), key=lambda n: -len(n.name_zh))
    return next((n.code for n in grave if n.name_zh in text or n.name_en in text), "")
