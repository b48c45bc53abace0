"""A town for the tests of alerts, consultations and messages, and who of it sees which alert.

A prefecture: a city hospital that reads, a county, two townships; on call in three lines, and a general duty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from ecg import codes
from server.alerts import reactions, service, store
from server.alerts.escalation import Alerts
from server.alerts.ladder import AlertSettings
from server.alerts.model import (
    Alert,
    Challenge,
    CriticalFinding,
    ReadBack,
    Refute,
)
from server.base import eventlog, timers
from server.base.clock import ManualClock, iso
from server.base.context import Ctx, Grant
from server.base.database import Database, Tx
from server.base.errors import Forbidden, NotFound
from server.base.eventlog import Event
from server.base.ids import new_id
from server.base.schema import cursor as cursors
from server.base.schema import event as events_table
from server.base.spine import Reaction, Spine
from server.people import store as people
from server.people.access import judge
from server.people.model import GrantView, Role
from server.records import store as records

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SETTLE_S = 20
ORGS = {
    # id: (parent, level, name)
    "city": (None, "city", "市第一人民医院"),
    "county": ("city", "county", "县人民医院"),
    "east": ("county", "township", "东乡卫生院"),
    "west": ("county", "township", "西乡卫生院"),
}
PEOPLE: dict[str, tuple[str, Role, str]] = {
    "usr_first": ("沈一线", "on_call", "city"),
    "usr_second": ("陆二线", "on_call", "city"),
    "usr_head": ("严组长", "on_call", "city"),
    "usr_duty": ("值总", "general_duty", "city"),
    "usr_reader": ("顾阅图", "reader", "city"),
    "usr_quality": ("钱质控", "quality_officer", "city"),
    "usr_east": ("东医生", "requesting_doctor", "east"),
    "usr_east2": ("东护士", "requesting_doctor", "east"),
    "usr_west": ("西医生", "requesting_doctor", "west"),
}
LINES = {"usr_first": 1, "usr_second": 2, "usr_head": 3}


def finding(rule: str = "tachy.vt", code: str = "VT", *, at_once: bool = True, first: int = 500) -> CriticalFinding:
    said = codes.findings()[code]
    return CriticalFinding(
        code, rule, "xinlian-safe 1", f"{said.name_zh} 180次/分", f"{said.name_en} 180/min", first, first + 2500,
        ["II", "V1"], 180.0, 150.0, at_once,
    )  # fmt: skip


@dataclass
class Town:
    """The rooms that a test needs, over one file. `restart` is a crash: the same file, everything else new."""

    path: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    settings: AlertSettings = field(default_factory=AlertSettings)
    found: dict[str, list[CriticalFinding]] = field(default_factory=dict)

    async def open(self) -> None:
        self.db = Database(self.path, self.clock)
        self.alerts = Alerts(self.db, self.clock, self.settings, b"hub secret of this town", self._findings)
        self.reactions: tuple[Reaction, ...] = reactions.reactions(self.alerts)
        self.spine = Spine(self.db, self.clock, self.reactions)
        await self.spine.start()

    async def close(self) -> None:
        await self.spine.stop()
        await self.db.close()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    async def settle_down(self) -> None:
        """Fill the tree, the accounts and a rota for two days."""

        def work(tx: Tx) -> None:
            for org, (parent, level, name) in ORGS.items():
                people.add_org(
                    tx.conn, id=org, parent=parent, level=level, name=name, name_en=f"{org} hospital",
                    phone=f"0857-{org}", reading_centre="city" if org == "city" else None,
                )  # fmt: skip
            for account, (name, role, org) in PEOPLE.items():
                people.add_account(
                    tx.conn, [GrantView(role, org)], id=account, login=account, name=name, title="", password="-",
                    active=True, created_at=tx.now,
                )  # fmt: skip
            for account, line in LINES.items():
                people.add_shift(
                    tx.conn, id=f"shf_{account}", centre="city", line=line, account=account,
                    from_at="2026-11-22T00:00:00.000Z", to_at="2026-11-24T00:00:00.000Z",
                )  # fmt: skip

        await self.db.write(work)

    def ctx(self, account: str) -> Ctx:
        name, role, org = PEOPLE[account]
        return Ctx(account, name, (Grant(role, org),), judge(self.path_of), session=f"session of {account}")

    def path_of(self, org: str) -> tuple[str, ...]:
        if org not in ORGS:
            return ()
        parent = ORGS[org][0]
        return (*(self.path_of(parent) if parent else ()), org)

    async def patient(self, name: str = "王小明", *, sex: str = "M", age: int = 61, org: str = "east") -> str:
        patient_id = new_id("pat")

        def work(tx: Tx) -> None:
            records.add_patient(
                tx.conn, id=patient_id, org=org, name=name, sex=sex, age_years=age, id_no="", identity="known"
            )

        await self.db.write(work)
        return patient_id

    async def recording(
        self, patient: str | None = None, *, org: str = "east", machine_grade: str | None = None
    ) -> str:
        """A recording that has arrived and been analysed, without anybody having been told."""
        patient_id = patient or await self.patient(org=org)
        recording_id = new_id("rec")

        def work(tx: Tx) -> None:
            records.add_recording(
                tx.conn, id=recording_id, uid=recording_id, device="dev_1", org=org, org_name=ORGS[org][2],
                centre="city", patient=patient_id, state="waiting", kind="resting", urgency="routine",
                symptoms='["syncope"]', fs=500.0, leads='["I","II","V1"]', samples=5000, opened_at=tx.now,
                received_at=tx.now, machine_grade=machine_grade,
            )  # fmt: skip

        await self.db.write(work)
        return recording_id

    async def analysed(self, recording_id: str, *found: CriticalFinding) -> None:
        """The analysis ends: what the records room would write."""
        self.found[recording_id] = list(found)
        row = await self.db.read(lambda conn: records.recording_row(conn, recording_id))
        await self.happen("recording.analysed", recording_id, row["org"])
        await self.settle()

    async def happen(self, kind: str, subject: str, org: str, *, actor: str = "system") -> None:
        await self.db.write(lambda tx: tx.append(kind, subject, org, {"state": "-"}), actor=actor)

    async def alert(self, *found: CriticalFinding, patient: str | None = None, org: str = "east") -> Alert:
        """An alert that rings, as the first on-call sees it."""
        recording_id = await self.recording(patient, org=org)
        await self.analysed(recording_id, *(found or (finding(),)))
        return await self.alert_of(recording_id)

    async def alert_of(self, recording_id: str, viewer: str = "usr_first") -> Alert:
        rows = await self.db.read(lambda conn: store.of_recording(conn, recording_id))
        return await service.one(self.alerts, self.ctx(viewer), rows[-1]["id"])

    async def again(self, alert: Alert, viewer: str = "usr_first") -> Alert:
        return await service.one(self.alerts, self.ctx(viewer), alert.id)

    async def right_answer(self, account: str, alert: Alert) -> ReadBack:
        asked = await service.challenge_of(self.alerts, self.ctx(account), alert.id)
        return answer_to(asked, alert)

    async def take(self, account: str, alert: Alert) -> Alert:
        given = await self.right_answer(account, alert)
        return await service.read_back(self.alerts, self.ctx(account), alert.id, given)

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.spine.poke_timers()
        await self.settle()

    async def settle(self) -> None:
        """Wait until no timer is due and every reaction has handled what concerns it."""
        async with asyncio.timeout(SETTLE_S):
            # A cursor's move is told to nobody, so there is no event to wait for; each look lets the others run.
            while not await self.db.read(self._at_rest):
                pass

    async def events(self, *kinds: str, subject: str | None = None) -> list[Event]:
        log = await self.db.read(lambda conn: eventlog.after(conn, 0, 10_000))
        return [e for e in log if e.kind in kinds and subject in (None, e.subject)]

    async def called(self, alert: Alert) -> list[tuple[str, str]]:
        """(account, event) of everything that reached somebody's own topic for this alert, in order."""
        log = await self.db.read(lambda conn: eventlog.of_subjects(conn, [alert.id]))
        return [(e.topic.removeprefix("user:"), e.kind) for e in log if e.topic.startswith("user:")]

    def _findings(self, _conn: Connection, recording_id: str) -> list[CriticalFinding]:
        return self.found.get(recording_id, [])

    def _at_rest(self, conn: Connection) -> bool:
        due = timers.next_due(conn)
        if due is not None and due <= iso(self.clock.now()):
            return False
        at = {row.reader: row.event_id for row in conn.execute(select(cursors))}
        last = {
            r.name: conn.execute(
                select(func.max(events_table.c.id)).where(events_table.c.kind.in_(list(r.kinds)))
            ).scalar()
            for r in self.reactions
        }
        return all((at.get(name) or 0) >= (event_id or 0) for name, event_id in last.items())


def answer_to(asked: Challenge, alert: Alert) -> ReadBack:
    """What a person reads off the card: the finding's name, the patient's name."""
    name = codes.findings()[alert.code].name_zh
    return ReadBack(
        finding=next(c.key for c in asked.findings if c.zh == name),
        patient=next(c.key for c in asked.patients if c.zh.startswith(f"{alert.patient.name} ")),
    )


async def sign(town: Town, recording_id: str, grade: str, impression: str = '["室性心动过速"]') -> None:
    def work(tx: Tx) -> None:
        records.update_recording(tx.conn, recording_id, grade=grade, impression=impression)
        tx.append("report.signed", recording_id, "east", {"version": 1}, actor="usr_reader")

    await town.db.write(work)
    await town.settle()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield town
    await town.close()


async def test_another_township_sees_nothing_and_the_sending_one_sees_but_does_not_answer(town: Town) -> None:
    alert = await town.alert()
    with pytest.raises(NotFound):
        await service.one(town.alerts, town.ctx("usr_west"), alert.id)
    west = await service.open_alerts(town.alerts, town.ctx("usr_west"), only_open=False, limit=10)
    assert west.alerts == []
    east = await service.open_alerts(town.alerts, town.ctx("usr_east"), only_open=True, limit=10)
    assert [(a.id, a.events) for a in east.alerts] == [(alert.id, [])]
    with pytest.raises(Forbidden):
        await service.see(town.alerts, town.ctx("usr_east"), alert.id)
    with pytest.raises(Forbidden):
        await service.refute(town.alerts, town.ctx("usr_east"), alert.id, Refute("不是"))


async def test_the_list_has_unanswered_before_answered_and_the_oldest_first(town: Town) -> None:
    alerts = []
    for name in ("甲", "乙", "丙"):
        alerts.append(await town.alert(patient=await town.patient(name)))
        await town.advance(5)
    await town.take("usr_first", alerts[0])
    listed = await service.open_alerts(town.alerts, town.ctx("usr_first"), only_open=True, limit=10)
    assert [a.id for a in listed.alerts] == [alerts[1].id, alerts[2].id, alerts[0].id]
    assert listed.on_duty
    assert listed.alerts[0].events == ["see", "pass_on", "read_back", "refute"]
    reader = await service.open_alerts(town.alerts, town.ctx("usr_reader"), only_open=True, limit=1)
    assert (len(reader.alerts), reader.on_duty) == (1, False)


async def test_the_worklist_learns_the_open_alert_of_each_recording(town: Town) -> None:
    alert = await town.alert()
    other = await town.recording(await town.patient("李四"))
    found = await town.db.read(lambda conn: store.open_of_recordings(conn, [alert.recording, other]))
    assert found == {alert.recording: (alert.id, "notified")}


async def test_starting_duty_says_whether_the_rota_names_him(town: Town) -> None:
    assert (await service.start_duty(town.alerts, town.ctx("usr_first"))).on_duty
    assert not (await service.start_duty(town.alerts, town.ctx("usr_reader"))).on_duty
