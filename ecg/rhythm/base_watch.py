"""The base rhythm as it is told: verdicts joined to episodes, and what of them a profile may judge.

Fed the verdicts of `rhythm` in order. Rates of fibrillation and degrees of AV block become `Evidence` here; what is
told sooner (pauses, runs, ventricular fibrillation) stands in `watch` and `fibrillation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ecg.results import Episode
from ecg.rhythm.watch import Found, Open
from ecg.rules.evidence import Evidence

ATRIAL = ("af", "afl")
BLOCKS = {"avb2_1": 21, "avb2_2": 22, "avb_2to1": 24, "avb_hg": 25, "avb3": 30}  # as `evidence` codes them
EDGE_S = 1.5  # a rhythm that begins and ends this near to the recording's ends fills it


@dataclass(frozen=True)
class Began:
    """A base rhythm has begun; its `Episode` follows when it ends."""

    episode: Episode


@dataclass
class BaseWatch:
    """Joins verdicts of one name. Places are samples."""

    fs: float
    open: Open = field(init=False)
    base: Episode | None = None

    def __post_init__(self) -> None:
        self.open = Open(1000.0 / self.fs)

    def verdict(self, rhythm: str, first: int, end: int, rate_dbpm: int, bypass_ms: int = 0) -> Iterator[Found | Began]:
        """The base rhythm of [first, end), which follows what was told before; rate 0 where there were too few
        beats. bypass_ms: the shortest R-R of pre-excited fibrillation, 0 for any other.
        """
        if self.base is not None and self.base.rhythm == rhythm:
            self.base = replace(self.base, end=end)
        else:
            if self.base is not None:
                yield replace(self.base, end=first)
            self.base = Episode(rhythm, first, end)
            yield Began(self.base)
        yield from self._atrial(rhythm, first, end, rate_dbpm)
        yield from self._bypass(first, end, rate_dbpm, bypass_ms)
        yield from self._block(rhythm, first, end, rate_dbpm)

    def finish(self, samples: int) -> Iterator[Found]:
        edge = round(EDGE_S * self.fs)
        atrial = self.open.now.get("af")
        if atrial is not None and atrial.first <= edge and atrial.end >= samples - edge:
            # It fills the recording and may have lasted any time (critical-values 2: duration counts as met).
            self.open.now["af"] = replace(atrial, flags=atrial.flags | {"fills"})
        yield from self.open.close("af")
        yield from self.open.close("af_wpw")
        yield from self.open.close("avb")
        if self.base is not None:
            yield replace(self.base, end=samples)

    def _atrial(self, rhythm: str, first: int, end: int, rate_dbpm: int) -> Iterator[Found]:
        begun = self.open.now.get("af")
        if rhythm not in ATRIAL or not rate_dbpm or (begun is not None and rhythm not in begun.flags):
            yield from self.open.close("af")
        if rhythm not in ATRIAL or not rate_dbpm:
            return
        begin = self.open.begun("af", first)
        facts = {"rate_dbpm": self.open.worst("af", "rate_dbpm", rate_dbpm), "lasts_ms": self.open.ms(end - begin)}
        yield self.open.grow(Evidence("af", begin, end, facts, flags=frozenset({rhythm}), closed=False))

    def _bypass(self, first: int, end: int, rate_dbpm: int, rr_ms: int) -> Iterator[Found]:
        if not rr_ms:
            yield from self.open.close("af_wpw")
            return
        facts = {
            "rr_min_ms": self.open.worst("af_wpw", "rr_min_ms", rr_ms, low=True),
            "rate_dbpm": self.open.worst("af_wpw", "rate_dbpm", rate_dbpm),
        }
        yield self.open.grow(Evidence("af_wpw", self.open.begun("af_wpw", first), end, facts, closed=False))

    def _block(self, rhythm: str, first: int, end: int, rate_dbpm: int) -> Iterator[Found]:
        block = BLOCKS.get(rhythm)
        if block is None or not rate_dbpm:
            yield from self.open.close("avb")
            return
        facts = {
            "block": self.open.worst("avb", "block", block),
            "rate_dbpm": self.open.worst("avb", "rate_dbpm", rate_dbpm, low=True),
        }
        yield self.open.grow(Evidence("avb", self.open.begun("avb", first), end, facts, closed=False))
