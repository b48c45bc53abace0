"""Files to recordings: one module a format, and `document`, which finds the right one by content.

The only part of the library that touches a disk. A format module gives a `Document` (`document.py`; WFDB, of several
files, gives a `Recording` at once) or raises a typed error; it measures nothing and mends nothing. `read` knows every
lead or refuses; `read_channels` takes channels under whatever name, and what needs a lead's name is then not said of
them. Writers have modules of their own: `annotate` (marks), `export` (samples).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from ecg import codes
from ecg.errors import EcgError, FileEmpty, FileTooLarge, FormatUnknown, LeadAbsent
from ecg.formats import wfdb
from ecg.formats.document import FILE_BYTES_MAX, THE_FILE, Document, Format, named
from ecg.record import Recording

NAMES: Final = (
    "dicom", "edf", "ishne", "scp", "mfer", "contec", "wfdb_zip",
    "aecg", "muse", "cardiosoft", "sapphire", "sierra", "schiller", "mortara", "refused", "table",
)  # fmt: skip
"""Formats of one file each, the surest to recognise first; those refused by name come before bare text.

A new format is a module and its name here. They are imported with the first file: a hub that starts need not wait.
"""


@cache
def formats() -> tuple[Format, ...]:
    """The modules of `NAMES`, in their order."""
    return tuple(cast("Format", import_module(f"ecg.formats.{name}")) for name in NAMES)


def document(raw: bytes, name: str = THE_FILE) -> Document:
    """The ECG in the bytes of one file, in whichever of `NAMES` they are; `name` is for the errors.

    Raises  FileEmpty, FileTooLarge, FormatUnknown, FormatRefused, FileTruncated, FileChecksum, FieldWrong, XmlRefused,
            NoWaveform, FileBroken, GainMissing, UnitUnknown, LeadUnknown, LeadTwice; nothing else, whatever the bytes.
    """
    try:
        if not raw:
            raise FileEmpty(path=THE_FILE)
        if len(raw) > FILE_BYTES_MAX:
            raise FileTooLarge(path=THE_FILE, got=len(raw), unit="bytes", most=FILE_BYTES_MAX)
        from ecg.formats import archive

        content = archive.sole(raw)
        for form in formats():
            if form.recognises(content):
                return form.parse(content)
        raise FormatUnknown(path=THE_FILE)
    except EcgError as error:
        raise named(error, name) from error


def read(source: str | Path | bytes, *, first: int = 0, end: int | None = None) -> Recording:
    """The recording in a file.

    source      path of a WFDB record, with or without `.hea`, or of a file in one of `NAMES`; or its bytes.
    first, end  half-open range of samples, for a stretch of a long record.
    Raises      what `document` raises, FileMissing, WrongRate.
    """
    if isinstance(source, bytes):
        return stretch(document(source).recording(), first, end)
    path = Path(source)
    if _is_single_file(path):
        return stretch(_document_at(path).recording(), first, end)
    if wfdb.has_parts(path):
        from ecg.formats import wfdb_steps

        return stretch(wfdb_steps.document(path).recording(), first, end)
    return wfdb.read(path, first=first, end=end)


def read_channels(source: str | Path, channels: Sequence[str] = ()) -> Recording:
    """The recording in a file, or the channels of it that are named or numbered, whatever they are called.

    Raises  what `read` raises, except LeadUnknown; LeadAbsent: a channel asked for is not there.
    """
    path = Path(source)
    if _is_single_file(path):
        return chosen(_document_at(path).recording(), channels)
    if wfdb.has_parts(path):
        return chosen(read(path), channels)
    return wfdb.read_channels(path, channels)


def stretch(recording: Recording, first: int, end: int | None) -> Recording:
    """Samples [first, end) of a recording."""
    return recording if (first, end) == (0, None) else replace(recording, signal_uv=recording.signal_uv[first:end])


def chosen(recording: Recording, channels: Sequence[str]) -> Recording:
    """The leads that are named or numbered, in the order asked. Raises LeadAbsent."""
    if not channels:
        return recording
    columns: list[int] = []
    for channel in channels:
        lead = recording.leads[int(channel)] if channel.isdigit() and int(channel) < len(recording.leads) else channel
        lead = codes.lead_of(lead) or lead
        if lead not in recording.leads:
            raise LeadAbsent(path=THE_FILE, lead=channel, known=", ".join(recording.leads))
        columns.append(recording.leads.index(lead))
    columns = list(dict.fromkeys(columns))
    leads = tuple(recording.leads[column] for column in columns)
    derived = tuple(lead for lead in recording.derived if lead in leads)
    return replace(recording, leads=leads, signal_uv=recording.signal_uv[:, columns], derived=derived)


def _is_single_file(path: Path) -> bool:
    return path.suffix not in ("", ".hea") and path.is_file()


def _document_at(path: Path) -> Document:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise FileTooLarge(path=str(path), got=path.stat().st_size, unit="bytes", most=FILE_BYTES_MAX)
    return document(path.read_bytes(), str(path))
