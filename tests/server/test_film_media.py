"""A film of a room as the forwarder keeps it: what was sent stands in it, in time, sealed, whatever is cut off."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.consult.films.parts import Part, parts
from server.consult.media import frames, rtp, webm
from server.consult.media.embedded import Embedded
from server.consult.media.engine import EngineGone, Event, Film, FilmBroke
from server.consult.media.process import Listen
from server.consult.media.sealed import MAGIC, SealBroken, SealedFile, SealedWriter
from server.consult.media.voiceclock import DRIFT_MS, VoiceClock
from server.consult.media.webm import PICTURE, SILENCE, SOUND
from tests.server.film_reader import read
from tests.server.media_member import SyntheticMember, answered
from tests.server.test_media import WAIT_S, Room
from tests.waiting import until

KEY = secrets.token_bytes(32)
OPUS_20_MS = b"\x78"
"""The first byte of an Opus packet of 20 ms."""


def picture(word: bytes, *, key: bool, width: int = 640, height: int = 360) -> bytes:
    """A payload of VP8 that is one whole frame."""
    head = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) if key else b"\x01\x00\x00"
    return b"\x10" + head + word


def shown(member: SyntheticMember, word: bytes, *, key: bool = False, small: bool = False) -> None:
    """One frame in one packet, with the marker of a frame's end."""
    line = member.small if small else member.large
    packet = bytearray(line.packet(picture(word, key=key)))
    packet[1] |= 0x80
    member.sending.send(bytes(packet))


def whole(part: Part) -> bytes:
    return part.bytes(0, part.size)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    yield made
    made.forwarder.end_films()
    made.close()


def test_a_sealed_file_that_was_cut_anywhere_gives_every_piece_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "usr_1.part"
    writer = SealedWriter(path, KEY)
    pieces = [b"one", b"", secrets.token_bytes(5000)]
    ends = []
    for number, piece in enumerate(pieces):
        writer.append(piece, number * 7)
        ends.append(path.stat().st_size)
    writer.close()
    raw = path.read_bytes()
    for end in (*range(len(MAGIC), len(MAGIC) + 120), *ends, len(raw) - 1):
        path.write_bytes(raw[:end])
        file = SealedFile(path, KEY)
        assert len(file) == sum(e <= end for e in ends)
        assert [file.read(i) for i in range(len(file))] == pieces[: len(file)]
        assert file.notes == [0, 7, 14][: len(file)]
    with pytest.raises(FileExistsError):
        SealedWriter(path, KEY)


def test_a_sealed_file_is_read_only_with_its_key_under_its_name_and_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "usr_1.part"
    writer = SealedWriter(path, KEY)
    writer.append(b"a voice", 3)
    writer.close()
    raw = path.read_bytes()
    assert b"voice" not in raw
    with pytest.raises(SealBroken):
        SealedFile(path, secrets.token_bytes(32)).read(0)
    other = path.with_name("usr_2.part")
    other.write_bytes(raw)
    with pytest.raises(SealBroken):
        SealedFile(other, KEY).read(0)
    for at in (len(MAGIC) + 4, len(raw) - 1):  # the note, the seal
        path.write_bytes(raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :])
        with pytest.raises(SealBroken):
            SealedFile(path, KEY).read(0)
    path.write_bytes(b"RIFF" + raw)
    with pytest.raises(SealBroken):
        SealedFile(path, KEY)


Shape = list[tuple[bool, int]]


def packets(shape: Shape) -> list[tuple[int, int, int, bytes, int]]:
    """(number, second byte, time, payload, frame) of frames, each a key frame or not and in so many packets."""
    made: list[tuple[int, int, int, bytes, int]] = []
    for i, (key, count) in enumerate(shape):
        for n in range(count):
            payload = picture(b"%d." % i, key=key or i == 0) if n == 0 else b"\x00" + b"%d" % n
            made.append((100 + len(made), 0x80 if n == count - 1 else 0, 3000 * i, payload, i))
    return made


shapes = st.lists(st.tuples(st.booleans(), st.integers(1, 4)), min_size=1, max_size=30)


@settings(deadline=None)
@given(shapes, st.randoms(use_true_random=False))
def test_pictures_come_whole_and_in_order_whatever_the_order_of_their_packets(shape: Shape, dice: object) -> None:
    sent = packets(shape)
    order = sorted(range(1, len(sent)), key=lambda i: i + 5 * dice.random())  # type: ignore[attr-defined]  # Random
    stream = frames.Pictures()
    got = [f for i in (0, *order) for f in stream.take(*sent[i][:4], 0.0)]
    assert [f.time for f in got] == [3000 * i for i in range(len(shape))]
    assert [f.key for f in got] == [key or i == 0 for i, (key, _) in enumerate(shape)]
    assert (stream.lost, stream.dropped) == (0, 0)
    assert got[-1].data.count(b".") == 1


@settings(deadline=None)
@given(shapes, st.data())
def test_a_lost_packet_costs_its_frame_and_all_up_to_the_next_key_frame(shape: Shape, data: st.DataObject) -> None:
    sent = packets(shape)
    lost = data.draw(st.integers(0, len(sent) - 1))
    stream = frames.Pictures()
    later = [(100 + len(sent), 0x80, 3000 * len(shape), picture(b"end", key=True), len(shape))]
    got: list[frames.Frame] = []
    for i, packet in enumerate([*sent, *later, (later[0][0] + 1, 0x80, 1 << 20, picture(b"x", key=False), 0)]):
        if i != lost:
            got += stream.take(*packet[:4], float(i > len(sent)))  # what is missing is waited for until then
    gone = sent[lost][4]
    after = next((i for i in range(gone + 1, len(shape)) if shape[i][0]), len(shape))
    times = [f.time for f in got if f.time < 1 << 20]
    assert times == [3000 * i for i in (*range(gone), *range(after, len(shape) + 1))]


def test_a_packet_of_padding_alone_breaks_no_picture() -> None:
    stream = frames.Pictures()
    first, second = packets([(True, 1), (False, 1)])
    later = (second[0] + 1, *second[1:4])
    got = [f for packet in (first[:4], (second[0], 0, 3000, b""), later) for f in stream.take(*packet, 0.0)]
    assert [f.time for f in got] == [0, 3000]
    assert (stream.broken, stream.dropped) == (False, 0)


def test_red_brings_the_packets_before_and_nonsense_brings_nothing() -> None:
    red = b"\xef" + ((960 << 10) | 3).to_bytes(3, "big") + b"\x6f" + b"oldnew"
    assert frames.opus(frames.RED, 5000, red) == [(4040, b"old"), (5000, b"new")]
    assert frames.opus(frames.OPUS, 5000, b"new") == [(5000, b"new")]
    for payload in (b"", b"\xef", b"\xef\x00\xff\xff\x6fshort", b"\xef\x00"):
        assert [size for _, size in frames.opus(frames.RED, 1, payload) if len(size) > len(payload)] == []


def test_a_burst_on_a_narrow_line_moves_no_voice_and_a_clock_that_stood_does() -> None:
    clock = VoiceClock(0, 1000.0)
    for i in range(1, 400):
        late = 600 if 100 < i < 130 else 0
        clock.hear(960 * i, 1000 + 20 * i + late, 1000 + 20 * i)
    assert clock.ms(960 * 400) == 1000 + 20 * 400
    for i in range(400, 1200):  # from now on a second late, all of it
        clock.hear(960 * i, 2000 + 20 * i, 2000 + 20 * i)
    assert abs(clock.ms(960 * 1200) - (2000 + 20 * 1200)) < DRIFT_MS


async def film(room: Room, folder: Path, *accounts: str) -> None:
    room.forwarder.film(Film("con_1", "film_1", str(folder), KEY, list(accounts)))


async def test_who_agreed_is_kept_packet_by_packet_and_nobody_else(room: Room, tmp_path: Path) -> None:
    first, second, third = [await room.join(a) for a in ("usr_a", "usr_b", "usr_c")]
    await film(room, tmp_path, "usr_a", "usr_b")
    sent = 0

    def enough() -> bool:
        nonlocal sent
        for member in (first, second, third):
            member.voice.say(OPUS_20_MS + b"%d" % sent, 40)
            shown(member, b"<%d>" % sent, key=sent == 0)
        sent += 1
        return sent > 120

    await until(enough, WAIT_S)
    await until(lambda: room.forwarder.stats()["filmed"] >= 2 * sent, WAIT_S)
    room.forwarder.end_films()
    kept = parts(tmp_path, KEY)
    assert {part.said.account for part in kept} == {"usr_a", "usr_b"}
    for part in kept:
        assert part.closed
        told = read(whole(part))
        assert part.said.picture == (640, 360)
        pictures = told.of(PICTURE)
        assert [block.data[block.data.index(b"<") :] for block in pictures] == [b"<%d>" % i for i in range(sent)]
        assert pictures[0].key
        spoken = [block.data for block in told.of(SOUND) if block.data != SILENCE]
        assert set(spoken) <= {OPUS_20_MS + b"%d" % i for i in range(sent)}
        assert [b.ms for b in pictures] == sorted({b.ms for b in pictures})
        assert told.cues
        assert all(at == cluster for at, cluster in told.cues.items())
        # Any piece of it is the same piece of the whole.
        for at, count in ((0, 10), (len(part.head) - 3, 50), (part.size - 20, 100), (part.starts[1] - 1, 2)):
            assert part.bytes(at, count) == whole(part)[at : at + count]
    # The third never had a tap on him.
    assert all(track.tap is None for track in room.forwarder._seats["usr_c"].tracks.values())


async def test_who_agrees_later_is_on_it_from_then_and_who_is_taken_off_is_gone(room: Room, tmp_path: Path) -> None:
    first, second = [await room.join(a) for a in ("usr_a", "usr_b")]
    await film(room, tmp_path, "usr_a")
    words = {"usr_a": first, "usr_b": second}

    def filmed(more: int) -> bool:
        for account, member in words.items():
            asked = any(isinstance(a, rtp.Feedback) and a.key for a in member.asked)
            shown(member, b"<%s>" % account.encode(), key=asked)
            member.asked.clear()
        return room.forwarder.stats()["filmed"] >= more

    await until(lambda: filmed(5), WAIT_S)
    await film(room, tmp_path, "usr_a", "usr_b")
    await until(lambda: filmed(15), WAIT_S)
    await film(room, tmp_path, "usr_b")
    await until(lambda: filmed(8), WAIT_S)
    room.forwarder.end_films()
    begins = {part.said.account: part.said.first_ms for part in parts(tmp_path, KEY)}
    assert set(begins) == {"usr_a", "usr_b"}
    assert begins["usr_b"] > begins["usr_a"]


async def test_the_sound_goes_on_and_a_new_part_begins_when_the_camera_goes_off(room: Room, tmp_path: Path) -> None:
    member = await room.join("usr_a")
    await film(room, tmp_path, "usr_a")
    shown(member, b"<only>", key=True)
    loop = asyncio.get_running_loop()
    due = loop.time()

    def spoken() -> bool:
        nonlocal due
        while due < loop.time():
            member.voice.say(OPUS_20_MS + b"word", 40)
            due += 0.02
        return len(parts(tmp_path, KEY)) == 2

    await until(spoken, 30)
    room.forwarder.end_films()
    seen, unseen = parts(tmp_path, KEY)
    assert (seen.said.picture, unseen.said.picture) == ((640, 360), None)
    assert read(whole(unseen)).tracks == 1
    end = seen.said.first_ms + seen.last_ms
    assert 0 <= unseen.said.first_ms - end <= 60  # nothing is missing between them


async def test_voice_and_picture_stand_beside_each_other_as_they_were_taken(room: Room, tmp_path: Path) -> None:
    member = await room.join("usr_a")
    await film(room, tmp_path, "usr_a")
    voice_at, picture_at = member.voice.time, member.large.time
    for line, began, rate in ((member.voice, voice_at, 48_000), (member.large, picture_at, 90_000)):
        for _ in range(2):
            member.sending.send(rtp.sender_report(line.ssrc, 5 << 32, began + 5 * rate, 1, 1))
    tracks = room.forwarder._seats["usr_a"].tracks.values()
    await until(lambda: sum(track.clock is not None for track in tracks) == 2, WAIT_S)
    said = 0

    def told_all() -> bool:  # the picture is told to be taken 100 ms after the voice, and comes at the same time
        nonlocal said
        said += 1
        i = said
        member.voice.time = (voice_at + 5 * 48_000 + 960 * i - 960) & 0xFFFFFFFF
        member.large.time = (picture_at + 5 * 90_000 + 1800 * i + 9000 - 3600) & 0xFFFFFFFF
        member.voice.say(OPUS_20_MS + b"%d" % i, 40)
        shown(member, b"<%d>" % i, key=i == 1)
        return room.forwarder.stats()["filmed"] >= 29

    await until(told_all, WAIT_S)
    room.forwarder.end_films()
    (part,) = parts(tmp_path, KEY)
    told = read(whole(part))
    sound = {block.data[1:]: block.ms for block in told.of(SOUND) if block.data != SILENCE}
    pictures = {block.data[block.data.index(b"<") + 1 : -1]: block.ms for block in told.of(PICTURE)}
    common = sound.keys() & pictures.keys()
    assert len(common) > 20
    assert all(abs(pictures[i] - sound[i] - 100) <= 2 for i in common)


async def there(engine: Embedded) -> bool:
    """A new process may take its time on a busy machine."""
    try:
        await engine.stats()
    except EngineGone:
        return False
    return True


async def test_a_killed_process_leaves_a_readable_film(tmp_path: Path) -> None:
    heard: list[Event] = []
    engine = Embedded(Listen(("127.0.0.1",), 0, ()), heard.append, time.monotonic)
    member = SyntheticMember()
    try:
        await until(lambda: there(engine), 60)
        offer = await engine.join("con_1", "usr_a", "seat_1")
        member.receiving.connect(offer)
        await engine.answer("seat_1", answered(offer))
        member.sending.connect(await engine.publish("seat_1", member.offer))
        await member.connected()
        await engine.film(Film("con_1", "film_1", str(tmp_path), KEY, ["usr_a"]))
        sent = 0

        def kept() -> list[Part]:
            nonlocal sent
            shown(member, b"<%d>" % sent, key=sent == 0)
            sent += 1
            found = parts(tmp_path, KEY)
            return found if found and len(found[0].starts) > 2 else []

        await until(kept, WAIT_S)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        (part,) = parts(tmp_path, KEY)
        assert not part.closed
        pictures = [b.data[b.data.index(b"<") :] for b in read(whole(part)).of(PICTURE)]
        assert pictures == [b"<%d>" % i for i in range(len(pictures))]
        assert pictures
    finally:
        member.close()
        await engine.close()


async def test_a_film_that_cannot_be_written_is_told_and_the_room_goes_on(room: Room, tmp_path: Path) -> None:
    viewer, sender = await room.join("usr_v"), await room.join("usr_s")
    await film(room, tmp_path / "nowhere", "usr_s")

    def broke() -> bool:
        sender.voice.say(OPUS_20_MS + b"word", 30)
        shown(sender, b"<x>", key=True)
        return any(isinstance(event, FilmBroke) for event in room.news)

    await until(broke, WAIT_S)
    before = len(viewer.payloads())

    def goes_on() -> bool:
        sender.voice.say(OPUS_20_MS + b"more", 30)
        return len(viewer.payloads()) > before

    await until(goes_on, WAIT_S)
    assert all(track.tap is None for track in room.forwarder._seats["usr_s"].tracks.values())


def test_lengths_of_opus_and_sizes_of_pictures_are_read_from_them() -> None:
    assert webm.opus_ms(SILENCE) == 20
    assert (webm.opus_ms(b"\x18"), webm.opus_ms(b"\x19"), webm.opus_ms(b"\x03\x03")) == (60, 120, 30)
    assert (webm.opus_ms(b""), webm.opus_ms(b"\x03")) == (0, 0)
    assert webm.vp8_size(picture(b"", key=True, width=320, height=180)[1:]) == (320, 180)
    assert webm.vp8_size(picture(b"", key=False)[1:]) is None
