"""Trains the wave net: LUDB strips in, `ecg/trained/delineation.npz` out, figures by cross-validation over patients.

    python -m training.delineation --data ../shared/data [--folds DIR]

With `--folds` it writes instead one net a fold with the records that net has not seen; `./run bench accuracy --only
A7,A8 --folds DIR` gives the figures of the card. The net itself is `ecg.waves.net` in torch, with batch
normalisation that is folded into the weights at the end. How waves become marks stands in `ecg.waves.delineation`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import wfdb
from torch import nn
from torch.nn import functional

import ecg
from ecg.analysis import annotate
from ecg.signal.filters import moving_mean
from ecg.waves.net import BASELINE, RATE, inputs, resampled
from training.records import SEED, folds, records, write_fold

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Rng = np.random.Generator

HALF, QUARTER, SHARED = 24, 32, 48  # channels
EPOCHS, BATCH, RATE_MAX, DECAY = 40, 4, 4e-3, 1e-3
CROP = 640  # steps of a training strip
MEDIANS, MEDIAN_WEIGHT = 2, 0.15  # median beats a batch, for `waves.delineate`, and their part in the loss
PEAK_WEIGHT, PEAK_SD = 0.5, 1.5  # of the loss of the peaks; steps
MEDIAN_BEFORE, MEDIAN_AFTER, NEXT = 56, 94, 12  # steps: the median beat of `waves`, and what it leaves its neighbours
OUT = Path("ecg/trained/delineation.npz")


@dataclass(frozen=True)
class Strip:
    """signal (steps, leads) uV; beats (k,) steps; marks: a table a lead, rows of kind, first, peak, end in steps."""

    signal: F32
    beats: F64
    marks: list[F64]


@dataclass(frozen=True)
class Item:
    """What the net sees and should say: channels (leads, 5, steps), classes (leads, 4, steps), peaks (leads, 3, steps);
    known (leads, steps) is 1 where annotators looked."""

    channels: F32
    classes: F32
    peaks: F32
    known: F32


def strip(folder: Path, name: str) -> Strip:
    """A LUDB record at the net's rate with the beats that `ecg` detects, not the annotators'."""
    recording = ecg.read(folder / name)
    scale = RATE / recording.fs
    beats = np.array([beat.sample for beat in annotate(recording).beats]) * scale
    marks = [_marks(folder / name, lead.lower(), scale) for lead in recording.leads]
    return Strip(resampled(recording.signal_uv, recording.fs), beats, marks)


def _marks(path: Path, lead: str, scale: float) -> F64:
    note = wfdb.rdann(str(path), lead)
    rows = []
    for k, symbol in enumerate(note.symbol):
        if symbol not in "pNt":
            continue
        first = note.sample[k - 1] * scale if k and note.symbol[k - 1] == "(" else np.nan
        end = note.sample[k + 1] * scale if k + 1 < len(note.symbol) and note.symbol[k + 1] == ")" else np.nan
        rows.append(("pNt".index(symbol), first, note.sample[k] * scale, end))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def noises(folder: Path) -> list[F32]:
    """Electrode motion, muscle and baseline noise of unit size, (steps, 2) each."""
    found = []
    for name in ("em", "ma", "bw"):
        record = wfdb.rdrecord(str(folder / name))
        noise = resampled((1000 * record.p_signal).astype(np.float32), record.fs)
        if name != "bw":
            noise = noise - moving_mean(noise, 251)
        found.append((noise / noise.std()).astype(np.float32))
    return found


def augmented(whole: Strip, noise: list[F32], rng: Rng) -> Strip:
    """Another strip that an annotator would have marked alike: stretched, scaled, turned, noisy, some leads or beats
    gone."""
    signal, beats, marks = whole.signal, whole.beats, whole.marks
    if rng.random() < 0.6:
        stretch = float(np.exp(rng.uniform(-0.2, 0.2)))
        at = np.arange(int(len(signal) * stretch)) / stretch
        signal = np.stack([np.interp(at, np.arange(len(signal)), column) for column in signal.T], axis=1)
        beats, marks = beats * stretch, [table * [1, stretch, stretch, stretch] for table in marks]
    leads = np.arange(signal.shape[1])
    some = rng.random()
    if some < 0.75:
        leads = rng.permutation(leads)[: rng.integers(1, len(leads)) if some < 0.25 else len(leads) // 2]
    signal = signal[:, leads] * np.exp(rng.normal(0, 0.3, len(leads))) * np.where(rng.random(len(leads)) < 0.15, -1, 1)
    marks = [marks[lead] for lead in leads]
    beats = beats + rng.uniform(-1.2, 1.2, len(beats))
    if rng.random() < 0.15 and len(beats) > 4:
        beats = np.delete(beats, rng.integers(len(beats)))
    if rng.random() < 0.2:
        signal, beats, marks = _blocked(signal, beats, marks, rng)
    if rng.random() < 0.6:
        kind = int(rng.integers(len(noise)))
        level = np.exp(rng.uniform(np.log(0.01), np.log(0.15))) * (3 if kind == 2 else 1)
        size = level * np.percentile(np.abs(signal), 98, axis=0)
        for lead in range(signal.shape[1]):
            start = rng.integers(len(noise[kind]) - len(signal))
            stretch_of = noise[kind][start : start + len(signal), rng.integers(2)]
            signal[:, lead] += size[lead] * rng.uniform(0.3, 1) * stretch_of
    if rng.random() < 0.3:
        signal = signal + rng.normal(0, rng.uniform(2, 15), signal.shape)
    return Strip(signal.astype(np.float32), beats, marks)


def _blocked(signal: F64, beats: F64, marks: list[F64], rng: Rng) -> tuple[F64, F64, list[F64]]:
    """One QRS and its T taken out, its P left: an atrioventricular block of second degree."""
    table = marks[0]
    complexes = table[table[:, 0] == 1]
    if len(complexes) < 5:
        return signal, beats, marks
    r = complexes[rng.integers(1, len(complexes) - 1), 2]
    ends = table[(table[:, 0] == 2) & (table[:, 2] > r), 3]
    has_p = ((table[:, 0] == 0) & (table[:, 2] < r) & (table[:, 2] > r - 50)).any()
    edges = [rows[(rows[:, 0] == 1) & (np.abs(rows[:, 2] - r) < 20), 1] for rows in marks]
    first = int(np.floor(np.nanmin(np.concatenate([*edges, [r - 5]])))) - 1
    if not has_p or not len(ends) or not np.isfinite(ends[0]):
        return signal, beats, marks
    end = int(np.ceil(ends[0])) + 3
    if first < 6 or end >= len(signal) - 2 or end - first > 110:
        return signal, beats, marks
    fade = np.linspace(0, 1, end - first)[:, None]
    rest = signal[first - 6 : first] - signal[first - 6 : first].mean(axis=0)
    signal[first:end] = signal[first] * (1 - fade) + signal[end] * fade + 0.5 * np.resize(rest, signal[first:end].shape)
    marks = [rows[~((rows[:, 2] > first) & (rows[:, 2] < end))] for rows in marks]
    return signal, beats[(beats < first) | (beats > end)], marks


def item(part: Strip) -> Item:
    """Channels and targets; known from the first to the last mark of each lead."""
    steps = len(part.signal)
    r = np.clip(np.rint(part.beats), 0, steps - 1).astype(np.int64)
    channels = inputs(part.signal, np.unique(r)).transpose(1, 0, 2)
    targets = [_targets(rows, steps) for rows in part.marks]
    return Item(channels, *(np.stack(column) for column in zip(*targets, strict=True)))


def _targets(rows: F64, steps: int) -> tuple[F32, F32, F32]:
    """A step's class is the part of it that lies in the wave: edges between two steps are not lost."""
    at = np.arange(steps)
    waves, peaks = np.zeros((2, 3, steps), dtype=np.float32)
    known = np.zeros(steps, dtype=np.float32)
    if len(rows):
        known[max(0, int(np.ceil(np.nanmin(rows[:, 1:]) - 3))) : int(np.nanmax(rows[:, 1:]) + 4)] = 1
    for row in rows:
        kind, (first, peak, end) = int(row[0]), row[1:]
        peaks[kind] = np.maximum(peaks[kind], np.exp(-0.5 * ((at - peak) / PEAK_SD) ** 2))
        inner = (peak if np.isnan(first) else first, peak if np.isnan(end) else end)
        waves[kind] = np.maximum(
            waves[kind], np.clip(np.minimum(at + 0.5, inner[1]) - np.maximum(at - 0.5, inner[0]), 0, 1)
        )
        if np.isnan(first):
            known[max(0, int(peak) - 15) : int(peak)] = 0
        if np.isnan(end):
            known[int(peak) + 1 : int(peak) + 15] = 0
    waves /= np.maximum(waves.sum(axis=0), 1)
    return np.concatenate([1 - waves.sum(axis=0, keepdims=True), waves]), peaks, known


def cropped(one: Item, rng: Rng) -> Item:
    """At most CROP steps of it."""
    start = int(rng.integers(0, max(0, one.channels.shape[2] - CROP) + 1))
    return Item(*(part[..., start : start + CROP] for part in (one.channels, one.classes, one.peaks, one.known)))


def median_item(whole: Strip) -> Item | None:
    """The median beat as `waves.delineate` shows it to the net, its marks the medians of the beats' marks."""
    r = np.rint(whole.beats).astype(np.int64)
    r = r[(r >= MEDIAN_BEFORE) & (r + MEDIAN_AFTER <= len(whole.signal))]
    if len(r) < 3:
        return None
    flat = whole.signal - moving_mean(moving_mean(whole.signal, BASELINE), BASELINE)
    reach = int(np.median(np.diff(r))) - NEXT
    before, after = min(MEDIAN_BEFORE, reach), min(MEDIAN_AFTER, reach)
    beat = np.median(flat[r[:, None] + np.arange(-before, after)], axis=0).astype(np.float32)
    strips = [_median_marks(rows, r, before, after) for rows in whole.marks]
    one = item(Strip(beat, np.array([float(before)]), [marks for marks, _, _ in strips]))
    at = np.arange(before + after)
    for known, (marks, start, end) in zip(one.known, strips, strict=True):
        if len(marks):
            known[(at >= start) & (at <= end)] = 1
    return one


def _median_marks(rows: F64, r: npt.NDArray[np.int64], before: int, after: int) -> tuple[F64, float, float]:
    """A lead's marks on its median beat, and the stretch of it that annotators looked at: from the end of the last T
    to the next P or QRS."""
    found = []
    for kind, middle in enumerate((-18, 0, 35)):
        mine = rows[rows[:, 0] == kind]
        if not len(mine):
            continue
        owner = r[np.abs(r[None, :] + middle - mine[:, 2:3]).argmin(axis=1)]
        shift = mine[:, 1:] - owner[:, None]
        near = (shift[:, 1] > (-before, -12, 0)[kind]) & (shift[:, 1] < (0, 12, after)[kind])
        if near.sum() >= max(2, 0.5 * len(r) - 1):
            found.append([kind, *(np.nanmedian(shift[near], axis=0) + before)])
    waves = rows[rows[:, 0] == 2]
    past = [waves[waves[:, 2] < place][-1, 3] - place for place in r if (waves[:, 2] < place).any()]
    late = rows[rows[:, 0] < 2]
    coming = [np.nanmin(late[late[:, 2] > place + 25][0, 1:]) - place for place in r if (late[:, 2] > place + 25).any()]
    start = float(np.nanmedian(past)) + before + 2 if len(past) > 1 else before - 5.0
    end = float(np.nanmedian(coming)) + before - 2 if len(coming) > 1 else before + 70.0
    return np.array(sorted(found, key=lambda row: row[2]), dtype=np.float64).reshape(-1, 4), start, end


class WaveNet(nn.Module):
    """`ecg.waves.net` in torch; convolutions are 2-D over (1, steps), which is twice as fast on a processor."""

    def __init__(self) -> None:
        super().__init__()
        self.halved = _layer(5, HALF, 9, stride=2)
        self.quartered = _layer(HALF, QUARTER, 5, stride=2)
        widths = (2 * QUARTER, SHARED, SHARED, SHARED)
        self.shared = nn.ModuleList(_layer(w, SHARED, 5, dilation=d) for w, d in zip(widths, (1, 2, 4, 8), strict=True))
        self.each = nn.ModuleList(_layer(QUARTER, QUARTER, 5, dilation=d) for d in (1, 2, 4))
        self.told = nn.ModuleList(nn.Conv2d(SHARED, QUARTER, 1) for _ in range(2))
        self.fine = _layer(QUARTER + HALF, HALF, 5)
        self.out = nn.Conv2d(HALF, 14, (1, 5), padding=(0, 2))

    def forward(self, x: torch.Tensor, sizes: list[int]) -> torch.Tensor:
        """x (rows, 5, steps), the leads of one strip after those of the other, `sizes` leads each."""
        half = functional.relu(self.halved(x[:, :, None, :].contiguous(memory_format=torch.channels_last)))
        each = functional.relu(self.quartered(half))
        pooled = [torch.cat([part.mean(0), part.amax(0)]) for part in each.split(sizes)]
        shared = functional.relu(self.shared[0](torch.stack(pooled)))
        for layer in self.shared[1:]:
            shared = shared + functional.relu(layer(shared))
        owner = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        for layer, told in zip(self.each, self.told, strict=False):
            each = each + functional.relu(layer(each) + told(shared)[owner])
        each = each + functional.relu(self.each[2](each))
        fine = functional.relu(self.fine(torch.cat([each.repeat_interleave(2, 3), half], 1)))
        out = self.out(fine)[:, :, 0]
        rows, _, steps = out.shape
        return out.reshape(rows, 7, 2, steps).transpose(2, 3).reshape(rows, 7, 2 * steps)


def _layer(channels: int, out: int, taps: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    reach = dilation * (taps // 2)
    convolution = nn.Conv2d(
        channels, out, (1, taps), stride=(1, stride), dilation=(1, dilation), padding=(0, reach), bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(out))


def loss_of(net: WaveNet, items: list[Item]) -> torch.Tensor:
    """Cross-entropy of the classes and binary cross-entropy of the peaks, over the known steps."""
    steps = max(one.channels.shape[2] for one in items)
    steps += -steps % 4

    def joined(parts: list[F32]) -> torch.Tensor:
        padded = [np.pad(p, [(0, 0)] * (p.ndim - 1) + [(0, steps - p.shape[-1])]) for p in parts]
        return torch.from_numpy(np.concatenate(padded))

    out = net(joined([one.channels for one in items]), [len(one.channels) for one in items])
    known = joined([one.known for one in items])
    classes = -(joined([one.classes for one in items]) * functional.log_softmax(out[:, :4], 1)).sum(1)
    peaks = functional.binary_cross_entropy_with_logits(
        out[:, 4:], joined([one.peaks for one in items]), reduction="none"
    )
    return ((classes + PEAK_WEIGHT * peaks.sum(1)) * known).sum() / known.sum()


def fitted(strips: list[Strip], noise: list[F32], seed: int) -> WaveNet:
    """A net trained on the strips."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    net = WaveNet()
    steps = EPOCHS * -(-len(strips) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE_MAX, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_MAX, steps, pct_start=0.2)
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in np.array_split(rng.permutation(len(strips)), -(-len(strips) // BATCH)):
            items = [cropped(item(augmented(strips[k], noise, rng)), rng) for k in batch]
            medians = [median_item(augmented(strips[k], noise, rng)) for k in rng.integers(len(strips), size=MEDIANS)]
            loss = loss_of(net, items)
            if beats := [one for one in medians if one is not None]:
                loss = loss + MEDIAN_WEIGHT * loss_of(net, beats)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"seed {seed} epoch {epoch} loss {total * BATCH / len(strips):.4f}", flush=True)
    return net.eval()


def exported(net: WaveNet) -> dict[str, np.ndarray]:
    """Normalisation folded in; weights as int8 with a float32 scale an output, biases float32."""
    arrays: dict[str, np.ndarray] = {}

    def put(name: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
        table = weight.detach().double().numpy()[:, :, 0]
        scale = np.abs(table).max(axis=(1, 2)) / 127
        arrays[f"{name}.weight"] = np.rint(table / scale[:, None, None]).astype(np.int8)
        arrays[f"{name}.scale"] = scale.astype(np.float32)
        arrays[f"{name}.bias"] = bias.detach().double().numpy().astype(np.float32)

    def put_folded(name: str, layer: nn.Module) -> None:
        convolution, norm = layer
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        put(name, convolution.weight * gain[:, None, None, None], norm.bias - norm.running_mean * gain)

    put_folded("halved", net.halved)
    put_folded("quartered", net.quartered)
    for index, layer in enumerate(net.shared):
        put_folded(f"shared{index}", layer)
    for index, layer in enumerate(net.each):
        put_folded(f"each{index}", layer)
    for index, told in enumerate(net.told):
        put(f"told{index}", told.weight, told.bias)
    put_folded("fine", net.fine)
    put("out", net.out.weight, net.out.bias)
    return arrays


def main() -> None:
    """The weights of every fold where asked, else those of all records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the development records")
    parser.add_argument("--folds", type=Path, help="write one net a fold here instead of the product's")
    given = parser.parse_args()
    names, noise = records(given.data / "ludb"), noises(given.data / "nstdb")
    strips = {name: strip(given.data / "ludb", name) for name in names}
    if given.folds is None:
        np.savez_compressed(OUT, **exported(fitted(list(strips.values()), noise, SEED)))
        return
    for number, held in enumerate(folds(names)):
        net = fitted([strips[name] for name in names if name not in held], noise, SEED + number)
        write_fold(given.folds, "delineation", number, exported(net), (f"ludb/{name}" for name in held))


if __name__ == "__main__":
    main()
