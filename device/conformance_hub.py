"""What a hub has to keep, as far as a device can see it: each requirement of docs/reference/protocol.md as a check.

The kit plays device. Read from top to bottom in the order of a recording's life; what has to be refused stands in
`conformance_refusals.py`. `tests/device/faulty_hubs.py` has, for each check, a hub that it must tell from a sound one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Final

import msgspec

from device.client import clock_ms
from device.conformance import SOFTWARE, Act, Bench, Check, Failed
from device.frames import (
    FRAME_BYTES_MAX,
    VERSION,
    Ack,
    Hello,
    Nack,
    Open,
    Opened,
    Ping,
    Pong,
    Proof,
    Receipt,
    Welcome,
    Why,
    encode,
    proof_of,
)

HUB_CHECKS: Final[list[Check]] = []


def check(name: str, requirement: str, section: str, *codes: str) -> Callable[[Act], Act]:
    def enter(run: Act) -> Act:
        HUB_CHECKS.append(Check(name, requirement, section, run, codes))
        return run

    return enter


# ---- hello, proof, welcome ----


@check("nonce", "Each connection gets a nonce of its own, 32 random bytes.", "hello, challenge, proof")
async def _nonce(bench: Bench) -> None:
    nonces = set()
    for _ in range(3):
        async with bench.connected() as peer:
            nonces.add((await peer.challenged(encode(Hello(device=bench.key.device)))).nonce)
    if len(nonces) < 3:
        raise Failed("the same nonce on two connections")


@check(
    "proof-as-sent",
    "The proof is over the hello message exactly as it was sent, however its JSON is written.",
    "hello, challenge, proof",
)
async def _proof_as_sent(bench: Bench) -> None:
    async with bench.connected() as peer:
        await peer.prove(f'\x01{{ "version": {VERSION},  "device": "{bench.key.device}" }}'.encode())


@check("unknown-fields", "Unknown JSON fields are ignored, so that a newer peer may add some.", "In one page")
async def _unknown_fields(bench: Bench) -> None:
    async with bench.connected() as peer:
        await peer.prove(f'\x01{{"device":"{bench.key.device}","version":{VERSION},"battery":{{"pct":7}}}}'.encode())
        upload = bench.upload(0.5)
        bench.begun[upload.opening.uid] = upload
        fields = msgspec.to_builtins(upload.opening) | {"colour": ["red", None]}
        await peer.say_raw(bytes([Open.KIND]) + msgspec.json.encode(fields))
        await peer.finish(upload, await peer.expect(Opened))


@check("welcome", "Welcome names the hub's clock, the rates it takes, its largest frame and its windows.", "welcome")
async def _welcome(bench: Bench) -> None:
    async with bench.proven() as peer:
        welcome = peer.welcome
        assert welcome is not None
        sound = {
            "rates": bool(welcome.rates) and min(welcome.rates) > 0,
            "frame_bytes_max": 1024 <= welcome.frame_bytes_max <= FRAME_BYTES_MAX,
            "window_frames": welcome.window_frames >= 1,
            "window_bytes": welcome.window_bytes >= welcome.frame_bytes_max,
            "hub_ms": welcome.hub_ms > 0,
            "session": bool(welcome.session),
        }
        wrong = [name for name, holds in sound.items() if not holds]
        if wrong:
            raise Failed(f"welcome with an impossible {', '.join(wrong)}")


@check(
    "clock-offset",
    "From the proof's device_ms and its own clock the hub says the offset and how far it may be wrong.",
    "welcome",
)
async def _clock_offset(bench: Bench) -> None:
    """With the proof's clock an hour back the offset said has to be an hour more."""
    offsets = []
    for back_ms in (0, 3_600_000):
        async with bench.connected() as peer:
            hello = encode(Hello(device=bench.key.device, software=SOFTWARE))
            challenge = await peer.challenged(hello)
            now = clock_ms() - back_ms
            await peer.say(Proof(mac=proof_of(bench.key.key, challenge.nonce, hello, now), device_ms=now))
            welcome = await peer.expect(Welcome)
            if welcome.clock_uncertainty_ms < 0:
                raise Failed("an uncertainty below 0")
            offsets.append((welcome.clock_offset_ms, welcome.clock_uncertainty_ms))
    (first, error), (second, other_error) = offsets
    if abs(second - first - 3_600_000) > error + other_error + 1000:
        raise Failed(f"a clock one hour back changed the offset by {second - first} ms")


@check("clock-taken", "A clock that is off refuses no recording; the offset is measured and kept.", "open, opened")
async def _clock_taken(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(0.5, start_ms=clock_ms() + 3_600_000)
        bench.begun[upload.opening.uid] = upload
        await peer.say(msgspec.structs.replace(upload.opening, device_ms=clock_ms() + 3_600_000))
        await peer.finish(upload, await peer.until(Opened))


# ---- a recording's life ----


@check(
    "whole", "After `end` the receipt carries the SHA-256 of all sample bytes and the recording's id.", "end, receipt"
)
async def _whole(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(3.0)
        opened = await peer.begin(upload)
        if opened.next_seq != 0:
            raise Failed(f"a new recording opened at frame {opened.next_seq}")
        receipt = await peer.finish(upload, opened)
        if receipt.recording != opened.recording or not receipt.recording:
            raise Failed("a receipt of another recording id than `opened` named")


@check("ack", "An ack is cumulative, names nothing that was not sent, and its limit never goes back.", "ack")
async def _ack(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(6.0)
        opened = await peer.begin(upload)
        safe, limit = 0, opened.limit
        for seq in range(min(upload.total, opened.limit)):
            await peer.say(upload.frame(0, seq))
            ack = await peer.until(Ack)
            if ack.next_seq > seq + 1:
                raise Failed(f"an ack up to {ack.next_seq} after {seq + 1} frames")
            if ack.next_seq < safe or ack.limit < limit:
                raise Failed(f"an ack that went back from {safe} to {ack.next_seq}, limit {limit} to {ack.limit}")
            safe, limit = ack.next_seq, ack.limit
        if limit <= opened.limit and upload.total > 1:
            raise Failed("the limit does not move when frames are acknowledged")


@check("no-signal", "-32768 means that there is no signal; such samples are taken as any other.", "data")
async def _no_signal(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(1.0)
        upload.samples[100:300, 2] = -32768
        await peer.finish(upload, await peer.begin(upload))


@check("two-streams", "Several recordings may be open on one connection, each with its own numbers.", "open, opened")
async def _two_streams(bench: Bench) -> None:
    async with bench.proven() as peer:
        uploads = {7: bench.upload(1.5), 2**32 - 1: bench.upload(1.5)}
        opened = {stream: await peer.begin(upload, stream) for stream, upload in uploads.items()}
        if opened[7].recording == opened[2**32 - 1].recording:
            raise Failed("two recordings with one id")
        for seq in range(uploads[7].total):
            for stream, upload in uploads.items():
                await peer.say(upload.frame(stream, seq))
        for stream, upload in uploads.items():
            end = upload.end(stream)
            assert end is not None
            await peer.say(end)
        waiting = {upload.opening.uid: upload for upload in uploads.values()}
        while waiting:
            receipt = await peer.until(Receipt)
            sent = waiting.pop(receipt.uid, None)
            if sent is None or receipt.sha256 != sent.sha256:
                raise Failed("two interleaved recordings were mixed up")
            bench.begun.pop(receipt.uid, None)


@check(
    "resume",
    "The same uid goes on at next_seq, which is never below an acknowledged frame, under the same recording id.",
    "Coming back",
)
async def _resume(bench: Bench) -> None:
    upload = bench.upload(4.0)
    async with bench.proven() as peer:
        first = await peer.begin(upload)
        await peer.send(upload, first, 4)
        safe = (await peer.acknowledged(0, 4)).next_seq
    async with bench.proven() as peer:
        again = await peer.begin(upload, 3)
        if again.next_seq < safe:
            raise Failed(f"resumed at {again.next_seq}, {safe} were acknowledged")
        if again.recording != first.recording:
            raise Failed("resumed under another recording id")
        await peer.finish(upload, again)


@check("begun-named", "Welcome names the recordings of this device that are begun and not sealed.", "welcome")
async def _begun_named(bench: Bench) -> None:
    upload = bench.upload(2.0)
    async with bench.proven() as peer:
        opened = await peer.begin(upload)
        await peer.send(upload, opened, 2)
        await peer.acknowledged(0, 2)
    async with bench.proven() as peer:
        assert peer.welcome is not None
        found = {stream.uid: stream for stream in peer.welcome.streams}.get(upload.opening.uid)
        if found is None and len(peer.welcome.streams) < 64:
            raise Failed("a begun recording is not named")
        if found is not None and (found.next_seq < 2 or found.recording != opened.recording):
            raise Failed(f"a begun recording is named with next_seq {found.next_seq} after 2 acknowledged frames")
        await peer.finish(upload, await peer.begin(upload))


@check("repeat", "A frame below the expected one is a repeat: answered with an ack, stored nowhere.", "data")
async def _repeat(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(2.0)
        opened = await peer.begin(upload)
        await peer.send(upload, opened, 2)
        await peer.acknowledged(0, 2)
        await peer.say(upload.frame(0, 0))
        if (await peer.expect(Ack)).next_seq != 2:
            raise Failed("a repeat changed what is acknowledged")
        rest = msgspec.structs.replace(opened, next_seq=1)  # one more repeat
        await peer.finish(upload, rest)


@check(
    "repeat-after-end",
    "A repeat after `end` or after the receipt changes nothing and costs nobody the connection.",
    "data",
)
async def _repeat_after_end(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload, other = bench.upload(1.0), bench.upload(1.0)
        opened, other_opened = await peer.begin(upload), await peer.begin(other, 1)
        await peer.send(upload, opened)
        end = upload.end(0)
        assert end is not None
        await peer.say(end)
        await peer.say(upload.frame(0, 0))
        await peer.say(end)
        await peer.receipt_of(upload)
        await peer.say(upload.frame(0, 1))
        await peer.say(end)
        await peer.finish(other, other_opened)


@check("gap", "A frame beyond the expected one is answered with a nack that names the missing one, once.", "data")
async def _gap(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(3.0)
        opened = await peer.begin(upload)
        await peer.say(upload.frame(0, 0))
        for seq in (2, 3):
            await peer.say(upload.frame(0, seq))
        nack = await peer.until(Nack)
        if (nack.next_seq, nack.why) != (1, Why.GAP):
            raise Failed(f"frame 1 is missing; the nack names {nack.next_seq}, why {nack.why}")
        # What lay beyond the gap was dropped: sent again from there, everything arrives once.
        await peer.finish(upload, msgspec.structs.replace(opened, next_seq=1))


@check("crc", "A frame whose CRC32 does not fit is not stored; a nack asks for it again.", "data", "wire.crc")
async def _crc(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(2.0)
        opened = await peer.begin(upload)
        await peer.say(upload.frame(0, 0))
        damaged = bytearray(encode(upload.frame(0, 1)))
        damaged[-5] ^= 0x40
        await peer.say_raw(bytes(damaged))
        nack = await peer.until(Nack)
        if (nack.next_seq, nack.why) != (1, Why.CHECKSUM):
            raise Failed(f"frame 1 was damaged; the nack names {nack.next_seq}, why {nack.why}")
        await peer.finish(upload, msgspec.structs.replace(opened, next_seq=1))


@check("end-gap", "An `end` that names frames that have not come is answered with a nack.", "end, receipt")
async def _end_gap(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(2.0)
        opened = await peer.begin(upload)
        await peer.send(upload, opened, 2)
        end = upload.end(0)
        assert end is not None
        await peer.say(end)
        nack = await peer.until(Nack)
        if nack.next_seq != 2:
            raise Failed(f"frame 2 is missing; the nack names {nack.next_seq}")
        await peer.finish(upload, msgspec.structs.replace(opened, next_seq=2))


@check(
    "receipt-again", "A sealed recording that is opened again is answered by the same receipt at once.", "open, opened"
)
async def _receipt_again(bench: Bench) -> None:
    upload = bench.upload(1.0)
    async with bench.proven() as peer:
        first = await peer.finish(upload, await peer.begin(upload))
    for _ in range(2):
        async with bench.proven() as peer:
            await peer.say(msgspec.structs.replace(upload.opening, stream=5, device_ms=clock_ms()))
            if await peer.expect(Receipt) != first:
                raise Failed("another receipt for the same recording")


@check(
    "end-after-cut",
    "A recording whose `end` was sent before a cut is sealed; its receipt is given again.",
    "Coming back",
)
async def _end_after_cut(bench: Bench) -> None:
    upload = bench.upload(1.0)
    async with bench.proven() as peer:
        await peer.send(upload, await peer.begin(upload))
        await peer.acknowledged(0, upload.total)
        end = upload.end(0)
        assert end is not None
        await peer.say(end)
    async with bench.proven() as peer:
        await peer.say(msgspec.structs.replace(upload.opening, device_ms=clock_ms()))
        frame = await peer.hear("`opened` or `receipt`")
        if isinstance(frame, Opened):
            await peer.say(end)
            await peer.receipt_of(upload)
        elif isinstance(frame, Receipt):
            peer.checked(frame, upload)
        else:
            raise Failed(f"`{frame.NAME}` instead of `opened` or `receipt`")


@check(
    "superseded",
    "A newer connection takes a recording over from an older one, which is told so.",
    "open, opened",
    "wire.superseded",
)
async def _superseded(bench: Bench) -> None:
    upload = bench.upload(2.0)
    async with bench.proven() as old, bench.proven() as new:
        opened = await old.begin(upload)
        await old.send(upload, opened, 1)
        await old.acknowledged(0, 1)
        again = await new.begin(upload)
        await old.refused("wire.superseded")
        await new.finish(upload, again)


@check("ping", "A ping is answered by a pong with the same device time and the hub's.", "ping, pong, clock")
async def _ping(bench: Bench) -> None:
    async with bench.proven() as peer:
        for device_ms in (clock_ms(), -1, 2**62):
            await peer.say(Ping(device_ms))
            pong = await peer.expect(Pong)
            if pong.device_ms != device_ms:
                raise Failed("a pong with another device time")
            if pong.hub_ms <= 0:
                raise Failed("a pong without the hub's time")


@check("websocket-ping", "WebSocket pings are answered by WebSocket pongs.", "ping, pong, clock")
async def _websocket_ping(bench: Bench) -> None:
    async with bench.proven() as peer:
        try:
            async with asyncio.timeout(bench.wait_s):
                await (await peer.socket.ping())
        except TimeoutError:
            raise Failed("no answer to a WebSocket ping") from None


@check("fragments", "A frame may come in several WebSocket fragments.", "In one page")
async def _fragments(bench: Bench) -> None:
    async with bench.proven() as peer:
        upload = bench.upload(0.5)
        opened = await peer.begin(upload)
        raw = encode(upload.frame(0, 0))
        await peer.socket.send([raw[:1], raw[1:40], raw[40:]])
        await peer.finish(upload, msgspec.structs.replace(opened, next_seq=1))


@check(
    "timeout",
    "A connection that does not prove itself within 10 s is ended.",
    "hello, challenge, proof",
    "wire.timeout",
)
async def _timeout(bench: Bench) -> None:
    patient = dataclasses.replace(bench, wait_s=bench.handshake_s + bench.wait_s)
    async with patient.connected() as peer:
        await peer.refused("wire.timeout")


@check(
    "refusal-keeps",
    "After a refusal nothing of the refused frame is stored; what was acknowledged before it stays.",
    "In one page",
)
async def _refusal_keeps(bench: Bench) -> None:
    upload = bench.upload(2.0)
    async with bench.proven() as peer:
        await peer.send(upload, await peer.begin(upload), 2)
        safe = (await peer.acknowledged(0, 2)).next_seq
        await peer.say_raw(b"\xee")
        await peer.refused("wire.frame")
    async with bench.proven() as peer:
        opened = await peer.begin(upload)
        if opened.next_seq != safe:
            raise Failed(f"resumed at {opened.next_seq} after {safe} acknowledged frames and a refused one")
        await peer.finish(upload, opened)
