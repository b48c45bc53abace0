"""A drawn page: its grid measures true, the trace stands where its samples say, and what is missing is not drawn."""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pypdf
import pytest
from click.testing import CliRunner

import ecg
from ecg.cli import main
from ecg.errors import FontMissing, PackageMissing, PaperTooLong, StretchEmpty
from ecg.formats.export import write_wfdb
from ecg.paper.plot import A4_MM, CJK_FONTS, Drawing, Layout, Page, draw, rendered
from ecg.paper.words import cut
from ecg.record import Recording
from ecg.synth import EXAMPLES

SVG = "{http://www.w3.org/2000/svg}"
PULSE_X = 15.0


@pytest.fixture(scope="module")
def pvc() -> Recording:
    return EXAMPLES["pvc"](np.random.default_rng(5)).recording


@pytest.fixture(scope="module")
def analysis(pvc: Recording) -> ecg.Analysis:
    return ecg.analyze(pvc)


def picture(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.svg)


def of_class(root: ElementTree.Element, name: str) -> list[str]:
    return [path.attrib["d"] for path in root.iter(f"{SVG}path") if path.get("class") == name]


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def points_mm(path: str) -> list[list[tuple[float, float]]]:
    """The runs of a trace's path, absolute, in millimetres of the sheet."""
    runs = []
    for run in path.split("M")[1:]:
        start, _, steps = run.partition("l")
        numbers = np.array([int(number) for number in f"{start} {steps}".split()]).reshape(-1, 2)
        runs.append([(float(x) / 100, float(y) / 100) for x, y in np.cumsum(numbers, axis=0)])
    return runs


def test_a_millimetre_of_the_page_is_a_millimetre_and_the_grid_has_a_line_on_each(
    pvc: Recording, analysis: ecg.Analysis
) -> None:
    drawing = draw(pvc, analysis, Page(), title="t")
    root = picture(drawing)
    assert root.attrib["width"] == f"{drawing.width_mm:g}mm"
    assert root.attrib["viewBox"] == f"0 0 {drawing.width_mm:g} {drawing.height_mm:g}"
    assert (drawing.width_mm, drawing.height_mm) == A4_MM
    sheet = next(group for group in root.iter(f"{SVG}g") if group.get("class") == "sheet")
    width, height = (float(mm) for mm in sheet.attrib["data-size"].split())
    assert "scale" not in sheet.attrib["transform"]
    assert width == PULSE_X + 250
    fine, bold = of_class(root, "grid-1")[0], of_class(root, "grid-5")[0]
    down_5 = [int(x) for x in re.findall(r"M(\d+) 0V", bold)]
    down_1 = [int(x) for x in re.findall(r"M(\d+) 0V", fine)]
    across_5 = [int(y) for y in re.findall(r"M0 (\d+)H", bold)]
    assert down_5 == list(range(0, int(width) + 1, 5))
    assert across_5 == list(range(0, int(height) + 1, 5))
    assert sorted(down_1 + down_5) == list(range(int(width) + 1))


@pytest.mark.parametrize(("speed", "gain"), [(25.0, 10.0), (50.0, 20.0), (12.5, 5.0)])
def test_the_pulse_is_one_millivolt_for_200_ms(
    pvc: Recording, analysis: ecg.Analysis, speed: float, gain: float
) -> None:
    root = picture(draw(pvc, analysis, Page(layout="rhythm", speed_mm_s=speed, gain_mm_mv=gain), title="t"))
    up, wide, down = re.findall(r"v(-?\d+)h(\d+)v(\d+)", of_class(root, "pulse")[0])[0]
    assert (int(up), int(wide), int(down)) == (-100 * gain, 20 * speed, 100 * gain)


@pytest.mark.parametrize("fs", [250.0, 500.0, 2000.0])
def test_every_sample_stands_at_its_time_and_its_voltage(fs: float) -> None:
    saw = (np.arange(round(4 * fs)) % round(fs / 2)).astype(np.float32) * np.float32(1000 / (fs / 2))  # 0 to 1 mV
    recording = Recording(fs, ("II",), saw[:, None])
    root = picture(draw(recording, ecg.analyze(recording), Page(layout="rhythm"), title="t"))
    (run,) = points_mm(of_class(root, "trace")[0])
    x, y = np.array(run).T
    samples = np.rint((x - PULSE_X) / 25 * fs).astype(int)
    assert np.abs((x - PULSE_X) - samples / fs * 25).max() < 0.011
    level_uv = (y[0] - y) / 10 * 1000
    assert np.abs(level_uv - (saw[samples] - saw[samples[0]])).max() < 1.1
    assert (samples[0], samples[-1]) == (0, len(saw) - 1)
    assert set(np.flatnonzero(saw == saw.max())) <= set(samples.tolist())  # no peak is lost to thinning


def test_a_gap_is_a_gap_and_a_lead_without_signal_says_so(pvc: Recording, analysis: ecg.Analysis) -> None:
    torn = pvc.signal_uv.copy()
    torn[1000:1500, pvc.leads.index("II")] = np.nan
    torn[:, pvc.leads.index("V1")] = np.nan
    root = picture(draw(Recording(pvc.fs, pvc.leads, torn), analysis, Page(layout="12x1"), title="t"))
    shown = {
        path.attrib["data-lead"]: path.attrib["d"] for path in root.iter(f"{SVG}path") if "data-lead" in path.attrib
    }
    before, after = points_mm(shown["II"])
    assert before[-1][0] == pytest.approx(PULSE_X + 999 / 500 * 25, abs=0.01)
    assert after[0][0] == pytest.approx(PULSE_X + 1500 / 500 * 25, abs=0.01)
    assert "V1" not in shown
    assert "V1 no signal" in texts(root)


@pytest.mark.parametrize(
    ("layout", "traces", "rows"), [("12x1", 12, 12), ("6x2", 12, 6), ("3x4+1", 13, 4), ("rhythm", 1, 1)]
)
def test_each_layout_shows_its_leads_beats_and_rhythm(
    pvc: Recording, analysis: ecg.Analysis, layout: Layout, traces: int, rows: int
) -> None:
    root = picture(draw(pvc, analysis, Page(layout=layout), title="t"))
    assert len(of_class(root, "trace")) == traces
    assert len(of_class(root, "pulse")) == rows
    assert texts(root).count("V") == sum(beat.symbol == "V" for beat in analysis.beats)
    assert texts(root).count("N") == sum(beat.symbol == "N" for beat in analysis.beats)
    assert "Sinus rhythm" in texts(root)


def test_a_stretch_shows_its_own_findings_and_counts_the_others(pvc: Recording, analysis: ecg.Analysis) -> None:
    root = picture(draw(pvc, analysis, Page((0.0, 1.0), lang="zh"), title="t"))
    outside = sum(finding.first >= pvc.fs for finding in analysis.findings)
    assert any(f"另有 {outside} 项" in text for text in texts(root)) == (outside > 0)
    assert any("第 0–1 秒" in text for text in texts(root))


def test_what_cannot_be_drawn_is_refused(pvc: Recording, analysis: ecg.Analysis) -> None:
    with pytest.raises(StretchEmpty):
        draw(pvc, analysis, Page((10.0, None)), title="t")
    day = Recording(100.0, ("II",), np.zeros((100 * 3600, 1), dtype=np.float32))
    for layout in ("12x1", "rhythm"):
        with pytest.raises(PaperTooLong):
            draw(day, analysis, Page((0.0, 3600.0), layout), title="t")


def test_marks_of_a_name_do_not_break_the_page(pvc: Recording, analysis: ecg.Analysis) -> None:
    odd = Recording(pvc.fs, ('<&"\x01', *pvc.leads[1:]), pvc.signal_uv)
    root = picture(draw(odd, analysis, Page(layout="12x1"), title="<b>&"))
    assert {'<&"', "<b>&"} <= set(texts(root))


@pytest.mark.parametrize("layout", ["12x1", "3x4+1", "rhythm"])
def test_a_tall_r_is_not_cut_off_at_the_edge_of_the_paper(pvc: Recording, layout: Layout) -> None:
    tall = pvc.signal_uv.copy()
    tall[700:720] = 2800.0
    recording = Recording(pvc.fs, pvc.leads, tall)
    root = picture(draw(recording, ecg.analyze(recording), Page(layout=layout), title="t"))
    assert {len(points_mm(path)) for path in of_class(root, "trace")} == {1}


def test_the_command_writes_each_kind_of_picture(pvc: Recording, tmp_path: Path) -> None:
    write_wfdb(pvc, tmp_path / "r")
    for kind in ("svg", "png", "pdf"):
        words = ["plot", str(tmp_path / "r"), "-o", str(tmp_path / f"r.{kind}"), "--lang", "zh", "--dpi", "100"]
        done = CliRunner().invoke(main, words)
        assert (done.exit_code, done.output) == (0, "")
    assert ElementTree.parse(tmp_path / "r.svg").getroot().tag == f"{SVG}svg"
    png = (tmp_path / "r.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n")
    assert int.from_bytes(png[16:20], "big") == pytest.approx(A4_MM[0] / 25.4 * 100, abs=1)
    page = pypdf.PdfReader(BytesIO((tmp_path / "r.pdf").read_bytes())).pages[0]
    assert float(page.mediabox.width) * 25.4 / 72 == pytest.approx(A4_MM[0], abs=0.01)
    assert "窦性心律" in page.extract_text()


def test_the_same_drawing_gives_the_same_bytes(pvc: Recording, analysis: ecg.Analysis) -> None:
    drawing = draw(pvc, analysis, Page(layout="rhythm"), title="t")
    once = rendered(drawing, "pdf", "en", 100)
    assert b"CreationDate" not in once
    assert rendered(drawing, "pdf", "en", 100) == once


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "x.gif"],
        ["-o", "x.svg", "--seconds", "5"],
        ["-o", "x.svg", "--seconds", "5:2"],
        ["-o", "x.svg", "--seconds", "a:b"],
    ],
)
def test_wrong_use_ends_with_two(words: list[str]) -> None:
    assert CliRunner().invoke(main, ["plot", "r", *words]).exit_code == 2


def test_without_typst_or_a_chinese_font_the_cure_is_told(
    pvc: Recording, analysis: ecg.Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = draw(pvc, analysis, Page(lang="zh"), title="t")
    monkeypatch.setattr("ecg.paper.plot.CJK_FONTS", ("No Such Font",))
    with pytest.raises(FontMissing, match="fonts-noto-cjk"):
        rendered(drawing, "png", "zh", 50)
    assert rendered(drawing, "png", "en", 50).startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(PackageMissing, match="pip"):
        rendered(drawing, "pdf", "en", 50)
    assert rendered(drawing, "svg", "zh", 50).startswith(b"<svg")


def test_the_fonts_of_the_report_are_among_those_of_the_page() -> None:
    assert "Noto Sans CJK SC" in CJK_FONTS


def test_a_text_that_is_too_wide_is_cut_with_a_mark() -> None:
    assert cut("心房颤动", 4.0) == "心房颤动"
    assert cut("心房颤动心房颤动", 4.0) == "心房颤…"
    assert cut("Atrial fibrillation", 6.0).endswith("…")
    assert cut("Atrial fibrillation", 1.0) == ""
