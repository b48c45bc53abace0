"""What every FilmingEngine promises, asked of both; and the port to which a Janus sends, asked by strangers."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pylibsrtp import Policy, Session

from server.consult.films.parts import Part, parts
from server.consult.media import janus_film, rtp
from server.consult.media.engine import Died, Event, Film, FilmBroke, FilmingEngine, Wanted
from server.consult.media.filmed import SHARE_BYTES
from server.consult.media.janus import Janus
from server.consult.media.janus_film import Ask, JanusFilms
from server.consult.media.janus_link import Forwarder, Message, Plugin, RefusedError, Told, Words
from server.consult.media.janus_room import Room, Seat
from server.consult.media.janus_stream import FilmPort, Seal, Stream
from server.consult.media.model import Wish
from server.consult.media.reel import Reel
from server.consult.media.webm import PICTURE, SILENCE, SOUND
from server.consult.media.writer import Writer
from tests import janus
from tests.server.film_reader import read
from tests.server.media_rig import WAIT_S, Rig
from tests.server.test_film_media import KEY, OPUS_20_MS, shown, whole
from tests.server.test_film_media import picture as vp8
from tests.waiting import until


async def film(rig: Rig, folder: Path, *accounts: str, offset_ms: int = 0) -> None:
    assert isinstance(rig.engine, FilmingEngine)
    await rig.engine.film(Film("con_1", "film_1", str(folder), KEY, list(accounts), offset_ms))


class Talk:
    """Members who send numbered voices and pictures, a whole picture whenever they are asked for one."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.sent = 0

    def on(self) -> None:
        """Each a packet of voice and a picture, named for seat and number."""
        for seat, member in self.rig.members.items():
            asked = any(isinstance(said, rtp.Feedback) and said.key for said in member.asked)
            member.asked.clear()
            member.voice.say(OPUS_20_MS + b"%s %d" % (seat.encode(), self.sent), 40)
            shown(member, b"<%s %d>" % (seat.encode(), self.sent), key=asked or self.sent == 0)
        self.sent += 1

    async def filmed(self, more: int) -> None:
        """Until so many more frames are in the film that is under way."""
        due = (await self.rig.engine.stats())["filmed"] + more

        async def enough() -> bool:
            self.on()
            return (await self.rig.engine.stats())["filmed"] >= due

        await until(enough, WAIT_S)


def words(part: Part) -> tuple[list[bytes], list[bytes]]:
    """What was said, and what was shown."""
    told = read(whole(part))
    said = [block.data[1:] for block in told.of(SOUND) if block.data != SILENCE]
    return said, [block.data[block.data.index(b"<") + 1 : -1] for block in told.of(PICTURE)]


async def ended(folder: Path, count: int) -> list[Part]:
    """So many parts of a film whose end was asked for, when the writer has closed them."""

    def closed() -> list[Part]:
        found = parts(folder, KEY)
        return found if len(found) == count and all(part.closed for part in found) else []

    return list(await until(closed, WAIT_S))


async def test_sound_and_picture_of_who_agreed_are_kept_and_of_nobody_else_also_of_who_comes_later(
    rig: Rig, tmp_path: Path
) -> None:
    for account in ("usr_a", "usr_b"):
        await rig.join(account)
    await film(rig, tmp_path, "usr_a", "usr_c")
    await until(lambda: Wanted("con_1", "usr_a", large=False, small=True) in rig.news, WAIT_S)  # nobody else looks
    talk = Talk(rig)
    await talk.filmed(40)
    await rig.join("usr_c")
    await talk.filmed(80)
    await rig.engine.end_film("con_1")
    kept = await ended(tmp_path, 2)
    assert [part.said.account for part in kept] == ["usr_a", "usr_c"]
    for part in kept:
        said, seen = words(part)
        assert part.said.picture == (640, 360)
        assert {word.split()[0] for word in said + seen} == {part.said.account.encode()}
        assert seen == [b"%s %d" % (part.said.account.encode(), int(seen[0].split()[1]) + i) for i in range(len(seen))]
        assert len(seen) >= 20
        assert len(set(said) & set(seen)) >= 10
    assert kept[1].said.first_ms > kept[0].said.first_ms
    assert not any(isinstance(event, FilmBroke) for event in rig.news)


async def test_who_takes_his_word_back_is_on_it_no_more_and_the_others_are(rig: Rig, tmp_path: Path) -> None:
    _, viewer = await rig.join("usr_a"), await rig.join("usr_b")
    await rig.engine.watch("usr_b", [Wish("usr_a", "large")])
    talk = Talk(rig)

    def sees(number: int) -> bool:
        return any(b"<usr_a %d>" % number in payload for payload in viewer.payloads())

    def sees_any() -> bool:
        talk.on()
        return sees(talk.sent - 2)

    await until(sees_any, WAIT_S)
    await film(rig, tmp_path, "usr_a", "usr_b")
    await talk.filmed(20)
    await film(rig, tmp_path, "usr_b")
    revoked = talk.sent
    await talk.filmed(20)
    await until(lambda: sees(talk.sent - 1), WAIT_S)  # nothing of it is still on its way
    await film(rig, tmp_path, "usr_a", "usr_b")
    again = talk.sent
    await talk.filmed(20)
    await rig.engine.end_film("con_1")
    numbers: dict[str, list[int]] = {"usr_a": [], "usr_b": []}
    for part in await ended(tmp_path, 3):
        said, seen = words(part)
        numbers[part.said.account] += [int(word.split()[1]) for word in said + seen]
    assert not {n for n in numbers["usr_a"] if revoked <= n < again}
    assert min(numbers["usr_a"]) < revoked
    assert max(numbers["usr_a"]) >= again
    assert {n for n in numbers["usr_b"] if revoked <= n < again}


async def test_a_film_ends_while_all_are_sending_and_what_was_sent_is_in_it(rig: Rig, tmp_path: Path) -> None:
    await rig.join("usr_a")
    talk = Talk(rig)
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        await rig.engine.film(Film("con_1", f"film_{number}", str(folder), KEY, ["usr_a"]))
        await talk.filmed(15)
        await rig.engine.end_film("con_1")
        talk.on()
        (part,) = await ended(folder, 1)
        assert len(words(part)[1]) >= 15
    await rig.engine.end_film("con_1")  # it has ended already


async def test_who_leaves_closes_his_part_and_the_film_of_a_closed_engine_is_whole(rig: Rig, tmp_path: Path) -> None:
    for account in ("usr_a", "usr_b"):
        await rig.join(account)
    await film(rig, tmp_path, "usr_a", "usr_b")
    talk = Talk(rig)
    await talk.filmed(20)
    await rig.engine.leave("usr_a")
    rig.members.pop("usr_a").close()
    await until(lambda: {p.said.account for p in parts(tmp_path, KEY) if p.closed} == {"usr_a"}, WAIT_S)
    await talk.filmed(5)
    if isinstance(rig.engine, Janus):
        await rig.engine.close()
        assert all(part.closed for part in parts(tmp_path, KEY))  # not a moment later
    else:
        await rig.engine.end_film("con_1")
    await ended(tmp_path, 2)


async def test_a_film_goes_on_behind_an_engine_that_died(rig: Rig, tmp_path: Path) -> None:
    await rig.join("usr_a")
    await film(rig, tmp_path, "usr_a")
    talk = Talk(rig)
    await talk.filmed(10)

    def kept() -> bool:
        talk.on()
        return bool(parts(tmp_path, KEY))

    await until(kept, WAIT_S)
    await asyncio.to_thread(rig.kill)
    await until(lambda: Died() in rig.news, WAIT_S)
    rig.members.pop("usr_a").close()
    await film(rig, tmp_path, "usr_a", offset_ms=7000)
    await rig.join("usr_a", "seat_2")
    talk.sent = 0
    await talk.filmed(10)
    await rig.engine.end_film("con_1")
    before, after = await until(lambda: found if len(found := parts(tmp_path, KEY)) == 2 else None, WAIT_S)
    assert before.closed is isinstance(rig.engine, Janus)  # it is the hub that writes its films
    assert before.said.first_ms < 7000 <= after.said.first_ms
    for part, seat in ((before, b"usr_a"), (after, b"seat_2")):
        assert {word.split()[0] for word in words(part)[1]} == {seat}


async def test_janus_sends_on_only_those_who_are_carried_and_only_as_long(janus_rig: JanusRig, tmp_path: Path) -> None:
    for account in ("usr_a", "usr_b", "usr_c"):
        await janus_rig.join(account)
    assert isinstance(janus_rig.engine, Janus)
    number = janus_rig.engine._rooms["con_1"].number

    async def forwards(count: int) -> None:
        async def are() -> bool:
            return await janus_rig.server.forwards(number) == count

        await until(are, WAIT_S)

    await film(janus_rig, tmp_path, "usr_a", "usr_b")
    await forwards(6)
    await film(janus_rig, tmp_path, "usr_b")
    await forwards(3)
    await film(janus_rig, tmp_path, "usr_b", "usr_c")
    await forwards(6)
    await janus_rig.engine.leave("usr_b")
    await forwards(3)
    await janus_rig.engine.end_film("con_1")
    await forwards(0)


class JanusRig(Rig):
    server: janus.Janus


@pytest.fixture
async def janus_rig() -> AsyncIterator[JanusRig]:
    janus.needs_janus()
    with janus.Janus(admin_key="of the room") as server:
        rig = JanusRig(server.engine, server.restart)
        rig.server = server
        yield rig
        await rig.close()


class Bench:
    """A film at a Janus that is played: what it is asked, and what it answers."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[Words] = []
        self.heard: list[Event] = []
        self.answers: list[Forwarder | RefusedError] = []
        self.waits: asyncio.Event | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        ask: Ask = self.answer
        self.films = JanusFilms(0, ask, lambda work: self.tasks.add(asyncio.create_task(work)), self.heard.append)
        self.room = Room("con_1", 1, 9)
        self.seat = Seat("seat_1", self.room, "usr_a", 11, 12, 5, 0.0, [], voice="0", is_publishing=True)
        self.room.add(self.seat)
        self.films.begin(Film("con_1", "film_1", str(folder), KEY, ["usr_a"]), "127.0.0.1")

    async def answer(self, body: Words, _handle: int) -> Message:
        self.asked.append(body)
        if self.waits is not None:
            await self.waits.wait()
        answer = self.answers.pop(0) if self.answers else Forwarder(7, srtp=True)
        if isinstance(answer, RefusedError):
            raise answer
        return Message("success", plugindata=Plugin(Told(forwarders=[answer])))

    def requests(self) -> list[object]:
        return [body["request"] for body in self.asked]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.films.end_all()
    await made.films.written()


async def test_a_janus_that_refuses_or_sends_in_clear_ends_the_film_by_the_engines_fault(bench: Bench) -> None:
    bench.answers = [RefusedError(433, "Unauthorized")]
    await bench.films.follow(bench.room)
    assert bench.heard == [FilmBroke("con_1", "film_1", "433 Unauthorized", "engine")]
    assert not bench.films.carries("con_1", "usr_a")


async def test_a_janus_that_sends_in_clear_is_stopped(bench: Bench) -> None:
    bench.answers = [Forwarder(7, srtp=False)]
    await bench.films.follow(bench.room)
    await until(lambda: bench.requests() == ["rtp_forward", "stop_rtp_forward"])
    assert [event.by for event in bench.heard if isinstance(event, FilmBroke)] == ["engine"]


async def test_who_is_not_there_yet_is_asked_for_again_and_who_goes_meanwhile_is_stopped(bench: Bench) -> None:
    bench.answers = [RefusedError(janus_film.NO_SUCH_FEED, "No such feed")]
    await bench.films.follow(bench.room)
    await bench.films.follow(bench.room)
    await bench.films.follow(bench.room)
    assert bench.requests() == ["rtp_forward"] * 2
    bench.films.left(bench.seat)

    bench.waits = asyncio.Event()
    following = asyncio.create_task(bench.films.follow(bench.room))
    await until(lambda: len(bench.asked) == 3)
    bench.films.left(bench.seat)
    bench.room.remove(bench.seat)
    bench.waits.set()
    await following
    await until(lambda: bench.requests()[3:] == ["stop_rtp_forward"])
    assert bench.heard == []


async def test_a_way_that_is_closed_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janus_film, "SILENT_S", 1)
    await bench.films.follow(bench.room)
    bench.seat.sends.add("0")
    await until(lambda: bench.heard)
    assert [event.by for event in bench.heard if isinstance(event, FilmBroke)] == ["engine"]


class Sender:
    """Who sends to the port as Janus would, or nearly. got: what came out of it."""

    def __init__(self) -> None:
        self.port = FilmPort("127.0.0.1", 0)
        self.seal = Seal()
        self.stream = Stream("sound", "0", self.seal, lambda _: None)
        self.port.add([self.stream])
        self.got: list[tuple[int, bytes]] = []
        self.stream.tap = lambda _stream, number, _second, _time, payload: self.got.append((number, payload))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def sealed(self, key: bytes, ssrc: int, sequence: int, payload: bytes, first: int = 0x80) -> bytes:
        session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        return bytes(session.protect(rtp.HEAD.pack(first, 111, sequence, 0, ssrc) + payload))

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.port.address)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender()
    yield made
    made.port.close()
    made.socket.close()


async def test_at_the_port_only_what_bears_seal_and_number_of_a_stream_is_taken(sender: Sender) -> None:
    key, ssrc = sender.seal.key, sender.stream.ssrc
    good = sender.sealed(key, ssrc, 9, b"good")
    strange = [
        b"", b"\x80", secrets.token_bytes(500), b"\x80" * 2000,
        sender.sealed(key, ssrc ^ 1, 9, b"of nobody"),
        sender.sealed(secrets.token_bytes(30), ssrc, 9, b"of another key"),
        good[:-1] + bytes((good[-1] ^ 1,)),
    ]  # fmt: skip
    for datagram in (*strange, good, good):
        sender.send(datagram)
    await until(lambda: sender.port.dropped == len(strange) + 1)
    assert sender.got == [(0x10000 + 9, b"good")]
    sender.port.remove([sender.stream])
    sender.send(sender.sealed(key, ssrc, 10, b"after the end"))
    await until(lambda: sender.port.dropped == len(strange) + 2)
    assert len(sender.got) == 1


async def test_numbers_go_on_where_they_run_over_and_padding_is_no_voice(sender: Sender) -> None:
    key, ssrc = sender.seal.key, sender.stream.ssrc
    session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    for sequence, first, payload in (
        (65534, 0x80, b"a"), (1, 0x80, b"d"), (65535, 0x80, b"b"), (0, 0xA0, b"c\x00\x02"), (2, 0xA0, b"\x09"),
    ):  # fmt: skip
        sender.send(bytes(session.protect(rtp.HEAD.pack(first, 111, sequence, 0, ssrc) + payload)))
    await until(lambda: len(sender.got) + sender.port.dropped == 5)
    high = 0x10000 + 65534
    assert sender.got == [(high, b"a"), (high + 3, b"d"), (high + 1, b"b"), (high + 2, b"c")]


async def test_more_than_a_members_share_is_not_even_opened(sender: Sender) -> None:
    session = Session(Policy(key=sender.seal.key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    for sequence in range(60):
        payload = secrets.token_bytes(1000)
        sender.send(bytes(session.protect(rtp.HEAD.pack(0x80, 111, sequence, 0, sender.stream.ssrc) + payload)))
    await until(lambda: len(sender.got) + sender.port.dropped == 60)
    assert 0 < len(sender.got) <= SHARE_BYTES["sound"] / 1000


async def test_without_reports_a_picture_lies_beside_its_voice_though_the_first_of_both_came_late(
    tmp_path: Path,
) -> None:
    now = 50.0
    writer = Writer(tmp_path, KEY, lambda _: None)
    reel = Reel(writer, "usr_a", "seat_1", now, now)
    voice, picture = [Stream(kind, "0", Seal(), lambda _: None) for kind in ("sound", "large")]
    for stream in (voice, picture):
        reel.follow(stream)
    # Taken together every 40 ms. The first voices come 70 ms late, the first picture, a large one, 120 ms.
    came = [(40 * i + max(0, 70 - 10 * i), voice, i) for i in range(50)]
    came += [(40 * i + max(0, 120 - 30 * i), picture, i) for i in range(50)]
    for ms, stream, i in sorted(came, key=lambda c: c[0]):
        stream.active_at = now + ms / 1000
        assert stream.tap is not None
        if stream is voice:
            stream.tap(stream, i, 111, 1920 * i, b"\x10%d" % i)  # 40 ms of Opus
        else:
            stream.tap(stream, i, 0xE0, 3600 * i, vp8(b"<%d>" % i, key=i == 0))
    reel.close(now + 2)
    writer.close()
    await asyncio.to_thread(writer.wait)
    (part,) = parts(tmp_path, KEY)
    told = read(whole(part))
    said = {block.data[1:]: block.ms for block in told.of(SOUND) if block.data != SILENCE}
    seen = {block.data[block.data.index(b"<") + 1 : -1]: block.ms for block in told.of(PICTURE)}
    apart = {int(i): seen[i] - said[i] for i in said.keys() & seen.keys()}
    assert len(apart) == 50
    assert all(abs(ms) <= 2 for i, ms in apart.items() if i > 10), apart
