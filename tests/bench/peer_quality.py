"""A peer that judges signal quality, run by the Python of .venv/bench on twelve-lead files.

Use: peer_quality.py zhao2018 FILE.npz... Prints {record: acceptable|unacceptable} as JSON. neurokit2 judges one lead at
a time: a recording is unacceptable when any of its leads is, or when neurokit2 refuses it.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import neurokit2
import numpy as np
import numpy.typing as npt


def judge(signal: npt.NDArray[np.float64], fs: int, method: str) -> str:
    for lead in signal.T:
        try:
            clean = neurokit2.ecg_clean(lead, sampling_rate=fs)
            if neurokit2.ecg_quality(clean, sampling_rate=fs, method=method) == "Unacceptable":
                return "unacceptable"
        except Exception:
            return "unacceptable"
    return "acceptable"


def main(method: str, files: Sequence[str]) -> None:
    warnings.filterwarnings("ignore")
    said = {}
    for file in map(Path, files):
        with np.load(file) as stored:
            said[file.stem] = judge(stored["signal_mv"], round(float(stored["fs"])), method)
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
