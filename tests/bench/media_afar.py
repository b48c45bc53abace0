"""Members without a browser in a process of their own, so that neither the hub nor the lines wait for them.

    async with afar(hub, consult, 38) as crowd:
        await crowd.enter(5.0)          # all within 5 s
        await crowd.talk()
        told_ms, behind_ms = await crowd.chat(60)

What they do stands in tests/forty.py. Commands go down the child's standard input, one a line; each is answered by one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from device.client import trust_of
from tests.forty import Crowd, invite
from tests.line.room import FarHub
from tests.waiting import until

TOLD_S: Final = 30.0
LOOK_S: Final = 0.05


class Afar:
    """The crowd of the child process. Raises RuntimeError when it ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def enter(self, within_s: float) -> None:
        await self._ask("enter", within_s)

    async def talk(self) -> None:
        await self._ask("talk")

    async def watch(self, large: str, small: str) -> None:
        await self._ask("watch", large, small)

    async def chat(self, seconds: float) -> tuple[list[float], float]:
        """A message a second by one of them.

        Returns how long after its command each page heard of each (ms), and how far the child was behind at worst (ms).
        """
        told: tuple[list[float], float] = await self._ask("chat", seconds)
        return told

    async def _ask(self, *words: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(words) + b"\n")
        answer = await self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the crowd ended at {words[0]}; what it said stands above")
        return msgspec.json.decode(answer)


@asynccontextmanager
async def afar(hub: FarHub, consult: str, count: int) -> AsyncIterator[Afar]:
    """They stand on the hub's host, where this thread stands."""
    assert hub.ca is not None
    who = [hub.url, consult, await invite(hub, consult, count), str(hub.ca)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.media_afar",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(who) + b"\n")
    try:
        yield Afar(process)
    finally:
        process.stdin.close()
        await process.wait()


async def _chat(crowd: Crowd, seconds: float) -> tuple[list[float], float]:
    writer, readers = crowd.members[0], crowd.members[1:]
    ages: list[float] = []
    watching = asyncio.create_task(_behind_ms(seconds))
    for number in range(round(seconds)):
        began = time.perf_counter()
        body = {"client_id": f"bench-message-{number:03}", "text": f"第 {number} 句"}
        message = (await writer.browser.post(f"/api/threads/{crowd.consult}/messages", body))["id"]

        def everywhere(message: str = message) -> bool:
            return all(message in reader.told_at for reader in readers)

        await until(everywhere, TOLD_S)
        ages += [(reader.told_at[message] - began) * 1e3 for reader in readers]
        await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - began)))
    return ages, await watching


async def _behind_ms(seconds: float) -> float:
    worst, end = 0.0, time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        await asyncio.sleep(LOOK_S)
        worst = max(worst, time.perf_counter() - now - LOOK_S)
    return worst * 1e3


async def _child() -> None:
    loop = asyncio.get_running_loop()
    url, consult, cookies, ca = msgspec.json.decode(await loop.run_in_executor(None, sys.stdin.readline))
    crowd = Crowd(url, consult, cookies, trust_of(Path(ca)))
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            verb, *words = msgspec.json.decode(line)
            told: object = None
            if verb == "enter":
                await crowd.enter(*words)
            elif verb == "talk":
                crowd.talk()
            elif verb == "watch":
                await crowd.watch(*words)
            elif verb == "chat":
                told = await _chat(crowd, *words)
            print(msgspec.json.encode(told).decode(), flush=True)
    finally:
        await crowd.close()


if __name__ == "__main__":
    asyncio.run(_child())
