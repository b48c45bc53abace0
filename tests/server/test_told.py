"""No change without its event: the log alone tells how every case came to stand where its row says it stands."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from device.frames import Patient, Request
from ecg import synth
from server.alerts.model import ALERT
from server.base import eventlog
from server.base.states import StateTable
from server.consult.model import CONSULT
from server.records.model import RECORDING
from tests.server.conftest import REQUEST, Browser, Hub, Refused, normal
from tests.waiting import until

REPORT = {"statements": [{"code": "SINUS_RHYTHM", "text": "窦性心律"}], "grade": "normal"}


async def in_state(browser: Browser, recording: str, state: str) -> None:
    async def stands() -> bool:
        return bool((await browser.get(f"/api/recordings/{recording}"))["state"] == state)

    await until(stands, 30)


ARRIVED = ["recording.opened", "recording.received", "analysis.finished", "recording.analysed", "recording.queued"]
READ = ["recording.claimed", "recording.released", "recording.claimed", "report.drafted"]
SIGNED = ["recording.reported", "report.signed", "recording.reported", "report.amended"]


async def read_and_return(hub: Hub, reader: Browser) -> dict[str, list[str]]:
    """One is claimed, put back, claimed again, signed and corrected; another is sent back. What the log must tell."""
    first = (await hub.send("org_hewan", normal(), REQUEST)).recording
    second = (await hub.send("org_shimen", normal(), REQUEST)).recording
    for recording in (first, second):
        await in_state(reader, recording, "waiting")
    for act in ("claim", "release", "claim"):
        await reader.post(f"/api/recordings/{first}/{act}")
    await reader.post(f"/api/recordings/{first}/draft", REPORT, method="PUT")
    signed = await reader.post(f"/api/recordings/{first}/sign", REPORT)
    await reader.post(f"/api/reports/{signed['id']}/amend", {**REPORT, "reason": "漏写电轴"})
    await reader.post(f"/api/recordings/{second}/return", {"reason": "electrode_off", "leads": ["V3"]})
    return {first: [*ARRIVED, *READ, *SIGNED], second: [*ARRIVED, "recording.returned"]}


async def alert_to_the_end(hub: Hub, oncall: Browser) -> str:
    """A tachycardia pages, is seen, taken with the read-back, called back and closed."""
    recording = synth.twelve_lead(np.random.default_rng(1), [synth.Segment("vt", 10.0, rate_bpm=180)]).recording
    request = Request(patient=Patient(name="祁占海", sex="M", age=66), symptoms=("syncope",))
    sent = (await hub.send("org_liugou", recording, request)).recording

    async def rings() -> Any:
        return (await oncall.get("/api/alerts"))["alerts"]

    alert = (await until(rings, 30))[0]
    path = f"/api/alerts/{alert['id']}"
    await oncall.post(f"{path}/seen")
    challenge = await oncall.get(f"{path}/challenge")
    patient = next(c["key"] for c in challenge["patients"] if "祁占海" in c["zh"])
    for finding in challenge["findings"]:
        # A wrong one is refused and the ladder goes on; the right one of the three is taken.
        with contextlib.suppress(Refused):
            await oncall.post(f"{path}/read-back", {"finding": finding["key"], "patient": patient})
            break
    await oncall.post(f"{path}/callback", {"told": "祁医生", "how": "phone", "read_back": "室速，马上除颤准备"})
    await oncall.post(f"{path}/close", {"action": "电复律", "outcome": "转为窦律"})
    return sent


async def consult_to_the_end(recording: str, clinic: Browser, expert: Browser) -> None:
    asked = await clinic.post(
        "/api/consults",
        {
            "recording": recording, "invitee_org": "org_city", "purpose": "室速原因", "summary": "晕厥一次",
            "priority": "emergency", "consent": "emergency",
        },
    )  # fmt: skip
    path = f"/api/consults/{asked['id']}"
    await expert.post(f"{path}/accept")
    for member in (clinic, expert):
        await member.post(f"{path}/enter")
    await clinic.post(f"{path}/consent", {"kind": "written", "by": "马德福", "relation": "self"})
    await expert.post(f"{path}/conclude", {"text": "建议转诊行电生理检查"})
    await clinic.post(f"{path}/countersign")


def follows(table: StateTable, states: list[str]) -> bool:
    """Whether each state is reached from the one before by a row of the table (or is the same)."""
    moves = {(row.state, row.target) for row in table.rows}
    return all(a == b or (a, b) in moves for a, b in pairwise(states))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_every_state_of_every_case_is_told_step_by_step_in_the_log(hub: Hub) -> None:
    async with (
        await hub.sign_in("reader") as reader,
        await hub.sign_in("oncall") as oncall,
        await hub.sign_in("liugou") as clinic,
    ):
        expected = await read_and_return(hub, reader)
        recording = await alert_to_the_end(hub, oncall)
        await consult_to_the_end(recording, clinic, oncall)

    for subject, kinds in expected.items():
        told = await hub.app.db.read(lambda conn, s=subject: eventlog.of_subjects(conn, [s]))  # type: ignore[misc]
        # The paper is printed beside all this, whenever the pool has time.
        assert [e.kind for e in told if e.kind != "report.pdf_ready"] == kinds

    for table, name in ((RECORDING, "recording"), (ALERT, "alert"), (CONSULT, "consult")):
        query = text(f"SELECT id, state FROM {name}")
        rows = await hub.app.db.read(lambda conn, query=query: conn.execute(query).all())  # type: ignore[misc]
        assert rows, name
        for subject, state in rows:
            told = await hub.app.db.read(lambda conn, s=subject: eventlog.of_subjects(conn, [s]))  # type: ignore[misc]
            states = [str(e.body["state"]) for e in told if e.topic == name and "state" in e.body]
            assert states, f"{name} {subject} was never told of"
            assert states[-1] == state, f"{name} {subject}: the row says {state}, the log {states}"
            assert follows(table, [table.start, *states]), f"{name} {subject}: a step is missing in {states}"
