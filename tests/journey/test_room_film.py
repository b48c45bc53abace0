"""A film of a room: all in it agree in their browsers, one takes it back, another plays it with the stage in step."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from server.config import Config
from server.consult.films.parts import parts
from server.consult.films.store import film_row
from tests import janus
from tests.journey.conftest import People, Person
from tests.journey.test_consult import enter
from tests.journey.test_room_media import accepted, sees_all
from tests.server.conftest import Hub
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def config(janus_server: janus.Janus | None) -> Config:
    """The hub's, with that engine."""
    return Config() if janus_server is None else janus_server.config()


DRAWN = "video => video.getVideoPlaybackQuality().totalVideoFrames"


async def draws(video: Locator, frames: int) -> None:
    async def enough() -> bool:
        return int(await video.evaluate(DRAWN)) >= frames

    await until(enough, 60)


async def bar_is(person: Person, state: str) -> None:
    await expect(person.see("film")).to_have_attribute("data-state", state)


async def test_three_are_filmed_by_their_word_and_the_film_plays_with_its_ecg(hub: Hub, people: People) -> None:
    consult, (clinic, specialist, third) = await accepted(hub, people, "reader")
    everybody = (clinic, specialist, third)
    for person in everybody:
        person.refusal(409, r"/media/")  # a wish may cross with the end of the seat it is for
        await person.go(f"/room/{consult}")
        await enter(person)
    for person in everybody:
        await sees_all(person, 2)

    # The host asks; nothing begins before the last has agreed.
    await specialist.see("film").get_by_role("button", name="录像").click()
    await specialist.see("film").get_by_role("button", name="征求同意").click()
    await clinic.see("film-question").get_by_role("button", name="同意", exact=True).click()
    await bar_is(specialist, "asked")
    await expect(specialist.see("film-mark")).to_have_count(0)
    await third.see("film-question").get_by_role("button", name="同意", exact=True).click()
    for person in everybody:
        await bar_is(person, "filming")
        await expect(person.see("film-mark")).to_be_visible()

    # What stands on the stage is kept with its time.
    await specialist.keys("5")
    await expect(clinic.see("stage")).to_have_attribute("data-source", "board")
    ((film, running),) = [(r.id, r) for r in hub.app.films._running.values()]
    folder = hub.data / "films" / film

    def enough() -> bool:
        assert running.film is not None
        long = [p for p in parts(folder, running.film.key) if p.said.picture is not None and p.last_ms > 4000]
        return len({p.said.account for p in long}) == 3

    await until(enough, 60)

    # One takes it back: it ends for all.
    await clinic.see("film").get_by_role("button", name="撤回同意").click()
    for person in everybody:
        await bar_is(person, "kept")
        await expect(person.see("film-mark")).to_have_count(0)
    row = await hub.app.db.read(lambda conn: film_row(conn, film))
    assert row["why_ended"] == "withdrawn"

    # Played from the case's page: everybody's picture is drawn, the stage is as it was.
    await clinic.see("leave").get_by_role("button").click()
    await clinic.see("films").get_by_role("link", name="播放").click()
    await expect(clinic.see("playback")).to_be_visible()
    await clinic.page.get_by_role("button", name="播放").click()
    videos = clinic.see("film-video")
    await expect(videos).to_have_count(3)
    for video in await videos.all():
        await draws(video, 20)
    await expect(clinic.see("stage")).to_have_attribute("data-source", "board", timeout=30_000)
    apart = await clinic.page.evaluate(
        "() => { const t = [...document.querySelectorAll('[data-testid=film-video]')].map(v => v.currentTime);"
        " return t.every(x => x > 0) }"
    )
    assert apart

    # Back to the beginning: the stage too.
    await clinic.page.get_by_role("slider").fill("0")
    await expect(clinic.see("stage")).to_have_attribute("data-source", "ecg")
    people.no_faults()
