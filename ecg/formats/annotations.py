"""WFDB annotation files, read: what a person or a program marked in a record, and at which samples.

Only reading lives here; what a mark means (a beat's class, a rhythm, an edge of a wave) is for the caller to say.
Signals are `wfdb.py`'s business: annotations are scored without them, so a header is enough here. The MIT format is
decoded here and not by the `wfdb` package, which takes six times as long and half a second to import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg.errors import AnnotationMissing, FileBroken, FileMissing
from ecg.record import I64

# Symbols by code, from 0; a space stands where the format defines none. Source: WFDB Programmer's Guide, annotation
# codes.
_SYMBOLS = ' NLRaVFJASEj/Q~ | sT*D"=pB^t+u?![]en@xf()r'
# Codes above the marks: a step of more than 10 bits; number, subtype and channel of the mark before; text of the mark
# before.
_SKIP, _NUMBER, _SUBTYPE, _CHANNEL, _TEXT = 59, 60, 61, 62, 63
_RATE = re.compile(r"^## time resolution: ([0-9.]+)")


@dataclass(frozen=True)
class Annotations:
    """One annotation file.

    fs       samples a second as the file itself, or a header beside it, states; None where neither does.
    sample   (k,) int64, ascending.
    symbol   k WFDB symbols: `N V A + ~ [ ] ( p )` ...; a space for a code that the format leaves to its user.
    subtype  (k,) int64, -128 to 127; of `~` (change of signal quality) one bit a signal.
    aux      k texts without their final NUL: `(AFIB` at a `+`; empty where there is none.
    """

    fs: float | None
    sample: I64
    symbol: tuple[str, ...]
    subtype: I64
    aux: tuple[str, ...]


@dataclass(frozen=True)
class Timing:
    """What a header says of time: samples a second, and how many samples each signal has."""

    fs: float
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / self.fs


def read_annotations(record: Path, extension: str) -> Annotations:
    """The annotation file `<record>.<extension>`.

    Raises  AnnotationMissing: there is no such file. FileBroken: it is not in the MIT annotation format.
    """
    file = record.with_name(f"{record.name}.{extension}")
    try:
        content = file.read_bytes()
    except OSError:
        raise AnnotationMissing(path=str(file)) from None
    try:
        marks = _marks(content)
    except (IndexError, ValueError):  # ValueError: an empty file
        raise FileBroken(path=str(file), reason="it stops before its end mark, or is no MIT annotation file") from None
    stated = next((rate[1] for mark in marks if (rate := _RATE.match(mark.aux))), None)
    marks = [mark for mark in marks if not mark.aux.startswith("##")]  # these describe the file and mark nothing
    marks.sort(key=lambda mark: mark.sample)  # the format allows steps back; a comparison does not
    return Annotations(
        fs=float(stated) if stated else _rate_beside(record),
        sample=np.array([mark.sample for mark in marks], dtype=np.int64),
        symbol=tuple(mark.symbol for mark in marks),
        subtype=np.array([mark.subtype for mark in marks], dtype=np.int64),
        aux=tuple(mark.aux for mark in marks),
    )


@dataclass
class _Mark:
    sample: int
    symbol: str
    subtype: int = 0
    aux: str = ""


def _marks(content: bytes) -> list[_Mark]:
    """The marks in the order of the file. IndexError where it does not hold what it announces.

    Source  WFDB Programmer's Guide, "MIT format annotation files": little-endian words, 6 bits code and 10 bits value;
            0 ends the file.
    """
    words = np.frombuffer(content, dtype="<u2", count=len(content) // 2).tolist()
    marks: list[_Mark] = []
    sample = at = 0
    while word := words[at]:
        code, value = word >> 10, word & 0x3FF
        at += 1
        if code == _SKIP:
            step = words[at] << 16 | words[at + 1]  # the high word first, as on a PDP-11
            sample += step - (step >> 31 << 32)
            at += 2
        elif code == _SUBTYPE:
            marks[-1].subtype = (value & 0xFF) - (value & 0x80) * 2
        elif code == _TEXT:
            marks[-1].aux = content[2 * at : 2 * at + value].decode("utf-8", errors="replace").strip("\x00 ")
            at += (value + 1) // 2
        elif code not in (_NUMBER, _CHANNEL):
            sample += value
            marks.append(_Mark(sample, _SYMBOLS[code] if code < len(_SYMBOLS) else " "))
    return marks


def _rate_beside(record: Path) -> float | None:
    try:
        return read_timing(record).fs
    except FileMissing:
        return None


def read_timing(record: Path) -> Timing:
    """Rate and length from `<record>.hea`; its signal files need not be there.

    Raises  FileMissing: there is no header. FileBroken: its record line lacks the rate or the length.
    """
    header = record.with_name(record.name + ".hea")
    try:
        text = header.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise FileMissing(path=str(record), missing=header.name) from None
    fields = next((line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")), [])
    try:
        fs, samples = float(fields[2].split("/")[0]), int(fields[3])  # after the slash stands the counter frequency
    except (IndexError, ValueError):
        raise FileBroken(path=str(header), reason="its record line lacks the rate or the number of samples") from None
    if not (0 < fs < np.inf and samples > 0):
        raise FileBroken(path=str(header), reason=f"{samples} samples at {fs} a second make no record")
    return Timing(fs=fs, samples=samples)
