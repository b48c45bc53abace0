"""A picture on the stage: how everybody looks at an image or at a report's page, and where somebody points in it.

Shapes and bounds only; `room.py` judges who may move it and keeps the newest for who comes later. Positions are columns
and rows of the image, so that a phone and a wall show the same place; `web/src/images/view.ts` draws by them. Whether
somebody may see the image itself is asked where it is fetched: the room passes on a name, never a picture.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

MARKS_MAX = 16
FRAMES_MAX = 100_000
ID_MAX = 40
REACH = 1e6
"""No column, row or grey value of an image is larger."""
ZOOM_MAX = 100.0


class Place(msgspec.Struct, frozen=True):
    x: float
    y: float


class Grey(msgspec.Struct, frozen=True):
    centre: float
    width: float


class Length(msgspec.Struct, frozen=True, rename={"start": "from"}):
    """Between two places of one frame."""

    frame: int
    start: Place
    to: Place


class Picture(msgspec.Struct, frozen=True, tag_field="kind", tag="image"):
    """`image`: an image's or a report's id. `presenter` and `rev` are the hub's: what a page writes there is not read.

    `turn`: quarters, clockwise; `grey` None: as the file says.
    """

    image: str
    frame: int
    centre: Place
    zoom: float
    grey: Grey | None
    inverted: bool
    turn: Literal[0, 1, 2, 3]
    flip: bool
    marks: list[Length]
    presenter: str = ""
    rev: int = 0


class Spot(msgspec.Struct, frozen=True, tag_field="kind", tag="spot"):
    """Where a person points in an image. `image` empty: he has left it."""

    image: str = ""
    frame: int = 0
    x: float = 0
    y: float = 0


def sound(said: Picture | Spot) -> bool:
    """Whether every number of it is one that a page can draw by."""
    if isinstance(said, Spot):
        return len(said.image) <= ID_MAX and 0 <= said.frame < FRAMES_MAX and _within(said.x, said.y)
    grey = said.grey is None or (_within(said.grey.centre) and 0 < said.grey.width <= REACH)
    marks = all(
        0 <= m.frame < FRAMES_MAX and _within(m.start.x, m.start.y, m.to.x, m.to.y) for m in said.marks[:MARKS_MAX]
    )
    named = 0 < len(said.image) <= ID_MAX and 0 <= said.frame < FRAMES_MAX and len(said.marks) <= MARKS_MAX
    return named and grey and marks and 0 < said.zoom <= ZOOM_MAX and _within(said.centre.x, said.centre.y)


def _within(*values: float) -> bool:
    return all(math.isfinite(v) and abs(v) <= REACH for v in values)
