"""Train the beat classes (`ecg.beats`): ventricular by shape, then early from above by time and P wave.

    python -m training.beats --data ../shared/data

Reads MIT-BIH (the development half without the paced records) and the noise of nstdb; prints figures of a 5-fold
cross-validation over records and writes `ecg/trained/beats.npz`. Each record is seen with its
beats where the product's own detector hears them, and at its reference beats with each lead alone and with noise.
Rhythms the records do not hold (early beats in the majority, block, pauses, long ventricular runs) are made of their
own beats set at other times (`spliced`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from sklearn.ensemble import HistGradientBoostingClassifier

from ecg.beats import Answer, Classifier, Judge
from ecg.features import SHAPE, TIME
from ecg.results import Beat
from ecg.stream import Core
from ecg.trace import BASE, BASE_LAG, RATE, row_of, trace_of
from training.records import SEED, arguments, folds, records
from training.trees import export

PACED = ("102", "104")
CLASS = {**dict.fromkeys("NLRBejn", "N"), **dict.fromkeys("AaJS", "S"), **dict.fromkeys("VEr", "V"), "F": "F"}
CLASS |= dict.fromkeys("/fQ?", "Q")
KINDS = ("heard", "first", "second", "noisy")
LEARNING_ROWS = 30_000  # EC57 does not score the first five minutes
DEPTH = 4
V_TREES, V_RATE, V_L2, V_LEAF, V_PART = 70, 0.1, 5.0, 60, 0.33
S_TREES, S_RATE, S_L2, S_LEAF, S_PART = 70, 0.08, 10.0, 80, 0.2
V_LIMIT, S_LIMIT = 0.6, -0.25  # logits from which a beat is called; chosen on the cross-validation
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
ATRIAL_RHYTHMS = (
    *("sick", "sick", "sick", "sick", "bigeminy", "block"),
    *("wenckebach", "af", "arrhythmia", "runs", "pauses", "rare"),
)
VENTRICULAR_RHYTHMS = ("tachycardia", "idioventricular", "doublets")
SPLICED_S, SPLICED_ROUNDS = 420.0, 3
SINUS, OTHER_FOCUS, NO_P, FROM_BELOW = range(4)  # what stands before a spliced QRS, or that it is a ventricular one


@dataclass(frozen=True, eq=False)
class Example:
    """One stretch with true classes: trace (n, leads) int16; rows of its beats and their AAMI classes, O for no beat.

    heard: where the product's detector puts beats.
    """

    record: str
    kind: str
    trace: np.ndarray
    rows: np.ndarray
    classes: np.ndarray
    heard: np.ndarray


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


def read(folder: Path, record: str) -> Example:
    """One record with its reference beats."""
    signal = wfdb.rdrecord(str(folder / record))
    notes = wfdb.rdann(str(folder / record), "atr")
    beat = np.isin(notes.symbol, list(CLASS))
    rows = row_of(notes.sample[beat].astype(np.int64), signal.fs)
    signal_uv = (signal.p_signal * 1000).astype(np.float32)
    classes = np.array([CLASS[symbol] for symbol in np.array(notes.symbol)[beat]])
    heard = row_of(samples_heard(record, signal_uv, signal.fs), signal.fs)
    return Example(record, "whole", trace_of(signal_uv, signal.fs), rows, classes, heard)


def samples_heard(record: str, signal_uv: np.ndarray, fs: float) -> np.ndarray:
    """Where the product's own detector puts the beats of a record."""
    core = Core(fs, tuple(f"{record}.{lead}" for lead in range(signal_uv.shape[1])))
    items = [*core.feed(signal_uv), *core.finish()]
    return np.array([item.sample for item in items if isinstance(item, Beat)], dtype=np.int64)


def matched(rows: np.ndarray, classes: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The class of the reference beat within 150 ms of each one heard, O where there is none."""
    place = np.searchsorted(rows, heard)
    near = np.stack([np.clip(place - 1, 0, len(rows) - 1), np.clip(place, 0, len(rows) - 1)])
    away = np.abs(rows[near] - heard)
    best = near[away.argmin(axis=0), np.arange(len(heard))]
    return np.where(away.min(axis=0) <= 15, classes[best], "O")


def shaken(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """R as a detector would place it: a row or two off now and then."""
    return np.maximum(rows + rng.choice([-2, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1, 2], len(rows)), 0)


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


@dataclass
class Score:
    """A rhythm being written: times in seconds, classes, and what stands before each QRS."""

    rng: np.random.Generator
    at_s: list[float]
    classes: list[str]
    atria: list[int]

    def beat(self, after_s: float, spread: float, name: str = "N", atria: int = SINUS) -> None:
        before = self.at_s[-1] if self.at_s else 0.0
        self.at_s.append(before + after_s * max(0.6, 1 + spread * self.rng.standard_normal()))
        self.classes.append(name)
        self.atria.append(atria)


def written(rhythm: str, rng: np.random.Generator) -> Score:
    """A rhythm of SPLICED_S seconds. sick: slow sinus with runs of early beats that outnumber it."""
    score = Score(rng, [], [], [])
    usual = rng.uniform(0.65, 1.05)
    slow, run_max, slow_spread, run_spread = rng.uniform(1.2, 2.8), rng.integers(2, 8), rng.uniform(0.03, 0.2), 0.06
    fast = rng.uniform(0.45, 0.85) * (1 if slow > 1.6 else 0.8)
    fast_run = rng.uniform(0.32, 0.6) if rhythm == "tachycardia" else rng.uniform(0.6, 1.3)
    while not score.at_s or score.at_s[-1] < SPLICED_S:
        if rhythm == "sick":
            score.beat(slow, slow_spread)
            for _ in range(rng.integers(1, run_max + 1)):
                score.beat(fast, run_spread, "S", OTHER_FOCUS)
            if rng.random() < 0.1:
                for _ in range(rng.integers(1, 5)):
                    score.beat(slow, 0.05)
        elif rhythm == "bigeminy":
            for _ in range(rng.integers(1, 4) if rng.random() < 0.7 else rng.integers(3, 20)):
                score.beat(usual, 0.02)
            score.beat(usual * rng.uniform(0.5, 0.78), 0.0, "S", OTHER_FOCUS)
            score.beat(usual * rng.uniform(1.0, 1.35), 0.0)
        elif rhythm == "block":
            for _ in range(rng.integers(1, 9)):
                score.beat(usual, 0.02)
            score.beat(2 * usual, 0.02)
        elif rhythm == "wenckebach":
            for place in range(rng.integers(2, 6)):
                score.beat(usual * (1.12 - 0.05 * place), 0.01)
            score.beat(1.75 * usual, 0.03)
        elif rhythm == "af":
            score.beat(max(0.32, 0.85 * usual * (1 + 0.24 * rng.standard_normal())), 0.0, "N", NO_P)
        elif rhythm == "arrhythmia":
            phase = 2 * np.pi * (score.at_s[-1] if score.at_s else 0.0) / 4.2
            score.beat(usual * (1 + 0.18 * np.sin(phase)), 0.02)
        elif rhythm == "runs":
            for _ in range(rng.integers(5, 25)):
                score.beat(usual, 0.03)
            speed = rng.uniform(0.36, 0.55)
            for _ in range(rng.integers(2, 20)):
                score.beat(speed, 0.03, "S", OTHER_FOCUS)
            score.beat(usual * rng.uniform(1.1, 1.6), 0.0)
        elif rhythm == "pauses":
            for _ in range(rng.integers(8, 40)):
                score.beat(usual, 0.03)
            score.beat(usual * rng.uniform(1.8, 4), 0.0)
        elif rhythm in VENTRICULAR_RHYTHMS:
            _write_ventricular(score, rhythm, usual, fast_run)
        else:  # rare
            for _ in range(rng.integers(8, 60)):
                score.beat(usual, 0.04)
            score.beat(usual * rng.uniform(0.5, 0.85), 0.0, "S", OTHER_FOCUS)
            score.beat(usual * rng.uniform(0.98, 1.4), 0.0)
    return score


def _write_ventricular(score: Score, rhythm: str, usual: float, fast_run: float) -> None:
    """Some normal beats, then ventricular ones: runs, slow runs, or ones and twos."""
    rng = score.rng
    normal, below = ((1, 8), (1, 3)) if rhythm == "doublets" else ((10, 60), (3, 30))
    for _ in range(rng.integers(*normal)):
        score.beat(usual, 0.03)
    if rhythm == "doublets" and rng.random() < 0.3:  # between two sinus beats, without a pause
        early = rng.uniform(0.42, 0.58)
        score.beat(usual * early, 0.0, "V", FROM_BELOW)
        score.beat(usual * (1.02 - early), 0.0)
        return
    score.beat(usual * rng.uniform(0.5, 0.95), 0.0, "V", FROM_BELOW)
    for _ in range(rng.integers(*below) - 1):
        score.beat(fast_run, 0.03, "V", FROM_BELOW)
    score.beat(usual * rng.uniform(0.9, 1.6), 0.0)


BEAT_BEFORE, BEAT_AFTER, P_ROWS = 34, 52, 26
STOCK, STOCK_V = 60, 12


def beats_of(example: Example, rng: np.random.Generator, name: str = "N") -> np.ndarray | None:
    """(beats, rows, leads): beats tapered to nothing at both ends; None: too few.

    Normal ones stand between unhurried normal ones; ventricular ones are not too close to the beat before.
    """
    rows, own = example.rows, example.classes == name
    calm = np.diff(rows) > (60 if name == "N" else 35)
    if name == "N":
        own[1:-1] &= own[:-2] & own[2:] & calm[1:]
    own[1:] &= calm
    own[[0, -1]] = False
    at = rows[own]
    at = at[(at > BEAT_BEFORE + 6) & (at < len(example.trace) - BEAT_AFTER - 8)]
    if len(at) < (STOCK if name == "N" else STOCK_V):
        return None
    at = rng.choice(at, min(STOCK, len(at)), replace=False)
    cut = np.stack([example.trace[row - BEAT_BEFORE : row + BEAT_AFTER].astype(np.float64) for row in at])
    line = np.linspace(0, 1, cut.shape[1])[None, :, None]
    taper = np.ones(cut.shape[1])
    taper[:6], taper[-8:] = np.linspace(0, 1, 6), np.linspace(1, 0, 8)
    return (cut - cut[:, :1] - line * (cut[:, -1:] - cut[:, :1])) * taper[None, :, None]


def spliced(example: Example, rhythm: str, noise: np.ndarray, rng: np.random.Generator) -> Example | None:
    """A record's own normal beats set at the times of a rhythm, with its P wave, another one or none."""
    stock = beats_of(example, rng)
    below = beats_of(example, rng, "V") if rhythm in VENTRICULAR_RHYTHMS else stock
    if stock is None or below is None:
        return None
    score = written(rhythm, rng)
    rows = np.rint(np.array(score.at_s) * RATE).astype(np.int64) + BEAT_BEFORE + 6
    trace = np.zeros((rows[-1] + 200, stock.shape[2]))
    usual = np.median(stock, axis=0)
    size = np.ptp(usual, axis=0)
    fade = np.concatenate([np.ones(P_ROWS - 6), np.linspace(1, 0, 6)])[:, None]
    p_wave = usual[:P_ROWS] * fade
    moved, scaled_by, varied = int(rng.integers(-6, 7)), rng.uniform(-1, 1.1), rng.uniform(0, 0.3)
    for row, atria in zip(rows, score.atria, strict=True):
        source = below if atria == FROM_BELOW else stock
        beat = source[rng.integers(len(source))].copy()
        if atria in (NO_P, OTHER_FOCUS):
            beat[:P_ROWS] -= p_wave
        if atria == OTHER_FOCUS:
            other = np.roll(usual[:P_ROWS], moved, axis=0) * fade
            beat[:P_ROWS] += other * scaled_by * (1 + varied * rng.standard_normal())
        trace[row - BEAT_BEFORE : row + BEAT_AFTER] += beat
    if rhythm == "af":
        seconds = np.arange(len(trace))[:, None] / RATE
        wave = np.sin(2 * np.pi * rng.uniform(4.5, 7.5) * seconds + 2 * np.sin(2 * np.pi * 0.6 * seconds))
        trace += wave * size * rng.uniform(0.02, 0.08, len(size))
    start = int(rng.integers(0, len(noise) - len(trace)))
    hiss = noise[start : start + len(trace), np.arange(len(size)) % noise.shape[1]].astype(np.float64)
    trace += hiss / hiss.std(axis=0) * size * rng.uniform(0.005, 0.05, len(size))
    trace = without_baseline(trace)
    lead = int(rng.integers(0, 3))
    if lead:
        trace = np.ascontiguousarray(trace[:, [(lead - 1) % trace.shape[1]]])
    rows = shaken(rows, rng)
    return Example(example.record, rhythm, trace, rows, np.array(score.classes), rows)


def without_baseline(trace: np.ndarray) -> np.ndarray:
    """As `ecg.trace` takes it off: a moving mean, twice."""
    ends = [np.repeat(trace[:1], BASE_LAG, axis=0), trace, np.repeat(trace[-1:], BASE_LAG, axis=0)]
    joined = np.concatenate(ends)
    box = np.convolve(np.ones(BASE), np.ones(BASE)) / BASE**2
    base = np.stack([np.convolve(column, box, mode="valid") for column in joined.T], axis=1)
    return np.clip(np.rint(trace - base), -32_000, 32_000).astype(np.int16)


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
    v_tables: list[tuple[str, Table]]


def gather(data: Path) -> Material:
    names = [name for name in records(data / "mitdb") if name not in PACED]
    noise = {}
    for kind in ("em", "ma", "bw"):
        signal = wfdb.rdrecord(str(data / "nstdb" / kind))
        noise[kind] = trace_of((signal.p_signal * 1000).astype(np.float32), signal.fs)
    source = {name: read(data / "mitdb", name) for name in names}
    examples = {(name, kind): seen_as(source[name], kind, noise) for name in names for kind in KINDS}
    shape = {key: shown(example, None)[0] for key, example in examples.items()}
    made = spliced_all(source, noise["ma"])
    tables = [(key[0], v_table(e, shape[key], key[0])) for key, e in examples.items()]
    tables += [(e.record, v_table(e, shown(e, None)[0], f"made {number}")) for number, e in enumerate(made)]
    return Material(names, examples, shape, made, tables)


@dataclass(frozen=True, eq=False)
class Crossed:
    """Models by record, fitted without it; what they say of the examples; the tables the second stage was fitted on."""

    ventricular: dict[str, HistGradientBoostingClassifier]
    early: dict[str, HistGradientBoostingClassifier]
    v_logit: dict[tuple[str, str], np.ndarray]
    s_logit: dict[tuple[str, str], np.ndarray]
    s_tables: list[tuple[str, Table]]


def cross_validate(material: Material) -> Crossed:
    parts = folds(material.names)
    ventricular, early = {}, {}
    for part in parts:
        model = fit_v(joined([table for name, table in material.v_tables if name not in part]))
        ventricular |= dict.fromkeys(part, model)
    v_logit = {key: Fitted(ventricular[key[0]]).logits(x)[:, 0] for key, x in material.shape.items()}
    # The second stage is taught with what the first says of records it has not seen.
    time = {key: shown(e, Listener(v_logit[key] - V_LIMIT))[1] for key, e in material.examples.items()}
    tables = [(key[0], s_table(e, time[key], key[0])) for key, e in material.examples.items()]
    for number, example in enumerate(material.made):
        x = shown(example, Fitted(ventricular[example.record], V_LIMIT))[1]
        tables.append((example.record, s_table(example, x, f"made {number}")))
    s_logit = {}
    for part in parts:
        model = fit_s(joined([table for name, table in tables if name not in part]))
        early |= dict.fromkeys(part, model)
        s_logit |= {key: Fitted(model).logits(x)[:, 0] for key, x in time.items() if key[0] in part}
    return Crossed(ventricular, early, v_logit, s_logit, tables)


def main() -> None:
    material = gather(arguments(__doc__))
    crossed = cross_validate(material)
    for kind in KINDS:
        print(kind, figures({k: e for k, e in material.examples.items() if k[1] == kind}, crossed))
    v_model = fit_v(joined([table for _, table in material.v_tables]))
    s_model = fit_s(joined([table for _, table in crossed.s_tables]))
    arrays = limited(export(v_model, DEPTH, "v_"), "v_", V_LIMIT) | limited(export(s_model, DEPTH, "s_"), "s_", S_LIMIT)
    np.savez_compressed(Path(__file__).resolve().parents[1] / "ecg" / "trained" / "beats.npz", **arrays)


def limited(arrays: dict[str, np.ndarray], prefix: str, limit: float) -> dict[str, np.ndarray]:
    """The limit goes into the start: a beat is called from logit 0 on."""
    arrays[prefix + "start"] = arrays[prefix + "start"] - np.int32(round(1000 * limit))
    return {key: small(value) for key, value in arrays.items()}


def small(values: np.ndarray) -> np.ndarray:
    """Leaves fit 16 bits."""
    return values.astype(np.int16) if values.dtype == np.int32 and np.abs(values).max() < 2**15 else values


def spliced_all(source: Mapping[str, Example], noise: np.ndarray) -> list[Example]:
    rng = np.random.default_rng(SEED)
    names = list(source)
    made = []
    for _ in range(SPLICED_ROUNDS):
        for rhythm in (*ATRIAL_RHYTHMS, *VENTRICULAR_RHYTHMS):
            ventricular = rhythm in VENTRICULAR_RHYTHMS
            fit = [name for name in names if not ventricular or (source[name].classes == "V").sum() > 2 * STOCK_V]
            example = spliced(source[fit[rng.integers(len(fit))]], rhythm, noise, rng)
            if example is not None:
                made.append(example)
    return made


def figures(examples: Mapping[tuple[str, str], Example], crossed: Crossed) -> str:
    """EC57 gross figures of beats at reference positions."""
    v, s, wrong, normal = np.zeros(3), np.zeros(3), 0, 0
    for key, example in examples.items():
        scored = example.rows >= LEARNING_ROWS
        is_v = crossed.v_logit[key] >= V_LIMIT
        is_s = ~is_v & (crossed.s_logit[key] >= S_LIMIT)
        for counts, called, name, others in ((v, is_v, "V", "NSO"), (s, is_s, "S", "NVFO")):
            true, false = example.classes == name, np.isin(example.classes, list(others))
            counts += [(true & called & scored).sum(), (true & ~called & scored).sum(), (false & called & scored).sum()]
        n = (example.classes == "N") & scored
        normal, wrong = normal + n.sum(), wrong + (n & (is_v | is_s)).sum()
    rates = [100 * c[0] / max(1, c[0] + c[k]) for c in (v, s) for k in (1, 2)]
    return "VEB {:.1f}/{:.1f} SVEB {:.1f}/{:.1f}".format(*rates) + f" N called V or S {100 * wrong / normal:.2f} %"


if __name__ == "__main__":
    main()
