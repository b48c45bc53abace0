"""Conversion: samples, gaps, names and rate survive each format to within one step of the source."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg import Recording
from ecg.errors import LeadAbsent, LeadTwice, UnitUnknown
from ecg.formats import read, read_channels
from ecg.formats.export import DIGITAL_MAX, write_csv, write_json, write_wfdb
from ecg.record import F32, Meta


def recording(*leads_uv: F32, fs: float = 360.0, names: tuple[str, ...] = ("II", "V5", "V1")) -> Recording:
    signal_uv = np.stack(leads_uv, axis=1).astype(np.float32)
    return Recording(fs, names[: len(leads_uv)], signal_uv, meta=Meta(sex="F", age_years=58))


def assert_same(a: Recording, b: Recording, within_uv: float) -> None:
    assert (a.fs, a.leads, a.signal_uv.shape) == (b.fs, b.leads, b.signal_uv.shape)
    assert (np.isnan(a.signal_uv) == np.isnan(b.signal_uv)).all()
    known = np.isfinite(a.signal_uv)
    assert float(np.abs(a.signal_uv - b.signal_uv)[known].max(initial=0.0)) <= within_uv


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    gain=st.sampled_from([34043.46727318676, 10520.0, 7247.0, 1000.0, 409.6, 204.8, 200.0, 33.3]),
    offset=st.integers(-20_000, 20_000),
    spread=st.integers(1, 12_000),
    seed=st.integers(0, 99),
)
def test_a_converter_s_steps_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, gain: float, offset: int, spread: int, seed: int
) -> None:
    steps = offset + np.random.default_rng(seed).integers(-spread, spread + 1, 500)
    made = recording((steps * (1000.0 / gain)).astype(np.float32))
    path = tmp_path_factory.mktemp("made") / "x"
    write_wfdb(made, path)
    assert_same(read(path), made, within_uv=500.0 / gain + 0.01)


@pytest.mark.parametrize(
    "name", ["mitdb/101", "ludb/101", "cinc2015/a103l", "cinc2017/b00", "cpsc2021/data_8_2", "cudb/cu10"]
)
def test_real_records_survive_wfdb_within_half_a_step(data: Path, tmp_path: Path, name: str) -> None:
    got = read_channels(data / name)
    short = Recording(got.fs, got.leads, got.signal_uv[:20_000], meta=got.meta)
    write_wfdb(short, tmp_path / "copy.hea")
    back = read_channels(tmp_path / "copy")
    assert_same(back, short, within_uv=0.07)  # the finest step among them is 0.13 uV
    assert back.meta == short.meta


def test_gaps_stay_gaps_and_a_lead_without_any_sample_is_no_reason_to_refuse(tmp_path: Path) -> None:
    wave = np.arange(400, dtype=np.float32) * 5
    torn = wave.copy()
    torn[100:200] = np.nan
    made = recording(torn, np.full(400, np.nan, dtype=np.float32), np.full(400, 7.25, dtype=np.float32))
    write_wfdb(made, tmp_path / "x")
    assert_same(read(tmp_path / "x"), made, within_uv=0.01)


def test_a_range_beyond_sixteen_bits_takes_the_finest_step_that_fits(tmp_path: Path) -> None:
    wide = np.linspace(-90_000, 300_000, 70_001).astype(np.float32)
    write_wfdb(recording(wide), tmp_path / "x")
    assert_same(read(tmp_path / "x"), recording(wide), within_uv=390_000 / (2 * DIGITAL_MAX - 1))


def test_the_table_has_seconds_and_millivolts_and_an_empty_cell_for_a_gap(tmp_path: Path) -> None:
    made = recording(np.array([0, 5, np.nan], dtype=np.float32), np.array([1000, -3, 2], dtype=np.float32), fs=250.0)
    write_csv(made, tmp_path / "x.csv")
    rows = list(csv.reader((tmp_path / "x.csv").open(newline="")))
    assert rows == [
        ["time_s", "II", "V5"],
        ["0.000000", "0.000000", "1.000000"],
        ["0.004000", "0.005000", "-0.003000"],
        ["0.008000", "", "0.002000"],
    ]


def test_the_object_has_a_row_a_sample_and_null_for_a_gap(tmp_path: Path) -> None:
    made = recording(np.array([0.5, np.nan], dtype=np.float32), np.array([1, 2], dtype=np.float32))
    write_json(made, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == {
        "fs": 360.0,
        "leads": ["II", "V5"],
        "start": None,
        "sex": "F",
        "age_years": 58,
        "signal_uv": [[0.5, 1.0], [None, 2.0]],
    }


def header(folder: Path, *channels: str) -> Path:
    lines = [f"r {len(channels)} 250 4", *(f"r.dat 16 {channel}" for channel in channels)]
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    np.arange(4 * len(channels), dtype="<i2").tofile(folder / "r.dat")
    return folder / "r"


def test_channels_are_read_whatever_they_are_called(tmp_path: Path) -> None:
    record = header(tmp_path, "100/mV 16 0 0 0 0 MLII", "100/mV 16 0 0 0 0 noise 1", "100/mV", "100 16 0 0 0 0 MLII")
    assert read_channels(record).leads == ("MLII", "noise 1", "ch2", "MLII-3")
    assert read_channels(record.with_suffix(".hea"), ["3", "0"]).signal_uv[:, 0].tolist() == [30.0, 70.0, 110.0, 150.0]


def test_channels_are_chosen_by_number_or_by_any_spelling(tmp_path: Path) -> None:
    record = header(tmp_path, "100/mV 16 0 0 0 0 avf", "100/mV 16 0 0 0 0 ECG", "100/mV 16 0 0 0 0 7")
    assert read_channels(record, ["MDC_ECG_LEAD_AVF", "1"]).leads == ("aVF", "ECG")
    assert read_channels(record, ["1", "ECG", "1"]).leads == ("ECG",)
    assert read_channels(record, ["7"]).leads == ("7",)
    with pytest.raises(LeadAbsent, match="it has 0 avf, 1 ECG, 2 7"):
        read_channels(record, ["V9"])


def test_a_channel_that_is_no_voltage_is_passed_over_and_refused_when_asked_for(tmp_path: Path) -> None:
    record = header(tmp_path, "100/mmHg 16 0 0 0 0 ABP", "100/mV 16 0 0 0 0 II")
    assert read_channels(record).leads == ("II",)
    with pytest.raises(UnitUnknown):
        read_channels(record, ["ABP"])


def test_a_long_record_is_read_in_blocks_to_the_same_samples(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(data / "mitdb/101", first=1000, end=21_001)
    monkeypatch.setattr("ecg.formats.wfdb.BLOCK", 7_777)
    assert np.array_equal(read(data / "mitdb/101", first=1000, end=21_001).signal_uv, whole.signal_uv)
    gap = read_channels(data / "cudb/cu10").signal_uv
    monkeypatch.setattr("ecg.formats.wfdb.BLOCK", 10**9)
    assert np.array_equal(read_channels(data / "cudb/cu10").signal_uv, gap, equal_nan=True)


def test_a_body_lead_that_stands_twice_is_refused_until_one_is_chosen(tmp_path: Path) -> None:
    record = header(tmp_path, "100/mV 16 0 0 0 0 V5", "100/mV 16 0 0 0 0 C5", "100/mV 16 0 0 0 0 ECG")
    with pytest.raises(LeadTwice):
        read_channels(record)
    assert read_channels(record, ["1", "2"]).leads == ("V5", "ECG")
