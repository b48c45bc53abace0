"""What was learned from data: weights as npz beside a model card each, and the few lines of numpy that run them.

Training stands in `training/`, never here; nothing here knows what a model is for. A file is read once a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.generic]]

_instead: dict[str, Path] = {}


@cache
def load(name: str) -> Weights:
    """The arrays of `NAME.npz` beside this file, by name; or of the file that `use` gave for NAME."""
    path = _instead.get(name, resources.files("ecg.trained").joinpath(f"{name}.npz"))
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def use(files: Mapping[str, Path]) -> None:
    """Take other weights than the shipped ones, by name: for cross-validation, in a process of its own.

    Raises  RuntimeError: weights were read before. Models keep what they made of them, so a change would reach some of
            them only.
    """
    if load.cache_info().currsize:
        raise RuntimeError("weights were loaded already: call use first, in a fresh process")
    _instead.update(files)
