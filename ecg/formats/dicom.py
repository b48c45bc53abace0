"""DICOM waveforms (PS3.3, C.10.9): 12-lead, General and Ambulatory ECG objects.

Reads the rhythm: the multiplex groups that are no representative beat, side by side on one time axis. Elements come
from `dicom_elements.py`. No images, no annotations, no network.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

import numpy as np

from ecg import codes
from ecg.errors import (
    FieldWrong,
    FileWarning,
    FormatRefused,
    NoWaveform,
    PartsLeftOut,
    TextDoubtful,
    UnitUnknown,
)
from ecg.formats import dicom_elements
from ecg.formats.dicom_elements import DataSet
from ecg.formats.document import (
    I32,
    NO_SIGNAL,
    THE_FILE,
    Document,
    Maker,
    Person,
    checked_gain,
    named_leads,
)
from ecg.formats.fields import (
    checked_rate,
    checked_size,
    in_steps,
    looks_chinese,
    microvolts_of,
    moment_of,
    side_by_side,
    text,
    whole_steps,
    with_names,
    without_marks,
)
from ecg.record import Sex

NAME: Final = "DICOM"

CHANNELS_MAX = 256
BEAT_S_MAX = 2.0  # a derived group as short is a beat, whatever its label
_KINDS = {
    "1.2.840.10008.5.1.4.1.1.9.1.1": "DICOM 12-lead ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.2": "DICOM General ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.3": "DICOM Ambulatory ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.4": "DICOM General 32-bit ECG",
}
_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_SAMPLES = {(8, "SB"): "i1", (8, "UB"): "u1", (16, "SS"): "i2", (16, "US"): "u2", (32, "SL"): "i4", (32, "UL"): "u4"}
_BEAT = re.compile(r"median|represent|average|template|mean beat|beat$", re.IGNORECASE)
_CHARSETS = {
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 203": "iso8859-15",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "tis_620",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "ISO 2022 IR 58": "gb18030",
    "ISO 2022 IR 149": "euc_kr",
}
_WESTERN = ("latin-1", "iso8859-2", "iso8859-9", "iso8859-15")  # under which carts write GBK all the same
_SEXES: dict[str, Sex] = {"M": "M", "F": "F"}
_YEARS_OF_AGE = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_CLOCK = re.compile(r"(\d{4})[.-]?(\d\d)[.-]?(\d\d)(?:(\d\d):?(\d\d)?:?(\d\d)?(?:\.(\d{1,6}))?)?")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)$")


def recognises(raw: bytes) -> bool:
    """By the mark of part 10, or by a first element when the preamble was left out."""
    return dicom_elements.is_dicom(raw)


def parse(raw: bytes) -> Document:
    """The rhythm of a waveform object.

    Raises  NoWaveform (an image, a report, medians alone), FormatRefused, FileTruncated, FieldWrong, GainMissing,
            UnitUnknown, LeadUnknown, LeadTwice, FileTooLarge.
    Warns   ChannelLeftOut, PartsLeftOut, TextDoubtful.
    """
    whole = dicom_elements.read(raw)
    kind = whole.words(0x00080016)
    if kind == _PDF:
        raise FormatRefused(path=THE_FILE, format="a PDF inside DICOM", reason="it is a picture of an ECG")
    groups = [_Group.of(item, at) for at, item in enumerate(whole.sequences.get(0x54000100, []))]
    joined, warnings = _side_by_side([group for group in groups if group.is_rhythm and group.channels])
    leads = named_leads([channel.spelling for group in joined for channel in group.channels])
    parts = [(column, group.first + channel.skew) for group in joined for channel, column in group.columns()]
    first = min(start for _, start in parts)
    steps = side_by_side([column for column, _ in parts], [start - first for _, start in parts])
    gains = [
        checked_gain(channel.uv_per_step, lead)
        for lead, channel in zip(leads, [channel for group in joined for channel in group.channels], strict=True)
    ]
    person, is_doubtful = _person(whole)
    warnings += [TextDoubtful(stated=whole.words(0x00080005) or "none")] if is_doubtful else []
    return Document(
        format=_KINDS.get(kind, "DICOM waveform"),
        fs=joined[0].fs,
        leads=leads,
        steps=steps,
        uv_per_step=tuple(gains),
        start=_start(whole),
        person=person,
        maker=Maker(*(_text(whole, tag)[0] for tag in (0x00080070, 0x00081090, 0x00181000, 0x00181020))),
        warnings=tuple(warnings),
    )


# ---- multiplex groups: channels sampled together ----


@dataclass(frozen=True)
class _Channel:
    """One channel: the lead as the file spells it, microvolts of a step, what to add in steps, samples of delay."""

    number: int
    spelling: str
    uv_per_step: float
    offset: int
    skew: int
    sign: float


@dataclass(frozen=True, eq=False)
class _Group:
    """One item of the waveform sequence. `first` is where it begins on the object's time axis, in samples."""

    fs: float
    bits: int
    first: int
    is_rhythm: bool
    channels: tuple[_Channel, ...]
    samples: I32
    warnings: tuple[FileWarning, ...]

    @classmethod
    def of(cls, item: DataSet, at: int) -> _Group:
        name = f"waveform {at + 1}"
        rate = item.decimal(0x003A001A, "sampling frequency")
        fs = checked_rate(rate or 0.0, item.words(0x003A001A) or "missing", "sampling frequency")
        samples = _matrix(item, name)
        is_short = len(samples) < BEAT_S_MAX * fs and item.words(0x003A0004) == "DERIVED"
        is_rhythm = not is_short and not _BEAT.search(item.words(0x003A0020))
        offset_ms = item.decimal(0x00181068, "time offset") or 0.0
        first = whole_steps(offset_ms * fs / 1000)
        defined = item.sequences.get(0x003A0200, [])
        if samples.shape[1] != len(defined):
            got = f"{samples.shape[1]} with {len(defined)} definitions"
            raise FieldWrong(path=THE_FILE, field="number of channels", got=got, why="each needs its definition")
        channels = [_channel(one, number, fs) for number, one in enumerate(defined)] if is_rhythm else []
        voltages = [one for one in channels if one is not None]
        kept, left = with_names([one.spelling for one in voltages])
        bits = item.number(0x54001004, "bits allocated") or 0
        return cls(fs, bits, first, is_rhythm, tuple(voltages[at] for at in kept), samples, tuple(left))

    def columns(self) -> list[tuple[_Channel, I32]]:
        """Each channel with its samples, NO_SIGNAL where the file pads."""
        found = []
        for channel in self.channels:
            stored = self.samples[:, channel.number]
            if self.bits == 16:
                stored = without_marks(stored, channel.uv_per_step)
            found.append((channel, in_steps(stored, channel.offset, channel.sign)))
        return found

    def stands_in_for(self, other: _Group) -> bool:
        mine = {codes.lead_of(channel.spelling) for channel in self.channels}
        return any(codes.lead_of(channel.spelling) in mine for channel in other.channels)


def _matrix(item: DataSet, name: str) -> I32:
    """Samples as (n, channels), checked against the length of the data before anything is allocated."""
    channels = item.number(0x003A0005, "number of channels") or 0
    count = item.number(0x003A0010, "number of samples") or 0
    if not 0 < channels <= CHANNELS_MAX:
        raise FieldWrong(
            path=THE_FILE, field="number of channels", got=str(channels), why=f"1 to {CHANNELS_MAX} are read"
        )
    if 0x54001010 not in item.values or not count:
        raise NoWaveform(path=THE_FILE)
    bits, kind = item.number(0x54001004, "bits allocated") or 0, item.words(0x54001006)
    if (bits, kind) not in _SAMPLES:
        got = f"{bits} bits {kind[:16]}".strip()
        raise FieldWrong(
            path=THE_FILE, field=f"samples of {name}", got=got, why="8, 16 or 32 bit whole numbers are read"
        )
    data = item.values[0x54001010]
    needed = count * channels * bits // 8
    if needed > len(data):
        raise FieldWrong(path=THE_FILE, field="number of samples", got=str(count), why=f"{len(data)} bytes hold fewer")
    checked_size(count, channels)
    stored = np.frombuffer(data[:needed], dtype=np.dtype(_SAMPLES[bits, kind]).newbyteorder(item.order))
    if kind == "UL" and stored.size and int(stored.max()) > 2**31 - 1:
        raise FieldWrong(path=THE_FILE, field=f"samples of {name}", got=str(int(stored.max())), why="above 31 bits")
    samples = stored.astype(np.int32)
    padding = bytes(item.values.get(0x5400100A, b""))[: bits // 8]
    if len(padding) == bits // 8:
        samples[stored == np.frombuffer(padding, dtype=stored.dtype)[0]] = NO_SIGNAL
    return samples.reshape(count, channels)


def _channel(defined: DataSet, number: int, fs: float) -> _Channel | None:
    """One channel, or None for one that is neither a lead nor a voltage (breath, a marker)."""
    source = defined.first(0x003A0208)
    label = defined.words(0x003A0203)
    lead = _lead(source, label)
    unit = defined.first(0x003A0211)
    stated = unit.words(0x00080100)
    uv = microvolts_of(stated) or microvolts_of(unit.words(0x00080104))
    spelling = lead or source.words(0x00080104) or label or f"channel {number + 1}"
    sensitivity = defined.decimal(0x003A0210, "channel sensitivity")
    if uv is None and lead is None:
        return None
    if sensitivity is None:
        return _Channel(number, spelling, float("nan"), 0, 0, 1.0)  # refused by name once it is known to be wanted
    if uv is None:
        raise UnitUnknown(path=THE_FILE, lead=spelling, unit=stated or "(none)")
    correction = defined.decimal(0x003A0212, "sensitivity correction")
    per_step = sensitivity * (1.0 if correction is None else correction)
    baseline = defined.decimal(0x003A0213, "channel baseline") or 0.0
    skew = defined.decimal(0x003A0215, "sample skew") or (defined.decimal(0x003A0214, "time skew") or 0.0) * fs
    uv_per_step = checked_gain(abs(per_step * uv), spelling)
    return _Channel(number, spelling, uv_per_step, whole_steps(baseline / per_step), whole_steps(skew), per_step)


def _lead(source: DataSet, label: str) -> str | None:
    """The lead by its code in MDC or SCPECG, else by the code's meaning, else by the channel's label."""
    code, scheme, meaning = source.words(0x00080100), source.words(0x00080102), source.words(0x00080104)
    by_code = None
    if scheme == "SCPECG" and code.startswith("5.6.3-9-"):
        # The numbers of EN 1064 are those of ISO/IEEE 11073-10101.
        by_code = codes.lead_of_code("dicom_mdc", f"2:{code.removeprefix('5.6.3-9-')}")
    elif scheme == "MDC":
        by_code = codes.lead_of_code("dicom_mdc", code)
    spellings = [code, meaning, meaning.split("(")[0], meaning.split(",")[0], label]
    found = [by_code, *(codes.lead_of(spelling) for spelling in spellings if spelling)]
    return next((lead for lead in found if lead is not None and lead != "unknown"), None)


def _side_by_side(groups: list[_Group]) -> tuple[list[_Group], list[FileWarning]]:
    """The groups of one rate that have different leads: some carts store each 2.5 s of 3 leads apart.

    The rate is that with the most leads; of two groups with one lead in common the one of more channels stays (a rhythm
    strip beside its 12 leads goes), then the longer one.
    Raises NoWaveform. FieldWrong: groups too far apart in time for one recording.
    """
    if not groups:
        raise NoWaveform(path=THE_FILE)
    rates = Counter({group.fs: 0 for group in groups})
    for group in groups:
        rates[group.fs] += len(group.channels)
    fs = max(rates, key=lambda rate: rates[rate])
    joined: list[_Group] = []
    for group in sorted(groups, key=lambda one: (len(one.channels), len(one.samples)), reverse=True):
        if group.fs == fs and not any(group.stands_in_for(one) for one in joined):
            joined.append(group)
    left = [
        f"waveform {at + 1}: {len(group.samples)} samples at {group.fs:g} Hz"
        for at, group in enumerate(groups)
        if not any(group is one for one in joined)
    ]
    joined.sort(key=lambda one: next(at for at, group in enumerate(groups) if group is one))
    spans = [(group.first + channel.skew, len(group.samples)) for group in joined for channel in group.channels]
    span = max(start + count for start, count in spans) - min(start for start, _ in spans)
    if span > 2 * sum(count for _, count in spans):
        raise FieldWrong(path=THE_FILE, field="time offsets", got=f"{span} samples", why="the parts lie too far apart")
    unnamed = [warning for group in joined for warning in group.warnings]
    return joined, [*unnamed, *([PartsLeftOut(left="; ".join(left))] if left else [])]


# ---- who, when ----


def _text(whole: DataSet, tag: int) -> tuple[str, bool]:
    """A text in the charset the file states, or in GB 18030 where its bytes are that; and whether it does not fit."""
    plain = bytes(whole.values.get(tag, b""))
    stated = whole.words(0x00080005).split("\\")
    if b"\x1b$B" in plain or b"\x1b$@" in plain:  # two bytes a sign, all of them ASCII (ISO 2022 IR 87)
        return text(plain.decode("iso2022_jp_ext", "replace").encode(), "utf-8"), False
    raw = re.sub(rb"\x1b[$()-]*[A-Z0-9]", b"", plain)
    charset = _charset(stated[-1])
    if max(raw, default=0) < 128:
        return text(raw), False
    if charset in ("gb18030", "utf-8"):
        try:
            return text(raw.decode(charset).encode(), "utf-8"), False
        except UnicodeDecodeError:
            return text(raw), True
    if charset in _WESTERN and looks_chinese(raw):
        return text(raw, "gb18030"), True
    return text(raw, charset), not stated[-1].strip()


def _charset(stated: str) -> str:
    """Python's name of a character set; with code extensions (ISO 2022 IR n) as without (ISO_IR n)."""
    return _CHARSETS.get(stated.strip(), _CHARSETS.get(stated.strip().replace("ISO 2022 IR ", "ISO_IR "), "latin-1"))


def _person(whole: DataSet) -> tuple[Person, bool]:
    """Whom the file names; an ideographic name before its transcription. And whether the charset is in doubt."""
    name, name_doubtful = _text(whole, 0x00100010)
    id_no, id_doubtful = _text(whole, 0x00100020)
    forms = [" ".join(form.replace("^", " ").split()) for form in name.split("=")]
    born = _clock(whole.words(0x00100030))
    person = Person(
        name=next((form for form in [*forms[1:2], *forms] if form), ""),
        id_no=id_no,
        sex=_SEXES.get(whole.words(0x00100040).upper(), ""),
        birth_date=born.strftime("%Y-%m-%d") if born else "",
        age_years=_age(whole.words(0x00101010)),
    )
    return person, name_doubtful or id_doubtful


def _age(stated: str) -> int | None:
    if len(stated) != 4 or not stated[:3].isascii() or not stated[:3].isdigit() or stated[3] not in _YEARS_OF_AGE:
        return None
    years = int(stated[:3]) * _YEARS_OF_AGE[stated[3]]
    return int(years) if years <= 150 else None


def _start(whole: DataSet) -> datetime | None:
    """When it was acquired: date and time in one, of the acquisition, the content, the study, whichever is there."""
    stated = whole.words(0x0008002A)
    for date, clock in ((0x00080022, 0x00080032), (0x00080023, 0x00080033), (0x00080020, 0x00080030)):
        if not stated and whole.words(date) and whole.words(clock):
            stated = whole.words(date) + whole.words(clock)
    start = _clock(stated)
    zone = _ZONE.search(stated) or _ZONE.search(whole.words(0x00080201))
    if start is None or zone is None:
        return start
    minutes = int(zone[2]) * 60 + int(zone[3])
    if minutes > 14 * 60:
        return start
    return start.replace(tzinfo=timezone(timedelta(minutes=-minutes if zone[1] == "-" else minutes)))


def _clock(stated: str) -> datetime | None:
    found = _CLOCK.match(stated)
    if not found:
        return None
    moment = moment_of(*(int(part or 0) for part in found.groups()[:6]))
    return moment.replace(microsecond=int((found[7] or "0").ljust(6, "0"))) if moment else None
