"""Devices that break one requirement each: the kit that plays hub has to name every one of them.

Each is our own client with something wrong between it and its socket, or in what it keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from device import layout
from device.client import DeviceKey, clock_ms
from device.errors import Busy
from device.frames import Data, End, Frame, Hello, Open, Proof, decode, encode
from device.simulate import SampledUpload
from device.upload import DeviceEffect, DeviceSession, Done, Hold


class FaultyDevice:
    """A sound device as it is: the control. `caught_by` is the check that has to fail."""

    caught_by = ""
    waits = True  # after `wire.busy`

    def says(self, frame: Frame) -> list[bytes]:
        return [encode(frame)]


class NoWait(FaultyDevice):
    """Comes back at once, whatever the hub asked."""

    caught_by = "retry-after"
    waits = False


class WrongKey(FaultyDevice):
    """Proves itself with something else."""

    caught_by = "proof"

    def says(self, frame: Frame) -> list[bytes]:
        return [encode(msgspec.structs.replace(frame, mac=bytes(32)) if isinstance(frame, Proof) else frame)]


class OtherName(FaultyDevice):
    """Calls itself by another name than its key's."""

    caught_by = "hello"

    def says(self, frame: Frame) -> list[bytes]:
        return [encode(msgspec.structs.replace(frame, device="x") if isinstance(frame, Hello) else frame)]


class Greedy(FaultyDevice):
    """Sends beyond the limit."""

    caught_by = "credit"

    def says(self, frame: Frame) -> list[bytes]:
        return [encode(msgspec.structs.replace(frame, seq=frame.seq + 9) if isinstance(frame, Data) else frame)]


class LeavesOneOut(FaultyDevice):
    """Loses a frame before the first cut."""

    caught_by = "order"

    def says(self, frame: Frame) -> list[bytes]:
        return [] if isinstance(frame, Data) and frame.seq == 0 else [encode(frame)]


class CountsFromOne(FaultyDevice):
    """Begins to count its samples at one."""

    caught_by = "index"

    def says(self, frame: Frame) -> list[bytes]:
        return [encode(msgspec.structs.replace(frame, first=frame.first + 1) if isinstance(frame, Data) else frame)]


class NoChecksum(FaultyDevice):
    """Sends 0 as CRC32."""

    caught_by = "frame"

    def says(self, frame: Frame) -> list[bytes]:
        raw = encode(frame)
        at = layout.struct_of(layout.DATA).size
        return [raw[:at] + bytes(4) + raw[at + 4 :]] if isinstance(frame, Data) else [raw]


class BeginsAnew(FaultyDevice):
    """After a cut it begins at frame 0 again."""

    caught_by = "resume"

    def __init__(self) -> None:
        self.opens = 0

    def says(self, frame: Frame) -> list[bytes]:
        self.opens += isinstance(frame, Open)
        if isinstance(frame, Data) and self.opens > 1:
            return [encode(msgspec.structs.replace(frame, seq=0, first=0))]
        return [encode(frame)]


class OtherRecording(FaultyDevice):
    """After a cut it takes another start for the same recording."""

    caught_by = "resume"

    def __init__(self) -> None:
        self.opens = 0

    def says(self, frame: Frame) -> list[bytes]:
        self.opens += isinstance(frame, Open)
        if isinstance(frame, Open) and self.opens > 1:
            return [encode(msgspec.structs.replace(frame, start_ms=frame.start_ms + 1))]
        return [encode(frame)]


class DeafToNacks(FaultyDevice):
    """Goes on when asked for a frame again."""

    caught_by = "nack"

    def __init__(self) -> None:
        self.sent: set[int] = set()

    def says(self, frame: Frame) -> list[bytes]:
        if isinstance(frame, Open):
            self.sent.clear()
        if isinstance(frame, Data) and frame.seq == 3 and frame.seq in self.sent:
            return []
        if isinstance(frame, Data):
            self.sent.add(frame.seq)
        return [encode(frame)]


class EndsWrongly(FaultyDevice):
    """Counts one sample too few at the end."""

    caught_by = "end"

    def says(self, frame: Frame) -> list[bytes]:
        return [encode(msgspec.structs.replace(frame, samples=frame.samples - 1) if isinstance(frame, End) else frame)]


class Torn(FaultyDevice):
    """Sends a frame without its last byte and with a checksum to fit."""

    caught_by = "frame"

    def says(self, frame: Frame) -> list[bytes]:
        raw = encode(frame)
        if not isinstance(frame, Data):
            return [raw]
        at = layout.struct_of(layout.DATA).size
        body = raw[at + 4 : -1]
        return [raw[:at] + struct.pack("<I", zlib.crc32(body, zlib.crc32(raw[:at]))) + body]


class SendsAgain(FaultyDevice):
    """Takes the receipt and sends its end once more."""

    caught_by = "receipt"

    def __init__(self) -> None:
        self.end = b""

    def says(self, frame: Frame) -> list[bytes]:
        if isinstance(frame, End):
            self.end = encode(frame)
        if isinstance(frame, Open) and self.end:
            return [encode(frame), self.end]
        return [encode(frame)]


async def send_as(faulty: FaultyDevice, upload: SampledUpload, url: str, key: DeviceKey) -> None:
    """Send one recording over as many connections as it takes; ends with the receipt, or when nobody listens."""
    while True:
        wait_s = 0.0
        try:
            async with connect(url, compression=None, proxy=None) as socket:
                session = DeviceSession(key.device, key.key, "faulty/1")

                async def say(effects: list[DeviceEffect]) -> None:
                    for effect in effects:
                        if not isinstance(effect, Done | Hold):
                            for raw in faulty.says(effect.frame):
                                await socket.send(raw)

                await say(session.start())
                await say(session.offer(upload, clock_ms()))
                while True:
                    effects = session.receive(decode(await socket.recv(decode=False)), clock_ms())
                    await say(effects)
                    if any(isinstance(effect, Done) for effect in effects):
                        return
                    await say(session.pump(clock_ms()))
        except ConnectionClosed:
            pass
        except OSError:
            return
        except Busy as busy:
            wait_s = busy.retry_after_s + 0.2 if faulty.waits else 0.0
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), wait_s)


ALL = tuple(FaultyDevice.__subclasses__())
