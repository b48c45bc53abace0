"""C7 and C12: from the start of the process to its first answers, after a kill under load and from cold."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.bench.rig import machine, subject
from tests.bench.rig.load import Generator
from tests.bench.rig.packets import ROOT, L
from tests.bench.rig.subject import Subject
from tests.bench.rig.talks import Devices
from tests.bench.sheet import Sheet

CONNECTIONS: Final = 100
STREAM_PACKETS: Final = 9_000  # of L: a recording may hold 64 MiB
WINDOW: Final = 16
FILL_S_MAX: Final = 300.0
HUB_IMPORTS: Final = "import server.cli, server.main"


def recovery(sheet: Sheet, hub: Callable[[], Path], sizes_gb: Sequence[float]) -> None:
    """C7: fill the journal over real sockets, kill -9, forget the page cache, start."""
    for gb in sizes_gb:
        folder = hub()
        running = subject.start("gateway", folder)
        try:
            _fill(running, gb)
        finally:
            running.kill()
        journal = folder / "journal"
        stood = sum(path.stat().st_size for path in journal.iterdir())
        _forget(journal)
        running = subject.start("gateway", folder)
        try:
            acked_s = _first_ack_s(running)
        finally:
            running.remove()
        print(f"C7: {stood / 1e9:.2f} GB of unsealed journal", file=sys.stderr)
        key = f"C7.{1000 * gb:g}mb"
        sheet.put(f"{key}.listens_s", "s", [running.started_s])
        sheet.put(f"{key}.first_ack_s", "s", [acked_s])


def _fill(running: Subject, gb: float) -> None:
    connections = max(CONNECTIONS, -(-int(gb * 1e9) // (STREAM_PACKETS * L.bytes)))
    each = int(gb * 1e9 / L.bytes / connections)
    with Generator(running.device_port, Devices(L, each)) as generator:
        generator.connect(range(connections))
        generator.send_all(WINDOW, FILL_S_MAX)


def _forget(folder: Path) -> None:
    """As after a power cut: nothing of the files is in memory any more, as far as the kernel follows the advice."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _first_ack_s(running: Subject) -> float:
    """Seconds from the start of the process to the ack of a new recording's first packet."""
    with Generator(running.device_port, Devices(L, 1, run=-1)) as generator:
        generator.connect([0])
        generator.send_all(1, FILL_S_MAX)
    return time.monotonic() - running.began


def cold(sheet: Sheet, hub: Callable[[], Path], *, rounds: int) -> None:
    """C12: the whole hub with an empty journal, the files of Python warm, as after a restart of the service."""
    page, ack = [], []
    for _ in range(rounds):
        running = subject.start("hub", hub(), wait=False)
        try:
            page.append(_first_page_s(running))
            subject.await_devices(running)
            ack.append(_first_ack_s(running))
        finally:
            running.remove()
    sheet.put("C12.first_200_s", "s", page)
    sheet.put("C12.first_ack_s", "s", ack)
    nothing, imports = [], []
    for _ in range(rounds):
        nothing.append(_python_s("pass"))
        imports.append(_python_s(HUB_IMPORTS))
    sheet.put("C12.import_s", "s", imports, peer="python -c pass", peer_runs=nothing)


def _first_page_s(running: Subject) -> float:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
        try:
            connection.request("GET", "/")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return time.monotonic() - running.began
        except OSError:
            running.raise_if_ended()
            time.sleep(0.002)
        finally:
            connection.close()


def _python_s(code: str) -> float:
    with machine.under_measure():
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        return time.monotonic() - began
