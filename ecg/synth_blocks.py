"""Synthetic 12-lead ECGs in which atria and ventricles keep their own time: AV blocks, junctional and escape rhythms.

The waves are `synth`'s; here a recording is two lists of times, so that P waves may stand alone. Known by construction,
like all of `synth`; no model of the heart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ecg.record import STANDARD_LEADS, Meta, Recording
from ecg.results import Beat, Episode
from ecg.synth import DRAWN, INDEPENDENT, P_UV, Segment, Synthetic, _Complex, _draw_complex, _lobe, with_derived

P_S = 0.1  # duration of a P wave


def two_clocks(
    rng: np.random.Generator,
    atria_s: Sequence[float],
    ventricles_s: Sequence[float],
    rhythm: str,
    *,
    seconds: float = 30.0,
    fs: float = 500.0,
    noise_uv: float = 6.0,
    symbol: str = "N",
) -> Synthetic:
    """P waves that begin at atria_s and QRS that begin at ventricles_s, all `symbol`; one episode of `rhythm`."""
    time_s = np.arange(round(seconds * fs)) / fs
    signal = np.zeros((len(time_s), len(DRAWN)))
    inside = [onset for onset in ventricles_s if 0.2 <= onset <= seconds - 0.1]
    mean_s = float(np.mean(np.diff(inside))) if len(inside) > 1 else 1.0
    segment = Segment("sinus", seconds, 60.0 / mean_s, pr_ms=0.0)
    for onset in atria_s:
        if 0.0 <= onset <= seconds - P_S:
            _lobe(signal, time_s, onset, P_S, P_UV, 1.0)
    peaks = [_draw_complex(signal, time_s, _Complex(onset, symbol, min(mean_s, 1.0), segment)) for onset in inside]
    signal += noise_uv * rng.standard_normal(signal.shape)
    columns = with_derived(signal)
    table = np.stack([columns[lead] for lead in STANDARD_LEADS], axis=1).astype(np.float32)
    derived = tuple(lead for lead in STANDARD_LEADS if lead not in INDEPENDENT)
    recording = Recording(fs=fs, leads=STANDARD_LEADS, signal_uv=table, meta=Meta(device="synthetic"), derived=derived)
    beats = tuple(Beat(round(peak * fs), symbol) for peak in peaks)
    return Synthetic(recording, beats, (Episode(rhythm, 0, len(time_s)),))


def _every(step_s: float, seconds: float = 30.0) -> list[float]:
    return [0.1 + k * step_s for k in range(int(seconds / step_s) + 1)]


def _conducted(rhythm: str, pp_s: float, pr_s: Sequence[float | None]) -> Callable[[np.random.Generator], Synthetic]:
    """Regular P waves; `pr_s` repeats over them, None where no beat follows."""

    def make(rng: np.random.Generator) -> Synthetic:
        atria = _every(pp_s)
        pairs = ((onset, pr_s[k % len(pr_s)]) for k, onset in enumerate(atria))
        return two_clocks(rng, atria, [onset + pr for onset, pr in pairs if pr is not None], rhythm)

    return make


def _two(rhythm: str, pp_s: float, rr_s: float, symbol: str = "N") -> Callable[[np.random.Generator], Synthetic]:
    return lambda rng: two_clocks(rng, _every(pp_s) if pp_s else [], _every(rr_s), rhythm, symbol=symbol)


def _breathing(rng: np.random.Generator) -> Synthetic:
    """Sinus arrhythmia: P-P from 0.68 to 1.12 s with the breath, PR the same."""
    atria, at = [], 0.1
    while at < 30.0:
        atria.append(at)
        at += 0.9 + 0.22 * float(np.sin(2 * np.pi * at / 4.3))
    return two_clocks(rng, atria, [onset + 0.16 for onset in atria], "sinus_arrhythmia")


def _bigeminy(rng: np.random.Generator) -> Synthetic:
    """Every second beat early, with its own P wave: irregular, and no fibrillation."""
    atria = [at for k in range(16) for at in (0.1 + 1.8 * k, 0.1 + 1.8 * k + 0.6)]
    return two_clocks(rng, atria, [onset + 0.16 for onset in atria], "sinus")


# Half-minute examples by the name of their rhythm.
EXAMPLES: Mapping[str, Callable[[np.random.Generator], Synthetic]] = {
    "avb2_1": _conducted("avb2_1", 0.85, (0.16, 0.24, 0.30, None)),
    "avb2_2": _conducted("avb2_2", 0.85, (0.18, 0.18, 0.18, 0.18, None)),
    "avb_2to1": _conducted("avb_2to1", 0.72, (0.18, None)),
    "avb_hg": _conducted("avb_hg", 0.62, (0.18, None, None)),
    "avb3": _two("avb3", 0.78, 1.5),
    "junctional": _two("junctional", 0.0, 1.1),
    "ivr": _two("ivr", 0.0, 1.5, symbol="V"),
    "svt": _two("svt", 0.0, 0.34),
    "sinus_arrhythmia": _breathing,
    "bigeminy": _bigeminy,
}
