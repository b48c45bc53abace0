"""`ecg/` can be installed alone: its own pyproject.toml names what it is made of and what it needs, and no more."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = tomllib.loads((ROOT / "ecg/pyproject.toml").read_text(encoding="utf-8"))
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMPORTED_AS = {"pyyaml": "yaml"}  # distribution to module, where the names differ
NEVER_IMPORTED = {"pandas"}  # named for its bound only


def needed() -> set[str]:
    """Distributions, lower case."""
    return {re.split(r"[<>=]", line)[0].lower() for line in LIBRARY["project"]["dependencies"]}


def test_every_folder_of_the_library_is_in_its_package() -> None:
    folders = {path.parent.relative_to(ROOT) for kind in ("*.py", "*.yaml") for path in (ROOT / "ecg").rglob(kind)}
    packages = {".".join(folder.parts) for folder in folders if not {"build", "__pycache__"} & {*folder.parts}}
    assert set(LIBRARY["tool"]["setuptools"]["packages"]) == packages


def test_it_needs_what_it_imports() -> None:
    found: set[str] = set()
    for path in (ROOT / "ecg").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module.partition(".")[0])
    foreign = {name for name in found if name not in sys.stdlib_module_names} - {"ecg"}
    assert foreign == {IMPORTED_AS.get(name, name) for name in needed() - NEVER_IMPORTED}


def test_the_product_has_what_the_library_needs_and_the_same_version() -> None:
    asked = (ROOT / "requirements/run.in").read_text(encoding="utf-8").lower().splitlines()
    assert needed() <= {re.split(r"[<>= #]", line)[0] for line in asked}
    for key in ("version", "license", "requires-python"):
        assert LIBRARY["project"][key] == WHOLE["project"][key]


def test_it_runs_where_nothing_else_of_the_product_is(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ecg", tmp_path / "ecg", ignore=shutil.ignore_patterns("__pycache__", "build"))
    asked = (
        "import sys, numpy as np, ecg; from ecg import analyze, Monitor, read, synth;"
        "drawn = synth.twelve_lead(np.random.default_rng(1), [synth.Segment('af', 10.0)]).recording;"
        "print(ecg.__file__, {e.rhythm for e in analyze(drawn).episodes}, 'server' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "ecg/__init__.py"), "{'af'}", "False"]
