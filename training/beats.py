"""Train the beat classes (`ecg.beats`): ventricular by shape, then early from above by time and P wave.

    python -m training.beats --data ../shared/data

Reads MIT-BIH (the development half without the paced records) and the noise of nstdb; prints figures of a 5-fold
cross-validation over records and writes `ecg/trained/beats.npz`; with `--folds DIR` it writes instead the weights of
each fold there. `--heard DIR` lets each record be heard by the detector's fold weights in DIR that did not see it.
Each record is seen with its beats where the product's own detector hears them, and at its reference beats with each
lead alone and with noise.
Rhythms the records do not hold (early beats in the majority, block, pauses, long ventricular runs) are made of their
own beats set at other times (`spliced`).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import wfdb
from sklearn.ensemble import HistGradientBoostingClassifier

from ecg import trained
from ecg.beats.classes import Answer, Classifier, Judge
from ecg.beats.features import SHAPE, TIME
from ecg.results import Beat
from ecg.signal.trace import row_of, trace_of
from ecg.stream import Core
from training.records import SEED, folds, records, write_fold
from training.spliced import Example, shaken, spliced_all
from training.trees import export

PACED = ("102", "104")
CLASS = {**dict.fromkeys("NLRBejn", "N"), **dict.fromkeys("AaJS", "S"), **dict.fromkeys("VEr", "V"), "F": "F"}
CLASS |= dict.fromkeys("/fQ?", "Q")
KINDS = ("heard", "first", "second", "noisy")
STRIP_ROWS, STRIPS, STRIPS_ECTOPIC = 1000, 40, 60  # ten seconds; how many of a record, and besides with early beats
LEARNING_ROWS = 30_000  # EC57 does not score the first five minutes
DEPTH = 4
V_TREES, V_RATE, V_L2, V_LEAF, V_PART = 70, 0.1, 5.0, 60, 0.33
S_TREES, S_RATE, S_L2, S_LEAF, S_PART = 70, 0.08, 10.0, 80, 0.2
V_LIMIT, S_LIMIT = 0.6, -0.9  # logits from which a beat is called; chosen on the cross-validation
# What physiology says of the sign; elsewhere the trees are free.
V_SIGN = {
    "like_main": -1,
    "like_main_best_lead": -1,
    "width": 1,
    "width_more": 1,
    "edge": -1,
    "edge_more": -1,
    "bulk": 1,
    "bulk_more": 1,
    "before_part": -1,
}
S_SIGN = {
    "before_part": -1,
    "before_long": -1,
    "before_after": -1,
    "before_sinus": -1,
    "unsteady": -1,
    "jitter": -1,
    "jumpy_share": -1,
    "p_less": -1,
    "p_around": 1,
    "common": -1,
    "previous_ventricular": -1,
}


@dataclass(frozen=True)
class Whole:
    """A whole trace, as `ecg.beats` asks for one."""

    rows: np.ndarray
    first: int = 0


class Listener:
    """A judge that keeps what it is shown and says what it is told (or that nothing is anything)."""

    def __init__(self, say: np.ndarray | None = None) -> None:
        self.shown: list[np.ndarray] = []
        self.say, self.at = say, 0

    def logits(self, rows: np.ndarray) -> np.ndarray:
        self.shown.append(rows)
        first, self.at = self.at, self.at + len(rows)
        said = np.full(len(rows), -5.0) if self.say is None else self.say[first : self.at]
        return said[:, None]


class Fitted:
    """A fitted model as a judge; `limit` is moved to 0, as in the product."""

    def __init__(self, model: HistGradientBoostingClassifier, limit: float = 0.0) -> None:
        self.model, self.limit = model, limit

    def logits(self, rows: np.ndarray) -> np.ndarray:
        return np.round(self.model._raw_predict(rows), 3) - self.limit


def run(example: Example, ventricular: Judge | None = None, early: Judge | None = None) -> Answer:
    """The product's own path over one example."""
    n, leads = len(example.rows), example.trace.shape[1]
    no = np.zeros(n, dtype=bool)
    classifier = Classifier(leads, ventricular, early)
    trace = Whole(example.trace)
    usable = np.ones((n, leads), dtype=bool)
    return classifier.push(example.rows, no, no, usable, trace, len(example.trace), final=True)


# -- examples


def read(folder: Path, record: str, samples_heard: np.ndarray) -> Example:
    """One record with its reference beats."""
    signal = wfdb.rdrecord(str(folder / record))
    notes = wfdb.rdann(str(folder / record), "atr")
    beat = np.isin(notes.symbol, list(CLASS))
    rows = row_of(notes.sample[beat].astype(np.int64), signal.fs)
    signal_uv = (signal.p_signal * 1000).astype(np.float32)
    classes = np.array([CLASS[symbol] for symbol in np.array(notes.symbol)[beat]])
    heard = row_of(samples_heard, signal.fs)
    return Example(record, "whole", trace_of(signal_uv, signal.fs), rows, classes, heard)


def hear(folder: Path, names: Sequence[str], weights: Path | None) -> dict[str, np.ndarray]:
    """Samples at which the product's own detector puts the beats of records; `weights`: other than the shipped."""
    trained.use({} if weights is None else {"qrs": weights})
    heard = {}
    for name in names:
        signal = wfdb.rdrecord(str(folder / name))
        signal_uv = (signal.p_signal * 1000).astype(np.float32)
        core = Core(signal.fs, tuple(f"{name}.{lead}" for lead in range(signal_uv.shape[1])))
        items = [*core.feed(signal_uv), *core.finish()]
        heard[name] = np.array([item.sample for item in items if isinstance(item, Beat)], dtype=np.int64)
    return heard


def all_heard(folder: Path, names: Sequence[str], detectors: Path | None) -> dict[str, np.ndarray]:
    """Of every record; each by the detector that did not see it where `detectors` holds fold weights (`qrs<k>`)."""
    by_weights: dict[Path | None, list[str]] = {}
    lists = {} if detectors is None else {path: path.read_text().split() for path in sorted(detectors.glob("qrs*.txt"))}
    for name in names:
        blind = next((path.with_suffix(".npz") for path, own in lists.items() if f"mitdb/{name}" in own), None)
        by_weights.setdefault(blind, []).append(name)
    heard: dict[str, np.ndarray] = {}
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as one_at_a_time:
        for part in one_at_a_time.map(hear, [folder] * len(by_weights), by_weights.values(), by_weights.keys()):
            heard |= part
    return heard


def matched(rows: np.ndarray, classes: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The class of the reference beat within 150 ms of each one heard, O where there is none."""
    place = np.searchsorted(rows, heard)
    near = np.stack([np.clip(place - 1, 0, len(rows) - 1), np.clip(place, 0, len(rows) - 1)])
    away = np.abs(rows[near] - heard)
    best = near[away.argmin(axis=0), np.arange(len(heard))]
    return np.where(away.min(axis=0) <= 15, classes[best], "O")


def seen_as(example: Example, kind: str, noise: Mapping[str, np.ndarray]) -> Example:
    """The example as it is heard, with one lead, or with noise."""
    if kind == "heard":
        heard = example.heard[np.concatenate([[True], np.diff(example.heard) > 5])]
        classes = matched(example.rows, example.classes, heard)
        return Example(example.record, kind, example.trace, heard, classes, heard)
    rng = np.random.default_rng([SEED, int(example.record), KINDS.index(kind)])
    rows = shaken(example.rows, rng)
    keep = np.concatenate([[True], np.diff(rows) > 5])
    trace = example.trace
    if kind in ("first", "second"):
        trace = np.ascontiguousarray(trace[:, [KINDS.index(kind) - 1]])
    if kind == "noisy":
        trace = with_noise(trace, rows, noise, rng)
    return Example(example.record, kind, trace, rows[keep], example.classes[keep], example.heard)


def strips_of(example: Example) -> list[Example]:
    """Ten-second strips of what is heard, as of an ECG at rest: some of those with early beats, some of all."""
    rng = np.random.default_rng([SEED, int(example.record), len(KINDS)])
    first = np.arange(0, len(example.trace) - STRIP_ROWS, STRIP_ROWS)
    early = np.array([np.isin(classes_in(example, at), ["S", "V"]).any() for at in first])
    chosen = [rng.permutation(first[early])[:STRIPS_ECTOPIC], rng.permutation(first[~early])[:STRIPS]]
    made = []
    for number, at in enumerate(np.concatenate(chosen)):
        own = (example.rows >= at) & (example.rows < at + STRIP_ROWS)
        if own.sum() < 4:
            continue
        # Leads in turns: some strips have both, some one.
        leads = [slice(0, 2), slice(0, 2), slice(0, 1), slice(1, 2)][number % 4]
        trace = np.ascontiguousarray(example.trace[at : at + STRIP_ROWS, leads])
        rows = example.rows[own] - at
        made.append(Example(example.record, "strip", trace, rows, example.classes[own], rows))
    return made


def classes_in(example: Example, first: int) -> np.ndarray:
    first, end = np.searchsorted(example.rows, [first, first + STRIP_ROWS])
    return example.classes[first:end]


def with_noise(
    trace: np.ndarray, rows: np.ndarray, noise: Mapping[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Half a minute of one noise after another, some without, at 3 to 22 dB (power of the QRS as in `nst`)."""
    out = trace.astype(np.float64)
    size = np.median([np.ptp(trace[max(0, row - 8) : row + 9], axis=0) for row in rows[::20]], axis=0)
    for first in range(0, len(trace), 3000):
        if rng.random() < 0.4:
            continue
        source = noise[str(rng.choice(["em", "ma", "em", "ma", "bw"]))]
        start = int(rng.integers(0, len(source) - 3000))
        stretch = source[start : start + 3000].astype(np.float64)
        for lead in range(trace.shape[1]):
            one = stretch[:, lead % stretch.shape[1]]
            gain = size[lead] / np.sqrt(8) / 10 ** (rng.uniform(3, 22) / 20) / max(1.0, one.std())
            out[first : first + 3000, lead] += gain * one[: len(out) - first]
    return np.clip(np.rint(out), -32_000, 32_000).astype(np.int16)


# -- fitting


def weights(positive: np.ndarray, record: np.ndarray, part: float) -> np.ndarray:
    """No record rules: a record's beats of a class weigh as the root of their number; positives weigh `part` in all."""
    weight = np.ones(len(positive))
    for name in np.unique(record):
        for truth in (True, False):
            own = (record == name) & (positive == truth)
            weight[own] = max(1, own.sum()) ** -0.5
    for truth, share in ((True, part), (False, 1 - part)):
        weight[positive == truth] *= share * len(weight) / weight[positive == truth].sum()
    return weight


@dataclass(frozen=True, eq=False)
class Table:
    """Rows for fitting: x (n, features), positive (n,), record (n,)."""

    x: np.ndarray
    positive: np.ndarray
    record: np.ndarray


def joined(tables: Sequence[Table]) -> Table:
    return Table(
        np.concatenate([t.x for t in tables]),
        np.concatenate([t.positive for t in tables]),
        np.concatenate([t.record for t in tables]),
    )


def fit_v(table: Table) -> HistGradientBoostingClassifier:
    return _fit(table, V_TREES, V_RATE, V_L2, V_LEAF, V_PART, [V_SIGN.get(name, 0) for name in SHAPE])


def fit_s(table: Table) -> HistGradientBoostingClassifier:
    return _fit(table, S_TREES, S_RATE, S_L2, S_LEAF, S_PART, [S_SIGN.get(name, 0) for name in TIME])


def _fit(
    table: Table, trees: int, rate: float, l2: float, leaf: int, part: float, signs: list[int]
) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        max_depth=DEPTH,
        max_leaf_nodes=2**DEPTH,
        learning_rate=rate,
        l2_regularization=l2,
        min_samples_leaf=leaf,
        monotonic_cst=signs,
        max_bins=64,
        early_stopping=False,
        random_state=SEED % 2**31,
    )
    return model.fit(table.x, table.positive, sample_weight=weights(table.positive, table.record, part))


def v_table(example: Example, x: np.ndarray, name: str) -> Table:
    """Fusion and unclassed beats teach nothing; of the normal ones every third is enough."""
    keep = np.isin(example.classes, ["N", "S", "V", "O"])
    keep &= (example.classes != "N") | (np.arange(len(keep)) % 3 == 0)
    return Table(x[keep], example.classes[keep] == "V", np.full(keep.sum(), name))


def s_table(example: Example, x: np.ndarray, name: str) -> Table:
    """Beats that are not called ventricular, and all early ones; of the others every third, or early ones."""
    calm = (np.arange(len(x)) % 3 == 0) | (x[:, TIME.index("before_part")] < 0.9)
    keep = np.isin(example.classes, ["N", "O"]) & (x[:, TIME.index("ventricular")] < V_LIMIT) & calm
    keep |= example.classes == "S"
    return Table(x[keep], example.classes[keep] == "S", np.full(keep.sum(), name))


def shown(example: Example, ventricular: Judge | None) -> tuple[np.ndarray, np.ndarray]:
    """The rows both judges are shown: shape, and time given what the first says."""
    first, second = Listener(), Listener()
    if ventricular is None:
        run(example, first, second)
        return np.concatenate(first.shown), np.concatenate(second.shown)
    run(example, ventricular, second)
    return np.zeros((0, len(SHAPE)), dtype=np.float32), np.concatenate(second.shown)


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that is fitted on: the examples, what the shape judge is shown of each, the spliced ones, tables."""

    names: list[str]
    examples: dict[tuple[str, str], Example]
    shape: dict[tuple[str, str], np.ndarray]
    made: list[Example]
    strips: list[Example]
    v_tables: list[tuple[str, Table]]


def gather(data: Path, detectors: Path | None) -> Material:
    names = [name for name in records(data / "mitdb") if name not in PACED]
    noise = {}
    for kind in ("em", "ma", "bw"):
        signal = wfdb.rdrecord(str(data / "nstdb" / kind))
        noise[kind] = trace_of((signal.p_signal * 1000).astype(np.float32), signal.fs)
    heard = all_heard(data / "mitdb", names, detectors)
    source = {name: read(data / "mitdb", name, heard[name]) for name in names}
    examples = {(name, kind): seen_as(source[name], kind, noise) for name in names for kind in KINDS}
    shape = {key: shown(example, None)[0] for key, example in examples.items()}
    made = spliced_all(source, noise["ma"])
    tables = [(key[0], v_table(e, shape[key], key[0])) for key, e in examples.items()]
    tables += [(e.record, v_table(e, shown(e, None)[0], f"made {number}")) for number, e in enumerate(made)]
    # Strips are judged only: taught with them, the trees took a strip with bundle branch block for ventricular rhythm
    # and early beats in fibrillation for ectopic ones.
    strips = [strip for name in names for strip in strips_of(examples[name, "heard"])]
    return Material(names, examples, shape, made, strips, tables)


@dataclass(frozen=True, eq=False)
class Crossed:
    """Models by record, fitted without it; the tables the second stage was fitted on."""

    ventricular: dict[str, HistGradientBoostingClassifier]
    early: dict[str, HistGradientBoostingClassifier]
    s_tables: list[tuple[str, Table]]

    def symbols(self, example: Example) -> np.ndarray:
        """What the product says of an example with models that have not seen its record: AAMI classes."""
        v, s = self.ventricular[example.record], self.early[example.record]
        answer = run(example, Fitted(v, V_LIMIT), Fitted(s, S_LIMIT)).classified
        return np.array(["NSVFQQ"[code] for code in answer.symbol])


def cross_validate(material: Material) -> Crossed:
    parts = folds(material.names)
    ventricular, early = {}, {}
    for part in parts:
        model = fit_v(joined([table for name, table in material.v_tables if name not in part]))
        ventricular |= dict.fromkeys(part, model)
    # The second stage is taught with what the first says of records it has not seen.
    v_logit = {key: Fitted(ventricular[key[0]], V_LIMIT).logits(x)[:, 0] for key, x in material.shape.items()}
    tables = [(key[0], s_table(e, shown(e, Listener(v_logit[key]))[1], key[0])) for key, e in material.examples.items()]
    for number, example in enumerate(material.made):
        x = shown(example, Fitted(ventricular[example.record], V_LIMIT))[1]
        tables.append((example.record, s_table(example, x, f"made {number}")))
    for part in parts:
        early |= dict.fromkeys(part, fit_s(joined([table for name, table in tables if name not in part])))
    return Crossed(ventricular, early, tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the development records")
    parser.add_argument("--folds", type=Path, help="write the weights of each fold here, and no others")
    parser.add_argument("--heard", type=Path, help="fold weights of the detector, as training.qrs writes them")
    given = parser.parse_args()
    if not given.data.is_dir():
        parser.error(f"{given.data} is no folder: give the development records with --data")
    material = gather(given.data, given.heard)
    crossed = cross_validate(material)
    print(figures(material, crossed))
    if given.folds is not None:
        for number, part in enumerate(folds(material.names)):
            arrays = exported(crossed.ventricular[part[0]], crossed.early[part[0]])
            write_fold(given.folds, "beats", number, arrays, [f"mitdb/{name}" for name in part])
        return
    v_model = fit_v(joined([table for _, table in material.v_tables]))
    s_model = fit_s(joined([table for _, table in crossed.s_tables]))
    shipped = Path(__file__).resolve().parents[1] / "ecg" / "trained" / "beats.npz"
    np.savez_compressed(shipped, **exported(v_model, s_model))


def exported(v: HistGradientBoostingClassifier, s: HistGradientBoostingClassifier) -> dict[str, np.ndarray]:
    return limited(export(v, DEPTH, "v_"), "v_", V_LIMIT) | limited(export(s, DEPTH, "s_"), "s_", S_LIMIT)


def limited(arrays: dict[str, np.ndarray], prefix: str, limit: float) -> dict[str, np.ndarray]:
    """The limit goes into the start: a beat is called from logit 0 on."""
    arrays[prefix + "start"] = arrays[prefix + "start"] - np.int32(round(1000 * limit))
    return {key: small(value) for key, value in arrays.items()}


def small(values: np.ndarray) -> np.ndarray:
    """Leaves fit 16 bits."""
    return values.astype(np.int16) if values.dtype == np.int32 and np.abs(values).max() < 2**15 else values


def figures(material: Material, crossed: Crossed) -> str:
    """EC57 gross figures by kind and of strips, by the product's path with models that have not seen the record."""
    lines = []
    for kind in KINDS:
        counts = Counts()
        for name in material.names:
            example = material.examples[name, kind]
            counts.take(example, crossed.symbols(example), example.rows >= LEARNING_ROWS)
        lines.append(f"{kind}: {counts}")
    counts = Counts()
    for example in material.strips:
        counts.take(example, crossed.symbols(example), np.ones(len(example.rows), dtype=bool))
    return "\n".join([*lines, f"strips of ten seconds: {counts}"])


class Counts:
    """EC57 counts: of V, S and F the true, the missed and the false; runs of V in the reference, found, called, right.

    Fusion and unclassed beats called V, and unclassed ones called S, count for nothing. Ventricular fibrillation has no
    beats in the reference: runs called there do not count.
    """

    def __init__(self) -> None:
        self.of = {name: np.zeros(3, dtype=int) for name in "VSF"}
        self.runs = np.zeros(4, dtype=int)
        self.normal = np.zeros(2, dtype=int)

    def take(self, example: Example, called: np.ndarray, scored: np.ndarray) -> None:
        true = example.classes
        for name, others in (("V", "NSO"), ("S", "NVFO"), ("F", "NSVO")):
            is_it, said = (true == name) & scored, called == name
            wrong = np.isin(true, list(others)) & said & scored
            self.of[name] += [(is_it & said).sum(), (is_it & ~said).sum(), wrong.sum()]
        normal = (true == "N") & scored
        self.normal += [(normal & np.isin(called, ["V", "S"])).sum(), normal.sum()]
        there = runs_of((true == "V") & scored)
        here = [(a, b) for a, b in runs_of((called == "V") & scored) if 2 * (true[a:b] == "O").sum() <= b - a]
        self.runs += [len(there), met(there, here), len(here), met(here, there)]

    def __str__(self) -> str:
        rates = [
            f"{name} Se {100 * tp / max(1, tp + fn):.1f} +P {100 * tp / max(1, tp + fp):.1f}"
            for name, (tp, fn, fp) in self.of.items()
        ]
        there, found, here, right = self.runs
        rates.append(f"runs of V found {found} of {there}, right {right} of {here}")
        rates.append(f"N called V or S {100 * self.normal[0] / max(1, self.normal[1]):.2f} %")
        return ", ".join(rates)


def runs_of(ventricular: np.ndarray) -> list[tuple[int, int]]:
    """Half-open ranges of three or more in a row."""
    steps = np.diff(np.concatenate([[0], ventricular.astype(int), [0]]))
    pairs = zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    return [(int(a), int(b)) for a, b in pairs if b - a >= 3]


def met(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
    return sum(any(a < d and c < b for c, d in others) for a, b in some)


if __name__ == "__main__":
    main()
