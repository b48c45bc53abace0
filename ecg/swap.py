"""Whether two ECGs of one person differ as if electrodes had been exchanged between them.

Each plausible exchange is a matrix on the eight independent leads. It is applied to the earlier median beat; where the
beats as they are do not fit and one exchange makes the later beat of the earlier one, that exchange is suspected. A
change of the heart (a new block, an infarct, another rhythm) fits no exchange. What one ECG alone shows of its
electrodes is `statements`' business. V1 and V2 placed too high is no exchange and is not found here.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from ecg.record import F32

CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
LEADS = ("I", "II", *CHEST)  # the independent ones
RATE = 250.0  # both beats are looked at with this rate
FROM_S, TO_S = 0.25, 0.45  # before and after R: P, QRS, and T as far as the stored beat reaches
LAGS_S = tuple(step * 0.008 for step in range(-4, 5))  # R of a changed beat may be found elsewhere in its QRS

# A beat differs from another by 1 - cosine of all samples of the leads in question: 0 the same form, 1 nothing in
# common, 2 upside down. An exchange is suspected where the beats differ by more than `jump`, and what is left of the
# difference when it is taken back is below `left` and below `share` of what it was. Set on the two halves of the LUDB
# development records, as they are and with a day's variation put on (axis sd 8 degrees, chest electrodes moved by up to
# a third of their distance); `./run bench swap` prints what is found and what is called wrongly.
JUMP, LEFT, SHARE = {"limb": 0.03, "chest": 0.006}, {"limb": 0.20, "chest": 0.15}, {"limb": 0.30, "chest": 0.50}

LIMB_EXCHANGES: Mapping[str, Mapping[str, str]] = {
    # which electrode's place each one took
    "LA RA": {"LA": "RA", "RA": "LA"},
    "LA LL": {"LA": "LL", "LL": "LA"},
    "RA LL": {"RA": "LL", "LL": "RA"},
    "RA RL": {"RA": "RL", "RL": "RA"},
    "LA RL": {"LA": "RL", "RL": "LA"},
    "RA LA LL": {"RA": "LA", "LA": "LL", "LL": "RA"},
    "RA LL LA": {"RA": "LL", "LL": "LA", "LA": "RA"},
}


@dataclass(frozen=True)
class Swap:
    """A suspected exchange of electrodes.

    code        LEAD_REVERSAL_LA_RA, LEAD_REVERSAL_OTHER or PRECORDIAL_MISPLACEMENT.
    electrodes  those to check: RA LA RL LL V1 to V6.
    leads       the leads that do not show what their names say.
    differs     how far the beats differ as they are (1 - cosine); left: how far when the exchange is taken back.
    """

    code: str
    electrodes: tuple[str, ...]
    leads: tuple[str, ...]
    differs: float
    left: float


@dataclass(frozen=True)
class BeatView:
    """A stored median beat: leads by name, (m,) float32 uV each, NaN where there was none; R at index `r_at`."""

    fs: float
    r_at: int
    leads: Mapping[str, F32]


def suspect(earlier: BeatView, later: BeatView, read_earlier: Set[str], read_later: Set[str]) -> Swap | None:
    """The exchange that explains how the later of two beats differs, or None.

    read_*  the leads that could be read. A limb lead of the later ECG may be flat because of the exchange, so one of
            three will do there; exchanged chest electrodes are looked for only where all six are read in both.
    """
    before = _rows(earlier, 0.0)
    after = [rows for rows in (_rows(later, lag) for lag in LAGS_S) if rows is not None]
    if before is None or not after:
        return None
    if {"I", "II"} <= read_earlier and {"I", "II", "III"} & read_later:
        limb = _best("limb", before, after)
        if limb is not None:
            return limb
    return _best("chest", before, after) if set(CHEST) <= read_earlier & read_later else None


def apply(electrodes: Mapping[str, str], leads_uv: F32) -> F32:
    """What the leads show when electrodes stand in each other's places.

    electrodes  electrode -> the place where it stands.
    leads_uv    (n, 8): I, II, V1 to V6. Returns the same shape.
    Source      Einthoven's and Wilson's definitions; both legs have one potential (K: usual in texts on reversal).
    """
    return leads_uv @ _matrix(tuple(sorted(electrodes.items()))).T


@cache
def _matrix(moved: tuple[tuple[str, str], ...]) -> F32:
    """(8, 8): the leads as measured, from the leads as they should be. Potentials are taken against RA."""
    place = {name: name for name in ("RA", "LA", "LL", "RL", *CHEST)} | dict(moved)
    unit = np.eye(len(LEADS), dtype=np.float32)
    centre = (unit[0] + unit[1]) / 3  # of the true places
    at = {"RA": 0 * unit[0], "LA": unit[0], "LL": unit[1], "RL": unit[1]}
    at |= {lead: unit[LEADS.index(lead)] + centre for lead in CHEST}
    seen = {name: at[place[name]] for name in place}
    wilson = (seen["RA"] + seen["LA"] + seen["LL"]) / 3
    rows = [seen["LA"] - seen["RA"], seen["LL"] - seen["RA"], *(seen[lead] - wilson for lead in CHEST)]
    return np.array(rows, dtype=np.float32)


@cache
def chest_exchanges() -> Mapping[str, Mapping[str, str]]:
    """Every pair of chest electrodes, and the whole row the wrong way round."""
    pairs = {f"{a} {b}": {a: b, b: a} for a, b in combinations(CHEST, 2)}
    return {**pairs, " ".join(CHEST): dict(zip(CHEST, reversed(CHEST), strict=True))}


def _rows(beat: BeatView, lag_s: float) -> F32 | None:
    """(k, 8) about R, each lead with its own median at zero; None where a lead is missing in part."""
    at = beat.r_at + (np.arange(-round(FROM_S * RATE), round(TO_S * RATE)) / RATE + lag_s) * beat.fs
    columns = []
    for lead in LEADS:
        wave = beat.leads.get(lead)
        if wave is None or len(wave) < 2 or not np.isfinite(wave).all():
            return None
        column = np.interp(at, np.arange(len(wave)), wave)
        columns.append(column - np.median(column))
    return np.stack(columns, axis=1).astype(np.float32)


def _best(where: str, before: F32, after: list[F32]) -> Swap | None:
    exchanges = LIMB_EXCHANGES if where == "limb" else chest_exchanges()
    shown = [_shown(where, rows) for rows in after]
    differs = _distance(_shown(where, before), shown)
    if differs <= JUMP[where]:
        return None
    left = {name: _distance(_shown(where, apply(moved, before)), shown) for name, moved in exchanges.items()}
    name = min(left, key=lambda exchange: left[exchange])
    if left[name] >= min(LEFT[where], SHARE[where] * differs):
        return None
    electrodes = tuple(name.split())
    code = "PRECORDIAL_MISPLACEMENT"
    leads = electrodes
    if where == "limb":
        code = "LEAD_REVERSAL_LA_RA" if name == "LA RA" else "LEAD_REVERSAL_OTHER"
        leads = ("I", "II", "III", "aVR", "aVL", "aVF")
    return Swap(code, electrodes, leads, round(differs, 3), round(left[name], 3))


def _shown(where: str, rows: F32) -> F32:
    """The leads that an exchange changes: I, II, III, or the six of the chest."""
    return np.column_stack((rows[:, :2], rows[:, 1] - rows[:, 0])) if where == "limb" else rows[:, 2:]


def _distance(one: F32, others: list[F32]) -> float:
    """1 - cosine to the nearest of the others; 1 where there is nothing to compare."""
    scales = [float(np.linalg.norm(one)) * float(np.linalg.norm(other)) for other in others]
    near = [1.0 - float(np.sum(one * other)) / scale for other, scale in zip(others, scales, strict=True) if scale > 0]
    return min(near, default=1.0)
