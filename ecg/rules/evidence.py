"""What was seen and where, in integers: the bridge between measuring and judging.

The stream (`stream`) and the waves (`wave_evidence`) make `Evidence`, the profiles judge it (`critical`). A fact is
quantised here, once, and compared as an integer ever after, so that the verdict is the same on every machine. While
evidence is open its facts only ever grow worse: a rule that fired stays fired.

Units by the end of a name: `_ms`; `_uv`; `_dbpm` tenths of a beat a minute; `_pct`; none: a count or a code.

| kind | made by | facts | flags, by_lead |
|---|---|---|---|
| rate | stream | rate_dbpm: slowest mean of ten seconds of at least four R-R | |
| gap | stream | gap_ms: longest time without a QRS | af: within fibrillation or flutter |
| pauses | stream | pauses: R-R of 3 s or more so far; gap_ms: the longest | af |
| vt | stream | rate_dbpm fastest; beats; lasts_ms | fills: all of the readable recording |
| tdp | stream | rate_dbpm; beats; lasts_ms | tdp, poly or bidirectional |
| vf | stream | lasts_ms | vfl: flutter |
| svt | stream | rate_dbpm; beats; lasts_ms | fills |
| af | stream | rate_dbpm: fastest block; lasts_ms | af or afl; fills |
| af_wpw | stream | rr_min_ms; rate_dbpm: pre-excited fibrillation | |
| avb | stream | block: 21, 22 Mobitz I, II; 24 two to one; 25 high grade; 30 third degree; rate_dbpm: ventricles | |
| pacer | waves | lost: spikes without capture; gap_ms: longest R-R meanwhile | |
| st | waves | | by_lead: J level in uV (`st_level_uv`) |
| st_change | waves | | by_lead: J level less that of the earlier ECG |
| posterior | waves | | by_lead: J + 60 ms of V1-V3 that are down before an upright T; J of V7-V9 |
| right | waves | | by_lead: J of V3R, V4R; inferior: II, III, aVF meet the STEMI limits |
| left_main | waves | avr_uv; leads: how many are down by 0.1 mV or more | |
| ischaemia | waves | | by_lead: J + 60 ms of leads that are down, flat or falling |
| t_down | waves | | by_lead: depth of T turned down where R is taller than S |
| pattern | waves | probability_pct | dewinter, wellens or hyperacute_t |
| sgarbossa | waves | up, down, ratio: leads that show each | |
| qt | waves | qtc_ms | bazett or fridericia: the formula that gave it; vt: there is a run of it |
| pvc | waves | pvcs; per_min_10: ten times those a minute; r_on_t; qtc_ms where it was measured | multiform |
| hyperk | waves | t_uv; qrs_ms | no_p: no P wave was found |
| hypok | waves | u_uv; qt_u_ms | fast: a tachyarrhythmia |
| pe | waves | score | |
| twa | waves | twa_uv: the second largest lead; leads | |

Flags of what is made from waves: paced, wide, lbbb, lvh (voltage), strain, preexcited, early (repolarisation),
diffuse; fact of all of them: lead_swap_pct, the probability that electrodes were exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

StreamKind = Literal["rate", "gap", "pauses", "vt", "tdp", "vf", "svt", "af", "af_wpw", "avb"]
WaveKind = Literal[
    "st",
    "st_change",
    "posterior",
    "right",
    "left_main",
    "ischaemia",
    "t_down",
    "pattern",
    "sgarbossa",
    "pacer",
    "qt",
    "pvc",
    "hyperk",
    "hypok",
    "pe",
    "twa",
]
Kind = Literal[StreamKind, WaveKind]


@dataclass(frozen=True)
class Evidence:
    """One observation over [first, end) samples.

    facts    numbers by name, whole; see the table above.
    leads    the leads it was seen in; empty where it is of all together.
    by_lead  a number a lead, for rules that ask for neighbouring leads.
    flags    what is true of it, for conditions that are no numbers.
    closed   nothing will be added.
    """

    kind: Kind
    first: int
    end: int
    facts: Mapping[str, int] = field(default_factory=dict)
    leads: tuple[str, ...] = ()
    by_lead: Mapping[str, int] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    closed: bool = True


def dbpm(rr_ms: float) -> int:
    """A mean R-R interval as a rate in tenths of a beat a minute."""
    return round(600_000.0 / rr_ms)
