"""Philips Sierra ECG XML (SierraECG 1.03, PhilipsECG 1.04 to 1.04.02), from PageWriter, HeartStart, IntelliSpace.

Samples of all leads stand in one block: XLI-compressed (`sierra_xli.py`), plain 16-bit words in Base64, or numbers as
text, a lead behind the other. In XLI the leads III, aVR, aVL and aVF are residues against I and II; sums run over the
16-bit range and wrap, in the residues as in the deltas.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ecg import codes
from ecg.errors import ChannelLeftOut, FieldWrong, FileWarning, FormatRefused, GainMissing, NoWaveform, SamplesFewer
from ecg.formats import people, sierra_xli, xml
from ecg.formats.document import I32, THE_FILE, Document, Maker, Person, checked_gain
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "Philips Sierra ECG XML"
STANDARD: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
KINDS: Final = ("sierraecg", "philipsecg")
VERSIONS: Final = ("1.03", "1.04")
LEADS_MAX: Final = 32
SAMPLES_MAX: Final = 2_000_000  # of all leads: 5 min of 12 leads; the machines write 11 s


def recognises(raw: bytes) -> bool:
    return xml.root_name(raw) == "restingecgdata"


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, "restingecgdata")
    _check_version(root)
    block, signal = root.any("parsedwaveforms"), root.any("signalcharacteristics")
    if not block.name or not "".join(block.pieces).strip():
        raise NoWaveform(path=THE_FILE)
    names, fs = _names(block, signal), _rate(block, signal)
    promised, gain = _promised(block, fs, len(names)), checked_gain(_gain(block, signal), names[0])
    columns = _columns(block, signal, names, promised)
    warnings: list[FileWarning] = [
        ChannelLeftOut(channel=name) for name in names[: len(columns)] if name.startswith("Channel ")
    ]
    if len(columns[0]) < promised:
        warnings.append(SamplesFewer(promised=promised, got=len(columns[0])))
    page = sheet(
        [Stretch(fs, tuple(Lead(n, c, gain) for n, c in zip(names, columns, strict=False) if "Channel " not in n))]
    )
    acquired, machine = root.any("dataacquisition"), root.any("machine")
    version = people.said(root.any("documentversion").text)
    parts = [people.said(part) for part in machine.value("detaildescription").split(":")]
    return Document(
        format=f"{NAME} {version}".strip(),
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=people.moment(f"{acquired.value('date')} {acquired.value('time')}"),
        person=_person(root.any("generalpatientdata")),
        maker=Maker(
            name=parts[0] or "Philips",
            model=people.said(machine.text),
            serial=people.said(machine.value("machineid")),
            software=parts[-1] if len(parts) > 2 else "",
        ),
        warnings=(*warnings, *page.warnings),
    )


def _check_version(root: Node) -> None:
    """Another version may pack its samples in another way, and look right all the same."""
    kind, version = root.any("documenttype").text, root.any("documentversion").text
    if (kind and kind.lower() not in KINDS) or (version and ".".join(version.split(".")[:2]) not in VERSIONS):
        name = xml.shown(f"{kind} {version}")
        raise FormatRefused(path=THE_FILE, format=f"{NAME} of type {name}", reason="this version is not known here")


def _names(block: Node, signal: Node) -> list[str]:
    """A name for each channel: as listed, or by the kind of electrode set; a channel beyond is numbered."""
    listed = block.value("leadlabels").replace(",", " ").split()
    channels = xml.count(block.value("numberofleads"), "numberofleads") if listed else _channels(signal)
    if channels is None:
        channels = len(listed)
    if not 0 < channels <= LEADS_MAX or (listed and channels > len(listed)):
        raise FieldWrong(path=THE_FILE, field="number of leads", got=str(channels), why="the names are not so many")
    if listed:
        return listed[:channels]
    kind = f"{signal.first('acquisitiontype').text} {signal.first('leadset').text}"
    known = STANDARD if any(word in kind for word in ("STD-12", "10-WIRE", "STD12", "12")) else ()
    return [known[at] if at < len(known) else f"Channel {at + 1}" for at in range(channels)]


def _channels(signal: Node) -> int | None:
    for field in ("numberchannelsallocated", "numberchannelsvalid"):
        found = xml.count(signal.first(field).text, field)
        if found:
            return found
    return 0


def _rate(block: Node, signal: Node) -> float:
    text = block.value("samplespersecond") or signal.first("samplingrate").text
    return xml.rate(xml.number(text, "samplingrate"), text, "samplingrate")


def _gain(block: Node, signal: Node) -> float:
    """Microvolts a step; the format has no unit beside it."""
    texts = (block.value("resolution"), signal.first("resolution").text, signal.first("signalresolution").text)
    stated = next((text for text in texts if text), "")
    if not stated:
        raise GainMissing(path=THE_FILE, lead="I")
    return xml.number(stated, "resolution")


def _promised(block: Node, fs: float, leads: int) -> int:
    """Samples a lead, by the stated duration."""
    lasts = block.value("durationperchannel")
    samples = round(xml.number(lasts, "durationperchannel") * fs / 1000)
    if not 0 < samples * leads <= SAMPLES_MAX:
        raise FieldWrong(
            path=THE_FILE, field="durationperchannel", got=xml.shown(lasts), why=f"{samples} samples a lead cannot be"
        )
    return samples


def _columns(block: Node, signal: Node, names: list[str], promised: int) -> list[I32]:
    """The samples of each lead, all of one length, at most as many as promised."""
    encoding = block.value("dataencoding").lower()
    kind = (block.value("compression") or block.value("compressmethod")).lower()
    flag = block.value("compressflag").lower()
    kind = kind or ("xli" if flag == "true" else "")
    if kind in ("", "none", "uncompressed") or flag == "false":
        return _plain(block, signal, encoding, len(names), promised)
    if kind != "xli" or encoding != "base64":
        raise FormatRefused(
            path=THE_FILE, format=NAME, reason=f"its samples are packed as {xml.shown(f'{kind} {encoding}')}"
        )
    raw = xml.base64_of(block.pieces, "parsedwaveforms")
    valid = xml.count(signal.first("numberchannelsvalid").text, "numberchannelsvalid") or 1
    columns = sierra_xli.leads(raw, len(names), len(names) if block.value("leadlabels") else valid, promised)
    shortest = min(len(column) for column in columns)
    columns = [column[: min(shortest, promised)] for column in columns]
    if [codes.lead_of(name) for name in names[:6]] == list(STANDARD[:6]):
        _from_residues(columns)
    return [column.astype(np.int32) for column in columns]


def _from_residues(columns: list[sierra_xli.I16]) -> None:
    """III, aVR, aVL and aVF from what they differ by from I and II, in 16 bits that wrap."""
    one, two, three, right, left, foot = (column.astype(np.int32) for column in columns[:6])
    columns[2] = (two - one - three).astype(np.int16)
    third = columns[2].astype(np.int32)
    columns[3] = (-right - (one + two) // 2).astype(np.int16)
    columns[4] = ((one - third) // 2 - left).astype(np.int16)
    columns[5] = ((two + third) // 2 - foot).astype(np.int16)


def _plain(block: Node, signal: Node, encoding: str, leads: int, promised: int) -> list[I32]:
    bits = block.value("bitspersample") or block.value("nbitspersample") or signal.first("bitspersample").text
    if bits not in ("", "16"):
        raise FieldWrong(path=THE_FILE, field="bitspersample", got=xml.shown(bits), why="samples have 16 bits")
    if encoding == "base64":
        steps = xml.int16_of(xml.base64_of(block.pieces, "parsedwaveforms"), "parsedwaveforms")
        if (block.value("signalsigned") or signal.first("signalsigned").text).lower() in ("false", "no", "0"):
            steps = steps & 0xFFFF
    elif encoding in ("plain", "text", ""):
        steps, places = xml.samples(block.pieces, "all")
        if places:
            raise FieldWrong(path=THE_FILE, field="parsedwaveforms", got="decimals", why="whole numbers are expected")
    else:
        raise FormatRefused(path=THE_FILE, format=NAME, reason=f"its samples are written as {xml.shown(encoding)}")
    each = min(promised, len(steps) // leads)
    if not each:
        raise NoWaveform(path=THE_FILE)
    if len(steps) % leads:
        raise FieldWrong(
            path=THE_FILE, field="parsedwaveforms", got=f"{len(steps)} samples", why=f"{leads} leads cannot share them"
        )
    return [column[:each] for column in steps.reshape(leads, -1)]


def _person(who: Node) -> Person:
    name = who.first("name")
    age = who.first("age")
    return Person(
        name=people.full_name(
            name.first("lastname").text or who.first("lastname").text,
            name.first("firstname").text or who.first("firstname").text,
            name.first("middlename").text,
        ),
        id_no=people.said(who.first("patientid").text) or people.said(who.first("mrn").text),
        sex=people.sex(who.first("sex").text),
        birth_date=people.day(age.first("dateofbirth").text or who.first("dateofbirth").text),
        age_years=people.age(age.first("years").text),
    )
