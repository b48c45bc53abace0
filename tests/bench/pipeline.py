"""Speed of the library (targets B2 and B5): a 10 s 12-lead analysis in a warm process, and what an import costs.

B2          ms a recording: `ecg.analyze` end to end, mean over the recordings, each the best of some repeats. The peer
            is neurokit2: clean, R peaks and delineate (prominence) on twelve leads and the quality of one, the fastest
            chain a user can install, though it makes no statements. Both get the same samples and one core; each round
            starts a new process.
B5.import   ms of `import ecg` against `import scipy.signal`.
B5.version  ms of `xinlian-ecg --version` against `import numpy`.

Recordings: what the demo ships, and two synthetic ones. One on which the peer gives up counts for neither side.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ecg
from ecg.synth import Segment, twelve_lead
from tests.bench.figure import Figures, in_turns

ROOT = Path(__file__).resolve().parents[2]
PEER_PYTHON = ROOT / ".venv/bench/bin/python"
SECONDS = 10
REPEATS = 3
ROUNDS = 3
IMPORT_ROUNDS = 7
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def recordings() -> dict[str, ecg.Recording]:
    shipped = {path.stem: ecg.read(path.with_suffix("")) for path in sorted((ROOT / "demo/recordings").glob("*.hea"))}
    rng = np.random.default_rng(7)
    drawn = {f"synthetic-{kind}": twelve_lead(rng, [Segment(kind, SECONDS)]).recording for kind in ("sinus", "af")}
    return {name: _first_seconds(recording) for name, recording in (shipped | drawn).items()}


def _first_seconds(recording: ecg.Recording) -> ecg.Recording:
    return ecg.Recording(recording.fs, recording.leads, recording.signal_uv[: round(SECONDS * recording.fs)])


def analyse_all(folder: Path) -> dict[str, float]:
    """Seconds of the best repeat by recording; what the child process `ours` does."""
    took = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            leads = tuple(str(lead) for lead in stored["leads"])
            recording = ecg.Recording(float(stored["fs"]), leads, stored["signal_uv"])
        ecg.analyze(recording)
        took[path.stem] = min(_seconds(recording) for _ in range(REPEATS))
    return took


def _seconds(recording: ecg.Recording) -> float:
    began = time.perf_counter()
    ecg.analyze(recording)
    return time.perf_counter() - began


def run() -> Figures:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # inherited by every process started here
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, recording in recordings().items():
            np.savez(folder / key, fs=recording.fs, leads=recording.leads, signal_uv=recording.signal_uv)
        ours = [sys.executable, "-m", "tests.bench.pipeline", name]
        peer = [str(PEER_PYTHON), str(ROOT / "tests/bench/peer_neurokit.py"), name, str(REPEATS)]
        can = set(_child(peer))
        print(f"B2: {len(can)} recordings; the peer gives up on: {_others(folder, can)}", file=sys.stderr)

        def mean_ms(command: list[str]) -> float:
            return 1000 * statistics.fmean(took for key, took in _child(command).items() if key in can)

        b2 = in_turns("ms", lambda: mean_ms(ours), "neurokit2 prominence", lambda: mean_ms(peer), rounds=ROUNDS)
    version = [str(ROOT / ".venv/bin/xinlian-ecg"), "--version"]
    return {
        "B2": b2,
        "B5.import": in_turns(
            "ms", _timing("ecg"), "import scipy.signal", _timing("scipy.signal"), rounds=IMPORT_ROUNDS
        ),
        "B5.version": in_turns("ms", lambda: _wall_ms(version), "import numpy", _timing("numpy"), rounds=IMPORT_ROUNDS),
    }


def _others(folder: Path, can: set[str]) -> str:
    return ", ".join(sorted({path.stem for path in folder.glob("*.npz")} - can)) or "none"


def _child(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, text=True, check=True)
    took: dict[str, float] = json.loads(done.stdout)
    return took


def _timing(module: str) -> Callable[[], float]:
    return lambda: _wall_ms([sys.executable, "-c", f"import {module}"])


def _wall_ms(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    print(json.dumps(analyse_all(Path(sys.argv[1]))))
