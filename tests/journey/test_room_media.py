"""Three and more in a room: everybody sees and hears everybody over either engine, and it heals by itself."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from playwright.async_api import expect

from server.config import Config
from server.consult import store
from server.consult.media.embedded import Embedded
from server.consult.media.janus import Janus
from tests import janus
from tests.journey.conftest import People, Person, real
from tests.journey.test_consult import enter, plays, request
from tests.server.conftest import REQUEST, Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

# The pages' own connections, so that what was decoded and heard can be asked of them.
WATCH_CONNECTIONS = """
window.connections = []
const Plain = RTCPeerConnection
window.RTCPeerConnection = class extends Plain {
  constructor(...args) { super(...args); window.connections.push(this) }
}
"""
HEARD = """async () => {
  let samples = 0, voices = 0
  for (const c of window.connections) {
    if (c.connectionState !== 'connected') continue
    ;(await c.getStats()).forEach(s => {
      if (s.type === 'inbound-rtp' && s.kind === 'audio' && s.packetsReceived > 0) {
        samples += s.totalSamplesReceived
        voices += 1
      }
    })
  }
  return [voices, samples]
}"""

# A busy machine may be taken for a narrow line, on which nobody sits down on the seat held in the lobby.
WIDE = """
const plain = window.fetch
window.fetch = (what, how) => what === '/api/echo' ? Promise.resolve(new Response(how.body)) : plain(what, how)
"""


@pytest.fixture
def config(janus_server: janus.Janus | None) -> Config:
    """The hub's, with that engine."""
    return Config() if janus_server is None else janus_server.config()


async def accepted(hub: Hub, people: People, *more: str) -> tuple[str, list[Person]]:
    """A consultation of clinic, specialist and `more`, each before a browser."""
    receipt = await hub.send("org_hewan", real("101"), REQUEST)
    all_of_them = [await people.open(login) for login in ("clinic", "oncall", *more)]
    for person in all_of_them:
        await person.context.add_init_script(WATCH_CONNECTIONS)
    consult = await request(all_of_them[0], receipt.recording)
    async with await hub.sign_in("oncall") as browser:
        await browser.post(f"/api/consults/{consult}/accept", {})
    for login in more:
        async with await hub.sign_in(login) as browser:
            account = (await browser.get("/api/me"))["id"]
        await invite(hub, consult, account)
    return consult, all_of_them


async def invite(hub: Hub, consult: str, account: str) -> None:
    await hub.app.db.write(lambda tx: store.add_member(tx.conn, consult, account, "org_county", "expert"))


async def sees_all(person: Person, count: int) -> None:
    tiles = person.page.locator("[data-testid=peer-tile][data-state=connected]")
    await expect(tiles).to_have_count(count)
    for tile in await tiles.all():
        await plays(tile.locator("video"))


async def hears(person: Person, voices: int) -> None:
    async def enough() -> bool:
        return int((await person.page.evaluate(HEARD))[0]) >= voices

    await until(enough, 20)
    before = (await person.page.evaluate(HEARD))[1]

    async def grows() -> bool:
        return bool((await person.page.evaluate(HEARD))[1] > before)

    await until(grows, 20)


async def test_the_third_member_brings_all_to_the_forwarder_and_they_see_and_hear_each_other(
    hub: Hub, people: People, janus_server: janus.Janus | None
) -> None:
    consult, (clinic, specialist, third) = await accepted(hub, people, "reader")
    everybody = (clinic, specialist, third)
    for person in everybody:
        person.refusal(409, r"/media/watch$")  # a wish may cross with the end of the seat it is for
        await person.go(f"/room/{consult}")
    await enter(clinic)
    await enter(specialist)
    # Browser to browser; on a machine so busy that this takes longer than a page waits for it, over the engine already.
    for person in (clinic, specialist):
        await sees_all(person, 1)

    await enter(third)
    for person in everybody:
        await sees_all(person, 2)
        await hears(person, 2)

    # One goes and comes back.
    await third.see("leave").get_by_role("button").click()
    for person in (clinic, specialist):
        await expect(person.page.locator("[data-testid=peer-tile][data-state=connected]")).to_have_count(1)
    await third.context.add_init_script(WIDE)
    await third.go(f"/room/{consult}")
    # On a wide line he sits down on the seat that the lobby held for him, and makes no other.
    await expect(third.see("way-check")).to_have_attribute("data-way", "direct")
    async with third.page.expect_request(lambda asked: "/enter" in asked.url) as entering:
        await enter(third)
    assert "?seat=seat_" in (await entering.value).url
    for person in everybody:
        await sees_all(person, 2)
        await hears(person, 2)
    assert await third.page.evaluate("window.connections.filter(c => c.connectionState !== 'closed').length") == 2

    # The forwarder is killed: everybody gets a new seat without a click.
    for person in everybody:
        person.refusal(409, r"/media/")  # what is asked for a seat of the killed one
        person.refusal(503, r"/media/")
    engine = hub.app.seats.engine
    assert isinstance(engine, Embedded | Janus)
    if janus_server is not None:
        await asyncio.to_thread(janus_server.restart)
    else:
        assert isinstance(engine, Embedded)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
    await until(lambda: engine.restarts == 1, 20)
    for person in everybody:
        await sees_all(person, 2)
        await hears(person, 2)
    people.no_faults()
