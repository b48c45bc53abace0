"""Rooms and seats inside the forwarder: who sends what, who shows what in which slot, who is loudest.

Runs in the forwarder's process; the hub speaks to it through `process`. The packets themselves are `track`'s affair,
the sockets `port`'s. Nothing here knows of accounts more than their names, nor of consultations.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final

from server.consult.media import rtp, sdp
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
    Film,
    FilmBroke,
    Hear,
    Lost,
    NoSeat,
    Slots,
    Speakers,
    Wanted,
)
from server.consult.media.film import Filming
from server.consult.media.filmed import Filmed, Kind
from server.consult.media.model import Layer, Wish
from server.consult.media.port import Link, Port
from server.consult.media.track import Out, Track

TICK_S: Final = 0.1
RESENDS_PER_S_MAX: Final = 500
KEEP: Final = 8.0
"""So much louder must somebody be to take a slot from one who has it."""
LAYERS: Final[tuple[Layer, Layer]] = ("large", "small")


@dataclass(eq=False)
class Seat:
    """One stay of one page."""

    id: str
    room: Room
    account: str
    receive: Link
    held: bool
    """Its person has not entered: what it sends is not taken, and nothing is sent to it."""
    sound: list[Out]
    picture: list[Out]
    send: Link | None = None
    tracks: dict[int, Track] = field(default_factory=dict)
    voice: Track | None = None
    pictures: dict[Layer, Track] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    shown: list[str | None] = field(default_factory=lambda: [None] * PICTURE_SLOTS)
    """Whose picture each slot is for, whether or not it flows yet."""
    resent: int = 0
    told_slots: tuple[tuple[str | None, ...], ...] = ()
    told_wanted: tuple[bool, bool] | None = None


@dataclass(eq=False)
class Room:
    id: str
    seats: dict[str, Seat] = field(default_factory=dict)
    loudest: list[Track] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    quiet: frozenset[str] = frozenset()
    """Accounts whose voices are not taken."""


class Forwarder:
    """All rooms of this process.

    tell  hears what the hub must know.
    """

    def __init__(self, port: Port, tell: Hear) -> None:
        self._port, self._tell = port, tell
        self._loop = asyncio.get_running_loop()
        self._own = secrets.randbits(32)
        self._rooms: dict[str, Room] = {}
        self._seats: dict[str, Seat] = {}
        self._films: dict[str, Filming] = {}
        self._ticks = 0
        self.unknown = 0
        port.moved = self._moved

    # What the hub asks

    def join(self, room_id: str, account: str, seat_id: str, *, held: bool = False) -> str:
        """Returns the offer of the receiving connection. Raises NoSeat: too many."""
        room = self._rooms.get(room_id) or Room(room_id)
        mine = [seat for seat in room.seats.values() if seat.account == account]
        if len(mine) >= ACCOUNT_SEATS_MAX:
            self.leave(mine[0].id, "replaced")
        if seat_id in self._seats or len(self._seats) >= SEATS_MAX or len(room.seats) >= ROOM_SEATS_MAX:
            raise NoSeat
        link = self._port.link()
        outs = [Out(link, secrets.randbits(31) + 1) for _ in range(SOUND_SLOTS + PICTURE_SLOTS)]
        seat = Seat(seat_id, room, account, link, held, outs[:SOUND_SLOTS], outs[SOUND_SLOTS:])
        self._rooms[room_id] = room
        self._seats[seat_id] = room.seats[seat_id] = seat
        by_ssrc = {out.ssrc: out for out in outs}
        link.told = lambda packet: self._asked(seat, by_ssrc, packet)
        link.ready = lambda: self._arrange(room)
        link.back = lambda: self._begin_anew(seat)
        link.over = lambda why: self.leave(seat_id, why)
        return sdp.offer(link.own, [out.ssrc for out in seat.sound], [out.ssrc for out in seat.picture])

    def admit(self, seat_id: str) -> None:
        """Raises NoSeat."""
        seat = self._seat(seat_id)
        seat.held = False
        self._follow(seat)
        self._arrange(seat.room)

    def answer(self, seat_id: str, text: str) -> None:
        """Raises NoSeat, BadSdp."""
        seat = self._seat(seat_id)
        theirs = sdp.read(text)
        if theirs.setup != "active" or seat.receive.dtls is not None:
            raise BadSdp("an answer that comes twice, or waits for us")
        seat.receive.expect(theirs.fingerprint)

    def publish(self, seat_id: str, text: str) -> str:
        """Returns the answer of the sending connection. Raises NoSeat, BadSdp."""
        seat = self._seat(seat_id)
        theirs = sdp.read(text)
        if seat.send is not None:
            raise BadSdp("an offer that comes twice")
        link = self._port.link()
        try:
            said = sdp.answer(link.own, theirs)
        except BadSdp:
            self._port.drop(link)
            raise
        seat.send = link
        kinds: tuple[Kind, ...] = ("sound", "large", "small")
        for kind, line in zip(kinds, theirs.lines, strict=False):
            if line.ssrc == 0 or line.ssrc in seat.tracks:
                continue
            track = Track(link, seat.account, kind, line.ssrc, line.payloads, line.level_extension, self._own)
            seat.tracks[line.ssrc] = track
            if kind == "sound":
                seat.voice = track
            else:
                seat.pictures[kind] = track
        link.heard = lambda packet: self._heard(seat, packet)
        link.told = lambda packet: self._reported(seat, packet)
        link.ready = lambda: self._arrange(seat.room)
        link.over = lambda why: self.leave(seat_id, why)
        link.expect(theirs.fingerprint)
        self._follow(seat)
        return said

    def watch(self, seat_id: str, wishes: list[Wish]) -> None:
        """Raises NoSeat."""
        seat = self._seat(seat_id)
        seat.wishes = list({wish.account: wish for wish in wishes if wish.account != seat.account}.values())
        del seat.wishes[PICTURE_SLOTS:]
        self._arrange(seat.room)

    def quiet(self, room_id: str, accounts: list[str]) -> None:
        if room_id in self._rooms:
            self._rooms[room_id].quiet = frozenset(accounts)

    def leave(self, seat_id: str, why: str) -> None:
        seat = self._seats.pop(seat_id, None)
        if seat is None:
            return
        room = seat.room
        room.seats.pop(seat_id, None)
        if room.id in self._films:
            self._films[room.id].drop(seat_id)
        for track in seat.tracks.values():
            track.end()
        room.loudest = [track for track in room.loudest if track is not seat.voice]
        for out in (*seat.sound, *seat.picture):
            if out.track is not None:
                out.track.hide(out)
            if out.next is not None:
                out.next.waiting.remove(out)
        for link in (seat.receive, seat.send):
            if link is not None:
                link.end(why)
        if room.seats:
            self._arrange(room)
        else:
            self._rooms.pop(room.id, None)
        self._tell(Lost(room.id, seat_id, why))

    def close_room(self, room_id: str) -> None:
        for seat_id in list(self._rooms[room_id].seats) if room_id in self._rooms else ():
            self.leave(seat_id, "closed")

    def film(self, film: Film) -> None:
        """Keep what these accounts send. Of a film under way: whom it carries from now on."""
        filming = self._films.get(film.room)
        if filming is not None and filming.film.film == film.film:
            filming.change(film)
        else:
            self.end_film(film.room)
            self._films[film.room] = Filming(film, lambda which, why: self._film_broke(film.room, which, why))
        if film.room in self._rooms:
            for seat in self._rooms[film.room].seats.values():
                self._follow(seat)
            self._arrange(self._rooms[film.room])

    def end_film(self, room_id: str) -> None:
        filming = self._films.pop(room_id, None)
        if filming is not None:
            filming.close()

    def end_films(self) -> None:
        """The process ends: what was filmed is written first."""
        for filming in self._films.values():
            filming.close().wait()
        self._films.clear()

    def stats(self) -> dict[str, float]:
        tracks = [track for seat in self._seats.values() for track in seat.tracks.values()]
        return {
            "rooms": len(self._rooms),
            "seats": len(self._seats),
            "tracks": len(tracks),
            "received": sum(track.packets for track in tracks),
            "forwarded": sum(track.forwarded for track in tracks),
            "unknown": self.unknown,
            "filmed": sum(filming.frames for filming in self._films.values()),
        }

    def tick(self) -> None:
        """Every TICK_S."""
        self._ticks += 1
        for filming in self._films.values():
            filming.tick()
        for room in list(self._rooms.values()):
            self._listen(room)
            if self._ticks % 5 == 0:
                self._arrange(room)
        if self._ticks % 10 == 0:
            self._port.look()
            now = self._loop.time()
            for seat in list(self._seats.values()):
                seat.resent = 0
                self._report(seat)
                late = now - seat.receive.made_at > ANSWER_S
                if late and seat.receive.receive is None:
                    self.leave(seat.id, "late")

    def _follow(self, seat: Seat) -> None:
        filming = self._films.get(seat.room.id)
        if filming is not None and not seat.held:
            tracks: list[Filmed] = [t for t in (seat.voice, *seat.pictures.values()) if t is not None]
            filming.follow(seat.id, seat.account, tracks)

    def _film_broke(self, room: str, film: str, why: str) -> None:
        filming = self._films.get(room)
        if filming is not None and filming.film.film == film:
            self.end_film(room)
            self._tell(FilmBroke(room, film, why))

    def _seat(self, seat_id: str) -> Seat:
        seat = self._seats.get(seat_id)
        if seat is None:
            raise NoSeat
        return seat

    # What members send

    def _heard(self, seat: Seat, packet: bytes) -> None:
        if seat.held:
            return
        track = seat.tracks.get(rtp.U32.unpack_from(packet, 8)[0])
        if track is None:
            self.unknown += 1  # nothing this member has named
            return
        if track is seat.voice and seat.account in seat.room.quiet:
            return
        first, waited = track.packets == 0, bool(track.waiting)
        track.take(packet)
        if first or (waited and not track.waiting):
            self._arrange(seat.room)  # now it is there, or seen: the pages are told at once

    def _reported(self, seat: Seat, packet: bytes) -> None:
        for said in rtp.read_rtcp(packet):
            if isinstance(said, rtp.SenderReport) and said.ssrc in seat.tracks:
                seat.tracks[said.ssrc].sent(said)

    def _asked(self, seat: Seat, outs: dict[int, Out], packet: bytes) -> None:
        for said in rtp.read_rtcp(packet):
            if not isinstance(said, rtp.Feedback) or (out := outs.get(said.ssrc)) is None or out.track is None:
                continue
            if said.key:
                out.track.ask_key_frame()
            for sequence in said.lost:
                if seat.resent >= RESENDS_PER_S_MAX:
                    break
                seat.resent += 1
                out.track.send_again(out, sequence)

    def _begin_anew(self, seat: Seat) -> None:
        """His line was cut: what he missed is too much to be sent again, and his browser asks late."""
        for out in seat.picture:
            if out.track is not None:
                out.track.ask_key_frame()

    def _report(self, seat: Seat) -> None:
        if seat.send is None or not seat.tracks:
            return
        rows = [row for track in seat.tracks.values() if (row := track.report()) is not None]
        ssrcs = [track.ssrc for track in seat.pictures.values()]
        seat.send.say(rtp.receiver_report(self._own, rows) + rtp.bandwidth(self._own, BITS_MAX, ssrcs))

    # Who is shown where

    def _moved(self) -> None:
        for seat in self._seats.values():
            for track in seat.tracks.values():
                track.aim()

    def _listen(self, room: Room) -> None:
        """The loudest voices, and with them the slots of sound, when they have changed."""
        now = self._loop.time()
        voices = [seat.voice for seat in room.seats.values() if seat.voice is not None and seat.voice.packets]
        for voice in voices:
            if now - voice.active_at > 0.3:
                voice.loudness *= 0.7  # a browser sends nothing while nobody speaks
        held = set(map(id, room.loudest))
        voices.sort(key=lambda v: v.loudness + (KEEP if id(v) in held else 0.0), reverse=True)
        # One more than there are slots: nobody hears himself. An account that is just moving house has two seats.
        loudest = voices[: SOUND_SLOTS + ACCOUNT_SEATS_MAX]
        if set(map(id, loudest)) != held:
            room.loudest = loudest
            self._arrange(room)
        else:
            room.loudest = loudest
            for seat in room.seats.values():
                self._arrange_sound(seat)
        speakers = list(dict.fromkeys(v.account for v in loudest if v.loudness > SPEAKING))[:SOUND_SLOTS]
        if speakers != room.speakers and self._ticks % 3 == 0:
            room.speakers = speakers
            self._tell(Speakers(room.id, speakers))

    def _arrange(self, room: Room) -> None:
        """What flows where, after anything has changed. Says what is new about it."""
        for seat in room.seats.values():
            self._arrange_sound(seat)
            self._arrange_pictures(seat)
        for seat in room.seats.values():
            self._tell_wanted(seat)

    def _arrange_sound(self, seat: Seat) -> None:
        loudest = () if seat.held else seat.room.loudest
        wished = [voice for voice in loudest if voice.account != seat.account][:SOUND_SLOTS]
        for out in seat.sound:
            if out.track is not None and out.track not in wished:
                out.track.hide(out)
        shown = [out.track for out in seat.sound]
        free = [out for out in seat.sound if out.track is None]
        if seat.receive.send is not None:
            for voice in (v for v in wished if v not in shown):
                voice.show(free.pop())
        self._tell_slots(seat)

    def _arrange_pictures(self, seat: Seat) -> None:
        wished = {wish.account: wish.layer for wish in seat.wishes}
        for i, account in enumerate(seat.shown):
            if account is not None and account not in wished:
                seat.shown[i] = None
                out = seat.picture[i]
                if out.next is not None:
                    out.next.waiting.remove(out)
                    out.next = None
                if out.track is not None:
                    out.track.hide(out)
        for account in wished:
            if account not in seat.shown:
                seat.shown[seat.shown.index(None)] = account
        if seat.receive.send is None or seat.held:
            return
        for account, out in zip(seat.shown, seat.picture, strict=True):
            track = None if account is None else self._picture(seat.room, account, wished[account])
            if track is None or track is out.next:
                if track is not None:
                    track.ask_key_frame()
            elif track is not out.track:
                track.show(out)
            elif out.next is not None:
                out.next.waiting.remove(out)  # what was to come is not wished for any more
                out.next = None
        self._tell_slots(seat)

    def _picture(self, room: Room, account: str, layer: Layer) -> Track | None:
        """The picture of this layer, the other one where only that is sent; of the newest seat that sends."""
        now = self._loop.time()
        other: Layer = "small" if layer == "large" else "large"
        for seat in reversed(room.seats.values()):
            if seat.account == account:
                for kind in (layer, other):
                    track = seat.pictures.get(kind)
                    if track is not None and track.is_active(now):
                        return track
        return None

    def _tell_slots(self, seat: Seat) -> None:
        sound = tuple(None if out.track is None else out.track.account for out in seat.sound)
        picture = tuple(None if out.track is None else out.track.account for out in seat.picture)
        if (sound, picture) != seat.told_slots:
            seat.told_slots = (sound, picture)
            self._tell(Slots(seat.room.id, seat.id, list(sound), list(picture)))

    def _tell_wanted(self, seat: Seat) -> None:
        if seat.send is None or seat.held:
            return
        others = (other for other in seat.room.seats.values() if not other.held)
        wishes = [w for other in others for w in other.wishes if w.account == seat.account]
        large, small = any(w.layer == "large" for w in wishes), any(w.layer == "small" for w in wishes)
        filming = self._films.get(seat.room.id)
        if not large and filming is not None and filming.carries(seat.account):
            small = True  # nobody looks, but the film does
        wanted = (large, small)
        if wanted != seat.told_wanted:
            seat.told_wanted = wanted
            self._tell(Wanted(seat.room.id, seat.id, *wanted))
