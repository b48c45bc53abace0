"""The words of the field: finding codes with their English and Chinese names, lead names with the spellings files use.

Reads the two tables beside it (`findings.csv`, `leads.csv`) once. No rule stands here: what raises an alert is decided
by the profiles, and which findings the analysis can say by `statements.CODES`.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, get_args

Urgency = Literal["critical", "urgent", "routine", "info"]
LeadCodes = Literal["mdc", "dicom_mdc", "scp_lead", "dicom_scpecg", "ishne_code"]


@dataclass(frozen=True)
class FindingName:
    """One row of `findings.csv`: what a code is called. `urgency` is its default, for display and sorting only."""

    code: str
    name_en: str
    name_zh: str
    group: str
    urgency: Urgency


@dataclass(frozen=True)
class LeadName:
    """One row of `leads.csv`. `kind`: limb, chest, posterior, right, vector, easi, monitor, electrode, other."""

    lead: str
    name_zh: str
    kind: str
    spellings: tuple[str, ...]


@cache
def findings() -> Mapping[str, FindingName]:
    """Every finding the product can name, by code."""
    return {
        row["code"]: FindingName(row["code"], row["name_en"], row["name_zh"], row["group"], _urgency(row["urgency"]))
        for row in _rows("findings.csv")
    }


_HYPHEN: Final = re.compile(r"^\s*(lead|ecg|ekg)-(?=\S)", re.IGNORECASE)  # "Lead-aVR"; "Lead -aVR" is the other one
_WORDS: Final = re.compile(r"^(?:(?:mdc|ecg|ekg|lead|导联)[-.:]*)+|(?:导联|导)$")  # what is no part of a lead's name


@cache
def leads() -> Mapping[str, LeadName]:
    """Every lead name, in the order of the table."""
    return {
        row["lead"]: LeadName(row["lead"], row["name_zh"], row["kind"], tuple(row["spellings"].split(";")))
        for row in _rows("leads.csv")
    }


def lead_of(spelling: str) -> str | None:
    """The lead a file means by `spelling`; None when unknown.

    Whatever its case, blanks, underscores and width ("ＩＩ", "Ⅱ"), with or without a word for lead ("ECG-II", "Ⅱ导联").
    """
    bare = _bare(_HYPHEN.sub(r"\1 ", spelling))
    return _by_spelling().get(bare) or _by_spelling().get(_WORDS.sub("", bare))


def lead_of_code(scheme: LeadCodes, code: str) -> str | None:
    """The lead that a file means by `code` of one coding scheme (a column of `leads.csv`); None when unknown."""
    return _by_code(scheme).get(code)


@cache
def _by_code(scheme: LeadCodes) -> Mapping[str, str]:
    return {row[scheme]: row["lead"] for row in _rows("leads.csv") if row[scheme]}


@cache
def _by_spelling() -> Mapping[str, str]:
    return {_bare(spelling): lead.lead for lead in leads().values() for spelling in (lead.lead, *lead.spellings)}


def _bare(spelling: str) -> str:
    return "".join(unicodedata.normalize("NFKC", spelling).split()).replace("_", "").casefold()


def _urgency(text: str) -> Urgency:
    assert text in get_args(Urgency), f"findings.csv has the urgency {text!r}"
    return text  # type: ignore[return-value]  # checked in the line above


def _rows(name: str) -> list[dict[str, str]]:
    with resources.files(__name__).joinpath(name).open(encoding="utf-8-sig") as table:
        return list(csv.DictReader(table))
