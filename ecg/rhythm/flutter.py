"""Atrial flutter whose conduction is fixed, 3:1 to 5:1: waves that divide the R-R evenly.

With a fixed ratio the waves repeat with the beat: nothing is left when the mean beat is taken away, and the R-R is as
regular as a sinus rhythm's. So the mean cycle itself is looked at. Two to one is not told from sinus tachycardia here
(T and P stand where two flutter waves would). Irregularly conducted flutter is seen in the spectrum (`rhythm`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ecg.signal.trace import I16

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

PERIOD_ROWS = (18.0, 29.0)  # 207 to 333 waves a minute
RATIOS = (3, 4, 5)
HARMONICS = (1, 2)
QRS_END, QRS_START = 10, 8  # rows after and before R that the QRS takes
REGULAR = 0.08
CYCLES_MIN = 4
SHARE_MIN, LEADS_MIN = 0.72, 2  # of the mean cycle's variance that the waves explain, in so many leads
WAVE_UV_MIN = 20.0  # standard deviation of the waves
RATE_BPM = (40.0, 125.0)
BAND_MIN = 0.45
P_AT_MIN, P_UV_MIN = 17, 12.0  # the highest point before the QRS lies further ahead than a P wave's


def looks_fixed(rate_bpm: float, rr_cv: float, p_at: float, p_uv: float, band: float) -> bool:
    """Whether a window is worth looking at; `band` is the share of 4 to 9 Hz between the beats."""
    far, strong = p_at >= P_AT_MIN, p_uv >= P_UV_MIN and band >= BAND_MIN
    return RATE_BPM[0] <= rate_bpm <= RATE_BPM[1] and rr_cv < REGULAR and far and strong


def is_fixed(trace: I16, rows: I64) -> bool:
    """trace (m, leads) of a window, rows the beats in it: one ratio explains the mean cycle in enough leads."""
    rr = np.diff(rows)
    if len(rr) < CYCLES_MIN:
        return False
    length = int(np.median(rr))
    starts = rows[:-1][(np.abs(rr - length) <= REGULAR * length) & (rows[:-1] + length <= len(trace))]
    if len(starts) < CYCLES_MIN or length <= QRS_END + QRS_START + 20:
        return False
    between = np.arange(QRS_END, length - QRS_START)
    cycle = np.rint(trace[starts[:, None] + between].sum(axis=0, dtype=np.int64) / len(starts))
    for ratio in RATIOS:
        if not PERIOD_ROWS[0] <= length / ratio <= PERIOD_ROWS[1]:
            continue
        share, size = _explained(cycle, between, length / ratio)
        if np.count_nonzero((share >= SHARE_MIN) & (size >= WAVE_UV_MIN)) >= LEADS_MIN:
            return True
    return False


def _explained(wave: F64, at: I64, period: float) -> tuple[F64, F64]:
    """Share of the variance in each lead that a wave of this period and its double explain, and its size."""
    angle = 2 * np.pi * at[:, None] / period * np.array(HARMONICS)
    basis = np.concatenate([np.ones((len(at), 1)), np.cos(angle), np.sin(angle)], axis=1)
    fitted = basis @ np.linalg.solve(basis.T @ basis, basis.T @ wave)
    whole = ((wave - wave.mean(axis=0)) ** 2).sum(axis=0)
    left = ((wave - fitted) ** 2).sum(axis=0)
    return 1 - left / np.maximum(whole, 1e-9), fitted.std(axis=0)
