"""Binary formats against independent readers, sample for sample in millivolts: ecgdatakit, pydicom, pyEDFlib.

They judge; nothing of them is in the product. Where they are not installed the tests are skipped, except on CI.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ecg import codes, formats
from ecg.formats.document import NO_SIGNAL, Document
from tests.ecg.encoders import (
    DEFAULT_CODES,
    EdfSignal,
    Samples,
    dicom_ecg,
    dicom_group,
    edf,
    scp,
    scp_beats,
    scp_leads,
    scp_samples,
    scp_tables,
)
from tests.ecg.test_formats_binary import samples

__all__ = ["samples"]  # the fixture

DICOM = ("dicom_12lead_mortara_el250_1000hz.dcm", "dicom_12lead_ge_mac55.dcm", "dicom_generalecg_from_aecg.dcm")
EDF = ("edf_contec_12lead_800hz.edf", "edfplusC_mitbih100_30s.edf")
LEADS = ("I", "II", "V1")


def judge(name: str) -> ModuleType:
    if "CI" in os.environ:
        return importlib.import_module(name)
    found: ModuleType = pytest.importorskip(name)
    return found


def millivolts(got: Document) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    uv = np.where(got.steps == NO_SIGNAL, np.nan, got.steps * np.array(got.uv_per_step))
    return {lead: uv[:, at] / 1000 for at, lead in enumerate(got.leads)}


def wave(count: int = 400) -> Samples:
    numbers: Samples = np.cumsum(np.random.default_rng(11).integers(-9, 10, (count, 3)), axis=0)
    return numbers


def agrees_with_ecgdatakit(path: Path) -> None:
    got = formats.document(path.read_bytes())
    judged = judge("ecgdatakit").FileParser().parse(path)
    mine = millivolts(got)
    assert len(judged.leads) == len(got.leads)
    for lead in judged.leads:
        name = codes.lead_of(lead.label) or ""
        unit = {"uV": 1e-3, "mV": 1.0, "": 1.0}[lead.units]
        scale = lead.resolution * {"uV": 1e-3, "mV": 1.0}[lead.resolution_unit] if lead.is_raw else unit
        assert np.allclose(lead.samples * scale, mine[name], atol=got.uv_per_step[0] / 2000), name
        assert lead.sampling_rate == pytest.approx(got.fs, rel=1e-4)


@pytest.mark.parametrize("name", ["scp_huffman_eli250.scp", *DICOM, "ishne_holter_12lead_20s.ecg"])
def test_ecgdatakit_sees_the_same_voltages(samples: Path, name: str) -> None:
    agrees_with_ecgdatakit(samples / name)


@pytest.mark.parametrize("differences", [0, 1, 2])
@pytest.mark.parametrize("is_coded", [False, True])
def test_ecgdatakit_sees_the_same_in_an_scp_file_made_here(tmp_path: Path, differences: int, is_coded: bool) -> None:
    tables = [DEFAULT_CODES] if is_coded else None
    sections = {3: scp_leads(LEADS, 400), 6: scp_samples(list(wave().T), differences=differences, codes=tables)}
    if tables:
        sections[2] = scp_tables(tables)
    (tmp_path / "made.scp").write_bytes(scp(sections))
    agrees_with_ecgdatakit(tmp_path / "made.scp")


def test_ecgdatakit_adds_reference_beats_where_we_do(tmp_path: Path) -> None:
    beat = wave(60)
    zones = [(0, 1, 21, 60), (0, 120, 130, 150), (1, 200, 210, 220), (0, 370, 390, 400)]
    sections = {
        3: scp_leads(LEADS, 400, subtracted=True),
        4: scp_beats(120, 21, zones),
        5: scp_samples(list(beat.T)),
        6: scp_samples(list(wave().T)),
    }
    (tmp_path / "made.scp").write_bytes(scp(sections))
    agrees_with_ecgdatakit(tmp_path / "made.scp")


@pytest.mark.parametrize("name", DICOM)
def test_pydicom_sees_the_same_voltages(samples: Path, name: str) -> None:
    mine = formats.document((samples / name).read_bytes())
    judged = judge("pydicom").dcmread(samples / name)
    assert np.array_equal(judged.waveform_array(0) / 1000, np.column_stack(list(millivolts(mine).values())))


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "implicit delimited"])
def test_pydicom_sees_the_same_in_a_file_made_here(tmp_path: Path, syntax: str) -> None:
    channel: list[tuple[int, str, object]] = [(0x003A0212, "DS", "2"), (0x003A0213, "DS", "15")]
    raw = dicom_ecg([dicom_group(wave(), LEADS, channel=channel)], syntax)
    (tmp_path / "made.dcm").write_bytes(raw)
    judged = judge("pydicom").dcmread(tmp_path / "made.dcm", force=True)
    mine = np.column_stack(list(millivolts(formats.document(raw)).values()))
    assert np.allclose(judged.waveform_array(0) / 1000, mine)


def agrees_with_pyedflib(path: Path) -> None:
    got = formats.document(path.read_bytes())
    with judge("pyedflib").EdfReader(str(path)) as judged:
        labels = [codes.lead_of(label.removeprefix("ECG ")) for label in judged.getSignalLabels()]
        for lead, column in millivolts(got).items():
            at = labels.index(lead)
            unit = {"uV": 1e-3, "mV": 1.0}[judged.getPhysicalDimension(at)]
            off = np.abs(judged.readSignal(at) * unit - column).max()
            assert off <= got.uv_per_step[0] / 1000 * 0.51, lead


@pytest.mark.parametrize("name", EDF)
def test_pyedflib_sees_the_same_voltages(samples: Path, name: str) -> None:
    agrees_with_pyedflib(samples / name)


@pytest.mark.parametrize("bdf", [False, True])
def test_pyedflib_sees_the_same_in_a_file_made_here(tmp_path: Path, bdf: bool) -> None:
    rows = wave().T.reshape(3, 4, 100)
    signals = [
        EdfSignal(f"ECG {lead}", rows[at], "mV", ("-10", "15"), ("-2000", "3000")) for at, lead in enumerate(LEADS)
    ]
    path = tmp_path / ("made.bdf" if bdf else "made.edf")
    path.write_bytes(edf(signals, bdf=bdf))
    agrees_with_pyedflib(path)
