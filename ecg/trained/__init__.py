"""What was learned from data: weights as npz beside a model card each, and the few lines of numpy that run them.

Training stands in `training/`, never here; nothing here knows what a model is for. A file is read once a process.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.generic]]


@cache
def load(name: str) -> Weights:
    """The arrays of `NAME.npz` beside this file, by name."""
    path = resources.files("ecg.trained").joinpath(f"{name}.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
