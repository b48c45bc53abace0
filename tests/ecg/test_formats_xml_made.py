"""Spellings of the XML formats that other makers use: files made by hand, one difference at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ecg import formats
from ecg.errors import (
    ChannelLeftOut,
    ChecksumIgnored,
    EcgError,
    FieldWrong,
    FileBroken,
    FileTooLarge,
    FileTruncated,
    FormatRefused,
    FormatUnknown,
    GainMissing,
    LeadTwice,
    LeadUnknown,
    NoWaveform,
    RateProposed,
    SamplesFewer,
    StretchLeftOut,
    UnitUnknown,
    XmlRefused,
)
from ecg.formats.document import NO_SIGNAL, Document
from ecg.synth import Segment, twelve_lead
from tests.ecg import xml_made as made

TWO = made.steps()
PERSON = (
    '<timepointEvent><componentOf><subjectAssignment><subject><trialSubject><id extension="P7"/>'
    '<subjectDemographicPerson><name>{}</name><administrativeGenderCode code="女"/>'
    '<birthTime value="1951/3/4"/></subjectDemographicPerson>'
    "</trialSubject></subject></subjectAssignment></componentOf></timepointEvent>"
)
HEART = (
    '<component><annotation><code code="MDC_ECG_HEART_RATE"/><value value="{}" unit="bpm"/></annotation></component>'
)


def column(got: Document, lead: str) -> list[int]:
    numbers: list[int] = got.steps[:, got.leads.index(lead)].tolist()
    return numbers


def beating(samples_a_second: float, rate: int, seconds: float = 10) -> dict[str, list[int]]:
    """Leads I and II of a heart, in whole microvolts."""
    rng = np.random.default_rng(7)
    drawn = twelve_lead(rng, [Segment("sinus", seconds, rate)], fs=samples_a_second, leads=("I", "II")).recording
    return {lead: np.rint(drawn.signal_uv[:, at]).astype(int).tolist() for at, lead in enumerate(("I", "II"))}


# ---- HL7 aECG ----


@pytest.mark.parametrize(
    "raw",
    [
        made.aecg(made.sequence_set(TWO)),
        made.aecg(made.sequence_set(TWO)).replace(b' xmlns="urn:hl7-org:v3"', b""),
        made.aecg(made.sequence_set(TWO)).replace(b"<", b"<v3:").replace(b"<v3:/", b"</v3:").replace(b"<v3:?", b"<?"),
        made.aecg(made.sequence_set(TWO, code="mdc_ecg_lead_{}", blank="\n\t ")),
        made.aecg(made.sequence_set(TWO, code="MINDRAY_ECG_LEAD_{}")),
        made.aecg(made.sequence_set(TWO, code="MDC_ECG_ELEC_POTL_{}")),
        made.aecg(made.sequence_set(TWO, code='131073" displayName="Lead {}')),
        made.aecg(made.sequence_set(TWO), encoding="UTF-16"),
        b"\xef\xbb\xbf \n" + made.aecg(made.sequence_set(TWO)) + b"\r\n\0\0",
        b"<!-- " + b"x" * 5000 + b" -->" + made.aecg(made.sequence_set(TWO)).partition(b"?>")[2],
        made.aecg(made.sequence_set(TWO)).replace(b'encoding="UTF-8"', b'encoding="utf-16"'),
        made.aecg(made.sequence_set(TWO, increment='<increment value="2" unit="ms"/>')),
        made.aecg(made.sequence_set(TWO, increment='<increment value="2000" unit="us"/>')),
        made.aecg(made.sequence_set(TWO, scale='<scale value="0.005" unit="mV"/>', origin="")),
        made.aecg(made.sequence_set(TWO, scale='<scale value="5000" unit="nV"/>')),
        made.aecg(made.sequence_set(TWO, scale='<scale value="5" unit="µV"/>', origin='<origin value="0"/>')),
        made.aecg(made.sequence_set(TWO, scale='<scale value="5e-6" unit="V"/>')),
        made.aecg(made.series(made.sequence_set(made.steps(("V1",), 600)), code="REPRESENTATIVE_BEAT"),
                  made.series(made.sequence_set(TWO))),
    ],
    ids=["plain", "no namespace", "prefixed", "small letters", "maker's codes", "newer codes",
         "name beside a code", "utf-16", "bom and tail", "no prolog", "wrong declaration", "ms", "us", "mV", "nV",
         "micro sign", "V", "beat first"],
)  # fmt: skip
def test_spellings_of_an_aecg_come_out_the_same(raw: bytes) -> None:
    got = formats.document(raw)
    assert (got.fs, got.leads, got.warnings) == (500, ("I", "II"), ())
    assert got.uv_per_step == pytest.approx((5, 5))
    assert column(got, "I") == TWO["I"]
    assert column(got, "II") == TWO["II"]


@pytest.mark.parametrize("fs", [250, 500, 1000])
def test_an_aecg_has_the_rate_it_states(fs: int) -> None:
    got = formats.document(made.aecg(made.sequence_set(TWO, increment=f'<increment value="{1 / fs}" unit="s"/>')))
    assert (got.fs, got.warnings) == (fs, ())


def test_an_origin_belongs_to_the_voltage_even_between_two_steps() -> None:
    whole = made.sequence_set(TWO, origin='<origin value="0.1" unit="mV"/>')
    assert column(formats.document(made.aecg(whole)), "I") == [number + 20 for number in TWO["I"]]
    between = formats.document(made.aecg(made.sequence_set(TWO, origin='<origin value="-2" unit="uV"/>')))
    assert between.steps[:, 0] * between.uv_per_step[0] == pytest.approx([number * 5 - 2 for number in TWO["I"]])


def test_decimals_are_kept() -> None:
    sets = made.sequence_set({"I": ["0.125", "-3.5", "4"] * 20, "II": ["1,", "2;", "3"] * 20})
    got = formats.document(made.aecg(sets))
    assert (got.steps[:3, 0] * got.uv_per_step[0]).tolist() == pytest.approx([0.625, -17.5, 20])
    assert (got.steps[:3, 1] * got.uv_per_step[1]).tolist() == [5, 10, 15]


@pytest.mark.parametrize(
    ("fs", "increment"),
    [
        (500, '<increment value="2" unit="s"/>'),
        (250, '<increment value="4" unit="s"/>'),
        (500, '<increment value="500" unit="s"/>'),
        (1000, '<increment value="0.001" unit="ms"/>'),
        (500, '<increment value="0.002"/>'),
    ],
)
def test_a_rate_is_proposed_where_the_interval_cannot_be(fs: int, increment: str) -> None:
    sets = made.sequence_set(beating(fs, 75), increment=increment, scale='<scale value="1" unit="uV"/>')
    got = formats.document(made.aecg(made.series(sets, annotations=HEART.format(75))))
    assert got.fs == fs
    assert [type(warning) for warning in got.warnings] == [RateProposed]


def test_a_rate_is_not_proposed_against_what_the_file_says_of_itself() -> None:
    sets = made.sequence_set(beating(500, 75), increment='<increment value="2" unit="s"/>')
    with pytest.raises(FieldWrong, match="beyond doubt"):
        formats.document(made.aecg(made.series(sets, annotations=HEART.format(150))))
    with pytest.raises(FieldWrong, match="beyond doubt"):
        formats.document(made.aecg(made.series(sets, low="20240620084625", high="20240620084645")))


def test_a_missing_interval_follows_from_begin_and_end_or_is_refused() -> None:
    sets = made.sequence_set(beating(500, 75), increment="")
    got = formats.document(made.aecg(made.series(sets, low="2024-06-20T08:46:25", high="2024-06-20T08:46:35")))
    assert got.fs == 500
    assert [type(warning) for warning in got.warnings] == [RateProposed]
    with pytest.raises(FieldWrong, match="not stated"):
        formats.document(made.aecg(sets))


@pytest.mark.parametrize(
    ("head", "start"),
    [
        ("20240620084625.000", "2024-06-20T08:46:25"),
        ("20240620084625", "2024-06-20T08:46:25"),
        ("202406200846", "2024-06-20T08:46:00"),
        ("20240620084625.5+0800", "2024-06-20T08:46:25.500000+08:00"),
        ("2024-06-20T08:46:25Z", "2024-06-20T08:46:25+00:00"),
        ("2024-06-20 08:46:25", "2024-06-20T08:46:25"),
        ("2024/6/20 8:46:25", "2024-06-20T08:46:25"),
        ("2024年06月20日 08时46分25秒", "2024-06-20T08:46:25"),
        ("20240620", "2024-06-20T08:40:00"),
        ("20241345084625", "2024-06-20T08:40:00"),
        ("yesterday", "2024-06-20T08:40:00"),
    ],
)
def test_the_start_is_the_time_of_the_first_sample_else_that_of_the_file(head: str, start: str) -> None:
    got = formats.document(made.aecg(made.sequence_set(TWO, head=head)))
    assert got.start is not None
    assert got.start.isoformat() == start


@pytest.mark.parametrize(
    "name", ["张伟", "<family>张</family><given>伟</given>", "<given>伟</given><family>张</family>"]
)
@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030", "GBK", "gb2312", "UTF-16"])
def test_a_chinese_name_is_read_in_every_encoding(name: str, encoding: str) -> None:
    got = formats.document(made.aecg(made.sequence_set(TWO), person=PERSON.format(name), encoding=encoding))
    assert got.person == type(got.person)("张伟", "P7", "F", "1951-03-04", None)


def test_a_name_in_gbk_is_read_though_the_file_says_utf_8() -> None:
    raw = made.aecg(made.sequence_set(TWO), person=PERSON.format("张伟"), encoding="GBK").replace(b"GBK", b"UTF-8")
    assert formats.document(raw).person.name == "张伟"


def test_a_name_in_no_encoding_is_damaged_and_the_samples_are_not() -> None:
    raw = made.aecg(made.sequence_set(TWO), person=PERSON.format("@@@")).replace(b"@@@", b"A\xff\xfe")
    got = formats.document(raw)
    assert column(got, "I") == TWO["I"]
    assert got.person.name.startswith("A")


def test_leads_taken_three_at_a_time_lie_on_one_time_line() -> None:
    sets = [
        made.sequence_set(made.steps(made.TWELVE[at : at + 3], 1250), head=f"202406200846{25 + at * 2.5 / 3:06.3f}")
        for at in (0, 3, 6, 9)
    ]
    got = formats.document(made.aecg("".join(sets)))
    assert (got.steps.shape, got.leads, got.warnings) == ((5000, 12), made.TWELVE, ())
    assert (got.steps[:1250, 0] != NO_SIGNAL).all()
    assert (got.steps[1250:, 0] == NO_SIGNAL).all()
    assert (got.steps[3750:, 11] != NO_SIGNAL).all()
    assert np.isnan(got.recording().signal_uv[2000, 0])


def test_three_leads_at_a_time_over_a_strip_of_one_are_one_sheet() -> None:
    strip = made.sequence_set({"II": range(5000)}, head="20240620084625")
    sets = [
        made.sequence_set(
            {lead: range(at * 1250, at * 1250 + 1250) for lead in leads}, head=f"202406200846{25 + at * 2.5:06.3f}"
        )
        for at, leads in enumerate((("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6")))
    ]
    got = formats.document(made.aecg("".join(sets) + strip))
    assert (got.steps.shape, got.warnings) == ((5000, 12), ())
    assert column(got, "II") == list(range(5000))
    assert column(got, "V1")[2499:2501] == [NO_SIGNAL, 2500]


def test_stretches_behind_each_other_are_one_and_hours_apart_are_not() -> None:
    first, second = made.sequence_set(TWO, head="20240620084625"), made.sequence_set(TWO, head="20240620084625.2")
    joined = formats.document(made.aecg(first + second))
    assert column(joined, "II") == TWO["II"] * 2
    later = made.sequence_set(made.steps(samples=300), head="20240620104625")
    apart = formats.document(made.aecg(made.series(first), made.series(later)))
    assert len(apart.steps) == 300
    assert apart.warnings[0].facts() == {"count": 2, "taken": 2}
    assert isinstance(apart.warnings[0], StretchLeftOut)


def test_a_lead_a_little_short_cuts_the_others_with_a_warning() -> None:
    got = formats.document(made.aecg(made.sequence_set({"I": range(100), "II": range(97)})))
    assert len(got.steps) == 97
    assert got.warnings[0].facts() == {"promised": 100, "got": 97}


def test_a_channel_that_is_no_lead_is_left_out_with_a_warning() -> None:
    got = formats.document(made.aecg(made.sequence_set({**TWO, "PACE": range(100)}, code="{}")))
    assert got.leads == ("I", "II")
    assert got.warnings[0].facts() == {"channel": "PACE"}
    assert isinstance(got.warnings[0], ChannelLeftOut)


def test_a_sample_that_no_electrode_gives_is_no_sample() -> None:
    sets = made.sequence_set({"I": [1, -32768, 2] * 30, "II": [1, -32767, 2] * 30})
    got = formats.document(made.aecg(sets))
    assert column(got, "I")[:3] == [1, NO_SIGNAL, 2]
    assert column(got, "II")[:3] == [1, -32767, 2]
    fine = formats.document(
        made.aecg(made.sequence_set({"I": [1, -32768] * 30}, scale='<scale value="100" unit="nV"/>'))
    )
    assert column(fine, "I")[:2] == [1, -32768]


@pytest.mark.parametrize(
    ("sets", "refusal"),
    [
        (made.sequence_set(TWO, scale='<scale value="5" unit="mmHg"/>'), UnitUnknown),
        (made.sequence_set(TWO, scale='<scale value="5"/>', origin=""), GainMissing),
        (made.sequence_set(TWO, scale=""), GainMissing),
        (made.sequence_set(TWO, scale='<scale value="0" unit="uV"/>'), GainMissing),
        (made.sequence_set(TWO, scale='<scale value="-5" unit="uV"/>'), GainMissing),
        (made.sequence_set(TWO, scale='<scale value="nan" unit="uV"/>'), FieldWrong),
        (made.sequence_set(TWO, origin='<origin value="1e30" unit="uV"/>'), FieldWrong),
        (made.sequence_set(TWO, increment='<increment value="0" unit="s"/>'), FieldWrong),
        (made.sequence_set(TWO, increment='<increment value="-2" unit="ms"/>'), FieldWrong),
        (made.sequence_set(TWO, increment='<increment value="1e30" unit="s"/>'), FieldWrong),
        (made.sequence_set({"I": range(100), "II": range(50)}), FieldWrong),
        (made.sequence_set({"I": [*range(100), 2**31], "II": range(101)}), FieldWrong),
        (made.sequence_set({"I": [1, 2], "II": [1, 2]}), NoWaveform),
        (made.sequence_set({"I": []}), NoWaveform),
        (made.sequence_set({"Q9": range(100)}), LeadUnknown),
        (made.sequence_set({"I": range(100), " i": range(100)}), LeadTwice),
        ("", NoWaveform),
        *((made.sequence_set({"I": [*range(100), word]}), FieldWrong)
          for word in ("x", "1e5", "nan", "1-2", "--1", "+-1", "1_0", "٣", "0x1", "1.2.3", "9" * 30, "1" * 5000)),
    ],
)  # fmt: skip
def test_an_aecg_that_cannot_be_believed_is_refused(sets: str, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(made.aecg(sets))


# ---- GE ----


def test_muse_keeps_the_rhythm_and_its_words() -> None:
    before = (
        "<MuseInfo><MuseVersion>8.0</MuseVersion></MuseInfo><PatientDemographics><PatientID>P7</PatientID>"
        "<PatientAge>73</PatientAge><AgeUnits>YEARS</AgeUnits><DateofBirth>03-04-1951</DateofBirth><Gender>FEMALE</Gender>"
        "<PatientLastName>Wang</PatientLastName><PatientFirstName>Fang</PatientFirstName></PatientDemographics>"
        "<TestDemographics><AcquisitionDevice>MAC55</AcquisitionDevice><AcquisitionDate>06-20-2024</AcquisitionDate>"
        "<AcquisitionTime>08:46:25</AcquisitionTime></TestDemographics>"
    )
    leads = made.steps(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), 5000)
    got = formats.document(
        made.muse(made.waveform({"I": range(600)}, kind="Median"), made.waveform(leads), before=before)
    )
    assert (got.fs, got.format, got.uv_per_step[0], got.warnings) == (500, "GE MUSE XML 8.0", 4.88, ())
    assert all(column(got, lead) == numbers for lead, numbers in leads.items())
    assert got.person == type(got.person)("Fang Wang", "P7", "F", "1951-03-04", 73)
    assert (str(got.start), got.maker.model) == ("2024-06-20 08:46:25", "MAC55")
    assert got.recording().derived == ("III", "aVR", "aVL", "aVF")


@pytest.mark.parametrize(
    ("wave", "fs", "uv"),
    [
        (made.waveform(TWO, base="1000"), 1000, 4.88),
        (made.waveform(TWO, base="25", exponent="1"), 250, 4.88),
        (made.waveform(TWO, per_bit="4,88"), 500, 4.88),
        (made.waveform(TWO, per_bit="0.00488", unit="MILLIVOLTS"), 500, 4.88),
    ],
)
def test_muse_rates_and_gains(wave: str, fs: int, uv: float) -> None:
    got = formats.document(made.muse(wave))
    assert (got.fs, got.leads) == (fs, ("I", "II"))
    assert got.uv_per_step == pytest.approx((uv, uv))


def test_muse_rhythm_in_two_blocks_is_of_one_time_line() -> None:
    right = made.steps(("V3R", "V4R", "V7"))
    got = formats.document(made.muse(made.waveform(TWO), made.waveform(right)))
    assert got.leads == ("I", "II", "V3R", "V4R", "V7")
    again = formats.document(made.muse(made.waveform(TWO), made.waveform(TWO)))
    assert [type(warning) for warning in again.warnings] == [StretchLeftOut]


def test_muse_faults_that_are_read_with_a_warning() -> None:
    crc = formats.document(made.muse(made.waveform(TWO, crc=1)))
    assert [warning.facts() for warning in crc.warnings] == [
        {"where": f"CRC-32 of lead {lead}"} for lead in ("I", "II")
    ]
    assert isinstance(crc.warnings[0], ChecksumIgnored)
    fewer = formats.document(made.muse(made.waveform(TWO, promised=5000)))
    assert fewer.warnings[0].facts() == {"promised": 5000, "got": 100}


@pytest.mark.parametrize(
    ("wave", "refusal"),
    [
        (made.waveform(TWO, unit="TESLA"), UnitUnknown),
        (made.waveform(TWO, unit=""), GainMissing),
        (made.waveform(TWO, per_bit=""), GainMissing),
        (made.waveform(TWO, per_bit="0"), GainMissing),
        (made.waveform(TWO, base="0"), FieldWrong),
        (made.waveform(TWO, base="x"), FieldWrong),
        (made.waveform(TWO, exponent="99"), FieldWrong),
        (made.waveform(TWO, promised=4_294_967_295), FieldWrong),
        (made.waveform(TWO, promised=50), FieldWrong),
        (made.waveform(TWO, extra="<LeadSampleSize>4</LeadSampleSize>"), FieldWrong),
        (made.waveform(TWO, extra="<LeadOffsetFirstSample>2000000000</LeadOffsetFirstSample>"), FieldWrong),
        (made.waveform({"PLETH": range(100)}), LeadUnknown),
        (made.waveform(TWO, kind="Median"), NoWaveform),
        (made.waveform(TWO).replace("<WaveFormData>\n", "<WaveFormData>A"), FieldWrong),
        (made.waveform(TWO).replace("</WaveFormData>", "AAAA</WaveFormData>"), FieldWrong),
        ("", NoWaveform),
    ],
)
def test_a_muse_file_that_cannot_be_believed_is_refused(wave: str, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(made.muse(wave))


@pytest.mark.parametrize("on_block", [True, False])
def test_sapphire_is_read_without_its_median_and_with_its_mark_for_no_sample(on_block: bool) -> None:
    leads = made.steps(made.TWELVE)
    leads["V1"][3] = -32768
    got = formats.document(made.sapphire(leads, on_block=on_block))
    assert (got.fs, got.leads, got.uv_per_step[0]) == (500, made.TWELVE, 4.88)
    assert column(got, "V1")[2:5] == [leads["V1"][2], NO_SIGNAL, leads["V1"][4]]
    assert column(got, "aVF") == leads["aVF"]
    assert got.person == type(got.person)("王芳", "P7", "F", "1951-03-04", None)
    assert (got.maker.model, got.maker.serial, str(got.start)) == ("MAC2000", "SN1", "2024-06-20 08:46:25")


def test_cardiosoft_has_a_strip_or_its_full_disclosure() -> None:
    leads = made.steps(made.TWELVE)
    for strip in (True, False):
        got = formats.document(made.cardiosoft(leads, strip=strip))
        assert (got.fs, got.leads, got.uv_per_step[0]) == (500, made.TWELVE, 5)
        assert all(column(got, lead) == numbers for lead, numbers in leads.items())
    with pytest.raises(GainMissing):
        formats.document(made.cardiosoft(leads, resolution=""))
    with pytest.raises(UnitUnknown):
        formats.document(made.cardiosoft(leads, resolution='<Resolution units="mmPerLsb">5</Resolution>'))


# ---- Philips, Schiller, Mortara ----


def test_philips_xli_rebuilds_the_limb_leads_and_wraps_in_16_bits() -> None:
    rng = np.random.default_rng(3)
    leads = {lead: rng.integers(-32768, 32767, 200).tolist() for lead in ("I", "II")}
    one, two = np.array(leads["I"]), np.array(leads["II"])
    leads |= {"III": (two - one), "aVR": -(one + two) // 2, "aVL": one - two // 2, "aVF": two - one // 2}
    leads |= {lead: rng.integers(-200, 200, 200) for lead in made.TWELVE[6:]}
    whole = {lead: np.asarray(numbers).astype(np.int16).astype(int) for lead, numbers in leads.items()}
    data = made.chunks(made.residues({lead: numbers.tolist() for lead, numbers in whole.items()}))
    raw = made.sierra(whole, data, attributes=f"dataencoding='Base64' compression='XLI' {made.labels(whole)}")
    got = formats.document(raw)
    assert (got.fs, got.leads, got.uv_per_step[0], got.warnings) == (500, made.TWELVE, 5, ())
    for lead, numbers in whole.items():
        assert column(got, lead) == [NO_SIGNAL if number == -32768 else number for number in numbers], lead


def test_philips_leads_in_another_order_are_no_residues() -> None:
    leads = made.steps(("V1", "V2", "I", "II"))
    raw = made.sierra(
        leads, made.chunks(leads), attributes=f"dataencoding='Base64' compression='XLI' {made.labels(leads)}"
    )
    assert column(formats.document(raw), "II") == leads["II"]


@pytest.mark.parametrize("attributes", ["dataencoding='Plain'", "dataencoding='Base64'",
                                        "dataencoding='Base64' compressmethod='XLI' compressflag='False'"])  # fmt: skip
def test_philips_without_compression(attributes: str) -> None:
    leads = made.steps(made.TWELVE)
    row = [number for numbers in leads.values() for number in numbers]
    data = " ".join(map(str, row)) if "Plain" in attributes else made.int16(row)
    got = formats.document(made.sierra(leads, data, attributes=f"{attributes} {made.labels(leads)}"))
    assert all(column(got, lead) == numbers for lead, numbers in leads.items())


def test_philips_1_03_names_leads_by_its_electrode_set_and_leaves_out_the_rest() -> None:
    leads = made.steps((*made.TWELVE, "X"))
    signal = "<numberchannelsallocated>13</numberchannelsallocated><acquisitiontype>STD-12</acquisitiontype>"
    data = made.int16([number for numbers in leads.values() for number in numbers])
    got = formats.document(made.sierra(leads, data, attributes="dataencoding='Base64'", signal=signal, version="1.03"))
    assert got.leads == made.TWELVE
    assert [warning.facts() for warning in got.warnings] == [{"channel": "Channel 13"}]
    twelve = {lead: leads[lead] for lead in made.TWELVE}
    packed = made.chunks(made.residues(twelve))
    raw = made.sierra(twelve, packed, attributes="dataencoding='Base64' compressmethod='XLI'", signal=signal)
    assert formats.document(raw).leads == made.TWELVE


@pytest.mark.parametrize(
    ("data", "attributes", "refusal"),
    [
        ("", "dataencoding='Base64'", NoWaveform),
        ("1 2 3", "dataencoding='Plain'", FieldWrong),
        ("AAAA", "dataencoding='Base64' compression='XLI'", FileTruncated),
        ("/////wAAAAAAAA==", "dataencoding='Base64' compression='XLI'", FieldWrong),
        ("AgAAAAAAAAD/wA==", "dataencoding='Base64' compression='XLI'", FieldWrong),
        ("AAAA", "dataencoding='Base64' compression='ZIP'", FormatRefused),
        ("AAAA", "dataencoding='Hex'", FormatRefused),
        ("AAAA", "dataencoding='Base64' compressflag='True'", FileTruncated),
        ("AAAA", "dataencoding='Base64' bitspersample='12'", FieldWrong),
        ("AAAA", "dataencoding='Base64' resolution='0'", GainMissing),
        ("AAAA", "dataencoding='Base64' samplespersecond='0'", FieldWrong),
        ("AAAA", "dataencoding='Base64' samplespersecond='99999'", FieldWrong),
    ],
)
def test_a_philips_file_that_cannot_be_believed_is_refused(data: str, attributes: str, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(made.sierra({"I": range(100000)}, data, attributes=f"{attributes} {made.labels(TWO)}"))


@pytest.mark.parametrize("version", ["1.05", "2.0", "x"])
def test_a_philips_version_that_is_not_known_is_refused_by_name(version: str) -> None:
    row = [number for numbers in TWO.values() for number in numbers]
    raw = made.sierra(TWO, made.int16(row), attributes=f"dataencoding='Base64' {made.labels(TWO)}", version=version)
    with pytest.raises(FormatRefused, match=f"PhilipsECG {version}"):
        formats.document(raw)


def test_schiller_is_read_by_its_rhythm_only() -> None:
    leads = made.steps(("I", "II", "AVR", "V1"))
    got = formats.document(made.schiller(leads, per_bit="0.0025", units="MV"))
    assert (got.fs, got.leads) == (1000, ("I", "II", "aVR", "V1"))
    assert got.uv_per_step[0] == pytest.approx(2.5)
    assert column(got, "aVR") == leads["AVR"]
    for raw, refusal in (
        (made.schiller(leads, kind="ECG_AVERAGES"), NoWaveform),
        (made.schiller(leads, exponent="3"), FieldWrong),
        (made.schiller(leads, units="MMHG"), UnitUnknown),
        (made.schiller(leads).replace(b"COMMASEPARATE", b"HEX"), FieldWrong),
    ):
        with pytest.raises(refusal):
            formats.document(raw)
    fewer = formats.document(made.schiller(leads).replace(b"<samplecount>100", b"<samplecount>120"))
    assert isinstance(fewer.warnings[0], SamplesFewer)


def test_mortara_is_read_from_its_channels() -> None:
    leads = made.steps(made.TWELVE, 200)
    got = formats.document(made.mortara(leads))
    assert (got.fs, got.leads, got.uv_per_step[0], got.warnings) == (1000, made.TWELVE, 2.5, ())
    assert column(got, "V6") == leads["V6"]
    assert got.person == type(got.person)("Fang Wang", "P7", "F", "1951-03-04", 73)
    assert (got.maker.model, str(got.start)) == ("ELI 280", "2024-06-20 08:46:25")
    with pytest.raises(FieldWrong):
        formats.document(made.mortara(leads, attributes='BITS="32"'))


# ---- what every XML file has in common ----


def changed(old: bytes, new: bytes) -> Callable[[], bytes]:
    return lambda: made.aecg(made.sequence_set(TWO)).replace(old, new, 1)


@pytest.mark.parametrize(
    ("raw", "refusal", "word"),
    [
        (changed(b"<AnnotatedECG", b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><AnnotatedECG'),
         XmlRefused, "entity"),
        (changed(b"<AnnotatedECG", b'<!DOCTYPE AnnotatedECG SYSTEM "x.dtd"><AnnotatedECG>&b;</AnnotatedECG><x'),
         XmlRefused, "entity"),
        (lambda: b'<!DOCTYPE lolz [<!ENTITY lol "lol">]><lolz>&lol;</lolz>', XmlRefused, "entity"),
        (changed(b"<digits>", b"<digits>&nbsp;"), XmlRefused, "entity"),
        (changed(b"<AnnotatedECG", b'<!DOCTYPE AnnotatedECG [<!ATTLIST a b CDATA "c">]><AnnotatedECG'),
         XmlRefused, "attributes"),
        (changed(b"</digits>", b""), FileBroken, "mismatched tag"),
        (changed(b"<digits>", b"<digits>\x01"), FileBroken, "not well-formed"),
        (lambda: made.aecg(made.sequence_set(TWO))[:-60], FileTruncated, "ends inside"),
        (changed(b"<AnnotatedECG", b"<!DOCTYPE RestingECG [<!ELEMENT a ANY>]><AnnotatedECG"),
         FormatUnknown, "no format"),
        (changed(b"<digits>", b" " * 26_000_000 + b"<digits>"), FileTooLarge, "bytes of XML"),
        (lambda: made.aecg(made.sequence_set(TWO)).decode().encode("utf-32"), FormatUnknown, "no format"),
        (lambda: b"<?xml version='1.0'?><lolz/>", FormatRefused, "<lolz>"),
        (lambda: b"<!DOCTYPE html><html/>", FormatRefused, "HTML"),
        (lambda: b"<html><body>ECG</body></html>", FormatRefused, "HTML"),
        (lambda: b"<?xml version='1.0'?><ClinicalDocument/>", FormatRefused, "CDA"),
        (lambda: b"<?xml version='1.0'?><ECG><a/></ECG>", FormatRefused, "no Mortara"),
        (lambda: b"\xff\xd8\xff\xe0JFIF", FormatRefused, "JPEG"),
        (lambda: b"\x1f\x8b\x08", FormatRefused, "gzip"),
        (lambda: b"MSH|^~\\&|", FormatRefused, "HL7 version 2"),
    ],
)  # fmt: skip
def test_what_is_no_ecg_in_xml_is_refused_by_name(raw: Callable[[], bytes], refusal: type[EcgError], word: str) -> None:
    with pytest.raises(refusal, match=word):
        formats.document(raw())
