"""Devices that say hello at once take turns: after a power cut a whole county's come back in the same second.

With all of them a step further each time round, none would be done before its time is up, and each would begin anew. So
a bounded number prove themselves, in the order of their hellos, and the time of the others has not begun. What is said
is `device.session`'s, how long it may take `connection.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

PLACES: Final = 128  # enough to fill a commit of their rows
LONGEST_S: Final = 3.0
"""Who has proven nothing by then goes on without a place: who says hello and no more does not stop the others."""


class Turns:
    """A bounded number of places, first come, first served, and one a name: a newer hello takes over the older's.

    So who knows the name of one device and says hello in it again and again holds one place, not all of them, and the
    device itself does not wait for him either.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._free = asyncio.Semaphore(places)
        self._held: dict[str, object] = {}  # by name, who holds its place now
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, name: str) -> Callable[[], None]:
        """Wait for a place. What is returned gives it back; once given back or taken over it does nothing."""
        line = self._lines.setdefault(name, asyncio.Lock())  # held on to by those in it, so it goes with the last
        async with line:
            if name not in self._held:
                await self._free.acquire()
        holder = self._held[name] = object()

        def leave() -> None:
            if self._held.get(name) is holder:
                del self._held[name]
                longest.cancel()
                self._free.release()

        longest = asyncio.get_running_loop().call_later(LONGEST_S, leave)
        return leave
