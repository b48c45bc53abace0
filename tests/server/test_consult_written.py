"""离线会诊: answered in writing and by drawing within a day, reminded of, late told; nobody meets."""

from __future__ import annotations

import msgspec
import pytest

from server.consult import conclusion, drafting, opinions, schedule, service
from server.consult.conclusion import Printing
from server.consult.drafting import Drafting
from server.consult.errors import AnsweredInWriting, EmergencyInWriting, MarksUnsound
from server.consult.floor import Drawn
from server.consult.model import Conclude, ConclusionPdfQuery, Consult, DraftChange, Invite, RequestConsult, Schedule
from tests.server.test_conclusion import printing as printing
from tests.server.test_conclusion import standing, words
from tests.server.test_consult import SIGNED, Case
from tests.server.test_consult import case as case
from tests.server.test_consult_routing import routed as routed

HOUR = 3600


def box(mark_id: str = "m1", said: str = "ST 抬高", shape: str = "box") -> Drawn:
    return msgspec.convert(
        {"id": mark_id, "on": "rec", "shape": shape, "lead": "II", "points": [[500, -200], [750, 400]], "words": said,
         "by": "usr_else"}, Drawn,
    )  # fmt: skip


async def ask(case: Case, **other: object) -> Consult:
    sound = {
        "recording": await case.town.recording(), "invitee_org": "city", "purpose": "是否调药", "summary": "房颤三年",
        "priority": "routine", "consent": "written", "consent_paper": msgspec.to_builtins(SIGNED), "mode": "async",
    }  # fmt: skip
    new = msgspec.convert({**sound, **other}, RequestConsult)
    return await service.request(case.room, case.town.ctx("usr_east"), new)


async def test_it_is_answered_by_text_and_drawing_without_a_room_and_signed_as_any_other(
    case: Case, printing: Printing
) -> None:
    consult = await ask(case)
    assert (consult.mode, consult.answer_by) == ("async", "2026-11-23T03:00:00.000Z")
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    consult = await service.accept(case.room, expert, consult.id)
    assert {"draft", "conclude"} <= set(consult.events)
    assert not {"enter", "schedule", "book", "wait"} & set(consult.events)
    for refused in (
        service.enter(case.room, asker, consult.id),
        service.check_inside(case.room, asker, consult.id),
        schedule.schedule(case.room, expert, consult.id, Schedule("2026-11-22T09:00:00.000Z")),
    ):
        with pytest.raises(AnsweredInWriting):
            await refused
    at = Drafting(case.room, lambda _account, _body: None)
    await drafting.save(at, expert, consult.id, DraftChange(text="减量", marks=[box()]))
    seen = await drafting.draft(at, asker, consult.id)
    assert [(m.lead, m.words, m.by) for m in seen.marks] == [("II", "ST 抬高", "")]
    await service.conclude(case.room, expert, consult.id, Conclude("减量", marks=[box()]))
    consult = await service.countersign(case.room, asker, consult.id)
    assert [m.words for m in standing(consult).marks] == ["ST 抬高"]
    text = await words(case, printing, consult)
    assert all(e in text for e in ("离线会诊", "ST 抬高", "II "))
    _raw, name = await conclusion.pdf(case.room, printing, asker, consult.id, ConclusionPdfQuery(lang="en"))
    assert name.endswith("-v1.pdf")


async def test_an_emergency_does_not_wait_for_an_answer_in_writing(case: Case) -> None:
    with pytest.raises(EmergencyInWriting):
        await ask(case, priority="emergency")


async def test_its_expert_is_reminded_and_when_it_is_late_both_sides_and_the_duty_hear_of_it(routed: Case) -> None:
    consult = await ask(routed)
    await service.accept(routed.room, routed.town.ctx("usr_first"), consult.id)
    await routed.town.advance(20 * HOUR)
    assert [e.topic for e in await routed.town.events("consult.written_soon")] == ["user:usr_first"]
    assert await routed.town.events("consult.written_late") == []
    await routed.town.advance(4 * HOUR)
    late = await routed.town.events("consult.written_late")
    assert [e.topic for e in late] == ["consult", "user:usr_first", "user:usr_east", "user:usr_duty"]
    # It can still be answered.
    consult = await service.conclude(routed.room, routed.town.ctx("usr_first"), consult.id, Conclude("减量"))
    assert consult.state == "concluding"


async def test_what_was_answered_in_time_wakes_nobody(routed: Case) -> None:
    consult = await ask(routed)
    await service.accept(routed.room, routed.town.ctx("usr_first"), consult.id)
    await service.conclude(routed.room, routed.town.ctx("usr_first"), consult.id, Conclude("减量"))
    await routed.town.advance(25 * HOUR)
    assert await routed.town.events("consult.written_soon", "consult.written_late") == []


async def test_a_meeting_has_no_such_deadline_and_several_experts_are_an_mdt(case: Case) -> None:
    consult = await case.accepted()
    assert (consult.mode, consult.answer_by) == ("single", None)
    consult = await opinions.invite(case.room, case.town.ctx("usr_first"), consult.id, Invite("usr_second"))
    assert consult.mode == "mdt"


@pytest.mark.parametrize(
    "bad",
    [
        [box(shape="time")],
        [box(), box()],
        [box(f"m{n}") for n in range(41)],
        [msgspec.structs.replace(box(), points=((float("inf"), 0), (1, 1)))],
        [msgspec.structs.replace(box(), points=((1, 1),))],
    ],
)
async def test_drawings_off_the_trace_or_without_end_are_refused(case: Case, bad: list[Drawn]) -> None:
    consult = await case.accepted()
    with pytest.raises(MarksUnsound):
        await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, Conclude("减量", marks=bad))
