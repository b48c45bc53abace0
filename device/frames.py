"""Wire version 1: how each frame stands in bytes, and how large it may be.

One binary WebSocket message is one frame; its first byte is the kind. What happens often (data, ack, nack, ping, pong)
has a fixed little-endian layout, what happens once a connection (hello, welcome, open, ...) is JSON after the kind.
No rule of order or credit (`session.py`), no socket (`client.py`, `server/intake/gateway.py`), no file (`coding.py`).
The tables of bytes for people who build devices: `docs/reference/protocol.md`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from dataclasses import fields
from typing import Annotated, ClassVar, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from device.errors import BadFrame, FrameTooLarge, LeadMapRefused, RefusedByHub, SampleOutOfRange, WireError
from ecg.errors import all_errors

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

Uid = bytes  # 16 bytes, chosen by the device: the identity of one recording over all connections

_Text64 = Annotated[str, msgspec.Meta(max_length=64)]
_Text128 = Annotated[str, msgspec.Meta(max_length=128)]


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
    rates: tuple[int, ...]
    frame_bytes_max: int
    streams: tuple[OpenStream, ...] = ()


class Open(_Frame, frozen=True):
    """Begin or resume the recording `uid`. Sent again it resumes; only `stream` and `device_ms` may then differ."""

    KIND: ClassVar[int] = 0x05
    NAME: ClassVar[str] = "open"
    stream: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]  # the number this connection uses for it
    uid: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    fs: int
    leads: tuple[_Text64, ...]
    gain_uv_per_lsb: float
    start_ms: int  # UTC of the first sample
    device_ms: int  # the device's clock now
    kind: Literal["resting", "stream"]
    mode: Literal["live", "batch"]
    request: Request | None = None


class Opened(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x06
    NAME: ClassVar[str] = "opened"
    stream: int
    recording: str
    next_seq: int
    limit: int


class Data(_Frame, frozen=True):
    """Samples of all leads: `samples` is int16 little-endian, one row a sample, one column a lead of `open`."""

    KIND: ClassVar[int] = 0x10
    NAME: ClassVar[str] = "data"
    stream: int
    seq: int
    device_ms: int
    leads: int
    samples: bytes

    @property
    def count(self) -> int:
        """Samples a lead."""
        return len(self.samples) // (2 * self.leads)


class Ack(_Frame, frozen=True):
    """All frames below `next_seq` are on the hub's disk; frames below `limit` may be sent."""

    KIND: ClassVar[int] = 0x11
    NAME: ClassVar[str] = "ack"
    stream: int
    next_seq: int
    limit: int


class Nack(_Frame, frozen=True):
    KIND: ClassVar[int] = 0x12
    NAME: ClassVar[str] = "nack"
    stream: int
    next_seq: int


class End(_Frame, frozen=True):
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


class Error(_Frame, frozen=True):
    """The last frame of a connection: a code of `device/errors.py` and its fields."""

    KIND: ClassVar[int] = 0x7F
    NAME: ClassVar[str] = "error"
    code: str
    facts: dict[str, str | int | float | list[int]] = {}


Frame = (
    Hello | Challenge | Proof | Welcome | Open | Opened | Data | Ack | Nack | End | Receipt | Ping | Pong | Error
)  # fmt: skip

_DATA = struct.Struct("<BBHIIq")  # kind, leads, samples a lead, stream, seq, device_ms
_ACK = struct.Struct("<BxxxIII")  # kind, stream, next_seq, limit
_NACK = struct.Struct("<BxxxII")  # kind, stream, next_seq
_END = struct.Struct("<BxxxIIQ32s")  # kind, stream, frames, samples, sha256
_PING = struct.Struct("<Bxxxq")
_PONG = struct.Struct("<Bxxxqq")
DATA_HEADER_BYTES: Final = _DATA.size

_encode_json = msgspec.json.Encoder().encode
_JSON: dict[int, msgspec.json.Decoder[Frame]] = {
    cls.KIND: msgspec.json.Decoder(cls)
    for cls in (Hello, Challenge, Proof, Welcome, Open, Opened, Receipt, Error)
}  # fmt: skip


def encode(frame: Frame) -> bytes:
    """One frame as the body of one binary WebSocket message."""
    match frame:
        case Data():
            head = _DATA.pack(frame.KIND, frame.leads, frame.count, frame.stream, frame.seq, frame.device_ms)
            return head + frame.samples
        case Ack():
            return _ACK.pack(frame.KIND, frame.stream, frame.next_seq, frame.limit)
        case Nack():
            return _NACK.pack(frame.KIND, frame.stream, frame.next_seq)
        case End():
            return _END.pack(frame.KIND, frame.stream, frame.frames, frame.samples, frame.sha256)
        case Ping():
            return _PING.pack(frame.KIND, frame.device_ms)
        case Pong():
            return _PONG.pack(frame.KIND, frame.device_ms, frame.hub_ms)
        case _:
            return bytes([frame.KIND]) + _encode_json(frame)


def decode(raw: bytes) -> Frame:
    """The frame in one message. Raises FrameTooLarge, BadFrame, LeadMapRefused; nothing else, whatever the bytes."""
    if len(raw) > FRAME_BYTES_MAX:
        raise FrameTooLarge(bytes_max=FRAME_BYTES_MAX)
    if not raw:
        raise BadFrame(reason="it is empty")
    kind = raw[0]
    if kind == Data.KIND:
        return _decode_data(raw)
    if kind in _JSON:
        try:
            return _JSON[kind].decode(raw[1:])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadFrame(reason=_where(str(error))) from None
    return _decode_fixed(kind, raw)


def _where(sentence: str) -> str:
    """Only the field of msgspec's sentence: for an unknown word it repeats the word, which may be a patient's name."""
    field = re.search(r"`(\$?[\w.\[\]]+)`$", sentence)
    return f"the field {field[1]} is missing or does not fit" if field else "it is not the JSON of its kind"


def _decode_data(raw: bytes) -> Data:
    if len(raw) < _DATA.size:
        raise BadFrame(reason="a data frame is shorter than its header")
    _, leads, count, stream, seq, device_ms = _DATA.unpack_from(raw)
    if not 1 <= leads <= LEADS_MAX:
        raise LeadMapRefused(reason=f"{leads} leads in a frame, 1 to {LEADS_MAX} are possible")
    if count < 1 or len(raw) != _DATA.size + 2 * leads * count:
        raise BadFrame(reason="its length does not fit its leads and samples")
    return Data(stream=stream, seq=seq, device_ms=device_ms, leads=leads, samples=raw[_DATA.size :])


def _decode_fixed(kind: int, raw: bytes) -> Frame:
    try:
        if kind == Ack.KIND:
            return Ack(*_ACK.unpack(raw)[1:])
        if kind == Nack.KIND:
            return Nack(*_NACK.unpack(raw)[1:])
        if kind == End.KIND:
            return End(*_END.unpack(raw)[1:])
        if kind == Ping.KIND:
            return Ping(*_PING.unpack(raw)[1:])
        if kind == Pong.KIND:
            return Pong(*_PONG.unpack(raw)[1:])
    except struct.error:
        raise BadFrame(reason=f"kind {kind:#04x} has another length") from None
    raise BadFrame(reason=f"kind {kind:#04x} is unknown")


def proof_of(key: bytes, nonce: bytes, hello: bytes) -> bytes:
    """HMAC-SHA256 over the hub's 32-byte nonce and the hello message exactly as sent."""
    return hmac.new(key, nonce + hello, hashlib.sha256).digest()


def samples_of(samples: bytes, leads: int) -> I16:
    """The samples as (n, leads) int16, read only; NO_SIGNAL where there was none."""
    return np.frombuffer(samples, "<i2").reshape(-1, leads)


def check_range(frame: Data, gain_uv_per_lsb: float) -> None:
    """Raises SampleOutOfRange where a sample lies beyond +-SAMPLE_UV_MAX and is not NO_SIGNAL."""
    limit = int(SAMPLE_UV_MAX / gain_uv_per_lsb)
    if limit >= -NO_SIGNAL:
        return  # no int16 can reach it
    samples = np.frombuffer(frame.samples, "<i2")
    low = int(samples.min())
    if low == NO_SIGNAL:
        low = int(samples.min(initial=0, where=samples != NO_SIGNAL))
    if low < -limit or int(samples.max()) > limit:
        raise SampleOutOfRange(seq=frame.seq, uv_max=SAMPLE_UV_MAX)


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
