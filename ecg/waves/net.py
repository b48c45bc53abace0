"""The trained net behind the wave marks: what goes into it, and what it says of every step of the signal.

In: the recording at 125 steps a second with its beats. Out: for each lead and step the probability of P, QRS and T, and
how much it looks like their peak. All leads share the weights; what they have in common is pooled over them (mean and
maximum), so that one lead or fifteen, in any order and under any name, are the same to it. Which waves stand in the
recording is not decided here (`delineation`); how it was trained stands in `trained/delineation.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ecg.record import F32, I64
from ecg.signal.filters import moving_mean
from ecg.trained import Weights, load
from ecg.trained.conv import conv1d, relu

F64 = npt.NDArray[np.float64]

RATE = 125.0  # steps a second
LOW_PASS_HZ, HALF_S = 40.0, 0.05  # QRS edges keep what annotators see of them; half the length of the filter
BASELINE = 75  # steps: a moving mean of this width, twice, is taken off
BEFORE, AFTER = 75, 100  # steps of the template about R
QRS_REACH = 8  # steps about R that hold the main deflection
SIZE_PART, SIZE_UV_MIN = 0.15, 60.0  # a lead's scale: not below this part of the largest lead's, nor below this
KNEE, GAIN = 0.08, 0.4  # of a lead's scale: below it the input is linear, above it logarithmic
BUMP = (0.25, 0.6, 1.0, 0.6, 0.25)  # how a beat is marked
IRREGULAR, IRREGULAR_BEATS_MIN = 0.25, 4
KINDS = 3  # P, QRS, T
QUARTER = 4  # the net's coarsest grid, steps


@dataclass(frozen=True)
class Seen:
    """waves (3, leads, steps): probability of P, QRS, T; peaks (same): logit of their peak."""

    waves: F32
    peaks: F32


def resampled(signal_uv: F32, fs: float) -> F32:
    """(n, leads) at fs Hz without NaN -> (steps, leads): step k is the low-passed signal at k / RATE seconds.

    A Hann-windowed sinc, linear phase, gain 1 at 0 Hz everywhere; the ends are held.
    """
    steps = int((len(signal_uv) - 1) / fs * RATE) + 1
    at = np.arange(steps) / RATE * fs
    centre = np.rint(at).astype(np.int64)
    reach = int(np.ceil(HALF_S * fs))
    offsets = np.arange(-reach, reach + 1)
    away = (offsets + (centre - at)[:, None]) / fs
    shape = np.sinc(2 * LOW_PASS_HZ * away) * np.cos(np.pi * np.clip(away / (2 * HALF_S), -0.5, 0.5)) ** 2
    taps = (shape / shape.sum(axis=1, keepdims=True)).astype(np.float32)
    rows = np.clip(centre[:, None] + offsets, 0, len(signal_uv) - 1)
    return np.asarray(np.matmul(taps[:, None, :], signal_uv[rows])[:, 0, :])


def inputs(signal: F32, beats: I64) -> F32:
    """The net's channels (5, leads, steps): the lead, its template before and after each beat, the beats, how irregular
    they come (the same all over).

    signal  (steps, leads) float32 uV at RATE. beats (k,) steps of R, ascending, at least one inside.
    The template is the lead's median beat, laid down twice: backwards from each R (atrial side) and forwards from it
    (ventricular side). Where signal and template agree a wave repeats; fibrillatory waves do not.
    """
    steps, leads = signal.shape
    flat = signal - moving_mean(moving_mean(signal, BASELINE), BASELINE)
    template = _median_of_inside(flat, beats[:, None] + np.arange(-BEFORE, AFTER))
    near = template[BEFORE - QRS_REACH : BEFORE + QRS_REACH + 1]
    size = near.max(axis=0) - near.min(axis=0)
    size = np.maximum(np.maximum(size, SIZE_PART * size.max()), SIZE_UV_MIN)
    before, after = np.zeros((2, steps, leads), dtype=np.float32)
    starts = [0, *beats[:-1].tolist()]
    ends = [*beats[1:].tolist(), steps]
    for r, start, end in zip(beats.tolist(), starts, ends, strict=True):
        first, last = max(r - BEFORE, start, 0), min(r + AFTER, end, steps)
        before[first:r] = template[BEFORE - (r - first) : BEFORE]
        after[r:last] = template[BEFORE : BEFORE + last - r]
    mark = np.zeros((steps, leads), dtype=np.float32)
    for offset, height in zip(range(-2, 3), BUMP, strict=True):
        at = beats + offset
        mark[at[(at >= 0) & (at < steps)]] = height
    compressed = [np.arcsinh(part / (KNEE * size)) * GAIN for part in (flat, before, after)]
    unrest = np.full((steps, leads), _irregularity(beats))
    return np.ascontiguousarray(np.stack([*compressed, mark, unrest]).transpose(0, 2, 1), dtype=np.float32)


def _irregularity(beats: I64) -> float:
    """Median change from one R-R to the next against the median R-R, 0 to 1 for none to a quarter and more.

    0 below four beats: not known.
    """
    if len(beats) < IRREGULAR_BEATS_MIN:
        return 0.0
    rr = np.diff(beats)
    return min(1.0, float(np.median(np.abs(np.diff(rr))) / np.median(rr)) / IRREGULAR)


def _median_of_inside(signal: F32, rows: I64) -> F32:
    """(beats, m) rows of (steps, leads) -> (m, leads): the median over beats of the rows that exist; 0 where none."""
    inside = (rows >= 0) & (rows < len(signal))
    table = signal[np.clip(rows, 0, len(signal) - 1)]
    table[~inside] = np.inf
    table.sort(axis=0)
    count = inside.sum(axis=0)
    every = np.arange(rows.shape[1])
    low, high = table[np.maximum(count - 1, 0) // 2, every], table[np.minimum(count // 2, len(rows) - 1), every]
    median = np.zeros_like(low)
    np.add(low, high, out=median, where=(count > 0)[:, None])
    return np.asarray(0.5 * median)


@dataclass(frozen=True)
class Net:
    """The layers, weights in float32: name -> (weight (out, channels, taps), bias (out,))."""

    layers: Mapping[str, tuple[F32, F32]]

    @classmethod
    def from_weights(cls, weights: Weights) -> Net:
        """`weights` holds NAME.weight int8, NAME.scale (out,) and NAME.bias (out,) float32."""
        layers = {}
        for name in (key.removesuffix(".bias") for key in weights if key.endswith(".bias")):
            scale = weights[f"{name}.scale"].astype(np.float32)
            weight = weights[f"{name}.weight"].astype(np.float32) * scale[:, None, None]
            layers[name] = (weight, weights[f"{name}.bias"].astype(np.float32))
        return cls(layers)

    def look(self, channels: F32) -> Seen:
        """Run over one strip: channels as `inputs` gives them."""
        steps = channels.shape[2]
        out = self._forward(np.pad(channels, ((0, 0), (0, 0), (0, -steps % QUARTER))))[:, :, :steps]
        shifted = np.exp(out[: KINDS + 1] - out[: KINDS + 1].max(axis=0))
        return Seen(shifted[1:] / shifted.sum(axis=0), out[KINDS + 1 :])

    def _forward(self, x: F32) -> F32:
        """(5, leads, steps) -> (7, leads, steps): logits of nothing, P, QRS, T, and of the three peaks."""
        half = relu(self._layer("halved", x, stride=2))
        each = relu(self._layer("quartered", half, stride=2))
        # What all leads say together, one row: a twelfth of the cost of a lead's own layers, so it may be wide.
        pooled = np.concatenate([each.mean(axis=1, keepdims=True), each.max(axis=1, keepdims=True)])
        shared = relu(self._layer("shared0", pooled))
        for index, dilation in enumerate((2, 4, 8), start=1):
            shared = shared + relu(self._layer(f"shared{index}", shared, dilation=dilation))
        each += relu(self._layer("each0", each) + self._layer("told0", shared))
        each += relu(self._layer("each1", each, dilation=2) + self._layer("told1", shared))
        each += relu(self._layer("each2", each, dilation=4))
        fine = relu(self._layer("fine", np.concatenate([np.repeat(each, 2, axis=2), half])))
        out = self._layer("out", fine)  # channel 2 k + j is output k at step 2 t + j
        _, leads, steps = out.shape
        return out.reshape(-1, 2, leads, steps).transpose(0, 2, 3, 1).reshape(-1, leads, 2 * steps)

    def _layer(self, name: str, x: F32, *, stride: int = 1, dilation: int = 1) -> F32:
        weight, bias = self.layers[name]
        return conv1d(x, weight, bias, stride=stride, dilation=dilation)


@cache
def shipped() -> Net:
    """The net as it was trained on all development records."""
    return Net.from_weights(load("delineation"))
