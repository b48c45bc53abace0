"""What the measurements mean in words: coded statements with the number and the limit each rests on.

A statement never pages; what must wake somebody is a rule of a profile (`critical`). Limits follow the AHA/ACCF/HRS
recommendations 2007-2009 (K: known in the field, text not re-read) unless a line names another source. Nothing is said
of what was not measured, and "normal" is never said at all: that is a person's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecg import codes, critical
from ecg.quality import VOTE_MIN
from ecg.results import Beat, Episode, Finding, Measurements, Median, Quality
from ecg.waves import Marks

RHYTHM_CODES = {
    "sinus": "SINUS_RHYTHM",
    "sinus_brady": "SINUS_BRADYCARDIA",
    "sinus_tachy": "SINUS_TACHYCARDIA",
    "af": "AFIB",
    "afl": "AFLUTTER",
    "svt": "SVT",
    "vt": "VT",
    "vf": "VF",
    "paced": "PACED_RHYTHM",
    "pause": "PAUSE",
    "asystole": "ASYSTOLE",
}
PR_LONG_MS = 200
QRS_WIDE_MS = 120
QTC_LONG_MS = {"M": 450, "F": 460, "": 460}
LOW_LIMB_UV = 500.0
AXIS_LEFT_DEG, AXIS_RIGHT_DEG = -30, 90
SOKOLOW_UV, CORNELL_UV = 3500.0, {"M": 2800.0, "F": 2000.0, "": 2800.0}
# Anterior ST elevation that is more likely an occlusion than early repolarisation: four-variable formula of Driver and
# Smith, J Electrocardiol 2017;50:561-569 (K: figures known in the field, text not read), in mm (0.1 mV) and ms.
SMITH_LIMIT, SMITH_QTC, SMITH_QRS_V2, SMITH_R_V4, SMITH_ST_V3 = 18.2, 0.052, -0.151, -0.268, 1.062
ST60_UV, INFERIOR_ST60_UV, RECIPROCAL_UV = 100, 75, -25
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
BEAT_CODES = {"V": "PVC", "A": "PAC"}

CODES: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *RHYTHM_CODES.values(),
            *BEAT_CODES.values(),
            *("PVC_COUPLET", "AVB_I", "LBBB", "RBBB", "IVCD", "LONG_QT", "ST_ELEVATION", "LOW_VOLTAGE", "LVH_VOLTAGE"),
            *("AXIS_LEFT", "AXIS_RIGHT", "AXIS_NORTHWEST"),
            *("LEAD_OFF", "NO_SIGNAL", "UNREADABLE", "POOR_QUALITY"),
            *critical.rule_codes(critical.load(critical.DEFAULT_PROFILE)),
        )
    )
)


@dataclass(frozen=True)
class Seen:
    """All a statement may look at."""

    samples: int
    sex: str
    quality: Quality
    beats: tuple[Beat, ...]
    episodes: tuple[Episode, ...]
    rhythm: str
    measured: Measurements
    median: Median | None
    marks: Marks | None

    def wave(self, lead: str) -> np.ndarray[tuple[int], np.dtype[np.float32]] | None:
        """The QRS of a lead in the median beat against its onset; None where the lead is missing, bad or unmeasured."""
        if self.median is None or self.marks is None or lead not in self.median.leads:
            return None
        if self.quality.leads.get(lead, 0.0) < VOTE_MIN:
            return None
        column = self.median.wave_uv[:, self.median.leads.index(lead)]
        wave = column[self.marks.qrs_on : self.marks.qrs_off + 1] - column[self.marks.qrs_on]
        return wave if np.isfinite(wave).all() and len(wave) > 2 else None


def statements(seen: Seen) -> tuple[Finding, ...]:
    """Every statement that holds, quality first."""
    found = [*_quality(seen)]
    if any(finding.code in ("NO_SIGNAL", "UNREADABLE") for finding in found):
        return tuple(found)
    rhythm = (*found, *_rhythm(seen), *_ectopy(seen))
    if is_poor(seen.quality):
        return rhythm  # a form read from a poor signal is worse than none
    return (*rhythm, *_conduction(seen), *_st(seen), *_voltage(seen), *_axis(seen))


def is_poor(quality: Quality) -> bool:
    """Not acceptable for more than leads that are simply off."""
    low = {lead for lead, value in quality.leads.items() if value < VOTE_MIN}
    return not quality.acceptable and (not low or bool(low - set(quality.lead_off)))


def is_lbbb(seen: Seen) -> bool:
    """Broad, down in V1, up without q in I or V6."""
    v1, lateral = seen.wave("V1"), seen.wave("V6") if seen.wave("V6") is not None else seen.wave("I")
    if seen.measured.qrs_ms is None or seen.measured.qrs_ms < QRS_WIDE_MS or v1 is None or lateral is None:
        return False
    q = -float(lateral[: len(lateral) // 3].min())
    late = float(v1[len(v1) // 2 :].mean())
    return float(v1.mean()) < 0 and late < 0 and float(lateral.mean()) > 0 and q < 0.1 * float(lateral.max())


def is_rbbb(seen: Seen) -> bool:
    """Broad, its last part up in V1 and down in I or V6."""
    v1 = seen.wave("V1")
    lateral = [wave for wave in (seen.wave("I"), seen.wave("V6")) if wave is not None]
    if seen.measured.qrs_ms is None or seen.measured.qrs_ms < QRS_WIDE_MS or v1 is None or not lateral:
        return False
    late_v1 = float(v1[int(0.6 * len(v1)) :].mean())
    return late_v1 > 100.0 and min(float(wave[int(0.6 * len(wave)) :].mean()) for wave in lateral) < -30.0


def has_high_voltage(seen: Seen) -> tuple[float, float] | None:
    """Left ventricular voltage by Sokolow-Lyon or Cornell, (value, limit) in mV; None where neither is met."""
    v1, v3, avl = seen.wave("V1"), seen.wave("V3"), seen.wave("aVL")
    lateral = [float(wave.max()) for wave in (seen.wave("V5"), seen.wave("V6")) if wave is not None]
    if v1 is not None and lateral:
        sokolow = -float(v1.min()) + max(lateral)
        if sokolow >= SOKOLOW_UV:
            return round(sokolow) / 1000, SOKOLOW_UV / 1000
    if v3 is not None and avl is not None:
        cornell = float(avl.max()) - float(v3.min())
        if cornell > CORNELL_UV[seen.sex]:
            return round(cornell) / 1000, CORNELL_UV[seen.sex] / 1000
    return None


def _quality(seen: Seen) -> Iterator[Finding]:
    quality, leads = seen.quality, tuple(seen.quality.leads)
    if leads and len(quality.lead_off) == len(leads):
        yield _say(
            seen, "NO_SIGNAL", leads=leads, zh="全部导联无信号，请检查电极后重新采集", en="all leads are off: redo"
        )
        return
    if quality.lead_off:
        names = " ".join(quality.lead_off)
        yield _say(
            seen, "LEAD_OFF", leads=quality.lead_off, zh=f"{names}，请检查电极", en=f"{names}: check the electrodes"
        )
    low = tuple(lead for lead, value in quality.leads.items() if value < VOTE_MIN)
    if len(low) == len(leads):
        yield _say(seen, "UNREADABLE", leads=low, zh="请重新采集", en="please record again")
    elif is_poor(quality):
        yield _say(seen, "POOR_QUALITY", leads=low, zh="建议重新采集", en="recording again is advised")


def _rhythm(seen: Seen) -> Iterator[Finding]:
    rate = seen.measured.vent_rate_bpm
    number = "" if rate is None else f"{rate:.0f}"
    told: set[str] = set()
    for episode in seen.episodes:
        code = RHYTHM_CODES.get(episode.rhythm)
        if code is None or code in told:
            continue
        told.add(code)
        whole = episode.rhythm == seen.rhythm
        yield _say(
            seen,
            code,
            first=episode.first,
            end=episode.end,
            value=rate if whole else None,
            zh=f"心室率 {number} 次/分" if whole and number else "",
            en=f"ventricular rate {number}/min" if whole and number else "",
        )


def _ectopy(seen: Seen) -> Iterator[Finding]:
    if seen.rhythm in ("vt", "vf", "svt"):
        return
    for symbol, code in BEAT_CODES.items():
        if code == "PAC" and seen.rhythm in ("af", "afl"):
            continue  # every beat of fibrillation comes at its own time
        places = [beat.sample for beat in seen.beats if beat.symbol == symbol]
        if places:
            count = len(places)
            yield _say(
                seen,
                code,
                first=places[0],
                end=places[-1] + 1,
                value=float(count),
                zh=f"{count} 个",
                en=f"{count} in all",
            )
    symbols = "".join(beat.symbol for beat in seen.beats)
    at = symbols.find("VV")
    if at >= 0:
        yield _say(seen, "PVC_COUPLET", first=seen.beats[at].sample, end=seen.beats[at + 1].sample + 1)


def _conduction(seen: Seen) -> Iterator[Finding]:
    m = seen.measured
    if m.pr_ms is not None and m.pr_ms > PR_LONG_MS:
        yield _number(seen, "AVB_I", m.pr_ms, PR_LONG_MS, f"PR间期 {m.pr_ms} ms", f"PR {m.pr_ms} ms")
    if m.qrs_ms is not None and m.qrs_ms >= QRS_WIDE_MS and seen.rhythm not in ("paced", "vt", "vf"):
        code = "LBBB" if is_lbbb(seen) else "RBBB" if is_rbbb(seen) else "IVCD"
        yield _number(seen, code, m.qrs_ms, QRS_WIDE_MS, f"QRS时限 {m.qrs_ms} ms", f"QRS {m.qrs_ms} ms")
    qtc, formula = report_qtc(m)
    limit = QTC_LONG_MS[seen.sex]
    if qtc is not None and qtc > limit and (m.qrs_ms or 0) < QRS_WIDE_MS and seen.rhythm.startswith("sinus"):
        yield _number(seen, "LONG_QT", qtc, limit, f"QTc {qtc} ms（{formula}）", f"QTc {qtc} ms ({formula})")


def report_qtc(m: Measurements) -> tuple[int | None, str]:
    """The QTc a statement uses: Bazett from 60 to 90 a minute, Fridericia outside (critical-values 2)."""
    if m.vent_rate_bpm is None:
        return None, "Bazett"
    formula = "bazett" if 60 <= m.vent_rate_bpm <= 90 else "fridericia"
    return m.qtc_ms.get(formula), formula.capitalize()


def _st(seen: Seen) -> Iterator[Finding]:
    """ST elevation below the limits of the STEMI rules, where its form speaks against a variant of the normal."""
    m = seen.measured
    if not seen.rhythm.startswith("sinus") or m.qrs_ms is None or m.qrs_ms >= QRS_WIDE_MS:
        return
    st60 = {lead: round(value * 1000) for lead, value in m.st_j60_mv.items() if value is not None}
    inferior = tuple(lead for lead in ("II", "III", "aVF") if st60.get(lead, 0) >= INFERIOR_ST60_UV)
    if len(inferior) >= 2 and st60.get("aVL", 0) <= RECIPROCAL_UV:
        top = max(st60[lead] for lead in inferior) / 1000
        names = " ".join(inferior)
        zh, en = (
            f"{names} 最高 {top:.3f} mV，aVL对应性压低",
            f"{names} up to {top:.3f} mV with reciprocal depression in aVL",
        )
        yield _number(seen, "ST_ELEVATION", top, INFERIOR_ST60_UV / 1000, zh, en, leads=inferior)
        return
    score = smith_score(seen, st60)
    if score is not None and score >= SMITH_LIMIT and min(st60.get("V2", 0), st60.get("V3", 0)) >= ST60_UV:
        top = max(st60["V2"], st60["V3"]) / 1000
        zh, en = (
            f"V2 V3 最高 {top:.3f} mV，前降支闭塞待排（四变量评分 {score:.1f}）",
            (f"V2 V3 up to {top:.3f} mV, occlusion of the LAD to be excluded (four-variable score {score:.1f})"),
        )
        yield _number(seen, "ST_ELEVATION", top, ST60_UV / 1000, zh, en, leads=("V2", "V3"))


def smith_score(seen: Seen, st60_uv: dict[str, int]) -> float | None:
    """The four-variable score; None where one of the four was not measured."""
    v2, v4, qtc = seen.wave("V2"), seen.wave("V4"), seen.measured.qtc_ms.get("bazett")
    if v2 is None or v4 is None or qtc is None or "V3" not in st60_uv:
        return None
    qrs_v2_mm, r_v4_mm = float(v2.max() - v2.min()) / 100, max(float(v4.max()), 0.0) / 100
    return SMITH_QTC * qtc + SMITH_QRS_V2 * qrs_v2_mm + SMITH_R_V4 * r_v4_mm + SMITH_ST_V3 * st60_uv["V3"] / 100


def _voltage(seen: Seen) -> Iterator[Finding]:
    waves = [seen.wave(lead) for lead in LIMB]
    if all(wave is not None for wave in waves):
        highest = max(float(wave.max() - wave.min()) for wave in waves if wave is not None)
        if highest < LOW_LIMB_UV:
            mv = round(highest) / 1000
            text_zh, text_en = f"肢体导联最高 {mv:.3f} mV", f"limb leads at most {mv:.3f} mV"
            yield _number(seen, "LOW_VOLTAGE", mv, LOW_LIMB_UV / 1000, text_zh, text_en, leads=LIMB)
    high = has_high_voltage(seen)
    if high is not None and seen.rhythm not in ("paced", "vt", "vf"):
        yield _number(seen, "LVH_VOLTAGE", *high, f"{high[0]:.2f} mV", f"{high[0]:.2f} mV")


def _axis(seen: Seen) -> Iterator[Finding]:
    axis = seen.measured.axis_deg["qrs"]
    if axis is None or seen.rhythm in ("paced", "vt", "vf") or AXIS_LEFT_DEG <= axis <= AXIS_RIGHT_DEG:
        return
    if axis > AXIS_RIGHT_DEG:
        yield _number(seen, "AXIS_RIGHT", axis, AXIS_RIGHT_DEG, f"QRS电轴 {axis}°", f"QRS axis {axis}°")
    else:
        code = "AXIS_NORTHWEST" if axis < -90 else "AXIS_LEFT"
        yield _number(seen, code, axis, AXIS_LEFT_DEG, f"QRS电轴 {axis}°", f"QRS axis {axis}°")


def _number(
    seen: Seen, code: str, value: float, limit: float, zh: str, en: str, *, leads: tuple[str, ...] = ()
) -> Finding:
    return _say(seen, code, leads=leads, value=float(value), limit=float(limit), zh=zh, en=en)


def _say(
    seen: Seen,
    code: str,
    *,
    first: int = 0,
    end: int | None = None,
    leads: tuple[str, ...] = (),
    value: float | None = None,
    limit: float | None = None,
    zh: str = "",
    en: str = "",
) -> Finding:
    """A statement: the code's name, then what there is to add."""
    name = codes.findings()[code]
    text = {
        "zh": f"{name.name_zh}：{zh}" if zh else name.name_zh,
        "en": f"{name.name_en}: {en}" if en else name.name_en,
    }
    last = seen.samples if end is None else end
    return Finding(code, name.urgency, first, last, leads, value, limit, say=text)
