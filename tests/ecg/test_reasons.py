"""Every reason inside an error has a code and a Chinese wording; a new raise without one fails here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ecg import formats
from ecg.errors import EcgError, FieldWrong, FileTruncated, FormatRefused
from ecg.reasons import FACTS, in_chinese, said_in_chinese, with_reasons, wordings
from tests.ecg.conftest import SAMPLES, given_folder

ROOT = Path(__file__).parents[2]
SOURCES = (
    *sorted((ROOT / "ecg/formats").glob("*.py")), ROOT / "server/intake/files.py", ROOT / "server/intake/sealing.py",
    ROOT / "device/agent/store.py", ROOT / "device/agent/folder.py",
)  # fmt: skip
HAN = re.compile(r"[\u4e00-\u9fff]")
A_NAME = re.compile(r"[A-Za-z0-9_.\-]*|[A-Z0-9][\w\-]*( [\d.]+)?")
"""A tag of a file, a maker's format: the same in every language."""


def template(node: ast.expr) -> str | None:
    """The wording of a string in the code, {0}, {1} where something is filled in; None: it is no string there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    text, filled = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            text, filled = f"{text}{{{filled}}}", filled + 1
    return text


def branches(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from (*branches(node.body), *branches(node.orelse))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from branches(value)
    else:
        yield node


def raised(path: Path) -> Iterator[tuple[int, str]]:
    """Line and wording of every reason written in a file: given to an error by name, or put into a variable for one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[:1].isupper():
            given = [keyword.value for keyword in node.keywords if keyword.arg in FACTS]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_wrong", "_named"):
            given = [argument for argument in node.args if template(argument) is not None]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            given = [node.value] if node.targets[0].id in ("why", "where", "reason") else []
        for value in given:
            for branch in branches(value):
                if (text := template(branch)) is not None:
                    yield branch.lineno, text


def is_a_name(text: str) -> bool:
    return A_NAME.fullmatch(re.sub(r"\{\d\}", "", text).strip()) is not None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_reason_in_the_code_has_a_wording_with_a_code(path: Path) -> None:
    known = {wording.en for wording in wordings()}
    lacking = [
        f"{path.name}:{line}: {text!r}"
        for line, text in raised(path)
        if text not in known and not is_a_name(text) and said_in_chinese(text) is None
    ]
    assert not lacking, "write these into ecg/reasons.yaml"


def test_the_catalogue_is_sound() -> None:
    raw = (ROOT / "ecg/reasons.yaml").read_text(encoding="utf-8")
    codes = re.findall(r"^  (\w+): \[", raw, re.MULTILINE)
    assert len(codes) == len(set(codes)) == len(yaml.safe_load(raw)["reasons"])
    english = [wording.en for wording in wordings()]
    assert len(english) == len(set(english))
    for wording in wordings():
        assert HAN.search(wording.zh), wording
        filled = [set(re.findall(r"\{\d\}", text)) for text in (wording.en, wording.zh)]
        assert filled[1] <= filled[0], wording
        found = said_in_chinese(re.sub(r"\{(\d)\}", r"7\1", wording.en))
        assert found is not None, wording
        assert found[0] == wording.code, f"{wording} is taken for {found}"


def test_a_sentence_in_chinese_holds_no_english_reason() -> None:
    cut = FileTruncated("a.scp", where="section 6 ends before the samples of its leads")
    assert in_chinese(cut.facts()) == {"path": "a.scp", "where": "第 6 节在各导联样本之前结束"}
    several = in_chinese(FileTruncated("a", where="section 3, section 6").facts())
    assert several["where"] == "第 3 节、第 6 节"
    wrong = FieldWrong("a", field="samples of lead V1", got="12 bytes", why="samples have two bytes each")
    assert with_reasons(wrong.facts()) == {
        "path": "a",
        "field": "samples of lead V1", "field_code": "field_samples_of_lead", "field_zh": "V1 导联的样本",
        "got": "12 bytes", "got_code": "bytes_n", "got_zh": "12 字节",
        "why": "samples have two bytes each", "why_code": "two_bytes", "why_zh": "每个样本为两字节",
    }  # fmt: skip


def test_what_stood_in_a_file_is_no_wording() -> None:
    foreign = FormatRefused("too many", format="GDF", reason="what nobody wrote")
    assert in_chinese(foreign.facts()) == foreign.facts()
    assert said_in_chinese("x" * 100_000) is None
    assert said_in_chinese("a, " * 100_000) is None


def test_what_the_damaged_files_of_the_samples_are_refused_for_is_worded() -> None:
    """Also what is put together from parts, which no look at the code finds."""
    refused = 0
    for path in sorted((given_folder(SAMPLES) / "damaged").iterdir()):
        try:
            formats.document(path.read_bytes(), path.name)
        except EcgError as error:
            said = with_reasons(error.facts())
            for name in {"reason", "where", "why"} & set(said):
                assert f"{name}_zh" in said, f"{path.name}: {said[name]}"
                refused += 1
    assert refused > 10
