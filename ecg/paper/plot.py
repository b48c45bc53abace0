"""A recording on ECG paper: an SVG in true millimetres, and the PDF or PNG made of it.

Arithmetic on samples and results; nothing is filtered, smoothed or measured here. Lengths are millimetres, y downwards.
The drawing is our own SVG, because a grid that must measure true on paper is easier written than configured; typst,
which also prints the reports, turns it into PDF and PNG. What is written on the page stands in `words`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from ecg.errors import FontMissing, PackageMissing, PaperTooLong, StretchEmpty
from ecg.paper import words
from ecg.paper.words import Lang
from ecg.record import I64, STANDARD_LEADS, Recording
from ecg.results import Analysis, Span

F64 = npt.NDArray[np.float64]
Layout = Literal["12x1", "6x2", "3x4+1", "rhythm"]

SECONDS = 10.0  # shown unless asked otherwise, and the length of a row of a rhythm strip
RHYTHM_LEADS = ("II", "MLII")
A4_MM = (297.0, 210.0)  # landscape; the smallest page
MARGIN_MM = 16.0
PULSE_MM = 15.0  # for the calibration pulse, left of each row
LANE_MM = 13.0  # below the trace: symbols of beats, bars of rhythms
HEADROOM_MM_MAX = 40.0  # above the first row, for a tall R
BAR_LINES_MM = (12.2, 9.2, 6.2)  # of a lane: base rhythms on the lowest, what lies upon them above
ONE_COLUMN_MAX, COLUMN_MM_MIN = 4, 125.0  # findings above the sheet
PAPER_MM_MAX = 1600.0
POINTS_MM_MAX = 20.0  # with more samples the extremes of each step are kept, never every n-th
GRID_1, GRID_5, INK, NOTE, DARK = "#f7dbd7", "#eab0a8", "#000000", "#17457f", "#e4e4e4"
# Fonts with Chinese characters of the usual systems; without any of them a Chinese page is refused.
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Noto Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "SimSun",
)
LATIN_FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")


@dataclass(frozen=True)
class Page:
    """What of a recording is drawn, and how.

    seconds  from, to; None: ten seconds on. Cut to the recording.
    layout   None: 3x4+1 for twelve leads or more, else a row a lead.
    """

    seconds: tuple[float, float | None] = (0.0, None)
    layout: Layout | None = None
    speed_mm_s: float = 25.0
    gain_mm_mv: float = 10.0
    lang: Lang = "en"


@dataclass(frozen=True)
class Drawing:
    """An SVG and the size that its own millimetres have."""

    svg: str
    width_mm: float
    height_mm: float


@dataclass(frozen=True)
class _Piece:
    """A lead from `first_s` to `end_s`, whose time `first_s` stands at x and whose median lies at y (of the sheet)."""

    lead: str
    x: float
    y: float
    first_s: float
    end_s: float


@dataclass(frozen=True)
class _Plan:
    """What stands where on the ruled sheet. A lane is a piece without a lead, and y its upper edge."""

    pieces: list[_Piece]
    lanes: list[_Piece]
    width: float
    height: float


def draw(recording: Recording, analysis: Analysis, page: Page, *, title: str) -> Drawing:
    """The page as SVG.

    Raises  StretchEmpty: no sample lies in `page.seconds`. PaperTooLong: more than 1.6 m of paper.
    """
    first_s, end_s = page.seconds
    end_s = min(first_s + SECONDS if end_s is None else end_s, recording.seconds)
    if end_s <= first_s:
        asked = first_s + SECONDS if page.seconds[1] is None else page.seconds[1]
        raise StretchEmpty(path=title, first=first_s, end=asked, seconds=round(recording.seconds, 3))
    plan = _plan(recording, page, first_s, end_s)
    if max(plan.width, plan.height) > PAPER_MM_MAX:
        raise PaperTooLong(mm=round(max(plan.width, plan.height)), mm_max=round(PAPER_MM_MAX))
    width = max(A4_MM[0], plan.width + 2 * MARGIN_MM)
    stretch = Span(math.floor(first_s * recording.fs), math.ceil(end_s * recording.fs))
    head, head_mm = _head(recording, analysis, page, title, width, stretch)
    sheet = _sheet(recording, analysis, plan, page)
    foot_y = head_mm + plan.height + 5
    foot = words.scale(recording, page.speed_mm_s, page.gain_mm_mv, (first_s, end_s), page.lang)
    height = max(A4_MM[1], foot_y + 8)
    content = (
        f"{head}{_nested(sheet, MARGIN_MM, head_mm, plan)}"
        f"{_text(MARGIN_MM, foot_y, foot, 2.8)}"
        f"{_text(width - MARGIN_MM, foot_y, words.ADVICE[page.lang], 2.8, anchor='end')}"
    )
    fonts = ", ".join(
        f"'{name}'" for name in ((*CJK_FONTS, *LATIN_FONTS) if page.lang == "zh" else LATIN_FONTS + CJK_FONTS)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="{fonts}, sans-serif">'
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>{content}</svg>\n'
    )
    return Drawing(svg, width, height)


def rendered(drawing: Drawing, kind: str, lang: Lang, dpi: int) -> bytes:
    """The drawing as a file: `svg`, `pdf` (vector, fonts embedded) or `png` (`dpi` dots an inch).

    Raises  PackageMissing: typst is not installed. FontMissing: the page is Chinese and no font can show it. An SVG
            needs neither: there the viewer's own fonts are used.
    """
    if kind == "svg":
        return drawing.svg.encode()
    try:
        import typst
    except ImportError:
        raise PackageMissing(format=kind.upper(), package="typst") from None
    if lang == "zh" and not set(CJK_FONTS) & set(typst.Fonts(include_system_fonts=True).families()):
        raise FontMissing
    size = f"width: {drawing.width_mm:g}mm, height: {drawing.height_mm:g}mm"
    # No date in the file: the same drawing gives the same bytes.
    template = f'#set document(date: none)\n#set page({size}, margin: 0pt)\n#image("page.svg", width: 100%)'
    files = {"main.typ": template.encode(), "page.svg": drawing.svg.encode()}
    options = {"ppi": float(dpi)} if kind == "png" else {}
    # The package's own types do not know yet that it takes the files of a document by name.
    return bytes(typst.compile(files, format=kind, **options))  # type: ignore[call-overload]


def _plan(recording: Recording, page: Page, first_s: float, end_s: float) -> _Plan:
    leads = list(recording.leads)
    if set(STANDARD_LEADS) <= set(leads):
        leads = [*STANDARD_LEADS, *(lead for lead in leads if lead not in STANDARD_LEADS)]
    tall = max(1.0, page.gain_mm_mv / 10.0)
    layout = page.layout or ("3x4+1" if len(leads) >= len(STANDARD_LEADS) else "12x1")
    if layout == "rhythm":
        return _rhythm(recording, _rhythm_lead(leads), page, (first_s, end_s), 27 * tall)
    rows = {"12x1": len(leads), "6x2": 6, "3x4+1": 3}[layout]
    pitch = tall * (27 if rows <= 3 else 22 if rows <= 6 else 15)
    columns = math.ceil(len(leads) / rows)
    column_s = (end_s - first_s) / columns
    starts = [first_s + at * column_s for at in range(columns)]

    top = _headroom(recording, leads[::rows], (first_s, end_s), page, pitch)

    def x(at_s: float) -> float:
        return PULSE_MM + (at_s - first_s) * page.speed_mm_s

    pieces = [
        _Piece(lead, x(start), top + (row + 0.5) * pitch, start, start + column_s)
        for column, start in enumerate(starts)
        for row, lead in enumerate(leads[column * rows : (column + 1) * rows])
    ]
    height = top + rows * pitch
    lanes = [_Piece("", x(start), height, start, start + column_s) for start in starts]
    if layout == "3x4+1":
        pieces.append(_Piece(_rhythm_lead(leads), x(first_s), height + 0.5 * pitch, first_s, end_s))
        height += 0.8 * pitch
        lanes = [_Piece("", x(first_s), height, first_s, end_s)]
    return _Plan(pieces, lanes, _fives(x(end_s)), _fives(height + LANE_MM))


def _rhythm_lead(leads: list[str]) -> str:
    return next((lead for lead in RHYTHM_LEADS if lead in leads), leads[0])


def _headroom(
    recording: Recording, leads: list[str], stretch_s: tuple[float, float], page: Page, pitch: float
) -> float:
    """How much the first row needs above it so that no R is cut off, in large squares."""
    first, end = (round(at_s * recording.fs) for at_s in stretch_s)
    waves = [recording.lead(lead)[first:end] for lead in leads]
    tall_uv = max((float(np.nanmax(w) - np.nanmedian(w)) for w in waves if np.isfinite(w).any()), default=0.0)
    over = tall_uv / 1000 * page.gain_mm_mv + 1 - pitch / 2
    return min(max(5.0, _fives(over)), HEADROOM_MM_MAX)


def _rhythm(recording: Recording, lead: str, page: Page, stretch_s: tuple[float, float], pitch: float) -> _Plan:
    """One lead, in as many rows of ten seconds as it takes."""
    first_s, end_s = stretch_s
    rows = math.ceil((end_s - first_s) / SECONDS - 1e-9)
    starts = [first_s + row * SECONDS for row in range(rows)]
    row_mm = pitch + LANE_MM
    above = _headroom(recording, [lead], (first_s, min(first_s + SECONDS, end_s)), page, pitch)
    tops = [above + row * row_mm for row in range(rows)]
    stretches = [(start, min(start + SECONDS, end_s), top) for start, top in zip(starts, tops, strict=True)]
    pieces = [_Piece(lead, PULSE_MM, top + pitch / 2, start, end) for start, end, top in stretches]
    lanes = [_Piece("", PULSE_MM, top + pitch, start, end) for start, end, top in stretches]
    width = PULSE_MM + min(SECONDS, end_s - first_s) * page.speed_mm_s
    return _Plan(pieces, lanes, _fives(width), _fives(above + rows * row_mm))


def _fives(mm: float) -> float:
    """Up to a whole large square."""
    return 5.0 * math.ceil(mm / 5.0 - 1e-9)


def _head(
    recording: Recording, analysis: Analysis, page: Page, title: str, width: float, stretch: Span
) -> tuple[str, float]:
    """Title, measurements and findings above the sheet, and how high they are."""
    lines = words.findings(analysis, stretch, page.lang)
    columns = 1 if len(lines) <= ONE_COLUMN_MAX else int((width - 2 * MARGIN_MM) // COLUMN_MM_MIN)
    rows = math.ceil(len(lines) / columns)
    column_mm = (width - 2 * MARGIN_MM) / columns
    parts = [
        _text(MARGIN_MM, 11, title, 4.6, bold=True),
        _text(width - MARGIN_MM, 11, words.person(recording, page.lang), 3.2, anchor="end"),
        _text(MARGIN_MM, 17, words.measurements(analysis, page.lang), 3.2),
    ]
    for at, line in enumerate(lines):
        column, row = divmod(at, rows)
        shown = words.cut(line, (column_mm - 4) / 3.0)
        parts.append(_text(MARGIN_MM + column * column_mm, 22.5 + 4.6 * row, shown, 3.0))
    return "".join(parts), _fives(21 + 4.6 * rows)


def _sheet(recording: Recording, analysis: Analysis, plan: _Plan, page: Page) -> str:
    """Paper, then what is unreadable, names, trace: no name covers a trace."""
    names, ink = [], []
    for piece in plan.pieces:
        path = _path(recording, piece, page, plan.height)
        name = piece.lead if path else f"{piece.lead} {words.NO_SIGNAL[page.lang]}"
        names.append(_text(piece.x + 1, piece.y - 6.5, name, 3.4, bold=True))
        if path:
            ink.append(f'<path class="trace" data-lead={quoteattr(_printable(piece.lead))} d="{path}"/>')
    baselines = sorted({piece.y for piece in plan.pieces})
    pulses = "".join(_pulse(y, page) for y in baselines)
    bounds = "".join(_bound(p) for p in plan.pieces if p.x > PULSE_MM)
    lanes = "".join(_lane(recording, analysis, lane, page) for lane in plan.lanes)
    return (
        f"{_grid(plan.width, plan.height)}{''.join(names)}{lanes}"
        f'<g transform="scale(0.01)" fill="none" stroke="{INK}" stroke-width="28" stroke-linejoin="round">'
        f"{pulses}{bounds}{''.join(ink)}</g>"
    )


def _nested(content: str, x: float, y: float, plan: _Plan) -> str:
    return (
        f'<g class="sheet" data-size="{plan.width:g} {plan.height:g}" transform="translate({x:g} {y:g})">{content}</g>'
    )


def _grid(width: float, height: float) -> str:
    """Every millimetre, and every fifth above it, from the sheet's corner."""

    def lines(every: int, thin: bool) -> str:
        down = "".join(f"M{mm} 0V{height:g}" for mm in range(0, int(width) + 1, every) if not (thin and mm % 5 == 0))
        across = "".join(f"M0 {mm}H{width:g}" for mm in range(0, int(height) + 1, every) if not (thin and mm % 5 == 0))
        return down + across

    return (
        f'<path class="grid-1" fill="none" stroke="{GRID_1}" stroke-width="0.1" d="{lines(1, True)}"/>'
        f'<path class="grid-5" fill="none" stroke="{GRID_5}" stroke-width="0.2" d="{lines(5, False)}"/>'
    )


def _pulse(y: float, page: Page) -> str:
    """1 mV for 200 ms, by the same scale as the trace."""
    high, wide = round(page.gain_mm_mv * 100), round(0.2 * page.speed_mm_s * 100)
    rest = max(0, (1100 - wide) // 2)
    return f'<path class="pulse" d="M200 {round(y * 100)}h{rest}v{-high}h{wide}v{high}h{rest}"/>'


def _bound(piece: _Piece) -> str:
    """Where one lead ends and the next begins: two short strokes, off the trace."""
    x, y = round(piece.x * 100), round(piece.y * 100)
    return f'<path d="M{x} {y - 700}v150M{x} {y + 550}v150"/>'


def _lane(recording: Recording, analysis: Analysis, lane: _Piece, page: Page) -> str:
    """Beats by their symbols, rhythms as bars with their names, what is unreadable as a dark band."""
    fs, first, end = recording.fs, lane.first_s * recording.fs, lane.end_s * recording.fs

    def x(sample: float) -> float:
        return lane.x + (min(max(sample, first), end) - first) / fs * page.speed_mm_s

    dark = [(x(span.first), x(span.end)) for span in analysis.quality.unreadable]
    parts = [
        f'<rect x="{left:.2f}" y="{lane.y:g}" width="{right - left:.2f}" height="{LANE_MM:g}" fill="{DARK}"/>'
        for left, right in dark
        if left < right
    ]
    parts += [
        _text(x(b.sample), lane.y + 3.4, b.symbol, 2.8, anchor="middle", bold=b.symbol not in "N/", fill=NOTE)
        for b in analysis.beats
        if first <= b.sample < end
    ]
    reached = [0.0] * len(BAR_LINES_MM)
    for episode in sorted(analysis.episodes, key=lambda e: (e.first, -e.end)):
        if episode.end <= first or episode.first >= end:
            continue
        left, right = x(episode.first), x(episode.end)
        free = (line for line, until in enumerate(reached) if until <= left + 0.1)
        line = next(free, len(reached) - 1)
        reached[line] = right
        y = lane.y + BAR_LINES_MM[line]
        parts.append(f'<path d="M{left + 0.3:.2f} {y:g}H{right - 0.3:.2f}" stroke="{NOTE}" stroke-width="0.35"/>')
        name = words.cut(words.rhythm(episode.rhythm, page.lang), (right - left) / 2.3)
        parts.append(_text(left + 0.6, y - 0.6, name, 2.2, fill=NOTE))
    return "".join(parts)


def _path(recording: Recording, piece: _Piece, page: Page, height: float) -> str:
    """The trace in hundredths of a millimetre, broken where there is no signal; empty when there is none at all."""
    first, end = round(piece.first_s * recording.fs), round(piece.end_s * recording.fs)
    wave = recording.lead(piece.lead)[first:end]
    if not np.isfinite(wave).any():
        return ""
    y_mm: F64 = piece.y - (wave.astype(np.float64) - np.nanmedian(wave)) / 1000 * page.gain_mm_mv
    # A trace may cross into its neighbour's row as on any ECG paper. What leaves the sheet is not drawn: a line along
    # its edge would look like a plateau.
    shown = np.isfinite(y_mm) & (y_mm >= 0) & (y_mm <= height)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], shown, [False])).astype(np.int8)))
    step = math.ceil(2 * recording.fs / (POINTS_MM_MAX * page.speed_mm_s))
    dense = recording.fs > POINTS_MM_MAX * page.speed_mm_s
    out = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        level = y_mm[start:stop]
        at = _extremes(level, step) if dense else np.arange(stop - start, dtype=np.int64)
        x = np.rint((piece.x + (start + at) / recording.fs * page.speed_mm_s) * 100).astype(np.int64)
        out.append(_run(x, np.rint(level[at] * 100).astype(np.int64)))
    return "".join(out)


def _extremes(level: F64, step: int) -> I64:
    """Rows of the lowest and the highest sample of each step, ascending; all rows of the rest at the end."""
    whole = len(level) // step * step
    blocks = level[:whole].reshape(-1, step)
    bases = np.arange(0, whole, step)
    rows = np.concatenate((bases + blocks.argmin(axis=1), bases + blocks.argmax(axis=1), np.arange(whole, len(level))))
    return np.unique(rows).astype(np.int64)


def _run(x: I64, y: I64) -> str:
    steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(x).tolist(), np.diff(y).tolist(), strict=True))
    return f"M{x[0]} {y[0]}l{steps}" if steps else f"M{x[0]} {y[0]}h1"


def _text(
    x: float, y: float, text: str, size: float, *, anchor: str = "start", bold: bool = False, fill: str = "#1a1a1a"
) -> str:
    shown = escape(_printable(text))
    weight = ' font-weight="bold"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size:g}" fill="{fill}"{place}{weight}>{shown}</text>'


def _printable(text: str) -> str:
    """Without control characters, which XML does not know and a damaged header may hold."""
    return "".join(letter for letter in text if letter.isprintable())
