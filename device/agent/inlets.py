"""Other ways a file comes in: a TCP port to which a machine sends one file a connection, a serial line.

Each inlet hands complete files to `take` and knows nothing of what is in them. The local POST is `status.py`'s, because
it shares its port. A new kind of source is a class with `run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from device.agent.settings import Serial, Socket
from device.errors import InletRefused, QueueFull, WireError
from device.frames import FILE_BYTES_MAX

Take = Callable[[str, bytes], Awaitable[None]]
"""Takes a file's name and bytes; returns when it is on the disk, or raises a WireError."""

PIECE: Final = 64 * 1024
IDLE_S: Final = 60.0
CONNECTIONS_MAX: Final = 16
FULL_S: Final = 5.0


class Inlet(Protocol):
    """A source of files."""

    async def run(self, take: Take, ready: Callable[[], None]) -> None:
        """Until cancelled; `ready` is called when files may come. Raises InletRefused when it cannot begin or go on."""
        ...


def stamped_name(kind: str, suffix: str) -> str:
    """A name for what has none of its own."""
    return f"{kind}-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}{suffix}"


@dataclass
class SocketInlet:
    """A port on which each connection is one file: it is complete when the sender closes. Answers `OK` or the code."""

    settings: Socket
    port: int = 0  # the real one, once it listens
    _busy: int = 0

    async def run(self, take: Take, ready: Callable[[], None]) -> None:
        async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._busy += 1
            try:
                answer = await self._one(reader, take) if self._busy <= CONNECTIONS_MAX else b"agent.busy\n"
                with contextlib.suppress(ConnectionError):
                    writer.write(answer)
                    await writer.drain()
            finally:
                self._busy -= 1
                writer.close()

        try:
            server = await asyncio.start_server(joined, self.settings.host, self.settings.port)
        except OSError as error:
            raise InletRefused(port=f"port {self.settings.port}", reason=error.strerror or "?") from None
        self.port = int(server.sockets[0].getsockname()[1])
        ready()
        async with server:
            await server.serve_forever()

    async def _one(self, reader: asyncio.StreamReader, take: Take) -> bytes:
        file = bytearray()
        try:
            async with asyncio.timeout(IDLE_S) as deadline:
                while piece := await reader.read(PIECE):
                    file += piece
                    deadline.reschedule(asyncio.get_running_loop().time() + IDLE_S)
                    if len(file) > FILE_BYTES_MAX:
                        return b"wire.too_long\n"
            if file:
                await take(stamped_name("socket", self.settings.suffix), bytes(file))
        except WireError as error:
            return f"{error.code}\n".encode()
        except (TimeoutError, ConnectionError):
            return b"wire.timeout\n"  # half a file is no file
        return b"OK\n" if file else b"ecg.file_empty\n"


class SerialLine(Protocol):
    """What is used of pyserial."""

    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...


@dataclass
class SerialInlet:
    """A serial line, by the package `pyserial` where it is installed: a pause in the bytes ends a file."""

    settings: Serial

    async def run(self, take: Take, ready: Callable[[], None]) -> None:
        try:
            serial = importlib.import_module("serial")
        except ImportError:
            raise InletRefused(port=self.settings.port, reason="the package pyserial is not installed") from None
        try:
            line: SerialLine = serial.Serial(self.settings.port, self.settings.baud, timeout=self.settings.quiet_s)
        except (OSError, ValueError) as error:
            raise InletRefused(port=self.settings.port, reason=str(error)) from None
        try:
            ready()
            while True:
                file = await self._one(line)
                if 0 < len(file) <= FILE_BYTES_MAX:
                    await self._hand_over(file, take)
        except OSError as error:  # pyserial's own errors are some: the adapter was pulled out
            raise InletRefused(port=self.settings.port, reason=str(error)) from None
        finally:
            line.close()

    async def _one(self, line: SerialLine) -> bytes:
        """What comes until the line is quiet. What is too long for a file is read to its end, and empty."""
        file, size = bytearray(), 0
        while piece := await asyncio.to_thread(line.read, PIECE if size else 1):
            size += len(piece)
            if size > FILE_BYTES_MAX:
                file.clear()
            else:
                file += piece
        return bytes(file)

    async def _hand_over(self, file: bytes, take: Take) -> None:
        """A machine on a serial line does not send twice: while the queue is full, the file is held here."""
        name = stamped_name("serial", self.settings.suffix)
        while True:
            try:
                return await take(name, file)
            except QueueFull:
                await asyncio.sleep(FULL_S)
