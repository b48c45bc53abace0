"""`xinlian-ecg annotate`, `delineate`, `convert`, `plot`: commands that read recordings and write files.

Which file a result goes to and what may be overwritten is decided here. What is written is made elsewhere: marks by
`annotation`, samples by `formats.export`, pictures by `plot`. Nothing heavy is imported before the options are read.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecg.cli.pool import jobs_option, run_all

if TYPE_CHECKING:
    from ecg.paper.plot import Layout
    from ecg.paper.words import Lang
    from ecg.record import Recording
    from ecg.results import Beat, Episode, LeadMarks, Span

ANNOTATOR = "xl"

records_argument = click.argument(
    "records", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RECORD..."
)
folder_option = click.option(
    "-o",
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the annotation files; made when it is not there.",
)


def _channels(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (text or "").split(","))
    if text is not None and not all(names):
        raise click.BadParameter("give numbers or names with commas between, such as 0,1 or II,V1")
    return names if text is not None else ()


leads_option = click.option(
    "--leads",
    callback=_channels,
    metavar="0,1",
    help="Only these channels, by number from 0 or by name.  [default: all that are voltages]",
)


@click.command()
@records_argument
@folder_option
@leads_option
@jobs_option
def annotate(records: tuple[Path, ...], folder: Path, leads: tuple[str, ...], jobs: int) -> None:
    """Write beats and rhythms as WFDB annotations.

    The files are `<record>.xl`. Beats are N A V F Q and / (paced); + carries a rhythm change such as (AFIB or (VT;
    [ and ] enclose fibrillation; ~ begins (subtype 51) and ends (0) a stretch that cannot be read.
    """
    _prepare(records, folder)
    sys.exit(run_all(partial(_annotate, folder, leads), records, jobs))


@click.command()
@records_argument
@folder_option
@leads_option
@jobs_option
def delineate(records: tuple[Path, ...], folder: Path, leads: tuple[str, ...], jobs: int) -> None:
    """Write the waves of each lead as WFDB annotations.

    The files are `<record>.<lead>`, the lead in lower case. As in LUDB: ( p ) ( N ) ( t ).
    """
    _prepare(records, folder)
    sys.exit(run_all(partial(_delineate, folder, leads), records, jobs))


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="IN")
@click.argument("target", type=click.Path(path_type=Path), metavar="OUT")
@leads_option
def convert(source: Path, target: Path, leads: tuple[str, ...]) -> None:
    """Write the samples as WFDB, CSV or JSON.

    The suffix of OUT names the format:

    \b
    OUT, OUT.hea   WFDB: OUT.hea and OUT.dat, format 16
    OUT.csv        a table: time_s (s), then a column a lead (mV); an empty cell where there was no signal
    OUT.json       fs, leads, signal_uv: a list a sample (uV); null where there was no signal
    """
    from ecg.formats.export import FORMATS

    if target.suffix not in FORMATS:
        raise click.BadParameter(f"{target.suffix} is none of .hea, .csv, .json", param_hint="OUT")
    if target.with_suffix("").resolve() == source.with_suffix("").resolve() and target.suffix in ("", ".hea"):
        raise click.BadParameter("the recording would be written over itself", param_hint="OUT")
    sys.exit(run_all(partial(_convert, target, leads), [source], jobs=1))


def _seconds(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[float, float | None] | None:
    if text is None:
        return None
    first, colon, end = text.partition(":")
    try:
        stretch = float(first or 0), float(end) if end else None
    except ValueError:
        raise click.BadParameter("give two numbers with a colon between, such as 5:15") from None
    if not colon or not 0 <= stretch[0] < float("inf") or (stretch[1] is not None and not stretch[0] < stretch[1]):
        raise click.BadParameter("give the first second, a colon and a later second, such as 5:15")
    return stretch


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="The picture; its suffix (.png, .pdf, .svg) says which kind.",
)
@click.option(
    "--seconds", callback=_seconds, metavar="A:B", help="From second A to second B.  [default: the first ten]"
)
@click.option(
    "--layout",
    type=click.Choice(["12x1", "6x2", "3x4+1", "rhythm"]),
    help="Rows x columns.  [default: 3x4+1 with 12 leads, else 12x1]",
)
@click.option("--speed", type=click.FloatRange(5, 200), default=25.0, show_default=True, help="Millimetres a second.")
@click.option("--gain", type=click.FloatRange(1, 80), default=10.0, show_default=True, help="Millimetres a millivolt.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="en", show_default=True, help="Of what is written.")
@click.option("--dpi", type=click.IntRange(50, 300), default=200, show_default=True, help="Of a PNG.")
@leads_option
def plot(
    file: Path,
    target: Path,
    seconds: tuple[float, float | None] | None,
    layout: Layout | None,
    speed: float,
    gain: float,
    lang: Lang,
    dpi: int,
    leads: tuple[str, ...],
) -> None:
    """Draw a recording on ECG paper, at true scale.

    With its beats, rhythms, measurements and findings.
    """
    if target.suffix not in (".png", ".pdf", ".svg"):
        raise click.BadParameter(f"{target.suffix or 'no suffix'} is none of .png, .pdf, .svg", param_hint="-o")
    job = partial(_plot, target, seconds or (0.0, None), layout, (speed, gain), lang, dpi, leads)
    sys.exit(run_all(job, [file], jobs=1))


def _prepare(records: tuple[Path, ...], folder: Path) -> None:
    """Refuse what would write one file twice; make the folder."""
    from ecg.formats.wfdb import record_of

    names = Counter(record_of(record).name for record in records)
    twice = ", ".join(name for name, count in names.items() if count > 1)
    if twice:
        raise click.BadParameter(f"two records would write the same files in {folder}: {twice}", param_hint="RECORD")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise click.BadParameter(f"{folder} cannot be made: {reason.strerror}", param_hint="-o") from None


def _annotate(folder: Path, leads: tuple[str, ...], file: Path) -> str:
    from ecg.annotation import rhythm_marks
    from ecg.formats import read_channels
    from ecg.formats.annotate import write_annotation
    from ecg.formats.wfdb import record_of

    recording = read_channels(file, leads)
    beats, episodes, unreadable = _beats_and_rhythm(recording)
    marks = rhythm_marks(beats, episodes, unreadable, len(recording.signal_uv))
    write_annotation(folder / f"{record_of(file).name}.{ANNOTATOR}", marks, recording.fs)
    return ""


def _beats_and_rhythm(
    recording: Recording,
) -> tuple[tuple[Beat, ...], tuple[Episode, ...], tuple[Span, ...]]:
    """Beats, episodes and unreadable stretches: all that an annotation file holds."""
    from ecg.analysis import annotate as annotated

    heard = annotated(recording)
    return heard.beats, heard.episodes, heard.quality.unreadable


def _lead_marks(recording: Recording) -> tuple[LeadMarks, ...]:
    """The waves of every beat in every lead."""
    from ecg.waves.delineation import delineate as delineate_leads

    beats, episodes, _ = _beats_and_rhythm(recording)
    return delineate_leads(recording, beats, episodes)


def _delineate(folder: Path, leads: tuple[str, ...], file: Path) -> str:
    from ecg.annotation import wave_marks
    from ecg.errors import WouldOverwrite
    from ecg.formats import read_channels
    from ecg.formats.annotate import write_annotation
    from ecg.formats.wfdb import record_of

    record = record_of(file)
    recording = read_channels(file, leads)
    paths = {lead: folder / f"{record.name}.{_extension(lead)}" for lead in recording.leads}
    if record.parent.resolve() == folder.resolve():
        # Reference annotations of LUDB and its like have these very names: they are not replaced.
        for path in paths.values():
            if path.exists():
                raise WouldOverwrite(path=str(path))
    for marks in _lead_marks(recording):
        write_annotation(paths[marks.lead], wave_marks(marks, len(recording.signal_uv)), recording.fs)
    return ""


def _extension(lead: str) -> str:
    """A lead's name as the end of a file's: lower case, and nothing in it that a path would stumble over."""
    return "".join(letter if letter.isalnum() or letter in "-+" else "_" for letter in lead.lower())


def _convert(target: Path, leads: tuple[str, ...], file: Path) -> str:
    from ecg.formats import read_channels
    from ecg.formats.export import FORMATS

    FORMATS[target.suffix](read_channels(file, leads), target)
    return ""


def _plot(
    target: Path,
    seconds: tuple[float, float | None],
    layout: Layout | None,
    scale: tuple[float, float],
    lang: Lang,
    dpi: int,
    leads: tuple[str, ...],
    file: Path,
) -> str:
    from ecg.analysis import analyze
    from ecg.formats import read_channels
    from ecg.paper.plot import Page, draw, rendered

    recording = read_channels(file, leads)
    page = Page(seconds, layout, *scale, lang)
    drawing = draw(recording, analyze(recording), page, title=file.stem)
    target.write_bytes(rendered(drawing, target.suffix.removeprefix("."), lang, dpi))
    return ""
