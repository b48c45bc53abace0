"""Binary and text formats on the sample files: equal to independent readers, sample for sample; damage is named.

`../shared/formats/truth.json` holds what other readers found. What no sample shows is in `test_formats_made.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ecg import codes, formats
from ecg.errors import (
    ChecksumIgnored,
    CountMissing,
    EcgError,
    FieldWrong,
    FileBroken,
    FileChecksum,
    FileEmpty,
    FileTruncated,
    FormatRefused,
    FormatUnknown,
    GainMissing,
    NoWaveform,
    SamplesFewer,
    ScaleDoubtful,
    TextDoubtful,
)
from ecg.formats.document import NO_SIGNAL, Document
from tests.ecg.conftest import SAMPLES, given_folder

MINE = ("scp", "dicom", "edf", "ishne", "contec")
MEMORY_MAX = 64 * 1024 * 1024

READ = (
    "scp_huffman_eli250.scp",
    "scp_contec_truncated_section6.scp",
    "dicom_12lead_mortara_el250_1000hz.dcm",
    "dicom_12lead_ge_mac55.dcm",
    "dicom_generalecg_from_aecg.dcm",
    "edf_contec_12lead_800hz.edf",
    "edfplusC_mitbih100_30s.edf",
    "ishne_holter_12lead_20s.ecg",
    "contec_ecg90a_native.ecg",
)
REFUSED: dict[str, type[EcgError]] = {
    "scp_healforce_62.scp": FormatRefused,
    "edfplus_annotations_only.edf": NoWaveform,
    "damaged/scp_truncated_half.scp": FileTruncated,
    "damaged/scp_corrupt_section6.scp": FileChecksum,
    "damaged/scp_section6_length_4g.scp": FileTruncated,
    "damaged/scp_absurd_sample_count.scp": FieldWrong,
    "damaged/scp_zero_interval.scp": FieldWrong,
    "damaged/scp_empty.scp": FileEmpty,
    "damaged/dicom_truncated.dcm": FileTruncated,
    "damaged/dicom_absurd_sample_count.dcm": FieldWrong,
    "damaged/dicom_zero_frequency.dcm": FieldWrong,
    "damaged/dicom_absurd_channels.dcm": FieldWrong,
    "damaged/dicom_no_sensitivity.dcm": GainMissing,
    "damaged/dicom_no_preamble_garbage.dcm": FormatUnknown,
    "damaged/edf_digital_min_equals_max.edf": GainMissing,
    "damaged/ishne_absurd_leads.ecg": FieldWrong,
    "damaged/not_an_ecg.pdf.xml": FormatRefused,
    "damaged/zip_bomb_name.xml.zip": FileBroken,
}
WARNED: dict[str, tuple[tuple[type[EcgError], ...], int]] = {  # the warnings, and samples a lead
    "scp_contec_truncated_section6.scp": ((SamplesFewer,), 32767),
    "edf_contec_12lead_800hz.edf": ((ScaleDoubtful,), 37855),
    "damaged/scp_wrong_file_crc.scp": ((ChecksumIgnored,), 5000),
    "damaged/dicom_wrong_charset.dcm": ((TextDoubtful,), 200),
    "damaged/edf_truncated_last_record.edf": ((SamplesFewer,), 29 * 360),
    "damaged/edf_records_minus_one.edf": ((CountMissing,), 2 * 360),
    "damaged/edf_absurd_record_count.edf": ((SamplesFewer,), 2 * 360),
    "damaged/ishne_truncated.ecg": ((SamplesFewer,), 4144),
    "damaged/ishne_wrong_crc.ecg": ((ChecksumIgnored, SamplesFewer), 500),
}


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample files."""
    return given_folder(SAMPLES)


@pytest.fixture(scope="session")
def truth(samples: Path) -> dict[str, dict[str, object]]:
    """What independent readers found, by file name."""
    listed = json.loads((samples / "truth.json").read_text(encoding="utf-8"))
    return {row["file"]: row for row in listed["files"] + listed["damaged"]}


def read(samples: Path, name: str) -> Document:
    return formats.document((samples / name).read_bytes(), name)


def digest(steps: np.ndarray[tuple[int, ...], np.dtype[np.int32]]) -> str:
    return hashlib.sha256(steps.astype("<i2").tobytes()).hexdigest()


@pytest.mark.parametrize("name", READ)
def test_a_sample_file_gives_what_independent_readers_give(
    samples: Path, truth: dict[str, dict[str, object]], name: str
) -> None:
    got, known = read(samples, name), truth[name]
    leads, first, hashes = known["leads"], known["first5_mv"], known["sha256_int16_per_lead"]
    gains = np.atleast_1d(np.array(known["gain_uv_per_lsb"], dtype=float))
    assert isinstance(leads, list)
    assert isinstance(first, dict)
    assert isinstance(hashes, dict)
    assert got.leads == tuple(codes.lead_of(lead) for lead in leads)
    assert got.fs == known["fs_hz"]
    assert len(got.steps) == known["samples_per_lead"]
    assert np.allclose(got.uv_per_step, gains, rtol=1e-9)
    assert digest(got.steps.T) == known["sha256_int16_lead_major"]
    for at, lead in enumerate(leads):
        assert digest(got.steps[:, at])[:16] == hashes[lead], lead
        if lead in first:
            uv = got.steps[:5, at] * got.uv_per_step[at]
            # Within one step: an offset of half of it has no place among whole steps.
            assert np.abs(uv - np.array(first[lead]) * 1000).max() < gains[0] * 0.51


@pytest.mark.parametrize("name", [*REFUSED, *(name for name in WARNED if name.startswith("damaged/"))])
def test_a_damaged_file_meets_its_reaction_within_little_memory(
    samples: Path, truth: dict[str, dict[str, object]], name: str
) -> None:
    raw = (samples / name).read_bytes()
    tracemalloc.start()
    try:
        if name in REFUSED:
            with pytest.raises(EcgError) as refused:
                formats.document(raw, name)
            assert type(refused.value) is REFUSED[name]
            assert name in str(refused.value)
        else:
            got = formats.document(raw, name)
            assert len(got.steps) == WARNED[name][1]
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX
    finally:
        tracemalloc.stop()


def test_every_binary_file_of_the_folder_has_its_expected_reaction(truth: dict[str, dict[str, object]]) -> None:
    mine = {name for name in truth if name.removeprefix("damaged/").split("_")[0].startswith(MINE)}
    assert mine <= {*READ, *REFUSED, *WARNED}


@pytest.mark.parametrize("name", WARNED)
def test_what_a_file_does_against_its_standard_is_said_to_a_person(samples: Path, name: str) -> None:
    got = read(samples, name)
    assert tuple(type(warning) for warning in got.warnings) == WARNED[name][0]
    assert all(str(warning).endswith(".") for warning in got.warnings)


@pytest.mark.parametrize("name", [name for name in READ if name not in WARNED])
def test_a_file_that_keeps_its_standard_is_read_without_a_word(samples: Path, name: str) -> None:
    assert read(samples, name).warnings == ()


def test_the_same_recording_in_several_coats_is_equal_sample_for_sample(samples: Path) -> None:
    scp, dicom = read(samples, "scp_huffman_eli250.scp"), read(samples, "dicom_generalecg_from_aecg.dcm")
    assert scp.uv_per_step == dicom.uv_per_step
    for lead in scp.leads:
        assert np.array_equal(scp.steps[:, scp.leads.index(lead)], dicom.steps[:, dicom.leads.index(lead)]), lead
    native, short = read(samples, "contec_ecg90a_native.ecg"), read(samples, "scp_contec_truncated_section6.scp")
    coarse = read(samples, "edf_contec_12lead_800hz.edf")
    for lead in native.leads:
        column = native.steps[:, native.leads.index(lead)]
        assert np.array_equal(column, coarse.steps[:, coarse.leads.index(lead)]), lead
        assert np.array_equal(column[:32767], short.steps[:, short.leads.index(lead)]), lead
    derived = native.recording()
    assert np.array_equal(derived.lead("I")[:32767], short.recording().lead("I"))
    assert set(derived.derived) == {"I", "aVR", "aVL", "aVF"}


def test_person_machine_and_start_are_taken_from_the_file(samples: Path) -> None:
    scp = read(samples, "scp_huffman_eli250.scp")
    assert (scp.person.name, scp.person.id_no, scp.person.sex, scp.person.birth_date) == (
        "Clark",
        "SBJ-123",
        "M",
        "1953-05-08",
    )
    assert scp.maker.model == "ELI250"
    assert str(scp.start) == "2002-11-22 09:10:00"
    dicom = read(samples, "dicom_12lead_mortara_el250_1000hz.dcm")
    assert (dicom.maker.model, dicom.person.sex, dicom.person.age_years) == ("el250", "F", 42)
    assert str(read(samples, "dicom_12lead_ge_mac55.dcm").start) == "2006-02-01 10:24:03+01:00"
    native = read(samples, "contec_ecg90a_native.ecg")
    assert (native.maker.model, str(native.start), native.person.name) == ("ECG90A", "2020-11-16 21:44:39", "")
    assert str(read(samples, "edf_contec_12lead_800hz.edf").start) == "2020-11-16 21:44:39"
    assert read(samples, "edfplusC_mitbih100_30s.edf").start is None  # "Startdate X": not known


def test_a_chinese_name_under_a_western_charset_is_readable_and_marked_doubtful(samples: Path) -> None:
    assert read(samples, "damaged/dicom_wrong_charset.dcm").person.name == "测试 心电"


def test_an_electrode_that_is_off_is_no_signal_and_a_lead_without_any_is_left_out(samples: Path) -> None:
    raw = bytearray((samples / "contec_ecg90a_native.ecg").read_bytes())
    raw[43 + 16 * 100 + 4 : 43 + 16 * 100 + 6] = (2048 + 7).to_bytes(2, "little")  # V1 for one sample
    got = formats.document(bytes(raw))
    assert got.leads == ("II", "III", "V1")
    assert got.steps[100, 2] == 7
    assert (np.delete(got.steps[:, 2], 100) == NO_SIGNAL).all()


def test_one_file_in_a_zip_is_read_as_the_file_itself(samples: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/ECG 7.dcm", (samples / "dicom_12lead_ge_mac55.dcm").read_bytes())
        archive.writestr("__MACOSX/export/._ECG 7.dcm", b"\0\5\x16\7")
    got = formats.document(packed.getvalue())
    assert np.array_equal(got.steps, read(samples, "dicom_12lead_ge_mac55.dcm").steps)
