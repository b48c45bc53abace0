"""The hub's end of a Janus: a MediaEngine whose packets a VideoRoom forwards, in the slots the page knows.

A seat is a publisher handle and a subscriber handle. The subscriber's lines are laid once, on the room's dummy
publisher; what flows in one is changed by `switch`, which needs no negotiation. Janus is a process of its own over a
socket: nothing of it is linked. The socket and the words on it: `janus_link`; its descriptions: `janus_sdp`; what shall
flow where: `janus_room`. Films: `janus_film`. What differs from the embedded forwarder: docs/explanation/media.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from server.consult.media import janus_sdp, sdp
from server.consult.media.engine import (
    ACCOUNT_SEATS_MAX,
    ANSWER_S,
    BITS_MAX,
    PICTURE_SLOTS,
    ROOM_SEATS_MAX,
    SEATS_MAX,
    SOUND_SLOTS,
    SPEAKING,
    BadSdp,
    Died,
    EngineGone,
    Film,
    Hear,
    Lost,
    NoSeat,
    Slots,
    Speakers,
    Wanted,
)
from server.consult.media.janus_film import JanusFilms
from server.consult.media.janus_link import MESSAGE_BYTES_MAX, Jsep, Link, Message, RefusedError, Words
from server.consult.media.janus_room import SILENT_DBOV, Line, Room, Seat
from server.consult.media.model import Layer, Wish

log = structlog.get_logger()

THERE_S: Final = 10.0
"""So long a request waits for a Janus that is just coming back."""
BACK_OFF_S, BACK_OFF_S_MAX, PROVEN_S = 0.2, 10.0, 60.0
LOOK_S: Final = 1.0
"""What Janus would not switch is tried again after this: mostly somebody has just left."""
TALK_PACKETS: Final = 10
"""Janus averages a voice over so many packets, 0.2 s of speech, before it says that somebody talks or stopped."""
ROOM_EXISTS: Final = 427
LAYERS: Final[tuple[Layer, Layer]] = ("large", "small")


@dataclass(frozen=True)
class JanusAt:
    """Where a Janus is. secret: its `api_secret`; admin_key: that of its VideoRoom, where it has one.

    film_port: UDP, of this hub, to which it sends what is filmed; 0: any.
    """

    url: str
    secret: str = field(default="", repr=False)
    admin_key: str = field(default="", repr=False)
    film_port: int = 0


class Janus:
    """A FilmingEngine. hear: told what happens. monotonic: seconds that only grow. `begun` counts the sessions."""

    def __init__(self, at: JanusAt, hear: Hear, monotonic: Callable[[], float]) -> None:
        self._at, self._hear, self._monotonic = at, hear, monotonic
        self._link: Link | None = None
        self._there = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self._making = asyncio.Lock()
        self._control = 0
        self._rooms: dict[str, Room] = {}
        self._seats: dict[str, Seat] = {}
        self._handles: dict[int, Seat] = {}
        self._films = JanusFilms(at.film_port, self._ask, self._do_aside, hear)
        self.begun, self.wait_s = 0, THERE_S

    @property
    def restarts(self) -> int:
        return max(0, self.begun - 1)

    def open(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_up(), name="media")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._films.written()

    # What the hub asks

    async def join(self, room: str, account: str, seat: str, *, held: bool = False) -> str:
        link = await self._linked()
        made = await self._room(link, room)
        made.coming += 1
        try:
            mine = [other for other in made.seats.values() if other.account == account]
            if len(mine) >= ACCOUNT_SEATS_MAX:
                self._leave(mine[0], "replaced")
            if seat in self._seats or len(self._seats) >= SEATS_MAX or len(made.seats) >= ROOM_SEATS_MAX:
                raise NoSeat
            sending, receiving = await asyncio.gather(link.ask("attach"), link.ask("attach"))
            flowing = [made.silence] * SOUND_SLOTS + [made.darkness] * PICTURE_SLOTS
            body: Words = {"request": "join", "ptype": "subscriber", "room": made.number, "autoupdate": False}
            body["streams"] = [{"feed": feed, "mid": mid} for feed, mid in flowing]
            said = await link.ask("message", handle=receiving.data.id, body=body)
            if said.jsep is None or self._rooms.get(room) is not made:
                raise EngineGone
            feed, now = secrets.randbits(50) + 1, self._monotonic()
            taken = Seat(seat, made, account, sending.data.id, receiving.data.id, feed, now, flowing, held)
            made.add(taken)
            self._seats[seat] = taken
            self._handles[taken.sending] = self._handles[taken.receiving] = taken
        except RefusedError as error:
            raise EngineGone from error
        finally:
            made.coming -= 1
        return janus_sdp.offer_for_page(said.jsep.sdp)

    async def admit(self, seat: str) -> None:
        await self._linked()
        taken = self._seat(seat)
        taken.held = False
        taken.room.changed.set()

    async def answer(self, seat: str, sdp_text: str) -> None:
        link, taken = await self._linked(), self._seat(seat)
        if sdp.read(sdp_text).setup != "active" or taken.answer is not None:
            raise BadSdp("an answer that comes twice, or waits for us")
        taken.answer = Jsep("answer", janus_sdp.answer_for_janus(sdp_text))
        await self._obeyed(link, taken.receiving, {"request": "start"}, taken.answer)

    async def publish(self, seat: str, sdp_text: str) -> str:
        link, taken = await self._linked(), self._seat(seat)
        theirs = sdp.read(sdp_text)
        sdp.check_sent(theirs)
        if taken.voice is not None:
            raise BadSdp("an offer that comes twice")
        taken.voice = theirs.lines[0].mid
        taken.pictures = dict(zip(LAYERS, (line.mid for line in theirs.lines[1:]), strict=False))
        body: Words = {"request": "joinandconfigure", "ptype": "publisher", "room": taken.room.number, "id": taken.feed}
        said = await self._obeyed(
            link, taken.sending, {**body, "bitrate": BITS_MAX}, Jsep("offer", janus_sdp.offer_for_janus(sdp_text))
        )
        if said.jsep is None:
            raise EngineGone
        taken.is_publishing = True
        await self._hush(taken)
        taken.room.changed.set()
        return janus_sdp.answer_for_page(said.jsep.sdp)

    async def watch(self, seat: str, wishes: list[Wish]) -> None:
        await self._linked()
        taken = self._seat(seat)
        taken.wish(wishes)
        taken.room.changed.set()

    async def quiet(self, room: str, accounts: list[str]) -> None:
        await self._linked()
        if (made := self._rooms.get(room)) is not None:
            made.quiet = frozenset(accounts)
            await asyncio.gather(*(self._hush(seat) for seat in made.seats.values()))

    async def _hush(self, seat: Seat) -> None:
        """Its voice is dropped, or no more, as the room says now."""
        mute = seat.account in seat.room.quiet
        if not seat.is_publishing or mute == seat.is_quiet:
            return
        seat.is_quiet = mute
        room = seat.room.number
        try:
            await self._ask({"request": "moderate", "room": room, "id": seat.feed, "mid": seat.voice, "mute": mute}, 0)
        except RefusedError as error:
            log.warning("media.janus_refused", request="moderate", error=str(error))
            if mute and seat.id in self._seats:
                self._leave(seat, "unruly")  # better not there than heard

    async def leave(self, seat: str) -> None:
        taken = self._seats.get(seat)
        if taken is not None:
            self._leave(taken, "left")

    async def close_room(self, room: str) -> None:
        if (made := self._rooms.get(room)) is not None:
            for taken in list(made.seats.values()):
                self._leave(taken, "closed")

    async def stats(self) -> dict[str, float]:
        await self._linked()
        films = {"filmed": self._films.frames, "film_dropped": self._films.dropped}
        return {"rooms": len(self._rooms), "seats": len(self._seats), **films}

    async def film(self, film: Film) -> None:
        asked = self._monotonic()
        link = await self._linked()
        waited_ms = round((self._monotonic() - asked) * 1000)  # while Janus came back, the film went on
        try:
            self._films.begin(msgspec.structs.replace(film, offset_ms=film.offset_ms + waited_ms), link.own_host)
        except OSError as error:
            log.error("media.janus_film", error=str(error))
            raise EngineGone from error
        if (room := self._rooms.get(film.room)) is not None:
            room.changed.set()
            await self._films.follow(room)

    async def end_film(self, room: str) -> None:
        self._films.end(room)

    def _seat(self, seat: str) -> Seat:
        if (taken := self._seats.get(seat)) is None:
            raise NoSeat
        return taken

    async def _obeyed(self, link: Link, handle: int, body: Words, jsep: Jsep) -> Message:
        try:
            return await link.ask("message", handle=handle, body=body, jsep=jsep)
        except RefusedError as error:
            log.warning("media.janus_refused", request=body["request"], error=str(error))
            raise EngineGone from error

    async def _ask(self, body: Words, handle: int) -> Message:
        """For a film."""
        if self._link is None:
            raise EngineGone
        if not handle and self._at.admin_key:
            body = {**body, "admin_key": self._at.admin_key}
        return await self._link.ask("message", handle=handle or self._control, body=body)

    # Rooms at Janus

    async def _room(self, link: Link, room: str) -> Room:
        """Made when its first member comes."""
        async with self._making:
            if (there := self._rooms.get(room)) is not None:
                return there
            number = int.from_bytes(hashlib.sha256(room.encode()).digest()[:6])
            body: Words = {
                "request": "create", "room": number, "is_private": True, "publishers": ROOM_SEATS_MAX,
                "audiocodec": "opus", "videocodec": "vp8", "opus_fec": True, "opus_dtx": True, "bitrate": BITS_MAX,
                "audiolevel_ext": True, "audiolevel_event": True, "audio_active_packets": TALK_PACKETS,
                "audio_level_average": int(SILENT_DBOV - SPEAKING), "dummy_publisher": True,
                "dummy_streams": [{"codec": "opus", "fmtp": "useinbandfec=1;usedtx=1"}, {"codec": "vp8"}],
            }  # fmt: skip
            if self._at.admin_key:
                body["admin_key"] = self._at.admin_key
            try:
                if not self._control:
                    self._control = (await link.ask("attach")).data.id
                try:
                    await link.ask("message", handle=self._control, body=body)
                except RefusedError as error:
                    if error.code != ROOM_EXISTS:
                        raise
                    await self._destroy(link, number)  # of a hub that ended without a word: its members are gone
                    await link.ask("message", handle=self._control, body=body)
                ask: Words = {"request": "listparticipants", "room": number}
                said = await link.ask("message", handle=self._control, body=ask)
            except RefusedError as error:
                log.error("media.janus_room", error=str(error))
                raise EngineGone from error
            made = Room(room, number, next((p.id for p in said.told.participants if p.dummy), 0))
            made.arranging = asyncio.create_task(self._keep_arranged(link, made), name="janus room")
            self._rooms[room] = made
            return made

    async def _destroy(self, link: Link, number: int) -> None:
        await link.ask("message", handle=self._control, body={"request": "destroy", "room": number})

    async def _end_if_empty(self, link: Link, room: Room) -> None:
        async with self._making:
            if room.seats or room.coming or self._rooms.get(room.id) is not room:
                return
            del self._rooms[room.id]
            if room.arranging is not None:
                room.arranging.cancel()
            await self._destroy(link, room.number)

    # Seats that go

    def _leave(self, seat: Seat, why: str) -> None:
        if self._seats.pop(seat.id, None) is None:
            return
        seat.room.remove(seat)
        self._films.left(seat)
        self._handles.pop(seat.sending, None)
        self._handles.pop(seat.receiving, None)
        self._hear(Lost(seat.room.id, seat.id, why))
        if (link := self._link) is not None:
            self._do_aside(self._detach(link, seat))

    async def _detach(self, link: Link, seat: Seat) -> None:
        # Not `leave` alone: a handle that stays costs Janus its memory until the session ends.
        await asyncio.gather(
            *(link.ask("detach", handle=handle) for handle in (seat.sending, seat.receiving)), return_exceptions=True
        )
        await self._end_if_empty(link, seat.room)

    def _do_aside(self, work: Coroutine[None, None, None]) -> None:
        async def done() -> None:
            try:
                await work
            except (RefusedError, BadSdp, EngineGone) as error:
                log.info("media.janus_aside", error=repr(error)[:200])

        task = asyncio.create_task(done(), name="janus aside")
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    # What flows where

    async def _keep_arranged(self, link: Link, room: Room) -> None:
        while True:
            await room.changed.wait()
            room.changed.clear()
            try:
                room.rank()
                self._tell_room(room)
                switched = (self._switch(link, seat) for seat in list(room.seats.values()))
                await asyncio.gather(self._films.follow(room), *switched)
            except Exception as error:  # the edge of a room: what goes wrong once does not leave it dark for good
                log.error("media.janus_room", error=repr(error)[:200])

    async def _switch(self, link: Link, seat: Seat) -> None:
        wished = seat.wished()
        streams = [
            {"feed": line[0], "mid": line[1], "sub_mid": str(slot)}
            for slot, (line, flows) in enumerate(zip(wished, seat.flowing, strict=True))
            if line != flows
        ]
        if seat.is_up and streams:
            try:
                said = await link.ask("message", handle=seat.receiving, body={"request": "switch", "streams": streams})
            except (RefusedError, EngineGone, BadSdp) as error:
                log.info("media.janus_switch", seat=seat.id, error=repr(error)[:200])
                return
            now: dict[str, Line] = {fed.mid: (fed.feed_id, fed.feed_mid) for fed in said.told.streams}
            seat.flowing = [now.get(str(slot), line) for slot, line in enumerate(seat.flowing)]
        slots = seat.slots()
        if slots != seat.told_slots and seat.id in self._seats:
            seat.told_slots = slots
            self._hear(Slots(seat.room.id, seat.id, list(slots[0]), list(slots[1])))

    def _tell_room(self, room: Room) -> None:
        speakers = list(room.speakers)
        if speakers != room.told_speakers:
            room.told_speakers = speakers
            self._hear(Speakers(room.id, speakers))
        for seat in room.seats.values():
            wanted = seat.wanted(is_filmed=self._films.carries(room.id, seat.account))
            if seat.voice is not None and not seat.held and wanted != seat.told_wanted:
                seat.told_wanted = wanted
                self._hear(Wanted(room.id, seat.id, *wanted))

    # What Janus says

    def _heard(self, said: Message) -> None:
        seat = self._handles.get(said.sender)
        if seat is None or (link := self._link) is None:
            return
        told = said.told
        match said.janus:
            case "webrtcup" if said.sender == seat.receiving:
                seat.is_up = True
            case "media" if said.sender == seat.sending:
                if seat.sending_now(said.mid, flows=said.receiving):
                    self._do_aside(self._begin_anew(link, seat))
            case "hangup" | "detached":
                self._leave(seat, said.reason or said.janus)
            case "event" if told.videoroom in ("talking", "stopped-talking") and told.id == seat.feed:
                # Janus tells everybody in the room; what it tells the one who talks is enough.
                if told.videoroom == "talking":
                    seat.room.talking[seat.feed] = told.level_dbov
                else:
                    seat.room.talking.pop(seat.feed, None)
            case "event" if said.jsep is not None and seat.answer is not None:
                # Somebody has left whose picture flowed here. To Janus that is a new offer; to the page nothing is new,
                # since the same line goes on with another's picture: its own answer still holds.
                self._do_aside(self._answer_again(link, seat.receiving, seat.answer))
                return
            case _:
                return
        seat.room.changed.set()

    async def _answer_again(self, link: Link, handle: int, answer: Jsep) -> None:
        await link.ask("message", handle=handle, body={"request": "start"}, jsep=answer)

    async def _begin_anew(self, link: Link, seat: Seat) -> None:
        """His line was cut: what he missed is too much to be sent again, and browsers ask for a whole picture late."""
        senders = {seat.sending, *(other.sending for other in seat.looks_at())}
        ask: Words = {"request": "configure", "keyframe": True}
        await asyncio.gather(*(link.ask("message", handle=handle, body=ask) for handle in senders))

    # The session

    async def _linked(self) -> Link:
        """Raises EngineGone: it is not there, and does not come in time."""
        self.open()
        try:
            async with asyncio.timeout(self.wait_s):
                await self._there.wait()
        except TimeoutError as error:
            raise EngineGone from error
        assert self._link is not None
        return self._link

    async def _keep_up(self) -> None:
        wait_s = BACK_OFF_S
        while True:
            began = self._monotonic()
            try:
                await self._one_life()
            except Exception as error:  # mostly its end; whatever it is, the next one shall have its turn
                wait_s = BACK_OFF_S if self._monotonic() - began > PROVEN_S else wait_s
                log.error("media.janus_lost", error=repr(error)[:200], begun=self.begun, again_in_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, BACK_OFF_S_MAX)

    async def _one_life(self) -> None:
        """From a session's beginning to its end. Raises what ended it."""
        protocols = [Subprotocol("janus-protocol")]
        looking = asyncio.create_task(self._look(), name="janus seats")
        try:
            async with connect(
                self._at.url, subprotocols=protocols, compression=None, max_size=MESSAGE_BYTES_MAX, proxy=None
            ) as socket:
                self._link = Link(socket, self._at.secret, self._heard)
                await self._link.run(self._begin)
        finally:
            looking.cancel()
            self._forget()

    def _begin(self) -> None:
        self.begun += 1
        self._there.set()

    def _forget(self) -> None:
        """The session is over, and with it all its seats."""
        was_there = self._there.is_set()
        self._there.clear()
        self._link, self._control = None, 0
        self._films.end_all()
        for room in self._rooms.values():
            if room.arranging is not None:
                room.arranging.cancel()
        for book in (self._rooms, self._seats, self._handles):
            book.clear()
        if was_there:
            self._hear(Died())

    async def _look(self) -> None:
        """Gives up seats whose page never came, and tries again what could not be switched."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._monotonic()
            for seat in list(self._seats.values()):
                if not seat.is_up and now - seat.made_at > ANSWER_S:
                    self._leave(seat, "late")
            for room in self._rooms.values():
                room.changed.set()
