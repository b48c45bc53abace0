"""The hub's end of the embedded forwarder: a process of its own (`process`), begun when a room may need it.

A process that dies is begun anew, later each time; everybody's seats are gone with it, and `Died` says so. ECG and
alerts never wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Final

import msgspec
import structlog

from server.base.pool import keep_to_one_thread
from server.consult.media import process
from server.consult.media.engine import BadSdp, Died, EngineGone, Film, Hear, NoSeat
from server.consult.media.model import Wish
from server.consult.media.process import Command, Listen, Reply, Said

log = structlog.get_logger()

ANSWER_S: Final = 10.0
"""A command is worked off in a millisecond; the first one also waits for the process to be there."""
BACK_OFF_S, BACK_OFF_S_MAX, PROVEN_S = 0.2, 10.0, 60.0
PENDING_MAX: Final = 1000


class Embedded:
    """A MediaEngine. hear: told what happens. monotonic: seconds that only grow. `begun` counts the processes."""

    def __init__(self, listen: Listen, hear: Hear, monotonic: Callable[[], float]) -> None:
        self._listen, self._hear, self._monotonic = listen, hear, monotonic
        self._process: ForkServerProcess | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._there = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[Reply]] = {}
        self._number = 0
        self.begun = 0

    @property
    def restarts(self) -> int:
        return max(0, self.begun - 1)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def open(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_up(), name="media")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def join(self, room: str, account: str, seat: str, *, held: bool = False) -> str:
        return (await self._ask(process.Join(self._next(), room, account, seat, held))).sdp

    async def admit(self, seat: str) -> None:
        await self._ask(process.Admit(self._next(), seat))

    async def answer(self, seat: str, sdp: str) -> None:
        await self._ask(process.Answer(self._next(), seat, sdp))

    async def publish(self, seat: str, sdp: str) -> str:
        return (await self._ask(process.Publish(self._next(), seat, sdp))).sdp

    async def watch(self, seat: str, wishes: list[Wish]) -> None:
        await self._ask(process.Watch(self._next(), seat, wishes))

    async def quiet(self, room: str, accounts: list[str]) -> None:
        await self._ask(process.Quiet(self._next(), room, accounts))

    async def leave(self, seat: str) -> None:
        await self._ask(process.Leave(self._next(), seat))

    async def close_room(self, room: str) -> None:
        await self._ask(process.CloseRoom(self._next(), room))

    async def film(self, film: Film) -> None:
        await self._ask(process.BeginFilm(self._next(), film))

    async def end_film(self, room: str) -> None:
        await self._ask(process.EndFilm(self._next(), room))

    async def stats(self) -> dict[str, float]:
        return (await self._ask(process.Stats(self._next()))).stats

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _ask(self, command: Command) -> Reply:
        """Raises EngineGone, BadSdp, NoSeat."""
        self.open()
        if len(self._pending) >= PENDING_MAX:
            raise EngineGone
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._there.wait()
                assert self._writer is not None
                answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
                self._pending[command.number] = answer
                self._writer.write(process.line(command))
                reply = await answer
        except TimeoutError as error:
            raise EngineGone from error
        finally:
            self._pending.pop(command.number, None)
        match reply.refused:
            case "":
                return reply
            case "sdp":
                raise BadSdp
            case "seat":
                raise NoSeat
            case _:
                raise EngineGone

    async def _keep_up(self) -> None:
        wait_s = BACK_OFF_S
        while True:
            began = self._monotonic()
            try:
                await self._one_life()
            except Exception as error:  # mostly its end; whatever it is, the next one shall have its turn
                wait_s = BACK_OFF_S if self._monotonic() - began > PROVEN_S else wait_s
                log.error("media.process_lost", error=repr(error)[:200], begun=self.begun, again_in_s=wait_s)
            for answer in self._pending.values():
                if not answer.done():
                    answer.set_exception(EngineGone())
            self._hear(Died())
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, BACK_OFF_S_MAX)

    async def _one_life(self) -> None:
        """From the beginning of a process to its end. Raises what ended it."""
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours, limit=process.LINE_BYTES_MAX)
        decoder = msgspec.json.Decoder(Said)
        try:
            with theirs:
                self._process = await asyncio.to_thread(_begin, theirs, self._listen)
            self.begun += 1
            self._writer = writer
            while (raw := await reader.readline()).endswith(b"\n"):
                said = decoder.decode(raw)
                if not isinstance(said, Reply):
                    self._hear(said)
                elif said.number == 0:
                    self._there.set()
                elif (answer := self._pending.get(said.number)) is not None and not answer.done():
                    answer.set_result(said)
            raise EOFError
        finally:
            self._there.clear()
            self._writer = None
            writer.transport.abort()
            if self._process is not None and self._process.is_alive():  # its number may be another's by now
                self._process.kill()
            self._process = None


def listen_on(host: str, port: int, advertised: tuple[str, ...]) -> Listen:
    """Where the forwarder listens beside a hub at `host`: there, or on this computer's way out and on itself."""
    if host not in ("", "0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        try:
            return Listen((socket.gethostbyname(host),), port, advertised)
        except OSError:
            log.warning("media.host", host=host)
    hosts = ["127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("203.0.113.1", 9))  # sends nothing: it only picks the way out (a documentation address)
        hosts.insert(0, probe.getsockname()[0])
    return Listen(tuple(hosts), port, advertised)


def _begin(theirs: socket.socket, listen: Listen) -> ForkServerProcess:
    """Blocking. From the pool's fork server: a fork of the hub itself would copy its sockets and threads."""
    keep_to_one_thread()
    context = get_context("forkserver")
    begun = context.Process(target=process.main, args=(theirs, os.getpid(), listen), name="media", daemon=True)
    begun.start()
    return begun
