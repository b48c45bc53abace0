"""ST, T and Q: infarction acute and old, patterns of occlusion, ischaemia, and what looks like them and is not.

The mimics are asked first: bundle branch block, pre-excitation, pacing, hypertrophy and early repolarisation move ST
and T by themselves. Levels are judged at J and at J + 60 ms; limits of ST elevation by sex and age stand in the profile
`stemi-udmi4` only, so that a statement and the rule cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

from ecg.results import Finding, LeadWaves
from ecg.rules import critical
from ecg.statements.conduction import is_lbbb, is_preexcited, is_rbbb
from ecg.statements.repolarisation import brugada_leads
from ecg.statements.seen import CHEST, Seen, beyond, number, say
from ecg.statements.voltage import has_high_voltage, has_strain

CODES = (
    *critical.TERRITORY_CODES,
    *("MI_IN_LBBB", "DE_WINTER", "WELLENS", "HYPERACUTE_T"),
    *("AVR_ST_ELEVATION", "MI_ANTERIOR", "MI_ANTEROSEPTAL", "MI_INFERIOR", "MI_LATERAL", "ABNORMAL_Q"),
    *("ST_ELEVATION", "ST_DEPRESSION", "T_INVERSION", "ST_T_NONSPECIFIC", "EARLY_REPOLARISATION", "PERICARDITIS"),
)
# Anterior ST elevation that is more likely an occlusion than early repolarisation: four-variable formula of Driver and
# Smith, J Electrocardiol 2017;50:561-569 (K: figures known in the field, text not read), in mm (0.1 mV) and ms.
SMITH_LIMIT, SMITH_QTC, SMITH_QRS_V2, SMITH_R_V4, SMITH_ST_V3 = 18.2, 0.052, -0.151, -0.268, 1.062
ST60_UV, INFERIOR_ST60_UV, RECIPROCAL_UV = 100, 75, -25
DOWN_UV, T_DOWN_UV = -50, -100  # ischaemia: Thygesen et al., UDMI4, Circulation 2018;138:e618-e651
SGARBOSSA_UV, SGARBOSSA_RATIO_PCT = 100, -25
EVOLVING_ST60_UV, EVOLVING_T_UV = 40, -25
EARLY_LEADS = ("I", "II", "III", "aVL", "aVF", "V5", "V6")
GROUPS = {
    "MI_INFERIOR": ("II", "III", "aVF"),
    "MI_LATERAL": ("I", "aVL", "V5", "V6"),
    "MI_ANTERIOR": ("V1", "V2", "V3", "V4"),
}


def ischaemia(seen: Seen) -> Iterator[Finding]:
    """Every statement on infarction and ischaemia that holds, the gravest first."""
    if seen.marks is None or seen.measured.qrs_ms is None:
        return
    concordant = sgarbossa(seen)
    if concordant is not None and any(concordant.values()):
        zh, en = "符合改良Sgarbossa标准", "meets the modified Sgarbossa criteria"
        yield say(seen, "MI_IN_LBBB", zh=zh, en=en, urgency="urgent", probability=0.7)
    if not seen.shaped or not _is_beating_from_above(seen):
        return
    if is_preexcited(seen) or is_lbbb(seen) or (seen.wide and not is_rbbb(seen)):
        return
    elevation = tuple(_elevations(seen))
    yield from elevation
    patterns = tuple(_patterns(seen))
    yield from patterns
    old = tuple(_old(seen))
    yield from old
    if not elevation:
        yield from _variants(seen)
    yield from _depressions(seen, secondary=bool(patterns))


def _is_beating_from_above(seen: Seen) -> bool:
    return seen.rhythm.startswith("sinus") or seen.rhythm in ("af", "afl", "junctional")


def hides_st(seen: Seen) -> bool:
    """ST elevation may be secondary: bundle branch block, other wide QRS, pre-excitation, pacing."""
    return not seen.shaped or seen.wide or is_lbbb(seen) or is_preexcited(seen)


def st_level_uv(row: LeadWaves) -> int:
    """The J level the ST rules see. An elevation of which less than half is left 60 ms later is the end of a broad QRS,
    no ST segment: it counts for twice what is left."""
    j, j60 = row.st_uv[0], row.st_uv[2]
    return min(j, max(2 * j60, 0)) if j > 0 else j


@cache
def _udmi4() -> critical.Levels:
    """Limits by sex and age, from the one place where they stand."""
    rule = next(rule for rule in critical.load("stemi-udmi4").rules if rule.id == "st.udmi4")
    assert rule.levels is not None, "the rule is about ST elevation"
    return rule.levels


def raised_leads(seen: Seen) -> dict[str, int]:
    """Neighbouring leads that meet the STEMI limits for this person, with their levels."""
    levels = {lead: st_level_uv(row) for lead, row in seen.waves.items()}
    return critical.beyond_limits(_udmi4(), levels, seen.meta)


def _elevations(seen: Seen) -> Iterator[Finding]:
    """STEMI by the limits; below them, where the form speaks against a variant of the normal; evolving anterior
    infarction."""
    raised = raised_leads(seen)
    mimic = has_high_voltage(seen) is not None or bool(brugada_leads(seen)) or is_diffuse(seen, raised)
    if raised and not mimic and not is_early_repolarisation(seen):
        top = max(raised.values()) / 1000
        leads = tuple(raised)
        names = " ".join(leads)
        zh, en = f"{names} 最高 {top:.3f} mV，达STEMI标准", f"{names} up to {top:.3f} mV, meets the STEMI criteria"
        yield say(
            seen,
            critical.territory(leads),
            leads=leads,
            value=top,
            zh=zh,
            en=en,
            probability=beyond(top, 0.1, 0.04),
        )
        return
    evolving = evolving_anterior(seen)
    subtle = tuple(_subtle(seen))
    yield from subtle
    if evolving:
        names = " ".join(evolving)
        zh, en = (
            f"{names} Q波伴ST段抬高、T波末端倒置，近期前壁梗死待排",
            f"Q waves in {names} with ST elevation and terminal T inversion: recent anterior infarction to be excluded",
        )
        yield say(seen, "STEMI_ANTERIOR", leads=evolving, zh=zh, en=en, probability=0.7, urgency="urgent")
    elif subtle and set(subtle[0].leads) & {"V2", "V3"}:
        zh, en = "ST段抬高未达标准，前降支闭塞待排", "below the limits; occlusion of the LAD to be excluded"
        yield say(
            seen,
            "STEMI_ANTERIOR",
            leads=subtle[0].leads,
            zh=zh,
            en=en,
            probability=0.5,
            urgency="urgent",
        )


def evolving_anterior(seen: Seen) -> tuple[str, ...]:
    """Anterior infarction of the last days: Q or QS in two or more of V1-V4, ST still up, T turning down at its end.

    Ours, after the stages of Pardee (Arch Intern Med 1920;26:244-257; K). Q or QS in two or more leads of which V2, V3
    or V4 is one; at J + 60 ms 0.04 mV or more in two of V1-V4; T with a negative end in two or more of V2-V5. An old
    scar has no such T, ST elevation of a normal variant no such Q.
    """
    rows = seen.leads(("V1", "V2", "V3", "V4", "V5"))
    if rows is None:
        return ()
    dead = [name for name, row in zip(CHEST, rows[:4], strict=False) if _is_dead(row)]
    raised = [row for row in rows[:4] if row.st_uv[2] >= EVOLVING_ST60_UV]
    turned = [
        row
        for row in rows[1:]
        if row.t_neg_uv is not None and row.t_neg_uv <= EVOLVING_T_UV and (row.t_pos_first or not row.t_pos_uv)
    ]
    if len(dead) < 2 or set(dead) == {"V1"} or len(raised) < 2 or len(turned) < 2:
        return ()
    return tuple(dead)


def _is_dead(row: LeadWaves) -> bool:
    """QS, or Q of 30 ms and 0.1 mV or more, or no more than a trace of R before a deep S."""
    quiet = row.high_uv <= 60 and row.low_uv <= -200
    return quiet or (row.q_uv <= -100 and row.q_ms >= 30)


def _subtle(seen: Seen) -> Iterator[Finding]:
    """ST elevation below the limits of the STEMI rules, where its form speaks against a variant of the normal."""
    if not seen.rhythm.startswith("sinus") or seen.wide:
        return
    inferior = tuple(
        lead
        for lead in GROUPS["MI_INFERIOR"]
        if (row := seen.lead(lead)) is not None and row.st_uv[2] >= INFERIOR_ST60_UV
    )
    avl = seen.lead("aVL")
    if len(inferior) >= 2 and avl is not None and avl.st_uv[2] <= RECIPROCAL_UV:
        top = max(seen.waves[lead].st_uv[2] for lead in inferior) / 1000
        names = " ".join(inferior)
        zh, en = (
            f"{names} 最高 {top:.3f} mV，aVL对应性压低",
            f"{names} up to {top:.3f} mV with reciprocal depression in aVL",
        )
        yield number(seen, "ST_ELEVATION", top, INFERIOR_ST60_UV / 1000, zh, en, unit=0.03, leads=inferior)
        return
    score, pair = smith_score(seen), seen.leads(("V2", "V3"))
    if score is None or pair is None or score < SMITH_LIMIT or min(row.st_uv[2] for row in pair) < ST60_UV:
        return
    top = max(row.st_uv[2] for row in pair) / 1000
    zh, en = (
        f"V2 V3 最高 {top:.3f} mV，前降支闭塞待排（四变量评分 {score:.1f}）",
        f"V2 V3 up to {top:.3f} mV, occlusion of the LAD to be excluded (four-variable score {score:.1f})",
    )
    yield number(seen, "ST_ELEVATION", top, ST60_UV / 1000, zh, en, unit=0.03, leads=("V2", "V3"))


def smith_score(seen: Seen) -> float | None:
    """The four-variable score; None where one of the four was not measured."""
    rows, qtc = seen.leads(("V2", "V3", "V4")), seen.measured.qtc_ms.get("bazett")
    if rows is None or qtc is None:
        return None
    v2, v3, v4 = rows
    qrs_v2_mm, r_v4_mm, st_v3_mm = (v2.high_uv - v2.low_uv) / 100, v4.high_uv / 100, v3.st_uv[2] / 100
    return SMITH_QTC * qtc + SMITH_QRS_V2 * qrs_v2_mm + SMITH_R_V4 * r_v4_mm + SMITH_ST_V3 * st_v3_mm


def sgarbossa(seen: Seen) -> dict[str, int] | None:
    """What speaks for infarction in left bundle branch block or ventricular pacing; None outside them.

    Sgarbossa et al., N Engl J Med 1996;334:481-487; ratio after Smith et al., Ann Emerg Med 2012;60:766-776 (K): ST
    up by 0.1 mV or more where QRS is up; ST down by 0.1 mV or more in V1-V3 where QRS is down; ST up by 0.1 mV or
    more, and by a quarter or more of the S before it.
    Returns leads that show each: `up`, `down`, `ratio`.
    """
    if not (is_lbbb(seen) or (seen.rhythm == "paced" and seen.wide)):
        return None
    found = {"up": 0, "down": 0, "ratio": 0}
    for name, row in seen.waves.items():
        j = row.st_uv[0]
        if name == "aVR":
            continue
        # The late area decides with the whole: the rest of a spike weighs in the first milliseconds only.
        concordant = min(row.area_uvms, row.late_area_uvms) > 0 and row.high_uv > -1.5 * row.low_uv
        discordant = max(row.area_uvms, row.late_area_uvms) < 0 and -row.low_uv > 1.5 * row.high_uv
        found["up"] += concordant and j >= SGARBOSSA_UV and row.st_uv[2] >= SGARBOSSA_UV
        found["down"] += name in ("V1", "V2", "V3") and discordant and max(j, row.st_uv[2]) <= -SGARBOSSA_UV
        found["ratio"] += discordant and j >= SGARBOSSA_UV and 100 * j / min(row.low_uv, -1) <= SGARBOSSA_RATIO_PCT
    if seen.rhythm == "paced" and found["up"] < 2:
        found["up"] = 0  # one lead alone may be the rest of a spike
    return found


def _patterns(seen: Seen) -> Iterator[Finding]:
    """Occlusion without the usual ST elevation. Each tells the reader; whether somebody is woken is a rule's
    business."""
    for code, leads_of, zh, en in PATTERNS:
        leads = leads_of(seen)
        if leads:
            names = " ".join(leads)
            yield say(
                seen,
                code,
                leads=leads,
                zh=f"{names} {zh}",
                en=f"{names}: {en}",
                probability=0.6,
                urgency="urgent",
            )


def posterior_leads(seen: Seen) -> tuple[str, ...]:
    """V1-V3 with ST down by 0.05 mV or more at J + 60 ms before an upright T, in two or more (UDMI4); flat or
    falling, as an ST that climbs is of the T."""
    if hides_st(seen) or has_strain(seen):
        return ()
    found = [
        name
        for name in ("V1", "V2", "V3")
        if (row := seen.lead(name)) is not None
        and row.st_uv[2] <= DOWN_UV
        and row.st_uv[0] <= DOWN_UV
        and row.st_uv[3] <= row.st_uv[0] + 40
        and (row.t_pos_uv or 0) >= 100
    ]
    return tuple(found) if len(found) >= 2 else ()


def left_main_leads(seen: Seen) -> tuple[str, ...]:
    """aVR up by 0.1 mV or more with ST down by 0.1 mV or more in six leads or more (UDMI4); the leads that are down."""
    avr = seen.lead("aVR")
    if avr is None or hides_st(seen) or min(avr.st_uv[0], avr.st_uv[2]) < 100:
        return ()
    found = [name for name, row in seen.waves.items() if name != "aVR" and min(row.st_uv[0], row.st_uv[2]) <= -100]
    return tuple(found) if len(found) >= 6 else ()


def de_winter_leads(seen: Seen) -> tuple[str, ...]:
    """ST at J down by 0.1 mV or more, climbing straight into a tall T, in three or more of V2-V6; R kept.

    de Winter et al., N Engl J Med 2008;359:2071-2073 (K): upsloping ST depression of 1-3 mm at J in V1-V6 with tall,
    symmetrical T. Tall is 0.5 mV and three times the depression here (ours).
    """
    if hides_st(seen) or has_strain(seen) or (seen.measured.vent_rate_bpm or 0) > 120:
        return ()
    found = []
    for name in CHEST[1:]:
        row = seen.lead(name)
        if row is None or row.t_pos_uv is None:
            continue
        j, _, _, j80 = row.st_uv
        if j <= -100 and j80 - j >= 50 and row.t_pos_uv >= max(500, -3 * j) and (row.t_neg_uv or 0) > -150:
            found.append(name)
    return tuple(found) if len(found) >= 3 else ()


def wellens_leads(seen: Seen) -> tuple[str, ...]:
    """V2 and V3 with T first up and then down (A), or turned down deep and evenly (B); R kept, ST hardly up, no Q.

    de Zwaan et al., Am Heart J 1982;103:730-736; Rhinehardt et al., Am J Emerg Med 2002;20:638-643 (K): ST up by less
    than 0.1 mV, no precordial Q, R progression kept. Deep is 0.3 mV (ours); a negative end of A counts from 0.1 mV.
    """
    rows = seen.leads(("V2", "V3"))
    if rows is None or hides_st(seen) or is_rbbb(seen) or has_strain(seen) or (seen.measured.vent_rate_bpm or 0) > 110:
        return ()
    if any(_is_dead(row) or row.r_uv < 100 or max(row.st_uv[0], row.st_uv[2]) >= 100 for row in rows):
        return ()
    if any(row.t_pos_uv is None or row.t_neg_uv is None for row in rows):
        return ()
    biphasic = all(row.t_pos_first and (row.t_pos_uv or 0) >= 50 and (row.t_neg_uv or 0) <= -100 for row in rows)
    deep = all((row.t_neg_uv or 0) <= -300 and (row.t_pos_uv or 0) < 100 for row in rows)
    return ("V2", "V3") if biphasic or deep else ()


def hyperacute_leads(seen: Seen) -> tuple[str, ...]:
    """T of 0.6 mV or more that outgrows the whole QRS of its lead, in two or more neighbours of V2-V5 (ours; K)."""
    if hides_st(seen):
        return ()
    run: list[str] = []
    for name in ("V2", "V3", "V4", "V5", ""):
        row = seen.lead(name)
        if row is not None and row.t_pos_uv is not None and row.t_pos_uv >= max(600, row.high_uv - row.low_uv):
            run.append(name)
            continue
        if len(run) >= 2:
            return tuple(run)
        run = []
    return ()


PATTERNS: tuple[tuple[str, Callable[[Seen], tuple[str, ...]], str, str], ...] = (
    (
        "STEMI_POSTERIOR",
        posterior_leads,
        "ST段压低伴T波直立，建议加做V7-V9",
        "ST down before an upright T: record V7-V9",
    ),
    ("AVR_ST_ELEVATION", left_main_leads, "ST段压低", "ST down"),
    ("DE_WINTER", de_winter_leads, "J点压低伴高尖T波", "upsloping ST depression into a tall T"),
    ("WELLENS", wellens_leads, "T波双相或深倒置", "T biphasic or deeply inverted"),
    ("HYPERACUTE_T", hyperacute_leads, "T波高于QRS波群", "T taller than the QRS"),
)


def _old(seen: Seen) -> Iterator[Finding]:
    """Infarction by Q, age not stated (UDMI4, table of Q waves): V2-V3 Q of 20 ms or QS; elsewhere Q of 30 ms and 0.1
    mV or QS, in two neighbours. One region with Q but not enough of them is only an abnormal Q."""
    if seen.rhythm == "svt":
        return
    told = False
    for code, names in GROUPS.items():
        leads = tuple(name for name in names if (row := seen.lead(name)) is not None and _is_old_q(name, row))
        if len(leads) < 2 or set(leads) == {"V1"}:
            continue
        named = "MI_ANTEROSEPTAL" if code == "MI_ANTERIOR" and set(leads) <= {"V1", "V2", "V3"} else code
        told = True
        text = " ".join(leads)
        zh, en = f"{text} 异常Q波，时期不定", f"abnormal Q in {text}, age not stated"
        yield say(
            seen, named, leads=leads, zh=zh, en=en, probability=0.5 + 0.1 * min(len(leads) - 2, 4), urgency="routine"
        )
    if not told:
        single = tuple(
            name for name, row in seen.waves.items() if name not in ("aVR", "V1", "III", "aVL") and _is_old_q(name, row)
        )
        if single:
            yield say(seen, "ABNORMAL_Q", leads=single, zh=" ".join(single), en=" ".join(single))


def _is_old_q(name: str, row: LeadWaves) -> bool:
    whole = row.high_uv <= 40 and row.q_uv <= -150
    if name in ("V1", "V2", "V3"):
        return whole or (name != "V1" and row.q_uv <= -50 and row.q_ms >= 20)
    return (whole and name not in ("III", "aVL")) or (
        row.q_uv <= -100 and row.q_ms >= 30 and -4 * row.q_uv >= max(row.high_uv, 1)
    )


def is_early_repolarisation(seen: Seen) -> bool:
    """ST up at J by 0.1 mV or more in two neighbours of II, III, aVF, V2-V6, concave, before a tall T, R kept;
    nothing down.

    Macfarlane et al., J Am Coll Cardiol 2015;66:470-477 for the limits (K); concave is a level that climbs from J to
    J + 80 ms; tall is T of four times ST and more: in infarction ST catches up with T (Ginzton & Laks 1982 use 0.25 for
    pericarditis).
    """
    if seen.wide or evolving_anterior(seen):
        return False
    rows = {name: row for name, row in seen.waves.items() if name in ("II", "III", "aVF", *CHEST[1:])}
    up = {name: row for name, row in rows.items() if row.st_uv[0] >= 100}
    if len(up) < 2 or any(row.st_uv[2] <= DOWN_UV for name, row in seen.waves.items() if name != "aVR"):
        return False
    score = smith_score(seen)
    if {"V2", "V3"} & set(up) and score is not None and score >= SMITH_LIMIT:
        return False
    return all(
        row.st_uv[3] > row.st_uv[0] and (row.t_pos_uv or 0) >= 4 * row.st_uv[0] and row.r_uv >= 200 and row.q_uv > -150
        for row in up.values()
    )


def is_diffuse(seen: Seen, raised: dict[str, int]) -> bool:
    """ST elevation over limb and chest, five leads or more, down in no lead but aVR and V1: pericarditis before
    infarction (K)."""
    limb, chest = set(raised) & {"I", "II", "aVF"}, set(raised) & set(CHEST)
    others = [row for name, row in seen.waves.items() if name not in ("aVR", "V1")]
    return len(limb) >= 2 and len(chest) >= 3 and all(row.st_uv[2] > RECIPROCAL_UV for row in others)


def _variants(seen: Seen) -> Iterator[Finding]:
    """What looks like infarction and is not: early repolarisation; elevation everywhere, as in pericarditis."""
    raised = raised_leads(seen)
    if raised and is_diffuse(seen, raised) and not is_early_repolarisation(seen):
        zh, en = "广泛ST段抬高，无对应性压低", "ST elevation in most leads without reciprocal depression"
        yield say(seen, "PERICARDITIS", leads=tuple(raised), zh=zh, en=en, probability=0.5)
    elif is_early_repolarisation(seen) and (leads := _early_leads(seen)):
        yield say(seen, "EARLY_REPOLARISATION", leads=leads, probability=0.6)


def _early_leads(seen: Seen) -> tuple[str, ...]:
    """Two neighbours among the inferior or lateral leads with J up by 0.1 mV or more: anterior elevation alone is a
    man's ordinary ECG (Macfarlane 2015 leaves V1-V3 out)."""
    up = {name: row.st_uv[0] for name, row in seen.waves.items() if name in EARLY_LEADS and row.st_uv[0] >= 100}
    return tuple(neighbours(up))


def depressed_leads(seen: Seen) -> dict[str, int]:
    """Leads whose ST at J + 60 ms is down by 0.05 mV or more, flat or falling, with the level; V1 of a right bundle
    branch block and aVR are not asked."""
    skipped = {"aVR", "V1", "V2", "V3"} if is_rbbb(seen) else {"aVR"}
    return {
        name: row.st_uv[2]
        for name, row in seen.waves.items()
        if name not in skipped
        and row.st_uv[2] <= DOWN_UV
        and row.st_uv[3] <= row.st_uv[0] + 30
        and row.st_uv[0] <= DOWN_UV // 2
    }


def inverted_leads(seen: Seen) -> dict[str, int]:
    """Leads with T turned down by 0.1 mV or more where R is taller than S (UDMI4), with its depth."""
    skipped = {"aVR", "V1", "III"} | ({"V2", "V3"} if is_rbbb(seen) else set())
    return {
        name: row.t_neg_uv
        for name, row in seen.waves.items()
        if name not in skipped
        and row.t_neg_uv is not None
        and row.t_neg_uv <= T_DOWN_UV
        and (row.t_uv or 0) < 0
        and row.high_uv >= -row.low_uv
    }


def _depressions(seen: Seen, *, secondary: bool) -> Iterator[Finding]:
    """ST depression and T inversion in two neighbours; less than that in two leads is non-specific. With hypertrophy
    and strain they are part of it and left to that statement."""
    if has_strain(seen) and has_high_voltage(seen) is not None:
        return
    down, turned = neighbours(depressed_leads(seen)), neighbours(inverted_leads(seen))
    if down and not secondary:
        low = min(down.values()) / 1000
        names = " ".join(down)
        zh, en = f"{names} 压低最深 {low:.3f} mV", f"{names} down to {low:.3f} mV"
        yield number(seen, "ST_DEPRESSION", low, DOWN_UV / 1000, zh, en, unit=-0.025, leads=tuple(down))
    if turned and not secondary:
        low = min(turned.values()) / 1000
        names = " ".join(turned)
        zh, en = f"{names} 最深 {low:.2f} mV", f"{names} down to {low:.2f} mV"
        yield number(seen, "T_INVERSION", low, T_DOWN_UV / 1000, zh, en, unit=-0.05, leads=tuple(turned))
    if not down and not turned and not secondary:
        flat = tuple(
            name
            for name in ("I", "II", "V4", "V5", "V6")
            if (row := seen.lead(name)) is not None
            and row.t_uv is not None
            and row.high_uv >= 500
            and (row.t_uv < 0.1 * row.high_uv or row.st_uv[2] <= DOWN_UV)
        )
        if len(flat) >= 2:
            names = " ".join(flat)
            yield say(seen, "ST_T_NONSPECIFIC", leads=flat, zh=names, en=names)


def neighbours(levels: dict[str, int]) -> dict[str, int]:
    """Of these leads those that have a neighbour among them."""
    found: dict[str, int] = {}
    for chain in critical.NEIGHBOURS:
        for a, b in pairwise(chain):
            if a in levels and b in levels:
                found |= {a: levels[a], b: levels[b]}
    return found
