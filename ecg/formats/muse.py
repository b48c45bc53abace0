"""GE MUSE XML (RestingECG): Base64 words of 16 bits, one block a lead, as MUSE and MAC carts export it.

The rhythm is read, never the median beat beside it. Most files hold 8 leads (I, II, V1-V6); the others are derived by
`Document.recording`. CRC-32 over a lead's bytes is checked where the file gives one.
"""

from __future__ import annotations

import zlib
from typing import Final

from ecg.errors import ChecksumIgnored, FieldWrong, FileWarning, GainMissing, NoWaveform, SamplesFewer
from ecg.formats import people, xml
from ecg.formats.document import THE_FILE, Document, Maker, Person
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "GE MUSE XML"
EXPONENT_MAX: Final = 6


def recognises(raw: bytes) -> bool:
    return xml.root_name(raw) == "restingecg"


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, "restingecg")
    waves = [wave for wave in root.every("waveform") if wave.first("waveformtype").text.lower() != "median"]
    warnings: list[FileWarning] = []
    stretches = _merged([Stretch(_rate(wave), _leads(wave, warnings)) for wave in waves if wave.first("leaddata").name])
    page = sheet(stretches)
    version = people.said(root.first("museinfo", "museversion").text)
    return Document(
        format=f"{NAME} {version}".strip(),
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=people.moment(
            f"{_test(root, 'acquisitiondate')} {_test(root, 'acquisitiontime')}"
            if _test(root, "acquisitiontime")
            else _test(root, "acquisitiondate")
        ),
        person=_person(root.any("patientdemographics")),
        maker=Maker(
            name="GE",
            model=people.said(_test(root, "acquisitiondevice")),
            serial=people.said(root.any("pharmacartid").text or _test(root, "cartnumber")),
            software=people.said(_test(root, "acquisitionsoftwareversion") or version),
        ),
        warnings=(*warnings, *page.warnings),
    )


def _test(root: Node, name: str) -> str:
    return root.any("testdemographics").first(name).text


def _merged(stretches: list[Stretch]) -> list[Stretch]:
    """Leads that are parted over several rhythm blocks (8 leads, then the right-sided ones) are of one time line."""
    if not stretches:
        raise NoWaveform(path=THE_FILE)
    spellings = [lead.spelling for stretch in stretches for lead in stretch.leads]
    alike = {(stretch.fs, stretch.samples) for stretch in stretches}
    if len(stretches) == 1 or len(alike) > 1 or len(set(spellings)) < len(spellings):
        return stretches
    return [Stretch(stretches[0].fs, tuple(lead for stretch in stretches for lead in stretch.leads))]


def _rate(wave: Node) -> float:
    base, exponent = wave.first("samplebase").text, wave.first("sampleexponent").text
    power = xml.number(exponent, "SampleExponent") if exponent else 0.0
    if not -EXPONENT_MAX <= power <= EXPONENT_MAX:
        raise FieldWrong(path=THE_FILE, field="SampleExponent", got=xml.shown(exponent), why="it is out of proportion")
    return xml.rate(xml.number(base, "SampleBase") * 10.0**power, f"{base} 10^{power:g}", "SampleBase")


def _leads(wave: Node, warnings: list[FileWarning]) -> tuple[Lead, ...]:
    leads: list[Lead] = []
    for block in wave.along("leaddata"):
        lead = block.first("leadid").text
        raw = xml.base64_of(block.first("waveformdata").pieces, f"WaveFormData of lead {lead}")
        _check(block, lead, raw, warnings)
        size = xml.count(block.first("leadsamplesize").text, "LeadSampleSize")
        if size not in (None, 2):
            raise FieldWrong(path=THE_FILE, field="LeadSampleSize", got=str(size), why="samples have two bytes each")
        steps = xml.int16_of(raw, f"WaveFormData of lead {lead}")
        promised = xml.count(block.first("leadsamplecounttotal").text, "LeadSampleCountTotal")
        if promised is not None and promised > len(steps):
            fewer = SamplesFewer(promised=promised, got=len(steps))
            if not any(isinstance(warning, SamplesFewer) for warning in warnings):
                warnings.append(fewer)
        if promised is not None and promised < len(steps):
            raise FieldWrong(
                path=THE_FILE,
                field=f"LeadSampleCountTotal of lead {lead}",
                got=str(promised),
                why=f"the lead holds {len(steps)} samples",
            )
        first = xml.count(block.first("leadoffsetfirstsample").text, "LeadOffsetFirstSample") or 0
        leads.append(Lead(lead, steps, _gain(block, lead), first))
    return tuple(leads)


def _gain(block: Node, lead: str) -> float:
    text = block.first("leadamplitudeunitsperbit").text
    if not text:
        raise GainMissing(path=THE_FILE, lead=lead)
    per_bit = xml.number(text, f"LeadAmplitudeUnitsPerBit of lead {lead}")
    return per_bit * xml.microvolts(block.first("leadamplitudeunits").text, lead)


def _check(block: Node, lead: str, raw: bytes, warnings: list[FileWarning]) -> None:
    stated = block.first("leaddatacrc32").text
    if stated.isdecimal() and int(stated) != zlib.crc32(raw):
        warnings.append(ChecksumIgnored(where=f"CRC-32 of lead {lead}"))


def _person(who: Node) -> Person:
    return Person(
        name=people.full_name(who.first("patientlastname").text, who.first("patientfirstname").text),
        id_no=people.said(who.first("patientid").text),
        sex=people.sex(who.first("gender").text),
        birth_date=people.day(who.first("dateofbirth").text),
        age_years=people.age(who.first("patientage").text, who.first("ageunits").text),
    )
