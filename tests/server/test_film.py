"""A film of a room is begun by everybody's word and ended by anybody's; who looks at it is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from server import demo
from server.base.clock import ManualClock
from server.consult import store
from server.consult.films import store as film_store
from server.consult.films.model import FILM
from server.consult.films.timeline import NAME
from server.consult.media.embedded import Embedded
from server.consult.media.engine import Died, FilmBroke, MediaEngine
from server.consult.media.janus import Janus
from tests import janus
from tests.server.conftest import REQUEST, Browser, Hub, Refused, normal
from tests.server.film_reader import read
from tests.server.media_member import SyntheticMember, answered
from tests.server.test_alerts_town import START
from tests.server.test_film_media import OPUS_20_MS, shown, there
from tests.server.test_media_http import opened
from tests.waiting import until

TOLD_S = 30.0
DAY_S = 86_400


class Page:
    """One open page of the room. `film`: what the hub told last of a film."""

    def __init__(self, browser: Browser, consult: str) -> None:
        self.browser, self.topic = browser, f"consult:{consult}"
        self.film: dict[str, Any] = {}
        self.account = ""

    async def __aenter__(self) -> Page:
        self.account = (await self.browser.get("/api/me"))["id"]
        ticket = (await self.browser.post("/api/ws-ticket"))["ticket"]
        self.socket = await self.browser.http.ws_connect(f"{self.browser.url}/api/ws", params={"ticket": ticket})
        await self.socket.send_json({"type": "subscribe", "topic": self.topic})
        await self.say(kind="hello")
        await self.told(lambda body: body.get("kind") == "floor" and self.account in str(body["here"]))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def say(self, **body: Any) -> None:
        await self.socket.send_json({"type": "whisper", "topic": self.topic, "body": body})

    async def told(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(TOLD_S):
            while True:
                message = json.loads(await self.socket.receive_str())
                body = message.get("body") or {}
                if message["type"] != "whisper":
                    continue
                if body.get("kind") == "film":
                    self.film = body
                if wanted(body):
                    return dict(body)

    async def film_is(self, state: str) -> dict[str, Any]:
        if self.film.get("state") == state:
            return self.film
        return await self.told(lambda body: body.get("kind") == "film" and body["state"] == state)


@dataclass
class Room:
    hub: Hub
    consult: str
    clinic: Browser
    host: Browser
    third: Browser
    stranger: Browser
    stack: AsyncExitStack

    async def page(self, browser: Browser) -> Page:
        await browser.post(f"/api/consults/{self.consult}/enter", {})
        return await self.stack.enter_async_context(Page(browser, self.consult))

    async def ask(self, keep: str = "short") -> str:
        told = await self.host.post(f"/api/consults/{self.consult}/films", {"keep": keep})
        return next(str(film["id"]) for film in told["films"] if film["state"] in film_store.OPEN)

    async def say(self, browser: Browser, film: str, *, agrees: bool) -> dict[str, Any]:
        return dict(await browser.post(f"/api/films/{film}/answer", {"agrees": agrees}))

    async def events(self, kind: str) -> int:
        admin = await self.stack.enter_async_context(await self.hub.sign_in("admin"))
        lines = (await admin.get("/api/admin/audit?limit=200"))["lines"]
        return sum(line["kind"] == kind for line in lines)


async def roomful(hub: Hub, stack: AsyncExitStack) -> Room:
    people = [await stack.enter_async_context(await hub.sign_in(n)) for n in ("clinic", "oncall", "second", "village")]
    receipt = await hub.send("org_hewan", normal(), REQUEST)
    consult = await opened(receipt.recording, people[0], people[1])
    account = (await people[2].get("/api/me"))["id"]
    await hub.app.db.write(lambda tx: store.add_member(tx.conn, consult, account, demo.CENTRE, "observer"))
    clinic, host, third, stranger = people
    return Room(hub, consult, clinic, host, third, stranger, stack)


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def room(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Room]:
    async with Hub(tmp_path, clock) as hub, AsyncExitStack() as stack:
        yield await roomful(hub, stack)


async def refused(code: str, work: Any) -> None:
    with pytest.raises(Refused) as caught:
        await work
    assert caught.value.code == code


async def test_it_begins_when_everybody_has_agreed_and_who_comes_later_is_asked_at_the_door(room: Room) -> None:
    clinic, host = await room.page(room.clinic), await room.page(room.host)
    await refused("consult.not_the_expert", room.third.post(f"/api/consults/{room.consult}/films", {"keep": "short"}))
    film = await room.ask()
    told = await clinic.film_is("asked")
    assert (told["by"], told["waits_for"], told["carried"]) == (host.account, [clinic.account], [host.account])
    await refused("consult.film_under_way", room.ask())
    assert not room.hub.app.seats.is_forwarded(room.consult)

    assert (await room.say(room.clinic, film, agrees=True))["state"] in ("asked", "filming")
    told = await host.film_is("filming")
    assert sorted(told["carried"]) == sorted([clinic.account, host.account])
    assert room.hub.app.seats.is_forwarded(room.consult)  # two people, and yet over the hub: there it can be kept

    third = await room.page(room.third)
    told = await third.film_is("filming")  # the first he hears
    assert third.account not in told["carried"]
    await room.say(room.third, film, agrees=False)
    told = await host.told(lambda body: body.get("kind") == "film" and third.account in body["refused"])
    assert (told["state"], third.account in told["carried"]) == ("filming", False)
    await room.say(room.third, film, agrees=True)
    await host.told(lambda body: body.get("kind") == "film" and third.account in body["carried"])

    await room.say(room.clinic, film, agrees=False)  # takes it back: the film ends
    told = await third.film_is("kept")
    assert told["why"] == "withdrawn"
    shown_to_all = (await room.third.get(f"/api/consults/{room.consult}/films"))["films"]
    assert [f["state"] for f in shown_to_all] == ["kept"]
    assert {a["says"] for a in shown_to_all[0]["answers"]} == {"agrees", "withdrew"}
    await refused("state.refused", room.say(room.clinic, film, agrees=True))


async def test_one_refusal_is_enough_and_the_host_may_give_up_asking(room: Room) -> None:
    await room.page(room.clinic)
    host = await room.page(room.host)
    film = await room.ask()
    await refused("http.not_found", room.say(room.stranger, film, agrees=True))
    assert (await room.say(room.clinic, film, agrees=False))["state"] == "refused"
    await host.film_is("refused")
    host.film = {}
    film = await room.ask("case")
    await refused("consult.not_the_expert", room.third.post(f"/api/films/{film}/stop", {}))
    assert (await room.host.post(f"/api/films/{film}/stop", {}))["state"] == "cancelled"
    await host.film_is("cancelled")
    await refused("state.refused", room.host.post(f"/api/films/{film}/view", {}))
    assert not (room.hub.data / "films").exists()


async def test_nobody_waits_for_the_word_of_one_who_has_gone(room: Room) -> None:
    host = await room.page(room.host)
    async with AsyncExitStack() as for_a_while:
        clinic = await for_a_while.enter_async_context(Page(room.clinic, room.consult))
        await room.ask()
        await clinic.film_is("asked")
    await host.film_is("filming")


async def filmed(room: Room, film: str) -> None:
    """The host sends sound and picture until some of it lies on the disk."""
    member = SyntheticMember()
    try:
        seat = await room.host.post(f"/api/consults/{room.consult}/media/seat", {})
        path, name = f"/api/consults/{room.consult}/media", seat["seat"]
        answer = await room.host.post(f"{path}/publish", {"seat": name, "sdp": member.offer})
        await room.host.post(f"{path}/answer", {"seat": name, "sdp": answered(seat["offer"])})
        member.receiving.connect(seat["offer"])
        member.sending.connect(answer["sdp"])
        await member.connected()
        folder = room.hub.data / "films" / film

        def enough() -> bool:
            member.voice.say(OPUS_20_MS + b"word", 40)
            shown(member, b"<%s>" % (200 * b"x"), key=True)
            return sum(path.stat().st_size for path in folder.glob("*.part")) > 20_000

        await until(enough, 30)
    finally:
        member.close()


async def test_who_was_there_plays_it_piece_by_piece_with_the_stage_and_every_look_is_written(room: Room) -> None:
    clinic, host = await room.page(room.clinic), await room.page(room.host)
    film = await room.ask()
    await room.say(room.clinic, film, agrees=True)
    await host.film_is("filming")
    await filmed(room, film)
    view = {"recording": "rec_1", "layout": "12x1", "first": 500, "end": 5000, "speed": 25, "gain": 10}
    await host.say(kind="view", **view)
    await host.say(kind="pointer", lead="II", sample=700, uv=0)
    await clinic.told(lambda body: body.get("kind") == "pointer")
    await room.host.post(f"/api/films/{film}/stop", {})
    await host.film_is("kept")

    assert await room.events("consult.film_viewed") == 0
    await refused("http.not_found", room.stranger.post(f"/api/films/{film}/view", {}))
    told = await room.third.post(f"/api/films/{film}/view", {})  # a member of the case, though he was not there
    assert await room.events("consult.film_viewed") == 1
    (part,) = told["parts"]
    assert (part["account"], part["picture"]) == (host.account, True)
    assert part["last_ms"] <= told["last_ms"]

    async def bytes_of(browser: Browser, path: str, span: str) -> tuple[int, str, bytes]:
        async with browser.http.get(browser.url + path, headers={"Range": span}) as answer:
            return answer.status, answer.headers.get("Content-Range", ""), await answer.read()

    async def all_of(path: str) -> bytes:
        found = b""
        while True:
            status, said, body = await bytes_of(room.third, path, f"bytes={len(found)}-{len(found) + 6999}")
            assert status == 206
            assert said.startswith(f"bytes {len(found)}-{len(found) + len(body) - 1}/")
            found += body
            if len(found) == int(said.rpartition("/")[2]):
                return found

    film_bytes = await all_of(part["media"])
    assert len(read(film_bytes).of(1)) > 5
    status, _, whole = await bytes_of(room.third, part["media"], "")
    assert (status, whole) == (200, film_bytes)
    assert (await bytes_of(room.third, part["media"], f"bytes={len(film_bytes)}-"))[0] == 416
    for span in ("bytes=-5", "bytes=x-", "lines=1-2", "bytes=0-1,5-6", "bytes=" + 40 * "9" + "-"):
        assert (await bytes_of(room.third, part["media"], span))[2] == film_bytes
    # The address is his alone, and good for this film.
    assert (await bytes_of(room.host, part["media"], "bytes=0-"))[0] == 404
    assert (await bytes_of(room.third, part["media"].partition("?")[0] + "?view=guessed", "bytes=0-"))[0] == 404
    assert (await bytes_of(room.third, part["media"].replace("parts/0", "parts/7"), "bytes=0-"))[0] == 404

    words = (await room.third.get(f"/api/films/{film}/stage?view={told['view']}"))["words"]
    said = [(word["by"], word["said"]["kind"]) for word in words]
    assert ("", "floor") in said  # how it stood when it began
    assert (host.account, "pointer") in said
    (at,) = [word for word in words if word["said"]["kind"] == "view"]
    assert (at["said"]["first"], at["said"]["presenter"]) == (500, host.account)
    assert [word["ms"] for word in words] == sorted(word["ms"] for word in words)
    # On the disk nothing of it stands in the clear.
    for path in (room.hub.data / "films" / film).iterdir():
        assert b"rec_1" not in path.read_bytes()
        assert b"OpusHead" not in path.read_bytes()


async def test_when_its_time_is_over_files_and_key_are_gone(room: Room, clock: ManualClock) -> None:
    host = await room.page(room.host)
    film = await room.ask("short")  # alone in the room: his word is everybody's
    await host.film_is("filming")
    folder = room.hub.data / "films" / film
    await until(lambda: (folder / NAME).exists())
    await room.host.post(f"/api/films/{film}/stop", {})
    clock.advance(29 * DAY_S)
    assert (await one(room, film))["state"] == "kept"
    clock.advance(2 * DAY_S)
    room.hub.app.spine.poke_timers()

    async def deleted() -> bool:
        row = await room.hub.app.db.read(lambda conn: film_store.film_row(conn, film))
        return row["state"] == "deleted" and not folder.exists()

    await until(deleted, 30)
    row = await room.hub.app.db.read(lambda conn: film_store.film_row(conn, film))
    assert row["sealed_key"] is None


async def one(room: Room, film: str) -> dict[str, Any]:
    row = await room.hub.app.db.read(lambda conn: film_store.film_row(conn, film))
    return dict(row)


async def test_a_hub_that_starts_again_ends_what_was_under_way_and_keeps_what_there_is(tmp_path: Path) -> None:
    async with Hub(tmp_path) as hub, AsyncExitStack() as stack:
        room = await roomful(hub, stack)
        host = await room.page(room.host)
        film = await room.ask()
        await host.film_is("filming")
        # As a crash leaves it: the row says that it is under way.
        hub.app.films._running.clear()
    async with Hub(tmp_path) as hub:
        row = await hub.app.db.read(lambda conn: film_store.film_row(conn, film))
        assert (row["state"], row["why_ended"]) == ("kept", "restart")
        assert row["expires_at"] > row["ended_at"]


async def test_an_engine_that_died_is_told_again_a_disk_that_fails_ends_it(room: Room) -> None:
    host = await room.page(room.host)
    film = await room.ask()
    await host.film_is("filming")
    await filmed(room, film)
    seats = room.hub.app.seats
    await seats.engine.close()
    seats._heard(Died())
    engine = seats.engine
    assert isinstance(engine, Embedded)
    await until(lambda: there(engine), 60)
    before = {path.name for path in (room.hub.data / "films" / film).glob("*.part")}
    await filmed_more(room, film, before)
    seats._heard(FilmBroke(room.consult, film, "No space left on device"))
    told = await host.film_is("kept")
    assert told["why"] == "disk"


async def filmed_more(room: Room, film: str, before: set[str]) -> None:
    """With a new seat, as the page would take it: new parts beside the old."""
    await filmed(room, film)
    folder = room.hub.data / "films" / film
    await until(lambda: {path.name for path in folder.glob("*.part")} > before, 30)


async def test_behind_a_janus_that_came_back_the_film_goes_on_and_one_that_refuses_ends_it(
    tmp_path: Path, clock: ManualClock
) -> None:
    janus.needs_janus()
    with janus.Janus() as server:
        async with Hub(tmp_path, clock, server.config()) as hub, AsyncExitStack() as stack:
            room = await roomful(hub, stack)
            host = await room.page(room.host)
            film = await room.ask()
            await host.film_is("filming")
            await filmed(room, film)
            await asyncio.to_thread(server.restart)
            engine = hub.app.seats.engine
            assert isinstance(engine, Janus)
            await until(lambda: engine.restarts == 1, TOLD_S)
            await filmed_more(room, film, {path.name for path in (hub.data / "films" / film).glob("*.part")})
            hub.app.seats._heard(FilmBroke(room.consult, film, "433 Unauthorized", "engine"))
            assert (await host.film_is("kept"))["why"] == "engine"


async def test_an_engine_that_cannot_says_so(room: Room) -> None:
    class Other:
        """An engine without films."""

    room.hub.app.seats.engine, real = cast_engine(Other()), room.hub.app.seats.engine
    try:
        await refused("consult.film_unable", room.ask())
    finally:
        room.hub.app.seats.engine = real


def cast_engine(other: object) -> MediaEngine:
    return other  # type: ignore[return-value]  # that it is none is the point


def test_every_film_ends_and_none_is_looked_at_before() -> None:
    assert FILM.allowed("deleted") == FILM.allowed("refused") == FILM.allowed("cancelled") == ()
    assert [row.state for row in FILM.rows if row.event == "view"] == ["kept"]
