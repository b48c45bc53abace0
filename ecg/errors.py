"""What can be wrong, with a code that stays for ever: the root of every error in the project.

`CodedError` holds the machinery (sentence, cure, fields, pickling); `EcgError` is the library's own base. `device` and
`server` have a base each, derived from the same root, so that one test and one reference page see them all. The English
sentence stands in the class; the Chinese one under the same code in the `zh-CN.yaml` beside the package's errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(eq=False)
class CodedError(Exception):
    """An error a person can act on. Subclasses give `code`, `what`, `mend` and their facts as dataclass fields."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "Something did not happen."
    mend: ClassVar[str] = ""

    def __str__(self) -> str:
        facts = self.facts()
        return f"{self.what.format(**facts)} {self.mend.format(**facts)}".strip()

    def facts(self) -> dict[str, object]:
        """The fields by name, as the sentence and the wire carry them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __reduce__(self) -> tuple[object, ...]:
        # Exception pickles by args, which a dataclass leaves empty: the process pool needs the fields.
        return (type(self), tuple(self.facts().values()))


def all_errors(base: type[CodedError] = CodedError) -> Iterator[type[CodedError]]:
    """Every concrete error class below `base` that is imported at the moment."""
    for child in base.__subclasses__():
        if "code" in child.__dict__:
            yield child
        yield from all_errors(child)


@dataclass(eq=False)
class EcgError(CodedError):
    """Base of what the ECG library refuses."""

    status: ClassVar[int] = 422


@dataclass(eq=False)
class WrongSignal(EcgError):
    code: ClassVar[str] = "ecg.signal"
    what: ClassVar[str] = "The signal cannot be used: {reason}."
    mend: ClassVar[str] = "Give samples as (n, leads) numbers in microvolts, one column a lead."
    reason: str


@dataclass(eq=False)
class WrongRate(EcgError):
    code: ClassVar[str] = "ecg.sample_rate"
    what: ClassVar[str] = "The recording has {got} samples a second; 100 to 2000 can be analysed."
    mend: ClassVar[str] = "Resample it, or check the header."
    got: float


@dataclass(eq=False)
class FileMissing(EcgError):
    code: ClassVar[str] = "ecg.file_missing"
    status: ClassVar[int] = 404
    what: ClassVar[str] = "There is no recording at {path}: {missing} was not found."
    mend: ClassVar[str] = "Give the path of the header, with or without .hea, and keep its signal files beside it."
    path: str
    missing: str


@dataclass(eq=False)
class FormatUnknown(EcgError):
    code: ClassVar[str] = "ecg.format_unknown"
    what: ClassVar[str] = "{path} is in no format that can be read here."
    mend: ClassVar[str] = "The formats that can be read stand in docs/reference/formats.md."
    path: str


@dataclass(eq=False)
class FileBroken(EcgError):
    code: ClassVar[str] = "ecg.file_broken"
    what: ClassVar[str] = "{path} cannot be read: {reason}."
    mend: ClassVar[str] = "Send the file again from its source; it may be cut short or damaged."
    path: str
    reason: str


@dataclass(eq=False)
class GainMissing(EcgError):
    code: ClassVar[str] = "ecg.gain_missing"
    what: ClassVar[str] = "{path} does not say how many units make a millivolt in lead {lead}."
    mend: ClassVar[str] = "Without it no voltage can be measured: state the gain in the header."
    path: str
    lead: str


@dataclass(eq=False)
class UnitUnknown(EcgError):
    code: ClassVar[str] = "ecg.unit"
    what: ClassVar[str] = "{path} gives lead {lead} in {unit}, which is no voltage this library knows."
    mend: ClassVar[str] = "Use mV or uV."
    path: str
    lead: str
    unit: str


@dataclass(eq=False)
class LeadUnknown(EcgError):
    code: ClassVar[str] = "ecg.lead_unknown"
    what: ClassVar[str] = "{path} has a channel called {lead}, which is no lead this library knows."
    mend: ClassVar[str] = "Leave the channel out, or add its spelling to codes/leads.csv."
    path: str
    lead: str


@dataclass(eq=False)
class LeadTwice(EcgError):
    code: ClassVar[str] = "ecg.lead_twice"
    what: ClassVar[str] = "{path} has lead {lead} twice."
    mend: ClassVar[str] = "Keep the one that is right; a lead may stand in a recording only once."
    path: str
    lead: str


# ---- files: what a format module may refuse; `path` is the file's name, or "the file" ----


@dataclass(eq=False)
class FileEmpty(EcgError):
    code: ClassVar[str] = "ecg.file_empty"
    what: ClassVar[str] = "{path} is empty (0 bytes)."
    mend: ClassVar[str] = "Export the recording again; the disk of the device may be full."
    path: str


@dataclass(eq=False)
class FileTooLarge(EcgError):
    code: ClassVar[str] = "ecg.file_too_large"
    status: ClassVar[int] = 413
    what: ClassVar[str] = "{path} has {got} {unit}; at most {most} are read."
    mend: ClassVar[str] = "Export a shorter stretch of the recording."
    path: str
    got: int
    unit: str
    most: int


@dataclass(eq=False)
class FileTruncated(EcgError):
    code: ClassVar[str] = "ecg.file_truncated"
    what: ClassVar[str] = "{path} is cut short: {where}."
    mend: ClassVar[str] = "Copy it again from its source and wait until the copy is complete."
    path: str
    where: str


@dataclass(eq=False)
class FileChecksum(EcgError):
    code: ClassVar[str] = "ecg.file_checksum"
    what: ClassVar[str] = "The checksum in {path} does not fit its bytes ({where})."
    mend: ClassVar[str] = "Its samples may be wrong: export the file again from the device."
    path: str
    where: str


@dataclass(eq=False)
class FieldWrong(EcgError):
    """A field of the header says what cannot be: a rate of 0, 4,294,967,295 samples, digits that are letters."""

    code: ClassVar[str] = "ecg.file_field"
    what: ClassVar[str] = "In {path} the field {field} is {got}: {why}."
    mend: ClassVar[str] = "Export the file again; if it stays so, send a copy to whoever maintains this software."
    path: str
    field: str
    got: str
    why: str


@dataclass(eq=False)
class NoWaveform(EcgError):
    code: ClassVar[str] = "ecg.no_waveform"
    what: ClassVar[str] = "{path} holds no ECG waveform."
    mend: ClassVar[str] = "Export the recording itself, not only its report, its medians or its annotations."
    path: str


@dataclass(eq=False)
class XmlRefused(EcgError):
    code: ClassVar[str] = "ecg.xml"
    what: ClassVar[str] = "{path} is XML that is not read: {reason}."
    mend: ClassVar[str] = "An ECG file needs no entities of its own and no deep nesting; check where it comes from."
    path: str
    reason: str


@dataclass(eq=False)
class FormatRefused(EcgError):
    """A format that is known by name and not read, with the reason."""

    code: ClassVar[str] = "ecg.format_refused"
    what: ClassVar[str] = "{path} is {format}, which is not read here: {reason}."
    mend: ClassVar[str] = "Export the recording in one of the formats of docs/reference/formats.md."
    path: str
    format: str
    reason: str


@dataclass(eq=False)
class FileWarning(EcgError):
    """A file breaks its standard and was read all the same. Never raised: it stands in `Document.warnings`.

    One class below for each way a file is known to go wrong.
    """


@dataclass(eq=False)
class ChecksumIgnored(FileWarning):
    code: ClassVar[str] = "ecg.warn_checksum"
    what: ClassVar[str] = "The file's checksum does not fit ({where}); its samples were read as they stand."
    mend: ClassVar[str] = "Compare the trace with the device's own print before relying on it."
    where: str


@dataclass(eq=False)
class SamplesFewer(FileWarning):
    code: ClassVar[str] = "ecg.warn_fewer_samples"
    what: ClassVar[str] = "The file promises {promised} samples a lead and holds {got}; those were read."
    mend: ClassVar[str] = "The end of the recording is missing: copy the file again if it matters."
    promised: int
    got: int


@dataclass(eq=False)
class RateProposed(FileWarning):
    code: ClassVar[str] = "ecg.warn_rate"
    what: ClassVar[str] = "The file states {stated}, which cannot be; it was read with {used} samples a second ({why})."
    mend: ClassVar[str] = "Compare the heart rate with the device's own print before measuring any interval."
    stated: str
    used: float
    why: str


@dataclass(eq=False)
class StretchLeftOut(FileWarning):
    code: ClassVar[str] = "ecg.warn_stretch"
    what: ClassVar[str] = (
        "The file holds {count} stretches that lie on no common time line; only stretch {taken} was read."
    )
    mend: ClassVar[str] = "Export the others by themselves if they matter."
    count: int
    taken: int


@dataclass(eq=False)
class ChannelLeftOut(FileWarning):
    code: ClassVar[str] = "ecg.warn_channel"
    what: ClassVar[str] = "The file's channel {channel} is no ECG lead by its name and was left out."
    mend: ClassVar[str] = (
        "Nothing to do, unless an ECG lead is missing now: then its spelling belongs in codes/leads.csv."
    )
    channel: str


@dataclass(eq=False)
class CountMissing(FileWarning):
    code: ClassVar[str] = "ecg.warn_count"
    what: ClassVar[str] = "The file does not say how long it is, as if never closed; {got} samples a lead were found."
    mend: ClassVar[str] = "The end of the recording may be missing: copy the file again if it matters."
    got: int


@dataclass(eq=False)
class PartsLeftOut(FileWarning):
    code: ClassVar[str] = "ecg.warn_parts"
    what: ClassVar[str] = (
        "The file holds further signals that do not fit beside the others ({left}); they were left out."
    )
    mend: ClassVar[str] = "Export them as a file of their own if they are needed."
    left: str


@dataclass(eq=False)
class ScaleDoubtful(FileWarning):
    code: ClassVar[str] = "ecg.warn_scale"
    what: ClassVar[str] = (
        "The header's scale of {uv_per_step} uV a step is coarser than any electrocardiograph's ({range})."
    )
    mend: ClassVar[str] = "Compare the height of a beat with the device's own print before measuring any voltage."
    uv_per_step: float
    range: str


@dataclass(eq=False)
class TextDoubtful(FileWarning):
    code: ClassVar[str] = "ecg.warn_text"
    what: ClassVar[str] = "The texts of the file are not in the charset it states ({stated}); names may be wrong."
    mend: ClassVar[str] = "Compare the patient's name and number with the request."
    stated: str


@dataclass(eq=False)
class ProfileUnknown(EcgError):
    code: ClassVar[str] = "ecg.profile_unknown"
    what: ClassVar[str] = "There is no rule profile {name}; there are {known}."
    mend: ClassVar[str] = "Choose one of these."
    name: str
    known: str


@dataclass(eq=False)
class ProfileWrong(EcgError):
    code: ClassVar[str] = "ecg.profile_wrong"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "The rule profile {name} is wrong at {rule}: {reason}."
    mend: ClassVar[str] = "Mend the row; a profile with a wrong row is never used in part."
    name: str
    rule: str
    reason: str


@dataclass(eq=False)
class AnnotationMissing(EcgError):
    code: ClassVar[str] = "ecg.annotation_missing"
    status: ClassVar[int] = 404
    what: ClassVar[str] = "There is no file {path}."
    mend: ClassVar[str] = "Check the folder and the extension of the annotation or label file."
    path: str


@dataclass(eq=False)
class LabelColumnMissing(EcgError):
    code: ClassVar[str] = "ecg.label_column"
    what: ClassVar[str] = "{path} has no column {column}."
    mend: ClassVar[str] = "Give a CSV table whose first row names its columns."
    path: str
    column: str


@dataclass(eq=False)
class LabelUnknown(EcgError):
    code: ClassVar[str] = "ecg.label_unknown"
    what: ClassVar[str] = "{label} of record {record} is none of the labels {known}."
    mend: ClassVar[str] = "Correct the label; what is not understood is never counted as wrong or right."
    record: str
    label: str
    known: str


@dataclass(eq=False)
class NothingToScore(EcgError):
    code: ClassVar[str] = "ecg.nothing_to_score"
    what: ClassVar[str] = "{reference} and {test} have no record in common."
    mend: ClassVar[str] = "Check both places and the extensions of their files."
    reference: str
    test: str


@dataclass(eq=False)
class LeadAbsent(EcgError):
    code: ClassVar[str] = "ecg.lead_absent"
    what: ClassVar[str] = "{path} has no channel {lead}; it has {known}."
    mend: ClassVar[str] = "Give a number, counted from 0, or a name from this list."
    path: str
    lead: str
    known: str


@dataclass(eq=False)
class CannotWrite(EcgError):
    code: ClassVar[str] = "ecg.cannot_write"
    what: ClassVar[str] = "{path} cannot be written: {reason}."
    mend: ClassVar[str] = "Choose another place, or make room and rights there."
    path: str
    reason: str


@dataclass(eq=False)
class WouldOverwrite(EcgError):
    code: ClassVar[str] = "ecg.would_overwrite"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{path} is there already, beside the recording; it may be somebody's own annotation."
    mend: ClassVar[str] = "Choose another folder with -o, or move the file away first."
    path: str


@dataclass(eq=False)
class StretchEmpty(EcgError):
    code: ClassVar[str] = "ecg.stretch_empty"
    what: ClassVar[str] = "Seconds {first} to {end} hold nothing of {path}, which lasts {seconds} s."
    mend: ClassVar[str] = "Choose a stretch inside the recording."
    path: str
    first: float
    end: float
    seconds: float


@dataclass(eq=False)
class PaperTooLong(EcgError):
    code: ClassVar[str] = "ecg.paper_too_long"
    what: ClassVar[str] = "The page would be {mm} mm long; one page has at most {mm_max}."
    mend: ClassVar[str] = "Take fewer seconds or a lower speed, or let a rhythm strip run over several rows."
    mm: int
    mm_max: int


@dataclass(eq=False)
class PackageMissing(EcgError):
    code: ClassVar[str] = "ecg.package_missing"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "{format} files are made by the Python package {package}, which is not installed."
    mend: ClassVar[str] = "Install it with pip, or write an SVG file, which needs nothing."
    format: str
    package: str


@dataclass(eq=False)
class FontMissing(EcgError):
    code: ClassVar[str] = "ecg.font_missing"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "No font with Chinese characters was found on this machine."
    mend: ClassVar[str] = "Install one (Debian: fonts-noto-cjk), or write the page in English (--lang en)."


@dataclass(eq=False)
class Fault(EcgError):
    code: ClassVar[str] = "ecg.fault"
    status: ClassVar[int] = 500
    what: ClassVar[str] = "The program failed at this file: {reason}."
    mend: ClassVar[str] = "This is a fault of XinLian, not of the file: please report it with this line."
    reason: str
