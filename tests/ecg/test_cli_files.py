"""The commands that write files, and how many files go over all cores."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import wfdb
from click.testing import CliRunner, Result

import ecg
from ecg.cli import files as cli_files
from ecg.cli import main
from ecg.cli import pool as cli_pool
from ecg.errors import Fault
from ecg.formats.export import write_wfdb
from ecg.record import Recording
from ecg.results import LeadMarks, WaveMark
from ecg.synth import EXAMPLES


@pytest.fixture
def records(tmp_path: Path) -> list[Path]:
    """Four short synthetic records."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("sinus", "af", "pvc", "vt"):
        write_wfdb(EXAMPLES[name](np.random.default_rng(3)).recording, folder / name)
    return [folder / name for name in ("pvc", "sinus", "vt", "af")]


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_annotate_writes_the_beats_and_rhythms_that_analyze_finds(records: list[Path], tmp_path: Path) -> None:
    done = run("annotate", *records, "-o", tmp_path / "deep/out")
    assert (done.exit_code, done.output) == (0, "")
    said = ecg.analyze(ecg.read(records[0]))
    got = wfdb.rdann(str(tmp_path / "deep/out/pvc"), "xl")
    beats = [(int(at), symbol) for at, symbol in zip(got.sample, got.symbol, strict=True) if symbol in "NAVFQ/"]
    assert beats == [(beat.sample, beat.symbol) for beat in said.beats]
    assert {symbol for _, symbol in beats} == {"N", "V"}
    assert (got.fs, got.symbol[0], got.aux_note[0]) == (500, "+", "(N")
    assert wfdb.rdann(str(tmp_path / "deep/out/af"), "xl").aux_note[0] == "(AFIB"


def test_annotate_takes_a_header_and_the_channels_that_are_named(data: Path, tmp_path: Path) -> None:
    stretch = ecg.formats.read_channels(data / "mitdb/101")
    cut = Recording(stretch.fs, ("MLII", "odd one"), stretch.signal_uv[:7200])
    write_wfdb(cut, tmp_path / "r")
    assert run("annotate", tmp_path / "r.hea", "-o", tmp_path / "both").exit_code == 0
    assert run("annotate", tmp_path / "r", "-o", tmp_path / "one", "--leads", "1").exit_code == 0
    both, one = (wfdb.rdann(str(tmp_path / folder / "r"), "xl") for folder in ("both", "one"))
    alone = ecg.analyze(Recording(cut.fs, ("odd one",), cut.signal_uv[:, 1:]))
    assert [int(s) for s, y in zip(one.sample, one.symbol, strict=True) if y not in "+~[]"] == [
        beat.sample for beat in alone.beats
    ]
    assert len(both.sample) > 20


def test_a_refused_record_is_named_and_the_others_are_written(records: list[Path], tmp_path: Path) -> None:
    done = run("annotate", tmp_path / "gone", *records[:2], "-o", tmp_path, "--jobs", "2")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"{tmp_path}/gone: There is no recording")
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "pvc.xl").exists()
    assert (tmp_path / "sinus.xl").exists()


def test_a_channel_that_is_not_there_is_refused_with_those_that_are(records: list[Path], tmp_path: Path) -> None:
    done = run("annotate", records[0], "-o", tmp_path, "--leads", "0,V15")
    assert done.exit_code == 1
    assert "it has 0 I, 1 II" in done.stderr
    assert run("annotate", records[0], "-o", tmp_path, "--leads", "0,,1").exit_code == 2


def test_two_records_of_one_name_are_not_written_over_each_other(records: list[Path], tmp_path: Path) -> None:
    done = run("annotate", records[0], records[0].with_suffix(".hea"), "-o", tmp_path)
    assert done.exit_code == 2
    assert "pvc" in done.stderr


def some_marks(recording: Recording) -> tuple[LeadMarks, ...]:
    waves = (WaveMark("p", 10, 20, 30), WaveMark("N", 60, 70, 80), WaveMark("t", None, 160, 210))
    return tuple(LeadMarks(lead, waves) for lead in recording.leads)


def test_delineate_writes_a_file_a_lead_as_in_ludb(
    records: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_files, "_lead_marks", some_marks)
    assert run("delineate", records[0], "-o", tmp_path / "out").exit_code == 0
    leads = ["i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"pvc.{lead}" for lead in leads}
    got = wfdb.rdann(str(tmp_path / "out/pvc"), "v6")
    assert "".join(got.symbol) == "(p)(N)t)"
    assert got.sample.tolist() == [10, 20, 30, 60, 70, 80, 160, 210]


def test_delineate_never_replaces_the_reference_beside_a_record(
    records: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_files, "_lead_marks", some_marks)
    reference = records[0].with_suffix(".v1")
    reference.write_bytes(b"somebody's")
    done = run("delineate", records[0], "-o", records[0].parent)
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert reference.read_bytes() == b"somebody's"


@pytest.mark.parametrize(
    ("target", "made"), [("x", "x.dat"), ("x.hea", "x.dat"), ("x.csv", "x.csv"), ("x.json", "x.json")]
)
def test_convert_writes_what_the_suffix_names(records: list[Path], tmp_path: Path, target: str, made: str) -> None:
    assert run("convert", records[0], tmp_path / target, "--leads", "II,V1").exit_code == 0
    assert (tmp_path / made).stat().st_size > 1000


def test_convert_refuses_another_suffix_and_its_own_source(records: list[Path], tmp_path: Path) -> None:
    assert run("convert", records[0], tmp_path / "x.mat").exit_code == 2
    assert run("convert", records[0], records[0].with_suffix(".hea")).exit_code == 2
    assert run("convert", records[0], tmp_path / "no/such/folder/x.csv").exit_code == 1


def test_the_order_of_the_files_is_kept_however_many_work(records: list[Path]) -> None:
    many = run("analyze", *records, *records, "--json", "--jobs", "3")
    alone = run("analyze", *records, *records, "--json", "--jobs", "1")
    assert many.exit_code == 0
    assert many.stdout == alone.stdout
    assert len({json.loads(line)["input_sha256"] for line in many.stdout.splitlines()}) == len(records)


def fails(_file: Path) -> str:
    raise ZeroDivisionError("by zero")


def test_a_fault_of_ours_is_one_line_and_the_next_file_is_still_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_pool.run_all(fails, [Path("a"), Path("b")], jobs=1) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["a", "b"]
    assert "ZeroDivisionError by zero at test_cli_files.py" in lines[0]
    assert Fault.mend in lines[0]


def dies(file: Path) -> str:
    if file.name == "b":
        os._exit(1)
    return file.name


def test_a_worker_that_dies_costs_a_line_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_pool.run_all(dies, [Path(name) for name in "abcd"], jobs=2) == 1
    told = capsys.readouterr()
    assert "b: The program failed at this file: a worker process died" in told.err
    assert len(told.err.splitlines()) + len(told.out.splitlines()) == 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def greets(file: Path) -> str:
    return f"hello {file}"


@pytest.mark.parametrize(("files", "barred"), [(["a", "b"], True), (["a"], False)])
def test_a_bar_is_shown_to_who_waits_for_several_files_and_keeps_out_of_the_result(
    monkeypatch: pytest.MonkeyPatch, files: list[str], barred: bool
) -> None:
    screen, result = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", result)
    assert cli_pool.run_all(greets, [Path(file) for file in files], jobs=1) == 0
    assert result.getvalue() == "".join(f"hello {file}\n" for file in files)
    assert ("2/2" in screen.getvalue()) == barred


def test_an_unknown_profile_is_told_once(records: list[Path]) -> None:
    done = run("analyze", *records, "--profile", "nobody")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1


def test_help_and_version_load_nothing_heavy() -> None:
    code = "import sys, ecg, ecg.cli; sys.exit(bool({'numpy', 'multiprocessing', 'msgspec'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_library_s_names_are_all_there_and_a_wrong_one_is_refused() -> None:
    assert all(hasattr(ecg, name) for name in ecg.__all__)
    assert set(ecg.__all__) <= set(dir(ecg))
    with pytest.raises(AttributeError):
        partial(getattr, ecg, "analyse")()
