"""The library's scorer against the one the figures are judged with, count for count, on the development records.

The detectors are made up: the reference itself, damaged at random from a seed. What is compared is counting, so they
may be bad in every way at once. The other scorer stands beside the data and is no part of the repository.
"""

from __future__ import annotations

import csv
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import wfdb

from ecg import score
from ecg.formats.annotations import Annotations, Timing, read_annotations, read_timing
from ecg.score import beats, delineation, episodes, strips
from ecg.score.rates import Detection

SCORERS = Path(__file__).resolve().parents[3] / "shared" / "scorers"


@pytest.fixture(scope="module")
def judge() -> Iterator[Callable[[str], ModuleType]]:
    """The judges' scorers by name. Without them a test is skipped; on CI they must be there."""
    if not SCORERS.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must compare with the judges' scorers, and there are none at {SCORERS}")
        pytest.skip(f"the judges' scorers are not at {SCORERS}")
    sys.path.insert(0, str(SCORERS))  # they import each other by name
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(SCORERS))
        sys.dont_write_bytecode = writes


@dataclass(frozen=True)
class Case:
    """One record: its reference and the damaged copy that plays the detector. Both at the reference's rate."""

    name: str
    timing: Timing
    reference: Annotations
    test: Annotations

    def write(self, folder: Path, extension: str) -> None:
        """The damaged copy as a WFDB file. The package refuses digits in an extension, hence the new name."""
        file = self.test
        wfdb.wrann(
            self.name,
            "made",
            file.sample,
            list(file.symbol),
            aux_note=list(file.aux),
            fs=self.timing.fs,
            write_dir=str(folder),
        )
        (folder / f"{self.name}.made").rename(folder / f"{self.name}.{extension}")


def case(record: Path, extension: str, rng: np.random.Generator, *, moved_s: float, symbols: str) -> Case:
    """Of the marks 3 % dropped, 3 % doubled nearby, 3 % given another of the symbols, and all moved by a normal error.

    Rhythm notes and VF marks are dropped and moved as the rest, never renamed.
    """
    timing, file = read_timing(record), read_annotations(record, extension)
    count = len(file.sample)
    fate = rng.random(count)
    at = np.maximum(1, file.sample + np.rint(rng.normal(0, moved_s * timing.fs, count)).astype(np.int64))
    rows: list[tuple[int, str, str]] = []
    for index in np.flatnonzero(fate > 0.03):
        symbol, aux = file.symbol[index], file.aux[index]
        renamed = fate[index] > 0.97 and symbol in symbols
        rows.append((int(at[index]), str(rng.choice(list(symbols))) if renamed else symbol, aux))
        if 0.94 < fate[index] <= 0.97 and symbol in symbols:
            rows.append((max(1, int(at[index] + rng.integers(-80, 80))), symbol, ""))
    rows.sort(key=lambda row: row[0])
    sample, symbol_of, aux_of = zip(*rows, strict=True)
    test = Annotations(timing.fs, np.array(sample, np.int64), symbol_of, np.zeros(len(rows), np.int64), aux_of)
    return Case(record.name, timing, file, test)


@pytest.fixture(scope="module")
def cases(data: Path) -> Mapping[str, list[Case]]:
    """Every record of MIT-BIH and CPSC 2021 with beats and rhythms."""
    rng = np.random.default_rng(20261122)
    return {
        name: [
            case(data / name / record, "atr", rng, moved_s=0.045, symbols="NAVFQ/jeLR")
            for record in score.records(data / name)
        ]
        for name in ("mitdb", "cpsc2021")
    }


def their_beats(theirs: ModuleType, file: Annotations, timing: Timing, mapping: Mapping[str, str]) -> object:
    return theirs.beats_of(file.sample, file.symbol, file.subtype, timing.fs, mapping, timing.seconds)


@pytest.mark.parametrize("letters", ["aami", "bxb"])
def test_beats_agree_on_every_record(
    judge: Callable[[str], ModuleType], cases: Mapping[str, list[Case]], letters: str
) -> None:
    theirs = judge("ec57")
    mapping = theirs.BXB if letters == "bxb" else theirs.AAMI
    every = []
    for made in cases["mitdb"]:
        counts, errors = theirs.compare(
            *(their_beats(theirs, file, made.timing, mapping) for file in (made.reference, made.test)),
            end=made.timing.seconds,
        )
        reference, test = (
            beats.beat_marks(
                file.sample / made.timing.fs,
                file.symbol,
                file.subtype,
                length_s=made.timing.seconds,
                letters=score.MAPS[letters],
            )
            for file in (made.reference, made.test)
        )
        ours = beats.compare_beats(reference, test, end_s=made.timing.seconds)
        assert ours.to_json()["counts"] == counts, made.name
        assert ours.errors_s.tolist() == errors, made.name
        rates_agree(ours, theirs.rates(counts))
        every.append(ours)
    gross = beats.pooled(every)
    assert gross.qrs.fn > 1000  # the detector is bad enough for the comparison to mean something
    assert gross.veb.fp > 100
    assert gross.sveb.fp > 100


def rates_agree(ours: beats.BeatCounts, other: Mapping[str, float | None]) -> None:
    qrs, veb, sveb = ours.qrs, ours.veb, ours.sveb
    assert (qrs.n, qrs.tp) == (other["beats"], other["qrs_tp"])
    for kind, found in (("qrs", qrs), ("veb", veb), ("sveb", sveb)):
        assert (found.fn, found.fp) == (other[f"{kind}_fn"], other[f"{kind}_fp"])
        assert (found.se, found.ppv, found.f1) == tuple(other[f"{kind}_{rate}"] for rate in ("se", "pp", "f1"))
    assert (veb.fpr, sveb.fpr) == (other["veb_fpr"], other["sveb_fpr"])


def test_a_lost_signal_is_scored_alike(judge: Callable[[str], ModuleType], cases: Mapping[str, list[Case]]) -> None:
    # No record here has a shutdown, so every other noise mark of 203 is made one.
    theirs = judge("ec57")
    (made,) = (made for made in cases["mitdb"] if made.name == "203")
    subtype = made.reference.subtype.copy()
    subtype[[at for at, symbol in enumerate(made.reference.symbol) if symbol == "~"][::2]] = 0x30
    lost = replace(made.reference, subtype=subtype)
    for reference, test in ((lost, made.test), (made.test, lost)):
        counts, _ = theirs.compare(*(their_beats(theirs, file, made.timing, theirs.AAMI) for file in (reference, test)))
        ours = beats.compare_beats(
            *(
                beats.beat_marks(file.sample / 360, file.symbol, file.subtype, length_s=made.timing.seconds)
                for file in (reference, test)
            )
        )
        assert ours.to_json()["counts"] == counts
        assert any("x" in pair.lower() for pair in counts)


def test_folders_agree_down_to_the_record_without_a_file(
    judge: Callable[[str], ModuleType], data: Path, cases: Mapping[str, list[Case]], tmp_path: Path
) -> None:
    theirs = judge("ec57")
    names = ("104", "119", "207", "208")
    for made in cases["mitdb"]:
        if made.name in names[:-1]:
            made.write(tmp_path, "xl")
    for no_paced in (False, True):
        answer = theirs.score_dir(data / "mitdb", tmp_path, records=names, no_paced=no_paced)
        left = [name for name in names if not (no_paced and name in score.PACED)]
        report = score.score_beats(data / "mitdb", tmp_path, left)
        assert list(report.records) == list(answer["records"])
        assert list(report.absent) == answer["absent"] == ["208"]
        for name, counts in [*report.records.items(), ("gross", report.gross)]:
            other = answer["gross"] if name == "gross" else answer["records"][name]
            assert counts.to_json()["counts"] == other["counts"], name
            rates_agree(counts, other)
        for kind, rates in report.average().items():
            their = {"se": answer["average"][f"{kind}_se"], "ppv": answer["average"][f"{kind}_pp"]}
            assert rates == pytest.approx(their)
        jitter = {name.removesuffix("_ms").removesuffix("_abs"): value for name, value in answer["jitter"].items()}
        assert report.gross.jitter_ms() == pytest.approx(
            {"mean": jitter["mean"], "sd": jitter["sd"], "p95_abs": jitter["p95"]}
        )


@pytest.mark.parametrize(
    ("database", "rhythms"),
    [
        ("mitdb", {"AFIB", "AFL"}),
        ("mitdb", {"VT"}),
        ("mitdb", {"VFL"}),
        ("mitdb", {"N", "SVTA", "B"}),
        ("cpsc2021", {"AFIB"}),
    ],
)
@pytest.mark.parametrize(("start_s", "shortest_s"), [(0.0, 30.0), (20.0, 3.0)])
def test_episodes_agree_on_every_record(
    judge: Callable[[str], ModuleType],
    cases: Mapping[str, list[Case]],
    database: str,
    rhythms: set[str],
    start_s: float,
    shortest_s: float,
) -> None:
    theirs = judge("episodes")
    parts, every = [], []
    for made in cases[database]:
        length_s = made.timing.seconds
        files = (made.reference, made.test)
        reference, test = (
            theirs.spans_of(file.sample, file.symbol, file.aux, made.timing.fs, length_s, rhythms) for file in files
        )
        parts.append(theirs.compare(reference, test, length_s, start_s, shortest_s))
        ours, said = (
            episodes.rhythm_spans(
                file.sample / made.timing.fs, file.symbol, file.aux, length_s=length_s, rhythms=rhythms
            )
            for file in files
        )
        assert (list(ours), list(said)) == (reference, test), made.name
        every.append(episodes.compare_episodes(ours, said, length_s=length_s, start_s=start_s, shortest_s=shortest_s))
        episodes_agree(every[-1], parts[-1], theirs)
    gross = sum(every, start=episodes.EpisodeCounts())
    episodes_agree(gross, theirs.add(parts), theirs)
    assert gross.both_s > 0


def episodes_agree(counts: episodes.EpisodeCounts, other: Mapping[str, object], theirs: ModuleType) -> None:
    seconds = [other[key] for key in ("length", "true", "called", "both")]
    assert [counts.length_s, counts.true_s, counts.called_s, counts.both_s] == pytest.approx(seconds)
    numbers = [other[key] for key in ("ep_ref", "ep_met", "ep_test", "ep_right")]
    assert [counts.there, counts.met, counts.called, counts.right] == numbers
    assert [list(counts.onset_s), list(counts.offset_s)] == [other["on"], other["off"]]
    rates = theirs.rates(other)
    ours = [counts.duration_se, counts.duration_ppv, counts.duration_sp, counts.episode_se, counts.episode_ppv]
    assert ours == pytest.approx([rates[key] for key in ("dur_se", "dur_pp", "dur_sp", "ep_se", "ep_pp")])
    errors = [counts.onset_error_s, counts.offset_error_s]
    assert errors == pytest.approx([rates.get("on_median_abs_s"), rates.get("off_median_abs_s")])


@pytest.fixture(scope="module")
def strips_of_waves(data: Path) -> list[dict[str, Case]]:
    """Twelve records of LUDB, lead by lead."""
    rng = np.random.default_rng(3)
    return [
        {lead: case(data / "ludb" / name, lead, rng, moved_s=0.024, symbols="pNt()") for lead in delineation.LEADS}
        for name in score.records(data / "ludb", "ii")[::8]
    ]


def test_wave_marks_and_intervals_agree(
    judge: Callable[[str], ModuleType], strips_of_waves: list[dict[str, Case]]
) -> None:
    theirs = judge("delineation")
    ours, parts, spans = [], [], []
    for leads in strips_of_waves:
        true, said = ({lead: getattr(made, side) for lead, made in leads.items()} for side in ("reference", "test"))
        their_true, their_said = (
            {lead: theirs.marks_of(file.sample, file.symbol, 500) for lead, file in files.items()}
            for files in (true, said)
        )
        our_true, our_said = (
            {lead: delineation.marks_of(file.sample / 500, file.symbol) for lead, file in files.items()}
            for files in (true, said)
        )
        parts += [theirs.compare(their_true[lead], their_said[lead]) for lead in leads]
        ours += [delineation.compare_marks(our_true[lead], our_said[lead]) for lead in leads]
        spans.append((delineation.global_intervals_ms(our_true), delineation.global_intervals_ms(our_said)))
        assert spans[-1] == (theirs.intervals(their_true), theirs.intervals(their_said))
    gross, other = delineation.pooled(ours), theirs.pool(parts)
    marks_agree(gross, other)
    assert gross["p"].found.fp > 20
    assert all(len(errors.errors_ms) >= 8 for errors in delineation.interval_errors(spans).values())


def marks_agree(ours: Mapping[str, delineation.MarkCounts], other: Mapping[str, Mapping[str, float]]) -> None:
    for kind, counts in ours.items():
        found, their = counts.found, other[kind]
        assert (found.tp, found.fn, found.fp) == tuple(their[key] for key in ("tp", "fn", "fp")), kind
        assert (found.se, found.ppv, found.f1) == tuple(their[key] for key in ("se", "ppv", "f1")), kind
        errors = [counts.mean_ms, counts.sd_ms, counts.abs_mean_ms, counts.abs_p95_ms]
        assert errors == pytest.approx([their[key] for key in ("mean", "sd", "mae", "p95")]), kind


def test_folders_of_wave_marks_agree(
    judge: Callable[[str], ModuleType], data: Path, strips_of_waves: list[dict[str, Case]], tmp_path: Path
) -> None:
    theirs = judge("delineation")
    leads, two = ("i", "avr", "v3"), strips_of_waves[:2]
    for strip in two:
        for lead in leads:
            strip[lead].write(tmp_path, lead)
    names = [strip["i"].name for strip in two]
    (tmp_path / f"{names[1]}.v3").unlink()
    other = theirs.score_dir(data / "ludb", tmp_path, names, leads=leads, with_intervals=True)
    report = score.score_delineation(data / "ludb", tmp_path, names, leads=leads)
    assert report.absent == (f"{names[1]}.v3",)
    marks_agree(report.gross, other["all"])
    for lead in leads:
        marks_agree(report.by_lead[lead], other["by_lead"][lead])
    for name, errors in report.intervals.items():
        their = other["intervals"][name]
        assert (errors.there, len(errors.errors_ms)) == (their["n"], their["measured"])
        assert [errors.mean_ms, errors.sd_ms, errors.abs_mean_ms] == pytest.approx(
            [their["mean"], their["sd"], their["mae"]]
        )


def column(path: Path, name: str) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["record"]: row[name] for row in csv.DictReader(file)}


def test_strips_alarms_quality_and_findings_agree(judge: Callable[[str], ModuleType], data: Path) -> None:
    theirs = judge("strips")
    rng = np.random.default_rng(5)

    def guessed(truth: Mapping[str, str], labels: list[str]) -> dict[str, str]:
        """Right four times in five, no answer for one record in twenty."""
        fate = dict(zip(truth, rng.random(len(truth)), strict=True))
        return {r: label if fate[r] < 0.8 else str(rng.choice(labels)) for r, label in truth.items() if fate[r] < 0.95}

    truth = column(data / "cinc2017/index.csv", "label")
    guess = guessed(truth, list("NAO~"))
    ours, other = strips.compare_strips(truth, guess), theirs.cinc2017(truth, guess)
    assert (ours.f1, ours.missing) == pytest.approx((other["F1"], other["missing"]))
    for letter in strips.STRIP_CLASSES:
        found = ours.of(letter)
        assert (found.n, found.se, found.ppv) == tuple(other[letter][k] for k in ("n", "se", "ppv"))
        assert found.f1 == pytest.approx(100 * other[letter]["f1"])

    true, kind = column(data / "cinc2015/labels.csv", "true"), column(data / "cinc2015/labels.csv", "alarm")
    kept = guessed(true, ["0", "1"])
    alarms = strips.compare_alarms(true, kept, kind)
    other = theirs.cinc2015({r: v == "1" for r, v in true.items()}, {r: v == "1" for r, v in kept.items()}, kind)
    assert set(alarms) == set(other)
    for name, counts in alarms.items():
        two_classes(counts.kept, other[name])
        assert counts.score == other[name]["score"]

    quality = column(data / "cinc2011/labels.csv", "quality")
    guess = guessed(quality, ["acceptable", "unacceptable"])
    two_classes(
        strips.compare_quality(quality, guess, positive="unacceptable"),
        theirs.two(*({r: v == "unacceptable" for r, v in table.items()} for table in (quality, guess))),
    )

    codes = column(data / "cinc2021/labels.csv", "snomed")
    guess = guessed(codes, ["164889003", "426783006;164889003"])
    found_codes = strips.compare_findings(*({r: strips.split_codes(v) for r, v in t.items()} for t in (codes, guess)))
    other = theirs.findings(codes, guess)
    assert found_codes.mean_f1 == pytest.approx(other.pop("macro_f1"))
    assert set(found_codes.codes) == set(other)
    for code, found in found_codes.codes.items():
        two_classes(found, other[code])


def two_classes(found: Detection, other: Mapping[str, float | None]) -> None:
    assert (found.tp, found.fn, found.fp, found.tn) == tuple(other[k] for k in ("tp", "fn", "fp", "tn"))
    rates = (found.se, found.sp, found.ppv, found.f1, found.accuracy)
    assert rates == tuple(other[k] for k in ("se", "sp", "ppv", "f1", "acc"))
