"""C3: connections that only stay. What one costs in memory, and how all come back after a cut."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench.rig import machine, subject
from tests.bench.rig.load import GREETING_S_MAX, Generator
from tests.bench.rig.packets import L
from tests.bench.rig.talks import Devices, Refused
from tests.bench.sheet import Sheet

COUNTS: Final = (5_000, 10_000)
HEARTBEAT_S: Final = 25.0  # the gateway pings each 20 s: every connection answers at least once
SETTLE_S: Final = 2.0


def measure(sheet: Sheet, hub: Callable[..., Path], *, quick: bool) -> None:
    """`hub(devices=...)` gives a prepared folder."""
    for count in (1_000,) if quick else COUNTS:
        running = subject.start("gateway", hub(devices=max(COUNTS)))
        try:
            _hold(sheet, running, count)
        finally:
            running.remove()


def _hold(sheet: Sheet, running: subject.Subject, count: int) -> None:
    with Generator(running.device_port, Devices(L, 1, idle=True)) as generator:
        generator.connect([0])  # whatever the first connection makes the process load is not the others' memory
        before = machine.resident_bytes(running.pid)
        took = generator.connect(range(1, count))
        generator.rest(HEARTBEAT_S)
        kb_each = (machine.resident_bytes(running.pid) - before) / (count - 1) / 1024
        held = len(generator.lines)
        generator.hang_up()
        again = generator.retries
        try:
            storm = generator.connect(range(count), at_once=count)
        except Refused as reason:
            print(f"C3.{count}: {reason}", file=sys.stderr)
            storm = GREETING_S_MAX
        generator.rest(SETTLE_S)
        back = len(generator.lines)
    print(
        f"C3.{count}: connected in {took:.1f} s, {held} held, {back} back after {generator.retries - again} retries",
        file=sys.stderr,
    )
    sheet.put(f"C3.{count}.kb_each", "KiB", [kb_each])
    sheet.put(f"C3.{count}.held", "connections", [min(held, back)])
    sheet.put(f"C3.{count}.storm_s", "s", [storm])
