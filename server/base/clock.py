"""Time as the hub knows it: handed in, never taken. UTC with milliseconds, as text that sorts.

`SystemClock` runs the product, `ManualClock` the tests. Durations between two moments are computed here, so that no
room parses time text by itself.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...

    def now_ms(self) -> int:
        """The present moment in milliseconds since 1970; for those who ask thousands of times a second."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; for leases and time-outs within one process."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self._now, self._mono = start, 0.0

    def now(self) -> datetime:
        return self._now

    def now_ms(self) -> int:
        return round(self._now.timestamp() * 1000)

    def monotonic(self) -> float:
        return self._mono

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._mono += seconds


def iso(moment: datetime) -> str:
    """`2026-11-22T05:30:41.123Z`: one length, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text)


def later(text: str, seconds: float) -> str:
    """The moment `seconds` after the one in `text`."""
    return iso(parse(text) + timedelta(seconds=seconds))


def seconds_between(earlier: str, late: str) -> float:
    return (parse(late) - parse(earlier)).total_seconds()
