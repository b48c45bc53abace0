"""Formats that are known by their first bytes or their root element, and not read: named to whoever sent them.

Stands last in `formats.NAMES`: an archive or an XML file that another module reads never comes here.
"""

from __future__ import annotations

from typing import Final, NoReturn

from ecg.errors import FormatRefused, XmlRefused
from ecg.formats import xml
from ecg.formats.document import THE_FILE

NAME: Final = "a known format that is not read"

PICTURE: Final = "a picture holds no samples"
PACKED: Final = "archives are not opened; send the recording inside it"

STARTS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"%PDF-", "PDF", "a printed page holds no samples"),
    (b"\x89PNG\r\n\x1a\n", "PNG", PICTURE),
    (b"\xff\xd8\xff", "JPEG", PICTURE),
    (b"GIF8", "GIF", PICTURE),
    (b"II*\0", "TIFF", PICTURE),
    (b"MM\0*", "TIFF", PICTURE),
    (b"PK\x05\x06", "a ZIP archive", PACKED),
    (b"PK\x07\x08", "a ZIP archive", PACKED),
    (b"\x1f\x8b", "a gzip archive", PACKED),
    (b"BZh", "a bzip2 archive", PACKED),
    (b"\xfd7zXZ\0", "an xz archive", PACKED),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", PACKED),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", PACKED),
    (b"Rar!\x1a\x07", "a RAR archive", PACKED),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office file", "a report holds no samples"),
    (b"{\\rtf", "RTF", "a report holds no samples"),
    (b"MSH|", "an HL7 version 2 message", "it is a message and no recording"),
    (b"GDF ", "GDF", "no electrocardiograph writes it"),
    (b"SQLite format 3\0", "an SQLite database", "it is no recording"),
    (b"MATLAB 5.0 MAT-file", "MATLAB", "it says neither rate nor unit"),
    (b"\x89HDF\r\n\x1a\n", "HDF5", "it says neither rate nor unit"),
)
ROOTS: Final = {
    "html": ("HTML", "a report holds no samples"),
    "svg": ("SVG", PICTURE),
    "clinicaldocument": ("an HL7 clinical document (CDA)", "it is a report; export the recording itself"),
    "hativecg": ("Hativ XML", "its layout is not known here"),
    "cardioxp": ("Bionet CardioXP XML", "its layout is not known here"),
    "ecg": ("XML of an unknown maker", "it is no Mortara ELI file, and no other with this root is known"),
}


def recognises(raw: bytes) -> bool:
    return _named(raw) is not None


def parse(raw: bytes) -> NoReturn:
    """Raises FormatRefused, always; XmlRefused where entities are declared, whatever the root."""
    if b"<!ENTITY" in raw[: xml.CHUNK].replace(b"\0", b""):
        raise XmlRefused(path=THE_FILE, reason="it declares an entity of its own")
    name, reason = _named(raw) or (NAME, "its layout is not known here")
    raise FormatRefused(path=THE_FILE, format=name, reason=reason)


def _named(raw: bytes) -> tuple[str, str] | None:
    for start, name, reason in STARTS:
        if raw.startswith(start):
            return name, reason
    if raw.startswith(b"BM") and raw[6:10] == b"\0\0\0\0":
        return "BMP", PICTURE
    head = raw[: xml.CHUNK].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:14].lower().startswith((b"<html", b"<!doctype html")):
        return ROOTS["html"]
    if head[:1] == b"{":
        return "JSON", "no electrocardiograph's JSON is known here; export the recording in another format"
    root = xml.root_name(raw)
    if root in ROOTS:
        return ROOTS[root]
    if root and head[:20].replace(b"\0", b"").lstrip(b"\xff\xfe").startswith((b"<?xml", b"<!DOCTYPE")):
        return f"XML with the root element <{root[:60]}>", "no ECG format with this root is known here"
    return None
