"""Many simulated devices at the real gateway: all arrives whatever they do wrong, and the summary says what it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from device import coding
from device.client import DeviceKey, Retry, key_file_text
from device.errors import KeyFileRefused
from device.simulate_many import FAULTS, MESSAGE_FAULTS, Plan, read_keys, read_records, simulate
from tests.device.fake_hub import KEY
from tests.device.rig import recording, running

ROOT = Path(__file__).parents[2]
QUICK = Retry(wait_s_least=0.005, wait_s_most=0.05)
RECORDS = [recording(seconds=4, seed=1), recording(seconds=6, seed=2)]


async def test_every_recording_of_every_device_arrives_over_one_connection_each(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        keys = [hub.hub.add(f"cart-{number}") for number in range(5)]
        summary = await simulate(hub.url, keys, RECORDS, Plan(count=8, recordings=3, length_s=2.0))
        assert (summary.sent, summary.received) == (24, 24)
        assert summary.connections == 8, "a device stays connected between its recordings"
        assert len(hub.hub.archives) == 24
        assert summary.complete
        assert "sent 24, received 24, given up: none, refused: none" in summary.line()


async def test_live_devices_send_as_the_samples_come_into_being(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        plan = Plan(count=3, recordings=2, mode="live", speed=20, length_s=3.0)
        summary = await simulate(hub.url, [hub.hub.add("cart-1")], RECORDS, plan)
        assert summary.complete
        assert {sum(len(part) for _, part in parts) for parts in hub.hub.published.values()} == {3 * 500 * 12 * 2}


async def test_whatever_they_do_wrong_each_recording_arrives_exactly_once(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        keys = [hub.hub.add(f"cart-{number}") for number in range(4)]
        plan = Plan(count=12, recordings=4, length_s=4.0, faults=frozenset(FAULTS) - {"slow", "cut"}, seed=3)
        summary = await simulate(hub.url, keys, RECORDS, plan, retry=QUICK)
        assert summary.complete, summary.line()
        assert len(hub.hub.archives) == summary.sent
        assert set(summary.faults) == {*MESSAGE_FAULTS, "clock"}, "all of them were made"
        assert summary.refused["wire.frame"] > 0, "a torn frame is refused, and the device comes back"
        assert not hub.gateway.refused["wire.hub_fault"]
        for archive in hub.hub.archives.values():
            samples = coding.decode(archive)[1]
            assert len(samples) == 2000
            whole = next(r for r in RECORDS if _stands_in(samples, coding.quantise(r.signal_uv, 1.0, 32_000)))
            assert whole is not None


def _stands_in(part: np.ndarray, whole: np.ndarray) -> bool:
    starts = np.flatnonzero((whole == part[0]).all(axis=1))
    return any(np.array_equal(whole[start : start + len(part)], part) for start in starts)


async def test_over_a_bad_line_all_arrives(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        plan = Plan(count=4, recordings=2, length_s=2.0, faults=frozenset({"cut"}), seed=5)
        summary = await simulate(hub.url, [hub.hub.add("cart-1")], RECORDS, plan, retry=QUICK)
        assert summary.complete, summary.line()
        assert summary.connections > 4


async def test_a_device_nobody_knows_gives_up_and_the_summary_says_why(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        keys = [DeviceKey("nobody", KEY), hub.hub.add("cart-1")]
        summary = await simulate(hub.url, keys, RECORDS, Plan(count=2, recordings=2, length_s=1.0), retry=QUICK)
        assert (summary.sent, summary.received) == (3, 2)
        assert summary.given_up == {"wire.unknown_device": 1}
        assert not summary.complete


def test_keys_and_records_come_from_folders(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused):
        read_keys(tmp_path)
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(key_file_text(DeviceKey(f"dev-{name}", KEY)))
    assert [key.device for key in read_keys(tmp_path)] == ["dev-a", "dev-b"]
    records = read_records(ROOT / "demo/recordings")
    assert len(records) >= 8
    assert all(record.fs == round(record.fs) for record in records)
