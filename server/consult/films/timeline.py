"""What was on the stage of a filmed room, and when: the room's whispers, sealed beside the film's parts.

Kept: views, the floor, marks and, of those the film carries, pointers. Not kept: signalling, typing, the chat (that has
a thread of its own). Times are of this process's clock, as the parts' are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec

from server.consult.films.model import StageWord
from server.consult.media.sealed import SealedFile, SealedWriter

NAME: Final = "stage.sealed"
KEPT: Final = frozenset({"view", "pointer", "floor", "marked"})
POINTER_EVERY_MS: Final = 100
WAITING_MAX: Final = 20_000
_encode = msgspec.json.Encoder().encode


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""


_kind = msgspec.json.Decoder(_Kind).decode


class Timeline:
    """Of one film. `write` it now and then. Raises OSError."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._began = asyncio.get_running_loop().time()
        self._file = SealedWriter(folder / NAME, key)
        self._waiting: list[StageWord] = []
        self._pointed: dict[str, int] = {}

    @property
    def ms(self) -> int:
        return round((asyncio.get_running_loop().time() - self._began) * 1000)

    def note(self, by: str, said: bytes, carried: Collection[str]) -> None:
        """by: who whispered it; "": the hub."""
        kind, ms = _kind(said).kind, self.ms
        if kind not in KEPT or len(self._waiting) >= WAITING_MAX:
            return
        if kind == "pointer":
            leaves = b'"lead":null' in said
            if by not in carried or (not leaves and ms - self._pointed.get(by, -POINTER_EVERY_MS) < POINTER_EVERY_MS):
                return
            self._pointed[by] = ms
        self._waiting.append(StageWord(ms, by, msgspec.Raw(said)))

    async def write(self) -> None:
        """What was noted until now is durable."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            await asyncio.to_thread(self._file.append, _encode(waiting), waiting[0].ms)

    async def close(self) -> None:
        await self.write()
        await asyncio.to_thread(self._file.close)


def words(folder: Path, key: bytes) -> list[StageWord]:
    """All that was kept, in order. Blocking. Raises SealBroken; a film without any has an empty list."""
    try:
        file = SealedFile(folder / NAME, key)
    except FileNotFoundError:
        return []
    decode = msgspec.json.Decoder(list[StageWord]).decode
    return [word for number in range(len(file)) for word in decode(file.read(number))]
