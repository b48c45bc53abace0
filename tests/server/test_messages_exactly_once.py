"""Many people write while their connections die: each message is stored once and seen by everybody once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import msgspec
import pytest

from server.base.database import Database
from server.messages import store
from tests.server.conftest import Browser, Hub
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("either_database")

WRITERS, EACH, TURNS = 8, 5, 60
THREAD = "org_hewan"


@dataclass(eq=False)
class Page:
    """An open page: it follows the clinic's events, comes back with its cursor after a break, and repeats what it sent
    until it has an answer."""

    browser: Browser
    number: int
    seen: list[str] = field(default_factory=list)
    cursor: int | None = None
    socket: aiohttp.ClientWebSocketResponse | None = None
    closing: asyncio.Task[bool] | None = None
    breaks: int = 0

    async def follow(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                await self._follow()
            self.breaks += 1

    async def _follow(self) -> None:
        ticket = (await self.browser.post("/api/ws-ticket", {}))["ticket"]
        async with self.browser.http.ws_connect(f"{self.browser.url}/api/ws?ticket={ticket}") as self.socket:
            await self.socket.send_json({"type": "subscribe", "topic": f"org:{THREAD}", "cursor": self.cursor})
            async for frame in self.socket:
                told = msgspec.json.decode(frame.data)
                if told["type"] == "ready":
                    self.cursor = told["cursor"]
                elif told["type"] == "event":
                    self.cursor = told["event"]["id"]
                    if told["event"]["kind"] == "message.sent":
                        self.seen.append(told["event"]["body"]["message"])

    async def write(self, pages: Sequence[Page], chance: random.Random) -> None:
        for number in range(EACH):
            message = {"client_id": f"client-{self.number:02}-{number:02}", "text": f"{self.number} {number}"}
            chance.choice(pages).cut(gently=chance.random() < 0.5)
            if chance.random() < 0.5:
                await self._send_and_drop(message, chance.randrange(TURNS))
            await self._send(message)
            if chance.random() < 0.3:
                await self._send(message)  # as after an answer that was lost

    async def _send_and_drop(self, message: dict[str, str], turns: int) -> None:
        """Break off wherever the request has come to."""
        sending = asyncio.create_task(self._send(message))
        for _ in range(turns):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, message: dict[str, str]) -> None:
        # A fresh key each time: that it is stored once must not hang on the HTTP side's memory.
        await self.browser.post(f"/api/threads/{THREAD}/messages", message)

    def cut(self, *, gently: bool) -> None:
        """End the page's socket: with a goodbye, or as a line that breaks."""
        if self.socket is None or self.socket.closed:
            return
        if gently:
            self.closing = asyncio.create_task(self.socket.close(code=4000))
        elif self.socket._response.connection is not None and (line := self.socket._response.connection.transport):
            line.abort()


async def test_every_message_is_stored_once_and_seen_once_in_order_although_connections_die(hub: Hub) -> None:
    chance = random.Random(8)
    pages = [Page(await hub.sign_in("clinic"), number) for number in range(WRITERS)]
    following = [asyncio.create_task(page.follow()) for page in pages]
    try:
        await until(lambda: all(page.cursor is not None for page in pages), 30)
        await asyncio.gather(*(page.write(pages, chance) for page in pages))
        stored = await _stored(hub.app.db)
        assert len(stored) == WRITERS * EACH
        await until(lambda: all(len(page.seen) >= len(stored) for page in pages), 30)
        assert all(page.seen == stored for page in pages), "missed, repeated or out of order"
        assert sum(page.breaks for page in pages) > 0
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for page in pages:
            await page.browser.http.close()


async def _stored(db: Database) -> list[str]:
    rows = await db.read(lambda conn: store.thread_after(conn, THREAD, 0, 10_000))
    assert len({row["client_id"] for row in rows}) == len(rows)
    return [row["id"] for row in rows]
