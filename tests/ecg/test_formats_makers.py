"""Dialects of other makers, as found in files and readers of the open: each was read wrongly, or not at all, once.

Files are made small by hand (`xml_made.py`, `encoders.py`); whole files of makers are `../shared/formats`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest

from ecg import codes, formats
from ecg.errors import ChannelLeftOut, EcgError, FieldWrong, GainMissing, LeadUnknown, UnitUnknown
from ecg.formats.document import NO_SIGNAL
from tests.ecg import xml_made as made
from tests.ecg.encoders import (
    EdfSignal,
    dicom_ecg,
    dicom_group,
    edf,
    mfer,
    mfer_tag,
    scp,
    scp_leads,
    scp_samples,
)
from tests.ecg.test_formats_made import ishne, wave

LEADS = made.steps()


@pytest.mark.parametrize(
    ("spelling", "lead"),
    [
        *(
            ("ECG-II", "II"),
            ("Lead-aVR", "aVR"),
            ("ECG_LEAD_V1", "V1"),
            ("导联Ⅱ", "II"),
            ("Ⅲ导联", "III"),
            ("V5导", "V5"),
        ),
        *(("ＩＩ", "II"), ("Ｖ1", "V1"), ("lead i", "I"), ("MDC_ECG_LEAD_AVRneg", "-aVR")),
        *(("ECG", "unknown"), ("ECG1", None), ("Ch1", None), ("2", None), ("MDC_ECG_HEART_RATE", None), ("Lead", None)),
    ],
)
def test_leads_are_known_under_the_words_around_them(spelling: str, lead: str | None) -> None:
    assert codes.lead_of(spelling) == lead


# ---- HL7 aECG ----


def mindray(identity: str) -> bytes:
    """The person as BeneHeart R12 and R700 write it; the series as everybody does."""
    person = (
        '<subject><trialSubject><id root="755.3045256" extension="trialSubject"/><subjectDemographicPerson>'
        f"<name>张小东</name>{identity}<administrativeGenderCode code='F'/><birthTime/>"
        "</subjectDemographicPerson></trialSubject></subject>"
    )
    return made.aecg(made.sequence_set(LEADS), person=person)


def test_mindray_writes_the_id_and_the_age_into_the_person_and_one_word_for_all_as_the_subject() -> None:
    who = formats.document(mindray("<PatientID>25060897140</PatientID><Age>P57years</Age>")).person
    assert (who.id_no, who.name, who.sex, who.age_years) == ("25060897140", "张小东", "F", 57)
    nobody = formats.document(mindray("<PatientID></PatientID><Age>P8months</Age>")).person
    assert (nobody.id_no, nobody.age_years) == ("", 0)


def test_all_given_names_are_kept() -> None:
    person = (
        "<subject><trialSubject><id extension='S-1'/><subjectDemographicPerson><name><given>Ann</given>"
        "<given>Marie</given><family>Doe</family></name></subjectDemographicPerson></trialSubject></subject>"
    )
    who = formats.document(made.aecg(made.sequence_set(LEADS), person=person)).person
    assert (who.name, who.id_no) == ("Ann Marie Doe", "S-1")


@pytest.mark.parametrize("prefix", ["MORTARA_ECG_LEAD_{}", "MDC_ECG_LEAD_{}"])
def test_a_lead_that_nobody_knows_is_left_out_beside_those_that_are_known(prefix: str) -> None:
    got = formats.document(made.aecg(made.sequence_set({"II": [1] * 100, "TEA": [2] * 100}, code=prefix)))
    assert got.leads == ("II",)
    assert [type(warning) for warning in got.warnings] == [ChannelLeftOut]
    with pytest.raises(LeadUnknown):
        formats.document(made.aecg(made.sequence_set({"TEA": [2] * 100}, code=prefix)))


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        ("Müller", "latin-1"),
        ("José", "latin-1"),
        ("欧阳小东", "gb18030"),
        ("李 Ann", "gb18030"),
        ("Éric Noël", "cp1252"),
    ],
)
def test_a_file_that_does_not_say_its_encoding_shows_names_of_both_worlds(name: str, charset: str) -> None:
    person = f"<subject><subjectDemographicPerson><name>{name}</name></subjectDemographicPerson></subject>"
    person = person.replace("subject>", "trialSubject>")
    text = made.aecg(made.sequence_set(LEADS), person=person).decode()
    raw = text.replace(' encoding="UTF-8"', "").encode(charset)
    assert formats.document(raw).person.name == name


# ---- Mortara ----


def test_mortara_names_the_person_by_numbered_fields_where_there_is_no_subject() -> None:
    fields = {"1": "Doe", "7": "John", "2": "PAT001", "4": "Male", "16": "19900515", "3": "34"}
    listed = "".join(f'<DEMOGRAPHIC_FIELD ID="{at}" LABEL="?" VALUE="{value}"/>' for at, value in fields.items())
    source = '<SOURCE MODEL="ELI250c" ACQUIRING_DEVICE_SERIAL_NUMBER="SN123" ACQUIRING_DEVICE_SW_VERSION="V2.0"/>'
    raw = made.mortara(LEADS)
    at = raw.index(b">", raw.index(b"<ECG")) + 1
    raw = raw[:at] + f"<DEMOGRAPHIC_FIELDS>{listed}</DEMOGRAPHIC_FIELDS>{source}".encode() + raw[at:]
    whole = formats.document(
        raw[: raw.index(b"<SUBJECT")] + raw[raw.index(b"<CHANNEL") :] if b"<SUBJECT" in raw else raw
    )
    who = whole.person
    assert (who.name, who.id_no, who.sex, who.birth_date) == ("John Doe", "PAT001", "M", "1990-05-15")


# ---- binary formats ----


def test_mfer_needs_no_preamble() -> None:
    whole = mfer(wave(), (1, 2, 3), block=10)
    assert whole[:1] == b"\x40"
    bare = whole[2 + whole[1] :]
    got, same = formats.document(bare), formats.document(whole)
    assert np.array_equal(got.steps, same.steps)
    assert got.leads == same.leads
    for other in (mfer_tag(0x1E, bytes(40)), bare[: bare.index(b"\x1e")], b"\x05\x01\x02 and so on"):
        with pytest.raises(EcgError, match="in no format"):
            formats.document(other)


def test_a_rate_below_0_is_refused_and_not_taken_for_a_large_one() -> None:
    with pytest.raises(FieldWrong):
        formats.document(ishne(wave(), (6, 11, 15), fs=-200))


def test_a_recorder_that_is_only_digital_is_no_maker() -> None:
    raw = bytearray(ishne(wave(), (6, 11, 15)))
    raw[232:272] = b"digital".ljust(40, b"\0")
    assert formats.document(bytes(raw)).maker.name == ""


def test_scp_tags_of_a_wrong_length_are_read_by_the_lengths_of_the_standard() -> None:
    tags = b"".join(
        (
            bytes([4]) + struct.pack("<H", 600) + struct.pack("<HB", 61, 1),
            tag(8, bytes([2])),
            tag(2, b"P-7\0"),
            b"\xff\0\0",
        )
    )
    record = scp({1: tags, 3: scp_leads(("I", "II"), 100), 6: scp_samples(list(wave(100, 2).T))})
    who = formats.document(record).person
    assert (who.sex, who.id_no, who.age_years) == ("F", "P-7", 61)


def tag(number: int, value: bytes) -> bytes:
    return struct.pack("<BH", number, len(value)) + value


@pytest.mark.parametrize("unit", ["uV", "µV", "Î¼V", "Âµv", "¦ÌV", "microV"])
def test_a_micro_sign_in_whatever_charset_is_a_micro_sign(unit: str) -> None:
    raw = edf([EdfSignal("ECG II", wave(100, 1).T.reshape(1, 100), unit=unit)])
    if unit == "microV":
        with pytest.raises(UnitUnknown):
            formats.document(raw)
    else:
        assert formats.document(raw).uv_per_step == pytest.approx((0.1,))


def test_edf_of_a_year_that_two_digits_do_not_hold_has_its_date() -> None:
    raw = edf([EdfSignal("ECG II", wave(100, 1).T.reshape(1, 100))], recording="Startdate 01-DEC-2090 X X X")
    got = formats.document(raw.replace(b"16.11.20", b"16.11.yy", 1))
    assert got.start is not None
    assert got.start.year == 2090


# ---- DICOM ----


def test_dicom_without_preamble_and_without_representations_is_known_by_its_first_elements() -> None:
    whole = dicom_ecg([dicom_group(wave(), ("I", "II", "V1"))], "implicit", head=[(0x00080005, "CS", "ISO_IR 192")])
    bare = whole[whole.index(struct.pack("<HHI", 8, 5, 10)) :]
    assert np.array_equal(formats.document(bare).steps, formats.document(whole).steps)


@pytest.mark.parametrize(
    ("charset", "name", "raw"),
    [
        ("\\ISO 2022 IR 87", "山田 太郎", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        ("\\ISO 2022 IR 58", "张 小东", b"Zhang^X=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"),
        ("ISO 2022 IR 144", "Люкceмбypг"[:4], "Люкc".encode("iso8859-5")),
        ("ISO_IR 203", "Œuvre", "Œuvre".encode("iso8859-15")),
    ],
)
def test_dicom_names_in_charsets_with_escapes(charset: str, name: str, raw: bytes) -> None:
    head = [(0x00080005, "CS", charset), (0x00100010, "PN", raw)]
    assert formats.document(dicom_ecg([dicom_group(wave(), ("I", "II", "V1"))], head=head)).person.name == name


def test_dicom_moments_keep_their_fractions_and_dates_of_the_older_form() -> None:
    group = dicom_group(wave(), ("I", "II", "V1"))
    for stated, moment in (
        ("20240102030405.125+0800", "2024-01-02 03:04:05.125000+08:00"),
        ("20240102030405", "2024-01-02 03:04:05"),
    ):
        got = formats.document(dicom_ecg([group], head=[(0x0008002A, "DT", stated)]))
        assert str(got.start) == moment
    old = [(0x00080022, "DA", "2024.01.02"), (0x00080032, "TM", "03:04:05")]
    assert str(formats.document(dicom_ecg([group], head=old)).start) == "2024-01-02 03:04:05"


def test_the_mark_of_16_bits_is_a_voltage_among_32() -> None:
    samples = np.full((100, 1), -(2**15), dtype=np.int64)
    short = formats.document(dicom_ecg([dicom_group(samples, ("II",))]))
    long = formats.document(dicom_ecg([dicom_group(samples, ("II",), bits=32, kind="SL")]))
    assert (short.steps == NO_SIGNAL).all()
    assert (long.steps == -(2**15)).all()


# ---- tables, and steps of no voltage ----


def table(head: str, rows: Sequence[str]) -> bytes:
    return ("# fs=500\n" + "\n".join((head, *rows)) + "\n").encode()


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("time,I (mV),II (mV)", ["0,0.5,-1", "0.002,0.25,2"]),
        ("序号;I[mV];II[mV]", ["1;0,5;-1", "2;0,25;2"]),
        ("时间（s）\tI（mV）\tII（mV）", ["0\t0.5\t-1", "0.002\t0.25\t2"]),
        ("I(mv),II(mV)", ["0.5,-1", "0.25,2"]),
    ],
)
def test_a_table_may_count_its_rows_and_state_its_unit_beside_each_lead(head: str, rows: Sequence[str]) -> None:
    got = formats.document(table(head, rows))
    assert got.leads == ("I", "II")
    assert (got.steps * np.array(got.uv_per_step)).tolist() == [[500.0, -1000.0], [250.0, 2000.0]]


def test_a_first_row_of_thousands_of_blanks_and_brackets_costs_no_time() -> None:
    for row in (" " * 4000, "(" * 4000, "a (" * 1000 + ")", " ,( " * 1000):
        with pytest.raises(EcgError):
            formats.document(b"\xc2\xa0" + row.encode() + b"x\n1,2\n")


def test_a_table_with_two_units_is_refused() -> None:
    with pytest.raises((LeadUnknown, UnitUnknown)):
        formats.document(table("I (mV),II (uV)", ["1,2"]))


def test_a_step_of_more_than_a_kilovolt_is_no_gain() -> None:
    with pytest.raises(GainMissing):
        formats.document(made.aecg(made.sequence_set(LEADS, scale='<scale value="1e20" unit="V"/>')))
