"""Part D of the targets: the room's sound and picture. Each part stands in a file of its own, `media_*.py`.

    ./run bench media [--only D1,D3] [--rounds 3] [--quick] [--json]

Peers run in turns with ours, in the same run. Needs what `./run setup test` installs: Chromium and Janus.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from tests.bench import media_cuts, media_fanout, media_forward, media_line, media_pages
from tests.bench.figure import Words, WrongWordsError
from tests.bench.sheet import Sheet

Part = Callable[[Sheet, int, float], Awaitable[None]]
"""(figures, rounds, seconds of a turn)"""

PARTS: Final[dict[str, Part]] = {
    "D1": media_pages.joins,
    "D2": media_pages.latency,
    "D3": media_forward.forwarding,
    "D4": media_forward.forty,
    "D5": media_line.lossy_lines,
    "D6": media_cuts.reconnect,
    "D7": media_line.narrow_lines,
    "D8": media_fanout.fanout,
}
MUSTS: Final = {
    **media_pages.MUSTS, **media_forward.MUSTS, **media_cuts.MUSTS, **media_line.MUSTS, **media_fanout.MUSTS,
}  # fmt: skip


def run(words: Sequence[str] = ()) -> Sheet:
    parser = Words(prog="./run bench media", add_help=False)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(list(words))
    only = given.only.upper().split(",")
    if unknown := sorted(set(only) - set(PARTS)):
        raise WrongWordsError(f"there is no part {' '.join(unknown)}; the parts are {' '.join(PARTS)}")
    rounds, seconds = (1, 3.0) if given.quick else (given.rounds, 10.0)
    sheet = Sheet(MUSTS)
    sheet.heads.append(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for name, part in PARTS.items():
        if name in only:
            sheet.measure(name, partial(asyncio.run, part(sheet, rounds, seconds)))  # type: ignore[arg-type]  # a coroutine
    return sheet
