"""Thirty-eight members of a room who need no browser: accounts, each with a page's WebSocket and a seat with raw RTP.

For the journey of forty and for D4 of `bench media`; the two real browsers are the test's own. What they say is noise:
their packets count, nobody looks at their pictures. The first browser's picture is shown to all of them.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec

from server.base.clock import later
from server.base.http import COOKIE
from server.base.ids import new_id
from server.consult import store
from server.people import store as people_store
from server.people.model import GrantView
from server.people.service import token_hash
from tests.server.conftest import HASH, Browser, Hub, Refused
from tests.server.media_member import INTER_FRAME, SyntheticMember, answered
from tests.waiting import every, until

ORG: Final = "org_city"
EVERY_S: Final = 0.02
SMALL_EVERY: Final = 4
"""A packet of a small picture with every fourth of sound: 12.5 a second, of 1000 bytes, as 100 kbit/s are."""
LOUD_DBOV, QUIET_DBOV = 25, 80
SOUND, PICTURE = secrets.token_bytes(80), INTER_FRAME + secrets.token_bytes(995)
SESSION_S: Final = 3600
LOOK_S: Final = 0.5
TELL_EVERY: Final = 10
MANY_BITS: Final = 600_000
"""What web/src/consult/line.ts does: asks, tells every so many looks, and says at most."""
SEAT_S: Final = 60
TALKERS: Final = 3


@dataclass(eq=False)
class Member:
    """One of them. told_at: when his page heard of each message, by the message's text."""

    account: str
    browser: Browser
    """Its HTTP side."""
    media: SyntheticMember
    socket: aiohttp.ClientWebSocketResponse | None = None
    seat: str = ""
    cursor: int | None = None
    heard: list[str] = field(default_factory=list)
    told_at: dict[str, float] = field(default_factory=dict)
    came_in_s: float = 0.0


async def invite(hub: Hub, consult: str, number: int) -> dict[str, str]:
    """Makes accounts and lets them into the consultation. Returns the cookie of each account's session."""
    cookies = {new_id("usr"): secrets.token_urlsafe(24) for _ in range(number)}

    def made(tx: Any) -> None:
        for place, (account, cookie) in enumerate(cookies.items()):
            people_store.add_account(
                tx.conn, [GrantView("expert", ORG)], id=account, login=f"forty{place}", name=f"专家{place + 1}",
                title="主任医师", password=HASH[0], created_at=tx.now,
            )  # fmt: skip
            # Not by the password: its check is slow on purpose, and forty of them are a minute.
            people_store.add_session(tx.conn, token_hash(cookie), account, tx.now, later(tx.now, SESSION_S))
            store.add_member(tx.conn, consult, account, ORG, "expert")

    await hub.app.db.write(made)
    await hub.app.people.reload()
    return cookies


class Crowd:
    """Those who were invited, before a hub at that address. trust: of one with TLS."""

    def __init__(self, url: str, consult: str, cookies: dict[str, str], trust: ssl.SSLContext | None = None) -> None:
        self.url, self.consult = url, consult
        self.members = [
            Member(account, _browser(url, cookie, trust), SyntheticMember(opens=False))
            for account, cookie in cookies.items()
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._began, self._ticks = 0.0, 0
        self._talking: asyncio.TimerHandle | None = None

    async def enter(self, within_s: float) -> None:
        """All within so many seconds, each as a page does: entered, followed, greeted, seated."""
        gap = within_s / max(1, len(self.members))
        loop, coming = asyncio.get_running_loop(), [asyncio.Event() for _ in self.members]
        for i, turn in enumerate(coming):
            loop.call_later(i * gap, turn.set)
        await asyncio.gather(*map(self._one, self.members, coming))

    async def _one(self, member: Member, turn: asyncio.Event) -> None:
        await turn.wait()
        began = time.perf_counter()
        path = f"/api/consults/{self.consult}"
        told = await member.browser.post(f"{path}/enter", {})
        await self._follow(member)
        self._tasks += [asyncio.create_task(self._listen(member)), asyncio.create_task(self._ask_time(member))]
        seat = told["media"] or await until(lambda: self._seated(member), SEAT_S)
        member.seat, media = seat["seat"], member.media
        answer, _ = await asyncio.gather(
            member.browser.post(f"{path}/media/publish", {"seat": member.seat, "sdp": media.offer}),
            member.browser.post(f"{path}/media/answer", {"seat": member.seat, "sdp": answered(seat["offer"])}),
        )
        media.receiving.connect(seat["offer"])
        media.sending.connect(answer["sdp"])
        await media.connected()
        member.came_in_s = time.perf_counter() - began

    async def _seated(self, member: Member) -> dict[str, str] | None:
        """As a page: asks again where the engine is just being begun."""
        try:
            seat: dict[str, str] = await member.browser.post(f"/api/consults/{self.consult}/media/seat", {})
        except Refused as refused:
            if refused.status != 503:
                raise
            return None
        return seat

    async def _follow(self, member: Member) -> None:
        ticket = (await member.browser.post("/api/ws-ticket", {}))["ticket"]
        member.socket = await member.browser.http.ws_connect(f"{self.url}/api/ws?ticket={ticket}", max_msg_size=0)
        topic = f"consult:{self.consult}"
        await member.socket.send_json({"type": "subscribe", "topic": topic, "cursor": member.cursor})
        await member.socket.send_json({"type": "whisper", "topic": topic, "body": {"kind": "hello"}})

    async def _ask_time(self, member: Member) -> None:
        """As a page in a room does, which else would be taken for gone; and what its line carries, to the others."""
        line = {"kind": "line", "down_bits": MANY_BITS, "level": "full", "late_ms": 0}
        async for looks in every(LOOK_S):
            if member.socket is None or member.socket.closed:
                continue
            await member.socket.send_json({"type": "ping", "mark": looks})
            if looks % TELL_EVERY == 0:
                await member.socket.send_json({"type": "whisper", "topic": f"consult:{self.consult}", "body": line})

    async def _listen(self, member: Member) -> None:
        """As long as the crowd is there: a page that was cut off comes back with its cursor."""
        session = new_id("ses")
        while True:
            assert member.socket is not None
            async for frame in member.socket:
                await self._heard(member, msgspec.json.decode(frame.data), session)
            await self._follow(member)

    async def _heard(self, member: Member, told: dict[str, Any], session: str) -> None:
        body = told.get("body") or {}
        if told["type"] == "ready":
            member.cursor = told["cursor"]
        elif told["type"] == "event":
            member.cursor = told["event"]["id"]
            if told["event"]["kind"] == "message.sent":
                member.heard.append(told["event"]["body"]["message"])
                member.told_at[told["event"]["body"]["message"]] = time.perf_counter()
        elif told["type"] == "whisper" and body.get("kind") == "hello" and told["from"] not in ("", member.account):
            here = {"type": "here", "session": session, "mic": True, "cam": False, "ask": False}
            signal = {"kind": "signal", "description": here}
            assert member.socket is not None
            await member.socket.send_json(
                {"type": "whisper", "topic": f"consult:{self.consult}", "to": told["from"], "body": signal}
            )

    async def watch(self, large: str, small: str) -> None:
        """Everybody wishes for one large picture and three small ones: of a browser, and of two of themselves."""
        wishes = [{"account": large, "layer": "large"}, {"account": small, "layer": "small"}]
        wishes += [{"account": member.account, "layer": "small"} for member in self.members[:2]]
        path = f"/api/consults/{self.consult}/media/watch"
        await asyncio.gather(
            *(member.browser.post(path, {"seat": member.seat, "wishes": wishes}) for member in self.members)
        )

    def talk(self) -> None:
        """All microphones from now on: three are loud, the others only open. The first two also send a picture."""
        self._began, self._ticks = time.perf_counter(), 0
        self._tick()

    def _tick(self) -> None:
        while self._ticks < (time.perf_counter() - self._began) / EVERY_S:
            for number, member in enumerate(self.members):
                member.media.voice.say(SOUND, LOUD_DBOV + number if number < TALKERS else QUIET_DBOV)
                if number < 2 and self._ticks % SMALL_EVERY == 0:
                    member.media.small.say(PICTURE)
            self._ticks += 1
        self._talking = asyncio.get_running_loop().call_later(EVERY_S / 2, self._tick)

    async def close(self) -> None:
        if self._talking is not None:
            self._talking.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for member in self.members:
            if member.socket is not None:
                await member.socket.close()
            await member.browser.http.close()
            member.media.close()


def _browser(url: str, cookie: str, trust: ssl.SSLContext | None) -> Browser:
    browser = Browser(url, trust)
    browser.http.cookie_jar.update_cookies({COOKIE: cookie})
    return browser
