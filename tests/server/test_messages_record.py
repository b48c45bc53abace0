"""A message is a record: changed and withdrawn with a trace, read by whom, naming whom, found again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text, update

from server.base.database import Tx
from server.base.errors import Forbidden, NotFound
from server.messages import grams, inbox, service, store
from server.messages.errors import (
    EditTooLate,
    MentionWrong,
    MessageChanged,
    MessageLength,
    NotTheAuthor,
    SearchTooShort,
    WithdrawReason,
)
from server.messages.model import EditMessage, Message, ReadUpTo, ReceivedUpTo, WithdrawMessage
from tests.server.test_messages import Case, case

pytestmark = pytest.mark.usefixtures("either_database")

__all__ = ["case"]


async def edit(case: Case, message: Message, words: str, by: str = "usr_east", version: int = 1) -> Message:
    return await service.edit(case.room, case.town.ctx(by), message.id, EditMessage(words, version))


async def withdraw(case: Case, message: Message, reason: str = "写错了病人", by: str = "usr_east") -> Message:
    return await service.withdraw(case.room, case.town.ctx(by), message.id, WithdrawMessage(reason))


async def mark(case: Case, message: Message, by: str) -> None:
    await service.read_up_to(case.room, case.town.ctx(by), message.thread, ReadUpTo(message.id))


async def test_an_edit_shows_that_it_is_one_and_keeps_the_text_before(case: Case) -> None:
    sent = await case.post(await case.town.recording(), "血压 90/60", "client-0001")
    changed = await edit(case, sent, "血压 100/60")
    assert (changed.text, changed.version) == ("血压 100/60", 2)
    assert changed.edited_at is not None
    assert await edit(case, sent, "血压 100/60") == changed, "a repeat"
    kept = await service.versions(case.room, case.town.ctx("usr_first"), sent.id)
    assert [(v.version, v.text) for v in kept] == [(1, "血压 90/60"), (2, "血压 100/60")]
    (told,) = await case.town.events("message.edited")
    assert told.body == {"message": sent.id, "version": 2}
    # A late repeat of the sending finds what it became, and makes no second message.
    assert await case.post(sent.thread, "血压 90/60", "client-0001") == changed


async def test_only_its_writer_changes_a_message_only_for_a_while_and_never_over_another_change(case: Case) -> None:
    sent = await case.post(await case.town.recording(), "您好", "client-0001")
    for act in (edit(case, sent, "别的", by="usr_first"), withdraw(case, sent, by="usr_first")):
        with pytest.raises(NotTheAuthor):
            await act
    with pytest.raises(NotFound):
        await edit(case, sent, "别的", by="usr_west")
    with pytest.raises(MessageLength):
        await edit(case, sent, "  ")
    both = await asyncio.gather(edit(case, sent, "一"), edit(case, sent, "二"), return_exceptions=True)
    assert [type(one) for one in both].count(MessageChanged) == 1
    case.town.clock.advance(service.EDIT_S + 1)
    with pytest.raises(EditTooLate):
        await edit(case, sent, "三", version=2)
    with pytest.raises(WithdrawReason):
        await withdraw(case, sent, "  ")
    assert (await withdraw(case, sent)).withdraw_reason == "写错了病人"


async def test_what_is_withdrawn_is_no_longer_shown_or_found_but_stays_in_the_database(case: Case) -> None:
    sent = await case.post(await case.town.recording(), "胸痛两小时", "client-0001")
    gone = await withdraw(case, sent)
    assert (gone.text, gone.withdrawn_at is None) == ("", False)
    assert (await case.read(sent.thread)) == [gone]
    assert await case.find("胸痛") == []
    with pytest.raises(Forbidden):
        await service.versions(case.room, case.town.ctx("usr_east"), sent.id)
    with pytest.raises(MessageChanged):
        await edit(case, sent, "再来")
    with pytest.raises(MessageChanged):
        await withdraw(case, sent)
    row = await case.town.db.read(lambda conn: store.message_row(conn, sent.id))
    assert row["text"] == "胸痛两小时"


async def test_read_and_received_go_forward_only_and_are_each_persons_own(case: Case) -> None:
    recording = await case.town.recording()
    first, second = [await case.post(recording, words, f"client-{words}-id") for words in ("第一", "第二")]
    await mark(case, second, "usr_first")
    await mark(case, first, "usr_first")
    await inbox.received(case.room, case.town.ctx("usr_east2"), ReceivedUpTo(second.seq + 100))
    await mark(case, first, "usr_east2")
    told = await service.thread(case.room, case.town.ctx("usr_east"), recording, limit=10)
    assert {r.account: (r.read, r.received) for r in told.readers} == {
        "usr_first": (second.seq, second.seq), "usr_east2": (first.seq, second.seq),
    }  # fmt: skip
    assert len(await case.town.events("message.read")) == 2
    foreign = await case.post(await case.town.recording(), "另一份", "client-else")
    with pytest.raises(NotFound):
        await service.read_up_to(case.room, case.town.ctx("usr_first"), recording, ReadUpTo(foreign.id))
    with pytest.raises(NotFound):
        await mark(case, first, "usr_west")


async def test_the_inbox_counts_what_a_person_has_not_read_in_the_threads_that_are_his(case: Case) -> None:
    recording = await case.town.recording()
    first = await case.post(recording, "请看", "client-0001")
    await case.post(recording, "急", "client-0002", roles=["reader"])
    at_home, named, stranger = [await case.inbox(by) for by in ("usr_east2", "usr_reader", "usr_quality")]
    assert [(line.id, line.unread, line.named) for line in at_home.threads] == [(recording, 2, 0)]
    assert (named.unread, named.threads[0].named, named.threads[0].last.text) == (2, 1, "急")
    assert (stranger.threads, stranger.unread) == ([], 0)
    wide = await case.inbox("usr_quality", mine=False)
    assert [(line.id, line.mine, line.unread) for line in wide.threads] == [(recording, False, 2)]
    assert wide.unread == 0
    await mark(case, first, "usr_east2")
    assert (await case.inbox("usr_east2")).unread == 1
    assert (await case.inbox("usr_east")).unread == 0, "his own are read"
    assert (await case.inbox("usr_west", mine=False)).threads == []
    # A consultation is its members' alone, wherever they are; who was away finds it on his return.
    await case.post("con_1", "在吗", "client-0003")
    assert [line.id for line in (await case.inbox("usr_first")).threads] == ["con_1"]
    assert "con_1" not in [line.id for line in (await case.inbox("usr_east2")).threads]


async def test_who_is_named_hears_it_himself_and_only_who_may_see_the_thread_can_be(case: Case) -> None:
    recording = await case.town.recording()
    can = await service.people_of(case.room, case.town.ctx("usr_east"), recording)
    assert "usr_reader" in {p.account for p in can}
    assert not {"usr_west", "usr_east"} & {p.account for p in can}
    sent = await case.post(recording, "@顾阅图 @值班", "client-0001", mentions=["usr_reader"], roles=["on_call"])
    assert {(m.account, m.role) for m in sent.mentions} == {
        ("usr_reader", ""), ("usr_first", "on_call"), ("usr_second", "on_call"), ("usr_head", "on_call"),
    }  # fmt: skip
    (told,) = await case.town.events("message.told")
    assert (told.topic, set(told.to)) == ("persons", {m.account for m in sent.mentions})
    wrong: tuple[dict[str, Any], ...] = (
        {"mentions": ["usr_west"]}, {"mentions": ["usr_nobody"]}, {"roles": ["expert"]}, {"roles": ["x"] * 21},
    )  # fmt: skip
    for number, names in enumerate(wrong):
        with pytest.raises(MentionWrong):
            await case.post(recording, "@", f"client-bad{number}", **names)
    with pytest.raises(MentionWrong):
        await case.post("con_1", "@", "client-con1", mentions=["usr_reader"])
    assert [m.text for m in await case.read(recording)] == ["@顾阅图 @值班"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("胸痛", ["胸痛两小时", "无胸痛"]),
        ("痛", ["胸痛两小时", "无胸痛"]),
        ("两小时", ["胸痛两小时"]),
        ("bp 90", ["ＢＰ 90/60"]),
        ("ｂｐ", ["ＢＰ 90/60"]),
        ("小时 胸痛", ["胸痛两小时"]),
        ("痛胸", []),
        ("%", []),
        ("' OR 1=1", []),
    ],
)
async def test_a_word_of_two_characters_is_found(case: Case, query: str, found: list[str]) -> None:
    recording = await case.town.recording()
    for number, words in enumerate(["胸痛两小时", "ＢＰ 90/60", "痛两胸", "无胸痛"]):
        await case.post(recording, words, f"client-{number:04}")
    wanted = set(found) | ({"痛两胸"} if query == "痛" else set())
    assert set(await case.find(query)) == wanted
    assert await case.find(query, by="usr_west") == []


async def test_a_search_needs_a_word_and_follows_an_edit(case: Case) -> None:
    sent = await case.post(await case.town.recording(), "心悸三天", "client-0001")
    await edit(case, sent, "心慌三天")
    assert (await case.find("心悸"), await case.find("心慌")) == ([], ["心慌三天"])
    for query in ("", "  ", "长" * 51):
        with pytest.raises(SearchTooShort):
            await case.find(query)


async def test_messages_of_an_earlier_commit_come_into_the_search_and_the_inbox(case: Case) -> None:
    sent = await case.post(await case.town.recording(), "头晕一周", "client-0001")

    def as_it_was(tx: Tx) -> None:
        for table in ("message_gram", "message_thread_head"):
            tx.conn.execute(text(f"DELETE FROM {table}"))
        tx.conn.execute(update(store.message).values(grams=None))

    await case.town.db.write(as_it_was)
    assert await case.find("头晕") == []
    assert await service.index_missing(case.room, 1) == 1
    assert await service.index_missing(case.room) == 0
    assert await case.find("头晕") == ["头晕一周"]
    assert [line.id for line in (await case.inbox("usr_east2")).threads] == [sent.thread]


def test_pairs_overlap_and_the_last_character_begins_one() -> None:
    assert grams.grams("胸痛 A") == {"胸痛", "痛", "a"}
    assert grams.wanted("胸痛了 b") == ["b", "痛了", "胸痛"]
