"""The open room of a consultation: the shared view and what may be whispered there; who has the floor is `floor.py`.

All of it is fleeting and lives in this process: the view is what everybody looks at now, stamped by the hub with a
growing revision so that every screen settles on the same one. What must last (chat, conclusion) goes another way.
Rules only: no socket and no database; `topic_kind` in `service.py` hangs it on the live connection.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ecg.expected import NOT_AS_EXPECTED
from server.base.clock import Clock
from server.base.live import Heard
from server.consult.floor import Drawn, Floor, Marked, Role, Source
from server.consult.model import SharedView
from server.consult.picture import Picture, Spot, sound

ROOMS_MAX = 500
PRESENT_MAX = 64
WHISPERS_PER_S_MAX = 120
"""Of one person in one room: a pointer at 60 Hz and a dragged view beside it."""
ACTS_PER_S_MAX = 30
"""Of what changes the floor or the marks, counted apart: a burst of signalling costs nobody his raised hand."""
BYTES_PER_S_MAX = 100_000
"""Of one person in one room: each byte goes to as many as are here."""
BYTES_MAX = {"pointer": 500, "view": 1000, "signal": 32_000, "mark": 8000, "image": 4000, "spot": 300}
"""Of one whisper by its kind; the others are a word and a name."""
BYTES_ELSE_MAX = 200
WORD_MIN_MAX = 120
"""For longer nobody is given the word by the clock."""


class Pointer(msgspec.Struct, frozen=True, tag_field="kind", tag="pointer"):
    """Where a person points: lead, sample, microvolts. All three empty: he has left the trace."""

    lead: str | None = None
    sample: int | None = None
    uv: float | None = None


class View(msgspec.Struct, frozen=True, tag_field="kind", tag="view"):
    """`SharedView` as a page sends it. `presenter` and `rev` are the hub's: what a page writes there is not read."""

    recording: str
    layout: str
    first: int
    end: int
    speed: float
    gain: float
    presenter: str = ""
    rev: int = 0


class Signal(msgspec.Struct, frozen=True, tag_field="kind", tag="signal", omit_defaults=True):
    """WebRTC negotiation, passed on as it came: exactly one of the two."""

    description: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    candidate: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Line(msgspec.Struct, frozen=True, tag_field="kind", tag="line"):
    """What a member's line still carries of the others' pictures, in bits a second, and what he sends of his own.

    late_ms  how much later than it should the live ECG comes to him; 0: in time, or he does not look at it.
    """

    down_bits: int
    level: Literal["full", "reduced", "still", "off"]
    late_ms: int = 0


class Typing(msgspec.Struct, frozen=True, tag_field="kind", tag="typing"):
    pass


class Hello(msgspec.Struct, frozen=True, tag_field="kind", tag="hello", omit_defaults=True):
    """`stay`: as which stay (`Enter.stay`) this page is here; read by the hub only."""

    stay: str = ""


class Bye(msgspec.Struct, frozen=True, tag_field="kind", tag="bye"):
    pass


class Wait(msgspec.Struct, frozen=True, tag_field="kind", tag="wait"):
    """In the waiting room, or no longer."""

    up: bool


class Ask(msgspec.Struct, frozen=True, tag_field="kind", tag="ask"):
    """For control of the shared view, or no longer."""

    up: bool


class Give(msgspec.Struct, frozen=True, tag_field="kind", tag="give"):
    """Control to somebody who is here."""

    to: str


class Hand(msgspec.Struct, frozen=True, tag_field="kind", tag="hand"):
    up: bool


class Call(msgspec.Struct, frozen=True, tag_field="kind", tag="call"):
    """The host gives somebody the word, with `minutes` for so long by a clock on every page; empty: takes it back."""

    who: str
    minutes: int = 0


class Hush(msgspec.Struct, frozen=True, tag_field="kind", tag="hush"):
    """The host asks somebody's page, or with an empty name everybody's, to switch its microphone off."""

    who: str


class Stage(msgspec.Struct, frozen=True, tag_field="kind", tag="stage"):
    source: Source


class Screen(msgspec.Struct, frozen=True, tag_field="kind", tag="screen"):
    """His screen goes to everybody, or no longer; the picture itself takes the place of his camera's."""

    up: bool


class Mark(Drawn, frozen=True, tag_field="kind", tag="mark"):
    """`by` is the hub's: what a page writes there is not read."""


class Unmark(msgspec.Struct, frozen=True, tag_field="kind", tag="unmark"):
    id: str


class Clear(msgspec.Struct, frozen=True, tag_field="kind", tag="clear"):
    on: str


Whispered = (
    Pointer | View | Picture | Spot | Signal | Line | Typing | Hello | Bye | Wait | Ask | Give | Hand | Call | Hush
    | Stage | Screen | Mark | Unmark | Clear
)  # fmt: skip
_decode = msgspec.json.Decoder(Whispered).decode
_encode = msgspec.json.Encoder().encode


class Stay(msgspec.Struct, frozen=True, tag_field="kind", tag="stay"):
    """The stay that counts of a person: his pages that came before are told by it to leave the room."""

    account: str
    stay: str


class _Stamped(msgspec.Struct, frozen=True):
    """A view on its way out."""

    kind: Literal["view"]
    recording: str
    layout: str
    first: int
    end: int
    speed: float
    gain: float
    presenter: str
    rev: int


@dataclass
class _Open:
    view: SharedView | None = None
    picture: Picture | None = None
    floor: Floor = field(default_factory=Floor)
    rev: int = 0
    stays: dict[str, str] = field(default_factory=dict)
    """Account -> the stay of the page that entered last."""
    pace: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Account, alone or with what it says -> (second, whispers or bytes in it)."""


@dataclass
class Rooms:
    """The open rooms of this process, the least recently used forgotten beyond ROOMS_MAX."""

    clock: Clock
    _open: OrderedDict[str, _Open] = field(default_factory=OrderedDict)
    held_back: int = 0

    def admit(self, consult: str, account: str, role: Role) -> None:
        """A member follows the room: as what he is in it from now on."""
        self._room(consult).floor.roles[account] = role

    def enter(self, consult: str, account: str, stay: str) -> bytes:
        """He comes in by one more page, which takes the place of any other of his. What his pages are to be told."""
        self._room(consult).stays[account] = stay
        return _encode(Stay(account, stay))

    def hear(self, consult: str, account: str, raw: bytes) -> Heard:
        """Judge one whisper of `account`. Empty when it is held back."""
        room = self._room(consult)
        said = self._read(room, account, raw)
        heard = Heard() if said is None else self._judge(room, account, said)
        if heard.on is None and not heard.told:
            self.held_back += 1
        return heard

    def gone(self, consult: str, account: str) -> Heard:
        """The last page of `account` in this room was closed or lost its line."""
        room = self._open.get(consult)
        return Heard() if room is None or not room.floor.away(account) else Heard(told=(self._floor(room),))

    def listeners(self, consult: str) -> frozenset[str]:
        """Whose voice is not passed on."""
        room = self._open.get(consult)
        return frozenset() if room is None else room.floor.listeners

    def told(self, consult: str) -> bytes | None:
        """The floor as it stands, for everybody after a change that nobody whispered; None: the room is not open."""
        room = self._open.get(consult)
        return None if room is None else self._floor(room)

    def view(self, consult: str) -> SharedView | None:
        room = self._open.get(consult)
        return room.view if room else None

    def first_whispers(self, consult: str) -> list[bytes]:
        """The view so far, the floor and what is drawn, for a newcomer."""
        room = self._open.get(consult)
        if room is None:
            return []
        view = [] if room.view is None else [_encode(_stamped(room.view))]
        picture = [] if room.picture is None else [_encode(room.picture)]
        marks = Marked(self._next(room), list(room.floor.marks.values()), [], whole=True)
        return [*view, *picture, self._floor(room), _encode(marks)]

    def present(self, consult: str) -> frozenset[str]:
        """Accounts that said hello, not yet bye, and still have a page there."""
        room = self._open.get(consult)
        return frozenset(room.floor.here) if room else frozenset()

    def forget(self, consult: str) -> None:
        """The consultation has ended."""
        self._open.pop(consult, None)

    def _read(self, room: _Open, account: str, raw: bytes) -> Whispered | None:
        if not self._in_pace(room, account, 2 * WHISPERS_PER_S_MAX) or len(raw) > max(BYTES_MAX.values()):
            return None
        if not self._in_pace(room, f"{account} bytes", BYTES_PER_S_MAX, len(raw)):
            return None
        try:
            said = _decode(raw)
        except NOT_AS_EXPECTED:
            return None
        kind = str(said.__struct_config__.tag)
        if len(raw) > BYTES_MAX.get(kind, BYTES_ELSE_MAX):
            return None
        flows = isinstance(said, Pointer | View | Picture | Spot | Signal | Line | Typing)
        pace = self._in_pace(room, f"{account} {flows}", WHISPERS_PER_S_MAX if flows else ACTS_PER_S_MAX)
        return said if pace else None

    def _judge(self, room: _Open, account: str, said: Whispered) -> Heard:
        match said:
            case Hello() if said.stay and said.stay != room.stays.setdefault(account, said.stay):
                # A page that was away while he came in by another one.
                return Heard(told=(_encode(Stay(account, room.stays[account])),))
            case View():
                shown = self._show(room, account, said)
                return Heard() if shown is None else Heard(shown, newest="view")
            case Picture():
                return self._picture(room, account, said)
            case Spot() if not sound(said):
                return Heard()
            case Signal() if (said.description is msgspec.UNSET) == (said.candidate is msgspec.UNSET):
                return Heard()
            case Pointer() | Spot():
                return Heard(_encode(said), newest="pointer")
            case Signal() | Line() | Typing():
                return Heard(_encode(said))
            case Hush():
                return Heard(_encode(said)) if account == room.floor.host else Heard()
            case Mark() | Unmark() | Clear():
                return self._drawn(room, account, said)
            case _:
                return self._floored(room, account, said)

    def _floored(
        self, room: _Open, account: str, said: Hello | Bye | Wait | Ask | Give | Hand | Call | Stage | Screen
    ) -> Heard:  # fmt: skip
        """What changes the floor: everybody is told the whole of it, and of a new presenter the view again."""
        floor, before = room.floor, room.floor.presenter
        on = None
        match said:
            case Hello():
                said = Hello()
                changed = (account in floor.here or len(floor.here) < PRESENT_MAX) and floor.come(account)
                on = _encode(said)
            case Bye():
                changed, on = floor.leave(account), _encode(said)
            case Wait():
                changed = (not said.up or len(floor.waits) < PRESENT_MAX) and floor.wait(account, said.up)
            case Ask():
                changed = floor.ask(account, said.up)
            case Give():
                changed = floor.give(account, said.to)
            case Hand():
                changed = floor.hand(account, said.up)
            case Call():
                changed = floor.call(account, said.who, self._until(said.minutes))
            case Stage():
                changed = floor.show_source(account, said.source)
            case Screen():
                changed = floor.share(account, said.up)
        if not changed:
            return Heard(on)
        told: tuple[bytes, ...] = (self._floor(room),)
        if floor.presenter not in (before, ""):
            # A page that moved in the moment the control left it stands elsewhere: the newer revision brings it back.
            if room.view is not None:
                room.view = msgspec.structs.replace(room.view, presenter=floor.presenter, rev=self._next(room))
                told = (*told, _encode(_stamped(room.view)))
            if room.picture is not None:
                room.picture = msgspec.structs.replace(room.picture, presenter=floor.presenter, rev=self._next(room))
                told = (*told, _encode(room.picture))
        return Heard(on, told)

    def _drawn(self, room: _Open, account: str, said: Mark | Unmark | Clear) -> Heard:
        match said:
            case Mark():
                pushed_out = room.floor.draw(
                    account, Drawn(said.id, said.on, said.shape, said.lead, said.points, said.words)
                )
                if pushed_out is None:
                    return Heard()
                told = Marked(self._next(room), [room.floor.marks[said.id]], pushed_out)
                return Heard(told=(_encode(told),))
            case Unmark():
                gone = room.floor.rub_out(account, said.id)
            case Clear():
                gone = room.floor.clear(account, said.on)
        return Heard(told=(_encode(Marked(self._next(room), [], gone)),)) if gone else Heard()

    def _floor(self, room: _Open) -> bytes:
        return _encode(room.floor.told(self._next(room), self.clock.monotonic()))

    def _until(self, minutes: int) -> float | None:
        return self.clock.monotonic() + 60 * minutes if 0 < minutes <= WORD_MIN_MAX else None

    def _next(self, room: _Open) -> int:
        """From the clock, not from 1: pages that outlive a restart of the hub must still take the next as newer."""
        room.rev = max(room.rev + 1, int(self.clock.now().timestamp() * 1000))
        return room.rev

    def _room(self, consult: str) -> _Open:
        room = self._open.get(consult)
        if room is None:
            room = self._open[consult] = _Open()
            if len(self._open) > ROOMS_MAX:
                self._open.popitem(last=False)
        else:
            self._open.move_to_end(consult)
        return room

    def _in_pace(self, room: _Open, who: str, limit: int, more: int = 1) -> bool:
        second = int(self.clock.monotonic())
        last, count = room.pace.get(who, (second, 0))
        count = count + more if last == second else more
        room.pace[who] = (second, count)
        return count <= limit

    def _show(self, room: _Open, account: str, said: View) -> bytes | None:
        if not (0 <= said.first < said.end and said.speed > 0 and said.gain > 0 and room.floor.may_show(account)):
            return None
        rev = self._next(room)
        room.view = SharedView(
            said.recording, said.layout, said.first, said.end, said.speed, said.gain, presenter=account, rev=rev
        )
        return _encode(_stamped(room.view))

    def _picture(self, room: _Open, account: str, said: Picture) -> Heard:
        """Told to its sender too: where nobody leads and two move at once, the later one stands on every screen."""
        if not (sound(said) and room.floor.may_show(account)):
            return Heard()
        room.picture = msgspec.structs.replace(said, presenter=account, rev=self._next(room))
        return Heard(told=(_encode(room.picture),))


def _stamped(view: SharedView) -> _Stamped:
    return _Stamped("view", **msgspec.structs.asdict(view))
