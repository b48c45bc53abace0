"""Looking at a film: who may, each opening in the audit trail, and the bytes that a player asks for.

An opening gives a ticket; without one no byte leaves, so that no look goes unwritten. It also holds what the film's
parts were at that moment: a player must find the same bytes at the same place for as long as it plays.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, RowMapping

from server.base.context import Ctx
from server.base.database import Tx
from server.base.errors import NotFound
from server.base.http import Piece
from server.consult.films import store as film_store
from server.consult.films import timeline
from server.consult.films.model import (
    FILM,
    FilmAnswer,
    FilmPart,
    FilmStage,
    FilmView,
    RoomFilm,
    RoomFilms,
)
from server.consult.films.parts import Part, parts
from server.consult.films.service import Films, inside
from server.consult.media.sealed import SealBroken
from server.consult.media.webm import MIME
from server.people import store as people

OPEN_S: Final = 6 * 3600
OPENED_MAX: Final = 200
PIECE_BYTES: Final = 1 << 20
"""Answered at most at once; a player asks for the next."""


@dataclass(frozen=True)
class _Opened:
    account: str
    film: str
    key: bytes
    parts: tuple[Part, ...]
    until: float


class FilmViews:
    def __init__(self, films: Films) -> None:
        self._films = films
        self._opened: OrderedDict[str, _Opened] = OrderedDict()

    async def of_consult(self, ctx: Ctx, consult_id: str) -> RoomFilms:
        def look(conn: Connection) -> RoomFilms:
            inside(conn, ctx, consult_id)
            return RoomFilms(_views(conn, film_store.of_consult(conn, consult_id)))

        return await self._films.db.read(look)

    async def one(self, ctx: Ctx, film_id: str) -> RoomFilm:
        def look(conn: Connection) -> RoomFilm:
            film = film_store.film_row(conn, film_id)
            inside(conn, ctx, film["consult"])
            return _views(conn, [film])[0]

        return await self._films.db.read(look)

    async def view(self, ctx: Ctx, film_id: str) -> FilmView:
        """Open it: written into the audit trail first. Raises NotFound, NotAMember, WrongState."""

        def work(tx: Tx) -> tuple[RoomFilm, RowMapping]:
            film = film_store.film_row(tx.conn, film_id)
            row = inside(tx.conn, ctx, film["consult"])
            FILM.move(film["state"], "view")
            tx.append("consult.film_viewed", film_id, row["requester_org"], {"consult": row["id"]}, topic="audit")
            return _views(tx.conn, [film])[0], film

        shown, film = await self._films.db.write(work, actor=ctx.actor)
        key = self._films.key(film)
        found = tuple(await asyncio.to_thread(parts, self._films.folder / film_id, key))
        names = await self._films.db.read(lambda conn: people.names(conn, {part.said.account for part in found}))
        ticket = secrets.token_urlsafe(18)
        now = asyncio.get_running_loop().time()
        self._opened[ticket] = _Opened(ctx.actor, film_id, key, found, now + OPEN_S)
        while len(self._opened) > OPENED_MAX or next(iter(self._opened.values())).until < now:
            self._opened.popitem(last=False)
        listed = [
            FilmPart(
                part.said.account, names.get(part.said.account, ""), part.said.first_ms,
                part.said.first_ms + part.last_ms, part.said.picture is not None, part.dropped,
                f"/api/films/{film_id}/parts/{number}?view={ticket}",
            )
            for number, part in enumerate(found)
        ]  # fmt: skip
        return FilmView(shown, listed, max((part.last_ms for part in listed), default=0), ticket)

    async def part(self, ctx: Ctx, film_id: str, number: str, ticket: str, span: tuple[int, int | None]) -> Piece:
        """span: first byte, last byte asked for. Raises NotFound."""
        opened = self._of(ctx, film_id, ticket)
        if not (number.isascii() and number.isdigit() and len(number) < 6 and int(number) < len(opened.parts)):
            raise NotFound(kind="film")
        part, (first, last) = opened.parts[int(number)], span
        count = PIECE_BYTES if last is None else min(PIECE_BYTES, last + 1 - first)
        if not 0 <= first < part.size or count < 1:
            return Piece(b"", MIME, first, part.size)
        try:
            return Piece(await asyncio.to_thread(part.bytes, first, count), MIME, first, part.size)
        except (SealBroken, FileNotFoundError):
            raise NotFound(kind="film") from None

    async def stage(self, ctx: Ctx, film_id: str, ticket: str) -> FilmStage:
        opened = self._of(ctx, film_id, ticket)
        try:
            return FilmStage(await asyncio.to_thread(timeline.words, self._films.folder / film_id, opened.key))
        except SealBroken:
            raise NotFound(kind="film") from None

    def _of(self, ctx: Ctx, film_id: str, ticket: str) -> _Opened:
        opened = self._opened.get(ticket)
        now = asyncio.get_running_loop().time()
        if opened is None or (opened.account, opened.film) != (ctx.actor, film_id) or opened.until < now:
            raise NotFound(kind="film")
        return opened


def _views(conn: Connection, rows: list[RowMapping]) -> list[RoomFilm]:
    answers = film_store.answers(conn, [row["id"] for row in rows])
    accounts = {row["asked_by"] for row in rows} | {a["account"] for of_one in answers.values() for a in of_one}
    names = people.names(conn, accounts)
    return [
        RoomFilm(
            row["id"], row["consult"], row["state"], row["keep"], names.get(row["asked_by"], ""), row["asked_at"],
            row["began_at"], row["ended_at"], row["why_ended"], row["expires_at"],
            [
                FilmAnswer(a["account"], names.get(a["account"], ""), a["says"], a["at"])
                for a in answers.get(row["id"], [])
            ],
        )
        for row in rows
    ]  # fmt: skip
