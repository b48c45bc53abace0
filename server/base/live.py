"""Open pages: one WebSocket each, topics with cursors, so that a page that was away misses nothing.

Events go out from the log; only what is fleeting comes in (`whisper`: pointer, viewport, signalling). Who may follow a
topic is asked when he subscribes and again when rights change. Topics: `org:<id>` (what concerns an institution and
those below it), `user:<id>`, `consult:<id>`, `stream:<recording>` (live samples, from the bus, not the log).
Commands do not come this way: they are HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import struct
from collections import defaultdict
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
from server.base.page import NARROW_S, Outbox, frame, samples_frame
from server.base.tail import Tail

log = structlog.get_logger()

TICKET_S = 30
SPARE_S = 120
NEXT = "next."
"""So begins the pass of a page's next socket."""
"""After its page has gone, which the hub finds out later than the page."""
TICKETS_MAX = 10_000
MESSAGE_BYTES_MAX = 64_000
MESSAGES_PER_S_MAX = 600
"""Of one page: it subscribes to TOPICS_MAX at once when it comes back, and points at 60 Hz."""
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
        return samples_frame(header + self.raw)


@dataclass(frozen=True)
class StreamHead:
    fs: float
    leads: tuple[str, ...]


class Incoming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page may send. mark: of a ping, comes back with the hub's own time beside it. ticket: it asks for the pass
    of its next socket, so that a broken line costs it no question before."""

    type: Literal["subscribe", "unsubscribe", "whisper", "ping", "ticket"]
    topic: str = ""
    cursor: int | None = None
    to: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")
    mark: float | None = None


MaySubscribe = Callable[[Ctx, str], Awaitable[bool]]


@dataclass(frozen=True)
class Heard:
    """What follows from a whisper: `on` goes to the others as the speaker's word (None: it is held back), `told` to
    everybody on the topic, the speaker too, as the hub's. newest: of which state `on` is the last word; a page that has
    not got the word before it never does."""

    on: bytes | None = None
    told: tuple[bytes, ...] = ()
    newest: str = ""


Whisper = Callable[[Ctx, str, bytes], Heard]
"""Looks at a whisper before it goes on."""


@dataclass(frozen=True)
class TopicKind:
    """How topics of one prefix are followed and spoken in."""

    may: MaySubscribe
    whisper: Whisper | None = None
    first_whispers: Callable[[str, str], list[bytes]] | None = None
    """(topic, account): what a newcomer must know at once (the room's shared view, who is in it)."""
    left: Callable[[str, str], Heard] | None = None
    """(topic, account): the last page of this account on the topic is gone."""


@dataclass(eq=False)
class _Page:
    ctx: Ctx
    token: str
    socket: web.WebSocketResponse
    out: Outbox
    topics: dict[str, int] = field(default_factory=dict)
    streams: dict[str, _Follower] = field(default_factory=dict)
    slow: bool = False
    """It was told to say what is fleeting less often."""
    heard_at: float = 0.0
    spare: str = ""
    """The pass of its next socket: good while this one stands and SPARE_S longer."""
    came_by: str = ""
    """Such a pass, until this page has said its first word."""


@dataclass(eq=False)
class _Follower:
    """A page that follows the samples of one recording: hears the bus, without a queue of its own."""

    page: _Page
    topic: str
    stream: int  # the number under which the page knows them

    def put(self, packet: Samples | None) -> None:
        if packet is None:
            self.page.out.send(_json({"type": "ended", "topic": self.topic}))
        else:
            self.page.out.show(packet.frame(self.stream))


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
        self._unheard: dict[str, _Page] = {}
        """Who came by the pass of a next socket and has said nothing. A page tries several over a line that is cut, and
        one it has given up may come through first: the pass is spent with the first word, by whoever says it."""
        self._pages: set[_Page] = set()
        self._by_topic: defaultdict[str, set[_Page]] = defaultdict(set)
        self._cursor = 0
        self._task: asyncio.Task[None] | None = None
        self._streams = 0
        self._notice: bytes | None = None

    @property
    def open_pages(self) -> int:
        return len(self._pages)

    def present(self, topic: str) -> set[str]:
        """Accounts that have a page open on `topic`."""
        return {page.ctx.actor for page in self._by_topic.get(topic, ())}

    def ticket(self, ctx: Ctx, token: str) -> str:
        """A single-use pass for one WebSocket of this session, good for TICKET_S seconds."""
        return self._pass(ctx, token, self._clock.monotonic() + TICKET_S)

    def _pass(self, ctx: Ctx, token: str, until: float) -> str:
        now = self._clock.monotonic()
        for old in [t for t, (_, _, until) in self._tickets.items() if until < now]:
            del self._tickets[old]
        if len(self._tickets) >= TICKETS_MAX:
            raise BadTicket
        value = (NEXT if until == math.inf else "") + secrets.token_urlsafe(24)
        self._tickets[value] = (ctx, token, until)
        return value

    def claim(self, ticket: str) -> tuple[Ctx, str]:
        """Whose it is, and his session. It is spent. Raises BadTicket."""
        entry = self._tickets.pop(ticket, None)
        if entry is None or entry[2] < self._clock.monotonic():
            raise BadTicket
        return entry[0], entry[1]

    def announce(self, room: str, free_mb: int) -> None:
        """Tell every open page, and each that comes, how the hub's disk stands: `ok`, `low` or `full`."""
        message = _json({"type": "hub", "storage": room, "free_mb": free_mb})
        self._notice = None if room == "ok" else message
        for page in self._pages:
            page.out.send(message)

    async def start(self, news: asyncio.Event, tail: Tail) -> None:
        self._cursor = await self._db.read(eventlog.last_id)
        self._task = asyncio.create_task(self._pump(news, tail), name="live")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for page in list(self._pages):
            await _close(page, 1001)

    async def revoked(self, token_or_account: str) -> None:
        """A session ended or rights changed: its pages are closed at once and must subscribe anew, by a new ticket."""
        for ticket, (ctx, token, _) in list(self._tickets.items()):
            if token_or_account in (token, ctx.actor):
                del self._tickets[ticket]
        for ticket, page in list(self._unheard.items()):
            if token_or_account in (page.token, page.ctx.actor):
                del self._unheard[ticket]
        for page in list(self._pages):
            if token_or_account in (page.token, page.ctx.actor):
                await _close(page, 4401)

    async def recheck(self, alive: Callable[[str], Awaitable[bool]]) -> None:
        """Close the pages whose session has run out; a live page keeps no session alive by itself."""
        for token in {page.token for page in self._pages} | {token for _, token, _ in self._tickets.values()}:
            if not await alive(token):
                await self.revoked(token)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The route `GET /api/ws?ticket=...`."""
        self._http.check_origin(request)
        given = request.query.get("ticket", "")
        unheard = self._unheard.get(given)
        ctx, token = self.claim(given) if unheard is None else (unheard.ctx, unheard.token)
        socket = web.WebSocketResponse(max_msg_size=MESSAGE_BYTES_MAX, compress=False)
        await socket.prepare(request)
        assert request.transport is not None  # it has just been written to
        page = _Page(ctx, token, socket, Outbox(request.transport))
        self._pages.add(page)
        if given.startswith(NEXT):
            page.came_by, self._unheard[given] = given, page
        if self._notice is not None:
            page.out.send(self._notice)
        writer = asyncio.create_task(self._write(page, request.writer.drain))
        looking = asyncio.create_task(_until_silent(page, request.transport))
        try:
            await self._read(page)
        finally:
            looking.cancel()
            for topic in list(page.topics):
                self._gone(page, topic)
            self._pages.discard(page)
            if page.spare in self._tickets:
                self._tickets[page.spare] = (ctx, token, self._clock.monotonic() + SPARE_S)
            if self._unheard.get(page.came_by) is page:
                del self._unheard[page.came_by]
                self._tickets[page.came_by] = (ctx, token, self._clock.monotonic() + SPARE_S)
            page.out.close()
            writer.cancel()
            await asyncio.gather(writer, looking, return_exceptions=True)
        return socket

    def whisper(self, topic: str, sender: str, body: bytes, to: str | None = None, newest: str = "") -> None:
        """Send what is fleeting to the others on `topic`, or to one account there. newest: as in `Heard`."""
        message = _whisper(topic, sender, body)
        key = f"{newest} {topic} {sender}" if newest else ""
        for page in self._by_topic.get(topic, ()):
            if page.ctx.actor != sender and (to is None or page.ctx.actor == to):
                if key:
                    page.out.show_newest(key, message)
                else:
                    page.out.send(message)

    async def _read(self, page: _Page) -> None:
        second, said = 0, 0
        loop = asyncio.get_running_loop()
        while True:
            message = await page.socket.receive()
            if message.type != WSMsgType.TEXT:
                return
            if page.came_by:
                if self._unheard.get(page.came_by) is not page:
                    await _close(page, 4400)
                    return
                del self._unheard[page.came_by]
                page.came_by = ""
            page.heard_at = loop.time()
            now = int(page.heard_at)
            second, said = now, said + 1 if now == second else 1
            if said > MESSAGES_PER_S_MAX:
                await _close(page, 4429)
                return
            try:
                incoming = msgspec.json.decode(message.data, type=Incoming)
            except NOT_AS_EXPECTED:
                await _close(page, 4400)
                return
            await self._take(page, incoming)

    async def _take(self, page: _Page, incoming: Incoming) -> None:
        if incoming.type == "ping":
            page.out.send(_pong(incoming.mark, self._clock.monotonic()))
        elif incoming.type == "ticket":
            self._tickets.pop(page.spare, None)
            with contextlib.suppress(BadTicket):  # too many just now: the page asks as it comes back
                page.spare = self._pass(page.ctx, page.token, math.inf)
                page.out.send(_json({"type": "ticket", "ticket": page.spare}))
        elif incoming.type == "subscribe":
            await self._subscribe(page, incoming.topic, incoming.cursor)
        elif incoming.type == "unsubscribe":
            self._gone(page, incoming.topic)
        elif incoming.topic in page.topics:
            kind = self._kinds[incoming.topic.partition(":")[0]]
            if kind.whisper is not None:
                heard = kind.whisper(page.ctx, incoming.topic, bytes(incoming.body))
                if heard.newest:
                    self._tell_pace(page)
                self._pass_on(incoming.topic, page.ctx.actor, heard, incoming.to)

    def _pass_on(self, topic: str, speaker: str, heard: Heard, to: str | None = None) -> None:
        if heard.on is not None:
            self.whisper(topic, speaker, heard.on, to, heard.newest)
        for body in heard.told:
            self.whisper(topic, "", body)

    def _tell_pace(self, page: _Page) -> None:
        """How often this page may point and move: on a narrow line his words stand before his own ECG."""
        narrow = page.out.line.is_narrow(asyncio.get_running_loop().time())
        if narrow != page.slow:
            page.slow = narrow
            page.out.send(_json({"type": "pace", "every_ms": round(1000 * NARROW_S) if narrow else 0}))

    async def _subscribe(self, page: _Page, topic: str, cursor: int | None) -> None:
        prefix = topic.partition(":")[0]
        kind = self._kinds.get(prefix)
        if kind is None or len(page.topics) >= TOPICS_MAX or not await kind.may(page.ctx, topic):
            page.out.send(_json({"type": "refused", "topic": topic, "code": "access.forbidden"}))
            return
        if prefix == "stream":
            await self._follow_stream(page, topic)
            return
        at = self._cursor if cursor is None else cursor
        while at < self._cursor and not page.out.lagging:
            at = await self._catch_up(page, topic, at)
        # Nothing is awaited between the last look and following, so no event comes twice, none too early, none never.
        page.topics[topic] = self._cursor
        self._by_topic[topic].add(page)
        page.out.send(_json({"type": "ready", "topic": topic, "cursor": self._cursor}))
        for body in kind.first_whispers(topic, page.ctx.actor) if kind.first_whispers is not None else ():
            page.out.send(_whisper(topic, "", body))

    async def _catch_up(self, page: _Page, topic: str, cursor: int) -> int:
        """Send a page of what the topic missed behind `cursor`; how far that reached."""
        until = self._cursor
        events = await self._db.read(lambda conn: eventlog.after(conn, cursor, CATCH_UP))
        for event in events:
            if event.id > until:
                return until
            if topic in self._audience(event):
                page.out.send(_event_message(topic, event))
        return events[-1].id if events else until

    async def _follow_stream(self, page: _Page, topic: str) -> None:
        head = await self._stream_head(topic.partition(":")[2])
        if head is None:
            page.out.send(_json({"type": "refused", "topic": topic, "code": "http.not_found"}))
            return
        self._drop(page, topic)  # followed before: once is enough
        self._streams += 1
        stream = self._streams
        page.topics[topic] = 0
        ready = {"type": "ready", "topic": topic, "cursor": 0, "stream": stream, "leads": head.leads, "fs": head.fs}
        page.out.send(_json(ready))
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

    async def _write(self, page: _Page, drained: Callable[[], Awaitable[None]]) -> None:
        """What had to wait, as the page's line takes it."""
        with contextlib.suppress(ConnectionError):
            while True:
                await page.out.filled.wait()
                page.out.filled.clear()
                while len(page.out):
                    await drained()
                    page.out.write_on()
                if page.out.lagging:
                    await _close(page, 4408)
                    return

    async def _pump(self, news: asyncio.Event, tail: Tail) -> None:
        while True:
            news.clear()
            events = await tail.after(self._cursor)
            for event in events:
                for topic in self._audience(event):
                    if pages := self._by_topic.get(topic):
                        message = _event_message(topic, event)
                        for page in pages:
                            page.out.send(message)
                self._cursor = event.id
            if not events:
                await news.wait()

    def _audience(self, event: Event) -> tuple[str, ...]:
        """The topics on which this event is heard."""
        if event.topic in SHARED_TOPICS:
            return tuple(f"org:{org}" for org in self._path_of(event.org))
        if event.topic == eventlog.PERSONS:
            return tuple(f"user:{account}" for account in event.to)
        return (event.topic,)


async def _close(page: _Page, code: int) -> None:
    """Nothing may follow the word that it ends."""
    page.out.close()
    await page.socket.close(code=code)


def _event_message(topic: str, event: Event) -> bytes:
    if event.topic == eventlog.PERSONS:  # who else hears it is no one's business
        body = {name: value for name, value in event.body.items() if name != "to"}
        event = msgspec.structs.replace(event, topic=topic, body=body)
    return _json({"type": "event", "topic": topic, "event": event})


def _whisper(topic: str, sender: str, body: bytes) -> bytes:
    return _json({"type": "whisper", "topic": topic, "from": sender, "body": msgspec.Raw(body)})


def _pong(mark: float | None, now_s: float) -> bytes:
    """With the times of both, a page tells its line's way up from its way down."""
    return _json({"type": "pong"} if mark is None else {"type": "pong", "mark": mark, "at_ms": round(1000 * now_s, 1)})


def _json(value: object) -> bytes:
    """As a frame, ready for every page."""
    return frame(msgspec.json.encode(value))


async def _until_silent(page: _Page, wire: asyncio.Transport) -> None:
    """Drops a page that says nothing any more. One timer a page, where each word had one set and cleared."""
    loop = asyncio.get_running_loop()
    page.heard_at = loop.time()
    while (silent_s := loop.time() - page.heard_at) < IDLE_S:
        await asyncio.sleep(IDLE_S - silent_s)
    wire.abort()
