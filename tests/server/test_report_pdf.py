"""The report on paper, measured in the PDF itself: true scale, every word that belongs on it, its fonts inside."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pypdf
import pytest
import typst
from msgspec.structs import replace
from pypdf.generic import ContentStream

import ecg
from server.reading import paper, tracing
from server.reading.content import Measured
from server.reading.errors import FontsMissing
from server.reading.model import Statement
from server.reading.paper import GRADES, Sheet
from tests.server.conftest_reading import demo

MM = 72 / 25.4
SHEET = Sheet(
    hub=("心联", "XinLian"),
    centre=("河湾市第一人民医院", "Hewan First People's Hospital"),
    clinic=("斜沟镇卫生院", "Xiegou Township Hospital"),
    patient="阿卜杜拉·买买提",
    identity_pending=False,
    sex=paper.SEXES["M"],
    age_years=67,
    id_no_masked="6532**********1234",
    recorded_at="2026-11-22 14:03:05",
    device="ECG-12 试用",
    symptoms=[paper.SYMPTOMS["chest_pain"], paper.SYMPTOMS["palpitation"]],
    urgency=paper.URGENCIES["emergency"],
    number="rec_01jd3zq4w8x9y0abcdefghjkmn",
    numbers=paper._numbers(Measured(72.4, 104, 160, 92, 388, 412, 45, -30, 38), {"qt_ms": 402.0}),
    statements=[("窦性心律", "Sinus rhythm"), ("急性下壁 ST 段抬高型心肌梗死", "Acute inferior STEMI")],
    grade=GRADES["critical"],
    note="已电话告知",
    reader="沈亦舟",
    signed_at="2026-11-22 14:09:41",
    signed_moment=datetime(2026, 11, 22, 6, 9, 41, 123456, tzinfo=UTC),  # a real clock's, not a round one
    digest="9f" * 32,
    version=1,
    state="final",
    replaces_version=None,
    replaced_by_version=None,
    reason="",
    lowered_reason="",
)
CORRECTED = replace(SHEET, version=2, replaces_version=1, reason="漏诊下壁 ST 段抬高")
DRAFT = replace(SHEET, signed_at=None, signed_moment=None, digest=None, version=0, state="draft")


@cache
def printed(of: str, lang: paper.Lang = "zh") -> pypdf.PdfReader:
    sheets = {"signed": SHEET, "corrected": CORRECTED, "draft": DRAFT}
    return pypdf.PdfReader(io.BytesIO(paper.render(sheets[of], demo("62"), lang)))


def words(of: str, lang: paper.Lang = "zh") -> str:
    return "\n".join(page.extract_text() for page in printed(of, lang).pages)


@dataclass(frozen=True)
class Line:
    """One stroked path on the page: its points in mm from the page's upper left corner, its colour as #rrggbb."""

    points: tuple[tuple[float, float], ...]
    colour: str


def lines(page: pypdf.PageObject) -> Iterator[Line]:
    """A reader of the page's drawing, as little of PDF as a stroke needs: matrices, paths, stroke colours."""
    height_mm = float(page.mediabox.height) / MM
    matrix = np.eye(3)
    stack: list[tuple[Any, str]] = []
    colour = ""
    points: list[tuple[float, float]] = []
    contents = page.get_contents()
    assert contents is not None
    for operands, operator in ContentStream(contents, page.pdf).operations:
        name = operator.decode()
        match name:
            case "q":
                stack.append((matrix, colour))
            case "Q":
                matrix, colour = stack.pop()
            case "cm":
                a, b, c, d, e, f = (float(o) for o in operands)
                matrix = np.array([[a, b, 0], [c, d, 0], [e, f, 1]]) @ matrix
            case "SCN" | "SC" | "RG" | "G":
                values = [float(o) for o in operands if not isinstance(o, str)]
                values = values * 3 if len(values) == 1 else values
                colour = "#" + "".join(f"{round(v * 255):02x}" for v in values)
            case "m" | "l":
                x, y, _ = np.array([float(operands[0]), float(operands[1]), 1.0]) @ matrix
                point = (x / MM, height_mm - y / MM)
                if name == "m" and points:
                    points.append((np.nan, np.nan))
                points.append(point)
            case "S" | "n" | "f" | "B":
                if name == "S" and points:
                    yield Line(tuple(points), colour)
                points = []


def strokes(line: Line) -> Iterator[np.ndarray[Any, np.dtype[np.float64]]]:
    """The unbroken parts of a path, (k, 2) in mm."""
    xy = np.array(line.points)
    for part in np.split(xy, np.flatnonzero(np.isnan(xy[:, 0]))):
        kept = part[~np.isnan(part[:, 0])]
        if len(kept) > 1:
            yield kept


def all_strokes(colour: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    return [s for line in lines(printed("signed").pages[0]) if line.colour == colour for s in strokes(line)]


def test_the_page_is_a4_across() -> None:
    box = printed("signed").pages[0].mediabox
    assert (float(box.width) / MM, float(box.height) / MM) == pytest.approx((297, 210), abs=0.01)


def test_the_paper_is_ruled_every_millimetre_and_every_fifth_stands_out() -> None:
    fine, bold = all_strokes(tracing.GRID_1), all_strokes(tracing.GRID_5)
    upright = sorted(s[0, 0] for s in bold if s[0, 0] == pytest.approx(s[1, 0]))
    across = sorted(s[0, 1] for s in bold if s[0, 1] == pytest.approx(s[1, 1]))
    assert np.diff(upright) == pytest.approx(5.0, abs=0.002)
    assert np.diff(across) == pytest.approx(5.0, abs=0.002)
    assert (upright[-1] - upright[0], across[-1] - across[0]) == pytest.approx((265, 115), abs=0.01)
    every = sorted(s[0, 0] for s in (*fine, *bold) if s[0, 0] == pytest.approx(s[1, 0]))
    assert len(every) == 266
    assert np.diff(every) == pytest.approx(1.0, abs=0.002)


def test_the_calibration_pulse_is_ten_millimetres_high_and_five_wide_on_each_row() -> None:
    pulses = [s for s in all_strokes(tracing.INK) if len(s) == 6 and np.ptp(s[:, 1]) == pytest.approx(10, abs=0.01)]
    assert len(pulses) == 4
    for pulse in pulses:
        top = pulse[pulse[:, 1] < pulse[:, 1].max() - 5]
        assert np.ptp(top[:, 0]) == pytest.approx(5.0, abs=0.01)


def test_a_beat_a_second_stands_every_25_millimetres_and_a_millivolt_is_ten_high() -> None:
    signal = np.zeros((5000, 12), dtype=np.float32)
    signal[250::500] = 1000.0
    page = pypdf.PdfReader(
        io.BytesIO(paper.render(SHEET, ecg.Recording(500.0, ecg.STANDARD_LEADS, signal), "zh"))
    ).pages[0]
    ink = [s for line in lines(page) if line.colour == tracing.INK for s in strokes(line)]
    rhythm = max(ink, key=lambda s: np.ptp(s[:, 0]))
    assert np.ptp(rhythm[:, 0]) == pytest.approx(250, abs=0.06)  # one sample short of ten seconds
    peaks = rhythm[rhythm[:, 1] < rhythm[:, 1].min() + 0.01]
    assert np.diff(peaks[:, 0]) == pytest.approx(25.0, abs=0.02)
    assert np.ptp(rhythm[:, 1]) == pytest.approx(10.0, abs=0.02)


@pytest.mark.parametrize("fs", [250.0, 1000.0, 2000.0])
def test_no_spike_is_lost_whatever_the_sampling_rate(fs: float) -> None:
    signal = np.zeros((int(10 * fs), 12), dtype=np.float32)
    signal[int(0.737 * fs) :: int(fs)] = 900.0  # one sample each: a pacing spike
    drawn = tracing.trace(ecg.Recording(fs, ecg.STANDARD_LEADS, signal))
    page = pypdf.PdfReader(io.BytesIO(paper.render(SHEET, ecg.Recording(fs, ecg.STANDARD_LEADS, signal), "zh"))).pages[
        0
    ]
    rhythm = max(
        (s for line in lines(page) if line.colour == tracing.INK for s in strokes(line)), key=lambda s: np.ptp(s[:, 0])
    )
    assert (rhythm[:, 1] < rhythm[:, 1].max() - 8.9).sum() == 10
    assert len(drawn.ink_svg) < 400_000


def test_a_gap_is_a_gap_and_a_lead_without_signal_says_so() -> None:
    signal = np.zeros((5000, 12), dtype=np.float32)
    signal[:, 8] = np.nan  # V3
    signal[2000:2100, 1] = np.nan  # II
    drawn = tracing.trace(ecg.Recording(500.0, ecg.STANDARD_LEADS, signal))
    assert [label.lead for label in drawn.labels if not label.seen] == ["V3"]
    whole = tracing.trace(ecg.Recording(500.0, ecg.STANDARD_LEADS, np.zeros((5000, 12), dtype=np.float32)))
    # V3's path is gone, the rhythm strip is in two parts.
    assert drawn.ink_svg.count("<path") == whole.ink_svg.count("<path") - 1
    assert drawn.ink_svg.count("M") == whole.ink_svg.count("M")


def test_a_lead_that_was_computed_says_so_beside_its_name() -> None:
    of = replace(SHEET, derived=["aVF"])
    marks: tuple[tuple[paper.Lang, str], ...] = (("zh", "推算"), ("en", "derived"))
    for lang, mark in marks:
        (page,) = pypdf.PdfReader(io.BytesIO(paper.render(of, demo("62"), lang))).pages
        text = page.extract_text()
        assert text.count(mark) == 1
        assert re.search(rf"aVF\s*{mark}", text)


def test_what_leaves_the_sheet_is_not_drawn_along_its_edge() -> None:
    signal = np.zeros((5000, 12), dtype=np.float32)
    signal[300:400, 0] = 9000.0
    drawn = tracing.trace(ecg.Recording(500.0, ecg.STANDARD_LEADS, signal))
    whole = tracing.trace(ecg.Recording(500.0, ecg.STANDARD_LEADS, np.zeros((5000, 12), dtype=np.float32)))
    assert drawn.ink_svg.count("M") == whole.ink_svg.count("M") + 1


def test_fewer_leads_and_a_short_recording_are_printed_as_they_are() -> None:
    short = ecg.Recording(250.0, ("V5", "V1"), np.ones((700, 2), dtype=np.float32))
    text = pypdf.PdfReader(io.BytesIO(paper.render(SHEET, short, "zh"))).pages[0].extract_text()
    assert "0.05–125 Hz" in text
    assert text.count("无信号") == 10  # those it has not; V1 and V5 are drawn side by side from the start
    assert "各列同步" in text


def test_the_reader_is_told_when_only_a_part_of_the_recording_is_printed() -> None:
    long = ecg.Recording(500.0, ecg.STANDARD_LEADS, np.zeros((30_000, 12), dtype=np.float32))
    text = pypdf.PdfReader(io.BytesIO(paper.render(SHEET, long, "zh"))).pages[0].extract_text()
    assert "全长 60 秒" in text


def test_every_fact_stands_on_the_chinese_page() -> None:
    text = words("signed")
    for fact in (
        "心电图报告", "河湾市第一人民医院", "斜沟镇卫生院", "阿卜杜拉·买买提", "男", "67 岁", "6532**********1234",
        "2026-11-22 14:03:05", "ECG-12 试用", "胸痛、心悸", "急诊", "25 mm/s", "10 mm/mV", "0.05–150 Hz",
        "72 次/分", "160 ms", "402 ms", "人工修正（自动 388）", "45 / −30 / 38", "1. 窦性心律",
        "2. 急性下壁 ST 段抬高型心肌梗死", "▲ 危急", "已电话告知", "沈亦舟", "2026-11-22 14:09:41", "9f" * 32,
        "第 1 版", "第 1 页，共 1 页", "rec_01jd3zq4w8x9y0abcdefghjkmn",
    ):  # fmt: skip
        assert fact in text, fact
    for lead in ecg.STANDARD_LEADS:
        assert lead in text.split()


def test_the_english_page_says_the_same() -> None:
    text = words("signed", "en")
    for fact in (
        "ECG report", "Hewan First People's Hospital", "chest pain, palpitation", "67 years", "▲ Critical",
        "1. Sinus rhythm", "2. Acute inferior STEMI", "corrected (auto 388)", "沈亦舟", "Page 1 of 1",
    ):  # fmt: skip
        assert fact in text, fact
    assert "诊断" not in text


def test_a_corrected_axis_stands_before_the_three_of_the_machine() -> None:
    numbers = paper._numbers(Measured(72.4, 104, 160, 92, 388, 412, 45, -30, 38), {"qrs_axis_deg": -42.0})
    assert [(n.value, n.machine) for n in numbers[-1:]] == [("45 / −42 / 38", "45 / −30 / 38")]


def test_what_is_not_signed_says_so_across_the_page_and_has_no_digest() -> None:
    assert "未 签 发" in words("draft")
    assert "未签发，不作为报告" in words("draft")
    assert "SHA-256" not in words("draft")
    assert "未" not in words("signed").replace("未加数字滤波", "")


def test_a_correction_carries_its_mark_and_reason_and_the_old_version_points_to_it() -> None:
    assert "心电图报告（更正）" in words("corrected")
    assert "本版替代第 1 版。原因：漏诊下壁 ST 段抬高" in words("corrected")
    old = paper.render(replace(SHEET, state="amended", replaced_by_version=2), demo("62"), "zh")
    assert "已更正，见第 2 版" in pypdf.PdfReader(io.BytesIO(old)).pages[0].extract_text()


def test_a_long_report_goes_on_and_every_page_says_whose_it_is() -> None:
    many = replace(SHEET, statements=[(f"第 {i} 条，" + "文字较长" * 30, "") for i in range(25)])
    pages = pypdf.PdfReader(io.BytesIO(paper.render(many, demo("62"), "zh"))).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        assert "阿卜杜拉·买买提" in text
        assert f"第 {number} 页，共 {len(pages)} 页" in text
    assert "沈亦舟" in pages[-1].extract_text()


def test_words_of_the_reader_are_never_taken_for_markup() -> None:
    wild = '#panic("x") *a* $b$ @c <d> _e_ \\ // 100% "q"'
    of = replace(SHEET, statements=[(wild, wild)], patient=wild, note=wild)
    assert pypdf.PdfReader(io.BytesIO(paper.render(of, demo("62"), "zh"))).pages[0].extract_text().count("#panic") == 3


def test_the_fonts_travel_with_the_file_and_only_their_used_glyphs() -> None:
    fonts = printed("signed").pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    assert len(fonts) >= 2
    for font in fonts.values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert "/FontFile3" in descriptor or "/FontFile2" in descriptor
        assert "+NotoSansCJK" in font.get_object()["/BaseFont"]  # the prefix marks a subset


def test_a_report_is_small_quick_and_the_same_each_time() -> None:
    paper.render(SHEET, demo("24"), "zh")  # the machine's fonts are read once a process
    started = time.process_time()
    first = paper.render(SHEET, demo("24"), "zh")
    assert time.process_time() - started < 1.0
    assert len(first) < 400_000
    assert paper.render(SHEET, demo("24"), "zh") == first


def test_a_code_is_named_in_english_beside_the_signed_words() -> None:
    assert paper._statement(Statement("AFIB", "心房颤动")) == ("心房颤动", "Atrial fibrillation")
    assert paper._statement(Statement("AFIB", "房颤，心室率快"))[1] == "Atrial fibrillation (房颤，心室率快)"
    assert paper._statement(Statement(None, "请复查")) == ("请复查", "请复查")


def test_what_was_not_measured_is_a_dash_never_a_number() -> None:
    lines_of = paper._numbers(Measured(), {"pr_ms": 180.0})
    assert [n.value for n in lines_of] == ["–", "180", "–", "–", "–", "– / – / –"]
    assert lines_of[1].machine == "–"


def test_a_hub_without_the_font_is_told_at_the_start_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    paper.check_fonts()

    class Bare:
        def __init__(self, **_: object) -> None: ...
        def families(self) -> list[str]:
            return ["DejaVu Sans"]

    monkeypatch.setattr(typst, "Fonts", Bare)
    with pytest.raises(FontsMissing, match="fonts-noto-cjk"):
        paper.check_fonts()
