"""Peers, run by the Python of `.venv/bench` through the scripts `peer_*.py`; their answers are kept like ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg.annotation import Mark
from ecg.formats.annotate import write_annotation
from tests.bench.judged.material import ARRHYTHMIA, Job, jobs, load

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv/bench/bin/python"
FEWEST_CORES = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Peer:
    """One peer of a function; every: it gets each record, or only every so many unless all are asked for."""

    name: str
    every: int


def are_installed() -> bool:
    return PYTHON.is_file()


def ask(script: str, words: Sequence[str]) -> Mapping[str, object] | None:
    """What a peer's script prints, as JSON; None where it fails, which is said on standard error."""
    if not are_installed():
        return None
    command = [str(PYTHON), str(ROOT / "tests/bench" / script), *words]
    done = subprocess.run(command, env=os.environ | FEWEST_CORES, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word"]
        print(f"{script} {' '.join(words[:1])}: {last[0]}", file=sys.stderr)
        return None
    said: Mapping[str, object] = json.loads(done.stdout)
    return said


def store(folder: Path, jobs: Sequence[Job]) -> None:
    """The samples of the jobs as `<record>.npz` (signal_mv float64, fs), for scripts that know none of our formats."""
    folder.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        path = folder / f"{job.name}.npz"
        if not path.is_file():
            recording = load(job)
            np.savez(path, signal_mv=recording.signal_uv.astype(np.float64) / 1000, fs=recording.fs)


def annotate_with(peer: str, records: Sequence[str], snr_db: float | None, into: Path) -> bool:
    """QRS of the first lead of MIT-BIH records by a peer, as annotation files; whether all of them are there."""
    todo = [name for name in records if not (into / f"{name}.xl").is_file()]
    if todo:
        samples = into.parent / ("samples" if snr_db is None else f"samples-em{snr_db:g}")
        store(samples, [job for job in jobs("", ARRHYTHMIA, leads=("0",), snr_db=snr_db) if job.name in todo])
        said = ask("peer_qrs.py", [peer, *(str(samples / f"{name}.npz") for name in todo)])
        if said is None:
            return False
        into.mkdir(parents=True, exist_ok=True)
        for name, beats in said.items():
            assert isinstance(beats, list)
            write_annotation(into / f"{name}.xl", [Mark(at, "N") for at in sorted(set(beats)) if at >= 0], 360.0)
    return True
