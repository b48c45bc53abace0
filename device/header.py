"""What the archive file of a recording says before its samples, in the form of today and the one before.

    8 bytes   magic `XLECG2\\r\\n`
    4 bytes   CRC32 of what follows up to the samples
    1 byte    bits 0 to 3 how many leads less 1; flags: 16 the start as i64, 32 the rate as f64, 64 the gain as f64,
              128 some leads are derived
    u16 or f64, f32 or f64   rate in Hz, gain in microvolts a step
    u32       samples a lead
    6 bytes   UTC of the first sample in ms, signed; or i64
    16 bytes  the recording's uid
    32 bytes  SHA-256 of all samples, int16, one row a sample
    1 byte    of each lead: its place in `NAMES`; 255: a length byte and the name follow
    u16       if some leads are derived: which, the first in the lowest bit

Short, because a strip of one flat lead should not be mostly header. Version 1 had `XLECG1\\r\\n`, u32 length, u32 CRC32
and the same as JSON; it is read, not written. No name, number or request of a person goes in. Samples: `compact.py`.
"""

from __future__ import annotations

import struct
import zlib
from typing import Annotated, Final

import msgspec

from device.errors import ArchiveDamaged
from device.frames import GAIN_UV_LEAST, GAIN_UV_MOST, LEADS_MAX, STREAM_BYTES_MAX
from ecg.expected import NOT_AS_EXPECTED

MAGIC_1: Final = b"XLECG1\r\n"  # ends as PNG's does: a transfer in text mode is seen at once
MAGIC_2: Final = b"XLECG2\r\n"
HEADER_BYTES_MAX: Final = 8192

# By place: names are added at the end, none is moved. A test compares with `frames.LEADS`.
NAMES: Final = (
    *("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6", "-aVR", "V7", "V8", "V9"),
    *("V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "X", "Y", "Z", "ES", "AS", "AI", "ML", "MCL1", "CM5", "CM1", "V"),
)

_HEAD_1: Final = struct.Struct("<8sII")
_HEAD_2: Final = struct.Struct("<8sI")
_COUNT: Final = 15
_START_I64, _RATE_F64, _GAIN_F64, _DERIVED = 16, 32, 64, 128
_NAMED: Final = 255
_DAMAGED: Final = "its header is damaged"


class Header(msgspec.Struct, frozen=True):
    """What is needed to read the samples, and nothing of the person."""

    fs: Annotated[float, msgspec.Meta(ge=1, le=10_000)]
    leads: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=LEADS_MAX)]
    gain_uv_per_lsb: Annotated[float, msgspec.Meta(ge=GAIN_UV_LEAST, le=GAIN_UV_MOST)]
    n: Annotated[int, msgspec.Meta(ge=0, le=STREAM_BYTES_MAX)]  # samples a lead
    start_ms: int  # UTC of the first sample
    uid: str  # hex
    sha256: str  # hex, of all sample bytes: int16 little-endian, one row a sample
    derived: tuple[str, ...] = ()  # of `leads`: computed from I and II, not measured


def written(header: Header) -> bytes:
    """In the form of today. Raises ArchiveDamaged where a field is none this form can say."""
    fs, gain = float(header.fs), float(header.gain_uv_per_lsb)
    short_rate = fs.is_integer() and 0 <= fs <= 0xFFFF
    short_gain = struct.unpack("<f", struct.pack("<f", gain))[0] == gain
    short_start = -(2**47) <= header.start_ms < 2**47
    flags = (0 if short_rate else _RATE_F64) | (0 if short_gain else _GAIN_F64) | (_DERIVED if header.derived else 0)
    flags |= 0 if short_start else _START_I64
    try:
        body = bytes([len(header.leads) - 1 | flags])
        body += struct.pack("<H", int(fs)) if short_rate else struct.pack("<d", fs)
        body += struct.pack("<f" if short_gain else "<d", gain)
        body += struct.pack("<I", header.n) + header.start_ms.to_bytes(6 if short_start else 8, "little", signed=True)
        body += bytes.fromhex(header.uid) + bytes.fromhex(header.sha256)
        body += b"".join(map(_name, header.leads))
        if header.derived:
            body += struct.pack("<H", sum(1 << header.leads.index(name) for name in header.derived))
        whole = _HEAD_2.pack(MAGIC_2, zlib.crc32(body)) + body
        if read(whole) == (header, len(whole)):
            return whole
    except (struct.error, OverflowError, ValueError, ArchiveDamaged):
        pass
    raise ArchiveDamaged(reason="its header cannot be written")


def read(archive: bytes) -> tuple[Header, int]:
    """The header and where the samples begin. Raises ArchiveDamaged."""
    if archive[: len(MAGIC_1)] == MAGIC_1:
        return _read_1(archive)
    if archive[: len(MAGIC_2)] == MAGIC_2:
        return _read_2(archive)
    raise ArchiveDamaged(reason="it is too short" if len(archive) < _HEAD_2.size else _DAMAGED)


def _read_1(archive: bytes) -> tuple[Header, int]:
    if len(archive) < _HEAD_1.size:
        raise ArchiveDamaged(reason="it is too short")
    _, length, crc = _HEAD_1.unpack_from(archive)
    end = _HEAD_1.size + length
    head = archive[_HEAD_1.size : end] if length <= HEADER_BYTES_MAX else b""
    if zlib.crc32(head) != crc or len(head) != length:
        raise ArchiveDamaged(reason=_DAMAGED)
    try:
        return msgspec.json.decode(head, type=Header), end
    except NOT_AS_EXPECTED:
        raise ArchiveDamaged(reason=_DAMAGED) from None


def _read_2(archive: bytes) -> tuple[Header, int]:
    cursor = _Cursor(archive, _HEAD_2.size)
    try:
        flags = cursor.number("<B")
        fs = cursor.real("<d") if flags & _RATE_F64 else float(cursor.number("<H"))
        gain = cursor.real("<d" if flags & _GAIN_F64 else "<f")
        n, start = (
            cursor.number("<I"),
            int.from_bytes(cursor.take(8 if flags & _START_I64 else 6), "little", signed=True),
        )
        uid, sha256 = cursor.take(16).hex(), cursor.take(32).hex()
        leads = tuple(cursor.lead() for _ in range((flags & _COUNT) + 1))
        mask = cursor.number("<H") if flags & _DERIVED else 0
        derived = tuple(name for place, name in enumerate(leads) if mask >> place & 1)
        header = msgspec.convert(
            {
                "fs": fs,
                "leads": leads,
                "gain_uv_per_lsb": gain,
                "n": n,
                "start_ms": start,
                "uid": uid,
                "sha256": sha256,
                "derived": derived,
            },
            Header,
        )
    except (ValueError, IndexError):  # of what is cut off, of names; msgspec's own is a ValueError
        raise ArchiveDamaged(reason=_DAMAGED) from None
    if _HEAD_2.unpack_from(archive)[1] != zlib.crc32(archive[_HEAD_2.size : cursor.at]):
        raise ArchiveDamaged(reason=_DAMAGED)
    return header, cursor.at


class _Cursor:
    """Reads one field after the other. ValueError where the bytes end before."""

    def __init__(self, raw: bytes, at: int) -> None:
        self._raw, self.at = raw, at

    def take(self, size: int) -> bytes:
        if self.at + size > len(self._raw):
            raise ValueError
        self.at += size
        return self._raw[self.at - size : self.at]

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def real(self, form: str) -> float:
        return float(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def lead(self) -> str:
        place = self.number("<B")
        return self.take(self.number("<B")).decode() if place == _NAMED else NAMES[place]


def _name(lead: str) -> bytes:
    if lead in NAMES:
        return bytes([NAMES.index(lead)])
    name = lead.encode()
    return bytes([_NAMED, len(name)]) + name
