"""What a member may do to the forwarder out of malice: he may lose his own place, the others go on seeing and hearing.

Every attack goes over real sockets beside a pair of members; it is over when that pair has heard and seen more of each
other since. What the attack may cost is counted (streams kept, packets passed on), never timed.
"""

from __future__ import annotations

import random
import secrets
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable

import pytest

from server.base.clock import ManualClock, SystemClock
from server.consult.errors import MediaFull, MediaRefused, MediaTooOften
from server.consult.media import rtp, sdp, stun
from server.consult.media.dtls import Dtls
from server.consult.media.embedded import Embedded
from server.consult.media.engine import SDP_BYTES_MAX, BadSdp, Event
from server.consult.media.filmed import SHARE_BYTES
from server.consult.media.model import Wish
from server.consult.media.port import SSRCS_MAX, Link
from server.consult.media.process import Listen
from server.consult.media.seats import ACCOUNT_CHARS_MAX, MEMBERS_MAX, TAKES_MAX, TAKES_S, Seats
from tests.server.media_member import KEY_FRAME, Connection, SyntheticMember, certificate
from tests.server.test_media import OFFER, OWN, WAIT_S, NoEngine, Room
from tests.waiting import until

MORE = 20
"""Packets of each kind that the pair must get through."""
BURST = 40
"""Of hostile datagrams between two turns of the loop: the test must not starve what it tests."""


class Beside(Room):
    """A room in which two members talk and look at each other, and `bad` does as he likes."""

    async def begin(self) -> None:
        self.speaker, self.listener = await self.join("usr_s"), await self.join("usr_l")
        self.watch("usr_l", Wish("usr_s", "large"))
        await until(lambda: self._talk() and self._seen() > 0 and self._said() > 0, WAIT_S)
        self.bad = await self.join("usr_x")

    def _talk(self) -> bool:
        self.speaker.voice.say(b"pair", 20)
        self.speaker.large.say(KEY_FRAME + b"pair")
        return True

    def _said(self) -> int:
        return sum(payload == b"pair" for payload in self.listener.payloads())

    def _seen(self) -> int:
        return sum(payload == KEY_FRAME + b"pair" for payload in self.listener.payloads())

    async def survives(self, attack: Callable[[], object]) -> None:
        """`attack` again and again, until the pair got MORE of each kind through it."""
        said, seen = self._said(), self._seen()

        def through() -> bool:
            for _ in range(BURST):
                attack()
            self._talk()
            return self._said() >= said + MORE and self._seen() >= seen + MORE

        await until(through, WAIT_S)
        assert not {"usr_s", "usr_l"} & set(self.lost())

    def link(self, member: SyntheticMember) -> Link:
        """The forwarder's end of what this member sends by."""
        seat = next(a for a, m in self.members.items() if m is member)
        found = self.forwarder._seats[seat].send  # what it keeps is what is asked here
        assert found is not None
        return found


@pytest.fixture
async def room() -> AsyncIterator[Beside]:
    made = Beside()
    await made.begin()
    yield made
    made.close()


# Packets


async def test_headers_that_lie_about_their_length_reach_nobody(room: Beside) -> None:
    bad, dice = room.bad, random.Random(1)

    def lie() -> None:
        first = 0x80 | dice.choice(
            (0x1F, 0x10, 0x20, 0x3F, 0x0F, 0x30)
        )  # sources, extension, padding that are not there
        bad.voice.sequence = (bad.voice.sequence + 1) & 0xFFFF
        head = rtp.HEAD.pack(first, 109, bad.voice.sequence, 1, bad.voice.ssrc)
        tail = dice.choice((b"", b"\xbe\xde\xff\xff", b"\xbe\xde\x00\x40" + bytes(8), b"\xff" * 20, b"lies" + b"\xff"))
        try:
            bad.sending.send(head + tail)
        except Exception:  # the seals of this side refuse some of them themselves: sent as they are
            bad.sending.say(head + tail)

    await room.survives(lie)
    assert not any(b"lies" in payload for payload in room.listener.payloads())


async def test_reports_with_wrong_counts_and_storms_of_requests_are_read_as_far_as_they_are_whole(room: Beside) -> None:
    bad, dice = room.bad, random.Random(2)
    ssrc = room.speaker.large.ssrc
    whole = rtp.sender_report(bad.voice.ssrc, 1, 1, 1, 1)

    def storm() -> None:
        kind, fmt = dice.choice((200, 201, 202, 203, 205, 206)), dice.randrange(32)
        words = dice.choice((0, 1, 2, 7, 0xFFFF, 300))
        body = struct.pack("!II", 1, ssrc) + b"\x00\x00\xff\xff" * dice.choice((0, 1, 250))
        packet = whole + struct.pack("!BBH", 0x80 | fmt, kind, words) + body
        bad.sending.send(packet[:1200])
        bad.receiving.send(packet[:1200])
        for out in list(bad.heard)[:2]:
            bad.receiving.send(rtp.key_frame_request(1, out))
            bad.receiving.send(rtp.nack(1, out, range(0, 4000, 17)))

    room.speaker.asked.clear()
    await room.survives(storm)
    asked = [a for a in room.speaker.asked if isinstance(a, rtp.Feedback) and a.key]
    assert len(asked) < 60  # some hundred a turn were said


def test_one_request_names_no_more_packets_than_are_kept() -> None:
    (said,) = rtp.read_rtcp(rtp.nack(1, 2, range(60_000)))
    assert isinstance(said, rtp.Feedback)
    assert len(said.lost) < 700


async def test_a_clock_told_a_thousand_times_is_passed_on_now_and_then(room: Beside) -> None:
    bad = room.bad
    bad.voice.say(b"loud", 0)
    many = rtp.sender_report(bad.voice.ssrc, 1 << 40, 7, 1, 1) * 30
    told: list[int] = []

    def storm() -> None:
        bad.sending.send(many)
        told.append(30)

    await room.survives(storm)
    passed = [r for p in room.listener.rtcp for r in rtp.read_rtcp(p) if isinstance(r, rtp.SenderReport)]
    assert len(passed) < sum(told) // 10


async def test_streams_by_the_thousand_are_not_kept(room: Beside) -> None:
    bad, numbers = room.bad, iter(range(1, 1_000_000))

    def another() -> None:
        number = next(numbers)
        bad.sending.send(rtp.HEAD.pack(0x80, 109, 1, 1, number) + b"x")
        bad.sending.send(rtp.receiver_report(number + 2_000_000, []))

    await room.survives(another)
    assert len(room.link(bad)._ssrcs) <= SSRCS_MAX
    assert next(numbers) > SSRCS_MAX


async def test_who_sends_a_hundred_times_his_share_is_held_to_it(room: Beside) -> None:
    """As many packets as just do not cost him his seat, all as large as they may be."""
    bad = room.bad
    room.watch("usr_l", Wish("usr_s", "large"), Wish("usr_x", "small"))
    payload = KEY_FRAME + secrets.token_bytes(1150)
    began = time.monotonic()
    await room.survives(lambda: bad.small.say(payload))
    passed = sum(len(p) for p in room.listener.payloads() if len(p) > 1000)
    assert passed <= (time.monotonic() - began + 2) * SHARE_BYTES["small"]


async def test_packets_sent_again_and_packets_from_elsewhere_count_for_nothing(room: Beside) -> None:
    bad = room.bad
    assert room.speaker.sending.dtls is not None
    assert room.speaker.sending.dtls.send is not None
    taken = room.speaker.sending.dtls.send.protect(room.speaker.voice.packet(b"once", 20))
    room.speaker.sending.say(taken)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        def again() -> None:
            stranger.sendto(taken, bad.sending.address)  # from an address nobody checked
            bad.sending.say(taken)  # from a member who is another one
            room.speaker.sending.say(taken)  # from where it came

        await room.survives(again)
    assert sum(payload == b"once" for payload in room.listener.payloads()) == 1


async def test_the_streams_of_another_cannot_be_spoken_in(room: Beside) -> None:
    bad, theirs = room.bad, room.speaker
    bad.voice.ssrc, bad.large.ssrc = theirs.voice.ssrc, theirs.large.ssrc

    def mimic() -> None:
        bad.voice.say(b"mimic", 0)
        bad.large.say(KEY_FRAME + b"mimic")

    await room.survives(mimic)
    assert not any(b"mimic" in payload for payload in room.listener.payloads())


# Checks and handshakes


async def test_checks_from_nowhere_and_handshakes_of_noise_change_nothing(room: Beside) -> None:
    bad, dice = room.bad, random.Random(3)
    name = room.link(room.speaker).ufrag
    forged = stun.request(secrets.token_bytes(12), f"{name}:me", "not the password", nominates=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        def knock() -> None:
            stranger.sendto(forged, bad.sending.address)
            stranger.sendto(b"\x01\x01" + secrets.token_bytes(18), bad.sending.address)
            noise = bytes((dice.choice((20, 21, 22, 23, 25)), 254, 253)) + secrets.token_bytes(dice.choice((5, 10, 60)))
            stranger.sendto(noise, bad.sending.address)
            bad.sending.say(noise)

        await room.survives(knock)
        path = room.link(room.speaker).path
        assert path is not None
        assert path[1][1] == room.speaker.sending.socket.getsockname()[1]


async def test_a_check_that_somebody_else_sends_again_leads_nobody_away(room: Beside) -> None:
    link, own = room.link(room.speaker), room.speaker.sending.socket.getsockname()[1]
    check = stun.request(secrets.token_bytes(12), f"{link.ufrag}:me", link.password, nominates=True)
    room.speaker.sending.say(check)
    await room.survives(lambda: None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        await room.survives(lambda: thief.sendto(check, room.speaker.sending.address))
        assert link.path is not None
        assert link.path[1][1] == own
        assert thief.getsockname()[1] not in {port for _, port in link.addresses}


async def test_an_address_in_use_is_not_taken_over_and_not_taken_along(room: Beside) -> None:
    """As with a forged sender: a check of another member's seat from the address of the speaker."""
    link = room.link(room.bad)
    room.speaker.sending.say(stun.request(secrets.token_bytes(12), f"{link.ufrag}:me", link.password, nominates=True))
    await room.survives(lambda: None)
    room.forwarder.leave("usr_x", "left")
    await room.survives(lambda: None)


async def test_a_handshake_in_many_pieces_of_noise_is_taken_out_of_memory(room: Beside) -> None:
    """Sound and empty records, many in each datagram, after the keys are there."""
    record = bytes((23, 254, 253)) + bytes(8) + b"\x00\x00"
    await room.survives(lambda: room.bad.sending.say(record * 100))


async def test_who_never_ends_his_handshake_is_given_up(room: Beside) -> None:
    """Checks go on, the answers to the hub's flights never come: repeated some times, never an end of the others."""
    link = room.port.link()
    link.expect(certificate().fingerprint)
    silent = Connection(None)
    try:
        silent.address = room.bad.sending.address
        silent.say(stun.request(secrets.token_bytes(12), f"{link.ufrag}:me", link.password, nominates=True))
        hello = Dtls(certificate(), server=False, fingerprint=certificate().fingerprint)
        await until(lambda: link.path is not None, WAIT_S)
        for datagram in hello.feed(b""):
            silent.say(datagram)
        room.forwarder.tick()
        await room.survives(lambda: room.port.look())
        assert link.path is not None
    finally:
        silent.close()


# Descriptions


@pytest.mark.parametrize(
    "text",
    [
        OFFER + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 10_000,
        OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 120\r\n" * 2000,
        OFFER.replace("a=rtpmap:109", "a=rtpmap:²").replace("SAVPF 109", "SAVPF ²"),
        OFFER.replace("109", "1" * 5000),
        OFFER.replace("a=ssrc:1", "a=ssrc:" + "9" * 5000),
        OFFER.replace("a=ssrc:1", "a=ssrc:٣"),
        OFFER.replace("sha-256", "sha-1"),
        OFFER.replace("a=mid:0", "a=mid:0\r\na=mid:0"),
        "v=0\r\n" + "a=group:BUNDLE " * 3000,
        "\x01" * SDP_BYTES_MAX,
    ],
    ids=["candidates", "lines", "digits", "long number", "long ssrc", "script", "sha-1", "mids", "group", "control"],
)
def test_descriptions_out_of_malice_are_refused_in_one_way(text: str) -> None:
    with pytest.raises(BadSdp):
        sdp.answer(OWN, sdp.read(text))


async def test_nothing_that_passes_the_hub_ends_the_process_of_everybody() -> None:
    """A line longer than the process reads would: the widest words the hub lets through, each as wide as JSON can."""
    news: list[Event] = []
    seats = Seats(SystemClock(), lambda hear: Embedded(Listen(("127.0.0.1",), 0, ()), hear, time.monotonic))
    seats.whisper = lambda *_: None
    try:
        seat = await seats.take("con_1", "usr_a")
        for wide in ("\x01" * SDP_BYTES_MAX, "\U0001f9e0" * SDP_BYTES_MAX, '"' * SDP_BYTES_MAX):
            with pytest.raises(MediaRefused):
                await seats.publish("con_1", "usr_a", seat.seat, wide)
            with pytest.raises(MediaRefused):
                await seats.answer("con_1", "usr_a", seat.seat, wide)
        with pytest.raises(MediaRefused):
            await seats.publish("con_1", "usr_a", seat.seat, "x" * 1_000_000)
        await seats.watch(
            "con_1", "usr_a", seat.seat, [Wish("\x01" * 900_000), *[Wish("\x01" * ACCOUNT_CHARS_MAX)] * 500]
        )
        assert (await seats.engine.stats())["seats"] == 1
        assert news == []
    finally:
        await seats.engine.close()


# Seats


async def test_a_room_has_forty_seats_and_a_member_thirty_a_minute() -> None:
    clock = ManualClock(SystemClock().now())
    seats = Seats(clock, lambda _: NoEngine())
    for i in range(MEMBERS_MAX):
        await seats.take("con_1", f"usr_{i}")
    with pytest.raises(MediaFull):
        await seats.take("con_1", "usr_late")
    assert await seats.enter("con_1", "usr_late") is None  # he is in the room all the same
    for _ in range(TAKES_MAX - 1):
        await seats.take("con_1", "usr_0")
    with pytest.raises(MediaTooOften):
        await seats.take("con_1", "usr_0")
    clock.advance(TAKES_S + 1)
    assert (await seats.take("con_1", "usr_0")).offer == "offer"
