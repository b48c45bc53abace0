"""Which weights judge a record: the shipped ones, or those of the fold that is blind to it.

The convention of the training scripts (training/README.md): `python -m training.NAME --folds DIR` writes
`DIR/NAME<k>.npz` and beside it `NAME<k>.txt`, the records that this model did not see, one `database/record` a line.
A record that stands in no list was never trained on, so the shipped weights are as blind to it as any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# The databases of which development records taught the shipped weights. A row for each file of ecg/trained.
TRAINED_ON: Mapping[str, tuple[str, ...]] = {
    "beats": ("mitdb",),
    "delineation": ("ludb",),
    "fibrillation": ("cudb", "mitdb", "cpsc2021", "ludb", "cinc2015", "cinc2017", "nstdb"),
    "left_ventricle": ("ludb", "cinc2021"),
    "qrs": ("mitdb", "cpsc2021", "ludb", "nstdb"),
    "quality": ("mitdb", "cpsc2021", "cinc2011", "cinc2015", "cinc2017", "cudb", "ludb", "cinc2021"),
    "reversal": ("ludb", "cinc2021"),
    "rhythm": ("mitdb", "cpsc2021", "cinc2017", "ludb", "cinc2021"),
    "screen": ("cinc2017",),
}

Choice = tuple[tuple[str, Path], ...]  # (name of the model, file), sorted: the weights that differ from the shipped


@dataclass(frozen=True)
class Folds:
    """What a folder of fold weights offers.

    blind  model name to record (`mitdb/101`) to the weights that did not see it.
    """

    blind: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Folds:
        blind: dict[str, dict[str, Path]] = {}
        for path in sorted(folder.glob("*.txt")):
            name = re.fullmatch(r"(\w+?)(\d+)", path.stem)
            weights = path.with_suffix(".npz")
            if name is None or not weights.is_file():
                continue
            records = path.read_text(encoding="utf-8").split()
            blind.setdefault(name[1], {}).update(dict.fromkeys(records, weights))
        if not blind:
            raise FileNotFoundError(f"{folder} holds no fold: NAME0.npz and NAME0.txt are missing")
        return cls(blind)

    def choice(self, record: str) -> Choice:
        """The weights to load instead of the shipped ones when `record` is judged."""
        return tuple(sorted((name, files[record]) for name, files in self.blind.items() if record in files))

    def seen(self, models: Iterable[str], database: str, shipped: Iterable[str]) -> tuple[str, ...]:
        """Those of the shipped models, among `models`, that were trained on records of the database and are not
        replaced by fold weights: figures on its development records are then too good."""
        there = set(shipped)
        return tuple(
            name
            for name in models
            if name in there
            and database in TRAINED_ON.get(name, ())
            and not any(record.startswith(f"{database}/") for record in self.blind.get(name, ()))
        )
