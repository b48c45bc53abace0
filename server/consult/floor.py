"""The floor of an open room: who is here as what, who moves the shared view, whose hand is up, what is drawn.

Rules only, and all fleeting: `room.py` decodes what people whisper and tells everybody what came of it.
Marks stand in sample-index and microvolt coordinates of one lead of one recording, so that they keep their beat in
every layout; on the whiteboard in thousandths of its width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Role = Literal["host", "presenter", "expert", "requester", "scribe", "observer"]
"""`presenter` and `scribe`: seats of an open sitting."""
LOOKS_ON: tuple[Role, ...] = ("scribe", "observer")
"""They neither lead nor draw unless they are given control."""
Source = Literal["ecg", "live", "record", "image", "board", "screen"]
Shape = Literal["time", "voltage", "pen", "box"]

MARKS_EACH_MAX = 20
MARKS_MAX = 200
POINTS_MAX = 120
WORDS_MAX = 80
ID_MAX = 40
REACH = 1e9
"""No sample index, microvolt or board coordinate is larger."""
BOARD = "board"
CALIPERS = ("time", "voltage")


class Drawn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mark. `on` is a recording's id or `board`; `points` are (sample, microvolts), two of them but for `pen`."""

    id: str
    on: str
    shape: Shape
    lead: str
    points: tuple[tuple[float, float], ...]
    words: str = ""
    by: str = ""


class Person(msgspec.Struct, frozen=True):
    account: str
    role: Role


class Told(msgspec.Struct, frozen=True, tag_field="kind", tag="floor"):
    """The floor as every page shows it. `asks`, `hands` and `waits` are in the order in which they came.

    `waits`: whose page stands in the waiting room (候诊室). `left_s`: of the speaker's time, below zero when he is over
    it; None: no clock runs.
    """

    rev: int
    host: str
    presenter: str
    speaker: str
    source: Source
    screen: str
    """Whose screen is shared; empty: nobody's, or his line is down just now."""
    asks: list[str]
    hands: list[str]
    here: list[Person]
    waits: list[str]
    left_s: int | None


class Marked(msgspec.Struct, frozen=True, tag_field="kind", tag="marked"):
    """What is drawn anew and which marks are gone. `whole`: nothing else is drawn."""

    rev: int
    marks: list[Drawn]
    gone: list[str]
    whole: bool = False


@dataclass
class Floor:
    """Members nobody has named count as experts: that they may be here at all is asked where the topic is followed."""

    roles: dict[str, Role] = field(default_factory=dict)
    here: dict[str, None] = field(default_factory=dict)
    """In the order they came."""
    holder: str = ""
    speaker: str = ""
    until: float | None = None
    """When the speaker's time ends, by the process's own clock."""
    source: Source = "ecg"
    waits: dict[str, None] = field(default_factory=dict)
    screen: str = ""
    asks: list[str] = field(default_factory=list)
    hands: list[str] = field(default_factory=list)
    marks: dict[str, Drawn] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return next((account for account, role in self.roles.items() if role == "host"), "")

    @property
    def presenter(self) -> str:
        """Who was given control, while he is here; else who presents in this sitting; else the host; else nobody, and
        whoever moves shows it."""
        presents = next((account for account, role in self.roles.items() if role == "presenter"), "")
        return next((account for account in (self.holder, presents, self.host) if account and account in self.here), "")

    def role(self, account: str) -> Role:
        return self.roles.get(account, "expert")

    @property
    def listeners(self) -> frozenset[str]:
        """Whose voice nobody hears: observers, but for one who has the word or leads."""
        observers = (account for account, role in self.roles.items() if role == "observer")
        return frozenset(account for account in observers if account not in (self.speaker, self.presenter))

    def may_show(self, account: str) -> bool:
        return account == self.presenter or (not self.presenter and self.role(account) not in LOOKS_ON)

    def come(self, account: str) -> bool:
        before = account in self.here
        self.here[account] = None
        self.waits.pop(account, None)
        return not before

    def wait(self, account: str, up: bool) -> bool:
        """Before the room: who is in it already does not wait."""
        if account in self.here or up == (account in self.waits):
            return False
        if up:
            self.waits[account] = None
        else:
            del self.waits[account]
        return True

    def away(self, account: str) -> bool:
        """His page is gone. What he was given he finds again when he comes back."""
        if account in self.waits:
            del self.waits[account]
            return True
        if account not in self.here:
            return False
        del self.here[account]
        for queue in (self.asks, self.hands):
            if account in queue:
                queue.remove(account)
        return True

    def leave(self, account: str) -> bool:
        """He has said goodbye: control falls to the host."""
        was = self.away(account)
        self.holder = "" if self.holder == account else self.holder
        if self.speaker == account:
            self.speaker, self.until = "", None
        if self.screen == account:
            self._no_screen()
        return was

    def ask(self, account: str, up: bool) -> bool:
        """For control of the shared view. Where nobody has it, it is his at once; observers wait to be given it."""
        if account not in self.here or account == self.presenter:
            return False
        if up and self.may_show(account):
            self.holder = account
            return True
        return _queue(self.asks, account, up)

    def give(self, account: str, to: str) -> bool:
        """By the presenter or the host. The host may so take it himself."""
        if to not in self.here or account not in (self.presenter, self.host) or to == self.presenter:
            return False
        self.holder = to
        _queue(self.asks, to, False)
        return True

    def hand(self, account: str, up: bool) -> bool:
        return account in self.here and _queue(self.hands, account, up)

    def call(self, account: str, who: str, until: float | None = None) -> bool:
        """The host calls somebody up, which lowers that hand; empty: nobody has the word any more."""
        if account != self.host or (who and who not in self.here):
            return False
        _queue(self.hands, who, False)
        self.speaker, self.until = who, until if who else None
        return True

    def show_source(self, account: str, source: Source) -> bool:
        if not self.may_show(account) or source == self.source or (source == "screen" and not self.screen):
            return False
        self.source = source
        return True

    def share(self, account: str, up: bool) -> bool:
        """Who leads puts his screen on the stage, in place of another's; he himself, who leads or the host ends it."""
        if up:
            if account not in self.here or not self.may_show(account) or account == self.screen:
                return False
            self.screen, self.source = account, "screen"
            return True
        if not self.screen or account not in (self.screen, self.host, self.presenter):
            return False
        self._no_screen()
        return True

    def _no_screen(self) -> None:
        self.screen = ""
        self.source = "ecg" if self.source == "screen" else self.source

    def draw(self, account: str, mark: Drawn) -> list[str] | None:
        """Keep a mark. The ids it replaces or pushes out; None: it is not taken.

        A person has one caliper and MARKS_EACH_MAX marks, a room MARKS_MAX: his, then its oldest give way.
        """
        if not (account == self.presenter or self.role(account) not in LOOKS_ON) or not sound(mark):
            return None
        before = self.marks.get(mark.id)
        if before is not None and before.by != account:
            return None
        mine = [m for m in self.marks.values() if m.by == account and m.id != mark.id]
        gone = [m.id for m in mine if mark.shape in CALIPERS and m.shape in CALIPERS]
        if len(mine) - len(gone) >= MARKS_EACH_MAX:
            gone.append(next(m.id for m in mine if m.id not in gone))
        for old in gone:
            del self.marks[old]
        self.marks[mark.id] = msgspec.structs.replace(mark, by=account)
        if len(self.marks) > MARKS_MAX:
            gone.append(next(iter(self.marks)))
            del self.marks[gone[-1]]
        return gone

    def rub_out(self, account: str, mark_id: str) -> list[str]:
        """One's own; the host anybody's."""
        mark = self.marks.get(mark_id)
        if mark is None or account not in (mark.by, self.host):
            return []
        del self.marks[mark_id]
        return [mark_id]

    def clear(self, account: str, on: str) -> list[str]:
        """All marks on one recording or on the board, by the host or who presents."""
        if account not in (self.host, self.presenter):
            return []
        gone = [mark.id for mark in self.marks.values() if mark.on == on]
        for mark_id in gone:
            del self.marks[mark_id]
        return gone

    def told(self, rev: int, now_s: float = 0.0) -> Told:
        left_s = None if self.until is None else round(self.until - now_s)
        people = [Person(account, self.role(account)) for account in self.here]
        screen = self.screen if self.screen in self.here else ""
        return Told(
            rev, self.host, self.presenter, self.speaker, self.source, screen, list(self.asks), list(self.hands),
            people, list(self.waits), left_s,
        )  # fmt: skip


def _queue(queue: list[str], account: str, up: bool) -> bool:
    if up == (account in queue):
        return False
    if up:
        queue.append(account)
    else:
        queue.remove(account)
    return True


def sound(mark: Drawn) -> bool:
    whole = 0 < len(mark.id) <= ID_MAX and 0 < len(mark.on) <= ID_MAX and len(mark.lead) <= ID_MAX
    points = 2 <= len(mark.points) <= (POINTS_MAX if mark.shape == "pen" else 2)
    placed = all(math.isfinite(v) and abs(v) <= REACH for point in mark.points for v in point)
    return whole and points and placed and len(mark.words) <= WORDS_MAX and (mark.on == BOARD) == (mark.lead == "")
