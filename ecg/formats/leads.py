"""Leads of a file side by side, whatever pieces it keeps them in: one stretch, or several behind or beside each other.

What a lead is called and what a sample is worth is judged in `document.py`; a format only hands over what it found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ecg.errors import FieldWrong, FileTooLarge, FileWarning, NoWaveform, SamplesFewer, StretchLeftOut
from ecg.formats import xml
from ecg.formats.document import I32, NO_SIGNAL, THE_FILE, checked_gain, named_leads
from ecg.formats.fields import with_names

NO_SAMPLE: Final = -(2**15)  # most makers' mark for "electrode off" among 16-bit samples
NO_SAMPLE_UV: Final = 20_000.0  # no skin electrode gives so much, so the mark is no measured value
LASTS_MIN_S: Final = 0.1  # less shows no wave: an example of the format's layout, or a damaged file
SHORT_OF_MAX: Final = 0.1  # a lead may lack a tenth of the longest; a shorter one belongs to something else


@dataclass(frozen=True)
class Lead:
    """One lead of a stretch, as the file spells and stores it."""

    spelling: str
    steps: I32
    uv_per_step: float
    first: int = 0  # sample of the stretch at which it begins


@dataclass(frozen=True)
class Stretch:
    """Leads of one time line. `start_s` is seconds on the file's own clock, None where it does not say."""

    fs: float
    leads: tuple[Lead, ...]
    start_s: float | None = None

    @property
    def samples(self) -> int:
        return max((lead.first + len(lead.steps) for lead in self.leads), default=0)


@dataclass(frozen=True)
class Sheet:
    """What a `Document` takes over."""

    fs: float
    leads: tuple[str, ...]
    steps: I32
    uv_per_step: tuple[float, ...]
    start_s: float | None
    warnings: tuple[FileWarning, ...]


def sheet(stretches: Sequence[Stretch]) -> Sheet:
    """All leads on one time line.

    Several stretches are laid where their times say. Those that do not fit together (other rates or gains, a lead that
    is two things at one time, hours between them) leave the fullest one, and a warning.
    Raises NoWaveform, LeadUnknown, LeadTwice, GainMissing, FieldWrong (leads of unequal length), FileTooLarge.
    """
    filled = [stretch for stretch in stretches if stretch.samples]
    if not filled:
        raise NoWaveform(path=THE_FILE)
    page = _side_by_side(filled[0]) if len(filled) == 1 else _together(filled)
    if len(page.steps) < LASTS_MIN_S * page.fs:
        raise NoWaveform(path=THE_FILE)
    return page


def _together(filled: Sequence[Stretch]) -> Sheet:
    whole = _on_one_line(filled)
    if whole:
        return whole
    taken, fullest = max(enumerate(filled, 1), key=lambda item: len(item[1].leads) * item[1].samples)
    alone = _side_by_side(fullest)
    left = StretchLeftOut(count=len(filled), taken=taken)
    return Sheet(alone.fs, alone.leads, alone.steps, alone.uv_per_step, alone.start_s, (*alone.warnings, left))


def _side_by_side(stretch: Stretch) -> Sheet:
    kept, unnamed = with_names([lead.spelling for lead in stretch.leads])
    stretch = replace(stretch, leads=tuple(stretch.leads[at] for at in kept))
    names = named_leads([lead.spelling for lead in stretch.leads])
    gains = tuple(checked_gain(lead.uv_per_step, name) for lead, name in zip(stretch.leads, names, strict=True))
    ends = [lead.first + len(lead.steps) for lead in stretch.leads]
    longest = max(ends)
    if longest > sum(len(lead.steps) for lead in stretch.leads):
        late = names[ends.index(longest)]
        raise FieldWrong(
            path=THE_FILE, field=f"begin of lead {late}", got=str(longest), why="no other lead lasts until then"
        )
    warnings: tuple[FileWarning, ...] = tuple(unnamed)
    length = longest
    if not any(lead.first for lead in stretch.leads) and min(ends) < longest:
        length = min(ends)
        if length < longest * (1 - SHORT_OF_MAX):
            short = names[ends.index(length)]
            raise FieldWrong(
                path=THE_FILE, field=f"samples of lead {short}", got=str(length), why=f"another lead has {longest}"
            )
        warnings += (SamplesFewer(promised=longest, got=length),)
    steps = _empty(length, len(names))
    for at, lead in enumerate(stretch.leads):
        column = lead.steps[: length - lead.first]
        steps[lead.first : lead.first + len(column), at] = column
        _blank(steps[:, at], gains[at])
    return Sheet(stretch.fs, names, steps, gains, stretch.start_s, warnings)


def _on_one_line(stretches: Sequence[Stretch]) -> Sheet | None:
    """The stretches at their times, or None where they do not fit together."""
    starts = [stretch.start_s for stretch in stretches if stretch.start_s is not None]
    sheets = [_side_by_side(stretch) for stretch in stretches]
    fs = sheets[0].fs
    if len(starts) < len(stretches) or any(part.fs != fs for part in sheets):
        return None
    origin = min(starts)
    if (max(starts) - origin) * fs > sum(len(part.steps) for part in sheets):
        return None
    firsts = [round((start - origin) * fs) for start in starts]
    gains: dict[str, float] = {}
    for part in sheets:
        for name, gain in zip(part.leads, part.uv_per_step, strict=True):
            if gains.setdefault(name, gain) != gain:
                return None
    names = tuple(gains)
    steps = _empty(max(first + len(part.steps) for first, part in zip(firsts, sheets, strict=True)), len(names))
    for first, part in zip(firsts, sheets, strict=True):
        for at, name in enumerate(part.leads):
            place, column = steps[first : first + len(part.steps), names.index(name)], part.steps[:, at]
            if ((place != NO_SIGNAL) & (column != NO_SIGNAL) & (place != column)).any():
                return None
            place[:] = np.where(column == NO_SIGNAL, place, column)
    warnings = tuple(warning for part in sheets for warning in part.warnings)
    return Sheet(fs, names, steps, tuple(gains.values()), origin, warnings)


def _empty(samples: int, leads: int) -> I32:
    if samples * leads > xml.SAMPLES_MAX:
        raise FileTooLarge(path=THE_FILE, got=samples * leads, unit="samples", most=xml.SAMPLES_MAX)
    return np.full((samples, leads), NO_SIGNAL, dtype=np.int32)


def _blank(column: I32, uv_per_step: float) -> None:
    if -NO_SAMPLE * uv_per_step > NO_SAMPLE_UV:
        column[column == NO_SAMPLE] = NO_SIGNAL
