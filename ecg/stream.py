"""The causal core that `analyze` and `Monitor` share: samples in as they come; beats, rhythms and evidence out.

Composes: pacing spikes out, the trace, levelling, the QRS net, picking, classes, base rhythm, and the watches that tell
soon. Each stage takes what is certain of the stage before and answers the same however it is cut, so a file analysed is
a file streamed. What a finding is called and how grave it is does not stand here (`critical`, `statements`).

Lags behind the newest sample: a beat is heard after about 3 s, its ventricular shape after 2.5 s more, its class after
7 s, a verdict on the base rhythm within 25 s. Pauses and slow rates are told from the beats as heard, fibrillation from
the trace and the net, runs from the shapes of beats.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import numpy as np

from ecg.beats.classes import SYMBOLS, Answer, Classifier
from ecg.beats.detector import CELL, Detector
from ecg.beats.faint import SPIKE_ROWS, FaintBeats, sizes_of
from ecg.beats.picker import I32, PLACE, TENTH, Picker, place
from ecg.errors import WrongSignal
from ecg.record import F32, I64
from ecg.results import Beat, Episode
from ecg.rhythm.base import RhythmJudge
from ecg.rhythm.base import Verdict as BaseVerdict
from ecg.rhythm.base_watch import ATRIAL, BaseWatch, Began
from ecg.rhythm.fibrillation import STEP as VF_STEP
from ecg.rhythm.fibrillation import WINDOW as VF_WINDOW
from ecg.rhythm.fibrillation import FibrillationWatch, judge, together
from ecg.rhythm.watch import Found, PauseWatch, RunWatch
from ecg.rules.evidence import Evidence
from ecg.signal.filters import Mask
from ecg.signal.hops import HopQuality, hop_quality, hops_quality
from ecg.signal.level import HOP, Leveler
from ecg.signal.pacing import SpikeFilter
from ecg.signal.quality import Tally
from ecg.signal.readable import Reader, Verdict
from ecg.signal.trace import I16, RATE, RAW_UV, Trace, rows_of

SPIKE_BEFORE_S, SPIKE_AFTER_S = 0.16, 0.02  # a beat with a spike in this range about R is paced
DOUBTFUL_OF = 16  # a doubtful one may be a very narrow QRS: it counts where most of so many beats have one
TOGETHER = 2  # half seconds that one step takes at least
QUIET_HOPS = 2  # half seconds by which the levelled trace is ahead of the beats at least
BEATS_APART = 15  # rows: two placed nearer than this are one
LOUD = 25  # levelled range of half a second in which something as large as a QRS goes on; a QRS makes 40 to 80
LEVELLED_KEPT = 600  # rows: a doubtful beat may be taken up this much later
SHAPES_KEPT = 1400  # rows before `certain` that the classes look at: their wait, a stretch, and the reach of a beat
ATRIAL_LAG = 30 * RATE  # rows: the base rhythm a watch knows of is this old, known however the samples came


# What the core found out. Of one kind, the order is that of the recording, however the samples are cut.
Item = Beat | Episode | Began | Evidence


@dataclass
class Ring:
    """The newest rows of the trace, addressed by their number since the start."""

    rows: I16
    first: int = 0

    @property
    def end(self) -> int:
        return self.first + len(self.rows)

    def push(self, rows: I16) -> None:
        self.rows = np.concatenate([self.rows, rows]) if len(rows) else self.rows

    def drop(self, before: int) -> None:
        """Let go of the rows before number `before`; copied now and then, not each time."""
        surplus = before - self.first
        if surplus > max(100, len(self.rows) // 16):
            self.rows, self.first = self.rows[surplus:].copy(), before

    def cut(self, first: int, end: int) -> I16:
        """What is held of [first, end)."""
        return self.rows[max(0, first - self.first) : max(0, end - self.first)]


@dataclass
class Heard:
    """Beats in order that somebody still needs: row of the trace, sample, whether the signal was lost before, whether a
    spike stands at it, whether it is too faint to end a pause.
    """

    row: list[int] = field(default_factory=list)
    sample: list[int] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)
    spiked: list[bool] = field(default_factory=list)
    faint: list[bool] = field(default_factory=list)

    def drop(self, count: int) -> None:
        for column in (self.row, self.sample, self.broken, self.spiked, self.faint):
            del column[:count]


class Core:
    """Feed samples, get items; `finish` once at the end. Picklable; a feed after `finish` is refused."""

    def __init__(self, fs: float, leads: tuple[str, ...]) -> None:
        self.fs, self.leads = fs, leads
        self._columns = working(leads)
        count = len(leads)
        kept = len(self._columns)
        self.samples = 0  # fed so far
        self.finished = False
        self.tally = Tally.of(count)
        self._waiting: F32 = np.zeros((0, count), dtype=np.float32)  # until there is enough for a step
        self._spikes = SpikeFilter(fs, count)
        self._spiked: list[int] = []  # samples of the newest spikes, and of those that may be QRS
        self._doubtful: list[int] = []
        self._spiky: list[bool] = []  # of the newest beats: something like a spike stands at it
        self._raw: F32 = np.zeros((0, count), dtype=np.float32)  # whole hops wait here
        self._hops = 0  # hops judged for quality
        self._usable: Mask = np.zeros((0, count), dtype=bool)  # of the hops from `_usable_first` on
        self._usable_first = 0
        self._reader = Reader(count)
        self._dark: list[bool] = []  # hops from `_watched` on in which nothing can be read
        self._trace = Trace(fs, count)
        self._rows = 0  # rows of the trace so far
        self._ring = Ring(np.zeros((0, kept), dtype=np.int16))
        self._unlevelled = 0  # first row not yet levelled
        self._leveler = Leveler(kept)
        self._levelled = np.zeros((0, kept), dtype=np.int8)
        self._levelled_first = 0
        self._loud: list[bool] = []  # of the hops from `_watched` on
        self._detector = Detector(kept)
        # What the net says, thousandths, of the cells from `_milli_first` on.
        self._milli: I32 = np.zeros(0, dtype=np.int32)
        self._milli_first = 0
        self._windows = 0  # windows of fibrillation seen
        self._fibrillates: list[bool] = []  # of the hops from `_watched` on
        self._dark_at: list[int] = []  # the newest dark hops
        self._dark_spans: list[tuple[int, int]] = []  # rows of those the base rhythm has not been told of
        self._picker = Picker()
        self._heard = Heard()
        self._faint = FaintBeats()
        self._watched_beats = 0  # index into _heard
        self._watched = 0  # hops the pause watch has seen
        self._faint_until = -1  # row up to which the newest faint beat may be loud
        self._classifier = Classifier(kept)
        self._given = 0  # index into _heard: next for the classifier
        self._shaped = 0  # index into _heard: next for the run watch
        self._classed = 0  # index into _heard: next to be given out
        self._rhythm = RhythmJudge(tuple(leads[column] for column in self._columns))
        self._verdict_ends: list[int] = []  # rows at which the newest verdicts end, and whether they say fibrillation
        self._verdict_atrial: list[bool] = []
        self._base = BaseWatch(fs)
        self._pauses, self._runs, self._fibrillation = PauseWatch(fs), RunWatch(fs), FibrillationWatch(fs)

    # -- feeding

    def feed(self, chunk_uv: F32) -> tuple[Item, ...]:
        """Take (samples, leads) float32 microvolts, any number of samples, none too."""
        if self.finished:
            raise WrongSignal(reason="the stream has been finished")
        if chunk_uv.ndim != 2 or chunk_uv.shape[1] != len(self.leads):
            raise WrongSignal(reason=f"shape {chunk_uv.shape} does not fit {len(self.leads)} leads")
        self.samples += len(chunk_uv)
        whole = np.rint(np.minimum(np.maximum(np.asarray(chunk_uv, dtype=np.float32), -RAW_UV), RAW_UV))
        self._waiting = np.concatenate([self._waiting, whole]) if len(self._waiting) else whole
        # Small chunks together: a stream costs by the step, hardly by the sample.
        if self.samples < self._hop_start(self._hops + TOGETHER) + self._spikes.delay:
            return ()
        waiting, self._waiting = self._waiting, self._waiting[:0]
        return tuple(self._advance(waiting, final=False))

    def finish(self) -> tuple[Item, ...]:
        """Nothing follows: judge what still waits."""
        found = list(self._advance(self._waiting, final=True))
        found += self._fibrillation.finish()
        for pause in [*self._pauses.waiting]:
            found += self._pauses.look_back(pause, atrial=self._is_atrial(round(pause * RATE / self.fs) + ATRIAL_LAG))
        found += self._pauses.finish(self.samples, atrial=self._is_atrial(self._rows))
        found += self._runs.finish(self.samples)
        found += self._base.finish(self.samples)
        self.finished = True
        return tuple(found)

    def _advance(self, chunk_uv: F32, *, final: bool) -> Iterator[Item]:
        clean, sure, doubtful = self._spikes.push(chunk_uv, final=final)
        self._spiked += sure
        self._doubtful += doubtful
        self._take(clean, final=final)
        if not final and self._rows - self._unlevelled < HOP:
            return
        self._detect(final=final)
        certain = self._rows if final else max(0, self._picker.certain * CELL - PLACE)
        yield from self._classify(certain, final=final)
        yield from self._watch(certain, final=final)
        self._forget(certain)

    # -- signal

    def _hop_start(self, hop: int) -> int:
        """The first sample of a hop: half seconds, at any rate."""
        return round(hop * self.fs / 2)

    def _take(self, clean: F32, *, final: bool) -> None:
        """Whole hops of samples: judged, and on to the trace."""
        self._raw = np.concatenate([self._raw, clean]) if len(self._raw) else clean
        first = self._hop_start(self._hops)
        ends: list[int] = []
        while self._hop_start(self._hops + len(ends) + 1) <= first + len(self._raw):
            ends.append(self._hop_start(self._hops + len(ends) + 1))
        if final and first + len(self._raw) > (ends[-1] if ends else first):
            ends.append(first + len(self._raw))
        begin = ends[-1] if ends else first
        if ends:
            quality = self._judge_hops(first, ends)
            self.tally.add(quality, [first, *ends])
            self._hops += len(ends)
            self._usable = np.concatenate([self._usable, quality.usable])
        else:
            quality = _no_hops(len(self.leads))
        rows = self._trace.push(self._raw[: begin - first])
        self._raw = self._raw[begin - first :].copy()
        self._add(rows)
        self._hear_noise(rows, quality)
        if final:
            in_all = rows_of(self.samples, self.fs)
            rest = self._trace.flush(in_all, self._rows)
            self._add(rest)
            self._hear_noise(rest, _no_hops(len(self.leads)), final=True)
            while self._hops * HOP < in_all:  # a last sample may open a row beyond the last hop
                self._usable = np.concatenate([self._usable, self._usable[-1:]])
                self._dark.append(self._dark[-1])
                self._hops += 1

    def _judge_hops(self, first: int, ends: list[int]) -> HopQuality:
        """The raw samples of hops that end at `ends`; all at once where they are of one length."""
        sizes = np.diff([first, *ends])
        if (sizes == sizes[0]).all() and sizes[0] * 2 == self.fs:
            return hops_quality(self._raw[: ends[-1] - first], self.fs)
        begin = first
        parts = []
        for end in ends:
            parts.append(hop_quality(self._raw[begin - first : end - first], self.fs))
            begin = end
        return HopQuality(**{f.name: np.stack([getattr(part, f.name) for part in parts]) for f in fields(HopQuality)})

    def _hear_noise(self, rows: I16, quality: HopQuality, *, final: bool = False) -> None:
        """Which half seconds are noise, as far as the trace tells."""
        verdict = self._reader.push(rows, quality.range_uv, quality.level_uv, quality.usable)
        self._darken(verdict)
        if final:
            self._darken(self._reader.flush())

    def _darken(self, verdict: Verdict) -> None:
        starts = [self._hop_start(verdict.first + index) for index in range(len(verdict.dark) + 1)]
        self.tally.hear(verdict, [min(start, self.samples) for start in starts])
        self._dark += verdict.dark.tolist()
        dark = [verdict.first + hop for hop in np.flatnonzero(verdict.dark).tolist()]
        self._dark_at += dark
        self._dark_spans += [(hop * HOP, (hop + 1) * HOP) for hop in dark]

    def _add(self, rows: I16) -> None:
        self._ring.push(rows[:, self._columns])
        self._rows += len(rows)

    # -- beats

    def _detect(self, *, final: bool) -> None:
        """Rows of whole hops through levelling, the net and the picker; new beats are placed and heard."""
        end = self._rows if final else self._rows // HOP * HOP
        fresh = self._ring.cut(self._unlevelled, end)
        hop = self._unlevelled // HOP
        usable = self._usable_at(hop, -(-end // HOP))[:, self._columns]
        self._unlevelled = end
        levelled, there = self._leveler.push(fresh, usable, final=final)
        self._levelled = np.concatenate([self._levelled, levelled])
        self._loud += _loudness(levelled, there)
        logits = self._detector.push(levelled, np.repeat(there, HOP, axis=0)[: len(levelled)], final=final)
        self._milli = np.concatenate([self._milli, np.rint(logits * np.float32(1000)).astype(np.int32)])
        picks = self._picker.push(logits, final=final)
        if picks:
            self._hear(np.array([pick.cell for pick in picks], dtype=np.int64))

    def _hear(self, cells: I64) -> None:
        tenths = place(self._levelled, cells, self._levelled_first)
        heard = self._heard
        sizes = sizes_of(self._ring.rows, self._ring.first, np.rint(tenths / TENTH).astype(np.int64))
        for tenth, size in zip(tenths.tolist(), sizes, strict=True):
            row, sample = round(tenth / TENTH), round(tenth * self.fs / (TENTH * RATE))
            before = heard.row[-1] if heard.row else -RATE
            if row - before < BEATS_APART or not 0 <= sample < self.samples or row >= self._rows:
                continue
            low = sample - SPIKE_BEFORE_S * self.fs
            sure = _any_within(self._spiked, low, sample + SPIKE_AFTER_S * self.fs)
            doubtful = _any_within(self._doubtful, low, sample)  # behind R it is the end of a narrow QRS
            self._spiky = [*self._spiky, sure or doubtful][-DOUBTFUL_OF:]
            doubtful &= 2 * sum(self._spiky) > len(self._spiky)
            heard.broken.append(not heard.row or self._is_dark(before, row))
            heard.spiked.append(sure or doubtful)
            heard.faint.append(self._faint.beat(row, size, spiked=heard.spiked[-1]))
            heard.row.append(row)
            heard.sample.append(sample)

    def _is_dark(self, first: int, end: int) -> bool:
        """The signal was lost between two rows."""
        return not self._usable_at(first // HOP, end // HOP + 1).any(axis=1).all()

    def _usable_at(self, first: int, end: int) -> Mask:
        return self._usable[max(0, first - self._usable_first) : max(0, end - self._usable_first)]

    # -- what must be told soon

    def _watch(self, certain: int, *, final: bool) -> Iterator[Found]:
        """Beats and half seconds in recording order, up to row `certain`."""
        heard, watched = self._heard, self._watched
        yield from self._see_fibrillation(final=final)
        last = max(watched, -(-certain // HOP) if final else certain // HOP)
        dark, faint = self._dark, self._faint_until
        for hop in range(watched, last):
            end_row = min((hop + 1) * HOP, self._rows)
            end = min(self._hop_start(hop + 1), self.samples)
            while self._watched_beats < len(heard.row) and heard.row[self._watched_beats] < end_row:
                at = self._watched_beats
                if not heard.faint[at]:
                    yield from self._pauses.beat(
                        heard.sample[at], broken=heard.broken[at], atrial=self._is_atrial(heard.row[at])
                    )
                faint = heard.row[at] + SPIKE_ROWS if heard.faint[at] else faint
                self._watched_beats += 1
            yield from self._pauses.hop(
                end,
                usable=not dark[hop - watched],
                loud=self._loud[hop - watched] and faint < hop * HOP,
                fibrillates=self._fibrillates[hop - watched],
                atrial=self._is_atrial(end_row),
                quiet_until=self._quiet_until(hop),
            )
            known = round((end_row - ATRIAL_LAG) * self.fs / RATE)
            yield from self._pauses.look_back(known, atrial=self._is_atrial(end_row))
        self._faint_until, passed = faint, last - watched
        self._loud, self._dark, self._fibrillates = self._loud[passed:], dark[passed:], self._fibrillates[passed:]
        self._watched = last

    def _see_fibrillation(self, *, final: bool) -> Iterator[Found]:
        """All windows for which the net has spoken; they run ahead of the beats."""
        spoken = (self._milli_first + len(self._milli)) * CELL
        begin, count = self._windows * VF_STEP, (spoken - VF_WINDOW) // VF_STEP + 1 - self._windows
        hops = VF_STEP // HOP
        if count > 0:
            rows = self._ring.cut(begin, begin + VF_WINDOW + (count - 1) * VF_STEP)
            milli = self._milli[begin // CELL - self._milli_first :]
            windows = np.arange(self._windows, self._windows + count)
            readable = np.stack([self._readable(number * hops) for number in windows.tolist()])
            for number, seen in zip(windows.tolist(), together(judge(rows, milli), readable, milli), strict=True):
                yield from self._fibrillation.window(self._hop_start(number * hops), seen)
                # It holds from the hop the window ends with to the one before the next window's end.
                before = number * hops + VF_WINDOW // HOP - 1 - self._watched
                self._fibrillates += [False] * (before - len(self._fibrillates))
                self._fibrillates += [self._fibrillation.on] * (before + hops - len(self._fibrillates))
            self._windows += count
        known = (-(-self._rows // HOP) if final else VF_WINDOW // HOP - 1) - self._watched
        self._fibrillates += [self._fibrillation.on] * (known - len(self._fibrillates))

    def _quiet_until(self, hop: int) -> int:
        """The end of the half seconds after a hop that hold nothing as large as a QRS, as far as the levelling runs
        ahead of the beats whatever came at once: QUIET_HOPS.
        """
        for ahead in range(hop + 1, hop + 1 + QUIET_HOPS):
            at = ahead - self._watched
            if at >= len(self._loud) or self._loud[at] or not self._usable_at(ahead, ahead + 1).any():
                return self._hop_start(ahead) if ahead * HOP < self._rows else self.samples
        return min(self._hop_start(hop + 1 + QUIET_HOPS), self.samples)

    def _readable(self, hop: int) -> Mask:
        """The leads that can be read in the window from a hop on; none where all of it is noise."""
        end = hop + VF_WINDOW // HOP
        dark = bisect_left(self._dark_at, end) - bisect_left(self._dark_at, hop)
        return np.asarray(self._usable_at(hop, end)[:, self._columns].all(axis=0) & (dark < end - hop))

    def _is_atrial(self, row: int) -> bool:
        """Atrial fibrillation or flutter, as far as was known some time before a row."""
        known = bisect_right(self._verdict_ends, row - ATRIAL_LAG)
        return known > 0 and self._verdict_atrial[known - 1]

    # -- classes and base rhythm

    def _classify(self, certain: int, *, final: bool) -> Iterator[Item]:
        heard = self._heard
        fresh = slice(self._given, bisect_left(heard.row, certain) if not final else len(heard.row))
        rows = np.array(heard.row[fresh], dtype=np.int64)
        answer = self._classifier.push(
            rows,
            np.array(heard.spiked[fresh], dtype=bool),
            np.array(heard.broken[fresh], dtype=bool),
            self._usable[rows // HOP - self._usable_first][:, self._columns],
            self._ring,
            certain,
            final=final,
        )
        self._given = fresh.stop
        yield from self._follow(answer)
        yield from self._tell(answer)
        yield from self._judge(answer, certain, final=final)

    def _follow(self, answer: Answer) -> Iterator[Found]:
        """Runs, from what the shapes say."""
        heard, shaped = self._heard, answer.ventricular
        for probability, family in zip(shaped.probability.tolist(), shaped.family.tolist(), strict=True):
            at = self._shaped
            spiked = heard.spiked[at]
            yield from self._runs.beat(
                heard.sample[at],
                ventricular=probability >= 0.5 and not spiked,
                paced=spiked,
                broken=heard.broken[at],
                family=family,
            )
            self._shaped += 1

    def _tell(self, answer: Answer) -> Iterator[Beat]:
        for code in answer.classified.symbol.tolist():
            yield Beat(self._heard.sample[self._classed], SYMBOLS[code])
            self._classed += 1

    def _judge(self, answer: Answer, certain: int, *, final: bool) -> Iterator[Item]:
        symbols = "".join(SYMBOLS[code] for code in answer.classified.symbol.tolist())
        waiting = self._heard.row[self._classed] if self._classed < self._given else certain
        until = self._rows if final else min(waiting, certain)
        rows = answer.classified.row
        dark, self._dark_spans = self._dark_spans, []
        verdicts = self._rhythm.push(
            rows, symbols, self._ring.rows, self._ring.first, until, final=final, unreadable=dark
        )
        for verdict in verdicts:
            yield from self._settle(verdict)

    def _settle(self, verdict: BaseVerdict) -> Iterator[Item]:
        first = min(round(verdict.first * self.fs / RATE), self.samples)
        end = min(round(verdict.end * self.fs / RATE), self.samples)
        self._verdict_ends.append(verdict.end)
        self._verdict_atrial.append(verdict.rhythm in ATRIAL)
        yield from self._base.verdict(verdict.rhythm, first, end, verdict.rate_dbpm, verdict.rr_min_ms)

    def _forget(self, certain: int) -> None:
        """Let go of what no stage needs any more."""
        self._ring.drop(min(certain - SHAPES_KEPT, self._rhythm.needs_from, self._windows * VF_STEP))
        heard_from = self._windows * VF_STEP // CELL - self._milli_first
        if heard_from > 200:
            self._milli, self._milli_first = self._milli[heard_from:].copy(), self._milli_first + heard_from
            self._dark_at = self._dark_at[bisect_left(self._dark_at, self._windows * VF_STEP // HOP) :]
        surplus = len(self._levelled) - LEVELLED_KEPT
        if surplus > LEVELLED_KEPT // 4:
            self._levelled, self._levelled_first = self._levelled[surplus:].copy(), self._levelled_first + surplus
        needed = min(self._watched, self._windows * VF_STEP // HOP, self._unlevelled // HOP) - VF_WINDOW // HOP - 60
        if needed - self._usable_first > 40:
            self._usable = self._usable[needed - self._usable_first :].copy()
            self._usable_first = needed
        count = min(self._watched_beats, self._given, self._shaped, self._classed)
        if count > 64:
            self._heard.drop(count)
            self._watched_beats, self._given = self._watched_beats - count, self._given - count
            self._shaped, self._classed = self._shaped - count, self._classed - count
        known = bisect_right(self._verdict_ends, self._watched * HOP - ATRIAL_LAG)
        if known > 8:
            del self._verdict_ends[: known - 1], self._verdict_atrial[: known - 1]
        horizon = round((certain - 4 * RATE) * self.fs / RATE)
        self._spiked = [spike for spike in self._spiked if spike >= horizon]
        self._doubtful = [spike for spike in self._doubtful if spike >= horizon]


def working(leads: tuple[str, ...]) -> list[int]:
    """The columns that beats and rhythm are found in: the limb leads that follow from I and II tell nothing new."""
    if not {"I", "II"} <= set(leads):
        return list(range(len(leads)))
    return [column for column, lead in enumerate(leads) if lead not in ("III", "aVR", "aVL", "aVF")]


def _any_within(ascending: list[int], first: float, last: float) -> bool:
    at = bisect_left(ascending, first)
    return at < len(ascending) and ascending[at] <= last


def _no_hops(leads: int) -> HopQuality:
    return hops_quality(np.zeros((0, leads), dtype=np.float32), 2.0 * RATE)


def _loudness(levelled: np.ndarray[tuple[int, int], np.dtype[np.int8]], there: Mask) -> list[bool]:
    """Of each hop: something as large as a QRS goes on in at least half of the leads that count."""
    hops = len(there)
    if not hops:
        return []
    padded = np.concatenate([levelled, np.repeat(levelled[-1:], hops * HOP - len(levelled), axis=0)])
    shaped = padded.reshape(hops, HOP, -1).astype(np.int16)
    large = (shaped.max(axis=1) - shaped.min(axis=1) >= LOUD) & there
    return [bool(loud) for loud in 2 * large.sum(axis=1) >= np.maximum(there.sum(axis=1), 1)]
