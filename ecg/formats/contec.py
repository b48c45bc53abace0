"""Native files (.ECG) of the Contec ECG90A, a common Chinese electrocardiograph.

Header of 43 bytes, rows of 8 words (II, III, V1 to V6), a row of zeros and a trailer. No document of the maker is
public: the layout is that of RigacciOrg/ecg-contec, checked against the maker's own CSV, SCP and EDF exports. Nothing
in the file states rate or scale; both are the model's, 800 Hz and 5 uV.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from ecg.errors import CountMissing, FieldWrong, FileTruncated, FileWarning, NoWaveform
from ecg.formats.document import NO_SIGNAL, THE_FILE, Document, Maker, Person
from ecg.formats.fields import checked_size, moment_of, text
from ecg.record import Sex

NAME: Final = "Contec ECG90A"

HEADER, ROW = 43, 16
LEADS = ("II", "III", "V1", "V2", "V3", "V4", "V5", "V6")
FS_HZ, UV_PER_STEP = 800.0, 5.0
ZERO, WORD_END = 2048, 4096  # 12 bits, their middle is 0 uV
NOT_CONNECTED = 0x6800
_CLOCK = re.compile(rb"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})\0")
_SEXES: dict[int, Sex] = {0: "F", 1: "M"}


def recognises(raw: bytes) -> bool:
    """By the clock in its header and a first row that is one: the file has no mark."""
    return _CLOCK.match(raw, 10) is not None and raw[40:41] in (b"\0", b"\1", b"\xff") and _is_first_row(raw)


def parse(raw: bytes) -> Document:
    """The leads with an electrode on. Warns CountMissing.

    Raises  FileTruncated, FieldWrong, NoWaveform, FileTooLarge.
    """
    rows = (len(raw) - HEADER) // ROW
    if rows < 1:
        raise FileTruncated(path=THE_FILE, where="no row of samples follows its header")
    checked_size(rows, len(LEADS))
    words = np.frombuffer(raw, dtype="<u2", count=rows * len(LEADS), offset=HEADER).reshape(rows, len(LEADS))
    ends = np.flatnonzero(~words.any(axis=1))
    words = words[: ends[0]] if len(ends) else words
    warnings: tuple[FileWarning, ...] = () if len(ends) else (CountMissing(got=rows),)
    is_off = words == NOT_CONNECTED
    if (words[~is_off] >= WORD_END).any():
        got = f"{int(words[~is_off].max()):#06x}"
        raise FieldWrong(path=THE_FILE, field="sample", got=got, why="samples have 12 bits, or mark an electrode off")
    on = np.flatnonzero(~is_off.all(axis=0)) if len(words) else np.zeros(0, dtype=np.intp)
    if not len(on):
        raise NoWaveform(path=THE_FILE)
    steps = np.where(is_off, NO_SIGNAL, words.astype(np.int32) - ZERO)[:, on].astype(np.int32)
    clock = _CLOCK.match(raw, 10)
    years = raw[41]
    return Document(
        format=NAME,
        fs=FS_HZ,
        leads=tuple(LEADS[at] for at in on),
        steps=steps,
        uv_per_step=(UV_PER_STEP,) * len(on),
        start=moment_of(*map(int, clock.groups())) if clock else None,
        person=Person(
            name=text(raw[32:40]), sex=_SEXES.get(raw[40], ""), age_years=years if 0 < years <= 150 else None
        ),
        maker=Maker(name="Contec", model="ECG90A"),
        warnings=warnings,
    )


def _is_first_row(raw: bytes) -> bool:
    words = np.frombuffer(raw[HEADER : HEADER + ROW], dtype="<u2") if len(raw) >= HEADER + ROW else np.zeros(0)
    return len(words) > 0 and bool(((words < WORD_END) | (words == NOT_CONNECTED)).all())
