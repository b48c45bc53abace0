"""What an attached file really is, and a picture written anew: for a worker of the pool with bounded time and memory.

A picture is decoded and encoded again, so that nothing of the sender's bytes reaches a browser: no second format hidden
in the first, no place or name from the camera (EXIF). A PDF stays as it is and is only ever saved, never shown.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from server.messages.errors import FileRefused
from server.messages.model import FileKind

BYTES_MAX: Final = 10 * 2**20
PIXELS_MAX: Final = 40_000_000
SIDE_MAX: Final = 4096
"""Longer pictures are made smaller: what a phone's camera takes, a page need not carry."""
WORKER_S: Final = 15.0
WORKER_BYTES: Final = 3 * 1024**3
_JPEG, _PNG, _PDF, _PDF_END = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-", b"%%EOF"


@dataclass(frozen=True)
class Clean:
    """A file as it is stored and given out. Pixels are 0 for a document."""

    content: bytes
    kind: FileKind
    width: int = 0
    height: int = 0


def warm_up() -> None:
    """Nothing: the first picture may wait for the process; most hubs see none for hours."""


def clean(file: bytes) -> Clean:
    """By content, never by name. Raises FileRefused."""
    if file.startswith(_PDF):
        if _PDF_END not in file[-1024:]:
            raise refused("the PDF is cut off")
        return Clean(file, "application/pdf")
    if not file.startswith((_JPEG, _PNG)):
        raise refused("it is neither JPEG, PNG nor PDF")
    try:
        return _picture(file)
    except MemoryError:
        raise refused("the picture takes too much memory") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise refused("the picture is damaged") from None


def refused(reason: str) -> FileRefused:
    return FileRefused(reason=reason, limit_mb=BYTES_MAX // 2**20)


def _picture(file: bytes) -> Clean:
    image = Image.open(io.BytesIO(file), formats=("JPEG", "PNG"))
    if image.width * image.height > PIXELS_MAX:
        raise refused("the picture has too many pixels")
    is_png = image.format == "PNG"
    image.draft("RGB", (SIDE_MAX, SIDE_MAX))  # JPEG: decoded smaller where it may be
    image.load()
    upright = ImageOps.exif_transpose(image)
    plain = upright.convert("RGBA" if is_png and upright.has_transparency_data else "RGB")
    plain.thumbnail((SIDE_MAX, SIDE_MAX))
    # A new picture of the pixels alone: what the file carried beside them stays behind.
    written = Image.new(plain.mode, plain.size)
    written.paste(plain)
    out = io.BytesIO()
    if is_png:
        written.save(out, "PNG")
    else:
        written.save(out, "JPEG", quality=88)
    return Clean(out.getvalue(), "image/png" if is_png else "image/jpeg", *written.size)
