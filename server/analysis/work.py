"""What a pool process does with one recording: unpack, analyse, make the short form. No database, no clock, no event.

Runs in a worker; everything here pickles. A refusal of the library comes back as an error code, not as an exception:
then a person reads without the machine.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import numpy as np

import ecg
from ecg.errors import EcgError
from ecg.record import F32, Meta, Recording, Sex
from ecg.rules.prior import Prior
from ecg.signal import electrodes

STRIP_S, STRIP_HZ, STRIP_UV = 4, 125, 20
BAD_QUALITY = 0.5


@dataclass(frozen=True)
class Facts:
    """What the rules may know of the person and the complaint; no identity. `prior`: what an earlier ECG of the same
    person said, for the rules that ask whether a thing is new."""

    sex: Sex
    age_years: int | None
    symptoms: tuple[str, ...]
    prior: Prior | None = None


@dataclass(frozen=True)
class Outcome:
    """`result`: the analysis object as JSON; empty with `error`. `summary`: `records.MachineSummary` as JSON."""

    result: bytes
    summary: bytes
    grade: str | None
    error: str | None


def warm_up() -> None:
    """Pay for the imports before the first patient waits for them."""
    signal = np.zeros((5000, 1), dtype=np.float32)
    try:
        ecg.analyze(Recording(500.0, ("II",), signal))
    except EcgError:
        return


def analyse(archive: bytes, facts: Facts, profile: str, to_recording: Callable[[bytes], Recording]) -> Outcome:
    """Analyse one archive file. Never raises for a bad signal."""
    recording = to_recording(archive)
    meta = Meta(sex=facts.sex, age_years=facts.age_years, symptoms=facts.symptoms)
    recording = replace(recording, meta=meta)
    try:
        analysis = ecg.analyze(recording, profile=profile, prior=facts.prior)
    except EcgError as error:
        return Outcome(b"", _summary(recording, None, error.code), None, error.code)
    result = analysis.to_json()
    return Outcome(msgspec.json.encode(result), _summary(recording, analysis, None), analysis.machine_grade, None)


def _summary(recording: Recording, analysis: ecg.Analysis | None, error: str | None) -> bytes:
    found = () if analysis is None else analysis.findings
    quality = {} if analysis is None else dict(analysis.quality.leads)
    measured = None if analysis is None else analysis.measurements
    order = {"critical": 0, "urgent": 1, "routine": 2, "info": 3}
    gravest = sorted(found, key=lambda f: (f.rule is None, order[f.urgency]))
    return msgspec.json.encode(
        {
            "acceptable": analysis is not None and analysis.quality.acceptable,
            "findings": list(dict.fromkeys(f.code for f in gravest)),
            "said": dict(gravest[0].say) if gravest else {},
            "mend": {} if analysis is None else _mend(analysis.quality.electrodes),
            "vent_rate_bpm": measured.vent_rate_bpm if measured else None,
            "pr_ms": measured.pr_ms if measured else None,
            "qrs_ms": measured.qrs_ms if measured else None,
            "qt_ms": measured.qt_ms if measured else None,
            "qtc_ms": measured.qtc_ms.get("bazett") if measured else None,
            "bad_leads": [lead for lead, value in quality.items() if value < BAD_QUALITY],
            "strip": _strip(recording, quality),
            "error": error,
        }
    )


def _mend(at: tuple[str, ...]) -> dict[str, str]:
    if not at:
        return {}
    zh, en = "、".join(electrodes.name_of(e, "zh") for e in at), ", ".join(electrodes.name_of(e, "en") for e in at)
    return {"zh": f"检查电极 {zh}", "en": f"check the electrodes {en}"}


def _strip(recording: Recording, quality: dict[str, float]) -> str:
    """4 s of lead II, or of the best lead, at 125 Hz as int8 of 20 uV, base64; -128 where there was no signal."""
    best = max(recording.leads, key=lambda lead: (quality.get(lead, 0.0), lead == "II"))
    lead = "II" if quality.get("II", 0.0) >= BAD_QUALITY else best
    signal: F32 = recording.lead(lead)[: round(STRIP_S * recording.fs)]
    at = np.arange(0, len(signal), recording.fs / STRIP_HZ).astype(np.int64)
    if not len(at):
        return ""
    # The largest deflection of each step, so that narrow QRS do not vanish between two kept samples.
    centred = signal - np.float32(np.nanmedian(signal)) if np.isfinite(signal).any() else signal
    steps = np.split(centred, at[1:])
    peak = np.array([s[np.nanargmax(np.abs(s))] if np.isfinite(s).any() else np.nan for s in steps])
    values = np.where(np.isnan(peak), -128, np.clip(np.nan_to_num(peak) / STRIP_UV, -127, 127))
    return base64.b64encode(values.astype(np.int8).tobytes()).decode()
