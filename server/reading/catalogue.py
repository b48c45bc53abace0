"""The statements a reader can pick: the finding codes with their names, and what one types to find them.

`initials.csv` holds the pinyin initials: first the full Chinese name's, then those of the ward's short forms and of
the names in brackets. To remake it after a change of `ecg/codes/findings.csv`: in a fresh environment install pypinyin,
take `lazy_pinyin(name_zh, style=Style.FIRST_LETTER)` of each row without brackets, Roman numerals as digits, Latin
letters in lower case, and read the result: 长 in 长RR间期 is c, not z. The product itself needs no pypinyin.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from ecg import codes
from server.reading.model import Catalogue, CatalogueEntry


@cache
def catalogue() -> Catalogue:
    initials = _initials()
    return Catalogue(
        [
            CatalogueEntry(f.code, f.name_zh, f.name_en, initials.get(f.code, ""), f.group, f.urgency)
            for f in codes.findings().values()
        ]
    )


def _initials() -> dict[str, str]:
    with resources.files(__package__).joinpath("initials.csv").open(encoding="utf-8") as table:
        return {row["code"]: row["initials"] for row in csv.DictReader(table)}
