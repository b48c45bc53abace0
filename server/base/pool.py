"""Processes that compute, so that the event loop never does: analysis, reports. What they compute is the rooms' affair.

A process that dies takes the pool with it; the pool is made anew and the call repeated. A call that takes too long is
given up, and its process with it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import select
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

import structlog

log = structlog.get_logger()
R = TypeVar("R")

TIMEOUT_S = 30.0
TRIES = 2
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def keep_to_one_thread() -> None:
    """Before the first worker is begun: numpy's own threads in it would only fight the other workers for the cores."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")


def begin_worker(hub: int, memory_bytes: int | None) -> None:
    """In a worker: take no more memory than this, and end when the hub has ended, however it did.

    A killed hub would leave its workers for ever.
    """
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        watched = os.pidfd_open(hub)
    except ProcessLookupError:
        os._exit(1)

    def watch() -> None:
        select.select([watched], [], [])
        os._exit(1)

    threading.Thread(target=watch, name="hub watch", daemon=True).start()


class Pool:
    """`await run(function, *args)`: both must pickle. `restarts` counts pools lost to dead or stuck processes.

    timeout_s     how long one call may take, once a worker is free for it.
    memory_bytes  address space of one worker; beyond it the call fails with MemoryError. None: as the machine has.
    """

    def __init__(
        self,
        workers: int,
        warm_up: Callable[[], None],
        *,
        timeout_s: float = TIMEOUT_S,
        memory_bytes: int | None = None,
    ) -> None:
        self._workers, self._warm_up = workers, warm_up
        self._timeout_s, self._memory_bytes = timeout_s, memory_bytes
        self._executor: ProcessPoolExecutor | None = None
        self._free = asyncio.Semaphore(workers)  # who waits, waits before his time runs
        self.restarts = 0

    def start(self) -> None:
        """Processes that get ready in the background. The first call starts them too, if it comes earlier."""
        if self._executor is not None:
            return
        # forkserver: a fork of the hub itself would copy its sockets and threads.
        keep_to_one_thread()
        context = get_context("forkserver")
        self._executor = ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=begin_worker, initargs=(os.getpid(), self._memory_bytes)
        )
        for _ in range(self._workers):
            self._executor.submit(self._warm_up)

    def stop(self) -> None:
        if self._executor is not None:
            for process in list((self._executor._processes or {}).values()):
                process.terminate()
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    async def run(self, work: Callable[..., R], *args: object) -> R:
        """Raises what `work` raises; TimeoutError, BrokenProcessPool or OSError after TRIES lost processes."""
        async with self._free:
            return await self._run(work, *args)

    async def _run(self, work: Callable[..., R], *args: object) -> R:
        for attempt in range(1, TRIES + 1):
            executor = None
            try:
                self.start()
                executor = self._executor
                assert executor is not None
                future = asyncio.get_running_loop().run_in_executor(executor, work, *args)
                async with asyncio.timeout(self._timeout_s):
                    return await future
            except (BrokenProcessPool, OSError) as error:  # TimeoutError too; and what keeps a process from beginning
                log.error("pool.lost", error=type(error).__name__, attempt=attempt)
                if executor is None or self._executor is executor:
                    self.restarts += 1
                    self.stop()
                if attempt == TRIES:
                    raise
        raise AssertionError("the loop above returns or raises")
