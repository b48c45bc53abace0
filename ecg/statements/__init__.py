"""What the measurements mean in words: coded statements with the number and the limit each rests on.

A statement never pages; what must wake somebody is a rule of a profile (`critical`). One module a subject; each
function names its criteria and their source. Nothing is said of what was not measured.

`NORMAL_ECG` is a statement and no grade: "the machine found nothing", said only where everything that would deny it was
measured. The grade of an ECG is a person's (critical-values: unassessed is never normal).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ecg.results import Finding
from ecg.rules import critical
from ecg.statements import conduction, ischaemia, quality, repolarisation, rhythm, voltage
from ecg.statements.seen import CHEST, LIMB, Seen, say, votes

__all__ = ["CODES", "Seen", "statements", "votes"]

CODES: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            *rhythm.CODES,
            *conduction.CODES,
            *ischaemia.CODES,
            *voltage.CODES,
            *repolarisation.CODES,
            *quality.CODES,
            "NORMAL_ECG",
            *(code for name in critical.names() for code in critical.rule_codes(critical.peek(name))),
        )
    )
)
REVERSED = 0.5  # from this probability on the leads of exchanged electrodes are not read (critical-values 2, 8)
NORMAL_S = 8.0  # of readable signal, so that a rhythm was seen at all
NORMAL_WITH = frozenset({"SINUS_RHYTHM", "SINUS_ARRHYTHMIA"})


def statements(seen: Seen, fired: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Every statement that holds, quality first. `fired`: findings of rules; next to one nothing is normal."""
    found = [*quality.quality(seen)]
    if any(finding.code in ("NO_SIGNAL", "UNREADABLE") for finding in found):
        return tuple(found)
    young = tuple(quality.child(seen))
    said = (*found, *young, *rhythm.rhythm(seen), *rhythm.ectopy(seen))
    if young:
        return said
    if quality.is_poor(seen.quality):
        return said  # a form read from a poor signal is worse than none
    shown = _without_exchanged(seen)
    said = (*said, *conduction.conduction(shown), *ischaemia.ischaemia(shown), *voltage.voltage(shown))
    said = (*said, *repolarisation.repolarisation(shown))
    return said if fired else (*said, *_normal(seen, said))


def _without_exchanged(seen: Seen) -> Seen:
    """Leads that a suspected exchange of electrodes changes have no say."""
    changed = {lead for one in seen.reversals if (one.probability or 0.0) >= REVERSED for lead in one.leads}
    return replace(seen, waves={lead: row for lead, row in seen.waves.items() if lead not in changed})


def _normal(seen: Seen, said: tuple[Finding, ...]) -> Iterator[Finding]:
    """The machine found nothing: twelve good leads, one sinus rhythm of 60 to 100 a minute throughout, P, QRS and T
    found in the median beat, nothing said but the rhythm, an adult."""
    m = seen.measured
    waves = (m.p_ms, m.pr_ms, m.qrs_ms, m.qt_ms, m.axis_deg["qrs"])
    readable = seen.samples - sum(span.end - span.first for span in seen.quality.unreadable)
    if any(value is None for value in waves) or seen.leads((*LIMB, *CHEST)) is None or not seen.quality.acceptable:
        return
    if {finding.code for finding in said} - NORMAL_WITH or seen.reversals:
        return
    if any(row.t_uv is None for row in seen.waves.values()) or readable < NORMAL_S * seen.fs:
        return
    if {episode.rhythm for episode in seen.episodes} - {"sinus", "sinus_arrhythmia"} or not seen.episodes:
        return
    yield say(
        seen,
        "NORMAL_ECG",
        zh="机器未见异常，待医生确认",
        en="the machine found nothing; to be confirmed by a doctor",
    )
