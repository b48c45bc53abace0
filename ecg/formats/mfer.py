"""MFER files (ISO 22077-1, Medical waveform Format Encoding Rules), of Japanese electrocardiographs and their exports.

Tags, lengths and values in the order of the file; a frame of samples counts with what was defined before it. Read are
frames whose channels share rate, data type and block length; the dominant beat and events are passed over.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import numpy as np

from ecg import codes
from ecg.errors import (
    EcgError,
    FieldWrong,
    FileTruncated,
    FileWarning,
    FormatRefused,
    GainMissing,
    NoWaveform,
    PartsLeftOut,
    SamplesFewer,
    UnitUnknown,
)
from ecg.formats.document import I32, NO_SIGNAL, THE_FILE, Document, Maker, Person, checked_gain, named_leads
from ecg.formats.fields import checked_rate, checked_size, day, in_steps, moment_of, text, whole_steps, with_names
from ecg.record import Sex

NAME: Final = "MFER"

CHANNELS_MAX = 256
TAGS_MAX = 100_000
FRAMES_MAX = 2000
ATTRIBUTES_MAX = 64
NUMBER_BYTES_MAX = 8
DEPTH_MAX = 4
_BLE, _TXC, _BLK, _CHN, _SEQ, _WFM, _LDN, _DTP, _IVL, _SEN = 0x01, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0A, 0x0B, 0x0C
_OFF, _CMP, _NUL, _MAN, _WAV, _ATT, _SET, _END = 0x0D, 0x0E, 0x12, 0x17, 0x1E, 0x3F, 0x67, 0x80
_PNM, _PID, _AGE, _SEX, _TIM = 0x81, 0x82, 0x83, 0x84, 0x85
_KNOWN: Final = frozenset((
    *range(1, 0x0F + 1), 0x11, 0x12, 0x15, 0x16, _MAN, _WAV, _ATT, *range(0x40, 0x47), _SET, *range(0x81, 0x88)
))  # fmt: skip
"""Tags of ISO 22077-1."""
DEFINITIONS_MAX: Final = 200
DEFINITION_BYTES_MAX: Final = 4096
_TYPES = {0: "i2", 1: "u2", 2: "i4", 3: "u1", 4: "u2", 5: "i1", 6: "u4"}
_STATUS = 4  # data type of bits that say what happened, no samples
_DOMINANT_BEAT = 9
_CHARSETS = {"utf-8": "utf-8", "rfc 1468": "iso2022_jp", "iso 2022": "iso2022_jp", "jis x 0208": "iso2022_jp"}
_SEXES: dict[int, Sex] = {1: "M", 2: "F"}


def recognises(raw: bytes) -> bool:
    """By the preamble, which the standard leaves free; without one by definitions that lead up to samples."""
    return (raw[:1] == b"\x40" and raw[2:5] == b"MFR") or _leads_to_samples(raw)


def _leads_to_samples(raw: bytes) -> bool:
    met: set[int] = set()
    try:
        for (tag, _), value in itertools.islice(_tags(raw, 0), DEFINITIONS_MAX):
            if tag not in _KNOWN or (len(value) > DEFINITION_BYTES_MAX and tag != _WAV):
                return False
            if tag == _WAV:
                return len(met & {_CHN, _BLK, _SEQ, _LDN, _IVL, _SEN, _ATT}) >= 2 and bool(met & {_IVL, _SEN})
            met.add(tag)
    except EcgError:
        pass  # no chain of definitions, so no MFER
    return False


def parse(raw: bytes) -> Document:
    """The rhythm: the first frame that is no dominant beat, and those behind it of the same layout.

    Raises  FileTruncated, FieldWrong, FormatRefused, NoWaveform, GainMissing, UnitUnknown, LeadUnknown, LeadTwice,
            FileTooLarge.
    Warns   ChannelLeftOut, PartsLeftOut, SamplesFewer.
    """
    file = _File()
    for tag, value in _tags(raw, 0):
        file.take(tag, value, None, 0)
    frames = [frame for frame in file.frames if frame.kind != _DOMINANT_BEAT]
    if not frames:
        raise NoWaveform(path=THE_FILE)
    first = frames[0]
    same = [frame for frame in frames if frame.channels == first.channels and frame.fs == first.fs]
    warnings = [warning for frame in same for warning in frame.warnings]
    if len(same) < len(frames):
        warnings.append(PartsLeftOut(left=f"{len(frames) - len(same)} frames of another layout"))
    voltages = [at for at, channel in enumerate(first.channels) if channel.is_wanted]
    kept, unnamed = with_names([first.channels[at].lead for at in voltages])
    kept = [voltages[at] for at in kept]
    leads = named_leads([first.channels[at].lead for at in kept])
    gains = [_gain(first.channels[at], lead) for at, lead in zip(kept, leads, strict=True)]
    checked_size(sum(len(frame.samples) for frame in same), len(kept))
    samples = np.concatenate([frame.samples[:, kept] for frame in same])
    columns = [
        in_steps(samples[:, at], first.channels[channel].offset, gain)
        for at, (channel, gain) in enumerate(zip(kept, gains, strict=True))
    ]
    return Document(
        format=NAME,
        fs=first.fs,
        leads=leads,
        steps=np.column_stack(columns),
        uv_per_step=tuple(abs(gain) for gain in gains),
        start=file.start,
        person=file.person,
        maker=file.maker,
        warnings=(*unnamed, *warnings),
    )


# ---- tags ----


def _tags(raw: bytes, depth: int) -> Iterator[tuple[tuple[int, int], bytes]]:
    """((tag, channel), value) until the end tag; the channel is that of an attribute tag, else 0."""
    if depth > DEPTH_MAX:
        raise FieldWrong(path=THE_FILE, field="groups of tags", got=f"{depth} deep", why="too deep")
    at, seen = 0, 0
    while at < len(raw) and raw[at] != _END:
        if raw[at] == 0:  # filling
            at += 1
            continue
        seen += 1
        if seen > TAGS_MAX:
            raise FieldWrong(path=THE_FILE, field="tags", got=str(seen), why="too many")
        tag, channel, at = raw[at], 0, at + 1
        while tag == _ATT:
            channel, more, at = channel << 7 | _byte(raw, at) & 0x7F, _byte(raw, at) & 0x80, at + 1
            if not more:
                break
        size, at = _length(raw, at)
        if at + size > len(raw):
            raise FileTruncated(path=THE_FILE, where=f"tag {tag:#04x} ends at byte {at + size} of {len(raw)}")
        yield (tag, channel), raw[at : at + size]
        at += size


def _length(raw: bytes, at: int) -> tuple[int, int]:
    first = _byte(raw, at)
    if first < 0x80:
        return first, at + 1
    if first == 0x80:
        raise FormatRefused(path=THE_FILE, format="MFER with open lengths", reason="only stated lengths are read")
    width = first & 0x7F
    if width > 4:
        raise FieldWrong(path=THE_FILE, field="length of a tag", got=f"{width} bytes", why="at most 4 are meant")
    return int.from_bytes(raw[at + 1 : at + 1 + width], "big"), at + 1 + width


def _byte(raw: bytes, at: int) -> int:
    if at >= len(raw):
        raise FileTruncated(path=THE_FILE, where="a tag has no length")
    return raw[at]


# ---- what is in force while the file is read ----


@dataclass(frozen=True)
class _Channel:
    """Definitions of one channel. `scale` and `rate` as (unit, power of ten, number); None: not defined."""

    lead: str = ""
    kind: int = 0
    type: int = 0
    block: int = 1
    rate: tuple[int, int, int] | None = None
    scale: tuple[int, int, int] | None = None
    offset: int = 0
    null: int | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether it may be an ECG: a voltage, or a lead by its name; no status bits."""
        is_voltage = self.scale is None or self.scale[0] == 0
        return self.type != _STATUS and (is_voltage or codes.lead_of(self.lead) is not None)


@dataclass(frozen=True, eq=False)
class _Frame:
    fs: float
    kind: int
    channels: tuple[_Channel, ...]
    samples: I32  # (samples, channels)
    warnings: tuple[FileWarning, ...]


@dataclass
class _File:
    """The file as far as it is read; a frame takes the definitions of its moment."""

    order: Literal["big", "little"] = "big"
    charset: tuple[str, ...] = ()
    count: int = 1
    sequences: int | None = None
    common: _Channel = field(default_factory=_Channel)
    own: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    frames: list[_Frame] = field(default_factory=list)
    person: Person = field(default_factory=Person)
    maker: Maker = field(default_factory=Maker)
    start: datetime | None = None

    def take(self, tag: tuple[int, int], value: bytes, channel: int | None, depth: int) -> None:
        """One tag. Attributes of a channel are kept in order and applied when a frame comes."""
        number, attributed = tag
        if number in (_ATT, _SET):
            for inner, content in _tags(value, depth + 1):
                self.take(inner, content, attributed if number == _ATT else channel, depth + 1)
        elif channel is not None:
            own = self.own.setdefault(channel, [])
            own.append((number, value))
            if len(own) > ATTRIBUTES_MAX or len(self.own) > CHANNELS_MAX:
                raise FieldWrong(path=THE_FILE, field="attributes of a channel", got=str(len(own)), why="too many")
        elif number == _WAV:
            if len(self.frames) >= FRAMES_MAX:
                raise FieldWrong(path=THE_FILE, field="frames", got=f"over {FRAMES_MAX}", why="too many")
            self.frames.append(self._frame(value))
        elif number == _BLE:
            self.order = "little" if value[:1] == b"\1" else "big"
        elif number == _CHN:
            self.count = self._whole(value) if value else 1
            self.own = {}
        elif number == _SEQ:
            self.sequences = self._whole(value) if value else None
        elif number == _CMP and value and self._whole(value[:2]):
            raise FormatRefused(path=THE_FILE, format="compressed MFER", reason="its coding is not written here")
        elif number == _TXC:
            stated = text(value).casefold()
            self.charset = tuple(charset for name, charset in _CHARSETS.items() if stated.startswith(name))
        else:
            self.common = self._defined(self.common, number, value)
            self._about(number, value)

    def _whole(self, value: bytes, *, signed: bool = False) -> int:
        if len(value) > NUMBER_BYTES_MAX:
            raise FieldWrong(path=THE_FILE, field="number", got=f"{len(value)} bytes", why="no number is so long")
        return int.from_bytes(value, self.order, signed=signed)

    def _defined(self, channel: _Channel, tag: int, value: bytes) -> _Channel:
        """The channel with one definition more; an empty one is the standard's default again."""
        fresh = _Channel()
        if tag == _LDN:
            code = self._whole(value[:2])
            lead = codes.lead_of_code("dicom_mdc", f"2:{code}") if code else None
            return replace(
                channel, lead=lead or text(value[2:], *self.charset) or (f"MFER lead {code}" if code else "")
            )
        if tag == _WFM:
            return replace(channel, kind=self._whole(value[:2]))
        if tag == _DTP:
            return replace(channel, type=value[0] if value else fresh.type)
        if tag == _BLK:
            return replace(channel, block=self._whole(value) if value else fresh.block)
        if tag in (_IVL, _SEN):
            if value and len(value) < 3:
                raise FieldWrong(path=THE_FILE, field=f"tag {tag:#04x}", got=value.hex(), why="unit, power and number")
            power = int.from_bytes(value[1:2], "big", signed=True)
            scale = (value[0], power, self._whole(value[2:], signed=True)) if value else None
            return replace(channel, rate=scale) if tag == _IVL else replace(channel, scale=scale)
        if tag == _OFF:
            return replace(channel, offset=whole_steps(float(self._whole(value, signed=True))))
        if tag == _NUL:
            signed = _TYPES.get(channel.type, "i")[0] == "i"
            return replace(channel, null=self._whole(value, signed=signed) if value else None)
        return channel

    def _about(self, tag: int, value: bytes) -> None:
        words = text(value, *self.charset) if tag in (_PNM, _PID, _MAN) else ""
        parts = [part.strip() for part in (words + "^^^").split("^")]
        if tag == _PNM:
            self.person = replace(self.person, name=" ".join(part for part in (parts[0], parts[2]) if part))
        elif tag == _PID:
            self.person = replace(self.person, id_no=parts[0])
        elif tag == _MAN:
            self.maker = Maker(name=parts[0], model=parts[1], software=parts[2], serial=parts[3])
        elif tag == _SEX and value:
            self.person = replace(self.person, sex=_SEXES.get(value[0], ""))
        elif tag == _AGE and value:
            born = day(self._whole(value[3:5]), value[5], value[6]) if len(value) >= 7 else ""
            self.person = replace(self.person, birth_date=born, age_years=value[0] if 0 < value[0] <= 150 else None)
        elif tag == _TIM and len(value) >= 7:
            self.start = moment_of(self._whole(value[:2]), *value[2:7])

    def _frame(self, data: bytes) -> _Frame:
        """Sequences of a block of each channel in turn. Raises FieldWrong, FormatRefused, FileTruncated."""
        if not 0 < self.count <= CHANNELS_MAX:
            raise FieldWrong(
                path=THE_FILE, field="number of channels", got=str(self.count), why=f"1 to {CHANNELS_MAX} are read"
            )
        channels = []
        for number in range(self.count):
            channel = self.common if number == 0 else replace(self.common, lead="")
            for tag, value in self.own.get(number, []):
                if tag == _SEQ:
                    raise _uneven("lengths")
                channel = self._defined(channel, tag, value)
            channels.append(channel)
        first = channels[0]
        if any((channel.block, channel.rate) != (first.block, first.rate) for channel in channels):
            raise _uneven("block lengths or rates")
        if any(channel.type not in _TYPES for channel in channels):
            raise FormatRefused(
                path=THE_FILE, format="MFER of real or AHA-coded numbers", reason="whole numbers are read"
            )
        order = "<" if self.order == "little" else ">"
        block = first.block
        sizes = [np.dtype(_TYPES[channel.type]).itemsize * block for channel in channels]
        if not 0 < sum(sizes) <= len(data):
            raise FileTruncated(path=THE_FILE, where=f"a frame of {len(data)} bytes holds no block of {block} samples")
        there = len(data) // sum(sizes)
        used = there if self.sequences is None else min(self.sequences, there)
        if used == 0:
            raise NoWaveform(path=THE_FILE)
        checked_size(used * block, self.count)
        rows = np.frombuffer(data, dtype=np.uint8, count=used * sum(sizes)).reshape(used, -1)
        samples = np.empty((used * block, self.count), dtype=np.int32)
        begin = 0
        for at, (channel, size) in enumerate(zip(channels, sizes, strict=True)):
            part = np.ascontiguousarray(rows[:, begin : begin + size]).view(order + _TYPES[channel.type]).reshape(-1)
            if _TYPES[channel.type] == "u4" and part.max() >= 2**31:
                raise FieldWrong(path=THE_FILE, field="samples", got=str(int(part.max())), why="above 31 bits")
            samples[:, at] = part
            if channel.null is not None:
                samples[part == channel.null, at] = NO_SIGNAL
            begin += size
        fewer: tuple[FileWarning, ...] = ()
        if self.sequences is not None and self.sequences > there:
            fewer = (SamplesFewer(promised=self.sequences * block, got=there * block),)
        return _Frame(_hz(first.rate), self.common.kind, tuple(channels), samples, fewer)


def _uneven(what: str) -> FormatRefused:
    return FormatRefused(path=THE_FILE, format=f"MFER with channels of different {what}", reason="they share one here")


def _hz(rate: tuple[int, int, int] | None) -> float:
    """Samples a second. The standard's default, where it is not stated, is no measured value and refused."""
    unit, power, number = rate or (0, 0, 0)
    value = number * 10.0**power
    stated = "missing" if rate is None else f"{number}e{power} {'Hz' if unit == 0 else 's'}"
    if unit > 1 or value <= 0:
        raise FieldWrong(path=THE_FILE, field="sampling rate", got=stated, why="it must be above 0, in Hz or seconds")
    return checked_rate(value if unit == 0 else round(1 / value, 6), stated)


def _gain(channel: _Channel, lead: str) -> float:
    """Microvolts of a step, below 0 where the channel is turned over."""
    if channel.scale is None:
        raise GainMissing(path=THE_FILE, lead=lead)
    unit, power, number = channel.scale
    if unit != 0:
        raise UnitUnknown(path=THE_FILE, lead=lead, unit=f"code {unit}")
    uv = number * 10.0 ** (power + 6)
    checked_gain(abs(uv), lead)
    return uv
