"""The lossless coding, in two coats: the archive file of a sealed recording, and the body of a packed data frame.

Samples and bytes; no file is opened here. The archive file:

    8 bytes   magic `XLECG1\\r\\n`
    4 bytes   length of the header
    4 bytes   CRC32 of the header
    header    JSON (`Header`)
    payload   one zstd frame

Coding, each step exact in 16-bit wrapping arithmetic, so that no value (not even "no signal") needs a case of its own:
leads that follow from I and II keep only what differs from the formula, then differences from sample to sample, then
zigzag (small numbers of either sign become small), then all low bytes before all high bytes, then zstd-3. On LUDB 2.9
bits a sample against 8.7 for zstd alone. No name, number or request of a person goes in.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from device.errors import ArchiveDamaged, BadFrame, FileRefused
from device.frames import (
    GAIN_UV_LEAST,
    GAIN_UV_MOST,
    I16,
    LEADS_MAX,
    NO_SIGNAL,
    STREAM_BYTES_MAX,
    Coding,
    Data,
    samples_of,
)
from ecg.errors import NOT_AS_EXPECTED
from ecg.record import Recording

U16 = npt.NDArray[np.uint16]

_MAGIC: Final = b"XLECG1\r\n"  # ends as PNG's does: a transfer in text mode is seen at once
_HEAD = struct.Struct("<8sII")
HEADER_BYTES_MAX: Final = 8192
ZSTD_LEVEL: Final = 3
FILE_LEVEL: Final = 9  # once in the clinic, for a line that may be slow


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


def encode(header: Header, samples: I16) -> bytes:
    """The archive file of (n, leads) int16. Raises ArchiveDamaged where header and samples do not fit."""
    if samples.shape != (header.n, len(header.leads)):
        raise ArchiveDamaged(reason="its header does not fit its samples")
    payload = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(_to_planes(samples, header.leads))
    head = msgspec.json.encode(header)
    return _HEAD.pack(_MAGIC, len(head), zlib.crc32(head)) + head + payload


def header_of(archive: bytes) -> Header:
    """Only the header. Raises ArchiveDamaged."""
    return _split(archive)[0]


def decode(archive: bytes) -> tuple[Header, I16]:
    """Header and (n, leads) int16. Never unpacks more than the header allows. Raises ArchiveDamaged."""
    header, payload = _split(archive)
    size = 2 * header.n * len(header.leads)
    if size > STREAM_BYTES_MAX:
        raise ArchiveDamaged(reason="it is longer than a recording may be")
    try:
        # zstandard trusts the size a frame names, whatever max_output_size says: so that size is asked first.
        if zstandard.frame_content_size(payload) != size:
            raise ArchiveDamaged(reason="its size is not the one its header names")
        planes = zstandard.ZstdDecompressor().decompress(payload, max_output_size=size)
    except zstandard.ZstdError:
        raise ArchiveDamaged(reason="it cannot be unpacked") from None
    if len(planes) != size:
        raise ArchiveDamaged(reason="its size is not the one its header names")
    samples = _from_planes(planes, header.n, header.leads)
    if sha256_of(samples).hex() != header.sha256:
        raise ArchiveDamaged(reason="the checksum of its samples differs")
    return header, samples


def to_recording(archive: bytes) -> Recording:
    """The recording in microvolts, NaN where there was no signal. Raises ArchiveDamaged."""
    header, samples = decode(archive)
    return Recording(
        fs=float(header.fs),
        leads=header.leads,
        signal_uv=microvolts(samples, header.gain_uv_per_lsb),
        start=_moment(header.start_ms),
        derived=header.derived,
    )


def _moment(ms: int) -> datetime | None:
    """None for what no calendar holds: a device's clock may say anything, and its ECG is read all the same."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def microvolts(samples: I16, gain_uv_per_lsb: float) -> npt.NDArray[np.float32]:
    """(n, leads) int16 as float32 microvolts, NaN for NO_SIGNAL."""
    signal_uv = samples.astype(np.float32) * np.float32(gain_uv_per_lsb)
    signal_uv[samples == NO_SIGNAL] = np.nan
    return signal_uv


def quantise(signal_uv: npt.NDArray[np.float32], gain_uv_per_lsb: float, uv_max: float) -> I16:
    """Microvolts as (n, leads) int16 steps; NO_SIGNAL for NaN and for what lies beyond +-uv_max."""
    known = np.abs(signal_uv) <= uv_max  # False for NaN
    steps = np.rint(np.where(known, signal_uv, 0.0) / gain_uv_per_lsb)
    return np.where(known & (np.abs(steps) <= -NO_SIGNAL - 1), steps, NO_SIGNAL).astype(np.int16)


def packed(frame: Data, leads: Sequence[str]) -> Data:
    """The same frame with its body packed, where that is shorter."""
    body = pack(samples_of(frame.body, len(leads)), leads)
    return frame if len(body) >= len(frame.body) else msgspec.structs.replace(frame, body=body, coding=Coding.PACKED)


def pack(samples: I16, leads: Sequence[str]) -> bytes:
    """(n, leads) int16 as one zstd frame of the planes described above; each frame of the wire by itself."""
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=False).compress(_to_planes(samples, leads))


def unpack(body: bytes, count: int, leads: Sequence[str]) -> bytes:
    """The raw samples of a packed body, `count` a lead. Never unpacks more than that. Raises BadFrame."""
    size = 2 * count * len(leads)
    try:
        if zstandard.frame_content_size(body) != size:
            raise BadFrame(reason="its packed body has another size than its header")
        planes = zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
    except zstandard.ZstdError:
        raise BadFrame(reason="its packed body cannot be unpacked") from None
    if len(planes) != size:
        raise BadFrame(reason="its packed body has another size than its header")
    return _from_planes(planes, count, leads).astype("<i2").tobytes()


def pack_file(file: bytes) -> bytes:
    """A file as one zstd frame: XML and text become a fifth."""
    return zstandard.ZstdCompressor(level=FILE_LEVEL).compress(file)


def unpack_file(packed_file: bytes, size: int) -> bytes:
    """The file of `size` bytes. Never unpacks more than that. Raises FileRefused."""
    try:
        if zstandard.frame_content_size(packed_file) != size:
            raise FileRefused(reason="its packed size is not the one that was announced")
        return zstandard.ZstdDecompressor().decompress(packed_file, max_output_size=size)
    except zstandard.ZstdError:
        raise FileRefused(reason="it cannot be unpacked") from None


def sha256_of(samples: I16) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<i2").tobytes()).digest()


def _split(archive: bytes) -> tuple[Header, bytes]:
    if len(archive) < _HEAD.size:
        raise ArchiveDamaged(reason="it is too short")
    magic, length, crc = _HEAD.unpack_from(archive)
    head = archive[_HEAD.size : _HEAD.size + length] if length <= HEADER_BYTES_MAX else b""
    if magic != _MAGIC or zlib.crc32(head) != crc or len(head) != length:
        raise ArchiveDamaged(reason="its header is damaged")
    try:
        return msgspec.json.decode(head, type=Header), archive[_HEAD.size + length :]
    except NOT_AS_EXPECTED:
        raise ArchiveDamaged(reason="its header is damaged") from None


# ---- the coding itself ----


def _derived(samples: U16, leads: Sequence[str]) -> dict[int, U16]:
    """What Einthoven and Goldberger give for III, aVR, aVL, aVF from I and II, by column; wrapped to 16 bits."""
    if "I" not in leads or "II" not in leads:
        return {}
    one, two = (samples[:, leads.index(name)].astype(np.int16).astype(np.int32) for name in ("I", "II"))
    formulas = {
        "III": two - one,
        "aVR": -((one + two) >> 1),
        "aVL": (2 * one - two) >> 1,
        "aVF": (2 * two - one) >> 1,
    }
    return {leads.index(name): value.astype(np.uint16) for name, value in formulas.items() if name in leads}


def _to_planes(samples: I16, leads: Sequence[str]) -> bytes:
    rest = samples.astype(np.uint16)
    for column, value in _derived(rest, leads).items():
        rest[:, column] -= value
    steps = np.diff(rest, axis=0, prepend=np.zeros((1, len(leads)), np.uint16)).view(np.int16)
    zigzag = ((steps << 1) ^ (steps >> 15)).astype("<u2")
    low_high = np.ascontiguousarray(zigzag.T).view(np.uint8).reshape(-1, 2)
    return low_high.T.tobytes()


def _from_planes(planes: bytes, n: int, leads: Sequence[str]) -> I16:
    low_high = np.frombuffer(planes, np.uint8).reshape(2, -1).astype(np.uint16)
    zigzag = (low_high[0] | (low_high[1] << np.uint16(8))).reshape(len(leads), n).T
    steps = (zigzag >> np.uint16(1)) ^ (np.uint16(0) - (zigzag & np.uint16(1)))
    rest = np.cumsum(steps, axis=0, dtype=np.uint16)
    for column, value in _derived(rest, leads).items():
        rest[:, column] += value
    return np.ascontiguousarray(rest.view(np.int16))
