"""How every paper of the hub becomes a PDF: typst, one font, PDF/A-2b. What stands on it is its room's `paper.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import typst

FONT = "Noto Sans CJK SC"
"""Carries Chinese and Latin; the templates name it, and the start asks for it."""


def pdf(files: Mapping[str, bytes], moment: datetime | None) -> bytes:
    """`files` by name, `main.typ` among them. moment: the signature's, so that the same paper has the same bytes.

    Pure: no clock, no disk but the machine's fonts, which are embedded.
    """
    # A PDF's own date counts whole seconds, and typst refuses to cut them.
    whole = moment.replace(microsecond=0) if moment else None
    # The package's own types do not know yet that it takes the files of a document by name.
    compiled = typst.compile(dict(files), format="pdf", pdf_standards=["a-2b"], timestamp=whole)  # type: ignore[call-overload]
    return bytes(compiled)
