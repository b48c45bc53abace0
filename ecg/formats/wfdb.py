"""WFDB records (PhysioNet): a `.hea` header and its signal files.

The `wfdb` package decodes the samples; this module decides what a header must say before they are believed. A missing
gain, which the package would silently take for 200 per mV, is refused here: every voltage rule rests on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecg import codes
from ecg.errors import (
    FileBroken,
    FileMissing,
    GainMissing,
    LeadAbsent,
    LeadTwice,
    LeadUnknown,
    UnitUnknown,
)
from ecg.formats.fields import microvolts_of
from ecg.record import F32, Meta, Recording, Sex

BLOCK = 1_000_000  # samples of each lead decoded at a time
DIFFERENCES = {"8"}  # formats in which a sample is known only from all before it
PACKAGE_FAILS = (ValueError, IndexError, KeyError, TypeError, RuntimeError, OSError, OverflowError, AttributeError)
"""How the package fails on a damaged file: it checks little, and all of these mean the same to the user."""
_FRAME = re.compile(r"\d+x(?!1\b)")  # a signal's format with samples a frame: 16x4
_GAIN = re.compile(r"^(?P<gain>[-+0-9.eE]+)(\((?P<baseline>[-+0-9]+)\))?(/(?P<unit>\S+))?$")
_AGE = re.compile(r"^#?\s*<?age>?\s*:\s*(\d{1,3})\b", re.IGNORECASE | re.MULTILINE)
_SEX = re.compile(r"^#?\s*<?sex>?\s*:\s*(m|f)", re.IGNORECASE | re.MULTILINE)


def read(path: Path, *, first: int = 0, end: int | None = None) -> Recording:
    """One WFDB record, or its samples [first, end). See `formats.read` for the errors."""
    record = record_of(path)
    lines, comments = signal_lines(record)
    units_uv = [unit_uv(record, line) for line in lines]
    leads = _leads(record, lines)
    signal_uv, fs = _samples(record, first, end, units_uv)
    return Recording(fs=fs, leads=leads, signal_uv=signal_uv, meta=meta_of(comments))


def read_channels(path: Path, channels: Sequence[str] = ()) -> Recording:
    """One WFDB record whatever its channels are called: beats and rhythms ask for no name.

    channels  numbers counted from 0, or names, in the order wanted; without them all that are voltages. A channel that
              states another unit (pressure, breath) is then passed over.
    Leads     a body lead has its name of `codes/leads.csv`; any other keeps the file's own (`MLII`, `ECG`), or its
              number when it has none. A name of the second kind that stands twice gets its number behind.
    Raises    as `formats.read`, but not LeadUnknown. LeadTwice: of a body lead, of which none can be trusted then;
              `channels` says which one is meant. LeadAbsent: a channel asked for is not there.
    """
    record = record_of(path)
    lines, comments = signal_lines(record)
    picked = [_channel(record, lines, channel) for channel in channels]
    picked = picked or [at for at, line in enumerate(lines) if _is_voltage(line)] or list(range(len(lines)))
    picked = list(dict.fromkeys(picked))
    units_uv = [unit_uv(record, lines[at]) for at in picked]
    names: list[str] = []
    for at in picked:
        name = _name(lines[at]) or f"ch{at}"
        if name in names and name in codes.leads() and not channels:
            raise LeadTwice(path=str(record), lead=name)
        names.append(name if name not in names else f"{name}-{at}")
    signal_uv, fs = _samples(record, 0, None, units_uv, picked)
    return Recording(fs=fs, leads=tuple(names), signal_uv=signal_uv, meta=meta_of(comments))


def record_of(path: Path) -> Path:
    """The record's path without the suffix of its header."""
    return path.with_suffix("") if path.suffix == ".hea" else path


def header_lines(record: Path) -> tuple[list[list[str]], str]:
    """The record line and the lines below it, split into fields, and the comments. Raises FileMissing, FileBroken."""
    header = record.with_name(record.name + ".hea")
    try:
        text = header.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        raise FileMissing(path=str(record), missing=header.name) from None
    content = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not content or len(content[0]) < 2:
        raise FileBroken(path=str(header), reason="it has no record line")
    return content, "\n".join(line for line in text.splitlines() if line.startswith("#"))


def has_parts(path: Path) -> bool:
    """Whether the record has segments, or signals of several samples a frame, which `wfdb_steps.py` reads.

    The package would average the samples of a frame into one, without a word.
    """
    content, _ = header_lines(record_of(path))
    return "/" in content[0][0] or any(len(line) > 1 and _FRAME.match(line[1]) for line in content[1:])


def signal_lines(record: Path) -> tuple[list[list[str]], str]:
    """The signal lines of a record of one segment, split into fields, and the comments."""
    content, comments = header_lines(record)
    header = record.with_name(record.name + ".hea")
    if "/" in content[0][0]:
        raise FileBroken(path=str(header), reason="it has several segments; channels of these are not picked by name")
    count = content[0][1]
    if not count.isdigit() or int(count) == 0 or len(content) - 1 < int(count):
        raise FileBroken(path=str(header), reason=f"it promises {count} signals and describes {len(content) - 1}")
    lines = content[1 : int(count) + 1]
    for line in lines:
        if not (record.parent / line[0]).is_file():
            raise FileMissing(path=str(record), missing=line[0])
    return lines, comments


def spelling_of(line: list[str]) -> str:
    """What a signal line calls its signal; names may hold blanks."""
    return " ".join(line[8:])


def unit_uv(record: Path, line: list[str]) -> float:
    """How many microvolts the physical unit of one signal line has."""
    lead = spelling_of(line) or "?"
    gain = _GAIN.match(line[2]) if len(line) > 2 else None
    if gain is None or _zero(gain["gain"]):
        raise GainMissing(path=str(record), lead=lead)
    unit = gain["unit"] or "mV"  # the WFDB header format's own default
    uv = microvolts_of(unit)
    if uv is None:
        raise UnitUnknown(path=str(record), lead=lead, unit=unit)
    return uv


def _is_voltage(line: list[str]) -> bool:
    gain = _GAIN.match(line[2]) if len(line) > 2 else None
    return gain is None or microvolts_of(gain["unit"] or "mV") is not None


def _zero(gain: str) -> bool:
    try:
        return float(gain) == 0.0
    except ValueError:
        return True


def _leads(record: Path, lines: list[list[str]]) -> tuple[str, ...]:
    names: list[str] = []
    for line in lines:
        spelling = spelling_of(line)
        lead = codes.lead_of(spelling)
        if lead is None:
            raise LeadUnknown(path=str(record), lead=spelling or "(no name)")
        if lead in names:
            raise LeadTwice(path=str(record), lead=lead)
        names.append(lead)
    return tuple(names)


def _channel(record: Path, lines: list[list[str]], asked: str) -> int:
    """The number of a channel that is asked for by number, by the file's own name, or by another spelling of it."""
    if asked.isdigit() and int(asked) < len(lines):
        return int(asked)
    spellings = [spelling_of(line) for line in lines]
    if asked in spellings:
        return spellings.index(asked)
    lead = codes.lead_of(asked)
    meant = [codes.lead_of(spelling) for spelling in spellings]
    if lead is None or lead not in meant:
        known = ", ".join(f"{at} {spelling}".rstrip() for at, spelling in enumerate(spellings))
        raise LeadAbsent(path=str(record), lead=asked, known=known)
    return meant.index(lead)


def _name(line: list[str]) -> str:
    spelling = spelling_of(line)
    lead = codes.lead_of(spelling)
    return spelling if lead is None or codes.leads()[lead].kind in ("monitor", "other") else lead


def _samples(
    record: Path, first: int, end: int | None, units_uv: Sequence[float], channels: list[int] | None = None
) -> tuple[F32, float]:
    """Microvolts as the package decodes them, and their rate; NaN where the file marks a sample as invalid.

    In blocks, because the package needs twenty times the bytes of a long recording to decode it at once.
    """
    import wfdb as package  # 0.5 s and 80 MB: only who reads WFDB pays

    def block(first: int, end: int | None) -> F32:
        got = package.rdrecord(str(record), sampfrom=first, sampto=end, channels=channels).p_signal
        if got.shape[1] != len(units_uv):
            reason = f"{len(units_uv)} leads in the header, {got.shape[1]} in the file"
            raise FileBroken(path=str(record), reason=reason)
        decoded: F32 = (got * np.array(units_uv)).astype(np.float32)
        return decoded

    try:
        header = package.rdheader(str(record))
        until = header.sig_len if end is None else end
        if until is None or until - first <= BLOCK or set(header.fmt) & DIFFERENCES:
            return block(first, end), float(header.fs)
        signal_uv: F32 = np.empty((until - first, len(units_uv)), dtype=np.float32)
        for at in range(first, until, BLOCK):
            signal_uv[at - first : at - first + BLOCK] = block(at, min(at + BLOCK, until))
    except PACKAGE_FAILS as reason:
        raise FileBroken(path=str(record), reason=f"{type(reason).__name__} {reason}".rstrip(".")) from reason
    return signal_uv, float(header.fs)


def meta_of(comments: str) -> Meta:
    """Age and sex, where comments state them."""
    age, sex = _AGE.search(comments), _SEX.search(comments)
    known: Sex = "" if sex is None else "M" if sex[1].upper() == "M" else "F"
    return Meta(sex=known, age_years=int(age[1]) if age else None)
