"""C6 and C13: how long until people see, and hear, what a device has sent. Real browsers, the product's own pages."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import datetime
from typing import Any, Final

import numpy as np
from playwright.async_api import BrowserContext, Page

from device.client import DeviceKey
from device.coding import quantise
from device.frames import SAMPLE_UV_MAX, Patient, Request
from device.simulate import GAIN_UV_PER_LSB, run_device, upload_of
from ecg import synth
from ecg.record import Recording
from server.analysis.line import Begin, Packet
from server.analysis.monitors import Monitors
from server.analysis.work import Facts
from server.config import Config
from tests.bench.rig.live_pages import FRAME_MS, FS, live_device, sending
from tests.bench.rig.packets import recordings
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import device_key, device_name
from tests.bench.sheet import Sheet, Spread
from tests.server.conftest import Browser
from tests.waiting import until

AT_ONCE: Final = 50
WAIT_S: Final = 120.0
ALERT_WAIT_S: Final = 60.0
SYMPTOMS: Final = ("syncope",)

# When waiting, analysed rows of these people stand in the list, after the frame that paints them; by the page's clock.
# One look a frame for all of them, so that looking costs the page nothing that fifty readers' eyes would not.
# A list that somebody reads does not jump: it says how many came, and shows them when that is clicked, here at once.
LOOK = """() => {
  window.shown = {}
  const look = () => {
    const fresh = []
    for (const row of document.querySelectorAll('tbody tr')) {
      const text = row.textContent
      const name = /批量\\d{4}/.exec(text)?.[0]
      if (name !== undefined && !(name in window.shown) && text.includes('待领取')) fresh.push(name)
    }
    document.querySelector('.wl-arrived button')?.click()
    requestAnimationFrame(() => {
      for (const name of fresh) window.shown[name] ??= Date.now()
      look()
    })
  }
  look()
}"""
ROW = """name => new Promise(done => {
  const look = () => (name in window.shown ? done(window.shown[name]) : setTimeout(look, 20))
  look()
})"""

# Notes when a tone of the alarm begins, by the clock of the world: the audio clock tells how far ahead it was laid.
HEAR = """
window.rang = []
const start = OscillatorNode.prototype.start
OscillatorNode.prototype.start = function (when) {
  const ahead = Math.max(0, (when ?? 0) - this.context.currentTime)
  window.rang.push(Date.now() + 1000 * ahead)
  return start.call(this, when)
}
"""


# ---- C6 ----


async def rows(sheet: Sheet, pages: list[Page], running: Subject, *, rounds: int, at_once: int) -> None:
    """From the batch being posted to its row on every open worklist, with what was measured."""
    for page in pages:
        await page.evaluate(LOOK)
    each = [1000 * await _one_row_s(pages, running, number) for number in range(rounds)]
    spread = Spread.of("ms", each)
    sheet.put("C6.p50_ms", "ms", [spread.p50], spread=spread)
    sheet.put("C6.p99_ms", "ms", [spread.p99], spread=spread)
    began = time.time()
    numbers = range(rounds, rounds + at_once)
    shown = await asyncio.gather(*(_one_row_s(pages[:1], running, number) for number in numbers))
    took = time.time() - began
    load = os.getloadavg()[0]
    print(
        f"C6: {at_once} at once: first {min(shown):.1f} s, all {took:.1f} s; load average {load:.1f}", file=sys.stderr
    )
    sheet.put("C6.at_once_s", "s", [max(shown)])


async def _one_row_s(pages: list[Page], running: Subject, number: int) -> float:
    name = f"批量{number:04d}"
    recording = recordings()[number % len(recordings())]
    request = Request(patient=Patient(name=name, sex="M", age=58, id_no=f"row-{number:04d}"), symptoms=("dyspnoea",))
    upload = upload_of(recording, mode="batch", request=request)
    key = DeviceKey(device_name(number), device_key(number))
    shown = [asyncio.create_task(page.evaluate(ROW, name)) for page in pages]
    await asyncio.sleep(0)
    began = time.time()
    async with asyncio.timeout(WAIT_S):
        await run_device(upload, f"ws://127.0.0.1:{running.device_port}", key)
        return max(float(at) for at in await asyncio.gather(*shown)) / 1000 - began


# ---- C13 ----


def tachycardia(number: int) -> Recording:
    """Sinus rhythm, then a ventricular tachycardia that goes on; it begins elsewhere each time, as in life."""
    script = [synth.Segment("sinus", 6.0 + 0.3 * number), synth.Segment("vt", 30.0, rate_bpm=180)]
    return synth.twelve_lead(np.random.default_rng(3), script).recording


def deciding_packet(recording: Recording) -> int:
    """The packet with which the product's own monitor says that it is critical, fed one after the other."""
    steps = quantise(recording.signal_uv, GAIN_UV_PER_LSB, SAMPLE_UV_MAX)
    size = round(FS * FRAME_MS / 1000)
    monitors = Monitors(Config().analysis.profile)
    monitors.begin(Begin(1, recording.fs, recording.leads, Facts("F", 60, SYMPTOMS)))
    for number in range(len(steps) // size):
        raw = steps[number * size : (number + 1) * size].astype("<i2").tobytes()
        if monitors.take(Packet(1, number * size, GAIN_UV_PER_LSB, raw)):
            return number
    raise AssertionError("there is nothing to tell")


async def alert(context: BrowserContext, running: Subject, oncall: Browser, number: int) -> tuple[float, float]:
    """Seconds from the deciding sample to the alert's row, and to the first tone of the on-call specialist's page."""
    recording = tachycardia(number)
    decided = (deciding_packet(recording) + 1) * FRAME_MS / 1000
    page = await context.new_page()
    await page.add_init_script(HEAR)
    await page.goto(f"http://127.0.0.1:{running.port}/worklist")
    await page.locator(".wl-list").wait_for()
    await page.mouse.click(5, 5)  # a page may sound only after it was touched
    device = live_device(number, recording, SYMPTOMS)

    async def raised() -> Any:
        return (await oncall.get("/api/alerts?open=true"))["alerts"]

    async with sending([device], running):
        row = (await until(raised, ALERT_WAIT_S))[0]
        await until(lambda: page.evaluate("window.rang.length"), ALERT_WAIT_S)
    rang_s = float(await page.evaluate("Math.min(...window.rang)")) / 1000
    await page.close()
    raised_s = datetime.fromisoformat(row["raised_at"]).timestamp()
    return raised_s - device.began_s - decided, rang_s - device.began_s - decided
