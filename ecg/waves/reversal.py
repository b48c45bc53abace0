"""Electrodes that may have changed places, seen on the median beat of twelve leads.

A linear score for each exchange, on the signed shape of P, QRS and T in every lead, the correlations between leads and
the smoothness of V1 to V6, trained on exchanges made by the algebra of the leads (`training.reversal`,
`trained/reversal.md`). Method: algorithms.md 8; Han, Gregg, Feild et al., J Electrocardiol 2014;47:794 (K: abstract
read). Only suspicion and its words live here; which electrode has no contact is `quality`'s business. Nothing is
repaired: leads are never exchanged behind the reader's back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.record import F32
from ecg.results import Finding, Median, Quality
from ecg.signal import electrodes
from ecg.signal.quality import VOTE_MIN
from ecg.trained import load

F64 = npt.NDArray[np.float64]

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
# The exchanges that can be told, and the leads each of them changes. LA-LL moves P and T too little to be told at a
# rate of false alerts that a clinic would bear (Se below 10 % in cross-validation), so it is not looked for.
EXCHANGES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RA", "LA"): ("I", "II", "III", "aVR", "aVL"),
    ("RA", "LL"): ("I", "II", "III", "aVR", "aVF"),
    ("RA", "RL"): (*LIMB, *CHEST),
    ("LA", "RL"): (*LIMB, *CHEST),
    ("V1", "V2"): ("V1", "V2"),
    ("V2", "V3"): ("V2", "V3"),
    ("V3", "V4"): ("V3", "V4"),
    ("V4", "V5"): ("V4", "V5"),
    ("V5", "V6"): ("V5", "V6"),
    ("V1", "V3"): ("V1", "V3"),
}
# Orders of V1..V6 whose path through the leads is compared with the path in the given order.
ORDERS = (
    (1, 0, 2, 3, 4, 5),
    (0, 2, 1, 3, 4, 5),
    (0, 1, 3, 2, 4, 5),
    (0, 1, 2, 4, 3, 5),
    (0, 1, 2, 3, 5, 4),
    (2, 1, 0, 3, 4, 5),
)
QRS_REACH_S, QRS_PART = 0.12, 0.08
P_BINS, QRS_BINS, T_BINS = 6, 8, 6
P_FROM_S, P_TO_S, T_FROM_S, T_TO_S = 0.20, 0.01, 0.04, 0.36
P_UV, T_UV = 60.0, 150.0  # a large mean level of each wave: what its sign is measured against
USED_MIN = 3


@dataclass(frozen=True)
class Suspicion:
    """What may be wrong, and how likely, 0.5 to 1.

    exchanged: the two electrodes of `pair` have changed places. mirrored: it looks like exchanged arms, but the heart
    lies on the right. inverted: every lead is upside down, as no exchange can do: the device's polarity.
    """

    pair: tuple[str, str]
    probability: float
    kind: Literal["exchanged", "mirrored", "inverted"] = "exchanged"


def reversal(median: Median | None, quality: Quality, *, samples: int) -> tuple[Finding, ...]:
    """The suspected exchange as a finding over [0, samples), or nothing. `leads` are those that it changes."""
    found = None if median is None else suspect(median, quality)
    if found is None:
        return ()
    leads = EXCHANGES[found.pair]
    if found.kind == "mirrored":
        code, zh, en = "DEXTROCARDIA", "右位心可能，请先核对左右手电极", "possible; check the arm electrodes first"
    elif found.kind == "inverted":
        code, leads = "LEAD_REVERSAL_OTHER", (*LIMB, *CHEST)
        zh, en = "全部导联极性可能颠倒，请检查设备和导联线", "every lead may be upside down; check device and cable"
    else:
        limb = found.pair[0] in electrodes.SITES
        arms = found.pair == ("RA", "LA")
        code = "LEAD_REVERSAL_LA_RA" if arms else "LEAD_REVERSAL_OTHER" if limb else "PRECORDIAL_MISPLACEMENT"
        zh, en = words(found.pair)
    name = codes.findings()[code]
    text = {"zh": f"{name.name_zh}：{zh}", "en": f"{name.name_en}: {en}"}
    return (Finding(code, name.urgency, 0, samples, leads, say=text, probability=round(found.probability, 3)),)


def words(pair: tuple[str, str]) -> tuple[str, str]:
    """What to tell the clinic, zh and en."""
    if pair == ("RA", "LA"):
        zh, en = "左右手电极可能接反", "left and right arm electrodes may be exchanged"
    else:
        first, second = (electrodes.name_of(one, "zh") for one in pair)
        zh = f"{first}与{second}电极可能接反"
        first, second = (electrodes.name_of(one, "en") for one in pair)
        en = f"{first} and {second} electrodes may be exchanged"
    return f"{zh}，请核对后重新采集", f"{en}; check them and record again"


def suspect(median: Median, quality: Quality) -> Suspicion | None:
    """The exchange that stands furthest above its limit; None without twelve readable leads."""
    if median.used < USED_MIN or not set(INDEPENDENT) <= set(median.leads):
        return None
    # A limb lead may be all but flat: that is what a right leg electrode in the wrong place does.
    if any(quality.leads.get(lead, 0.0) < VOTE_MIN for lead in CHEST) or set(quality.lead_off) & set(INDEPENDENT):
        return None
    wave = median.wave_uv[:, [median.leads.index(lead) for lead in INDEPENDENT]].astype(np.float64)
    if not np.isfinite(wave).all():
        return None
    grid = grid_of(wave, median.r_at, median.fs)
    if is_mirrored(grid):
        return Suspicion(("RA", "LA"), 0.5, "mirrored")
    if is_inverted(grid):
        return Suspicion(("RA", "LA"), 0.6, "inverted")
    weight, limit, spread = _weights()
    row = np.append(features_of(grid), 1.0)
    above = (weight @ row - limit) / spread
    best = int(np.argmax(above))
    if above[best] <= 0:
        return None
    return Suspicion(tuple(EXCHANGES)[best], float(1.0 / (1.0 + np.exp(-2.0 * above[best]))))


@cache
def _weights() -> tuple[F64, F64, F64]:
    """(exchanges, features + 1), and the limit and the spread of each score on ECGs without an exchange."""
    arrays = load("reversal")
    return tuple(np.asarray(arrays[name], dtype=np.float64) for name in ("weight", "limit", "spread"))  # type: ignore[return-value]  # three names, three arrays


def grid_of(wave_uv: F64, r_at: int, fs: float) -> F64:
    """Means over parts of P, QRS and T against the QRS onset, (P_BINS + QRS_BINS + T_BINS, 8) microvolts.

    wave_uv  (m, 8) the median beat in the order of INDEPENDENT. Where QRS begins and ends is found here, roughly: the
             bins only need to fall on the same waves in every ECG.
    """
    on, off = _qrs(wave_uv, r_at, fs)
    zero = wave_uv[max(0, on - round(0.01 * fs)) : on + 1].mean(axis=0)
    total = np.concatenate([np.zeros((1, wave_uv.shape[1])), np.cumsum(wave_uv - zero, axis=0)])
    edges = np.concatenate(
        [
            np.linspace(on - P_FROM_S * fs, on - P_TO_S * fs, P_BINS + 1),
            np.linspace(on, off, QRS_BINS + 1),
            np.linspace(off + T_FROM_S * fs, off + T_TO_S * fs, T_BINS + 1),
        ]
    )
    rows = np.clip(np.rint(edges), 0, len(wave_uv)).astype(np.int64)
    inner = np.delete(np.arange(len(rows) - 1), [P_BINS, P_BINS + QRS_BINS + 1])
    first, end = rows[inner], rows[inner + 1]
    return np.asarray((total[end] - total[first]) / np.maximum(end - first, 1)[:, None])


def _qrs(wave_uv: F64, r_at: int, fs: float) -> tuple[int, int]:
    """The stretch about R in which the spatial slope is above a part of its largest."""
    reach, lag = round(QRS_REACH_S * fs), max(1, round(0.004 * fs))
    first = max(lag, r_at - reach)
    near = wave_uv[first - lag : min(len(wave_uv), r_at + reach) + 1]
    slope = np.sqrt(((near[2 * lag :] - near[: -2 * lag]) ** 2).sum(axis=1))
    steep = np.flatnonzero(slope > QRS_PART * slope.max(initial=0.0))
    if not len(steep):
        return r_at - round(0.045 * fs), r_at + round(0.05 * fs)
    return first + int(steep[0]), first + int(steep[-1]) + 1


def features_of(grid_uv: F64) -> F32:
    """The features of one beat; `grid_uv` from `grid_of`."""
    i, ii = grid_uv[:, :1], grid_uv[:, 1:2]
    full = np.concatenate([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, grid_uv[:, 2:]], axis=1)
    p, qrs, t = full[:P_BINS], full[P_BINS : P_BINS + QRS_BINS], full[P_BINS + QRS_BINS :]
    size = np.sqrt((qrs * qrs).mean(axis=0)) + 5.0
    signed = (p.mean(axis=0) / P_UV, qrs.mean(axis=0) / size, t.mean(axis=0) / T_UV)
    shape = (*(np.clip(part, -4.0, 4.0) for part in signed), qrs.max(axis=0) / size, qrs.min(axis=0) / size)
    sizes = (np.log(size), [np.log(size[:6].min() / size[:6].max())])
    weighed = np.concatenate([2.0 * p, qrs, t])
    weighed = weighed / (np.sqrt((weighed * weighed).sum(axis=0)) + 30.0)
    alike = (weighed.T @ weighed)[np.triu_indices(12, 1)]
    chest, chest_qrs = full[:, 6:], qrs[:, 6:]
    bend = chest_qrs[:, :-2] - 2.0 * chest_qrs[:, 1:-1] + chest_qrs[:, 2:]
    rough = np.log(np.sqrt((bend * bend).mean(axis=0)) + 10.0) - np.log(size[6:].mean())
    apart = chest[:, :, None] - chest[:, None, :]
    distance = np.sqrt((apart * apart).mean(axis=0))
    path = distance[np.arange(5), np.arange(1, 6)].sum() + 30.0
    orders = np.array(ORDERS)
    other = distance[orders[:, :-1], orders[:, 1:]].sum(axis=1) + 30.0
    return np.concatenate([*shape, *sizes, alike, rough, np.log(other / path)]).astype(np.float32)


def is_mirrored(grid_uv: F64) -> bool:
    """The classic mimic of exchanged arms: P, QRS and T of I inverted, and the chest leads fade to the left as well.

    With exchanged arms alone V4 to V6 stay upright (K: known in the field; limits ours).
    """
    p, qrs, t = grid_uv[:P_BINS], grid_uv[P_BINS : P_BINS + QRS_BINS], grid_uv[P_BINS + QRS_BINS :]
    size = np.ptp(qrs, axis=0)
    inverted = p[:, 0].mean() < -8.0 and qrs[:, 0].mean() < -0.05 * size[0] and t[:, 0].mean() < 0.0
    fading = size[7] < size[5] < max(size[2], size[3]) and size[7] < 0.6 * max(size[2], size[3])
    return bool(inverted and fading and (qrs[:, 5:].mean(axis=0) < 0.0).all())


def is_inverted(grid_uv: F64) -> bool:
    """P down in I and II, QRS and T down in I, II, V5 and V6 (limits ours; on none of 210 ECGs, on 54 % of them turned
    upside down)."""
    p, qrs, t = grid_uv[:P_BINS], grid_uv[P_BINS : P_BINS + QRS_BINS], grid_uv[P_BINS + QRS_BINS :]
    lateral = [0, 1, 6, 7]
    down = (qrs.mean(axis=0)[lateral] < 0.0).all() and (t.mean(axis=0)[lateral] < 0.0).all()
    return bool(down and (p.mean(axis=0)[:2] < -8.0).all())
