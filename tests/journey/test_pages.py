"""Every page for everybody: both languages, light and dark, PC and phone; and how little is loaded first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Response, expect

from device.frames import Patient, Request
from server import demo
from tests.journey.conftest import PC, PHONE, ROOT, Language, People, Person, page_hub, queued, real
from tests.server.conftest import REQUEST, Hub
from tests.server.conftest import Browser as Session
from tests.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
FIRST_LOAD_BYTES_MAX = 120_000
LATER_NEVER = "const soon = setTimeout; window.setTimeout = (f, ms, ...a) => (ms >= 1000 ? 0 : soon(f, ms, ...a))"
WHOLE = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]  # all of it that another theme can change
CHECK = """async runOnly => {
  const told = await axe.run(document, { runOnly, resultTypes: ['violations'], iframes: false })
  return told.violations.map(v => [v.impact, v.id, v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(' | ')])
}"""
DRAWN = "() => document.querySelectorAll('.skeleton, [aria-busy=true]').length === 0"


@dataclass
class Town:
    """A hub with one of everything: an open alert, a signed report, a consultation that may begin."""

    hub: Hub
    waiting: str
    signed: str
    alert: str
    consult: str

    def routes(self) -> tuple[tuple[str, str, str], ...]:
        """Who looks, at what address, and what shows that the page stands."""
        return (
            ("", "/login", ".login-one"),
            ("reader", "/worklist", ".wl-list .name"),
            ("reader", f"/read/{self.waiting}", ".rd canvas"),
            ("reader", f"/read/{self.signed}", ".rd canvas"),
            ("oncall", "/alerts", ".alertlist h1"),
            ("oncall", f"/alert/{self.alert}", "[data-testid=alert-page] canvas"),
            ("oncall", "/duty", "main h1, main h2"),
            ("oncall", "/consults", "[data-testid=consults] h1"),
            ("oncall", "/consult/calendar", "[data-testid=hours-form]"),
            ("oncall", "/consult/clinics", "[data-testid=clinics] .empty"),
            ("oncall", f"/consult/{self.consult}", "[data-testid=consult-page]"),
            ("oncall", f"/room/{self.consult}", "[data-testid=room] canvas"),
            ("oncall", "/live", "[data-testid=live-page] .empty"),
            ("clinic", "/messages", "[data-testid=inbox] [data-thread]"),
            ("clinic", f"/messages/{self.waiting}", "[data-testid=thread] .bub-file img"),
            ("clinic", "/clinic", "[data-testid=patients] .name"),
            ("clinic", f"/recording/{self.signed}", "[data-testid=recording-page] canvas"),
            ("clinic", f"/recording/{self.signed}?show=report", "[data-testid=report-pdf]"),
            ("clinic", f"/acquire?recording={self.waiting}", "[data-testid=acquire-page]"),
            ("clinic", f"/consult/new?recording={self.waiting}", "[data-testid=consult-form]"),
            ("admin", "/admin?show=accounts", ".admin table, .admin li"),
            ("admin", "/admin?show=devices", ".admin table, .admin li"),
            ("admin", "/admin?show=devices&device=dev_hewan", "[data-testid=device-page]"),
            ("admin", "/admin?show=rota", ".admin table, .admin li"),
            ("admin", "/admin?show=audit", ".admin table, .admin li"),
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with page_hub(tmp_path_factory.mktemp("town")) as hub:
        yield await settle(hub)


async def settle(hub: Hub) -> Town:
    fainted = Request(patient=Patient(name="阿卜杜拉·买买提", sex="M", age=43), symptoms=("syncope",))
    waiting = (await hub.send("org_hewan", real("101"), REQUEST)).recording
    signed = (
        await hub.send("org_hewan", real("62"), Request(patient=Patient(name="祁秀英", sex="F", age=61)))
    ).recording
    critical = (await hub.send("org_hewan", real("JS45542"), fainted)).recording
    for recording in (waiting, signed, critical):
        await queued(hub, recording)
    async with await hub.sign_in("reader") as reader, await hub.sign_in("clinic") as clinic:
        report = {"statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}], "grade": "normal"}
        await reader.post(f"/api/recordings/{signed}/sign", report)
        asked = {
            "recording": waiting, "invitee_org": "org_city", "purpose": "是否需要上转", "summary": "反复心悸三天",
            "priority": "routine", "consent": "written", "alert": None,
            "consent_paper": {"kind": "written", "by": "马德福", "relation": "self"},
        }  # fmt: skip
        consult = (await clinic.post("/api/consults", asked))["id"]
        await talk(reader, clinic, waiting)
    async with await hub.sign_in("oncall") as oncall:
        alerts: list[Any] = await until(lambda: open_alerts(oncall))
        await oncall.post(f"/api/consults/{consult}/accept", {})
    return Town(hub, waiting, signed, alerts[0]["id"], consult)


async def talk(reader: Session, clinic: Session, recording: str) -> None:
    """A thread with everything that may stand in one."""
    thread = f"/api/threads/{recording}"
    picture = ROOT / "docs/images/room.png"
    headers = {"Idempotency-Key": "key-of-the-picture"}
    async with clinic.http.post(
        f"{clinic.url}{thread}/files?name=room.png", data=picture.read_bytes(), headers=headers
    ) as answer:
        file = (await answer.json())["id"]
    said = {"client_id": "client-0001", "text": "请看 @初诊医师", "roles": ["reader"], "files": [file]}
    sent = await clinic.post(f"{thread}/messages", said)
    await clinic.post(f"/api/messages/{sent['id']}/edit", {"text": "请尽快看 @初诊医师", "version": 1})
    answered = await reader.post(f"{thread}/messages", {"client_id": "client-0002", "text": "写错了"})
    await reader.post(f"{thread}/read", {"message": answered["id"]})
    await reader.post(f"/api/messages/{answered['id']}/withdraw", {"reason": "写错病人"})


async def open_alerts(oncall: Session) -> list[Any]:
    return list((await oncall.get("/api/alerts"))["alerts"])


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(chromium: Browser, town: Town) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(chromium, town.hub, stack)


async def stands(person: Person, address: str, shows: str) -> None:
    await person.go(address)
    await expect(person.page.locator(shows).first).to_be_visible()
    await person.page.wait_for_function(DRAWN)


async def violations(person: Person, axe: str) -> list[Any]:
    await person.page.evaluate(axe)
    found = []
    for theme, rules in (("light", WHOLE), ("dark", COLOURS)):
        await person.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found += [(theme, *told) for told in await person.page.evaluate(CHECK, rules)]
    return found


async def too_wide(person: Person) -> list[Any]:
    over = int(await person.page.evaluate("document.scrollingElement.scrollWidth - innerWidth"))
    return [("scrolls sideways", over)] if over > 0 else []


@pytest.mark.parametrize("size", [PC, PHONE], ids=["pc", "phone"])
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_every_page_is_open_to_everybody_and_fits_its_window(
    lang: Language, size: tuple[int, int], town: Town, visitors: People
) -> None:
    axe = AXE.read_text(encoding="utf-8")
    faults: list[Any] = []
    known = {"": await visitors.open("", lang=lang, size=size, signed_in=False)}
    for login, address, shows in town.routes():
        if login not in known:
            known[login] = await visitors.open(login, lang=lang, size=size)
        await stands(known[login], address, shows)
        faults += [(address, *told) for told in await too_wide(known[login]) + await violations(known[login], axe)]
    assert faults == []
    visitors.no_faults()


async def test_the_checking_tool_would_see_a_barrier(town: Town, visitors: People) -> None:
    stranger = await visitors.open("", signed_in=False)
    await stands(stranger, "/login", "h1")
    await stranger.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=/logo.svg>');"
        "document.querySelector('h1').style.color = 'var(--line)'"
    )
    found = await violations(stranger, AXE.read_text(encoding="utf-8"))
    assert {(theme, rule) for theme, _, rule, _ in found} == {
        ("light", "image-alt"), ("light", "color-contrast"), ("dark", "color-contrast"),
    }  # fmt: skip


async def test_signing_in_and_the_worklist_load_at_most_120_kilobytes(town: Town, visitors: People) -> None:
    sizes: dict[str, int] = {}

    async def weigh(response: Response) -> None:
        if response.request.resource_type in ("script", "stylesheet"):
            sizes[response.url.rsplit("/", 1)[1]] = (await response.request.sizes())["responseBodySize"]

    reader = await visitors.open("reader", signed_in=False)
    # What the list fetches once it has been looked at for a second is not its own load; a slow machine would count it.
    await reader.page.add_init_script(LATER_NEVER)
    reader.page.on("response", weigh)
    await reader.go("/login")
    await reader.page.locator("input[name=username]").fill("reader")
    await reader.page.locator("input[name=password]").fill(demo.PASSWORD)
    await reader.keys("Enter")
    await expect(reader.page.locator(".wl-list .name").first).to_be_visible()
    await reader.page.wait_for_load_state("networkidle")
    assert len(sizes) >= 2
    assert sum(sizes.values()) <= FIRST_LOAD_BYTES_MAX, sizes
    visitors.no_faults()


@pytest.mark.parametrize(("login", "address"), [("reader", "/"), ("clinic", "/consults"), ("oncall", "/messages")])
async def test_a_page_nobody_touches_asks_nothing_of_the_hub(
    login: str, address: str, town: Town, visitors: People
) -> None:
    asked: list[str] = []
    person = await visitors.open(login, address)
    await person.page.wait_for_load_state("networkidle")
    person.page.on("request", lambda request: asked.append(request.url))
    # A ping of the link and its answer are in it: that it is well is no reason to ask.
    await person.page.evaluate("() => new Promise(done => setTimeout(done, 6500))")
    assert [url for url in asked if "/api/" in url] == []
    visitors.no_faults()
