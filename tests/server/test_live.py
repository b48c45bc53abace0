"""A critical rhythm in a live recording is told while it is still arriving, once."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from device.frames import Patient, Request
from device.simulate import run_device, upload_of
from ecg import synth
from server.base import eventlog
from server.base.database import Tx
from tests.server.conftest import Hub
from tests.waiting import until


async def test_a_tachycardia_pages_while_the_device_still_sends_and_its_end_rings_nobody_again(hub: Hub) -> None:
    script = [synth.Segment("sinus", 6.0), synth.Segment("vt", 30.0, rate_bpm=180)]
    recording = synth.twelve_lead(np.random.default_rng(3), script).recording
    request = Request(patient=Patient(name="祁占海", sex="M", age=66), symptoms=("syncope",))
    upload = upload_of(recording, mode="live", request=request)
    sending = asyncio.create_task(
        run_device(upload, f"ws://127.0.0.1:{hub.app.device_port}", hub.keys["org_liugou"], speed=4.0)
    )
    async with await hub.sign_in("oncall") as oncall:

        async def rings() -> Any:
            return (await oncall.get("/api/alerts"))["alerts"]

        alert = (await until(rings, 30))[0]
        assert not sending.done(), "told only at the end"
        assert alert["rule"] == "tachy.vt"
        row = await oncall.get(f"/api/recordings/{alert['recording']}")
        assert row["state"] == "receiving"
        # Evidence stands where the tachycardia is, in samples of the recording.
        assert alert["first"] >= 5.0 * recording.fs

        receipt = await sending
        assert receipt.recording == alert["recording"]

        async def queued() -> bool:
            return bool((await oncall.get(f"/api/recordings/{alert['recording']}"))["state"] == "waiting")

        await until(queued, 30)
        assert [a["id"] for a in (await oncall.get("/api/alerts"))["alerts"]] == [alert["id"]]


async def test_what_is_told_to_several_persons_reaches_each_who_is_not_told_of_the_others(hub: Hub) -> None:
    async with await hub.sign_in("clinic") as clinic, await hub.sign_in("oncall") as oncall:
        pages = (clinic, oncall)
        to = [str(page.me["id"]) for page in pages]
        begun = await hub.app.db.read(eventlog.last_id)

        def tell(tx: Tx) -> None:
            tx.append("message.told", "con_1", "org_city", {"message": "msg_1", "to": to}, topic=eventlog.PERSONS)

        await hub.app.db.write(tell)
        for page, account in zip(pages, to, strict=True):
            ticket = (await page.post("/api/ws-ticket", {}))["ticket"]
            async with page.http.ws_connect(f"{hub.url}/api/ws?ticket={ticket}") as socket:
                await socket.send_json({"type": "subscribe", "topic": f"user:{account}", "cursor": begun})
                # The log's news may come before or after the word that the topic is followed.
                said = {(frame := await socket.receive_json())["type"]: frame for _ in range(2)}
                told = said["event"]
                assert (told["topic"], told["event"]["topic"]) == (f"user:{account}", f"user:{account}")
                assert told["event"]["body"] == {"message": "msg_1"}
