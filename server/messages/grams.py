"""Words for the search: a text as its pairs of neighbouring characters, so that 胸痛 is found without a dictionary.

A pair is one row of an ordinary table (`store.gram`), which SQLite and PostgreSQL search alike. The last character of a
run stands alone as well, so that every single character begins a row. No table lives here.
"""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """What the search compares: wide and narrow, large and small forms are one; between words one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def grams(text: str) -> set[str]:
    """The rows of a stored text."""
    return {run[i : i + 2] for run in plain(text).split(" ") for i in range(len(run))}


def wanted(query: str) -> list[str]:
    """The pairs a text must have to hold the query; a word of one character is asked for as it is."""
    runs = plain(query).split(" ")
    return sorted({run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1)) if run})
