"""The measured product in a process of its own: the gateway alone, or the whole hub as `xinlian serve` runs it.

    python -m tests.bench.rig.subject prepare FOLDER DEVICES     institutions, devices, config.yaml
    python -m tests.bench.rig.subject gateway FOLDER              the gateway over the product's own service

The gateway alone has journal, database, files and live bus as in the hub, but no pages, no analysis, no reactions.
`Subject` starts either from outside and waits until it listens.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from tests.bench.rig import machine
from tests.bench.rig.packets import ROOT
from tests.bench.rig.talks import device_key, device_name

Form = Literal["gateway", "hub"]
START_S_MAX: Final = 60.0
CONNECTIONS_MAX: Final = 12_000
SERVE: Final = (
    "import sys; from server.cli import main; sys.argv = ['xinlian', 'serve', '--config', sys.argv[1]]; main()"
)


@dataclass
class Subject:
    """A running product; `began` by the monotonic clock. `started_s`: from then until it listened for devices."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    device_port: int
    began: float
    started_s: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    def raise_if_ended(self) -> None:
        """Raises RuntimeError with what the process said last."""
        if self.process.poll() is not None or time.monotonic() - self.began > START_S_MAX:
            self.process.kill()
            raise RuntimeError((self.folder / "log").read_text(encoding="utf-8")[-2000:])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        """End it and delete its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare(folder: Path, devices: int) -> None:
    """A hub's folder with the demonstration's institutions and this many registered devices."""
    folder.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "tests.bench.rig.subject", "prepare", str(folder), str(devices)],
        cwd=ROOT, check=True,
    )  # fmt: skip


def copied(template: Path, folder: Path) -> Path:
    """A prepared folder once more, on ports of its own."""
    shutil.copytree(template, folder)
    _write_config(folder)
    return folder


def _write_config(folder: Path) -> None:
    config = {
        "hub": {"port": machine.free_port(), "device_port": machine.free_port(), "data": str(folder)},
        "devices": {"connections_max": CONNECTIONS_MAX},
        "log": {"level": "error"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def start(form: Form, folder: Path, *, wait: bool = True) -> Subject:
    """Raises RuntimeError with what the process said, if it does not come to listen."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    command = [sys.executable, "-c", SERVE, str(folder / "config.yaml")]
    if form == "gateway":
        command = [sys.executable, "-m", "tests.bench.rig.subject", "gateway", str(folder)]
    with machine.under_measure(), (folder / "log").open("ab") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    running = Subject(process, folder, config["hub"]["port"], config["hub"]["device_port"], began)
    if wait:
        await_devices(running)
    return running


def await_devices(running: Subject) -> None:
    while not machine.listens(running.device_port):
        running.raise_if_ended()
        time.sleep(0.005)
    running.started_s = time.monotonic() - running.began


# ---- inside the process ----


async def _prepare(folder: Path, devices: int) -> None:
    from server import demo
    from server.base.clock import SystemClock
    from server.base.database import Database, Tx
    from server.devices.model import NewDevice
    from server.devices.service import put_device
    from server.people.service import People, hash_password

    db = Database(folder / "hub.sqlite", SystemClock())
    people = People(db, SystemClock(), "bench")
    password = await hash_password(people, demo.PASSWORD)

    def fill(tx: Tx) -> None:
        demo.seed(tx, password)
        for number in range(devices):
            place = demo.DEVICES[number % len(demo.DEVICES)]
            put_device(tx, device_name(number), NewDevice(place, "bench"), device_key(number))

    await db.write(fill)
    await db.close()
    _write_config(folder)


async def _gateway(folder: Path) -> None:
    """The gateway and the rooms it talks to, wired by the hub itself; what else a hub starts is left out."""
    from server.base.blobs import FileBlobs
    from server.base.bus import LocalBus
    from server.base.database import Database
    from server.base.log import configure
    from server.base.pool import Pool
    from server.base.reserve import Reserve
    from server.cli import settle
    from server.config import load
    from server.main import Application, hub_secret

    config = load(folder / "config.yaml")
    configure(json_lines=config.log.json_lines, level=config.log.level)
    app = Application(config)
    app.db, app.blobs, app.bus = Database(folder / "hub.sqlite", app.clock), FileBlobs(folder / "blobs"), LocalBus()
    app.reserve = Reserve(folder, config.hub.low_disk_mb * 2**20)
    app.reserve.look()
    app.pool = Pool(1, lambda: None)  # never started: nothing is analysed here
    app.secret = hub_secret(folder)
    app._rooms()
    app.intake.live_began = lambda _recording, _head: None
    await app.people.reload()
    gateway = app._gateway(folder, None)
    await gateway.start()
    settle()  # as `serve` does: the hub's own collections, not the interpreter's
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.stopped.set)
    await app.stopped.wait()
    await gateway.stop()
    await app.db.close()


def main(words: list[str]) -> None:
    import uvloop

    machine.lift_limits()
    if words[0] == "prepare":
        asyncio.run(_prepare(Path(words[1]), int(words[2])))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_gateway(Path(words[1])))


if __name__ == "__main__":
    main(sys.argv[1:])
