"""What is written on a drawn page, in Chinese and English: measurements, findings, rhythms, the line of scales.

Names of findings come from `codes/findings.csv`; names of rhythms (glossary 8) stand here. No geometry.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

from ecg import codes
from ecg.record import Recording
from ecg.results import Analysis, Finding, Span

Lang = Literal["zh", "en"]

DASH = "–"
DOT = " · "
FINDINGS_MAX = 12  # lines above the sheet; the rest is counted
NO_SIGNAL = {"zh": "无信号", "en": "no signal"}
ADVICE = {"zh": "自动分析，仅供医师参考", "en": "Automatic analysis: advice to a doctor, not a diagnosis"}
POOR = {"zh": "信号质量不合格，请重新采集", "en": "Signal quality not acceptable: record again"}
GRADES = {"critical": ("▲危急 ", "CRITICAL: "), "warning": ("◆预警 ", "WARNING: ")}
RHYTHMS = {
    "sinus": ("窦性心律", "Sinus rhythm"),
    "sinus_brady": ("窦性心动过缓", "Sinus bradycardia"),
    "sinus_tachy": ("窦性心动过速", "Sinus tachycardia"),
    "sinus_arrhythmia": ("窦性心律不齐", "Sinus arrhythmia"),
    "af": ("心房颤动", "Atrial fibrillation"),
    "afl": ("心房扑动", "Atrial flutter"),
    "svt": ("室上性心动过速", "SVT"),
    "vt": ("室性心动过速", "VT"),
    "tdp": ("尖端扭转型室速", "Torsades de pointes"),
    "vf": ("心室颤动", "VF"),
    "vfl": ("心室扑动", "Ventricular flutter"),
    "paced": ("起搏心律", "Paced"),
    "preexc": ("心室预激", "Pre-excitation"),
    "junctional": ("交界性心律", "Junctional"),
    "ivr": ("室性自主心律", "Idioventricular"),
    "idioventricular": ("室性自主心律", "Idioventricular"),
    "avb1": ("一度房室阻滞", "AV block I"),
    "avb2_1": ("二度Ⅰ型房室阻滞", "AV block II, type 1"),
    "avb2_2": ("二度Ⅱ型房室阻滞", "AV block II, type 2"),
    "avb_2to1": ("2:1 房室阻滞", "AV block 2:1"),
    "avb_hg": ("高度房室阻滞", "High-grade AV block"),
    "avb3": ("三度房室阻滞", "AV block III"),
    "bigeminy": ("二联律", "Bigeminy"),
    "trigeminy": ("三联律", "Trigeminy"),
    "pause": ("长间歇", "Pause"),
    "asystole": ("心脏停搏", "Asystole"),
    "undetermined": ("心律待定", "Undetermined"),
}


def rhythm(code: str, lang: Lang) -> str:
    """The name of a rhythm; its code where the table has none."""
    return RHYTHMS.get(code, (code, code))[lang == "en"]


def person(recording: Recording, lang: Lang) -> str:
    """Sex and age as far as the file gives them, and when it was taken."""
    sex = {"M": ("男", "male"), "F": ("女", "female"), "": ("", "")}[recording.meta.sex][lang == "en"]
    years = recording.meta.age_years
    age = "" if years is None else f"{years} 岁" if lang == "zh" else f"{years} years"
    taken = f"{recording.start:%Y-%m-%d %H:%M:%S}" if recording.start else ""
    return DOT.join(part for part in (sex, age, taken) if part)


def measurements(analysis: Analysis, lang: Lang) -> str:
    """One line, of the whole recording; a dash where a thing could not be measured."""
    m = analysis.measurements
    rate = "–" if m.vent_rate_bpm is None else f"{m.vent_rate_bpm:.0f}"
    qtc = f"{_ms(m.qt_ms)} / {_ms(m.qtc_ms.get('bazett'))}"
    axes = " / ".join(_ms(m.axis_deg.get(wave)) for wave in ("p", "qrs", "t"))
    if lang == "zh":
        parts = (f"心室率 {rate} 次/分", f"PR {_ms(m.pr_ms)} ms", f"QRS {_ms(m.qrs_ms)} ms")
        return DOT.join((*parts, f"QT/QTc (Bazett) {qtc} ms", f"P/QRS/T 电轴 {axes} °"))
    parts = (f"Rate {rate} /min", f"PR {_ms(m.pr_ms)} ms", f"QRS {_ms(m.qrs_ms)} ms")
    return DOT.join((*parts, f"QT/QTc (Bazett) {qtc} ms", f"P/QRS/T axis {axes} °"))


def findings(analysis: Analysis, stretch: Span, lang: Lang) -> list[str]:
    """A line a finding that meets the stretch, what a rule graded first; at most FINDINGS_MAX lines."""
    order = {"critical": 0, "warning": 1, None: 2}
    shown = [f for f in analysis.findings if Span(f.first, f.end).meets(stretch)]
    lines = [] if analysis.quality.acceptable else [POOR[lang]]
    lines += [_line(finding, lang) for finding in sorted(shown, key=lambda f: order[f.grade])]
    if len(lines) > FINDINGS_MAX:
        more = len(lines) - FINDINGS_MAX + 1
        lines[FINDINGS_MAX - 1 :] = [f"另有 {more} 项" if lang == "zh" else f"and {more} more"]
    if len(shown) < len(analysis.findings):
        others = len(analysis.findings) - len(shown)
        lines.append(f"所示时段之外另有 {others} 项" if lang == "zh" else f"{others} more outside the stretch shown")
    return lines


def _line(finding: Finding, lang: Lang) -> str:
    """The name, what the finding says beyond it, and the grade that a rule gave."""
    known = codes.findings().get(finding.code)
    name = finding.code if known is None else known.name_zh if lang == "zh" else known.name_en
    said = finding.say.get(lang, "")
    grade = "" if finding.grade is None else GRADES[finding.grade][lang == "en"]
    return grade + (said if name in said else f"{name}: {said}" if said else name)


def scale(
    recording: Recording, speed_mm_s: float, gain_mm_mv: float, stretch_s: tuple[float, float], lang: Lang
) -> str:
    """The line that belongs to every trace."""
    first, end = stretch_s
    parts = [f"{speed_mm_s:g} mm/s", f"{gain_mm_mv:g} mm/mV", f"{recording.fs:g} Hz"]
    if lang == "zh":
        parts += [f"第 {first:g}–{end:g} 秒，全长 {recording.seconds:.1f} 秒", "未加数字滤波"]
    else:
        parts += [f"seconds {first:g}–{end:g} of {recording.seconds:.1f}", "no digital filter"]
    return DOT.join(parts)


def cut(text: str, ems: float) -> str:
    """`text`, ended by … where it would be wider than so many times its size (estimated: half an em a Latin letter)."""
    wide = 0.0
    for at, letter in enumerate(text):
        wide += 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56
        if wide > ems:
            return text[: max(0, at - 1)].rstrip() + "…" if at > 2 else ""
    return text


def _ms(value: int | None) -> str:
    return DASH if value is None else f"{value}".replace("-", "−")
