"""`xinlian-ecg score`: annotations against a reference, as a table for people or as one JSON object.

A shell round `ecg.score`: it reads options, prints, and refuses in the words of the error. Nothing is counted here, and
nothing of the scorer is imported before a command runs, so that `--version` stays quick.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ecg.errors import EcgError

if TYPE_CHECKING:
    from ecg.score.beats import BeatCounts
    from ecg.score.delineation import MarkCounts
    from ecg.score.episodes import EpisodeCounts
    from ecg.score.rates import Cell, Detection
    from ecg.score.runs import RunRate

Command = TypeVar("Command", bound=Callable[..., None])


class Refusing(click.Group):
    """A group whose commands end with 1 and the error's sentence when the library refuses."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except EcgError as reason:
            click.echo(str(reason), err=True)
            sys.exit(1)


@click.group(cls=Refusing)
def score() -> None:
    """Compare annotations with a reference, after ANSI/AAMI EC57 and the rules of the public challenges."""


def _folders(command: Command) -> Command:
    """The arguments and options of every command that compares two folders of annotation files."""
    folder = click.Path(path_type=Path)
    for decorate in (
        click.argument("test_dir", type=folder),
        click.argument("ref_dir", type=folder),
        click.option("--records", "only", help="Only these records, parted by commas."),
        click.option("--without", help="Not these records, parted by commas."),
        click.option("--per-record", is_flag=True, help="A line for each record."),
        _JSON,
    ):
        command = decorate(command)
    return command


def _tables(command: Command) -> Command:
    """The arguments and options of every command that compares two CSV tables."""
    table = click.Path(path_type=Path)
    for decorate in (click.argument("answers", type=table), click.argument("labels", type=table), _JSON):
        command = decorate(command)
    return command


_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
_REF = click.option("--ref", "reference", default="atr", show_default=True, help="Extension of the reference files.")
_EXT = click.option("--ext", "test", default="xl", show_default=True, help="Extension of the test files.")
_MAP = click.option(
    "--map",
    "letters",
    type=click.Choice(["aami", "bxb"]),
    default="aami",
    show_default=True,
    help="Escape beats e j n: N (aami), or S as PhysioNet's bxb has them.",
)
_PACED = click.option("--no-paced", is_flag=True, help="Leave out 102 104 107 217 of MIT-BIH, as EC57 asks.")
_START = click.option(
    "--start", "start_s", default=300.0, show_default=True, help="Seconds at the beginning that are not scored."
)


@score.command()
@_folders
@_REF
@_EXT
@_MAP
@_PACED
@_START
@click.option("--window", "window_s", default=0.15, show_default=True, help="Seconds within which two beats are one.")
def beats(
    ref_dir: Path,
    test_dir: Path,
    only: str | None,
    without: str | None,
    per_record: bool,
    as_json: bool,
    reference: str,
    test: str,
    letters: str,
    no_paced: bool,
    start_s: float,
    window_s: float,
) -> None:
    """Beat by beat (EC57, bxb): QRS, ventricular and supraventricular beats."""
    from ecg.score import MAPS, aligned, score_beats
    from ecg.score.beats import COLUMNS, ROWS

    report = score_beats(
        ref_dir,
        test_dir,
        _names(ref_dir, reference, only, without, no_paced),
        extensions=(reference, test),
        letters=MAPS[letters],
        start_s=start_s,
        window_s=window_s,
    )
    if as_json:
        return _print_json(report.to_json())
    gross, average = report.gross, report.average()
    head = ["record", "beats", "QRS Se", "+P", "missed", "false", "VEB Se", "+P", "FPR", "SVEB Se", "+P", "FPR"]
    rows = [_beat_row(name, counts) for name, counts in report.records.items()] if per_record else []
    mean: list[Cell] = ["average", None, average["qrs"]["se"], average["qrs"]["ppv"], None, None]
    mean += [average["veb"]["se"], average["veb"]["ppv"], None, average["sveb"]["se"], average["sveb"]["ppv"], None]
    click.echo(aligned(head, [*rows, _beat_row("gross", gross), mean]))
    click.echo(
        f"\nReference (rows) against test, {len(report.records)} records; o, O no beat, x, X signal declared lost:"
    )
    click.echo(
        aligned(["", *COLUMNS.lower()], [[row, *map(int, line)] for row, line in zip(ROWS, gross.table, strict=True)])
    )
    f1 = [["F1", gross.qrs.f1, gross.veb.f1, gross.sveb.f1]]
    click.echo("\n" + aligned(["", "QRS", "VEB", "SVEB"], f1))
    if jitter := gross.jitter_ms():
        click.echo(f"\njitter, ms: {', '.join(f'{name} {value:.2f}' for name, value in jitter.items())}")
    return _say_absent(report.absent)


def _beat_row(name: str, counts: BeatCounts) -> list[Cell]:
    qrs, veb, sveb = counts.qrs, counts.veb, counts.sveb
    row: list[Cell] = [name, qrs.n, qrs.se, qrs.ppv, qrs.fn, qrs.fp]
    return [*row, veb.se, veb.ppv, veb.fpr, sveb.se, sveb.ppv, sveb.fpr]


@score.command()
@_folders
@_REF
@_EXT
@_MAP
@_PACED
@_START
def runs(
    ref_dir: Path,
    test_dir: Path,
    only: str | None,
    without: str | None,
    per_record: bool,
    as_json: bool,
    reference: str,
    test: str,
    letters: str,
    no_paced: bool,
    start_s: float,
) -> None:
    """Run by run (EC57, rxr): couplets, short runs of 3 to 5 and long runs of 6 and more ectopic beats."""
    from ecg.score import MAPS, aligned, score_runs
    from ecg.score.runs import pooled

    report = score_runs(
        ref_dir,
        test_dir,
        _names(ref_dir, reference, only, without, no_paced),
        extensions=(reference, test),
        letters=MAPS[letters],
        start_s=start_s,
    )
    if as_json:
        return _print_json(report.to_json())
    head = ["kind", "couplet Se", "+P", "3-5 Se", "+P", ">=6 Se", "+P", ">=3 Se", "+P"]
    rows: list[list[Cell]] = []
    for kind, of_record in (("VEB", report.veb), ("SVEB", report.sveb)):
        shown = [(f"{kind} {name}", counts) for name, counts in of_record.items()] if per_record else []
        for name, counts in [*shown, (kind, pooled(of_record.values()))]:
            rates = [counts.couplets, counts.short_runs, counts.long_runs, counts.tachycardia]
            rows.append([name, *(cell for rate in rates for cell in _run_cells(rate))])
    click.echo(aligned(head, rows))
    return _say_absent(report.absent)


def _run_cells(rate: RunRate) -> tuple[str, str]:
    """Percent with the counts behind it: runs are few."""
    se, ppv = ("-" if value is None else f"{value:.1f}" for value in (rate.se, rate.ppv))
    return f"{se} ({rate.met}/{rate.there})", f"{ppv} ({rate.right}/{rate.called})"


@score.command()
@_folders
@_REF
@_EXT
@click.option(
    "--rhythm", default="AFIB,AFL", show_default=True, help="Notes that count as one rhythm; VF: also [ to ]."
)
@click.option("--min", "shortest_s", default=30.0, show_default=True, help="Seconds an episode must last to count.")
@click.option(
    "--start", "start_s", default=0.0, show_default=True, help="Seconds at the beginning that are not scored."
)
def episodes(
    ref_dir: Path,
    test_dir: Path,
    only: str | None,
    without: str | None,
    per_record: bool,
    as_json: bool,
    reference: str,
    test: str,
    rhythm: str,
    shortest_s: float,
    start_s: float,
) -> None:
    """Episodes of a rhythm and their duration (EC57, epicmp): AF and flutter, or any other."""
    from ecg.score import aligned, score_episodes

    report = score_episodes(
        ref_dir,
        test_dir,
        _names(ref_dir, reference, only, without),
        extensions=(reference, test),
        rhythms=frozenset(_listed(rhythm)),
        start_s=start_s,
        shortest_s=shortest_s,
    )
    if as_json:
        return _print_json(report.to_json())
    head = ["record", "true s", "called s", "time Se", "+P", "Sp", "episodes Se", "+P", "onset s", "offset s"]
    rows = [_episode_row(name, counts) for name, counts in report.records.items()] if per_record else []
    click.echo(aligned(head, [*rows, _episode_row("gross", report.gross)]))
    return _say_absent(report.absent)


def _episode_row(name: str, counts: EpisodeCounts) -> list[Cell]:
    time: list[Cell] = [counts.true_s, counts.called_s, counts.duration_se, counts.duration_ppv, counts.duration_sp]
    met, right = f"{counts.met}/{counts.there}", f"{counts.right}/{counts.called}"
    return [name, *time, met, right, counts.onset_error_s, counts.offset_error_s]


@score.command()
@_folders
@click.option("--leads", default=None, help="Extensions of the lead files, parted by commas; default: LUDB's twelve.")
@click.option("--per-lead", is_flag=True, help="A table for each lead.")
@click.option("--intervals", is_flag=True, help="Also the global P, PR, QRS and QT.")
def delineation(
    ref_dir: Path,
    test_dir: Path,
    only: str | None,
    without: str | None,
    per_record: bool,
    as_json: bool,
    leads: str | None,
    per_lead: bool,
    intervals: bool,
) -> None:
    """Wave marks after the LUDB protocol: found, false, and errors in milliseconds, over files RECORD.LEAD."""
    from ecg.score import aligned, score_delineation
    from ecg.score.delineation import LEADS

    asked = _listed(leads) or LEADS
    extension = next((lead for lead in asked if any(ref_dir.glob(f"*.{lead}"))), asked[0])
    names = _names(ref_dir, extension, only, without)
    report = score_delineation(ref_dir, test_dir, names, leads=asked)
    if as_json:
        return _print_json(report.to_json())
    if per_record:
        for name in names:
            alone = score_delineation(ref_dir, test_dir, [name], leads=asked)
            click.echo(f"{name}\n{_mark_table(alone.gross)}\n")
    if per_lead:
        for lead, kinds in report.by_lead.items():
            click.echo(f"{lead}\n{_mark_table(kinds)}\n")
    click.echo(f"{report.records} records, all leads\n{_mark_table(report.gross)}")
    if intervals:
        rows: list[list[Cell]] = [
            [name, e.there, len(e.errors_ms), e.mean_ms, e.sd_ms, e.abs_mean_ms] for name, e in report.intervals.items()
        ]
        click.echo("\n" + aligned(["interval", "n", "measured", "mean ms", "sd", "|e|"], rows))
    return _say_absent(report.absent)


def _mark_table(kinds: Mapping[str, MarkCounts]) -> str:
    from ecg.score import aligned
    from ecg.score.delineation import CSE_TOLERANCE_MS

    rows: list[list[Cell]] = []
    for kind, counts in kinds.items():
        found, errors = counts.found, [counts.mean_ms, counts.sd_ms, counts.abs_mean_ms, counts.abs_p95_ms]
        rows.append([kind, found.n, found.se, found.ppv, found.f1, *errors, CSE_TOLERANCE_MS.get(kind)])
    return aligned(["mark", "n", "Se", "PPV", "F1", "mean ms", "sd", "|e|", "p95", "CSE 2 sd"], rows)


@score.command()
@_tables
def strips(labels: Path, answers: Path, as_json: bool) -> None:
    """Classes of short strips (CinC 2017): LABELS and ANSWERS are CSV tables record,label with N A O or ~."""
    from ecg.score import aligned, score_strips
    from ecg.score.strips import STRIP_CLASSES

    counts = score_strips(labels, answers)
    if as_json:
        return _print_json(counts.to_json())
    rows: list[list[Cell]] = []
    for letter, line in zip(STRIP_CLASSES, counts.table, strict=True):
        found = counts.of(letter)
        rows.append([letter, found.n, found.se, found.ppv, found.sp, found.f1, *map(int, line)])
    click.echo(aligned(["class", "n", "Se", "+P", "Sp", "F1", *(f"as {c}" for c in STRIP_CLASSES), "none"], rows))
    return click.echo(f"\nF1 over N, A, O: {counts.f1:.4f}")


@score.command()
@_tables
def alarms(labels: Path, answers: Path, as_json: bool) -> None:
    """True and false alarms (CinC 2015): LABELS record,alarm,true and ANSWERS record,true (1 kept, 0 silenced)."""
    from ecg.score import aligned, score_alarms

    counts = score_alarms(labels, answers)
    if as_json:
        return _print_json({name: of_kind.to_json() for name, of_kind in counts.items()})
    rows = [
        [name, c.kept.tp, c.kept.fn, c.kept.fp, c.kept.tn, c.kept.se, c.kept.sp, c.score] for name, c in counts.items()
    ]
    return click.echo(aligned(["alarm", "TP", "FN", "FP", "TN", "TPR", "TNR", "score"], rows))


@score.command()
@_tables
@click.option("--column", default="quality", show_default=True, help="The column of both tables.")
@click.option("--positive", default="unacceptable", show_default=True, help="The label that is to be found.")
def quality(labels: Path, answers: Path, as_json: bool, column: str, positive: str) -> None:
    """One label of two (CinC 2011): LABELS and ANSWERS are CSV tables record,quality."""
    from ecg.score import aligned, score_quality

    counts = score_quality(labels, answers, column=column, positive=positive)
    if as_json:
        return _print_json(counts.to_json())
    row: list[Cell] = [positive, *_four(counts), counts.se, counts.sp, counts.ppv, counts.f1, counts.accuracy]
    return click.echo(aligned(["found", "TP", "FN", "FP", "TN", "Se", "Sp", "+P", "F1", "accuracy"], [row]))


@score.command()
@_tables
def findings(labels: Path, answers: Path, as_json: bool) -> None:
    """Statements by code: LABELS and ANSWERS are CSV tables record,codes, codes parted by semicolons."""
    from ecg.score import aligned, score_findings
    from ecg.score.strips import limits

    counts = score_findings(labels, answers)
    if as_json:
        return _print_json(counts.to_json())
    rows: list[list[Cell]] = []
    for code, found in counts.codes.items():
        low_high = {name: f"{low:.1f}-{high:.1f}" for name, (low, high) in limits(found).items()}
        rows.append([code, *_four(found), found.se, low_high["se"], found.sp, low_high["sp"], found.ppv, found.f1])
    click.echo(aligned(["code", "TP", "FN", "FP", "TN", "Se", "95 %", "Sp", "95 %", "+P", "F1"], rows))
    if counts.mean_f1 is not None:
        click.echo(f"\nmean F1 of codes with five positives or more: {counts.mean_f1:.2f}")
    return click.echo(f"\nnever in LABELS, not scored: {', '.join(counts.unasked)}") if counts.unasked else None


def _four(counts: Detection) -> tuple[Cell, ...]:
    return counts.tp, counts.fn, counts.fp, counts.tn


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _names(
    ref_dir: Path, extension: str, only: str | None, without: str | None, no_paced: bool = False
) -> tuple[str, ...]:
    """Which records are scored. A name asked for that is not there is refused by its reader."""
    from ecg.score import PACED, records

    left_out = {*_listed(without), *(PACED if no_paced else ())}
    there = records(ref_dir, extension, without=left_out)
    return there if only is None else tuple(name for name in _listed(only) if name not in left_out)


def _print_json(result: Mapping[str, object]) -> None:
    click.echo(json.dumps(result, ensure_ascii=False))


def _say_absent(absent: Iterable[str]) -> None:
    if names := " ".join(absent):
        click.echo(f"\nno test file, all counted as missed: {names}")
