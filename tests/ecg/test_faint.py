"""Beats too faint to end a pause: noise in a standstill, spikes without an answer."""

from __future__ import annotations

import numpy as np

from ecg.beats.faint import AFTER, MEMORY, SPIKE_ROWS, FaintBeats, sizes_of

LARGE, SMALL = np.full((2, 2), 900, dtype=np.int32), np.full((2, 2), 60, dtype=np.int32)
SPIKE_ALONE = np.array([[800, 900], [40, 50]], dtype=np.int32)


def said(sizes: list[np.ndarray[tuple[int, ...], np.dtype[np.int32]]], *, spiked: bool, step: int = 80) -> list[bool]:
    faint = FaintBeats()
    return [faint.beat(index * step, size, spiked=spiked) for index, size in enumerate(sizes)]


def test_small_ones_after_large_ones_are_faint() -> None:
    assert said([*[LARGE] * 4, SMALL, SMALL, LARGE, SMALL], spiked=False) == [*[False] * 4, True, True, False, True]


def test_a_spike_that_nothing_follows_is_faint_and_a_tall_qrs_is_not() -> None:
    assert said([*[LARGE] * 5, SPIKE_ALONE], spiked=True)[-1]
    assert not said([*[LARGE] * 5, SPIKE_ALONE], spiked=False)[-1]


def test_what_was_always_small_is_not_faint() -> None:
    assert not any(said([SMALL] * 20, spiked=False))
    assert not any(said([*[LARGE] * 6, np.full((2, 2), 140, dtype=np.int32)], spiked=False)[:6])
    assert not said([*[LARGE] * 6, np.array([[60, 160], [60, 160]], dtype=np.int32)], spiked=False)[-1]


def test_after_a_minute_nothing_is_usual_any_more() -> None:
    faint = FaintBeats()
    for index in range(5):
        faint.beat(index * 80, LARGE, spiked=False)
    assert faint.beat(400, SMALL, spiked=False)
    assert not faint.beat(400 + MEMORY, SMALL, spiked=False)


def test_sizes_are_peak_to_peak_about_the_beat() -> None:
    trace = np.zeros((400, 1), dtype=np.int16)
    trace[100], trace[130] = 500, -200
    whole, rest = sizes_of(trace[50:], 50, np.array([100, 100 - SPIKE_ROWS - AFTER]))[0, :, 0].tolist()
    assert (whole, rest) == (700, 200)
