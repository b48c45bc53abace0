"""What the pipeline benchmark runs of ours, one task a process: `python -m tests.bench.ours TASK FOLDER REPEATS`.

Prints JSON. FOLDER holds recordings as npz (fs, leads, signal_uv). The tasks stand in TASKS.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ecg
from ecg.analysis import annotate as beats_and_rhythms
from ecg.annotation import rhythm_marks
from ecg.beats.detector import Detector
from ecg.beats.picker import Picker, place
from ecg.record import I64, STANDARD_LEADS
from ecg.signal.level import HOP, level
from ecg.signal.trace import trace_of
from tests.bench.memory import begin_peak, peak_mb, resident_mb

CHUNK_S, STREAM_S, STREAM_FS = 0.5, 60, 500
STREAMS, STREAM_FED_S = 100, 20
DAY_FS, DAY_LEADS, DAY_BLOCKS = 250, 3, 48
BLOCK_S = 1800
ALIKE_S = 300
WAIT_S = 10.0  # B7: beats are compared from here on


def stored(path: Path) -> ecg.Recording:
    with np.load(path) as arrays:
        leads = tuple(str(lead) for lead in arrays["leads"])
        return ecg.Recording(float(arrays["fs"]), leads, arrays["signal_uv"])


def all_of(folder: Path) -> dict[str, ecg.Recording]:
    return {path.stem: stored(path) for path in sorted(folder.glob("*.npz"))}


def analyze(recording: ecg.Recording) -> None:
    ecg.analyze(recording)


def annotate(recording: ecg.Recording) -> None:
    """What `xinlian-ecg annotate` does between reading and writing."""
    said = beats_and_rhythms(recording)
    rhythm_marks(said.beats, said.episodes, said.quality.unreadable, len(recording.signal_uv))


def qrs(recording: ecg.Recording) -> I64:
    """The QRS stage alone: trace, levelling, net, picking, placing."""
    levelled, there = level(trace_of(recording.signal_uv, recording.fs))
    rows = np.repeat(there, HOP, axis=0)[: len(levelled)]
    picks = Picker().push(Detector(len(recording.leads)).push(levelled, rows, final=True), final=True)
    return place(levelled, np.array([pick.cell for pick in picks], dtype=np.int64), 0)


def timed(run: Callable[[ecg.Recording], object]) -> Callable[[Path, int], dict[str, object]]:
    def task(folder: Path, repeats: int) -> dict[str, object]:
        took, grown = {}, 0.0
        for name, recording in all_of(folder).items():
            before = begin_peak()
            run(recording)
            took[name] = min(_seconds(run, recording) for _ in range(repeats))
            grown = max(grown, peak_mb() - before)
        return {"seconds": took, "grown_mb": grown}

    return task


def _seconds(run: Callable[[ecg.Recording], object], recording: ecg.Recording) -> float:
    began = time.perf_counter()
    run(recording)
    return time.perf_counter() - began


def stream(folder: Path, repeats: int) -> dict[str, object]:
    """B3: a minute of twelve leads through a monitor in chunks; the best repeat."""
    signal = _minute(folder)
    step = round(CHUNK_S * STREAM_FS)
    best: tuple[float, float, float] = (float("inf"), float("inf"), float("inf"))
    for _ in range(repeats):
        monitor = ecg.Monitor(STREAM_FS, STANDARD_LEADS)
        took, computed = [], time.process_time()
        for first in range(0, len(signal), step):
            began = time.perf_counter()
            monitor.feed(signal[first : first + step])
            took.append(time.perf_counter() - began)
        best = min(best, (sum(took), max(took), time.process_time() - computed))
    per_second = 1000 / STREAM_S
    return {"ms_per_second": per_second * best[0], "longest_ms": 1000 * best[1], "cpu_ms": per_second * best[2]}


def _minute(folder: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Twelve leads at 500 Hz for a minute, from the recordings of the folder that are so."""
    fitting = [r.signal_uv for r in all_of(folder).values() if r.fs == STREAM_FS and r.leads == STANDARD_LEADS]
    whole = np.concatenate(fitting)
    return np.ascontiguousarray(np.resize(whole, (STREAM_S * STREAM_FS, len(STANDARD_LEADS))), dtype=np.float32)


def memory(folder: Path, _repeats: int) -> dict[str, object]:
    """B4: MB a stream, a hundred open ones against none; the first was fed before, so that code and weights are in."""
    signal = _minute(folder)
    step = round(CHUNK_S * STREAM_FS)

    def opened() -> ecg.Monitor:
        monitor = ecg.Monitor(STREAM_FS, STANDARD_LEADS)
        for first in range(0, STREAM_FED_S * STREAM_FS, step):
            monitor.feed(signal[first : first + step])
        return monitor

    kept = [opened()]
    before = resident_mb()
    kept += [opened() for _ in range(STREAMS)]
    state_kb = len(kept[-1].state.packed) / 1024
    return {"mb_per_stream": (resident_mb() - before) / STREAMS, "state_kb": state_kb}


def day(folder: Path, _repeats: int) -> dict[str, object]:
    """B6: 24 h of three leads at 250 Hz, made of real half hours, each time a little stronger or weaker."""
    sources = list(all_of(folder).values())
    rows = BLOCK_S * DAY_FS
    signal = np.empty((DAY_BLOCKS * rows, DAY_LEADS), dtype=np.float32)
    for block in range(DAY_BLOCKS):
        source = sources[block % len(sources)]
        at = np.arange(rows) * (source.fs / DAY_FS)
        two = [np.interp(at, np.arange(len(lead)), lead) for lead in source.signal_uv[:, :2].T]
        part = signal[block * rows : (block + 1) * rows]
        part[:, 0], part[:, 1], part[:, 2] = two[0], two[-1], two[0] - two[-1]
        part *= 0.8 + 0.02 * (block % 20)
    recording = ecg.Recording(DAY_FS, ("ch0", "ch1", "ch2"), signal)
    before = begin_peak()
    began = time.perf_counter()
    ecg.analyze(recording)
    return {"seconds": time.perf_counter() - began, "grown_mb": peak_mb() - before}


def same(folder: Path, _repeats: int) -> dict[str, object]:
    """B7: a digest of all that is said of each recording."""
    texts = {name: json.dumps(ecg.analyze(one).to_json(), sort_keys=True) for name, one in all_of(folder).items()}
    return {"digests": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}}


def alike(folder: Path, _repeats: int) -> dict[str, object]:
    """B7: how many beats of the first minutes of each recording a stream cut at random gives too."""
    common, beats = 0, 0
    for whole in all_of(folder).values():
        recording = ecg.Recording(whole.fs, whole.leads, whole.signal_uv[: round(ALIKE_S * whole.fs)])
        monitor, rng = ecg.Monitor(recording.fs, recording.leads), np.random.default_rng(7)
        heard, first = [], 0
        while first < len(recording.signal_uv):
            size = int(rng.integers(1, round(2 * recording.fs)))
            heard += [e.beat for e in monitor.feed(recording.signal_uv[first : first + size]) if e.beat is not None]
            first += size
        heard += [event.beat for event in monitor.finish() if event.beat is not None]
        late = [beat for beat in beats_and_rhythms(recording).beats if beat.sample >= WAIT_S * recording.fs]
        common, beats = common + len(set(late) & set(heard)), beats + len(late)
    return {"alike": common, "beats": beats}


TASKS: dict[str, Callable[[Path, int], dict[str, object]]] = {
    "analyze": timed(analyze),
    "annotate": timed(annotate),
    "qrs": timed(qrs),
    "stream": stream,
    "memory": memory,
    "day": day,
    "same": same,
    "alike": alike,
}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
