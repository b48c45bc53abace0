"""The device register over real HTTP and real gateway sockets: keys, revocation, states, who may see what."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from device.client import DeviceKey, clock_ms, read_key_file
from device.errors import BadProof, DeviceRevoked
from device.frames import Challenge, Error, Frame, Hello, Proof, Welcome, decode, encode, proof_of
from device.simulate import run_device, upload_of
from server import setup
from server.config import Config
from server.config import Hub as HubSection
from server.devices.model import DEVICE
from tests.device.rig import QUICK, RawDevice, an_opening
from tests.server.conftest import Browser, Hub, Refused, normal
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEWAN, DEVICE_ID = "org_hewan", "dev_hewan"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """One hub for all: starting one takes longer than most of these tests."""
    async with Hub(tmp_path_factory.mktemp("town")) as running:
        yield running


@dataclass
class Mine:
    """A device of this test alone at Hewan, and the administrator's browser."""

    hub: Hub
    admin: Browser
    key: DeviceKey

    async def seen(self) -> dict[str, Any]:
        """The device as the register has it."""
        return dict((await self.admin.get(f"/api/devices/{self.key.device}"))["device"])

    async def keys(self) -> list[dict[str, Any]]:
        return list((await self.admin.get(f"/api/devices/{self.key.device}"))["keys"])

    async def more_key(self, label: str = "") -> DeviceKey:
        return key_of(await self.admin.post(f"/api/devices/{self.key.device}/keys", {"label": label}))

    def cart(self) -> connect:
        return connect(f"ws://127.0.0.1:{self.hub.app.device_port}", compression=None, proxy=None)

    async def send(self) -> None:
        """Two seconds of ECG, as a batch, to the receipt."""
        url = f"ws://127.0.0.1:{self.hub.app.device_port}"
        await run_device(upload_of(normal(2), mode="batch"), url, self.key, retry=QUICK)

    async def until(self, **facts: object) -> None:
        async def so() -> bool:
            seen = await self.seen()
            return all(seen[name] == value for name, value in facts.items())

        await until(so, 20)


def key_of(made: dict[str, str]) -> DeviceKey:
    return DeviceKey(made["device"], base64.b64decode(made["key"]))


@pytest_asyncio.fixture(loop_scope="module")
async def mine(town: Hub) -> AsyncIterator[Mine]:
    async with await town.sign_in("admin") as admin:
        made = await admin.post("/api/devices", {"org": HEWAN, "model": "ECG-1200"})
        yield Mine(town, admin, key_of(made))


CLOCK_BEHIND_MS = 90_000


class Cart(RawDevice):
    """A device of the demonstration with a key of its own choice."""

    async def show(self, key: DeviceKey) -> Frame:
        """Prove it; the hub's answer."""
        hello = Hello(device=key.device, software="CART/7.1")
        await self.say(hello)
        challenge = await self.hear()
        assert isinstance(challenge, Challenge)
        now = clock_ms() - CLOCK_BEHIND_MS
        await self.say(Proof(mac=proof_of(key.key, challenge.nonce, encode(hello), now), device_ms=now))
        return await self.hear()


async def last_word(device: Cart) -> str:
    """The code of the error frame that ends a connection."""
    async for raw in device.socket:
        assert isinstance(raw, bytes)
        frame = decode(raw)
        if isinstance(frame, Error):
            return frame.code
    raise AssertionError("the connection ended without a word")


async def test_a_revoked_devices_open_connection_ends_and_it_does_not_come_back(mine: Mine) -> None:
    async with mine.cart() as socket, mine.cart() as again:
        device = Cart(socket)
        assert isinstance(await device.show(mine.key), Welcome)
        await mine.admin.post(f"/api/devices/{mine.key.device}/revoke")
        assert await last_word(device) == DeviceRevoked.code
        refused = await Cart(again).show(mine.key)
        assert isinstance(refused, Error)
        assert refused.code == DeviceRevoked.code
        assert not (await mine.seen())["active"]


async def test_a_key_is_replaced_while_the_device_works_and_only_the_old_ones_connection_ends(mine: Mine) -> None:
    async with mine.cart() as first, mine.cart() as second, mine.cart() as third:
        new = await mine.more_key()
        old_cart, new_cart = Cart(first), Cart(second)
        assert isinstance(await old_cart.show(mine.key), Welcome), "both are valid until the old one is revoked"
        assert isinstance(await new_cart.show(new), Welcome)
        old_id = (await mine.keys())[0]["id"]
        await mine.admin.post(f"/api/devices/{mine.key.device}/keys/{old_id}/revoke")
        assert await last_word(old_cart) == BadProof.code
        await new_cart.open(an_opening())  # goes on as if nothing had been
        refused = await Cart(third).show(mine.key)
        assert isinstance(refused, Error)
        assert refused.code == BadProof.code


async def test_a_secret_is_told_once_and_never_listed(mine: Mine) -> None:
    key = await mine.more_key("备用")
    async with mine.admin.http.get(f"{mine.admin.url}/api/devices/{mine.key.device}") as answer:
        assert base64.b64encode(key.key).decode() not in await answer.text()
    listed = (await mine.keys())[1]
    assert set(listed) == {"id", "label", "added_at", "last_used_at", "revoked_at"}
    assert listed["label"] == "备用"


async def test_keys_are_bounded_and_a_revoked_device_gets_none(mine: Mine) -> None:
    for _ in range(3):
        await mine.more_key()
    with pytest.raises(Refused) as full:
        await mine.more_key()
    assert full.value.code == "device.too_many_keys"
    with pytest.raises(Refused) as nothing:
        await mine.admin.post(f"/api/devices/{mine.key.device}/keys/key_none/revoke")
    assert nothing.value.code == "http.not_found"
    await mine.admin.post(f"/api/devices/{mine.key.device}/revoke")
    with pytest.raises(Refused) as revoked:
        await mine.more_key()
    assert revoked.value.code == "state.refused"


async def test_proving_with_a_key_tells_the_software_and_when_it_was_used(mine: Mine) -> None:
    intake, device = mine.hub.app.intake, mine.key.device
    await intake.seen(device, "CART/7.1", mine.key.key)
    assert (await mine.seen())["software"] == "CART/7.1"
    key = (await mine.keys())[0]
    assert key["last_used_at"] is not None
    await mine.admin.post(f"/api/devices/{device}/keys/{key['id']}/revoke")
    with pytest.raises(BadProof):  # revoked between challenge and proof: it must not slip in
        await intake.seen(device, "CART/7.1", mine.key.key)
    await mine.admin.post(f"/api/devices/{device}/revoke")
    with pytest.raises(DeviceRevoked):
        await intake.seen(device, "CART/7.1", mine.key.key)


async def test_the_register_follows_what_a_device_does(mine: Mine) -> None:
    assert (await mine.seen())["state"] == "offline"
    async with mine.cart() as socket:
        device = Cart(socket)
        await device.show(mine.key)
        await mine.until(state="idle", connected=True)
        known = await mine.seen()
        assert abs(known["clock_offset_ms"] - CLOCK_BEHIND_MS) <= known["clock_uncertainty_ms"] + 1
        assert (await mine.seen())["software"] == "CART/7.1"
        assert (await mine.keys())[0]["last_used_at"] is not None
        await device.open(an_opening())
        await mine.until(state="recording", connected=True)
    await mine.until(state="offline", connected=False)
    await mine.send()
    seen = await mine.seen()
    assert seen["last_ecg_at"] is not None
    assert (seen["fs"], len(seen["leads"])) == (500, 12)
    assert abs(seen["clock_offset_ms"]) <= seen["clock_uncertainty_ms"] + 1


async def test_a_refusal_that_needs_a_person_stays_in_sight_until_the_device_sends_again(mine: Mine) -> None:
    async with mine.cart() as socket:
        device = Cart(socket)
        await device.show(mine.key)
        await device.say(an_opening(fs=333))
        assert await last_word(device) == "wire.sample_rate"
    await mine.until(state="upload_failed", refused="wire.sample_rate", connected=False)
    await mine.send()
    assert (await mine.seen())["refused"] is None


async def test_a_hub_that_starts_anew_knows_of_no_connected_device(tmp_path: Path) -> None:
    async with Hub(tmp_path) as hub:
        await hub.app.intake._mark(DEVICE_ID, "connect")
    async with Hub(tmp_path) as hub, await hub.sign_in("admin") as admin:
        found = (await admin.get(f"/api/devices/{DEVICE_ID}"))["device"]
        assert (found["connected"], found["state"]) == (False, "offline")


async def test_what_a_person_writes_down_is_checked_and_told(mine: Mine) -> None:
    path = f"/api/devices/{mine.key.device}"
    facts = {"model": "ECG-1400", "maker": "某厂", "serial": "A-77", "calibrated_on": "2026-03-01"}
    await mine.admin.post(f"{path}/facts", facts)
    detail = await mine.admin.get(path)
    assert {name: detail["device"][name] for name in facts} == facts
    told = detail["history"][0]
    assert (told["kind"], told["actor_name"]) == ("device.described", "顾明远")
    assert told["body"] == {"fields": ["calibrated_on", "maker", "model", "serial"]}
    for wrong in ("2999-01-01", "gestern", "2026-02-30"):
        with pytest.raises(Refused) as refused:
            await mine.admin.post(f"{path}/facts", {**facts, "calibrated_on": wrong})
        assert refused.value.code == "device.calibration"
    with pytest.raises(Refused) as refused:
        await mine.admin.post(f"{path}/facts", {**facts, "model": " "})
    assert refused.value.code == "http.input"


async def test_a_clinic_never_sees_another_places_devices_and_administers_none(town: Hub) -> None:
    async with await town.sign_in("clinic") as hewan:
        seen = {d["org"] for d in await hewan.get("/api/orgs/org_hewan/devices")}
        assert seen == {"org_hewan", "org_shanghe", "org_xiahe"}
        assert (await hewan.get("/api/devices/dev_shanghe"))["device"]["org"] == "org_shanghe"
        for path in ("/api/orgs/org_shimen/devices", "/api/orgs/org_county/devices", "/api/devices/dev_shimen"):
            with pytest.raises(Refused) as hidden:
                await hewan.get(path)
            assert hidden.value.status == 404, path
        own = f"/api/devices/{DEVICE_ID}"
        facts = {"model": "X"}
        for path, body in ((f"{own}/revoke", None), (f"{own}/keys", {}), (f"{own}/facts", facts),
                           (f"{own}/keys/key_1/revoke", None), ("/api/devices", {"org": HEWAN, "model": "X"}),
                           ("/api/enrolments", {"org": HEWAN})):  # fmt: skip
            with pytest.raises(Refused) as refused:
                await hewan.post(path, body)
            assert refused.value.status == 403, path


async def test_the_command_line_revokes_beside_a_running_hub(mine: Mine, tmp_path: Path) -> None:
    config, device_id = Config(hub=HubSection(data=str(mine.hub.data))), mine.key.device
    listed = await setup.list_devices(config, HEWAN)
    assert {d.org for d in listed} == {"org_hewan", "org_shanghe", "org_xiahe"}
    assert device_id in {d.id for d in listed}
    file = tmp_path / "second.json"
    await setup.add_key(config, device_id, "第二把", file)
    async with mine.cart() as socket, mine.cart() as other:
        device, stays = Cart(socket), Cart(other)
        assert isinstance(await device.show(mine.key), Welcome)
        assert isinstance(await stays.show(read_key_file(file)), Welcome)
        await setup.revoke_key(config, device_id, (await setup.list_keys(config, device_id))[0].id)
        assert await last_word(device) == BadProof.code
        await setup.revoke_device(config, device_id)
        assert await last_word(stays) == DeviceRevoked.code


async def test_every_state_of_a_device_answers_every_event_of_the_gateway() -> None:
    """A device may do anything at any time; only sealing and going need not change what is shown."""
    for state in DEVICE.states():
        assert set(DEVICE.allowed(state)) == DEVICE.events(), state
