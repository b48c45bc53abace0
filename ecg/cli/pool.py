"""Many files over all cores, for the command line: order kept, one sentence for each file that was refused.

Knows nothing of ECGs: a job is a function of a path that gives the text to print, or raises. One core or one file is
worked here; more go to processes of their own.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from ecg.errors import CannotWrite, EcgError, Fault

Job = Callable[[Path], str]
Command = TypeVar("Command", bound=Callable[..., object])

# Our arrays are small: threads inside a worker would only fight the other workers for the cores.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: the text to print (empty: none), or why it was refused."""

    file: Path
    text: str = ""
    refusal: str = ""


def one_thread() -> None:
    """Keep numpy to one thread a process. To be called before numpy is imported: it reads this once."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")


def jobs_option(command: Command) -> Command:
    """`--jobs N`, on every command that takes many files."""
    told = "How many files at a time; 0 for one a core."
    return click.option("-j", "--jobs", type=click.IntRange(min=0), default=0, show_default=True, help=told)(command)


def run_all(job: Job, files: Sequence[Path], jobs: int) -> int:
    """Do `job` for each file, print in the order of the files; the exit code: 1 when any was refused, else 0."""
    refused = False
    for outcome in _with_bar(_outcomes(job, files, jobs), len(files)):
        if outcome.refusal:
            click.echo(f"{outcome.file}: {outcome.refusal}", err=True)
            refused = True
        elif outcome.text:
            click.echo(outcome.text)
    return 1 if refused else 0


def _with_bar(outcomes: Iterator[Outcome], count: int) -> Iterator[Outcome]:
    """A bar on standard error for a person who waits; none where the lines of the result would run into it."""
    if count < 2 or not sys.stderr.isatty() or sys.stdout.isatty():
        yield from outcomes
        return
    with click.progressbar(length=count, file=sys.stderr, show_pos=True) as bar:
        for outcome in outcomes:
            bar.update(1)
            yield outcome


def _outcomes(job: Job, files: Sequence[Path], jobs: int) -> Iterator[Outcome]:
    workers = min(jobs or _cores(), len(files))
    if workers < 2:
        yield from map(partial(_outcome, job), files)
        return
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    with ProcessPoolExecutor(workers) as pool:
        waiting = deque((file, pool.submit(_outcome, job, file)) for file in files)
        while waiting:
            file, done = waiting.popleft()
            try:
                yield done.result()
            except BrokenProcessPool:
                # The system ends a process that takes all memory. Which file it was cannot be told from here.
                yield Outcome(file, refusal=str(Fault(reason="a worker process died; try again with --jobs 1")))


def _outcome(job: Job, file: Path) -> Outcome:
    """The edge of one file: whatever happens there, the other files are still done."""
    try:
        return Outcome(file, text=job(file))
    except EcgError as reason:
        return Outcome(file, refusal=str(reason))
    except OSError as reason:
        where = str(reason.filename or file)
        return Outcome(file, refusal=str(CannotWrite(path=where, reason=reason.strerror or type(reason).__name__)))
    except Exception as fault:
        last = traceback.extract_tb(fault.__traceback__)[-1]
        told = f"{type(fault).__name__} {fault} at {Path(last.filename).name}:{last.lineno}"
        return Outcome(file, refusal=str(Fault(reason=" ".join(told.split()))))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
