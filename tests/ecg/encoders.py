"""Small writers of clinical formats, for what no sample file shows: own Huffman tables, reference beats, byte orders.

Written from the standards and apart from the readers they test; nothing here is imported by the product.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int64]  # (samples, leads)

# ---- SCP-ECG ----

HuffmanCode = tuple[
    int, int, int, int, int
]  # prefix bits, all bits, mode (0 switches), base, code with first bit lowest

DEFAULT_CODES: tuple[HuffmanCode, ...] = (
    (1, 1, 1, 0, 0),
    *((size + 2, size + 2, 1, size, (1 << size) - 1) for size in range(1, 9)),
    *((size + 2, size + 2, 1, -size, (1 << size) - 1 | 1 << (size + 1)) for size in range(1, 9)),
    (10, 18, 1, 0, 0b0111111111),
    (10, 26, 1, 0, 0b1111111111),
)
SCP_LEADS = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8, "III": 61, "V7": 9, "V4R": 12}


def scp(sections: dict[int, bytes], *, version: int = 20, mark: bytes = b"SCPECG") -> bytes:
    """A record of these section contents, with pointers and checksums."""
    numbers = range(max(12, max(sections) + 1))
    at = 7 + 16 + 10 * len(numbers)
    pointers, bodies = struct.pack("<HII", 0, 16 + 10 * len(numbers), 7), b""
    for number in numbers[1:]:
        body = sections.get(number)
        if body is None:
            pointers += struct.pack("<HII", number, 0, 0)
            continue
        whole = _scp_section(number, body + bytes(len(body) % 2), version)
        pointers += struct.pack("<HII", number, len(whole), at)
        bodies += whole
        at += len(whole)
    content = _scp_section(0, pointers, version, mark) + bodies
    record = struct.pack("<I", 6 + len(content)) + content
    return struct.pack("<H", binascii.crc_hqx(record, 0xFFFF)) + record


def _scp_section(number: int, body: bytes, version: int, mark: bytes = bytes(6)) -> bytes:
    rest = struct.pack("<HIBB6s", number, 16 + len(body), version, version, mark) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def scp_renewed(raw: bytes) -> bytes:
    """The record with all checksums renewed, so that a hostile field is reached."""
    out = bytearray(raw)
    for at in range(22, 6 + min(struct.unpack_from("<I", out, 10)[0], len(out) - 6) - 9, 10):
        _, length, index = struct.unpack_from("<HII", out, at)
        if index and length > 2 and index - 1 + length <= len(out):
            struct.pack_into("<H", out, index - 1, binascii.crc_hqx(bytes(out[index + 1 : index - 1 + length]), 0xFFFF))
    size = min(struct.unpack_from("<I", out, 2)[0], len(out))
    struct.pack_into("<H", out, 0, binascii.crc_hqx(bytes(out[2:size]), 0xFFFF))
    return bytes(out)


def scp_tags(tags: dict[int, bytes]) -> bytes:
    return b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in tags.items()) + b"\xff\0\0"


def scp_tables(tables: Sequence[Sequence[HuffmanCode]]) -> bytes:
    rows = [
        struct.pack("<H", len(codes)) + b"".join(struct.pack("<BBBhI", *code) for code in codes) for codes in tables
    ]
    return struct.pack("<H", len(tables)) + b"".join(rows)


def scp_leads(leads: Sequence[str], samples: int, *, subtracted: bool = False, firsts: Sequence[int] = ()) -> bytes:
    rows = [
        struct.pack("<IIB", first, first + samples - 1, SCP_LEADS[lead])
        for lead, first in zip(leads, firsts or [1] * len(leads), strict=True)
    ]
    return struct.pack("<BB", len(leads), (len(leads) << 3 & 0xFF) | 4 | int(subtracted)) + b"".join(rows)


def scp_beats(
    length_ms: int, fiducial: int, zones: Sequence[tuple[int, int, int, int]], kept: Sequence[tuple[int, int]] = ()
) -> bytes:
    """Section 4: (type, first, fiducial, last) and (first, last) of each QRS complex, samples from 1."""
    rows = b"".join(struct.pack("<HIII", *zone) for zone in zones) + b"".join(
        struct.pack("<II", *zone) for zone in kept
    )
    return struct.pack("<HHH", length_ms, fiducial, len(zones)) + rows


def scp_samples(
    leads: Sequence[Samples],
    *,
    nv: int = 2500,
    us: int = 2000,
    differences: int = 0,
    bimodal: bool = False,
    codes: Sequence[Sequence[HuffmanCode]] | None = None,
) -> bytes:
    """Section 5 or 6: plain, or in the codes of tables 1, 2, ... (a table's switch code leads to the next for good)."""
    streams = []
    for lead in leads:
        values = _differences(np.array(lead, dtype=np.int64), differences)
        streams.append(values.astype("<i2").tobytes() if codes is None else huffman(values.tolist(), codes))
    streams = [stream + bytes(len(stream) % 2) for stream in streams]
    head = struct.pack("<HHBB", nv, us, differences, int(bimodal))
    return head + b"".join(struct.pack("<H", len(stream)) for stream in streams) + b"".join(streams)


def _differences(values: Samples, order: int) -> Samples:
    out = values.copy()
    if order == 1:
        out[1:] = values[1:] - values[:-1]
    if order == 2:
        out[2:] = values[2:] - 2 * values[1:-1] + values[:-2]
    # Wrapped, as writers of 16 bits do.
    wrapped: Samples = (out + 32768) % 65536 - 32768
    return wrapped


def huffman(values: Sequence[int], tables: Sequence[Sequence[HuffmanCode]]) -> bytes:
    """The numbers as bits. With several tables every tenth number is preceded by a switch to the next one."""
    bits: list[str] = []
    number = 0
    for at, value in enumerate(values):
        if len(tables) > 1 and at % 10 == 9:
            switch = next(code for code in tables[number] if code[2] == 0)
            bits.append(_front(switch))
            number = switch[3] - 1
        bits.append(_bits(value, tables[number]))
    stream = "".join(bits)
    stream += "0" * (-len(stream) % 8)
    return int(stream, 2).to_bytes(len(stream) // 8, "big") if stream else b""


def _front(code: HuffmanCode) -> str:
    return f"{code[4]:0{code[0]}b}"[::-1]


def _bits(value: int, codes: Sequence[HuffmanCode]) -> str:
    best = ""
    for code in codes:
        prefix, total, mode, base, _ = code
        extra, rest = total - prefix, value - base
        fits = rest == 0 if extra == 0 else -(1 << extra - 1) <= rest < 1 << extra - 1
        if mode and fits and (not best or total < len(best)):
            best = _front(code) + (f"{rest & (1 << extra) - 1:0{extra}b}" if extra else "")
    assert best, f"no code for {value}"
    return best


# ---- DICOM ----

Element = tuple[int, str, object]  # tag, representation, value: bytes, text, number, or a list of data sets


@dataclass(frozen=True)
class DicomWriter:
    """Data sets as bytes. `order` "<" or ">"; `delimited`: sequences and items of undefined length."""

    explicit: bool = True
    order: str = "<"
    delimited: bool = False

    def data_set(self, elements: Sequence[Element]) -> bytes:
        return b"".join(self._element(*element) for element in elements)

    def _element(self, tag: int, kind: str, value: object) -> bytes:
        if isinstance(value, list):
            content = b"".join(self._item(item) for item in value)
            length = 0xFFFFFFFF if self.delimited else len(content)
            content += self._mark(0xFFFEE0DD, 0) if self.delimited else b""
        else:
            content = self._value(kind, value)
            length = len(content)
        head = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if not self.explicit:
            return head + struct.pack(self.order + "I", length) + content
        if kind in ("OB", "OW", "SQ", "UN", "UT"):
            return head + kind.encode() + bytes(2) + struct.pack(self.order + "I", length) + content
        return head + kind.encode() + struct.pack(self.order + "H", length) + content

    def _item(self, elements: Sequence[Element]) -> bytes:
        content = self.data_set(elements)
        if self.delimited:
            return self._mark(0xFFFEE000, 0xFFFFFFFF) + content + self._mark(0xFFFEE00D, 0)
        return self._mark(0xFFFEE000, len(content)) + content

    def _mark(self, tag: int, length: int) -> bytes:
        return struct.pack(self.order + "HHI", tag >> 16, tag & 0xFFFF, length)

    def _value(self, kind: str, value: object) -> bytes:
        if isinstance(value, int):
            return struct.pack(self.order + {"US": "H", "UL": "I", "SS": "h"}[kind], value)
        raw = value if isinstance(value, bytes) else str(value).encode()
        return raw + (b"\0" if kind in ("UI", "OB") else b" ") * (len(raw) % 2)


SYNTAXES = {
    "implicit": ("1.2.840.10008.1.2", DicomWriter(explicit=False)),
    "explicit": ("1.2.840.10008.1.2.1", DicomWriter()),
    "delimited": ("1.2.840.10008.1.2.1", DicomWriter(delimited=True)),
    "implicit delimited": ("1.2.840.10008.1.2", DicomWriter(explicit=False, delimited=True)),
    "big endian": ("1.2.840.10008.1.2.2", DicomWriter(order=">")),
}


def dicom(elements: Sequence[Element], syntax: str = "explicit") -> bytes:
    uid, writer = SYNTAXES[syntax]
    meta = DicomWriter().data_set([(0x00020010, "UI", uid)])
    return bytes(128) + b"DICM" + meta + writer.data_set(elements)


def dicom_group(
    samples: Samples,
    leads: Sequence[str],
    *,
    order: str = "<",
    fs: float = 500,
    bits: int = 16,
    kind: str = "SS",
    label: str = "RHYTHM",
    extra: Sequence[Element] = (),
    channel: Sequence[Element] = (),
    sensitivity: object = "2.5",
    unit: str = "uV",
) -> list[Element]:
    """One item of the waveform sequence, its channels named by their labels."""
    dtype = np.dtype({"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}[kind]).newbyteorder(order)  # type: ignore[arg-type]  # "<" or ">"
    units: list[Element] = [(0x00080100, "SH", unit), (0x00080102, "SH", "UCUM")]
    channels: list[list[Element]] = [
        [
            (0x003A0203, "SH", lead),
            *([(0x003A0210, "DS", sensitivity), (0x003A0211, "SQ", [units])] if sensitivity is not None else []),
            *channel,
        ]
        for lead in leads
    ]
    return [
        (0x003A0005, "US", len(leads)),
        (0x003A0010, "UL", len(samples)),
        (0x003A001A, "DS", f"{fs:g}"),
        (0x003A0020, "SH", label),
        (0x003A0200, "SQ", channels),
        (0x54001004, "US", bits),
        (0x54001006, "CS", kind),
        *extra,
        (0x54001010, "OW", samples.astype(dtype).tobytes()),
    ]


def dicom_ecg(groups: Sequence[list[Element]], syntax: str = "explicit", head: Sequence[Element] = ()) -> bytes:
    kind: Element = (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.9.1.2")
    elements = sorted([kind, *head], key=lambda element: element[0])
    return dicom([*elements, (0x54000100, "SQ", list(groups))], syntax)


# ---- EDF and BDF ----


@dataclass(frozen=True)
class EdfSignal:
    """One signal: (records, samples) whole numbers, or the bytes of each record for annotations."""

    label: str
    rows: Samples | Sequence[bytes]
    unit: str = "uV"
    physical: tuple[str, str] = ("-3276.8", "3276.7")
    digital: tuple[str, str] = ("-32768", "32767")


def edf(
    signals: Sequence[EdfSignal],
    *,
    seconds: str = "1",
    reserved: str = "",
    patient: str = "X X X X",
    recording: str = "Startdate 16-NOV-2020 X X Cart_7",
    bdf: bool = False,
    records: int | None = None,
) -> bytes:
    width = 3 if bdf else 2
    count = len(signals[0].rows)
    contents = [[_edf_row(signal.rows[record], width) for signal in signals] for record in range(count)]
    sizes = [len(content) // width for content in contents[0]]
    head = (b"\xffBIOSEMI" if bdf else b"0       ") + b"".join(
        text.encode("latin-1").ljust(size)
        for text, size in (
            (patient, 80),
            (recording, 80),
            ("16.11.20", 8),
            ("21.44.39", 8),
            (str(256 * (len(signals) + 1)), 8),
            (reserved, 44),
            (str(count if records is None else records), 8),
            (seconds, 8),
            (str(len(signals)), 4),
        )
    )
    columns = (
        ([signal.label for signal in signals], 16),
        ([""] * len(signals), 80),
        ([signal.unit for signal in signals], 8),
        ([signal.physical[0] for signal in signals], 8),
        ([signal.physical[1] for signal in signals], 8),
        ([signal.digital[0] for signal in signals], 8),
        ([signal.digital[1] for signal in signals], 8),
        ([""] * len(signals), 80),
        ([str(size) for size in sizes], 8),
        ([""] * len(signals), 32),
    )
    described = b"".join(text.encode("latin-1").ljust(size) for texts, size in columns for text in texts)
    return head + described + b"".join(content for record in contents for content in record)


def _edf_row(row: Samples | bytes, width: int) -> bytes:
    if isinstance(row, bytes):
        return row + bytes(-len(row) % width)
    if width == 2:
        return row.astype("<i2").tobytes()
    return row.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def onset(seconds: float) -> bytes:
    """The time-keeping annotation of a record, in 30 bytes."""
    return f"+{seconds!r}\x14\x14\x00".encode().ljust(30, b"\0")


# ---- MFER ----


def mfer_tag(tag: int, value: bytes = b"", channel: int | None = None) -> bytes:
    """One tag; with a channel, inside the attributes of that channel."""
    length = bytes([len(value)]) if len(value) < 128 else b"\x84" + len(value).to_bytes(4, "big")
    whole = bytes([tag]) + length + value
    return whole if channel is None else bytes([0x3F, channel, len(whole)]) + whole


def mfer(
    samples: Samples,
    codes: Sequence[int],
    *,
    order: Literal["big", "little"] = "big",
    block: int = 1,
    kind: int = 0,
    rate: tuple[int, int, int] = (0, 0, 500),
    scale: tuple[int, int, int] | None = (0, -9, 2500),
    extra: bytes = b"",
    sequences: int | None = None,
) -> bytes:
    """A file of one frame: sequences of a block of each channel; `rate` and `scale` as (unit, power of ten, number)."""

    def quantity(unit: int, power: int, number: int) -> bytes:
        return struct.pack("Bb", unit, power) + number.to_bytes(4, order, signed=True)

    width = {0: "i2", 1: "u2", 2: "i4", 3: "u1", 5: "i1", 6: "u4"}[kind]
    typed = samples.astype(np.dtype(width).newbyteorder(order[0].replace("b", ">").replace("l", "<")))  # type: ignore[arg-type]  # "<" or ">"
    rows = typed.reshape(len(samples) // block, block, len(codes)).swapaxes(1, 2)
    count = len(rows) if sequences is None else sequences
    return b"".join(
        (
            mfer_tag(0x40, b"MFR Test".ljust(32)),
            mfer_tag(0x01, b"\1" if order == "little" else b"\0"),
            mfer_tag(0x05, len(codes).to_bytes(2, order)),
            mfer_tag(0x04, block.to_bytes(2, order)),
            mfer_tag(0x06, count.to_bytes(4, order)),
            mfer_tag(0x0A, bytes([kind])),
            mfer_tag(0x0B, quantity(*rate)),
            b"" if scale is None else mfer_tag(0x0C, quantity(*scale)),
            *(mfer_tag(0x09, code.to_bytes(2, order), at) for at, code in enumerate(codes)),
            extra,
            mfer_tag(0x1E, rows.tobytes()),
            b"\x80\0",
        )
    )
