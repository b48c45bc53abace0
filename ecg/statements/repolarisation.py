"""QT, electrolyte patterns, Brugada type 1, right heart strain, T-wave alternans.

Each stands on the median beat but the alternans, which is of single beats. Patterns whose figures no consensus gives
are marked "ours" and kept strict: they wake nobody by themselves in the default profile unless it says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ecg.record import F32
from ecg.results import Finding, Measurements
from ecg.statements.conduction import has_right_delay, is_lbbb, is_rbbb
from ecg.statements.seen import CHEST, Seen, beyond, number, say

CODES = ("LONG_QT", "SHORT_QT", "BRUGADA_1", "HYPERKALAEMIA", "HYPOKALAEMIA", "PULMONARY_EMBOLISM")
QRS_WIDE_MS = 120
QTC_LONG_MS = {"M": 450, "F": 460, "": 460}
QTC_SHORT_MS = 340  # Priori et al., ESC 2015: 340 ms alone makes the diagnosis (K)
BRUGADA_J_UV, BRUGADA_T_UV = 200, -50
PEAKED_UV, PEAKED_PART, PEAKED_HALF_MS = 1000, 0.75, 110.0
U_UV = 100
U_MEAN_S = 0.16  # from the end of T to that of U (K)
PE_SCORE = 10


def repolarisation(seen: Seen) -> Iterator[Finding]:
    """Every statement on repolarisation that holds."""
    yield from _qt(seen)
    peaked = peaked_leads(seen)
    if peaked and seen.rhythm not in ("vt", "vf", "vfl", "tdp", "svt", "paced"):
        tall = max(seen.waves[lead].t_pos_uv or 0 for lead in peaked) / 1000
        names = " ".join(peaked)
        zh, en = (
            f"{names} T波高尖，最高 {tall:.2f} mV，请查血钾",
            f"peaked T in {names}, up to {tall:.2f} mV: check potassium",
        )
        yield say(seen, "HYPERKALAEMIA", leads=peaked, value=tall, zh=zh, en=en, urgency="urgent", probability=0.5)
    if not seen.shaped:
        return
    brugada = brugada_leads(seen)
    if brugada:
        level = max(seen.waves[lead].st_uv[0] for lead in brugada) / 1000
        names = " ".join(brugada)
        text = f"{names} 穹隆型ST段抬高 {level:.2f} mV", f"coved ST elevation in {names}, {level:.2f} mV"
        yield number(seen, "BRUGADA_1", level, BRUGADA_J_UV / 1000, *text, unit=0.04, leads=brugada)
    u_leads = u_wave_leads(seen)
    if len(u_leads) >= 2:
        names = " ".join(u_leads)
        zh, en = f"{names} U波高于T波，请查血钾", f"U taller than T in {names}: check potassium"
        yield say(seen, "HYPOKALAEMIA", leads=u_leads, zh=zh, en=en, probability=0.5)
    score = strain_score(seen)
    if score is not None and score >= PE_SCORE:
        zh, en = f"右心负荷评分 {score}，请结合临床", f"right heart strain score {score}: with the clinical picture"
        yield say(
            seen,
            "PULMONARY_EMBOLISM",
            value=float(score),
            limit=float(PE_SCORE),
            zh=zh,
            en=en,
            urgency="urgent",
            probability=beyond(score, PE_SCORE, 2.0),
        )


def _qt(seen: Seen) -> Iterator[Finding]:
    """QTc over 450 ms in men, 460 in women (Rautaharju et al., AHA/ACCF/HRS part IV, 2009); 340 ms or less is short."""
    m = seen.measured
    qtc, formula = report_qtc(m)
    if qtc is None or (m.qrs_ms or 0) >= QRS_WIDE_MS or not seen.rhythm.startswith("sinus"):
        return
    zh, en = f"QTc {qtc} ms（{formula}）", f"QTc {qtc} ms ({formula})"
    limit = QTC_LONG_MS[seen.meta.sex]
    if qtc > limit:
        yield number(seen, "LONG_QT", qtc, limit, zh, en, unit=10.0)
    elif qtc <= QTC_SHORT_MS and m.vent_rate_bpm is not None and m.vent_rate_bpm <= 100:
        yield number(seen, "SHORT_QT", qtc, QTC_SHORT_MS, zh, en, unit=-10.0)


def report_qtc(m: Measurements) -> tuple[int | None, str]:
    """The QTc a statement uses: Bazett from 60 to 90 a minute, Fridericia outside (critical-values 2)."""
    if m.vent_rate_bpm is None:
        return None, "Bazett"
    formula = "bazett" if 60 <= m.vent_rate_bpm <= 90 else "fridericia"
    return m.qtc_ms.get(formula), formula.capitalize()


def brugada_leads(seen: Seen) -> tuple[str, ...]:
    """V1 to V3 with a type 1 pattern: J at 0.2 mV or more, falling from there without rising again, T inverted.

    Wilde et al., Circulation 2002;106:2514-2519; Bayes de Luna et al., J Electrocardiol 2012;45:433-442 (K): at J +
    40 ms lower than at J, at J + 80 ms lower still.
    """
    if is_lbbb(seen):
        return ()
    found = []
    for name in ("V1", "V2", "V3"):
        row = seen.lead(name)
        if row is None or row.t_neg_uv is None:
            continue
        j, j40, j60, j80 = row.st_uv
        falls = j > j40 > j60 > j80 and j40 >= 0.4 * j
        if j >= BRUGADA_J_UV and falls and row.t_neg_uv <= BRUGADA_T_UV and row.high_uv > 0:
            found.append(name)
    return tuple(found)


def peaked_leads(seen: Seen) -> tuple[str, ...]:
    """Two or more chest leads whose T is tall for its QRS, narrow and as steep down as up (ours; K for the form).

    T at 1 mV or more and three quarters of the QRS or more, at most 110 ms wide at half its height.
    """
    found = []
    for name in ("V2", "V3", "V4", "V5"):
        row = seen.lead(name)
        if row is None or row.t_pos_uv is None or row.t_pos_uv < PEAKED_UV:
            continue
        if row.t_pos_uv < PEAKED_PART * (row.high_uv - row.low_uv):
            continue
        width = _half_width_ms(seen, name)
        if width is not None and width <= PEAKED_HALF_MS:
            found.append(name)
    return tuple(found) if len(found) >= 2 else ()


def _half_width_ms(seen: Seen, name: str) -> float | None:
    """Width of T at half its height."""
    if seen.marks is None or seen.marks.t_off is None:
        return None
    wave = seen.cut(name, 0.0, (seen.marks.t_off - seen.marks.qrs_off) / seen.fs)
    if wave is None:
        return None
    t = wave[seen.marks.qrs_off - seen.marks.qrs_on :]
    top = int(np.argmax(t))
    low = t < 0.5 * t[top]
    before, after = np.flatnonzero(low[:top]), np.flatnonzero(low[top:])
    if not len(before) or not len(after):
        return None
    return float((top + after[0] - before[-1]) * 1000.0 / seen.fs)


def u_wave_leads(seen: Seen) -> tuple[str, ...]:
    """Chest leads with a U wave of 0.1 mV or more that is as tall as T, where ST is down (K). Not above 100 a minute,
    where U and P run together."""
    rate = seen.measured.vent_rate_bpm
    if rate is None or rate > 100 or not seen.rhythm.startswith("sinus") or seen.wide:
        return ()
    found = []
    for name in ("V2", "V3", "V4", "V5"):
        row = seen.lead(name)
        if row is None or row.u_uv is None or row.t_pos_uv is None or row.t_neg_uv is None:
            continue
        if row.u_uv >= max(U_UV, row.t_pos_uv) and row.t_neg_uv > -100 and row.st_uv[3] <= -30:
            found.append(name)
    return tuple(found)


def strain_score(seen: Seen) -> int | None:
    """Right heart strain of acute pulmonary embolism, 0 to 21; None where V1 to V4, I or III were not measured.

    Daniel et al., Chest 2001;120:474-481 (K): rate over 100: 2; right bundle branch block incomplete 2, complete 3; T
    inverted in V1 to V4 together 4, and by depth in V1 (0, 1, 2), V2 and V3 (1, 2, 3); S in I, Q in III, T inverted in
    III: 0, 1, 1, all three 2. From 10 on severe pulmonary hypertension is likely.
    """
    rows, limb = seen.leads(("V1", "V2", "V3", "V4")), seen.leads(("I", "III"))
    rate = seen.measured.vent_rate_bpm
    if rows is None or limb is None or rate is None or is_lbbb(seen):
        return None
    if any(row.t_neg_uv is None for row in (*rows, limb[1])):
        return None
    # T of a complete block is down in V1-V3 by itself: it does not count there.
    secondary = is_rbbb(seen)
    depth = [-(row.t_neg_uv or 0) if (row.t_uv or 0) < 0 and not secondary else 0 for row in rows]
    i, iii = limb
    score = 2 if rate > 100 else 0
    score += 3 if is_rbbb(seen) else 2 if has_right_delay(seen) else 0
    score += 4 if all(value >= 50 for value in depth) else 0
    for base, value in zip((0, 1, 1), depth[:3], strict=True):
        score += 0 if value < 50 else base + (value >= 100) + (value > 200)
    s1, q3, t3 = i.s_uv <= -150, iii.q_uv <= -150, (iii.t_neg_uv or 0) <= -100
    score += q3 + t3 + 2 * (s1 and q3 and t3)
    return int(score)


def alternans_uv(signal_uv: F32, seen: Seen) -> dict[str, int]:
    """T-wave alternans by lead: the size of the change of T from beat to beat that turns with every beat, whole uV.

    signal_uv  (n, leads) of the recording, columns as the median's leads. Eight or more beats of one class in a row,
               evenly timed. A lead whose change is not three times what is found between beats two apart is left out:
               that is noise or breathing.
    Source     the beat-to-beat difference of odd and even beats; the limit of the rule is ours (critical-values 3).
    """
    if seen.median is None or seen.marks is None or seen.marks.t_off is None or not seen.rhythm.startswith("sinus"):
        return {}
    beats = [beat.sample for beat in seen.beats if beat.symbol == "N"]
    if len(beats) != len(seen.beats) or len(beats) < 8:
        return {}
    rr = np.diff(beats)
    if rr.std() > 0.05 * rr.mean():
        return {}
    first = seen.marks.qrs_off - seen.median.r_at + round(0.06 * seen.fs)
    zero = seen.marks.qrs_on - seen.median.r_at
    end = seen.marks.t_off - seen.median.r_at
    reach = round(0.2 * seen.fs) - zero
    whole = np.array([b for b in beats if b >= reach and b + end < len(signal_uv)])
    if len(whole) < 8 or end - first < 0.06 * seen.fs:
        return {}
    whole = whole[: len(whole) // 4 * 4]  # as many odd as even ones, singly and in pairs: the mean T falls out
    names = [lead for lead in seen.waves if lead in CHEST or lead in ("I", "II", "III", "aVL", "aVF")]
    columns = [seen.median.leads.index(lead) for lead in names]
    t = signal_uv[whole[:, None] + np.arange(first, end)][:, :, columns]
    t = t - signal_uv[whole[:, None] + np.arange(zero - 5, zero)][:, :, columns].mean(axis=1, keepdims=True)
    signs = np.where(np.arange(len(whole)) % 2 == 0, 1.0, -1.0)[:, None, None]
    pairs = np.where(np.arange(len(whole)) // 2 % 2 == 0, 1.0, -1.0)[:, None, None]
    early = signal_uv[whole[:, None] + np.arange(zero - round(0.2 * seen.fs), zero)][:, :, columns]
    turn = np.abs((t * signs).mean(axis=0)).max(axis=0) * 2.0
    other = np.abs((t * pairs).mean(axis=0)).max(axis=0) * 2.0
    # P waves that keep their own time may lie on every second T: they do so before the QRS too.
    before = np.abs((early * signs).mean(axis=0)).max(axis=0) * 2.0
    return {
        name: round(float(value))
        for name, value, rest, p in zip(names, turn, other, before, strict=True)
        if np.isfinite(value) and value >= 3.0 * rest and value >= 2.0 * p
    }
