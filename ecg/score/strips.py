"""One label a recording: rhythm classes of short strips, true and false alarms, signal quality, and findings by code.

Tables in (record to label), counts out. A record that the reference has and the test lacks counts against the test in
the way each protocol says; a record that only the test has is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ecg.errors import LabelUnknown
from ecg.record import I64
from ecg.score.rates import Detection, exact_limits, percent

STRIP_CLASSES = "NAO~"  # normal, AF, other rhythm, too noisy
FEWEST_FOR_MEAN = 5  # findings with fewer positives do not enter the mean F1: one record would move it by a tenth
_TRUTH = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class StripCounts:
    """Strips by class. `table` (4, 5) int64: rows the reference, columns the test, NAO~ each; last column: no
    answer.
    """

    table: I64

    def of(self, letter: str) -> Detection:
        """One class against the rest."""
        at = STRIP_CLASSES.index(letter)
        right, there, called = int(self.table[at, at]), int(self.table[at].sum()), int(self.table[:, at].sum())
        every = int(self.table.sum())
        return Detection(tp=right, fn=there - right, fp=called - right, tn=every - there - called + right)

    @property
    def f1(self) -> float:
        """The challenge's measure, 0 to 1: the mean of F1 over N, A and O (noise does not count).

        Source  Clifford et al., Computing in Cardiology 2017;44 (K).
        """
        return sum(self.of(letter).f1 or 0.0 for letter in "NAO") / 300.0

    @property
    def missing(self) -> int:
        return int(self.table[:, -1].sum())

    def to_json(self) -> dict[str, object]:
        return {
            "f1": self.f1,
            "classes": {letter: self.of(letter).to_json() for letter in STRIP_CLASSES},
            "confusion": self.table.tolist(),
            "missing": self.missing,
        }


def compare_strips(reference: Mapping[str, str], test: Mapping[str, str]) -> StripCounts:
    """Labels N, A, O or ~ by record.

    Raises  LabelUnknown: a label is none of these.
    """
    table = np.zeros((len(STRIP_CLASSES), len(STRIP_CLASSES) + 1), dtype=np.int64)
    for record, label in reference.items():
        row = STRIP_CLASSES.index(_known(record, label, STRIP_CLASSES))
        if record in test:
            table[row, STRIP_CLASSES.index(_known(record, test[record], STRIP_CLASSES))] += 1
        else:
            table[row, -1] += 1
    return StripCounts(table)


def compare_two_classes(reference: Mapping[str, bool], test: Mapping[str, bool]) -> Detection:
    """Positive or not, by record; a record without an answer counts as called negative."""
    outcomes = [(truth, test.get(record, False)) for record, truth in reference.items()]
    return Detection(
        tp=outcomes.count((True, True)),
        fn=outcomes.count((True, False)),
        fp=outcomes.count((False, True)),
        tn=outcomes.count((False, False)),
    )


def compare_quality(reference: Mapping[str, str], test: Mapping[str, str], *, positive: str) -> Detection:
    """One label of two against the other, as `acceptable` and `unacceptable` (positive) of the 2011 challenge.

    Raises  LabelUnknown: `positive`, or a label of the test, does not occur in the reference.
    """
    labels = sorted(set(reference.values()))
    _known("(the positive one)", positive, labels)
    answers = {record: _known(record, test[record], labels) for record in reference if record in test}
    return compare_two_classes(
        {record: label == positive for record, label in reference.items()},
        {record: label == positive for record, label in answers.items()},
    )


@dataclass(frozen=True)
class AlarmCounts:
    """Alarms of a bedside monitor. A positive is a true alarm; it is found when it was kept."""

    kept: Detection

    @property
    def score(self) -> float | None:
        """100 (TP + TN) / (TP + TN + FP + 5 FN): a true alarm that is silenced costs five false ones.

        Source  Clifford et al., Computing in Cardiology 2015;42:273-276 (K).
        """
        right = self.kept.tp + (self.kept.tn or 0)
        return percent(right, right + self.kept.fp + 5 * self.kept.fn)

    def to_json(self) -> dict[str, object]:
        return self.kept.to_json() | {"score": self.score}


def compare_alarms(
    truth: Mapping[str, str], kept: Mapping[str, str], kind: Mapping[str, str]
) -> Mapping[str, AlarmCounts]:
    """Alarms by kind (asystole, VT ...), in the order of their names, and under `all` together.

    truth, kept  by record, 1 (true) or 0 (false): is the alarm true; was it kept. An alarm without an answer was kept.
    kind         by record, the name of the alarm.
    Raises       LabelUnknown: a label is neither.
    """
    true = {record: _truth(record, label) for record, label in truth.items()}
    answers = {record: _truth(record, kept[record]) if record in kept else True for record in true}
    counts: dict[str, AlarmCounts] = {}
    for name in sorted({kind[record] for record in true}):
        of_kind = {record: value for record, value in true.items() if kind[record] == name}
        counts[name] = AlarmCounts(compare_two_classes(of_kind, answers))
    counts["all"] = AlarmCounts(compare_two_classes(true, answers))
    return counts


@dataclass(frozen=True)
class FindingCounts:
    """Statements by code. `unasked`: codes that the test gives and the reference never does; they are not scored."""

    codes: Mapping[str, Detection]
    unasked: tuple[str, ...]

    @property
    def mean_f1(self) -> float | None:
        """The mean F1, percent, over codes with at least FEWEST_FOR_MEAN positives."""
        often = [counts.f1 or 0.0 for counts in self.codes.values() if counts.n >= FEWEST_FOR_MEAN]
        return sum(often) / len(often) if often else None

    def to_json(self) -> dict[str, object]:
        codes = {code: counts.to_json() | {"limits": limits(counts)} for code, counts in self.codes.items()}
        return {"codes": codes, "mean_f1": self.mean_f1, "unasked": list(self.unasked)}


def limits(counts: Detection) -> dict[str, tuple[float, float]]:
    """Exact 95 % limits, percent, of sensitivity, specificity and predictivity: with few positives they say more than
    the figure itself."""
    tn = counts.tn or 0
    return {
        "se": exact_limits(counts.tp, counts.tp + counts.fn),
        "sp": exact_limits(tn, tn + counts.fp),
        "ppv": exact_limits(counts.tp, counts.tp + counts.fp),
    }


def compare_findings(reference: Mapping[str, Collection[str]], test: Mapping[str, Collection[str]]) -> FindingCounts:
    """Sets of codes by record; a record without an answer has no finding."""
    codes = sorted({code for given in reference.values() for code in given})
    counts = {
        code: compare_two_classes(
            {record: code in given for record, given in reference.items()},
            {record: code in given for record, given in test.items()},
        )
        for code in codes
    }
    said = {code for record, given in test.items() if record in reference for code in given}
    return FindingCounts(counts, tuple(sorted(said - set(codes))))


def split_codes(text: str) -> frozenset[str]:
    """The codes in one cell of a table, parted by semicolon or comma."""
    return frozenset(code.strip() for code in text.replace(",", ";").split(";") if code.strip())


def _known(record: str, label: str, labels: Iterable[str]) -> str:
    if label not in (known := tuple(labels)):
        raise LabelUnknown(record=record, label=label or "(empty)", known=", ".join(known))
    return label


def _truth(record: str, label: str) -> bool:
    return _TRUTH[_known(record, label.casefold(), _TRUTH)]
