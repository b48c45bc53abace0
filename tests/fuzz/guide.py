"""Fuzzing that is led by coverage: inputs that reach new lines are kept and changed further.

One loop for every surface (`surfaces.py`). What an input may do: end well, or be refused with a code, within a second
of processor time. Coverage is Python's own (`sys.settrace`), the pairs of lines that follow each other in a function,
as AFL counts edges; an input is traced only when it ran quickly without.

Source: M. Zalewski, "American Fuzzy Lop", technical details (edges, queue, stacked changes).
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

from ecg.errors import CodedError

ANSWER_S: Final = 1.0
TRACED_S_MAX: Final = 0.05  # slower inputs are not traced: tracing costs some ten times as much
RSS_GROWTH_MAX: Final = 64 << 20
INPUT_BYTES_MAX: Final = 1 << 18
CHANGES_MAX: Final = 6
NUMBERS: Final = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**64 - 1,
)
WORDS: Final = (
    b"-1", b"0", b"99999999", b"1e308", b"nan", b"inf", b"-0.0", b"\xff\xfe", b"\0", b"%s", b"../", b"]]>", b"&x;",
    b"\\u0000",
    b"2026-13-99", b"\xed\xa0\x80",
)  # fmt: skip


class Surface(NamedTuple):
    """What is attacked.

    seeds     sound inputs to begin with; at least one.
    run       takes one input; returns, or raises a CodedError: anything else is a finding.
    watched   folders or files below the project whose lines count.
    mend      renews checksums after a change, where a reader would stop at them; used half of the time.
    split     an input of several messages as those messages; `join` puts them together. Half of the changes are then
              to their order, or within one of them.
    change    a fault that knows the format; half of the changes then.
    """

    seeds: Sequence[bytes]
    run: Callable[[bytes], object]
    watched: tuple[str, ...]
    mend: Callable[[bytes], bytes] | None = None
    split: Callable[[bytes], list[bytes]] | None = None
    join: Callable[[Sequence[bytes]], bytes] = b"".join
    change: Callable[[random.Random, bytes], bytes] | None = None


class Finding(NamedTuple):
    """An input that did what none may do."""

    what: str
    raw: bytes


@dataclass
class Tally:
    """What a run of the loop met."""

    executions: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by code
    edges: int = 0
    kept: int = 0
    slowest_s: float = 0.0
    grown_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def line(self, name: str) -> str:
        return (
            f"{name}: {self.executions} inputs, {sum(self.refused.values())} refused by {len(self.refused)} codes,"
            f" {self.edges} edges, {self.kept} kept, slowest {self.slowest_s:.2f} s,"
            f" grown {self.grown_bytes / 2**20:.0f} MiB, {len(self.findings)} findings"
        )


def attack(
    surface: Surface, *, seed: int, executions: int | None = None, seconds: float | None = None, findings: int = 10
) -> Tally:
    """Run the loop until so many inputs or seconds have passed, or so much was found."""
    rng, tally = random.Random(seed), Tally()
    corpus = list(surface.seeds)
    edges: set[tuple[int, int, int]] = set()
    for raw in corpus:
        _execute(surface, raw, tally)
        edges |= _traced(surface, raw)
    tally.executions = 0
    before = _rss_bytes()
    ends_at = None if seconds is None else time.monotonic() + seconds
    while len(tally.findings) < findings:
        if executions is not None and tally.executions >= executions:
            break
        if ends_at is not None and time.monotonic() >= ends_at:
            break
        raw = changed(rng, corpus)
        if surface.change is not None and rng.random() < 0.5:
            raw = surface.change(rng, rng.choice(corpus))
        if surface.split is not None and rng.random() < 0.5:
            raw = surface.join(_reordered(rng, surface.split(rng.choice(corpus))))
        if surface.mend is not None and rng.random() < 0.5:
            raw = surface.mend(raw)
        if _execute(surface, raw, tally) > TRACED_S_MAX:
            continue
        reached = _traced(surface, raw)
        if not reached <= edges:
            edges |= reached
            corpus.append(raw)
            tally.kept += 1
    tally.edges = len(edges)
    tally.grown_bytes = max(0, _rss_bytes() - before)
    if tally.grown_bytes > RSS_GROWTH_MAX:
        tally.findings.append(Finding(f"memory grew by {tally.grown_bytes / 2**20:.0f} MiB", b""))
    return tally


def changed(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One of the corpus with one to six faults: bits, numbers, words, cuts, repeats, a piece of another one."""
    out = bytearray(rng.choice(corpus))
    for _ in range(rng.choice((1, 1, 1, rng.randint(1, CHANGES_MAX)))):
        if not out:
            out = bytearray(rng.randbytes(rng.randint(1, 40)))
        # Half of the faults in the first kibibyte: that is where most formats say what they are.
        at = rng.randrange(min(len(out), 1024) if rng.random() < 0.5 else len(out))
        size = min(rng.choice((1, 2, 4, 8, 40, 400)), len(out) - at)
        match rng.randrange(8):
            case 0:
                out[at] = rng.choice((out[at] ^ 1 << rng.randrange(8), rng.randrange(256)))
            case 1:
                width = rng.choice((1, 2, 4, 8))
                number = rng.choice(NUMBERS) + rng.choice((0, 0, 1, -1)) & (1 << 8 * width) - 1
                out[at : at + width] = number.to_bytes(width, rng.choice(("little", "big")))
            case 2:
                word = rng.choice(WORDS)
                out[at : at + rng.choice((0, len(word)))] = word
            case 3:
                del out[at : at + size]
            case 4:
                out[at:at] = out[at : at + size] * rng.choice((1, 1, 2, 50))
            case 5:
                other = rng.choice(corpus)
                if other:
                    start = rng.randrange(len(other))
                    out[at : at + size] = other[start : start + rng.choice((4, 40, 400, len(other)))]
            case 6:
                del out[at + size :]
            case _:
                _change_digits(rng, out, at)
    return bytes(out[:INPUT_BYTES_MAX])


def _reordered(rng: random.Random, messages: list[bytes]) -> list[bytes]:
    """The messages with some left out, repeated, in another order, or changed within."""
    for _ in range(rng.randint(1, CHANGES_MAX)):
        if not messages:
            break
        at, other = rng.randrange(len(messages)), rng.randrange(len(messages))
        match rng.randrange(4):
            case 0:
                del messages[at]
            case 1:
                messages.insert(other, messages[at])
            case 2:
                messages[at], messages[other] = messages[other], messages[at]
            case _:
                messages[at] = changed(rng, [messages[at]])
    return messages


def _change_digits(rng: random.Random, out: bytearray, at: int) -> None:
    """The next run of digits becomes another number."""
    while at < len(out) and not 48 <= out[at] <= 57:
        at += 1
    end = at
    while end < len(out) and 48 <= out[end] <= 57:
        end += 1
    out[at:end] = rng.choice((b"", b"0", b"1", b"-1", b"65536", b"4294967296", b"1e400", b"9" * 30, b"0.0001"))


def _execute(surface: Surface, raw: bytes, tally: Tally) -> float:
    """One input without tracing. Returns its processor time in s."""
    tally.executions += 1
    began, memory = time.process_time(), _peak_bytes()
    try:
        surface.run(raw)
    except CodedError as error:
        tally.refused[error.code] = tally.refused.get(error.code, 0) + 1
        str(error)  # its sentence has to hold whatever it carries
    except Exception as error:
        tally.findings.append(Finding(repr(error)[:300], raw))
    took = time.process_time() - began
    tally.slowest_s = max(tally.slowest_s, took)
    if took > ANSWER_S:
        tally.findings.append(Finding(f"took {took:.1f} s", raw))
    if (grown := _peak_bytes() - memory) > RSS_GROWTH_MAX:
        tally.findings.append(Finding(f"took {grown >> 20} MiB at once", raw))
    return took


PROJECT: Final = Path(__file__).resolve().parents[2]


def _traced(surface: Surface, raw: bytes) -> set[tuple[int, int, int]]:
    """The pairs of lines that the input reached: (function, line before, line)."""
    folders = tuple(str(PROJECT / place) for place in surface.watched)
    reached: set[tuple[int, int, int]] = set()
    wanted: dict[CodeType, bool] = {}

    def enter(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if code not in wanted:
            wanted[code] = code.co_filename.startswith(folders)
        if not wanted[code]:
            return None
        place, before = hash((code.co_filename, code.co_firstlineno)), 0

        def line(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal before
            if event == "line":
                reached.add((place, before, frame.f_lineno))
                before = frame.f_lineno
            return line

        return line

    outer = sys.gettrace()
    sys.settrace(enter)
    try:
        surface.run(raw)
    except Exception:  # judged where it ran without tracing
        pass
    finally:
        sys.settrace(outer)
    return reached


def _peak_bytes() -> int:
    """The most memory this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _rss_bytes() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * resource.getpagesize()
