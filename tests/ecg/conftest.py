"""Where the real recordings are, and what the ECG tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ecg

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SAMPLES = DATA.parent / "formats"


def given_folder(folder: Path) -> Path:
    """A folder of what is given beside the project. Without it a test is skipped; on CI it must be there."""
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on what is given, and there is nothing at {folder}")
        pytest.skip(f"what is given is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of development recordings."""
    return given_folder(DATA)


@pytest.fixture(scope="session")
def real(data: Path) -> Callable[[str], ecg.Recording]:
    """The first ten seconds of a real recording, by its path below the data folder."""

    def read(name: str) -> ecg.Recording:
        whole = ecg.read(data / name)
        if len(whole.signal_uv) <= 10 * whole.fs:
            return whole
        return ecg.read(data / name, end=round(10 * whole.fs))

    return read


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)
