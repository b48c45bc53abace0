"""Peers that find QRS complexes, run by the Python of .venv/bench on the first lead of each file.

Use: peer_qrs.py PEER FILE.npz... Prints {record: [samples]} as JSON. A file that the peer refuses has no QRS.
"""

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Find = Callable[[npt.NDArray[np.float64], int], Sequence[int]]


def finder(peer: str) -> Find:
    if peer == "sleepecg":
        import sleepecg

        return lambda x, fs: sleepecg.detect_heartbeats(x, fs)
    if peer == "xqrs":
        from wfdb import processing

        def xqrs(x: npt.NDArray[np.float64], fs: int) -> Sequence[int]:
            found = processing.XQRS(sig=x, fs=fs)
            found.detect(verbose=False)
            return [int(at) for at in found.qrs_inds]

        return xqrs
    if peer == "fastnvg":
        from vg_beat_detectors import FastNVG

        return lambda x, fs: FastNVG(sampling_frequency=fs).find_peaks(x)
    import neurokit2

    method = "neurokit" if peer == "neurokit2" else peer

    def neurokit(x: npt.NDArray[np.float64], fs: int) -> Sequence[int]:
        clean = neurokit2.ecg_clean(x, sampling_rate=fs, method=method)
        return [int(at) for at in neurokit2.ecg_peaks(clean, sampling_rate=fs, method=method)[1]["ECG_R_Peaks"]]

    return neurokit


def main(peer: str, files: Sequence[str]) -> None:
    warnings.filterwarnings("ignore")
    find, found = finder(peer), {}
    for file in map(Path, files):
        with np.load(file) as stored:
            signal, fs = stored["signal_mv"][:, 0], round(float(stored["fs"]))
        try:
            found[file.stem] = [int(at) for at in find(signal, fs)]
        except Exception as why:
            print(f"{peer} refuses {file.stem}: {why!r}", file=sys.stderr)
            found[file.stem] = []
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
