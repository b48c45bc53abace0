"""E5 for files: whatever a file holds, its reader ends in a document or a coded error, within memory.

Some hundred damaged files of each surface by a fixed seed, and every file that once broke a reader (`corpus/files`).
`fuzz_files.py` goes on for as long as one likes; what it ran stands in `docs/explanation/durability.md`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ecg.conftest import SAMPLES, given_folder
from tests.fault import fuzz_files

RUNS = 120


@pytest.fixture(scope="module", autouse=True)
def given() -> None:
    given_folder(SAMPLES)


@pytest.mark.parametrize("surface", fuzz_files.SURFACES)
def test_damaged_files_end_in_a_document_or_a_code(surface: str, tmp_path: Path) -> None:
    tally, _ = fuzz_files.fuzz(surface, 9, tmp_path, runs=RUNS)
    # A loaded machine may make one slow; time is for the long runs to say.
    assert [find for find in tally.finds if " slow: " not in find] == []
    assert tally.runs == RUNS
    assert tally.refused


@pytest.mark.parametrize("file", sorted(fuzz_files.CORPUS.glob("*")), ids=lambda file: file.name)
def test_what_once_broke_a_reader_does_so_no_more(file: Path) -> None:
    assert fuzz_files.ending(file.read_bytes())[0]
