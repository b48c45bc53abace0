"""A claim is a lease: one holder (two for a critical recording), an end, and nobody blocked by who walked away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from server.base.clock import iso, later
from server.base.errors import WrongState
from server.reading import service, signing
from server.reading.errors import ClaimedByOther, NotClaimed, UnknownLead
from server.reading.model import Claim, ReturnRecording, WorklistRow
from tests.server.conftest_reading import LIN, SHEN, SIGN, START, ZHAO, house

LEASE_S = 600
UNTIL = later(iso(START), LEASE_S)


async def test_a_claim_holds_until_its_lease_ends_and_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        row = await service.claim(h.room, SHEN, recording)
        assert row.claim == Claim("usr_shen", "沈亦舟", UNTIL)
        assert row.state == "claimed"
        told = (await h.events(recording))[-1]
        assert (told.kind, told.actor) == ("recording.claimed", "usr_shen")
        assert told.body == {"state": "claimed", "reader": "usr_shen", "until_at": UNTIL, "second": False}


async def test_a_second_reader_is_told_who_holds_it_and_until_when(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        for attempt in (
            service.claim(h.room, LIN, recording),
            service.send_back(h.room, LIN, recording, ReturnRecording("artefact")),
            signing.sign(h.room, LIN, recording, SIGN),
        ):
            with pytest.raises(ClaimedByOther) as refusal:
                await attempt
            assert refusal.value.facts() == {"name": "沈亦舟", "until_at": UNTIL}
        with pytest.raises(NotClaimed):
            await service.release(h.room, LIN, recording)


async def test_of_two_who_claim_at_the_same_moment_one_wins(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        for _ in range(5):
            recording = await h.recording()
            both = await asyncio.gather(
                service.claim(h.room, SHEN, recording), service.claim(h.room, LIN, recording), return_exceptions=True
            )
            assert {type(outcome) for outcome in both} == {WorklistRow, ClaimedByOther}


async def test_claiming_again_renews_the_lease_in_time(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        await h.jump(LEASE_S - 10)
        row = await service.claim(h.room, SHEN, recording)
        assert row.claim is not None
        assert row.claim.until_at == later(UNTIL, LEASE_S - 10)
        await h.jump(20)  # past the first end: the first timer must be gone
        assert await h.state(recording) == "claimed"


async def test_a_lease_that_is_not_renewed_ends_by_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        await h.jump(LEASE_S - 1)
        assert await h.state(recording) == "claimed"
        await h.jump(1)
        assert await h.state(recording) == "waiting"
        told = (await h.events(recording))[-1]
        assert (told.kind, told.actor, told.body) == (
            "recording.released", "system", {"state": "waiting", "why": "expired"},
        )  # fmt: skip
        row = await service.claim(h.room, LIN, recording)
        assert row.claim is not None
        assert row.claim.by == "usr_lin"


async def test_an_ended_lease_can_be_taken_over_before_its_timer_has_rung(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        await h.spine.stop()
        h.clock.advance(LEASE_S)
        row = await service.claim(h.room, LIN, recording)
        assert row.claim is not None
        assert row.claim.by == "usr_lin"
        await service.end_leases(h.room, recording)  # the late timer of the first
        assert await h.state(recording) == "claimed"


async def test_a_lease_ends_although_the_hub_was_down_meanwhile(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        clock = h.clock
    clock.advance(LEASE_S + 3600)
    async with house(tmp_path, clock) as h:
        await h.settle()
        assert await h.state(recording) == "waiting"


async def test_giving_back_puts_it_into_the_list_at_its_old_place(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        before = await service.worklist_row(h.room, SHEN, recording)
        await service.claim(h.room, SHEN, recording)
        after = await service.release(h.room, SHEN, recording)
        assert after == before
        await h.jump(LEASE_S + 1)
        assert [e.kind for e in await h.events(recording)].count("recording.released") == 1


async def test_a_critical_recording_may_be_held_by_two_and_no_more(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        await service.claim(h.room, SHEN, recording)
        row = await service.claim(h.room, LIN, recording)
        assert row.claim is not None
        assert row.second is not None
        assert (row.claim.by, row.second.by) == ("usr_shen", "usr_lin")
        assert (await h.events(recording))[-1].body["second"] is True
        with pytest.raises(ClaimedByOther):
            await service.claim(h.room, ZHAO, recording)
        assert (await service.claim(h.room, SHEN, recording)).claim == row.claim


async def test_when_the_first_of_two_gives_back_the_second_holds_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        await service.claim(h.room, SHEN, recording)
        await h.jump(100)
        await service.claim(h.room, LIN, recording)
        row = await service.release(h.room, SHEN, recording)
        assert row.claim is not None
        assert (row.state, row.claim.by, row.second) == ("claimed", "usr_lin", None)
        await h.jump(LEASE_S)
        assert await h.state(recording) == "waiting"


async def test_of_two_leases_each_ends_at_its_own_time(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        await service.claim(h.room, SHEN, recording)
        await h.jump(300)
        await service.claim(h.room, LIN, recording)
        await h.jump(300)
        row = await service.worklist_row(h.room, SHEN, recording)
        assert row.claim is not None
        assert (row.state, row.claim.by) == ("claimed", "usr_lin")
        await h.jump(300)
        assert await h.state(recording) == "waiting"


async def test_the_first_of_two_to_sign_ends_it_for_both(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording(machine_grade="critical")
        await service.claim(h.room, SHEN, recording)
        await service.claim(h.room, LIN, recording)
        critical = replace(SIGN, grade="critical")
        await signing.sign(h.room, LIN, recording, critical)
        with pytest.raises(WrongState):
            await signing.sign(h.room, SHEN, recording, critical)
        row = await service.worklist_row(h.room, SHEN, recording)
        assert (row.state, row.claim, row.second) == ("reported", None, None)
        await h.jump(LEASE_S)
        assert await h.state(recording) == "reported"


async def test_sending_back_keeps_reason_leads_and_note_and_no_words_in_the_log(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        await service.claim(h.room, SHEN, recording)
        view = await service.send_back(h.room, SHEN, recording, ReturnRecording("electrode_off", ["V3"], "请擦净皮肤"))
        assert (view.state, view.return_reason, view.returned_note) == ("returned", "electrode_off", "请擦净皮肤")
        told = (await h.events(recording))[-1]
        assert told.kind == "recording.returned"
        assert told.body == {"state": "returned", "reason": "electrode_off", "leads": ["V3"]}
        with pytest.raises(WrongState):
            await service.claim(h.room, SHEN, recording)
        with pytest.raises(WrongState):
            await service.send_back(h.room, SHEN, recording, ReturnRecording("other"))


async def test_a_lead_nobody_knows_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        recording = await h.recording()
        with pytest.raises(UnknownLead):
            await service.send_back(h.room, SHEN, recording, ReturnRecording("electrode_off", ["V33"]))
        assert await h.state(recording) == "waiting"
