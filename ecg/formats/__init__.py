"""Files to recordings: one module a format, and `read`, which finds the right one.

The only part of the library that touches a disk. A format module gives a `Recording` or raises a typed error; it
measures nothing and mends nothing. `read` knows every lead or refuses; `read_channels`
takes channels under whatever name, and what needs a lead's name is then not said of them. Writers
have modules of their own: `annotate` (marks), `export` (samples).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecg.errors import FormatUnknown
from ecg.formats import wfdb
from ecg.record import Recording


def read(source: str | Path | bytes, *, first: int = 0, end: int | None = None) -> Recording:
    """The recording in a file.

    source      path of a WFDB record, with or without `.hea`. Bytes are for single-file formats; none is known yet.
    first, end  half-open range of samples, for a stretch of a long record.
    Raises      FileMissing, FormatUnknown, FileBroken, GainMissing, UnitUnknown, LeadUnknown, LeadTwice, WrongRate.
    """
    if isinstance(source, bytes):
        raise FormatUnknown(path=f"the upload of {len(source)} bytes")
    path = _known(Path(source))
    return wfdb.read(path, first=first, end=end)


def read_channels(source: str | Path, channels: Sequence[str] = ()) -> Recording:
    """The recording in a file, or the channels of it that are named or numbered, whatever they are called.

    Raises  what `read` raises, except LeadUnknown; LeadAbsent: a channel asked for is not there.
    """
    return wfdb.read_channels(_known(Path(source)), channels)


def _known(path: Path) -> Path:
    if path.suffix not in ("", ".hea") and path.is_file():
        raise FormatUnknown(path=str(path))
    return path
