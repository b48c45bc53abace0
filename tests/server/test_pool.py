"""Worker processes: a dead one costs a repeat, and none outlives its hub."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from server.base.pool import Pool
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
HUB = """
import asyncio, os, sys
from server.base.pool import Pool

async def main():
    pool = Pool(2, os.getpid)
    pool.start()
    print(*{await pool.run(os.getpid) for _ in range(20)}, flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


def nothing() -> None: ...


def dies_once(mark: Path) -> str:
    """A worker that is killed the first time it does this."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def always_dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_a_worker_that_dies_costs_one_repeat(tmp_path: Path) -> None:
    pool = Pool(1, nothing)
    pool.start()
    assert await pool.run(dies_once, tmp_path / "mark") == "done"
    assert pool.restarts == 1
    pool.stop()


async def test_who_waits_for_a_worker_does_not_spend_his_own_time() -> None:
    pool = Pool(1, nothing, timeout_s=5.0)
    await pool.run(nothing)  # the worker is there
    await asyncio.gather(*(pool.run(time.sleep, 2.0) for _ in range(3)))
    assert pool.restarts == 0
    pool.stop()


async def test_what_kills_every_worker_is_given_up_and_the_pool_goes_on() -> None:
    pool = Pool(1, nothing)
    pool.start()
    with pytest.raises(BrokenProcessPool):
        await pool.run(always_dies)
    assert await pool.run(os.getpid) != os.getpid()
    pool.stop()


async def test_a_machine_that_cannot_begin_a_process_for_a_moment_costs_one_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = iter((True, False))
    begin = ProcessPoolExecutor.submit

    def submit(self: ProcessPoolExecutor, *args: Any) -> Any:
        if next(refused, False):
            raise BlockingIOError(errno.EAGAIN, "no process can be begun")
        return begin(self, *args)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    pool = Pool(1, nothing)
    assert await pool.run(os.getpid) != os.getpid()
    assert pool.restarts == 1
    pool.stop()


async def test_workers_end_when_their_hub_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "hub.py"
    script.write_text(HUB, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    hub = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert hub.stdout is not None
    workers = [int(pid) for pid in (await hub.stdout.readline()).split()]
    assert workers
    hub.kill()
    await hub.wait()

    def all_gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in workers)

    await until(all_gone)
