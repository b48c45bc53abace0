"""WFDB annotation files, read: what a person or a program marked in a record, and at which samples.

Only reading lives here; what a mark means (a beat's class, a rhythm, an edge of a wave) is for the caller to say.
Signals are `wfdb.py`'s business: annotations are scored without them, so a header is enough here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg.errors import AnnotationMissing, FileBroken, FileMissing
from ecg.record import I64


@dataclass(frozen=True)
class Annotations:
    """One annotation file.

    fs       samples a second as the file itself, or a header beside it, states; None where neither does.
    sample   (k,) int64, ascending.
    symbol   k WFDB symbols: `N V A + ~ [ ] ( p )` ...
    subtype  (k,) int64; of `~` (change of signal quality) one bit a signal.
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
    if not file.is_file():
        raise AnnotationMissing(path=str(file))
    import wfdb as package  # 0.5 s and 80 MB: only who reads WFDB pays

    try:
        got = package.rdann(str(record), extension)
        order = np.argsort(got.sample, kind="stable")  # the format allows steps back; a comparison does not
        return Annotations(
            fs=None if got.fs is None else float(got.fs),
            sample=np.asarray(got.sample, dtype=np.int64)[order],
            symbol=tuple(str(got.symbol[at]) for at in order),
            subtype=np.asarray(got.subtype, dtype=np.int64)[order],
            aux=tuple((got.aux_note[at] or "").strip("\x00 ") for at in order),
        )
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError, OverflowError) as reason:
        # The package checks little and fails in many ways on a damaged file; all of them mean the same to the user.
        raise FileBroken(path=str(file), reason=f"{type(reason).__name__} {reason}".rstrip(".")) from reason


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
