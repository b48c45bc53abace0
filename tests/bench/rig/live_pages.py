"""C5: from the sample to the screen: live recordings at real time, the product's page, Chromium's composited frames.

The hub runs on one core, the browser and the devices on the other, all in software rendering.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from playwright.async_api import BrowserContext, CDPSession, Page

from device.client import DeviceKey, send
from device.frames import Patient, Request
from device.simulate import SampledUpload, upload_of
from ecg.record import Recording
from tests.bench.rig.pixels import Lane, Seen, delays_ms, pen_column, sample_at
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import device_key, device_name
from tests.bench.sheet import Sheet, Spread, percentile
from tests.server.conftest import Browser
from tests.waiting import until

FS: Final = 500.0
LEADS: Final = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
FRAME_MS: Final = 100
SETTLE_S: Final = 4.0  # until the page has its first samples and its pen runs
WAIT_S: Final = 30.0
PC: Final = {"width": 1366, "height": 768}
SWEEP: Final = ".rd-live-sweep canvas"
DARK: Final = 170  # of 255 of red: the trace is darker, the ruled paper is red

# Which columns of the first lane's baseline are drawn: '1' or '0' each.
INK = """async ([png, x, y, width, dark]) => {
  const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob())
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


@dataclass
class LiveDevice:
    """One device that measures in real time; `began_s`: when its first sample began, by the clock of the world."""

    upload: SampledUpload
    key: DeviceKey
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    began_s: float = 0.0

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
            due = began + (self.upload.frames + 1) * FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.upload.frames += 1
            self.grown.set()


def flat(seconds: float) -> Recording:
    """Twelve leads without a beat, so that the pen is found in one row of pixels. A little above 0: it is a signal."""
    return Recording(FS, LEADS, np.full((round(seconds * FS), len(LEADS)), 10.0, dtype=np.float32))


def live_device(number: int, recording: Recording, symptoms: tuple[str, ...] = ("palpitation",)) -> LiveDevice:
    patient = Patient(name=f"测量{number:03d}", sex="F", age=60, id_no=f"bench-{number:03d}")
    request = Request(patient=patient, symptoms=symptoms)
    upload = upload_of(recording, mode="live", request=request, frame_ms=FRAME_MS)
    return LiveDevice(upload, DeviceKey(device_name(number), device_key(number)))


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
        rows = await reader.get(f"/api/orgs/{org}/recordings")
        found = {row["patient"]["name"]: row["id"] for row in rows if row["state"] == "receiving"}
        return found if len(found) >= count else {}

    return dict(await until(look, WAIT_S))


async def measure(
    sheet: Sheet, context: BrowserContext, running: Subject, reader: Browser, org: str, *, count: int, seconds: float
) -> None:
    """`count` devices, each with its own open page; the first page is looked at frame by frame."""
    devices = [live_device(number, flat(seconds + 60)) for number in range(count)]
    async with sending(devices, running), contextlib.AsyncExitStack() as stack:
        ids = await arriving(reader, org, count)
        pages = []
        for number in reversed(range(count)):
            page = await context.new_page()
            stack.push_async_callback(page.close)
            await page.goto(f"http://127.0.0.1:{running.port}/read/{ids[f'测量{number:03d}']}")
            await page.locator(SWEEP).wait_for()
            pages.append(page)
        shown = pages[-1]
        await asyncio.sleep(SETTLE_S)
        frames, intervals, box = await _film(context, shown, seconds)
    lane = Lane.of(box["width"], box["height"], FS)
    blank = await context.new_page()
    seen = []
    for at_s, png in frames:
        place = [png, round(box["x"]), round(box["y"] + lane.baseline), lane.width, DARK]
        column = pen_column(await blank.evaluate(INK, place))
        if column is not None:
            expected = (at_s - devices[0].began_s) * FS
            seen.append(Seen(at_s, sample_at(column, lane, expected)))
    await blank.close()
    per_packet = round(FS * FRAME_MS / 1000)
    delays = delays_ms(seen, devices[0].began_s, FS, per_packet, devices[0].upload.total)
    print(f"C5.{count}: {len(frames)} pictures, the pen read in {len(seen)}, {len(delays)} packets", file=sys.stderr)
    spread = Spread.of("ms", delays)
    key = f"C5.{count}"
    sheet.put(f"{key}.p50_ms", "ms", [spread.p50], spread=spread)
    sheet.put(f"{key}.p95_ms", "ms", [spread.p95], spread=spread)
    sheet.put(f"{key}.p99_ms", "ms", [spread.p99], spread=spread)
    slow = percentile(sorted(intervals), 0.95)
    sheet.put(f"{key}.fps_p5", "frames/s", [1000 / slow])


async def _film(
    context: BrowserContext, page: Page, seconds: float
) -> tuple[list[tuple[float, str]], list[float], dict[str, float]]:
    """Composited frames with their times, the page's frame intervals in ms, and where the sweep stands."""
    await page.bring_to_front()
    box = await page.locator(SWEEP).bounding_box()
    assert box is not None
    frames: list[tuple[float, str]] = []
    devtools: CDPSession = await context.new_cdp_session(page)

    def came(event: dict[str, Any]) -> None:
        frames.append((float(event["metadata"]["timestamp"]), str(event["data"])))
        acks.append(asyncio.ensure_future(devtools.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})))

    acks: list[asyncio.Future[Any]] = []
    devtools.on("Page.screencastFrame", came)
    await page.evaluate(TICKS)
    await devtools.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})
    await asyncio.sleep(seconds)
    await devtools.send("Page.stopScreencast")
    intervals = await page.evaluate("() => { window.stopTicks = true; return window.ticks }")
    await asyncio.gather(*acks, return_exceptions=True)
    return frames, [float(each) for each in intervals], dict(box)  # type: ignore[arg-type]  # a TypedDict of floats
