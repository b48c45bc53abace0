"""The peers of the pipeline benchmark, run by the Python of .venv/bench on every recording of a folder.

Use: peer_speed.py TASK FOLDER REPEATS. Prints {"seconds": {recording: seconds of its best repeat}, "grown_mb": growth
of the peak memory} as JSON; a recording that the peer refuses is left out. Tasks: QRS on every lead (neurokit2,
sleepecg, fastnvg), or clean, QRS and waves of twelve leads (nk_prominence, prominence, ecgdeli).
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.append(str(Path(__file__).resolve().parents[2]))  # at the end: nothing of ours may shadow what a peer needs

from tests.bench.memory import begin_peak, peak_mb

Run = Callable[[npt.NDArray[np.float64], int], object]


def task(name: str) -> Run:
    if name == "sleepecg":
        import sleepecg

        return lambda x, fs: [sleepecg.detect_heartbeats(lead, fs) for lead in x.T]
    if name == "fastnvg":
        from vg_beat_detectors import FastNVG

        return lambda x, fs: [FastNVG(sampling_frequency=fs).find_peaks(lead) for lead in x.T]
    if name == "ecgdeli":
        import ecgdeli

        return lambda x, fs: ecgdeli.annotate(ecgdeli.filter_ecg(x, fs=fs), fs=fs)
    if name == "prominence":
        from prominence_delineator import ProminenceDelineator

        def prominence(x: npt.NDArray[np.float64], fs: int) -> object:
            delineator = ProminenceDelineator(sampling_frequency=fs)
            clean = [delineator.clean_ecg(lead) for lead in x.T]
            peaks = [np.asarray(delineator.find_rpeaks(lead)) for lead in clean]
            return delineator.find_waves_multilead(clean, peaks, multilead_correction=True)

        return prominence
    import neurokit2

    def neurokit(x: npt.NDArray[np.float64], fs: int) -> object:
        for lead in x.T:
            clean = neurokit2.ecg_clean(lead, sampling_rate=fs)
            peaks = neurokit2.ecg_peaks(clean, sampling_rate=fs)[1]["ECG_R_Peaks"]
            if name == "nk_prominence":
                neurokit2.ecg_delineate(clean, peaks, sampling_rate=fs, method="prominence")
        return neurokit2.ecg_quality(clean, sampling_rate=fs) if name == "nk_prominence" else None

    return neurokit


def main(name: str, folder: Path, repeats: int) -> None:
    warnings.filterwarnings("ignore")
    run, took, grown = task(name), {}, 0.0
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            signal_mv, fs = stored["signal_uv"].astype(np.float64) / 1000, round(float(stored["fs"]))
        before = begin_peak()
        try:
            run(signal_mv, fs)
            times = []
            for _ in range(repeats):
                began = time.perf_counter()
                run(signal_mv, fs)
                times.append(time.perf_counter() - began)
        except Exception as why:
            print(f"{name} refuses {path.stem}: {why!r}", file=sys.stderr)
            continue
        took[path.stem], grown = min(times), max(grown, peak_mb() - before)
    print(json.dumps({"seconds": took, "grown_mb": grown}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
