"""The read-back: one finding out of three and one patient out of three, with keys that only the hub can make.

Deterministic for an alert and an account, so that a reload shows the same choices in the same order; which one is right
cannot be read from what is sent, because key and order come from an HMAC with the hub's secret. Pure.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from server.alerts.model import Challenge, ReadBackChoice

CHOICES = 3
FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡林郭何高罗"
GIVEN_NAMES = {
    "M": ("建国", "志强", "永福", "国华", "德明", "世荣", "文军", "光明", "学文", "大勇", "家贵", "正祥"),
    "F": ("秀英", "桂兰", "玉珍", "凤英", "淑华", "美琴", "春梅", "翠莲", "素芬", "小琼", "明珍", "国秀"),
}
AGE_SPREAD = 12


@dataclass(frozen=True)
class Option:
    """One answer before it is sealed: what it stands for (`means`: a code, a patient id) and how it reads."""

    means: str
    zh: str
    en: str


@dataclass(frozen=True)
class PatientFact:
    """What a choice tells of a person."""

    id: str
    name: str
    sex: str
    age_years: int | None
    org_zh: str
    org_en: str


@dataclass(frozen=True)
class Seal:
    """Keys of one alert for one account."""

    secret: bytes
    alert: str
    account: str

    def key(self, kind: str, means: str) -> str:
        text = "\n".join((self.alert, self.account, kind, means))
        return hmac.new(self.secret, text.encode(), sha256).hexdigest()[:24]

    def shuffle(self, kind: str, options: Iterable[Option]) -> list[Option]:
        return sorted(options, key=lambda option: self.key(f"order of {kind}", option.means))


def challenge(seal: Seal, findings: Sequence[Option], patients: Sequence[Option]) -> Challenge:
    """The right answer stands first in each sequence, what may stand beside it behind; three of each are shown."""
    return Challenge(seal.alert, _choices(seal, "finding", findings), _choices(seal, "patient", patients))


def picked(seal: Seal, kind: str, options: Iterable[Option], key: str) -> str:
    """What the answer `key` stands for; "" when it is none of the choices."""
    return next((o.means for o in options if hmac.compare_digest(seal.key(kind, o.means), key)), "")


def patient_options(seal: Seal, right: PatientFact, others: Iterable[PatientFact]) -> list[Option]:
    """The right patient, then those that read differently; invented ones fill up where the viewer may see too few."""
    options = [_option(right)]
    taken = {right.name}
    for other in others:
        if other.name not in taken and other.name:
            options.append(_option(other))
            taken.add(other.name)
    number = 0
    while len(options) < CHOICES:
        invented = _invent(seal, number, right)
        number += 1
        if invented.name not in taken:
            options.append(_option(invented))
            taken.add(invented.name)
    return options


def _choices(seal: Seal, kind: str, options: Sequence[Option]) -> list[ReadBackChoice]:
    beside = seal.shuffle(f"{kind} beside", options[1:])[: CHOICES - 1]
    return [ReadBackChoice(seal.key(kind, o.means), o.zh, o.en) for o in seal.shuffle(kind, (options[0], *beside))]


def _option(p: PatientFact) -> Option:
    sex_zh, sex_en = {"M": ("男", "M"), "F": ("女", "F")}.get(p.sex, ("性别不详", "sex unknown"))
    age_zh = f"{p.age_years}岁" if p.age_years is not None else "年龄不详"
    age_en = str(p.age_years) if p.age_years is not None else "age unknown"
    name_zh, name_en = p.name or "身份待定", p.name or "not identified"
    return Option(
        p.id, " ".join((name_zh, sex_zh, age_zh, p.org_zh)), " ".join((name_en, sex_en, age_en, p.org_en)).strip()
    )


def _invent(seal: Seal, number: int, right: PatientFact) -> PatientFact:
    """A person who does not exist, of the same sex, place and about the same age."""
    draw = hmac.new(seal.secret, f"{seal.alert}\ninvented {number}".encode(), sha256).digest()
    given = GIVEN_NAMES.get(right.sex) or GIVEN_NAMES["MF"[draw[0] % 2]]
    name = FAMILY_NAMES[draw[1] % len(FAMILY_NAMES)] + given[draw[2] % len(given)]
    age = None if right.age_years is None else max(1, right.age_years + draw[3] % (2 * AGE_SPREAD + 1) - AGE_SPREAD)
    return PatientFact(f"invented {number}", name, right.sex, age, right.org_zh, right.org_en)
