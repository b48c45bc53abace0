"""E5: each surface under inputs led by coverage; a short share here, an hour of each in `./run test --long`.

`./run fuzz` runs one of them for as long as you like. What it finds becomes a test beside the code that was wrong, or a
line of `corpus/`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from device.errors import BadFrame
from ecg.errors import EcgError
from tests.fuzz import files, guide
from tests.fuzz.guide import Surface, attack
from tests.fuzz.surfaces import NAMES, surface

SHARE = 80
LONG_S = 3600.0


@pytest.mark.parametrize("name", NAMES)
def test_a_share_of_inputs_ends_well_or_with_a_code(name: str) -> None:
    tally = attack(surface(name), seed=9, executions=SHARE)
    assert not tally.findings, tally.line(name)
    assert tally.executions == SHARE


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_an_hour_of_inputs_ends_well_or_with_a_code(name: str) -> None:
    tally = attack(surface(name), seed=10, seconds=LONG_S)
    print(tally.line(name))
    assert not tally.findings, tally.line(name)


@pytest.mark.parametrize("file", sorted(files.CORPUS.glob("*")), ids=lambda file: file.name)
def test_what_once_broke_a_reader_does_so_no_more(file: Path) -> None:
    with contextlib.suppress(EcgError):
        files.read(file.read_bytes())


def _guarded(raw: bytes) -> None:
    """Wrong only behind three bytes, each of which has a branch of its own: chance alone would need 2^24 inputs."""
    if raw[:1] != b"X":
        raise BadFrame(reason="no X")
    if raw[1:2] != b"L":
        raise BadFrame(reason="no L")
    if raw[2:3] == b"!":
        raise ZeroDivisionError


def test_the_loop_finds_what_chance_alone_would_not() -> None:
    watched = ("tests/fault/test_fuzz.py",)
    tally = attack(Surface([b"abc"], _guarded, watched), seed=1, executions=400_000, findings=1)
    assert "ZeroDivisionError()" in {finding.what for finding in tally.findings}


def test_the_loop_finds_slow_inputs_and_lost_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []

    def hoards(raw: bytes) -> None:
        kept.append(b"x" * (1 << 20))

    tally = attack(Surface([b"abc"], hoards, ("tests/fuzz/nowhere",)), seed=1, executions=200)
    assert [finding.what for finding in tally.findings][-1].startswith("memory grew")

    def slow(raw: bytes) -> None:
        sum(range(5_000_000))

    monkeypatch.setattr(guide, "ANSWER_S", 0.001)
    tally = attack(Surface([b"abc"], slow, ("tests/fuzz/nowhere",)), seed=1, executions=1)
    assert [finding.what for finding in tally.findings][-1].startswith("took")
