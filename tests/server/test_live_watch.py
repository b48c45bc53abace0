"""The process of the monitors: a finding with the very packet, one that raises, one that dies, one that is behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import msgspec
import numpy as np
import pytest

import ecg
from device.coding import quantise
from device.simulate import GAIN_UV_PER_LSB
from ecg import synth
from server.analysis import backlog, line, live
from server.analysis.backlog import Backlog
from server.analysis.live import Case, LiveWatch
from server.analysis.work import Facts
from server.base.bus import LocalBus
from server.base.live import Samples, StreamHead
from server.config import Config
from tests.waiting import until

FS, COUNT = 500, 50
PROFILE = Config().analysis.profile
FACTS = Facts("M", 66, ("syncope",))


@cache
def tachycardia() -> tuple[tuple[str, ...], tuple[Samples, ...]]:
    """Leads and packets of 100 ms: sinus rhythm, then a ventricular tachycardia."""
    script = [synth.Segment("sinus", 4.0), synth.Segment("vt", 20.0, rate_bpm=180)]
    recording = synth.twelve_lead(np.random.default_rng(3), script).recording
    steps = quantise(recording.signal_uv, GAIN_UV_PER_LSB, 32_000.0).astype("<i2")
    leads = len(recording.leads)
    cut = range(0, len(steps) - COUNT + 1, COUNT)
    return recording.leads, tuple(
        Samples(at, leads, FS, GAIN_UV_PER_LSB, steps[at : at + COUNT].tobytes()) for at in cut
    )


@dataclass
class Watched:
    """A watch without a hub: what it was told, and packets by hand."""

    bus: LocalBus[Samples]
    watch: LiveWatch
    found: dict[str, list[int]] = field(default_factory=dict)  # first samples of the findings, by recording
    now_s: float | None = None

    def begin(self, recording: str, *, leads: tuple[str, ...] | None = None, fs: float = FS) -> None:
        self.watch.begin(recording, StreamHead(fs, leads or tachycardia()[0]))

    def publish(self, recording: str, packets: tuple[Samples, ...] | None = None) -> None:
        for packet in packets or tachycardia()[1]:
            self.bus.publish(f"stream:{recording}", packet)


@asynccontextmanager
async def watching(watched_max: int = 8) -> AsyncIterator[Watched]:
    """Recordings whose name begins with `urgent` are emergencies. Each test ends its own process."""
    bus: LocalBus[Samples] = LocalBus()
    loop = asyncio.get_running_loop()

    async def case(recording: str) -> Case:
        return Case(FACTS, urgent=recording.startswith("urgent"))

    async def found(recording: str, findings: bytes) -> None:
        places = [finding["first"] for finding in msgspec.json.decode(findings)]
        watched.found.setdefault(recording, []).extend(places)

    def monotonic() -> float:
        return loop.time() if watched.now_s is None else watched.now_s

    watched = Watched(bus, LiveWatch(bus, PROFILE, watched_max, monotonic, case, found))
    try:
        yield watched
    finally:
        await watched.watch.stop()


def told_by_the_library() -> tuple[int, ...]:
    """Packet numbers with which the library's own monitor says that something is critical."""
    leads, packets = tachycardia()
    monitor = ecg.Monitor(FS, leads, profile=PROFILE, meta=ecg.Meta(sex="M", age_years=66, symptoms=("syncope",)))
    told = []
    for number, packet in enumerate(packets):
        signal_uv = np.frombuffer(packet.raw, "<i2").reshape(-1, len(leads)).astype(np.float32) * GAIN_UV_PER_LSB
        events = monitor.feed(signal_uv.astype(np.float32))
        if any(e.finding is not None and e.finding.grade == "critical" and e.kind == "finding" for e in events):
            told.append(number)
    return tuple(told)


async def test_a_finding_comes_with_the_packet_that_makes_the_monitor_fire() -> None:
    deciding = told_by_the_library()[0]
    async with watching() as watched:
        watched.begin("rec")
        watched.begin("other")
        await until(lambda: watched.watch.watched == 2, 30)
        watched.publish("rec", tachycardia()[1][:deciding])
        watched.publish("other", tachycardia()[1][: deciding + 1])
        await until(lambda: "other" in watched.found, 60)
        assert "rec" not in watched.found, "told before its packet"
        watched.publish("rec", tachycardia()[1][deciding : deciding + 1])
        await until(lambda: "rec" in watched.found, 30)


async def test_a_killed_process_is_begun_anew_and_its_monitors_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "BACK_OFF_S", 0.05)
    packets = tachycardia()[1]
    async with watching() as watched:
        watched.begin("rec")
        watched.publish("rec", packets[:20])
        await until(lambda: watched.watch.line.ready, 60)
        assert watched.watch.line.pid is not None
        os.kill(watched.watch.line.pid, signal.SIGKILL)
        await until(lambda: not watched.watch.line.ready, 30)
        await until(lambda: watched.watch.line.ready, 60)
        assert watched.watch.line.restarts == 1
        watched.publish("rec", packets[30:])
        await until(lambda: "rec" in watched.found, 60)
        # Places are samples of the recording, though this monitor began in the midst of it.
        assert all(first >= 30 * COUNT for first in watched.found["rec"])


async def test_a_monitor_that_raises_is_given_up_alone() -> None:
    async with watching() as watched:
        watched.begin("bad", fs=-1.0)
        watched.begin("good")
        await until(lambda: watched.watch.watched == 2, 30)
        watched.publish("bad")
        await until(lambda: watched.watch.unwatched == 1, 60)
        watched.publish("bad")
        watched.publish("good")
        await until(lambda: "good" in watched.found, 60)
        assert watched.watch.line.restarts == 0
        assert watched.watch.watched == 1


async def test_a_stream_that_ends_leaves_nothing_behind_and_its_last_packets_are_looked_at() -> None:
    deciding = told_by_the_library()[0]
    async with watching() as watched:
        watched.begin("rec")
        await until(lambda: watched.watch.watched, 30)
        watched.publish("rec", tachycardia()[1][: deciding + 1])
        watched.bus.end("stream:rec")
        await until(lambda: "rec" in watched.found and not watched.watch.watched, 60)
        assert not watched.bus.has_listeners("stream:rec")


async def test_a_stream_that_ended_before_the_process_was_there_is_looked_at_all_the_same() -> None:
    packets = tachycardia()[1][: told_by_the_library()[0] + 1]
    halves = [packets[at : at + 5] for at in range(0, len(packets), 5)]  # of 500 ms: all fit into one batch
    together = tuple(replace(half[0], raw=b"".join(packet.raw for packet in half)) for half in halves)
    async with watching() as watched:
        watched.begin("rec")
        await until(lambda: watched.watch.watched == 1, 30)
        assert not watched.watch.line.ready
        watched.publish("rec", together)
        watched.bus.end("stream:rec")
        await until(lambda: "rec" in watched.found, 60)


async def test_an_emergency_takes_the_place_of_another_and_who_waits_has_his_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.05)
    async with watching(watched_max=1) as watched:
        for name in ("first", "second", "urgent"):
            watched.begin(name)
        await until(lambda: watched.watch.unwatched == 2, 30)
        watched.publish("urgent")
        watched.publish("first")
        await until(lambda: "urgent" in watched.found, 60)
        assert list(watched.found) == ["urgent"]
        watched.bus.end("stream:urgent")
        await until(lambda: watched.watch.watched == 0, 30)
        watched.publish("second")  # a sign of life
        await until(lambda: watched.watch.watched == 1, 30)
        watched.publish("second")
        await until(lambda: "second" in watched.found, 60)


async def test_who_sends_nothing_gives_his_place_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.05)
    async with watching(watched_max=1) as watched:
        watched.now_s = 0.0
        watched.begin("silent")
        await until(lambda: watched.watch.watched, 30)
        watched.begin("other")
        await until(lambda: watched.watch.unwatched, 30)
        watched.now_s = live.IDLE_S + 1
        watched.publish("other", tachycardia()[1][:1])
        await until(lambda: not watched.watch.unwatched, 30)
        assert watched.watch.watched == 1
        watched.publish("other")
        await until(lambda: "other" in watched.found, 60)


@pytest.fixture
def frozen() -> Iterator[list[int]]:
    """Processes that a test has stopped: they go on, so that nothing is left behind."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue


async def test_a_process_that_is_behind_watches_fewer_and_keeps_the_urgent(
    monkeypatch: pytest.MonkeyPatch, frozen: list[int]
) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.02)
    monkeypatch.setattr(line, "SILENT_S", 1e6)
    monkeypatch.setattr(live, "IDLE_S", 1e6)
    async with watching() as watched:
        watched.now_s = 0.0
        names = ["urgent", *(f"rec {n}" for n in range(7))]
        for name in names:
            watched.begin(name)
        await until(lambda: watched.watch.watched == len(names) and watched.watch.line.ready, 60)
        assert watched.watch.line.pid is not None
        frozen.append(watched.watch.line.pid)
        os.kill(watched.watch.line.pid, signal.SIGSTOP)
        for name in names:
            watched.publish(name, tachycardia()[1][:40])

        def time_passes() -> bool:
            assert watched.now_s is not None
            watched.now_s += live.SHED_S / 2
            return watched.watch.watched == 1

        await until(time_passes, 30)
        assert watched.watch.dropped > 0
        os.kill(watched.watch.line.pid, signal.SIGCONT)
        watched.publish("urgent", tachycardia()[1][40:])
        await until(lambda: "urgent" in watched.found, 60)


async def test_a_process_that_is_stuck_is_ended(monkeypatch: pytest.MonkeyPatch, frozen: list[int]) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.05)
    monkeypatch.setattr(line, "BACK_OFF_S", 0.05)
    async with watching() as watched:
        watched.now_s = 0.0
        watched.begin("rec")
        await until(lambda: watched.watch.line.ready, 60)
        assert watched.watch.line.pid is not None
        frozen.append(watched.watch.line.pid)
        os.kill(watched.watch.line.pid, signal.SIGSTOP)
        packets = iter(tachycardia()[1])

        def in_hand() -> bool:
            watched.publish("rec", (next(packets),))
            return not watched.watch.line.free

        await until(in_hand, 30)
        watched.now_s = line.SILENT_S + 1
        await until(lambda: watched.watch.line.restarts == 1, 60)
        await until(lambda: watched.watch.line.ready, 60)


def test_what_waits_is_bounded_and_urgent_ones_go_first() -> None:
    packet = tachycardia()[1][0]
    size = len(packet.raw) + backlog.PACKET_BYTES
    waiting = Backlog(bytes_max=10 * size)
    waiting.put(1, packet, 0.0, urgent=True)
    for key in (2, 3):
        for at in range(4):
            waiting.put(key, packet, float(at), urgent=False)
    waiting.put(4, packet, 9.0, urgent=False)
    assert (waiting.bytes, waiting.dropped, waiting.oldest) == (10 * size, 0, 0.0)
    waiting.put(4, packet, 10.0, urgent=False)  # no room: the whole of the oldest that is not urgent goes
    assert (waiting.bytes, waiting.dropped) == (7 * size, 1)
    assert [p.key for p in waiting.take()] == [1, 3, 3, 3, 3, 4, 4]
    assert (waiting.bytes, waiting.oldest, bool(waiting)) == (0, None, False)


def test_a_batch_is_small() -> None:
    packet = tachycardia()[1][0]
    waiting = Backlog()
    for _ in range(3 * backlog.BATCH_PACKETS):
        waiting.put(1, packet, 0.0, urgent=False)
    assert [len(waiting.take()) for _ in range(4)] == [backlog.BATCH_PACKETS] * 3 + [0]
