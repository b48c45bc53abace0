"""Two critical ECGs of one person are one incident: one alert, one ladder, shown on both rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from device.frames import Patient, Request
from ecg import synth
from tests.server.conftest import Hub
from tests.waiting import until


async def test_a_further_ecg_of_the_same_person_joins_the_alert_and_its_row_shows_it(hub: Hub) -> None:
    patient = Patient(name="祁占海", sex="M", age=66, id_no="630102196001010011")
    request = Request(patient=patient, symptoms=("syncope",))
    sent = []
    async with await hub.sign_in("reader") as reader:
        for seed in (1, 2):
            script = [synth.Segment("vt", 10.0, rate_bpm=180)]
            recording = synth.twelve_lead(np.random.default_rng(seed), script).recording
            sent.append((await hub.send("org_liugou", recording, request)).recording)

        async def both_show_it() -> Any:
            rows = {row["recording"]: row["alert"] for row in (await reader.get("/api/worklist"))["rows"]}
            return rows if len(rows) == 2 and all(rows.values()) else None

        rows = await until(both_show_it, 30)
        assert set(rows) == set(sent)
        alerts = (await reader.get("/api/alerts"))["alerts"]
        assert [a["id"] for a in alerts] == list(set(rows.values()))
