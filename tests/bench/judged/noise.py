"""Clean records with recorded noise added, after the MIT-BIH noise stress test (`nst`): A2 and the abstention of A10.

Source  Moody, Muldrow & Mark, Computers in Cardiology 1984;11:381-384: noise from minute 5 on, two minutes with and two
        without in turns. Amplitudes: signal power A^2 / 8 with A the mean peak-to-peak QRS of the first five minutes,
        noise power the squared mean of its rms over windows of 1 s, both trimmed by 5 % at each end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

CLEAN_S, TURN_S = 300.0, 120.0
RMS_WINDOWS = 300
NORMAL, BEATS = set("NLR"), set("NLRVAaJSFejnE/fQ")
FEWEST = 20  # normal beats; with fewer (paced and ventricular records) every beat is measured


def noisy_seconds(length_s: float) -> list[tuple[float, float]]:
    """The stretches that have noise in them."""
    starts = np.arange(CLEAN_S, length_s, 2 * TURN_S)
    return [(float(first), min(float(first) + TURN_S, length_s)) for first in starts]


def with_noise(
    signal_mv: F64, samples: Sequence[int], symbols: Sequence[str], noise_mv: F64, fs: float, snr_db: float
) -> F64:
    """signal_mv (n, leads) and noise_mv (m, channels) at the same fs -> (n, leads)."""
    early = [(at, symbol) for at, symbol in zip(samples, symbols, strict=True) if at < CLEAN_S * fs]
    beats = [at for at, symbol in early if symbol in NORMAL]
    if len(beats) < FEWEST:
        beats = [at for at, symbol in early if symbol in BEATS]
    seconds = np.arange(len(signal_mv)) / fs - CLEAN_S
    on = (seconds >= 0) & (np.floor(seconds / TURN_S) % 2 == 0)
    out = signal_mv.copy()
    for lead in range(signal_mv.shape[1]):
        channel = noise_mv[:, lead % noise_mv.shape[1]]
        noise = np.resize(channel - channel.mean(), len(signal_mv))
        power = _amplitude(signal_mv[:, lead], beats, fs) ** 2 / 8
        out[:, lead] += np.sqrt(power / 10 ** (snr_db / 10)) / _rms(noise, fs) * noise * on
    return out


def _amplitude(signal_mv: F64, beats: Sequence[int], fs: float) -> float:
    half = int(0.05 * fs)
    inside = [at for at in beats if half <= at < len(signal_mv) - half]
    return _trimmed([float(np.ptp(signal_mv[at - half : at + half + 1])) for at in inside])


def _rms(noise_mv: F64, fs: float) -> float:
    window = int(fs)
    starts = range(0, len(noise_mv) - window, window)[:RMS_WINDOWS]
    return _trimmed([float(noise_mv[at : at + window].std()) for at in starts])


def _trimmed(values: Sequence[float]) -> float:
    ordered = np.sort(np.asarray(values))
    cut = int(0.05 * len(ordered))
    return float(ordered[cut : len(ordered) - cut].mean())
