"""Exchanged electrodes against a person's earlier ECG (ACQ-15): how many are found, how many called where none is.

The two halves of each LUDB development record stand for the earlier and the later ECG; the later one is measured
through exchanged electrodes. LUDB has one record a person, so what a day changes is put on by arithmetic (`day_later`);
pairs of different people show what is called when everything differs, which a change of the heart never does.

limb, chest          percent of exchanges found, of 7 of the limb and 16 of the chest, on every record. target 95
false                percent of unexchanged pairs called. target 0.5
day.*                the same with a day's changes put on, each record four times where nothing is exchanged
strangers            percent of pairs of two people called: an upper bound, no target
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import ecg
from ecg.compare import compare
from ecg.record import F32, STANDARD_LEADS
from ecg.swap import CHEST, LEADS, LIMB_EXCHANGES, apply, chest_exchanges
from tests.bench.figure import Figure, Figures

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DAYS = 4
AXIS_SD_DEG, SIZE_SD, CHEST_SIZE_SD, MOVED_MAX = 8.0, 0.08, 0.10, 0.35


def records(data: Path = DATA) -> list[str]:
    return sorted((path.stem for path in (data / "ludb").glob("*.hea")), key=int)


def halves(name: str, data: Path = DATA) -> tuple[float, F32, F32]:
    """fs, and the independent leads of the first and the second half."""
    whole = ecg.read(data / "ludb" / name)
    rows = np.column_stack([whole.lead(lead) for lead in LEADS])
    return whole.fs, rows[: len(rows) // 2], rows[len(rows) // 2 :]


def analysed(fs: float, rows: F32, moved: Mapping[str, str] | None = None) -> ecg.Analysis:
    """Twelve leads of the eight, measured with electrodes in each other's places."""
    seen = apply(moved or {}, rows)
    one, two = seen[:, 0], seen[:, 1]
    limb = (one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2)
    signal = np.column_stack((*limb, seen[:, 2:])).astype(np.float32)
    return ecg.analyze(ecg.Recording(fs, STANDARD_LEADS, signal))


def day_later(rows: F32, rng: np.random.Generator) -> F32:
    """The same heart another day: the frontal axis turned, sizes changed, chest electrodes moved along their row."""
    turn = np.deg2rad(rng.normal(0.0, AXIS_SD_DEG))
    size = float(np.exp(rng.normal(0.0, SIZE_SD)))
    x, y = rows[:, 0], (2 * rows[:, 1] - rows[:, 0]) / 3**0.5
    one, up = size * (np.cos(turn) * x - np.sin(turn) * y), size * (np.sin(turn) * x + np.cos(turn) * y)
    step, share = int(rng.choice((-1, 1))), rng.uniform(0.0, MOVED_MAX)
    beside = [2 + min(max(index + step, 0), len(CHEST) - 1) for index in range(len(CHEST))]
    chest = ((1 - share) * rows[:, 2:] + share * rows[:, beside]) * np.exp(rng.normal(0.0, CHEST_SIZE_SD, len(CHEST)))
    return np.column_stack((one, (3**0.5 * up + one) / 2, chest)).astype(np.float32)


def run() -> Figures:
    rng = np.random.default_rng(7)
    called: dict[str, list[bool]] = {}

    def note(key: str, earlier: ecg.Analysis, later: ecg.Analysis) -> None:
        called.setdefault(key, []).append(compare(earlier, later).swap is not None)

    before: ecg.Analysis | None = None
    for name in records():
        fs, first, second = halves(name)
        earlier, another = analysed(fs, first), day_later(second, rng)
        later = analysed(fs, second)
        note("false", earlier, later)
        if before is not None:
            note("strangers", before, later)
        before = earlier
        for _ in range(DAYS):
            note("day.false", earlier, analysed(fs, day_later(second, rng)))
        for where, exchanges in (("limb", LIMB_EXCHANGES), ("chest", chest_exchanges())):
            for moved in exchanges.values():
                note(where, earlier, analysed(fs, second, moved))
                note(f"day.{where}", earlier, analysed(fs, another, moved))
        print(f"swap {name}", file=sys.stderr)
    return {key: _percent(answers) for key, answers in sorted(called.items())}


def _percent(answers: list[bool]) -> Figure:
    value = 100 * sum(answers) / len(answers)
    return Figure(value=value, unit=f"% of {len(answers)}", peer=None, ratio=None, runs=[value])
