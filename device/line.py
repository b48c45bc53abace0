"""A bad line between devices and a hub: delay, narrow rate, stalls, cuts, dead directions, torn segments.

A TCP proxy: devices connect to `Line.url`, it connects to the hub. What happens to which connection is drawn from a
seed, so that a failing run can be had again. It knows bytes only, no frame: repeats and reorderings of whole messages
are the business of whoever speaks (`simulate_many.py`, `tests/fault/world.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

READ_BYTES: Final = 4096
PIECES_MAX: Final = 16  # reads on their way in one direction: 64 KiB, then TCP itself makes the sender wait


@dataclass(frozen=True)
class Trouble:
    """What happens to one connection. The default is a good line. Counts of bytes are of the direction concerned."""

    delay_s: float = 0.0  # each way
    jitter_s: float = 0.0  # more than `delay_s`, drawn for each read; order is kept, as TCP keeps it
    bytes_per_s: float = math.inf  # each way
    piece_bytes: int = READ_BYTES  # segments are halved into pieces of 1 to so many bytes
    tick_s: float = 0.0  # pieces leave only at multiples of it, merged
    stall_after: int | None = None  # bytes from the device, then nothing moves for `stall_s`
    stall_s: float = 0.0
    cut_after: int | None = None  # bytes from the device, then both ends are reset
    dead_up_after: int | None = None  # bytes from the device, then its direction is swallowed in silence
    dead_down_after: int | None = None  # bytes from the hub, likewise
    dead_s: float = 30.0  # so long a half-open connection stands until the line forgets it


GOOD: Final = Trouble()
VILLAGE: Final = Trouble(delay_s=0.3, jitter_s=0.4, bytes_per_s=2000, piece_bytes=600, tick_s=0.05)  # 16 kbit/s


def drawn(rng: random.Random, connection: int, *, worst_s: float = 1.0, bad_connections: int = 8) -> Trouble:
    """Trouble for the nth connection of a line: each of the first ones ends badly, later ones are only slow.

    worst_s   the longest delay, stall or half-open time
    """
    slow = Trouble(
        delay_s=rng.choice((0.0, 0.0, 0.02 * worst_s)),
        jitter_s=rng.choice((0.0, 0.02 * worst_s)),
        piece_bytes=rng.choice((1, 7, 700, READ_BYTES)),
        tick_s=rng.choice((0.0, 0.0, 0.02 * worst_s)),
    )
    if connection >= bad_connections:
        return slow
    after = int(10 ** rng.uniform(1.5, 4.6))  # 30 bytes (the handshake) to 40 kB
    changes: dict[str, int | float] = {}
    match rng.choice(("cut", "cut", "dead_up", "dead_down", "stall")):
        case "cut":
            changes = {"cut_after": after}
        case "dead_up":
            changes = {"dead_up_after": after, "dead_s": rng.uniform(0.1, worst_s)}
        case "dead_down":
            changes = {"dead_down_after": after // 20, "dead_s": rng.uniform(0.1, worst_s)}
        case "stall":
            changes = {"stall_after": after, "stall_s": rng.uniform(0.1, worst_s), "cut_after": 2 * after}
    return Trouble(**{**{name: getattr(slow, name) for name in Trouble.__dataclass_fields__}, **changes})


class Line:
    """A line to one hub. `trouble(n)` says what happens to the nth connection, counted from 0."""

    def __init__(self, host: str, port: int, trouble: Callable[[int], Trouble], rng: random.Random) -> None:
        self.connections = 0
        self.troubles: list[Trouble] = []  # what was drawn, for the report of a failing seed
        self._hub, self._trouble, self._rng = (host, port), trouble, rng
        self._joined: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=READ_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._joined):
            task.cancel()
        await asyncio.gather(*self._joined, return_exceptions=True)

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer))
        self._joined.add(task)
        task.add_done_callback(self._joined.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trouble = self._trouble(self.connections)
        self.connections += 1
        self.troubles.append(trouble)
        try:
            hub_reader, hub_writer = await asyncio.open_connection(*self._hub, limit=READ_BYTES)
        except OSError:
            writer.transport.abort()
            return
        up = _Direction(trouble, self._rng, reader, hub_writer, from_device=True)
        down = _Direction(trouble, self._rng, hub_reader, writer, from_device=False)
        ends = [asyncio.create_task(direction.run()) for direction in (up, down)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            for end_writer in (writer, hub_writer):
                end_writer.transport.abort()


class _Direction:
    """One way of one connection: a reader that dates what comes, a writer that lets it go when it is due, torn."""

    def __init__(
        self,
        trouble: Trouble,
        rng: random.Random,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        from_device: bool,
    ) -> None:
        self._trouble, self._rng, self._reader, self._writer = trouble, rng, reader, writer
        self._from_device = from_device
        self._dead_after = trouble.dead_up_after if from_device else trouble.dead_down_after
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_MAX)
        self._due = 0.0
        self._passed = 0

    async def run(self) -> None:
        """Until an end closes or this direction brings the connection down."""
        writing = asyncio.create_task(self._write())
        try:
            await self._read()
            await self._pieces.join()
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing

    async def _read(self) -> None:
        stalled = False
        while piece := await self._reader.read(READ_BYTES):
            room = self._room_before_the_cut(len(piece))
            if self._dead_after is not None and self._passed + len(piece) > self._dead_after:
                await self._swallow()
                return
            self._passed += room
            wait_s = 0.0
            if self._from_device and not stalled and self._reached(self._trouble.stall_after):
                stalled, wait_s = True, self._trouble.stall_s
            await self._pieces.put((self._date(room, wait_s), piece[:room]))
            if room < len(piece) or (self._from_device and self._reached(self._trouble.cut_after)):
                return

    def _room_before_the_cut(self, size: int) -> int:
        cut = self._trouble.cut_after if self._from_device else None
        return size if cut is None else min(size, cut - self._passed)

    def _reached(self, limit: int | None) -> bool:
        return limit is not None and self._passed >= limit

    def _date(self, size: int, wait_s: float) -> float:
        """When a piece that was read now leaves: after those before it, after its delay, at a tick."""
        now = asyncio.get_running_loop().time()
        trouble = self._trouble
        due = max(self._due, now + trouble.delay_s + self._rng.uniform(0.0, trouble.jitter_s))
        due += wait_s + size / trouble.bytes_per_s
        self._due = due
        return math.ceil(due / trouble.tick_s) * trouble.tick_s if trouble.tick_s else due

    async def _swallow(self) -> None:
        """Nobody is told: the sender goes on, the receiver hears nothing, until the line forgets the connection."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._trouble.dead_s):
                while await self._reader.read(READ_BYTES):
                    pass
                await asyncio.Event().wait()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await self._pieces.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            with contextlib.suppress(ConnectionError):
                await self._write_torn(piece)
            self._pieces.task_done()

    async def _write_torn(self, piece: bytes) -> None:
        """In parts of 1 to `piece_bytes`, and between them the other end gets a chance to read."""
        at = 0
        while at < len(piece) and not self._writer.is_closing():
            end = at + self._rng.randint(1, self._trouble.piece_bytes)
            self._writer.write(piece[at:end])
            await self._writer.drain()
            await asyncio.sleep(0)
            at = end
