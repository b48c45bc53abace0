"""Alerts over a real database, spine and timers: raised once, called step by step, taken with a read-back, ended.

`Town` is a small prefecture: a city hospital that reads, a county, two townships; its on-call of three lines and its
general duty. The consultation and message tests live in it too.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from ecg import codes
from server.alerts import escalation, reactions, register, service, store
from server.alerts.errors import AlertNotYours, AlertTaken, AlertTextMissing, ReadBackWrong
from server.alerts.escalation import READER_RULE, Alerts, climb
from server.alerts.ladder import AlertSettings
from server.alerts.model import (
    ALERT,
    Alert,
    Challenge,
    Close,
    CriticalFinding,
    NewCallback,
    ReadBack,
    Refute,
)
from server.base import eventlog, timers
from server.base.clock import ManualClock, iso
from server.base.context import Ctx, Grant
from server.base.database import Database, Tx
from server.base.errors import Forbidden, NotFound, WrongState
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
            # A cursor's move is told to nobody, so there is no event to wait for.
            while not await self.db.read(self._at_rest):  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    async def events(self, *kinds: str, subject: str | None = None) -> list[Event]:
        log = await self.db.read(lambda conn: eventlog.after(conn, 0, 10_000))
        return [e for e in log if e.kind in kinds and subject in (None, e.subject)]

    async def called(self, alert: Alert) -> list[tuple[str, str]]:
        """(account, event) of everything that reached somebody's own topic for this alert, in order."""
        log = await self.db.read(lambda conn: eventlog.of_subject(conn, alert.id))
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


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield town
    await town.close()


# Raising


async def test_a_critical_finding_pages_the_first_line_and_is_on_the_clinics_screen_at_once(town: Town) -> None:
    alert = await town.alert()
    assert (alert.state, alert.step, alert.rule, alert.code) == ("notified", 0, "tachy.vt", "VT")
    assert [(p.account, p.step, p.channel) for p in alert.pages] == [("usr_first", 0, "page")]
    assert alert.next_name == "沈一线"
    assert await town.called(alert) == [("usr_first", "page.sent")]
    raised = (await town.events("alert.raised"))[0]
    assert (raised.topic, raised.org, raised.body["state"]) == ("alert", "east", "raised")
    # Bodies carry ids and codes only.
    log = await town.db.read(lambda conn: eventlog.of_subject(conn, alert.id))
    assert not any("王小明" in str(e.body) for e in log)


async def test_alert_first_page_and_first_timer_stand_in_one_transaction(town: Town) -> None:
    recording_id = await town.recording()

    def half_way(tx: Tx) -> None:
        escalation.raise_in(town.alerts, tx, recording_id, [finding()])
        raise KeyError("the process dies here")

    with pytest.raises(KeyError):
        await town.db.write(half_way)
    assert await town.db.read(lambda conn: store.of_recording(conn, recording_id)) == []
    assert await town.db.read(timers.next_due) is None
    assert await town.events("alert.raised", "page.sent") == []
    commits = town.db.commits
    await escalation.raise_alert(town.alerts, recording_id, finding())
    assert town.db.commits == commits + 1
    assert await town.db.read(timers.next_due) == iso(datetime(2026, 11, 22, 3, 1, tzinfo=UTC))


async def test_the_analysis_told_twice_and_the_live_monitor_before_it_raise_one_alert(town: Town) -> None:
    recording_id = await town.recording()
    first = await escalation.raise_alert(town.alerts, recording_id, finding())
    assert await escalation.raise_alert(town.alerts, recording_id, finding()) == first
    await town.analysed(recording_id, finding())
    await town.analysed(recording_id, finding())
    alert = await town.alert_of(recording_id)
    assert alert.id == first
    assert await town.called(alert) == [("usr_first", "page.sent")]


async def test_a_recording_without_a_critical_finding_raises_nothing(town: Town) -> None:
    await town.analysed(await town.recording())
    assert await town.events("alert.raised") == []


async def test_one_recording_has_one_alert_for_the_gravest_rule_and_lists_the_others(town: Town) -> None:
    alert = await town.alert(finding("brady.pause", "AVB_III"), finding("tachy.vf", "VF"))
    assert alert.rule == "tachy.vf"
    assert [f.rule for f in alert.others] == ["brady.pause"]
    assert len(await town.events("alert.raised")) == 1


async def test_when_it_gets_worse_the_milder_unanswered_alert_gives_way_to_one_new_ladder(town: Town) -> None:
    recording_id = await town.recording()
    await escalation.raise_alert(town.alerts, recording_id, finding("tachy.svt", "SVT"))
    mild = await town.alert_of(recording_id)
    await town.analysed(recording_id, finding("tachy.svt", "SVT"), finding("tachy.vf", "VF"))
    grave, mild = await town.alert_of(recording_id), await town.again(mild)
    assert (grave.rule, grave.state, mild.state, mild.superseded_by) == ("tachy.vf", "notified", "superseded", grave.id)
    await town.advance(700)
    assert (await town.again(mild)).pages == mild.pages


async def test_three_ecgs_of_one_patient_in_20_minutes_make_one_ladder(town: Town) -> None:
    patient = await town.patient()
    first = await town.alert(finding("st.v13", "STEMI_ANTERIOR"), patient=patient)
    recordings = [first.recording]
    for rule in ("st.v13", "st.limb_v46"):
        await town.advance(20)
        recordings.append(await town.recording(patient))
        await town.analysed(recordings[-1], finding(rule, "STEMI_ANTERIOR"))
    alert = await town.again(first)
    assert alert.recordings == recordings
    assert await town.called(alert) == [("usr_first", "page.sent")]
    assert len(await town.events("alert.raised")) == 1
    joined = [e.body["joined"] for e in await town.events("alert.notified") if "joined" in e.body]
    assert joined == recordings[1:]


async def test_an_ecg_that_joins_an_answered_incident_tells_him_who_took_it(town: Town) -> None:
    patient = await town.patient()
    alert = await town.alert(patient=patient)
    await town.take("usr_first", alert)
    await town.analysed(await town.recording(patient), finding())
    assert (await town.called(alert))[-1] == ("usr_first", "page.joined")
    assert len(await town.events("alert.raised")) == 1


async def test_another_patient_another_family_and_another_day_ring_anew(town: Town) -> None:
    patient = await town.patient()
    alert = await town.alert(patient=patient)
    await town.take("usr_first", alert)
    await town.analysed(await town.recording(await town.patient("李四")), finding())
    await town.analysed(await town.recording(patient), finding("st.v13", "STEMI_ANTERIOR"))
    await town.advance(6 * 3600 + 1)
    await town.analysed(await town.recording(patient), finding())
    assert len(await town.events("alert.raised")) == 4


async def test_a_second_arrest_an_hour_after_the_first_rings_anew(town: Town) -> None:
    patient = await town.patient()
    await town.take("usr_first", await town.alert(finding("tachy.vf", "VF"), patient=patient))
    await town.advance(3600)
    await town.analysed(await town.recording(patient), finding("tachy.vf", "VF"))
    assert len(await town.events("alert.raised")) == 2


async def test_an_alert_that_nobody_answered_does_not_swallow_the_next_ecg(town: Town) -> None:
    patient = await town.patient()
    alert = await town.alert(patient=patient)
    await town.advance(600)
    await town.analysed(await town.recording(patient), finding())
    assert (await town.again(alert)).state == "expired"
    assert len(await town.events("alert.raised")) == 2


# The ladder


async def test_when_nobody_answers_each_step_calls_the_right_persons_and_the_alert_ends_expired_and_open(
    town: Town,
) -> None:
    alert = await town.alert()
    told: dict[int, list[tuple[str, str]]] = {}
    for at, until in ((0, 59.9), (60, 119.9), (120, 299.9), (300, 599.9), (600, 3600)):
        before = len(told) and sum(len(v) for v in told.values())
        await town.advance(at - (town.clock.now() - START).total_seconds())
        told[at] = [(p.account, p.channel) for p in (await town.again(alert)).pages][before:]
        await town.advance(until - at)
        assert len((await town.again(alert)).pages) == sum(len(v) for v in told.values()), f"a page between {at}"
    assert told == {
        0: [("usr_first", "page")],
        60: [("usr_first", "second")],
        120: [("usr_second", "page")],
        300: [("usr_duty", "page"), ("usr_head", "page")],
        600: [],
    }
    alert = await town.again(alert)
    assert (alert.state, alert.step, alert.next_at, alert.next_name) == ("expired", 4, None, None)
    expired = (await town.events("alert.expired"))[0]
    assert (expired.topic, expired.at) == ("alert", "2026-11-22T03:10:00.000Z")
    listed = await service.open_alerts(town.alerts, town.ctx("usr_reader"), only_open=True, limit=10)
    assert [a.id for a in listed.alerts] == [alert.id]
    assert (await town.take("usr_second", alert)).state == "acknowledged"


async def test_the_ladder_goes_on_after_the_process_died_between_two_steps(town: Town) -> None:
    alert = await town.alert()
    await town.advance(60)
    await town.restart()
    assert [p.step for p in (await town.again(alert)).pages] == [0, 1]
    await town.advance(60)
    assert [(p.account, p.step) for p in (await town.again(alert)).pages][-1] == ("usr_second", 2)


async def test_steps_missed_while_the_hub_was_down_are_made_up_at_once_each_once(town: Town) -> None:
    alert = await town.alert()
    await town.close()
    town.clock.advance(310)
    await town.open()
    await town.settle()
    assert [(p.step, p.account) for p in (await town.again(alert)).pages] == [
        (0, "usr_first"), (1, "usr_first"), (2, "usr_second"), (3, "usr_duty"), (3, "usr_head"),
    ]  # fmt: skip


async def test_a_step_that_fires_twice_pages_once(town: Town) -> None:
    alert = await town.alert()
    for _ in range(2):
        await town.db.write(lambda tx: tx.append("timer.alert.step", alert.id, "east", {"step": 1}, topic="timer"))
    await town.settle()
    assert [p.step for p in (await town.again(alert)).pages] == [0, 1]
    assert len(await town.events("page.sent")) == 2


async def test_a_hole_in_the_rota_is_filled_by_the_next_line(town: Town) -> None:
    await town.db.write(lambda tx: people.drop_shift(tx.conn, "shf_usr_first", "city"))
    alert = await town.alert()
    assert [p.account for p in alert.pages] == ["usr_second"]


async def test_without_any_rota_the_general_duty_is_called_and_without_that_all_on_call(town: Town) -> None:
    for account in LINES:
        await town.db.write(lambda tx, a=account: people.drop_shift(tx.conn, f"shf_{a}", "city"))  # type: ignore[misc]
    assert [p.account for p in (await town.alert()).pages] == ["usr_duty"]
    await town.db.write(lambda tx: people.update_account(tx.conn, "usr_duty", active=False))
    other = await town.alert(patient=await town.patient("李四"))
    assert {p.account for p in other.pages} == {"usr_first", "usr_second", "usr_head"}


async def test_with_nobody_to_call_the_alert_still_runs_to_the_desk(town: Town) -> None:
    for account in (*LINES, "usr_duty"):
        await town.db.write(lambda tx, a=account: people.update_account(tx.conn, a, active=False))  # type: ignore[misc]
    recording_id = await town.recording()
    await town.analysed(recording_id, finding())
    assert (await town.alert_of(recording_id, "usr_reader")).state == "raised"
    await town.advance(600)
    alert = await town.alert_of(recording_id, "usr_reader")
    assert (alert.state, alert.pages) == ("expired", [])
    assert len(await town.events("alert.expired")) == 1


async def test_a_finding_that_a_reader_should_see_first_waits_for_him_120_seconds(town: Town) -> None:
    alert = await town.alert(finding("other.qtc", "VT", at_once=False))
    assert (alert.state, alert.step, alert.pages) == ("raised", -1, [])
    assert alert.next_at == "2026-11-22T03:02:00.000Z"
    await town.advance(119)
    assert (await town.again(alert)).pages == []
    await town.advance(1)
    alert = await town.again(alert)
    assert [p.account for p in alert.pages] == ["usr_first"]
    assert alert.next_at == "2026-11-22T03:03:00.000Z"


async def test_his_signature_as_critical_confirms_it_and_starts_the_ladder(town: Town) -> None:
    alert = await town.alert(finding("other.qtc", "VT", at_once=False))
    await town.advance(30)
    await sign(town, alert.recording, "critical")
    alert = await town.again(alert)
    assert (alert.confirmed_by_name, alert.confirmed_at) == ("顾阅图", "2026-11-22T03:00:30.000Z")
    assert ([p.account for p in alert.pages], alert.next_at) == (["usr_first"], "2026-11-22T03:01:30.000Z")
    await town.advance(95)
    assert [p.step for p in (await town.again(alert)).pages] == [0, 1]


async def test_a_lower_grade_signed_leaves_the_alert_open_until_somebody_says_that_it_is_none(town: Town) -> None:
    alert = await town.alert()
    await sign(town, alert.recording, "warning")
    alert = await town.again(alert)
    assert (alert.state, alert.confirmed_at) == ("notified", None)


async def test_a_reader_who_grades_critical_what_no_rule_found_raises_the_alert(town: Town) -> None:
    recording_id = await town.recording()
    await town.analysed(recording_id)
    await sign(town, recording_id, "critical", impression='["尖端扭转型室性心动过速"]')
    alert = await town.alert_of(recording_id)
    assert (alert.rule, alert.code, alert.confirmed_by_name) == (READER_RULE, "TORSADES", "顾阅图")
    assert [p.account for p in alert.pages] == ["usr_first"]


async def sign(town: Town, recording_id: str, grade: str, impression: str = '["室性心动过速"]') -> None:
    def work(tx: Tx) -> None:
        records.update_recording(tx.conn, recording_id, grade=grade, impression=impression)
        tx.append("report.signed", recording_id, "east", {"version": 1}, actor="usr_reader")

    await town.db.write(work)
    await town.settle()


# What people do


async def test_a_tap_alone_is_seen_and_the_ladder_goes_on(town: Town) -> None:
    alert = await town.alert()
    alert = await service.see(town.alerts, town.ctx("usr_first"), alert.id)
    assert alert.state == "seen"
    assert alert.pages[0].seen_at == "2026-11-22T03:00:00.000Z"
    await town.advance(120)
    alert = await town.again(alert)
    assert alert.state == "seen"
    assert [p.account for p in alert.pages] == ["usr_first", "usr_first", "usr_second"]


async def test_a_page_that_reached_a_browser_is_proven(town: Town) -> None:
    alert = await town.alert()
    assert alert.pages[0].delivered_at is None
    town.clock.advance(0.4)
    alert = await service.delivered(town.alerts, town.ctx("usr_first"), alert.id)
    assert alert.pages[0].delivered_at == "2026-11-22T03:00:00.400Z"
    again = await service.delivered(town.alerts, town.ctx("usr_first"), alert.id)
    assert again.pages == alert.pages
    assert len(await town.events("alert.delivered")) == 1


async def test_the_right_read_back_stops_the_ladder_for_everybody_and_names_him(town: Town) -> None:
    alert = await town.alert()
    await town.advance(130)
    alert = await town.take("usr_second", alert)
    assert (alert.state, alert.acknowledged_name, alert.next_at) == ("acknowledged", "陆二线", None)
    assert await town.db.read(timers.next_due) is None
    pages = len(alert.pages)
    await town.advance(3600)
    assert len((await town.again(alert)).pages) == pages
    event = (await town.events("alert.acknowledged"))[0]
    assert (event.topic, event.actor) == ("alert", "usr_second")
    given = await town.right_answer("usr_first", alert)
    with pytest.raises(AlertTaken, match="陆二线"):
        await service.read_back(town.alerts, town.ctx("usr_first"), alert.id, given)


async def test_a_wrong_read_back_is_counted_and_the_ladder_goes_on(town: Town) -> None:
    alert = await town.alert()
    right = await town.right_answer("usr_first", alert)
    asked = await service.challenge_of(town.alerts, town.ctx("usr_first"), alert.id)
    wrong = [ReadBack(next(c.key for c in asked.findings if c.key != right.finding), right.patient)]
    wrong += [ReadBack(right.finding, next(c.key for c in asked.patients if c.key != right.patient))]
    wrong += [ReadBack("0" * 24, "no key at all")]
    for number, given in enumerate(wrong, 1):
        with pytest.raises(ReadBackWrong) as error:
            await service.read_back(town.alerts, town.ctx("usr_first"), alert.id, given)
        assert error.value.wrong_answers == number
    assert (await town.again(alert)).state == "seen"
    await town.advance(60)
    assert len((await town.again(alert)).pages) == 2
    assert (await town.take("usr_first", alert)).state == "acknowledged"


async def test_the_challenge_is_the_same_on_a_reload_differs_by_person_and_gives_nothing_away(town: Town) -> None:
    for name, org in (("李四", "east"), ("赵六", "west"), ("孙七", "east")):
        await town.recording(await town.patient(name, org=org), org=org)
    alert = await town.alert()
    asked = await service.challenge_of(town.alerts, town.ctx("usr_first"), alert.id)
    assert asked == await service.challenge_of(town.alerts, town.ctx("usr_first"), alert.id)
    await town.recording(await town.patient("周八"))
    assert asked == await service.challenge_of(town.alerts, town.ctx("usr_first"), alert.id)
    other = await service.challenge_of(town.alerts, town.ctx("usr_second"), alert.id)
    keys = {c.key for c in (*asked.findings, *asked.patients)}
    assert len(keys) == 6
    assert not keys & {c.key for c in (*other.findings, *other.patients)}
    assert {c.zh.split()[0] for c in asked.patients} < {"王小明", "李四", "赵六", "孙七"}
    group = codes.findings()["VT"].group
    names = {f.name_zh: f for f in codes.findings().values()}
    assert [names[c.zh].group == group for c in asked.findings].count(True) == 1
    # No number in a choice: among names, the measured one would stand out.
    assert not any("180" in c.zh + c.en for c in asked.findings)


async def test_invented_patients_fill_up_where_there_are_no_others(town: Town) -> None:
    alert = await town.alert()
    asked = await service.challenge_of(town.alerts, town.ctx("usr_first"), alert.id)
    assert len({c.zh for c in asked.patients}) == 3
    assert all("男" in c.zh and c.zh.endswith("东乡卫生院") for c in asked.patients)
    assert all(c.en.endswith("east hospital") for c in asked.patients)


async def test_the_right_choice_stands_at_every_place_equally_often(town: Town) -> None:
    places = []
    for number in range(24):
        alert = await town.alert(patient=await town.patient(f"第{number}人"))
        asked = await service.challenge_of(town.alerts, town.ctx("usr_first"), alert.id)
        right = answer_to(asked, alert)
        places.append([c.key for c in asked.findings].index(right.finding))
        places.append([c.key for c in asked.patients].index(right.patient))
    assert set(places) == {0, 1, 2}


async def test_passing_on_calls_the_next_person_at_once_and_the_later_steps_keep_their_distance(town: Town) -> None:
    alert = await town.alert()
    await town.advance(10)
    alert = await service.pass_on(town.alerts, town.ctx("usr_first"), alert.id)
    assert [p.account for p in alert.pages] == ["usr_first", "usr_second"]
    assert alert.next_at == "2026-11-22T03:03:10.000Z"
    await town.advance(55)
    assert len((await town.again(alert)).pages) == 2
    alert = await service.pass_on(town.alerts, town.ctx("usr_second"), alert.id)
    assert {p.account for p in alert.pages[2:]} == {"usr_head", "usr_duty"}
    alert = await service.pass_on(town.alerts, town.ctx("usr_head"), alert.id)
    assert alert.state == "expired"


async def test_the_loop_is_closed_by_callback_and_outcome(town: Town) -> None:
    alert = await town.take("usr_first", await town.alert())
    with pytest.raises(AlertTextMissing):
        await service.call_back(town.alerts, town.ctx("usr_first"), alert.id, NewCallback("东医生", "phone", "  "))
    with pytest.raises(WrongState):
        await service.close(town.alerts, town.ctx("usr_first"), alert.id, Close("转院", "好转"))
    new = NewCallback("东医生", "phone", "室速，除颤仪到床旁")
    alert = await service.call_back(town.alerts, town.ctx("usr_first"), alert.id, new)
    assert alert.callback is not None
    assert (alert.state, alert.callback.by_name, alert.callback.told) == ("acting", "沈一线", "东医生")
    alert = await service.close(town.alerts, town.ctx("usr_first"), alert.id, Close("电复律", "转为窦律"))
    assert (alert.state, alert.action, alert.closed_by_name, alert.events) == ("closed", "电复律", "沈一线", [])


async def test_only_he_who_took_it_or_the_centres_on_call_carries_it_on(town: Town) -> None:
    alert = await town.take("usr_first", await town.alert())
    new = NewCallback("东医生", "phone", "收到")
    with pytest.raises(AlertNotYours, match="沈一线"):
        await service.call_back(town.alerts, town.ctx("usr_reader"), alert.id, new)
    assert (await service.call_back(town.alerts, town.ctx("usr_second"), alert.id, new)).state == "acting"


async def test_a_refuted_alert_is_withdrawn_from_all_who_were_called_and_stops(town: Town) -> None:
    alert = await town.alert()
    await town.advance(130)
    with pytest.raises(AlertTextMissing):
        await service.refute(town.alerts, town.ctx("usr_reader"), alert.id, Refute(""))
    alert = await service.refute(town.alerts, town.ctx("usr_reader"), alert.id, Refute("导联脱落"))
    assert (alert.state, alert.refuted_reason, alert.events) == ("refuted", "导联脱落", [])
    withdrawn = [account for account, kind in await town.called(alert) if kind == "page.withdrawn"]
    assert withdrawn == ["usr_first", "usr_second"]
    assert await town.db.read(timers.next_due) is None
    await town.advance(3600)
    assert len((await town.again(alert)).pages) == 3


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


# Warnings


async def test_a_warning_that_nobody_claimed_in_ten_minutes_tells_the_first_line_once(town: Town) -> None:
    recording_id = await town.recording(machine_grade="warning")
    for _ in range(2):
        await town.happen("recording.queued", recording_id, "east")
    await town.settle()
    await town.advance(599)
    assert await town.events("page.warning") == []
    await town.advance(1)
    await town.happen("timer.alert.warning_overdue", recording_id, "east")
    await town.settle()
    assert [(e.topic, e.subject) for e in await town.events("page.warning")] == [("user:usr_first", recording_id)]


async def test_a_warning_that_was_claimed_pages_nobody(town: Town) -> None:
    recording_id = await town.recording(machine_grade="warning")
    await town.happen("recording.queued", recording_id, "east")
    await town.settle()
    await town.db.write(lambda tx: records.move(tx, recording_id, "claim", "recording.claimed"))
    await town.advance(700)
    assert await town.events("page.warning") == []


# The state table


def states_reached() -> list[str]:
    return sorted(ALERT.states())


async def _person_does(town: Town, event: str, alert: Alert) -> None:
    first, reader = town.ctx("usr_first"), town.ctx("usr_reader")
    match event:
        case "see":
            await service.see(town.alerts, first, alert.id)
        case "read_back":
            await town.take("usr_first", alert)
        case "pass_on":
            await service.pass_on(town.alerts, first, alert.id)
        case "callback":
            await service.call_back(town.alerts, first, alert.id, NewCallback("东医生", "phone", "收到"))
        case "close":
            await service.close(town.alerts, first, alert.id, Close("处理", "好转"))
        case "refute":
            await service.refute(town.alerts, reader, alert.id, Refute("伪差"))
        case "page":
            await town.db.write(lambda tx: climb(town.alerts, tx, alert.id, 2))
        case "expire":
            await town.db.write(lambda tx: climb(town.alerts, tx, alert.id, 4))
        case "supersede":
            await escalation.raise_alert(town.alerts, alert.recording, finding("tachy.vf", "VF"))
        case _:
            raise AssertionError(f"nobody causes {event}")


@pytest.mark.parametrize("event", sorted(ALERT.events()))
async def test_every_cell_of_the_alert_table_moves_or_refuses(town: Town, event: str) -> None:
    for state in states_reached():
        taken = "usr_first" if state in ("acknowledged", "acting", "closed") else None
        alert = await town.alert(patient=await town.patient(f"{state} 人"))
        await town.db.write(
            lambda tx, a=alert.id, s=state, t=taken: store.update_alert(tx.conn, a, state=s, acknowledged_by=t)  # type: ignore[misc]
        )
        wanted = ALERT.move(state, event) if event in ALERT.allowed(state) else state
        try:
            await _person_does(town, event, alert)
            refused = False
        except (WrongState, AlertTaken):
            refused = True
        assert (await town.again(alert)).state == wanted, f"{event} in {state}"
        if event not in ("page", "expire", "supersede"):  # the ladder passes over what it may not touch, without error
            assert refused == (event not in ALERT.allowed(state)), f"{event} in {state}"


# The register


async def test_the_register_tells_the_whole_story_and_no_cell_becomes_a_formula(town: Town) -> None:
    alert = await town.alert(patient=await town.patient("=HYPERLINK(1)"))
    await service.delivered(town.alerts, town.ctx("usr_first"), alert.id)
    await town.advance(130)
    alert = await town.take("usr_second", alert)
    ctx = town.ctx("usr_second")
    await service.call_back(town.alerts, ctx, alert.id, NewCallback("@东医生", "phone", "+收到"))
    await town.advance(50)
    await service.close(town.alerts, ctx, alert.id, Close("电复律", "-好转"))
    table = await service.register_csv(town.alerts, town.ctx("usr_quality"), "", "", "en")
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert len(rows) == 1
    row = rows[0]
    assert row["patient"] == "'=HYPERLINK(1)"
    assert (row["told"], row["told_read_back"], row["outcome"]) == ("'@东医生", "'+收到", "'-好转")
    assert (row["rule"], row["profile"], row["value"], row["limit"]) == ("tachy.vt", "xinlian-safe 1", "180.0", "150.0")
    assert (row["received_by"], row["read_back_result"], row["closed_by"]) == ("陆二线", "right", "陆二线")
    minutes = (row["minutes_to_notify"], row["minutes_to_acknowledge"], row["minutes_to_close"])
    assert minutes == ("0.0", "2.2", "3.0")
    assert row["notifications"].count("沈一线") == 2
    assert row["notifications"].count("2026-11-22T03:00:00.000Z") == 2
    zh = await service.register_csv(town.alerts, town.ctx("usr_quality"), "", "", "zh")
    assert zh.decode("utf-8-sig").startswith("编号,状态,患者")
    nothing = await service.register_csv(town.alerts, town.ctx("usr_east"), "", "", "en")
    assert nothing.decode("utf-8-sig").count("\r\n") == 1


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1"])
def test_what_a_person_typed_never_becomes_a_formula(cell: str) -> None:
    width = len(register.COLUMNS)
    line = register.as_csv([[cell, *[None] * (width - 1)]], "en").decode("utf-8-sig").splitlines()[1]
    assert line.lstrip('"').startswith("'")


async def test_starting_duty_says_whether_the_rota_names_him(town: Town) -> None:
    assert (await service.start_duty(town.alerts, town.ctx("usr_first"))).on_duty
    assert not (await service.start_duty(town.alerts, town.ctx("usr_reader"))).on_duty
