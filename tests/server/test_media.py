"""The embedded forwarder: what members send reaches whom it should, in slots; nobody can harm the others."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.base.clock import ManualClock
from server.consult.errors import MediaGone, MediaRefused, MediaTooOften, SeatGone
from server.consult.media import rtp, sdp, stun
from server.consult.media.dtls import Certificate
from server.consult.media.embedded import Embedded, listen_on
from server.consult.media.engine import (
    ACCOUNT_SEATS_MAX,
    BadSdp,
    Died,
    EngineGone,
    Event,
    Lost,
    NoSeat,
    Slots,
    Speakers,
    Wanted,
)
from server.consult.media.forward import TICK_S, Forwarder
from server.consult.media.model import MediaSeat, Wish
from server.consult.media.port import Port
from server.consult.media.process import Listen
from server.consult.media.seats import ROOMS_MAX, TAKES_MAX, Seats
from tests.server.media_member import INTER_FRAME, KEY_FRAME, SyntheticMember, answered, described
from tests.waiting import until

WAIT_S = 20


class Room:
    """A forwarder with members in one room."""

    def __init__(self) -> None:
        self.news: list[Event] = []
        self.port = Port(Certificate(datetime.now(UTC)), ("127.0.0.1",), 0)
        self.forwarder = Forwarder(self.port, self.news.append)
        self.members: dict[str, SyntheticMember] = {}
        self._tick()

    def _tick(self) -> None:
        self.forwarder.tick()
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    async def join(self, account: str) -> SyntheticMember:
        member = self.members[account] = SyntheticMember()
        offer = self.forwarder.join("con_1", account, account)
        self.forwarder.answer(account, answered(offer))
        member.receiving.connect(offer)
        member.sending.connect(self.forwarder.publish(account, member.offer))
        async with asyncio.timeout(WAIT_S):
            await member.connected()
        return member

    def watch(self, account: str, *wishes: Wish) -> None:
        self.forwarder.watch(account, list(wishes))

    def lost(self) -> dict[str, str]:
        return {event.seat: event.why for event in self.news if isinstance(event, Lost)}

    def last(self, kind: type[Slots] | type[Wanted], seat: str) -> Slots | Wanted | None:
        return next((e for e in reversed(self.news) if isinstance(e, kind) and e.seat == seat), None)

    def close(self) -> None:
        self._timer.cancel()
        for member in self.members.values():
            member.close()
        self.port.close()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    yield made
    made.close()


async def test_voices_reach_the_others_and_nobody_hears_himself(room: Room) -> None:
    first, second, third = [await room.join(a) for a in ("usr_a", "usr_b", "usr_c")]

    def spoken() -> bool:
        for member, word in ((first, b"one"), (second, b"two"), (third, b"three")):
            member.voice.say(word, 30)
        return (set(first.payloads()), set(second.payloads()), set(third.payloads())) == (
            {b"two", b"three"}, {b"one", b"three"}, {b"one", b"two"},
        )  # fmt: skip

    await until(spoken, WAIT_S)
    for member in room.members.values():
        for slot in member.heard.values():
            assert slot.sequences == [(slot.sequences[0] + i) & 0xFFFF for i in range(len(slot.sequences))]
    slots = room.last(Slots, "usr_a")
    assert isinstance(slots, Slots)
    assert {*slots.sound} == {"usr_b", "usr_c", None}
    await until(lambda: spoken() and any(isinstance(e, Speakers) and len(e.accounts) == 3 for e in room.news), WAIT_S)


async def test_of_many_the_three_loudest_are_heard(room: Room) -> None:
    listener = await room.join("usr_l")
    for i in range(5):
        await room.join(f"usr_{i}")

    def loudest() -> bool:
        for i in range(5):
            room.members[f"usr_{i}"].voice.say(str(i).encode(), 20 + 15 * i)
        slots = room.last(Slots, "usr_l")
        return isinstance(slots, Slots) and {*slots.sound} == {"usr_0", "usr_1", "usr_2"}

    await until(loudest, WAIT_S)
    assert len(listener.heard) <= 3


async def test_a_picture_begins_with_a_key_frame_and_a_change_goes_on_counting(room: Room) -> None:
    viewer, first, second = [await room.join(a) for a in ("usr_v", "usr_1", "usr_2")]
    room.watch("usr_v", Wish("usr_1", "large"))
    wanted = room.last(Wanted, "usr_1")
    assert isinstance(wanted, Wanted)
    assert (wanted.large, wanted.small) == (True, False)

    def sent(member: SyntheticMember, word: bytes) -> bool:
        asked = any(isinstance(a, rtp.Feedback) and a.key for a in member.asked)
        member.large.say((KEY_FRAME if asked else INTER_FRAME) + word)
        return any(payload.endswith(word) for payload in viewer.payloads())

    await until(lambda: sent(first, b"first"), WAIT_S)
    slots = room.last(Slots, "usr_v")
    assert isinstance(slots, Slots)
    assert slots.picture[0] == "usr_1"
    room.watch("usr_v", Wish("usr_2", "large"))
    await until(lambda: sent(second, b"second"), WAIT_S)
    pictures = [
        heard for heard in viewer.heard.values() if any(b"first" in p or b"second" in p for p in heard.payloads)
    ]
    begins = [heard.payloads[0] for heard in pictures]
    assert all(payload.startswith(KEY_FRAME) for payload in begins)
    for heard in pictures:
        assert heard.sequences == [(heard.sequences[0] + i) & 0xFFFF for i in range(len(heard.sequences))]


async def test_the_other_layer_is_shown_where_the_wished_one_is_not_sent(room: Room) -> None:
    viewer, sender = await room.join("usr_v"), await room.join("usr_s")
    room.watch("usr_v", Wish("usr_s", "large"))

    def seen() -> bool:
        sender.small.say(KEY_FRAME + b"small")
        return any(payload.endswith(b"small") for payload in viewer.payloads())

    await until(seen, WAIT_S)


async def test_what_a_receiver_lost_comes_again_and_what_the_hub_lost_is_asked_of_the_sender(room: Room) -> None:
    viewer, sender = await room.join("usr_v"), await room.join("usr_s")
    room.watch("usr_v", Wish("usr_s", "large"))

    def seen() -> bool:
        sender.large.say(KEY_FRAME + b"x")
        return b"".join(viewer.payloads()) != b""

    await until(seen, WAIT_S)
    sender.large.say(INTER_FRAME + b"one")
    late = sender.large.packet(INTER_FRAME + b"late")
    for word in (b"two", b"three"):
        sender.large.say(INTER_FRAME + word)
    await until(lambda: any(p.endswith(b"three") for p in viewer.payloads()), WAIT_S)
    ((ssrc, slot),) = viewer.heard.items()
    missing = (slot.sequences[-1] - 2) & 0xFFFF
    assert missing not in slot.sequences
    number = rtp.HEAD.unpack_from(late)[2]
    await until(lambda: any(isinstance(a, rtp.Feedback) and number in a.lost for a in sender.asked), WAIT_S)
    sender.sending.send(late)
    await until(lambda: slot.payloads[-1].endswith(b"late"), WAIT_S)
    assert slot.sequences[-1] == missing

    # Its own seal refuses a packet that came twice, so it is counted before it is opened.
    before = viewer.receiving.received
    viewer.receiving.send(rtp.nack(1, ssrc, [slot.sequences[-2]]))
    await until(lambda: viewer.receiving.received > before, WAIT_S)


async def test_many_requests_for_a_key_frame_are_one(room: Room) -> None:
    sender = await room.join("usr_s")
    viewers = [await room.join(f"usr_{i}") for i in range(4)]

    def seen() -> bool:
        for i in range(4):
            room.watch(f"usr_{i}", Wish("usr_s", "large"))
        sender.large.say(KEY_FRAME + b"x")
        return all(viewer.payloads() for viewer in viewers)

    await until(seen, WAIT_S)
    sender.asked.clear()
    for viewer in viewers:
        for ssrc in viewer.heard:
            for _ in range(20):
                viewer.receiving.send(rtp.key_frame_request(1, ssrc))
    await until(lambda: any(isinstance(a, rtp.Feedback) and a.key for a in sender.asked), WAIT_S)
    assert len([a for a in sender.asked if isinstance(a, rtp.Feedback) and a.key]) <= 2


async def test_reports_go_both_ways(room: Room) -> None:
    listener, speaker = await room.join("usr_l"), await room.join("usr_s")

    def heard() -> bool:
        speaker.voice.say(b"x", 20)
        speaker.sending.send(rtp.sender_report(speaker.voice.ssrc, 1 << 40, speaker.voice.time, 1, 1))
        reports = [r for packet in listener.rtcp for r in rtp.read_rtcp(packet) if isinstance(r, rtp.SenderReport)]
        told = [r for r in speaker.asked if isinstance(r, rtp.Report) and r.ssrc == speaker.voice.ssrc and r.last_sr]
        return bool(reports and told and reports[-1].ssrc in listener.heard and reports[-1].ntp == 1 << 40)

    await until(heard, WAIT_S)


async def test_who_says_goodbye_is_gone_at_once_and_the_others_stay(room: Room) -> None:
    first, second = await room.join("usr_a"), await room.join("usr_b")
    second.sending.goodbye()
    await until(lambda: room.lost() == {"usr_b": "closed"}, WAIT_S)
    assert not first.sending.connected.is_set() or room.forwarder.stats()["seats"] == 1


async def test_another_than_the_described_one_gets_no_keys(room: Room) -> None:
    stays, liar = await room.join("usr_a"), SyntheticMember()
    room.members["usr_x"] = liar
    offer = room.forwarder.join("con_1", "usr_x", "usr_x")
    room.forwarder.answer("usr_x", answered(offer, ":".join(["AB"] * 32)))
    liar.receiving.connect(offer)
    await until(lambda: room.lost() == {"usr_x": "dtls: fingerprint"}, WAIT_S)
    assert stays.receiving.connected.is_set()


async def test_streams_nobody_named_and_bytes_that_mean_nothing_harm_nobody(room: Room) -> None:
    listener, speaker = await room.join("usr_l"), await room.join("usr_s")
    speaker.voice.ssrc += 1
    speaker.voice.say(b"hidden", 0)
    speaker.voice.ssrc -= 1
    speaker.sending.send(rtp.HEAD.pack(0x80, 5, 1, 1, speaker.voice.ssrc) + b"of no codec")
    for raw in (b"\x00", b"\x16", b"\x80" * 13, b"\xff" * 2000, bytes(range(256)), b"\x01\x01" + bytes(18)):
        speaker.sending.say(raw)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(raw, speaker.sending.address)

    def heard() -> bool:
        speaker.voice.say(b"plain", 20)
        return listener.payloads() != []

    await until(heard, WAIT_S)
    assert set(listener.payloads()) == {b"plain"}
    await until(lambda: room.forwarder.stats()["unknown"] >= 1, WAIT_S)


async def test_who_floods_loses_his_seat_only(room: Room) -> None:
    await room.join("usr_a")
    bad = await room.join("usr_x")

    def gone() -> bool:
        for _ in range(800):
            bad.voice.say(b"x", 10)
        return "usr_x" in room.lost()

    await until(gone, WAIT_S)
    assert room.lost() == {"usr_x": "flood"}


async def test_seats_are_bounded(room: Room) -> None:
    for i in range(ACCOUNT_SEATS_MAX + 1):
        room.forwarder.join("con_1", "usr_a", f"seat_{i}")
    assert room.lost() == {"seat_0": "replaced"}
    with pytest.raises(NoSeat):
        room.forwarder.join("con_1", "usr_b", "seat_1")
    with pytest.raises(NoSeat):
        room.forwarder.watch("seat_0", [])
    room.forwarder.close_room("con_1")
    assert room.forwarder.stats()["seats"] == room.forwarder.stats()["rooms"] == 0


# Descriptions and bytes from outside

OWN = sdp.OwnEnd("name", "word", "AA", (("127.0.0.1", 9),))
OFFER = described([("audio", "0", 1), ("video", "1", 2), ("video", "2", 3)], setup="actpass")


def test_an_offer_is_answered_line_by_line_in_the_senders_numbers() -> None:
    told = sdp.answer(OWN, sdp.read(OFFER))
    assert [row for row in told.splitlines() if row.startswith("m=")] == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 109", "m=video 9 UDP/TLS/RTP/SAVPF 120", "m=video 9 UDP/TLS/RTP/SAVPF 120",
    ]  # fmt: skip
    assert "a=setup:passive" in told
    assert "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host" in told


@pytest.mark.parametrize(
    "text",
    [
        "", "v=0", "x" * 70_000, "m=audio\n" * 4000, OFFER.replace("a=fingerprint", "a=x"),
        OFFER.replace("VP8", "H264"), OFFER.replace("a=mid:1", "a=mid:\x00"), OFFER.replace("a=ssrc:2", "a=ssrc:-2"),
        OFFER.replace("m=audio", "m=application"), OFFER + OFFER[OFFER.index("m=video"):],
        OFFER.replace("a=setup:actpass", "a=setup:passive"),
    ],
)  # fmt: skip
def test_a_description_it_cannot_live_with_is_refused(text: str) -> None:
    with pytest.raises(BadSdp):
        sdp.answer(OWN, sdp.read(text))


@given(st.text(max_size=300) | st.integers(0, len(OFFER)).map(lambda i: OFFER[:i] + "\x00é9" + OFFER[i + 7 :]))
def test_no_description_raises_anything_else(text: str) -> None:
    try:
        sdp.answer(OWN, sdp.read(text))
    except BadSdp:
        return


@given(st.binary(min_size=13, max_size=80))
def test_no_bytes_raise(raw: bytes) -> None:
    list(rtp.read_rtcp(raw))
    rtp.level_dbov(raw, 1)
    rtp.payload_offset(raw)
    rtp.begins_vp8_key_frame(raw)
    stun.read_binding(raw)


def test_what_is_lost_is_named_in_pairs_and_read_again() -> None:
    lost = (65534, 65535, 0, 7, 40)
    (said,) = rtp.read_rtcp(rtp.nack(1, 2, lost))
    assert said == rtp.Feedback(2, lost, key=False)


# The process, and the hub's rules


async def test_a_forwarder_that_dies_is_begun_anew_and_says_so() -> None:
    news: list[Event] = []
    engine = Embedded(Listen(("127.0.0.1",), 0, ()), news.append, time.monotonic)
    try:
        assert "a=ice-lite" in await engine.join("con_1", "usr_a", "seat_1")
        with pytest.raises(BadSdp):
            await engine.publish("seat_1", "x")
        with pytest.raises(NoSeat):
            await engine.answer("seat_2", "x")
        assert (await engine.stats())["seats"] == 1
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        await until(lambda: Died() in news, WAIT_S)
        assert await engine.join("con_1", "usr_a", "seat_1")
        assert engine.restarts == 1
        pid = engine.pid
    finally:
        await engine.close()
    await until(lambda: not _alive(pid), WAIT_S)


def _alive(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_forwarder_listens_where_the_hub_does() -> None:
    assert listen_on("127.0.0.1", 7, ()) == Listen(("127.0.0.1",), 7, ())
    assert listen_on("0.0.0.0", 7, ("10.0.0.1",)).hosts[-1] == "127.0.0.1"


class NoEngine:
    """A MediaEngine that notes what is asked. gone: it is not there."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gone = False
        self.lost: set[str] = set()

    async def join(self, room: str, account: str, seat: str, *, held: bool = False) -> str:
        if self.gone:
            raise EngineGone
        self.asked.append(f"{'hold' if held else 'join'} {account}")
        return "offer"

    async def admit(self, seat: str) -> None:
        self.asked.append("admit")
        if seat in self.lost:
            raise NoSeat

    async def answer(self, seat: str, sdp: str) -> None:
        raise BadSdp

    async def publish(self, seat: str, sdp: str) -> str:
        return "answer"

    async def watch(self, seat: str, wishes: list[Wish]) -> None:
        raise EngineGone

    async def quiet(self, room: str, accounts: list[str]) -> None:
        self.asked.append(f"quiet {' '.join(accounts)}")

    async def leave(self, seat: str) -> None:
        self.asked.append("leave")

    async def close_room(self, room: str) -> None:
        self.asked.append(f"close {room}")

    async def stats(self) -> dict[str, float]:
        return {}

    def open(self) -> None:
        return

    async def close(self) -> None:
        return


async def test_who_only_listens_is_told_to_the_engine_before_he_can_send_and_when_it_changes() -> None:
    engine = NoEngine()
    seats = Seats(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda _: engine)
    seats.quiet("con_1", frozenset({"usr_b"}))
    assert engine.asked == []  # nobody sits there
    seats.forward("con_1")
    await seats.enter("con_1", "usr_a")
    assert engine.asked == ["join usr_a", "quiet usr_b"]
    seats.quiet("con_1", frozenset({"usr_b"}))
    seats.quiet("con_1", frozenset())
    await until(lambda: len(engine.asked) > 2, WAIT_S)
    assert engine.asked[2:] == ["quiet "]


async def test_two_go_browser_to_browser_and_the_third_brings_all_to_the_forwarder() -> None:
    engine, said = NoEngine(), list[str]()
    seats = Seats(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda _: engine)
    seats.whisper = lambda topic, body, to: said.append(f"{topic} {body.decode()} {to}")
    assert await seats.enter("con_1", "usr_a") is None
    assert await seats.enter("con_1", "usr_a") is None  # a reload is not another one
    assert await seats.enter("con_1", "usr_b") is None
    assert (said, seats.is_forwarded("con_1"), seats.first_whispers("con_1", "usr_a")) == ([], False, [])
    third = await seats.enter("con_1", "usr_c")
    assert third is not None
    assert said == ['consult:con_1 {"kind":"media","say":"engine"} None']
    assert await seats.enter("con_1", "usr_a") is not None  # for good
    with pytest.raises(SeatGone):
        await seats.publish("con_1", "usr_a", third.seat, "x")  # another's
    with pytest.raises(SeatGone):
        await seats.publish("con_2", "usr_c", third.seat, "x")
    with pytest.raises(MediaRefused):
        await seats.answer("con_1", "usr_c", third.seat, "x")
    with pytest.raises(MediaRefused):
        await seats.publish("con_1", "usr_c", third.seat, "x" * 70_000)
    with pytest.raises(MediaGone):
        await seats.watch("con_1", "usr_c", third.seat, [])
    assert await seats.publish("con_1", "usr_c", third.seat, "x") == "answer"
    assert said[-1] == 'consult:con_1 {"kind":"media","say":"members","accounts":["usr_c"]} None'
    engine.gone = True
    assert await seats.enter("con_1", "usr_b") is None  # the room opens without it
    seats.forget("con_1")
    await until(lambda: "close con_1" in engine.asked, WAIT_S)


async def test_of_many_rooms_the_oldest_is_forgotten_that_nobody_sits_in() -> None:
    seats = Seats(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda _: NoEngine())
    taken = await seats.take("con_0", "usr_a")
    for number in range(1, ROOMS_MAX + 2):
        seats.forward(f"con_{number}")
    assert await seats.publish("con_0", "usr_a", taken.seat, "x") == "answer"
    assert not seats.is_forwarded("con_1")
    assert seats.is_forwarded(f"con_{ROOMS_MAX + 1}")


async def test_a_seat_held_in_the_lobby_is_nobodys_until_its_person_enters() -> None:
    engine, said = NoEngine(), list[str]()
    seats = Seats(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda _: engine)
    seats.whisper = lambda topic, body, to: said.append(f"{body.decode()} {to}")
    assert await seats.hold("con_1", "usr_a", always=False) is None  # he would go browser to browser
    tried = await seats.hold("con_1", "usr_a", always=True)
    assert tried is not None
    assert (engine.asked, seats.open_seats, seats.is_forwarded("con_1")) == (["hold usr_a"], 0, False)
    assert await seats.publish("con_1", "usr_a", tried.seat, "x") == "answer"
    with pytest.raises(SeatGone):
        await seats.watch("con_1", "usr_a", tried.seat, [])  # nobody looks in from the lobby
    with pytest.raises(SeatGone):
        await seats.publish("con_1", "usr_b", tried.seat, "x")
    assert await seats.enter("con_1", "usr_a", tried.seat) is None
    await until(lambda: engine.asked[-1] == "leave", WAIT_S)
    seats._heard(Lost("con_1", tried.seat, "left"))
    assert said == []  # of members the pages hear only over the forwarder

    seats.forward("con_1")
    said.clear()
    first = await seats.hold("con_1", "usr_b", always=False)
    held = await seats.hold("con_1", "usr_b", always=False)
    assert first is not None
    assert held is not None
    await until(lambda: engine.asked.count("leave") == 2, WAIT_S)  # the first: an account has one
    assert await seats.publish("con_1", "usr_b", held.seat, "x") == "answer"
    seats._heard(Slots("con_1", held.seat, ["usr_x"], []))
    assert said == []
    engine.asked.clear()
    assert await seats.enter("con_1", "usr_b", held.seat) == MediaSeat(held.seat, "")
    assert (engine.asked, seats.open_seats) == (["admit"], 1)
    assert said == ['{"kind":"media","say":"members","accounts":["usr_b"]} None']
    # What flows in its slots may have been said before the page follows the room: it hears the last of it then.
    seats._heard(Slots("con_1", held.seat, [], ["usr_x"]))
    seats._heard(Slots("con_1", held.seat, [], ["usr_y"]))
    told = [json.loads(raw) for raw in seats.first_whispers("con_1", "usr_b")]
    assert [(news["say"], news.get("picture")) for news in told] == [("members", None), ("slots", ["usr_y"])]
    assert [json.loads(raw)["say"] for raw in seats.first_whispers("con_1", "usr_x")] == ["members"]


async def test_who_comes_with_a_seat_that_is_gone_or_anothers_gets_a_new_one_and_tries_are_bounded() -> None:
    engine = NoEngine()
    seats = Seats(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), lambda _: engine)
    seats.forward("con_1")
    held = await seats.hold("con_1", "usr_a", always=False)
    assert held is not None
    another = await seats.enter("con_1", "usr_b", held.seat)
    assert another is not None
    assert another.seat != held.seat
    engine.lost.add(held.seat)
    mine = await seats.enter("con_1", "usr_a", held.seat)
    assert mine is not None
    assert mine.offer == "offer"
    held = await seats.hold("con_1", "usr_c", always=False)
    assert held is not None
    seats._heard(Lost("con_1", held.seat, "left"))
    with pytest.raises(SeatGone):
        await seats.publish("con_1", "usr_c", held.seat, "x")
    for _ in range(TAKES_MAX - 1):
        await seats.hold("con_1", "usr_c", always=False)
    with pytest.raises(MediaTooOften):
        await seats.hold("con_1", "usr_c", always=False)
