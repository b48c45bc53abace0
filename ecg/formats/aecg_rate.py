"""How many samples a second an aECG file has, also where its interval is written in the wrong unit.

Seen: "increment 2 s" for 2 ms. Such a rate is only proposed (a warning), when one reading is possible and nothing the
file says of itself, its heart rate or its duration, speaks against it; otherwise the file is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np

from ecg.errors import FieldWrong, RateProposed
from ecg.formats import people, xml
from ecg.formats.document import THE_FILE
from ecg.formats.leads import Lead
from ecg.formats.xml import Node

SECONDS: Final = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "μs": 1e-6, "µs": 1e-6, "ns": 1e-9}
POSSIBLE_HZ: Final = (50.0, 20_000.0)  # a stated rate in here is taken at its word
MEANT_HZ: Final = (100.0, 2_000.0)  # a proposed one lies in here
USUAL_HZ: Final = (100, 125, 128, 150, 180, 200, 240, 250, 256, 300, 360, 400, 480, 500, 512, 600, 800, 1000, 2000)
BEATS_AGREE: Final = (0.83, 1.2)  # counted heart rate over the stated one, where they say the same
BEATS_DISAGREE: Final = (0.6, 1.7)  # and where they cannot be of one recording: met by 1 of 150 real ones, miscounted
COUNTED_S: Final = 60.0  # beats are counted in so much of a recording
REFRACTORY_S: Final = 0.18
BEAT_WITHIN_S: Final = 1.0  # most stretches of this length hold a beat


def rate(series: Node, part: Node, leads: Sequence[Lead]) -> tuple[float, RateProposed | None]:
    """Samples a second, and a warning where it is not what the file states. Raises FieldWrong."""
    times = [node for node in part.along("component", "sequence") if _code(node).upper().startswith("TIME")]
    increments = [node.first("value", "increment") for node in times]
    increment = next((node for node in increments if node.value("value")), Node("", {}))
    unit = increment.value("unit")
    if not increment.value("value"):
        return _from_duration(series, len(leads[0].steps))
    stated = f"increment {increment.value('value')} {unit}".strip()
    value = xml.number(increment.value("value"), "increment")
    if value <= 0:
        raise FieldWrong(path=THE_FILE, field="increment", got=stated, why="the interval must be above 0")
    seconds = SECONDS.get(unit.lower())
    if seconds and POSSIBLE_HZ[0] <= 1 / (value * seconds) <= POSSIBLE_HZ[1]:
        return _tidy(1 / (value * seconds)), None
    return _meant(series, leads, value, stated)


def _meant(series: Node, leads: Sequence[Lead], value: float, stated: str) -> tuple[float, RateProposed]:
    readings = {
        "as seconds": 1 / value,
        "as milliseconds": 1e3 / value,
        "as microseconds": 1e6 / value,
        "as samples a second": value,
    }
    possible: dict[float, str] = {}
    for words, hz in readings.items():
        if MEANT_HZ[0] <= hz <= MEANT_HZ[1]:
            possible.setdefault(_tidy(hz), words)
    judged = {hz: _evidence(series, leads, hz) for hz in possible}
    fitting = {hz: words for hz, words in judged.items() if words is not None}
    proven = {hz: words for hz, words in fitting.items() if words}
    chosen = proven or fitting
    if len(chosen) != 1:
        raise FieldWrong(
            path=THE_FILE, field="increment", got=stated, why="no sampling rate can be read from it beyond doubt"
        )
    hz, words = next(iter(chosen.items()))
    why = f"read {possible[hz]}, it lasts {len(leads[0].steps) / hz:.1f} s" + (f", {words}" if words else "")
    return hz, RateProposed(stated=stated, used=hz, why=why)


def _from_duration(series: Node, samples: int) -> tuple[float, RateProposed]:
    """The usual rate that fits the stated begin and end, where no interval is stated."""
    lasts = _duration_s(series)
    fitting = [hz for hz in USUAL_HZ if lasts and abs(samples / hz - lasts) <= max(0.02 * lasts, 1 / hz)]
    if len(fitting) != 1:
        raise FieldWrong(path=THE_FILE, field="increment", got="missing", why="the sampling rate is not stated")
    return float(fitting[0]), RateProposed(
        stated="no interval of samples", used=float(fitting[0]), why=f"{samples} samples in {lasts:g} s"
    )


def _evidence(series: Node, leads: Sequence[Lead], hz: float) -> str | None:
    """What of the file agrees with a rate ("" for nothing), or None where something disagrees."""
    agrees: list[str] = []
    lasts = _duration_s(series)
    if lasts:
        if abs(len(leads[0].steps) / hz - lasts) > max(1.5, 0.1 * lasts):
            return None
        agrees.append(f"and the file states {lasts:g} s")
    stated = _heart_rate(series)
    counted = heart_rate(leads, hz)
    if stated and counted:
        if not BEATS_DISAGREE[0] <= counted / stated <= BEATS_DISAGREE[1]:
            return None
        if BEATS_AGREE[0] <= counted / stated <= BEATS_AGREE[1]:
            agrees.append(f"with {counted:.0f} beats a minute, and the file states {stated:.0f}")
    return " ".join(agrees)


def _duration_s(series: Node) -> float | None:
    ends = [people.moment(series.first("effectivetime", end).value("value")) for end in ("low", "high")]
    low, high = ends
    if not low or not high or (low.tzinfo is None) != (high.tzinfo is None) or high <= low:
        return None
    return (high - low) / timedelta(seconds=1)


def _heart_rate(series: Node) -> float | None:
    """Beats a minute as the file's annotations state them."""
    for node in series.every("annotation"):
        code, value = _code(node).upper(), node.first("value")
        if not value.value("value").replace(".", "", 1).isdecimal() or float(value.value("value")) <= 0:
            continue
        if code.startswith("MDC_ECG_HEART_RATE"):
            return float(value.value("value"))
        if code.startswith("MDC_ECG_TIME_PD_RR") and value.value("unit").lower() in ("", "ms"):
            return 60_000 / float(value.value("value"))
    return None


def heart_rate(leads: Sequence[Lead], hz: float) -> float | None:
    """Beats a minute by the steepest places of all leads, enough to tell 500 Hz from 1000; None where it is unclear."""
    samples = min(round(COUNTED_S * hz), *(len(lead.steps) for lead in leads))
    if samples < 3 * hz:
        return None
    near, window = max(1, round(0.01 * hz)), np.ones(max(1, round(0.08 * hz)))
    changes = np.zeros(samples - near)
    for lead in leads:
        volts = lead.steps[:samples] * lead.uv_per_step
        changes += (volts[near:] - volts[:-near]) ** 2
    steep = np.sqrt(np.convolve(changes, window, "same"))
    windows = np.array_split(steep, max(1, round(samples / hz / BEAT_WITHIN_S)))
    limit = 0.45 * float(np.median([part.max() for part in windows]))  # one artefact or ectopic beat does not raise it
    above = np.flatnonzero(steep > limit) if limit > 0 else np.zeros(0, np.int64)
    if not len(above):
        return None
    starts = above[np.concatenate(([True], np.diff(above) > REFRACTORY_S * hz))]
    if len(starts) < 3:
        return None
    return 60 * hz * (len(starts) - 1) / float(starts[-1] - starts[0])


def _tidy(hz: float) -> float:
    """500.0 for 1 / 0.002, which is not quite 500."""
    return float(round(hz)) if abs(hz - round(hz)) < 1e-6 * hz else hz


def _code(node: Node) -> str:
    return node.first("code").value("code")
