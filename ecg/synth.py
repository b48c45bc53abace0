"""Synthetic 12-lead ECGs whose answers are known by construction.

A recording is a script of `Segment`s. Every wave is a lobe of finite support, so that onsets, ends and the level of the
ST segment are exact numbers and not a matter of opinion; the eight independent leads carry the amplitudes and the other
four follow from Einthoven and Goldberger, as in a real device. No clock, no randomness but the generator handed in.
What these shapes are not: a model of the heart. They test arithmetic and rules; accuracy is measured on real
recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecg.record import STANDARD_LEADS, Meta, Recording
from ecg.results import Beat, Episode

F64 = npt.NDArray[np.float64]
Kind = Literal["sinus", "af", "afl", "svt", "vt", "vf", "asystole", "paced"]
Shape = Literal["normal", "lbbb", "rbbb"]

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ANTERIOR_ST_UV = {"V1": 120.0, "V2": 300.0, "V3": 350.0, "V4": 250.0}
INFERIOR_ST_UV = {"I": -80.0, "II": 200.0}  # III then rises by 280 uV and aVL falls: I + III = II

# Amplitudes in microvolts, one a lead of INDEPENDENT. Ordinary adult values; no source is claimed for them.
P_UV = (70, 120, 40, 50, 50, 50, 50, 50)
Q_UV = (-40, -60, 0, 0, 0, -30, -60, -70)
R_UV = (600, 1000, 150, 350, 700, 1300, 1300, 1000)
S_UV = (-100, -150, -700, -1100, -800, -400, -200, -80)
T_UV = (180, 280, -30, 350, 400, 380, 320, 240)
LBBB_UV = (900, 500, -1200, -1700, -1300, 300, 900, 1200)
LBBB_T_UV = (-200, -50, 250, 450, 350, 0, -200, -250)
PVC_UV = (-500, 1500, 1100, 1400, 1200, 800, -300, -600)
PVC_T_UV = (150, -450, -350, -450, -400, -250, 100, 200)


@dataclass(frozen=True)
class Segment:
    """A stretch of one rhythm.

    rate_bpm         mean ventricular rate; exact and regular except in af.
    pr_ms, qrs_ms, qt_ms   of conducted beats. qt_ms None: 400 ms times the square root of R-R, at most 0.7 R-R.
    st_uv            level of the ST segment from J to the middle of T, by lead of INDEPENDENT.
    pvc_at, pac_at   which beats of the segment (0 is the first) come early: ventricular, atrial.
    """

    kind: Kind
    seconds: float
    rate_bpm: float = 70.0
    shape: Shape = "normal"
    pr_ms: float = 160.0
    qrs_ms: float = 90.0
    qt_ms: float | None = None
    st_uv: Mapping[str, float] = field(default_factory=dict)
    pvc_at: tuple[int, ...] = ()
    pac_at: tuple[int, ...] = ()
    amplitude: float = 1.0


@dataclass(frozen=True)
class Synthetic:
    """A recording and what is true of it: every beat at its R (or main) peak, every segment as an episode."""

    recording: Recording
    beats: tuple[Beat, ...]
    episodes: tuple[Episode, ...]


@dataclass(frozen=True)
class _Complex:
    """One heart beat to be drawn: time of its QRS onset and what it looks like."""

    onset_s: float
    symbol: str
    rr_s: float
    segment: Segment


def twelve_lead(
    rng: np.random.Generator,
    script: Sequence[Segment],
    *,
    fs: float = 500.0,
    noise_uv: float = 6.0,
    wander_uv: float = 0.0,
    mains_uv: float = 0.0,
    leads: tuple[str, ...] = STANDARD_LEADS,
    off: Mapping[str, tuple[float, float]] | None = None,
    meta: Meta | None = None,
) -> Synthetic:
    """Draw a script.

    noise_uv    root mean square of white noise; wander_uv, mains_uv: amplitudes of 0.3 Hz and 50 Hz sines.
    off         leads without contact: name to (from, to) in seconds; they carry exact zeros there.
    """
    seconds = sum(segment.seconds for segment in script)
    time_s = np.arange(round(seconds * fs)) / fs
    signal = np.zeros((len(time_s), len(INDEPENDENT)))
    beats: list[Beat] = []
    episodes: list[Episode] = []
    start_s = 0.0
    for segment in script:
        end_s = start_s + segment.seconds
        episodes.append(Episode(_rhythm(segment), round(start_s * fs), round(end_s * fs)))
        _draw_atria(signal, time_s, start_s, end_s, segment)
        if segment.kind == "vf":
            _draw_fibrillation(signal, time_s, start_s, end_s, segment, rng)
        for one in _complexes(segment, start_s, end_s, rng):
            peak_s = _draw_complex(signal, time_s, one)
            beats.append(Beat(round(peak_s * fs), one.symbol))
        start_s = end_s
    signal += noise_uv * rng.standard_normal(signal.shape)
    signal += (wander_uv * np.sin(2 * np.pi * 0.3 * time_s) + mains_uv * np.sin(2 * np.pi * 50 * time_s))[:, None]
    columns = with_derived(signal)
    table = np.stack([columns[lead] for lead in leads], axis=1).astype(np.float32)
    for lead, (from_s, to_s) in (off or {}).items():
        table[round(from_s * fs) : round(to_s * fs), leads.index(lead)] = 0.0
    derived = tuple(lead for lead in leads if lead not in INDEPENDENT)
    recording = Recording(fs=fs, leads=leads, signal_uv=table, meta=meta or Meta(device="synthetic"), derived=derived)
    inside = tuple(beat for beat in beats if 0 <= beat.sample < len(time_s))
    return Synthetic(recording, inside, tuple(episodes))


def with_derived(signal: F64) -> dict[str, F64]:
    """The twelve leads from the eight independent columns (order of INDEPENDENT)."""
    columns = {lead: signal[:, index] for index, lead in enumerate(INDEPENDENT)}
    i, ii = columns["I"], columns["II"]
    return {**columns, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2}


def _rhythm(segment: Segment) -> str:
    if segment.kind != "sinus":
        return segment.kind
    return "sinus_brady" if segment.rate_bpm < 60 else "sinus_tachy" if segment.rate_bpm > 100 else "sinus"


def _complexes(segment: Segment, start_s: float, end_s: float, rng: np.random.Generator) -> Iterable[_Complex]:
    """The beats of a segment; the first QRS begins half an R-R after its start."""
    if segment.kind in ("vf", "asystole"):
        return
    mean_s = 60.0 / segment.rate_bpm
    symbol = {"vt": "V", "paced": "/"}.get(segment.kind, "N")
    onset_s, index = start_s + mean_s / 2, 0
    while onset_s < end_s - 0.05:
        # Uniform over +-40 % of the mean: as irregular as fibrillation, and never two beats on one another.
        rr_s = mean_s * (1 + rng.uniform(-0.4, 0.4)) if segment.kind == "af" else mean_s
        if index in segment.pvc_at:
            yield _Complex(onset_s - 0.35 * mean_s, "V", mean_s, segment)
        elif index in segment.pac_at:
            yield _Complex(onset_s - 0.3 * mean_s, "A", mean_s, segment)
            rr_s = 0.8 * mean_s
        else:
            yield _Complex(onset_s, symbol, min(rr_s, mean_s), segment)
        onset_s += rr_s
        index += 1


def _draw_complex(signal: F64, time_s: F64, one: _Complex) -> float:
    """Add one beat to the signal; the time of its main peak in seconds."""
    segment, onset = one.segment, one.onset_s
    if one.symbol in "V/":
        return _draw_wide(signal, time_s, onset, PVC_UV, PVC_T_UV, one, spike=one.symbol == "/")
    if segment.kind in ("sinus", "svt") and segment.pr_ms > 0 and one.rr_s > 0.35:
        _lobe(signal, time_s, onset - segment.pr_ms / 1000, 0.1, P_UV, segment.amplitude)
    if segment.shape == "lbbb":
        return _draw_wide(signal, time_s, onset, LBBB_UV, LBBB_T_UV, one)
    qrs = segment.qrs_ms / 1000
    # q, R and s as overlapping lobes; a right bundle branch block gets a late second R in V1 and a broad s in I and V6.
    narrow = qrs if segment.shape == "normal" else min(qrs, 0.09)
    _lobe(signal, time_s, onset, 0.35 * narrow, Q_UV, segment.amplitude)
    _lobe(signal, time_s, onset + 0.2 * narrow, 0.5 * narrow, R_UV, segment.amplitude)
    _lobe(signal, time_s, onset + 0.55 * narrow, 0.45 * narrow, S_UV, segment.amplitude)
    if segment.shape == "rbbb":
        late = (-350, -250, 900, 700, 100, -200, -300, -350)
        _lobe(signal, time_s, onset + 0.45 * qrs, 0.55 * qrs, late, segment.amplitude)
    _draw_repolarisation(signal, time_s, onset, qrs, T_UV, one)
    return onset + 0.45 * narrow


def _draw_wide(
    signal: F64,
    time_s: F64,
    onset: float,
    qrs_uv: Sequence[float],
    t_uv: Sequence[float],
    one: _Complex,
    *,
    spike: bool = False,
) -> float:
    """A broad QRS (150 ms, or as the segment says when that is more) with its opposite T."""
    qrs = max(0.150, one.segment.qrs_ms / 1000)
    if spike:
        _lobe(signal, time_s, onset - 0.012, 0.003, (800, 1500, 900, 900, 900, 900, 900, 900), one.segment.amplitude)
    _lobe(signal, time_s, onset, qrs, qrs_uv, one.segment.amplitude)
    _draw_repolarisation(signal, time_s, onset, qrs, t_uv, one)
    return onset + qrs / 2


def _draw_repolarisation(
    signal: F64, time_s: F64, onset: float, qrs: float, t_uv: Sequence[float], one: _Complex
) -> None:
    segment = one.segment
    qt = segment.qt_ms / 1000 if segment.qt_ms else min(0.4 * one.rr_s**0.5, 0.7 * one.rr_s)
    qt = max(qt, qrs + 0.12)
    t_width = min(0.2, 0.6 * (qt - qrs))
    _lobe(signal, time_s, onset + qt - t_width, t_width, t_uv, segment.amplitude)
    if segment.st_uv and one.symbol == "N":
        # Level from J on (its foot lies inside the QRS), down to nothing at the end of T.
        shape = np.interp(time_s - onset, [qrs - 0.012, qrs, qt - t_width / 2, qt], [0.0, 1.0, 1.0, 0.0])
        for lead, level in segment.st_uv.items():
            signal[:, INDEPENDENT.index(lead)] += level * shape


def _draw_atria(signal: F64, time_s: F64, start_s: float, end_s: float, segment: Segment) -> None:
    """Fibrillation (about 6 Hz, wandering) or flutter (5 Hz saw) instead of P waves."""
    inside = (time_s >= start_s) & (time_s < end_s)
    t = time_s[inside] - start_s
    if segment.kind == "af":
        wave = 60 * np.sin(2 * np.pi * 6 * t + 2 * np.sin(2 * np.pi * 0.7 * t))
        scale = np.array([0.2, 0.6, 1.0, 0.5, 0.3, 0.2, 0.1, 0.1])
    elif segment.kind == "afl":
        phase = (5 * t) % 1
        wave = 250 * np.where(phase < 0.75, phase / 0.75 - 0.5, 0.5 - (phase - 0.75) / 0.25)
        scale = np.array([0.1, -1.0, 0.6, 0.3, 0.2, 0.1, 0.1, 0.1])
    else:
        return
    signal[inside] += segment.amplitude * wave[:, None] * scale


def _draw_fibrillation(
    signal: F64, time_s: F64, start_s: float, end_s: float, segment: Segment, rng: np.random.Generator
) -> None:
    """Ventricular fibrillation: a 5 Hz carrier whose phase and size wander, with its own phase in every lead."""
    inside = (time_s >= start_s) & (time_s < end_s)
    t = time_s[inside] - start_s
    for lead in range(signal.shape[1]):
        phase = rng.uniform(0, 2 * np.pi) + 1.5 * np.sin(2 * np.pi * rng.uniform(0.3, 0.8) * t)
        size = 350 * (1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 0.5) * t + rng.uniform(0, 6)))
        signal[inside, lead] += segment.amplitude * size * np.sin(2 * np.pi * rng.uniform(4.5, 5.5) * t + phase)


def _lobe(signal: F64, time_s: F64, onset_s: float, width_s: float, size_uv: Sequence[float], amplitude: float) -> None:
    """Add a raised cosine that begins at onset_s and ends width_s later."""
    low, high = np.searchsorted(time_s, (onset_s, onset_s + width_s))
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * (time_s[low:high] - onset_s) / width_s)
    signal[low:high] += amplitude * shape[:, None] * np.asarray(size_uv, dtype=np.float64)


def _one(kind: Kind, rate_bpm: float) -> Callable[[np.random.Generator], Synthetic]:
    return lambda rng: twelve_lead(rng, [Segment(kind, 10.0, rate_bpm)])


# Ten-second examples by name, for the command line, demonstrations and the probe of the chain.
EXAMPLES: Mapping[str, Callable[[np.random.Generator], Synthetic]] = {
    "sinus": _one("sinus", 70),
    "sinus_brady": _one("sinus", 45),
    "sinus_tachy": _one("sinus", 125),
    "brady_extreme": _one("sinus", 30),
    "af": _one("af", 90),
    "afl": _one("afl", 75),
    "svt": _one("svt", 205),
    "vt": _one("vt", 180),
    "vf": _one("vf", 300),
    "paced": _one("paced", 60),
    "pvc": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 72, pvc_at=(3, 8))]),
    "pac": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 66, pac_at=(3, 7))]),
    "pause": lambda rng: twelve_lead(
        rng, [Segment("sinus", 4.0, 60), Segment("asystole", 2.6), Segment("sinus", 3.4, 60)]
    ),
    "asystole": lambda rng: twelve_lead(rng, [Segment("sinus", 3.0, 60), Segment("asystole", 7.0)]),
    "lbbb": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 70, shape="lbbb", qrs_ms=150)]),
    "rbbb": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 70, shape="rbbb", qrs_ms=140)]),
    "avb1": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 60, pr_ms=260)]),
    "long_qt": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 60, qt_ms=610)]),
    "stemi_anterior": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 75, st_uv=ANTERIOR_ST_UV)]),
    "stemi_inferior": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 75, st_uv=INFERIOR_ST_UV)]),
    "lead_off": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 70)], off={"V1": (0, 10), "V2": (0, 10)}),
    "noise": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 70)], noise_uv=400),
}
