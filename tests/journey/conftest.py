"""Journeys: a whole hub that serves the built pages, and people who sit before real browsers.

Here: the browser, the hub with pages, and `Person`, one signed-in person's browser with all that it must never do
(a request to another origin, an error on the console, a refusal nobody expected). What people do stands in the tests.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    async_playwright,
    expect,
)

import ecg
from ecg.record import Recording
from server import demo
from server.config import Config
from tests import janus
from tests.journey.picture import small
from tests.server.conftest import Hub
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web/dist"
SHOTS = ROOT / "docs/images"
Language = Literal["zh", "en"]
Theme = Literal["light", "dark"]

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--use-fake-device-for-media-stream=device-count=3",  # the second gives depths, which no page can show
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--ignore-certificate-errors",  # of the tests' own TURN server over TLS
)
PC = (1366, 768)
PHONE = (360, 780)
SHOT_BYTES_MAX = 200_000
WAIT_MS = 15_000  # far more than any promise: two cores that also run the other half of the tests
# Refusals that are an answer: who am I, before signing in; a row of the worklist for an ECG that is not queued yet.
ORDINARY = ((401, r"/api/me$"), (404, r"/api/worklist/rec_\w+$"))

expect.set_options(timeout=WAIT_MS)
TAKES_PICTURES = os.environ.get("XINLIAN_SHOTS") == "1"
collect_ignore = [] if TAKES_PICTURES else ["test_pictures.py"]


@dataclass(eq=False)
class Person:
    """One person before a browser. `faults` is what this browser did and must not have done."""

    hub: Hub
    login: str
    context: BrowserContext
    page: Page
    lang: Language
    faults: list[str] = field(default_factory=list)
    expected: list[tuple[int, str]] = field(default_factory=lambda: list(ORDINARY))

    async def go(self, path: str) -> None:
        await self.page.goto(self.hub.url + path)

    def see(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    async def keys(self, *presses: str) -> None:
        for press in presses:
            await self.page.keyboard.press(press)

    async def stays(self) -> None:
        """From here on a reload of the page would be noticed by `stayed`."""
        await self.page.evaluate("window.stayed = true")

    async def stayed(self) -> bool:
        return bool(await self.page.evaluate("window.stayed === true"))

    def refusal(self, status: int, path: str) -> None:
        """The journey goes through this answer of the hub; any other refusal is a fault."""
        self.expected.append((status, path))

    def watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"error in the page: {error}"))
        page.on("websocket", lambda socket: self._asked(socket.url))
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", self._answered)

    def _asked(self, url: str) -> None:
        if re.match(r"(https?|wss?)://", url) and urlsplit(url).netloc != urlsplit(self.hub.url).netloc:
            self.faults.append(f"a request to another origin: {url}")

    def _heard(self, message: ConsoleMessage) -> None:
        # What the hub refused is judged by its answer below, which names the address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")

    def _answered(self, response: Response) -> None:
        path = urlsplit(response.url).path
        known = any(response.status == status and re.search(where, path) for status, where in self.expected)
        if response.status >= 400 and not known:
            self.faults.append(f"{response.status} from {response.request.method} {path}")


@dataclass(eq=False)
class People:
    """Opens browsers for people of the demonstration's consortium and closes them all in the end."""

    browser: Browser
    hub: Hub
    stack: AsyncExitStack
    all: list[Person] = field(default_factory=list)

    async def open(
        self,
        login: str,
        path: str = "",
        *,
        lang: Language = "zh",
        theme: Theme = "light",
        size: tuple[int, int] = PC,
        signed_in: bool = True,
    ) -> Person:
        """`path` empty: nothing is opened yet."""
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-CN" if lang == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        self.stack.push_async_callback(context.close)
        await context.add_init_script(
            "if (window === top) {"  # not in the frame that shows a PDF
            f"localStorage.getItem('xinlian.language') ?? localStorage.setItem('xinlian.language', '{lang}');"
            f"localStorage.getItem('xinlian.theme') ?? localStorage.setItem('xinlian.theme', '\"{theme}\"') }}"
        )
        if signed_in:
            answer = await context.request.post(
                f"{self.hub.url}/api/session", data={"login": login, "password": demo.PASSWORD}
            )
            assert answer.ok, await answer.text()
        page = await context.new_page()
        person = Person(self.hub, login, context, page, lang)
        person.watch(page)
        self.all.append(person)
        if path:
            await person.go(path)
        return person

    def no_faults(self) -> None:
        """No request left the origin, nothing stood on a console, no policy was broken, no refusal was a surprise."""
        assert [(p.login, fault) for p in self.all for fault in p.faults] == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("The journeys need Chromium: `./run test` installs it (apt-get install chromium).")
    if not (WEB / "index.html").is_file():
        pytest.fail("The journeys need the built pages in web/dist: `./run test tests/journey` builds them first.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield browser
        await browser.close()


def page_hub(data: Path, config: Config | None = None) -> Hub:
    """The whole hub with its pages, and the demonstration's people on its sign-in page."""
    config = config or Config()
    config = msgspec.structs.replace(config, hub=msgspec.structs.replace(config.hub, web=str(WEB)))
    return Hub(data, config=config, serve_pages=True, demo_logins=demo.LOGINS)


@pytest.fixture
def config() -> Config:
    """Overridden where a journey needs other settings."""
    return Config()


@pytest.fixture(params=["embedded", "janus"])
def janus_server(request: pytest.FixtureRequest) -> Iterator[janus.Janus | None]:
    """The same journey over each engine; None: the hub's own."""
    if request.param == "embedded":
        yield None
        return
    janus.needs_janus()
    with janus.Janus() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def hub(tmp_path: Path, config: Config) -> AsyncIterator[Hub]:
    async with page_hub(tmp_path, config) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def people(chromium: Browser, hub: Hub) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(chromium, hub, stack)


def real(record: str, seconds: float = 10.0) -> Recording:
    """One of the real recordings that ship with the product."""
    recording = ecg.read(ROOT / "demo/recordings" / record)
    return replace(recording, signal_uv=recording.signal_uv[: round(seconds * recording.fs)])


async def queued(hub: Hub, recording: str) -> None:
    """Until the ECG is analysed and stands in the worklist: earlier its page still waits for numbers."""
    async with await hub.sign_in("reader") as reader:

        async def waits() -> bool:
            return str((await reader.get(f"/api/recordings/{recording}"))["state"]) == "waiting"

        await until(waits, WAIT_MS / 1000)


PAINTED = """canvas => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
  let painted = 0
  for (let i = 3; i < pixels.length; i += 4) painted += pixels[i] > 0 ? 1 : 0
  return painted
}"""


async def ink(canvas: Locator) -> int:
    """How many pixels of a canvas are painted."""
    return int(await canvas.evaluate(PAINTED))


async def expect_ink(canvas: Locator, more_than: int) -> None:
    async def grown() -> bool:
        return await ink(canvas) > more_than

    await until(grown, WAIT_MS / 1000)


async def shot(page: Page, name: str) -> None:
    """A newcomer's picture, only when it is asked for: XINLIAN_SHOTS=1."""
    if TAKES_PICTURES:
        SHOTS.mkdir(parents=True, exist_ok=True)
        picture = await small(page)
        assert len(picture) <= SHOT_BYTES_MAX, f"{name}.png has {len(picture)} bytes"
        (SHOTS / f"{name}.png").write_bytes(picture)
