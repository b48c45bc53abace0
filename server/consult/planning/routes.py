"""HTTP of hours, slots, the waiting list, visiting clinics and the waiting room: decode, call the use case, encode."""

from __future__ import annotations

from server.base.clock import iso
from server.base.http import Call, Raw, Route
from server.consult import schedule
from server.consult.model import ChosenSlot, Consult, Experts, Reason
from server.consult.planning import appointments, calendars, clinics, ics
from server.consult.planning.model import (
    Calendar,
    CalendarQuery,
    Clinic,
    Clinics,
    ClinicsQuery,
    DeviceCheck,
    Holidays,
    Hours,
    IcsQuery,
    Late,
    MoveClinic,
    NewClinic,
    NewDayChange,
    Plan,
    SetHours,
    Slots,
    SlotsQuery,
    Wait,
)
from server.consult.service import Consultations


def routes(room: Consultations) -> tuple[Route, ...]:
    return (*_of_consults(room), *_of_calendars(room), *_of_clinics(room))


def _of_consults(room: Consultations) -> tuple[Route, ...]:
    async def plan(call: Call) -> Plan:
        return await appointments.plan(room, call.ctx, call.path["id"])

    async def book(call: Call) -> Consult:
        return await appointments.book(room, call.ctx, call.path["id"], call.body)

    async def wait(call: Call) -> Consult:
        return await appointments.wait(room, call.ctx, call.path["id"], call.body)

    async def leave(call: Call) -> Consult:
        return await appointments.leave(room, call.ctx, call.path["id"])

    async def pass_offer(call: Call) -> Consult:
        return await appointments.pass_offer(room, call.ctx, call.path["id"])

    async def tested(call: Call) -> Plan:
        return await appointments.tested(room, call.ctx, call.path["id"], call.body)

    async def give_back(call: Call) -> Consult:
        return await schedule.give_back(room, call.ctx, call.path["id"], call.body)

    async def late(call: Call) -> Consult:
        return await schedule.late(room, call.ctx, call.path["id"], call.body)

    path = "/api/consults/{id}"
    return (
        Route("GET", f"{path}/plan", "consult.read", plan, result=Plan),
        Route("POST", f"{path}/book", "consult.request", book, body=ChosenSlot, result=Consult),
        Route("POST", f"{path}/wait", "consult.request", wait, body=Wait, result=Consult),
        Route("POST", f"{path}/wait/leave", "consult.request", leave, result=Consult),
        Route("POST", f"{path}/offer/pass", "consult.request", pass_offer, result=Consult),
        Route("POST", f"{path}/tested", "consult.read", tested, body=DeviceCheck, result=Plan),
        Route("POST", f"{path}/give-back", "consult.answer", give_back, body=Reason, result=Consult),
        Route("POST", f"{path}/late", "consult.answer", late, body=Late, result=Consult),
    )


def _of_calendars(room: Consultations) -> tuple[Route, ...]:
    async def slots(call: Call) -> Slots:
        return await appointments.slots(room, call.query)

    async def answerers(call: Call) -> Experts:
        return await calendars.answerers(room, call.ctx)

    async def calendar(call: Call) -> Calendar:
        return await calendars.calendar(room, call.ctx, call.query)

    async def as_file(call: Call) -> Raw:
        found = await calendars.appointments_of(room, call.ctx.actor)
        body = ics.calendar(found, iso(room.clock.now()), lang=call.query.lang)
        return Raw(body, "text/calendar", filename="xinlian.ics", attachment=True)

    async def hours(call: Call) -> Hours:
        return await calendars.hours(room, call.path["account"])

    async def set_hours(call: Call) -> Hours:
        return await calendars.set_hours(room, call.ctx, call.path["account"], call.body)

    async def change_day(call: Call) -> Hours:
        return await calendars.change_day(room, call.ctx, call.path["account"], call.body)

    async def drop_change(call: Call) -> Hours:
        return await calendars.drop_change(room, call.ctx, call.path["account"], call.path["change"])

    async def holidays(call: Call) -> Holidays:
        return await calendars.holidays(room, call.path["org"])

    async def set_holidays(call: Call) -> Holidays:
        return await calendars.set_holidays(room, call.ctx, call.path["org"], call.body)

    of_expert, of_org = "/api/consult/hours/{account}", "/api/consult/holidays/{org}"
    return (
        Route("GET", "/api/consult/slots", "calendar.read", slots, query=SlotsQuery, result=Slots),
        Route("GET", "/api/consult/answerers", "calendar.keep", answerers, result=Experts),
        Route("GET", "/api/consult/calendar", "calendar.read", calendar, query=CalendarQuery, result=Calendar),
        Route("GET", "/api/consult/calendar.ics", "calendar.read", as_file, query=IcsQuery),
        Route("GET", of_expert, "calendar.read", hours, result=Hours),
        Route("PUT", of_expert, "calendar.write", set_hours, body=SetHours, result=Hours),
        Route("POST", f"{of_expert}/days", "calendar.write", change_day, body=NewDayChange, result=Hours),
        Route("DELETE", f"{of_expert}/days/{{change}}", "calendar.write", drop_change, result=Hours),
        Route("GET", of_org, "calendar.read", holidays, result=Holidays),
        Route("PUT", of_org, "calendar.keep", set_holidays, body=Holidays, result=Holidays),
    )


def _of_clinics(room: Consultations) -> tuple[Route, ...]:
    async def all_of_them(call: Call) -> Clinics:
        return await clinics.clinics(room, call.ctx, call.query)

    async def open_clinic(call: Call) -> Clinic:
        return await clinics.open_clinic(room, call.ctx, call.body)

    async def close(call: Call) -> Clinic:
        return await clinics.close(room, call.ctx, call.path["id"])

    async def reopen(call: Call) -> Clinic:
        return await clinics.reopen(room, call.ctx, call.path["id"])

    async def move(call: Call) -> Clinic:
        return await clinics.move(room, call.ctx, call.path["id"], call.body)

    async def late(call: Call) -> Clinic:
        return await clinics.late(room, call.ctx, call.path["id"], call.body)

    async def cancel(call: Call) -> Clinic:
        return await clinics.cancel(room, call.ctx, call.path["id"], call.body)

    path = "/api/consult/clinics"
    return (
        Route("GET", path, "calendar.read", all_of_them, query=ClinicsQuery, result=Clinics),
        Route("POST", path, "calendar.write", open_clinic, body=NewClinic, result=Clinic),
        Route("POST", f"{path}/{{id}}/close", "calendar.write", close, result=Clinic),
        Route("POST", f"{path}/{{id}}/reopen", "calendar.write", reopen, result=Clinic),
        Route("POST", f"{path}/{{id}}/move", "calendar.write", move, body=MoveClinic, result=Clinic),
        Route("POST", f"{path}/{{id}}/late", "calendar.write", late, body=Late, result=Clinic),
        Route("POST", f"{path}/{{id}}/cancel", "calendar.write", cancel, body=Reason, result=Clinic),
    )
