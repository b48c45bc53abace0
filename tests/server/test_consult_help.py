"""A call for help out of the open room: who is rung, who may ring, what becomes of it, and the room's limit."""

from __future__ import annotations

import pytest

from server.base.errors import NotFound, WrongState
from server.consult import access, opinions, service
from server.consult.errors import HelpNobody, NotAMember, RoomFull
from server.consult.help import service as help
from server.consult.help.model import CallForHelp
from server.consult.model import Consult, Invite
from tests.server.test_consult import Case
from tests.server.test_consult import case as case

CHAIR, SECOND = "usr_first", "usr_second"


async def opened(case: Case) -> Consult:
    consult = await case.accepted()
    await service.enter(case.room, case.town.ctx("usr_east"), consult.id)
    return consult


async def ring(case: Case, by: str, consult: Consult, account: str = "", words: str = "") -> list[tuple[str, str]]:
    told = await help.call(case.room, case.town.ctx(by), consult.id, CallForHelp(account, words))
    return [(one.account, one.answer) for one in told.calls]


async def test_a_named_expert_is_rung_by_any_member_and_entering_answers(case: Case) -> None:
    consult = await opened(case)
    assert await ring(case, "usr_east", consult, SECOND, "血压掉了") == [(SECOND, "ringing")]
    [rings] = (await help.mine(case.room, case.town.ctx(SECOND))).calls
    assert (rings.consult, rings.words, rings.by_name != "", rings.patient.name != "") == (
        consult.id, "血压掉了", True, True,
    )  # fmt: skip
    assert [e.topic for e in await case.town.events("consult.help_rings")] == [f"user:{SECOND}"]
    entered = await service.enter(case.room, case.town.ctx(SECOND), consult.id)
    assert {m.account: m.part for m in entered.consult.members}[SECOND] == "expert"
    assert (await help.mine(case.room, case.town.ctx(SECOND))).calls == []
    told = await help.of_consult(case.room, case.town.ctx(CHAIR), consult.id)
    assert [one.answer for one in told.calls] == ["came"]


async def test_who_cannot_come_says_so_and_may_be_rung_again_and_a_call_rings_out(case: Case) -> None:
    consult = await opened(case)
    await ring(case, CHAIR, consult, SECOND)
    await help.decline(case.room, case.town.ctx(SECOND), consult.id)
    await help.decline(case.room, case.town.ctx(SECOND), consult.id)
    assert len(await case.town.events("consult.help_declined")) == 1
    assert await ring(case, CHAIR, consult, SECOND) == [(SECOND, "ringing")]
    case.town.clock.advance(help.RING_S + 1)
    assert (await help.mine(case.room, case.town.ctx(SECOND))).calls == []
    told = await help.of_consult(case.room, case.town.ctx(CHAIR), consult.id)
    assert [one.answer for one in told.calls] == ["unheard"]


async def test_only_a_member_of_an_open_room_rings_and_only_for_who_may_answer(case: Case) -> None:
    consult = await case.accepted()
    with pytest.raises(WrongState):
        await ring(case, CHAIR, consult, SECOND)
    await service.enter(case.room, case.town.ctx("usr_east"), consult.id)
    with pytest.raises(NotAMember):
        await ring(case, SECOND, consult, "usr_head")
    for nobody in ("usr_east", "usr_nobody", CHAIR):
        with pytest.raises(NotFound):
            await ring(case, CHAIR, consult, nobody)


async def test_without_a_name_who_is_on_duty_is_rung_until_nobody_is_left(case: Case) -> None:
    consult = await opened(case)

    async def all_on_duty() -> None:
        for _ in range(20):
            await ring(case, CHAIR, consult)

    with pytest.raises(HelpNobody):
        await all_on_duty()
    told = await help.of_consult(case.room, case.town.ctx(CHAIR), consult.id)
    assert {one.account for one in told.calls}.isdisjoint({CHAIR, "usr_east"})


async def test_the_forty_first_member_is_told_that_the_room_is_full(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    consult = await opened(case)
    monkeypatch.setattr(access, "MEMBERS_MAX", 2)
    with pytest.raises(RoomFull):
        await ring(case, CHAIR, consult, SECOND)
    with pytest.raises(RoomFull):
        await opinions.invite(case.room, case.town.ctx(CHAIR), consult.id, Invite(SECOND))
    assert access.MEMBERS_MAX == 2
