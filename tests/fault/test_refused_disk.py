"""E2b: a disk that refuses. After a failed write or sync nothing is told and the hub ends; a full disk it outlasts.

A failed sync loses what it should have written, and the next one says that all is well (Rebello, ATC 2020): so no
second one may follow on that file. A full disk loses nothing: commands are refused with a code, devices wait, reading
goes on, and the same process takes up again when there is room.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fault.load import NORMAL, Load, Told, what_is_left
from tests.fault.loop_disk import LOG_FLUSHED, NOTHING_FLUSHED, loop_disk
from tests.fault.rig import SEED, HubProcess, devices_forget, drawn, for_a_while, hub_over, seeded
from tests.fault.shims import REFUSALS
from tests.server.conftest import Refused
from tests.waiting import until

AN_ORDER = {"org": "org_hewan", "patient": {}, "symptoms": ["unknown"], "urgency": "emergency"}
ENDS_S = 120.0
SYNCS_MAX = 30


@pytest.fixture(autouse=True)
def forgetful_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    devices_forget(monkeypatch)


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_failed_write_or_sync_ends_the_hub_and_costs_nothing_that_was_told(
    tmp_path: Path, refusal: str
) -> None:
    data = tmp_path / "data"
    keys = await seeded(data)
    async with hub_over(data, tmp_path / "scratch") as hub:
        load = Load(hub, keys, drawn("load"))
        try:
            await hub.start(refusal, drawn(refusal).randint(2, SYNCS_MAX))
            await load.begin()
            assert await _ended_by_itself(load) == 1, "the supervisor has to see that it failed"
            assert hub.note.read_text(encoding="utf-8") == "refused\n", "the file was written or synced once more"
            left = what_is_left(data, load.told)
            assert (left.lost, left.lost_frames, left.doubled, left.sound) == ((), 0, (), True), f"seed {SEED}"
            await hub.start()
            await load.finish()
        finally:
            await load.close()
        await hub.kill()
        left = what_is_left(data, load.told)
        assert (left.lost, left.lost_frames, left.doubled, left.sound) == ((), 0, (), True), f"seed {SEED}"


@pytest.mark.parametrize("flag", [NOTHING_FLUSHED, LOG_FLUSHED])
async def test_a_disk_that_dies_under_the_hub_ends_it(tmp_path: Path, flag: int) -> None:
    async with loop_disk(tmp_path, 512) as disk, hub_over(disk.at / "data", tmp_path / "scratch") as hub:
        load = Load(hub, await seeded(hub.data), drawn("load"))
        disk.settle()
        try:
            await hub.start()
            await load.begin()
            await for_a_while(load.tasks, 2.0, _end_of(hub))
            # What was told before it died; a sync that was under way may still have come back well.
            before = _told_by_now(load.told)
            disk.cut(flag)
            assert await _ended_by_itself(load) == 1
            await disk.power_on()
            left = what_is_left(hub.data, before)
            assert (left.lost, left.lost_frames, left.doubled, left.sound) == ((), 0, (), True), f"seed {SEED}"
        finally:
            await load.close()


async def test_a_full_disk_is_waited_out_by_the_same_process(tmp_path: Path) -> None:
    async with loop_disk(tmp_path, 320) as disk, hub_over(disk.at / "data", tmp_path / "scratch") as hub:
        load = Load(hub, await seeded(hub.data), drawn("load"))
        try:
            await hub.start()
            await load.begin()
            # Once a second one is signed, nobody of the load goes on with the first.
            await until(lambda: len({said[0] for said in load.told.reports.values()}) > 1, ENDS_S)
            pid, recording = hub.pid, next(iter(load.told.reports.values()))[0]
            ballast = disk.at / "ballast"
            await asyncio.to_thread(_fill, ballast)

            # Ordinary work waits, and who asks is told why; what was saved before can be read.
            async def refused() -> Any:
                try:
                    await load.people["clinic"].post("/api/orders", AN_ORDER)
                except Refused as error:
                    return error
                return None

            error = await until(refused, ENDS_S)
            assert (error.status, error.code) == (507, "storage.full")
            await until(lambda: _health(load, "read_only"), ENDS_S)
            reports = await load.people["reader"].get(f"/api/recordings/{recording}/reports")

            # Alerts and sign-off go on in the room that was kept for them.
            signed = max(reports, key=lambda report: int(report["version"]))["id"]
            await load.people["reader"].post(f"/api/reports/{signed}/amend", {**NORMAL, "reason": "磁盘已满"})
            await load.people["oncall"].post("/api/duty/start")
            assert len(await load.people["reader"].get(f"/api/recordings/{recording}/reports")) == len(reports) + 1
            assert await _health(load, "read_only")
            await until(lambda: _logged(load, "storage.full"), ENDS_S)

            # Room again: the same process goes on, and everybody gets what he waited for.
            ballast.unlink()
            await until(lambda: _health(load, "ok"), ENDS_S)
            await load.finish()
            assert (hub.running, hub.pid) == (True, pid)
            await load.people["clinic"].post("/api/orders", AN_ORDER)
        finally:
            await load.close()
        await hub.kill()
        left = what_is_left(hub.data, load.told)
        assert (left.lost, left.lost_frames, left.doubled, left.sound) == ((), 0, (), True), f"seed {SEED}"


def _end_of(hub: HubProcess) -> asyncio.Task[int]:
    assert hub.ended is not None
    return hub.ended


async def _ended_by_itself(load: Load) -> int:
    await for_a_while(load.tasks, ENDS_S, _end_of(load.hub))
    assert not load.hub.running, f"seed {SEED}: it runs on a disk that refuses"
    return await _end_of(load.hub)


def _told_by_now(told: Told) -> Told:
    return Told(
        [replace(upload) for upload in told.uploads],
        *(dict(said) for said in (told.receipts, told.reports, told.alerts, told.consults, told.audit)),  # type: ignore[arg-type]  # as the fields stand
    )


async def _health(load: Load, status: str) -> bool:
    return bool((await load.people["reader"].get("/healthz"))["status"] == status)


async def _logged(load: Load, kind: str) -> bool:
    lines = (await load.people["admin"].get("/api/admin/audit?limit=200"))["lines"]
    return any(line["kind"] == kind for line in lines)


def _fill(ballast: Path) -> None:
    """Everything that is free, at once: what the hub then gives up is nobody else's."""
    with ballast.open("wb", buffering=0) as file:
        taken = 0
        for size in (2**20, 2**12):
            free = os.statvfs(ballast.parent)
            for blocks in range(free.f_bavail * free.f_frsize // size, 0, -1):
                try:
                    os.posix_fallocate(file.fileno(), taken, blocks * size)
                except OSError:
                    continue
                taken += blocks * size
                break
        os.fsync(file.fileno())
