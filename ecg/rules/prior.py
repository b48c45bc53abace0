"""What an earlier ECG of the same person said, as far as a rule or a statement may use it.

The library keeps no history: the caller picks the comparable recording and hands it in. Without one every finding is
the first of its kind (critical-values 1, note 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecg.results import Analysis


@dataclass(frozen=True)
class Prior:
    """codes: every finding of it, as signed or as the machine said; st_uv: its J levels by lead, whole microvolts."""

    codes: frozenset[str]
    st_uv: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, analysis: Analysis) -> Prior:
        """From the analysis of the earlier recording."""
        levels = analysis.measurements.st_j_mv
        st_uv = {lead: round(level * 1000) for lead, level in levels.items() if level is not None}
        return cls(frozenset(finding.code for finding in analysis.findings), st_uv)
