"""Beats that are none: what the QRS net hears in a standstill, and pacing spikes that nothing follows.

Says of each beat as it is heard whether it is too faint to end a pause, in absolute units and against the beats before
it. It stays a beat for everything else: a beat is never taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ecg.trace import I16, RATE

I64 = npt.NDArray[np.int64]

BEFORE, AFTER = 10, 46  # rows of the trace about R that are its own
SPIKE_ROWS = 8  # a spike is that broad on the trace: what follows it is looked at after these
FAINT_UV, FAINT_PART = 150, 5  # in no lead larger, and in all together less than a fifth of the usual (algorithms 6)
KEPT, ENOUGH = 8, 4  # beats whose median is the usual
MEMORY = 60 * RATE  # rows: what was usual before that says nothing


@dataclass
class FaintBeats:
    """Beats in order; the sizes of the newest that were not faint."""

    sizes: list[tuple[I64, I64]] = field(default_factory=list)  # of each lead: the whole beat; what follows its spike
    last: int = 0  # row of the newest of them

    def beat(self, row: int, rows: I16, *, spiked: bool) -> bool:
        """rows: the trace from BEFORE rows before R to AFTER behind it, less at the edges of the recording."""
        if len(rows) < BEFORE + AFTER:
            return False
        wide = rows.astype(np.int64)
        size = np.ptp(wide, axis=0), np.ptp(wide[BEFORE + SPIKE_ROWS :], axis=0)
        if row - self.last > MEMORY:
            self.sizes = []
        part = 1 if spiked else 0
        if len(self.sizes) >= ENOUGH:
            usual = np.sort(np.stack([one[part] for one in self.sizes]), axis=0)[len(self.sizes) // 2]
            if bool((size[part] < FAINT_UV).all() and FAINT_PART * size[part].sum() < usual.sum()):
                return True
        self.sizes, self.last = [*self.sizes, size][-KEPT:], row
        return False
