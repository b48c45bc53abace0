"""Huffman codes of SCP-ECG (EN 1064:2005, 5.5 and annex C): section 2, and the bit streams of sections 5 and 6.

Only codes to whole numbers; what the numbers mean (differences, residues, voltages) is `scp.py`'s business.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.errors import FieldWrong, FileBroken
from ecg.formats.document import THE_FILE
from ecg.formats.fields import numbers, u16

DEFAULT = 19999  # instead of a number of tables: the standard's own table, which the file then does not hold
TABLES_MAX = 16
CODE_BITS_MAX = 32
CODE_BYTES = 9
BLOCK_BITS = 1 << 16
_STAY = -(2**20)  # no table has this number: the code is a value, the table stays

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """One table, its codes as intervals of the 32 bits they stand at the front of, in ascending order.

    first, end  the interval of each code, half-open.
    prefix      bits of the code itself.
    extra       bits of the number behind it, added to `base` as a signed one; 0: `base` is the value.
    base        value, or the number of the table to go on with where `switches`.
    """

    first: I64
    end: I64
    prefix: I64
    extra: I64
    base: I64
    switches: npt.NDArray[np.bool_]


def table(codes: list[tuple[int, int, bool, int, int]]) -> Table:
    """Codes as (prefix bits, all bits, whether it switches, base value, code with its first bit lowest).

    Raises FieldWrong: there is none, one is longer than 32 bits, or two cannot be told apart.
    """
    rows = []
    for prefix, total, switches, base, stored in codes:
        if not 1 <= prefix <= CODE_BITS_MAX or not 0 <= total - prefix <= CODE_BITS_MAX:
            raise _wrong(f"{prefix} of {total} bits", "a code has 1 to 32 bits, and so has the number behind it")
        front = int(f"{stored & (1 << prefix) - 1:0{prefix}b}"[::-1], 2) << 32 - prefix
        rows.append((front, front + (1 << 32 - prefix), prefix, total - prefix, base, switches))
    rows.sort()
    if not rows or any(after[0] < before[1] for before, after in itertools.pairwise(rows)):
        raise _wrong(f"{len(rows)} codes", "no code may be the beginning of another")
    first, end, lengths, extra, bases, kinds = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Table(first, end, lengths, extra, bases, kinds.astype(np.bool_))


def default_table() -> Table:
    """0 as one bit, +-1 to +-8 as that many ones, a zero and a sign, then 8 and 16 bit numbers."""
    codes = [(1, 1, False, 0, 0)]
    for size in range(1, 9):
        codes += [(size + 2, size + 2, False, size, (1 << size) - 1)]
        codes += [(size + 2, size + 2, False, -size, (1 << size) - 1 | 1 << size + 1)]
    return table([*codes, (10, 18, False, 0, 0b0111111111), (10, 26, False, 0, 0b1111111111)])


def tables(section: bytes) -> tuple[Table, ...]:
    """The tables of a section 2, without its header. Raises FileTruncated, FieldWrong."""
    count = u16(section, 0, "section 2")
    if count == DEFAULT:
        return (default_table(),)
    if not 1 <= count <= TABLES_MAX:
        raise _wrong(f"{count} tables", f"1 to {TABLES_MAX} are read")
    at, found = 2, []
    for _ in range(count):
        codes = u16(section, at, "section 2")
        rows = numbers(f"<{codes * CODE_BYTES}B", section, at + 2, "a Huffman table of section 2")
        raw = bytes(rows)
        layout = np.dtype([("prefix", "u1"), ("total", "u1"), ("mode", "u1"), ("base", "<i2"), ("code", "<u4")])
        found.append(
            table([(int(p), int(t), m == 0, int(b), int(c)) for p, t, m, b, c in np.frombuffer(raw, layout).tolist()])
        )
        at += 2 + len(raw)
    return tuple(found)


def decode(stream: bytes, count: int, known: tuple[Table, ...]) -> I64:
    """The first `count` numbers of a stream, or as many as it holds, at most 8 a byte. It begins with the first table.

    In blocks: the codes at all bit positions of one are looked up at once; only the walk between them is a loop.
    Raises FileBroken: bits that are no code. FieldWrong: a switch to a table that is not there.
    """
    bits = 8 * len(stream)
    words = _words(stream)
    values: list[I64] = [np.zeros(0, dtype=np.int64)]
    at = number = got = 0
    for block in range(0, bits, BLOCK_BITS):
        block_end = min(block + BLOCK_BITS, bits)
        met: dict[int, _Met] = {}
        places: list[int] = []
        owners: list[int] = []
        while at < block_end and got + len(places) < count:
            if number not in met:
                met[number] = _met(words, block, block_end, known[number])
            behind, to = met[number].behind[at - block], met[number].to[at - block]
            if behind < 0:
                raise FileBroken(path=THE_FILE, reason=f"bit {at} of a Huffman stream begins no code of its table")
            if behind > bits:
                block_end = at = bits
                break
            if to == _STAY:
                places.append(at - block)
                owners.append(number)
            elif not 0 < to <= len(known):
                raise _wrong(f"a switch to table {to}", f"there are {len(known)}")
            else:
                number = to - 1
            at = behind
        got += len(places)
        values.append(_values(words, np.array(places, dtype=np.int64), np.array(owners, dtype=np.int64), met, known))
        if at >= bits or got >= count:
            break
    return np.concatenate(values)


@dataclass(frozen=True)
class _Met:
    """What one table makes of each bit position of a block: the row of its code, where the number behind that begins,
    where the next code stands (-1: no code), which table is then in force."""

    row: I64
    extra_at: I64
    behind: list[int]
    to: list[int]


def _words(stream: bytes) -> npt.NDArray[np.uint64]:
    """The 64 bits that begin at each byte, zeros behind the end."""
    padded = np.frombuffer(stream + bytes(16), dtype=np.uint8)
    words = np.zeros(len(stream) + 8, dtype=np.uint64)
    for byte in range(8):
        words |= padded[byte : byte + len(words)].astype(np.uint64) << np.uint64(56 - 8 * byte)
    return words


def _bits_at(words: npt.NDArray[np.uint64], at: I64, width: I64) -> I64:
    """`width` bits (0 to 32) from each bit position."""
    word = words[at >> 3] << (at & 7).astype(np.uint64)
    shifted = (word >> np.uint64(32)).astype(np.int64)
    bits: I64 = shifted >> (32 - width)
    return bits


def _met(words: npt.NDArray[np.uint64], block: int, block_end: int, of: Table) -> _Met:
    positions = np.arange(block, block_end, dtype=np.int64)
    window = _bits_at(words, positions, np.full(len(positions), 32, dtype=np.int64))
    row = np.clip(np.searchsorted(of.first, window, side="right") - 1, 0, None)
    is_code = (window >= of.first[row]) & (window < of.end[row])
    extra_at = positions + of.prefix[row]
    switches = of.switches[row]
    behind = np.where(is_code, extra_at + np.where(switches, 0, of.extra[row]), -1)
    return _Met(row, extra_at, behind.tolist(), np.where(switches, of.base[row], _STAY).tolist())


def _values(
    words: npt.NDArray[np.uint64], places: I64, owners: I64, met: dict[int, _Met], known: tuple[Table, ...]
) -> I64:
    values = np.zeros(len(places), dtype=np.int64)
    for number, here in met.items():
        mine = owners == number
        rows = here.row[places[mine]]
        extra = known[number].extra[rows]
        behind = _bits_at(words, here.extra_at[places[mine]], extra)
        negative = (extra > 0) & (behind >> np.maximum(extra - 1, 0) == 1)
        values[mine] = known[number].base[rows] + behind - np.where(negative, np.left_shift(1, extra), 0)
    return values


def _wrong(got: str, why: str) -> FieldWrong:
    return FieldWrong(path=THE_FILE, field="Huffman table", got=got, why=why)
