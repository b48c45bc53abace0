"""Stretches for `training.beats` that no record holds: a record's own beats set at the times of another rhythm.

Early beats in the majority, block, Wenckebach, fibrillation, pauses, atrial and ventricular runs, each beat with the P
wave that belongs there. Nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecg.signal.trace import BASE, BASE_LAG, RATE
from training.records import SEED

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


def shaken(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """R as a detector would place it: a row or two off now and then."""
    return np.maximum(rows + rng.choice([-2, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1, 2], len(rows)), 0)


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
    """As `ecg.signal.trace` takes it off: a moving mean, twice."""
    ends = [np.repeat(trace[:1], BASE_LAG, axis=0), trace, np.repeat(trace[-1:], BASE_LAG, axis=0)]
    joined = np.concatenate(ends)
    box = np.convolve(np.ones(BASE), np.ones(BASE)) / BASE**2
    base = np.stack([np.convolve(column, box, mode="valid") for column in joined.T], axis=1)
    return np.clip(np.rint(trace - base), -32_000, 32_000).astype(np.int16)


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
