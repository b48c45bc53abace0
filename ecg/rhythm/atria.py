"""What stands between the QRS complexes: P windows, the signal without QRS and T, its spectrum. In exact integers.

Works on the trace (`trace`, 100 rows a second, whole microvolts) block by block of five seconds; `blocks` says
when. What the numbers mean is `rhythm`'s business. All sums are of whole numbers in float64 or int64, where they are
exact: the answer depends neither on the cutting nor on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.signal.trace import I16, I32, RATE

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

BLOCK = 5 * RATE  # rows
BEFORE, AFTER = 300, 100  # rows of trace about a block that its measuring may touch
KINDS = "NAVFQ/"  # a beat's kind is its place here
ECTOPIC = 2  # V, F and Q: neither their P window nor their R-R counts
P_FROM, P_TO = 32, 6  # rows before R between which a P wave stands (320 to 60 ms)
P_ROWS = P_FROM - P_TO
P_ENDS = 3  # rows at each end whose mean the window's baseline runs through
CLIP_UV = 2000  # of P windows and residuals: a P wave is never so large, and sums stay far below 2^53
QRS_FROM, QRS_TO, T_TO = 8, 10, 45  # rows about R: QRS, end of T at most
T_SHARE = 60  # per cent of the R-R to the next beat that QRS and T may take
LAG = 10  # rows by which residual blocks run ahead of the beats' blocks, so that no later beat reaches into them
LEADS_MAX = 3
LEADS_LIKED = ("II", "V1", "aVF", "III", "MLII", "I", "V2")
HZ: F64 = np.arange(2.0, 12.01, 0.25)
TABLE_UNIT = 1024.0


def _tables() -> F64:
    time = np.arange(BLOCK) / RATE
    angle = 2 * np.pi * time[:, None] * HZ
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(BLOCK) + 0.5) / BLOCK))[:, None]
    return np.asarray(np.rint(TABLE_UNIT * hann * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)))


TABLES = _tables()  # (BLOCK, 2 * len(HZ)) whole numbers


def chosen(leads: tuple[str, ...]) -> tuple[int, ...]:
    """The columns in which atria are looked for: at most three, the usual ones first."""
    if len(leads) <= LEADS_MAX:
        return tuple(range(len(leads)))
    rank = {lead: place for place, lead in enumerate(LEADS_LIKED)}
    order = sorted(range(len(leads)), key=lambda column: (rank.get(leads[column], len(rank)), column))
    return tuple(sorted(order[:LEADS_MAX]))


@dataclass(frozen=True)
class Beats:
    """Beats in order. row (b,) int64 of the trace; kind (b,) uint8, a place in KINDS.

    p_uv      (b, P_ROWS, leads) int32: the window before the QRS less the line through its ends, times 3.
    p_valid   (b,) bool: the window lies in the recording, and on no other beat's QRS.
    size_uv   (b, leads) int32, peak to peak about R; width (b,) rows over which the QRS is steep.
    """

    row: I64
    kind: U8
    p_uv: npt.NDArray[np.int32]
    p_valid: npt.NDArray[np.bool_]
    size_uv: npt.NDArray[np.int32]
    wide: I64

    def part(self, first: int, end: int | None = None) -> Beats:
        cut = slice(first, end)
        return Beats(
            self.row[cut], self.kind[cut], self.p_uv[cut], self.p_valid[cut], self.size_uv[cut], self.wide[cut]
        )

    def join(self, other: Beats) -> Beats:
        def both(name: str) -> npt.NDArray[np.generic]:
            return np.concatenate([getattr(self, name), getattr(other, name)])

        return Beats(
            np.asarray(both("row"), dtype=np.int64),
            np.asarray(both("kind"), dtype=np.uint8),
            np.asarray(both("p_uv"), dtype=np.int32),
            np.asarray(both("p_valid"), dtype=np.bool_),
            np.asarray(both("size_uv"), dtype=np.int32),
            np.asarray(both("wide"), dtype=np.int64),
        )


def no_beats(leads: int) -> Beats:
    return Beats(
        np.zeros(0, dtype=np.int64),
        np.zeros(0, dtype=np.uint8),
        np.zeros((0, P_ROWS, leads), dtype=np.int32),
        np.zeros(0, dtype=np.bool_),
        np.zeros((0, leads), dtype=np.int32),
        np.zeros(0, dtype=np.int64),
    )


def kinds_of(symbols: str) -> U8:
    """Symbols as places in KINDS; a ventricular escape (E) as V, what else is not there as N."""
    table = np.zeros(256, dtype=np.uint8)
    table[ord("E")] = ECTOPIC
    for place, symbol in enumerate(KINDS):
        table[ord(symbol)] = place
    return table[np.frombuffer(symbols.encode("latin-1", "replace"), dtype=np.uint8)]


def is_ectopic(kind: U8) -> npt.NDArray[np.bool_]:
    return (kind >= ECTOPIC) & (kind < ECTOPIC + 3)


def look(trace: I16, first: int, rows: I64, kind: U8, before: int) -> Beats:
    """What is kept of the beats at `rows` (of the recording), from the trace whose row 0 is the recording's `first`.

    before   the beat before the first one, or a large negative number.
    """
    held = len(trace)
    at = rows - first
    gap = np.diff(rows, prepend=before)
    valid = (at >= P_FROM) & (at - P_TO <= held) & (gap >= P_FROM + QRS_TO - 6)
    take = np.clip(at[:, None] + np.arange(-P_FROM, -P_TO), 0, held - 1)
    raw = np.clip(trace[take].astype(np.int32), -CLIP_UV, CLIP_UV)
    start = raw[:, :P_ENDS].sum(axis=1, keepdims=True)  # three times the level
    stop = raw[:, -P_ENDS:].sum(axis=1, keepdims=True)
    span = P_ROWS - 1
    step = np.arange(P_ROWS)[None, :, None]
    flat = P_ENDS * raw - (start * (span - step) + stop * step) // span
    near = trace[np.clip(at[:, None] + np.arange(-QRS_FROM, QRS_TO + 1), 0, held - 1)].astype(np.int32)
    size = near.max(axis=1) - near.min(axis=1)
    about = trace[np.clip(at[:, None] + np.arange(-14, 17), 0, held - 1)].astype(np.int64)
    steep = np.abs(np.diff(about, axis=1)).sum(axis=2)
    limit = steep.max(axis=1, keepdims=True)
    wide = (6 * steep > limit).sum(axis=1)
    return Beats(rows, kind, flat.astype(np.int32), valid, size.astype(np.int32), wide)


def templates(trace: I16, first: int, beats: Beats, blocks: I64, last: int) -> I32:
    """The mean QRS-T (blocks, QRS_FROM + T_TO, leads), whole microvolts, of the beats about each block.

    Beats from BEFORE - 50 rows before to the end of the block that are not ectopic; zero where there are fewer than 3.
    last   the end of the recording's rows that are held: a beat cut by it counts with its last row repeated.
    """
    width = QRS_FROM + T_TO
    at = np.clip(beats.row[:, None] - first + np.arange(-QRS_FROM, T_TO), 0, last - first - 1)
    good = ~is_ectopic(beats.kind)
    shape = np.where(good[:, None, None], trace[at].astype(np.int64), 0)
    total = np.concatenate([np.zeros((1, width, shape.shape[2]), dtype=np.int64), np.cumsum(shape, axis=0)])
    count = np.concatenate([[0], np.cumsum(good)])
    low = np.searchsorted(beats.row, blocks * BLOCK - BEFORE + 50)
    high = np.searchsorted(beats.row, (blocks + 1) * BLOCK)
    n = (count[high] - count[low])[:, None, None]
    mean = np.rint((total[high] - total[low]) / np.maximum(n, 1))
    edge = (mean[:, :1] + mean[:, -1:]) / 2  # the level between beats is no part of the beat
    return np.where(n >= 3, np.rint(mean - edge), 0.0).astype(np.int32)


def without_beats(rest: I32, first: int, beats: Beats, wave: I32, following: I64) -> None:
    """Take QRS and T of the beats out of `rest` (rows from `first`, leads), in place.

    wave       (b, QRS_FROM + T_TO, leads): each beat's own template.
    following  (b,) row of the next beat, or a row far away: T ends at T_SHARE of the way to it.
    """
    if not len(beats.row):
        return
    reach = np.arange(-QRS_FROM, T_TO)
    end = np.clip((following - beats.row) * T_SHARE // 100, QRS_TO + 5, T_TO)
    at = beats.row[:, None] - first + reach
    inside = (reach < end[:, None]) & (at >= 0) & (at < len(rest))
    ectopic = is_ectopic(beats.kind)
    which, step = np.nonzero(inside & ~ectopic[:, None])
    rest[at[which, step]] -= wave[which, step]
    which, step = np.nonzero((reach < end[:, None]) & (at >= 0) & (at < len(rest)) & ectopic[:, None])
    rest[at[which, step]] = 0  # its T differs from the others', and so does its baseline: nothing is said here


def powers(rest: I16, count: int) -> F64:
    """(count, leads, len(HZ)) power of `count` whole blocks of `rest` (count * BLOCK, leads), microvolts squared."""
    leads = rest.shape[1]
    clipped = np.clip(rest, -CLIP_UV, CLIP_UV).astype(np.float64)
    table = np.ascontiguousarray(clipped.reshape(count, BLOCK, leads).transpose(0, 2, 1)).reshape(count * leads, BLOCK)
    parts = (table @ TABLES).reshape(count, leads, 2, len(HZ))
    return np.asarray((parts[:, :, 0] ** 2 + parts[:, :, 1] ** 2) / (TABLE_UNIT * BLOCK / 4) ** 2)
