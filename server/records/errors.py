"""What records refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.base.errors import AppError


@dataclass(eq=False)
class NotYetThere(AppError):
    code: ClassVar[str] = "recording.not_yet"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The samples of this recording are not complete yet."
    mend: ClassVar[str] = "Watch it live, or wait until it has arrived."
    state: str


@dataclass(eq=False)
class FileNamesAnother(AppError):
    """A notice beside the ECG, never an answer: the form has the last word, and a person has to look."""

    code: ClassVar[str] = "recording.file_person"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The file names {in_file}, the request form {in_form}."
    mend: ClassVar[str] = "Ask the clinic whose ECG this is before reading it."
    in_file: str
    in_form: str


@dataclass(eq=False)
class RecordingInterrupted(AppError):
    """A notice beside the ECG, never an answer."""

    code: ClassVar[str] = "recording.interrupted"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "Incomplete: the device fell silent after {came_s} s, and the hub has ended the recording."
    mend: ClassVar[str] = "Judge only what is here. When the device sends the whole, it comes as another recording."
    came_s: float


@dataclass(eq=False)
class RecordingSilent(AppError):
    """Why a recording was given up of which nothing can be read: no sample came, or only a part of a file."""

    code: ClassVar[str] = "recording.silent"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "The device fell silent before enough of the recording came; the hub has ended it."
    mend: ClassVar[str] = "Check the device and its line. When it is back it sends the recording anew, from its start."


@dataclass(eq=False)
class RecordingReplaced(AppError):
    """Why an incomplete recording was taken off the worklist."""

    code: ClassVar[str] = "recording.replaced"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This recording was incomplete; the whole one has come since."
    mend: ClassVar[str] = "Read the whole one: it stands in the worklist and in the patient's history."


@dataclass(eq=False)
class AlreadyNamed(AppError):
    code: ClassVar[str] = "patient.already_named"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This patient already has a name."
    mend: ClassVar[str] = "Ask the administrator when it is the wrong person."


@dataclass(eq=False)
class WrongRequest(AppError):
    code: ClassVar[str] = "order.incomplete"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "The request form is not complete: {reason}."
    mend: ClassVar[str] = "Fill in name, sex and age, or mark it as an emergency whose name comes later."
    reason: str


@dataclass(eq=False)
class UnknownDeviceId(AppError):
    code: ClassVar[str] = "device.unknown"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "There is no device {device} at this institution."
    mend: ClassVar[str] = "Choose one of the list, or leave it open."
    device: str
