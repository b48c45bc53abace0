"""Ventricular fibrillation: `ecg/trained/fibrillation.npz`. python -m training.fibrillation --data ../shared/data

Windows of four seconds of single leads, as `ecg.rhythm.fibrillation` looks at them. Positive: cu01 after its onset, the
flutter of MIT-BIH 207, the last seconds before true fibrillation alarms of CinC 2015, drawn fibrillation. Negative:
the rest of MIT-BIH, CPSC 2021, LUDB, alarms of other kinds, the noise strips of CinC 2017, the noise of NSTDB alone
and added to MIT-BIH, drawn rhythms. A logistic model whose signs are given: five patients cannot teach a sign.
Cross-validated with every positive patient left out in turn; prints the figures of the card.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from scipy.optimize import minimize

import ecg
from ecg import synth
from ecg.beats.detector import Detector
from ecg.errors import LeadUnknown
from ecg.formats import read_channels
from ecg.record import Recording
from ecg.rhythm import fibrillation as vf
from ecg.signal.hops import hops_quality
from ecg.signal.level import HOP, Leveler
from ecg.signal.pacing import SpikeFilter
from ecg.signal.trace import trace_of
from training.records import SEED, arguments_and_folds, folds, records, write_fold

OUT = Path(__file__).resolve().parents[1] / "ecg" / "trained" / "fibrillation.npz"
POSITIVE_SHARE = 0.2  # of the weight
HELD_S = 40.0  # of a CinC 2015 record; the alarm stands at its end
SHARPNESS = 0.5  # of the ridge: the inverse of its weight
SIGNS = {"low": -1, "high": -1, "net_top": -1, "net_mean": 1, "net_spread": -1}
SOURCE_WEIGHT = {"mitdb": 4.0, "cinc2015": 2.0, "cinc2017": 0.2, "nstdb": 0.1, "drawn": 0.1}  # 1 where none is given


@dataclass(frozen=True)
class Part:
    """The windows of one recording that are worth a look: rows for the model, label (1, 0, -1 not known), place."""

    source: str
    name: str
    x: np.ndarray
    y: np.ndarray
    window: np.ndarray
    lead: np.ndarray
    windows: int  # in all

    @property
    def owner(self) -> str:
        """The recording it is of: noise was added to some."""
        return self.name.partition(" ")[0] if self.source == "nstdb" else self.name


def part_of(source: str, name: str, recording: Recording, spans: list[tuple[float, float]], known: bool | None) -> Part:
    """spans: seconds of fibrillation. known: what lies outside is none; None: only what begins in the last 10 s is."""
    clean, _, _ = SpikeFilter(recording.fs, len(recording.leads)).push(recording.signal_uv, final=True)
    trace = trace_of(clean, recording.fs)
    usable = hops_quality(clean, recording.fs).usable
    hops = -(-len(trace) // HOP)
    usable = np.concatenate([usable, np.repeat(usable[-1:], max(0, hops - len(usable)), axis=0)])[:hops]
    levelled, there = Leveler(trace.shape[1]).push(trace, usable, final=True)
    logits = Detector(trace.shape[1]).push(levelled, np.repeat(there, HOP, axis=0)[: len(levelled)], final=True)
    milli = np.rint(logits * np.float32(1000)).astype(np.int32)
    count = max(0, (len(milli) * 4 - vf.WINDOW) // vf.STEP + 1)
    x, window, lead = vf.candidates(trace, np.arange(count))
    if len(x):
        step = vf.STEP // HOP
        good = np.array(
            [usable[step * w : step * w + vf.WINDOW // HOP, k].all() for w, k in zip(window, lead, strict=True)]
        )
        x, window, lead = x[good], window[good], lead[good]
    rows = vf.features(x, vf.net_features(milli, window)) if len(x) else np.zeros((0, len(vf.FEATURES)))
    label = np.full(len(rows), 0 if known else -1)
    for first, end in spans:
        inside = np.minimum(window + 4.0, end) - np.maximum(window, first)
        label = np.where(inside >= 3.9, 1, np.where((inside > 0.3) & (label != 1), -1, label))
    if known is None:
        label = np.where((label == -1) & (window >= HELD_S - 10.0) & (not spans), 0, label)
    return Part(source, name, rows, label, window, lead, count)


def parts(data: Path) -> Iterator[Part]:
    noise = {name: read_channels(data / "nstdb" / name) for name in ("em", "ma", "bw")}
    for name in records(data / "mitdb"):
        recording, note = ecg.read(data / "mitdb" / name), wfdb.rdann(str(data / "mitdb" / name), "atr")
        at = [s / recording.fs for s, c in zip(note.sample, note.symbol, strict=True) if c in "[]"]
        yield part_of("mitdb", name, recording, list(zip(at[::2], at[1::2], strict=True)), known=True)
        if name in folds(records(data / "mitdb"), 4)[0] and not at:
            for kind in ("em", "ma"):
                yield part_of("nstdb", f"{name} {kind}", _noisy(recording, noise[kind]), [], known=True)
    for name, recording in noise.items():
        yield part_of("nstdb", name, recording, [], known=True)
    for name in records(data / "cudb"):
        recording = ecg.read(data / "cudb" / name)
        if not (data / "cudb" / f"{name}.atr").is_file():
            yield part_of("cudb", name, recording, [], known=False)
            continue
        note = wfdb.rdann(str(data / "cudb" / name), "atr")
        first = next(s for s, c in zip(note.sample, note.symbol, strict=True) if c == "[")
        yield part_of("cudb", name, recording, [(first / recording.fs, 1e9)], known=True)
    for row in csv.DictReader((data / "cinc2015" / "labels.csv").open()):
        if row["alarm"] in ("Asystole", "Ventricular_Tachycardia"):
            continue  # what they show may be fibrillation
        true = row["alarm"] == "Ventricular_Flutter_Fib" and row["true"] == "1"
        spans = [(HELD_S - 7.0, HELD_S)] if true else []
        yield part_of("cinc2015", row["record"], _read(data / "cinc2015" / row["record"]), spans, known=None)
    for folder in ("cpsc2021", "ludb"):
        for name in records(data / folder):
            yield part_of(folder, name, ecg.read(data / folder / name), [], known=True)
    for row in csv.DictReader((data / "cinc2017" / "index.csv").open()):
        if row["label"] == "~":
            first = int(row["start"])
            strip = ecg.read(data / "cinc2017" / row["block"], first=first, end=first + int(row["length"]))
            yield part_of("cinc2017", row["record"], strip, [], known=True)
    yield from drawn()


def drawn() -> Iterator[Part]:
    for number in range(6):
        rng = np.random.default_rng(SEED + number)
        for kind, rate in (
            ("vf", 300),
            ("vfl", 180 + 20 * number),
            ("svt", 170 + 10 * number),
        ):
            script = [
                synth.Segment("sinus", 10.0, 60 + 5 * number),
                synth.Segment(kind, 12.0, rate, amplitude=0.4 + 0.3 * number),
            ]
            made = synth.twelve_lead(rng, script, fs=250.0, noise_uv=5.0 + 6 * number, leads=("II", "V1"))
            spans = [(10.0, 22.0)] if kind in ("vf", "vfl") else []
            yield part_of("drawn", f"{kind} {number}", made.recording, spans, known=True)


def _read(path: Path) -> Recording:
    try:
        return ecg.read(path)
    except LeadUnknown:
        return read_channels(path)


def _noisy(clean: Recording, noise: Recording) -> Recording:
    """The first quarter of an hour with as much noise as signal."""
    n = min(len(clean.signal_uv), len(noise.signal_uv))
    signal, extra = clean.signal_uv[:n], noise.signal_uv[:n] - noise.signal_uv[:n].mean(axis=0)
    gain = np.nanstd(signal, axis=0) / np.std(extra, axis=0)
    return Recording(clean.fs, clean.leads, (signal + gain * extra).astype(np.float32))


def fit(chosen: list[Part]) -> dict[str, np.ndarray]:
    """The arrays that `ecg.rhythm.fibrillation` runs."""
    x = np.concatenate([part.x for part in chosen]).astype(np.float64)
    y = np.concatenate([part.y for part in chosen])
    # A patient's fibrillation counts as much as another's, however long; so does a source.
    patients = len({part.name for part in chosen if (part.y == 1).any() and part.source != "drawn"})
    weight = np.concatenate([_weights(part, chosen, patients) for part in chosen])
    x, y, weight = x[y >= 0], y[y >= 0], weight[y >= 0]
    middle = np.average(x, axis=0, weights=weight)
    spread = np.sqrt(np.average((x - middle) ** 2, axis=0, weights=weight))
    z, sign = (x - middle) / spread, 2.0 * y - 1.0

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        margin = -sign * (z @ b[:-1] + b[-1])
        pull = -weight * sign / (1.0 + np.exp(-margin))
        value = (weight * np.logaddexp(0, margin)).sum() + (b[:-1] ** 2).sum() / (2 * SHARPNESS)
        return float(value), np.append(z.T @ pull + b[:-1] / SHARPNESS, pull.sum())

    bounds = [(0, None) if SIGNS[name] > 0 else (None, 0) for name in vf.FEATURES]
    found = minimize(loss, np.zeros(z.shape[1] + 1), jac=True, bounds=[*bounds, (None, None)], method="L-BFGS-B").x
    return {
        "middle": middle.astype(np.float32),
        "scale": (1000.0 / spread).astype(np.float32),
        "weight": np.rint(1000.0 * found[:-1]).astype(np.int32),
        "start": np.rint(1000.0 * found[-1:]).astype(np.int32),
    }


def _weights(part: Part, chosen: list[Part], patients: int) -> np.ndarray:
    positive = max(1, int((part.y == 1).sum()))
    of_source = sum(int((p.y == 0).sum()) for p in chosen if p.source == part.source)
    share = 0.1 if part.source == "drawn" else 1.0
    down = SOURCE_WEIGHT.get(part.source, 1.0) / sum(SOURCE_WEIGHT.values()) / max(1, of_source)
    total = 4000.0
    up = share * POSITIVE_SHARE / max(1, patients) / positive
    return total * np.where(part.y == 1, up, (1 - POSITIVE_SHARE) * down)


def logits(model: dict[str, np.ndarray], part: Part) -> np.ndarray:
    """As `ecg.rhythm.fibrillation` computes them."""
    scaled = np.clip(np.rint((part.x - model["middle"]) * model["scale"]), -8000, 8000)
    return np.rint((scaled * model["weight"]).sum(axis=1) / 1000.0) + int(model["start"][0])


def told(part: Part, model: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(windows,): the second largest logit of the leads (of one lead: its own), and the label."""
    leads = int(part.lead.max(initial=0)) + 1
    table = np.full((part.windows, max(leads, 1)), -1e6)
    table[part.window, part.lead] = logits(model, part)
    label = np.zeros(part.windows, dtype=int)
    label[part.window] = part.y
    two = part.source not in ("cudb", "cinc2017")
    ordered = np.sort(table, axis=1) if leads > 1 else np.concatenate([np.full_like(table, -1e6), table], axis=1)
    return (ordered[:, -2] if two else ordered[:, -1]), label


def main() -> None:
    data, wanted = arguments_and_folds(__doc__)
    everything = [part for part in parts(data) if len(part.x)]
    patients = sorted({part.name for part in everything if (part.y == 1).any() and part.source != "drawn"})
    rest = sorted({part.owner for part in everything} - set(patients))
    print(f"{len(everything)} recordings, {sum(len(p.x) for p in everything)} windows of leads; positive: {patients}")
    for number, (patient, fold) in enumerate(zip(patients, folds(rest, len(patients)), strict=True)):
        out = {patient, *fold}
        model = fit([part for part in everything if part.owner not in out])
        if wanted is not None:
            real = (part for part in everything if part.owner in out and part.source not in ("drawn", "nstdb"))
            write_fold(wanted, "fibrillation", number, model, {f"{part.source}/{part.name}" for part in real})
        for part in everything:
            if part.owner not in out:
                continue
            value, label = told(part, model)
            if part.name == patient:
                held = value[label == 1]
                missed = np.count_nonzero(held < vf.LOOKS)
                print(f"{patient}: {missed} of {len(held)} missed; logits {np.percentile(held, [1, 5, 50]).round()}")
            called = np.flatnonzero((value >= vf.LOOKS) & (label == 0))
            if len(called):
                print(
                    f"   {part.source} {part.name}: {len(called)} of {part.windows} called, {value[called].max():.0f}"
                )
    model = fit(everything)
    print({name: int(w) for name, w in zip(vf.FEATURES, model["weight"], strict=True)}, model["start"])
    for part in everything:
        if part.source == "cudb":
            value, _ = told(part, model)
            print(f"   {part.name}: {np.count_nonzero(value >= vf.LOOKS)} of {part.windows} windows")
    np.savez(OUT, **model)
    print(f"{OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
