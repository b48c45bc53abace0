"""Whom a request reaches and why; who is next on a no, on silence, after a crash; and who hears when nobody is left."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.base.errors import WrongState
from server.base.spine import Spine
from server.consult import reactions, service, store
from server.consult.model import Consult, Reason, RequestConsult, Resubmit, Skills, Specialty, Title
from server.people import store as people
from server.people.model import GrantView
from tests.server.test_consult import SIGNED, Case
from tests.server.test_consult import case as case

ROUTINE_S, EMERGENCY_S = 1800, 120


@pytest.fixture
async def routed(case: Case) -> AsyncIterator[Case]:
    """A case whose timers have their consequence: the consultation room's reactions run beside the town's."""
    spine = await run_reactions(case)
    yield case
    await spine.stop()


async def run_reactions(case: Case) -> Spine:
    mine = reactions.reactions(case.room)
    spine = Spine(case.town.db, case.town.clock, mine)
    case.town.reactions = (*case.town.reactions, *mine)
    await spine.start()
    return spine


async def add_expert(case: Case, account: str, title: str, *specialties: str) -> None:
    await case.town.db.write(
        lambda tx: people.add_account(
            tx.conn, [GrantView("expert", "city")], id=account, login=account, name=account, title=title,
            password="-", active=True, created_at=tx.now,
        )
    )  # fmt: skip
    await case.town.db.write(lambda tx: store.set_specialties(tx.conn, account, specialties))


async def ask(case: Case, *, specialty: Specialty = "cardiology", expert_title: Title = "any") -> Consult:
    sound = RequestConsult(
        await case.town.recording(), "city", "目的", "摘要", "routine", "written", specialty=specialty,
        expert_title=expert_title, consent_paper=SIGNED,
    )  # fmt: skip
    return await service.request(case.room, case.town.ctx("usr_east"), sound)


def told(consult: Consult) -> list[tuple[str, str]]:
    return [(t.account, t.outcome) for t in consult.turns]


async def test_a_routine_request_asks_one_after_the_other_by_the_rota(routed: Case) -> None:
    consult = await ask(routed)
    assert told(consult) == [("usr_first", "waiting")]
    assert consult.turns[0].why == ["duty", "load"]
    consult = await service.decline(routed.room, routed.town.ctx("usr_first"), consult.id, Reason("门诊"))
    assert told(consult) == [("usr_first", "declined"), ("usr_second", "waiting")]
    assert (consult.state, consult.turns[0].reason) == ("submitted", "门诊")
    await routed.town.advance(ROUTINE_S - 1)
    assert told(await routed.see(consult)) == told(consult)
    await routed.town.advance(2)
    consult = await routed.see(consult)
    assert told(consult)[1:] == [("usr_second", "timed_out"), ("usr_head", "waiting")]
    asked = [e.topic for e in await routed.town.events("consult.asked")]
    assert asked == ["user:usr_first", "user:usr_second", "user:usr_head"]
    assert [e.body["outcome"] for e in await routed.town.events("consult.passed_on")] == ["declined", "timed_out"]
    consult = await service.accept(routed.room, routed.town.ctx("usr_head"), consult.id)
    assert told(consult)[2:] == [("usr_head", "accepted")]


async def test_specialty_then_title_then_rota_then_load(case: Case) -> None:
    await add_expert(case, "usr_neuro", "主治医师", "neurology")
    await add_expert(case, "usr_neuro_chief", "主任医师", "neurology")
    first = await ask(case, specialty="neurology", expert_title="chief")
    assert told(first) == [("usr_neuro_chief", "waiting")]
    assert first.turns[0].why == ["specialty", "title", "load"]
    assert told(await ask(case, specialty="neurology")) == [("usr_neuro", "waiting")]
    # Whoever named other specialties comes after those who named none.
    assert told(await ask(case, specialty="obstetrics")) == [("usr_first", "waiting")]
    # Both neurologists have one in hand: the order of their ids decides, and then the load does.
    assert told(await ask(case, specialty="neurology")) == [("usr_neuro", "waiting")]
    assert told(await ask(case, specialty="neurology")) == [("usr_neuro_chief", "waiting")]


async def test_when_nobody_is_left_the_coordinator_hears_and_anybody_may_still_accept(routed: Case) -> None:
    consult = await ask(routed)
    for _ in range(3):
        await routed.town.advance(ROUTINE_S + 1)
    consult = await routed.see(consult)
    assert {t.outcome for t in consult.turns} == {"timed_out"}
    assert (consult.state, consult.unanswered) == ("submitted", True)
    heard = await routed.town.events("consult.unanswered")
    assert [e.topic for e in heard] == ["user:usr_duty"]
    consult = await service.accept(routed.room, routed.town.ctx("usr_second"), consult.id)
    assert (consult.state, consult.unanswered) == ("accepted", False)


async def test_an_emergency_rings_those_on_duty_at_once_then_everybody(routed: Case) -> None:
    await add_expert(routed, "usr_off_duty", "主任医师", "cardiology")
    consult = await routed.ask()
    assert [t.account for t in consult.turns] == ["usr_first", "usr_second", "usr_head"]
    await routed.town.advance(EMERGENCY_S + 1)
    consult = await routed.see(consult)
    assert told(consult)[3:] == [("usr_off_duty", "waiting")]
    await routed.town.advance(EMERGENCY_S + 1)
    assert (await routed.see(consult)).unanswered
    assert len(await routed.town.events("consult.unanswered")) == 1


async def test_everybody_has_declined_and_the_coordinator_hears(case: Case) -> None:
    consult = await ask(case)
    for account in ("usr_first", "usr_second", "usr_head"):
        assert consult.state == "submitted"
        consult = await service.decline(case.room, case.town.ctx(account), consult.id, Reason("手术"))
    assert consult.state == "declined"
    assert len(await case.town.events("consult.unanswered")) == 1
    with pytest.raises(WrongState):
        await service.decline(case.room, case.town.ctx("usr_first"), consult.id, Reason("手术"))


async def test_a_colleague_accepts_before_his_turn_and_nobody_is_called_any_more(routed: Case) -> None:
    consult = await ask(routed)
    consult = await service.accept(routed.room, routed.town.ctx("usr_head"), consult.id)
    assert told(consult) == [("usr_first", "withdrawn")]
    await routed.town.advance(ROUTINE_S + 1)
    assert len(await routed.town.events("consult.asked")) == 1
    assert (await routed.see(consult)).state == "accepted"


async def test_who_sent_it_back_is_asked_first_when_it_comes_again(routed: Case) -> None:
    consult = await ask(routed)
    await service.send_back(routed.room, routed.town.ctx("usr_head"), consult.id, Reason("缺化验"))
    await routed.town.advance(ROUTINE_S + 1)
    await service.mend(routed.room, routed.town.ctx("usr_east"), consult.id, Resubmit("目的", "补", "written"))
    consult = await service.submit(routed.room, routed.town.ctx("usr_east"), consult.id)
    assert told(consult) == [("usr_first", "withdrawn"), ("usr_head", "waiting")]
    assert consult.turns[-1].why[0] == "returned_it"
    consult = await service.decline(routed.room, routed.town.ctx("usr_head"), consult.id, Reason("下班"))
    assert told(consult)[-1] == ("usr_first", "waiting")


async def test_a_turn_that_ended_while_the_hub_was_down_is_passed_on_after_it(case: Case) -> None:
    consult = await ask(case)
    await case.town.close()
    case.town.clock.advance(ROUTINE_S + 60)
    await case.town.open()
    case.room = case.make()
    spine = await run_reactions(case)
    await case.town.settle()
    assert told(await case.see(consult)) == [("usr_first", "timed_out"), ("usr_second", "waiting")]
    await spine.stop()


async def test_everybody_names_his_own_specialties(case: Case) -> None:
    expert = case.town.ctx("usr_head")
    assert await service.skills(case.room, expert) == Skills([])
    said = await service.set_skills(case.room, expert, Skills(["paediatrics", "cardiology", "cardiology"]))
    assert said == await service.skills(case.room, expert) == Skills(["cardiology", "paediatrics"])
    assert told(await ask(case)) == [("usr_head", "waiting")]
