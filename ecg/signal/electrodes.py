"""What the clinic does about a bad lead: which electrode, what is wrong with it, in its own words.

Only names and words; that a lead is bad is decided by `quality`, that two electrodes changed places by `reversal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Reason = Literal["off", "saturated", "mains", "muscle", "motion", "baseline", "small", "scale"]

CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
SITES: Mapping[str, tuple[str, str]] = {
    "RA": ("右手", "right arm"),
    "LA": ("左手", "left arm"),
    "LL": ("左脚", "left leg"),
    "RL": ("右脚", "right leg"),
}
REASONS: Mapping[Reason, tuple[str, str]] = {
    "off": ("脱落", "off"),
    "saturated": ("信号饱和", "saturated"),
    "mains": ("交流干扰", "mains hum"),
    "muscle": ("肌电干扰", "muscle noise"),
    "motion": ("运动伪差", "motion"),
    "baseline": ("基线漂移", "baseline drift"),
    "small": ("信号过小", "signal too small"),
    "scale": ("幅度异常", "implausible amplitude"),
}
MEND: Mapping[Reason, tuple[str, str]] = {
    "off": ("请重新连接电极", "connect the electrode again"),
    "saturated": ("请检查电极接触并重新粘贴", "check the contact, put a new electrode on"),
    "mains": ("请远离电源线、检查电极接触和接地", "move away from power cables, check contact and earth"),
    "muscle": ("请让患者放松、保暖", "let the patient relax and keep warm"),
    "motion": ("请让患者保持不动，固定导联线", "ask the patient to lie still, fix the cables"),
    "baseline": ("请清洁皮肤、重新粘贴电极，平稳呼吸", "clean the skin, put the electrode on again, breathe quietly"),
    "small": ("请检查增益和电极位置", "check the gain and where the electrodes sit"),
    "scale": ("单位或增益可能有误，请检查设备设置", "the unit or the gain may be wrong: check the device's settings"),
}
# Einthoven: what each limb electrode carries. The chest leads carry all three through Wilson's terminal.
_LIMB: Mapping[str, frozenset[str]] = {
    "RA": frozenset({"I", "II"}),
    "LA": frozenset({"I", "III"}),
    "LL": frozenset({"II", "III"}),
}


def to_mend(leads: Sequence[str], bad: Sequence[str]) -> tuple[str, ...]:
    """The electrodes that explain the bad leads of a recording with these leads: RA LA LL RL V1..V6; none when unclear.

    The fewest that carry all bad leads of I, II, III and none of the good ones; all leads bad at once: the right leg,
    whose loss disturbs every lead, before the others.
    """
    chest = tuple(lead for lead in CHEST if lead in bad)
    present = {lead for lead in ("I", "II", "III") if lead in leads}
    limb = {lead for lead in present if lead in bad}
    if leads and set(bad) >= set(leads):
        return ("RL", "RA", "LA", "LL") if present else chest
    if not limb:
        return chest
    for electrode, carries in _LIMB.items():
        if carries & present == limb and (len(limb) > 1 or len(present) < 3):
            return (electrode, *chest)
    return (*(electrode for electrode, carries in _LIMB.items() if carries & limb), *chest)


def name_of(electrode: str, language: str) -> str:
    """What the clinic calls an electrode: 左手, right arm, V3."""
    zh, en = SITES.get(electrode, (electrode, electrode))
    return zh if language == "zh" else en


def say(reasons: Mapping[str, str], language: str) -> str:
    """The bad leads with what is wrong, those of one reason together: "V3 V4 脱落；II 交流干扰"."""
    zh = language == "zh"
    together: dict[str, list[str]] = {}
    for lead, reason in reasons.items():
        together.setdefault(reason, []).append(lead)
    parts = [f"{' '.join(leads)} {_word(REASONS, reason, zh)}" for reason, leads in together.items()]
    return ("；" if zh else "; ").join(parts)


def advice(reasons: Mapping[str, str], language: str) -> str:
    """What to do about it, each thing once."""
    zh = language == "zh"
    parts = [_word(MEND, reason, zh) for reason in dict.fromkeys(reasons.values())]
    return ("；" if zh else "; ").join(parts)


def _word(table: Mapping[Reason, tuple[str, str]], reason: str, zh: bool) -> str:
    words = {str(key): value for key, value in table.items()}[reason]
    return words[0] if zh else words[1]
