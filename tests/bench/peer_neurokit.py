"""The peer of the pipeline benchmark, run by the Python of .venv/bench: neurokit2 on every lead of every recording.

Use: peer_neurokit.py FOLDER REPEATS. Prints {recording: seconds of its best repeat} as JSON; a recording that neurokit2
refuses is left out.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import neurokit2
import numpy as np
import numpy.typing as npt


def chain(signal_mv: npt.NDArray[np.float64], fs: int) -> None:
    for lead in signal_mv.T:
        clean = neurokit2.ecg_clean(lead, sampling_rate=fs)
        peaks = neurokit2.ecg_peaks(clean, sampling_rate=fs)[1]["ECG_R_Peaks"]
        neurokit2.ecg_delineate(clean, peaks, sampling_rate=fs, method="prominence")
    neurokit2.ecg_quality(clean, sampling_rate=fs)


def main(folder: Path, repeats: int) -> None:
    warnings.filterwarnings("ignore")
    took = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            signal_mv, fs = stored["signal_uv"].astype(np.float64) / 1000, round(float(stored["fs"]))
        try:
            chain(signal_mv, fs)
            times = []
            for _ in range(repeats):
                began = time.perf_counter()
                chain(signal_mv, fs)
                times.append(time.perf_counter() - began)
        except Exception as why:
            print(f"neurokit2 refuses {path.stem}: {why!r}", file=sys.stderr)
            continue
        took[path.stem] = min(times)
    print(json.dumps(took))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
