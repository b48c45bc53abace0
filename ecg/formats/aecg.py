"""HL7 aECG (Annotated ECG, PORT_MT020001), as the FDA takes it and as most makers in China export it.

A value is origin + scale x digit; a time sequence beside the leads gives the interval of samples. The rhythm series is
read, never the representative beat. Dialects met: no namespace, other prefixes, lead codes in mixed case, dates with
dashes, manufacturedProduct for seriesAuthor, an interval in the wrong unit (`aecg_rate.py`), 3 leads at a time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

import numpy as np

from ecg import codes
from ecg.errors import ChannelLeftOut, FieldWrong, FileWarning, GainMissing, NoWaveform
from ecg.formats import aecg_rate, people, xml
from ecg.formats.document import I32, THE_FILE, Document, Maker, Person
from ecg.formats.leads import Lead, Stretch, sheet
from ecg.formats.xml import Node

NAME: Final = "HL7 aECG"
NO_RHYTHM = {"REPRESENTATIVE_BEAT", "MEDIAN_BEAT", "MEDIAN", "AVERAGE_BEAT"}
PLACEHOLDERS: Final = ("trialsubject", "subjectassignment", "annotatedecg")  # Mindray: ids that name the element
ORIGIN_PARTS_MAX: Final = 1000  # a step is parted so often at most, to make an origin a whole number of steps


def recognises(raw: bytes) -> bool:
    return xml.root_name(raw) == "annotatedecg"


def parse(raw: bytes) -> Document:
    """Raises what `formats.document` raises."""
    root = xml.tree(raw, "annotatedecg")
    series = [node for node in root.every("series") if _code(node).upper() not in NO_RHYTHM]
    found = [(node, part) for node in series for part in node.along("component", "sequenceset")]
    held = [(node, part, *_leads(part)) for node, part in found]
    held = [(node, part, leads, left) for node, part, leads, left in held if leads]
    if not held:
        raise NoWaveform(path=THE_FILE)
    first = held[0]
    fs, proposed = aecg_rate.rate(first[0], first[1], first[2])
    stretches = [
        Stretch(fs if part is first[1] else aecg_rate.rate(node, part, leads)[0], leads, _start_s(node, part))
        for node, part, leads, _ in held
    ]
    page = sheet(stretches)
    warnings: tuple[FileWarning, ...] = (proposed,) if proposed else ()
    warnings += tuple(ChannelLeftOut(channel=name) for name in dict.fromkeys(n for _, _, _, left in held for n in left))
    return Document(
        format=NAME,
        fs=page.fs,
        leads=page.leads,
        steps=page.steps,
        uv_per_step=page.uv_per_step,
        start=_start(root, series, [part for _, part, _, _ in held]),
        person=_person(root),
        maker=_maker(root, held[0][0]),
        warnings=warnings + page.warnings,
    )


def _code(node: Node) -> str:
    return node.first("code").value("code")


def _is_time(code: str) -> bool:
    return code.upper().startswith("TIME")


def _leads(part: Node) -> tuple[tuple[Lead, ...], list[str]]:
    """The leads of one sequence set, and the codes of sequences that are none."""
    leads: list[Lead] = []
    left: list[str] = []
    for sequence in part.along("component", "sequence"):
        code = _code(sequence)
        digits = sequence.first("value", "digits")
        if _is_time(code) or not "".join(digits.pieces).strip():
            continue
        spellings = (code, _bare(code), sequence.first("code").value("displayname"))
        known = next((spelling for spelling in spellings if codes.lead_of(spelling)), "")
        if not known and "LEAD" not in code.upper():
            left.append(xml.shown(code))
            continue
        leads.append(_lead(known or code, sequence.first("value"), digits))
    return tuple(leads), left


def _bare(code: str) -> str:
    """The lead behind another prefix: MINDRAY_ECG_LEAD_V3R, MDC_ECG_ELEC_POTL_V1 of ISO/IEEE 11073-10102."""
    return code.upper().rpartition("_LEAD_")[2].rpartition("_POTL_")[2]


def _lead(code: str, value: Node, digits: Node) -> Lead:
    scale, origin = value.first("scale"), value.first("origin")
    if not scale.value("value"):
        raise GainMissing(path=THE_FILE, lead=code)
    unit = scale.value("unit") or origin.value("unit")
    numbers, places = xml.samples(digits.pieces, code)
    step = Fraction(xml.number(scale.value("value"), f"scale of {code}")) * Fraction(xml.microvolts(unit, code))
    step = step.limit_denominator(10**9) / 10**places
    zero = Fraction(0)
    if origin.value("value"):
        zero = Fraction(xml.number(origin.value("value"), f"origin of {code}")).limit_denominator(10**9)
        zero *= Fraction(xml.microvolts(origin.value("unit") or unit, code)).limit_denominator(10**9)
    if step <= 0:
        raise GainMissing(path=THE_FILE, lead=code)
    return Lead(code, *_from_zero(numbers, step, zero, code))


def _from_zero(numbers: I32, step: Fraction, zero: Fraction, code: str) -> tuple[I32, float]:
    """Steps counted from 0 microvolts and microvolts of one, the step parted where the origin lies between two."""
    if not zero:
        return numbers, float(step)
    shift = (zero / step).limit_denominator(ORIGIN_PARTS_MAX)
    whole = numbers.astype(np.int64) * shift.denominator + (0 if abs(shift) > xml.STEP_MAX else shift.numerator)
    if abs(shift) > xml.STEP_MAX or (whole.size and np.abs(whole).max() > xml.STEP_MAX):
        raise FieldWrong(
            path=THE_FILE, field=f"origin of {code}", got=f"{float(zero):g} uV", why="it is out of all proportion"
        )
    return whole.astype(np.int32), float(step / shift.denominator)


def _head(part: Node, kind: str) -> Node:
    times = (node for node in part.along("component", "sequence") if _code(node).upper() == kind)
    return next((node.first("value", "head") for node in times), Node("", {}))


def _start_s(series: Node, part: Node) -> float | None:
    absolute = people.moment(_head(part, "TIME_ABSOLUTE").value("value"))
    if absolute:
        return absolute.replace(tzinfo=UTC).timestamp()
    head = _head(part, "TIME_RELATIVE")
    base = people.moment(series.first("effectivetime", "low").value("value"))
    seconds = aecg_rate.SECONDS.get(head.value("unit").lower() or "s")
    if not head.value("value") or seconds is None:
        return None
    since = base.replace(tzinfo=UTC).timestamp() if base else 0.0
    return since + xml.number(head.value("value"), "head") * seconds


def _start(root: Node, series: list[Node], parts: list[Node]) -> datetime | None:
    """The earliest time of a sample the file states, else that of the series, else that of the whole."""
    heads = [people.moment(_head(part, "TIME_ABSOLUTE").value("value")) for part in parts]
    known = [head for head in heads if head]
    if known and len({head.tzinfo is None for head in known}) == 1:
        return min(known)
    for node in (*series, root):
        for end in ("low", "center"):
            stated = people.moment(node.first("effectivetime", end).value("value"))
            if stated:
                return stated
    return people.moment(root.first("effectivetime").value("value"))


def _person(root: Node) -> Person:
    subject = root.any("trialsubject")
    who = subject.any("subjectdemographicperson")
    return Person(
        name=people.name_of(who.first("name")),
        id_no=_id_no(subject, who),
        sex=people.sex(
            who.first("administrativegendercode").value("code")
            or who.first("administrativegendercode").value("displayname")
        ),
        birth_date=people.day(who.first("birthtime").value("value")),
        age_years=_age(root, who),
    )


def _id_no(subject: Node, who: Node) -> str:
    """The subject's id. Mindray writes one of its own into the person, and the same word for all into the subject's."""
    extension = people.said(subject.first("id").value("extension"))
    return people.said(who.first("patientid").text) or ("" if extension.casefold() in PLACEHOLDERS else extension)


def _age(root: Node, who: Node) -> int | None:
    """The age the file states beside the recording (LOINC 21612-7, 30525-0), or Mindray in the person."""
    for observation in root.every("relatedobservation", "controlvariable"):
        if _code(observation) in ("21612-7", "30525-0"):
            value = observation.first("value")
            return people.age(value.value("value") or value.text, value.value("unit"))
    return people.age(who.first("age").text)


def _maker(root: Node, series: Node) -> Maker:
    author = series.first("author") if series.first("author").name else root.first("author")
    device = author.any("manufacturedseriesdevice", "manufactureddevice")
    serial = device.any("serialnumber").text or device.first("id").value("extension")
    serial = serial or author.first("seriesauthor", "id").value("extension")
    return Maker(
        name=people.said(author.any("manufacturerorganization").first("name").text),
        model=people.said(device.first("manufacturermodelname").text),
        serial="" if serial == "0" else people.said(serial),
        software=people.said(device.first("softwarename").text),
    )
