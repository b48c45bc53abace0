"""The archive file: lossless for every int16 there is, and damage is noticed before a sample is believed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import struct
import tracemalloc
import zlib

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from device.coding import decode, encode, header_of, pack, quantise, sha256_of, to_recording
from device.errors import ArchiveDamaged
from device.frames import I16, LEADS, NO_SIGNAL
from device.header import NAMES, Header, written
from ecg.record import STANDARD_LEADS

LEAD_SETS = (("II",), ("I", "II"), ("II", "III", "I", "aVF"), STANDARD_LEADS)


def header(samples: I16, leads: tuple[str, ...], gain: float = 1.0) -> Header:
    return Header(500, leads, gain, len(samples), 1_700_000_000_000, "00" * 16, sha256_of(samples).hex())


@st.composite
def recordings(draw: st.DrawFn) -> tuple[I16, tuple[str, ...]]:
    leads = draw(st.sampled_from(LEAD_SETS))
    samples = draw(arrays.arrays(np.int16, (draw(st.integers(0, 40)), len(leads))))
    return samples, leads


@given(recordings())
def test_every_recording_comes_back_sample_for_sample(recording: tuple[I16, tuple[str, ...]]) -> None:
    samples, leads = recording
    got_header, got = decode(encode(header(samples, leads), samples))
    assert got.dtype == np.int16
    assert (got == samples).all()
    assert got_header == header(samples, leads)


def a_heart(n: int = 5000) -> I16:
    """Twelve leads as electrodes give them: eight measured, four that follow but for rounding."""
    rng = np.random.default_rng(1)
    measured = np.cumsum(rng.normal(0, 8, (n, 8)), axis=0)
    one, two = measured[:, 0], measured[:, 1]
    limbs = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2], axis=1)
    samples: I16 = np.rint(np.concatenate([limbs, measured[:, 2:]], axis=1)).astype(np.int16)
    return samples


def test_leads_that_follow_from_others_cost_almost_nothing() -> None:
    samples = a_heart()
    twelve = len(encode(header(samples, STANDARD_LEADS), samples))
    eight = samples[:, [0, 1, *range(6, 12)]]
    alone = len(encode(header(eight, ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")), eight))
    assert twelve < 1.25 * alone
    assert twelve < 0.5 * samples.nbytes


def test_the_same_recording_gives_the_same_file() -> None:
    """`Hub.sealed` may come twice for one recording: the blob must be the same."""
    samples = a_heart(500)
    assert encode(header(samples, STANDARD_LEADS), samples) == encode(header(samples, STANDARD_LEADS), samples.copy())


@settings(max_examples=80)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_noticed(at: int, bit: int) -> None:
    samples = a_heart(60)
    raw = bytearray(encode(header(samples, STANDARD_LEADS), samples))
    raw[at % len(raw)] ^= 1 << bit
    with contextlib.suppress(ArchiveDamaged):
        assert (decode(bytes(raw))[1] == samples).all(), "a flip libFLAC or zstd does not care about"


@given(st.binary(max_size=100))
def test_whatever_the_bytes_they_are_an_archive_or_refused(raw: bytes) -> None:
    for content in (raw, encode(header(a_heart(5), STANDARD_LEADS), a_heart(5))[:60] + raw):
        with pytest.raises(ArchiveDamaged):
            decode(content)


def packed_1(head: Header, payload: bytes) -> bytes:
    """A file of version 1."""
    raw = msgspec.json.encode(head)
    return struct.pack("<8sII", b"XLECG1\r\n", len(raw), zlib.crc32(raw)) + raw + payload


def test_a_header_that_is_no_utf8_is_damage() -> None:
    header = Header(500, ("I",), 1.0, 10, 0, "UID", "")
    archive = packed_1(header, b"")
    assert b"UID" in archive
    head = msgspec.json.encode(header).replace(b"UID", b"\xff\xff\xff")
    with pytest.raises(ArchiveDamaged, match="header"):
        decode(struct.pack("<8sII", b"XLECG1\r\n", len(head), zlib.crc32(head)) + head)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(200_000_000))
    small = Header(500, ("I",), 1.0, 10, 0, "", "")
    tracemalloc.start()
    with pytest.raises(ArchiveDamaged, match="size"):
        decode(packed_1(small, bomb))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    large = Header(500, STANDARD_LEADS, 1.0, 60_000_000, 0, "00" * 16, "00" * 32)
    for file in (packed_1(large, bomb), written(large) + bomb):
        with pytest.raises(ArchiveDamaged, match="longer"):
            decode(file)


WRITTEN_BY_VERSION_1 = (
    "SWHDjM==cw>;M1&<z0jRdm?6YB04oNFf1Z$WnpA<B05_lNg^yFNl79sB1uU}A}k_dR#GBeEFx!NX>MP2c3*I1a$jt7Vj?;+E;TG7ZX!A~Ff1Z-bYX"
    "IIUu|<DIx#meFfcGMFfcGMFfc44b!lWGIwCM;FlI1jFlI1jFlI1jFlI1jFlI1jFlI1jFlI1jFlHhwB6DbAGBq|LIwE2=WnpAyIWRUiVq`NnGcz|b"
    "WimA|Vm381HaKH2GcjT}Vr6DGVl*-_V`MgBI59LiV=!blWiVtgVl_BrH#j0JB4lN9X?A5~B05_lNl8f}EFxi6QX*Y_D77#BU_bz+1OVg)0CsX}Tv"
    "E{>2n{DYPhV?ub#-rLS3@ru02VAnRAg{=barlHQa&mY=nEY&L%4BqeT9pQjf;hQab;6QFC7UA9x_B$W^#UnjEs<qhJJEn0RR600RR910ssL50000"
    "100II50ssL1{Qv{}{QwUDpoAksAol>)3l<Lza1@Y|VsKLcON`DqmIzXU4`!kjm;n"
)


def test_a_file_that_version_1_wrote_is_still_read() -> None:
    at = np.arange(40)
    one, two = (300 * np.sin(at / 5)).astype(int), (500 * np.cos(at / 7)).astype(int)
    samples = np.stack([one, two, two - one, -(one + two) // 2], 1).astype(np.int16)
    samples[5] = NO_SIGNAL
    got, read = decode(base64.b85decode(WRITTEN_BY_VERSION_1))
    assert np.array_equal(read, samples)
    assert (got.fs, got.leads, got.gain_uv_per_lsb) == (500, ("I", "II", "III", "aVR"), 2.5)
    assert (got.uid, got.derived) == ("0f" * 16, ("III", "aVR"))


@given(recordings())
def test_every_file_of_version_1_is_read(recording: tuple[I16, tuple[str, ...]]) -> None:
    samples, leads = recording
    assert (decode(packed_1(header(samples, leads), pack(samples, leads)))[1] == samples).all()


@given(
    st.one_of(st.integers(1, 10_000).map(float), st.floats(1, 10_000)),
    st.lists(st.sampled_from(sorted(LEADS)) | st.text(max_size=20), min_size=1, max_size=16, unique=True),
    st.one_of(st.sampled_from([1.0, 2.5, 4.88]), st.floats(0.05, 50)),
    st.integers(-(2**47), 2**47 - 1) | st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 3),
)
def test_every_header_comes_back(fs: float, leads: list[str], gain: float, start_ms: int, derived: int) -> None:
    said = Header(fs, tuple(leads), gain, 5, start_ms, "0f" * 16, "ab" * 32, tuple(leads[:derived]))
    assert header_of(written(said)) == said


def test_a_header_is_short_and_knows_every_lead_by_one_byte() -> None:
    assert set(NAMES) == LEADS
    assert len(NAMES) == len(LEADS)
    assert len(written(header(a_heart(10), STANDARD_LEADS, gain=2.5))) == 89


@pytest.mark.parametrize(
    "change", [{"uid": "not hex"}, {"uid": ""}, {"sha256": "00"}, {"start_ms": 2**70}, {"fs": 0.5}, {"leads": ()}]
)
def test_a_header_that_could_not_be_read_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(ArchiveDamaged, match="cannot be written"):
        written(msgspec.structs.replace(header(a_heart(10), STANDARD_LEADS), **change))


def test_a_checksum_that_differs_is_refused() -> None:
    samples = a_heart(50)
    head = msgspec.structs.replace(header(samples, STANDARD_LEADS), sha256=hashlib.sha256(b"").hexdigest())
    with pytest.raises(ArchiveDamaged, match="checksum"):
        decode(encode(head, samples))


def test_a_recording_is_in_microvolts_with_nan_where_there_was_no_signal() -> None:
    samples = np.array([[1, 2], [NO_SIGNAL, -4]], np.int16)
    raw = encode(header(samples, ("I", "II"), gain=2.5), samples)
    recording = to_recording(raw)
    assert np.array_equal(recording.signal_uv, np.array([[2.5, 5], [np.nan, -10]], np.float32), equal_nan=True)
    assert recording.fs == 500
    assert recording.start is not None
    assert recording.start.isoformat() == "2023-11-14T22:13:20+00:00"
    assert header_of(raw).gain_uv_per_lsb == 2.5


@given(st.floats(-40_000, 40_000, width=32), st.sampled_from([1.0, 2.5]))
def test_a_step_is_the_nearest_and_what_no_step_can_say_is_no_signal(uv: float, gain: float) -> None:
    step = int(quantise(np.array([[uv]], np.float32), gain, 32_000)[0, 0])
    if abs(uv) > 32_000:
        assert step == NO_SIGNAL
    else:
        assert abs(step * gain - uv) <= gain / 2 + 1e-2
    assert quantise(np.array([[np.nan]], np.float32), gain, 32_000)[0, 0] == NO_SIGNAL


@pytest.mark.parametrize("start_ms", [2**63 - 1, -(2**63), 10**17, 253_402_300_800_000])
def test_a_start_that_no_calendar_holds_costs_no_sample(start_ms: int) -> None:
    samples = a_heart(500)
    told = msgspec.structs.replace(header(samples, STANDARD_LEADS), start_ms=start_ms)
    read = to_recording(encode(told, samples))
    assert read.start is None
    assert (read.signal_uv == samples).all()
