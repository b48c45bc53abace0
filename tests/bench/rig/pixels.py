"""From a picture of the live sweep back to the sample that stands at its pen. Pure; `live_pages.py` takes the pictures.

The trace of these recordings is flat, so one row of pixels tells: dark where the sweep has drawn, light in the erased
bar ahead of the pen. The pen's column is a time on the page, and the page's length is known, as `sweep.ts` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SPEED_MM_S: Final = 25.0
FOOT_PX: Final = 20  # where more than two leads stand below one another: scales and age
BASELINE: Final = 0.6  # of a lane's height
GAP_PX: Final = 5  # the erased bar is 3 mm wide: 7 px and more
HOLE_PX: Final = 2
AHEAD: Final = 25  # samples that a cap of the line may seem to be ahead of what is known


@dataclass(frozen=True)
class Layout:
    """How a page of the product hands `EcgSweep` its leads."""

    px_per_mm: float
    columns: int
    rows: int


READER: Final = Layout(4.0, 2, 6)
WALL: Final = Layout(2.5, 2, 6)
RHYTHM: Final = Layout(4.0, 1, 1)


@dataclass(frozen=True)
class Lane:
    """Where the first lead's lane lies within the sweep's canvas, in CSS pixels, and what a pixel of it is worth."""

    width: int
    baseline: float
    px_per_sample: float

    @classmethod
    def of(cls, width: float, height: float, fs: float, layout: Layout = READER) -> Lane:
        lane_height = (height - (FOOT_PX if layout.rows > 2 else 0)) / layout.rows
        return cls(int(width / layout.columns), BASELINE * lane_height, SPEED_MM_S * layout.px_per_mm / fs)

    @property
    def samples(self) -> int:
        """Of one page."""
        return max(1, int(self.width / self.px_per_sample))


def pen_column(ink: str) -> int | None:
    """The last drawn column before the erased bar, from a row of `1` and `0`, a ring; None where there is no bar."""
    first = ink.find("1")
    turned = ink[first:] + ink[:first]
    gap = turned.find("0" * GAP_PX)
    return (first + gap - 1) % len(ink) if first >= 0 and gap > 0 else None


def holes(ink: str) -> int:
    """Blank stretches besides the erased bar, on a page that has been swept whole; the bar may lie over its edge."""
    first = ink.find("1")
    turned = ink[first:] + ink[:first]  # the page is a ring
    return max(0, sum(len(run) >= HOLE_PX for run in turned.split("1")) - 1)


def breaks(strokes: Sequence[Sequence[float]], lane: Lane) -> int:
    """Places where the drawn line is not one line: strokes go on where the one before ended, from left to right, each
    sample once, and over the edge of the page from its last sample to its first."""
    found, before = 0, None
    last = (lane.samples - 1) * lane.px_per_sample
    for xs in strokes:
        for place, x in enumerate(xs):
            joins = place == 0 and before is not None and abs(x - before) < lane.px_per_sample / 2
            turns = x == 0 and before is not None and abs(before - last) < lane.px_per_sample / 2
            goes_on = before is not None and before < x < before + 1 + 2 * lane.px_per_sample
            found += before is not None and not (joins or turns or goes_on)
            before = x
    return found


def sample_at(column: int, lane: Lane, expected: float) -> int:
    """The newest sample in that column: of the pages it may be of, the newest that is not newer than `expected`."""
    within = int((column + 1) / lane.px_per_sample + 1e-9) - 1
    page = max(0, int((expected + AHEAD - within) // lane.samples))
    return within + page * lane.samples


@dataclass(frozen=True)
class Seen:
    """One picture: when it was composited, by the clock of the world in seconds, and the sample at its pen."""

    at_s: float
    sample: int


def delays_ms(seen: list[Seen], began_s: float, fs: float, per_packet: int, packets: int) -> list[float]:
    """For each packet: from the instant its newest sample existed until the first picture that shows it."""
    found: list[float] = []
    pictures = sorted(seen, key=lambda one: one.at_s)
    at = 0
    for packet in range(packets):
        newest = (packet + 1) * per_packet - 1
        while at < len(pictures) and pictures[at].sample < newest:
            at += 1
        if at == len(pictures):
            break
        if at > 0:  # shown before the first picture: nobody saw when
            found.append(1000 * (pictures[at].at_s - began_s - (newest + 1) / fs))
    return found
