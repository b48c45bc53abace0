"""Joining by a one-time code: over real HTTP, with the device's own function, and with every code that is not one."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from device.client import read_key_file
from device.enrol import EnrolmentRefused, HubNotReached, enrol, new_key_file
from device.errors import KeyFileRefused
from device.simulate import run_device, upload_of
from server.base.clock import ManualClock
from server.devices import enrolment
from server.devices.errors import EnrolmentRests
from tests.server.conftest import Browser, Hub, Refused, normal

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """One hub for all but those that move the clock."""
    async with Hub(tmp_path_factory.mktemp("town")) as running:
        yield running


@pytest.fixture
def hub(town: Hub) -> Hub:
    """Nobody has tried a wrong code yet."""
    town.app.devices.tries.everybody.clear()
    town.app.devices.tries.by_peer.clear()
    return town


async def code_for(browser: Browser, org: str) -> dict[str, Any]:
    return dict(await browser.post("/api/enrolments", {"org": org}))


def said(code: str) -> dict[str, str]:
    return {"code": code, "model": "ECG-1200", "serial": "A-77", "software": "test"}


async def refusal(browser: Browser, body: dict[str, str]) -> Refused:
    with pytest.raises(Refused) as caught:
        await browser.post("/api/devices/enrol", body)
    return caught.value


async def test_a_code_makes_a_device_that_can_send_at_once(hub: Hub, tmp_path: Path) -> None:
    async with await hub.sign_in("admin") as admin:
        made = await code_for(admin, "org_hewan")
        file = tmp_path / "cart.json"
        joined = await enrol(hub.url, made["code"].lower().replace("-", " "), "ECG-1200", "A-77", file)
        assert joined.org_name == "河湾镇卫生院"
        assert joined.gateway == f"ws://127.0.0.1:{hub.app.device_port}"
        key = read_key_file(file)
        if sys.platform != "win32":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        receipt = await run_device(upload_of(normal(2), mode="batch"), joined.gateway, key)
        async with await hub.sign_in("clinic") as hewan:
            assert (await hewan.get(f"/api/recordings/{receipt.recording}"))["org"] == "org_hewan"
        detail = await admin.get(f"/api/devices/{key.device}")
        assert (detail["device"]["model"], detail["device"]["serial"]) == ("ECG-1200", "A-77")
        kinds = [line["kind"] for line in detail["history"]]
        assert kinds[::-1][:3] == ["device.code_made", "device.added", "device.key_added"]
        assert detail["history"][-1]["actor_name"] == "顾明远"


async def test_a_code_is_good_for_one_device(hub: Hub, tmp_path: Path) -> None:
    async with await hub.sign_in("admin") as admin:
        made = await code_for(admin, "org_hewan")
        await enrol(hub.url, made["code"], "ECG-1200", "", tmp_path / "one.json")
        with pytest.raises(EnrolmentRefused) as again:
            await enrol(hub.url, made["code"], "ECG-1200", "", tmp_path / "two.json")
        assert again.value.hub_code == "enrol.used_code"
        assert not (tmp_path / "two.json").exists(), "a refused code leaves no empty key file"


async def test_a_code_ends_after_a_quarter_of_an_hour(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with Hub(tmp_path, clock=clock) as hub, await hub.sign_in("admin") as admin, Browser(hub.url) as device:
        made = await code_for(admin, "org_hewan")
        assert made["expires_at"] == "2026-11-22T03:15:00.000Z"
        clock.advance(15 * 60)
        assert (await refusal(device, said(made["code"]))).code == "enrol.expired_code"


async def test_wrong_codes_let_the_address_rest_and_the_right_one_survives(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with Hub(tmp_path, clock=clock) as hub, await hub.sign_in("admin") as admin, Browser(hub.url) as device:
        for _ in range(5):
            assert (await refusal(device, said("AAAA-AAAA"))).code == "enrol.wrong_code"
        clock.advance(600)
        made = await code_for(admin, "org_hewan")
        rests = await refusal(device, said(made["code"]))
        assert (rests.status, rests.code, rests.facts) == (429, "enrol.rests", {"wait_s": 300})
        clock.advance(301)
        assert (await device.post("/api/devices/enrol", said(made["code"])))["org_name"] == "河湾镇卫生院"


async def test_a_hundred_tries_at_once_are_a_hundred_tries(hub: Hub) -> None:
    async with Browser(hub.url) as device:
        codes = await asyncio.gather(*(refusal(device, said("AAAA-AAAA")) for _ in range(30)))
        assert sorted(r.code for r in codes) == ["enrol.rests"] * 25 + ["enrol.wrong_code"] * 5


async def test_a_code_is_never_written_down_and_every_use_is(hub: Hub) -> None:
    async with await hub.sign_in("admin") as admin, Browser(hub.url) as device:
        made = await code_for(admin, "org_hewan")
        await refusal(device, said("AAAA-AAAA"))
        await device.post("/api/devices/enrol", said(made["code"]))
        lines = (await admin.get("/api/admin/audit"))["lines"]
        kinds = [line["kind"] for line in lines if line["kind"].startswith("device.")][::-1]
        assert kinds[-4:] == ["device.code_made", "device.enrol_refused", "device.added", "device.key_added"]
        stored = b"".join(file.read_bytes() for file in hub.data.glob("hub.sqlite*"))
        bare = made["code"].replace("-", "").encode()
        assert bare not in stored
        assert made["code"].encode() not in stored


async def test_open_codes_are_bounded(hub: Hub) -> None:
    async with await hub.sign_in("admin") as admin:
        for _ in range(10):
            await code_for(admin, "org_songlin")
        with pytest.raises(Refused) as full:
            await code_for(admin, "org_songlin")
        assert full.value.code == "enrol.too_many"
        await code_for(admin, "org_shimen")


async def test_the_head_of_a_clinic_makes_codes_for_his_own_place_alone(hub: Hub) -> None:
    async with await hub.sign_in("village") as village:
        assert (await code_for(village, "org_shanghe"))["org"] == "org_shanghe"
        for org in ("org_hewan", "org_xiahe", "org_city", "org_none"):
            with pytest.raises(Refused) as refused:
                await code_for(village, org)
            assert refused.value.code == "access.forbidden", org


@pytest.mark.parametrize(
    "body",
    [
        {"code": "AAAA-AAAA", "model": ""},
        {"code": 7, "model": "X"},
        {"model": "X"},
        {"code": "A" * 100_000, "model": "X"},
        {"code": "ＡＡＡＡ-ａａａａ", "model": "X" * 100_000},
        {"code": "AAAA-AAAA", "model": "X", "org": "org_city"},
    ],
)
async def test_nonsense_is_refused_with_a_code(hub: Hub, body: dict[str, Any]) -> None:
    async with Browser(hub.url) as device:
        assert (await refusal(device, body)).code in ("http.input", "enrol.wrong_code")


async def test_what_is_no_hub_uses_nothing_up(tmp_path: Path) -> None:
    for address in ("http://127.0.0.1:9", "ftp://127.0.0.1", "127.0.0.1:8080"):
        with pytest.raises(HubNotReached):
            await enrol(address, "AAAA-AAAA", "X", "", tmp_path / "cart.json")
        assert not (tmp_path / "cart.json").exists()


async def test_another_devices_key_file_is_not_written_over(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "cart.json"
    file.write_text("the key of another device")
    async with await hub.sign_in("admin") as admin:
        made = await code_for(admin, "org_hewan")
        with pytest.raises(KeyFileRefused):
            await enrol(hub.url, made["code"], "ECG-1200", "", file)
        assert file.read_text() == "the key of another device"
        await enrol(hub.url, made["code"], "ECG-1200", "", tmp_path / "new.json")  # the code was not used up


async def test_a_key_file_that_cannot_be_kept_is_said_before_there_is_a_key(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused), new_key_file(tmp_path / "no" / "such" / "folder.json"):
        raise AssertionError("not reached")


async def test_all_addresses_together_are_bounded_too() -> None:
    tries = enrolment.Tries()
    for n in range(enrolment.ALL_MAX):
        tries.take(f"198.51.100.{n}", 0.0)
    with pytest.raises(EnrolmentRests):
        tries.take("203.0.113.7", 1.0)
    assert len(tries.by_peer) == enrolment.ALL_MAX
    tries.take("203.0.113.7", enrolment.WINDOW_S + 1.0)
    assert set(tries.by_peer) == {"203.0.113.7"}, "what is over is forgotten"


async def test_codes_have_no_letters_that_are_taken_for_another() -> None:
    made = {enrolment.fresh_code() for _ in range(200)}
    assert len(made) == 200
    assert not set("".join(made)) & set("0O1IL2Z5S8B")
    for code in made:
        assert enrolment.typed(f" {enrolment.shown(code).lower()} ") == code
