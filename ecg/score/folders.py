"""Folders of records against folders of records: finds the files, hands their arrays to the rules, keeps the answers.

The only part of the scorer that reads files, through `ecg.formats`; nothing is counted here. A record of the reference
that has no test file is not left out: everything in it is missed, and its name stands under `absent`. A test folder
without any record of the reference is refused, for that is a wrong path rather than a bad detector.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecg.errors import AnnotationMissing, NothingToScore
from ecg.formats.annotations import Annotations, Timing, read_annotations, read_timing
from ecg.formats.labels import read_labels
from ecg.score import beats, delineation, episodes, runs, strips
from ecg.score.beats import F64
from ecg.score.rates import Detection, mean_known

REFERENCE, TEST = "atr", "xl"  # extensions: what the databases use, and what `xinlian-ecg annotate` writes


def records(ref_dir: Path, extension: str = REFERENCE, *, without: Collection[str] = ()) -> tuple[str, ...]:
    """The names of the records in a folder that have a file of this extension: short names first, then by the alphabet.

    Raises  AnnotationMissing: there is no such folder, or no such file in it.
    """
    names = {file.name.removesuffix(f".{extension}") for file in ref_dir.glob(f"*.{extension}")}
    if not names:
        raise AnnotationMissing(path=str(ref_dir / f"*.{extension}"))
    return tuple(sorted(names - set(without), key=lambda name: (len(name), name)))


@dataclass(frozen=True)
class BeatReport:
    """Beats of a folder: the counts of each record, and who had no test file."""

    records: Mapping[str, beats.BeatCounts]
    absent: tuple[str, ...]

    @property
    def gross(self) -> beats.BeatCounts:
        return beats.pooled(self.records.values())

    def average(self) -> dict[str, dict[str, float | None]]:
        """The mean over records of Se and +P, each over the records where it has a meaning."""
        kinds: dict[str, Callable[[beats.BeatCounts], Detection]] = {
            "qrs": lambda counts: counts.qrs,
            "veb": lambda counts: counts.veb,
            "sveb": lambda counts: counts.sveb,
        }
        each = list(self.records.values())
        return {
            kind: {
                "se": mean_known(detection(counts).se for counts in each),
                "ppv": mean_known(detection(counts).ppv for counts in each),
            }
            for kind, detection in kinds.items()
        }

    def to_json(self) -> dict[str, object]:
        return {
            "gross": self.gross.to_json(),
            "average": self.average(),
            "records": {name: counts.to_json() for name, counts in self.records.items()},
            "absent": list(self.absent),
        }


def score_beats(
    ref_dir: Path,
    test_dir: Path,
    names: Sequence[str],
    *,
    extensions: tuple[str, str] = (REFERENCE, TEST),
    letters: Mapping[str, str] = beats.AAMI,
    start_s: float = beats.LEARNING_S,
    window_s: float = beats.WINDOW_S,
) -> BeatReport:
    """Beat by beat (`beats.compare_beats`).

    ref_dir, test_dir  hold `<record>.<extension>`; ref_dir also `<record>.hea`.
    names              as `records` gives them.
    extensions         of the reference and of the test.
    Raises             AnnotationMissing, FileMissing, FileBroken, NothingToScore.
    """
    folder = _Folders(ref_dir, test_dir, names, *extensions)
    counts: dict[str, beats.BeatCounts] = {}
    for name in names:
        timing = folder.timing(name)
        reference, test = (
            beats.NO_BEATS
            if file is None
            else beats.beat_marks(
                _seconds(file, timing), file.symbol, file.subtype, length_s=timing.seconds, letters=letters
            )
            for file in (folder.reference(name), folder.test(name))
        )
        counts[name] = beats.compare_beats(reference, test, start_s=start_s, end_s=timing.seconds, window_s=window_s)
    return BeatReport(counts, folder.absent)


@dataclass(frozen=True)
class RunReport:
    """Runs of a folder, by record: ventricular and supraventricular."""

    veb: Mapping[str, runs.RunCounts]
    sveb: Mapping[str, runs.RunCounts]
    absent: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "gross": {
                "veb": runs.pooled(self.veb.values()).to_json(),
                "sveb": runs.pooled(self.sveb.values()).to_json(),
            },
            "records": {
                name: {"veb": self.veb[name].to_json(), "sveb": self.sveb[name].to_json()} for name in self.veb
            },
            "absent": list(self.absent),
        }


def score_runs(
    ref_dir: Path,
    test_dir: Path,
    names: Sequence[str],
    *,
    extensions: tuple[str, str] = (REFERENCE, TEST),
    letters: Mapping[str, str] = beats.AAMI,
    start_s: float = beats.LEARNING_S,
) -> RunReport:
    """Run by run (`runs.compare_runs`). Arguments and errors as in `score_beats`."""
    folder = _Folders(ref_dir, test_dir, names, *extensions)
    counts: dict[runs.Kind, dict[str, runs.RunCounts]] = {"veb": {}, "sveb": {}}
    for name in names:
        timing = folder.timing(name)
        reference, test = (
            runs.NO_EVENTS
            if file is None
            else runs.run_events(
                _seconds(file, timing),
                file.symbol,
                file.subtype,
                file.aux,
                length_s=timing.seconds,
                letters=letters,
            )
            for file in (folder.reference(name), folder.test(name))
        )
        for kind, of_kind in counts.items():
            of_kind[name] = runs.compare_runs(reference, test, kind, start_s=start_s, end_s=timing.seconds)
    return RunReport(counts["veb"], counts["sveb"], folder.absent)


@dataclass(frozen=True)
class EpisodeReport:
    """Episodes of a folder, by record."""

    records: Mapping[str, episodes.EpisodeCounts]
    absent: tuple[str, ...]

    @property
    def gross(self) -> episodes.EpisodeCounts:
        return sum(self.records.values(), start=episodes.EpisodeCounts())

    def to_json(self) -> dict[str, object]:
        return {
            "gross": self.gross.to_json(),
            "records": {name: counts.to_json() for name, counts in self.records.items()},
            "absent": list(self.absent),
        }


def score_episodes(
    ref_dir: Path,
    test_dir: Path,
    names: Sequence[str],
    *,
    extensions: tuple[str, str] = (REFERENCE, TEST),
    rhythms: Collection[str] = episodes.AF,
    start_s: float = 0.0,
    shortest_s: float = episodes.SHORTEST_S,
) -> EpisodeReport:
    """Episodes of the given rhythms together (`episodes.compare_episodes`). Folders and errors as in `score_beats`."""
    folder = _Folders(ref_dir, test_dir, names, *extensions)
    counts: dict[str, episodes.EpisodeCounts] = {}
    for name in names:
        timing = folder.timing(name)
        reference, test = (
            ()
            if file is None
            else episodes.rhythm_spans(
                _seconds(file, timing), file.symbol, file.aux, length_s=timing.seconds, rhythms=rhythms
            )
            for file in (folder.reference(name), folder.test(name))
        )
        counts[name] = episodes.compare_episodes(
            reference, test, length_s=timing.seconds, start_s=start_s, shortest_s=shortest_s
        )
    return EpisodeReport(counts, folder.absent)


@dataclass(frozen=True)
class DelineationReport:
    """Wave marks of a folder: by lead and kind, the global intervals, and the lead files that the test lacks."""

    by_lead: Mapping[str, Mapping[str, delineation.MarkCounts]]
    intervals: Mapping[str, delineation.IntervalErrors]
    records: int
    absent: tuple[str, ...]

    @property
    def gross(self) -> Mapping[str, delineation.MarkCounts]:
        return delineation.pooled(self.by_lead.values())

    def to_json(self) -> dict[str, object]:
        return {
            "gross": {kind: counts.to_json() for kind, counts in self.gross.items()},
            "by_lead": {
                lead: {kind: counts.to_json() for kind, counts in kinds.items()} for lead, kinds in self.by_lead.items()
            },
            "intervals": {name: errors.to_json() for name, errors in self.intervals.items()},
            "records": self.records,
            "absent": list(self.absent),
        }


def score_delineation(
    ref_dir: Path,
    test_dir: Path,
    names: Sequence[str],
    *,
    leads: Sequence[str] = delineation.LEADS,
    window_s: float = beats.WINDOW_S,
) -> DelineationReport:
    """Wave marks (`delineation.compare_marks`) and global intervals over `<record>.<lead>` in both folders.

    leads   extensions as LUDB has them; one that the reference lacks is passed over.
    Raises  as in `score_beats`.
    """
    of_lead: dict[str, list[Mapping[str, delineation.MarkCounts]]] = {}
    intervals: list[tuple[Mapping[str, float | None], Mapping[str, float | None]]] = []
    absent: list[str] = []
    for name in names:
        timing = read_timing(ref_dir / name)
        true: dict[str, delineation.Marks] = {}
        said: dict[str, delineation.Marks] = {}
        for lead in leads:
            reference = _read_if_there(ref_dir / name, lead)
            if reference is None:
                continue
            test = _read_if_there(test_dir / name, lead)
            if test is None:
                absent.append(f"{name}.{lead}")
            true[lead] = delineation.marks_of(_seconds(reference, timing), reference.symbol)
            said[lead] = (
                delineation.NO_MARKS if test is None else delineation.marks_of(_seconds(test, timing), test.symbol)
            )
            of_lead.setdefault(lead, []).append(delineation.compare_marks(true[lead], said[lead], window_s=window_s))
        intervals.append((delineation.global_intervals_ms(true), delineation.global_intervals_ms(said)))
    if len(absent) == sum(map(len, of_lead.values())):
        raise NothingToScore(reference=str(ref_dir), test=str(test_dir))
    return DelineationReport(
        by_lead={lead: delineation.pooled(parts) for lead, parts in of_lead.items()},
        intervals=delineation.interval_errors(intervals),
        records=len(names),
        absent=tuple(absent),
    )


def score_strips(labels: Path, answers: Path) -> strips.StripCounts:
    """Two CSV tables `record,label` (`strips.compare_strips`).

    Raises  AnnotationMissing, LabelColumnMissing, FileBroken, LabelUnknown, NothingToScore.
    """
    return strips.compare_strips(*_tables(labels, answers, "label"))


def score_quality(labels: Path, answers: Path, *, column: str, positive: str) -> Detection:
    """Two CSV tables `record,<column>` (`strips.compare_quality`). Errors as in `score_strips`."""
    return strips.compare_quality(*_tables(labels, answers, column), positive=positive)


def score_alarms(labels: Path, answers: Path) -> Mapping[str, strips.AlarmCounts]:
    """Tables `record,alarm,true` and `record,true` (`strips.compare_alarms`). Errors as in `score_strips`."""
    truth, kept = _tables(labels, answers, "true")
    return strips.compare_alarms(truth, kept, read_labels(labels, "alarm"))


def score_findings(labels: Path, answers: Path) -> strips.FindingCounts:
    """Two CSV tables `record,codes`, codes parted by semicolon (`strips.compare_findings`). Errors as in
    `score_strips`.
    """
    reference, test = (
        {record: strips.split_codes(text) for record, text in table.items()}
        for table in _tables(labels, answers, "codes")
    )
    return strips.compare_findings(reference, test)


def _tables(labels: Path, answers: Path, column: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    reference, test = read_labels(labels, column), read_labels(answers, column)
    if not reference.keys() & test.keys():
        raise NothingToScore(reference=str(labels), test=str(answers))
    return reference, test


class _Folders:
    """The two annotation files of each record, and which test files are not there."""

    def __init__(self, ref_dir: Path, test_dir: Path, names: Sequence[str], reference: str, test: str) -> None:
        self._ref_dir, self._test_dir = ref_dir, test_dir
        self._reference, self._test = reference, test
        self.absent = tuple(name for name in names if not (test_dir / f"{name}.{test}").is_file())
        if len(self.absent) == len(names):
            raise NothingToScore(reference=str(ref_dir / f"*.{reference}"), test=str(test_dir / f"*.{test}"))

    def timing(self, name: str) -> Timing:
        return read_timing(self._ref_dir / name)

    def reference(self, name: str) -> Annotations:
        return read_annotations(self._ref_dir / name, self._reference)

    def test(self, name: str) -> Annotations | None:
        return None if name in self.absent else read_annotations(self._test_dir / name, self._test)


def _read_if_there(record: Path, extension: str) -> Annotations | None:
    there = record.with_name(f"{record.name}.{extension}").is_file()
    return read_annotations(record, extension) if there else None


def _seconds(file: Annotations, timing: Timing) -> F64:
    """Times of the annotations: at the file's own rate where it states one, else at that of the reference's header."""
    return file.sample / (file.fs or timing.fs)
