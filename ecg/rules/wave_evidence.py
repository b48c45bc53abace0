"""Evidence that rests on waves: ST, T, QT, patterns, early ventricular beats. For stored recordings only.

Turns what was measured on the median beat into whole numbers that a profile judges; the table of kinds stands in
`evidence`. What is a mimic is asked of `statements`, how grave a thing is of `critical`. Leads without a vote (quality
below 0.5) are not in `Seen.waves` and so never here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ecg.record import F32
from ecg.results import Measurements
from ecg.rules.evidence import Evidence
from ecg.rules.prior import Prior
from ecg.signal.pacing import blanked
from ecg.signal.trace import RAW_UV
from ecg.statements import conduction, ischaemia, repolarisation, voltage
from ecg.statements.quality import is_poor
from ecg.statements.seen import Seen

QT_RATE_BPM_MAX = 120.0  # above it T and P run together and Bazett's formula misleads: no QT rule (ours)
NOT_BEATING = ("vt", "vf", "vfl", "tdp", "asystole", "svt")
NO_ST = ("undetermined", "ivr")
PATTERN_PCT = 60  # of de Winter, Wellens and hyperacute T, which have no classifier behind them: met or not
PVC_BEFORE_R_MS = 60  # from the onset of a ventricular beat to its R
BEAT_BEFORE_S, CAPTURE_S = 0.05, 0.35  # R may be found on a spike; a spike's beat is there by then
FORMS_MAX, UNLIKE_PCT = 30, 40
ON_T_MS = 20  # so far before the end of T, which is not known better, must it begin
POSTERIOR, RIGHT = ("V7", "V8", "V9"), ("V3R", "V4R")
FAST = ("svt", "vt", "tdp", "af", "afl", "sinus_tachy")


def wave_evidence(seen: Seen, signal_uv: F32) -> tuple[Evidence, ...]:
    """Everything the waves give to judge.

    signal_uv  (n, leads) of the recording, for what is of single beats: T-wave alternans, forms of early beats, spikes.
    """
    if seen.marks is None or seen.measured.qrs_ms is None or seen.rhythm in NOT_BEATING:
        return ()
    # A broad rhythm without P, which has no name, is what severe hyperkalaemia looks like.
    electrolytes = (*_hyperkalaemia(seen), *_hypokalaemia(seen))
    if seen.rhythm in NO_ST:
        return electrolytes
    found = (*_st(seen), *_occlusion(seen), *_ischaemia(seen), *_qt(seen, signal_uv), *_embolism(seen))
    return (*found, *electrolytes, *_pacer(seen, signal_uv), *_alternans(seen, signal_uv))


def _flags(seen: Seen) -> frozenset[str]:
    raised = ischaemia.raised_leads(seen)
    stated = {
        "paced": seen.rhythm == "paced",
        "wide": seen.wide,
        "lbbb": conduction.is_lbbb(seen),
        "lvh": voltage.has_high_voltage(seen) is not None,
        "strain": voltage.has_strain(seen),
        "preexcited": conduction.is_preexcited(seen),
        "early": ischaemia.is_early_repolarisation(seen),
        "diffuse": ischaemia.is_diffuse(seen, raised),
        "inferior": len({"II", "III", "aVF"} & set(raised)) >= 2,
    }
    return frozenset(name for name, holds in stated.items() if holds)


def _facts(seen: Seen, **facts: int) -> dict[str, int]:
    """Facts, and how likely electrodes were exchanged."""
    return {"lead_swap_pct": round(100 * seen.reversed), **facts}


def _st(seen: Seen) -> Iterator[Evidence]:
    levels = {lead: ischaemia.st_level_uv(row) for lead, row in seen.waves.items()}
    flags, facts = _flags(seen), _facts(seen)
    yield Evidence("st", 0, seen.samples, facts, by_lead=levels, flags=flags)
    if seen.prior is not None:
        yield Evidence("st_change", 0, seen.samples, facts, by_lead=_change(levels, seen.prior), flags=flags)
    right = {lead: seen.waves[lead].st_uv[0] for lead in RIGHT if lead in seen.waves}
    if right:
        yield Evidence("right", 0, seen.samples, facts, by_lead=right, flags=flags)
    back = {lead: seen.waves[lead].st_uv[0] for lead in POSTERIOR if lead in seen.waves}
    front = {lead: seen.waves[lead].st_uv[2] for lead in ischaemia.posterior_leads(seen)}
    if back or front:
        yield Evidence("posterior", 0, seen.samples, facts, by_lead=back | front, flags=flags)


def _change(levels: dict[str, int], prior: Prior) -> dict[str, int]:
    return {lead: level - prior.st_uv[lead] for lead, level in levels.items() if lead in prior.st_uv}


def _occlusion(seen: Seen) -> Iterator[Evidence]:
    down = ischaemia.left_main_leads(seen)
    avr = seen.lead("aVR")
    if down and avr is not None:
        level = min(avr.st_uv[0], avr.st_uv[2])
        yield Evidence("left_main", 0, seen.samples, _facts(seen, avr_uv=level, leads=len(down)), leads=down)
    for name, leads in (
        ("dewinter", ischaemia.de_winter_leads(seen)),
        ("wellens", ischaemia.wellens_leads(seen)),
        ("hyperacute_t", ischaemia.hyperacute_leads(seen)),
    ):
        if leads and seen.shaped:
            facts = _facts(seen, probability_pct=PATTERN_PCT)
            yield Evidence("pattern", 0, seen.samples, facts, leads=leads, flags=frozenset({name}))
    concordant = ischaemia.sgarbossa(seen)
    if concordant is not None:
        yield Evidence("sgarbossa", 0, seen.samples, _facts(seen, **concordant))


def _ischaemia(seen: Seen) -> Iterator[Evidence]:
    flags, facts = _flags(seen), _facts(seen)
    if not seen.shaped or (ischaemia.raised_leads(seen) and not flags & {"early", "diffuse", "lvh"}):
        return  # what is down while others are up is the other side of the same thing
    yield Evidence("ischaemia", 0, seen.samples, facts, by_lead=ischaemia.depressed_leads(seen), flags=flags)
    yield Evidence("t_down", 0, seen.samples, facts, by_lead=ischaemia.inverted_leads(seen), flags=flags)


def _qt(seen: Seen, signal_uv: F32) -> Iterator[Evidence]:
    qtc = rule_qtc(seen.measured)
    flags = _flags(seen) | {"vt"} if any(e.rhythm in ("vt", "tdp") for e in seen.episodes) else _flags(seen)
    if qtc is not None and not seen.wide:
        yield Evidence("qt", 0, seen.samples, _facts(seen, qtc_ms=qtc[0]), flags=flags | {qtc[1]})
    early = [beat for beat in seen.beats if beat.symbol == "V"]
    if not early:
        return
    facts = {"pvcs": len(early), "r_on_t": _r_on_t(seen)}
    facts["per_min_10"] = round(600 * len(early) * seen.fs / seen.samples)
    if qtc is not None and not seen.wide:
        facts["qtc_ms"] = qtc[0]
    forms = frozenset({"multiform"} if _is_multiform(seen, signal_uv) else ())
    yield Evidence("pvc", early[0].sample, early[-1].sample + 1, facts, flags=forms)


def _pacer(seen: Seen, signal_uv: F32) -> Iterator[Evidence]:
    """Spikes that no beat follows. The beat of an atrial spike comes after the AV delay: CAPTURE_S is longer."""
    if not any(beat.symbol == "/" for beat in seen.beats):
        return
    at = np.array([beat.sample for beat in seen.beats], dtype=np.int64)
    _, spikes = blanked(signal_uv, seen.fs)
    dark = seen.quality.unreadable
    spikes = np.array([s for s in spikes if not any(d.first <= s < d.end for d in dark)], dtype=np.int64)
    after = np.searchsorted(at, spikes - round(BEAT_BEFORE_S * seen.fs))
    inner = (after > 0) & (after < len(at))
    spikes, after = spikes[inner], after[inner]
    lost = at[after] - spikes > CAPTURE_S * seen.fs
    if lost.any():
        gaps = (at[after] - at[after - 1])[lost]
        gap_ms = round(1000 * int(gaps.max()) / seen.fs)
        first, last = int(spikes[lost][0]), int(spikes[lost][-1])
        yield Evidence("pacer", first, last + 1, _facts(seen, lost=int(lost.sum()), gap_ms=gap_ms))


def _is_multiform(seen: Seen, signal_uv: F32) -> bool:
    """Early ventricular beats of two forms at least: some two of them are UNLIKE in all voting leads together.

    Correlation of the 200 ms about R, best of shifts up to 40 ms; beats within a run of ventricular tachycardia, on
    unreadable signal or cut by the recording's ends are not asked. The number is ours (K: multiform is what a reader
    sees at a glance).
    """
    spans = [(e.first, e.end) for e in seen.episodes if e.rhythm in ("vt", "tdp", "ivr")]
    spans += [(span.first, span.end) for span in seen.quality.unreadable]
    half, shift, step = round(0.1 * seen.fs), round(0.04 * seen.fs), max(1, round(seen.fs / 125.0))
    at = np.array(
        [
            beat.sample
            for beat in seen.beats
            if beat.symbol == "V"
            and half + shift <= beat.sample < len(signal_uv) - half - shift
            and not any(first <= beat.sample < end for first, end in spans)
        ][:FORMS_MAX],
        dtype=np.int64,
    )
    columns = [] if seen.median is None else [seen.median.leads.index(lead) for lead in seen.waves]
    if len(at) < 2 or not columns:
        return False

    def cut(move: int) -> F32:
        rows = at[:, None] + np.arange(-half, half + 1, step) + move
        beats = np.clip(signal_uv[rows][:, :, columns], -RAW_UV, RAW_UV)  # what is larger is no signal
        beats = np.nan_to_num(beats - beats.mean(axis=1, keepdims=True)).reshape(len(at), -1)
        return np.asarray(beats / np.maximum(np.linalg.norm(beats, axis=1, keepdims=True), 1.0), dtype=np.float32)

    still = cut(0)
    alike = np.max([still @ cut(move).T for move in range(-shift, shift + 1, step)], axis=0)
    return bool((100 * np.maximum(alike, alike.T)).min() < UNLIKE_PCT)


def _r_on_t(seen: Seen) -> int:
    """Ventricular beats whose onset falls before the end of the T of a conducted beat (critical-values 2), on the T
    of the median beat. Not in fibrillation, where the median QT is of another interval, and not within a run."""
    qt, marks, median = seen.measured.qt_ms, seen.marks, seen.median
    if qt is None or marks is None or median is None or not seen.rhythm.startswith("sinus"):
        return 0
    r_ms = (median.r_at - marks.qrs_on) * 1000.0 / seen.fs
    found = 0
    for before, beat in pairwise(seen.beats):
        coupling = (beat.sample - before.sample) * 1000.0 / seen.fs
        found += beat.symbol == "V" and before.symbol == "N" and coupling - PVC_BEFORE_R_MS + r_ms < qt - ON_T_MS
    return found


def rule_qtc(m: Measurements) -> tuple[int, str] | None:
    """The longer of Bazett and Fridericia where the rate asks for both (critical-values 2), else Bazett."""
    bazett, fridericia, rate = m.qtc_ms["bazett"], m.qtc_ms["fridericia"], m.vent_rate_bpm
    if bazett is None or fridericia is None or rate is None or rate > QT_RATE_BPM_MAX:
        return None
    if (rate < 60 or rate > 90) and fridericia > bazett:
        return fridericia, "fridericia"
    return bazett, "bazett"


def _hyperkalaemia(seen: Seen) -> Iterator[Evidence]:
    peaked = repolarisation.peaked_leads(seen)
    if peaked:
        tall = max(seen.waves[lead].t_pos_uv or 0 for lead in peaked)
        facts = _facts(seen, t_uv=tall, qrs_ms=seen.measured.qrs_ms or 0)
        flags = _flags(seen) | ({"no_p"} if seen.measured.p_ms is None else frozenset())
        yield Evidence("hyperk", 0, seen.samples, facts, leads=peaked, flags=flags)


def _hypokalaemia(seen: Seen) -> Iterator[Evidence]:
    u_leads = repolarisation.u_wave_leads(seen)
    if len(u_leads) >= 2 and seen.measured.qt_ms is not None:
        tall = max(seen.waves[lead].u_uv or 0 for lead in u_leads)
        end = seen.measured.qt_ms + round(1000 * repolarisation.U_MEAN_S)
        flags = frozenset({"fast"} if any(e.rhythm in FAST for e in seen.episodes) else ())
        yield Evidence("hypok", 0, seen.samples, _facts(seen, u_uv=tall, qt_u_ms=end), leads=u_leads, flags=flags)


def _embolism(seen: Seen) -> Iterator[Evidence]:
    score = None if is_poor(seen.quality) else repolarisation.strain_score(seen)
    if score is not None and seen.shaped:
        yield Evidence("pe", 0, seen.samples, _facts(seen, score=score))


def _alternans(seen: Seen, signal_uv: F32) -> Iterator[Evidence]:
    sizes = repolarisation.alternans_uv(signal_uv, seen)
    if len(sizes) < 2:
        return
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    second = int(np.sort(list(sizes.values()))[-2])
    leads = tuple(name for name, value in ranked if value >= second)
    yield Evidence("twa", 0, seen.samples, _facts(seen, twa_uv=second, leads=len(leads)), leads=leads)
