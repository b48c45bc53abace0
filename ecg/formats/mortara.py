"""Mortara ELI XML (ELI 250, ELI 280, ELI Link): Base64 words of 16 bits in an attribute, one CHANNEL a lead.

Known from open readers of it only; no sample file was at hand. Typical cycles beside the channels are not read.
"""

from __future__ import annotations

from typing import Final

from ecg.errors import FieldWrong, FileWarning, GainMissing, NoWaveform, SamplesFewer
from ecg.formats import people, xml
from ecg.formats.document import THE_FILE, Document, Maker, Person
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "Mortara ELI XML"
MARKS: Final = (b"<CHANNEL", b"<SOURCE", b"<TYPICAL_CYCLE", b"<SUBJECT", b"ACQUISITION_TIME")


def recognises(raw: bytes) -> bool:
    head = raw[: xml.CHUNK].replace(b"\0", b"")
    return xml.root_name(raw) == "ecg" and any(mark in head for mark in MARKS)


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, "ecg")
    channels = root.along("channel")
    if not channels:
        raise NoWaveform(path=THE_FILE)
    rates = {_rate(channel) for channel in channels}
    if len(rates) > 1:
        raise FieldWrong(
            path=THE_FILE, field="SAMPLE_FREQ", got=", ".join(f"{hz:g}" for hz in sorted(rates)), why="leads differ"
        )
    fs = rates.pop()
    warnings: list[FileWarning] = []
    page = sheet([Stretch(fs, tuple(_lead(channel, fs, warnings) for channel in channels))])
    source, who = root.first("source"), root.first("subject")
    return Document(
        format=NAME,
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=people.moment(root.value("acquisition_time_xml")) or people.moment(root.value("acquisition_time")),
        person=_person(root, who),
        maker=Maker(
            name=people.said(source.value("manufacturer")) or "Mortara",
            model=people.said(source.value("model") or source.value("type")),
            serial=_source(source, "acquiring_device_serial_number", "serial_number", "unit_number"),
            software=_source(source, "acquiring_device_sw_version", "software_version", "version"),
        ),
        warnings=(*warnings, *page.warnings),
    )


def _person(root: Node, who: Node) -> Person:
    """From SUBJECT, or from DEMOGRAPHIC_FIELDS, whose numbers are the same in every language of the machine."""
    fields = {node.value("id"): node.value("value") for node in root.along("demographic_fields", "demographic_field")}
    return Person(
        name=people.full_name(
            who.value("last_name") or fields.get("1", ""), who.value("first_name") or fields.get("7", "")
        ),
        id_no=people.said(who.value("id") or fields.get("2", "")),
        sex=people.sex(who.value("gender") or fields.get("4", "")),
        birth_date=people.day(who.value("dob_xml") or who.value("dob") or fields.get("16", "")),
        age_years=people.age(root.value("age") or fields.get("3", ""), root.value("age_units")),
    )


def _source(source: Node, *names: str) -> str:
    return next((said for name in names if (said := people.said(source.value(name)))), "")


def _rate(channel: Node) -> float:
    text = channel.value("sample_freq")
    return xml.rate(xml.number(text, "SAMPLE_FREQ"), text, "SAMPLE_FREQ")


def _lead(channel: Node, fs: float, warnings: list[FileWarning]) -> Lead:
    name = channel.value("name")
    for field, usual in (("bits", "16"), ("format", "SIGNED"), ("encoding", "BASE64"), ("offset", "0")):
        if channel.value(field).upper() not in ("", usual):
            raise FieldWrong(
                path=THE_FILE,
                field=field.upper(),
                got=xml.shown(channel.value(field)),
                why=f"only {usual} is understood",
            )
    data = [channel.attributes["data"]] if "data" in channel.attributes else channel.pieces
    steps = xml.int16_of(xml.base64_of(data, f"DATA of lead {name}"), f"DATA of lead {name}")
    promised = xml.count(channel.value("duration"), "DURATION")  # samples; milliseconds in some exports
    if promised and promised > len(steps) and round(len(steps) * 1000 / fs) != promised and not warnings:
        warnings.append(SamplesFewer(promised=promised, got=len(steps)))
    if not channel.value("units_per_mv"):
        raise GainMissing(path=THE_FILE, lead=name)
    per_mv = xml.number(channel.value("units_per_mv"), "UNITS_PER_MV")
    if per_mv <= 0:
        raise GainMissing(path=THE_FILE, lead=name)
    return Lead(name, steps, 1000.0 / per_mv)
