"""Consultations: every step by the right side, both signatures, and what may be whispered in the room."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from server.base.clock import ManualClock
from server.base.context import Ctx, Grant
from server.base.errors import AppError, Forbidden, NotFound, WrongState
from server.base.live import Heard
from server.consult import room as rooms_module
from server.consult import schedule, service, store
from server.consult.errors import (
    ConclusionChanged,
    ConsentMissing,
    ConsultTaken,
    ConsultTextMissing,
    InviteeUnable,
    NotAMember,
    NotTheExpert,
    NotTheRequester,
)
from server.consult.model import (
    CONSULT,
    Conclude,
    Consult,
    IceServer,
    NewConsent,
    NewDocument,
    Reason,
    RequestConsult,
    Resubmit,
    SharedView,
)
from server.consult.planning import appointments
from server.consult.planning.model import Wait
from server.consult.room import ROOMS_MAX, WHISPERS_PER_S_MAX, Rooms
from server.consult.service import Consultations, ConsultSettings
from server.people import store as people
from server.people.access import judge
from server.people.model import GrantView
from server.records.service import access_recording
from tests.server.test_alerts_town import START, Town

SIGNED = NewConsent("written", "王小明", "self", note="病案室 3 柜")


class Locked(AppError):
    """The stand-in of "your session is not unlocked for signing"."""

    code = "test.locked"


class Case:
    """A town with a consultation room; `locked` holds accounts whose session is not unlocked for signing."""

    def __init__(self, town: Town) -> None:
        self.town, self.locked = town, set[str]()
        self.room = self.make()

    def make(self) -> Consultations:
        settings = ConsultSettings((IceServer(["stun:turn.example:3478"]),))
        return Consultations(self.town.db, self.town.clock, settings, b"secret", self.may_sign, Rooms(self.town.clock))

    def may_sign(self, _conn: Connection, ctx: Ctx) -> None:
        if ctx.actor in self.locked:
            raise Locked

    async def ask(self, *, by: str = "usr_east", priority: str = "emergency", consent: str = "emergency") -> Consult:
        recording = await self.town.recording()
        new = msgspec.convert(
            {
                "recording": recording, "invitee_org": "city", "purpose": "是否溶栓", "summary": "胸痛两小时",
                "priority": priority, "consent": consent,
                "consent_paper": msgspec.to_builtins(SIGNED) if consent == "written" else None,
            },
            RequestConsult,
        )  # fmt: skip
        return await service.request(self.room, self.town.ctx(by), new)

    async def accepted(self) -> Consult:
        """With the papers that an emergency owes already filed."""
        consult = await self.ask()
        await service.add_consent(self.room, self.town.ctx("usr_east"), consult.id, SIGNED)
        return await service.accept(self.room, self.town.ctx("usr_first"), consult.id)

    async def see(self, consult: Consult, viewer: str = "usr_east") -> Consult:
        return await service.one(self.room, self.town.ctx(viewer), consult.id)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield Case(town)
    await town.close()


async def test_a_consultation_from_the_request_to_the_countersigned_conclusion_in_the_record(case: Case) -> None:
    town, room = case.town, case.room
    consult = await case.ask()
    assert (consult.state, consult.requester_name, consult.requester_org) == ("submitted", "东医生", "east")
    asked = await town.events("consult.asked")
    assert [(e.topic, e.body["priority"]) for e in asked] == [
        ("user:usr_first", "emergency"), ("user:usr_second", "emergency"), ("user:usr_head", "emergency"),
    ]  # fmt: skip
    assert not any("胸痛" in str(e.body) for e in await town.events("consult.submitted", "consult.asked"))
    expert, asker = town.ctx("usr_first"), town.ctx("usr_east")
    consult = await service.accept(room, expert, consult.id)
    assert (consult.state, consult.expert_name) == ("accepted", "沈一线")
    assert [(m.account, m.part) for m in consult.members] == [("usr_east", "requester"), ("usr_first", "expert")]
    entered = await service.enter(room, asker, consult.id)
    assert (entered.consult.state, entered.view) == ("in_progress", None)
    assert entered.ice_servers == [IceServer(["stun:turn.example:3478"])]
    view = json.dumps({"kind": "view", "recording": consult.recording, "layout": "12x1", "first": 0, "end": 5000,
                       "speed": 25, "gain": 10})  # fmt: skip
    assert service.topic_kind(room).whisper is not None
    assert room.rooms.hear(consult.id, "usr_east", view.encode()).on is not None
    later_entry = await service.enter(room, expert, consult.id)
    assert later_entry.view is not None
    assert later_entry.view.presenter == "usr_east"
    await service.add_consent(room, asker, consult.id, SIGNED)
    consult = await service.conclude(room, expert, consult.id, Conclude("前壁STEMI，立即转运"))
    assert consult.conclusion is not None
    assert (consult.state, len(consult.conclusion.digest)) == ("concluding", 64)
    consult = await service.countersign(room, asker, consult.id, consult.conclusion.digest)
    assert consult.conclusion is not None
    assert (consult.state, consult.conclusion.countersigned_name) == ("concluded", "东医生")
    assert consult.conclusion.signed_name == "沈一线"
    assert room.rooms.view(consult.id) is None
    of_recording = await service.consults(room, asker, only_open=True, recording=consult.recording)
    assert [c.conclusion and c.conclusion.text for c in of_recording.consults] == ["前壁STEMI，立即转运"]
    assert (await service.consults(room, asker, only_open=True, recording=None)).consults == []
    kinds = ("submitted", "accepted", "entered", "concluding", "concluded")
    told = await town.events(*(f"consult.{kind}" for kind in kinds))
    assert [e.kind.partition(".")[2] for e in told] == [
        "submitted", "accepted", "entered", "entered", "concluding", "concluded",
    ]  # fmt: skip
    assert {(e.topic, e.org) for e in told} == {("consult", "east")}


async def test_a_consultation_survives_a_restart(case: Case) -> None:
    consult = await case.accepted()
    await case.town.restart()
    case.room = case.make()
    assert (await case.see(consult)).members == consult.members
    assert (await service.enter(case.room, case.town.ctx("usr_first"), consult.id)).consult.state == "in_progress"


async def test_a_request_needs_its_papers_a_recording_he_may_see_and_somebody_to_answer(case: Case) -> None:
    recording = await case.town.recording()
    sound = RequestConsult(recording, "city", "目的", "摘要", "routine", "written", consent_paper=SIGNED)

    async def ask(new: RequestConsult, by: str = "usr_east") -> None:
        await service.request(case.room, case.town.ctx(by), new)

    with pytest.raises(ConsultTextMissing):
        await ask(msgspec.structs.replace(sound, purpose=" "))
    with pytest.raises(ConsultTextMissing):
        await ask(msgspec.structs.replace(sound, summary=""))
    with pytest.raises(ConsentMissing):
        await ask(msgspec.structs.replace(sound, consent="emergency"))
    with pytest.raises(NotFound):
        await ask(msgspec.structs.replace(sound, invitee_org="nowhere"))
    with pytest.raises(InviteeUnable):
        await ask(msgspec.structs.replace(sound, invitee_org="county"))
    with pytest.raises(NotFound):
        await ask(sound, by="usr_west")
    with pytest.raises(Forbidden):
        await ask(sound, by="usr_quality")
    assert await case.town.events("consult.submitted") == []
    await ask(sound)


async def test_only_the_first_of_two_experts_gets_it(case: Case) -> None:
    consult = await case.ask()
    experts = [case.town.ctx(a) for a in ("usr_first", "usr_second")]
    results = await asyncio.gather(
        *(service.accept(case.room, ctx, consult.id) for ctx in experts), return_exceptions=True
    )
    assert [type(r) for r in results] == [Consult, ConsultTaken]
    assert len((await case.see(consult)).members) == 2


async def test_a_returned_request_is_completed_and_sent_again(case: Case) -> None:
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    consult = await case.ask()
    with pytest.raises(ConsultTextMissing):
        await service.send_back(case.room, expert, consult.id, Reason(" "))
    consult = await service.send_back(case.room, expert, consult.id, Reason("缺肌钙蛋白"))
    assert (consult.state, consult.reason) == ("returned", "缺肌钙蛋白")
    assert (await case.see(consult)).events == ["submit", "file", "cancel"]
    await service.mend(
        case.room, asker, consult.id, Resubmit("是否溶栓", "肌钙蛋白 2.1", "written", consent_paper=SIGNED)
    )
    consult = await service.submit(case.room, asker, consult.id)
    assert (consult.state, consult.summary, consult.reason) == ("submitted", "肌钙蛋白 2.1", "")
    assert len(await case.town.events("consult.asked")) == 6
    with pytest.raises(WrongState):
        await service.mend(case.room, asker, consult.id, Resubmit("再改", "再改", "written"))


async def test_a_declined_request_keeps_its_reason(case: Case) -> None:
    consult = await case.ask()
    for expert in ("usr_first", "usr_head", "usr_second"):
        consult = await service.decline(case.room, case.town.ctx(expert), consult.id, Reason("正在导管室"))
    assert (consult.state, consult.reason, consult.events) == ("declined", "正在导管室", [])


async def test_each_side_signs_once_and_nobody_for_both(case: Case) -> None:
    consult = await case.accepted()
    expert, asker = case.town.ctx("usr_first"), case.town.ctx("usr_east")
    with pytest.raises(NotTheExpert):
        await service.conclude(case.room, case.town.ctx("usr_second"), consult.id, Conclude("代签"))
    first = await service.conclude(case.room, expert, consult.id, Conclude("溶栓"))
    second = await service.conclude(case.room, expert, consult.id, Conclude("转运"))
    assert first.conclusion is not None
    assert second.conclusion is not None
    with pytest.raises(NotTheRequester):
        await service.countersign(case.room, expert, consult.id)
    with pytest.raises(NotTheRequester):
        # A reader of the hospital above may read it, and is not the side that asked.
        await service.countersign(case.room, case.town.ctx("usr_reader"), consult.id)
    with pytest.raises(ConclusionChanged):
        await service.countersign(case.room, asker, consult.id, first.conclusion.digest)
    ended = await service.countersign(case.room, case.town.ctx("usr_east2"), consult.id, second.conclusion.digest)
    assert ended.conclusion is not None
    assert ended.conclusion.countersigned_name == "东护士"


async def test_signing_asks_for_the_unlocked_session_on_both_sides(case: Case) -> None:
    consult = await case.accepted()
    case.locked = {"usr_first", "usr_east"}
    with pytest.raises(Locked):
        await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, Conclude("转运"))
    case.locked = {"usr_east"}
    await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, Conclude("转运"))
    with pytest.raises(Locked):
        await service.countersign(case.room, case.town.ctx("usr_east"), consult.id)
    assert (await case.see(consult)).state == "concluding"


async def test_another_township_sees_nothing_and_only_members_enter(case: Case) -> None:
    consult = await case.accepted()
    west = case.town.ctx("usr_west")
    with pytest.raises(NotFound):
        await service.one(case.room, west, consult.id)
    assert (await service.consults(case.room, west, only_open=False, recording=consult.recording)).consults == []
    with pytest.raises(NotAMember, match="东医生"):
        await service.enter(case.room, case.town.ctx("usr_reader"), consult.id)
    may = service.topic_kind(case.room).may
    followed = [a for a in ("usr_east", "usr_first", "usr_second", "usr_east2", "usr_west")
                if await may(case.town.ctx(a), f"consult:{consult.id}")]  # fmt: skip
    assert followed == ["usr_east", "usr_first"]
    assert not await may(case.town.ctx("usr_first"), "consult:con_of_nobody")


async def test_the_chat_of_a_room_is_its_members_until_it_is_concluded(case: Case) -> None:
    consult = await case.accepted()

    async def org(viewer: str) -> str:
        return await case.town.db.read(lambda c: service.thread_org(c, case.town.ctx(viewer), consult.id))

    assert await org("usr_first") == "east"
    with pytest.raises(NotFound):
        await org("usr_reader")
    await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, Conclude("转运"))
    await service.countersign(case.room, case.town.ctx("usr_east"), consult.id)
    assert await org("usr_reader") == "east"
    with pytest.raises(NotFound):
        await org("usr_west")


async def test_an_expert_outside_the_tree_opens_the_recording_he_answers_for_and_no_other(case: Case) -> None:
    town = case.town
    recording, other = await town.recording(org="west"), await town.recording(org="west")
    await town.db.write(
        lambda tx: people.add_account(
            tx.conn, [GrantView("expert", "east")], id="usr_expert", login="e", name="专家", title="",
            password="-", active=True, created_at=tx.now,
        )
    )  # fmt: skip
    expert = Ctx("usr_expert", "专家", (Grant("expert", "east"),), judge(town.path_of))

    async def sees(recording_id: str, rule: str = "recording.read") -> bool:
        try:
            await town.db.read(lambda conn: access_recording(conn, expert, recording_id, rule))
        except NotFound:
            return False
        return True

    new = RequestConsult(recording, "east", "目的", "摘要", "routine", "written", consent_paper=SIGNED)
    consult = await service.request(case.room, town.ctx("usr_west"), new)
    assert not await sees(recording)
    await service.accept(case.room, expert, consult.id)
    assert await sees(recording)
    assert not await sees(other)
    assert not await sees(recording, "recording.identify")


async def test_an_invited_side_that_stands_elsewhere_in_the_tree_hears_of_it_too(case: Case) -> None:
    recording = await case.town.recording(org="west")
    new = RequestConsult(recording, "east", "目的", "摘要", "routine", "written", consent_paper=SIGNED)
    await case.town.db.write(
        lambda tx: people.add_account(
            tx.conn, [GrantView("expert", "east")], id="usr_expert", login="e", name="专家",
            password="-", active=True, created_at=tx.now,
        )
    )  # fmt: skip
    await service.request(case.room, case.town.ctx("usr_west"), new)
    assert {e.org for e in await case.town.events("consult.submitted")} == {"west", "east"}


PERSON = {
    "submit": "usr_east", "accept": "usr_first", "decline": "usr_first", "return": "usr_first", "enter": "usr_first",
    "conclude": "usr_first", "countersign": "usr_east", "cancel": "usr_east", "file": "usr_east",
    "wait": "usr_east", "give_back": "usr_first",
}  # fmt: skip


@pytest.mark.parametrize("event", sorted(PERSON))
async def test_every_cell_of_the_consult_table_moves_or_refuses(case: Case, event: str) -> None:
    for state in sorted(CONSULT.states()):
        consult = await case.accepted()
        expert = None if event == "accept" else "usr_first"
        if event == "countersign":
            await service.conclude(case.room, case.town.ctx("usr_first"), consult.id, Conclude("转运"))
        await case.town.db.write(
            lambda tx, c=consult.id, s=state, e=expert: store.update_consult(tx.conn, c, state=s, expert=e)  # type: ignore[misc]
        )
        ctx = case.town.ctx(PERSON[event])
        offered = event in (await service.one(case.room, ctx, consult.id)).events
        allowed = event in CONSULT.allowed(state) and (event, state) != ("submit", "draft")
        try:
            await _do(case.room, ctx, event, consult.id)
            refused = False
        except WrongState:
            refused = True
        after = (await case.see(consult)).state
        if (event, state) == ("submit", "draft"):
            assert after == "submitted"
            continue
        assert (offered, refused) == (allowed, not allowed), f"{event} in {state}"
        assert after == (CONSULT.move(state, event) if allowed else state), f"{event} in {state}"


async def _do(room: Consultations, ctx: Ctx, event: str, consult: str) -> None:
    match event:
        case "submit":
            await service.submit(room, ctx, consult)
        case "accept":
            await service.accept(room, ctx, consult)
        case "decline":
            await service.decline(room, ctx, consult, Reason("无"))
        case "return":
            await service.send_back(room, ctx, consult, Reason("缺"))
        case "enter":
            await service.enter(room, ctx, consult)
        case "conclude":
            await service.conclude(room, ctx, consult, Conclude("结论"))
        case "countersign":
            await service.countersign(room, ctx, consult)
        case "file":
            await service.add_document(room, ctx, consult, NewDocument("labs", "血钾 3.1"))
        case "cancel":
            await service.cancel(room, ctx, consult)
        case "wait":
            await appointments.wait(room, ctx, consult, Wait())
        case "give_back":
            await schedule.give_back(room, ctx, consult, Reason("手术"))


# The whisper filter


def rooms() -> Rooms:
    return Rooms(ManualClock(START))


def said(**body: object) -> bytes:
    return json.dumps(body).encode()


VIEW = {
    "kind": "view", "recording": "rec_1", "layout": "12x1", "first": 0, "end": 5000, "speed": 25.0, "gain": 10.0,
    "presenter": "usr_somebody_else", "rev": 10**15,
}  # fmt: skip


def test_a_view_is_stamped_with_the_hubs_revision_and_its_true_presenter_and_kept_for_newcomers() -> None:
    open_rooms = rooms()
    first = json.loads(open_rooms.hear("con_1", "usr_a", said(**VIEW)).on or b"")
    second = json.loads(open_rooms.hear("con_1", "usr_b", said(**VIEW)).on or b"")
    assert (first["kind"], first["presenter"], second["presenter"]) == ("view", "usr_a", "usr_b")
    assert first["rev"] < second["rev"] < 10**15
    assert json.loads(open_rooms.first_whispers("con_1")[0]) == second
    kept = open_rooms.view("con_1")
    assert kept == SharedView("rec_1", "12x1", 0, 5000, 25.0, 10.0, "usr_b", second["rev"])
    assert open_rooms.first_whispers("con_2") == []


def test_a_view_after_a_restart_of_the_hub_is_newer_than_those_before() -> None:
    clock = ManualClock(START)
    before = json.loads(Rooms(clock).hear("con_1", "usr_a", said(**VIEW)).on or b"")
    clock.advance(2)
    after = json.loads(Rooms(clock).hear("con_1", "usr_a", said(**VIEW)).on or b"")
    assert after["rev"] > before["rev"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "pointer", "lead": "II", "sample": 120, "uv": -55.5},
        {"kind": "pointer", "lead": None, "sample": None, "uv": None},
        {"kind": "signal", "description": {"type": "offer", "sdp": "v=0" * 5000}},
        {"kind": "signal", "candidate": None},
        {"kind": "signal", "candidate": {"candidate": "a", "sdpMid": "0", "sdpMLineIndex": 0}},
        {"kind": "typing"},
        {"kind": "hello"},
        {"kind": "bye"},
    ],
)
def test_what_a_room_may_whisper_goes_on_as_it_came(body: dict[str, object]) -> None:
    assert json.loads(rooms().hear("con_1", "usr_a", said(**body)).on or b"") == body


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"pointer"',
        b"{",
        b'{"kind":"pointer","lead":"\xff"}',
        b"[" * 4000,
        said(kind="sign", text="x"),
        said(kind="pointer", lead="II", sample="here", uv=1),
        said(kind="pointer", lead="I" * 600, sample=1, uv=1),
        said(kind="signal"),
        said(kind="signal", description={}, candidate={}),
        said(kind="signal", description={"sdp": "x" * 40_000}),
        said(**{**VIEW, "end": 0}),
        said(**{**VIEW, "speed": -1}),
        said(**{**VIEW, "layout": "x" * 2000}),
        said(kind="typing", text="x" * 500),
    ],
)
def test_everything_else_is_held_back(raw: bytes) -> None:
    open_rooms = rooms()
    assert open_rooms.hear("con_1", "usr_a", raw) == Heard()
    assert (open_rooms.held_back, open_rooms.view("con_1")) == (1, None)


@given(st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: said(x=x)))
def test_no_bytes_bring_the_room_down(raw: bytes) -> None:
    rooms().hear("con_1", "usr_a", raw)


def test_fields_nobody_asked_for_do_not_travel() -> None:
    heard = rooms().hear("con_1", "usr_a", said(kind="typing", text="王小明"))
    assert json.loads(heard.on or b"") == {"kind": "typing"}


def test_who_floods_a_room_is_held_back_for_the_rest_of_the_second() -> None:
    clock = ManualClock(START)
    open_rooms = Rooms(clock)
    point = said(kind="pointer", lead="II", sample=1, uv=0)
    heard = [open_rooms.hear("con_1", "usr_a", point).on is not None for _ in range(WHISPERS_PER_S_MAX + 5)]
    assert heard.count(True) == WHISPERS_PER_S_MAX
    assert open_rooms.hear("con_1", "usr_b", point).on is not None
    clock.advance(1)
    assert open_rooms.hear("con_1", "usr_a", point).on is not None


def test_presence_follows_hello_and_bye_and_an_ended_room_is_forgotten() -> None:
    open_rooms = rooms()
    for account in ("usr_a", "usr_b"):
        open_rooms.hear("con_1", account, said(kind="hello"))
    open_rooms.hear("con_1", "usr_a", said(kind="bye"))
    assert open_rooms.present("con_1") == {"usr_b"}
    open_rooms.forget("con_1")
    assert open_rooms.present("con_1") == frozenset()


def test_the_number_of_open_rooms_is_bounded_the_longest_unused_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROOMS_MAX >= 100
    monkeypatch.setattr(rooms_module, "ROOMS_MAX", 2)
    open_rooms = rooms()
    for consult in ("con_1", "con_2", "con_1", "con_3"):
        open_rooms.hear(consult, "usr_a", said(**VIEW))
    assert [open_rooms.view(c) is not None for c in ("con_1", "con_2", "con_3")] == [True, False, True]


async def test_who_enters_gets_a_password_for_the_turn_server_that_is_his_and_ends(case: Case) -> None:
    consult = await case.accepted()
    settings = ConsultSettings((IceServer(["turn:turn.example:3478"]),), turn_secret="shared")
    entered = await service.enter(replace(case.room, settings=settings), case.town.ctx("usr_first"), consult.id)
    (server,) = entered.ice_servers
    ends, _, account = server.username.partition(":")
    assert (account, int(ends)) == ("usr_first", int(case.town.clock.now().timestamp()) + service.TURN_S)
    assert server.credential == b64encode(hmac.digest(b"shared", server.username.encode(), "sha1")).decode()
