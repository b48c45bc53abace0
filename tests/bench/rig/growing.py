"""C4: how the cost grows. Processor time a packet at 1 to 2,000 live streams, the whole hub, one browser more; what a
page of the worklist and one row of it cost the longer it is.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from server import demo
from server.base.clock import SystemClock
from server.base.database import Database
from tests.bench.rig import machine, subject
from tests.bench.rig.load import Generator
from tests.bench.rig.packets import ROOT, L, S, Size
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import Devices
from tests.bench.sheet import Sheet
from tests.journey.rows import fill
from tests.server.conftest import Browser

STREAMS: Final = (1, 10, 100, 1_000, 2_000)
PACE_S: Final = 10.0
START_S: Final = 10.0  # what pages may need to come up
WARM_S: Final = 1.5
WATCHED: Final = 8  # devices; each sends S packets
WATCHERS: Final = (1, 50)
ROWS: Final = (1_000, 10_000, 100_000)
ASKED: Final = 60  # times each question
PAGE: Final = "/api/worklist?view=all&offset=0&limit=200"


def measure(sheet: Sheet, hub: Callable[..., Path], *, quick: bool) -> None:
    """`hub(devices=...)` gives a prepared folder."""
    streams = STREAMS[:-2] if quick else STREAMS
    for size in (L, S):
        busy = []
        for count in streams:
            cpu_us, share = _at(hub(devices=max(STREAMS)), "gateway", size, count)
            busy.append(share)
            sheet.put(f"C4.{size.name}.{count}", "us CPU/packet", [cpu_us])
        slope = float(np.polyfit(np.log(streams), np.log(busy), 1)[0])
        sheet.put(f"C4.{size.name}.slope", "log CPU / log streams", [slope])
    _, share = _at(hub(), "hub", L, streams[-1] if quick else 1_000)
    sheet.put("C4.hub.core_pct", "% of one core", [100 * share])
    sheet.put("C4.watcher_us", "us CPU/packet and watcher", [_watchers(hub())])
    rows(sheet, hub, quick=quick)


def rows(sheet: Sheet, hub: Callable[..., Path], *, quick: bool) -> None:
    """A page of the worklist with its counts, and one row anew: what every event costs each page that shows it."""
    lengths = ROWS[:-1] if quick else ROWS
    costs = [asyncio.run(_asked_us(hub(), length)) for length in lengths]
    for what, of in (("page", [page for page, _ in costs]), ("push", [push for _, push in costs])):
        for length, cost_us in zip(lengths, of, strict=True):
            sheet.put(f"C4.rows.{what}.{length}", "us CPU/question", [cost_us])
        slope = float(np.polyfit(np.log(lengths), np.log(of), 1)[0])
        sheet.put(f"C4.rows.{what}.slope", "log CPU / log rows", [slope])


async def _asked_us(folder: Path, length: int) -> tuple[float, float]:
    """Processor time of the hub for a page and for a row, in us, with so many rows waiting."""
    db = Database(folder / "hub.sqlite", SystemClock())
    await db.write(lambda tx: fill(tx, length))
    await db.close()
    running = subject.start("hub", folder)
    try:
        async with Browser(f"http://127.0.0.1:{running.port}") as reader:
            await reader.post("/api/session", {"login": "reader", "password": demo.PASSWORD})
            page_us = await _each_us(running, reader, [PAGE] * ASKED)
            spread = [f"/api/worklist/rec_{length * n // ASKED:06d}" for n in range(ASKED)]
            push_us = await _each_us(running, reader, spread)
    finally:
        running.remove()
    print(f"C4: {length} rows: a page {page_us / 1000:.1f} ms, a row {push_us / 1000:.2f} ms", file=sys.stderr)
    return page_us, push_us


async def _each_us(running: Subject, reader: Browser, questions: list[str]) -> float:
    for question in questions[:3]:  # the database's own pages are read once
        await reader.get(question)
    cpu = machine.cpu_s(running.pid)
    for question in questions:
        await reader.get(question)
    return 1e6 * (machine.cpu_s(running.pid) - cpu) / len(questions)


def _at(folder: Path, form: subject.Form, size: Size, count: int) -> tuple[float, float]:
    """Processor time in us a packet, and as a share of one core."""
    running = subject.start(form, folder)
    try:
        packets = int((PACE_S + WARM_S + 5) / size.period_s)
        with Generator(running.device_port, Devices(size, packets)) as generator:
            generator.connect(range(count))
            generator.rest(WARM_S)  # what opening the streams still has to do is not theirs
            began, cpu = time.monotonic(), machine.cpu_s(running.pid)
            generator.open_loop(size.period_s, PACE_S, 0.0)
            took, cpu = time.monotonic() - began, machine.cpu_s(running.pid) - cpu
            acked = sum(line.state.acked for line in generator.lines.values())
    finally:
        running.remove()
    print(f"C4: {form}, {count} x {size.name}: {100 * cpu / took:.0f} % of a core", file=sys.stderr)
    return 1e6 * cpu / max(acked, 1), cpu / took


# ---- browsers that watch ----


def _watchers(folder: Path) -> float:
    """What one more watching page costs the hub for each packet that it is shown, in us."""
    running = subject.start("hub", folder)
    try:
        few, many = (_watched(running, count) for count in WATCHERS)
    finally:
        running.remove()
    return (many - few) / (WATCHERS[1] - WATCHERS[0])


def _watched(running: Subject, watchers: int) -> float:
    """Processor time in us a packet, while so many pages follow every stream."""
    packets = int((PACE_S + START_S + 5) / S.period_s)
    with Generator(running.device_port, Devices(S, packets, run=watchers)) as generator:
        generator.connect(range(WATCHED))
        recordings = [line.state.recording for line in generator.lines.values()]
        command = [sys.executable, "-m", "tests.bench.rig.watching", f"http://127.0.0.1:{running.port}", str(watchers)]
        with subprocess.Popen(
            [*command, *recordings], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as pages:
            assert pages.stdin is not None
            assert pages.stdout is not None
            if pages.stdout.readline() != "ready\n":
                raise RuntimeError("the watching pages did not come up")
            cpu = machine.cpu_s(running.pid)
            load = generator.open_loop(S.period_s, PACE_S, 0.0)
            cpu = machine.cpu_s(running.pid) - cpu
            pages.stdin.close()
    print(f"C4: {WATCHED} x S with {watchers} watching: {1e6 * cpu / load.packets:.0f} us a packet", file=sys.stderr)
    return 1e6 * cpu / load.packets
