"""Open pages: one WebSocket each, topics with cursors, so that a page that was away misses nothing.

Events go out from the log; only what is fleeting comes in (`whisper`: pointer, viewport, signalling). Who may follow a
topic is asked when he subscribes and again when rights change. Topics: `org:<id>` (what concerns an institution and
those below it), `user:<id>`, `consult:<id>`, `stream:<recording>` (live samples, from the bus, not the log).
Commands do not come this way: they are HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import struct
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import structlog
from aiohttp import WSMsgType, web

from ecg.expected import NOT_AS_EXPECTED
from server.base import eventlog
from server.base.bus import LocalBus
from server.base.clock import Clock
from server.base.context import Ctx
from server.base.database import Database
from server.base.errors import BadTicket
from server.base.eventlog import Event
from server.base.http import Http

log = structlog.get_logger()

TICKET_S = 30
TICKETS_MAX = 10_000
MESSAGE_BYTES_MAX = 64_000
OUTBOX_MAX = 1000
SAMPLES_BYTES_MAX = 2 * 2**20
"""What a page may leave unread of live samples; beyond it they are skipped up to the newest packet."""
TOPICS_MAX = 200
IDLE_S = 15
CATCH_UP = 500
SHARED_TOPICS = frozenset(
    {
        "recording", "report", "alert", "consult", "sitting", "clinic", "expert", "message", "image", "device", "order",
        "rota",
    }
)  # fmt: skip
"""Topics whose events everybody of the institution may hear of; others are private to their exact name."""

_SAMPLES = struct.Struct("<4sHHQIfQ")


@dataclass(frozen=True)
class Samples:
    """One live packet of a recording: `raw` int16 little-endian, sample after sample."""

    first: int
    leads: int
    fs: int
    gain_uv_per_lsb: float
    raw: bytes

    @property
    def count(self) -> int:
        """Samples a lead."""
        return len(self.raw) // (2 * self.leads)

    def frame(self, stream: int) -> bytes:
        header = _SAMPLES.pack(b"XLS1", self.leads, self.fs, self.first, self.count, self.gain_uv_per_lsb, stream)
        return header + self.raw


@dataclass(frozen=True)
class StreamHead:
    fs: float
    leads: tuple[str, ...]


class Incoming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page may send."""

    type: Literal["subscribe", "unsubscribe", "whisper", "ping"]
    topic: str = ""
    cursor: int | None = None
    to: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


MaySubscribe = Callable[[Ctx, str], Awaitable[bool]]


@dataclass(frozen=True)
class Heard:
    """What follows from a whisper: `on` goes to the others as the speaker's word (None: it is held back), `told` to
    everybody on the topic, the speaker too, as the hub's."""

    on: bytes | None = None
    told: tuple[bytes, ...] = ()


Whisper = Callable[[Ctx, str, bytes], Heard]
"""Looks at a whisper before it goes on."""


@dataclass(frozen=True)
class TopicKind:
    """How topics of one prefix are followed and spoken in."""

    may: MaySubscribe
    whisper: Whisper | None = None
    first_whispers: Callable[[str], list[bytes]] | None = None
    """What a newcomer must know at once (the room's shared view, who is in it)."""
    left: Callable[[str, str], Heard] | None = None
    """(topic, account): the last page of this account on the topic is gone."""


@dataclass(eq=False)
class _Page:
    ctx: Ctx
    token: str
    socket: web.WebSocketResponse
    topics: dict[str, int] = field(default_factory=dict)
    outbox: deque[str | bytes] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    sample_bytes: int = 0  # of them in the outbox
    streams: dict[str, _Follower] = field(default_factory=dict)
    lagging: bool = False

    def send(self, message: str) -> None:
        if self.lagging:
            return
        if len(self.outbox) >= OUTBOX_MAX:
            # It reads slower than the log grows: cut it off, it comes back with its cursor and misses nothing.
            self.lagging = True
        else:
            self.outbox.append(message)
        self.filled.set()

    def show(self, packet: bytes) -> None:
        """Samples. A page that does not keep up misses some, and draws a gap by their numbers."""
        if self.lagging:
            return
        if self.sample_bytes > SAMPLES_BYTES_MAX or len(self.outbox) > OUTBOX_MAX // 2:
            self.outbox = deque(message for message in self.outbox if isinstance(message, str))
            self.sample_bytes = 0
        self.sample_bytes += len(packet)
        self.outbox.append(packet)
        self.filled.set()

    def take(self) -> str | bytes | None:
        """The next message to be sent."""
        if not self.outbox:
            return None
        message = self.outbox.popleft()
        if isinstance(message, bytes):
            self.sample_bytes -= len(message)
        return message


@dataclass(eq=False)
class _Follower:
    """A page that follows the samples of one recording: hears the bus, without a queue of its own."""

    page: _Page
    topic: str
    stream: int  # the number under which the page knows them

    def put(self, packet: Samples | None) -> None:
        if packet is None:
            self.page.send(_json({"type": "ended", "topic": self.topic}))
        else:
            self.page.show(packet.frame(self.stream))


class Live:
    """All open pages of this process."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        http: Http,
        kinds: Mapping[str, TopicKind],
        path_of: Callable[[str], tuple[str, ...]],
        bus: LocalBus[Samples],
        stream_head: Callable[[str], Awaitable[StreamHead | None]],
    ) -> None:
        self._db, self._clock, self._http, self._kinds, self._path_of = db, clock, http, kinds, path_of
        self._bus, self._stream_head = bus, stream_head
        self._tickets: dict[str, tuple[Ctx, str, float]] = {}
        self._pages: set[_Page] = set()
        self._by_topic: defaultdict[str, set[_Page]] = defaultdict(set)
        self._cursor = 0
        self._task: asyncio.Task[None] | None = None
        self._streams = 0
        self._notice: str | None = None

    @property
    def open_pages(self) -> int:
        return len(self._pages)

    def present(self, topic: str) -> set[str]:
        """Accounts that have a page open on `topic`."""
        return {page.ctx.actor for page in self._by_topic.get(topic, ())}

    def ticket(self, ctx: Ctx, token: str) -> str:
        """A single-use pass for one WebSocket of this session, good for TICKET_S seconds."""
        now = self._clock.monotonic()
        for old in [t for t, (_, _, until) in self._tickets.items() if until < now]:
            del self._tickets[old]
        if len(self._tickets) >= TICKETS_MAX:
            raise BadTicket
        value = secrets.token_urlsafe(24)
        self._tickets[value] = (ctx, token, now + TICKET_S)
        return value

    def announce(self, room: str, free_mb: int) -> None:
        """Tell every open page, and each that comes, how the hub's disk stands: `ok`, `low` or `full`."""
        message = _json({"type": "hub", "storage": room, "free_mb": free_mb})
        self._notice = None if room == "ok" else message
        for page in self._pages:
            page.send(message)

    async def start(self, news: asyncio.Event) -> None:
        self._cursor = await self._db.read(eventlog.last_id)
        self._task = asyncio.create_task(self._pump(news), name="live")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for page in list(self._pages):
            await page.socket.close(code=1001)

    async def revoked(self, token_or_account: str) -> None:
        """A session ended or rights changed: its pages are closed at once and must subscribe anew."""
        for page in list(self._pages):
            if token_or_account in (page.token, page.ctx.actor):
                await page.socket.close(code=4401)

    async def recheck(self, alive: Callable[[str], Awaitable[bool]]) -> None:
        """Close the pages whose session has run out; a live page keeps no session alive by itself."""
        for token in {page.token for page in self._pages}:
            if not await alive(token):
                await self.revoked(token)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route `GET /api/ws?ticket=...`."""
        self._http.check_origin(request)
        entry = self._tickets.pop(request.query.get("ticket", ""), None)
        if entry is None or entry[2] < self._clock.monotonic():
            raise BadTicket
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES_MAX, compress=False)
        await socket.prepare(request)
        page = _Page(entry[0], entry[1], socket)
        self._pages.add(page)
        if self._notice is not None:
            page.send(self._notice)
        writer = asyncio.create_task(self._write(page))
        try:
            await self._read(page)
        finally:
            for topic in list(page.topics):
                self._gone(page, topic)
            self._pages.discard(page)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    def whisper(self, topic: str, sender: str, body: bytes, to: str | None = None) -> None:
        """Send what is fleeting to the others on `topic`, or to one account there."""
        message = _whisper(topic, sender, body)
        for page in self._by_topic.get(topic, ()):
            if page.ctx.actor != sender and (to is None or page.ctx.actor == to):
                page.send(message)

    async def _read(self, page: _Page) -> None:
        while True:
            try:
                message = await page.socket.receive(timeout=IDLE_S)
            except TimeoutError:
                return
            if message.type != WSMsgType.TEXT:
                return
            try:
                incoming = msgspec.json.decode(message.data, type=Incoming)
            except NOT_AS_EXPECTED:
                await page.socket.close(code=4400)
                return
            await self._take(page, incoming)

    async def _take(self, page: _Page, incoming: Incoming) -> None:
        if incoming.type == "ping":
            page.send('{"type":"pong"}')
        elif incoming.type == "subscribe":
            await self._subscribe(page, incoming.topic, incoming.cursor)
        elif incoming.type == "unsubscribe":
            self._gone(page, incoming.topic)
        elif incoming.topic in page.topics:
            kind = self._kinds[incoming.topic.partition(":")[0]]
            if kind.whisper is not None:
                heard = kind.whisper(page.ctx, incoming.topic, bytes(incoming.body))
                self._pass_on(incoming.topic, page.ctx.actor, heard, incoming.to)

    def _pass_on(self, topic: str, speaker: str, heard: Heard, to: str | None = None) -> None:
        if heard.on is not None:
            self.whisper(topic, speaker, heard.on, to)
        for body in heard.told:
            self.whisper(topic, "", body)

    async def _subscribe(self, page: _Page, topic: str, cursor: int | None) -> None:
        prefix = topic.partition(":")[0]
        kind = self._kinds.get(prefix)
        if kind is None or len(page.topics) >= TOPICS_MAX or not await kind.may(page.ctx, topic):
            page.send(_json({"type": "refused", "topic": topic, "code": "access.forbidden"}))
            return
        if prefix == "stream":
            await self._follow_stream(page, topic)
            return
        at = self._cursor if cursor is None else cursor
        while at < self._cursor and not page.lagging:
            at = await self._catch_up(page, topic, at)
        # Nothing is awaited between the last look and following, so no event comes twice, none too early, none never.
        page.topics[topic] = self._cursor
        self._by_topic[topic].add(page)
        page.send(_json({"type": "ready", "topic": topic, "cursor": self._cursor}))
        for body in kind.first_whispers(topic) if kind.first_whispers is not None else ():
            page.send(_whisper(topic, "", body))

    async def _catch_up(self, page: _Page, topic: str, cursor: int) -> int:
        """Send a page of what the topic missed behind `cursor`; how far that reached."""
        until = self._cursor
        events = await self._db.read(lambda conn: eventlog.after(conn, cursor, CATCH_UP))
        for event in events:
            if event.id > until:
                return until
            if topic in self._audience(event):
                page.send(_event_message(topic, event))
        return events[-1].id if events else until

    async def _follow_stream(self, page: _Page, topic: str) -> None:
        head = await self._stream_head(topic.partition(":")[2])
        if head is None:
            page.send(_json({"type": "refused", "topic": topic, "code": "http.not_found"}))
            return
        self._drop(page, topic)  # followed before: once is enough
        self._streams += 1
        stream = self._streams
        page.topics[topic] = 0
        ready = {"type": "ready", "topic": topic, "cursor": 0, "stream": stream, "leads": head.leads, "fs": head.fs}
        page.send(_json(ready))
        follower = page.streams[topic] = _Follower(page, topic, stream)
        self._bus.attach(topic, follower)

    def _drop(self, page: _Page, topic: str) -> None:
        page.topics.pop(topic, None)
        self._by_topic[topic].discard(page)
        if not self._by_topic[topic]:
            del self._by_topic[topic]
        if (follower := page.streams.pop(topic, None)) is not None:
            self._bus.detach(topic, follower)

    def _gone(self, page: _Page, topic: str) -> None:
        """The page follows the topic no more; what it was the last one to hold open is told."""
        followed = topic in page.topics
        self._drop(page, topic)
        kind = self._kinds.get(topic.partition(":")[0])
        if followed and kind is not None and kind.left is not None and page.ctx.actor not in self.present(topic):
            self._pass_on(topic, page.ctx.actor, kind.left(topic, page.ctx.actor))

    async def _write(self, page: _Page) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await page.filled.wait()
                page.filled.clear()
                while (message := page.take()) is not None:
                    await (
                        page.socket.send_str(message) if isinstance(message, str) else page.socket.send_bytes(message)
                    )
                if page.lagging:
                    await page.socket.close(code=4408)
                    return

    async def _pump(self, news: asyncio.Event) -> None:
        while True:
            news.clear()
            events = await self._db.read(lambda conn: eventlog.after(conn, self._cursor, CATCH_UP))
            for event in events:
                for topic in self._audience(event):
                    for page in self._by_topic.get(topic, ()):
                        page.send(_event_message(topic, event))
                self._cursor = event.id
            if not events:
                await news.wait()

    def _audience(self, event: Event) -> tuple[str, ...]:
        """The topics on which this event is heard."""
        if event.topic in SHARED_TOPICS:
            return tuple(f"org:{org}" for org in self._path_of(event.org))
        return (event.topic,)


def _event_message(topic: str, event: Event) -> str:
    return _json({"type": "event", "topic": topic, "event": event})


def _whisper(topic: str, sender: str, body: bytes) -> str:
    return _json({"type": "whisper", "topic": topic, "from": sender, "body": msgspec.Raw(body)})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
