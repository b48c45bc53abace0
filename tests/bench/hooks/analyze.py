"""For `ecgspeed.py --call xl=tests/bench/hooks/analyze.py`: B2 (the whole analysis of a 12-lead recording), in process.

`run(x, fs)`: x (samples, leads) in mV. Needs what requirements/run.txt pins; finds the library beside itself.
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import ecg
from tests.bench.ours import analyze


def run(x: npt.NDArray[np.float64], fs: float) -> object:
    count = x.shape[1]
    leads = ecg.STANDARD_LEADS if count == len(ecg.STANDARD_LEADS) else tuple(f"ch{at}" for at in range(count))
    return analyze(ecg.Recording(float(fs), leads, (1000 * x).astype(np.float32)))
