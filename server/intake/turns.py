"""Devices that say hello at once take turns: after a power cut a whole county's come back in the same second.

With all of them a step further each time round, none would be done before its time is up, and each would begin anew. So
a bounded number prove themselves, in the order of their hellos, and the time of the others has not begun. What is said
is `device.session`'s, how long it may take `connection.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PLACES: Final = 128  # enough to fill a commit of their rows
LONGEST_S: Final = 3.0
"""Who has proven nothing by then goes on without a place: who says hello and no more does not stop the others."""


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
