"""The causal core that `analyze` and `Monitor` share: samples in as they come; beats, rhythms and evidence out.

It cuts what it is fed into hops of half a second, whatever the chunks, and only ever works on whole hops; so the answer
cannot depend on how the samples arrived, and a file analysed is a file streamed. It holds the last `KEEP_S` seconds and
nothing older. What a finding is called and how grave it is does not stand here (`critical`, `statements`).

Lags behind the newest sample: beats are certain after about 3 s, their class after `CLASS_WAIT_S` more, the base rhythm
of a block of ten seconds when the block is complete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ecg import beats as classes
from ecg import rhythm
from ecg.beats import Families, Family, Shape
from ecg.errors import WrongSignal
from ecg.evidence import Evidence, dbpm
from ecg.filters import Mask
from ecg.qrs import HOP_S, Front, Fused, Fuser, Peak, Picker, place_r, spikes, without_spikes
from ecg.quality import Tally, hop_quality
from ecg.record import F32
from ecg.results import Beat, Episode

KEEP_S = 20.0
CLASS_WAIT_S = 2.0
SPIKE_BEFORE_S, SPIKE_AFTER_S = 0.16, 0.02  # a beat with a spike in this range about R is paced
PLACE_S = 0.09  # R is looked for this far about the energy's peak
HEARD_MAX = 64
GAP_MS, PAUSE_MS, ASYSTOLE_MS = 2000, 3000, 4000  # worth evidence; worth an episode (critical-values 2; PHM 4 s)
RATE_WINDOW_S, RATE_RR_MIN, SLOW_DBPM = 10.0, 4, 500  # mean rate: last 10 s, at least 4 R-R; evidence below 50 a minute
VT_BEATS_MIN, VT_DBPM = 3, 1000
SVT_BEATS_MIN, SVT_DBPM, SVT_SPREAD = 8, 1500, 0.12
RUN_RR_MS_MAX = 1500.0


@dataclass
class Ring:
    """The newest rows of a signal, addressed by their index since the start."""

    keep: int
    rows: F32
    first: int = 0

    @classmethod
    def of(cls, keep: int, leads: int, first: int = 0) -> Ring:
        return cls(keep, np.zeros((0, leads), dtype=np.float32), first)

    @property
    def end(self) -> int:
        return self.first + len(self.rows)

    def push(self, block: F32) -> None:
        self.rows = np.concatenate([self.rows, block])
        if len(self.rows) > 1.25 * self.keep:  # a copy now and then, not with every hop
            self.first += len(self.rows) - self.keep
            self.rows = self.rows[-self.keep :].copy()

    def cut(self, first: int, end: int) -> F32:
        """What is held of [first, end): shorter where it reaches past an edge."""
        return self.rows[max(0, first - self.first) : max(0, end - self.first)]


@dataclass(frozen=True)
class Began:
    """A base rhythm has begun; its `Episode` follows when it ends."""

    episode: Episode


# What the core found out, in the order in which it did. The order, too, is the same however the samples are cut.
Item = Beat | Episode | Began | Evidence


@dataclass
class _Heard:
    """A beat that was detected: `at` in detection samples, `sample` in the recording's own."""

    sample: int
    at: int
    shape: Shape
    family: Family
    broken: bool  # the signal was lost since the beat before: their interval means nothing
    symbol: str = ""


class Core:
    """Feed samples, get items; `finish` once at the end. Picklable; a feed after `finish` is refused."""

    def __init__(self, fs: float, leads: tuple[str, ...]) -> None:
        self.fs, self.leads = fs, leads
        self.front = Front(fs, len(leads))
        self.rate = self.front.rate
        self.hop = round(HOP_S * self.rate) * self.front.every
        self.fuser = Fuser(self.rate)
        self.picker = Picker(self.rate, -self.front.delay)
        self.families = Families()
        self.tally = Tally.of(len(leads))
        self.samples = 0  # fed so far
        self.finished = False
        self._waiting: list[F32] = []
        self._waiting_n = 0
        self._usable_before: Mask | None = None
        self._raw = Ring.of(round(6 * fs), len(leads))
        self._trace = Ring.of(round(KEEP_S * self.rate), len(leads), -self.front.delay)
        self._band = Ring.of(round(6 * self.rate), len(leads), -self.front.delay)
        self._weight = np.ones(len(leads), dtype=np.float32)
        self._hops = self._picked = 0  # taken in; judged by the picker
        self._spikes: list[int] = []
        self._heard: list[_Heard] = []
        self._undecided = 0  # index into _heard
        self._broken = True  # no trusted beat yet
        self._gap_from = 0  # the last beat or the last loss of signal, in samples
        self._open: dict[str, Evidence] = {}
        self._verdicts: list[tuple[bool, bool]] = []  # newest VF windows: (fibrillates, sine but regular)
        self._sine: list[tuple[int, int]] = []  # samples in which regular beats are sine-like
        self._fibrillated: list[tuple[int, int]] = []  # the newest stretches of it
        self._readable: list[bool] = []  # by hop, since the block began
        self._block = 0
        self._base: Episode | None = None
        self._run: list[int] = []
        self._fast: list[int] = []

    # -- feeding

    def feed(self, chunk_uv: F32) -> tuple[Item, ...]:
        """Take (samples, leads) float32 microvolts, any number of samples, none too."""
        if self.finished:
            raise WrongSignal(reason="the stream has been finished")
        if chunk_uv.ndim != 2 or chunk_uv.shape[1] != len(self.leads):
            raise WrongSignal(reason=f"shape {chunk_uv.shape} does not fit {len(self.leads)} leads")
        self._waiting.append(np.array(chunk_uv, dtype=np.float32))
        self._waiting_n += len(chunk_uv)
        self.samples += len(chunk_uv)
        found: list[Item] = []
        if self._waiting_n >= self.hop:
            joined = np.concatenate(self._waiting)
            whole = len(joined) // self.hop * self.hop
            for start in range(0, whole, self.hop):
                self._take(joined[start : start + self.hop], self.hop, found)
            self._waiting, self._waiting_n = [joined[whole:].copy()], len(joined) - whole
        return tuple(found)

    def finish(self) -> tuple[Item, ...]:
        """Nothing follows: judge what still waits."""
        found: list[Item] = []
        rest = np.concatenate(self._waiting) if self._waiting else np.zeros((0, len(self.leads)), dtype=np.float32)
        missing = self.front.delay * self.front.every + len(rest)
        padded = np.full((-(-missing // self.hop) * self.hop, len(self.leads)), np.nan, dtype=np.float32)
        padded[: len(rest)] = rest
        for start in range(0, len(padded), self.hop):
            self._take(padded[start : start + self.hop], min(self.hop, max(0, len(rest) - start)), found)
        for fused in self.fuser.flush():
            self._pick(fused, found)
        self._listen(self.picker.push(np.zeros(0, dtype=np.float32), self._height_uv, final=True), found)
        self._decide(found, final=True)
        self._watch_gap(self.samples, found, final=True)
        self._judge_blocks(found, final=True)
        self._close_all(found)
        self.finished = True
        return tuple(found)

    # -- one hop: filter, fuse, pick

    def _take(self, raw_uv: F32, real: int, found: list[Item]) -> None:
        """One hop, of which the first `real` samples exist (the last hops of a file are padded)."""
        raw_uv = self._take_spikes(raw_uv)
        if real >= self.hop // 4 or self._usable_before is None:
            quality = hop_quality(raw_uv[: max(real, 1)])
            usable = quality.usable
            self.tally.add(quality, self._hops * self.hop, self._hops * self.hop + real)
        else:
            usable = self._usable_before
        before = usable if self._usable_before is None else self._usable_before
        self._usable_before = usable
        hop = self.front.push(raw_uv, usable & before)
        self._raw.push(raw_uv)
        self._trace.push(hop.trace_uv)
        self._band.push(hop.band_uv)
        self._hops += 1
        for fused in self.fuser.push(hop):
            self._pick(fused, found)
        self._decide(found, final=False)
        self._judge_blocks(found, final=False)

    def _pick(self, fused: Fused, found: list[Item]) -> None:
        hop, self._weight = fused.hop, fused.weight
        if self._sample_of(self.picker.tail_at) < self.samples:
            self.tally.compare(fused.contrast)
        self._picked += 1
        peaks = self.picker.push(fused.energy, self._height_uv)
        self._listen(peaks, found)
        certain = self._sample_of(self.picker.tail_at)
        if self._picked % round(rhythm.VF_STEP_S / HOP_S) == 0:
            self._watch_fibrillation(hop.usable, found)
        self._readable.append(bool(hop.usable.any()))
        if not hop.usable.any():
            self._lose_signal(certain, found)
        else:
            self._watch_gap(min(certain, self.samples), found, final=False)

    def _take_spikes(self, raw_uv: F32) -> F32:
        """Note the pacing spikes of a hop and take them out: they are no deflection of the heart."""
        context = round(0.05 * self.fs)
        joined = np.concatenate([self._raw.cut(self._raw.end - context, self._raw.end), raw_uv])
        offset = len(joined) - len(raw_uv)
        rows = spikes(joined, self.fs)
        begin = self._raw.end - offset
        self._spikes = [*self._spikes, *(begin + int(row) for row in rows)][-64:]
        return without_spikes(joined, rows, self.fs)[offset:] if len(rows) else raw_uv

    def _height_uv(self, at: int) -> float:
        """Peak to peak in the QRS band about a detection index, the largest of the leads that count."""
        half = round(0.08 * self.rate)
        near = self._band.cut(at - half, at + half + 1)[:, self._weight > 0]
        return float((near.max(axis=0) - near.min(axis=0)).max()) if near.size else 0.0

    def _sample_of(self, at: int) -> int:
        return at * self.front.every + (self.front.every - 1) // 2

    # -- beats

    def _listen(self, peaks: list[Peak], found: list[Item]) -> None:
        for peak in peaks:
            beat = self._hear(peak)
            if beat is None:
                continue
            self._heard.append(beat)
            self._end_gap(beat, found)
            self._watch_rate(found)
        surplus = min(len(self._heard) - HEARD_MAX, self._undecided)
        if surplus > 0:
            del self._heard[:surplus]
            self._undecided -= surplus

    def _hear(self, peak: Peak) -> _Heard | None:
        """Place R and look at the beat; None for what lies outside the recording or on the beat before."""
        middle, reach = self._sample_of(peak.at), round(PLACE_S * self.fs)
        low, high = max(0, middle - reach), min(self.samples, middle + reach)
        near = self._raw.cut(low, high)
        if not 0 <= middle < self.samples or len(near) < 3:
            return None
        sample = low + place_r(near, self._weight, self.fs)
        if self._heard and sample - self._heard[-1].sample < 0.1 * self.fs:
            return None
        low, high = sample - round(SPIKE_BEFORE_S * self.fs), sample + round(SPIKE_AFTER_S * self.fs)
        paced = any(low <= spike <= high for spike in self._spikes)
        at = round(sample / self.front.every)
        shape = classes.shape_of(self._trace.rows, at - self._trace.first, self.rate, self._weight, paced)
        beat = _Heard(sample, at, shape, self.families.join(shape), self._broken)
        self._broken = False
        return beat

    def _decide(self, found: list[Item], *, final: bool) -> None:
        """Give the waiting beats their class, in order."""
        certain = self._sample_of(self.picker.tail_at)
        wait = round(CLASS_WAIT_S * self.fs)
        dominant = self.families.dominant()
        while self._undecided < len(self._heard) and dominant is not None:
            beat = self._heard[self._undecided]
            if not final and beat.sample + wait > certain:
                return
            beat.symbol = self._symbol(self._undecided, dominant)
            found.append(Beat(beat.sample, beat.symbol))
            self._undecided += 1
            self._follow_run(beat, found)
            self._follow_fast(beat, found)

    def _symbol(self, index: int, dominant: Family) -> str:
        beat = self._heard[index]
        if any(first <= beat.sample < end for first, end in self._sine):
            return "V"
        samples = [b.sample for b in self._heard]
        broken = frozenset(i for i, b in enumerate(self._heard) if b.broken)
        odd = frozenset(i for i, b in enumerate(self._heard) if b.family is not dominant)
        company = classes.company_of(samples, index, self.fs, broken, odd)
        return classes.classify(beat.shape, beat.family, dominant, company)

    # -- evidence that grows beat by beat

    def _follow_run(self, beat: _Heard, found: list[Item]) -> None:
        """Ventricular beats in a row."""
        near = self._run and (beat.sample - self._run[-1]) * 1000.0 / self.fs <= RUN_RR_MS_MAX and not beat.broken
        if beat.symbol != "V" or (self._run and not near):
            self._close("vt", found)
            self._run = []
        if beat.symbol != "V":
            return
        self._run = [*self._run, beat.sample] if len(self._run) < 10_000 else self._run
        if len(self._run) < VT_BEATS_MIN:
            return
        speed = dbpm(self._ms(beat.sample - self._run[0]) / (len(self._run) - 1))
        if speed < VT_DBPM and "vt" not in self._open:
            return
        fastest = max(speed, self._fact("vt", "rate_dbpm", speed))
        facts = {"rate_dbpm": fastest, "beats": len(self._run), "lasts_ms": round(self._ms(beat.sample - self._run[0]))}
        self._grow(Evidence("vt", self._run[0], beat.sample + 1, facts, closed=False), found)

    def _follow_fast(self, beat: _Heard, found: list[Item]) -> None:
        """Fast regular beats that are not ventricular."""
        rr_ms = self._ms(beat.sample - self._fast[-1]) if self._fast else 0.0
        if beat.symbol in "V/" or beat.broken or (self._fast and dbpm(max(rr_ms, 1.0)) < SVT_DBPM - 100):
            self._close("svt", found)
            self._fast = []
        if beat.symbol in "V/":
            return
        self._fast = [*self._fast, beat.sample][-200:]
        if len(self._fast) < SVT_BEATS_MIN:
            return
        rr = np.diff(self._fast[-SVT_BEATS_MIN:])
        speed = dbpm(self._ms(float(rr.mean())))
        if speed < SVT_DBPM or float(rr.std() / rr.mean()) > SVT_SPREAD:
            return
        facts = {"rate_dbpm": max(speed, self._fact("svt", "rate_dbpm", speed)), "beats": len(self._fast)}
        first = self._open["svt"].first if "svt" in self._open else self._fast[-SVT_BEATS_MIN]
        self._grow(Evidence("svt", first, beat.sample + 1, facts, closed=False), found)

    def _watch_rate(self, found: list[Item]) -> None:
        """The mean rate of the last ten seconds, after each beat."""
        newest = self._heard[-1].sample
        window: list[int] = []
        for beat in reversed(self._heard):
            if newest - beat.sample > RATE_WINDOW_S * self.fs:
                break
            window.append(beat.sample)
            if beat.broken:
                break
        if len(window) - 1 < RATE_RR_MIN:
            return
        speed = dbpm(self._ms(window[0] - window[-1]) / (len(window) - 1))
        if speed >= SLOW_DBPM:
            self._close("rate", found)
            return
        first = self._open["rate"].first if "rate" in self._open else window[-1]
        slowest = min(speed, self._fact("rate", "rate_dbpm", speed))
        self._grow(Evidence("rate", first, newest + 1, {"rate_dbpm": slowest}, closed=False), found)

    def _end_gap(self, beat: _Heard, found: list[Item]) -> None:
        self._see_gap(beat.sample, found)
        self._close("gap", found)
        self._gap_from = beat.sample

    def _watch_gap(self, now: int, found: list[Item], *, final: bool) -> None:
        """No beat for how long. Fibrillation has none either and is told as itself."""
        if "vf" in self._open:
            self._gap_from = max(self._gap_from, now)
        self._see_gap(now, found)
        if final:
            self._close("gap", found)

    def _see_gap(self, now: int, found: list[Item]) -> None:
        gap_ms = round(self._ms(now - self._gap_from))
        if gap_ms >= GAP_MS:
            facts = {"gap_ms": max(gap_ms, self._fact("gap", "gap_ms", 0))}
            self._grow(Evidence("gap", self._gap_from, now, facts, closed=False), found)

    def _lose_signal(self, now: int, found: list[Item]) -> None:
        """All leads gone: no interval crosses it, and nothing is said of the heart meanwhile."""
        self._close("gap", found)
        self._close("rate", found)
        self._gap_from = max(self._gap_from, now)
        self._broken = True

    def _watch_fibrillation(self, usable: Mask, found: list[Item]) -> None:
        """One window of the VF test; two of three decide."""
        length = round(rhythm.VF_WINDOW_S * self.rate)
        at = self.picker.tail_at  # not the newest: whether the beats keep time must be known too
        window = self._trace.cut(at - length, at)
        end = min(self._sample_of(at), self.samples)
        first = max(0, end - round(rhythm.VF_WINDOW_S * self.fs))
        sine, regular = False, False
        if len(window) == length and usable.any():
            votes = int(np.count_nonzero(rhythm.fibrillates(window, self.rate) & usable))
            sine = votes >= min(2, int(np.count_nonzero(usable)))
            regular = sine and self._is_regular(first, end)
        self._verdicts = [*self._verdicts, (sine and not regular, sine and regular)][-3:]
        if regular:
            self._sine = [*self._sine, (first, end)][-8:]
        fibrillates = sum(vf for vf, _ in self._verdicts) >= 2
        if fibrillates:
            begun = self._open["vf"].first if "vf" in self._open else max(0, end - round(4.0 * self.fs))
            facts = {"lasts_ms": round(self._ms(end - begun))}
            self._grow(Evidence("vf", begun, end, facts, closed=False), found)
            self._fibrillated = [*(span for span in self._fibrillated if span[0] != begun), (begun, end)][-16:]
        elif not any(vf for vf, _ in self._verdicts):
            self._close("vf", found)

    def _is_regular(self, first: int, end: int) -> bool:
        """The beats heard in [first, end) keep time, slower than flutter would."""
        inside = [beat.sample for beat in self._heard if first <= beat.sample < end]
        if len(inside) < 3:
            return False
        rr = np.diff(inside)
        slow = 60.0 * self.fs / float(rr.mean()) < rhythm.VFL_BPM
        return bool(slow and rr.std() < 0.12 * rr.mean())

    # -- base rhythm

    def _judge_blocks(self, found: list[Item], *, final: bool) -> None:
        length = round(rhythm.BLOCK_S * self.fs)
        decided = self._sample_of(self.picker.tail_at) - round(CLASS_WAIT_S * self.fs)
        while (self._block + 1) * length <= (self.samples if final else decided):
            self._judge_block(self._block * length, (self._block + 1) * length, found)
            self._block += 1
        rest = self.samples - self._block * length
        if final and rest > 0:
            if self._base is not None and rest < 0.5 * length:
                self._base = replace(self._base, end=self.samples)  # too short to be judged by itself
            else:
                self._judge_block(self._block * length, self.samples, found)

    def _judge_block(self, first: int, end: int, found: list[Item]) -> None:
        hops = max(1, round((end - first) / self.hop))
        readable, self._readable = self._readable[:hops], self._readable[hops:]
        inside = [beat for beat in self._heard[: self._undecided] if first <= beat.sample < end]
        shaking = sum(max(0, min(end, b) - max(first, a)) for a, b in self._fibrillated) / (end - first)
        block = self._block_of(inside, shaking, sum(readable) / hops)
        name = rhythm.base_rhythm(block)
        if self._base is not None and self._base.rhythm == name:
            self._base = replace(self._base, end=end)
        else:
            if self._base is not None:
                found.append(self._base)
            self._base = Episode(name, first, end)
            found.append(Began(self._base))
        if name in ("af", "afl") and block.rate_bpm is not None:
            rate = round(block.rate_bpm * 10)
            begun = self._open["af"].first if "af" in self._open else first
            facts = {"rate_dbpm": max(rate, self._fact("af", "rate_dbpm", rate))}
            self._grow(Evidence("af", begun, end, facts, flags=frozenset({name}), closed=False), found)
        else:
            self._close("af", found)

    def _block_of(self, inside: list[_Heard], fibrillating: float, usable: float) -> rhythm.Block:
        rr = [
            self._ms(b.sample - a.sample)
            for a, b in pairwise(inside)
            if a.symbol in "NA" and b.symbol in "NA" and not b.broken
        ]
        span = self._ms(inside[-1].sample - inside[0].sample) if len(inside) > 2 else 0.0
        rate = 60_000.0 * (len(inside) - 1) / span if span > 0 else None
        rows = [beat.at - self._trace.first for beat in inside if beat.symbol == "N"]
        trace = self._trace.rows[:, self._weight > 0] if (self._weight > 0).any() else self._trace.rows
        share = rhythm.p_share(trace, rows, self.rate)
        shows = [i for i, lead in enumerate(self.leads) if lead in rhythm.FLUTTER_LEADS and self._weight[i] > 0]
        flutter = len(shows) >= 2 and rhythm.has_flutter(self._trace.rows[:, shows], rows, self.rate)
        symbols = "".join(beat.symbol for beat in inside)
        return rhythm.Block(symbols, tuple(rr), rate, share, flutter, fibrillating, usable)

    # -- open evidence

    def _ms(self, samples: float) -> float:
        return samples * 1000.0 / self.fs

    def _fact(self, kind: str, name: str, otherwise: int) -> int:
        return self._open[kind].facts[name] if kind in self._open else otherwise

    def _grow(self, evidence: Evidence, found: list[Item]) -> None:
        self._open[evidence.kind] = evidence
        found.append(evidence)

    def _close(self, kind: str, found: list[Item]) -> None:
        evidence = self._open.pop(kind, None)
        if evidence is None:
            return
        found.append(replace(evidence, closed=True))
        name = _episode_name(evidence)
        if name:
            found.append(Episode(name, evidence.first, evidence.end))

    def _close_all(self, found: list[Item]) -> None:
        self._mark_filled()
        for kind in list(self._open):
            self._close(kind, found)
        if self._base is not None:
            found.append(replace(self._base, end=self.samples))
            self._base = None

    def _mark_filled(self) -> None:
        """A run that fills the recording may have lasted any time (critical-values 2: duration counts as met)."""
        run = self._open.get("vt")
        if run is None:
            return
        edge = round(1.5 * self.fs)
        if run.first <= edge and run.end >= self.samples - edge:
            self._open["vt"] = replace(run, flags=run.flags | {"fills"})


def _episode_name(evidence: Evidence) -> str | None:
    if evidence.kind == "gap":
        gap = evidence.facts["gap_ms"]
        return "asystole" if gap >= ASYSTOLE_MS else "pause" if gap >= PAUSE_MS else None
    return evidence.kind if evidence.kind in ("vt", "vf", "svt") else None
