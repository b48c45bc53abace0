"""What can be said of the recording itself: leads off, poor, unreadable."""

from __future__ import annotations

from collections.abc import Iterator

from ecg.quality import VOTE_MIN
from ecg.results import Finding, Quality
from ecg.statements.seen import Seen, say

CODES = ("LEAD_OFF", "NO_SIGNAL", "UNREADABLE", "POOR_QUALITY")


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
        yield say(seen, "UNREADABLE", leads=low, zh="请重新采集", en="please record again")
    elif is_poor(judged):
        yield say(seen, "POOR_QUALITY", leads=low, zh="建议重新采集", en="recording again is advised")


def is_poor(judged: Quality) -> bool:
    """Not acceptable for more than leads that are simply off."""
    low = {lead for lead, value in judged.leads.items() if value < VOTE_MIN}
    return not judged.acceptable and (not low or bool(low - set(judged.lead_off)))
