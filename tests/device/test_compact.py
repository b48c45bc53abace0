"""The coding of samples: lossless whichever way is taken, never longer than FLAC, and nothing hostile costs memory."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]  # it has no types
import wfdb
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from device import blocks, compact, flac
from device.compact import How
from device.errors import ArchiveDamaged
from device.frames import I16
from ecg.record import STANDARD_LEADS
from tests.ecg.conftest import DATA, given_folder

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def taken(raw: bytes, leads: int) -> int:
    """All flags of any lead."""
    return int(np.bitwise_or.reduce(np.frombuffer(raw[:leads], np.uint8)))


def comes_back(samples: I16, leads: tuple[str, ...]) -> bytes:
    before = samples.copy()
    raw = compact.pack(samples, leads)
    assert np.array_equal(samples, before), "what is packed is not touched"
    assert compact.pack(np.asfortranarray(samples), leads) == raw, "the same samples, the same bytes"
    assert np.array_equal(compact.unpack(raw, len(samples), leads), samples)
    return raw


def measured(n: int, leads: int, seed: int = 1) -> I16:
    walk = np.cumsum(np.random.default_rng(seed).normal(0, 8, (n, leads)), axis=0)
    samples: I16 = np.rint(walk).astype(np.int16)
    return samples


def limbs_of(eight: I16) -> I16:
    one, two = eight[:, 0].astype(np.int32), eight[:, 1].astype(np.int32)
    derived = [two - one, -(one + two) // 2, one - two // 2, two - one // 2]
    twelve: I16 = np.stack([one, two, *derived, *eight[:, 2:].T], axis=1).astype(np.int16)
    return twelve


def test_leads_that_follow_are_told_by_their_formulas() -> None:
    raw = comes_back(limbs_of(measured(5000, 8)), STANDARD_LEADS)
    assert taken(raw, 12) & How.FORMULA
    assert len(raw) < 1.25 * len(compact.pack(measured(5000, 8), EIGHT))


def test_leads_measured_in_coarse_steps_are_told_by_places_in_a_table() -> None:
    samples = (measured(5000, 8) // 8 * 4.88).astype(np.int16)
    assert taken(comes_back(samples, EIGHT), 8) & How.PLACES


def test_leads_that_tell_of_each_other_are_mixed() -> None:
    common = measured(5000, 1, seed=2).astype(np.float64) * 3
    noise = np.random.default_rng(3).normal(0, 1, (5000, 8))
    samples = np.rint(common * np.linspace(0.5, 1.5, 8) + noise).astype(np.int16)
    assert taken(comes_back(samples, EIGHT), 8) & How.MIXED


def test_what_no_difference_predicts_is_told_by_flac() -> None:
    at = np.arange(20_000)[:, None]
    tone = 9000 * np.sin(at * (1.1, 1.3)) + np.random.default_rng(4).normal(0, 3, (20_000, 2))
    samples = np.rint(tone).astype(np.int16)
    assert taken(comes_back(samples, ("I", "II")), 2) & How.FLAC


@pytest.mark.parametrize("leads", [1, 3, 8, 9, 16])
def test_flac_takes_as_many_leads_as_a_recording_may_have(leads: int) -> None:
    at = np.arange(3000)[:, None]
    tone = 9000 * np.sin(at * np.linspace(1.1, 1.4, leads)) + np.random.default_rng(5).normal(0, 3, (3000, leads))
    raw = comes_back(np.rint(tone).astype(np.int16), tuple(f"V{number}" for number in range(leads)))
    assert taken(raw, leads) & How.FLAC


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2),
    arrays.arrays(np.int16, st.tuples(st.integers(0, 40), st.sampled_from([1, 2, 12])), elements=st.integers(-9, 9)),
    st.integers(0, 12),
)
def test_whatever_the_numbers_they_come_back(again: int, samples: I16, bits: int) -> None:
    leads = STANDARD_LEADS[: samples.shape[1]]
    comes_back(np.ascontiguousarray(np.repeat(samples << bits, 1 + 40 * again, axis=0)), leads)


@given(arrays.arrays(np.uint16, st.tuples(st.integers(1, 3), st.integers(1, 70))), st.booleans())
def test_blocks_hold_every_number_there_is(numbers: blocks.U16, together: bool) -> None:
    raw = blocks.pack(blocks.blocks_of(numbers), together=together)
    parts = blocks.Parts(raw)
    assert np.array_equal(blocks.unpack(parts, *numbers.shape), numbers)
    parts.end()


@pytest.mark.parametrize("largest", [0, 1, 3, 15, 16, 255, 256, 65_535])
def test_each_class_of_blocks_is_read_as_it_was_written(largest: int) -> None:
    numbers = np.random.default_rng(largest).integers(0, largest + 1, (4, 640)).astype(np.uint16)
    raw = blocks.pack(blocks.blocks_of(numbers), together=False)
    assert np.array_equal(blocks.unpack(blocks.Parts(raw), 4, 640), numbers)


def kinds() -> Iterator[tuple[bytes, int, tuple[str, ...]]]:
    """A small packed recording of each way."""
    small = measured(700, 8)
    at = np.arange(700)[:, None]
    tone = np.rint(9000 * np.sin(at * (1.1, 1.3))).astype(np.int16)
    common = np.rint(measured(700, 1) * np.linspace(2, 6, 8)).astype(np.int16)
    for samples, leads in (
        (limbs_of(small), STANDARD_LEADS),
        ((measured(5000, 8) // 8 * 4.88).astype(np.int16), EIGHT),
        (common, EIGHT),
        (tone, ("I", "II")),
    ):
        yield compact.pack(samples, leads), len(samples), leads


KINDS = list(kinds())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_damage_is_refused_or_gives_samples_of_the_right_shape(
    kind: tuple[bytes, int, tuple[str, ...]], data: st.DataObject
) -> None:
    """What damage gives is then refused by the checksum; here nothing else may come out, nor go beyond its memory."""
    raw, n, leads = kind
    broken = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([len(broken), len(broken), data.draw(st.integers(0, len(broken)))]))
    with contextlib.suppress(ArchiveDamaged):
        assert compact.unpack(bytes(broken[:cut]), n, leads).shape == (n, len(leads))


@given(st.binary(max_size=200), st.integers(0, 100))
def test_whatever_the_bytes_they_are_samples_or_refused(raw: bytes, n: int) -> None:
    with contextlib.suppress(ArchiveDamaged):
        assert compact.unpack(raw, n, ("I", "II")).shape == (n, 2)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    form = zstandard.ZstdCompressionParameters(format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    bomb = zstandard.ZstdCompressor(compression_params=form).compress(bytes(200_000_000))
    tracemalloc.start()
    for how in (b"\1\0\0", bytes([How.PLACES])):
        with pytest.raises(ArchiveDamaged, match="longer"):
            compact.unpack(how + blocks.part(bomb), 100, ("I",))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_what_follows_the_end_is_refused() -> None:
    raw, n, leads = KINDS[0]
    with pytest.raises(ArchiveDamaged, match="follows"):
        compact.unpack(raw + b"\0", n, leads)


def test_flac_that_holds_other_samples_than_said_is_refused() -> None:
    frames = flac.pack(measured(500, 2))
    for n, leads in ((501, 2), (500, 1), (500, 3)):
        with pytest.raises(ArchiveDamaged):
            flac.unpack(frames, n, leads)


def flac_of(samples: I16) -> int:
    """A FLAC file as it comes, at its highest level, six channels at most."""
    sizes = []
    for first in range(0, samples.shape[1], 6):
        file = io.BytesIO()
        some = np.ascontiguousarray(samples[:, first : first + 6])
        soundfile.write(file, some, 500, format="FLAC", subtype="PCM_16", compression_level=1.0)
        sizes.append(len(file.getvalue()))
    return sum(sizes)


NOISY = ("cinc2021/*", "cinc2011/*", "cinc2015/*", "nstdb/*", "mitdb/*", "cudb/*", "cpsc2021/*", "cinc2017/*", "ludb/*")
HEADER = 90  # bytes an archive file has before the samples


@pytest.mark.parametrize("pattern", NOISY)
def test_no_real_recording_needs_more_than_flac(pattern: str) -> None:
    """Every ninth of each set here, the first 20,000 samples of each; all of all of them in `./run bench ingest`."""
    folder = given_folder(DATA)
    paths = sorted(folder.glob(f"{pattern}.hea"))[::9][:14]
    assert paths
    for path in paths:
        record = wfdb.rdrecord(str(path.with_suffix("")), physical=False, sampto=min(20_000, _samples(path)))
        samples: I16 = np.ascontiguousarray(record.d_signal.astype(np.int16))
        leads = tuple(_wire_name(name) for name in record.sig_name)
        assert len(comes_back(samples, leads)) + HEADER <= flac_of(samples), path.name


def _samples(path: Path) -> int:
    return int(wfdb.rdheader(str(path.with_suffix(""))).sig_len)


def _wire_name(lead: str) -> str:
    return f"aV{lead[2:].upper()}" if lead.upper().startswith("AV") else lead.upper()
