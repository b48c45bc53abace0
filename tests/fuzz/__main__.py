"""Fuzz surfaces for a while: `python -m tests.fuzz [SURFACE...] [--seconds N] [--seed N] [--keep FOLDER]`.

Without names all of them, one after the other. Prints one line a surface; exit code 1 when something was found, each
finding then being a file in `--keep` (its name the surface and a number). `./run fuzz` is the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.guide import attack
from tests.fuzz.surfaces import NAMES, surface


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run fuzz", description="Fuzz what strangers reach, led by coverage.")
    parser.add_argument("surface", nargs="*", help=f"of {', '.join(NAMES)}; none: all")
    parser.add_argument("--seconds", type=float, default=60, help="for each surface")
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFFFFFF)
    parser.add_argument("--keep", type=Path, default=Path("var/fuzz"), help="where findings go")
    said = parser.parse_args()
    if unknown := [name for name in said.surface if name not in NAMES]:
        parser.error(f"no surface {unknown[0]}")
    found = False
    for name in said.surface or NAMES:
        tally = attack(surface(name), seed=said.seed, seconds=said.seconds)
        print(f"{tally.line(name)}, seed {said.seed}", flush=True)
        for number, finding in enumerate(tally.findings):
            found = True
            said.keep.mkdir(parents=True, exist_ok=True)
            path = said.keep / f"{name}-{number}"
            path.write_bytes(finding.raw)
            print(f"  {finding.what}: {path}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
