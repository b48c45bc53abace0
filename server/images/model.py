"""Images: what is stored and sent. Lengths are millimetres, times milliseconds, positions pixels of the image."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Kind = Literal["dicom", "photo", "pdf"]


class GreyWindow(msgspec.Struct, frozen=True):
    """Which values become black to white, in the values' own unit; `name` as the file calls it, may be empty."""

    name: str
    centre: float
    width: float


class GreyCurve(msgspec.Struct, frozen=True):
    """A file's own curve (VOI LUT): grey 0..255 at `first`, `first + step`, ... of the stored values."""

    name: str
    first: float
    step: float
    grey: list[int]


class ImageFacts(msgspec.Struct, frozen=True):
    """What stands in the file about the picture. `rows` 0: it has none to show (a PDF that cannot
    be read); the frames of a PDF are its pages."""

    rows: int = 0
    columns: int = 0
    frames: int = 0
    colour: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    """Value = slope * stored + intercept, as of Hounsfield units in a CT."""
    unit: str = ""
    windows: list[GreyWindow] = []
    curve: GreyCurve | None = None
    inverted: bool = False
    """Small values are light (MONOCHROME1)."""
    row_mm: float | None = None
    column_mm: float | None = None
    """From one row, one column to the next; None: nothing can be measured."""
    at_detector: bool = False
    """The lengths are those at the detector: the body's are smaller by an unknown factor."""
    frame_ms: float | None = None
    lossy: bool = False
    modality: str = ""
    description: str = ""
    taken: str = ""
    """Day, YYYY-MM-DD; empty where the file does not say."""
    study: str = ""
    series: str = ""
    instance: str = ""
    sop_class: str = ""


class Image(msgspec.Struct, frozen=True):
    id: str
    patient: str
    case: str
    """The recording or consultation it was handed over for; empty: the patient's in general."""
    kind: Kind
    name: str
    bytes: int
    facts: ImageFacts
    added_by_name: str
    added_at: str


class ImageList(msgspec.Struct, frozen=True):
    images: list[Image]
    cursor: int


class AddedImage(msgspec.Struct, frozen=True):
    """`known`: the same file was here already and is kept once."""

    image: Image
    known: bool


class AddImageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`confirmed`: a person has compared and says that the file's patient is this one."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    case: str = ""
    confirmed: bool = False


class StowQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`patient`: whose they are; else the number in the file names one of the sender's own institution."""

    patient: str = ""
    confirmed: bool = False
