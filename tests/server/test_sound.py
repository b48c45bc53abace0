"""Voices over WebSockets: who hears whom, how much, and who may come in at all."""

from __future__ import annotations

import aiohttp
import pytest

from server.consult.sound.hall import LOUDEST, PACKET_BYTES_MAX, PACKETS_PER_S_MAX, SoundRoom, Voice
from tests.server.conftest import REQUEST, Browser, Hub, normal
from tests.server.test_media_http import opened
from tests.waiting import until


class Hall:
    """One room; `got` is what each account's page was given."""

    def __init__(self) -> None:
        self.room = SoundRoom()
        self.got: dict[str, list[bytes]] = {}
        self.voices: dict[str, Voice] = {}

    def come(self, account: str, *, without: bool = False) -> None:
        heard = self.got[account] = []
        voice = Voice(account, len(self.voices), without, heard.append)
        self.voices[account] = self.room.voices[voice.number] = voice

    def say(self, account: str, now: float, *, level: int = 100, opus: bytes = b"opus") -> None:
        self.room.say(self.voices[account], bytes((level, 0, 1)) + opus, now)

    def heard_by(self, account: str) -> int:
        return len(self.got[account])


def test_who_is_without_media_hears_all_and_is_heard_by_all_the_others_only_him() -> None:
    hall = Hall()
    hall.come("far", without=True)
    for account in ("a", "b"):
        hall.come(account)
    hall.say("far", 0.0)
    assert (hall.heard_by("far"), hall.heard_by("a"), hall.heard_by("b")) == (0, 1, 1)
    hall.say("a", 0.1)
    assert (hall.heard_by("far"), hall.heard_by("b")) == (1, 1)
    assert hall.got["far"] == [bytes((1, 100, 0, 1)) + b"opus"]  # the speaker's number before it


def test_only_the_loudest_few_are_passed_on_and_a_silent_one_gives_his_place() -> None:
    hall = Hall()
    hall.come("far", without=True)
    for n in range(LOUDEST + 1):
        hall.come(f"m{n}")
    for step in range(20):
        for n in range(LOUDEST + 1):
            hall.say(f"m{n}", step * 0.06, level=60 + 10 * n)
    heard = {packet[0] for packet in hall.got["far"][-LOUDEST:]}
    assert heard == {hall.voices[f"m{n}"].number for n in range(1, LOUDEST + 1)}
    hall.got["far"].clear()
    for step in range(20):
        for n in range(LOUDEST):
            hall.say(f"m{n}", 3.0 + step * 0.06, level=60 + 10 * n)
    assert {packet[0] for packet in hall.got["far"]} == {hall.voices[f"m{n}"].number for n in range(LOUDEST)}


def test_what_is_no_packet_or_comes_too_fast_goes_nowhere() -> None:
    hall = Hall()
    hall.come("far", without=True)
    hall.come("a")
    for opus in (b"", b"x" * PACKET_BYTES_MAX):
        hall.say("far", 0.0, opus=opus)
    assert hall.heard_by("a") == 0
    for _ in range(3 * PACKETS_PER_S_MAX):
        hall.say("far", 1.0)
    assert hall.heard_by("a") == PACKETS_PER_S_MAX
    hall.say("far", 2.0)
    assert hall.heard_by("a") == PACKETS_PER_S_MAX + 1


async def test_a_ticket_opens_one_socket_for_a_member_and_none_for_a_stranger(hub: Hub) -> None:
    people = [await hub.sign_in(login) for login in ("clinic", "oncall", "village")]
    clinic, oncall, stranger = people
    try:
        receipt = await hub.send("org_hewan", normal(), REQUEST)
        consult = await opened(receipt.recording, clinic, oncall)
        path = f"/api/consults/{consult}/sound"

        async def ticket(browser: Browser) -> str:
            return str((await browser.post("/api/ws-ticket", {}))["ticket"])

        async def enter(browser: Browser, value: str, without: int) -> aiohttp.ClientWebSocketResponse:
            url = f"{hub.url}{path}?ticket={value}&without={without}"
            return await browser.http.ws_connect(url)

        once = await ticket(clinic)
        far = await enter(clinic, once, 1)
        for browser, value in ((clinic, once), (clinic, "guessed"), (stranger, await ticket(stranger))):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await enter(browser, value, 1)
            assert refused.value.status in (401, 403, 404)
        near = await enter(oncall, await ticket(oncall), 0)
        await far.send_bytes(b"\x64\x00\x01opus")
        assert await near.receive_bytes(timeout=20) == b"\x00\x64\x00\x01opus"
        await near.send_bytes(b"\x64\x00\x01back")
        assert await far.receive_bytes(timeout=20) == b"\x01\x64\x00\x01back"

        # Who only listens is not passed on, until he has the word.
        account = (await oncall.get("/api/me"))["id"]
        hub.app.consult.rooms.admit(consult, account, "observer")
        await near.send_bytes(b"\x64\x00\x02hush")
        with pytest.raises(TimeoutError):
            await far.receive_bytes(timeout=0.5)
        hub.app.consult.rooms.admit(consult, account, "expert")
        await near.send_bytes(b"\x64\x00\x03word")
        assert await far.receive_bytes(timeout=20) == b"\x01\x64\x00\x03word"

        # More than a packet: the page is cut off, the other one goes on.
        await far.send_bytes(b"\x64" * 5000)
        await until(lambda: _closed(far), 20)
        await near.send_str("here")
        assert not near.closed
        await near.close()
    finally:
        for browser in people:
            await browser.http.close()


async def _closed(socket: aiohttp.ClientWebSocketResponse) -> bool:
    if not socket.closed:
        try:
            await socket.receive(timeout=0.2)
        except TimeoutError:
            return False
    return socket.closed
