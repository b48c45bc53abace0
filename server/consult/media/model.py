"""What pages send and hear about sound and picture in a room."""

from __future__ import annotations

from typing import Literal

import msgspec

Layer = Literal["large", "small"]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member whose picture a page wants, and how big it shows it."""

    account: str
    layer: Layer = "small"


class MediaSeat(msgspec.Struct, frozen=True):
    """A page's place at the forwarder. offer: SDP of the receiving connection."""

    seat: str
    offer: str


class MediaHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """always: even where two would go browser to browser, to learn which way is open."""

    always: bool = False


class EnterQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """seat: the one held for this page."""

    seat: str = ""


class MediaNews(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the hub whispers of media. engine: take a seat; slots and wanted are for one seat's page.

    accounts  of `speakers`: who is heard, the loudest first; of `members`: who has a seat at the forwarder; of
        `without`: whose voice goes over the web connection, since no media reach him.
    """

    kind: Literal["media"]
    say: Literal["engine", "slots", "wanted", "speakers", "members", "without"]
    seat: str = ""
    sound: list[str | None] = []
    picture: list[str | None] = []
    large: bool = False
    small: bool = False
    accounts: list[str] = []


class MediaDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer or an offer of this seat's page."""

    seat: str
    sdp: str


class MediaAnswer(msgspec.Struct, frozen=True):
    """To the offer of a sending connection."""

    sdp: str


class MediaWatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom this seat's page shows, the whole wish each time, in order of worth."""

    seat: str
    wishes: list[Wish]


class MediaDone(msgspec.Struct, frozen=True):
    seat: str
