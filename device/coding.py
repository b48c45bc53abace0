"""The lossless coding, in two coats: the archive file of a sealed recording, and the body of a packed data frame.

Samples and bytes; no file is opened here. The archive file is a header (`header.py`) and the samples as `compact.py`
makes them; a file of version 1 has the planes of a data frame instead, the whole recording at once, and is still read.

The body of a data frame, each step exact in 16-bit wrapping arithmetic, so that no value (not even "no signal") needs
a case of its own: leads that follow from I and II keep only what differs from the formula, then differences from sample
to sample, then zigzag (small of either sign becomes small), then all low bytes before all high bytes, then zstd-3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from device import compact
from device import prediction as step
from device.errors import ArchiveDamaged, BadFrame, FileRefused
from device.frames import I16, NO_SIGNAL, STREAM_BYTES_MAX, Coding, Data, samples_of
from device.header import MAGIC_1, Header, read, written
from ecg.record import Recording

ZSTD_LEVEL: Final = 3
FILE_LEVEL: Final = 9  # once in the clinic, for a line that may be slow


def encode(header: Header, samples: I16) -> bytes:
    """The archive file of (n, leads) int16. Raises ArchiveDamaged where header and samples do not fit."""
    if samples.shape != (header.n, len(header.leads)):
        raise ArchiveDamaged(reason="its header does not fit its samples")
    return written(header) + compact.pack(samples, header.leads)


def header_of(archive: bytes) -> Header:
    """Only the header. Raises ArchiveDamaged."""
    return read(archive)[0]


def decode(archive: bytes) -> tuple[Header, I16]:
    """Header and (n, leads) int16. Never unpacks more than the header allows. Raises ArchiveDamaged."""
    header, at = read(archive)
    size = 2 * header.n * len(header.leads)
    if size > STREAM_BYTES_MAX:
        raise ArchiveDamaged(reason="it is longer than a recording may be")
    if archive.startswith(MAGIC_1):
        samples = _from_planes(_planes_1(archive[at:], size), header.n, header.leads)
    else:
        samples = compact.unpack(archive[at:], header.n, header.leads)
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


def _planes_1(payload: bytes, size: int) -> bytes:
    """Of an archive file of version 1."""
    try:
        # zstandard trusts the size a frame names, whatever max_output_size says: so that size is asked first.
        if zstandard.frame_content_size(payload) != size:
            raise ArchiveDamaged(reason="its size is not the one its header names")
        planes = zstandard.ZstdDecompressor().decompress(payload, max_output_size=size)
    except zstandard.ZstdError:
        raise ArchiveDamaged(reason="it cannot be unpacked") from None
    if len(planes) != size:
        raise ArchiveDamaged(reason="its size is not the one its header names")
    return planes


def _to_planes(samples: I16, leads: Sequence[str]) -> bytes:
    rows = np.array(samples.T, np.int16, order="C").view(np.uint16)  # a copy: formulas work in place
    for row, value in step.formulas(rows, leads).items():
        rows[row] -= value
    steps = np.diff(rows, axis=1, prepend=np.zeros((len(rows), 1), np.uint16))
    return step.zigzag(steps).astype("<u2").view(np.uint8).reshape(-1, 2).T.tobytes()


def _from_planes(planes: bytes, n: int, leads: Sequence[str]) -> I16:
    low_high = np.frombuffer(planes, np.uint8).reshape(2, -1).astype(np.uint16)
    rows = np.cumsum(step.unzigzag(low_high[0] | low_high[1] << 8).reshape(len(leads), n), axis=1, dtype=np.uint16)
    for row, value in step.formulas(rows, leads).items():
        rows[row] += value
    return np.ascontiguousarray(rows.T.view(np.int16))
