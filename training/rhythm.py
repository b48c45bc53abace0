"""Atrial fibrillation: the trees of `ecg/trained/rhythm.npz`. python -m training.rhythm --data ../shared/data

Windows of 25 s (less at the ends) of MIT-BIH, CPSC 2021, CinC 2017 (no noise strips), LUDB and CinC 2021, with
reference beats where there are any and with our own; some on single leads. Cross-validated over patients, then fitted
on all. Prints block by block what a model says of patients it has not seen.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import wfdb
from sklearn.ensemble import HistGradientBoostingClassifier

import ecg
from ecg.record import Recording
from ecg.results import Beat
from ecg.rhythm.atria import BLOCK
from ecg.rhythm.atrial_features import features
from ecg.rhythm.base import AF_COLUMNS, AF_NAMES
from ecg.rhythm.blocks import REACH, Blocks
from ecg.signal.trace import RATE, row_of, trace_of
from ecg.stream import Core
from training.records import SEED, arguments_and_folds, folds, records, write_fold
from training.trees import export

OUT = Path(__file__).resolve().parents[1] / "ecg" / "trained" / "rhythm.npz"
DEPTH = 4
FOLDS = 5
CLEAN = 0.1  # windows with more of the other rhythm than this teach nothing
TEN_S = 10 * RATE
RISES = ("step_median", "steps_50ms", "steps_tenth", "sampen", "step_1", "step_2", "step_3", "lorenz_cells")
FALLS = (
    *("two_modes", "pairs_30ms", "pairs_5pc", "near_median", "lorenz_origin", "share_max", "share_mean"),
    *("p_correlation_max", "p_correlation_mean", "p_upper_1", "p_upper_2", "p_other", "rr_hole"),
)
CLASSES = {
    **dict.fromkeys("NLRejB", "N"),
    **dict.fromkeys("AaJSn", "A"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    "Q": "Q",
    "f": "Q",
    "/": "/",
}


@dataclass(frozen=True)
class Part:
    """The windows of one recording seen in one way: x (blocks, features), y share of each block and near it in AF."""

    name: str
    patient: str
    source: str
    x: np.ndarray
    here: np.ndarray
    about: np.ndarray
    weight: float


def windows_of(trace: np.ndarray, rows: np.ndarray, symbols: str, leads: tuple[str, ...]) -> np.ndarray:
    """The feature rows of a recording's blocks."""
    rows, first = np.unique(rows, return_index=True)
    inside = (rows >= 0) & (rows < len(trace))
    kept = "".join(np.array(list(symbols), dtype="U1")[first][inside])
    blocks = Blocks(leads)
    blocks.push(rows[inside], kept, trace, 0, len(trace), final=True)
    return features(blocks.windows(0, blocks.count))


def own_beats(recording: Recording) -> tuple[np.ndarray, str]:
    """Our beats as rows of the trace."""
    core = Core(recording.fs, recording.leads)
    items = (*core.feed(recording.signal_uv), *core.finish())
    beats = sorted((item for item in items if isinstance(item, Beat)), key=lambda beat: beat.sample)
    return row_of(np.array([beat.sample for beat in beats], dtype=np.int64), recording.fs), "".join(
        beat.symbol for beat in beats
    )


def holter(folder: Path) -> Iterator[Part]:
    """Records with rhythm notes: with reference beats, own beats, and each lead alone."""
    for name in records(folder):
        path = str(folder / name)
        record, notes = wfdb.rdrecord(path), wfdb.rdann(path, "atr")
        leads = tuple(record.sig_name) if folder.name == "cpsc2021" else ("I", "II")
        recording = Recording(fs=float(record.fs), leads=leads, signal_uv=(record.p_signal * 1000).astype(np.float32))
        trace = trace_of(recording.signal_uv, recording.fs)
        here = marked(notes, recording.fs, len(trace))
        patient = name.split("_")[1] if folder.name == "cpsc2021" else name
        kept = [i for i, symbol in enumerate(notes.symbol) if symbol in CLASSES]
        reference = row_of(notes.sample[kept].astype(np.int64), recording.fs)
        own, own_symbols = own_beats(recording)
        twice = 2.0 if folder.name == "cpsc2021" else 1.0
        for rows, symbols, columns, weight in (
            (reference, "".join(CLASSES[notes.symbol[i]] for i in kept), [0, 1], 1.0),
            (own, own_symbols, [0, 1], 1.0),
            (own, own_symbols, [0], 0.5),
            (own, own_symbols, [1], 0.5),
        ):
            table = np.ascontiguousarray(trace[:, columns])
            x = windows_of(table, rows, symbols, tuple(leads[i] for i in columns))
            yield Part(name, patient, folder.name, x, here, around(here), weight * twice / 12)


def marked(notes: Any, fs: float, length: int) -> np.ndarray:
    """The share of each block that lies in atrial fibrillation or flutter."""
    changes = [
        (round(sample * RATE / fs), text.strip("\x00 "))
        for sample, symbol, text in zip(notes.sample, notes.symbol, notes.aux_note, strict=True)
        if symbol == "+" and text.startswith("(")
    ]
    rows = np.zeros(-(-length // BLOCK) * BLOCK)
    for (first, name), (end, _) in pairwise([*changes, (length, "")]):
        rows[first:end] = name in ("(AFIB", "(AFL")
    return rows.reshape(-1, BLOCK).mean(axis=1)


def around(here: np.ndarray) -> np.ndarray:
    padded = np.pad(here, REACH, mode="edge")
    return np.mean([padded[i : i + len(here)] for i in range(2 * REACH + 1)], axis=0)


def strips(folder: Path) -> Iterator[Part]:
    """CinC 2017 strips whole, and ten seconds of each."""
    held: dict[str, np.ndarray] = {}
    for place, row in enumerate(csv.DictReader((folder / "index.csv").open(encoding="utf-8"))):
        if row["label"] == "~":
            continue
        if row["block"] not in held:
            held[row["block"]] = wfdb.rdrecord(str(folder / row["block"])).p_signal
        first = int(row["start"])
        signal = (held[row["block"]][first : first + int(row["length"]), :1] * 1000).astype(np.float32)
        recording = Recording(fs=300.0, leads=("I",), signal_uv=signal)
        trace, (rows, symbols) = trace_of(signal, 300.0), own_beats(recording)
        cut = place * 197 % max(1, len(trace) - TEN_S)
        inside = (rows >= cut) & (rows < cut + TEN_S)
        short = "".join(np.array(list(symbols), dtype="U1")[inside])
        for x, weight in (
            (windows_of(trace, rows, symbols, ("I",)), 1.0),
            (windows_of(trace[cut : cut + TEN_S], rows[inside] - cut, short, ("I",)), 0.5),
        ):
            y = np.full(len(x), float(row["label"] == "A"))
            yield Part(row["record"], row["record"], "cinc2017", x, y, y, weight / len(x))


def twelve(folder: Path) -> Iterator[Part]:
    """LUDB and CinC 2021: the diagnosis of the whole recording."""
    table = csv.DictReader((folder / "labels.csv").open(encoding="utf-8-sig"))
    ludb = folder.name == "ludb"
    words = {row["ID" if ludb else "record"]: row["Rhythms" if ludb else "diagnosis"].lower() for row in table}
    for name in records(folder):
        recording = ecg.read(folder / name)
        trace, (rows, symbols) = trace_of(recording.signal_uv, recording.fs), own_beats(recording)
        x = windows_of(trace, rows, symbols, recording.leads)
        y = np.full(len(x), float("fibrillation" in words[name] or "flutter" in words[name]))
        if "ventricular f" in words[name]:
            continue
        yield Part(name, name, folder.name, x, y, y, 1.0 / len(x))


def fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> HistGradientBoostingClassifier:
    """Trees that can only rise with irregularity and only fall with what repeats."""
    signs = [1 if name in RISES else -1 if name in FALLS else 0 for name in AF_NAMES]
    model = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.08,
        max_depth=DEPTH,
        max_leaf_nodes=12,
        min_samples_leaf=80,
        l2_regularization=5.0,
        monotonic_cst=signs,
        early_stopping=False,
        random_state=SEED % 2**31,
    )
    return model.fit(x[:, AF_COLUMNS], y, sample_weight=weight)


def main() -> None:
    data, wanted = arguments_and_folds(__doc__)
    parts = [
        *holter(data / "mitdb"),
        *holter(data / "cpsc2021"),
        *strips(data / "cinc2017"),
        *twelve(data / "ludb"),
        *twelve(data / "cinc2021"),
    ]
    x = np.concatenate([part.x for part in parts])
    y = np.concatenate([part.here > 0.5 for part in parts]).astype(int)
    about = np.concatenate([part.about for part in parts])
    weight = np.concatenate([np.full(len(part.x), part.weight) for part in parts])
    clean = (about < CLEAN) | (about > 1 - CLEAN)
    owner = np.concatenate([np.full(len(part.x), i) for i, part in enumerate(parts)])
    chance = np.zeros(len(y))
    dealt = [folds(sorted({p.patient for p in parts if p.source == source}), FOLDS) for source in SOURCES]
    for fold in range(FOLDS):
        out = {name for deal in dealt for name in deal[fold]}
        held = np.isin(owner, [i for i, part in enumerate(parts) if part.patient in out])
        model = fit(x[~held & clean], y[~held & clean], weight[~held & clean])
        chance[held] = model.predict_proba(x[held][:, AF_COLUMNS])[:, 1]
        if wanted is not None:
            blind = {f"{part.source}/{part.name}" for part in parts if part.patient in out}
            write_fold(wanted, "rhythm", fold, export(model, DEPTH), blind)
    for source in SOURCES:
        at = np.isin(owner, [i for i, part in enumerate(parts) if part.source == source])
        called, true = chance[at] > 0.5, y[at] == 1
        print(f"{source:9} blocks: Se {np.mean(called[true]):.3f} Sp {np.mean(~called[~true]):.3f}")
    np.savez_compressed(OUT, **export(fit(x[clean], y[clean], weight[clean]), DEPTH))
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


SOURCES = ("mitdb", "cpsc2021", "cinc2017", "ludb", "cinc2021")

if __name__ == "__main__":
    main()
