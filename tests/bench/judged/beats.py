"""A1 to A3 and A13: QRS complexes clean and in noise, beat classes, paced beats, after ANSI/AAMI EC57."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecg.score import PACED, BeatReport, score_beats
from tests.bench.judged.answers import ANNOTATOR
from tests.bench.judged.material import ARRHYTHMIA, DATA, Job, every, jobs, names, noise_is_new, notes, table
from tests.bench.judged.peers import Peer, annotate_with
from tests.bench.judged.sheet import Sheet

NOISE_DB = (6, 0)
QRS_PEERS = (
    Peer("neurokit2", every=1),
    Peer("sleepecg", every=1),
    Peer("pantompkins1985", every=1),
    Peer("fastnvg", every=4),
    Peer("xqrs", every=4),
)
NOISE_PEERS = ("neurokit2", "sleepecg", "pantompkins1985", "fastnvg")
MODELS = ("qrs",)
CLASS_MODELS = ("qrs", "beats", "rhythm")


def clean_jobs() -> list[Job]:
    return [*jobs("two", ARRHYTHMIA), *jobs("one", ARRHYTHMIA, leads=("0",))]


def noisy_jobs() -> list[Job]:
    return [job for snr in NOISE_DB for job in jobs(f"em{snr}", ARRHYTHMIA, snr_db=float(snr))]


def class_jobs() -> list[Job]:
    return jobs("two", ARRHYTHMIA)


def paced_jobs() -> list[Job]:
    return [*jobs("two", ARRHYTHMIA), *jobs("ludb", "ludb")]


def clean(sheet: Sheet, peers: str) -> None:
    """A1: the detector on two leads and on the first alone, beside the peers on that one."""
    for folder, key in (("two", "A1.two_leads"), ("one", "A1.one_lead")):
        report = _scored(sheet, folder, names(ARRHYTHMIA))
        _qrs(sheet, key, report)
        for name, counts in report.records.items():
            qrs, jitter = counts.qrs, counts.jitter_ms() or {}
            sheet.record(
                key,
                name,
                {"Se": qrs.se, "+P": qrs.ppv, "F1": qrs.f1, "missed": qrs.fn, "false": qrs.fp}
                | {"jitter sd ms": jitter.get("sd")},
            )
        sheet.per_record_table(key)
    _beside(sheet, "A1.one_lead.f1", "one", None, QRS_PEERS, peers)


def in_noise(sheet: Sheet, peers: str) -> None:
    """A2: electrode motion added to two leads; the peers get the first of the noisy ones."""
    for snr in NOISE_DB:
        key, folder = f"A2.{snr}db", f"em{snr}"
        report = _scored(sheet, folder, names(ARRHYTHMIA))
        _qrs(sheet, key, report, (ARRHYTHMIA,) if noise_is_new() else (ARRHYTHMIA, "nstdb"))
        for name, counts in report.records.items():
            sheet.record(key, name, {"Se": counts.qrs.se, "+P": counts.qrs.ppv, "F1": counts.qrs.f1})
        sheet.per_record_table(key)
        able = [peer for peer in QRS_PEERS if peer.name in NOISE_PEERS]
        _beside(sheet, f"{key}.f1", folder, float(snr), able, peers)


def _scored(sheet: Sheet, folder: str, records: Sequence[str]) -> BeatReport:
    return score_beats(DATA / ARRHYTHMIA, sheet.answers.folder(folder), records, extensions=("atr", ANNOTATOR))


def _qrs(sheet: Sheet, key: str, report: BeatReport, of: tuple[str, ...] = (ARRHYTHMIA,)) -> None:
    gross = report.gross
    jitter = gross.jitter_ms()
    worst = min((counts.qrs.f1 or 0.0 for counts in report.records.values()), default=None)
    for name, value, unit in (
        ("f1", gross.qrs.f1, "%"),
        ("se", gross.qrs.se, "%"),
        ("ppv", gross.qrs.ppv, "%"),
        ("worst_record_f1", worst, "%"),
        ("jitter_sd", None if jitter is None else jitter["sd"], "ms"),
    ):
        sheet.add(f"{key}.{name}", value, unit, models=MODELS, of=of)


def _beside(sheet: Sheet, key: str, folder: str, snr_db: float | None, able: Sequence[Peer], wanted: str) -> None:
    """Each peer on its records; the best of them stands beside our figure."""
    best: tuple[float, str, float | None] | None = None
    rows = []
    for peer in able:
        given = every(names(ARRHYTHMIA), 1 if wanted == "all" else peer.every)
        into = sheet.answers.folder(f"peer-{folder}-{peer.name}")
        if wanted == "none" or not annotate_with(peer.name, given, snr_db, into):
            continue
        theirs = score_beats(DATA / ARRHYTHMIA, into, given, extensions=("atr", ANNOTATOR)).gross
        ours = _scored(sheet, folder, given).gross
        jitter = (theirs.jitter_ms() or {}).get("sd")
        rows.append([peer.name, len(given), theirs.qrs.se, theirs.qrs.ppv, theirs.qrs.f1, jitter, ours.qrs.f1])
        sheet.record(f"{key} peers", peer.name, dict(zip(PEER_HEAD[1:], rows[-1][1:], strict=True)))
        if theirs.qrs.f1 is not None and (best is None or theirs.qrs.f1 > best[0]):
            best = (theirs.qrs.f1, peer.name, ours.qrs.f1)
    if rows:
        sheet.table(f"{key}: peers, first lead", PEER_HEAD, rows)
    if best is not None:
        sheet.beside(key, best[1], best[2], best[0])


PEER_HEAD = ("peer", "records", "Se", "+P", "F1", "jitter sd ms", "our F1 on these")


def classes(sheet: Sheet, _peers: str) -> None:
    """A3: VEB and SVEB at our own detections; paced records left out as EC57 asks."""
    report = _scored(sheet, "two", [name for name in names(ARRHYTHMIA) if name not in PACED])
    gross = report.gross
    for name, value in (
        ("veb.se", gross.veb.se),
        ("veb.ppv", gross.veb.ppv),
        ("sveb.se", gross.sveb.se),
        ("sveb.ppv", gross.sveb.ppv),
        ("normal_called_ectopic", gross.normal_called_ectopic),
    ):
        sheet.add(f"A3.{name}", value, "%", models=CLASS_MODELS, of=(ARRHYTHMIA,))
    for record, counts in report.records.items():
        veb, sveb = counts.veb, counts.sveb
        sheet.record(
            "A3",
            record,
            {"VEB": veb.n, "VEB Se": veb.se, "VEB +P": veb.ppv, "SVEB": sveb.n, "SVEB Se": sveb.se}
            | {"SVEB +P": sveb.ppv, "N called V or S": counts.normal_called_ectopic},
        )
    sheet.per_record_table("A3")


def paced(sheet: Sheet, _peers: str) -> None:
    """A13: the share of paced beats that are called paced, and of others that are."""
    found = there = false = others = 0
    for name in names(ARRHYTHMIA):
        marks = notes(f"{ARRHYTHMIA}/{name}")
        reference = marks.sample[[symbol == "/" for symbol in marks.symbol]]
        fs = 360.0
        is_paced = name in PACED
        said = _symbols(sheet, Job("two", f"{ARRHYTHMIA}/{name}"))
        if is_paced:
            at = np.array([sample for sample, symbol in said if symbol == "/"])
            hit = sum(bool(len(at)) and bool(np.abs(at - sample).min() <= 0.15 * fs) for sample in reference)
            found, there = found + hit, there + len(reference)
        else:
            false, others = false + sum(symbol == "/" for _, symbol in said), others + len(said)
    models = ("qrs",)
    if there:
        sheet.add("A13.mitdb.se", 100 * found / there, "%", models=models, of=(ARRHYTHMIA,))
    pacemaker = ludb_paced()
    met = beats = 0
    for name in names("ludb"):
        said = _symbols(sheet, Job("ludb", f"ludb/{name}"))
        if name in pacemaker:
            met, beats = met + sum(symbol == "/" for _, symbol in said), beats + len(said)
            share = 100 * sum(symbol == "/" for _, symbol in said) / len(said) if said else None
            sheet.record("A13", name, {"beats": len(said), "called paced %": share})
        else:
            false, others = false + sum(symbol == "/" for _, symbol in said), others + len(said)
    if beats:
        sheet.add("A13.ludb.se", 100 * met / beats, "% of detected beats", models=models, of=("ludb",))
    if others:
        sheet.add("A13.false", 100 * false / others, "% of beats of others", models=models, of=(ARRHYTHMIA, "ludb"))
    sheet.per_record_table("A13")


def ludb_paced() -> set[str]:
    return {row["ID"] for row in table("ludb", column="ID") if row["Cardiac pacing"].strip()}


def _symbols(sheet: Sheet, job: Job) -> list[tuple[int, str]]:
    said = sheet.answers.json(job)
    if said is None:
        return []
    beats = said["beats"]
    assert isinstance(beats, dict)
    return list(zip(beats["sample"], beats["symbol"], strict=True))
