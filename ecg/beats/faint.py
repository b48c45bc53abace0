"""Beats that are none: what the QRS net hears in a standstill, and pacing spikes that nothing follows.

Says of each beat as it is heard whether it is too faint to end a pause, in absolute units and against the beats before
it. It stays a beat for everything else: a beat is never taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ecg.record import I64
from ecg.signal.trace import I16, RATE

I32 = npt.NDArray[np.int32]

BEFORE, AFTER = 10, 46  # rows of the trace about R that are its own
SPIKE_ROWS = 8  # a spike is that broad on the trace: what follows it is looked at after these
FAINT_UV, FAINT_PART = 150, 5  # in no lead larger, and in all together less than a fifth of the usual (algorithms 6)
KEPT, ENOUGH = 8, 4  # beats whose median is the usual
MEMORY = 60 * RATE  # rows: what was usual before that says nothing


def sizes_of(trace: I16, first: int, rows: I64) -> I32:
    """Peak to peak of beats at `rows`, (n, 2, leads) uV: the whole beat; what follows its spike.

    trace  rows from `first` on; they reach AFTER rows beyond every beat or end with the recording, which stands still.
    """
    held = trace[np.clip(rows[:, None] + np.arange(-BEFORE, AFTER) - first, 0, len(trace) - 1)].astype(np.int32)
    rest = held[:, BEFORE + SPIKE_ROWS :]
    return np.stack([held.max(axis=1) - held.min(axis=1), rest.max(axis=1) - rest.min(axis=1)], axis=1)


@dataclass
class FaintBeats:
    """Beats in order; the sizes of the newest that were not faint."""

    sizes: list[I32] = field(default_factory=list)  # (2, leads) each
    last: int = 0  # row of the newest of them

    def beat(self, row: int, size: I32, *, spiked: bool) -> bool:
        """size (2, leads) of `sizes_of`; spiked: a pacing spike stands at the beat."""
        if row - self.last > MEMORY:
            self.sizes = []
        part = 1 if spiked else 0
        if len(self.sizes) >= ENOUGH and int(size[part].max()) < FAINT_UV:
            usual = np.sort(np.stack([one[part] for one in self.sizes]), axis=0)[len(self.sizes) // 2]
            if FAINT_PART * int(size[part].sum()) < int(usual.sum()):
                return True
        self.sizes, self.last = [*self.sizes, size][-KEPT:], row
        return False
