"""The samples of a recording as few bytes: which steps are taken for it, and how they are told to the reader.

The steps themselves stand in `prediction.py`, their numbers become bytes in `blocks.py`, noise in `flac.py`; the file
around it is `coding.py`'s. Layout:

    how each lead was treated, one byte a lead: bits 0 and 1 how often differences were taken, then the flags of `How`
    the first number of each lead in blocks of which differences were taken, u16, before its differences
    weights of the mixed leads, int8: of each as many as there are leads in blocks before it that no formula gives
    one part (`blocks.py`) if a lead has a table: of each such lead i16 lowest value, u16 how many more; then all gaps
        between values as u16, all low bytes before all high bytes
    the blocks of all leads that are not in FLAC, if there are any
    the FLAC streams, eight leads at most each, each with its length before it, the last without

Which way is taken is chosen on an eighth of the recording, by the information that each leaves; and where FLAC comes
near on the largest leads of that eighth, both are done whole and the shorter one is taken. So noise costs what FLAC
makes of it, and everything else less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from device import blocks, flac
from device import prediction as step
from device.blocks import BLOCK, Parts
from device.errors import ArchiveDamaged
from device.frames import I16

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]

DIFFERENCES: Final = np.uint8(3)  # the bits that count them
TRIED: Final = 8  # ways are compared on this part of a recording,
PIECES_MAX: Final = 8  # in so many pieces,
PIECE_MIN: Final = 40 * BLOCK  # none shorter than this
FLAC_ALWAYS: Final = 3  # leads, or fewer: FLAC is always done whole; of more leads it is tried first,
FLAC_LEADS: Final = 2
FORMULAS_SAVE: Final = 0.75  # of what they save: a margin
NEAR: Final = 1.1  # a piece costs FLAC more of its heads than a whole recording does
COARSE: Final = 0.85  # of the gaps between a lead's values: tables are tried
FINE: Final = 0.2  # fewer: nothing repeats itself but by chance
CODE_BITS: Final = 5  # what the code of a number takes before it is used
MIXED_BITS: Final = 0.1  # a sample; what mixing leads must promise


class How:
    """What was done with a lead besides differences, in this order: flags of its byte."""

    FORMULA: Final = np.uint8(4)  # less what I and II say
    PLACES: Final = np.uint8(8)  # places in a table of the values that occur
    MIXED: Final = np.uint8(16)  # of the differences: less what the leads before it say
    FLAC: Final = np.uint8(32)
    UNKNOWN: Final = np.uint8(192)


@dataclass(frozen=True)
class Way:
    """A recording, or pieces of it, after one choice of steps."""

    how: U8
    first: bytes  # numbers the differences start from
    told: bytes  # weights and tables
    numbers: U16  # (leads in blocks, n), zigzag


def pack(samples: I16, leads: Sequence[str]) -> bytes:
    """(n, leads) int16. The same samples give the same bytes on the same machine."""
    rows = np.array(samples.T, np.int16, order="C").view(np.uint16)  # a copy: formulas work in place
    if not rows.size:
        return bytes(len(rows))
    windows = _windows(len(samples))
    how = _formulas_used(rows, leads, windows)
    measured = np.flatnonzero((how & How.FORMULA) == 0)
    plain = _plain(rows, how, windows)
    way, left = plain, _cut(plain.numbers, windows)[measured]
    unseen = step.unseen(_cut(rows, windows)[measured])
    coarse, fine = measured[unseen > COARSE], unseen.mean() < FINE
    other = _placed(rows, how, coarse, windows) if len(coarse) else _mixed(plain, measured, windows) if fine else None
    if other is not None:
        left_by_other = _cut(other.numbers, windows)[measured]
        if _information(left_by_other) + 8 * len(other.told) / TRIED < _information(left):
            way, left = other, left_by_other
    together = not fine and way is plain
    whole = way.how.tobytes() + way.first + way.told + blocks.pack(blocks.blocks_of(way.numbers), together=together)
    if len(measured) <= FLAC_ALWAYS or _near_flac(rows, measured, left, windows):
        return min(whole, _as_flac(rows, how, windows), key=len)
    return whole


def unpack(raw: bytes, n: int, leads: Sequence[str]) -> I16:
    """(n, leads) int16. Never unpacks more than that takes. Raises ArchiveDamaged."""
    parts = Parts(raw)
    how = np.frombuffer(parts.take(len(leads)), np.uint8)
    if (how & How.UNKNOWN).any():
        raise ArchiveDamaged(reason="a lead was treated in a way that is not known")
    if not n:
        parts.end()
        return np.zeros((0, len(leads)), np.int16)
    rows = np.zeros((len(leads), n), np.uint16)
    in_flac = (how & How.FLAC) > 0
    first = _first_told(parts, how)
    weights = _weights_told(parts, how)
    tables = _tables_told(parts, np.flatnonzero(how & How.PLACES))
    if not in_flac.all():
        rows[~in_flac] = step.unzigzag(blocks.unpack(parts, int((~in_flac).sum()), n))
        _unmix(rows, weights)
        _sum_up(rows, how & DIFFERENCES, first)
        for row, values in tables.items():
            rows[row] = _looked_up(rows[row], values)
    _read_flac(parts, rows, np.flatnonzero(in_flac))
    parts.end()
    for row, value in step.formulas(rows, leads).items():
        if how[row] & How.FORMULA:
            rows[row] += value
    return np.ascontiguousarray(rows.T.view(np.int16))


# ---- the choice ----


def _windows(n: int) -> list[slice]:
    """A part of the recording, spread over it, in pieces of one size."""
    count = min(max(n // (TRIED * PIECE_MIN), 1), PIECES_MAX)
    size = min(max(n // (TRIED * count), PIECE_MIN), n)
    return [slice(start, start + size) for start in (np.arange(1, 2 * count, 2) * (n - size) // (2 * count)).tolist()]


def _cut(rows: U16, windows: Sequence[slice]) -> U16:
    """(leads, pieces, size)."""
    return np.stack([rows[:, window] for window in windows], axis=1)


def _information(some: U16) -> float:
    """Bits if each number costs what it is rare; the lowest bits of large ones as they are."""
    shift = max(int(some.mean()).bit_length() - 3, 0)
    often = np.bincount((some >> shift).ravel())
    often = often[often > 0]
    codes = CODE_BITS * len(often)
    return codes + float(some.size * (np.log2(some.size) + shift) - (often * np.log2(often)).sum())


def _formulas_used(rows: U16, leads: Sequence[str], windows: Sequence[slice]) -> U8:
    """In place, for the leads of which less is left that way."""
    how = np.zeros(len(rows), np.uint8)
    if given := step.formulas(rows, leads):
        places, values = list(given), np.stack(list(given.values()))
        some = _cut(rows, windows)[places]
        own, by_formula = step.magnitudes(some, times=1), step.magnitudes(some - _cut(values, windows), times=1)
        for row, value in zip(np.array(places)[by_formula <= own], values[by_formula <= own], strict=True):
            rows[row] -= value
            how[row] = How.FORMULA
    return how


def _plain(rows: U16, how: U8, windows: Sequence[slice]) -> Way:
    """Of each lead as many differences as leave least."""
    some = _cut(rows, windows)
    times = np.argmin([step.magnitudes(some, times=times) for times in range(3)], axis=0).astype(np.uint8)
    left = step.differences(rows)
    left[times == 0] = rows[times == 0]
    left[times == 2] = step.differences(left[times == 2])
    return Way(how | times, rows[times > 0, 0].astype("<u2").tobytes(), b"", step.zigzag(left))


def _placed(rows: U16, how: U8, coarse: npt.NDArray[np.intp], windows: Sequence[slice]) -> Way | None:
    found = {int(row): each for row in coarse if (each := step.in_places(rows[row])) is not None}
    if not found:
        return None
    placed = rows.copy()
    placed[list(found)] = [places for _, places in found.values()]
    way = _plain(placed, how, windows)
    way.how[list(found)] |= How.PLACES
    return Way(way.how, way.first, _tell_tables([table for table, _ in found.values()]), way.numbers)


def _mixed(plain: Way, measured: npt.NDArray[np.intp], windows: Sequence[slice]) -> Way | None:
    if step.saved_by_mixing(step.unzigzag(_cut(plain.numbers, windows)[measured])) < MIXED_BITS:
        return None
    steps = step.unzigzag(plain.numbers[measured])
    rest, weights = step.mix(steps)
    numbers, how = plain.numbers.copy(), plain.how.copy()
    numbers[measured] = step.zigzag(rest)
    for row, own in zip(measured, weights, strict=True):
        how[row] |= How.MIXED if own is not None else 0
    told = b"".join(own.tobytes() for own in weights if own is not None)
    return Way(how, plain.first, told, numbers)


def _near_flac(rows: U16, measured: npt.NDArray[np.intp], left: U16, windows: Sequence[slice]) -> bool:
    """Whether FLAC by itself may need less. By the leads of which most is `left`.

    FLAC knows no formulas: where they hold, its recursion would have to save as much as they do; else it is tried.
    """
    largest = np.argsort(left.sum(axis=(1, 2), dtype=np.int64), kind="stable")[-FLAC_LEADS:]
    if len(measured) < len(rows):
        one = left[largest[-1:]]
        bits = _information(one) / one.size
        return step.saved_by_recursion(step.unzigzag(one.ravel())) > FORMULAS_SAVE * bits * (
            1 - len(measured) / len(rows)
        )
    in_flac = sum(len(stream) for window in windows for stream in _streams(rows[measured[largest], window]))
    return 8 * in_flac < NEAR * _information(left[largest])


def _as_flac(rows: U16, how: U8, windows: Sequence[slice]) -> bytes:
    """What no formula gives in FLAC, the rest in blocks."""
    by_formula = (how & How.FORMULA) > 0
    rest = _plain(rows[by_formula], how[by_formula], windows)
    treated = np.full(len(rows), How.FLAC)
    treated[by_formula] = rest.how
    *streams, last = _streams(rows[~by_formula])
    raw = [treated.tobytes(), rest.first]
    if by_formula.any():
        raw.append(blocks.pack(blocks.blocks_of(rest.numbers), together=False))
    return b"".join([*raw, *map(blocks.part, streams), last])


def _streams(rows: U16) -> list[bytes]:
    return [flac.pack(np.ascontiguousarray(rows[group].T).view(np.int16)) for group in flac.groups(len(rows))]


# ---- what the reader is told ----


def _tell_tables(tables: Sequence[step.Table]) -> bytes:
    heads = np.array([(table.lowest, len(table.gaps)) for table in tables]).astype("<u2")
    gaps = np.concatenate([table.gaps for table in tables]).astype("<u2")
    planes = gaps.view(np.uint8).reshape(-1, 2).T
    return blocks.squeezed(heads.tobytes() + planes.tobytes())


def _tables_told(parts: Parts, rows: npt.NDArray[np.intp]) -> dict[int, U16]:
    """The values of each lead that has a table."""
    if not len(rows):
        return {}
    raw = parts.unpacked(most=len(rows) * (4 + 2 * 0xFFFF))
    heads = raw[: 4 * len(rows)]
    low_high = raw[4 * len(rows) :].astype(np.int64)
    if len(heads) < 4 * len(rows) or len(low_high) != 2 * int(heads.view("<u2")[1::2].sum(dtype=np.int64)):
        raise ArchiveDamaged(reason="a table of values has another length than it says")
    low, high = low_high.reshape(2, -1)
    tables, at = {}, 0
    for row, (lowest, count) in zip(rows, heads.view("<u2").reshape(-1, 2).tolist(), strict=True):
        tables[int(row)] = step.Table(lowest, (low | high << 8)[at : at + count]).values
        at += count
    return tables


def _first_told(parts: Parts, how: U8) -> dict[int, int]:
    """What differences start from, of each lead of which they were taken."""
    rows = np.flatnonzero(((how & How.FLAC) == 0) & ((how & DIFFERENCES) > 0))
    first = np.frombuffer(parts.take(2 * len(rows)), "<u2")
    return dict(zip(rows.tolist(), first.tolist(), strict=True))


def _weights_told(parts: Parts, how: U8) -> list[tuple[int, step.I8 | None]]:
    """The leads that are mixed with those before them, in order: row and weights."""
    members = np.flatnonzero((how & (How.FORMULA | How.FLAC)) == 0)
    return [
        (int(row), np.frombuffer(parts.take(number), np.int8) if how[row] & How.MIXED else None)
        for number, row in enumerate(members)
    ]


def _unmix(rows: U16, weights: Sequence[tuple[int, step.I8 | None]]) -> None:
    """In place. Only up to the last lead that needs it."""
    last = max((number for number, (_, own) in enumerate(weights) if own is not None), default=-1)
    before = np.empty((last + 1, rows.shape[1]))
    for number, (row, own) in enumerate(weights[: last + 1]):
        if own is not None:
            rows[row] += step.told(own, before[:number])
        before[number] = step.signed(rows[row])


def _sum_up(rows: U16, times: U8, first: Mapping[int, int]) -> None:
    """In place: the way back from differences."""
    for row, number in first.items():
        for _ in range(times[row]):
            np.cumsum(rows[row], dtype=np.uint16, out=rows[row])
        rows[row] += np.uint16(number)


def _looked_up(row: U16, values: U16) -> U16:
    if int(row.max()) >= len(values):
        raise ArchiveDamaged(reason="a value stands outside its table")
    return values[row]


def _read_flac(parts: Parts, rows: U16, measured: npt.NDArray[np.intp]) -> None:
    groups = flac.groups(len(measured))
    for number, group in enumerate(groups):
        raw = parts.part() if number < len(groups) - 1 else parts.rest()
        rows[measured[group]] = flac.unpack(bytes(raw), rows.shape[1], group.stop - group.start).T.view(np.uint16)
