"""A device written from `docs/reference/protocol.md` alone, with the standard library: the page suffices, byte by byte.

Nothing of `device` is used on its side of the wire, so that page and code cannot drift apart in step.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import re
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import zstandard
from websockets.asyncio.client import ClientConnection, connect

from tests.device.rig import running

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/protocol.md").read_text(encoding="utf-8")
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
Rows = list[tuple[int, ...]]


def example(after: str) -> bytes:
    """The bytes of the page's first block behind these words."""
    found = re.search(r"```\n([0-9a-f ]+)\n```", PAGE[PAGE.index(after) :])
    assert found is not None
    return bytes.fromhex(found[1])


def now_ms() -> int:
    return int(time.time() * 1000)


def as_json(kind: int, /, **fields: Any) -> bytes:
    return bytes([kind]) + json.dumps(fields).encode()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def raw_body(rows: Rows) -> bytes:
    return b"".join(struct.pack(f"<{len(row)}h", *row) for row in rows)


def planes(rows: Rows, leads: tuple[str, ...]) -> bytes:
    columns = dict(zip(leads, zip(*rows, strict=True), strict=True))
    one, two = columns["I"], columns["II"]
    formulas = {
        "III": [b - a for a, b in zip(one, two, strict=True)],
        "aVR": [-((a + b) >> 1) for a, b in zip(one, two, strict=True)],
        "aVL": [(2 * a - b) >> 1 for a, b in zip(one, two, strict=True)],
        "aVF": [(2 * b - a) >> 1 for a, b in zip(one, two, strict=True)],
    }
    words = []
    for lead, column in columns.items():
        last = 0
        for value, formula in zip(column, formulas.get(lead, [0] * len(column)), strict=True):
            step = (value - formula - last + 0x8000) % 0x10000 - 0x8000
            last = value - formula
            words.append(((step << 1) ^ (step >> 15)) & 0xFFFF)
    return bytes(word & 0xFF for word in words) + bytes(word >> 8 for word in words)


def data(stream: int, seq: int, first: int, at_ms: int, rows: Rows, body: bytes, coding: int = 0) -> bytes:
    head = struct.pack("<BBBBIIIQq", 0x10, coding, len(rows[0]), 0, stream, seq, len(rows), first, at_ms)
    return head + struct.pack("<I", zlib.crc32(head + body)) + body


def chunk(stream: int, seq: int, first: int, body: bytes) -> bytes:
    head = struct.pack("<B3xIIQ", 0x15, stream, seq, first)
    return head + struct.pack("<I", zlib.crc32(head + body)) + body


def end(stream: int, frames: int, samples: int, content: bytes) -> bytes:
    return struct.pack("<B3xIIQ32s", 0x13, stream, frames, samples, hashlib.sha256(content).digest())


async def heard(socket: ClientConnection) -> tuple[str, dict[str, Any]]:
    raw = await socket.recv()
    assert isinstance(raw, bytes)
    if raw[0] == 0x11:
        return "ack", dict(zip(("stream", "next_seq", "limit"), struct.unpack("<4xIII", raw), strict=True))
    if raw[0] == 0x12:
        why, stream, next_seq, retry = struct.unpack("<xB2xIII", raw)
        return "nack", {"why": why, "stream": stream, "next_seq": next_seq, "retry_after_ms": retry}
    if raw[0] == 0x21:
        return "pong", dict(zip(("device_ms", "hub_ms"), struct.unpack("<4xqq", raw), strict=True))
    names = {0x02: "challenge", 0x04: "welcome", 0x06: "opened", 0x14: "receipt", 0x7F: "error"}
    return names[raw[0]], json.loads(raw[1:])


async def until_heard(socket: ClientConnection, name: str) -> dict[str, Any]:
    while (said := await heard(socket))[0] != name:
        assert said[0] in ("ack", "nack"), said
    return said[1]


async def prove(socket: ClientConnection, device: str, key: bytes) -> dict[str, Any]:
    hello = as_json(0x01, device=device, version=1, software="page/1", later="a newer peer's")
    await socket.send(hello)
    nonce, at_ms = base64.b64decode((await until_heard(socket, "challenge"))["nonce"]), now_ms()
    mac = hmac.new(key, nonce + hello + struct.pack("<q", at_ms), hashlib.sha256).digest()
    await socket.send(as_json(0x03, mac=b64(mac), device_ms=at_ms))
    return await until_heard(socket, "welcome")


def test_the_pages_examples_are_bytes_of_the_wire() -> None:
    assert data(1, 2, 4, 3, [(1, -1)], raw_body([(1, -1)])) == example("Example, stream 1")
    assert planes([(100, 300, 199), (98, 300, -203)], ("I", "II", "III")) == example("Example, leads I, II, III")


async def test_a_recording_of_a_device_written_from_the_page_arrives(tmp_path: Path) -> None:
    """A gap, damage and a cut on the way; frames raw and packed; the receipt's hash is of what was measured."""
    rows: Rows = []
    for n in range(1000):
        one, two = round(300 * math.sin(n / 9)), round(500 * math.cos(n / 7))
        limbs = (one, two, two - one, -((one + two) >> 1), (2 * one - two) >> 1, two)
        rows.append(limbs if n % 100 else (one, *[-32768] * 5))  # an electrode loses its contact now and then
    parts = [rows[first : first + 100] for first in range(0, 1000, 100)]
    uid, start_ms = os.urandom(16), now_ms()

    def piece(stream: int, seq: int) -> bytes:
        at_ms, part = start_ms + 200 * seq, parts[seq]
        if seq % 2:
            return data(stream, seq, 100 * seq, at_ms, part, zstandard.compress(planes(part, LEADS)), coding=1)
        return data(stream, seq, 100 * seq, at_ms, part, raw_body(part))

    def opening(stream: int) -> bytes:
        return as_json(
            0x05, stream=stream, uid=b64(uid), fs=500, leads=LEADS, gain_uv_per_lsb=1.0, start_ms=start_ms,
            device_ms=now_ms(), kind="resting", mode="batch",
        )  # fmt: skip

    async with running(tmp_path) as hub:
        key = hub.hub.add("page-1").key
        async with connect(hub.url, compression=None) as socket:
            assert (await prove(socket, "page-1", key))["streams"] == []
            await socket.send(opening(3))
            assert (await until_heard(socket, "opened"))["next_seq"] == 0
            damaged = bytearray(piece(3, 1))
            damaged[-1] ^= 1
            for frame, why in ((piece(3, 2), 1), (bytes(damaged), 2)):
                await socket.send(piece(3, 0))
                await socket.send(frame)
                nack = await until_heard(socket, "nack")
                assert (nack["why"], nack["next_seq"]) == (why, 1)
            await socket.send(piece(3, 0))  # a repeat: answered by what is on the disk, which the nack need not be
            while (await until_heard(socket, "ack"))["next_seq"] < 1:
                pass
        async with connect(hub.url, compression=None) as socket:
            (begun,) = (await prove(socket, "page-1", key))["streams"]
            assert (begun["uid"], begun["next_seq"]) == (b64(uid), 1)
            await socket.send(opening(4))
            opened = await until_heard(socket, "opened")
            for seq in range(opened["next_seq"], 10):
                await socket.send(piece(4, seq))
            await socket.send(end(4, 10, 1000, raw_body(rows)))
            receipt = await until_heard(socket, "receipt")
            assert base64.b64decode(receipt["sha256"]) == hashlib.sha256(raw_body(rows)).digest()
            await socket.send(struct.pack("<B3xq", 0x20, 77))
            assert (await until_heard(socket, "pong"))["device_ms"] == 77


async def test_a_file_of_a_device_written_from_the_page_arrives(tmp_path: Path) -> None:
    file = b"# fs=500\n# unit=uV\nI,II\n" + b"1,2\n" * 20_000
    sent = zstandard.compress(file)
    sha256 = hashlib.sha256(file).digest()
    async with running(tmp_path) as hub, connect(hub.url, compression=None) as socket:
        await prove(socket, "page-1", hub.hub.add("page-1").key)
        uid = hashlib.sha256(b"page-1" + sha256).digest()[:16]
        deposit = as_json(
            0x07, stream=0, uid=b64(uid), name="a.csv", size=len(file), sha256=b64(sha256), made_ms=now_ms(),
            device_ms=now_ms(), packing="zstd",
        )  # fmt: skip
        await socket.send(deposit)
        assert (await until_heard(socket, "opened"))["next_seq"] == 0
        half = len(sent) // 2
        await socket.send(chunk(0, 0, 0, sent[:half]))
        await socket.send(chunk(0, 1, half, sent[half:]))
        await socket.send(end(0, 2, len(sent), sent))
        assert base64.b64decode((await until_heard(socket, "receipt"))["sha256"]) == sha256
        assert list(hub.hub.files.values()) == [file]
