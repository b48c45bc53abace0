"""The development records of `../shared/data`: where they lie, which there are, what is known of each.

Labels that need a table of meanings stand in `labels.py`; nothing is analysed here.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ecg.formats import read_channels
from ecg.formats.annotations import Annotations, read_annotations
from ecg.record import Recording
from tests.bench.judged.noise import with_noise

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
ARRHYTHMIA = "mitdb"
HEARD = 0.6  # `./run train qrs --folds DIR --noise-part 0.6`: the share of the noise that fold models were fitted on


@dataclass(frozen=True)
class Job:
    """One recording to answer for.

    folder  of the answers: `two`, `em6`, `ludb` ...
    record  `database/name`; for a strip of cinc2017 the name in its index.
    leads   channel numbers; none: all.
    snr_db  electrode motion added at this ratio, or None.
    quiet   the share of the noise record, from its start, that is not used: what a model heard in training.
    swap    two electrodes exchanged by lead algebra, or none.
    waves   also the marks of every lead.
    """

    folder: str
    record: str
    leads: tuple[str, ...] = ()
    snr_db: float | None = None
    quiet: float = 0.0
    swap: tuple[str, ...] = ()
    waves: bool = False

    @property
    def name(self) -> str:
        return self.record.partition("/")[2]

    @property
    def database(self) -> str:
        return self.record.partition("/")[0]


_first: list[int] = []  # how many records of each database are looked at; empty: all


_quiet: list[float] = [0.0]


def noise_from(share: float) -> None:
    """Take noise only from here on in the noise record, from now on."""
    _quiet[:] = [share]


def noise_is_new() -> bool:
    """The noise is not that which the trained parts heard: they were fitted on its first 60 %."""
    return _quiet[0] >= HEARD


def only_first(count: int) -> None:
    """For a quick look: no more than so many records of each database, from now on."""
    _first[:] = [count]


def names(database: str) -> list[str]:
    """Records of one database, in order; strips of cinc2017 as its index has them."""
    if database == "cinc2017":
        every_name = [row["record"] for row in _rows(database, "index.csv")]
    else:
        every_name = sorted(path.stem for path in (DATA / database).glob("*.hea"))
    return every_name[: _first[0]] if _first else every_name


def table(database: str, name: str = "labels.csv", column: str = "record") -> list[dict[str, str]]:
    """The rows of a database's table that belong to its records; `column` holds their names."""
    known = set(names(database))
    return [row for row in _rows(database, name) if row[column] in known]


def _rows(database: str, name: str) -> list[dict[str, str]]:
    with (DATA / database / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def jobs(folder: str, database: str, *, leads: tuple[str, ...] = (), snr_db: float | None = None) -> list[Job]:
    quiet = _quiet[0] if snr_db is not None else 0.0
    return [Job(folder, f"{database}/{name}", leads, snr_db, quiet) for name in names(database)]


def load(job: Job) -> Recording:
    """The samples that a job asks for."""
    if job.database == "cinc2017":
        return _strip(job.name)
    recording = read_channels(DATA / job.record, job.leads)
    if job.snr_db is not None:
        recording = noisy(job.record, recording, job.snr_db, job.quiet)
    return exchanged(recording, job.swap) if job.swap else recording


def noisy(record: str, recording: Recording, snr_db: float, quiet: float) -> Recording:
    notes = read_annotations(DATA / record, "atr")
    noise = read_channels(DATA / "nstdb" / "em")
    assert noise.fs == recording.fs
    signal_mv = with_noise(
        recording.signal_uv.astype(np.float64) / 1000,
        [int(at) for at in notes.sample],
        notes.symbol,
        noise.signal_uv[int(quiet * len(noise.signal_uv)) :].astype(np.float64) / 1000,
        recording.fs,
        snr_db,
    )
    return Recording(recording.fs, recording.leads, (1000 * signal_mv).astype(np.float32), meta=recording.meta)


# What the lead algebra needs: the potential of each limb electrode against RA, from I and II.
LIMB_LEADS = {"I": ("LA", "RA"), "II": ("LL", "RA"), "III": ("LL", "LA")}
AUGMENTED = {"aVR": "RA", "aVL": "LA", "aVF": "LL"}
EXCHANGES = (
    *(("RA", "LA"), ("RA", "LL"), ("LA", "LL")),
    *(("V1", "V2"), ("V2", "V3"), ("V3", "V4"), ("V1", "V3"), ("V4", "V5"), ("V5", "V6")),
)


def exchanged(recording: Recording, swap: Sequence[str]) -> Recording:
    """The recording as it would have been with two electrodes in each other's place; twelve leads.

    Chest leads do not change with the limb electrodes RA, LA and LL: Wilson's terminal is their mean.
    """
    of = dict(zip(recording.leads, recording.signal_uv.T.astype(np.float64), strict=True))
    one, other = swap
    if one.startswith("V"):
        of[one], of[other] = of[other], of[one]
    else:
        potential = {"RA": np.zeros(len(recording.signal_uv)), "LA": of["I"], "LL": of["II"]}
        potential[one], potential[other] = potential[other], potential[one]
        centre = sum(potential.values()) / 3
        of |= {lead: potential[plus] - potential[minus] for lead, (plus, minus) in LIMB_LEADS.items()}
        of |= {lead: 1.5 * (potential[limb] - centre) for lead, limb in AUGMENTED.items()}
    signal = np.stack([of[lead] for lead in recording.leads], axis=1).astype(np.float32)
    return Recording(recording.fs, recording.leads, signal, meta=recording.meta)


def _strip(name: str) -> Recording:
    row = _strips()[name]
    block = _block(row["block"])
    first = int(row["start"])
    return Recording(block.fs, block.leads, block.signal_uv[first : first + int(row["length"])], meta=block.meta)


@lru_cache(maxsize=1)
def _strips() -> Mapping[str, dict[str, str]]:
    return {row["record"]: row for row in _rows("cinc2017", "index.csv")}


@lru_cache(maxsize=2)
def _block(name: str) -> Recording:
    return read_channels(DATA / "cinc2017" / name)


def strips_by_block() -> list[str]:
    """Strips in the order in which their blocks are read."""
    return sorted(names("cinc2017"), key=lambda name: (_strips()[name]["block"], int(_strips()[name]["start"])))


def notes(record: str, extension: str = "atr") -> Annotations:
    return read_annotations(DATA / record, extension)


def every(values: Sequence[str], step: int) -> list[str]:
    """Every step-th: the records on which slow peers are run unless all are asked for."""
    return list(values[::step])
