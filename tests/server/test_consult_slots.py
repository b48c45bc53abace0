"""Experts' hours, slots that are booked once, the waiting list in its order: rules by themselves, then use cases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.base.context import Ctx, Grant
from server.base.errors import AppError, Forbidden, NotFound, WrongState
from server.consult import schedule, service
from server.consult.errors import NotTheRequester
from server.consult.model import ChosenSlot, Consult, Reason, RequestConsult, Schedule, Skills
from server.consult.planning import appointments, calendars, ics, store
from server.consult.planning.errors import HoursUnsound, NoOffer, SlotOfAnother, SlotTaken
from server.consult.planning.hours import (
    DAY_MIN,
    Span,
    Stretch,
    days_from,
    free,
    local_day,
    merged,
    moment,
    open_stretches,
    slots_of,
)
from server.consult.planning.model import (
    CalendarQuery,
    Holiday,
    Holidays,
    NewDayChange,
    Plan,
    SetHours,
    SlotsQuery,
    Wait,
    WeeklyHours,
)
from server.people import store as people
from server.people.model import GrantView
from tests.server.test_consult import SIGNED, Case
from tests.server.test_consult import case as case
from tests.server.test_consult_routing import routed as routed

CHINA = 480
EXPERT, SECOND, ASKER = "usr_first", "usr_second", "usr_east"
MONDAY = "2026-11-23"  # the town's clock starts on the Sunday before, at 11:00 local
NINE, HALF_PAST, TEN = (f"{MONDAY}T{utc}:00.000Z" for utc in ("01:00", "01:30", "02:00"))

stretches = st.lists(
    st.tuples(st.integers(0, DAY_MIN), st.integers(0, DAY_MIN)).map(lambda p: Stretch(min(p), max(p))), max_size=6
)


@given(stretches, stretches, stretches, st.booleans())
def test_open_is_the_usual_without_what_is_off_with_what_is_extra(
    weekly: list[Stretch], off: list[Stretch], extra: list[Stretch], holiday: bool
) -> None:
    found = open_stretches(weekly, off, extra, holiday=holiday)
    for one, following in pairwise(found):
        assert one.to_min < following.from_min
    for minute in range(0, DAY_MIN, 7):

        def within(some: list[Stretch], minute: int = minute) -> bool:
            return any(s.from_min <= minute < s.to_min for s in some)

        usual = within(weekly) and not holiday and not within(off)
        assert within(found) == (usual or within(extra))


@given(stretches, st.integers(5, 240), st.lists(st.tuples(st.integers(-100, 1500), st.integers(1, 300)), max_size=8))
def test_free_slots_lie_in_the_hours_one_after_the_other_and_meet_nothing(
    said: list[Stretch], slot_min: int, taken: list[tuple[int, int]]
) -> None:
    opened = merged(said)
    slots = slots_of(MONDAY, opened, slot_min, CHINA)
    assert len(slots) == sum((s.to_min - s.from_min) // slot_min for s in opened)
    busy = [Span(moment(MONDAY, at, CHINA), moment(MONDAY, at + long, CHINA)) for at, long in taken]
    left = free(slots, busy, moment(MONDAY, 300, CHINA))
    for one, following in pairwise(left):
        assert one.to_at <= following.from_at
    for one in left:
        assert local_day(one.from_at, CHINA) == MONDAY
        assert not any(one.meets(other) for other in busy)


def test_a_local_day_begins_eight_hours_before_utcs_on_every_day_of_a_year() -> None:
    for day in days_from("2026-01-01", 365):
        assert local_day(moment(day, 0, CHINA), CHINA) == local_day(moment(day, DAY_MIN - 1, CHINA), CHINA) == day
        assert moment(day, 9 * 60, CHINA) == f"{day}T01:00:00.000Z"


async def keep(case: Case, account: str = EXPERT, *, slot_min: int = 30, until: int = 10 * 60) -> None:
    """Mondays from nine to ten."""
    said = SetHours(slot_min, 0, [WeeklyHours(0, 9 * 60, until)])
    await calendars.set_hours(case.room, case.town.ctx(account), account, said)


async def offered(case: Case, **asked: str) -> list[tuple[str, str]]:
    found = await appointments.slots(case.room, SlotsQuery(**asked))  # type: ignore[arg-type]  # words in a test
    return [(s.expert, s.from_at) for s in found.slots]


async def book(case: Case, consult: Consult, at: str = NINE, *, by: str = ASKER, expert: str = EXPERT) -> Consult:
    return await appointments.book(case.room, case.town.ctx(by), consult.id, ChosenSlot(expert, at))


async def ask(case: Case, at: str | None = None, expert: str = EXPERT) -> Consult:
    new = RequestConsult(
        await case.town.recording(), "city", "目的", "摘要", "routine", "written", consent_paper=SIGNED,
        slot=None if at is None else ChosenSlot(expert, at),
    )  # fmt: skip
    return await service.request(case.room, case.town.ctx(ASKER), new)


async def waiting(case: Case, **days: str) -> Consult:
    consult = await case.accepted()
    return await appointments.wait(case.room, case.town.ctx(ASKER), consult.id, Wait(**days))


async def plan(case: Case, consult: Consult) -> Plan:
    return await appointments.plan(case.room, case.town.ctx(ASKER), consult.id)


async def test_slots_of_several_experts_stand_in_order_of_time_by_specialty_and_title(case: Case) -> None:
    await keep(case)
    await keep(case, SECOND, slot_min=60)
    assert await offered(case, org="city", from_day=MONDAY) == [
        (EXPERT, NINE), (SECOND, NINE), (EXPERT, HALF_PAST),
        (EXPERT, "2026-11-30T01:00:00.000Z"), (SECOND, "2026-11-30T01:00:00.000Z"),
        (EXPERT, "2026-11-30T01:30:00.000Z"),
    ]  # fmt: skip
    await service.set_skills(case.room, case.town.ctx(SECOND), Skills(["neurology"]))
    assert {who for who, _ in await offered(case, specialty="cardiology")} == {EXPERT}
    assert {who for who, _ in await offered(case, specialty="neurology")} == {EXPERT, SECOND}
    assert await offered(case, title="chief") == []
    assert await offered(case, org="county") == []
    with pytest.raises(HoursUnsound):
        await offered(case, from_day="2026-02-30")


async def test_a_request_with_a_slot_is_set_the_moment_its_expert_accepts(routed: Case) -> None:
    await keep(routed, SECOND)
    consult = await ask(routed, NINE, SECOND)
    assert [(t.account, t.why[0]) for t in consult.turns] == [(SECOND, "slot")]
    assert (SECOND, NINE) not in await offered(routed)
    with pytest.raises(SlotTaken):
        await ask(routed, NINE, SECOND)
    consult = await service.accept(routed.room, routed.town.ctx(SECOND), consult.id)
    assert (consult.state, consult.scheduled_at) == ("scheduled", NINE)
    booked = (await plan(routed, consult)).booking
    assert booked is not None
    assert (booked.kind, booked.expert, booked.to_at) == ("booked", SECOND, HALF_PAST)
    await routed.town.advance(21 * 3600)
    assert {e.body["before_s"] for e in await routed.town.events("consult.reminded")} == {3600}


@pytest.mark.parametrize("how", ["declines", "lets it pass", "a colleague accepts", "is cancelled"])
async def test_what_was_held_is_free_when_its_expert_does_not_accept(routed: Case, how: str) -> None:
    await keep(routed, SECOND)
    consult = await ask(routed, NINE, SECOND)
    match how:
        case "declines":
            consult = await service.decline(routed.room, routed.town.ctx(SECOND), consult.id, Reason("手术"))
        case "lets it pass":
            await routed.town.advance(1801)
        case "a colleague accepts":
            await service.accept(routed.room, routed.town.ctx(EXPERT), consult.id)
        case _:
            await service.cancel(routed.room, routed.town.ctx(ASKER), consult.id)
    assert (SECOND, NINE) in await offered(routed)
    assert (await plan(routed, consult)).booking is None
    if how in ("declines", "lets it pass"):
        assert (await routed.see(consult)).turns[-1].account == EXPERT


async def test_of_two_who_book_one_slot_at_once_one_has_it_and_the_other_gets_a_word(case: Case) -> None:
    await keep(case)
    consults = [await case.accepted() for _ in range(4)]
    done = await asyncio.gather(*(book(case, one) for one in consults), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Consult", "SlotTaken", "SlotTaken", "SlotTaken"]
    states = [(await case.see(one)).state for one in consults]
    assert sorted(states) == ["accepted", "accepted", "accepted", "scheduled"]


async def test_a_booking_is_moved_and_its_first_slot_is_free_again(case: Case) -> None:
    await keep(case)
    consult = await book(case, await case.accepted())
    assert await offered(case, from_day=MONDAY, expert=EXPERT) == [
        (EXPERT, HALF_PAST), (EXPERT, "2026-11-30T01:00:00.000Z"), (EXPERT, "2026-11-30T01:30:00.000Z"),
    ]  # fmt: skip
    consult = await book(case, consult, HALF_PAST)
    assert consult.scheduled_at == HALF_PAST
    assert (EXPERT, NINE) in await offered(case)
    assert (EXPERT, HALF_PAST) not in await offered(case)
    await service.cancel(case.room, case.town.ctx(ASKER), consult.id)
    assert (EXPERT, HALF_PAST) in await offered(case)


async def test_only_the_asking_side_books_and_only_what_is_offered(case: Case) -> None:
    await keep(case)
    await keep(case, SECOND)
    consult = await case.accepted()
    refused: tuple[tuple[type[AppError], str, str, str], ...] = (
        (NotTheRequester, EXPERT, EXPERT, NINE),
        (NotFound, "usr_west", EXPERT, NINE),
        (SlotOfAnother, ASKER, SECOND, NINE),
        (SlotTaken, ASKER, EXPERT, "2026-11-23T01:10:00.000Z"),
        (SlotTaken, ASKER, EXPERT, TEN),
        (SlotTaken, ASKER, EXPERT, "nine o'clock"),
        (SlotTaken, ASKER, EXPERT, "2026-11-16T01:00:00.000Z"),
    )
    for refusal, by, expert, at in refused:
        with pytest.raises(refusal):
            await book(case, consult, at, by=by, expert=expert)
    emergency = await case.ask()
    with pytest.raises(WrongState):
        await book(case, emergency)
    assert "book" not in (await case.see(emergency)).events
    with pytest.raises(SlotTaken):
        await ask(case, NINE, "usr_reader")


async def test_holidays_days_off_extra_hours_and_notice(case: Case) -> None:
    await keep(case)
    own, keeper = case.town.ctx(EXPERT), replace(case.town.ctx("usr_duty"), grants=())
    with pytest.raises(Forbidden):
        await calendars.set_holidays(case.room, own, "city", Holidays([Holiday(MONDAY, "院庆")]))
    with pytest.raises(Forbidden):
        await calendars.set_hours(case.room, case.town.ctx(SECOND), EXPERT, SetHours(30, 0, []))
    with pytest.raises(Forbidden):
        await calendars.set_hours(case.room, keeper, EXPERT, SetHours(30, 0, []))
    with pytest.raises(NotFound):
        await calendars.set_hours(case.room, own, "usr_reader", SetHours(30, 0, []))
    coordinator = await add_coordinator(case)
    await calendars.set_holidays(case.room, coordinator, "city", Holidays([Holiday(MONDAY, "院庆")]))
    assert (await offered(case, from_day=MONDAY))[0] == (EXPERT, "2026-11-30T01:00:00.000Z")
    hours = await calendars.change_day(
        case.room, coordinator, EXPERT, NewDayChange(MONDAY, "extra", 9 * 60, 9 * 60 + 30, "补")
    )
    assert (await offered(case, from_day=MONDAY))[0] == (EXPERT, NINE)
    await calendars.change_day(case.room, own, EXPERT, NewDayChange("2026-11-30", "off"))
    assert await offered(case, from_day=MONDAY) == [(EXPERT, NINE)]
    await calendars.drop_change(case.room, own, EXPERT, hours.changes[0].id)
    assert await offered(case, from_day=MONDAY) == []
    with pytest.raises(NotFound):
        await calendars.drop_change(case.room, own, EXPERT, "dch_0")
    late_notice = SetHours(30, 9 * 1440, [WeeklyHours(0, 540, 600)])
    hours = await calendars.set_hours(case.room, own, EXPERT, late_notice)
    assert (hours.notice_min, hours.kept_by_name, hours.slot_min) == (9 * 1440, "沈一线", 30)
    assert [at for _, at in await offered(case, from_day=MONDAY, expert=EXPERT)] == []


async def add_coordinator(case: Case) -> Ctx:
    await case.town.db.write(
        lambda tx: people.add_account(
            tx.conn, [GrantView("coordinator", "city")], id="usr_desk", login="desk", name="协调员", title="",
            password="-", active=True, created_at=tx.now,
        )
    )  # fmt: skip
    return replace(case.town.ctx("usr_duty"), actor="usr_desk", name="协调员", grants=(Grant("coordinator", "city"),))


@pytest.mark.parametrize(
    "said",
    [
        SetHours(4, 0, []),
        SetHours(30, -1, []),
        SetHours(30, 0, [WeeklyHours(7, 0, 60)]),
        SetHours(30, 0, [WeeklyHours(0, 60, 60)]),
        SetHours(30, 0, [WeeklyHours(0, 60, 80)]),
        SetHours(30, 0, [WeeklyHours(0, 1400, 1450)]),
        SetHours(30, 0, [WeeklyHours(0, 0, 120), WeeklyHours(0, 60, 180)]),
        SetHours(30, 0, [WeeklyHours(0, 0, 60)] * 51),
    ],
)
async def test_hours_that_cannot_be_are_refused_by_name(case: Case, said: SetHours) -> None:
    with pytest.raises(HoursUnsound):
        await calendars.set_hours(case.room, case.town.ctx(EXPERT), EXPERT, said)


async def test_who_waits_is_offered_what_is_freed_in_the_order_of_joining(routed: Case) -> None:
    await keep(routed, until=9 * 60 + 30)
    await calendars.change_day(routed.room, routed.town.ctx(EXPERT), EXPERT, NewDayChange("2026-11-30", "off"))
    week = {"from_day": MONDAY, "to_day": MONDAY}
    holder = await book(routed, await routed.accepted())
    first = await waiting(routed, **week)
    routed.town.clock.advance(1)
    second, other_week = (
        await waiting(routed, **week),
        await waiting(routed, from_day="2026-11-24", to_day="2026-11-29"),
    )
    line = (await plan(routed, second)).waiting
    assert line is not None
    assert (line.place, line.length) == (2, 3)
    await service.cancel(routed.room, routed.town.ctx(ASKER), holder.id)
    offer = (await plan(routed, first)).offer
    assert offer is not None
    assert (offer.from_at, offer.until) == (NINE, "2026-11-22T05:00:01.000Z")
    assert [e.topic for e in await routed.town.events("consult.slot_offered")] == ["consult", f"user:{ASKER}"]
    assert (await plan(routed, second)).offer is None
    assert (EXPERT, NINE) not in await offered(routed)
    with pytest.raises(SlotTaken):
        await book(routed, second)

    # Two hours of silence: the next is asked, and the first keeps his place without being asked for it again.
    await routed.town.advance(7200)
    assert (await plan(routed, first)).offer is None
    assert (await plan(routed, second)).offer is not None
    second = await book(routed, second)
    assert (second.state, second.scheduled_at) == ("scheduled", NINE)
    assert (await plan(routed, second)).waiting is None
    line = (await plan(routed, first)).waiting
    assert line is not None
    assert (line.place, line.length) == (1, 2)
    assert (await plan(routed, other_week)).offer is None
    with pytest.raises(NoOffer):
        await appointments.pass_offer(routed.room, routed.town.ctx(ASKER), first.id)


async def test_who_has_a_time_waits_only_for_an_earlier_one_and_takes_it(case: Case) -> None:
    await keep(case)
    late = await book(case, await case.accepted(), HALF_PAST)
    early = await book(case, await case.accepted(), NINE)
    await appointments.wait(case.room, case.town.ctx(ASKER), late.id, Wait())
    assert (await plan(case, late)).offer is None
    await book(case, early, "2026-11-30T01:00:00.000Z")
    offer = (await plan(case, late)).offer
    assert offer is not None
    assert offer.from_at == NINE
    moved = await book(case, late, NINE)
    assert moved.scheduled_at == NINE
    assert (EXPERT, HALF_PAST) in await offered(case)


async def test_who_leaves_or_passes_gives_the_offer_to_the_next(case: Case) -> None:
    await keep(case, until=9 * 60 + 30)
    await calendars.change_day(case.room, case.town.ctx(EXPERT), EXPERT, NewDayChange("2026-11-30", "off"))
    week = {"to_day": "2026-11-30"}
    holder = await book(case, await case.accepted())
    one, two, three = [await waiting(case, **week) for _ in range(3)]
    order = await case.town.db.read(lambda conn: [w["consult"] for w in store.waiting_for(conn, EXPERT)])
    ranked = sorted((one, two, three), key=lambda c: order.index(c.id))
    await service.cancel(case.room, case.town.ctx(ASKER), holder.id)
    await appointments.leave(case.room, case.town.ctx(ASKER), ranked[0].id)
    assert (await plan(case, ranked[1])).offer is not None
    await appointments.pass_offer(case.room, case.town.ctx(ASKER), ranked[1].id)
    assert (await plan(case, ranked[2])).offer is not None
    assert (await plan(case, ranked[0])).waiting is None
    assert (await plan(case, ranked[1])).waiting is not None


async def test_the_expert_gives_a_time_back_and_the_requester_is_first_in_line(case: Case) -> None:
    await keep(case)
    consult = await book(case, await case.accepted())
    case.town.clock.advance(60)
    early = await waiting(case, to_day="2026-11-22")
    consult = await schedule.give_back(case.room, case.town.ctx(EXPERT), consult.id, Reason("急诊手术"))
    assert (consult.state, consult.scheduled_at, consult.reason) == ("accepted", None, "急诊手术")
    assert (EXPERT, NINE) not in await offered(case)
    offer = (await plan(case, consult)).offer
    assert offer is not None
    assert offer.from_at == HALF_PAST
    line = (await plan(case, early)).waiting
    assert line is not None
    assert line.place == 2
    assert f"user:{ASKER}" in [e.topic for e in await case.town.events("consult.given_back")]
    with pytest.raises(WrongState):
        await schedule.give_back(case.room, case.town.ctx(EXPERT), consult.id, Reason("急诊手术"))


async def test_a_week_shows_hours_appointments_and_what_fell_out_of_the_hours(case: Case) -> None:
    await keep(case)
    consult = await book(case, await case.accepted())
    await schedule.schedule(
        case.room, case.town.ctx(EXPERT), (await case.accepted()).id, Schedule(f"{MONDAY}T09:00:00.000Z")
    )
    asked = CalendarQuery(account=EXPERT, from_day=MONDAY)
    week = (await calendars.calendar(case.room, case.town.ctx("usr_head"), asked)).experts[0]
    monday = week.days[0]
    assert (len(week.days), monday.open, monday.free) == (7, [(NINE, TEN)], 1)
    shown = [(a.kind, a.from_at, a.consult, a.words, a.outside) for a in monday.items]
    assert shown[0] == ("booked", NINE, consult.id, "王小明", False)
    assert (shown[1][1], shown[1][4]) == (f"{MONDAY}T09:00:00.000Z", True)
    strange = (await calendars.calendar(case.room, case.town.ctx("usr_west"), asked)).experts[0]
    assert {(a.consult, a.words) for a in strange.days[0].items} == {(None, "")}
    everybody = await calendars.calendar(case.room, case.town.ctx("usr_head"), CalendarQuery(org="city"))
    assert {e.account for e in everybody.experts} == {EXPERT, SECOND, "usr_head"}
    mine = await calendars.calendar(case.room, case.town.ctx("usr_head"), CalendarQuery())
    assert [(e.account, e.has_hours) for e in mine.experts] == [("usr_head", False)]


async def test_ones_own_appointments_as_a_file_without_a_patient(case: Case) -> None:
    await keep(case)
    consult = await book(case, await case.accepted())
    for account, other in ((EXPERT, "东乡卫生院"), (ASKER, "市第一人民医院")):
        found = await calendars.appointments_of(case.room, account)
        assert found == [(consult.id, NINE, HALF_PAST, other)]
    text = ics.calendar([("con_1", NINE, HALF_PAST, "甲;乙,丙\r\n" * 9)], NINE, lang="zh").decode()
    assert "DTSTART:20261123T010000Z\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "甲\\;乙\\,丙" in text.replace("\r\n ", "")
    assert await calendars.appointments_of(case.room, "usr_west") == []
