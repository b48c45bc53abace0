"""The body of a STOW-RS request, taken apart: multipart/related of application/dicom (RFC 2387, DICOM PS3.18 8.6.1.2).

Plain bytes in, parts out; which parts are images is the worker's to say.
"""

from __future__ import annotations

from email.message import Message
from typing import Final

from server.images.errors import StowUnreadable

PARTS_MAX: Final = 500
HEAD_BYTES_MAX: Final = 4096
DICOM: Final = "application/dicom"


def parts(body: bytes, content_type: str) -> list[bytes]:
    """Contents of the parts, in order. Raises StowUnreadable; a part of another type is one too (PS3.18, 10.5.1.2)."""
    said = Message()
    said["Content-Type"] = content_type
    if said.get_content_type() != "multipart/related":
        raise StowUnreadable(missing="multipart/related")
    if str(said.get_param("type", DICOM)).lower() != DICOM:
        raise StowUnreadable(missing=DICOM)
    boundary = str(said.get_param("boundary", ""))
    if not 1 <= len(boundary) <= 200 or not boundary.isascii():
        raise StowUnreadable(missing="boundary")
    line = b"--" + boundary.encode()
    # What stands before the first boundary is a preamble; the last one ends with two more dashes.
    at = 0 if body.startswith(line) else body.find(b"\r\n" + line) + 2
    if at == 1:
        raise StowUnreadable(missing="boundary")
    found: list[bytes] = []
    while not body.startswith(line + b"--", at):
        start = body.find(b"\r\n", at, at + len(line) + 256) + 2
        end = body.find(b"\r\n" + line, start)
        head_end = body.find(b"\r\n\r\n", start - 2, start + HEAD_BYTES_MAX)
        if start == 1 or end < 0 or head_end < 0 or head_end > end or len(found) >= PARTS_MAX:
            raise StowUnreadable(missing="part")
        if not _is_dicom(body[start : max(head_end, start)]):
            raise StowUnreadable(missing=DICOM)
        found.append(body[head_end + 4 : end])
        at = end + 2
    if not found:
        raise StowUnreadable(missing="part")
    return found


def _is_dicom(head: bytes) -> bool:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.split(";")[0].strip().lower() == DICOM
    return False
