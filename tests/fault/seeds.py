"""Many worlds, one a seed, and what they came to: `python -m tests.fault.seeds SEED` runs a failing one alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.fault.world import World
from tests.fault.world_disk import Broken


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


if __name__ == "__main__":  # `python -m tests.fault.seeds SEED`, or `FIRST END` for many
    first, end = int(sys.argv[1]), int(sys.argv[-1])
    said = run_all(range(first, max(end, first + 1)))
    for bad, why in said.broken.items():
        print(f"seed {bad}: {why}")
    print(said.line("link"))
