"""From the file of an electrocardiograph to the archive file of a recording: what a worker of the pool does with it.

Plain functions of bytes that pickle; they run in a process of their own with bounded time and memory, because a file is
whatever somebody exported. Which format it is and what its fields mean is `ecg.formats`' business, where the result
goes `service.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

import numpy as np

from device import coding
from device.frames import GAIN_UV_LEAST, GAIN_UV_MOST, I16, NO_SIGNAL, STREAM_BYTES_MAX
from device.header import Header
from ecg.errors import CodedError, FileBroken, FileTooLarge, WrongRate
from ecg.formats import document as read_document
from ecg.formats.document import NO_SIGNAL as NO_STEP
from ecg.formats.document import Document, derive, limb_pair, missing_limb_leads
from ecg.reasons import with_reasons
from server.records.model import FileNote, PatientFacts

WORKER_BYTES: Final = 3 * 1024**3
WORKER_S: Final = 10.0
OLDEST_MS: Final = 0  # 1970: before it no digital electrocardiograph was
STEP_MAX: Final = -NO_SIGNAL - 1


@dataclass(frozen=True)
class Imported:
    """What stands in a file, ready to be stored."""

    archive: bytes
    format: str
    person: PatientFacts | None
    model: str
    start_ms: int | None  # None: the file does not say, or what it says cannot be
    notes: tuple[FileNote, ...]


def warm_up() -> None:
    """Nothing: the first file may wait for the process; most hubs see none for hours."""


def import_file(file: bytes, name: str, uid: str, now_ms: int, utc_offset_min: int) -> Imported:
    """Read one file. For a worker. Raises EcgError."""
    try:
        read = read_document(file, name)
        return _imported(read, name, uid, now_ms, utc_offset_min)
    except MemoryError:
        raise FileBroken(path=name, reason="reading it takes more memory than a file may cost") from None


def _imported(read: Document, name: str, uid: str, now_ms: int, utc_offset_min: int) -> Imported:
    if not 100 <= read.fs <= 2000:
        raise WrongRate(got=read.fs)
    leads, derived, gain_uv, samples = whole_steps(read, name)
    start_ms = _start_ms(read.start, now_ms, utc_offset_min)
    header = Header(
        fs=read.fs,
        leads=leads,
        gain_uv_per_lsb=gain_uv,
        n=len(samples),
        start_ms=now_ms if start_ms is None else start_ms,
        uid=uid,
        sha256=coding.sha256_of(samples).hex(),
        derived=derived,
    )
    who = read.person
    facts = PatientFacts(who.name, who.sex, who.age_years, who.birth_date or None, who.id_no)
    return Imported(
        archive=coding.encode(header, samples),
        format=read.format,
        person=facts if who.name.strip() else None,
        model=f"{read.maker.name} {read.maker.model}".strip()[:64],
        start_ms=start_ms,
        notes=tuple(note_of(warning) for warning in read.warnings),
    )


def whole_steps(read: Document, name: str) -> tuple[tuple[str, ...], tuple[str, ...], float, I16]:
    """Leads, the derived among them, microvolts of one step, and (n, leads) int16.

    A file's own steps stay as they are where all its leads have the same; else all are told in the smallest of them,
    which moves no sample by more than half of its own step. Derived leads follow Einthoven and Goldberger.
    Raises FileTooLarge, FileBroken (a voltage beyond what an electrode can give).
    """
    derived = missing_limb_leads(read.leads)
    leads = read.leads + derived
    size = 2 * len(read.steps) * len(leads)
    if size > STREAM_BYTES_MAX:
        raise FileTooLarge(path=name, got=size, unit="bytes of samples", most=STREAM_BYTES_MAX)
    known = read.steps != NO_STEP
    steps = np.where(known, read.steps, 0) * (np.array(read.uv_per_step) / min(read.uv_per_step))
    gain_uv = min(read.uv_per_step)
    largest_uv = float(np.abs(steps).max(initial=0.0)) * gain_uv
    # A lone -32768 is clipped by one step rather than told in another unit; what is larger needs larger steps.
    stored_uv = max(gain_uv, GAIN_UV_LEAST, largest_uv / STEP_MAX if largest_uv > (STEP_MAX + 1) * gain_uv else 0.0)
    stored_uv = min(stored_uv, GAIN_UV_MOST)
    if largest_uv > (STEP_MAX + 1) * stored_uv:
        raise FileBroken(path=name, reason=f"a sample says {largest_uv / 1000:.0f} mV, which no electrode gives")
    steps *= gain_uv / stored_uv
    if derived:
        one, two = limb_pair(read.leads, steps)
        both = known[:, [lead in ("I", "II", "III") for lead in read.leads]].all(axis=1)
        made = (derive(lead, one, two) for lead in derived)
        steps, known = np.column_stack([steps, *made]), np.column_stack([known, *(both for _ in derived)])
    whole = np.clip(np.rint(steps), -STEP_MAX, STEP_MAX)
    return leads, derived, stored_uv, np.where(known, whole, NO_SIGNAL).astype(np.int16)


def names_another(in_file: str, in_form: str) -> bool:
    """Whether two names are surely not one person's. A name in Latin letters says nothing of one in Chinese."""
    one, other = ("".join(name.split()).casefold() for name in (in_file, in_form))
    if not one or not other or one.isascii() != other.isascii():
        return False
    return one != other


def note_of(warning: CodedError) -> FileNote:
    """Code and facts of an error or warning, without the file's name, maybe a person's; reasons in both languages."""
    facts = {key: value for key, value in with_reasons(warning.facts()).items() if key != "path"}
    return FileNote(
        warning.code, {key: value if isinstance(value, int | float) else str(value) for key, value in facts.items()}
    )


def _start_ms(start: datetime | None, now_ms: int, utc_offset_min: int) -> int | None:
    """UTC of the file's start; a time without a zone is the hub's. None where it lies in the future or before 1970."""
    if start is None:
        return None
    if start.tzinfo is None:
        start = start.replace(tzinfo=timezone(timedelta(minutes=utc_offset_min)))
    start_ms = round(start.timestamp() * 1000)
    return start_ms if OLDEST_MS < start_ms <= now_ms + DAY_MS else None


DAY_MS: Final = 86_400_000
"""An electrocardiograph may be set to another zone; a day ahead is its clock, more is nonsense."""
