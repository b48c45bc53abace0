"""Hubs that break one requirement each: the conformance kit has to name every one of them.

Each stands before a sound gateway and distorts what passes: `up` what the device says, `down` what the hub answers.
So they depend on the wire alone, not on how our hub is built.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from device.errors import WireError
from device.frames import (
    Ack,
    Challenge,
    Coding,
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
    Receipt,
    Welcome,
    Why,
    decode,
    encode,
    proof_of,
)
from tests.device.fake_hub import KEY

replace = msgspec.structs.replace


class FaultyHub:
    """A sound hub as it is: the control. `caught_by` are checks that have to fail, whatever else may."""

    caught_by: frozenset[str] = frozenset()
    close_code = 4000
    closes = True  # after a refusal
    answers_websocket_pings = True

    def __init__(self) -> None:
        self.hello = b""
        self.nonce = b""

    def up(self, raw: str | bytes) -> list[str | bytes]:
        """What reaches the sound hub of a message of the device."""
        if isinstance(raw, bytes) and raw[:1] == bytes([Hello.KIND]) and not self.hello:
            self.hello = raw
        return [raw]

    def down(self, frame: Frame) -> list[Frame]:
        """What reaches the device of a frame of the sound hub."""
        if isinstance(frame, Challenge):
            self.nonce = frame.nonce
        return [frame]

    def _proof(self, device_ms: int) -> bytes:
        return encode(Proof(mac=proof_of(KEY, self.nonce, self.hello, device_ms), device_ms=device_ms))


def _kind(raw: str | bytes, cls: type[Frame]) -> bool:
    return isinstance(raw, bytes) and raw[:1] == bytes([cls.KIND])


class OneNonce(FaultyHub):
    """Gives every connection the same nonce: a proof heard once opens the door for ever."""

    caught_by = frozenset({"nonce"})

    def down(self, frame: Frame) -> list[Frame]:
        super().down(frame)
        return [replace(frame, nonce=bytes(32))] if isinstance(frame, Challenge) else [frame]

    def up(self, raw: str | bytes) -> list[str | bytes]:
        super().up(raw)
        if _kind(raw, Proof):
            proof = decode(raw)  # type: ignore[arg-type]  # bytes, as its kind says
            assert isinstance(proof, Proof)
            right = proof_of(KEY, bytes(32), self.hello, proof.device_ms)
            return [self._proof(proof.device_ms)] if proof.mac == right else [raw]
        return [raw]


class AnyProof(FaultyHub):
    """Takes any proof."""

    caught_by = frozenset({"wrong-key"})

    def up(self, raw: str | bytes) -> list[str | bytes]:
        super().up(raw)
        if _kind(raw, Proof):
            proof = decode(raw)  # type: ignore[arg-type]  # bytes, as its kind says
            assert isinstance(proof, Proof)
            return [self._proof(proof.device_ms)]
        return [raw]


class HelloRewritten(FaultyHub):
    """Checks the proof against the hello as it would have written it itself."""

    caught_by = frozenset({"proof-as-sent", "unknown-fields"})

    def up(self, raw: str | bytes) -> list[str | bytes]:
        if _kind(raw, Hello):
            return super().up(encode(decode(raw)))  # type: ignore[arg-type]  # bytes, as its kind says
        return [raw]


class StrictFields(FaultyHub):
    """Refuses an `open` with a field it does not know."""

    caught_by = frozenset({"unknown-fields"})

    def up(self, raw: str | bytes) -> list[str | bytes]:
        if _kind(raw, Open) and b"colour" in raw:
            return [bytes([Open.KIND]) + b"{}"]
        return super().up(raw)


class NoRates(FaultyHub):
    """Names no sampling rate in its welcome."""

    caught_by = frozenset({"welcome"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, rates=()) if isinstance(frame, Welcome) else frame]


class NoClock(FaultyHub):
    """Says that every clock is right."""

    caught_by = frozenset({"clock-offset"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, clock_offset_ms=0) if isinstance(frame, Welcome) else frame]


class AcksTooMuch(FaultyHub):
    """Acknowledges one frame more than it has."""

    caught_by = frozenset({"ack"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, next_seq=frame.next_seq + 1) if isinstance(frame, Ack) else frame]


class NarrowCredit(FaultyHub):
    """Never moves its limit."""

    caught_by = frozenset({"ack"})

    def __init__(self) -> None:
        super().__init__()
        self.limits: dict[int, int] = {}

    def down(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, Opened):
            self.limits[frame.stream] = frame.limit
        if isinstance(frame, Ack):
            return [replace(frame, limit=self.limits.get(frame.stream, frame.limit))]
        return super().down(frame)


class OtherReceipt(FaultyHub):
    """Its receipts carry another checksum."""

    caught_by = frozenset(
        {"whole", "no-signal", "two-streams", "resume", "begun-named", "repeat", "repeat-after-end", "gap", "crc",
         "end-gap", "receipt-again", "end-after-cut", "superseded", "fragments", "refusal-keeps", "unknown-fields",
         "clock-taken"}
    )  # fmt: skip

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, sha256=bytes(32)) if isinstance(frame, Receipt) else frame]


class StoresAgain(FaultyHub):
    """Gives a recording that is sent again a new id: it is stored twice."""

    caught_by = frozenset({"receipt-again"})

    def __init__(self) -> None:
        super().__init__()
        self.opened = False

    def down(self, frame: Frame) -> list[Frame]:
        self.opened |= isinstance(frame, Opened)
        if isinstance(frame, Receipt) and not self.opened:
            return [replace(frame, recording=f"rec-{os.urandom(4).hex()}")]
        return [frame]


class BeginsAnew(FaultyHub):
    """Lets a resumed recording begin anew."""

    caught_by = frozenset({"resume", "refusal-keeps"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, next_seq=0) if isinstance(frame, Opened) else frame]


class ForgetsBegun(FaultyHub):
    """Names no begun recording in its welcome."""

    caught_by = frozenset({"begun-named"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, streams=()) if isinstance(frame, Welcome) else frame]


class SilentOnRepeats(FaultyHub):
    """Drops a repeat without a word."""

    caught_by = frozenset({"repeat"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, int]] = set()

    def up(self, raw: str | bytes) -> list[str | bytes]:
        if _kind(raw, Data):
            with contextlib.suppress(WireError):
                data = decode(raw)  # type: ignore[arg-type]  # bytes, as its kind says
                assert isinstance(data, Data)
                if (data.stream, data.seq) in self.seen:
                    return []
                self.seen.add((data.stream, data.seq))
        return super().up(raw)


class SilentOnGaps(FaultyHub):
    """Never asks for what is missing."""

    caught_by = frozenset({"gap", "crc", "end-gap"})

    def down(self, frame: Frame) -> list[Frame]:
        return [] if isinstance(frame, Nack) else super().down(frame)


class AsksForTheWrong(FaultyHub):
    """Asks for the frame after the missing one."""

    caught_by = frozenset({"gap", "crc", "end-gap"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, next_seq=frame.next_seq + 1) if isinstance(frame, Nack) else frame]


class DamageIsAGap(FaultyHub):
    """Calls a damaged frame a missing one."""

    caught_by = frozenset({"crc"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, why=Why.GAP) if isinstance(frame, Nack) else frame]


class PongOfItsOwn(FaultyHub):
    """Answers a ping with its own time twice."""

    caught_by = frozenset({"ping"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, device_ms=frame.hub_ms) if isinstance(frame, Pong) else frame]


class DeafToPings(FaultyHub):
    """Never answers a ping."""

    caught_by = frozenset({"ping"})

    def up(self, raw: str | bytes) -> list[str | bytes]:
        return [] if _kind(raw, Ping) else super().up(raw)


class OneCode(FaultyHub):
    """Refuses whatever it refuses as busy."""

    caught_by = frozenset({"*refusals"})

    def down(self, frame: Frame) -> list[Frame]:
        return [Error(code="wire.busy", facts={"retry_after_s": 5}) if isinstance(frame, Error) else frame]


class NoFacts(FaultyHub):
    """Refuses with a code and without the facts that belong to it."""

    caught_by = frozenset({"credit", "gap-stays", "rate", "gain", "end-differs", "version", "index"})

    def down(self, frame: Frame) -> list[Frame]:
        return [Error(code=frame.code) if isinstance(frame, Error) else frame]


class ClosesAsUsual(FaultyHub):
    """Closes with 1000 after a refusal, as if all were well."""

    caught_by = frozenset({"*refusals"})
    close_code = 1000


class TakesAnyEnd(FaultyHub):
    """Never gives a receipt: acknowledges, and forgets what it promised."""

    caught_by = OtherReceipt.caught_by

    def up(self, raw: str | bytes) -> list[str | bytes]:
        return [] if _kind(raw, End) else super().up(raw)


class DeafToWebSocketPings(FaultyHub):
    """Never answers a WebSocket ping."""

    caught_by = frozenset({"websocket-ping"})
    answers_websocket_pings = False


class PatientForEver(FaultyHub):
    """Lets a connection stand that never proves itself."""

    caught_by = frozenset({"timeout"})
    closes = False

    def down(self, frame: Frame) -> list[Frame]:
        return [] if isinstance(frame, Error) else [frame]


class KnowsNoPacking(FaultyHub):
    """Takes samples only as they are."""

    caught_by = frozenset({"packed"})

    def up(self, raw: str | bytes) -> list[str | bytes]:
        return [b"\xee"] if _kind(raw, Data) and raw[1] == Coding.PACKED else super().up(raw)


class OtherFile(FaultyHub):
    """Its receipt of a file is not of the file."""

    caught_by = frozenset({"file-whole"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, sha256=bytes(32)) if isinstance(frame, Receipt) else frame]


class StoresFilesAnew(FaultyHub):
    """Makes a recording of the same file each time it comes."""

    caught_by = frozenset({"file-once"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, recording=os.urandom(4).hex()) if isinstance(frame, Receipt) else frame]


class ForgetsChunks(FaultyHub):
    """Wants a file from its beginning after every cut."""

    caught_by = frozenset({"file-resume"})

    def down(self, frame: Frame) -> list[Frame]:
        return [replace(frame, next_seq=0) if isinstance(frame, Opened) else frame]


class TakesFilesUnderAnyName(FaultyHub):
    """Does not hold a file's uid against its content."""

    caught_by = frozenset({"file-uid"})

    def down(self, frame: Frame) -> list[Frame]:
        return [Opened(0, "rec", 0, 16) if isinstance(frame, Error) else frame]


ALL = tuple(FaultyHub.__subclasses__())


def _make_deaf(device: ServerConnection) -> None:
    send_frame = device.protocol.send_frame
    device.protocol.send_frame = lambda frame: None if frame.opcode is Opcode.PONG else send_frame(frame)  # type: ignore[method-assign]  # deaf on purpose


@dataclass
class _Open:
    device: ServerConnection
    hub: ClientConnection
    faulty: FaultyHub

    async def upwards(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for raw in self.device:
                for message in self.faulty.up(raw):
                    await self.hub.send(message)
        await self.hub.close()

    async def downwards(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for raw in self.hub:
                assert isinstance(raw, bytes)
                for frame in self.faulty.down(decode(raw)):
                    await self.device.send(encode(frame))
        if self.faulty.closes:
            await self.device.close(self.faulty.close_code if self.hub.close_code == 4000 else 1000)


@contextlib.asynccontextmanager
async def standing_before(sound_url: str, faulty: type[FaultyHub]) -> AsyncIterator[str]:
    """The address of a faulty hub before a sound one."""

    async def join(device: ServerConnection) -> None:
        async with connect(sound_url, compression=None, max_size=None, proxy=None) as hub:
            line = _Open(device, hub, faulty())
            if not line.faulty.answers_websocket_pings:
                _make_deaf(device)
            ends = [asyncio.create_task(line.upwards()), asyncio.create_task(line.downwards())]
            await asyncio.gather(*ends)

    async with serve(join, "127.0.0.1", 0, compression=None, max_size=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
