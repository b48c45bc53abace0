"""A film of one room as an engine keeps it: whom it carries, and each one's reel. Read by `films.parts`.

Who has agreed is the hub's affair: it says which accounts are carried, and nobody else's packets come near a reel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from server.consult.media.engine import Film
from server.consult.media.filmed import Filmed
from server.consult.media.reel import Reel
from server.consult.media.writer import Writer

Broke = Callable[[str, str], None]
"""(film, why)."""


class Filming:
    """One film under way. broke: told, in the loop, that nothing more can be written."""

    def __init__(self, film: Film, broke: Broke) -> None:
        self._loop = asyncio.get_running_loop()
        self.film = film
        self._began = self._loop.time() - film.offset_ms / 1000
        self._reels: dict[str, Reel] = {}

        def failed(why: str) -> None:
            self._loop.call_soon_threadsafe(broke, film.film, why)

        self._writer = Writer(Path(film.folder), film.key, failed)

    def carries(self, account: str) -> bool:
        return account in self.film.accounts

    def change(self, film: Film) -> None:
        """Others are carried from now on."""
        self.film = film
        for seat, reel in list(self._reels.items()):
            if reel.account not in film.accounts:
                self.drop(seat)

    def follow(self, seat: str, account: str, tracks: list[Filmed]) -> None:
        """What this seat sends, if its account is carried."""
        if not self.carries(account) or not tracks:
            return
        if seat not in self._reels:
            self._reels[seat] = Reel(self._writer, account, seat, self._began, self._loop.time())
        for track in tracks:
            if track.tap is None:
                self._reels[seat].follow(track)

    def drop(self, seat: str) -> None:
        reel = self._reels.pop(seat, None)
        if reel is not None:
            reel.close(self._loop.time())

    def tick(self) -> None:
        now = self._loop.time()
        for reel in self._reels.values():
            reel.tick(now)

    @property
    def frames(self) -> int:
        return sum(reel.frames for reel in self._reels.values())

    def close(self) -> Writer:
        """Its end. The writer still writes what it was given."""
        for seat in list(self._reels):
            self.drop(seat)
        self._writer.close()
        return self._writer
