"""The reasons inside errors: which wording a text was written by, its code, and the same in Chinese.

An error's sentence has a Chinese form of its own (`zh-CN.yaml`); what is filled into it (`reason`, `where`, `why`, a
field's or format's name) is written in English where it is raised. `reasons.yaml` names every such wording with a code
that stays for ever. Names, numbers and what stood in a file are no wordings and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import msgspec
import yaml

FACTS: Final = frozenset(("reason", "where", "why", "unit", "left", "field", "format", "got", "range", "stated"))
"""The fields of errors that are worded; others hold names, paths, numbers."""
SUFFIX_ZH: Final = "_zh"
SUFFIX_CODE: Final = "_code"
DEPTH_MAX: Final = 3
"""Wordings inside wordings: "section 6 ends before ..."."""
TEXT_MAX: Final = 400


@dataclass(frozen=True)
class Wording:
    """One row of the catalogue. `en` and `zh` hold {0}, {1}, ... where something is filled in."""

    code: str
    en: str
    zh: str

    @property
    def parts(self) -> int:
        return len(set(re.findall(r"\{(\d)\}", self.en)))


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reasons: dict[str, tuple[str, str]]


@cache
def wordings() -> tuple[Wording, ...]:
    """The whole catalogue, the wording with the most letters first."""
    text = resources.files("ecg").joinpath("reasons.yaml").read_text("utf-8")
    rows = msgspec.convert(yaml.safe_load(text), _File).reasons
    found = [Wording(code, en, zh) for code, (en, zh) in rows.items()]
    return tuple(sorted(found, key=lambda wording: -len(re.sub(r"\{\d\}", "", wording.en))))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Wording], ...]:
    found = []
    for wording in wordings():
        if wording.parts:
            pieces = re.split(r"\{\d\}", wording.en)
            found.append((re.compile("(.+?)".join(map(re.escape, pieces)), re.DOTALL), wording))
    return tuple(found)


@cache
def _plain() -> dict[str, Wording]:
    return {wording.en: wording for wording in wordings() if not wording.parts}


def said_in_chinese(text: str, depth: int = 0) -> tuple[str, str] | None:
    """Code and Chinese of a text, None where it is no wording of the catalogue."""
    if len(text) > TEXT_MAX or depth > DEPTH_MAX:
        return None
    plain = _plain().get(text)
    if plain is not None:
        return plain.code, plain.zh
    for mark in ("; ", ", "):
        listed = [said_in_chinese(part, depth + 1) for part in text.split(mark)] if mark in text else []
        if listed and all(listed):
            told = [part for part in listed if part is not None]
            return told[0][0], "、".join(zh for _, zh in told)
    for pattern, wording in _patterns():
        match = pattern.fullmatch(text)
        if match is not None:
            inner = [(said_in_chinese(part.strip(), depth + 1) or ("", part.strip()))[1] for part in match.groups()]
            return wording.code, wording.zh.format(*inner)
    return None


def in_chinese(facts: Mapping[str, object]) -> dict[str, object]:
    """The facts of an error as its Chinese sentence wants them."""
    told = with_reasons(facts)
    return {name: told.get(name + SUFFIX_ZH, value) for name, value in facts.items()}


def with_reasons(facts: Mapping[str, object]) -> dict[str, object]:
    """The facts, and beside each reason its code (`NAME_code`) and its Chinese (`NAME_zh`)."""
    told = dict(facts)
    for name, value in facts.items():
        if name in FACTS and isinstance(value, str) and (said := said_in_chinese(value)) is not None:
            told[name + SUFFIX_CODE], told[name + SUFFIX_ZH] = said
    return told
