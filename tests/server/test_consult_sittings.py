"""Several sittings of one case: seats and what they allow, attendance, minutes, interim results, who is reminded."""

from __future__ import annotations

import json

import pytest

from server.base.errors import NotFound, WrongState
from server.consult import opinions, service
from server.consult.errors import NotTheExpert
from server.consult.model import Conclude, Consult, NewOpinion
from server.consult.planning import appointments, calendars
from server.consult.planning.model import SetHours, SlotsQuery, WeeklyHours
from server.consult.sittings import series
from server.consult.sittings.errors import NoVoice, SittingOpen, SittingUnsound
from server.consult.sittings.model import (
    SITTING,
    CloseSitting,
    NewMinutes,
    PlanSitting,
    Seat,
    Sitting,
    SittingRole,
)
from tests.server.test_consult import Case
from tests.server.test_consult import case as case
from tests.server.test_consult_opinions import CHAIR, SECOND, THIRD, mdt
from tests.server.test_consult_routing import routed as routed

ASKER = "usr_east"
AT = "2026-11-23T06:00:00.000Z"


async def plan(case: Case, consult: Consult, *seats: tuple[str, SittingRole], at: str | None = AT) -> Sitting:
    said = PlanSitting("是否换瓣", at, 60, [Seat(account, role) for account, role in seats])
    return (await series.plan(case.room, case.town.ctx(CHAIR), consult.id, said)).sittings[-1]


async def begin(case: Case, consult: Consult, number: int = 1) -> Sitting:
    return (await series.begin(case.room, case.town.ctx(CHAIR), consult.id, number)).sittings[number - 1]


async def see(case: Case, consult: Consult, by: str = CHAIR) -> list[Sitting]:
    return (await series.sittings(case.room, case.town.ctx(by), consult.id)).sittings


def seated(sitting: Sitting) -> list[tuple[str, str]]:
    return [(s.account, s.role) for s in sitting.seats]


async def test_without_seats_everybody_of_the_case_sits_and_the_requester_presents(case: Case) -> None:
    consult = await mdt(case)
    sitting = await plan(case, consult)
    assert seated(sitting) == [(CHAIR, "chair"), (ASKER, "presenter"), (THIRD, "expert"), (SECOND, "expert")]
    assert (sitting.number, sitting.state, sitting.events) == (1, "planned", ["plan", "open", "cancel"])
    assert (await see(case, consult, SECOND))[0].events == []
    told = await case.town.events("sitting.planned")
    assert sorted(e.topic for e in told) == ["sitting", *(f"user:{a}" for a in (ASKER, CHAIR, THIRD, SECOND))]


async def test_three_sittings_each_with_its_attendance_opinions_and_minutes_and_one_conclusion(case: Case) -> None:
    consult = await mdt(case)
    for number in (1, 2, 3):
        await plan(case, consult, at=None)
        await begin(case, consult, number)
        there = (CHAIR, SECOND) if number == 1 else (CHAIR, THIRD)
        for account in there:
            await service.enter(case.room, case.town.ctx(account), consult.id)
        await opinions.opine(case.room, case.town.ctx(there[1]), consult.id, NewOpinion(f"第 {number} 次"))
        for version in (1, 2):
            text = NewMinutes(f"记录 {number}.{version}")
            await series.write_minutes(case.room, case.town.ctx(CHAIR), consult.id, number, text)
        interim = CloseSitting("先抗凝" if number < 3 else "")
        await series.close(case.room, case.town.ctx(CHAIR), consult.id, number, interim)
    found = await see(case, consult)
    assert [[s.account for s in one.seats if s.came_at] for one in found] == [
        [CHAIR, SECOND], [CHAIR, THIRD], [CHAIR, THIRD]
    ]  # fmt: skip
    assert [one.opinions for one in found] == [["陆二线"], ["严组长"], ["严组长"]]
    assert [one.interim for one in found] == ["先抗凝", "先抗凝", ""]
    assert [one.record and (one.record.text, one.record.version) for one in found] == [
        (f"记录 {n}.2", 2) for n in (1, 2, 3)
    ]
    seen = await case.see(consult, THIRD)
    assert {(o.account, o.sitting) for o in seen.opinions} == {(SECOND, 1), (THIRD, 2), (THIRD, 3)}
    await service.conclude(case.room, case.town.ctx(CHAIR), consult.id, Conclude("择期手术"))
    await service.countersign(case.room, case.town.ctx(ASKER), consult.id)
    assert {event for one in await see(case, consult) for event in one.events} == set()
    with pytest.raises(WrongState):
        await plan(case, consult)
    with pytest.raises(WrongState):
        await series.write_minutes(case.room, case.town.ctx(CHAIR), consult.id, 1, NewMinutes("再补"))


async def floor_of(case: Case, consult: Consult, *here: str) -> dict[str, object]:
    kind = service.topic_kind(case.room)
    told: tuple[bytes, ...] = ()
    for account in here:
        assert await kind.may(case.town.ctx(account), f"consult:{consult.id}")
        told = case.room.rooms.hear(consult.id, account, b'{"kind":"hello"}').told or told
    found: dict[str, object] = json.loads(told[0])
    return found


async def test_the_room_follows_the_seats_and_takes_what_a_seat_may_not_do_from_nobody(case: Case) -> None:
    consult = await mdt(case)
    await plan(case, consult, (SECOND, "scribe"), (THIRD, "observer"), (ASKER, "presenter"))
    await begin(case, consult)
    floor = await floor_of(case, consult, CHAIR, SECOND, THIRD, ASKER)
    assert floor["here"] == [
        {"account": CHAIR, "role": "host"},
        {"account": SECOND, "role": "scribe"},
        {"account": THIRD, "role": "observer"},
        {"account": ASKER, "role": "presenter"},
    ]
    assert floor["presenter"] == ASKER
    mark = {"kind": "mark", "id": "m", "on": "r", "shape": "box", "lead": "V3", "points": [[1, 2], [3, 4]]}
    drew = {a: bool(case.room.rooms.hear(consult.id, a, json.dumps(mark | {"id": a}).encode()).told)
            for a in (CHAIR, SECOND, THIRD, ASKER)}  # fmt: skip
    assert drew == {CHAIR: True, SECOND: False, THIRD: False, ASKER: True}
    for account in (SECOND, THIRD):
        with pytest.raises(NoVoice):
            await opinions.opine(case.room, case.town.ctx(account), consult.id, NewOpinion("我看"))
    await series.write_minutes(case.room, case.town.ctx(SECOND), consult.id, 1, NewMinutes("记录"))
    with pytest.raises(NoVoice):
        await series.write_minutes(case.room, case.town.ctx(THIRD), consult.id, 1, NewMinutes("记录"))

    # Another seat, at once: who was scribe is an expert again; closed, everybody is what he is in the case.
    moved = await series.reseat(case.room, case.town.ctx(CHAIR), consult.id, 1, Seat(THIRD, "scribe"))
    assert dict(seated(moved.sittings[0]))[SECOND] == "expert"
    assert case.room.rooms.hear(consult.id, SECOND, json.dumps(mark | {"id": "n"}).encode()).told
    await opinions.opine(case.room, case.town.ctx(SECOND), consult.id, NewOpinion("我看"))
    await series.close(case.room, case.town.ctx(CHAIR), consult.id, 1, CloseSitting())
    assert case.room.rooms.hear(consult.id, THIRD, json.dumps(mark | {"id": "o"}).encode()).told


async def test_who_is_not_of_the_case_joins_with_his_seat_and_an_observer_gives_no_opinion(case: Case) -> None:
    consult = await case.accepted()
    await plan(case, consult, (SECOND, "expert"), ("usr_reader", "observer"))
    seen = await case.see(consult, "usr_reader")
    assert {(m.account, m.part) for m in seen.members} == {
        (ASKER, "requester"), (CHAIR, "expert"), (SECOND, "expert"), ("usr_reader", "observer"),
    }  # fmt: skip
    assert seen.owes_opinion == ["沈一线", "陆二线"]
    with pytest.raises(NotTheExpert):
        await opinions.opine(case.room, case.town.ctx("usr_reader"), consult.id, NewOpinion("我看"))
    for account, role in (("usr_west", "expert"), ("usr_nobody", "observer")):
        with pytest.raises(NotFound):
            await plan(case, consult, (account, role))  # type: ignore[arg-type]  # words in a test


async def test_one_is_open_at_a_time_and_only_the_chair_leads(case: Case) -> None:
    consult = await mdt(case)
    await plan(case, consult)
    await plan(case, consult, at=None)
    for by in (SECOND, ASKER):
        with pytest.raises(NotTheExpert):
            await series.begin(case.room, case.town.ctx(by), consult.id, 1)
    await begin(case, consult)
    with pytest.raises(SittingOpen):
        await begin(case, consult, 2)
    with pytest.raises(WrongState):
        await series.cancel(case.room, case.town.ctx(CHAIR), consult.id, 1)
    await series.close(case.room, case.town.ctx(CHAIR), consult.id, 1, CloseSitting())
    await series.cancel(case.room, case.town.ctx(CHAIR), consult.id, 2)
    with pytest.raises(WrongState):
        await begin(case, consult, 2)
    with pytest.raises(NotFound):
        await begin(case, consult, 9)
    assert SITTING.allowed("cancelled") == ()


@pytest.mark.parametrize(
    "said",
    [
        PlanSitting("议程", "2026-11-20T06:00:00.000Z"),
        PlanSitting("议程", None, 4),
        PlanSitting("议程", None, 60, [Seat(SECOND, "chair")]),
        PlanSitting("议程", None, 60, [Seat(SECOND, "scribe"), Seat(THIRD, "scribe")]),
        PlanSitting("议程", None, 60, [Seat(SECOND, "scribe"), Seat(SECOND, "expert")]),
    ],
)
async def test_a_sitting_that_cannot_be_is_refused_by_name(case: Case, said: PlanSitting) -> None:
    consult = await mdt(case)
    with pytest.raises(SittingUnsound):
        await series.plan(case.room, case.town.ctx(CHAIR), consult.id, said)


async def test_seats_are_reminded_of_the_time_that_stands_and_it_takes_their_experts_time(routed: Case) -> None:
    consult = await mdt(routed)
    room, chair = routed.room, routed.town.ctx(CHAIR)
    monday = SetHours(60, 0, [WeeklyHours(0, 14 * 60, 15 * 60)])  # AT is Monday 14:00
    await calendars.set_hours(room, routed.town.ctx(SECOND), SECOND, monday)
    before = await appointments.slots(room, SlotsQuery(expert=SECOND))
    assert before.slots[0].from_at == AT
    await plan(routed, consult, (SECOND, "expert"), at="2026-11-23T05:00:00.000Z")
    moved = PlanSitting("议程", AT, 60, [Seat(SECOND, "expert")])
    await series.plan(room, chair, consult.id, moved, 1)
    after = await appointments.slots(room, SlotsQuery(expert=SECOND))
    assert AT not in [s.from_at for s in after.slots]
    await routed.town.advance(27 * 3600 - 601)
    assert [e.body["before_s"] for e in await routed.town.events("sitting.reminded")] == [86400, 86400]
    await routed.town.advance(1)
    told = [(e.topic, e.body["at"]) for e in await routed.town.events("sitting.reminded")][2:]
    assert told == [(f"user:{CHAIR}", AT), (f"user:{SECOND}", AT)]
