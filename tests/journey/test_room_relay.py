"""Browsers that reach nobody but a TURN server see and hear each other all the same, over UDP, TCP and TLS."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from server.config import Config
from tests.journey.conftest import People, page_hub
from tests.journey.coturn import SECRET, turn_server
from tests.journey.test_consult import enter
from tests.journey.test_room_media import accepted, hears, sees_all
from tests.server.conftest import Hub

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

RELAY_ONLY = """
const Any = RTCPeerConnection
window.RTCPeerConnection = class extends Any {
  constructor(config) { super({ ...config, iceTransportPolicy: 'relay' }) }
}
"""
PAIRS = """async () => {
  const found = []
  for (const c of window.connections) {
    if (c.connectionState !== 'connected') continue
    const stats = [...(await c.getStats()).values()]
    const transport = stats.find(s => s.type === 'transport')
    const pair = stats.find(s => s.id === transport?.selectedCandidatePairId)
    const local = stats.find(s => s.id === pair?.localCandidateId)
    found.push([local?.candidateType, local?.relayProtocol])
  }
  return found
}"""
# With the microphone in hand: without it a browser keeps the loopback's address to itself.
GATHERED = """async ({ urls, username, credential }) => {
  await navigator.mediaDevices.getUserMedia({ audio: true })
  const c = new RTCPeerConnection({ iceServers: [{ urls, username, credential }] })
  let relays = 0
  c.onicecandidate = event => { relays += event.candidate?.type === 'relay' ? 1 : 0 }
  const done = new Promise(d => { c.onicegatheringstatechange = () => c.iceGatheringState === 'complete' && d() })
  c.createDataChannel('x')
  await c.setLocalDescription()
  await done
  c.close()
  return relays
}"""


@pytest_asyncio.fixture(params=["udp", "tcp", "tls"], loop_scope="session")
async def relayed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Hub, str]]:
    """A hub whose only way between browsers is a TURN server over this transport."""
    async with turn_server(tmp_path / "turn") as port:
        url = f"turn:127.0.0.1:{port}?transport={request.param}"
        if request.param == "tls":
            url = f"turns:127.0.0.1:{port + 1}?transport=tcp"
        config = Config()
        consult = msgspec.structs.replace(config.consult, ice_urls=(url,), ice_secret=SECRET)
        async with page_hub(tmp_path / "hub", msgspec.structs.replace(config, consult=consult)) as hub:
            yield hub, url


@pytest.fixture
def hub(relayed: tuple[Hub, str]) -> Hub:
    return relayed[0]


def transport(url: str) -> str:
    return "tls" if url.startswith("turns:") else url.rpartition("=")[2]


async def only_relayed(page: Page, url: str) -> None:
    found: list[list[Any]] = await page.evaluate(PAIRS)
    assert found
    assert {tuple(pair) for pair in found} == {("relay", transport(url))}


async def test_two_and_three_who_reach_only_the_relay_see_and_hear_each_other(
    hub: Hub, people: People, relayed: tuple[Hub, str]
) -> None:
    consult, everybody = await accepted(hub, people, "reader")
    for person in everybody:
        person.refusal(409, r"/media/watch$")  # a wish may cross with the end of the seat it is for
        await person.context.add_init_script(RELAY_ONLY)
        await person.go(f"/room/{consult}")
        way = person.see("way-check")
        await expect(way).to_have_attribute("data-way", f"turn_{transport(relayed[1])}")
    for person in everybody[:2]:
        await enter(person)
    for person in everybody[:2]:
        await sees_all(person, 1)
        await only_relayed(person.page, relayed[1])
    await enter(everybody[2])
    for person in everybody:
        await sees_all(person, 2)
        await hears(person, 2)
        await only_relayed(person.page, relayed[1])
    people.no_faults()


async def test_a_password_of_the_hub_opens_the_relay_until_it_has_run_out(
    hub: Hub, people: People, relayed: tuple[Hub, str]
) -> None:
    person = await people.open("clinic", "/consults")

    def password(expires: int, secret: str = SECRET) -> dict[str, str]:
        username = f"{expires}:usr_1"
        digest = hmac.digest(secret.encode(), username.encode(), "sha1")
        return {"urls": relayed[1], "username": username, "credential": b64encode(digest).decode()}

    assert await person.page.evaluate(GATHERED, password(2_000_000_000)) == 1
    assert await person.page.evaluate(GATHERED, password(1_000_000_000)) == 0
    assert await person.page.evaluate(GATHERED, password(2_000_000_000, "another")) == 0
