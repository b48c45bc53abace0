"""How likely an ECG is of left ventricular hypertrophy: a logistic model on what `measure` found.

The voltage criteria alone are insensitive (Hancock et al., Circulation 2009;119:e251-e261): the readers who labelled
the development recordings also went by P, ST and T. The criteria stay visible in `statements.voltage`; this gives
only the probability. Weights: `trained/left_ventricle.npz`, with its card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecg.record import F32
from ecg.results import LeadWaves, Measurements
from ecg.trained import load

NEEDED = ("I", "aVL", "V1", "V3", "V5", "V6")
FEATURES = (
    *("sokolow", "cornell", "r_avl", "peguero", "qrs", "p_terminal", "p", "t_v5", "t_v6", "t_i", "st_v6", "axis"),
    *("r_peak_v6", "r_i", "r_lateral"),
)


def features(
    waves: Mapping[str, LeadWaves], measured: Measurements, criteria: Sequence[tuple[str, int, int]]
) -> F32 | None:
    """The numbers the model looks at, (len(FEATURES),) of about unit size; None where a lead or T was not measured.

    criteria  (name, value, limit) of the voltage criteria; each enters as value / limit.
    """
    if any(lead not in waves for lead in NEEDED):
        return None
    i, avl, v1, _, v5, v6 = (waves[lead] for lead in NEEDED)
    if v5.t_uv is None or v6.t_uv is None or i.t_uv is None or measured.qrs_ms is None:
        return None
    share = {name: value / limit for name, value, limit in criteria}
    axis = measured.axis_deg["qrs"]
    return np.array(
        [
            share.get("Sokolow-Lyon", 0.7),
            share.get("Cornell", 0.7),
            avl.high_uv / 1100.0,
            share.get("Peguero-Lo Presti", 0.7),
            measured.qrs_ms / 100.0,
            -(v1.p_terminal_uvms or 0) / 4000.0,
            (measured.p_ms or 105) / 100.0,
            min(v5.t_uv, 500) / 1000.0,
            min(v6.t_uv, 500) / 1000.0,
            min(i.t_uv, 400) / 1000.0,
            v6.st_uv[2] / 100.0,
            (45 if axis is None else axis) / 100.0,
            (v6.r_peak_ms or 40) / 50.0,
            i.high_uv / 1000.0,
            max(v5.high_uv, v6.high_uv) / 2000.0,
        ],
        dtype=np.float32,
    )


def probability(seen: F32) -> float:
    """0 to 1, by the shipped weights; a half is where the statement is made."""
    weights = {name: array.astype(np.float32) for name, array in load("left_ventricle").items()}
    scaled = (seen - weights["mean"]) / weights["scale"]
    return float(1.0 / (1.0 + np.exp(-(scaled @ weights["weight"] + weights["bias"][0]))))
