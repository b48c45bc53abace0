"""A reading room to test: one real database, a clock that jumps, a small tree of institutions and people.

The city hospital reads for its county and township; the neighbour has its own centre. Recordings are put where the
intake and the analysis would have left them (`analysed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, func, select

import ecg
from server.base import eventlog
from server.base.clock import ManualClock, iso, later
from server.base.context import Ctx, Grant
from server.base.database import Database, Tx
from server.base.eventlog import Event
from server.base.prints import Prints
from server.base.schema import cursor, event, timer
from server.base.spine import Spine
from server.devices import store as devices
from server.people import store as people
from server.people.access import judge
from server.people.model import GrantView, Role
from server.reading import Measured, Reading, ReadingSettings, reactions, service
from server.reading.model import DraftReport, EditedMeasurement, SignReport, Statement
from server.records import store as records
from server.records.model import MachineSummary
from tests.waiting import until

START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
CITY, COUNTY, TOWN, NEIGHBOUR = "org_city", "org_county", "org_town", "org_neighbour"
PATHS = {CITY: (CITY,), COUNTY: (CITY, COUNTY), TOWN: (CITY, COUNTY, TOWN), NEIGHBOUR: (NEIGHBOUR,)}
SINUS = Statement("SINUS_RHYTHM", "窦性心律")
DRAFT = DraftReport([SINUS], "unassessed")
SIGN = SignReport([SINUS], "normal")
TEN_SECONDS = np.zeros((5000, 12), dtype=np.float32)


def person(account: str, name: str, role: Role, org: str) -> Ctx:
    return Ctx(account, name, (Grant(role, org),), judge(lambda o: PATHS.get(o, ())), f"session_{account}")


SHEN = person("usr_shen", "沈亦舟", "reader", CITY)
LIN = person("usr_lin", "林若", "reader", CITY)
ZHAO = person("usr_zhao", "赵岳", "reader", CITY)
STRANGER = person("usr_stranger", "外院医师", "reader", NEIGHBOUR)
COUNTY_READER = person("usr_county", "县医院医师", "reader", COUNTY)
VILLAGE = person("usr_village", "村医", "village_doctor", TOWN)
OFFICER = person("usr_officer", "质控员", "quality_officer", CITY)
EVERYBODY = (SHEN, LIN, ZHAO, STRANGER, COUNTY_READER, VILLAGE, OFFICER)


@dataclass
class House:
    """What a test holds in its hands."""

    db: Database
    clock: ManualClock
    room: Reading
    spine: Spine
    folder: Path
    rendered: list[str] = field(default_factory=list)
    made: int = 0

    async def recording(self, *, queue: bool = True, received_at: str | None = None, **values: Any) -> str:
        """One recording that the analysis has finished with; in the worklist unless `queue` is False."""
        self.made += 1
        recording_id = f"rec_{self.made:06d}"
        at = received_at or iso(self.clock.now())
        await self.db.write(lambda tx: add_recording(tx, recording_id, at, **values))
        if queue:
            await service.enqueue(self.room, recording_id)
        return recording_id

    async def events(self, subject: str) -> list[Event]:
        return await self.db.read(lambda conn: eventlog.of_subjects(conn, [subject]))

    async def state(self, recording_id: str) -> str:
        row = await self.db.read(lambda conn: records.recording_row(conn, recording_id))
        return str(row["state"])

    async def jump(self, seconds: float) -> None:
        """Move the clock and let timers and reactions come to rest."""
        self.clock.advance(seconds)
        self.spine.poke_timers()
        await self.settle()

    async def settle(self) -> None:
        """Wait until every reaction has seen the whole log and no timer is due."""
        await until(lambda: self.db.read(self._at_rest))

    def _at_rest(self, conn: Connection) -> bool:
        due = select(func.count()).select_from(timer).where(timer.c.due_at <= iso(self.clock.now()))
        if conn.execute(due).scalar_one():
            return False
        for reaction in reactions(self.room):
            seen = conn.execute(select(cursor.c.event_id).where(cursor.c.reader == reaction.name)).scalar() or 0
            left = select(func.count()).where(event.c.id > seen, event.c.kind.in_(reaction.kinds))
            if conn.execute(left).scalar_one():
                return False
        return True


def add_recording(tx: Tx, recording_id: str, at: str, **changed: Any) -> None:
    machine = changed.pop("machine", machine_summary())
    patient = f"pat_{recording_id}"
    if devices.device_row(tx.conn, "dev_1") is None:
        devices.add_device(tx.conn, id="dev_1", org=TOWN, model="ECG-12 试用", added_at=at)
    name = changed.pop("name", "马志强")
    identity = changed.pop("identity", "known")
    records.add_patient(
        tx.conn, id=patient, org=TOWN, name=name, sex="M", age_years=67, birth_date=None,
        id_no="653221195901011234", identity=identity,
    )  # fmt: skip
    values: dict[str, Any] = {
        "uid": recording_id, "device": "dev_1", "org": TOWN, "org_name": "斜沟镇卫生院", "centre": CITY,
        "patient": patient, "state": "analysed", "kind": "resting", "urgency": "routine", "symptoms": '["chest_pain"]',
        "fs": 500.0, "leads": "[]", "samples": 5000, "sha256": "ab" * 32, "blob": "b", "started_at": at,
        "opened_at": at, "received_at": at, "machine": None if machine is None else msgspec.json.encode(machine),
    }  # fmt: skip
    records.add_recording(tx.conn, id=recording_id, **{**values, **changed})


def machine_summary(*findings: str, error: str | None = None) -> MachineSummary:
    return MachineSummary(True, list(findings), 72.0, 160, 92, 388, 412, [], "", error)


def edited(**values: float) -> list[EditedMeasurement]:
    return [msgspec.convert({"name": name, "value": value}, EditedMeasurement) for name, value in values.items()]


@cache
def demo(record: str) -> ecg.Recording:
    return ecg.read(Path(__file__).parents[2] / "demo" / "recordings" / record)


def _populate(tx: Tx) -> None:
    for org, parent, level, name, name_en in (
        (CITY, None, "city", "河湾市第一人民医院", "Hewan First People's Hospital"),
        (COUNTY, CITY, "county", "河东县医院", "Hedong County Hospital"),
        (TOWN, COUNTY, "township", "斜沟镇卫生院", "Xiegou Township Hospital"),
        (NEIGHBOUR, None, "city", "邻市医院", "Neighbour City Hospital"),
    ):
        centre = org if parent is None else None
        people.add_org(tx.conn, id=org, parent=parent, level=level, name=name, name_en=name_en, reading_centre=centre)
    for ctx in EVERYBODY:
        grants = [msgspec.convert({"role": g.role, "org": g.org}, GrantView) for g in ctx.grants]
        people.add_account(
            tx.conn, grants, id=ctx.actor, login=ctx.actor, name=ctx.name, title="", password="-", created_at=tx.now
        )
        people.add_session(tx.conn, ctx.session, ctx.actor, tx.now, later(tx.now, 1800))


@asynccontextmanager
async def house(folder: Path, clock: ManualClock | None = None) -> AsyncIterator[House]:
    """Opens what stands in `folder`, or builds it; the spine runs inside."""
    clock = clock or ManualClock(START)
    db = Database(folder / "hub.db", clock)
    rendered: list[str] = []

    async def load(recording_id: str) -> ecg.Recording:
        return demo("62")

    async def measured(recording_id: str) -> Measured | None:
        return Measured(72.0, 104, 160, 92, 388, 412, 45, 60, 38)

    async def run_heavy(work: Any, *args: Any) -> Any:
        rendered.append(work.__name__)
        return await asyncio.to_thread(work, *args)

    room = Reading(
        db, clock, Prints(folder / "prints", 10_000_000), b"s" * 32, load, measured, run_heavy, ("心联", "XinLian"),
        ReadingSettings(),
    )  # fmt: skip
    if not await db.read(people.account_count):
        await db.write(_populate)
    spine = Spine(db, clock, reactions(room))
    await spine.start()
    try:
        yield House(db, clock, room, spine, folder, rendered)
    finally:
        await spine.stop()
        await db.close()
