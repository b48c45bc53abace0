"""Time and people of consultations: what is stored and sent, and the states of a visiting clinic."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable
from server.consult.model import Specialty, Title

ChangeKind = Literal["off", "extra"]
BookingKind = Literal["held", "offered", "booked"]

CLINIC = StateTable(
    name="clinic",
    start="open",
    rows=(
        Row("open", "join", "open", by="requester"),
        Row("open", "close", "closed", by="expert, coordinator"),
        Row("closed", "reopen", "open", by="expert, coordinator"),
        *(Row(state, "move", state, by="expert, coordinator") for state in ("open", "closed")),
        *(Row(state, "late", state, by="expert, coordinator") for state in ("open", "closed")),
        *(Row(state, "cancel", "cancelled", by="expert, coordinator") for state in ("open", "closed")),
    ),
)


class WeeklyHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """weekday: Monday is 0. Minutes from the local midnight, [from_min, to_min)."""

    weekday: int
    from_min: int
    to_min: int


class SetHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """slot_min: how long one consultation takes. notice_min: how long before it a slot can still be booked."""

    slot_min: int
    notice_min: int
    weekly: list[WeeklyHours]


class DayChange(msgspec.Struct, frozen=True):
    """One local day that is not as every week: hours off, or hours beyond the usual ones."""

    id: str
    day: str
    kind: ChangeKind
    from_min: int
    to_min: int
    reason: str


class NewDayChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole day unless minutes are given."""

    day: str
    kind: ChangeKind
    from_min: int = 0
    to_min: int = 1440
    reason: str = ""


class Hours(msgspec.Struct, frozen=True):
    """`weekly` empty: this expert offers no slots; his time is set case by case."""

    account: str
    name: str
    org: str
    slot_min: int
    notice_min: int
    weekly: list[WeeklyHours]
    changes: list[DayChange]
    kept_by_name: str
    kept_at: str | None


class Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    day: str
    name: str


class Holidays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days on which an institution's experts have no weekly hours."""

    holidays: list[Holiday]


class Slot(msgspec.Struct, frozen=True):
    """A free time of one expert. `clinic`: the next free place of a visiting clinic, `place` its number there."""

    expert: str
    name: str
    title: str
    org: str
    org_name: str
    from_at: str
    to_at: str
    fits: bool
    """He has named the specialty that was asked for."""
    clinic: str | None = None
    place: int | None = None


class Slots(msgspec.Struct, frozen=True):
    """In order of time. `more`: there were more of them than are sent."""

    slots: list[Slot]
    more: bool


class SlotsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """from_day: local, today when empty. Empty org, expert: anybody's."""

    specialty: Specialty = "cardiology"
    title: Title = "any"
    org: str = ""
    expert: str = ""
    from_day: str = ""
    days: int = 14


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For a slot on one of these local days; empty: today, and as far ahead as slots are offered."""

    from_day: str = ""
    to_day: str = ""


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By how much the expert begins later than planned, as a whole; 0: on time again."""

    minutes: int


class Booking(msgspec.Struct, frozen=True):
    """held: its expert has still to accept the request. offered: to who waits, until `until`. booked: set."""

    kind: BookingKind
    expert: str
    expert_name: str
    from_at: str
    to_at: str
    until: str | None
    clinic: str | None
    place: int | None
    late_min: int


class Waiting(msgspec.Struct, frozen=True):
    """`place` of `length` on the list of one expert, by when they joined."""

    place: int
    length: int
    since: str
    from_day: str
    to_day: str


Way = Literal["direct", "turn_udp", "turn_tcp", "turn_tls", "sound", "none"]
"""By which sound and picture come to a page: straight, by a TURN server, voices only over the web connection, none."""


class Seen(msgspec.Struct, frozen=True):
    """Who has tested his devices in the waiting room, and what the test said."""

    account: str
    name: str
    at: str
    camera: bool
    microphone: bool
    rtt_ms: int | None
    way: Way | None


class Plan(msgspec.Struct, frozen=True):
    """The time of one consultation. `starts_at`: as planned and by the expert's last word on being late."""

    booking: Booking | None
    offer: Booking | None
    waiting: Waiting | None
    starts_at: str | None
    tested: list[Seen]


class DeviceCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the waiting room's device test found; rtt_ms None: the hub did not answer in time; way None: not known."""

    camera: bool
    microphone: bool
    rtt_ms: int | None = None
    way: Way | None = None


class Appointment(msgspec.Struct, frozen=True):
    """One thing in a calendar. `consult` and `words` only for who may see that consultation."""

    kind: Literal["booked", "held", "offered", "clinic", "sitting"]
    from_at: str
    to_at: str
    consult: str | None
    words: str
    state: str
    outside: bool
    """Not within the expert's hours: they were changed after it was set, or he set it so."""


class CalendarDay(msgspec.Struct, frozen=True):
    """`open`: the hours of the day as pairs of moments."""

    day: str
    holiday: str
    open: list[tuple[str, str]]
    items: list[Appointment]
    free: int


class ExpertCalendar(msgspec.Struct, frozen=True):
    account: str
    name: str
    title: str
    org_name: str
    has_hours: bool
    waiting: int
    days: list[CalendarDay]


class Calendar(msgspec.Struct, frozen=True):
    """offset_min: the hub's wall clock beside UTC."""

    experts: list[ExpertCalendar]
    offset_min: int


class CalendarQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one expert, or of an institution's; empty both: one's own."""

    account: str = ""
    org: str = ""
    from_day: str = ""
    days: int = 7


class IcsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """lang: of the words in the file."""

    lang: Literal["zh", "en"] = "zh"


class NewClinic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """host_org: where the expert sits; None: online. minutes: for each place."""

    expert: str
    from_at: str
    minutes: int
    capacity: int
    host_org: str | None = None
    note: str = ""


class MoveClinic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_at: str
    host_org: str | None = None


class ClinicPlace(msgspec.Struct, frozen=True):
    """Names only for who may see that consultation."""

    place: int
    from_at: str
    starts_at: str
    kind: BookingKind | None
    consult: str | None
    words: str


class Clinic(msgspec.Struct, frozen=True):
    id: str
    expert: str
    expert_name: str
    title: str
    org: str
    org_name: str
    host_org: str | None
    host_org_name: str
    from_at: str
    to_at: str
    minutes: int
    capacity: int
    free: int
    late_min: int
    note: str
    state: str
    places: list[ClinicPlace]
    events: list[str]


class Clinics(msgspec.Struct, frozen=True):
    clinics: list[Clinic]


class ClinicsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_day: str = ""
    days: int = 31
