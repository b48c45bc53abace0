"""The sockets of voices: one for each page that takes part, never the one of events or of live ECG.

Who may come in: a ticket of the session, then membership, and both are asked again while he stays. What a page does
not take in time it never gets: old sound is worth nothing. Who hears whom is `hall`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import WSMsgType, web

from server.base.clock import Clock
from server.base.context import Ctx
from server.base.errors import AppError
from server.base.http import Http
from server.base.live import Live
from server.base.page import unsent_bytes
from server.consult.errors import SoundFull
from server.consult.media.model import MediaNews
from server.consult.sound.hall import LOUDEST, PACKET_BYTES_MAX, PACKETS_PER_S_MAX, SoundRoom, Voice

UNREAD_BYTES_MAX: Final = 12_000
"""Three voices of 24 kbit/s for more than a second. Behind it a page is given nothing more until it has read."""
MEMBERS_MAX: Final = 100
IDLE_S: Final = 15
RECHECK_S: Final = 5.0

CheckInside = Callable[[Ctx, str], Awaitable[None]]
"""Raises unless this person may be in the room now."""
Alive = Callable[[str], Awaitable[bool]]
Whisper = Callable[[str, bytes, str | None], None]
Listeners = Callable[[str], frozenset[str]]
"""Of a consultation: whose voice is not passed on."""


class Sound:
    """All such sockets of this process. `whisper` tells a room's pages who is without media: (topic, body, account)."""

    def __init__(
        self, clock: Clock, http: Http, live: Live, check: CheckInside, alive: Alive, whisper: Whisper,
        listeners: Listeners,
    ) -> None:  # fmt: skip
        self._clock, self._http, self._live = clock, http, live
        self._check, self._alive, self._whisper, self._listeners = check, alive, whisper, listeners
        self._rooms: dict[str, SoundRoom] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route `GET /api/consults/{id}/sound?ticket=...&without=0|1`."""
        self._http.check_origin(request)
        ctx, token = self._live.claim(request.query.get("ticket", ""))
        consult = request.match_info["id"]
        await self._check(ctx, consult)
        room = self._rooms.setdefault(consult, SoundRoom())
        number = next((n for n in range(MEMBERS_MAX) if n not in room.voices), None)
        if number is None:
            raise SoundFull
        socket = web.WebSocketResponse(max_msg_size=2 * PACKET_BYTES_MAX, compress=False)
        waiting: asyncio.Queue[bytes] = asyncio.Queue(LOUDEST * PACKETS_PER_S_MAX)

        def put(packet: bytes) -> None:
            transport = request.transport
            if transport is not None and unsent_bytes(transport) < UNREAD_BYTES_MAX and not waiting.full():
                waiting.put_nowait(packet)

        voice = Voice(ctx.actor, number, request.query.get("without") == "1", put)
        room.voices[number] = voice  # at once: two who come together get two numbers
        tasks: list[asyncio.Task[None]] = []
        try:
            await socket.prepare(request)
            self._tell(consult, room)
            tasks = [
                asyncio.create_task(self._write(socket, waiting)),
                asyncio.create_task(self._stay(socket, ctx, token, consult)),
            ]
            await self._read(socket, room, voice, consult)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            room.voices.pop(number, None)
            if not room.voices:
                self._rooms.pop(consult, None)
            self._tell(consult, room)
        return socket

    async def _read(self, socket: web.WebSocketResponse, room: SoundRoom, voice: Voice, consult: str) -> None:
        while True:
            try:
                message = await socket.receive(timeout=IDLE_S)
            except TimeoutError:
                return
            if message.type == WSMsgType.TEXT:
                continue  # a page that has nothing to say says that it is there
            if message.type != WSMsgType.BINARY:
                return
            if voice.account not in self._listeners(consult):
                room.say(voice, message.data, self._clock.monotonic())

    async def _write(self, socket: web.WebSocketResponse, waiting: asyncio.Queue[bytes]) -> None:
        while True:
            await socket.send_bytes(await waiting.get())

    async def _stay(self, socket: web.WebSocketResponse, ctx: Ctx, token: str, consult: str) -> None:
        """His session may end, and so may the room; who came in meanwhile has not heard who is without media."""
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                await self._check(ctx, consult)
                stays = await self._alive(token)
            except AppError:
                stays = False
            if not stays:
                await socket.close(code=4401)
                return
            self._tell(consult, self._rooms[consult])

    def _tell(self, consult: str, room: SoundRoom) -> None:
        self._whisper(f"consult:{consult}", self._news(room), None)

    def _news(self, room: SoundRoom) -> bytes:
        return msgspec.json.encode(MediaNews("media", "without", accounts=room.without))
