"""The open room of a consultation: the shared view, who is in it, and what may be whispered there.

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
from server.consult.model import SharedView

ROOMS_MAX = 500
PRESENT_MAX = 64
WHISPERS_PER_S_MAX = 120
"""Of one person in one room: a pointer at 60 Hz and a dragged view beside it."""
BYTES_MAX = {"pointer": 500, "view": 1000, "signal": 32_000, "typing": 200, "hello": 200, "bye": 200}


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


class Typing(msgspec.Struct, frozen=True, tag_field="kind", tag="typing"):
    pass


class Hello(msgspec.Struct, frozen=True, tag_field="kind", tag="hello"):
    pass


class Bye(msgspec.Struct, frozen=True, tag_field="kind", tag="bye"):
    pass


Whispered = Pointer | View | Signal | Typing | Hello | Bye
_decode = msgspec.json.Decoder(Whispered).decode
_encode = msgspec.json.Encoder().encode


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
    present: set[str] = field(default_factory=set)
    pace: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Account -> (second, whispers in it)."""


@dataclass
class Rooms:
    """The open rooms of this process, the least recently used forgotten beyond ROOMS_MAX."""

    clock: Clock
    _open: OrderedDict[str, _Open] = field(default_factory=OrderedDict)
    held_back: int = 0

    def hear(self, consult: str, account: str, raw: bytes) -> bytes | None:
        """Judge one whisper of `account`. Returns what the others get, or None when it is held back."""
        out = self._judge(self._room(consult), account, raw)
        if out is None:
            self.held_back += 1
        return out

    def view(self, consult: str) -> SharedView | None:
        room = self._open.get(consult)
        return room.view if room else None

    def first_whisper(self, consult: str) -> bytes | None:
        """The view so far, for a newcomer."""
        view = self.view(consult)
        return None if view is None else _encode(_stamped(view))

    def present(self, consult: str) -> frozenset[str]:
        """Accounts that said hello and not yet bye. A page that died stays until `forget`."""
        room = self._open.get(consult)
        return frozenset(room.present) if room else frozenset()

    def forget(self, consult: str) -> None:
        """The consultation has ended."""
        self._open.pop(consult, None)

    def _judge(self, room: _Open, account: str, raw: bytes) -> bytes | None:
        if not self._in_pace(room, account) or len(raw) > max(BYTES_MAX.values()):
            return None
        try:
            said = _decode(raw)
        except NOT_AS_EXPECTED:
            return None
        if len(raw) > BYTES_MAX[str(said.__struct_config__.tag)]:
            return None
        match said:
            case View():
                return self._show(room, account, said)
            case Signal() if (said.description is msgspec.UNSET) == (said.candidate is msgspec.UNSET):
                return None
            case Hello() if len(room.present) < PRESENT_MAX:
                room.present.add(account)
            case Bye():
                room.present.discard(account)
        return _encode(said)

    def _room(self, consult: str) -> _Open:
        room = self._open.setdefault(consult, _Open())
        self._open.move_to_end(consult)
        if len(self._open) > ROOMS_MAX:
            self._open.popitem(last=False)
        return room

    def _in_pace(self, room: _Open, account: str) -> bool:
        second = int(self.clock.monotonic())
        last, count = room.pace.get(account, (second, 0))
        count = count + 1 if last == second else 1
        room.pace[account] = (second, count)
        return count <= WHISPERS_PER_S_MAX

    def _show(self, room: _Open, account: str, said: View) -> bytes | None:
        if not (0 <= said.first < said.end and said.speed > 0 and said.gain > 0):
            return None
        # From the clock, not from 1: pages that outlive a restart of the hub must still take the next view as newer.
        rev = max(room.view.rev + 1 if room.view else 0, int(self.clock.now().timestamp() * 1000))
        room.view = SharedView(
            said.recording, said.layout, said.first, said.end, said.speed, said.gain, presenter=account, rev=rev
        )
        return _encode(_stamped(room.view))


def _stamped(view: SharedView) -> _Stamped:
    return _Stamped("view", **msgspec.structs.asdict(view))
