"""The catalogues: every word the library can say exists in both languages, every error survives the process pool."""

from __future__ import annotations

import pickle
import string
from dataclasses import fields
from importlib import resources

import pytest
import yaml

import ecg
from ecg import codes, statements
from ecg.errors import EcgError, all_errors
from ecg.rules import critical

SAMPLE: dict[str, object] = {"got": 50.0}
ERRORS = sorted(all_errors(EcgError), key=lambda error: error.code)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def chinese() -> dict[str, str]:
    text = resources.files("ecg").joinpath("zh-CN.yaml").read_text(encoding="utf-8")
    catalogue: dict[str, str] = yaml.safe_load(text)["errors"]
    return catalogue


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_every_error_speaks_both_languages_with_the_same_facts_and_survives_pickling(error: type[EcgError]) -> None:
    facts = {field.name: SAMPLE.get(field.name, "x") for field in fields(error)}
    raised = error(**facts)
    again = pickle.loads(pickle.dumps(raised))
    assert (type(again), again.facts()) == (error, facts)
    assert str(raised)
    sentence = chinese()[error.code]
    assert sentence.format(**facts)
    assert placeholders(sentence) == placeholders(error.what + error.mend) == set(facts)


def test_the_chinese_catalogue_has_no_sentence_without_an_error() -> None:
    assert set(chinese()) == {error.code for error in ERRORS}


def test_every_finding_the_analysis_can_give_stands_in_the_table_of_codes() -> None:
    assert set(statements.CODES) <= set(codes.findings())
    for name in critical.names():
        assert set(critical.rule_codes(critical.peek(name))) <= set(statements.CODES)


def test_every_finding_has_both_names_and_no_spelling_means_two_leads() -> None:
    for name in codes.findings().values():
        assert name.name_en, name.code
        assert name.name_zh, name.code
    for lead in codes.leads().values():
        assert {codes.lead_of(spelling) for spelling in lead.spellings} == {lead.lead}


@pytest.mark.parametrize(
    ("spelling", "lead"), [("avr", "aVR"), ("-aVR", "-aVR"), ("c3", "V3"), ("MLII", "ML"), ("?", None)]
)
def test_a_lead_is_known_by_any_of_its_spellings(spelling: str, lead: str | None) -> None:
    assert codes.lead_of(spelling) == lead


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ecg.EcgError, match="xinlian-safe"):
        critical.load("nowhere")
