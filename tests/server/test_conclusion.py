"""The signed conclusion in the record: its skeleton and versions, its paper, and who there has read it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pypdf
import pytest

from server.base.database import Tx
from server.base.errors import NotFound, WrongState
from server.base.eventlog import Event
from server.base.prints import Prints
from server.consult import conclusion, opinions, service, store
from server.consult.conclusion import Printing
from server.consult.errors import (
    AmendReasonMissing,
    ConsultTextMissing,
    NotTheExpert,
    NotTheRequester,
)
from server.consult.model import Conclude, Conclusion, ConclusionPdfQuery, Consult, Invite, NewOpinion
from server.consult.signed import digest_of
from tests.server.test_consult import Case, Locked
from tests.server.test_consult import case as case

WHOLE = Conclude(
    "下壁 STEMI", ["阿司匹林 300 mg 嚼服", "立即转运导管室"], "出院后 7 天复查心电图", "胸痛再发、晕厥、大汗"
)


async def _run(work: Callable[..., bytes], *args: object) -> bytes:
    return work(*args)


@pytest.fixture
def printing(tmp_path: Path) -> Printing:
    china = timezone(timedelta(hours=8))
    return Printing(
        Prints(tmp_path / "prints", 10_000_000),
        _run,
        ("心联", "XinLian"),
        lambda at: datetime.fromisoformat(at).astimezone(china),
    )


async def concluded(case: Case, said: Conclude = WHOLE, consult: Consult | None = None) -> Consult:
    """Signed by both sides."""
    consult = consult or await case.accepted()
    await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, said)
    return await service.countersign(case.room, case.town.ctx("usr_east"), consult.id)


def standing(consult: Consult) -> Conclusion:
    assert consult.conclusion is not None
    return consult.conclusion


async def words(case: Case, printing: Printing, consult: Consult, viewer: str = "usr_east", **query: object) -> str:
    asked = ConclusionPdfQuery(**query)  # type: ignore[arg-type]  # a short hand of these tests
    raw, _name = await conclusion.pdf(case.room, printing, case.town.ctx(viewer), consult.id, asked)
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(raw)).pages)


async def test_the_paper_names_both_hospitals_both_signatures_and_all_of_the_skeleton(
    case: Case, printing: Printing
) -> None:
    consult = await concluded(case)
    text = await words(case, printing, consult)
    for expected in (
        "东乡卫生院", "市第一人民医院", "远程会诊意见书", "沈一线", "东医生", WHOLE.text, *WHOLE.advice,
        WHOLE.follow_up, WHOLE.warning_signs, "是否溶栓", "胸痛两小时", consult.id, standing(consult).digest,
        "第 1 版", "急会诊", "2026-11-22 11:00:00",
    ):  # fmt: skip
        assert expected in text, expected
    assert "未 会 签" not in text
    english = await words(case, printing, consult, lang="en")
    assert all(e in english for e in ("east hospital", "city hospital", "Consultation report", WHOLE.text))


async def test_it_stands_in_the_record_right_after_the_countersignature_and_once(
    case: Case, printing: Printing
) -> None:
    consult = await concluded(case)
    handle = next(r for r in conclusion.reactions(case.room, printing) if r.name == "consult.print")
    (event,) = await case.town.events("consult.concluded")
    for _ in range(2):
        await handle.handle(event)
    ready = await case.town.events("consult.pdf_ready")
    assert [(e.subject, e.body["version"], e.org) for e in ready] == [(consult.id, 1, "east")]
    assert standing(await case.see(consult)).pdf_at is not None
    (kept,) = (printing.prints._folder).iterdir()
    assert kept.read_bytes().startswith(b"%PDF")
    # The log of before told of countersignatures without a version: nothing is printed, nothing breaks.
    await handle.handle(Event(0, "consult.concluded", consult.id, "", "consult", "east", "", {"state": "concluded"}))


async def test_what_one_side_alone_has_signed_says_so_and_is_not_kept(case: Case, printing: Printing) -> None:
    consult = await case.accepted()
    with pytest.raises(NotFound):
        await words(case, printing, consult)
    await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, WHOLE)
    assert "未 会 签" in await words(case, printing, consult)
    assert not (printing.prints._folder).exists()
    with pytest.raises(NotFound):
        await words(case, printing, consult, version=2)
    with pytest.raises(NotFound):
        await words(case, printing, consult, viewer="usr_west")


async def test_a_dissent_and_a_sealed_opinion_are_on_the_paper(case: Case, printing: Printing) -> None:
    consult = await case.accepted()
    chair = case.town.ctx("usr_first")
    for account in ("usr_second", "usr_head"):
        consult = await opinions.invite(case.room, chair, consult.id, Invite(account))
    said = NewOpinion("主张先溶栓", dissents=True)
    await opinions.opine(case.room, case.town.ctx("usr_second"), consult.id, said)
    await service.conclude(case.room, chair, consult.id, WHOLE)
    assert "主张先溶栓" not in await words(case, printing, consult)
    consult = await service.countersign(case.room, case.town.ctx("usr_east"), consult.id)
    assert [o.text for o in consult.opinions] == ["主张先溶栓"]
    text = await words(case, printing, consult)
    assert all(
        e in text for e in ("陆二线", "保留不同意见", "主张先溶栓", "多学科会诊", consult.opinions[0].digest[:12])
    )


async def test_after_both_signatures_only_a_correction_with_a_reason_makes_a_new_version(
    case: Case, printing: Printing
) -> None:
    consult = await concluded(case)
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    assert "amend" in (await case.see(consult, "usr_first")).events
    assert "amend" not in (await case.see(consult)).events
    better = Conclude("下壁并右室 STEMI", ["禁用硝酸酯类"], reason="补看 V4R")
    with pytest.raises(WrongState):
        await service.conclude(case.room, expert, consult.id, better)
    with pytest.raises(AmendReasonMissing):
        await service.amend(case.room, expert, consult.id, WHOLE)
    with pytest.raises(NotTheExpert):
        await service.amend(case.room, case.town.ctx("usr_second"), consult.id, better)
    amended = await service.amend(case.room, expert, consult.id, better)
    assert (amended.state, standing(amended).version, standing(amended).reason) == ("concluding", 2, "补看 V4R")
    assert standing(amended).countersigned_at is None
    # The first stands until the other side signs the second: its paper is unchanged and has no mark.
    assert [(c.version, c.countersigned_name) for c in amended.earlier_conclusions] == [(1, "东医生")]
    first = await words(case, printing, consult, version=1)
    assert WHOLE.text in first
    assert "已更正" not in first
    with pytest.raises(AmendReasonMissing):
        await service.conclude(case.room, expert, consult.id, Conclude("又改"))
    amended = await service.countersign(case.room, asker, consult.id, standing(amended).digest)
    assert (amended.state, standing(amended).countersigned_name) == ("concluded", "东医生")
    first, second = [await words(case, printing, consult, version=v) for v in (1, 2)]
    assert "已更正，见第 2 版" in first
    assert all(e in second for e in ("更正", "补看 V4R", "下壁并右室 STEMI", "本版替代第 1 版"))
    told = await case.town.events("consult.amended")
    assert [e.body["version"] for e in told] == [2]
    assert "V4R" not in str(told)


async def test_the_signature_covers_every_word_and_the_version_before(case: Case) -> None:
    consult = await concluded(case)
    await service.amend(
        case.room, case.town.ctx("usr_first"), consult.id, Conclude("改", reason="笔误", warning_signs="胸痛")
    )
    rows = (await case.town.db.read(lambda conn: store.conclusions(conn, [consult.id])))[consult.id]
    assert [row["digest"] for row in rows] == [digest_of(row["content"].encode()) for row in rows]
    assert rows[1]["digest"] in rows[0]["content"]
    for word in (WHOLE.text, *WHOLE.advice, WHOLE.follow_up, WHOLE.warning_signs, consult.recording, "沈一线"):
        assert word in rows[1]["content"], word


async def test_a_conclusion_of_before_keeps_its_countersignature_when_it_is_corrected(case: Case) -> None:
    consult = await concluded(case)

    def older(tx: Tx) -> None:
        row = store.conclusions(tx.conn, [consult.id])[consult.id][0]
        moved = {c: row[c] for c in ("countersigned_by", "countersigned_at", "countersignature")}
        store.update_consult(tx.conn, consult.id, **moved)
        store.update_conclusion(tx.conn, consult.id, 1, content="", **dict.fromkeys(moved))

    await case.town.db.write(older)
    seen = standing(await case.see(consult))
    assert (seen.text, seen.countersigned_name, seen.advice) == (WHOLE.text, "东医生", [])
    better = Conclude("改", reason="笔误")
    amended = await service.amend(case.room, case.town.ctx("usr_first"), consult.id, better)
    assert standing(amended).countersigned_name is None
    assert amended.earlier_conclusions[0].countersigned_name == "东医生"


async def test_the_treating_doctor_says_that_he_has_read_it_and_the_expert_sees_who_and_when(case: Case) -> None:
    consult = await case.accepted()
    asker = case.town.ctx("usr_east")
    await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, WHOLE)
    with pytest.raises(WrongState):
        await conclusion.acknowledge(case.room, asker, consult.id)
    await service.countersign(case.room, asker, consult.id)
    with pytest.raises(NotTheRequester):
        await conclusion.acknowledge(case.room, case.town.ctx("usr_first"), consult.id)
    with pytest.raises(NotFound):
        await conclusion.acknowledge(case.room, case.town.ctx("usr_west"), consult.id)
    for _ in range(2):
        await conclusion.acknowledge(case.room, asker, consult.id)
    case.town.clock.advance(60)
    await conclusion.acknowledge(case.room, case.town.ctx("usr_east2"), consult.id)
    seen = standing(await case.see(consult, "usr_first"))
    assert [(r.name, r.at[:16]) for r in seen.receipts] == [
        ("东医生", "2026-11-22T03:00"),
        ("东护士", "2026-11-22T03:01"),
    ]
    assert len(await case.town.events("consult.read")) == 2
    # A corrected one is to be read anew.
    await service.amend(case.room, case.town.ctx("usr_first"), consult.id, Conclude("改", reason="笔误"))
    amended = await service.countersign(case.room, asker, consult.id)
    assert (standing(amended).receipts, len(amended.earlier_conclusions[0].receipts)) == ([], 2)


async def test_a_skeleton_is_tidied_and_what_is_too_long_or_empty_is_refused(case: Case) -> None:
    consult = await case.accepted()
    expert = case.town.ctx("usr_first")
    for bad in (
        Conclude(" "), Conclude("好", ["x" * 501]), Conclude("好", ["x"] * 21), Conclude("好", follow_up="x" * 1001),
        Conclude("好", warning_signs="x" * 1001),
    ):  # fmt: skip
        with pytest.raises(ConsultTextMissing):
            await service.conclude(case.room, expert, consult.id, bad)
    said = await service.conclude(
        case.room, expert, consult.id, Conclude(" 好 ", [" 休息 ", "", "  "], reason="没有前一版")
    )
    assert (standing(said).text, standing(said).advice, standing(said).reason) == ("好", ["休息"], "")


async def test_a_correction_asks_for_the_unlocked_session_and_never_for_a_case_that_did_not_end(case: Case) -> None:
    consult = await concluded(case)
    case.locked = {"usr_first"}
    with pytest.raises(Locked):
        await service.amend(case.room, case.town.ctx("usr_first"), consult.id, Conclude("改", reason="笔误"))
    other = await case.ask()
    with pytest.raises(WrongState):
        await service.amend(case.room, case.town.ctx("usr_first"), other.id, Conclude("改", reason="笔误"))
