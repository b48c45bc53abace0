"""Trains `ecg/trained/reversal.npz`: `python -m training.reversal --data ../shared/data`.

Exchanges are made by the algebra of the leads on every 12-lead recording of LUDB and CinC 2021; one logistic score an
exchange, against the untouched recordings. Prints the nested cross-validated figures of the model card: scores and
limits both come from other patients than those they are tried on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import ecg
from ecg.waves import median as waves
from ecg.waves.reversal import EXCHANGES, INDEPENDENT, features_of, grid_of, is_mirrored
from training.records import SEED, arguments_and_folds, folds, records, write_fold

COPIES = 6  # of each recording: the whole and five from a few beats with other lead sizes
RIDGE = 0.1
RANK = 3  # the limit stands at the third largest score without an exchange, and this many spreads above:
MARGIN = {
    ("RA", "LA"): 0.15, ("RA", "LL"): 0.45, ("RA", "RL"): 0.8, ("LA", "RL"): 0.8, ("V1", "V2"): 0.35,
    ("V2", "V3"): 0.05, ("V3", "V4"): 0.05, ("V4", "V5"): 0.35, ("V5", "V6"): 0.6, ("V1", "V3"): 0.5,
}  # fmt: skip
REPORTED = (*EXCHANGES, ("LA", "LL"))


def exchanged(grid_uv: np.ndarray, pair: tuple[str, str], rng: np.random.Generator) -> np.ndarray:
    """The beat (bins, 8) as it would look with two electrodes exchanged.

    Potentials against the right arm; Wilson's terminal is their mean. The right leg is taken for the left leg but for
    a few per cent: the trunk below the heart has nearly one potential.
    """
    i, ii = grid_uv[:, 0], grid_uv[:, 1]
    right_leg = ii * (1 + 0.03 * rng.standard_normal()) + 0.03 * rng.standard_normal() * i
    at = {"RA": np.zeros(len(i)), "LA": i, "LL": ii, "RL": right_leg}
    at |= {f"V{k}": grid_uv[:, k + 1] + (i + ii) / 3 for k in range(1, 7)}
    first, second = pair
    at[first], at[second] = at[second], at[first]
    middle = (at["RA"] + at["LA"] + at["LL"]) / 3
    limb = [at["LA"] - at["RA"], at["LL"] - at["RA"]]
    return np.stack([*limb, *(at[f"V{k}"] - middle for k in range(1, 7))], axis=1)


def grids(data: Path, rng: np.random.Generator) -> tuple[list[str], list[list[np.ndarray]]]:
    """Record names and COPIES beats each."""
    names, beats = [], []
    for base in ("ludb", "cinc2021"):
        for name in records(data / base):
            whole = ecg.read(data / base / name)
            whole = ecg.Recording(whole.fs, whole.leads, whole.signal_uv[: round(10 * whole.fs)], meta=whole.meta)
            _, at = waves.dominant_beats(ecg.analyze(whole).beats)
            medians = [waves.median_beat(whole.signal_uv, at, whole.fs, whole.leads)] if len(at) >= 3 else []
            for _ in range(COPIES - 1 if medians else 0):
                some = np.sort(rng.choice(at, min(int(rng.integers(3, 6)), len(at)), replace=False))
                medians.append(waves.median_beat(whole.signal_uv, some, whole.fs, whole.leads))
            made = [_grid(median) for median in medians if median is not None]
            if not made or (np.abs(made[0]).max(axis=0) < 5.0).any():
                print("left out:", base, name)
                continue
            sized = [one * np.exp(0.1 * rng.standard_normal(8)) for one in made]
            names.append(f"{base}/{name}")
            beats.append([made[0], *(sized * COPIES)[1:COPIES]])
    return names, beats


def _grid(median: ecg.Median) -> np.ndarray:
    columns = [median.leads.index(lead) for lead in INDEPENDENT]
    return grid_of(np.nan_to_num(median.wave_uv[:, columns]).astype(np.float64), median.r_at, median.fs)


Table = dict[tuple[str, str] | None, np.ndarray]


def tables(beats: list[list[np.ndarray]], rng: np.random.Generator) -> Table:
    """Features (records, COPIES, features) of the untouched beats (None) and with each exchange."""
    made: Table = {None: np.array([[features_of(one) for one in copies] for copies in beats])}
    for pair in REPORTED:
        made[pair] = np.array([[features_of(exchanged(one, pair, rng)) for one in copies] for copies in beats])
    return made


def score(table: Table, pair: tuple[str, str], rows: np.ndarray) -> np.ndarray:
    """Weights (features + 1,) of one exchange against none, the standardisation folded in."""
    with_it, without = (table[key][rows].reshape(-1, table[key].shape[-1]) for key in (pair, None))
    both = np.concatenate([without, with_it])
    scaler = StandardScaler().fit(both)
    labels = np.repeat([0, 1], len(without))
    model = LogisticRegression(C=RIDGE, max_iter=200).fit(scaler.transform(both), labels)
    weight = model.coef_[0] / scaler.scale_
    return np.append(weight, model.intercept_[0] - weight @ scaler.mean_)


def limit_of(scores: np.ndarray, pair: tuple[str, str]) -> tuple[float, float]:
    """Limit and spread from the scores of untouched recordings."""
    spread = float(scores.std())
    return float(np.sort(scores.ravel())[-RANK]) + MARGIN[pair] * spread, spread


def out_of_fold(
    table: Table, groups: list[np.ndarray]
) -> dict[tuple[str, str], dict[tuple[str, str] | None, np.ndarray]]:
    """Scores (records, COPIES) of every exchange on every table, from models that did not see the record."""
    count = len(table[None])
    made = {pair: {key: np.zeros(rows.shape[:2]) for key, rows in table.items()} for pair in EXCHANGES}
    for group in groups:
        rest = np.setdiff1d(np.arange(count), group)
        for pair in EXCHANGES:
            weight = score(table, pair, rest)
            for key, rows in table.items():
                made[pair][key][group] = rows[group] @ weight[:-1] + weight[-1]
    return made


def report(names: list[str], table: Table) -> None:
    """Nested: the limits of a fold come from the other folds' scores."""
    dealt = folds(names, 5)
    groups = [np.array([names.index(name) for name in fold]) for fold in dealt]
    scores = out_of_fold(table, groups)
    pairs = list(EXCHANGES)
    fired: dict[tuple[str, str] | None, list[np.ndarray]] = {key: [] for key in table}
    named: dict[tuple[str, str] | None, list[np.ndarray]] = {key: [] for key in table}
    for group in groups:
        rest = np.setdiff1d(np.arange(len(names)), group)
        limits = {pair: limit_of(scores[pair][None][rest], pair) for pair in pairs}
        for key in table:
            above = np.stack([(scores[p][key][group, 0] - limits[p][0]) / limits[p][1] for p in pairs])
            fired[key].append(above.max(axis=0) > 0)
            right = pairs.index(key) if key in EXCHANGES else -1
            named[key].append((above.max(axis=0) > 0) & (above.argmax(axis=0) == right))
            for place in np.flatnonzero(above.max(axis=0) > 0) if key is None else ():
                print("false:", names[group[place]], pairs[int(above[:, place].argmax())])
    print(f"{len(names)} records; false alerts {100 * np.concatenate(fired[None]).mean():.1f} %")
    for key in REPORTED:
        any_, right = (100 * np.concatenate(rows[key]).mean() for rows in (fired, named))
        print(f"{'-'.join(key):6s} alert {any_:5.1f} %, named right {right:5.1f} %")


def arrays_of(table: Table, names: list[str], rows: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the product from these rows of the table; the limits from scores of rows not fitted on."""
    own = {key: values[rows] for key, values in table.items()}
    kept = [names[row] for row in rows]
    groups = [np.array([kept.index(name) for name in fold]) for fold in folds(kept, 5)]
    scores = out_of_fold(own, groups)
    limits = np.array([limit_of(scores[pair][None], pair) for pair in EXCHANGES])
    weight = np.stack([score(table, pair, rows) for pair in EXCHANGES])
    arrays = {"weight": weight, "limit": limits[:, 0], "spread": limits[:, 1]}
    return {key: value.astype(np.float32) for key, value in arrays.items()}


def main() -> int:
    data, fold_dir = arguments_and_folds(__doc__)
    rng = np.random.default_rng(SEED)
    names, beats = grids(data, rng)
    table = tables(beats, rng)
    print("mirrored:", sum(is_mirrored(copies[0]) for copies in beats))
    report(names, table)
    out = Path("ecg/trained/reversal.npz")
    np.savez_compressed(out, **arrays_of(table, names, np.arange(len(names))))
    print(out, out.stat().st_size, "bytes")
    for number, blind in enumerate(folds(names, 5) if fold_dir is not None else ()):
        seen = np.flatnonzero(~np.isin(names, blind))
        write_fold(fold_dir, "reversal", number, arrays_of(table, names, seen), blind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
