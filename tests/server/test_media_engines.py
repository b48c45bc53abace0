"""What every MediaEngine promises, asked of both: the embedded forwarder's process, and a Janus."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.consult.media import janus_sdp, rtp
from server.consult.media.engine import (
    ACCOUNT_SEATS_MAX,
    PICTURE_SLOTS,
    SOUND_SLOTS,
    BadSdp,
    Died,
    EngineGone,
    Event,
    NoSeat,
    Slots,
    Speakers,
    Wanted,
)
from server.consult.media.janus import Janus, JanusAt
from server.consult.media.janus_room import Room, Seat
from server.consult.media.model import Wish
from tests import janus
from tests.server.media_member import KEY_FRAME, SyntheticMember, answered, described
from tests.server.media_rig import WAIT_S, Rig
from tests.waiting import every, until


async def test_everybody_is_heard_and_nobody_hears_himself(rig: Rig) -> None:
    first, second, third = [await rig.join(a) for a in ("usr_a", "usr_b", "usr_c")]

    def spoken() -> bool:
        for member, word in ((first, b"one"), (second, b"two"), (third, b"three")):
            member.voice.say(word, 30)
        return (set(first.payloads()), set(second.payloads()), set(third.payloads())) == (
            {b"two", b"three"}, {b"one", b"three"}, {b"one", b"two"},
        )  # fmt: skip

    await until(spoken, WAIT_S)
    await until(lambda: spoken() and any(isinstance(e, Speakers) and len(e.accounts) == 3 for e in rig.news), WAIT_S)


async def test_who_only_listens_is_not_heard_by_any_page_of_his_until_he_has_the_word(rig: Rig) -> None:
    hears, speaks, listens = [await rig.join(account) for account in ("usr_h", "usr_s", "usr_l")]

    async def heard(member: SyntheticMember, word: bytes, beside: SyntheticMember | None = None) -> None:
        def said() -> bool:
            member.voice.say(word, 30)
            if beside is not None:
                beside.voice.say(b"hushed", 1)
            return hears.payloads().count(word) >= 20

        await until(said, WAIT_S)

    await heard(listens, b"before")
    await rig.engine.quiet("con_1", ["usr_l"])
    await heard(speaks, b"meanwhile", beside=listens)
    again = await rig.join("usr_l", "seat_again")
    await heard(speaks, b"again", beside=again)
    assert b"hushed" not in hears.payloads()
    await rig.engine.quiet("con_1", [])
    await heard(again, b"after")


async def test_of_many_those_who_talk_are_heard(rig: Rig) -> None:
    listener = await rig.join("usr_l")
    for i in range(5):
        await rig.join(f"usr_{i}")

    def talking() -> bool:
        for i in range(5):
            rig.members[f"usr_{i}"].voice.say(str(i).encode(), 20 + 15 * i)
        told = [event for event in rig.news if isinstance(event, Slots) and event.seat == "usr_l"]
        return bool(told) and {*told[-1].sound} == {"usr_0", "usr_1", "usr_2"}

    await until(talking, WAIT_S)
    assert len(listener.heard) <= 3


async def test_a_wished_picture_comes_is_exchanged_and_stays_when_its_sender_goes(rig: Rig) -> None:
    viewer, first, second = [await rig.join(a) for a in ("usr_v", "usr_1", "usr_2")]

    def comes(*senders: tuple[SyntheticMember, bytes]) -> bool:
        for member, word in senders:
            member.large.say(KEY_FRAME + word)
        return all(any(payload.endswith(word) for payload in viewer.payloads()) for _, word in senders)

    await rig.engine.watch("usr_v", [Wish("usr_1", "large")])
    await until(lambda: Wanted("con_1", "usr_1", large=True, small=False) in rig.news, WAIT_S)
    await until(lambda: comes((first, b"first")), WAIT_S)
    assert rig.shown("usr_v")[0] == "usr_1"
    await rig.engine.watch("usr_v", [Wish("usr_2", "large")])
    await until(lambda: comes((second, b"second")), WAIT_S)
    await until(lambda: "usr_1" not in rig.shown("usr_v"), WAIT_S)

    # The one who is shown goes without a word to the hub; another takes the slot on the same connection.
    second.sending.goodbye()
    await until(lambda: "usr_2" in rig.lost(), WAIT_S)
    await rig.engine.watch("usr_v", [Wish("usr_1", "large")])
    await until(lambda: comes((first, b"again")), WAIT_S)
    await until(lambda: rig.shown("usr_v").count("usr_1") == 1, WAIT_S)
    assert set(rig.lost()) == {"usr_2"}


async def test_over_a_held_seat_nothing_passes_either_way_until_its_person_is_admitted(rig: Rig) -> None:
    here, lobby = await rig.join("usr_h"), await rig.join("usr_l", held=True)
    await rig.engine.watch("usr_h", [Wish("usr_l", "large")])
    await rig.engine.watch("usr_l", [Wish("usr_h", "large")])

    def all_speak() -> None:
        for member, word in ((here, b"here"), (lobby, b"lobby")):
            member.voice.say(word, 30)
            member.large.say(KEY_FRAME + word)

    def is_wanted() -> bool:
        all_speak()
        return Speakers("con_1", ["usr_h"]) in rig.news

    await until(is_wanted, WAIT_S)
    async for beat in every(0.1):
        all_speak()
        if beat == 20:  # 2 s: both engines arrange what flows each second at the latest
            break
    told = {account for event in rig.news if isinstance(event, Speakers) for account in event.accounts}
    assert (here.payloads(), lobby.payloads(), told) == ([], [], {"usr_h"})
    assert not any(isinstance(event, Wanted) and event.large for event in rig.news)
    assert not any(any((*e.sound, *e.picture)) for e in rig.news if isinstance(e, Slots))

    await rig.engine.admit("usr_l")

    def all_seen() -> bool:
        all_speak()
        both = ((here, b"lobby"), (lobby, b"here"))
        voices = [word in member.payloads() for member, word in both]
        pictures = [any(p != word and p.endswith(word) for p in member.payloads()) for member, word in both]
        return all(voices + pictures)

    await until(all_seen, WAIT_S)
    with pytest.raises(NoSeat):
        await rig.engine.admit("usr_x")


async def test_the_other_layer_is_shown_where_the_wished_one_is_not_sent(rig: Rig) -> None:
    viewer, sender = await rig.join("usr_v"), await rig.join("usr_s")
    await rig.engine.watch("usr_v", [Wish("usr_s", "large")])

    def seen() -> bool:
        sender.small.say(KEY_FRAME + b"small")
        return any(payload.endswith(b"small") for payload in viewer.payloads())

    await until(seen, WAIT_S)


async def test_what_is_no_description_or_no_seat_is_refused_and_seats_are_bounded(rig: Rig) -> None:
    offer = await rig.engine.join("con_1", "usr_a", "seat_0")
    member = rig.members["seat_0"] = SyntheticMember()
    for text in ("", "v=0", member.offer.replace("VP8", "H264"), described([("video", "0", 1)], setup="actpass")):
        with pytest.raises(BadSdp):
            await rig.engine.publish("seat_0", text)
    with pytest.raises(BadSdp):
        await rig.engine.answer("seat_0", answered(offer).replace("setup:active", "setup:passive"))
    assert (await rig.engine.publish("seat_0", member.offer)).startswith("v=0")
    with pytest.raises(BadSdp):
        await rig.engine.publish("seat_0", member.offer)
    with pytest.raises(NoSeat):
        await rig.engine.watch("seat_x", [])
    for i in range(1, ACCOUNT_SEATS_MAX + 1):
        await rig.engine.join("con_1", "usr_a", f"seat_{i}")
    assert rig.lost() == {"seat_0": "replaced"}
    assert (await rig.engine.stats())["seats"] == ACCOUNT_SEATS_MAX
    await rig.engine.close_room("con_1")
    assert (await rig.engine.stats())["seats"] == 0
    assert (await rig.engine.join("con_1", "usr_a", "seat_9")).startswith("v=0")


@pytest.mark.parametrize("rig", ["janus"], indirect=True)  # the other's voices carry each packet twice (RED)
async def test_a_packet_of_a_voice_that_is_lost_is_asked_for_and_comes_again(rig: Rig) -> None:
    listener, speaker = await rig.join("usr_l"), await rig.join("usr_s")

    def heard() -> bool:
        speaker.voice.say(b"word", 30)
        return b"word" in listener.payloads()

    await until(heard, WAIT_S)
    late = speaker.voice.packet(b"late", 30)
    number = rtp.HEAD.unpack_from(late)[2]

    def asked() -> bool:
        speaker.voice.say(b"next", 30)  # Janus looks for what is missing when another packet comes
        return any(isinstance(a, rtp.Feedback) and number in a.lost for a in speaker.asked)

    await until(asked, WAIT_S)
    speaker.sending.send(late)
    await until(lambda: b"late" in listener.payloads(), WAIT_S)

    # Janus keeps what it sent once a report has told it how long the way is. The listener's own seal refuses a packet
    # that came twice, so it is counted before it is opened.
    ((ssrc, slot),) = listener.heard.items()

    def again() -> bool:
        speaker.voice.say(b"more", 30)
        last = slot.sequences[-1]
        for told in (said for packet in listener.rtcp for said in rtp.read_rtcp(packet)):
            if isinstance(told, rtp.SenderReport) and told.ssrc == ssrc:
                report = rtp.receiver_report(1, [(ssrc, 0, 0, last, told.ntp >> 16 & 0xFFFFFFFF, 0)])
                listener.receiving.send(report + rtp.nack(1, ssrc, [last]))
        return listener.receiving.received > len(slot.sequences)

    await until(again, WAIT_S)


@pytest.mark.parametrize("rig", ["janus"], indirect=True)  # the other one's: test_media
async def test_an_engine_that_dies_says_so_and_takes_seats_again(rig: Rig) -> None:
    await rig.join("usr_a")
    await asyncio.to_thread(rig.kill)
    await until(lambda: Died() in rig.news, WAIT_S)
    again = await rig.join("usr_a", "seat_2")
    assert again.receiving.connected.is_set()
    assert rig.engine.restarts == 1


async def test_a_janus_that_is_not_there_or_wants_another_secret_is_no_engine() -> None:
    news: list[Event] = []
    engine = Janus(JanusAt(f"ws://127.0.0.1:{janus.free_port()}"), news.append, time.monotonic)
    engine.wait_s = 0.2
    with pytest.raises(EngineGone):
        await engine.join("con_1", "usr_a", "seat_1")
    await engine.close()
    assert news == []  # it was never there, so nothing has ended


def test_lines_have_the_pages_names_towards_the_page_and_januss_towards_janus() -> None:
    rows = ["v=0", "a=group:BUNDLE 0 1 3", "m=audio 9 X 1", "a=mid:0", "m=video 9 X 2", "a=mid:3"]
    mid = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"
    told = janus_sdp.offer_for_page("\r\n".join([*rows, mid]) + "\r\n")
    assert told.split("\r\n")[1] == "a=group:BUNDLE s0 s1 p0"
    assert "a=mid:p0" in told
    assert mid not in told
    back = janus_sdp.answer_for_janus(told).replace(janus_sdp.NOWHERE + "\r\n", "")
    assert back == "\r\n".join(rows) + "\r\n"
    named = janus_sdp.offer_for_janus("v=0\r\nm=audio 9 X 1\r\na=mid:0\r\na=candidate:1 1 udp 1 a.local 9 typ host\r\n")
    assert "a.local" not in named
    assert named.count("a=candidate") == 1


def test_each_line_of_januss_offer_is_a_stream_of_its_own_so_that_no_picture_waits_for_anothers_voice() -> None:
    lines = [[f"m=audio 9 X {n}", f"a=mid:{n}", "a=sendonly", "a=msid:janus janus" + str(n)] for n in range(4)]
    told = janus_sdp.offer_for_page("\r\n".join(["v=0", *lines[0], *lines[1], *lines[3]]) + "\r\n").split("\r\n")
    assert [row for row in told if row.startswith("a=msid:")] == ["a=msid:s0 s0", "a=msid:s1 s1", "a=msid:p0 p0"]


def seat_of(room: Room, account: str, feed: int) -> Seat:
    """One that is heard and sends both pictures."""
    flowing = [room.silence] * SOUND_SLOTS + [room.darkness] * PICTURE_SLOTS
    seat = Seat(account, room, account, 2 * feed, 2 * feed + 1, feed, 0.0, flowing, voice="0")
    seat.pictures, seat.sends = {"large": "1", "small": "2"}, {"0", "1", "2"}
    room.add(seat)
    return seat


def test_who_is_heard_keeps_his_slot_and_who_talks_takes_the_place_of_who_does_not() -> None:
    room = Room("con_1", 1, 99)
    listener, *others = [seat_of(room, f"usr_{i}", i + 1) for i in range(6)]
    room.rank()
    listener.flowing = listener.wished()
    assert listener.flowing[:SOUND_SLOTS] == [(2, "0"), (3, "0"), (4, "0")]
    room.talking = {others[4].feed: 30.0}
    room.rank()
    listener.flowing = listener.wished()
    assert listener.flowing[:SOUND_SLOTS] == [(2, "0"), (3, "0"), (6, "0")]
    assert room.speakers == ["usr_5"]
    assert all((seat.feed, "0") not in seat.wished() for seat in room.seats.values())
    listener.flowing[0] = (3, "0")  # twice, as after a switch of which half was done
    assert sorted(listener.wished()[:SOUND_SLOTS]) == [(2, "0"), (3, "0"), (6, "0")]


def test_a_picture_that_pauses_keeps_its_slot_and_one_of_who_left_is_taken_out() -> None:
    room = Room("con_1", 1, 99)
    viewer, sender = seat_of(room, "usr_v", 1), seat_of(room, "usr_s", 2)
    viewer.wish([Wish("usr_s", "large"), Wish("usr_s", "small"), Wish("usr_v", "large")])
    assert (sender.wanted(is_filmed=False), viewer.wanted(is_filmed=False)) == ((False, True), (False, False))
    viewer.flowing = viewer.wished()
    assert viewer.slots()[1][0] == "usr_s"
    sender.sends.clear()
    assert viewer.wished()[SOUND_SLOTS] == (2, "2")
    room.remove(sender)
    assert viewer.wished()[SOUND_SLOTS] == room.darkness
