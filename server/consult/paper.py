"""A conclusion on paper: what is printed (`Sheet`), and the PDF made of it with `conclusion.typ`.

`sheet` gathers the facts of one version from what was signed, in both languages where they have words; `render` is a
pure function of it and runs in the process pool. What only one side has signed says so across the page. Same
conclusion, same bytes: the PDF's own date is the last signature's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from server.base import typeset
from server.consult.model import Conclusion, Consult
from server.records.model import Recording

Lang = Literal["zh", "en"]
Words = tuple[str, str]
"""The same thing in Chinese and in English."""

SEXES: dict[str, Words] = {"M": ("男", "male"), "F": ("女", "female"), "": ("不详", "not stated")}
PRIORITIES: dict[str, Words] = {"emergency": ("急会诊", "emergency"), "routine": ("普通会诊", "routine")}
KINDS: dict[str, Words] = {
    "single": ("单学科会诊", "single discipline"),
    "mdt": ("多学科会诊", "multidisciplinary"),
}
CONSENTS: dict[str, Words] = {
    "written": ("书面知情同意", "written consent"),
    "two_doctors": ("两名医师说明", "two doctors' note"),
}


class View(msgspec.Struct, frozen=True):
    """One expert's last opinion before both signatures."""

    name: str
    text: str
    dissents: bool
    digest: str


class Sheet(msgspec.Struct, frozen=True):
    """Everything printed. Times are local and ready to print."""

    hub: Words
    asks: Words
    answers: Words
    patient: str
    identity_pending: bool
    sex: Words
    age_years: int | None
    id_no_masked: str
    number: str
    recording: str
    recorded_at: str
    requested_at: str
    requester: str
    priority: Words
    kind: Words
    consent: Words
    purpose: str
    summary: str
    text: str
    advice: list[str]
    follow_up: str
    warning_signs: str
    views: list[View]
    expert: str
    signed_at: str
    countersigner: str
    countersigned_at: str | None
    moment: datetime
    digest: str
    version: int
    reason: str
    replaces_version: int | None
    replaced_by_version: int | None


def sheet(
    *,
    consult: Consult,
    conclusion: Conclusion,
    replaces_version: int | None,
    replaced_by_version: int | None,
    titled: Callable[[str], str],
    recording: Recording,
    hub: Words,
    asks: Words,
    answers: Words,
    local: Callable[[str], datetime],
) -> Sheet:
    """The facts of one version. `consult`: with its opinions open; `titled`: an account's title, or "".

    replaces_version, replaced_by_version: the one before and the last after it that both sides have signed.
    """
    ended = conclusion.countersigned_at
    last = {o.account: o for o in consult.opinions if ended is None or o.signed_at <= ended}
    patient, paper = consult.patient, consult.consent_paper
    experts = sum(member.part == "expert" for member in consult.members)
    return Sheet(
        hub=hub,
        asks=asks,
        answers=answers,
        patient=patient.name,
        identity_pending=patient.identity == "pending",
        sex=SEXES[patient.sex],
        age_years=patient.age_years,
        id_no_masked=patient.id_no_masked,
        number=consult.id,
        recording=consult.recording,
        recorded_at=_moment(local(recording.started_at or recording.opened_at)),
        requested_at=_moment(local(consult.requested_at)),
        requester=consult.requester_name,
        priority=PRIORITIES[consult.priority],
        kind=KINDS["mdt" if experts > 1 else "single"],
        consent=CONSENTS[paper.kind] if paper is not None else CONSENTS["written"],
        purpose=consult.purpose,
        summary=consult.summary,
        text=conclusion.text,
        advice=conclusion.advice,
        follow_up=conclusion.follow_up,
        warning_signs=conclusion.warning_signs,
        views=[View(o.name, o.text, bool(o.dissents), o.digest[:12]) for o in last.values() if o.text is not None],
        expert=f"{conclusion.signed_name} {titled(conclusion.signed_by)}".strip(),
        signed_at=_moment(local(conclusion.signed_at)),
        countersigner=conclusion.countersigned_name or "",
        countersigned_at=None if ended is None else _moment(local(ended)),
        moment=local(ended or conclusion.signed_at),
        digest=conclusion.digest,
        version=conclusion.version,
        reason=conclusion.reason,
        replaces_version=replaces_version,
        replaced_by_version=replaced_by_version,
    )


def fingerprint(of: Sheet) -> str:
    """The same for the same print: facts and template."""
    return hashlib.sha256(msgspec.json.encode(of) + _template()).hexdigest()[:24]


def render(of: Sheet, lang: Lang) -> bytes:
    """The PDF (PDF/A-2b, fonts embedded)."""
    at = ("zh", "en").index(lang)
    plain: dict[str, object] = {"lang": lang}
    for name in of.__struct_fields__:
        value = getattr(of, name)
        if name != "moment":
            plain[name] = value[at] if isinstance(value, tuple) else value
    return typeset.pdf({"main.typ": _template(), "sheet.json": msgspec.json.encode(plain)}, of.moment)


@cache
def _template() -> bytes:
    return resources.files(__package__).joinpath("conclusion.typ").read_bytes()


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
