"""What the images room refuses. Chinese sentences: `zh-CN.yaml` beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class ImageError(AppError):
    """Base of what the images room refuses."""

    status: ClassVar[int] = 422


@dataclass(eq=False)
class ImageUnknown(ImageError):
    code: ClassVar[str] = "image.unknown"
    status: ClassVar[int] = 415
    what: ClassVar[str] = "{name} is no DICOM image, JPEG, PNG or PDF by its content."
    mend: ClassVar[str] = "Export it in one of these; the ending of its name does not matter."
    name: str


@dataclass(eq=False)
class ImageBroken(ImageError):
    code: ClassVar[str] = "image.broken"
    what: ClassVar[str] = "{name} cannot be read: it is damaged, cut short or says what cannot be."
    mend: ClassVar[str] = "Export it again from the machine or archive it came from."
    name: str


@dataclass(eq=False)
class ImageTooLarge(ImageError):
    code: ClassVar[str] = "image.too_large"
    status: ClassVar[int] = 413
    what: ClassVar[str] = "{name} unpacks to {mb} MB; {most_mb} MB can be taken."
    mend: ClassVar[str] = "Export a shorter stretch, or smaller images."
    name: str
    mb: int
    most_mb: int


@dataclass(eq=False)
class ImageTooManyFrames(ImageError):
    code: ClassVar[str] = "image.frames"
    status: ClassVar[int] = 413
    what: ClassVar[str] = "{name} has {frames} frames; {most} can be taken."
    mend: ClassVar[str] = "Export a shorter stretch."
    name: str
    frames: int
    most: int


@dataclass(eq=False)
class ImageSyntaxRefused(ImageError):
    code: ClassVar[str] = "image.syntax"
    status: ClassVar[int] = 415
    what: ClassVar[str] = "{name} is compressed in a way that is not read here: {syntax}."
    mend: ClassVar[str] = "Export it uncompressed, or as JPEG 2000, RLE or JPEG baseline."
    name: str
    syntax: str


@dataclass(eq=False)
class ImagePixelsRefused(ImageError):
    code: ClassVar[str] = "image.pixels"
    status: ClassVar[int] = 415
    what: ClassVar[str] = "{name} has pixels that are not read here: {pixels}."
    mend: ClassVar[str] = "Grey of 8 to 16 bits and colour of 8 bits are read; export it so."
    name: str
    pixels: str


@dataclass(eq=False)
class ImageWithoutPixels(ImageError):
    code: ClassVar[str] = "image.no_pixels"
    status: ClassVar[int] = 415
    what: ClassVar[str] = "{name} is DICOM and holds no image: {content}."
    mend: ClassVar[str] = "Choose the images themselves; a report can be handed over as PDF."
    name: str
    content: str


@dataclass(eq=False)
class ImageIsEcg(ImageError):
    code: ClassVar[str] = "image.is_ecg"
    status: ClassVar[int] = 415
    what: ClassVar[str] = "{name} is an ECG in DICOM and no image."
    mend: ClassVar[str] = "Hand it over on the page of today's patients: there it is analysed and reported."
    name: str


@dataclass(eq=False)
class ImagePatientDiffers(ImageError):
    code: ClassVar[str] = "image.patient_differs"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The file names {in_file}; it is put to {here}. Nothing says that they are the same person."
    mend: ClassVar[str] = "Compare both; confirm only when they are the same person."
    in_file: str
    here: str


@dataclass(eq=False)
class ImageUidTaken(ImageError):
    code: ClassVar[str] = "image.uid_taken"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "Another image with the same instance number is stored already ({instance})."
    mend: ClassVar[str] = "The one that is here stays. Export the changed image as a new instance."
    instance: str


@dataclass(eq=False)
class ImageBusy(ImageError):
    code: ClassVar[str] = "image.busy"
    status: ClassVar[int] = 503
    what: ClassVar[str] = "Too many images are being read at the moment."
    mend: ClassVar[str] = "Send it again in a minute; nothing was stored."


@dataclass(eq=False)
class StowUnreadable(ImageError):
    code: ClassVar[str] = "image.stow"
    status: ClassVar[int] = 400
    what: ClassVar[str] = "The request is no STOW-RS message: {missing} is missing or wrong."
    mend: ClassVar[str] = "Send multipart/related with a boundary and parts of application/dicom (PS3.18, 10.5)."
    missing: str
