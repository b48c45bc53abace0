"""Visiting-expert clinics: places in order, full, closed, moved, late, cancelled; and the waiting room's tests."""

from __future__ import annotations

import asyncio

import pytest

from server.base.errors import Forbidden, NotFound, WrongState
from server.consult import schedule, service
from server.consult.errors import NotAMember
from server.consult.model import ChosenSlot, Consult, Reason, RequestConsult, Schedule
from server.consult.planning import appointments, clinics
from server.consult.planning.errors import ClinicFull, ClinicUnsound, SlotTaken
from server.consult.planning.model import (
    CLINIC,
    Clinic,
    ClinicsQuery,
    DeviceCheck,
    Late,
    MoveClinic,
    NewClinic,
    Plan,
    Wait,
)
from tests.server.test_consult import SIGNED, Case
from tests.server.test_consult import case as case
from tests.server.test_consult_routing import routed as routed
from tests.server.test_consult_slots import ASKER, EXPERT, MONDAY, SECOND, add_coordinator, keep, offered

NINE = f"{MONDAY}T01:00:00.000Z"
PLACES = [f"{MONDAY}T01:{minute}:00.000Z" for minute in ("00", "20", "40")]


async def sit(case: Case, *, capacity: int = 3, at: str = NINE, by: str = EXPERT) -> Clinic:
    """Twenty minutes a place, in the county's hospital."""
    new = NewClinic(EXPERT, at, 20, capacity, "county", "每月第四周")
    return await clinics.open_clinic(case.room, case.town.ctx(by), new)


async def join(case: Case, consult: Consult, clinic: Clinic) -> Consult:
    chosen = ChosenSlot(EXPERT, "", clinic.id)
    return await appointments.book(case.room, case.town.ctx(ASKER), consult.id, chosen)


async def see(case: Case, clinic: Clinic, by: str = EXPERT) -> Clinic:
    found = await clinics.clinics(case.room, case.town.ctx(by), ClinicsQuery())
    return next(one for one in found.clinics if one.id == clinic.id)


async def plan(case: Case, consult: Consult) -> Plan:
    return await appointments.plan(case.room, case.town.ctx(ASKER), consult.id)


async def test_places_go_in_order_each_with_its_time_until_it_is_full(case: Case) -> None:
    clinic = await sit(case)
    assert (clinic.free, clinic.host_org_name, [p.from_at for p in clinic.places]) == (3, "县人民医院", PLACES)
    consults = [await case.accepted() for _ in range(4)]
    for at, one in zip(PLACES, consults[:3], strict=True):
        assert (await join(case, one, clinic)).scheduled_at == at
    with pytest.raises(ClinicFull):
        await join(case, consults[3], clinic)
    booking = (await plan(case, consults[1])).booking
    assert booking is not None
    assert (booking.clinic, booking.place) == (clinic.id, 2)
    assert [(p.place, p.consult, p.words) for p in (await see(case, clinic)).places] == [
        (n, one.id, "王小明") for n, one in enumerate(consults[:3], 1)
    ]
    strange = await see(case, clinic, "usr_west")
    assert {(p.kind, p.consult, p.words) for p in strange.places} == {("booked", None, "")}
    # A place that is given up is the next one's.
    await service.cancel(case.room, case.town.ctx(ASKER), consults[0].id)
    assert (await join(case, consults[3], clinic)).scheduled_at == PLACES[0]


async def test_everybody_at_once_gets_a_place_of_his_own_or_a_word(case: Case) -> None:
    clinic = await sit(case)
    consults = [await case.accepted() for _ in range(5)]
    done = await asyncio.gather(*(join(case, one, clinic) for one in consults), return_exceptions=True)
    assert sorted(one.scheduled_at or "" for one in done if isinstance(one, Consult)) == PLACES
    assert [type(one) for one in done if not isinstance(one, Consult)] == [ClinicFull, ClinicFull]


async def test_a_clinic_takes_the_experts_whole_time_and_is_offered_beside_slots(case: Case) -> None:
    await keep(case)
    clinic = await sit(case)
    assert await offered(case, from_day=MONDAY, expert=EXPERT) == [
        (EXPERT, NINE), (EXPERT, "2026-11-30T01:00:00.000Z"), (EXPERT, "2026-11-30T01:30:00.000Z"),
    ]  # fmt: skip
    other = await case.accepted()
    for at in (NINE, f"{MONDAY}T01:50:00.000Z"):
        with pytest.raises(SlotTaken):
            await schedule.schedule(case.room, case.town.ctx(EXPERT), other.id, Schedule(at))
    with pytest.raises(SlotTaken):
        await sit(case, at=PLACES[1])
    new = RequestConsult(
        await case.town.recording(), "city", "目的", "摘要", "routine", "written", consent_paper=SIGNED,
        slot=ChosenSlot(EXPERT, "", clinic.id),
    )  # fmt: skip
    asked = await service.request(case.room, case.town.ctx(ASKER), new)
    assert (await see(case, clinic)).places[0].kind == "held"
    accepted = await service.accept(case.room, case.town.ctx(EXPERT), asked.id)
    assert (accepted.state, accepted.scheduled_at) == ("scheduled", NINE)


async def test_closed_it_takes_nobody_and_keeps_who_has_a_place(case: Case) -> None:
    clinic = await sit(case)
    first, second = await case.accepted(), await case.accepted()
    await join(case, first, clinic)
    closed = await clinics.close(case.room, case.town.ctx(EXPERT), clinic.id)
    assert (closed.state, closed.free, closed.places[0].consult) == ("closed", 0, first.id)
    with pytest.raises(ClinicFull):
        await join(case, second, clinic)
    await clinics.reopen(case.room, case.town.ctx(EXPERT), clinic.id)
    assert (await join(case, second, clinic)).scheduled_at == PLACES[1]


async def test_moved_everybody_keeps_his_number_and_is_told_of_his_time(routed: Case) -> None:
    clinic = await sit(routed)
    consults = [await routed.accepted() for _ in range(2)]
    for one in consults:
        await join(routed, one, clinic)
    to = f"{MONDAY}T06:00:00.000Z"
    moved = await clinics.move(routed.room, routed.town.ctx(EXPERT), clinic.id, MoveClinic(to, None))
    assert (moved.from_at, moved.host_org) == (to, None)
    assert [(await routed.see(one)).scheduled_at for one in consults] == [to, f"{MONDAY}T06:20:00.000Z"]
    assert [e.body["at"] for e in await routed.town.events("consult.scheduled")][2:] == [to, f"{MONDAY}T06:20:00.000Z"]
    near = await clinics.move(
        routed.room, routed.town.ctx(EXPERT), clinic.id, MoveClinic(f"{MONDAY}T06:10:00.000Z", None)
    )
    assert near.places[0].consult == consults[0].id


async def test_late_it_begins_later_for_all_and_nobody_counts_as_missing(case: Case) -> None:
    clinic = await sit(case)
    consult = await join(case, await case.accepted(), clinic)
    late = await clinics.late(case.room, case.town.ctx(EXPERT), clinic.id, Late(25))
    assert [p.starts_at[11:16] for p in late.places] == ["01:25", "01:45", "02:05"]
    assert (await plan(case, consult)).starts_at == f"{MONDAY}T01:25:00.000Z"
    assert f"user:{ASKER}" in [e.topic for e in await case.town.events("consult.late")]


async def test_cancelled_its_consultations_are_first_in_line_in_the_order_of_their_places(case: Case) -> None:
    clinic = await sit(case, capacity=2)
    consults = []
    for _ in range(2):
        consults.append(await join(case, await case.accepted(), clinic))
        case.town.clock.advance(1)
    other = await case.accepted()
    await appointments.wait(case.room, case.town.ctx(ASKER), other.id, Wait())
    with pytest.raises(Forbidden):
        await clinics.cancel(case.room, case.town.ctx(SECOND), clinic.id, Reason("大雪封路"))
    desk = await add_coordinator(case)
    gone = await clinics.cancel(case.room, desk, clinic.id, Reason("大雪封路"))
    assert (gone.state, gone.note, gone.free, gone.events) == ("cancelled", "大雪封路", 0, [])
    for place, one in enumerate([*consults, other], 1):
        seen = await case.see(one)
        line = (await plan(case, one)).waiting
        assert (seen.state, line and line.place) == ("accepted", place)
    with pytest.raises(WrongState):
        await clinics.cancel(case.room, desk, clinic.id, Reason("大雪封路"))
    assert CLINIC.allowed("cancelled") == ()


@pytest.mark.parametrize(
    ("at", "minutes", "capacity", "refusal"),
    [
        (NINE, 4, 3, ClinicUnsound),
        (NINE, 20, 0, ClinicUnsound),
        (NINE, 20, 101, ClinicUnsound),
        (NINE, 240, 8, ClinicUnsound),
        ("2026-11-20T01:00:00.000Z", 20, 3, ClinicUnsound),
    ],
)
async def test_a_clinic_that_cannot_be_is_refused_by_name(
    case: Case, at: str, minutes: int, capacity: int, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await clinics.open_clinic(case.room, case.town.ctx(EXPERT), NewClinic(EXPERT, at, minutes, capacity))
    with pytest.raises(NotFound):
        await clinics.open_clinic(case.room, case.town.ctx(EXPERT), NewClinic(EXPERT, NINE, 20, 3, "nowhere"))


async def test_who_waits_before_the_room_has_tested_his_devices_and_the_others_hear_once(case: Case) -> None:
    consult = await case.accepted()
    for _ in range(2):
        found = await appointments.tested(case.room, case.town.ctx(ASKER), consult.id, DeviceCheck(True, False, 48))
    assert [(t.name, t.camera, t.microphone, t.rtt_ms) for t in found.tested] == [("东医生", True, False, 48)]
    told = [e.topic for e in await case.town.events("consult.tested")]
    assert told == ["consult", f"user:{ASKER}", f"user:{EXPERT}"]
    case.town.clock.advance(601)
    await appointments.tested(case.room, case.town.ctx(ASKER), consult.id, DeviceCheck(True, True))
    assert len(await case.town.events("consult.tested")) == 6
    with pytest.raises(NotAMember):
        await appointments.tested(case.room, case.town.ctx(SECOND), consult.id, DeviceCheck(True, True))
