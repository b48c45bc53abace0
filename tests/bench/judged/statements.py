"""A9, A10 and A12: findings of 12-lead recordings by code, quality and abstention, exchanged electrodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ecg import codes
from ecg.formats.annotations import read_timing
from ecg.score import Detection, compare_quality, compare_two_classes, exact_limits
from tests.bench.judged.labels import FINDINGS, Means, labels_of, truth
from tests.bench.judged.material import ARRHYTHMIA, DATA, EXCHANGES, Job, every, jobs, names, table
from tests.bench.judged.noise import noisy_seconds
from tests.bench.judged.peers import Peer, ask, store
from tests.bench.judged.sheet import Sheet

BASES = {"ludb": "ID", "cinc2021": "record"}  # twelve leads with diagnoses, and the column of the name
MODELS = ("qrs", "beats", "rhythm", "quality", "left_ventricle", "delineation")
QUALITY_PEER = Peer("zhao2018", every=4)
ALERTS = frozenset({"LEAD_REVERSAL_LA_RA", "LEAD_REVERSAL_OTHER", "PRECORDIAL_MISPLACEMENT"})
COMMON = ("RA-LA", "RA-LL", "LA-LL", "V1-V2", "V2-V3", "V3-V4", "V1-V3")


def twelve_jobs() -> list[Job]:
    return [job for base in BASES for job in jobs(base, base)]


def quality_jobs() -> list[Job]:
    return [
        *jobs("cinc2011", "cinc2011"),
        *jobs("two", ARRHYTHMIA),
        *jobs("em0", ARRHYTHMIA, snr_db=0.0),
    ]


def exchange_jobs() -> list[Job]:
    swapped = [
        Job(f"swap-{base}-{'-'.join(pair)}", f"{base}/{name}", swap=pair)
        for pair in EXCHANGES
        for base in BASES
        for name in names(base)
    ]
    return [*twelve_jobs(), *swapped]


@dataclass(frozen=True)
class Labelled:
    """A recording with what its annotators and we say."""

    base: str
    name: str
    labels: tuple[str, ...]
    source: str
    said: frozenset[str]

    @property
    def record(self) -> str:
        return f"{self.base}/{self.name}"

    def says(self, key: str) -> bool | None:
        return truth(key, self.base, self.labels, self.source)


def findings(sheet: Sheet, _peers: str) -> None:
    """A9: each finding of the table of labels, LUDB and CinC 2021 together, with exact limits."""
    labelled = [
        Labelled(
            base,
            row[column],
            labels_of(base, row),
            row.get("source", ""),
            _codes(sheet, Job(base, f"{base}/{row[column]}")),
        )
        for base, column in BASES.items()
        for row in table(base, column=column)
    ]
    rows = []
    for key, means in FINDINGS.items():
        judged = {
            one.record: (is_there, bool(one.said & means.ours))
            for one in labelled
            if (is_there := one.says(key)) is not None
        }
        counts = compare_two_classes(
            {name: pair[0] for name, pair in judged.items()}, {name: pair[1] for name, pair in judged.items()}
        )
        _add(sheet, f"A9.{key}", counts, tuple(sorted({name.partition("/")[0] for name in judged})))
        tn = counts.tn or 0
        se, sp = exact_limits(counts.tp, counts.n), exact_limits(tn, tn + counts.fp)
        rows.append(
            [key, counts.n, counts.tp, counts.fp, counts.se, _shown(se), counts.sp, _shown(sp), counts.ppv, counts.f1]
        )
        sheet.record("A9", key, dict(zip(HEAD[1:], rows[-1][1:], strict=True)))
    sheet.table("A9: findings, exact 95 % limits", HEAD, rows)
    _normal(sheet, labelled)
    if sheet.per_record:
        wrong = [
            [one.record, key, "missed" if is_there else "false"]
            for one in labelled
            for key, means in FINDINGS.items()
            if (is_there := one.says(key)) is not None and is_there != bool(one.said & means.ours)
        ]
        sheet.table("A9: where we and the labels differ", ("record", "finding", ""), wrong)


def _shown(limits: tuple[float, float]) -> str:
    return f"{limits[0]:.0f}-{limits[1]:.0f}"


HEAD = ("finding", "n", "found", "false", "Se", "95 %", "Sp", "95 % ", "+P", "F1")


def _add(sheet: Sheet, key: str, counts: Detection, bases: tuple[str, ...]) -> None:
    low, high = exact_limits(counts.tp, counts.n)
    for name, value, unit in (
        ("f1", None if counts.f1 is None else counts.f1 / 100, "F1"),
        ("se", counts.se, f"% of {counts.n} (95 %: {low:.0f} to {high:.0f})"),
        ("sp", counts.sp, f"% of {(counts.tn or 0) + counts.fp}"),
    ):
        sheet.add(f"{key}.{name}", value, unit, models=MODELS, of=bases)


def _normal(sheet: Sheet, labelled: Sequence[Labelled]) -> None:
    """Of the recordings called normal: how many carry no label of a finding that must not be missed."""
    normal = [one for one in labelled if "NORMAL_ECG" in one.said]
    missed = [
        f"{one.record}: {key}"
        for one in normal
        for key, means in FINDINGS.items()
        if _is_critical(means) and one.says(key)
    ]
    if normal:
        npv = 100 * (1 - len({line.partition(":")[0] for line in missed}) / len(normal))
        sheet.add("A9.normal.npv", npv, f"% of {len(normal)} called normal", models=MODELS, of=tuple(BASES))
    for line in missed:
        record, _, key = line.partition(": ")
        sheet.record("A9, called normal", record, {"label": key})
    sheet.per_record_table("A9, called normal")


def _is_critical(means: Means) -> bool:
    known = codes.findings()
    return means.critical or any(known[code].urgency == "critical" for code in means.ours if len(means.ours) == 1)


def _codes(sheet: Sheet, job: Job) -> frozenset[str]:
    said = sheet.answers.json(job)
    rows = [] if said is None else said["findings"]
    assert isinstance(rows, list)
    return frozenset(row["code"] for row in rows)


def quality(sheet: Sheet, peers: str) -> None:
    """A10: acceptable or not (CinC 2011), and what is flagged in the noisy minutes of A2 and on clean records."""
    labels = {row["record"]: row["quality"] for row in table("cinc2011")}
    said: dict[str, str] = {}
    for name in labels:
        answer = sheet.answers.json(Job("cinc2011", f"cinc2011/{name}"))
        judged = {"acceptable": False} if answer is None else answer["quality"]
        assert isinstance(judged, dict)
        said[name] = "acceptable" if judged["acceptable"] else "unacceptable"
    counts = compare_quality(labels, said, positive="unacceptable")
    for name, value in (("accuracy", counts.accuracy), ("se", counts.se), ("sp", counts.sp)):
        sheet.add(f"A10.{name}", value, "%", models=("quality",), of=("cinc2011",))
    for name in sorted(name for name in labels if labels[name] != said[name]):
        sheet.record("A10, judged wrongly", name, {"label": labels[name]})
    sheet.per_record_table("A10, judged wrongly")
    for folder, key in (("em0", "A10.flagged_in_noise"), ("two", "A10.flagged_clean")):
        flagged = there = 0.0
        for name in names(ARRHYTHMIA):
            length = read_timing(DATA / ARRHYTHMIA / name).seconds
            asked = noisy_seconds(length) if folder == "em0" else [(0.0, length)]
            dark = list(_dark(sheet, Job(folder, f"{ARRHYTHMIA}/{name}")))
            here = sum(max(0.0, min(b, d) - max(a, c)) for a, b in asked for c, d in dark)
            flagged, there = flagged + here, there + sum(end - first for first, end in asked)
            total = sum(end - first for first, end in asked)
            sheet.record(key, name, {"flagged %": 100 * here / total if total else None})
        sheet.add(key, 100 * flagged / there, "% of seconds", models=("quality",), of=(ARRHYTHMIA,))
        sheet.per_record_table(key)
    _beside(sheet, peers, labels, said)


def _dark(sheet: Sheet, job: Job) -> Iterator[tuple[float, float]]:
    said = sheet.answers.json(job)
    if said is None:
        return
    judged, fs = said["quality"], said["fs"]
    assert isinstance(judged, dict)
    assert isinstance(fs, float)
    for span in judged["unreadable"]:
        yield span["first"] / fs, span["end"] / fs


def _beside(sheet: Sheet, wanted: str, labels: dict[str, str], ours: dict[str, str]) -> None:
    if wanted == "none":
        return
    given = every(sorted(labels), 1 if wanted == "all" else QUALITY_PEER.every)
    samples = sheet.answers.folder("samples-cinc2011")
    store(samples, [Job("", f"cinc2011/{name}") for name in given])
    said = ask("peer_quality.py", [QUALITY_PEER.name, *(str(samples / f"{name}.npz") for name in given)])
    if said is None:
        return
    reference = {name: labels[name] for name in given}
    theirs = compare_quality(reference, {n: str(label) for n, label in said.items()}, positive="unacceptable")
    mine = compare_quality(reference, {name: ours[name] for name in given}, positive="unacceptable")
    sheet.record(
        "A10 peers", "neurokit2 zhao2018", {"records": len(given), "accuracy": theirs.accuracy, "ours": mine.accuracy}
    )
    sheet.table(
        "A10: peer, and we on the same recordings",
        ("peer", "records", "accuracy", "Se", "Sp", "our accuracy", "our Se", "our Sp"),
        [["neurokit2 zhao2018", len(given), *_three(theirs), *_three(mine)]],
    )
    sheet.beside("A10.accuracy", "neurokit2 zhao2018", mine.accuracy, theirs.accuracy)


def _three(counts: Detection) -> tuple[float | None, float | None, float | None]:
    return counts.accuracy, counts.se, counts.sp


def exchanged(sheet: Sheet, _peers: str) -> None:
    """A12: alerts on untouched recordings, and on each with two electrodes exchanged."""
    models = ("qrs", "reversal")
    untouched = [(base, name) for base in BASES for name in names(base)]
    false = [f"{base}/{name}" for base, name in untouched if _codes(sheet, Job(base, f"{base}/{name}")) & ALERTS]
    share = 100 * len(false) / len(untouched)
    sheet.add("A12.false", share, f"% of {len(untouched)}", models=models, of=tuple(BASES))
    for record in false:
        sheet.record("A12, false alerts", record, {})
    found: dict[str, float] = {}
    for pair in EXCHANGES:
        key = "-".join(pair)
        hits = sum(
            bool(_codes(sheet, Job(f"swap-{base}-{key}", f"{base}/{name}")) & ALERTS) for base, name in untouched
        )
        found[key] = 100 * hits / len(untouched)
        sheet.add(f"A12.{key}.se", found[key], "%", models=models, of=tuple(BASES))
    mean_common = sum(found[key] for key in COMMON) / len(COMMON)
    sheet.add("A12.mean_common.se", mean_common, "%, seven common exchanges", models=models, of=tuple(BASES))
    sheet.per_record_table("A12, false alerts")
