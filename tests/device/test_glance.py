"""The first glance: what a device packed, or a coded refusal. What it says of ECGs is tests/agent's business."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from device.errors import BadFrame
from device.glance import GLANCE_BYTES_MAX, glance_of, read_glance, strip_of
from ecg import synth
from ecg.analysis import analyze


def glance() -> bytes:
    drawn = synth.twelve_lead(np.random.default_rng(1), [synth.Segment("sinus", 10.0, rate_bpm=70.0)]).recording
    return glance_of(drawn, analyze(drawn))


def test_a_glance_comes_back_with_its_strip() -> None:
    read = read_glance(glance())
    assert len(glance()) <= GLANCE_BYTES_MAX
    assert (read.rate_bpm, read.samples) == (70.0, 5000)
    assert len(set(strip_of(read))) > 10


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"{",
        b"[]",
        b'{"lead":"\xff"}',
        b"[" * 8000,
        zlib.decompress(glance()).replace(b'"V6":', b'"V\xff":'),
    ],
    ids=["empty", "cut", "another type", "no UTF-8", "nested", "no UTF-8 within"],
)
def test_a_glance_that_cannot_be_read_is_refused_with_a_code(plain: bytes) -> None:
    with pytest.raises(BadFrame):
        strip_of(read_glance(zlib.compress(plain)))


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(BadFrame, match="longer"):
        read_glance(zlib.compress(bytes(50_000_000)))
