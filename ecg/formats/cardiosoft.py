"""GE CardioSoft XML (CardiologyXML): whole numbers with commas, one element a lead.

The strip is read: ten seconds of all leads. Where it is missing, the full disclosure is (one list, a sample of each
lead in turn). Medians and vector loops are not. Known from exports of V6.73 and readers of others.
"""

from __future__ import annotations

from typing import Final

from ecg.errors import FieldWrong, FileWarning, GainMissing, NoWaveform, SamplesFewer
from ecg.formats import people, xml
from ecg.formats.document import THE_FILE, Document, Maker, Person
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "GE CardioSoft XML"


def recognises(raw: bytes) -> bool:
    return xml.root_name(raw) == "cardiologyxml"


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, "cardiologyxml")
    warnings: list[FileWarning] = []
    strips = [strip for strip in root.every("stripdata") if strip.first("waveformdata").name]
    stretches = [Stretch(_rate(strip), _leads(strip, warnings)) for strip in strips]
    if not any(stretch.samples for stretch in stretches):
        stretches = [_disclosed(block) for block in root.every("fulldisclosure")]
    if not stretches:
        raise NoWaveform(path=THE_FILE)
    page = sheet(stretches)
    device = root.any("deviceinfo")
    version = people.said(device.first("softwarever").text)
    return Document(
        format=f"{NAME} {version}".strip(),
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=people.moment(_date(root.first("observationdatetime"))),
        person=_person(root.any("patientinfo")),
        maker=Maker(name="GE", model=people.said(device.first("desc").text), software=version),
        warnings=(*warnings, *page.warnings),
    )


def _rate(block: Node) -> float:
    rate = block.first("samplerate")
    times = 1000.0 if rate.value("units").lower() == "khz" else 1.0
    return xml.rate(xml.number(rate.text, "SampleRate") * times, rate.text, "SampleRate")


def _gain(block: Node, lead: str) -> float:
    resolution = block.first("resolution")
    if not resolution.text:
        raise GainMissing(path=THE_FILE, lead=lead)
    unit = resolution.value("units").lower().removesuffix("perlsb").removesuffix("perbit").removesuffix("/lsb")
    return xml.number(resolution.text, "Resolution") * xml.microvolts(unit, lead)


def _leads(strip: Node, warnings: list[FileWarning]) -> tuple[Lead, ...]:
    leads: list[Lead] = []
    for wave in strip.along("waveformdata"):
        name = wave.value("lead")
        steps, places = xml.samples(wave.pieces, name)
        if len(steps):
            leads.append(Lead(name, steps, _gain(strip, name) / 10**places))
    promised = xml.count(strip.first("channelsamplecounttotal").text, "ChannelSampleCountTotal")
    got = max((len(lead.steps) for lead in leads), default=0)
    if promised is not None and 0 < got < promised:
        warnings.append(SamplesFewer(promised=promised, got=got))
    return tuple(leads)


def _disclosed(block: Node) -> Stretch:
    """All leads of the full disclosure, of which each sample in turn belongs to the next lead."""
    names = [name.strip() for name in block.first("leadorder").text.split(",") if name.strip()]
    data = block.first("fulldisclosuredata")
    steps, places = xml.samples(data.pieces, "full disclosure")
    channels = xml.count(block.first("numberofchannels").text, "NumberOfChannels")
    if channels is not None and channels != len(names):
        raise FieldWrong(
            path=THE_FILE, field="NumberOfChannels", got=str(channels), why=f"LeadOrder names {len(names)} leads"
        )
    if not names or not len(steps):
        raise NoWaveform(path=THE_FILE)
    whole = len(steps) // len(names)
    columns = steps[: whole * len(names)].reshape(whole, len(names))
    gain = _gain(block, names[0]) / 10**places
    return Stretch(_rate(block), tuple(Lead(name, columns[:, at], gain) for at, name in enumerate(names)))


def _date(when: Node) -> str:
    day = "-".join(when.first(part).text for part in ("year", "month", "day"))
    if not when.first("hour").name:
        return day
    return f"{day} " + ":".join(when.first(part).text or "0" for part in ("hour", "minute", "second"))


def _person(who: Node) -> Person:
    age = who.first("age")
    return Person(
        name=people.full_name(who.first("name", "familyname").text, who.first("name", "givenname").text),
        id_no=people.said(who.first("pid").text),
        sex=people.sex(who.first("gender").text),
        birth_date=people.day(_date(who.first("birthdatetime"))),
        age_years=people.age(age.text, age.value("units")),
    )
