"""An analysis object comes back byte for byte, and small."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecg
from ecg import synth
from server.analysis.packing import pack, unpack

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text().filter(lambda key: key != "#"), inner, max_size=5)
        | st.lists(st.integers(-(2**28), 2**28), max_size=60)
        | st.lists(st.integers(-3, 3) | st.booleans() | st.none(), min_size=16, max_size=40)
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_json_it_is_comes_back_byte_for_byte(tree: object) -> None:
    raw = msgspec.json.encode(tree)
    assert unpack(pack(raw)) == raw


def test_an_analysis_takes_less_than_a_third() -> None:
    drawn = synth.twelve_lead(np.random.default_rng(7), [synth.Segment("sinus", 10.0, rate_bpm=72.0)])
    raw = msgspec.json.encode(ecg.analyze(drawn.recording).to_json())
    packed = pack(raw)
    assert unpack(packed) == raw
    assert len(packed) < len(raw) / 3


def test_empty_stays_empty() -> None:
    assert pack(b"") == b""
    assert unpack(b"") == b""


def test_json_of_an_earlier_commit_is_given_as_it_stands() -> None:
    assert unpack(b'{"fs":500.0}') == b'{"fs":500.0}'


def test_a_member_that_would_be_taken_for_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be packed"):
        pack(b'{"#":16}')
