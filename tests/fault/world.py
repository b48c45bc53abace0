"""A world in one process, without a socket, a clock or a disk: devices, lines, a hub that crashes, all from one seed.

The rules under test are the product's own (`DeviceSession`, `HubSession`, the journal's records and what they add up
to); this file plays what stands round them: a network with latency, a disk that forgets what was not synced, clocks
that jump. Nothing here waits: a scenario is a heap of events and takes milliseconds. Real sockets and the real gateway
are `test_link.py`'s second half.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tests.fault.played import CONTROLS, Broken, Device, Tape, Time, Wire
from tests.fault.played_hub import Hub, HubSide, recording_of


class World:
    """One scenario. `run` returns when every device has a receipt for each of its recordings, or raises Broken."""

    def __init__(self, seed: int, control: str = "") -> None:
        assert control in ("", *CONTROLS)
        self.seed, self.control, self.rng = seed, control, random.Random(seed)
        self.message_faults = self.rng.choice((0.0, 0.0, 0.5))
        self.time = Time()
        self.devices: list[Device] = []
        self.wires: list[Wire] = []
        self.hub = Hub(self)
        self.devices += [Device(self, number) for number in range(self.rng.choice((1, 1, 2, 4)))]
        self.trouble_ms = self.rng.choice((300.0, 1500.0, 8000.0))
        self.trouble_left = self.rng.randint(0, 14)
        self.time.after(self.rng.random() * self.trouble_ms, self._trouble)

    def hub_side(self, wire: Wire) -> HubSide:
        return HubSide(self, wire)

    def device(self, name: str) -> Device:
        return next(device for device in self.devices if device.name == name)

    def owner(self, uid: bytes) -> Device:
        return next(device for device in self.devices if any(tape.opening.uid == uid for tape in device.tapes))

    def tape(self, recording: str) -> Tape:
        tapes = (tape for device in self.devices for tape in device.tapes)
        return next(tape for tape in tapes if recording_of(tape.opening.uid) == recording)

    def run(self) -> None:
        self.time.run(lambda: all(device.done for device in self.devices))
        for device in self.devices:
            for tape in device.tapes:
                self._check(device, tape)

    def _trouble(self) -> None:
        if self.trouble_left == 0:
            return
        self.trouble_left -= 1
        device = self.rng.choice(self.devices)
        match self.rng.choice(("cut", "cut", "crash", "stop", "jump", "full")):
            case "cut" if device.wire is not None:
                device.wire.cut()
            case "crash" if self.hub.up:
                self.hub.crash()
            case "stop" if self.hub.up:
                self.hub.stop()
            case "full" if self.hub.up:
                self.hub.fill()
            case "jump":
                device.jump()
        self.time.after(self.rng.expovariate(1 / self.trouble_ms), self._trouble)

    def _check(self, device: Device, tape: Tape) -> None:
        """The recording equals the device's samples exactly once; gaps are where the device lost samples, as gaps."""
        uid = tape.opening.uid
        if uid not in device.receipts or uid not in self.hub.store:
            raise Broken(f"{device.name}: no receipt")
        recording, stored = self.hub.store[uid]
        receipt = device.receipts[uid]
        if (receipt.recording, receipt.sha256) != (recording, tape.sha256):
            raise Broken(f"{device.name}: a receipt of something else")
        samples = np.frombuffer(stored, "<i2").reshape(-1, len(tape.opening.leads))
        if not np.array_equal(samples, tape.samples):
            raise Broken(f"{device.name}: the stored samples differ")


@dataclass
class Tally:
    """What many scenarios came to; `line` is the one `./run test` and a nightly run are judged by (targets.md, E3)."""

    scenarios: int = 0
    frames: int = 0
    connections: int = 0
    lives: int = 0  # of hubs
    broken: dict[int, str] = field(default_factory=dict)  # seed -> what was not kept

    def line(self, name: str) -> str:
        verdict = "ok" if not self.broken else f"FAIL seeds {sorted(self.broken)[:20]}"
        return (
            f"E3 {name} scenarios {self.scenarios} frames {self.frames} connections {self.connections} "
            f"hub_starts {self.lives} broken {len(self.broken)} {verdict}"
        )


def run_all(seeds: Iterable[int], control: str = "") -> Tally:
    """Each seed is one scenario; what it broke is kept, the next one goes on."""
    tally = Tally()
    for seed in seeds:
        world = World(seed, control)
        try:
            world.run()
        except Broken as broken:
            tally.broken[seed] = str(broken)
        tally.scenarios += 1
        tally.frames += sum(tape.total for device in world.devices for tape in device.tapes)
        tally.connections += len(world.wires)
        tally.lives += world.hub.lives
    return tally


if __name__ == "__main__":  # `python -m tests.fault.world SEED`, or `FIRST END` for many
    first, end = int(sys.argv[1]), int(sys.argv[-1])
    said = run_all(range(first, max(end, first + 1)))
    for bad, why in said.broken.items():
        print(f"seed {bad}: {why}")
    print(said.line("link"))
