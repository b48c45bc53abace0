"""Calendars: hours kept by the expert or his institution, holidays, and a week of appointments on one page."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import Connection

from server.base.clock import iso
from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.ids import new_id
from server.consult import store as consults
from server.consult.access import sees
from server.consult.model import Expert, Experts
from server.consult.planning import bookings, store
from server.consult.planning.appointments import check_days
from server.consult.planning.errors import HoursUnsound
from server.consult.planning.hours import (
    DAY_MIN,
    Span,
    days_from,
    free,
    local_day,
    moment,
    slots_of,
)
from server.consult.planning.model import (
    Appointment,
    Calendar,
    CalendarDay,
    CalendarQuery,
    DayChange,
    ExpertCalendar,
    Holiday,
    Holidays,
    Hours,
    NewDayChange,
    SetHours,
    WeeklyHours,
)
from server.consult.routing import ANSWERERS
from server.consult.service import Consultations
from server.consult.views import chosen_specialties
from server.people import store as people
from server.records import store as records

SLOT_MINUTES = (5, 240)
NOTICE_MAX_MIN = 14 * DAY_MIN
STRETCHES_MAX = 50
HOLIDAYS_MAX = 400
REASON_MAX = 100
CALENDAR_DAYS_MAX = 31


async def hours(room: Consultations, account: str) -> Hours:
    today = local_day(iso(room.clock.now()), room.settings.utc_offset_min)
    return await room.db.read(lambda conn: _hours(conn, account, today))


async def set_hours(room: Consultations, ctx: Ctx, account: str, said: SetHours) -> Hours:
    """The weekly hours from now on; what is booked stays. Raises HoursUnsound."""
    _check_hours(said)
    offset_min = room.settings.utc_offset_min

    def work(tx: Tx) -> Hours:
        org = keeps(tx.conn, ctx, account)
        rows = [(one.weekday, one.from_min, one.to_min) for one in said.weekly]
        store.set_calendar(
            tx.conn, account, rows, slot_min=said.slot_min, notice_min=said.notice_min, kept_by=ctx.actor,
            kept_at=tx.now,
        )  # fmt: skip
        tx.append("expert.hours_set", account, org, {"stretches": len(rows), "slot_min": said.slot_min})
        bookings.serve(tx, account, offset_min)
        return _hours(tx.conn, account, local_day(tx.now, offset_min))

    return await room.db.write(work, actor=ctx.actor)


async def change_day(room: Consultations, ctx: Ctx, account: str, new: NewDayChange) -> Hours:
    """A day off, or hours beyond the usual ones. What is booked there stays, and is marked. Raises HoursUnsound."""
    check_days(new.day)
    if not 0 <= new.from_min < new.to_min <= DAY_MIN or len(new.reason) > REASON_MAX:
        raise HoursUnsound(reason="a part of one day, and a reason of one line")
    offset_min = room.settings.utc_offset_min

    def work(tx: Tx) -> Hours:
        org = keeps(tx.conn, ctx, account)
        store.add_change(
            tx.conn, id=new_id("dch"), account=account, day=new.day, kind=new.kind, from_min=new.from_min,
            to_min=new.to_min, reason=new.reason.strip(),
        )  # fmt: skip
        tx.append("expert.day_changed", account, org, {"day": new.day, "change": new.kind})
        bookings.serve(tx, account, offset_min)
        return _hours(tx.conn, account, local_day(tx.now, offset_min))

    return await room.db.write(work, actor=ctx.actor)


async def drop_change(room: Consultations, ctx: Ctx, account: str, change_id: str) -> Hours:
    offset_min = room.settings.utc_offset_min

    def work(tx: Tx) -> Hours:
        org = keeps(tx.conn, ctx, account)
        if not store.drop_change(tx.conn, account, change_id):
            raise NotFound(kind="change of a day")
        tx.append("expert.day_changed", account, org, {"change": "dropped"})
        bookings.serve(tx, account, offset_min)
        return _hours(tx.conn, account, local_day(tx.now, offset_min))

    return await room.db.write(work, actor=ctx.actor)


async def holidays(room: Consultations, org: str) -> Holidays:
    return await room.db.read(
        lambda conn: Holidays([Holiday(day, name) for day, name in store.holidays(conn, org).items()])
    )


async def set_holidays(room: Consultations, ctx: Ctx, org: str, said: Holidays) -> Holidays:
    """All of them at once. Raises HoursUnsound."""
    check_days(*(one.day for one in said.holidays))
    if len(said.holidays) > HOLIDAYS_MAX or any(not 0 < len(h.name.strip()) <= REASON_MAX for h in said.holidays):
        raise HoursUnsound(reason="a holiday needs a day and a name of one line")
    named = {one.day: one.name.strip() for one in said.holidays}

    def work(tx: Tx) -> Holidays:
        ctx.require("calendar.keep", org)
        store.set_holidays(tx.conn, org, named)
        tx.append("org.holidays_set", org, org, {"days": len(named)})
        for account in dict.fromkeys(a for role in ANSWERERS for a in people.holders(tx.conn, role, [org])):
            bookings.serve(tx, account, room.settings.utc_offset_min)
        return Holidays([Holiday(day, name) for day, name in sorted(named.items())])

    return await room.db.write(work, actor=ctx.actor)


async def calendar(room: Consultations, ctx: Ctx, asked: CalendarQuery) -> Calendar:
    """A week (or `days`) of one expert, or of everybody who answers for an institution. Raises HoursUnsound."""
    if asked.from_day:
        check_days(asked.from_day)
    offset_min = room.settings.utc_offset_min

    def look(conn: Connection) -> Calendar:
        now = iso(room.clock.now())
        first = asked.from_day or local_day(now, offset_min)
        days = days_from(first, max(1, min(asked.days, CALENDAR_DAYS_MAX)))
        accounts = [asked.account or ctx.actor]
        if asked.org:
            accounts = [a for role in ANSWERERS for a in people.holders(conn, role, [asked.org])]
        found = [_calendar(conn, ctx, account, days, now, offset_min) for account in dict.fromkeys(accounts)]
        return Calendar([one for one in found if one is not None], offset_min)

    return await room.db.read(look)


async def answerers(room: Consultations, ctx: Ctx) -> Experts:
    """Those whose calendars this person keeps."""

    def look(conn: Connection) -> Experts:
        orgs = {o.id: o.name for o in people.orgs(conn) if ctx.may("calendar.keep", o.id)}
        found = []
        for account in dict.fromkeys(
            a for org in orgs for role in ANSWERERS for a in people.holders(conn, role, [org])
        ):
            person, home = people.account_row(conn, account), bookings.home(conn, account)
            if person is not None and person.active and home in orgs:
                named = chosen_specialties(conn, account)
                found.append(Expert(account, person.name, person.title, home, orgs[home], named))
        return Experts(found)

    return await room.db.read(look)


async def appointments_of(room: Consultations, account: str) -> list[tuple[str, str, str, str]]:
    """(consultation, from, to, the other side's institution) of all that is set for a member, for his own calendar."""

    def look(conn: Connection) -> list[tuple[str, str, str, str]]:
        names = {o.id: o.name for o in people.orgs(conn)}
        rows = consults.consults_for(conn, (), account, recording=None, only_open=True, limit=500)
        found = []
        for row in rows:
            booked, _ = bookings.own(conn, row["id"])
            if row["state"] == "scheduled" and booked is not None:
                other = row["invitee_org"] if row["requester"] == account else row["requester_org"]
                found.append((row["id"], booked["from_at"], booked["to_at"], names.get(other, "")))
        return found

    return await room.db.read(look)


def keeps(conn: Connection, ctx: Ctx, account: str) -> str:
    """The institution of an expert whose hours this person may keep: his own, or his institution's administrator's.

    Raises NotFound when that is no expert, Forbidden.
    """
    org = bookings.home(conn, account)
    if org is None:
        raise NotFound(kind="expert")
    if account != ctx.actor or not ctx.may("consult.answer", org):
        ctx.require("calendar.keep", org)
    return org


def _check_hours(said: SetHours) -> None:
    low, high = SLOT_MINUTES
    if not low <= said.slot_min <= high or not 0 <= said.notice_min <= NOTICE_MAX_MIN:
        raise HoursUnsound(reason=f"a slot takes {low} to {high} minutes, notice at most 14 days")
    if len(said.weekly) > STRETCHES_MAX:
        raise HoursUnsound(reason=f"more than {STRETCHES_MAX} stretches")
    for one in said.weekly:
        if not 0 <= one.weekday <= 6 or not 0 <= one.from_min < one.to_min <= DAY_MIN:
            raise HoursUnsound(reason="a stretch lies within one day")
        if one.to_min - one.from_min < said.slot_min:
            raise HoursUnsound(reason="a stretch is shorter than one slot")
    for day in range(7):
        stretches = sorted((one.from_min, one.to_min) for one in said.weekly if one.weekday == day)
        if any(b[0] < a[1] for a, b in pairwise(stretches)):
            raise HoursUnsound(reason="two stretches of one day overlap")


def _hours(conn: Connection, account: str, today: str) -> Hours:
    person, org = people.account_row(conn, account), bookings.home(conn, account)
    if person is None or org is None:
        raise NotFound(kind="expert")
    row = store.calendar_row(conn, account)
    kept_by = "" if row is None else people.names(conn, [row["kept_by"]]).get(row["kept_by"], "")
    weekly = [WeeklyHours(w["weekday"], w["from_min"], w["to_min"]) for w in store.weekly_of(conn, account)]
    changed = [
        DayChange(c["id"], c["day"], c["kind"], c["from_min"], c["to_min"], c["reason"])
        for c in store.changes(conn, account, today)
    ]
    return Hours(
        account, person.name, org, bookings.length_min(conn, account), 0 if row is None else row["notice_min"], weekly,
        changed, kept_by, None if row is None else row["kept_at"],
    )  # fmt: skip


def _calendar(
    conn: Connection, ctx: Ctx, account: str, days: list[str], now: str, offset_min: int
) -> ExpertCalendar | None:
    person, org = people.account_row(conn, account), bookings.home(conn, account)
    if person is None or org is None or not person.active:
        return None
    orgs = {o.id: o.name for o in people.orgs(conn)}
    said = bookings.diary(conn, account, days[0])
    whole = Span(moment(days[0], 0, offset_min), moment(days[-1], DAY_MIN, offset_min))
    taken = bookings.busy(conn, account, whole)
    items = _appointments(conn, ctx, account, whole)
    shown = []
    for day in days:
        opened = said.open(day)
        start, end = moment(day, 0, offset_min), moment(day, DAY_MIN, offset_min)
        spans = [Span(moment(day, s.from_min, offset_min), moment(day, s.to_min, offset_min)) for s in opened]
        at_hand = free(slots_of(day, opened, said.slot_min, offset_min), taken, now)
        marked = [_marked(item, spans) for item in items if start <= item.from_at < end]
        shown.append(
            CalendarDay(day, said.holidays.get(day, ""), [(s.from_at, s.to_at) for s in spans], marked, len(at_hand))
        )
    has_hours = bool(said.weekly or said.extra)
    waiting = store.waiting_count(conn, account)
    return ExpertCalendar(account, person.name, person.title, orgs.get(org, ""), has_hours, waiting, shown)


def _appointments(conn: Connection, ctx: Ctx, account: str, whole: Span) -> list[Appointment]:
    found = []
    for one in store.bookings_between(conn, account, whole):
        row = consults.consult_row(conn, one["consult"])
        seen = sees(conn, ctx, row)
        name = records.views(conn, {row["recording"]})[row["recording"]].patient.name if seen else ""
        found.append(
            Appointment(one["kind"], one["from_at"], one["to_at"], row["id"] if seen else None, name,
                        row["state"], False)
        )  # fmt: skip
    for clinic in store.clinics_between(conn, whole, account):
        if clinic["state"] != "cancelled":
            words = "" if clinic["host_org"] is None else clinic["note"]
            found.append(Appointment("clinic", clinic["from_at"], clinic["to_at"], None, words, clinic["state"], False))
    return sorted(found, key=lambda a: (a.from_at, a.kind != "clinic"))


def _marked(item: Appointment, spans: list[Span]) -> Appointment:
    within = item.kind == "clinic" or any(s.from_at <= item.from_at and item.to_at <= s.to_at for s in spans)
    return Appointment(
        item.kind, item.from_at, item.to_at, item.consult, item.words, item.state, bool(spans) and not within
    )
