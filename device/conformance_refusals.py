"""What a hub has to refuse, each with its code: the kit plays a device that does one thing wrong.

A refusal counts when the `error` has the right code and facts and the socket is then closed with 4000. The checks of
what a sound device sees are `conformance_hub.py`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from device.client import clock_ms
from device.conformance import SOFTWARE, Bench, Check, Peer
from device.frames import FRAME_BYTES_MAX, VERSION, Hello, Proof, encode, proof_of

STREAMS_MAX: Final = 4
NACKS_MAX: Final = 8

Wrong = Callable[[Bench, Peer], Awaitable[None]]


@dataclass(frozen=True)
class Refusal:
    """Something a device may not do; `wrong` does it on a fresh connection."""

    name: str
    section: str
    code: str
    requirement: str
    wrong: Wrong

    async def run(self, bench: Bench) -> None:
        async with bench.connected() as peer:
            await self.wrong(bench, peer)
            await peer.refused(self.code)


async def _unknown_device(bench: Bench, peer: Peer) -> None:
    await peer.say(Hello(device=f"nobody-{os.urandom(8).hex()}", software=SOFTWARE))


async def _wrong_key(bench: Bench, peer: Peer) -> None:
    hello = encode(Hello(device=bench.key.device, software=SOFTWARE))
    challenge = await peer.challenged(hello)
    now = clock_ms()
    await peer.say(Proof(mac=proof_of(bytes(32), challenge.nonce, hello, now), device_ms=now))


async def _other_version(bench: Bench, peer: Peer) -> None:
    await peer.say(Hello(device=bench.key.device, version=VERSION + 1))


async def _open_first(bench: Bench, peer: Peer) -> None:
    await peer.say(bench.upload(0.5).opening)


async def _text(bench: Bench, peer: Peer) -> None:
    await peer.say_raw("hello")


async def _empty(bench: Bench, peer: Peer) -> None:
    await peer.say_raw(b"")


async def _unknown_kind(bench: Bench, peer: Peer) -> None:
    await peer.say_raw(b"\xee\x01\x02")


async def _torn(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.begin(upload)
    await peer.say_raw(encode(upload.frame(0, 0))[:15])


async def _too_large(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.begin(upload)
    await peer.say_raw(encode(upload.frame(0, 0)) + bytes(FRAME_BYTES_MAX))


async def _data_before_open(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    await peer.say(bench.upload(1.0).frame(0, 0))


async def _data_beyond_credit(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    opened = await peer.begin(upload)
    await peer.say(msgspec.structs.replace(upload.frame(0, 0), seq=opened.limit))


async def _gap_stays(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(2.0)
    await peer.begin(upload)
    for _ in range(NACKS_MAX + 1):
        await peer.say(upload.frame(0, 2))


async def _index(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.begin(upload)
    await peer.say(msgspec.structs.replace(upload.frame(0, 0), first=5))


async def _crc_stays(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.begin(upload)
    damaged = bytearray(encode(upload.frame(0, 0)))
    damaged[-5] ^= 0x40
    for _ in range(NACKS_MAX + 1):
        await peer.say_raw(bytes(damaged))


async def _leads_in_a_frame(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.begin(upload)
    frame = upload.frame(0, 0)
    await peer.say(msgspec.structs.replace(frame, leads=6, count=frame.count * 2))


async def _sample_range(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.begin(upload)
    kept = int(upload.samples[3, 1])
    upload.samples[3, 1] = 32_500
    frame = upload.frame(0, 0)
    upload.samples[3, 1] = kept
    await peer.say(frame)


async def _end_counts_wrong(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.send(upload, await peer.begin(upload))
    end = upload.end(0)
    assert end is not None
    await peer.say(msgspec.structs.replace(end, samples=end.samples + 1))


async def _checksum(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    upload = bench.upload(1.0)
    await peer.send(upload, await peer.begin(upload))
    end = upload.end(0)
    assert end is not None
    bench.begun.pop(upload.opening.uid)  # rejected for good: nothing to clean up
    await peer.say(msgspec.structs.replace(end, sha256=bytes(32)))


async def _other_pace(bench: Bench, peer: Peer) -> None:
    """States half of the rate it samples with: its frames' clock says so."""
    await peer.prove()
    upload, liar = bench.upload(12.0), bench.upload(12.0)
    liar.opening = msgspec.structs.replace(upload.opening, fs=upload.opening.fs // 2, mode="live")
    await peer.send(upload, await peer.begin(liar))
    end = upload.end(0)
    assert end is not None
    bench.begun.pop(upload.opening.uid, None)  # rejected for good: nothing to clean up
    bench.begun.pop(liar.opening.uid, None)
    await peer.say(end)


async def _other_gain(bench: Bench, peer: Peer) -> None:
    upload = bench.upload(1.0)
    async with bench.proven() as first:
        await first.begin(upload)
    await peer.prove()
    await peer.say(msgspec.structs.replace(upload.opening, gain_uv_per_lsb=2.0))


async def _too_many_streams(bench: Bench, peer: Peer) -> None:
    await peer.prove()
    for stream in range(STREAMS_MAX):
        await peer.begin(bench.upload(0.5), stream)
    await peer.say(bench.upload(0.5, stream=STREAMS_MAX).opening)


def _opened_with(**changes: object) -> Wrong:
    async def act(bench: Bench, peer: Peer) -> None:
        await peer.prove()
        await peer.say(bench.upload(0.5, **changes).opening)

    return act


_two, _unknown, _none = _opened_with(leads=("I", "II", "I")), _opened_with(leads=("I", "Q7")), _opened_with(leads=())
_rate, _gain, _uid = _opened_with(fs=333), _opened_with(gain_uv_per_lsb=1000.0), _opened_with(uid=b"short")

# Sections of docs/reference/protocol.md.
PAGE: Final = "In one page"
FRAMES: Final = "Frames"
PROOF: Final = "hello, challenge, proof"
OPEN: Final = "open, opened"
DATA: Final = "data"
ACK: Final = "ack"
END: Final = "end, receipt"
STATES: Final = "States of a connection on the hub"
LIMITS: Final = "Limits"

_STAYS = "The same frame is asked for 8 times; then the connection is ended."

REFUSALS: Final = (
    Refusal("unknown-device", PROOF, "wire.unknown_device", "A device nobody registered is refused.", _unknown_device),
    Refusal("wrong-key", PROOF, "wire.bad_hmac", "A proof that does not fit the device's key is refused.", _wrong_key),
    Refusal("version", PROOF, "wire.version", "A version the hub does not speak is refused.", _other_version),
    Refusal("order-hello", STATES, "wire.order", "Nothing comes before `hello`.", _open_first),
    Refusal("order-data", OPEN, "wire.order", "No `data` before `opened`.", _data_before_open),
    Refusal("text", PAGE, "wire.frame", "Text messages are refused.", _text),
    Refusal("empty", FRAMES, "wire.frame", "An empty message is no frame.", _empty),
    Refusal("unknown-kind", FRAMES, "wire.frame", "A kind that does not exist is refused.", _unknown_kind),
    Refusal("torn", DATA, "wire.frame", "A frame that is shorter than its layout is refused.", _torn),
    Refusal("too-large", LIMITS, "wire.frame_too_large", "A frame beyond the largest one is refused.", _too_large),
    Refusal("credit", ACK, "wire.credit", "A frame at or beyond the limit is refused.", _data_beyond_credit),
    Refusal("gap-stays", LIMITS, "wire.gap", _STAYS, _gap_stays),
    Refusal("crc-stays", LIMITS, "wire.crc", "Frames that stay damaged end the connection.", _crc_stays),
    Refusal("index", DATA, "wire.index", "A frame that counts its samples otherwise is refused.", _index),
    Refusal("leads-frame", DATA, "wire.lead_map", "A frame has as many leads as `open` named.", _leads_in_a_frame),
    Refusal("range", DATA, "wire.sample_range", "A sample beyond +-32,000 uV but -32768 is refused.", _sample_range),
    Refusal("lead-twice", OPEN, "wire.lead_map", "Each lead is named once.", _two),
    Refusal("lead-unknown", OPEN, "wire.lead_map", "A lead's name is one of the list.", _unknown),
    Refusal("lead-none", OPEN, "wire.lead_map", "A recording has 1 to 16 leads.", _none),
    Refusal("rate", OPEN, "wire.sample_rate", "A rate the hub did not name in `welcome` is refused.", _rate),
    Refusal("gain", OPEN, "wire.gain", "A gain outside 0.05 to 50 uV is refused.", _gain),
    Refusal("uid-short", OPEN, "wire.frame", "A uid has 16 bytes.", _uid),
    Refusal("open-differs", OPEN, "wire.open_differs", "A resume is the same in every field.", _other_gain),
    Refusal("streams", OPEN, "wire.streams", "At most 4 streams are open on one connection.", _too_many_streams),
    Refusal("end-differs", END, "wire.end_differs", "An `end` that counts otherwise is refused.", _end_counts_wrong),
    Refusal("rate-differs", DATA, "wire.rate_differs", "A live recording keeps its clock's pace.", _other_pace),
    Refusal("checksum", END, "wire.checksum", "Samples without the device's SHA-256 get no receipt.", _checksum),
)  # fmt: skip

REFUSAL_CHECKS: Final = tuple(
    Check(refusal.name, refusal.requirement, refusal.section, refusal.run, (refusal.code,)) for refusal in REFUSALS
)
