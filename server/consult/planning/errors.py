"""What hours, bookings and visiting clinics refuse. Chinese sentences: `zh-CN.yaml` beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from server.consult.errors import ConsultError


@dataclass(eq=False)
class HoursUnsound(ConsultError):
    code: ClassVar[str] = "consult.hours"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "These hours cannot be: {reason}."
    mend: ClassVar[str] = "Give each stretch a beginning before its end, within one day, long enough for one slot."
    reason: str


@dataclass(eq=False)
class SlotTaken(ConsultError):
    code: ClassVar[str] = "consult.slot_taken"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} is not free at that time any more, or never was."
    mend: ClassVar[str] = "Choose another of the times that are shown now, or join the waiting list."
    name: str


@dataclass(eq=False)
class SlotOfAnother(ConsultError):
    code: ClassVar[str] = "consult.slot_of_another"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "{name} has accepted this consultation; only his own times fit."
    mend: ClassVar[str] = "Choose one of his times."
    name: str


@dataclass(eq=False)
class ClinicFull(ConsultError):
    code: ClassVar[str] = "consult.clinic_full"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "This visiting clinic of {name} has no place left or takes nobody any more."
    mend: ClassVar[str] = "Choose another clinic or time, or join the waiting list."
    name: str


@dataclass(eq=False)
class ClinicUnsound(ConsultError):
    code: ClassVar[str] = "consult.clinic"
    status: ClassVar[int] = 422
    what: ClassVar[str] = "This visiting clinic cannot be: {reason}."
    mend: ClassVar[str] = "It needs 1 to 100 places of 5 to 240 minutes on one day that is to come."
    reason: str


@dataclass(eq=False)
class NoOffer(ConsultError):
    code: ClassVar[str] = "consult.no_offer"
    status: ClassVar[int] = 409
    what: ClassVar[str] = "No time is offered to this consultation any more: its turn has passed."
    mend: ClassVar[str] = "It keeps its place on the waiting list and is told of the next one."
