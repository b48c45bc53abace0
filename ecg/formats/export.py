"""Recordings to files: WFDB (format 16), CSV, JSON. Samples come back to within one step of the source.

Nothing is filtered, scaled to taste or filled in: NaN stays "no signal" in each format's own way. Whoever the recording
is of is not written, for a `Recording` does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecg.record import F32, Recording

F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]

DIGITAL_MAX = 32767  # of format 16; -32768 says "no signal"
NO_SIGNAL = -32768
LATTICE_MISS_MAX = 0.02  # of a step: how far a sample may lie from the lattice of steps that is taken for the source's
GAP_UV_MIN = 1e-3  # closer levels are the blur of float32
UV_DIGITS = 3
ROWS = 100_000  # lines of text made at a time


def write_wfdb(recording: Recording, path: Path) -> None:
    """`<path>.hea` and `<path>.dat`, format 16, a gain a lead.

    Where a lead's samples lie on a lattice of equal steps, as those of every converter do, the file has the same steps
    and loses nothing; otherwise the steps are as fine as 16 bits over the lead's range allow.
    """
    record = path.with_suffix("") if path.suffix == ".hea" else path
    digital = np.empty(recording.signal_uv.shape, dtype="<i2")
    lines = [f"{record.name} {len(recording.leads)} {recording.fs:.10g} {len(digital)}{_start(recording)}"]
    for at, lead in enumerate(recording.leads):
        digital[:, at], gain, baseline = _digital(recording.signal_uv[:, at])
        first = int(digital[0, at]) if len(digital) else 0
        checksum = int(np.sum(digital[:, at], dtype=np.int64)) & 0xFFFF
        signed = checksum - 0x10000 if checksum >= 0x8000 else checksum
        lines.append(f"{record.name}.dat 16 {gain:.12g}({baseline})/mV 16 0 {first} {signed} 0 {lead}")
    if recording.meta.age_years is not None:
        lines.append(f"# age: {recording.meta.age_years}")
    if recording.meta.sex:
        lines.append(f"# sex: {recording.meta.sex}")
    record.with_name(record.name + ".dat").write_bytes(digital.tobytes())
    record.with_name(record.name + ".hea").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_csv(recording: Recording, path: Path) -> None:
    """A table with a header: `time_s`, then a column a lead, in mV; an empty cell where there was no signal."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(("time_s", *recording.leads)) + "\r\n")  # RFC 4180
        for first in range(0, len(recording.signal_uv), ROWS):
            part = recording.signal_uv[first : first + ROWS].astype(np.float64) / 1000.0
            times = (np.arange(first, first + len(part)) / recording.fs).tolist()
            for time_s, row in zip(times, part.tolist(), strict=True):
                cells = ("" if value != value else f"{value:.6f}" for value in row)
                file.write(f"{time_s:.6f},{','.join(cells)}\r\n")


def write_json(recording: Recording, path: Path) -> None:
    """One object: `fs`, `leads`, `start`, `sex`, `age_years`, `signal_uv`: rows of samples, null: no signal."""
    rows = [
        [None if value != value else round(value, UV_DIGITS) for value in row]
        for row in recording.signal_uv.astype(np.float64).tolist()
    ]
    value = {
        "fs": recording.fs,
        "leads": recording.leads,
        "start": recording.start.isoformat() if recording.start else None,
        "sex": recording.meta.sex,
        "age_years": recording.meta.age_years,
        "signal_uv": rows,
    }
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


FORMATS: Mapping[str, Callable[[Recording, Path], None]] = {
    "": write_wfdb,
    ".hea": write_wfdb,
    ".csv": write_csv,
    ".json": write_json,
}


def _start(recording: Recording) -> str:
    return f" {recording.start:%H:%M:%S %d/%m/%Y}" if recording.start else ""


def _digital(lead_uv: F32) -> tuple[I16, float, int]:
    """Samples in steps, steps a millivolt, the step that is 0 mV."""
    real = np.isfinite(lead_uv)
    values = lead_uv[real].astype(np.float64)
    steps = np.full(len(lead_uv), NO_SIGNAL, dtype=np.int16)
    if not len(values):
        return steps, 1000.0, 0
    gain = _lattice_gain(values)
    low, high = float(values.min()), float(values.max())
    if gain is None or (high - low) / 1000.0 * gain > 2 * DIGITAL_MAX - 1:
        gain = min(1000.0 * (2 * DIGITAL_MAX - 1) / max(high - low, 1.0), 100_000.0)
    # A lead far from zero, such as one of direct current, is brought into the range by its baseline.
    middle = round((low + high) / 2000.0 * gain)
    baseline = -middle if max(abs(low), abs(high)) / 1000.0 * gain > DIGITAL_MAX else 0
    steps[real] = np.clip(np.rint(values / 1000.0 * gain) + baseline, -DIGITAL_MAX, DIGITAL_MAX).astype(np.int16)
    return steps, gain, baseline


def _lattice_gain(values_uv: F64) -> float | None:
    """Steps a millivolt such that all samples are whole steps from zero, as the converter made them. None: no such."""
    levels = np.unique(values_uv)
    gaps = np.diff(levels)
    if not len(gaps) or gaps.max() < GAP_UV_MIN:
        return None
    step_uv = float(gaps[gaps >= GAP_UV_MIN].min())
    # float32 blurs a single gap. Each wider span from there is surely so many steps, and gives the step more exactly.
    spans = np.sort(np.abs(levels - levels[np.flatnonzero(gaps == step_uv)[0]]))
    for reach in (8, 64, 512, 4096, 32768):
        span = float(spans[np.searchsorted(spans, (reach + 0.5) * step_uv) - 1])
        step_uv = span / round(span / step_uv) if span else step_uv
    for gain in (round(1000.0 / step_uv, 3), 1000.0 / step_uv, 1000.0):  # the last: voltages rounded to 1 uV
        steps = levels / 1000.0 * gain
        if float(np.abs(steps - np.rint(steps)).max()) < LATTICE_MISS_MAX:
            return gain
    return None
