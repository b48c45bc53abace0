"""The Chinese sentences of every error, by code: read from the `zh-CN.yaml` beside each package's errors.

English stands in the error classes. Pages get both through the produced `errors.gen.ts`; the command line
speaks English.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

import yaml

PACKAGES = ("ecg", "device", "server")


def chinese() -> dict[str, str]:
    """Code to sentence. Raises ValueError when two files give the same code."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for file in _catalogues(resources.files(package)):
            for code, sentence in yaml.safe_load(file.read_text(encoding="utf-8"))["errors"].items():
                if code in found:
                    raise ValueError(f"two Chinese sentences for {code}")
                found[code] = str(sentence)
    return found


def _catalogues(folder: Traversable) -> list[Traversable]:
    here = [entry for entry in folder.iterdir() if entry.name == "zh-CN.yaml"]
    below = [
        f for entry in folder.iterdir() if entry.is_dir() and entry.name != "__pycache__" for f in _catalogues(entry)
    ]
    return here + below
