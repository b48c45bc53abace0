"""What the documents promise to name: every setting, error, event, finding code, state, rule and metric."""

from __future__ import annotations

import dataclasses
import pickle
import string
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ecg import codes
from server import regen
from server.base import words
from server.base.kinds import KINDS
from server.config import Config

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs/reference"


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_produced_file_is_as_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server.regen", "--check"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_error_has_both_languages_with_the_same_fields_and_a_place_in_the_reference() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    chinese = words.chinese()
    classes = regen.errors()
    assert len({e.code for e in classes}) == len(classes), "two classes share a code"
    for error in classes:
        english = fields(f"{error.what} {error.mend}")
        assert f"`{error.code}`" in page
        facts = {field.name for field in dataclasses.fields(error)}
        assert fields(chinese[error.code]) <= facts, error.code
        assert english <= facts, error.code
    assert set(chinese) == {e.code for e in classes}, "a sentence for a code that does not exist"


def test_every_error_survives_the_process_pool() -> None:
    sample = {"int": 1, "float": 1.5, "str": "x", "tuple[int, ...]": (1,), "bool": True}
    for kind in regen.errors():
        facts = [sample.get(str(f.type), "x") for f in dataclasses.fields(kind)]
        error = kind(*facts)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.facts(), str(again)) == (kind, error.facts(), str(error))


def test_every_setting_is_described() -> None:
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    for section in msgspec.structs.fields(Config):
        for field in msgspec.structs.fields(section.type):
            line = next(line for line in page.splitlines() if f"`{section.name}.{field.name}`" in line)
            assert line.split("|")[3].strip(), f"{section.name}.{field.name} has no description"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_event_is_described(kind: str) -> None:
    assert f"| `{kind}` | {KINDS[kind]}" in (REFERENCE / "events.md").read_text(encoding="utf-8")


def test_every_finding_code_is_named_in_both_languages() -> None:
    page = (REFERENCE / "findings.md").read_text(encoding="utf-8")
    for code, finding in codes.findings().items():
        assert f"| `{code}` | {finding.name_zh} | {finding.name_en} |" in page
        assert finding.name_zh
        assert finding.name_en
