"""The printed trace: samples to SVG at 25 mm/s and 10 mm/mV, exact to a hundredth of a millimetre.

Arithmetic only. Units are hundredths of a millimetre, whole numbers, y downwards; the sheet is 265 x 115 mm: 15 mm for
the calibration pulse, 250 mm for ten seconds, four rows 27 mm apart. Paper and ink are two pictures: the template puts
the lead names between them, so that no name ever covers a trace. Nothing is filtered or smoothed; each piece is only
shifted so that its median lies on the row's baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg.record import F32, I64, Recording

MM = 100
WIDTH_MM, HEIGHT_MM = 265, 115
PULSE_MM = 15
SPEED_MM_S, GAIN_MM_MV = 25, 10
SECONDS = 10.0
BASELINES_MM = (20, 47, 74, 101)
COLUMN_S = SECONDS / 4
COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
POINTS_MM_MAX = 20
"""At most this many points a millimetre; with more samples the extremes of each step are kept, never every n-th."""

GRID_1, GRID_5, INK = "#f7dbd7", "#eab0a8", "#000000"
"""Light enough that a fax drops the paper and keeps the trace."""


@dataclass(frozen=True)
class Label:
    """A lead's name at the left of its piece, mm from the sheet's corner. `seen` False: it carries nothing there."""

    lead: str
    x_mm: float
    y_mm: float
    seen: bool


@dataclass(frozen=True)
class Trace:
    """What of a recording goes on paper: the ruled paper, the ink upon it, the names of the leads."""

    paper_svg: str
    ink_svg: str
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class _Piece:
    """One lead from `first_s` on for `seconds`, drawn on one row from where `at_s` would stand."""

    lead: str
    row: int
    at_s: float
    first_s: float
    seconds: float


def synchronous(recording: Recording) -> bool:
    """Whether all columns show the same moments; one after the other, a short recording's last would be empty."""
    return recording.seconds < SECONDS - COLUMN_S / 2


def trace(recording: Recording) -> Trace:
    """The first ten seconds in 3x4 and a rhythm strip (II, or the first lead there is)."""
    follow = 0.0 if synchronous(recording) else COLUMN_S
    rhythm = "II" if "II" in recording.leads else next(iter(recording.leads), "")
    pieces = [
        _Piece(lead, row, column * COLUMN_S, column * follow, COLUMN_S)
        for column, leads in enumerate(COLUMNS)
        for row, lead in enumerate(leads)
    ]
    pieces.append(_Piece(rhythm, len(BASELINES_MM) - 1, 0.0, 0.0, SECONDS))
    drawn = [(piece, _path(recording, piece)) for piece in pieces]
    labels = tuple(Label(p.lead, _x_mm(p.at_s) + 1, BASELINES_MM[p.row] - 13, bool(d)) for p, d in drawn)
    ink = "".join(f'<path d="{d}"/>' for _, d in drawn if d)
    pulses = "".join(_pulse(y) for y in BASELINES_MM)
    bounds = "".join(_bound(_x_mm(column * COLUMN_S), y) for column in range(1, 4) for y in BASELINES_MM[:3])
    drawing = (
        f'<g fill="none" stroke="{INK}" stroke-width="{0.3 * MM:g}" stroke-linejoin="round">{pulses}{ink}</g>'
        f'<g stroke="{INK}" stroke-width="{0.15 * MM:g}">{bounds}</g>'
    )
    return Trace(_svg(_grid()), _svg(drawing), labels)


def _svg(content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" '
        f'viewBox="0 0 {WIDTH_MM * MM} {HEIGHT_MM * MM}">{content}</svg>'
    )


def _x_mm(at_s: float) -> float:
    return PULSE_MM + at_s * SPEED_MM_S


def _grid() -> str:
    """Every millimetre, and every fifth above it: whole millimetres from the sheet's corner."""
    fine = "".join(_line(mm) for mm in range(1, WIDTH_MM) if mm % 5) + "".join(
        _line(mm, across=True) for mm in range(1, HEIGHT_MM) if mm % 5
    )
    bold = "".join(_line(mm) for mm in range(0, WIDTH_MM + 1, 5)) + "".join(
        _line(mm, across=True) for mm in range(0, HEIGHT_MM + 1, 5)
    )
    return (
        f'<path fill="none" stroke="{GRID_1}" stroke-width="{0.1 * MM:g}" d="{fine}"/>'
        f'<path fill="none" stroke="{GRID_5}" stroke-width="{0.2 * MM:g}" d="{bold}"/>'
    )


def _line(mm: int, *, across: bool = False) -> str:
    return f"M0 {mm * MM}h{WIDTH_MM * MM}" if across else f"M{mm * MM} 0v{HEIGHT_MM * MM}"


def _pulse(baseline_mm: int) -> str:
    """1 mV for 200 ms, drawn by the same scale as the trace."""
    high, wide = GAIN_MM_MV * MM, round(0.2 * SPEED_MM_S * MM)
    return f'<path d="M{3 * MM} {baseline_mm * MM}h{2 * MM}v{-high}h{wide}v{high}h{2 * MM}"/>'


def _bound(x_mm: float, baseline_mm: int) -> str:
    """Where one lead ends and the next begins: two short strokes, off the trace."""
    x, y = round(x_mm * MM), baseline_mm * MM
    return f'<path d="M{x} {y - 900}v200M{x} {y + 700}v200"/>'


def _path(recording: Recording, piece: _Piece) -> str:
    """The path of one piece, broken where there is no signal; empty when there is none at all."""
    if piece.lead not in recording.leads:
        return ""
    first = round(piece.first_s * recording.fs)
    wave = recording.lead(piece.lead)[first : first + round(piece.seconds * recording.fs)]
    if not np.isfinite(wave).any():
        return ""
    at, level = _thin(wave, recording.fs)
    x = np.rint((_x_mm(piece.at_s) + at / recording.fs * SPEED_MM_S) * MM).astype(np.int64)
    y_mm = BASELINES_MM[piece.row] - (level - np.nanmedian(wave)) / 1000 * GAIN_MM_MV
    # Tall chest leads cross into the next row as on any ECG paper. What leaves the sheet is not drawn: a line along its
    # edge would look like a plateau.
    shown = np.isfinite(level) & (y_mm >= 0) & (y_mm <= HEIGHT_MM)
    y = np.rint(np.where(shown, y_mm, 0) * MM).astype(np.int64)
    return "".join(_run(x[a:b], y[a:b]) for a, b in _runs(shown))


def _thin(wave: F32, fs: float) -> tuple[I64, F32]:
    """Sample positions and levels to draw: all, or the two extremes of each step when a pen shows no more."""
    step = int(np.ceil(2 * fs / (POINTS_MM_MAX * SPEED_MM_S)))
    if fs <= POINTS_MM_MAX * SPEED_MM_S:
        return np.arange(len(wave), dtype=np.int64), wave
    keep: set[int] = set()
    for start in range(0, len(wave), step):
        part = wave[start : start + step]
        if np.isfinite(part).all():
            keep.update((start + int(part.argmin()), start + int(part.argmax())))
        else:
            keep.update(range(start, start + len(part)))
    at = np.array(sorted(keep), dtype=np.int64)
    return at, wave[at]


def _runs(there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """Half-open ranges in which `there` holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _run(x: I64, y: I64) -> str:
    steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(x).tolist(), np.diff(y).tolist(), strict=True))
    return f"M{x[0]} {y[0]}l{steps}" if steps else f"M{x[0]} {y[0]}h1"
