"""Films of a room: asked for by its host, begun when everybody there has agreed, ended by whoever takes that back.

Who enters later is asked at the door; until he agrees nothing of his is on it. A banner's words go to every page all
the time (`FilmNews`). What is kept lies sealed in a folder of its own and is deleted when its time has come. Looking at
one: `views.py`; how packets become files: `media/film.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, RowMapping

from server.base.clock import Clock, later
from server.base.context import Ctx
from server.base.database import Database, Tx
from server.base.ids import new_id
from server.base.live import Heard
from server.consult import store
from server.consult.access import for_chair, tell, visible
from server.consult.errors import FilmUnable, FilmUnderWay, NotAMember
from server.consult.films import store as film_store
from server.consult.films.model import FILM, FilmNews, FilmState, Keep, Says, WhyEnded
from server.consult.films.timeline import Timeline
from server.consult.media.engine import Died, EngineGone, Event, Film, FilmBroke, FilmingEngine
from server.consult.media.seats import Seats
from server.consult.model import CONSULT
from server.consult.room import Rooms
from server.people import store as people

log = structlog.get_logger()

EXPIRES: Final = "consult.film_expires"
LOOK_EVERY_S: Final = 1.0
GIVE_UP_S: Final = 6
"""Tries, each of which waits up to ten seconds for an engine that is not there."""
FILM_S_MAX: Final = 4 * 3600


class FilmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """short_days, case_days: how long films of either kind are kept."""

    short_days: int = 30
    case_days: int = 15 * 365

    def kept_s(self, keep: str) -> int:
        return 86_400 * (self.case_days if keep == "case" else self.short_days)


@dataclass
class _Running:
    """A film asked for or under way."""

    id: str
    consult: str
    keep: Keep
    by: str
    state: FilmState = "asked"
    answers: dict[str, Says] = field(default_factory=dict)
    film: Film | None = None
    timeline: Timeline | None = None
    watching: asyncio.Task[None] | None = None
    untold_s: float = 0.0
    """For so long the engine could not be told whom it carries."""

    def said(self, word: Says) -> list[str]:
        return [account for account, says in self.answers.items() if says == word]


class Films:
    """master: the key that seals every film's own. saving: whether the disk's reserve is being used."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        rooms: Rooms,
        seats: Seats,
        settings: FilmSettings,
        folder: Path,
        master: bytes,
        saving: Callable[[], bool],
    ) -> None:
        self.db, self.clock, self.settings, self.folder = db, clock, settings, folder
        self._rooms, self._seats, self._master, self._saving = rooms, seats, master, saving
        self._running: dict[str, _Running] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        seats.film_told = self._media_told

    # What people do

    async def ask(self, ctx: Ctx, consult_id: str, keep: Keep) -> None:
        """The host asks everybody in the room. He has agreed by asking. Raises FilmUnable, FilmUnderWay."""
        if not isinstance(self._seats.engine, FilmingEngine):
            raise FilmUnable

        def work(tx: Tx) -> str:
            row = for_chair(tx.conn, ctx, consult_id)
            CONSULT.move(row["state"], "enter")
            if film_store.open_films(tx.conn, consult_id):
                raise FilmUnderWay
            film_id = new_id("film")
            film_store.add_film(
                tx.conn, id=film_id, consult=consult_id, state=FILM.start, keep=keep, asked_by=ctx.actor,
                asked_at=tx.now, why_ended="",
            )  # fmt: skip
            film_store.set_answer(tx.conn, film_id, ctx.actor, "agrees", tx.now)
            tell(tx, row, "consult.film_asked", {"film": film_id, "keep": keep})
            return film_id

        film_id = await self.db.write(work, actor=ctx.actor)
        self._running[consult_id] = _Running(film_id, consult_id, keep, ctx.actor, answers={ctx.actor: "agrees"})
        self._say(consult_id)
        await self._consider(consult_id)

    async def answer(self, ctx: Ctx, film_id: str, *, agrees: bool) -> None:
        """One member's word. A refusal ends what was only asked for; of one who is carried it ends the film."""

        def work(tx: Tx) -> tuple[str, Says, FilmState]:
            film = film_store.film_row(tx.conn, film_id)
            row = inside(tx.conn, ctx, film["consult"])
            known = {a["account"]: a["says"] for a in film_store.answers(tx.conn, [film_id]).get(film_id, [])}
            carried = film["state"] == "filming" and known.get(ctx.actor) == "agrees"
            says: Says = "agrees" if agrees else "withdrew" if carried else "refuses"
            event = {"agrees": "agree", "refuses": "refuse", "withdrew": "withdraw"}[says]
            target = FILM.move(film["state"], event)
            film_store.set_answer(tx.conn, film_id, ctx.actor, says, tx.now)
            if target != film["state"]:
                self._close(tx, film, target, "withdrawn" if says == "withdrew" else "")
            tell(tx, row, "consult.film_answered", {"film": film_id, "says": says, "film_state": target})
            return film["consult"], says, _state(target)

        consult_id, says, state = await self.db.write(work, actor=ctx.actor)
        running = self._running.get(consult_id)
        if running is None or running.id != film_id:
            return
        running.answers[ctx.actor] = says
        if state != running.state:
            await self._over(running, state, "withdrawn" if says == "withdrew" else "")
            return
        self._say(consult_id)
        if running.state == "filming":
            await self._carry(running)
        else:
            await self._consider(consult_id)

    async def stop(self, ctx: Ctx, film_id: str) -> None:
        """The host has what he wanted, or gives up asking."""

        def work(tx: Tx) -> tuple[str, FilmState]:
            film = film_store.film_row(tx.conn, film_id)
            row = for_chair(tx.conn, ctx, film["consult"])
            target = FILM.move(film["state"], "stop")
            self._close(tx, film, target, "host")
            tell(tx, row, "consult.film_ended", {"film": film_id, "why": "host", "film_state": target})
            return film["consult"], _state(target)

        consult_id, state = await self.db.write(work, actor=ctx.actor)
        running = self._running.get(consult_id)
        if running is not None and running.id == film_id:
            await self._over(running, state, "host")

    async def expire(self, film_id: str) -> None:
        """Its time is over: files and key go, the row says that there was one. May run twice."""

        def work(tx: Tx) -> None:
            film = film_store.film_row(tx.conn, film_id)
            if film["state"] == "deleted":
                return
            target = FILM.move(film["state"], "expire")
            film_store.update_film(tx.conn, film_id, state=target, sealed_key=None)
            tell(tx, store.consult_row(tx.conn, film["consult"]), "consult.film_deleted", {"film": film_id})

        await self.db.write(work)
        await asyncio.to_thread(shutil.rmtree, self.folder / film_id, True)

    # What the room and the engine tell

    def heard(self, consult_id: str, account: str, heard: Heard) -> None:
        """What was whispered, as it went on to the others."""
        running = self._running.get(consult_id)
        if running is None or running.timeline is None:
            return
        carried = running.said("agrees")
        if heard.on is not None:
            running.timeline.note(account, heard.on, carried)
        for told in heard.told:
            running.timeline.note("", told, carried)

    def left(self, consult_id: str) -> None:
        """Somebody's last page is gone: the others need not wait for his word."""
        if consult_id in self._running:
            self._later(self._consider(consult_id))

    def forget(self, consult_id: str) -> None:
        """The room has ended."""
        if consult_id in self._running:
            self._later(self._end(consult_id, "room"))

    def first_whisper(self, consult_id: str) -> bytes | None:
        running = self._running.get(consult_id)
        return None if running is None else msgspec.json.encode(self._news(running))

    async def recover(self) -> None:
        """At the start of the hub: what was under way has ended with the one before."""

        def work(tx: Tx) -> None:
            for film in film_store.open_films(tx.conn):
                target = FILM.move(film["state"], "end")
                self._close(tx, film, target, "restart")
                row = store.consult_row(tx.conn, film["consult"])
                tell(tx, row, "consult.film_ended", {"film": film["id"], "why": "restart", "film_state": target})

        if await self.db.read(film_store.open_films):
            await self.db.write(work)

    async def close(self) -> None:
        """The hub stops: what was filmed until now is written."""
        for consult_id in list(self._running):
            await self._end(consult_id, "restart")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def key(self, film: RowMapping) -> bytes:
        sealed = film["sealed_key"]
        return AESGCM(self._master).decrypt(sealed[:12], sealed[12:], film["id"].encode())

    def _media_told(self, event: Event) -> None:
        match event:
            case FilmBroke():
                log.error("film.broke", film=event.film, why=event.why)
                self._later(self._end(event.room, event.by))
            case Died():
                for running in self._running.values():
                    self._later(self._carry(running))

    # Its life

    async def _consider(self, consult_id: str) -> None:
        """Begin, if everybody who is in the room has agreed."""
        async with self._turn:
            running = self._running.get(consult_id)
            if running is None or running.state != "asked" or self._waits_for(running):
                return
            key = secrets.token_bytes(32)
            nonce = secrets.token_bytes(12)
            sealed = nonce + AESGCM(self._master).encrypt(nonce, key, running.id.encode())

            def work(tx: Tx) -> None:
                film = film_store.film_row(tx.conn, running.id)
                target = FILM.move(film["state"], "begin")
                film_store.update_film(tx.conn, running.id, state=target, began_at=tx.now, sealed_key=sealed)
                row = store.consult_row(tx.conn, consult_id)
                tell(tx, row, "consult.film_began", {"film": running.id, "carried": len(running.said("agrees"))})

            await self.db.write(work)
            running.state = "filming"
            folder = self.folder / running.id
            try:
                await asyncio.to_thread(folder.mkdir, parents=True, mode=0o700)
                running.timeline = Timeline(folder, key)
            except OSError as error:
                log.error("film.folder", error=type(error).__name__)
                self._later(self._end(consult_id, "disk"))
                return
            for said in self._rooms.first_whispers(consult_id):
                running.timeline.note("", said, ())
            running.film = Film(consult_id, running.id, str(folder), key, [])
            running.watching = asyncio.create_task(self._watch(running), name="film")
        self._say(consult_id)
        await self._carry(running)

    async def _carry(self, running: _Running) -> None:
        """Tell the engine who is on it."""
        engine = self._seats.engine
        if running.film is None or running.timeline is None or not isinstance(engine, FilmingEngine):
            return
        self._seats.forward(running.consult)
        film = msgspec.structs.replace(
            running.film, accounts=running.said("agrees"), offset_ms=running.timeline.ms
        )  # fmt: skip
        try:
            await engine.film(film)
            running.untold_s = 0.0
        except EngineGone:
            running.untold_s += LOOK_EVERY_S  # `_watch` tries again: it is being begun anew

    async def _watch(self, running: _Running) -> None:
        while running.timeline is not None:
            await asyncio.sleep(LOOK_EVERY_S)
            if running.untold_s > GIVE_UP_S:
                self._later(self._end(running.consult, "engine"))
                return
            if running.untold_s:
                await self._carry(running)
            try:
                await running.timeline.write()
            except OSError as error:
                log.error("film.stage", error=type(error).__name__)
                self._later(self._end(running.consult, "disk"))
                return
            if self._saving():
                self._later(self._end(running.consult, "disk"))
            elif running.timeline.ms > FILM_S_MAX * 1000:
                self._later(self._end(running.consult, "length"))

    async def _end(self, consult_id: str, why: WhyEnded) -> None:
        """By the hub itself."""
        running = self._running.get(consult_id)
        if running is None:
            return

        def work(tx: Tx) -> FilmState:
            film = film_store.film_row(tx.conn, running.id)
            if film["state"] not in film_store.OPEN:
                return _state(film["state"])
            target = FILM.move(film["state"], "end")
            self._close(tx, film, target, why)
            row = store.consult_row(tx.conn, consult_id)
            tell(tx, row, "consult.film_ended", {"film": running.id, "why": why, "film_state": target})
            return _state(target)

        await self._over(running, await self.db.write(work), why)

    def _close(self, tx: Tx, film: RowMapping, target: str, why: WhyEnded) -> None:
        """The row of a film that has ended. What is kept is kept for its time."""
        expires = later(tx.now, self.settings.kept_s(film["keep"])) if target == "kept" else None
        film_store.update_film(
            tx.conn, film["id"], state=target, ended_at=tx.now, why_ended=why, expires_at=expires
        )  # fmt: skip
        if expires is not None:
            org = store.consult_row(tx.conn, film["consult"])["requester_org"]
            tx.set_timer(expires, EXPIRES, film["id"], org, {})

    async def _over(self, running: _Running, state: FilmState, why: WhyEnded) -> None:
        """After the row: the engine, the timeline and the pages."""
        if self._running.get(running.consult) is not running:
            return
        del self._running[running.consult]
        running.state = state
        if running.watching is not None and running.watching is not asyncio.current_task():
            running.watching.cancel()
        timeline, running.timeline = running.timeline, None
        self._seats.whisper(
            f"consult:{running.consult}", msgspec.json.encode(self._news(running, why)), None
        )  # fmt: skip
        engine = self._seats.engine
        if running.film is not None and isinstance(engine, FilmingEngine):
            with contextlib.suppress(EngineGone):
                await engine.end_film(running.consult)
        if timeline is not None:
            try:
                await timeline.close()
            except OSError as error:
                log.error("film.stage", error=type(error).__name__)

    def _waits_for(self, running: _Running) -> list[str]:
        here = self._rooms.present(running.consult)
        return sorted(account for account in here if account not in running.answers)

    def _news(self, running: _Running, why: WhyEnded = "") -> FilmNews:
        waits = self._waits_for(running) if running.state == "asked" else []
        refused = [*running.said("refuses"), *running.said("withdrew")]
        return FilmNews(
            running.id, running.state, running.by, running.keep, waits, running.said("agrees"), refused, why
        )

    def _say(self, consult_id: str) -> None:
        running = self._running.get(consult_id)
        if running is not None:
            self._seats.whisper(f"consult:{consult_id}", msgspec.json.encode(self._news(running)), None)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def inside(conn: Connection, ctx: Ctx, consult_id: str) -> RowMapping:
    """The consultation's row, for one of its members: a film is theirs alone. Raises NotFound, NotAMember."""
    row = visible(conn, ctx, consult_id)
    if not store.is_member(conn, consult_id, ctx.actor):
        members = store.members(conn, [consult_id])[consult_id]
        raise NotAMember(names="、".join(people.names(conn, (m["account"] for m in members)).values()))
    return row


def _state(name: str) -> FilmState:
    state: FilmState = msgspec.convert(name, FilmState)
    return state
