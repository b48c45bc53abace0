"""The alarms of the Challenge of 2015: their definitions on beats made by hand, and real ones that must not be lost."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import ecg
from ecg.results import Beat, Episode, Span
from ecg.rhythm.alarms import ALARMS, alarms

FS = 250.0
ALARM_OF = {
    "Asystole": "asystole",
    "Bradycardia": "bradycardia",
    "Tachycardia": "tachycardia",
    "Ventricular_Tachycardia": "vt",
    "Ventricular_Flutter_Fib": "vf",
}


def beats_at(*seconds: float, symbol: str = "N") -> list[Beat]:
    return [Beat(round(second * FS), symbol) for second in seconds]


def every(step_s: float, first_s: float, end_s: float, symbol: str = "N") -> list[Beat]:
    count = int((end_s - first_s) / step_s)
    return beats_at(*(first_s + step_s * index for index in range(count)), symbol=symbol)


def found(beats: list[Beat], episodes: list[Episode] | None = None, lost: list[Span] | None = None) -> dict[str, int]:
    """How many ranges each alarm has in forty seconds."""
    given = alarms(round(40 * FS), FS, beats, episodes or [], lost or [])
    assert tuple(given) == ALARMS
    return {name: len(spans) for name, spans in given.items() if spans}


def alarm_kept(analysis: ecg.Analysis, alarm: str) -> bool:
    """A11: an alarm is kept when its range meets the last ten seconds."""
    last = Span(analysis.samples - round(10 * analysis.fs), analysis.samples)
    return any(span.meets(last) for span in analysis.alarms[alarm])


def test_a_regular_rhythm_of_usual_rate_has_no_alarm() -> None:
    assert found(every(0.8, 0.2, 40)) == {}


def test_four_seconds_without_a_beat_are_asystole_and_what_was_lost_is_not() -> None:
    gap = [*every(0.8, 0.2, 20), *every(0.8, 24.1, 40)]
    assert found(gap)["asystole"] == 1
    assert "asystole" not in found(gap, lost=[Span(round(21 * FS), round(22 * FS))])
    assert "asystole" not in found(gap, [Episode("vf", round(19.6 * FS), round(24 * FS))])


def test_asystole_at_the_end_reaches_to_the_end() -> None:
    given = alarms(round(40 * FS), FS, every(0.8, 0.2, 34), [], [])
    assert given["asystole"] == (Span(every(0.8, 0.2, 34)[-1].sample, round(40 * FS)),)


def test_slow_and_fast_rates_need_their_beats() -> None:
    assert found([*every(0.8, 0.2, 20), *every(1.7, 20.2, 40)]) == {"bradycardia": 1}
    assert found([*every(0.8, 0.2, 30), *every(0.4, 30.2, 40)]) == {"tachycardia": 1}
    assert found([*every(0.8, 0.2, 30), *every(0.4, 30.2, 33), *every(0.8, 33.2, 40)]) == {}


def test_ventricular_beats_in_a_row_are_an_alarm_when_they_are_fast() -> None:
    assert found([*every(0.8, 0.2, 20), *every(0.4, 20.2, 22.3, "V"), *every(0.8, 22.6, 40)]) == {"vt": 1}
    assert found([*every(0.8, 0.2, 20), *every(0.9, 20.2, 25, "V"), *every(0.8, 25.6, 40)]) == {}


def test_few_beats_and_none() -> None:
    assert found([]) == {"asystole": 1}
    assert alarms(0, FS, [], [], []) == dict.fromkeys(ALARMS, ())
    assert set(found(beats_at(20.0))) == {"asystole"}


def test_ranges_of_one_alarm_do_not_overlap() -> None:
    given = alarms(round(40 * FS), FS, every(0.4, 0.2, 40), [], [])
    assert len(given["tachycardia"]) == 1


def test_the_alarms_stand_in_the_json(real: Callable[[str], ecg.Recording]) -> None:
    whole = ecg.analyze(real("ludb/101")).to_json()["alarms"]
    assert isinstance(whole, dict)
    assert tuple(whole) == ALARMS


@pytest.mark.parametrize("name", ["a142s", "a203l", "f544s", "f563l", "f697l", "t118s", "b126s", "v369l"])
def test_true_alarms_of_the_challenge_are_kept(name: str, data: Path) -> None:
    with (data / "cinc2015" / "labels.csv").open() as file:
        rows = {row["record"]: row for row in csv.DictReader(file)}
    if name not in rows or rows[name]["true"] != "1":
        pytest.fail(f"{name} is no true alarm of the development half")
    assert alarm_kept(ecg.analyze(ecg.read(data / "cinc2015" / name)), ALARM_OF[rows[name]["alarm"]])


def test_a_lead_that_is_off_is_no_asystole(data: Path) -> None:
    """a382s has no signal at all."""
    assert ecg.analyze(ecg.read(data / "cinc2015" / "a382s")).alarms["asystole"] == ()
