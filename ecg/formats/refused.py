"""Files that are known by name and not read, so that the sentence says what they are.

Only marks at the beginning of a file; what cannot be told from its first bytes is an unknown format.
"""

from __future__ import annotations

from typing import Final

from ecg.errors import FormatRefused
from ecg.formats.document import THE_FILE, Document

NAME: Final = "a format that is known and not read"

_PICTURE = "it is a picture of an ECG, not its samples"
_PACKED = "unpack it first; only ZIP is opened"
_MARKS = (
    (b"%PDF-", "a PDF", _PICTURE),
    (b"\x89PNG\r\n", "a PNG picture", _PICTURE),
    (b"\xff\xd8\xff", "a JPEG picture", _PICTURE),
    (b"II*\0", "a TIFF picture", _PICTURE),
    (b"MM\0*", "a TIFF picture", _PICTURE),
    (b"GIF8", "a GIF picture", _PICTURE),
    (b"{\\rtf", "an RTF text", "it is a report, not the recording"),
    (b"\xd0\xcf\x11\xe0", "a Microsoft Office file", "save its table as CSV"),
    (b"\x1f\x8b", "a gzip archive", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _PACKED),
    (b"Rar!", "a RAR archive", _PACKED),
    (b"\x40\x20MFR", "MFER (ISO 22077)", "no clinic has given a sample to test a reader on"),
    (b"GDF ", "GDF", "no electrocardiograph writes it"),
    (b"MATLAB 5.0", "a MATLAB file", "its variables have no agreed names"),
)


def recognises(raw: bytes) -> bool:
    """By its first bytes."""
    return _known(raw) is not None


def parse(raw: bytes) -> Document:
    """Never gives a document. Raises FormatRefused."""
    name, reason = _known(raw) or (NAME, "its first bytes are of no format here")
    raise FormatRefused(path=THE_FILE, format=name, reason=reason)


def _known(raw: bytes) -> tuple[str, str] | None:
    return next(((name, reason) for mark, name, reason in _MARKS if raw.startswith(mark)), None)
