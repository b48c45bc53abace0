"""Where in the film a voice's packets belong, from the sender's clock and the times of arrival. Pure.

The sender's clock leads, since arrivals come in bursts on a narrow line. It is set anew only when all packets of a
while were late (another speed, a computer that slept), or in a pause, where nothing is cut off by it.
"""

from __future__ import annotations

from typing import Final

from server.consult.media.frames import after

RATE: Final = 48
"""Ticks of the clock a millisecond."""
DRIFT_MS: Final = 150.0
LEAP_MS: Final = 3000.0
LOOK_EVERY_MS: Final = 5000.0
PAUSE_MS: Final = 200.0


class VoiceClock:
    """One voice. The first packet belongs where it arrived."""

    def __init__(self, time: int, arrived: float) -> None:
        self._time, self._ms = time, arrived
        self._least: float | None = None
        self._before: float | None = None
        self._looked = arrived

    def ms(self, time: int) -> float:
        return self._ms + after(time, self._time) / RATE

    @property
    def early(self) -> float:
        """So much before its place in the film a voice arrives at best: its first packet may have been a late one."""
        return -min((late for late in (self._before, self._least) if late is not None), default=0.0)

    def hear(self, time: int, arrived: float, end: float) -> None:
        """A packet came. end: how far the film has sound."""
        late = arrived - self.ms(time)
        self._least = late if self._least is None else min(self._least, late)
        in_pause = self.ms(time) - end > PAUSE_MS
        if abs(late) > LEAP_MS or (late < -DRIFT_MS and in_pause):
            self._set(time, arrived)
        elif arrived - self._looked > LOOK_EVERY_MS:
            if self._least > DRIFT_MS:
                self._set(time, arrived - late + self._least)
            self._before, self._least, self._looked = self._least, None, arrived
        elif after(time, self._time) > 1 << 30:
            self._set(time, self.ms(time))  # well before 32 bits run over

    def _set(self, time: int, ms: float) -> None:
        self._time, self._ms = time, ms
        self._before = self._least = None
