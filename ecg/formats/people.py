"""Dates, sexes and names as machines write them, for `Document.start`, `Person` and `Maker`.

What cannot be understood is left out, never guessed and never an error: a recording is not lost for a birthday.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from ecg.formats.xml import Node
from ecg.record import Sex

YEAR_FIRST, YEAR_LAST = 1850, 2200  # outside it a date is a placeholder
AGE_MAX: Final = 150

_SEX: dict[str, Sex] = {
    "m": "M", "male": "M", "man": "M", "男": "M", "男性": "M", "männlich": "M",
    "f": "F", "female": "F", "woman": "F", "女": "F", "女性": "F", "w": "F", "weiblich": "F",
}  # fmt: skip
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip

_DAY = (
    re.compile(r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?", re.ASCII),
    re.compile(r"(?P<m>\d{1,2})[-/](?P<d>\d{1,2})[-/](?P<y>\d{4})", re.ASCII),  # GE: month first
    re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})", re.ASCII),
    re.compile(r"(?P<d>\d{1,2})-(?P<m>[A-Za-z]{3})-(?P<y>\d{4})", re.ASCII),
    re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", re.ASCII),
)
_TIME = re.compile(
    r"[T\s]*(?P<h>\d{1,2})[:时](?P<min>\d{1,2})(?:[:分](?P<s>\d{1,2})秒?(?:[.,:](?P<f>\d{1,9}))?)?\s*(?P<half>[AaPp][Mm])?",
    re.ASCII,
)
_PACKED_TIME = re.compile(r"[T\s]*(?P<h>\d{2})(?P<min>\d{2})(?:(?P<s>\d{2})(?:[.,]?(?P<f>\d{1,9}))?)?", re.ASCII)
_ZONE = re.compile(r"\s*(?:(?P<utc>Z)|(?P<sign>[-+])(?P<h>\d{2}):?(?P<m>\d{2})?)\s*", re.ASCII)


def moment(text: str) -> datetime | None:
    """A date with its time of day, aware where a zone stands behind; None without a time of day."""
    text = " ".join(text[:80].split())
    for pattern in _DAY:
        date = pattern.match(text)
        if not date:
            continue
        rest = text[date.end() :]
        time = _TIME.match(rest) or _PACKED_TIME.match(rest)
        if not time:
            return None
        zone = _zone(rest[time.end() :])
        return None if zone == "" else _moment(date, time, zone)
    return None


def day(text: str) -> str:
    """A date as YYYY-MM-DD, or nothing."""
    text = " ".join(text[:80].split())
    for pattern in _DAY:
        date = pattern.match(text)
        if date:
            found = _moment(date, None, None)
            return found.strftime("%Y-%m-%d") if found else ""
    return ""


def _zone(text: str) -> tzinfo | str | None:
    """The zone behind a time, None without one, and "" for something else."""
    if not text.strip():
        return None
    zone = _ZONE.fullmatch(text)
    if not zone:
        return ""
    if zone["utc"]:
        return UTC
    ahead = timedelta(hours=int(zone["h"]), minutes=int(zone["m"] or 0))
    return "" if ahead > timedelta(hours=14) else timezone(-ahead if zone["sign"] == "-" else ahead)


def _moment(date: re.Match[str], time: re.Match[str] | None, zone: tzinfo | str | None) -> datetime | None:
    month = int(date["m"]) if date["m"].isdigit() else _MONTHS.get(date["m"].lower(), 0)
    year, of_month = int(date["y"]), int(date["d"])
    if month > 12 >= of_month and date.re is _DAY[1]:
        month, of_month = of_month, month
    parts = time.groupdict() if time else {}
    hour = int(parts.get("h") or 0)
    half = (parts.get("half") or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    micros = int((parts.get("f") or "0")[:6].ljust(6, "0"))
    if not YEAR_FIRST <= year <= YEAR_LAST:
        return None
    try:
        return datetime(
            year, month, of_month, hour, int(parts.get("min") or 0), int(parts.get("s") or 0), micros,
            tzinfo=zone if isinstance(zone, tzinfo) else None,
        )  # fmt: skip
    except ValueError:
        return None


def sex(text: str) -> Sex:
    """M or F, or nothing."""
    return _SEX.get(text.strip().casefold(), "")


def age(text: str, unit: str = "") -> int | None:
    """Whole years, from years or a smaller unit; None for what is no age."""
    bare = re.fullmatch(r"\s*P?(\d{1,3})(?:[.,]\d+)?\s*(岁|[A-Za-z]*)\s*", text)  # Mindray: P57years
    if not bare:
        return None
    word = (unit or bare[2]).strip().casefold()
    in_a_year = next(
        (parts for start, parts in (("y", 1), ("a", 1), ("岁", 1), ("mo", 12), ("w", 52), ("d", 365), ("h", 8766))
         if word.startswith(start)), 1 if not word else None,
    )  # fmt: skip
    return int(bare[1]) // in_a_year if in_a_year and int(bare[1]) // in_a_year <= AGE_MAX else None


def said(text: str) -> str:
    """A field, or nothing where it holds only a placeholder such as "---"."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:400]).split())
    return text if any(letter.isalnum() for letter in text) else ""


def full_name(family: str, given: str, middle: str = "") -> str:
    """One line of a person's name: Chinese without a blank, others given name first."""
    family, given, middle = said(family), said(given), said(middle)
    if all(ord(letter) > 0x2E7F for letter in family + given + middle):
        return family + given + middle
    return " ".join(part for part in (given, middle, family) if part)


def name_of(node: Node) -> str:
    """A person's name in HL7: as text, or in its parts."""
    family, given = (" ".join(part.text for part in node.every(kind) if part.text) for kind in ("family", "given"))
    return full_name(family, given) or said(node.text)
