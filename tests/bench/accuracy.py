"""Part A of the targets on the development records of `../shared/data`: our own scorer, figures overall and by record.

    ./run bench accuracy [--only A1,A4] [--per-record] [--folds DIR] [--noise-from 0.6] [--peers some|all|none]
                         [--keep DIR] [--jobs N] [--first N] [--write-docs] [--json]

--folds       weights of cross-validation (training/README.md): each record is judged by models that did not see it.
              Without them, a figure to which a trained part contributed that saw these records says so in its unit.
--noise-from  leave out this first share of the noise record: what the models of the folds heard in training.
--peers       some (default): slow peers get every fourth or fifth record, and we are compared on the same ones.
--keep        the answers stay in DIR, and those that lie there are taken as they are: empty it after a change of code.
--jobs        processes; default: one a core.
--first       no more than N records of each database: a quick look, not a result.
--write-docs  keeps the figures in docs/reference/accuracy.json, from which `./run regen` makes the tables of the page.

The scores of parts that this version of the library does not offer are left out, and said so on standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.bench.figure import Figure, Figures
from tests.bench.judged import beats, rhythm, statements, waves
from tests.bench.judged.answers import Answers, answer
from tests.bench.judged.folds import Folds
from tests.bench.judged.material import DATA, Job, noise_from, only_first
from tests.bench.judged.peers import are_installed
from tests.bench.judged.sheet import Sheet
from tests.bench.judged.targets import MUSTS, is_reached

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs/reference/accuracy.json"


@dataclass(frozen=True)
class Part:
    """One part of the targets: what must be analysed for it, and who judges the answers."""

    jobs: Callable[[], list[Job]]
    judge: Callable[[Sheet, str], None]


PARTS = {
    "A1": Part(beats.clean_jobs, beats.clean),
    "A2": Part(beats.noisy_jobs, beats.in_noise),
    "A3": Part(beats.class_jobs, beats.classes),
    "A4": Part(rhythm.episode_jobs, rhythm.atrial_fibrillation),
    "A5": Part(rhythm.strip_jobs, rhythm.strips),
    "A6": Part(rhythm.vf_jobs, rhythm.fibrillation),
    "A7": Part(waves.wave_jobs, waves.delineation),
    "A8": Part(waves.wave_jobs, waves.intervals),
    "A9": Part(statements.twelve_jobs, statements.findings),
    "A10": Part(statements.quality_jobs, statements.quality),
    "A11": Part(rhythm.alarm_jobs, rhythm.alarms),
    "A12": Part(statements.exchange_jobs, statements.exchanged),
    "A13": Part(beats.paced_jobs, beats.paced),
}


class Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def run(words: Sequence[str] = ()) -> Figures:
    parser = Words(prog="./run bench accuracy", add_help=False)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--per-record", action="store_true")
    parser.add_argument("--folds", type=Path)
    parser.add_argument("--peers", choices=("some", "all", "none"), default="some")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--first", type=int)
    parser.add_argument("--noise-from", type=float, default=0.0)
    parser.add_argument("--write-docs", action="store_true")
    given = parser.parse_args(list(words))
    only = [part.strip().upper() for part in given.only.split(",") if part.strip()]
    if unknown := [part for part in only if part not in PARTS]:
        raise ValueError(f"there is no part {' '.join(unknown)}; the parts are {' '.join(PARTS)}")
    if not DATA.is_dir():
        raise ValueError(f"the development records are not at {DATA}")
    if given.first is not None:
        only_first(given.first)
    noise_from(given.noise_from)
    peers = given.peers if are_installed() else "none"
    folds = Folds.of(given.folds) if given.folds else Folds()
    shipped = tuple(sorted(path.stem for path in (ROOT / "ecg/trained").glob("*.npz")))
    with tempfile.TemporaryDirectory() as passing:
        answers = Answers((given.keep or Path(passing)).resolve(), folds, shipped)
        answer(_merged(job for part in only for job in PARTS[part].jobs()), answers, given.jobs)
        sheet = Sheet(answers, given.per_record)
        for part in only:
            PARTS[part].judge(sheet, peers)
    if given.write_docs:
        _keep(sheet, only)
    missed = [key for key, figure in sheet.figures.items() if is_reached(key, figure["value"]) is False]
    print(f"\nbelow the musts of the targets: {', '.join(missed) or 'none'}", file=sys.stderr)
    return sheet.figures


def _merged(jobs: Iterable[Job]) -> list[Job]:
    """Each recording once, with the marks of its waves where any part asks for them."""
    found: dict[tuple[str, str], Job] = {}
    for job in jobs:
        key = (job.folder, job.record)
        if key not in found or job.waves:
            found[key] = job
    return list(found.values())


def _keep(sheet: Sheet, only: Sequence[str]) -> None:
    """The measured parts replace their old figures in the file that the reference page is made of."""
    old = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}

    def others(kind: str) -> dict[str, object]:
        return {key: value for key, value in old.get(kind, {}).items() if _part(key) not in only}

    blind = sorted(sheet.answers.folds.blind)
    kept = {
        "figures": others("figures") | {key: _with_must(key, figure) for key, figure in sheet.figures.items()},
        "records": others("records") | sheet.records,
        "notes": others("notes") | sheet.notes,
        "folds": others("folds") | dict.fromkeys(only, blind),
    }
    text = json.dumps(_rounded(kept), ensure_ascii=False, indent=1, sort_keys=True)
    KEPT.write_text(text + "\n", encoding="utf-8")
    print(f"{KEPT.relative_to(ROOT)} written; ./run regen makes the page", file=sys.stderr)


def _with_must(key: str, figure: Figure) -> dict[str, object]:
    asked = MUSTS.get(key)
    must = None if asked is None else f"{asked[0].replace('abs<=', 'within +-')} {asked[1]:g}"
    return {**figure, "must": must, "reached": is_reached(key, figure["value"])}


def _part(key: str) -> str:
    """The part an entry belongs to: `A9, called normal`, `A1.one_lead.f1 peers` -> A9, A1."""
    return key.replace(",", ".").replace(" ", ".").partition(".")[0]


def _rounded(value: object) -> object:
    """Four significant digits and more: enough for a page, and small differences make no noise in the history."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
