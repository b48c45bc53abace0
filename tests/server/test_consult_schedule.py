"""The time of a consultation: set, moved, reminded of once, missed, set anew."""

from __future__ import annotations

import pytest

from server.base.errors import NotFound, WrongState
from server.consult import schedule, service
from server.consult.errors import NotTheExpert, TimePast, WantedTimeUnreadable
from server.consult.model import Consult, Schedule
from server.consult.planning import appointments
from server.consult.planning.errors import HoursUnsound, SlotTaken
from server.consult.planning.model import Late
from tests.server.test_consult import Case
from tests.server.test_consult import case as case
from tests.server.test_consult_routing import routed as routed
from tests.server.test_consult_routing import run_reactions

AT, LATER = "2026-11-22T06:00:00.000Z", "2026-11-22T08:00:00.000Z"  # the town's clock starts at 03:00
HOUR = 3600


async def set_time(case: Case, consult: Consult, at: str = AT, by: str = "usr_first") -> Consult:
    return await schedule.schedule(case.room, case.town.ctx(by), consult.id, Schedule(at))


async def reminded(case: Case) -> list[tuple[str, object, object]]:
    return [(e.topic, e.body["at"], e.body["before_s"]) for e in await case.town.events("consult.reminded")]


async def test_both_sides_are_reminded_at_each_step_once_and_may_come_early_or_late(routed: Case) -> None:
    consult = await set_time(routed, await routed.accepted())
    assert (consult.state, consult.scheduled_at) == ("scheduled", AT)
    await routed.town.advance(2 * HOUR - 1)
    assert await reminded(routed) == []
    steps = []
    for wait_s, before_s in ((1, HOUR), (2400, 1200), (600, 600)):
        await routed.town.advance(wait_s)
        steps += [("user:usr_east", AT, before_s), ("user:usr_first", AT, before_s)]
        assert await reminded(routed) == steps
    await routed.town.advance(35 * 60)
    entered = await service.enter(routed.room, routed.town.ctx("usr_east"), consult.id)
    assert entered.consult.state == "in_progress"
    await routed.town.advance(HOUR)
    assert (await routed.see(consult)).state == "in_progress"
    assert await reminded(routed) == steps


async def test_nobody_came_and_a_new_time_is_set(routed: Case) -> None:
    consult = await set_time(routed, await routed.accepted())
    await routed.town.advance(2 * HOUR + 55 * 60)
    await routed.town.advance(36 * 60)
    consult = await routed.see(consult, "usr_first")
    assert (consult.state, "schedule" in consult.events) == ("no_show", True)
    assert [e.body["state"] for e in await routed.town.events("consult.missed")] == ["no_show"]
    with pytest.raises(WrongState):
        await service.enter(routed.room, routed.town.ctx("usr_east"), consult.id)
    consult = await set_time(routed, consult, LATER)
    assert (consult.state, consult.scheduled_at) == ("scheduled", LATER)
    await routed.town.advance(HOUR + 20 * 60)
    assert [told[1] for told in await reminded(routed)] == [AT] * 2 + [LATER] * 2


async def test_a_moved_time_forgets_the_earlier_one(routed: Case) -> None:
    consult = await set_time(routed, await routed.accepted())
    await set_time(routed, consult, LATER)
    await routed.town.advance(3 * HOUR + 31 * 60)
    assert (await routed.see(consult)).state == "scheduled"
    assert await routed.town.events("consult.reminded") == []


async def test_a_reminder_outlives_a_restart(case: Case) -> None:
    await set_time(case, await case.accepted())
    await case.town.close()
    case.town.clock.advance(2 * HOUR + 50 * 60)
    await case.town.open()
    case.room = case.make()
    spine = await run_reactions(case)
    await case.town.settle()
    assert [told[2] for told in await reminded(case)] == [600, 600]  # the earlier steps are overtaken
    await spine.stop()


async def test_the_expert_is_late_and_nobody_counts_as_missing_before(routed: Case) -> None:
    consult = await set_time(routed, await routed.accepted())
    with pytest.raises(NotTheExpert):
        await schedule.late(routed.room, routed.town.ctx("usr_east"), consult.id, Late(40))
    await schedule.late(routed.room, routed.town.ctx("usr_first"), consult.id, Late(40))
    told = await routed.town.events("consult.late")
    assert {(e.topic, e.body["minutes"]) for e in told} == {
        ("consult", 40), ("user:usr_east", 40), ("user:usr_first", 40)
    }  # fmt: skip
    plan = await appointments.plan(routed.room, routed.town.ctx("usr_east"), consult.id)
    assert plan.starts_at == "2026-11-22T06:40:00.000Z"
    await routed.town.advance(3 * HOUR + 69 * 60)
    assert (await routed.see(consult)).state == "scheduled"
    await routed.town.advance(60)
    assert (await routed.see(consult)).state == "no_show"
    with pytest.raises(HoursUnsound):
        await schedule.late(routed.room, routed.town.ctx("usr_first"), consult.id, Late(-1))


async def test_a_time_that_the_chair_has_given_away_is_refused(case: Case) -> None:
    first, second = await case.accepted(), await case.accepted()
    await set_time(case, first)
    for taken in (AT, "2026-11-22T06:29:00.000Z", "2026-11-22T05:31:00.000Z"):
        with pytest.raises(SlotTaken):
            await set_time(case, second, taken)
    assert (await case.see(second)).state == "accepted"
    assert (await set_time(case, second, "2026-11-22T06:30:00.000Z")).state == "scheduled"
    assert (await set_time(case, first, "2026-11-22T05:45:00.000Z")).state == "scheduled"


async def test_only_the_chair_sets_a_time_that_is_to_come(case: Case) -> None:
    consult = await case.accepted()
    for by, at, refusal in (
        ("usr_first", "2026-11-22T02:00:00.000Z", TimePast),
        ("usr_first", "下午三点", WantedTimeUnreadable),
        ("usr_second", AT, NotTheExpert),
        ("usr_east", AT, NotTheExpert),
        ("usr_west", AT, NotFound),
    ):
        with pytest.raises(refusal):
            await set_time(case, consult, at, by)
    asked = await case.ask()
    with pytest.raises(NotTheExpert):
        await set_time(case, asked)
