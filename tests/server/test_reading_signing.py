"""The report: drafts are kept, a signature needs a person and a whole report, what is signed never changes."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

import ecg
from server.base.clock import iso, later
from server.base.context import Ctx
from server.base.errors import NotFound, WrongState
from server.base.http import Http
from server.people import store as people
from server.people.access import RULES
from server.people.errors import SignLocked
from server.reading import Measured, measured_of_analysis, routes, service, signing, store
from server.reading.content import content_bytes, measured_of_summary, signed_of
from server.reading.errors import (
    BadMeasurement,
    ClaimedByOther,
    LoweredReasonMissing,
    NoAmendReason,
    NoGrade,
    NoStatement,
    NotClaimed,
    UnknownStatement,
)
from server.reading.model import REPORT, AmendReport, DraftReport, Statement
from server.records import store as records
from tests.server.conftest_reading import (
    DRAFT,
    LIN,
    SHEN,
    SIGN,
    SINUS,
    START,
    VILLAGE,
    House,
    edited,
    house,
    machine_summary,
)

AMEND = AmendReport("漏诊房颤", [Statement("AFIB", "心房颤动")], "warning")


async def stored(h: House, report_id: str) -> Any:
    return await h.db.read(lambda conn: store.report_row(conn, report_id))


@pytest.mark.parametrize(("state", "event"), list(product(sorted(REPORT.states()), sorted(REPORT.events()))))
def test_every_cell_of_the_report_table_moves_or_refuses(state: str, event: str) -> None:
    if event in REPORT.allowed(state):
        assert REPORT.move(state, event) in REPORT.states()
    else:
        with pytest.raises(WrongState):
            REPORT.move(state, event)


# Drafts.


async def test_a_draft_is_kept_over_a_restart_and_shown_to_its_author_only(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        await signing.save_draft(h.room, SHEN, recording, DRAFT)
        kept = await signing.save_draft(h.room, SHEN, recording, replace(DRAFT, note="再看 V1", grade="warning"))
        clock = h.clock
    async with house(tmp_path, clock) as h:
        assert await signing.reports(h.room, SHEN, recording) == [kept]
        assert (kept.version, kept.state, kept.note, kept.grade) == (0, "draft", "再看 V1", "warning")
        for other in (LIN, VILLAGE):
            assert await signing.reports(h.room, other, recording) == []
            with pytest.raises(NotFound):
                await signing.pdf(h.room, other, kept.id, "zh")
        assert [e.kind for e in await h.events(recording)].count("report.drafted") == 1


async def test_only_who_holds_the_recording_saves_a_draft(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        with pytest.raises(NotClaimed):
            await signing.save_draft(h.room, SHEN, recording, DRAFT)
        await service.claim(h.room, SHEN, recording)
        with pytest.raises(NotClaimed):
            await signing.save_draft(h.room, LIN, recording, DRAFT)
        await h.jump(600)
        with pytest.raises(NotClaimed):
            await signing.save_draft(h.room, SHEN, recording, DRAFT)


async def test_two_who_read_a_critical_recording_keep_a_draft_each(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        for reader in (SHEN, LIN):
            await service.claim(h.room, reader, recording)
            await signing.save_draft(h.room, reader, recording, replace(DRAFT, note=reader.name))
        assert [r.note for r in await signing.reports(h.room, SHEN, recording)] == ["沈亦舟"]
        assert [r.note for r in await signing.reports(h.room, LIN, recording)] == ["林若"]


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        (replace(DRAFT, statements=[Statement("NO_SUCH", "x")]), UnknownStatement),
        (replace(DRAFT, measurements=edited(qt_ms=0)), BadMeasurement),
        (replace(DRAFT, measurements=edited(qt_ms=2001)), BadMeasurement),
        (replace(DRAFT, measurements=edited(qrs_axis_deg=181)), BadMeasurement),
        (replace(DRAFT, measurements=edited(qrs_axis_deg=float("nan"))), BadMeasurement),
        (replace(DRAFT, measurements=[*edited(qt_ms=400), *edited(qt_ms=410)]), BadMeasurement),
    ],
)
async def test_what_cannot_be_is_not_even_kept_as_a_draft(
    tmp_path: Path, draft: DraftReport, error: type[Exception]
) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        with pytest.raises(error):
            await signing.save_draft(h.room, SHEN, recording, draft)


# Signing.


async def test_signing_reports_the_recording_and_tells_everybody(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        draft = await signing.save_draft(h.room, SHEN, recording, DRAFT)
        h.clock.advance(90)
        report = await signing.sign(h.room, SHEN, recording, SIGN)
        assert (report.id, report.version, report.state) == (draft.id, 1, "final")
        view = await h.db.read(lambda conn: records.view(conn, recording))
        assert (view.state, view.grade, view.report) == ("reported", "normal", report.id)
        assert (view.impression, view.reader_name) == (["窦性心律"], "沈亦舟")
        told = {e.kind: e for e in await h.events(recording)}
        assert told["report.signed"].body == {
            "state": "final", "report": report.id, "version": 1, "digest": report.digest, "grade": "normal",
            "corrected": [],
        }  # fmt: skip
        assert told["recording.reported"].body["state"] == "reported"
        assert told["report.signed"].actor == "usr_shen"
        await h.jump(600)
        assert await h.state(recording) == "reported"  # the lease's timer is gone


async def test_the_digest_covers_every_signed_word_and_the_account_stands_behind_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = replace(SIGN, note="无不适", measurements=edited(qt_ms=402, qrs_axis_deg=-42))
        recording = await h.recording()
        report = await signing.sign(h.room, SHEN, recording, body)
        told = {e.kind: e.body for e in await h.events(recording)}
        assert told["report.signed"]["corrected"] == ["qt_ms", "qrs_axis_deg"]
        row = await stored(h, report.id)
        assert report.digest == hashlib.sha256(row["content"]).hexdigest()
        mark = hmac.new(h.room.secret, f"{report.digest}\nusr_shen".encode(), hashlib.sha256).hexdigest()
        assert row["signature"] == mark
        signed = signed_of(row["content"])
        assert content_bytes(signed) == row["content"]  # canonical: read and written again it is the same
        assert (signed.recording_sha256, signed.author, signed.signed_at) == ("ab" * 32, "usr_shen", iso(START))
        assert signed.measured is not None
        assert (signed.measured.qt_ms, signed.measurements[0].value) == (388, 402)
        for name, other in (("note", "有不适"), ("grade", "warning"), ("author", "usr_lin"), ("version", 2)):
            assert content_bytes(replace(signed, **{name: other})) != row["content"]


async def test_signing_needs_a_person_who_proved_himself_within_half_an_hour(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        strange = Ctx(SHEN.actor, SHEN.name, SHEN.grants, SHEN.judge, LIN.session)
        for ctx in (strange, Ctx(SHEN.actor, SHEN.name, SHEN.grants, SHEN.judge)):
            with pytest.raises(SignLocked):
                await signing.sign(h.room, ctx, recording, SIGN)
        h.clock.advance(1800)
        with pytest.raises(SignLocked):
            await signing.sign(h.room, SHEN, recording, SIGN)
        until = later(iso(h.clock.now()), 1800)
        await h.db.write(lambda tx: people.update_session(tx.conn, SHEN.session, unlocked_until=until))
        assert (await signing.sign(h.room, SHEN, recording, SIGN)).state == "final"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"statements": []}, NoStatement),
        ({"statements": [SINUS, Statement(None, "  ")]}, NoStatement),
        ({"statements": [Statement("NO_SUCH", "x")]}, UnknownStatement),
        ({"grade": "unassessed"}, NoGrade),
    ],
)
async def test_half_a_report_is_not_signed(tmp_path: Path, change: dict[str, Any], error: type[Exception]) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        with pytest.raises(error):
            await signing.sign(h.room, SHEN, recording, replace(SIGN, **change))
        assert await h.state(recording) == "waiting"


async def test_to_lower_a_critical_grade_needs_its_reason_which_is_signed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        for reason in ("", "  "):
            with pytest.raises(LoweredReasonMissing):
                await signing.sign(h.room, SHEN, recording, replace(SIGN, grade="warning", lowered_reason=reason))
        body = replace(SIGN, lowered_reason="伪差，非室颤")
        report = await signing.sign(h.room, SHEN, recording, body)
        assert signed_of((await stored(h, report.id))["content"]).lowered_reason == "伪差，非室颤"
        told = msgspec.json.encode([e.body for e in await h.events(recording)]).decode()
        assert "伪差" not in told
        agreed = await h.recording(machine_grade="critical")
        assert (await signing.sign(h.room, SHEN, agreed, replace(SIGN, grade="critical"))).grade == "critical"


async def test_what_waits_can_be_signed_at_once_and_what_another_holds_cannot(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        free, held = await h.recording(), await h.recording()
        assert (await signing.sign(h.room, SHEN, free, SIGN)).version == 1
        await service.claim(h.room, LIN, held)
        with pytest.raises(ClaimedByOther):
            await signing.sign(h.room, SHEN, held, SIGN)


async def test_a_signed_recording_is_not_signed_again_even_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        report = await signing.sign(h.room, SHEN, recording, SIGN)
        clock = h.clock
    async with house(tmp_path, clock) as h:
        for reader in (SHEN, LIN):
            with pytest.raises(WrongState):
                await signing.sign(h.room, reader, recording, SIGN)
        await h.settle()
        (kept,) = await signing.reports(h.room, SHEN, recording)
        assert replace(kept, pdf_ready=False) == replace(report, pdf_ready=False)
        assert kept.pdf_ready  # printed, by whichever of the two runs came to it


async def test_a_report_grows_out_of_a_draft_that_was_saved_before_the_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        draft = await signing.save_draft(h.room, SHEN, recording, DRAFT)
        clock = h.clock
    async with house(tmp_path, clock) as h:
        assert (await signing.sign(h.room, SHEN, recording, SIGN)).id == draft.id


def test_the_machines_numbers_are_taken_from_the_analysis_object_as_it_is_sent() -> None:
    numbers = ecg.Measurements(
        71.5, p_ms=104, pr_ms=160, qrs_ms=92, qt_ms=388, qtc_ms={"bazett": 421}, axis_deg={"qrs": -30}
    )
    nothing = ecg.analyze(ecg.Recording(500.0, ("I",), np.zeros((5000, 1), dtype=np.float32)))
    analysis = dataclasses.replace(nothing, measurements=numbers)
    assert measured_of_analysis(analysis.to_json()) == Measured(71.5, 104, 160, 92, 388, 421, None, -30, None)
    assert measured_of_summary(machine_summary()) == Measured(72.0, None, 160, 92, 388, 412)
    assert measured_of_summary(machine_summary(error="ecg.signal")) is None


# What is signed stays.


@pytest.mark.usefixtures("either_database")
async def test_no_use_case_and_no_query_changes_a_signed_report(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        report = await signing.sign(h.room, SHEN, recording, SIGN)
        before = dict(await stored(h, report.id))
        for attempt in (
            service.claim(h.room, SHEN, recording),
            signing.save_draft(h.room, SHEN, recording, DRAFT),
            signing.sign(h.room, SHEN, recording, replace(SIGN, note="另一种说法")),
        ):
            with pytest.raises((WrongState, NotClaimed)):
                await attempt
        await signing.amend(h.room, LIN, report.id, AMEND)
        after = dict(await stored(h, report.id))
        assert {k for k in before if before[k] != after[k]} <= {"state", "replaced_by", "pdf_at"}
        for values in ({"content": b"{}"}, {"digest": "0"}, {"state": "draft"}, {"signed_at": "2020"}):
            with pytest.raises(IntegrityError, match="does not change"):
                await h.db.write(
                    lambda tx, v=values: tx.conn.execute(  # type: ignore[misc]
                        update(store.report).where(store.report.c.id == report.id).values(**v)
                    ).close()
                )
        with pytest.raises(IntegrityError, match="does not change"):
            await h.db.write(
                lambda tx: tx.conn.execute(delete(store.report).where(store.report.c.id == report.id)).close()
            )


async def test_a_correction_is_a_new_version_that_names_the_old_one(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        old = await signing.sign(h.room, SHEN, recording, SIGN)
        with pytest.raises(NoAmendReason):
            await signing.amend(h.room, LIN, old.id, replace(AMEND, reason=" "))
        new = await signing.amend(h.room, LIN, old.id, AMEND)
        newest, oldest = await signing.reports(h.room, VILLAGE, recording)
        assert (newest.id, newest.version, newest.state, newest.replaces) == (new.id, 2, "final", old.id)
        assert (newest.author_name, newest.reason) == ("林若", "漏诊房颤")
        assert (oldest.id, oldest.state, oldest.replaced_by, oldest.statements) == (
            old.id, "amended", new.id, [SINUS],
        )  # fmt: skip
        view = await h.db.read(lambda conn: records.view(conn, recording))
        assert (view.state, view.grade, view.report, view.impression) == ("reported", "warning", new.id, ["心房颤动"])
        told = next(e for e in await h.events(recording) if e.kind == "report.amended")
        assert told.body["replaces"] == old.id
        assert "reason" not in told.body
        with pytest.raises(WrongState):
            await signing.amend(h.room, SHEN, old.id, AMEND)
        assert (await signing.amend(h.room, SHEN, new.id, AMEND)).version == 3


async def test_a_correction_needs_the_same_proof_as_a_signature(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await signing.sign(h.room, SHEN, await h.recording(), SIGN)
        h.clock.advance(1800)
        with pytest.raises(SignLocked):
            await signing.amend(h.room, SHEN, report.id, AMEND)


# Over HTTP.


async def test_the_same_signature_sent_twice_is_one_report(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()

        async def who(cookie: str | None) -> Ctx:
            return SHEN

        http = Http(h.db, who, RULES, lambda _origin: False, False)
        async with TestClient(TestServer(http.application(routes(h.room)))) as client:
            path, raw = f"/api/recordings/{recording}/sign", msgspec.json.encode(SIGN)
            answers = [
                await (await client.post(path, data=raw, headers={"Idempotency-Key": "sign-0001"})).json()
                for _ in range(2)
            ]
            assert answers[0] == answers[1]
            again = await client.post(path, data=raw, headers={"Idempotency-Key": "sign-0002"})
            assert (again.status, (await again.json())["code"]) == (409, "state.refused")
            too_long = replace(SIGN, statements=[Statement(None, "x" * 501)])
            refused = await client.post(
                path, data=msgspec.json.encode(too_long), headers={"Idempotency-Key": "sign-0003"}
            )
            assert refused.status == 422
            listed = await (await client.get("/api/worklist?view=signed_today&limit=5")).json()
            assert [row["recording"] for row in listed["rows"]] == [recording]
            assert (await client.get("/api/worklist?limit=501")).status == 422
            pdf = await client.get(f"/api/reports/{answers[0]['id']}/pdf?lang=en")
            assert (pdf.status, pdf.content_type) == (200, "application/pdf")
            assert re.match(rb"%PDF-1\.\d", await pdf.read())
        assert [r.version for r in await signing.reports(h.room, SHEN, recording)] == [1]


# Printing.


async def test_a_signed_report_is_printed_once_and_every_fetch_is_in_the_audit_trail(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        report = await signing.sign(h.room, SHEN, recording, SIGN)
        await h.settle()
        assert h.rendered == ["render"]
        assert (await signing.reports(h.room, SHEN, recording))[0].pdf_ready
        first, name = await signing.pdf(h.room, VILLAGE, report.id, "zh")
        second, _ = await signing.pdf(h.room, SHEN, report.id, "zh")
        assert first == second
        assert name == f"{report.id}-v1.pdf"
        assert h.rendered == ["render"]
        await signing.print_signed(h.room, report.id)  # the same event again
        printed = [e for e in await h.events(recording) if e.kind == "report.printed"]
        assert [(e.actor, e.topic, e.body["lang"]) for e in printed] == [
            ("usr_village", "audit", "zh"), ("usr_shen", "audit", "zh"),
        ]  # fmt: skip
        assert [e.kind for e in await h.events(recording)].count("report.pdf_ready") == 1


async def test_a_print_that_fell_out_of_its_folder_is_made_again_the_same(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        report = await signing.sign(h.room, SHEN, await h.recording(), SIGN)
        first, _ = await signing.pdf(h.room, SHEN, report.id, "zh")
        shutil.rmtree(tmp_path / "prints")
        again, _ = await signing.pdf(h.room, SHEN, report.id, "zh")
        assert again == first


async def test_a_corrected_report_and_a_patient_named_later_are_printed_anew(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(name="", identity="pending")
        report = await signing.sign(h.room, SHEN, recording, SIGN)
        prints = [(await signing.pdf(h.room, SHEN, report.id, "zh"))[0]]
        await h.db.write(
            lambda tx: records.update_patient(tx.conn, f"pat_{recording}", name="马志强", identity="known")
        )
        prints.append((await signing.pdf(h.room, SHEN, report.id, "zh"))[0])
        await signing.amend(h.room, SHEN, report.id, AMEND)
        prints.append((await signing.pdf(h.room, SHEN, report.id, "zh"))[0])
        assert len(set(prints)) == 3
