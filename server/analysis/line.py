"""The hub's end of the line to the process of the monitors (`monitors`), and the messages on it.

A socket pair. Each message is its length, then a MessagePack struct; no code and no state travels. The process is begun
with the first thing there is to say, and begun anew, later each time, when it dies, goes silent or says nonsense. Which
recordings are watched, and what is sent, is not decided here (`live`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Final

import msgspec
import structlog

from server.analysis.work import Facts
from server.base.pool import keep_to_one_thread

log = structlog.get_logger()

IN_FLIGHT_MAX: Final = 2
"""Batches: one is worked on, the next one waits in the socket, so that the process never waits for the hub."""
SILENT_S: Final = 30.0
"""A batch is small; a process that has not worked off one by then will not."""
BEGIN_S: Final = 60.0
BACK_OFF_S, BACK_OFF_S_MAX, PROVEN_S = 0.5, 30.0, 60.0
"""How long until it is begun anew, twice as long each time, unless it had lived for PROVEN_S."""
ERROR_MAX: Final = 200
LENGTH: Final = struct.Struct("<I")
"""Before each message of either side: how many bytes it has."""


class Begin(msgspec.Struct, frozen=True, array_like=True):
    """A recording is watched from its next packet on. `key` stands for it on this line, and is used once."""

    key: int
    fs: float
    leads: tuple[str, ...]
    facts: Facts


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """`raw`: int16 little-endian, one row a sample, from sample `first` of the recording on."""

    key: int
    first: int
    gain_uv_per_lsb: float
    raw: bytes


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What has come since the last one; taken in this order. `end`: these are not watched any more."""

    begin: list[Begin]
    packets: list[Packet]
    end: list[int]


class Found(msgspec.Struct, frozen=True, array_like=True):
    """`findings`: critical ones as a JSON list, places in samples of the recording."""

    key: int
    findings: bytes


class Failed(msgspec.Struct, frozen=True, array_like=True):
    """The monitor of this recording raised; it is not watched any more."""

    key: int
    error: str


class Said(msgspec.Struct, frozen=True, array_like=True):
    """The first one, empty, says that the process is there. `done`: one more batch is worked off."""

    told: list[Found] = []
    failed: list[Failed] = []
    done: bool = False


def framed(message: Batch | Said) -> bytes:
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


class MonitorLine:
    """One process at a time. `begun` counts them.

    monotonic  seconds that only grow.
    said       told whatever the process says, and which batch it has worked off with that, if any.
    lost       told that the process has gone, and what was in flight; the next one knows of no recording.
    """

    def __init__(
        self,
        profile: str,
        monotonic: Callable[[], float],
        said: Callable[[Said, Batch | None], None],
        lost: Callable[[list[Batch]], None],
    ) -> None:
        self._profile, self._monotonic, self._said, self._lost = profile, monotonic, said, lost
        self._process: ForkServerProcess | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._in_flight: deque[tuple[float, Batch]] = deque()  # with when it was sent
        self._heard_at = 0.0  # when the process said something, or was begun
        self.begun = 0

    @property
    def restarts(self) -> int:
        return max(0, self.begun - 1)

    @property
    def ready(self) -> bool:
        """Whether a process is there that listens."""
        return self._writer is not None

    @property
    def free(self) -> bool:
        """Whether a batch may be sent now."""
        return self._writer is not None and len(self._in_flight) < IN_FLIGHT_MAX

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def open(self) -> None:
        """Begin the process, if that has not been done."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_up(), name="monitors")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def send(self, batch: Batch) -> None:
        """Only while `free`."""
        assert self._writer is not None
        self._in_flight.append((self._monotonic(), batch))
        self._writer.write(framed(batch))

    def look(self) -> None:
        """To be called now and then: a process that is stuck is ended."""
        now = self._monotonic()
        stuck = bool(self._in_flight) and now - max(self._in_flight[0][0], self._heard_at) > SILENT_S
        never = self._process is not None and self._writer is None and now - self._heard_at > BEGIN_S
        if (stuck or never) and self._process is not None:
            log.error("live.process_stuck", pid=self._process.pid)
            self._kill()

    def _kill(self) -> None:
        if self._process is not None and self._process.is_alive():  # its number may be another's by now
            self._process.kill()

    async def _keep_up(self) -> None:
        wait_s = BACK_OFF_S
        while True:
            began = self._monotonic()
            try:
                await self._one_life()
            except Exception as error:  # mostly its end (EOFError); whatever it is, the next one shall have its turn
                wait_s = BACK_OFF_S if self._monotonic() - began > PROVEN_S else wait_s
                log.error("live.process_lost", error=repr(error)[:ERROR_MAX], begun=self.begun, again_in_s=wait_s)
            lost = [batch for _, batch in self._in_flight]
            self._in_flight.clear()
            self._lost(lost)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, BACK_OFF_S_MAX)

    async def _one_life(self) -> None:
        """From the beginning of a process to its end. Raises what ended it."""
        ours, theirs = socket.socketpair()
        self._heard_at = self._monotonic()
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            with theirs:
                self._process = await asyncio.to_thread(_begin, theirs, self._profile)
            self.begun += 1
            while True:
                length = LENGTH.unpack(await reader.readexactly(LENGTH.size))[0]
                said = msgspec.msgpack.decode(await reader.readexactly(length), type=Said)
                self._heard_at = self._monotonic()
                self._writer = writer
                self._said(said, self._in_flight.popleft()[1] if said.done else None)
        finally:
            self._writer = None
            writer.transport.abort()
            self._kill()
            self._process = None


def _begin(theirs: socket.socket, profile: str) -> ForkServerProcess:
    """Blocking. From the pool's fork server: a fork of the hub itself would copy its sockets and threads."""
    keep_to_one_thread()
    context = get_context("forkserver")
    process = context.Process(target=_live, args=(theirs, os.getpid(), profile), name="monitors", daemon=True)
    process.start()
    return process


def _live(line: socket.socket, hub: int, profile: str) -> None:
    from server.analysis import monitors  # the hub, which imports this module, does without the whole of `ecg`

    monitors.main(line, hub, profile)
