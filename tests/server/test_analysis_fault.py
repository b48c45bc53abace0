"""A fault in the analysis costs its findings, never the ECG: it goes to a person, who reads it without the machine."""

from __future__ import annotations

import pytest

from tests.server.conftest import REQUEST, Hub, normal
from tests.waiting import until


def broken(*_: object) -> None:
    """In the place of the analysis, in a process of the pool."""
    raise ValueError("year -292275055 is out of range")


async def test_an_ecg_on_which_the_analysis_fails_is_on_the_worklist(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.analysis.service.analyse", broken)
    async with await hub.sign_in("clinic") as clinic:
        recording = (await hub.send("org_hewan", normal(), REQUEST)).recording

        async def waits() -> bool:
            return bool((await clinic.get(f"/api/recordings/{recording}"))["state"] == "waiting")

        await until(waits, 30)
        assert (await clinic.get(f"/api/recordings/{recording}"))["machine"]["error"] == "analysis.lost"
    assert hub.app.spine.dead_letters == 0
