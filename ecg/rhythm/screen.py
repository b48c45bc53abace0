"""The class of a short single-lead strip: N sinus, A fibrillation, O another rhythm, ~ too noisy (CinC 2017).

Boosted trees on the features of `screen_features`; the model card is `trained/screen.md`. For strips as people take
them by hand; a statement on twelve leads is `statements`' business, and a class here pages nobody.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecg.results import Screen
from ecg.rhythm.screen_features import SCREEN_NAMES, strip_row
from ecg.signal.trace import I16, RATE
from ecg.trained.trees import Trees

I64 = npt.NDArray[np.int64]

CLASSES = ("A", "N", "O", "~")  # in the order of the trees
SECONDS_MIN, SECONDS_MAX = 8, 70
CLEAR_P = {"p_correlation_max": 0.85, "share_max": 0.7}  # 5 of 379 fibrillations and 178 of 982 others reach both


def screen(trace: I16, rows: I64, symbols: str, leads: tuple[str, ...]) -> Screen | None:
    """The class of a recording of SECONDS_MIN to SECONDS_MAX; None for a shorter or longer one.

    trace          (m, leads) int16, the whole recording (`trace.trace_of`).
    rows, symbols  its beats: ascending rows of the trace, one of N A V F Q / each.
    Lead I decides where there is one, else the first.
    """
    if not SECONDS_MIN * RATE <= len(trace) <= SECONDS_MAX * RATE:
        return None
    column = leads.index("I") if "I" in leads else 0
    inside = (rows >= 0) & (rows < len(trace))
    kept = "".join(symbol for symbol, real in zip(symbols, inside, strict=True) if real)
    row = strip_row(np.ascontiguousarray(trace[:, column : column + 1]), rows[inside], kept)
    chance = Trees.of("screen").probability(row[None])[0]
    if all(row[SCREEN_NAMES.index(name)] >= least for name, least in CLEAR_P.items()):
        chance[CLASSES.index("A")] = 0.0  # P waves that repeat from beat to beat: whatever the R-R do
        chance = chance / chance.sum()
    scores = {name: round(float(score), 3) for name, score in zip(CLASSES, chance, strict=True)}
    return Screen(CLASSES[int(np.argmax(chance))], scores)
