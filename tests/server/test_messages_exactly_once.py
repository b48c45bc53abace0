"""Many people write while their connections die: each message is stored once and seen by everybody once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from dataclasses import dataclass, field

import aiohttp
import msgspec

from server.base.database import Database
from server.messages import store
from tests.server.conftest import Browser, Hub
from tests.waiting import until

WRITERS, EACH, KILLS = 10, 6, 30
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
    sending: asyncio.Task[None] | None = None
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

    async def write(self) -> None:
        for number in range(EACH):
            message = {"client_id": f"client-{self.number:02}-{number:02}", "text": f"{self.number} {number}"}
            while True:
                # A fresh key each time: that it is stored once must not hang on the HTTP side's memory.
                self.sending = asyncio.create_task(self._send(message, str(uuid.uuid4())))
                with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
                    await self.sending
                    break

    async def _send(self, message: dict[str, str], key: str) -> None:
        await self.browser.post(f"/api/threads/{THREAD}/messages", message, key=key)


async def test_every_message_is_stored_once_and_seen_once_in_order_although_connections_die(hub: Hub) -> None:
    chance = random.Random(8)
    pages = [Page(await hub.sign_in("clinic"), number) for number in range(WRITERS)]
    following = [asyncio.create_task(page.follow()) for page in pages]
    try:
        await until(lambda: all(page.cursor is not None for page in pages), 30)
        writing = asyncio.gather(*(page.write() for page in pages))
        killed = 0
        while killed < KILLS or not writing.done():
            page = chance.choice(pages)
            transport = None if page.socket is None or page.socket.closed else page.socket.get_extra_info("socket")
            if killed < KILLS and transport is not None:
                await page.socket.close(code=4000) if chance.random() < 0.5 else _cut(page)  # type: ignore[union-attr]
                killed += 1
            if killed < KILLS and page.sending is not None and chance.random() < 0.5:
                page.sending.cancel()  # the request goes, its answer never comes
            await asyncio.sleep(0.01)
        await writing
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


def _cut(page: Page) -> None:
    """As a line that breaks: no goodbye."""
    assert page.socket is not None
    connection = page.socket._response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


async def _stored(db: Database) -> list[str]:
    rows = await db.read(lambda conn: store.thread_after(conn, THREAD, 0, 10_000))
    assert len({row["client_id"] for row in rows}) == len(rows)
    return [row["id"] for row in rows]
