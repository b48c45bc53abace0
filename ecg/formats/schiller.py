"""Schiller XML (SEMA EDI): numbers with commas, one element a channel, averages and rhythms as blocks of one event."""

from __future__ import annotations

from typing import Final

from ecg.errors import FieldWrong, FileWarning, GainMissing, NoWaveform, SamplesFewer
from ecg.formats import people, xml
from ecg.formats.document import THE_FILE, Document, Maker, Person
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "Schiller XML (SEMA)"
ROOTS: Final = ("com.xiriuz.sema.xml.schilleredi.schilleredi", "schilleredi")
RHYTHM: Final = ("ECG_RHYTHMS", "ECG_RHYTHM", "RHYTHM", "RHYTHMS")


def recognises(raw: bytes) -> bool:
    return xml.root_name(raw) in ROOTS


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, *ROOTS)
    warnings: list[FileWarning] = []
    blocks = [block for block in root.every("wavedata") if block.first("type").text.upper() in RHYTHM]
    stretches = [Stretch(_rate(block), _leads(block, warnings)) for block in blocks if block.first("channel").name]
    if not stretches:
        raise NoWaveform(path=THE_FILE)
    page = sheet(stretches)
    exam = root.first("examdescript")
    when = exam.first("startdatetime")
    device = exam.any("aquiringdevice", "acquiringdevice")
    return Document(
        format=NAME,
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=people.moment(f"{when.first('date').text} {when.first('time').text}"),
        person=_person(root.first("patdata")),
        maker=Maker(
            name=people.said(device.first("hardware", "vendor").text),
            model=people.said(device.first("hardware", "model").text or device.first("hardware", "type").text),
            serial=people.said(device.any("serialnumber", "serial").text),
            software=" ".join(
                people.said(device.first("software", part).text) for part in ("model", "version")
            ).strip(),
        ),
        warnings=(*warnings, *page.warnings),
    )


def _rate(block: Node) -> float:
    """`value`, with an `exponent` of 1 beside it, in the one file known; another exponent cannot be judged."""
    rate = block.first("resolution", "samplerate")
    exponent = rate.first("exponent").text
    if exponent and xml.number(exponent, "samplerate exponent") not in (0, 1):
        raise FieldWrong(
            path=THE_FILE, field="samplerate exponent", got=xml.shown(exponent), why="only 0 and 1 are understood"
        )
    text = rate.first("value").text or rate.text
    return xml.rate(xml.number(text, "samplerate"), text, "samplerate")


def _leads(block: Node, warnings: list[FileWarning]) -> tuple[Lead, ...]:
    leads: list[Lead] = []
    for channel in block.along("channel"):
        name = channel.first("name").text
        kind = channel.first("datastype").text.upper()
        if kind not in ("", "COMMASEPARATE", "COMMASEPARATED"):
            raise FieldWrong(path=THE_FILE, field=f"datastype of lead {name}", got=kind, why="it is not understood")
        steps, places = xml.samples(channel.first("data").pieces, name)
        promised = xml.count(channel.first("samplecount").text, "samplecount")
        if promised is not None and len(steps) < promised and not warnings:
            warnings.append(SamplesFewer(promised=promised, got=len(steps)))
        leads.append(Lead(name, steps, _gain(block, channel, name) / 10**places))
    return tuple(leads)


def _gain(block: Node, channel: Node, lead: str) -> float:
    scale = (
        channel.first("resolution", "yres") if channel.first("resolution").name else block.first("resolution", "yres")
    )
    per_bit = scale.first("unitperbit").text
    if not per_bit:
        raise GainMissing(path=THE_FILE, lead=lead)
    return xml.number(per_bit, "unitperbit") * xml.microvolts(scale.first("units").text, lead)


def _person(who: Node) -> Person:
    return Person(
        name=people.full_name(who.first("lastname").text, who.first("firstname").text),
        id_no=people.said(who.first("id").text),
        sex=people.sex(who.first("gender").text),
        birth_date=people.day(who.first("birthdate").text),
        age_years=people.age(who.first("age").text or who.first("age", "value").text, who.first("age", "unit").text),
    )
