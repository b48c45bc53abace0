"""The worklist: what stands first, until when, who sees it, and that a long list costs no more than a short one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.event import listen, remove

from server.base import eventlog
from server.base.clock import iso, later
from server.base.database import Tx
from server.base.errors import Forbidden, NotFound
from server.base.eventlog import Event
from server.reading import service, signing, store
from server.reading.catalogue import catalogue
from server.reading.model import ReturnRecording, WorklistQuery
from server.reading.priority import PRIORITIES, Promise, urgency_of
from server.records import store as records
from tests.server.conftest_reading import (
    CITY,
    COUNTY_READER,
    LIN,
    NEIGHBOUR,
    OFFICER,
    SHEN,
    SIGN,
    START,
    STRANGER,
    TOWN,
    VILLAGE,
    add_recording,
    house,
    machine_summary,
)


@pytest.mark.parametrize(
    ("facts", "priority", "promise_s"),
    [
        ({"machine_grade": "critical"}, "critical", 600),
        ({"grade": "critical"}, "critical", 600),
        ({"machine_grade": "critical", "emergency": True, "findings": ["AFIB"]}, "critical", 600),
        ({"machine_grade": "warning"}, "urgent", 600),
        ({"grade": "warning", "emergency": True}, "urgent", 600),
        ({"emergency": True}, "urgent", 900),
        ({"findings": ["VF"]}, "urgent", 900),
        ({"findings": ["SINUS_RHYTHM", "AFIB"]}, "soon", 1800),
        ({"findings": ["SINUS_BRADYCARDIA"]}, "routine", 1800),
        ({"findings": ["A_CODE_OF_TOMORROW"]}, "routine", 1800),
        ({}, "routine", 1800),
    ],
)
def test_the_three_scales_give_a_priority_and_its_promise(facts: dict[str, Any], priority: str, promise_s: int) -> None:
    given = {"grade": "unassessed", "machine_grade": None, "emergency": False, "findings": [], **facts}
    urgency = urgency_of(**given, promise=Promise())
    assert (PRIORITIES[urgency.rank], urgency.promise_s) == (priority, promise_s)


async def test_an_analysed_recording_is_queued_once_by_its_event(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(queue=False, machine_grade="critical")
        await h.db.write(lambda tx: tx.append("recording.analysed", recording, TOWN, {"machine_grade": "critical"}))
        await h.settle()
        await service.enqueue(h.room, recording)  # the same event again
        row = await service.worklist_row(h.room, SHEN, recording)
        assert (row.state, row.priority) == ("waiting", "critical")
        assert row.waiting_at == iso(START)
        assert row.due_at == later(iso(START), 600)
        queued = [e for e in await h.events(recording) if e.kind == "recording.queued"]
        assert [e.body["priority"] for e in queued] == ["critical"]


async def test_a_recording_whose_analysis_failed_waits_for_a_person_all_the_same(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        failed = await h.recording(machine=machine_summary(error="ecg.signal"))
        without = await h.recording(machine=None, urgency="emergency")
        rows = (await service.worklist(h.room, SHEN, WorklistQuery())).rows
        assert [(r.recording, r.priority) for r in rows] == [(without, "urgent"), (failed, "routine")]


async def test_the_list_stands_by_priority_then_by_the_longest_wait(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        old = await h.recording(received_at=later(iso(START), -1000))
        new = await h.recording()
        soon = await h.recording(machine=machine_summary("AFIB"))
        urgent_new = await h.recording(urgency="emergency")
        urgent_old = await h.recording(urgency="emergency", received_at=later(iso(START), -50))
        critical = await h.recording(machine_grade="critical")
        listed = await service.worklist(h.room, SHEN, WorklistQuery())
        order = [critical, urgent_old, urgent_new, soon, old, new]
        assert [r.recording for r in listed.rows] == order
        assert listed.counts == {"all": 6, "urgent": 3, "mine": 0, "returned": 0, "signed_today": 0}
        urgent = await service.worklist(h.room, SHEN, WorklistQuery("urgent"))
        assert [r.recording for r in urgent.rows] == order[:3]
        assert urgent.total == 3
        pages = [(await service.worklist(h.room, SHEN, WorklistQuery("all", o, 2))).rows for o in (0, 2, 4, 6)]
        assert [r.recording for page in pages for r in page] == order


async def test_each_view_shows_its_own(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        mine, other, sent_back, signed = [await h.recording() for _ in range(4)]
        await service.claim(h.room, SHEN, mine)
        await service.claim(h.room, LIN, other)
        await service.send_back(h.room, SHEN, sent_back, ReturnRecording("electrode_off", ["V3"], "V3 脱落"))
        h.clock.advance(240)
        await signing.sign(h.room, LIN, signed, SIGN)

        async def view(name: Any) -> list[str]:
            return [r.recording for r in (await service.worklist(h.room, SHEN, WorklistQuery(name))).rows]

        assert await view("all") == [mine, other]
        assert await view("mine") == [mine]
        assert await view("returned") == [sent_back]
        assert await view("signed_today") == [signed]
        page = await service.worklist(h.room, SHEN, WorklistQuery())
        assert page.counts == {"all": 2, "urgent": 0, "mine": 1, "returned": 1, "signed_today": 1}
        assert page.median_tat_s == 240.0


async def test_today_ends_at_midnight_of_the_clinic_not_of_greenwich(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await signing.sign(h.room, SHEN, recording, SIGN)  # 06:00 in Greenwich, 14:00 in China
        h.clock.advance(9 * 3600)
        assert (await service.worklist(h.room, SHEN, WorklistQuery())).counts["signed_today"] == 1
        h.clock.advance(3600)  # 16:00 and midnight
        page = await service.worklist(h.room, SHEN, WorklistQuery())
        assert page.counts["signed_today"] == 0
        assert page.median_tat_s is None


async def test_the_page_says_up_to_which_event_it_is_true(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.recording()
        page = await service.worklist(h.room, SHEN, WorklistQuery())
        assert page.cursor == await h.db.read(eventlog.last_id)


async def test_a_row_shows_its_open_alert_and_forgets_an_ended_one(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        for state in ("raised", "notified"):
            body = {"recording": recording, "state": state, "rule": "tachy.vf", "step": 1}
            await h.db.write(lambda tx, s=state, b=body: tx.append(f"alert.{s}", "alr_1", TOWN, b))  # type: ignore[misc]
        await h.settle()
        row = await service.worklist_row(h.room, SHEN, recording)
        assert (row.alert, row.alert_state) == ("alr_1", "notified")
        # A repeat of an old event must not take the state back.
        old = Event(
            1, "", "alert", "alert.raised", "alr_1", TOWN, "system", {"recording": recording, "state": "raised"}
        )
        await service.note_alert(h.room, old)
        assert (await service.worklist_row(h.room, SHEN, recording)).alert_state == "notified"
        body = {"recording": recording, "state": "closed"}
        await h.db.write(lambda tx: tx.append("alert.closed", "alr_1", TOWN, body))
        await h.settle()
        row = await service.worklist_row(h.room, SHEN, recording)
        assert (row.alert, row.alert_state) == (None, None)


async def test_an_alert_that_is_heard_of_before_the_row_is_not_lost(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(queue=False, machine_grade="critical")
        body = {"recording": recording, "state": "raised"}
        await h.db.write(lambda tx: tx.append("alert.raised", "alr_1", TOWN, body))
        await h.settle()
        await service.enqueue(h.room, recording)
        assert (await service.worklist_row(h.room, SHEN, recording)).alert == "alr_1"


async def test_a_reader_of_another_centre_does_not_learn_that_a_recording_exists(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        report = await signing.sign(h.room, SHEN, await h.recording(), SIGN)
        for outsider in (STRANGER, COUNTY_READER):
            page = await service.worklist(h.room, outsider, WorklistQuery())
            assert page.rows == []
            assert set(page.counts.values()) == {0}
            for use in (service.worklist_row, service.claim, service.release):
                with pytest.raises(NotFound):
                    await use(h.room, outsider, recording)
            with pytest.raises(NotFound):
                await service.send_back(h.room, outsider, recording, ReturnRecording("other"))
            with pytest.raises(NotFound):
                await signing.sign(h.room, outsider, recording, SIGN)
        with pytest.raises(NotFound):
            await signing.reports(h.room, STRANGER, report.recording)
        with pytest.raises(NotFound):
            await signing.pdf(h.room, STRANGER, report.id, "zh")


async def test_a_quality_officer_looks_but_does_not_read(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        assert len((await service.worklist(h.room, OFFICER, WorklistQuery())).rows) == 1
        for use in (service.claim, service.release):
            with pytest.raises(Forbidden):
                await use(h.room, OFFICER, recording)
        with pytest.raises(Forbidden):
            await signing.sign(h.room, OFFICER, recording, SIGN)


async def test_the_clinic_reads_its_report_and_not_the_worklist(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await signing.sign(h.room, SHEN, await h.recording(), SIGN)
        assert [r.id for r in await signing.reports(h.room, VILLAGE, report.recording)] == [report.id]
        with pytest.raises(NotFound):
            await service.worklist_row(h.room, VILLAGE, report.recording)


async def test_several_centres_make_one_list_in_order(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        here = await h.recording(received_at=later(iso(START), -10))
        there = await h.recording(centre=NEIGHBOUR, org=NEIGHBOUR, received_at=later(iso(START), -20))
        first = await h.recording(machine_grade="warning")
        of = [CITY, NEIGHBOUR]
        assert await h.db.read(lambda conn: store.open_page(conn, of, 3, 0, 10)) == [first, there, here]
        assert await h.db.read(lambda conn: store.open_page(conn, of, 3, 1, 1)) == [there]
        assert await h.db.read(store.centres) == of


async def test_every_list_is_read_along_its_index(tmp_path: Path) -> None:
    queries: list[Select[*tuple[Any, ...]]] = [
        store.open_keys(CITY, 3, 200),
        store.open_keys(CITY, 1, 200),
        store.moved_keys(CITY, "returned", "2026", 200),
        store.moved_keys(CITY, "signed", "2026", 200),
    ]

    def plan(conn: Connection, query: Select[*tuple[Any, ...]]) -> str:
        text = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        return "\n".join(row[-1] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))

    async with house(tmp_path) as h:
        for query in queries:
            told = await h.db.read(lambda conn, q=query: plan(conn, q))  # type: ignore[misc]
            assert "USING COVERING INDEX worklist_" in told
            assert "SCAN" not in told
            assert "TEMP B-TREE" not in told


async def test_no_question_of_an_open_worklist_looks_through_a_table(tmp_path: Path) -> None:
    """Its page, its counts and the one row that an event is about: each along an index, however many rows there are."""
    asked: dict[str, Any] = {}

    def hear(_conn: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        asked[statement] = parameters

    def plans(conn: Connection) -> list[str]:
        return [
            row[-1]
            for statement, parameters in list(asked.items())
            if statement.startswith("SELECT") and "FROM timer" not in statement  # the spine's, which waits for its next
            for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]

    async with house(tmp_path) as h:
        recording = await h.recording()
        listen(Engine, "before_cursor_execute", hear)
        try:
            for view in ("all", "urgent", "mine", "returned", "signed_today"):
                await service.worklist(h.room, SHEN, WorklistQuery(view=view))
            await service.worklist_row(h.room, SHEN, recording)
        finally:
            remove(Engine, "before_cursor_execute", hear)
        told = await h.db.read(plans)
    assert len(told) > 10
    values = ("SCAN CONSTANT ROW", "SCAN (")  # not tables: a list in the question, and its parts
    assert [line for line in told if line.startswith("SCAN") and not line.startswith(values)] == []


async def test_ten_thousand_waiting_rows_give_a_page_as_fast_as_ten(tmp_path: Path) -> None:
    async with house(tmp_path) as h:

        def fill(tx: Tx) -> None:
            add_recording(tx, "rec_real", iso(START))
            for i in range(10_000):
                store.add_row(
                    tx.conn, recording=f"rec_{i:06d}", org=TOWN, centre=CITY, rank=i % 4, due_at="2026",
                    waiting_at=later(iso(START), -i), moved_at="2026",
                )  # fmt: skip

        await h.db.write(fill)
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        def page(conn: Connection) -> list[str]:
            raw = conn.connection.driver_connection
            assert raw is not None
            raw.set_progress_handler(count, 100)
            try:
                return store.open_page(conn, [CITY], 3, 0, 200)
            finally:
                raw.set_progress_handler(None, 0)

        ids = await h.db.read(page)
        assert ids[0] == "rec_009996"
        assert len(ids) == 200
        # 100 virtual-machine steps a call: 200 rows cost some thousand steps, 10,000 would cost a hundred thousand.
        assert steps < 100


def test_the_catalogue_finds_a_statement_by_the_initials_a_reader_types() -> None:
    by_code = {entry.code: entry for entry in catalogue().entries}
    assert "fc" in by_code["AFIB"].initials.split()
    assert by_code["NORMAL_ECG"].initials.startswith("zc")
    assert all(entry.initials for entry in by_code.values())


async def test_a_recording_of_an_institution_without_a_centre_is_read_there(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(centre="", org=NEIGHBOUR)
        assert [r.recording for r in (await service.worklist(h.room, STRANGER, WorklistQuery())).rows] == [recording]


async def test_what_a_page_knows_and_the_events_since_give_what_a_fresh_page_shows(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        before = await service.worklist(h.room, SHEN, WorklistQuery())
        await service.claim(h.room, SHEN, recording)
        await service.release(h.room, SHEN, recording)
        await service.claim(h.room, LIN, recording)
        await signing.sign(h.room, LIN, recording, SIGN)
        state = before.rows[0].state
        for event in await h.db.read(lambda conn: eventlog.after(conn, before.cursor, 100)):
            if event.topic == "recording":
                state = str(event.body["state"])
        assert state == (await service.worklist_row(h.room, SHEN, recording)).state == "reported"
        assert await h.db.read(lambda conn: records.view(conn, recording).impression) == ["窦性心律"]
