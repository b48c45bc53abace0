"""What one file of an electrocardiograph holds, as every format module hands it on.

A format module has three names: `NAME`, `recognises(raw)`, which decides by content and never by a file's name, and
`parse(raw)`. Where a format keeps its samples as whole numbers, so does this: `steps` are the file's own, and
microvolts are their product with `uv_per_step`. Nothing is measured, filtered or mended here. Unlike a `Recording`, a
`Document` carries the person the file names; only the hub's records and the agent's status see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ecg import codes
from ecg.errors import EcgError, FileWarning, GainMissing, LeadTwice, LeadUnknown, NoWaveform
from ecg.record import Meta, Recording, Sex

I32: TypeAlias = npt.NDArray[np.int32]
F64: TypeAlias = npt.NDArray[np.float64]

NO_SIGNAL: Final = -(2**31)  # in `steps`: no sample here (electrode off, marked invalid by the file)
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
STEP_UV_MAX: Final = 1e9  # a kilovolt; times any sample it is still a number of 32 bits
SAMPLES_MAX: Final = 64_000_000  # of all leads of one file: 2.9 h of 12 leads at 500 Hz


@dataclass(frozen=True)
class Person:
    """Whom the file names. Any field may be empty; `birth_date` is YYYY-MM-DD."""

    name: str = ""
    id_no: str = ""
    sex: Sex = ""
    birth_date: str = ""
    age_years: int | None = None


@dataclass(frozen=True)
class Maker:
    """Which machine wrote the file, in its own words."""

    name: str = ""
    model: str = ""
    serial: str = ""
    software: str = ""


@dataclass(frozen=True)
class Document:
    """One ECG file, read.

    format       name and version, as a person would say it: "SCP-ECG 2.0", "GE MUSE XML 9.0".
    fs           samples a second (Hz).
    leads        names of `codes/leads.csv`, one for each column of `steps`, in the file's order; no lead twice.
    steps        (samples, leads) int32, the file's whole numbers after its own decoding; NO_SIGNAL where it has none.
    uv_per_step  microvolts of one step, one for each lead, above 0.
    start        local or aware time of the first sample as the file states it; None when it does not. A time without a
                 zone stays without one: the hub knows the clinic's.
    warnings     what the file does against its standard and how it was read all the same; a person is shown them.
    """

    format: str
    fs: float
    leads: tuple[str, ...]
    steps: I32
    uv_per_step: tuple[float, ...]
    start: datetime | None = None
    person: Person = field(default_factory=Person)
    maker: Maker = field(default_factory=Maker)
    warnings: tuple[FileWarning, ...] = ()

    def recording(self) -> Recording:
        """Microvolts, with the limb leads that the file leaves out derived behind its own and marked so.

        Raises WrongRate, WrongSignal.
        """
        signal_uv: F64 = self.steps * np.array(self.uv_per_step)
        signal_uv[self.steps == NO_SIGNAL] = np.nan
        derived = missing_limb_leads(self.leads)
        if derived:
            one, two = limb_pair(self.leads, signal_uv)
            signal_uv = np.column_stack([signal_uv, *(derive(lead, one, two) for lead in derived)])
        meta = Meta(
            sex=self.person.sex, age_years=self.person.age_years, device=f"{self.maker.name} {self.maker.model}".strip()
        )
        aware = self.start if self.start is not None and self.start.tzinfo is not None else None
        leads = self.leads + derived
        return Recording(self.fs, leads, signal_uv.astype(np.float32), start=aware, meta=meta, derived=derived)


class Format(Protocol):
    """One format: a module of this package."""

    NAME: str

    def recognises(self, raw: bytes) -> bool:
        """Whether the bytes are of this format, by their content; quick, and never an error."""
        ...

    def parse(self, raw: bytes) -> Document:
        """The file's ECG. Raises an EcgError of the "files" section of `ecg/errors.py`, whatever the bytes are."""
        ...


# Einthoven 1912, Goldberger 1942: what of I and what of II each of the limb leads is.
_OF_I_AND_II: Final = {
    "I": (1.0, 0.0), "II": (0.0, 1.0), "III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)
}  # fmt: skip


def limb_pair(leads: Sequence[str], columns: F64) -> tuple[F64, F64]:
    """I and II of (samples, leads) that have two of I, II and III."""
    limb = {lead: columns[:, at] for at, lead in enumerate(leads) if lead in ("I", "II", "III")}
    one = limb["I"] if "I" in limb else limb["II"] - limb["III"]
    two = limb["II"] if "II" in limb else limb["I"] + limb["III"]
    return one, two


def derive(lead: str, one: F64, two: F64) -> F64:
    """A limb lead from (samples,) of I and II, in their unit."""
    of_one, of_two = _OF_I_AND_II[lead]
    made: F64 = of_one * one + of_two * two
    return made


def missing_limb_leads(leads: Sequence[str]) -> tuple[str, ...]:
    """Which limb leads can be derived: those the file leaves out, where it has two of I, II and III."""
    if len({"I", "II", "III"} & set(leads)) < 2:
        return ()
    return tuple(lead for lead in _OF_I_AND_II if lead not in leads and f"-{lead}" not in leads)


def named_leads(spellings: Sequence[str]) -> tuple[str, ...]:
    """Names of `codes/leads.csv` for a file's spellings. Raises LeadUnknown, LeadTwice, NoWaveform (there is none)."""
    names: list[str] = []
    for spelling in spellings:
        lead = codes.lead_of(spelling)
        if lead is None:
            raise LeadUnknown(path=THE_FILE, lead=spelling or "(no name)")
        if lead in names:
            raise LeadTwice(path=THE_FILE, lead=lead)
        names.append(lead)
    if not names:
        raise NoWaveform(path=THE_FILE)
    return tuple(names)


def checked_gain(uv_per_step: float, lead: str) -> float:
    """A step that a voltage can be measured with. Raises GainMissing for zero, negative, NaN or absurd ones."""
    if not 0 < uv_per_step <= STEP_UV_MAX:
        raise GainMissing(path=THE_FILE, lead=lead)
    return uv_per_step


THE_FILE: Final = "the file"
"""What a format module calls its bytes in an error; `formats.document` puts the real name in its place."""


def named(error: EcgError, name: str) -> EcgError:
    """The same error, speaking of the file by its name."""
    facts = error.facts()
    if facts.get("path") == THE_FILE:
        facts["path"] = name
    return type(error)(*facts.values())
