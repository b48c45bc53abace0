"""The class of a short strip: the trees of `ecg/trained/screen.npz`. python -m training.screen --data ../shared/data

CinC 2017 strips whole, and the first and last 70 % of each as further examples; five-fold cross-validation over strips
(the source names no patients), then an ensemble fitted on all. The classes' scores are raised by fixed factors because
the figure that counts is the mean F1 of N, A and O, and O is the one that plain likelihood misses.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from sklearn.ensemble import HistGradientBoostingClassifier

from ecg.record import Recording
from ecg.rhythm.screen import CLASSES
from ecg.rhythm.screen_features import strip_row
from ecg.signal.trace import trace_of
from training.records import SEED, arguments_and_folds, folds, write_fold
from training.rhythm import own_beats
from training.trees import MILLI, export

OUT = Path(__file__).resolve().parents[1] / "ecg" / "trained" / "screen.npz"
DEPTH = 4
MODELS = 3
FOLDS = 5
PART = 0.7  # of a strip, as a further example
PART_WEIGHT = 0.5
PART_ROWS_MIN = 2000
FACTORS = {"A": 1.3, "N": 1.0, "O": 1.6, "~": 1.0}


@dataclass(frozen=True)
class Example:
    strip: str
    label: str
    whole: bool
    x: np.ndarray


def examples(folder: Path) -> list[Example]:
    held: dict[str, np.ndarray] = {}
    found: list[Example] = []
    for row in csv.DictReader((folder / "index.csv").open(encoding="utf-8")):
        if row["block"] not in held:
            held[row["block"]] = wfdb.rdrecord(str(folder / row["block"])).p_signal
        first = int(row["start"])
        signal = (held[row["block"]][first : first + int(row["length"]), :1] * 1000).astype(np.float32)
        trace = trace_of(signal, 300.0)
        rows, symbols = own_beats(Recording(fs=300.0, leads=("I",), signal_uv=signal))
        size = int(PART * len(trace))
        spans = [(0, len(trace))]
        if len(trace) >= PART_ROWS_MIN:
            spans += [(0, size), (len(trace) - size, len(trace))]
        for low, high in spans:
            inside = (rows >= low) & (rows < high)
            kept = "".join(np.array(list(symbols), dtype="U1")[inside])
            x = strip_row(trace[low:high], rows[inside] - low, kept)
            found.append(Example(row["record"], row["label"], high - low == len(trace), x))
    return found


def fit(among: list[Example]) -> dict[str, np.ndarray]:
    """An ensemble as one set of trees: the mean of MODELS models."""
    x = np.stack([example.x for example in among])
    y = np.array([example.label for example in among])
    weight = np.array([1.0 if example.whole else PART_WEIGHT for example in among])
    sets = []
    for number in range(MODELS):
        model = HistGradientBoostingClassifier(
            max_iter=180,
            learning_rate=0.06,
            max_depth=DEPTH,
            max_leaf_nodes=8,
            min_samples_leaf=30,
            l2_regularization=5.0,
            max_features=0.3,
            early_stopping=False,
            random_state=(SEED + number) % 2**31,
        ).fit(x, y, sample_weight=weight)
        if tuple(model.classes_) != CLASSES:
            raise ValueError(f"the classes came as {model.classes_}")
        sets.append(export(model, DEPTH))
    joined = {key: np.concatenate([one[key] for one in sets]) for key in ("feature", "threshold", "owner")}
    joined["leaf"] = np.round(np.concatenate([one["leaf"] for one in sets]) / MODELS).astype(np.int16)
    start = np.mean([one["start"] for one in sets], axis=0) + MILLI * np.log([FACTORS[name] for name in CLASSES])
    return joined | {"start": np.round(start).astype(np.int32)}


def report(true: np.ndarray, called: np.ndarray) -> None:
    f1 = {}
    for name in CLASSES:
        f1[name] = 2 * np.sum((true == name) & (called == name)) / (np.sum(true == name) + np.sum(called == name))
    mean = np.mean([f1[name] for name in "NAO"])
    rest = true != "A"
    figures = " ".join(f"{name} {value:.3f}" for name, value in f1.items())
    print(f"F1 {mean:.3f} {figures}, A: Se {np.mean(called[~rest] == 'A'):.3f} Sp {np.mean(called[rest] != 'A'):.3f}")


def main() -> None:
    from ecg.trained.trees import Trees

    data, wanted = arguments_and_folds(__doc__)
    found = examples(data / "cinc2017")
    whole = [example for example in found if example.whole]
    called: dict[str, str] = {}
    for number, names in enumerate(folds([example.strip for example in whole], FOLDS)):
        out = set(names)
        weights = fit([example for example in found if example.strip not in out])
        if wanted is not None:
            write_fold(wanted, "screen", number, weights, (f"cinc2017/{name}" for name in out))
        trees = Trees.from_weights(weights)
        held = [example for example in whole if example.strip in out]
        logits = trees.logits(np.stack([example.x for example in held]))
        called |= {example.strip: CLASSES[k] for example, k in zip(held, logits.argmax(axis=1), strict=True)}
    report(np.array([e.label for e in whole]), np.array([called[e.strip] for e in whole]))
    np.savez_compressed(OUT, **fit(found))
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
