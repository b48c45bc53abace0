"""The conformance kit passes our hub, names each faulty one by its requirement, and leaves nothing half open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from device.client import DeviceKey
from device.conformance import Bench, Check, Verdict, run_checks
from device.conformance_files import FILE_CHECKS
from device.conformance_hub import HUB_CHECKS
from device.conformance_refusals import REFUSAL_CHECKS
from device.errors import WireError
from ecg.errors import all_errors
from tests.device.fake_hub import KEY
from tests.device.faulty_hubs import ALL, FaultyHub, standing_before
from tests.device.rig import running
from tests.waiting import until

ROOT = Path(__file__).parents[2]
CHECKS: Sequence[Check] = (*HUB_CHECKS, *FILE_CHECKS, *REFUSAL_CHECKS)
HANDSHAKE_S = 0.8  # 10 s in a real hub
FROM_A_TOOL = {
    "wire.archive", "wire.certificate", "wire.key_file", "wire.unreachable", "wire.refused", "wire.history_gone",
}  # fmt: skip
NOT_AT_WILL = {
    "wire.busy", "wire.hub_stopping", "wire.hub_fault",  # states of a hub that a device cannot bring about
    "wire.device_revoked",  # takes an administrator
    "wire.client_certificate",  # takes a hub that asks for certificates
    "wire.too_long",  # 64 MiB
    "wire.unfinished", "wire.silent",  # dozens of recordings, six hours
}  # fmt: skip


def failed(verdicts: Sequence[Verdict]) -> dict[str, str]:
    return {verdict.check: verdict.saw for verdict in verdicts if not verdict.passed}


def a_bench(url: str, wait_s: float) -> Bench:
    return Bench(url, DeviceKey("cart-1", KEY), wait_s, handshake_s=HANDSHAKE_S)


async def test_our_hub_passes_and_nothing_is_left_half_open(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_s=HANDSHAKE_S) as hub:
        hub.hub.add("cart-1")
        verdicts = await run_checks(CHECKS, a_bench(hub.url, 15.0))
        assert failed(verdicts) == {}
        assert not hub.gateway.refused["wire.hub_fault"]
        states = hub.gateway.journal.streams
        # The two that were refused at their end stay for whoever looks into them.
        await until(lambda: sum(not state.sealed for state in states.values()) == 2)


@pytest.mark.parametrize("faulty", ALL, ids=lambda faulty: faulty.__name__)
async def test_a_faulty_hub_is_caught_by_the_check_that_names_its_fault(
    tmp_path: Path, faulty: type[FaultyHub]
) -> None:
    refusals = {check.name for check in REFUSAL_CHECKS}
    expected = refusals if "*refusals" in faulty.caught_by else faulty.caught_by
    checks = [check for check in CHECKS if check.name in expected]
    async with running(tmp_path, handshake_s=HANDSHAKE_S) as hub, standing_before(hub.url, faulty) as url:
        hub.hub.add("cart-1")
        verdicts = await run_checks(checks, a_bench(url, 1.0), at_once=16)
    assert set(failed(verdicts)) == expected


async def test_the_way_through_which_faulty_hubs_speak_is_sound_itself(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_s=HANDSHAKE_S) as hub, standing_before(hub.url, FaultyHub) as url:
        hub.hub.add("cart-1")
        assert failed(await run_checks(CHECKS, a_bench(url, 15.0))) == {}


def test_every_check_has_a_hub_that_fails_it() -> None:
    caught = {name for faulty in ALL for name in faulty.caught_by} | {check.name for check in REFUSAL_CHECKS}
    assert {check.name for check in CHECKS} - caught == set()


def test_every_check_stands_under_a_heading_of_the_protocol_and_has_a_name_of_its_own() -> None:
    page = (ROOT / "docs/reference/protocol.md").read_text("utf-8")
    headings = {match.strip() for match in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert {check.section for check in CHECKS} - headings == set()
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))


def test_every_refusal_that_a_device_can_bring_about_is_checked() -> None:
    codes = {cls.code for cls in all_errors(WireError) if cls.code.startswith("wire.")}
    checked = {code for check in CHECKS for code in check.codes}
    assert codes - checked == FROM_A_TOOL | NOT_AT_WILL
