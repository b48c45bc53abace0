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
from tests.bench.rig.talks import device_key, device_name

Form = Literal["gateway", "hub"]
FOLDER_ROOT: Final = Path(__file__).resolve().parents[3]
START_S_MAX: Final = 60.0
CONNECTIONS_MAX: Final = 12_000
SERVE: Final = "import sys; from server.cli import main; sys.argv = ['xinlian', 'serve', '--config', sys.argv[1]]; main()"


@dataclass
class Subject:
    """A running product. `started_s` is from the process's start until it listened for devices."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    device_port: int
    started_s: float

    @property
    def pid(self) -> int:
        return self.process.pid

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
        cwd=FOLDER_ROOT, check=True,
    )  # fmt: skip


def start(form: Form, folder: Path, core: int) -> Subject:
    """Raises RuntimeError with what the process said, if it does not come to listen."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    port, device_port = config["hub"]["port"], config["hub"]["device_port"]
    command = [sys.executable, "-c", SERVE, str(folder / "config.yaml")]
    if form == "gateway":
        command = [sys.executable, "-m", "tests.bench.rig.subject", "gateway", str(folder)]
    with machine.on_core(core), (folder / "log").open("ab") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=FOLDER_ROOT, stdout=log, stderr=log)
    while not machine.listens(device_port):
        if process.poll() is not None or time.monotonic() - began > START_S_MAX:
            process.kill()
            raise RuntimeError((folder / "log").read_text()[-2000:])
        time.sleep(0.005)
    return Subject(process, folder, port, device_port, time.monotonic() - began)


# ---- inside the process ----


async def _prepare(folder: Path, devices: int) -> None:
    from server import demo
    from server.base.clock import SystemClock
    from server.base.database import Database, Tx
    from server.people.service import People, hash_password
    from server.records.model import NewDevice
    from server.records.service import put_device

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
    config = {
        "hub": {"port": machine.free_port(), "device_port": machine.free_port(), "data": str(folder)},
        "devices": {"connections_max": CONNECTIONS_MAX},
        "log": {"level": "warning"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


async def _gateway(folder: Path) -> None:
    from server import adapters
    from server.base.blobs import FileBlobs
    from server.base.bus import LocalBus
    from server.base.clock import SystemClock
    from server.base.database import Database
    from server.base.live import Samples
    from server.base.log import configure
    from server.config import load
    from server.intake.gateway import Gateway, GatewaySettings
    from server.intake.service import Intake, device_rules
    from server.people.service import People

    config = load(folder / "config.yaml")
    configure(json_lines=config.log.json_lines, level=config.log.level)
    clock = SystemClock()
    db = Database(folder / "hub.sqlite", clock)
    people = People(db, clock, "bench")
    await people.reload()
    bus: LocalBus[Samples] = LocalBus()
    intake = Intake(db, FileBlobs(folder / "blobs"), clock, bus, adapters.Places(people))
    settings = GatewaySettings(
        port=config.hub.device_port or 0,
        rules=device_rules(config.devices.sample_rates, config.devices.clock_off_s_max),
        connections_max=config.devices.connections_max,
    )
    stopped = asyncio.Event()
    gateway = Gateway(
        intake, folder / "journal", settings, lambda: round(clock.now().timestamp() * 1000), lambda _: stopped.set()
    )
    await gateway.start()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await gateway.stop()
    await db.close()


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
