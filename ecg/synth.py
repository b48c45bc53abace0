"""Synthetic 12-lead ECGs whose answers are known by construction.

A recording is a script of `Segment`s. Every wave is a lobe of finite support, so that onsets, ends and the level of the
ST segment are exact numbers and not a matter of opinion; the eight independent leads carry the amplitudes and the other
four follow from Einthoven and Goldberger, as in a real device. No clock, no randomness but the generator handed in.
What these shapes are not: a model of the heart. They test arithmetic and rules; accuracy is measured on real
recordings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecg.record import STANDARD_LEADS, Meta, Recording
from ecg.results import Beat, Episode

F64 = npt.NDArray[np.float64]
Kind = Literal[
    "sinus",
    "af",
    "afl",
    "svt",
    "vt",
    "vf",
    "vfl",
    "tdp",
    "vt_bidirectional",
    "asystole",
    "paced",
    "af_preexcited",
    "junctional",
    "ivr",
    "avb2_1",
    "avb2_2",
    "avb_2to1",
    "avb_hg",
    "avb3",
]
Shape = Literal["normal", "lbbb", "rbbb", "preexcited"]
Wave = Literal["P", "Q", "R", "S", "late", "T", "T2", "U"]

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
EXTRA = {"V7": "V6", "V8": "V6", "V9": "V6", "V3R": "V1", "V4R": "V1"}  # drawn as the lead they lie next to
DRAWN = (*INDEPENDENT, *EXTRA)
LIKE = [INDEPENDENT.index(EXTRA.get(lead, lead)) for lead in DRAWN]
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
RBBB_LATE_UV = (-350, -250, 900, 700, 100, -200, -300, -350)
PVC_UV = (-500, 1500, 1100, 1400, 1200, 800, -300, -600)
# AV block: of so many P waves so many are followed, each after so much longer a time than the one before.
BLOCKS: Mapping[Kind, tuple[int, int, float]] = {
    "avb2_1": (3, 4, 0.06),
    "avb2_2": (3, 4, 0.0),
    "avb_2to1": (1, 2, 0.0),
    "avb_hg": (1, 3, 0.0),
    "avb3": (0, 1, 0.0),
}
PVC_T_UV = (150, -450, -350, -450, -400, -250, 100, 200)


@dataclass(frozen=True)
class Segment:
    """A stretch of one rhythm.

    rate_bpm         mean ventricular rate; exact and regular except in af.
    pr_ms, qrs_ms, qt_ms   of conducted beats. qt_ms None: 400 ms times the square root of R-R, at most 0.7 R-R.
    st_uv            level of the ST segment from J to the middle of T, by lead of INDEPENDENT or EXTRA.
    st80_uv          its level from J + 80 ms on, where that is another.
    waves_uv         amplitudes by wave and lead instead of the plain ones; `late` ends a right bundle branch block,
    `T2`
                     is a second lobe over the last half of T, U comes 40 ms after T.
    alternans_uv     every second T is this much taller in the chest leads.
    atrial_bpm       rate of P where it has nothing to do with the QRS, and of the sinus in AV block.
    rr_min_ms        of af_preexcited: one R-R is exactly this, all others are longer.
    pvc_coupling_ms  from the QRS onset before to that of the early ventricular beat; None: 0.65 R-R.
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
    st80_uv: Mapping[str, float] = field(default_factory=dict)
    waves_uv: Mapping[Wave, Mapping[str, float]] = field(default_factory=dict)
    alternans_uv: float = 0.0
    atrial_bpm: float = 90.0
    rr_min_ms: float = 0.0
    pvc_at: tuple[int, ...] = ()
    pvc_coupling_ms: float | None = None
    pac_at: tuple[int, ...] = ()
    amplitude: float = 1.0

    def uv(self, wave: Wave, plain: Sequence[float]) -> tuple[float, ...]:
        """Amplitudes of a wave, one a lead of INDEPENDENT: as drawn plainly where the segment says nothing else."""
        own = self.waves_uv.get(wave, {})
        return tuple(own.get(lead, value) for lead, value in zip(INDEPENDENT, plain, strict=True))


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
    index: int = 0
    scale: float = 1.0


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
    signal = np.zeros((len(time_s), len(DRAWN)))
    beats: list[Beat] = []
    episodes: list[Episode] = []
    start_s = 0.0
    for segment in script:
        end_s = start_s + segment.seconds
        episodes.append(Episode(_rhythm(segment), round(start_s * fs), round(end_s * fs)))
        _draw_atria(signal, time_s, start_s, end_s, segment)
        if segment.kind in ("vf", "vfl"):
            _draw_fibrillation(signal, time_s, start_s, end_s, segment, rng)
        for one in _complexes(segment, start_s, end_s, rng):
            peak_s = _draw_complex(signal, time_s, one)
            beats.append(Beat(round(peak_s * fs), one.symbol))
        start_s = end_s
    signal += noise_uv * rng.standard_normal((len(time_s), len(INDEPENDENT)))[:, LIKE]
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
    """All leads from the drawn columns (order of DRAWN, of which the eight INDEPENDENT do)."""
    columns = {lead: signal[:, index] for index, lead in enumerate(DRAWN[: signal.shape[1]])}
    i, ii = columns["I"], columns["II"]
    return {**columns, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2}


def _rhythm(segment: Segment) -> str:
    if segment.kind != "sinus":
        return {"af_preexcited": "af", "vt_bidirectional": "vt"}.get(segment.kind, segment.kind)
    return "sinus_brady" if segment.rate_bpm < 60 else "sinus_tachy" if segment.rate_bpm > 100 else "sinus"


def _complexes(segment: Segment, start_s: float, end_s: float, rng: np.random.Generator) -> Iterable[_Complex]:
    """The beats of a segment; the first QRS begins half an R-R after its start."""
    if segment.kind in ("vf", "vfl", "asystole"):
        return
    if segment.kind in BLOCKS:
        yield from _conducted(segment, start_s, end_s)
        return
    mean_s = 60.0 / segment.rate_bpm
    symbol = {"vt": "V", "tdp": "V", "vt_bidirectional": "V", "paced": "/", "ivr": "E"}.get(segment.kind, "N")
    onset_s, index = start_s + mean_s / 2, 0
    while onset_s < end_s - 0.05:
        rr_s = _next_rr_s(segment, mean_s, index, rng)
        if index in segment.pvc_at:
            coupling_s = 0.65 * mean_s if segment.pvc_coupling_ms is None else segment.pvc_coupling_ms / 1000
            yield _Complex(onset_s - mean_s + coupling_s, "V", mean_s, segment, index)
        elif index in segment.pac_at:
            yield _Complex(onset_s - 0.3 * mean_s, "A", mean_s, segment, index)
            rr_s = 0.8 * mean_s
        else:
            yield _Complex(
                onset_s, symbol, min(rr_s, mean_s), segment, index, _scale(segment, onset_s - start_s, index)
            )
        onset_s += rr_s
        index += 1


def _next_rr_s(segment: Segment, mean_s: float, index: int, rng: np.random.Generator) -> float:
    # Uniform over +-40 % of the mean: as irregular as fibrillation, and never two beats on one another.
    if segment.kind == "af":
        return mean_s * (1 + rng.uniform(-0.4, 0.4))
    if segment.kind == "af_preexcited":
        shortest_s = segment.rr_min_ms / 1000
        return shortest_s if index == 5 else max(mean_s * (1 + rng.uniform(-0.4, 0.4)), shortest_s + 0.03)
    return mean_s


def _scale(segment: Segment, after_s: float, index: int) -> float:
    """Size and sign of a ventricular beat: torsades turns about its line in two seconds, bidirectional with every
    beat."""
    if segment.kind == "tdp":
        turned = math.sin(2 * math.pi * after_s / 4.0)
        return turned + math.copysign(0.25, turned)
    return -1.0 if segment.kind == "vt_bidirectional" and index % 2 else 1.0


def _conducted(segment: Segment, start_s: float, end_s: float) -> Iterable[_Complex]:
    """The beats of AV block: which P wave is followed, and after how long. Third degree: they keep their own time."""
    if segment.kind == "avb3":
        onset_s, mean_s = start_s + 30.0 / segment.rate_bpm, 60.0 / segment.rate_bpm
        while onset_s < end_s - 0.05:
            yield _Complex(onset_s, "N", mean_s, segment)
            onset_s += mean_s
        return
    every, of, step_s = BLOCKS[segment.kind]
    for count, p_s in enumerate(_atrial_times(segment, start_s, end_s)):
        place = count % of
        if place < every:
            yield _Complex(p_s + segment.pr_ms / 1000 + place * step_s, "N", 60.0 / segment.atrial_bpm, segment)


def _atrial_times(segment: Segment, start_s: float, end_s: float) -> Iterable[float]:
    step_s = 60.0 / segment.atrial_bpm
    at_s = start_s + 0.1
    while at_s < end_s - 0.5:
        yield at_s
        at_s += step_s


def _draw_complex(signal: F64, time_s: F64, one: _Complex) -> float:
    """Add one beat to the signal; the time of its main peak in seconds."""
    segment, onset = one.segment, one.onset_s
    if one.symbol in "VE/":
        return _draw_wide(signal, time_s, onset, PVC_UV, PVC_T_UV, one, spike=one.symbol == "/")
    if segment.kind in ("sinus", "svt") and segment.pr_ms > 0 and one.rr_s > 0.35:
        _lobe(signal, time_s, onset - segment.pr_ms / 1000, 0.1, segment.uv("P", P_UV), segment.amplitude)
    if segment.shape == "lbbb":
        return _draw_wide(signal, time_s, onset, segment.uv("R", LBBB_UV), segment.uv("T", LBBB_T_UV), one)
    qrs, begun = segment.qrs_ms / 1000, onset
    if segment.shape == "preexcited" or segment.kind == "af_preexcited":
        # The delta wave: a slope of 45 ms before the quick part, in the direction of R.
        slow = [0.5 * value for value in segment.uv("R", R_UV)]
        _lobe(signal, time_s, onset, 0.13, slow, segment.amplitude)
        begun, qrs = onset + 0.045, max(qrs, 0.13) - 0.045
    # q, R and s as overlapping lobes; a right bundle branch block gets a late second R in V1 and a broad s in I and V6.
    narrow = min(qrs, 0.09) if segment.shape == "rbbb" else qrs
    if begun == onset:
        _lobe(signal, time_s, begun, 0.35 * narrow, segment.uv("Q", Q_UV), segment.amplitude)
    _lobe(signal, time_s, begun + 0.2 * narrow, 0.5 * narrow, segment.uv("R", R_UV), segment.amplitude)
    _lobe(signal, time_s, begun + 0.55 * narrow, 0.45 * narrow, segment.uv("S", S_UV), segment.amplitude)
    if segment.shape == "rbbb":
        _lobe(signal, time_s, begun + 0.45 * qrs, 0.55 * qrs, segment.uv("late", RBBB_LATE_UV), segment.amplitude)
    _draw_repolarisation(signal, time_s, onset, begun - onset + qrs, segment.uv("T", T_UV), one)
    return begun + 0.45 * narrow


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
    _lobe(signal, time_s, onset, qrs, qrs_uv, one.segment.amplitude * one.scale)
    _draw_repolarisation(signal, time_s, onset, qrs, t_uv, one)
    return onset + qrs / 2


def _draw_repolarisation(
    signal: F64, time_s: F64, onset: float, qrs: float, t_uv: Sequence[float], one: _Complex
) -> None:
    segment = one.segment
    qt = segment.qt_ms / 1000 if segment.qt_ms else min(0.4 * one.rr_s**0.5, 0.7 * one.rr_s)
    qt = max(qt, qrs + 0.12)
    t_width = min(0.2, 0.6 * (qt - qrs))
    _lobe(signal, time_s, onset + qt - t_width, t_width, t_uv, segment.amplitude * one.scale)
    if one.symbol != "N":
        return
    if segment.alternans_uv and one.index % 2:
        taller = (0.0, 0.0, *[segment.alternans_uv] * 6)
        _lobe(signal, time_s, onset + qt - t_width, t_width, taller, 1.0)
    nothing = (0.0,) * len(INDEPENDENT)
    if "T2" in segment.waves_uv:
        _lobe(signal, time_s, onset + qt - t_width / 2, t_width / 2, segment.uv("T2", nothing), segment.amplitude)
    if "U" in segment.waves_uv:
        _lobe(signal, time_s, onset + qt + 0.02, 0.16, segment.uv("U", nothing), segment.amplitude)
    for lead, level in segment.st_uv.items():
        # Level from J on (its foot lies inside the QRS), down to nothing at the end of T.
        later = segment.st80_uv.get(lead, level)
        at = np.searchsorted(time_s, (onset, onset + qt))
        points = [qrs - 0.012, qrs, qrs + 0.08, qt - t_width / 2, qt]
        shape = np.interp(time_s[slice(*at)] - onset, points, [0.0, level, later, later, 0.0])
        signal[slice(*at), DRAWN.index(lead)] += shape


def _draw_atria(signal: F64, time_s: F64, start_s: float, end_s: float, segment: Segment) -> None:
    """Fibrillation (about 6 Hz, wandering), flutter (5 Hz saw), or P waves that not every QRS follows."""
    inside = (time_s >= start_s) & (time_s < end_s)
    t = time_s[inside] - start_s
    if segment.kind in BLOCKS:
        for p_s in _atrial_times(segment, start_s, end_s):
            _lobe(signal, time_s, p_s, 0.1, segment.uv("P", P_UV), segment.amplitude)
    if segment.kind in ("af", "af_preexcited"):
        wave = 60 * np.sin(2 * np.pi * 6 * t + 2 * np.sin(2 * np.pi * 0.7 * t))
        scale = np.array([0.2, 0.6, 1.0, 0.5, 0.3, 0.2, 0.1, 0.1])
    elif segment.kind == "afl":
        phase = (5 * t) % 1
        wave = 250 * np.where(phase < 0.75, phase / 0.75 - 0.5, 0.5 - (phase - 0.75) / 0.25)
        scale = np.array([0.1, -1.0, 0.6, 0.3, 0.2, 0.1, 0.1, 0.1])
    else:
        return
    signal[inside] += segment.amplitude * wave[:, None] * scale[LIKE]


def _draw_fibrillation(
    signal: F64, time_s: F64, start_s: float, end_s: float, segment: Segment, rng: np.random.Generator
) -> None:
    """Ventricular fibrillation: a 5 Hz carrier whose phase and size wander, with its own phase in every lead.
    Flutter: one sine of the segment's rate."""
    inside = (time_s >= start_s) & (time_s < end_s)
    t = time_s[inside] - start_s
    if segment.kind == "vfl":
        signal[inside] += (
            segment.amplitude * np.sin(2 * np.pi * segment.rate_bpm / 60.0 * t)[:, None] * np.array(PVC_UV)[LIKE]
        )
        return
    for lead in range(len(INDEPENDENT)):
        phase = rng.uniform(0, 2 * np.pi) + 1.5 * np.sin(2 * np.pi * rng.uniform(0.3, 0.8) * t)
        size = 350 * (1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 0.5) * t + rng.uniform(0, 6)))
        signal[inside, lead] += segment.amplitude * size * np.sin(2 * np.pi * rng.uniform(4.5, 5.5) * t + phase)


def _lobe(signal: F64, time_s: F64, onset_s: float, width_s: float, size_uv: Sequence[float], amplitude: float) -> None:
    """Add a raised cosine that begins at onset_s and ends width_s later."""
    low, high = np.searchsorted(time_s, (onset_s, onset_s + width_s))
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * (time_s[low:high] - onset_s) / width_s)
    signal[low:high] += amplitude * shape[:, None] * np.asarray(size_uv, dtype=np.float64)[LIKE]


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
    "tdp": _one("tdp", 220),
    "vfl": _one("vfl", 260),
    "junctional": _one("junctional", 50),
    "ivr": _one("ivr", 38),
    "avb2_1": _one("avb2_1", 60),
    "avb2_2": _one("avb2_2", 60),
    "avb_2to1": _one("avb_2to1", 45),
    "avb_hg": _one("avb_hg", 30),
    "avb3": _one("avb3", 36),
    "af_preexcited": lambda rng: twelve_lead(rng, [Segment("af_preexcited", 10.0, 190, rr_min_ms=230)]),
    "wpw": lambda rng: twelve_lead(rng, [Segment("sinus", 10.0, 75, shape="preexcited", pr_ms=90)]),
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
