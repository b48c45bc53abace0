"""WFDB records (PhysioNet): a `.hea` header and its signal files.

The `wfdb` package decodes the samples; this module decides what a header must say before they are believed. A missing
gain, which the package would silently take for 200 per mV, is refused here: every voltage rule rests on it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ecg import codes
from ecg.errors import FileBroken, FileMissing, GainMissing, LeadTwice, LeadUnknown, UnitUnknown
from ecg.record import F32, Meta, Recording, Sex

UV_PER = {"mv": 1000.0, "uv": 1.0, "µv": 1.0, "μv": 1.0}  # both code points of the micro sign
_GAIN = re.compile(r"^(?P<gain>[-+0-9.eE]+)(\((?P<baseline>[-+0-9]+)\))?(/(?P<unit>\S+))?$")
_AGE = re.compile(r"^#?\s*<?age>?\s*:\s*(\d{1,3})\b", re.IGNORECASE | re.MULTILINE)
_SEX = re.compile(r"^#?\s*<?sex>?\s*:\s*(m|f)", re.IGNORECASE | re.MULTILINE)


def read(path: Path, *, first: int = 0, end: int | None = None) -> Recording:
    """One WFDB record, or its samples [first, end). See `formats.read` for the errors."""
    record = path.with_suffix("") if path.suffix == ".hea" else path
    lines, comments = _header(record)
    units_uv = [_unit_uv(record, line) for line in lines]
    leads = _leads(record, lines)
    samples, fs = _samples(record, first, end)
    if samples.shape[1] != len(leads):
        raise FileBroken(path=str(record), reason=f"{len(leads)} leads in the header, {samples.shape[1]} in the file")
    signal_uv: F32 = (samples * np.array(units_uv)).astype(np.float32)
    return Recording(fs=fs, leads=leads, signal_uv=signal_uv, meta=_meta(comments))


def _header(record: Path) -> tuple[list[list[str]], str]:
    """The signal lines, split into fields, and the comments."""
    header = record.with_name(record.name + ".hea")
    try:
        text = header.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise FileMissing(path=str(record), missing=header.name) from None
    content = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not content or len(content[0]) < 2:
        raise FileBroken(path=str(header), reason="it has no record line")
    if "/" in content[0][0]:
        raise FileBroken(path=str(header), reason="records of several segments are not read yet")
    count = content[0][1]
    if not count.isdigit() or int(count) == 0 or len(content) - 1 < int(count):
        raise FileBroken(path=str(header), reason=f"it promises {count} signals and describes {len(content) - 1}")
    lines = content[1 : int(count) + 1]
    for line in lines:
        if not (record.parent / line[0]).is_file():
            raise FileMissing(path=str(record), missing=line[0])
    return lines, "\n".join(line for line in text.splitlines() if line.startswith("#"))


def _unit_uv(record: Path, line: list[str]) -> float:
    """How many microvolts the physical unit of one signal line has."""
    lead = " ".join(line[8:]) or "?"
    gain = _GAIN.match(line[2]) if len(line) > 2 else None
    if gain is None or _zero(gain["gain"]):
        raise GainMissing(path=str(record), lead=lead)
    unit = gain["unit"] or "mV"  # the WFDB header format's own default
    if unit.casefold() not in UV_PER:
        raise UnitUnknown(path=str(record), lead=lead, unit=unit)
    return UV_PER[unit.casefold()]


def _zero(gain: str) -> bool:
    try:
        return float(gain) == 0.0
    except ValueError:
        return True


def _leads(record: Path, lines: list[list[str]]) -> tuple[str, ...]:
    names: list[str] = []
    for line in lines:
        spelling = " ".join(line[8:])
        lead = codes.lead_of(spelling)
        if lead is None:
            raise LeadUnknown(path=str(record), lead=spelling or "(no name)")
        if lead in names:
            raise LeadTwice(path=str(record), lead=lead)
        names.append(lead)
    return tuple(names)


def _samples(
    record: Path, first: int, end: int | None
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], float]:
    """Physical samples as the package decodes them; NaN where the file marks a sample as invalid."""
    import wfdb as package  # 0.5 s and 80 MB: only who reads WFDB pays

    try:
        got = package.rdrecord(str(record), sampfrom=first, sampto=end)
    except (ValueError, IndexError, KeyError, TypeError, RuntimeError, OSError, OverflowError) as reason:
        # The package checks little and fails in many ways on a damaged file; all of them mean the same to the user.
        raise FileBroken(path=str(record), reason=f"{type(reason).__name__} {reason}".rstrip(".")) from reason
    return got.p_signal, float(got.fs)


def _meta(comments: str) -> Meta:
    age, sex = _AGE.search(comments), _SEX.search(comments)
    known: Sex = "" if sex is None else "M" if sex[1].upper() == "M" else "F"
    return Meta(sex=known, age_years=int(age[1]) if age else None)
