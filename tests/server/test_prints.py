"""The cache of printed reports: whole or not at all, never above its bound, never in the way of a report."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.base.prints import Prints


async def test_a_kept_print_comes_back_and_another_does_not(tmp_path: Path) -> None:
    prints = Prints(tmp_path / "prints", 1_000_000)
    assert await prints.get("rep_1.ab.zh.pdf") is None
    await prints.keep("rep_1.ab.zh.pdf", b"%PDF one")
    assert await prints.get("rep_1.ab.zh.pdf") == b"%PDF one"
    assert await prints.get("rep_1.ab.en.pdf") is None
    assert await Prints(tmp_path / "prints", 1_000_000).get("rep_1.ab.zh.pdf") == b"%PDF one"


async def test_beyond_the_bound_the_longest_unused_give_way(tmp_path: Path) -> None:
    prints = Prints(tmp_path / "prints", 10_000)
    for number in range(9):
        await prints.keep(f"rep_{number}.pdf", bytes(1000))
        os.utime(tmp_path / "prints" / f"rep_{number}.pdf", (number, number))
    assert await prints.get("rep_0.pdf") is not None  # read now: no longer the oldest
    for number in range(9, 12):
        await prints.keep(f"rep_{number}.pdf", bytes(1000))
    kept = {path.name for path in (tmp_path / "prints").iterdir()}
    assert "rep_0.pdf" in kept
    assert "rep_11.pdf" in kept
    assert not {"rep_1.pdf", "rep_2.pdf"} & kept
    assert sum(path.stat().st_size for path in (tmp_path / "prints").iterdir()) <= 10_000


async def test_what_an_earlier_process_left_counts_too(tmp_path: Path) -> None:
    folder = tmp_path / "prints"
    folder.mkdir()
    (folder / ".0badc0de.part").write_bytes(bytes(9000))  # a crash in the middle of a write
    os.utime(folder / ".0badc0de.part", (1, 1))
    prints = Prints(folder, 10_000)
    await prints.keep("rep_1.pdf", bytes(2000))
    assert [path.name for path in folder.iterdir()] == ["rep_1.pdf"]


async def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "prints").write_text("a file where the folder should be")
    prints = Prints(tmp_path / "prints", 10_000)
    await prints.keep("rep_1.pdf", b"%PDF")
    assert await prints.get("rep_1.pdf") is None


async def test_a_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    prints = Prints(tmp_path / "prints", 10_000)
    for name in ("../x.pdf", "a/b.pdf", ".hidden.pdf", "rep.txt", ""):
        with pytest.raises(ValueError, match="not the name"):
            await prints.get(name)
