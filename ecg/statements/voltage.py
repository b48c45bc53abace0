"""Size: left and right ventricular hypertrophy, the atria, low voltage, R wave progression.

Source of the criteria, where a function names no other: Hancock et al., AHA/ACCF/HRS recommendations part V,
Circulation 2009;119:e251-e261 (K: known in the field, the text was not re-read here).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ecg.record import Sex
from ecg.results import Finding, LeadWaves
from ecg.statements.conduction import is_lbbb, is_preexcited, is_rbbb
from ecg.statements.seen import CHEST, LIMB, Seen, number, say
from ecg.waves import left_ventricle

CODES = ("LVH", "LVH_VOLTAGE", "RVH", "LAE", "RAE", "LOW_VOLTAGE", "POOR_R_PROGRESSION")
LOW_LIMB_UV, LOW_CHEST_UV = 500, 1000
SOKOLOW_UV = 3500
CORNELL_UV = {"M": 2800, "F": 2000, "": 2800}
CORNELL_PRODUCT = 244_000  # uV ms; women with 0.6 mV added (Okin 1995: 2440 mm ms, K)
CORNELL_ADDED_UV = {"M": 0, "F": 600, "": 0}
PEGUERO_UV = {"M": 2800, "F": 2300, "": 2800}  # Peguero & Lo Presti, JACC 2017;69:1694-1703 (K)
AVL_UV = 1100
STRAIN_ST_UV, STRAIN_T_UV = -50, -100
RVH_R_V1_UV, RVH_SUM_UV, RVH_AXIS_DEG = 700, 1050, 90
LAE_TERMINAL_UVMS, LAE_P_MS = -4000, 132  # P terminal force in V1 of 0.04 mm s (Morris 1964); P: see `_atria`
RAE_II_UV, RAE_V1_UV = 250, 150
R_V3_UV = 300


def voltage(seen: Seen) -> Iterator[Finding]:
    """Every statement on size that holds."""
    yield from _atria(seen)
    if not seen.shaped:
        return
    yield from _low(seen)
    if is_preexcited(seen):
        return
    yield from _left(seen)
    yield from _right(seen)
    yield from _progression(seen)


def left_voltages(waves: Mapping[str, LeadWaves], qrs_ms: int | None, sex: Sex) -> tuple[tuple[str, int, int], ...]:
    """(name, value, limit) of every voltage criterion that could be measured, in uV (the product in uV ms).

    Sokolow-Lyon: S in V1 + R in V5 or V6 >= 3.5 mV. Cornell: R in aVL + S in V3 > 2.8 mV (women 2.0). Cornell product:
    that sum (women + 0.6 mV) times the QRS duration, > 244 mV ms. aVL: R > 1.1 mV. Peguero-Lo Presti: deepest S of any
    lead + S in V4, >= 2.8 mV (women 2.3).
    """
    v1, v3, v4, avl = (waves.get(name) for name in ("V1", "V3", "V4", "aVL"))
    lateral = [row.high_uv for name in ("V5", "V6") if (row := waves.get(name)) is not None]
    found: list[tuple[str, int, int]] = []
    if v1 is not None and lateral:
        found.append(("Sokolow-Lyon", max(lateral) - v1.low_uv, SOKOLOW_UV))
    if v3 is not None and avl is not None:
        cornell = avl.high_uv - v3.low_uv
        found.append(("Cornell", cornell, CORNELL_UV[sex] + 1))
        if qrs_ms is not None:
            found.append(("Cornell product", (cornell + CORNELL_ADDED_UV[sex]) * qrs_ms, CORNELL_PRODUCT + 1))
    if avl is not None:
        found.append(("R aVL", avl.high_uv, AVL_UV + 1))
    if v4 is not None and len(waves) >= 8:
        deepest = max(-row.low_uv for name, row in waves.items() if name != "aVR")
        found.append(("Peguero-Lo Presti", deepest - v4.low_uv, PEGUERO_UV[sex]))
    return tuple(found)


def _voltages(seen: Seen) -> tuple[tuple[str, int, int], ...]:
    return left_voltages(seen.waves, seen.measured.qrs_ms, seen.meta.sex)


def has_high_voltage(seen: Seen) -> tuple[float, float] | None:
    """Left ventricular voltage by Sokolow-Lyon or Cornell, (value, limit) in mV; None where neither is met.

    These two only: an ST rule is silenced by it, so it must not be met too easily.
    """
    for name, value, limit in _voltages(seen):
        if name in ("Sokolow-Lyon", "Cornell") and value >= limit:
            return round(value) / 1000, round(limit, -1) / 1000
    return None


def has_strain(seen: Seen) -> bool:
    """ST down and T inverted where R is tall: the secondary change of left ventricular hypertrophy, in I, aVL, V5,
    V6."""
    sides = [row for name in ("I", "aVL", "V5", "V6") if (row := seen.lead(name)) is not None]
    strained = [
        row
        for row in sides
        if row.high_uv > -2 * row.low_uv and row.st_uv[2] <= STRAIN_ST_UV and (row.t_neg_uv or 0) <= STRAIN_T_UV
    ]
    return len(strained) >= 2


def _left(seen: Seen) -> Iterator[Finding]:
    """Left ventricular hypertrophy where the model (`left_ventricle`) gives a half or more; where it cannot be asked,
    by two criteria. One criterion alone is high voltage."""
    criteria = _voltages(seen)
    if is_lbbb(seen) or not criteria:
        return
    met = [(name, value, limit) for name, value, limit in criteria if value >= limit]
    numbers = left_ventricle.features(seen.waves, seen.measured, criteria)
    sure = None if numbers is None else left_ventricle.probability(numbers)
    name, value, limit = max(criteria, key=lambda one: one[1] / one[2])
    text = f"{name} {value / 1000:.2f}"
    shown = value / 1000, round(limit, -1) / 1000
    if (len(met) >= 2) if sure is None else sure >= 0.5:
        strain = has_strain(seen)
        zh, en = (f"{text}，伴ST-T改变", f"{text}, with ST-T change") if strain else (text, text)
        probability = 0.6 if sure is None else round(sure, 3)
        yield say(seen, "LVH", value=shown[0], limit=shown[1], zh=zh, en=en, probability=probability)
    elif met:
        yield number(seen, "LVH_VOLTAGE", *shown, text, text, unit=0.1 * shown[1])


def _right(seen: Seen) -> Iterator[Finding]:
    """R in V1 >= 0.7 mV and taller than S, or R in V1 + S in V5 or V6 > 1.05 mV, each with the axis right of 90."""
    v1, axis = seen.lead("V1"), seen.measured.axis_deg["qrs"]
    side = [row for name in ("V5", "V6") if (row := seen.lead(name)) is not None]
    if v1 is None or axis is None or not side or is_rbbb(seen) or not RVH_AXIS_DEG <= axis <= 180 or seen.wide:
        return
    total = v1.high_uv - min(row.s_uv for row in side)
    tall = v1.high_uv >= RVH_R_V1_UV and v1.high_uv > -v1.low_uv
    if tall or (total > RVH_SUM_UV and v1.high_uv >= -v1.low_uv):
        text = f"RV1+SV5/6 {total / 1000:.2f} mV，QRS电轴 {axis}°", f"R V1 + S V5/6 {total / 1000:.2f} mV, axis {axis}°"
        yield number(seen, "RVH", total / 1000, RVH_SUM_UV / 1000, *text, unit=0.1, leads=("V1", "V5", "V6"))


def _atria(seen: Seen) -> Iterator[Finding]:
    """Left: negative last part of P in V1 of 4 mV ms or more, or a long P: over 120 ms by the recommendations, 132 ms
    by our marks, which take the outermost but one of the leads (and lie 12 ms above those of all leads together in
    QRS).

    Right: P over 0.25 mV in II, III or aVF, or its first part over 0.15 mV in V1. Nothing without a measured P.
    """
    m = seen.measured
    if m.p_ms is None:
        return
    v1 = seen.lead("V1")
    if v1 is not None and v1.p_terminal_uvms is not None and v1.p_terminal_uvms <= LAE_TERMINAL_UVMS:
        force = v1.p_terminal_uvms
        text = f"V1导联P波终末电势 {force / 1000:.1f} mV·ms", f"P terminal force in V1 {force / 1000:.1f} mV ms"
        yield number(seen, "LAE", force / 1000, LAE_TERMINAL_UVMS / 1000, *text, unit=-1.0, leads=("V1",))
    elif m.p_ms >= LAE_P_MS:
        yield number(seen, "LAE", m.p_ms, LAE_P_MS, f"P波时限 {m.p_ms} ms", f"P of {m.p_ms} ms", unit=6.0)
    inferior = [(row.p_pos_uv or 0, name) for name in ("II", "III", "aVF") if (row := seen.lead(name)) is not None]
    if inferior and max(inferior)[0] > RAE_II_UV:
        high, lead = max(inferior)
        text = f"{lead}导联P波 {high / 1000:.2f} mV", f"P in {lead} {high / 1000:.2f} mV"
        yield number(seen, "RAE", high / 1000, RAE_II_UV / 1000, *text, unit=0.02, leads=(lead,))
    elif v1 is not None and (v1.p_pos_uv or 0) > RAE_V1_UV:
        high = v1.p_pos_uv or 0
        text = f"V1导联P波 {high / 1000:.2f} mV", f"P in V1 {high / 1000:.2f} mV"
        yield number(seen, "RAE", high / 1000, RAE_V1_UV / 1000, *text, unit=0.02, leads=("V1",))


def _low(seen: Seen) -> Iterator[Finding]:
    """QRS peak to peak below 0.5 mV in every limb lead, or below 1.0 mV in every chest lead."""
    for names, limit, zh, en in (
        (LIMB, LOW_LIMB_UV, "肢体导联", "limb leads"),
        (CHEST, LOW_CHEST_UV, "胸导联", "chest leads"),
    ):
        rows = seen.leads(names)
        if rows is None:
            continue
        highest = max(row.high_uv - row.low_uv for row in rows)
        if highest < limit:
            mv = highest / 1000
            text = f"{zh}最高 {mv:.3f} mV", f"{en} at most {mv:.3f} mV"
            yield number(seen, "LOW_VOLTAGE", mv, limit / 1000, *text, unit=-0.05 * limit / 1000, leads=names)
            return


def _progression(seen: Seen) -> Iterator[Finding]:
    """R in V3 of 0.3 mV or less, no taller than needed to grow from V1 to V4 (Zema & Kligfield 1979, K)."""
    rows = seen.leads(("V1", "V2", "V3", "V4"))
    if rows is None or is_lbbb(seen) or is_rbbb(seen):
        return
    v2, v3, v4 = rows[1:]
    if v3.high_uv <= R_V3_UV and v3.low_uv < -300 and v3.high_uv <= v2.high_uv + 150 and v4.high_uv < 1000:
        mv = v3.high_uv / 1000
        text = f"V3导联R波 {mv:.2f} mV", f"R in V3 {mv:.2f} mV"
        yield number(seen, "POOR_R_PROGRESSION", mv, R_V3_UV / 1000, *text, unit=-0.05, leads=("V1", "V2", "V3"))
