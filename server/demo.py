"""The demonstration: an invented consortium, its people, a rota, and simulated devices that send real recordings.

Everything a device does here goes over a real socket to the real gateway. Nothing of this is reachable outside
`xinlian demo`; the one password that everybody shares exists only there.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import structlog
import yaml

import ecg
from device.client import DeviceKey, stay
from device.errors import WireError
from device.frames import Patient, Request
from device.simulate import run_device, upload_of
from ecg import synth
from ecg.record import Recording
from server.base.clock import later
from server.base.database import Database, Tx
from server.base.eventlog import Event
from server.base.ids import new_id
from server.base.spine import Reaction
from server.devices.model import NewDevice
from server.devices.service import put_device
from server.devices.store import valid_keys
from server.main import DemoLogin
from server.people import store as people
from server.people.model import GrantView, Role, Shift
from server.people.service import put_shift

log = structlog.get_logger()

PASSWORD = "heart-to-heart"  # noqa: S105 - the demonstration's, printed at its start; nothing else has one
ROTA_DAYS = 30
SEED = 20261122
ROUND_PAUSE_S = 2.0
TRAFFIC_PAUSE_S = 45.0
RETURNS_EVERY = 4

CENTRE = "org_city"
ORGS = (
    ("org_city", None, "city", "青禾市第一人民医院", "Qinghe First People's Hospital", "0971-5550100", "org_city"),
    ("org_county", "org_city", "county", "安川县人民医院", "Anchuan County Hospital", "0971-5550200", None),
    ("org_hewan", "org_county", "township", "河湾镇卫生院", "Hewan Township Clinic", "0971-5550301", None),
    ("org_shimen", "org_county", "township", "石门镇卫生院", "Shimen Township Clinic", "0971-5550302", None),
    ("org_liugou", "org_county", "township", "柳沟乡卫生院", "Liugou Township Clinic", "0971-5550303", None),
    ("org_shanghe", "org_hewan", "village", "上河村卫生室", "Shanghe Village Clinic", "0971-5550401", None),
    ("org_xiahe", "org_hewan", "village", "下河村卫生室", "Xiahe Village Clinic", "0971-5550402", None),
    ("org_nanpo", "org_shimen", "village", "南坡村卫生室", "Nanpo Village Clinic", "0971-5550403", None),
    ("org_beishan", "org_shimen", "village", "北山村卫生室", "Beishan Village Clinic", "0971-5550404", None),
    ("org_songlin", "org_liugou", "village", "松林村卫生室", "Songlin Village Clinic", "0971-5550405", None),
)


@dataclass(frozen=True)
class Person:
    login: str
    name: str
    title: str
    grants: tuple[tuple[Role, str], ...]
    what_zh: str = ""
    what_en: str = ""


PEOPLE = (
    Person("clinic", "马春兰", "主治医师", (("requesting_doctor", "org_hewan"), ("operator", "org_hewan")),
           "河湾镇卫生院医生", "Doctor at Hewan township clinic"),
    Person("reader", "沈亦舟", "副主任医师", (("reader", CENTRE), ("reviewer", CENTRE), ("expert", CENTRE)),
           "市一院心电诊断中心阅图医师", "Reader at the city's reading centre"),
    Person("oncall", "陆闻笙", "主任医师", (("on_call", CENTRE), ("expert", CENTRE)),
           "值班专家（一线）", "On-call specialist, first line"),
    Person("second", "白若川", "主任医师", (("on_call", CENTRE), ("expert", CENTRE)),
           "值班专家（二线）", "On-call specialist, second line"),
    Person("village", "韩玉莲", "乡村医生", (("village_doctor", "org_shanghe"), ("operator", "org_shanghe")),
           "上河村村医", "Village doctor at Shanghe"),
    Person("admin", "顾明远", "信息科", (("admin", CENTRE), ("auditor", CENTRE)),
           "系统管理员", "Administrator"),
    Person("county", "冶建军", "主治医师", (("requesting_doctor", "org_county"), ("expert", "org_county"))),
    Person("head", "罗世杰", "主任医师", (("on_call", CENTRE), ("reviewer", CENTRE))),
    Person("duty", "赵广林", "总值班", (("general_duty", CENTRE),)),
    Person("shimen", "王桂兰", "主治医师", (("requesting_doctor", "org_shimen"), ("operator", "org_shimen"))),
    Person("liugou", "祁占海", "主治医师", (("requesting_doctor", "org_liugou"), ("operator", "org_liugou"))),
    Person("quality", "田玉珍", "质控员", (("quality_officer", CENTRE), ("coordinator", CENTRE))),
    Person("xiahe", "高德旺", "乡村医生", (("village_doctor", "org_xiahe"), ("operator", "org_xiahe"))),
    Person("nanpo", "杨玉珍", "乡村医生", (("village_doctor", "org_nanpo"), ("operator", "org_nanpo"))),
    Person("beishan", "李兰芳", "乡村医生", (("village_doctor", "org_beishan"), ("operator", "org_beishan"))),
    Person("songlin", "王克俭", "乡村医生", (("village_doctor", "org_songlin"), ("operator", "org_songlin"))),
)  # fmt: skip
LOGINS = tuple(DemoLogin(p.login, PASSWORD, p.name, p.what_zh, p.what_en) for p in PEOPLE if p.what_zh)

DEVICES = ("org_county", "org_hewan", "org_shimen", "org_liugou", "org_shanghe", "org_xiahe", "org_nanpo",
           "org_beishan", "org_songlin")  # fmt: skip

FAMILY = "赵钱孙李周吴郑王冯陈马祁韩罗田杨高冶"
GIVEN = ("建国", "秀英", "志强", "桂兰", "德福", "玉珍", "成林", "海燕", "守田", "小燕", "生福", "淑芬")
COMPLAINTS = (("palpitation",), ("chest_pain",), ("dyspnoea",), ("none",), ("presyncope",), ("none",))


class DemoRecord(msgspec.Struct, frozen=True):
    """One real recording of `demo/recordings/index.yaml`."""

    record: str
    zh: str
    en: str
    sex: str
    age: int | None
    seconds: float


def seed(tx: Tx, password_hash: str) -> dict[str, DeviceKey]:
    """The consortium, its people, thirty days of rota and a device for each place, with their keys."""
    for org_id, parent, level, name, name_en, phone, centre in ORGS:
        people.add_org(
            tx.conn, id=org_id, parent=parent, level=level, name=name, name_en=name_en, phone=phone,
            reading_centre=centre,
        )  # fmt: skip
    ids: dict[str, str] = {}
    for person in PEOPLE:
        ids[person.login] = new_id("usr")
        people.add_account(
            tx.conn, [GrantView(role, org) for role, org in person.grants], id=ids[person.login], login=person.login,
            name=person.name, title=person.title, password=password_hash, created_at=tx.now,
        )  # fmt: skip
    for line, login in ((1, "oncall"), (2, "second"), (3, "head")):
        for day in range(ROTA_DAYS):
            start, end = later(tx.now, day * 86400), later(tx.now, (day + 1) * 86400)
            put_shift(tx, Shift(new_id("shf"), CENTRE, line, ids[login], "", start, end))
    return {org: _add_device(tx, org) for org in DEVICES}


def _add_device(tx: Tx, org: str) -> DeviceKey:
    device_id = f"dev_{org.removeprefix('org_')}"
    key = DeviceKey(device_id, random.SystemRandom().randbytes(32))
    new = NewDevice(org, "模拟心电图机 SIM-12", maker="心联", serial=f"SIM12-{1001 + DEVICES.index(org)}")
    put_device(tx, device_id, new, key.key)
    return key


async def device_keys(db: Database) -> dict[str, DeviceKey]:
    """Keys of the simulated devices of an earlier start."""
    return await db.read(
        lambda conn: {
            org: DeviceKey(device, secret)
            for org in DEVICES
            for device in (f"dev_{org.removeprefix('org_')}",)
            for secret in list(valid_keys(conn, device).values())[:1]
        }
    )


def load(folder: Path) -> list[tuple[DemoRecord, Recording]]:
    """The real recordings that ship with the product, longest stretch as the index says."""
    index = msgspec.convert(yaml.safe_load((folder / "index.yaml").read_text(encoding="utf-8")), list[DemoRecord])
    found = []
    for record in index:
        recording = ecg.read(folder / record.record)
        found.append(
            (record, replace(recording, signal_uv=recording.signal_uv[: round(record.seconds * recording.fs)]))
        )
    return found


@dataclass
class Devices:
    """The simulated devices: the real recordings first, then traffic, and one at once for each request form."""

    hub_url: str
    keys: dict[str, DeviceKey]
    real: list[tuple[DemoRecord, Recording]]
    rng: random.Random
    trust: ssl.SSLContext | None = None

    async def run(self) -> None:
        """Until cancelled. The gravest recordings do not come first: a worklist is seen to reorder itself."""
        async with asyncio.TaskGroup() as tasks:
            for key in self.keys.values():  # a cart stays connected between its recordings
                tasks.create_task(self._stay(key))
            tasks.create_task(self._traffic())

    async def _stay(self, key: DeviceKey) -> None:
        try:
            await stay(self.hub_url, key, trust=self.trust)
        except WireError as error:  # revoked by whoever tries that out: the others go on
            log.warning("demo.device_refused", device=key.device, code=error.code)

    async def _traffic(self) -> None:
        places = list(self.keys)
        for number, (record, recording) in enumerate(self.real):
            org = places[number % len(places)]
            request = self._request(record.sex, record.age, record.zh)
            if number % RETURNS_EVERY == 1:  # was here before, in sinus rhythm: the reader sees what is new
                earlier = synth.twelve_lead(np.random.default_rng(number), [synth.Segment("sinus", 10.0)]).recording
                before = msgspec.structs.replace(request, note="演示：合成心电图，上次")
                await self._send(org, earlier, before, speed=20.0)
            await self._send(org, recording, request, speed=20.0)
            await asyncio.sleep(ROUND_PAUSE_S)
        while True:
            await asyncio.sleep(TRAFFIC_PAUSE_S * self.rng.uniform(0.6, 1.4))
            org = self.rng.choice(places)
            recording = synthetic(self.rng)
            sex, age = self.rng.choice("MF"), self.rng.randint(30, 85)
            await self._send(org, recording, self._request(sex, age, "合成心电图"), speed=1.0)

    def reaction(self) -> Reaction:
        """A request form from a page: the place's device takes one of the real recordings, live, at real time."""

        async def ordered(event: Event) -> None:
            _, recording = self.rng.choice(self.real)
            if event.org in self.keys:
                task = asyncio.create_task(self._send(event.org, recording, None, speed=1.0))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

        return Reaction("demo.devices", frozenset({"order.placed"}), ordered)

    def __post_init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    async def _send(self, org: str, recording: Recording, request: Request | None, *, speed: float) -> None:
        upload = upload_of(recording, mode="live", request=request)
        try:
            await run_device(upload, self.hub_url, self.keys[org], speed=speed, rng=self.rng, trust=self.trust)
        except WireError as error:
            log.warning("demo.device_refused", device=self.keys[org].device, code=error.code)

    def _request(self, sex: str, age: int | None, note: str) -> Request:
        name = self.rng.choice(FAMILY) + self.rng.choice(GIVEN)
        known = sex in ("M", "F") and age is not None
        number = f"demo-{self.rng.getrandbits(32):08x}"  # plainly no citizen's
        patient = Patient(name=name, sex=sex, age=age, id_no=number) if known else None  # type: ignore[arg-type]  # M or F
        symptoms = self.rng.choice(COMPLAINTS)
        return Request(patient=patient, symptoms=symptoms, note=f"演示：{note}", urgency="routine")


def synthetic(rng: random.Random) -> Recording:
    """Everyday traffic: mostly sinus rhythm of all rates, sometimes something to find."""
    rate = rng.uniform(55, 95)
    script = rng.choices(
        (
            synth.Segment("sinus", 10.0, rate_bpm=rate),
            synth.Segment("af", 10.0, rate_bpm=rate),
            synth.Segment("sinus", 10.0, rate_bpm=rate, pvc_at=(3, 8)),
        ),
        weights=(8, 1, 1),
    )
    return synth.twelve_lead(np.random.default_rng(rng.getrandbits(32)), script, noise_uv=8.0, wander_uv=30.0).recording
