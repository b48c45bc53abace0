"""The pages of a PDF as pictures, so that no browser has to open a stranger's file. For a worker: it computes.

Drawn by typst, which prints the reports and reads PDFs by itself (in Rust: a hostile file meets no C parser). A page is
as high or wide as SIDE_PX allows; all pages of a file have the size of its first, the others stand whole within it.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Final

import typst

SIDE_PX: Final = 1600
PAGES_MAX: Final = 40
"""Further pages are in the file itself. At 0.1 s a page these take four seconds."""
_PT_PER_INCH: Final = 72
_SIZE: Final = '#context [#metadata({ let s = measure(image("f.pdf")); (s.width.pt(), s.height.pt()) }) <size>]'
_PAGE: Final = (
    "#set page(width: %.3fpt, height: %.3fpt, margin: 0pt, fill: white)\n"
    '#align(center + horizon, image("f.pdf", page: %d, width: 100%%, height: 100%%, fit: "contain"))'
)


def draw_pages(pdf: bytes) -> list[bytes]:
    """PNG of each page, at most PAGES_MAX. Empty where it cannot be read (damaged, or locked with a password)."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "f.pdf").write_bytes(pdf)
        main = Path(folder) / "main.typ"
        try:
            main.write_text(_SIZE)
            width, height = json.loads(typst.query(str(main), "<size>", field="value", one=True, root=folder))
            ppi = SIDE_PX * _PT_PER_INCH / max(width, height)
        except (RuntimeError, ValueError, ZeroDivisionError):  # TypstError is a RuntimeError
            return []
        drawn: list[bytes] = []
        for number in range(1, PAGES_MAX + 1):
            main.write_text(_PAGE % (width, height, number))
            try:
                drawn.append(bytes(typst.compile(str(main), root=folder, format="png", ppi=ppi)))
            except RuntimeError:
                break  # the one after the last
        return drawn
