"""The bad line does what it says: a good one changes nothing, a cut cuts where it should, a dead way is silent."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from device.line import GOOD, VILLAGE, Line, Trouble, drawn
from tests.waiting import until

TEXT = bytes(range(256)) * 40  # 10,240 bytes


class Echo:
    """A server that says back what it hears, and remembers it."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.pieces = 0

    async def __aenter__(self) -> Echo:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                self.heard += piece
                self.pieces += 1
                writer.write(piece)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def joined(trouble: Trouble) -> AsyncIterator[tuple[Echo, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with Echo() as echo, Line("127.0.0.1", echo.port, lambda _: trouble, random.Random(1)) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        try:
            yield echo, reader, writer
        finally:
            writer.transport.abort()


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other end closes or resets."""
    heard = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := await asyncio.wait_for(reader.read(65536), 20):
            heard += piece
    return bytes(heard)


@pytest.mark.parametrize(
    "trouble", [GOOD, Trouble(piece_bytes=7), Trouble(delay_s=0.01, jitter_s=0.02, piece_bytes=900, tick_s=0.02)]
)
async def test_a_line_that_only_tears_delays_and_merges_changes_no_byte(trouble: Trouble) -> None:
    async with joined(trouble) as (_, reader, writer):
        writer.write(TEXT)
        assert await asyncio.wait_for(reader.readexactly(len(TEXT)), 20) == TEXT


async def test_a_cut_comes_at_its_byte_and_resets_both_ends() -> None:
    async with joined(Trouble(cut_after=1234)) as (echo, reader, writer):
        writer.write(TEXT)
        await all_of(reader)
        assert bytes(echo.heard) == TEXT[:1234]


async def test_a_dead_direction_is_silent_and_the_other_one_lives() -> None:
    async with joined(Trouble(dead_down_after=0, dead_s=0.3)) as (echo, reader, writer):
        writer.write(TEXT)
        await until(lambda: len(echo.heard) == len(TEXT))
        assert await all_of(reader) == b"", "until the line forgets the connection"


async def test_a_narrow_line_takes_the_time_it_takes() -> None:
    loop = asyncio.get_running_loop()
    async with joined(Trouble(bytes_per_s=40_000)) as (_, reader, writer):
        began = loop.time()
        writer.write(TEXT)
        await asyncio.wait_for(reader.readexactly(len(TEXT)), 20)
        assert loop.time() - began > len(TEXT) / 40_000, "never faster; how much slower is the machine's business"


def test_what_is_drawn_follows_the_seed_and_comes_to_an_end() -> None:
    def plan(seed: int) -> list[Trouble]:
        rng = random.Random(seed)
        return [drawn(rng, connection) for connection in range(12)]

    assert plan(5) == plan(5)
    assert plan(5) != plan(6)
    ends = [t for t in plan(5)[8:] if (t.cut_after, t.dead_up_after, t.dead_down_after) != (None, None, None)]
    assert ends == [], "after the bad ones a connection is only slow: every scenario can end"
    assert VILLAGE.bytes_per_s * 8 == 16_000
