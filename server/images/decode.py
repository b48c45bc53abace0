"""From a file's bytes to frames, facts and a thumbnail: what a worker of the pool does with an image.

What a file is, its content says, never its name. A file is whatever somebody exported: sizes are checked by what it
claims before anything is unpacked, the worker's memory and time are bounded (`WORKER_BYTES`, `WORKER_S`), and whatever
pydicom or Pillow stumble over is one error. What stands in a DICOM header is `dicom.py`'s. Only a worker imports this
module: pydicom and Pillow cost the hub half a second and their memory.
"""

from __future__ import annotations

import io
import warnings
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from server.base.pdf import draw_pages
from server.images import dicom
from server.images.errors import ImageBroken, ImageError, ImageTooLarge, ImageUnknown
from server.images.frames import Pixels, pack
from server.images.model import ImageFacts
from server.images.worker import MB, PACK_BYTES_MAX, Person, Taken

PHOTO_PIXELS_MAX: Final = 64_000_000
PHOTO_SIDE_MAX: Final = 4096
"""A phone's 50 megapixels show a paper no better than this, and cost a township's line a minute."""
THUMB_SIDE: Final = 192
JPEG_QUALITY: Final = 90
PDF_HEAD: Final = b"%PDF-"

# Beyond twice of it Pillow refuses by itself: a codestream inside a DICOM file may claim another size than its header.
Image.MAX_IMAGE_PIXELS = PHOTO_PIXELS_MAX
Grey8 = npt.NDArray[np.uint8]


def read_image(file: bytes, name: str) -> Taken:
    """Raises ImageError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's remarks on a value quote it: maybe a person's name
            return _read(file, name)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        most_mb = PHOTO_PIXELS_MAX * 3 // MB
        raise ImageTooLarge(name=name, mb=2 * most_mb, most_mb=most_mb) from None
    except Exception:  # the edge of the task: two libraries' parsers raise a dozen kinds on a damaged file
        raise ImageBroken(name=name) from None


def _read(file: bytes, name: str) -> Taken:
    if file[128:132] == b"DICM":
        return _dicom(file, name)
    if file.startswith(b"\xff\xd8\xff"):
        return _photo(file, name, "JPEG")
    if file.startswith(b"\x89PNG\r\n\x1a\n"):
        return _photo(file, name, "PNG")
    if file.startswith(PDF_HEAD):
        if b"%%EOF" not in file[-2048:]:
            raise ImageBroken(name=name)
        return _paper(file)
    raise ImageUnknown(name=name)


def _dicom(file: bytes, name: str) -> Taken:
    read = dicom.open_image(file, name)
    body, ends, middle = bytearray(), [], None
    for number, frame in enumerate(read.frames()):
        body += pack(frame)
        ends.append(len(body))
        if len(body) > PACK_BYTES_MAX:
            raise ImageTooLarge(name=name, mb=len(body) // MB, most_mb=PACK_BYTES_MAX // MB)
        if number == read.facts.frames // 2:
            middle = frame
    if middle is None or len(ends) != read.facts.frames:
        raise ImageBroken(name=name)
    facts = dicom.with_a_window(read.facts, middle)
    return Taken("dicom", facts, bytes(body), tuple(ends), thumbnail(shown(middle, facts)), read.person)


def _paper(file: bytes) -> Taken:
    """Its pages as pictures; of one that cannot be read nothing but the file itself."""
    pages = draw_pages(file)
    if not pages:
        return Taken("pdf", ImageFacts(), b"", (), b"", Person())
    with Image.open(io.BytesIO(pages[0]), formats=("PNG",)) as first:
        facts = ImageFacts(rows=first.height, columns=first.width, frames=len(pages), colour=True)
        thumb = thumbnail(np.asarray(first.convert("RGB")))
    ends = tuple(accumulate(len(page) for page in pages))
    return Taken("pdf", facts, b"".join(pages), ends, thumb, Person())


def _photo(file: bytes, name: str, kind: str) -> Taken:
    """Unpacked and packed anew: no byte of the sender's reaches a browser, nor where the phone was."""
    with Image.open(io.BytesIO(file), formats=(kind,)) as opened:
        if opened.width * opened.height > PHOTO_PIXELS_MAX:
            mb = opened.width * opened.height * 3 // MB
            raise ImageTooLarge(name=name, mb=mb, most_mb=PHOTO_PIXELS_MAX * 3 // MB)
        picture: Image.Image = ImageOps.exif_transpose(opened)
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            clear = picture.convert("RGBA")
            picture = Image.new("RGB", clear.size, "white")
            picture.paste(clear, mask=clear.getchannel("A"))
        picture = picture.convert("RGB")
    picture.thumbnail((PHOTO_SIDE_MAX, PHOTO_SIDE_MAX))
    out = io.BytesIO()
    picture.info.clear()
    if kind == "JPEG":
        picture.save(out, "JPEG", quality=JPEG_QUALITY)
    else:
        picture.save(out, "PNG")
    packed = out.getvalue()
    facts = ImageFacts(rows=picture.height, columns=picture.width, frames=1, colour=True, lossy=kind == "JPEG")
    return Taken("photo", facts, packed, (len(packed),), thumbnail(np.asarray(picture)), Person())


def shown(frame: Pixels, facts: ImageFacts) -> Grey8:
    """A frame as the page first shows it, 8 bits."""
    if facts.colour:
        return frame.astype(np.uint8)
    window = facts.windows[0]
    values = frame.astype(np.float32) * facts.slope + facts.intercept
    grey = np.clip((values - (window.centre - window.width / 2)) / window.width, 0, 1) * 255
    return np.asarray(255 - grey if facts.inverted else grey, np.uint8)


def thumbnail(pixels: Grey8) -> bytes:
    """PNG, at most THUMB_SIDE a side."""
    small = Image.fromarray(pixels)
    small.thumbnail((THUMB_SIDE, THUMB_SIDE))
    out = io.BytesIO()
    small.save(out, "PNG")
    return out.getvalue()
