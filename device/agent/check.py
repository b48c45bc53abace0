"""What is said of an ECG before the patient leaves: which electrode is off or exchanged, and what cannot wait.

Reads the file and runs the library's whole analysis, in a process of its own so that the agent goes on sending; within
3 s of the file's arrival (ACQ-06). A file this version cannot read is sent all the same: the hub may know more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec
import yaml

import ecg
from device.glance import glance_of
from ecg import formats
from ecg.errors import EcgError, FileBroken
from ecg.reasons import in_chinese
from ecg.results import Analysis
from ecg.signal import electrodes

Level = Literal["good", "doubtful", "mend", "urgent", "unreadable"]
PLACED_WRONG: Final = ("LEAD_REVERSAL_LA_RA", "LEAD_REVERSAL_OTHER", "PRECORDIAL_MISPLACEMENT")
NOISY: Final = (
    "信号干扰大，请让患者放松、检查电极后重做",
    "Too much noise: let the patient relax, check the electrodes, record again",
)


class Say(msgspec.Struct, frozen=True):
    zh: str
    en: str


class Verdict(msgspec.Struct, frozen=True):
    """What the clinic is told of one file.

    level   good; doubtful: the file breaks its standard and was read all the same; mend: record again before the
            patient leaves; urgent: the hub's specialists are being called; unreadable: this agent cannot read it.
    says    sentences, the gravest first.
    code    of the error, where it is unreadable.
    """

    level: Level
    says: tuple[Say, ...] = ()
    leads: int = 0
    seconds: float = 0.0
    rate_bpm: float | None = None
    code: str = ""


@dataclass(frozen=True)
class Checked:
    verdict: Verdict
    glance: bytes
    urgent: bool


def check(file: bytes, name: str, profile: str = "") -> Checked:
    """Read and judge one file. For a worker process. Never raises for what is in the file."""
    try:
        document = formats.document(file, name)
        recording = document.recording()
        analysis = ecg.analyze(recording, profile=profile) if profile else ecg.analyze(recording)
    except (EcgError, MemoryError) as error:
        found = (
            error if isinstance(error, EcgError) else FileBroken(path=name, reason="it takes more memory than there is")
        )
        return Checked(Verdict("unreadable", (_sentences(found),), code=found.code), b"", urgent=False)
    verdict = judged(analysis, recording.seconds, tuple(map(_sentences, document.warnings)))
    return Checked(verdict, glance_of(recording, analysis), urgent=verdict.level == "urgent")


def judged(analysis: Analysis, seconds: float, warnings: tuple[Say, ...] = ()) -> Verdict:
    """The verdict on an analysis. `warnings`: what the file it was read from does against its standard."""
    mend = _mend(analysis)
    critical = [finding for finding in analysis.findings if finding.grade == "critical"]
    says = [Say(finding.say.get("zh", finding.code), finding.say.get("en", finding.code)) for finding in critical[:2]]
    level: Level = "urgent" if critical else "mend" if mend else "doubtful" if warnings else "good"
    return Verdict(
        level,
        (*says, *mend, *warnings),
        leads=len(analysis.leads),
        seconds=round(seconds, 1),
        rate_bpm=analysis.measurements.vent_rate_bpm,
    )


@cache
def _chinese() -> dict[str, str]:
    table: dict[str, str] = yaml.safe_load((files("ecg") / "zh-CN.yaml").read_text("utf-8"))["errors"]
    return table


def _sentences(error: EcgError) -> Say:
    return Say(_chinese()[error.code].format(**in_chinese(error.facts())), str(error))


def _mend(analysis: Analysis) -> list[Say]:
    """What to put right, in the clinic's words."""
    quality = analysis.quality
    says = []
    if quality.electrodes:
        zh = "、".join(electrodes.name_of(e, "zh") for e in quality.electrodes)
        en = ", ".join(electrodes.name_of(e, "en") for e in quality.electrodes)
        says.append(Say(f"请检查电极：{zh}", f"Check the electrodes: {en}"))
    elif quality.lead_off:
        says.append(Say(f"导联脱落：{'、'.join(quality.lead_off)}", f"Leads are off: {', '.join(quality.lead_off)}"))
    says += [
        Say(finding.say.get("zh", finding.code), finding.say.get("en", finding.code))
        for finding in analysis.findings
        if finding.code in PLACED_WRONG
    ]
    if not quality.acceptable and not says:
        says.append(Say(*NOISY))
    return says
