"""GE Sapphire XML, which MAC 2000, MAC 1200 ST and MAC 600 carts write: samples in an attribute, one element a lead.

Known from open readers of it only; no sample file was at hand. Values stand in the attribute `V`, their unit in `U`,
the worth of a step in `S`, the number that marks no sample in `INV`. The whole waveform is read (`wav`), not the median
template (`var`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecg.errors import FileWarning, GainMissing, NoWaveform, SamplesFewer
from ecg.formats import people, xml
from ecg.formats.document import NO_SIGNAL, THE_FILE, Document, Maker, Person
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "GE Sapphire XML"
MEDIAN = ("mediantemplate", "var", "measurements")


def recognises(raw: bytes) -> bool:
    return xml.root_name(raw) == "sapphire"


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, "sapphire")
    medians = {id(node) for part in root.every(*MEDIAN) for node in part.every("ecgwaveformmxg")}
    blocks = [block for block in root.every("ecgwaveformmxg") if id(block) not in medians]
    warnings: list[FileWarning] = []
    stretches = [Stretch(_rate(block), _leads(block, warnings)) for block in blocks if block.first("ecgwaveform").name]
    if not stretches:
        raise NoWaveform(path=THE_FILE)
    page = sheet(stretches)
    device = root.any("device")
    return Document(
        format=NAME,
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=people.moment(root.any("acquisitiondatetime").value("v")),
        person=_person(root.any("patientinfo")),
        maker=Maker(
            name="GE",
            model=people.said(device.first("modelid").value("v") or device.first("devicename").value("v")),
            serial=people.said(device.first("serialid").value("v")),
            software=people.said(device.any("softwareversion", "swversion").value("v")),
        ),
        warnings=(*warnings, *page.warnings),
    )


def _rate(block: Node) -> float:
    rate = block.first("samplerate")
    times = 1000.0 if rate.value("u").lower() == "khz" else 1.0
    return xml.rate(xml.number(rate.value("v"), "sampleRate") * times, rate.value("v"), "sampleRate")


def _leads(block: Node, warnings: list[FileWarning]) -> tuple[Lead, ...]:
    leads: list[Lead] = []
    for wave in block.along("ecgwaveform"):
        name = wave.value("lead") or wave.value("label")
        steps, places = xml.samples([wave.attributes.get("v", "")], name)
        promised = xml.count(wave.value("asizevt") or wave.value("asizebt"), "asizeVT")
        if promised is not None and len(steps) < promised and not warnings:
            warnings.append(SamplesFewer(promised=promised, got=len(steps)))
        invalid = wave.value("inv") or block.value("inv")
        if invalid:
            steps = np.where(steps == xml.number(invalid, "INV") * 10**places, NO_SIGNAL, steps).astype(np.int32)
        scale, unit = wave.value("s") or block.value("s"), wave.value("u") or block.value("u")
        if not scale:
            raise GainMissing(path=THE_FILE, lead=name)
        leads.append(Lead(name, steps, xml.number(scale, "S") * xml.microvolts(unit, name) / 10**places))
    return tuple(leads)


def _person(who: Node) -> Person:
    name = who.first("name")
    return Person(
        name=people.full_name(name.first("family").value("v"), name.first("given").value("v")),
        id_no=people.said(who.first("identifier", "id").value("v") or who.first("identifier").value("v")),
        sex=people.sex(who.first("gender").value("v")),
        birth_date=people.day(who.first("birthdatetime").value("v")),
        age_years=people.age(who.first("age").value("v"), who.first("age").value("u")),
    )
