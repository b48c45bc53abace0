"""E5 for the wire: whatever a device sends, it gets a coded error or is closed; nothing breaks, nothing grows.

Frames by their grammar (`hostile.py`) against the codec, the rules, and the real gateway; below them the WebSocket
layer with bytes no library would send. `./run test --long` sends every hostile frame, else a share drawn by seed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import struct
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from device.errors import BadChecksum, WireError
from device.frames import (
    Chunk,
    Clock,
    Data,
    End,
    Error,
    Frame,
    Hello,
    Nack,
    Open,
    Opened,
    Ping,
    Pong,
    Proof,
    decode,
    encode,
    proof_of,
)
from device.session import Append, DeviceRecord, FindDevice, HubSession, Register, Rules, Send
from device.simulate import run_device, upload_of
from tests.device.fake_hub import KEY
from tests.device.rig import Running, an_opening, raw_device, recording, running
from tests.fault import hostile

SHARE = 8  # one of so many hostile frames in a short run
RSS_GROWTH_MAX = 64 * 1024 * 1024
ALL = (*hostile.kept(), *hostile.json_frames("cart-1"), *hostile.fixed_frames())


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_every_hostile_frame_is_decoded_or_refused_with_a_code() -> None:
    refused = 0
    for what, raw in ALL:
        try:
            decode(raw)
        except WireError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{what}: {raw[:80].hex()}") from error
    assert refused > len(ALL) // 2


# ---- the rules, without a socket ----

numbers = st.integers(0, 3) | st.integers(0, 2**32 - 1)
bodies = st.sampled_from((0, 7, -32768, 32767)).flatmap(
    lambda value: st.integers(1, 300).map(lambda n: struct.pack("<h", value) * 2 * n)
)
packed = st.binary(min_size=1, max_size=80)


def an_open(stream: int, fs: int, leads: tuple[str, ...], gain: float) -> Open:
    return an_opening(stream=stream, uid=bytes(16), fs=fs, leads=leads, gain_uv_per_lsb=gain)


def raw_data(stream: int, seq: int, first: int, body: bytes) -> Data:
    return Data(stream, seq, first, 0, 2, len(body) // 4, body)


device_frames = st.one_of(
    st.builds(
        an_open,
        numbers,
        st.sampled_from((0, 500, 2**31)),
        st.sampled_from((("I", "II"), (), ("I", "I"), ("Q",), ("I",) * 40)),
        st.sampled_from((1.0, 0.05, 1e308, -1.0, float("nan"))),
    ),
    st.builds(raw_data, numbers, numbers, numbers, bodies),
    st.builds(lambda stream, seq, body: Data(stream, seq, 0, 0, 2, 50, body, 1), numbers, numbers, packed),
    st.builds(Chunk, numbers, numbers, numbers, packed),
    st.builds(End, numbers, numbers, st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32)),
    st.builds(Ping, st.integers(-(2**63), 2**63 - 1)),
    st.builds(Clock, st.integers(-(2**63), 2**63 - 1), numbers),
    st.builds(Nack, numbers, numbers),
    st.just(Hello(device="cart-1")),
)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.lists(device_frames, max_size=12))
def test_no_order_of_frames_brings_the_rules_down(said: list[Frame]) -> None:
    session = HubSession("x", bytes(32), Rules(), lambda device_id: {})
    hello = Hello(device="cart-1")
    session.receive(hello, 0, encode(hello))
    session.device_found(DeviceRecord("cart-1", (KEY,), "clinic"), 0)
    session.receive(Proof(mac=proof_of(KEY, bytes(32), encode(hello), 0), device_ms=0), 0)
    with contextlib.suppress(WireError):
        for frame in (an_opening(uid=bytes(range(16)), leads=("I", "II")), *said):
            for effect in session.receive(frame, 0, b""):
                _carry_out(session, effect)
    assert session.waiting_bytes <= Rules().window_bytes


def _carry_out(session: HubSession, effect: object) -> None:
    assert not isinstance(effect, FindDevice)
    if isinstance(effect, Register):
        for more in session.registered(effect.opening, "rec"):
            _carry_out(session, more)
    elif isinstance(effect, Append):
        for more in session.stored(effect.uid, effect.seq):
            _carry_out(session, more)
    elif isinstance(effect, Send):
        assert isinstance(decode(encode(effect.frame)), type(effect.frame))


# ---- the gateway ----


@contextlib.asynccontextmanager
async def attacked(folder: Path) -> AsyncIterator[Running]:
    """A gateway that is attacked while another device streams through it: it has to end as if nothing had happened."""
    loop, unhandled = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
    async with running(folder, handshake_s=3.0, unfinished_max=1_000_000) as hub:
        hub.hub.add("cart-1")
        good = upload_of(recording(10), mode="live")
        streaming = asyncio.create_task(run_device(good, hub.url, hub.hub.add("monitor-1"), speed=6))
        before = rss_bytes()
        yield hub
        assert rss_bytes() - before < RSS_GROWTH_MAX
        assert (await streaming).sha256 == good.sha256
        assert good.opening.uid in hub.hub.archives
        assert hub.gateway.refused["wire.hub_fault"] == 0
    assert unhandled == []


async def answered(hub: Running, raw: bytes, *, proven: bool) -> bool:
    """Whether a connection that says `raw`, then a sound ping, hears a coded error, a pong or the close within 10 s."""
    async with raw_device(hub.url) as device:
        if proven:
            await device.prove()
            await device.open(an_opening(stream=1, leads=("I", "II")))
        try:
            async with asyncio.timeout(10):
                await device.socket.send(raw)
                await device.socket.send(encode(Ping(1)))
                while True:
                    frame = decode(await device.socket.recv(decode=False))
                    if isinstance(frame, Error | Pong):
                        return True
        except ConnectionClosed:
            return True
        except TimeoutError:
            return False


async def attack(folder: Path, messages: Sequence[tuple[str, bytes]]) -> None:
    async with attacked(folder) as hub:
        for what, raw in messages:
            proven = raw[:1] not in (bytes([Hello.KIND]), bytes([Proof.KIND]))
            assert await answered(hub, raw, proven=proven), f"{what}: {raw[:80].hex()}"


async def test_a_share_of_the_hostile_frames_is_answered_by_the_gateway(tmp_path: Path) -> None:
    chosen = random.Random(20261122).sample(ALL[len(hostile.kept()) :], len(ALL) // SHARE)
    await attack(tmp_path, (*hostile.kept(), *chosen))


@pytest.mark.long
async def test_every_hostile_frame_is_answered_by_the_gateway(tmp_path: Path) -> None:
    await attack(tmp_path, ALL)


async def test_damaged_frames_that_stay_damaged_end_with_a_code(tmp_path: Path) -> None:
    async with attacked(tmp_path) as hub, raw_device(hub.url) as device:
        await device.prove()
        await device.open(an_opening(stream=0, leads=("I", "II")))
        sound = encode(Data(0, 0, 0, 0, 2, 50, bytes(200)))
        damaged = sound[:-1] + b"\x01"
        with pytest.raises(BadChecksum):
            decode(damaged)
        for _ in range(12):
            await device.socket.send(damaged)
        assert await device.refusal() == "wire.crc"


# ---- the WebSocket layer ----


def ws(
    opcode: int, payload: bytes, *, fin: bool = True, mask: bool = True, rsv: int = 0, length: int | None = None
) -> bytes:
    """One WebSocket frame, right or wrong. `length` names another size than the payload has."""
    size = len(payload) if length is None else length
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126:
        head += bytes([mask << 7 | size])
    elif size < 2**16:
        head += bytes([mask << 7 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([mask << 7 | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if mask else b"") + payload


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)
HELLO = encode(Hello(device="cart-1"))
BYTES: dict[str, bytes] = {
    "no mask": UPGRADE + ws(2, HELLO, mask=False),
    "reserved bits": UPGRADE + ws(2, HELLO, rsv=7),
    "opcode 3": UPGRADE + ws(3, HELLO),
    "opcode 11": UPGRADE + ws(11, b""),
    "continuation of nothing": UPGRADE + ws(0, HELLO),
    "a second start among fragments": UPGRADE + ws(2, HELLO, fin=False) + ws(2, HELLO),
    "a fragmented ping": UPGRADE + ws(9, b"x", fin=False),
    "a ping of 126 bytes": UPGRADE + ws(9, bytes(126)),
    "2^63 bytes announced": UPGRADE + ws(2, b"", length=2**63),
    "4 GiB announced": UPGRADE + ws(2, HELLO, length=2**32),
    "a length that ends early": UPGRADE + ws(2, HELLO)[:7],
    "fragments without an end": UPGRADE + ws(2, bytes(1000), fin=False) + ws(0, bytes(1000), fin=False) * 200,
    "100,000 empty fragments": UPGRADE + ws(2, b"", fin=False) + ws(0, b"", fin=False) * 100_000,
    "20,000 pings": UPGRADE + ws(9, b"x" * 100) * 20_000,
    "20,000 pongs nobody asked for": UPGRADE + ws(10, b"x" * 100) * 20_000,
    "close of one byte": UPGRADE + ws(8, b"\x03"),
    "close 1005": UPGRADE + ws(8, struct.pack(">H", 1005)),
    "close 0": UPGRADE + ws(8, struct.pack(">H", 0)),
    "close 5000": UPGRADE + ws(8, struct.pack(">H", 5000)),
    "close with a reason that is no UTF-8": UPGRADE + ws(8, struct.pack(">H", 1000) + b"\xff\xfe"),
    "close, then more": UPGRADE + ws(8, struct.pack(">H", 1000)) + ws(2, HELLO) * 50,
    "a text that is no UTF-8": UPGRADE + ws(1, b"\xff\xfe\xfd"),
    "a text": UPGRADE + ws(1, b"hello"),
    "hello a thousand times": UPGRADE + ws(2, HELLO) * 1000,
    "nothing after the upgrade": UPGRADE,
    "half an upgrade": UPGRADE[:60],
    "a header without end": b"GET / HTTP/1.1\r\nHost: " + b"x" * 100_000,
    "10,000 headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
    "a POST": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + bytes(5000),
    "plain HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS where none is": bytes.fromhex("160301020001fc0303") + bytes(500),
    "version 99": UPGRADE.replace(b"Version: 13", b"Version: 99"),
    "a key of one byte": UPGRADE.replace(base64.b64encode(bytes(16)), b"AA=="),
    "not HTTP at all": bytes(range(256)) * 40,
}


async def closed_after(port: int, raw: bytes) -> bool:
    """Whether the gateway ends a connection that says this and then is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(raw)
            async with asyncio.timeout(20):
                while await reader.read(65536):
                    pass
        return True
    except TimeoutError:
        return False
    finally:
        writer.transport.abort()


async def test_bytes_no_library_would_send_are_answered_or_closed(tmp_path: Path) -> None:
    async with attacked(tmp_path) as hub:
        ended = await asyncio.gather(*(closed_after(hub.gateway.port, raw) for raw in BYTES.values()))
        assert {name for name, closed in zip(BYTES, ended, strict=True) if not closed} == set()


@pytest.mark.parametrize("then", [b"", bytes(1 << 20)], ids=["alone", "with a megabyte behind"])
async def test_a_device_that_stops_masking_is_cut_off(tmp_path: Path, then: bytes) -> None:
    """After the proof frames are cut out of the bytes without the library: what no client sends goes back to it."""
    async with attacked(tmp_path) as hub, raw_device(hub.url) as device:
        await device.prove()
        await device.open(an_opening(stream=1, leads=("I", "II")))
        device.socket.transport.write(ws(2, encode(Ping(1)), mask=False) + then)
        async with asyncio.timeout(20):
            await device.socket.wait_closed()


async def test_a_frame_in_a_thousand_fragments_is_one_frame(tmp_path: Path) -> None:
    async with attacked(tmp_path) as hub, raw_device(hub.url) as device:
        raw = encode(Hello(device="cart-1", software="x" * 100))
        await device.socket.send([raw[at : at + 1] for at in range(len(raw))])
        await device.hear()
        assert not hub.gateway.refused


@pytest.mark.parametrize("seed", range(2))
async def test_random_bytes_in_a_proven_conversation_are_answered(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with attacked(tmp_path) as hub:
        for _ in range(25):
            kind = rng.choice((Open, Opened, Data, Chunk, End, Ping, Clock, Nack)).KIND
            raw = bytes([kind]) + rng.randbytes(rng.choice((0, 11, 35, 51, 500, 32_767)))
            assert await answered(hub, raw, proven=True), f"seed {seed}: {raw[:80].hex()}"
