"""E2: the power fails at random instants under a mixed load. What was told is there; three controls must lose.

The hub is stopped before the disk is cut, so every acknowledgement counted had left it while there was power; then it
is killed, the disk mounted anew, and the oracle looks for everything. The next hub goes on with the same load.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.fault.load import ANSWER_S, Left, Load, what_is_left
from tests.fault.loop_disk import LOG_FLUSHED, NOTHING_FLUSHED, LoopDisk, loop_disk
from tests.fault.rig import SEED, devices_forget, drawn, for_a_while, hub_over, seeded
from tests.fault.shims import CONTROLS
from tests.waiting import until

CYCLES, CYCLES_LONG = 4, 100
CONTROL_CYCLES, CONTROL_CYCLES_LONG = 2, 20
CONTROL_LOSES: float = 0.9  # of its cycles
DISK_MB = 512


@pytest.mark.parametrize("cycles", [CYCLES, pytest.param(CYCLES_LONG, marks=pytest.mark.long)])
async def test_a_power_cut_loses_nothing_that_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cycles: int, capsys: pytest.CaptureFixture[str]
) -> None:
    devices_forget(monkeypatch)
    async with loop_disk(tmp_path, DISK_MB) as disk:
        keys = await seeded(disk.at / "data")
        disk.settle()
        async with hub_over(disk.at / "data", tmp_path / "scratch") as hub:
            load = Load(hub, keys, drawn("load"))
            try:
                await hub.start()
                await load.begin()
                for cycle in range(cycles):
                    flag = LOG_FLUSHED if cycle % 4 == 3 else NOTHING_FLUSHED
                    if cycle % 2:
                        await load.get_on()
                    left = await _cut(load, disk, flag, f"cut {cycle}")
                    assert (left.lost, left.lost_frames) == ((), 0), f"seed {SEED}, cycle {cycle}"
                    assert (left.doubled, left.sound) == ((), True), f"seed {SEED}, cycle {cycle}"
                    await hub.start()
                await load.finish()
            finally:
                await load.close()
            await hub.kill()
            left = what_is_left(hub.data, load.told)
            assert (left.lost, left.lost_frames, left.doubled, left.sound) == ((), 0, (), True)
    with capsys.disabled():
        told = load.told
        print(f"\nE2 power cut cycles {cycles} acked {told.count} lost 0 PASS (seed {SEED}; {told.said})")


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("cycles", [CONTROL_CYCLES, pytest.param(CONTROL_CYCLES_LONG, marks=pytest.mark.long)])
async def test_a_hub_that_breaks_the_promise_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, control: str, cycles: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rig that cannot lose proves nothing: each control runs on the same disk under the same load, and loses."""
    devices_forget(monkeypatch)
    acked, lost, losing = 0, 0, 0
    async with loop_disk(tmp_path, DISK_MB) as disk, hub_over(disk.at / "data", tmp_path / "scratch") as hub:
        for cycle in range(cycles):
            await disk.make()
            load = Load(hub, await seeded(hub.data), drawn("load", control, cycle))
            disk.settle()
            try:
                await hub.start(control)
                await load.begin()
                await until(partial(_something_to_lose, load), ANSWER_S)
                left = await _cut(load, disk, NOTHING_FLUSHED, f"{control} {cycle}")
            finally:
                await load.close()
            acked, lost, losing = acked + load.told.count, lost + left.count, losing + (left.count > 0)
    with capsys.disabled():
        print(f"\nE2 control: {control} cycles {cycles} acked {acked} lost {lost} controls_lost {losing} (seed {SEED})")
    assert losing >= CONTROL_LOSES * cycles, f"{control}: the rig did not notice, so it proves nothing (seed {SEED})"


def _something_to_lose(load: Load) -> bool:
    """However slow the machine: samples that no file holds yet, a file, and rows."""
    told = load.told
    open_frames = sum(upload.kept_from for upload in told.uploads if upload.opening.uid not in told.receipts)
    return open_frames > 5 and bool(told.receipts) and bool(told.consults)


async def _cut(load: Load, disk: LoopDisk, flag: int, name: str) -> Left:
    """Let the load run, cut the power, look at what is left."""
    hub = load.hub
    assert hub.ended is not None
    await for_a_while(load.tasks, drawn(name).uniform(0.8, 2.5), hub.ended)
    assert hub.running, f"seed {SEED}, {name}: it ended by itself"
    hub.freeze()
    disk.cut(flag)
    await hub.kill()
    await disk.power_on()
    return what_is_left(hub.data, load.told)
