"""Raising and calling: one alert, the right persons at the right second, over crashes, and never a silent end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.alerts import escalation, service, store
from server.alerts.escalation import READER_RULE
from server.alerts.model import (
    Refute,
)
from server.base import eventlog, timers
from server.base.clock import iso
from server.base.database import Tx
from server.people import store as people
from server.records import store as records
from tests.server.test_alerts_town import LINES, START, Town, finding, sign


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield town
    await town.close()


async def test_a_critical_finding_pages_the_first_line_and_is_on_the_clinics_screen_at_once(town: Town) -> None:
    alert = await town.alert()
    assert (alert.state, alert.step, alert.rule, alert.code) == ("notified", 0, "tachy.vt", "VT")
    assert [(p.account, p.step, p.channel) for p in alert.pages] == [("usr_first", 0, "page")]
    assert alert.next_name == "沈一线"
    assert await town.called(alert) == [("usr_first", "page.sent")]
    raised = (await town.events("alert.raised"))[0]
    assert (raised.topic, raised.org, raised.body["state"]) == ("alert", "east", "raised")
    # Bodies carry ids and codes only.
    log = await town.db.read(lambda conn: eventlog.of_subjects(conn, [alert.id]))
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


async def test_a_rule_that_fires_at_several_places_counts_once_at_the_first(town: Town) -> None:
    alert = await town.alert(finding(first=3000), finding(first=400), finding("brady.pause", "AVB_III"))
    assert (alert.first, [f.rule for f in alert.others]) == (400, ["brady.pause"])


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


async def test_a_critical_signature_after_a_refutation_rings_anew_once(town: Town) -> None:
    alert = await town.alert()
    await service.refute(town.alerts, town.ctx("usr_reader"), alert.id, Refute("伪差"))
    for _ in range(2):
        await sign(town, alert.recording, "critical")
    assert (await town.again(alert)).confirmed_at is None
    assert [e.body["rule"] for e in await town.events("alert.raised")] == ["tachy.vt", READER_RULE]


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
