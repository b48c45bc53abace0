"""Beat by beat, after ANSI/AAMI EC57 (what PhysioNet's `bxb` does): which beats were found, and under which class.

Arrays in, counts out; no file is read here (`folders.py`). Runs of ectopic beats are scored in `runs.py`.
Times are seconds, not sample indices: the two files that are compared may be at different rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecg.record import I64
from ecg.score.rates import Detection, percent

F64 = npt.NDArray[np.float64]
Span = tuple[float, float]  # seconds; both ends belong to it

CLASSES = "NSVFQ"
# Rows of the counts are the reference, columns the test. O: no beat there. X: no beat there, and that side had declared
# the signal unreadable.
ROWS = COLUMNS = CLASSES + "OX"

# ANSI/AAMI EC57:2012 4.3.2 (K). Escape beats (e, j, n) are N with de Chazal et al., IEEE Trans Biomed Eng
# 2004;51:1196-1206; `bxb` has them as S.
AAMI: Mapping[str, str] = {
    **dict.fromkeys("NLRBejn", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VEr", "V"),
    "F": "F",
    **dict.fromkeys("/fQ?", "Q"),
}
BXB: Mapping[str, str] = {**AAMI, **dict.fromkeys("ejn", "S")}
MAPS = {"aami": AAMI, "bxb": BXB}

LEARNING_S = 300.0  # EC57: the first five minutes are not scored
WINDOW_S = 0.15  # EC57: a beat is found within 150 ms of its place
PACED = frozenset({"102", "104", "107", "217"})  # of MIT-BIH; EC57 leaves them out of beat classes
_ROUNDING_S = 1e-9  # so that exactly 150 ms, which a double may miss, is inside


@dataclass(frozen=True)
class BeatMarks:
    """The beats of one annotation file.

    at_s     (k,) float64, seconds, ascending.
    classes  k letters of N S V F Q.
    vf       stretches marked as ventricular flutter or fibrillation; no beats are counted in them.
    lost     stretches marked as unreadable in both signals.
    """

    at_s: F64
    classes: str
    vf: tuple[Span, ...] = ()
    lost: tuple[Span, ...] = ()


NO_BEATS = BeatMarks(np.empty(0), "")


def beat_marks(
    at_s: F64, symbols: Sequence[str], subtypes: I64, *, length_s: float, letters: Mapping[str, str] = AAMI
) -> BeatMarks:
    """Sorts annotations into beats, stretches of VF and unreadable stretches.

    at_s, symbols, subtypes  (k,) the annotations of one file, ascending in time.
    length_s                 a stretch that is never closed ends here.
    letters                  WFDB symbol to class; other symbols are no beats.
    Source                   `[` and `]` are VF; `~` with both bits 0x30 starts a shutdown, the next `~` without them
                             ends it (WFDB Applications Guide, bxb; K). A subtype of -1 says nothing about single
                             signals.
    """
    times: list[float] = []
    classes: list[str] = []
    vf: list[Span] = []
    lost: list[Span] = []
    vf_from: float | None = None
    lost_from: float | None = None
    for at, symbol, subtype in zip(at_s.tolist(), symbols, subtypes.tolist(), strict=True):
        if symbol == "[":
            vf_from = at
        elif symbol == "]":
            if vf_from is not None:
                vf.append((vf_from, at))
            vf_from = None
        elif symbol == "~":
            both_lost = subtype != -1 and subtype & 0x30 == 0x30
            if both_lost and lost_from is None:
                lost_from = at
            elif not both_lost and lost_from is not None:
                lost.append((lost_from, at))
                lost_from = None
        elif symbol in letters and vf_from is None:
            times.append(at)
            classes.append(letters[symbol])
    if vf_from is not None:
        vf.append((vf_from, length_s))
    if lost_from is not None:
        lost.append((lost_from, length_s))
    return BeatMarks(np.array(times), "".join(classes), tuple(vf), tuple(lost))


@dataclass(frozen=True)
class Pairing:
    """Which marks belong together: `pairs` (reference, test), and what stayed alone on either side (indices)."""

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    extra: tuple[int, ...]


def pair(reference_s: F64, test_s: F64, window_s: float = WINDOW_S) -> Pairing:
    """Pairs two ascending series of times: in order, within the window, unless the next mark is a nearer partner.

    reference_s, test_s  (k,), (m,) float64, seconds.
    Source               EC57 4.3 and `bxb` (K): the earlier of the two next marks looks at its partner; it stays alone
                         when the partner is out of reach or has a nearer mark that has no nearer partner itself.
    """
    end = float("inf")
    reference, test = [*reference_s.tolist(), end, end], [*test_s.tolist(), end, end]
    pairs: list[tuple[int, int]] = []
    missed: list[int] = []
    extra: list[int] = []
    i = j = 0
    while i < len(reference_s) or j < len(test_s):
        test_is_first = test[j] < reference[i]
        gap = abs(reference[i] - test[j])
        # The later of the two may have a nearer mark on the other side, unless that one has a nearer partner in turn.
        # Behind the last mark stands infinity, which is nearer to nothing.
        later, rival, rival_of_rival = (
            (reference[i], test[j + 1], reference[i + 1]) if test_is_first else (test[j], reference[i + 1], test[j + 1])
        )
        taken = abs(later - rival) <= gap and not abs(rival_of_rival - rival) < abs(later - rival)
        if gap <= window_s + _ROUNDING_S and not taken:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif test_is_first:
            extra.append(j)
            j += 1
        else:
            missed.append(i)
            i += 1
    return Pairing(tuple(pairs), tuple(missed), tuple(extra))


@dataclass(frozen=True)
class BeatCounts:
    """Beats of one record, or of many pooled.

    table     (7, 7) int64: rows ROWS (reference), columns COLUMNS (test).
    errors_s  (pairs,) float64: test minus reference of each scored pair.
    """

    table: I64
    errors_s: F64

    def count(self, rows: str, columns: str) -> int:
        """The sum over the given classes of the reference and of the test."""
        block = self.table[np.ix_([ROWS.index(row) for row in rows], [COLUMNS.index(column) for column in columns])]
        return int(block.sum())

    @property
    def qrs(self) -> Detection:
        """Any beat, whatever its class."""
        return Detection(self.count(CLASSES, CLASSES), self.count(CLASSES, "OX"), self.count("OX", CLASSES))

    @property
    def veb(self) -> Detection:
        """Ventricular ectopic beats; F and Q called V are no false positives (EC57 4.3.3.2, K)."""
        return Detection(
            self.count("V", "V"), self.count("V", "NSFQOX"), self.count("NSOX", "V"), self.count("NSFQOX", "NSFQ")
        )

    @property
    def sveb(self) -> Detection:
        """Supraventricular ectopic beats; Q called S is no false positive (EC57 4.3.3.2, K)."""
        return Detection(
            self.count("S", "S"), self.count("S", "NVFQOX"), self.count("NVFOX", "S"), self.count("NVFQOX", "NVFQ")
        )

    @property
    def normal_called_ectopic(self) -> float | None:
        """The share of found N beats that were called S or V, in percent."""
        return percent(self.count("N", "SV"), self.count("N", CLASSES))

    def to_json(self) -> dict[str, object]:
        pairs = {
            row + column.lower(): int(self.table[i, j])
            for i, row in enumerate(ROWS)
            for j, column in enumerate(COLUMNS)
            if self.table[i, j]
        }
        return {
            "counts": pairs,
            "qrs": self.qrs.to_json(),
            "veb": self.veb.to_json(),
            "sveb": self.sveb.to_json(),
            "normal_called_ectopic": self.normal_called_ectopic,
            "jitter_ms": self.jitter_ms(),
        }

    def jitter_ms(self) -> dict[str, float] | None:
        """Mean, sd and 95th percentile (of the absolute value) of where the test puts a beat; None without pairs."""
        if not len(self.errors_s):
            return None
        errors = 1000.0 * self.errors_s
        return {
            "mean": float(errors.mean()),
            "sd": float(errors.std()),
            "p95_abs": float(np.percentile(np.abs(errors), 95)),
        }


def compare_beats(
    reference: BeatMarks,
    test: BeatMarks,
    *,
    start_s: float = LEARNING_S,
    end_s: float = float("inf"),
    window_s: float = WINDOW_S,
) -> BeatCounts:
    """What became of each beat between start_s and end_s (both belong to the scored part).

    A pair is scored when its reference beat lies there. A test beat without a partner is no false detection where the
    reference marks VF.
    Source  EC57 4.2-4.3 (K).
    """
    table = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    found = pair(reference.at_s, test.at_s, window_s)
    errors: list[float] = []
    for i, j in found.pairs:
        if start_s <= reference.at_s[i] <= end_s:
            table[ROWS.index(reference.classes[i]), COLUMNS.index(test.classes[j])] += 1
            errors.append(float(test.at_s[j] - reference.at_s[i]))
    for i in found.missed:
        at = float(reference.at_s[i])
        if start_s <= at <= end_s:
            table[ROWS.index(reference.classes[i]), COLUMNS.index("X" if _inside(at, test.lost) else "O")] += 1
    for j in found.extra:
        at = float(test.at_s[j])
        if start_s <= at <= end_s and not _inside(at, reference.vf):
            table[ROWS.index("X" if _inside(at, reference.lost) else "O"), COLUMNS.index(test.classes[j])] += 1
    return BeatCounts(table, np.array(errors))


def _inside(at_s: float, spans: Iterable[Span]) -> bool:
    return any(first <= at_s <= last for first, last in spans)


def pooled(parts: Iterable[BeatCounts]) -> BeatCounts:
    """The counts of several records together: the `gross` line of EC57."""
    each = list(parts)
    table = np.zeros((len(ROWS), len(COLUMNS)), dtype=np.int64)
    for part in each:
        table += part.table
    return BeatCounts(table, np.concatenate([np.empty(0), *(part.errors_s for part in each)]))
