"""Trains `ecg/trained/quality.npz`: `python -m training.quality --data ../shared/data`.

Two small models: what second of a lead is noise (boosted trees on `ecg.signal.readable`'s; noise added to clean
recordings after the method of the MIT-BIH noise stress test), and what 12-lead recording is unacceptable (a small
forest on what the hops add up to; CinC 2011). Prints the cross-validated figures of the model card.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

import ecg
from ecg.signal import readable
from ecg.signal.hops import hops_quality
from ecg.signal.quality import acceptance_features, tally_of
from ecg.signal.trace import trace_of
from training.records import SEED, arguments_and_folds, folds, records, write_fold
from training.trees import export, forest

DEPTH, ROUNDS, RATE = 4, 44, 0.25
HOP_FOLDS, RECORD_FOLDS = 2, 10
CLEAN_FLAGGED = 0.004  # share of clean MIT-BIH hops that may be called dark in cross-validation
FOREST, FOREST_DEPTH, LINE = 80, 6, 0.20  # of the acceptance model; its line: missing a bad recording costs more
KEPT = {
    "clean": 0.12,
    "mixed": 0.07,
    "short": 0.15,
    "vf": 0.35,
    "strip": 0.06,
    "burst": 0.4,
}  # share of seconds that train


class Part:
    """One recording's seconds: features (seconds, leads, features), label a second (1 noise), weight, share kept."""

    def __init__(self, record: str, kind: str, signal_uv: np.ndarray, fs: float, label: np.ndarray | int) -> None:
        self.record, self.kind = record, kind
        self.rows = seconds_of(signal_uv, fs)
        self.label = np.broadcast_to(label, (len(self.rows),)) if np.ndim(label) == 0 else label[: len(self.rows)]
        self.judged = self.label >= 0


def seconds_of(signal_uv: np.ndarray, fs: float) -> np.ndarray:
    signal = np.asarray(signal_uv, dtype=np.float32)
    hops, trace = hops_quality(signal, fs), trace_of(signal, fs)
    count = min(len(hops.range_uv), len(trace) // readable.HOP_ROWS) // readable.STEP * readable.STEP
    if not count:
        return np.zeros((0, signal.shape[1], len(readable.FEATURES)), dtype=np.float32)
    rows = trace[: count * readable.HOP_ROWS]
    before = np.repeat(rows[:1], readable.LAG, axis=0)
    counts = readable.counts_of(rows, before, hops.range_uv[:count], hops.level_uv[:count], hops.level_uv[0])
    return readable.features_of(counts, 0).reshape(-1, signal.shape[1], len(readable.FEATURES))


def noisy(
    clean_uv: np.ndarray, noise_uv: np.ndarray, beats: np.ndarray, fs: float, snr_db: float, seconds: np.ndarray
) -> np.ndarray:
    """After nst: signal power from the QRS of the first five minutes (A^2 / 8), noise power from 1 s windows, both
    trimmed; noise in the seconds that are set."""
    half, window = round(0.05 * fs), round(fs)
    out = np.array(clean_uv, dtype=np.float64)
    on = np.repeat(seconds, window)[: len(clean_uv)]
    on = np.pad(on, (0, len(clean_uv) - len(on)))
    for lead in range(out.shape[1]):
        size = _trimmed([np.ptp(clean_uv[b - half : b + half + 1, lead]) for b in beats if half <= b < len(out) - half])
        one = np.resize(noise_uv[:, lead % noise_uv.shape[1]], len(out)).astype(np.float64)
        one -= one.mean()
        rms = _trimmed(
            [one[i : i + window].std() for i in range(0, min(len(noise_uv), len(one)) - window, window)][:300]
        )
        out[:, lead] += on * one * np.sqrt(size**2 / 8 / 10 ** (snr_db / 10)) / rms
    return out


def noise_seconds(samples: int, fs: float) -> np.ndarray:
    """1 where the noise is on, second by second: from minute 5, on for two minutes, off for two; -1 elsewhere."""
    second = np.arange(int(samples / fs)) - 300
    return np.where((second >= 0) & (second // 120 % 2 == 0), 1, -1)


def _hum(samples: int, fs: float, rng: np.random.Generator) -> np.ndarray:
    """Mains as a column, 0.25 to 4 mV."""
    size, hz = 250.0 * 2 ** rng.uniform(0, 4), rng.choice([50.0, 60.0])
    return (size * np.sin(2 * np.pi * hz * np.arange(samples) / fs))[:, None]


def bursts(samples: int, fs: float, rng: np.random.Generator) -> np.ndarray:
    """1 in bursts of noise of 3 to 15 s, 0 in the rests of 8 to 30 s between them, second by second."""
    made: list[int] = []
    while len(made) < samples / fs:
        made += [0] * int(rng.integers(8, 31)) + [1] * int(rng.integers(3, 16))
    return np.array(made[: int(samples / fs)])


def _trimmed(values: list[float], part: float = 0.05) -> float:
    ordered = np.sort(np.asarray(values))
    cut = int(len(ordered) * part)
    return float(ordered[cut : len(ordered) - cut].mean())


def hop_parts(data: Path, rng: np.random.Generator) -> list[Part]:
    """Every recording that trains or tests the hop model."""
    import wfdb

    noise = {kind: wfdb.rdrecord(str(data / "nstdb" / kind)).p_signal * 1000.0 for kind in ("em", "ma", "bw")}
    parts = []
    for name in records(data / "mitdb"):
        path = data / "mitdb" / name
        whole, marks = ecg.read(path), wfdb.rdann(str(path), "atr")
        fs, clean = whole.fs, whole.signal_uv
        early = marks.sample < 300 * fs
        beats = marks.sample[early & np.isin(marks.symbol, list("NLR"))]
        if len(beats) < 20:
            beats = marks.sample[early & np.isin(marks.symbol, list("NLRVAaJSFejnE/fQ"))]
        parts.append(Part(name, "clean", clean, fs, 0))
        on = noise_seconds(len(clean), fs)
        for kind, snr, label in (("em", 0, 1), ("em", 6, 0), ("em", 12, 0), ("ma", 0, 1), ("bw", 0, 0)):
            rolled = np.roll(noise[kind], -int(rng.integers(len(noise[kind]))), axis=0)
            mixed = noisy(clean, rolled, beats, fs, snr, on == 1)
            parts.append(Part(name, f"{kind}{snr}", mixed, fs, np.where(on == 1, label, -1)))
        for kind in ("em", "ma"):
            rolled = np.roll(noise[kind], -int(rng.integers(len(noise[kind]))), axis=0)
            inside = bursts(len(clean) // 3, fs, rng)
            mixed = noisy(clean[: len(clean) // 3], rolled, beats[beats < len(clean) // 3], fs, 0, inside == 1)
            parts.append(Part(name, f"{kind}0 bursts", mixed, fs, inside))
    for kind in ("em", "ma"):
        for size in (0.1, 0.3, 1.0, 3.0):
            piece = np.roll(noise[kind], -int(rng.integers(len(noise[kind]))), axis=0)[: 180 * 360]
            parts.append(Part(f"{kind}{size}", "noise alone", size * piece, 360.0, 1))
    white = {size: size * rng.standard_normal((60 * 500, 2)) for size in (30.0, 60.0, 100.0, 200.0, 400.0)}
    parts += [Part(f"white{size}", "white noise", signal, 500.0, 1) for size, signal in white.items()]
    for base in ("ludb", "cinc2021", "cudb", "cpsc2021"):
        for name in records(data / base):
            whole = ecg.read(data / base / name)
            parts.append(Part(name, base, whole.signal_uv, whole.fs, 0))
            if base == "ludb":
                wave = _hum(len(whole.signal_uv), whole.fs, rng)
                parts.append(Part(name, "ludb with hum", whole.signal_uv + wave, whole.fs, 0))
    for number in range(30):
        alone = _hum(60 * 500, 500.0, rng) + rng.uniform(1, 8) * rng.standard_normal((60 * 500, 2))
        parts.append(Part(f"hum{number}", "hum, noise", alone, 500.0, 1))
    with (data / "cinc2011" / "labels.csv").open() as table:
        good = [row["record"] for row in csv.DictReader(table) if row["quality"] == "acceptable"]
    with (data / "cinc2015" / "labels.csv").open() as table:
        true = [(row["record"], row["alarm"]) for row in csv.DictReader(table) if row["true"] == "1"]
    for base, name, kind in (*(("cinc2011", n, "cinc2011") for n in good), *(("cinc2015", n, a) for n, a in true)):
        record = wfdb.rdrecord(str(data / base / name))
        parts.append(Part(name, kind, record.p_signal * 1000.0, float(record.fs), 0))
    with (data / "cinc2017" / "index.csv").open() as table:
        for row in [row for row in csv.DictReader(table) if row["label"] in "NAO~"][::3]:
            start = int(row["start"])
            record = wfdb.rdrecord(
                str(data / "cinc2017" / row["block"]), sampfrom=start, sampto=start + int(row["length"])
            )
            label = -1 if row["label"] == "~" else 0
            kind = f"strip {row['label']}"
            parts.append(Part(row["record"], kind, record.p_signal * 1000.0, float(record.fs), label))
            parts[-1].judged = np.ones(len(parts[-1].rows), dtype=bool)
    return parts


def _kept(kind: str) -> str:
    """The row of KEPT for a kind of part."""
    if "bursts" in kind or "noise" in kind:
        return "burst"
    if kind in ("cudb", "Ventricular_Flutter_Fib"):
        return "vf"
    if kind == "clean":
        return "clean"
    return "mixed" if kind[:2] in ("em", "ma", "bw") else "strip" if kind.startswith("strip") else "short"


def hop_rows(parts: list[Part], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """What of the parts trains: rows, labels, weights."""
    rows, labels, weights = [], [], []
    for part in parts:
        share = KEPT[_kept(part.kind)]
        take = (part.label >= 0) & (rng.random(len(part.rows)) < share)
        leads = part.rows.shape[1]
        rows.append(part.rows[take].reshape(-1, len(readable.FEATURES)))
        labels.append(np.repeat(part.label[take], leads))
        weight = {"em6": 0.15, "em12": 0.5, "cudb": 1.5}.get(part.kind, 0.4 if leads > 3 else 1.0)
        weights.append(np.full(len(labels[-1]), weight))
    return np.concatenate(rows), np.concatenate(labels), np.concatenate(weights)


def hop_model(parts: list[Part], rng: np.random.Generator) -> HistGradientBoostingClassifier:
    rows, labels, weights = hop_rows(parts, rng)
    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        max_depth=DEPTH,
        learning_rate=RATE,
        min_samples_leaf=60,
        l2_regularization=5.0,
        max_bins=63,
        early_stopping=False,
        random_state=SEED,
    )
    return model.fit(rows, labels, sample_weight=weights)


def noise_of(model: HistGradientBoostingClassifier, part: Part) -> np.ndarray:
    """Seconds to the smoothed logits of `Reader`, (seconds, leads) thousandths."""
    flat = part.rows.reshape(-1, len(readable.FEATURES))
    logits = (
        np.rint(1000 * model.decision_function(flat)).reshape(part.rows.shape[:2]) if len(flat) else part.rows[..., 0]
    )
    clipped = np.clip(logits, readable.LOGIT_MIN, readable.LOGIT_MAX)
    total = np.concatenate([np.zeros((1, clipped.shape[1])), np.cumsum(clipped, axis=0)])
    ends = np.arange(1, len(clipped) + 1)
    first = np.maximum(ends - readable.MEMORY, 0)
    return (total[ends] - total[first]) // (ends - first)[:, None]


Fold = tuple[dict[str, np.ndarray], list[str]]  # arrays, and the records that these did not see


def train_hops(data: Path) -> tuple[dict[str, np.ndarray], list[Fold]]:
    """The arrays of all records, and of HOP_FOLDS folds."""
    rng = np.random.default_rng(SEED)
    parts = hop_parts(data, rng)
    print("parts", len(parts), flush=True)
    dealt = folds(sorted({part.record for part in parts}), HOP_FOLDS)
    found: dict[str, list[tuple[str, np.ndarray]]] = {}
    made: list[Fold] = []
    for fold in dealt:
        inside = set(fold)
        model = hop_model([part for part in parts if part.record not in inside], rng)
        made.append((export(model, DEPTH, "hop_"), fold))
        for part in parts:
            if part.record in inside and len(part.rows):
                best = np.sort(noise_of(model, part), axis=1)[:, : readable.LEADS_MIN].mean(axis=1)
                found.setdefault(part.kind, []).append((part.record, best[part.judged]))
    clean = np.concatenate([best for _, best in found["clean"]])
    limit = int(np.quantile(clean, 1 - CLEAN_FLAGGED))
    print("limit", limit)
    for kind, rows in found.items():
        flagged = np.concatenate([best for _, best in rows]) > limit
        each = sorted((round(100 * float((best > limit).mean()), 1), name) for name, best in rows if len(best))
        print(
            f"{kind:26s} {len(flagged):6d} s, dark {100 * flagged.mean():5.1f} %",
            *(each[:3] if kind in ("em0", "ma0") else each[-3:]),
            flush=True,
        )
    set_ = {"hop_limit": np.array([limit], dtype=np.int32)}
    return export(hop_model(parts, rng), DEPTH, "hop_") | set_, [(arrays | set_, blind) for arrays, blind in made]


def record_rows(data: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """CinC 2011 by its labels, and what LUDB and CinC 2021 published with all leads on as acceptable: names, features,
    1 where unacceptable."""
    with (data / "cinc2011" / "labels.csv").open() as table:
        label = {f"cinc2011/{row['record']}": row["quality"] == "unacceptable" for row in csv.DictReader(table)}
    label |= {f"{base}/{name}": False for base in ("ludb", "cinc2021") for name in records(data / base)}
    names, features = [], []
    for name in label:
        whole = ecg.read(data / name)
        whole = ecg.Recording(whole.fs, whole.leads, whole.signal_uv[: round(10 * whole.fs)])
        tally = tally_of(whole, trace_of(whole.signal_uv, whole.fs))
        if not name.startswith("cinc2011") and (tally.counts["flat"] > 0).any():
            continue
        names.append(name)
        features.append(acceptance_features(tally))
    return names, np.array(features), np.array([label[name] for name in names])


def record_model(features: np.ndarray, bad: np.ndarray) -> ExtraTreesClassifier:
    model = ExtraTreesClassifier(FOREST, max_depth=FOREST_DEPTH, max_features=0.3, random_state=SEED)
    return model.fit(features, bad)


def train_records(data: Path) -> tuple[dict[str, np.ndarray], list[Fold]]:
    """The arrays of all records, and of RECORD_FOLDS folds."""
    names, features, bad = record_rows(data)
    found = np.zeros(len(names))
    made: list[Fold] = []
    for fold in folds(names, RECORD_FOLDS):
        inside = np.isin(names, fold)
        model = record_model(features[~inside], bad[~inside])
        found[inside] = model.predict_proba(features[inside])[:, 1]
        made.append((forest(model, FOREST_DEPTH, LINE, "record_"), fold))
    base = np.array([name.split("/")[0] for name in names])
    judged = base == "cinc2011"
    for line in LINE + np.arange(-0.12, 0.13, 0.04):
        called = found > line
        others = [f"{one} {100 * called[base == one].mean():.1f} %" for one in ("ludb", "cinc2021")]
        print(
            f"CinC 2011, {RECORD_FOLDS} folds, line {line:.2f}: accuracy {100 * (called == bad)[judged].mean():.1f}, "
            f"Se {100 * called[bad].mean():.1f}, Sp {100 * (~called[judged & ~bad]).mean():.1f}; sent back:",
            *others,
        )
    return forest(record_model(features, bad), FOREST_DEPTH, LINE, "record_"), made


def in_databases(data: Path, names: list[str]) -> set[str]:
    """`database/record` of every recording of these names; noise that was made here has none."""
    with (data / "cinc2017" / "index.csv").open() as table:
        places = {row["record"]: {f"cinc2017/{row['record']}"} for row in csv.DictReader(table)}
    for path in data.glob("*/*.hea"):
        places.setdefault(path.stem, set()).add(f"{path.parent.name}/{path.stem}")
    return set[str]().union(*(places.get(name, ()) for name in names))


def main() -> int:
    data, fold_dir = arguments_and_folds(__doc__)
    out = Path("ecg/trained/quality.npz")
    (of_records, record_folds), (of_hops, hop_folds) = train_records(data), train_hops(data)
    np.savez_compressed(out, **of_records, **of_hops)
    print(out, out.stat().st_size, "bytes")
    if fold_dir is not None:
        unheard = [in_databases(data, blind) for _, blind in hop_folds]
        heard, judged = set[str]().union(*unheard), {name for _, blind in record_folds for name in blind}
        # One file a pair of folds: blind to it is what neither of its two models saw.
        for number, (r, h) in enumerate((r, h) for r in range(RECORD_FOLDS) for h in range(HOP_FOLDS)):
            blind = (set(record_folds[r][1]) | (heard - judged)) & (unheard[h] | (judged - heard))
            write_fold(fold_dir, "quality", number, record_folds[r][0] | hop_folds[h][0], blind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
