"""A recording against the patient's earlier one: which is taken, what is told, and to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from device.frames import Patient, Request
from ecg import synth
from ecg.record import Recording
from server import adapters
from tests.server.conftest import Browser, Hub, Refused, normal
from tests.waiting import until

ID_NO = "632122197001012345"


def of(name: str, id_no: str = ID_NO) -> Request:
    return Request(patient=Patient(name=name, sex="M", age=58, id_no=id_no), symptoms=("palpitation",))


def drawn(kind: synth.Kind) -> Recording:
    return synth.twelve_lead(np.random.default_rng(1), [synth.Segment(kind, 10.0)]).recording


async def send(hub: Hub, reader: Browser, recording: Recording, request: Request) -> str:
    """Send, and wait until it is analysed and queued."""
    sent = (await hub.send("org_hewan", recording, request)).recording

    async def waits() -> bool:
        return bool((await reader.get(f"/api/recordings/{sent}"))["state"] == "waiting")

    await until(waits, 30)
    return sent


async def compared(browser: Browser, recording: str, against: str = "") -> Any:
    query = f"?against={against}" if against else ""
    return await browser.get(f"/api/recordings/{recording}/comparison{query}")


async def test_what_changed_since_the_last_ecg_that_could_be_read(hub: Hub) -> None:
    async with await hub.sign_in("reader") as reader:
        alone = await send(hub, reader, normal(), of("马德福"))
        assert await compared(reader, alone) == {"earlier": None, "unchanged": False, "comparison": None}
        flat = replace(normal(), signal_uv=np.zeros((5000, 12), dtype=np.float32))
        unread = await send(hub, reader, flat, of("马德福"))
        await send(hub, reader, drawn("af"), of("王桂兰", "632122196001011111"))
        later = await send(hub, reader, drawn("af"), of("马德福"))

        told = await compared(reader, later)
        assert told["earlier"] == alone
        assert told["comparison"]["rhythm"] == ["sinus", "af"]
        assert {c["code"]: c["kind"] for c in told["comparison"]["findings"]}["AFIB"] == "appeared"
        assert told["comparison"]["say"][0]["zh"] == "心律：窦性心律 → 心房颤动"

        chosen = await compared(reader, later, unread)
        assert chosen["earlier"] == unread
        assert chosen["comparison"]["caveats"] == ["earlier_unread"]
        assert not chosen["unchanged"]

        again = await send(hub, reader, drawn("af"), of("马德福"))
        assert (await compared(reader, again))["earlier"] == later


async def test_nobody_compares_what_is_not_theirs(hub: Hub) -> None:
    async with await hub.sign_in("reader") as reader:
        first = await send(hub, reader, normal(), of("马德福"))
        later = await send(hub, reader, normal(), of("马德福"))
        other = await send(hub, reader, normal(), of("王桂兰", "632122196001011111"))
        for pair in ((later, other), (first, later), (later, "rec_nothing")):
            with pytest.raises(Refused) as refused:  # another's, a later one, none at all
                await compared(reader, *pair)
            assert (refused.value.status, refused.value.code) == (404, "http.not_found")
    for login in ("shimen", "village"):
        async with await hub.sign_in(login) as stranger:
            with pytest.raises(Refused) as refused:
                await compared(stranger, later)
            assert refused.value.status == 404
    async with await hub.sign_in("clinic") as clinic:
        assert (await compared(clinic, later))["earlier"] == first


async def known(hub: Hub, recording: str) -> frozenset[str] | None:
    """What the rules were told of the patient's earlier ECG."""
    prior = await hub.app.db.read(lambda conn: adapters.prior(conn, recording))
    return None if prior is None else prior.codes


async def test_a_rule_knows_what_the_earlier_ecg_said_and_a_reader_has_the_last_word(hub: Hub) -> None:
    async with await hub.sign_in("reader") as reader:
        first = await send(hub, reader, drawn("af"), of("马德福"))
        assert await known(hub, first) is None
        second = await send(hub, reader, drawn("af"), of("马德福"))
        told = await known(hub, second)
        assert told is not None
        assert "AFIB" in told
        other = {"statements": [{"code": "SINUS_ARRHYTHMIA", "text": "窦性心律不齐"}], "grade": "normal"}
        await reader.post(f"/api/recordings/{first}/sign", other)
        assert await known(hub, second) == frozenset({"SINUS_ARRHYTHMIA"})
