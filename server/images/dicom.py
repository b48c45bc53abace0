"""What stands in a DICOM file: which image it is, how its samples are meant, how long a pixel is, whom it names.

Attributes as in DICOM PS3.3 (C.7.6 pixels, C.10.7 and C.11 their meaning); enhanced objects keep them in functional
groups. Read: native, RLE, JPEG baseline and 8 bit extended, JPEG 2000; grey of 8 to 16 bits, colour of 8. What each
frame is packed into is `frames.py`'s.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from server.images.errors import (
    ImageBroken,
    ImageIsEcg,
    ImagePixelsRefused,
    ImageSyntaxRefused,
    ImageTooLarge,
    ImageTooManyFrames,
    ImageWithoutPixels,
)
from server.images.frames import Pixels
from server.images.model import GreyCurve, GreyWindow, ImageFacts
from server.images.worker import MB, Person

config.settings.reading_validation_mode = config.IGNORE  # a value against the rules must not cost the image
logging.getLogger("pydicom").disabled = True  # it quotes values, maybe a person's name

SAMPLE_BYTES_MAX: Final = 512 * MB
FRAMES_MAX: Final = 2000
SIDE_MAX: Final = 16_384
WINDOWS_MAX: Final = 8
CURVE_POINTS: Final = 257
JPEG_EXTENDED: Final = "1.2.840.10008.1.2.4.51"
SYNTAXES: Final = frozenset(
    (
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.4.50",
        JPEG_EXTENDED,
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.5",
    )
)
"""JPEG Lossless, JPEG-LS and HTJ2K are refused by name: nothing that is installed reads them."""
WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."
CENTIMETRES: Final = 3
"""Physical units of an ultrasound region (PS3.3 C.8.5.5.1.15)."""
GREY: Final = ("MONOCHROME1", "MONOCHROME2")
COLOUR: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
SAMPLES: Final = ("<u1", "<i1", "<u2", "<i2")
SEXES: Final = {"M": "M", "F": "F"}


@dataclass(frozen=True)
class Opened:
    """A file whose claims fit the bounds. `frames` unpacks one after the other."""

    facts: ImageFacts
    person: Person
    frames: Callable[[], Iterator[Pixels]]


def open_image(file: bytes, name: str) -> Opened:
    """Raises ImageError; what pydicom raises on a damaged file too."""
    ds = dcmread(io.BytesIO(file))
    kind = UID(_text(ds, "SOPClassUID"))
    if kind.startswith(WAVEFORMS) or "WaveformSequence" in ds:
        raise ImageIsEcg(name=name)
    if "PixelData" not in ds:
        raise ImageWithoutPixels(name=name, content=kind.name or "-")
    syntax = UID(str(ds.file_meta.get("TransferSyntaxUID", "")))
    if syntax not in SYNTAXES:
        raise ImageSyntaxRefused(name=name, syntax=syntax.name or "-")
    photometric = _text(ds, "PhotometricInterpretation")
    colour = photometric in COLOUR
    stored, allocated, samples = int(ds.BitsStored), int(ds.BitsAllocated), int(ds.SamplesPerPixel)
    fits = samples == 1 and allocated in (8, 16) if photometric in GREY else colour and allocated in (8, 16)
    if colour and photometric != "PALETTE COLOR":
        fits = samples == 3 and allocated == 8
    if not fits or not 1 <= stored <= allocated:
        raise ImagePixelsRefused(name=name, pixels=f"{photometric[:20]}, {samples} x {allocated} bit")
    if syntax == JPEG_EXTENDED and stored > 8:
        raise ImageSyntaxRefused(name=name, syntax=f"{syntax.name}, {stored} bit")
    rows, columns, frames = int(ds.Rows), int(ds.Columns), int(ds.get("NumberOfFrames") or 1)
    if not (1 <= rows <= SIDE_MAX and 1 <= columns <= SIDE_MAX and frames >= 1):
        raise ImagePixelsRefused(name=name, pixels=f"{columns} x {rows} x {frames}")
    if frames > FRAMES_MAX:
        raise ImageTooManyFrames(name=name, frames=frames, most=FRAMES_MAX)
    size = rows * columns * frames * samples * (allocated // 8)
    if size > SAMPLE_BYTES_MAX:
        raise ImageTooLarge(name=name, mb=size // MB, most_mb=SAMPLE_BYTES_MAX // MB)
    facts = _facts(ds, rows, columns, frames, colour=colour)
    facts = msgspec.structs.replace(facts, inverted=photometric == "MONOCHROME1", lossy=_lossy(ds, syntax))

    def unpacked() -> Iterator[Pixels]:
        for frame in iter_pixels(ds):
            if frame.shape[:2] != (rows, columns):
                raise ImageBroken(name=name)
            yield _meant(frame, ds, photometric)

    return Opened(facts, _person(ds), unpacked)


def with_a_window(facts: ImageFacts, frame: Pixels) -> ImageFacts:
    """Where the file says none: from the darkest to the lightest hundredth of the picture."""
    if facts.colour or facts.windows:
        return facts
    low, high = np.percentile(frame, (1, 99)) * facts.slope + facts.intercept
    low, high = float(min(low, high)), float(max(low, high))
    return msgspec.structs.replace(facts, windows=[GreyWindow("", (low + high) / 2, max(high - low, 1.0))])


def _meant(frame: Pixels, ds: Dataset, photometric: str) -> Pixels:
    """Samples as they travel: a palette looked up, a table of values (modality LUT) applied, little endian."""
    if photometric == "PALETTE COLOR":
        looked_up = apply_color_lut(frame, ds)
        return (looked_up >> 8 if looked_up.dtype.itemsize == 2 else looked_up).astype(np.uint8)
    if "ModalityLUTSequence" in ds:
        frame = np.clip(np.rint(apply_modality_lut(frame, ds)), 0, 65535).astype(np.uint16)
    sample = np.dtype(f"<{frame.dtype.kind}{frame.dtype.itemsize}")
    if sample not in SAMPLES:
        raise ValueError("samples of more than 16 bits")  # as any damage: the header promised fewer
    return np.asarray(frame, sample)


def _facts(ds: Dataset, rows: int, columns: int, frames: int, *, colour: bool) -> ImageFacts:
    slope, intercept, unit = (1.0, 0.0, "") if colour else _scale(ds)
    row_mm, column_mm, at_detector = _pixel_mm(ds)
    day = next((d for d in (_text(ds, n) for n in ("AcquisitionDate", "ContentDate", "StudyDate")) if d), "")[:8]
    return ImageFacts(
        rows=rows,
        columns=columns,
        frames=frames,
        colour=colour,
        slope=slope,
        intercept=intercept,
        unit=unit,
        windows=[] if colour else _windows(ds),
        curve=None if colour else _curve(ds),
        row_mm=row_mm,
        column_mm=column_mm,
        at_detector=at_detector,
        frame_ms=_frame_ms(ds),
        modality=_text(ds, "Modality")[:16],
        description=(_text(ds, "SeriesDescription") or _text(ds, "StudyDescription"))[:64],
        taken=f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else "",
        study=_text(ds, "StudyInstanceUID")[:64],
        series=_text(ds, "SeriesInstanceUID")[:64],
        instance=_text(ds, "SOPInstanceUID")[:64],
        sop_class=_text(ds, "SOPClassUID")[:64],
    )


def _groups(ds: Dataset, sequence: str) -> list[Dataset]:
    """Items of a functional group: the shared one, else that of each frame; the object itself where it has none."""
    shared = ds.get("SharedFunctionalGroupsSequence") or []
    if shared and shared[0].get(sequence):
        return [shared[0][sequence].value[0]]
    found = [item[sequence].value[0] for item in ds.get("PerFrameFunctionalGroupsSequence") or [] if item.get(sequence)]
    return found or [ds]


def _scale(ds: Dataset) -> tuple[float, float, str]:
    """Slope, intercept and unit; none where the frames of one file differ in them: no one scale would be true."""
    if "ModalityLUTSequence" in ds:
        return 1.0, 0.0, ""
    told = {
        (float(g.get("RescaleSlope") or 1), float(g.get("RescaleIntercept") or 0), _text(g, "RescaleType"))
        for g in _groups(ds, "PixelValueTransformationSequence")
    }
    if len(told) > 1:
        return 1.0, 0.0, ""
    slope, intercept, unit = told.pop()
    if not unit and _text(ds, "Modality") == "CT":
        unit = "HU"
    usable = np.isfinite(slope) and np.isfinite(intercept) and slope != 0
    return (slope, intercept, "" if unit == "US" else unit[:16]) if usable else (1.0, 0.0, "")


def _windows(ds: Dataset) -> list[GreyWindow]:
    told = _groups(ds, "FrameVOILUTSequence")[0]
    centres, widths = _numbers(told, "WindowCenter"), _numbers(told, "WindowWidth")
    names = _several(told.get("WindowCenterWidthExplanation"))
    return [
        GreyWindow(str(names[n])[:32] if n < len(names) else "", centre, width)
        for n, (centre, width) in enumerate(zip(centres, widths, strict=False))
        if np.isfinite(centre) and np.isfinite(width) and width > 0
    ][:WINDOWS_MAX]


def _curve(ds: Dataset) -> GreyCurve | None:
    """The first VOI LUT, thinned to CURVE_POINTS: a page draws 256 greys of it."""
    items = ds.get("VOILUTSequence") or []
    if not items or len(items[0].get("LUTDescriptor") or ()) != 3:
        return None
    entries, first, bits = (int(n) for n in items[0].LUTDescriptor)
    raw = items[0].LUTData
    table = np.frombuffer(raw, "<u2") if isinstance(raw, bytes) else np.asarray(raw, np.int64) & 0xFFFF
    entries = min(entries or 65536, len(table))
    if entries < 2 or not 8 <= bits <= 16:
        return None
    at = np.linspace(0, entries - 1, CURVE_POINTS)
    grey = np.clip(np.interp(at, np.arange(entries), table[:entries]) * 255 / (2**bits - 1), 0, 255)
    signed = int(ds.PixelRepresentation) == 1
    start = first - 65536 if signed and first > 32767 else first
    name = _text(items[0], "LUTExplanation")[:32]
    return GreyCurve(name, float(start), (entries - 1) / (CURVE_POINTS - 1), [round(float(g)) for g in grey])


def _pixel_mm(ds: Dataset) -> tuple[float | None, float | None, bool]:
    """Row and column spacing, and whether it is only that of the detector."""
    for source, name, at_detector in (
        (_groups(ds, "PixelMeasuresSequence")[0], "PixelSpacing", False),
        (ds, "ImagerPixelSpacing", True),
    ):
        spacing = _numbers(source, name)
        if len(spacing) == 2 and all(0 < mm < 100 for mm in spacing):
            return spacing[0], spacing[1], at_detector
    regions = ds.get("SequenceOfUltrasoundRegions") or []
    if len(regions) != 1:  # none; or several, each with a length of its own: which one holds is not for us to guess
        return None, None, False
    region = regions[0]
    if {region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")} != {CENTIMETRES}:
        return None, None, False
    row_mm, column_mm = (abs(float(region.get(n) or 0)) * 10 for n in ("PhysicalDeltaY", "PhysicalDeltaX"))
    return (row_mm, column_mm, False) if 0 < row_mm < 100 and 0 < column_mm < 100 else (None, None, False)


def _frame_ms(ds: Dataset) -> float | None:
    told = _numbers(ds, "FrameTime")
    if told and 0 < told[0] < 60_000:
        return told[0]
    for name in ("RecommendedDisplayFrameRate", "CineRate"):
        rate = _numbers(ds, name)
        if rate and 0 < rate[0] < 1000:
            return 1000 / rate[0]
    return None


def _lossy(ds: Dataset, syntax: str) -> bool:
    return _text(ds, "LossyImageCompression") == "01" or syntax in ("1.2.840.10008.1.2.4.50", JPEG_EXTENDED)


def _person(ds: Dataset) -> Person:
    day = _text(ds, "PatientBirthDate")[:8]
    forms = (form.replace("^", "").replace(" ", "") for form in _text(ds, "PatientName").split("="))
    return Person(
        id_no=_text(ds, "PatientID")[:64],
        names=tuple(form[:64] for form in forms if form)[:3],
        sex=SEXES.get(_text(ds, "PatientSex"), ""),
        birth_date=f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else "",
    )


def _text(ds: Dataset, name: str) -> str:
    value = ds.get(name)
    return "" if value is None else str(value).strip()


def _several(value: object) -> list[object]:
    if value is None or value == "":
        return []
    return list(value) if not isinstance(value, str) and hasattr(value, "__iter__") else [value]


def _numbers(ds: Dataset, name: str) -> list[float]:
    """The values of an attribute that may have one, several or none."""
    found = []
    for value in _several(ds.get(name)):
        try:
            found.append(float(str(value)))
        except ValueError:
            return []
    return found
