"""The rules of the alerts room alone: the ladder, the order of findings, the sealed choices, the routes' rights."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg import codes
from server.alerts import findings
from server.alerts.challenge import Option, PatientFact, Seal, challenge, patient_options, picked
from server.alerts.ladder import AlertSettings, Roster, Step, next_after, persons
from server.alerts.model import CriticalFinding

FULL = Roster({1: ("a",), 2: ("b",), 3: ("c", "d")}, ("g",), ("a", "b", "c", "d"))
NOBODY = Roster({}, (), ())


def test_each_step_calls_its_line_and_the_head_of_shift_comes_with_the_general_duty() -> None:
    assert persons("first", FULL) == ("a",)
    assert persons("second", FULL) == ("b",)
    assert persons("head", FULL) == ("c", "d", "g")
    assert persons("desk", FULL) == ()


@given(
    st.sampled_from(["first", "second", "head"]),
    st.dictionaries(st.integers(1, 3), st.lists(st.sampled_from("abc"), max_size=2).map(tuple)),
    st.lists(st.sampled_from("gh"), max_size=1).map(tuple),
)
def test_a_step_is_silent_only_when_the_whole_roster_is_empty(
    who: str, lines: dict[int, tuple[str, ...]], duty: tuple[str, ...]
) -> None:
    called = persons(who, Roster(lines, duty, ("z",)))  # type: ignore[arg-type]
    assert called
    assert len(set(called)) == len(called)
    assert persons(who, NOBODY) == ()  # type: ignore[arg-type]


def test_passing_on_skips_the_second_channel_to_the_same_person() -> None:
    steps = AlertSettings().steps
    assert next_after(steps, 0, FULL, "a") == 2
    assert next_after(steps, 0, FULL, "b") == 1
    assert next_after(steps, 2, FULL, "b") == 3
    assert next_after(steps, 3, FULL, "c") == 4
    assert next_after(steps, 0, Roster({1: ("a",)}, (), ("a",)), "a") == 4


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (Step(0, "first"),),
        (Step(0, "first"), Step(60, "second", expire=True), Step(90, "desk", expire=True)),
        (Step(60, "first"), Step(0, "desk", expire=True)),
        (Step(-1, "first"), Step(0, "desk", expire=True)),
    ],
)
def test_a_ladder_that_does_not_climb_or_does_not_end_stops_the_start(steps: tuple[Step, ...]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"steps": msgspec.to_builtins(steps)}, AlertSettings)


def test_every_critical_rule_has_a_family_and_arrest_is_gravest() -> None:
    rules = [
        "other.hyperk",
        "tachy.svt",
        "brady.rate",
        "st.v13",
        "acs.ami_first",
        "tachy.af_wpw",
        "tachy.vt",
        "tachy.vf",
    ]
    found = [CriticalFinding("VT", rule, "p 1", "", "", 0, 1) for rule in rules]
    order = [f.rule for f in findings.gravest_first(found)]
    assert order == [
        "tachy.vf", "tachy.vt", "tachy.af_wpw", "acs.ami_first", "st.v13", "brady.rate", "tachy.svt", "other.hyperk",
    ]  # fmt: skip
    assert findings.family("brady.asystole") == findings.family("tachy.vf") == findings.ARREST
    assert findings.family("st.v13") == findings.family("acs.ami_again")
    assert findings.family("other.hyperk") != findings.family("other.pe")


@pytest.mark.parametrize("code", [c for c, name in codes.findings().items() if name.urgency == "critical"])
def test_for_every_critical_code_there_are_two_that_can_stand_beside_it(code: str) -> None:
    beside = findings.decoy_codes(code, [])
    assert len(beside) >= 2
    assert code not in beside


def test_a_readers_words_are_found_in_the_catalogue_the_longest_name_first() -> None:
    assert findings.code_in_words(["1. 尖端扭转型室性心动过速", "2. 窦性心律"]) == "TORSADES"
    assert findings.code_in_words(["多形性室性心动过速"]) == "VT_POLYMORPHIC"
    assert findings.code_in_words(["正常心电图"]) == ""


RIGHT = PatientFact("pat_1", "王小明", "F", 61, "东乡卫生院", "East township")


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_right_answer_is_among_three_different_ones_and_only_its_key_opens(alert: str, account: str) -> None:
    seal = Seal(b"secret", alert, account)
    options = [Option(code, code, code) for code in ("VT", "STEMI_ANTERIOR", "AVB_III", "HYPERKALAEMIA")]
    patients = patient_options(seal, RIGHT, [])
    asked = challenge(seal, options, patients)
    assert len({c.key for c in asked.findings}) == len({c.zh for c in asked.patients}) == 3
    assert [picked(seal, "finding", options, c.key) for c in asked.findings].count("VT") == 1
    assert [picked(seal, "patient", patients, c.key) for c in asked.patients].count("pat_1") == 1
    other = Seal(b"another secret", alert, account)
    assert not {other.key("finding", o.means) for o in options} & {c.key for c in asked.findings}


def test_a_namesake_never_stands_beside_the_patient() -> None:
    namesake = PatientFact("pat_2", "王小明", "F", 33, "西乡卫生院", "West township")
    unnamed = PatientFact("pat_3", "", "F", 40, "西乡卫生院", "West township")
    options = patient_options(Seal(b"s", "alr", "usr"), RIGHT, [namesake, unnamed])
    assert not {"pat_2", "pat_3"} & {o.means for o in options}
    assert len({o.zh.split()[0] for o in options}) == 3


def test_an_unidentified_patient_is_said_to_be_unidentified() -> None:
    unknown = PatientFact("pat_9", "", "", None, "东乡卫生院", "East township")
    right = patient_options(Seal(b"s", "alr", "usr"), unknown, [])[0]
    assert right.zh == "身份待定 性别不详 年龄不详 东乡卫生院"
    assert right.en == "not identified sex unknown age unknown East township"
