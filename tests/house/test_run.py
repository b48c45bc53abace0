"""`./run` says what it can do, refuses what it cannot, and works from any folder."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT, read


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "run", *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_help_lists_every_command() -> None:
    listed = set(re.findall(r"^  ([a-z]+) ", run("help").stdout, re.MULTILINE))
    assert listed == {"setup", "demo", "test", "lint", "bench", "build", "fuzz", "train", "regen", "help"}
    dispatched = set(re.findall(r"^  ([a-z]+)(?: \||\))", read("run").partition("case $command in")[2], re.MULTILINE))
    assert dispatched == listed


def test_without_a_command_it_helps() -> None:
    assert run().stdout == run("help").stdout


def test_it_works_from_any_folder(tmp_path: Path) -> None:
    assert run("help", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("words", [["brew"], ["setup", "coffee"], ["lint", "--hard"], ["bench"]])
def test_wrong_use_exits_2_with_one_sentence_that_points_to_help(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"\./run: .*\./run help lists what there is\.\n", done.stderr)


@pytest.mark.parametrize("script", ["run", ".ci/run", "requirements/lock"])
def test_a_script_parses_and_may_be_executed(script: str) -> None:
    shell = "bash" if "bash" in read(script).splitlines()[0] else "sh"
    assert subprocess.run([shell, "-n", ROOT / script], check=False).returncode == 0
    assert (ROOT / script).stat().st_mode & 0o111
