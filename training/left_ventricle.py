"""Fits the probability of left ventricular hypertrophy (`ecg/waves/left_ventricle.py`): LUDB, CinC 2021, development.

`python -m training.left_ventricle --data ../shared/data` prints the cross-validated figures and writes
`ecg/trained/left_ventricle.npz`. A few seconds. Each recording is another person (LUDB) or taken as one (CinC 2021).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import ecg
from ecg.statements.voltage import left_voltages
from ecg.waves.left_ventricle import FEATURES, features
from training import records as places

STRENGTH, FOLDS, REPEATS, SEED = 0.3, 10, 10, 1
CALLED = 0.55  # of the balanced fit: F1 is near its highest, and fewer than one in five without it are called
LVH_SNOMED = "164873001"
OUT = Path(__file__).parents[1] / "ecg/trained/left_ventricle.npz"


def labels(data: Path) -> dict[str, bool]:
    """Records with whether the label says left ventricular hypertrophy."""
    found = {}
    with (data / "ludb/labels.csv").open(encoding="utf-8-sig") as table:
        for row in csv.DictReader(table):
            found[f"ludb/{row['ID']}"] = "Left ventricular hypertrophy" in row["Hypertrophies"]
    with (data / "cinc2021/labels.csv").open(encoding="utf-8-sig") as table:
        for row in csv.DictReader(table):
            found[f"cinc2021/{row['record']}"] = LVH_SNOMED in row["snomed"].split()
    return found


def table(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and names of the records on which all was measured."""
    rows, truth, names = [], [], []
    for name, label in labels(data).items():
        recording = ecg.read(data / name)
        done = ecg.analyze(recording)
        criteria = left_voltages(done.lead_waves, done.measurements.qrs_ms, recording.meta.sex)
        row = features(done.lead_waves, done.measurements, criteria)
        if row is not None:
            rows.append(row)
            truth.append(label)
            names.append(name)
    return np.array(rows), np.array(truth), np.array(names)


def weights(model: Pipeline) -> dict[str, np.ndarray]:
    """The arrays of the product; the bias is such that CALLED is a half."""
    scaler, logistic = model[0], model[1]
    return {
        "mean": scaler.mean_.astype(np.float32),
        "scale": scaler.scale_.astype(np.float32),
        "weight": logistic.coef_[0].astype(np.float32),
        "bias": (logistic.intercept_ - np.log(CALLED / (1 - CALLED))).astype(np.float32),
    }


def say(name: str, called: np.ndarray, truth: np.ndarray) -> None:
    tp, fn = int((called & truth).sum()), int((~called & truth).sum())
    fp, tn = int((called & ~truth).sum()), int((~called & ~truth).sum())
    f1 = 2 * tp / max(1, 2 * tp + fp + fn)
    se, sp = 100 * tp / (tp + fn), 100 * tn / (tn + fp)
    print(f"{name:10s} n {tp + fn:3d} of {len(truth):3d}  Se {se:5.1f}  Sp {sp:5.1f}  F1 {f1:.3f}")


def main() -> None:
    data, fold_dir = places.arguments_and_folds(__doc__)
    x, y, names = table(data)
    ludb = np.char.startswith(names, "ludb")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced"))
    called = np.zeros((REPEATS, len(y)))
    for repeat in range(REPEATS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED + repeat)
        called[repeat] = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    mean = called.mean(axis=0)
    for limit in (0.5, CALLED):
        say(f"all {limit}", mean >= limit, y)
        say(f"LUDB {limit}", (mean >= limit)[ludb], y[ludb])
        say(f"CinC {limit}", (mean >= limit)[~ludb], y[~ludb])
    model.fit(x, y)
    for name, weight in zip(FEATURES, model[1].coef_[0], strict=True):
        print(f"{name:12s} {weight:+.2f}")
    np.savez(OUT, **weights(model))
    for number, blind in enumerate(places.folds(list(names)) if fold_dir is not None else ()):
        seen = ~np.isin(names, blind)
        places.write_fold(fold_dir, "left_ventricle", number, weights(model.fit(x[seen], y[seen])), blind)


if __name__ == "__main__":
    main()
