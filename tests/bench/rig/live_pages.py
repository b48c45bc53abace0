"""C5: from the sample to the screen: live recordings at real time, the product's page, Chromium's composited frames.

The hub runs on one core, the browser and the devices on the other, all in software rendering. One recording is looked
at in the reader's page, several side by side in the live page; the first of them is filmed. The frames a second are
counted before the film, which itself costs the browser as much as the page does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from playwright.async_api import BrowserContext, CDPSession, Page

from device.client import DeviceKey, send
from device.frames import Patient, Request
from device.simulate import SampledUpload, upload_of
from ecg.record import Recording
from tests.bench.rig.packets import ROOT
from tests.bench.rig.pixels import (
    BASELINE,
    READER,
    RHYTHM,
    WALL,
    Lane,
    Layout,
    Seen,
    breaks,
    delays_ms,
    holes,
    pen_column,
    sample_at,
)
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import device_key, device_name
from tests.bench.sheet import Sheet, Spread, percentile
from tests.server.conftest import Browser
from tests.waiting import until

FS: Final = 500.0
LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
FRAME_MS: Final = 100
SETTLE_S: Final = 9.0  # until the sweep has been over its whole page
FPS_S: Final = 5.0  # unfilmed, frames counted; then the strokes are noted, then the film
WAIT_S: Final = 30.0
PC: Final = {"width": 1366, "height": 768}
SCREEN: Final = {"width": 1920, "height": 1080}
DARK: Final = 170  # of 255 of red: the trace is darker, the ruled paper is red

# Which columns of the first lane's baseline are drawn: '1' or '0' each.
INK = """async ([jpeg, x, y, width, dark]) => {
  const bitmap = await createImageBitmap(await (await fetch('data:image/jpeg;base64,' + jpeg)).blob())
  const canvas = new OffscreenCanvas(width, 5)
  const pen = canvas.getContext('2d')
  pen.drawImage(bitmap, -x, -(y - 2))
  const raw = pen.getImageData(0, 0, width, 5).data
  let ink = ''
  for (let column = 0; column < width; column++) {
    let drawn = '0'
    for (let row = 0; row < 5; row++) {
      const at = 4 * (row * width + column)
      if (raw[at] < dark) drawn = '1'
    }
    ink += drawn
  }
  return ink
}"""

# What the first lane's line is made of, stroke by stroke: when it was drawn and through which x, until `stopLog`.
LOG = """(canvas, [width, height]) => {
  const pen = canvas.getContext('2d')
  window.strokes = []
  let xs = []
  for (const name of ['moveTo', 'lineTo']) {
    const draw = pen[name]
    pen[name] = (x, y) => {
      if (x < width && y < height) xs.push(x)
      draw.call(pen, x, y)
    }
  }
  const stroke = pen.stroke
  pen.stroke = () => {
    stroke.call(pen)
    if (xs.length > 0) window.strokes.push([(performance.timeOrigin + performance.now()) / 1000, xs])
    xs = []
  }
  window.stopLog = () => {
    for (const name of ['moveTo', 'lineTo', 'stroke']) delete pen[name]
    return window.strokes
  }
}"""

# The time between animation frames, in ms, until `stopTicks`.
TICKS = """() => {
  window.ticks = []
  let last = performance.now()
  const tick = now => {
    window.ticks.push(now - last)
    last = now
    if (!window.stopTicks) requestAnimationFrame(tick)
  }
  requestAnimationFrame(tick)
}"""


@dataclass(frozen=True)
class View:
    """One way to look at live recordings: which page, and how a sweep stands on it."""

    address: str  # with the id of the first recording put in
    sweep: str
    layout: Layout
    screen: dict[str, int]
    leads: str = "all"  # what the live page is told to show


ONE: Final = View("/read/{id}", ".rd-live-sweep canvas", READER, PC)
SIDE_BY_SIDE: Final = View("/live", "li:has(a[href='/read/{id}']) canvas", WALL, SCREEN)
RHYTHMS: Final = View("/live", "li:has(a[href='/read/{id}']) canvas", RHYTHM, SCREEN, "rhythm")


@dataclass
class LiveDevice:
    """One device that measures in real time; `began_s`: when its first sample began, by the clock of the world."""

    upload: SampledUpload
    key: DeviceKey
    frame_ms: int = FRAME_MS
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    began_s: float = 0.0
    late_s: list[float] = field(default_factory=list)  # how late it made its packets: its machine is busy too

    async def run(self, hub_url: str) -> None:
        sampling = asyncio.create_task(self._sample())
        try:
            await send(self.upload, hub_url, self.key, grown=self.grown)
        finally:
            sampling.cancel()

    async def _sample(self) -> None:
        self.grown.set()  # the first word may be said
        loop = asyncio.get_running_loop()
        began, self.began_s = loop.time(), time.time()
        while self.upload.frames < self.upload.total:
            due = began + (self.upload.frames + 1) * self.frame_ms / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.late_s.append(loop.time() - due)
            self.upload.frames += 1
            self.grown.set()


def flat(seconds: float) -> Recording:
    """Twelve leads without a beat, so that the pen is found in one row of pixels. A little above 0: it is a signal."""
    return Recording(FS, LEADS, np.full((round(seconds * FS), len(LEADS)), 10.0, dtype=np.float32))


def live_device(
    number: int, recording: Recording, symptoms: tuple[str, ...] = ("palpitation",), frame_ms: int = FRAME_MS
) -> LiveDevice:
    patient = Patient(name=f"测量{number:03d}", sex="F", age=60, id_no=f"bench-{number:03d}")
    request = Request(patient=patient, symptoms=symptoms)
    upload = upload_of(recording, mode="live", request=request, frame_ms=frame_ms)
    return LiveDevice(upload, DeviceKey(device_name(number), device_key(number)), frame_ms)


@asynccontextmanager
async def sending(devices: list[LiveDevice], running: Subject) -> AsyncIterator[None]:
    url = f"ws://127.0.0.1:{running.device_port}"
    tasks = [asyncio.create_task(device.run(url)) for device in devices]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def arriving(reader: Browser, org: str, count: int) -> dict[str, str]:
    """Ids of the recordings that are arriving, by their patient's name."""

    async def look() -> dict[str, str]:
        rows = await reader.get(f"/api/orgs/{org}/recordings?state=receiving")
        found = {row["patient"]["name"]: row["id"] for row in rows}
        return found if len(found) >= count else {}

    return dict(await until(look, WAIT_S))


async def measure(
    sheet: Sheet, key: str, context: BrowserContext, running: Subject, reader: Browser, org: str,
    *, view: View, count: int, seconds: float, frame_ms: int = FRAME_MS, others: int = 0,
) -> None:  # fmt: skip
    """`count` devices on one page; the sweep of the first is filmed. `others`: so many more are live on the hub."""
    length_s = 2 * seconds + 60 + SETTLE_S + FPS_S
    devices = [live_device(number, flat(length_s), frame_ms=frame_ms) for number in range(count)]
    async with sending(devices, running), contextlib.AsyncExitStack() as stack:
        ids = await arriving(reader, org, count)
        if others:
            await stack.enter_async_context(_crowd(running, count, others, length_s))
        page = await context.new_page()
        stack.push_async_callback(page.close)
        await page.add_init_script(f"localStorage.setItem('xinlian.live.leads', '\"{view.leads}\"')")
        await page.goto(f"http://127.0.0.1:{running.port}{view.address.format(id=ids['测量000'])}")
        sweep = page.locator(view.sweep.format(id=ids["测量000"]))
        await sweep.wait_for()
        await asyncio.sleep(SETTLE_S)
        box = await sweep.bounding_box()
        assert box is not None
        lane = Lane.of(box["width"], box["height"], FS, view.layout)
        await page.evaluate(TICKS)
        await asyncio.sleep(FPS_S)
        intervals = [float(each) for each in await page.evaluate("() => { window.stopTicks = true; return ticks }")]
        await sweep.evaluate(LOG, [lane.width, lane.baseline / BASELINE])
        await asyncio.sleep(seconds)
        strokes = await page.evaluate("stopLog()")
        frames = await _film(context, page, seconds)
    blank = await context.new_page()
    seen, torn = [], 0
    for at_s, jpeg in sorted(frames):  # they may come out of their order
        place = [jpeg, round(box["x"]), round(box["y"] + lane.baseline), lane.width, DARK]
        ink = str(await blank.evaluate(INK, place))
        torn += holes(ink) > 0
        column = pen_column(ink)
        if column is not None:
            expected = (at_s - devices[0].began_s) * FS
            seen.append(Seen(at_s, sample_at(column, lane, expected)))
    await blank.close()
    drawn = [Seen(at_s, sample_at(int(xs[-1]), lane, (at_s - devices[0].began_s) * FS)) for at_s, xs in strokes]
    back = sum(after.sample < before.sample for before, after in pairwise(seen))
    began_s, per_packet, packets = devices[0].began_s, round(FS * frame_ms / 1000), devices[0].upload.total
    delays = delays_ms(seen, began_s, FS, per_packet, packets)
    at_hand = Spread.of("ms", delays_ms(drawn, began_s, FS, per_packet, packets))
    print(
        f"{key}: {len(frames)} pictures, the pen read in {len(seen)}, {len(delays)} packets;"
        f" 95 % made at most {1000 * percentile(sorted(devices[0].late_s), 0.95):.0f} ms late;"
        f" load average {os.getloadavg()[0]:.1f}",
        file=sys.stderr,
    )
    spread = Spread.of("ms", delays)
    sheet.put(f"{key}.p50_ms", "ms", [spread.p50], spread=spread)
    sheet.put(f"{key}.p95_ms", "ms", [spread.p95], spread=spread)
    sheet.put(f"{key}.p99_ms", "ms", [spread.p99], spread=spread)
    sheet.put(f"{key}.drawn_ms", "ms to the canvas, not filmed", [at_hand.p50], spread=at_hand)
    sheet.put(f"{key}.torn", "holes and steps", [float(torn + back + breaks([xs for _, xs in strokes], lane))])
    slow = percentile(sorted(intervals), 0.95)
    sheet.put(f"{key}.fps_p5", "frames/s", [1000 / slow])


@asynccontextmanager
async def _crowd(running: Subject, first: int, count: int, seconds: float) -> AsyncIterator[None]:
    """Other live devices from a process of their own, on the core that it inherits."""
    words = [str(running.device_port), str(first), str(count), str(seconds)]
    crowd = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.rig.crowd", *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert crowd.stdout is not None
    try:
        if await crowd.stdout.readline() != b"ready\n":
            raise RuntimeError("the other devices did not come up")
        yield
    finally:
        if crowd.returncode is None:
            crowd.kill()
        await crowd.wait()


async def _film(context: BrowserContext, page: Page, seconds: float) -> list[tuple[float, str]]:
    """Composited frames with their times."""
    await page.bring_to_front()
    frames: list[tuple[float, str]] = []
    devtools: CDPSession = await context.new_cdp_session(page)

    def came(event: dict[str, Any]) -> None:
        frames.append((float(event["metadata"]["timestamp"]), str(event["data"])))
        acks.append(asyncio.ensure_future(devtools.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})))

    acks: list[asyncio.Future[Any]] = []
    devtools.on("Page.screencastFrame", came)
    await devtools.send("Page.startScreencast", {"format": "jpeg", "quality": 90, "everyNthFrame": 1})
    await asyncio.sleep(seconds)
    await devtools.send("Page.stopScreencast")
    await asyncio.gather(*acks, return_exceptions=True)
    return frames
