"""Room on the disk: told when it runs full, kept for alerts and sign-off, taken back when there is some again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from device.frames import Error
from server.base.reserve import MARGIN_BYTES, RESERVE_BYTES, Reserve
from server.config import Config
from server.people.access import RULES
from tests.device.rig import an_opening, raw_device
from tests.server.conftest import Browser, Hub, Refused
from tests.waiting import until

AN_ORDER = {"org": "org_hewan", "patient": {}, "symptoms": ["unknown"], "urgency": "emergency"}
MB = 2**20


def test_the_reserve_is_given_up_once_and_taken_back_when_there_is_room_for_it(tmp_path: Path) -> None:
    left = [1000 * MB]
    reserve = Reserve(tmp_path, low_bytes=500 * MB, free=lambda _: left[0])
    assert reserve.look() == "ok"
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= RESERVE_BYTES, "it takes up what it promises"
    left[0] = 400 * MB
    assert reserve.look() == "low"
    assert [reserve.spend(), reserve.spend()] == [True, False]
    assert (tmp_path / "reserve").stat().st_size == 0
    assert reserve.look(may_take=False) == "full", "somebody waits for room: it is his first"
    left[0] = RESERVE_BYTES + MARGIN_BYTES - 1
    assert reserve.look() == "full"
    left[0] += 1
    assert (reserve.look(), reserve.spent) == ("low", False)
    # What a killed hub left behind is taken up without asking the disk for more.
    left[0] = MARGIN_BYTES
    again = Reserve(tmp_path, low_bytes=0, free=lambda _: left[0])
    assert again.look() == "ok"
    again.release()
    assert not (tmp_path / "reserve").exists()


def test_alerts_and_sign_off_are_what_the_reserve_is_for() -> None:
    assert {name for name, rule in RULES.items() if rule.vital} == {
        "alert.answer", "alert.refute", "report.write", "report.sign"
    }  # fmt: skip


async def hub_news(browser: Browser, hub: Hub) -> asyncio.Queue[dict[str, Any]]:
    """What an open page is told of the hub's disk."""
    ticket = (await browser.post("/api/ws-ticket", {}))["ticket"]
    socket = await browser.http.ws_connect(f"{hub.url}/api/ws?ticket={ticket}")
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listen() -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and (said := msgspec.json.decode(message.data))["type"] == "hub":
                heard.put_nowait(said)

    browser.listening = asyncio.create_task(listen())  # type: ignore[attr-defined]  # kept from being collected
    return heard


async def kinds(admin: Browser) -> list[str]:
    return [line["kind"] for line in (await admin.get("/api/admin/audit?limit=200"))["lines"]]


async def test_on_a_full_disk_ordinary_work_waits_and_every_page_and_the_operator_are_told(tmp_path: Path) -> None:
    async with (
        Hub(tmp_path) as hub,
        await hub.sign_in("clinic") as clinic,
        await hub.sign_in("oncall") as oncall,
        await hub.sign_in("admin") as admin,
    ):
        told = await hub_news(clinic, hub)
        hub.app.intake.disk_full = True  # as the journal says
        assert (said := await asyncio.wait_for(told.get(), 15))["storage"] == "full", said
        late = await hub_news(oncall, hub)
        assert (await asyncio.wait_for(late.get(), 15))["storage"] == "full", "who comes later is told as well"
        assert (await clinic.get("/healthz"))["status"] == "read_only"
        with pytest.raises(Refused) as refused:
            await clinic.post("/api/orders", AN_ORDER)
        assert (refused.value.status, refused.value.code) == (507, "storage.full")
        await oncall.post("/api/duty/start")  # an answer to an alert is no ordinary work
        key = hub.keys["org_liugou"]
        async with raw_device(f"ws://127.0.0.1:{hub.app.device_port}") as device:
            await device.prove(key.device, key.key)
            await device.say(an_opening())
            answer = await device.hear()
            assert isinstance(answer, Error)
            assert answer.code == "wire.busy"
        numbers = (await clinic.get("/metrics")).decode()
        assert "xinlian_reserve_spent 1.0" in numbers

        hub.app.intake.disk_full = False
        assert (await asyncio.wait_for(told.get(), 15))["storage"] in ("ok", "low")
        await clinic.post("/api/orders", AN_ORDER)
        assert "storage.full" in await kinds(admin)


async def test_a_disk_that_runs_full_is_told_before_it_is(tmp_path: Path) -> None:
    config = Config(hub=msgspec.structs.replace(Config().hub, low_disk_mb=10**9))
    async with Hub(tmp_path, config=config) as hub, await hub.sign_in("admin") as admin:
        said = await asyncio.wait_for((await hub_news(admin, hub)).get(), 15)
        assert (said["storage"], said["free_mb"] > 0) == ("low", True)

        async def logged() -> bool:
            return "storage.low" in await kinds(admin)

        await until(logged, 15)
        assert (await admin.get("/healthz"))["status"] == "ok"


async def test_a_hub_that_was_not_stopped_says_so_at_its_next_start(tmp_path: Path) -> None:
    async with Hub(tmp_path) as hub, await hub.sign_in("admin") as admin:
        assert "xinlian_unclean_stop 0.0" in (await admin.get("/metrics")).decode()
        hub.app.failed = True  # its disk refused
    async with Hub(tmp_path) as hub, await hub.sign_in("admin") as admin:

        async def logged() -> bool:
            return "hub.unclean_stop" in await kinds(admin)

        await until(logged, 15)
        assert "xinlian_unclean_stop 1.0" in (await admin.get("/metrics")).decode()
    async with Hub(tmp_path) as hub, await hub.sign_in("admin") as admin:
        assert "xinlian_unclean_stop 0.0" in (await admin.get("/metrics")).decode()
