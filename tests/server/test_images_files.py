"""What a worker makes of an image's bytes: what is read is read right, what is refused is refused by name."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from server.base.pdf import PAGES_MAX
from server.images.decode import read_image
from server.images.errors import (
    ImageBroken,
    ImageError,
    ImageIsEcg,
    ImagePixelsRefused,
    ImageSyntaxRefused,
    ImageTooLarge,
    ImageTooManyFrames,
    ImageUnknown,
    ImageWithoutPixels,
)
from server.images.frames import pack
from server.images.worker import Taken

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"
CT = "1.2.840.10008.5.1.4.1.1.2"


def shipped(name: str) -> bytes:
    return (SHIPPED / name).read_bytes()


def unpack(frame: bytes) -> npt.NDArray[np.generic]:
    """The page's reading of a frame, over again."""
    if frame.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(frame), formats=("PNG",)) as picture:
            return np.asarray(picture)
    magic, columns, rows, channels, size, signed = struct.unpack("<4sHHBBBx", frame[:12])
    assert (magic, channels) == (b"XLF1", 1)
    raw = np.frombuffer(zlib.decompress(frame[12:]), np.uint8)
    planes = np.split(raw, size)  # the low bytes, then the high ones
    steps = sum(plane.astype(np.uint32) << (8 * n) for n, plane in enumerate(planes))
    values = np.cumsum(np.reshape(steps, (rows, columns)), axis=1, dtype=np.uint32).astype(f"<u{size}")
    return values.view(f"<i{size}") if signed else values


def made(change: Callable[[Dataset], None] = lambda _ds: None, *, frames: int = 1) -> bytes:
    """A CT of 6 x 4 made by hand, after `change`."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(CT)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.Modality = "MA^DEFU=马^德福", "P1", "CT"
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 4, 6, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleSlope, ds.RescaleIntercept, ds.PixelSpacing = 2, -1000, [0.5, 0.25]
    ds.WindowCenter, ds.WindowWidth = [40, -600], [400, 1500]
    ds.WindowCenterWidthExplanation = ["SOFT", "LUNG"]
    if frames > 1:
        ds.NumberOfFrames, ds.FrameTime = frames, 40
    ds.PixelData = np.arange(-12, 24 * frames - 12, dtype="<i2").tobytes()
    change(ds)
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def frames_of(taken: Taken) -> list[npt.NDArray[np.generic]]:
    starts = (0, *taken.ends[:-1])
    return [unpack(taken.frames[a:b]) for a, b in zip(starts, taken.ends, strict=True)]


def test_samples_scale_windows_and_lengths_are_those_of_the_file() -> None:
    taken = read_image(made(frames=3), "a.dcm")
    facts = taken.facts
    for number, frame in enumerate(frames_of(taken)):
        assert np.array_equal(frame, np.arange(24 * number - 12, 24 * number + 12).reshape(4, 6))
    assert (facts.columns, facts.rows, facts.frames, facts.colour, facts.frame_ms) == (6, 4, 3, False, 40)
    assert (facts.slope, facts.intercept, facts.unit) == (2, -1000, "HU")
    assert [(w.name, w.centre, w.width) for w in facts.windows] == [("SOFT", 40, 400), ("LUNG", -600, 1500)]
    assert (facts.row_mm, facts.column_mm, facts.at_detector) == (0.5, 0.25, False)
    assert (taken.person.id_no, taken.person.names) == ("P1", ("MADEFU", "马德福"))


@pytest.mark.parametrize(
    "name", ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm"]
)
def test_every_lossless_form_of_one_image_gives_the_same_samples(name: str) -> None:
    (plain,) = frames_of(read_image(shipped("MR_small.dcm"), "a"))
    (other,) = frames_of(read_image(shipped(name), "b"))
    assert np.array_equal(plain, other)
    assert plain.dtype == other.dtype


@pytest.mark.parametrize(
    ("name", "frames"),
    [("SC_rgb_rle_2frame.dcm", 2), ("SC_rgb_jpeg.dcm", 1), ("examples_palette.dcm", 1), ("examples_ybr_color.dcm", 30)],
)
def test_colour_is_read(name: str, frames: int) -> None:
    taken = read_image(shipped(name), name)
    assert (taken.facts.colour, taken.facts.frames, len(taken.ends)) == (True, frames, frames)
    assert frames_of(taken)[-1].shape == (taken.facts.rows, taken.facts.columns, 3)
    with Image.open(io.BytesIO(taken.thumb), formats=("PNG",)) as thumb:
        assert max(thumb.size) <= 192


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", ImageSyntaxRefused, "JPEG-LS"),
        ("SC_rgb_jpeg_gdcm.dcm", ImageSyntaxRefused, "JPEG Lossless"),
        ("JPGExtended.dcm", ImageSyntaxRefused, "12 bit"),
        ("SC_rgb_rle_16bit.dcm", ImagePixelsRefused, "3 x 16 bit"),
        ("liver_1frame.dcm", ImagePixelsRefused, "1 x 1 bit"),
        ("rtdose.dcm", ImagePixelsRefused, "32 bit"),
        ("rtplan.dcm", ImageWithoutPixels, "RT Plan"),
        ("waveform_ecg.dcm", ImageIsEcg, "ECG"),
        ("MR_truncated.dcm", ImageBroken, "damaged"),
    ],
)
def test_what_is_not_read_is_refused_by_name(name: str, error: type[ImageError], said: str) -> None:
    with pytest.raises(error, match=said):
        read_image(shipped(name), name)


def _claims(**values: object) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        for name, value in values.items():
            setattr(ds, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_claims(Rows=65535, Columns=65535), ImagePixelsRefused),
        (_claims(Rows=16000, Columns=16000, NumberOfFrames=8), ImageTooLarge),  # 2^31 samples
        (_claims(NumberOfFrames=2**31 - 1), ImageTooManyFrames),
        (_claims(NumberOfFrames=-1), ImagePixelsRefused),
        (_claims(Rows=0), ImagePixelsRefused),
        (_claims(Rows=400), ImageBroken),  # more than there is
        (_claims(PixelData=b""), ImageBroken),
        (_claims(BitsStored=40), ImagePixelsRefused),
        (_claims(SamplesPerPixel=3), ImagePixelsRefused),
    ],
)
def test_a_file_that_claims_what_cannot_be_is_refused_before_it_is_unpacked(
    change: Callable[[Dataset], None], error: type[ImageError]
) -> None:
    with pytest.raises(error):
        read_image(made(change), "a.dcm")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4000), st.binary(min_size=1, max_size=12), st.booleans())
def test_whatever_is_broken_in_a_file_the_answer_is_an_image_or_a_coded_error(at: int, junk: bytes, cut: bool) -> None:
    file = bytearray(shipped("MR_small_RLE.dcm") if at % 2 else made(frames=2))
    at %= len(file)
    file[at : at + len(junk)] = junk
    with contextlib.suppress(ImageError):
        read_image(bytes(file[: at + 40] if cut else file), "a.dcm")


def test_lengths_are_told_only_where_the_file_knows_them_and_the_detectors_are_marked() -> None:
    def none(ds: Dataset) -> None:
        del ds.PixelSpacing

    def detector(ds: Dataset) -> None:
        del ds.PixelSpacing
        ds.ImagerPixelSpacing = [0.2, 0.2]

    facts = read_image(made(none), "a").facts
    assert (facts.row_mm, facts.column_mm) == (None, None)
    facts = read_image(made(detector), "a").facts
    assert (facts.row_mm, facts.column_mm, facts.at_detector) == (0.2, 0.2, True)


def test_a_files_own_curve_is_kept_in_greys() -> None:
    def curve(ds: Dataset) -> None:
        item = Dataset()
        item.LUTDescriptor = [256, 0, 16]
        item.LUTData = np.arange(0, 65536, 256, dtype="<u2").tobytes()
        item.LUTExplanation = "MAMMO"
        ds.VOILUTSequence = [item]

    kept = read_image(made(curve), "a").facts.curve
    assert kept is not None
    assert (kept.name, kept.first, len(kept.grey), kept.grey[0], kept.grey[-1]) == ("MAMMO", 0, 257, 0, 254)


def test_a_photo_is_packed_anew_upright_and_without_what_the_phone_wrote_into_it() -> None:
    out = io.BytesIO()
    tags = Image.Exif()
    tags[0x0112] = 6  # turned by a quarter
    tags[0x010F] = "SECRET-MAKER"
    Image.new("RGB", (40, 20), "red").save(out, "JPEG", exif=tags, comment=b"<script>")
    taken = read_image(out.getvalue(), "a.dcm")
    assert (taken.kind, taken.facts.columns, taken.facts.rows) == ("photo", 20, 40)
    assert b"SECRET" in out.getvalue()
    assert b"SECRET" not in taken.frames
    assert b"<script>" not in taken.frames


def test_what_a_file_is_its_content_says() -> None:
    assert read_image(b"%PDF-1.7\n...\n%%EOF\n", "a.jpg").kind == "pdf"
    with pytest.raises(ImageUnknown):
        read_image(b"<html><script>alert(1)</script>", "a.png")
    with pytest.raises(ImageBroken):
        read_image(b"%PDF-1.7 cut off", "a.pdf")
    with pytest.raises(ImageBroken):
        read_image(b"\x89PNG\r\n\x1a\n<svg onload=alert(1)>", "a.png")


def paper(*pages: str) -> bytes:
    """A PDF with a page for each text, the second and later ones across."""
    source = '#set page(paper: "a4")\n' + "\n#set page(flipped: true)\n".join(pages)
    return bytes(typst.compile(source.encode(), format="pdf"))


def test_a_pdf_is_drawn_page_by_page_and_one_that_cannot_be_read_is_only_kept() -> None:
    taken = read_image(paper("Troponin 0.8", "Echo"), "lab.pdf")
    assert (taken.kind, taken.facts.frames, taken.facts.colour) == ("pdf", 2, True)
    assert (taken.facts.rows, len(taken.ends), taken.ends[-1]) == (1600, 2, len(taken.frames))
    first, second = taken.frames[: taken.ends[0]], taken.frames[taken.ends[0] :]
    sizes = [Image.open(io.BytesIO(page)).size for page in (first, second)]
    assert sizes[0] == sizes[1] == (taken.facts.columns, taken.facts.rows)
    assert Image.open(io.BytesIO(taken.thumb)).height == 192
    assert read_image(paper(*["x"] * (PAGES_MAX + 3)), "long.pdf").facts.frames == PAGES_MAX
    assert read_image(b"%PDF-1.7\n/JS (app.alert(1))\n%%EOF\n", "a.pdf").facts.frames == 0


def test_a_picture_bomb_is_refused_before_it_is_unpacked() -> None:
    head = b"\x89PNG\r\n\x1a\n"
    body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = (
        head
        + struct.pack(">I", 13)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + struct.pack(">I", 9)
        + b"IDAT"
        + bytes(13)
    )
    with pytest.raises(ImageTooLarge):
        read_image(bomb, "a.png")


@given(st.sampled_from(["rgb", "<u1", "<i1", "<u2", "<i2"]), st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_frame_comes_back_as_it_was(kind: str, rows: int, columns: int, data: st.DataObject) -> None:
    shape = (rows, columns, 3) if kind == "rgb" else (rows, columns)
    dtype = "<u1" if kind == "rgb" else kind
    raw = data.draw(st.binary(min_size=int(np.prod(shape)) * 2, max_size=int(np.prod(shape)) * 2))
    pixels = np.frombuffer(raw, dtype)[: int(np.prod(shape))].reshape(shape)
    assert np.array_equal(unpack(pack(pixels)), pixels)
