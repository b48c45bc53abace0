"""WebM by hand: clusters of VP8 and Opus as they came, and the head that makes a seekable film of them. Pure.

Only what this product writes: no reader, no other codec. Source: RFC 9559 (Matroska), RFC 8794 (EBML), WebM guidelines,
RFC 7845 (OpusHead). Why by hand: docs/decisions/0025.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

PICTURE, SOUND = 1, 2
"""Track numbers."""
MIME: Final = "video/webm"
_SIZE1_MAX: Final = 0x7F
_SPAN_MAX: Final = 0x7FFF
PRE_SKIP: Final = 312
_OPUS_HEAD: Final = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, PRE_SKIP, 48_000, 0, 0)
SILENCE: Final = b"\xf8\xff\xfe"
"""An Opus packet of 20 ms in which nothing is heard."""
SILENCE_MS: Final = 20


@dataclass(frozen=True)
class Block:
    """One frame. ms: since the beginning of its file."""

    track: int
    ms: int
    data: bytes
    key: bool = True


@dataclass(frozen=True)
class Cue:
    """A cluster: when it begins, how many bytes it has, whether a picture may be begun there."""

    ms: int
    size: int
    key: bool


def cluster(blocks: Sequence[Block]) -> bytes:
    """blocks: rising in time within each track, none further than 32 s from the first."""
    begin = min(block.ms for block in blocks)
    body = [_number(b"\xe7", begin)]
    for block in sorted(blocks, key=lambda b: b.ms):
        head = struct.pack(">BhB", 0x80 | block.track, min(block.ms - begin, _SPAN_MAX), 0x80 if block.key else 0)
        body.append(b"\xa3" + _size(len(head) + len(block.data)) + head + block.data)
    return _element(b"\x1f\x43\xb6\x75", b"".join(body))


def head(cues: Sequence[Cue], last_ms: int, picture: tuple[int, int] | None) -> bytes:
    """All that stands before the clusters, which follow as `cues` says. picture: its width and height; None: none."""
    tracks = b"" if picture is None else _picture(*picture)
    info = _element(
        b"\x15\x49\xa9\x66",
        _number(b"\x2a\xd7\xb1", 1_000_000)
        + _element(b"\x44\x89", struct.pack(">d", float(max(1, last_ms))))
        + _element(b"\x4d\x80", b"XinLian")
        + _element(b"\x57\x41", b"XinLian"),
    )
    before = info + _element(b"\x16\x54\xae\x6b", tracks + _sound())
    index_bytes = len(_index(cues, 0, picture is not None))
    index = _index(cues, len(before) + index_bytes, picture is not None)
    body = before + index
    whole = len(body) + sum(cue.size for cue in cues)
    return _EBML + b"\x18\x53\x80\x67" + _size8(whole) + body


def _index(cues: Sequence[Cue], at: int, has_picture: bool) -> bytes:
    """at: where the first cluster stands, counted from the segment's first byte."""
    rows = []
    track = PICTURE if has_picture else SOUND
    for cue in cues:
        if cue.key or not has_picture:
            position = _number(b"\xf7", track) + _element(b"\xf1", struct.pack(">Q", at))
            rows.append(_element(b"\xbb", _element(b"\xb3", struct.pack(">I", cue.ms)) + _element(b"\xb7", position)))
        at += cue.size
    return _element(b"\x1c\x53\xbb\x6b", b"".join(rows)) if rows else b""


def _picture(width: int, height: int) -> bytes:
    size = _element(b"\xe0", _number(b"\xb0", width) + _number(b"\xba", height))
    return _track(PICTURE, 1, b"V_VP8", size)


def _sound() -> bytes:
    audio = _element(b"\xe1", _element(b"\xb5", struct.pack(">d", 48_000.0)) + _number(b"\x9f", 2))
    delay = _number(b"\x56\xaa", PRE_SKIP * 1_000_000_000 // 48_000) + _number(b"\x56\xbb", 80_000_000)
    return _track(SOUND, 2, b"A_OPUS", delay + _element(b"\x63\xa2", _OPUS_HEAD) + audio)


def _track(number: int, kind: int, codec: bytes, more: bytes) -> bytes:
    own = _number(b"\xd7", number) + _number(b"\x73\xc5", number) + _number(b"\x83", kind) + _number(b"\x9c", 0)
    return _element(b"\xae", own + _element(b"\x86", codec) + more)


def _element(name: bytes, body: bytes) -> bytes:
    return name + _size(len(body)) + body


def _number(name: bytes, value: int) -> bytes:
    return _element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _size(value: int) -> bytes:
    if value < _SIZE1_MAX:
        return bytes((0x80 | value,))
    if value < 0x3FFF:
        return struct.pack(">H", 0x4000 | value)
    return struct.pack(">I", 0x1000_0000 | value) if value < 0xFFF_FFFF else _size8(value)


def _size8(value: int) -> bytes:
    return struct.pack(">Q", 0x0100_0000_0000_0000 | value)


_EBML: Final = _element(
    b"\x1a\x45\xdf\xa3",
    _number(b"\x42\x86", 1) + _number(b"\x42\xf7", 1) + _number(b"\x42\xf2", 4) + _number(b"\x42\xf3", 8)
    + _element(b"\x42\x82", b"webm") + _number(b"\x42\x87", 4) + _number(b"\x42\x85", 2),
)  # fmt: skip


def opus_ms(packet: bytes) -> float:
    """How long an Opus packet sounds (RFC 6716, 3.1). 0: it is none."""
    if not packet:
        return 0.0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        one = (10.0, 20.0, 40.0, 60.0)[config & 3]
    elif config < 16:
        one = (10.0, 20.0)[config & 1]
    else:
        one = (2.5, 5.0, 10.0, 20.0)[config & 3]
    if code == 3:
        return one * (packet[1] & 0x3F) if len(packet) > 1 else 0.0
    return one * (1 if code == 0 else 2)


def vp8_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height that a key frame names (RFC 6386, 9.1)."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = struct.unpack_from("<HH", frame, 6)
    return width & 0x3FFF, height & 0x3FFF


def silence(begin_ms: float, end_ms: float) -> Iterable[Block]:
    """Packets that fill this time, the last one whole."""
    at = begin_ms
    while at + SILENCE_MS <= end_ms:
        yield Block(SOUND, round(at), SILENCE)
        at += SILENCE_MS
