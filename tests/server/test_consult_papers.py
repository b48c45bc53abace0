"""The papers of a consultation: what a request holds, documents beforehand, how complete they are, the consent."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from server.base.errors import AppError, Forbidden, NotFound
from server.consult import papers, service
from server.consult.errors import (
    ConsentMissing,
    ConsentUnsigned,
    ConsultTextMissing,
    NotTheRequester,
    PapersOwed,
    WantedTimeUnreadable,
)
from server.consult.model import (
    Completeness,
    Conclude,
    Disease,
    NewConsent,
    NewDocument,
    Reason,
    RequestConsult,
    Resubmit,
)
from tests.server.test_consult import SIGNED, Case
from tests.server.test_consult import case as case

DOCTORS = NewConsent("two_doctors", "东副院长", "doctor", note="患者昏迷，家属在途")
DRAWN = NewConsent("written", "王小红", "child", form="screen", strokes=[[(1, 2), (30, 8)], [(12, 3), (14, 20)]])


async def whole(case: Case) -> RequestConsult:
    return RequestConsult(
        await case.town.recording(), "city", "是否需要造影", "活动后胸痛一月", "routine", "written",
        specialty="cardiology", expert_title="associate_chief", wanted_at="2026-11-24T01:30:00.000Z",
        disease="chest_pain", documents=[NewDocument("history", "高血压十年"), NewDocument("troponin", " 0.01 ")],
        consent_paper=DRAWN,
    )  # fmt: skip


async def test_a_whole_request_reaches_the_expert_as_it_was_written(case: Case) -> None:
    made = await service.request(case.room, case.town.ctx("usr_east"), await whole(case))
    seen = await case.see(made, "usr_first")
    assert (seen.specialty, seen.expert_title, seen.disease) == ("cardiology", "associate_chief", "chest_pain")
    assert seen.wanted_at == "2026-11-24T01:30:00.000Z"
    assert {d.kind: (d.text, d.version, d.by_name) for d in seen.documents} == {
        "history": ("高血压十年", 1, "东医生"), "troponin": ("0.01", 1, "东医生"),
    }  # fmt: skip
    assert seen.completeness == Completeness(62, ["vitals", "medication", "allergy"])
    assert seen.consent_paper is not None
    assert (seen.consent_paper.by, seen.consent_paper.relation, seen.consent_paper.strokes) == (
        "王小红", "child", DRAWN.strokes,
    )  # fmt: skip
    assert (seen.consent_paper.taken_by_name, seen.consent_paper.form) == ("东医生", "screen")
    await case.town.restart()
    case.room = case.make()
    assert await case.see(made, "usr_first") == seen


@pytest.mark.parametrize("disease", get_args(Disease))
def test_a_checklist_is_complete_when_all_of_it_is_there(disease: Disease) -> None:
    needed = papers.NEEDED[disease]
    assert papers.completeness(disease, needed, consent=True) == Completeness(100, [])
    none = papers.completeness(disease, (), consent=False)
    assert none.missing == [*needed, "consent"]
    assert 0 < none.percent < 40
    assert {c.disease: tuple(c.needs) for c in papers.checklists().checklists}[disease] == needed


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"consent_paper": None}, ConsentMissing),
        ({"consent_paper": DOCTORS}, ConsentMissing),
        ({"consent": "emergency", "consent_paper": None}, ConsentMissing),
        ({"consent_paper": msgspec.structs.replace(SIGNED, by=" ")}, ConsentUnsigned),
        ({"consent_paper": msgspec.structs.replace(SIGNED, relation="doctor")}, ConsentUnsigned),
        ({"consent_paper": msgspec.structs.replace(DRAWN, strokes=[])}, ConsentUnsigned),
        ({"consent_paper": msgspec.structs.replace(DRAWN, strokes=[[(1, 1)] * 5000])}, ConsentUnsigned),
        ({"documents": [NewDocument("labs", " ")]}, ConsultTextMissing),
        ({"wanted_at": "明天上午"}, WantedTimeUnreadable),
        ({"wanted_at": "2026-11-24T01:30"}, WantedTimeUnreadable),
    ],
)
async def test_a_request_whose_papers_are_not_sound_is_refused(
    case: Case, change: dict[str, object], refusal: type[AppError]
) -> None:
    sound = await whole(case)
    with pytest.raises(refusal):
        await service.request(case.room, case.town.ctx("usr_east"), msgspec.structs.replace(sound, **change))
    assert await case.town.events("consult.submitted") == []


async def test_an_emergency_goes_before_its_papers_and_is_not_closed_without_them(case: Case) -> None:
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    consult = await case.ask()
    assert consult.completeness.missing[-1] == "consent"
    await service.accept(case.room, expert, consult.id)
    await service.enter(case.room, asker, consult.id)
    await service.conclude(case.room, expert, consult.id, Conclude("转运"))
    with pytest.raises(PapersOwed):
        await service.countersign(case.room, asker, consult.id)
    with pytest.raises(ConsentUnsigned):
        await service.add_consent(case.room, asker, consult.id, msgspec.structs.replace(DOCTORS, note=""))
    filed = await service.add_consent(case.room, asker, consult.id, DOCTORS)
    assert filed.consent_paper is not None
    assert (filed.consent, filed.consent_paper.kind, filed.state) == ("emergency", "two_doctors", "concluding")
    filed = await service.add_consent(case.room, asker, consult.id, SIGNED)
    assert (filed.consent, filed.consent_paper and filed.consent_paper.kind) == ("written", "written")
    assert (await service.countersign(case.room, asker, consult.id)).state == "concluded"
    bodies = [e.body for e in await case.town.events("consult.consent_filed")]
    assert [b["consent"] for b in bodies] == ["two_doctors", "written"]
    assert not any("昏迷" in str(b) or "王" in str(b) for b in bodies)


async def test_a_document_that_came_later_is_a_new_version_and_is_told_once(case: Case) -> None:
    asker = case.town.ctx("usr_east")
    consult = await case.ask()
    for text in ("血钾 3.1", "血钾 3.1", "血钾 3.4"):
        consult = await service.add_document(case.room, asker, consult.id, NewDocument("labs", text))
    assert [(d.kind, d.text, d.version) for d in consult.documents] == [("labs", "血钾 3.4", 2)]
    told = await case.town.events("consult.document_filed")
    assert [e.body["document"] for e in told] == ["labs", "labs"]
    assert not any("3.1" in str(e.body) for e in told)


async def test_only_the_requesting_side_files_papers(case: Case) -> None:
    consult = await case.ask()
    new = NewDocument("labs", "血钾 3.1")
    with pytest.raises(NotTheRequester):
        await service.add_document(case.room, case.town.ctx("usr_first"), consult.id, new)
    with pytest.raises(NotTheRequester):
        await service.add_consent(case.room, case.town.ctx("usr_reader"), consult.id, SIGNED)
    with pytest.raises(NotFound):
        await service.add_document(case.room, case.town.ctx("usr_west"), consult.id, new)
    with pytest.raises((Forbidden, NotTheRequester)):
        await service.add_document(case.room, case.town.ctx("usr_quality"), consult.id, new)
    colleague = await service.add_document(case.room, case.town.ctx("usr_east2"), consult.id, new)
    assert colleague.documents[0].by_name == "东护士"


async def test_what_was_missing_is_filed_while_the_request_is_back(case: Case) -> None:
    asker = case.town.ctx("usr_east")
    consult = await service.request(case.room, asker, await whole(case))
    await service.send_back(case.room, case.town.ctx("usr_first"), consult.id, Reason("缺血压和过敏史"))
    more = [NewDocument("vitals", "150/90"), NewDocument("allergy", "无"), NewDocument("medication", "阿司匹林")]
    mended = Resubmit("是否需要造影", "活动后胸痛一月", "written", documents=more)
    await service.mend(case.room, asker, consult.id, mended)
    consult = await service.submit(case.room, asker, consult.id)
    assert (consult.state, consult.completeness) == ("submitted", Completeness(100, []))
