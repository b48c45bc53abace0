"""A4, A5, A6 and A11: AF episodes, short strips, fibrillation and ventricular runs, alarms of a bedside monitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecg.formats.annotations import read_annotations, read_timing
from ecg.score import (
    compare_alarms,
    compare_strips,
    rhythm_spans,
    score_episodes,
    score_runs,
)
from ecg.score.beats import Span
from ecg.score.rates import Cell
from ecg.score.runs import pooled
from tests.bench.judged.answers import ANNOTATOR
from tests.bench.judged.material import ARRHYTHMIA, DATA, Job, jobs, names, strips_by_block, table
from tests.bench.judged.sheet import Sheet

AF_MODELS = ("qrs", "beats", "rhythm")
VF_MODELS = ("qrs", "fibrillation")
FIBRILLATION = frozenset({"VF", "VFL"})
VF_SHORTEST_S = 4.0
KNOWN_VF = ("cudb/cu01", "mitdb/207")  # the records with reference marks of fibrillation or flutter
DAY_S = 86400.0
ALARM_S = 10.0  # an alarm is kept when its range meets the last so many seconds
KINDS: Mapping[str, str] = {
    "Asystole": "asystole",
    "Bradycardia": "bradycardia",
    "Tachycardia": "tachycardia",
    "Ventricular_Tachycardia": "vt",
    "Ventricular_Flutter_Fib": "vf",
}


def episode_jobs() -> list[Job]:
    return [*jobs("two", ARRHYTHMIA), *jobs("cpsc2021", "cpsc2021")]


def strip_jobs() -> list[Job]:
    return [Job("cinc2017", f"cinc2017/{name}") for name in strips_by_block()]


def vf_jobs() -> list[Job]:
    return [*episode_jobs(), Job("cudb", "cudb/cu01")]


def alarm_jobs() -> list[Job]:
    return jobs("cinc2015", "cinc2015")


def atrial_fibrillation(sheet: Sheet, _peers: str) -> None:
    """A4: AF and flutter together, by time and by episodes of 30 s."""
    for base, folder in ((ARRHYTHMIA, "two"), ("cpsc2021", "cpsc2021")):
        report = score_episodes(DATA / base, sheet.answers.folder(folder), names(base), extensions=("atr", ANNOTATOR))
        gross = report.gross
        for name, value, unit in (
            ("duration_se", gross.duration_se, "%"),
            ("duration_ppv", gross.duration_ppv, "%"),
            ("duration_sp", gross.duration_sp, "%"),
            ("episode_se", gross.episode_se, "%"),
            ("episode_ppv", gross.episode_ppv, "%"),
            ("onset_error", gross.onset_error_s, "s"),
            ("offset_error", gross.offset_error_s, "s"),
        ):
            sheet.add(f"A4.{base}.{name}", value, unit, models=AF_MODELS, of=(base,))
        for record, counts in report.records.items():
            sheet.record(
                f"A4.{base}",
                record,
                {"true s": counts.true_s, "called s": counts.called_s, "right s": counts.both_s},
            )
        sheet.per_record_table(f"A4.{base}")


def strips(sheet: Sheet, _peers: str) -> None:
    """A5: N, A, O or ~ for each strip of CinC 2017."""
    truth = {row["record"]: row["label"] for row in table("cinc2017", "index.csv")}
    answers: dict[str, str] = {}
    for name in truth:
        said = sheet.answers.json(Job("cinc2017", f"cinc2017/{name}"))
        screen = None if said is None else said.get("screen")
        if isinstance(screen, dict):
            answers[name] = str(screen["class"])
    if not answers:
        sheet.missing("A5", "not offered yet: the analysis has no `screen`")
        return
    counts = compare_strips(truth, answers)
    models = ("screen", "qrs", "quality")
    sheet.add("A5.f1", counts.f1, "mean F1 of N, A, O", models=models, of=("cinc2017",))
    for letter, name in zip("NAO~", ("n", "a", "o", "noise"), strict=True):
        f1 = counts.of(letter).f1
        sheet.add(f"A5.{name}.f1", None if f1 is None else f1 / 100, "F1", models=models, of=("cinc2017",))
    sheet.add("A5.a.sp", counts.of("A").sp, "%", models=models, of=("cinc2017",))
    rows: list[list[Cell]] = [[letter, *map(int, line)] for letter, line in zip("NAO~", counts.table, strict=True)]
    sheet.table("A5: reference (rows) against ours", ("", "N", "A", "O", "~", "none"), rows)


def fibrillation(sheet: Sheet, _peers: str) -> None:
    """A6: fibrillation of 4 s and more met or missed, false calls in a day, runs of three and more VEB."""
    met = there = 0
    for record in KNOWN_VF:
        if record.partition("/")[2] not in names(record.partition("/")[0]):
            continue  # a quick look at the first records only
        for span in _storms(sheet, record, reference=True):
            if span[1] - span[0] >= VF_SHORTEST_S:
                there += 1
                hit = any(_meet(span, other) for other in _storms(sheet, record, reference=False))
                met += hit
                sheet.record(
                    "A6",
                    f"{record} at {span[0]:.0f} s",
                    {"seconds": span[1] - span[0], "found": "yes" if hit else "no"},
                )
    sheet.add("A6.vf_missed", there - met, f"of {there} episodes of 4 s", models=VF_MODELS, of=("cudb", ARRHYTHMIA))
    false, free_s = 0, 0.0
    for base in (ARRHYTHMIA, "cpsc2021"):
        for name in names(base):
            record = f"{base}/{name}"
            true = _storms(sheet, record, reference=True)
            false += sum(not any(_meet(span, one) for one in true) for span in _storms(sheet, record, reference=False))
            free_s += read_timing(DATA / record).seconds - sum(end - first for first, end in true)
    sheet.add(
        "A6.vf_false",
        false * DAY_S / free_s,
        f"a day, in {free_s / 3600:.1f} h",
        models=VF_MODELS,
        of=(ARRHYTHMIA, "cpsc2021"),
    )
    report = score_runs(
        DATA / ARRHYTHMIA, sheet.answers.folder("two"), names(ARRHYTHMIA), extensions=("atr", ANNOTATOR)
    )
    runs = pooled(report.veb.values()).tachycardia
    sheet.add("A6.vt.se", runs.se, "%", models=AF_MODELS, of=(ARRHYTHMIA,))
    sheet.add("A6.vt.ppv", runs.ppv, "%", models=AF_MODELS, of=(ARRHYTHMIA,))
    for name, of_record in report.veb.items():
        rate = of_record.tachycardia
        if rate.there or rate.called:
            sheet.record(
                "A6.vt",
                name,
                {"runs": rate.there, "met": rate.met, "called": rate.called, "right": rate.right},
            )
    sheet.per_record_table("A6")
    sheet.per_record_table("A6.vt")


def _storms(sheet: Sheet, record: str, *, reference: bool) -> Sequence[Span]:
    base, _, name = record.partition("/")
    folder = {"mitdb": "two"}.get(base, base)
    path, extension = (DATA / record, "atr") if reference else (sheet.answers.folder(folder) / name, ANNOTATOR)
    if not reference and not path.with_suffix(f".{ANNOTATOR}").is_file():
        return ()
    file, timing = read_annotations(path, extension), read_timing(DATA / record)
    return rhythm_spans(file.sample / timing.fs, file.symbol, file.aux, length_s=timing.seconds, rhythms=FIBRILLATION)


def _meet(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def alarms(sheet: Sheet, _peers: str) -> None:
    """A11: true alarms kept and false ones silenced, Challenge 2015."""
    rows = {row["record"]: row for row in table("cinc2015")}
    kept: dict[str, str] = {}
    for name, row in rows.items():
        said = sheet.answers.json(Job("cinc2015", f"cinc2015/{name}"))
        given = None if said is None else said.get("alarms")
        if said is not None and isinstance(given, dict):
            samples, fs = said["samples"], said["fs"]
            assert isinstance(samples, int)
            assert isinstance(fs, float)
            spans = given[KINDS[row["alarm"]]]
            meets = any(span["end"] > samples - ALARM_S * fs for span in spans)
            kept[name] = str(int(meets))
    if not kept:
        sheet.missing("A11", "not offered yet: the analysis has no `alarms`")
        return
    truth = {name: row["true"] for name, row in rows.items()}
    kinds = {name: row["alarm"] for name, row in rows.items()}
    counts = compare_alarms(truth, kept, kinds)
    models = ("qrs", "beats", "quality", "fibrillation")
    for kind, of_kind in counts.items():
        key = "A11" if kind == "all" else f"A11.{KINDS[kind]}"
        sheet.add(f"{key}.score", of_kind.score, "score", models=models, of=("cinc2015",))
        sheet.add(f"{key}.tpr", of_kind.kept.se, "%", models=models, of=("cinc2015",))
        sheet.add(f"{key}.tnr", of_kind.kept.sp, "%", models=models, of=("cinc2015",))
    for name in sorted(name for name in truth if truth[name] == "1" and kept.get(name) == "0"):
        sheet.record("A11, true alarms silenced", name, {"alarm": kinds[name]})
    sheet.per_record_table("A11, true alarms silenced")
