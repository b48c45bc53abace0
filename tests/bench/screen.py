"""C11: the worklist in a real browser with 100,000 waiting ECGs, on this machine and in software rendering.

There is no peer: what is measured is ours alone, against the budget of the target. Needs what `./run setup test`
installs, and the built pages.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Page, async_playwright

from server import demo
from tests.bench.figure import Figures, alone, refuse_words
from tests.journey.conftest import CHROMIUM, page_hub
from tests.journey.rows import fill, name_of
from tests.server.conftest import Browser, Hub

ROWS = 100_000
ROUNDS = 5
SCREEN = {"width": 1920, "height": 1080}

# 120 frames, two rows a frame: a hand on the wheel. Frames a second as the browser drew them.
SCROLL = """() => new Promise(done => {
  const box = document.querySelector('.table-box')
  let frames = 0, begun = 0
  const step = now => {
    if (frames === 0) begun = now
    if (frames === 120) return done(120000 / (now - begun))
    frames += 1
    box.scrollTop += 64
    requestAnimationFrame(step)
  }
  requestAnimationFrame(step)
})"""

# When the row no longer says that it waits to be claimed, by the page's clock.
CLAIMED = """name => new Promise(done => {
  const look = () => {
    const row = [...document.querySelectorAll('tbody tr')].find(r => r.innerText.includes(name))
    if (row !== undefined && !row.innerText.includes('待领取')) return done(Date.now())
    requestAnimationFrame(look)
  }
  look()
})"""


def run(words: Sequence[str] = ()) -> Figures:
    refuse_words(words)
    return asyncio.run(_measure())


async def _measure() -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        async with page_hub(Path(folder)) as hub, async_playwright() as playwright:
            began = time.monotonic()
            await hub.app.db.write(lambda tx: fill(tx, ROWS))
            print(f"{ROWS} rows put in, {time.monotonic() - began:.0f} s", file=sys.stderr)
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=[*CHROMIUM, "--enable-precise-memory-info"]
            )
            context = await browser.new_context(viewport=SCREEN, locale="zh-CN")  # type: ignore[arg-type]
            await context.request.post(f"{hub.url}/api/session", data={"login": "reader", "password": demo.PASSWORD})
            first = [await _first_rows_ms(page, hub) for page in [await context.new_page() for _ in range(ROUNDS)]]
            page = context.pages[-1]
            for other in context.pages[:-1]:
                await other.close()
            update = [await _update_ms(page, hub, n) for n in range(ROUNDS)]
            fps = [float(await page.evaluate(SCROLL)) for _ in range(ROUNDS)]
            heap = float(await page.evaluate("performance.memory.usedJSHeapSize")) / 1e6
            await browser.close()
    return {
        "C11.first_rows": alone("ms", first),
        "C11.scroll": alone("frames/s", fps),
        "C11.row_update": alone("ms", update),
        "C11.heap": alone("MB", [heap]),
    }


async def _first_rows_ms(page: Page, hub: Hub) -> float:
    began = time.monotonic()
    await page.goto(f"{hub.url}/worklist", wait_until="commit")
    await page.get_by_role("row", name=name_of(0)).wait_for()
    return 1000 * (time.monotonic() - began)


async def _update_ms(page: Page, hub: Hub, n: int) -> float:
    """From a colleague's claim to the open page that shows it."""
    async with await hub.sign_in("reader") as colleague:
        return await _claim_ms(page, colleague, n)


async def _claim_ms(page: Page, colleague: Browser, n: int) -> float:
    shown = asyncio.create_task(page.evaluate(CLAIMED, name_of(n)))
    await asyncio.sleep(0)
    began = time.time()
    await colleague.post(f"/api/recordings/rec_{n:06d}/claim")
    return float(await shown) - 1000 * began
