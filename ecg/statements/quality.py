"""What can be said of the recording itself: leads off, poor, unreadable, of a child."""

from __future__ import annotations

from collections.abc import Iterator

from ecg.results import Finding, Quality
from ecg.signal import electrodes
from ecg.signal.quality import VOTE_MIN
from ecg.statements.seen import Seen, say

CODES = ("LEAD_OFF", "NO_SIGNAL", "UNREADABLE", "POOR_QUALITY", "CHILD_LIMITS_UNKNOWN")
ADULT_FROM_YEARS = 16  # none of the sources read gives limits below it (critical-values 7)


def quality(seen: Seen) -> Iterator[Finding]:
    """Which electrodes to mend, or that the ECG must be taken again."""
    judged, leads = seen.quality, tuple(seen.quality.leads)
    if leads and len(judged.lead_off) == len(leads):
        yield say(
            seen, "NO_SIGNAL", leads=leads, zh="全部导联无信号，请检查电极后重新采集", en="all leads are off: redo"
        )
        return
    if judged.lead_off:
        names = " ".join(judged.lead_off)
        yield say(
            seen, "LEAD_OFF", leads=judged.lead_off, zh=f"{names}，请检查电极", en=f"{names}: check the electrodes"
        )
    low = tuple(lead for lead, value in judged.leads.items() if value < VOTE_MIN)
    if len(low) == len(leads):
        zh, en = _why(judged, "请重新采集", "please record again")
        yield say(seen, "UNREADABLE", leads=low, zh=zh, en=en)
    elif is_poor(judged):
        zh, en = _why(judged, "建议重新采集", "recording again is advised")
        yield say(seen, "POOR_QUALITY", leads=low, zh=zh, en=en)


def _why(judged: Quality, zh: str, en: str) -> tuple[str, str]:
    """What to do, after what is wrong with which lead and how to mend it."""
    reasons = {lead: reason for lead, reason in judged.reasons.items() if lead not in judged.lead_off}
    if not reasons:
        return zh, en
    return (
        f"{electrodes.say(reasons, 'zh')}，{electrodes.advice(reasons, 'zh')}，{zh}",
        f"{electrodes.say(reasons, 'en')}; {electrodes.advice(reasons, 'en')}; {en}",
    )


def child(seen: Seen) -> Iterator[Finding]:
    """Below 16 years only the rules for children were run and no adult limit was applied to a wave: the reader must
    know."""
    age = seen.meta.age_years
    if age is None or age >= ADULT_FROM_YEARS:
        return
    zh = "心率、ST、QT等规则未执行，波形未按成人标准判读"
    en = "the rules of rate, ST and QT did not run, no shape was judged by the limits of adults"
    yield say(seen, "CHILD_LIMITS_UNKNOWN", value=float(age), limit=float(ADULT_FROM_YEARS), zh=zh, en=en)


def is_poor(judged: Quality) -> bool:
    """Not acceptable for more than leads that are simply off."""
    low = {lead for lead, value in judged.leads.items() if value < VOTE_MIN}
    return not judged.acceptable and (not low or bool(low - set(judged.lead_off)))
