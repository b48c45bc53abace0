"""DICOM, EDF, BDF and ISHNE files made here, for what no sample file shows."""

from __future__ import annotations

import binascii
import struct
import zlib

import numpy as np
import pytest

from ecg import formats
from ecg.errors import (
    ChannelLeftOut,
    EcgError,
    FieldWrong,
    FileTruncated,
    FormatRefused,
    GainMissing,
    LeadTwice,
    LeadUnknown,
    NoWaveform,
    PartsLeftOut,
    SamplesFewer,
    UnitUnknown,
)
from ecg.formats.document import NO_SIGNAL
from tests.ecg.encoders import (
    SYNTAXES,
    DicomWriter,
    EdfSignal,
    Element,
    Samples,
    dicom,
    dicom_ecg,
    dicom_group,
    edf,
    onset,
)

LEADS = ("I", "II", "V1")


def wave(samples: int = 60, leads: int = 3) -> Samples:
    numbers: Samples = np.random.default_rng(3).integers(-120, 120, (samples, leads))
    return numbers


def uv(raw: bytes) -> list[list[float]]:
    got = formats.document(raw)
    return (got.steps * np.array(got.uv_per_step)).round(6).tolist()  # type: ignore[no-any-return]  # numpy says Any


# ---- DICOM ----


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("delimited_first", [False, True])
def test_every_byte_order_and_length_of_dicom_gives_the_same(syntax: str, delimited_first: bool) -> None:
    skipped: list[Element] = [(0x00081140, "SQ", [[(0x00081150, "UI", "1.2.3")], []])] if delimited_first else []
    group = dicom_group(wave(), LEADS, order=SYNTAXES[syntax][1].order)
    got = formats.document(dicom_ecg([group], syntax, skipped))
    assert got.steps.tolist() == wave().tolist()
    assert (got.leads, got.fs, got.uv_per_step[0], got.format) == (LEADS, 500.0, 2.5, "DICOM General ECG")


@pytest.mark.parametrize(("bits", "kind"), [(8, "SB"), (8, "UB"), (16, "SS"), (16, "US"), (32, "SL"), (32, "UL")])
def test_samples_of_every_width_and_sign(bits: int, kind: str) -> None:
    samples = np.abs(wave()) if kind.startswith("U") else wave()
    got = formats.document(dicom_ecg([dicom_group(samples, LEADS, bits=bits, kind=kind)]))
    assert got.steps.tolist() == samples.tolist()


def test_a_deflated_file_is_inflated_within_bounds() -> None:
    plain = dicom_ecg([dicom_group(wave(), LEADS)])
    body = plain[plain.index(b"1.2.840.10008.1.2.1") + 20 :]
    meta = DicomWriter().data_set([(0x00020010, "UI", "1.2.840.10008.1.2.1.99")])

    def deflated(content: bytes) -> bytes:
        engine = zlib.compressobj(wbits=-15)
        return bytes(128) + b"DICM" + meta + engine.compress(content) + engine.flush()

    assert formats.document(deflated(body)).steps.tolist() == wave().tolist()
    with pytest.raises(EcgError):
        formats.document(deflated(body + bytes(200_000_000)))


def test_a_preamble_that_was_left_out_is_not_missed() -> None:
    raw = dicom_ecg([dicom_group(wave(), LEADS)])
    assert formats.document(raw[132:]).steps.tolist() == wave().tolist()


@pytest.mark.parametrize(
    ("scheme", "code", "meaning", "label", "lead"),
    [
        ("SCPECG", "5.6.3-9-62", "", "", "aVR"),
        ("MDC", "2:66", "", "", "V8"),
        ("MDC", "MDC_ECG_LEAD_AVF", "", "", "aVF"),
        ("99ACME", "17", "Lead V4R", "", "V4R"),
        ("SCPECG", "5.6.3-9-1", "Lead I (Einthoven)", "", "I"),
        ("", "", "aVL, augmented voltage, left", "", "aVL"),
        ("", "", "", "V6", "V6"),
    ],
)
def test_a_lead_is_known_by_code_meaning_or_label(scheme: str, code: str, meaning: str, label: str, lead: str) -> None:
    source: Element = (
        0x003A0208,
        "SQ",
        [[(0x00080100, "SH", code), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning)]],
    )
    assert formats.document(dicom_ecg([dicom_group(wave(leads=1), (label,), channel=[source])])).leads == (lead,)


def test_gain_is_sensitivity_times_correction_times_unit_and_the_baseline_is_added() -> None:
    channel: list[Element] = [(0x003A0212, "DS", "0.5"), (0x003A0213, "DS", "0.25")]
    group = dicom_group(wave(), LEADS, sensitivity="0.01", unit="mV", channel=channel)
    assert uv(dicom_ecg([group])) == (wave() * 5.0 + 250.0).tolist()


def test_a_negative_sensitivity_turns_the_lead_over() -> None:
    assert uv(dicom_ecg([dicom_group(wave(), LEADS, sensitivity="-5")])) == (wave() * -5.0).tolist()


def test_padding_is_no_signal_and_a_late_channel_is_moved() -> None:
    extra: list[Element] = [(0x5400100A, "OW", struct.pack("<h", -120))]
    group = dicom_group(wave(), LEADS, extra=extra, channel=[(0x003A0215, "DS", "2")])
    samples = np.where(wave() == -120, NO_SIGNAL, wave())
    samples[0, 0] = -120
    stored = np.where(samples == NO_SIGNAL, -120, samples)
    group = dicom_group(stored, LEADS, extra=extra)
    got = formats.document(dicom_ecg([group])).steps
    assert got[0, 0] == NO_SIGNAL
    assert (got == NO_SIGNAL).sum() == (stored == -120).sum()


def test_parts_of_three_leads_after_each_other_are_laid_on_one_time_axis() -> None:
    parts = [
        dicom_group(wave(50), leads, extra=[(0x00181068, "DS", f"{at * 100}")])  # 50 samples at 500 Hz are 100 ms
        for at, leads in enumerate((("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6")))
    ]
    got = formats.document(dicom_ecg(parts))
    assert got.steps.shape == (200, 12)
    assert got.steps[150:, 9:].tolist() == wave(50).tolist()
    assert (got.steps[:150, 9:] == NO_SIGNAL).all()
    assert got.warnings == ()


def test_a_median_is_never_the_rhythm_and_a_second_rhythm_of_the_same_leads_is_named() -> None:
    median = dicom_group(wave(400), LEADS, label="MEDIAN BEAT")
    rhythm = dicom_group(wave(60), LEADS, label="RHYTHM")
    strip = dicom_group(wave(40, 1), ("II",), label="STRIP", fs=250)
    got = formats.document(dicom_ecg([median, rhythm, strip]))
    assert got.steps.tolist() == wave(60).tolist()
    assert [type(warning) for warning in got.warnings] == [PartsLeftOut]
    with pytest.raises(NoWaveform):
        formats.document(dicom_ecg([median]))


def test_a_short_derived_group_without_a_label_is_a_beat() -> None:
    derived: list[Element] = [(0x003A0004, "CS", "DERIVED")]
    beat = dicom_group(wave(400), LEADS, label="", extra=derived)
    got = formats.document(dicom_ecg([beat, dicom_group(wave(60), LEADS, label="")]))
    assert (len(got.steps), got.warnings) == (60, ())
    long = formats.document(dicom_ecg([dicom_group(wave(1200), LEADS, label="", extra=derived)]))
    assert len(long.steps) == 1200


def test_a_channel_that_is_no_voltage_is_left_out() -> None:
    group = dicom_group(wave(leads=1), ("Resp",), unit="Ohm")
    lead = dicom_group(wave(leads=1), ("II",))
    assert formats.document(dicom_ecg([lead, group])).leads == ("II",)


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (dicom_ecg([dicom_group(wave(leads=1), ("Q9",))]), LeadUnknown),
        (dicom_ecg([dicom_group(wave(), ("I", "II", "II"))]), LeadTwice),
        (dicom_ecg([dicom_group(wave(), LEADS, unit="mmHg")]), UnitUnknown),
        (dicom_ecg([dicom_group(wave(), LEADS, sensitivity=None)]), GainMissing),
        (dicom_ecg([dicom_group(wave(), LEADS, sensitivity="0")]), GainMissing),
        (dicom_ecg([dicom_group(wave(), LEADS, sensitivity="much")]), FieldWrong),
        (dicom_ecg([dicom_group(wave(), LEADS, bits=16, kind="SS", fs=0)]), FieldWrong),
        (dicom_ecg([dicom_group(wave(), LEADS)], head=[(0x00280010, "US", 4)])[:-40], FileTruncated),
        (dicom([(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"), (0x00280010, "US", 4)]), NoWaveform),
        (dicom([(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.1")]), FormatRefused),
    ],
)
def test_what_dicom_cannot_be_read_is_refused_by_name(raw: bytes, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(raw)


@pytest.mark.parametrize(
    ("charset", "raw", "name", "is_doubtful"),
    [
        ("ISO_IR 192", "张^三".encode(), "张 三", False),
        ("GB18030", "王^五".encode("gb18030"), "王 五", False),
        ("ISO_IR 192", "Zhang^San=张^三".encode(), "张 三", False),
        ("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller Jörg", False),
        ("ISO_IR 100", "赵^六".encode("gb18030"), "赵 六", True),
        ("ISO_IR 100", "朱^镕基".encode("gb18030"), "朱 镕基", True),
        ("", "Jørgensen^Åse".encode("latin-1"), "Jørgensen Åse", True),
        ("\\ISO 2022 IR 58", b"Wang^XiaoDong=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab", "王 小东", False),
    ],
)
def test_names_in_the_charsets_of_china(charset: str, raw: bytes, name: str, is_doubtful: bool) -> None:
    head: list[Element] = [(0x00080005, "CS", charset), (0x00100010, "PN", raw)]
    got = formats.document(dicom_ecg([dicom_group(wave(), LEADS)], head=head))
    assert (got.person.name, bool(got.warnings)) == (name, is_doubtful)


def test_sequences_nested_without_end_are_refused_before_the_stack_is() -> None:
    raw = bytes(128) + b"DICM" + DicomWriter().data_set([(0x00020010, "UI", "1.2.840.10008.1.2.1")])
    for _ in range(5000):
        raw += struct.pack("<HH2sHI", 8, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    with pytest.raises(FieldWrong):
        formats.document(raw)


# ---- EDF and BDF ----


def records(count: int = 4, samples: int = 50, seed: int = 5, top: int = 3000) -> Samples:
    numbers: Samples = np.random.default_rng(seed).integers(-top, top, (count, samples))
    return numbers


@pytest.mark.parametrize(
    ("label", "lead"),
    [
        ("ECG II", "II"),
        ("EKG V5", "V5"),
        ("ECG-aVF", "aVF"),
        ("ecg_v1", "V1"),
        ("II", "II"),
        ("ECG LA-RA", "I"),
        ("ECG LL-RA", "II"),
        ("ECG MLII", "ML"),
        ("ECG V2-Ref", "V2"),
        ("ECG aVL (raw)", "aVL"),
        ("ECG Lead III", "III"),
        ("ECG", "unknown"),
        ("EKG1", "unknown"),
    ],
)
def test_an_ecg_is_known_by_its_label_in_several_spellings(label: str, lead: str) -> None:
    signals = [EdfSignal("EEG C3-A2", records(seed=1)), EdfSignal(label, records()), EdfSignal("Resp", records(seed=2))]
    got = formats.document(edf(signals))
    assert (got.leads, got.fs) == ((lead,), 50.0)
    assert got.steps[:, 0].tolist() == records().ravel().tolist()


def test_electrodes_of_an_eeg_are_no_chest_leads() -> None:
    with pytest.raises(NoWaveform):
        formats.document(edf([EdfSignal("C3", records()), EdfSignal("C4", records()), EdfSignal("O1", records())]))
    limb = [EdfSignal(label, records()) for label in ("I", "II", "C1", "C2")]
    assert formats.document(edf(limb)).leads == ("I", "II", "V1", "V2")


def test_bdf_has_24_bits() -> None:
    rows = records(top=8_000_000)
    signal = EdfSignal("ECG II", rows, "uV", ("-262144", "262144"), ("-8388608", "8388607"))
    got = formats.document(edf([signal], bdf=True))
    assert got.format == "BDF"
    assert got.steps[:, 0].tolist() == rows.ravel().tolist()
    assert got.uv_per_step[0] == pytest.approx(1 / 32)


def test_an_interrupted_file_keeps_its_gaps_and_a_longer_gap_leaves_the_longest_part() -> None:
    marks = [onset(10), onset(11), onset(14), onset(15)]
    signals = [EdfSignal("ECG II", records()), EdfSignal("EDF Annotations", marks)]
    got = formats.document(edf(signals, reserved="EDF+D"))
    rows = records()
    assert got.steps[:100, 0].tolist() == rows[:2].ravel().tolist()
    assert (got.steps[100:200] == NO_SIGNAL).all()
    assert got.steps[200:, 0].tolist() == rows[2:].ravel().tolist()
    far = [
        EdfSignal("ECG II", records()),
        EdfSignal("EDF Annotations", [onset(at) for at in (0, 9000000, 9000001, 9100000)]),
    ]
    got = formats.document(edf(far, reserved="EDF+D"))
    assert got.steps[:, 0].tolist() == rows[1:3].ravel().tolist()
    assert [type(warning) for warning in got.warnings] == [PartsLeftOut]


@pytest.mark.parametrize("marks", [[onset(1), onset(0), onset(2), onset(3)], [b"?" * 30] * 4])
def test_an_interrupted_file_with_impossible_times_is_refused(marks: list[bytes]) -> None:
    with pytest.raises(FieldWrong):
        formats.document(edf([EdfSignal("ECG II", records()), EdfSignal("EDF Annotations", marks)], reserved="EDF+D"))


def test_signals_of_another_rate_are_left_out_with_a_word() -> None:
    signals = [
        EdfSignal("ECG I", records()),
        EdfSignal("ECG II", records()),
        EdfSignal("ECG V1", records(samples=100)),
        EdfSignal("SpO2", records(samples=1)),
    ]
    got = formats.document(edf(signals))
    assert got.leads == ("I", "II")
    assert [warning.facts() for warning in got.warnings] == [{"left": "ECG V1"}]


@pytest.mark.parametrize(
    ("unit", "physical", "digital", "expected"),
    [
        ("mV", ("-5", "5"), ("0", "1000"), lambda rows: rows * 10.0 - 5000.0),
        ("V", ("-0.01", "0.01"), ("-1000", "1000"), lambda rows: rows * 10.0),
        ("uV", ("1000", "-1000"), ("-1000", "1000"), lambda rows: rows * -1.0),
        ("µV", ("-1,5", "1,5"), ("-15", "15"), lambda rows: rows * 0.1),
    ],
)
def test_the_scale_is_the_headers(
    unit: str, physical: tuple[str, str], digital: tuple[str, str], expected: object
) -> None:
    rows = records(top=900)
    assert callable(expected)
    got = uv(edf([EdfSignal("ECG II", rows, unit, physical, digital)]))
    assert np.allclose(np.array(got)[:, 0], expected(rows.ravel()))


def test_a_duration_cut_to_eight_letters_gives_the_rate_that_was_meant() -> None:
    assert formats.document(edf([EdfSignal("ECG II", records(samples=1))], seconds="0.003906")).fs == 256.0
    assert formats.document(edf([EdfSignal("ECG II", records(samples=1))], seconds="0.003333")).fs == 300.0


def test_person_and_equipment_of_edf_plus() -> None:
    got = formats.document(
        edf(
            [EdfSignal("ECG II", records())],
            patient="ID_7 F 02-MAY-1951 Li_Na",
            recording="Startdate 16-NOV-2020 X X Cart_7",
        )
    )
    assert (got.person.name, got.person.id_no, got.person.sex, got.person.birth_date) == (
        "Li Na",
        "ID 7",
        "F",
        "1951-05-02",
    )
    assert (got.maker.name, str(got.start)) == ("Cart 7", "2020-11-16 21:44:39")


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (edf([EdfSignal("ECG II", records(), "mmHg")]), UnitUnknown),
        (edf([EdfSignal("ECG II", records(), "")]), UnitUnknown),
        (edf([EdfSignal("ECG II", records(), "uV", ("5", "5"))]), GainMissing),
        (edf([EdfSignal("ECG II", records()), EdfSignal("II", records())]), LeadTwice),
        (edf([EdfSignal("ECG II", records())], seconds="0"), FieldWrong),
        (edf([EdfSignal("ECG II", records())], seconds="nan"), FieldWrong),
        (edf([EdfSignal("ECG II", records())], records=0), NoWaveform),
        (edf([EdfSignal("ECG II", records())])[:300], FileTruncated),
        (edf([EdfSignal("ECG II", records())])[:560], FileTruncated),
    ],
)
def test_what_edf_cannot_be_read_is_refused_by_name(raw: bytes, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(raw)


# ---- ISHNE ----


def ishne(
    samples: Samples,
    codes: tuple[int, ...],
    *,
    promised: int | None = None,
    nv: int = 2500,
    fs: int = 200,
    texts: bytes = b"",
) -> bytes:
    head = bytearray(522 - 10)
    struct.pack_into(
        "<iiii", head, 0, len(texts), len(samples) if promised is None else promised, 522, 522 + len(texts)
    )
    head[18:21], head[58:62] = b"Ana", b"Ruiz"
    struct.pack_into("<h", head, 118, 2)
    struct.pack_into("<hhh", head, 122, 3, 2, 1950)
    struct.pack_into("<hhh", head, 128, 5, 4, 2021)
    struct.pack_into("<hhh", head, 140, 23, 59, 58)
    struct.pack_into("<h", head, 146, len(codes))
    struct.pack_into(f"<{len(codes)}h", head, 148, *codes)
    struct.pack_into(f"<{len(codes)}h", head, 196, *[nv] * len(codes))
    struct.pack_into("<h", head, 262, fs)
    covered = bytes(head) + texts
    return (
        b"ISHNE1.0" + struct.pack("<H", binascii.crc_hqx(covered, 0xFFFF)) + covered + samples.astype("<i2").tobytes()
    )


def test_an_ishne_file_with_texts_gives_its_leads_scale_and_person() -> None:
    got = formats.document(ishne(wave(), (6, 11, 15), texts=b"Holter of the village clinic"))
    assert (got.leads, got.fs, got.uv_per_step, got.warnings) == (("II", "V1", "V5"), 200.0, (2.5,) * 3, ())
    assert got.steps.tolist() == wave().tolist()
    assert (got.person.name, got.person.sex, got.person.birth_date) == ("Ana Ruiz", "F", "1950-02-03")
    assert str(got.start) == "2021-04-05 23:59:58"


def test_a_lead_without_a_name_is_left_out_beside_those_that_have_one() -> None:
    files = (ishne(wave(), (99, 6, 11)), dicom_ecg([dicom_group(wave(), ("Q9", "II", "V1"))]))
    for got in map(formats.document, files):
        assert got.leads == ("II", "V1")
        assert got.steps.tolist() == wave()[:, 1:].tolist()
        assert [type(warning) for warning in got.warnings] == [ChannelLeftOut]
    assert formats.document(ishne(wave(), (0, 0, 0))).leads == ("unknown",)


def test_a_mark_of_16_bits_for_an_electrode_that_is_off_is_no_voltage() -> None:
    samples = wave()
    samples[3, 1] = -32768
    for raw in (ishne(samples, (6, 11, 15)), dicom_ecg([dicom_group(samples, LEADS)])):
        assert np.argwhere(formats.document(raw).steps == NO_SIGNAL).tolist() == [[3, 1]]
    fine = dicom_ecg([dicom_group(samples, LEADS, sensitivity="0.1")])  # 3.3 mV, which a heart can give
    assert (formats.document(fine).steps != NO_SIGNAL).all()


def test_a_recorder_that_counts_the_samples_of_all_leads_is_understood() -> None:
    got = formats.document(ishne(wave(), (6, 11, 15), promised=180))
    assert (len(got.steps), got.warnings) == (60, ())
    assert [type(w) for w in formats.document(ishne(wave(), (6, 11, 15), promised=90)).warnings] == [SamplesFewer]


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (ishne(wave(leads=1), (99,)), LeadUnknown),
        (ishne(wave(), (6, 6, 11)), LeadTwice),
        (ishne(wave(), (6, 11, 15), nv=0), GainMissing),
        (ishne(wave(), (6, 11, 15), fs=0), FieldWrong),
        (ishne(wave()[:0], (6, 11, 15)), NoWaveform),
        (ishne(wave(), (6, 11, 15))[:400], FileTruncated),
        (b"ANN  1.0" + bytes(600), FormatRefused),
    ],
)
def test_what_ishne_cannot_be_read_is_refused_by_name(raw: bytes, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(raw)
