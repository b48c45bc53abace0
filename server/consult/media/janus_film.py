"""Films at a Janus: whom it is asked to send on to this hub, under which key, and what comes of it.

Janus forwards each line as SRTP under the film's key and an SSRC of ours (`janus_stream`); it passes on no sender
reports, so pictures lie beside the voice by their arrival. Source: Janus 1.1.2, `plugins/janus_videoroom.c`
(`rtp_forward`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

import structlog

from server.consult.media.engine import EngineGone, Film, FilmBroke, Hear
from server.consult.media.film import Filming
from server.consult.media.filmed import Filmed
from server.consult.media.frames import OPUS
from server.consult.media.janus_link import Message, RefusedError, Words
from server.consult.media.janus_room import Room, Seat
from server.consult.media.janus_stream import FilmPort, Seal, Stream

log = structlog.get_logger()

TICK_S: Final = 0.1
VP8: Final = 96
SILENT_S: Final = 10
"""Janus says that a member sends, and not one packet has come here for so long: the way is closed."""
WRITTEN_S: Final = 10.0
"""So long the hub waits at its end for the disk."""
NO_SUCH_FEED: Final = 428

Ask = Callable[[Words, int], Coroutine[None, None, Message]]
"""Of Janus, over a seat's handle; 0: over the engine's own. Raises RefusedError, EngineGone."""
Aside = Callable[[Coroutine[None, None, None]], None]


@dataclass(eq=False)
class _Forwarded:
    """What Janus sends on of one seat. ids: Janus's names of it, empty until it has answered."""

    seat: Seat
    streams: list[Stream]
    ids: list[int] = field(default_factory=list)


class _Running:
    """A film under way, its key and whom Janus sends on for it."""

    def __init__(self, filming: Filming) -> None:
        self.filming, self.seal = filming, Seal()
        self.seats: dict[str, _Forwarded] = {}
        self.turn = asyncio.Lock()
        self.silent_s = 0


class JanusFilms:
    """All films at one Janus. port: of the hub, UDP; 0: any. Whether Janus is there is `janus`'s affair."""

    def __init__(self, port: int, ask: Ask, aside: Aside, hear: Hear) -> None:
        self._port, self._ask, self._aside, self._hear = port, ask, aside, hear
        self._films: dict[str, _Running] = {}
        self._way: FilmPort | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def frames(self) -> int:
        return sum(running.filming.frames for running in self._films.values())

    @property
    def dropped(self) -> int:
        return 0 if self._way is None else self._way.dropped

    def carries(self, room: str, account: str) -> bool:
        return room in self._films and self._films[room].filming.carries(account)

    def begin(self, film: Film, host: str) -> None:
        """Of a film under way: others are carried. host: where this hub is for Janus. Raises OSError: no port there."""
        running = self._films.get(film.room)
        if running is not None and running.filming.film.film == film.film:
            for seat, forwarded in list(running.seats.items()):
                if forwarded.seat.account not in film.accounts:
                    self._drop(running, seat, stop=True)
            running.filming.change(film)
            return
        self.end(film.room)
        if self._way is None:
            self._way = FilmPort(host, self._port)
            self._ticking = asyncio.create_task(self._tick(), name="films")

        def broke(which: str, why: str) -> None:
            self._broke(film.room, which, why)

        self._films[film.room] = _Running(Filming(film, broke))

    async def follow(self, room: Room) -> None:
        """Those who are carried and send, and are not sent on yet. Raises EngineGone."""
        running = self._films.get(room.id)
        if running is None:
            return
        async with running.turn:
            for seat in list(room.seats.values()):
                is_due = (
                    seat.is_publishing
                    and not seat.held
                    and seat.id in room.seats
                    and running.filming.carries(seat.account)
                )
                if is_due and seat.id not in running.seats and self._films.get(room.id) is running:
                    try:
                        await self._forward(running, seat)
                    except RefusedError as error:
                        # Whoever comes would be missing from it: no film is better than half of one.
                        self._broke(room.id, running.filming.film.film, str(error), by_engine=True)

    async def _forward(self, running: _Running, seat: Seat) -> None:
        assert self._way is not None
        host, port = self._way.address
        streams = self._streams(seat, running.seal)
        # Known before Janus is asked: the first packets may be here before its answer.
        forwarded = running.seats[seat.id] = _Forwarded(seat, streams)
        self._way.add(streams)
        running.filming.follow(seat.id, seat.account, list[Filmed](streams))
        wanted = [
            {"mid": s.line, "port": port, "ssrc": s.ssrc, "pt": OPUS if s.kind == "sound" else VP8} for s in streams
        ]
        # The seal's words stand here, for all streams: beside a stream Janus reads over them and sends in clear.
        seal: Words = {"srtp_suite": 80, "srtp_crypto": running.seal.crypto}
        body: Words = {"request": "rtp_forward", "room": seat.room.number, "publisher_id": seat.feed, "host": host}
        try:
            said = await self._ask({**body, **seal, "streams": wanted}, 0)
        except (RefusedError, EngineGone, asyncio.CancelledError) as error:
            if is_due := running.seats.get(seat.id) is forwarded:
                self._drop(running, seat.id, stop=False)
            if isinstance(error, RefusedError) and (error.code == NO_SUCH_FEED or not is_due):
                return  # just gone, or not quite there: then it is asked for again
            raise
        forwarded.ids = [made.stream_id for made in said.told.forwarders]
        if running.seats.get(seat.id) is not forwarded:  # gone, or carried no more, while Janus was asked
            self._aside(self._stop(forwarded))
        elif not all(made.srtp for made in said.told.forwarders):
            self._drop(running, seat.id, stop=True)
            raise RefusedError(0, "Janus sends in clear")
        elif not forwarded.ids:
            self._drop(running, seat.id, stop=False)  # none of its lines is there yet: it is asked for again

    def _streams(self, seat: Seat, seal: Seal) -> list[Stream]:
        def ask(line: str) -> None:
            self._aside(self._ask_key_frame(seat, line))

        voice = [] if seat.voice is None else [Stream("sound", seat.voice, seal, ask)]
        return [*voice, *(Stream(layer, line, seal, ask) for layer, line in seat.pictures.items())]

    async def _ask_key_frame(self, seat: Seat, line: str) -> None:
        await self._ask({"request": "configure", "streams": [{"mid": line, "keyframe": True}]}, seat.sending)

    def left(self, seat: Seat) -> None:
        """With the publisher Janus forgets where it sent it."""
        running = self._films.get(seat.room.id)
        if running is not None and seat.id in running.seats:
            self._drop(running, seat.id, stop=False)

    def _drop(self, running: _Running, seat: str, *, stop: bool) -> None:
        forwarded = running.seats.pop(seat)
        if self._way is not None:
            self._way.remove(forwarded.streams)
        running.filming.drop(seat)
        if stop and forwarded.ids:
            self._aside(self._stop(forwarded))

    async def _stop(self, forwarded: _Forwarded) -> None:
        seat = forwarded.seat
        body: Words = {"request": "stop_rtp_forward", "room": seat.room.number, "publisher_id": seat.feed}
        asked = (self._ask({**body, "stream_id": stream}, 0) for stream in forwarded.ids)
        await asyncio.gather(*asked, return_exceptions=True)  # where the publisher has gone there is nothing to stop

    # The end

    def end(self, room: str, *, stop: bool = True) -> None:
        """What has come until now is with the writer. stop: Janus is there to be told."""
        if room not in self._films or self._way is None or self._ticking is None:
            return
        self._way.drain()
        running = self._films.pop(room)
        for seat in list(running.seats):
            self._drop(running, seat, stop=stop)
        writer = running.filming.close()
        written = asyncio.create_task(asyncio.to_thread(writer.wait, WRITTEN_S), name="film written")
        self._writing.add(written)
        written.add_done_callback(self._writing.discard)
        if not self._films:
            self._ticking.cancel()
            self._way.close()
            self._way = self._ticking = None

    def end_all(self) -> None:
        """The session at Janus is over."""
        for room in list(self._films):
            self.end(room, stop=False)

    async def written(self) -> None:
        """All that was given to the writers of films that have ended."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _broke(self, room: str, film: str, why: str, *, by_engine: bool = False) -> None:
        running = self._films.get(room)
        if running is not None and running.filming.film.film == film:
            self.end(room)
            self._hear(FilmBroke(room, film, why, "engine" if by_engine else "disk"))

    # Every moment

    async def _tick(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            ticks += 1
            for running in list(self._films.values()):
                try:
                    running.filming.tick()
                    if ticks % round(1 / TICK_S) == 0:
                        self._look(running)
                except Exception as error:  # of one seat; the other films hang on the next tick
                    log.error("film.tick", error=repr(error)[:200])

    def _look(self, running: _Running) -> None:
        """Once a second."""
        streams = [stream for forwarded in running.seats.values() for stream in forwarded.streams]
        for stream in streams:
            stream.in_second = 0
        is_due = any(forwarded.ids and forwarded.seat.sends for forwarded in running.seats.values())
        running.silent_s = running.silent_s + 1 if is_due and not any(s.packets for s in streams) else 0
        if running.silent_s >= SILENT_S:
            film = running.filming.film
            self._broke(film.room, film.film, "no UDP comes from Janus to this hub", by_engine=True)
