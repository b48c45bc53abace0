"""Connections that greet at once take turns: after a power cut a whole county's devices come back in the same second.

All of them a step further each time round, none would be done before its time is up, and each would begin anew. So a
bounded number greet, in the order they came; the others wait before their time begins to run. What is said is
`device.session`'s, how long it may take the gateway's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PLACES: Final = 128  # enough to fill a commit of their rows
LONGEST_S: Final = 1.0
"""Who has not greeted by then goes on without a place: a thousand who say nothing delay the others by seconds only."""


class Turns:
    """A bounded number of places, first come, first served."""

    def __init__(self, places: int = PLACES) -> None:
        self._places = asyncio.Semaphore(places)

    async def take(self) -> Callable[[], None]:
        """Wait for a place. What is returned gives it back; calling it again does nothing."""
        await self._places.acquire()
        taken = True

        def leave() -> None:
            nonlocal taken
            if taken:
                taken = False
                longest.cancel()
                self._places.release()

        longest = asyncio.get_running_loop().call_later(LONGEST_S, leave)
        return leave
