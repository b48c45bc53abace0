"""An ECG recording as every part of the product passes it on: samples in microvolts, lead names, what is known of the
person.

No file format lives here (`formats/`), no analysis, no identity: a `Recording` never carries a name or a number of a
person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecg.errors import WrongRate, WrongSignal

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

Sex = Literal["M", "F", ""]


@dataclass(frozen=True)
class Meta:
    """What the file or the request said, as far as a rule may use it.

    symptoms   codes of the request form: chest_pain, syncope, presyncope, dyspnoea, palpitation, hypotension, none,
               unknown.
               `unknown` counts as present in every rule (critical-values: the stricter branch).
    setting    what kind of recording it is; the rules of a list may hold for one kind only. Empty: not known, all run.
    device     free text of the source ("demo, LUDB 62"); never shown as a finding.
    """

    sex: Sex = ""
    age_years: int | None = None
    symptoms: tuple[str, ...] = ("unknown",)
    device: str = ""
    setting: Literal["resting", "ambulatory", ""] = ""


@dataclass(frozen=True)
class Recording:
    """One acquisition.

    fs         samples a second (Hz), 100 to 2000.
    leads      names as in `codes/leads.csv`, one for each column.
    signal_uv  (samples, leads) float32, microvolts; NaN where there was no signal. Never written to.
    start      aware time of the first sample, or None.
    derived    names of the leads that were computed from others.
    Raises     WrongSignal (ecg.signal): wrong shape, or a lead name twice. WrongRate (ecg.sample_rate): fs out of
               range.
    """

    fs: float
    leads: tuple[str, ...]
    signal_uv: F32
    start: datetime | None = None
    meta: Meta = field(default_factory=Meta)
    derived: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 100 <= self.fs <= 2000:
            raise WrongRate(got=self.fs)
        if self.signal_uv.ndim != 2 or self.signal_uv.shape[1] != len(self.leads):
            raise WrongSignal(reason=f"shape {self.signal_uv.shape} does not fit {len(self.leads)} leads")
        if len(set(self.leads)) != len(self.leads):
            raise WrongSignal(reason="a lead name stands twice")
        if self.signal_uv.dtype != np.float32:
            raise WrongSignal(reason=f"samples are {self.signal_uv.dtype}, not float32")

    @property
    def seconds(self) -> float:
        return len(self.signal_uv) / self.fs

    def lead(self, name: str) -> F32:
        """One lead as (samples,) float32. Raises WrongSignal when the recording has no such lead."""
        if name not in self.leads:
            raise WrongSignal(reason=f"there is no lead {name}")
        return self.signal_uv[:, self.leads.index(name)]
