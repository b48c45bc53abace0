"""The one place where tests wait: for what the code under test brings about, never for a time to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

LOOK_S = 0.02


async def until(question: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Ask until the answer is true, and return it. Raises TimeoutError: what was promised did not happen."""
    async with asyncio.timeout(seconds):
        while True:
            answer = question()
            found = await answer if isinstance(answer, Awaitable) else answer
            if found:
                return found
            await asyncio.sleep(LOOK_S)


async def pauses_of_the_loop(measured: list[float], step_s: float = 0.005) -> None:
    """Until cancelled: append by how much longer than `step_s` the event loop took to come back."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(step_s)
        measured.append(loop.time() - began - step_s)
