"""What is installed is pinned by hash, and what is pinned or bundled is named in THIRD_PARTY.md with its licence."""

import json
import re

import pytest

from tests.house.tree import ROOT, files, read

LOCKS = [path for path in files() if re.fullmatch(r"requirements/\w+\.txt", path)]


def pinned(lock: str) -> list[str]:
    """The entries of a lock, each with the lines that belong to it."""
    return re.split(r"\n(?=[A-Za-z0-9])", read(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_python_package_is_pinned_with_a_hash(lock: str) -> None:
    loose = [entry for entry in pinned(lock) if not re.match(r"[\w.\-]+==\S+", entry) or "--hash=sha256:" not in entry]
    assert loose == []


def web_packages() -> dict[str, dict[str, str]]:
    packages = json.loads(read("web/package-lock.json"))["packages"]
    return {name.rpartition("node_modules/")[2]: about for name, about in packages.items() if name}


def test_every_web_package_is_pinned_with_a_hash() -> None:
    assert [name for name, about in web_packages().items() if "integrity" not in about] == []


def test_a_version_is_the_same_in_every_lock_that_goes_into_one_environment() -> None:
    seen: dict[str, set[str]] = {}
    for lock in LOCKS:
        if lock == "requirements/bench.txt":  # an environment of its own
            continue
        for entry in pinned(lock):
            name, version = re.match(r"([\w.\-]+)==([^ \\]+.*?) *\\?\n", entry).groups()  # type: ignore[union-attr]
            marker = version.partition(";")[2]
            seen.setdefault(f"{name} {marker}", set()).add(version)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_third_party_names_every_package_and_recording() -> None:
    page = read("THIRD_PARTY.md")
    packages = {entry.partition("==")[0] for lock in LOCKS for entry in pinned(lock)} | set(web_packages())
    recordings = {path.stem for path in (ROOT / "demo/recordings").glob("*.hea")}
    assert recordings
    assert sorted(name for name in packages | recordings if f"`{name}`" not in page) == []
