"""The conclusion while both sides fill it: kept as typed, seen by the others, gone when both have signed."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from server.base.errors import NotFound, WrongState
from server.consult import drafting, service, store
from server.consult.drafting import Drafting
from server.consult.errors import ConsultTextMissing, NotAMember, OnlyWatches
from server.consult.model import Conclude, DraftChange, Question
from tests.server.test_consult import Case
from tests.server.test_consult import case as case


class Pages:
    """The open pages of accounts, and what they were told."""

    def __init__(self, case: Case) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.at = Drafting(case.room, lambda account, body: self.told.append((account, body)))


async def test_both_fill_it_field_by_field_and_each_others_pages_hear_of_it(case: Case) -> None:
    consult, pages = await case.accepted(), Pages(case)
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    begun = await drafting.draft(pages.at, asker, consult.id)
    assert (begun.rev, begun.questions, begun.text, begun.began_at) == (0, [Question("是否溶栓")], "", None)
    await service.enter(case.room, asker, consult.id)
    await asyncio.gather(
        drafting.save(pages.at, expert, consult.id, DraftChange(text="下壁 STEMI")),
        drafting.save(pages.at, asker, consult.id, DraftChange(questions=[Question("是否溶栓", answered=True)])),
    )
    await drafting.save(pages.at, expert, consult.id, DraftChange(advice="阿司匹林\n转运"))
    seen = await drafting.draft(pages.at, asker, consult.id)
    assert (seen.rev, seen.text, seen.advice) == (3, "下壁 STEMI", "阿司匹林\n转运")
    assert (seen.questions, seen.saved_name) == ([Question("是否溶栓", answered=True)], "沈一线")
    assert seen.began_at == "2026-11-22T03:00:00.000Z"
    assert {account for account, _ in pages.told} == {"usr_east", "usr_first"}
    assert msgspec.json.decode(pages.told[-1][1]) == {"kind": "drafted", "consult": consult.id, "rev": 3}
    # It is nobody's conclusion yet, and the log knows nothing of it.
    assert (await case.see(consult)).conclusion is None
    assert "STEMI" not in str(await case.town.events("consult.entered", "consult.accepted"))


async def test_the_clock_of_the_room_begins_with_the_first_who_enters(case: Case) -> None:
    consult, pages = await case.accepted(), Pages(case)
    await service.enter(case.room, case.town.ctx("usr_east"), consult.id)
    case.town.clock.advance(600)
    await service.enter(case.room, case.town.ctx("usr_first"), consult.id)
    seen = await drafting.draft(pages.at, case.town.ctx("usr_first"), consult.id)
    assert seen.began_at == "2026-11-22T03:00:00.000Z"


async def test_it_is_its_members_and_who_watches_does_not_write(case: Case) -> None:
    consult, pages = await case.accepted(), Pages(case)
    await case.town.db.write(lambda tx: store.add_member(tx.conn, consult.id, "usr_reader", "city", "observer"))
    watcher = case.town.ctx("usr_reader")
    await drafting.draft(pages.at, watcher, consult.id)
    with pytest.raises(OnlyWatches):
        await drafting.save(pages.at, watcher, consult.id, DraftChange(text="我来写"))
    for stranger, refusal in (("usr_east2", NotAMember), ("usr_west", NotFound)):
        with pytest.raises(refusal):
            await drafting.draft(pages.at, case.town.ctx(stranger), consult.id)
        with pytest.raises(refusal):
            await drafting.save(pages.at, case.town.ctx(stranger), consult.id, DraftChange(text="x"))
    assert pages.told == []


async def test_it_survives_a_restart_and_ends_when_both_have_signed(case: Case) -> None:
    consult, pages = await case.accepted(), Pages(case)
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    await drafting.save(pages.at, expert, consult.id, DraftChange(text="转运"))
    await case.town.restart()
    case.room, pages = case.make(), Pages(case)
    pages = Pages(case)
    assert (await drafting.draft(pages.at, asker, consult.id)).text == "转运"
    await service.conclude(case.room, expert, consult.id, Conclude("转运"))
    await drafting.save(pages.at, asker, consult.id, DraftChange(follow_up="一周"))
    await service.countersign(case.room, asker, consult.id)
    assert (await drafting.draft(pages.at, asker, consult.id)).rev == 0
    with pytest.raises(WrongState):
        await drafting.save(pages.at, expert, consult.id, DraftChange(text="再改"))


async def test_a_draft_may_be_empty_but_not_endless(case: Case) -> None:
    consult, pages = await case.accepted(), Pages(case)
    expert = case.town.ctx("usr_first")
    await drafting.save(pages.at, expert, consult.id, DraftChange(text="", questions=[]))
    for bad in (
        DraftChange(text="x" * 8001), DraftChange(follow_up="x" * 1001), DraftChange(questions=[Question(" ")]),
        DraftChange(questions=[Question("x")] * 21),
    ):  # fmt: skip
        with pytest.raises(ConsultTextMissing):
            await drafting.save(pages.at, expert, consult.id, bad)


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("是否溶栓", ["是否溶栓"]),
        ("是否溶栓？何时转运？", ["是否溶栓？", "何时转运？"]),
        ("Lyse? Then transfer?\n\nWhere to", ["Lyse?", "Then transfer?", "Where to"]),
        (" \n ", []),
    ],
)
def test_a_request_becomes_its_questions(purpose: str, expected: list[str]) -> None:
    assert [q.text for q in drafting.questions_of(purpose)] == expected
