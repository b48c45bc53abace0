"""E1: the hub dies by SIGKILL at random instants and at named points under load. Nothing told is lost or doubled.

One data folder goes through all cycles, so that each start recovers what the kills before it left. The page cache
survives a kill: what this cannot show is `test_power_cut.py`'s.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.fault.load import Load, ladders_end, what_is_left
from tests.fault.rig import SEED, devices_forget, drawn, for_a_while, hub_over, seeded
from tests.fault.shims import FAILPOINTS

CYCLES, CYCLES_LONG = 20, 200
WORKER_EVERY, GETS_ON_EVERY = 6, 4
FAILPOINT_S = 120.0


@pytest.mark.parametrize("cycles", [CYCLES, pytest.param(CYCLES_LONG, marks=pytest.mark.long)])
async def test_kill_nine_loses_nothing_that_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cycles: int, capsys: pytest.CaptureFixture[str]
) -> None:
    devices_forget(monkeypatch)
    data = tmp_path / "data"
    keys = await seeded(data)
    async with hub_over(data, tmp_path / "scratch") as hub:
        load = Load(hub, keys, drawn("load"))
        restarts: list[float] = []
        try:
            await hub.start()
            await load.begin()
            for cycle in range(cycles):
                await _one_death(load, cycle)
                left = what_is_left(data, load.told)
                assert (left.lost, left.lost_frames) == ((), 0), f"seed {SEED}, cycle {cycle}"
                assert left.doubled == (), f"seed {SEED}, cycle {cycle}"
                assert left.sound, f"seed {SEED}, cycle {cycle}"
                began = asyncio.get_running_loop().time()
                await hub.start(*_next_failpoint(cycle + 1, cycles))
                restarts.append(asyncio.get_running_loop().time() - began)
            # Whatever was under way comes to its end: every recording its receipt, every alert the end of its ladder.
            await load.finish()
            await ladders_end(load)
            async with await hub.sign_in("admin") as admin:
                assert (await admin.get("/api/admin/audit"))["chain_whole"]
        finally:
            await load.close()
        await hub.kill()
        left = what_is_left(data, load.told)
        assert (left.lost, left.lost_frames, left.doubled, left.sound) == ((), 0, (), True)
        assert all(upload.opening.uid in load.told.receipts for upload in load.told.uploads)
    told = load.told
    with capsys.disabled():
        print(
            f"\nE1 kill -9 cycles {cycles} acked {told.count} lost 0 controls_lost - PASS (seed {SEED};"
            f" {told.said}; start at most {max(restarts):.1f} s)"
        )


def _next_failpoint(cycle: int, cycles: int) -> tuple[str, int]:
    """Where the hub of this cycle shall die: every other one at a failpoint, in turns, else by a kill from outside."""
    if cycle % 2 == 0 or cycle >= cycles:
        return "small segments", 0
    name = list(FAILPOINTS)[cycle // 2 % len(FAILPOINTS)]
    return name, drawn("failpoint", cycle).randint(1, FAILPOINTS[name][1])


async def _one_death(load: Load, cycle: int) -> None:
    """Let the running hub die one of its deaths."""
    chance, hub = drawn("kill", cycle), load.hub
    assert hub.ended is not None
    if cycle % 2:
        await for_a_while(load.tasks, FAILPOINT_S, hub.ended)
        assert not hub.running, f"seed {SEED}, cycle {cycle}: its failpoint was never reached"
    else:
        if cycle % WORKER_EVERY == 0:
            await for_a_while(load.tasks, chance.uniform(0.1, 0.5), hub.ended)
            hub.kill_worker()
        if cycle % GETS_ON_EVERY == 0:
            await load.get_on()
        await for_a_while(load.tasks, chance.uniform(0.2, 1.5), hub.ended)
        assert hub.running, f"seed {SEED}, cycle {cycle}: it ended by itself"
    assert await hub.kill() == -signal.SIGKILL
