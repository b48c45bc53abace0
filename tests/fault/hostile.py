"""Hostile frames by the grammar of the wire: every field of every frame with the values that break programs.

The grammar is the product's own (`device.frames`, `device.layout`), so a new field is attacked without a word here.
`corpus/wire.txt` keeps what once broke something, a line each: what it is, and its bytes in hex.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from device import frames, layout
from device.frames import Deposit, Frame, Hello, Open, Proof, deposit_uid, encode

CORPUS: Final = Path(__file__).parent / "corpus/wire.txt"
JSON_VALUES: Final[tuple[object, ...]] = (
    None, True, 0, -1, 2**31, 2**32, 2**63 - 1, -(2**63), 2**64, 10**400, 0.5, 1e308, -0.0,
    "", "\0", "a" * 65, "a" * 4000, "2026-13-99", "../../etc/passwd", "C:\\x\\..", "'; DROP TABLE device; --", "=1+1",
    "\u202e心", "\ud83d", "AAAA", "A" * 24, [], [[]] * 100, ["I"] * 17, ["I", "I"], [None], {}, {"a": {"b": {}}},
    {"name": "x" * 65}, {"age": -1}, {"symptoms": ["x"] * 17},
)  # fmt: skip
RAW_JSON: Final = (
    b"", b"{", b"null", b"[]", b'""', b"NaN", b"{}" * 9, b"\xff\xfe", b"[" * 30_000, b'{"a":' * 6_000,
    b'{"device":1e999}', b'{"device":"a","device":"b"}', b"\x00" * 1000, b'{"device":"' + b"\\u0000" * 4000 + b'"}',
)  # fmt: skip


def sound_openings(device: str) -> tuple[Frame, ...]:
    """One frame of each kind a device sends as JSON, as sound as it can be."""
    sha256 = bytes(range(32))
    return (
        Hello(device=device),
        Proof(mac=bytes(32), device_ms=0),
        Open(0, bytes(16), 500, ("I", "II"), 1.0, 0, 0, "stream", "live"),
        Deposit(0, deposit_uid(device, sha256), "a.xml", 10, sha256, 0, 0),
    )


def json_frames(device: str) -> Iterator[tuple[str, bytes]]:
    """(what it is, its bytes): each field of each JSON frame with each hostile value, or missing."""
    for frame in sound_openings(device):
        kind, fields = bytes([frame.KIND]), msgspec.json.decode(encode(frame)[1:])
        for name in fields:
            for value in JSON_VALUES:
                try:
                    body = msgspec.json.encode({**fields, name: value})
                except (UnicodeEncodeError, OverflowError):
                    body = repr({**fields, name: value}).replace("'", '"').encode("utf-8", "surrogatepass")
                yield f"{frame.NAME}.{name}", kind + body
            yield (
                f"{frame.NAME} without {name}",
                kind + msgspec.json.encode({k: v for k, v in fields.items() if k != name}),
            )
        for raw in RAW_JSON:
            yield f"{frame.NAME} of other JSON", kind + raw


def fixed_frames() -> Iterator[tuple[str, bytes]]:
    """Each field of each fixed frame at its ends, with a right checksum, no body and one too many."""
    kinds = {cls.NAME: cls.KIND for cls in msgspec_frames()}
    for name, fields in layout.LAYOUTS.items():
        plain = tuple(field for field in fields if field.name and field.name != "crc32")
        has_crc = len(plain) < sum(bool(field.name) for field in fields)
        head = layout.struct_of(tuple(field for field in fields if field.name != "crc32"))
        for number, field in enumerate(plain):
            for value in _ends(field.form):
                values = [kinds[name] if one.name == "kind" else _middle(one.form) for one in plain]
                values[number] = value
                packed = head.pack(*values)
                for body in (b"", b"\0", bytes(24), bytes(2 * 12 * 50)):
                    crc = struct.pack("<I", zlib.crc32(body, zlib.crc32(packed))) if has_crc else b""
                    yield f"{name}.{field.name}", packed + crc + body


def msgspec_frames() -> Iterator[type[Frame]]:
    for cls in vars(frames).values():
        if isinstance(cls, type) and issubclass(cls, msgspec.Struct) and getattr(cls, "NAME", None):
            yield cls  # type: ignore[misc]  # every struct with a NAME is a frame


def _ends(form: str) -> tuple[object, ...]:
    if form.endswith("s"):
        return (bytes(int(form[:-1])), b"\xff" * int(form[:-1]))
    bits = 8 * struct.calcsize("<" + form)
    if form.islower():
        return (0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)))
    return (0, 1, 2, 3, 17, 255, 2**bits // 2, 2**bits - 1)


def _middle(form: str) -> object:
    return bytes(int(form[:-1])) if form.endswith("s") else 1


def kept() -> list[tuple[str, bytes]]:
    """What stands in the corpus."""
    lines = [line for line in CORPUS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [(what, bytes.fromhex(raw)) for what, raw in (line.rsplit(": ", 1) for line in lines)]
