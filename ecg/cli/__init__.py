"""`xinlian-ecg`: analyse files, draw synthetic ECGs. A shell round the library: nothing is measured here.

The commands that write files stand in `files`, what spreads files over cores in `pool`. Nothing heavy is
imported before the options are read, so that `--version` and `--help` stay quick.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import click

from ecg.cli.files import annotate, convert, delineate, leads_option, plot
from ecg.cli.pool import jobs_option, one_thread, run_all
from ecg.cli.score import score

VERSION = "0.1.0"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="xinlian-ecg")
def main() -> None:
    """Analyse ECGs. What it says is advice to a doctor, never a diagnosis."""
    one_thread()


for command in (annotate, delineate, convert, plot):
    main.add_command(command)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file, one a line.")
@click.option("--profile", default="xinlian-safe", show_default=True, help="The rule profile of critical values.")
@leads_option
@jobs_option
def analyze(files: tuple[Path, ...], as_json: bool, profile: str, leads: tuple[str, ...], jobs: int) -> None:
    """Analyse recordings: WFDB paths, with or without .hea.

    A channel whose name is no lead of the body counts for beats and rhythm; nothing is said of its waves by name.
    """
    from ecg import EcgError  # after the options are read: --version and --help stay quick
    from ecg.rules import critical

    try:
        critical.load(profile)
    except EcgError as reason:
        click.echo(str(reason), err=True)
        sys.exit(1)
    sys.exit(run_all(partial(_analyze, profile, as_json, leads), files, jobs))


def _analyze(profile: str, as_json: bool, leads: tuple[str, ...], file: Path) -> str:
    from ecg.analysis import analyze
    from ecg.formats import read_channels

    result = analyze(read_channels(file, leads), profile=profile).to_json()
    return json.dumps(result, ensure_ascii=False) if as_json else _page(file, result)


def _page(file: Path, result: dict[str, object]) -> str:
    """A result for the terminal."""
    measured, quality, findings = result["measurements"], result["quality"], result["findings"]
    assert isinstance(measured, dict)
    assert isinstance(quality, dict)
    assert isinstance(findings, list)
    shown = [("rate", "vent_rate_bpm", "/min"), ("PR", "pr_ms", "ms"), ("QRS", "qrs_ms", "ms"), ("QT", "qt_ms", "ms")]
    numbers = [f"{name} {'-' if measured[key] is None else measured[key]} {unit}" for name, key, unit in shown]
    grade = result["machine_grade"] or "no rule fired (unassessed)"
    lines = [f"{file}: {grade}", "  " + ", ".join(numbers)]
    if not quality["acceptable"]:
        lines.append("  signal quality not acceptable: record again")
    lines += [f"  {'!' if f['grade'] else ' '} {f['code']:24} {f['say']['en']} / {f['say']['zh']}" for f in findings]
    return "\n".join(lines)


@main.command()
@click.argument("name", required=False)
@click.option("--seed", default=1, show_default=True, help="Seed of the random generator.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write samples (uV) and truth as JSON."
)
def synth(name: str | None, seed: int, out: Path | None) -> None:
    """Draw a synthetic 12-lead ECG of NAME; without NAME, list the names."""
    import numpy as np

    from ecg.results import beats_json
    from ecg.synth import EXAMPLES

    if name is None:
        click.echo("\n".join(EXAMPLES))
        return
    if name not in EXAMPLES:
        raise click.BadParameter(f"{name} is none of {', '.join(EXAMPLES)}", param_hint="NAME")
    made = EXAMPLES[name](np.random.default_rng(seed))
    truth = {
        "name": name,
        "seed": seed,
        "fs": made.recording.fs,
        "leads": list(made.recording.leads),
        "beats": beats_json(made.beats),
        "episodes": [{"rhythm": e.rhythm, "first": e.first, "end": e.end} for e in made.episodes],
        "signal_uv": [[round(float(value)) for value in row] for row in made.recording.signal_uv],
    }
    text = json.dumps(truth)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


main.add_command(score)
