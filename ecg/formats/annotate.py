"""WFDB annotation files, written: the MIT format, 16-bit words (WFDB Applications Guide, annot(5)).

Written here rather than by `wfdb.wrann`, which refuses extensions with digits (`v1`), takes half a second to import and
several to write an hour of beats. Only bytes are made here: which mark stands where is `ecg.annotation`'s business.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecg.annotation import Mark

# The codes of ecgcodes.h that our files use.
CODES = {"N": 1, "V": 5, "F": 6, "A": 8, "/": 12, "Q": 13, "~": 14, "p": 24, "t": 27, "+": 28, "[": 32, "]": 33}
CODES |= {"(": 39, ")": 40}
NOTE, SKIP, SUB, AUX = 22, 59, 61, 63
DELTA_MAX = 1023  # what ten bits of a word hold; longer steps take a SKIP and a long
AUX_MAX = 255


def write_annotation(path: Path, marks: Sequence[Mark], fs: float) -> None:
    """Write `marks` (ascending samples) as the annotation file at `path`, whose suffix names the annotator.

    fs      stated in the file ("time resolution"), so that it can be read without its header.
    Raises  OSError as the disk gives it.
    """
    words = array("H")
    words.append(NOTE << 10)
    _text(words, f"## time resolution: {fs:.10g}")
    words.extend((SKIP << 10, 0xFFFF, 0xFFFF, 1))  # one back, then no mark one on: so the WFDB library ends this note
    now = 0
    for mark in marks:
        step, now = mark.sample - now, mark.sample
        assert step >= 0, "marks ascend"
        if step > DELTA_MAX:
            words.extend((SKIP << 10, step >> 16, step & 0xFFFF))
            step = 0
        words.append(CODES[mark.symbol] << 10 | step)
        if mark.subtype:
            words.append(SUB << 10 | mark.subtype)
        if mark.aux:
            _text(words, mark.aux)
    words.append(0)
    path.write_bytes(np.array(words, dtype="<u2").tobytes())


def _text(words: array[int], text: str) -> None:
    letters = text.encode("ascii")[:AUX_MAX]
    words.append(AUX << 10 | len(letters))
    padded = letters + b"\0" * (len(letters) % 2)
    words.extend(padded[at] | padded[at + 1] << 8 for at in range(0, len(padded), 2))
