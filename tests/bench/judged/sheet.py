"""What the judging of one run adds up to: figures by id, figures by record, tables for the eye."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ecg.score.rates import Cell, aligned
from tests.bench.figure import Figure, Figures
from tests.bench.judged.answers import Answers

SEEN = "trained on these records"  # in the unit of a figure, so that it cannot be quoted without it


@dataclass
class Sheet:
    """figures: as `./run bench` prints them; records: part to record to figure; notes: what could not be judged."""

    answers: Answers
    per_record: bool
    figures: Figures = field(default_factory=dict)
    records: dict[str, dict[str, dict[str, Cell]]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: float | None, unit: str, *, models: Sequence[str], of: Iterable[str]) -> None:
        """One figure; none where there was nothing to measure.

        models, of  the trained parts that stand behind it, and the databases it was measured on: where one of the
                    models saw these very records, the unit says so.
        """
        if value is None:
            return
        seen = {name for base in of for name in self.answers.folds.seen(models, base, self.answers.shipped)}
        mark = f", {SEEN}: {' '.join(sorted(seen))}" if seen else ""
        self.figures[key] = Figure(value=value, unit=unit + mark, peer=None, ratio=None, runs=[value])

    def beside(self, key: str, peer: str, ours: float | None, theirs: float | None) -> None:
        """The peer of a figure: ours to theirs, both measured on the records that the peer was given."""
        if key in self.figures and ours is not None and theirs:
            self.figures[key] = self.figures[key] | Figure(
                value=self.figures[key]["value"],
                unit=self.figures[key]["unit"],
                peer=f"{peer} {theirs:.2f}",
                ratio=ours / theirs,
                runs=self.figures[key]["runs"],
            )

    def record(self, part: str, name: str, said: Mapping[str, Cell]) -> None:
        self.records.setdefault(part, {})[name] = dict(said)

    def table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        print(f"\n{title}\n{aligned(head, rows)}", file=sys.stderr)

    def per_record_table(self, part: str) -> None:
        rows = self.records.get(part, {})
        if self.per_record and rows:
            head = list(next(iter(rows.values())))
            self.table(f"{part}, by record", ["record", *head], [[name, *row.values()] for name, row in rows.items()])

    def missing(self, part: str, why: str) -> None:
        self.notes[part] = why
        print(f"\n{part}: {why}", file=sys.stderr)
