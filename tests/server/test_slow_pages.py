"""A page that does not read costs the hub a bounded amount: of samples, of events, of answers to its pings."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from server.base import live
from server.base.bus import LocalBus
from server.base.live import Samples, _Follower, _Page
from server.base.page import OUTBOX_MAX, SAMPLES_BYTES_MAX, Outbox, frame
from tests.server.conftest import Hub
from tests.waiting import until

PING = b"\x89\xfd\0\0\0\0" + b"x" * 125  # as a page frames it, masked with zeros
FLOOD_BYTES = 64 * 1024 * 1024
EVENT = frame(b"an event")
BUFFER_BYTES_MAX = 512 * 1024


@contextlib.asynccontextmanager
async def a_page_that_never_reads(hub: Hub) -> AsyncIterator[socket.socket]:
    async with await hub.sign_in("reader") as browser:
        ticket = (await browser.post("/api/ws-ticket"))["ticket"]
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(made, ("127.0.0.1", hub.app.port))
        head = (
            f"GET /api/ws?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        )
        head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        await loop.sock_sendall(made, head.encode())
        assert (await loop.sock_recv(made, 12)).endswith(b" 101")
        try:
            yield made
        finally:
            made.close()


async def test_a_page_that_pings_and_never_reads_is_read_no_further(hub: Hub) -> None:
    async with a_page_that_never_reads(hub) as page:
        loop = asyncio.get_running_loop()
        flood = asyncio.create_task(loop.sock_sendall(page, PING * (FLOOD_BYTES // len(PING))))

        async def waits() -> bool:
            assert not flood.done(), "all of it was read"
            line = next(iter(hub.app.live._pages)).socket._req.transport  # type: ignore[union-attr]
            assert line.get_write_buffer_size() < BUFFER_BYTES_MAX  # type: ignore[union-attr]
            return not line.is_reading()  # type: ignore[union-attr]

        try:
            await until(waits, 30)
        finally:
            flood.cancel()
            await asyncio.gather(flood, return_exceptions=True)


async def test_a_page_that_says_nothing_any_more_is_dropped(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "IDLE_S", 0.2)
    async with a_page_that_never_reads(hub):
        await until(lambda: hub.app.live._pages, 30)
        await until(lambda: not hub.app.live._pages, 30)


def a_page() -> _Page:
    return _Page(None, "", None, Outbox(None))  # type: ignore[arg-type]  # what it is sent does not depend on either


def packet(first: int) -> Samples:
    return Samples(first, 12, 500, 1.0, bytes(6000))


async def test_a_page_that_does_not_keep_up_skips_to_the_newest_samples_and_misses_no_event() -> None:
    page, bus = a_page(), LocalBus[Samples]()
    follower = _Follower(page, "stream:rec", 7)
    bus.attach("stream:rec", follower)
    page.out.send(EVENT)
    for number in range(2000):
        bus.publish("stream:rec", packet(250 * number))
        assert page.out.sample_bytes <= SAMPLES_BYTES_MAX + 7000
        assert len(page.out) <= OUTBOX_MAX
    bus.end("stream:rec")
    sent = b""
    while (taken := page.out.take()) is not None:
        sent += taken
    assert page.out.sample_bytes == 0
    assert sent.startswith(EVENT)
    assert sent.endswith(packet(250 * 1999).frame(7) + frame(b'{"type":"ended","topic":"stream:rec"}'))
    bus.detach("stream:rec", follower)
    assert not bus.has_listeners("stream:rec")


async def test_a_page_that_misses_events_is_cut_off() -> None:
    page = a_page()
    for _ in range(OUTBOX_MAX + 1):
        assert not page.out.lagging
        page.out.send(EVENT)
    assert page.out.lagging
    assert len(page.out) == OUTBOX_MAX
