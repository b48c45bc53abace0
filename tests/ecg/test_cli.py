"""`xinlian-ecg`: what it prints, and how it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ecg.cli import VERSION, main


def test_several_files_give_one_json_object_a_line(data: Path) -> None:
    result = CliRunner().invoke(main, ["analyze", str(data / "ludb/62"), str(data / "ludb/38.hea"), "--json"])
    assert result.exit_code == 0
    one, two = (json.loads(line) for line in result.stdout.splitlines())
    assert {"fs", "leads", "quality", "beats", "episodes", "measurements", "findings", "machine_grade"} <= set(one)
    assert {"versions", "input_sha256", "median"} <= set(one)
    assert (one["machine_grade"], two["machine_grade"]) == (None, "warning")
    assert len(one["median"]["leads"]["II"]) == round(0.8 * one["median"]["fs"])


def test_the_page_for_people_names_finding_and_grade(data: Path) -> None:
    result = CliRunner().invoke(main, ["analyze", str(data / "ludb/38")])
    assert "warning" in result.stdout
    assert "心房颤动" in result.stdout


def test_a_refusal_prints_its_sentence_and_ends_with_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["analyze", str(tmp_path / "gone"), "--json"])
    assert result.exit_code == 1
    assert "was not found" in result.stderr
    assert result.stdout == ""


def test_wrong_use_ends_with_two() -> None:
    assert CliRunner().invoke(main, ["analyze"]).exit_code == 2
    assert CliRunner().invoke(main, ["synth", "nothing"]).exit_code == 2


def test_a_synthetic_ecg_carries_its_truth() -> None:
    made = json.loads(CliRunner().invoke(main, ["synth", "pvc", "--seed", "4"]).stdout)
    assert set(made["beats"]["symbol"]) == {"N", "V"}
    assert len(made["signal_uv"]) == 5000


def test_the_version_is_the_project_s() -> None:
    assert VERSION in CliRunner().invoke(main, ["--version"]).stdout


@pytest.mark.parametrize("module", ["scipy", "wfdb", "pandas"])
def test_importing_the_library_does_not_import_what_is_slow(module: str) -> None:
    code = f"import sys, ecg, ecg.cli; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
