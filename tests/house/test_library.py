"""`ecg/` can be installed alone, and `device/` with it: each pyproject.toml names what it holds and what it needs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    part: tomllib.loads((ROOT / part / "pyproject.toml").read_text(encoding="utf-8")) for part in ("ecg", "device")
}
NOT_ON_WINDOWS = {"fcntl", "grp", "pwd", "resource", "termios", "uvloop"}
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMPORTED_AS = {"pyyaml": "yaml", "xinlian-ecg": "ecg"}  # distribution to module, where the names differ
NEVER_IMPORTED = {"pandas"}  # named for its bound only


of_each_part = pytest.mark.parametrize("part", PARTS)


def needed(part: str) -> set[str]:
    """Distributions, lower case."""
    return {re.split(r"[<>=]", line)[0].lower() for line in PARTS[part]["project"]["dependencies"]}


@of_each_part
def test_every_folder_of_the_library_is_in_its_package(part: str) -> None:
    folders = {path.parent.relative_to(ROOT) for kind in ("*.py", "*.yaml") for path in (ROOT / part).rglob(kind)}
    packages = {".".join(folder.parts) for folder in folders if not {"build", "__pycache__"} & {*folder.parts}}
    assert set(PARTS[part]["tool"]["setuptools"]["packages"]) == packages


@of_each_part
def test_it_needs_what_it_imports(part: str) -> None:
    found: set[str] = set()
    for path in (ROOT / part).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module.partition(".")[0])
    assert not found & NOT_ON_WINDOWS, "clinics and researchers have Windows too"
    foreign = {name for name in found if name not in sys.stdlib_module_names} - {part}
    assert foreign == {IMPORTED_AS.get(name, name) for name in needed(part) - NEVER_IMPORTED}


@of_each_part
def test_the_product_has_what_the_library_needs_and_the_same_version(part: str) -> None:
    asked = (ROOT / "requirements/run.in").read_text(encoding="utf-8").lower().splitlines()
    assert needed(part) - {"xinlian-ecg"} <= {re.split(r"[<>= #]", line)[0] for line in asked}
    for key in ("version", "license", "requires-python"):
        assert PARTS[part]["project"][key] == WHOLE["project"][key]


def test_it_runs_where_nothing_else_of_the_product_is(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ecg", tmp_path / "ecg", ignore=shutil.ignore_patterns("__pycache__", "build"))
    asked = (
        "import sys, numpy as np, ecg; from ecg import analyze, Monitor, read, synth;"
        "drawn = synth.twelve_lead(np.random.default_rng(1), [synth.Segment('af', 10.0)]).recording;"
        "print(ecg.__file__, {e.rhythm for e in analyze(drawn).episodes}, 'server' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "ecg/__init__.py"), "{'af'}", "False"]


def test_the_clinics_side_runs_where_no_hub_is_installed(tmp_path: Path) -> None:
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "build"))
    asked = (
        "import sys, device.cli, device.agent.app, device.agent.status, device.conformance;"
        "print(device.cli.__file__, {'server', 'uvloop'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "device/cli.py"), "set()"]
