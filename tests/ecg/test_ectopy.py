"""Patterns of ectopic beats are found in strings whose patterns are plain to see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg.beats.ectopy import Pattern, burden, patterns


def found(beats: str, broken: tuple[int, ...] = ()) -> list[tuple[str, str, int, int, int]]:
    lost = np.zeros(len(beats), dtype=bool)
    lost[list(broken)] = True
    return [(p.kind, p.symbol, p.first, p.end, p.ectopic) for p in patterns(beats, 80 * np.arange(len(beats)), lost)]


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ("NNNNN", []),
        ("NNVNN", []),
        ("NVVN", [("couplet", "V", 1, 3, 2)]),
        ("NVVVN", [("run", "V", 1, 4, 3)]),
        ("VVVV", [("run", "V", 0, 4, 4)]),
        ("NAAAN", [("run", "A", 1, 4, 3)]),
        ("NVNVNN", []),
        ("NNVNVNVNN", [("bigeminy", "V", 1, 7, 3)]),
        ("VNVNV", [("bigeminy", "V", 0, 5, 3)]),
        ("NANANANAN", [("bigeminy", "A", 0, 8, 4)]),
        ("NNVNNVNNVN", [("trigeminy", "V", 0, 9, 3)]),
        ("NNNVNNNVNNNV", []),
        ("NVNVNVVNN", [("couplet", "V", 5, 7, 2)]),
        ("NVNVNVNNVNNVN", [("bigeminy", "V", 0, 6, 3), ("trigeminy", "V", 3, 12, 3)]),
    ],
)
def test_patterns_are_found(beats: str, expected: list[tuple[str, str, int, int, int]]) -> None:
    assert found(beats) == expected


def test_no_pattern_crosses_a_loss_of_signal() -> None:
    assert found("NVVVVN", broken=(3,)) == [("couplet", "V", 1, 3, 2), ("couplet", "V", 3, 5, 2)]
    assert found("NVNVNVN", broken=(4,)) == []


def test_a_pattern_tells_how_long_it_lasts() -> None:
    assert patterns("NVVVN", np.array([0, 300, 400, 510, 900])) == (Pattern("run", "V", 1, 4, 3, 210),)


def test_burden_is_a_share() -> None:
    assert burden("NNVN") == 0.25
    assert burden("NAVA", "A") == 0.5
    assert burden("") == 0.0


@settings(deadline=None)
@given(st.text("NVAF/", max_size=80))
def test_every_stretch_of_two_or_more_is_a_couplet_or_a_run(beats: str) -> None:
    in_a_row = sum(p[4] for p in found(beats) if p[0] in ("couplet", "run") and p[1] == "V")
    alone = sum(one == "V" and beats[i - 1 : i] != "V" and beats[i + 1 : i + 2] != "V" for i, one in enumerate(beats))
    assert in_a_row + alone == beats.count("V")
