"""What runs in the product and is not ours is named, with its licence, in THIRD_PARTY.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8").lower()
LOCK = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
PACKAGES = sorted(set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", LOCK, flags=re.MULTILINE)))
RECORDINGS = sorted({path.stem for path in (ROOT / "demo/recordings").glob("*.hea")})


@pytest.mark.parametrize("package", PACKAGES)
def test_a_locked_package_is_named(package: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(package)}(?![\w-])", PAGE), f"{package} is missing in THIRD_PARTY.md"


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_bundled_recording_is_named(recording: str) -> None:
    assert f"`{recording.lower()}`" in PAGE, f"{recording} is missing in THIRD_PARTY.md"
