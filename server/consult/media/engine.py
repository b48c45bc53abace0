"""What the room asks of whatever carries its sound and picture. One interface: the embedded forwarder and Janus.

A seat is one stay of one page in one room. It has two connections: by one it sends (the page offers), by the other it
receives (the engine offers) in slots laid once. Why: docs/decisions/0022. No socket here, and no rule of the room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

import msgspec

from server.consult.media.model import Wish

SOUND_SLOTS = 3
PICTURE_SLOTS = 9
SDP_BYTES_MAX = 60_000
SEATS_MAX, ROOM_SEATS_MAX, ACCOUNT_SEATS_MAX = 500, 120, 3
"""Of the engine, of a room (`seats` counts its members), of a member: a page that moves house has two."""
BITS_MAX = 1_600_000
"""What one member may send a second, all together."""
ANSWER_S = 20.0
"""A seat whose page has not connected by then is given up."""
SPEAKING = 70.0
"""Louder than -57 dBov on average: a voice, not the room's noise."""


class Slots(msgspec.Struct, frozen=True, tag="slots"):
    """Whose sound and picture flow in a seat's slots from now on; null: nobody's."""

    room: str
    seat: str
    sound: list[str | None]
    picture: list[str | None]


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """Which pictures of this seat anybody looks at: the page sends no other."""

    room: str
    seat: str
    large: bool
    small: bool


class Speakers(msgspec.Struct, frozen=True, tag="speakers"):
    """Who is heard, the loudest first."""

    room: str
    accounts: list[str]


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """The seat is gone: its page said so, fell silent, or broke the rules."""

    room: str
    seat: str
    why: str


class Film(msgspec.Struct, frozen=True):
    """What is to be kept of a room: what these accounts send, from now on.

    folder  where its parts are written, there already. key  32 bytes that seal them. offset_ms  how long ago it began.
    """

    room: str
    film: str
    folder: str
    key: bytes
    accounts: list[str]
    offset_ms: int = 0


class FilmBroke(msgspec.Struct, frozen=True, tag="film_broke"):
    """Nothing more of this film can be written. why: for the log; by: whose fault it is."""

    room: str
    film: str
    why: str
    by: Literal["disk", "engine"] = "disk"


class Died(msgspec.Struct, frozen=True, tag="died"):
    """The engine itself has gone, and with it every seat. It is begun anew."""


Event = Slots | Wanted | Speakers | Lost | FilmBroke | Died
Hear = Callable[[Event], None]


class BadSdp(ValueError):
    """Not a description the engine can live with; the words say why, for the log."""


class NoSeat(Exception):
    """There is none of this name, or no room for one more."""


class EngineGone(Exception):
    """The engine is not there, or does not answer."""


class MediaEngine(Protocol):
    """`join` to `stats` may raise EngineGone. What happens besides, the engine tells whoever it was made for (Hear)."""

    async def join(self, room: str, account: str, seat: str, *, held: bool = False) -> str:
        """Take a seat. Returns the offer (SDP) of its receiving connection.

        held: its connections may come to stand, and nothing passes over it either way until `admit`.
        """

    async def admit(self, seat: str) -> None:
        """Its person has entered. Raises NoSeat."""

    async def answer(self, seat: str, sdp: str) -> None:
        """The page's answer to that offer. Raises BadSdp, NoSeat."""

    async def publish(self, seat: str, sdp: str) -> str:
        """The page's offer of its sending connection. Returns the answer. Raises BadSdp, NoSeat."""

    async def watch(self, seat: str, wishes: list[Wish]) -> None:
        """The whole wish, in order of worth. Raises NoSeat."""

    async def quiet(self, room: str, accounts: list[str]) -> None:
        """Nobody hears what these say from now on; the others are heard. Of a room where nobody sits it is not kept."""

    async def leave(self, seat: str) -> None:
        """Give the seat up; one that is not there is left already."""

    async def close_room(self, room: str) -> None: ...

    async def stats(self) -> dict[str, float]: ...

    def open(self) -> None:
        """Begin it, if that has not been done: a room may need it soon."""

    async def close(self) -> None: ...


@runtime_checkable
class FilmingEngine(Protocol):
    """A MediaEngine that can also keep what passes through it. Both may raise EngineGone."""

    async def film(self, film: Film) -> None:
        """Begin it; of a film under way, change whom it carries."""

    async def end_film(self, room: str) -> None:
        """What was sent until now is written. A room that is not filmed has ended already."""
