"""Many other devices that are live while a few are looked at: 500 ms packets at their pace, from one process.

    python -m tests.bench.rig.crowd PORT FIRST COUNT SECONDS

Says `ready` once all have their streams open, then sends. On a machine of two cores it shares one with the browser.
"""

from __future__ import annotations

import sys

from tests.bench.rig.load import Generator
from tests.bench.rig.packets import L
from tests.bench.rig.talks import Devices


def main(port: int, first: int, count: int, seconds: float) -> None:
    with Generator(port, Devices(L, int(seconds / L.period_s) + 1)) as generator:
        generator.connect(range(first, first + count))
        print("ready", flush=True)
        load = generator.open_loop(L.period_s, seconds, 0.0)
    print(f"{count} others: {load.late} of {load.packets} packets late, {load.own_cpu:.0%} of a core", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
