"""The one access table: which role may do what, and how far from its own institution.

Every HTTP route and every live topic names a row of it (the start is refused otherwise); rooms ask through `Ctx`. A
grant is (role, institution). Reach: `own` that institution only, `below` it and everything under it, `served` the same,
for roles of a centre or of a superior hospital, `any` wherever. Nothing else decides who sees or does what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from server.base.context import Grant, Judge

CLINIC = ("village_doctor", "operator", "requesting_doctor")
READING = ("reader", "reviewer", "on_call")
SPECIALIST = ("on_call", "expert", "reviewer")
KEEPERS = ("admin", "coordinator")
OVERSEERS = ("admin", "quality_officer", "coordinator")
EVERY_CLINICAL = (*CLINIC, *READING, "expert", "general_duty", "coordinator", "quality_officer")


@dataclass(frozen=True)
class Rule:
    """One row: what it allows (for the reference page), to whom, how far."""

    name: str
    allows: str
    roles: tuple[str, ...]
    reach: Literal["own", "below", "any"]
    vital: bool = False
    """Goes on when the disk is full, in the room that is kept for it (`server/base/reserve.py`)."""


ACCESS: tuple[Rule, ...] = (
    Rule("org.read", "see institutions and their people on duty", (*EVERY_CLINICAL, "admin", "auditor"), "below"),
    Rule("recording.read", "see a recording, its analysis, report and history", EVERY_CLINICAL, "below"),
    Rule("recording.order", "fill in a request form for the next recording", CLINIC, "own"),
    Rule("recording.identify", "name an unidentified patient", (*CLINIC, *READING), "below"),
    Rule("worklist.read", "see the worklist of a reading centre", (*READING, "quality_officer"), "below"),
    Rule("report.write", "claim, measure, edit, return", READING, "below", vital=True),
    Rule("report.sign", "sign and correct reports", READING, "below", vital=True),
    Rule("alert.read", "see alerts of critical findings", EVERY_CLINICAL, "below"),
    Rule("alert.answer", "take an alert, call back, close", (*READING, "general_duty"), "below", vital=True),
    Rule("alert.refute", "declare that a critical finding is none", READING, "below", vital=True),
    Rule("alert.register", "export the register of critical values", ("quality_officer", "admin", "reviewer"), "below"),
    Rule("consult.request", "ask for a consultation", (*CLINIC, *READING), "below"),
    Rule("consult.answer", "accept, decline and conclude consultations", SPECIALIST, "below"),
    Rule("consult.read", "see consultations", EVERY_CLINICAL, "below"),
    Rule("calendar.read", "see experts' hours, free times and visiting clinics", (*EVERY_CLINICAL, "admin"), "any"),
    Rule("calendar.write", "keep one's own hours and clinics as an expert", (*SPECIALIST, *KEEPERS), "below"),
    Rule("calendar.keep", "keep everybody's hours, holidays and visiting clinics", KEEPERS, "below"),
    Rule("consult.measure", "see how satisfied patients and doctors are", OVERSEERS, "below"),
    Rule("image.read", "see a patient's images; also who is in his consultation", EVERY_CLINICAL, "below"),
    Rule("image.add", "put images, photos and papers to a patient", EVERY_CLINICAL, "below"),
    Rule("message.write", "write in the thread of a case", EVERY_CLINICAL, "below"),
    Rule("device.read", "see the device register", (*CLINIC, *READING, "admin"), "below"),
    Rule("device.admin", "add, describe and revoke devices and their keys", ("admin",), "below"),
    Rule("device.enrol", "make a code by which a device joins", ("admin", "village_doctor"), "below"),
    Rule("people.admin", "create and stop accounts, set the rota", ("admin",), "below"),
    Rule("rota.read", "see who is on call", (*EVERY_CLINICAL, "admin"), "below"),
    Rule("rota.admin", "set who is on call", ("admin", "coordinator"), "below"),
    Rule("audit.read", "read the audit trail", ("auditor", "admin"), "below"),
    Rule("live.org", "follow an institution's events on an open page", (*EVERY_CLINICAL, "admin"), "below"),
)
RULES = {rule.name: rule for rule in ACCESS}


def judge(path_of: Callable[[str], tuple[str, ...]]) -> Judge:
    """The function behind `Ctx.may`. `path_of(org)` is the chain of ids from the root to `org`; () when unknown."""

    def allows(rule_name: str, grants: tuple[Grant, ...], org: str | None) -> bool:
        rule = RULES[rule_name]
        for grant in grants:
            if grant.role not in rule.roles:
                continue
            if org is None or rule.reach == "any" or grant.org == org:
                return True
            if rule.reach == "below" and grant.org in path_of(org):
                return True
        return False

    return allows
