"""The development records for training: names, folds over patients, where they lie."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

SEED = 20261122


def arguments(doc: str | None) -> Path:
    """The one argument every training script has."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the development records")
    folder: Path = parser.parse_args().data
    if not folder.is_dir():
        parser.error(f"{folder} is no folder: give the development records with --data")
    return folder


def arguments_and_folds(doc: str | None) -> tuple[Path, Path | None]:
    """The same, and where the weights of cross-validation are wanted (`write_fold`), if they are."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the development records")
    parser.add_argument("--folds", type=Path, help="write one model a fold here beside the product's")
    given = parser.parse_args()
    if not given.data.is_dir():
        parser.error(f"{given.data} is no folder: give the development records with --data")
    return given.data, given.folds


def records(folder: Path) -> list[str]:
    """The record names of one database, in order."""
    return sorted(path.stem for path in folder.glob("*.hea"))


def folds(names: Sequence[str], count: int = 5) -> list[list[str]]:
    """Records dealt to folds by the hash of their name: the same everywhere, and no order of the database in it."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(f"{SEED}:{name}".encode()).hexdigest())
    return [list(ordered[k::count]) for k in range(count)]


def write_fold(folder: Path, name: str, fold: int, arrays: Mapping[str, np.ndarray], blind: Iterable[str]) -> None:
    """The weights of one fold and, beside them, the records (`database/record`) that they did not see."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / f"{name}{fold}.npz", **arrays)
    (folder / f"{name}{fold}.txt").write_text("\n".join(sorted(blind)) + "\n", encoding="utf-8")
