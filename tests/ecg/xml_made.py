"""ECG files in XML made by hand, for the spellings of makers of whom no file is at hand."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = Sequence[int] | Sequence[int | str] | npt.NDArray[np.int64]
Leads: TypeAlias = Mapping[str, Numbers]
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
TWELVE = (*LIMB, "V1", "V2", "V3", "V4", "V5", "V6")


def steps(leads: Sequence[str] = ("I", "II"), samples: int = 100) -> dict[str, list[int]]:
    """Another ramp in each lead, negative numbers among them."""
    return {lead: [at % 1000 * (number + 1) - 40 for at in range(samples)] for number, lead in enumerate(leads)}


def _prolog(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n'


# ---- HL7 aECG ----


def sequence_set(
    leads: Leads,
    *,
    increment: str = '<increment value="0.002" unit="s"/>',
    head: str = "20240620084625.000",
    time: str = "TIME_ABSOLUTE",
    scale: str = '<scale value="5" unit="uV"/>',
    origin: str = '<origin value="0" unit="uV"/>',
    code: str = "MDC_ECG_LEAD_{}",
    blank: str = " ",
) -> str:
    parts = [
        f'<component><sequence><code code="{time}"/><value xsi:type="GLIST_TS">'
        f'<head value="{head}" unit="s"/>{increment}</value></sequence></component>'
    ]
    for lead, numbers in leads.items():
        parts.append(
            f'<component><sequence><code code="{code.format(lead)}"/><value xsi:type="SLIST_PQ">{origin}{scale}'
            f"<digits>{blank.join(str(number) for number in numbers)}</digits></value></sequence></component>"
        )
    return f"<component><sequenceSet>{''.join(parts)}</sequenceSet></component>"


def series(sets: str, *, code: str = "RHYTHM", low: str = "", high: str = "", annotations: str = "") -> str:
    return (
        f'<component><series><code code="{code}"/>'
        f'<effectiveTime><low value="{low}"/><high value="{high}"/></effectiveTime>'
        f"{sets}<subjectOf><annotationSet>{annotations}</annotationSet></subjectOf></series></component>"
    )


def aecg(*parts: str, person: str = "", encoding: str = "UTF-8") -> bytes:
    """A whole file of series, or of one with the sequence sets given."""
    body = "".join(parts)
    if "<series>" not in body:
        body = series(body)
    text = (
        f'{_prolog(encoding)}<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<effectiveTime><center value="20240620084000"/></effectiveTime><componentOf>{person}</componentOf>{body}'
        "</AnnotatedECG>"
    )
    return text.encode(encoding)


# ---- GE ----


def int16(numbers: Numbers) -> str:
    return base64.b64encode(np.asarray(numbers, dtype="<i2").tobytes()).decode()


def waveform(
    leads: Leads,
    *,
    kind: str = "Rhythm",
    base: str = "500",
    exponent: str = "0",
    extra: str = "",
    crc: int = 0,
    per_bit: str = "4.88",
    unit: str = "MICROVOLTS",
    promised: int | None = None,
) -> str:
    """One block of MUSE; `crc` is added to each right checksum, `promised` is said instead of the right count."""
    blocks = [
        f"<LeadData><LeadSampleCountTotal>{len(numbers) if promised is None else promised}</LeadSampleCountTotal>"
        f"<LeadAmplitudeUnitsPerBit>{per_bit}</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits>"
        f"<LeadID>{lead}</LeadID>{extra}"
        f"<LeadDataCRC32>{zlib.crc32(base64.b64decode(int16(numbers))) + crc}</LeadDataCRC32>"
        f"<WaveFormData>\n{int16(numbers)}\n</WaveFormData></LeadData>"
        for lead, numbers in leads.items()
    ]
    return (
        f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{base}</SampleBase>"
        f"<SampleExponent>{exponent}</SampleExponent>{''.join(blocks)}</Waveform>"
    )


def muse(*waves: str, before: str = "", encoding: str = "ISO-8859-1") -> bytes:
    doctype = '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n'
    text = f"{_prolog(encoding)}{doctype}<RestingECG>{before}{''.join(waves)}</RestingECG>"
    return text.encode(encoding)


def sapphire(leads: Leads, *, rate: str = '<sampleRate V="500" U="Hz"/>', on_block: bool = True) -> bytes:
    scale = 'S="4.88" U="uV" INV="-32768"'
    waves = "".join(
        f'<ecgWaveform lead="{lead}" asizeVT="{len(numbers)}" {"" if on_block else scale}'
        f' V="{" ".join(map(str, numbers))}"/>'
        for lead, numbers in leads.items()
    )
    block = f"<ecgWaveformMXG {scale if on_block else ''}>{rate}{waves}</ecgWaveformMXG>"
    median = f'<ecgWaveformMXG {scale}>{rate}<ecgWaveform lead="I" V="{"7 " * 600}"/></ecgWaveformMXG>'
    return (
        f'{_prolog("UTF-8")}<sapphire xmlns="urn:ge:sapphire:dcar_1" version="1"><dcarRecord><patientInfo>'
        '<identifier><id V="P7"/></identifier><name><family V="王"/><given V="芳"/></name><gender V="FEMALE"/>'
        '<birthDateTime V="1951-03-04"/>'
        '<visit><order><testInfo><acquisitionDateTime V="2024-06-20T08:46:25"/></testInfo>'
        '<device><modelID V="MAC2000"/><serialID V="SN1"/></device><ecgResting><params><ecg>'
        f"<var><medianTemplate>{median}</medianTemplate></var><wav>{block}</wav>"
        "</ecg></params></ecgResting></order></visit></patientInfo></dcarRecord></sapphire>"
    ).encode()


def cardiosoft(
    leads: Leads, *, strip: bool = True, resolution: str = '<Resolution units="uVperLsb">5</Resolution>'
) -> bytes:
    head = f'<SampleRate units="Hz">500</SampleRate>{resolution}'
    rows = {lead: ",\t".join(map(str, numbers)) for lead, numbers in leads.items()}
    waves = "".join(f'<WaveformData lead="{lead}">{row},\n</WaveformData>' for lead, row in rows.items())
    turns = ",".join(str(number) for row in zip(*leads.values(), strict=True) for number in row)
    disclosed = (
        f"<FullDisclosure><NumberOfChannels>{len(leads)}</NumberOfChannels>{head}<LeadOrder>{','.join(leads)},</LeadOrder>"
        f"<FullDisclosureData>{turns},<SampleCountTotal>1</SampleCountTotal></FullDisclosureData></FullDisclosure>"
    )
    stripped = f"<StripData>{head}{waves}</StripData>" if strip else ""
    return f"{_prolog('ISO-8859-1')}<CardiologyXML>{stripped}{disclosed}</CardiologyXML>".encode("iso-8859-1")


# ---- Philips ----


def xli(numbers: Numbers) -> bytes:
    """One lead in XLI, its LZW of single bytes only: valid, and no shorter than it was."""
    wide = [int(number) for number in numbers]
    bends = [2 * wide[at - 1] - wide[at - 2] - wide[at] for at in range(2, len(wide))]
    words = np.array([*wide[:2], *(bend + 64 for bend in bends[1:]), 64], dtype=np.int64).astype("<u2")
    plain = bytes((words >> 8).astype(np.uint8)) + bytes((words & 255).astype(np.uint8))
    bits = "".join(f"{byte:010b}" for byte in plain)
    packed = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
    return len(packed).to_bytes(4, "little") + b"\0\0" + (bends[0] & 0xFFFF).to_bytes(2, "little") + packed


def chunks(leads: Leads) -> str:
    """The leads behind each other in XLI, as Base64."""
    return base64.b64encode(b"".join(xli(numbers) for numbers in leads.values())).decode()


def residues(leads: Leads) -> dict[str, list[int]]:
    """The limb leads as XLI stores them: against what I and II say of them."""
    one, two, three, right, left, foot = (np.array(leads[lead]) for lead in LIMB)
    stored = dict(leads)
    stored["III"] = (two - one - three).tolist()
    stored["aVR"] = (-right - (one + two) // 2).tolist()
    stored["aVL"] = ((one - three) // 2 - left).tolist()
    stored["aVF"] = ((two + three) // 2 - foot).tolist()
    return {lead: np.asarray(numbers, dtype=np.int64).tolist() for lead, numbers in stored.items()}


def sierra(leads: Leads, data: str, *, attributes: str, version: str = "1.04.01", signal: str = "") -> bytes:
    samples = len(next(iter(leads.values())))
    return (
        f"{_prolog('UTF-8')}<restingecgdata><documentinfo><documenttype>PhilipsECG</documenttype>"
        f"<documentversion>{version}</documentversion></documentinfo>"
        "<dataacquisition date='2024-06-20' time='08:46:25'>"
        f"<signalcharacteristics><samplingrate>500</samplingrate><resolution>5</resolution>{signal}"
        "</signalcharacteristics></dataacquisition>"
        f"<waveforms><parsedwaveforms durationperchannel='{samples * 2}' {attributes}>{data}</parsedwaveforms>"
        "</waveforms>"
        "</restingecgdata>"
    ).encode()


def labels(leads: Leads) -> str:
    return f"numberofleads='{len(leads)}' leadlabels='{' '.join(leads)}'"


# ---- Schiller, Mortara ----


def schiller(
    leads: Leads, *, kind: str = "ECG_RHYTHMS", exponent: str = "1", units: str = "UV", per_bit: str = "1.0"
) -> bytes:
    scale = (
        f"<resolution><samplerate><exponent>{exponent}</exponent><value>1000</value></samplerate>"
        f"<yres><unitperbit>{per_bit}</unitperbit><units>{units}</units></yres></resolution>"
    )
    channels = "".join(
        f"<channel><name>{lead}</name><data>{','.join(map(str, numbers))},</data><datastype>COMMASEPARATE</datastype>"
        f"<samplecount>{len(numbers)}</samplecount></channel>"
        for lead, numbers in leads.items()
    )
    return (
        f"{_prolog('UTF-8')}<com.xiriuz.sema.xml.schillerEDI.SchillerEDI><eventdata><event>"
        f"<wavedata><type>{kind}</type>{scale}{channels}</wavedata></event></eventdata>"
        "</com.xiriuz.sema.xml.schillerEDI.SchillerEDI>"
    ).encode()


def mortara(leads: Leads, *, attributes: str = 'BITS="16" FORMAT="SIGNED" ENCODING="BASE64" OFFSET="0"') -> bytes:
    channels = "".join(
        f'<CHANNEL NAME="{lead}" SAMPLE_FREQ="1000" UNITS_PER_MV="400" DURATION="{len(numbers)}" {attributes}'
        f' DATA="{int16(numbers)}"/>'
        for lead, numbers in leads.items()
    )
    return (
        f'{_prolog("UTF-8")}<ECG ACQUISITION_TIME="20240620084625" AGE="73" AGE_UNITS="YEARS">'
        '<SOURCE TYPE="STANDARD" MODEL="ELI 280"/><SUBJECT LAST_NAME="Wang" FIRST_NAME="Fang" ID="P7" GENDER="Female"'
        f' DOB="19510304"/>{channels}</ECG>'
    ).encode()
