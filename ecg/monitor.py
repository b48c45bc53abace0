"""A live ECG: feed samples as they come, get beats, rhythm changes and critical findings as soon as they are certain.

The same core as `analyze` (`stream.Core`), judged by the same profile: what a monitor has said by the end of a stream
is what a file of it would have said. No wave is measured here, so no finding that needs one (ST, QT) comes from a
monitor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from ecg.packing import freeze, thaw
from ecg.record import F32, STANDARD_LEADS, Meta, Recording
from ecg.results import Beat, Episode, Finding
from ecg.rhythm.base_watch import Began
from ecg.rules import critical
from ecg.rules.critical import Profile
from ecg.rules.evidence import Evidence
from ecg.rules.prior import Prior
from ecg.stream import Core, Item


@dataclass(frozen=True)
class MonitorEvent:
    """One thing a monitor has to tell; exactly one of the three values is set. All places are samples since the start.

    beat     a beat, with its class.
    rhythm   a base rhythm has begun (`episode` up to now); episode: a rhythm, run or pause is over (`episode` whole).
    finding  a rule fired (`finding` as it stood then); settled: it is over (`finding` with its full range and number).
    """

    kind: Literal["beat", "rhythm", "episode", "finding", "settled"]
    beat: Beat | None = None
    episode: Episode | None = None
    finding: Finding | None = None


@dataclass(frozen=True)
class MonitorState:
    """All a monitor knows, to go on elsewhere or after a restart: picklable, at most 64 kB for twelve leads."""

    packed: bytes  # of the core and the rules that have fired on what is still open
    profile: str
    meta: Meta
    prior: Prior | None = None


class Monitor:
    """Watches one stream.

    fs, leads  as of a Recording. Raises WrongRate, WrongSignal.
    profile    the rules; meta: what is known of the person (unknown symptoms count as present).
    prior      what an earlier ECG of the person said, for the rules that ask whether a thing is new.
    """

    def __init__(
        self,
        fs: float,
        leads: tuple[str, ...] = STANDARD_LEADS,
        *,
        profile: str = critical.DEFAULT_PROFILE,
        meta: Meta | None = None,
        prior: Prior | None = None,
    ) -> None:
        _check(fs, leads)
        self._core = Core(fs, leads)
        self._judge = Judge(critical.load(profile), meta or Meta(), prior)

    def feed(self, chunk_uv: F32) -> tuple[MonitorEvent, ...]:
        """Take (samples, leads) microvolts, any number of samples, none too; NaN where there was no signal."""
        return self._judge.events(self._core.feed(chunk_uv))

    def finish(self) -> tuple[MonitorEvent, ...]:
        """The stream has ended: what was still open. Nothing can be fed afterwards."""
        return self._judge.events(self._core.finish())

    @property
    def state(self) -> MonitorState:
        """A copy of what is known; feeding on does not change it."""
        judge = self._judge
        return MonitorState(freeze((self._core, judge.fired)), judge.profile.profile, judge.meta, judge.prior)

    @classmethod
    def resume(cls, state: MonitorState) -> Monitor:
        """A monitor that goes on where the state was taken. A state is code: only take one that this process kept."""
        core, fired = cast("tuple[Core, set[tuple[str, int]]]", thaw(state.packed))
        monitor = cls(core.fs, core.leads, profile=state.profile, meta=state.meta, prior=state.prior)
        monitor._core, monitor._judge.fired = core, fired
        return monitor


class Judge:
    """Turns what the core found into events; remembers which rule has fired on what."""

    def __init__(self, profile: Profile, meta: Meta, prior: Prior | None = None) -> None:
        self.profile, self.meta, self.prior = profile, meta, prior
        self.fired: set[tuple[str, int]] = set()

    def events(self, items: Iterable[Item]) -> tuple[MonitorEvent, ...]:
        return tuple(event for item in items for event in self._events(item))

    def _events(self, item: Item) -> Iterable[MonitorEvent]:
        if isinstance(item, Beat):
            yield MonitorEvent("beat", beat=item)
        elif isinstance(item, Began):
            yield MonitorEvent("rhythm", episode=item.episode)
        elif isinstance(item, Episode):
            yield MonitorEvent("episode", episode=item)
        else:
            yield from self._judge(item)

    def _judge(self, evidence: Evidence) -> Iterable[MonitorEvent]:
        for finding in critical.judge(self.profile, evidence, self.meta, self.prior):
            key = (finding.rule or "", evidence.first)
            if key not in self.fired:
                self.fired.add(key)
                yield MonitorEvent("finding", finding=finding)
            if evidence.closed:
                self.fired.discard(key)
                yield MonitorEvent("settled", finding=finding)


def _check(fs: float, leads: tuple[str, ...]) -> None:
    """The same refusals as a recording's."""
    import numpy as np

    Recording(fs=fs, leads=leads, signal_uv=np.zeros((0, len(leads)), dtype=np.float32))
