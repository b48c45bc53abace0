"""Beats and trace become blocks of five seconds, and blocks become windows: what is kept and for how long.

The one place where rhythm touches the stream. It takes beats and trace in any pieces and measures a block once all that
the block needs is certain, so that the pieces do not matter. It names nothing (`rhythm`).
"""

from __future__ import annotations

import numpy as np

from ecg.rhythm import atria
from ecg.rhythm.atria import AFTER, BEFORE, BLOCK, F64, HZ, I64, LAG, QRS_FROM, T_TO
from ecg.rhythm.atrial_features import Windows
from ecg.signal.trace import CLIP_UV, I16, I32

REACH = 2  # blocks on either side of the one that is judged
KEEP = 2 * REACH + 2  # blocks whose beats and numbers are held: the window of the next one to be judged, and one before
SIGNAL_KEPT = (2 * REACH + 1) * BLOCK + LAG  # rows: that window, and what lags
FAR = 1 << 40  # a row that no recording has
MEASURED_AT_ONCE = 400  # blocks: bounds the memory of a long file


class Blocks:
    """Measures blocks as they become certain; picklable, bounded however long the stream runs.

    count      blocks measured so far; `end` the rows they reach to. Blocks before `count - KEEP` are forgotten.
    """

    def __init__(self, leads: tuple[str, ...]) -> None:
        self.columns = atria.chosen(leads)
        self.count, self.end = 0, 0
        self.beats = atria.no_beats(len(self.columns))
        self.power: F64 = np.zeros((0, len(self.columns), len(HZ)))
        self.weight: F64 = np.zeros(0)
        self.waves: I32 = np.zeros((0, QRS_FROM + T_TO, len(self.columns)), dtype=np.int32)  # what a beat is taken for
        self.raw: I16 = np.zeros((0, len(self.columns)), dtype=np.int16)  # rows end at `end`
        self.first = 0  # the first block that is held
        self._waiting_rows: I64 = np.zeros(0, dtype=np.int64)
        self._waiting_symbols = ""

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "power": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        again = max(self.first, self.count - 2 * REACH)  # no window looks further back
        self.power = np.zeros((self.count - self.first, len(self.columns), len(HZ)))
        self.power[again - self.first :] = atria.powers(self.rest(again, self.count), self.count - again)

    @property
    def needs_from(self) -> int:
        """The first row of trace that the next push must still hold."""
        return max(0, self.count * BLOCK - BEFORE)

    def push(self, rows: I64, symbols: str, trace: I16, trace_first: int, certain: int, *, final: bool) -> int:
        """Take beats and trace; how many blocks were measured.

        rows, symbols  the beats since the last push, in order: every beat before row `certain`, and none after it.
        trace          (m, all leads) the trace's rows from `trace_first`, which is at most `needs_from`, to at least
                       `certain`. `certain` is the recording's number of rows when `final`.
        """
        self._waiting_rows = np.concatenate([self._waiting_rows, np.asarray(rows, dtype=np.int64)])
        self._waiting_symbols += symbols
        goal = max(self.count, (certain - AFTER) // BLOCK)
        if final:
            goal = max(goal, -(-certain // BLOCK))
        measured = goal - self.count
        while self.count < goal:
            self._measure(min(goal, self.count + MEASURED_AT_ONCE), trace, trace_first, certain)
        return measured

    def _measure(self, goal: int, trace: I16, trace_first: int, certain: int) -> None:
        begin, first_row = self.count, self.count * BLOCK
        end = min(goal * BLOCK, certain)
        held_first, held_end = max(0, first_row - BEFORE), min(certain, goal * BLOCK + AFTER)
        held = trace[held_first - trace_first : held_end - trace_first][:, self.columns]
        here = int(np.searchsorted(self._waiting_rows, end))
        rows, symbols = self._waiting_rows[:here], self._waiting_symbols[:here]
        before = int(self.beats.row[-1]) if len(self.beats.row) else -FAR
        new = atria.look(held, held_first, rows, atria.kinds_of(symbols), before)
        near = self.beats.part(int(np.searchsorted(self.beats.row, first_row - BEFORE + 50)))
        waves = atria.templates(held, held_first, near.join(new), np.arange(begin, goal), held_end)
        self.beats = self.beats.join(new)
        self.waves = np.concatenate([self.waves, waves])
        self._waiting_rows, self._waiting_symbols = self._waiting_rows[here:], self._waiting_symbols[here:]
        self.raw = np.concatenate([self.raw, held[first_row - held_first : end - held_first]])
        self.count, self.end = goal, end
        self.power = np.concatenate([self.power, atria.powers(self.rest(begin, goal), goal - begin)])
        whole = np.clip((end - np.arange(begin, goal) * BLOCK) / BLOCK, 0.0, 1.0)
        self.weight = np.concatenate([self.weight, whole])

    def rest(self, first: int, end: int) -> I16:
        """The signal of blocks [first, end) without its beats, LAG rows earlier; zero where there is no signal."""
        low, high = first * BLOCK - LAG, end * BLOCK - LAG
        rest = np.zeros((high - low, len(self.columns)), dtype=np.int32)
        real_low, real_high, offset = max(low, 0), min(high, self.end), self.end - len(self.raw)
        rest[real_low - low : real_high - low] = self.raw[real_low - offset : real_high - offset]
        row = self.beats.row
        begin, until = np.searchsorted(row, [low - T_TO, end * BLOCK]).tolist()
        beats = self.beats.part(begin, until)
        following = np.concatenate([row[begin + 1 :], self._waiting_rows[:1], [FAR]])[: len(beats.row)]
        atria.without_beats(rest, low, beats, self.waves[beats.row // BLOCK - self.first], following)
        return np.clip(rest, -CLIP_UV, CLIP_UV).astype(np.int16)

    def windows(self, first: int, end: int, reach: int = REACH) -> Windows:
        """The windows of blocks [first, end), each `reach` blocks to either side as far as there are any."""
        blocks = np.arange(first, end)
        low = np.searchsorted(self.beats.row, (blocks - reach) * BLOCK)
        high = np.searchsorted(self.beats.row, (blocks + reach + 1) * BLOCK)
        power = np.zeros((len(blocks), *self.power.shape[1:]))
        weight = np.zeros(len(blocks))
        for away in range(-reach, reach + 1):
            at = blocks + away - self.first
            there = (at >= 0) & (at < len(self.power))
            power[there] += self.power[at[there]]
            weight[there] += self.weight[at[there]]
        return Windows(self.beats, low.astype(np.int64), high.astype(np.int64), power, weight)

    def about(self, block: int) -> tuple[I16, int, I64]:
        """The window of a block: its signal without beats, that signal's first row, and the rows of its beats."""
        first, end = max(block - REACH, 0), min(block + REACH + 1, self.count)
        begin = first * BLOCK - LAG
        low, high = max(begin, 0), min(end * BLOCK - LAG, self.end)
        rows = self.beats.row
        rest = self.rest(first, end)[low - begin : high - begin]
        return rest, low, rows[np.searchsorted(rows, low) : np.searchsorted(rows, high)]

    def raw_about(self, block: int) -> tuple[I16, int, I64]:
        """The same with the trace as it came."""
        offset = self.end - len(self.raw)
        low = max((block - REACH) * BLOCK, offset)
        high = min((block + REACH + 1) * BLOCK, self.end)
        rows = self.beats.row
        return (
            self.raw[low - offset : high - offset],
            low,
            rows[np.searchsorted(rows, low) : np.searchsorted(rows, high)],
        )

    def forget(self) -> None:
        """Let go of what no window will need."""
        self.raw = self.raw[-SIGNAL_KEPT:].copy()
        drop = self.count - KEEP - self.first
        if drop <= 0:
            return
        self.first += drop
        self.power, self.weight = self.power[drop:].copy(), self.weight[drop:].copy()
        self.waves = self.waves[drop:].copy()
        self.beats = self.beats.part(int(np.searchsorted(self.beats.row, self.first * BLOCK)))
