"""What shall flow in whose slots in a room at a Janus: seats, voices, wishes. Decides; asks nobody and sends nothing.

The rules are those of `forward`; what is known is less: Janus says who talks, not how loud everybody is, and over which
lines packets come. `janus` asks it to switch what differs from `wished`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from server.consult.media.engine import ACCOUNT_SEATS_MAX, PICTURE_SLOTS, SOUND_SLOTS
from server.consult.media.janus_link import Jsep
from server.consult.media.model import Layer, Wish

SILENT_DBOV: Final = 127.0

Line = tuple[int, str]
"""A publisher's number and the name of one of its lines."""


@dataclass(eq=False)
class Seat:
    """One stay of one page. sending, receiving: handles; feed: its number as a publisher; flowing: by slot."""

    id: str
    room: Room
    account: str
    sending: int
    receiving: int
    feed: int
    made_at: float
    flowing: list[Line]
    held: bool = False
    """Its person has not entered: what it sends goes to nobody, and nothing flows to it."""
    voice: str | None = None
    pictures: dict[Layer, str] = field(default_factory=dict)
    sends: set[str] = field(default_factory=set)
    """Its lines over which packets come."""
    fell_silent: set[str] = field(default_factory=set)
    """Its lines over which they came, and do not now."""
    answer: Jsep | None = None
    is_publishing: bool = False
    is_quiet: bool = False
    """Its voice is dropped."""
    is_up: bool = False
    """Its receiving connection stands."""
    wishes: list[Wish] = field(default_factory=list)
    shown: list[str | None] = field(default_factory=lambda: [None] * PICTURE_SLOTS)
    """Whose picture each slot is for, whether or not it flows yet."""
    told_slots: tuple[tuple[str | None, ...], ...] = ()
    told_wanted: tuple[bool, bool] | None = None

    def sending_now(self, line: str, *, flows: bool) -> bool:
        """Packets come over it, or no more. Returns whether a picture is back: cut off, or looked at by nobody."""
        is_back = flows and line in self.fell_silent and line in self.pictures.values()
        (self.sends.add if flows else self.sends.discard)(line)
        (self.fell_silent.discard if flows else self.fell_silent.add)(line)
        return is_back

    def looks_at(self) -> list[Seat]:
        """Whose pictures flow to it."""
        return [self.room.by_feed[feed] for feed, _ in self.flowing[SOUND_SLOTS:] if feed in self.room.by_feed]

    def wish(self, wishes: list[Wish]) -> None:
        self.wishes = list({w.account: w for w in wishes if w.account != self.account}.values())[:PICTURE_SLOTS]
        wished = {w.account for w in self.wishes}
        self.shown = [account if account in wished else None for account in self.shown]
        for wish in self.wishes:
            if wish.account not in self.shown:
                self.shown[self.shown.index(None)] = wish.account

    def wished(self) -> list[Line]:
        """What shall flow in each slot now; what flows already stays where it is."""
        return self._wished_sound() + self._wished_pictures()

    def _wished_sound(self) -> list[Line]:
        loudest = [] if self.held else self.room.loudest
        voices = [(s.feed, s.voice) for s in loudest if s.account != self.account and s.voice is not None]
        del voices[SOUND_SLOTS:]
        flowing = self.flowing[:SOUND_SLOTS]
        kept = [line in voices and line not in flowing[:slot] for slot, line in enumerate(flowing)]
        lines = [line if keeps else self.room.silence for line, keeps in zip(flowing, kept, strict=True)]
        for voice in voices:
            if voice not in lines:
                lines[lines.index(self.room.silence)] = voice
        return lines

    def _wished_pictures(self) -> list[Line]:
        layers = {wish.account: wish.layer for wish in self.wishes}
        lines = []
        for account, flows in zip(self.shown, self.flowing[SOUND_SLOTS:], strict=True):
            line = None if account is None or self.held else self.room.picture(account, layers[account])
            if line is None and account is not None and self.room.account_of(flows) == account:
                line = flows  # it is quiet for now
            lines.append(line or self.room.darkness)
        return lines

    def slots(self) -> tuple[tuple[str | None, ...], ...]:
        """Whose sound and picture flow, by slot."""
        accounts = tuple(map(self.room.account_of, self.flowing))
        return accounts[:SOUND_SLOTS], accounts[SOUND_SLOTS:]

    def wanted(self, *, is_filmed: bool) -> tuple[bool, bool]:
        """Whether anybody looks at its large picture, and at its small one; a film does, where nobody else does."""
        others = (other for other in self.room.seats.values() if not other.held)
        wishes = [w for other in others for w in other.wishes if w.account == self.account]
        large = any(w.layer == "large" for w in wishes)
        return large, any(w.layer == "small" for w in wishes) or (is_filmed and not large)


@dataclass(eq=False)
class Room:
    """number: Janus's name of it; dummy: its publisher that never sends. talking: dBov by publisher, 0 is loudest."""

    id: str
    number: int
    dummy: int
    seats: dict[str, Seat] = field(default_factory=dict)
    by_feed: dict[int, Seat] = field(default_factory=dict)
    quiet: frozenset[str] = frozenset()
    """Accounts whose voices Janus drops."""
    coming: int = 0
    """Seats being made: it must not end meanwhile."""
    talking: dict[int, float] = field(default_factory=dict)
    loudest: list[Seat] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    told_speakers: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    arranging: asyncio.Task[None] | None = None

    @property
    def silence(self) -> Line:
        return self.dummy, "0"

    @property
    def darkness(self) -> Line:
        return self.dummy, "1"

    def add(self, seat: Seat) -> None:
        self.seats[seat.id] = self.by_feed[seat.feed] = seat

    def remove(self, seat: Seat) -> None:
        self.seats.pop(seat.id, None)
        self.by_feed.pop(seat.feed, None)
        self.talking.pop(seat.feed, None)
        self.changed.set()

    def account_of(self, line: Line) -> str | None:
        seat = self.by_feed.get(line[0])
        return None if seat is None else seat.account

    def picture(self, account: str, layer: Layer) -> Line | None:
        """The picture of this layer, the other one where only that is sent; of the newest seat that sends."""
        other: Layer = "small" if layer == "large" else "large"
        for seat in reversed(self.seats.values()):
            if seat.account == account and not seat.held:
                for kind in (layer, other):
                    line = seat.pictures.get(kind)
                    if line is not None and line in seat.sends:
                        return seat.feed, line
        return None

    def rank(self) -> None:
        """Who is loudest now, and who is heard. Who has a place keeps it until somebody talks who has none."""
        held = set(self.loudest)

        def order(seat: Seat) -> tuple[bool, bool, float]:
            level = self.talking.get(seat.feed)
            return level is None, seat not in held, SILENT_DBOV if level is None else level

        sending = (s for s in self.seats.values() if not s.held and s.voice is not None and s.voice in s.sends)
        voices = sorted(sending, key=order)
        # One more than there are slots: nobody hears himself. An account that is just moving house has two seats.
        self.loudest = voices[: SOUND_SLOTS + ACCOUNT_SEATS_MAX]
        talking = sorted((s for s in voices if s.feed in self.talking), key=lambda s: self.talking[s.feed])
        self.speakers = list(dict.fromkeys(seat.account for seat in talking))[:SOUND_SLOTS]
