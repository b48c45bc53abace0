"""What people do to an alert: seen, taken with a read-back, passed on, called back, closed, refuted, registered."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ecg import codes
from server.alerts import escalation, register, service, store
from server.alerts.errors import AlertNotYours, AlertTaken, AlertTextMissing, ReadBackWrong
from server.alerts.escalation import climb
from server.alerts.model import (
    ALERT,
    Alert,
    Close,
    NewCallback,
    ReadBack,
    Refute,
)
from server.base import timers
from server.base.context import Ctx, Grant
from server.base.errors import WrongState
from server.people.access import judge
from tests.server.test_alerts_town import Town, answer_to, finding


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path / "hub.db")
    await town.open()
    await town.settle_down()
    yield town
    await town.close()


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
    told = await town.events("alert.read_back_wrong")
    assert [(e.actor, e.body["wrong_answers"]) for e in told] == [("usr_first", n) for n in (1, 2, 3)]
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


async def test_the_choices_show_him_no_patient_whom_he_may_not_see(town: Town) -> None:
    for name, org in (("李四", "east"), ("赵六", "west")):
        await town.recording(await town.patient(name, org=org), org=org)
    alert = await town.alert()
    local = Ctx("usr_local", "乡值班", (Grant("on_call", "east"),), judge(town.path_of))
    asked = await service.challenge_of(town.alerts, local, alert.id)
    names = [c.zh.split()[0] for c in asked.patients]
    assert "李四" in names
    assert "赵六" not in names


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
    assert {p.withdrawn_at for p in alert.pages} == {"2026-11-22T03:02:10.000Z"}
    assert await town.db.read(timers.next_due) is None
    await town.advance(3600)
    assert len((await town.again(alert)).pages) == 3


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
