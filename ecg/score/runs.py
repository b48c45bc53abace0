"""Run by run, after ANSI/AAMI EC57 (what PhysioNet's `rxr` does): couplets, short runs and long runs of ectopic beats.

A run is a row of ectopic beats that no other beat breaks. Sensitivity walks through the runs of the reference and asks
for the longest run of the test at that place; positive predictivity walks through the runs of the test and asks the
reference. Single beats are `beats.py`'s business, rhythms as durations `episodes.py`'s.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecg.record import I64
from ecg.score.beats import AAMI, F64, LEARNING_S, WINDOW_S, Span
from ecg.score.rates import percent

Kind = Literal["veb", "sveb"]
LONGEST = 6  # runs are not told apart beyond six beats; fibrillation counts as that long
_ROUNDING_S = 1e-9  # as in beats: exactly 150 ms is inside
_BEATS = {"veb": "VF", "sveb": "S"}  # a fusion beat prolongs a ventricular run
# How the fibrillation of a kind begins, and what ends it: its own mark, the other fibrillation, a lost signal.
_FIBRILLATION = {"veb": ("[", "]{U"), "sveb": ("{", "}[U")}


@dataclass(frozen=True)
class Events:
    """One annotation file as runs see it.

    at_s     (k,) seconds, ascending.
    letters  k letters: beats N S V F Q; `[` `]` VF begins, ends; `{` `}` AF begins, ends; U the signal becomes
             unreadable.
    end_s    the end of the record: a fibrillation that is never closed lasts until then.
    """

    at_s: F64
    letters: str
    end_s: float


NO_EVENTS = Events(np.empty(0), "", 0.0)


def run_events(
    at_s: F64,
    symbols: Sequence[str],
    subtypes: I64,
    aux: Sequence[str],
    *,
    length_s: float,
    letters: Mapping[str, str] = AAMI,
) -> Events:
    """The events of one annotation file that begin, prolong or end runs.

    at_s, symbols, subtypes, aux  (k,) the annotations, ascending in time.
    letters                       WFDB symbol to class; `rxr` itself is `beats.BXB`.
    Source                        `rxr`: within AF an N is supraventricular; a note `(AF...` begins AF, `(VF...` begins
                                  VF, any other note ends them.
    """
    times: list[float] = []
    said: list[str] = []
    now: Literal["", "af", "vf"] = ""
    lost = False
    for at, symbol, subtype, note in zip(at_s.tolist(), symbols, subtypes.tolist(), aux, strict=True):
        event = ""
        if symbol == "[" or (symbol == "+" and note.startswith("(VF")):
            event, now = ("[" if now != "vf" else ""), "vf"
        elif symbol == "]":
            event, now = ("]", "") if now == "vf" else ("", now)
        elif symbol == "+" and note.startswith("(AF"):
            event, now = ("{" if now != "af" else ""), "af"
        elif symbol == "+":
            event, now = {"af": "}", "vf": "]", "": ""}[now], ""
        elif symbol == "~":
            both_lost = subtype != -1 and subtype & 0x30 == 0x30
            event, lost = ("U" if both_lost and not lost else ""), both_lost
        elif symbol in letters:
            event = letters[symbol]
            event = "S" if event == "N" and now == "af" else event
        if event:
            times.append(at)
            said.append(event)
    return Events(np.array(times), "".join(said), length_s)


@dataclass(frozen=True)
class Run:
    """A row of ectopic beats: from its first to its last beat, and how many, at most LONGEST."""

    first_s: float
    last_s: float
    beats: int


def runs_of(events: Events, kind: Kind, *, start_s: float = LEARNING_S, end_s: float = float("inf")) -> tuple[Run, ...]:
    """The runs of one kind between start_s and end_s, single beats among them.

    A fibrillation that began before start_s begins there. Two departures from `rxr`: a run at the end of the record
    counts, though no beat ends it (`rxr` would lose a VF that lasts until the recording stops), and ectopic beats that
    pass into fibrillation are one run of LONGEST (`rxr` keeps the count of the beats).
    """
    begins, ends = _FIBRILLATION[kind]
    runs: list[Run] = []
    run: Run | None = None
    fibrillating = False
    for at, letter in zip(events.at_s.tolist(), events.letters, strict=True):
        if at > end_s:
            break
        if at < start_s:
            fibrillating = letter == begins or (fibrillating and letter not in ends)
            run = Run(start_s, start_s, LONGEST) if fibrillating else None
        elif letter == begins:
            run, fibrillating = Run(run.first_s if run else at, at, LONGEST), True
        elif letter in _BEATS[kind]:
            run = Run(run.first_s, at, min(run.beats + 1, LONGEST)) if run else Run(at, at, 1)
        elif letter in ends and fibrillating and run:
            run, fibrillating = Run(run.first_s, at, LONGEST), False
        if run and at >= start_s and letter in "NSVFQU" and letter not in _BEATS[kind]:
            runs.append(Run(run.first_s, at, LONGEST) if fibrillating else run)
            run, fibrillating = None, False
    if run and fibrillating:
        run = Run(run.first_s, min(end_s, events.end_s), LONGEST)
    return (*runs, run) if run else tuple(runs)


def longest_run(events: Events, kind: Kind, first_s: float, last_s: float) -> int:
    """How many ectopic beats follow each other in [first_s, last_s], at most; LONGEST where a fibrillation reaches
    in.
    """
    if any(a <= last_s and b > first_s for a, b in _fibrillation(events, kind)):
        return LONGEST
    times = events.at_s
    longest = now = 0
    for letter in events.letters[bisect_left(times, first_s) : bisect_right(times, last_s)]:
        if letter in _BEATS[kind]:
            now += 1
            longest = max(longest, now)
        elif letter in "NSVFQU":
            now = 0
    return min(longest, LONGEST)


def _fibrillation(events: Events, kind: Kind) -> tuple[Span, ...]:
    """Where VF (veb) or AF (sveb) holds."""
    begins, ends = _FIBRILLATION[kind]
    if begins not in events.letters:  # nearly every record: worth not looking at each beat for each run
        return ()
    spans: list[Span] = []
    since: float | None = None
    for at, letter in zip(events.at_s.tolist(), events.letters, strict=True):
        if letter == begins and since is None:
            since = at
        elif letter in ends and since is not None:
            spans.append((since, at))
            since = None
    return (*spans, (since, events.end_s)) if since is not None else tuple(spans)


@dataclass(frozen=True)
class RunRate:
    """One length class. `met` of `there` reference runs were found, `right` of `called` test runs are true."""

    met: int
    there: int
    right: int
    called: int

    @property
    def se(self) -> float | None:
        return percent(self.met, self.there)

    @property
    def ppv(self) -> float | None:
        return percent(self.right, self.called)

    def to_json(self) -> dict[str, object]:
        counts = {"met": self.met, "there": self.there, "right": self.right, "called": self.called}
        return counts | {"se": self.se, "ppv": self.ppv}


@dataclass(frozen=True)
class RunCounts:
    """Runs of one kind, of one record or many.

    by_reference  (7, 7) int64: for each run of the reference (row: its beats) the longest run of the test there
                  (column).
    by_test       (7, 7) int64: for each run of the test (column) the longest run of the reference there (row).
    """

    by_reference: I64
    by_test: I64

    def rate(self, shortest: int, longest: int) -> RunRate:
        """Runs of `shortest` to `longest` beats; the other side has them when it has a run of at least `shortest`."""
        runs = slice(shortest, longest + 1)
        return RunRate(
            met=int(self.by_reference[runs, shortest:].sum()),
            there=int(self.by_reference[runs, :].sum()),
            right=int(self.by_test[shortest:, runs].sum()),
            called=int(self.by_test[:, runs].sum()),
        )

    @property
    def couplets(self) -> RunRate:
        return self.rate(2, 2)

    @property
    def short_runs(self) -> RunRate:
        """Three to five beats."""
        return self.rate(3, 5)

    @property
    def long_runs(self) -> RunRate:
        """Six beats and more, and fibrillation."""
        return self.rate(LONGEST, LONGEST)

    @property
    def tachycardia(self) -> RunRate:
        """Three beats and more: what is called VT, or a supraventricular run, whatever its length. Not in the
        standard.
        """
        return self.rate(3, LONGEST)

    def to_json(self) -> dict[str, object]:
        return {
            "couplets": self.couplets.to_json(),
            "short_runs": self.short_runs.to_json(),
            "long_runs": self.long_runs.to_json(),
            "tachycardia": self.tachycardia.to_json(),
            "by_reference": self.by_reference.tolist(),
            "by_test": self.by_test.tolist(),
        }


def compare_runs(
    reference: Events,
    test: Events,
    kind: Kind,
    *,
    start_s: float = LEARNING_S,
    end_s: float = float("inf"),
    window_s: float = WINDOW_S,
) -> RunCounts:
    """Each run against the longest run of the other side, from 150 ms before its first beat to 150 ms after its last.

    Source  EC57 4.4 (K), in the reading of PhysioNet's `rxr`. Each place is looked up afresh, where `rxr` reads forward
            only. Compared once with `rxr`'s steps written out in Python, on the development half of MIT-BIH with
            labels damaged at random: all 5,337 ventricular runs alike in every cell; of 1,673 supraventricular ones 7
            differ, each at the end of a record or in an AF that began before the scored part.
    """
    by_reference = np.zeros((LONGEST + 1, LONGEST + 1), dtype=np.int64)
    by_test = np.zeros((LONGEST + 1, LONGEST + 1), dtype=np.int64)
    reach = window_s + _ROUNDING_S
    for run in runs_of(reference, kind, start_s=start_s, end_s=end_s):
        by_reference[run.beats, longest_run(test, kind, run.first_s - reach, run.last_s + reach)] += 1
    for run in runs_of(test, kind, start_s=start_s, end_s=end_s):
        by_test[longest_run(reference, kind, run.first_s - reach, run.last_s + reach), run.beats] += 1
    return RunCounts(by_reference, by_test)


def pooled(parts: Iterable[RunCounts]) -> RunCounts:
    """The runs of several records together."""
    each = list(parts)
    nothing = np.zeros((LONGEST + 1, LONGEST + 1), dtype=np.int64)
    return RunCounts(
        sum((part.by_reference for part in each), start=nothing), sum((part.by_test for part in each), start=nothing)
    )
