"""Who has a seat in which room, and whether the room still goes browser to browser. The hub's side of media.

Rules: a room begins as `p2p`; the third member switches it to the forwarder, for good. Each stay of a page has a seat
of its own, which only its account may use; it may be held for it while the page is still in the lobby. All of it is
fleeting and lives in this process; news go as whispers from the hub. Membership is checked before anything comes here
(`media_routes`, `service.enter`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from server.base.clock import Clock
from server.base.ids import new_id
from server.consult.errors import MediaFull, MediaGone, MediaRefused, MediaTooOften, SeatGone
from server.consult.media.engine import (
    SDP_BYTES_MAX,
    BadSdp,
    Died,
    EngineGone,
    Event,
    FilmBroke,
    Lost,
    MediaEngine,
    NoSeat,
    Slots,
    Speakers,
    Wanted,
)
from server.consult.media.model import MediaNews, MediaSeat, Wish

ROOMS_MAX: Final = 500
MEMBERS_MAX: Final = 40
"""With sound and picture in one room."""
WISHES_MAX, ACCOUNT_CHARS_MAX = 100, 64
TAKES_MAX, TAKES_S = 30, 60.0
"""So many seats may a member take in so long: a page whose line breaks all the time needs fewer."""
DIRECT_MAX: Final = 2
FEW: Final = 3
"""Who comes to no more others than this sees them all large from the start, unless his page wishes otherwise."""
ENTERED_S: Final = 30.0
"""Who has just entered may not yet follow the room's topic."""

Whisper = Callable[[str, bytes, str | None], None]
"""(topic, body, account or everybody): from the hub to the pages."""
Present = Callable[[str], set[str]]


@dataclass
class _Room:
    forwarded: bool = False
    entered: dict[str, float] = field(default_factory=dict)
    seats: dict[str, str] = field(default_factory=dict)
    """Seat -> account."""
    held: dict[str, str] = field(default_factory=dict)
    """The same of those laid by pages before they enter: they take no part, and nobody hears of them."""
    sending: set[str] = field(default_factory=set)
    """Those of them that have laid their sending connection."""
    news: dict[str, MediaNews] = field(default_factory=dict)
    """The last word on each seat: slots and wanted may come before the page's own request is answered."""
    taken: dict[str, deque[float]] = field(default_factory=dict)
    """Account -> when it took its last seats."""
    quiet: frozenset[str] = frozenset()
    """Accounts whose voices are not passed on."""

    def words(self, seat: str) -> Iterator[MediaNews]:
        """The last ones on it."""
        return (news for say in ("slots", "wanted") if (news := self.news.get(f"{say} {seat}")) is not None)


class Seats:
    """make: the engine, given where to tell what happens."""

    def __init__(self, clock: Clock, make: Callable[[Callable[[Event], None]], MediaEngine]) -> None:
        self._clock = clock
        self.engine = make(self._heard)
        self._rooms: OrderedDict[str, _Room] = OrderedDict()
        self._aside: set[asyncio.Task[None]] = set()
        self.whisper: Whisper = lambda *_: None
        self.present: Present = lambda _: set()
        self.film_told: Callable[[Event], None] = lambda _: None
        """Hears what matters to a film: that it broke, that the engine died."""

    @property
    def open_seats(self) -> int:
        """Of those who have entered."""
        return sum(len(room.seats) for room in self._rooms.values())

    async def enter(self, consult: str, account: str, seat: str = "") -> MediaSeat | None:
        """He comes in. None: browser to browser is enough. An engine that is not there is told by `engine` later.

        seat: one held for this page; it is the answer's, without an offer, unless it is gone or not needed.
        """
        self.engine.open()
        room = self._room(consult)
        now = self._clock.monotonic()
        room.entered = {who: at for who, at in room.entered.items() if now - at < ENTERED_S}
        room.entered[account] = now
        if self._goes_direct(room, consult, account):
            self._give_up(room, seat, account)
            return None
        self.forward(consult)
        try:
            given = await self._admit(room, consult, account, seat) or await self.take(consult, account)
        except (MediaGone, MediaFull, MediaTooOften):
            return None  # the page asks for one itself, and hears why not
        others = {whose for whose in room.seats.values() if whose != account}
        if others and len(others) <= FEW:
            with contextlib.suppress(NoSeat, EngineGone):
                await self.engine.watch(given.seat, [Wish(other, "large") for other in sorted(others)])
        return given

    def _goes_direct(self, room: _Room, consult: str, account: str) -> bool:
        here = {account, *room.entered, *self.present(_topic(consult))}
        return not room.forwarded and len(here) <= DIRECT_MAX

    def forward(self, consult: str) -> None:
        """From now on over the forwarder, however few they are. For good."""
        room = self._room(consult)
        if not room.forwarded:
            room.forwarded = True
            self._say(consult, MediaNews("media", "engine"), None)

    def is_forwarded(self, consult: str) -> bool:
        room = self._rooms.get(consult)
        return room is not None and room.forwarded

    def first_whispers(self, consult: str, account: str) -> list[bytes]:
        """For a page that comes or comes back: who has a seat at the forwarder, and the last word on its own; nothing
        when they go browser to browser."""
        if not self.is_forwarded(consult):
            return []
        room = self._rooms[consult]
        own = [seat for seat, whose in room.seats.items() if whose == account]
        words = [self._members(consult), *(news for seat in own for news in room.words(seat))]
        return [msgspec.json.encode(news) for news in words]

    async def take(self, consult: str, account: str) -> MediaSeat:
        """A new seat, beside the one this page may still have. Raises MediaGone, MediaFull, MediaTooOften."""
        room = self._room(consult)
        room.forwarded = True
        self._check_full(room, account)
        return await self._sit(room, room.seats, consult, account)

    def _check_full(self, room: _Room, account: str) -> None:
        seated = set(room.seats.values())
        if account not in seated and len(seated) >= MEMBERS_MAX:
            raise MediaFull(MEMBERS_MAX)

    async def _sit(self, room: _Room, book: dict[str, str], consult: str, account: str) -> MediaSeat:
        now, taken = self._clock.monotonic(), room.taken.setdefault(account, deque(maxlen=TAKES_MAX))
        if len(taken) == TAKES_MAX and now - taken[0] < TAKES_S:
            raise MediaTooOften
        taken.append(now)
        seat = new_id("seat")
        book[seat] = account
        try:
            offer = await self.engine.join(consult, account, seat, held=book is room.held)
            if room.quiet:  # before the page can send: it does not know yet where to
                await self.engine.quiet(consult, sorted(room.quiet))
        except EngineGone as error:
            book.pop(seat, None)
            raise MediaGone from error
        except NoSeat as error:
            book.pop(seat, None)
            raise MediaFull(MEMBERS_MAX) from error
        return MediaSeat(seat, offer)

    async def hold(self, consult: str, account: str, *, always: bool) -> MediaSeat | None:
        """A seat for a page that has not entered: it learns by which way sound and picture can come to it, and is there
        at once when it enters. One for each account. None: he would go browser to browser, unless `always`. Given up
        when the page closes it. Raises as `take`."""
        self.engine.open()
        room = self._room(consult)
        if not always and self._goes_direct(room, consult, account):
            return None
        for other in self._rooms.values():
            for seat in [seat for seat, whose in other.held.items() if whose == account]:
                self._give_up(other, seat, account)
        return await self._sit(room, room.held, consult, account)

    async def _admit(self, room: _Room, consult: str, account: str, seat: str) -> MediaSeat | None:
        """None: it is not held, or gone. Raises MediaFull, MediaGone."""
        if room.held.get(seat) != account:
            return None
        try:
            self._check_full(room, account)
        except MediaFull:
            self._give_up(room, seat, account)
            raise
        room.seats[seat] = room.held.pop(seat)  # before the engine tells of it
        try:
            await self.engine.admit(seat)
        except NoSeat:
            room.seats.pop(seat, None)
            return None
        except EngineGone as error:
            room.seats.pop(seat, None)
            raise MediaGone from error
        self._say_members(consult)
        return MediaSeat(seat, "")

    def _give_up(self, room: _Room, seat: str, account: str) -> None:
        """A held one."""
        if room.held.get(seat) == account:
            del room.held[seat]
            self._do_aside(self.engine.leave(seat))

    async def answer(self, consult: str, account: str, seat: str, sdp: str) -> None:
        self._check(consult, account, seat, sdp)
        with _Refusals():
            await self.engine.answer(seat, sdp)
        self._repeat(consult, account, seat)

    async def publish(self, consult: str, account: str, seat: str, sdp: str) -> str:
        self._check(consult, account, seat, sdp)
        with _Refusals():
            said = await self.engine.publish(seat, sdp)
        self._repeat(consult, account, seat)
        room = self._room(consult)
        room.sending.add(seat)
        if seat in room.seats:
            self._say_members(consult)
        return said

    async def watch(self, consult: str, account: str, seat: str, wishes: list[Wish]) -> None:
        self._check(consult, account, seat, "")
        if seat in self._room(consult).held:
            raise SeatGone  # nobody looks in from the lobby
        with _Refusals():
            known = [wish for wish in wishes[:WISHES_MAX] if len(wish.account) <= ACCOUNT_CHARS_MAX]
            await self.engine.watch(seat, known)

    def quiet(self, consult: str, accounts: frozenset[str]) -> None:
        """Whose voices nobody hears from now on."""
        room = self._room(consult)
        if accounts != room.quiet:
            room.quiet = accounts
            if room.seats or room.held:
                self._do_aside(self.engine.quiet(consult, sorted(accounts)))

    def forget(self, consult: str) -> None:
        """The consultation has ended."""
        room = self._rooms.pop(consult, None)
        if room is not None and (room.seats or room.held):
            self._do_aside(self.engine.close_room(consult))

    def _do_aside(self, work: Coroutine[None, None, None]) -> None:
        async def done() -> None:
            with contextlib.suppress(EngineGone):  # and with it the seat
                await work

        task = asyncio.get_running_loop().create_task(done())
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _room(self, consult: str) -> _Room:
        room = self._rooms.setdefault(consult, _Room())
        self._rooms.move_to_end(consult)
        if len(self._rooms) > ROOMS_MAX:
            idle = (known for known, its in self._rooms.items() if not its.seats and not its.held and known != consult)
            if (oldest := next(idle, None)) is not None:
                del self._rooms[oldest]
        return room

    def _check(self, consult: str, account: str, seat: str, sdp: str) -> None:
        room = self._rooms.get(consult)
        if room is None or account not in (room.seats.get(seat), room.held.get(seat)):
            raise SeatGone
        if len(sdp) > SDP_BYTES_MAX:
            raise MediaRefused

    def _heard(self, event: Event) -> None:
        match event:
            case Slots():
                news = MediaNews("media", "slots", event.seat, event.sound, event.picture)
                self._tell_seat(event.room, event.seat, news)
            case Wanted():
                news = MediaNews("media", "wanted", event.seat, large=event.large, small=event.small)
                self._tell_seat(event.room, event.seat, news)
            case Speakers():
                self._say(event.room, MediaNews("media", "speakers", accounts=event.accounts), None)
            case Lost():
                room = self._rooms.get(event.room)
                if room is not None:
                    room.held.pop(event.seat, None)
                    room.sending.discard(event.seat)
                    if room.seats.pop(event.seat, None) is not None:
                        self._say_members(event.room)
                    for say in ("slots", "wanted"):
                        room.news.pop(f"{say} {event.seat}", None)
            case FilmBroke():
                self.film_told(event)
            case Died():
                self.film_told(event)
                for consult, room in self._rooms.items():
                    room.seats.clear()
                    room.held.clear()
                    room.sending.clear()
                    room.news.clear()
                    if room.forwarded:
                        self._say(consult, MediaNews("media", "engine"), None)

    def _tell_seat(self, consult: str, seat: str, news: MediaNews) -> None:
        room = self._rooms.get(consult)
        if room is not None and (account := room.seats.get(seat)) is not None:
            room.news[f"{news.say} {seat}"] = news
            self._say(consult, news, account)

    def _repeat(self, consult: str, account: str, seat: str) -> None:
        room = self._rooms.get(consult)
        for news in room.words(seat) if room is not None else ():
            self._say(consult, news, account)

    def _say_members(self, consult: str) -> None:
        self._say(consult, self._members(consult), None)

    def _members(self, consult: str) -> MediaNews:
        room = self._rooms[consult]
        accounts = sorted({account for seat, account in room.seats.items() if seat in room.sending})
        return MediaNews("media", "members", accounts=accounts)

    def _say(self, consult: str, news: MediaNews, to: str | None) -> None:
        self.whisper(_topic(consult), msgspec.json.encode(news), to)


class _Refusals:
    """What the engine raises, as the page hears it."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        match error:
            case BadSdp():
                raise MediaRefused from error
            case NoSeat():
                raise SeatGone from error
            case EngineGone():
                raise MediaGone from error


def _topic(consult: str) -> str:
    return f"consult:{consult}"
