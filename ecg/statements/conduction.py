"""Conduction on the median beat: AV delay, bundle branches, fascicles, pre-excitation, the axis.

Source of the criteria, where a function names no other: Surawicz et al., AHA/ACCF/HRS recommendations part III,
Circulation 2009;119:e235-e240 (K: known in the field, the text was not re-read here).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ecg.results import Finding, LeadWaves
from ecg.statements.seen import Seen, number, say

CODES = (
    *("AVB_I", "SHORT_PR", "WPW", "LBBB", "LBBB_INCOMPLETE", "RBBB", "RBBB_INCOMPLETE", "IVCD"),
    *("LAFB", "LPFB", "BIFASCICULAR_BLOCK", "AXIS_LEFT", "AXIS_RIGHT", "AXIS_NORTHWEST"),
)
PR_LONG_MS, PR_SHORT_MS = 200, 120
QRS_WIDE_MS, QRS_INCOMPLETE_MS = 120, 110
LBBB_MS = {"M": 140, "F": 130, "": 130}
IVCD_MS = 120
AXIS_LEFT_DEG, AXIS_RIGHT_DEG = -30, 90
LAFB_DEG, LAFB_AVL_MS = -45, 45
R_LATE_MS = 60  # R peak time in V5 or V6 of left bundle branch block
DELTA_PART, DELTA_MS = 0.25, 24  # slope of all leads together in the first DELTA_MS against its largest


def conduction(seen: Seen) -> Iterator[Finding]:
    """Every conduction statement that holds."""
    yield from _av(seen)
    if not seen.shaped:
        return
    if is_preexcited(seen):
        m = seen.measured
        yield say(
            seen,
            "WPW",
            value=None if m.pr_ms is None else float(m.pr_ms),
            limit=float(PR_SHORT_MS),
            zh=f"PR间期 {m.pr_ms} ms，QRS时限 {m.qrs_ms} ms，起始部顿挫",
            en=f"PR {m.pr_ms} ms, QRS {m.qrs_ms} ms with a slurred onset",
        )
        return
    bundle = tuple(_bundles(seen))
    fascicle = tuple(_fascicles(seen))
    yield from (*bundle, *fascicle)
    if fascicle and any(finding.code == "RBBB" for finding in bundle):
        yield say(seen, "BIFASCICULAR_BLOCK")
    yield from _axis(seen)


def _av(seen: Seen) -> Iterator[Finding]:
    """First-degree block: PR over 200 ms. Short PR: below 120 ms with a narrow QRS (with a delta wave it is WPW)."""
    m = seen.measured
    if m.pr_ms is None:
        return
    if m.pr_ms > PR_LONG_MS:
        yield number(seen, "AVB_I", m.pr_ms, PR_LONG_MS, f"PR间期 {m.pr_ms} ms", f"PR {m.pr_ms} ms", unit=8.0)
    elif m.pr_ms < PR_SHORT_MS and m.qrs_ms is not None and m.qrs_ms < QRS_INCOMPLETE_MS and not is_preexcited(seen):
        yield number(seen, "SHORT_PR", m.pr_ms, PR_SHORT_MS, f"PR间期 {m.pr_ms} ms", f"PR {m.pr_ms} ms", unit=-8.0)


def is_lbbb(seen: Seen, from_ms: int | None = None) -> bool:
    """Left bundle branch block: QRS >= 130 ms (men 140), V1 and V2 down (rS or QS), I or V6 up with hardly a q, R late
    (> 60 ms) or notched in V5, V6, I or aVL.

    What is left 60 ms after the onset must lie behind, as the left ventricle is reached last: down in V1, up laterally.
    Source  Strauss et al., Am J Cardiol 2011;107:927-934 for the durations (K): below them it is hypertrophy with a
            delay as often as a block. The recommendations ask for 120 ms.
    """
    qrs, v1, v2 = seen.measured.qrs_ms, seen.lead("V1"), seen.lead("V2")
    lateral = [row for name in ("V6", "I") if (row := seen.lead(name)) is not None]
    limit = LBBB_MS[seen.meta.sex] if from_ms is None else from_ms
    if qrs is None or qrs < limit or v1 is None or not lateral or (v2 is not None and v2.area_uvms >= 0):
        return False
    up = [row for row in lateral if row.area_uvms > 0 and row.late_area_uvms > 0 and -row.q_uv < 0.15 * row.high_uv]
    late = [row for name in ("V5", "V6", "I", "aVL") if (row := seen.lead(name)) is not None]
    slow = any((row.r_peak_ms or 0) >= R_LATE_MS - 10 or row.notches > 0 for row in late)
    return v1.area_uvms < 0 and v1.late_area_uvms < 0 and v1.high_uv < -0.5 * v1.low_uv and bool(up) and slow


def is_rbbb(seen: Seen, from_ms: int = QRS_WIDE_MS) -> bool:
    """Right bundle branch block: QRS >= 120 ms, its last part up in V1 (rSR', or R late) and down in I or V6."""
    qrs, v1 = seen.measured.qrs_ms, seen.lead("V1")
    waves = [wave for name in ("I", "V6") if (wave := seen.qrs(name)) is not None]
    first = seen.qrs("V1")
    if qrs is None or qrs < from_ms or v1 is None or first is None or not waves:
        return False
    late = _late(first)
    return late > 100.0 and min(_late(wave) for wave in waves) < -30.0


def has_right_delay(seen: Seen) -> bool:
    """Incomplete right bundle branch block: QRS below 120 ms, r' in V1 of 0.08 mV and 20 ms or more; or V1 upright
    with a late R (45 ms) and a wide s in I or V6."""
    v1 = seen.lead("V1")
    if seen.wide or v1 is None:
        return False
    if v1.r2_uv >= 80 and v1.r2_ms >= 20:
        return True
    lateral = [row for name in ("I", "V6") if (row := seen.lead(name)) is not None]
    upright = v1.r_uv >= 150 and v1.s_uv == 0 and v1.q_uv == 0 and (v1.r_peak_ms or 0) >= 45
    return upright and any(side.s_uv <= -100 and side.s_ms >= 40 for side in lateral)


def _late(wave: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    """Mean of the last two fifths of a QRS."""
    return float(wave[int(0.6 * len(wave)) :].mean())


def is_preexcited(seen: Seen) -> bool:
    """WPW pattern: PR below 120 ms, QRS of 110 ms or more, and a delta wave: a slow start in most leads.

    The delta wave is seen as the slope of all leads together: in the first 24 ms it stays below a quarter of its
    largest (ours; the recommendations ask for a slurred onset and give no number).
    """
    m = seen.measured
    if not seen.shaped or m.pr_ms is None or m.qrs_ms is None or seen.median is None or seen.marks is None:
        return False
    if m.pr_ms >= PR_SHORT_MS or m.qrs_ms < QRS_INCOMPLETE_MS or not seen.waves:
        return False
    columns = [seen.median.leads.index(name) for name in seen.waves]
    qrs = seen.median.wave_uv[seen.marks.qrs_on : seen.marks.qrs_off + 1, columns]
    slope = np.sqrt(np.sum(np.diff(qrs, axis=0) ** 2, axis=1))
    start = round(DELTA_MS * seen.fs / 1000.0)
    return bool(len(slope) > 2 * start and slope[2:start].mean() < DELTA_PART * slope.max())


def _bundles(seen: Seen) -> Iterator[Finding]:
    qrs = seen.measured.qrs_ms or 0
    text = f"QRS时限 {qrs} ms", f"QRS {qrs} ms"
    if is_lbbb(seen):
        yield number(seen, "LBBB", qrs, LBBB_MS[seen.meta.sex], *text, unit=5.0, leads=("V1", "V6"))
    elif is_rbbb(seen):
        yield number(seen, "RBBB", qrs, QRS_WIDE_MS, *text, unit=5.0, leads=("V1", "V6"))
    elif qrs >= IVCD_MS:
        yield number(seen, "IVCD", qrs, IVCD_MS, *text, unit=5.0)
    elif has_right_delay(seen):
        yield say(seen, "RBBB_INCOMPLETE", leads=("V1",), value=float(qrs), zh=text[0], en=text[1])
    elif qrs < QRS_WIDE_MS and is_lbbb(seen, QRS_INCOMPLETE_MS):
        yield number(seen, "LBBB_INCOMPLETE", qrs, QRS_INCOMPLETE_MS, *text, unit=5.0, leads=("V1", "V6"))


def _fascicles(seen: Seen) -> Iterator[Finding]:
    """Left anterior: axis -45 to -90, qR in aVL, R peak time in aVL >= 45 ms, rS in II, III, aVF.

    Left posterior: axis 90 to 180, rS in I and aVL, qR in III and aVF; only where nothing else explains the axis
    (no right ventricular hypertrophy, no lateral infarction).
    """
    axis = seen.measured.axis_deg["qrs"]
    if axis is None or is_lbbb(seen):
        return
    limb = seen.leads(("I", "II", "III", "aVL", "aVF"))
    if limb is None:
        return
    i, ii, iii, avl, avf = limb
    if -90 <= axis <= LAFB_DEG and _is_rs(ii) and _is_rs(iii) and _is_rs(avf) and avl.r_uv > -avl.s_uv:
        yield number(
            seen, "LAFB", axis, LAFB_DEG, f"QRS电轴 {axis}°", f"QRS axis {axis}°", unit=-5.0, leads=("aVL", "III")
        )
    v1 = seen.lead("V1")
    low_v1 = v1 is not None and v1.high_uv < -v1.low_uv
    posterior = _is_rs(i) and _is_rs(avl) and all(row.q_uv < -30 and row.r_uv > -row.q_uv for row in (iii, avf))
    if 90 <= axis <= 180 and posterior and i.r_uv > 0 and low_v1:
        yield number(
            seen, "LPFB", axis, AXIS_RIGHT_DEG, f"QRS电轴 {axis}°", f"QRS axis {axis}°", unit=5.0, leads=("I", "III")
        )


def _is_rs(row: LeadWaves) -> bool:
    return row.r_uv > 0 and -row.s_uv > row.r_uv and row.q_uv == 0


def _axis(seen: Seen) -> Iterator[Finding]:
    axis = seen.measured.axis_deg["qrs"]
    if axis is None or seen.leads(("I", "aVF")) is None or AXIS_LEFT_DEG <= axis <= AXIS_RIGHT_DEG:
        return
    zh, en = f"QRS电轴 {axis}°", f"QRS axis {axis}°"
    if axis > AXIS_RIGHT_DEG:
        yield number(seen, "AXIS_RIGHT", axis, AXIS_RIGHT_DEG, zh, en, unit=5.0)
    else:
        code = "AXIS_NORTHWEST" if axis < -90 else "AXIS_LEFT"
        yield number(seen, code, axis, AXIS_LEFT_DEG, zh, en, unit=-5.0)
