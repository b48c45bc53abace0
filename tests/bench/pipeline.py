"""Part B of the targets: speed and memory of the library beside its peers, in turns, on one core with one BLAS thread.

    ./run bench pipeline [--only B1,B2] [--rounds 3] [--json]

B1   ms to annotate 30 min of two leads in process (beats, classes, rhythms), against neurokit2's QRS on both leads.
     B1.sleepecg: the same against sleepecg's. B1.qrs: our QRS stage alone against neurokit2's.
B2   ms to analyse a 10 s 12-lead recording in a warm process: mean over the recordings, each its best repeat, against
     neurokit2 (clean, R peaks and prominence on twelve leads, quality of one), prominence-delineator and ecgdeli, which
     make no statements. A recording on which a peer gives up counts for neither side.
B3   ms a stream-second of twelve leads at 500 Hz in chunks of 0.5 s, by the clock and of CPU (they differ under load);
     streams a core; the longest chunk.
B4   MB a stream, 100 open ones against none; KB of a state; peak growth of B1 against the peers'.
B5   `import ecg` against `import scipy.signal`, `xinlian-ecg --version` against `import numpy` and `python -c pass`.
B6   24 h of three leads at 250 Hz: time against 48 times B1's scaled by samples (`ratio`; `peer` is our own B1), peak
     growth beyond the samples themselves.
B7   % alike: said twice, in processes of their own; beats of a stream cut at random and of the file; one job and four.
B8   KB of weights.

Each task runs in a process of its own; a round runs ours and the peers once, and ratios are of medians over the rounds.
Recordings of 10 s: what the demo ships, and two synthetic ones. Half hours: of `../shared/data`; without it B1 and B6
are left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

import ecg
import ecg.formats
from ecg.synth import Segment, twelve_lead
from tests.bench.figure import Figure, Figures, Words, WrongWordsError, alone, in_turns

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared/data/mitdb"
PEER_PYTHON = ROOT / ".venv/bench/bin/python"
OWN_COMMAND = ROOT / ".venv/bin/xinlian-ecg"
PARTS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8")
HALF_HOURS = ("101", "208")  # calm, and rich in ectopy
SECONDS, REPEATS, ROUNDS, IMPORT_ROUNDS = 10, 3, 3, 7
DAY_SAMPLES = 24 * 3600 * 250 * 3
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
Said = Mapping[str, object]


def run(words: Sequence[str] = ()) -> Figures:
    parser = Words(prog="./run bench pipeline", add_help=False)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(list(words))
    only = given.only.upper().split(",")
    if unknown := sorted(set(only) - set(PARTS)):
        raise WrongWordsError(f"there is no part {' '.join(unknown)}; the parts are {' '.join(PARTS)}")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # inherited by every process started here
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        short, half_hour = Path(name) / "short", Path(name) / "half-hour"
        store(short, short_recordings())
        long = DATA.is_dir() and store(half_hour, {key: ecg.formats.read_channels(DATA / key) for key in HALF_HOURS})
        if not long:
            print(f"B1 and B6 are left out: no half hours at {DATA}", file=sys.stderr)
        if long and {"B1", "B4", "B6"} & set(only):
            figures |= annotating(half_hour, given.rounds)
        if "B2" in only:
            figures |= analysing(short, given.rounds)
        if "B3" in only:
            figures |= streaming(short, given.rounds)
        if "B4" in only:
            figures |= holding(short)
        if "B5" in only:
            figures |= starting()
        if long and "B6" in only:
            figures |= a_day(half_hour, figures["B1"])
        if "B7" in only:
            figures |= repeating(short, half_hour if long else None, cores)
    if "B8" in only:
        size = sum(path.stat().st_size for path in (ROOT / "ecg/trained").glob("*.npz"))
        figures["B8"] = alone("kB", [size / 1000])
    return {key: figure for key, figure in sorted(figures.items()) if key.partition(".")[0] in only}


def short_recordings() -> dict[str, ecg.Recording]:
    shipped = {path.stem: ecg.read(path.with_suffix("")) for path in sorted((ROOT / "demo/recordings").glob("*.hea"))}
    rng = np.random.default_rng(7)
    drawn = {f"synthetic-{kind}": twelve_lead(rng, [Segment(kind, SECONDS)]).recording for kind in ("sinus", "af")}
    return {name: _first_seconds(recording) for name, recording in (shipped | drawn).items()}


def _first_seconds(recording: ecg.Recording) -> ecg.Recording:
    return ecg.Recording(recording.fs, recording.leads, recording.signal_uv[: round(SECONDS * recording.fs)])


def store(folder: Path, recordings: Mapping[str, ecg.Recording]) -> bool:
    folder.mkdir()
    for key, recording in recordings.items():
        np.savez(folder / key, fs=recording.fs, leads=recording.leads, signal_uv=recording.signal_uv)
    return bool(recordings)


def annotating(folder: Path, rounds: int) -> Figures:
    """B1 with its peers, and the peak growth of each (B4)."""
    tasks = {
        "ours": _ours("annotate", folder),
        "qrs": _ours("qrs", folder),
        "neurokit2": _peer("neurokit2", folder),
        "sleepecg": _peer("sleepecg", folder),
    }
    took, grown = _rounds(tasks, rounds)
    of = {name: [1000 * statistics.fmean(each.values()) for each in seconds] for name, seconds in took.items()}
    return {
        "B1": _against("ms", of, "ours", "neurokit2"),
        "B1.sleepecg": _against("ms", of, "ours", "sleepecg"),
        "B1.qrs": _against("ms", of, "qrs", "neurokit2"),
        "B1.qrs_sleepecg": _against("ms", of, "qrs", "sleepecg"),
        "B4.peak": _against("MB", grown, "ours", "neurokit2"),
        "B4.peak_sleepecg": _against("MB", grown, "ours", "sleepecg"),
    }


def analysing(folder: Path, rounds: int) -> Figures:
    """B2: each peer on the recordings that it can read."""
    peers = ("nk_prominence", "prominence", "ecgdeli")
    tasks = {"ours": _ours("analyze", folder)} | {name: _peer(name, folder) for name in peers}
    took, _ = _rounds(tasks, rounds)
    figures: Figures = {}
    for name in peers:
        can = set.intersection(*(set(each) for each in took[name])) if took.get(name) else set()
        if can:
            print(f"B2: {name} on {len(can)} of {len(took['ours'][0])} recordings", file=sys.stderr)
            of = {
                who: [1000 * statistics.fmean(each[key] for key in can) for each in took[who]] for who in ("ours", name)
            }
            figures[f"B2.{name}"] = _against("ms", of, "ours", name)
    if figures:
        figures["B2"] = max(figures.values(), key=lambda figure: figure["ratio"] or 0.0)  # the fastest peer decides
    return figures


def streaming(folder: Path, rounds: int) -> Figures:
    said = [_child(_ours("stream", folder)) for _ in range(rounds)]
    per_second = [_number(each, "ms_per_second") for each in said]
    return {
        "B3": alone("ms a stream-second", per_second),
        "B3.streams": alone("streams a core", [1000 / value for value in per_second]),
        "B3.cpu": alone("ms of CPU a stream-second", [_number(each, "cpu_ms") for each in said]),
        "B3.longest": alone("ms a chunk of 0.5 s", [_number(each, "longest_ms") for each in said]),
    }


def holding(folder: Path) -> Figures:
    said = _child(_ours("memory", folder))
    return {
        "B4": alone("MB a stream", [_number(said, "mb_per_stream")]),
        "B4.state": alone("KB a state", [_number(said, "state_kb")]),
    }


def starting() -> Figures:
    version = [str(OWN_COMMAND), "--version"]
    pairs: dict[str, tuple[Callable[[], float], str, Callable[[], float]]] = {
        "B5.import": (_timing("import ecg"), "import scipy.signal", _timing("import scipy.signal")),
        "B5.version": (lambda: _wall_ms(version), "import numpy", _timing("import numpy")),
        "B5.version_pass": (lambda: _wall_ms(version), "python -c pass", _timing("pass")),
    }
    return {key: in_turns("ms", ours, name, peer, rounds=IMPORT_ROUNDS) for key, (ours, name, peer) in pairs.items()}


def a_day(folder: Path, half_hour: Figure) -> Figures:
    said = _child(_ours("day", folder))
    seconds = _number(said, "seconds")
    samples = statistics.fmean(ecg.formats.read_channels(DATA / key).signal_uv.size for key in HALF_HOURS)
    expected = half_hour["value"] / 1000 * DAY_SAMPLES / samples
    time_taken = alone("s", [seconds]) | Figure(
        value=seconds, unit="s", peer="our B1 scaled by samples", ratio=seconds / expected, runs=[seconds]
    )
    return {
        "B6": time_taken,
        "B6.realtime": alone("x real time", [86400 / seconds]),
        "B6.peak": alone("MB beyond the samples", [_number(said, "grown_mb")]),
    }


def repeating(folder: Path, half_hour: Path | None, cores: set[int]) -> Figures:
    once, twice = _child(_ours("same", folder)), _child(_ours("same", folder))
    one, other = once["digests"], twice["digests"]
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    same = sum(one[key] == other.get(key) for key in one)
    figures = {"B7.twice": alone(f"% of {len(one)} recordings", [100 * same / len(one)])}
    if half_hour is not None:
        said = _child(_ours("alike", half_hour))
        beats = _number(said, "beats")
        figures["B7.stream"] = alone(f"% of {beats:.0f} beats after 10 s", [100 * _number(said, "alike") / beats])
    records = [str(path.with_suffix("")) for path in sorted((ROOT / "demo/recordings").glob("*.hea"))]
    os.sched_setaffinity(0, cores)
    lines = []
    for jobs in ("1", "4"):
        command = [sys.executable, "-m", "ecg.cli", "analyze", "--json", "-j", jobs, *records]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        lines.append(done.stdout.splitlines())
    alike = sum(a == b for a, b in zip(*lines, strict=True))
    figures["B7.cores"] = alone(f"% of {len(lines[0])} recordings", [100 * alike / max(1, len(lines[0]))])
    return figures


def _ours(task: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.bench.ours", task, str(folder), str(REPEATS)]


def _peer(task: str, folder: Path) -> list[str]:
    return [str(PEER_PYTHON), str(ROOT / "tests/bench/peer_speed.py"), task, str(folder), str(REPEATS)]


def _rounds(
    tasks: Mapping[str, list[str]], rounds: int
) -> tuple[dict[str, list[dict[str, float]]], dict[str, list[float]]]:
    """Every task once a round; a task that fails is left out. Seconds by recording, and MB of peak growth."""
    took: dict[str, list[dict[str, float]]] = {}
    grown: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, command in tasks.items():
            said = _child(command)
            seconds = said.get("seconds")
            if isinstance(seconds, dict) and seconds:
                took.setdefault(name, []).append(seconds)
                grown.setdefault(name, []).append(_number(said, "grown_mb"))
    return took, grown


def _against(unit: str, of: Mapping[str, list[float]], ours: str, peer: str) -> Figure:
    """Medians of both; the peer's absolute value stands with its name."""
    value = statistics.median(of[ours])
    if peer not in of:
        return alone(unit, of[ours])
    theirs = statistics.median(of[peer])
    return Figure(
        value=value, unit=unit, peer=f"{peer} {theirs:.4g}", ratio=value / theirs if theirs else None, runs=of[ours]
    )


def _number(said: Said, key: str) -> float:
    value = said[key]
    assert isinstance(value, int | float)
    return float(value)


def _child(command: list[str]) -> Said:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        print(f"failed: {' '.join(command[-3:])}", file=sys.stderr)
        return {}
    said: Said = json.loads(done.stdout.splitlines()[-1])  # ecgdeli talks before
    return said


def _timing(code: str) -> Callable[[], float]:
    return lambda: _wall_ms([sys.executable, "-c", code])


def _wall_ms(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - began)
