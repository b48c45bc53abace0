"""SCP-ECG files: EN 1064 (ISO 11073-91064), versions 1 to 3, sections 0 to 6.

Reads the rhythm of section 6 whatever its coding: plain, differences, the file's own or the default Huffman tables
(`scp_huffman.py`), reference beats subtracted, bimodal compression. Checksums and section lengths are checked before a
sample is decoded. The long-term sections of version 3 (12 and up) and Healforce's dialect are refused by name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Final

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.errors import (
    ChecksumIgnored,
    FieldWrong,
    FileChecksum,
    FileTruncated,
    FileWarning,
    FormatRefused,
    NoWaveform,
    SamplesFewer,
)
from ecg.formats import scp_huffman
from ecg.formats.document import THE_FILE, Document, Maker, Person, checked_gain, named_leads
from ecg.formats.fields import (
    checked_rate,
    checked_size,
    crc_ccitt,
    day,
    moment_of,
    numbers,
    side_by_side,
    text,
    u16,
    u32,
    with_names,
)
from ecg.record import Sex

NAME: Final = "SCP-ECG"

I64 = npt.NDArray[np.int64]

HEADER = 16  # bytes before the contents of each section
SECTIONS_MAX = 1024  # pointers of section 0; the standard has 12 and a maker's own
_MAKERS = (
    *("", "Burdick", "Cambridge", "Compumed", "Datamed", "Fukuda", "Hewlett-Packard", "Marquette", "Mortara"),
    *("Nihon Kohden", "Okin", "Quinton", "Siemens", "Spacelabs", "Telemed", "Hellige", "ESAOTE", "Schiller"),
    *("Picker-Schwarzer", "et medical devices", "Zwönitz"),
)  # EN 1064, section 1, tag 14
_CHARSETS = {
    0x03: "iso8859-2",
    0x0B: "iso8859-4",
    0x13: "iso8859-5",
    0x1B: "iso8859-6",
    0x23: "iso8859-7",
    0x2B: "iso8859-8",
    0x33: "iso8859-11",
    0x3B: "iso8859-15",
    0x07: "utf-16-le",
    0x0F: "shift_jis",
    0x17: "euc_jp",
    0x1F: "euc_jp",
    0x27: "gb18030",
    0x2F: "cp949",
    0x37: "utf-8",
}  # EN 1064, language support code
_TAG_BYTES = {
    4: 3,
    5: 4,
    6: 3,
    7: 3,
    8: 1,
    9: 1,
    11: 2,
    12: 2,
    24: 1,
    25: 4,
    26: 3,
    27: 2,
    28: 2,
    29: 1,
    33: 2,
}  # EN 1064, section 1: tags of one length; some carts state another
_YEARS_OF_AGE = {1: 1.0, 2: 1 / 12, 3: 7 / 365.25, 4: 1 / 365.25, 5: 1 / 8766}


def recognises(raw: bytes) -> bool:
    """By the mark of section 0, which version 1 files may lack, or by a pointer table that begins with itself."""
    if len(raw) < 32 or raw[8:10] != b"\0\0":
        return False
    return raw[16:22] == b"SCPECG" or _is_healforce(raw) or (raw[22:24] == b"\0\0" and raw[28:32] == b"\x07\0\0\0")


def parse(raw: bytes) -> Document:
    """The rhythm of section 6.

    Raises  FileTruncated, FileChecksum, FieldWrong, FormatRefused, NoWaveform, GainMissing, LeadUnknown, LeadTwice,
            FileTooLarge, FileBroken.
    Warns   ChecksumIgnored, ChannelLeftOut, SamplesFewer.
    """
    if _is_healforce(raw):
        reason = "it keeps neither checksum, pointers nor lead names of EN 1064, and its unit of voltage is not sure"
        raise FormatRefused(path=THE_FILE, format="the Healforce dialect of SCP-ECG", reason=reason)
    raw, sections, warnings = _sections(raw)
    if 6 not in sections:
        if 12 in sections:
            raise FormatRefused(path=THE_FILE, format="long-term SCP-ECG 3", reason="only sections 0 to 6 are read")
        raise NoWaveform(path=THE_FILE)
    if 3 not in sections:
        raise FileTruncated(path=THE_FILE, where="section 3, which names the leads, is not there")
    leads, subtracts = _leads(sections[3])
    count = len(leads)
    kept, unnamed = with_names([lead.spelling for lead in leads])
    leads = [leads[at] for at in kept]
    names = named_leads([lead.spelling for lead in leads])
    tables = scp_huffman.tables(sections[2]) if 2 in sections else None
    rhythm = _coded(sections[6], count, kept, "section 6")
    if raw[15] >= 30:
        rhythm = replace(rhythm, bimodal=False)  # version 3 has no such compression, and reserves the byte
    if subtracts and 4 not in sections:
        raise FileTruncated(path=THE_FILE, where="section 4 is not there, and says where beats were subtracted")
    beats = _Beats.of(sections.get(4, b""))
    needs_beats = rhythm.bimodal or (subtracts and any(kind == 0 for kind, *_ in beats.zones))
    if needs_beats and 5 not in sections:
        raise FileTruncated(
            path=THE_FILE, where="section 5 is not there, and section 6 cannot be read without its beats"
        )
    reference = _coded(sections[5], count, kept, "section 5") if needs_beats else None
    columns, nv_per_step, us = _samples(rhythm, reference, leads, tables, beats, subtracts)
    warnings += [*unnamed, *_fewer(leads, columns)]
    first = min(lead.first for lead in leads)
    steps = side_by_side([column.astype(np.int32) for column in columns], [lead.first - first for lead in leads])
    uv_per_step = checked_gain(nv_per_step / 1000, names[0])
    about = _About.of(sections.get(1, b""))
    return Document(
        format=_title(about.version or raw[15]),
        fs=checked_rate(_hz(us), f"{us} us"),
        leads=names,
        steps=steps,
        uv_per_step=(uv_per_step,) * len(names),
        start=about.start,
        person=about.person,
        maker=about.maker,
        warnings=tuple(warnings),
    )


def _hz(us: int) -> float:
    """Samples a second of an interval in whole microseconds: 1953 us is as near to 512 Hz as the field can come."""
    whole = round(1e6 / us)
    return float(whole) if whole and round(1e6 / whole) == us else 1e6 / us


def _title(version: int) -> str:
    return f"{NAME} {version / 10:.1f}" if version else NAME


def _is_healforce(raw: bytes) -> bool:
    """Its pointers count bytes from 0: section 0 says that it stands at byte 6, where the standard says 7."""
    return raw[8:10] == raw[22:24] == b"\0\0" and raw[28:32] == b"\x06\0\0\0" and raw[16:22] != b"SCPECG"


# ---- section 0: where everything stands, and whether it is whole ----


def _sections(raw: bytes) -> tuple[bytes, dict[int, bytes], list[FileWarning]]:
    """The record without what follows it, the contents of its sections by number, and what was passed over."""
    size = u32(raw, 2, "the size of the record")
    if size < 6 + HEADER:
        raise FieldWrong(path=THE_FILE, field="size of the record", got=str(size), why="its header alone is longer")
    missing = max(size - len(raw), 0)
    raw = raw[:size]
    places = _pointers(raw)
    damaged = [number for number, (at, length) in places.items() if not _is_whole(raw, at, length)]
    warnings: list[FileWarning] = []
    if damaged and len(damaged) == len(places) and not any(u16(raw, at, "") for at, _ in places.values()):
        warnings.append(ChecksumIgnored(where="all are zero: the device computes none"))
    else:
        wrong = [number for number in damaged if number in (0, 2, 3, 4, 5, 6)]
        if wrong:
            raise FileChecksum(path=THE_FILE, where=", ".join(f"section {number}" for number in wrong))
        if missing or crc_ccitt(raw[2:]) != u16(raw, 0, "the checksum"):
            lacking = f" that lacks {missing} bytes" if missing else ""
            warnings.append(ChecksumIgnored(where=f"of the whole file{lacking}; those of all sections with samples do"))
    contents = {number: raw[at + HEADER : at + length] for number, (at, length) in places.items()}
    if 1 in damaged and not (warnings and len(damaged) == len(places)):
        # A name that may be another's is worse than none.
        warnings.append(ChecksumIgnored(where="section 1, so the person and the time were left out"))
        del contents[1]
    return raw, contents, warnings


def _pointers(raw: bytes) -> dict[int, tuple[int, int]]:
    """Offset and length of each section that is there. Raises FileTruncated, FieldWrong."""
    length = u32(raw, 10, "the length of section 0")
    if length < HEADER or 6 + length > len(raw) or (length - HEADER) // 10 > SECTIONS_MAX:
        raise FieldWrong(path=THE_FILE, field="length of section 0", got=str(length), why="the file does not hold it")
    places = {0: (6, length)}
    for at in range(6 + HEADER, 6 + length - 9, 10):
        number, size, index = numbers("<HII", raw, at, "a pointer of section 0")
        if number == 0 or size <= HEADER or index == 0:
            continue
        if index - 1 + size > len(raw):
            where = f"section {number} would end at byte {index - 1 + size} of {len(raw)}"
            raise FileTruncated(path=THE_FILE, where=where)
        if number <= 11:
            places.setdefault(number, (index - 1, size))
            stands = u16(raw, index + 1, "a section's header")
            if stands != number:
                raise FieldWrong(
                    path=THE_FILE, field=f"pointer to section {number}", got=str(stands), why="it is there"
                )
        elif number == 12:
            places[number] = (index - 1, size)
    return places


def _is_whole(raw: bytes, at: int, length: int) -> bool:
    return crc_ccitt(raw[at + 2 : at + length]) == u16(raw, at, "a section's checksum")


# ---- section 3: the leads ----


@dataclass(frozen=True)
class _Lead:
    """One lead of section 3: its first and last sample at the full rate, counted from 1, both within."""

    first: int
    last: int
    spelling: str

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def _leads(section: bytes) -> tuple[list[_Lead], bool]:
    """The leads, and whether reference beats are subtracted from them."""
    count, flags = numbers("<BB", section, 0, "section 3")
    leads = []
    for at in range(count):
        first, last, code = numbers("<IIB", section, 2 + 9 * at, "a lead of section 3")
        if not first <= last or last == 0:  # the standard counts from 1, some writers from 0
            raise FieldWrong(
                path=THE_FILE, field="samples of a lead", got=f"{first} to {last}", why="none can be meant"
            )
        # The codes are those of ISO/IEEE 11073-10101, which DICOM writes as 2:n.
        leads.append(_Lead(first, last, codes.lead_of_code("dicom_mdc", f"2:{code}") or f"SCP lead {code}"))
    return leads, bool(flags & 1)


# ---- sections 5 and 6: samples ----


@dataclass(frozen=True)
class _Coded:
    """Section 5 or 6, not decoded: nanovolts of a step, microseconds between samples, order of differences, each
    lead's bytes."""

    nv: int
    us: int
    differences: int
    bimodal: bool
    streams: tuple[bytes, ...]


def _coded(section: bytes, leads: int, kept: list[int], where: str) -> _Coded:
    """Section 5 or 6 of a file of `leads` leads, with the streams of those that are kept."""
    nv, us, differences, bimodal = numbers("<HHBB", section, 0, where)
    if us == 0:
        raise FieldWrong(path=THE_FILE, field=f"sample interval of {where}", got="0 us", why="no rate follows from it")
    if differences > 2:
        raise FieldWrong(
            path=THE_FILE, field=f"differences of {where}", got=str(differences), why="0, 1 or 2 are known"
        )
    lengths = numbers(f"<{leads}H", section, 6, where)
    at = 6 + 2 * leads
    if at + sum(lengths) > len(section):
        raise FileTruncated(path=THE_FILE, where=f"{where} ends before the samples of its leads")
    streams = []
    for length in lengths:
        streams.append(section[at : at + length])
        at += length
    return _Coded(nv, us, differences, bool(bimodal), tuple(streams[at] for at in kept))


def _decoded(coded: _Coded, lead: int, count: int, tables: tuple[scp_huffman.Table, ...] | None) -> I64:
    """At most `count` samples of one lead, differences summed. Raises as `scp_huffman.decode`, FieldWrong."""
    stream = coded.streams[lead]
    if tables is None:
        values = np.frombuffer(stream[: len(stream) // 2 * 2], dtype="<i2")[:count].astype(np.int64)
    else:
        if count > 8 * len(stream):
            why = f"its {len(stream)} bytes cannot hold them"
            raise FieldWrong(path=THE_FILE, field="number of samples", got=str(count), why=why)
        values = scp_huffman.decode(stream, count, tables)
    return _summed(values, coded.differences)


def _summed(values: I64, differences: int) -> I64:
    """Samples from first or second differences; they are 16 bit and wrap as such, as writers rely on."""
    if differences == 1:
        values = np.cumsum(values)
    elif differences == 2 and len(values) > 2:
        slope = np.cumsum(np.concatenate([values[1:2] - values[:1], values[2:]]))
        values = np.concatenate([values[:1], values[0] + np.cumsum(slope)])
    return values.astype(np.int16).astype(np.int64)


def _samples(
    rhythm: _Coded,
    reference: _Coded | None,
    leads: list[_Lead],
    tables: tuple[scp_huffman.Table, ...] | None,
    beats: _Beats,
    subtracts: bool,
) -> tuple[list[I64], float, int]:
    """Each lead's samples, nanovolts of a step, and microseconds between samples at the full rate."""
    checked_size(max(len(stream) for stream in rhythm.streams), 1)
    us = rhythm.us
    if reference is not None and reference.us != us:
        if not rhythm.bimodal or us % reference.us:
            reason = f"its beats are sampled every {reference.us} us, its rhythm every {us} us"
            raise FormatRefused(path=THE_FILE, format=f"{NAME} with two rates", reason=reason)
        columns = [
            _full_rate(rhythm, at, lead, tables, beats.protected, us // reference.us) for at, lead in enumerate(leads)
        ]
        us = reference.us
    else:
        columns = [_decoded(rhythm, at, lead.count, tables) for at, lead in enumerate(leads)]
    if tables is not None:
        for lead, column in zip(leads, columns, strict=True):
            if len(column) < lead.count:
                where = f"the Huffman stream of a lead ends after {len(column)} of {lead.count} samples"
                raise FileTruncated(path=THE_FILE, where=where)
    if not subtracts or reference is None:
        return columns, rhythm.nv, us
    return *_with_beats(rhythm, reference, leads, columns, tables, beats), us


def _full_rate(
    rhythm: _Coded,
    at: int,
    lead: _Lead,
    tables: tuple[scp_huffman.Table, ...] | None,
    protected: tuple[tuple[int, int], ...],
    ratio: int,
) -> I64:
    """One lead of bimodal compression at its full rate.

    Within the protected zones (QRS) every sample is there. Between them `ratio` samples were averaged into one; they
    are drawn back on lines through the centres of their groups, as the standard does it. A gap that is no multiple of
    `ratio` ends with a group of its rest, or lacks it, depending on the writer: the count of numbers tells which.
    """
    if not 2 <= ratio <= 16:
        raise FieldWrong(path=THE_FILE, field="bimodal ratio", got=str(ratio), why="2 to 16 are read")
    runs = _runs(lead, protected)
    whole = sum(last - first if kept else -(-(last - first) // ratio) for first, last, kept in runs)
    short = sum(last - first if kept else (last - first) // ratio for first, last, kept in runs)
    values = _decoded(rhythm, at, whole, tables)
    if len(values) not in (whole, short):
        where = f"a lead has {len(values)} numbers where bimodal compression needs {whole}"
        raise FileTruncated(path=THE_FILE, where=where)
    checked_size(lead.count, 1)
    wave = np.zeros(lead.count, dtype=np.int64)
    taken = 0
    for first, last, kept in runs:
        size = last - first
        groups = size if kept else -(-size // ratio) if len(values) == whole else size // ratio
        part = values[taken : taken + groups]
        taken += groups
        if kept:
            wave[first:last] = part
        elif groups:
            centres = np.arange(groups) * ratio + (ratio - 1) / 2
            wave[first:last] = np.rint(np.interp(np.arange(size), centres, part)).astype(np.int64)
    return wave


def _runs(lead: _Lead, protected: tuple[tuple[int, int], ...]) -> list[tuple[int, int, bool]]:
    """The lead's samples, from 0, as half-open stretches in turn decimated and kept as they are."""
    runs: list[tuple[int, int, bool]] = []
    at = 0
    for first, last in sorted(protected):
        begin, end = max(first - lead.first, at), min(last - lead.first + 1, lead.count)
        if begin < end:
            runs += [(at, begin, False)] if begin > at else []
            runs.append((begin, end, True))
            at = end
    return [*runs, (at, lead.count, False)] if at < lead.count else runs


@dataclass(frozen=True)
class _Beats:
    """Section 4: the reference beat's fiducial point (sample, from 1), and where it is subtracted and where the rhythm
    is protected from decimation.

    zones      (type, first, fiducial, last) of each QRS complex, samples from 1; only type 0 is subtracted.
    protected  (first, last) of each.
    """

    milliseconds: int
    fiducial: int
    zones: tuple[tuple[int, int, int, int], ...]
    protected: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, section: bytes) -> _Beats:
        if not section:
            return cls(0, 0, (), ())
        milliseconds, fiducial, count = numbers("<HHH", section, 0, "section 4")
        if 6 + 14 * count > len(section):
            raise FileTruncated(path=THE_FILE, where=f"section 4 promises {count} QRS complexes")
        rows = [numbers("<HIII", section, 6 + 14 * at, "section 4") for at in range(count)]
        behind = 6 + 14 * count
        has_protected = behind + 8 * count <= len(section)
        kept = [numbers("<II", section, behind + 8 * at, "section 4") for at in range(count if has_protected else 0)]
        zones = tuple((row[0], row[1], row[2], row[3]) for row in rows)
        return cls(milliseconds, fiducial, zones, tuple((row[0], row[1]) for row in kept if 0 < row[0] <= row[1]))


def _with_beats(
    rhythm: _Coded,
    reference: _Coded,
    leads: list[_Lead],
    residues: list[I64],
    tables: tuple[scp_huffman.Table, ...] | None,
    beats: _Beats,
) -> tuple[list[I64], float]:
    """The reference beat added to the residues in each zone; the step is the largest that both are multiples of."""
    nv = math.gcd(rhythm.nv, reference.nv)
    checked_gain(nv, "section 5" if rhythm.nv else "section 6")
    length = round(beats.milliseconds * 1000 / reference.us)
    waves = []
    for at, lead in enumerate(leads):
        # A lead may have no reference beat: its stream is empty.
        beat = _decoded(reference, at, length if reference.streams[at] else 0, tables) * (reference.nv // nv)
        wave = residues[at] * (rhythm.nv // nv)
        for kind, zone_first, fiducial, zone_last in beats.zones:
            origin = fiducial - beats.fiducial + 1  # the sample on which the beat's first one falls
            first = max(zone_first, origin, lead.first)
            last = min(zone_last, origin + len(beat) - 1, lead.first + len(wave) - 1)
            if kind == 0 and first <= last:
                wave[first - lead.first : last - lead.first + 1] += beat[first - origin : last - origin + 1]
        waves.append(wave)
    return waves, nv


def _fewer(leads: list[_Lead], columns: list[I64]) -> list[FileWarning]:
    """Raises FieldWrong for a gap between leads that no recording has; the plain lead lengths are bounded by now."""
    if not any(len(column) for column in columns):
        raise NoWaveform(path=THE_FILE)
    span = max(lead.first + len(column) for lead, column in zip(leads, columns, strict=True))
    span -= min(lead.first for lead in leads)
    if span > sum(len(column) for column in columns):
        raise FieldWrong(path=THE_FILE, field="samples of the leads", got=str(span), why="the leads lie too far apart")
    lacking = [
        (lead.count, len(column)) for lead, column in zip(leads, columns, strict=True) if len(column) < lead.count
    ]
    return [SamplesFewer(promised=max(lacking)[0], got=min(got for _, got in lacking))] if lacking else []


# ---- section 1: whose it is and what wrote it ----


@dataclass(frozen=True)
class _About:
    person: Person
    maker: Maker
    start: datetime | None
    version: int  # ten times the standard's: 20 is 2.0

    @classmethod
    def of(cls, section: bytes) -> _About:
        tags = _tags(section)
        machine = tags.get(14, b"")
        charset = _CHARSETS.get(machine[16], "") if len(machine) > 16 and machine[16] & 1 else ""

        def words(tag: int) -> str:
            return text(tags.get(tag, b""), *([charset] if charset else []))

        born, on, clock = tags.get(5, b""), tags.get(25, b""), tags.get(26, b"")
        start = None
        if len(on) >= 4 and len(clock) >= 3:
            start = moment_of(*numbers("<HBB", on, 0, ""), *clock[:3])
        if start is not None and len(zone := tags.get(34, b"")) >= 2:
            minutes = numbers("<h", zone, 0, "")[0]
            if abs(minutes) <= 14 * 60:  # 0x7FFF: not known
                start = start.replace(tzinfo=timezone(timedelta(minutes=minutes)))
        person = Person(
            name=" ".join(part for part in (words(1), words(0), words(3)) if part),
            id_no=words(2),
            sex=_sex(tags.get(8, b"")),
            birth_date=day(*numbers("<HBB", born, 0, "")) if len(born) >= 4 else "",
            age_years=_age(tags.get(4, b"")),
        )
        return cls(person, _maker(machine), start, machine[14] if len(machine) > 14 else 0)


def _tags(section: bytes) -> dict[int, bytes]:
    """The first value of each tag; where the stated lengths run out of the section, with those of the standard."""
    tags, is_whole = _split(section, {})
    if not is_whole:
        fixed, is_whole = _split(section, _TAG_BYTES)
        tags = fixed if is_whole else tags  # else those up to the break: the samples need none of them
    return tags


def _split(section: bytes, sizes: dict[int, int]) -> tuple[dict[int, bytes], bool]:
    """The tags, and whether they end where the section does."""
    tags: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(section) and section[at] != 255:
        length = sizes.get(section[at], u16(section, at + 1, ""))
        if at + 3 + length > len(section):
            return tags, False
        tags.setdefault(section[at], section[at + 3 : at + 3 + length])
        at += 3 + length
    return tags, True


def _sex(value: bytes) -> Sex:
    if value[:1] == b"\x01":
        return "M"
    return "F" if value[:1] == b"\x02" else ""


def _age(value: bytes) -> int | None:
    if len(value) < 3:
        return None
    number, unit = numbers("<HB", value, 0, "")
    years = number * _YEARS_OF_AGE.get(unit, 0.0)
    return int(years) if number and unit in _YEARS_OF_AGE and years <= 150 else None


def _maker(machine: bytes) -> Maker:
    """Tag 14: fixed fields, then five texts with a NUL each (program, serial, software, SCP software, maker)."""
    if len(machine) < 36:
        return Maker()
    texts = [text(part) for part in machine[36:].split(b"\0")] + [""] * 5
    known = _MAKERS[machine[7]] if machine[7] < len(_MAKERS) else ""
    return Maker(name=texts[4] or known, model=text(machine[8:14]), serial=texts[1], software=texts[2])
