"""Films of a room (会诊录像): what is stored and sent, and their states. Not an ECG's recording (`server.records`)."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.base.states import Row, StateTable

Keep = Literal["short", "case"]
"""How long: for looking again in the coming weeks, or as long as the case's papers."""
Says = Literal["agrees", "refuses", "withdrew"]
FilmState = Literal["asked", "filming", "refused", "cancelled", "kept", "deleted"]
WhyEnded = Literal["", "host", "withdrawn", "room", "restart", "engine", "disk", "length"]

FILM = StateTable(
    name="film",
    start="asked",
    rows=(
        Row("asked", "agree", "asked", by="member"),
        Row("asked", "begin", "filming", by="hub"),
        Row("asked", "refuse", "refused", by="member"),
        Row("asked", "stop", "cancelled", by="host"),
        Row("asked", "end", "cancelled", by="hub"),
        Row("filming", "agree", "filming", by="member"),
        Row("filming", "refuse", "filming", by="member"),
        Row("filming", "withdraw", "kept", by="member"),
        Row("filming", "stop", "kept", by="host"),
        Row("filming", "end", "kept", by="hub"),
        Row("kept", "view", "kept", by="member"),
        Row("kept", "expire", "deleted", by="timer"),
    ),
)


class AskFilm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keep: Keep = "short"


class AnswerFilm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agrees: bool


class FilmAnswer(msgspec.Struct, frozen=True):
    account: str
    name: str
    says: Says
    at: str


class RoomFilm(msgspec.Struct, frozen=True):
    id: str
    consult: str
    state: FilmState
    keep: Keep
    asked_by_name: str
    asked_at: str
    began_at: str | None
    ended_at: str | None
    why_ended: WhyEnded
    expires_at: str | None
    """When it is deleted; None: it has not ended."""
    answers: list[FilmAnswer]


class RoomFilms(msgspec.Struct, frozen=True):
    films: list[RoomFilm]


class FilmNews(msgspec.Struct, frozen=True, tag_field="kind", tag="film"):
    """What the hub whispers to everybody in the room, all the time that a film is asked for or under way.

    waits_for  must answer before it begins. carried  who is on it, and who may end it at any time by taking his
    agreement back. asked: those not in either who enter are asked at the door; without their word they are not on it.
    """

    film: str
    state: FilmState
    by: str
    keep: Keep
    waits_for: list[str]
    carried: list[str]
    refused: list[str]
    why: WhyEnded = ""


class FilmPart(msgspec.Struct, frozen=True):
    """One piece of one member: `media` is its address. Times in milliseconds of the film."""

    account: str
    name: str
    first_ms: int
    last_ms: int
    picture: bool
    dropped: int
    media: str


class StageWord(msgspec.Struct, frozen=True):
    """What was whispered in the room: a view, the floor, marks, a pointer. by: its account, or "" for the hub."""

    ms: int
    by: str
    said: msgspec.Raw


class FilmView(msgspec.Struct, frozen=True):
    """One opening of a film: the addresses of its parts are good for this viewer, for some hours."""

    film: RoomFilm
    parts: list[FilmPart]
    last_ms: int
    view: str


class FilmStage(msgspec.Struct, frozen=True):
    words: list[StageWord]


class ViewQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """view: the ticket that opening the film gave."""

    view: str
