"""`./run bench NAME [OPTION...] [--json]`: runs tests/bench/NAME.py and prints its figures.

A benchmark is a module with `run(words) -> Figures`; words are its own options, and it raises WrongWordsError
for those it does not know. Its own progress and remarks go to standard error; standard output
carries the figures and nothing else, so that a program may read them.
"""

import fcntl
import importlib
import json
import signal
import sys
from pathlib import Path

from tests.bench.figure import Figures, WrongWordsError
from tests.bench.sheet import Sheet

HERE = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "__main__", "figure", "memory", "ours", "sheet"}
APART = ("peer_", "media_")  # parts of others


def names() -> list[str]:
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem not in NOT_BENCHMARKS and not p.stem.startswith(APART))


def main(words: list[str]) -> int:
    as_json = "--json" in words
    rest = [word for word in words if word != "--json"]
    if not rest or rest[0] not in names():
        print(f"./run bench takes one name, one of: {', '.join(names())}.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends, and its folders go
    with Path(__file__).open() as own_file:
        fcntl.flock(own_file, fcntl.LOCK_EX)  # two benchmarks at once would measure each other
        try:
            figures: Figures = importlib.import_module(f"tests.bench.{rest[0]}").run(rest[1:])
        except WrongWordsError as reason:
            print(f"./run bench {rest[0]}: {reason}", file=sys.stderr)
            return 2
    if isinstance(figures, Sheet):
        print("\n".join(figures.heads), file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(figures, ensure_ascii=False, indent=2))
        return 1 if isinstance(figures, Sheet) and figures.failed else 0
    if isinstance(figures, Sheet):
        print("\n".join(figures.lines()))
        return 1 if figures.failed else 0
    for key, figure in figures.items():
        against = f"  {figure['ratio']:.3f} x {figure['peer']}" if figure["ratio"] is not None else ""
        runs = " ".join(f"{value:.4g}" for value in figure["runs"])
        print(f"{key:24} {figure['value']:.4g} {figure['unit']}{against}  (runs: {runs})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
