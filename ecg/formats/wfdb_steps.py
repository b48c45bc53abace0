"""A WFDB record as the whole numbers it stores, for `Document`: one segment or several, signals of several rates.

The `wfdb` package decodes one segment; what a header must say, and how segments lie on one time line, is decided here.
`wfdb.py` reads records in microvolts and in stretches, for the analysis.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.errors import (
    ChannelLeftOut,
    ChecksumIgnored,
    EcgError,
    FieldWrong,
    FileBroken,
    FileMissing,
    FileTooLarge,
    FileTruncated,
    FileWarning,
    NoWaveform,
    PartsLeftOut,
)
from ecg.formats import wfdb
from ecg.formats.document import I32, NO_SIGNAL, SAMPLES_MAX, Document, Person, checked_gain, named, named_leads
from ecg.formats.fields import checked_rate

I64 = npt.NDArray[np.int64]

SEGMENTS_MAX: Final = 2000
FINER: Final = 64  # parts of the finest step when segments of other gains share a lead: less than any noise
SAMPLES_A_BYTE_MAX: Final = 64  # more than any of its formats holds, FLAC of a flat line apart
INVALID: Final = {
    "80": -128, "508": -128, "310": -512, "311": -512, "212": -2048, "16": -32768, "61": -32768, "160": -32768,
    "516": -32768, "24": -(2**23), "524": -(2**23), "32": -(2**31),
}  # fmt: skip
"""What a format stores where there is no sample (WFDB signal(5)); the FLAC ones (508, 516, 524) as the plain ones."""
_MIT_PERSON: Final = re.compile(r"^#\s*(\d{1,3})\s+([MF])\s", re.MULTILINE)  # "# 69 M 1085 1629 x1"


@dataclass(frozen=True)
class _Part:
    """One segment, read. `steps` is (samples, leads), of which 0 is 0 uV; `frame` of them share one frame."""

    fs: float
    frame: int
    leads: tuple[str, ...]
    steps: I32
    uv_per_step: tuple[float, ...]
    start: datetime | None
    warnings: tuple[FileWarning, ...]


def document(path: Path) -> Document:
    """One record.

    Raises  as `wfdb.read`, and FileTooLarge, FileTruncated, FieldWrong, NoWaveform.
    Warns   ChannelLeftOut, PartsLeftOut, ChecksumIgnored.
    """
    record = wfdb.record_of(path)
    try:
        content, comments = wfdb.header_lines(record)
        part = _joined(record, content) if "/" in content[0][0] else _segment(record)
    except EcgError as error:
        raise named(error, str(record)) from error
    meta = wfdb.meta_of(comments)
    bare = _MIT_PERSON.search(comments)
    if bare and not meta.sex and meta.age_years is None:
        meta = replace(meta, age_years=int(bare[1]), sex="M" if bare[2] == "M" else "F")
    return Document(
        format="WFDB",
        fs=part.fs,
        leads=part.leads,
        steps=part.steps,
        uv_per_step=part.uv_per_step,
        start=part.start,
        person=Person(sex=meta.sex, age_years=meta.age_years),
        warnings=part.warnings,
    )


# ---- one segment ----


def _segment(record: Path) -> _Part:
    """One segment: of signals of several rates those of the rate that most have, the higher of two as common."""
    import wfdb as package  # half a second to import: only who reads WFDB pays

    lines, _ = wfdb.signal_lines(record)
    kept, warnings = _kept(record, lines)
    leads = named_leads([wfdb.spelling_of(lines[at]) for at in kept])
    units_uv = [wfdb.unit_uv(record, lines[at]) for at in kept]
    stored = sum((record.parent / name).stat().st_size for name in {line[0] for line in lines})
    try:
        header = package.rdheader(str(record))
        each = [int(count) for count in header.samps_per_frame]
        promised = (header.sig_len or 0) * sum(each)
        if promised > SAMPLES_MAX:
            raise FileTooLarge(path=str(record), got=promised, unit="samples", most=SAMPLES_MAX)
        if promised > SAMPLES_A_BYTE_MAX * stored:
            raise FileTruncated(path=str(record), where=f"{stored} bytes of signals for {promised} samples")
        # Signals of one rate are taken as a table: the package fails on format 61 one by one.
        got = package.rdrecord(str(record), physical=False, smooth_frames=set(each) == {1})
        stored_signals = got.d_signal.T if set(each) == {1} else got.e_d_signal
        signals = [np.asarray(signal).astype(np.int64) for signal in stored_signals]
        warnings += _checksums(header, lines, signals)
        rates = Counter(each[at] for at in kept)
        frame = max(rates, key=lambda count: (rates[count], count))
        if len(rates) > 1:
            left = ", ".join(wfdb.spelling_of(lines[at]) for at in kept if each[at] != frame)
            warnings.append(PartsLeftOut(left=f"{left}, at another rate"))
        columns = [at for at, signal in enumerate(kept) if each[signal] == frame]
        steps = np.column_stack([_steps(record, got, signals, kept[at]) for at in columns])
        gains = [units_uv[at] / float(got.adc_gain[kept[at]]) for at in columns]
        fs, start = float(header.fs) * frame, got.base_datetime
    except wfdb.PACKAGE_FAILS as reason:
        raise FileBroken(path=str(record), reason=f"{type(reason).__name__} {reason}".rstrip(".")) from reason
    names = tuple(leads[at] for at in columns)
    return _Part(
        fs=checked_rate(fs, f"{fs:g}"),
        frame=frame,
        leads=names,
        steps=np.where(_turned(gains), -np.where(steps == NO_SIGNAL, -NO_SIGNAL, steps), steps).astype(np.int32),
        uv_per_step=tuple(checked_gain(abs(gain), lead) for gain, lead in zip(gains, names, strict=True)),
        start=start,
        warnings=tuple(warnings),
    )


def _turned(gains: Sequence[float]) -> npt.NDArray[np.bool_]:
    """Which leads are upside down: the format allows a gain below 0."""
    return np.array(gains) < 0


def _kept(record: Path, lines: list[list[str]]) -> tuple[list[int], list[FileWarning]]:
    """The signals that are leads, and a word on the others; all when none is, to be refused by name."""
    spellings = [wfdb.spelling_of(line) for line in lines]
    kept = [at for at, spelling in enumerate(spellings) if codes.lead_of(spelling)]
    if not kept:
        return list(range(len(lines))), []
    left = [spelling or "(no name)" for at, spelling in enumerate(spellings) if at not in kept]
    return kept, [ChannelLeftOut(channel=", ".join(left))] if left else []


def _steps(record: Path, got: object, signals: list[I64], at: int) -> I64:
    """One signal counted from 0 uV, NO_SIGNAL where its format marks a sample as none."""
    formats, baselines = got.fmt, got.baseline  # type: ignore[attr-defined]  # the package is untyped
    is_none = signals[at] == INVALID.get(formats[at], NO_SIGNAL)
    steps = np.where(is_none, NO_SIGNAL, signals[at] - int(baselines[at]))
    if np.abs(steps[~is_none]).max(initial=0) >= 2**31:
        raise FileBroken(path=str(record), reason="a sample lies outside 32 bits")
    return steps


def _checksums(header: object, lines: list[list[str]], signals: list[I64]) -> list[FileWarning]:
    """The sum of each signal in 16 bits, where the header has it: writers that compute none leave it out or all 0."""
    stated = header.checksum  # type: ignore[attr-defined]  # the package is untyped
    if not any(stated):
        return []
    wrong = [
        wfdb.spelling_of(line)
        for line, sum_stated, signal, skew in zip(lines, stated, signals, header.skew, strict=True)  # type: ignore[attr-defined]  # as above
        if sum_stated is not None and not skew and (int(signal.sum()) - int(sum_stated)) % 65536
    ]
    return [ChecksumIgnored(where=f"of lead {', '.join(wrong)}")] if wrong else []


# ---- several segments ----


def _joined(record: Path, content: list[list[str]]) -> _Part:
    """The segments of a record on one time line; where a segment lacks a lead, and in a gap (~), there is no signal.

    Fixed and variable layout: each segment says itself which leads it has, so the layout segment is passed over.
    """
    stated = content[0][0].partition("/")[2]
    rows = content[1:]
    if not stated.isdigit() or int(stated) != len(rows) or not 0 < len(rows) <= SEGMENTS_MAX:
        raise FieldWrong(
            path=str(record),
            field="number of segments",
            got=stated,
            why=f"{len(rows)} of at most {SEGMENTS_MAX} follow",
        )
    if any(len(row) < 2 or not row[1].isdigit() for row in rows):
        raise FieldWrong(path=str(record), field="segment", got="no length", why="each has a name and its samples")
    begins = np.concatenate(([0], np.cumsum([int(row[1]) for row in rows])))
    parts: list[tuple[int, _Part]] = []
    for row, begin in zip(rows, begins.tolist(), strict=False):
        if row[0] == "~" or int(row[1]) == 0:
            continue
        file = record.with_name(row[0])
        if file.parent != record.parent or "/" in row[0] or "\\" in row[0]:
            raise FileMissing(path=str(record), missing=row[0])
        if "/" in wfdb.header_lines(file)[0][0][0]:
            raise FieldWrong(path=str(record), field="segment", got=row[0], why="it has segments of its own")
        part = _segment(file)
        if len(part.steps) != int(row[1]) * part.frame:
            raise FileTruncated(path=str(record), where=f"segment {row[0]} has {len(part.steps)} samples, not {row[1]}")
        parts.append((begin * part.frame, part))
    if not parts:
        raise NoWaveform(path=str(record))
    return _on_one_line(record, parts, int(begins[-1]), content[0])


def _on_one_line(record: Path, parts: list[tuple[int, _Part]], length: int, head: list[str]) -> _Part:
    fs = parts[0][1].fs
    frame = parts[0][1].frame
    length *= frame
    if any((part.fs, part.frame) != (fs, frame) for _, part in parts):
        raise FieldWrong(path=str(record), field="segment", got="another rate", why="all share the record's")
    leads = tuple(dict.fromkeys(lead for _, part in parts for lead in part.leads))
    if length * len(leads) > SAMPLES_MAX:
        raise FileTooLarge(path=str(record), got=length * len(leads), unit="samples", most=SAMPLES_MAX)
    gains = {lead: _common(parts, lead) for lead in leads}
    steps = np.full((length, len(leads)), NO_SIGNAL, dtype=np.int32)
    for begin, part in parts:
        for at, lead in enumerate(part.leads):
            column = part.steps[:, at]
            scaled = np.rint(column * (part.uv_per_step[at] / gains[lead]))
            if np.abs(scaled[column != NO_SIGNAL]).max(initial=0) >= 2**31:
                raise FileBroken(path=str(record), reason="a sample lies outside 32 bits")
            steps[begin : begin + len(column), leads.index(lead)] = np.where(column == NO_SIGNAL, NO_SIGNAL, scaled)
    warnings = tuple({str(warning): warning for _, part in parts for warning in part.warnings}.values())
    starts = [part.start for begin, part in parts if begin == 0 and part.start is not None]
    return _Part(fs, frame, leads, steps, tuple(gains.values()), _start(head) or next(iter(starts), None), warnings)


def _common(parts: list[tuple[int, _Part]], lead: str) -> float:
    """Microvolts of a step that all segments' samples of a lead are multiples of, or nearly."""
    found = [part.uv_per_step[part.leads.index(lead)] for _, part in parts if lead in part.leads]
    finest = min(found)
    whole = all(abs(gain / finest - round(gain / finest)) < 1e-9 for gain in found)
    return finest if whole else finest / FINER


def _start(head: list[str]) -> datetime | None:
    """Date and time of day of a record line: HH:MM:SS DD/MM/YYYY, fractions of a second passed over."""
    if len(head) < 6:
        return None
    try:
        # Without a zone on purpose: the file states none, and the hub knows the clinic's.
        return datetime.strptime(f"{head[4].partition('.')[0]} {head[5]}", "%H:%M:%S %d/%m/%Y")  # noqa: DTZ007
    except ValueError:
        return None
