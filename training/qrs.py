"""Trains the QRS net of `ecg/beats/detector.py` on the development halves of MIT-BIH, LUDB and CPSC 2021, with noise of
NSTDB.

`python -m training.qrs --data ../shared/data` writes `ecg/trained/qrs.npz`; with `--folds DIR` it writes instead one
model a fold into DIR, each blind to its fold's patients, for `./run bench accuracy`. About ten minutes a model on one
core.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

import ecg
from ecg.signal.level import level
from ecg.signal.trace import trace_of
from training import records as places

CELL = 4  # rows of the trace
CHANNELS, STEM = 24, 16
ACTIVE = 16.0  # activations are whole parts of 1/16, up to 127
CROP_S, EPOCHS, BATCH, CROPS = 30, 14, 32, 1152
MEAN = 0.99  # the product is the running mean of the weights, whose answers change less from run to run
DROP = 0.05  # of the channels of a crop, while training
BEATS = set("NLRBAaJSVrFejnE/fQ?")
NOISE_DB = (-6.0, 18.0)
NOTHING = -1.0


class Whole(torch.autograd.Function):
    """Rounds on the way forward, is not there on the way back."""

    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad):
        return grad


def whole(x: torch.Tensor) -> torch.Tensor:
    return Whole.apply(x)


def active(x: torch.Tensor) -> torch.Tensor:
    """What an activation can be: 0 to 127 sixteenths."""
    return whole(torch.clamp(x, 0, 127 / ACTIVE) * ACTIVE) / ACTIVE


class Conv(nn.Module):
    """A convolution whose weights are whole parts, 127 to the largest of each output channel."""

    def __init__(self, inside: int, outside: int, width: int, *, step: int = 1, spread: int = 1, pad: tuple[int, int]):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, width) * math.sqrt(2 / (inside * width)))
        self.bias = nn.Parameter(torch.zeros(outside))
        self.step, self.spread, self.pad = step, spread, pad

    def scale(self) -> torch.Tensor:
        return self.weight.detach().abs().amax(dim=(1, 2)).clamp(min=1e-6) / 127

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.scale()[:, None, None]
        weight = whole(self.weight / scale) * scale
        bias = whole(self.bias * ACTIVE / scale[:, 0, 0]) * scale[:, 0, 0] / ACTIVE
        return nn.functional.conv1d(
            nn.functional.pad(x, self.pad), weight, bias, stride=self.step, dilation=self.spread
        )

    def export(self) -> dict[str, np.ndarray]:
        """weight (width * inside, outside) int8, bias int32, scale float32: y = scale * (x @ weight + bias), in
        1/16.
        """
        scale = self.scale()
        weight = torch.round(self.weight.detach() / scale[:, None, None]).to(torch.int8)
        bias = torch.round(self.bias.detach() * ACTIVE / scale).to(torch.int32)
        table = weight.permute(2, 1, 0).reshape(-1, weight.shape[0])
        return {"weight": table.numpy(), "bias": bias.numpy(), "scale": scale.to(torch.float32).numpy()}


class Net(nn.Module):
    """As `ecg.beats.detector` runs it: each lead alone to cells of 40 ms, then all leads together."""

    def __init__(self) -> None:
        super().__init__()
        c = CHANNELS
        self.stem1 = Conv(1, STEM, 8, step=2, pad=(3, 3))
        self.stem2 = Conv(STEM, c, 4, step=2, pad=(1, 1))
        self.lead = nn.ModuleList(Conv(c, c, 3, spread=d, pad=(d, d)) for d in (1, 2, 4))
        self.fuse = Conv(2 * c, c, 3, pad=(1, 1))
        self.all = nn.ModuleList([Conv(c, c, 3, spread=d, pad=(d, d)) for d in (2, 4)])
        self.past = Conv(c, c, 3, spread=8, pad=(16, 0))
        self.head = Conv(c, 1, 1, pad=(0, 0))

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """x (batch, leads, rows) in 1/16; there (batch, leads) 0 or 1 -> logits (batch, cells)."""
        batch, leads, rows = x.shape
        y = active(self.stem2(active(self.stem1(x.reshape(batch * leads, 1, rows)))))
        for conv in self.lead:
            y = torch.clamp(active(conv(y)) + y, max=127 / ACTIVE)
        y = nn.functional.dropout1d(y, DROP, self.training) if self.training else y
        y = y.reshape(batch, leads, *y.shape[1:]) * there[:, :, None, None]
        mean = whole(y.sum(1) / there.sum(1).clamp(min=1)[:, None, None] * ACTIVE) / ACTIVE
        z = active(self.fuse(torch.cat([mean, y.amax(1)], dim=1)))
        for conv in [*self.all, self.past]:
            z = torch.clamp(active(conv(z)) + z, max=127 / ACTIVE)
        return self.head(z)[:, 0]

    def export(self) -> dict[str, np.ndarray]:
        named = {"stem1": self.stem1, "stem2": self.stem2, "fuse": self.fuse, "past": self.past, "head": self.head}
        named |= {f"lead{i}": conv for i, conv in enumerate(self.lead)} | {f"all{i}": c for i, c in enumerate(self.all)}
        return {f"{name}.{key}": value for name, conv in named.items() for key, value in conv.export().items()}


class Source:
    """One record: its trace (rows, leads) float32, beat rows, and which rows are known (no VF, inside the marks)."""

    def __init__(self, name: str, trace: np.ndarray, rows: np.ndarray, known: np.ndarray) -> None:
        self.name, self.trace, self.rows, self.known = name, trace.astype(np.float32), rows, known
        near = np.stack(
            [np.ptp(self.trace[max(0, int(r) - 8) : int(r) + 9], axis=0) for r in rows[:: max(1, len(rows) // 200)]]
        )
        self.size = np.maximum(np.median(near, axis=0), 50.0)  # peak to peak of a QRS, by lead


def sources(folder: Path) -> list[Source]:
    import wfdb

    made = []
    for base in ("mitdb", "cpsc2021"):
        for name in places.records(folder / base):
            rec = ecg.read(folder / base / name)
            ann = wfdb.rdann(str(folder / base / name), "atr")
            trace = trace_of(rec.signal_uv, rec.fs)
            at = np.array([s for s, sym in zip(ann.sample, ann.symbol, strict=True) if sym in BEATS]) * 100.0 / rec.fs
            known = np.ones(len(trace), dtype=bool)
            begin = None
            for sample, symbol in zip(ann.sample, ann.symbol, strict=True):
                row = int(sample * 100 / rec.fs)
                if symbol == "[":
                    begin = row
                elif symbol == "]" and begin is not None:
                    known[max(0, begin - 50) : row + 50] = False
                    begin = None
            made.append(Source(f"{base}/{name}", trace, at, known))
    for name in places.records(folder / "ludb"):
        rec = ecg.read(folder / "ludb" / name)
        marks = []
        for lead in rec.leads:
            ann = wfdb.rdann(str(folder / "ludb" / name), lead.lower())
            marks.append([s for s, sym in zip(ann.sample, ann.symbol, strict=True) if sym == "N"])
        flat = np.sort(np.concatenate([np.array(m) for m in marks]))
        groups = np.split(flat, np.flatnonzero(np.diff(flat) > 50) + 1)
        at = np.array([np.median(g) for g in groups if len(g) >= 6]) * 100.0 / rec.fs
        trace = trace_of(rec.signal_uv, rec.fs)
        known = np.zeros(len(trace), dtype=bool)
        known[int(at[0]) - 15 : int(at[-1]) + 25] = True
        made.append(Source(f"ludb/{name}", trace, at, known))
    return made


class Crops:
    """Random stretches of random sources, stretched, scaled, turned over, and put in noise."""

    def __init__(self, made: list[Source], noise: dict[str, np.ndarray], seed: int) -> None:
        self.made, self.noise = made, noise
        self.rng = np.random.default_rng(seed)
        weight = np.array(
            [60.0 if s.name.startswith("mitdb") else 8.0 if s.name.startswith("cpsc") else 3.0 for s in made]
        )
        self.weight = weight / weight.sum()

    def one(self, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """levelled (leads, rows) int8 of two leads, there (2,), target (cells,), weight (cells,)."""
        rng = self.rng
        source = self.made[rng.choice(len(self.made), p=self.weight)]
        speed = float(np.exp(rng.uniform(-0.22, 0.22))) if rng.random() < 0.6 else 1.0
        length = min(int(rows * speed), len(source.trace))
        first = int(rng.integers(0, len(source.trace) - length + 1))
        at = first + np.arange(int(length / speed)) * speed
        low = np.minimum(at.astype(int), len(source.trace) - 2)
        part = (at - low)[:, None]
        leads = rng.permutation(source.trace.shape[1])[:2]
        x = source.trace[low][:, leads] * (1 - part) + source.trace[low + 1][:, leads] * part
        x = x / source.size[leads] * 1000.0
        if rng.random() < 0.3:  # leads that nobody recorded: mixtures of those there are
            x = x @ rng.normal(0, 1, (2, 2))
        centre = (source.rows - first) / speed
        if rng.random() < 0.25:  # beats come larger and smaller
            inside = centre[(centre >= 0) & (centre < len(x))]
            if len(inside) > 2:
                gain = np.interp(np.arange(len(x)), inside, np.exp(rng.normal(0, 0.3, len(inside))))
                x = x * gain[:, None]
        x = x * np.exp(rng.normal(0, 0.5, 2))
        x = x * np.where(rng.random(2) < 0.1, -1, 1)
        x = self._in_noise(x)
        levelled, _ = level(np.clip(np.rint(x), -32000, 32000).astype(np.int16))
        there = np.ones(2, dtype=np.float32)
        if rng.random() < 0.4:
            there[rng.integers(0, 2)] = 0
        out = np.zeros((2, rows), dtype=np.int8)
        out[:, : len(levelled)] = levelled.T
        cells = rows // CELL
        target, weight = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
        known = source.known[low][: len(at) // CELL * CELL].reshape(-1, CELL).all(axis=1)
        weight[3 : len(known) - 3] = known[3 : len(known) - 3]
        for row in centre[(centre >= 0) & (centre < len(at) - CELL)]:
            cell = int(row // CELL)
            side = cell + (1 if row - cell * CELL >= CELL / 2 else -1)
            if 0 <= side < cells and target[side] == 0:
                weight[side] *= 0.1
            target[cell] = 1
        return out, there, target, weight

    def _in_noise(self, x: np.ndarray) -> np.ndarray:
        rng = self.rng
        x = x + rng.normal(0, rng.uniform(0, 15), x.shape)
        if rng.random() < 0.35:
            return x
        for lead in range(x.shape[1]):
            if rng.random() < 0.2:
                continue
            kind = rng.choice(["em", "em", "ma", "bw"])
            record = self.noise[kind]
            # Fifteen minutes of noise are few: stretched, reversed and mixed they do not repeat themselves.
            speed = float(np.exp(rng.uniform(-0.4, 0.4))) if rng.random() < 0.5 else 1.0
            begin = rng.uniform(0, len(record) - len(x) * speed - 2)
            rows = (begin + np.arange(len(x)) * speed).astype(int)
            noise = record[rows] @ rng.normal(0, 1, 2)
            noise = noise[::-1] if rng.random() < 0.5 else noise
            noise = noise / max(1.0, float(np.sqrt(np.mean(noise**2))))
            power = (1000.0**2 / 8) / 10 ** (rng.uniform(*NOISE_DB) / 10)
            gate = np.ones(len(x))
            if rng.random() < 0.4:
                a, b = np.sort(rng.integers(0, len(x), 2))
                gate[:] = 0
                gate[a:b] = 1
            x[:, lead] += noise * math.sqrt(power) * gate
        if rng.random() < 0.1:
            x[int(rng.integers(0, len(x))) :, rng.integers(0, x.shape[1])] += rng.normal(0, 1500)
        return x


def train(made: list[Source], noise: dict[str, np.ndarray], *, seed: int, epochs: int, log: str) -> Net:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    net, crops = Net(), Crops(made, noise, seed)
    steps = epochs * (CROPS // BATCH)
    best = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(best, max_lr=6e-3, total_steps=steps, pct_start=0.15)
    with torch.no_grad():
        net.head.bias[:] = -3.0
    mean = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(MEAN))
    total = 0.0
    for step in range(steps):
        batch = [crops.one(CROP_S * 100) for _ in range(BATCH)]
        x, there, target, weight = (torch.from_numpy(np.stack(column)) for column in zip(*batch, strict=True))
        logit = net(x.float() / ACTIVE, there)
        loss = nn.functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
        loss = (loss * weight).sum() / weight.sum()
        best.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        best.step()
        plan.step()
        mean.update_parameters(net)
        total += float(loss.detach())
        if (step + 1) % (CROPS // BATCH) == 0:
            print(f"{log} epoch {(step + 1) // (CROPS // BATCH)}: loss {total / (CROPS // BATCH):.5f}", flush=True)
            total = 0.0
    averaged: Net = mean.module
    return averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folds", type=Path, help="write one model a fold here instead of the product's")
    parser.add_argument("--only", type=int, nargs="*", help="these folds only")
    parser.add_argument("--noise-part", type=float, default=1.0, help="train on this first part of the noise records")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=Path("ecg/trained/qrs.npz"))
    given = parser.parse_args()
    made = sources(given.data)
    noise = {}
    for kind in ("em", "ma", "bw"):
        whole = _noise(given.data / "nstdb" / kind)
        noise[kind] = whole[: int(len(whole) * given.noise_part)]
    if given.folds is None:
        net = train(made, noise, seed=places.SEED, epochs=given.epochs, log="all")
        np.savez_compressed(given.out, **net.export())
        return
    given.folds.mkdir(parents=True, exist_ok=True)
    for index, blind in enumerate(places.folds([s.name for s in made])):
        if given.only and index not in given.only:
            continue
        net = train(
            [s for s in made if s.name not in blind],
            noise,
            seed=places.SEED + index,
            epochs=given.epochs,
            log=f"fold {index}",
        )
        np.savez_compressed(given.folds / f"qrs{index}.npz", **net.export())
        (given.folds / f"qrs{index}.txt").write_text("\n".join(blind) + "\n")


def _noise(path: Path) -> np.ndarray:
    import wfdb

    record = wfdb.rdrecord(str(path))
    return trace_of((record.p_signal * 1000).astype(np.float32), record.fs).astype(np.float32)


if __name__ == "__main__":
    main()
