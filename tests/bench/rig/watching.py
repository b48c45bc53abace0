"""Browsers that watch live recordings, as far as the hub can tell them apart: sessions, tickets, sockets, no pixels.

    python -m tests.bench.rig.watching URL WATCHERS RECORDING...

Says `ready` once every watcher follows every recording, then reads until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import aiohttp

from server import demo
from tests.server.conftest import Browser

PING_S = 5.0  # the hub lets go of a page that is silent for 15 s


async def _watch(reader: Browser, recordings: Sequence[str], ready: asyncio.Semaphore) -> None:
    ticket = (await reader.post("/api/ws-ticket", {}))["ticket"]
    async with reader.http.ws_connect(f"{reader.url}/api/ws", params={"ticket": ticket}, max_msg_size=0) as socket:
        for recording in recordings:
            await socket.send_json({"type": "subscribe", "topic": f"stream:{recording}"})
        pinging = asyncio.create_task(_ping(socket))
        try:
            waiting = len(recordings)
            async for message in socket:
                if waiting and message.type is aiohttp.WSMsgType.TEXT:
                    answer = message.json()
                    if answer["type"] == "refused":
                        raise RuntimeError(answer)
                    waiting -= answer["type"] == "ready"
                    if not waiting:
                        ready.release()
        finally:
            pinging.cancel()


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_S)
        await socket.send_json({"type": "ping"})


async def _main(url: str, watchers: int, recordings: Sequence[str]) -> None:
    ready = asyncio.Semaphore(0)
    async with Browser(url) as reader, asyncio.TaskGroup() as group:
        await reader.post("/api/session", {"login": "reader", "password": demo.PASSWORD})
        tasks = [group.create_task(_watch(reader, recordings, ready)) for _ in range(watchers)]
        for _ in range(watchers):
            await ready.acquire()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
