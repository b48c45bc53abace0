"""Peers that mark P, QRS and T, run by the Python of .venv/bench on twelve-lead files.

Use: peer_waves.py nk_dwt|prominence FILE.npz... Prints {record: [[[sample, symbol], ...] a lead]} as JSON; symbols are
`( p ) ( N ) ( t )` as LUDB has them. A file that the peer refuses has no marks.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Marks = list[tuple[int, str]]
NEUROKIT = {
    "p": ("ECG_P_Onsets", "ECG_P_Peaks", "ECG_P_Offsets"),
    "N": ("ECG_R_Onsets", None, "ECG_R_Offsets"),
    "t": ("ECG_T_Onsets", "ECG_T_Peaks", "ECG_T_Offsets"),
}
PROMINENCE = {"p": ("P_on", "P", "P_off"), "N": ("R_on", "R", "R_off"), "t": ("T_on", "T", "T_off")}


def neurokit(signal: npt.NDArray[np.float64], fs: int) -> list[Marks]:
    import neurokit2

    found: list[Marks] = []
    for lead in signal.T:
        clean = neurokit2.ecg_clean(lead, sampling_rate=fs)
        peaks = neurokit2.ecg_peaks(clean, sampling_rate=fs)[1]["ECG_R_Peaks"]
        _, waves = neurokit2.ecg_delineate(clean, peaks, sampling_rate=fs, method="dwt")
        marks: Marks = []
        for symbol, (first, peak, end) in NEUROKIT.items():
            tops = peaks if peak is None else waves[peak]
            marks += _three(waves[first], tops, waves[end], symbol)
        found.append(marks)
    return found


def prominence(signal: npt.NDArray[np.float64], fs: int) -> list[Marks]:
    from prominence_delineator import ProminenceDelineator

    delineator = ProminenceDelineator(sampling_frequency=fs)
    clean = [delineator.clean_ecg(lead) for lead in signal.T]
    peaks = [np.asarray(delineator.find_rpeaks(lead)) for lead in clean]
    waves: Any = delineator.find_waves_multilead(clean, peaks, multilead_correction=True)
    return [
        [
            mark
            for symbol, (first, peak, end) in PROMINENCE.items()
            for mark in _three(waves[first][lead], waves[peak][lead], waves[end][lead], symbol)
        ]
        for lead in range(signal.shape[1])
    ]


def _three(firsts: Sequence[float], peaks: Sequence[float], ends: Sequence[float], symbol: str) -> Marks:
    """The brackets of each wave that has a peak; an edge that is not known is left out."""
    marks: Marks = []
    edges = len(firsts) == len(peaks) == len(ends)
    for at, peak in enumerate(peaks):
        if not np.isfinite(peak):
            continue
        if edges and np.isfinite(firsts[at]):
            marks.append((int(firsts[at]), "("))
        marks.append((int(peak), symbol))
        if edges and np.isfinite(ends[at]):
            marks.append((int(ends[at]), ")"))
    return marks


def main(peer: str, files: Sequence[str]) -> None:
    warnings.filterwarnings("ignore")
    delineate = {"nk_dwt": neurokit, "prominence": prominence}[peer]
    found = {}
    for file in map(Path, files):
        with np.load(file) as stored:
            signal, fs = stored["signal_mv"], round(float(stored["fs"]))
        try:
            found[file.stem] = delineate(signal, fs)
        except Exception as why:
            print(f"{peer} refuses {file.stem}: {why!r}", file=sys.stderr)
            found[file.stem] = [[] for _ in range(signal.shape[1])]
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
