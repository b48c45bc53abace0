"""Hours as arithmetic: which stretches of a local day are open, which slots they hold, which of them are free.

Pure. A day is `2026-11-22` on the hub's own wall clock (China has one, without summer time: a fixed distance to UTC), a
minute counts from its midnight. What is kept where: `store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from server.base.clock import iso, later, parse

DAY_MIN = 24 * 60


@dataclass(frozen=True, order=True)
class Stretch:
    """Minutes of a local day, [from_min, to_min)."""

    from_min: int
    to_min: int


@dataclass(frozen=True, order=True)
class Span:
    """Moments in UTC as the hub writes them, [from_at, to_at)."""

    from_at: str
    to_at: str

    def meets(self, other: Span) -> bool:
        return self.from_at < other.to_at and other.from_at < self.to_at


def local_day(at: str, offset_min: int) -> str:
    return (parse(at) + timedelta(minutes=offset_min)).date().isoformat()


def moment(day: str, minute: int, offset_min: int) -> str:
    """UTC of a minute of a local day."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return iso(midnight + timedelta(minutes=minute - offset_min))


def days_from(day: str, count: int) -> list[str]:
    first = date.fromisoformat(day)
    return [(first + timedelta(days=i)).isoformat() for i in range(count)]


def weekday(day: str) -> int:
    """Monday is 0."""
    return date.fromisoformat(day).weekday()


def open_stretches(
    weekly: Iterable[Stretch], off: Iterable[Stretch], extra: Iterable[Stretch], *, holiday: bool
) -> list[Stretch]:
    """What is open of one day, in order and without overlap: the weekly hours unless it is a holiday, without what is
    off, with what is extra. Extra hours count on a holiday and over what is off: they were said for this very day."""
    usual = [] if holiday else merged(weekly)
    for gone in off:
        usual = [part for one in usual for part in _without(one, gone)]
    return merged([*usual, *extra])


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for one in sorted(s for s in stretches if s.from_min < s.to_min):
        if found and one.from_min <= found[-1].to_min:
            found[-1] = Stretch(found[-1].from_min, max(found[-1].to_min, one.to_min))
        else:
            found.append(one)
    return found


def slots_of(day: str, stretches: Iterable[Stretch], slot_min: int, offset_min: int) -> list[Span]:
    """Back to back from the start of each stretch; what is left at its end is too short."""
    return [
        Span(moment(day, start, offset_min), moment(day, start + slot_min, offset_min))
        for one in stretches
        for start in range(one.from_min, one.to_min - slot_min + 1, slot_min)
    ]


def free(slots: Iterable[Span], busy: Iterable[Span], not_before: str) -> list[Span]:
    taken = list(busy)
    return [one for one in slots if one.from_at >= not_before and not any(one.meets(other) for other in taken)]


def span_of(from_at: str, minutes: int) -> Span:
    return Span(from_at, later(from_at, minutes * 60))


def _without(one: Stretch, gone: Stretch) -> list[Stretch]:
    parts = (
        Stretch(one.from_min, min(one.to_min, gone.from_min)), Stretch(max(one.from_min, gone.to_min), one.to_min),
    )  # fmt: skip
    return [part for part in parts if part.from_min < part.to_min]
