"""A report on paper: what is printed (`Sheet`), and the PDF made of it by typst with `report.typ`.

`sheet` gathers the facts from what was signed, in both languages where they have words; `render` is a pure function of
a sheet and the signal and runs in the process pool. The trace is `tracing.py`'s. Every page carries the identity; what
is not signed says so across the page. Same report, same bytes: the PDF's own date is the signature's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Literal

import msgspec
import typst

import ecg
from ecg import codes
from server.base import typeset
from server.reading import tracing
from server.reading.content import Measured, measured_of_summary, signed_of
from server.reading.errors import FontsMissing
from server.reading.model import Report, Statement
from server.records.model import Recording

Lang = Literal["zh", "en"]
Words = tuple[str, str]
"""The same thing in Chinese and in English."""

DASH = "–"

SYMPTOMS: dict[str, Words] = {
    "chest_pain": ("胸痛", "chest pain"),
    "syncope": ("晕厥", "syncope"),
    "presyncope": ("近乎晕厥", "near syncope"),
    "dyspnoea": ("呼吸困难", "dyspnoea"),
    "palpitation": ("心悸", "palpitation"),
    "hypotension": ("低血压", "hypotension"),
    "none": ("无症状", "none"),
    "unknown": ("不详", "not stated"),
}
SEXES: dict[str, Words] = {"M": ("男", "male"), "F": ("女", "female"), "": ("不详", "not stated")}
GRADES: dict[str, Words] = {
    "critical": ("▲ 危急", "▲ Critical"),
    "warning": ("◆ 预警", "◆ Warning"),
    "normal": ("普通", "Normal"),
    "unassessed": ("待核实", "Not assessed"),
}
URGENCIES: dict[str, Words] = {"routine": ("常规", "routine"), "emergency": ("急诊", "emergency")}


class Number(msgspec.Struct, frozen=True):
    """One line of the measurements: the value that counts, and the machine's where the reader measured otherwise."""

    name: Words
    value: str
    unit: Words
    machine: str | None = None


class Sheet(msgspec.Struct, frozen=True):
    """Everything printed but the trace. Times are local and ready to print."""

    hub: Words
    centre: Words
    clinic: Words
    patient: str
    identity_pending: bool
    sex: Words
    age_years: int | None
    id_no_masked: str
    recorded_at: str
    device: str
    symptoms: list[Words]
    urgency: Words
    number: str
    numbers: list[Number]
    statements: list[Words]
    grade: Words
    note: str
    reader: str
    signed_at: str | None
    signed_moment: datetime | None
    digest: str | None
    version: int
    state: str
    replaces_version: int | None
    replaced_by_version: int | None
    reason: str
    lowered_reason: str
    derived: list[str] = []
    """Leads that were computed from others; said beside their names."""


def check_fonts() -> None:
    """Called at the start: a hub that cannot print Chinese does not start. Raises FontsMissing."""
    if typeset.FONT not in typst.Fonts(include_system_fonts=True).families():
        raise FontsMissing(missing=typeset.FONT)


def sheet(
    *,
    recording: Recording,
    report: Report,
    raw: bytes,
    replaced_by_version: int | None,
    hub: Words,
    centre: Words | None,
    clinic: Words,
    local: Callable[[str], datetime],
) -> Sheet:
    """The facts of one version. `raw`: its stored bytes; what is printed of a signed report is what was signed."""
    signed = None if report.state == "draft" else signed_of(raw)
    measured = signed.measured if signed else measured_of_summary(recording.machine)
    patient = recording.patient
    taken_at = recording.started_at or recording.opened_at
    return Sheet(
        hub=hub,
        centre=centre or clinic,
        clinic=clinic,
        patient=patient.name,
        identity_pending=patient.identity == "pending",
        sex=SEXES[patient.sex],
        age_years=patient.age_years,
        id_no_masked=patient.id_no_masked,
        recorded_at=_moment(local(taken_at)),
        # Who handed a file over is no device; what the file is says more.
        device=recording.device_model or recording.format or recording.device,
        symptoms=[SYMPTOMS.get(symptom, (symptom, symptom)) for symptom in recording.symptoms],
        urgency=URGENCIES[recording.urgency],
        number=recording.id,
        numbers=_numbers(measured or Measured(), {m.name: m.value for m in report.measurements}),
        statements=[_statement(statement) for statement in report.statements],
        grade=GRADES[report.grade],
        note=report.note,
        reader=report.author_name,
        signed_at=_moment(local(report.signed_at)) if report.signed_at else None,
        signed_moment=local(report.signed_at) if report.signed_at else None,
        digest=report.digest,
        version=report.version,
        state=report.state,
        replaces_version=report.version - 1 if report.replaces else None,
        replaced_by_version=replaced_by_version,
        reason=report.reason,
        lowered_reason=signed.lowered_reason if signed else "",
        derived=recording.derived,
    )


def fingerprint(of: Sheet) -> str:
    """The same for the same print: facts and template."""
    return hashlib.sha256(msgspec.json.encode(of) + _template()).hexdigest()[:24]


def render(of: Sheet, recording: ecg.Recording, lang: Lang) -> bytes:
    """The PDF (PDF/A-2b, fonts embedded). Pure: no clock, no disk but the machine's fonts."""
    drawn = tracing.trace(recording)
    values = {
        **_in_language(of, lang),
        "lang": lang,
        "labels": [{**asdict(label), "derived": label.lead in of.derived} for label in drawn.labels],
        "scale": _scale(recording, lang),
        "signed": of.signed_at is not None,
    }
    files = {
        "main.typ": _template(),
        "sheet.json": msgspec.json.encode(values),
        "paper.svg": drawn.paper_svg.encode(),
        "ink.svg": drawn.ink_svg.encode(),
    }
    return typeset.pdf(files, of.signed_moment)


@cache
def _template() -> bytes:
    return resources.files(__package__).joinpath("report.typ").read_bytes()


def _in_language(of: Sheet, lang: Lang) -> dict[str, object]:
    """The sheet with every pair of words reduced to one language's."""
    at = ("zh", "en").index(lang)
    plain = {name: getattr(of, name) for name in of.__struct_fields__ if name != "signed_moment"}
    for name in ("hub", "centre", "clinic", "sex", "urgency", "grade"):
        plain[name] = plain[name][at]
    for name in ("symptoms", "statements"):
        plain[name] = [words[at] for words in plain[name]]
    plain["numbers"] = [
        {"name": n.name[at], "value": n.value, "unit": n.unit[at], "machine": n.machine} for n in of.numbers
    ]
    return plain


def _scale(recording: ecg.Recording, lang: Lang) -> str:
    """The line that belongs to every trace. Nothing is filtered; above half the rate there is nothing to show."""
    top_hz = min(150, int(recording.fs // 2))
    text = f"{tracing.SPEED_MM_S} mm/s  {tracing.GAIN_MM_MV} mm/mV  0.05–{top_hz} Hz  {recording.fs:g} Hz"
    if recording.seconds > tracing.SECONDS + 0.05:
        whole = f"{recording.seconds:.0f}"
        text += f"  第 0–10 秒，全长 {whole} 秒" if lang == "zh" else f"  seconds 0–10 of {whole}"
    if tracing.synchronous(recording):
        text += "  各列同步" if lang == "zh" else "  columns at the same time"
    return text


def _numbers(machine: Measured, edited: dict[str, float]) -> list[Number]:
    def one(name: Words, key: str, unit: Words) -> Number:
        own, auto = edited.get(key), getattr(machine, key)
        return Number(name, _text(own if own is not None else auto), unit, None if own is None else _text(auto))

    ms = ("ms", "ms")
    own_axis = edited.get("qrs_axis_deg")

    def axes(qrs: float | None) -> str:
        return " / ".join(_text(a) for a in (machine.p_axis_deg, qrs, machine.t_axis_deg))

    auto_axes = axes(machine.qrs_axis_deg)
    return [
        one(("心室率", "Ventricular rate"), "vent_rate_bpm", ("次/分", "/min")),
        one(("PR 间期", "PR"), "pr_ms", ms),
        one(("QRS 时限", "QRS"), "qrs_ms", ms),
        one(("QT 间期", "QT"), "qt_ms", ms),
        one(("QTc (Bazett)", "QTc (Bazett)"), "qtc_ms", ms),
        Number(("P / QRS / T 电轴", "P / QRS / T axis"), auto_axes, ("°", "°"))
        if own_axis is None
        else Number(("P / QRS / T 电轴", "P / QRS / T axis"), axes(own_axis), ("°", "°"), auto_axes),
    ]


def _text(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f}".replace("-", "−")


def _statement(statement: Statement) -> Words:
    """The signed words; in English the code's name before them, for the words stay what was signed."""
    known = codes.findings().get(statement.code or "")
    if known is None:
        return statement.text, statement.text
    if statement.text in (known.name_zh, known.name_en):
        return statement.text, known.name_en
    return statement.text, f"{known.name_en} ({statement.text})"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
