"""Bytes on the wire: what is encoded is decoded, and no bytes whatever do more than be refused with a code."""

from __future__ import annotations

import contextlib
import csv
import struct
import zlib
from importlib.resources import files

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from device.errors import BadChecksum, BadFrame, FrameTooLarge, LeadMapRefused, SampleOutOfRange, WireError
from device.frames import (
    FRAME_BYTES_MAX,
    LEADS,
    NO_SIGNAL,
    Ack,
    Challenge,
    Chunk,
    Clock,
    Data,
    Deposit,
    End,
    Error,
    Frame,
    Hello,
    Nack,
    Open,
    Opened,
    OpenStream,
    Patient,
    Ping,
    Pong,
    Proof,
    Range,
    Receipt,
    Request,
    Welcome,
    Why,
    decode,
    encode,
    levelled,
    samples_of,
)

REQUEST = Request(patient=Patient(name="张三", sex="F", age=61), symptoms=("chest_pain",), urgency="urgent")
ONE_OF_EACH: tuple[Frame, ...] = (
    Hello(device="cart-1", software="x/1"),
    Challenge(nonce=bytes(range(32))),
    Proof(mac=bytes(range(32)), device_ms=1_700_000_000_000),
    Welcome("s1", 16, 262144, 1_700_000_000_000, -7, 2, (250, 500), 32768, (OpenStream(bytes(16), "rec_1", 7),)),
    Open(3, bytes(16), 500, ("I", "II"), 2.5, 1_700_000_000_000, 1_700_000_000_001, "resting", "batch", REQUEST),
    Deposit(4, bytes(16), "张三.xml", 9, bytes(32), 1_700_000_000_000, 1_700_000_000_001, "zstd", REQUEST, b"glance"),
    Opened(3, "rec_1", 7, 23),
    Data(3, 7, 21, 1_700_000_000_200, 2, 3, bytes(range(12))),
    Chunk(4, 0, 0, b"file"),
    Ack(3, 8, 24),
    Nack(3, 7, Why.FULL, 5000),
    End(3, 8, 2000, bytes(range(32))),
    Receipt(bytes(16), "rec_1", bytes(range(32))),
    Ping(1_700_000_000_000),
    Pong(1_700_000_000_000, 1_700_000_000_009),
    Clock(-3_600_000, 12),
    Error("wire.busy", {"retry_after_s": 7}),
)


@pytest.mark.parametrize("frame", ONE_OF_EACH, ids=lambda frame: frame.NAME)
def test_what_is_encoded_is_decoded(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


def test_no_two_kinds_share_a_byte() -> None:
    assert len({frame.KIND for frame in ONE_OF_EACH}) == len(ONE_OF_EACH)


def test_the_layout_of_version_1_stays_for_ever() -> None:
    """Devices in the field speak these bytes: a change here is a new version, not a new expectation."""
    data = encode(Data(stream=1, seq=2, first=4, device_ms=3, leads=2, count=1, body=b"\x01\x00\xff\xff"))
    head = "10000200010000000200000001000000040000000000000003000000" + "00000000"
    assert data.hex() == head + struct.pack("<I", zlib.crc32(bytes.fromhex(head + "0100ffff"))).hex() + "0100ffff"
    chunk = "15000000010000000200000003000000000000" + "00"
    assert encode(Chunk(1, 2, 3, b"ab")).hex() == (
        chunk + struct.pack("<I", zlib.crc32(bytes.fromhex(chunk) + b"ab")).hex() + b"ab".hex()
    )
    assert encode(Ack(1, 2, 3)).hex() == "11000000010000000200000003000000"
    assert encode(Nack(1, 2, Why.FULL, 5)).hex() == "12030000010000000200000005000000"
    assert encode(Clock(-1, 2)).hex() == "22000000ffffffffffffffff02000000"
    assert encode(End(1, 2, 3, bytes(32))).hex() == "1300000001000000020000000300000000000000" + "00" * 32
    assert encode(Ping(-1)).hex() == "20000000ffffffffffffffff"
    assert encode(Pong(1, 2)).hex() == "2100000001000000000000000200000000000000"
    assert encode(Hello(device="a")) == b'\x01{"device":"a","version":1,"software":""}'


@given(st.binary(max_size=300))
def test_whatever_the_bytes_they_decode_or_are_refused(raw: bytes) -> None:
    try:
        frame = decode(raw)
    except WireError:
        return
    assert raw[0] == frame.KIND


@given(st.sampled_from(ONE_OF_EACH), st.data())
def test_whatever_becomes_of_a_frame_it_decodes_or_is_refused(frame: Frame, draw: st.DataObject) -> None:
    raw = bytearray(encode(frame))
    for _ in range(draw.draw(st.integers(1, 4))):
        raw[draw.draw(st.integers(0, len(raw) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):  # anything else fails the test
        decode(bytes(raw[: draw.draw(st.integers(0, len(raw)))]))


def test_a_refusal_of_a_request_never_repeats_a_patients_name() -> None:
    raw = encode(ONE_OF_EACH[4]).replace(b'"sex":"F"', '"sex":"张三"'.encode())
    with pytest.raises(BadFrame) as refused:
        decode(raw)
    assert "张三" not in str(refused.value)


@pytest.mark.parametrize("time", ["start_ms", "device_ms"])
def test_a_time_beyond_64_bit_is_no_time(time: str) -> None:
    opening = Open(9, bytes(16), 500, ("I",), 1.0, 0, 0, "resting", "live")
    assert decode(encode(msgspec.structs.replace(opening, **{time: 2**63 - 1})))
    with pytest.raises(BadFrame, match=time):
        decode(encode(msgspec.structs.replace(opening, **{time: 2**63})))


def test_too_large_empty_and_crooked_frames_have_their_codes() -> None:
    with pytest.raises(FrameTooLarge):
        decode(bytes(FRAME_BYTES_MAX + 1))
    crooked = (Data(0, 0, 0, 0, 2, 3, bytes(8)), Data(0, 0, 0, 0, 2, 0, b""), Data(0, 0, 0, 0, 2, 2, bytes(8), 2))
    for raw in (b"", b"\x10", b"\x99", b"\x15", encode(Chunk(0, 0, 0, b"")), *map(encode, crooked)):
        with pytest.raises(BadFrame):
            decode(raw)
    with pytest.raises(LeadMapRefused):
        decode(encode(Data(0, 0, 0, 0, 17, 1, bytes(34))))


@pytest.mark.parametrize("piece", [Data(3, 7, 21, 9, 2, 3, bytes(12)), Chunk(3, 0, 0, b"file")])
def test_a_piece_with_a_single_wrong_bit_is_never_taken_for_what_was_sent(piece: Frame) -> None:
    raw = encode(piece)
    for at in range(8, 8 * len(raw)):  # the first byte is the kind
        wrong = bytearray(raw)
        wrong[at // 8] ^= 1 << at % 8
        with pytest.raises(BadChecksum):
            decode(bytes(wrong))


@example([-32768], 0.5, 2048)  # no electrode held
@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=1200),
    st.sampled_from([0.5, 1.0, 2.5, 4.88]),
    st.sampled_from([0, 2048, -9000]),
)
def test_a_sample_is_in_range_or_says_there_was_no_signal(values: list[int], gain: float, offset: int) -> None:
    body = np.array(values, "<i2").tobytes()
    limit = min(32767, int(32_000 / gain))
    wrong = any(abs(value - offset) > limit for value in values if value != NO_SIGNAL)
    if wrong:
        with pytest.raises(SampleOutOfRange):
            Range(gain, offset).check(body, 5)
    else:
        Range(gain, offset).check(body, 5)
        want = [value if value == NO_SIGNAL else value - offset for value in values]
        assert np.frombuffer(levelled(body, offset), "<i2").tolist() == want


def test_samples_are_rows_of_leads() -> None:
    assert samples_of(np.arange(6, dtype="<i2").tobytes(), 2).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_the_wire_knows_the_leads_of_the_catalogue() -> None:
    with (files("ecg") / "codes" / "leads.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert {row["lead"] for row in rows if row["kind"] not in ("electrode", "other")} == LEADS
