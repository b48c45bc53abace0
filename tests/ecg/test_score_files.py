"""The scorer's way to the disk: annotation files, tables of labels, `xinlian-ecg score`, and what each refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wfdb
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg import score
from ecg.cli import main
from ecg.errors import AnnotationMissing, EcgError, FileBroken, FileMissing, LabelColumnMissing, NothingToScore
from ecg.formats.annotations import read_annotations, read_timing
from ecg.formats.labels import read_labels


def word(code: int, value: int) -> bytes:
    return (code << 10 | value).to_bytes(2, "little")


def test_an_annotation_file_is_read_as_the_format_says(tmp_path: Path) -> None:
    # N after 18 samples; a step of 70,000 (the high word first) and 2 more to a `~` of subtype -1 on channel 1; a `+`
    # with a text of five letters, padded to six; a step back to a V; the end mark, and what lies behind it.
    (tmp_path / "r.atr").write_bytes(
        word(1, 18)
        + word(59, 0) + (70_000 >> 16).to_bytes(2, "little") + (70_000 & 0xFFFF).to_bytes(2, "little")
        + word(14, 2) + word(61, 0xFF) + word(62, 1)
        + word(28, 10) + word(63, 5) + b"(AFIB\0"
        + word(59, 0) + b"\xff\xff" + (0x10000 - 60_000).to_bytes(2, "little") + word(5, 0)
        + b"\0\0" + word(1, 5)
    )  # fmt: skip
    got = read_annotations(tmp_path / "r", "atr")
    assert got.symbol == ("N", "V", "~", "+")  # in the order of time
    assert got.sample.tolist() == [18, 10_030, 70_020, 70_030]
    assert got.subtype.tolist() == [0, 0, -1, 0]
    assert got.aux == ("", "", "", "(AFIB")
    assert got.fs is None


@pytest.mark.parametrize(
    "record", ["mitdb/207.atr", "mitdb/102.atr", "cpsc2021/data_8_2.atr", "cudb/cu01.atr", "ludb/101.v1", "ludb/4.ii"]
)
def test_real_annotation_files_are_read_as_the_wfdb_package_reads_them(data: Path, record: str) -> None:
    name, extension = record.split(".")
    ours, other = read_annotations(data / name, extension), wfdb.rdann(str(data / name), extension)
    assert ours.fs == other.fs
    assert ours.sample.tolist() == other.sample.tolist()
    assert list(ours.symbol) == other.symbol
    assert ours.subtype.tolist() == other.subtype.tolist()
    assert list(ours.aux) == [(text or "").strip("\0 ") for text in other.aux_note]


def written(
    folder: Path, record: str, sample: list[int], symbol: list[str], *, fs: float | None, samples: int = 0
) -> None:
    """An annotation file `<record>.xl` by the wfdb package, and a header when `samples` is given."""
    wfdb.wrann(record, "xl", np.array(sample), symbol, fs=fs, write_dir=str(folder))
    if samples:
        (folder / f"{record}.hea").write_text(f"{record} 1 {fs:g}/360(0) {samples}\n")


def test_a_test_file_at_its_own_rate_is_compared_in_time(tmp_path: Path) -> None:
    truth, said = tmp_path / "truth", tmp_path / "said"
    for folder, fs in ((truth, 360), (said, 250)):
        folder.mkdir()
        written(folder, "r", [fs * second for second in (301, 302, 303)], ["N", "V", "N"], fs=fs)
    (truth / "r.hea").write_text("r 1 360 200000\n")
    report = score.score_beats(truth, said, ["r"], extensions=("xl", "xl"))
    assert (report.gross.qrs.tp, report.gross.veb.tp, report.gross.jitter_ms()) == (
        3,
        1,
        {"mean": 0.0, "sd": 0.0, "p95_abs": 0.0},
    )


def test_a_header_gives_rate_and_length_without_its_signals(tmp_path: Path) -> None:
    written(tmp_path, "r", [1], ["N"], fs=360, samples=720)
    timing = read_timing(tmp_path / "r")
    assert (timing.fs, timing.samples, timing.seconds) == (360.0, 720, 2.0)
    with pytest.raises(FileMissing):
        read_timing(tmp_path / "gone")
    for line in ("r 1\n", "r 1 x 10\n", "r 1 360\n", "r 1 0 10\n", "# only a comment\n", ""):
        (tmp_path / "r.hea").write_text(line)
        with pytest.raises(FileBroken):
            read_timing(tmp_path / "r")


@given(content=st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_stands_in_an_annotation_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.atr").write_bytes(content)
    try:
        got = read_annotations(tmp_path / "r", "atr")
    except FileBroken:
        return
    assert len(got.sample) == len(got.symbol) == len(got.subtype) == len(got.aux)


def test_a_file_that_was_cut_is_refused_and_not_scored_by_half(tmp_path: Path, data: Path) -> None:
    whole = (data / "mitdb/101.atr").read_bytes()
    (tmp_path / "101.atr").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileBroken):
        score.score_beats(data / "mitdb", tmp_path, ["101"], extensions=("atr", "atr"))


def test_a_folder_without_the_records_is_refused_and_a_single_missing_file_is_a_miss(
    tmp_path: Path, data: Path
) -> None:
    with pytest.raises(AnnotationMissing):
        score.records(tmp_path / "nowhere")
    with pytest.raises(NothingToScore):
        score.score_beats(data / "mitdb", tmp_path, ["101", "102"])
    with pytest.raises(NothingToScore):
        score.score_delineation(data / "ludb", tmp_path, ["101"])
    (tmp_path / "101.xl").write_bytes((data / "mitdb/101.atr").read_bytes())
    report = score.score_beats(data / "mitdb", tmp_path, ["101", "102"])
    assert report.absent == ("102",)
    assert (report.records["101"].qrs.se, report.records["102"].qrs.se) == (100.0, 0.0)


def test_records_are_named_without_their_extension_short_names_first(tmp_path: Path) -> None:
    for name in ("10.atr", "9.atr", "100.atr", "10.hea", "8.xl"):
        (tmp_path / name).touch()
    assert score.records(tmp_path) == ("9", "10", "100")
    assert score.records(tmp_path, without=("10",)) == ("9", "100")


def test_a_table_of_labels_needs_its_columns(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("record,label\nA1, N \nA2,A\n", encoding="utf-8-sig")
    assert read_labels(table, "label") == {"A1": "N", "A2": "A"}
    with pytest.raises(LabelColumnMissing):
        read_labels(table, "codes")
    with pytest.raises(AnnotationMissing):
        read_labels(tmp_path / "gone.csv", "label")
    table.write_bytes(b"record,label\nA1,\xff\xfe\n")
    with pytest.raises(EcgError):
        read_labels(table, "label")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments)])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("beats", {"QRS Se", "VEB Se", "gross", "average", "207", "jitter"}),
        ("runs", {"VEB 207", "SVEB", "couplet Se", ">=6 Se"}),
        ("episodes", {"time Se", "203", "gross"}),
    ],
)
def test_a_reference_against_itself_is_perfect(data: Path, command: str, says: set[str]) -> None:
    folders = (data / "mitdb", data / "mitdb", "--ext", "atr", "--records", "203,207")
    shown = run(command, *folders, "--per-record")
    assert shown.exit_code == 0, shown.output
    assert all(word in shown.stdout for word in says)
    assert "100.0" in shown.stdout
    gross = json.loads(run(command, *folders, "--json").stdout)["gross"]
    if command == "beats":
        assert (gross["qrs"]["f1"], gross["veb"]["f1"], gross["qrs"]["n"]) == (100.0, 100.0, 4073)
    elif command == "runs":
        assert gross["veb"]["couplets"]["se"] == gross["veb"]["long_runs"]["ppv"] == 100.0
    else:
        assert (gross["duration_se"], gross["episode_ppv"], gross["onset_error_s"]) == (100.0, 100.0, 0.0)


def test_wave_marks_against_themselves_are_perfect(data: Path) -> None:
    folders = (data / "ludb", data / "ludb", "--records", "101,4", "--leads", "ii,v2,v5")
    shown = run("delineation", *folders, "--per-lead", "--per-record", "--intervals")
    assert shown.exit_code == 0, shown.output
    assert "qrs_on" in shown.stdout
    result = json.loads(run("delineation", *folders, "--json").stdout)
    assert (result["gross"]["r"]["f1"], result["gross"]["t_off"]["sd_ms"]) == (100.0, 0.0)
    assert result["intervals"]["qt"]["abs_mean_ms"] == 0.0


def test_each_table_command_counts_what_stands_in_two_tables(tmp_path: Path) -> None:
    def table(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    labels, answers = (
        table("l.csv", "record,label\n1,N\n2,A\n3,O\n4,~\n"),
        table("a.csv", "record,label\n1,N\n2,O\n3,O\n"),
    )
    assert json.loads(run("strips", labels, answers, "--json").stdout)["confusion"][1] == [0, 0, 1, 0, 0]
    assert "F1 over N, A, O: 0.5556" in run("strips", labels, answers).stdout  # (1 + 0 + 2/3) / 3
    labels = table("l.csv", "record,alarm,true\na,VT,1\nb,VT,0\nc,Asystole,1\n")
    answers = table("a.csv", "record,true\na,1\nb,0\nc,0\n")
    assert json.loads(run("alarms", labels, answers, "--json").stdout)["VT"]["score"] == 100.0
    assert "28.57" in run("alarms", labels, answers).stdout  # 2 of 2 + 5
    labels, answers = (
        table("l.csv", "record,quality\n1,acceptable\n2,unacceptable\n"),
        table("a.csv", "record,quality\n2,unacceptable\n"),
    )
    assert json.loads(run("quality", labels, answers, "--json").stdout)["accuracy"] == 100.0
    assert "100.00" in run("quality", labels, answers).stdout
    labels, answers = table("l.csv", "record,codes\n1,AFIB;RBBB\n2,\n"), table("a.csv", "record,codes\n1,AFIB\n2,LVH\n")
    assert json.loads(run("findings", labels, answers, "--json").stdout)["unasked"] == ["LVH"]
    assert "2.5-100.0" in run("findings", labels, answers).stdout  # one of one: from 0.025


def test_a_refusal_is_the_sentence_of_the_error_and_ends_with_one(data: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        (("beats", data / "mitdb", tmp_path), "have no record in common"),
        (("beats", tmp_path / "nowhere", tmp_path), "There is no file"),
        (
            ("beats", data / "mitdb", data / "mitdb", "--ext", "atr", "--records", "102", "--no-paced"),
            "no record in common",
        ),
        (("delineation", data / "ludb", tmp_path, "--records", "101"), "no record in common"),
        (("strips", tmp_path / "a.csv", tmp_path / "b.csv"), "There is no file"),
    ):
        refused = run(*arguments)
        assert (refused.exit_code, refused.stdout) == (1, ""), arguments
        assert sentence in refused.stderr
    assert run("beats", data / "mitdb").exit_code == 2


def test_the_command_line_imports_the_scorer_when_asked_and_the_scorer_nothing_slow() -> None:
    code = (
        "import sys, ecg.cli; asked = 'ecg.score' in sys.modules; import ecg.score;"
        "sys.exit(asked or any(slow in sys.modules for slow in ('scipy', 'wfdb', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
