"""Messages of a case: stored exactly once, in order, for those who may see the case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from server.base.blobs import FileBlobs
from server.base.context import Ctx
from server.base.errors import Forbidden, NotFound
from server.messages import inbox, pictures, service
from server.messages.cases import Cases
from server.messages.errors import ClientIdUnusable, MessageLength, QuoteWrong
from server.messages.model import (
    Inbox,
    Message,
    NewMessage,
    Quote,
    ThreadAbout,
)
from server.messages.service import Messages
from server.records import store as records
from tests.server.test_alerts_town import PEOPLE, Town

pytestmark = pytest.mark.usefixtures("either_database")


class Case:
    """A town with a messages room over recordings; `con_` threads belong to the two members of one consultation."""

    MEMBERS = ("usr_east", "usr_first")

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.folder = town, folder

    @property
    def room(self) -> Messages:
        cases = Cases(
            self.thread_org,
            lambda _conn, thread: ThreadAbout("recording", "王小明", "东乡卫生院", thread),
            lambda _conn, thread: list(self.MEMBERS) if thread.startswith("con_") else [],
            lambda _conn, account: ["con_1"] if account in self.MEMBERS else [],
            lambda _conn, account: self.town.ctx(account) if account in PEOPLE else None,
        )
        return Messages(self.town.db, cases, FileBlobs(self.folder), self.clean)

    async def clean(self, file: bytes) -> pictures.Clean:
        return await asyncio.to_thread(pictures.clean, file)

    def thread_org(self, conn: Connection, ctx: Ctx, thread: str) -> str:
        if thread.startswith("con_"):
            if ctx.actor not in self.MEMBERS:
                raise NotFound(kind="consult")
            return "east"
        org: str = records.recording_row(conn, thread)["org"]
        ctx.see("recording", "recording.read", org)
        return org

    async def post(self, thread: str, text: str, client_id: str, by: str = "usr_east", **more: Any) -> Message:
        return await service.post(self.room, self.town.ctx(by), thread, NewMessage(client_id, text, **more))

    async def read(self, thread: str, by: str = "usr_first", **where: Any) -> list[Message]:
        where.setdefault("limit", 100)
        return (await service.thread(self.room, self.town.ctx(by), thread, **where)).messages

    async def inbox(self, by: str, *, mine: bool = True) -> Inbox:
        return await inbox.inbox(self.room, self.town.ctx(by), mine=mine, limit=100)

    async def find(self, query: str, by: str = "usr_first") -> list[str]:
        hits = await inbox.search(self.room, self.town.ctx(by), query=query, limit=50)
        return [hit.message.text for hit in hits.hits]


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield Case(town, tmp_path / "blobs")
    await town.close()


async def test_a_message_sent_twice_is_stored_once_and_survives_reopening(case: Case) -> None:
    recording = await case.town.recording()
    first = await case.post(recording, "病人胸痛加重", "client-0001")
    assert await case.post(recording, "病人胸痛加重", "client-0001") == first
    together = await asyncio.gather(*(case.post(recording, "血压 90/60", "client-0002") for _ in range(5)))
    assert len({m.id for m in together}) == 1
    await case.town.restart()
    assert await case.post(recording, "病人胸痛加重", "client-0001") == first
    assert [m.text for m in await case.read(recording)] == ["病人胸痛加重", "血压 90/60"]
    assert (first.author, first.author_name) == ("usr_east", "东医生")
    assert len(await case.town.events("message.sent")) == 2


async def test_the_same_client_id_of_two_people_is_two_messages_and_of_one_with_another_text_none(case: Case) -> None:
    recording = await case.town.recording()
    await case.post(recording, "您好", "client-0001")
    await case.post(recording, "您好", "client-0001", by="usr_first")
    with pytest.raises(ClientIdUnusable):
        await case.post(recording, "别的话", "client-0001")
    with pytest.raises(ClientIdUnusable):
        await case.post(await case.town.recording(), "您好", "client-0001")
    assert len(await case.read(recording)) == 2


async def test_pages_follow_one_another_without_a_gap_even_within_one_millisecond(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ids of one millisecond have no order: here each is smaller than the one before.
    falling = iter(range(900, 0, -1))
    monkeypatch.setattr(service, "new_id", lambda prefix: f"{prefix}_{next(falling)}")
    recording = await case.town.recording()
    await case.post(await case.town.recording(), "另一份", "client-else")
    for number in range(25):
        await case.post(recording, str(number), f"client-{number:04}")
    read: list[Message] = []
    while page := await case.read(recording, after=read[-1].id if read else "", limit=10):
        read += page
    assert [m.text for m in read] == [str(n) for n in range(25)]
    newest = await service.thread(case.room, case.town.ctx("usr_first"), recording, newest=True, limit=10)
    assert ([m.text for m in newest.messages], newest.more) == ([str(n) for n in range(15, 25)], True)
    earlier = await service.thread(
        case.room, case.town.ctx("usr_first"), recording, before=newest.messages[0].id, limit=20
    )
    assert ([m.text for m in earlier.messages], earlier.more) == ([str(n) for n in range(15)], False)


async def test_an_event_tells_of_the_message_and_carries_no_word_of_it(case: Case) -> None:
    recording = await case.town.recording()
    message = await case.post(recording, "王小明", "client-0001")
    await case.post("con_1", "在吗", "client-0002")
    told = await case.town.events("message.sent")
    assert [(e.topic, e.subject) for e in told] == [("message", recording), ("consult:con_1", "con_1")]
    assert (told[0].body, told[0].org) == ({"message": message.id}, "east")
    # In a consultation the other one hears it wherever he is.
    assert [(e.topic, e.subject, e.to) for e in await case.town.events("message.told")] == [
        ("persons", "con_1", ["usr_first"])
    ]


async def test_another_township_neither_reads_nor_writes(case: Case) -> None:
    recording = await case.town.recording()
    message = await case.post(recording, "您好", "client-0001")
    for attempt in (
        case.post(recording, "我也看看", "client-0002", by="usr_west"),
        case.read(recording, by="usr_west"),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(NotFound):
        await case.read("con_1", by="usr_second")
    # Somebody else's message is no way in, either.
    other = await case.town.recording(org="west")
    with pytest.raises(NotFound):
        await case.read(other, by="usr_west", after=message.id)


async def test_who_may_read_but_has_no_right_to_write_does_not(case: Case) -> None:
    recording = await case.town.recording()
    ctx = case.town.ctx("usr_east")
    mute = Ctx(ctx.actor, ctx.name, ctx.grants, lambda rule, grants, org: rule != "message.write")
    with pytest.raises(Forbidden):
        await service.post(case.room, mute, recording, NewMessage("client-0001", "您好"))


@pytest.mark.parametrize("text", ["", "  \n", "长" * 4001])
async def test_a_message_has_1_to_4000_characters(case: Case, text: str) -> None:
    recording = await case.town.recording()
    with pytest.raises(MessageLength):
        await case.post(recording, text, "client-0001")
    await case.post(recording, "长" * 4000, "client-0001")


@pytest.mark.parametrize("client_id", ["", "short", "x" * 65])
async def test_a_client_id_has_8_to_64_characters(case: Case, client_id: str) -> None:
    with pytest.raises(ClientIdUnusable):
        await case.post(await case.town.recording(), "您好", client_id)


async def test_a_quoted_place_stands_in_a_recording_he_may_see(case: Case) -> None:
    recording, foreign = await case.town.recording(), await case.town.recording(org="west")
    place = Quote(recording, "V1", 100, 5000)
    await case.post(recording, "看这里", "client-0001", quote=place)
    assert [m.quote for m in await case.read(recording)] == [place]
    wrong = [("Q9", 0, 10), ("V1", 10, 10), ("V1", -1, 10), ("V1", 0, 5001)]
    for number, (lead, first, end) in enumerate(wrong):
        with pytest.raises(QuoteWrong):
            await case.post(recording, "看", f"client-bad{number}", quote=Quote(recording, lead, first, end))
    with pytest.raises(NotFound):
        await case.post(recording, "看", "client-0009", quote=Quote(foreign, "V1", 0, 10))
    assert len(await case.read(recording)) == 1
