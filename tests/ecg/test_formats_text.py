"""The CSV profile, and WFDB records in a ZIP: what they give, and what hostile ones meet."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

import ecg
from ecg import formats
from ecg.errors import (
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
    UnitUnknown,
)
from ecg.formats.document import NO_SIGNAL

HEAD = "# fs=500\n# unit=uV\n"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_whatever_program_saved_it(separator: str, charset: str, end: str) -> None:
    rows = [["I", "II", "V1"], ["1", "-2", ""], ["300", "4", "5"]]
    words = "# fs=500\n# 备注：乡镇卫生院\n# unit=uV\n# name=王五\n# sex=女\n# age=70\n# start=2024-05-06T07:08:09\n"
    words += "\n".join(separator.join(row) for row in rows) + "\n"
    got = formats.document(words.replace("\n", end).encode(charset))
    assert got.steps.tolist() == [[1, -2, NO_SIGNAL], [300, 4, 5]]
    assert (got.leads, got.fs, got.uv_per_step) == (("I", "II", "V1"), 500.0, (1.0,) * 3)
    assert (got.person.name, got.person.sex, got.person.age_years) == ("王五", "F", 70)
    assert str(got.start) == "2024-05-06 07:08:09"
    assert np.isnan(got.recording().signal_uv[0, 2])


@pytest.mark.parametrize(
    ("unit", "cells", "uv"),
    [
        ("mV", ["0.005", "-1.2", "0"], [5.0, -1200.0, 0.0]),
        ("mV", ["1e-3", "-2.5E-1", "0"], [1.0, -250.0, 0.0]),
        ("µV", ["4.88", "-9.76", "0"], [4.88, -9.76, 0.0]),
        ("V", ["0.001", ".002", "+0.003"], [1000.0, 2000.0, 3000.0]),
    ],
)
def test_decimals_become_whole_steps_without_loss(unit: str, cells: list[str], uv: list[float]) -> None:
    got = formats.document(("# fs=500\n# unit=" + unit + "\nII\n" + "\n".join(cells)).encode())
    assert (got.steps[:, 0] * got.uv_per_step[0]).tolist() == pytest.approx(uv)


def test_decimal_commas_are_understood_where_they_separate_nothing() -> None:
    got = formats.document(b"# fs=500\n# unit=mV\nI;II\n0,5;-0,25\n")
    assert (got.steps * got.uv_per_step[0]).tolist() == [[500.0, -250.0]]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("# unit=uV\nI,II\n1,2\n", FieldWrong),
        ("# fs=0\n# unit=uV\nI,II\n1,2\n", FieldWrong),
        ("# fs=nan\n# unit=uV\nI,II\n1,2\n", FieldWrong),
        ("I,II\n1,2\n", FieldWrong),
        ("# fs=500\nI,II\n1,2\n", UnitUnknown),
        ("# fs=500\n# unit=mmHg\nI,II\n1,2\n", UnitUnknown),
        (HEAD + "I,PLETH\n1,2\n", LeadUnknown),
        (HEAD + "I,I\n1,2\n", LeadTwice),
        (HEAD + "I,II\n", NoWaveform),
        (HEAD, NoWaveform),
        (HEAD + "I,II\n1,2,3\n", FieldWrong),
        (HEAD + "I,II\n=1+1,2\n", FieldWrong),
        (HEAD + "I,II\n1,@SUM(A1)\n", FieldWrong),
        (HEAD + "I,II\n1,nan\n", FieldWrong),
        (HEAD + "I,II\n1,1_000\n", FieldWrong),
        (HEAD + "I,II\n1,１２\n", FieldWrong),
        (HEAD + "I,II\n1,1e99\n", FieldWrong),
        ("date,rate\n2024,77\n", FormatUnknown),
        ("Dear colleague, the ECG is attached.\n", FormatUnknown),
    ],
)
def test_a_table_that_leaves_room_for_a_guess_is_refused(words: str, refusal: type[EcgError]) -> None:
    with pytest.raises(refusal):
        formats.document(words.encode())


# ---- WFDB in a ZIP ----


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def record(
    lines: str = "r.dat 16 200(10)/mV 16 0 0 0 0 II\nr.dat 16 1(0)/uV 16 0 0 0 0 V1\n", head: str = "r 2 250 4"
) -> dict[str, bytes]:
    samples = np.array([[10, 0], [210, 5], [-32768, 6], [10, 7]], dtype="<i2")
    return {"a/r.hea": f"{head}\n{lines}#Age: 61 Sex: M\n".encode(), "a/r.dat": samples.tobytes()}


def test_a_record_in_a_zip_is_read_as_its_own_whole_numbers() -> None:
    got = formats.document(packed({**record(), "a/r.atr": b"\0\0", "__MACOSX/a/._r.hea": b"x"}))
    assert got.steps.tolist() == [[0, 0], [200, 5], [NO_SIGNAL, 6], [0, 7]]
    assert (got.leads, got.fs, got.uv_per_step, got.person.age_years) == (("II", "V1"), 250.0, (5.0, 1.0), 61)


def test_a_zipped_record_is_the_record(data: Path) -> None:
    header = min((data / "ludb").rglob("*.hea"))
    whole = ecg.read(header)
    names = {
        line.split()[0] for line in header.read_text().splitlines()[1:] if line.split() and not line.startswith("#")
    }
    files = {name: (header.parent / name).read_bytes() for name in names}
    got = formats.document(packed({header.name: header.read_bytes(), **files}))
    assert got.leads == whole.leads
    signal_uv = got.recording().signal_uv[:, : len(whole.leads)]
    assert np.allclose(signal_uv, whole.signal_uv, equal_nan=True, atol=0.01)


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ({"a.txt": b"x", "b.txt": b"y"}, FormatRefused),
        ({**record(), "a/s.hea": b"s 1 250 4\n"}, FormatRefused),
        ({"notes.txt": b"hello"}, FormatUnknown),
        ({"../../r.hea": b"r 1 250 4\n", "r.dat": bytes(8)}, FieldWrong),
        ({"/etc/r.hea": b"r 1 250 4\n", "r.dat": bytes(8)}, FieldWrong),
        ({"c:\\r.hea": b"r 1 250 4\n", "r.dat": bytes(8)}, FieldWrong),
        ({**record("/etc/passwd 16 200/mV 16 0 0 0 0 II\n", "r 1 250 4")}, FieldWrong),
        ({**record("../r.dat 16 200/mV 16 0 0 0 0 II\n", "r 1 250 4")}, FieldWrong),
        ({**record("r.dat 16 0/mV 16 0 0 0 0 II\n", "r 1 250 4")}, GainMissing),
        ({**record(head="r 2 250 400000000")}, FileTooLarge),
        ({**record(head="r 2 250 30000000")}, FileTruncated),
        ({f"{at}.txt": b"x" for at in range(65)}, FieldWrong),
        ({"a/r.hea": b"x", "b/r.hea": b"y"}, FieldWrong),
    ],
)
def test_an_archive_that_is_no_recording_or_leads_out_of_itself_is_refused(
    files: dict[str, bytes], refusal: type[EcgError]
) -> None:
    with pytest.raises(refusal) as refused:
        formats.document(packed(files), "export.zip")
    assert "xinlian-wfdb" not in str(refused.value)


def test_a_bomb_is_refused_before_it_bursts() -> None:
    bomb = packed({"r.hea": bytes(60_000_000), "r.dat": b"x"})
    first = struct.unpack_from("<I", bomb, bomb.index(b"PK\5\6") + 16)[0]
    liar = bytearray(bomb)
    struct.pack_into("<I", liar, bomb.index(b"PK\1\2") + 24, 1000)  # claims to be small when it is not
    tracemalloc.start()
    try:
        for raw in (bomb, bytes(liar)):
            with pytest.raises((FieldWrong, FileBroken)):
                formats.document(raw)
        assert first < len(bomb)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_members_that_share_their_bytes_are_refused() -> None:
    raw = bytearray(packed({"r.hea": b"r 1 250 4\n" * 50, "r.dat": b"y" * 600}))
    central = raw.index(b"PK\1\2", raw.index(b"PK\1\2") + 1)
    struct.pack_into("<I", raw, central + 42, 0)  # the second member points at the first
    with pytest.raises((FieldWrong, FileBroken)):
        formats.document(bytes(raw))


def test_a_zip_inside_a_zip_is_not_opened() -> None:
    with pytest.raises(FormatRefused):
        formats.document(packed({"inner.zip": packed(record())}))


def test_a_member_without_a_name_is_refused() -> None:
    raw = bytearray(packed(record()))
    central = raw.index(b"PK\1\2")
    size = struct.unpack_from("<H", raw, central + 28)[0]
    struct.pack_into("<H", raw, central + 28, 0)
    del raw[central + 46 : central + 46 + size]
    end = raw.index(b"PK\5\6")
    struct.pack_into("<I", raw, end + 12, end - central)
    with pytest.raises((FieldWrong, FileBroken)):
        formats.document(bytes(raw))
