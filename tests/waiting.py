"""The one place where tests wait: for what the code under test brings about, never for a time to pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
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


async def work_between_turns(measured: list[float], step_s: float = 0.002) -> None:
    """Until cancelled: append the processor time this thread took between two turns of the event loop.

    Processor time, not the clock: on a busy machine the clock also counts what other processes took.
    """
    while True:
        began = time.thread_time()
        await asyncio.sleep(step_s)
        measured.append(time.thread_time() - began)


async def every(seconds: float) -> AsyncIterator[int]:
    """The beat of somebody who does a thing again and again, as a page does: 0, 1, 2, ..."""
    for number in count():
        await asyncio.sleep(seconds)
        yield number
