"""A7 and A8: wave marks of every lead, and the global intervals, against LUDB's annotators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from ecg.annotation import Mark
from ecg.formats.annotate import write_annotation
from ecg.formats.annotations import read_annotations, read_timing
from ecg.score import DelineationReport, MarkCounts, global_intervals_ms, interval_errors, marks_of, score_delineation
from ecg.score.delineation import LEADS
from tests.bench.judged.answers import offers_waves
from tests.bench.judged.material import DATA, Job, every, names, table
from tests.bench.judged.peers import Peer, ask, store
from tests.bench.judged.sheet import Sheet

MODELS = ("qrs", "delineation")
PEERS = (Peer("nk_dwt", every=5), Peer("prominence", every=5))
FEWEST_BEATS = 2


def wave_jobs() -> list[Job]:
    return [Job("ludb", f"ludb/{name}", waves=True) for name in names("ludb")]


def delineation(sheet: Sheet, peers: str) -> None:
    """A7: each kind of mark, all leads pooled, beside the peers; P waves called in AF and flutter."""
    if not offers_waves():
        sheet.missing("A7", "not offered yet: the library has no delineation of every lead")
        return
    report = _scored(sheet.answers.folder("ludb"), names("ludb"))
    for kind, counts in report.gross.items():
        found = counts.found
        for name, value, unit in (
            ("f1", found.f1, "%"),
            ("se", found.se, "%"),
            ("ppv", found.ppv, "%"),
            ("mean", counts.mean_ms, "ms"),
            ("sd", counts.sd_ms, "ms"),
        ):
            sheet.add(f"A7.{kind}.{name}", value, unit, models=MODELS, of=("ludb",))
    sheet.add("A7.p_in_af", *_p_without_p(sheet), models=MODELS, of=("ludb",))
    if sheet.per_record:
        for name in names("ludb"):
            alone = _scored(sheet.answers.folder("ludb"), [name]).gross
            row = {f"{kind} F1": alone[kind].found.f1 for kind in ("p", "r", "t")}
            sheet.record(
                "A7", name, row | {f"{kind} ms": alone[kind].mean_ms for kind in ("qrs_on", "qrs_off", "t_off")}
            )
        sheet.per_record_table("A7")
    _beside(sheet, peers)


def _scored(folder: Path, records: Sequence[str]) -> DelineationReport:
    return score_delineation(DATA / "ludb", folder, records)


def _p_without_p(sheet: Sheet) -> tuple[float | None, str]:
    """P marks in percent of QRS marks, in strips labelled fibrillation or flutter."""
    of = {
        row["ID"]
        for row in table("ludb", column="ID")
        if "fibrillation" in row["Rhythms"] or "flutter" in row["Rhythms"]
    }
    p = beats = 0
    for name in sorted(of):
        for lead in LEADS:
            path = sheet.answers.folder("ludb") / name
            if path.with_suffix(f".{lead}").is_file():
                symbols = read_annotations(path, lead).symbol
                p, beats = p + symbols.count("p"), beats + symbols.count("N")
    return (100 * p / beats if beats else None), f"% of beats, {len(of)} strips in AF or flutter"


def _beside(sheet: Sheet, wanted: str) -> None:
    for peer in PEERS:
        given = every(names("ludb"), 1 if wanted == "all" else peer.every)
        into = sheet.answers.folder(f"peer-ludb-{peer.name}")
        if wanted == "none" or not _marked_by(peer.name, given, into):
            continue
        theirs = _scored(into, given)
        own = _scored(sheet.answers.folder("ludb"), given)
        rows = []
        for kind, counts in theirs.gross.items():
            mine = own.gross[kind]
            rows.append([kind, *_four(counts), *_four(mine)])
            if peer is PEERS[-1]:
                sheet.beside(f"A7.{kind}.f1", peer.name, mine.found.f1, counts.found.f1)
                sheet.beside(f"A7.{kind}.sd", peer.name, mine.sd_ms, counts.sd_ms)
            sheet.record(f"A7 {peer.name}", kind, dict(zip(HEAD[1:], rows[-1][1:], strict=True)))
        sheet.table(f"A7: {peer.name} on {len(given)} strips, and we on the same", HEAD, rows)
        for name, errors in theirs.intervals.items():
            sheet.record(f"A8 {peer.name}", name, {"mean ms": errors.mean_ms, "sd ms": errors.sd_ms})


def _four(counts: MarkCounts) -> tuple[float | None, ...]:
    return counts.found.se, counts.found.ppv, counts.mean_ms, counts.sd_ms


HEAD = ("mark", "Se", "PPV", "mean ms", "sd", "our Se", "our PPV", "our mean ms", "our sd")


def _marked_by(peer: str, records: Sequence[str], into: Path) -> bool:
    todo = [name for name in records if not (into / f"{name}.ii").is_file()]
    if todo:
        samples = into.parent / "samples-ludb"
        store(samples, [Job("", f"ludb/{name}") for name in todo])
        said = ask("peer_waves.py", [peer, *(str(samples / f"{name}.npz") for name in todo)])
        if said is None:
            return False
        into.mkdir(parents=True, exist_ok=True)
        for name, leads in said.items():
            assert isinstance(leads, list)
            for lead, waves in zip(LEADS, leads, strict=True):
                marks = sorted(((at, symbol) for at, symbol in waves), key=lambda mark: mark[0])
                write_annotation(into / f"{name}.{lead}", [Mark(at, symbol) for at, symbol in marks if at >= 0], 500.0)
    return True


def intervals(sheet: Sheet, _peers: str) -> None:
    """A8: P, PR, QRS and QT of a recording, from our lead files and as `measurements` states them; the heart rate."""
    if offers_waves():
        for name, errors in _scored(sheet.answers.folder("ludb"), names("ludb")).intervals.items():
            sheet.add(f"A8.{name}.mean", errors.mean_ms, "ms", models=MODELS, of=("ludb",))
            sheet.add(f"A8.{name}.sd", errors.sd_ms, "ms", models=MODELS, of=("ludb",))
    else:
        sheet.missing("A8", "from lead files: not offered yet; below from `measurements`")
    pairs = []
    rates = []
    for name in names("ludb"):
        reference = _reference(name)
        said = sheet.answers.json(Job("ludb", f"ludb/{name}"))
        measured = {} if said is None else said["measurements"]
        assert isinstance(measured, dict)
        stated = {kind: measured.get(f"{kind}_ms") for kind in ("p", "pr", "qrs", "qt")}
        pairs.append((global_intervals_ms(reference), stated))
        rate, true_rate = measured.get("vent_rate_bpm"), _rate(reference)
        if rate is not None and true_rate is not None:
            rates.append(abs(rate - true_rate))
        errors_ms = {f"{kind} ms": _difference(stated[kind], pairs[-1][0][kind]) for kind in stated}
        sheet.record("A8", name, errors_ms | {"rate": rate, "true rate": true_rate})
    for name, errors in interval_errors(pairs).items():
        sheet.add(f"A8.stated.{name}.mean", errors.mean_ms, "ms", models=MODELS, of=("ludb",))
        sheet.add(f"A8.stated.{name}.sd", errors.sd_ms, "ms", models=MODELS, of=("ludb",))
    sheet.add("A8.rate", mean(rates) if rates else None, "/min, mean absolute error", models=("qrs",), of=("ludb",))
    sheet.per_record_table("A8")


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


Lead = Mapping[str, "np.typing.NDArray[np.float64]"]


def _reference(name: str) -> dict[str, Lead]:
    fs = read_timing(DATA / "ludb" / name).fs
    files = {lead: read_annotations(DATA / "ludb" / name, lead) for lead in LEADS}
    return {lead: marks_of(file.sample / fs, file.symbol) for lead, file in files.items()}


def _rate(reference: Mapping[str, Lead]) -> float | None:
    """Beats a minute between the first and the last marked R of lead II."""
    beats = reference["ii"]["r"]
    return 60.0 * (len(beats) - 1) / float(beats[-1] - beats[0]) if len(beats) >= FEWEST_BEATS else None
