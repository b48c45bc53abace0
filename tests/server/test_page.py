"""What a page is sent when its line does not take everything: nothing lost that counts, the newest of what does not."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import cast

from device.client import trust_of
from server import tls
from server.base.page import (
    DIRECT_BYTES_MAX,
    HOLD_S,
    HOLD_S_MAX,
    OUTBOX_BYTES_MAX,
    QUEUED_US,
    Line,
    Outbox,
    frame,
    samples_frame,
    unsent_bytes,
)
from tests.waiting import until


class Wire:
    """A transport that keeps what it is given. unsent: what the kernel has not taken yet."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.unsent = 0
        self.closing = False

    def get_extra_info(self, _name: str) -> None:
        return None

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        assert low < high == DIRECT_BYTES_MAX

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)


def page() -> tuple[Wire, Outbox]:
    wire = Wire()
    return wire, Outbox(cast("asyncio.Transport", wire))


def test_a_frame_says_its_length_in_each_of_the_three_ways() -> None:
    assert frame(b"x" * 125)[:2] == b"\x81\x7d"
    assert frame(b"x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert frame(b"x" * 70_000)[:10] == b"\x81\x7f" + (70_000).to_bytes(8, "big")
    assert samples_frame(b"x")[:2] == b"\x82\x01"


async def test_a_free_line_gets_each_frame_at_once_and_a_full_one_later_in_order() -> None:
    wire, out = page()
    out.send(frame(b"1"))
    assert wire.written == [frame(b"1")]
    wire.unsent = DIRECT_BYTES_MAX
    out.send(frame(b"2"))
    out.show(samples_frame(b"3"))
    wire.unsent = 0
    out.send(frame(b"4"))  # behind what waits, though the line is free again
    assert wire.written == [frame(b"1")]
    out.write_on()
    assert wire.written[1] == frame(b"2") + samples_frame(b"3") + frame(b"4")
    out.send(frame(b"5"))
    assert wire.written[2] == frame(b"5")


async def test_what_only_counts_while_it_is_new_never_waits_behind_itself() -> None:
    wire, out = page()
    wire.unsent = DIRECT_BYTES_MAX
    for i in range(500):
        out.show_newest("pointer a", frame(b"a%d" % i))
        out.show_newest("pointer b", frame(b"b%d" % i))
    assert (wire.written, len(out), out.lagging) == ([], 0, False)
    wire.unsent = 0
    await until(lambda: len(wire.written) == 2)
    assert wire.written == [frame(b"a499"), frame(b"b499")]
    out.close()


async def test_on_a_narrow_line_it_goes_now_and_then_and_the_last_word_always() -> None:
    wire, out = page()
    loop = asyncio.get_running_loop()
    out.line._judge(QUEUED_US + 1, loop.time())  # as the kernel would say it
    assert out.line.is_narrow(loop.time())
    for i in range(300):
        out.show_newest("pointer a", frame(b"%03d" % i))
        out.send(frame(b"ecg"))
    assert wire.written.count(frame(b"ecg")) == 300  # nothing else waits for it
    await until(lambda: wire.written[-1] == frame(b"299"))
    assert len(wire.written) - 300 <= 3
    out.close()


def test_a_line_that_fills_again_when_it_is_trusted_is_trusted_later() -> None:
    line = Line(None)
    line._judge(QUEUED_US, 0.0)
    assert not line.is_narrow(0.0)
    now, waits = 1.0, []
    for _ in range(6):
        line._judge(QUEUED_US + 1, now)
        until_s = now
        while line.is_narrow(until_s):
            until_s += 1.0
        waits.append(until_s - now)
        now = until_s
    assert waits[0] == HOLD_S
    assert waits == sorted(waits)
    assert waits[-1] == HOLD_S_MAX
    line._judge(QUEUED_US + 1, now + 1000)  # long ago: as if it were the first time
    assert not line.is_narrow(now + 1000 + HOLD_S)


async def test_a_page_that_never_reads_is_cut_off_by_bytes_and_gets_nothing_after_its_end() -> None:
    wire, out = page()
    wire.unsent = DIRECT_BYTES_MAX
    whole = frame(b"x" * 60_000)
    for _ in range(OUTBOX_BYTES_MAX // len(whole) + 2):
        out.send(whole)
    assert out.lagging
    assert len(out) * len(whole) <= OUTBOX_BYTES_MAX + 2 * len(whole)
    wire.unsent = 0
    out.close()
    out.send(frame(b"late"))
    out.write_on()
    assert wire.written == []


async def test_a_page_of_tls_that_was_dropped_is_sent_nothing_and_fails_nobody(tmp_path: Path) -> None:
    ca, certificate, key = tls.make(tmp_path, ("127.0.0.1",))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    wires: asyncio.Queue[asyncio.Transport] = asyncio.Queue()

    async def came(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wires.put_nowait(cast("asyncio.Transport", writer.transport))

    server = await asyncio.start_server(came, "127.0.0.1", 0, ssl=own)
    async with server:
        address = server.sockets[0].getsockname()
        _, there = await asyncio.open_connection(*address, ssl=trust_of(ca))
        wire = await wires.get()
        out = Outbox(wire)
        out.send(frame(b"1"))
        assert not len(out)
        wire.abort()
        wire.close()  # as aiohttp does when it has heard of it
        out.send(frame(b"2"))
        out.show(samples_frame(b"3"))
        out.show_newest("pointer a", frame(b"4"))
        assert (unsent_bytes(wire), len(out)) == (0, 2)
        out.close()
        there.close()
