"""The agent as a whole: sources, check, queue, line and page, each a task; what one of them meets stops no other."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from device.agent.check import Checked, Verdict, check
from device.agent.folder import FolderWatch, Found, signal_files, why
from device.agent.inlets import Inlet, SerialInlet, SocketInlet
from device.agent.line import HubLine
from device.agent.settings import MIB, Folder, Settings
from device.agent.store import Item, Queue
from device.client import clock_ms, read_key_file, trust_of
from device.errors import InletRefused, QueueFull, WireError
from device.frames import Request

LOOK_S: Final = 0.5  # with the two seconds a file has to rest, its verdict stands within three
CHECK_S: Final = 15.0
FULL_S: Final = 5.0
UPKEEP_S: Final = 60.0
DAY_MS: Final = 86_400_000


@dataclass
class Source:
    """Where files come from, for the page. `error`: why none come at the moment, or which one cannot be taken."""

    kind: str
    name: str
    taken: int = 0
    error: WireError | None = None


@dataclass
class Agent:
    """One clinic's agent. `async with` opens its queue; `run` works until cancelled."""

    settings: Settings
    sources: list[Source] = field(default_factory=list)
    full: QueueFull | None = None
    """The queue is full: files stay where they are."""

    async def __aenter__(self) -> Agent:
        said = self.settings
        self.key = read_key_file(Path(said.key_file))
        self.queue = Queue(Path(said.data), self.key.device, files_max=said.queue_files, bytes_max=said.queue_mib * MIB)
        trust = trust_of(*(Path(path) if path else None for path in (said.ca, said.certificate, said.certificate_key)))
        self.line = HubLine(said, self.key, self.queue, trust=trust)
        self._checks = checker()
        self._checks.submit(warm_up)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end_checks()
        self.queue.close()

    def _end_checks(self) -> None:
        for process in list((self._checks._processes or {}).values()):  # one that never ends would stay for ever
            process.terminate()
        self._checks.shutdown(wait=False, cancel_futures=True)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.line.run(), name="line")
            tasks.create_task(self._upkeep(), name="upkeep")
            for folder in self.settings.folders:
                tasks.create_task(self._watch(folder), name=f"folder {folder.path}")
            for socket in self.settings.sockets:
                tasks.create_task(self._inlet("socket", f"{socket.host}:{socket.port}", SocketInlet(socket)))
            for serial in self.settings.serials:
                tasks.create_task(self._inlet("serial", serial.port, SerialInlet(serial)))

    async def take(
        self,
        name: str,
        file: bytes,
        *,
        made_ms: int | None = None,
        urgent: bool = False,
        request: Request | None = None,
    ) -> tuple[Item, bool]:
        """Check a file and put it into the queue; True when it is new. It is on the disk then. Raises QueueFull."""
        known = await asyncio.to_thread(self.queue.known, file)
        if known is not None:
            return known, False
        checked = await self._check(file, name)
        taken = await asyncio.to_thread(
            lambda: self.queue.take(
                name,
                file,
                made_ms=clock_ms() if made_ms is None else made_ms,
                now_ms=clock_ms(),
                urgent=urgent or checked.urgent,
                request=request,
                glance=checked.glance,
                verdict=msgspec.json.encode(checked.verdict),
            )
        )
        self.full = None
        self.line.news.set()
        return taken

    async def _check(self, file: bytes, name: str) -> Checked:
        """The verdict; a file that breaks the checker is sent without one."""
        try:
            async with asyncio.timeout(CHECK_S):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._checks, check, file, name, self.settings.profile)
        except (BrokenProcessPool, TimeoutError):
            self._end_checks()
            self._checks = checker()
            return Checked(Verdict("unreadable", code="ecg.file_broken"), b"", urgent=False)

    async def _watch(self, folder: Folder) -> None:
        source = Source("folder", folder.path)
        self.sources.append(source)
        watch = FolderWatch(folder, self.queue.seen, time.monotonic)
        while True:
            try:
                for found in await asyncio.to_thread(watch.look):
                    await self._bring(found, source, watch)
                source.error, self.full = watch.left, None
            except QueueFull as error:
                self.full = error
                await asyncio.sleep(FULL_S)
            except WireError as error:
                source.error = error
            await asyncio.sleep(LOOK_S)

    async def _bring(self, found: Found, source: Source, watch: FolderWatch) -> None:
        try:
            file = await asyncio.to_thread(found.read)
        except FileNotFoundError:
            return  # it went away: the next look decides anew
        except OSError as error:
            watch.leave(found.name, why(error))
            return
        if not file:
            return
        item, new = await self.take(found.name, file, made_ms=found.time_ns // 1_000_000)
        await asyncio.to_thread(self.queue.mark_seen, str(found.paths[0]), found.size, found.time_ns, item.uid)
        source.taken += new

    async def _inlet(self, kind: str, name: str, inlet: Inlet) -> None:
        source = Source(kind, name)
        self.sources.append(source)

        def ready() -> None:
            source.error = None

        async def take(file_name: str, file: bytes) -> None:
            try:
                _, new = await self.take(file_name, file)
            except QueueFull as error:
                self.full = error
                raise
            source.taken += new

        while True:
            try:
                await inlet.run(take, ready)
            except InletRefused as error:
                source.error = error
            await asyncio.sleep(FULL_S)

    async def _upkeep(self) -> None:
        while True:
            with contextlib.suppress(QueueFull):  # its disk is full: what there is to forget can wait
                await asyncio.to_thread(self._tidy)
            await asyncio.sleep(UPKEEP_S)

    def _tidy(self) -> None:
        """Move away what the hub has, where a folder asks for it; forget old receipts."""
        for folder in self.settings.folders:
            if not folder.move_to:
                continue
            target = Path(folder.move_to)
            for path in self.queue.received_paths():
                if path.is_relative_to(folder.path):
                    # A record's signal files before its header: alone they would be taken for files of their own.
                    parts = signal_files(path) if path.suffix.lower() == ".hea" else ()
                    with contextlib.suppress(OSError):  # still open somewhere: the next round
                        target.mkdir(parents=True, exist_ok=True)
                        for part in (*parts, path):
                            if part == path or part.exists():
                                shutil.move(part, free_name(target / part.name))  # also to another disk
                        self.queue.forget_path(path)
        self.queue.forget_before(clock_ms() - self.settings.keep_days * DAY_MS)


def free_name(path: Path) -> Path:
    """This path, or with a number behind the name where something stands there already."""
    number, free = 1, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free


def checker() -> ProcessPoolExecutor:
    """A process: an analysis in a thread would hold the interpreter while the line needs it."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_agent)


def end_with_agent() -> None:
    """In the checker: end when the agent has ended, however it did. A killed one would leave it for ever."""
    agent = multiprocessing.parent_process()
    assert agent is not None

    def watch() -> None:
        agent.join()
        os._exit(1)

    threading.Thread(target=watch, name="agent watch", daemon=True).start()


def warm_up() -> None:
    """Pay for the imports before the first patient waits for them."""
    check(b"", "warm up")


async def serve(
    settings: Settings, page: Callable[[Agent], Coroutine[None, None, None]], ready: Callable[[Agent], None]
) -> None:
    """Run an agent with its page until cancelled."""
    async with Agent(settings) as agent, asyncio.TaskGroup() as tasks:
        tasks.create_task(page(agent), name="page")
        tasks.create_task(agent.run(), name="agent")
        ready(agent)
