"""The XML files of the sample folder: each against its truth, an independent reader, and what its damage brings."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest

from ecg import formats
from ecg.errors import (
    EcgError,
    FieldWrong,
    FileTruncated,
    FormatRefused,
    NoWaveform,
    RateProposed,
    XmlRefused,
)
from ecg.formats.document import NO_SIGNAL, Document
from tests.ecg.conftest import SAMPLES, given_folder

READ = (
    "aecg_hl7_example.xml",
    "aecg_cn_dialect_nonamespace.xml",
    "muse_restingecg_1.xml",
    "muse_restingecg_3.xml",
    "cardiosoft_restecg.xml",
    "philips_sierra_103_heartstart.xml",
    "philips_sierra_104_pagewriter.xml",
    "philips_sierra_104_cardiacscience_wrap.xml",
    "philips_sierra_104_15lead_utf8.xml",
    "schiller_sema_resting.xml",
)
REFUSED = {
    "aecg_minimum_nowaveform.xml": NoWaveform,
    "damaged/xml_bomb_aecg.xml": XmlRefused,
    "damaged/xml_quadratic_blowup_muse.xml": XmlRefused,
    "damaged/xml_external_entity_aecg.xml": XmlRefused,
    "damaged/xml_external_dtd_muse.xml": NoWaveform,
    "damaged/xml_deep_nesting.xml": XmlRefused,
    "damaged/aecg_truncated.xml": FileTruncated,
    "damaged/aecg_bad_digits.xml": FieldWrong,
    "damaged/aecg_unequal_leads.xml": FieldWrong,
    "damaged/muse_bad_base64.xml": FieldWrong,
    "damaged/philips_xli_garbage.xml": FieldWrong,
    "damaged/not_an_ecg.pdf.xml": FormatRefused,
}
JUDGED = tuple(
    name for name in READ if not name.startswith(("aecg_cn", "cardiosoft", "schiller")) and "wrap" not in name
)


class Truth(TypedDict):
    fs_hz: float
    leads: list[str]
    samples_per_lead: int
    gain_uv_per_lsb: float
    first5_mv: dict[str, list[float]]
    sha256_int16_lead_major: str
    sha256_int16_per_lead: dict[str, str]


@cache
def truths() -> dict[str, Truth]:
    return {row["file"]: row for row in json.loads((SAMPLES / "truth.json").read_text("utf-8"))["files"]}


@cache
def sample(name: str) -> bytes:
    return (given_folder(SAMPLES) / name).read_bytes()


@cache
def read(name: str) -> Document:
    return formats.document(sample(name), name)


def words(document: Document) -> np.ndarray:
    """The whole numbers as the truth hashes them."""
    return np.where(document.steps == NO_SIGNAL, -32768, document.steps).astype("<i2")


@pytest.mark.parametrize("name", READ)
def test_a_sample_file_is_read_as_its_truth_says(name: str) -> None:
    got, truth = read(name), truths()[name]
    assert got.fs == truth["fs_hz"]
    assert list(got.leads) == truth["leads"]
    assert got.steps.shape == (truth["samples_per_lead"], len(truth["leads"]))
    assert got.steps.dtype == np.int32
    assert set(got.uv_per_step) == {truth["gain_uv_per_lsb"]}
    for lead, first in truth["first5_mv"].items():
        at = got.leads.index(lead)
        assert np.allclose(got.steps[:5, at] * got.uv_per_step[at] / 1000, first, atol=1e-9)
    stored = words(got)
    for at, lead in enumerate(got.leads):
        assert hashlib.sha256(stored[:, at].tobytes()).hexdigest()[:16] == truth["sha256_int16_per_lead"][lead], lead
    assert hashlib.sha256(stored.T.tobytes()).hexdigest() == truth["sha256_int16_lead_major"]


@pytest.mark.parametrize("name", READ)
def test_a_sample_file_makes_a_recording_with_the_limb_leads_it_leaves_out(name: str) -> None:
    recording = formats.read(sample(name))
    assert {"III", "aVR", "aVL", "aVF"} <= set(recording.leads)
    assert ("III" in recording.derived) == name.startswith("muse")


@pytest.mark.parametrize("name", JUDGED)
def test_an_independent_reader_sees_the_same_voltages(name: str) -> None:
    got = read(name)
    judge = importlib.import_module("ecgdatakit") if "CI" in os.environ else pytest.importorskip("ecgdatakit")
    judged = judge.FileParser().parse(SAMPLES / name)
    millivolts = {lead: got.steps[:, at] * got.uv_per_step[at] / 1000 for at, lead in enumerate(got.leads)}
    assert len(judged.leads) == len(got.leads)
    for lead in judged.leads:
        assert lead.sampling_rate == got.fs
        assert np.abs(lead.samples - millivolts[lead.label]).max() <= got.uv_per_step[0] / 1000


@pytest.mark.parametrize(("name", "refusal"), REFUSED.items())
def test_a_damaged_file_meets_its_refusal(name: str, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal) as refused:
        formats.document(sample(name), name)
    assert refused.value.facts()["path"] == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("damaged/xml_bomb_aecg.xml", "entity"),
        ("damaged/xml_quadratic_blowup_muse.xml", "entity"),
        ("damaged/xml_external_entity_aecg.xml", "entity"),
        ("damaged/xml_deep_nesting.xml", "depth"),
        ("damaged/aecg_truncated.xml", "not well-formed"),
        ("damaged/aecg_bad_digits.xml", "lead MDC_ECG_LEAD_I is x"),
        ("damaged/aecg_unequal_leads.xml", "is 4: another lead has 7"),
        ("damaged/muse_bad_base64.xml", "lead I is"),
        ("damaged/philips_xli_garbage.xml", "XLI chunk 1"),
        ("damaged/not_an_ecg.pdf.xml", "is PDF"),
    ],
)
def test_the_refusal_says_what_is_wrong(name: str, word: str) -> None:
    with pytest.raises(EcgError, match=word):
        formats.document(sample(name), name)


def test_the_same_recording_in_two_coats_is_equal_sample_for_sample() -> None:
    annotated, scp = read("aecg_hl7_example.xml"), read("scp_huffman_eli250.scp")
    assert (annotated.fs, annotated.uv_per_step) == (scp.fs, scp.uv_per_step)
    assert (annotated.person.name, annotated.start) == (scp.person.name, scp.start)
    for at, lead in enumerate(annotated.leads):
        assert np.array_equal(annotated.steps[:, at], scp.steps[:, scp.leads.index(lead)]), lead


def test_an_interval_in_the_wrong_unit_is_read_with_a_warning_that_gives_the_proof() -> None:
    (warning,) = read("aecg_cn_dialect_nonamespace.xml").warnings
    assert isinstance(warning, RateProposed)
    assert (warning.stated, warning.used) == ("increment 2 s", 500.0)
    assert "66 beats a minute, and the file states 66" in warning.why


def test_who_when_and_what_made_it_come_along() -> None:
    example = read("aecg_hl7_example.xml")
    assert (example.person.name, example.person.id_no, example.person.sex) == ("Clark", "SBJ-123", "M")
    assert (example.person.birth_date, example.person.age_years) == ("1953-05-08", 46)
    assert (example.maker.model, example.maker.software) == ("ELI250", "5.3")
    assert example.start is not None
    assert example.start.isoformat() == "2002-11-22T09:10:00"
    philips = read("philips_sierra_104_pagewriter.xml")
    assert philips.person == type(philips.person)("", "9999", "F", "1976-01-01", None)
    assert (philips.format, philips.maker.model) == ("Philips Sierra ECG XML 1.04", "PageWriter Touch")
    schiller = read("schiller_sema_resting.xml")
    assert (schiller.maker.name, schiller.maker.model, str(schiller.start)) == (
        "Schiller",
        "AT-110",
        "2006-05-02 14:06:10",
    )


ONE_BY_ONE = """
import resource, sys, time
from ecg import formats
from ecg.errors import EcgError
formats.document(open(sys.argv[1], "rb").read())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    raw = open(path, "rb").read()
    began = time.process_time()
    try:
        formats.document(raw)
    except EcgError:
        pass
    assert time.process_time() - began < 10, path
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, (path, grown)
print("whole")
"""


def test_hostile_files_cost_neither_time_nor_memory(tmp_path: Path) -> None:
    """All in one process, so the growth is that of the worst."""
    sample("aecg_hl7_example.xml")
    mib = 1024 * 1024
    head = b"<AnnotatedECG><component><series><component><sequenceSet><component><sequence>"
    lead = head + b'<code code="MDC_ECG_LEAD_I"/><value><scale value="1" unit="uV"/><digits>'
    closed = b"</digits></value></sequence></component></sequenceSet></component></series></component></AnnotatedECG>"
    made = {
        "too_many_elements": head + b"<a/>" * mib,
        "one_long_tag": head + b'<a b="' + b"x" * (8 * mib),
        "one_long_comment": head + b"<!--" + b"x" * (8 * mib),
        "one_long_number": lead + b"1" * (8 * mib),
        "many_numbers": lead + b"1 " * (2 * mib) + b"1 -1" + closed,
        "blanks": lead + b" " * (8 * mib) + b"x",
        "attribute_defaults": b'<!DOCTYPE AnnotatedECG [<!ATTLIST a b CDATA "' + b"x" * mib + b'">]><AnnotatedECG><a/>',
        "too_large": lead + b"1 " * (13 * mib),
    }
    for name, raw in made.items():
        (tmp_path / name).write_bytes(raw)
    damaged = [str(SAMPLES / name) for name in REFUSED]
    run = [sys.executable, "-c", ONE_BY_ONE, str(SAMPLES / READ[0]), *damaged, *map(str, tmp_path.iterdir())]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "whole", done.stderr
