"""After a conclusion: advice ticked off, outcomes owed, asked for and told, and how satisfied everybody was."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.base.context import Ctx, Grant
from server.base.errors import NotFound, WrongState
from server.base.spine import Spine
from server.consult import service as consults
from server.consult.after import service
from server.consult.after.figures import wilson
from server.consult.after.model import GiveFeedback, ReportOutcome, TickTask
from server.consult.errors import (
    ConclusionChanged,
    ConsultTextMissing,
    FeedbackGiven,
    NotTheExpert,
    NotTheRequester,
    OutcomeTold,
)
from server.consult.model import Conclude, Consult
from server.people.access import judge
from tests.server.test_conclusion import WHOLE, concluded
from tests.server.test_consult import Case
from tests.server.test_consult import case as case

DAY_S = 86_400


@pytest.fixture
async def followed(case: Case) -> AsyncIterator[Case]:
    """A case whose timers have their consequence."""
    spine = await run(case)
    yield case
    await spine.stop()


async def run(case: Case) -> Spine:
    mine = service.reactions(case.room)
    spine = Spine(case.town.db, case.town.clock, mine)
    case.town.reactions = (*case.town.reactions, *mine)
    await spine.start()
    return spine


async def ended(case: Case) -> Consult:
    """Concluded, and what is owed is written."""
    consult = await concluded(case)
    await case.town.advance(1)
    return consult


async def test_each_item_of_advice_is_a_task_that_the_treating_doctor_ticks_off(followed: Case) -> None:
    consult = await ended(followed)
    asker, room = followed.town.ctx("usr_east"), followed.room
    seen = await service.after(room, asker, consult.id)
    assert [(t.number, t.text, t.done) for t in seen.tasks] == [(1, WHOLE.advice[0], None), (2, WHOLE.advice[1], None)]
    with pytest.raises(NotTheRequester):
        await service.tick(room, followed.town.ctx("usr_first"), consult.id, TickTask(1, 1, done=True))
    with pytest.raises(ConsultTextMissing):
        await service.tick(room, asker, consult.id, TickTask(1, 2, done=False))
    for number in (0, 3):
        with pytest.raises(NotFound):
            await service.tick(room, asker, consult.id, TickTask(1, number, done=True))
    await service.tick(room, asker, consult.id, TickTask(1, 1, done=True, note="11:05 已嚼服"))
    await service.tick(room, asker, consult.id, TickTask(1, 2, done=False, note="家属拒绝转运"))
    seen = await service.after(room, followed.town.ctx("usr_first"), consult.id)
    assert [(t.done, t.note, t.by_name) for t in seen.tasks] == [
        (True, "11:05 已嚼服", "东医生"), (False, "家属拒绝转运", "东医生"),
    ]  # fmt: skip
    assert "拒绝" not in str(await followed.town.events("consult.advice_ticked"))
    # A correction has advice of its own, and what was ticked on the old one's page is not taken for it.
    await consults.amend(room, followed.town.ctx("usr_first"), consult.id, Conclude("改", ["休息"], reason="笔误"))
    with pytest.raises(WrongState):
        await service.tick(room, asker, consult.id, TickTask(1, 1, done=True))
    await consults.countersign(room, asker, consult.id)
    with pytest.raises(ConclusionChanged):
        await service.tick(room, asker, consult.id, TickTask(1, 1, done=True))
    assert [(t.text, t.done) for t in (await service.after(room, asker, consult.id)).tasks] == [("休息", None)]


async def test_an_outcome_is_asked_for_on_its_day_and_again_and_goes_back_to_the_expert(followed: Case) -> None:
    consult = await ended(followed)
    asker, expert, room = followed.town.ctx("usr_east"), followed.town.ctx("usr_first"), followed.room
    await followed.town.advance(7 * DAY_S)
    seen = await service.after(room, asker, consult.id)
    assert [(o.day, o.overdue) for o in seen.outcomes] == [(7, True), (30, False)]
    await followed.town.advance(2 * DAY_S)
    asked = await followed.town.events("consult.outcome_asked")
    assert [(e.topic, e.body["day"], e.body["again"]) for e in asked] == [
        ("user:usr_east", 7, False), ("user:usr_east", 7, True),
    ]  # fmt: skip
    with pytest.raises(NotTheRequester):
        await service.report(room, expert, consult.id, ReportOutcome(7, "recovered"))
    told = await service.report(room, asker, consult.id, ReportOutcome(7, "improved", "已出院"))
    assert [(o.outcome, o.overdue, o.by_name) for o in told.outcomes] == [
        ("improved", False, "东医生"),
        (None, False, ""),
    ]
    assert (await followed.see(consult)).state == "followed_up"
    (news,) = await followed.town.events("consult.outcome_told")
    assert (news.topic, news.body["outcome"]) == ("user:usr_first", "improved")
    assert "出院" not in str(await followed.town.events("consult.followed_up"))
    with pytest.raises(OutcomeTold):
        await service.report(room, asker, consult.id, ReportOutcome(7, "worse"))
    # Told before its day: nobody is asked any more.
    await service.report(room, asker, consult.id, ReportOutcome(30, "recovered"))
    await followed.town.advance(30 * DAY_S)
    assert len(await followed.town.events("consult.outcome_asked")) == 2


async def test_the_list_shows_what_is_owed_to_who_owes_it_and_what_was_told_to_the_expert(followed: Case) -> None:
    consult = await ended(followed)
    room = followed.room

    async def rows(account: str) -> list[tuple[int, bool, bool, str | None]]:
        listed = await service.follow_ups(room, followed.town.ctx(account))
        return [(r.day, r.overdue, r.mine, r.outcome) for r in listed.rows]

    assert await rows("usr_east") == [(7, False, True, None)]
    assert await rows("usr_first") == [(7, False, False, None)]
    assert await rows("usr_west") == []
    await followed.town.advance(8 * DAY_S)
    assert await rows("usr_east2") == [(7, True, True, None)]
    await service.report(room, followed.town.ctx("usr_east2"), consult.id, ReportOutcome(7, "unchanged"))
    assert await rows("usr_first") == [(7, False, False, "unchanged")]
    await followed.town.advance(60 * DAY_S)
    assert await rows("usr_east") == [(30, True, True, None)]


async def test_a_crash_between_signing_and_the_day_loses_no_outcome_and_a_correction_owes_none_anew(case: Case) -> None:
    consult = await concluded(case)
    await case.town.restart()
    case.room = case.make()
    spine = await run(case)
    await case.town.advance(1)
    await consults.amend(case.room, case.town.ctx("usr_first"), consult.id, Conclude("改", reason="笔误"))
    await consults.countersign(case.room, case.town.ctx("usr_east"), consult.id)
    await case.town.advance(7 * DAY_S)
    seen = await service.after(case.room, case.town.ctx("usr_east"), consult.id)
    assert [o.due_at for o in seen.outcomes] == ["2026-11-29T03:00:00.000Z", "2026-12-22T03:00:00.000Z"]
    assert len(await case.town.events("consult.outcome_asked")) == 1
    await spine.stop()


async def test_patient_and_doctors_answer_once_each_and_only_after_the_conclusion(followed: Case) -> None:
    open_case = await followed.accepted()
    asker, expert, room = followed.town.ctx("usr_east"), followed.town.ctx("usr_first"), followed.room
    with pytest.raises(WrongState):
        await service.give(room, expert, open_case.id, GiveFeedback("expert", (5, 5, 5)))
    with pytest.raises(NotFound):
        await service.after(room, expert, open_case.id)
    consult = await ended(followed)
    assert (await service.after(room, asker, consult.id)).may_answer == ["patient", "requester"]
    assert (await service.after(room, expert, consult.id)).may_answer == ["expert"]
    with pytest.raises(NotTheRequester):
        await service.give(room, expert, consult.id, GiveFeedback("patient", (5, 5, 5)))
    with pytest.raises(NotTheExpert):
        await service.give(room, asker, consult.id, GiveFeedback("expert", (5, 5, 5)))
    await service.give(room, asker, consult.id, GiveFeedback("patient", (5, 4, 4), "谢谢"))
    with pytest.raises(FeedbackGiven):
        await service.give(room, followed.town.ctx("usr_east2"), consult.id, GiveFeedback("patient", (1, 1, 1)))
    await service.give(room, expert, consult.id, GiveFeedback("expert", (2, 3, 5)))
    told = await followed.town.events("consult.feedback_given")
    assert [e.body["who"] for e in told] == ["patient", "expert"]
    assert "谢谢" not in str(told)


async def test_the_administrator_sees_satisfaction_with_the_response_rate_and_how_sure_it_is(followed: Case) -> None:
    for answers in ((5, 5, 5), (3, 3, 3), None):
        consult = await ended(followed)
        if answers is not None:
            said = GiveFeedback("patient", answers)
            await service.give(followed.room, followed.town.ctx("usr_east"), consult.id, said)
    admin = Ctx("usr_admin", "管", (Grant("admin", "city"),), judge(followed.town.path_of))
    patient, requester, _expert = (await service.satisfaction(followed.room, admin, 365)).of
    assert (patient.answered.count, patient.answered.of, patient.satisfied.count, patient.satisfied.of) == (2, 3, 1, 2)
    assert patient.satisfied.share == 0.5
    assert patient.means == [4.0, 4.0, 4.0]
    assert (requester.answered.count, requester.satisfied.share, requester.means) == (0, None, [None] * 3)
    other = Ctx("usr_else", "管", (Grant("admin", "west"),), judge(followed.town.path_of))
    assert (await service.satisfaction(followed.room, other, 365)).of[0].answered.of == 0


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, Stat Med 17:857, table I: 81 of 263, and 0 of 20.
    known = wilson(81, 263)
    assert (round(known.low or 0, 4), round(known.high or 0, 4)) == (0.2553, 0.3662)
    none = wilson(0, 20)
    assert (none.low, round(none.high or 0, 4)) == (0.0, 0.1611)
    assert wilson(0, 0).share is None


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_the_share(case: tuple[int, int]) -> None:
    of = wilson(*case)
    assert of.low is not None
    assert of.share is not None
    assert of.high is not None
    assert 0 <= of.low <= of.share + 1e-12
    assert of.share - 1e-12 <= of.high <= 1
