"""What must be told soon: pauses, standstill and slow rates from the beats as they are heard, runs from their classes.

Two small state machines in recording time, fed in order; each keeps its open `Evidence`, which only ever grows worse.
How grave a thing is stands in the profiles. Fibrillation of the ventricles is seen elsewhere (`fibrillation`), and so
is the base rhythm (`rhythm`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ecg.results import Episode
from ecg.rules.evidence import Evidence, Kind, dbpm

GAP_MS, PAUSE_MS, ASYSTOLE_MS = 2000, 3000, 4000  # worth evidence; worth an episode (critical-values 2; PHM 4 s)
RATE_WINDOW_S, RATE_RR_MIN, SLOW_DBPM = 10.0, 4, 500  # mean rate: last 10 s, at least 4 R-R; evidence below 50 a minute
RATE_SPAN_S = 6.5  # so much of them may be enough: four R-R at 37 a minute
FALLEN_RR, FALLEN_SPAN_S, FALLEN_EVEN, FALLEN_TO = 3, 5.0, 1.25, 0.8  # three even R-R after a clearly shorter one
LOUD_SHARE = 0.25  # of the half seconds of a gap in which something as large as a QRS goes on: then it is no pause
REST_S = 0.7  # after a beat its T wave is loud
VT_BEATS_MIN, VT_DBPM, RUN_RR_MS_MAX = 3, 1000, 1500.0
SVT_BEATS_MIN, SVT_DBPM, SVT_SPREAD, SVT_LEAVE_DBPM = 8, 1500, 0.12, 1400
POLY_BEATS, POLY_FAMILIES, POLY_DBPM, TURNS = 6, 3, 1500, 6
RUN_KEPT = 64  # beats of a run that are remembered one by one

Found = Evidence | Episode


@dataclass
class Open:
    """Evidence that still grows, one of a kind."""

    ms_a_sample: float
    now: dict[Kind, Evidence] = field(default_factory=dict)

    def grow(self, evidence: Evidence) -> Evidence:
        self.now[evidence.kind] = evidence
        return evidence

    def worst(self, kind: Kind, name: str, value: int, *, low: bool = False) -> int:
        """A fact that never gets better."""
        if kind not in self.now:
            return value
        before = self.now[kind].facts[name]
        return min(before, value) if low else max(before, value)

    def begun(self, kind: Kind, first: int) -> int:
        return self.now[kind].first if kind in self.now else first

    def close(self, kind: Kind, episode: str | None = None) -> Iterator[Found]:
        """The evidence as it stands at its end, and the episode it makes."""
        evidence = self.now.pop(kind, None)
        if evidence is None:
            return
        yield replace(evidence, closed=True)
        if episode is not None:
            yield Episode(episode, evidence.first, evidence.end)

    def ms(self, samples: float) -> int:
        return round(samples * self.ms_a_sample)


@dataclass
class PauseWatch:
    """Times without a QRS, and slow rates. Places are samples."""

    fs: float
    open: Open = field(init=False)
    gap_from: int = 0
    loud: int = 0  # half seconds of the gap in which something as large as a QRS went on
    hops: int = 0  # half seconds of the gap after its T wave
    window: list[int] = field(default_factory=list)  # beats of the last ten seconds, none before a loss of signal
    pauses: int = 0
    longest_ms: int = 0
    first_pause: int = 0
    waiting: list[int] = field(
        default_factory=list
    )  # the end of the longest pause, until the base rhythm there is known
    in_atrial: bool = False  # the longest pause lies in fibrillation or flutter

    def __post_init__(self) -> None:
        self.open = Open(1000.0 / self.fs)

    def beat(self, sample: int, *, broken: bool, atrial: bool) -> Iterator[Found]:
        """A beat was heard; `broken`: the signal was lost since the one before; `atrial`: in fibrillation or
        flutter.
        """
        if not broken:
            yield from self._see_gap(sample, atrial=atrial)
            yield from self._count_pause(sample, atrial=atrial)
        yield from self._end_gap()
        self.gap_from, self.loud, self.hops = sample, 0, 0
        if broken:
            self.window = []
        yield from self._watch_rate(sample)

    def hop(
        self, end: int, *, usable: bool, loud: bool, fibrillates: bool, atrial: bool, quiet_until: int
    ) -> Iterator[Found]:
        """Half a second is over at sample `end`, and all beats before it are known; `quiet_until`: so far nothing as
        large as a QRS follows it.
        """
        if not usable or fibrillates:
            yield from self.lose(end)
        else:
            if end - self.gap_from > REST_S * self.fs:
                self.hops += 1
                self.loud += loud
            yield from self._see_gap(max(end, quiet_until), atrial=atrial)

    def lose(self, now: int) -> Iterator[Found]:
        """No lead can be read: nothing is said of the heart meanwhile, no interval crosses it."""
        yield from self._end_gap()
        yield from self.open.close("rate")
        self.gap_from, self.loud, self.hops, self.window = max(self.gap_from, now), 0, 0, []

    def finish(self, samples: int, *, atrial: bool) -> Iterator[Found]:
        yield from self._see_gap(samples, atrial=atrial)
        yield from self._end_gap()
        yield from self.open.close("rate")
        yield from self.open.close("pauses")

    def _is_quiet(self) -> bool:
        return self.loud <= LOUD_SHARE * self.hops

    def _see_gap(self, now: int, *, atrial: bool) -> Iterator[Found]:
        gap_ms = self.open.ms(now - self.gap_from)
        if gap_ms >= GAP_MS and self._is_quiet():
            facts = {"gap_ms": self.open.worst("gap", "gap_ms", gap_ms)}
            yield self.open.grow(Evidence("gap", self.gap_from, now, facts, flags=_atrial(atrial), closed=False))

    def _end_gap(self) -> Iterator[Found]:
        gap = self.open.now["gap"].facts["gap_ms"] if "gap" in self.open.now else 0
        name = "asystole" if gap >= ASYSTOLE_MS else "pause" if gap >= PAUSE_MS else None
        yield from self.open.close("gap", name)

    def _count_pause(self, sample: int, *, atrial: bool) -> Iterator[Found]:
        gap_ms = self.open.ms(sample - self.gap_from)
        if gap_ms < PAUSE_MS or not self._is_quiet():
            return
        self.first_pause = self.first_pause if self.pauses else self.gap_from
        self.pauses += 1
        if gap_ms > self.longest_ms:
            self.longest_ms, self.in_atrial, self.waiting = gap_ms, atrial, [sample]
        yield self._pauses_until(sample)

    def look_back(self, sample: int, *, atrial: bool) -> Iterator[Found]:
        """The base rhythm of what ended by `sample` is known now: fibrillation or flutter, or another."""
        if self.waiting and self.waiting[0] <= sample:
            self.waiting = []
            if atrial and not self.in_atrial and "pauses" in self.open.now:
                self.in_atrial = True
                yield self._pauses_until(self.open.now["pauses"].end)

    def _pauses_until(self, end: int) -> Evidence:
        facts = {"pauses": self.pauses, "gap_ms": self.longest_ms}
        flags = _atrial(self.in_atrial)
        return self.open.grow(Evidence("pauses", self.first_pause, end, facts, flags=flags, closed=False))

    def _watch_rate(self, sample: int) -> Iterator[Found]:
        """The mean rate of the last ten seconds, after each beat; of fewer where they hold enough slow beats, and of
        three even intervals where the rate has just fallen: nobody waits for a fourth at 30 a minute."""
        self.window = [at for at in self.window if sample - at <= RATE_WINDOW_S * self.fs]
        self.window.append(sample)
        enough = [at for at in self.window[:-RATE_RR_MIN] if sample - at >= RATE_SPAN_S * self.fs]
        if enough:
            self.window = self.window[self.window.index(enough[-1]) :]
        if self._has_fallen():
            self.window = self.window[-FALLEN_RR - 1 :]
        elif len(self.window) - 1 < RATE_RR_MIN:
            return
        speed = dbpm((sample - self.window[0]) * self.open.ms_a_sample / (len(self.window) - 1))
        if speed >= SLOW_DBPM:
            yield from self.open.close("rate")
            return
        facts = {"rate_dbpm": self.open.worst("rate", "rate_dbpm", speed, low=True)}
        yield self.open.grow(Evidence("rate", self.open.begun("rate", self.window[0]), sample + 1, facts, closed=False))

    def _has_fallen(self) -> bool:
        steps = [b - a for a, b in pairwise(self.window)]
        if len(steps) <= FALLEN_RR:
            return False
        slow = steps[-FALLEN_RR:]
        even = max(slow) <= FALLEN_EVEN * min(slow) and sum(slow) >= FALLEN_SPAN_S * self.fs
        return even and steps[-FALLEN_RR - 1] < FALLEN_TO * min(slow)


@dataclass
class RunWatch:
    """Ventricular beats in a row, and fast regular ones that are not ventricular. Places are samples."""

    fs: float
    open: Open = field(init=False)
    run: list[tuple[int, int]] = field(default_factory=list)  # newest beats of the run: sample, family
    run_first: int = 0
    run_beats: int = 0
    fast: list[int] = field(default_factory=list)
    fast_first: int = 0
    fast_beats: int = 0

    def __post_init__(self) -> None:
        self.open = Open(1000.0 / self.fs)

    def beat(self, sample: int, *, ventricular: bool, paced: bool, broken: bool, family: int) -> Iterator[Found]:
        """The next beat, with what its shape says."""
        yield from self._follow_run(sample, ventricular=ventricular, broken=broken, family=family)
        yield from self._follow_fast(sample, other=ventricular or paced, broken=broken)

    def finish(self, samples: int) -> Iterator[Found]:
        edge = round(1.5 * self.fs)
        for kind in ("vt", "tdp", "svt"):
            evidence = self.open.now.get(kind)
            if evidence is not None and evidence.first <= edge and evidence.end >= samples - edge:
                # It fills the recording and may have lasted any time (critical-values 2: duration counts as met).
                self.open.now[kind] = replace(evidence, flags=evidence.flags | {"fills"})
        yield from self._end_run()
        yield from self.open.close("svt", "svt")

    def _end_run(self) -> Iterator[Found]:
        yield from self.open.close("tdp", "tdp")
        yield from self.open.close("vt", "vt")
        self.run, self.run_beats = [], 0

    def _follow_run(self, sample: int, *, ventricular: bool, broken: bool, family: int) -> Iterator[Found]:
        far = bool(self.run) and self.open.ms(sample - self.run[-1][0]) > RUN_RR_MS_MAX
        if not ventricular or broken or far:
            yield from self._end_run()
        if not ventricular:
            return
        if not self.run:
            self.run_first = sample
        self.run = [*self.run, (sample, family)][-RUN_KEPT:]
        self.run_beats += 1
        if self.run_beats < VT_BEATS_MIN:
            return
        lasts = self.open.ms(sample - self.run_first)
        speed = dbpm(lasts / (self.run_beats - 1))
        if speed < VT_DBPM and "vt" not in self.open.now:
            return
        facts = {
            "rate_dbpm": self.open.worst("vt", "rate_dbpm", speed),
            "beats": self.run_beats,
            "lasts_ms": lasts,
        }
        yield self.open.grow(Evidence("vt", self.run_first, sample + 1, facts, closed=False))
        form = self._form()
        if form or "tdp" in self.open.now:
            flags = frozenset({form}) if form else self.open.now["tdp"].flags
            yield self.open.grow(Evidence("tdp", self.run_first, sample + 1, facts, flags=flags, closed=False))

    def _form(self) -> str:
        """`poly` where the newest fast beats are of many shapes, `bidirectional` where two shapes take turns, else
        ''.
        """
        newest = self.run[-POLY_BEATS:]
        if len(newest) < POLY_BEATS:
            return ""
        speed = dbpm(self.open.ms(newest[-1][0] - newest[0][0]) / (len(newest) - 1))
        families = [family for _, family in newest]
        if speed < POLY_DBPM or min(families) < 0:
            return ""
        if len(set(families)) >= POLY_FAMILIES:
            return "poly"
        turns = all(a != b for a, b in pairwise(families))
        return "bidirectional" if turns and len(set(families)) == 2 else ""

    def _follow_fast(self, sample: int, *, other: bool, broken: bool) -> Iterator[Found]:
        rr = sample - self.fast[-1] if self.fast else 0
        if other or broken or (rr and dbpm(rr * self.open.ms_a_sample) < SVT_LEAVE_DBPM):
            yield from self.open.close("svt", "svt")
            self.fast, self.fast_beats = [], 0
        if other:
            return
        if not self.fast:
            self.fast_first = sample
        self.fast = [*self.fast, sample][-SVT_BEATS_MIN:]
        self.fast_beats += 1
        if len(self.fast) < SVT_BEATS_MIN:
            return
        steps = [b - a for a, b in pairwise(self.fast)]
        mean = sum(steps) / len(steps)
        spread = (sum((step - mean) ** 2 for step in steps) / len(steps)) ** 0.5
        speed = dbpm(mean * self.open.ms_a_sample)
        if speed < SVT_DBPM or spread > SVT_SPREAD * mean:
            return
        first = self.open.begun("svt", self.fast[0])
        facts = {
            "rate_dbpm": self.open.worst("svt", "rate_dbpm", speed),
            "beats": self.fast_beats,
            "lasts_ms": self.open.ms(sample - first),
        }
        yield self.open.grow(Evidence("svt", first, sample + 1, facts, closed=False))


def _atrial(holds: bool) -> frozenset[str]:
    return frozenset({"af"}) if holds else frozenset()
