"""Has every recording analysed once and keeps what was said: `<record>.xl`, `<record>.json`, lead files, in a folder.

The files are those that `xinlian-ecg annotate`, `delineate` and `analyze --json` write, so that any other scorer can be
put to the same folder. Records judged with the same weights share a pool of processes; nothing is scored here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

from tests.bench.judged.folds import Choice, Folds
from tests.bench.judged.material import Job, load

ANNOTATOR = "xl"


@dataclass(frozen=True)
class Answers:
    """The folder of answers, and what it was made with."""

    root: Path
    folds: Folds
    shipped: tuple[str, ...]

    def folder(self, name: str) -> Path:
        return self.root / name

    def json(self, job: Job) -> Mapping[str, object] | None:
        """What `analyze --json` says; None where the recording was refused."""
        path = self.root / job.folder / f"{job.name}.json"
        said: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
        return None if "refused" in said else said


def offers_waves() -> bool:
    """This version of the library marks the waves of every lead."""
    return find_spec("ecg.waves.delineation") is not None


def answer(jobs: Sequence[Job], answers: Answers, workers: int) -> None:
    """Do the jobs whose answers are not in the folder yet."""
    todo = [job for job in jobs if not (answers.root / job.folder / f"{job.name}.json").is_file()]
    for job in todo:
        (answers.root / job.folder).mkdir(parents=True, exist_ok=True)
    groups: dict[Choice, list[Job]] = defaultdict(list)
    for job in todo:
        groups[answers.folds.choice(job.record)].append(job)
    began = time.monotonic()
    done = 0
    for choice, group in groups.items():
        # Spawned, not forked: fold weights may only be chosen before any were read.
        with ProcessPoolExecutor(
            min(workers, len(group)), mp_context=get_context("spawn"), initializer=_begin, initargs=(choice,)
        ) as pool:
            for _ in pool.map(partial(_answer, answers.root), group, chunksize=max(1, min(8, len(group) // workers))):
                done += 1
                if done % 100 == 0 or done == len(todo):
                    print(f"{done} of {len(todo)} recordings, {time.monotonic() - began:.0f} s", file=sys.stderr)


def _begin(choice: Choice) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from ecg.trained import use

    use(dict(choice))


def _answer(root: Path, job: Job) -> None:
    import ecg
    from ecg.annotation import rhythm_marks, wave_marks
    from ecg.formats.annotate import write_annotation

    recording = load(job)
    base = root / job.folder / job.name
    try:
        analysis = ecg.analyze(recording)
    except ecg.EcgError as reason:
        base.with_suffix(".json").write_text(json.dumps({"refused": str(reason)}), encoding="utf-8")
        return
    samples = len(recording.signal_uv)
    marks = rhythm_marks(analysis.beats, analysis.episodes, analysis.quality.unreadable, samples)
    write_annotation(base.with_suffix(f".{ANNOTATOR}"), marks, recording.fs)
    if job.waves and offers_waves():
        from ecg.waves.delineation import delineate

        for lead in delineate(recording, analysis.beats):
            write_annotation(base.with_suffix(f".{lead.lead.lower()}"), wave_marks(lead, samples), recording.fs)
    said = analysis.to_json()
    said.pop("median")  # large, and judged by nothing
    base.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
