"""ISHNE Holter files (Badilini 1998): a fixed header, texts, then 16-bit samples of all leads in turn.

Reads the standard output file alone; beat annotations (ANN) are a file of their own and refused by name.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecg import codes
from ecg.errors import (
    ChecksumIgnored,
    FieldWrong,
    FileTruncated,
    FileWarning,
    FormatRefused,
    NoWaveform,
    SamplesFewer,
)
from ecg.formats.document import I32, THE_FILE, Document, Maker, Person, checked_gain, named_leads
from ecg.formats.fields import (
    checked_rate,
    checked_size,
    crc_ccitt,
    day,
    moment_of,
    numbers,
    text,
    u16,
    u32,
    with_names,
    without_marks,
)
from ecg.record import Sex

NAME: Final = "ISHNE Holter"

MARK, ANNOTATIONS = b"ISHNE1.0", b"ANN  1.0"
HEADER_END = 522  # of mark, checksum and the fixed header; texts of any length follow
LEADS_MAX = 12
_SEXES: dict[int, Sex] = {1: "M", 2: "F"}


def recognises(raw: bytes) -> bool:
    """By the mark at its beginning."""
    return raw[:8] in (MARK, ANNOTATIONS)


def parse(raw: bytes) -> Document:
    """All leads, over the whole time.

    Raises  FormatRefused, FileTruncated, FieldWrong, NoWaveform, GainMissing, LeadUnknown, LeadTwice, FileTooLarge.
    Warns   ChecksumIgnored, ChannelLeftOut, SamplesFewer.
    """
    if raw[:8] == ANNOTATIONS:
        raise FormatRefused(
            path=THE_FILE, format="an ISHNE annotation file", reason="the beats are marked without the ECG"
        )
    if len(raw) < HEADER_END:
        raise FileTruncated(path=THE_FILE, where=f"the header of {HEADER_END} bytes does not end in it")
    count = u16(raw, 156, "number of leads")
    if not 1 <= count <= LEADS_MAX:
        raise FieldWrong(
            path=THE_FILE, field="number of leads", got=str(count), why=f"1 to {LEADS_MAX} can be described"
        )
    spellings = [_lead(code) for code in numbers(f"<{count}h", raw, 158, "leads")]
    kept, unnamed = with_names(spellings)
    leads = named_leads([spellings[at] for at in kept])
    resolutions = numbers(f"<{count}h", raw, 206, "resolution")
    nv = [resolutions[at] for at in kept]
    uv_per_step = tuple(checked_gain(step / 1000, lead) for step, lead in zip(nv, leads, strict=True))
    rate = numbers("<h", raw, 272, "sampling rate")[0]
    fs = checked_rate(rate, str(rate))
    steps, warnings = _samples(raw, count)
    columns = [without_marks(steps[:, at], gain) for at, gain in zip(kept, uv_per_step, strict=True)]
    warnings = [*_checksum(raw), *unnamed, *warnings]
    start = moment_of(*_date(raw, 138), *numbers("<hhh", raw, 150, "start")) if _is_clock(raw) else None
    names = [text(raw[at : at + 40]) for at in (28, 68)]
    return Document(
        format=f"{NAME} 1.0",
        fs=fs,
        leads=leads,
        steps=np.column_stack(columns),
        uv_per_step=uv_per_step,
        start=start,
        person=Person(
            name=" ".join(name for name in names if name and name != "none"),
            id_no=text(raw[108:128]),
            sex=_SEXES.get(u16(raw, 128, "sex"), ""),
            birth_date=day(*_date(raw, 132)),
        ),
        maker=_recorder(text(raw[232:272])),
        warnings=tuple(warnings),
    )


def _lead(code: int) -> str:
    if code in (0, 1):  # not stated; bipolar, between electrodes that are not stated
        return "unknown"
    return codes.lead_of_code("ishne_code", str(code)) or f"ISHNE lead {code}"


def _samples(raw: bytes, leads: int) -> tuple[I32, list[FileWarning]]:
    """(samples, leads) as many as there are, and what is missing of those promised."""
    promised, begin = u32(raw, 14, "number of samples"), u32(raw, 22, "place of the samples")
    if not HEADER_END <= begin <= len(raw):
        raise FieldWrong(
            path=THE_FILE, field="place of the samples", got=str(begin), why=f"the file has {len(raw)} bytes"
        )
    there = (len(raw) - begin) // (2 * leads)
    if promised == 0 or there == 0:
        raise NoWaveform(path=THE_FILE)
    if promised == there * leads and leads > 1:
        promised = there  # some recorders count the samples of all leads
    count = min(promised, there)
    checked_size(count, leads)
    stored = np.frombuffer(raw, dtype="<i2", count=count * leads, offset=begin).reshape(count, leads)
    return stored.astype(np.int32), [SamplesFewer(promised=promised, got=there)] if there < promised else []


def _checksum(raw: bytes) -> list[FileWarning]:
    """Over the fixed header and the texts behind it; it does not cover the samples."""
    texts = u32(raw, 10, "length of the texts")
    end = HEADER_END + texts
    if end <= len(raw) and crc_ccitt(raw[10:end]) == u16(raw, 8, "checksum"):
        return []
    return [ChecksumIgnored(where="the header with names, leads and rate")]


def _recorder(kind: str) -> Maker:
    """The type of recorder: a model, or only whether it was a tape."""
    return Maker() if kind.casefold() in ("analog", "digital", "unknown") else Maker(name=kind)


def _date(raw: bytes, at: int) -> tuple[int, int, int]:
    """Year, month, day; the file has them the other way round, -9 where unknown."""
    date, month, year = numbers("<hhh", raw, at, "a date")
    return year, month, date


def _is_clock(raw: bytes) -> bool:
    return all(0 <= part < 60 for part in numbers("<hhh", raw, 150, "start"))
