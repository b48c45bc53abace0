"""Several experts in one case: invited by the chair, each writes before he reads, and a dissent stays."""

from __future__ import annotations

import asyncio

import pytest

from server.base.errors import Forbidden, NotFound, WrongState
from server.consult import opinions, service
from server.consult.errors import AlreadyInvited, ConsultTextMissing, NotAMember, NotTheExpert, OpinionOwed
from server.consult.model import Conclude, Consult, Invite, NewOpinion
from tests.server.test_consult import Case, Locked
from tests.server.test_consult import case as case

CHAIR, SECOND, THIRD = "usr_first", "usr_second", "usr_head"


async def mdt(case: Case) -> Consult:
    """A case that usr_first leads, with two more experts."""
    consult = await case.accepted()
    for account in (SECOND, THIRD):
        consult = await opinions.invite(case.room, case.town.ctx(CHAIR), consult.id, Invite(account))
    return consult


async def opine(case: Case, consult: Consult, account: str, text: str, *, dissents: bool = False) -> Consult:
    return await opinions.opine(case.room, case.town.ctx(account), consult.id, NewOpinion(text, dissents))


def read(consult: Consult) -> dict[str, str | None]:
    return {o.account: o.text for o in consult.opinions}


async def test_who_is_invited_is_told_enters_and_owes_an_opinion(case: Case) -> None:
    consult = await mdt(case)
    assert [m.account for m in consult.members] == ["usr_east", CHAIR, THIRD, SECOND]
    assert consult.owes_opinion == ["沈一线", "严组长", "陆二线"]
    asked = [e.topic for e in await case.town.events("consult.asked")]
    assert asked[-2:] == [f"user:{SECOND}", f"user:{THIRD}"]
    assert (await service.enter(case.room, case.town.ctx(SECOND), consult.id)).consult.state == "in_progress"
    assert "opine" in (await case.see(consult, SECOND)).events
    assert "conclude" not in (await case.see(consult, SECOND)).events


async def test_nobody_reads_anothers_text_before_all_have_signed(case: Case) -> None:
    consult = await mdt(case)
    await opine(case, consult, CHAIR, "溶栓")
    await opine(case, consult, SECOND, "转运", dissents=True)
    for viewer, expected in (
        (CHAIR, {CHAIR: "溶栓", SECOND: None}),
        (SECOND, {CHAIR: None, SECOND: "转运"}),
        (THIRD, {CHAIR: None, SECOND: None}),
        ("usr_east", {CHAIR: None, SECOND: None}),
        ("usr_reader", {CHAIR: None, SECOND: None}),
    ):
        seen = await case.see(consult, viewer)
        assert read(seen) == expected, viewer
        assert {o.account: o.dissents for o in seen.opinions if o.text is None}.get(SECOND) is None
        assert seen.owes_opinion == ["严组长"]
    assert not any("溶栓" in str(e.body) for e in await case.town.events("consult.opinion_signed"))
    consult = await opine(case, consult, THIRD, "先造影")
    assert consult.opinions_open
    everything = {CHAIR: "溶栓", SECOND: "转运", THIRD: "先造影"}
    for viewer in (CHAIR, SECOND, THIRD, "usr_east"):
        assert read(await case.see(consult, viewer)) == everything
    assert len(await case.town.events("consult.opinions_opened")) == 1


async def test_the_chair_opens_them_without_who_is_late_but_not_before_his_own(case: Case) -> None:
    consult = await mdt(case)
    await opine(case, consult, SECOND, "转运")
    with pytest.raises(OpinionOwed):
        await opinions.open_all(case.room, case.town.ctx(CHAIR), consult.id)
    consult = await opine(case, consult, CHAIR, "溶栓")
    assert "open" in consult.events
    with pytest.raises(NotTheExpert):
        await opinions.open_all(case.room, case.town.ctx(SECOND), consult.id)
    for _ in range(2):
        consult = await opinions.open_all(case.room, case.town.ctx(CHAIR), consult.id)
    assert (read(consult)[SECOND], consult.owes_opinion) == ("转运", ["严组长"])
    assert len(await case.town.events("consult.opinions_opened")) == 1
    late = await opine(case, consult, THIRD, "同意转运")
    assert {o.account: o.independent for o in late.opinions} == {CHAIR: True, SECOND: True, THIRD: False}


async def test_a_second_thought_is_a_new_version_and_a_dissent_stays_with_the_conclusion(case: Case) -> None:
    consult = await mdt(case)
    for account in (CHAIR, SECOND, THIRD):
        await opine(case, consult, account, f"{account} 的意见")
    consult = await opine(case, consult, SECOND, "仍主张转运", dissents=True)
    mine = [(o.version, o.text, o.dissents, o.independent) for o in consult.opinions if o.account == SECOND]
    assert mine == [(1, "usr_second 的意见", False, True), (2, "仍主张转运", True, False)]
    assert len({o.digest for o in consult.opinions}) == 4
    await service.conclude(case.room, case.town.ctx(CHAIR), consult.id, Conclude("溶栓"))
    consult = await service.countersign(case.room, case.town.ctx("usr_east"), consult.id)
    assert consult.state == "concluded"
    assert [o.text for o in consult.opinions if o.dissents] == ["仍主张转运"]
    with pytest.raises(WrongState):
        await opine(case, consult, THIRD, "再补一句")


async def test_two_who_sign_at_once_open_them_once(case: Case) -> None:
    consult = await mdt(case)
    await opine(case, consult, CHAIR, "溶栓")
    await asyncio.gather(opine(case, consult, SECOND, "转运"), opine(case, consult, THIRD, "造影"))
    assert len(await case.town.events("consult.opinions_opened")) == 1


async def test_only_the_chair_invites_and_only_experts_of_the_case_write(case: Case) -> None:
    consult = await case.accepted()
    for refusal, by, account in (
        (NotTheExpert, "usr_east", SECOND),
        (NotTheExpert, SECOND, SECOND),
        (NotFound, CHAIR, "usr_nobody"),
        (NotFound, CHAIR, "usr_quality"),
        (NotFound, CHAIR, "usr_east"),
        (NotFound, "usr_west", SECOND),
    ):
        with pytest.raises(refusal):
            await opinions.invite(case.room, case.town.ctx(by), consult.id, Invite(account))
    consult = await opinions.invite(case.room, case.town.ctx(CHAIR), consult.id, Invite(SECOND))
    with pytest.raises(AlreadyInvited):
        await opinions.invite(case.room, case.town.ctx(CHAIR), consult.id, Invite(SECOND))
    with pytest.raises(NotTheExpert):
        await opine(case, consult, "usr_east", "我也说一句")
    with pytest.raises(NotTheExpert):
        await opine(case, consult, THIRD, "没有请我")
    with pytest.raises(ConsultTextMissing):
        await opine(case, consult, SECOND, " ")
    with pytest.raises((NotAMember, Forbidden)):
        await service.enter(case.room, case.town.ctx(THIRD), consult.id)
    case.locked = {SECOND}
    with pytest.raises(Locked):
        await opine(case, consult, SECOND, "转运")


async def test_a_single_expert_concludes_and_owes_no_opinion(case: Case) -> None:
    consult = await case.accepted()
    seen = await case.see(consult, CHAIR)
    assert seen.owes_opinion == []
    assert "opine" not in seen.events
    assert "invite" in seen.events


async def test_those_who_could_be_invited_are_named_with_what_they_answer(case: Case) -> None:
    listed = (await opinions.experts(case.room)).experts
    assert {(e.account, e.org_name) for e in listed} == {
        (a, "市第一人民医院") for a in (CHAIR, SECOND, THIRD)
    }  # fmt: skip
