"""The fixed layouts of wire version 1, as tables: the structs of `frames.py` and the page for makers come from them.

All numbers are little-endian. What the fields mean in a conversation is `session.py`'s.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple


class Field(NamedTuple):
    """One field: `form` as in Python's `struct`; `x` is padding, sent as 0."""

    name: str
    form: str
    note: str = ""


Layout = tuple[Field, ...]

_STREAM: Final = Field("stream", "I", "the number this connection uses for the recording")
_SEQ: Final = Field("seq", "I", "0 for the first piece of the recording, over all connections")

DATA: Final[Layout] = (
    Field("kind", "B", "0x10"),
    Field("coding", "B", "0: int16 as they are; 1: packed, see below"),
    Field("leads", "B", "as many as in `open`"),
    Field("", "x"),
    _STREAM,
    _SEQ,
    Field("n", "I", "samples a lead in this frame, 1 or more"),
    Field("first", "Q", "index of the first of them, from the start of the recording"),
    Field("device_ms", "q", "the device's clock at the first of them"),
)
CHUNK: Final[Layout] = (
    Field("kind", "B", "0x15"),
    Field("", "3x"),
    _STREAM,
    _SEQ,
    Field("first", "Q", "offset of its first byte in what is sent"),
)
CRC: Final[Layout] = (Field("crc32", "I", "CRC-32 as in zlib, over all bytes before it and the body behind it"),)
ACK: Final[Layout] = (
    Field("kind", "B", "0x11"),
    Field("", "3x"),
    _STREAM,
    Field("next_seq", "I", "all pieces below it are on the disk"),
    Field("limit", "I", "pieces below it may be sent; never goes back"),
)
NACK: Final[Layout] = (
    Field("kind", "B", "0x12"),
    Field("why", "B", "1: a piece before it is missing; 2: it came damaged; 3: the hub's disk is full"),
    Field("", "2x"),
    _STREAM,
    Field("next_seq", "I", "send again from here (3: from here on nothing is on the disk)"),
    Field("retry_after_ms", "I", "3: send no piece for so long"),
)
END: Final[Layout] = (
    Field("kind", "B", "0x13"),
    Field("", "3x"),
    _STREAM,
    Field("frames", "I", "pieces, over all connections"),
    Field("samples", "Q", "samples a lead; of a file: bytes sent"),
    Field("sha256", "32s", "of all bodies in order, unpacked samples; of a file: of the bytes sent"),
)
PING: Final[Layout] = (Field("kind", "B", "0x20"), Field("", "3x"), Field("device_ms", "q", "the device's clock"))
PONG: Final[Layout] = (
    Field("kind", "B", "0x21"),
    Field("", "3x"),
    Field("device_ms", "q", "as in the ping"),
    Field("hub_ms", "q", "the hub's clock"),
)
CLOCK: Final[Layout] = (
    Field("kind", "B", "0x22"),
    Field("", "3x"),
    Field("offset_ms", "q", "the hub's clock less the device's, from the quickest of several pongs"),
    Field("uncertainty_ms", "I", "half of that pong's way there and back"),
)

LAYOUTS: Final[Mapping[str, Layout]] = {
    "data": DATA + CRC,
    "chunk": CHUNK + CRC,
    "ack": ACK,
    "nack": NACK,
    "end": END,
    "ping": PING,
    "pong": PONG,
    "clock": CLOCK,
}


def struct_of(layout: Layout) -> struct.Struct:
    """What packs and unpacks it; padding takes no argument."""
    return struct.Struct("<" + "".join(field.form for field in layout))
