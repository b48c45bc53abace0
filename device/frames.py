"""Wire version 1: how each frame stands in bytes, and how large it may be.

One binary WebSocket message is one frame; its first byte is the kind. What happens often (data, chunk, ack, nack, ping,
pong, clock) has a fixed little-endian layout, what happens once a connection (hello, welcome, open, ...) is JSON after
the kind. Samples and bytes of files carry a CRC32 over header and body, because a recording may pass through memory and
programs that no TLS guards.
No rule of order or credit (`session.py`), no socket (`client.py`, `server/intake/gateway.py`), no file (`coding.py`).
The tables of bytes for people who build devices: `docs/reference/protocol.md`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from dataclasses import fields
from enum import IntEnum
from typing import Annotated, ClassVar, Final, Literal
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt

from device import layout
from device.errors import (
    BadChecksum,
    BadFrame,
    FrameTooLarge,
    LeadMapRefused,
    RefusedByHub,
    SampleOutOfRange,
    WireError,
)
from device.layout import struct_of
from ecg.errors import all_errors
from ecg.expected import NOT_AS_EXPECTED

I16 = npt.NDArray[np.int16]

VERSION: Final = 1
FRAME_BYTES_MAX: Final = 32 * 1024  # 12 leads x 2.7 s at 500 Hz; a frame of 200-500 ms is far below it
LEADS_MAX: Final = 16
NO_SIGNAL: Final = -32768  # the sample value of "no signal here": electrode off, sample lost in the device
SAMPLE_UV_MAX: Final = (
    32_000  # 6 x the +-5 mV of IEC 60601-2-25; touching the end of int16 at 1 uV means clipped or swapped bytes
)
GAIN_UV_LEAST: Final = 0.05
GAIN_UV_MOST: Final = 50.0
STREAM_BYTES_MAX: Final = 64 * 1024 * 1024  # 93 min of 12 leads at 500 Hz: what one seal holds in memory
FRAMES_MAX: Final = 1_000_000

# Every lead of ecg/codes/leads.csv that carries a voltage by itself (a test compares): `device` reads no file.
LEADS: Final = frozenset(
    ("I", "II", "III", "aVR", "aVL", "aVF", "-aVR", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9")
) | frozenset(
    ("V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "X", "Y", "Z", "ES", "AS", "AI", "ML", "MCL1", "CM5", "CM1", "V")
)

FILE_BYTES_MAX: Final = 64 * 1024 * 1024  # of one deposited file, unpacked
NAME_MAX: Final = 128

Uid = bytes  # 16 bytes, chosen by the device: the identity of one recording over all connections

_Text64 = Annotated[str, msgspec.Meta(max_length=64)]
_Text128 = Annotated[str, msgspec.Meta(max_length=128)]
_Ms = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Milliseconds of UTC since 1970, as the fixed frames hold them: any clock, but no number beyond 64 bit."""


class _Frame(msgspec.Struct, frozen=True):
    """A frame as JSON after the kind byte. Unknown fields are ignored, so that a newer peer may add some."""

    KIND: ClassVar[int] = 0
    NAME: ClassVar[str] = ""


class Patient(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who lies there, as far as the device was told. Never leaves the intake room's own store."""

    name: _Text64 = ""
    sex: Literal["M", "F", ""] = ""
    birth_date: Annotated[str, msgspec.Meta(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    age: Annotated[int, msgspec.Meta(ge=0, le=150)] | None = None
    id_no: _Text64 = ""


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """The request form. `patient` absent = emergency, name later (identity pending)."""

    patient: Patient | None = None
    symptoms: Annotated[tuple[_Text64, ...], msgspec.Meta(max_length=16)] = ("unknown",)
    operator: _Text64 = ""
    urgency: Literal["routine", "urgent", "emergency"] = "routine"
    order_no: _Text64 = ""
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Hello(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x01
    NAME: ClassVar[str] = "hello"
    device: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    version: int = VERSION
    software: _Text128 = ""


class Challenge(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x02
    NAME: ClassVar[str] = "challenge"
    nonce: bytes  # 32 bytes, base64 in the JSON


class Proof(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x03
    NAME: ClassVar[str] = "proof"
    mac: bytes  # 32 bytes
    device_ms: _Ms  # the device's clock when it made this; with the hub's two times its offset, good to half the way


class OpenStream(msgspec.Struct, frozen=True):
    """A recording of this device that the hub has begun and not sealed: it wants `next_seq` next."""

    uid: bytes
    recording: str
    next_seq: int


class Welcome(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x04
    NAME: ClassVar[str] = "welcome"
    session: str
    window_frames: int
    window_bytes: int
    hub_ms: int
    clock_offset_ms: int  # the hub's clock less the device's, from challenge and proof
    clock_uncertainty_ms: int
    rates: tuple[int, ...]
    frame_bytes_max: int
    streams: tuple[OpenStream, ...] = ()
    clinic: str = ""  # the institution the device belongs to, by its name; empty: the hub does not say


class Calibration(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the device knows of its own measure: the pulse it was last checked with, and when."""

    pulse_uv: float = 0.0
    at_ms: _Ms = 0


class Open(_Frame, frozen=True):
    """Begin or resume the recording `uid`. Sent again it resumes; only `stream` and `device_ms` may then differ.

    A voltage is (sample - offset_lsb) * gain_uv_per_lsb microvolts.
    """

    KIND: ClassVar[int] = 0x05
    NAME: ClassVar[str] = "open"
    stream: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]  # the number this connection uses for it
    uid: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    fs: int
    leads: tuple[_Text64, ...]
    gain_uv_per_lsb: float
    start_ms: _Ms  # UTC of the first sample
    device_ms: _Ms  # the device's clock now
    kind: Literal["resting", "stream"]
    mode: Literal["live", "batch"]
    request: Request | None = None
    offset_lsb: Annotated[int, msgspec.Meta(ge=-16384, le=16384)] = 0
    calibration: Calibration | None = None


class Deposit(_Frame, frozen=True):
    """Begin or resume the sending of a file, as it was found. The hub keeps its bytes and reads the ECG in it.

    `uid` is `deposit_uid` of device and content, so that the same file is stored once however often it is found. The
    chunks carry the file, or with `packing` "zstd" its zstd frame.
    """

    KIND: ClassVar[int] = 0x07
    NAME: ClassVar[str] = "deposit"
    stream: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    uid: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX)]
    size: Annotated[int, msgspec.Meta(ge=1, le=FILE_BYTES_MAX)]  # bytes of the file, unpacked
    sha256: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]  # of the file, unpacked
    made_ms: _Ms  # when the file was written, by the device's clock
    device_ms: _Ms
    packing: Literal["", "zstd"] = ""
    request: Request | None = None
    glance: Annotated[bytes, msgspec.Meta(max_length=2048)] = b""  # `glance.py`: what triage needs, before the file


Opening = Open | Deposit


class Opened(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x06
    NAME: ClassVar[str] = "opened"
    stream: int
    recording: str
    next_seq: int
    limit: int


class Coding(IntEnum):
    """How the body of a data frame stands: int16 as they are, or `coding.pack` of them."""

    RAW = 0
    PACKED = 1


class Data(_Frame, frozen=True):
    """Samples of all leads: `body` is int16 little-endian, one row a sample, one column a lead of `open`; or packed."""

    KIND: ClassVar[int] = 0x10
    NAME: ClassVar[str] = "data"
    stream: int
    seq: int
    first: int  # sample index of the first row, from the start of the recording
    device_ms: int
    leads: int
    count: int  # samples a lead
    body: bytes
    coding: int = Coding.RAW

    @property
    def size(self) -> int:
        """Bytes of its samples, unpacked."""
        return 2 * self.leads * self.count


class Chunk(_Frame, frozen=True):
    """Bytes of a deposited file: `first` is the offset of the first."""

    KIND: ClassVar[int] = 0x15
    NAME: ClassVar[str] = "chunk"
    stream: int
    seq: int
    first: int
    body: bytes

    @property
    def size(self) -> int:
        return len(self.body)


Piece = Data | Chunk


class Run(msgspec.Struct, frozen=True, gc=False):
    """Data frames that go on from each other, taken as one. Nothing on the wire: what came together is handled so."""

    stream: int
    seq: int  # of the last of them
    first: int
    leads: int
    stamps: tuple[int, ...]  # device_ms of each
    body: bytes  # the samples of all, of each frame equally many

    @property
    def frames(self) -> int:
        return len(self.stamps)


class Ack(_Frame, frozen=True):
    """All frames below `next_seq` are on the hub's disk; frames below `limit` may be sent."""

    KIND: ClassVar[int] = 0x11
    NAME: ClassVar[str] = "ack"
    stream: int
    next_seq: int
    limit: int


class Why(IntEnum):
    """Why the hub did not take a piece."""

    GAP = 1  # one before it is missing: send again from `next_seq`
    CHECKSUM = 2  # it came damaged: send again from `next_seq`
    FULL = 3  # the hub's disk is full: send nothing for `retry_after_ms`


class Nack(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x12
    NAME: ClassVar[str] = "nack"
    stream: int
    next_seq: int
    why: int = Why.GAP
    retry_after_ms: int = 0


class End(_Frame, frozen=True):
    """All has been sent: pieces and samples a lead (of a file: bytes), and the SHA-256 of all bodies, unpacked."""

    KIND: ClassVar[int] = 0x13
    NAME: ClassVar[str] = "end"
    stream: int
    frames: int
    samples: int
    sha256: bytes


class Receipt(_Frame, frozen=True):
    """The recording is sealed and stored: the device may forget it."""

    KIND: ClassVar[int] = 0x14
    NAME: ClassVar[str] = "receipt"
    uid: bytes
    recording: str
    sha256: bytes


class Ping(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x20
    NAME: ClassVar[str] = "ping"
    device_ms: int


class Pong(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x21
    NAME: ClassVar[str] = "pong"
    device_ms: int
    hub_ms: int


class Clock(_Frame, frozen=True):
    """What the device found by ping and pong: the hub's clock less its own, and how far that may be wrong."""

    KIND: ClassVar[int] = 0x22
    NAME: ClassVar[str] = "clock"
    offset_ms: int
    uncertainty_ms: int


class Error(_Frame, frozen=True):
    """The last frame of a connection: a code of `device/errors.py` and its fields."""

    KIND: ClassVar[int] = 0x7F
    NAME: ClassVar[str] = "error"
    code: str
    facts: dict[str, str | int | float | list[int]] = {}


Frame = (
    Hello | Challenge | Proof | Welcome | Open | Deposit | Opened | Data | Chunk | Ack | Nack | End | Receipt
    | Ping | Pong | Clock | Error
)  # fmt: skip

_DATA, _CHUNK, _CRC = struct_of(layout.DATA), struct_of(layout.CHUNK), struct_of(layout.CRC)
_ACK, _NACK, _END = struct_of(layout.ACK), struct_of(layout.NACK), struct_of(layout.END)
_PING, _PONG, _CLOCK = struct_of(layout.PING), struct_of(layout.PONG), struct_of(layout.CLOCK)
_CRC_AT: Final = _DATA.size
DATA_HEADER_BYTES: Final = _DATA.size + _CRC.size
_ALIKE_BYTES: Final = 8  # kind, coding, leads, stream
_RUN_FRAME: Final = struct_of((*layout.DATA[5:], *layout.CRC))  # the rest of a data frame's header
CHUNK_HEADER_BYTES: Final = _CHUNK.size + _CRC.size
CHUNK_BYTES_MAX: Final = FRAME_BYTES_MAX - CHUNK_HEADER_BYTES
RUN_FRAMES_MAX: Final = 64
RUN_BYTES_MAX: Final = 60_000  # with its stamps, a record of the journal

_encode_json = msgspec.json.Encoder().encode
_JSON: dict[int, msgspec.json.Decoder[Frame]] = {
    cls.KIND: msgspec.json.Decoder(cls)
    for cls in (Hello, Challenge, Proof, Welcome, Open, Deposit, Opened, Receipt, Error)
}  # fmt: skip


def encode(frame: Frame) -> bytes:
    """One frame as the body of one binary WebSocket message."""
    match frame:
        case Data():
            head = _DATA.pack(
                frame.KIND,
                frame.coding,
                frame.leads,
                frame.stream,
                frame.seq,
                frame.count,
                frame.first,
                frame.device_ms,
            )
            return b"".join((head, _CRC.pack(crc32(frame.body, crc32(head))), frame.body))
        case Chunk():
            head = _CHUNK.pack(frame.KIND, frame.stream, frame.seq, frame.first)
            return b"".join((head, _CRC.pack(crc32(frame.body, crc32(head))), frame.body))
        case Ack():
            return _ACK.pack(frame.KIND, frame.stream, frame.next_seq, frame.limit)
        case Nack():
            return _NACK.pack(frame.KIND, frame.why, frame.stream, frame.next_seq, frame.retry_after_ms)
        case End():
            return _END.pack(frame.KIND, frame.stream, frame.frames, frame.samples, frame.sha256)
        case Ping():
            return _PING.pack(frame.KIND, frame.device_ms)
        case Pong():
            return _PONG.pack(frame.KIND, frame.device_ms, frame.hub_ms)
        case Clock():
            return _CLOCK.pack(frame.KIND, frame.offset_ms, frame.uncertainty_ms)
        case _:
            return bytes([frame.KIND]) + _encode_json(frame)


def decode(raw: bytes) -> Frame:
    """The frame in one message.

    Raises  FrameTooLarge, BadFrame, LeadMapRefused; BadChecksum for a piece whose bytes are not those that were sent,
            naming its stream. Nothing else, whatever the bytes.
    """
    if len(raw) > FRAME_BYTES_MAX:
        raise FrameTooLarge(bytes_max=FRAME_BYTES_MAX)
    if not raw:
        raise BadFrame(reason="it is empty")
    kind = raw[0]
    if kind == Data.KIND:
        return _decode_data(raw)
    if kind == Chunk.KIND:
        return _decode_chunk(raw)
    if kind in _JSON:
        try:
            return _JSON[kind].decode(raw[1:])
        except NOT_AS_EXPECTED as error:
            raise BadFrame(reason=_where(str(error))) from None
    return _decode_fixed(kind, raw)


def _where(sentence: str) -> str:
    """Only the field of msgspec's sentence: for an unknown word it repeats the word, which may be a patient's name."""
    field = re.search(r"`(\$?[\w.\[\]]+)`$", sentence)
    return f"the field {field[1]} is missing or does not fit" if field else "it is not the JSON of its kind"


def _decode_data(raw: bytes) -> Data:
    if len(raw) < DATA_HEADER_BYTES:
        raise BadFrame(reason="a data frame is shorter than its header")
    _, coding, leads, stream, seq, count, first, device_ms = _DATA.unpack_from(raw)
    body = raw[DATA_HEADER_BYTES:]
    _check_crc(raw, _DATA.size, body, stream)
    if not 1 <= leads <= LEADS_MAX:
        raise LeadMapRefused(reason=f"{leads} leads in a frame, 1 to {LEADS_MAX} are possible")
    size = 2 * leads * count
    if coding > Coding.PACKED or not 0 < size <= FRAME_BYTES_MAX or (coding == Coding.RAW and len(body) != size):
        raise BadFrame(reason="its length does not fit its leads and samples")
    return Data(stream, seq, first, device_ms, leads, count, body, coding)


def run_of(raws: list[bytes], at: int) -> Run | None:
    """The raw data frames from `raws[at]` on that go on from each other, alike in shape and whole; None: fewer than 2.

    Never raises: the first frame that is in any way different ends the run, and `decode` says what it is.
    """
    head, size = raws[at][:_ALIKE_BYTES], len(raws[at])
    if at + 1 == len(raws) or raws[at + 1][:_ALIKE_BYTES] != head or not DATA_HEADER_BYTES < size <= FRAME_BYTES_MAX:
        return None
    kind, coding, leads, stream, seq, count, first, _ = _DATA.unpack_from(raws[at])
    if kind != Data.KIND or coding != Coding.RAW or size != DATA_HEADER_BYTES + 2 * leads * count:
        return None
    most = min(RUN_FRAMES_MAX, RUN_BYTES_MAX // (size - DATA_HEADER_BYTES))
    bodies: list[bytes] = []
    stamps: list[int] = []
    next_seq, next_first = seq, first
    for raw in raws[at : at + most]:
        if len(raw) != size or raw[:_ALIKE_BYTES] != head:
            break
        got_seq, got_count, got_first, device_ms, crc = _RUN_FRAME.unpack_from(raw, _ALIKE_BYTES)
        body = raw[DATA_HEADER_BYTES:]
        if (
            got_seq != next_seq
            or got_first != next_first
            or got_count != count
            or crc32(body, crc32(raw[:_CRC_AT])) != crc
        ):
            break
        bodies.append(body)
        stamps.append(device_ms)
        next_seq += 1
        next_first += count
    if len(bodies) < 2:
        return None
    return Run(stream, next_seq - 1, first, leads, tuple(stamps), b"".join(bodies))


def _decode_chunk(raw: bytes) -> Chunk:
    if len(raw) <= CHUNK_HEADER_BYTES:
        raise BadFrame(reason="a chunk is not longer than its header")
    _, stream, seq, first = _CHUNK.unpack_from(raw)
    body = raw[CHUNK_HEADER_BYTES:]
    _check_crc(raw, _CHUNK.size, body, stream)
    return Chunk(stream, seq, first, body)


def _check_crc(raw: bytes, at: int, body: bytes, stream: int) -> None:
    if crc32(body, crc32(raw[:at])) != _CRC.unpack_from(raw, at)[0]:
        raise BadChecksum(stream=stream)


def _decode_fixed(kind: int, raw: bytes) -> Frame:
    try:
        if kind == Ack.KIND:
            return Ack(*_ACK.unpack(raw)[1:])
        if kind == Nack.KIND:
            _, why, stream, next_seq, retry_after_ms = _NACK.unpack(raw)
            return Nack(stream, next_seq, why, retry_after_ms)
        if kind == End.KIND:
            return End(*_END.unpack(raw)[1:])
        if kind == Ping.KIND:
            return Ping(*_PING.unpack(raw)[1:])
        if kind == Pong.KIND:
            return Pong(*_PONG.unpack(raw)[1:])
        if kind == Clock.KIND:
            return Clock(*_CLOCK.unpack(raw)[1:])
    except struct.error:
        raise BadFrame(reason=f"kind {kind:#04x} has another length") from None
    raise BadFrame(reason=f"kind {kind:#04x} is unknown")


def proof_of(key: bytes, nonce: bytes, hello: bytes, device_ms: int) -> bytes:
    """HMAC-SHA256 over the hub's 32-byte nonce, the hello message exactly as sent, and device_ms as 8 bytes."""
    return hmac.new(key, nonce + hello + struct.pack("<q", device_ms), hashlib.sha256).digest()


def deposit_uid(device: str, sha256: bytes) -> Uid:
    """The uid of a file: the same file of the same device always gets the same one (ACQ-05)."""
    return hashlib.sha256(device.encode() + sha256).digest()[:16]


def samples_of(body: bytes, leads: int) -> I16:
    """Raw samples as (n, leads) int16, read only; NO_SIGNAL where there was none."""
    return np.frombuffer(body, "<i2").reshape(-1, leads)


def levelled(body: bytes, offset_lsb: int) -> bytes:
    """The samples with the device's offset taken out; NO_SIGNAL stays. `check_range` has seen that they fit."""
    if not offset_lsb:
        return body
    samples = np.frombuffer(body, "<i2")
    return np.where(samples == NO_SIGNAL, samples, samples - np.int16(offset_lsb)).astype("<i2").tobytes()


class Range:
    """Which samples a recording may hold: within +-SAMPLE_UV_MAX of its offset, or NO_SIGNAL."""

    def __init__(self, gain_uv_per_lsb: float, offset_lsb: int) -> None:
        limit = min(-NO_SIGNAL - 1, int(SAMPLE_UV_MAX / gain_uv_per_lsb))
        self.least, self.most = offset_lsb - limit, offset_lsb + limit
        # High bytes under which every sample is within range: a frame of nothing else needs no look at its samples.
        whole = range(self.least, self.most + 1)
        signed = (high - 256 if high > 127 else high for high in range(256))
        self._safe = bytes(h for h, s in enumerate(signed) if s * 256 in whole and s * 256 + 255 in whole)

    def check(self, body: bytes, seq: int) -> None:
        """Raises SampleOutOfRange."""
        if len(self._safe) == 256 or (len(body) <= SHORT_BYTES and not body[1::2].translate(None, self._safe)):
            return
        check_range(body, seq, self.least, self.most)


SHORT_BYTES: Final = 2048
"""Up to here looking at the high bytes is quicker than numpy's two calls."""


def check_range(body: bytes, seq: int, least: int, most: int) -> None:
    """Raises SampleOutOfRange where a sample lies outside [least, most] and is not NO_SIGNAL."""
    samples = np.frombuffer(body, "<i2")
    low = int(samples.min())
    if low == NO_SIGNAL:
        low = int(samples.min(initial=min(most, -NO_SIGNAL - 1), where=samples != NO_SIGNAL))
    if low < least or int(samples.max()) > most:
        raise SampleOutOfRange(seq=seq, uv_max=SAMPLE_UV_MAX)


# ---- errors on the wire ----


def error_frame(error: WireError) -> Error:
    """The error as its last frame: code and fields, no sentence."""
    facts: dict[str, str | int | float | list[int]] = {}
    for name, value in error.facts().items():
        if isinstance(value, tuple):
            facts[name] = [int(part) for part in value]
        elif isinstance(value, str | int | float):
            facts[name] = value
    return Error(code=error.code, facts=facts)


def error_of(frame: Error) -> WireError:
    """The same error on the other side; RefusedByHub for a code or fields this software does not know."""
    for cls in all_errors(WireError):
        if cls.code == frame.code and issubclass(cls, WireError):
            facts = {name: tuple(value) if isinstance(value, list) else value for name, value in frame.facts.items()}
            if {field_.name for field_ in fields(cls)} == set(facts):
                return cls(**facts)
    return RefusedByHub(hub_code=frame.code[:64])
