"""EDF, EDF+ and BDF files (Kemp 1992, Kemp and Olivan 2003, BioSemi).

Picks the ECG among the signals by their labels, scales it as the header says, and puts the records of an interrupted
file (EDF+D) where they belong in time. Annotations are not read.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.errors import (
    CountMissing,
    FieldWrong,
    FileTooLarge,
    FileTruncated,
    FileWarning,
    NoWaveform,
    PartsLeftOut,
    SamplesFewer,
    ScaleDoubtful,
    UnitUnknown,
)
from ecg.formats.document import I32, NO_SIGNAL, THE_FILE, Document, Maker, Person, checked_gain, named_leads
from ecg.formats.fields import checked_rate, checked_size, in_steps, microvolts_of, moment_of, text, whole_steps
from ecg.record import Sex

NAME: Final = "EDF"

I64 = npt.NDArray[np.int64]

HEAD = 256  # bytes of the fixed header, and of the description of each signal
SIGNALS_MAX = 1024
RANGE_UV_MAX = 400_000.0  # electrodes polarise to 300 mV (IEC 60601-2-25); who records more records no ECG
STEP_UV_MAX = 20.0  # and a step of 8 bits over 5 mV
TIMED_RECORDS_MAX = 500_000  # of an interrupted file: 5 days of one second
GAPS_MAX = 20  # an interrupted file longer than this many times its samples is read in its longest part only
_BDF = b"\xffBIOSEMI"
_FIELDS = ((16, "label"), (80, "transducer"), (8, "unit"), (8, "physical minimum"), (8, "physical maximum"),
           (8, "digital minimum"), (8, "digital maximum"), (80, "filters"), (8, "samples in a record"),
           (32, "reserved"))  # fmt: skip
_TYPED = re.compile(r"^(?:ECG|EKG)[\s_:.\-]*(.*)$", re.IGNORECASE)
_REFERENCE = re.compile(r"[\s_\-]*(?:ref|avg|wct|le|a1|a2)$", re.IGNORECASE)
_BIPOLAR = {"la-ra": "I", "ll-ra": "II", "ll-la": "III"}  # Einthoven
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DATE = re.compile(r"^(\d{1,2})-([A-Za-z]{3})-(\d{4})$")
_PLACEHOLDERS = ("", "X", "dd-MMM-yyyy")
_SEXES: dict[str, Sex] = {"M": "M", "F": "F"}


def recognises(raw: bytes) -> bool:
    """By the version field, and by a header length that is a number."""
    is_version = raw[:8] in (b"0       ", _BDF)
    return is_version and len(raw) >= HEAD and raw[184:192].strip(b" \0").isdigit()


def parse(raw: bytes) -> Document:
    """The ECG signals of one rate.

    Raises  NoWaveform (annotations or other signals alone), FileTruncated, FieldWrong, GainMissing, UnitUnknown,
            LeadTwice, FileTooLarge.
    Warns   SamplesFewer, CountMissing, PartsLeftOut, ScaleDoubtful.
    """
    head = _Head.of(raw)
    chosen, left = _ecg(head.signals)
    limbs = _has_limb_leads(head.signals)
    leads = named_leads([_lead_of(signal.label, limbs) or "unknown" for signal in chosen])
    records, warnings = _records(raw, head, chosen[0].samples)
    fs = checked_rate(_rate(chosen[0].samples, head.duration), f"{chosen[0].samples} in {head.duration} s")
    kept, firsts, gaps_left = _places(records, head, fs, chosen[0].samples)
    left += gaps_left
    rows = firsts[:, None] + np.arange(chosen[0].samples)  # the sample each of a record's is
    checked_size(int(rows[-1, -1]) + 1, len(chosen))
    steps = np.full((int(rows[-1, -1]) + 1, len(chosen)), NO_SIGNAL, dtype=np.int32)
    gains = []
    for at, (lead, signal) in enumerate(zip(leads, chosen, strict=True)):
        uv_per_step, column = _scaled(signal, lead, _stored(records, head, signal)[kept])
        gains.append(uv_per_step)
        steps[rows, at] = column
    warnings += [PartsLeftOut(left="; ".join(left))] if left else []
    warnings += _doubts(chosen, gains)
    person, equipment = _identity(head)
    return Document(
        format=head.title,
        fs=fs,
        leads=leads,
        steps=steps,
        uv_per_step=tuple(gains),
        start=_start(head),
        person=person,
        maker=Maker(name=equipment),
        warnings=tuple(warnings),
    )


# ---- the header ----


@dataclass(frozen=True)
class _Signal:
    """One signal's description. `begin` is its first byte in a data record."""

    label: str
    transducer: str
    unit: str
    physical: tuple[float, float]
    digital: tuple[float, float]
    samples: int
    begin: int


@dataclass(frozen=True)
class _Head:
    """The header. `kind` is "", "C" or "D"; `records` -1 when it is not stated; `width` bytes of a sample."""

    title: str
    kind: str
    patient: str
    recording: str
    date: str
    clock: str
    length: int
    records: int
    duration: str
    width: int
    signals: tuple[_Signal, ...]

    @property
    def record_bytes(self) -> int:
        return sum(signal.samples for signal in self.signals) * self.width

    @classmethod
    def of(cls, raw: bytes) -> _Head:
        is_bdf = raw[:8] == _BDF
        reserved = _words(raw[192:236])
        kind = reserved[4:5] if reserved[:5] in ("EDF+C", "EDF+D", "BDF+C", "BDF+D") else ""
        count = _whole(raw[252:256], "number of signals")
        if not 0 < count <= SIGNALS_MAX:
            raise FieldWrong(
                path=THE_FILE, field="number of signals", got=str(count), why=f"1 to {SIGNALS_MAX} are read"
            )
        length = HEAD * (count + 1)
        if length > len(raw):
            raise FileTruncated(path=THE_FILE, where=f"the header of {length} bytes does not end in it")
        stated = _whole(raw[184:192], "length of the header")
        if stated != length:
            raise FieldWrong(
                path=THE_FILE, field="length of the header", got=str(stated), why=f"{count} signals need {length}"
            )
        width = 3 if is_bdf else 2
        return cls(
            title=("BDF" if is_bdf else "EDF") + (f"+{kind}" if kind else ""),
            kind=kind,
            patient=text(raw[8:88]),
            recording=text(raw[88:168]),
            date=_words(raw[168:176]),
            clock=_words(raw[176:184]),
            length=length,
            records=_whole(raw[236:244], "number of records"),
            duration=_words(raw[244:252]),
            width=width,
            signals=_signals(raw[HEAD:length], count, width),
        )


def _signals(raw: bytes, count: int, width: int) -> tuple[_Signal, ...]:
    columns: dict[str, list[bytes]] = {}
    at = 0
    for size, name in _FIELDS:
        columns[name] = [raw[at + size * number : at + size * (number + 1)] for number in range(count)]
        at += size * count
    found, begin = [], 0
    for number in range(count):
        field = {name: column[number] for name, column in columns.items()}
        samples = _whole(field["samples in a record"], "samples in a record")
        if samples < 0:
            raise FieldWrong(path=THE_FILE, field="samples in a record", got=str(samples), why="none can be meant")
        label = _words(field["label"])
        is_ecg = not label.endswith("Annotations")

        def value(name: str, field: dict[str, bytes] = field, is_ecg: bool = is_ecg) -> float:
            return _number(field[name], name) if is_ecg else 0.0

        physical = (value("physical minimum"), value("physical maximum"))
        digital = (value("digital minimum"), value("digital maximum"))
        transducer = _words(field["transducer"])
        found.append(_Signal(label, transducer, _words(field["unit"]), physical, digital, samples, begin))
        begin += samples * width
    return tuple(found)


def _words(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0\t\r\n")


def _whole(raw: bytes, name: str) -> int:
    number = _number(raw, name)
    if number != int(number):
        raise FieldWrong(path=THE_FILE, field=name, got=_words(raw), why="it is no whole number")
    return int(number)


def _number(raw: bytes, name: str) -> float:
    stated = _words(raw).replace(",", ".")  # a decimal comma is a common fault
    try:
        number = float(stated)
    except ValueError:
        raise FieldWrong(path=THE_FILE, field=name, got=stated[:40] or "(empty)", why="it is no number") from None
    if not abs(number) < 1e15:
        raise FieldWrong(path=THE_FILE, field=name, got=stated[:40], why="no such quantity is meant")
    return number


# ---- which signals ----


def _ecg(signals: tuple[_Signal, ...]) -> tuple[list[_Signal], list[str]]:
    """The ECG signals of the commonest rate (the higher of two as common), and what was left out. Raises NoWaveform."""
    wanted: list[_Signal] = []
    left: list[str] = []
    met: set[str] = set()
    limbs = _has_limb_leads(signals)
    for signal in signals:
        lead = _lead_of(signal.label, limbs)
        if lead is None or not signal.samples:
            continue
        if lead == "unknown" and "unknown" in met:
            left.append(signal.label)  # "ECG1", "ECG2": two without a lead's name cannot be told apart
            continue
        met.add(lead)
        wanted.append(signal)
    if not wanted:
        raise NoWaveform(path=THE_FILE)
    rates = Counter(signal.samples for signal in wanted)
    samples = max(rates, key=lambda rate: (rates[rate], rate))
    left += [signal.label for signal in wanted if signal.samples != samples]
    return [signal for signal in wanted if signal.samples == samples], left


def _has_limb_leads(signals: tuple[_Signal, ...]) -> bool:
    return any(codes.lead_of(_TYPED.sub(r"\1", signal.label)) in ("I", "II", "III") for signal in signals)


def _lead_of(label: str, has_limb_leads: bool) -> str | None:
    """The lead a label means ("ECG II", "EKG-V1", "aVF", "ECG LA-RA"); "unknown" for an ECG without one; else None."""
    typed = _TYPED.match(label)
    bare = (typed[1] if typed else label).split("(")[0].strip()
    bare = _BIPOLAR.get(bare.casefold().replace(" ", ""), bare)
    lead = codes.lead_of(bare) or codes.lead_of(_REFERENCE.sub("", bare)) if bare else None
    if lead is not None and not typed and re.fullmatch(r"[CV]\d|[XYZ]|[RL]A|[RL]L|V|ES|AS|AI", bare, re.IGNORECASE):
        # C3 and C4 are electrodes of an EEG, X and Y axes of an accelerometer, unless limb leads stand beside them.
        lead = lead if has_limb_leads or re.fullmatch(r"V\d", bare, re.IGNORECASE) else None
    return lead or ("unknown" if typed else None)


# ---- data records ----


@dataclass(frozen=True)
class _Records:
    """Whole data records as (records, bytes) of uint8, a view of the file."""

    raw: np.ndarray[tuple[int, int], np.dtype[np.uint8]]


def _records(raw: bytes, head: _Head, samples: int) -> tuple[_Records, list[FileWarning]]:
    size = head.record_bytes
    there = (len(raw) - head.length) // size
    if there == 0:
        raise FileTruncated(path=THE_FILE, where=f"it holds no whole data record of {size} bytes")
    warnings: list[FileWarning] = []
    if head.records < 0:
        warnings.append(CountMissing(got=there * samples))
    elif head.records > there:
        warnings.append(SamplesFewer(promised=head.records * samples, got=there * samples))
    elif head.records == 0:
        raise NoWaveform(path=THE_FILE)
    else:
        there = head.records
    checked_size(there * samples, 1)
    rows = np.frombuffer(raw, dtype=np.uint8, count=there * size, offset=head.length).reshape(there, size)
    return _Records(rows), warnings


def _stored(records: _Records, head: _Head, signal: _Signal) -> I32:
    """One signal's samples as (records, samples) whole numbers: 16 bit, or 24 bit in BDF, little-endian."""
    rows = np.ascontiguousarray(records.raw[:, signal.begin : signal.begin + signal.samples * head.width])
    if head.width == 2:
        return rows.view("<i2").astype(np.int32)
    parts = rows.reshape(len(rows), signal.samples, 3).astype(np.int32)
    return parts[..., 0] | parts[..., 1] << 8 | (parts[..., 2] ^ 0x80) - 0x80 << 16


def _scaled(signal: _Signal, lead: str, stored: I32) -> tuple[float, I32]:
    """Microvolts of a step, and the steps, of which 0 is 0 uV. Raises GainMissing, UnitUnknown."""
    unit_uv = microvolts_of(signal.unit)
    if unit_uv is None:
        raise UnitUnknown(path=THE_FILE, lead=lead, unit=signal.unit or "(none)")
    (low, high), (first, last) = signal.physical, signal.digital
    per_step = (high - low) / (last - first) if last != first else 0.0
    checked_gain(abs(per_step), lead)
    # A minimum above its maximum turns the signal over, which both specifications allow.
    return checked_gain(abs(per_step) * unit_uv, lead), in_steps(stored, whole_steps(low / per_step - first), per_step)


def _rate(samples: int, duration: str) -> float:
    """Samples a second. Eight letters cut a duration short: 1/300 s is stated as 0.003333, and 300 Hz is meant."""
    seconds = _number(duration.encode("latin-1"), "duration of a record")
    if seconds <= 0:
        raise FieldWrong(path=THE_FILE, field="duration of a record", got=duration, why="it must be above 0 s")
    fs = samples / seconds
    decimals = len(duration.partition(".")[2])
    meant = round(fs)
    if meant and decimals >= 4 and abs(samples / meant - seconds) < 10.0**-decimals:
        return float(meant)
    return fs


def _places(records: _Records, head: _Head, fs: float, samples: int) -> tuple[slice, I64, list[str]]:
    """Which records are read, the sample each begins with, and what was left out.

    Of an interrupted file (EDF+D) with long gaps only its longest part is read. Raises FieldWrong: a record that begins
    before the one before it has ended.
    """
    count = len(records.raw)
    firsts = np.arange(count, dtype=np.int64) * samples
    if head.kind != "D":
        return slice(None), firsts, []
    if count > TIMED_RECORDS_MAX:
        raise FileTooLarge(path=THE_FILE, got=count, unit="records with a time", most=TIMED_RECORDS_MAX)
    onsets = _onsets(records, head)
    stated = np.array([whole_steps((onset - onsets[0]) * fs) for onset in onsets], dtype=np.int64)
    late = stated - firsts  # how much later each record begins than without any gap
    gaps = np.diff(late, prepend=0)
    if (gaps < -1).any():
        record = int(np.argmax(gaps < -1))
        why = "the record before it has not ended then"
        raise FieldWrong(path=THE_FILE, field=f"onset of record {record + 1}", got=f"{onsets[record]:g} s", why=why)
    begins = [0, *np.flatnonzero(gaps > 1).tolist(), count]  # one sample more or less is the onset's rounding
    for begin, end in itertools.pairwise(begins):
        firsts[begin:end] += max(int(stated[begin]) - int(firsts[begin]), 0)
    if firsts[-1] + samples <= GAPS_MAX * count * samples:
        return slice(None), firsts, []
    longest = max(range(len(begins) - 1), key=lambda part: begins[part + 1] - begins[part])
    kept = slice(begins[longest], begins[longest + 1])
    return kept, firsts[kept] - firsts[kept.start], [f"{len(begins) - 2} parts of an interrupted recording"]


def _onsets(records: _Records, head: _Head) -> list[float]:
    """When each record begins (s), from the first annotation in it. Raises FieldWrong."""
    marks = next((signal for signal in head.signals if signal.label.endswith("Annotations")), None)
    if marks is None:
        raise FieldWrong(
            path=THE_FILE, field="annotation signal", got="none", why="an interrupted file needs its times"
        )
    found = []
    for row in records.raw[:, marks.begin : marks.begin + marks.samples * head.width]:
        stated = row.tobytes().split(b"\x14", 1)[0]
        found.append(_number(stated, "onset of a record"))
    return found


def _doubts(chosen: list[_Signal], gains: list[float]) -> list[FileWarning]:
    """A scale no electrocardiograph has: the range of one is some millivolts, its step some microvolts."""
    for signal, uv_per_step in zip(chosen, gains, strict=True):
        low, high = signal.physical
        if uv_per_step > STEP_UV_MAX and (high - low) * (microvolts_of(signal.unit) or 0.0) > RANGE_UV_MAX:
            stated = f"{low:g} to {high:g} {signal.unit}"
            return [ScaleDoubtful(uv_per_step=round(uv_per_step, 3), range=stated)]
    return []


# ---- who, when ----


def _identity(head: _Head) -> tuple[Person, str]:
    """Person and equipment. EDF+ has fields in both texts, "X" for unknown; older files write what they like."""
    fields = head.patient.split(" ")
    known = ["" if part in _PLACEHOLDERS else part.replace("_", " ").strip() for part in fields]
    if len(fields) >= 4 and fields[1] in ("M", "F", "X") and (fields[2] == "X" or _DATE.match(fields[2])):
        born = _day(fields[2])
        person = Person(
            name=known[3], id_no=known[0], sex=_SEXES.get(fields[1], ""),
            birth_date=born.strftime("%Y-%m-%d") if born else "",
        )  # fmt: skip
    else:
        person = Person(name=" ".join(part for part in known if part))
    made = head.recording.split(" ")
    equipment = made[4].replace("_", " ") if made[0] == "Startdate" and len(made) > 4 else ""
    return person, "" if equipment == "X" else equipment


def _start(head: _Head) -> datetime | None:
    """Local time of the first record; the year of four digits in the recording's text before the header's of two."""
    date = [part for part in re.split(r"\D+", head.date) if part]
    clock = [part for part in re.split(r"\D+", head.clock) if part]
    if len(clock) != 3 or max(map(len, clock)) > 4:
        return None
    made = head.recording.split(" ")
    if made[0] == "Startdate" and len(made) > 1:
        day = _day(made[1])
        if day is None:
            return None
        return moment_of(day.year, day.month, day.day, *map(int, clock))
    if len(date) != 3 or max(map(len, date)) > 4:
        return None
    year = int(date[2])
    if date + clock == ["01", "01", "85", "00", "00", "00"]:  # the standard's own for "not known"
        return None
    return moment_of(year + (1900 if year >= 85 else 2000), int(date[1]), int(date[0]), *map(int, clock))


def _day(stated: str) -> datetime | None:
    found = _DATE.match(stated)
    if found is None or found[2].upper() not in _MONTHS:
        return None
    return moment_of(int(found[3]), _MONTHS.index(found[2].upper()) + 1, int(found[1]))
